//! Which representation answers: the first acceptable one that `Accept` lists.

use super::Error;

/// A representation that can be produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// An array of objects.
    Json,
    /// One object; an answer of any other number of rows is 406.
    SingularObject,
}

impl Media {
    /// Chooses from an `Accept` header.
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] when it lists nothing that can be produced.
    pub(super) fn negotiate(accept: Option<&str>) -> Result<Self, Error> {
        let Some(accept) = accept else { return Ok(Media::Json) };
        let listed = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
        for range in listed.clone() {
            match range.to_ascii_lowercase().as_str() {
                "application/json"
                | "application/*"
                | "*/*"
                | "application/vnd.pgrst.array+json"
                | "application/vnd.pgrst.array" => return Ok(Media::Json),
                "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
                    return Ok(Media::SingularObject);
                }
                _ => {}
            }
        }
        // An Accept that speaks of errors only says how to word them; the answer itself is the default.
        if listed.clone().all(|range| range.eq_ignore_ascii_case("application/problem+json")) {
            return Ok(Media::Json);
        }
        Err(Error::NotAcceptable { asked: accept.chars().take(200).collect() })
    }

    /// The `Content-Type` of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json; charset=utf-8",
            Media::SingularObject => "application/vnd.pgrst.object+json; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_acceptable_type_wins() {
        assert_eq!(Media::negotiate(None).unwrap(), Media::Json);
        assert_eq!(Media::negotiate(Some("text/html, */*;q=0.1")).unwrap(), Media::Json);
        let object = "application/vnd.pgrst.object+json, application/json";
        assert_eq!(Media::negotiate(Some(object)).unwrap(), Media::SingularObject);
        assert!(Media::negotiate(Some("text/html")).is_err());
    }
}

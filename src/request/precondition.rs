//! `If-Match` and `If-None-Match` (RFC 9110, 13.1): on `/{relation}/{key}` alone.
//!
//! A tag of ours is two hashes, `"{version}-{representation}"`: of what the role may read of the row, made by Postgres, and
//! of the body that is answered. A read compares the whole of it; a write only the first part, which Postgres can look at
//! in the statement that writes, whatever the `select` was that the tag came with.

use super::Error;

/// What must hold for the request to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// `If-Match: *`: there is such a row.
    Exists,
    /// `If-Match`: it has one of these tags.
    Matches(Vec<String>),
    /// `If-None-Match: *`: there is no such row.
    IsNew,
    /// `If-None-Match`: it has none of these tags.
    Differs(Vec<String>),
}

impl Precondition {
    /// Parses the two headers. With both, `If-Match` is what counts of a write and `If-None-Match` of a read; no client
    /// sends both, so that is refused.
    ///
    /// # Errors
    /// [`Error::Query`], naming the header; [`Error::NotImplemented`] for both at once.
    pub(super) fn parse(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<Option<Self>, Error> {
        match (if_match, if_none_match) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::NotImplemented { what: "If-Match and If-None-Match together" }),
            (Some(header), None) => Ok(Some(match tags("If-Match", header)? {
                None => Precondition::Exists,
                // A weak tag equals none in this comparison (RFC 9110, 8.8.3.2).
                Some(tags) => Precondition::Matches(
                    tags.into_iter().filter(|tag| !tag.is_weak).map(|tag| tag.opaque).collect(),
                ),
            })),
            (None, Some(header)) => Ok(Some(match tags("If-None-Match", header)? {
                None => Precondition::IsNew,
                Some(tags) => Precondition::Differs(tags.into_iter().map(|tag| tag.opaque).collect()),
            })),
        }
    }
}

struct Tag {
    opaque: String,
    is_weak: bool,
}

/// `"a", W/"b"`; None for `*`.
fn tags(name: &str, header: &str) -> Result<Option<Vec<Tag>>, Error> {
    if header.trim() == "*" {
        return Ok(None);
    }
    let mut tags = Vec::new();
    let mut rest = header;
    let malformed = |rest: &str| Error::Query {
        parameter: name.to_owned(),
        expected: "* or a list of entity tags in quotes",
        position: header.len() - rest.len() + 1,
        found: rest.chars().take(1).collect(),
    };
    loop {
        rest = rest.trim_start();
        let is_weak = rest.starts_with("W/");
        let quoted = rest.strip_prefix("W/").unwrap_or(rest);
        let (opaque, after) =
            quoted.strip_prefix('"').and_then(|text| text.split_once('"')).ok_or_else(|| malformed(rest))?;
        tags.push(Tag { opaque: opaque.to_owned(), is_weak });
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(Some(tags));
        }
        rest = rest.strip_prefix(',').ok_or_else(|| malformed(rest))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_quoted_and_listed() {
        let of = |header| Precondition::parse(Some(header), None);
        assert_eq!(of(" * ").unwrap(), Some(Precondition::Exists));
        let listed = of(r#""a-b" , W/"c","d,e""#).unwrap();
        assert_eq!(listed, Some(Precondition::Matches(vec!["a-b".into(), "d,e".into()])));
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "\"a\",", "*, \"a\""] {
            assert!(matches!(of(bad), Err(Error::Query { .. })), "{bad}");
        }
        let none = Precondition::parse(None, Some(r#"W/"c""#)).unwrap();
        assert_eq!(none, Some(Precondition::Differs(vec!["c".into()])));
    }
}

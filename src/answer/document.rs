//! The OpenAPI document as an answer: which one, in which media type, and whether the client has it already.

use uuid::Uuid;

use super::{Body, Reply};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::Error;
use crate::openapi::{self, MEDIA_TYPE};
use crate::plan;
use crate::request::{self, Method, RawRequest};

/// Answers a request for the document. `selector` is the tenant that its path names.
///
/// # Errors
/// Another method than GET, HEAD and OPTIONS, a schema that is not exposed, or a media type that it does not come in.
pub fn document(
    raw: &RawRequest,
    catalog: &Catalog,
    config: &Config,
    selector: Option<Uuid>,
) -> Result<Reply, Error> {
    const ALLOWED: &str = "OPTIONS, GET, HEAD";
    match raw.method {
        Method::Get | Method::Head => {}
        Method::Options => {
            return Ok(Reply {
                status: 200,
                headers: vec![("allow", ALLOWED.to_owned())],
                told: Vec::new(),
                body: Body::Empty,
            });
        }
        method => return Err(request::Error::Method { method, allowed: ALLOWED }.into()),
    }
    let document =
        openapi::document(catalog, config, raw.profile.as_deref()).ok_or(plan::Error::UnknownProfile)?;
    let media_type = media_type(raw.accept.as_deref())?;
    let mut headers = vec![
        ("etag", document.etag.clone()),
        // It changes with the schema, and is for those with a token.
        ("cache-control", "private, no-cache".to_owned()),
        ("vary", "Accept, Accept-Profile, Authorization".to_owned()),
    ];
    if raw.if_none_match.as_deref().is_some_and(|tags| matches(tags, &document.etag)) {
        return Ok(Reply { status: 304, headers, told: Vec::new(), body: Body::None });
    }
    headers.push(("content-type", media_type.to_owned()));
    let body = match raw.method {
        Method::Head => Body::None,
        _ => Body::Full(document.text(selector)),
    };
    Ok(Reply { status: 200, headers, told: Vec::new(), body })
}

/// The first acceptable type that `Accept` lists.
fn media_type(accept: Option<&str>) -> Result<&'static str, Error> {
    let Some(accept) = accept else { return Ok(MEDIA_TYPE) };
    let mut listed = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    listed
        .find_map(|range| match range.to_ascii_lowercase().as_str() {
            MEDIA_TYPE | "application/*" | "*/*" | "application/problem+json" => Some(MEDIA_TYPE),
            "application/json" => Some("application/json; charset=utf-8"),
            _ => None,
        })
        .ok_or_else(|| request::Error::NotAcceptable { asked: accept.chars().take(200).collect() }.into())
}

/// Whether `If-None-Match` has the tag, compared weakly (RFC 9110 13.1.2).
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_type_that_it_comes_in_wins() {
        assert_eq!(media_type(None).unwrap(), MEDIA_TYPE);
        assert_eq!(media_type(Some("text/html, */*;q=0.8")).unwrap(), MEDIA_TYPE);
        assert!(media_type(Some("application/json, */*")).unwrap().starts_with("application/json"));
        assert!(media_type(Some("text/csv")).is_err());
    }

    #[test]
    fn a_tag_is_found_in_a_list_and_where_it_is_weak() {
        assert!(matches("\"a\", W/\"b\"", "\"b\""));
        assert!(matches("*", "\"b\""));
        assert!(!matches("\"a\"", "\"b\""));
    }
}

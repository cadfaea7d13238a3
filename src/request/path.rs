//! The path: `/{tenant}/{relation}/{key}`, where the tenant selector and the key may be absent; `/{tenant}/rpc/{function}`.

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::Error;
use crate::identity;

/// Where a request goes, below the tenant selector.
#[derive(Debug, PartialEq)]
pub struct Path {
    /// Of a call: the name of the function.
    pub relation: String,
    /// The values of the key's columns, the tenant column left out: `/items/{id}`, `/parts/{order},{line}`.
    pub key: Option<Vec<String>>,
    /// A function is called.
    pub call: Option<PathCall>,
}

/// What the path of a call says beside the function's name: nothing, or what a route found in it.
#[derive(Debug, Default, PartialEq)]
pub struct PathCall {
    /// The schema of the function, where a route leads to it.
    pub schema: Option<String>,
    /// What the path gives to arguments.
    pub pairs: Vec<(String, String)>,
    /// The path, where any word in it would have led here: it may have been meant for a relation's name.
    pub catch_all: Option<String>,
}

/// The decoded segments of a path, for routes: None where it has none, or one is no text.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|segment| decode(segment).ok()).collect()
}

/// Splits a leading tenant selector off: a first segment that is a UUID in its canonical form.
///
/// Only chooses among what the token proves (`identity::select`); the rest of the path is parsed by [`super::parse`].
pub fn split_tenant(path: &str) -> (Option<Uuid>, &str) {
    let below = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = match below.find('/') {
        Some(slash) => below.split_at(slash),
        None => (below, ""),
    };
    match identity::tenant_id(first) {
        Some(tenant) => (Some(tenant), rest),
        None => (None, path),
    }
}

/// Whether what [`split_tenant`] left of a path is that of the OpenAPI document: `/openapi.json`, or nothing.
pub fn names_document(path: &str) -> bool {
    matches!(path, "" | "/" | "/openapi.json")
}

impl Path {
    /// Parses what follows the selector; a trailing slash is tolerated.
    ///
    /// # Errors
    /// [`Error::Root`] where nothing follows, [`Error::Path`], [`Error::Encoding`].
    pub fn parse(path: &str) -> Result<Self, Error> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        let relation = decode(segments.next().unwrap_or_default())?;
        if relation.is_empty() {
            return Err(if path.is_empty() { Error::Root } else { Error::Path });
        }
        let below = segments.next();
        if below == Some("") || segments.next().is_some() {
            return Err(Error::Path);
        }
        if let (Some(function), "rpc") = (below, relation.as_str()) {
            return Ok(Path { relation: decode(function)?, key: None, call: Some(PathCall::default()) });
        }
        // Split before decoding: a comma within a value is sent as %2C.
        let key = below.map(|key| key.split(',').map(decode).collect::<Result<_, _>>()).transpose()?;
        Ok(Path { relation, key, call: None })
    }
}

fn decode(segment: &str) -> Result<String, Error> {
    match percent_decode_str(segment).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(Error::Encoding { part: "path" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(relation: &str, key: Option<&[&str]>) -> Path {
        let key = key.map(|of| of.iter().map(|&value| value.into()).collect());
        Path { relation: relation.into(), key, call: None }
    }

    #[test]
    fn a_leading_uuid_selects_the_tenant() {
        let tenant = "7a245486-3fc8-47ec-b303-04fefe7a58ff";
        let (selected, rest) = split_tenant("/7a245486-3fc8-47ec-b303-04fefe7a58ff/items/1");
        assert_eq!((selected.map(|t| t.to_string()).as_deref(), rest), (Some(tenant), "/items/1"));
        assert_eq!(split_tenant("/items/7a245486-3fc8-47ec-b303-04fefe7a58ff").0, None);
        assert_eq!(split_tenant("/7a2454863fc847ecb30304fefe7a58ff/items").0, None);
    }

    #[test]
    fn relation_and_key_are_decoded_and_a_trailing_slash_is_tolerated() {
        assert_eq!(Path::parse("/items/").unwrap(), path("items", None));
        assert_eq!(Path::parse("/it%20ems").unwrap(), path("it ems", None));
        assert_eq!(Path::parse("/items/a%2Fb%2C,c").unwrap(), path("items", Some(&["a/b,", "c"])));
    }

    #[test]
    fn below_rpc_stands_a_function() {
        let call = Path { relation: "f,g".into(), key: None, call: Some(PathCall::default()) };
        assert_eq!(Path::parse("/rpc/f,g/"), Ok(call));
        assert_eq!(Path::parse("/rpc"), Ok(path("rpc", None)));
        assert_eq!(Path::parse("/rpc/f/x"), Err(Error::Path));
        assert_eq!(segments("/go/a%2Fb/"), Some(vec!["go".to_owned(), "a/b".to_owned()]));
        assert_eq!(segments("/%ff"), None);
    }

    #[test]
    fn other_depths_and_bad_encodings_are_refused() {
        assert_eq!(Path::parse("/"), Err(Error::Root));
        assert_eq!(Path::parse("/a/b/c"), Err(Error::Path));
        assert_eq!(Path::parse("//a"), Err(Error::Path));
        assert_eq!(Path::parse("/%ff"), Err(Error::Encoding { part: "path" }));
        assert_eq!(Path::parse("/a%00"), Err(Error::Encoding { part: "path" }));
    }
}

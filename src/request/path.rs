//! The path: `/{tenant}/{relation}/{key}`, where the tenant selector and the key may be absent.

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::Error;
use crate::identity;

/// Where a request goes, below the tenant selector.
#[derive(Debug, PartialEq)]
pub struct Path {
    pub relation: String,
    /// The values of the key's columns, the tenant column left out: `/items/{id}`, `/parts/{order},{line}`.
    pub key: Option<Vec<String>>,
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

impl Path {
    /// Parses what follows the selector; a trailing slash is tolerated.
    pub(super) fn parse(path: &str) -> Result<Self, Error> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        let relation = decode(segments.next().unwrap_or_default())?;
        if relation.is_empty() {
            return Err(if path.is_empty() { Error::Root } else { Error::Path });
        }
        let key = match segments.next() {
            None => None,
            Some("") => return Err(Error::Path),
            // Split before decoding: a comma within a value is sent as %2C.
            Some(key) => Some(key.split(',').map(decode).collect::<Result<_, _>>()?),
        };
        if segments.next().is_some() {
            return Err(Error::Path);
        }
        Ok(Path { relation, key })
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
        Path { relation: relation.into(), key: key.map(|of| of.iter().map(|&value| value.into()).collect()) }
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
    fn other_depths_and_bad_encodings_are_refused() {
        assert_eq!(Path::parse("/"), Err(Error::Root));
        assert_eq!(Path::parse("/a/b/c"), Err(Error::Path));
        assert_eq!(Path::parse("//a"), Err(Error::Path));
        assert_eq!(Path::parse("/%ff"), Err(Error::Encoding { part: "path" }));
        assert_eq!(Path::parse("/a%00"), Err(Error::Encoding { part: "path" }));
    }
}

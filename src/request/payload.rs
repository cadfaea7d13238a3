//! The body of a write: which keys its objects have, and its bytes as they came.
//!
//! The values are not looked at: Postgres parses them once, with the types of the columns.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Error;

/// A body that is well-formed JSON of the right shape.
#[derive(Debug)]
pub struct Payload {
    /// The bytes as sent, which are UTF-8.
    pub json: Bytes,
    pub shape: Shape,
    /// The keys of the object, or of the first object of the array, sorted.
    pub keys: Vec<String>,
    /// Whether another object of the array has other keys.
    pub keys_differ: bool,
}

/// Whether the body is one object or an array of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Object,
    Array { rows: usize },
}

impl Payload {
    /// Reads the keys of a JSON body.
    ///
    /// # Errors
    /// [`Error::ContentType`], [`Error::Body`].
    pub(super) fn parse(content_type: Option<&str>, body: &Bytes) -> Result<Self, Error> {
        let content_type = content_type.unwrap_or("application/json");
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Error::ContentType { sent: essence.chars().take(100).collect() });
        }
        // Values are skipped below, and what is skipped is not checked for being text.
        let text = std::str::from_utf8(body).map_err(|error| Error::Body { why: error.to_string() })?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut keys = Keys { rows: None, names: None, differ: false };
        (&mut json)
            .deserialize_any(BodyVisitor(&mut keys))
            .and_then(|()| json.end())
            .map_err(|error| Error::Body { why: error.to_string() })?;
        let shape = match keys.rows {
            Some(rows) => Shape::Array { rows },
            None => Shape::Object,
        };
        Ok(Payload {
            json: body.clone(),
            shape,
            keys: keys.names.unwrap_or_default().into_iter().collect(),
            keys_differ: keys.differ,
        })
    }
}

/// What has been seen so far.
struct Keys {
    rows: Option<usize>,
    names: Option<BTreeSet<String>>,
    differ: bool,
}

struct BodyVisitor<'a>(&'a mut Keys);

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        object(self.0, map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut objects: A) -> Result<(), A::Error> {
        let mut rows = 0;
        while objects.next_element_seed(ObjectSeed(&mut *self.0))?.is_some() {
            rows += 1;
        }
        self.0.rows = Some(rows);
        Ok(())
    }
}

struct ObjectSeed<'a>(&'a mut Keys);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        object(self.0, map)
    }
}

fn object<'de, A: MapAccess<'de>>(keys: &mut Keys, mut map: A) -> Result<(), A::Error> {
    let mut names = BTreeSet::new();
    while let Some(name) = map.next_key::<String>()? {
        map.next_value::<IgnoredAny>()?;
        if !names.insert(name) {
            return Err(serde::de::Error::custom("a key stands twice in one object"));
        }
    }
    match &keys.names {
        None => keys.names = Some(names),
        Some(first) => keys.differ |= *first != names,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &'static str) -> Result<Payload, Error> {
        Payload::parse(Some("application/json; charset=utf-8"), &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn keys_are_read_and_values_are_not() {
        let payload = parse(r#" {"b":{"x":[1]},"a":null} "#).unwrap();
        assert_eq!((payload.shape, payload.keys), (Shape::Object, vec!["a".to_owned(), "b".to_owned()]));
        let payload = parse(r#"[{"a":1,"b":2},{"b":3,"a":4}]"#).unwrap();
        assert_eq!((payload.shape, payload.keys_differ), (Shape::Array { rows: 2 }, false));
        assert!(parse(r#"[{"a":1},{"b":1}]"#).unwrap().keys_differ);
        assert_eq!(parse("[]").unwrap().shape, Shape::Array { rows: 0 });
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for bad in
            ["", "{", "1", "\"x\"", "[1]", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "null", "[{\"a\":1},null]"]
        {
            assert!(matches!(parse(bad), Err(Error::Body { .. })), "{bad}");
        }
        assert!(Payload::parse(None, &Bytes::from_static(b"{\"a\":\"\xff\"}")).is_err());
    }

    #[test]
    fn other_content_types_are_not_read() {
        let sent = Payload::parse(Some("text/csv"), &Bytes::new());
        assert!(matches!(sent, Err(Error::ContentType { .. })));
    }
}

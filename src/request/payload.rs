//! The body of a write: which keys its objects have, and its bytes as they came.
//!
//! The values are not looked at: Postgres parses them once, with the types of the columns. CSV and forms become JSON whose
//! values are all texts, which Postgres reads as the columns' types read them.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Error;

/// A body that is well-formed JSON of the right shape, or was made into it.
#[derive(Debug)]
pub struct Payload {
    /// The bytes as sent where they are JSON, which is UTF-8.
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
    /// Reads the keys of a body: `application/json` (which no content type means, too), `text/csv` with a header, where
    /// the word `NULL` is null, or `application/x-www-form-urlencoded`, which is one object.
    ///
    /// # Errors
    /// [`Error::ContentType`], [`Error::Body`].
    pub(super) fn parse(content_type: Option<&str>, body: &Bytes) -> Result<Self, Error> {
        let content_type = content_type.unwrap_or("application/json");
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Self::json(body.clone(), JSON),
            "text/csv" => Self::json(csv(body)?, CSV),
            "application/x-www-form-urlencoded" => Self::json(form(body)?, FORM),
            _ => Err(Error::ContentType { sent: essence.chars().take(100).collect() }),
        }
    }

    fn json(body: Bytes, expected: &'static str) -> Result<Self, Error> {
        // Values are skipped below, and what is skipped is not checked for being text.
        let text = std::str::from_utf8(&body).map_err(|error| unlike(expected, error))?;
        let mut json = serde_json::Deserializer::from_str(text);
        let mut keys = Keys { rows: None, names: None, differ: false };
        (&mut json)
            .deserialize_any(BodyVisitor(&mut keys))
            .and_then(|()| json.end())
            .map_err(|error| unlike(expected, error))?;
        let shape = match keys.rows {
            Some(rows) => Shape::Array { rows },
            None => Shape::Object,
        };
        Ok(Payload {
            shape,
            keys: keys.names.unwrap_or_default().into_iter().collect(),
            keys_differ: keys.differ,
            json: body,
        })
    }
}

const JSON: &str = "a JSON object or an array of objects";
const CSV: &str = "CSV with a header";
const FORM: &str = "a URL-encoded form";

fn unlike(expected: &'static str, why: impl fmt::Display) -> Error {
    Error::Body { expected, why: why.to_string() }
}

/// CSV (RFC 4180) as an array of objects. That a field is quoted cannot be seen: `"NULL"` is null, too, as in PostgREST.
fn csv(body: &[u8]) -> Result<Bytes, Error> {
    let mut reader = csv::Reader::from_reader(body);
    let header = reader.headers().map_err(|error| unlike(CSV, error))?.clone();
    if header.is_empty() {
        return Err(unlike(CSV, "there is no header"));
    }
    let mut json = Vec::with_capacity(body.len() * 2);
    json.push(b'[');
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| unlike(CSV, error))?;
        let fields = record.iter().map(|field| (field != "NULL").then_some(field));
        if index > 0 {
            json.push(b',');
        }
        object_of_texts(&mut json, header.iter().zip(fields));
    }
    json.push(b']');
    Ok(json.into())
}

/// `a=1&b=x+y` as one object (URL Standard, 5.1).
fn form(body: &[u8]) -> Result<Bytes, Error> {
    let text = std::str::from_utf8(body).map_err(|error| unlike(FORM, error))?;
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(String::from).map_err(|error| unlike(FORM, error))
    };
    let mut members = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        members.push((decode(name)?, decode(value)?));
    }
    let mut json = Vec::with_capacity(body.len() * 2);
    object_of_texts(&mut json, members.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))));
    Ok(json.into())
}

fn object_of_texts<'a>(json: &mut Vec<u8>, members: impl Iterator<Item = (&'a str, Option<&'a str>)>) {
    json.push(b'{');
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
        json.push(b':');
        json.extend_from_slice(serde_json::Value::from(value).to_string().as_bytes());
    }
    json.push(b'}');
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

    fn text(content_type: &str, body: &'static str) -> Result<String, Error> {
        let payload = Payload::parse(Some(content_type), &Bytes::from_static(body.as_bytes()))?;
        Ok(String::from_utf8(payload.json.to_vec()).unwrap())
    }

    #[test]
    fn csv_is_an_array_of_objects() {
        let csv = |body| text("Text/CSV; charset=utf-8", body);
        let quoted = "id,a title\r\n1,\"x, \"\"y\"\"\"\n\n2,NULL\n3,";
        assert_eq!(
            csv(quoted).unwrap(),
            r#"[{"id":"1","a title":"x, \"y\""},{"id":"2","a title":null},{"id":"3","a title":""}]"#
        );
        assert_eq!(csv("id").unwrap(), "[]");
        for bad in ["", "id,id\n1,2", "id\n1,2", "a,b\n1"] {
            assert!(matches!(csv(bad), Err(Error::Body { expected: CSV, .. })), "{bad}");
        }
        let Err(Error::Body { why, .. }) = csv("a,b\n1,2\n3") else { panic!("three fields for two") };
        assert!(why.contains("line: 3"), "{why}");
    }

    #[test]
    fn a_form_is_one_object() {
        let form = |body| text("application/x-www-form-urlencoded", body);
        assert_eq!(form("a+b=1%2B1&c=&d").unwrap(), r#"{"a b":"1+1","c":"","d":""}"#);
        assert_eq!(form("").unwrap(), "{}");
        assert!(form("a=1&a=2").is_err());
        assert!(form("a=%ff").is_err());
    }

    #[test]
    fn other_content_types_are_not_read() {
        let sent = Payload::parse(Some("text/plain"), &Bytes::new());
        assert!(matches!(sent, Err(Error::ContentType { .. })));
    }
}

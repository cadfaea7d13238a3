//! JSON text -> `Object`, as strictly as RFC 8725bis asks for token parts.
//!
//! One object and nothing after it; no member name twice at any level, however it is spelled; no NUL,
//! which Postgres cannot store. Depth is bounded by serde_json (128). Text is borrowed from the input
//! where it has no escapes. Knows nothing of tokens.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value. Numbers are `f64`: exact below 2^53, which bounds every number read here.
pub(super) enum Json<'a> {
    Null,
    Bool,
    Number(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// A JSON object whose member names are distinct.
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Reads `text` as one object; `None` if it is anything else.
pub(super) fn object(text: &str) -> Option<Object<'_>> {
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

impl<'a> Object<'a> {
    /// The member called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        let member = self.0.iter().find(|(member, _)| member == name);
        member.map(|(_, value)| value)
    }

    /// The members in the order of the text.
    pub(super) fn members(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    fn has_repeated_name(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl<'a> Json<'a> {
    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Null | Json::Bool | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// The strings of an array that holds nothing else.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        self.array()?.iter().map(Json::text).collect()
    }

    /// The elements of an array.
    pub(super) fn array(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::Array(values) => Some(values),
            Json::Null | Json::Bool | Json::Number(_) | Json::Text(_) | Json::Object(_) => None,
        }
    }

    /// The object.
    pub(super) fn object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            Json::Null | Json::Bool | Json::Number(_) | Json::Text(_) | Json::Array(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl JsonVisitor {
    fn text<E: Error>(text: Cow<'_, str>) -> Result<Json<'_>, E> {
        if text.as_bytes().contains(&0) {
            return Err(E::custom("NUL in a string"));
        }
        Ok(Json::Text(text))
    }
}

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Json::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Self::text(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Self::text(Cow::Owned(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Json<'de>>()? {
            let Json::Text(name) = name else {
                return Err(A::Error::custom("a member name that is not a string"));
            };
            members.push((name, map.next_value()?));
        }
        let object = Object(members);
        if object.has_repeated_name() {
            return Err(A::Error::custom("a member name twice"));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_read_and_anything_else_is_not() {
        let read = object(" {\"a\":[1,null,true,-2.5],\"b\":{\"a\":\"x\"}}\n").expect("an object");
        assert_eq!(read.members().len(), 2);
        for text in ["", "null", "1", "\"{}\"", "[]", "[{}]", "{} {}", "{}x", "{\"a\":1,}", "{'a':1}"] {
            assert!(object(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_finite() {
        assert!(object("{\"a\":1e308}").is_some());
        for text in ["{\"a\":1e309}", "{\"a\":-1e400}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":01}"] {
            assert!(object(text).is_none(), "{text}");
        }
    }

    #[test]
    fn strings_are_whole_unicode_without_nul() {
        assert!(object("{\"a\":\"\\u0001\\ud83d\\ude00\"}").is_some());
        for text in ["{\"a\":\"\\u0000\"}", "{\"\\u0000\":1}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\u{1}\"}"] {
            assert!(object(text).is_none(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(&nested(100)).is_some());
        assert!(object(&nested(2000)).is_none());
    }
}

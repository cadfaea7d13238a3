//! What functions say of the answer: `response.status`, and `response.headers`, a list of objects of one member each.
//!
//! PostgREST's settings: <https://docs.postgrest.org/en/stable/references/transactions.html#response-headers>.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// What was said, checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
}

/// What is wrong with what a function said: a fault of its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TellFault {
    /// Not a list of objects of one text each.
    Headers,
    /// A header that no function can give: its name.
    Header(String),
    /// No number from 200 to 599.
    Status,
}

/// Reads the two settings; None and the empty text say nothing.
///
/// # Errors
/// [`TellFault`].
pub fn read_told(status: Option<&str>, headers: Option<&str>) -> Result<Told, TellFault> {
    let status = match status.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(told_status(text.trim()).ok_or(TellFault::Status)?),
    };
    let headers = match headers.filter(|text| !text.is_empty()) {
        None => Vec::new(),
        Some(text) => serde_json::from_str::<Vec<Header>>(text)
            .map_err(|_| TellFault::Headers)?
            .into_iter()
            .map(|Header(name, value)| match is_header(&name, &value) {
                true => Ok((name, value)),
                false => Err(TellFault::Header(name)),
            })
            .collect::<Result<_, _>>()?,
    };
    Ok(Told { status, headers })
}

/// A status that can end a request: 1xx would not.
pub fn told_status(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|status| digits && (200..=599).contains(status))
}

/// How the connection is used is the service's to say (RFC 9110 7.6.1), and how long the body is.
const KEPT: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether name and value can stand in an answer (RFC 9110 5.1 and 5.5) and are a function's to say.
pub fn is_header(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(token);
    let is_value = value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    is_name && is_value && !KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept))
}

/// `{"name": "value"}`.
struct Header(String, String);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneMember;

        impl<'de> Visitor<'de> for OneMember {
            type Value = Header;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of one text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (name, value) = map.next_entry()?.ok_or_else(|| A::Error::custom("no member"))?;
                match map.next_key::<String>()? {
                    None => Ok(Header(name, value)),
                    Some(_) => Err(A::Error::custom("a second member")),
                }
            }
        }

        deserializer.deserialize_map(OneMember)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_nothing() {
        assert_eq!(read_told(None, None), Ok(Told::default()));
        assert_eq!(read_told(Some(""), Some("")), Ok(Told::default()));
        assert_eq!(read_told(None, Some("[]")), Ok(Told::default()));
    }

    #[test]
    fn a_status_is_a_number_that_ends_a_request() {
        assert_eq!(read_told(Some("307"), None).unwrap().status, Some(307));
        for bad in ["99", "100", "600", "2e2", "+200", "0200", "abc", "-1"] {
            assert_eq!(read_told(Some(bad), None), Err(TellFault::Status), "{bad}");
        }
    }

    #[test]
    fn headers_are_objects_of_one_text() {
        let told = read_told(None, Some(r#"[{"Set-Cookie":"a=1"},{"Set-Cookie":"b=\u00e9"}]"#)).unwrap();
        assert_eq!(told.headers.len(), 2);
        for bad in ["{}", "[{}]", r#"[{"a":1}]"#, r#"[{"a":"1","b":"2"}]"#, "[1]", "x", r#"{"a":"1"}"#] {
            assert_eq!(read_told(None, Some(bad)), Err(TellFault::Headers), "{bad}");
        }
    }

    #[test]
    fn no_header_breaks_the_answer() {
        for (name, value) in [
            ("a b", "x"),
            ("", "x"),
            ("a", "x\r\nSet-Cookie: y"),
            ("a", "x\0"),
            ("a\r\nb", "x"),
            ("Content-Length", "5"),
            ("transfer-encoding", "chunked"),
            ("Connection", "close"),
        ] {
            assert!(!is_header(name, value), "{name}: {value:?}");
        }
        assert!(is_header("Location", "https://example.org/\u{e9}"));
        assert!(is_header("X-Empty", ""));
    }
}

//! The call of a function: `/rpc/{fn}`, its arguments from the query, the body and the path.

use bytes::Bytes;

use super::payload::Payload;
use super::{Error, Method, RawRequest, query_string};

/// A call.
#[derive(Debug)]
pub struct Call {
    /// What each argument is given as text: by the path, the query or a form. A name may stand several times.
    pub pairs: Vec<(String, String)>,
    /// Which of them the path has given: no other value counts for these.
    pub path_names: Vec<String>,
    pub body: CallBody,
    /// GET or HEAD: the call may not write.
    pub only_reads: bool,
    pub head: bool,
}

/// What the body of a call is.
#[derive(Debug)]
pub enum CallBody {
    /// None, or a form, whose fields are pairs.
    Empty,
    /// A JSON object: each key is an argument, unless one argument takes it all.
    Object { json: Bytes, keys: Vec<String> },
    /// Anything else, for a function whose one argument takes it all.
    Whole { kind: WholeKind, bytes: Bytes },
}

/// What a body is that is taken whole, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeKind {
    Json,
    Text,
    Xml,
    Binary,
}

impl Call {
    /// Parses what `raw` and its `body` give to a function, beside what path and query have given.
    ///
    /// # Errors
    /// [`Error::CallMethod`], [`Error::ContentType`], [`Error::Body`].
    pub(super) fn parse(
        raw: &RawRequest,
        body: &Bytes,
        path: Vec<(String, String)>,
        query: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let (only_reads, head) = match raw.method {
            Method::Get => (true, false),
            Method::Head => (true, true),
            Method::Post => (false, false),
            Method::Patch | Method::Put | Method::Delete | Method::Options | Method::Other => {
                return Err(Error::CallMethod);
            }
        };
        let path_names = path.iter().map(|(name, _)| name.clone()).collect();
        let mut pairs = path;
        pairs.extend(query);
        let body = if only_reads || body.is_empty() {
            CallBody::Empty
        } else {
            self::body(raw.content_type.as_deref(), body, &mut pairs)?
        };
        Ok(Call { pairs, path_names, body, only_reads, head })
    }
}

fn body(
    content_type: Option<&str>,
    body: &Bytes,
    pairs: &mut Vec<(String, String)>,
) -> Result<CallBody, Error> {
    let content_type = content_type.unwrap_or("application/json");
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = || std::str::from_utf8(body).map_err(|error| unreadable("text in UTF-8", error));
    let whole = |kind| CallBody::Whole { kind, bytes: body.clone() };
    Ok(match essence.as_str() {
        "application/json" => {
            let text = text()?.trim_start_matches([' ', '\t', '\r', '\n']);
            if text.starts_with('{') {
                let payload = Payload::parse(Some("application/json"), body)?;
                CallBody::Object { json: payload.json, keys: payload.keys }
            } else {
                serde_json::from_str::<serde::de::IgnoredAny>(text)
                    .map_err(|error| unreadable("JSON", error))?;
                whole(WholeKind::Json)
            }
        }
        "application/x-www-form-urlencoded" => {
            pairs.extend(query_string::pairs(text()?)?);
            CallBody::Empty
        }
        "text/plain" => {
            text()?;
            whole(WholeKind::Text)
        }
        "text/xml" | "application/xml" => {
            text()?;
            whole(WholeKind::Xml)
        }
        "application/octet-stream" => whole(WholeKind::Binary),
        _ => return Err(Error::ContentType { sent: essence.chars().take(100).collect() }),
    })
}

fn unreadable(expected: &'static str, why: impl std::fmt::Display) -> Error {
    Error::Body { expected, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(content_type: Option<&str>, body: &'static [u8]) -> Result<Call, Error> {
        let raw = RawRequest {
            method: Method::Post,
            content_type: content_type.map(str::to_owned),
            ..RawRequest::default()
        };
        Call::parse(&raw, &Bytes::from_static(body), Vec::new(), Vec::new())
    }

    #[test]
    fn the_content_type_says_what_a_body_gives() {
        assert!(matches!(call(None, b"").unwrap().body, CallBody::Empty));
        let CallBody::Object { keys, .. } = call(None, b" {\"b\":[1],\"a\":null}").unwrap().body else {
            panic!()
        };
        assert_eq!(keys, ["a", "b"]);
        let kind = |content_type, body| match call(Some(content_type), body).unwrap().body {
            CallBody::Whole { kind, .. } => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind("application/json; charset=utf-8", b"[1]"), WholeKind::Json);
        assert_eq!(kind("Text/Plain", b"x"), WholeKind::Text);
        assert_eq!(kind("application/octet-stream", b"\xff"), WholeKind::Binary);
        let form = call(Some("application/x-www-form-urlencoded"), b"a=1+2&a=%26&b=").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form.pairs, [pair("a", "1 2"), pair("a", "&"), pair("b", "")]);
    }

    #[test]
    fn bodies_that_are_not_what_they_say_are_refused() {
        for body in [&b"{"[..], b"[1", b"{\"a\":1,\"a\":2}", b"x", b"\xff", b" "] {
            assert!(matches!(call(None, body), Err(Error::Body { .. })), "{body:?}");
        }
        assert!(matches!(call(Some("text/plain"), b"\xff"), Err(Error::Body { .. })));
        assert!(matches!(call(Some("text/csv"), b"a"), Err(Error::ContentType { .. })));
    }
}

//! The body of `POST /batch`: operations, each of them a request without its credentials.

use std::fmt;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Error, Media, Method, Preferences, RawRequest, names_token, segments, split_tenant};
use crate::config::Config;

/// What the request itself says, for all of its operations.
#[derive(Debug)]
pub struct Batch {
    pub preferences: Preferences,
    pub operations: Vec<Result<BatchItem, Error>>,
}

/// One operation: a request of its own, as it would have arrived alone.
#[derive(Debug)]
pub struct BatchItem {
    pub raw: RawRequest,
    pub body: Bytes,
}

/// Whether `path`, which stands below the tenant selector, is `/batch`.
pub fn is_batch(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    percent_decode_str(path).eq(b"batch".iter().copied())
}

/// Reads the operations of a batch. Each is judged for itself, so that the first that is wrong can be named.
///
/// # Errors
/// The request as a whole is wrong: its method, headers, query, or a body that is no list, or has more than `batch_max`.
pub fn batch(raw: &RawRequest, body: &Bytes, limits: &Config) -> Result<Batch, Error> {
    if raw.method != Method::Post {
        return Err(Error::Method { method: raw.method, allowed: "OPTIONS, POST" });
    }
    if raw.if_match.is_some() || raw.if_none_match.is_some() {
        return Err(Error::NotImplemented { what: "If-Match and If-None-Match of a batch" });
    }
    if Media::negotiate(raw.accept.as_deref(), limits)? != Media::Json {
        return Err(Error::NotAcceptable { asked: raw.accept.clone().unwrap_or_default() });
    }
    if !is_json(raw.content_type.as_deref()) {
        let sent = raw.content_type.as_deref().unwrap_or_default();
        return Err(Error::ContentType { sent: sent.chars().take(100).collect() });
    }
    if !raw.query.is_empty() {
        return Err(wrong("the batch itself has no query"));
    }
    let preferences = Preferences::parse(raw.prefer.as_deref(), limits)?;
    let text = std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if elements.len() > limits.batch_max {
        return Err(Error::TooMany {
            what: "operations in a batch",
            setting: "batch_max",
            limit: limits.batch_max as u64,
        });
    }
    let operations = elements.into_iter().map(|element| item(raw, body, element, limits)).collect();
    Ok(Batch { preferences, operations })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent<'a> {
    method: String,
    path: String,
    #[serde(default)]
    headers: Headers,
    /// The bytes as sent: numbers keep their digits.
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

fn item(outer: &RawRequest, whole: &Bytes, element: &RawValue, limits: &Config) -> Result<BatchItem, Error> {
    let sent: Sent<'_> = serde_json::from_str(element.get()).map_err(|error| wrong(error.to_string()))?;
    let method = match sent.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Err(wrong("method is one of GET, HEAD, POST, PATCH, PUT and DELETE")),
    };
    if sent.path.len() as u64 > limits.url_bytes_max {
        return Err(Error::TooMany {
            what: "bytes of path",
            setting: "url_bytes_max",
            limit: limits.url_bytes_max,
        });
    }
    let (path, query) = sent.path.split_once('?').unwrap_or((&sent.path, ""));
    if !path.starts_with('/') {
        return Err(wrong("path begins with a slash"));
    }
    if split_tenant(path).0.is_some() {
        return Err(wrong("path names a tenant: the tenant is that of the batch"));
    }
    let is_own = |name: &str| matches!(name, "" | "batch" | "openapi.json" | "docs");
    if segments(path).is_some_and(|names| matches!(names.as_slice(), [name] if is_own(name))) {
        return Err(wrong("path is that of a relation, a row or a function"));
    }
    if names_token(query) {
        return Err(wrong("path has a token: the token is that of the batch"));
    }
    let mut raw =
        RawRequest { method, path: path.to_owned(), query: query.to_owned(), ..RawRequest::default() };
    let reads = matches!(method, Method::Get | Method::Head);
    for (name, value) in sent.headers.0 {
        let place = match name.to_ascii_lowercase().as_str() {
            "prefer" => &mut raw.prefer,
            "accept" => &mut raw.accept,
            "range" => &mut raw.range,
            "content-type" => &mut raw.content_type,
            "if-match" => &mut raw.if_match,
            "if-none-match" => &mut raw.if_none_match,
            "accept-profile" if reads => &mut raw.profile,
            "content-profile" if !reads => &mut raw.profile,
            // What would not be read when it is sent alone.
            "accept-profile" | "content-profile" => continue,
            _ => {
                let name: String = name.chars().take(80).collect();
                return Err(wrong(format!("an operation cannot have the header {name}")));
            }
        };
        // Several of one name are one list (RFC 9110, 5.3).
        match place {
            Some(before) => {
                before.push(',');
                before.push_str(&value);
            }
            None => *place = Some(value),
        }
    }
    if raw.profile.is_none() {
        raw.profile.clone_from(&outer.profile);
    }
    let body = match sent.body {
        None => Bytes::new(),
        Some(json) if is_json(raw.content_type.as_deref()) => whole.slice_ref(json.get().as_bytes()),
        Some(json) => {
            let text: String = serde_json::from_str(json.get())
                .map_err(|_| wrong("a body that its Content-Type does not call JSON is a JSON string"))?;
            text.into()
        }
    };
    if matches!(method, Method::Get | Method::Head | Method::Delete) && !body.is_empty() {
        return Err(wrong("GET, HEAD and DELETE have no body"));
    }
    Ok(BatchItem { raw, body })
}

fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type.map(|sent| sent.split(';').next().unwrap_or_default().trim());
    essence.is_none_or(|essence| essence.eq_ignore_ascii_case("application/json"))
}

fn wrong(why: impl Into<String>) -> Error {
    Error::Body { expected: "a batch: an array of operations", why: why.into() }
}

/// Headers in their order, also those that are sent twice.
#[derive(Default)]
struct Headers(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Headers(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Batch, Error> {
        let raw =
            RawRequest { method: Method::Post, profile: Some("api".to_owned()), ..RawRequest::default() };
        batch(&raw, &Bytes::from(body.to_owned()), &Config::default())
    }

    fn one(operation: &str) -> Result<BatchItem, Error> {
        read(&format!("[{operation}]")).unwrap().operations.remove(0)
    }

    #[test]
    fn the_path_of_a_batch_is_exactly_that() {
        for path in ["/batch", "/batch/", "/b%61tch"] {
            assert!(is_batch(path), "{path}");
        }
        for path in ["/batches", "/batch/1", "/Batch", "/", "//batch"] {
            assert!(!is_batch(path), "{path}");
        }
    }

    #[test]
    fn an_operation_is_a_request_of_its_own() {
        let item = one(r#"{"method": "POST", "path": "/books?select=id",
                "headers": {"Prefer": "return=minimal", "prefer": "count=exact"}, "body": {"n": 1.10}}"#)
        .unwrap();
        assert_eq!((item.raw.method, item.raw.path.as_str()), (Method::Post, "/books"));
        assert_eq!(item.raw.query, "select=id");
        assert_eq!(item.raw.prefer.as_deref(), Some("return=minimal,count=exact"));
        assert_eq!(item.raw.profile.as_deref(), Some("api"));
        assert_eq!(&item.body[..], br#"{"n": 1.10}"#);
        let text =
            r#"{"method": "POST", "path": "/b", "headers": {"content-type": "text/csv"}, "body": "a\n1"}"#;
        assert_eq!(&one(text).unwrap().body[..], b"a\n1");
    }

    #[test]
    fn what_no_operation_can_say_is_refused() {
        for operation in [
            r#"{"path": "/books"}"#,
            r#"{"method": "OPTIONS", "path": "/books"}"#,
            r#"{"method": "GET", "path": "books"}"#,
            r#"{"method": "GET", "path": "/7a245486-3fc8-47ec-b303-04fefe7a58ff/books"}"#,
            r#"{"method": "GET", "path": "/books?access_token=x"}"#,
            r#"{"method": "GET", "path": "/books", "body": {}}"#,
            r#"{"method": "GET", "path": "/books", "host": "x"}"#,
            r#"{"method": "GET", "path": "/books", "headers": {"X-Tenant-Id": "x"}}"#,
            r#"{"method": "GET", "path": "/books", "headers": {"Authorization": "x"}}"#,
            r#"{"method": "POST", "path": "/b%61tch", "body": []}"#,
            r#"{"method": "GET", "path": "/"}"#,
            r#"{"method": "GET", "path": "/openapi.json"}"#,
            r#"{"method": "POST", "path": "/b", "headers": {"Content-Type": "text/csv"}, "body": {}}"#,
            "null",
        ] {
            assert!(matches!(one(operation), Err(Error::Body { .. })), "{operation}");
        }
    }
}

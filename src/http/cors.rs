//! Pages of other origins (the Fetch standard, 3.3 "HTTP extensions"): which may ask, and what of an answer they may read.
//!
//! Decided by `cors_origins` alone, so that nothing here tells whether a relation exists or a token is good.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

/// What a page may send.
const METHODS: &str = "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS";

/// What a page may read beside what every page may.
const EXPOSED: &str = "Allow, Content-Encoding, Content-Location, Content-Profile, Content-Range, Content-Type, Date, ETag, \
    Location, Preference-Applied, Range-Unit, Retry-After, Server-Timing, Transfer-Encoding, Warning, WWW-Authenticate, \
    X-Request-Id";

/// For how long a browser may remember the answer to a preflight: a day.
const MAX_AGE_S: &str = "86400";

/// The answer to a preflight; None where `request` is none. A browser sends it before the request that it is about, and
/// without its token.
pub(super) fn preflight(request: &HttpRequest, origins: &[String]) -> Option<HttpResponse> {
    let sent = request.headers();
    if *request.method() != Method::OPTIONS || !sent.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
    if allowed(sent, origins).is_some() {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_S));
        // All that it asks for: which headers mean anything is for the request itself to find out.
        let asked = sent.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let asked = asked.cloned().unwrap_or(HeaderValue::from_static("authorization"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        vary(headers, "Access-Control-Request-Headers");
    }
    Some(response)
}

/// Lets the page that asked read the answer, if its origin may.
pub(super) fn share(request: &HttpRequest, origins: &[String], response: &mut HttpResponse) {
    if origins.is_empty() {
        return;
    }
    let headers = response.headers_mut();
    // A cache must not give one origin's answer to another.
    if !is_open(origins) {
        vary(headers, "Origin");
    }
    if let Some(origin) = allowed(request.headers(), origins) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

fn is_open(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == "*")
}

/// What `Access-Control-Allow-Origin` says; None where the request has no origin, or one that may not ask.
fn allowed(sent: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = sent.get(header::ORIGIN)?;
    if is_open(origins) {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Adds `name` to what the answer varies with.
fn vary(headers: &mut HeaderMap, name: &'static str) {
    const VARY: HeaderName = header::VARY;
    let joined = match headers.get(VARY).and_then(|value| value.to_str().ok()) {
        Some(names) => HeaderValue::from_str(&format!("{names}, {name}")).ok(),
        None => Some(HeaderValue::from_static(name)),
    };
    if let Some(joined) = joined {
        headers.insert(VARY, joined);
    }
}

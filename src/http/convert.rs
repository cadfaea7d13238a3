//! actix's request into a [`RawRequest`], and answers back. Copies, and decides nothing.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method as ActixMethod, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use uuid::Uuid;

use crate::answer::{Body, Reply, Streaming};
use crate::config::Config;
use crate::error::{Answer, Error};
use crate::request::{Forwarded, Method, RawRequest};

/// Everything of a request but its body.
pub(super) fn head(request: &HttpRequest, id: Uuid) -> RawRequest {
    let all = |name: HeaderName| -> Vec<Bytes> {
        request.headers().get_all(name).map(|value| Bytes::copy_from_slice(value.as_bytes())).collect()
    };
    let joined = |name: HeaderName| {
        let mut values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        let mut text = values.next()?.to_owned();
        for value in values {
            text.push(',');
            text.push_str(value);
        }
        Some(text)
    };
    // What cannot be read must not be lost: a write would be done without its condition.
    let lossy = |name: HeaderName| {
        let values: Vec<_> =
            request.headers().get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    RawRequest {
        method: match *request.method() {
            ActixMethod::GET => Method::Get,
            ActixMethod::HEAD => Method::Head,
            ActixMethod::POST => Method::Post,
            ActixMethod::PATCH => Method::Patch,
            ActixMethod::PUT => Method::Put,
            ActixMethod::DELETE => Method::Delete,
            ActixMethod::OPTIONS => Method::Options,
            _ => Method::Other,
        },
        path: request.uri().path().to_owned(),
        query: request.query_string().to_owned(),
        authorization: all(header::AUTHORIZATION),
        tenant_headers: all(HeaderName::from_static("x-tenant-id")),
        accept: joined(header::ACCEPT),
        prefer: joined(HeaderName::from_static("prefer")),
        range: joined(header::RANGE),
        content_type: joined(header::CONTENT_TYPE),
        if_match: lossy(header::IF_MATCH),
        if_none_match: lossy(header::IF_NONE_MATCH),
        profile: joined(HeaderName::from_static(match *request.method() {
            ActixMethod::GET | ActixMethod::HEAD => "accept-profile",
            _ => "content-profile",
        })),
        host: match request.uri().authority() {
            Some(authority) => Some(Bytes::copy_from_slice(authority.as_str().as_bytes())),
            None => all(header::HOST).pop(),
        },
        forwarded: Forwarded {
            x_for: all(HeaderName::from_static("x-forwarded-for")),
            x_host: all(HeaderName::from_static("x-forwarded-host")),
            forwarded: all(header::FORWARDED),
        },
        peer: request.peer_addr().map(|address| address.ip()),
        client: None,
        user_agent: joined(header::USER_AGENT),
        id,
    }
}

/// Reads a body, up to the limits of size and time.
pub(super) async fn body(mut payload: web::Payload, config: &Config) -> Result<Bytes, Error> {
    let limit = config.body_bytes_max;
    let read = async {
        let mut body = BytesMut::new();
        while let Some(part) = payload.next().await {
            let part = part.map_err(|_| Error::BodyBroken("the client broke the transfer off"))?;
            if (body.len() + part.len()) as u64 > limit {
                return Err(Error::BodyTooLarge { limit });
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    };
    match tokio::time::timeout(Duration::from_millis(config.body_timeout_ms), read).await {
        Ok(body) => body,
        Err(_) => Err(Error::BodyBroken("body_timeout_ms passed")),
    }
}

pub(super) fn reply(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::build(status(reply.status));
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    let mut response = match reply.body {
        Body::None => response.body(actix_web::body::None::new()),
        Body::Empty => response.finish(),
        Body::Full(bytes) => response.body(bytes),
        Body::Stream(streaming) => response.body(StreamBody(streaming)),
    };
    set(&mut response, reply.told.iter());
    response
}

/// Puts what functions have said in place of what the service says; of the same name several can stand.
fn set<'a>(response: &mut HttpResponse, told: impl Iterator<Item = &'a (String, String)> + Clone) {
    let named = told.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let headers = response.headers_mut();
    for (name, _) in named.clone() {
        headers.remove(name);
    }
    for (name, value) in named {
        headers.append(name, value);
    }
}

/// An error's answer, as `application/problem+json` where the client asks for that (RFC 9457).
pub(super) fn error(answer: &Answer, accept: Option<&str>, request_id: Uuid) -> HttpResponse {
    let mut response = HttpResponse::build(status(answer.status));
    if let Some(challenge) = &answer.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge.as_ref()));
    }
    if let Some(seconds) = answer.retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if let Some(allow) = answer.allow {
        response.insert_header((header::ALLOW, allow));
    }
    if let Some(range) = &answer.content_range {
        response.insert_header((header::CONTENT_RANGE, range.as_str()));
    }
    let mut document = serde_json::to_value(answer).unwrap_or_default();
    let is_problem = accept.is_some_and(|accept| accept.contains("application/problem+json"));
    if let (true, Some(members)) = (is_problem, document.as_object_mut()) {
        members.insert("type".to_owned(), "about:blank".into());
        members.insert("title".to_owned(), answer.message.as_str().into());
        members.insert("status".to_owned(), answer.status.into());
        members.insert("instance".to_owned(), format!("urn:uuid:{request_id}").into());
    }
    let content_type =
        if is_problem { "application/problem+json" } else { "application/json; charset=utf-8" };
    let mut response =
        response.insert_header((header::CONTENT_TYPE, content_type)).body(document.to_string());
    set(&mut response, answer.headers.iter());
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A streamed body. Dropped by actix when the client hangs up, and the rows with it.
struct StreamBody(Box<Streaming>);

impl MessageBody for StreamBody {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let part = ready!(self.0.poll_next(context));
        if let Some(Err(error)) = &part {
            // The status is sent: breaking the transfer off is the only way left to say that it is not whole.
            tracing::error!(error = %error, "a streamed answer broke off");
        }
        Poll::Ready(part)
    }
}

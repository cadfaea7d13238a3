//! One HTTP request around the pipeline: its id, its log line, its metrics.

use std::panic::AssertUnwindSafe;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::FutureExt;
use metrics::counter;
use tracing::Level;
use uuid::Uuid;

use super::meters::{self, Labels};
use super::{convert, cors};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::{Answer, Error};
use crate::events::{Decision, Denial, Event, Events};
use crate::identity::{self, Realm, Refusal};
use crate::pipeline::{self, Trace};
use crate::request::{self, Method, RawRequest};

/// Answers every request of the API: there is one route, and it asks for a token.
pub(super) async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> HttpResponse {
    let started = Instant::now();
    let request_id = request_id(&request);
    let mut raw = convert::head(&request, request_id);
    raw.client = worker.app.origins.client(&raw);
    let mut trace = Trace::default();
    let origins = &worker.app.config.cors_origins;
    let (mut response, error) = match cors::preflight(&request, origins) {
        Some(preflight) => (preflight, None),
        None => match respond(&worker, &raw, payload, &mut trace).await {
            Ok(reply) => (convert::reply(reply), None),
            Err(error) => {
                let answer = challenged(&worker, &raw, error.answer());
                (convert::error(&answer, raw.accept.as_deref(), request_id), Some(error))
            }
        },
    };
    cors::share(&request, origins, &mut response);
    header(&mut response, "x-request-id", &request_id.to_string());
    if worker.app.config.server_timing {
        let stages: Vec<String> =
            trace.stages.iter().map(|(stage, ms)| format!("{stage};dur={ms:.3}")).collect();
        header(&mut response, "server-timing", &stages.join(", "));
    }
    decided(&worker.app.events, &request, &raw, &trace, error.as_ref(), response.status().as_u16());
    let seconds = started.elapsed().as_secs_f64();
    measure(&request, &trace, error.as_ref(), response.status().as_u16(), seconds);
    log(&request, request_id, &trace, error.as_ref(), response.status().as_u16(), seconds);
    response
}

async fn respond(
    worker: &Worker,
    raw: &RawRequest,
    payload: web::Payload,
    trace: &mut Trace,
) -> Result<Reply, Error> {
    let body = async {
        match raw.method {
            Method::Post | Method::Patch | Method::Put => convert::body(payload, &worker.app.config).await,
            Method::Get | Method::Head | Method::Delete | Method::Options | Method::Other => Ok(Bytes::new()),
        }
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let outcome = answered(pipeline::respond(worker, raw, body, now_s, trace)).await;
    if trace.anonymous { outcome.map_err(Error::to_anonymous) } else { outcome }
}

/// What a request gives, also where it panics: without an answer its connection would end without a word, and the log
/// would lack its line. What it held of Postgres is dropped, as when a client hangs up.
async fn answered(request: impl Future<Output = Result<Reply, Error>>) -> Result<Reply, Error> {
    let outcome = AssertUnwindSafe(request).catch_unwind().await;
    outcome.unwrap_or(Err(Error::Internal("the request panicked")))
}

/// `answer`, whose challenge, where it asks for a token, is that of the tenant that the request names.
fn challenged(worker: &Worker, raw: &RawRequest, answer: Answer) -> Answer {
    match &answer.challenge {
        Some(challenge) if answer.status == 401 => {
            let realm = Realm::of(raw, &worker.app.origins, &worker.app.config.public_url);
            Answer { challenge: Some(realm.challenge(challenge).into()), ..answer }
        }
        Some(_) | None => answer,
    }
}

/// The client's `X-Request-Id`, if it is a UUID, else a new one: nothing else of a client's gets into log fields.
fn request_id(request: &HttpRequest) -> Uuid {
    let sent = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    sent.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::new_v4)
}

fn header(response: &mut HttpResponse, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

fn route(trace: &Trace) -> String {
    meters::route(trace.relation.as_deref(), trace.by_key)
}

/// The method, where it is one that the dialect knows.
fn method(request: &HttpRequest) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    let sent = request.method().as_str();
    KNOWN.into_iter().find(|known| *known == sent).unwrap_or("other")
}

/// The client's `traceparent`, if it has the form of version 00 (W3C Trace Context 3.2.2).
fn traceparent(request: &HttpRequest) -> Option<&str> {
    let sent = request.headers().get("traceparent")?.to_str().ok()?;
    let mut widths = [2, 32, 16, 2].into_iter();
    let fits = |part: &str| {
        widths.next() == Some(part.len())
            && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    (sent.len() == 55 && sent.split('-').all(fits)).then_some(sent)
}

/// Records what was decided about the request: a refusal always, anything else as `audit_allows` says.
fn decided(
    events: &Events,
    request: &HttpRequest,
    raw: &RawRequest,
    trace: &Trace,
    error: Option<&Error>,
    status: u16,
) {
    let writes = !matches!(raw.method, Method::Get | Method::Head | Method::Options);
    let denial = match error {
        Some(error) => Denial::of(error, writes),
        None => Denial::of_status(status),
    };
    let (decision, code, reason) = match denial {
        Some(Denial { code, reason }) => (Decision::Deny, code, reason.or_else(|| named(raw, trace))),
        None if error.is_none() && events.wants_allow() => (Decision::Allow, "allow", None),
        None => return,
    };
    let principal = trace.principal.as_ref();
    events.record(&Event {
        decision,
        code,
        reason,
        tenant: trace.tenant.filter(|_| trace.proven),
        issuer: principal.map(|principal| principal.issuer().to_owned()),
        subject: principal.map(|principal| principal.subject().to_owned()),
        jti: principal.map(|principal| principal.jti().to_owned()),
        status,
        method: method(request),
        route: route(trace),
        client: raw.client,
        user_agent: raw.user_agent.clone(),
        request_id: raw.id,
    });
}

/// The tenant that a request names without having proven it: for the operator, and for no tenant's log.
fn named(raw: &RawRequest, trace: &Trace) -> Option<String> {
    let of_header = || {
        let [value] = raw.tenant_headers.as_slice() else { return None };
        std::str::from_utf8(value).ok().and_then(identity::tenant_id)
    };
    let named = trace.tenant.or(request::split_tenant(&raw.path).0).or_else(of_header);
    named.filter(|_| !trace.proven).map(|tenant| format!("names tenant {tenant}"))
}

fn measure(request: &HttpRequest, trace: &Trace, error: Option<&Error>, status: u16, seconds: f64) {
    let labels = Labels { method: method(request), by_key: trace.by_key && trace.relation.is_some(), status };
    meters::count(trace.relation.as_deref(), labels, seconds);
    if let Some(Error::Credential(refusal)) = error {
        counter!("rowhouse_credentials_refused_total", "reason" => refusal.label()).increment(1);
    }
}

fn log(request: &HttpRequest, id: Uuid, trace: &Trace, error: Option<&Error>, status: u16, seconds: f64) {
    let is_fault = error.is_some_and(|error| match error {
        // Anybody can send tokens of an issuer that is down: it is told once a fetch or a look-up that failed, not once a request.
        Error::Credential(Refusal::Unavailable { .. }) => false,
        error => error.is_server_fault(),
    });
    // Most of what the line says would be made for nothing.
    if !is_fault && !tracing::enabled!(Level::INFO) {
        return;
    }
    let method = method(request);
    let tenant = trace.tenant.map(|tenant| tenant.to_string());
    let role = trace.role.as_ref().map(|role| role.name());
    let traceparent = traceparent(request);
    let reason = error.map(reason);
    let duration_ms = seconds * 1e3;
    let route = route(trace);
    // A query string may hold personal data, a path a key: neither is logged.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request.id = %id,
                traceparent,
                method,
                route,
                status,
                tenant.id = tenant,
                role,
                duration_ms,
                reason,
                "{method} {route} {status}"
            )
        };
    }
    if is_fault { line!(error) } else { line!(info) }
}

/// Why a request failed, for the log: never a token, a claim or a value.
fn reason(error: &Error) -> String {
    match error {
        Error::Credential(refusal) => refusal.label().to_owned(),
        Error::Selection(selection) => selection.label().to_owned(),
        Error::Database(crate::db::Error::Statement(refusal)) => refusal.code().code().to_owned(),
        Error::Database(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        }
        Error::Anonymous(error) | Error::Operation { error, .. } => reason(error),
        Error::Internal(why) => (*why).to_owned(),
        other => other.answer().code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn t03_a_panic_is_a_500_that_tells_nothing_of_it() {
        let outcome = answered(async { panic!("a secret of src/x.rs") }).await;
        let answer = outcome.err().expect("no reply").answer();
        let told = (answer.status, answer.code.as_str(), answer.message.as_str(), answer.details);
        assert_eq!(told, (500, "TEN099", "Internal error", None));
    }
}

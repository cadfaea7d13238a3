//! Authorization decisions that matter, one event each: refusals, sign-ins, refreshes, administrative acts.
//!
//! Taken without waiting, into a queue of bounded length; one task writes them in batches on a connection of its own, outside
//! the transaction that was refused and rolled back. What does not fit, and what one tenant has too much of, is dropped
//! and counted (`rowhouse_auth_events_dropped_total`).

mod denial;
mod limit;
mod write;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use metrics::counter;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::config::{AuditAllows, Config};
pub use denial::Denial;
use limit::Limit;
pub use write::Writer;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    Deny,
}

impl Decision {
    /// Its name in the log and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        }
    }
}

/// One decision about one request.
#[derive(Debug, Clone)]
pub struct Event {
    pub decision: Decision,
    /// What kind of decision, in `snake_case`: `invalid_token`, `sign_in`, `refresh_reuse`.
    pub code: &'static str,
    /// Why, for those who run the service; the client is not told.
    pub reason: Option<String>,
    /// The tenant that the caller has proven. Never one that a request only names: nobody writes into another tenant's log.
    pub tenant: Option<Uuid>,
    /// The issuer and the subject of a verified token; never of one that is not.
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub jti: Option<String>,
    pub status: u16,
    pub method: &'static str,
    /// The route's pattern, such as `/items/{key}`; never a path or a query string.
    pub route: String,
    pub client: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Uuid,
}

/// Takes events; cheap to clone. The default counts them and keeps none.
#[derive(Clone, Default)]
pub struct Events {
    shared: Option<Arc<Shared>>,
}

/// What those who record and the one who writes have in common.
struct Shared {
    queue: mpsc::Sender<Recorded>,
    limit: Mutex<Limit>,
    allows: AuditAllows,
    started: Instant,
    stop: watch::Sender<bool>,
}

/// An event as it waits to be written.
struct Recorded {
    id: Uuid,
    /// Since 1970, in microseconds.
    at_us: u64,
    /// SHA-256, in hexadecimal.
    jti_hash: Option<String>,
    event: Event,
}

/// The longest texts that are kept, in characters; the table refuses longer ones.
const REASON_CHARS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 1_000;
const ROUTE_CHARS_MAX: usize = 300;
const USER_AGENT_CHARS_MAX: usize = 300;

impl Events {
    /// Events that are kept, and the one who writes them.
    pub fn new(config: &Config) -> (Self, Writer) {
        let (sender, queue) = mpsc::channel(config.audit_queue_max);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            queue: sender,
            limit: Mutex::new(Limit::new(config.audit_rate_max)),
            allows: config.audit_allows,
            started: Instant::now(),
            stop,
        });
        let interval = Duration::from_millis(config.audit_interval_ms);
        let writer = Writer { queue, shared: shared.clone(), stop: stopped, interval };
        (Self { shared: Some(shared) }, writer)
    }

    /// Takes `event` without waiting.
    pub fn record(&self, event: &Event) {
        counter!("rowhouse_auth_events_total", "decision" => event.decision.name(), "code" => event.code)
            .increment(1);
        if let Some(shared) = &self.shared {
            shared.take(event);
        }
    }

    /// Whether an allowed request is to be recorded: by `audit_allows` all, none, or as many as it says, by chance and not by
    /// anything that a client sends.
    pub fn wants_allow(&self) -> bool {
        match self.shared.as_ref().map_or(AuditAllows::Off, |shared| shared.allows) {
            AuditAllows::Off => false,
            AuditAllows::All => true,
            AuditAllows::Share(share) => {
                let (random, _) = Uuid::new_v4().as_u64_pair();
                (random as f64) < share * (u64::MAX as f64)
            }
        }
    }

    /// Has the writer write what waits, and end.
    pub fn finish(&self) {
        if let Some(shared) = &self.shared {
            shared.stop.send_replace(true);
        }
    }
}

impl Shared {
    fn take(&self, event: &Event) {
        // Only refusals: they are what a caller can make at will. Sign-ins and refreshes have limits of their own.
        if event.decision == Decision::Deny && !self.lock().takes((event.tenant, event.code), self.second()) {
            dropped("rate");
            return;
        }
        if self.queue.try_send(Recorded::new(event)).is_err() {
            dropped("queue");
        }
    }

    /// An event for each kind of which some were left out; with `all`, also of the second that is not over.
    fn left_out(&self, all: bool) -> Vec<Recorded> {
        let second = if all { u64::MAX } else { self.second() };
        let left_out = self.lock().left_out(second);
        let told = left_out.into_iter().map(|((tenant, code), count)| {
            Recorded::new(&Event {
                decision: Decision::Deny,
                code: "left_out",
                reason: Some(format!("{count} more of {code}")),
                tenant,
                issuer: None,
                subject: None,
                jti: None,
                status: 0,
                method: "",
                route: String::new(),
                client: None,
                user_agent: None,
                request_id: Uuid::nil(),
            })
        });
        told.collect()
    }

    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Limit> {
        // Nothing panics while it is held.
        self.limit.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Recorded {
    fn new(event: &Event) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let jti_hash =
            event.jti.as_ref().map(|jti| jti_hash(event.issuer.as_deref().unwrap_or_default(), jti));
        let bounded = |text: &Option<String>, most| text.as_deref().map(|text| bounded(text, most));
        Self {
            id: Uuid::new_v4(),
            at_us: since.as_micros().try_into().unwrap_or(u64::MAX),
            jti_hash,
            event: Event {
                reason: bounded(&event.reason, REASON_CHARS_MAX),
                issuer: bounded(&event.issuer, NAME_CHARS_MAX),
                subject: bounded(&event.subject, NAME_CHARS_MAX),
                jti: None,
                route: self::bounded(&event.route, ROUTE_CHARS_MAX),
                user_agent: bounded(&event.user_agent, USER_AGENT_CHARS_MAX),
                ..event.clone()
            },
        }
    }
}

/// SHA-256 of issuer, a zero byte and jti, in hexadecimal: a jti is unique within its issuer only.
fn jti_hash(issuer: &str, jti: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [issuer.as_bytes(), b"\0", jti.as_bytes()] {
        context.update(part);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first `most` characters, without control characters: they are none of a log's, and NUL is no text in Postgres.
fn bounded(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
}

fn dropped(reason: &'static str) {
    counter!("rowhouse_auth_events_dropped_total", "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: &'static str) -> Event {
        Event {
            decision: Decision::Deny,
            code,
            reason: None,
            tenant: None,
            issuer: Some("https://issuer.test".to_owned()),
            subject: None,
            jti: Some("token-1".to_owned()),
            status: 401,
            method: "GET",
            route: "/items".to_owned(),
            client: None,
            user_agent: None,
            request_id: Uuid::new_v4(),
        }
    }

    #[test]
    fn a_full_queue_drops_and_never_waits() {
        let config = Config { audit_queue_max: 2, audit_rate_max: 100, ..Config::default() };
        let (events, writer) = Events::new(&config);
        for _ in 0..5 {
            events.record(&event("policy"));
        }
        assert_eq!(writer.queue.len(), 2);
    }

    #[test]
    fn texts_are_bounded_and_the_jti_is_a_hash() {
        let agent = format!("a\0b\r\n{}", "x".repeat(1_000));
        let recorded = Recorded::new(&Event { user_agent: Some(agent), ..event("policy") });
        let kept = recorded.event.user_agent.expect("an agent");
        assert!(kept.starts_with("abxx") && kept.chars().count() == USER_AGENT_CHARS_MAX);
        assert_eq!(recorded.event.jti, None);
        // printf 'https://issuer.test\0token-1' | sha256sum
        assert_eq!(
            recorded.jti_hash.as_deref(),
            Some("3f650c0b3ec87d4e354d9df6867b3dfad470f0dac264405b0ecb3b60f00e548e")
        );
    }

    #[test]
    fn of_allowed_requests_as_many_are_wanted_as_the_setting_says() {
        let wanted = |allows| {
            let (events, _writer) = Events::new(&Config { audit_allows: allows, ..Config::default() });
            (0..2_000).filter(|_| events.wants_allow()).count()
        };
        assert_eq!((wanted(AuditAllows::Off), wanted(AuditAllows::All)), (0, 2_000));
        // Off by more than eleven standard deviations would be a fault.
        assert!((750..1_250).contains(&wanted(AuditAllows::Share(0.5))));
        assert!(!Events::default().wants_allow());
    }
}

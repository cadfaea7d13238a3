//! Authorization decisions that matter, one event each: refusals, sign-ins, refreshes, administrative acts.

use std::net::IpAddr;

use metrics::counter;
use uuid::Uuid;

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

/// Takes events; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Events {}

impl Events {
    /// Takes `event` without waiting.
    pub fn record(&self, event: &Event) {
        counter!("rowhouse_auth_events_total", "decision" => event.decision.name(), "code" => event.code)
            .increment(1);
    }
}

//! The metrics of requests. Their handles are looked up once a thread: the recorder finds one by hashing all of its labels.

use std::cell::RefCell;
use std::collections::HashMap;

use metrics::{Counter, Histogram, counter, histogram};

/// What one series is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Labels {
    pub method: &'static str,
    pub by_key: bool,
    pub status: u16,
}

struct Meter {
    labels: Labels,
    requests: Counter,
    seconds: Histogram,
}

thread_local! {
    /// By the served relation. As many as the recorder itself has: the labels are bounded by what is served.
    static METERS: RefCell<HashMap<String, Vec<Meter>>> = RefCell::new(HashMap::new());
}

/// The label of a request in metrics: bounded by what is served, whatever clients send.
pub(super) fn route(relation: Option<&str>, by_key: bool) -> String {
    match relation {
        Some(relation) if by_key => format!("/{relation}/{{key}}"),
        Some(relation) => format!("/{relation}"),
        None => "none".to_owned(),
    }
}

/// Counts one request that took `seconds`.
pub(super) fn count(relation: Option<&str>, labels: Labels, seconds: f64) {
    METERS.with_borrow_mut(|meters| {
        // No relation has the empty name.
        let name = relation.unwrap_or_default();
        let known = meters.get(name).and_then(|meters| meters.iter().find(|meter| meter.labels == labels));
        if let Some(meter) = known {
            return meter.add(seconds);
        }
        let meter = Meter::new(relation, labels);
        meter.add(seconds);
        meters.entry(name.to_owned()).or_default().push(meter);
    });
}

impl Meter {
    fn new(relation: Option<&str>, labels: Labels) -> Self {
        let said = [
            ("method", labels.method.to_owned()),
            ("route", route(relation, labels.by_key)),
            ("status", labels.status.to_string()),
        ];
        Self {
            labels,
            requests: counter!("rowhouse_requests_total", &said),
            seconds: histogram!("rowhouse_request_duration_seconds", &said),
        }
    }

    fn add(&self, seconds: f64) {
        self.requests.increment(1);
        self.seconds.record(seconds);
    }
}

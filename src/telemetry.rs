//! Logs and metrics: how they are written, not what.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Upper bounds of the latency histogram, in seconds.
const LATENCY_S: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts logging to standard error, as `log_format` and `log_level` say.
///
/// # Errors
/// A text where `log_level` is no filter.
pub fn log(config: &Config) -> Result<(), String> {
    // actix tells of every thread that it starts; what matters of that is in our own lines.
    let directives = format!("actix_server=warn,{}", config.log_level);
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("log_level: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Else it prints to standard error that standard error cannot be written to, and panics: whoever read it may be gone,
        // and the task that ends the service logs, too.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
    started.map_err(|error| error.to_string())
}

/// How often samples are folded into their histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Keeps the memory of the metrics bounded, for ever: every sample of a histogram is kept until it is folded in, whether
/// anybody asks for `/metrics` or not.
pub async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// Starts collecting metrics; the handle renders them. Run [`keep_up`] beside it.
///
/// # Errors
/// Where a recorder is installed already.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(seconds, LATENCY_S)?.install_recorder()?;
    for (name, help) in [
        ("rowhouse_requests_total", "Requests by method, route and status"),
        ("rowhouse_pool_timeouts_total", "Requests that got no connection in time"),
        ("rowhouse_catalog_reloads_total", "Reloads of the catalog by outcome"),
        ("rowhouse_credentials_refused_total", "Requests without a valid credential, by reason"),
        ("rowhouse_auth_events_total", "Decisions that matter, by decision and code"),
        ("rowhouse_auth_events_written_total", "Events written to the audit log"),
        ("rowhouse_auth_events_dropped_total", "Events that were not written, by reason"),
        ("rowhouse_cancels_total", "Statements cancelled after a hang-up or deadline"),
        ("rowhouse_connections_abandoned_total", "Connections closed because the server did not answer"),
    ] {
        metrics::describe_counter!(name, help);
    }
    metrics::describe_histogram!(
        "rowhouse_request_duration_seconds",
        "From the head of a request to its answer"
    );
    metrics::describe_histogram!("rowhouse_catalog_load_seconds", "Reading the catalog");
    metrics::describe_gauge!("rowhouse_relations_served", "Relations that the gate let through");
    metrics::describe_gauge!("rowhouse_relations_refused", "Relations that the gate refused");
    metrics::describe_gauge!(
        "rowhouse_gate_judged_timestamp_seconds",
        "When the gate last judged what is served"
    );
    metrics::describe_gauge!("rowhouse_pool_in_use", "Connections in use");
    metrics::describe_gauge!("rowhouse_pool_waiting", "Requests that wait for a connection");
    metrics::describe_gauge!("rowhouse_pool_size", "Connections at the most");
    Ok(handle)
}

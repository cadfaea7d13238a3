//! Events that wait -> rows of `tenancy.auth_events`: one task, one connection of its own, one statement a batch.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Recorded, Shared};
use crate::app::cause;
use crate::db::Database;

const RECORD: &str = include_str!("../../sql/catalog/record_events.sql");

/// Events that one statement writes.
const BATCH_MAX: usize = 500;

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A statement that takes longer is taken for lost, and sent again on a new connection.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// How often is looked for what was left out, while nothing else happens.
const TICK: Duration = Duration::from_secs(1);

/// Writes what the queue holds, until it is closed and empty.
pub struct Writer {
    pub(super) queue: mpsc::Receiver<Recorded>,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) interval: Duration,
}

/// Why a batch was not written.
enum Fault {
    /// It is the events': writing them again would fail again.
    Events(tokio_postgres::Error),
    /// It may pass.
    Passing(String),
}

impl Writer {
    /// Runs until [`super::Events::finish`], and then until the queue is empty.
    pub async fn run(mut self, database: Database) {
        let mut client = None;
        let mut batch = Vec::new();
        let mut stopping = false;
        loop {
            if stopping {
                self.queue.close();
                self.queue.recv_many(&mut batch, BATCH_MAX).await;
                batch.extend(self.shared.left_out(true));
                if batch.is_empty() {
                    return;
                }
            } else {
                let arrived = tokio::select! {
                    _ = self.queue.recv_many(&mut batch, BATCH_MAX) => true,
                    () = stopped(&mut self.stop) => false,
                    () = tokio::time::sleep(TICK) => false,
                };
                if arrived {
                    // Others follow: one statement for all that happens in a moment.
                    tokio::select! {
                        () = stopped(&mut self.stop) => {}
                        () = tokio::time::sleep(self.interval) => {}
                    }
                    while batch.len() < BATCH_MAX
                        && let Ok(recorded) = self.queue.try_recv()
                    {
                        batch.push(recorded);
                    }
                }
                stopping = *self.stop.borrow();
                batch.extend(self.shared.left_out(false));
            }
            if !batch.is_empty() {
                self.deliver(&database, &mut client, std::mem::take(&mut batch)).await;
            }
        }
    }

    /// Writes a batch, however often it takes. Meanwhile the queue fills, and what does not fit is dropped and counted.
    async fn deliver(&mut self, database: &Database, client: &mut Option<Client>, batch: Vec<Recorded>) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            match write(database, client, &batch).await {
                Ok(()) => {
                    counter!("rowhouse_auth_events_written_total").increment(batch.len() as u64);
                    return;
                }
                Err(Fault::Events(error)) => {
                    if batch.len() == 1 {
                        tracing::error!(error = cause(&error), "an event cannot be written");
                        counter!("rowhouse_auth_events_dropped_total", "reason" => "refused").increment(1);
                        return;
                    }
                    // One of them is at fault: it shall not take the others with it.
                    for recorded in batch {
                        Box::pin(self.deliver(database, client, vec![recorded])).await;
                    }
                    return;
                }
                Err(Fault::Passing(why)) => {
                    tracing::warn!(why, events = batch.len(), "events wait: they cannot be written now");
                    *client = None;
                    let stopping = *self.stop.borrow();
                    tokio::select! {
                        () = stopped(&mut self.stop), if !stopping => {}
                        () = tokio::time::sleep(backoff) => {}
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }
}

/// Waits until the service ends.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The writer shares the sender, so the wait does not end for want of one.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One attempt, on the connection that is there or on a new one.
async fn write(database: &Database, client: &mut Option<Client>, batch: &[Recorded]) -> Result<(), Fault> {
    let events = Value::Array(batch.iter().map(document).collect()).to_string();
    let attempt = async {
        let connected = match client.take().filter(|client| !client.is_closed()) {
            Some(connected) => connected,
            None => database.client().await?,
        };
        // Unnamed, so that it works behind every pooler.
        connected.query_typed(RECORD, &[(&events, Type::TEXT)]).await?;
        Ok(connected)
    };
    match tokio::time::timeout(ANSWER_MAX, attempt).await {
        Ok(Ok(connected)) => {
            *client = Some(connected);
            Ok(())
        }
        Ok(Err(error)) => Err(fault(error)),
        Err(_) => Err(Fault::Passing("no answer in time".to_owned())),
    }
}

fn fault(error: tokio_postgres::Error) -> Fault {
    match error.code() {
        // Values that their columns cannot hold.
        Some(state) if ["22", "23", "54"].iter().any(|class| state.code().starts_with(class)) => {
            Fault::Events(error)
        }
        Some(_) | None => Fault::Passing(cause(&error)),
    }
}

fn document(recorded: &Recorded) -> Value {
    let event = &recorded.event;
    json!({
        "id": recorded.id,
        "at_us": recorded.at_us,
        "tenant_id": event.tenant,
        "decision": event.decision.name(),
        "code": event.code,
        "reason": event.reason,
        "issuer": event.issuer,
        "subject": event.subject,
        "jti_hash": recorded.jti_hash,
        "status": (event.status > 0).then_some(event.status),
        "method": (!event.method.is_empty()).then_some(event.method),
        "route": (!event.route.is_empty()).then_some(&event.route),
        "client_ip": event.client,
        "user_agent": event.user_agent,
        "request_id": (!event.request_id.is_nil()).then_some(event.request_id),
    })
}

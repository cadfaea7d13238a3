//! What becomes of a connection whose request was dropped: the client hung up, or the deadline passed.
//!
//! Everything of the request, its COMMIT too, is queued already (`transaction`), so the transaction ends by itself. The
//! connection is free again when the server has answered it all; a statement that takes longer than a short grace is
//! cancelled (Postgres manual, 55.2.9).

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Database;
use super::cancel::cancel;
use super::pool::{Connection, Lease};
use crate::config::Config;

/// How long a cancelled connection may take to answer before it is closed.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Fails where the COMMIT before it was itself cancelled or timed out, which leaves a failed transaction open; the empty
/// statement would not.
const HEALTHY: &str = "select";

/// Shared by all workers: how cancel requests are sent, and how many at a time.
#[derive(Clone)]
pub struct Settler {
    database: Database,
    cancels: Arc<Semaphore>,
    grace: Duration,
}

impl Settler {
    pub fn new(database: &Database, config: &Config) -> Self {
        Self {
            database: database.clone(),
            cancels: Arc::new(Semaphore::new(config.cancel_connections_max)),
            grace: Duration::from_millis(config.cancel_grace_ms),
        }
    }

    /// Holds the connection until the server is done with it, cancelling what runs too long, and only then lets it go
    /// back to its pool.
    pub(super) fn settle(&self, lease: Arc<Lease>, transaction_open: bool) {
        let settler = self.clone();
        tokio::spawn(async move {
            if !settler.answered(&lease, transaction_open).await {
                // No answer: nobody may use it again.
                counter!("rowhouse_connections_abandoned_total").increment(1);
                if let Some(lease) = Arc::into_inner(lease) {
                    lease.close();
                }
            }
        });
    }

    async fn answered(&self, connection: &Connection, transaction_open: bool) -> bool {
        // Stands behind everything that is queued: its answer means that the rest is answered.
        let barrier = connection.client.batch_execute(if transaction_open { "rollback" } else { HEALTHY });
        tokio::pin!(barrier);
        if let Ok(answer) = timeout(self.grace, &mut barrier).await {
            return answer.is_ok();
        }
        {
            let _permit = tokio::select! {
                answer = &mut barrier => return answer.is_ok(),
                permit = self.cancels.acquire() => permit,
            };
            counter!("rowhouse_cancels_total").increment(1);
            let token = connection.client.cancel_token();
            if !matches!(timeout(ANSWER_MAX, cancel(&self.database, &token)).await, Ok(Ok(()))) {
                return false;
            }
        }
        if !matches!(timeout(ANSWER_MAX, barrier).await, Ok(Ok(()))) {
            return false;
        }
        // The signal is sent by now, but may have come too late for its statement: a backend that waits for a command
        // drops it when the next one arrives, which must not be the next request's.
        matches!(timeout(ANSWER_MAX, connection.client.batch_execute(HEALTHY)).await, Ok(Ok(())))
    }
}

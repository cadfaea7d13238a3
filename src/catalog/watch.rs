//! Listens for what the database notifies on the channel `rowhouse`.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::AsyncMessage;

use crate::db::Database;

/// Something that makes what the service remembers stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `NOTIFY rowhouse, 'reload'`: the schema or a declaration changed.
    Reload,
    /// A tenant changed (`NOTIFY rowhouse, 'tenants'`, by the trigger on `tenancy.tenants`).
    Tenants,
    /// An issuer changed (`NOTIFY rowhouse, 'issuers'`, by the triggers on `tenancy.issuers` and its bindings).
    Issuers,
    /// Listening again after a time without: anything may have changed.
    Listening,
}

/// Why nobody listens any more.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("the connection does not answer")]
    Silent,
}

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A connection that hears nothing for so long is asked whether it is still there: what stands between may have forgotten
/// it without a word.
const QUIET_MAX: Duration = Duration::from_secs(30);
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Tells `heard` of every event, for ever: a lost connection is made again, at growing intervals.
pub async fn watch(database: &Database, mut heard: impl FnMut(Event)) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        if let Err(ended) = listen(database, &mut heard, &mut backoff).await {
            tracing::warn!(reason = %ended, "nobody listens to the database for the moment");
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Listens until the connection ends.
async fn listen(
    database: &Database,
    heard: &mut impl FnMut(Event),
    backoff: &mut Duration,
) -> Result<(), Ended> {
    let (client, mut connection) = database.connect().await?;
    let (sender, mut payloads) = mpsc::channel::<String>(64);
    // Ends with the client, or when nobody receives any more.
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message
                && sender.send(notification.payload().to_owned()).await.is_err()
            {
                break;
            }
        }
    });
    timeout(ANSWER_MAX, client.batch_execute("listen rowhouse")).await.map_err(|_| Ended::Silent)??;
    *backoff = BACKOFF_FIRST;
    heard(Event::Listening);
    loop {
        match timeout(QUIET_MAX, payloads.recv()).await {
            Ok(Some(payload)) => match payload.as_str() {
                "reload" => heard(Event::Reload),
                "tenants" => heard(Event::Tenants),
                "issuers" => heard(Event::Issuers),
                other => tracing::debug!(payload = other, "an unknown notification"),
            },
            Ok(None) => return Err(Ended::Closed),
            Err(_) => {
                timeout(ANSWER_MAX, client.batch_execute("")).await.map_err(|_| Ended::Silent)??;
            }
        }
    }
}

//! Listens for what the database notifies on the channel `rowhouse`.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio_postgres::AsyncMessage;

use crate::db::Database;

/// Something that makes what the service remembers stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `NOTIFY rowhouse, 'reload'`: the schema or a declaration changed.
    Reload,
    /// A tenant changed (`NOTIFY rowhouse, 'tenants'`, by the trigger on `tenancy.tenants`).
    Tenants,
    /// Listening again after a time without: anything may have changed.
    Listening,
}

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Tells `heard` of every event, for ever: a lost connection is made again, at growing intervals.
pub async fn watch(database: &Database, mut heard: impl FnMut(Event)) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        match listen(database, &mut heard, &mut backoff).await {
            Ok(()) => tracing::warn!("the listening connection ended"),
            Err(error) => tracing::warn!(error = %error, "the listening connection failed"),
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn listen(
    database: &Database,
    heard: &mut impl FnMut(Event),
    backoff: &mut Duration,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = database.connect().await?;
    let mut messages = stream::poll_fn(|context| connection.poll_message(context));
    // The connection must be polled for LISTEN to be answered.
    let listening = client.batch_execute("listen rowhouse").fuse();
    futures_util::pin_mut!(listening);
    loop {
        futures_util::select_biased! {
            listened = listening => {
                listened?;
                *backoff = BACKOFF_FIRST;
                heard(Event::Listening);
            }
            message = messages.next().fuse() => match message {
                None => return Ok(()),
                Some(Err(error)) => return Err(error),
                Some(Ok(AsyncMessage::Notification(notification))) => match notification.payload() {
                    "reload" => heard(Event::Reload),
                    "tenants" => heard(Event::Tenants),
                    other => tracing::debug!(payload = other, "an unknown notification"),
                },
                Some(Ok(_)) => {}
            },
        }
    }
}

//! What every test stands on: a database of its own, a service of its own, tokens, and a client.
//!
//! `make test` starts the cluster and says where it is. A database is a copy of a template that is migrated and has the
//! demo's data, so a test may write what it likes. The service is the real binary, on ports that the system chooses.

mod database;
mod server;
mod token;

pub use database::{Database, TestCluster};
pub use server::{Answer, Request, Server, ServerOptions};
pub use token::{ALIKI, DUNDER, PAWNEE, SECRET, Token};

use std::time::{Duration, Instant};

/// Waits until `holds`, asking every few milliseconds, for ten seconds at the most.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl FnMut() -> F) {
    within(Duration::from_secs(10), what, holds).await;
}

/// Waits until `holds`, at most for `limit`.
pub async fn within<F: Future<Output = bool>>(limit: Duration, what: &str, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

//! The only place that waits for Postgres: connections, the pool of a worker, the tenant transaction, and the service's own
//! questions (`ask`).
//!
//! Behind this door: TLS with libpq's meanings, a bounded statement cache per connection, the one-flush transaction, and
//! what becomes of a connection whose request was dropped.

mod ask;
mod cancel;
mod connect;
mod migrate;
mod pool;
mod settle;
mod tls;
mod transaction;

pub use connect::{Database, DatabaseUrl, UrlError};
pub use migrate::{MigrateError, migrate};
pub use pool::{Connection, Pool};
pub use settle::Settler;
pub use transaction::{Asks, BatchError, BatchRows, BatchWork, End, Question, Rows, Told, Work};

/// Why Postgres did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made.
    #[error("could not connect to Postgres")]
    Connect(#[source] Option<tokio_postgres::Error>),
    /// No connection of the pool became free in time, or too many requests wait for one already.
    #[error("no connection became free within {waited_ms} ms")]
    PoolTimeout { waited_ms: u64 },
    /// The connection broke before the answer was whole.
    #[error("the connection to Postgres was lost")]
    Lost {
        outcome_unknown: bool,
        #[source]
        source: Option<tokio_postgres::Error>,
    },
    /// The service gave up waiting: Postgres neither answered nor cancelled the statement in time.
    #[error("no answer within {deadline_ms} ms")]
    Deadline { deadline_ms: u64, outcome_unknown: bool },
    /// Postgres refused the statement.
    #[error("Postgres answered {}", .0.code().code())]
    Statement(Box<tokio_postgres::error::DbError>),
    /// The tables changed since the catalog was read: a column is of another type. Nothing ran.
    #[error("a column is of another type than the catalog says")]
    Changed,
    /// The client's fault of speaking: a value that cannot be sent.
    #[error("a value cannot be sent to Postgres")]
    Protocol(#[source] tokio_postgres::Error),
}

impl Error {
    /// Sorts an error of tokio-postgres. `writes`: an answer that is missing leaves the outcome unknown.
    pub(crate) fn from_postgres(error: tokio_postgres::Error, writes: bool) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Error::Statement(Box::new(refusal.clone()));
        }
        let broken = error.is_closed()
            || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>());
        if broken {
            Error::Lost { outcome_unknown: writes, source: Some(error) }
        } else {
            Error::Protocol(error)
        }
    }
}

//! The pool of one worker: deadpool-postgres, with a bounded statement cache for each connection.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, PoolError, RecycleError, RecycleResult};
use deadpool_postgres::{ClientWrapper, ManagerConfig, RecyclingMethod, Runtime, TimeoutType, Timeouts};
use lru::LruCache;
use metrics::{Gauge, counter, gauge};
use tokio_postgres::Statement;

use super::settle::Settler;
use super::{Database, Error};
use crate::config::Config;

/// A connection of the pool and the statements that it has prepared.
pub struct Connection {
    pub(super) client: ClientWrapper,
    /// Least recently used last; what falls out is closed on the server when its last user drops it.
    statements: Mutex<LruCache<String, Statement>>,
    /// Set while the server prepares: where the request is dropped meanwhile, the server may hold a statement that nobody
    /// will close, and the connection is not used again.
    preparing: AtomicBool,
}

impl Connection {
    /// The statement prepared from `text`, on this connection's first use of it at the price of a round trip.
    pub(super) async fn prepared(&self, text: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.cache().get(text) {
            return Ok(statement.clone());
        }
        self.preparing.store(true, Ordering::Relaxed);
        let prepared = self.client.prepare(text).await;
        self.preparing.store(false, Ordering::Relaxed);
        let statement = prepared?;
        self.cache().put(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Forgets a statement that the server no longer takes: its tables changed under it.
    pub(super) fn forget(&self, text: &str) {
        self.cache().pop(text);
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, LruCache<String, Statement>> {
        // Nothing panics while it is held, and a lease has one user.
        self.statements.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(super) struct Manager {
    postgres: deadpool_postgres::Manager,
    statements_max: NonZeroUsize,
    lifetime: Duration,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Connection, Self::Error> {
        let client = self.postgres.create().await?;
        Ok(Connection {
            client,
            statements: Mutex::new(LruCache::new(self.statements_max)),
            preparing: AtomicBool::new(false),
        })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Self::Error> {
        if metrics.created.elapsed() > self.lifetime {
            return Err(RecycleError::message("older than connection_lifetime_s"));
        }
        if connection.preparing.load(Ordering::Relaxed) {
            return Err(RecycleError::message("dropped while it prepared a statement"));
        }
        self.postgres.recycle(&mut connection.client, metrics).await
    }

    fn detach(&self, connection: &mut Connection) {
        self.postgres.detach(&mut connection.client);
    }
}

/// The connections of one worker, their tasks on the worker's own thread.
#[derive(Clone)]
pub struct Pool {
    connections: managed::Pool<Manager>,
    pub(super) settler: Settler,
    pub(super) prepared_statements: bool,
    pub(super) deadline: Duration,
    wait: Duration,
    waiting_max: usize,
    in_use: Gauge,
    waiting: Gauge,
}

/// A connection taken from its pool, counted as in use until it is back there or closed.
pub(super) struct Lease {
    connection: managed::Object<Manager>,
    _in_use: Counted,
}

impl Lease {
    /// Closes the connection instead of giving it back.
    pub(super) fn close(self) {
        drop(managed::Object::take(self.connection));
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Pool {
    /// A pool for one worker; `pool_size` of the configuration is what all workers have together.
    pub fn new(database: &Database, config: &Config, settler: Settler) -> Self {
        let manager = Manager {
            postgres: deadpool_postgres::Manager::from_config(
                database.postgres.clone(),
                database.tls.clone(),
                // A tenant's settings end with its transaction, so there is nothing to clean (DISCARD would also throw
                // the prepared statements away).
                ManagerConfig { recycling_method: RecyclingMethod::Fast },
            ),
            statements_max: NonZeroUsize::new(config.statement_cache_max).unwrap_or(NonZeroUsize::MIN),
            lifetime: Duration::from_secs(config.connection_lifetime_s),
        };
        let wait = Duration::from_millis(config.pool_wait_ms);
        let connections = managed::Pool::builder(manager)
            .max_size(config.pool_size_per_worker())
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(wait),
                create: Some(Duration::from_millis(config.connect_timeout_ms)),
                recycle: None,
            })
            .build()
            .expect("a runtime is given, which is all that timeouts need");
        Self {
            connections,
            settler,
            prepared_statements: config.prepared_statements,
            deadline: config.deadline(),
            wait,
            waiting_max: config.pool_waiting_max,
            in_use: gauge!("rowhouse_pool_in_use"),
            waiting: gauge!("rowhouse_pool_waiting"),
        }
    }

    /// Takes a connection, waiting at most `pool_wait_ms`, or not at all where too many wait already.
    pub(super) async fn checkout(&self) -> Result<Lease, Error> {
        let timed_out = |waited: Duration| {
            counter!("rowhouse_pool_timeouts_total").increment(1);
            Error::PoolTimeout { waited_ms: waited.as_millis().try_into().unwrap_or(u64::MAX) }
        };
        if self.connections.status().waiting >= self.waiting_max {
            return Err(timed_out(Duration::ZERO));
        }
        let _waiting = Counted::new(&self.waiting);
        let leased = |connection| Lease { connection, _in_use: Counted::new(&self.in_use) };
        self.connections.get().await.map(leased).map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => timed_out(self.wait),
            PoolError::Backend(error) => Error::Connect(Some(error)),
            PoolError::Timeout(_)
            | PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => Error::Connect(None),
        })
    }
}

/// One that a gauge counts until it is dropped: also where the future around it is.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

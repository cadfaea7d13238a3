//! Whether a tenant may be served now: its state, remembered for a moment.
//!
//! Read as the tenant itself, in a tenant transaction, so that no door into the registry is needed. What is remembered
//! ends after `tenant_ttl_ms`, and at once when the database notifies a change.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lru::LruCache;
use uuid::Uuid;

use crate::catalog::Encoding;
use crate::config::Config;
use crate::db::{Asks, End, Pool, Work};
use crate::error::Error;
use crate::identity::{SelectionError, TenantContext};
use crate::query::{Access, Param, Prologue, SettingMode, Statement};

const STATE: &str = include_str!("../sql/catalog/tenant_state.sql");

/// The states of tenants, shared by all workers.
pub struct Tenants {
    remembered: Mutex<LruCache<Uuid, Entry>>,
    /// Counts the changes that were notified: what was read before one is forgotten.
    generation: AtomicU64,
    ttl: Duration,
}

#[derive(Clone, Copy)]
struct Entry {
    state: State,
    read_at: Instant,
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Suspended,
    /// No such tenant, or one that is not yet or no longer served.
    Absent,
}

impl Tenants {
    pub fn new(config: &Config) -> Self {
        let most = NonZeroUsize::new(config.tenants_max).unwrap_or(NonZeroUsize::MIN);
        Self {
            remembered: Mutex::new(LruCache::new(most)),
            generation: AtomicU64::new(0),
            ttl: Duration::from_millis(config.tenant_ttl_ms),
        }
    }

    /// Forgets every state: something changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets an active tenant pass. An anonymous caller passes in any case, but for a tenant that is not served as
    /// [`TenantContext::nobody`]: no answer tells whether there is such a tenant.
    ///
    /// # Errors
    /// [`Error::Suspended`], told to proven members only; an unknown tenant is answered as one that the token does not
    /// prove; [`Error::Database`].
    pub async fn admit(
        &self,
        pool: &Pool,
        tenant: TenantContext,
        mode: SettingMode,
    ) -> Result<TenantContext, Error> {
        let state = self.state(pool, &tenant, mode).await?;
        match state {
            State::Active => Ok(tenant),
            State::Suspended | State::Absent if tenant.is_anonymous() => Ok(tenant.nobody()),
            State::Suspended => Err(Error::Suspended),
            State::Absent => Err(Error::Selection(SelectionError::Forbidden)),
        }
    }

    async fn state(&self, pool: &Pool, tenant: &TenantContext, mode: SettingMode) -> Result<State, Error> {
        Ok(match self.recall(tenant.tenant_id()) {
            Some(state) => state,
            None => {
                // Taken before the read: a change that is notified meanwhile makes the entry stale at once.
                let generation = self.generation.load(Ordering::SeqCst);
                let state = read(pool, tenant, mode).await?;
                // Anybody can make up tenants: they shall not push out those that are proven.
                if state != State::Absent || !tenant.is_anonymous() {
                    let entry = Entry { state, read_at: Instant::now(), generation };
                    self.lock().put(tenant.tenant_id(), entry);
                }
                state
            }
        })
    }

    fn recall(&self, tenant: Uuid) -> Option<State> {
        let entry = *self.lock().get(&tenant)?;
        let fresh =
            entry.generation == self.generation.load(Ordering::SeqCst) && entry.read_at.elapsed() < self.ttl;
        fresh.then_some(entry.state)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<Uuid, Entry>> {
        // Nothing panics while it is held.
        self.remembered.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn read(pool: &Pool, tenant: &TenantContext, mode: SettingMode) -> Result<State, Error> {
    let work = Work {
        prologue: Prologue::as_request_role(tenant, Access::ReadOnly, mode),
        pre_request: None,
        asks: Asks::Never,
        count: None,
        planned: None,
        statement: Statement {
            text: STATE.to_owned(),
            params: vec![Param::Text(tenant.tenant_id().to_string())],
        },
        encodings: vec![Encoding::Text],
        end: End::Commit,
        discard: false,
        writes: false,
    };
    let mut rows = pool.run(&work).await?;
    let mut state = State::Absent;
    while let Some(row) = rows.next().await? {
        let name: String =
            row.try_get(0).map_err(|_| Error::Internal("the state of a tenant is not text"))?;
        state = match name.as_str() {
            "active" => State::Active,
            "suspended" => State::Suspended,
            _ => State::Absent,
        };
    }
    rows.commit().await?;
    Ok(state)
}

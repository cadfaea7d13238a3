//! What the service holds while it runs, and the task that keeps it current.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics::{counter, gauge, histogram};
use tokio::sync::Notify;

use crate::catalog::{self, Catalog, Event};
use crate::config::Config;
use crate::db::{Database, Pool, Settler, UrlError};
use crate::identity::{Verifier, issuers};
use crate::tenants::Tenants;

/// Shared by all workers.
pub struct App {
    pub config: Config,
    pub verifier: Verifier,
    pub tenants: Tenants,
    database: Database,
    settler: Settler,
    /// None after the request role was found unfit: nothing is served until it is mended.
    catalog: RwLock<Option<Arc<Catalog>>>,
    /// Why the newest reload failed, where it did: the older catalog serves on.
    reload_fault: RwLock<Option<String>>,
    draining: AtomicBool,
    /// Wakes the task that reloads.
    wishes: Notify,
}

/// What one worker has: the shared part, and its own connections.
#[derive(Clone)]
pub struct Worker {
    pub app: Arc<App>,
    pub pool: Pool,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("database_url: {0}")]
    Url(#[from] UrlError),
    #[error(transparent)]
    Issuer(#[from] issuers::Error),
    #[error("cannot connect to Postgres ({url}): {}", cause(.source))]
    Connect { url: String, source: tokio_postgres::Error },
    #[error("{error}{}", std::error::Error::source(.error).map(|source| format!(": {}", cause_of(source))).unwrap_or_default())]
    Catalog { error: catalog::Error },
    #[error("reading the catalog took longer than a minute")]
    Slow,
    #[error("cannot listen on {address}: {source}{}", hint(.source, .key))]
    Bind { address: String, key: &'static str, source: std::io::Error },
}

/// The whole chain of an error in one line.
pub fn cause(error: &tokio_postgres::Error) -> String {
    cause_of(error)
}

fn cause_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn hint(error: &std::io::Error, key: &str) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(" (another program listens there: end it, or set {key})"),
        _ => String::new(),
    }
}

impl App {
    /// Reads keys and catalog, and lets the gate judge. Nothing listens yet.
    ///
    /// # Errors
    /// [`StartError`], in one line.
    pub async fn start(config: Config) -> Result<Arc<Self>, StartError> {
        let verifier = Verifier::new(&config.issuers)?;
        if config.issuers.is_empty() {
            tracing::warn!("no issuer is configured: every request will be refused");
        }
        let database = Database::for_requests(&config)?;
        let settler = Settler::new(&database, &config);
        let app = App {
            verifier,
            tenants: Tenants::new(&config),
            database,
            settler,
            catalog: RwLock::default(),
            reload_fault: RwLock::default(),
            draining: AtomicBool::new(false),
            wishes: Notify::new(),
            config,
        };
        let catalog = app.load().await?;
        app.swap(catalog);
        Ok(Arc::new(app))
    }

    /// The catalog of this moment; it stays as it is for as long as the request holds it. None where nothing may be
    /// served.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Why the newest reload failed, where it did.
    pub fn reload_fault(&self) -> Option<String> {
        self.reload_fault.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether the service is ending: `/ready` says so, so that a balancer sends no more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Has the catalog read again, soon; a wish that waits already covers this one.
    pub fn wish_reload(&self) {
        self.wishes.notify_one();
    }

    /// A pool for one worker.
    pub fn worker(self: &Arc<Self>) -> Worker {
        Worker { app: self.clone(), pool: Pool::new(&self.database, &self.config, self.settler.clone()) }
    }

    /// Whether Postgres answers now, on a connection made for the question.
    pub async fn reaches_postgres(&self) -> bool {
        let ask = async {
            let client = self.database.client().await?;
            client.batch_execute("").await
        };
        let limit = Duration::from_millis(self.config.connect_timeout_ms);
        matches!(tokio::time::timeout(limit, ask).await, Ok(Ok(())))
    }

    async fn load(&self) -> Result<Catalog, StartError> {
        let loading = tokio::time::timeout(LOAD_MAX, self.load_now());
        loading.await.unwrap_or(Err(StartError::Slow))
    }

    async fn load_now(&self) -> Result<Catalog, StartError> {
        let started = Instant::now();
        let connect = |source| StartError::Connect { url: self.config.database_url.redacted(), source };
        let client = self.database.client().await.map_err(connect)?;
        let catalog =
            catalog::load(&client, &self.config).await.map_err(|error| StartError::Catalog { error })?;
        histogram!("rowhouse_catalog_load_seconds").record(started.elapsed().as_secs_f64());
        Ok(catalog)
    }

    fn swap(&self, catalog: Catalog) {
        for refusal in &catalog.refused {
            tracing::warn!(relation = refusal.relation, reason = %refusal.reason, "not served");
        }
        let (served, refused) = (catalog.relations().count(), catalog.refused.len());
        gauge!("rowhouse_relations_served").set(served as f64);
        gauge!("rowhouse_relations_refused").set(refused as f64);
        tracing::info!(served, refused, "catalog loaded");
        *self.catalog.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(catalog));
        *self.reload_fault.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    async fn reload(&self) {
        match self.load().await {
            Ok(catalog) => {
                counter!("rowhouse_catalog_reloads_total", "outcome" => "ok").increment(1);
                self.swap(catalog);
            }
            Err(error) => {
                counter!("rowhouse_catalog_reloads_total", "outcome" => "failed").increment(1);
                if matches!(&error, StartError::Catalog { error: catalog::Error::Role { .. } }) {
                    // No policy can be trusted to bind such a role, whatever an older catalog says.
                    tracing::error!(error = %error, "nothing is served any more");
                    *self.catalog.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
                } else {
                    tracing::error!(error = %error, "the catalog was not reloaded; the older one serves on");
                }
                let mut fault = self.reload_fault.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                *fault = Some(error.to_string());
            }
        }
    }

    /// Keeps catalog and tenants current, for ever: on notifications, and on wishes.
    pub async fn keep_current(self: Arc<Self>) {
        let listening = catalog::watch(&self.database, |event| {
            // The first time, too: the catalog was read before anybody listened.
            self.tenants.forget();
            if matches!(event, Event::Reload | Event::Listening) {
                self.wish_reload();
            }
        });
        let reloading = async {
            loop {
                self.wishes.notified().await;
                // Migrations notify once a statement; one reload covers the burst.
                tokio::time::sleep(DEBOUNCE).await;
                let _ = self.wishes.notified().now_or_never();
                self.reload().await;
            }
        };
        tokio::join!(listening, reloading);
    }
}

const DEBOUNCE: Duration = Duration::from_millis(100);

/// How long reading the catalog may take before Postgres is taken for silent.
const LOAD_MAX: Duration = Duration::from_secs(60);

//! What the service holds while it runs, and the task that keeps it current.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;
use metrics::{counter, gauge, histogram};
use tokio::sync::Notify;

use crate::catalog::{self, Catalog, Event};
use crate::config::Config;
use crate::db::{Database, Pool, Settler, UrlError};
use crate::events::{Events, Writer};
use crate::identity::{DatabaseRole, OriginError, Origins, Roles, RolesError, Verifier, issuers};
use crate::sessions::{self, KeyError, PasswordGrantError, Passwords, Sessions};
use crate::tenants::Tenants;

/// Shared by all workers.
pub struct App {
    pub config: Config,
    pub verifier: Verifier,
    pub tenants: Tenants,
    pub origins: Origins,
    pub events: Events,
    /// None where the service issues no tokens.
    pub sessions: Option<Sessions>,
    database: Database,
    settler: Settler,
    /// None after the request role was found unfit: nothing is served until it is mended.
    catalogs: RwLock<Option<Arc<Catalogs>>>,
    /// Why the newest reload failed, where it did: the older catalog serves on.
    reload_fault: RwLock<Option<String>>,
    /// When the gate last judged what is served.
    judged_at: RwLock<Instant>,
    draining: AtomicBool,
    /// Wakes the task that reloads.
    wishes: Notify,
    /// Until [`App::write_events`] takes it.
    writer: Mutex<Option<Writer>>,
}

/// What each database role may use; all read in one go and swapped together.
#[derive(Debug)]
pub struct Catalogs {
    /// The request role's.
    pub own: Arc<Catalog>,
    /// Those of `anonymous_role` and `database_roles`; why there is none for a role that is served nothing.
    pub roles: BTreeMap<DatabaseRole, Result<Arc<Catalog>, String>>,
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
    #[error(transparent)]
    Roles(#[from] RolesError),
    #[error(transparent)]
    Origins(#[from] OriginError),
    #[error(transparent)]
    SessionKeys(#[from] KeyError),
    #[error(transparent)]
    PasswordGrant(#[from] PasswordGrantError),
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

/// The whole chain of any error in one line.
pub fn cause_of(error: &(dyn std::error::Error + 'static)) -> String {
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
        let verifier = Verifier::new(&config)?.with_roles(Roles::new(&config)?);
        let passwords = Passwords::new(&config)?;
        if passwords.is_some() {
            tracing::warn!("password_grant is on: passwords are for development only");
        }
        let sessions = Sessions::start(&config, &verifier, passwords)?;
        if config.issuers.is_empty() && sessions.is_none() {
            tracing::info!("no issuer is configured: only those of the database may issue tokens");
        }
        let database = Database::for_requests(&config)?;
        let settler = Settler::new(&database, &config);
        let (events, writer) = Events::new(&config);
        let app = App {
            verifier,
            tenants: Tenants::new(&config),
            origins: Origins::new(&config)?,
            events,
            sessions,
            database,
            settler,
            catalogs: RwLock::default(),
            reload_fault: RwLock::default(),
            judged_at: RwLock::new(Instant::now()),
            draining: AtomicBool::new(false),
            wishes: Notify::new(),
            writer: Mutex::new(Some(writer)),
            config,
        };
        let loaded = app.load().await?;
        if let Some(error) = loaded.unfit {
            return Err(StartError::Catalog { error });
        }
        app.swap(loaded.catalogs);
        Ok(Arc::new(app))
    }

    /// The catalog of this moment for a database role, None meaning the request role itself; it stays as it is for as
    /// long as the request holds it. None where nothing may be served.
    pub fn catalog(&self, role: Option<&DatabaseRole>) -> Option<Arc<Catalog>> {
        let catalogs = self.catalogs.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let catalogs = catalogs.as_ref()?;
        match role {
            None => Some(catalogs.own.clone()),
            Some(role) => catalogs.roles.get(role)?.as_ref().ok().cloned(),
        }
    }

    /// The catalogs of this moment, of all roles. None where nothing may be served.
    pub fn catalogs(&self) -> Option<Arc<Catalogs>> {
        self.catalogs.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// How long ago the gate last judged what is served.
    pub fn judged_ago(&self) -> Duration {
        self.judged_at.read().unwrap_or_else(std::sync::PoisonError::into_inner).elapsed()
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

    async fn load(&self) -> Result<Loaded, StartError> {
        let loading = tokio::time::timeout(LOAD_MAX, self.load_now());
        loading.await.unwrap_or(Err(StartError::Slow))
    }

    async fn load_now(&self) -> Result<Loaded, StartError> {
        let started = Instant::now();
        let own = Arc::new(self.load_for(None).await?);
        let mut loaded = Loaded { catalogs: Catalogs { own, roles: BTreeMap::new() }, unfit: None };
        for role in self.verifier.roles().all() {
            let catalog = match self.load_for(Some(role)).await {
                Ok(catalog) => Ok(Arc::new(catalog)),
                Err(StartError::Catalog { error: error @ catalog::Error::Role { .. } }) => {
                    let why = error.to_string();
                    loaded.unfit.get_or_insert(error);
                    Err(why)
                }
                Err(error) => return Err(error),
            };
            loaded.catalogs.roles.insert(role.clone(), catalog);
        }
        histogram!("rowhouse_catalog_load_seconds").record(started.elapsed().as_secs_f64());
        Ok(loaded)
    }

    /// On a connection of its own: the gate asks a session that never had a tenant.
    async fn load_for(&self, role: Option<&DatabaseRole>) -> Result<Catalog, StartError> {
        let connect = |source| StartError::Connect { url: self.config.database_url.redacted(), source };
        let client = self.database.client().await.map_err(connect)?;
        let loading = match role {
            None => catalog::load(&client, &self.config).await,
            Some(role) => catalog::load_as(&client, &self.config, role.identifier()).await,
        };
        loading.map_err(|error| StartError::Catalog { error })
    }

    fn swap(&self, catalogs: Catalogs) {
        report(&catalogs.own, None);
        for (role, catalog) in &catalogs.roles {
            match catalog {
                Ok(catalog) => report(catalog, Some(role.name())),
                Err(why) => tracing::error!(role = role.name(), why, "this role is served nothing"),
            }
        }
        gauge!("rowhouse_relations_served").set(catalogs.own.relations().count() as f64);
        gauge!("rowhouse_relations_refused").set(catalogs.own.refused.len() as f64);
        *self.catalogs.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(catalogs));
        *self.reload_fault.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        *self.judged_at.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
        if let Ok(since) = SystemTime::UNIX_EPOCH.elapsed() {
            gauge!("rowhouse_gate_judged_timestamp_seconds").set(since.as_secs_f64());
        }
    }

    async fn reload(&self) {
        match self.load().await {
            Ok(loaded) => {
                let outcome = if loaded.unfit.is_none() { "ok" } else { "failed" };
                counter!("rowhouse_catalog_reloads_total", "outcome" => outcome).increment(1);
                self.swap(loaded.catalogs);
                if let Some(error) = loaded.unfit {
                    self.set_reload_fault(&StartError::Catalog { error });
                }
            }
            Err(error) => {
                counter!("rowhouse_catalog_reloads_total", "outcome" => "failed").increment(1);
                if matches!(&error, StartError::Catalog { error: catalog::Error::Role { .. } }) {
                    // No policy can be trusted to bind such a role, whatever an older catalog says.
                    tracing::error!(error = %error, "nothing is served any more");
                    *self.catalogs.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
                } else {
                    tracing::error!(error = %error, "the catalog was not reloaded; the older one serves on");
                }
                self.set_reload_fault(&error);
            }
        }
    }

    fn set_reload_fault(&self, error: &StartError) {
        let mut fault = self.reload_fault.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *fault = Some(error.to_string());
    }

    /// Writes events to the audit log, until [`Events::finish`] and no event is left.
    pub async fn write_events(self: Arc<Self>) {
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(writer) = writer {
            writer.run(self.database.clone()).await;
        }
    }

    /// Reads the session keys again; where one is not good, the older ones sign on.
    pub fn reload_session_keys(&self) {
        let Some(sessions) = &self.sessions else { return };
        if let Err(error) = sessions.reload(&self.verifier) {
            tracing::error!(error = %error, "the session keys were not reloaded; the older ones sign on");
        }
    }

    /// Reads the session keys each minute, and forgets what sessions leave behind each hour, for ever.
    pub async fn keep_sessions(self: Arc<Self>) {
        if self.sessions.is_none() {
            return;
        }
        let pool = Pool::new(&self.database, &self.config, self.settler.clone());
        loop {
            // At the start, too. Replicas may do it at the same moment: each row is deleted once.
            if let Err(error) = pool.ask(sessions::PURGE, &[]).await {
                tracing::warn!(error = %error, "what sessions left behind was not purged");
            }
            for _ in 0..PURGE_MINUTES {
                tokio::time::sleep(Duration::from_secs(60)).await;
                self.reload_session_keys();
            }
        }
    }

    /// Keeps catalog and tenants current, for ever: on notifications, on wishes, and every `gate_recheck_s`.
    pub async fn keep_current(self: Arc<Self>) {
        let listening = catalog::watch(&self.database, |event| {
            match event {
                Event::Issuers => {
                    self.verifier.forget();
                    // Which tenants an issuer is listed for is part of what is remembered of members.
                    self.tenants.forget();
                }
                Event::Tenants => {
                    self.tenants.forget();
                    self.verifier.forget_tokens();
                }
                Event::Reload => {
                    self.tenants.forget();
                    self.wish_reload();
                }
                // The first time, too: the catalog was read before anybody listened.
                Event::Listening => {
                    self.verifier.forget();
                    self.tenants.forget();
                    self.wish_reload();
                }
            }
        });
        let reloading = async {
            loop {
                self.wish_or_recheck().await;
                // Migrations notify once a statement; one reload covers the burst.
                tokio::time::sleep(DEBOUNCE).await;
                let _ = self.wishes.notified().now_or_never();
                self.reload().await;
            }
        };
        tokio::join!(listening, reloading);
    }

    /// Until somebody wishes a reload, or it is time to judge again.
    async fn wish_or_recheck(&self) {
        let wished = self.wishes.notified();
        match self.config.gate_recheck_s {
            0 => wished.await,
            // Both ends mean the same.
            seconds => drop(tokio::time::timeout(Duration::from_secs(seconds), wished).await),
        }
    }
}

/// What one reading of the database gave.
struct Loaded {
    catalogs: Catalogs,
    /// The first of the other roles that was found unfit: the service does not start; at a reload, that role alone is
    /// served nothing. What is dangerous in a role makes the request role unfit, too, which can become it.
    unfit: Option<catalog::Error>,
}

fn report(catalog: &Catalog, role: Option<&str>) {
    for refusal in &catalog.refused {
        tracing::warn!(relation = refusal.relation, role, reason = %refusal.reason, "not served");
    }
    let (served, refused) = (catalog.relations().count(), catalog.refused.len());
    let functions = catalog.functions().count();
    tracing::info!(served, functions, refused, role, "catalog loaded");
}

/// How often what sessions leave behind is purged, in minutes.
const PURGE_MINUTES: u32 = 60;

const DEBOUNCE: Duration = Duration::from_millis(100);

/// How long reading the catalog may take before Postgres is taken for silent.
const LOAD_MAX: Duration = Duration::from_secs(60);

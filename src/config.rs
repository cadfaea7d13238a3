//! The configuration: a TOML file, the environment and flags, read once, in that order of precedence from low to high.
//!
//! All keys are flat and stand in one table below, from which the defaults, the bounds, the names of environment
//! variables and `docs/config.md` are made. Unknown keys are refused, as are values out of bounds.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::DatabaseUrl;
use crate::identity::issuers::IssuerConfig;
use crate::identity::{Membership, OriginError, Origins, Roles, RolesError};
use crate::query::AboutRequest;

/// The prefix of environment variables: `pool_size` is `ROWHOUSE_POOL_SIZE`.
pub const ENVIRONMENT_PREFIX: &str = "ROWHOUSE_";

/// Declares the keys once: documentation, name, type, default and bounds.
macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr $(, $bounds:expr)?; )*) => {
        /// Every setting, effective.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config {
            $( $(#[doc = $doc])+ pub $name: $kind, )*
            /// Who may issue tokens, and with which keys.
            pub issuers: Vec<IssuerConfig>,
        }

        impl Default for Config {
            fn default() -> Self {
                Config { $( $name: $default, )* issuers: Vec::new() }
            }
        }

        /// Every key but `issuers`, for the environment and the documentation.
        pub const KEYS: &[Key] = &[ $( Key {
            name: stringify!($name),
            doc: concat!($($doc, "\n",)+),
            kind: <$kind as Setting>::KIND,
            bounds: { let bounds: Option<(u64, u64)> = None; $( let _ = bounds; let bounds = Some((*$bounds.start(), *$bounds.end())); )? bounds },
        }, )* ];

        impl Config {
            fn check_bounds(&self) -> Result<(), Error> {
                $( $(
                    let value = u64::try_from(self.$name).unwrap_or(u64::MAX);
                    if !$bounds.contains(&value) {
                        return Err(Error::Bounds { key: stringify!($name), value, min: *$bounds.start(), max: *$bounds.end() });
                    }
                )? )*
                Ok(())
            }
        }
    };
}

settings! {
    /// Postgres, as the request role: `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=system`.
    /// `sslmode`, `sslrootcert`, `sslcert` and `sslkey` mean what they mean to libpq.
    database_url: DatabaseUrl = DatabaseUrl::new("postgres://rowhouse_app@127.0.0.1:5432/rowhouse");
    /// Postgres, as a role that may create roles and schemas; used by `rowhouse migrate`, `issuer` and `password`, by
    /// `token` and `prove` to look tenants up, and by `audit` where it is set. Leave it out where the service runs.
    migrate_url: DatabaseUrl = DatabaseUrl::new("");
    /// Where the API listens.
    bind: String = "127.0.0.1:8000".to_owned();
    /// Where `/live`, `/ready` and `/metrics` are served; keep it off the public network.
    admin_bind: String = "127.0.0.1:8001".to_owned();
    /// Exposed schemas: every relation in them that passes the gate is served. Of a name that several have the first means it, or
    /// the one that `Accept-Profile` names. `tenancy_api` has what is served of the tenancy itself (members, invitations, issuers,
    /// the audit log).
    schemas: Vec<String> = vec!["api".to_owned(), "tenancy_api".to_owned()];
    /// Single relations served beside them, as `schema.name`.
    relations: Vec<String> = Vec::new();
    /// The database role of requests without a token; empty: there are none. The path or `X-Tenant-Id` then names the
    /// tenant. See docs/database-roles.md. (PostgREST: `db-anon-role`.)
    anonymous_role: String = String::new();
    /// The claim that names the database role of a request: members separated by dots, such as `role` or
    /// `app_metadata.role`, in double quotes where a name has a dot; empty: no token names one. (PostgREST:
    /// `jwt-role-claim-key`.)
    role_claim: String = String::new();
    /// The database roles that the claim may name. The request role must be a member of each.
    database_roles: Vec<String> = Vec::new();
    /// A function without arguments, as `schema.name`, that is called in every request's transaction before its statement;
    /// what it raises is the answer. Empty: none.
    pre_request: String = String::new();
    /// The folder with the secrets of issuers of the database that sign with HS256: a file for each, called as the row's
    /// `secret_ref` says. Empty: such issuers are not usable. See docs/issuers.md.
    issuer_secrets_dir: String = String::new();
    /// Issuers of the database that are remembered, and as many texts that are known to be no issuer.
    issuers_max: usize = 1_000, 1..=1_000_000;
    /// Tenants of platform issuers of the database that are remembered, each under the issuer's name for it.
    issuer_bindings_max: usize = 10_000, 1..=10_000_000;
    /// Tokens that are remembered to be good, so that their signature need not be verified anew; 0: none. One takes as much
    /// memory as its text.
    verified_tokens_max: usize = 10_000, 0..=10_000_000;
    /// How long a token is remembered to be good, in seconds; never beyond its `exp`.
    verified_token_s_max: u64 = 60, 1..=60;
    /// The URL under which clients reach the service, without a slash at its end, such as `https://api.example.com`: the
    /// resource that `/.well-known/oauth-protected-resource` speaks of (RFC 9728). Empty: there is no such document.
    public_url: String = String::new();
    /// Hosts on which the document of an issuer may say that its keys are, beside the issuer's own: `www.googleapis.com`, for
    /// one, where those of `https://accounts.google.com` are.
    issuer_hosts_allowed: Vec<String> = Vec::new();
    /// Hosts from which issuers' documents and keys are fetched although their addresses are not public: an identity provider
    /// in the private network. Whoever may propose issuers can then have the service ask such a host.
    issuer_private_hosts: Vec<String> = Vec::new();
    /// Whether issuers on this machine may be fetched from over http. For tests: in production whoever can listen on a port
    /// would be believed.
    insecure_issuer_urls: bool = false;
    /// Issuers whose fetched key sets are remembered, of at most 32 keys each; the least recently used is dropped first.
    key_sets_max: usize = 1_000, 1..=100_000;
    /// Who says what a user is in a tenant: `token` (the issuer: its tokens name tenants, roles and permissions), `database`
    /// (`tenancy.members`: a token need not name tenants then), or `both` (a tenant must be in both, the lower role and the
    /// common permissions count). A member who is disabled there is refused in each. See docs/identity.md.
    membership: Membership = Membership::Token;
    /// Domains under which one more label, the slug, names a tenant: with `example.com`, the host `acme.example.com` selects
    /// acme. Like every selector it chooses among what the token proves.
    base_domains: Vec<String> = Vec::new();
    /// Whether hosts under no base domain are looked up among the verified domains of tenants (`tenancy.tenant_domains`).
    custom_domains: bool = false;
    /// Slugs and domains whose tenants are remembered, and those that are none.
    tenant_names_max: usize = 10_000, 1..=10_000_000;
    /// Addresses and networks (`10.0.0.0/8`) of proxies whose word is taken for a request's host and client address.
    trusted_proxies: Vec<String> = Vec::new();
    /// Which headers the trusted proxies set, and do not just hand on: `x_forwarded` (`X-Forwarded-For`, `X-Forwarded-Host`) or
    /// `forwarded` (RFC 7239).
    forwarded_headers: ForwardedHeaders = ForwardedHeaders::XForwarded;
    /// The private keys that the service's own access tokens are signed with: PEM files (PKCS#8, P-256 or Ed25519; `rowhouse
    /// keygen` prints one). The first signs, all of them are published and verify. Read again on SIGUSR1 and each minute.
    /// Empty: there are no sessions, and none of their endpoints. Needs `public_url`, which is the issuer. See docs/sessions.md.
    session_key_files: Vec<String> = Vec::new();
    /// The audience of the service's own access tokens.
    session_audience: String = "rowhouse".to_owned();
    /// How long an access token is good, in seconds.
    access_token_s: u64 = 600, 60..=900;
    /// How long a session lasts that is not refreshed, in seconds.
    session_idle_s: u64 = 604_800, 60..=31_536_000;
    /// How long a session lasts in any case, in seconds.
    session_absolute_s: u64 = 2_592_000, 60..=31_536_000;
    /// How long the refresh token before the live one may still be used, for clients that lost an answer, in seconds; 0: any
    /// second use ends the session.
    refresh_grace_s: u64 = 0, 0..=10;
    /// How often one session may be refreshed, a minute.
    refreshes_per_minute: u64 = 10, 1..=1_000;
    /// How many requests to `/auth/token` and `/auth/revoke` one client may send from one address, a minute.
    token_requests_per_minute: u64 = 60, 1..=100_000;
    /// Whether `/auth/token` takes passwords (`rowhouse password` sets them), for development only. The service refuses to start
    /// with it unless all of it is on one machine: `bind`, `public_url` (`http://localhost:8000`) and `database_url` of the
    /// loopback, and no `trusted_proxies`.
    password_grant: bool = false;
    /// Whether `/openapi.json`, and `/`, describe what is served, to those with a token.
    openapi: bool = true;
    /// Whether `/docs` is a page of Swagger UI, public and empty until it is given a token. A relation `docs` is then reached
    /// below its tenant only, as `/{tenant}/docs`.
    docs: bool = false;
    /// Worker threads, each with its own connections; 0: one for each core.
    workers: usize = 0, 0..=512;
    /// Connections to Postgres, all workers together (at least one each).
    pool_size: usize = 16, 1..=10_000;
    /// How long a request waits for a connection before it is answered 503, in milliseconds.
    pool_wait_ms: u64 = 2_000, 1..=60_000;
    /// How many requests of one worker may wait for a connection; one more is answered 503 at once.
    pool_waiting_max: usize = 1_000, 1..=100_000;
    /// How long making a connection to Postgres may take, in milliseconds.
    connect_timeout_ms: u64 = 5_000, 100..=60_000;
    /// How old a connection may become before it is replaced, in seconds.
    connection_lifetime_s: u64 = 1_800, 1..=86_400;
    /// How long a statement may run before Postgres cancels it, in milliseconds. The request's own deadline is a second
    /// later; a client must have taken a streamed answer by then, too.
    statement_timeout_ms: u64 = 10_000, 1..=3_600_000;
    /// Prepared statements that a connection keeps, the least recently used dropped first.
    statement_cache_max: usize = 256, 1..=100_000;
    /// Whether statements are prepared at all; `false` behind PgBouncer below 1.21 in transaction mode.
    prepared_statements: bool = true;
    /// How the tenant reaches Postgres: `set_local`, `set_config`, or `auto` (`set_config` only where `pg_stat_statements`
    /// before PostgreSQL 18 would keep an entry for each tenant).
    tenant_setting: TenantSetting = TenantSetting::Auto;
    /// After a client hung up or a deadline passed: how long its statement may go on before it is cancelled, in
    /// milliseconds.
    cancel_grace_ms: u64 = 100, 0..=60_000;
    /// Connections that may send cancel requests at the same time.
    cancel_connections_max: usize = 4, 1..=100;
    /// How long the gate tries to read a relation as nobody, in milliseconds; longer counts as not proven.
    probe_timeout_ms: u64 = 2_000, 1..=60_000;
    /// The largest request body, in bytes.
    body_bytes_max: u64 = 1_048_576, 1..=1_073_741_824;
    /// The longest query string, in bytes.
    url_bytes_max: u64 = 16_384, 256..=65_536;
    /// Comparisons in the filters of one request.
    filters_max: u64 = 100, 1..=10_000;
    /// Values that the filters and orders of one statement take, each key of a JSON path one: a filter of a spread
    /// relation is written once for each of its members. Postgres takes 65535 in all.
    filter_values_max: u64 = 2_000, 1..=30_000;
    /// Levels of embedding.
    embed_depth_max: u64 = 5, 0..=32;
    /// Nested relations that one insert writes to: a relation counts once for each place that it is nested in.
    nested_relations_max: usize = 32, 1..=1_000;
    /// The most rows that a read gives, of each relation and embedded relation; 0: no bound.
    rows_max: u64 = 10_000, 0..=9_223_372_036_854_775_807;
    /// Whether `select` may ask for aggregates (`amount.sum()`), which read every row that the filters leave.
    aggregates: bool = false;
    /// Answers are sent whole up to this size and streamed beyond it, in bytes.
    stream_bytes_min: usize = 262_144, 1_024..=67_108_864;
    /// The largest answer of a write that its row count may still undo, in bytes; such an answer is held back until the
    /// commit.
    held_bytes_max: usize = 16_777_216, 1_024..=1_073_741_824;
    /// How many operations one `POST /batch` may have; 0: there are no batches, and `/batch` is a relation of that name, which
    /// else cannot be reached there.
    batch_max: usize = 100, 0..=10_000;
    /// Whether `Prefer: tx=rollback` is heard: a request that is answered as if it had happened, and undone. For tests.
    transaction_preference: bool = false;
    /// Whether PATCH and DELETE may touch a whole relation, without a filter or `max-affected`.
    unfiltered_writes: bool = false;
    /// How often the catalog is read and the gate judges again where nothing asked for it, in seconds; 0: never. What somebody
    /// opened by hand, and notified nobody of, is served no longer than this.
    gate_recheck_s: u64 = 300, 0..=86_400;
    /// How long the states of a tenant, a member and a token are remembered, in milliseconds; a change is also notified at once.
    tenant_ttl_ms: u64 = 5_000, 100..=5_000;
    /// How many of them are remembered: one for each token and tenant.
    tenants_max: usize = 10_000, 1..=10_000_000;
    /// Whether `Prefer: count=planned` and `count=estimated` are followed. The planner's numbers come from statistics of
    /// whole tables, so a client learns roughly how many rows all tenants have together. Where it is off, the two are
    /// ignored like any preference that is unknown: refused only under `handling=strict`.
    planned_counts: bool = false;
    /// Whether `Accept: application/vnd.pgrst.plan` is answered with the plan of the statement. A plan shows estimates
    /// from statistics of whole tables, with `analyze` how many rows of others were passed over, names of indexes and the
    /// text of policies: not for tenants that are strangers.
    explain: bool = false;
    /// What policies may ask of a request beside who makes it: any of `app.client_ip`, `app.attributes` and
    /// `app.request_id`. See docs/authorization.md.
    transaction_settings: Vec<String> = Vec::new();
    /// Which allowed requests are events of the audit log: `off`, `all`, or a share of them such as `0.01`. What is refused,
    /// sign-ins and administrative acts are, whatever stands here. See docs/audit-log.md.
    audit_allows: AuditAllows = AuditAllows::Off;
    /// Refusals of one kind in one tenant that are recorded each second; those beyond are counted, and one event says how
    /// many they were.
    audit_rate_max: u64 = 20, 1..=1_000_000;
    /// Events that wait to be written, while Postgres is away or slow; one more is dropped, and counted.
    audit_queue_max: usize = 10_000, 1..=10_000_000;
    /// How long events are collected before they are written together, in milliseconds.
    audit_interval_ms: u64 = 200, 1..=60_000;
    /// The origins whose pages may use the API from a browser (CORS), as `https://app.example`; `*` is any; none by
    /// default. Tokens are sent by the page itself, so credentials that a browser adds (cookies) are never allowed.
    cors_origins: Vec<String> = Vec::new();
    /// Whether answers carry `Server-Timing`.
    server_timing: bool = false;
    /// Open HTTP connections, for each worker.
    connections_max: usize = 10_000, 1..=1_000_000;
    /// How long an idle HTTP connection is kept, in seconds.
    keep_alive_s: u64 = 75, 1..=3_600;
    /// How long a client may take to send the head of a request, in milliseconds.
    head_timeout_ms: u64 = 5_000, 100..=60_000;
    /// How long a client may take to send a body, in milliseconds.
    body_timeout_ms: u64 = 30_000, 100..=3_600_000;
    /// After SIGTERM: how long requests in flight may take to end, in seconds. Ten seconds later the process ends, whatever hangs.
    shutdown_timeout_s: u64 = 30, 0..=3_600;
    /// `text` or `json`.
    log_format: LogFormat = LogFormat::Text;
    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as `info,rowhouse=debug`.
    log_level: String = "info".to_owned();
}

/// How the tenant reaches Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantSetting {
    Auto,
    SetLocal,
    SetConfig,
}

/// Which allowed requests are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AuditAllows {
    Off,
    All,
    /// This share of them, more than 0 and less than 1.
    Share(f64),
}

impl TryFrom<String> for AuditAllows {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match (text.as_str(), text.parse::<f64>()) {
            ("off", _) => Ok(AuditAllows::Off),
            ("all", _) => Ok(AuditAllows::All),
            (_, Ok(share)) if share > 0.0 && share < 1.0 => Ok(AuditAllows::Share(share)),
            _ => Err("audit_allows must be off, all, or a share such as 0.01"),
        }
    }
}

impl From<AuditAllows> for String {
    fn from(allows: AuditAllows) -> Self {
        match allows {
            AuditAllows::Off => "off".to_owned(),
            AuditAllows::All => "all".to_owned(),
            AuditAllows::Share(share) => share.to_string(),
        }
    }
}

/// Which headers say what trusted proxies know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardedHeaders {
    XForwarded,
    Forwarded,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// One key, as documented.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub doc: &'static str,
    pub kind: Kind,
    /// The smallest and the largest value of a number.
    pub bounds: Option<(u64, u64)>,
}

/// How the text of an environment variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
    /// Separated by commas.
    List,
}

/// A type that a key can have.
trait Setting {
    const KIND: Kind;
}

macro_rules! setting_kinds {
    ($($kind:ident: $($of:ty),+;)*) => { $($(impl Setting for $of { const KIND: Kind = Kind::$kind; })+)* };
}

setting_kinds! {
    Text: String, DatabaseUrl, TenantSetting, LogFormat, AuditAllows, Membership, ForwardedHeaders;
    Number: u64, usize;
    Boolean: bool;
    List: Vec<String>;
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path}: {source}")]
    Toml { path: String, source: Box<toml::de::Error> },
    #[error("{variable}: {why}")]
    Variable { variable: String, why: String },
    #[error("{0}")]
    Value(Box<toml::de::Error>),
    #[error("{key} is {value}, and must be from {min} to {max}")]
    Bounds { key: &'static str, value: u64, min: u64, max: u64 },
    #[error("cors_origins: {0:?} is neither * nor of the form https://app.example")]
    Origin(String),
    #[error("transaction_settings: {0:?} is none of app.client_ip, app.attributes and app.request_id")]
    TransactionSetting(String),
    #[error(transparent)]
    Roles(#[from] RolesError),
    #[error(transparent)]
    Origins(#[from] OriginError),
    #[error("{key} = {value:?} is not of the form address:port")]
    Address { key: &'static str, value: String },
}

impl Config {
    /// Reads `file` if there is one, then `environment` (variable, value), then `overrides` (key, value).
    ///
    /// # Errors
    /// [`Error`], in one line that names the key, the variable or the file. Never shows a value of a URL or secret.
    pub fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        overrides: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|source| Error::File { path: shown.clone(), source })?;
                text.parse().map_err(|source| Error::Toml { path: shown, source: Box::new(source) })?
            }
        };
        for (variable, text) in environment {
            let Some(key) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            let key = key.to_ascii_lowercase();
            if !is_reserved(&key) {
                let value = value(&key, &text).map_err(|why| Error::Variable { variable, why })?;
                table.insert(key, value);
            }
        }
        for (key, text) in overrides {
            let value = value(key, text).map_err(|why| Error::Variable { variable: key.clone(), why })?;
            table.insert(key.clone(), value);
        }
        let config: Config = table.try_into().map_err(|error| Error::Value(Box::new(error)))?;
        config.check_bounds()?;
        Roles::new(&config)?;
        Origins::new(&config)?;
        for (key, value) in [("bind", &config.bind), ("admin_bind", &config.admin_bind)] {
            if value.parse::<std::net::SocketAddr>().is_err() {
                return Err(Error::Address { key, value: value.clone() });
            }
        }
        let unknown = |name: &&String| !AboutRequest::NAMES.contains(&name.as_str());
        if let Some(name) = config.transaction_settings.iter().find(unknown) {
            return Err(Error::TransactionSetting(name.clone()));
        }
        match config.cors_origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(Error::Origin(origin.clone())),
            None => Ok(config),
        }
    }

    /// The number of workers, 0 resolved to the number of cores.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }

    /// The connections of one worker.
    pub fn pool_size_per_worker(&self) -> usize {
        (self.pool_size / self.worker_count()).max(1)
    }

    /// When the service stops waiting for Postgres: a second after Postgres itself should have cancelled.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms + 1_000)
    }
}

/// `*`, or a scheme and an authority, as browsers write them in `Origin` (RFC 6454 6.2): compared byte for byte.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host);
    let lower = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'/';
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(lower))
}

/// Variables with our prefix that are no settings: they steer the command line and the project's own tests.
fn is_reserved(key: &str) -> bool {
    key == "config" || key.starts_with("test_") || key.starts_with("pg_")
}

fn value(key: &str, text: &str) -> Result<toml::Value, String> {
    if key == "issuers" {
        return serde_json::from_str(text).map_err(|error| format!("not a JSON array of issuers: {error}"));
    }
    let Some(known) = KEYS.iter().find(|known| known.name == key) else {
        return Err(format!("there is no setting {key}"));
    };
    match known.kind {
        Kind::Text => Ok(toml::Value::String(text.to_owned())),
        Kind::Number => text.parse().map(toml::Value::Integer).map_err(|_| "not a whole number".to_owned()),
        Kind::Boolean => {
            text.parse().map(toml::Value::Boolean).map_err(|_| "neither true nor false".to_owned())
        }
        Kind::List if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).map_err(|error| format!("not a JSON array of texts: {error}"))
        }
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect()))
        }
    }
}

impl fmt::Display for Config {
    /// TOML, with secrets and passwords hidden.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// `docs/config.md`.
pub fn documentation() -> String {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut page = String::from(
        "# Configuration\n\n<!-- Made by `make docs` from src/config.rs. -->\n\n\
        Settings come from a TOML file (`--config FILE` or `ROWHOUSE_CONFIG`), from the environment and from\n\
        `--set key=value`; what comes later wins. All keys are flat; `pool_size` is `ROWHOUSE_POOL_SIZE` in the\n\
        environment, where lists are separated by commas or are JSON arrays. Unknown keys and values out of bounds are refused.\n\
        `rowhouse config` prints what is in force, with secrets hidden. Units are in the names.\n\n",
    );
    for key in KEYS {
        let doc = key.doc.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let default = defaults.get(key.name).map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "## `{}`\n\n{doc}\n", key.name);
        let _ = write!(page, "Default: `{default}`.");
        if let Some((min, max)) = key.bounds {
            let _ = write!(page, " From {min} to {max}.");
        }
        page.push_str("\n\n");
    }
    page.push_str(ISSUERS);
    page
}

const ISSUERS: &str = r#"## `issuers`

Who may issue tokens, one table for each key or key set; without any, every request is refused. In the environment
`ROWHOUSE_ISSUERS` holds a JSON array of the same.

```toml
[[issuers]]
issuer = "https://auth.example/"   # `iss`, compared byte for byte
audience = "rowhouse"              # what `aud` must be or contain
algorithm = "ES256"                # HS256, RS256, PS256, ES256, ES384 or EdDSA: the only one accepted with this key
kid = "2026-11"                    # required, except with jwks_file
public_key_file = "issuer.pem"     # or jwks_file, jwks_uri or discovery; for HS256 secret_file or secret (at least 32 bytes)
typ = "at+jwt"                     # default; with another, a token must also carry `client_id` or `scope`; "": it has none
leeway_s = 30                      # default; 0 to 120
lifetime_s_max = 3600              # default; 60 to 86400: the longest `exp - iat`
tenant = "7a245486-3fc8-47ec-b303-04fefe7a58ff"   # optional: the only tenant that it may speak for
claims = { role = "roles", roles = { Admin = "admin" } }   # optional: where its tokens say what; see docs/issuers.md
```

Issuers can be rows of the database, too: see [issuers.md](issuers.md).
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Result<Config, Error> {
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::read(None, environment, &BTreeMap::new())
    }

    #[test]
    fn every_default_is_within_its_bounds() {
        Config::default().check_bounds().unwrap();
        assert!(Config::read(None, std::iter::empty(), &BTreeMap::new()).is_ok());
    }

    #[test]
    fn the_example_is_a_configuration() {
        let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rowhouse.example.toml"));
        let config = Config::read(Some(example), std::iter::empty(), &BTreeMap::new()).unwrap();
        assert_eq!(config.issuers.len(), 1);
        assert!(crate::db::Database::for_requests(&config).is_ok());
    }

    #[test]
    fn the_environment_is_read_by_type() {
        let config = read(&[
            ("ROWHOUSE_POOL_SIZE", "3"),
            ("ROWHOUSE_SCHEMAS", "api, shop"),
            ("ROWHOUSE_SERVER_TIMING", "true"),
            ("ROWHOUSE_LOG_FORMAT", "json"),
            ("ROWHOUSE_ISSUERS", r#"[{"issuer":"i","audience":"a","algorithm":"HS256","kid":"k"}]"#),
            ("HOME", "/nowhere"),
        ])
        .unwrap();
        assert_eq!((config.pool_size, config.server_timing, config.log_format), (3, true, LogFormat::Json));
        assert_eq!(config.schemas, ["api", "shop"]);
        assert_eq!(config.issuers.len(), 1);
    }

    #[test]
    fn unknown_keys_and_values_out_of_bounds_are_refused() {
        assert!(matches!(read(&[("ROWHOUSE_POOL_SIZ", "3")]), Err(Error::Variable { .. })));
        assert!(matches!(read(&[("ROWHOUSE_POOL_SIZE", "0")]), Err(Error::Bounds { .. })));
        assert!(matches!(read(&[("ROWHOUSE_POOL_SIZE", "many")]), Err(Error::Variable { .. })));
        assert!(matches!(read(&[("ROWHOUSE_BIND", "localhost")]), Err(Error::Address { .. })));
        assert!(matches!(read(&[("ROWHOUSE_LOG_FORMAT", "xml")]), Err(Error::Value(_))));
        let unknown = read(&[("ROWHOUSE_TRANSACTION_SETTINGS", "app.client_ip, app.current_tenant_id")]);
        assert!(matches!(unknown, Err(Error::TransactionSetting(name)) if name == "app.current_tenant_id"));
        for share in ["", "on", "0", "1", "1.5", "-0.1", "nan", "inf"] {
            assert!(matches!(read(&[("ROWHOUSE_AUDIT_ALLOWS", share)]), Err(Error::Value(_))), "{share}");
        }
        assert_eq!(
            read(&[("ROWHOUSE_AUDIT_ALLOWS", "0.25")]).unwrap().audit_allows,
            AuditAllows::Share(0.25)
        );
        for origin in
            ["app.example", "https://app.example/", "https://", "https://App.example", "https://a b"]
        {
            assert!(matches!(read(&[("ROWHOUSE_CORS_ORIGINS", origin)]), Err(Error::Origin(_))), "{origin}");
        }
        assert!(read(&[("ROWHOUSE_CORS_ORIGINS", "https://app.example, http://localhost:3000")]).is_ok());
        assert!(read(&[("ROWHOUSE_CORS_ORIGINS", "*")]).is_ok());
    }

    #[test]
    fn what_is_printed_shows_no_secret() {
        let config = read(&[
            ("ROWHOUSE_DATABASE_URL", "postgres://u:hunter2@h/d"),
            (
                "ROWHOUSE_ISSUERS",
                r#"[{"issuer":"i","audience":"a","algorithm":"HS256","kid":"k","secret":"hunter3"}]"#,
            ),
        ])
        .unwrap();
        let printed = format!("{config}{config:?}");
        assert!(!printed.contains("hunter"), "{printed}");
        assert!(printed.contains("***"));
    }
}

//! `iss` -> `Known`: the issuer that a token names, from the configuration or else from the database, remembered.
//!
//! Nothing here fetches: an unknown issuer costs one look-up in the database, and then none for half a minute (J3). What is
//! remembered ends after seconds, and at once when the database notifies a change of issuers. Hits and misses are kept
//! apart, so that made-up issuers push out none that are real.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use lru::LruCache;
use metrics::counter;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::claim_map::{ClaimMap, ClaimPath, PathError};
use super::claims::Named;
use super::issuers::{self, Algorithm, Binding, Fault, Issuer, IssuerConfig, Issuers, Key, Known, Remote};
use super::key_sets::{FetchError, KeySets, Location, Source};
use super::token::media_subtype;
use super::{Grant, Reason, Refusal, is_name, keys, tenant_id};
use crate::config::Config;
use crate::db::{self, Pool};
use crate::remembered::Remembered;

/// How long an issuer or a binding that is there is remembered where no change is heard of.
const FOUND_S: u64 = 5;
/// How long it is remembered that there is none.
const ABSENT_S: u64 = 30;
/// When it is worth to ask again after the database did not answer.
const RETRY_AFTER_S: u32 = 1;
/// How long nothing more is logged of look-ups that failed.
const SILENT_S: u64 = 10;
/// The longest `iss`, in characters.
const ISSUER_CHARS_MAX: usize = 255;

const ISSUER_ROW: &str = include_str!("../../sql/service/issuer.sql");
const ISSUER_BINDINGS: &str = include_str!("../../sql/service/issuer_bindings.sql");

/// Where the rows of issuers are.
pub trait Registry {
    /// The enabled issuer called `iss`, as JSON.
    fn issuer(&self, iss: &str) -> impl Future<Output = Result<Option<String>, db::Error>>;

    /// The tenants that the platform's issuer `iss` means by `names`.
    fn bindings(
        &self,
        iss: &str,
        names: &[&str],
    ) -> impl Future<Output = Result<Vec<(String, Uuid)>, db::Error>>;
}

impl Registry for Pool {
    async fn issuer(&self, iss: &str) -> Result<Option<String>, db::Error> {
        let rows = self.ask(ISSUER_ROW, &[Some(iss)]).await?;
        rows.first().map_or(Ok(None), |row| row.try_get(0).map_err(db::Error::Protocol))
    }

    async fn bindings(&self, iss: &str, names: &[&str]) -> Result<Vec<(String, Uuid)>, db::Error> {
        let names = serde_json::Value::from(names).to_string();
        let rows = self.ask(ISSUER_BINDINGS, &[Some(iss), Some(&names)]).await?;
        let binding = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(binding).collect::<Result<_, _>>().map_err(db::Error::Protocol)
    }
}

/// All issuers, shared by all workers.
pub(super) struct Directory {
    configured: Issuers,
    /// The service itself, where it issues tokens.
    own: RwLock<Option<(String, Arc<Known>)>>,
    found: Remembered<String, Arc<Known>>,
    absent: Remembered<String, ()>,
    /// By issuer and name; None: it may not speak for such a tenant.
    bindings: Remembered<(Arc<str>, String), Option<Uuid>>,
    /// Counts the changes that were notified.
    generation: AtomicU64,
    silent_until_s: AtomicU64,
    secrets_dir: Option<PathBuf>,
    key_sets: KeySets,
    /// Where the keys of the database's issuers were when they were last looked up.
    sources: Mutex<LruCache<String, Source>>,
}

impl Directory {
    pub(super) fn new(config: &Config) -> Result<Directory, issuers::Error> {
        let secrets_dir =
            (!config.issuer_secrets_dir.is_empty()).then(|| config.issuer_secrets_dir.clone().into());
        Ok(Directory {
            configured: Issuers::load(&config.issuers)?,
            own: RwLock::default(),
            found: Remembered::new(config.issuers_max),
            absent: Remembered::new(config.issuers_max),
            bindings: Remembered::new(config.issuer_bindings_max),
            generation: AtomicU64::new(0),
            silent_until_s: AtomicU64::new(0),
            secrets_dir,
            key_sets: KeySets::new(config),
            sources: Mutex::new(LruCache::new(
                NonZeroUsize::new(config.issuers_max).unwrap_or(NonZeroUsize::MIN),
            )),
        })
    }

    /// The keys that are published under URLs.
    pub(super) fn key_sets(&self) -> &KeySets {
        &self.key_sets
    }

    /// Has the keys of an issuer forgotten that is gone, or whose row was changed: to disable an issuer and to enable it again
    /// is to drop all its keys at once, also where no token came in between.
    fn moved(&self, iss: &str, known: Option<&Known>) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let now = known.and_then(|known| known.remote.as_ref()).map(|remote| &remote.source);
        if sources.peek(iss).is_some_and(|before| Some(before) != now) {
            self.key_sets.forget(iss);
        }
        match now {
            Some(source) => _ = sources.put(iss.to_owned(), source.clone()),
            None => _ = sources.pop(iss),
        }
    }

    /// The issuers of the configuration.
    pub(super) fn configured(&self) -> &Issuers {
        &self.configured
    }

    /// Takes these keys, and no others, as those of the service itself. Where they changed, what was verified with others is
    /// no longer remembered as good.
    pub(super) fn set_own(&self, issuer: &str, known: Known) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.as_ref().is_some_and(|(_, before)| before.has_keys_of(&known)) {
            return;
        }
        *own = Some((issuer.to_owned(), Arc::new(known)));
        drop(own);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn own(&self, iss: &str) -> Option<Arc<Known>> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().filter(|(issuer, _)| issuer == iss).map(|(_, known)| Arc::clone(known))
    }

    /// Forgets what is remembered: something changed.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.found.clear();
        self.absent.clear();
        self.bindings.clear();
    }

    /// How often it was told to forget.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// The issuer called `iss`; that of the configuration or the service itself, where the database has one, too.
    ///
    /// # Errors
    ///
    /// [`Reason::Issuer`]; [`Refusal::Unavailable`] where the database does not answer.
    pub(super) async fn issuer(
        &self,
        registry: &impl Registry,
        iss: &str,
        now_s: u64,
    ) -> Result<Arc<Known>, Refusal> {
        if let Some(known) = self.configured.get(iss) {
            return Ok(Arc::clone(known));
        }
        if let Some(known) = self.own(iss) {
            return Ok(known);
        }
        // Taken before the read: a change that is notified meanwhile makes the entry stale at once.
        let generation = self.generation();
        if let Some(known) = self.found.recall(iss, generation, now_s) {
            return Ok(known);
        }
        let can_be = is_name(iss, ISSUER_CHARS_MAX) && !iss.contains(char::is_whitespace);
        if !can_be || self.absent.recall(iss, generation, now_s).is_some() {
            return Err(Refusal::Invalid(Reason::Issuer));
        }
        let row = registry.issuer(iss).await.map_err(|error| self.unavailable("issuer", &error, now_s))?;
        let known = row.and_then(|row| match self.known(iss, &row) {
            Ok(known) => Some(Arc::new(known)),
            Err(fault) => {
                tracing::error!(issuer = iss, %fault, "an enabled issuer of the database cannot be used");
                None
            }
        });
        self.moved(iss, known.as_deref());
        counter!("rowhouse_issuer_look_ups_total", "outcome" => if known.is_some() { "found" } else { "absent" })
            .increment(1);
        match known {
            Some(known) => {
                self.found.keep(iss.to_owned(), Arc::clone(&known), generation, now_s, now_s + FOUND_S);
                Ok(known)
            }
            None => {
                self.absent.keep(iss.to_owned(), (), generation, now_s, now_s + ABSENT_S);
                Err(Refusal::Invalid(Reason::Issuer))
            }
        }
    }

    /// The tenants that a token of `issuer` proves, and which of them is the active one (V12, V20, V21).
    ///
    /// An active tenant that the issuer may not speak for leaves nothing proven. Others are dropped.
    ///
    /// # Errors
    ///
    /// [`Reason::Tenant`] where a name must be a tenant's id and is none; [`Refusal::Unavailable`].
    pub(super) async fn bind(
        &self,
        registry: &impl Registry,
        issuer: &Issuer,
        named: Named,
        now_s: u64,
    ) -> Result<(Option<Uuid>, Vec<Grant>), Refusal> {
        let own_id = |name: &str| tenant_id(name).ok_or(Refusal::Invalid(Reason::Tenant));
        let named_active = named.active.as_deref();
        let mut proven = Vec::with_capacity(named.entries.len());
        let active = match issuer.binding {
            Binding::Any | Binding::Tenant(_) => {
                let bound = match issuer.binding {
                    Binding::Tenant(bound) => Some(bound),
                    Binding::Any | Binding::Listed => None,
                };
                let mut active = named_active.map(own_id).transpose()?;
                for entry in &named.entries {
                    // A token that names none is for the tenant of its issuer.
                    if entry.name.is_empty() {
                        active = bound;
                    }
                    let tenant = if entry.name.is_empty() { bound } else { Some(own_id(&entry.name)?) };
                    proven.extend(tenant.filter(|tenant| bound.is_none_or(|bound| bound == *tenant)).map(
                        |tenant_id| Grant {
                            tenant_id,
                            role: entry.role.clone(),
                            permissions: entry.permissions.clone(),
                        },
                    ));
                }
                active
            }
            Binding::Listed => {
                let names = named.entries.iter().map(|entry| entry.name.as_str());
                let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
                let bound = self.bindings(registry, &issuer.name, &names, now_s).await?;
                for entry in &named.entries {
                    proven.extend(bound.get(entry.name.as_str()).map(|tenant_id| Grant {
                        tenant_id: *tenant_id,
                        role: entry.role.clone(),
                        permissions: entry.permissions.clone(),
                    }));
                }
                let active = named_active.map(|name| bound.get(name).copied());
                if active == Some(None) {
                    proven.clear();
                }
                active.flatten()
            }
        };
        let dropped = named.entries.len() - proven.len();
        if dropped > 0 {
            tracing::debug!(issuer = %issuer.name, dropped, "token names tenants that its issuer may not speak for");
        }
        Ok((active, proven))
    }

    /// The tenants behind `names`, without those that the issuer may not speak for.
    async fn bindings<'n>(
        &self,
        registry: &impl Registry,
        issuer: &Arc<str>,
        names: &[&'n str],
        now_s: u64,
    ) -> Result<HashMap<&'n str, Uuid>, Refusal> {
        let generation = self.generation();
        let mut bound = HashMap::new();
        let mut unknown = Vec::new();
        for name in names {
            match self.bindings.recall(&(Arc::clone(issuer), (*name).to_owned()), generation, now_s) {
                Some(Some(tenant)) => _ = bound.insert(*name, tenant),
                Some(None) => {}
                None => unknown.push(*name),
            }
        }
        if unknown.is_empty() {
            return Ok(bound);
        }
        let rows = registry
            .bindings(issuer, &unknown)
            .await
            .map_err(|error| self.unavailable("binding", &error, now_s))?;
        for name in unknown {
            let tenant = rows.iter().find(|(found, _)| found == name).map(|(_, tenant)| *tenant);
            let until_s = now_s + if tenant.is_some() { FOUND_S } else { ABSENT_S };
            self.bindings.keep((Arc::clone(issuer), name.to_owned()), tenant, generation, now_s, until_s);
            bound.extend(tenant.map(|tenant| (name, tenant)));
        }
        Ok(bound)
    }

    /// What is answered where the database was asked in vain; counted each time, and told in the log once in a while.
    fn unavailable(&self, what: &'static str, error: &db::Error, now_s: u64) -> Refusal {
        if self.is_worth_a_line(now_s) {
            tracing::warn!(what, %error, "a look-up for a token failed");
        }
        counter!("rowhouse_issuer_look_ups_total", "outcome" => "failed").increment(1);
        Refusal::Unavailable { retry_after_s: RETRY_AFTER_S }
    }

    fn is_worth_a_line(&self, now_s: u64) -> bool {
        let silent = |until_s: u64| (until_s <= now_s).then_some(now_s + SILENT_S);
        self.silent_until_s.fetch_update(Ordering::Relaxed, Ordering::Relaxed, silent).is_ok()
    }

    fn known(&self, iss: &str, row: &str) -> Result<Known, RowFault> {
        let row: IssuerRow = serde_json::from_str(row)?;
        if row.iss != iss {
            return Err(RowFault::Other);
        }
        row.known(self.secrets_dir.as_ref())
    }
}

/// Why a row cannot be used. The text is for operators, and shows no secret.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    #[error("the row is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the row is another issuer's")]
    Other,
    #[error("{0}")]
    Key(Fault),
    #[error("a secret can sign, so it is never the issuer of a tenant, nor beside public keys")]
    SymmetricTenant,
    #[error("the source of its keys and what is given of it do not agree")]
    KeySource,
    #[error(
        "issuer_secrets_dir is not set, or the name of the secret has other characters than letters, digits, _, - and ."
    )]
    SecretRef,
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("none of its keys can be used with its algorithms")]
    NoKey,
    #[error("it has no audience, or a bound is not kept")]
    Bounds,
    #[error("external_tenant_claim: {0}")]
    Path(#[from] PathError),
}

/// A row of `tenancy.issuers`, as `tenancy.issuer()` gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerRow {
    iss: String,
    tenant_id: Option<Uuid>,
    key_source: KeySource,
    jwks_uri: Option<String>,
    static_jwks: Option<Box<RawValue>>,
    secret_ref: Option<String>,
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    audiences: Vec<String>,
    typ: String,
    leeway_s: u64,
    lifetime_s_max: u64,
    claim_map: ClaimMap,
    external_tenant_claim: Option<String>,
    external_tenant_value: Option<String>,
    /// Another text after each change of the row. The service alone asks for it, to forget keys by.
    #[serde(default)]
    version: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeySource {
    Hs256,
    StaticJwks,
    JwksUri,
    Discovery,
}

impl IssuerRow {
    /// Reads a row as `tenancy.issuer()` gives it.
    ///
    /// # Errors
    /// [`RowFault::Malformed`].
    pub fn read(json: &str) -> Result<Self, RowFault> {
        Ok(serde_json::from_str(json)?)
    }

    /// Looks at the keys of the row by the rules of the service, and says what was found, a line each.
    ///
    /// # Errors
    /// [`RowFault`]: the row, or no usable key.
    pub async fn check(self, config: &Config) -> Result<Vec<String>, RowFault> {
        let secrets_dir =
            (!config.issuer_secrets_dir.is_empty()).then(|| PathBuf::from(&config.issuer_secrets_dir));
        let known = self.known(secrets_dir.as_ref())?;
        let line = |kid: &str, algorithm: Algorithm| format!("key {kid:?} {}", algorithm.name());
        let mut lines: Vec<String> =
            known.keys.iter().map(|(kid, key)| line(kid, key.public.algorithm())).collect();
        lines.sort();
        if let Some(remote) = &known.remote {
            let found = KeySets::new(config).check(&remote.source).await?;
            lines.push(format!("keys at {}", found.jwks_uri));
            lines.extend(found.keys.iter().map(|(kid, algorithm)| line(kid, *algorithm)));
            if found.keys.is_empty() {
                return Err(RowFault::NoKey);
            }
        }
        Ok(lines)
    }

    /// What the row says, checked again: the database's constraints are not all that stands between a slip and a token of
    /// one tenant that is good for another.
    pub(super) fn known(self, secrets_dir: Option<&PathBuf>) -> Result<Known, RowFault> {
        let symmetric = self.algorithms.contains(&Algorithm::HS256);
        if symmetric != (self.key_source == KeySource::Hs256)
            || (symmetric && (self.algorithms.len() != 1 || self.tenant_id.is_some()))
        {
            return Err(RowFault::SymmetricTenant);
        }
        let typ = media_subtype(&self.typ).to_owned();
        let in_bounds = !self.algorithms.is_empty()
            && !self.audiences.is_empty()
            && self.audiences.iter().all(|audience| is_name(audience, 255))
            && (typ.is_empty() || is_name(&typ, 255))
            && self.leeway_s <= 120
            && (60..=86_400).contains(&self.lifetime_s_max)
            && !self.tenant_id.is_some_and(|tenant| tenant.is_nil());
        if !in_bounds {
            return Err(RowFault::Bounds);
        }
        let mut claims = self.claim_map;
        match (self.external_tenant_claim, self.external_tenant_value) {
            (None, None) => {}
            (Some(path), Some(value)) => _ = claims.required.insert(ClaimPath::parse(&path)?, value),
            (Some(_), None) | (None, Some(_)) => return Err(RowFault::Bounds),
        }
        let issuer = Arc::new(Issuer {
            name: self.iss.as_str().into(),
            audiences: self.audiences,
            sends_access_token_type: typ.eq_ignore_ascii_case("at+jwt"),
            typ,
            leeway_s: self.leeway_s,
            lifetime_s_max: self.lifetime_s_max,
            binding: self.tenant_id.map_or(Binding::Listed, Binding::Tenant),
            claims,
        });
        let remote = |location| {
            let source = Source {
                issuer: Arc::clone(&issuer.name),
                location,
                algorithms: self.algorithms.clone(),
                version: self.version.clone(),
            };
            Known { keys: HashMap::new(), remote: Some(Remote { issuer: Arc::clone(&issuer), source }) }
        };
        let key = |(kid, public)| (kid, Key { issuer: Arc::clone(&issuer), public: Arc::new(public) });
        match (self.key_source, self.jwks_uri, self.static_jwks, self.secret_ref, self.kid) {
            (KeySource::JwksUri, Some(url), None, None, None) => Ok(remote(Location::JwksUri(url))),
            (KeySource::Discovery, None, None, None, None) => Ok(remote(Location::Discovery)),
            (KeySource::StaticJwks, None, Some(set), None, None) => {
                let set = keys::set(set.get().as_bytes(), &self.iss, &self.algorithms);
                let keys = set.map_err(RowFault::Key)?.into_iter().map(key).collect();
                Ok(Known { keys, remote: None })
            }
            (KeySource::Hs256, None, None, Some(secret_ref), Some(kid)) => {
                let folder = secrets_dir.filter(|_| is_secret_ref(&secret_ref)).ok_or(RowFault::SecretRef)?;
                let config = IssuerConfig {
                    kid: Some(kid),
                    secret_file: Some(folder.join(secret_ref)),
                    ..IssuerConfig::new(&self.iss, "", Algorithm::HS256)
                };
                let secret = keys::load(&config).map_err(|error| RowFault::Key(error.fault))?;
                let keys = secret
                    .into_iter()
                    .map(|(kid, key)| (kid, keys::PublicKey { algorithm: Algorithm::HS256, key }));
                Ok(Known { keys: keys.map(key).collect(), remote: None })
            }
            (KeySource::JwksUri | KeySource::Discovery | KeySource::StaticJwks | KeySource::Hs256, ..) => {
                Err(RowFault::KeySource)
            }
        }
    }
}

/// Whether a name is that of one file in one folder: no separator, and no leading dot.
fn is_secret_ref(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt;
    use jsonwebtoken::Algorithm as Library;
    use serde_json::{Value, json};

    use super::super::fixture::*;
    use super::super::token::Token;
    use super::super::{Membership, Principal, Selectors, TenantContext, Verifier, select};
    use super::*;
    use crate::identity::SelectionError;

    /// Rows of issuers as the database would have them, and how often it was asked.
    #[derive(Default)]
    struct Rows {
        issuers: RefCell<HashMap<String, Value>>,
        bindings: RefCell<HashMap<(String, String), Uuid>>,
        look_ups: Cell<usize>,
        fails: Cell<bool>,
    }

    impl Registry for Rows {
        async fn issuer(&self, iss: &str) -> Result<Option<String>, db::Error> {
            self.look_ups.set(self.look_ups.get() + 1);
            if self.fails.get() {
                return Err(db::Error::Connect(None));
            }
            Ok(self.issuers.borrow().get(iss).map(Value::to_string))
        }

        async fn bindings(&self, iss: &str, names: &[&str]) -> Result<Vec<(String, Uuid)>, db::Error> {
            self.look_ups.set(self.look_ups.get() + 1);
            let bindings = self.bindings.borrow();
            let bound = |name: &&str| {
                let tenant = bindings.get(&(iss.to_owned(), (*name).to_owned()))?;
                Some(((*name).to_owned(), *tenant))
            };
            Ok(names.iter().filter_map(bound).collect())
        }
    }

    const IDP: &str = "https://idp.test/";

    fn uuid(text: &str) -> Uuid {
        tenant_id(text).expect("a tenant")
    }

    /// A row with the test keys that is bound to TENANT.
    fn row() -> Value {
        let set: Value = serde_json::from_str(include_str!("../../tests/it/keys/jwks.json")).expect("JSON");
        json!({
            "iss": IDP, "tenant_id": TENANT, "key_source": "static_jwks", "jwks_uri": null, "static_jwks": set,
            "secret_ref": null, "kid": null, "algorithms": ["RS256", "ES256", "EdDSA"], "audiences": [AUDIENCE],
            "typ": "at+jwt", "leeway_s": 30, "lifetime_s_max": 3600, "claim_map": {},
            "external_tenant_claim": null, "external_tenant_value": null,
        })
    }

    /// The same of a platform.
    fn platform() -> Value {
        with(row(), "tenant_id", json!(null))
    }

    fn rows(row: Value) -> Rows {
        let rows = Rows::default();
        rows.issuers.borrow_mut().insert(IDP.to_owned(), row);
        rows
    }

    fn bind(rows: &Rows, name: &str, tenant: &str) {
        rows.bindings.borrow_mut().insert((IDP.to_owned(), name.to_owned()), uuid(tenant));
    }

    fn es256(header: &Value, claims: &Value) -> String {
        sign(Library::ES256, &header.to_string(), &claims.to_string())
    }

    /// The good token of the fixture, as IDP signs it.
    fn idp_claims() -> Value {
        with(claims(), "iss", json!(IDP))
    }

    fn es256_header() -> Value {
        json!({"alg": "ES256", "typ": "at+jwt", "kid": "p256"})
    }

    fn idp_token(claims: &Value) -> String {
        es256(&es256_header(), claims)
    }

    fn verify_at(
        verifier: &Verifier,
        rows: &Rows,
        token: &str,
        now_s: u64,
    ) -> Result<Arc<Principal>, Refusal> {
        verifier.verify(rows, Token::new(token), now_s).now_or_never().expect("nothing is waited for")
    }

    fn verify(rows: &Rows, token: &str) -> Result<Arc<Principal>, Refusal> {
        verify_at(&verifier_of(&[]).expect("good"), rows, token, NOW_S)
    }

    fn context(rows: &Rows, token: &str) -> Result<TenantContext, SelectionError> {
        let principal = verify(rows, token).expect("the token is good");
        select(principal, Selectors::default(), Membership::Token)?.admit(None, Membership::Token, None)
    }

    #[test]
    fn v20_a_tenant_s_issuer_speaks_for_its_tenant_alone() {
        let rows = rows(row());
        let good = context(&rows, &idp_token(&idp_claims())).expect("its tenant");
        assert_eq!(good.tenant_id(), uuid(TENANT));
        let unnamed = without(idp_claims(), "tenant_id");
        assert_eq!(context(&rows, &idp_token(&unnamed)).expect("its tenant").tenant_id(), uuid(TENANT));
        let other = with(idp_claims(), "tenant_id", json!(OTHER));
        assert_eq!(context(&rows, &idp_token(&other)).err(), Some(SelectionError::Forbidden));
        let orgs = with(unnamed, "orgs", json!({OTHER: {"role": "owner"}}));
        assert_eq!(context(&rows, &idp_token(&orgs)).err(), Some(SelectionError::Forbidden));
        let both = with(orgs, "orgs", json!({OTHER: {"role": "owner"}, TENANT: {"role": "member"}}));
        let both = verify(&rows, &idp_token(&both)).expect("good");
        assert_eq!(both.tenants().collect::<Vec<_>>(), [uuid(TENANT)]);
    }

    #[test]
    fn v20_a_platform_s_issuer_speaks_for_those_that_it_is_bound_to() {
        let rows = rows(platform());
        let token = idp_token(&idp_claims());
        assert_eq!(context(&rows, &token).err(), Some(SelectionError::Forbidden), "no binding");
        bind(&rows, TENANT, TENANT);
        assert_eq!(context(&rows, &token).expect("bound").tenant_id(), uuid(TENANT));
        let orgs = json!({TENANT: {"role": "member"}, OTHER: {"role": "owner"}});
        let several = with(without(idp_claims(), "tenant_id"), "orgs", orgs);
        let principal = verify(&rows, &idp_token(&several)).expect("good");
        assert_eq!(principal.tenants().collect::<Vec<_>>(), [uuid(TENANT)], "the other is dropped");
        let active = with(several, "tenant_id", json!(OTHER));
        let active = verify(&rows, &idp_token(&active)).expect("good");
        assert_eq!(active.tenants().count(), 0, "an active tenant that is not bound leaves nothing");
        assert!(active.names_tenants());
        let nobody = verify(&rows, &idp_token(&without(idp_claims(), "tenant_id"))).expect("good");
        assert!(nobody.tenants().count() == 0 && !nobody.names_tenants());
    }

    #[test]
    fn v20_what_an_issuer_calls_a_tenant_is_that_tenant_and_nothing_else_is() {
        let rows = rows(platform());
        bind(&rows, "org_a", TENANT);
        // Even the id of another tenant, where it is the issuer's word for this one.
        bind(&rows, OTHER, TENANT);
        for name in ["org_a", OTHER] {
            let token = idp_token(&with(idp_claims(), "tenant_id", json!(name)));
            assert_eq!(context(&rows, &token).expect(name).tenant_id(), uuid(TENANT));
        }
        for name in ["org_A", "org_a ", TENANT, "org_b"] {
            let token = idp_token(&with(idp_claims(), "tenant_id", json!(name)));
            assert_eq!(context(&rows, &token).err(), Some(SelectionError::Forbidden), "{name}");
        }
    }

    #[test]
    fn v20_a_row_that_would_let_a_secret_speak_for_a_tenant_is_no_issuer() {
        let secret = |row| {
            let row = with(with(row, "key_source", json!("hs256")), "static_jwks", json!(null));
            with(with(row, "secret_ref", json!("x")), "kid", json!("hs"))
        };
        let bad = [
            with(secret(row()), "algorithms", json!(["HS256"])),
            with(secret(platform()), "algorithms", json!(["HS256", "ES256"])),
            with(secret(platform()), "algorithms", json!(["ES256"])),
            with(platform(), "algorithms", json!(["HS256", "ES256"])),
        ];
        for row in bad {
            let read = IssuerRow::read(&row.to_string()).expect("well-formed").known(None);
            assert!(matches!(read, Err(RowFault::SymmetricTenant)), "{row}");
        }
        let ambiguous = with(row(), "jwks_uri", json!("https://idp.test/jwks"));
        let read = IssuerRow::read(&ambiguous.to_string()).expect("well-formed").known(None);
        assert!(matches!(read, Err(RowFault::KeySource)));
        assert!(IssuerRow::read(&with(row(), "more", json!(1)).to_string()).is_err());
    }

    #[test]
    fn the_name_of_a_secret_leads_to_one_file_of_the_folder() {
        let folder = std::env::temp_dir().join(format!("rowhouse-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("idp-1"), SECRET).unwrap();
        let known = |name: &str, folder: Option<&PathBuf>| {
            let row = with(with(platform(), "key_source", json!("hs256")), "static_jwks", json!(null));
            let row = with(with(row, "secret_ref", json!(name)), "kid", json!("hs"));
            let row = with(row, "algorithms", json!(["HS256"]));
            IssuerRow::read(&row.to_string()).expect("well-formed").known(folder)
        };
        assert_eq!(known("idp-1", Some(&folder)).map(|known| known.keys.len()).ok(), Some(1));
        assert!(matches!(known("idp-2", Some(&folder)), Err(RowFault::Key(_))));
        for name in ["../idp-1", "/etc/passwd", ".idp", "", "a/b", "a\0b", "-x"] {
            assert!(matches!(known(name, Some(&folder)), Err(RowFault::SecretRef)), "{name}");
        }
        assert!(matches!(known("idp-1", None), Err(RowFault::SecretRef)));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn an_external_tenant_must_be_there_and_be_equal() {
        let row = with(row(), "external_tenant_claim", json!("tid"));
        let rows = rows(with(row, "external_tenant_value", json!("t-1")));
        let claiming = |tid: Value| verify(&rows, &idp_token(&with(idp_claims(), "tid", tid))).map(|_| ());
        assert_eq!(claiming(json!("t-1")), Ok(()));
        for tid in [json!("t-2"), json!("T-1"), json!(""), json!(1), json!(null), json!(["t-1"])] {
            assert_eq!(claiming(tid), Err(Refusal::Invalid(Reason::Required)));
        }
        assert_eq!(
            verify(&rows, &idp_token(&idp_claims())).map(|_| ()),
            Err(Refusal::Invalid(Reason::Required))
        );
    }

    #[test]
    fn j03_an_unknown_issuer_is_looked_up_once_in_half_a_minute_and_never_fetched() {
        let (rows, verifier) = (Rows::default(), verifier_of(&[]).expect("good"));
        let token = idp_token(&idp_claims());
        let look_up = |now_s| {
            let refusal = verify_at(&verifier, &rows, &token, now_s).expect_err("unknown");
            assert_eq!(refusal, Refusal::Invalid(Reason::Issuer));
            rows.look_ups.get()
        };
        assert_eq!([look_up(NOW_S), look_up(NOW_S + 29), look_up(NOW_S + 30)], [1, 1, 2]);
        verifier.forget();
        assert_eq!(look_up(NOW_S + 31), 3);
        for iss in ["", "a b", "a\nb", &"x".repeat(256)] {
            let token = idp_token(&with(claims(), "iss", json!(iss)));
            assert!(verify_at(&verifier, &rows, &token, NOW_S).is_err());
        }
        assert_eq!(rows.look_ups.get(), 3, "what cannot be an issuer is not looked up");
    }

    #[test]
    fn a_known_issuer_is_looked_up_once_in_five_seconds() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let look_up = |jti: &str, now_s| {
            let token = idp_token(&with(idp_claims(), "jti", json!(jti)));
            verify_at(&verifier, &rows, &token, now_s).expect("good");
            rows.look_ups.get()
        };
        assert_eq!([look_up("a", NOW_S), look_up("b", NOW_S + 4), look_up("c", NOW_S + 5)], [1, 1, 2]);
    }

    #[test]
    fn where_the_database_does_not_answer_nobody_can_say() {
        let (rows, verifier) = (rows(row()), verifier_of(&[config()]).expect("good"));
        rows.fails.set(true);
        let token_of_row = idp_token(&idp_claims());
        let refusal = verify_at(&verifier, &rows, &token_of_row, NOW_S).expect_err("no answer");
        assert_eq!(refusal, Refusal::Unavailable { retry_after_s: RETRY_AFTER_S });
        assert!(verify_at(&verifier, &rows, &token(&header(), &claims()), NOW_S).is_ok(), "configured");
        rows.fails.set(false);
        assert!(verify_at(&verifier, &rows, &token_of_row, NOW_S).is_ok(), "a failure is not remembered");
    }

    #[test]
    fn look_ups_that_fail_are_told_once_in_a_while() {
        let directory = Directory::new(&Config::default()).expect("no issuers");
        let told =
            [NOW_S, NOW_S, NOW_S + 9, NOW_S + 10, NOW_S + 11].map(|now_s| directory.is_worth_a_line(now_s));
        assert_eq!(told, [true, false, false, true, false]);
    }

    #[test]
    fn the_configuration_comes_before_a_row_of_the_same_issuer() {
        let rows = Rows::default();
        rows.issuers.borrow_mut().insert(ISSUER.to_owned(), with(row(), "iss", json!(ISSUER)));
        let verifier = verifier_of(&[config()]).expect("good");
        assert!(verify_at(&verifier, &rows, &token(&header(), &claims()), NOW_S).is_ok());
        let shadowed = es256(&es256_header(), &claims());
        assert_eq!(
            verify_at(&verifier, &rows, &shadowed, NOW_S).map(|_| ()),
            Err(Refusal::Invalid(Reason::Key))
        );
        assert_eq!(rows.look_ups.get(), 0);
    }

    #[test]
    fn v18_a_good_token_is_remembered_for_a_minute_and_not_beyond_its_exp() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let token = idp_token(&with(idp_claims(), "exp", json!(NOW_S + 90)));
        let first = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        let again =
            |now_s| verify_at(&verifier, &rows, &token, now_s).map(|again| Arc::ptr_eq(&first, &again));
        assert_eq!(again(NOW_S + 59), Ok(true));
        assert_eq!(again(NOW_S + 60), Ok(false), "a minute has passed");
        let second = verify_at(&verifier, &rows, &token, NOW_S + 61).expect("good");
        let later =
            |now_s| verify_at(&verifier, &rows, &token, now_s).map(|later| Arc::ptr_eq(&second, &later));
        assert_eq!(later(NOW_S + 89), Ok(true));
        assert_eq!(later(NOW_S + 90), Ok(false), "exp has come; the leeway is judged anew");
        assert_eq!(later(NOW_S + 120), Err(Refusal::Invalid(Reason::Expired)));
    }

    #[test]
    fn v18_one_other_byte_is_another_token() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let token = idp_token(&idp_claims());
        verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        let (message, signature) = token.rsplit_once('.').expect("parts");
        for forged in [format!("{message}.{}", part([7; 64])), format!("{message}.{signature}A")] {
            assert!(verify_at(&verifier, &rows, &forged, NOW_S).is_err());
        }
        let claims = with(idp_claims(), "role", json!("owner")).to_string();
        let forged = format!("{}.{}.{signature}", part(es256_header().to_string()), part(claims));
        assert!(verify_at(&verifier, &rows, &forged, NOW_S).is_err());
    }

    #[test]
    fn v18_a_change_of_issuers_or_a_revocation_empties_what_is_remembered() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let token = idp_token(&idp_claims());
        let first = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        verifier.forget_tokens();
        let second = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        assert!(!Arc::ptr_eq(&first, &second), "verified anew");
        rows.issuers.borrow_mut().clear();
        assert!(verify_at(&verifier, &rows, &token, NOW_S + 4).is_ok(), "nothing was notified yet");
        verifier.forget();
        let refusal = verify_at(&verifier, &rows, &token, NOW_S).expect_err("disabled");
        assert_eq!(refusal, Refusal::Invalid(Reason::Issuer));
    }

    #[test]
    fn v18_a_token_that_is_remembered_outlives_its_issuer_by_seconds_where_nothing_is_heard() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let token = idp_token(&idp_claims());
        let first = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        let again = verify_at(&verifier, &rows, &token, NOW_S + 5).expect("its issuer is still there");
        assert!(Arc::ptr_eq(&first, &again), "its signature is not verified anew");
        rows.issuers.borrow_mut().clear();
        assert!(verify_at(&verifier, &rows, &token, NOW_S + 9).is_ok());
        let refusal = verify_at(&verifier, &rows, &token, NOW_S + 10).expect_err("disabled");
        assert_eq!(refusal, Refusal::Invalid(Reason::Issuer));
    }

    #[test]
    fn v18_a_failure_is_never_remembered() {
        let (rows, verifier) = (rows(row()), verifier_of(&[]).expect("good"));
        let early = idp_token(&with(idp_claims(), "nbf", json!(NOW_S + 100)));
        let refusal = verify_at(&verifier, &rows, &early, NOW_S).expect_err("early");
        assert_eq!(refusal, Refusal::Invalid(Reason::NotYetValid));
        assert!(verify_at(&verifier, &rows, &early, NOW_S + 100).is_ok());
    }

    #[test]
    fn v18_nothing_is_remembered_where_the_bound_is_none() {
        let config = Config { verified_tokens_max: 0, ..Config::default() };
        let (rows, verifier) = (rows(row()), Verifier::new(&config).expect("good"));
        let token = idp_token(&idp_claims());
        let first = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        let second = verify_at(&verifier, &rows, &token, NOW_S).expect("good");
        assert!(!Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn a_digest_stands_in_for_an_id_only_where_the_issuer_is_said_to_send_none() {
        let lacking = without(idp_claims(), "jti");
        assert_eq!(
            verify(&rows(row()), &idp_token(&lacking)).map(|_| ()),
            Err(Refusal::Invalid(Reason::Jti))
        );
        let rows = rows(with(row(), "claim_map", json!({"jti_from_digest": true})));
        let jti = |claims: &Value| verify(&rows, &idp_token(claims)).expect("good").jti().to_owned();
        let digest = jti(&lacking);
        assert_eq!(digest.len(), 64);
        // Each signature of ECDSA is another; what it signs is the same.
        assert_eq!(jti(&lacking), digest);
        assert_ne!(jti(&with(lacking, "iat", json!(NOW_S - 1))), digest);
        assert_eq!(jti(&idp_claims()), "token-1");
        let bad = with(idp_claims(), "jti", json!(1));
        assert_eq!(verify(&rows, &idp_token(&bad)).map(|_| ()), Err(Refusal::Invalid(Reason::Jti)));
    }

    #[test]
    fn v16_a_mapped_claim_of_the_wrong_type_refuses_the_token() {
        let map = json!({"role": "realm_access.roles", "roles": {"boss": "owner"}, "permissions": "x.p"});
        let rows = rows(with(row(), "claim_map", map));
        let role = |value: Value| {
            let token = idp_token(&with(idp_claims(), "realm_access", value));
            verify(&rows, &token).map(|principal| {
                let candidate = select(principal, Selectors::default(), Membership::Token).expect("a tenant");
                let tenant = candidate.admit(None, Membership::Token, None).expect("admitted");
                tenant.role().map(str::to_owned)
            })
        };
        assert_eq!(role(json!({"roles": ["other", "boss"]})), Ok(Some("owner".to_owned())));
        assert_eq!(role(json!({"roles": "boss"})), Ok(Some("owner".to_owned())));
        assert_eq!(
            role(json!({"roles": ["Boss", "owner"]})),
            Ok(None),
            "a word that is not mapped is no role"
        );
        assert_eq!(role(json!({})), Ok(None));
        for bad in [json!([]), json!("boss"), json!(null), json!({"roles": [1]}), json!({"roles": {}})] {
            assert_eq!(role(bad.clone()), Err(Refusal::Invalid(Reason::Authorization)), "{bad}");
        }
        let bad = idp_token(&with(idp_claims(), "x", json!({"p": "a b"})));
        assert_eq!(verify(&rows, &bad).map(|_| ()), Err(Refusal::Invalid(Reason::Authorization)));
    }

    #[test]
    fn v09_an_issuer_that_sends_no_type_is_said_to_and_must_tell_its_access_tokens_apart() {
        let rows = rows(with(row(), "typ", json!("")));
        let untyped = json!({"alg": "ES256", "kid": "p256"});
        let verify = |header: &Value, claims: &Value| verify(&rows, &es256(header, claims)).map(|_| ());
        assert_eq!(verify(&untyped, &idp_claims()), Ok(()));
        assert_eq!(verify(&es256_header(), &idp_claims()), Err(Refusal::Invalid(Reason::Typ)));
        let id_token = without(without(idp_claims(), "client_id"), "scope");
        assert_eq!(verify(&untyped, &id_token), Err(Refusal::Invalid(Reason::Typ)));
    }
}

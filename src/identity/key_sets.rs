//! `Source` and kid -> `PublicKey`: the key sets of issuers that publish them under a URL, fetched when they are needed and
//! remembered by issuer.
//!
//! What is remembered is fresh for as long as the issuer says, is renewed in the background before that ends, and serves on
//! for a day where the issuer is down. An issuer is asked by one fetch at a time, and for a kid that it is not known to have
//! twice a minute at most. Knows nothing of tokens: a signature verifies with what is given out here, or it does not. The
//! numbers J1 to J7 of the tests' names are those of the requirements.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use metrics::{counter, histogram};
use tokio::sync::watch;

use super::fetch::{self, Body, Fetcher};
use super::issuers::{Algorithm, Fault};
use super::json::{self, Json};
use super::keys::{self, PublicKey};
use crate::config::Config;

/// How long a set is fresh where the issuer does not say (J1), and the bounds of what it may say.
const FRESH: Duration = Duration::from_secs(600);
const FRESH_MIN: Duration = Duration::from_secs(60);
const FRESH_MAX: Duration = Duration::from_secs(86_400);
/// How long a set serves on when it is not fresh any more and cannot be fetched (J4).
const STALE_MAX: Duration = Duration::from_secs(86_400);
/// After a fetch: how long an unknown kid causes no other (J2).
const COOL_DOWN: Duration = Duration::from_secs(30);
/// After a fetch that failed: how long there is no other (J4).
const BACK_OFF: Duration = Duration::from_secs(10);
/// How long discovery and set may take together.
const FETCH_MAX: Duration = Duration::from_secs(10);
/// How often one request waits for a fetch. More than once only where a fetch was overtaken by [`KeySets::forget`], or ended
/// with the runtime that it ran on.
const WAITS_MAX: usize = 3;

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `iss`: what the keys are remembered by, never by kid or URL.
    pub issuer: Arc<str>,
    pub location: Location,
    /// What the issuer may sign with. A key without `alg` serves the first that its kind can.
    pub algorithms: Vec<Algorithm>,
    /// Another text after each change of the issuer's row; empty where it has none. Keys that were fetched for one version are
    /// not given out for the next.
    pub version: String,
}

/// How the URL of a key set is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// It is configured.
    JwksUri(String),
    /// The issuer's own document names it (OpenID Connect Discovery 1.0, RFC 8414).
    Discovery,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The issuer has no such key: the token is not valid.
    Unknown,
    /// The issuer's keys could never be fetched, or not for a day: nobody can say whether the token is valid.
    Unavailable {
        /// When it is worth to ask again: 1 or more.
        retry_after_s: u32,
    },
}

/// What a fetch found, for whoever registers an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The URL of the set.
    pub jwks_uri: String,
    /// Its usable keys: kid and algorithm. There may be none.
    pub keys: Vec<(String, Algorithm)>,
}

/// Why the keys of an issuer could not be fetched. For operators: a client is never told.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A document could not be had.
    #[error("{url}: {fault}")]
    Fetch {
        /// The document.
        url: String,
        /// Why.
        fault: fetch::Fault,
    },
    /// Discovery from an issuer that is no URL to discover anything from.
    #[error("the issuer is no https URL without query")]
    Issuer,
    /// The document of the issuer is no JSON object with a `jwks_uri`.
    #[error("{0}: no JSON object with a jwks_uri")]
    Document(String),
    /// The document is another issuer's.
    #[error("{0}: issuer is not the issuer that was asked for, byte for byte")]
    OtherIssuer(String),
    /// The set is on a host that the issuer does not vouch for.
    #[error("{0}: jwks_uri is neither on the issuer's host nor on one of issuer_hosts_allowed")]
    OtherHost(String),
    /// What was fetched is no key set.
    #[error("{url}: {fault}")]
    Set {
        /// The set.
        url: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// All in all it took too long.
    #[error("the issuer took longer than 10 s")]
    Slow,
}

impl FetchError {
    /// The name of the outcome in metrics.
    fn label(&self) -> &'static str {
        match self {
            FetchError::Fetch { fault, .. } => fault.label(),
            FetchError::Issuer | FetchError::Document(_) => "document",
            FetchError::OtherIssuer(_) => "other_issuer",
            FetchError::OtherHost(_) => "other_host",
            FetchError::Set { .. } => "set",
            FetchError::Slow => "timeout",
        }
    }
}

/// The key sets of all issuers. Cheap to clone; it may be used on any runtime of the process.
#[derive(Clone)]
pub struct KeySets(Arc<Shared>);

struct Shared {
    fetcher: Fetcher,
    clock: Clock,
    entries: Mutex<LruCache<Arc<str>, Entry>>,
    /// Tells an entry from another that was made for the same issuer before it.
    entries_made: AtomicU64,
    removals: AtomicU64,
}

/// The time since some moment of the past.
type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// What is remembered of one issuer.
struct Entry {
    number: u64,
    source: Source,
    /// The newest set that could be fetched.
    set: Option<Set>,
    /// When the newest fetch began.
    fetched_at: Option<Duration>,
    /// If the newest fetch failed: when the next may begin.
    retry_at: Option<Duration>,
    /// Its sender is gone as soon as the fetch has ended, however it did.
    flight: Option<watch::Receiver<()>>,
}

struct Set {
    keys: HashMap<String, Arc<PublicKey>>,
    /// When it is renewed in the background.
    renew_at: Duration,
    fresh_until: Duration,
}

/// What is to be done about one question.
enum Step {
    Answer(Result<Arc<PublicKey>, Miss>),
    /// The same, and a fetch in the background.
    AnswerAndFetch(Arc<PublicKey>),
    /// Wait for the fetch under way, or for a new one.
    Wait,
}

impl KeySets {
    /// Nothing is fetched yet.
    pub fn new(config: &Config) -> KeySets {
        let started = Instant::now();
        KeySets::with(Fetcher::new(config), Box::new(move || started.elapsed()), config.key_sets_max)
    }

    fn with(fetcher: Fetcher, clock: Clock, sets_max: usize) -> KeySets {
        KeySets(Arc::new(Shared {
            fetcher,
            clock,
            entries: Mutex::new(LruCache::new(NonZeroUsize::new(sets_max).unwrap_or(NonZeroUsize::MIN))),
            entries_made: AtomicU64::new(0),
            removals: AtomicU64::new(0),
        }))
    }

    /// The key called `kid` of the issuer. A known key is given at once; fetches happen in the background or, where there is
    /// no other way, while this waits, for about 10 s at most.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub async fn key(&self, source: &Source, kid: &str) -> Result<Arc<PublicKey>, Miss> {
        for waits in 0..=WAITS_MAX {
            let mut flight = {
                let mut entries = self.0.entries();
                let now = (self.0.clock)();
                let entry = self.0.entry(&mut entries, source);
                match entry.step(kid, now) {
                    Step::Answer(answer) => return answer,
                    Step::AnswerAndFetch(key) => {
                        self.0.fetch(entry, now);
                        return Ok(key);
                    }
                    Step::Wait if waits == WAITS_MAX => break,
                    Step::Wait => self.0.fetch(entry, now),
                }
            };
            // An error means that the sender is gone: the fetch has ended.
            let ended = async { while flight.changed().await.is_ok() {} };
            if tokio::time::timeout(FETCH_MAX + Duration::from_secs(1), ended).await.is_err() {
                break;
            }
        }
        Err(Miss::Unavailable { retry_after_s: 1 })
    }

    /// Drops what is remembered of an issuer, a fetch under way included: its next token fetches anew.
    pub fn forget(&self, issuer: &str) {
        if self.0.entries().pop(issuer).is_some() {
            self.0.removals.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Drops what is remembered of issuers that `keep` is false for.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut entries = self.0.entries();
        let dropped: Vec<Arc<str>> =
            entries.iter().filter(|(issuer, _)| !keep(issuer)).map(|(issuer, _)| issuer.clone()).collect();
        for issuer in dropped {
            entries.pop(&issuer);
            self.0.removals.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How often keys were removed or changed so far, by a fetch or by [`KeySets::forget`]. Whoever remembers that a
    /// signature was good remembers this number with it, read before the key was asked for, and forgets when it has grown
    /// (V18).
    pub fn removals(&self) -> u64 {
        self.0.removals.load(Ordering::SeqCst)
    }

    /// Fetches the keys of an issuer by the same rules, remembering nothing: for whoever registers it.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn check(&self, source: &Source) -> Result<Found, FetchError> {
        let (jwks_uri, set) = self.0.fetched(source).await?;
        let mut keys: Vec<_> = set.keys.iter().map(|(kid, key)| (kid.clone(), key.algorithm())).collect();
        keys.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Found { jwks_uri, keys })
    }
}

impl Entry {
    fn step(&self, kid: &str, now: Duration) -> Step {
        let backing_off = self.retry_at.filter(|retry_at| now < *retry_at);
        let Some(set) = self.set.as_ref().filter(|set| now < set.fresh_until + STALE_MAX) else {
            return match backing_off {
                Some(retry_at) => {
                    Step::Answer(Err(Miss::Unavailable { retry_after_s: seconds(retry_at - now) }))
                }
                None => Step::Wait,
            };
        };
        let may_fetch = backing_off.is_none() && !self.is_flying();
        match set.keys.get(kid) {
            // It may have been removed meanwhile, so the issuer is asked first; if that fails, it serves on.
            Some(_) if now >= set.fresh_until && self.retry_at.is_none() => Step::Wait,
            Some(key) if now >= set.renew_at && may_fetch => Step::AnswerAndFetch(key.clone()),
            Some(key) => Step::Answer(Ok(key.clone())),
            None if self.is_flying() => Step::Wait,
            None if backing_off.is_some() || self.is_cooling(now) => Step::Answer(Err(Miss::Unknown)),
            None => Step::Wait,
        }
    }

    fn is_flying(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.has_changed().is_ok())
    }

    fn is_cooling(&self, now: Duration) -> bool {
        self.fetched_at.is_some_and(|fetched_at| now < fetched_at + COOL_DOWN)
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, LruCache<Arc<str>, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of the issuer, a new one if there is none for this source.
    fn entry<'a>(&self, entries: &'a mut LruCache<Arc<str>, Entry>, source: &Source) -> &'a mut Entry {
        if entries.peek(&source.issuer).is_some_and(|entry| entry.source != *source) {
            entries.pop(&source.issuer);
            self.removals.fetch_add(1, Ordering::SeqCst);
        }
        entries.get_or_insert_mut(source.issuer.clone(), || Entry {
            number: self.entries_made.fetch_add(1, Ordering::Relaxed),
            source: source.clone(),
            set: None,
            fetched_at: None,
            retry_at: None,
            flight: None,
        })
    }

    /// The fetch under way, or a new one. It is a task of its own: it goes on when the request that wanted it is gone.
    fn fetch(self: &Arc<Self>, entry: &mut Entry, now: Duration) -> watch::Receiver<()> {
        if let Some(flight) = entry.flight.as_ref().filter(|_| entry.is_flying()) {
            return flight.clone();
        }
        let (sender, flight) = watch::channel(());
        entry.flight = Some(flight.clone());
        entry.fetched_at = Some(now);
        let (shared, source, number) = (self.clone(), entry.source.clone(), entry.number);
        tokio::spawn(async move {
            let fetched = shared.fetched(&source).await;
            shared.keep(&source, number, fetched.map(|(_, set)| set));
            drop(sender);
        });
        flight
    }

    /// Fetches document and set.
    async fn fetched(&self, source: &Source) -> Result<(String, Set), FetchError> {
        let started = Instant::now();
        let fetching = tokio::time::timeout(FETCH_MAX, self.fetched_now(source)).await;
        let fetched = fetching.unwrap_or(Err(FetchError::Slow));
        let outcome = match &fetched {
            Ok(_) => "ok",
            Err(error) => error.label(),
        };
        counter!("rowhouse_key_fetches_total", "outcome" => outcome).increment(1);
        histogram!("rowhouse_key_fetch_seconds").record(started.elapsed().as_secs_f64());
        fetched
    }

    async fn fetched_now(&self, source: &Source) -> Result<(String, Set), FetchError> {
        let url = match &source.location {
            Location::JwksUri(url) => url.clone(),
            Location::Discovery => self.discovered(&source.issuer).await?,
        };
        let body = self.get(&url).await?;
        let keys = keys::foreign_set(&body.bytes, &source.issuer, &source.algorithms);
        let keys = keys.map_err(|fault| FetchError::Set { url: url.clone(), fault })?;
        let fresh =
            body.fresh_s.map_or(FRESH, |fresh_s| Duration::from_secs(fresh_s).clamp(FRESH_MIN, FRESH_MAX));
        let now = (self.clock)();
        let keys = keys.into_iter().map(|(kid, key)| (kid, Arc::new(key))).collect();
        Ok((url, Set { keys, renew_at: now + fresh * 4 / 5, fresh_until: now + fresh }))
    }

    /// The `jwks_uri` of the issuer's document, under the one name of the document or the other (OpenID Connect Discovery 1.0
    /// section 4, RFC 8414 section 3).
    async fn discovered(&self, issuer: &str) -> Result<String, FetchError> {
        let at = fetch::parsed(issuer).map_err(|_| FetchError::Issuer)?;
        if at.query().is_some() || at.host_str().is_none() {
            return Err(FetchError::Issuer);
        }
        let mut url =
            format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
        let mut fetched = self.get(&url).await;
        if let Err(FetchError::Fetch { fault: fetch::Fault::Status(_), .. }) = fetched {
            let mut other = at.clone();
            other.set_path(&format!(
                "/.well-known/oauth-authorization-server{}",
                at.path().trim_end_matches('/')
            ));
            url = other.into();
            fetched = self.get(&url).await;
        }
        let bytes = fetched?.bytes;
        let document = std::str::from_utf8(&bytes).ok().and_then(json::object);
        let text = |name| document.as_ref().and_then(|document| document.get(name).and_then(Json::text));
        let Some(named) = text("issuer") else { return Err(FetchError::Document(url)) };
        if named != issuer {
            return Err(FetchError::OtherIssuer(url));
        }
        let jwks_uri = text("jwks_uri").and_then(|jwks_uri| fetch::parsed(jwks_uri).ok());
        match jwks_uri {
            None => Err(FetchError::Document(url)),
            Some(jwks_uri) if self.fetcher.is_same_or_allowed(&at, &jwks_uri) => Ok(jwks_uri.into()),
            Some(_) => Err(FetchError::OtherHost(url)),
        }
    }

    async fn get(&self, url: &str) -> Result<Body, FetchError> {
        self.fetcher.get(url).await.map_err(|fault| FetchError::Fetch { url: url.to_owned(), fault })
    }

    /// Keeps what entry `number` of the issuer asked for, unless the entry is gone.
    fn keep(&self, source: &Source, number: u64, fetched: Result<Set, FetchError>) {
        let issuer = &*source.issuer;
        let mut entries = self.entries();
        let Some(entry) = entries.peek_mut(issuer).filter(|entry| entry.number == number) else { return };
        match fetched {
            Ok(set) => {
                let is_kept =
                    |kid: &String, key: &PublicKey| set.keys.get(kid).is_some_and(|new| new.is(key));
                let known = entry.set.iter().flat_map(|set| &set.keys);
                let removed = known.filter(|(kid, key)| !is_kept(kid, key)).count();
                if removed > 0 {
                    self.removals.fetch_add(1, Ordering::SeqCst);
                }
                tracing::info!(issuer, keys = set.keys.len(), removed, "the keys of an issuer were fetched");
                entry.set = Some(set);
                entry.retry_at = None;
            }
            Err(error) => {
                tracing::warn!(issuer, %error, "the keys of an issuer could not be fetched");
                entry.retry_at = Some((self.clock)() + BACK_OFF);
            }
        }
    }
}

/// Whole seconds, rounded up, for `Retry-After`.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// The keys of a JWK set that is kept with the issuer.
///
/// # Errors
///
/// What is wrong with the set, or with a key of it.
pub fn static_set(
    json: &str,
    issuer: &str,
    algorithms: &[Algorithm],
) -> Result<Vec<(String, PublicKey)>, Fault> {
    keys::set(json.as_bytes(), issuer, algorithms)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use futures_util::future::join_all;
    use serde_json::{Value, json};

    use super::super::provider::{Provider, Reply, until};
    use super::*;

    const KEYS: &str = "/keys";

    /// A set of Ed25519 keys, the key of each made of its kid.
    fn set(kids: &[&str]) -> Value {
        let key = |kid: &&str| json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x(kid)});
        json!({"keys": kids.iter().map(key).collect::<Vec<_>>()})
    }

    fn x(text: &str) -> String {
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// An issuer with a set of keys, and what is remembered of it at a time that the test says.
    struct Fixture {
        provider: Provider,
        key_sets: KeySets,
        now_ms: Arc<AtomicU64>,
        source: Source,
    }

    impl Fixture {
        async fn new(kids: &[&str]) -> Fixture {
            let provider = Provider::start().await;
            provider.answer(KEYS, Reply::json(set(kids)));
            let now_ms = Arc::new(AtomicU64::new(0));
            let clock = now_ms.clone();
            let clock = move || Duration::from_millis(clock.load(Ordering::SeqCst));
            let key_sets = KeySets::with(fetch::insecure(), Box::new(clock), 2);
            let source = source("https://issuer.test/", Location::JwksUri(format!("{}{KEYS}", provider.url)));
            Fixture { provider, key_sets, now_ms, source }
        }

        async fn key(&self, kid: &str) -> Result<Arc<PublicKey>, Miss> {
            self.key_sets.key(&self.source, kid).await
        }

        async fn has(&self, kid: &str) -> bool {
            match self.key(kid).await {
                Ok(_) => true,
                Err(Miss::Unknown) => false,
                Err(miss @ Miss::Unavailable { .. }) => panic!("{miss:?}"),
            }
        }

        fn advance(&self, duration: Duration) {
            let ms = u64::try_from(duration.as_millis()).expect("a short time");
            self.now_ms.fetch_add(ms, Ordering::SeqCst);
        }

        fn fetches(&self) -> usize {
            self.provider.hits(KEYS)
        }

        /// Waits until no fetch is under way.
        async fn settled(&self) {
            until(|| self.key_sets.0.entries().iter().all(|(_, entry)| !entry.is_flying())).await;
        }
    }

    fn source(issuer: &str, location: Location) -> Source {
        Source { issuer: issuer.into(), location, algorithms: vec![Algorithm::EdDsa], version: String::new() }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn j01_a_set_is_fetched_once_and_then_fresh_for_ten_minutes() {
        let issuer = Fixture::new(&["a", "b"]).await;
        assert_eq!(issuer.fetches(), 0);
        assert_eq!(issuer.key("a").await.expect("known").algorithm(), Algorithm::EdDsa);
        // Up to the time when it is renewed ahead.
        issuer.advance(FRESH * 4 / 5 - SECOND);
        assert!(issuer.has("a").await && issuer.has("b").await);
        issuer.settled().await;
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn j01_a_set_in_use_is_renewed_in_the_background_before_it_is_stale() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.hold(true);
        issuer.advance(FRESH * 4 / 5);
        // The key is given although the fetch cannot end.
        assert!(issuer.has("a").await && issuer.has("a").await);
        until(|| issuer.fetches() == 2).await;
        issuer.provider.hold(false);
        issuer.settled().await;
        // Renewed: fresh beyond the end of the first.
        issuer.advance(FRESH / 2);
        assert!(issuer.has("a").await);
        issuer.settled().await;
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn j01_the_issuer_says_how_long_a_set_is_fresh_within_a_minute_and_a_day() {
        for (headers, fresh) in [
            ("Cache-Control: max-age=300\r\n", Duration::from_secs(300)),
            ("Cache-Control: max-age=1\r\n", FRESH_MIN),
            ("Cache-Control: no-store\r\n", FRESH_MIN),
            ("Cache-Control: max-age=31536000\r\n", FRESH_MAX),
            ("", FRESH),
        ] {
            let issuer = Fixture::new(&[]).await;
            issuer.provider.answer(KEYS, Reply::Text(200, headers, set(&["a"]).to_string()));
            assert!(issuer.has("a").await);
            issuer.advance(fresh * 4 / 5 - SECOND);
            assert!(issuer.has("a").await);
            issuer.settled().await;
            assert_eq!(issuer.fetches(), 1, "{headers}");
            issuer.advance(SECOND * 2 + fresh / 5);
            assert!(issuer.has("a").await);
            assert_eq!(issuer.fetches(), 2, "{headers}");
        }
    }

    #[tokio::test]
    async fn j01_many_who_ask_at_once_cause_one_fetch() {
        let issuer = Fixture::new(&["a"]).await;
        issuer.provider.hold(true);
        let release = async {
            until(|| issuer.fetches() > 0).await;
            issuer.provider.hold(false);
        };
        let (found, ()) = tokio::join!(join_all((0..50).map(|_| issuer.has("a"))), release);
        assert_eq!(found, [true; 50]);
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn j02_forty_unknown_kids_cause_at_most_three_fetches() {
        let issuer = Fixture::new(&["a"]).await;
        let kids: Vec<String> = (0..40).map(|number| format!("unknown-{number}")).collect();
        let found = join_all(kids.iter().map(|kid| issuer.has(kid))).await;
        assert_eq!(found, [false; 40]);
        for kid in &kids {
            assert!(!issuer.has(kid).await);
            issuer.advance(SECOND);
        }
        assert!(issuer.fetches() <= 3, "{}", issuer.fetches());
        // The near miss: it does ask again in time.
        issuer.advance(COOL_DOWN);
        let before = issuer.fetches();
        assert!(!issuer.has("unknown").await);
        assert_eq!(issuer.fetches(), before + 1);
    }

    #[tokio::test]
    async fn j02_known_kids_do_not_wait_for_the_fetch_of_an_unknown_one() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.advance(COOL_DOWN);
        issuer.provider.hold(true);
        let known = async {
            until(|| issuer.fetches() == 2).await;
            // While nothing is answered.
            assert!(issuer.has("a").await);
            issuer.provider.hold(false);
        };
        let (unknown, ()) = tokio::join!(issuer.has("b"), known);
        assert!(!unknown);
    }

    #[tokio::test]
    async fn j03_nothing_is_fetched_for_an_issuer_that_nobody_asks_for() {
        let issuer = Fixture::new(&["a"]).await;
        let other = Provider::start().await;
        other.answer(KEYS, Reply::json(set(&["b"])));
        assert!(issuer.has("a").await && !issuer.has("b").await);
        assert_eq!((issuer.fetches(), other.hits(KEYS)), (1, 0));
    }

    #[tokio::test]
    async fn j04_known_keys_serve_on_for_a_day_while_the_issuer_is_down() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::Nothing);
        issuer.advance(FRESH);
        assert!(issuer.has("a").await);
        for _ in 0..23 {
            issuer.advance(SECOND * 3600);
            assert!(issuer.has("a").await);
            assert!(!issuer.has("b").await);
            issuer.settled().await;
        }
        issuer.advance(SECOND * 3600 - BACK_OFF);
        assert!(issuer.has("a").await);
        issuer.settled().await;
        issuer.advance(BACK_OFF);
        assert!(matches!(issuer.key("a").await, Err(Miss::Unavailable { .. })));
        // Until it is up again.
        issuer.provider.answer(KEYS, Reply::json(set(&["a"])));
        issuer.advance(BACK_OFF);
        assert!(issuer.has("a").await);
    }

    #[tokio::test]
    async fn j04_what_is_no_set_is_a_failure_and_known_keys_serve_on() {
        let twice = set(&["a", "a"]);
        for body in
            ["", "[]", "{}", "<html>", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", &twice.to_string()]
        {
            let issuer = Fixture::new(&["a"]).await;
            assert!(issuer.has("a").await);
            issuer.provider.answer(KEYS, Reply::json(body));
            issuer.advance(FRESH);
            assert!(issuer.has("a").await, "{body}");
            assert_eq!(issuer.fetches(), 2);
        }
    }

    #[tokio::test]
    async fn j04_after_a_failure_there_is_no_fetch_for_ten_seconds() {
        let issuer = Fixture::new(&[]).await;
        issuer.provider.answer(KEYS, Reply::Text(500, "", String::new()));
        assert_eq!(issuer.key("a").await.err(), Some(Miss::Unavailable { retry_after_s: 10 }));
        issuer.advance(SECOND * 9);
        assert_eq!(issuer.key("a").await.err(), Some(Miss::Unavailable { retry_after_s: 1 }));
        assert_eq!(issuer.fetches(), 1);
        issuer.provider.answer(KEYS, Reply::json(set(&["a"])));
        issuer.advance(SECOND);
        assert!(issuer.has("a").await);
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn j05_a_new_key_is_accepted_within_the_cool_down() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::json(set(&["a", "b"])));
        assert!(!issuer.has("b").await);
        issuer.advance(COOL_DOWN);
        assert!(issuer.has("b").await && issuer.has("a").await);
        assert_eq!((issuer.fetches(), issuer.key_sets.removals()), (2, 0));
    }

    #[tokio::test]
    async fn j05_a_removed_key_ends_with_the_next_refresh_which_is_counted() {
        let issuer = Fixture::new(&["a", "b"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::json(set(&["b"])));
        issuer.advance(FRESH);
        assert!(!issuer.has("a").await && issuer.has("b").await);
        assert_eq!(issuer.key_sets.removals(), 1);
        // All of them.
        issuer.provider.answer(KEYS, Reply::json(set(&[])));
        issuer.advance(FRESH);
        assert!(!issuer.has("b").await);
        assert_eq!(issuer.key_sets.removals(), 2);
    }

    #[tokio::test]
    async fn j05_another_key_under_a_known_kid_takes_its_place() {
        let issuer = Fixture::new(&["a"]).await;
        let before = issuer.key("a").await.expect("known");
        let mut other = set(&["a"]);
        other["keys"][0]["x"] = json!(x("other"));
        issuer.provider.answer(KEYS, Reply::json(other));
        issuer.advance(FRESH);
        assert!(!issuer.key("a").await.expect("known").is(&before));
        assert_eq!(issuer.key_sets.removals(), 1);
    }

    #[tokio::test]
    async fn j05_a_forgotten_issuer_is_fetched_from_anew_at_once() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::json(set(&["b"])));
        issuer.key_sets.forget("https://other.test/");
        assert!(issuer.has("a").await);
        assert_eq!(issuer.key_sets.removals(), 0);
        issuer.key_sets.forget(&issuer.source.issuer);
        assert!(!issuer.has("a").await && issuer.has("b").await);
        issuer.key_sets.retain(|name| name != "https://issuer.test/");
        assert!(issuer.has("b").await);
        assert_eq!((issuer.fetches(), issuer.key_sets.removals()), (3, 2));
    }

    #[tokio::test]
    async fn j05_a_fetch_that_began_before_the_issuer_was_forgotten_does_not_count() {
        let issuer = Fixture::new(&["a"]).await;
        issuer.provider.hold(true);
        let asked = tokio::join!(issuer.has("a"), async {
            until(|| issuer.fetches() == 1).await;
            issuer.key_sets.forget(&issuer.source.issuer);
            // A second question, which must not join the fetch of the first.
            let second = issuer.has("b");
            let release = async {
                until(|| issuer.fetches() == 2).await;
                issuer.provider.answer(KEYS, Reply::json(set(&["b"])));
                issuer.provider.hold(false);
            };
            tokio::join!(second, release).0
        });
        assert_eq!(asked, (false, true));
    }

    #[tokio::test]
    async fn issuers_that_share_a_url_keep_separate_sets() {
        let issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::json(set(&["b"])));
        let other = Source { issuer: "https://other.test/".into(), ..issuer.source.clone() };
        assert!(issuer.key_sets.key(&other, "b").await.is_ok());
        assert_eq!(issuer.key_sets.key(&other, "a").await.err(), Some(Miss::Unknown));
        assert!(issuer.has("a").await && !issuer.has("b").await);
    }

    #[tokio::test]
    async fn the_least_recently_used_set_is_dropped_first() {
        let issuer = Fixture::new(&["a"]).await;
        let named = |issuer: &Fixture, name: &str| Source { issuer: name.into(), ..issuer.source.clone() };
        for name in
            ["https://1.test/", "https://2.test/", "https://1.test/", "https://3.test/", "https://1.test/"]
        {
            assert!(issuer.key_sets.key(&named(&issuer, name), "a").await.is_ok());
        }
        assert_eq!(issuer.fetches(), 3);
        assert!(issuer.key_sets.key(&named(&issuer, "https://2.test/"), "a").await.is_ok());
        assert_eq!(issuer.fetches(), 4);
    }

    #[tokio::test]
    async fn an_issuer_with_another_source_is_fetched_from_there() {
        let mut issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer("/moved", Reply::json(set(&["b"])));
        issuer.source.location = Location::JwksUri(format!("{}/moved", issuer.provider.url));
        assert!(!issuer.has("a").await && issuer.has("b").await);
        assert_eq!(issuer.key_sets.removals(), 1);
    }

    #[tokio::test]
    async fn j05_an_issuer_whose_row_was_changed_is_fetched_anew() {
        let mut issuer = Fixture::new(&["a"]).await;
        assert!(issuer.has("a").await);
        issuer.provider.answer(KEYS, Reply::json(set(&["b"])));
        assert!(issuer.has("a").await);
        issuer.source.version = "2".to_owned();
        assert!(!issuer.has("a").await && issuer.has("b").await);
        assert_eq!(issuer.key_sets.removals(), 1);
    }

    #[test]
    fn a_fetch_that_ends_with_its_worker_is_made_again_by_another() {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (serving, leaving, staying) = (runtime(), runtime(), runtime());
        let issuer = serving.block_on(Fixture::new(&["a"]));
        issuer.provider.hold(true);
        let (gone, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::scope(|scope| {
            // The server runs for as long as this thread.
            scope.spawn(move || serving.block_on(ended));
            leaving.block_on(async {
                tokio::select! {
                    _ = issuer.has("a") => panic!("nothing is answered"),
                    () = until(|| issuer.fetches() == 1) => {}
                }
            });
            drop(leaving);
            issuer.provider.hold(false);
            assert!(staying.block_on(issuer.has("a")));
            drop(gone);
        });
        assert_eq!(issuer.fetches(), 2);
    }

    /// Asks an issuer whose document is under `path` and says what `document` makes of the provider's URL.
    async fn discovered(
        path: &str,
        issuer_path: &str,
        document: impl Fn(&str) -> Value,
    ) -> Result<Found, FetchError> {
        let fixture = Fixture::new(&["a"]).await;
        let url = &fixture.provider.url;
        fixture.provider.answer(path, Reply::json(document(url)));
        let source = source(&format!("{url}{issuer_path}"), Location::Discovery);
        let found = fixture.key_sets.check(&source).await;
        assert_eq!(fixture.key_sets.key(&source, "a").await.is_ok(), found.is_ok());
        found
    }

    #[tokio::test]
    async fn j07_the_document_of_the_issuer_names_its_set_under_either_name() {
        for (path, issuer) in [
            ("/.well-known/openid-configuration", ""),
            ("/.well-known/openid-configuration", "/"),
            ("/realms/one/.well-known/openid-configuration", "/realms/one"),
            ("/realms/one/.well-known/openid-configuration", "/realms/one/"),
            ("/.well-known/oauth-authorization-server", ""),
            ("/.well-known/oauth-authorization-server", "/"),
            ("/.well-known/oauth-authorization-server/realms/one", "/realms/one"),
            ("/.well-known/oauth-authorization-server/realms/one", "/realms/one/"),
        ] {
            let found = discovered(
                path,
                issuer,
                |url| json!({"issuer": format!("{url}{issuer}"), "jwks_uri": format!("{url}{KEYS}"), "more": [1]}),
            );
            let found = found.await.unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(found.keys, [("a".to_owned(), Algorithm::EdDsa)]);
            assert!(found.jwks_uri.ends_with(KEYS));
        }
    }

    #[tokio::test]
    async fn j07_a_document_of_another_issuer_is_refused() {
        let path = "/.well-known/openid-configuration";
        for other in ["/", "/x", " "] {
            let found = discovered(
                path,
                "",
                |url| json!({"issuer": format!("{url}{other}"), "jwks_uri": format!("{url}{KEYS}")}),
            );
            assert!(matches!(found.await, Err(FetchError::OtherIssuer(_))), "{other}");
        }
        let upper = discovered(
            path,
            "",
            |url| json!({"issuer": url.replace("http", "HTTP"), "jwks_uri": format!("{url}{KEYS}")}),
        );
        assert!(matches!(upper.await, Err(FetchError::OtherIssuer(_))));
    }

    #[tokio::test]
    async fn j07_a_set_on_another_host_is_refused() {
        for other in ["http://localhost:1/keys", "https://169.254.169.254/keys", "http://127.0.0.2/keys"] {
            let found = discovered(
                "/.well-known/openid-configuration",
                "",
                |url| json!({"issuer": url, "jwks_uri": other}),
            );
            assert!(matches!(found.await, Err(FetchError::OtherHost(_))), "{other}");
        }
    }

    #[tokio::test]
    async fn j07_what_is_no_document_is_refused() {
        let path = "/.well-known/openid-configuration";
        let documents: [fn(&str) -> Value; 6] = [
            |_| json!([]),
            |_| json!({}),
            |url| json!({"issuer": url}),
            |url| json!({"issuer": [url], "jwks_uri": format!("{url}{KEYS}")}),
            |url| json!({"issuer": url, "jwks_uri": [format!("{url}{KEYS}")]}),
            |url| json!({"issuer": url, "jwks_uri": "/keys"}),
        ];
        for document in documents {
            assert!(matches!(discovered(path, "", document).await, Err(FetchError::Document(_))));
        }
        let absent = discovered("/elsewhere", "", |_| json!({})).await;
        let is_404 =
            |error: &FetchError| matches!(error, FetchError::Fetch { fault: fetch::Fault::Status(404), .. });
        assert!(absent.as_ref().err().is_some_and(is_404), "{absent:?}");
    }

    #[tokio::test]
    async fn j07_an_issuer_that_is_no_url_is_not_discovered() {
        let fixture = Fixture::new(&["a"]).await;
        for issuer in
            ["issuer", "urn:issuer", "https://issuer.test/?a=b", "https://issuer.test/#a", "mailto:a@b.test"]
        {
            let found = fixture.key_sets.check(&source(issuer, Location::Discovery)).await;
            assert!(matches!(found, Err(FetchError::Issuer)), "{issuer}");
        }
        let found = fixture.key_sets.check(&source("http://93.184.216.34", Location::Discovery)).await;
        let is_refused =
            |error: &FetchError| matches!(error, FetchError::Fetch { fault: fetch::Fault::Address, .. });
        assert!(found.as_ref().err().is_some_and(is_refused), "{found:?}");
    }
}

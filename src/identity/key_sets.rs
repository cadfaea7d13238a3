//! `Source` and kid -> `PublicKey`: the key sets of issuers that publish them under a URL, fetched when they are needed and
//! remembered by issuer.
//!
//! Knows nothing of tokens: a signature verifies with what is given out here, or it does not. The numbers J1 to J7 of the
//! tests' names are those of the requirements.

use std::sync::Arc;

use super::issuers::{Algorithm, Fault};
use super::keys::{self, PublicKey};
use crate::config::Config;

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `iss`: what the keys are remembered by, never by kid or URL.
    pub issuer: Arc<str>,
    pub location: Location,
    /// What the issuer may sign with. A key without `alg` serves the first that its kind can.
    pub algorithms: Vec<Algorithm>,
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

/// The key sets of all issuers. Share it in an `Arc`; it may be used on any runtime of the process.
pub struct KeySets {}

/// What a fetch found, for whoever registers an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The URL of the set.
    pub jwks_uri: String,
    /// Its usable keys: kid and algorithm.
    pub keys: Vec<(String, Algorithm)>,
}

/// Why the keys of an issuer could not be fetched. The text is for operators.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

impl KeySets {
    /// Nothing is fetched yet.
    pub fn new(_config: &Config) -> KeySets {
        KeySets {}
    }

    /// The key called `kid` of the issuer. A known key is given at once; fetches happen in the background or, where there is
    /// no other way, while this waits, for at most 10 s.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub async fn key(&self, _source: &Source, _kid: &str) -> Result<Arc<PublicKey>, Miss> {
        Err(Miss::Unavailable { retry_after_s: 10 })
    }

    /// Drops what is remembered of an issuer, a fetch under way included: its next token fetches anew.
    pub fn forget(&self, _issuer: &str) {}

    /// Drops what is remembered of issuers that `keep` is false for.
    pub fn retain(&self, _keep: impl Fn(&str) -> bool) {}

    /// How often a key was removed or changed so far, by a fetch or by [`KeySets::forget`]. Whoever remembers that a
    /// signature was good remembers this number with it, and forgets when it has grown (V18).
    pub fn removals(&self) -> u64 {
        0
    }

    /// Fetches the keys of an issuer by the same rules, remembering nothing: for whoever registers it.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn check(&self, _source: &Source) -> Result<Found, FetchError> {
        Err(FetchError("not fetched".to_owned()))
    }
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

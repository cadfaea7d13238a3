//! Sessions of the service's own: signing keys, access tokens, passwords where somebody develops, and the limits of those who ask.
//!
//! What a session is stands in the database (`sql/migrations/V9__sessions.sql`); here is what never goes there, the private
//! keys. A token that is made here is verified like that of any other issuer.

mod keys;
mod limit;
mod password;
mod token;

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use keys::{KeyError, SigningKey, generate};
pub use limit::Limiter;
pub use password::{
    HashFault, PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN, PasswordGrantError, Passwords, hash_new,
};
pub use token::Access;

use crate::config::Config;
use crate::identity::{OwnKey, Verifier};

/// What the service asks of the database, without a tenant.
pub const EXCHANGE_API_KEY: &str = include_str!("../../sql/service/exchange_api_key.sql");
pub const START_SESSION: &str = include_str!("../../sql/service/start_session.sql");
pub const ROTATE_REFRESH: &str = include_str!("../../sql/service/rotate_refresh.sql");
pub const END_SESSION: &str = include_str!("../../sql/service/end_session.sql");
pub const REVOKE_REFRESH: &str = include_str!("../../sql/service/revoke_refresh.sql");
pub const PASSWORD_PARAMETERS: &str = include_str!("../../sql/service/password_parameters.sql");
pub const START_PASSWORD_SESSION: &str = include_str!("../../sql/service/start_password_session.sql");
pub const PURGE: &str = include_str!("../../sql/service/purge_sessions.sql");

/// What every worker shares.
pub struct Sessions {
    /// `iss` of the tokens: `public_url`.
    pub issuer: String,
    pub limiter: Limiter,
    /// None where no password is asked for: anywhere but in development.
    pub passwords: Option<Passwords>,
    audience: String,
    files: Vec<String>,
    keys: RwLock<Arc<Vec<SigningKey>>>,
}

impl Sessions {
    /// Reads the keys and has `verifier` accept them. None where the configuration names no key.
    ///
    /// # Errors
    /// [`KeyError`], which names the file.
    pub fn start(
        config: &Config,
        verifier: &Verifier,
        passwords: Option<Passwords>,
    ) -> Result<Option<Self>, KeyError> {
        if config.session_key_files.is_empty() {
            return Ok(None);
        }
        if config.public_url.is_empty() {
            return Err(KeyError::NoIssuer);
        }
        if config.issuers.iter().any(|issuer| issuer.issuer == config.public_url) {
            return Err(KeyError::IssuerTaken);
        }
        let sessions = Self {
            issuer: config.public_url.clone(),
            limiter: Limiter::new(config.token_requests_per_minute),
            passwords,
            audience: config.session_audience.clone(),
            files: config.session_key_files.clone(),
            keys: RwLock::default(),
        };
        sessions.reload(verifier)?;
        Ok(Some(sessions))
    }

    /// Reads the key files again. Where one is not good the older keys stay.
    ///
    /// # Errors
    /// [`KeyError`], which names the file.
    pub fn reload(&self, verifier: &Verifier) -> Result<(), KeyError> {
        let keys = keys::read(&self.files)?;
        let own = keys.iter().map(|key| OwnKey {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm(),
            public: key.public().to_vec(),
        });
        // First: a token must not be signed with a key that nobody here knows.
        verifier.set_own(&self.issuer, &self.audience, own.collect());
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The public keys, as a JWK set (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self.keys().iter().map(SigningKey::jwk).collect();
        serde_json::json!({ "keys": keys })
    }

    /// Signs an access token; None where the library cannot.
    pub fn sign(&self, access: &Access<'_>) -> Option<String> {
        let keys = self.keys();
        token::sign(keys.first()?, &self.issuer, &self.audience, access)
    }

    fn keys(&self) -> Arc<Vec<SigningKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The hash under which the database knows a secret, in hexadecimal.
pub fn hash(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new refresh token: 32 random bytes. None where the system has no randomness.
pub fn refresh_token() -> Option<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(format!("rhr_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

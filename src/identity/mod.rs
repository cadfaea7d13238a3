//! Bearer token -> `Principal` -> `TenantContext`: who is asking, and for which tenant.
//!
//! A [`Principal`] is made only by [`Verifier::verify`]; a [`Candidate`] only from one by [`select`], or by
//! [`Verifier::anonymous`] where the configuration names an anonymous role and the request has no credential at all; a
//! [`TenantContext`] only from a candidate, by what the database knows of it; without a context there is no transaction.
//! After the start, I/O is a look-up of an issuer ([`Registry`]) and a fetch of the keys that a known one publishes
//! ([`key_sets`]), both only where memory does not do. Nothing of HTTP but header values is known. Every way in which a token
//! can be bad has one answer outside; [`Reason`] is for logs and metrics. The numbers V1 to V18, V20, V21, T1, T2, J3 and J6
//! of the tests' names are those of the requirements.

mod challenge;
mod claim_map;
mod claims;
mod directory;
pub mod fetch;
pub mod issuers;
mod json;
pub mod key_sets;
pub mod keys;
pub mod mint;
mod origin;
mod roles;
mod selection;
mod token;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod provider;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use uuid::Uuid;

use crate::config::Config;
use crate::remembered::Remembered;
use directory::Directory;
use issuers::{Algorithm, Binding, Fault, Key, Known};
use json::Json;
use key_sets::Miss;
use roles::Claimed;
use token::Header;

pub use challenge::{Realm, url_at};
pub use claim_map::{ClaimMap, ClaimPath, PathError};
pub use claims::ORGS_MAX;
pub use directory::{IssuerRow, Registry, RowFault};
pub use origin::{BadHost, Host, HostName, OriginError, Origins};
pub use roles::{DatabaseRole, Roles, RolesError};
pub use selection::{Candidate, Member, Membership, SelectionError, Selectors, TenantContext, select};
pub use token::{TOKEN_BYTES_MAX, Token, credential};

/// The challenge of a 403 for want of a role or permission (RFC 6750 3.1).
pub const INSUFFICIENT_SCOPE: &str = "Bearer realm=\"rowhouse\", error=\"insufficient_scope\"";

/// Verifies tokens. Share it in an `Arc`; it may be used on any runtime of the process.
pub struct Verifier {
    directory: Directory,
    /// Tokens that were found good, by the SHA-256 of their text; never one that was not (V18).
    verified: Remembered<[u8; 32], Arc<Principal>>,
    verified_s_max: u64,
    /// Counts the calls of [`Verifier::forget_tokens`].
    revocations: AtomicU64,
    roles: Roles,
}

/// The public half of a key that the service signs with.
#[derive(Debug)]
pub struct OwnKey {
    pub kid: String,
    /// ES256 or EdDSA.
    pub algorithm: Algorithm,
    /// An uncompressed point, or 32 bytes.
    pub public: Vec<u8>,
}

impl Verifier {
    /// Checks the issuers of the configuration, reads their key files and tests the signature library.
    ///
    /// # Errors
    ///
    /// [`issuers::Error`] names the issuer, the key and the fault. No issuer at all is no error: there may be some in the
    /// database.
    pub fn new(config: &Config) -> Result<Verifier, issuers::Error> {
        let directory = Directory::new(config)?;
        let verifies_all = |key: &Key| key.public.verifies(b"forged", &vec![0; 256]);
        if !library_works() || directory.configured().keys().any(verifies_all) {
            return Err(issuers::Error {
                issuer: "any".to_owned(),
                key: "any".to_owned(),
                fault: Fault::SelfTest,
            });
        }
        Ok(Verifier {
            directory,
            verified: Remembered::new(config.verified_tokens_max),
            verified_s_max: config.verified_token_s_max,
            revocations: AtomicU64::new(0),
            roles: Roles::default(),
        })
    }

    /// The same, with the database roles that requests may run as.
    pub fn with_roles(self, roles: Roles) -> Verifier {
        Verifier { roles, ..self }
    }

    /// Forgets every issuer of the database and every token that was verified: something changed. Keys are forgotten when
    /// an issuer is then found to be gone, or to have its keys elsewhere.
    pub fn forget(&self) {
        self.directory.forget();
        self.verified.clear();
    }

    /// Forgets the tokens that were verified: one of them may be revoked.
    pub fn forget_tokens(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.verified.clear();
    }

    /// Accepts the service's own tokens, with these keys and no others: those that were own before no longer verify.
    pub fn set_own(&self, issuer: &str, audience: &str, keys: Vec<OwnKey>) {
        self.directory.set_own(issuer, Known::own(issuer, audience, keys));
    }

    /// The database roles that requests may run as.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The authority of a request that carries no credential: the anonymous role, in the tenant that the selectors name,
    /// since nothing proves one. None where there is no such role, or no selector: then the request needs a token.
    ///
    /// The caller knows that there is no credential; a bad one is refused and never comes here.
    ///
    /// # Errors
    ///
    /// [`SelectionError::Invalid`] and [`SelectionError::Conflict`].
    pub fn anonymous(&self, selectors: Selectors<'_>) -> Result<Option<Candidate>, SelectionError> {
        match self.roles.anonymous() {
            Some(role) => Candidate::anonymous(role.clone(), selectors),
            None => Ok(None),
        }
    }

    /// Verifies `token` at `now_s`, seconds since 1970. What must be asked of the database is asked of `registry`.
    ///
    /// Before the signature is verified, claims decide nothing but which key to use (V17).
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`], with the first reason found; [`Refusal::Unavailable`] where nobody can say.
    pub async fn verify(
        &self,
        registry: &impl Registry,
        token: Token<'_>,
        now_s: u64,
    ) -> Result<Arc<Principal>, Refusal> {
        let Some(text) = token.bounded() else { return Err(Refusal::Invalid(Reason::TooLong)) };
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, text).as_ref());
        // Taken before anything is read: a change meanwhile makes the entry stale at once. All three only grow.
        let generation = self.directory.generation()
            + self.directory.key_sets().removals()
            + self.revocations.load(Ordering::SeqCst);
        if let Some(principal) = self.verified.recall(&name, generation, now_s) {
            // From memory for the most part. Where no change is heard of, the token outlives its issuer by seconds only.
            self.directory.issuer(registry, principal.issuer(), now_s).await?;
            return Ok(principal);
        }
        let principal = Arc::new(self.read(registry, token, now_s).await?);
        let until_s = principal.expires_s.min(now_s + self.verified_s_max);
        self.verified.keep(name, Arc::clone(&principal), generation, now_s, until_s);
        Ok(principal)
    }

    async fn read(
        &self,
        registry: &impl Registry,
        token: Token<'_>,
        now_s: u64,
    ) -> Result<Principal, Refusal> {
        let parts = token.parts()?;
        let header = Header::read(&parts.header)?;
        let object = json::object(&parts.payload).ok_or(Reason::Payload)?;
        let iss = object.get("iss").and_then(Json::text).ok_or(Reason::Issuer)?;
        let kid = header.kid()?;
        let known = self.directory.issuer(registry, iss, now_s).await?;
        let Key { issuer, public } = self.key(&known, kid).await?;
        if header.algorithm()? != public.algorithm().name() {
            return Err(Reason::Algorithm.into());
        }
        if !header.has_typ(&issuer.typ) {
            return Err(Reason::Typ.into());
        }
        if !public.verifies(parts.message, &parts.signature) {
            return Err(Reason::Signature.into());
        }
        let claims = claims::read(&object, parts.message, &issuer, now_s)?;
        let database_role = self.roles.claimed(&object)?;
        let names_tenants =
            claims.named.active.is_some() || claims.named.entries.iter().any(|entry| !entry.name.is_empty());
        let (active, proven) = self.directory.bind(registry, &issuer, claims.named, now_s).await?;
        drop(object);
        Ok(Principal {
            issuer: Arc::clone(&issuer.name),
            subject: claims.subject,
            jti: claims.jti,
            issued_s: claims.issued_s,
            expires_s: claims.expires_s,
            active,
            proven,
            names_tenants,
            binding: issuer.binding,
            database_role,
            claims_json: parts.payload,
        })
    }

    /// The key called `kid` of an issuer (V6, V11).
    async fn key(&self, known: &Known, kid: &str) -> Result<Key, Refusal> {
        if let Some(key) = known.keys.get(kid) {
            return Ok(key.clone());
        }
        let remote =
            known.remote.as_ref().filter(|_| is_name(kid, issuers::KID_CHARS_MAX)).ok_or(Reason::Key)?;
        match self.directory.key_sets().key(&remote.source, kid).await {
            Ok(public) => Ok(Key { issuer: Arc::clone(&remote.issuer), public }),
            Err(Miss::Unknown) => Err(Reason::Key.into()),
            Err(Miss::Unavailable { retry_after_s }) => Err(Refusal::Unavailable { retry_after_s }),
        }
    }
}

/// The example of RFC 7515 A.1 must verify, and must not with another first signature bit.
fn library_works() -> bool {
    const SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const FORGED: &str = "-BjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const MESSAGE: &[u8] = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SECRET: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    // Another crate may have installed a provider; the one named here is used whichever it is.
    let _ = DEFAULT_PROVIDER.install_default();
    let decode = |text| base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    let Ok(secret) = decode(SECRET) else {
        return false;
    };
    let key = DecodingKey::from_secret(&secret);
    let verifies = |signature| {
        jsonwebtoken::crypto::verify(signature, MESSAGE, &key, jsonwebtoken::Algorithm::HS256)
            .unwrap_or(false)
    };
    verifies(SIGNATURE) && !verifies(FORGED)
}

/// A verified token: who is asking, and the tenants the token proves. `Debug` shows no claim.
pub struct Principal {
    issuer: Arc<str>,
    subject: String,
    jti: String,
    issued_s: u64,
    expires_s: u64,
    active: Option<Uuid>,
    proven: Vec<Grant>,
    names_tenants: bool,
    binding: Binding,
    database_role: Claimed,
    claims_json: String,
}

/// What a token proves for one tenant.
#[derive(Clone)]
struct Grant {
    tenant_id: Uuid,
    role: Option<String>,
    permissions: Vec<String>,
}

impl Principal {
    /// The issuer, as configured.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The same, to keep.
    pub fn shared_issuer(&self) -> Arc<str> {
        Arc::clone(&self.issuer)
    }

    /// The user: `sub`, unique only together with the issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The token's id, unique only together with the issuer.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// When the token was issued, in seconds since 1970.
    pub fn issued_s(&self) -> u64 {
        self.issued_s
    }

    /// When the token expires, in seconds since 1970, without leeway.
    pub fn expires_s(&self) -> u64 {
        self.expires_s
    }

    /// The tenants that the token proves.
    pub fn tenants(&self) -> impl Iterator<Item = Uuid> {
        self.proven.iter().map(|grant| grant.tenant_id)
    }

    /// Whether the token names any tenant, proven or not.
    pub fn names_tenants(&self) -> bool {
        self.names_tenants
    }

    /// The only tenant that the issuer may speak for; None where there may be others.
    pub fn bound_to(&self) -> Option<Uuid> {
        match self.binding {
            Binding::Tenant(bound) => Some(bound),
            Binding::Any | Binding::Listed => None,
        }
    }

    /// Whether the issuer may speak for no tenant but those that `tenancy.issuer_tenants` lists: whoever asks the database
    /// about the principal has this checked there (V20).
    pub fn is_listed(&self) -> bool {
        self.binding == Binding::Listed
    }

    /// Whether the issuer may speak for `tenant`, as far as is known without the list of [`Principal::is_listed`].
    pub fn may_speak_for(&self, tenant: Uuid) -> bool {
        self.bound_to().is_none_or(|bound| bound == tenant)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Principal").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Why a request has no principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credential: 401, without an error attribute.
    #[error("no credential")]
    Missing,
    /// Several credentials: 400 `invalid_request`.
    #[error("several credentials")]
    Ambiguous,
    /// An authentication scheme other than Bearer: 400 `invalid_request`.
    #[error("not a bearer credential")]
    Unsupported,
    /// A token that is not accepted: 401 `invalid_token`, one answer for every reason.
    #[error("the token is not valid")]
    Invalid(Reason),
    /// Nobody can say whether the token is good: its issuer or the issuer's keys cannot be had now. 503.
    #[error("the issuer or its keys cannot be had now")]
    Unavailable {
        /// When it is worth to ask again.
        retry_after_s: u32,
    },
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal::Invalid(reason)
    }
}

impl Refusal {
    /// The refusal's name in logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Refusal::Missing => "no_credential",
            Refusal::Ambiguous => "several_credentials",
            Refusal::Unsupported => "unsupported_scheme",
            Refusal::Invalid(reason) => reason.label(),
            Refusal::Unavailable { .. } => "issuer_unavailable",
        }
    }

    /// The value of `WWW-Authenticate` (T2, RFC 6750 3).
    pub fn challenge(self) -> Option<&'static str> {
        match self {
            Refusal::Missing => Some("Bearer realm=\"rowhouse\""),
            Refusal::Ambiguous | Refusal::Unsupported => {
                Some("Bearer realm=\"rowhouse\", error=\"invalid_request\"")
            }
            Refusal::Invalid(_) => Some("Bearer realm=\"rowhouse\", error=\"invalid_token\""),
            Refusal::Unavailable { .. } => None,
        }
    }
}

/// Why a token is not accepted. For logs and metrics only: the client is never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Longer than [`TOKEN_BYTES_MAX`].
    TooLong,
    /// Not three base64url parts.
    Shape,
    /// A part is not canonical base64url.
    Encoding,
    /// The header is not one strict JSON object.
    Header,
    /// The payload is not one strict JSON object.
    Payload,
    /// The header asks for an extension.
    Critical,
    /// `iss` is missing, no string or unknown.
    Issuer,
    /// `kid` is missing, no string, too long or not the issuer's.
    Key,
    /// `alg` is not the key's.
    Algorithm,
    /// `typ` is not the issuer's, or nothing says that this is an access token.
    Typ,
    /// The signature is not the key's.
    Signature,
    /// `aud` is not ours.
    Audience,
    /// `exp`, `iat` or `nbf` is missing or no time.
    Time,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` has not come.
    IssuedInFuture,
    /// `exp` is too long after `iat`.
    Lifetime,
    /// `sub` is missing or malformed.
    Subject,
    /// `jti` is missing or malformed.
    Jti,
    /// The token is delegated (`act`).
    Act,
    /// A claim that the issuer's map requires is missing or another.
    Required,
    /// A tenant id is malformed, or `tenant_id` is not among `orgs`.
    Tenant,
    /// `role`, `permissions`, `scope`, `client_id` or `orgs` is malformed.
    Authorization,
    /// Revoked, or issued before the user's or the tenant's tokens were all revoked; or its user is disabled.
    Revoked,
}

impl Reason {
    /// The reason's name in logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Reason::TooLong => "too_long",
            Reason::Shape => "shape",
            Reason::Encoding => "encoding",
            Reason::Header => "header",
            Reason::Payload => "payload",
            Reason::Critical => "crit",
            Reason::Issuer => "issuer",
            Reason::Key => "key",
            Reason::Algorithm => "algorithm",
            Reason::Typ => "typ",
            Reason::Signature => "signature",
            Reason::Audience => "audience",
            Reason::Time => "time",
            Reason::Expired => "expired",
            Reason::NotYetValid => "not_yet_valid",
            Reason::IssuedInFuture => "issued_in_future",
            Reason::Lifetime => "lifetime",
            Reason::Subject => "subject",
            Reason::Jti => "jti",
            Reason::Act => "act",
            Reason::Required => "required",
            Reason::Tenant => "tenant",
            Reason::Authorization => "authorization",
            Reason::Revoked => "revoked",
        }
    }
}

/// Whether `text` has 1 to `chars_max` characters, none of them a control character.
fn is_name(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

/// Reads a tenant id: the canonical lower-case text of a UUID, not nil (V21). Claims, header and path use this.
pub fn tenant_id(text: &str) -> Option<Uuid> {
    if text.len() != 36 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Uuid::try_parse(text).ok().filter(|id| !id.is_nil())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm as Library, EncodingKey};
    use serde_json::{Value, json};

    use super::fixture::*;
    use super::issuers::{IssuerConfig, Secret};
    use super::*;

    /// A token signed as `signed`, whose header says `alg` and `kid`.
    fn token_of(signed: Library, alg: &str, kid: &str) -> String {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid});
        sign(signed, &header.to_string(), &claims().to_string())
    }

    fn other_issuer() -> IssuerConfig {
        IssuerConfig {
            issuer: "https://other.test/".to_owned(),
            secret: Some(Secret::new(OTHER_SECRET)),
            ..config()
        }
    }

    const OTHER_SECRET: &str = "b7Jq0sYx2LmZ9KfRt4VwHc8NpDg5EuAa";

    #[test]
    fn v05_each_key_verifies_with_its_own_algorithm() {
        accepted(&token_of(Library::HS256, "HS256", "hs"));
        accepted(&token_of(Library::RS256, "RS256", "rsa2048"));
        accepted(&token_of(Library::ES256, "ES256", "p256"));
        accepted(&token_of(Library::EdDSA, "EdDSA", "ed25519"));
    }

    #[test]
    fn v05_another_algorithm_with_a_good_signature_is_refused() {
        let others = [
            (Library::HS384, "HS384", "hs"),
            (Library::HS512, "HS512", "hs"),
            (Library::RS384, "RS384", "rsa2048"),
            (Library::RS512, "RS512", "rsa2048"),
            (Library::PS256, "PS256", "rsa2048"),
            (Library::HS256, "HS256", "rsa2048"),
            (Library::RS256, "RS256", "p256"),
            (Library::EdDSA, "Ed25519", "ed25519"),
        ];
        for (signed, alg, kid) in others {
            refused(&token_of(signed, alg, kid), Reason::Algorithm);
        }
        for (signed, alg, kid) in [(Library::HS512, "HS256", "hs"), (Library::PS256, "RS256", "rsa2048")] {
            refused(&token_of(signed, alg, kid), Reason::Signature);
        }
    }

    #[test]
    fn v05_alg_none_is_refused_in_any_spelling() {
        for alg in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS-256"] {
            let token = token_of(Library::HS256, alg, "hs");
            refused(&token, Reason::Algorithm);
            let (message, _) = token.rsplit_once('.').expect("parts");
            refused(&format!("{message}."), Reason::Shape);
            refused(&format!("{message}.AAAA"), Reason::Algorithm);
        }
        for alg in [json!(null), json!(256), json!(["HS256"]), json!({"HS256": 1})] {
            refused(&heading("alg", alg), Reason::Algorithm);
        }
        refused(&token(&without(header(), "alg"), &claims()), Reason::Algorithm);
    }

    #[test]
    fn v05_public_key_bytes_are_no_hmac_secret() {
        let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": "rsa2048"});
        let pem = include_str!("../../tests/it/keys/rsa2048.pub.pem");
        for secret in [pem, pem.trim_end()] {
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = sign_with(&key, Library::HS256, &header.to_string(), &claims().to_string());
            refused(&token, Reason::Algorithm);
        }
    }

    #[test]
    fn v06_the_kid_must_be_one_of_the_issuers() {
        accepted(&heading("kid", json!("hs")));
        refused(&token(&without(header(), "kid"), &claims()), Reason::Key);
        let kids = [
            json!(""),
            json!("HS"),
            json!("hs "),
            json!("unknown"),
            json!("../../etc/passwd"),
            json!("' or 1=1 --"),
            json!("k".repeat(129)),
            json!(1),
            json!(null),
            json!(["hs"]),
        ];
        for kid in kids {
            refused(&heading("kid", kid), Reason::Key);
        }
    }

    #[test]
    fn v06_a_kid_of_128_characters_is_good() {
        let kid = "k".repeat(128);
        let config = IssuerConfig { kid: Some(kid.clone()), ..config() };
        let verifier = verifier_of(&[config]).expect("good");
        assert!(verify_with(&verifier, &heading("kid", json!(kid))).is_ok());
    }

    #[test]
    fn v06_no_other_key_is_tried() {
        refused(&token_of(Library::HS256, "RS256", "rsa2048"), Reason::Signature);
        let other = IssuerConfig { kid: Some("other".to_owned()), ..other_issuer() };
        let verifier = verifier_of(&[config(), other]).expect("good");
        let refusal = verify_with(&verifier, &heading("kid", json!("other")));
        assert_eq!(refusal.expect_err("foreign kid"), Refusal::Invalid(Reason::Key));
    }

    #[test]
    fn v07_keys_in_or_named_by_the_header_are_not_used() {
        for (name, value) in [
            ("jwk", json!({"kty": "oct", "k": part("attacker-attacker-attacker-attacker")})),
            ("jku", json!("https://attacker.test/jwks")),
            ("x5u", json!("https://attacker.test/cert")),
            ("x5c", json!(["MIIB"])),
        ] {
            accepted(&heading(name, value.clone()));
            let header = with(header(), name, value).to_string();
            let key = EncodingKey::from_secret(b"attacker-attacker-attacker-attacker");
            refused(&sign_with(&key, Library::HS256, &header, &claims().to_string()), Reason::Signature);
        }
    }

    #[test]
    fn v09_typ_is_at_jwt_with_or_without_application_in_any_case() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            accepted(&heading("typ", json!(typ)));
        }
        let others =
            ["JWT", "jwt", "", "application/", "application/application/at+jwt", "at+jwt ", "text/at+jwt"];
        for typ in others.into_iter().map(Value::from).chain([json!(null), json!(1), json!(["at+jwt"])]) {
            refused(&heading("typ", typ), Reason::Typ);
        }
        refused(&token(&without(header(), "typ"), &claims()), Reason::Typ);
    }

    #[test]
    fn v09_an_issuer_may_send_another_typ_with_a_distinguishing_claim() {
        let config = IssuerConfig { typ: "application/JWT".to_owned(), ..config() };
        let verifier = verifier_of(&[config]).expect("good");
        let verify = |typ: &str, claims: &Value| {
            let token = token(&with(header(), "typ", json!(typ)), claims);
            verify_with(&verifier, &token).map(|_| ())
        };
        assert_eq!(verify("jwt", &claims()), Ok(()));
        assert_eq!(verify("JWT", &without(claims(), "scope")), Ok(()));
        assert_eq!(verify("JWT", &without(claims(), "client_id")), Ok(()));
        let id_token = without(without(claims(), "client_id"), "scope");
        assert_eq!(verify("JWT", &id_token), Err(Refusal::Invalid(Reason::Typ)));
        assert_eq!(verify("at+jwt", &claims()), Err(Refusal::Invalid(Reason::Typ)));
        accepted(&token(&header(), &id_token));
    }

    #[test]
    fn v10_weak_forms_of_signatures_are_refused() {
        let es256 = token_of(Library::ES256, "ES256", "p256");
        accepted(&es256);
        let (message, signature) = es256.rsplit_once('.').expect("parts");
        let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature);
        let raw = raw.expect("base64url");
        let integer = |bytes: &[u8]| [&[0x02, 33, 0][..], bytes].concat();
        let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
        let der = [&[0x30, 70][..], &body].concat();
        let long = [&raw[..], &[0]].concat();
        for signature in [der, vec![0; 64], vec![0; 1], long, raw[..63].to_vec()] {
            refused(&format!("{message}.{}", part(signature)), Reason::Signature);
        }
        let hs256 = token(&header(), &claims());
        let (message, signature) = hs256.rsplit_once('.').expect("parts");
        for signature in [&signature[..40], "AAAA"] {
            refused(&format!("{message}.{signature}"), Reason::Signature);
        }
    }

    #[test]
    fn v11_iss_is_one_known_string_byte_for_byte() {
        accepted(&claiming("iss", json!(ISSUER)));
        refused(&lacking("iss"), Reason::Issuer);
        let issuers = [
            json!("https://issuer.test"),
            json!("https://issuer.test//"),
            json!("HTTPS://ISSUER.TEST/"),
            json!("https://issuer.test/ "),
            json!("https://issuer.test/x"),
            json!(""),
            json!([ISSUER]),
            json!({ISSUER: 1}),
            json!(1),
            json!(null),
        ];
        for issuer in issuers {
            refused(&claiming("iss", issuer), Reason::Issuer);
        }
    }

    #[test]
    fn v12_the_key_of_one_issuer_does_not_verify_for_another() {
        let verifier = verifier_of(&[config(), other_issuer()]).expect("good");
        let refusal = |token: &str| verify_with(&verifier, token).map(|_| ());
        assert_eq!(refusal(&token(&header(), &claims())), Ok(()));
        let forged = claiming("iss", json!("https://other.test/"));
        assert_eq!(refusal(&forged), Err(Refusal::Invalid(Reason::Signature)));
    }

    #[test]
    fn v17_claims_are_judged_after_the_signature() {
        let expired = claiming("exp", json!(1));
        refused(&expired, Reason::Expired);
        let mut forged = expired;
        forged.truncate(forged.rfind('.').expect("parts") + 1);
        forged.push_str(&part([0; 32]));
        refused(&forged, Reason::Signature);
    }

    #[test]
    fn t02_the_challenge_tells_no_credential_from_a_bad_one() {
        assert_eq!(Refusal::Missing.challenge(), Some("Bearer realm=\"rowhouse\""));
        let invalid = "Bearer realm=\"rowhouse\", error=\"invalid_token\"";
        assert_eq!(Refusal::Invalid(Reason::Expired).challenge(), Some(invalid));
        assert_eq!(Refusal::Invalid(Reason::Issuer).challenge(), Some(invalid));
        for refusal in [Refusal::Ambiguous, Refusal::Unsupported] {
            assert_eq!(refusal.challenge(), Some("Bearer realm=\"rowhouse\", error=\"invalid_request\""));
        }
        assert_eq!(INSUFFICIENT_SCOPE, "Bearer realm=\"rowhouse\", error=\"insufficient_scope\"");
    }

    #[test]
    fn a_principal_debugs_without_claims() {
        let text = format!("{:?}", accepted(&token(&header(), &claims())));
        assert_eq!(text, "Principal { issuer: \"https://issuer.test/\", .. }");
    }

    #[test]
    fn the_claims_are_kept_as_the_payload_has_them() {
        let text = format!("  {} ", claims().to_string().replacen('{', "{ \"x\" : 1.50,", 1));
        let principal = accepted(&sign(Library::HS256, &header().to_string(), &text));
        assert_eq!(principal.claims_json, text);
        assert_eq!(principal.subject(), "user-1");
        assert_eq!(principal.issuer(), ISSUER);
        assert_eq!(principal.tenants().map(|id| id.to_string()).collect::<Vec<_>>(), [TENANT]);
    }

    #[test]
    fn without_issuers_every_token_is_refused() {
        let verifier = verifier_of(&[]).expect("good");
        let refusal = verify_with(&verifier, &token(&header(), &claims()));
        assert_eq!(refusal.expect_err("no issuer"), Refusal::Invalid(Reason::Issuer));
    }

    #[test]
    fn v21_a_tenant_id_is_a_canonical_uuid() {
        assert!(tenant_id(TENANT).is_some());
        let upper = TENANT.to_uppercase();
        let others = [
            "",
            "acme",
            upper.as_str(),
            "{7a245486-3fc8-47ec-b303-04fefe7a58ff}",
            "urn:uuid:7a245486-3fc8-47ec-b303-04fefe7a58ff",
            "7a2454863fc847ecb30304fefe7a58ff",
            "00000000-0000-0000-0000-000000000000",
            " 7a245486-3fc8-47ec-b303-04fefe7a58ff",
            "7a245486-3fc8-47ec-b303-04fefe7a58f",
            "7a245486-3fc8-47ec-b303-04fefe7a58fg",
            "7a2454863-fc8-47ec-b303-04fefe7a58ff",
        ];
        for text in others {
            assert!(tenant_id(text).is_none(), "{text}");
        }
    }
}

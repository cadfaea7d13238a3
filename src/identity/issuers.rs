//! `IssuerConfig`s -> `Issuers`: whose tokens are accepted, on what terms, and with which key.
//!
//! A key is found by (issuer, kid) and by nothing else; it is bound to one algorithm and one issuer. Key
//! files are read here once, at start; no token ever causes I/O.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use super::claim_map::ClaimMap;
use super::key_sets::{Location, Source};
use super::keys::{self, PublicKey};
use super::token::media_subtype;
use super::{OwnKey, is_name};

/// The longest key id, in characters.
pub(super) const KID_CHARS_MAX: usize = 128;

/// The longest life of the service's own access tokens, in seconds: the bound of the setting `access_token_s`.
const OWN_LIFETIME_S_MAX: u64 = 900;

/// One issuer and its key, or its key set. Several may name the same issuer, with different keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// `iss`, compared byte for byte.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// The one algorithm of the key or keys.
    pub algorithm: Algorithm,
    /// The key's id; absent with `jwks_file`, whose keys have theirs.
    pub kid: Option<String>,
    /// The secret of HS256: at least 32 bytes, random.
    pub secret: Option<Secret>,
    /// A file with the secret of HS256; one line end after it is dropped.
    pub secret_file: Option<PathBuf>,
    /// A PEM file with one public key (`BEGIN PUBLIC KEY`).
    pub public_key_file: Option<PathBuf>,
    /// A JWK set (RFC 7517) of at most 32 keys; keys for another use or algorithm are passed over.
    pub jwks_file: Option<PathBuf>,
    /// The `typ` that tokens must have; empty: they have none. With another than the default, a token must also carry a
    /// client or a scope, or a claim that `claims` requires.
    #[serde(default = "default_typ")]
    pub typ: String,
    /// How far clocks may differ: at most 120 s.
    #[serde(default = "default_leeway_s")]
    pub leeway_s: u64,
    /// The longest `exp - iat`: 60 to 86400 s.
    #[serde(default = "default_lifetime_s_max")]
    pub lifetime_s_max: u64,
    /// The only tenant that the issuer may speak for; without it, any tenant.
    pub tenant: Option<Uuid>,
    /// The URL of its key set, in the place of a key.
    pub jwks_uri: Option<String>,
    /// Whether its own document names the URL of its key set, in the place of a key.
    #[serde(default)]
    pub discovery: bool,
    /// Where its tokens say what the service reads, where that is elsewhere than usual.
    #[serde(default)]
    pub claims: ClaimMap,
}

impl IssuerConfig {
    /// An issuer that has no key yet, on the usual terms.
    pub fn new(issuer: &str, audience: &str, algorithm: Algorithm) -> IssuerConfig {
        IssuerConfig {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            algorithm,
            kid: None,
            secret: None,
            secret_file: None,
            public_key_file: None,
            jwks_file: None,
            typ: default_typ(),
            leeway_s: default_leeway_s(),
            lifetime_s_max: default_lifetime_s_max(),
            tenant: None,
            jwks_uri: None,
            discovery: false,
            claims: ClaimMap::default(),
        }
    }
}

/// A signature algorithm, under its JWA name (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 8192 bits.
    RS256,
    /// RSASSA-PSS with SHA-256, keys of 2048 to 8192 bits.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The JWA name.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::HS256 => "HS256",
            Algorithm::RS256 => "RS256",
            Algorithm::PS256 => "PS256",
            Algorithm::ES256 => "ES256",
            Algorithm::ES384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The same for the library.
    pub(super) fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Algorithm::HS256 => jsonwebtoken::Algorithm::HS256,
            Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
            Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Text that is never shown: it debugs and serializes as stars.
#[derive(Clone, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Why the service does not start: a fault in the configuration of an issuer or its key.
#[derive(Debug, thiserror::Error)]
#[error("issuer {issuer:?}, key {key:?}: {fault}")]
pub struct Error {
    /// The issuer, as configured.
    pub issuer: String,
    /// The key's id, or the file it comes from.
    pub key: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an issuer or its key.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// `issuer`, `audience`, `kid` or `typ` is missing, empty, too long or has control characters.
    #[error("{0} is missing, empty, longer than 255 characters (kid: 128) or has control characters")]
    Name(&'static str),
    /// `leeway_s` is too large.
    #[error("leeway_s is above 120")]
    Leeway,
    /// `lifetime_s_max` is out of range.
    #[error("lifetime_s_max is not within 60 to 86400")]
    Lifetime,
    /// The nil UUID is no tenant.
    #[error("tenant is the nil UUID")]
    NilTenant,
    /// Not exactly the one source of keys that the algorithm needs.
    #[error(
        "HS256 needs exactly one of secret and secret_file, any other algorithm one of public_key_file, jwks_file, jwks_uri \
         and discovery"
    )]
    Source,
    /// `kid` and `jwks_file` together.
    #[error("kid is for one key; the keys of jwks_file have their own")]
    KidOfSet,
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// A key file is larger than a key file can be.
    #[error("the file is larger than 256 kB")]
    FileSize,
    /// A short secret.
    #[error("the secret is shorter than 32 bytes")]
    ShortSecret,
    /// A secret that is published, repeats itself or has few different bytes.
    #[error("the secret is well known or repeats itself; make one with `openssl rand -base64 32`")]
    WeakSecret,
    /// PEM text as a secret: whoever has the public key could sign.
    #[error("the secret is PEM text")]
    SecretIsPem,
    /// Two issuers with one secret could each make the other's tokens.
    #[error("issuer {0:?} has the same secret")]
    SharedSecret(String),
    /// A private key where a public one belongs.
    #[error("the file holds a private key; give the public key only")]
    PrivateKey,
    /// Not a public key of the algorithm.
    #[error(
        "not a public key for {0} (PEM `BEGIN PUBLIC KEY`; RSA, uncompressed P-256 or P-384, or Ed25519)"
    )]
    NotAKey(&'static str),
    /// An RSA key that is too small or too large, or has a bad exponent.
    #[error("the RSA key is not of 2048 to 8192 bits with an odd exponent above 1")]
    RsaSize,
    /// Not a JWK set.
    #[error("not a JWK set of at most 32 keys with distinct kid")]
    Jwks,
    /// A JWK set without a key for the algorithm.
    #[error("no key for {0} in the set")]
    NoKey(&'static str),
    /// (issuer, kid) twice.
    #[error("the issuer has another key of the same kid")]
    DuplicateKey,
    /// One issuer, two bindings.
    #[error("the issuer is bound to another tenant by another of its keys")]
    TenantBinding,
    /// The cryptographic library does not do what it should.
    #[error("the self-test of the signature library failed")]
    SelfTest,
}

/// The terms on which an issuer's tokens are accepted.
pub(super) struct Issuer {
    pub(super) name: Arc<str>,
    /// Whom a token may be for: one of these.
    pub(super) audiences: Vec<String>,
    /// Empty: the header must have none.
    pub(super) typ: String,
    /// Whether the header's type alone says that a token is an access token.
    pub(super) sends_access_token_type: bool,
    pub(super) leeway_s: u64,
    pub(super) lifetime_s_max: u64,
    pub(super) binding: Binding,
    pub(super) claims: ClaimMap,
}

/// The tenants that an issuer may speak for (V20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// All: an issuer of the configuration.
    Any,
    /// One.
    Tenant(Uuid),
    /// Those of `tenancy.issuer_tenants`, under the names that the issuer has for them.
    Listed,
}

/// A key, and the terms of the issuer that it verifies for.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) issuer: Arc<Issuer>,
    pub(super) public: Arc<PublicKey>,
}

/// An issuer: its keys that are at hand, by kid, and where the others are.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: HashMap<String, Key>,
    pub(super) remote: Option<Remote>,
}

impl Known {
    /// The service itself, on the usual terms but for how long its tokens live.
    pub(super) fn own(issuer: &str, audience: &str, keys: Vec<OwnKey>) -> Known {
        let issuer = Arc::new(Issuer {
            name: issuer.into(),
            audiences: vec![audience.to_owned()],
            typ: default_typ(),
            sends_access_token_type: true,
            leeway_s: default_leeway_s(),
            lifetime_s_max: OWN_LIFETIME_S_MAX,
            binding: Binding::Any,
            claims: ClaimMap::default(),
        });
        let keys = keys.into_iter().map(|own| {
            let key = match own.algorithm {
                Algorithm::EdDsa => DecodingKey::from_ed_der(&own.public),
                _ => DecodingKey::from_ec_der(&own.public),
            };
            let public = Arc::new(PublicKey { algorithm: own.algorithm, key });
            (own.kid, Key { issuer: Arc::clone(&issuer), public })
        });
        Known { keys: keys.collect(), remote: None }
    }

    /// Whether the other has the same keys under the same ids, all of them at hand.
    pub(super) fn has_keys_of(&self, other: &Known) -> bool {
        self.keys.len() == other.keys.len()
            && self
                .keys
                .iter()
                .all(|(kid, key)| other.keys.get(kid).is_some_and(|o| o.public.is(&key.public)))
    }
}

/// Keys that are published under a URL.
pub(super) struct Remote {
    pub(super) issuer: Arc<Issuer>,
    pub(super) source: Source,
}

/// The issuers of the configuration.
pub(super) struct Issuers(HashMap<String, Arc<Known>>);

impl Issuers {
    /// Checks the configuration and reads the key files.
    ///
    /// # Errors
    ///
    /// The first [`Fault`], with the issuer and the key it was found in.
    pub(super) fn load(configs: &[IssuerConfig]) -> Result<Issuers, Error> {
        let mut issuers: HashMap<String, Known> = HashMap::new();
        for config in configs {
            let issuer = Arc::new(config.checked()?);
            match config.remote(&issuer)? {
                Some(remote) => {
                    let known = issuers.entry(config.issuer.clone()).or_default();
                    if known.remote.replace(remote).is_some() {
                        return Err(config.error("", Fault::Source));
                    }
                    check_binding(known, &issuer).map_err(|fault| config.error("", fault))?;
                }
                None => {
                    for (kid, key) in keys::load(config)? {
                        let public = Arc::new(PublicKey { algorithm: config.algorithm, key });
                        let key = Key { issuer: Arc::clone(&issuer), public };
                        add(&mut issuers, &kid, key).map_err(|fault| config.error(&kid, fault))?;
                    }
                }
            }
        }
        Ok(Issuers(issuers.into_iter().map(|(name, known)| (name, Arc::new(known))).collect()))
    }

    /// The issuer that calls itself `issuer`.
    pub(super) fn get(&self, issuer: &str) -> Option<&Arc<Known>> {
        self.0.get(issuer)
    }

    /// All keys at hand, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.values().flat_map(|known| known.keys.values())
    }
}

fn add(issuers: &mut HashMap<String, Known>, kid: &str, key: Key) -> Result<(), Fault> {
    for other in issuers.values().flat_map(|known| known.keys.values()) {
        if other.issuer.name != key.issuer.name
            && key.public.algorithm == Algorithm::HS256
            && other.public.algorithm == Algorithm::HS256
            && other.public.key.try_get_as_bytes().ok() == key.public.key.try_get_as_bytes().ok()
        {
            return Err(Fault::SharedSecret(other.issuer.name.to_string()));
        }
    }
    let known = issuers.entry(key.issuer.name.to_string()).or_default();
    check_binding(known, &key.issuer)?;
    match known.keys.insert(kid.to_owned(), key) {
        Some(_) => Err(Fault::DuplicateKey),
        None => Ok(()),
    }
}

fn check_binding(known: &Known, issuer: &Issuer) -> Result<(), Fault> {
    let remote = known.remote.as_ref().map(|remote| &remote.issuer);
    let mut others = known.keys.values().map(|key| &key.issuer).chain(remote);
    if others.any(|other| other.binding != issuer.binding) { Err(Fault::TenantBinding) } else { Ok(()) }
}

impl IssuerConfig {
    /// The fault, with the names of issuer and key.
    pub(super) fn error(&self, key: &str, fault: Fault) -> Error {
        Error { issuer: self.issuer.clone(), key: key.to_owned(), fault }
    }

    /// The terms, within their bounds.
    fn checked(&self) -> Result<Issuer, Error> {
        let typ = media_subtype(&self.typ);
        let kid = self.kid.as_deref();
        let rules = [
            (is_name(&self.issuer, 255), Fault::Name("issuer")),
            (is_name(&self.audience, 255), Fault::Name("audience")),
            (typ.is_empty() || is_name(typ, 255), Fault::Name("typ")),
            (kid.is_none_or(|kid| is_name(kid, KID_CHARS_MAX)), Fault::Name("kid")),
            (self.leeway_s <= 120, Fault::Leeway),
            ((60..=86_400).contains(&self.lifetime_s_max), Fault::Lifetime),
            (!self.tenant.is_some_and(|tenant| tenant.is_nil()), Fault::NilTenant),
        ];
        if let Some((_, fault)) = rules.into_iter().find(|(holds, _)| !holds) {
            return Err(self.error(kid.unwrap_or_default(), fault));
        }
        Ok(Issuer {
            name: self.issuer.as_str().into(),
            audiences: vec![self.audience.clone()],
            typ: typ.to_owned(),
            sends_access_token_type: typ.eq_ignore_ascii_case("at+jwt"),
            leeway_s: self.leeway_s,
            lifetime_s_max: self.lifetime_s_max,
            binding: self.tenant.map_or(Binding::Any, Binding::Tenant),
            claims: self.claims.clone(),
        })
    }

    /// Where the keys are, if not at hand.
    fn remote(&self, issuer: &Arc<Issuer>) -> Result<Option<Remote>, Error> {
        let location = match (&self.jwks_uri, self.discovery) {
            (None, false) => return Ok(None),
            (Some(url), false) => Location::JwksUri(url.clone()),
            (None, true) => Location::Discovery,
            (Some(_), true) => return Err(self.error("", Fault::Source)),
        };
        let has_key = self.kid.is_some()
            || self.secret.is_some()
            || self.secret_file.is_some()
            || self.public_key_file.is_some()
            || self.jwks_file.is_some();
        if has_key || self.algorithm == Algorithm::HS256 {
            return Err(self.error("", Fault::Source));
        }
        let source = Source {
            issuer: Arc::clone(&issuer.name),
            location,
            algorithms: vec![self.algorithm],
            version: String::new(),
        };
        Ok(Some(Remote { issuer: Arc::clone(issuer), source }))
    }
}

fn default_typ() -> String {
    "at+jwt".to_owned()
}

fn default_leeway_s() -> u64 {
    30
}

fn default_lifetime_s_max() -> u64 {
    3600
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;

    const OTHER_SECRET: &str = "b7Jq0sYx2LmZ9KfRt4VwHc8NpDg5EuAa";

    fn fault(configs: &[IssuerConfig]) -> Option<Fault> {
        verifier_of(configs).err().map(|error| error.fault)
    }

    fn other(issuer: &str, kid: &str, secret: &str) -> IssuerConfig {
        let (issuer, kid) = (issuer.to_owned(), Some(kid.to_owned()));
        IssuerConfig { issuer, kid, secret: Some(Secret::new(secret)), ..config() }
    }

    #[test]
    fn bounds_of_the_configuration_are_checked() {
        let tenant = |text| Some(Uuid::try_parse(text).expect("a UUID"));
        let good = [
            IssuerConfig { leeway_s: 120, ..config() },
            IssuerConfig { leeway_s: 0, ..config() },
            IssuerConfig { lifetime_s_max: 60, ..config() },
            IssuerConfig { lifetime_s_max: 86_400, ..config() },
            IssuerConfig { tenant: tenant(TENANT), ..config() },
        ];
        for config in good {
            assert!(fault(&[config]).is_none());
        }
        let empty = String::new;
        let nil = tenant("00000000-0000-0000-0000-000000000000");
        assert!(matches!(fault(&[IssuerConfig { leeway_s: 121, ..config() }]), Some(Fault::Leeway)));
        assert!(matches!(fault(&[IssuerConfig { lifetime_s_max: 59, ..config() }]), Some(Fault::Lifetime)));
        assert!(matches!(
            fault(&[IssuerConfig { lifetime_s_max: 86_401, ..config() }]),
            Some(Fault::Lifetime)
        ));
        assert!(matches!(fault(&[IssuerConfig { tenant: nil, ..config() }]), Some(Fault::NilTenant)));
        assert!(matches!(
            fault(&[IssuerConfig { issuer: empty(), ..config() }]),
            Some(Fault::Name("issuer"))
        ));
        assert!(matches!(
            fault(&[IssuerConfig { audience: empty(), ..config() }]),
            Some(Fault::Name("audience"))
        ));
        assert!(fault(&[IssuerConfig { typ: empty(), ..config() }]).is_none());
        for kid in [String::new(), "k".repeat(129), "a\nb".to_owned()] {
            assert!(matches!(
                fault(&[IssuerConfig { kid: Some(kid), ..config() }]),
                Some(Fault::Name("kid"))
            ));
        }
    }

    #[test]
    fn issuer_and_kid_are_unique_together() {
        assert!(fault(&[config(), other(ISSUER, "hs-2", OTHER_SECRET)]).is_none());
        assert!(fault(&[config(), other("https://other.test/", "hs", OTHER_SECRET)]).is_none());
        assert!(matches!(fault(&[config(), other(ISSUER, "hs", OTHER_SECRET)]), Some(Fault::DuplicateKey)));
    }

    #[test]
    fn two_issuers_do_not_share_a_secret() {
        assert!(fault(&[config(), other(ISSUER, "hs-2", SECRET)]).is_none());
        let shared = fault(&[config(), other("https://other.test/", "hs", SECRET)]);
        assert!(matches!(shared, Some(Fault::SharedSecret(issuer)) if issuer == ISSUER));
    }

    #[test]
    fn an_issuer_has_one_binding() {
        let bound =
            IssuerConfig { tenant: Uuid::try_parse(TENANT).ok(), ..other(ISSUER, "hs-2", OTHER_SECRET) };
        assert!(matches!(fault(&[config(), bound]), Some(Fault::TenantBinding)));
    }

    #[test]
    fn the_configuration_reads_jwa_names_and_defaults_and_refuses_unknown_keys() {
        let text = format!(
            "{{\"issuer\":\"i\",\"audience\":\"a\",\"algorithm\":\"EdDSA\",\"tenant\":\"{TENANT}\"}}"
        );
        let config: IssuerConfig = serde_json::from_str(&text).expect("good");
        assert_eq!(config.algorithm, Algorithm::EdDsa);
        assert_eq!((config.typ.as_str(), config.leeway_s, config.lifetime_s_max), ("at+jwt", 30, 3600));
        assert!(serde_json::from_str::<IssuerConfig>(&text.replace("EdDSA", "none")).is_err());
        assert!(serde_json::from_str::<IssuerConfig>(&text.replacen('{', "{\"leeway\":1,", 1)).is_err());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let config = config();
        let shown = format!("{config:?} {}", serde_json::to_string(&config).expect("serializes"));
        assert!(!shown.contains(SECRET) && shown.contains("***"), "{shown}");
        let toml = toml::to_string(&config).expect("serializes");
        assert!(toml.contains("secret = \"***\"") && !toml.contains("secret_file"), "{toml}");
    }
}

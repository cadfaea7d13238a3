//! Key material -> `DecodingKey`s: secrets, PEM public keys and JWK sets, refused at start if they are weak
//! or not what the algorithm needs (V10, J6). Key ids and issuers are only carried.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{DecodingKey, DecodingKeyKind as Kind};

use super::is_name;
use super::issuers::{Algorithm, Error, Fault, IssuerConfig, KID_CHARS_MAX};
use super::json::{self, Json, Object};

/// The largest key file, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
const JWKS_KEYS_MAX: usize = 32;
const SECRET_BYTES_MIN: usize = 32;

/// What precedes the point in the DER of an uncompressed P-256 public key (RFC 5480).
const P256_PREFIX: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// The same of an uncompressed P-384 public key.
const P384_PREFIX: &[u8] = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
/// What precedes the key in the DER of an Ed25519 public key (RFC 8410).
const ED25519_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// The algorithms with a public key.
macro_rules! asymmetric {
    () => {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDsa
    };
}

/// Parts of secrets that everybody knows from a manual, in lower case.
const KNOWN_PHRASES: [&str; 10] = [
    "changeme",
    "change-me",
    "change_me",
    "password",
    "your-256-bit-secret",
    "your-secret",
    "super-secret",
    "a-string-secret-at-least-256-bits-long",
    "reallyreallyreally",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
];

/// A public key, bound to one algorithm.
pub struct PublicKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl PublicKey {
    /// The one algorithm that the key verifies with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the other is the same key for the same algorithm.
    pub(super) fn is(&self, other: &PublicKey) -> bool {
        let is_same = match (self.key.kind(), other.key.kind()) {
            (Kind::SecretOrDer(one), Kind::SecretOrDer(other)) => one == other,
            (Kind::RsaModulusExponent { n, e }, Kind::RsaModulusExponent { n: other_n, e: other_e }) => {
                (n, e) == (other_n, other_e)
            }
            (Kind::SecretOrDer(_), Kind::RsaModulusExponent { .. })
            | (Kind::RsaModulusExponent { .. }, Kind::SecretOrDer(_)) => false,
        };
        is_same && self.algorithm == other.algorithm
    }

    /// Whether `signature` is this key's over `message`.
    // The library's trait asks for a Vec. Its verifiers are not Sync, so one is made for each call.
    #[allow(clippy::ptr_arg)]
    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.library(), &self.key);
        verifier.is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The keys of one issuer configuration, each with its id.
pub(super) fn load(config: &IssuerConfig) -> Result<Vec<(String, DecodingKey)>, Error> {
    let sources = (&config.secret, &config.secret_file, &config.public_key_file, &config.jwks_file);
    match (config.algorithm, sources) {
        (Algorithm::HS256, _) => {
            let (kid, secret) = secret(config)?;
            Ok(vec![(kid.to_owned(), DecodingKey::from_secret(&secret))])
        }
        (algorithm, (None, None, Some(path), None)) => {
            let kid = kid(config)?;
            let key = read(path).and_then(|pem| public_key(algorithm, &pem));
            Ok(vec![(kid.to_owned(), key.map_err(|fault| config.error(kid, fault))?)])
        }
        (algorithm, (None, None, None, Some(path))) => {
            let keys = match &config.kid {
                Some(_) => Err(Fault::KidOfSet),
                None => read(path).and_then(|text| set(&text, &config.issuer, &[algorithm])),
            };
            let keys = keys.map(|keys| keys.into_iter().map(|(kid, key)| (kid, key.key)).collect());
            keys.map_err(|fault| config.error(&path.display().to_string(), fault))
        }
        (asymmetric!(), _) => Err(config.error(config.kid.as_deref().unwrap_or_default(), Fault::Source)),
    }
}

/// The id and the HS256 secret of an issuer.
pub(super) fn secret(config: &IssuerConfig) -> Result<(&str, Vec<u8>), Error> {
    let kid = kid(config)?;
    let sources = (&config.secret, &config.secret_file, &config.public_key_file, &config.jwks_file);
    let secret = match (config.algorithm, sources) {
        (Algorithm::HS256, (Some(secret), None, None, None)) => Ok(secret.expose().as_bytes().to_vec()),
        (Algorithm::HS256, (None, Some(path), None, None)) => read(path).map(without_line_end),
        (Algorithm::HS256 | asymmetric!(), _) => Err(Fault::Source),
    };
    let secret = secret.and_then(strong).map_err(|fault| config.error(kid, fault))?;
    Ok((kid, secret))
}

fn kid(config: &IssuerConfig) -> Result<&str, Error> {
    config.kid.as_deref().ok_or_else(|| config.error("", Fault::Name("kid")))
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => Err(Fault::FileSize),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Fault::File { path: path.to_owned(), error }),
    }
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

/// Refuses secrets that can be guessed. No test finds them all; these are the ones people deploy.
fn strong(secret: Vec<u8>) -> Result<Vec<u8>, Fault> {
    if secret.len() < SECRET_BYTES_MIN {
        return Err(Fault::ShortSecret);
    }
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(Fault::SecretIsPem);
    }
    let repeats =
        (1..=SECRET_BYTES_MIN / 2).any(|period| secret[period..] == secret[..secret.len() - period]);
    let few_bytes = secret.iter().collect::<HashSet<_>>().len() < 8;
    let text = String::from_utf8_lossy(&secret).to_lowercase();
    let known = text.starts_with("secret") || KNOWN_PHRASES.iter().any(|phrase| text.contains(phrase));
    if repeats || few_bytes || known { Err(Fault::WeakSecret) } else { Ok(secret) }
}

/// The one public key of a PEM file. Certificates and private keys are refused, and so is any other curve.
fn public_key(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, Fault> {
    let not_a_key = || Fault::NotAKey(algorithm.name());
    let text = std::str::from_utf8(pem).map_err(|_| not_a_key())?;
    if text.contains("PRIVATE KEY-----") {
        return Err(Fault::PrivateKey);
    }
    let body = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let body = body.and_then(|body| body.strip_suffix("-----END PUBLIC KEY-----")).ok_or_else(not_a_key)?;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).map_err(|_| not_a_key())?;
    match algorithm {
        Algorithm::HS256 => Err(Fault::Source),
        Algorithm::RS256 | Algorithm::PS256 => {
            let components = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(&der);
            let (n, e) = components.map_err(|_| not_a_key())?;
            rsa(&n, &e)
        }
        Algorithm::ES256 => point(&der, P256_PREFIX, 65).ok_or_else(not_a_key),
        Algorithm::ES384 => point(&der, P384_PREFIX, 97).ok_or_else(not_a_key),
        Algorithm::EdDsa => match der.strip_prefix(ED25519_PREFIX) {
            Some(key) if key.len() == 32 => Ok(DecodingKey::from_ed_der(key)),
            Some(_) | None => Err(not_a_key()),
        },
    }
}

/// The key whose uncompressed point of `bytes` bytes follows `prefix`.
fn point(der: &[u8], prefix: &[u8], bytes: usize) -> Option<DecodingKey> {
    let point = der.strip_prefix(prefix).filter(|point| point.len() == bytes && point[0] == 4)?;
    Some(DecodingKey::from_ec_der(point))
}

fn rsa(n: &[u8], e: &[u8]) -> Result<DecodingKey, Fault> {
    let significant = |bytes: &'_ [u8]| bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let (n, e) = (&n[significant(n)..], &e[significant(e)..]);
    let n_bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    let e_is_odd = e.last().is_some_and(|last| last % 2 == 1);
    if (2048..=8192).contains(&n_bits) && e_is_odd && e != [1] {
        Ok(DecodingKey::from_rsa_raw_components(n, e))
    } else {
        Err(Fault::RsaSize)
    }
}

/// The keys of a JWK set that `issuer` may sign with (J6), each bound to one of `algorithms`. Symmetric keys, keys of
/// unknown kinds, for another purpose or of another issuer are passed over.
///
/// # Errors
///
/// [`Fault::Jwks`] where the text is no such set; what is wrong with a key that should be good; [`Fault::NoKey`] where none
/// is left.
pub(super) fn set(
    text: &[u8],
    issuer: &str,
    algorithms: &[Algorithm],
) -> Result<Vec<(String, PublicKey)>, Fault> {
    let keys = members(text, issuer, algorithms)?.into_iter().collect::<Result<Vec<_>, Fault>>()?;
    match algorithms {
        [algorithm] if keys.is_empty() => Err(Fault::NoKey(algorithm.name())),
        _ if keys.is_empty() => Err(Fault::NoKey("any of its algorithms")),
        _ => Ok(keys),
    }
}

/// The same of a set that somebody else may change at any time: a key that is not good is passed over like one for another
/// purpose, so that it neither verifies anything nor keeps the others from doing so. The set may have none left.
///
/// # Errors
///
/// [`Fault::Jwks`].
pub(super) fn foreign_set(
    text: &[u8],
    issuer: &str,
    algorithms: &[Algorithm],
) -> Result<Vec<(String, PublicKey)>, Fault> {
    Ok(members(text, issuer, algorithms)?.into_iter().filter_map(Result::ok).collect())
}

type Member = Result<(String, PublicKey), Fault>;

/// The members of a set that are meant to verify signatures of `issuer`.
fn members(text: &[u8], issuer: &str, algorithms: &[Algorithm]) -> Result<Vec<Member>, Fault> {
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Fault::FileSize);
    }
    let text = std::str::from_utf8(text).map_err(|_| Fault::Jwks)?;
    let set = json::object(text).ok_or(Fault::Jwks)?;
    let members = set.get("keys").and_then(Json::array).ok_or(Fault::Jwks)?;
    if members.len() > JWKS_KEYS_MAX {
        return Err(Fault::Jwks);
    }
    let mut kids = HashSet::new();
    let mut keys = Vec::new();
    for member in members {
        let jwk = member.object().ok_or(Fault::Jwks)?;
        let kid = jwk.get("kid").and_then(Json::text);
        if kid.is_some_and(|kid| !kids.insert(kid)) {
            return Err(Fault::Jwks);
        }
        // One key, one algorithm (V5): that of its `alg`, else the first that its kind can serve.
        let algorithm = algorithms.iter().copied().find(|algorithm| serves(jwk, *algorithm));
        if let (Some(kid), Some(algorithm)) = (kid, algorithm)
            && is_name(kid, KID_CHARS_MAX)
            && is_of(jwk, issuer)
        {
            keys.push(jwk_key(jwk, algorithm).map(|key| (kid.to_owned(), PublicKey { algorithm, key })));
        }
    }
    Ok(keys)
}

/// Whether a JWK is meant to verify signatures of `algorithm`.
fn serves(jwk: &Object<'_>, algorithm: Algorithm) -> bool {
    let is = |name, wanted: &str| jwk.get(name).and_then(Json::text) == Some(wanted);
    let absent_or = |name, wanted| jwk.get(name).is_none() || is(name, wanted);
    let kind = match algorithm {
        Algorithm::HS256 => false,
        Algorithm::RS256 | Algorithm::PS256 => is("kty", "RSA"),
        Algorithm::ES256 => is("kty", "EC") && is("crv", "P-256"),
        Algorithm::ES384 => is("kty", "EC") && is("crv", "P-384"),
        Algorithm::EdDsa => is("kty", "OKP") && is("crv", "Ed25519"),
    };
    let verifies =
        jwk.get("key_ops").is_none_or(|ops| ops.texts().is_some_and(|ops| ops.contains(&"verify")));
    kind && verifies && absent_or("use", "sig") && absent_or("alg", algorithm.name())
}

/// Whether a JWK that names its issuer names this one. Microsoft Entra's sets for several directories name the issuer with
/// `{tenantid}` in the place of the directory's id.
fn is_of(jwk: &Object<'_>, issuer: &str) -> bool {
    let Some(named) = jwk.get("issuer") else { return true };
    let Some(named) = named.text() else { return false };
    match named.split_once("{tenantid}") {
        None => named == issuer,
        Some((before, after)) => {
            let directory = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            directory.is_some_and(|directory| super::tenant_id(directory).is_some())
        }
    }
}

fn jwk_key(jwk: &Object<'_>, algorithm: Algorithm) -> Result<DecodingKey, Fault> {
    if jwk.get("d").is_some() {
        return Err(Fault::PrivateKey);
    }
    let bytes = |name| jwk.get(name).and_then(Json::text).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let exactly = |name, length| bytes(name).filter(|bytes| bytes.len() == length);
    let point = |length| {
        let point = exactly("x", length).zip(exactly("y", length)).map(|(x, y)| [vec![4], x, y].concat());
        point.map(|point| Ok(DecodingKey::from_ec_der(&point)))
    };
    let key = match algorithm {
        Algorithm::HS256 => None,
        Algorithm::RS256 | Algorithm::PS256 => bytes("n").zip(bytes("e")).map(|(n, e)| rsa(&n, &e)),
        Algorithm::ES256 => point(32),
        Algorithm::ES384 => point(48),
        Algorithm::EdDsa => exactly("x", 32).map(|key| Ok(DecodingKey::from_ed_der(&key))),
    };
    key.unwrap_or(Err(Fault::NotAKey(algorithm.name())))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::super::fixture::*;
    use super::super::issuers;
    use super::super::issuers::Secret;
    use super::*;

    const P384: &str = include_str!("../../tests/it/keys/p384.pub.pem");
    const P384_PRIVATE: &str = include_str!("../../tests/it/keys/p384.pem");

    /// A file that is gone when the test is.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(bytes: impl AsRef<[u8]>) -> Temporary {
            let path = std::env::temp_dir().join(format!("rowhouse-{}", uuid::Uuid::new_v4()));
            std::fs::write(&path, bytes).expect("written");
            Temporary(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[track_caller]
    fn error(config: IssuerConfig) -> issuers::Error {
        verifier_of(&[config]).err().expect("a fault")
    }

    fn secret_config(secret: &str) -> IssuerConfig {
        IssuerConfig { secret: Some(Secret::new(secret)), ..config() }
    }

    fn secret_file_config(file: &Temporary) -> IssuerConfig {
        IssuerConfig { secret: None, secret_file: Some(file.0.clone()), ..config() }
    }

    fn jwks_config(algorithm: Algorithm, file: &Temporary) -> IssuerConfig {
        IssuerConfig { algorithm, kid: None, secret: None, jwks_file: Some(file.0.clone()), ..config() }
    }

    fn test_set() -> Value {
        serde_json::from_str(include_str!("../../tests/it/keys/jwks.json")).expect("JSON")
    }

    fn set_fault(algorithm: Algorithm, set: &Value) -> Fault {
        error(jwks_config(algorithm, &Temporary::new(set.to_string()))).fault
    }

    fn key_fault(algorithm: Algorithm, pem: &str) -> Fault {
        let file = Temporary::new(pem);
        error(IssuerConfig { public_key_file: Some(file.0.clone()), ..public_config(algorithm, "x") }).fault
    }

    #[test]
    fn v10_a_secret_has_at_least_32_bytes() {
        assert!(verifier_of(&[secret_config(&SECRET[..32])]).is_ok());
        let error = error(secret_config(&SECRET[..31]));
        let message = "issuer \"https://issuer.test/\", key \"hs\": the secret is shorter than 32 bytes";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn v10_known_weak_secrets_are_refused() {
        let weak = [
            "a".repeat(32),
            "\0".repeat(64),
            "ab".repeat(20),
            format!("{}b", "a".repeat(40)),
            "changeme".repeat(4),
            "secret".repeat(6),
            "0123456789abcdef".repeat(2),
            "0123456789abcdef0123456789abcdef01234".to_owned(),
            "secret-of-thirty-two-bytes-or-more!".to_owned(),
            "your-256-bit-secret-your-256-bit!".to_owned(),
            "a-string-secret-at-least-256-bits-long".to_owned(),
            "super-secret-jwt-token-with-at-least-32-characters-long".to_owned(),
            "reallyreallyreallyreallyverysafe".to_owned(),
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7".to_owned(),
        ];
        for secret in weak {
            assert!(matches!(error(secret_config(&secret)).fault, Fault::WeakSecret), "{secret}");
        }
    }

    #[test]
    fn v10_pem_text_is_no_secret() {
        let secret = include_str!("../../tests/it/keys/rsa2048.pub.pem");
        assert!(matches!(error(secret_config(secret)).fault, Fault::SecretIsPem));
        let file = Temporary::new(secret);
        assert!(matches!(error(secret_file_config(&file)).fault, Fault::SecretIsPem));
    }

    #[test]
    fn a_secret_file_loses_one_line_end() {
        let good = token(&header(), &claims());
        for (content, verifies) in
            [("", true), ("\n", true), ("\r\n", true), ("\n\n", false), (" ", false), ("\r", false)]
        {
            let file = Temporary::new(format!("{SECRET}{content}"));
            let verifier = verifier_of(&[secret_file_config(&file)]).expect("good");
            assert_eq!(verify_with(&verifier, &good).is_ok(), verifies, "{content:?}");
        }
    }

    #[test]
    fn a_key_file_that_is_absent_or_too_large_is_named() {
        let config = public_config(Algorithm::RS256, "absent.pem");
        let path = key_file("absent.pem").display().to_string();
        let message = error(config).to_string();
        assert!(message.contains("key \"absent\": cannot read ") && message.contains(&path), "{message}");
        let file = Temporary::new(vec![b'x'; 256 * 1024 + 1]);
        assert!(matches!(error(secret_file_config(&file)).fault, Fault::FileSize));
    }

    #[test]
    fn v10_rsa_keys_have_2048_to_8192_bits_and_an_odd_exponent() {
        let pem = include_str!("../../tests/it/keys/rsa1024.pub.pem");
        assert!(matches!(key_fault(Algorithm::RS256, pem), Fault::RsaSize));
        let size = |bits: usize| {
            let mut n = vec![0xff; bits.div_ceil(8)];
            n[0] = 0xff >> (n.len() * 8 - bits);
            rsa(&n, &[1, 0, 1]).is_ok()
        };
        assert_eq!([2047, 2048, 8192, 8193].map(size), [false, true, true, false]);
        let exponent = |e: &[u8]| rsa(&[0xff; 256], e).is_ok();
        assert!(exponent(&[3]) && exponent(&[0, 1, 0, 1]));
        assert!(
            !exponent(&[]) && !exponent(&[0]) && !exponent(&[1]) && !exponent(&[2]) && !exponent(&[0, 1])
        );
    }

    #[test]
    fn v10_a_key_is_public_and_of_its_algorithms_kind() {
        let (rsa, p256, ed25519) = (
            include_str!("../../tests/it/keys/rsa2048.pub.pem"),
            include_str!("../../tests/it/keys/p256.pub.pem"),
            include_str!("../../tests/it/keys/ed25519.pub.pem"),
        );
        let secp256k1 = include_str!("../../tests/it/keys/secp256k1.pub.pem");
        let wrong = [
            (Algorithm::RS256, p256),
            (Algorithm::RS256, ed25519),
            (Algorithm::ES256, rsa),
            (Algorithm::ES256, secp256k1),
            (Algorithm::ES256, ed25519),
            (Algorithm::EdDsa, p256),
            (Algorithm::EdDsa, rsa),
            (Algorithm::EdDsa, ""),
            (Algorithm::EdDsa, "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"),
            (Algorithm::EdDsa, &format!("{ed25519}{ed25519}")),
        ];
        for (algorithm, pem) in wrong {
            assert!(matches!(key_fault(algorithm, pem), Fault::NotAKey(_)), "{pem}");
        }
        let private = include_str!("../../tests/it/keys/p256.pem");
        assert!(matches!(key_fault(Algorithm::ES256, private), Fault::PrivateKey));
    }

    #[test]
    fn each_algorithm_has_exactly_one_source_of_keys() {
        let pem = || Some(key_file("p256.pub.pem"));
        let faults = [
            IssuerConfig { secret: None, ..config() },
            IssuerConfig { secret_file: pem(), ..config() },
            IssuerConfig { public_key_file: pem(), ..config() },
            IssuerConfig { jwks_file: pem(), ..config() },
            IssuerConfig { algorithm: Algorithm::ES256, ..config() },
            IssuerConfig { public_key_file: None, ..public_config(Algorithm::ES256, "p256.pub.pem") },
            IssuerConfig { jwks_file: pem(), ..public_config(Algorithm::ES256, "p256.pub.pem") },
            IssuerConfig {
                secret: Some(Secret::new(SECRET)),
                ..public_config(Algorithm::ES256, "p256.pub.pem")
            },
        ];
        for config in faults {
            assert!(matches!(error(config).fault, Fault::Source));
        }
        let file = Temporary::new(test_set().to_string());
        let with_kid = IssuerConfig { kid: Some("rsa".to_owned()), ..jwks_config(Algorithm::RS256, &file) };
        assert!(matches!(error(with_kid).fault, Fault::KidOfSet));
        assert!(matches!(error(IssuerConfig { kid: None, ..config() }).fault, Fault::Name("kid")));
    }

    #[test]
    fn j06_the_keys_of_a_set_verify_under_their_own_kid_and_algorithm() {
        let file = Temporary::new(test_set().to_string());
        for (algorithm, kid) in
            [(Algorithm::RS256, "rsa"), (Algorithm::ES256, "p256"), (Algorithm::EdDsa, "ed25519")]
        {
            let verifier = verifier_of(&[jwks_config(algorithm, &file)]).expect("good");
            assert_eq!(verifier.directory.configured().keys().count(), 1);
            let header = json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": kid});
            let token = sign(algorithm.library(), &header.to_string(), &claims().to_string());
            assert!(verify_with(&verifier, &token).is_ok(), "{kid}");
        }
    }

    #[test]
    fn j06_a_set_with_a_kid_twice_is_refused_whatever_the_keys_are_for() {
        let mut set = test_set();
        set["keys"][3]["kid"] = json!("rsa");
        assert!(matches!(set_fault(Algorithm::RS256, &set), Fault::Jwks));
    }

    #[test]
    fn j06_a_set_has_at_most_32_keys() {
        let mut set = test_set();
        let keys = set["keys"].as_array_mut().expect("keys");
        let filler = |index: usize| json!({"kty": "oct", "kid": format!("filler-{index}")});
        keys.extend((keys.len()..32).map(filler));
        let file = Temporary::new(set.to_string());
        assert!(verifier_of(&[jwks_config(Algorithm::RS256, &file)]).is_ok());
        set["keys"].as_array_mut().expect("keys").push(filler(32));
        assert!(matches!(set_fault(Algorithm::RS256, &set), Fault::Jwks));
    }

    #[test]
    fn j06_keys_for_another_purpose_are_passed_over() {
        let purposes = [
            ("use", json!("enc")),
            ("use", json!(null)),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
            ("alg", json!("RS512")),
            ("alg", json!("RSA-OAEP")),
            ("kty", json!("oct")),
            ("kty", json!("NEW")),
            ("kid", json!(1)),
            ("kid", json!("")),
        ];
        for (name, value) in purposes {
            let mut set = test_set();
            set["keys"][0][name] = value;
            assert!(matches!(set_fault(Algorithm::RS256, &set), Fault::NoKey("RS256")), "{name}");
        }
    }

    #[test]
    fn j06_a_key_serves_the_algorithm_that_it_names_or_the_first_that_it_can() {
        let algorithm = |alg: Option<&str>, algorithms: &[Algorithm]| {
            let mut set = test_set();
            let jwk = set["keys"][0].as_object_mut().expect("a key");
            match alg {
                Some(alg) => jwk.insert("alg".to_owned(), json!(alg)),
                None => jwk.remove("alg"),
            };
            let keys = super::set(set.to_string().as_bytes(), ISSUER, algorithms).expect("good");
            keys.into_iter().find(|(kid, _)| kid == "rsa").map(|(_, key)| key.algorithm)
        };
        use Algorithm::{ES256, HS256, PS256, RS256};
        assert_eq!(algorithm(Some("PS256"), &[RS256, PS256, ES256]), Some(PS256));
        assert_eq!(algorithm(Some("RS256"), &[PS256, RS256, ES256]), Some(RS256));
        assert_eq!(algorithm(None, &[ES256, PS256, RS256]), Some(PS256));
        assert_eq!(algorithm(Some("PS256"), &[RS256, ES256]), None);
        assert_eq!(algorithm(Some("HS256"), &[HS256, RS256, ES256]), None);
    }

    #[test]
    fn j06_a_set_for_several_algorithms_has_them_all_and_no_symmetric_key() {
        let mut set = test_set();
        let p384 =
            json!({"kty": "EC", "crv": "P-384", "kid": "p384", "x": "A".repeat(64), "y": "A".repeat(64)});
        set["keys"].as_array_mut().expect("keys").push(p384);
        let algorithms =
            [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDsa];
        let keys = super::set(set.to_string().as_bytes(), ISSUER, &algorithms).expect("good");
        let kids: Vec<&str> = keys.iter().map(|(kid, _)| kid.as_str()).collect();
        assert_eq!(kids, ["rsa", "p256", "ed25519", "p384"]);
        let symmetric = super::set(set.to_string().as_bytes(), ISSUER, &[Algorithm::HS256]);
        assert!(matches!(symmetric, Err(Fault::NoKey("HS256"))));
    }

    #[test]
    fn j06_a_key_that_names_its_issuer_is_that_issuers_alone() {
        let directory = format!("https://login.test/{TENANT}/v2.0");
        let is_kept = |named: Value, issuer: &str| {
            let mut set = test_set();
            set["keys"][0]["issuer"] = named;
            let keys = foreign_set(set.to_string().as_bytes(), issuer, &[Algorithm::RS256]);
            !keys.expect("a set").is_empty()
        };
        assert!(is_kept(json!(ISSUER), ISSUER));
        assert!(!is_kept(json!(ISSUER.trim_end_matches('/')), ISSUER));
        assert!(!is_kept(json!(null), ISSUER));
        assert!(!is_kept(json!([ISSUER]), ISSUER));
        assert!(is_kept(json!("https://login.test/{tenantid}/v2.0"), &directory));
        assert!(!is_kept(json!("https://login.test/{tenantid}/v2.0"), "https://login.test/a/b/v2.0"));
        assert!(!is_kept(json!("https://login.test/{tenantid}/v2.0"), "https://login.test//v2.0"));
        assert!(!is_kept(json!(format!("https://login.test/{OTHER}/v2.0")), &directory));
    }

    #[test]
    fn j06_a_bad_key_of_a_foreign_set_neither_verifies_nor_stops_the_others() {
        let kids = |name: &str, value: Value| {
            let mut set = test_set();
            set["keys"][0][name] = value;
            let algorithms = [Algorithm::RS256, Algorithm::ES256];
            let keys = foreign_set(set.to_string().as_bytes(), ISSUER, &algorithms).expect("a set");
            keys.into_iter().map(|(kid, _)| kid).collect::<Vec<_>>()
        };
        assert_eq!(kids("e", json!("AQAB")), ["rsa", "p256"]);
        for (name, value) in
            [("n", json!("AQAB")), ("d", json!("AQAB")), ("kty", json!("oct")), ("use", json!("enc"))]
        {
            assert_eq!(kids(name, value), ["p256"], "{name}");
        }
        let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024));
        assert!(matches!(foreign_set(large.as_bytes(), ISSUER, &[Algorithm::RS256]), Err(Fault::FileSize)));
    }

    #[test]
    fn v10_ps256_and_es384_keys_verify_what_they_signed() {
        let set = super::set(
            test_set().to_string().replace("RS256", "PS256").as_bytes(),
            ISSUER,
            &[Algorithm::PS256],
        );
        let (_, key) = set.expect("good").remove(0);
        let signature = |algorithm| {
            let token = sign(algorithm, "{}", "{}");
            URL_SAFE_NO_PAD.decode(token.rsplit_once('.').expect("parts").1).expect("base64url")
        };
        let message = format!("{}.{}", part("{}"), part("{}"));
        assert!(key.verifies(message.as_bytes(), &signature(jsonwebtoken::Algorithm::PS256)));
        assert!(!key.verifies(message.as_bytes(), &signature(jsonwebtoken::Algorithm::RS256)));

        let p384 = public_key(Algorithm::ES384, P384.as_bytes()).expect("a P-384 key");
        let p384 = PublicKey { algorithm: Algorithm::ES384, key: p384 };
        let private = jsonwebtoken::EncodingKey::from_ec_pem(P384_PRIVATE.as_bytes()).expect("a P-384 key");
        let sign = |message: &[u8]| {
            let signature = jsonwebtoken::crypto::sign(message, &private, jsonwebtoken::Algorithm::ES384);
            URL_SAFE_NO_PAD.decode(signature.expect("signs")).expect("base64url")
        };
        assert!(p384.verifies(b"a", &sign(b"a")));
        assert!(!p384.verifies(b"b", &sign(b"a")));
        assert!(matches!(public_key(Algorithm::ES256, P384.as_bytes()), Err(Fault::NotAKey("ES256"))));
    }

    #[test]
    fn j06_key_material_that_is_no_key_is_refused() {
        let fault = |algorithm, index: usize, name: &str, value: Value| {
            let mut set = test_set();
            set["keys"][index][name] = value;
            set_fault(algorithm, &set)
        };
        assert!(matches!(fault(Algorithm::RS256, 0, "n", json!("AQAB")), Fault::RsaSize));
        assert!(matches!(fault(Algorithm::RS256, 0, "e", json!("AQ")), Fault::RsaSize));
        assert!(matches!(fault(Algorithm::RS256, 0, "d", json!("AQAB")), Fault::PrivateKey));
        assert!(matches!(fault(Algorithm::RS256, 0, "n", json!("+/==")), Fault::NotAKey(_)));
        assert!(matches!(fault(Algorithm::ES256, 1, "x", json!("AQAB")), Fault::NotAKey(_)));
        assert!(matches!(fault(Algorithm::EdDsa, 2, "x", json!("AQAB")), Fault::NotAKey(_)));
        for set in [json!([]), json!({}), json!({"keys": {}}), json!({"keys": ["x"]})] {
            assert!(matches!(set_fault(Algorithm::RS256, &set), Fault::Jwks));
        }
    }
}

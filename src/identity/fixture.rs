//! Issuers, keys and tokens for the unit tests of this folder.

use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::issuers::{Algorithm, IssuerConfig, Secret};
use super::token::Token;
use super::{Principal, Reason, Refusal, Verifier};

pub(super) const NOW_S: u64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://issuer.test/";
pub(super) const AUDIENCE: &str = "rowhouse-test";
pub(super) const SECRET: &str = "Wm9eQ0N3bGZ4dHhJ5sR1kVJ2yq7uTzPa";
pub(super) const TENANT: &str = "7a245486-3fc8-47ec-b303-04fefe7a58ff";
pub(super) const OTHER: &str = "162be16f-0d3c-4bd0-8f7d-9a0e3a0d6d11";

/// Where the key called `name` is.
pub(super) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys")).join(name)
}

/// An issuer of HS256 tokens with the key `hs`.
pub(super) fn config() -> IssuerConfig {
    IssuerConfig {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithm: Algorithm::HS256,
        kid: Some("hs".to_owned()),
        secret: Some(Secret::new(SECRET)),
        secret_file: None,
        public_key_file: None,
        jwks_file: None,
        typ: "at+jwt".to_owned(),
        leeway_s: 30,
        lifetime_s_max: 3600,
        tenant: None,
    }
}

/// The same issuer with a public key from a file, under the file's name up to the first dot.
pub(super) fn public_config(algorithm: Algorithm, file: &str) -> IssuerConfig {
    let kid = file.split('.').next().map(str::to_owned);
    let public_key_file = Some(key_file(file));
    IssuerConfig { algorithm, kid, secret: None, public_key_file, ..config() }
}

/// One issuer with the keys `hs`, `rsa2048`, `p256` and `ed25519`.
pub(super) fn verifier() -> &'static Verifier {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    VERIFIER.get_or_init(|| {
        let configs = [
            config(),
            public_config(Algorithm::RS256, "rsa2048.pub.pem"),
            public_config(Algorithm::ES256, "p256.pub.pem"),
            public_config(Algorithm::EdDsa, "ed25519.pub.pem"),
        ];
        Verifier::new(&configs).expect("the configuration is good")
    })
}

pub(super) fn header() -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": "hs"})
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "jti": "token-1", "client_id": "web",
        "iat": NOW_S, "exp": NOW_S + 900, "tenant_id": TENANT, "role": "admin",
        "permissions": ["links:delete"], "scope": "links.read",
    })
}

/// `object` with `name` set.
pub(super) fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// `object` without `name`.
pub(super) fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().expect("an object").remove(name);
    object
}

/// base64url of anything.
pub(super) fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these texts, good JSON or not, with a good signature by the test key of the algorithm.
pub(super) fn sign(algorithm: jsonwebtoken::Algorithm, header: &str, claims: &str) -> String {
    use jsonwebtoken::AlgorithmFamily;
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => EncodingKey::from_secret(SECRET.as_bytes()),
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(&private("rsa2048.pem")).expect("RSA"),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(&private("p256.pem")).expect("EC"),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(&private("ed25519.pem")).expect("Ed25519"),
    };
    sign_with(&key, algorithm, header, claims)
}

/// The same with any key.
pub(super) fn sign_with(
    key: &EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
    header: &str,
    claims: &str,
) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("signs");
    format!("{message}.{signature}")
}

/// A token with an HS256 signature.
pub(super) fn token(header: &Value, claims: &Value) -> String {
    sign(jsonwebtoken::Algorithm::HS256, &header.to_string(), &claims.to_string())
}

/// The good token with one claim replaced.
pub(super) fn claiming(name: &str, value: Value) -> String {
    token(&header(), &with(claims(), name, value))
}

/// The good token without one claim.
pub(super) fn lacking(name: &str) -> String {
    token(&header(), &without(claims(), name))
}

/// The good token with one header member replaced.
pub(super) fn heading(name: &str, value: Value) -> String {
    token(&with(header(), name, value), &claims())
}

pub(super) fn verify(token: &str) -> Result<Principal, Refusal> {
    verifier().verify(Token::new(token), NOW_S)
}

#[track_caller]
pub(super) fn accepted(token: &str) -> Principal {
    verify(token).expect("the token is good")
}

#[track_caller]
pub(super) fn refused(token: &str, reason: Reason) {
    assert_eq!(verify(token).expect_err(token), Refusal::Invalid(reason), "{token}");
}

fn private(name: &str) -> Vec<u8> {
    std::fs::read(key_file(name)).expect("a test key")
}

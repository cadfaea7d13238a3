//! Issuers, keys and tokens for the unit tests of this folder.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::issuers::{self, Algorithm, IssuerConfig, Secret};
use super::token::Token;
use super::{Principal, Reason, Refusal, Registry, Verifier};
use crate::config::Config;
use crate::db;

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
        kid: Some("hs".to_owned()),
        secret: Some(Secret::new(SECRET)),
        ..IssuerConfig::new(ISSUER, AUDIENCE, Algorithm::HS256)
    }
}

/// A verifier that knows these issuers.
pub(super) fn verifier_of(issuers: &[IssuerConfig]) -> Result<Verifier, issuers::Error> {
    Verifier::new(&Config { issuers: issuers.to_vec(), ..Config::default() })
}

/// A database without issuers, which tells the moment it is asked.
struct NoRegistry;

impl Registry for NoRegistry {
    async fn issuer(&self, _: &str) -> Result<Option<String>, db::Error> {
        Ok(None)
    }

    async fn bindings(&self, _: &str, _: &[&str]) -> Result<Vec<(String, Uuid)>, db::Error> {
        Ok(Vec::new())
    }
}

/// What a verifier of issuers whose keys are at hand says of a token.
pub(super) fn verify_with(verifier: &Verifier, token: &str) -> Result<Arc<Principal>, Refusal> {
    verify_token(verifier, Token::new(token))
}

/// The same of a token that came in a header.
pub(super) fn verify_token(verifier: &Verifier, token: Token<'_>) -> Result<Arc<Principal>, Refusal> {
    verifier.verify(&NoRegistry, token, NOW_S).now_or_never().expect("nothing is waited for")
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
        verifier_of(&configs).expect("the configuration is good")
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

pub(super) fn verify(token: &str) -> Result<Arc<Principal>, Refusal> {
    verify_with(verifier(), token)
}

#[track_caller]
pub(super) fn accepted(token: &str) -> Arc<Principal> {
    verify(token).expect("the token is good")
}

#[track_caller]
pub(super) fn refused(token: &str, reason: Reason) {
    assert_eq!(verify(token).expect_err(token), Refusal::Invalid(reason), "{token}");
}

fn private(name: &str) -> Vec<u8> {
    std::fs::read(key_file(name)).expect("a test key")
}

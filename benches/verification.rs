//! How long it takes to verify a token, by algorithm: anew, and when it is remembered to be good.
//!
//! Keys and tokens are those of the tests; nothing is asked of a database.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm as Library, EncodingKey, Header};
use rowhouse::config::Config;
use rowhouse::db;
use rowhouse::identity::issuers::{Algorithm, IssuerConfig, Secret};
use rowhouse::identity::{Registry, Token, Verifier};
use serde_json::json;
use uuid::Uuid;

const NOW_S: u64 = 1_800_000_000;
const SECRET: &str = "Wm9eQ0N3bGZ4dHhJ5sR1kVJ2yq7uTzPa";

/// A database without issuers.
struct NoRegistry;

impl Registry for NoRegistry {
    async fn issuer(&self, _: &str) -> Result<Option<String>, db::Error> {
        Ok(None)
    }

    async fn bindings(&self, _: &str, _: &[&str]) -> Result<Vec<(String, Uuid)>, db::Error> {
        Ok(Vec::new())
    }
}

fn key_file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys")).join(name)
}

fn key(name: &str, read: fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>) -> EncodingKey {
    read(&std::fs::read(key_file(name)).expect("a test key")).expect("a key")
}

fn token(algorithm: Library, key: &EncodingKey) -> String {
    let claims = json!({
        "iss": "https://issuer.test/", "aud": "rowhouse", "sub": "8d1f3c52-6c1b-4a53-9d0a-0a0b6f3c2b11",
        "client_id": "web", "jti": "0b4f2f5e-9a0f-4d7a-8b67-8ce6a9a2f001", "iat": NOW_S, "exp": NOW_S + 900,
        "tenant_id": "7a245486-3fc8-47ec-b303-04fefe7a58ff", "role": "admin",
        "permissions": ["links:read", "links:delete"], "scope": "links.read links.write",
    });
    let header =
        Header { typ: Some("at+jwt".to_owned()), kid: Some("k".to_owned()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, &claims, key).expect("it signs")
}

fn verification(criterion: &mut Criterion) {
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let cases = [
        (Algorithm::HS256, Library::HS256, None, secret),
        (Algorithm::ES256, Library::ES256, Some("p256.pub.pem"), key("p256.pem", EncodingKey::from_ec_pem)),
        (
            Algorithm::RS256,
            Library::RS256,
            Some("rsa2048.pub.pem"),
            key("rsa2048.pem", EncodingKey::from_rsa_pem),
        ),
        (
            Algorithm::EdDsa,
            Library::EdDSA,
            Some("ed25519.pub.pem"),
            key("ed25519.pem", EncodingKey::from_ed_pem),
        ),
    ];
    let mut group = criterion.benchmark_group("verify a token");
    for (algorithm, library, file, key) in cases {
        let issuer = IssuerConfig {
            kid: Some("k".to_owned()),
            secret: file.is_none().then(|| Secret::new(SECRET)),
            public_key_file: file.map(key_file),
            ..IssuerConfig::new("https://issuer.test/", "rowhouse", algorithm)
        };
        let token = token(library, &key);
        for (name, verified_tokens_max) in [("anew", 0), ("remembered", 1_000)] {
            let config = Config { issuers: vec![issuer.clone()], verified_tokens_max, ..Config::default() };
            let verifier = Verifier::new(&config).expect("the configuration is good");
            group.bench_function(format!("{} {name}", algorithm.name()), |bencher| {
                bencher.iter(|| {
                    let verifying = verifier.verify(&NoRegistry, Token::new(black_box(&token)), NOW_S);
                    verifying.now_or_never().expect("nothing is waited for").expect("it is good")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);

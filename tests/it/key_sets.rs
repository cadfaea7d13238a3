//! Issuers that publish their keys under a URL: what the service fetches, when, and what it says while it cannot.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::command_line::run;
use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, ServerOptions, eventually};

// The web server of the unit tests, which has more than is needed here.
#[allow(dead_code)]
#[path = "../../src/identity/provider.rs"]
mod provider;

use provider::{Provider, Reply};

/// The set of the keys in tests/it/keys; `p256` is the one that tokens are signed with here.
const SET: &str = include_str!("keys/jwks.json");
const DOCUMENT: &str = "/.well-known/openid-configuration";

/// A service with these issuers, each an audience `rowhouse` and ES256 apart.
async fn server(database: &Database, issuers: &[Value], options: ServerOptions) -> Server {
    let terms = json!({"audience": "rowhouse", "algorithm": "ES256"});
    let issuers: Vec<Value> = issuers
        .iter()
        .map(|issuer| {
            let mut whole = issuer.clone();
            let members = whole.as_object_mut().expect("an object");
            members.extend(terms.as_object().expect("an object").clone());
            whole
        })
        .collect();
    Server::with(database, options.set("issuers", json!(issuers))).await
}

fn insecure() -> ServerOptions {
    ServerOptions::default().set("insecure_issuer_urls", true)
}

/// A token of `issuer` for pawnee-parks-and-rec, by the key `p256` under the name `kid`.
fn token(issuer: &str, kid: &str) -> String {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let header =
        Header { typ: Some("at+jwt".to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
    let claims = json!({
        "iss": issuer, "aud": "rowhouse", "sub": "leslie.knope", "client_id": "web", "jti": uuid::Uuid::new_v4(),
        "iat": now_s, "exp": now_s + 600, "tenant_id": PAWNEE, "role": "owner",
    });
    let key = EncodingKey::from_ec_pem(include_bytes!("keys/p256.pem")).expect("a key");
    jsonwebtoken::encode(&header, &claims, &key).expect("signs")
}

async fn items(server: &Server, token: &str) -> Answer {
    server.request(Method::GET, "/items").header("authorization", &format!("Bearer {token}")).send().await
}

/// The 503 for want of keys.
#[track_caller]
fn unavailable(answer: Answer) {
    let answer = answer.fails(503, "TEN040");
    let retry_after_s: u32 = answer.header("retry-after").expect("said").parse().expect("a number");
    assert!((1..=10).contains(&retry_after_s), "{retry_after_s}");
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn keys_under_a_configured_url_and_under_a_discovered_one_verify_tokens() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    provider.answer("/keys", Reply::json(SET));
    let url = &provider.url;
    provider.answer(DOCUMENT, Reply::json(json!({"issuer": url, "jwks_uri": format!("{url}/keys")})));
    let configured = json!({"issuer": "https://configured.test", "jwks_uri": format!("{url}/set")});
    let discovered = json!({"issuer": url, "discovery": true, "tenant": PAWNEE});
    let server = server(&database, &[configured, discovered], insecure()).await;
    assert_eq!((provider.hits("/set"), provider.hits("/keys"), provider.hits(DOCUMENT)), (0, 0, 0));
    for issuer in ["https://configured.test", url, "https://configured.test", url] {
        let answer = items(&server, &token(issuer, "p256")).await.is(200);
        assert!(answer.text.contains(&PAWNEE.to_string()) && !answer.text.contains(&DUNDER.to_string()));
    }
    assert_eq!((provider.hits("/set"), provider.hits("/keys"), provider.hits(DOCUMENT)), (1, 1, 1));
    let metrics = server.admin("/metrics").await.text;
    assert!(metrics.contains("rowhouse_key_fetches_total{outcome=\"ok\"} 2"), "{metrics}");
}

#[tokio::test]
async fn j01_requests_of_all_workers_share_one_fetch() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    provider.hold(true);
    let issuer = json!({"issuer": "https://issuer.test", "jwks_uri": format!("{}/set", provider.url)});
    let server = server(&database, &[issuer], insecure().set("workers", 2)).await;
    let tokens: Vec<String> = (0..40).map(|_| token("https://issuer.test", "p256")).collect();
    let asked = join_all(tokens.iter().map(|token| items(&server, token)));
    let release = async {
        eventually("a fetch", || async { provider.hits("/set") > 0 }).await;
        provider.hold(false);
    };
    let (answers, ()) = tokio::join!(asked, release);
    for answer in answers {
        answer.is(200);
    }
    assert_eq!(provider.hits("/set"), 1);
}

#[tokio::test]
async fn j03_a_token_of_an_unknown_issuer_causes_no_fetch_and_gets_the_answer_of_a_bad_signature() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    let issuer = json!({"issuer": &provider.url, "jwks_uri": format!("{}/set", provider.url)});
    let server = server(&database, &[issuer], insecure()).await;
    let unknown = items(&server, &token(&format!("{}/", provider.url), "p256")).await.fails(401, "PGRST301");
    assert_eq!((provider.hits("/set"), provider.hits(DOCUMENT)), (0, 0));
    let other_key = items(&server, &token(&provider.url, "ed25519")).await.fails(401, "PGRST301");
    assert_eq!(unknown.text, other_key.text);
    items(&server, &token(&provider.url, "p256")).await.is(200);
}

#[tokio::test]
async fn j04_while_there_are_no_keys_the_answer_is_503_and_other_issuers_are_served() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    provider.answer("/down", Reply::Nothing);
    let issuer = |name: &str| json!({"issuer": format!("https://{name}.test"), "jwks_uri": format!("{}/{name}", provider.url)});
    let server = server(&database, &[issuer("set"), issuer("down")], insecure()).await;
    for _ in 0..5 {
        unavailable(items(&server, &token("https://down.test", "p256")).await);
        items(&server, &token("https://set.test", "p256")).await.is(200);
    }
    assert_eq!((provider.hits("/down"), provider.hits("/set")), (1, 1));
    // Told once a fetch: anybody can send such tokens.
    let told = |what: &str| server.log().iter().filter(|line| line.contains(what)).count();
    eventually("the requests are logged", || async { told("issuer_unavailable") == 5 }).await;
    assert_eq!((told("could not be fetched"), told("\"ERROR\"")), (1, 0), "{:?}", server.log());
}

#[tokio::test]
async fn an_issuer_whose_keys_change_while_they_are_checked_is_not_verified() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    let (iss, url, set) = ("https://idp.test", database.owner_url(), format!("{}/set", provider.url));
    let issuer = async |arguments: &[&str]| {
        let arguments: Vec<String> =
            ["issuer"].iter().chain(arguments).map(|&word| word.to_owned()).collect();
        let url = url.clone();
        let running = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&arguments, &[("migrate_url", &url), ("insecure_issuer_urls", "true")])
        });
        running.await.expect("it runs")
    };
    let add = ["add", iss, "--tenant", "pawnee-parks-and-rec", "--audience", "a", "--algorithm", "ES256"];
    issuer(&[&add[..], &["--jwks-uri", &set]].concat()).await.succeeds();
    let verified = "select count(*) from tenancy.issuers where verified_at is not null";
    let check = ["check", iss];
    for (change, hits) in [("jwks_uri = jwks_uri || '?'", 1), ("algorithms = '{ES256,RS256}'", 2)] {
        provider.hold(true);
        provider.answer("/set?", Reply::json(SET));
        let meanwhile = async {
            eventually("it fetches", || async { provider.hits("/set") + provider.hits("/set?") == hits })
                .await;
            database.sql(&format!("update tenancy.issuers set {change}")).await;
            provider.hold(false);
        };
        let (checked, ()) = tokio::join!(issuer(&check), meanwhile);
        assert!(checked.fails_in_one_line().contains("changed meanwhile"), "{change}");
        assert_eq!(database.count(verified).await, 0, "{change}");
    }
    assert!(issuer(&["check", iss]).await.succeeds().contains("key \"p256\" ES256"));
    assert_eq!(database.count(verified).await, 1);
    // What is no part of where the keys are may change.
    provider.hold(true);
    let meanwhile = async {
        eventually("it fetches", || async { provider.hits("/set?") == 3 }).await;
        database.sql("update tenancy.issuers set leeway_s = 60").await;
        provider.hold(false);
    };
    let (checked, ()) = tokio::join!(issuer(&check), meanwhile);
    checked.succeeds();
}

#[tokio::test]
async fn j07_urls_that_are_not_https_are_not_fetched_unless_the_configuration_says_so() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    let url = &provider.url;
    let configured = json!({"issuer": "https://configured.test", "jwks_uri": format!("{url}/set")});
    let discovered = json!({"issuer": url, "discovery": true});
    let server = server(&database, &[configured, discovered], ServerOptions::default()).await;
    for issuer in ["https://configured.test", url] {
        unavailable(items(&server, &token(issuer, "p256")).await);
    }
    assert_eq!((provider.hits("/set"), provider.hits(DOCUMENT)), (0, 0));
    let metrics = server.admin("/metrics").await.text;
    assert!(metrics.contains("rowhouse_key_fetches_total{outcome=\"url\"} 2"), "{metrics}");
}

#[tokio::test]
async fn j07_a_document_that_is_another_issuers_is_not_believed() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    let url = &provider.url;
    let document = json!({"issuer": format!("{url}/"), "jwks_uri": format!("{url}/set")});
    provider.answer(DOCUMENT, Reply::json(document));
    let server = server(&database, &[json!({"issuer": url, "discovery": true})], insecure()).await;
    unavailable(items(&server, &token(url, "p256")).await);
    assert_eq!((provider.hits("/set"), provider.hits(DOCUMENT)), (0, 1));
}

#[tokio::test]
async fn j05_an_issuer_that_is_disabled_and_enabled_at_once_has_its_keys_forgotten() {
    let database = Database::demo().await;
    let provider = Provider::start().await;
    provider.answer("/set", Reply::json(SET));
    let url = format!("{}/set", provider.url);
    let iss = "https://idp.test";
    let row = format!(
        "insert into tenancy.issuers (
            iss, kind, tenant_id, key_source, jwks_uri, algorithms, audiences, enabled, verified_at
        ) values ('{iss}', 'tenant', '{PAWNEE}', 'jwks_uri', '{url}', '{{ES256}}', '{{rowhouse}}', true, now())"
    );
    database.sql(&row).await;
    let server = Server::with(&database, insecure()).await;
    let token = token(iss, "p256");
    items(&server, &token).await.is(200);
    items(&server, &token).await.is(200);
    let mut others: Value = serde_json::from_str(SET).expect("JSON");
    others["keys"].as_array_mut().expect("an array").retain(|key| key["kid"] != "p256");
    assert_ne!(others["keys"], json!([]));
    provider.answer("/set", Reply::json(others));
    items(&server, &token).await.is(200);
    // No token comes while it is disabled.
    database.sql(&format!("update tenancy.issuers set enabled = false where iss = '{iss}'")).await;
    database.sql(&format!("update tenancy.issuers set enabled = true where iss = '{iss}'")).await;
    eventually("the key is gone", || async { items(&server, &token).await.status == 401 }).await;
}

/// Publishes documents at `https://localhost:port`, under a certificate of tests/it/keys/authority.pem, for as long as the
/// process lives; counts the requests that came through TLS.
fn publish(documents: impl FnOnce(&str) -> HashMap<&'static str, String>) -> (String, Arc<AtomicUsize>) {
    let chain = CertificateDer::from_pem_slice(include_bytes!("keys/localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("keys/localhost.key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("bound").port());
    let documents = documents(&url);
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(config.clone()).expect("a configuration");
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            let mut line = String::new();
            // Whoever does not trust the certificate goes away here.
            if reader.read_line(&mut line).is_err() {
                continue;
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            while line != "\r\n" {
                line.clear();
                if !matches!(reader.read_line(&mut line), Ok(1..)) {
                    break;
                }
            }
            let (status, body) = documents.get(path.as_str()).map_or((404, ""), |body| (200, body));
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            let stream = reader.get_mut();
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (url, requests)
}

#[tokio::test]
async fn j07_keys_come_over_https_from_a_host_that_an_authority_of_the_machine_vouches_for() {
    let database = Database::demo().await;
    let (url, requests) = publish(|url| {
        let document = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        HashMap::from([(DOCUMENT, document), ("/keys", SET.to_owned())])
    });
    let by_address = url.replace("localhost", "127.0.0.1");
    let issuers = [
        json!({"issuer": &url, "discovery": true}),
        json!({"issuer": "https://by-address.test", "jwks_uri": format!("{by_address}/keys")}),
    ];
    let authority = |name: &str| {
        let file = format!("{}/tests/it/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        ServerOptions::default().environment("SSL_CERT_FILE", &file)
    };
    let private = "localhost,127.0.0.1";
    let asked = async |options: ServerOptions, issuer: &str| {
        let server = server(&database, &issuers, options).await;
        items(&server, &token(issuer, "p256")).await
    };
    unavailable(asked(authority("authority"), &url).await);
    unavailable(asked(authority("other_authority").set("issuer_private_hosts", private), &url).await);
    // The certificate is for the name, and not for the address behind it.
    let options = authority("authority").set("issuer_private_hosts", private);
    unavailable(asked(options.clone(), "https://by-address.test").await);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    asked(options, &url).await.is(200);
    assert_eq!(requests.load(Ordering::SeqCst), 2, "the document, and the set");
}

//! Hostile requests, as data: tokens that are wrong in one thing each ([`tokens`]), and HTTP that is ([`wire`]).
//!
//! Every one is refused as it must be, none is a 5xx, all bad tokens are answered alike, and between them good requests are
//! answered as ever.

mod tokens;
mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Database, PAWNEE, SECRET, Server, ServerOptions, Token};

const INVALID_TOKEN: &str = "Bearer realm=\"rowhouse\", error=\"invalid_token\"";

/// One answer may take so long on the slowest machine; a bomb that works takes minutes.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How many hostile requests go between two good ones.
const CONTROL_EVERY: usize = 25;

fn key(file: &str) -> String {
    format!("{}/tests/it/keys/{file}", env!("CARGO_MANIFEST_DIR"))
}

async fn server(database: &Database) -> Server {
    let of = |kid: &str, algorithm: &str, key_name: &str, value: &str| {
        let mut issuer = json!({
            "issuer": "https://issuer.test", "audience": "rowhouse", "kid": kid, "algorithm": algorithm,
        });
        issuer[key_name] = json!(value);
        issuer
    };
    let issuers = json!([
        of("test", "HS256", "secret", SECRET),
        of("rsa", "RS256", "public_key_file", &key("rsa2048.pub.pem")),
        of("ec", "ES256", "public_key_file", &key("p256.pub.pem")),
    ]);
    Server::with(database, ServerOptions::default().set("issuers", issuers)).await
}

async fn control(server: &Server) {
    let good = tokens::signed(&tokens::header(&[]), &tokens::payload(&[]));
    let answer = bearing(server, &good).await.is(200);
    assert!(answer.rows().iter().all(|row| row["tenant_id"] == json!(PAWNEE)));
    server.get("/items?limit=1", &Token::leslie()).send().await.is(200);
}

async fn bearing(server: &Server, token: &str) -> Answer {
    server
        .request(Method::GET, "/items")
        .headers(&[("authorization", &[b"Bearer ", token.as_bytes()].concat())])
        .send()
        .await
}

#[tokio::test]
async fn every_hostile_token_is_answered_with_one_and_the_same_401() {
    let database = Database::demo().await;
    let server = server(&database).await;
    // Whoever follows what a token says of keys comes here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let trap = format!("http://{}/keys", listener.local_addr().unwrap());
    control(&server).await;
    let corpus = tokens::corpus(&trap);
    assert!(corpus.len() > 250, "only {} tokens", corpus.len());
    let first = bearing(&server, "x").await;
    let mut wrong = Vec::new();
    for (index, (name, token)) in corpus.iter().enumerate() {
        let started = Instant::now();
        let answer = bearing(&server, token).await;
        assert!(started.elapsed() < ANSWER_MAX, "{name} took {:?}", started.elapsed());
        let told = (answer.status, &answer.text, answer.header("www-authenticate"));
        if told != (401, &first.text, Some(INVALID_TOKEN)) {
            wrong.push(format!("{name}: {} {}", answer.status, answer.text));
        }
        if index % CONTROL_EVERY == 0 {
            control(&server).await;
        }
    }
    control(&server).await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
    let visit = listener.accept().expect_err("nobody follows a token's URL");
    assert_eq!(visit.kind(), ErrorKind::WouldBlock);
}

/// What a server answers to these bytes, up to the end of its first answer or of the connection.
fn told(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    // It may hang up before it has heard all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..length]);
        if answer.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    answer
}

#[tokio::test]
async fn every_hostile_message_is_refused_without_a_5xx() {
    let database = Database::demo().await;
    let server = server(&database).await;
    let good = tokens::signed(&tokens::header(&[]), &tokens::payload(&[]));
    let foreign = tokens::signed(&tokens::header(&[]), &tokens::payload(&[("aud", "\"elsewhere\"")]));
    control(&server).await;
    let corpus = wire::corpus(&good, &foreign);
    assert!(corpus.len() > 50, "only {} messages", corpus.len());
    let mut wrong = Vec::new();
    for (index, (name, bytes, expected)) in corpus.iter().enumerate() {
        let started = Instant::now();
        let answer = String::from_utf8_lossy(&told(&server, bytes)).into_owned();
        assert!(started.elapsed() < ANSWER_MAX, "{name} took {:?}", started.elapsed());
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("closed");
        if !expected.split(' ').any(|one| one == status) {
            wrong.push(format!("{name}: {status}, not {expected}"));
        }
        assert!(!answer.contains(&good) && !answer.contains(&foreign), "{name} echoes a token");
        if index % CONTROL_EVERY == 0 {
            control(&server).await;
        }
    }
    control(&server).await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}

#[tokio::test]
async fn t03_every_error_is_a_problem_document_that_tells_nothing_of_token_sql_key_or_code() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("body_bytes_max", 500)).await;
    let leslie = Token::leslie();
    let marker = "s3cr3t-m4rker";
    let forged = format!("{}.{marker}", Token::leslie().sign().rsplit_once('.').unwrap().0);
    let ticket = "/support_tickets/31d6f0a4-27be-4c19-b6e8-5a40c9d1e101";
    let foreign = json!({"title": "x", "tenant_id": "162be16f-4c1d-4b0e-9a53-6f7d20c8e915"});
    let get = |path: &str| server.get(path, &leslie);
    let unknown_method = Method::from_bytes(b"PURGE").unwrap();
    let requests = [
        (400, get("/items?title=nonsense")),
        (400, get("/support_tickets?id=eq.no-uuid")),
        (400, server.request(Method::POST, "/items").token(&leslie).body("{\"title\": ")),
        (401, server.request(Method::GET, "/items")),
        (401, server.request(Method::GET, "/items").header("authorization", &format!("Bearer {forged}"))),
        (403, get("/items").header("x-tenant-id", "162be16f-4c1d-4b0e-9a53-6f7d20c8e915")),
        (403, server.post("/items", &leslie, foreign)),
        (404, get("/no_such_relation")),
        (404, get("/items/00000000-0000-4000-8000-000000000001")),
        (404, get("/a/b/c/d/e")),
        (405, server.request(unknown_method, "/items").token(&leslie)),
        (405, server.delete("/rpc/items_total", &leslie)),
        (406, get("/items?limit=5").header("accept-profile", "pg_catalog")),
        (409, server.post("/items", &leslie, json!({"title": "art-fair"}))),
        (412, server.patch(ticket, &leslie, json!({"status": "solved"})).header("if-match", "\"0-0\"")),
        (413, server.post("/items", &leslie, json!({"title": "x".repeat(600)}))),
        (415, server.request(Method::POST, "/items").token(&leslie).text("image/png", "x")),
        (416, get("/items?limit=-1")),
        (422, server.post("/items", &leslie, json!({"title": ""}))),
    ];
    for (status, request) in requests {
        let answer = request.header("accept", "application/problem+json").send().await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        let document = answer.json();
        assert_eq!((&document["status"], &document["type"]), (&json!(status), &json!("about:blank")));
        assert!(document["title"].as_str().is_some_and(|title| !title.is_empty()), "{answer:?}");
        let instance = format!("urn:uuid:{}", answer.header("x-request-id").unwrap());
        assert_eq!(document["instance"], Value::String(instance));
        let text = answer.text.to_lowercase();
        for inside in [
            marker,
            "bearer e",
            "eyj",
            SECRET,
            "select ",
            "insert into",
            "tokio",
            "actix",
            "serde",
            "jsonwebtoken",
            ".rs",
            "panicked",
            "postgres://",
            "rowhouse_app",
            "current_tenant_id",
        ] {
            assert!(!text.contains(inside), "{inside:?} is in {answer:?}");
        }
    }
    // A head that is too large is refused before anybody reads it, with an empty body.
    let head = format!("GET /items HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", marker.repeat(20_000));
    let answer = String::from_utf8_lossy(&told(&server, head.as_bytes())).into_owned();
    assert!(answer.starts_with("HTTP/1.1 431") && !answer.contains(marker), "{answer}");
}

//! Issuers of the database: rows that take effect without a restart, for the tenants that they are bound to and no other.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::command_line::{Run, run};
use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, Token, eventually};

const DOCUMENT: &str = include_str!("../../docs/issuers.md");
pub(crate) const IDP: &str = "https://idp.test/";

/// A token of any claims by the test key of `algorithm`, good for ten minutes from now. An empty `typ` is none.
fn sign(algorithm: Algorithm, typ: &str, claims: &Value) -> String {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = claims.clone();
    claims["iat"] = json!(now_s);
    claims["exp"] = json!(now_s + 600);
    let (kid, key) = match algorithm {
        Algorithm::ES256 => ("p256", EncodingKey::from_ec_pem(include_bytes!("keys/p256.pem"))),
        _ => ("rsa", EncodingKey::from_rsa_pem(include_bytes!("keys/rsa2048.pem"))),
    };
    let mut header = Header::new(algorithm);
    header.typ = (!typ.is_empty()).then(|| typ.to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, &claims, &key.expect("a test key")).expect("it signs")
}

/// A token of the issuer IDP.
pub(crate) fn idp_token(claims: Value) -> String {
    let mut all = json!({
        "iss": IDP, "aud": "rowhouse", "sub": "ann", "jti": uuid::Uuid::new_v4().to_string(), "client_id": "web",
    });
    for (name, value) in claims.as_object().expect("claims") {
        all[name] = value.clone();
    }
    sign(Algorithm::ES256, "at+jwt", &all)
}

pub(crate) async fn me(server: &Server, token: &str) -> Answer {
    server.request(Method::GET, "/me").header("authorization", &format!("Bearer {token}")).send().await
}

/// Runs `rowhouse issuer` with `arguments`.
pub(crate) fn issuer(database: &Database, arguments: &[&str]) -> Run {
    let url = database.owner_url();
    run(&[&["issuer"], arguments].concat(), &[("migrate_url", &url)])
}

pub(crate) fn key_set() -> String {
    format!("{}/tests/it/keys/jwks.json", env!("CARGO_MANIFEST_DIR"))
}

/// Proposes, checks and enables the issuer IDP, with `more` arguments.
pub(crate) fn add_idp(database: &Database, more: &[&str]) {
    let keys = key_set();
    let add = ["add", IDP, "--audience", "rowhouse", "--algorithm", "ES256", "--jwks-file", &keys];
    issuer(database, &[&add[..], more].concat()).succeeds();
    assert!(issuer(database, &["check", IDP]).succeeds().contains("key \"p256\" ES256"));
    issuer(database, &["enable", IDP]).succeeds();
}

#[tokio::test]
async fn an_issuer_of_the_database_comes_and_goes_without_a_restart() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = idp_token(json!({"role": "member"}));
    me(&server, &token).await.fails(401, "PGRST301");
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    eventually("its tokens are good", || async { me(&server, &token).await.status == 200 }).await;
    let answer = me(&server, &token).await.is(200).json();
    assert_eq!((&answer["tenant_id"], &answer["role"]), (&json!(PAWNEE), &json!("member")));
    issuer(&database, &["disable", IDP]).succeeds();
    eventually("its tokens are bad", || async { me(&server, &token).await.status == 401 }).await;
    issuer(&database, &["enable", IDP]).succeeds();
    eventually("its tokens are good again", || async { me(&server, &token).await.status == 200 }).await;
    database.sql("delete from tenancy.issuers").await;
    eventually("it is gone", || async { me(&server, &token).await.status == 401 }).await;
}

#[tokio::test]
async fn v20_a_token_of_one_tenant_s_issuer_is_not_good_for_another_tenant() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let server = Server::start(&database).await;
    me(&server, &idp_token(json!({}))).await.is(200);
    for claims in [
        json!({"tenant_id": DUNDER}),
        json!({"orgs": {DUNDER.to_string(): {"role": "owner"}}}),
        json!({"tenant_id": DUNDER, "orgs": {DUNDER.to_string(): {}, PAWNEE.to_string(): {}}}),
    ] {
        me(&server, &idp_token(claims)).await.fails(403, "TEN001");
    }
    let bearer = format!("Bearer {}", idp_token(json!({})));
    let request = server.request(Method::GET, "/items").header("authorization", &bearer);
    request.header("x-tenant-id", &DUNDER.to_string()).send().await.fails(403, "TEN001");
}

#[tokio::test]
async fn v20_a_platform_s_issuer_is_good_for_the_tenants_that_it_is_bound_to() {
    let database = Database::demo().await;
    add_idp(&database, &[]);
    let server = Server::start(&database).await;
    let token = idp_token(json!({"tenant_id": "org_1"}));
    me(&server, &token).await.fails(403, "TEN001");
    issuer(&database, &["bind", IDP, "--tenant", "dunder-mifflin", "--external-id", "org_1"]).succeeds();
    eventually("the binding counts", || async { me(&server, &token).await.status == 200 }).await;
    assert_eq!(me(&server, &token).await.is(200).json()["tenant_id"], json!(DUNDER));
    me(&server, &idp_token(json!({"tenant_id": DUNDER}))).await.fails(403, "TEN001");
    me(&server, &idp_token(json!({"tenant_id": PAWNEE}))).await.fails(403, "TEN001");
    database.sql("delete from tenancy.issuer_tenants").await;
    eventually("the binding is gone", || async { me(&server, &token).await.status == 403 }).await;
}

#[tokio::test]
async fn v11_an_unknown_issuer_is_answered_as_a_bad_signature_is_and_looked_up_once() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let server = Server::start(&database).await;
    let good = idp_token(json!({}));
    let (message, _) = good.rsplit_once('.').unwrap();
    let forged = me(&server, &format!("{message}.AAAA")).await.fails(401, "PGRST301");
    let unknown = idp_token(json!({"iss": "https://unknown.test/"}));
    let look_ups = || async {
        let metrics = server.admin("/metrics").await.text;
        let of = |line: &str| {
            line.strip_prefix("rowhouse_issuer_look_ups_total{outcome=\"absent\"} ")?.parse().ok()
        };
        metrics.lines().find_map(of).unwrap_or(0_u64)
    };
    // A change that is notified late would have it looked up again.
    me(&server, &unknown).await.fails(401, "PGRST301");
    let before = look_ups().await;
    for _ in 0..10 {
        let answer = me(&server, &unknown).await.fails(401, "PGRST301");
        assert_eq!(answer.text, forged.text);
        assert_eq!(answer.header("www-authenticate"), forged.header("www-authenticate"));
    }
    assert!(look_ups().await <= before + 1, "remembered, but for one notification at the start");
}

#[tokio::test]
async fn v20_the_database_refuses_rows_that_would_bind_an_issuer_to_a_second_tenant() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let admin = database.superuser().await;
    admin.batch_execute("set role rowhouse_admin").await.unwrap();
    let row = |kind: &str, tenant: &str, keys: &str| {
        format!(
            "insert into tenancy.issuers (iss, audiences, kind, tenant_id, key_source, algorithms, secret_ref, kid, jwks_uri)
            values ('https://x.test', '{{a}}', '{kind}', {tenant}, {keys})"
        )
    };
    let pawnee = format!("'{PAWNEE}'");
    let discovery = "'discovery', '{RS256}', null, null, null";
    for (text, state) in [
        (row("tenant", "null", discovery), "23514"),
        (row("platform", &pawnee, discovery), "23514"),
        (row("tenant", &pawnee, "'hs256', '{HS256}', 's', 'k', null"), "23514"),
        (row("platform", "null", "'hs256', '{HS256,ES256}', 's', 'k', null"), "23514"),
        (row("platform", "null", "'hs256', '{HS256}', '../s', 'k', null"), "23514"),
        (row("platform", "null", "'discovery', '{RS256,none}', null, null, null"), "23514"),
        (row("platform", "null", "'jwks_uri', '{RS256}', null, null, null"), "23514"),
        (
            format!("insert into tenancy.issuer_tenants (iss, tenant_id) values ('{IDP}', '{DUNDER}')"),
            "23503",
        ),
        (format!("update tenancy.issuers set tenant_id = '{DUNDER}'"), "42501"),
        ("update tenancy.issuers set kind = 'platform'".to_owned(), "42501"),
        ("update tenancy.issuers set enabled = true, verified_at = null".to_owned(), "23514"),
    ] {
        let refused = admin.batch_execute(&text).await.expect_err(&text);
        assert_eq!(refused.code().map(|code| code.code()), Some(state), "{text}");
    }
    admin.batch_execute("update tenancy.issuers set algorithms = '{RS256}'").await.unwrap();
    let enabled = database.count("select count(*) from tenancy.issuers where enabled").await;
    assert_eq!(enabled, 0, "other keys must be checked anew");
    assert!(issuer(&database, &["enable", IDP]).fails_in_one_line().contains("rowhouse issuer check"));
}

#[tokio::test]
async fn administrators_see_the_issuers_of_their_own_tenant_and_nobody_else_does() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let server = Server::start(&database).await;
    let issuers = |token: Token| {
        let request = server.get("/issuers", &token);
        async { request.send().await.is(200).rows() }
    };
    let seen = issuers(Token::leslie()).await;
    assert_eq!((seen.len(), &seen[0]["iss"], &seen[0]["enabled"]), (1, &json!(IDP), &json!(true)));
    assert!(seen[0].get("secret_ref").is_none());
    assert!(issuers(Token::new(PAWNEE, "ann", "member")).await.is_empty());
    assert!(issuers(Token::michael()).await.is_empty());
    let refused = server.delete("/issuers?iss=eq.x", &Token::leslie()).send().await;
    assert!([403, 405].contains(&refused.status), "{refused:?}");
    let secret = database.app().await.batch_execute("select secret_ref from tenancy.issuers").await;
    assert_eq!(secret.expect_err("no right").code().map(|code| code.code()), Some("42501"));
}

/// The words of a command, as a shell splits them: single quotes, and lines that go on behind a backslash.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.replace("\\\n", " ").split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The text of the blocks of a language, in order.
fn blocks<'a>(section: &'a str, language: &str) -> Vec<&'a str> {
    let opened = section.split(&format!("```{language}\n")).skip(1).collect::<Vec<_>>();
    opened.into_iter().map(|block| block.split("\n```").next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn each_example_of_the_document_makes_its_tokens_good() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let keys = key_set();
    let examples = DOCUMENT.split_once("## Examples").expect("examples").1.split("\n### ").skip(1);
    let mut tried = 0;
    for example in examples {
        let (commands, documents) = (blocks(example, "sh"), blocks(example, "json"));
        let mut typ = String::new();
        let mut algorithm = Algorithm::RS256;
        for command in commands[0].replace("\\\n", " ").lines() {
            let mut words = words(command);
            if words[2] == "add" {
                let after = |words: &[String], name: &str| {
                    let at = words.iter().position(|word| word == name)?;
                    Some(words[at + 1].clone())
                };
                typ = after(&words, "--typ").expect("every example says the type");
                if after(&words, "--algorithm").as_deref() == Some("ES256") {
                    algorithm = Algorithm::ES256;
                }
                // Its own keys are out of a test's reach.
                if let Some(at) = words.iter().position(|word| word == "--jwks-uri") {
                    words.drain(at..at + 2);
                }
                words.extend(["--jwks-file".to_owned(), keys.clone()]);
            }
            let arguments: Vec<&str> = words[2..].iter().map(String::as_str).collect();
            issuer(&database, &arguments).succeeds();
        }
        let claims: Value = serde_json::from_str(documents[0]).expect("claims");
        let expected: Value = serde_json::from_str(documents[1]).expect("an answer");
        let token = sign(algorithm, &typ, &claims);
        eventually(example, || async { me(&server, &token).await.status == 200 }).await;
        let answer = me(&server, &token).await.is(200).json();
        assert_eq!(answer["tenant_id"], json!(PAWNEE), "{example}");
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&answer[name], value, "{name} of {example}");
        }
        // An ID token of the same issuer, say: for somebody else.
        let mut other = claims;
        for audience in ["aud", "client_id"] {
            other[audience] = json!("somebody-else");
        }
        let is_checked = !commands[0].contains("\"aud\": \"iss\"");
        assert_eq!(is_checked, !example.contains("audience is not checked"), "it says so: {example}");
        if is_checked {
            me(&server, &sign(algorithm, &typ, &other)).await.fails(401, "PGRST301");
        }
        tried += 1;
    }
    assert_eq!(tried, 7);
    let listed = issuer(&database, &["list"]).succeeds();
    assert_eq!(listed.lines().filter(|line| line.starts_with("enabled ")).count(), 7, "{listed}");
}

#[tokio::test]
async fn what_cannot_be_an_issuer_or_a_binding_is_refused_in_the_words_of_the_command() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let refused = |arguments: &[&str], words: &str| {
        let line = issuer(&database, arguments).fails_in_one_line();
        assert!(line.contains(words) && !line.contains("constraint"), "{arguments:?}: {line}");
    };
    let proposed = |more: &[&str], words: &str| {
        refused(&[&["add", "https://new.test", "--audience", "a"], more].concat(), words);
    };
    refused(&["add", IDP, "--audience", "a"], "there is such an issuer already");
    refused(&["add", "https://a b", "--audience", "a"], "no white space");
    proposed(&["--algorithm", "none"], "--algorithm is");
    proposed(&["--algorithm", "HS256"], "--secret-ref");
    proposed(&["--audience", ""], "--audience");
    proposed(&["--leeway-s", "121"], "--leeway-s is 0 to 120");
    proposed(&["--lifetime-s-max", "5"], "--lifetime-s-max is 60 to 86400");
    proposed(&["--claims", "{"], "--claims");
    proposed(&["--claims", r#"{"subject": "sub"}"#], "unknown field `subject`");
    proposed(&["--claims", r#"{"sub": "a..b"}"#], "no path");
    proposed(&["--jwks-file", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/p256.pem")], "no JSON");
    let secret = ["--algorithm", "HS256", "--secret-ref", "../x", "--kid", "k"];
    proposed(&secret, "the name of one file");
    let of_tenant = ["--algorithm", "HS256", "--secret-ref", "x", "--kid", "k", "--tenant", "dunder-mifflin"];
    proposed(&of_tenant, "the issuer of a tenant cannot have a shared secret");
    for iss in [IDP, "https://nobody.test"] {
        refused(&["bind", iss, "--tenant", "dunder-mifflin"], "no such issuer of the platform");
    }
    issuer(&database, &["add", "https://new.test", "--audience", "a"]).succeeds();
    issuer(&database, &["bind", "https://new.test", "--tenant", "dunder-mifflin", "--external-id", "o"])
        .succeeds();
    refused(&["bind", "https://new.test", "--tenant", "dunder-mifflin"], "bound to the tenant already");
    let again = ["bind", "https://new.test", "--tenant", "aliki-farms", "--external-id", "o"];
    refused(&again, "another tenant by this name");
}

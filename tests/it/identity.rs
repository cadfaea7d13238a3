//! Who is asking, for which tenant: tokens, selectors, tenant states, and what policies are told.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ALIKI, Answer, DUNDER, Database, PAWNEE, SECRET, Server, ServerOptions, Token, eventually, within,
};

const BARE_CHALLENGE: &str = "Bearer realm=\"rowhouse\"";
const INVALID_REQUEST: &str = "Bearer realm=\"rowhouse\", error=\"invalid_request\"";
const INVALID_TOKEN: &str = "Bearer realm=\"rowhouse\", error=\"invalid_token\"";

/// No tenant has this id.
const NOBODY: &str = "00000000-0000-4000-8000-000000000001";

async fn bearing(server: &Server, path: &str, token: &str) -> Answer {
    server.request(Method::GET, path).header("authorization", &format!("Bearer {token}")).send().await
}

#[tokio::test]
async fn without_a_token_the_answer_is_401_with_a_bare_challenge_on_every_path_and_method() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for path in ["/items", "/no_such_relation", "/", "/a/b/c/d", "/items?title=nonsense", "/items?select=((("]
    {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT, Method::OPTIONS]
        {
            let answer = server.request(method, path).send().await.fails(401, "PGRST302");
            assert_eq!(answer.header("www-authenticate"), Some(BARE_CHALLENGE));
        }
    }
    let known = server.request(Method::GET, "/items").send().await;
    let unknown = server.request(Method::GET, "/no_such_relation").send().await;
    assert_eq!(known.text, unknown.text);
}

#[tokio::test]
async fn every_bad_token_gets_one_and_the_same_401() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let good = Token::leslie().sign();
    let (message, _) = good.rsplit_once('.').unwrap();
    let bad = [
        String::new(),
        "x".to_owned(),
        format!("{good}.x"),
        format!(" {good}"),
        format!("{message}.AAAA"),
        format!("{message}."),
        Token::leslie().issued_before(2_000).sign(),
        Token::leslie().claim("act", json!({"sub": "support"})).sign(),
        Token::leslie().claim("orgs", json!([])).sign(),
        Token::leslie().claim("orgs", json!({DUNDER.to_string(): {}})).sign(),
        Token::leslie().claim("nbf", 9_000_000_000_u64).sign(),
        unsigned(&json!({"alg": "none", "typ": "at+jwt", "kid": "test"}), message),
        unsigned(&json!({"alg": "HS256", "typ": "at+jwt", "kid": "other"}), message),
        "a".repeat(8_193),
    ];
    let first = bearing(&server, "/items", &bad[0]).await;
    for token in &bad {
        for path in ["/items", "/no_such_relation"] {
            let answer = bearing(&server, path, token).await.fails(401, "PGRST301");
            assert_eq!(answer.text, first.text, "{token}");
            assert_eq!(answer.header("www-authenticate"), Some(INVALID_TOKEN), "{token}");
        }
    }
    bearing(&server, "/items", &good).await.is(200);
}

/// The claims of a token below another header, without a signature.
fn unsigned(header: &Value, message: &str) -> String {
    use base64::Engine;
    let (_, claims) = message.split_once('.').unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{claims}.AAAA")
}

#[tokio::test]
async fn two_authorization_headers_or_another_scheme_are_400() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let bearer = format!("Bearer {}", Token::leslie().sign());
    let request = || server.request(Method::GET, "/items");
    let twice = [("authorization", bearer.as_bytes()), ("authorization", bearer.as_bytes())];
    let answer = request().headers(&twice).send().await.fails(400, "TEN006");
    assert_eq!(answer.header("www-authenticate"), Some(INVALID_REQUEST));
    for other in ["Basic dXNlcjpwYXNz", "Token abc", "Bearer\tabc", "Digest x", ""] {
        let answer = request().header("authorization", other).send().await.fails(400, "TEN006");
        assert_eq!(answer.header("www-authenticate"), Some(INVALID_REQUEST));
    }
    let lower = bearer.replacen("Bearer", "bEARER", 1);
    request().header("authorization", &lower).send().await.is(200);
}

#[tokio::test]
async fn a_token_in_query_cookie_or_body_is_never_read() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = Token::leslie().sign();
    let query = format!("/items?access_token={token}");
    let answer = server.request(Method::GET, &query).send().await.fails(401, "PGRST302");
    assert_eq!(answer.header("www-authenticate"), Some(BARE_CHALLENGE));
    assert!(!answer.text.contains(&token));
    let cookie = format!("access_token={token}; token={token}");
    server.request(Method::GET, "/items").header("cookie", &cookie).send().await.is(401);
    let form =
        server.request(Method::POST, "/items").header("content-type", "application/x-www-form-urlencoded");
    let form = form.header("x-access-token", &token).send().await;
    form.is(401);
}

#[tokio::test]
async fn a_token_in_header_and_query_is_400_and_not_echoed() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = Token::leslie();
    for query in
        ["access_token=shibboleth", "title=eq.x&access_token=shibboleth", "access%5ftoken=shibboleth"]
    {
        let answer = server.get(&format!("/items?{query}"), &token).send().await.fails(400, "TEN006");
        assert_eq!(answer.header("www-authenticate"), Some(INVALID_REQUEST));
        assert!(!answer.text.contains("shibboleth"));
    }
    assert!(!server.log().join("\n").contains("shibboleth"));
}

#[tokio::test]
async fn path_and_header_select_among_what_the_token_proves() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let orgs = json!({PAWNEE.to_string(): {"role": "owner"}, DUNDER.to_string(): {"role": "member"}});
    let both = Token::new(PAWNEE, "leslie.knope", "owner").claim("orgs", orgs);
    let titles = |answer: Answer| answer.is(200).rows()[0]["title"].clone();
    let first = "/items?order=title&limit=1";

    assert_eq!(titles(server.get(first, &both).send().await), "art-fair");
    let path = format!("/{DUNDER}{first}");
    assert_eq!(titles(server.get(&path, &both).send().await), "a4 paper");
    let dunder = DUNDER.to_string();
    assert_eq!(titles(server.get(first, &both).header("x-tenant-id", &dunder).send().await), "a4 paper");
    assert_eq!(titles(server.get(&path, &both).header("x-tenant-id", &dunder).send().await), "a4 paper");

    let pawnee = PAWNEE.to_string();
    server.get(&path, &both).header("x-tenant-id", &pawnee).send().await.fails(400, "TEN004");
    for malformed in ["", "dunder-mifflin", &dunder.to_uppercase(), &format!("{dunder},{dunder}"), "{}"] {
        server.get(first, &both).header("x-tenant-id", malformed).send().await.fails(400, "TEN003");
    }
    let bytes: [(&str, &[u8]); 1] = [("x-tenant-id", b"\xff\xfe")];
    server.get(first, &both).headers(&bytes).send().await.fails(400, "TEN003");
    let twice = [("x-tenant-id", dunder.as_bytes()), ("x-tenant-id", dunder.as_bytes())];
    server.get(first, &both).headers(&twice).send().await.fails(400, "TEN003");
    for malformed in
        [dunder.to_uppercase().as_str(), "dunder-mifflin", "00000000-0000-0000-0000-000000000000"]
    {
        server.get(&format!("/{malformed}/items"), &both).send().await.is(404);
    }
}

#[tokio::test]
async fn an_unproven_tenant_is_403_with_one_body_whether_it_exists_or_not() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let mut bodies = Vec::new();
    for tenant in [DUNDER.to_string(), NOBODY.to_owned()] {
        let path = format!("/{tenant}/items");
        bodies.push(server.get(&path, &Token::leslie()).send().await.fails(403, "TEN001").text);
        let header = server.get("/items", &Token::leslie()).header("x-tenant-id", &tenant).send().await;
        bodies.push(header.fails(403, "TEN001").text);
    }
    // A token that proves a tenant which is not there.
    let unknown = Token::new(NOBODY.parse().unwrap(), "x", "owner");
    bodies.push(server.get("/items", &unknown).send().await.fails(403, "TEN001").text);
    // Signed for, but not yet or no longer served.
    for state in ["provisioning", "deleting", "deleted"] {
        database.sql(&format!("update tenancy.tenants set state = '{state}' where id = '{ALIKI}'")).await;
        let aliki = Token::new(ALIKI, "aliki.nomikou", "owner");
        within(Duration::from_secs(1), state, || async {
            server.get("/items", &aliki).send().await.status == 403
        })
        .await;
        bodies.push(server.get("/items", &aliki).send().await.fails(403, "TEN001").text);
    }
    bodies
        .push(server.get("/items", &Token::leslie().without_tenant()).send().await.fails(403, "TEN001").text);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn one_token_works_in_each_of_its_organizations_with_that_one_s_role() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let orgs = json!({
        PAWNEE.to_string(): {"role": "admin"},
        DUNDER.to_string(): {"role": "member"},
        ALIKI.to_string(): {},
    });
    let token = Token::new(PAWNEE, "consultant", "owner").without_tenant().claim("orgs", orgs);
    server.get("/links", &token).send().await.fails(400, "TEN005");
    let links = async |tenant| {
        let path = format!("/{tenant}/links?select=id,creator_user_id");
        server.get(&path, &token).send().await.is(200).rows()
    };
    assert_eq!(links(PAWNEE).await.len(), 3);
    assert_eq!(links(DUNDER).await.len(), 3);
    // Without a role the policy shows nothing, whatever the token says at its top.
    assert_eq!(links(ALIKI).await.len(), 0);
    for (tenant, status) in [(PAWNEE, 204), (DUNDER, 404)] {
        let id = links(tenant).await[0]["id"].as_str().unwrap().to_owned();
        server.delete(&format!("/{tenant}/links/{id}"), &token).send().await.is(status);
    }
}

#[tokio::test]
async fn forwarded_identity_headers_and_host_select_and_prove_nothing() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let dunder = DUNDER.to_string();
    let headers: [(&str, &[u8]); 7] = [
        ("x-forwarded-host", b"dunder-mifflin.example.test"),
        ("forwarded", b"host=dunder-mifflin.example.test"),
        ("x-forwarded-user", b"michael.scott"),
        ("x-role", b"owner"),
        ("x-tenant", dunder.as_bytes()),
        ("x-original-url", b"/items"),
        ("host", b"dunder-mifflin.example.test"),
    ];
    server.request(Method::GET, "/items").headers(&headers).send().await.fails(401, "PGRST302");
    let alone = [("x-tenant-id", dunder.as_bytes())];
    server.request(Method::GET, "/items").headers(&alone).send().await.fails(401, "PGRST302");
    let answer = server.get("/items", &Token::leslie()).headers(&headers).send().await.is(200);
    assert!(answer.column("tenant_id").iter().all(|tenant| *tenant == PAWNEE.to_string()));
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_within_a_second_and_served_again_when_active() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = Token::leslie();
    server.get("/items", &token).send().await.is(200);
    for (state, status) in [("suspended", 403), ("active", 200), ("suspended", 403), ("active", 200)] {
        database.sql(&format!("update tenancy.tenants set state = '{state}' where id = '{PAWNEE}'")).await;
        within(Duration::from_secs(1), state, || async {
            server.get("/items", &token).send().await.status == status
        })
        .await;
        if status == 403 {
            server.get("/items", &token).send().await.fails(403, "TEN002");
            // Told to proven members only.
            let path = format!("/{PAWNEE}/items");
            server.get(&path, &Token::michael()).send().await.fails(403, "TEN001");
        }
        server.get("/items", &Token::michael()).send().await.is(200);
    }
}

#[tokio::test]
async fn without_notifications_a_suspension_holds_within_the_five_seconds_that_states_are_remembered() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = Token::leslie();
    // The first state may be forgotten once more when the service begins to listen.
    eventually("it listens", || async {
        database.count("select count(*) from pg_stat_activity where query = 'listen rowhouse' and datname = current_database()").await == 1
    })
    .await;
    server.get("/items", &token).send().await.is(200);
    database.sql("alter table tenancy.tenants disable trigger notify_change").await;
    database.sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{PAWNEE}'")).await;
    within(Duration::from_millis(5_500), "suspended", || async {
        server.get("/items", &token).send().await.status == 403
    })
    .await;
}

#[tokio::test]
async fn after_the_listening_connection_was_lost_a_suspension_is_still_heard() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    let listening = "select count(*) from pg_stat_activity where query = 'listen rowhouse' and datname = current_database()";
    eventually("it listens", || async { database.count(listening).await == 1 }).await;
    database
        .sql("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen rowhouse' and datname = current_database()")
        .await;
    database.sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{PAWNEE}'")).await;
    within(Duration::from_secs(2), "suspended", || async {
        server.get("/items", &Token::leslie()).send().await.status == 403
    })
    .await;
}

/// A view with one row, the tenant's own, that shows what its policies would be told.
async fn expose_settings(database: &Database) {
    database
        .as_owner(
            "create view api.settings with (security_invoker) as
             select
                 current_setting('app.current_tenant_id') as tenant,
                 current_setting('app.current_user_id') as user_id,
                 current_setting('app.current_role') as role,
                 current_setting('app.permissions') as permissions,
                 current_setting('request.jwt.claims') as claims,
                 tenancy.claims() ->> 'motto' as motto,
                 tenancy.has_permission('it''s \"mine\" \\') as has_odd_permission
             from tenancy.tenants;
             grant select on api.settings to rowhouse_app",
        )
        .await;
}

#[tokio::test]
async fn policies_see_what_the_token_says_in_both_ways_of_telling_them() {
    let database = Database::demo().await;
    expose_settings(&database).await;
    let odd = "o'brien\\ \"q\" $1 ; select 1 -- ÿ 漢字 🦀 E'\\''";
    let motto = "quotes ' \" backslashes \\ \\\\ lines \n\r\t and \u{1} 漢字 🦀";
    let permission = "it's \"mine\" \\";
    let told = Token::new(PAWNEE, odd, "r'ole\\\" 漢")
        .permissions(&[permission, "links:delete"])
        .claim("motto", motto)
        .claim("deep", json!({"a": [1, 2.50, null, {"b'": "\\"}]}));
    let silent = Token::new(PAWNEE, "leslie.knope", "x").without_role();
    let mut answers = Vec::new();
    for mode in ["set_local", "set_config"] {
        let server = Server::with(&database, ServerOptions::default().set("tenant_setting", mode)).await;
        let row = server.get("/settings", &told).send().await.is(200).rows().remove(0);
        assert_eq!(row["tenant"], PAWNEE.to_string());
        assert_eq!(row["user_id"], odd);
        assert_eq!(row["role"], "r'ole\\\" 漢");
        let permissions: Value = serde_json::from_str(row["permissions"].as_str().unwrap()).unwrap();
        assert_eq!(permissions, json!([permission, "links:delete"]));
        assert_eq!(row["has_odd_permission"], true);
        assert_eq!(row["motto"], motto);
        let claims: Value = serde_json::from_str(row["claims"].as_str().unwrap()).unwrap();
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!(odd), &json!("https://issuer.test")));
        assert_eq!(claims["deep"], json!({"a": [1, 2.5, null, {"b'": "\\"}]}));
        // Nothing of the earlier request is left where the token says nothing.
        let bare = server.get("/settings", &silent).send().await.is(200).rows().remove(0);
        assert_eq!((&bare["role"], &bare["permissions"]), (&json!(""), &json!("")));
        assert_eq!((&bare["motto"], &bare["has_odd_permission"]), (&Value::Null, &json!(false)));
        let mut row = row;
        row["claims"] = claims["sub"].clone();
        answers.push((row, bare["user_id"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn nothing_that_a_client_sends_beside_its_token_reaches_the_settings() {
    let database = Database::demo().await;
    expose_settings(&database).await;
    let server = Server::start(&database).await;
    let before = server.get("/settings", &Token::leslie()).send().await.is(200).rows().remove(0);
    let tx = "tx=commit, app.current_tenant_id=162be16f-4c1d-4b0e-9a53-6f7d20c8e915, timezone=Asia/Tokyo";
    let headers: [(&str, &[u8]); 5] = [
        ("prefer", tx.as_bytes()),
        ("x-hasura-role", b"admin"),
        ("role", b"postgres"),
        ("app.current_role", b"admin"),
        ("x-request-id", b"'; set app.current_role = 'admin"),
    ];
    let after =
        server.get("/settings", &Token::leslie()).headers(&headers).send().await.is(200).rows().remove(0);
    for setting in ["tenant", "user_id", "role", "permissions"] {
        assert_eq!(before[setting], after[setting]);
    }
}

/// The claims of a good token for Leslie, from the test's issuer.
fn claims() -> Value {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": "https://issuer.test", "aud": "rowhouse", "sub": "leslie.knope", "jti": "1", "client_id": "test",
        "iat": now_s, "exp": now_s + 600, "tenant_id": PAWNEE, "role": "owner",
    })
}

fn key_path(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys").join(file).display().to_string()
}

fn signed(algorithm: Algorithm, kid: &str, key: &EncodingKey) -> String {
    let header = Header { typ: Some("at+jwt".into()), kid: Some(kid.into()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, &claims(), key).expect("the test's key signs")
}

#[tokio::test]
async fn tokens_of_public_keys_from_pem_and_jwks_files_are_verified_each_with_its_own_algorithm() {
    let database = Database::demo().await;
    let pem = |file: &str| std::fs::read(key_path(file)).unwrap();
    let kinds = [
        (
            "RS256",
            Algorithm::RS256,
            "rsa2048",
            "rsa",
            EncodingKey::from_rsa_pem(&pem("rsa2048.pem")).unwrap(),
        ),
        ("ES256", Algorithm::ES256, "p256", "p256", EncodingKey::from_ec_pem(&pem("p256.pem")).unwrap()),
        (
            "EdDSA",
            Algorithm::EdDSA,
            "ed25519",
            "ed25519",
            EncodingKey::from_ed_pem(&pem("ed25519.pem")).unwrap(),
        ),
    ];
    for from_set in [false, true] {
        let issuers: Vec<Value> = kinds
            .iter()
            .map(|(name, _, file, ..)| {
                let mut issuer =
                    json!({"issuer": "https://issuer.test", "audience": "rowhouse", "algorithm": name});
                if from_set {
                    issuer["jwks_file"] = key_path("jwks.json").into();
                } else {
                    issuer["kid"] = (*file).into();
                    issuer["public_key_file"] = key_path(&format!("{file}.pub.pem")).into();
                }
                issuer
            })
            .collect();
        let options = ServerOptions::default().set("issuers", Value::from(issuers));
        let server = Server::with(&database, options).await;
        for (_, algorithm, file, in_set, key) in &kinds {
            let kid = if from_set { in_set } else { file };
            bearing(&server, "/items", &signed(*algorithm, kid, key)).await.is(200);
            // Another's key id.
            let other = if *kid == "p256" { "ed25519" } else { "p256" };
            bearing(&server, "/items", &signed(*algorithm, other, key)).await.fails(401, "PGRST301");
            // The public key's text as a secret.
            let public = std::fs::read(key_path(&format!("{file}.pub.pem"))).unwrap();
            let secret = EncodingKey::from_secret(&public);
            bearing(&server, "/items", &signed(Algorithm::HS256, kid, &secret)).await.fails(401, "PGRST301");
        }
        // Another algorithm of the same family.
        bearing(&server, "/items", &signed(Algorithm::RS512, kinds[0].2, &kinds[0].4)).await.is(401);
        bearing(&server, "/items", &signed(Algorithm::PS256, kinds[0].2, &kinds[0].4)).await.is(401);
        // The secret that the service does not know here.
        bearing(&server, "/items", &Token::leslie().sign()).await.fails(401, "PGRST301");
        let known = signed(Algorithm::HS256, "test", &EncodingKey::from_secret(SECRET.as_bytes()));
        bearing(&server, "/items", &known).await.fails(401, "PGRST301");
    }
}

#[tokio::test]
async fn an_issuer_that_is_bound_to_a_tenant_speaks_for_no_other() {
    let database = Database::demo().await;
    let issuers = json!([{
        "issuer": "https://issuer.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "test",
        "secret": SECRET, "tenant": PAWNEE,
    }]);
    let server = Server::with(&database, ServerOptions::default().set("issuers", issuers)).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    server.get("/items", &Token::leslie().without_tenant()).send().await.is(200);
    server.get("/items", &Token::michael()).send().await.fails(403, "TEN001");
}

//! What a request names its tenant by, beside the path and `X-Tenant-Id`: hosts; and the challenge of who is refused.

use reqwest::Method;
use serde_json::json;

use crate::support::{ALIKI, DUNDER, Database, PAWNEE, Server, ServerOptions, Token, eventually};

/// A token that is good for two tenants and names none.
fn both() -> Token {
    let orgs = json!({PAWNEE.to_string(): {"role": "admin"}, DUNDER.to_string(): {"role": "member"}});
    Token::new(PAWNEE, "consultant", "x").without_tenant().without_role().claim("orgs", orgs)
}

fn options() -> ServerOptions {
    ServerOptions::default().set("base_domains", "example.test").set("custom_domains", true)
}

#[tokio::test]
async fn one_label_under_a_base_domain_names_the_tenant_among_the_proven() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let at = |host: &str| server.get("/me", &both()).header("host", host).send();
    for host in ["dunder-mifflin.example.test", "Dunder-Mifflin.Example.TEST.:8000"] {
        assert_eq!(at(host).await.is(200).json()["tenant_id"], json!(DUNDER), "{host}");
    }
    let none = [
        "example.test",
        "a.b.example.test",
        "dunder-mifflin.other.test",
        "localhost",
        "127.0.0.1",
        "[::1]:80",
    ];
    for host in none {
        at(host).await.fails(400, "TEN005");
    }
    // A tenant that the token does not prove, one that there is not, and a label that is no slug: one answer.
    let foreign = at("aliki-farms.example.test").await.fails(403, "TEN001");
    for host in ["nobody.example.test", "x_y.example.test", "www.example.test"] {
        assert_eq!(at(host).await.fails(403, "TEN001").text, foreign.text);
    }
    // Selectors agree or are refused.
    let named = |path: &str, header: Option<String>| {
        let request = server.get(path, &both()).header("host", "dunder-mifflin.example.test");
        match header {
            Some(header) => request.header("x-tenant-id", &header).send(),
            None => request.send(),
        }
    };
    named("/me", Some(DUNDER.to_string())).await.is(200);
    named(&format!("/{DUNDER}/me"), None).await.is(200);
    named("/me", Some(PAWNEE.to_string())).await.fails(400, "TEN004");
    named(&format!("/{PAWNEE}/me"), None).await.fails(400, "TEN004");
    let unknown = server.get(&format!("/{PAWNEE}/me"), &both()).header("host", "nobody.example.test");
    unknown.send().await.fails(400, "TEN004");
}

#[tokio::test]
async fn a_domain_of_its_own_names_a_tenant_once_verified() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let admin = Token::new(PAWNEE, "ron", "admin");
    let domain = json!({"host": "parks.pawnee.test"});
    server
        .post("/tenant_domains", &Token::new(PAWNEE, "tom", "member"), domain.clone())
        .send()
        .await
        .fails(403, "42501");
    server.post("/tenant_domains", &admin, domain.clone()).send().await.is(201);
    // Another may claim it, too, and has no more of it.
    server.post("/tenant_domains", &Token::michael(), domain.clone()).send().await.is(201);
    let verified = json!({"host": "b.pawnee.test", "verified_at": "now"});
    server.post("/tenant_domains", &admin, verified).send().await.fails(403, "42501");
    server.post("/tenant_domains", &admin, json!({"host": "Upper.test"})).send().await.fails(422, "23514");
    let tenant = async || {
        let answer = server.get("/me", &both()).header("host", "Parks.Pawnee.test:443").send().await;
        if answer.status == 200 { answer.json()["tenant_id"].to_string() } else { answer.code() }
    };
    assert_eq!(tenant().await, "TEN005");
    database
        .sql(&format!("set role rowhouse_admin; update tenancy.tenant_domains set verified_at = now() where tenant_id = '{PAWNEE}'"))
        .await;
    let ours = json!(PAWNEE).to_string();
    eventually("the domain is the tenant's", || async { tenant().await == ours }).await;
    server.delete("/tenant_domains?host=eq.parks.pawnee.test", &admin).send().await.is(204);
    eventually("it is nobody's", || async { tenant().await == "TEN005" }).await;
}

#[tokio::test]
async fn t05_a_host_that_is_none_is_refused() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for host in ["a b", "user@host.test", "a..b", "a.test:port", "%61.test", "a/b"] {
        server.get("/items", &Token::leslie()).header("host", host).send().await.fails(400, "TEN050");
        server.request(Method::GET, "/items").header("host", host).send().await.fails(400, "TEN050");
    }
    server.get("/items", &Token::leslie()).header("host", "anything.test:80").send().await.is(200);
}

#[tokio::test]
async fn t04_what_proxies_say_of_the_host_counts_where_they_are_trusted() {
    let database = Database::demo().await;
    let forged: [(&str, &[u8]); 4] = [
        ("x-forwarded-host", b"dunder-mifflin.example.test"),
        ("forwarded", b"for=1.2.3.4;host=pawnee-parks-and-rec.example.test"),
        ("x-forwarded-user", b"michael.scott"),
        ("x-role", b"owner"),
    ];
    let ask = async |options: ServerOptions| {
        let server = Server::with(&database, options).await;
        server.request(Method::GET, "/me").headers(&forged).send().await.fails(401, "PGRST302");
        server.get("/me", &both()).headers(&forged).send().await
    };
    ask(options()).await.fails(400, "TEN005");
    ask(options().set("trusted_proxies", "10.0.0.0/8")).await.fails(400, "TEN005");
    let trusting = options().set("trusted_proxies", "127.0.0.0/8");
    assert_eq!(ask(trusting.clone()).await.is(200).json()["tenant_id"], json!(DUNDER));
    let other = trusting.set("forwarded_headers", "forwarded");
    assert_eq!(ask(other).await.is(200).json()["tenant_id"], json!(PAWNEE));
}

#[tokio::test]
async fn the_challenge_has_the_realm_that_the_request_names_whether_there_is_such_a_tenant_or_not() {
    let database = Database::demo().await;
    let server = Server::with(&database, options().set("public_url", "https://api.example")).await;
    let well_known = "https://api.example/.well-known/oauth-protected-resource";
    let unknown = "5f0c6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5";
    let challenge = async |path: &str, host: &str, token: &str| {
        let mut request = server.request(Method::GET, path).header("host", host);
        if !token.is_empty() {
            request = request.header("authorization", &format!("Bearer {token}"));
        }
        request.send().await.is(401).header("www-authenticate").unwrap().to_owned()
    };
    for tenant in [PAWNEE.to_string(), unknown.to_owned()] {
        let path = format!("/{tenant}/items");
        let named = format!("Bearer realm=\"{tenant}\"");
        let metadata = format!("resource_metadata=\"{well_known}/{tenant}\"");
        assert_eq!(challenge(&path, "localhost", "").await, format!("{named}, {metadata}"));
        let refused = format!("{named}, error=\"invalid_token\", {metadata}");
        assert_eq!(challenge(&path, "localhost", "a.b.c").await, refused);
    }
    for label in ["dunder-mifflin", "nobody"] {
        let host = format!("{label}.example.test");
        let expected = format!(
            "Bearer realm=\"{host}\", resource_metadata=\"https://{host}/.well-known/oauth-protected-resource\""
        );
        assert_eq!(challenge("/items", &host, "").await, expected);
    }
    let plain = format!("Bearer realm=\"rowhouse\", resource_metadata=\"{well_known}\"");
    assert_eq!(challenge("/items", "localhost", "").await, plain);
}

#[tokio::test]
async fn the_metadata_of_a_tenant_names_its_own_issuers_beside_those_of_all() {
    let database = Database::demo().await;
    let issuer = |name: &str, kid: &str, secret: &str, tenant: Option<&str>| {
        let mut issuer = json!({"issuer": name, "audience": "rowhouse", "algorithm": "HS256", "kid": kid, "secret": secret});
        if let Some(tenant) = tenant {
            issuer["tenant"] = tenant.into();
        }
        issuer
    };
    let issuers = json!([
        issuer("https://all.test", "a", "b7Jq0sYx2LmZ9KfRt4VwHc8NpDg5EuAa", None),
        issuer("https://own.test", "b", "c8Kr1tZy3MnA0LgSu5WxId9OqEh6FvBb", Some(&DUNDER.to_string())),
    ]);
    let options = ServerOptions::default().set("public_url", "https://api.example").set("issuers", issuers);
    let server = Server::with(&database, options).await;
    let servers = async |tenant: &str| {
        let path = format!("/.well-known/oauth-protected-resource/{tenant}");
        let document = server.request(Method::GET, &path).send().await.is(200).json();
        assert_eq!(document["resource"], format!("https://api.example/{tenant}"));
        document["authorization_servers"].clone()
    };
    assert_eq!(servers(&DUNDER.to_string()).await, json!(["https://all.test", "https://own.test"]));
    for other in [ALIKI.to_string(), "5f0c6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5".to_owned()] {
        assert_eq!(servers(&other).await, json!(["https://all.test"]));
    }
    let malformed = "/.well-known/oauth-protected-resource/acme";
    server.request(Method::GET, malformed).send().await.fails(401, "PGRST302");
}

#[tokio::test]
async fn the_metadata_at_a_host_is_that_of_the_tenant_that_the_host_names() {
    let database = Database::demo().await;
    let own = json!({
        "issuer": "https://own.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "b",
        "secret": "c8Kr1tZy3MnA0LgSu5WxId9OqEh6FvBb", "tenant": DUNDER,
    });
    let all = json!({
        "issuer": "https://all.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "a",
        "secret": "b7Jq0sYx2LmZ9KfRt4VwHc8NpDg5EuAa",
    });
    database
        .sql(&format!("insert into tenancy.tenant_domains (tenant_id, host, verified_at) values ('{DUNDER}', 'paper.test', now()), ('{DUNDER}', 'claimed.test', null)"))
        .await;
    let options = options().set("public_url", "https://api.example.test").set("issuers", json!([own, all]));
    let server = Server::with(&database, options).await;
    let at = async |host: &str| {
        let path = "/.well-known/oauth-protected-resource";
        let document = server.request(Method::GET, path).header("host", host).send().await.is(200).json();
        (document["resource"].clone(), document["authorization_servers"].clone())
    };
    let (own, all) = (json!(["https://all.test", "https://own.test"]), json!(["https://all.test"]));
    assert_eq!(
        at("dunder-mifflin.example.test").await,
        (json!("https://dunder-mifflin.example.test"), own.clone())
    );
    assert_eq!(at("Paper.test:443").await, (json!("https://paper.test"), own));
    // A tenant without issuers of its own, and one that there is not.
    for label in ["aliki-farms", "nobody"] {
        let host = format!("{label}.example.test");
        assert_eq!(at(&host).await, (json!(format!("https://{host}")), all.clone()));
    }
    // What names no tenant is the service; its own name is not one of a tenant's.
    for host in ["api.example.test", "example.test", "claimed.test", "localhost"] {
        assert_eq!(at(host).await, (json!("https://api.example.test"), all.clone()), "{host}");
    }
}

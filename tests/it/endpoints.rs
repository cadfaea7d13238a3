//! What the service answers itself: `/me` and the metadata of the resource.

use reqwest::Method;
use serde_json::json;

use crate::issuers::{IDP, add_idp, issuer, key_set};
use crate::support::{ALIKI, DUNDER, Database, PAWNEE, SECRET, Server, ServerOptions, Token, eventually};

#[tokio::test]
async fn me_is_who_the_token_says_in_the_chosen_tenant() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let me = server.get("/me", &Token::leslie().permissions(&["links:delete"])).send().await.is(200).json();
    assert_eq!(me["tenant_id"], json!(PAWNEE));
    assert_eq!(me["role"], "owner");
    assert_eq!(me["permissions"], json!(["links:delete"]));
    assert_eq!(me["tenants"], json!([PAWNEE]));
    let path = format!("/{DUNDER}/me");
    server.get(&path, &Token::leslie()).send().await.fails(403, "TEN001");
    server.request(Method::GET, "/me").send().await.fails(401, "PGRST302");
    let refused = server.post("/me", &Token::leslie(), json!({})).send().await.is(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn the_metadata_of_the_resource_names_the_issuers_to_anybody_where_the_service_knows_its_url() {
    let database = Database::demo().await;
    let path = "/.well-known/oauth-protected-resource";
    let server = Server::start(&database).await;
    server.request(Method::GET, path).send().await.fails(401, "PGRST302");
    let options = ServerOptions::default().set("public_url", "https://api.example");
    let server = Server::with(&database, options).await;
    let document = server.request(Method::GET, path).send().await.is(200).json();
    assert_eq!(document["resource"], "https://api.example");
    assert_eq!(document["authorization_servers"], json!([Token::issuer().issuer]));
}

#[tokio::test]
async fn a_table_of_the_users_own_may_have_the_name_of_one_of_the_tenancys() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.members (
                tenant_id uuid not null default tenancy.current_tenant_id(), card text primary key);
             alter table api.members enable row level security, force row level security;
             create policy all_tenant on api.members to rowhouse_app
                 using (tenant_id = (select tenancy.current_tenant_id()));
             grant select, insert on api.members to rowhouse_app;
             select tenancy.declare('api.members', 'tenant', 'For a test.')",
        )
        .await;
    let server = Server::start(&database).await;
    server.post("/members", &Token::leslie(), json!({"card": "gold"})).send().await.is(201);
    let own = server.get("/members?select=card", &Token::leslie()).send().await.is(200);
    assert_eq!(own.json(), json!([{"card": "gold"}]));
    let tenancys = server.get("/members", &Token::leslie()).header("accept-profile", "tenancy_api");
    assert_eq!(tenancys.send().await.is(200).json(), json!([]));
    server.get("/invitations", &Token::leslie()).send().await.is(200);
}

#[tokio::test]
async fn the_metadata_of_a_tenant_names_its_own_issuers_and_the_platform_s_that_are_bound_to_it() {
    let database = Database::demo().await;
    // IDP is pawnee's own; the platform's is bound to dunder; two more are only proposed, or shadowed.
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    let keys = key_set();
    let (platform, proposed, shadowed) =
        ("https://platform.test", "https://proposed.test", "https://shadowed.test");
    for (iss, more) in [
        (platform, &[][..]),
        (proposed, &["--tenant", "pawnee-parks-and-rec"]),
        (shadowed, &["--tenant", "dunder-mifflin"]),
    ] {
        let add = ["add", iss, "--audience", "a", "--algorithm", "ES256", "--jwks-file", &keys];
        issuer(&database, &[&add[..], more].concat()).succeeds();
        issuer(&database, &["check", iss]).succeeds();
    }
    for iss in [platform, shadowed] {
        issuer(&database, &["enable", iss]).succeeds();
    }
    issuer(&database, &["bind", platform, "--tenant", "dunder-mifflin"]).succeeds();
    let own = Token::issuer().issuer;
    let configured = |iss: &str, kid: &str| json!({"issuer": iss, "audience": "rowhouse", "algorithm": "HS256", "kid": kid, "secret": SECRET});
    let mut of_pawnee = configured(shadowed, "b");
    of_pawnee["tenant"] = json!(PAWNEE);
    let mut of_all = configured(&own, "a");
    of_all["secret"] = json!(SECRET.chars().rev().collect::<String>());
    let options = ServerOptions::default()
        .set("public_url", "https://api.example")
        .set("issuers", json!([of_all, of_pawnee]));
    let server = Server::with(&database, options).await;
    let nobody = "5f0c6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5";
    let document = async |tenant: &str| {
        let path = format!("/.well-known/oauth-protected-resource{tenant}");
        server.request(Method::GET, &path).send().await.is(200)
    };
    let issuers = async |tenant: &str| document(tenant).await.json()["authorization_servers"].clone();
    let of = |tenant: uuid::Uuid| format!("/{tenant}");
    assert_eq!(issuers("").await, json!([own, platform]));
    assert_eq!(issuers(&of(PAWNEE)).await, json!([IDP, own, shadowed]));
    assert_eq!(issuers(&of(DUNDER)).await, json!([own, platform]));
    // A tenant without issuers of its own is not told from one that there is not.
    let (without, absent) = (document(&of(ALIKI)).await, document(&format!("/{nobody}")).await);
    assert_eq!(without.json()["authorization_servers"], json!([own]));
    assert_eq!(without.text.replace(&ALIKI.to_string(), nobody), absent.text);
    let names = |answer: &crate::support::Answer| {
        let names = answer.headers.keys().map(|name| name.as_str().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&without), names(&absent));
    // What is disabled is named no more, at once.
    issuer(&database, &["disable", IDP]).succeeds();
    eventually("it is not named", || async { issuers(&of(PAWNEE)).await == json!([own, shadowed]) }).await;
    // No request reads the list but through the function.
    let app = database.app().await;
    let refused = app.query("select iss from tenancy.issuer_tenants", &[]).await.expect_err("no right");
    assert_eq!(refused.code().map(|code| code.code()), Some("42501"));
}

//! What the service answers itself: `/me` and the metadata of the resource.

use reqwest::Method;
use serde_json::json;

use crate::support::{DUNDER, Database, PAWNEE, Server, ServerOptions, Token};

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
             grant select, insert on api.members to rowhouse_app;",
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

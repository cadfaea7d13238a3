//! OPTIONS, and what pages of other origins may do (CORS).

use reqwest::Method;

use super::{Api, isolated};
use crate::support::{Answer, ServerOptions};

async fn options(api: &Api, path: &str) -> Answer {
    api.server.request(Method::OPTIONS, path).token(&api.token).send().await
}

const PAGE: &str = "https://app.example";

#[tokio::test]
async fn options_lists_the_methods_that_a_path_has() {
    let api = Api::library().await;
    for (path, allow) in [
        ("/", "OPTIONS, GET, HEAD"),
        ("/books", "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("/books/1", "OPTIONS, GET, HEAD, PUT, PATCH, DELETE"),
        // Nothing is looked up.
        ("/books/99", "OPTIONS, GET, HEAD, PUT, PATCH, DELETE"),
    ] {
        let answer = options(&api, path).await.is(200);
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
        assert_eq!((answer.text.as_str(), answer.header("content-length")), ("", Some("0")));
    }
    options(&api, "/nothing").await.fails(404, "PGRST205");
    options(&api, "/books/1/2").await.fails(404, "PGRST125");
    options(&api, "/books/1,2").await.fails(404, "TEN011");
    api.server.request(Method::OPTIONS, "/books").send().await.fails(401, "PGRST302");
    api.server.request(Method::OPTIONS, "/").send().await.fails(401, "PGRST302");
}

#[tokio::test]
async fn options_follow_privileges_and_what_a_view_can_take() {
    let ddl = "
        create table api.notes (
            tenant_id uuid not null default tenancy.current_tenant_id(), id int, body text,
            primary key (tenant_id, id));
        create table api.logs (tenant_id uuid not null default tenancy.current_tenant_id(), line text);
        create view api.plain with (security_invoker) as select tenant_id, id, body from api.notes;
        create view api.sums with (security_invoker) as select tenant_id, count(*) as n from api.notes group by tenant_id;
        grant all on api.plain, api.sums to rowhouse_app;";
    let rights = "revoke delete, update on api.logs from rowhouse_app;";
    let api = Api::with(&format!("{ddl}{}{}{rights}", isolated("api.notes"), isolated("api.logs"))).await;
    for (path, allow) in [
        ("/notes", "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("/logs", "OPTIONS, GET, HEAD, POST"),
        // The key is that of its table.
        ("/plain", "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("/sums", "OPTIONS, GET, HEAD"),
    ] {
        assert_eq!(options(&api, path).await.is(200).header("allow"), Some(allow), "{path}");
    }
    assert_eq!(options(&api, "/newsfeed_items").await.is(200).header("allow"), Some("OPTIONS, GET, HEAD"));
}

#[tokio::test]
async fn no_page_may_ask_by_default() {
    let api = Api::library().await;
    let answer = api.server.get("/books", &api.token).header("origin", PAGE).send().await.is(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(!answer.header("vary").unwrap().contains("Origin"));
    let preflight = preflight(&api, "/books", PAGE).await.is(204);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    assert_eq!(preflight.header("access-control-allow-methods"), None);
}

async fn preflight(api: &Api, path: &str, origin: &str) -> Answer {
    api.server
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,prefer,x-other")
        .send()
        .await
}

#[tokio::test]
async fn pages_of_the_configured_origins_may_ask_and_read() {
    let origins = ServerOptions::default().set("cors_origins", format!("https://other.example,{PAGE}"));
    let api = Api::library_with(origins).await;
    // Without a token, and the same whether there is such a relation or not.
    for path in ["/books", "/nothing", "/", "/a/b/c/d"] {
        let answer = preflight(&api, path, PAGE).await.is(204);
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS")
        );
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,prefer,x-other"));
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        assert_eq!(answer.header("vary"), Some("Access-Control-Request-Headers, Origin"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("allow"), None);
        assert!(answer.header("x-request-id").is_some());
    }
    let answer = api.server.get("/books", &api.token).header("origin", PAGE).send().await.is(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Content-Range") && exposed.contains("Location"), "{exposed}");
    assert!(answer.header("vary").unwrap().ends_with(", Origin"));
    // Errors, too, so that the page learns what is wrong.
    let refused = api.server.request(Method::GET, "/books").header("origin", PAGE).send().await;
    assert_eq!(refused.fails(401, "PGRST302").header("access-control-allow-origin"), Some(PAGE));
    for stranger in ["https://evil.example", "https://app.example.evil", "null", "https://APP.example"] {
        assert_eq!(
            preflight(&api, "/books", stranger).await.is(204).header("access-control-allow-origin"),
            None
        );
        let answer = api.server.get("/books", &api.token).header("origin", stranger).send().await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert!(answer.header("vary").unwrap().ends_with(", Origin"));
    }
}

#[tokio::test]
async fn a_star_lets_any_page_ask() {
    let api = Api::library_with(ServerOptions::default().set("cors_origins", "*")).await;
    assert_eq!(
        preflight(&api, "/books", PAGE).await.is(204).header("access-control-allow-origin"),
        Some("*")
    );
    let answer = api.server.get("/books", &api.token).header("origin", PAGE).send().await.is(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(!answer.header("vary").unwrap().contains("Origin"));
    // No browser, no word of it.
    let answer = api.get("/books").await.is(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

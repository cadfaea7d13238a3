//! Paths, methods, headers and bodies that are refused, and how.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Api, isolated};
use crate::support::{DUNDER, Database, ServerOptions};

#[tokio::test]
async fn an_error_has_four_members_and_a_request_id() {
    let api = Api::demo().await;
    let answer = api.get("/item").await.fails(404, "PGRST205");
    let mut members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["code", "details", "hint", "message"]);
    assert_eq!(answer.json()["hint"], "Perhaps you meant the table 'items'");
    assert_eq!(answer.json()["details"], Value::Null);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(answer.header("x-request-id").is_some());
    // Nothing near: no hint, so that nobody can fish for names.
    assert_eq!(api.get("/zzzzzz").await.fails(404, "PGRST205").json()["hint"], Value::Null);
    let request = api.server.get("/item", &api.token).header("accept", "application/problem+json");
    let problem = request.send().await.fails(404, "PGRST205");
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["status"], 404);
}

#[tokio::test]
async fn paths_of_another_depth_are_404() {
    let api = Api::start(Database::demo().await, ServerOptions::default().set("openapi", false)).await;
    api.get("/").await.fails(404, "PGRST126");
    api.get("/items/a/b").await.fails(404, "PGRST125");
    api.get("/rpc/f/x").await.fails(404, "PGRST125");
    api.get("//items").await.fails(404, "PGRST125");
    // Not built yet, and not mistaken for something else.
    api.get("/rpc/f").await.fails(404, "PGRST202");
    api.get("/openapi.json").await.fails(404, "PGRST205");
    // Of another schema: as if it were not there.
    api.get("/schema_history").await.fails(404, "PGRST205");
    api.get("/relation").await.fails(404, "PGRST205");
    api.get("/pg_catalog.pg_class").await.fails(404, "PGRST205");
}

#[tokio::test]
async fn methods_that_a_path_has_not_are_405_with_allow() {
    let api = Api::demo().await;
    for method in [Method::TRACE, Method::from_bytes(b"PURGE").unwrap()] {
        let answer = api.server.request(method.clone(), "/items").token(&api.token).send().await;
        let answer = answer.fails(405, "PGRST117");
        assert_eq!(answer.header("allow"), Some("OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE"), "{method}");
    }
    let answer = api.server.post("/items/1", &api.token, json!({})).send().await.fails(405, "PGRST117");
    assert_eq!(answer.header("allow"), Some("OPTIONS, GET, HEAD, PATCH, PUT, DELETE"));
}

#[tokio::test]
async fn what_cannot_be_produced_or_read_is_406_or_415() {
    let api = Api::demo().await;
    for accept in ["text/html", "image/*", "application/geo+json", "application/vnd.pgrst.plan+json"] {
        let request = api.server.get("/items", &api.token).header("accept", accept);
        request.send().await.fails(406, "PGRST107");
    }
    for (accept, content_type) in [
        ("text/html, */*;q=0.1", "application/json; charset=utf-8"),
        ("application/*", "application/json; charset=utf-8"),
        ("application/vnd.pgrst.array+json", "application/json; charset=utf-8"),
    ] {
        let answer = api.server.get("/items", &api.token).header("accept", accept).send().await.is(200);
        assert_eq!(answer.header("content-type"), Some(content_type));
    }
    for sent in ["text/tab-separated-values", "multipart/form-data", "text/plain", "application/jsonx"] {
        let request = api.server.request(Method::POST, "/items").token(&api.token);
        let builder = request.header("content-type", sent);
        builder.send().await.fails(415, "TEN023");
    }
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_400() {
    let api = Api::demo().await;
    let send = async |body: &'static [u8]| {
        api.server.request(Method::POST, "/items").token(&api.token).body(body).send().await
    };
    for body in [
        "",
        "{",
        "1",
        "\"x\"",
        "null",
        "[1]",
        "[[]]",
        "{\"title\":\"a\"}x",
        "{\"title\":\"a\",\"title\":\"b\"}",
    ] {
        let answer = send(body.as_bytes()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "PGRST102"), "{body}");
    }
    send(b"{\"title\":\"\xff\"}").await.fails(400, "PGRST102");
    send(br#"[{"title":"a"},{"id":null}]"#).await.fails(400, "PGRST102");
    send(br#"{"title":"a\u0000b"}"#).await.fails(400, "22P05");
    send(br#"{"title":["a",{}],"nothing":1}"#).await.fails(400, "PGRST204");
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(400_000), "]".repeat(400_000));
    let request = api.server.request(Method::POST, "/items").token(&api.token).body(deep);
    request.send().await.fails(400, "54001");
    assert_eq!(api.database.count("select count(*) from api.items").await, 15);
}

#[tokio::test]
async fn unknown_preferences_matter_only_when_handling_is_strict() {
    let api = Api::demo().await;
    let lenient = api.get_preferring("/items", "speed=high, handling=lenient").await.is(200);
    assert_eq!(lenient.header("preference-applied"), Some("handling=lenient"));
    let strict = api.get_preferring("/items", "handling=strict, speed=high, colour=red").await;
    assert_eq!(
        strict.fails(400, "PGRST122").json()["details"],
        "Invalid preferences: speed=high, colour=red"
    );
    // Two headers are one list, and the first mention wins.
    let request = api
        .server
        .post("/items", &api.token, json!({"title": "a"}))
        .headers(&[("prefer", b"return=representation"), ("prefer", b"return=minimal, handling=lenient")]);
    let answer = request.send().await.is(201);
    assert_eq!(answer.header("preference-applied"), Some("return=representation, handling=lenient"));
    assert_eq!(answer.rows().len(), 1);
}

#[tokio::test]
async fn preference_applied_lists_what_was_followed_in_one_order() {
    let api = Api::library().await;
    let answer = api
        .post(
            "/books",
            "handling=strict,count=exact,return=minimal,resolution=merge-duplicates",
            json!({"id": 1, "title": "Again"}),
        )
        .await
        .is(200);
    assert_eq!(
        answer.header("preference-applied"),
        Some("resolution=merge-duplicates, return=minimal, count=exact, handling=strict")
    );
    let answer = api.delete("/books/4", "max-affected=3, count=exact, handling=strict").await.is(204);
    assert_eq!(answer.header("preference-applied"), Some("count=exact, handling=strict, max-affected=3"));
    // No preference of a read, and none at all.
    let answer = api.get_preferring("/books", "return=minimal, max-affected=1").await.is(200);
    assert_eq!(answer.header("preference-applied"), None);
}

#[tokio::test]
async fn limits_of_the_configuration_are_told_by_name() {
    let options = ServerOptions::default().set("filters_max", 2).set("url_bytes_max", 256);
    let api = Api::library_with(options.set("body_bytes_max", 100)).await;
    api.get("/books?id=eq.1&id=eq.1").await.is(200);
    let answer = api.get("/books?or=(id.eq.1,id.eq.2)&id=eq.1").await.fails(400, "TEN020");
    assert_eq!(answer.json()["details"], "filters_max is 2");
    api.get(&format!("/books?title=eq.{}", "x".repeat(300))).await.fails(400, "TEN020");
    let long = json!({"id": 9, "title": "x".repeat(100)});
    api.post("/books", "", long).await.fails(413, "TEN021");
}

#[tokio::test]
async fn refusals_of_postgres_have_the_status_of_their_kind() {
    let api = Api::library().await;
    for (body, status, code) in [
        (json!({"id": 1, "title": "x"}), 409, "23505"),
        (json!({"id": 7, "title": "Kindred"}), 409, "23505"),
        (json!({"id": 7, "title": "x", "author_id": 99}), 409, "23503"),
        // A row of another tenant is no row to point at.
        (json!({"id": 7, "title": "x", "author_id": 9}), 409, "23503"),
        (json!({"id": 7, "title": "x", "pages": 0}), 422, "23514"),
        (json!({"id": 7}), 400, "23502"),
        (json!({"id": 7, "title": null}), 400, "23502"),
        (json!({"id": "x", "title": "x"}), 400, "22P02"),
        (json!({"id": 9_999_999_999_i64, "title": "x"}), 400, "22003"),
        (json!({"id": 7, "title": "x", "tenant_id": DUNDER}), 403, "42501"),
    ] {
        let answer = api.post("/books", "", body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}: {answer:?}");
        assert!(!answer.text.contains("Learn"), "{answer:?}");
    }
    api.delete("/authors/1", "").await.fails(409, "23503");
    let moved = api.patch("/books/1", "", json!({"tenant_id": DUNDER})).await.fails(403, "42501");
    assert!(moved.header("www-authenticate").unwrap().contains("insufficient_scope"));
    assert_eq!(api.database.count("select count(*) from api.books").await, 5);
}

#[tokio::test]
async fn a_key_that_its_type_cannot_hold_names_no_row() {
    let ddl = "create table api.days (
        tenant_id uuid not null default tenancy.current_tenant_id(),
        day date not null,
        note text,
        constraint days_pkey primary key (tenant_id, day)
    );";
    let api = Api::with(&format!("{ddl}{}", isolated("api.days"))).await;
    api.post("/days", "", json!({"day": "2026-02-28", "note": "a"})).await.is(201);
    assert_eq!(api.get("/days/2026-02-28").await.is(200).json()["note"], "a");
    for key in ["2026-02-30", "soon", "99999999"] {
        api.get(&format!("/days/{key}")).await.fails(404, "TEN010");
        api.delete(&format!("/days/{key}"), "").await.fails(404, "TEN010");
    }
    // In a filter it is the client's mistake.
    api.get("/days?day=eq.soon").await.fails(400, "22007");
    api.patch("/days/2026-02-28", "", json!({"day": "soon"})).await.fails(400, "22007");
}

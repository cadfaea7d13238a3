//! One object instead of an array, and one row by its key.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{Answer, Request, Token};

const OBJECT: &str = "application/vnd.pgrst.object+json";

async fn object(request: Request) -> Answer {
    request.header("accept", OBJECT).send().await
}

#[tokio::test]
async fn a_singular_object_is_one_row_or_406() {
    let api = Api::library().await;
    let get = |path: &str| object(api.server.get(path, &api.token));
    let answer = get("/books?id=eq.1&select=id").await.is(200);
    assert_eq!(answer.text, r#"{"id":1}"#);
    assert_eq!(answer.header("content-type"), Some("application/vnd.pgrst.object+json; charset=utf-8"));
    let none = get("/books?id=eq.99").await.fails(406, "PGRST116");
    assert_eq!(none.json()["details"], "The result contains 0 rows");
    get("/books").await.fails(406, "PGRST116");
    get("/books?limit=1&select=id&order=id").await.is(200);
}

#[tokio::test]
async fn a_write_whose_answer_is_not_one_object_is_undone() {
    let api = Api::library().await;
    let untouched = "select count(*) from api.books where title <> 'Changed' and id < 50";
    for preference in ["return=representation", "return=minimal", "handling=lenient"] {
        let patch = |path: &str, body| object(api.server.patch(path, &api.token, body).prefer(preference));
        patch("/books?id=in.(1,2)", json!({"pages": 5000})).await.fails(406, "PGRST116");
        let none = patch("/books?id=eq.99", json!({"pages": 5000})).await.fails(406, "PGRST116");
        assert_eq!(none.json()["details"], "The result contains 0 rows");
        let delete = object(api.server.delete("/chapters?id=lt.3", &api.token).prefer(preference));
        delete.await.fails(406, "PGRST116");
        let rows = json!([{"id": 50, "title": "a"}, {"id": 51, "title": "b"}]);
        let post = object(api.server.post("/books", &api.token, rows).prefer(preference));
        post.await.fails(406, "PGRST116");
        let post = object(api.server.post("/books", &api.token, json!([])).prefer(preference));
        post.await.fails(406, "PGRST116");
    }
    assert_eq!(api.database.count(untouched).await, 5);
    assert_eq!(api.database.count("select count(*) from api.books where pages = 5000 or id >= 50").await, 0);
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
}

#[tokio::test]
async fn a_write_of_one_object_is_kept() {
    let api = Api::library().await;
    let request = api.server.post("/books?select=id", &api.token, json!([{"id": 50, "title": "a"}]));
    let answer = object(request.prefer("return=representation")).await.is(201);
    assert_eq!((answer.text.as_str(), answer.header("location")), (r#"{"id":50}"#, Some("/books/50")));
    let request = api.server.patch("/books?id=eq.50&select=pages", &api.token, json!({"pages": 2}));
    let answer = object(request.prefer("return=representation")).await.is(200);
    assert_eq!(answer.text, r#"{"pages":2}"#);
    let answer = object(api.server.delete("/books?id=eq.50", &api.token)).await.is(204);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", None));
    assert_eq!(api.database.count("select count(*) from api.books where id = 50").await, 0);
}

#[tokio::test]
async fn a_row_is_read_changed_and_deleted_by_its_key() {
    let api = Api::library().await;
    assert_eq!(api.get("/books/1?select=title").await.is(200).text, r#"{"title":"The Dispossessed"}"#);
    let answer = api.patch("/books/1?select=id,pages", "return=representation", json!({"pages": 2})).await;
    assert_eq!(answer.is(200).text, r#"{"id":1,"pages":2}"#);
    assert_eq!(api.patch("/books/1", "", json!({"pages": 3})).await.is(204).text, "");
    // Nothing to change is no fault, where there is a row.
    api.patch("/books/1", "", json!({})).await.is(204);
    api.patch("/books/99", "", json!({})).await.fails(404, "TEN010");
    let answer = api.delete("/books/4?select=id", "return=representation").await.is(200);
    assert_eq!(answer.text, r#"{"id":4}"#);
    api.delete("/books/4", "").await.fails(404, "TEN010");
    api.patch("/books/4", "", json!({"pages": 1})).await.fails(404, "TEN010");
    api.get("/books/4").await.fails(404, "TEN010");
    // Further filters narrow.
    api.get("/books/1?pages=eq.77").await.fails(404, "TEN010");
    assert_eq!(api.database.count("select sum(pages) from api.books where id = 1").await, 103);
}

#[tokio::test]
async fn another_tenants_key_and_one_that_cannot_be_are_404() {
    let api = Api::library().await;
    let theirs = Token::michael();
    let [mine] =
        api.server.get("/items?title=eq.toner", &theirs).send().await.column("id").try_into().unwrap();
    let mine = mine.as_str().unwrap().to_owned();
    api.server.get(&format!("/items/{mine}"), &theirs).send().await.is(200);
    for key in [mine.as_str(), "1", "x", "urn:uuid:7a245486-3fc8-47ec-b303-04fefe7a58ff", "%20", "'", "null"]
    {
        let path = format!("/items/{key}");
        api.get(&path).await.fails(404, "TEN010");
        api.patch(&path, "", json!({"title": "stolen"})).await.fails(404, "TEN010");
        api.delete(&path, "").await.fails(404, "TEN010");
    }
    for key in ["x", "1.5", "99999999999", "9"] {
        api.get(&format!("/authors/{key}")).await.fails(404, "TEN010");
    }
    // Another number of values than the key has columns.
    api.get("/books/1,2").await.fails(404, "TEN011");
    assert_eq!(api.database.count("select count(*) from api.items where title = 'toner'").await, 1);
}

#[tokio::test]
async fn a_key_of_several_columns_is_a_list_and_of_any_type() {
    let ddl = "create table api.lines (
            tenant_id uuid not null default tenancy.current_tenant_id(),
            day date, line text, words text,
            primary key (tenant_id, day, line));";
    let api = Api::with(&format!("{ddl}{}", isolated("api.lines"))).await;
    let row = json!({"day": "2026-11-20", "line": "a,b/c", "words": "x"});
    let created = api.post("/lines", "return=headers-only", row).await.is(201);
    assert_eq!(created.header("location"), Some("/lines/2026-11-20,a%2Cb%2Fc"));
    let read = api.get("/lines/2026-11-20,a%2Cb%2Fc?select=words").await.is(200);
    assert_eq!(read.text, r#"{"words":"x"}"#);
    api.get("/lines/2026-11-20,a").await.fails(404, "TEN010");
    api.get("/lines/2026-11-20").await.fails(404, "TEN011");
}

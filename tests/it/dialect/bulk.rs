//! PATCH with an array: each object sets the row whose key it has.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{DUNDER, PAWNEE};

const ALL: &str = "return=representation";

#[tokio::test]
async fn each_object_sets_the_row_of_its_key() {
    let api = Api::library().await;
    let rows = json!([{"id": 1, "pages": 11, "rating": null}, {"id": 3, "pages": 33, "rating": 3}]);
    let answer = api.patch("/books?select=id,pages,rating&order=id", ALL, rows).await.is(200);
    assert_eq!(answer.text, r#"[{"id":1,"pages":11,"rating":null},{"id":3,"pages":33,"rating":3}]"#);
    assert_eq!(answer.header("content-range"), Some("0-1/*"));
    let flat = api.patch("/books?select=pages", ALL, json!([{"id": 1, "pages": 12}])).await.is(200);
    assert_eq!(flat.text, r#"[{"pages":12}]"#);
    let embedded = api.patch("/books?select=pages,chapters(id)", ALL, json!([{"id": 2, "pages": 22}])).await;
    assert_eq!(embedded.is(200).text, r#"[{"pages":22,"chapters":[{"id":3}]}]"#);
    let minimal = api.patch("/books", "count=exact", json!([{"id": 1, "pages": 13}, {"id": 2, "pages": 14}]));
    assert_eq!(minimal.await.is(204).header("content-range"), Some("0-1/2"));
    // The tenant may be named, and filters hold as well.
    let rows =
        json!([{"tenant_id": PAWNEE, "id": 1, "pages": 15}, {"tenant_id": PAWNEE, "id": 2, "pages": 16}]);
    let filtered = api.patch("/books?title=eq.Kindred&select=id", ALL, rows).await.is(200);
    assert_eq!(filtered.text, r#"[{"id":2}]"#);
    assert_eq!(
        api.database.count("select sum(pages) from api.books where id in (1, 2, 3)").await,
        13 + 16 + 33 + 100
    );
}

#[tokio::test]
async fn a_key_of_no_row_is_passed_over_also_where_another_tenant_has_it() {
    let api = Api::library().await;
    api.database
        .sql(&format!("insert into api.books (tenant_id, id, title) values ('{DUNDER}', 50, 'Theirs')"))
        .await;
    for id in [50, 99] {
        let rows = json!([{"id": 1, "pages": 7}, {"id": id, "pages": 7}]);
        let answer = api.patch("/books?select=id", ALL, rows).await.is(200);
        assert_eq!((answer.text.as_str(), answer.header("content-range")), (r#"[{"id":1}]"#, Some("0-0/*")));
        let theirs = json!([{"tenant_id": DUNDER, "id": id, "pages": 7}]);
        assert_eq!(api.patch("/books", ALL, theirs).await.is(200).text, "[]");
    }
    assert_eq!(api.database.count("select count(*) from api.books where pages = 7").await, 1);
}

#[tokio::test]
async fn two_objects_for_one_row_are_400() {
    let api = Api::library().await;
    for twice in [
        json!([{"id": 1, "pages": 7}, {"id": 1, "pages": 8}]),
        json!([{"id": 1, "pages": 7}, {"id": "1", "pages": 7}]),
        json!([{"id": 99, "pages": 7}, {"id": 99, "pages": 7}]),
    ] {
        for preference in [ALL, "", "handling=strict, max-affected=9"] {
            api.patch("/books", preference, twice.clone()).await.fails(400, "21000");
        }
    }
    assert_eq!(api.database.count("select count(*) from api.books where pages in (7, 8)").await, 0);
}

#[tokio::test]
async fn objects_must_have_the_key_and_be_alike() {
    let api = Api::library().await;
    let lacking = api.patch("/books", "", json!([{"pages": 7}])).await.fails(400, "PGRST102");
    assert_eq!(lacking.json()["details"], "the key is id");
    let differing = json!([{"id": 1, "pages": 7}, {"id": 2, "title": "x"}]);
    api.patch("/books", "", differing.clone()).await.fails(400, "PGRST102");
    api.patch("/books?columns=id,pages,title", "missing=default", differing).await.fails(400, "PGRST102");
    api.patch("/books/1", "", json!([{"id": 1, "pages": 7}])).await.fails(400, "PGRST102");
    api.patch("/books?limit=1", "", json!([{"id": 1, "pages": 7}])).await.fails(400, "PGRST127");
    api.patch("/books", "", json!([{"id": 1, "nothing": 7}])).await.fails(400, "PGRST204");
    api.patch("/books", "", json!([{"id": "x", "pages": 7}])).await.fails(400, "22P02");
    // Nothing to do.
    assert_eq!(api.patch("/books", ALL, json!([])).await.is(200).text, "[]");
    assert_eq!(api.patch("/books", ALL, json!([{"id": 1}])).await.is(200).text, "[]");
    api.patch("/books", "", json!([{"id": null, "pages": 7}])).await.is(204);
    assert_eq!(api.database.count("select count(*) from api.books where pages = 7").await, 0);
}

#[tokio::test]
async fn max_affected_bounds_it_and_columns_chooses() {
    let api = Api::library().await;
    let rows = json!([{"id": 1, "pages": 7, "title": "x"}, {"id": 2, "pages": 7, "title": "y"}]);
    let strict = "handling=strict, max-affected=1";
    api.patch("/books?columns=id,pages", strict, rows.clone()).await.fails(400, "PGRST124");
    assert_eq!(api.database.count("select count(*) from api.books where pages = 7").await, 0);
    for columns in ["id,pages", "pages"] {
        api.patch(&format!("/books?columns={columns}"), "", rows.clone()).await.is(204);
    }
    assert_eq!(api.ids("pages=eq.7&title=not.in.(x,y)&order=id").await, [1, 2]);
    // What none of them has gets its default, or null.
    let lacking = json!([{"id": 1, "rating": 1}, {"id": 2, "rating": 2}]);
    let path = "/books?columns=id,rating,pages&select=id,rating,pages&order=id";
    let answer = api.patch(path, "return=representation, missing=default", lacking.clone()).await.is(200);
    assert_eq!(answer.text, r#"[{"id":1,"rating":1,"pages":1},{"id":2,"rating":2,"pages":1}]"#);
    api.patch(path, "", lacking).await.fails(400, "23502");
}

#[tokio::test]
async fn a_key_of_several_columns_is_matched_whole() {
    let ddl = "create table api.parts (
        tenant_id uuid not null default tenancy.current_tenant_id(),
        place text, \"line no\" int, n int,
        constraint parts_pkey primary key (tenant_id, place, \"line no\"));";
    let api = Api::with(&format!("{ddl}{}", isolated("api.parts"))).await;
    let rows =
        json!([{"place": "a", "line no": 1}, {"place": "a", "line no": 2}, {"place": "b", "line no": 1}]);
    api.post("/parts", "", rows).await.is(201);
    let set = json!([{"place": "a", "line no": 2, "n": 5}, {"place": "b", "line no": 1, "n": 6}]);
    let answer = api.patch("/parts?select=n&order=n", ALL, set).await.is(200);
    assert_eq!(answer.text, r#"[{"n":5},{"n":6}]"#);
    api.patch("/parts", "", json!([{"place": "a", "n": 1}])).await.fails(400, "PGRST102");
}

#[tokio::test]
async fn only_columns_that_may_be_updated_are_set() {
    let api = Api::demo().await;
    let id = api.get("/items?limit=1&select=id").await.rows()[0]["id"].clone();
    api.patch("/items", "", json!([{"id": id, "title": "renamed"}])).await.is(204);
    assert_eq!(api.get("/items?title=eq.renamed&select=id").await.column("id"), [id]);
}

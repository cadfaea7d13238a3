//! POST, PATCH and DELETE with JSON bodies.

use serde_json::json;

use super::Api;
use crate::support::{PAWNEE, ServerOptions};

#[tokio::test]
async fn post_answers_as_much_as_is_preferred() {
    let api = Api::library().await;
    let minimal = api.post("/books", "", json!({"id": 10, "title": "a"})).await.is(201);
    assert_eq!((minimal.text.as_str(), minimal.header("content-range")), ("", Some("*/*")));
    assert_eq!((minimal.header("content-type"), minimal.header("location")), (None, None));
    let headers = api.post("/books", "return=headers-only", json!({"id": 11, "title": "b"})).await.is(201);
    assert_eq!((headers.text.as_str(), headers.header("location")), ("", Some("/books/11")));
    let full = api
        .post(
            "/books?select=id,title,pages",
            "return=representation,count=exact",
            json!({"id": 12, "title": "c"}),
        )
        .await
        .is(201);
    assert_eq!(full.text, r#"[{"id":12,"title":"c","pages":1}]"#);
    assert_eq!((full.header("location"), full.header("content-range")), (Some("/books/12"), Some("*/1")));
    // Of several rows none is the one that was created.
    let several = json!([{"id": 13, "title": "d"}, {"id": 14, "title": "e"}]);
    let several = api.post("/books", "return=headers-only, count=exact", several).await.is(201);
    assert_eq!((several.header("location"), several.header("content-range")), (None, Some("*/2")));
    // Below the tenant that the path named.
    let path = format!("/{PAWNEE}/books");
    let below = api.post(&path, "return=headers-only", json!({"id": 15, "title": "f"})).await.is(201);
    assert_eq!(below.header("location"), Some(format!("/{PAWNEE}/books/15").as_str()));
    assert_eq!(api.database.count("select count(*) from api.books where id between 10 and 15").await, 6);
}

#[tokio::test]
async fn a_write_answers_with_what_its_rows_embed_and_in_the_order_that_is_asked() {
    let api = Api::library().await;
    let all = "return=representation";
    let path = "/books?select=id,authors!author_id(name),chapters(id)";
    let one = api.post(path, all, json!({"id": 16, "title": "g", "author_id": 2})).await.is(201);
    assert_eq!(one.text, r#"[{"id":16,"authors":{"name":"Octavia"},"chapters":[]}]"#);
    assert_eq!(one.header("location"), Some("/books/16"));
    let path = "/books?id=lt.4&select=id,chapters(title)&chapters.title=like.U*&order=id.desc";
    let some = api.patch(path, all, json!({"pages": 7})).await.is(200);
    assert_eq!(
        some.text,
        r#"[{"id":3,"chapters":[]},{"id":2,"chapters":[]},{"id":1,"chapters":[{"title":"Urras"}]}]"#
    );
    // Rows without an embedded row are written and not shown.
    let path = "/books?id=lt.4&select=id,chapters!inner(id)&chapters.id=eq.3";
    let shown = api.patch(path, all, json!({"pages": 8})).await.is(200);
    assert_eq!(shown.text, r#"[{"id":2,"chapters":[{"id":3}]}]"#);
    assert_eq!(api.database.count("select count(*) from api.books where pages = 8").await, 3);
    api.patch(path, "return=representation, handling=strict, max-affected=5", json!({"pages": 9}))
        .await
        .fails(400, "PGRST127");
    let merged = api
        .post(
            "/books?select=id,authors!author_id(name)",
            "return=representation, resolution=merge-duplicates",
            json!([{"tenant_id": PAWNEE, "id": 16, "title": "h"}]),
        )
        .await
        .is(200);
    assert_eq!(merged.text, r#"[{"id":16,"authors":{"name":"Octavia"}}]"#);
    let gone = api.delete("/books?id=eq.16&select=authors!author_id(name)", all).await.is(200);
    assert_eq!(gone.text, r#"[{"authors":{"name":"Octavia"}}]"#);
    // Nothing is read, so nothing can be said of what would be embedded.
    api.patch("/books?id=eq.1&chapters.id=eq.1", "", json!({"pages": 9})).await.fails(400, "PGRST108");
}

#[tokio::test]
async fn post_takes_arrays_and_empty_bodies() {
    let api = Api::library().await;
    let none = api.post("/books", "return=representation", json!([])).await.is(201);
    assert_eq!((none.text.as_str(), none.header("content-range")), ("[]", Some("*/*")));
    api.post("/books", "", json!({})).await.fails(400, "23502");
    let rows = json!([{"id": 10, "title": "a", "pages": 3}, {"pages": 4, "title": "b", "id": 11}]);
    let two = api.post("/books?select=id,pages", "return=representation", rows).await.is(201);
    assert_eq!(two.text, r#"[{"id":10,"pages":3},{"id":11,"pages":4}]"#);
    // All or none.
    let rows = json!([{"id": 12, "title": "c"}, {"id": 12, "title": "d"}]);
    api.post("/books", "", rows).await.fails(409, "23505");
    api.post("/books", "", json!([{"id": 13, "title": "e"}, {"id": 14}])).await.fails(400, "PGRST102");
    assert_eq!(api.database.count("select count(*) from api.books").await, 7);
}

#[tokio::test]
async fn an_empty_object_makes_a_row_of_defaults() {
    let ddl = "create table api.visits (
            tenant_id uuid not null default tenancy.current_tenant_id(),
            id uuid not null default pg_catalog.gen_random_uuid(),
            at timestamptz not null default pg_catalog.now(),
            primary key (tenant_id, id));";
    let api = Api::with(&format!("{ddl}{}", super::isolated("api.visits"))).await;
    for (body, rows) in [(json!({}), 1), (json!([{}]), 1), (json!([]), 0)] {
        let answer = api.post("/visits", "return=representation, count=exact", body.clone()).await.is(201);
        assert_eq!(answer.rows().len(), rows, "{body}");
    }
    let several = api.post("/visits", "return=representation", json!([{}, {}, {}])).await.is(201);
    assert_eq!(several.rows().len(), 3);
    assert_eq!(api.database.count("select count(distinct id) from api.visits").await, 5);
}

#[tokio::test]
async fn columns_chooses_the_keys_that_are_written() {
    let api = Api::library().await;
    let body = json!({"id": 10, "title": "a", "pages": 99, "nothing": 1});
    let answer = api.post("/books?columns=id,title&select=pages", "return=representation", body).await;
    assert_eq!(answer.is(201).text, r#"[{"pages":1}]"#);
    // Objects may then have different keys: what one lacks is null.
    let rows = json!([{"id": 11, "title": "b"}, {"id": 12, "title": "c", "rating": 2}]);
    let answer =
        api.post("/books?columns=id,title,rating&select=rating", "return=representation", rows).await;
    assert_eq!(answer.is(201).text, r#"[{"rating":null},{"rating":2}]"#);
    api.patch("/books/10?columns=pages", "", json!({"pages": 5, "title": "z"})).await.is(204);
    assert_eq!(api.ids("title=eq.a&pages=eq.5").await, [10]);
    api.post("/books?columns=id,nothing", "", json!({"id": 1})).await.fails(400, "PGRST204");
    api.post("/books?columns=", "", json!({"id": 1})).await.fails(400, "PGRST100");
    let unknown = api.post("/books", "", json!({"id": 1, "nothing": 1})).await.fails(400, "PGRST204");
    assert_eq!(
        unknown.json()["message"],
        "Could not find the 'nothing' column of 'books' in the schema cache"
    );
    api.patch("/books/1", "", json!({"nothing": 1})).await.fails(400, "PGRST204");
}

#[tokio::test]
async fn patch_changes_what_its_filters_find() {
    let api = Api::library().await;
    let none = api.patch("/books?id=eq.99", "", json!({"pages": 5})).await.is(204);
    assert_eq!((none.text.as_str(), none.header("content-range")), ("", Some("*/*")));
    let two = api
        .patch(
            "/books?or=(id.eq.1,id.eq.2)&select=id,pages",
            "return=representation,count=exact",
            json!({"pages": 5}),
        )
        .await
        .is(200);
    assert_eq!(two.rows().len(), 2);
    assert_eq!(two.header("content-range"), Some("0-1/2"));
    let minimal = api.patch("/books?id=lt.3", "count=exact", json!({"pages": 6})).await.is(204);
    assert_eq!(minimal.header("content-range"), Some("0-1/2"));
    let nothing = api.patch("/books?id=lt.3", "return=representation", json!({})).await.is(200);
    assert_eq!((nothing.text.as_str(), nothing.header("content-range")), ("[]", Some("*/*")));
    api.patch("/books?data->>lang=eq.fr", "", json!({"data": {"lang": "de"}})).await.is(204);
    assert_eq!(api.get("/books/3?select=data->>lang").await.text, r#"{"lang":"de"}"#);
    api.patch("/books?id=eq.1", "", json!([{"pages": 5}])).await.fails(400, "PGRST102");
    api.patch("/books?chapters.id=eq.1&id=eq.1", "", json!({"pages": 5})).await.fails(400, "PGRST108");
    assert_eq!(api.database.count("select count(*) from api.books where pages = 6").await, 2);
}

#[tokio::test]
async fn delete_removes_what_its_filters_find() {
    let api = Api::library().await;
    let answer = api.delete("/chapters?id=lt.3&select=title", "return=representation,count=exact").await;
    let answer = answer.is(200);
    assert_eq!(answer.rows().len(), 2);
    assert_eq!(answer.header("content-range"), Some("*/2"));
    let none = api.delete("/chapters?id=lt.3", "").await.is(204);
    assert_eq!((none.text.as_str(), none.header("content-range")), ("", Some("*/*")));
    api.delete("/chapters?id=lt.3", "return=representation").await.is(200);
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 2);
}

#[tokio::test]
async fn a_whole_table_is_neither_changed_nor_deleted_by_accident() {
    let api = Api::library().await;
    for path in ["/chapters", "/chapters?select=id", "/chapters?order=id"] {
        let deleted = api.delete(path, "").await.fails(400, "21000");
        assert_eq!(deleted.json()["message"], "DELETE requires a WHERE clause");
        api.patch(path, "", json!({"title": "x"})).await.fails(400, "21000");
    }
    api.delete("/chapters", "max-affected=10").await.fails(400, "21000");
    // Which rows a limit would leave out, nobody said.
    api.delete("/chapters?limit=1", "").await.fails(400, "PGRST127");
    api.patch("/chapters?id=gt.0&offset=1", "", json!({"title": "x"})).await.fails(400, "PGRST127");
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
    api.delete("/chapters", "handling=strict, max-affected=3").await.is(204);
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 1);
    let open = Api::library_with(ServerOptions::default().set("unfiltered_writes", true)).await;
    open.delete("/chapters", "").await.is(204);
    assert_eq!(open.database.count("select count(*) from api.chapters").await, 1);
}

#[tokio::test]
async fn more_rows_than_max_affected_undo_the_write() {
    let api = Api::library().await;
    for returned in ["minimal", "representation"] {
        let strict = format!("handling=strict, max-affected=1, return={returned}");
        api.patch("/books?id=in.(1,2)", &strict, json!({"pages": 5})).await.fails(400, "PGRST124");
        api.delete("/chapters?id=in.(1,2)", &strict).await.fails(400, "PGRST124");
    }
    assert_eq!(api.database.count("select count(*) from api.books where pages = 5").await, 0);
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
    api.patch("/books?id=in.(1,2)", "handling=strict, max-affected=2", json!({"pages": 5})).await.is(204);
    // Without strict handling it is no bound.
    api.patch("/books?id=in.(1,2)", "max-affected=1", json!({"pages": 6})).await.is(204);
    assert_eq!(api.database.count("select count(*) from api.books where pages = 6").await, 2);
}

#[tokio::test]
async fn a_constraint_that_fails_at_the_commit_is_an_answer_of_its_own() {
    let api = Api::library().await;
    api.database
        .as_owner(
            "alter table api.chapters alter constraint chapters_book_fkey deferrable initially deferred",
        )
        .await;
    for preference in ["return=minimal", "return=representation", "return=representation, count=exact"] {
        let row = json!({"id": 50, "book_id": 99, "title": "Lost"});
        api.post("/chapters", preference, row).await.fails(409, "23503");
    }
    assert_eq!(api.database.count("select count(*) from api.chapters where id = 50").await, 0);
}

#[tokio::test]
async fn an_insert_is_not_refused_for_the_size_of_its_answer() {
    let options = ServerOptions::default().set("stream_bytes_min", 1024).set("held_bytes_max", 1024);
    let api = Api::library_with(options).await;
    let rows: Vec<_> = (100..200).map(|id| json!({"id": id, "title": format!("book {id}")})).collect();
    let answer = api.post("/books", "return=representation", rows.clone().into()).await.is(201);
    assert_eq!((answer.rows().len(), answer.header("location")), (100, None));
    let merge = "return=representation, resolution=merge-duplicates";
    assert_eq!(api.post("/books", merge, rows.into()).await.is(200).rows().len(), 100);
    // What may still be undone is held back, and refused when that is too much.
    let strict = "return=representation, handling=strict, max-affected=500";
    api.patch("/books?id=gte.100", strict, json!({"pages": 5})).await.fails(400, "TEN020");
    assert_eq!(api.database.count("select count(*) from api.books where pages = 5").await, 0);
}

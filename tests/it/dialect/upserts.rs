//! Inserts that meet a row: merges, ignored duplicates, PUT.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{DUNDER, PAWNEE, Token};

#[tokio::test]
async fn a_merge_inserts_or_updates_and_says_which() {
    let api = Api::library().await;
    let merge = "resolution=merge-duplicates, return=representation";
    let path = "/books?select=id,title,pages";
    let made = api.post(path, merge, json!({"id": 10, "title": "a"})).await.is(201);
    assert_eq!(made.text, r#"[{"id":10,"title":"a","pages":1}]"#);
    let merged = api.post(path, merge, json!({"id": 10, "pages": 7, "title": "b"})).await.is(200);
    assert_eq!(merged.text, r#"[{"id":10,"title":"b","pages":7}]"#);
    // One of two is new.
    let both = json!([{"id": 10, "title": "b"}, {"id": 11, "title": "c"}]);
    api.post(path, "resolution=merge-duplicates", both.clone()).await.is(201);
    api.post(path, "resolution=merge-duplicates", both).await.is(200);
    api.post(path, "resolution=merge-duplicates", json!([])).await.is(200);
    // By another unique key.
    let by_title = "/books?on_conflict=tenant_id,title&select=id,pages";
    let row = json!({"id": 99, "tenant_id": PAWNEE, "title": "b", "pages": 8});
    let columns = format!("{by_title}&columns=tenant_id,title,pages");
    api.post(&columns, merge, row).await.fails(400, "23502");
    api.post("/books?on_conflict=pages", merge, json!({"id": 1, "title": "x"})).await.fails(400, "42P10");
    api.post("/books?on_conflict=nothing", merge, json!({"id": 1, "title": "x"}))
        .await
        .fails(400, "PGRST204");
    // Without a preference a row that is there is a conflict.
    api.post("/books?on_conflict=tenant_id,id", "", json!({"id": 10, "title": "b"}))
        .await
        .fails(409, "23505");
    assert_eq!(api.database.count("select count(*) from api.books where id in (10, 11)").await, 2);
}

#[tokio::test]
async fn a_merge_of_the_key_alone_changes_nothing_and_is_200() {
    let api = Api::library().await;
    let merge = "resolution=merge-duplicates";
    api.post("/covers", merge, json!({"book_id": 1})).await.is(200);
    api.post("/covers", merge, json!({"book_id": 2})).await.is(201);
    assert_eq!(api.database.count("select count(*) from api.covers where colour = 'red'").await, 1);
}

#[tokio::test]
async fn ignored_duplicates_stay_as_they_are() {
    let api = Api::library().await;
    let ignore = "resolution=ignore-duplicates, return=representation";
    let rows = json!([{"id": 1, "title": "Changed"}, {"id": 10, "title": "a"}]);
    let answer = api.post("/books?select=id", ignore, rows).await.is(201);
    assert_eq!(answer.text, r#"[{"id":10}]"#);
    assert_eq!(
        answer.header("preference-applied"),
        Some("resolution=ignore-duplicates, return=representation")
    );
    assert_eq!(api.ids("title=eq.Changed").await, [0_i64; 0]);
}

#[tokio::test]
async fn no_upsert_reaches_another_tenants_row() {
    let api = Api::library().await;
    for resolution in ["merge-duplicates", "ignore-duplicates"] {
        let row = json!({"tenant_id": DUNDER, "id": 1, "title": "Taken"});
        let answer = api.post("/books", &format!("resolution={resolution}"), row).await;
        answer.fails(403, "42501");
    }
    assert_eq!(api.database.count("select count(*) from api.books where title = 'Taken'").await, 0);
}

#[tokio::test]
async fn a_merge_into_a_partitioned_table_or_a_view_needs_no_system_column() {
    let ddl = "create table api.visits (
        tenant_id uuid not null default tenancy.current_tenant_id(),
        id int not null,
        page text,
        constraint visits_pkey primary key (tenant_id, id)
    ) partition by hash (tenant_id);
    create table api.visits_0 partition of api.visits for values with (modulus 1, remainder 0);
    create view api.visits_view with (security_invoker) as select id, page, tenant_id from api.visits;
    grant select, insert, update on api.visits_view to rowhouse_app;";
    let api = Api::with(&format!("{ddl}{}", isolated("api.visits"))).await;
    let merge = "resolution=merge-duplicates, return=representation";
    for (path, page) in [
        ("/visits?select=id,page", "a"),
        ("/visits?select=id,page", "b"),
        ("/visits_view?on_conflict=tenant_id,id&select=id,page", "c"),
    ] {
        let body = json!({"id": 1, "page": page, "tenant_id": PAWNEE.to_string()});
        let path = path.replace("/visits?", "/visits?on_conflict=tenant_id,id&");
        let merged = api.post(&path, merge, body).await.is(201);
        assert_eq!(merged.json(), json!([{"id": 1, "page": page}]));
    }
    assert_eq!(api.database.count("select count(*) from api.visits").await, 1);
}

#[tokio::test]
async fn a_merge_of_the_key_alone_returns_the_row_that_is_there() {
    let api = Api::library().await;
    let merge = "resolution=merge-duplicates, return=representation";
    let merged = api.post("/covers?select=book_id,colour", merge, json!({"book_id": 1})).await.is(200);
    assert_eq!(merged.text, r#"[{"book_id":1,"colour":"red"}]"#);
    let both = json!([{"book_id": 1}, {"book_id": 2}]);
    let both = api.post("/covers?select=book_id,colour&order=book_id", merge, both).await.is(201);
    assert_eq!(both.text, r#"[{"book_id":1,"colour":"red"},{"book_id":2,"colour":null}]"#);
}

#[tokio::test]
async fn a_body_that_names_a_row_twice_is_not_merged() {
    let api = Api::library().await;
    let twice = json!([{"id": 10, "title": "a"}, {"id": 10, "title": "b"}]);
    api.post("/books", "resolution=merge-duplicates", twice.clone()).await.fails(400, "21000");
    api.post("/books", "resolution=ignore-duplicates", twice).await.is(201);
    assert_eq!(api.database.count("select count(*) from api.books where title = 'a'").await, 1);
}

#[tokio::test]
async fn put_inserts_or_updates_the_row_of_its_key() {
    let api = Api::library().await;
    let full = "return=representation";
    let path = "/books/10?select=id,title,pages";
    // The key need not stand in the body, if it stands in the path.
    let made = api.put(path, full, json!({"title": "a", "pages": 3})).await.is(201);
    assert_eq!(made.text, r#"{"id":10,"title":"a","pages":3}"#);
    let updated = api.put(path, full, json!({"id": 10, "title": "b"})).await.is(200);
    assert_eq!(updated.text, r#"{"id":10,"title":"b","pages":3}"#);
    assert_eq!(updated.header("content-range"), Some("*/*"));
    assert_eq!(api.put("/books/10", "", json!({"title": "c"})).await.is(204).text, "");
    assert_eq!(api.put("/books/11", "return=minimal", json!({"title": "d"})).await.is(201).text, "");
    assert_eq!(api.put("/covers/10", full, json!({})).await.is(201).json()["book_id"], 10);
    assert_eq!(api.put("/covers/10", full, json!({})).await.is(200).json()["colour"], json!(null));
    // By filters, with or without the tenant.
    let filters = "/books?id=eq.12&select=id,title";
    let made = api.put(filters, full, json!({"id": 12, "title": "e"})).await.is(201);
    assert_eq!(made.text, r#"[{"id":12,"title":"e"}]"#);
    let path = format!("/books?tenant_id=eq.{PAWNEE}&id=eq.12&select=title");
    let row = json!([{"tenant_id": PAWNEE, "id": 12, "title": "f"}]);
    assert_eq!(api.put(&path, full, row).await.is(200).text, r#"[{"title":"f"}]"#);
    let object = api.server.put("/books?id=eq.12&select=title", &api.token, json!({"id": 12, "title": "g"}));
    let object = object.prefer(full).header("accept", "application/vnd.pgrst.object+json").send().await;
    assert_eq!(object.is(200).text, r#"{"title":"g"}"#);
    assert_eq!(api.ids("id=gt.9&order=id").await, [10, 11, 12]);
}

#[tokio::test]
async fn put_without_the_whole_key_is_405() {
    let api = Api::library().await;
    let row = json!({"id": 1, "title": "x"});
    for query in [
        "",
        "?title=eq.x",
        "?id=eq.1&title=eq.x",
        "?id=gt.0",
        "?id=not.eq.1",
        "?id=eq.1&id=eq.1",
        "?or=(id.eq.1,id.eq.1)",
        "?id=in.(1)",
        "?id=eq(any).{1}",
        "/1?title=eq.x",
        "/1?id=eq.1",
        "?tenant_id=eq.7a245486-3fc8-47ec-b303-04fefe7a58ff",
    ] {
        let refused = api.put(&format!("/books{query}"), "", row.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (405, "PGRST105"), "{query}: {refused:?}");
    }
    api.put("/books?id=eq.1&limit=1", "", row.clone()).await.fails(400, "PGRST114");
    api.put("/books/1?offset=1", "", row.clone()).await.fails(400, "PGRST114");
    api.put("/books/1,2", "", row.clone()).await.fails(404, "TEN011");
    api.put("/books/x", "", row).await.fails(404, "TEN010");
    assert_eq!(api.database.count("select count(*) from api.books where title = 'x'").await, 0);
}

#[tokio::test]
async fn put_with_another_key_in_its_body_is_400_and_writes_nothing() {
    let api = Api::library().await;
    for (path, body) in [
        ("/books/1", json!({"id": 2, "title": "x"})),
        ("/books?id=eq.1", json!({"id": 2, "title": "x"})),
        ("/books?id=eq.1", json!({"id": null, "title": "x"})),
        ("/books?id=eq.1", json!({"title": "x"})),
        ("/books/1", json!([])),
        ("/books/1", json!([{"id": 1, "title": "x"}, {"id": 1, "title": "y"}])),
    ] {
        for preference in ["", "return=representation", "return=headers-only"] {
            let refused = api.put(path, preference, body.clone()).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "PGRST115"), "{path} {body}");
        }
    }
    assert_eq!(api.database.count("select count(*) from api.books where title in ('x', 'y')").await, 0);
}

#[tokio::test]
async fn put_of_a_key_that_another_tenant_has_makes_a_row_of_ones_own() {
    let api = Api::library().await;
    api.database.sql(&format!("insert into api.authors values ('{DUNDER}', 50, 'Angela')")).await;
    api.put("/authors/50", "", json!({"name": "April"})).await.is(201);
    let theirs = json!({"tenant_id": DUNDER, "id": 51, "name": "Ron"});
    api.put("/authors/51", "", theirs).await.fails(403, "42501");
    let path = format!("/authors?id=eq.50&tenant_id=eq.{DUNDER}");
    api.put(&path, "", json!({"tenant_id": DUNDER, "id": 50, "name": "x"})).await.fails(403, "42501");
    let names = "select count(*) from api.authors where id = 50 and name in ('Angela', 'April')";
    assert_eq!(api.database.count(names).await, 2);
    let mine = api.server.get("/authors/50?select=name", &Token::michael()).send().await;
    assert_eq!(mine.is(200).text, r#"{"name":"Angela"}"#);
}

#[tokio::test]
async fn put_needs_the_rights_of_insert_and_update() {
    let api = Api::library().await;
    api.database.as_owner("revoke update on api.authors from rowhouse_app").await;
    api.server.signal("USR1");
    crate::support::eventually("the catalog is read again", || async {
        api.put("/authors/1", "", json!({"name": "x"})).await.status == 403
    })
    .await;
    api.put("/authors/99", "", json!({"name": "x"})).await.fails(403, "42501");
    assert_eq!(api.database.count("select count(*) from api.authors where name = 'x'").await, 0);
}

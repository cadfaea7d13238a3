//! Views: foreign keys and keys of the tables behind them.

use serde_json::json;

use super::{Api, isolated};
use crate::support::ServerOptions;

const DDL: &str = "
create view api.titles with (security_invoker) as select b.title as name, b.id as book, b.tenant_id as tenant_id, b.author_id from api.books as b;
create view api.short_titles with (security_invoker) as select upper(name) as loud, book as nr, tenant_id as whose, author_id from api.titles where length(name) < 17;
create view api.writers with (security_invoker) as select a.id as writer, a.tenant_id as tenant_id, a.name from api.authors as a;
create view api.joined with (security_invoker) as
    select b.id, b.tenant_id, c.title as chapter, c.id as chapter_id, b.author_id, c.book_id, c.tenant_id as chapter_tenant
    from api.books as b join api.chapters as c on c.tenant_id = b.tenant_id and c.book_id = b.id;
create view api.both_ends with (security_invoker) as
    select a.id, a.tenant_id from api.books as a union all select b.id, b.tenant_id from api.books as b;
create view api.computed with (security_invoker) as
    select id + 0 as id, tenant_id, author_id + 0 as author_id from api.books;
create view api.twice with (security_invoker) as select id, tenant_id, generate_series(1, 2) as n, author_id from api.books;
create table api.genres (tenant_id uuid not null default tenancy.current_tenant_id(), id int not null, name text,
    constraint genres_pkey primary key (tenant_id, id));
reset role;
create schema inner_part authorization rowhouse_owner;
set role rowhouse_owner;
grant usage on schema inner_part to rowhouse_app;
create table inner_part.book_genres (tenant_id uuid not null default tenancy.current_tenant_id(), book_id int, genre_id int,
    constraint book_genres_pkey primary key (tenant_id, book_id, genre_id),
    constraint book_genres_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id),
    constraint book_genres_genre_fkey foreign key (tenant_id, genre_id) references api.genres (tenant_id, id));
create view api.kinds with (security_invoker) as select tenant_id, book_id as b, genre_id as g from inner_part.book_genres;
";

const ROWS: &str = "
insert into api.genres values ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'utopia'), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'leak');
insert into inner_part.book_genres values ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 1), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 1);
";

async fn api() -> Api {
    let views = ["titles", "short_titles", "writers", "joined", "both_ends", "computed", "twice", "kinds"];
    let grants: String = views
        .map(|view| format!("grant select, insert, update, delete on api.{view} to rowhouse_app;"))
        .concat();
    let ddl = format!("{DDL}{grants}{}{}", isolated("api.genres"), isolated("inner_part.book_genres"));
    Api::library_and(&ddl, ROWS, ServerOptions::default()).await
}

#[tokio::test]
async fn a_view_has_the_foreign_keys_of_the_columns_that_it_passes_on() {
    let api = api().await;
    for (path, expected) in [
        (
            "/titles?select=name,authors(name)&book=eq.2",
            json!([{"name": "Kindred", "authors": {"name": "Octavia"}}]),
        ),
        ("/titles?select=name,chapters(id)&book=eq.2", json!([{"name": "Kindred", "chapters": [{"id": 3}]}])),
        ("/chapters?select=titles(name)&id=eq.3", json!([{"titles": {"name": "Kindred"}}])),
        ("/authors?select=titles(book)&id=eq.2", json!([{"titles": [{"book": 2}]}])),
        // View to view, and a view over a view.
        ("/titles?select=writers(name)&book=eq.2", json!([{"writers": {"name": "Octavia"}}])),
        (
            "/short_titles?select=loud,writers(name),covers(colour)&nr=eq.1",
            json!([{"loud": "THE DISPOSSESSED", "writers": {"name": "Ursula"}, "covers": {"colour": "red"}}]),
        ),
        (
            "/writers?select=name,short_titles!inner(nr)&short_titles.nr=eq.2",
            json!([{"name": "Octavia", "short_titles": [{"nr": 2}]}]),
        ),
        (
            "/joined?select=chapter,authors(name)&chapter_id=eq.3",
            json!([{"chapter": "The River", "authors": {"name": "Octavia"}}]),
        ),
        // A view that repeats a row of its table: of the several, one.
        ("/covers?select=joined(id)", json!([{"joined": {"id": 1}}])),
    ] {
        assert_eq!(api.get(path).await.is(200).json(), expected, "{path}");
    }
    for path in
        ["/both_ends?select=chapters(id)", "/computed?select=authors(id)", "/computed?select=chapters(id)"]
    {
        api.get(path).await.fails(400, "PGRST200");
    }
}

#[tokio::test]
async fn a_view_may_be_the_junction() {
    let api = api().await;
    for (path, expected) in [
        ("/books?select=genres(name)&id=eq.1", json!([{"genres": [{"name": "utopia"}]}])),
        ("/genres?select=books!kinds(id)", json!([{"books": [{"id": 1}]}])),
        ("/genres?select=titles(name)", json!([{"titles": [{"name": "The Dispossessed"}]}])),
    ] {
        assert_eq!(api.get(path).await.is(200).json(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_view_of_one_relation_has_its_key() {
    let api = api().await;
    assert_eq!(api.get("/titles/2?select=name").await.is(200).json(), json!({"name": "Kindred"}));
    assert_eq!(api.get("/writers/1").await.is(200).json()["name"], "Ursula");
    // Its tenant column has another name, so it is part of the key, which has the order of the table's.
    let by_key = api.get("/short_titles/7a245486-3fc8-47ec-b303-04fefe7a58ff,2?select=loud").await;
    let expected = api.get("/short_titles?nr=eq.2&select=loud").await.is(200).rows()[0].clone();
    assert_eq!(by_key.is(200).json(), expected);
    for path in ["/joined/1", "/both_ends/1", "/computed/1", "/twice/1"] {
        api.get(path).await.fails(404, "TEN011");
    }
    // What Postgres cannot hand on is refused for everybody.
    for path in ["/joined?id=eq.1", "/both_ends?id=eq.1", "/twice?id=eq.1"] {
        for refused in [
            api.post(path, "", json!({"id": 1})).await,
            api.patch(path, "", json!({"id": 1})).await,
            api.delete(path, "").await,
        ] {
            assert_eq!(refused.fails(405, "PGRST117").header("allow"), Some("OPTIONS, GET, HEAD"), "{path}");
        }
    }
    let made = api
        .post("/titles?select=name", "return=representation", json!({"book": 7, "name": "New"}))
        .await
        .is(201);
    assert_eq!(made.header("location"), Some("/titles/7"));
    let merge = "resolution=merge-duplicates,return=representation";
    let merged = api.post("/titles?select=name", merge, json!({"book": 7, "name": "Newer"})).await;
    assert_eq!(merged.json(), json!([{"name": "Newer"}]), "{merged:?}");
}

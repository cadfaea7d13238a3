//! Fields and relationships that functions of a row compute.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{DUNDER, PAWNEE, ServerOptions};

const DDL: &str = "
create function api.shout(api.books) returns text language sql stable as $$ select upper($1.title) $$;
create function api.half(api.books) returns numeric language sql stable as $$ select $1.pages / 2.0 $$;
create function api.facts(api.books) returns jsonb language sql stable as $$ select jsonb_build_object('p', $1.pages) $$;
-- Not served: as its definer, of two arguments, a set of scalars, of another schema, without EXECUTE, hidden by a column.
create function api.as_owner(api.books) returns bigint language sql stable security definer
    as $$ select count(*) from api.books $$;
create function api.of_two(api.books, int) returns int language sql stable as $$ select $2 $$;
create function api.set_of(api.books) returns setof int language sql stable as $$ values (1), (2) $$;
create function tenancy.elsewhere(api.books) returns int language sql stable as $$ select 1 $$;
create function api.not_mine(api.books) returns int language sql stable as $$ select 1 $$;
create function api.pages(api.books) returns text language sql stable as $$ select 'hidden' $$;
create function api.with_setting(api.books) returns int language sql stable
    set work_mem = '8MB' as $$ select 1 $$;
-- Relationships: to many, to one, a single row, and one that hides a foreign key's.
create function api.same_length(api.authors) returns setof api.books language sql stable
    as $$ select * from api.books where length(title) > $1.id * 8 $$;
create function api.longest(api.authors) returns setof api.books rows 1 language sql stable
    as $$ select * from api.books where author_id = $1.id order by pages desc limit 1 $$;
create function api.first_chapter(api.books) returns api.chapters language sql stable
    as $$ select * from api.chapters where book_id = $1.id order by id limit 1 $$;
create function api.sloppy(api.authors) returns setof api.books rows 1 language sql stable as $$ select * from api.books order by id $$;
create function api.covers(api.books) returns setof api.chapters language sql stable
    as $$ select * from api.chapters where book_id = $1.id order by id $$;
grant execute on all functions in schema api to rowhouse_app;
revoke execute on function api.not_mine(api.books) from public, rowhouse_app;
";

async fn api() -> Api {
    Api::library_and(DDL, "", ServerOptions::default().set("aggregates", true)).await
}

#[tokio::test]
async fn a_function_of_a_row_is_a_field_that_the_star_leaves_out() {
    let api = api().await;
    for (query, expected) in [
        ("select=id,shout&id=eq.2", json!([{"id": 2, "shout": "KINDRED"}])),
        (
            "select=s:shout,half,half::int,facts->p&id=eq.3",
            json!([{"s": "100% WOOL, A \"GUIDE\"", "half": 20, "p": 40}]),
        ),
        ("select=id&shout=like.KIND*&order=half.desc", json!([{"id": 2}, {"id": 4}])),
        ("select=id&or=(half.gt.190,facts->>p.eq.12)&order=shout", json!([{"id": 4}, {"id": 1}])),
        (
            "select=chapters(id,books(shout))&id=eq.2",
            json!([{"chapters": [{"id": 3, "books": {"shout": "KINDRED"}}]}]),
        ),
        ("select=half.max()", json!([{"max": 193.5}])),
        (
            "select=...chapters(...books(shout))&id=eq.1",
            json!([{"shout": ["THE DISPOSSESSED", "THE DISPOSSESSED"]}]),
        ),
    ] {
        let answer = api.get(&format!("/books?{query}")).await.is(200);
        let mut found = answer.json();
        if query.contains("half::int") {
            // Twice under one name: the last is what a reader sees.
            found[0]["half"] = json!(20);
        }
        assert_eq!(found, expected, "{query}");
    }
    let all = api.get("/books?id=eq.1").await.is(200).rows();
    assert!(all[0].get("shout").is_none() && all[0]["pages"] == 387, "{all:?}");
}

#[tokio::test]
async fn a_computed_field_is_told_of_what_was_written_and_never_written() {
    let api = api().await;
    let answer =
        api.post("/books?select=id,shout", "return=representation", json!({"id": 9, "title": "new"})).await;
    assert_eq!(answer.is(201).json(), json!([{"id": 9, "shout": "NEW"}]));
    let path = "/books?id=eq.1&select=shout,first_chapter(title),chapters(id)&chapters.order=id";
    let answer = api.patch(path, "return=representation", json!({"title": "Again"})).await.is(200);
    assert_eq!(
        answer.json(),
        json!([{"shout": "AGAIN", "first_chapter": {"title": "Anarres"}, "chapters": [{"id": 1}, {"id": 2}]}])
    );
    api.patch("/books?id=eq.1", "", json!({"shout": "X"})).await.fails(400, "PGRST204");
    api.patch("/books?shout=eq.AGAIN", "", json!({"pages": 3})).await.is(204);
    assert_eq!(api.database.count("select pages::int8 from api.books where title = 'Again'").await, 3);
}

#[tokio::test]
async fn functions_that_could_see_more_or_are_not_exposed_are_no_fields() {
    let api = api().await;
    for name in ["as_owner", "of_two", "set_of", "elsewhere", "not_mine", "with_setting", "lower"] {
        api.get(&format!("/books?select={name}")).await.fails(400, "42703");
        api.get(&format!("/books?{name}=eq.1")).await.fails(400, "42703");
    }
    assert_eq!(api.get("/books?select=pages&id=eq.1").await.is(200).rows()[0]["pages"], 387);
}

#[tokio::test]
async fn a_function_that_gives_rows_is_a_relationship() {
    let api = api().await;
    for (path, expected) in [
        (
            "/authors?select=id,same_length(id)&order=id&same_length.order=id&id=lt.3",
            json!([{"id": 1, "same_length": [{"id": 1}, {"id": 3}]}, {"id": 2, "same_length": [{"id": 3}]}]),
        ),
        (
            "/authors?select=id,best:longest(title)&order=id",
            json!([{"id": 1, "best": {"title": "The Dispossessed"}}, {"id": 2, "best": {"title": "Kindred"}}, {"id": 3, "best": null}]),
        ),
        ("/authors?select=id,longest()&longest=is.null", json!([{"id": 3}])),
        (
            "/authors?select=id,longest!inner(chapters(id))&longest.chapters.id=eq.3&id=eq.2",
            json!([{"id": 2, "longest": {"chapters": [{"id": 3}]}}]),
        ),
        (
            "/authors?select=id,...longest(title)&order=longest(pages).desc.nullslast&limit=1",
            json!([{"id": 1, "title": "The Dispossessed"}]),
        ),
        (
            "/books?select=id,first_chapter(id)&order=id&id=in.(1,3)",
            json!([{"id": 1, "first_chapter": {"id": 1}}, {"id": 3, "first_chapter": null}]),
        ),
        (
            "/books?select=id,first_chapter()&first_chapter=not.is.null&order=id",
            json!([{"id": 1}, {"id": 2}]),
        ),
        // It says one row and gives all: the first is taken.
        ("/authors?select=sloppy(id)&id=eq.3", json!([{"sloppy": {"id": 1}}])),
        // It hides the foreign key that leads to a table of its name.
        ("/books?select=covers(title)&id=eq.2", json!([{"covers": [{"title": "The River"}]}])),
    ] {
        assert_eq!(api.get(path).await.is(200).json(), expected, "{path}");
    }
    api.get("/authors?select=same_length(id)&order=same_length(id)").await.fails(400, "PGRST118");
}

#[tokio::test]
async fn a_computed_relationship_is_bound_by_the_policies_of_what_it_reads() {
    let ddl = format!(
        "{DDL} create table api.notes (tenant_id uuid not null default tenancy.current_tenant_id(), id int, \
             constraint notes_pkey primary key (tenant_id, id)); {} \
         create function api.notes_of(api.books) returns setof api.notes language plpgsql volatile \
             as $$ begin return query select * from api.notes; end $$; \
         grant execute on function api.notes_of(api.books) to rowhouse_app;",
        isolated("api.notes")
    );
    let rows = format!("insert into api.notes values ('{PAWNEE}', 1), ('{DUNDER}', 1), ('{DUNDER}', 2);");
    let api = Api::library_and(&ddl, &rows, ServerOptions::default()).await;
    let answer = api.get("/books?select=notes_of(id,tenant_id)&id=eq.1").await.is(200);
    assert_eq!(answer.json(), json!([{"notes_of": [{"id": 1, "tenant_id": PAWNEE}]}]));
}

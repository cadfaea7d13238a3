//! Which relationship an embed means: through a junction, within one relation, by name, by hint.

use serde_json::{Value, json};

use super::{Api, isolated};
use crate::support::ServerOptions;

/// Genres of books through a junction, reviewers of books through another, and staff who point at each other.
const DDL: &str = "
create table api.genres (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    name text not null,
    constraint genres_pkey primary key (tenant_id, id)
);
create table api.book_genres (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    book_id int not null,
    genre_id int not null,
    constraint book_genres_pkey primary key (tenant_id, book_id, genre_id),
    constraint book_genres_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id),
    constraint book_genres_genre_fkey foreign key (tenant_id, genre_id) references api.genres (tenant_id, id)
);
create table api.former_genres (like api.book_genres including all);
alter table api.former_genres
    add constraint former_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id),
    add constraint former_genre_fkey foreign key (tenant_id, genre_id) references api.genres (tenant_id, id);
-- No junction: its key does not hold the two.
create table api.remarks (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    genre_id int not null,
    author_id int not null,
    constraint remarks_pkey primary key (tenant_id, id),
    constraint remarks_genre_fkey foreign key (tenant_id, genre_id) references api.genres (tenant_id, id),
    constraint remarks_author_fkey foreign key (tenant_id, author_id) references api.authors (tenant_id, id)
);
create table api.staff (
    tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants (id),
    id int not null,
    name text not null,
    boss_id int,
    mentor_id int,
    constraint staff_pkey primary key (tenant_id, id),
    constraint staff_boss_fkey foreign key (tenant_id, boss_id) references api.staff (tenant_id, id)
);
";

const ROWS: &str = "
insert into api.genres (tenant_id, id, name) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'utopia'), ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 'history'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, 'craft'), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'leak'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 2, 'leak');
insert into api.book_genres (tenant_id, book_id, genre_id) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 1), ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 2),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 2), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 1),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 2);
insert into api.staff (tenant_id, id, name, boss_id) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'Ron', null), ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 'Leslie', 1),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, 'April', 2), ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 4, 'Tom', 2),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'leak', null), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 2, 'leak', 1);
";

async fn api(more: &str) -> Api {
    let isolation: String =
        ["api.genres", "api.book_genres", "api.former_genres", "api.remarks", "api.staff"]
            .map(isolated)
            .concat();
    Api::library_and(&format!("{DDL}{isolation}{more}"), ROWS, ServerOptions::default()).await
}

/// Without the second junction.
const ONE_JUNCTION: &str = "drop table api.former_genres;";

async fn check(api: &Api, cases: &[(&str, Value)]) {
    for (path, expected) in cases {
        let answer = api.get(path).await.is(200);
        assert_eq!(answer.json(), *expected, "{path}");
    }
}

#[tokio::test]
async fn many_to_many_goes_through_a_junction() {
    let api = api(ONE_JUNCTION).await;
    check(&api, &[
        (
            "/books?select=id,genres(name)&order=id&genres.order=id",
            json!([
                {"id": 1, "genres": [{"name": "utopia"}, {"name": "history"}]},
                {"id": 2, "genres": [{"name": "history"}]}, {"id": 3, "genres": []}, {"id": 4, "genres": []},
            ]),
        ),
        (
            "/genres?select=name,books!inner(title)&books.title=eq.Kindred",
            json!([{"name": "history", "books": [{"title": "Kindred"}]}]),
        ),
        ("/genres?select=id,books()&books=is.null", json!([{"id": 3}])),
        (
            "/genres?select=id,books(id,genres(id))&id=eq.1&books.genres.order=id.desc",
            json!([{"id": 1, "books": [{"id": 1, "genres": [{"id": 2}, {"id": 1}]}]}]),
        ),
        ("/books?select=genres(name)&id=eq.1&genres.order=name&genres.limit=1", json!([{"genres": [{"name": "history"}]}])),
        ("/books?select=genres!book_genres(name)&id=eq.2", json!([{"genres": [{"name": "history"}]}])),
        ("/books?select=...genres(genres:name)&id=eq.1&genres.order=id", json!([{"genres": ["utopia", "history"]}])),
        // The junction itself is a relation like any other.
        ("/books?select=book_genres(genres(id))&id=eq.2", json!([{"book_genres": [{"genres": {"id": 2}}]}])),
    ])
    .await;
    let counted =
        api.get_preferring("/books?select=id,genres!inner()&genres.id=eq.2", "count=exact").await.is(200);
    assert_eq!(counted.header("content-range"), Some("0-1/2"));
    // A table whose key does not hold both keys joins nothing.
    api.get("/genres?select=authors(*)").await.fails(400, "PGRST200");
}

#[tokio::test]
async fn two_junctions_are_ambiguous_and_a_hint_chooses() {
    let api = api("").await;
    let answer = api.get("/books?select=genres(name)").await.fails(300, "PGRST201").json();
    assert_eq!(
        answer["details"][0],
        json!({
            "cardinality": "many-to-many",
            "embedding": "books with genres",
            "relationship": "book_genres using book_genres_book_fkey(tenant_id, book_id) and \
                             book_genres_genre_fkey(tenant_id, genre_id)",
        })
    );
    let hint = answer["hint"].as_str().unwrap();
    assert!(hint.contains("'genres!book_genres', 'genres!former_genres'"), "{hint}");
    check(
        &api,
        &[
            ("/books?select=genres!book_genres(id)&id=eq.2", json!([{"genres": [{"id": 2}]}])),
            ("/books?select=genres!former_genres(id)&id=eq.2", json!([{"genres": []}])),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_junction_that_the_role_may_not_read_joins_nothing() {
    let hidden = format!("{ONE_JUNCTION} revoke select on api.book_genres from rowhouse_app;");
    let api = api(&hidden).await;
    api.get("/books?select=genres(name)").await.fails(400, "PGRST200");
    // One that is not served at all neither.
    let hidden = format!("{ONE_JUNCTION} alter table api.book_genres disable row level security;");
    let api = self::api(&hidden).await;
    api.get("/books?select=genres(name)").await.fails(400, "PGRST200");
}

#[tokio::test]
async fn the_tenants_key_that_every_table_has_joins_nothing() {
    // The key of book_genres holds the tenant's key and the book's: that makes it no junction of tenants and books.
    let api =
        api("alter table api.book_genres add foreign key (tenant_id) references tenancy.tenants (id);").await;
    api.get("/books?select=tenants(slug)").await.fails(400, "PGRST200");
    check(
        &api,
        &[("/staff?select=tenants(slug)&id=eq.1", json!([{"tenants": {"slug": "pawnee-parks-and-rec"}}]))],
    )
    .await;
    let answer = api.get("/tenants?select=staff(id)&staff.order=id").await.is(200);
    assert_eq!(answer.json(), json!([{"staff": [{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]}]));
}

#[tokio::test]
async fn a_relation_within_itself_is_many_by_its_name_and_one_by_the_column() {
    let api = api("").await;
    check(
        &api,
        &[
            (
                "/staff?select=name,staff(name)&id=eq.2&staff.order=name",
                json!([{"name": "Leslie", "staff": [{"name": "April"}, {"name": "Tom"}]}]),
            ),
            (
                "/staff?select=name,boss_id(name)&id=eq.2",
                json!([{"name": "Leslie", "boss_id": {"name": "Ron"}}]),
            ),
            (
                "/staff?select=name,boss:boss_id(name,boss:boss_id(name))&id=eq.4",
                json!([{"name": "Tom", "boss": {"name": "Leslie", "boss": {"name": "Ron"}}}]),
            ),
            ("/staff?select=id,staff:staff!boss_id(id)&id=eq.1", json!([{"id": 1, "staff": [{"id": 2}]}])),
            ("/staff?select=id,staff!staff_boss_fkey(id)&id=eq.1", json!([{"id": 1, "staff": [{"id": 2}]}])),
            ("/staff?select=id,boss:boss_id()&boss=is.null", json!([{"id": 1}])),
            // The column of this name still takes the other filters.
            ("/staff?select=id,boss_id(id)&boss_id=eq.1", json!([{"id": 2, "boss_id": {"id": 1}}])),
        ],
    )
    .await;
}

#[tokio::test]
async fn of_two_keys_within_a_relation_the_hint_tells_one() {
    let api =
        api("alter table api.staff add constraint staff_mentor_fkey foreign key (tenant_id, mentor_id) \
         references api.staff (tenant_id, id);")
        .await;
    let answer = api.get("/staff?select=staff(*)").await.fails(300, "PGRST201").json();
    assert!(answer["hint"].as_str().unwrap().contains("'staff!staff_boss_fkey', 'staff!staff_mentor_fkey'"));
    for constraint in ["staff_boss_fkey", "staff_mentor_fkey", "boss_id", "mentor_id"] {
        api.get(&format!("/staff?select=staff!{constraint}(id)")).await.is(200);
    }
    check(
        &api,
        &[(
            "/staff?select=mentor_id(id),boss_id(id)&id=eq.2",
            json!([{"mentor_id": null, "boss_id": {"id": 1}}]),
        )],
    )
    .await;
}

#[tokio::test]
async fn an_embed_may_name_the_key_or_its_column() {
    let api = api(ONE_JUNCTION).await;
    check(
        &api,
        &[
            (
                "/books?select=author_id(name),editor_id(name)&id=eq.1",
                json!([{"author_id": {"name": "Ursula"}, "editor_id": {"name": "Octavia"}}]),
            ),
            (
                "/books?select=books_author_fkey(name)&id=eq.2",
                json!([{"books_author_fkey": {"name": "Octavia"}}]),
            ),
            ("/authors?select=books_editor_fkey(id)&id=eq.2", json!([{"books_editor_fkey": [{"id": 1}]}])),
            ("/chapters?select=book_id(title)&id=eq.3", json!([{"book_id": {"title": "Kindred"}}])),
        ],
    )
    .await;
    api.get("/books?select=tenant_id(*)").await.fails(400, "PGRST200");
    api.get("/books?select=title(*)").await.fails(400, "PGRST200");
}

#[tokio::test]
async fn one_to_one_is_an_object_from_either_side() {
    let api = api("").await;
    check(
        &api,
        &[
            ("/books?select=id,covers(colour)&id=eq.1", json!([{"id": 1, "covers": {"colour": "red"}}])),
            ("/covers?select=colour,books(id)", json!([{"colour": "red", "books": {"id": 1}}])),
            ("/covers?select=books(covers(colour))", json!([{"books": {"covers": {"colour": "red"}}}])),
        ],
    )
    .await;
}

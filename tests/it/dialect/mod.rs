//! The dialect over HTTP: what each parameter, preference and header does.

mod aggregates;
mod batch;
mod bodies;
mod bulk;
mod computed;
mod conditional;
mod embedding;
mod filters;
mod functions;
mod grammar;
mod names;
mod nested_insert;
mod options;
mod preferences;
mod refusals;
mod relationships;
mod representations;
mod selection;
mod spreads;
mod types;
mod upserts;
mod views;
mod window;
mod writing;

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Database, Server, ServerOptions, Token};

/// A small library, once for each of two tenants: the other's rows have the same ids, so that a leak shows.
const LIBRARY: &str = r#"
create table api.authors (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    name text not null,
    constraint authors_pkey primary key (tenant_id, id)
);
create table api.books (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    title text not null,
    author_id int,
    editor_id int,
    pages int not null default 1,
    rating numeric,
    tags text[],
    data jsonb,
    available boolean,
    span int4range,
    constraint books_pkey primary key (tenant_id, id),
    constraint books_title_key unique (tenant_id, title),
    constraint books_pages_positive check (pages > 0),
    constraint books_author_fkey foreign key (tenant_id, author_id) references api.authors (tenant_id, id),
    constraint books_editor_fkey foreign key (tenant_id, editor_id) references api.authors (tenant_id, id)
);
create table api.chapters (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    book_id int not null,
    title text not null,
    constraint chapters_pkey primary key (tenant_id, id),
    constraint chapters_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id)
);
create table api.covers (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    book_id int not null,
    colour text,
    constraint covers_pkey primary key (tenant_id, book_id),
    constraint covers_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id)
);
"#;

const ROWS: &str = r#"
insert into api.authors (tenant_id, id, name) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'Ursula'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 'Octavia'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, 'Nobody'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'Dwight'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 9, 'Creed');
insert into api.books (tenant_id, id, title, author_id, editor_id, pages, rating, tags, data, available, span) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'The Dispossessed', 1, 2, 387, 4.5, '{sf,utopia}',
        '{"lang": "en", "isbn": ["a1", "a2"], "n": {"deep": 7}}', true, '[1,10)'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 'Kindred', 2, null, 264, 4.2, '{sf,history}',
        '{"lang": "en", "n": {"deep": 8}}', false, '[5,15)'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, '100% Wool, a "Guide"', 1, 1, 40, null, '{}',
        '{"lang": "fr"}', null, null),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 4, 'kindling', null, null, 12, 1.0, null, null, true, '[20,30)'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'Learn Your Rights', 1, null, 100, 5, '{sf}',
        '{"lang": "en"}', true, '[1,10)');
insert into api.chapters (tenant_id, id, book_id, title) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 1, 'Anarres'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 1, 'Urras'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, 2, 'The River'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 1, 'Of Bears');
insert into api.covers (tenant_id, book_id, colour) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'red');
"#;

/// What makes `relation` a tenant's own, and all of it the request role's to use.
fn isolated(relation: &str) -> String {
    format!(
        "alter table {relation} enable row level security; alter table {relation} force row level security; \
         create policy all_tenant on {relation} for all to rowhouse_app \
             using (tenant_id = (select tenancy.current_tenant_id())) \
             with check (tenant_id = (select tenancy.current_tenant_id())); \
         grant select, insert, update, delete on {relation} to rowhouse_app; \
         select tenancy.declare('{}', 'tenant', 'For a test.'); ",
        relation.replace('\'', "''")
    )
}

/// A service over a database of its own, and a user of it.
struct Api {
    database: Database,
    server: Server,
    token: Token,
}

impl Api {
    /// The demo alone.
    async fn demo() -> Self {
        Self::start(Database::demo().await, ServerOptions::default()).await
    }

    /// The demo and the library.
    async fn library() -> Self {
        Self::library_with(ServerOptions::default()).await
    }

    async fn library_with(options: ServerOptions) -> Self {
        Self::library_and("", "", options).await
    }

    /// The library, what the owner adds to it, and rows.
    async fn library_and(ddl: &str, rows: &str, options: ServerOptions) -> Self {
        let database = Database::demo().await;
        let isolation: String =
            ["api.authors", "api.books", "api.chapters", "api.covers"].map(isolated).concat();
        database.as_owner(&format!("{LIBRARY}{isolation}{ddl}")).await;
        database.sql(&format!("{ROWS}{rows}")).await;
        Self::start(database, options).await
    }

    /// The demo and what the owner adds to it.
    async fn with(ddl: &str) -> Self {
        let database = Database::demo().await;
        database.as_owner(ddl).await;
        Self::start(database, ServerOptions::default()).await
    }

    async fn start(database: Database, options: ServerOptions) -> Self {
        let server = Server::with(&database, options).await;
        Self { database, server, token: Token::leslie() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.server.get(path, &self.token).send().await
    }

    async fn get_preferring(&self, path: &str, preference: &str) -> Answer {
        self.server.get(path, &self.token).prefer(preference).send().await
    }

    async fn post(&self, path: &str, preference: &str, body: Value) -> Answer {
        self.server.post(path, &self.token, body).prefer(preference).send().await
    }

    async fn patch(&self, path: &str, preference: &str, body: Value) -> Answer {
        self.server.patch(path, &self.token, body).prefer(preference).send().await
    }

    async fn put(&self, path: &str, preference: &str, body: Value) -> Answer {
        self.server.put(path, &self.token, body).prefer(preference).send().await
    }

    /// A body that is not JSON.
    async fn send(&self, method: Method, path: &str, content_type: &str, body: &'static str) -> Answer {
        let request = self.server.request(method, path).token(&self.token);
        request.prefer("return=representation").text(content_type, body).send().await
    }

    async fn delete(&self, path: &str, preference: &str) -> Answer {
        self.server.delete(path, &self.token).prefer(preference).send().await
    }

    /// The ids of the books that `query` gives, in its order.
    async fn ids(&self, query: &str) -> Vec<i64> {
        let answer = self.get(&format!("/books?select=id&{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.column("id").iter().map(|id| id.as_i64().expect(query)).collect()
    }
}

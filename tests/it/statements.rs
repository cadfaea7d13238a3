//! The SQL of typical requests, kept as reviewed text: `UPDATE_EXPECT=1 make test ARGS=statements` rewrites it.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::{Expect, expect};
use rowhouse::catalog::{self, Catalog};
use rowhouse::config::Config;
use rowhouse::db::{self, DatabaseUrl};
use rowhouse::plan;
use rowhouse::query::{self, Param, Query, Statement};
use rowhouse::request::{self, Method, RawRequest};

use crate::support::Database;

/// What is sent: method, path with its query, `Prefer`, body.
type Sent<'a> = (Method, &'a str, &'a str, &'a str);

fn get(path: &str) -> Sent<'_> {
    (Method::Get, path, "", "")
}

async fn catalog() -> Catalog {
    let database = Database::demo().await;
    let config = Config { database_url: DatabaseUrl::new(database.app_url()), ..config() };
    let client = db::Database::for_requests(&config).unwrap().client().await.expect("the cluster is up");
    catalog::load(&client, &config).await.expect("the demo can be served")
}

fn config() -> Config {
    Config { relations: vec!["tenancy.tenants".to_owned()], ..Config::default() }
}

fn query(catalog: &Catalog, (method, target, prefer, body): Sent<'_>) -> Query {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let raw = RawRequest {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        authorization: Vec::new(),
        tenant_headers: Vec::new(),
        accept: None,
        prefer: Some(prefer.to_owned()),
        range: None,
        content_type: None,
    };
    let request =
        request::parse(&raw, path, &Bytes::copy_from_slice(body.as_bytes()), &config()).expect(target);
    query::query(&plan::plan(&request, catalog, &config()).expect(target))
}

fn show(text: &mut String, statement: &Statement) {
    let _ = writeln!(text, "{}", statement.text);
    for (index, param) in statement.params.iter().enumerate() {
        let value = match param {
            Param::Text(value) => value.clone(),
            Param::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let _ = writeln!(text, "  ${}: {value}", index + 1);
    }
}

async fn check(requests: &[Sent<'_>], expected: Expect) {
    let catalog = catalog().await;
    let mut text = String::new();
    for sent in requests {
        let _ = writeln!(text, "{:?} {} {}", sent.0, sent.1, sent.2);
        let query = query(&catalog, *sent);
        if let Some(count) = &query.count {
            show(&mut text, count);
        }
        show(&mut text, &query.statement);
        text.push('\n');
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn reads_name_their_columns_and_bind_their_values() {
    check(
        &[
            get("/items"),
            get("/items?select="),
            get("/items?select=name:title,id::text&order=title.desc.nullslast,id&limit=10&offset=20"),
            get("/items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801?select=title"),
            (Method::Head, "/items?title=like.a*", "count=exact", ""),
            (Method::Get, "/items?title=ilike.*a*&limit=2&select=id", "count=exact", ""),
            get("/documents?select=tags->>0,created_at,on_hold&tags->>0=eq.parks"),
            get("/tenants?select=limits->a->>b,c:limits->c::int&limits->>a=is.null"),
        ],
        expect![[r#"
            Get /items 
            select t0."id", t0."title", t0."tenant_id" from "api"."items" as t0 limit $1
              $1: 10000

            Get /items?select= 
            select 1 from "api"."items" as t0 limit $1
              $1: 10000

            Get /items?select=name:title,id::text&order=title.desc.nullslast,id&limit=10&offset=20 
            select t0."title", (t0."id")::pg_catalog.text from "api"."items" as t0 order by t0."title" desc nulls last, t0."id" limit $1 offset $2
              $1: 10
              $2: 20

            Get /items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801?select=title 
            select t0."title" from "api"."items" as t0 where t0."id" = $1 limit $2
              $1: 0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801
              $2: 10000

            Head /items?title=like.a* count=exact
            select pg_catalog.count(*) from "api"."items" as t0 where t0."title" like $1
              $1: a%
            select 1 from "api"."items" as t0 where t0."title" like $1 limit $2
              $1: a%
              $2: 10000

            Get /items?title=ilike.*a*&limit=2&select=id count=exact
            select pg_catalog.count(*) from "api"."items" as t0 where t0."title" ilike $1
              $1: %a%
            select t0."id" from "api"."items" as t0 where t0."title" ilike $1 limit $2
              $1: %a%
              $2: 2

            Get /documents?select=tags->>0,created_at,on_hold&tags->>0=eq.parks 
            select pg_catalog.to_jsonb(t0."tags")->>(0), t0."created_at", t0."on_hold" from "api"."documents" as t0 where pg_catalog.to_jsonb(t0."tags")->>(0) = $1 limit $2
              $1: parks
              $2: 10000

            Get /tenants?select=limits->a->>b,c:limits->c::int&limits->>a=is.null 
            select t0."limits"->$1::pg_catalog.text->>$2::pg_catalog.text, (t0."limits"->$3::pg_catalog.text)::pg_catalog.int4 from "tenancy"."tenants" as t0 where t0."limits"->>$4::pg_catalog.text is null limit $5
              $1: a
              $2: b
              $3: c
              $4: a
              $5: 10000

        "#]],
    )
    .await;
}

#[tokio::test]
async fn filters_keep_their_order_and_their_parentheses() {
    check(
        &[
            get("/items?select=id&title=eq.a&title=not.in.(b,\"c,\\\"d\\\"\")&id=in.()"),
            get("/documents?select=id&tags=cs.{a,b}&on_hold=not.is.true&department=isdistinct.x&title=match.^a"),
            get("/items?select=id&or=(title.eq.a,and(title.gt.b,title.lt.c),not.or(title.is.null,id.neq.x))"),
            get("/items?select=id&not.and=(title.eq.a,title.not.eq.b)"),
        ],
        expect![[r#"
            Get /items?select=id&title=eq.a&title=not.in.(b,"c,\"d\"")&id=in.() 
            select t0."id" from "api"."items" as t0 where t0."title" = $1 and not (t0."title" = any ($2)) and t0."id" = any ($3) limit $4
              $1: a
              $2: {"b","c,\"d\""}
              $3: {}
              $4: 10000

            Get /documents?select=id&tags=cs.{a,b}&on_hold=not.is.true&department=isdistinct.x&title=match.^a 
            select t0."id" from "api"."documents" as t0 where t0."tags" @> $1 and not (t0."on_hold" is true) and t0."department" is distinct from $2 and t0."title" ~ $3 limit $4
              $1: {a,b}
              $2: x
              $3: ^a
              $4: 10000

            Get /items?select=id&or=(title.eq.a,and(title.gt.b,title.lt.c),not.or(title.is.null,id.neq.x)) 
            select t0."id" from "api"."items" as t0 where (t0."title" = $1 or (t0."title" > $2 and t0."title" < $3) or not (t0."title" is null or t0."id" <> $4)) limit $5
              $1: a
              $2: b
              $3: c
              $4: x
              $5: 10000

            Get /items?select=id&not.and=(title.eq.a,title.not.eq.b) 
            select t0."id" from "api"."items" as t0 where not (t0."title" = $1 and not (t0."title" = $2)) limit $3
              $1: a
              $2: b
              $3: 10000

        "#]],
    )
    .await;
}

#[tokio::test]
async fn embeds_are_sub_selects_joined_by_whole_keys() {
    check(
        &[
            get("/support_tickets?select=subject,ticket_comments(body)&ticket_comments.body=like.x*&ticket_comments.order=body&ticket_comments.limit=3"),
            get("/ticket_comments?select=body,support_tickets(subject)"),
            get("/tenants?select=name,support_tickets(subject,ticket_comments(id))&limit=1"),
            (Method::Get, "/support_tickets?select=id,ticket_comments!inner(id)&ticket_comments.body=eq.x", "count=exact", ""),
            get("/support_tickets?select=id,ticket_comments!ticket_comments_ticket_fkey!inner()"),
        ],
        expect![[r#"
            Get /support_tickets?select=subject,ticket_comments(body)&ticket_comments.body=like.x*&ticket_comments.order=body&ticket_comments.limit=3 
            select t0."subject", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."body" as "body" from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" and t1."body" like $1 order by t1."body" limit $2) as r) from "api"."support_tickets" as t0 limit $3
              $1: x%
              $2: 3
              $3: 10000

            Get /ticket_comments?select=body,support_tickets(subject) 
            select t0."body", (select pg_catalog.row_to_json(r.*) from (select t1."subject" as "subject" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id" limit $1) as r) from "api"."ticket_comments" as t0 limit $2
              $1: 10000
              $2: 10000

            Get /tenants?select=name,support_tickets(subject,ticket_comments(id))&limit=1 
            select t0."name", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."subject" as "subject", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t2."id" as "id" from "api"."ticket_comments" as t2 where t2."tenant_id" = t1."tenant_id" and t2."ticket_id" = t1."id" limit $1) as r) as "ticket_comments" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."id" limit $2) as r) from "tenancy"."tenants" as t0 limit $3
              $1: 10000
              $2: 10000
              $3: 1

            Get /support_tickets?select=id,ticket_comments!inner(id)&ticket_comments.body=eq.x count=exact
            select pg_catalog.count(*) from "api"."support_tickets" as t0 where exists (select from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" and t1."body" = $1)
              $1: x
            select t0."id", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."id" as "id" from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" and t1."body" = $1 limit $2) as r) from "api"."support_tickets" as t0 where exists (select from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" and t1."body" = $3) limit $4
              $1: x
              $2: 10000
              $3: x
              $4: 10000

            Get /support_tickets?select=id,ticket_comments!ticket_comments_ticket_fkey!inner() 
            select t0."id" from "api"."support_tickets" as t0 where exists (select from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id") limit $1
              $1: 10000

        "#]],
    )
    .await;
}

#[tokio::test]
async fn inserts_hand_the_body_over_as_it_is() {
    use Method::Post;
    check(
        &[
            (Post, "/items", "", r#"{"title":"a"}"#),
            (Post, "/items?select=id", "return=representation", r#"[{"title":"a"},{"title":"b"}]"#),
            (Post, "/items", "return=headers-only", r#"{"title":"a"}"#),
            (Post, "/documents?columns=title,tags", "", r#"[{"title":"a"},{"tags":["b"]}]"#),
            (Post, "/items", "", "[]"),
            (Post, "/items", "", "{}"),
            (
                Post,
                "/items",
                "resolution=merge-duplicates",
                r#"{"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"a"}"#,
            ),
            (Post, "/items?on_conflict=tenant_id,title", "resolution=ignore-duplicates", r#"{"title":"a"}"#),
        ],
        expect![[r#"
            Post /items 
            insert into "api"."items" as t0 ("title") select "title" from pg_catalog.json_to_record($1) as body ("title" text)
              $1: {"title":"a"}

            Post /items?select=id return=representation
            insert into "api"."items" as t0 ("title") select "title" from pg_catalog.json_to_recordset($1) as body ("title" text) returning t0."id", t0."id"::pg_catalog.text
              $1: [{"title":"a"},{"title":"b"}]

            Post /items return=headers-only
            insert into "api"."items" as t0 ("title") select "title" from pg_catalog.json_to_record($1) as body ("title" text) returning t0."id"::pg_catalog.text
              $1: {"title":"a"}

            Post /documents?columns=title,tags 
            insert into "api"."documents" as t0 ("title", "tags") select "title", "tags" from pg_catalog.json_to_recordset($1) as body ("title" text, "tags" text[])
              $1: [{"title":"a"},{"tags":["b"]}]

            Post /items 
            insert into "api"."items" as t0 ("id") select null where false

            Post /items 
            insert into "api"."items" as t0 default values

            Post /items resolution=merge-duplicates
            insert into "api"."items" as t0 ("id", "title") select "id", "title" from pg_catalog.json_to_record($1) as body ("id" uuid, "title" text) on conflict ("tenant_id", "id") do update set "title" = excluded."title" returning t0.xmax = 0
              $1: {"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"a"}

            Post /items?on_conflict=tenant_id,title resolution=ignore-duplicates
            insert into "api"."items" as t0 ("title") select "title" from pg_catalog.json_to_record($1) as body ("title" text) on conflict ("tenant_id", "title") do nothing
              $1: {"title":"a"}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn updates_and_deletes_have_their_condition() {
    use Method::{Delete, Patch};
    check(
        &[
            (Patch, "/items?title=eq.a", "", r#"{"title":"b"}"#),
            (
                Patch,
                "/items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801?select=title",
                "return=representation",
                r#"{"title":"b"}"#,
            ),
            (Patch, "/items?title=eq.a", "return=representation", "{}"),
            (Delete, "/items?or=(title.eq.a,title.eq.b)", "", ""),
            (Delete, "/items", "handling=strict, max-affected=1, return=representation", ""),
        ],
        expect![[r#"
            Patch /items?title=eq.a 
            update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."title" = $2
              $1: {"title":"b"}
              $2: a

            Patch /items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801?select=title return=representation
            update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."id" = $2 returning t0."title"
              $1: {"title":"b"}
              $2: 0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801

            Patch /items?title=eq.a return=representation
            select t0."id", t0."title", t0."tenant_id" from "api"."items" as t0 where t0."title" = $1 limit 0
              $1: a

            Delete /items?or=(title.eq.a,title.eq.b) 
            delete from "api"."items" as t0 where (t0."title" = $1 or t0."title" = $2)
              $1: a
              $2: b

            Delete /items handling=strict, max-affected=1, return=representation
            delete from "api"."items" as t0 where (t0."id" is null) is not null returning t0."id", t0."title", t0."tenant_id"

        "#]],
    )
    .await;
}

//! The SQL of typical requests, kept as reviewed text: `UPDATE_EXPECT=1 make test ARGS=statements` rewrites it.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::{Expect, expect};
use rowhouse::catalog::{self, Catalog};
use rowhouse::config::Config;
use rowhouse::db::{self, DatabaseUrl};
use rowhouse::plan;
use rowhouse::query::{self, Param, Query, Statement};
use rowhouse::request::{self, Method, Path, RawRequest};

use crate::support::Database;

/// What is sent: method, path with its query, `Prefer`, body.
type Sent<'a> = (Method, &'a str, &'a str, &'a str);

fn get(path: &str) -> Sent<'_> {
    (Method::Get, path, "", "")
}

async fn catalog(ddl: &str) -> Catalog {
    let database = Database::demo().await;
    database.as_owner(ddl).await;
    let config = Config { database_url: DatabaseUrl::new(database.app_url()), ..config() };
    let client = db::Database::for_requests(&config).unwrap().client().await.expect("the cluster is up");
    catalog::load(&client, &config).await.expect("the demo can be served")
}

fn config() -> Config {
    Config { relations: vec!["tenancy.tenants".to_owned()], aggregates: true, ..Config::default() }
}

fn query(catalog: &Catalog, sent: Sent<'_>) -> Query {
    query_for(catalog, sent, None, &config())
}

fn query_for(
    catalog: &Catalog,
    (method, target, prefer, body): Sent<'_>,
    accept: Option<&str>,
    config: &Config,
) -> Query {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let raw = RawRequest {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        prefer: Some(prefer.to_owned()),
        accept: accept.map(str::to_owned),
        ..RawRequest::default()
    };
    let request = request::parse(
        &raw,
        Path::parse(path).expect(target),
        &Bytes::copy_from_slice(body.as_bytes()),
        config,
    )
    .expect(target);
    query::query(&plan::plan(&request, catalog, config).expect(target))
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
    check_with("", requests, expected).await;
}

async fn check_with(ddl: &str, requests: &[Sent<'_>], expected: Expect) {
    let catalog = catalog(ddl).await;
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
            select t0."title", pg_catalog.to_hex(pg_catalog.hashtextextended(row(t0."id", t0."title", t0."tenant_id")::pg_catalog.text, 0)) from "api"."items" as t0 where t0."id" = $1 limit $2
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
            select t0."body", (select pg_catalog.row_to_json(r.*) from (select t1."subject" as "subject" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id") as r) from "api"."ticket_comments" as t0 limit $1
              $1: 10000

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
async fn spreads_are_sub_selects_of_single_columns() {
    check(
        &[
            get("/ticket_comments?select=id,...support_tickets(subject,status)&order=created_at&limit=20"),
            get("/support_tickets?select=id,...ticket_comments(id,body)&ticket_comments.order=created_at"),
            get("/ticket_comments?select=id,support_tickets()&order=support_tickets(subject).desc,id"),
            get("/support_tickets?select=id,ticket_comments()&or=(ticket_comments.is.null,status.eq.open)"),
        ],
        expect![[r#"
            Get /ticket_comments?select=id,...support_tickets(subject,status)&order=created_at&limit=20 
            select t0."id", (select t1."subject" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id"), (select t1."status" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id") from "api"."ticket_comments" as t0 order by t0."created_at" limit $1
              $1: 20

            Get /support_tickets?select=id,...ticket_comments(id,body)&ticket_comments.order=created_at 
            select t0."id", (select coalesce(pg_catalog.json_agg(r.value), '[]'::pg_catalog.json) from (select t1."id" as value from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" order by t1."created_at", t1."id", t1."tenant_id" limit $1) as r), (select coalesce(pg_catalog.json_agg(r.value), '[]'::pg_catalog.json) from (select t1."body" as value from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" order by t1."created_at", t1."id", t1."tenant_id" limit $2) as r) from "api"."support_tickets" as t0 limit $3
              $1: 10000
              $2: 10000
              $3: 10000

            Get /ticket_comments?select=id,support_tickets()&order=support_tickets(subject).desc,id 
            select t0."id" from "api"."ticket_comments" as t0 order by (select t1."subject" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id") desc, t0."id" limit $1
              $1: 10000

            Get /support_tickets?select=id,ticket_comments()&or=(ticket_comments.is.null,status.eq.open) 
            select t0."id" from "api"."support_tickets" as t0 where (not exists (select from "api"."ticket_comments" as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id") or t0."status" = $1) limit $2
              $1: open
              $2: 10000

        "#]],
    )
    .await;
}

#[tokio::test]
async fn aggregates_group_by_what_was_written_for_the_other_members() {
    check(
        &[
            get("/support_tickets?select=status,count(),created_at.max()&order=status"),
            (Method::Get, "/documents?select=tags,n:title.count()::text", "count=exact", ""),
            get("/ticket_comments?select=...support_tickets(status,count())&order=support_tickets(status)"),
            get("/tenants?select=slug,support_tickets(status,count())"),
        ],
        expect![[r#"
            Get /support_tickets?select=status,count(),created_at.max()&order=status 
            select t0."status", pg_catalog.count(*), pg_catalog.max(t0."created_at") from "api"."support_tickets" as t0 group by t0."status" order by t0."status" limit $1
              $1: 10000

            Get /documents?select=tags,n:title.count()::text count=exact
            select pg_catalog.count(*) from (select pg_catalog.to_json(t0."tags"), (pg_catalog.count(t0."title"))::pg_catalog.text from "api"."documents" as t0 group by t0."tags") as r
            select pg_catalog.to_json(t0."tags"), (pg_catalog.count(t0."title"))::pg_catalog.text from "api"."documents" as t0 group by t0."tags" limit $1
              $1: 10000

            Get /ticket_comments?select=...support_tickets(status,count())&order=support_tickets(status) 
            select (select t1."status" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id"), pg_catalog.count((select 1 from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id")) from "api"."ticket_comments" as t0 group by (select t1."status" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id") order by (select t1."status" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id") limit $1
              $1: 10000

            Get /tenants?select=slug,support_tickets(status,count()) 
            select t0."slug", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."status" as "status", pg_catalog.count(*) as "count" from "api"."support_tickets" as t1 where t1."tenant_id" = t0."id" group by t1."status" limit $1) as r) from "tenancy"."tenants" as t0 limit $2
              $1: 10000
              $2: 10000

        "#]],
    )
    .await;
}

#[tokio::test]
async fn junctions_functions_and_views_are_what_a_link_goes_through() {
    const DDL: &str = "
        create table api.tagged (
            tenant_id uuid not null,
            item_id uuid not null,
            document_id uuid not null,
            primary key (tenant_id, item_id, document_id),
            foreign key (tenant_id, item_id) references api.items (tenant_id, id),
            foreign key (tenant_id, document_id) references api.documents (tenant_id, id)
        );
        alter table api.tagged enable row level security;
        create policy all_tenant on api.tagged to rowhouse_app
            using (tenant_id = (select tenancy.current_tenant_id()));
        grant select on api.tagged to rowhouse_app;
        select tenancy.declare('api.tagged', 'tenant', 'For a test.');
        create view api.headings with (security_invoker) as select id, tenant_id, subject as heading from api.support_tickets;
        grant select on api.headings to rowhouse_app;
        create function api.shout(api.items) returns text language sql stable as $$ select upper($1.title) $$;
        create function api.namesakes(api.items) returns setof api.items language sql stable
            as $$ select * from api.items where title = $1.title $$;
        grant execute on all functions in schema api to rowhouse_app;
    ";
    check_with(
        DDL,
        &[
            get("/items?select=id,documents(title)&documents.order=title&documents.limit=3"),
            get("/items?select=id,documents!inner()&documents.title=eq.x"),
            get("/items?select=shout,namesakes(id)&shout=eq.X&order=shout"),
            get("/ticket_comments?select=id,headings(heading)"),
            (
                Method::Patch,
                "/items?title=eq.a&select=shout,namesakes(id)",
                "return=representation",
                r#"{"title":"b"}"#,
            ),
        ],
        expect![[r#"
            Get /items?select=id,documents(title)&documents.order=title&documents.limit=3 
            select t0."id", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."title" as "title" from "api"."documents" as t1 inner join "api"."tagged" as jt1 on jt1."tenant_id" = t1."tenant_id" and jt1."document_id" = t1."id" where jt1."tenant_id" = t0."tenant_id" and jt1."item_id" = t0."id" order by t1."title" limit $1) as r) from "api"."items" as t0 limit $2
              $1: 3
              $2: 10000

            Get /items?select=id,documents!inner()&documents.title=eq.x 
            select t0."id" from "api"."items" as t0 where exists (select from "api"."documents" as t1 inner join "api"."tagged" as jt1 on jt1."tenant_id" = t1."tenant_id" and jt1."document_id" = t1."id" where jt1."tenant_id" = t0."tenant_id" and jt1."item_id" = t0."id" and t1."title" = $1) limit $2
              $1: x
              $2: 10000

            Get /items?select=shout,namesakes(id)&shout=eq.X&order=shout 
            select "api"."shout"(t0), (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."id" as "id" from "api"."namesakes"(t0) as t1 limit $1) as r) from "api"."items" as t0 where "api"."shout"(t0) = $2 order by "api"."shout"(t0) limit $3
              $1: 10000
              $2: X
              $3: 10000

            Get /ticket_comments?select=id,headings(heading) 
            select t0."id", (select pg_catalog.row_to_json(r.*) from (select t1."heading" as "heading" from "api"."headings" as t1 where t1."tenant_id" = t0."tenant_id" and t1."id" = t0."ticket_id" limit $1) as r) from "api"."ticket_comments" as t0 limit $2
              $1: 1
              $2: 10000

            Patch /items?title=eq.a&select=shout,namesakes(id) return=representation
            with written as (update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."title" = $2 returning t0."id", t0."title", t0."tenant_id") select "api"."shout"(row(t0."id", t0."title", t0."tenant_id")::"api"."items"), (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."id" as "id" from "api"."namesakes"(row(t0."id", t0."title", t0."tenant_id")::"api"."items") as t1 limit $3) as r) from written as t0
              $1: {"title":"b"}
              $2: a
              $3: 10000

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
            (Post, "/documents?columns=title,tags", "missing=default", r#"[{"title":"a"},{"tags":["b"]}]"#),
            (Post, "/items", "", "[{},{}]"),
            (Post, "/support_tickets", "", r#"{"subject":"a","ticket_comments":[{"body":"b"},{"body":"c"}]}"#),
            (
                Post,
                "/support_tickets?select=id,ticket_comments(body)",
                "return=representation",
                r#"{"subject":"a","ticket_comments":[{"body":"b"}]}"#,
            ),
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

            Post /documents?columns=title,tags missing=default
            insert into "api"."documents" as t0 ("title", "tags") select body."title", case when object.value->$1::pg_catalog.text is null then ('{}'::text[]) else body."tags" end from pg_catalog.json_array_elements($2) as object (value), pg_catalog.json_to_record(object.value) as body ("title" text, "tags" text[])
              $1: tags
              $2: [{"title":"a"},{"tags":["b"]}]

            Post /items 
            insert into "api"."items" as t0 ("id") select case when object.value->$1::pg_catalog.text is null then (gen_random_uuid()) else body."id" end from pg_catalog.json_array_elements($2) as object (value), pg_catalog.json_to_record(object.value) as body ("id" uuid)
              $1: id
              $2: [{},{}]

            Post /support_tickets 
            with input (value) as (select $1::pg_catalog.json), written as (insert into "api"."support_tickets" as t0 ("subject") select b0."subject" from input, lateral (select input.value) as o0 (value), pg_catalog.json_to_record(o0.value) as b0 ("subject" text, "ticket_comments" pg_catalog.json) returning t0."id", t0."tenant_id", t0."subject", t0."body", t0."status", t0."priority", t0."opened_by", t0."created_at", t0."updated_at"), inserted_1 as (insert into "api"."ticket_comments" as t0 ("tenant_id", "ticket_id", "body") select r0."tenant_id", r0."id", b1."body" from input, lateral (select input.value) as o0 (value), pg_catalog.json_to_record(o0.value) as b0 ("subject" text, "ticket_comments" pg_catalog.json), pg_catalog.json_to_recordset(b0."ticket_comments") as b1 ("body" text), written as r0) select 1 from written as t0
              $1: {"subject":"a","ticket_comments":[{"body":"b"},{"body":"c"}]}

            Post /support_tickets?select=id,ticket_comments(body) return=representation
            with input (value) as (select $1::pg_catalog.json), written as (insert into "api"."support_tickets" as t0 ("subject") select b0."subject" from input, lateral (select input.value) as o0 (value), pg_catalog.json_to_record(o0.value) as b0 ("subject" text, "ticket_comments" pg_catalog.json) returning t0."id", t0."tenant_id", t0."subject", t0."body", t0."status", t0."priority", t0."opened_by", t0."created_at", t0."updated_at"), inserted_1 as (insert into "api"."ticket_comments" as t0 ("tenant_id", "ticket_id", "body") select r0."tenant_id", r0."id", b1."body" from input, lateral (select input.value) as o0 (value), pg_catalog.json_to_record(o0.value) as b0 ("subject" text, "ticket_comments" pg_catalog.json), pg_catalog.json_to_recordset(b0."ticket_comments") as b1 ("body" text), written as r0 returning t0."id", t0."tenant_id", t0."ticket_id", t0."body", t0."author_user_id", t0."created_at") select t0."id", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."body" as "body" from inserted_1 as t1 where t1."tenant_id" = t0."tenant_id" and t1."ticket_id" = t0."id" limit $2) as r), t0."id"::pg_catalog.text from written as t0
              $1: {"subject":"a","ticket_comments":[{"body":"b"}]}
              $2: 10000

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
    use Method::{Delete, Patch, Put};
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
            (Patch, "/items?select=id", "return=representation", r#"[{"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"b"}]"#),
            (Put, "/items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801", "", r#"{"title":"b"}"#),
            (
                Put,
                "/items?id=eq.0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801&select=title",
                "return=representation",
                r#"{"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"b"}"#,
            ),
            (Delete, "/items?or=(title.eq.a,title.eq.b)", "", ""),
            (Delete, "/items", "handling=strict, max-affected=1, return=representation", ""),
        ],
        expect![[r#"
            Patch /items?title=eq.a 
            update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."title" = $2
              $1: {"title":"b"}
              $2: a

            Patch /items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801?select=title return=representation
            update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."id" = $2 returning t0."title", pg_catalog.to_hex(pg_catalog.hashtextextended(row(t0."id", t0."title", t0."tenant_id")::pg_catalog.text, 0))
              $1: {"title":"b"}
              $2: 0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801

            Patch /items?title=eq.a return=representation
            select t0."id", t0."title", t0."tenant_id" from "api"."items" as t0 where t0."title" = $1 limit 0
              $1: a

            Patch /items?select=id return=representation
            with body as (select "title" as "title", "id" from pg_catalog.json_to_recordset($1) as body ("title" text, "id" uuid)) update "api"."items" as t0 set "title" = body."title" from body where t0."id" = body."id" and (select true from (select from body group by body."id" having pg_catalog.count(*) > 1 limit 1) as twice, (values (1), (2)) as two) is null returning t0."id"
              $1: [{"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"b"}]

            Put /items/0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801 
            insert into "api"."items" as t0 ("title", "id") select "title", $1::uuid from pg_catalog.json_to_record($2) as body ("title" text) on conflict ("tenant_id", "id") do update set "title" = excluded."title" returning t0.xmax = 0
              $1: 0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801
              $2: {"title":"b"}

            Put /items?id=eq.0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801&select=title return=representation
            insert into "api"."items" as t0 ("id", "title") select "id", "title" from pg_catalog.json_to_record($1) as body ("id" uuid, "title" text) where body."id" = $2 on conflict ("tenant_id", "id") do update set "title" = excluded."title" returning t0."title", t0.xmax = 0
              $1: {"id":"0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801","title":"b"}
              $2: 0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801

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

#[tokio::test]
async fn representations_and_counts_change_the_select_list_and_no_condition() {
    let catalog = catalog("").await;
    let config = Config { explain: true, planned_counts: true, rows_max: 100, ..config() };
    let mut text = String::new();
    for (sent, accept) in [
        (get("/items?select=id,title&title=eq.a"), "text/csv"),
        (get("/tenants?select=id,limits,items(title)"), "text/csv"),
        (get("/tenants?select=id,limits,items(title)"), "application/vnd.pgrst.array+json;nulls=stripped"),
        (get("/items?select=id"), "application/x-ndjson"),
        (get("/items?select=id"), "application/vnd.pgrst.plan+json; options=analyze|buffers"),
        ((Method::Get, "/items?select=id&title=eq.a", "count=planned", ""), "*/*"),
        ((Method::Get, "/items?select=id&title=eq.a", "count=estimated", ""), "*/*"),
        (
            (Method::Patch, "/items?id=eq.1&select=id", "return=representation", "{\"title\":\"b\"}"),
            "text/csv",
        ),
    ] {
        let _ = writeln!(text, "{:?} {} {} {accept}", sent.0, sent.1, sent.2);
        let query = query_for(&catalog, sent, Some(accept), &config);
        for statement in [&query.count, &query.planned].into_iter().flatten() {
            show(&mut text, statement);
        }
        show(&mut text, &query.statement);
        text.push('\n');
    }
    expect![[r#"
        Get /items?select=id,title&title=eq.a  text/csv
        select row(t0."id", t0."title")::pg_catalog.text from "api"."items" as t0 where t0."title" = $1 limit $2
          $1: a
          $2: 100

        Get /tenants?select=id,limits,items(title)  text/csv
        select row(t0."id", t0."limits", (select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."title" as "title" from "api"."items" as t1 where t1."tenant_id" = t0."id" limit $1) as r)::pg_catalog.jsonb)::pg_catalog.text from "tenancy"."tenants" as t0 limit $2
          $1: 100
          $2: 100

        Get /tenants?select=id,limits,items(title)  application/vnd.pgrst.array+json;nulls=stripped
        select t0."id", pg_catalog.json_strip_nulls(pg_catalog.to_json(t0."limits")), pg_catalog.json_strip_nulls((select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select t1."title" as "title" from "api"."items" as t1 where t1."tenant_id" = t0."id" limit $1) as r)) from "tenancy"."tenants" as t0 limit $2
          $1: 100
          $2: 100

        Get /items?select=id  application/x-ndjson
        select t0."id" from "api"."items" as t0 limit $1
          $1: 100

        Get /items?select=id  application/vnd.pgrst.plan+json; options=analyze|buffers
        explain (format json, analyze, buffers) select t0."id" from "api"."items" as t0 limit $1
          $1: 100

        Get /items?select=id&title=eq.a count=planned */*
        explain (format json) select from "api"."items" as t0 where t0."title" = $1
          $1: a
        select t0."id" from "api"."items" as t0 where t0."title" = $1 limit $2
          $1: a
          $2: 100

        Get /items?select=id&title=eq.a count=estimated */*
        select pg_catalog.count(*) from (select from "api"."items" as t0 where t0."title" = $1 limit $2) as r
          $1: a
          $2: 101
        explain (format json) select from "api"."items" as t0 where t0."title" = $1
          $1: a
        select t0."id" from "api"."items" as t0 where t0."title" = $1 limit $2
          $1: a
          $2: 100

        Patch /items?id=eq.1&select=id return=representation text/csv
        update "api"."items" as t0 set "title" = body."title" from pg_catalog.json_to_record($1) as body ("title" text) where t0."id" = $2 returning row(t0."id")::pg_catalog.text
          $1: {"title":"b"}
          $2: 1

    "#]].assert_eq(&text);
}

#[tokio::test]
async fn calls_bind_what_they_are_given() {
    check(
        &[
            get("/rpc/items_total"),
            get("/rpc/search_items?query=fair&title=neq.x&select=title&limit=3"),
            get("/rpc/items_titled?titles=a&titles=b,%22c"),
            (Method::Get, "/rpc/find_tickets?status=open&select=id", "count=exact", ""),
            (Method::Post, "/rpc/search_items", "", r#"{"query": "fair", "at_most": 2}"#),
            (Method::Post, "/rpc/items_titled", "", r#"{"titles": ["a"]}"#),
            (Method::Post, "/rpc/import_items?select=title", "", r#"[{"title": "a"}]"#),
            (
                Method::Post,
                "/rpc/close_ticket",
                "",
                r#"{"ticket_id": "0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801"}"#,
            ),
            (Method::Head, "/rpc/tickets_by_status?tickets=gt.1&order=status", "", ""),
        ],
        expect![[r#"
            Get /rpc/items_total 
            select t0."items_total" from "api"."items_total"() as t0 ("items_total")

            Get /rpc/search_items?query=fair&title=neq.x&select=title&limit=3 
            select t0."title" from "api"."search_items"("query" => $1::text) as t0 where t0."title" <> $2 limit $3
              $1: fair
              $2: x
              $3: 3

            Get /rpc/items_titled?titles=a&titles=b,%22c 
            select t0."id", t0."title", t0."tenant_id" from "api"."items_titled"(variadic "titles" => $1::text[]) as t0 limit $2
              $1: {"a","b,\"c"}
              $2: 10000

            Get /rpc/find_tickets?status=open&select=id count=exact
            select pg_catalog.count(*) from "api"."find_tickets"("status" => $1::text) as t0
              $1: open
            select t0."id" from "api"."find_tickets"("status" => $1::text) as t0 limit $2
              $1: open
              $2: 10000

            Post /rpc/search_items 
            select t0."id", t0."title", t0."tenant_id" from pg_catalog.json_to_record($1) as body ("query" text, "at_most" integer), "api"."search_items"("query" => body."query", "at_most" => body."at_most") as t0 limit $2
              $1: {"query": "fair", "at_most": 2}
              $2: 10000

            Post /rpc/items_titled 
            select t0."id", t0."title", t0."tenant_id" from pg_catalog.json_to_record($1) as body ("titles" text[]), "api"."items_titled"(variadic "titles" => body."titles") as t0 limit $2
              $1: {"titles": ["a"]}
              $2: 10000

            Post /rpc/import_items?select=title 
            select t0."title" from "api"."import_items"($1::json) as t0 limit $2
              $1: [{"title": "a"}]
              $2: 10000

            Post /rpc/close_ticket 
            select 1 from pg_catalog.json_to_record($1) as body ("ticket_id" uuid), "api"."close_ticket"("ticket_id" => body."ticket_id") as t0
              $1: {"ticket_id": "0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801"}

            Head /rpc/tickets_by_status?tickets=gt.1&order=status 
            select 1 from "api"."tickets_by_status"() as t0 where t0."tickets" > $1 order by t0."status" limit $2
              $1: 1
              $2: 10000

        "#]],
    )
    .await;
}

//! Requests made up from the grammar, and bent a little: whatever they are, none is a fault of the service, every answer
//! is whole JSON, and nothing of another tenant's is in it or changed by it.

use std::cell::Cell;
use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Select, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

use super::{Api, isolated};
use crate::support::{Answer, ServerOptions};

const READS: u32 = 2_000;
const WRITES: u32 = 1_000;
/// So many at the least must be answered with success, or the made-up requests prove nothing.
const SUCCESSES: u32 = 50;

/// What the other tenant's rows hold, and no row of the asking one.
const FOREIGN: [&str; 4] = ["Dwight", "Creed", "Learn Your Rights", "Of Bears"];

/// What the library has not: a junction, a view, computed fields and relationships, functions that read and write; columns
/// that have the names of what a statement calls its own.
const SHAPES: &str = r#"
create table api.tags (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    value text default 'v',
    object json,
    body jsonb default '{}',
    constraint tags_pkey primary key (tenant_id, id)
);
create table api.book_tags (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    book_id int not null,
    tag_id int not null,
    constraint book_tags_pkey primary key (tenant_id, book_id, tag_id),
    constraint book_tags_book_fkey foreign key (tenant_id, book_id) references api.books (tenant_id, id),
    constraint book_tags_tag_fkey foreign key (tenant_id, tag_id) references api.tags (tenant_id, id)
);
create view api.titles with (security_invoker) as select b.title, b.id, b.tenant_id, b.author_id from api.books as b;
grant select, insert, update, delete on api.titles to rowhouse_app;
create function api.loud(book api.books) returns text language sql stable return pg_catalog.upper(book.title);
create function api.whole(chapter api.chapters) returns json language sql stable return pg_catalog.to_json(chapter);
create function api.siblings(book api.books) returns setof api.books language sql stable
    begin atomic select b.* from api.books as b where b.id <> book.id; end;
create function api.writer(book api.books) returns setof api.authors rows 1 language sql stable
    begin atomic select a.* from api.authors as a where a.id = book.author_id; end;
create function api.library(at_least int default 0) returns setof api.books language sql stable
    begin atomic select b.* from api.books as b where b.pages >= library.at_least; end;
create function api.retitle(id int, title text) returns api.books language sql volatile
    begin atomic update api.books as b set title = retitle.title where b.id = retitle.id returning b.*; end;
create function api.echo(json) returns json language sql immutable return $1;
grant execute on all functions in schema api to rowhouse_app;
"#;

const SHAPED_ROWS: &str = "
insert into api.tags (tenant_id, id, value) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'x'), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'Creed''s');
insert into api.book_tags values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 1), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 1);
";

/// Everything is switched on that can be.
async fn api() -> Api {
    let ddl = format!("{SHAPES}{}{}", isolated("api.tags"), isolated("api.book_tags"));
    let options = ["aggregates", "planned_counts", "explain", "transaction_preference"]
        .iter()
        .fold(ServerOptions::default(), |options, key| options.set(key, true));
    Api::library_and(&ddl, SHAPED_ROWS, options).await
}

fn one_of(texts: &[&'static str]) -> Select<&'static str> {
    select(texts.to_vec())
}

fn name() -> impl Strategy<Value = String> {
    let columns = [
        "id",
        "title",
        "name",
        "author_id",
        "pages",
        "rating",
        "tags",
        "data",
        "available",
        "span",
        "tenant_id",
        "book_id",
        "colour",
        "authors",
        "books",
        "chapters",
        "covers",
        "books_author_fkey",
        "value",
        "object",
        "body",
        "tags",
        "book_tags",
        "titles",
        "loud",
        "whole",
        "siblings",
        "writer",
    ];
    let odd = ["", "nope", "a\"b", "\"title\"", "t0.id", "ID", "ünï", "not", "and", "select", "$1", "x::int"];
    prop_oneof![12 => one_of(&columns), 1 => one_of(&odd)].prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        6 => Just(""),
        1 => one_of(&["->n", "->>lang", "->n->>deep", "->isbn->0", "->isbn->>-1", "->", "->>\"a b\"", "->0->x"]),
    ];
    (name(), path).prop_map(|(name, path)| format!("{name}{path}"))
}

fn value() -> impl Strategy<Value = String> {
    let texts = [
        "1",
        "0",
        "-1",
        "99999999999999999999",
        "true",
        "null",
        "NaN",
        "sf",
        "*a*",
        "{1,2}",
        "{sf}",
        "[1,10)",
        "(,)",
        "2026-01-01",
        "7a245486-3fc8-47ec-b303-04fefe7a58ff",
        "162be16f-4c1d-4b0e-9a53-6f7d20c8e915",
        "",
        " ",
        "'",
        "\"",
        "\\",
        "%",
        "a,b",
        "a(b)",
        "(",
        "[",
        "{\"lang\":\"en\"}",
        "Learn*",
        "ünï\u{1F600}",
        "\u{7f}",
        "now()",
        "' or true --",
    ];
    prop_oneof![4 => one_of(&texts).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

/// `eq.1`, `not.in.(1,2)`; within a group a value ends at a comma.
fn comparison() -> impl Strategy<Value = String> {
    let operators = [
        "eq",
        "neq",
        "gt",
        "gte",
        "lt",
        "lte",
        "like",
        "ilike",
        "match",
        "imatch",
        "isdistinct",
        "cs",
        "cd",
        "ov",
        "sl",
        "sr",
        "nxr",
        "nxl",
        "adj",
        "fts",
        "plfts(english)",
        "phfts",
        "wfts(nope)",
        "eq(any)",
        "like(all)",
        "gt(any)",
        "in",
        "is",
        "of",
        "",
    ];
    let lists = prop_oneof![
        3 => value(),
        1 => vec(value(), 0..4).prop_map(|of| format!("({})", of.join(","))),
        1 => one_of(&["null", "not_null", "true", "UNKNOWN"]).prop_map(str::to_owned),
    ];
    (any::<bool>(), one_of(&operators), lists).prop_map(|(negated, operator, value)| {
        let not = if negated { "not." } else { "" };
        format!("{not}{operator}.{value}")
    })
}

fn group() -> impl Strategy<Value = String> {
    let test = (field(), comparison()).prop_map(|(field, comparison)| format!("{field}.{comparison}"));
    test.prop_recursive(3, 12, 4, |inner| {
        (one_of(&["and", "or", "not.and", "not.or"]), vec(inner, 1..4))
            .prop_map(|(word, of)| format!("{word}({})", of.join(",")))
    })
}

fn items() -> impl Strategy<Value = String> {
    let casts = ["", "", "", "::text", "::int", "::jsonb", "::regclass", "::"];
    let aggregates = ["", "", "", "", ".count()", ".sum()", ".max()", ".avg()::int", ".nope()"];
    let plain = (option::weighted(0.2, name()), field(), one_of(&aggregates), one_of(&casts)).prop_map(
        |(alias, field, aggregate, cast)| {
            let alias = alias.map(|alias| format!("{alias}:")).unwrap_or_default();
            format!("{alias}{field}{aggregate}{cast}")
        },
    );
    let leaf = prop_oneof![3 => plain, 1 => Just("*".to_owned()), 1 => Just("count()".to_owned())];
    let list = vec(leaf, 0..4).prop_map(|items| items.join(","));
    list.prop_recursive(3, 12, 3, |inner| {
        let marks = ["", "", "", "!inner", "!left", "!author_id", "!books_editor_fkey!inner", "!nope"];
        let embed = (one_of(&["", "", "...", "x:"]), name(), one_of(&marks), inner.clone())
            .prop_map(|(before, name, mark, items)| format!("{before}{name}{mark}({items})"));
        (inner, vec(embed, 0..3)).prop_map(|(items, embeds)| {
            let all: Vec<String> =
                [items].into_iter().chain(embeds).filter(|item| !item.is_empty()).collect();
            all.join(",")
        })
    })
}

fn order() -> impl Strategy<Value = String> {
    let term = (field(), one_of(&["", ".asc", ".desc", ".desc.nullslast", ".nullsfirst", ".up"]));
    let related = prop_oneof![4 => Just(false), 1 => Just(true)];
    vec((related, term), 0..3).prop_map(|terms| {
        let terms: Vec<String> = terms
            .into_iter()
            .map(
                |(related, (field, how))| {
                    if related { format!("authors({field}){how}") } else { format!("{field}{how}") }
                },
            )
            .collect();
        terms.join(",")
    })
}

/// A parameter that makes sense for books.
fn sensible() -> impl Strategy<Value = (String, String)> {
    let pairs = [
        ("id", "in.(1,2,9)"),
        ("id", "not.eq.4"),
        ("title", "ilike.*i*"),
        ("title", "wfts.kindred or rights"),
        ("pages", "gte(any).{10,300}"),
        ("tags", "cs.{sf}"),
        ("span", "ov.[2,6)"),
        ("data->>lang", "eq.en"),
        ("rating", "is.null"),
        ("or", "(id.eq.1,and(pages.lt.300,available.is.true))"),
        ("select", "id,title,pages"),
        ("select", "*,chapters(id,title)"),
        ("select", "id,authors!author_id(name),covers(colour)"),
        ("select", "title,by:authors!books_editor_fkey!inner(name)"),
        ("select", "id,data->n->deep,rating::text"),
        ("select", "id,tags(*),siblings(id,loud),writer(name)"),
        ("select", "title,loud,...authors!author_id(name,id)"),
        ("select", "...chapters(title,id),titles(id,chapters(whole))"),
        ("select", "available,pages.sum(),count()"),
        ("select", "id,chapters(count(),book_id)"),
        ("loud", "like.*I*"),
        ("order", "title.desc,id"),
        ("order", "rating.nullsfirst"),
        ("limit", "2"),
        ("offset", "1"),
        ("on_conflict", "tenant_id,id"),
        ("columns", "id,title"),
    ];
    select(pairs.to_vec()).prop_map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// One parameter, its name perhaps below an embedded relation.
fn parameter() -> impl Strategy<Value = (String, String)> {
    let below = prop_oneof![6 => Just(""), 1 => one_of(&["authors.", "chapters.", "x.", "books.chapters."])];
    let one = prop_oneof![
        4 => (field(), comparison()),
        2 => (one_of(&["and", "or", "not.and", "not.or"]).prop_map(str::to_owned),
              vec(group(), 1..3).prop_map(|of| format!("({})", of.join(",")))),
        2 => order().prop_map(|order| ("order".to_owned(), order)),
        1 => (one_of(&["limit", "offset"]).prop_map(str::to_owned),
              one_of(&["0", "1", "3", "-1", "x", "9223372036854775807", "9223372036854775808"])
                  .prop_map(str::to_owned)),
        3 => items().prop_map(|items| ("select".to_owned(), items)),
    ];
    (below, one).prop_map(|(below, (name, value))| (format!("{below}{name}"), value))
}

fn parameters() -> impl Strategy<Value = (String, String)> {
    prop_oneof![4 => sensible(), 1 => parameter()]
}

fn preference() -> impl Strategy<Value = String> {
    let words = [
        "return=minimal",
        "return=representation",
        "return=headers-only",
        "count=exact",
        "count=planned",
        "count=estimated",
        "resolution=merge-duplicates",
        "resolution=ignore-duplicates",
        "missing=default",
        "handling=strict",
        "handling=lenient",
        "max-affected=1",
        "max-affected=x",
        "tx=rollback",
        "timezone=Europe/Berlin",
        "timezone=nowhere",
        "wait=10",
    ];
    vec(one_of(&words), 0..3).prop_map(|words| words.join(", "))
}

fn accept() -> impl Strategy<Value = &'static str> {
    let others = [
        "*/*",
        "application/vnd.pgrst.object+json",
        "application/vnd.pgrst.array+json;nulls=stripped",
        "text/csv",
        "application/x-ndjson",
        "application/geo+json",
        "application/vnd.pgrst.plan+json",
        "text/html",
    ];
    prop_oneof![3 => Just("application/json"), 1 => one_of(&others)]
}

/// A path, or one with a key.
fn path() -> impl Strategy<Value = String> {
    let relations = [
        "books",
        "books",
        "books",
        "books",
        "books",
        "books",
        "books",
        "authors",
        "chapters",
        "covers",
        "tags",
        "book_tags",
        "titles",
        "rpc",
        "rpc/search_items",
        "rpc/library",
        "rpc/echo",
        "nope",
    ];
    let key = option::weighted(
        0.2,
        prop_oneof![value(), (0..6).prop_map(|id: i32| id.to_string()), Just("1,1".to_owned())],
    );
    (one_of(&relations), key).prop_map(|(relation, key)| match key {
        Some(key) => format!("/{relation}/{}", encoded(&key)),
        None => format!("/{relation}"),
    })
}

/// A function and what it is given: arguments, and the body of a POST.
fn call() -> impl Strategy<Value = (&'static str, Vec<(String, String)>, String)> {
    let functions = [
        "library",
        "library",
        "retitle",
        "echo",
        "search_items",
        "items_titled",
        "find_tickets",
        "item_titles",
        "items_total",
        "add_item",
        "import_items",
        "close_ticket",
        "escalate_ticket",
        "follow_link",
        "is_waiting",
        "loud",
        "siblings",
        "nope",
    ];
    let arguments = [
        ("at_least", "100"),
        ("at_least", "x"),
        ("id", "1"),
        ("id", "9"),
        ("title", "New"),
        ("query", "a"),
        ("titles", "{a,b}"),
        ("titles", "Parks"),
        ("status", "open"),
        ("priority", "urgent"),
        ("opened_since", "2020-01-01"),
        ("ticket_id", "31d6f0a4-27be-4c19-b6e8-5a40c9d1e201"),
        ("slug", "AAAAAAAAAAAAAAAAAAAAA"),
        ("book", "(162be16f-4c1d-4b0e-9a53-6f7d20c8e915,1,x,,,1,,,,,)"),
        ("ticket", "()"),
    ];
    let arguments = vec(select(arguments.to_vec()), 0..3);
    (one_of(&functions), arguments, any::<bool>(), option::weighted(0.1, value())).prop_map(
        |(function, arguments, in_body, odd)| {
            let pairs: Vec<(String, String)> =
                arguments.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let body: serde_json::Map<String, Value> =
                pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            let body =
                odd.unwrap_or_else(|| if in_body { Value::Object(body).to_string() } else { String::new() });
            (function, if in_body { Vec::new() } else { pairs }, body)
        },
    )
}

/// A header that says how the row must be.
fn precondition() -> impl Strategy<Value = Option<(&'static str, &'static str)>> {
    let headers = one_of(&["if-match", "if-none-match", "range", "accept-profile", "content-profile"]);
    let values = one_of(&[
        "*",
        "\"a-b\"",
        "W/\"a\", \"b\"",
        "\"",
        "",
        "\"\u{e9}\"",
        "0-1",
        "rows=5-2",
        "api",
        "tenancy",
    ]);
    option::weighted(0.15, (headers, values))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn url(path: &str, parameters: &[(String, String)]) -> String {
    let mut url = path.to_owned();
    for (index, (name, value)) in parameters.iter().enumerate() {
        let _ = write!(url, "{}{}={}", if index == 0 { '?' } else { '&' }, encoded(name), encoded(value));
    }
    url
}

/// What holds of every answer.
fn sound(answer: &Answer) -> Result<(), TestCaseError> {
    prop_assert!(answer.status < 500, "{answer:?}");
    for foreign in FOREIGN {
        prop_assert!(!answer.text.contains(foreign), "{answer:?}");
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if kind.contains("ndjson") {
        prop_assert!(answer.text.lines().all(is_json), "{answer:?}");
    } else if kind.contains("json") && !answer.text.is_empty() {
        prop_assert!(is_json(&answer.text), "{answer:?}");
    }
    if answer.status >= 400 && !answer.text.is_empty() {
        let told: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        prop_assert!(told["code"].is_string() && told["message"].is_string(), "{answer:?}");
    }
    Ok(())
}

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: std::fmt::Debug,
{
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(&strategy, test) {
        panic!("{error}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn no_read_is_a_fault_of_the_service_or_shows_another_tenants_rows() {
    let runtime = runtime();
    let api = runtime.block_on(api());
    let successes = Cell::new(0);
    let called = call().prop_map(|(function, pairs, _)| (format!("/rpc/{function}"), pairs));
    let asked = prop_oneof![4 => path().prop_map(|path| (path, Vec::new())), 1 => called];
    let methods = one_of(&["GET", "GET", "GET", "GET", "HEAD", "OPTIONS"]);
    let request = (methods, asked, vec(parameters(), 0..5), preference(), accept(), precondition());
    run(READS, request, |(method, (path, pairs), parameters, preference, accept, precondition)| {
        let parameters = [pairs, parameters].concat();
        let url = url(&path, &parameters);
        let mut request = (api.server.request(method.parse().unwrap(), &url).token(&api.token))
            .prefer(&preference)
            .header("accept", accept);
        if let Some((name, value)) = precondition {
            request = request.header(name, value);
        }
        let answer = runtime.block_on(request.send());
        successes.set(successes.get() + u32::from(answer.status < 300));
        sound(&answer).map_err(|error| {
            TestCaseError::fail(format!(
                "{method} {url} {parameters:?} {preference} {accept} {precondition:?}: {error}"
            ))
        })
    });
    assert!(successes.get() > SUCCESSES, "{successes:?}");
}

#[test]
fn no_write_is_a_fault_of_the_service_or_touches_another_tenants_rows() {
    const SUM: &str = "select md5(string_agg(t::text, '' order by t::text)) from ( \
        select to_jsonb(a) as t from api.authors a union all select to_jsonb(b) from api.books b \
        union all select to_jsonb(c) from api.chapters c union all select to_jsonb(d) from api.covers d \
        union all select to_jsonb(e) from api.tags e union all select to_jsonb(f) from api.book_tags f \
        union all select to_jsonb(g) from api.items g union all select to_jsonb(h) from api.support_tickets h) as all_rows \
        where t ->> 'tenant_id' = '162be16f-4c1d-4b0e-9a53-6f7d20c8e915'";
    let runtime = runtime();
    let api = runtime.block_on(api());
    let before = runtime.block_on(api.database.text(SUM));
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<i16>().prop_map(|number| number.to_string()),
        value().prop_map(|text| Value::from(text).to_string()),
        Just("[1,2]".to_owned()),
        Just("{\"a\":{}}".to_owned()),
        Just("true".to_owned()),
        Just("1e400".to_owned()),
    ];
    let object = vec((name(), scalar), 0..4)
        .prop_map(|members| {
            let members: Vec<String> =
                members.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
            format!("{{{}}}", members.join(","))
        })
        .boxed();
    let book = (0..4_000, "[a-zü ]{3,8}", 0..9)
        .prop_map(|(id, title, pages)| format!(r#"{{"id":{id},"title":"{title}","pages":{pages}}}"#));
    let nested = (0..4_000, 0..4_000, vec(object.clone(), 0..3), one_of(&["chapters", "covers", "book_tags", "tags", "authors"]))
        .prop_map(|(id, other, objects, name)| match objects.as_slice() {
            [] => format!(r#"{{"id":{id},"title":"n {id}","chapters":[{{"id":{other},"title":"x"}}],"covers":{{"colour":"x"}}}}"#),
            [one] => format!(r#"{{"id":{id},"title":"n {id}","{name}":{one}}}"#),
            _ => format!(r#"[{{"id":{id},"title":"n {id}","{name}":[{}]}}]"#, objects.join(",")),
        });
    let tag = (0..9, one_of(&["", ",\"value\":\"x\"", ",\"object\":{}", ",\"body\":[1]"]))
        .prop_map(|(id, more)| format!(r#"{{"id":{id}{more}}}"#));
    let table = vec((0..4_000, "[a-z\",\n ]{0,5}"), 0..3).prop_map(|rows| {
        let rows: Vec<String> = rows.into_iter().map(|(id, title)| format!("{id},{title},NULL\n")).collect();
        format!("id,title,rating\n{}", rows.concat())
    });
    let form = (0..4_000, value()).prop_map(|(id, title)| format!("id={id}&title={}", encoded(&title)));
    let body = prop_oneof![
        6 => book.clone(),
        3 => nested,
        2 => vec(tag, 0..3).prop_map(|tags| format!("[{}]", tags.join(","))),
        1 => table,
        1 => form,
        2 => vec(book, 0..3).prop_map(|books| format!("[{}]", books.join(","))),
        2 => object.clone(),
        1 => vec(object, 0..3).prop_map(|objects| format!("[{}]", objects.join(","))),
        1 => "\\PC{0,20}",
    ];
    let kinds =
        ["text/csv", "application/x-www-form-urlencoded", "a/b", "text/plain", "application/octet-stream"];
    // Mostly the one that the body is of.
    let kind = option::weighted(0.1, one_of(&kinds));
    let written = (one_of(&["POST", "POST", "PATCH", "PUT", "DELETE"]), path(), body)
        .prop_map(|(method, path, body)| (method, path, Vec::new(), body));
    let put = (0..6, 1..9).prop_map(|(id, pages)| {
        (
            "PUT",
            format!("/books/{id}"),
            Vec::new(),
            format!(r#"{{"id":{id},"title":"put {id}","pages":{pages}}}"#),
        )
    });
    let called = call().prop_map(|(function, pairs, body)| ("POST", format!("/rpc/{function}"), pairs, body));
    let request = (
        prop_oneof![8 => written, 1 => put, 2 => called],
        vec(parameters(), 0..3),
        preference(),
        accept(),
        kind,
        precondition(),
    );
    let successes = Cell::new(0);
    run(
        WRITES,
        request,
        |((method, path, pairs, body), parameters, preference, accept, kind, precondition)| {
            let kind = kind.unwrap_or(match body.get(..3) {
                Some("id,") => "text/csv",
                Some("id=") => "application/x-www-form-urlencoded",
                _ => "application/json",
            });
            let parameters = [pairs, parameters].concat();
            let url = url(&path, &parameters);
            let mut request = (api.server.request(method.parse().unwrap(), &url).token(&api.token))
                .prefer(&preference)
                .header("accept", accept)
                .text_body(kind, body.clone());
            if let Some((name, value)) = precondition {
                request = request.header(name, value);
            }
            let answer = runtime.block_on(request.send());
            successes.set(successes.get() + u32::from(answer.status < 300));
            sound(&answer)
            .map_err(|error| TestCaseError::fail(format!("{method} {url} {parameters:?} {preference} {accept} {kind} {precondition:?} {body}: {error}")))
        },
    );
    assert!(successes.get() > SUCCESSES, "{successes:?}");
    assert_eq!(runtime.block_on(api.database.text(SUM)), before);
}

//! The OpenAPI document, and the page that shows it.

use expect_test::expect_file;
use reqwest::Method;
use rowhouse::error::CODES;
use serde_json::{Value, json};

use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, ServerOptions, Token, eventually};

async fn document(server: &Server) -> Value {
    server.get("/openapi.json", &Token::leslie()).send().await.is(200).json()
}

fn strings<'a>(values: &'a Value, member: &str) -> Vec<&'a str> {
    values.as_array().unwrap().iter().filter_map(|value| value[member].as_str()).collect()
}

/// The targets of all references below `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                found.push(target.to_owned());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// JSON for readers: what fits on a line stands on one.
fn write(value: &Value, depth: usize, text: &mut String) {
    let line = value.to_string();
    let is_short = line.len() + 2 * depth <= 110;
    let (open, close, members): (char, char, Vec<(String, &Value)>) = match value {
        Value::Object(of) if !is_short => {
            ('{', '}', of.iter().map(|(name, member)| (format!("{}: ", json!(name)), member)).collect())
        }
        Value::Array(of) if !is_short => {
            ('[', ']', of.iter().map(|member| (String::new(), member)).collect())
        }
        _ => return text.push_str(&line),
    };
    text.push(open);
    for (index, (name, member)) in members.into_iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(&name);
        write(member, depth + 1, text);
    }
    text.push_str(&format!("\n{}{close}", "  ".repeat(depth)));
}

fn assert_whole(document: &Value) {
    let mut found = Vec::new();
    references(document, &mut found);
    assert!(found.len() > 100);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    }
}

#[tokio::test]
async fn the_document_of_the_demo_is_as_reviewed() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let document = document(&server).await;
    assert_whole(&document);
    let mut text = String::new();
    write(&document, 0, &mut text);
    expect_file!["openapi.json"].assert_eq(&format!("{text}\n"));
}

#[tokio::test]
async fn it_is_for_those_with_a_token_of_the_tenant() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for path in ["/openapi.json", "/"] {
        let refused = server.request(Method::GET, path).send().await.fails(401, "PGRST302");
        assert!(!refused.text.contains("items"));
        server.get(path, &Token::leslie()).send().await.is(200);
    }
    let elsewhere = format!("/{DUNDER}/openapi.json");
    server.get(&elsewhere, &Token::leslie()).send().await.fails(403, "TEN001");
}

#[tokio::test]
async fn below_a_tenant_its_paths_are_below_the_tenant() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for path in [format!("/{PAWNEE}/openapi.json"), format!("/{PAWNEE}/"), format!("/{PAWNEE}")] {
        let document = server.get(&path, &Token::leslie()).send().await.is(200).json();
        assert_eq!(document["servers"], json!([{"url": format!("/{PAWNEE}")}]));
        assert_eq!(document["openapi"], "3.1.1");
    }
}

#[tokio::test]
async fn it_is_sent_again_only_when_it_has_changed() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let first = server.get("/openapi.json", &Token::leslie()).send().await.is(200);
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let server = &server;
    let asked = async |etag: &str| {
        server.get("/openapi.json", &Token::leslie()).header("if-none-match", etag).send().await
    };
    let unchanged: Answer = asked(&etag).await;
    assert_eq!(
        (unchanged.status, unchanged.text.as_str(), unchanged.header("etag")),
        (304, "", Some(etag.as_str()))
    );
    let changed = asked("\"another\"").await;
    assert_eq!((changed.status, &changed.text), (200, &first.text));
}

#[tokio::test]
async fn it_comes_in_the_type_that_is_asked_for() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for (accept, content_type) in [
        ("*/*", "application/openapi+json"),
        ("application/openapi+json", "application/openapi+json"),
        ("application/json", "application/json; charset=utf-8"),
    ] {
        let answer = server.get("/", &Token::leslie()).header("accept", accept).send().await.is(200);
        assert_eq!(answer.header("content-type"), Some(content_type), "{accept}");
    }
    server.get("/", &Token::leslie()).header("accept", "text/csv").send().await.fails(406, "PGRST107");
    let head = server.head("/openapi.json", &Token::leslie()).send().await.is(200);
    assert_eq!((head.text.as_str(), head.header("content-type")), ("", Some("application/openapi+json")));
    let refused = server.post("/", &Token::leslie(), json!({})).send().await.fails(405, "PGRST117");
    assert_eq!(refused.header("allow"), Some("OPTIONS, GET, HEAD"));
    let options =
        server.request(Method::OPTIONS, "/openapi.json").token(&Token::leslie()).send().await.is(200);
    assert_eq!(options.header("allow"), Some("OPTIONS, GET, HEAD"));
}

#[tokio::test]
async fn it_shows_what_the_role_may_do_and_nothing_else() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.notes (
                tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants,
                id integer primary key, secret text, body text);
            comment on table api.notes is E'What people wrote down.\nOnly for reading. @tenant(tenant_id)';
            comment on column api.notes.body is 'In Markdown.';
            alter table api.notes enable row level security;
            alter table api.notes force row level security;
            create policy all_tenant on api.notes to rowhouse_app
                using (tenant_id = (select tenancy.current_tenant_id()));
            grant select (id, tenant_id, body) on api.notes to rowhouse_app;
            create table api.hidden (id integer)",
        )
        .await;
    let server = Server::start(&database).await;
    let document = document(&server).await;
    assert_whole(&document);
    let notes = &document["paths"]["/notes"];
    let methods: Vec<&str> = notes.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(methods, ["get", "head", "parameters"]);
    assert_eq!(notes["get"]["description"], "What people wrote down.\nOnly for reading.");
    let schema = &document["components"]["schemas"]["notes"];
    assert_eq!(
        schema["properties"]["body"],
        json!({"type": ["string", "null"], "description": "In Markdown."})
    );
    assert_eq!(schema["properties"].get("secret"), None);
    assert!(!document.to_string().contains("hidden"));

    database
        .as_owner("grant insert (id, body), delete on api.notes to rowhouse_app; notify rowhouse, 'reload'")
        .await;
    eventually("the new rights are shown", || async {
        let document = self::document(&server).await;
        let new = &document["components"]["schemas"]["notes.new"];
        document["paths"]["/notes"].get("delete").is_some()
            && new["required"] == json!(["id"])
            && new["properties"].as_object().is_some_and(|members| members.keys().eq(["body", "id"]))
    })
    .await;
}

#[tokio::test]
async fn a_schema_says_what_its_columns_hold() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create type api.mood as enum ('glad', 'sad', 'it''s complicated');
            create domain api.percent as integer default 50 check (value between 0 and 100);
            create table api.everything (
                tenant_id uuid not null default tenancy.current_tenant_id() references tenancy.tenants,
                id bigint generated always as identity,
                mood api.mood not null,
                moods api.mood[],
                share api.percent not null,
                code varchar(8) not null check (code ~ '^[a-z]+$'),
                codes varchar(8)[] not null default '{}',
                price numeric(10,2) not null default 9.5 check (price > 0),
                level text check (level in ('low', 'high')),
                kept boolean not null default true,
                raw jsonb, day date, at timestamptz, local timestamp, span interval, bytes bytea, place point,
                twice integer generated always as (2) stored,
                starts integer, ends integer, check (starts < ends),
                primary key (tenant_id, id));
            alter table api.everything enable row level security;
            alter table api.everything force row level security;
            create policy all_tenant on api.everything to rowhouse_app
                using (tenant_id = (select tenancy.current_tenant_id()));
            grant select, insert, update, delete on api.everything to rowhouse_app;
            grant usage on type api.mood, api.percent to rowhouse_app;
            select tenancy.declare('api.everything', 'tenant', 'For a test.')",
        )
        .await;
    let server = Server::start(&database).await;
    let document = document(&server).await;
    let schemas = &document["components"]["schemas"];
    let mut texts = String::new();
    for name in ["everything", "everything.new"] {
        texts.push_str(&format!("{name}: "));
        write(&schemas[name], 0, &mut texts);
        texts.push('\n');
    }
    expect_file!["openapi_types.txt"].assert_eq(&texts);
    let row = &document["paths"]["/everything/{id}"];
    assert_eq!(
        row["parameters"][0],
        json!({"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "format": "int64"}})
    );
}

#[tokio::test]
async fn odd_names_give_a_sound_document() {
    let database = Database::demo().await;
    database
        .as_owner(
            r#"create table api."Größe {x}/y" ("a/b" text primary key, "select" text, "é ""q""" text);
            select tenancy.declare('api."Größe {x}/y"', 'global', 'a test');
            grant select on api."Größe {x}/y" to rowhouse_app"#,
        )
        .await;
    let server = Server::start(&database).await;
    let document = document(&server).await;
    assert_whole(&document);
    let path = &document["paths"]["/Gr%C3%B6%C3%9Fe%20%7Bx%7D%2Fy"];
    let filters: Vec<&str> = path["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|parameter| parameter["$ref"].as_str())
        .filter(|target| target.contains("rowFilter"))
        .collect();
    // `select` is a parameter of its own.
    assert_eq!(filters.len(), 2);
    assert!(document["paths"].get("/Gr%C3%B6%C3%9Fe%20%7Bx%7D%2Fy/{key1}").is_some());
    for (name, _) in
        document["components"].as_object().unwrap().values().flat_map(|of| of.as_object().unwrap())
    {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{name}");
    }
}

#[tokio::test]
async fn every_error_that_a_client_can_meet_is_in_it() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let document = document(&server).await;
    for code in CODES {
        let response = &document["components"]["responses"][format!("rowhouse.Error{}", code.status)];
        let description = response["description"].as_str().unwrap_or_default();
        assert!(description.contains(&format!("`{}`", code.code)), "{} {}", code.code, code.status);
    }
    let unused: Vec<&String> = document["components"]["responses"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !document["paths"].to_string().contains(&format!("/{name}\"")))
        .collect();
    assert_eq!(unused, Vec::<&String>::new());
}

#[tokio::test]
async fn a_profile_has_a_document_of_its_own() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let of =
        |profile: &'static str| server.get("/", &Token::leslie()).header("accept-profile", profile).send();
    let tenancy = of("tenancy").await.is(200).json();
    assert_eq!(strings(&tenancy["tags"], "name"), ["This document", "tenants", "Several requests at once"]);
    assert_eq!(tenancy["components"]["parameters"]["acceptProfile"]["required"], true);
    of("secret").await.fails(406, "PGRST106");
}

#[tokio::test]
async fn each_database_role_has_a_document_of_its_own() {
    let database = Database::demo().await;
    database.as_owner("grant select (id, title) on api.newsfeed_items to rowhouse_anonymous").await;
    let options = ServerOptions::default().set("anonymous_role", "rowhouse_anonymous");
    let server = Server::with(&database, options).await;
    // Without a token only the path can say whose document it is.
    server.request(Method::GET, "/openapi.json").send().await.fails(401, "PGRST302");
    let path = format!("/{PAWNEE}/openapi.json");
    let anonymous = server.request(Method::GET, &path).send().await.is(200);
    assert!(!anonymous.text.contains("items.new") && !anonymous.text.contains("/support_tickets"));
    let anonymous = anonymous.json();
    assert_eq!(anonymous["security"], json!([{"bearer": []}, {}]));
    let columns = &anonymous["components"]["schemas"]["newsfeed_items"]["properties"];
    assert!(columns.as_object().unwrap().keys().eq(["id", "title"]), "{columns}");
    let leslies = server.get(&path, &Token::leslie()).send().await.is(200).json();
    assert!(leslies["paths"].get("/support_tickets").is_some());
}

#[tokio::test]
async fn without_the_setting_there_is_no_document() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("openapi", false)).await;
    server.get("/", &Token::leslie()).send().await.fails(404, "PGRST126");
    server.get("/openapi.json", &Token::leslie()).send().await.fails(404, "PGRST205");
}

#[tokio::test]
async fn the_page_is_public_and_may_load_nothing_from_elsewhere() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("docs", true)).await;
    for (file, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("/docs.js", "text/javascript; charset=utf-8"),
        ("/docs.css", "text/css; charset=utf-8"),
        ("/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/swagger-ui.css", "text/css; charset=utf-8"),
    ] {
        let path = format!("/docs{file}");
        let answer = server.request(Method::GET, &path).raw().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        for (name, value) in [
            ("content-type", content_type),
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
        assert!(!answer.bytes().await.unwrap().is_empty());
    }
    let page = server.request(Method::GET, "/docs").send().await.is(200).text;
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script>"), "{page}");
    assert!(!page.contains("items"), "{page}");
    server.request(Method::GET, "/docs/../Cargo.toml").send().await.fails(401, "PGRST302");
    server.request(Method::GET, "/docs/nothing.js").send().await.fails(404, "PGRST125");
    server.request(Method::POST, "/docs").send().await.fails(405, "PGRST117");
}

#[tokio::test]
async fn where_the_page_is_off_docs_is_a_name_like_any_other() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.docs (id integer primary key); insert into api.docs values (1);
            select tenancy.declare('api.docs', 'global', 'a test');
            grant select on api.docs to rowhouse_app",
        )
        .await;
    let server = Server::start(&database).await;
    server.request(Method::GET, "/docs").send().await.fails(401, "PGRST302");
    assert_eq!(server.get("/docs", &Token::leslie()).send().await.is(200).rows().len(), 1);
    // Where it is on, the tenant's path still leads to the relation.
    let server = Server::with(&database, ServerOptions::default().set("docs", true)).await;
    assert_eq!(server.get(&format!("/{PAWNEE}/docs"), &Token::leslie()).send().await.is(200).rows().len(), 1);
    server.request(Method::GET, "/docs").send().await.is(200);
}

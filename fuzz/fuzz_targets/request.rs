//! Any request, taken as far as SQL: nothing panics, no refusal is the service's fault, every placeholder is bound.
//!
//! An input is text, line by line: method and path, query string, `Prefer`, `Accept`, `Content-Type`, `Range`, `If-Match`,
//! `If-None-Match`; the rest is the body. The catalog is that of the demo, read from `ROWHOUSE_DATABASE_URL` before the first input (`scripts/fuzz`).

#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rowhouse::catalog::{self, Catalog};
use rowhouse::config::Config;
use rowhouse::db::Database;
use rowhouse::error::Error;
use rowhouse::plan;
use rowhouse::query::{self, Statement};
use rowhouse::request::{self, Method, Path, RawRequest};

static DEMO: OnceLock<(Config, Catalog)> = OnceLock::new();

fuzz_target!(init: { DEMO.get_or_init(demo); }, |input: &[u8]| {
    let (config, catalog) = DEMO.get_or_init(demo);
    let (raw, body) = parts(input);
    if let Err(error) = translate(&raw, &body, catalog, config) {
        let answer = error.answer();
        assert!(answer.status < 500, "{raw:?} is answered {answer:?}");
    }
});

fn translate(raw: &RawRequest, body: &Bytes, catalog: &Catalog, config: &Config) -> Result<(), Error> {
    let (_, path) = request::split_tenant(&raw.path);
    let request = request::parse(raw, Path::parse(path)?, body, config)?;
    let plan = plan::plan(&request, catalog, config)?;
    let query = query::query(&plan);
    for statement in query.count.iter().chain(&query.planned).chain([&query.statement]) {
        assert_eq!(placeholders(&statement.text), statement.params.len(), "{statement:?}");
    }
    Ok(())
}

/// The highest placeholder of a statement, once each below it is found to be there, too.
fn placeholders(text: &str) -> usize {
    let mut seen = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '$']) {
        let (mark, behind) = rest[at..].split_at(1);
        if mark == "$" {
            let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            seen.push(behind[..digits].parse::<usize>().expect("a placeholder has a number"));
            rest = &behind[digits..];
        } else {
            // A doubled quote ends one quoted part and begins the next: the same to us.
            rest = &behind[behind.find(mark).expect("a quote is closed") + 1..];
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.iter().copied().eq(1..=seen.len()), "{text}");
    seen.len()
}

fn parts(input: &[u8]) -> (RawRequest, Bytes) {
    let mut lines = input.splitn(9, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let first = line();
    let (method, path) = first.split_once(' ').unwrap_or(("GET", &first));
    let some = |text: String| (!text.is_empty()).then_some(text);
    let raw = RawRequest {
        method: match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PATCH" => Method::Patch,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        },
        path: path.to_owned(),
        query: line(),
        prefer: some(line()),
        accept: some(line()),
        content_type: some(line()),
        range: some(line()),
        if_match: some(line()),
        if_none_match: some(line()),
        ..RawRequest::default()
    };
    (raw, Bytes::copy_from_slice(lines.next().unwrap_or_default()))
}

fn demo() -> (Config, Catalog) {
    let config = Config::read(None, std::env::vars(), &Default::default()).expect("ROWHOUSE_* variables");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let catalog = runtime.block_on(async {
        let client =
            Database::for_requests(&config).expect("a URL").client().await.expect("the demo's database");
        catalog::load(&client, &config).await.expect("the demo's catalog")
    });
    (config, catalog)
}

//! How long a request takes from its bytes to its SQL: parse, plan, query. Pure, so measured without a server.
//!
//! The catalog is that of the demo, read from `ROWHOUSE_DATABASE_URL` before anything is measured:
//! `scripts/bench planner` sets it up.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rowhouse::catalog::{self, Catalog};
use rowhouse::config::Config;
use rowhouse::db::Database;
use rowhouse::request::{self, Method, Path, RawRequest};
use rowhouse::{plan, query};

fn demo() -> (Config, Catalog) {
    let config = Config::read(None, std::env::vars(), &Default::default()).expect("ROWHOUSE_* variables");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let catalog = runtime.block_on(async {
        let client = Database::for_requests(&config).expect("a URL").client().await.expect("a database");
        catalog::load(&client, &config).await.expect("the demo's catalog")
    });
    (config, catalog)
}

fn get(path: &str, query: &str) -> (RawRequest, Bytes) {
    let raw = RawRequest { path: path.to_owned(), query: query.to_owned(), ..RawRequest::default() };
    (raw, Bytes::new())
}

fn translate(raw: &RawRequest, body: &Bytes, catalog: &Catalog, config: &Config) -> query::Query {
    let request =
        request::parse(raw, Path::parse(&raw.path).expect("it parses"), body, config).expect("it parses");
    query::query(&plan::plan(&request, catalog, config).expect("it can be planned"))
}

fn typical(criterion: &mut Criterion) {
    let (config, catalog) = demo();
    let insert = RawRequest {
        method: Method::Post,
        path: "/items".to_owned(),
        query: "select=id,title".to_owned(),
        prefer: Some("return=representation".to_owned()),
        content_type: Some("application/json".to_owned()),
        ..RawRequest::default()
    };
    let requests = [
        ("list", get("/items", "select=id,title&order=title.desc&limit=20")),
        ("key", get("/items/0b4f2f5e-9a0f-4d7a-8b67-8ce6a9a2f001", "")),
        (
            "filters",
            get(
                "/support_tickets",
                "select=id,subject,status&status=in.(open,pending)&or=(subject.ilike.*late*,and(status.eq.open,\
                 created_at.gte.2026-01-01))&order=created_at.desc.nullslast,id&limit=50&offset=100",
            ),
        ),
        ("embed", get("/tenants", "select=id,name,items(id,title)&items.order=title&items.limit=5")),
        ("insert", (insert, Bytes::from_static(br#"{"title": "A swing"}"#))),
    ];
    let mut group = criterion.benchmark_group("parse, plan and SQL");
    for (name, (raw, body)) in &requests {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| translate(black_box(raw), black_box(body), &catalog, &config));
        });
    }
    group.finish();
}

/// Twice the input must take twice the time, not four times.
fn growing(criterion: &mut Criterion) {
    let (config, catalog) = demo();
    let config = Config { filters_max: 10_000, url_bytes_max: 65_536, ..config };
    let mut group = criterion.benchmark_group("filters in one query");
    for filters in [100, 200, 400, 800, 1_600] {
        let query = vec!["title=not.ilike.*a*"; filters].join("&");
        let (raw, body) = get("/items", &query);
        group.throughput(Throughput::Elements(filters as u64));
        group.bench_with_input(BenchmarkId::from_parameter(filters), &raw, |bencher, raw| {
            bencher.iter(|| translate(black_box(raw), &body, &catalog, &config));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("elements in one list");
    for elements in [100, 1_000, 10_000] {
        let query = format!("title=in.({})", vec!["\"a\""; elements].join(","));
        let (raw, body) = get("/items", &query);
        group.throughput(Throughput::Elements(elements as u64));
        group.bench_with_input(BenchmarkId::from_parameter(elements), &raw, |bencher, raw| {
            bencher.iter(|| translate(black_box(raw), &body, &catalog, &config));
        });
    }
    group.finish();
}

criterion_group!(benches, typical, growing);
criterion_main!(benches);

//! `Prefer`: time zones, transactions that are undone, and what is said to have been applied.

use serde_json::json;

use super::{Api, isolated};
use crate::support::ServerOptions;

async fn clock() -> Api {
    let ddl = "create table api.clocks (
        tenant_id uuid not null default tenancy.current_tenant_id(),
        id int, at timestamptz, local timestamp, clock int,
        constraint clocks_pkey primary key (tenant_id, id),
        constraint clocks_clock foreign key (tenant_id, clock) references api.clocks);";
    let api = Api::with(&format!("{ddl}{}", isolated("api.clocks"))).await;
    let row = json!({"id": 1, "at": "2026-07-01T12:00:00Z", "local": "2026-07-01T12:00:00", "clock": 1});
    api.post("/clocks", "", row).await.is(201);
    api
}

#[tokio::test]
async fn times_are_said_in_the_zone_that_is_preferred() {
    let api = clock().await;
    let path = "/clocks/1?select=at,local,as:at::text";
    for (zone, at, text) in [
        ("America/New_York", "2026-07-01T08:00:00-04:00", "2026-07-01 08:00:00-04"),
        ("UTC", "2026-07-01T12:00:00+00:00", "2026-07-01 12:00:00+00"),
        ("+05:30", "2026-07-01T17:30:00+05:30", "2026-07-01 17:30:00+05:30"),
        ("-08", "2026-07-01T04:00:00-08:00", "2026-07-01 04:00:00-08"),
        ("Etc/GMT+5", "2026-07-01T07:00:00-05:00", "2026-07-01 07:00:00-05"),
    ] {
        let answer = api.get_preferring(path, &format!("timezone={zone}")).await.is(200);
        assert_eq!(answer.json(), json!({"at": at, "local": "2026-07-01T12:00:00", "as": text}), "{zone}");
        assert_eq!(answer.header("preference-applied"), Some(format!("timezone={zone}").as_str()));
    }
    // The zone ends with its transaction.
    assert_eq!(api.get("/clocks/1?select=at").await.text, r#"{"at":"2026-07-01T12:00:00+00:00"}"#);
}

#[tokio::test]
async fn writes_filters_and_embedded_rows_are_in_the_zone_that_is_preferred() {
    let api = clock().await;
    let zone = "return=representation, timezone=Asia/Tokyo";
    let made = api.post("/clocks?select=at", zone, json!({"id": 2, "at": "2026-01-01 09:00"})).await.is(201);
    assert_eq!(made.text, r#"[{"at":"2026-01-01T09:00:00+09:00"}]"#);
    assert_eq!(made.header("preference-applied"), Some("return=representation, timezone=Asia/Tokyo"));
    assert_eq!(api.get("/clocks/2?select=at").await.text, r#"{"at":"2026-01-01T00:00:00+00:00"}"#);
    let found = api.get_preferring("/clocks?at=eq.2026-01-01 09:00&select=id", "timezone=Asia/Tokyo").await;
    assert_eq!(found.is(200).text, r#"[{"id":2}]"#);
    let embedded =
        api.get_preferring("/clocks/1?select=id,clocks!clocks_clock(at)", "timezone=Asia/Tokyo").await;
    assert!(embedded.status == 300 || embedded.text.contains("21:00:00+09:00"), "{embedded:?}");
}

#[tokio::test]
async fn a_zone_that_is_none_is_ignored_or_refused() {
    let api = clock().await;
    let unknown = api.get_preferring("/clocks", "timezone=Moon/Tranquility").await.fails(400, "22023");
    assert!(unknown.json()["message"].as_str().unwrap().contains("Moon/Tranquility"));
    api.get_preferring("/clocks", "timezone=Moon/X'; drop table api.clocks; --").await.is(200);
    for malformed in ["A1", "EST5EDT", "+99:99", ""] {
        let lenient = api.get_preferring("/clocks", &format!("timezone={malformed}")).await.is(200);
        assert_eq!(lenient.header("preference-applied"), None);
        let strict = format!("handling=strict, timezone={malformed}");
        api.get_preferring("/clocks", &strict).await.fails(400, "PGRST122");
    }
    // Whatever went wrong, the next request is answered.
    assert_eq!(api.get("/clocks?select=id").await.is(200).text, r#"[{"id":1}]"#);
}

#[tokio::test]
async fn zones_hold_also_where_the_tenant_is_set_by_a_statement() {
    let api = Api::library_with(ServerOptions::default().set("tenant_setting", "set_config")).await;
    let answer = api.get_preferring("/documents?select=created_at", "timezone=+01:00").await.is(200);
    assert!(
        answer.column("created_at").iter().all(|at| at.as_str().unwrap().ends_with("+01:00")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_transaction_is_undone_only_where_that_is_allowed() {
    let row = json!({"id": 50, "title": "Gone"});
    let api = Api::library().await;
    let heard = api.post("/books", "tx=rollback", row.clone()).await.is(201);
    assert_eq!(heard.header("preference-applied"), None);
    api.post("/books", "tx=rollback, handling=strict", json!({"id": 51, "title": "x"}))
        .await
        .fails(400, "PGRST122");
    assert_eq!(api.database.count("select count(*) from api.books where id in (50, 51)").await, 1);

    let api = Api::library_with(ServerOptions::default().set("transaction_preference", true)).await;
    let undone =
        api.post("/books?select=id", "tx=rollback, return=representation", row.clone()).await.is(201);
    assert_eq!(undone.text, r#"[{"id":50}]"#);
    assert_eq!(undone.header("preference-applied"), Some("return=representation, tx=rollback"));
    let strict = "tx=rollback, handling=strict, max-affected=9";
    let deleted = api.delete("/chapters", strict).await.is(204);
    assert_eq!(deleted.header("preference-applied"), Some("tx=rollback, handling=strict, max-affected=9"));
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
    assert_eq!(api.database.count("select count(*) from api.books where id = 50").await, 0);
    api.post("/books", "tx=commit", row).await.is(201);
    assert_eq!(api.database.count("select count(*) from api.books where id = 50").await, 1);
}

#[tokio::test]
async fn only_what_was_applied_is_echoed() {
    let api = Api::library().await;
    let every = "max-affected=9, timezone=UTC, handling=strict, count=exact, return=minimal, missing=default, \
        resolution=merge-duplicates";
    let inserted = api.post("/books", every, json!({"id": 1, "title": "x"})).await.is(200);
    assert_eq!(
        inserted.header("preference-applied"),
        Some(
            "resolution=merge-duplicates, missing=default, return=minimal, count=exact, handling=strict, timezone=UTC"
        )
    );
    let patched = api.patch("/books/1", every, json!({"title": "y"})).await.is(204);
    assert_eq!(
        patched.header("preference-applied"),
        Some("missing=default, return=minimal, count=exact, handling=strict, timezone=UTC, max-affected=9")
    );
    let put = api.put("/books/1", every, json!({"title": "z"})).await.is(204);
    assert_eq!(
        put.header("preference-applied"),
        Some("return=minimal, count=exact, handling=strict, timezone=UTC")
    );
    let deleted = api.delete("/books/4", every).await.is(204);
    assert_eq!(
        deleted.header("preference-applied"),
        Some("return=minimal, count=exact, handling=strict, timezone=UTC, max-affected=9")
    );
    let read = api.get_preferring("/books", every).await.is(200);
    assert_eq!(read.header("preference-applied"), Some("count=exact, handling=strict, timezone=UTC"));
}

//! `limit`, `offset`, `Range`, `Content-Range`, counting, HEAD, and answers too large to be sent whole.

use super::Api;
use crate::support::{Answer, PAWNEE, ServerOptions};

async fn ranged(api: &Api, path: &str, range: &str) -> Answer {
    api.server.get(path, &api.token).header("range-unit", "items").header("range", range).send().await
}

#[tokio::test]
async fn limit_and_offset_cut_the_list() {
    let api = Api::library().await;
    for (window, ids, range) in [
        ("limit=2", vec![1, 2], "0-1/*"),
        ("limit=2&offset=1", vec![2, 3], "1-2/*"),
        ("offset=3", vec![4], "3-3/*"),
        ("offset=4", vec![], "*/*"),
        ("offset=400", vec![], "*/*"),
        ("limit=0", vec![], "*/*"),
        ("limit=9", vec![1, 2, 3, 4], "0-3/*"),
    ] {
        let answer = api.get(&format!("/books?select=id&order=id&{window}")).await.is(200);
        assert_eq!(answer.column("id"), ids, "{window}");
        assert_eq!(answer.header("content-range"), Some(range), "{window}");
    }
    api.get("/books?limit=-1").await.fails(416, "PGRST103");
    api.get("/books?offset=-1").await.fails(416, "PGRST103");
    api.get("/books?limit=many").await.fails(400, "PGRST100");
    api.get("/books?limit=99999999999999999999").await.fails(400, "PGRST100");
}

#[tokio::test]
async fn a_range_header_is_intersected_with_limit_and_offset() {
    let api = Api::library().await;
    for (query, range, ids) in [
        ("", "0-1", vec![1, 2]),
        ("", "1-", vec![2, 3, 4]),
        ("&limit=2", "1-3", vec![2]),
        ("&offset=2", "0-2", vec![3]),
        ("&limit=0", "1-3", vec![]),
        // No range that is understood.
        ("", "bytes=0-1", vec![1, 2, 3, 4]),
    ] {
        let answer = ranged(&api, &format!("/books?select=id&order=id{query}"), range).await.is(200);
        assert_eq!(answer.column("id"), ids, "{query} {range}");
    }
    ranged(&api, "/books", "3-1").await.fails(416, "PGRST103");
    ranged(&api, "/books?limit=1", "3-4").await.fails(416, "PGRST103");
    // Only GET has ranges.
    let request = api.server.head("/books", &api.token).header("range", "0-0");
    assert_eq!(request.send().await.is(200).header("content-range"), Some("0-3/*"));
}

#[tokio::test]
async fn a_counted_part_is_206_and_an_offset_beyond_is_416() {
    let api = Api::library().await;
    for (query, status, range) in [
        ("", 200, "0-3/4"),
        ("limit=2", 206, "0-1/4"),
        ("limit=2&offset=2", 206, "2-3/4"),
        ("offset=4", 206, "*/4"),
        ("limit=0", 206, "*/4"),
        ("pages=gt.9999", 200, "*/0"),
        ("pages=gt.100&limit=1", 206, "0-0/2"),
    ] {
        let answer = api.get_preferring(&format!("/books?{query}"), "count=exact").await.is(status);
        assert_eq!(answer.header("content-range"), Some(range), "{query}");
        assert_eq!(answer.header("preference-applied"), Some("count=exact"));
    }
    api.get_preferring("/books?offset=5", "count=exact").await.fails(416, "PGRST103");
    api.get("/books?offset=5").await.is(200);
}

#[tokio::test]
async fn head_says_what_get_would_without_a_body() {
    let api = Api::library().await;
    let get = api.get_preferring("/books?limit=3", "count=exact").await.is(206);
    let head = api.server.head("/books?limit=3", &api.token).prefer("count=exact").send().await.is(206);
    assert_eq!(head.text, "");
    for name in ["content-range", "content-type", "preference-applied", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    // RFC 9110 9.3.2: that of GET or none.
    assert_eq!(head.header("content-length"), None);
    api.server.head("/books/1", &api.token).send().await.is(200);
    api.server.head("/books/99", &api.token).send().await.is(404);
    api.server.head("/nothing", &api.token).send().await.is(404);
}

#[tokio::test]
async fn rows_max_bounds_every_relation_and_no_count() {
    let api = Api::library_with(ServerOptions::default().set("rows_max", 1)).await;
    let answer = api.get_preferring("/books?select=id,chapters(id)&order=id&limit=3", "count=exact").await;
    assert_eq!(answer.is(206).text, r#"[{"id":1,"chapters":[{"id":1}]}]"#);
    let answer = api.get_preferring("/books", "count=exact").await;
    assert_eq!(answer.header("content-range"), Some("0-0/4"));
}

#[tokio::test]
async fn a_streamed_answer_is_byte_for_byte_the_whole_one() {
    let whole = Api::library().await;
    whole
        .database
        .sql(&format!(
            "insert into api.books (tenant_id, id, title, pages) select '{PAWNEE}', n, repeat('\"é', 60) || n, n \
             from generate_series(100, 2099) as n"
        ))
        .await;
    let expected = whole.get("/books?order=id").await.is(200);
    assert_eq!(expected.rows().len(), 2004);
    let Api { database, token, .. } = whole;
    let options = ServerOptions::default().set("stream_bytes_min", 1024);
    let streaming = Api { token, ..Api::start(database, options).await };
    let streamed = streaming.get("/books?order=id").await.is(200);
    assert!(streamed.text == expected.text, "they differ");
    assert_eq!(streamed.header("content-length"), None);
    assert_eq!(streamed.header("content-range"), Some("0-*/*"));
    let counted = streaming.get_preferring("/books?order=id&limit=500", "count=exact").await.is(206);
    assert_eq!(counted.header("content-range"), Some("0-499/2004"));
    assert_eq!(counted.rows().len(), 500);
    // Writes, too: the rows are there when the answer is whole.
    let patched = streaming
        .patch("/books?id=gte.100&select=id", "return=representation", serde_json::json!({"pages": 7}))
        .await
        .is(200);
    assert_eq!(patched.rows().len(), 2000);
    assert_eq!(streaming.database.count("select count(*) from api.books where pages = 7").await, 2000);
}

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
    let beyond = api.get_preferring("/books?offset=5", "count=exact").await.fails(416, "PGRST103");
    let details = "An offset of 5 was requested, but there are only 4 rows.";
    assert_eq!(beyond.json()["details"], details);
    assert_eq!(beyond.header("content-range"), Some("*/4"));
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

#[tokio::test]
async fn a_planned_count_is_no_preference_unless_the_configuration_allows_it() {
    let api = Api::library().await;
    for count in ["count=planned", "count=estimated"] {
        let answer = api.get_preferring("/books?limit=1", count).await.is(200);
        assert_eq!(answer.header("content-range"), Some("0-0/*"));
        assert_eq!(answer.header("preference-applied"), None);
        let strict = format!("handling=strict, {count}");
        api.get_preferring("/books", &strict).await.fails(400, "PGRST122");
    }
}

#[tokio::test]
async fn a_planned_count_is_what_the_planner_expects() {
    let options = ServerOptions::default().set("planned_counts", true).set("rows_max", 3);
    let api = Api::library_with(options).await;
    api.database
        .sql(&format!(
            "insert into api.books (tenant_id, id, title) select '{PAWNEE}', n, 'b' || n \
             from generate_series(100, 1099) as n; analyze api.books"
        ))
        .await;
    let total = |answer: &crate::support::Answer| -> u64 {
        let range = answer.header("content-range").unwrap();
        range.split_once('/').unwrap().1.parse().expect(range)
    };
    let planned = api.get_preferring("/books?order=id", "count=planned").await.is(206);
    assert!(total(&planned) > 3 && total(&planned) < 2000, "{planned:?}");
    assert_eq!(planned.header("preference-applied"), Some("count=planned"));
    // As many as there are, up to rows_max; beyond it no fewer than the planner expects.
    let estimated = api.get_preferring("/books?id=lt.3", "count=estimated").await.is(200);
    assert_eq!(estimated.header("content-range"), Some("0-1/2"));
    assert_eq!(estimated.header("preference-applied"), Some("count=estimated"));
    let estimated = api.get_preferring("/books", "count=estimated").await.is(206);
    assert!(total(&estimated) >= 4, "{estimated:?}");
    // No total is less than the last row that is given.
    let few = api
        .get_preferring("/books?title=like.b*&pages=eq.1&id=gt.5&offset=900&order=id", "count=planned")
        .await;
    if few.status != 416 {
        assert!(total(&few) >= 903, "{few:?}");
    }
    // A write knows what it has written.
    let written =
        api.patch("/books?id=lt.3", "count=estimated", serde_json::json!({"pages": 2})).await.is(204);
    assert_eq!(written.header("content-range"), Some("0-1/2"));
    let written = api.patch("/books?id=lt.3", "count=planned", serde_json::json!({"pages": 2})).await.is(204);
    assert_eq!(written.header("content-range"), Some("0-1/*"));
}

#[tokio::test]
async fn content_location_is_the_canonical_form_of_what_was_asked_for() {
    let api = Api::library().await;
    for (asked, canonical) in [
        ("/books", "/books"),
        (
            "/books?select=id,title&pages=gt.1&id=in.(1,2)",
            "/books?id=in.%281%2C2%29&pages=gt.1&select=id%2Ctitle",
        ),
        ("/books?title=eq.a+b&title=eq.c", "/books?title=eq.a%20b&title=eq.c"),
        ("/books/1?select=id", "/books/1?select=id"),
    ] {
        let answer = api.get(asked).await.is(200);
        assert_eq!(answer.header("content-location"), Some(canonical));
        assert_eq!(api.get(canonical).await.is(200).text, answer.text);
    }
    let below = format!("/{PAWNEE}/books?id=eq.1");
    assert_eq!(api.get(&below).await.is(200).header("content-location"), Some(below.as_str()));
    let write = api.patch("/books/1", "", serde_json::json!({"pages": 2})).await.is(204);
    assert_eq!(write.header("content-location"), None);
}

#[tokio::test]
async fn an_error_of_head_has_no_body() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = Api::library().await;
    for path in ["/nothing", "/books/99", "/books?id=eq.x"] {
        let mut stream = tokio::net::TcpStream::connect(&api.server.address).await.unwrap();
        let request = format!(
            "HEAD {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            api.token.sign()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn counts_and_plans_need_no_prepared_statement() {
    let options = ServerOptions::default().set("planned_counts", true).set("explain", true);
    let api = Api::library_with(options.set("prepared_statements", false).set("rows_max", 2)).await;
    for count in ["count=exact", "count=planned", "count=estimated"] {
        let answer = api.get_preferring("/books?pages=gt.1&select=id", count).await;
        assert!(matches!(answer.status, 200 | 206), "{answer:?}");
        assert_eq!(answer.header("preference-applied"), Some(count));
    }
    let plan = api.server.get("/books?pages=gt.1", &api.token).header("accept", "application/vnd.pgrst.plan");
    assert!(plan.send().await.is(200).text.contains("(cost="));
}

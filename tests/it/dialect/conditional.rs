//! ETag, `If-Match` and `If-None-Match` on `/{relation}/{key}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::Api;
use crate::support::{Answer, DUNDER, PAWNEE, Token};

impl Api {
    async fn tag(&self, path: &str) -> String {
        self.get(path).await.is(200).header("etag").expect("one row has a tag").to_owned()
    }

    async fn when(&self, method: Method, path: &str, header: (&str, &str), body: Option<Value>) -> Answer {
        let request = self.server.request(method, path).token(&self.token).header(header.0, header.1);
        match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }
}

#[tokio::test]
async fn one_row_has_a_tag_that_changes_with_it() {
    let api = Api::library().await;
    let tag = api.tag("/books/1").await;
    let (version, shown) = tag.trim_matches('"').split_once('-').expect("two hashes");
    assert!(tag == format!("\"{version}-{shown}\"") && version.len() <= 16 && shown.len() == 16, "{tag}");
    assert_eq!(api.tag("/books/1").await, tag);
    // Another representation, another tag; so is one whose embedded rows changed.
    let embedding = "/books/1?select=id,chapters(title)&chapters.order=id";
    let before = api.tag(embedding).await;
    assert_ne!(before, tag);
    api.patch("/chapters/1", "", json!({"title": "x"})).await.is(204);
    assert_ne!(api.tag(embedding).await, before);
    assert_eq!(api.tag("/books/1").await, tag);
    let head = api.server.head("/books/1", &api.token).send().await.is(200);
    assert_eq!((head.header("etag"), head.text.as_str()), (Some(tag.as_str()), ""));
    // So is another media type.
    let csv = |request: crate::support::Request| request.header("accept", "text/csv").send();
    let shown = csv(api.server.get("/books/1", &api.token)).await.is(200);
    assert_ne!(shown.header("etag"), Some(tag.as_str()));
    let head = csv(api.server.head("/books/1", &api.token)).await.is(200);
    assert_eq!(head.header("etag"), shown.header("etag"));
    // What is written has the tag that it is read with.
    let path = "/books/1?select=id,pages";
    let written = api.patch(path, "return=representation", json!({"pages": 5})).await.is(200);
    assert_eq!(written.header("etag"), Some(api.tag(path).await.as_str()));
    assert_ne!(api.tag("/books/1").await, tag);
    let embedded = api.put(embedding, "return=representation", json!({"title": "y"})).await.is(200);
    assert_eq!(embedded.header("etag"), Some(api.tag(embedding).await.as_str()));
    // Nothing but one row by its key has one.
    assert_eq!(api.get("/books?id=eq.1").await.header("etag"), None);
    assert_eq!(api.patch("/books/1", "", json!({"pages": 6})).await.header("etag"), None);
    assert!(api.get("/books/1?select=").await.is(200).header("etag").is_some());
}

#[tokio::test]
async fn a_row_that_the_client_has_is_304() {
    let api = Api::library().await;
    let tag = api.tag("/books/1").await;
    for header in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        for method in [Method::GET, Method::HEAD] {
            let same = api.when(method, "/books/1", ("if-none-match", &header), None).await.is(304);
            assert_eq!((same.text.as_str(), same.header("etag")), ("", Some(tag.as_str())), "{header}");
        }
    }
    api.when(Method::GET, "/books/1?select=id", ("if-none-match", &tag), None).await.is(200);
    api.when(Method::GET, "/books/99", ("if-none-match", &tag), None).await.fails(404, "TEN010");
    api.when(Method::GET, "/books/1", ("if-match", &tag), None).await.is(200);
    api.when(Method::GET, "/books/1", ("if-match", "\"x\""), None).await.fails(412, "TEN012");
    api.patch("/books/1", "", json!({"pages": 5})).await.is(204);
    api.when(Method::GET, "/books/1", ("if-none-match", &tag), None).await.is(200);
}

#[tokio::test]
async fn a_write_of_another_version_is_412_and_writes_nothing() {
    let api = Api::library().await;
    let old = api.tag("/books/1").await;
    api.patch("/books/1", "", json!({"pages": 5})).await.is(204);
    let body = || Some(json!({"title": "Changed"}));
    for tag in [old.as_str(), "\"x\"", "\"\"", "\"-\"", &format!("W/{}", api.tag("/books/1").await)] {
        for (method, body) in [(Method::PATCH, body()), (Method::PUT, body()), (Method::DELETE, None)] {
            let refused = api.when(method.clone(), "/books/1", ("if-match", tag), body).await;
            assert_eq!((refused.status, refused.code().as_str()), (412, "TEN012"), "{method} {tag}");
        }
    }
    api.when(Method::PATCH, "/books/1", ("if-match", &old), Some(json!({}))).await.fails(412, "TEN012");
    assert_eq!(api.database.count("select count(*) from api.books where title = 'Changed'").await, 0);
    // The tag may come with any select.
    let tag = api.tag("/books/1?select=id").await;
    api.when(Method::PATCH, "/books/1", ("if-match", &tag), body()).await.is(204);
    let both = format!("{old}, {}", api.tag("/books/1").await);
    api.when(Method::PUT, "/books/1", ("if-match", &both), Some(json!({"id": 1, "title": "Again"})))
        .await
        .is(204);
    api.when(Method::PATCH, "/books/1", ("if-match", "*"), body()).await.is(204);
    let whole = json!({"tenant_id": PAWNEE, "id": 1, "title": "Whole"});
    api.when(Method::PUT, "/books/1", ("if-match", "*"), Some(whole)).await.is(204);
    for other in [json!({"id": 2, "title": "x"}), json!({"tenant_id": DUNDER, "title": "x"})] {
        api.when(Method::PUT, "/books/1", ("if-match", "*"), Some(other)).await.fails(412, "TEN012");
    }
    let tag = api.tag("/chapters/1").await;
    api.when(Method::DELETE, "/chapters/1", ("if-match", &tag), None).await.is(204);
    api.when(Method::DELETE, "/chapters/1", ("if-match", &tag), None).await.fails(412, "TEN012");
}

#[tokio::test]
async fn an_absent_row_and_another_tenants_are_the_same_412() {
    let api = Api::library().await;
    api.database.sql(&format!("insert into api.authors values ('{DUNDER}', 50, 'Angela')")).await;
    let theirs = api.server.get("/authors/50", &Token::michael()).send().await.is(200);
    let theirs = theirs.header("etag").unwrap().to_owned();
    for tag in [theirs.as_str(), "*"] {
        for (method, body) in [
            (Method::GET, None),
            (Method::PATCH, Some(json!({"name": "x"}))),
            (Method::PUT, Some(json!({"name": "x"}))),
            (Method::DELETE, None),
        ] {
            let other = api.when(method.clone(), "/authors/50", ("if-match", tag), body.clone()).await;
            let absent = api.when(method.clone(), "/authors/51", ("if-match", tag), body.clone()).await;
            assert_eq!((other.status, other.code()), (412, "TEN012".to_owned()), "{method} {tag}");
            assert_eq!((other.status, other.text), (absent.status, absent.text));
            let never = api.when(method, "/authors/x", ("if-match", tag), body).await;
            never.fails(412, "TEN012");
        }
    }
    assert_eq!(api.database.count("select count(*) from api.authors where name = 'x'").await, 0);
}

#[tokio::test]
async fn put_may_be_for_new_rows_only() {
    let api = Api::library().await;
    let new = ("if-none-match", "*");
    api.when(Method::PUT, "/authors/1", new, Some(json!({"name": "x"}))).await.fails(412, "TEN012");
    let made = api.when(Method::PUT, "/authors/9", new, Some(json!({"name": "x"}))).await.is(201);
    assert_eq!(made.text, "");
    api.when(Method::PUT, "/authors/9", new, Some(json!({"name": "y"}))).await.fails(412, "TEN012");
    assert_eq!(
        api.database.count("select count(*) from api.authors where id = 9 and name in ('x', 'Creed')").await,
        2
    );
}

#[tokio::test]
async fn preconditions_that_cannot_be_kept_are_refused() {
    let api = Api::library().await;
    let body = || Some(json!({"name": "x"}));
    for (method, path, header) in [
        (Method::GET, "/authors", ("if-none-match", "\"a\"")),
        (Method::PATCH, "/authors?id=eq.1", ("if-match", "\"a\"")),
        (Method::PUT, "/authors?id=eq.1", ("if-match", "*")),
        (Method::POST, "/authors", ("if-none-match", "*")),
        (Method::DELETE, "/authors/1", ("if-none-match", "\"a\"")),
        (Method::PATCH, "/authors/1", ("if-none-match", "*")),
        (Method::PUT, "/authors/1", ("if-none-match", "\"a\"")),
    ] {
        let refused = api.when(method.clone(), path, header, body()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "PGRST127"),
            "{method} {path}: {refused:?}"
        );
    }
    for malformed in ["a", "\"a", "", "\"a\" \"b\""] {
        api.when(Method::PATCH, "/authors/1", ("if-match", malformed), body()).await.fails(400, "PGRST100");
    }
    let request = api.server.patch("/authors/1", &api.token, json!({"name": "x"}));
    request.headers(&[("if-match", b"\xff")]).send().await.fails(400, "PGRST100");
    assert_eq!(api.database.count("select count(*) from api.authors where name = 'x'").await, 0);
}

#[tokio::test]
async fn of_two_writers_with_the_same_tag_one_is_refused() {
    let api = Api::library().await;
    for round in 0..5 {
        let tag = api.tag("/books/1").await;
        // Both wait for the row, so that neither has seen what the other writes.
        let mut blocker = api.database.superuser().await;
        let lock = blocker.transaction().await.unwrap();
        lock.execute("select from api.books where id = 1 for update", &[]).await.unwrap();
        let write = |pages: i32| {
            api.when(Method::PATCH, "/books/1", ("if-match", &tag), Some(json!({"pages": pages})))
        };
        let waiting = async {
            crate::support::eventually("both wait", || async {
                let query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                    and datname = current_database()";
                api.database.count(query).await == 2
            })
            .await;
            lock.commit().await.unwrap();
        };
        let (first, second, ()) = tokio::join!(write(100 + round), write(200 + round), waiting);
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 412], "{first:?} {second:?}");
        let winner = if first.status == 204 { 100 + round } else { 200 + round };
        assert_eq!(api.get("/books/1?select=pages").await.json()["pages"], winner);
    }
}

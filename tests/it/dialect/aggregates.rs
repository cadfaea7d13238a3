//! `amount.sum()`, `count()`: aggregates, and what groups them.

use serde_json::{Value, json};

use super::Api;
use crate::support::ServerOptions;

async fn api() -> Api {
    Api::library_with(ServerOptions::default().set("aggregates", true)).await
}

async fn check(cases: &[(&str, Value)]) {
    let api = api().await;
    for (path, expected) in cases {
        let answer = api.get(path).await.is(200);
        assert_eq!(answer.json(), *expected, "{path}");
    }
}

#[tokio::test]
async fn aggregates_are_off_unless_configured() {
    let api = Api::library().await;
    for select in ["count()", "pages.sum()", "id,n:chapters(count())", "...authors!author_id(id.max())"] {
        let answer = api.get(&format!("/books?select={select}")).await.fails(400, "PGRST123");
        assert_eq!(answer.json()["message"], "Use of aggregate functions is not allowed");
    }
}

#[tokio::test]
async fn each_function_aggregates_all_rows_that_the_filters_leave() {
    check(&[
        ("/books?select=count()", json!([{"count": 4}])),
        ("/books?select=count()&id=gt.2", json!([{"count": 2}])),
        ("/books?select=count()&id=gt.99", json!([{"count": 0}])),
        (
            "/books?select=pages.sum(),pages.avg(),low:pages.min(),high:pages.max(),rated:rating.count()",
            json!([{"sum": 703, "avg": 175.75, "low": 12, "high": 387, "rated": 3}]),
        ),
        (
            "/books?select=rating.sum(),r:rating.max(),t:title.min(),d:data->n->>deep.max()&id=lt.3",
            json!([{"sum": 8.7, "r": 4.5, "t": "Kindred", "d": "8"}]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn casts_come_before_and_after() {
    check(&[
        ("/books?select=pages.sum()::text", json!([{"sum": "703"}])),
        ("/books?select=n:data->n->>deep::int.sum()::text", json!([{"n": "15"}])),
        ("/books?select=rating::int.sum()", json!([{"sum": 10}])),
        ("/books?select=count()::text", json!([{"count": "4"}])),
        ("/books?select=rating.avg()::int,m:rating.max()::text", json!([{"avg": 3, "m": "4.5"}])),
    ])
    .await;
}

#[tokio::test]
async fn the_other_members_group_the_rows() {
    check(&[
        (
            "/books?select=author_id,count(),pages.sum()&order=author_id",
            json!([
                {"author_id": 1, "count": 2, "sum": 427}, {"author_id": 2, "count": 1, "sum": 264},
                {"author_id": null, "count": 1, "sum": 12},
            ]),
        ),
        (
            "/books?select=lang:data->>lang,count()&data=not.is.null&order=data->>lang.desc",
            json!([{"lang": "fr", "count": 1}, {"lang": "en", "count": 2}]),
        ),
        (
            "/books?select=...authors!author_id(name),count()&order=authors(name).desc.nullslast&limit=1",
            json!([{"name": "Ursula", "count": 2}]),
        ),
        ("/books?select=data->lang,count()&data->>lang=eq.en", json!([{"lang": "en", "count": 2}])),
        ("/books?select=tags,count()&tags=cs.{utopia}", json!([{"tags": ["sf", "utopia"], "count": 1}])),
        ("/books?select=rating::int,count()&rating=gt.4.2", json!([{"rating": 5, "count": 1}])),
        // An embed groups by what it holds.
        (
            "/books?select=authors!author_id(name),pages.sum()&author_id=eq.1",
            json!([{"authors": {"name": "Ursula"}, "sum": 427}]),
        ),
        ("/books?select=chapters(title),count()&id=gt.2", json!([{"chapters": [], "count": 2}])),
        ("/books?select=...chapters(t:id),count()&id=gt.2", json!([{"t": [], "count": 2}])),
    ])
    .await;
}

#[tokio::test]
async fn groups_are_counted_and_windowed() {
    let api = api().await;
    for (path, range, rows) in [
        ("/books?select=author_id,count()", "0-2/3", 3),
        ("/books?select=author_id,count()&limit=1&offset=1&order=author_id", "1-1/3", 1),
        ("/books?select=count()", "0-0/1", 1),
        ("/books?select=data->>lang,count()&data=not.is.null", "0-1/2", 2),
    ] {
        let answer = api.get_preferring(path, "count=exact").await;
        assert_eq!(answer.header("content-range"), Some(range), "{path}: {answer:?}");
        assert_eq!(answer.rows().len(), rows, "{path}");
        let head = api.server.head(path, &api.token).prefer("count=exact").send().await;
        assert_eq!(head.header("content-range"), Some(range), "{path}: {head:?}");
    }
}

#[tokio::test]
async fn aggregates_of_an_embed_are_its_own() {
    check(&[
        (
            "/authors?select=name,books!author_id(count(),pages.max())&order=id",
            json!([
                {"name": "Ursula", "books": [{"count": 2, "max": 387}]},
                {"name": "Octavia", "books": [{"count": 1, "max": 264}]},
                {"name": "Nobody", "books": [{"count": 0, "max": null}]},
            ]),
        ),
        (
            "/authors?select=books!author_id(editor_id,pages.sum())&id=eq.1&books.order=editor_id",
            json!([{"books": [{"editor_id": 1, "sum": 40}, {"editor_id": 2, "sum": 387}]}]),
        ),
        (
            "/books?select=id,chapters(count())&chapters.title=like.U*&id=lt.3&order=id",
            json!([{"id": 1, "chapters": [{"count": 1}]}, {"id": 2, "chapters": [{"count": 0}]}]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn aggregates_of_a_to_one_spread_are_its_parents() {
    check(&[
        (
            "/chapters?select=...books(title,pages.sum(),n:count())&order=books(title)",
            json!([{"title": "Kindred", "sum": 264, "n": 1}, {"title": "The Dispossessed", "sum": 774, "n": 2}]),
        ),
        ("/chapters?select=...books(...authors!author_id(count()))", json!([{"count": 3}])),
        ("/books?select=...authors!author_id(count())", json!([{"count": 3}])),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_aggregated_is_refused() {
    let api = api().await;
    for (path, status, code) in [
        ("/books?select=title.sum()", 404, "42883"),
        ("/books?select=nothing.sum()", 400, "42703"),
        ("/books?select=pages.total()", 400, "PGRST100"),
        ("/books?select=pages.sum", 400, "PGRST100"),
        ("/books?select=pages.sum()::nothing", 400, "42704"),
        ("/books?select=count()&order=id", 400, "42803"),
        ("/authors?select=name,...books!author_id(pages.sum())", 400, "PGRST127"),
    ] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {answer:?}");
    }
    let write =
        api.patch("/books?id=eq.1&select=count()", "return=representation", json!({"pages": 2})).await;
    write.fails(400, "PGRST127");
}

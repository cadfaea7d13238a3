//! `...relation(a,b)`: members of an embedded relation among those of its parent.

use super::Api;

async fn check(cases: &[(&str, &str)]) {
    let api = Api::library().await;
    for (path, text) in cases {
        let answer = api.get(path).await.is(200);
        assert_eq!(answer.text.replace(", \n ", ", "), *text, "{path}");
    }
}

#[tokio::test]
async fn a_to_one_spread_lifts_its_members_in_the_order_of_the_select() {
    check(&[
        (
            "/books?select=id,...authors!author_id(name,who:id),title&order=id&id=in.(2,4)",
            r#"[{"id":2,"name":"Octavia","who":2,"title":"Kindred"},{"id":4,"name":null,"who":null,"title":"kindling"}]"#,
        ),
        (
            "/chapters?select=id,...books(rating,tags,data->lang,span,covers(colour),...authors!author_id(name))&id=eq.1",
            r#"[{"id":1,"rating":4.5,"tags":["sf","utopia"],"lang":"en","span":"[1,10)","covers":{"colour":"red"},"name":"Ursula"}]"#,
        ),
        // Within an embed, and with all columns.
        (
            "/authors?select=name,books!author_id(id,...covers(book_id,colour))&id=eq.1&books.order=id",
            r#"[{"name":"Ursula","books":[{"id":1,"book_id":1,"colour":"red"}, {"id":3,"book_id":null,"colour":null}]}]"#,
        ),
        (
            "/covers?select=...books(...authors!author_id(*))",
            r#"[{"tenant_id":"7a245486-3fc8-47ec-b303-04fefe7a58ff","id":1,"name":"Ursula"}]"#,
        ),
        ("/books?select=...covers()&id=eq.1", "[{}]"),
        ("/books?select=id,...authors!author_id!inner(name)&authors.name=eq.Octavia", r#"[{"id":2,"name":"Octavia"}]"#),
        ("/books?select=id,...authors!author_id(name)&authors.name=eq.Ursula&order=authors(name),id&limit=3",
            r#"[{"id":1,"name":"Ursula"},{"id":3,"name":"Ursula"},{"id":2,"name":null}]"#),
        ("/books?select=id,...authors!author_id()&authors=is.null", r#"[{"id":4}]"#),
    ])
    .await;
}

#[tokio::test]
async fn a_to_many_spread_gives_arrays_that_go_together() {
    check(&[
        (
            "/books?select=id,...chapters(chapter:id,headings:title)&order=id&id=lt.4&chapters.order=title.desc",
            r#"[{"id":1,"chapter":[2, 1],"headings":["Urras", "Anarres"]},{"id":2,"chapter":[3],"headings":["The River"]},{"id":3,"chapter":[],"headings":[]}]"#,
        ),
        // Without an order, by the key: the arrays are made one by one.
        ("/books?select=...chapters(id,title)&id=eq.1", r#"[{"id":[1, 2],"title":["Anarres", "Urras"]}]"#),
        (
            "/books?select=...chapters(id)&id=eq.1&chapters.order=id.desc&chapters.limit=1",
            r#"[{"id":[2]}]"#,
        ),
        // Spreads in spreads.
        (
            "/authors?select=id,...books!author_id(titles:title,...covers(colours:colour),...chapters(chapters:id))&id=eq.1&books.chapters.order=id&books.order=id",
            r#"[{"id":1,"titles":["The Dispossessed", "100% Wool, a \"Guide\""],"colours":["red", null],"chapters":[[1, 2], []]}]"#,
        ),
        (
            "/chapters?select=id,...books(...chapters(others:id))&id=eq.1&books.chapters.order=id",
            r#"[{"id":1,"others":[1, 2]}]"#,
        ),
        (
            "/authors?select=name,...books!author_id(data,authors!author_id(id))&id=eq.2",
            r#"[{"name":"Octavia","data":[{"n": {"deep": 8}, "lang": "en"}],"authors":[{"id":2}]}]"#,
        ),
        ("/authors?select=id,...books!author_id!inner(b:id)&books.id=eq.2", r#"[{"id":2,"b":[2]}]"#),
    ])
    .await;
}

#[tokio::test]
async fn what_a_write_returns_may_be_spread() {
    let api = Api::library().await;
    let answer = api
        .patch(
            "/books?id=eq.1&select=id,...authors!author_id(name),...chapters(chapter:id)&chapters.order=id.desc",
            "return=representation",
            serde_json::json!({"pages": 5}),
        )
        .await
        .is(200);
    assert_eq!(answer.text, r#"[{"id":1,"name":"Ursula","chapter":[2, 1]}]"#);
}

#[tokio::test]
async fn a_spread_that_leads_nowhere_is_refused() {
    let api = Api::library().await;
    for (path, status, code) in [
        ("/books?select=...authors(name)", 300, "PGRST201"),
        ("/books?select=...nothing(name)", 400, "PGRST200"),
        ("/books?select=...chapters(nothing)", 400, "42703"),
        ("/books?select=...a:chapters(id)", 400, "PGRST100"),
        ("/books?select=...chapters", 400, "PGRST100"),
        ("/books?select=...chapters(id)&covers.id=eq.1", 400, "PGRST108"),
    ] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_filter_of_a_spread_counts_once_for_each_of_its_members() {
    let api = Api::library().await;
    let spread = |members: usize, filters: usize| {
        let (members, filters) = (vec!["id"; members].join(","), "&authors.id=gt.0".repeat(filters));
        format!("/books?select=id,...authors!author_id({members}){filters}")
    };
    api.get(&spread(20, 99)).await.is(200);
    let path = "->a".repeat(60);
    for path in [
        // More placeholders than Postgres counts to.
        spread(700, 95),
        format!(
            "/books?select=id,...authors!author_id({})&authors.name{path}=is.null",
            "id,".repeat(40) + "id"
        ),
        format!("/authors?select=...books!author_id({})&books.order=data{path}", "id,".repeat(40) + "id"),
        format!(
            "/books?select=id,authors!author_id(id)&or=({}){}",
            vec!["authors.is.null"; 49].join(","),
            "&authors.id=gt.0".repeat(50)
        ),
    ] {
        let refused = api.get(&path).await.fails(400, "TEN020");
        assert_eq!(refused.json()["details"], "filter_values_max is 2000");
    }
}

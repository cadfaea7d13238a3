//! `select=…,relation(…)`.

use super::Api;
use crate::support::Answer;

/// Status and body, without the line breaks that `json_agg` puts between rows.
fn read(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text.replace(", \n ", ", "))
}

/// Each query on books and the text of its answer.
async fn check(cases: &[(&str, &str)]) {
    let api = Api::library().await;
    for (query, text) in cases {
        let answer = api.get(&format!("/books?order=id&{query}")).await;
        assert_eq!(read(&answer), (200, (*text).to_owned()), "{query}");
    }
}

#[tokio::test]
async fn to_one_is_an_object_or_null_and_to_many_an_array() {
    check(&[
        (
            "select=id,authors!books_author_fkey(name)",
            r#"[{"id":1,"authors":{"name":"Ursula"}},{"id":2,"authors":{"name":"Octavia"}},{"id":3,"authors":{"name":"Ursula"}},{"id":4,"authors":null}]"#,
        ),
        (
            "select=id,chapters(title)&chapters.order=title&id=lt.4",
            r#"[{"id":1,"chapters":[{"title":"Anarres"}, {"title":"Urras"}]},{"id":2,"chapters":[{"title":"The River"}]},{"id":3,"chapters":[]}]"#,
        ),
        // The key of the foreign table is the foreign key: at most one.
        ("select=id,covers(colour)&id=lt.3", r#"[{"id":1,"covers":{"colour":"red"}},{"id":2,"covers":null}]"#),
        ("select=by:authors!author_id(n:name)&id=eq.1", r#"[{"by":{"n":"Ursula"}}]"#),
    ])
    .await;
}

#[tokio::test]
async fn embeds_nest_and_take_filters_orders_and_windows() {
    let api = Api::library().await;
    for (path, text) in [
        (
            "/chapters?id=eq.1&select=title,books(title,authors!editor_id(name))",
            r#"[{"title":"Anarres","books":{"title":"The Dispossessed","authors":{"name":"Octavia"}}}]"#,
        ),
        (
            "/authors?id=eq.1&select=name,books!author_id(id,chapters(id))&books.order=id.desc&books.chapters.order=id.desc",
            r#"[{"name":"Ursula","books":[{"id":3,"chapters":[]}, {"id":1,"chapters":[{"id":2}, {"id":1}]}]}]"#,
        ),
        (
            "/authors?id=eq.1&select=books!author_id(id,chapters(id))&books.id=eq.1&books.chapters.limit=1&books.chapters.offset=1&books.chapters.order=id",
            r#"[{"books":[{"id":1,"chapters":[{"id":2}]}]}]"#,
        ),
        (
            "/authors?id=eq.1&select=books!author_id(id)&books.or=(id.eq.1,title.like.Kin*)",
            r#"[{"books":[{"id":1}]}]"#,
        ),
        (
            "/authors?id=eq.1&select=few:books!author_id(id),many:books!author_id(id)&few.id=eq.3&few.not.or=(id.eq.1)&many.order=id",
            r#"[{"few":[{"id":3}],"many":[{"id":1}, {"id":3}]}]"#,
        ),
        // Filters of an embed leave its parents alone.
        (
            "/authors?order=id&select=id,books!author_id(id)&books.id=eq.2",
            r#"[{"id":1,"books":[]},{"id":2,"books":[{"id":2}]},{"id":3,"books":[]}]"#,
        ),
        (
            "/authors?id=eq.1&select=books!author_id(data->>lang,tags)&books.id=eq.3",
            r#"[{"books":[{"lang":"fr","tags":[]}]}]"#,
        ),
    ] {
        let answer = api.get(path).await;
        assert_eq!(read(&answer), (200, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_member_of_an_embed_may_have_any_name() {
    let api = Api::library().await;
    for (name, member) in [("r", "r"), ("t1", "t1"), (r#""a,b.\"c""#, r#"a,b.\"c"#), ("größe", "größe")] {
        let path = format!("/books?id=eq.2&select=chapters({name}:title),authors!author_id({name}:id)");
        let text = format!(r#"[{{"chapters":[{{"{member}":"The River"}}],"authors":{{"{member}":2}}}}]"#);
        assert_eq!(read(&api.get(&path).await), (200, text), "{name}");
    }
}

#[tokio::test]
async fn inner_makes_the_embedded_rows_filter_their_parents_and_the_count() {
    let api = Api::library().await;
    for (path, ids, range) in [
        ("/authors?select=id,books!author_id!inner(id)", vec![1, 2], "0-1/2"),
        ("/authors?select=id,books!inner!author_id(id)&books.id=eq.2", vec![2], "0-0/1"),
        ("/authors?select=id,books!author_id!left(id)&books.id=eq.2", vec![1, 2, 3], "0-2/3"),
        ("/books?select=id,authors!author_id!inner(id)&authors.name=eq.Ursula", vec![1, 3], "0-1/2"),
        (
            "/authors?select=id,books!author_id!inner(chapters!inner(id))&books.chapters.id=eq.3",
            vec![2],
            "0-0/1",
        ),
        ("/authors?select=id,books!author_id!inner(id)&books.title=eq.Learn%20Your%20Rights", vec![], "*/0"),
    ] {
        let answer = api.get_preferring(&format!("{path}&order=id"), "count=exact").await.is(200);
        assert_eq!(answer.column("id"), ids, "{path}");
        assert_eq!(answer.header("content-range"), Some(range), "{path}");
    }
}

#[tokio::test]
async fn an_empty_embed_filters_and_shows_nothing() {
    let api = Api::library().await;
    let answer = api.get("/authors?select=id,books!author_id!inner()&order=id").await.is(200);
    assert_eq!(answer.text, r#"[{"id":1},{"id":2}]"#);
    let answer = api.get("/authors?select=books!author_id()&id=eq.1").await.is(200);
    assert_eq!(answer.text, "[{}]");
    let answer = api.get("/chapters?select=books(id,authors!author_id())&id=eq.1").await.is(200);
    assert_eq!(answer.text, r#"[{"books":{"id":1}}]"#);
}

#[tokio::test]
async fn an_ambiguous_embed_is_300_and_says_how_to_choose() {
    let api = Api::library().await;
    let answer = api.get("/books?select=authors(*)").await.fails(300, "PGRST201").json();
    let (details, hint) = (answer["details"].as_str().unwrap(), answer["hint"].as_str().unwrap());
    assert!(details.contains("books_author_fkey") && details.contains("books_editor_fkey"), "{details}");
    assert_eq!(hint, "Try one of 'authors!books_author_fkey', 'authors!books_editor_fkey'");
    api.get("/authors?select=books(*)").await.fails(300, "PGRST201");
    // Both keys have the tenant in them.
    api.get("/books?select=authors!tenant_id(*)").await.fails(300, "PGRST201");
    for hint in ["books_author_fkey", "author_id", "books_editor_fkey", "editor_id"] {
        api.get(&format!("/books?select=authors!{hint}(*)")).await.is(200);
        api.get(&format!("/authors?select=books!{hint}(*)")).await.is(200);
    }
}

#[tokio::test]
async fn embeds_that_lead_nowhere_are_refused_with_a_code() {
    let api = Api::library().await;
    for (path, code) in [
        ("/books?select=links(*)", "PGRST200"),
        ("/books?select=nothing(*)", "PGRST200"),
        ("/books?select=chapters!nothing(*)", "PGRST200"),
        ("/books?select=id&chapters.id=eq.1", "PGRST108"),
        ("/books?select=id&chapters.order=id", "PGRST108"),
        ("/books?select=id&chapters.limit=1", "PGRST108"),
        ("/books?select=c:chapters(id)&chapters.id=eq.1", "PGRST108"),
        ("/books?select=chapters(id)&chapters.books.id=eq.1", "PGRST108"),
        ("/books?select=chapters(nothing)", "42703"),
        ("/books?select=chapters(id)&chapters.nothing=eq.1", "42703"),
        ("/books?select=chapters(id", "PGRST100"),
        ("/books?select=chapters(books(chapters(books(chapters(books(id))))))", "TEN020"),
    ] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{path}: {answer:?}");
    }
    let near = api.get("/books?select=chapter(*)").await.fails(400, "PGRST200").json();
    assert_eq!(near["hint"], "Perhaps you meant 'chapters' instead of 'chapter'.");
}

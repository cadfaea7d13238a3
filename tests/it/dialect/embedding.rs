//! `select=…,relation(…)`.

use serde_json::json;

use super::Api;
use crate::support::{Answer, ServerOptions};

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
    let listed = |constraint: &str, column: &str| {
        json!({
            "cardinality": "many-to-one",
            "embedding": "books with authors",
            "relationship": format!("{constraint} using books(tenant_id, {column}) and authors(tenant_id, id)"),
        })
    };
    assert_eq!(
        answer["details"],
        json!([listed("books_author_fkey", "author_id"), listed("books_editor_fkey", "editor_id")])
    );
    assert_eq!(
        answer["hint"],
        "Try changing 'authors' to one of the following: 'authors!books_author_fkey', 'authors!books_editor_fkey'. \
         Find the desired relationship in the 'details' key."
    );
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
        ("/books?select=c:chapters(id),d:chapters(id)&chapters.id=eq.1", "PGRST108"),
        ("/books?select=chapters(id)&chapters.books.id=eq.1", "PGRST108"),
        ("/books?select=chapters(nothing)", "42703"),
        ("/books?select=chapters(id)&chapters.nothing=eq.1", "42703"),
        ("/books?select=chapters(id", "PGRST100"),
        ("/books?select=chapters(books(chapters(books(chapters(books(id))))))", "TEN020"),
    ] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{path}: {answer:?}");
    }
    let near = api.get("/books?select=chapter!book_id(*)").await.fails(400, "PGRST200").json();
    assert_eq!(near["hint"], "Perhaps you meant 'chapters' instead of 'chapter'.");
    assert_eq!(
        near["details"],
        "Searched for a foreign key relationship between 'books' and 'chapter' using the hint 'book_id', \
         but no matches were found."
    );
}

#[tokio::test]
async fn what_is_said_of_an_embed_names_its_alias_or_its_relation_where_that_is_clear() {
    check(&[
        ("select=c:chapters(id)&chapters.id=eq.1&id=eq.1", r#"[{"c":[{"id":1}]}]"#),
        ("select=c:chapters(id)&c.id=eq.2&id=eq.1", r#"[{"c":[{"id":2}]}]"#),
        // The alias of the one is the relation of the other.
        (
            "select=chapters:covers(colour),c:chapters(id)&c.limit=1&id=eq.1&chapters.colour=eq.blue",
            r#"[{"chapters":null,"c":[{"id":1}]}]"#,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_null_filter_on_an_embed_asks_whether_there_is_a_row() {
    let api = Api::library().await;
    for (path, ids, range) in [
        ("/authors?select=id,books!author_id()&books=is.null", vec![3], "0-0/1"),
        ("/authors?select=id,books!author_id(id)&books=not.is.null", vec![1, 2], "0-1/2"),
        ("/authors?select=id,books!author_id(id)&books=is.not_null", vec![1, 2], "0-1/2"),
        ("/authors?select=id,b:books!author_id()&b=is.null&b.title=like.The*", vec![2, 3], "0-1/2"),
        ("/authors?select=id,books!author_id()&or=(books.is.null,name.eq.Ursula)", vec![1, 3], "0-1/2"),
        ("/authors?select=id,books!author_id()&not.and=(books.not.is.null,id.gt.1)", vec![1, 3], "0-1/2"),
        ("/books?select=id,authors!author_id()&authors=is.null", vec![4], "0-0/1"),
        ("/books?select=id,chapters(),covers()&chapters=not.is.null&covers=is.null", vec![2], "0-0/1"),
        ("/authors?select=id,books!author_id!inner(chapters())&books.chapters=is.null", vec![1], "0-0/1"),
    ] {
        let answer = api.get_preferring(&format!("{path}&order=id"), "count=exact").await.is(200);
        assert_eq!(answer.column("id"), ids, "{path}");
        assert_eq!(answer.header("content-range"), Some(range), "{path}");
    }
    let answer =
        api.get("/authors?select=books!author_id(id)&books=eq.1").await.fails(400, "PGRST120").json();
    assert_eq!(answer["message"], "Bad operator on the 'books' embedded resource");
    api.get("/authors?select=books!author_id(id)&or=(books.is.true,id.eq.1)").await.fails(400, "PGRST120");
    // Without the embed the name is no column.
    api.get("/authors?select=id&books=is.null").await.fails(400, "42703");
}

#[tokio::test]
async fn an_order_may_be_by_a_field_of_a_to_one_embed() {
    let api = Api::library().await;
    for (path, ids) in [
        ("/books?select=id,authors!author_id(name)&order=authors(name).desc.nullslast,id", vec![1, 3, 2, 4]),
        ("/books?select=id,a:authors!author_id()&order=a(name).asc.nullsfirst,id.desc", vec![4, 2, 3, 1]),
        ("/books?select=id,covers()&order=covers(colour).nullslast,id.desc", vec![1, 4, 3, 2]),
        ("/chapters?select=id,books(data)&order=books(data->n->deep).desc,id", vec![3, 1, 2]),
        // What the embed leaves out orders as null.
        ("/books?select=id,authors!author_id(name)&authors.id=eq.2&order=authors(name),id", vec![2, 1, 3, 4]),
    ] {
        assert_eq!(api.get(path).await.is(200).column("id"), ids, "{path}");
    }
    let nested = "/books?select=id,chapters(id,books(id))&chapters.order=books(title),id.desc&id=eq.1";
    assert_eq!(api.get(nested).await.is(200).rows()[0]["chapters"][0]["id"], 2);
    for (order, code) in [
        ("chapters(title)", "PGRST118"),
        ("covers(colour)", "PGRST108"),
        ("nothing(id)", "PGRST108"),
        ("chapters(", "PGRST100"),
    ] {
        let answer = api.get(&format!("/books?select=id,chapters(id)&order={order}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{order}: {answer:?}");
    }
    api.get("/chapters?select=books(id)&order=books(nothing)").await.fails(400, "42703");
}

#[tokio::test]
async fn every_embedded_relation_has_the_row_limit() {
    let api = Api::library_with(ServerOptions::default().set("rows_max", 1)).await;
    let path =
        "/books?order=id&select=id,chapters(id),authors!author_id(id),...chapters(c:id)&chapters.order=id";
    let answer = api.get_preferring(path, "count=exact").await.is(206);
    assert_eq!(answer.json(), json!([{"id": 1, "chapters": [{"id": 1}], "authors": {"id": 1}, "c": [1]}]));
    assert_eq!(answer.header("content-range"), Some("0-0/4"));
}

#[tokio::test]
async fn spaces_between_the_words_of_a_select_are_nothing() {
    check(&[(
        "select=%20id%20,%20t%20:%20title%20,%20chapters%20(%20id%20)%20,%20...%20covers%20(%20colour%20)&id=eq.2",
        r#"[{"id":2,"t":"Kindred","chapters":[{"id":3}],"colour":null}]"#,
    )])
    .await;
}

//! `select=` and `order=`.

use serde_json::json;

use super::Api;

#[tokio::test]
async fn select_gives_columns_in_its_order_under_their_aliases() {
    let api = Api::library().await;
    for (select, row) in [
        ("id,title", r#"{"id":1,"title":"The Dispossessed"}"#),
        ("title,id", r#"{"title":"The Dispossessed","id":1}"#),
        ("name:title, number:id", r#"{"name":"The Dispossessed","number":1}"#),
        (r#""a b,c":id"#, r#"{"a b,c":1}"#),
        ("id::text,rating::int,pages::numeric", r#"{"id":"1","rating":5,"pages":387}"#),
        ("p:pages::text", r#"{"p":"387"}"#),
        ("rating::double precision", r#"{"rating":4.5}"#),
        ("data->>lang", r#"{"lang":"en"}"#),
        ("data->n->deep", r#"{"deep":7}"#),
        ("data->n", r#"{"n":{"deep": 7}}"#),
        ("first:data->isbn->>0", r#"{"first":"a1"}"#),
        ("data->isbn->0", r#"{"isbn":"a1"}"#),
        ("data->n->>deep::int", r#"{"deep":7}"#),
        ("data->nothing->x", r#"{"x":null}"#),
        ("tags->>1", r#"{"tags":"utopia"}"#),
        ("tags,span", r#"{"tags":["sf","utopia"],"span":"[1,10)"}"#),
        ("", "{}"),
    ] {
        let answer = api.get(&format!("/books?id=eq.1&select={select}")).await;
        assert_eq!((answer.status, answer.text), (200, format!("[{row}]")), "{select}");
    }
}

#[tokio::test]
async fn a_star_or_no_select_gives_every_column() {
    let api = Api::library().await;
    let bare = api.get("/books?id=eq.4").await.is(200);
    assert_eq!(
        bare.text,
        r#"[{"tenant_id":"7a245486-3fc8-47ec-b303-04fefe7a58ff","id":4,"title":"kindling","author_id":null,"editor_id":null,"pages":12,"rating":1.0,"tags":null,"data":null,"available":true,"span":"[20,30)"}]"#
    );
    assert_eq!(api.get("/books?id=eq.4&select=*").await.text, bare.text);
    let starred = api.get("/authors?id=eq.1&select=*,again:name").await.rows();
    assert_eq!((&starred[0]["name"], &starred[0]["again"]), (&json!("Ursula"), &json!("Ursula")));
}

#[tokio::test]
async fn selects_that_make_no_sense_are_refused_with_a_code() {
    let api = Api::library().await;
    let long = "x".repeat(64);
    for (select, status, code) in [
        ("nothing", 400, "42703"),
        ("id,", 400, "PGRST100"),
        ("id)", 400, "PGRST100"),
        ("id::", 400, "PGRST100"),
        ("id::madeup", 400, "42704"),
        // Looks names up, and so would tell what exists.
        ("title::regclass", 400, "42704"),
        ("title::int", 400, "22P02"),
        ("...authors(name)", 300, "PGRST201"),
        ("pages.sum()", 400, "PGRST123"),
        ("count()", 400, "PGRST123"),
        (&format!("{long}:id"), 400, "TEN024"),
    ] {
        let answer = api.get(&format!("/books?select={select}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{select}: {answer:?}");
    }
}

#[tokio::test]
async fn order_follows_its_terms_and_puts_nulls_where_it_is_told() {
    let api = Api::library().await;
    for (order, ids) in [
        ("id", [1, 2, 3, 4]),
        ("id.desc", [4, 3, 2, 1]),
        ("pages.asc", [4, 3, 2, 1]),
        // Postgres' own: nulls are the largest.
        ("rating", [4, 2, 1, 3]),
        ("rating.desc", [3, 1, 2, 4]),
        ("rating.desc.nullslast", [1, 2, 4, 3]),
        ("rating.nullsfirst", [3, 4, 2, 1]),
        ("available.desc.nullslast,id.desc", [4, 1, 2, 3]),
        ("data->>lang.desc.nullslast, pages", [3, 2, 1, 4]),
        ("data->n->deep.desc.nullslast,id", [2, 1, 3, 4]),
    ] {
        assert_eq!(api.ids(&format!("order={order}")).await, ids, "{order}");
    }
    for (order, code) in [
        ("id.down", "PGRST100"),
        ("id.nullslast.desc", "PGRST100"),
        ("id,", "PGRST100"),
        ("nothing", "42703"),
        ("authors(name)", "PGRST108"),
    ] {
        api.get(&format!("/books?order={order}")).await.fails(400, code);
    }
}

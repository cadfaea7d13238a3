//! Names that need quoting, in every place where a request may use one.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{Database, Server, Token, eventually};

const ODD: &str = r#"create table api."Größe, ""x"".y" (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id int not null,
    "a b" text, "c,d" text, "e.f" text, "g""h" text, "größe" text, "order" text, "and" text, "i(j)" text,
    "select" text, "k->l" text, "m:n" text,
    primary key (tenant_id, id)); "#;
const PATH: &str = "/Gr%C3%B6%C3%9Fe,%20%22x%22.y";

async fn odd() -> Api {
    let api = Api::with(&format!("{ODD}{}", isolated(r#"api."Größe, ""x"".y""#))).await;
    let row = json!({
        "id": 1, "a b": "1", "c,d": "2", "e.f": "3", "g\"h": "4", "größe": "ü & +", "order": "6", "and": "7",
        "i(j)": "8", "select": "9", "k->l": "10", "m:n": "11",
    });
    let made = api.post(PATH, "return=headers-only", row).await.is(201);
    assert_eq!(made.header("location"), Some("/Gr%C3%B6%C3%9Fe%2C%20%22x%22.y/1"));
    api
}

#[tokio::test]
async fn odd_names_are_selected_filtered_and_ordered_by_in_quotes() {
    let api = odd().await;
    for (name, value) in [
        ("a%20b", "1"),
        ("a+b", "1"),
        ("%22a b%22", "1"),
        ("%22c,d%22", "2"),
        ("%22e.f%22", "3"),
        (r"%22g\%22h%22", "4"),
        ("gr%C3%B6%C3%9Fe", "%C3%BC%20%26%20%2B"),
        ("größe", "ü+%26+%2B"),
        ("%22order%22", "6"),
        ("%22and%22", "7"),
        ("%22i(j)%22", "8"),
        ("%22select%22", "9"),
        ("%22k->l%22", "10"),
        ("%22m:n%22", "11"),
    ] {
        for query in [
            format!("select={name}&{name}=eq.{value}"),
            format!("select=id&order={name}.desc&{name}=in.(%22{value}%22)"),
            format!("select=x:{name}&or=({name}.eq.{value},id.eq.7)"),
        ] {
            let answer = api.get(&format!("{PATH}?{query}")).await;
            assert_eq!(answer.status, 200, "{query}: {answer:?}");
            assert_eq!(answer.rows().len(), 1, "{query}: {answer:?}");
        }
        let other = api.get(&format!("{PATH}?{name}=eq.other")).await.is(200);
        assert_eq!(other.text, "[]", "{name}");
    }
}

#[tokio::test]
async fn odd_names_are_written_and_returned() {
    let api = odd().await;
    let answer = api
        .patch(
            &format!("{PATH}/1?select=%22c,d%22,%22g\\%22h%22"),
            "return=representation",
            json!({"c,d": "new"}),
        )
        .await
        .is(200);
    assert_eq!(answer.text, r#"{"c,d":"new","g\"h":"4"}"#);
    let merge = "return=representation, resolution=merge-duplicates";
    let answer = api
        .post(
            &format!("{PATH}?select=%22e.f%22&columns=id,%22e.f%22"),
            merge,
            json!({"id": 1, "e.f": "ö'\"\\"}),
        )
        .await
        .is(200);
    assert_eq!(answer.json()[0]["e.f"], "ö'\"\\");
}

#[tokio::test]
async fn encodings_that_are_no_text_are_refused() {
    let api = Api::demo().await;
    for path in
        ["/%ff", "/items/%ff", "/items%00", "/items?title=eq.%ff", "/items?title=eq.a%00b", "/items?%ff=eq.1"]
    {
        api.get(path).await.fails(400, "PGRST100");
    }
    // A percent sign that begins nothing is itself.
    assert_eq!(api.get("/items?title=eq.100%").await.is(200).text, "[]");
    assert_eq!(api.get("/items?title=eq.art-fair&select=title&").await.is(200).rows().len(), 1);
}

#[tokio::test]
async fn a_new_table_is_served_after_a_notification() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let token = Token::leslie();
    server.get("/pets", &token).send().await.fails(404, "PGRST205");
    let ddl =
        "create table api.pets (tenant_id uuid not null default tenancy.current_tenant_id(), name text);";
    database.as_owner(&format!("{ddl}{}; notify rowhouse, 'reload'", isolated("api.pets"))).await;
    eventually("the table is served", || async { server.get("/pets", &token).send().await.status == 200 })
        .await;
    // Without a key there is no row to name.
    server.get("/pets/1", &token).send().await.fails(404, "TEN011");
    let answer = server.post("/pets", &token, json!({"name": "Champion"})).prefer("return=headers-only");
    assert_eq!(answer.send().await.is(201).header("location"), None);
    let upsert = server.post("/pets", &token, json!({"name": "x"})).prefer("resolution=merge-duplicates");
    upsert.send().await.fails(400, "PGRST204");
    // A column that comes is served, and one that goes is not.
    database.as_owner("alter table api.pets add column legs int; notify rowhouse, 'reload'").await;
    eventually("the column is served", || async {
        server.get("/pets?select=legs", &token).send().await.status == 200
    })
    .await;
}

//! What an answer is made of: JSON, one object, CSV, lines, plans; and one row by its key.

use serde_json::json;

use super::{Api, isolated};
use crate::support::{Answer, DUNDER, PAWNEE, Request, ServerOptions, Token};

const OBJECT: &str = "application/vnd.pgrst.object+json";

async fn object(request: Request) -> Answer {
    request.header("accept", OBJECT).send().await
}

#[tokio::test]
async fn a_singular_object_is_one_row_or_406() {
    let api = Api::library().await;
    let get = |path: &str| object(api.server.get(path, &api.token));
    let answer = get("/books?id=eq.1&select=id").await.is(200);
    assert_eq!(answer.text, r#"{"id":1}"#);
    assert_eq!(answer.header("content-type"), Some("application/vnd.pgrst.object+json; charset=utf-8"));
    let none = get("/books?id=eq.99").await.fails(406, "PGRST116");
    assert_eq!(none.json()["details"], "The result contains 0 rows");
    get("/books").await.fails(406, "PGRST116");
    get("/books?limit=1&select=id&order=id").await.is(200);
}

#[tokio::test]
async fn a_write_whose_answer_is_not_one_object_is_undone() {
    let api = Api::library().await;
    let untouched = "select count(*) from api.books where title <> 'Changed' and id < 50";
    for preference in ["return=representation", "return=minimal", "handling=lenient"] {
        let patch = |path: &str, body| object(api.server.patch(path, &api.token, body).prefer(preference));
        patch("/books?id=in.(1,2)", json!({"pages": 5000})).await.fails(406, "PGRST116");
        let none = patch("/books?id=eq.99", json!({"pages": 5000})).await.fails(406, "PGRST116");
        assert_eq!(none.json()["details"], "The result contains 0 rows");
        let delete = object(api.server.delete("/chapters?id=lt.3", &api.token).prefer(preference));
        delete.await.fails(406, "PGRST116");
        let rows = json!([{"id": 50, "title": "a"}, {"id": 51, "title": "b"}]);
        let post = object(api.server.post("/books", &api.token, rows).prefer(preference));
        post.await.fails(406, "PGRST116");
        let post = object(api.server.post("/books", &api.token, json!([])).prefer(preference));
        post.await.fails(406, "PGRST116");
    }
    assert_eq!(api.database.count(untouched).await, 5);
    assert_eq!(api.database.count("select count(*) from api.books where pages = 5000 or id >= 50").await, 0);
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
}

#[tokio::test]
async fn a_write_of_one_object_is_kept() {
    let api = Api::library().await;
    let request = api.server.post("/books?select=id", &api.token, json!([{"id": 50, "title": "a"}]));
    let answer = object(request.prefer("return=representation")).await.is(201);
    assert_eq!((answer.text.as_str(), answer.header("location")), (r#"{"id":50}"#, Some("/books/50")));
    let request = api.server.patch("/books?id=eq.50&select=pages", &api.token, json!({"pages": 2}));
    let answer = object(request.prefer("return=representation")).await.is(200);
    assert_eq!(answer.text, r#"{"pages":2}"#);
    let answer = object(api.server.delete("/books?id=eq.50", &api.token)).await.is(204);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", None));
    assert_eq!(api.database.count("select count(*) from api.books where id = 50").await, 0);
}

#[tokio::test]
async fn a_row_is_read_changed_and_deleted_by_its_key() {
    let api = Api::library().await;
    assert_eq!(api.get("/books/1?select=title").await.is(200).text, r#"{"title":"The Dispossessed"}"#);
    let answer = api.patch("/books/1?select=id,pages", "return=representation", json!({"pages": 2})).await;
    assert_eq!(answer.is(200).text, r#"{"id":1,"pages":2}"#);
    assert_eq!(api.patch("/books/1", "", json!({"pages": 3})).await.is(204).text, "");
    // Nothing to change is no fault, where there is a row.
    api.patch("/books/1", "", json!({})).await.is(204);
    api.patch("/books/99", "", json!({})).await.fails(404, "TEN010");
    let answer = api.delete("/books/4?select=id", "return=representation").await.is(200);
    assert_eq!(answer.text, r#"{"id":4}"#);
    api.delete("/books/4", "").await.fails(404, "TEN010");
    api.patch("/books/4", "", json!({"pages": 1})).await.fails(404, "TEN010");
    api.get("/books/4").await.fails(404, "TEN010");
    // Further filters narrow.
    api.get("/books/1?pages=eq.77").await.fails(404, "TEN010");
    assert_eq!(api.database.count("select sum(pages) from api.books where id = 1").await, 103);
}

#[tokio::test]
async fn another_tenants_key_and_one_that_cannot_be_are_404() {
    let api = Api::library().await;
    let theirs = Token::michael();
    let [mine] =
        api.server.get("/items?title=eq.toner", &theirs).send().await.column("id").try_into().unwrap();
    let mine = mine.as_str().unwrap().to_owned();
    api.server.get(&format!("/items/{mine}"), &theirs).send().await.is(200);
    for key in [mine.as_str(), "1", "x", "urn:uuid:7a245486-3fc8-47ec-b303-04fefe7a58ff", "%20", "'", "null"]
    {
        let path = format!("/items/{key}");
        api.get(&path).await.fails(404, "TEN010");
        api.patch(&path, "", json!({"title": "stolen"})).await.fails(404, "TEN010");
        api.delete(&path, "").await.fails(404, "TEN010");
    }
    for key in ["x", "1.5", "99999999999", "9"] {
        api.get(&format!("/authors/{key}")).await.fails(404, "TEN010");
    }
    // Another number of values than the key has columns.
    api.get("/books/1,2").await.fails(404, "TEN011");
    assert_eq!(api.database.count("select count(*) from api.items where title = 'toner'").await, 1);
}

#[tokio::test]
async fn a_key_of_several_columns_is_a_list_and_of_any_type() {
    let ddl = "create table api.lines (
            tenant_id uuid not null default tenancy.current_tenant_id(),
            day date, line text, words text,
            primary key (tenant_id, day, line));";
    let api = Api::with(&format!("{ddl}{}", isolated("api.lines"))).await;
    let row = json!({"day": "2026-11-20", "line": "a,b/c", "words": "x"});
    let created = api.post("/lines", "return=headers-only", row).await.is(201);
    assert_eq!(created.header("location"), Some("/lines/2026-11-20,a%2Cb%2Fc"));
    let read = api.get("/lines/2026-11-20,a%2Cb%2Fc?select=words").await.is(200);
    assert_eq!(read.text, r#"{"words":"x"}"#);
    api.get("/lines/2026-11-20,a").await.fails(404, "TEN010");
    api.get("/lines/2026-11-20").await.fails(404, "TEN011");
}

async fn accepting(api: &Api, path: &str, accept: &str) -> Answer {
    api.server.get(path, &api.token).header("accept", accept).send().await
}

#[tokio::test]
async fn csv_has_a_line_of_names_and_rows_as_postgres_writes_them() {
    let api = Api::library().await;
    let answer =
        accepting(&api, "/books?select=id,Name:title,available,tags&order=id", "text/csv").await.is(200);
    assert_eq!(
        answer.text,
        "id,Name,available,tags\n\
         1,\"The Dispossessed\",t,\"{sf,utopia}\"\n\
         2,Kindred,f,\"{sf,history}\"\n\
         3,\"100% Wool, a \"\"Guide\"\"\",,{}\n\
         4,kindling,t,"
    );
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(answer.header("content-range"), Some("0-3/*"));
    // JSON, paths and casts as text, embedded relations as jsonb.
    let path =
        "/books?select=data->n,lang:data->>lang,rating::text,chapters(title),covers(colour)&id=lt.3&order=id";
    assert_eq!(
        accepting(&api, path, "text/csv").await.is(200).text,
        "n,lang,rating,chapters,covers\n\
         \"{\"\"deep\"\": 7}\",en,4.5,\"[{\"\"title\"\": \"\"Anarres\"\"}, {\"\"title\"\": \"\"Urras\"\"}]\",\"{\"\"colour\"\": \"\"red\"\"}\"\n\
         \"{\"\"deep\"\": 8}\",en,4.2,\"[{\"\"title\"\": \"\"The River\"\"}]\","
    );
}

#[tokio::test]
async fn csv_of_no_row_no_column_one_key_or_a_write() {
    let api = Api::library().await;
    assert_eq!(
        accepting(&api, "/books?select=id,title&id=eq.99", "text/csv").await.is(200).text,
        "id,title\n"
    );
    assert_eq!(accepting(&api, "/books?select=&id=lt.3", "text/csv").await.is(200).text, "\n\n");
    assert_eq!(
        accepting(&api, "/books/2?select=id,title", "text/csv").await.is(200).text,
        "id,title\n2,Kindred"
    );
    accepting(&api, "/books/99", "text/csv").await.fails(404, "TEN010");
    let odd = "/books?select=%22a,%5C%22b%22:id&id=eq.1";
    assert_eq!(accepting(&api, odd, "text/csv").await.is(200).text, "\"a,\"\"b\"\n1");
    let write = api.server.patch(
        "/books?id=lt.3&select=id,pages,chapters(id)&order=id",
        &api.token,
        json!({"pages": 9}),
    );
    let answer = write.prefer("return=representation").header("accept", "text/csv").send().await.is(200);
    assert_eq!(
        answer.text,
        "id,pages,chapters\n1,9,\"[{\"\"id\"\": 1}, {\"\"id\"\": 2}]\"\n2,9,\"[{\"\"id\"\": 3}]\""
    );
    let write = api.server.post("/books?select=id", &api.token, json!({"id": 9, "title": "x"}));
    let answer = write.prefer("return=representation").header("accept", "text/csv").send().await.is(201);
    assert_eq!((answer.text.as_str(), answer.header("location")), ("id\n9", Some("/books/9")));
    let head = api.server.head("/books", &api.token).header("accept", "text/csv").send().await.is(200);
    assert_eq!((head.text.as_str(), head.header("content-type")), ("", Some("text/csv; charset=utf-8")));
}

#[tokio::test]
async fn csv_has_times_as_postgres_writes_them() {
    let ddl = "create table api.times (
        tenant_id uuid not null default tenancy.current_tenant_id(),
        id int, at timestamptz, flat char(3), note text, net inet, primary key (tenant_id, id));";
    let api = Api::with(&format!("{ddl}{}", isolated("api.times"))).await;
    let row = json!({"id": 1, "at": "2026-02-28T12:00:00.5Z", "flat": "a", "note": "", "net": "10.0.0.1"});
    api.post("/times", "", row).await.is(201);
    assert_eq!(
        accepting(&api, "/times?select=id,at,flat,note,net", "text/csv").await.is(200).text,
        "id,at,flat,note,net\n1,\"2026-02-28 12:00:00.5+00\",\"a  \",\"\",10.0.0.1"
    );
}

#[tokio::test]
async fn times_in_csv_are_those_of_the_time_zone_that_is_preferred() {
    let ddl = "create table api.times (
        tenant_id uuid not null default tenancy.current_tenant_id(), id int, at timestamptz, primary key (tenant_id, id));";
    let api = Api::with(&format!("{ddl}{}", isolated("api.times"))).await;
    api.post("/times", "", json!({"id": 1, "at": "2026-02-28T12:00:00Z"})).await.is(201);
    for (accept, text) in [
        ("text/csv", "at\n\"2026-02-28 17:30:00+05:30\""),
        ("application/vnd.pgrst.array+json;nulls=stripped", r#"[{"at":"2026-02-28T17:30:00+05:30"}]"#),
    ] {
        let request = api.server.get("/times?select=at", &api.token).prefer("timezone=+05:30");
        assert_eq!(request.header("accept", accept).send().await.is(200).text, text);
    }
}

#[tokio::test]
async fn stripped_answers_leave_out_what_is_null_at_any_depth() {
    let api = Api::library().await;
    let array = "application/vnd.pgrst.array+json;nulls=stripped";
    let answer =
        accepting(&api, "/books?select=id,rating,available,covers(colour)&id=gt.2&order=id", array).await;
    let answer = answer.is(200);
    assert_eq!(answer.text, r#"[{"id":3},{"id":4,"rating":1.0,"available":true}]"#);
    let content_type = "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    let answer = accepting(&api, "/books?select=rating&id=eq.3", array).await.is(200);
    assert_eq!(answer.text, "[{}]");
    api.patch("/books/1", "", json!({"data": {"a": null, "b": [null, {"c": null}], "d": 1}})).await.is(204);
    api.patch("/chapters/1", "", json!({"title": "x"})).await.is(204);
    let path = "/books?select=data,n:data->a,covers(colour,of:book_id)&id=eq.1";
    assert_eq!(
        accepting(&api, path, array).await.is(200).text,
        r#"[{"data":{"b":[null,{}],"d":1},"covers":{"colour":"red","of":1}}]"#
    );
    let object = "application/vnd.pgrst.object+json;nulls=stripped";
    let answer = accepting(&api, "/books?id=eq.3&select=id,rating", object).await.is(200);
    assert_eq!(answer.text, r#"{"id":3}"#);
    let content_type = "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    accepting(&api, "/books", object).await.fails(406, "PGRST116");
    let by_key = accepting(&api, "/books/3?select=id,rating", array).await.is(200);
    assert_eq!((by_key.text.as_str(), by_key.header("content-type")), (r#"{"id":3}"#, Some(content_type)));
    let write = api.server.patch("/books?id=eq.3&select=id,rating", &api.token, json!({"pages": 1}));
    let answer = write.prefer("return=representation").header("accept", array).send().await.is(200);
    assert_eq!(answer.text, r#"[{"id":3}]"#);
    let write = api.server.patch("/books?id=gt.1&select=id", &api.token, json!({"pages": 77}));
    write.prefer("return=representation").header("accept", object).send().await.fails(406, "PGRST116");
    assert_eq!(api.database.count("select count(*) from api.books where pages = 77").await, 0);
}

#[tokio::test]
async fn lines_are_an_object_each() {
    let api = Api::library().await;
    let lines = "application/x-ndjson";
    let answer = accepting(&api, "/books?select=id,rating&id=lt.4&order=id", lines).await.is(200);
    assert_eq!(
        answer.text,
        "{\"id\":1,\"rating\":4.5}\n{\"id\":2,\"rating\":4.2}\n{\"id\":3,\"rating\":null}\n"
    );
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    let embedded = accepting(&api, "/books?select=id,chapters(id)&id=lt.3&order=id", lines).await.is(200);
    let rows: Vec<serde_json::Value> =
        embedded.text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(rows[0], json!({"id": 1, "chapters": [{"id": 1}, {"id": 2}]}));
    assert_eq!(rows.len(), 2);
    assert_eq!(accepting(&api, "/books?id=eq.99", lines).await.is(200).text, "");
    assert_eq!(accepting(&api, "/books/1?select=id", lines).await.is(200).text, "{\"id\":1}\n");
    accepting(&api, "/books/99", lines).await.fails(404, "TEN010");
}

#[tokio::test]
async fn streamed_representations_are_byte_for_byte_the_whole_ones() {
    let whole = Api::library().await;
    whole
        .database
        .sql(&format!(
            "insert into api.books (tenant_id, id, title) select '{PAWNEE}', n, repeat('\"é,', 60) || n \
             from generate_series(100, 1099) as n"
        ))
        .await;
    let medias = ["text/csv", "application/x-ndjson", "application/vnd.pgrst.array+json;nulls=stripped"];
    let mut expected = Vec::new();
    for media in medias {
        expected.push(accepting(&whole, "/books?order=id", media).await.is(200).text);
    }
    let Api { database, token, .. } = whole;
    let options = ServerOptions::default().set("stream_bytes_min", 1024);
    let streaming = Api { token, ..Api::start(database, options).await };
    for (media, expected) in medias.iter().zip(&expected) {
        let streamed = accepting(&streaming, "/books?order=id", media).await.is(200);
        assert!(streamed.text == *expected, "{media} differs");
        assert_eq!(streamed.header("content-length"), None);
        assert_eq!(streamed.header("content-range"), Some("0-*/*"));
    }
}

#[tokio::test]
async fn no_representation_tells_of_another_tenant() {
    let api = Api::library().await;
    for accept in ["text/csv", "application/x-ndjson", "application/vnd.pgrst.array+json;nulls=stripped"] {
        let dunder = DUNDER.to_string();
        for path in ["/books", "/books?select=*,authors!books_author_fkey(*),chapters(*)", "/items"] {
            let answer = accepting(&api, path, accept).await.is(200);
            for theirs in ["Learn", "Dwight", "Creed", "Bears", "toner", dunder.as_str()] {
                assert!(!answer.text.contains(theirs), "{accept} {path}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn a_plan_is_told_only_where_the_configuration_allows_it() {
    let plan = "application/vnd.pgrst.plan";
    let api = Api::library().await;
    for accept in
        [plan, "application/vnd.pgrst.plan+json", "application/vnd.pgrst.plan+text; options=analyze"]
    {
        accepting(&api, "/books", accept).await.fails(406, "PGRST107");
    }
    accepting(&api, "/books", &format!("{plan}, application/json")).await.is(200).rows();
    let api = Api::library_with(ServerOptions::default().set("explain", true)).await;
    let answer = accepting(&api, "/books?id=eq.1&order=title", plan).await.is(200);
    assert!(answer.text.contains("(cost="), "{}", answer.text);
    assert!(!answer.text.contains("actual"), "{}", answer.text);
    let content_type = "application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    let accept =
        "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|verbose|buffers|settings|wal";
    let answer = accepting(&api, "/books?select=id,title,chapters(id)&limit=2", accept).await.is(200);
    assert!(answer.json()[0]["Plan"]["Actual Rows"].is_number(), "{}", answer.text);
    assert!(answer.text.contains("::text"), "{}", answer.text);
    let content_type = "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|verbose|settings|buffers|wal; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    // Whatever the number of rows is, and also where there is none of the key.
    accepting(&api, "/books", "application/vnd.pgrst.plan; for=\"application/vnd.pgrst.object\"")
        .await
        .is(200);
    accepting(&api, "/books/99", plan).await.is(200);
    let head = api.server.head("/books", &api.token).header("accept", plan).send().await.is(200);
    assert_eq!(head.text, "");
    accepting(&api, "/books", "application/vnd.pgrst.plan; for=\"image/png\"").await.fails(406, "PGRST107");
}

#[tokio::test]
async fn what_is_explained_of_a_write_is_undone() {
    let api = Api::library_with(ServerOptions::default().set("explain", true)).await;
    let accept = "application/vnd.pgrst.plan+json; options=analyze";
    for preference in ["return=representation", "return=minimal", "handling=strict, max-affected=1"] {
        let explain = |request: Request| request.prefer(preference).header("accept", accept).send();
        let answer = explain(api.server.delete("/chapters?id=gt.0", &api.token)).await.is(200);
        assert!(answer.text.contains("\"Delete\""), "{}", answer.text);
        explain(api.server.patch("/books?id=eq.1", &api.token, json!({"pages": 5}))).await.is(200);
        let answer =
            explain(api.server.post("/books", &api.token, json!({"id": 9, "title": "x"}))).await.is(200);
        assert!(answer.json()[0]["Plan"]["Actual Rows"].is_number(), "{}", answer.text);
    }
    assert_eq!(api.database.count("select count(*) from api.chapters").await, 4);
    assert_eq!(api.database.count("select count(*) from api.books where id = 9 or pages = 5").await, 0);
}

#[tokio::test]
async fn geojson_is_made_by_postgis_3_where_it_is_installed() {
    let geo = "application/geo+json";
    let without = Api::library().await;
    accepting(&without, "/books", geo).await.fails(406, "PGRST107");
    let Api { database, token, .. } = without;
    // What the service needs of PostGIS: that the catalog names it, and one function.
    database
        .sql(
            "set allow_system_table_mods = on;
            create schema gis;
            grant usage on schema gis to rowhouse_app;
            create function gis.st_asgeojson(record) returns text language plpgsql stable
                as $$ begin return json_build_object('type', 'Feature', 'properties', to_json($1))::text; end $$;
            insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
            values (90001, 'postgis', 10, 'gis'::regnamespace, false, '3.4.2')",
        )
        .await;
    let api = Api { token, ..Api::start(database, ServerOptions::default()).await };
    let answer = accepting(&api, "/books?select=id,chapters(id)&id=lt.3&order=id.desc", geo).await.is(200);
    assert_eq!(answer.header("content-type"), Some("application/geo+json; charset=utf-8"));
    let document = answer.json();
    assert_eq!(document["type"], "FeatureCollection");
    assert_eq!(document["features"][0]["properties"], json!({"id": 2, "chapters": [{"id": 3}]}));
    assert_eq!(document["features"][1]["properties"]["id"], 1);
    assert_eq!(accepting(&api, "/books?id=eq.99", geo).await.is(200).json()["features"], json!([]));
    let write = api.server.patch("/books?id=eq.1&select=id,pages", &api.token, json!({"pages": 8}));
    let answer = write.prefer("return=representation").header("accept", geo).send().await.is(200);
    assert_eq!(answer.json()["features"][0]["properties"], json!({"id": 1, "pages": 8}));
    accepting(&api, "/books?select=", geo).await.is(200).json();
    accepting(&api, "/books", "application/json, application/geo+json").await.is(200).rows();
}

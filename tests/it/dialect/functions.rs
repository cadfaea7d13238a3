//! Functions: `/rpc/{fn}`, what they take and give, and what they say of the answer.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Api, isolated};
use crate::support::{Database, PAWNEE, Server, ServerOptions, Token, eventually};

/// Functions of all kinds, over a table of which another tenant has rows, too.
const FUNCTIONS: &str = r#"
create table api.notes (
    tenant_id uuid not null default tenancy.current_tenant_id(), id int not null, body text, primary key (tenant_id, id));
create type api.pair as (one int, two text);
create type api.mood as enum ('glad', 'sad');
create domain api.positive as int check (value > 0);
create function api.add(a int, b int default 10) returns int language sql immutable return a + b;
create function api.nothing() returns void language sql as '';
create function api.none() returns text language sql stable return null;
create function api.words() returns setof text language sql stable as $$ values ('a "b"'), (null), ('c') $$;
create function api.notes_of(wanted text default '') returns setof api.notes language sql stable
    begin atomic select n.* from api.notes as n where n.body like wanted || '%' order by n.id; end;
create function api.one_note(id int) returns api.notes language sql stable
    begin atomic select n.* from api.notes as n where n.id = one_note.id; end;
create function api.make_pair(one int, two text) returns api.pair language sql immutable
    return row(one, two)::api.pair;
create function api.pairs(n int) returns setof api.pair language sql immutable
    begin atomic select g, 'p' || g from generate_series(1, n) as g; end;
create function api.split(n int, out half int, out rest int) language sql immutable
    begin atomic select n / 2, n % 2; end;
create function api.one_out(n int, out doubled int) language sql immutable return n * 2;
create function api.tabled() returns table ("a b" int, data jsonb) language sql immutable
    begin atomic values (1, '{"k": [1, 2]}'::jsonb), (2, null); end;
create function api.types(ints int[], pair api.pair, mood api.mood, small api.positive, doc json, c character, at timestamptz)
    returns json language sql immutable
    return json_build_object('ints', ints, 'pair', pair, 'mood', mood, 'small', small, 'doc', doc, 'c', c, 'at', at);
create function api.joined(separator text, variadic words text[]) returns text language sql immutable
    return array_to_string(words, separator);
create function api.whole(json) returns json language sql immutable return $1;
create function api.whole_text(text) returns text language sql immutable return '<' || $1 || '>';
create function api.whole_bytes(bytea) returns int language sql immutable return length($1);
create function api.whole_xml(xml) returns text language sql immutable return $1::text;
create function api.recorded() returns record language sql immutable return row(1, 2);
create function api.over(a int) returns text language sql immutable return 'a int';
create function api.over(a text) returns text language sql immutable return 'a text';
create function api.over(b bigint) returns text language sql immutable return 'b';
create function api.over(b int, c int) returns text language sql immutable return 'b c';
create function api.write_note(id int, body text) returns setof api.notes language sql volatile
    begin atomic insert into api.notes (id, body) values (write_note.id, write_note.body) returning *; end;
create function api.write_notes(n int) returns setof api.notes language sql volatile
    begin atomic insert into api.notes (id, body) select g, 'made' from generate_series(100, 99 + n) as g returning *; end;
create function api.write_one() returns int language sql volatile
    begin atomic insert into api.notes (id, body) values (50, 'x') returning 1; end;
create function api."odd, ""näme""."("a b" int, "c""d" text default 'x') returns text language sql immutable
    return "a b" || "c""d";
create function api.says(status text, headers text) returns text language sql volatile
    begin atomic
        select set_config('response.status', status, true); select set_config('response.headers', headers, true);
        select 'said'::text; end;
create function api.says_for_ever(status text) returns void language sql volatile
    begin atomic select set_config('response.status', status, false); end;
create function api.raises(state text, message text, detail text, hint text) returns void language plpgsql as $$
begin raise exception using errcode = state, message = message, detail = detail, hint = hint; end $$;
create function api.as_owner() returns setof api.notes language sql stable security definer
    begin atomic select * from api.notes; end;
create function api.hidden() returns int language sql immutable return 1;
create function api.fires() returns trigger language plpgsql as 'begin return null; end';
create function api.unnamed_two(int, int) returns int language sql immutable return $1;
create function api.polymorphic(x anyelement) returns anyelement language sql immutable as 'select x';
create procedure api.proceeds() language sql as '';
create aggregate api.total(int) (sfunc = int4pl, stype = int, initcond = '0');
grant execute on all functions in schema api to rowhouse_app;
revoke execute on function api.hidden() from public, rowhouse_app;
"#;

/// The SET clause is one that only a superuser may write.
const NOTES: &str = "
create function api.other_tenant() returns setof api.notes language sql stable
    set app.current_tenant_id to '162be16f-4c1d-4b0e-9a53-6f7d20c8e915' as 'select * from api.notes';
grant execute on function api.other_tenant() to rowhouse_app;
insert into api.notes (tenant_id, id, body) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 1, 'ours one'), ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 2, 'ours two'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 3, 'other'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 1, 'ours is theirs'), ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 9, 'theirs')";

async fn functions() -> Api {
    functions_with(ServerOptions::default()).await
}

async fn functions_with(options: ServerOptions) -> Api {
    let database = Database::demo().await;
    // A policy reads what the isolation of the table says, and every function what the policies let it.
    let (table, rest) = FUNCTIONS.split_once("create type").unwrap();
    database.as_owner(&format!("{table}{}create type{rest}", isolated("api.notes"))).await;
    database.sql(NOTES).await;
    Api::start(database, options).await
}

impl Api {
    async fn rpc(&self, name: &str, arguments: Value) -> crate::support::Answer {
        self.server.post(&format!("/rpc/{name}"), &self.token, arguments).send().await
    }

    async fn raw(
        &self,
        name: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> crate::support::Answer {
        let request = self.server.request(Method::POST, &format!("/rpc/{name}")).token(&self.token);
        request.text(content_type, body).send().await
    }
}

#[tokio::test]
async fn arguments_come_from_an_object_or_from_the_query() {
    let api = functions().await;
    assert_eq!(api.rpc("add", json!({"a": 1, "b": 2})).await.is(200).text, "3");
    assert_eq!(api.rpc("add", json!({"a": 1})).await.is(200).text, "11");
    assert_eq!(api.rpc("add", json!({"a": "1", "b": null})).await.is(200).text, "null");
    assert_eq!(api.get("/rpc/add?a=1&b=2").await.is(200).text, "3");
    assert_eq!(api.get("/rpc/add/?b=2&a=1&a=5").await.is(200).text, "7");
    assert_eq!(api.get(&format!("/{PAWNEE}/rpc/add?a=1")).await.is(200).text, "11");
    let form = api.raw("add", "application/x-www-form-urlencoded", "a=3&b=4").await.is(200);
    assert_eq!(form.text, "7");
    let empty = api.server.request(Method::POST, "/rpc/notes_of").token(&api.token).send().await.is(200);
    assert_eq!(empty.rows().len(), 3);
    api.rpc("add", json!({"a": "x"})).await.fails(400, "22P02");
    api.get("/rpc/add?a=x").await.fails(400, "22P02");
    // columns= leaves out what else the object has.
    let columns = api.post("/rpc/add?columns=a", "", json!({"a": 1, "b": 2, "z": 3})).await.is(200);
    assert_eq!(columns.text, "11");
    let odd = "/rpc/odd,%20%22n%C3%A4me%22.";
    assert_eq!(api.get(&format!("{odd}?a%20b=1&c%22d=%C3%BC")).await.is(200).text, "\"1ü\"");
    assert_eq!(api.post(odd, "", json!({"a b": 1})).await.is(200).text, "\"1x\"");
}

#[tokio::test]
async fn each_type_of_argument_is_read_as_its_own() {
    let api = functions().await;
    let arguments = json!({"ints": [1, null, 3], "pair": {"one": 1, "two": "x"}, "mood": "sad", "small": 5,
        "doc": {"a": [1]}, "c": "longer", "at": "2026-01-02T03:04:05Z"});
    let answer = api.rpc("types", arguments.clone()).await.is(200).json();
    assert_eq!(answer["ints"], json!([1, null, 3]));
    assert_eq!((&answer["pair"], &answer["mood"]), (&json!({"one": 1, "two": "x"}), &json!("sad")));
    assert_eq!((&answer["doc"], &answer["c"]), (&json!({"a": [1]}), &json!("longer")));
    let query =
        "ints={1,NULL,3}&pair=(1,x)&mood=sad&small=5&doc=%7B%22a%22:[1]%7D&c=longer&at=2026-01-02T03:04:05Z";
    assert_eq!(api.get(&format!("/rpc/types?{query}")).await.is(200).json(), answer);
    let mut wrong = arguments.clone();
    wrong["small"] = json!(-1);
    api.rpc("types", wrong).await.fails(422, "23514");
    let mut wrong = arguments;
    wrong["mood"] = json!("angry");
    api.rpc("types", wrong).await.fails(400, "22P02");
}

#[tokio::test]
async fn a_variadic_argument_is_a_list_or_repeated() {
    let api = functions().await;
    let listed = api.rpc("joined", json!({"separator": "-", "words": ["a", "b,c", "\"d"]})).await.is(200);
    assert_eq!(listed.json(), "a-b,c-\"d");
    let repeated = api.get("/rpc/joined?separator=-&words=a&words=b,c&words=%22d").await.is(200);
    assert_eq!(repeated.json(), "a-b,c-\"d");
    assert_eq!(api.get("/rpc/joined?separator=-&words={a}").await.is(200).json(), "{a}");
    api.get("/rpc/joined?separator=-").await.fails(404, "PGRST202");
    let titled = api.get("/rpc/items_titled?titles=art-fair&titles=none&select=title").await.is(200);
    assert_eq!(titled.text, r#"[{"title":"art-fair"}]"#);
}

#[tokio::test]
async fn one_argument_without_a_name_takes_the_body_by_its_content_type() {
    let api = functions().await;
    for body in ["[1,{\"a\":2}]", "{\"a\":1}", "3", "\"x\"", "null"] {
        assert_eq!(api.raw("whole", "application/json", body).await.is(200).text, body);
    }
    api.raw("whole", "application/json", "[1").await.fails(400, "PGRST102");
    api.raw("whole", "text/plain", "x").await.fails(404, "PGRST202");
    assert_eq!(api.raw("whole_text", "text/plain", "a 'b' \\").await.is(200).json(), "<a 'b' \\>");
    assert_eq!(api.raw("whole_xml", "text/xml", "<a/>").await.is(200).json(), "<a/>");
    assert_eq!(api.raw("whole_bytes", "application/octet-stream", vec![0, 255, 92]).await.is(200).text, "3");
    api.raw("whole_text", "text/csv", "a").await.fails(415, "TEN023");
    api.raw("add", "text/plain", "a").await.fails(404, "PGRST202");
    api.rpc("add", json!([1, 2])).await.fails(404, "PGRST202");
    let imported = api.rpc("import_items", json!([{"title": "rpc-a"}, {"title": "rpc-b"}])).await.is(200);
    assert_eq!(imported.rows().len(), 2);
}

#[tokio::test]
async fn results_are_values_objects_and_lists() {
    let api = functions().await;
    assert_eq!(api.get("/rpc/none").await.is(200).text, "null");
    assert_eq!(api.get("/rpc/words").await.is(200).text, r#"["a \"b\"",null,"c"]"#);
    assert_eq!(api.get("/rpc/words?limit=1&offset=1").await.is(200).text, "[null]");
    assert_eq!(api.get("/rpc/words?words=eq.c").await.is(200).text, r#"["c"]"#);
    api.get("/rpc/words?select=words").await.fails(400, "PGRST127");
    let object = r#"{"one":1,"two":"x"}"#;
    assert_eq!(api.rpc("make_pair", json!({"one": 1, "two": "x"})).await.is(200).text, object);
    assert_eq!(api.get("/rpc/make_pair?one=1&two=x&select=b:two").await.is(200).text, r#"{"b":"x"}"#);
    assert_eq!(
        api.get("/rpc/pairs?n=3&one=gt.1&order=one.desc&select=two").await.is(200).column("two"),
        ["p3", "p2"]
    );
    assert_eq!(api.get("/rpc/split?n=7").await.is(200).text, r#"{"half":3,"rest":1}"#);
    assert_eq!(api.get("/rpc/one_out?n=7").await.is(200).text, r#"{"doubled":14}"#);
    let table = api.get("/rpc/tabled?select=%22a%20b%22,k:data->k->0").await.is(200);
    assert_eq!(table.text, r#"[{"a b":1,"k":1},{"a b":2,"k":null}]"#);
    let void = api.rpc("nothing", json!({})).await.is(204);
    assert_eq!((void.text.as_str(), void.header("content-type")), ("", None));
    api.get("/rpc/nothing").await.is(204);
    api.rpc("nothing", json!({"x": 1})).await.fails(404, "PGRST202");
    // Postgres calls nothing for `limit 0`.
    api.get("/rpc/nothing?limit=0").await.fails(400, "PGRST127");
    api.post("/rpc/write_notes?limit=0", "", json!({"n": 1})).await.fails(400, "PGRST127");
    assert_eq!(api.get("/rpc/words?limit=0").await.is(200).text, "[]");
    api.get("/rpc/recorded").await.fails(400, "PGRST127");
    assert!(api.get("/rpc/desk_summary").await.is(200).json()["tickets"].is_number());
}

#[tokio::test]
async fn a_set_of_rows_is_read_like_a_relation() {
    let api = functions().await;
    let rows = api.get("/rpc/notes_of?wanted=ours&select=id,body&order=id.desc").await.is(200);
    assert_eq!(rows.text, r#"[{"id":2,"body":"ours two"},{"id":1,"body":"ours one"}]"#);
    assert_eq!(rows.header("content-range"), Some("0-1/*"));
    let counted = api.get_preferring("/rpc/notes_of?limit=1&select=id", "count=exact").await.is(206);
    assert_eq!(counted.header("content-range"), Some("0-0/3"));
    assert_eq!(counted.header("preference-applied"), Some("count=exact"));
    let posted = api.post("/rpc/notes_of?id=gte.2&select=id", "count=exact", json!({})).await.is(200);
    assert_eq!(
        (posted.header("content-range"), posted.column("id")),
        (Some("0-1/2"), vec![json!(2), json!(3)])
    );
    api.get_preferring("/rpc/notes_of?offset=9", "count=exact").await.fails(416, "PGRST103");
    let ranged =
        api.server.get("/rpc/notes_of?select=id", &api.token).header("range", "1-1").send().await.is(200);
    assert_eq!(ranged.text, r#"[{"id":2}]"#);
    let object = "application/vnd.pgrst.object+json";
    let one =
        api.server.get("/rpc/notes_of?id=eq.2&select=id", &api.token).header("accept", object).send().await;
    assert_eq!(one.is(200).text, r#"{"id":2}"#);
    let none = api.server.get("/rpc/notes_of?id=eq.7", &api.token).header("accept", object).send().await;
    none.fails(406, "PGRST116");
    let head = api.server.head("/rpc/notes_of", &api.token).prefer("count=exact").send().await.is(200);
    assert_eq!((head.header("content-range"), head.text.as_str()), (Some("0-2/3"), ""));
    api.get("/rpc/notes_of?missing=eq.1").await.fails(400, "42703");
    api.get("/rpc/notes_of?select=id,items(title)").await.fails(400, "PGRST200");
    // What the rows are of can be embedded in.
    let embedded = api.get("/rpc/search_items?query=fair&select=title,tenants(slug)").await.is(200);
    assert_eq!(embedded.rows()[0]["tenants"]["slug"], "pawnee-parks-and-rec");
}

#[tokio::test]
async fn no_more_than_rows_max_come_back() {
    let api = functions_with(ServerOptions::default().set("rows_max", 2)).await;
    assert_eq!(api.get("/rpc/notes_of?limit=3").await.is(200).rows().len(), 2);
    assert_eq!(api.get("/rpc/words").await.is(200).rows().len(), 2);
    let counted = api.get_preferring("/rpc/notes_of", "count=exact").await.is(206);
    assert_eq!(counted.header("content-range"), Some("0-1/3"));
}

#[tokio::test]
async fn a_function_sees_and_writes_its_own_tenant_alone() {
    let api = functions().await;
    let michael = Token::michael();
    let theirs = api.server.get("/rpc/notes_of", &michael).send().await.is(200);
    assert_eq!(theirs.column("body"), ["ours is theirs", "theirs"]);
    assert_eq!(api.get("/rpc/one_note?id=9").await.is(200).json()["id"], Value::Null);
    assert_eq!(api.get("/rpc/notes_of?id=eq.9").await.is(200).text, "[]");
    let ours = json!({"id": 9, "body": "made by us"});
    assert_eq!(api.rpc("write_note", ours).await.is(200).rows().len(), 1);
    assert_eq!(api.server.get("/rpc/notes_of", &michael).send().await.is(200).rows().len(), 2);
    let ticket = api.server.get("/support_tickets?limit=1&select=id", &michael).send().await.is(200);
    let ticket = ticket.rows()[0]["id"].clone();
    let absent = json!({"ticket_id": "0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f801"});
    let absent = api.rpc("close_ticket", absent).await.fails(404, "PT404").text;
    assert_eq!(api.rpc("close_ticket", json!({"ticket_id": ticket})).await.fails(404, "PT404").text, absent);
}

#[tokio::test]
async fn get_reads_only_and_a_stable_function_does_too() {
    let api = functions().await;
    let answer = api.get("/rpc/write_one").await.fails(405, "25006");
    assert_eq!(answer.header("allow"), Some("POST"));
    api.server.head("/rpc/write_one", &api.token).send().await.is(405);
    assert_eq!(api.rpc("write_one", json!({})).await.is(200).text, "1");
    assert_eq!(api.database.count("select count(*) from api.notes where id = 50").await, 1);
    // A set_config writes nothing: a volatile function may be called by GET as long as it only reads.
    api.get("/rpc/says?status=200&headers=").await.is(200);
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let request = api.server.request(method, "/rpc/add").token(&api.token);
        let answer = request.json(json!({"a": 1})).send().await.fails(405, "PGRST101");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
}

#[tokio::test]
async fn the_names_of_the_arguments_choose_among_overloads() {
    let api = functions().await;
    assert_eq!(api.rpc("over", json!({"b": 1})).await.is(200).json(), "b");
    assert_eq!(api.rpc("over", json!({"c": 1, "b": 1})).await.is(200).json(), "b c");
    let ambiguous = api.rpc("over", json!({"a": 1})).await.fails(300, "PGRST203");
    assert!(
        ambiguous.text.contains("api.over(a => integer)") && ambiguous.text.contains("api.over(a => text)")
    );
    let none = api.rpc("over", json!({"b": 1, "d": 1})).await.fails(404, "PGRST202");
    assert!(none.json()["hint"].as_str().unwrap().contains("api.over(b =>"), "{none:?}");
    let tickets = api.get("/rpc/find_tickets?status=open&select=status").await.is(200);
    assert!(tickets.column("status").iter().all(|status| status == "open") && !tickets.rows().is_empty());
    let near = api.get("/rpc/item_total").await.fails(404, "PGRST202").json();
    assert_eq!(near["hint"], "Perhaps you meant to call api.items_total()");
    assert_eq!(api.get("/rpc/zzzzzzzzzz").await.fails(404, "PGRST202").json()["hint"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_called_is_not_there() {
    let api = functions().await;
    for name in [
        "hidden",
        "fires",
        "unnamed_two",
        "polymorphic",
        "proceeds",
        "total",
        "as_owner",
        "other_tenant",
        "now",
    ] {
        let answer = api.rpc(name, json!({})).await.fails(404, "PGRST202");
        assert!(!answer.json()["hint"].to_string().contains(name), "{answer:?}");
    }
    api.get("/rpc/add/1").await.fails(404, "PGRST125");
    api.get("/rpc").await.is(404);
    api.get("/rpc/add%00").await.fails(400, "PGRST100");
    let profile = api.server.get("/rpc/add?a=1", &api.token).header("accept-profile", "tenancy").send().await;
    profile.fails(404, "PGRST202");
}

#[tokio::test]
async fn a_definer_function_is_served_only_when_it_is_declared() {
    let api = functions().await;
    api.get("/rpc/as_owner").await.fails(404, "PGRST202");
    let refused = || async { api.server.admin("/ready").await.is(200).json()["refused"].to_string() };
    assert!(refused().await.contains("api.as_owner()") && refused().await.contains("declare_function"));
    let declare = "select tenancy.declare_function('api.as_owner()', 'It counts all the same.')";
    api.database.as_owner(declare).await;
    eventually("it is served", || async { api.get("/rpc/as_owner").await.status == 200 }).await;
    assert!(!refused().await.contains("api.as_owner()"));
    // Under FORCE its owner, too, meets policies: none is for him.
    assert_eq!(api.get("/rpc/as_owner").await.is(200).text, "[]");
    api.database.as_owner("delete from tenancy.function").await;
    eventually("it is served no more", || async { api.get("/rpc/as_owner").await.status == 404 }).await;
}

#[tokio::test]
async fn rows_of_a_relation_that_is_not_served_are_not_returned() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.open_door (tenant_id uuid, x int); grant select on api.open_door to rowhouse_app;
            create function api.through() returns setof api.open_door language sql stable
                begin atomic select * from api.open_door; end; grant execute on all functions in schema api to rowhouse_app;",
        )
        .await;
    let api = Api::start(database, ServerOptions::default()).await;
    api.get("/rpc/through").await.fails(404, "PGRST202");
    let ready = api.server.admin("/ready").await.is(200).text;
    assert!(ready.contains("it returns rows of api.open_door, which is not served"), "{ready}");
}

#[tokio::test]
async fn max_affected_undoes_a_call() {
    let api = functions().await;
    let strict = |rows: u32| format!("handling=strict, max-affected={rows}");
    let call = |rows: u32, n: u32| {
        let preference = strict(rows);
        let api = &api;
        async move { api.post("/rpc/write_notes", &preference, json!({"n": n})).await }
    };
    let made = async || api.database.count("select count(*) from api.notes where body = 'made'").await;
    call(2, 3).await.fails(400, "PGRST124");
    assert_eq!(made().await, 0);
    let applied = call(3, 3).await.is(200);
    assert_eq!(applied.header("preference-applied"), Some("handling=strict, max-affected=3"));
    assert_eq!(made().await, 3);
    api.post("/rpc/write_one", &strict(3), json!({})).await.fails(400, "PGRST128");
    api.post("/rpc/write_notes?limit=1", &strict(1), json!({"n": 5})).await.fails(400, "PGRST127");
    let object = "application/vnd.pgrst.object+json";
    let several =
        api.server.post("/rpc/write_notes", &Token::michael(), json!({"n": 2})).header("accept", object);
    several.send().await.fails(406, "PGRST116");
    assert_eq!(made().await, 3);
    let counted =
        api.server.post("/rpc/write_notes", &Token::michael(), json!({"n": 2})).prefer("count=exact");
    assert_eq!(counted.send().await.is(200).header("content-range"), Some("0-1/2"));
}

#[tokio::test]
async fn a_function_words_its_own_errors() {
    let api = functions().await;
    let raise = |state: &str, message: &str, detail: &str| {
        let arguments = json!({"state": state, "message": message, "detail": detail, "hint": "try"});
        let api = &api;
        async move { api.rpc("raises", arguments).await }
    };
    let answer = raise("PT402", "pay", "first").await.fails(402, "PT402");
    assert_eq!(answer.json(), json!({"code": "PT402", "message": "pay", "details": "first", "hint": "try"}));
    let unauthorized = raise("PT401", "who", "").await.fails(401, "PT401");
    assert_eq!(unauthorized.header("www-authenticate"), Some("Bearer realm=\"rowhouse\""));
    raise("P0001", "no", "").await.fails(400, "P0001");
    for state in ["PT000", "PT204", "PTABC", "PT999", "PT100"] {
        raise(state, "x", "").await.fails(500, "PGRST121");
    }
    let detail =
        r#"{"status": 418, "status_text": "teapot", "headers": {"X-Tea": "green", "Retry-After": "9"}}"#;
    let answer =
        raise("PGRST", r#"{"code": "TEA", "message": "short and stout", "hint": "pour"}"#, detail).await;
    let answer = answer.fails(418, "TEA");
    assert_eq!((answer.header("x-tea"), answer.header("retry-after")), (Some("green"), Some("9")));
    assert_eq!(answer.json()["hint"], "pour");
    for (message, detail) in [
        ("no json", detail),
        (r#"{"code": "x"}"#, detail),
        (r#"{"code": "x", "message": "y"}"#, ""),
        (r#"{"code": "x", "message": "y"}"#, r#"{"status": 204}"#),
        (r#"{"code": "x", "message": "y"}"#, r#"{"status": 400, "headers": {"a": "b\r\nc: d"}}"#),
        (r#"{"code": "x", "message": "y"}"#, r#"{"status": 400, "headers": {"Content-Length": "1"}}"#),
    ] {
        raise("PGRST", message, detail).await.fails(500, "PGRST121");
    }
}

#[tokio::test]
async fn a_function_sets_status_and_headers_of_its_own_answer_alone() {
    let api = functions_with(ServerOptions::default().set("pool_size", 1)).await;
    let says = |status: &str, headers: &str| {
        let arguments = json!({"status": status, "headers": headers});
        let api = &api;
        async move { api.rpc("says", arguments).await }
    };
    let headers = r#"[{"X-One": "1"}, {"Set-Cookie": "a=1"}, {"set-cookie": "b=2"}, {"Content-Type": "text/x; charset=utf-8"}]"#;
    let answer = says("202", headers).await.is(202);
    assert_eq!((answer.text.as_str(), answer.header("x-one")), ("\"said\"", Some("1")));
    assert_eq!(answer.header("content-type"), Some("text/x; charset=utf-8"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    // The same connection, the next request: the setting is empty now, and says nothing.
    let next = says("", "").await.is(200);
    assert_eq!(next.header("x-one"), None);
    assert_eq!(says("204", "").await.is(204).text, "");
    for (status, headers, code) in [
        ("999", "", "PGRST112"),
        ("x", "", "PGRST112"),
        ("", "{}", "PGRST111"),
        ("", "[{\"a\": 1}]", "PGRST111"),
        ("", r#"[{"a": "b\r\nSet-Cookie: c"}]"#, "PGRST111"),
        ("", r#"[{"Transfer-Encoding": "x"}]"#, "PGRST111"),
        ("", r#"[{"Content-Length": "0"}]"#, "PGRST111"),
    ] {
        says(status, headers).await.fails(500, code);
    }
    // Said to the session, not the transaction: it ends with the request all the same.
    api.rpc("says_for_ever", json!({"status": "202"})).await.is(202);
    api.get("/rpc/add?a=1").await.is(200);
    api.get("/notes").await.is(200);
}

#[tokio::test]
async fn a_comment_declares_routes() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create function api.echo(word text, times int default 1) returns text language sql immutable
                return repeat(word, times);
            comment on function api.echo(text, int) is E'Says it.\\n@route GET /say/{word}\\n@route GET /say/{word}/{times}
                @route GET /say/it/twice/{word}\\n@route POST /{word}\\n@route GET /{nobody}\\n@route GET /items/{word}
                @route PUT /{word}';
            create function api.twin_a(x text) returns int language sql immutable return 1;
            create function api.twin_b(y text) returns int language sql immutable return 2;
            comment on function api.twin_a(text) is '@route GET /twin/{x}';
            comment on function api.twin_b(text) is '@route GET /twin/{y}';
            create function api.fixed() returns int language sql immutable return 3;
            comment on function api.fixed() is '@route GET /say/fixed';
            grant execute on all functions in schema api to rowhouse_app;",
        )
        .await;
    let api = Api::start(database, ServerOptions::default()).await;
    assert_eq!(api.get("/say/hi").await.is(200).json(), "hi");
    assert_eq!(api.get("/say/eq.hi%2F%C3%BC").await.is(200).json(), "eq.hi/ü");
    assert_eq!(api.get("/say/hi/2").await.is(200).json(), "hihi");
    assert_eq!(api.get("/say/hi?times=3").await.is(200).json(), "hihihi");
    // What the path gives, the query does not change.
    assert_eq!(api.get("/say/hi?word=ho").await.is(200).json(), "hi");
    assert_eq!(api.get("/say/it/twice/x").await.is(200).json(), "x");
    assert_eq!(api.get("/say/fixed").await.is(200).text, "3");
    assert_eq!(api.post("/ho", "", json!({"times": 2})).await.is(200).json(), "hoho");
    api.get("/say/hi/x").await.fails(400, "22P02");
    // A relation of that name goes before, whatever a route says.
    api.post("/items", "", json!({"title": "not a word"})).await.is(201);
    api.get("/twin/x").await.fails(404, "PGRST205");
    let refused = api.server.admin("/ready").await.is(200).text;
    for reason in [
        r#"the route \"GET /{nobody}\" is not served: the function has no argument nobody"#,
        r#"the route \"GET /items/{word}\" is not served: /items is a relation"#,
        r#"the route \"PUT /{word}\" is not served: it is not of the form"#,
        r#"the route \"GET /twin/{y}\" is not served: api.twin_a(x text) has the same route"#,
    ] {
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
    // A misspelt relation is told as such, although a route took it for a word.
    let hint = api.get("/item").await.fails(404, "PGRST205").json();
    assert_eq!(hint["hint"], "Perhaps you meant the table 'items'");
    assert_eq!(hint["details"], Value::Null);
}

#[tokio::test]
async fn a_function_goes_before_every_request_where_one_is_configured() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create function api.before() returns void language plpgsql as $$
            begin
                if tenancy.current_user_id() = 'ron.swanson' then
                    raise sqlstate 'PT429' using message = 'enough';
                end if;
                perform set_config('response.headers', '[{\"X-Before\": \"yes\"}]', true);
                perform set_config('app.before', 'seen', true);
            end $$;
            create function api.before_says() returns text language sql stable return current_setting('app.before', true);
            grant execute on all functions in schema api to rowhouse_app;",
        )
        .await;
    let unknown = ServerOptions::default().set("pre_request", "api.missing");
    let log = Server::try_start(&database.app_url(), unknown).await.err().unwrap();
    assert!(log.contains("pre_request"), "{log}");
    let api = Api::start(database, ServerOptions::default().set("pre_request", "api.before")).await;
    assert_eq!(api.get("/items").await.is(200).header("x-before"), Some("yes"));
    assert_eq!(api.get("/rpc/before_says").await.is(200).json(), "seen");
    let made = api.post("/items", "return=representation", json!({"title": "before"})).await.is(201);
    assert_eq!(made.header("x-before"), Some("yes"));
    let strict = "handling=strict, max-affected=1, return=representation";
    api.delete("/items?title=eq.before", strict).await.is(200);
    let ron = Token::new(PAWNEE, "ron.swanson", "admin");
    for _ in 0..2 {
        api.server.get("/items", &ron).send().await.fails(429, "PT429");
        let refused = api.server.post("/items", &ron, json!({"title": "never"})).send().await;
        refused.fails(429, "PT429");
    }
    assert_eq!(api.database.count("select count(*) from api.items where title = 'never'").await, 0);
}

#[tokio::test]
async fn a_large_result_is_read_whole_or_streamed() {
    let options = ServerOptions::default().set("held_bytes_max", 100_000).set("stream_bytes_min", 10_000);
    let api = functions_with(options.set("pool_size", 1)).await;
    for n in [10, 1_000, 9_000] {
        let answer = api.get(&format!("/rpc/pairs?n={n}")).await.is(200);
        assert_eq!(answer.rows().len(), n);
    }
    assert_eq!(api.get("/rpc/add?a=1").await.is(200).text, "11");
}

#[tokio::test]
async fn calls_work_without_prepared_statements() {
    let api = functions_with(ServerOptions::default().set("prepared_statements", false)).await;
    assert_eq!(api.rpc("add", json!({"a": 1})).await.is(200).text, "11");
    assert_eq!(
        api.get("/rpc/types?ints={1}&pair=(1,x)&mood=sad&small=5&doc=1&c=x&at=now").await.is(200).json()["mood"],
        "sad"
    );
    let answer = api.rpc("says", json!({"status": "202", "headers": ""})).await.is(202);
    assert_eq!(answer.text, "\"said\"");
}

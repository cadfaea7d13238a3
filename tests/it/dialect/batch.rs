//! `POST /batch`: several operations, all or nothing, in one transaction.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Api;
use crate::support::{Answer, PAWNEE, ServerOptions, Token, eventually};

impl Api {
    async fn batch(&self, operations: Value) -> Answer {
        self.post("/batch", "", operations).await
    }

    /// The answers of a batch that succeeds: status and body of each.
    async fn done(&self, operations: Value) -> Vec<(u64, Value)> {
        let answers = self.batch(operations).await.is(200).rows();
        answers.iter().map(|one| (one["status"].as_u64().unwrap(), one["body"].clone())).collect()
    }

    async fn covers(&self) -> i64 {
        self.database.count("select count(*) from api.covers").await
    }
}

fn get(path: &str) -> Value {
    json!({"method": "GET", "path": path})
}

fn post(path: &str, body: Value) -> Value {
    json!({"method": "POST", "path": path, "body": body})
}

fn preferring(mut operation: Value, preference: &str) -> Value {
    operation["headers"] = json!({"Prefer": preference});
    operation
}

/// A cover that there is not, and one that there is.
fn new_cover() -> Value {
    post("/covers", json!({"book_id": 2, "colour": "blue"}))
}

fn bad_cover() -> Value {
    post("/covers", json!({"book_id": 1, "colour": "grey"}))
}

#[tokio::test]
async fn operations_run_in_order_and_each_sees_those_before_it() {
    let api = Api::library().await;
    let answer = api
        .batch(json!([
            get("/covers?select=book_id&order=book_id"),
            preferring(new_cover(), "return=representation"),
            {"method": "PATCH", "path": "/covers?book_id=eq.2", "body": {"colour": "green"}},
            preferring(get("/covers?select=colour&order=book_id"), "count=exact"),
            {"method": "PUT", "path": "/covers/3", "body": {"colour": "\u{e9}\n"}},
            {"method": "DELETE", "path": "/covers/1"},
            get("/covers?select=book_id,colour&order=book_id"),
            {"method": "HEAD", "path": "/covers/3"},
        ]))
        .await
        .is(200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let rows = answer.rows();
    let statuses: Vec<_> = rows.iter().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 201, 204, 200, 201, 204, 200, 200], "{answer:?}");
    assert_eq!(rows[0]["body"], json!([{"book_id": 1}]));
    assert_eq!(rows[1]["body"][0]["colour"], "blue");
    assert_eq!(rows[1]["headers"]["preference-applied"], "return=representation");
    assert_eq!(rows[2]["body"], Value::Null);
    assert_eq!(rows[3]["body"], json!([{"colour": "red"}, {"colour": "green"}]));
    assert_eq!(rows[3]["headers"]["content-range"], "0-1/2");
    assert_eq!(
        rows[6]["body"],
        json!([{"book_id": 2, "colour": "green"}, {"book_id": 3, "colour": "\u{e9}\n"}])
    );
    assert!(rows[7]["headers"]["etag"].is_string(), "{answer:?}");
    assert_eq!(rows[7]["body"], Value::Null);
    assert_eq!(api.covers().await, 2);
    assert_eq!(api.done(json!([])).await, []);
}

#[tokio::test]
async fn everything_is_undone_by_a_failure_in_the_last_and_the_answer_says_which_it_was() {
    let api = Api::library().await;
    let alone = api.post("/covers", "", json!({"book_id": 1})).await.fails(409, "23505");
    let answer = api.batch(json!([new_cover(), get("/covers"), bad_cover()])).await.fails(409, "23505");
    assert_eq!(answer.json()["operation"], 2);
    assert_eq!(answer.json()["message"], alone.json()["message"]);
    assert_eq!(api.covers().await, 1);
    // What follows the first that fails is not asked, and all that is wrong without Postgres comes first.
    let answer = api.batch(json!([new_cover(), bad_cover(), bad_cover(), new_cover()])).await;
    assert_eq!(answer.fails(409, "23505").json()["operation"], 1);
    let answer = api.batch(json!([bad_cover(), get("/nothing")])).await.fails(404, "PGRST205");
    assert_eq!(answer.json()["operation"], 1);
    // No member of errors that are no batch's.
    assert_eq!(alone.json().get("operation"), None);
    assert_eq!(api.covers().await, 1);
    // A connection that failed serves on.
    assert_eq!(api.done(json!([new_cover()])).await[0].0, 201);
    let problem = api.server.post("/batch", &api.token, json!([bad_cover()]));
    let problem = problem.header("accept", "application/problem+json, */*").send().await.is(409);
    assert_eq!((&problem.json()["operation"], &problem.json()["status"]), (&json!(0), &json!(409)));
}

#[tokio::test]
async fn what_fails_without_an_error_of_postgres_undoes_all_the_same() {
    let api = Api::library().await;
    let tag = api.get("/books/1").await.header("etag").unwrap().to_owned();
    let singular = json!({"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"});
    for (last, status, code) in [
        (get("/books/99"), 404, "TEN010"),
        (
            json!({"method": "GET", "path": "/books", "headers": {"Accept": "application/vnd.pgrst.object+json"}}),
            406,
            "PGRST116",
        ),
        (
            json!({"method": "PATCH", "path": "/books?id=lt.9", "headers": singular, "body": {"pages": 1}}),
            406,
            "PGRST116",
        ),
        (
            preferring(
                json!({"method": "DELETE", "path": "/chapters?id=lt.9"}),
                "handling=strict, max-affected=1",
            ),
            400,
            "PGRST124",
        ),
        (json!({"method": "PATCH", "path": "/books/99", "body": {"pages": 1}}), 404, "TEN010"),
        (json!({"method": "DELETE", "path": "/books/99"}), 404, "TEN010"),
        (
            json!({"method": "PATCH", "path": "/books/1", "headers": {"If-Match": "\"x\""}, "body": {"pages": 1}}),
            412,
            "TEN012",
        ),
        (json!({"method": "PUT", "path": "/books/1", "body": {"id": 2, "title": "x"}}), 400, "PGRST115"),
        (preferring(get("/books?offset=50"), "count=exact"), 416, "PGRST103"),
    ] {
        let answer = api.batch(json!([new_cover(), last, get("/books")])).await.fails(status, code);
        assert_eq!(answer.json()["operation"], 1, "{answer:?}");
        assert_eq!(api.covers().await, 1, "{last}");
    }
    // A precondition that holds, and one of which 304 comes, are no failures.
    let when = |name: &str| json!({"method": "GET", "path": "/books/1", "headers": {name: tag}});
    let done = api.done(json!([new_cover(), when("if-match"), when("if-none-match")])).await;
    assert_eq!(done.iter().map(|one| one.0).collect::<Vec<_>>(), [201, 200, 304]);
    assert_eq!(done[2].1, Value::Null);
    assert_eq!(api.covers().await, 2);
}

#[tokio::test]
async fn a_constraint_that_is_checked_at_the_commit_undoes_all_and_is_no_operations() {
    let ddl = "alter table api.covers add constraint one_colour unique (tenant_id, colour)
        deferrable initially deferred;";
    let api = Api::library_and(ddl, "", ServerOptions::default()).await;
    let red = post("/covers", json!({"book_id": 2, "colour": "red"}));
    // COMMIT is sent with the first, and after the second.
    for operations in [json!([red]), json!([red, get("/books")])] {
        let answer = api.batch(operations).await.fails(409, "23505");
        assert_eq!(answer.json().get("operation"), None);
    }
    assert_eq!(api.covers().await, 1);
    // The one that is there goes in the same transaction.
    let delete = json!({"method": "DELETE", "path": "/covers/1"});
    api.done(json!([red, delete])).await;
    assert_eq!(api.covers().await, 1);
}

#[tokio::test]
async fn a_batch_has_bounds() {
    let options = ServerOptions::default().set("batch_max", 6).set("held_bytes_max", 1024);
    let api = Api::library_with(options).await;
    assert_eq!(api.done(json!([new_cover(), get("/covers"), get("/covers")])).await.len(), 3);
    api.delete("/covers/2", "").await.is(204);
    let too_many = api.batch(json!([new_cover(), 2, 3, 4, 5, 6, 7])).await;
    let too_many = too_many.fails(400, "TEN020").json();
    assert_eq!(too_many["details"], "batch_max is 6");
    // Each fits alone, all of them do not.
    let read = get("/books?select=id,title,data");
    let answer = api.batch(json!([new_cover(), read, read, read, read, read])).await.fails(400, "TEN020");
    assert_eq!(
        (&answer.json()["operation"], &answer.json()["details"]),
        (&json!(4), &json!("held_bytes_max is 1024"))
    );
    assert_eq!(api.covers().await, 1);
}

#[tokio::test]
async fn without_batches_the_path_is_that_of_a_relation() {
    let ddl = format!(
        "create table api.batch (tenant_id uuid not null default tenancy.current_tenant_id(), id int,
             primary key (tenant_id, id)); {}",
        super::isolated("api.batch")
    );
    let off = Api::library_and(&ddl, "", ServerOptions::default().set("batch_max", 0)).await;
    off.batch(json!([{"id": 1}])).await.is(201);
    assert_eq!(off.get("/batch").await.is(200).column("id"), [1]);
    let on = Api::library_and(&ddl, "", ServerOptions::default()).await;
    on.batch(json!([{"id": 1}])).await.fails(400, "PGRST102");
    assert_eq!(on.get("/batch").await.fails(405, "PGRST117").header("allow"), Some("OPTIONS, POST"));
    let asked = on.server.request(Method::OPTIONS, "/batch").token(&on.token).send().await.is(200);
    assert_eq!(asked.header("allow"), Some("OPTIONS, POST"));
    // The metrics know the path, and it alone.
    assert!(on.server.admin("/metrics").await.text.contains(r#"route="/batch""#));
}

#[tokio::test]
async fn another_tenants_rows_can_be_neither_seen_nor_touched_nor_named() {
    let api = Api::library().await;
    let others = "select md5(string_agg(b::text, '' order by id)) from api.books as b where tenant_id <> \
        '7a245486-3fc8-47ec-b303-04fefe7a58ff'";
    let before = api.database.text(others).await;
    let done = api
        .done(json!([
            get("/books?select=tenant_id"),
            {"method": "PATCH", "path": "/books?pages=gt.0", "body": {"pages": 7}},
            preferring(post("/books", json!({"id": 77, "title": "x"})), "return=representation"),
            {"method": "DELETE", "path": "/books?title=eq.Learn Your Rights"},
            get("/books?select=tenant_id&id=eq.77"),
        ]))
        .await;
    for (status, body) in &done {
        assert!(*status < 300);
        for row in body.as_array().unwrap_or(&Vec::new()) {
            assert_eq!(row["tenant_id"], PAWNEE.to_string());
        }
    }
    assert_eq!(api.database.text(others).await, before);
    let theirs = "162be16f-4c1d-4b0e-9a53-6f7d20c8e915";
    let answer = api
        .batch(json!([
            post("/authors", json!({"id": 50, "name": "x"})),
            post("/authors", json!({"id": 51, "name": "x", "tenant_id": theirs})),
        ]))
        .await
        .fails(403, "42501");
    assert_eq!(answer.json()["operation"], 1);
    assert_eq!(api.database.count("select count(*) from api.authors where id >= 50").await, 0);
    // Named in a path or a header: neither theirs nor one's own.
    for tenant in [theirs, &PAWNEE.to_string()] {
        let answer = api.batch(json!([get("/books"), get(&format!("/{tenant}/books"))])).await;
        assert_eq!(answer.fails(400, "PGRST102").json()["operation"], 1);
        let headed = json!([{"method": "GET", "path": "/books", "headers": {"X-Tenant-Id": tenant}}]);
        api.batch(headed).await.fails(400, "PGRST102");
    }
    // The batch itself may name one's own.
    let below = api.server.post(&format!("/{PAWNEE}/batch"), &api.token, json!([get("/books/1")]));
    let below = below.send().await.is(200).rows();
    assert_eq!(below[0]["headers"]["content-location"], format!("/{PAWNEE}/books/1"));
    let foreign = api.server.post(&format!("/{theirs}/batch"), &api.token, json!([get("/books/1")]));
    foreign.send().await.fails(403, "TEN001");
    let nobody = api.server.request(Method::POST, "/batch").json(json!([get("/books")])).send().await;
    nobody.fails(401, "PGRST302");
    // The same statements on the same connections for another tenant.
    let michael = api.server.post("/batch", &Token::michael(), json!([get("/books?select=title")]));
    assert_eq!(michael.send().await.is(200).rows()[0]["body"], json!([{"title": "Learn Your Rights"}]));
}

#[tokio::test]
async fn what_the_role_may_not_do_it_may_not_do_in_a_batch() {
    let ddl = "revoke delete on api.covers from rowhouse_app;
        create policy no_grey on api.covers as restrictive for insert to rowhouse_app
            with check (colour <> 'grey');";
    let api = Api::library_and(ddl, "", ServerOptions::default()).await;
    let delete = json!({"method": "DELETE", "path": "/covers?book_id=eq.1"});
    let grey = post("/covers", json!({"book_id": 3, "colour": "grey"}));
    for forbidden in [delete, grey] {
        let answer = api.batch(json!([new_cover(), forbidden])).await.fails(403, "42501");
        assert_eq!(answer.json()["operation"], 1);
        assert!(answer.header("www-authenticate").is_some());
    }
    assert_eq!(api.covers().await, 1);
}

#[tokio::test]
async fn a_row_made_by_one_operation_is_found_by_the_next_by_what_the_client_knows_of_it() {
    let api = Api::demo().await;
    let done = api
        .done(json!([
            post("/items", json!({"title": "made in a batch"})),
            preferring(
                json!({"method": "PATCH", "path": "/items?title=eq.made in a batch", "body": {"title": "and changed"}}),
                "return=representation"
            ),
            get("/items?select=title&title=eq.and changed"),
        ]))
        .await;
    assert_eq!(done[1].1.as_array().unwrap().len(), 1);
    assert_eq!(done[2].1, json!([{"title": "and changed"}]));
}

#[tokio::test]
async fn representations_and_bodies_that_are_no_json_are_texts() {
    let api = Api::library().await;
    let done = api
        .done(json!([
            {
                "method": "POST",
                "path": "/authors?select=id,name&columns=id,name",
                "headers": {"content-type": "text/csv", "PREFER": "return=representation", "accept": "text/csv"},
                "body": "id,name\n60,\"A, \"\"B\"\"\"\n61,NULL-ish\n"
            },
            {"method": "GET", "path": "/authors?select=id&order=id", "headers": {"Accept": "application/x-ndjson", "Range": "0-1"}},
            {"method": "GET", "path": "/authors/60?select=id", "headers": {"Accept": "application/vnd.pgrst.object+json"}},
        ]))
        .await;
    assert_eq!(done[0].1, "id,name\n60,\"A, \"\"B\"\"\"\n61,NULL-ish");
    assert_eq!(done[1].1, "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!(done[2].1, json!({"id": 60}));
    // Numbers keep their digits.
    let body = r#"[{"method": "PATCH", "path": "/books/1", "body": {"rating": 1.10, "data": {"n": 12345678901234567890.5}}},
        {"method": "GET", "path": "/books/1?select=rating,data"}]"#;
    let request = api.server.request(Method::POST, "/batch").token(&api.token).body(body);
    let answer = request.send().await.is(200);
    assert!(answer.text.contains(r#""rating":1.10,"data":{"n": 12345678901234567890.5}"#), "{answer:?}");
}

#[tokio::test]
async fn functions_take_part_and_say_nothing_of_the_answer() {
    let ddl = "
        create function api.tenant_name() returns text language sql stable return 'x';
        create function api.paint(id int, colour text) returns void language sql volatile begin atomic
            select set_config('response.status', '418', true);
            insert into api.covers (book_id, colour) values (paint.id, paint.colour);
        end;
        create function api.repaint(colour text) returns setof api.covers language sql volatile begin atomic
            update api.covers as c set colour = repaint.colour returning c.*; end;
        create function api.fails() returns void language plpgsql as
            'begin raise exception sqlstate ''PT402'' using message = ''pay''; end';
        grant execute on all functions in schema api to rowhouse_app;";
    let api = Api::library_and(ddl, "", ServerOptions::default()).await;
    let done = api
        .done(json!([
            post("/rpc/paint", json!({"id": 2, "colour": "blue"})),
            get("/rpc/tenant_name"),
            post("/rpc/repaint?select=book_id,colour&order=book_id", json!({"colour": "black"})),
        ]))
        .await;
    assert_eq!(done[0], (204, Value::Null));
    assert_eq!(done[1], (200, json!("x")));
    assert_eq!(done[2].1, json!([{"book_id": 1, "colour": "black"}, {"book_id": 2, "colour": "black"}]));
    let answer = api
        .batch(json!([post("/rpc/paint", json!({"id": 3, "colour": "x"})), post("/rpc/fails", json!({}))]));
    assert_eq!(answer.await.fails(402, "PT402").json()["operation"], 1);
    let most =
        preferring(post("/rpc/repaint", json!({"colour": "white"})), "handling=strict, max-affected=1");
    assert_eq!(api.batch(json!([get("/books"), most])).await.fails(400, "PGRST124").json()["operation"], 1);
    assert_eq!(api.database.count("select count(*) from api.covers where colour = 'black'").await, 2);
    // What GET calls may write nowhere: alone it meets a transaction that only reads.
    let by_get = get("/rpc/repaint?colour=white");
    api.batch(json!([by_get])).await.fails(405, "25006");
    api.batch(json!([by_get, bad_cover()])).await.fails(400, "PGRST127");
    assert_eq!(api.database.count("select count(*) from api.covers where colour = 'black'").await, 2);
}

#[tokio::test]
async fn what_is_of_the_transaction_is_said_by_the_batch() {
    let api = Api::library_with(ServerOptions::default().set("transaction_preference", true)).await;
    let operations = json!([preferring(new_cover(), "return=representation"), get("/covers")]);
    let answer = api.post("/batch", "tx=rollback, timezone=Asia/Kolkata", operations).await.is(200);
    assert_eq!(answer.rows()[1]["body"].as_array().unwrap().len(), 2);
    assert_eq!(answer.header("preference-applied"), Some("tx=rollback, timezone=Asia/Kolkata"));
    assert_eq!(api.covers().await, 1);
    for preference in ["tx=rollback", "timezone=Asia/Kolkata"] {
        let answer = api.batch(json!([get("/books"), preferring(new_cover(), preference)])).await;
        assert_eq!(answer.fails(400, "PGRST127").json()["operation"], 1);
    }
    // Of a batch as a whole there is no version, no query, and no other representation.
    let with = |name: &str, value: &str| {
        api.server.post("/batch", &api.token, json!([new_cover()])).header(name, value).send()
    };
    with("if-match", "\"x\"").await.fails(400, "PGRST127");
    with("accept", "text/csv").await.fails(406, "PGRST107");
    api.post("/batch?select=id", "", json!([new_cover()])).await.fails(400, "PGRST102");
    let csv = api.send(Method::POST, "/batch", "text/csv", "method,path\nGET,/books").await;
    csv.fails(415, "TEN023");
    assert_eq!(api.covers().await, 1);
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let api = Api::library().await;
    for body in [json!({}), json!(1), json!(null), json!("x"), json!([1]), json!([[]])] {
        api.batch(body).await.fails(400, "PGRST102");
    }
    for body in ["", "[", "[{}", "[] []", "\u{0}"] {
        let request = api.server.request(Method::POST, "/batch").token(&api.token).body(body);
        request.send().await.fails(400, "PGRST102");
    }
    for (operation, status, code) in [
        (post("/batch", json!([])), 400, "PGRST102"),
        (get("/openapi.json"), 400, "PGRST102"),
        (get("/"), 400, "PGRST102"),
        (get("/books/1/2"), 404, "PGRST125"),
        (get("/books?select=nothing"), 400, "42703"),
        (get("/books?id=eq."), 400, "22P02"),
        (post("/books", json!([1])), 400, "PGRST102"),
        (json!({"method": "POST", "path": "/books", "body": null}), 400, "PGRST102"),
        (post("/books/1", json!({})), 405, "PGRST117"),
        (json!({"method": "OPTIONS", "path": "/books"}), 400, "PGRST102"),
        (json!({"method": "GET", "path": "/books", "headers": {"Host": "x"}}), 400, "PGRST102"),
    ] {
        let answer = api.batch(json!([get("/covers"), operation])).await.fails(status, code);
        assert_eq!(answer.json()["operation"], 1, "{answer:?}");
    }
}

#[tokio::test]
async fn statements_need_not_be_prepared_and_may_be_forgotten() {
    let api = Api::library_with(ServerOptions::default().set("prepared_statements", false)).await;
    let operations = json!([new_cover(), get("/covers?select=book_id&order=book_id"), bad_cover()]);
    assert_eq!(api.batch(operations).await.fails(409, "23505").json()["operation"], 2);
    let operations =
        json!([new_cover(), preferring(get("/covers?select=book_id&order=book_id"), "count=exact")]);
    assert_eq!(api.done(operations).await[1].1, json!([{"book_id": 1}, {"book_id": 2}]));

    // A pooler between may lose them: all is sent once more, and done once.
    let ddl = "create function api.forget() returns void language plpgsql as
        'begin execute ''deallocate all''; end';
        grant execute on all functions in schema api to rowhouse_app;";
    let options = ServerOptions::default().set("workers", 1).set("pool_size", 1);
    for setting in ["set_local", "set_config"] {
        let api = Api::library_and(ddl, "", options.clone().set("tenant_setting", setting)).await;
        for (book, reads) in [(2, false), (3, true)] {
            let mut operations = vec![post("/covers", json!({"book_id": book})), {
                json!({"method": "PATCH", "path": "/books?id=eq.1", "body": {"pages": 5 + book}})
            }];
            operations.extend(reads.then(|| get("/covers?select=book_id&order=book_id")));
            let warm = operations.iter().skip(1).cloned().collect::<Vec<_>>();
            api.done(json!(warm)).await;
            // What is asked behind the function is forgotten, too.
            api.post("/rpc/forget", "", json!({})).await.fails(400, "26000");
            let done = api.done(json!(operations)).await;
            assert_eq!(done[0].0, 201, "{setting}");
        }
        assert_eq!(api.covers().await, 3);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_transaction_open() {
    let ddl = "create function api.nap() returns int language sql volatile as 'select 1 from pg_sleep(30)';
        grant execute on all functions in schema api to rowhouse_app;";
    let options = ServerOptions::default().set("cancel_grace_ms", 5);
    let api = Api::library_and(ddl, "", options).await;
    let body = json!([new_cover(), post("/rpc/nap", json!({})), get("/covers")]).to_string();
    let head = format!(
        "POST /batch HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        api.token.sign(),
        body.len()
    );
    let superuser = api.database.superuser().await;
    let busy = async || -> i64 {
        let query = "select count(*) from pg_stat_activity where datname = current_database()
            and application_name = 'rowhouse' and xact_start is not null";
        superuser.query_one(query, &[]).await.unwrap().get(0)
    };
    let mut stream = TcpStream::connect(&api.server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the batch sleeps", || async { busy().await == 1 }).await;
    drop(stream);
    eventually("nothing runs", || async { busy().await == 0 }).await;
    assert_eq!(api.covers().await, 1);
    assert_eq!(api.done(json!([new_cover()])).await[0].0, 201);
}

#[tokio::test]
async fn pre_request_is_called_once_and_speaks_for_the_whole() {
    let ddl = "
        create function api.before() returns void language plpgsql as $$ begin
            perform set_config('response.headers', '[{\"x-before\": \"1\"}]', true);
            if current_setting('request.jwt.claims', true) = '' then raise exception 'nobody'; end if;
        end $$;
        grant execute on all functions in schema api to rowhouse_app;";
    let options = ServerOptions::default().set("pre_request", "api.before");
    let api = Api::library_and(ddl, "", options).await;
    let answer = api.batch(json!([new_cover(), get("/covers")])).await.is(200);
    assert_eq!(answer.header("x-before"), Some("1"));
    assert_eq!(answer.rows()[1]["body"].as_array().unwrap().len(), 2);
}

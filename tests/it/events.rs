//! The audit log: what becomes an event, whose, and that it can neither be changed nor filled.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, DUNDER, Database, PAWNEE, Request, Server, ServerOptions, Token, eventually, within,
};

/// Sends `request` under a new id, which finds its event.
async fn sent(request: Request) -> (Answer, Uuid) {
    let id = Uuid::new_v4();
    (request.header("x-request-id", &id.to_string()).send().await, id)
}

/// The events of a request, as the superuser reads them.
async fn events(database: &Database, id: Uuid) -> Vec<Value> {
    let query = format!(
        "select coalesce(json_agg(to_jsonb(e)), '[]')::text from tenancy.auth_events as e where e.request_id = '{id}'"
    );
    serde_json::from_str(&database.text(&query).await).unwrap()
}

/// The one event of a request, once it is written.
async fn event(database: &Database, id: Uuid) -> Value {
    eventually("the event is written", || async { !events(database, id).await.is_empty() }).await;
    let mut events = events(database, id).await;
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

async fn count(database: &Database, condition: &str) -> i64 {
    database.count(&format!("select count(*) from tenancy.auth_events where {condition}")).await
}

#[tokio::test]
async fn each_refusal_is_one_event_with_its_kind_and_reason_and_other_errors_are_none() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create table api.closed (tenant_id uuid, id int primary key);
             alter table api.closed enable row level security;
             create policy select_tenant on api.closed for select to rowhouse_app
                 using (tenant_id = (select tenancy.current_tenant_id()));
             grant select on api.closed to rowhouse_app;
             select tenancy.declare('api.closed', 'tenant', 'For a test.');
             create function api.refuse() returns text language plpgsql set search_path = '' as
                 $$ begin raise sqlstate 'PT403' using message = 'no'; end $$;
             grant execute on function api.refuse() to rowhouse_app",
        )
        .await;
    let server = Server::start(&database).await;
    let leslie = Token::leslie();
    let member = Token::new(PAWNEE, "tom.haverford", "member");
    let absent = format!("/links/{}", "A".repeat(21));
    let bearing = |token: &str| {
        server.request(Method::GET, "/items").header("authorization", &format!("Bearer {token}"))
    };
    let unfit = json!({"title": "x", "clearance": 9});
    // The request, its status, and its event: kind, reason, and whether the tenant and the user were proven.
    let refused = [
        (server.request(Method::GET, "/items"), 401, "no_credential", None, false, false),
        (bearing("x"), 401, "invalid_token", Some("shape"), false, false),
        (
            bearing(&leslie.clone().issued_before(5_000).sign()),
            401,
            "invalid_token",
            Some("expired"),
            false,
            false,
        ),
        (
            server.request(Method::GET, "/items").header("authorization", "Basic eDp5"),
            400,
            "invalid_request",
            Some("unsupported_scheme"),
            false,
            false,
        ),
        (
            server.get("/items", &leslie).header("x-tenant-id", &DUNDER.to_string()),
            403,
            "tenant_forbidden",
            Some("names tenant 162be16f-4c1d-4b0e-9a53-6f7d20c8e915"),
            false,
            true,
        ),
        (
            server.get("/items", &leslie).header("x-tenant-id", "7"),
            400,
            "tenant_selector_invalid",
            None,
            false,
            true,
        ),
        (server.get("/items", &leslie.clone().without_tenant()), 403, "tenant_forbidden", None, false, true),
        (
            server.post("/closed", &leslie, json!({"id": 1})),
            403,
            "privilege",
            Some("no privilege on closed"),
            true,
            true,
        ),
        (
            server.post("/safes", &member, json!({"title": "x"})),
            403,
            "policy",
            Some("no policy allows the row"),
            true,
            true,
        ),
        (server.post("/safes", &leslie, unfit), 403, "policy", Some("all_clearance"), true, true),
        (server.post("/rpc/refuse", &leslie, json!({})), 403, "refused_by_function", None, true, true),
        (server.delete(&absent, &leslie), 404, "no_row", None, true, true),
    ];
    let mut expected = Vec::new();
    for (request, status, code, reason, tenant, user) in refused {
        let (answer, id) = sent(request).await;
        assert_eq!(answer.status, status, "{code}: {answer:?}");
        assert!(!answer.text.contains("all_clearance"), "{answer:?}");
        expected.push((id, status, code, reason, tenant, user));
    }
    let others = [
        server.get("/items", &leslie),
        server.get("/itemz", &leslie),
        server.get(&absent, &leslie),
        server.get("/items?title=nonsense", &leslie),
        server.request(Method::from_bytes(b"PURGE").unwrap(), "/items").token(&leslie),
        server.post("/items", &leslie, json!({"title": ""})),
    ];
    let mut silent = Vec::new();
    for request in others {
        silent.push(sent(request).await.1);
    }
    for (id, status, code, reason, tenant, user) in expected {
        let event = event(&database, id).await;
        assert_eq!((&event["code"], &event["status"]), (&json!(code), &json!(status)), "{event}");
        assert_eq!(event["reason"], json!(reason), "{event}");
        assert_eq!(event["decision"], "deny");
        assert_eq!(event["tenant_id"], if tenant { json!(PAWNEE) } else { Value::Null }, "{event}");
        assert_eq!(event["issuer"], if user { json!("https://issuer.test") } else { Value::Null }, "{event}");
        assert_eq!(event["subject"].is_string(), user, "{event}");
        assert_eq!(event["jti_hash"].is_string(), user, "{event}");
        assert_eq!(event["client_ip"], "127.0.0.1");
    }
    // Written in the order in which they were decided: what has no event by now has none.
    let (_, last) = sent(server.request(Method::GET, "/items")).await;
    event(&database, last).await;
    for id in silent {
        assert_eq!(events(&database, id).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn what_a_policy_is_called_is_in_the_event_and_not_in_the_answer() {
    let database = Database::demo().await;
    database
        .as_owner(
            r#"create policy "it's "" for table ""x"" (USING expression)" on api.items as restrictive
                 for insert to rowhouse_app with check (title <> 'fig')"#,
        )
        .await;
    let server = Server::start(&database).await;
    let (answer, id) = sent(server.post("/items", &Token::leslie(), json!({"title": "fig"}))).await;
    let answer = answer.fails(403, "42501");
    let message = "new row violates row-level security policy for table \"items\"";
    assert_eq!(answer.json()["message"], message);
    assert_eq!(event(&database, id).await["reason"], "it's \" for table \"x\" (USING expression)");
    let batch = json!([{"method": "POST", "path": "/items", "body": {"title": "fig"}}]);
    let (answer, id) = sent(server.post("/batch", &Token::leslie(), batch)).await;
    assert_eq!(answer.fails(403, "42501").json()["message"], message);
    assert_eq!(event(&database, id).await["code"], "policy");
}

#[tokio::test]
async fn admins_read_their_own_tenants_log_and_nobody_else_does() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let refuse = async |token: &Token| {
        let (answer, id) = sent(server.post("/safes", token, json!({"title": "x", "clearance": 9}))).await;
        answer.is(403);
        event(&database, id).await;
        id
    };
    let ours = refuse(&Token::leslie()).await;
    let theirs = refuse(&Token::michael()).await;
    // What a stranger does is in no tenant's log, whichever tenant it names.
    let foreign = server.get(&format!("/{PAWNEE}/items"), &Token::michael());
    let (answer, stranger) = sent(foreign).await;
    answer.is(403);
    assert_eq!(event(&database, stranger).await["tenant_id"], Value::Null);
    for (role, sees) in [("owner", true), ("admin", true), ("member", false), ("auditor", false)] {
        let token = Token::new(PAWNEE, "somebody", role);
        let rows = server.get("/auth_events?select=request_id,tenant_id", &token).send().await.is(200).rows();
        let seen = |id: Uuid| rows.iter().any(|row| row["request_id"] == json!(id));
        assert_eq!((seen(ours), seen(theirs), seen(stranger)), (sees, false, false), "{role}");
        assert!(rows.iter().all(|row| row["tenant_id"] == json!(PAWNEE)), "{rows:?}");
    }
    let all = server.get("/auth_events", &Token::leslie()).send().await.is(200);
    assert!(!all.text.contains("all_clearance") && !all.text.contains("jti"), "{all:?}");
    server.get("/auth_events?select=reason", &Token::leslie()).send().await.fails(400, "42703");
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let request = server.request(method, "/auth_events?code=eq.policy").token(&Token::leslie());
        let status = request.json(json!({"code": "x"})).send().await.status;
        assert!(matches!(status, 403 | 405), "{status}");
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_bounded_and_what_is_left_out_is_counted() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("audit_rate_max", 1)).await;
    // All of them would have to take longer than a second each to be kept.
    for _ in 0..100 {
        server.request(Method::GET, "/items").send().await.is(401);
    }
    // Another kind is not pushed out by them, nor is another tenant's.
    let (answer, policy) =
        sent(server.post("/safes", &Token::leslie(), json!({"title": "x", "clearance": 9}))).await;
    answer.is(403);
    event(&database, policy).await;
    let accounted = async || {
        let kept = count(&database, "code = 'no_credential'").await;
        let told =
            "select coalesce(sum(split_part(reason, ' ', 1)::bigint), 0)::bigint from tenancy.auth_events
            where code = 'left_out' and reason like '% more of no_credential' and tenant_id is null";
        (kept, database.count(told).await)
    };
    within(Duration::from_secs(20), "all are accounted for", || async {
        let (kept, told) = accounted().await;
        kept + told == 100
    })
    .await;
    let (kept, told) = accounted().await;
    assert!(kept >= 1 && told >= 1, "{kept} kept, {told} left out");
    let metrics = server.admin("/metrics").await.text;
    assert!(
        metrics.contains(&format!("rowhouse_auth_events_dropped_total{{reason=\"rate\"}} {told}")),
        "{metrics}"
    );
    assert!(metrics.contains("rowhouse_auth_events_total{decision=\"deny\",code=\"no_credential\"} 100"));
}

#[tokio::test]
async fn events_wait_while_postgres_does_not_take_them_and_requests_do_not() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let function = "function tenancy.record_events(jsonb)";
    database.as_owner(&format!("revoke execute on {function} from rowhouse_app")).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let (answer, id) = sent(server.request(Method::GET, "/items")).await;
        answer.is(401);
        waiting.push(id);
    }
    eventually("it is tried", || async { server.log().iter().any(|line| line.contains("events wait")) })
        .await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    assert_eq!(count(&database, "code = 'no_credential'").await, 0);
    database.as_owner(&format!("grant execute on {function} to rowhouse_app")).await;
    for id in waiting {
        within(Duration::from_secs(30), "it is written after all", || async {
            events(&database, id).await.len() == 1
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let (_, first) = sent(server.request(Method::GET, "/items")).await;
    event(&database, first).await;
    let end = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = '{}' and query like '%tenancy.record_events%' and pid <> pg_backend_pid()",
        database.name
    );
    let ended = database.superuser().await.query(&end, &[]).await.unwrap();
    assert_eq!(ended.len(), 1);
    let (_, second) = sent(server.request(Method::GET, "/items")).await;
    event(&database, second).await;
}

#[tokio::test]
async fn a_full_queue_drops_events_and_counts_them() {
    let database = Database::demo().await;
    let options = ServerOptions::default().set("audit_queue_max", 1).set("audit_rate_max", 1_000);
    let server = Server::with(&database, options).await;
    let blocker = database.superuser().await;
    blocker.batch_execute("begin; lock table tenancy.auth_events in access exclusive mode").await.unwrap();
    eventually("an event is dropped", || async {
        server.request(Method::GET, "/items").send().await.is(401);
        server.admin("/metrics").await.text.contains("rowhouse_auth_events_dropped_total{reason=\"queue\"}")
    })
    .await;
    blocker.batch_execute("rollback").await.unwrap();
    let (_, id) = sent(server.request(Method::GET, "/items")).await;
    // Where the queue is still full, that one is dropped, too.
    eventually("events are written again", || async {
        server.request(Method::GET, "/items").send().await.is(401);
        count(&database, "code = 'no_credential'").await > 0
    })
    .await;
    assert!(events(&database, id).await.len() <= 1);
}

#[tokio::test]
async fn what_waits_is_written_before_the_service_ends() {
    let database = Database::demo().await;
    let mut server = Server::with(&database, ServerOptions::default().set("audit_interval_ms", 60_000)).await;
    let (_, id) = sent(server.request(Method::GET, "/items")).await;
    assert!(events(&database, id).await.is_empty());
    server.signal("TERM");
    assert!(server.ended(Duration::from_secs(30)).success());
    assert_eq!(events(&database, id).await.len(), 1);
}

#[tokio::test]
async fn allowed_requests_are_events_where_the_setting_says_so() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("audit_allows", "all")).await;
    let (answer, id) = sent(server.get("/items?title=eq.fig", &Token::leslie())).await;
    answer.is(200);
    let event = event(&database, id).await;
    assert_eq!((&event["decision"], &event["code"]), (&json!("allow"), &json!("allow")));
    assert_eq!((&event["tenant_id"], &event["route"]), (&json!(PAWNEE), &json!("/items")));
    let (answer, id) = sent(server.get("/itemz", &Token::leslie())).await;
    answer.is(404);
    let (_, last) = sent(server.get("/items", &Token::leslie())).await;
    self::event(&database, last).await;
    assert!(events(&database, id).await.is_empty());
}

#[tokio::test]
async fn an_event_holds_no_token_no_key_and_no_query() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("audit_allows", "all")).await;
    let token = Token::leslie().sign();
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let jti = claims["jti"].as_str().unwrap();
    let agent = format!("agent/1.0 {}", "x".repeat(2_000));
    let (secret, slug) = ("s3cr3t-of-the-query", "B".repeat(21));
    let bearing = |method: Method, path: &str, token: &str| {
        server.request(method, path).header("authorization", &format!("Bearer {token}"))
    };
    let path = format!("/items/{}?title=eq.{secret}", Uuid::nil());
    let (_, id) = sent(bearing(Method::GET, &path, &token).header("user-agent", &agent)).await;
    let (_, bad) = sent(bearing(Method::DELETE, &format!("/items/{secret}?title=eq.{secret}"), secret)).await;
    event(&database, bad).await;
    let (_, refused) = sent(bearing(Method::DELETE, &format!("/links/{slug}"), &token)).await;
    let event = event(&database, refused).await;
    assert_eq!((&event["route"], &event["method"]), (&json!("/links/{key}"), &json!("DELETE")));
    let hash = format!(
        "select encode(sha256(convert_to('https://issuer.test', 'UTF8') || '\\x00' || convert_to('{jti}', 'UTF8')), 'hex')"
    );
    assert_eq!(event["jti_hash"], format!("\\x{}", database.text(&hash).await));
    let all = database.text("select string_agg(e::text, ' ') from tenancy.auth_events as e").await;
    for private in [secret, jti, &token, &slug] {
        assert!(!all.contains(private), "{private} is in {all}");
    }
    for event in events(&database, id).await {
        assert!(event["user_agent"].as_str().unwrap().len() <= 300);
    }
}

#[tokio::test]
async fn writes_to_administrative_tables_are_events_that_say_who_and_what() {
    let database = Database::demo().await;
    database
        .sql(&format!(
            "set role rowhouse_admin; update tenancy.tenants set state = 'suspended', name = 'P' where id = '{PAWNEE}';
             update tenancy.tenants set state = 'suspended' where id = '{PAWNEE}'"
        ))
        .await;
    let acts = database
        .text(
            "select json_agg(to_jsonb(e))::text from tenancy.auth_events as e where code = 'tenants_update'",
        )
        .await;
    let acts: Vec<Value> = serde_json::from_str(&acts).unwrap();
    // The second changed nothing.
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert_eq!((&acts[0]["decision"], &acts[0]["tenant_id"]), (&json!("allow"), &json!(PAWNEE)));
    assert_eq!(
        acts[0]["target"],
        json!({
            "relation": "tenancy.tenants",
            "key": {"id": PAWNEE},
            "changed": ["name", "state"],
            "old": {"state": "active"},
            "new": {"state": "suspended"},
        })
    );
    // What is rolled back has not happened.
    let superuser = database.superuser().await;
    let undone = "begin; update tenancy.tenants set state = 'active'; rollback";
    superuser.batch_execute(undone).await.unwrap();
    assert_eq!(count(&database, "code = 'tenants_update'").await, 1);
}

#[tokio::test]
async fn writes_to_members_over_http_and_to_issuers_by_the_operator_are_events() {
    let database = Database::demo().await;
    let add_member = |user: &str, role: &str| {
        format!(
            "select tenancy.add_member('{PAWNEE}', 'https://issuer.test', '{user}', '{role}', '{user}@test')"
        )
    };
    let (leslie, ron) = (add_member("leslie.knope", "owner"), add_member("ron", "member"));
    database.sql(&format!("set role rowhouse_admin; {leslie}; {ron}")).await;
    let settings = "app.client_ip,app.request_id";
    let server =
        Server::with(&database, ServerOptions::default().set("transaction_settings", settings)).await;
    let path = "/members?email=eq.ron@test";
    let (answer, id) = sent(server.patch(path, &Token::leslie(), json!({"role": "admin"}))).await;
    answer.is(204);
    let user: Value = server.get(path, &Token::leslie()).send().await.is(200).rows().remove(0);
    let act = event(&database, id).await;
    assert_eq!((&act["code"], &act["decision"]), (&json!("members_update"), &json!("allow")));
    assert_eq!((&act["tenant_id"], &act["subject"]), (&json!(PAWNEE), &json!("leslie.knope")));
    let target = &act["target"];
    assert_eq!(target["relation"], "tenancy.members");
    assert_eq!(target["key"], json!({"tenant_id": PAWNEE, "user_id": user["user_id"]}));
    assert_eq!((&target["old"], &target["new"]), (&json!({"role": "member"}), &json!({"role": "admin"})));
    // The tenant's own log has it, and another's has not.
    let query = format!("/auth_events?code=eq.members_update&request_id=eq.{id}");
    assert_eq!(server.get(&query, &Token::leslie()).send().await.is(200).rows().len(), 1);
    assert!(server.get(&query, &Token::michael()).send().await.is(200).rows().is_empty());

    // Of psql, too; nobody's token is behind it, and no secret or key set in it.
    let issuer = format!(
        "set role rowhouse_admin; insert into tenancy.issuers (iss, kind, tenant_id, key_source, static_jwks, algorithms, audiences)
             values ('https://idp.test', 'tenant', '{PAWNEE}', 'static_jwks', '{{\"keys\": []}}', '{{ES256}}', '{{a}}');
         delete from tenancy.issuers"
    );
    database.sql(&issuer).await;
    let acts = "select json_agg(to_jsonb(e) order by at)::text from tenancy.auth_events as e where code like 'issuers_%'";
    let acts: Vec<Value> = serde_json::from_str(&database.text(acts).await).unwrap();
    let codes: Vec<&Value> = acts.iter().map(|act| &act["code"]).collect();
    assert_eq!(codes, [&json!("issuers_insert"), &json!("issuers_delete")]);
    for act in &acts {
        assert_eq!((&act["tenant_id"], &act["subject"]), (&json!(PAWNEE), &Value::Null));
        assert_eq!(act["target"]["key"], json!({"iss": "https://idp.test"}));
        assert!(!act.to_string().contains("keys"), "{act}");
    }
    // Each of the tables has its trigger.
    let triggers = database
        .text(
            "select string_agg(tgrelid::regclass::text, ' ' order by tgrelid::regclass::text collate \"C\")
             from pg_trigger where tgname = 'record_act' and tgenabled = 'O'",
        )
        .await;
    for table in [
        "tenants",
        "users",
        "identities",
        "members",
        "invitations",
        "tenant_domains",
        "epochs",
        "issuers",
        "issuer_tenants",
    ] {
        assert!(triggers.split(' ').any(|found| found == format!("tenancy.{table}")), "{table}: {triggers}");
    }
}

#[tokio::test]
async fn nobody_changes_the_log_and_only_what_is_old_can_be_purged() {
    let database = Database::demo().await;
    let table = "tenancy.auth_events";
    let own = format!("set app.current_tenant_id = '{PAWNEE}'; set app.\"current_role\" = 'owner'; ");
    for role in ["rowhouse_app", "rowhouse_admin", "rowhouse_auditor", "rowhouse_owner", "postgres"] {
        for statement in [
            format!("update {table} set code = 'x'"),
            format!("truncate {table}"),
            format!("delete from {table}"),
            format!(
                "insert into {table} (id, at, decision, code) values (gen_random_uuid(), now(), 'deny', 'x')"
            ),
        ] {
            let client = database.superuser().await;
            client.batch_execute(&format!("{own} set role {role}; begin")).await.unwrap();
            let answer = client.batch_execute(&statement).await;
            let inserts = statement.starts_with("insert") || statement.starts_with("delete");
            match (role, inserts) {
                // The owner's functions insert; its delete meets the policy, which shows it nothing.
                ("rowhouse_owner" | "postgres", true) => {}
                _ => {
                    let error = answer.expect_err(&format!("{role}: {statement}"));
                    assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{role}: {statement}");
                }
            }
        }
    }
    let before = count(&database, "true").await;
    assert!(before >= 3, "the demo's tenants were made");
    database.sql(&format!("set role rowhouse_owner; delete from {table}")).await;
    assert_eq!(count(&database, "true").await, before);

    // A request's transaction cannot write events, whatever tenant it names.
    let app = database.app().await;
    let record = format!(
        "select tenancy.record_events('[{{\"id\": \"{}\", \"at_us\": 1, \"decision\": \"deny\", \"code\": \"x\", \"tenant_id\": \"{DUNDER}\"}}]')",
        Uuid::new_v4()
    );
    app.batch_execute(&format!("begin; set local app.current_tenant_id = '{PAWNEE}'")).await.unwrap();
    let error = app.batch_execute(&record).await.expect_err("refused");
    assert_eq!(error.code().map(|code| code.code()), Some("42501"));
    app.batch_execute("rollback").await.unwrap();
    let error = app.batch_execute("select tenancy.purge_auth_events('31 days')").await.expect_err("refused");
    assert_eq!(error.code().map(|code| code.code()), Some("42501"));

    let superuser = database.superuser().await;
    let old = format!(
        "insert into {table} (id, at, recorded_at, decision, code)
         select gen_random_uuid(), t, t, 'deny', 'old' from (values (now() - interval '40 days'), (now() - interval '400 days')) v (t)"
    );
    superuser.batch_execute(&old).await.unwrap();
    superuser.batch_execute("set role rowhouse_admin").await.unwrap();
    let young =
        superuser.query("select tenancy.purge_auth_events('1 hour')", &[]).await.expect_err("refused");
    assert_eq!(young.code().map(|code| code.code()), Some("22023"));
    let purged: i64 =
        superuser.query_one("select tenancy.purge_auth_events('365 days')", &[]).await.unwrap().get(0);
    assert_eq!(purged, 1);
    assert_eq!((count(&database, "code = 'old'").await, count(&database, "true").await), (1, before + 1));
}

//! Database roles: the one that a token names, and the anonymous one. What each may, and that no other begins where it ends.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::command_line::refusal_to_serve;
use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, ServerOptions, Token, eventually};

const ANONYMOUS: &str = "rowhouse_anonymous";

/// No tenant has this id.
const NOBODY: &str = "00000000-0000-4000-8000-000000000001";

/// A demo with roles of this test alone, dropped at its end: roles belong to the whole cluster.
struct World {
    database: Database,
    roles: Vec<String>,
}

impl World {
    async fn new() -> Self {
        Self { database: Database::demo().await, roles: Vec::new() }
    }

    /// A role without any right.
    async fn bare_role(&mut self, attributes: &str) -> String {
        // A name that must be quoted wherever it stands in SQL.
        let role = format!("Test \"{}\" 'x", Uuid::new_v4().simple());
        self.database.sql(&format!("create role {} {attributes}", quoted(&role))).await;
        self.roles.push(role.clone());
        role
    }

    /// A role that the request role is a member of, and that may ask for its tenant.
    async fn role(&mut self) -> String {
        let role = self.bare_role("nologin").await;
        let name = quoted(&role);
        self.database
            .sql(&format!(
                "grant {name} to rowhouse_app;
                 grant usage on schema tenancy, api to {name};
                 grant execute on function tenancy.current_tenant_id(), tenancy.current_user_id(),
                     tenancy.current_role_name(), tenancy.claims() to {name}"
            ))
            .await;
        role
    }

    /// Lets `role` do `verbs` with its tenant's rows of a table.
    async fn grant(&self, verbs: &str, table: &str, role: &str) {
        let (name, policy) = (quoted(role), Uuid::new_v4().simple());
        self.database
            .sql(&format!(
                "grant {verbs} on {table} to {name};
                 create policy test_{policy} on {table} to {name}
                     using (tenant_id = (select tenancy.current_tenant_id()))"
            ))
            .await;
    }

    async fn server(&self, options: ServerOptions) -> Server {
        Server::with(&self.database, options).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let (url, roles) = (self.database.owner_url(), std::mem::take(&mut self.roles));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                for role in roles {
                    let name = quoted(&role);
                    let _ = client
                        .batch_execute(&format!("drop owned by {name} cascade; drop role {name}"))
                        .await;
                }
            });
        });
        let _ = dropping.join();
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The claim `db` names one of `roles`.
fn claiming(roles: &[&str]) -> ServerOptions {
    ServerOptions::default().set("role_claim", "app.db").set("database_roles", json!(roles))
}

fn anonymous() -> ServerOptions {
    ServerOptions::default().set("anonymous_role", ANONYMOUS)
}

fn leslie_as(role: &str) -> Token {
    Token::leslie().claim("app", json!({"db": role}))
}

/// A request without a token.
async fn open(server: &Server, path: &str) -> Answer {
    server.request(Method::GET, path).send().await
}

/// Shows who asks, to whoever asks.
const WHO: &str = "create view api.who with (security_invoker) as
    select
        current_user::text as role,
        session_user::text as login,
        current_setting('app.current_tenant_id') as tenant_id,
        current_setting('app.current_user_id') as user_id,
        current_setting('app.current_role') as tenant_role,
        current_setting('app.permissions') as permissions,
        current_setting('request.jwt.claims') as claims,
        current_setting('work_mem') as work_mem,
        current_setting('TimeZone') as time_zone,
        pg_backend_pid() as connection;
    select tenancy.declare('api.who', 'global', 'It reads no table.');
    grant select on api.who to public;";

#[tokio::test]
async fn a_role_of_the_list_may_what_is_granted_to_it_and_no_more() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select (id, title, tenant_id)", "api.items", &role).await;
    let server = world.server(claiming(&[&role])).await;
    let reader = leslie_as(&role);

    let items = server.get("/items", &reader).send().await.is(200);
    assert_eq!(items.rows().len(), 5);
    assert!(items.column("tenant_id").iter().all(|tenant| *tenant == PAWNEE.to_string()));
    server.post("/items", &reader, json!({"title": "new"})).send().await.fails(403, "42501");
    server.delete("/items?title=eq.x", &reader).send().await.fails(403, "42501");
    server.get("/links", &reader).send().await.fails(404, "PGRST205");
    // The same token without the claim is the request role.
    server.get("/links", &Token::leslie()).send().await.is(200);
    server.post("/items", &Token::leslie(), json!({"title": "new"})).send().await.is(201);
}

#[tokio::test]
async fn all_of_a_batch_runs_as_the_role_of_its_token() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select (id, title, tenant_id), insert (title)", "api.items", &role).await;
    for mode in ["set_local", "set_config"] {
        let server = world.server(claiming(&[&role]).set("tenant_setting", mode)).await;
        let token = leslie_as(&role);
        let insert = json!({"method": "POST", "path": "/items", "body": {"title": mode}});
        let read = json!({"method": "GET", "path": "/items?select=title"});
        let answers = server.post("/batch", &token, json!([read, insert, read])).send().await.is(200).rows();
        let rows = |index: usize| answers[index]["body"].as_array().unwrap().len();
        assert_eq!(rows(0) + 1, rows(2));
        let delete = json!({"method": "DELETE", "path": "/items?title=neq.x"});
        let refused = server.post("/batch", &token, json!([insert, delete])).send().await;
        assert_eq!(refused.fails(403, "42501").json()["operation"], 1);
        let hidden = json!({"method": "GET", "path": "/links"});
        server.post("/batch", &token, json!([insert, hidden])).send().await.fails(404, "PGRST205");
        let all = server.get("/items?select=title", &token).send().await.is(200);
        assert_eq!(all.rows().len(), rows(2));
        // The next on the same connections is the request role again.
        let both =
            json!([{"method": "DELETE", "path": "/items?title=eq.x"}, {"method": "GET", "path": "/links"}]);
        server.post("/batch", &Token::leslie(), both).send().await.is(200);
    }
}

#[tokio::test]
async fn a_role_may_what_the_request_role_may_not() {
    let mut world = World::new().await;
    let role = world.role().await;
    world
        .database
        .as_owner(
            "create table api.ledger (tenant_id uuid not null default tenancy.current_tenant_id(), entry text);
             alter table api.ledger enable row level security;
             alter table api.ledger force row level security;
             select tenancy.declare('api.ledger', 'tenant', 'For a test.')",
        )
        .await;
    world.grant("select, insert, update, delete", "api.ledger", &role).await;
    let server = world.server(claiming(&[&role])).await;
    let writer = leslie_as(&role);
    server.post("/ledger", &writer, json!({"entry": "one"})).send().await.is(201);
    server.patch("/ledger?entry=eq.one", &writer, json!({"entry": "two"})).send().await.is(204);
    assert_eq!(server.get("/ledger?select=entry", &writer).send().await.json(), json!([{"entry": "two"}]));
    let other = Token::michael().claim("app", json!({"db": role}));
    assert_eq!(server.get("/ledger", &other).send().await.json(), json!([]));
    server
        .post("/ledger", &other, json!({"entry": "x", "tenant_id": PAWNEE}))
        .send()
        .await
        .fails(403, "42501");
    server.get("/ledger", &Token::leslie()).send().await.fails(404, "PGRST205");
}

#[tokio::test]
async fn hints_name_only_what_the_role_may_use() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select (id, title)", "api.items", &role).await;
    let server = world.server(claiming(&[&role])).await;
    let reader = leslie_as(&role);
    let hint = async |path: &str, token: &Token| server.get(path, token).send().await.json()["hint"].clone();
    assert_eq!(hint("/item", &reader).await, json!("Perhaps you meant the table 'items'"));
    assert_eq!(hint("/link", &Token::leslie()).await, json!("Perhaps you meant the table 'links'"));
    assert_eq!(hint("/link", &reader).await, Value::Null);
    // The relation that a foreign key leads to is not the role's to embed.
    server.get("/items?select=title,tenants(name)", &reader).send().await.fails(400, "PGRST200");
    server.get("/items?select=title,tenants(name)", &Token::leslie()).send().await.is(200);
}

#[tokio::test]
async fn a_role_outside_the_list_is_refused_by_name_and_one_of_another_type_is_a_bad_token() {
    let mut world = World::new().await;
    let (listed, other) = (world.role().await, world.role().await);
    world.grant("select", "api.items", &other).await;
    let server = world.server(claiming(&[&listed])).await;
    for name in [other.as_str(), "rowhouse_app", "rowhouse_admin", "none", "postgres", "x\"; reset role; --"]
    {
        let answer = server.get("/items", &leslie_as(name)).send().await.fails(403, "TEN007");
        assert!(answer.json()["message"].as_str().unwrap().contains(name), "{answer:?}");
        assert!(!answer.text.contains(&listed[6..38]), "{answer:?}");
    }
    for claim in [json!(1), json!(null), json!([listed]), json!("")] {
        let token = Token::leslie().claim("app", json!({"db": claim}));
        server.get("/items", &token).send().await.fails(401, "PGRST301");
    }
    server.get("/items", &Token::leslie().claim("app", "x")).send().await.fails(401, "PGRST301");
    server.get("/items", &Token::leslie().claim("app", json!({}))).send().await.is(200);
}

#[tokio::test]
async fn the_role_ends_with_the_request_in_both_ways_of_setting_it() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.database.as_owner(WHO).await;
    for mode in ["set_local", "set_config"] {
        for prepared in [true, false] {
            let options = claiming(&[&role])
                .set("anonymous_role", ANONYMOUS)
                .set("tenant_setting", mode)
                .set("prepared_statements", prepared)
                .set("pool_size", 1);
            let server = world.server(options).await;
            let who = |answer: Answer| {
                let row = answer.is(200).rows()[0].clone();
                (row["role"].as_str().unwrap().to_owned(), row["connection"].clone(), row)
            };
            let path = format!("/{DUNDER}/who");
            let mut connections = Vec::new();
            for _ in 0..2 {
                let (name, connection, row) = who(server.get("/who", &leslie_as(&role)).send().await);
                assert_eq!((name.as_str(), &row["login"]), (role.as_str(), &json!("rowhouse_app")));
                assert_eq!((&row["tenant_id"], &row["user_id"]), (&json!(PAWNEE), &json!("leslie.knope")));
                connections.push(connection);
                // Also after an error.
                server.get("/who?role=eq.x&select=role::int", &leslie_as(&role)).send().await;
                let (name, connection, _) = who(server.get("/who", &Token::michael()).send().await);
                assert_eq!(name, "rowhouse_app");
                connections.push(connection);
                let (name, connection, row) = who(open(&server, &path).await);
                assert_eq!(name, ANONYMOUS);
                assert_eq!(row["tenant_id"], json!(DUNDER));
                for setting in ["user_id", "tenant_role", "permissions", "claims"] {
                    assert_eq!(row[setting], json!(""), "{setting}");
                }
                connections.push(connection);
                let (name, connection, _) = who(server.get("/who", &Token::leslie()).send().await);
                assert_eq!(name, "rowhouse_app");
                connections.push(connection);
            }
            assert!(connections.iter().all(|connection| *connection == connections[0]), "{connections:?}");
        }
    }
}

#[tokio::test]
async fn one_prepared_statement_gives_each_role_its_own_rows() {
    let mut world = World::new().await;
    let role = world.role().await;
    let name = quoted(&role);
    world
        .database
        .sql(&format!(
            "grant select on api.items to {name}, {ANONYMOUS};
             create policy test_some on api.items to {name}
                 using (tenant_id = (select tenancy.current_tenant_id()) and title like 'a%');
             create policy test_other on api.items to {ANONYMOUS}
                 using (tenant_id = (select tenancy.current_tenant_id()) and title not like 'a%');
             create function api.item_total() returns bigint language sql stable
                 begin atomic select count(*) from api.items; end;
             create view api.totals with (security_invoker) as select api.item_total() as items;
             select tenancy.declare('api.totals', 'global', 'What the caller may count.');
             grant select on api.totals to rowhouse_app, {name}, {ANONYMOUS}"
        ))
        .await;
    let all =
        world.database.count(&format!("select count(*) from api.items where tenant_id = '{PAWNEE}'")).await;
    let some = world
        .database
        .count(&format!("select count(*) from api.items where tenant_id = '{PAWNEE}' and title like 'a%'"))
        .await;
    assert!(0 < some && some < all);
    let options = claiming(&[&role]).set("anonymous_role", ANONYMOUS).set("pool_size", 1);
    let server = world.server(options).await;
    // More often than Postgres plans anew for each value before it keeps a plan.
    for _ in 0..12 {
        for (token, wanted) in
            [(Some(Token::leslie()), all), (Some(leslie_as(&role)), some), (None, all - some)]
        {
            let send = async |path: &str| {
                let request = server.request(Method::GET, &format!("/{PAWNEE}/{path}"));
                match &token {
                    Some(token) => request.token(token).send().await.is(200),
                    None => request.send().await.is(200),
                }
            };
            assert_eq!(send("items?select=title&title=neq.x").await.rows().len() as i64, wanted);
            assert_eq!(send("totals").await.json(), json!([{"items": wanted}]));
        }
    }
}

#[tokio::test]
async fn no_role_sees_another_tenants_rows() {
    let mut world = World::new().await;
    let role = world.role().await;
    for table in ["api.items", "api.support_tickets", "api.documents"] {
        world.grant("select, insert, update, delete", table, &role).await;
        world.grant("select, insert, update, delete", table, ANONYMOUS).await;
    }
    let before = world.database.count("select count(*) from api.items").await;
    let options = claiming(&[&role]).set("anonymous_role", ANONYMOUS);
    let server = world.server(options).await;
    for table in ["items", "support_tickets", "documents"] {
        for (path, token) in
            [(format!("/{table}"), Some(leslie_as(&role))), (format!("/{PAWNEE}/{table}"), None)]
        {
            let send = async |method: Method, query: &str, body: Option<Value>| {
                let mut request = server.request(method, &format!("{path}{query}"));
                if let Some(token) = &token {
                    request = request.token(token);
                }
                match body {
                    Some(body) => request.json(body).send().await,
                    None => request.send().await,
                }
            };
            let own = send(Method::GET, "?select=tenant_id", None).await.is(200);
            assert!(!own.rows().is_empty());
            assert!(own.column("tenant_id").iter().all(|tenant| *tenant == json!(PAWNEE)), "{own:?}");
            let theirs = format!("?tenant_id=eq.{DUNDER}");
            assert_eq!(send(Method::GET, &theirs, None).await.is(200).json(), json!([]));
            let change = json!({"tenant_id": PAWNEE});
            send(Method::PATCH, &theirs, Some(change)).await.is(204);
            send(Method::DELETE, &theirs, None).await.is(204);
            let away = json!({"tenant_id": DUNDER});
            let status = if token.is_some() { 403 } else { 401 };
            send(Method::PATCH, &format!("?tenant_id=eq.{PAWNEE}"), Some(away)).await.fails(status, "42501");
        }
    }
    server.get(&format!("/{DUNDER}/items"), &leslie_as(&role)).send().await.fails(403, "TEN001");
    assert_eq!(world.database.count("select count(*) from api.items").await, before);
}

#[tokio::test]
async fn a_role_that_requests_cannot_run_as_stops_the_start() {
    let mut world = World::new().await;
    let url = world.database.app_url();
    let ungranted = world.bare_role("nologin").await;
    let list = |role: &str| json!([role]).to_string();
    let refusal = |role: &str| {
        let roles = list(role);
        refusal_to_serve(&url, &[("role_claim", "role"), ("database_roles", &roles)])
    };
    let why = "the request role cannot become it: it does not exist, or is not granted to it";
    assert!(refusal(&ungranted).contains(why));
    assert!(refusal("no such role").contains(why));
    assert!(refusal("none").contains(why));
    let line = refusal_to_serve(&url, &[("anonymous_role", &ungranted)]);
    assert!(line.contains(why), "{line}");
    for (settings, why) in [
        (vec![("role_claim", "role")], "set together"),
        (vec![("database_roles", "x")], "set together"),
        (vec![("role_claim", "roles[0]"), ("database_roles", "x")], "role_claim"),
    ] {
        let line = refusal_to_serve(&url, &settings);
        assert!(line.contains(why), "{line}");
    }
}

#[tokio::test]
async fn a_dangerous_role_stops_the_start_as_a_dangerous_request_role_does() {
    let mut world = World::new().await;
    // A login of its own: what is granted to rowhouse_app is so for all tests.
    let login = format!("test_{}", Uuid::new_v4().simple());
    world.roles.push(login.clone());
    let name = &world.database.name;
    world
        .database
        .sql(&format!(
            "create role {login} login noinherit password 'app';
             grant connect on database {name} to {login};
             grant usage on schema tenancy, api to {login};
             grant execute on function tenancy.gate_contract() to {login}"
        ))
        .await;
    let url = world.database.cluster.url_as(&login, "app", name);
    for (attributes, why) in [("bypassrls", "TN103: "), ("superuser", "TN103: "), ("createrole", "TN108: ")] {
        let role = world.bare_role(&format!("nologin {attributes}")).await;
        world.database.sql(&format!("grant {} to {login}", quoted(&role))).await;
        let line = refusal_to_serve(&url, &[("anonymous_role", &role)]);
        assert!(line.contains(why), "{line}");
        world.database.sql(&format!("revoke {} from {login}", quoted(&role))).await;
    }
    // It owns what the request role may not even see.
    let owner = world.bare_role("nologin").await;
    world
        .database
        .sql(&format!(
            "grant {0} to {login}; grant usage on schema api to {0};
             create table api.mine (tenant_id uuid); alter table api.mine owner to {0}",
            quoted(&owner)
        ))
        .await;
    let line = refusal_to_serve(&url, &[("anonymous_role", &owner)]);
    assert!(line.contains("TN105: "), "{line}");
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_served_nothing_from_the_next_reload_on_and_the_others_are() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select", "api.items", &role).await;
    let server = world.server(claiming(&[&role])).await;
    let reader = leslie_as(&role);
    server.get("/items", &reader).send().await.is(200);
    world
        .database
        .sql(&format!("revoke {} from rowhouse_app; notify rowhouse, 'reload'", quoted(&role)))
        .await;
    eventually("it is served nothing", || async { server.get("/items", &reader).send().await.status == 503 })
        .await;
    server.get("/items", &reader).send().await.fails(503, "PGRST002");
    server.get("/items", &Token::leslie()).send().await.is(200);
    let ready = server.admin("/ready").await.is(200).json();
    assert!(ready["reload_fault"].as_str().unwrap().contains("cannot become it"), "{ready}");
    assert!(ready["roles"][0]["fault"].as_str().unwrap().contains("cannot become it"), "{ready}");
    world.database.sql(&format!("grant {} to rowhouse_app; notify rowhouse, 'reload'", quoted(&role))).await;
    eventually("it is served again", || async { server.get("/items", &reader).send().await.status == 200 })
        .await;
}

#[tokio::test]
async fn ready_and_check_say_what_each_role_is_served() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select", "api.items", &role).await;
    // Granted, but no policy names the role.
    world.database.sql(&format!("grant select on api.documents to {}", quoted(&role))).await;
    let server = world.server(claiming(&[&role])).await;
    let ready = server.admin("/ready").await.is(200).json();
    let shown = &ready["roles"][0];
    assert_eq!((&shown["role"], &shown["served"]), (&json!(role), &json!(["items"])));
    assert_eq!(shown["refused"][0]["relation"], json!("api.documents"));
    assert_eq!(shown["fault"], Value::Null);
    server.get("/documents", &leslie_as(&role)).send().await.fails(404, "PGRST205");

    let check = std::process::Command::new(env!("CARGO_BIN_EXE_rowhouse"))
        .arg("check")
        .env_clear()
        .env("ROWHOUSE_DATABASE_URL", world.database.app_url())
        .env("ROWHOUSE_ROLE_CLAIM", "role")
        .env("ROWHOUSE_DATABASE_ROLES", json!([role]).to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(check.stdout).unwrap();
    let (own, theirs) = text.split_once(&format!("as {role}:")).expect(&text);
    assert!(own.contains("served   api.links") && !theirs.contains("api.links"), "{text}");
    assert!(theirs.contains("served   api.items"), "{text}");
    assert!(theirs.contains("refused  api.documents: no permissive policy"), "{text}");
    assert_eq!(check.status.code(), Some(1));
}

#[tokio::test]
async fn a_policy_that_shows_rows_to_nobody_is_found_for_each_role() {
    let mut world = World::new().await;
    let role = world.role().await;
    let name = quoted(&role);
    world
        .database
        .sql(&format!(
            "grant select on api.items, api.links to {name};
             create policy test_open on api.items to {name} using (title <> '');
             create policy test_true on api.links to {name} using (true)"
        ))
        .await;
    let server = world.server(claiming(&[&role])).await;
    server.get("/items", &leslie_as(&role)).send().await.fails(404, "PGRST205");
    server.get("/links", &leslie_as(&role)).send().await.fails(404, "PGRST205");
    let ready = server.admin("/ready").await.json();
    let refused = ready["roles"][0]["refused"].to_string();
    assert!(refused.contains("TN302: ") && refused.contains("TN301: "), "{refused}");
    // The request role can become the other.
    server.get("/items", &Token::leslie()).send().await.fails(404, "PGRST205");
    assert!(ready["refused"].to_string().contains("TN318: "), "{ready}");
    server.get("/documents", &Token::leslie()).send().await.is(200);
}

#[tokio::test]
async fn settings_of_a_role_hold_in_its_requests_alone() {
    let mut world = World::new().await;
    let role = world.role().await;
    let name = quoted(&role);
    world.database.as_owner(WHO).await;
    world
        .database
        .sql(&format!(
            "alter role {name} set work_mem = '7MB';
             alter role {name} set \"TimeZone\" = 'Asia/Tokyo';
             alter role {name} set row_security = off;
             alter role {name} set search_path = 'pg_temp';
             alter role {name} set statement_timeout = '150ms';
             create view api.slow with (security_invoker) as select pg_sleep(20)::text as slept;
             select tenancy.declare('api.slow', 'global', 'It reads no table.');
             grant select on api.slow to {name}"
        ))
        .await;
    for mode in ["set_local", "set_config"] {
        let options = claiming(&[&role]).set("tenant_setting", mode).set("pool_size", 1);
        let server = world.server(options).await;
        let row = server.get("/who", &leslie_as(&role)).send().await.is(200).rows()[0].clone();
        assert_eq!((&row["work_mem"], &row["time_zone"]), (&json!("7MB"), &json!("UTC")));
        let row = server.get("/who", &Token::leslie()).send().await.is(200).rows()[0].clone();
        assert_ne!(row["work_mem"], json!("7MB"));
        server.get("/slow", &leslie_as(&role)).send().await.fails(503, "57014");
    }
}

#[tokio::test]
async fn without_a_token_the_anonymous_role_is_served_in_the_tenant_that_is_named() {
    let world = World::new().await;
    world.grant("select", "api.items", ANONYMOUS).await;
    let server = world.server(anonymous()).await;
    let by_path = open(&server, &format!("/{DUNDER}/items?order=title")).await.is(200);
    assert_eq!(by_path.rows().len(), 5);
    assert!(by_path.column("tenant_id").iter().all(|tenant| *tenant == json!(DUNDER)));
    let dunder = DUNDER.to_string();
    let by_header =
        server.request(Method::GET, "/items?order=title").header("x-tenant-id", &dunder).send().await;
    assert_eq!(by_header.text, by_path.text);

    // Nothing else is its own, and nothing says that there is more.
    for path in ["links_", "documents", "support_tickets", "tenants", "people"] {
        let answer = open(&server, &format!("/{DUNDER}/{path}")).await.fails(404, "PGRST205");
        assert!(!answer.text.contains("documents'") || path == "documents", "{answer:?}");
    }
    // The short links of a tenant are not listed, though each can be followed.
    assert_eq!(open(&server, &format!("/{DUNDER}/links")).await.is(200).json(), json!([]));
}

#[tokio::test]
async fn without_a_tenant_or_without_the_setting_a_token_is_required() {
    let world = World::new().await;
    world.grant("select", "api.items", ANONYMOUS).await;
    let server = world.server(anonymous()).await;
    let bare = Some("Bearer realm=\"rowhouse\"");
    for path in ["/items", "/", "/rpc/f", "/no_such_relation"] {
        let answer = open(&server, path).await.fails(401, "PGRST302");
        assert_eq!(answer.header("www-authenticate"), bare);
    }
    let header = |value: &str| server.request(Method::GET, "/items").header("x-tenant-id", value);
    header("dunder-mifflin").send().await.fails(400, "TEN003");
    let both = format!("/{PAWNEE}/items");
    let conflict = server.request(Method::GET, &both).header("x-tenant-id", &DUNDER.to_string()).send().await;
    conflict.fails(400, "TEN004");

    let without = Server::start(&world.database).await;
    open(&without, &both).await.fails(401, "PGRST302");
}

#[tokio::test]
async fn a_bad_credential_is_never_anonymous() {
    let world = World::new().await;
    world.grant("select", "api.items", ANONYMOUS).await;
    let server = world.server(anonymous()).await;
    let path = format!("/{PAWNEE}/items");
    let good = Token::leslie().sign();
    let (message, _) = good.rsplit_once('.').unwrap();
    let expired = Token::leslie().issued_before(2_000).sign();
    for token in [expired.as_str(), message, &format!("{message}.AAAA"), "x", "", "null", "undefined"] {
        let request = server.request(Method::GET, &path).header("authorization", &format!("Bearer {token}"));
        request.send().await.fails(401, "PGRST301");
    }
    for credential in ["Basic dXNlcjpwYXNz", "", "anonymous"] {
        let request = server.request(Method::GET, &path).header("authorization", credential);
        request.send().await.fails(400, "TEN006");
    }
    open(&server, &format!("{path}?access_token={good}")).await.fails(401, "PGRST302");
    // A good token for another tenant proves nothing here, and is no anonymous caller either.
    server.get(&path, &Token::michael()).send().await.fails(403, "TEN001");
    open(&server, &path).await.is(200);
}

#[tokio::test]
async fn nobody_can_ask_without_a_token_which_tenants_there_are() {
    let world = World::new().await;
    world.grant("select, insert", "api.items", ANONYMOUS).await;
    world
        .database
        .sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{PAWNEE}'"))
        .await;
    // An active tenant that shows the anonymous role nothing.
    world.database.sql(&format!("delete from api.items where tenant_id = '{DUNDER}'")).await;
    let server = world.server(anonymous()).await;
    for (method, query) in [
        (Method::GET, "items"),
        (Method::HEAD, "items"),
        (Method::GET, "items?select=title&order=title"),
        (Method::GET, "items/00000000-0000-4000-8000-000000000009"),
        (Method::OPTIONS, "items/00000000-0000-4000-8000-000000000009"),
        (Method::GET, "nothing"),
        (Method::DELETE, "items/00000000-0000-4000-8000-000000000009"),
        // A function that asks for a row, by its name and by its route.
        (Method::GET, "rpc/follow_link?slug=AAAAAAAAAAAAAAAAAAAAA"),
        (Method::POST, "rpc/follow_link?slug=AAAAAAAAAAAAAAAAAAAAA"),
        (Method::GET, "AAAAAAAAAAAAAAAAAAAAA"),
        (Method::POST, "rpc/items_total"),
    ] {
        let mut answers = Vec::new();
        for tenant in [DUNDER.to_string(), PAWNEE.to_string(), NOBODY.to_owned()] {
            for _ in 0..2 {
                let request = server.request(method.clone(), &format!("/{tenant}/{query}"));
                // Of a row, whatever its version.
                let request = match query.starts_with("items/") {
                    true => request.header("if-match", "*"),
                    false => request.prefer("count=exact"),
                };
                let answer = request.send().await;
                let mut headers: Vec<_> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                headers.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
                answers.push(
                    format!("{} {} {headers:?}", answer.status, answer.text).replace(&tenant, "TENANT"),
                );
            }
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    // What may be written to a tenant that is served is written to no other.
    let before = world.database.count("select count(*) from api.items").await;
    for tenant in [PAWNEE.to_string(), NOBODY.to_owned()] {
        let request = server.request(Method::POST, &format!("/{tenant}/items")).json(json!({"title": "x"}));
        request.send().await.fails(405, "25006");
    }
    assert_eq!(world.database.count("select count(*) from api.items").await, before);
    let request = server.request(Method::POST, &format!("/{DUNDER}/items")).json(json!({"title": "x"}));
    request.send().await.is(201);
    // Proven members are told.
    server.get("/items", &Token::leslie()).send().await.fails(403, "TEN002");
}

#[tokio::test]
async fn what_the_anonymous_role_may_not_is_401_and_what_another_may_not_is_403() {
    let mut world = World::new().await;
    let role = world.role().await;
    world.grant("select", "api.items", ANONYMOUS).await;
    world.grant("select", "api.items", &role).await;
    let options = claiming(&[&role]).set("anonymous_role", ANONYMOUS);
    let server = world.server(options).await;
    let request = server.request(Method::POST, &format!("/{PAWNEE}/items")).json(json!({"title": "x"}));
    let answer = request.send().await.fails(401, "42501");
    assert_eq!(answer.header("www-authenticate"), Some(format!("Bearer realm=\"{PAWNEE}\"").as_str()));
    let answer =
        server.post("/items", &leslie_as(&role), json!({"title": "x"})).send().await.fails(403, "42501");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"rowhouse\", error=\"insufficient_scope\"")
    );
}

#[tokio::test]
async fn the_log_names_the_role_of_each_request() {
    let world = World::new().await;
    world.grant("select", "api.items", ANONYMOUS).await;
    let server = world.server(anonymous()).await;
    open(&server, &format!("/{PAWNEE}/items")).await.is(200);
    eventually("it is logged", || async {
        server.log().iter().any(|line| line.contains("GET /items 200") && line.contains(ANONYMOUS))
    })
    .await;
}

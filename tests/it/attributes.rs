//! Policies by attribute, claim, time, place and login: each kind allows one and denies another, over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{DUNDER, Database, PAWNEE, Server, ServerOptions, Token};

const ALL: &str = "app.client_ip,app.attributes,app.request_id";

fn options() -> ServerOptions {
    ServerOptions::default().set("transaction_settings", ALL)
}

fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Leslie, who logged in so many seconds ago.
fn since(seconds: u64) -> Token {
    Token::leslie().claim("auth_time", now_s() - seconds)
}

/// One safe for each kind of policy, of pawnee and of dunder.
async fn safes(database: &Database) {
    let hour = |from: i32| format!("(now() at time zone 'Asia/Tokyo' + interval '{from} hours')::time");
    let text = format!(
        "insert into api.safes
            (tenant_id, title, clearance, project, network, opens_at, closes_at, time_zone, login_age_max, needs_mfa)
         select t.id, v.* from tenancy.tenants as t
         cross join (values
            ('clearance', 3, null, null::cidr, null::time, null::time, 'UTC', null::interval, false),
            ('project', 0, 'harvest', null, null, null, 'UTC', null, false),
            ('here', 0, null, '127.0.0.0/8', null, null, 'UTC', null, false),
            ('elsewhere', 0, null, '10.0.0.0/8', null, null, 'UTC', null, false),
            ('open', 0, null, null, {}, {}, 'Asia/Tokyo', null, false),
            ('shut', 0, null, null, {}, {}, 'Asia/Tokyo', null, false),
            ('recent', 0, null, null, null, null, 'UTC', '10 minutes', false),
            ('mfa', 0, null, null, null, null, 'UTC', null, true)
         ) as v (title, clearance, project, network, opens_at, closes_at, time_zone, login_age_max, needs_mfa)",
        hour(-2),
        hour(2),
        hour(2),
        hour(4),
    );
    database.sql(&text).await;
}

async fn opens(server: &Server, token: &Token, title: &str) -> bool {
    let answer = server.get(&format!("/safes?title=eq.{title}&select=title,tenant_id"), token).send().await;
    let rows = answer.is(200).rows();
    assert!(rows.len() <= 1 && rows.iter().all(|row| row["tenant_id"] == json!(PAWNEE)), "{rows:?}");
    !rows.is_empty()
}

#[tokio::test]
async fn each_kind_of_policy_allows_one_and_denies_another_in_both_ways_of_telling_it() {
    let database = Database::demo().await;
    safes(&database).await;
    let leslie = Token::leslie;
    let clearance = |value: Value| leslie().claim("attributes", json!({"clearance": value}));
    let project = |value: &str| leslie().claim("app_metadata", json!({"project": value}));
    let amr = |methods: &[&str]| leslie().claim("amr", json!(methods));
    let cases = [
        ("clearance", clearance(json!(3)), true),
        ("clearance", clearance(json!("7")), true),
        ("clearance", clearance(json!(2)), false),
        ("clearance", leslie(), false),
        ("clearance", leslie().claim("attributes", json!([3])), false),
        ("clearance", leslie().claim("clearance", 9), false),
        ("project", project("harvest"), true),
        ("project", project("pit"), false),
        ("project", leslie().claim("project", "harvest"), false),
        ("project", leslie(), false),
        ("here", leslie(), true),
        ("elsewhere", leslie(), false),
        ("open", leslie(), true),
        ("shut", leslie(), false),
        ("recent", since(60), true),
        ("recent", since(660), false),
        ("recent", leslie(), false),
        ("recent", leslie().claim("auth_time", now_s().to_string()), false),
        ("recent", leslie().claim("auth_time", now_s() + 7_200), false),
        ("recent", leslie().claim("auth_time", 1e300), false),
        ("mfa", amr(&["pwd", "otp"]), true),
        ("mfa", amr(&["mfa"]), true),
        ("mfa", amr(&["hwk", "fpt"]), true),
        ("mfa", amr(&["pwd"]), false),
        ("mfa", amr(&["pwd", "pin"]), false),
        ("mfa", leslie().claim("amr", "mfa"), false),
        ("mfa", leslie(), false),
    ];
    for mode in ["set_local", "set_config"] {
        let server = Server::with(&database, options().set("tenant_setting", mode)).await;
        for (title, token, allowed) in &cases {
            assert_eq!(opens(&server, token, title).await, *allowed, "{mode}: {title}, {token:?}");
        }
        // The tenant still rules: whoever meets every condition elsewhere meets them for nothing here.
        let foreign = Token::new(DUNDER, "michael.scott", "owner")
            .claim("attributes", json!({"clearance": 9}))
            .claim("auth_time", now_s());
        for row in server.get("/safes?select=tenant_id", &foreign).send().await.is(200).rows() {
            assert_eq!(row["tenant_id"], json!(DUNDER));
        }
        // All operations of a batch are asked the same.
        let batch = json!([
            {"method": "GET", "path": "/safes?title=eq.here&select=title"},
            {"method": "GET", "path": "/safes?title=eq.elsewhere&select=title"},
            {"method": "GET", "path": "/safes?title=eq.clearance&select=title"},
        ]);
        let answer = server.post("/batch", &clearance(json!(3)), batch).send().await.is(200).text;
        assert!(answer.contains("\"here\"") && answer.contains("\"clearance\""), "{answer}");
        assert!(!answer.contains("\"elsewhere\""), "{answer}");
    }
}

#[tokio::test]
async fn roles_and_permissions_are_asked_for_exactly() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let as_role = |role: &str| Token::new(PAWNEE, "somebody", role);
    for (role, status) in [("owner", 201), ("admin", 201), ("member", 403), ("administrator", 403)] {
        let safe = json!({"title": format!("set up by {role}")});
        server.post("/safes", &as_role(role), safe).send().await.is(status);
    }
    let path = "/safes?title=eq.Petty%20cash&select=contents";
    let permitted = |permissions: &[&str]| as_role("member").permissions(permissions);
    let change = async |token: &Token| {
        let request = server.patch(path, token, json!({"contents": "less"})).prefer("return=representation");
        request.send().await.is(200).rows().len()
    };
    assert_eq!(change(&permitted(&["safes:write"])).await, 0);
    assert_eq!(change(&permitted(&["safes:audit", "safes:writes"])).await, 0);
    assert_eq!(change(&as_role("owner")).await, 0);
    assert_eq!(change(&permitted(&["x", "safes:audit", "safes:write"])).await, 1);
}

#[tokio::test]
async fn a_change_meets_the_conditions_too() {
    let database = Database::demo().await;
    safes(&database).await;
    let server = Server::with(&database, options()).await;
    let token = |clearance: u8| {
        let token = Token::leslie().permissions(&["safes:write", "safes:audit"]);
        token.claim("attributes", json!({"clearance": clearance}))
    };
    let change = async |token: Token| {
        let request =
            server.patch("/safes?title=eq.clearance&select=title", &token, json!({"contents": "x"}));
        request.prefer("return=representation").send().await.is(200).rows().len()
    };
    assert_eq!((change(token(2)).await, change(token(3)).await), (0, 1));
    let safe = json!({"title": "higher than mine", "clearance": 4});
    server.post("/safes", &token(3), safe).send().await.fails(403, "42501");
}

#[tokio::test]
async fn what_the_configuration_does_not_name_is_not_known_and_denies() {
    let database = Database::demo().await;
    safes(&database).await;
    let token = Token::leslie().claim("attributes", json!({"clearance": 9}));
    for (named, here, clearance) in
        [("", false, false), ("app.client_ip", true, false), ("app.attributes", false, true)]
    {
        for mode in ["set_local", "set_config"] {
            let set = ServerOptions::default().set("transaction_settings", named).set("tenant_setting", mode);
            let server = Server::with(&database, set).await;
            assert_eq!(opens(&server, &token, "here").await, here, "{named:?}");
            assert_eq!(opens(&server, &token, "clearance").await, clearance, "{named:?}");
        }
    }
}

#[tokio::test]
async fn every_role_and_request_has_its_own_values() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create view api.told with (security_invoker) as
             select current_setting('app.client_ip') as client_ip, current_setting('app.attributes') as attributes,
                 tenancy.request_id() as request_id, tenancy.client_ip() as address, current_user::text as role
             from tenancy.tenants;
             grant select on api.told to rowhouse_app, rowhouse_anonymous;
             grant select on tenancy.tenants to rowhouse_anonymous;
             create policy select_anonymous on tenancy.tenants for select to rowhouse_anonymous
                 using (id = (select tenancy.current_tenant_id()))",
        )
        .await;
    for mode in ["set_local", "set_config"] {
        let set = options().set("tenant_setting", mode).set("pool_size", 1);
        let set = set.set("role_claim", "db").set("database_roles", "rowhouse_anonymous");
        let server = Server::with(&database, set).await;
        let odd = json!({"it's": "a \\ \" 漢 '; reset role; --"});
        let told = Token::leslie().claim("attributes", odd.clone());
        for (token, role) in
            [(told.clone(), "rowhouse_app"), (told.claim("db", "rowhouse_anonymous"), "rowhouse_anonymous")]
        {
            let answer = server.get("/told", &token).send().await.is(200);
            let row = answer.rows().remove(0);
            assert_eq!((&row["role"], &row["client_ip"]), (&json!(role), &json!("127.0.0.1")), "{mode}");
            assert_eq!(row["request_id"], answer.header("x-request-id").unwrap());
            let attributes: Value = serde_json::from_str(row["attributes"].as_str().unwrap()).unwrap();
            assert_eq!(attributes, odd);
        }
        // Nothing of the earlier requests is left on their connection.
        let row = server.get("/told", &Token::leslie()).send().await.is(200).rows().remove(0);
        assert_eq!(row["attributes"], "", "{mode}");
        // No header makes an address.
        let forged = server.get("/told", &Token::leslie()).header("x-forwarded-for", "10.1.1.1");
        assert_eq!(forged.send().await.is(200).rows()[0]["client_ip"], "127.0.0.1");
    }
}

#[tokio::test]
async fn a_function_can_ask_for_a_recent_login() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let body = json!({"safe_id": "95bd4e28-cf16-4ea3-b2d7-4f8069e1c201"});
    let call = |token: &Token| server.post("/rpc/change_combination", token, body.clone()).send();
    for token in [Token::leslie(), since(600)] {
        let answer = call(&token).await.fails(401, "TEN070");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                "Bearer realm=\"rowhouse\", error=\"insufficient_user_authentication\", \
                 error_description=\"A more recent authentication is required\", max_age=\"300\""
            )
        );
        assert_eq!(answer.json()["message"], "A more recent authentication is required");
        assert_eq!(answer.json()["details"], Value::Null);
    }
    let answer = call(&since(60)).await.is(200);
    assert!(answer.text.contains("Petty cash"), "{answer:?}");
    // No token at all is another answer.
    server
        .request(Method::POST, "/rpc/change_combination")
        .json(body.clone())
        .send()
        .await
        .fails(401, "PGRST302");
}

#[tokio::test]
async fn helpers_know_nobody_without_settings_and_never_fail() {
    let database = Database::demo().await;
    let app = database.app().await;
    let ask = "select coalesce(tenancy.attribute('x'), tenancy.claim('x'), tenancy.client_ip()::text,
            tenancy.request_id()::text, tenancy.authenticated_at()::text) is null
        and not (tenancy.has_any_role('owner', null) or tenancy.has_all_permissions('x')
            or tenancy.has_all_permissions(variadic '{}') or tenancy.authenticated_within('1 year')
            or tenancy.used_mfa() or tenancy.client_in('0.0.0.0/0', '::/0')
            or tenancy.local_time_between(null, '12:00', 'UTC') or tenancy.local_time_between('00:00', '00:00', 'UTC'))";
    assert!(app.query_one(ask, &[]).await.unwrap().get::<_, bool>(0), "unset");
    let empty = "begin; set local app.client_ip = ''; set local app.attributes = ''; set local app.request_id = '';
        set local app.permissions = ''; set local app.\"current_role\" = ''; set local request.jwt.claims = ''";
    app.batch_execute(empty).await.unwrap();
    assert!(app.query_one(ask, &[]).await.unwrap().get::<_, bool>(0), "empty");
    app.batch_execute("rollback").await.unwrap();
    let all = "begin; set local app.permissions = '[\"a\", \"b\"]'; set local app.client_ip = '2001:db8::1'";
    app.batch_execute(all).await.unwrap();
    let ask = "select tenancy.has_all_permissions('b', 'a') and not tenancy.has_all_permissions('a', 'c')
        and not tenancy.has_all_permissions('a', null) and tenancy.client_in('10.0.0.0/8', '2001:db8::/32')
        and not tenancy.client_in('2001:db9::/32')";
    assert!(app.query_one(ask, &[]).await.unwrap().get::<_, bool>(0), "known");
}

//! Sessions of the service's own, over HTTP: keys, refresh and revocation (R1 to R8).

use reqwest::Method;
use serde_json::{Value, json};

use crate::command_line::run_reading;
use crate::support::{Answer, DUNDER, Database, PAWNEE, Request, Server, ServerOptions, Token, eventually};

const ISSUER: &str = "https://api.example";

fn key_file(name: &str) -> String {
    format!("{}/tests/it/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn options() -> ServerOptions {
    ServerOptions::default().set("public_url", ISSUER).set("session_key_files", key_file("p256.pem"))
}

/// Where passwords are taken.
fn development() -> ServerOptions {
    options().set("public_url", "http://localhost:8000").set("password_grant", true)
}

const PASSWORD: &str = "waffles and whipped cream";

fn set_password(database: &Database, username: &str, user: &str, password: &str) {
    let arguments = ["password", "set", username, "--user", user];
    run_reading(&arguments, &[("migrate_url", &database.owner_url())], password.as_bytes()).succeeds();
}

fn signing_in(username: &str, password: &str) -> Value {
    json!({ "grant_type": "password", "client_id": "web", "username": username, "password": password })
}

/// A client of the token endpoint.
struct Client {
    id: String,
    secret: String,
}

impl Client {
    async fn create(server: &Server, role: &str, permissions: &[&str]) -> Self {
        let body = json!({ "name": "test", "role": role, "permissions": permissions });
        let made = server.post("/rpc/create_api_key", &Token::leslie(), body).send().await.is(200).json();
        let text = |name: &str| made[name].as_str().expect(name).to_owned();
        Self { id: text("client_id"), secret: text("client_secret") }
    }

    /// A key of an admin that may start sessions, past the service.
    async fn insert(database: &Database) -> Self {
        let id = format!("rhk_{}", &uuid::Uuid::new_v4().simple().to_string()[..16]);
        let secret = uuid::Uuid::new_v4().to_string();
        let sql = format!(
            "insert into tenancy.api_keys (tenant_id, name, prefix, secret_hash, role, permissions) values \
             ('{PAWNEE}', 'test', '{id}', sha256('{secret}'), 'admin', '{{sessions:create}}')"
        );
        database.sql(&sql).await;
        Self { id, secret }
    }

    /// An access token of the key's own.
    async fn exchange(&self, server: &Server) -> Value {
        let body = json!({
            "grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret,
        });
        ask(server, "/auth/token", body).await.is(200).json()["access_token"].clone()
    }

    async fn start(&self, server: &Server, user: &str) -> Value {
        let body = json!({
            "grant_type": "urn:rowhouse:grant-type:session", "client_id": self.id, "client_secret": self.secret,
            "user_id": user, "session_client": "web", "amr": "pwd otp",
        });
        ask(server, "/auth/token", body).await.is(200).json()
    }
}

async fn ask(server: &Server, path: &str, body: Value) -> Answer {
    server.request(Method::POST, path).json(body).send().await
}

async fn refresh(server: &Server, token: &Value) -> Answer {
    let body = json!({ "grant_type": "refresh_token", "client_id": "web", "refresh_token": token });
    ask(server, "/auth/token", body).await
}

fn me(server: &Server, token: &Value) -> Request {
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    server.request(Method::GET, "/me").header("authorization", &bearer)
}

/// A user who is a member of Pawnee.
async fn member(database: &Database) -> String {
    database
        .text(&format!("select tenancy.add_member('{PAWNEE}', 'https://issuer.test', 'ann', 'member')::text"))
        .await
}

fn fails(answer: Answer, status: u16, error: &str) {
    let answer = answer.is(status);
    assert_eq!(answer.json()["error"], error);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn without_keys_there_are_none_of_the_endpoints() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for path in ["/auth/token", "/auth/revoke", "/auth/logout", "/.well-known/jwks.json"] {
        server.request(Method::POST, path).send().await.fails(401, "PGRST302");
    }
}

#[tokio::test]
async fn an_api_key_is_exchanged_for_a_token_of_its_role() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::create(&server, "admin", &["links:delete"]).await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    let answer = ask(&server, "/auth/token", body).await.is(200).json();
    assert_eq!(answer["token_type"], "Bearer");
    let me = me(&server, &answer["access_token"]).send().await.is(200).json();
    assert_eq!((&me["role"], &me["issuer"]), (&json!("admin"), &json!(ISSUER)));
    assert_eq!(me["permissions"], json!(["links:delete"]));
    let above = json!({ "name": "above", "role": "owner" });
    let admin = Token::new(PAWNEE, "ron", "admin");
    server.post("/rpc/create_api_key", &admin, above).send().await.fails(403, "42501");
}

#[tokio::test]
async fn r01_a_refresh_token_is_bound_to_its_client_and_kept_as_a_hash_only() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::create(&server, "owner", &["sessions:create"]).await;
    let session = client.start(&server, &member(&database).await).await;
    let token = session["refresh_token"].as_str().expect("a refresh token");
    let other = json!({ "grant_type": "refresh_token", "client_id": "other", "refresh_token": token });
    fails(ask(&server, "/auth/token", other).await, 400, "invalid_grant");
    let kept = database.text("select string_agg(t::text, ' ') from tenancy.refresh_tokens t").await;
    let keys = database.text("select string_agg(k::text, ' ') from tenancy.api_keys k").await;
    let log = server.log().join("\n");
    for text in [kept, keys, log] {
        assert!(!text.contains(token) && !text.contains(&client.secret));
    }
    refresh(&server, &session["refresh_token"]).await.is(200);
}

#[tokio::test]
async fn r02_r03_a_token_used_twice_ends_its_session_though_the_answer_is_an_error() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::create(&server, "owner", &["sessions:create"]).await;
    let first = client.start(&server, &member(&database).await).await;
    let second = refresh(&server, &first["refresh_token"]).await.is(200).json();
    fails(refresh(&server, &first["refresh_token"]).await, 400, "invalid_grant");
    let reason =
        database.text("select revoke_reason from tenancy.sessions where revoked_at is not null").await;
    assert_eq!(reason, "refresh_reuse");
    fails(refresh(&server, &second["refresh_token"]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn r04_a_grace_brings_back_no_token_of_a_session_that_was_revoked() {
    let database = Database::demo().await;
    let server = Server::with(&database, options().set("refresh_grace_s", 10)).await;
    let client = Client::create(&server, "owner", &["sessions:create"]).await;
    let first = client.start(&server, &member(&database).await).await;
    let second = refresh(&server, &first["refresh_token"]).await.is(200).json();
    let body = json!({ "client_id": "web", "token": second["refresh_token"] });
    ask(&server, "/auth/revoke", body).await.is(200);
    for token in [&first["refresh_token"], &second["refresh_token"]] {
        fails(refresh(&server, token).await, 400, "invalid_grant");
    }
}

#[tokio::test]
async fn r05_of_twenty_uses_at_once_one_succeeds_and_the_family_is_revoked() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::create(&server, "owner", &["sessions:create"]).await;
    let session = client.start(&server, &member(&database).await).await;
    let uses = (0..20).map(|_| refresh(&server, &session["refresh_token"]));
    let answers = futures_util::future::join_all(uses).await;
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 19));
    for answer in bad {
        fails(answer, 400, "invalid_grant");
    }
    fails(refresh(&server, &good[0].json()["refresh_token"]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn r06_r07_a_logout_denies_the_tokens_of_the_session_until_they_expire() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::create(&server, "owner", &["sessions:create"]).await;
    let first = client.start(&server, &member(&database).await).await;
    let second = refresh(&server, &first["refresh_token"]).await.is(200).json();
    let bearer = format!("Bearer {}", second["access_token"].as_str().unwrap());
    server.request(Method::POST, "/auth/logout").header("authorization", &bearer).send().await.is(204);
    fails(refresh(&server, &second["refresh_token"]).await, 400, "invalid_grant");
    let denied = "select count(*) from tenancy.revoked_tokens as r inner join tenancy.issued_tokens as i \
        using (issuer, jti) where r.expires_at > i.expires_at";
    assert_eq!(database.count(denied).await, 2);
    database.sql("update tenancy.revoked_tokens set expires_at = now() - interval '1 second'").await;
    assert_eq!(database.count("select tenancy.purge_sessions()").await, 2);
}

/// What ends a member's sessions: how a test does it, and why the session then says it ended.
const ENDINGS: [(&str, &str); 5] = [
    ("update tenancy.members set role = 'admin' where role = 'member'", "member_changed"),
    ("delete from tenancy.members where role = 'member'", "member_removed"),
    ("update tenancy.tenants set state = 'suspended' where id = '{tenant}'", "tenant"),
    ("update tenancy.users set tokens_valid_after = now()", "user"),
    ("insert into tenancy.epochs (tenant_id, tokens_valid_after) values ('{tenant}', now())", "epoch"),
];

#[tokio::test]
async fn r06_what_changes_a_member_ends_the_sessions_and_their_tokens_on_every_server() {
    // By the word of the tokens alone the members would go on: what ends them is the denylist.
    for (sql, reason) in ENDINGS {
        let database = Database::demo().await;
        let first = Server::with(&database, options()).await;
        let second = Server::with(&database, options()).await;
        let client = Client::insert(&database).await;
        let session = client.start(&first, &member(&database).await).await;
        let token = &session["access_token"];
        for server in [&first, &second] {
            me(server, token).send().await.is(200);
        }
        database.sql(&sql.replace("{tenant}", &PAWNEE.to_string())).await;
        for server in [&first, &second] {
            let refused = || async { matches!(me(server, token).send().await.status, 401 | 403) };
            eventually("the token is refused", refused).await;
            fails(refresh(server, &session["refresh_token"]).await, 400, "invalid_grant");
        }
        let kept = database.text("select string_agg(revoke_reason, ' ') from tenancy.sessions").await;
        assert_eq!(kept, reason);
    }
}

#[tokio::test]
async fn r06_a_logout_is_known_to_every_server() {
    let database = Database::demo().await;
    let first = Server::with(&database, options()).await;
    let second = Server::with(&database, options()).await;
    let client = Client::insert(&database).await;
    let session = client.start(&first, &member(&database).await).await;
    let next = refresh(&second, &session["refresh_token"]).await.is(200).json();
    for server in [&first, &second] {
        me(server, &session["access_token"]).send().await.is(200);
        me(server, &next["access_token"]).send().await.is(200);
    }
    let bearer = format!("Bearer {}", next["access_token"].as_str().expect("a token"));
    first.request(Method::POST, "/auth/logout").header("authorization", &bearer).send().await.is(204);
    for server in [&first, &second] {
        for token in [&session["access_token"], &next["access_token"]] {
            let refused = || async { me(server, token).send().await.status == 401 };
            eventually("the token is refused", refused).await;
        }
        fails(refresh(server, &next["refresh_token"]).await, 400, "invalid_grant");
    }
}

#[tokio::test]
async fn in_database_mode_the_token_of_a_key_acts_with_the_keys_role_until_the_key_ends() {
    let database = Database::demo().await;
    for membership in ["database", "both"] {
        let server = Server::with(&database, options().set("membership", membership)).await;
        let client = Client::insert(&database).await;
        let token = client.exchange(&server).await;
        let answer = me(&server, &token).send().await.is(200).json();
        assert_eq!(answer["role"], "admin");
        // A key is no member, but may name its tenant.
        assert_eq!((&answer["tenants"], &answer["memberships"]), (&json!([PAWNEE]), &json!([])));
        let bearer = format!("Bearer {}", token.as_str().expect("a token"));
        let items =
            server.request(Method::GET, "/items").header("authorization", &bearer).send().await.is(200);
        let tenants = items.column("tenant_id");
        assert!(!tenants.is_empty() && tenants.iter().all(|id| *id == PAWNEE.to_string()));
        // Another issuer's token is not the key's, whatever its subject and its id are.
        let key = database.text("select id::text from tenancy.api_keys where revoked_at is null").await;
        server.get("/me", &Token::new(PAWNEE, &key, "admin")).send().await.fails(403, "TEN001");
        database.sql("update tenancy.api_keys set revoked_at = now() where revoked_at is null").await;
        eventually("the token is refused", || async { me(&server, &token).send().await.status == 401 }).await;
        let again = json!({
            "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
        });
        fails(ask(&server, "/auth/token", again).await, 401, "invalid_client");
    }
}

#[tokio::test]
async fn a_key_file_that_is_second_verifies_until_it_is_replaced() {
    let database = Database::demo().await;
    let name = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    let (one, two) = (name.with_extension("1"), name.with_extension("2"));
    std::fs::copy(key_file("p256.pem"), &one).unwrap();
    std::fs::copy(key_file("ed25519.pem"), &two).unwrap();
    let files = format!("{},{}", one.display(), two.display());
    let options = ServerOptions::default().set("public_url", ISSUER).set("session_key_files", files);
    let server = Server::with(&database, options).await;
    let kids = || async {
        let set = server.request(Method::GET, "/.well-known/jwks.json").send().await.is(200).json();
        let keys = set["keys"].as_array().expect("keys").clone();
        keys.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
    };
    let before = kids().await;
    let client = Client::insert(&database).await;
    let old = client.exchange(&server).await;
    std::fs::copy(key_file("ed25519.pem"), &one).unwrap();
    std::fs::copy(key_file("p256.pem"), &two).unwrap();
    server.signal("USR1");
    let turned: Vec<_> = before.iter().rev().cloned().collect();
    eventually("the other key is first", || async { kids().await == turned }).await;
    let new = client.exchange(&server).await;
    for token in [&old, &new] {
        me(&server, token).send().await.is(200);
    }
    std::fs::write(&two, rowhouse::sessions::generate().unwrap()).unwrap();
    server.signal("USR1");
    eventually("the key that is gone verifies no more", || async {
        me(&server, &old).send().await.status == 401
    })
    .await;
    me(&server, &new).send().await.is(200);
    for file in [one, two] {
        std::fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn r08_faults_are_those_of_rfc_6749_and_clients_are_slowed_down() {
    let database = Database::demo().await;
    let server = Server::with(&database, options().set("token_requests_per_minute", 2)).await;
    let wrong = || json!({ "grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x" });
    let answer = ask(&server, "/auth/token", wrong()).await;
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"rowhouse\""));
    fails(answer, 401, "invalid_client");
    fails(ask(&server, "/auth/token", wrong()).await, 401, "invalid_client");
    let slowed = ask(&server, "/auth/token", wrong()).await.is(429);
    assert!(slowed.header("retry-after").is_some());
    let other = json!({ "grant_type": "password", "client_id": "other" });
    fails(ask(&server, "/auth/token", other).await, 400, "unsupported_grant_type");
}

#[tokio::test]
async fn keys_are_rotated_while_the_service_runs() {
    let database = Database::demo().await;
    let path = std::env::temp_dir().join(format!("{}.pem", uuid::Uuid::new_v4()));
    std::fs::copy(key_file("p256.pem"), &path).unwrap();
    let options = ServerOptions::default().set("public_url", ISSUER).set("session_key_files", path.display());
    let server = Server::with(&database, options).await;
    let kid = || async {
        let set = server.request(Method::GET, "/.well-known/jwks.json").send().await.is(200).json();
        set["keys"][0]["kid"].as_str().unwrap().to_owned()
    };
    let old = kid().await;
    std::fs::copy(key_file("ed25519.pem"), &path).unwrap();
    server.signal("USR1");
    eventually("the other key is published", || async { kid().await != old }).await;
    let client = Client::create(&server, "member", &[]).await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    let answer = ask(&server, "/auth/token", body).await.is(200).json();
    me(&server, &answer["access_token"]).send().await.is(200);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_password_starts_a_session_where_somebody_develops_and_nowhere_else() {
    let database = Database::demo().await;
    let user = member(&database).await;
    set_password(&database, "ann", &user, PASSWORD);
    async fn grants(server: &Server) -> Vec<Value> {
        let asked =
            server.request(Method::GET, "/.well-known/oauth-authorization-server").send().await.is(200);
        asked.json()["grant_types_supported"].as_array().expect("grants").clone()
    }
    let production = Server::with(&database, options()).await;
    fails(ask(&production, "/auth/token", signing_in("ann", PASSWORD)).await, 400, "unsupported_grant_type");
    assert!(!grants(&production).await.contains(&json!("password")));

    let server = Server::with(&database, development()).await;
    assert!(grants(&server).await.contains(&json!("password")));
    let session = ask(&server, "/auth/token", signing_in("ann", PASSWORD)).await.is(200);
    assert_eq!(session.header("cache-control"), Some("no-store"));
    let session = session.json();
    let answer = me(&server, &session["access_token"]).send().await.is(200).json();
    assert_eq!((&answer["role"], &answer["subject"]), (&json!("member"), &json!(user)));
    assert_eq!(answer["tenant_id"], json!(PAWNEE.to_string()));
    refresh(&server, &session["refresh_token"]).await.is(200);
    let kept = "select array_to_string(amr, ' ') || ' ' || (api_key_id is null) from tenancy.sessions";
    assert_eq!(database.text(kept).await, "pwd true");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_one_answer_and_an_event_each() {
    let database = Database::demo().await;
    let server = Server::with(&database, development()).await;
    set_password(&database, "ann", &member(&database).await, PASSWORD);
    let wrong = ask(&server, "/auth/token", signing_in("ann", "pancakes and cream")).await;
    let unknown = ask(&server, "/auth/token", signing_in("bob", PASSWORD)).await;
    assert_eq!((wrong.status, &wrong.text), (unknown.status, &unknown.text));
    for answer in [wrong, unknown] {
        fails(answer, 400, "invalid_grant");
    }
    ask(&server, "/auth/token", signing_in("ann", PASSWORD)).await.is(200);
    let events = "select coalesce(string_agg(decision || ' ' || (tenant_id is null), ', ' order by at), '')
        from tenancy.auth_events where code = 'sign_in'";
    eventually("the events are written", || async {
        database.text(events).await == "deny true, deny true, allow false"
    })
    .await;
    let kept =
        "select string_agg(p::text, ' ') || (select string_agg(e::text, ' ') from tenancy.auth_events as e)
        from tenancy.passwords as p";
    for text in [database.text(kept).await, server.log().join("\n")] {
        assert!(!text.contains(PASSWORD) && !text.contains("pancakes"), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_request_to_sign_in_is_told_what_is_missing() {
    let database = Database::demo().await;
    let server = Server::with(&database, development()).await;
    set_password(&database, "ann", &member(&database).await, PASSWORD);
    for (name, value) in [
        ("username", json!("")),
        ("password", json!("")),
        ("client_id", json!("")),
        ("client_id", json!("w".repeat(129))),
        ("username", json!("a".repeat(256))),
        ("password", json!("p".repeat(1025))),
        ("client_secret", json!("s")),
    ] {
        let mut body = signing_in("ann", PASSWORD);
        body[name] = value;
        fails(ask(&server, "/auth/token", body).await, 400, "invalid_request");
    }
    ask(&server, "/auth/token", signing_in("ann", PASSWORD)).await.is(200);
}

#[tokio::test]
async fn who_is_a_member_of_several_tenants_names_the_one_to_sign_in_to() {
    let database = Database::demo().await;
    let server = Server::with(&database, development().set("base_domains", "example.test")).await;
    let user = member(&database).await;
    set_password(&database, "ann", &user, PASSWORD);
    let named = |headers: &[(&'static str, String)]| {
        let request = server.request(Method::POST, "/auth/token").json(signing_in("ann", PASSWORD));
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let (pawnee, dunder) = (("x-tenant-id", PAWNEE.to_string()), ("x-tenant-id", DUNDER.to_string()));
    // Nobody signs in to a tenant that they are no member of.
    fails(named(std::slice::from_ref(&dunder)).await, 400, "invalid_grant");
    let other = format!(
        "insert into tenancy.members (tenant_id, user_id, role) values ('{DUNDER}', '{user}', 'admin')"
    );
    database.sql(&other).await;
    fails(named(&[]).await, 400, "invalid_request");
    fails(named(&[("x-tenant-id", "dunder-mifflin".to_owned())]).await, 400, "invalid_request");
    let host = |slug: &str| ("host", format!("{slug}.example.test"));
    fails(named(&[pawnee.clone(), host("dunder-mifflin")]).await, 400, "invalid_request");
    fails(named(&[host("nobody")]).await, 400, "invalid_grant");
    for (headers, tenant, role) in [
        (vec![pawnee], PAWNEE, "member"),
        (vec![dunder.clone()], DUNDER, "admin"),
        (vec![host("dunder-mifflin")], DUNDER, "admin"),
        (vec![dunder.clone(), host("dunder-mifflin")], DUNDER, "admin"),
    ] {
        let session = named(&headers).await.is(200).json();
        let answer = me(&server, &session["access_token"]).send().await.is(200).json();
        assert_eq!((&answer["tenant_id"], &answer["role"]), (&json!(tenant.to_string()), &json!(role)));
    }
    // Neither to one that is suspended, nor where they are disabled.
    database.sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{DUNDER}'")).await;
    fails(named(&[dunder]).await, 400, "invalid_grant");
    database.sql(&format!("update tenancy.members set state = 'disabled' where user_id = '{user}'")).await;
    fails(named(&[]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn r06_a_password_that_is_changed_or_removed_ends_all_sessions_of_the_user_on_every_server() {
    let database = Database::demo().await;
    let first = Server::with(&database, development()).await;
    let second = Server::with(&database, development()).await;
    let user = member(&database).await;
    set_password(&database, "ann", &user, PASSWORD);
    let other = database
        .text(&format!("select tenancy.add_member('{PAWNEE}', 'https://issuer.test', 'ben', 'member')::text"))
        .await;
    let client = Client::insert(&database).await;
    let bystander = client.start(&first, &other).await;
    for password in [PASSWORD, "pancakes and cream"] {
        // One by the password, and one that a back end has started.
        let sessions = [
            ask(&first, "/auth/token", signing_in("ann", password)).await.is(200).json(),
            client.start(&second, &user).await,
        ];
        for session in &sessions {
            for server in [&first, &second] {
                me(server, &session["access_token"]).send().await.is(200);
            }
        }
        if password == PASSWORD {
            set_password(&database, "ann", &user, "pancakes and cream");
        } else {
            let owner_url = database.owner_url();
            run_reading(&["password", "remove", "ann"], &[("migrate_url", &owner_url)], b"").succeeds();
        }
        for session in &sessions {
            let token = &session["access_token"];
            for server in [&first, &second] {
                eventually("the token is refused", || async { me(server, token).send().await.status == 401 })
                    .await;
                fails(refresh(server, &session["refresh_token"]).await, 400, "invalid_grant");
            }
        }
        fails(ask(&first, "/auth/token", signing_in("ann", password)).await, 400, "invalid_grant");
    }
    let reasons =
        "select string_agg(distinct revoke_reason, ' ') from tenancy.sessions where revoked_at is not null";
    assert_eq!(database.text(reasons).await, "password");
    me(&second, &bystander["access_token"]).send().await.is(200);
    refresh(&second, &bystander["refresh_token"]).await.is(200);
}

#[tokio::test]
async fn r08_passwords_are_guessed_slowly_whatever_the_client_calls_itself() {
    let database = Database::demo().await;
    let server = Server::with(&database, development().set("token_requests_per_minute", 3)).await;
    let guess = |number: usize| {
        let mut body = signing_in(&format!("name-{number}"), "pancakes and cream");
        body["client_id"] = json!(format!("client-{number}"));
        server.request(Method::POST, "/auth/token").json(body).send()
    };
    // A bucket of three fills by one in twenty seconds: on a slow machine some more may get through.
    let mut slowed = None;
    for number in 0..20 {
        let answer = guess(number).await;
        match answer.status {
            429 => {
                slowed = Some(answer);
                break;
            }
            _ => fails(answer, 400, "invalid_grant"),
        }
    }
    let slowed = slowed.expect("guesses are slowed down");
    assert_eq!(slowed.json()["error"], "slow_down");
    assert!(slowed.header("retry-after").is_some());
    // Other clients of that address go on.
    Client::insert(&database).await.exchange(&server).await;
}

#[tokio::test]
async fn the_request_role_reads_no_password_and_starts_no_session_without_one() {
    let database = Database::demo().await;
    set_password(&database, "ann", &member(&database).await, PASSWORD);
    let app = database.app().await;
    for statement in ["select hash from tenancy.passwords", "delete from tenancy.passwords"] {
        let refused = app.batch_execute(statement).await.expect_err(statement);
        assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{statement}");
    }
    let row = app.query_one("select tenancy.password_parameters('ann')", &[]).await.unwrap();
    let parameters: String = row.get(0);
    assert_eq!(parameters.split('$').count(), 5, "{parameters}");
    let start = "select outcome from tenancy.start_password_session(
        'ann', $1, null, 'web', sha256('x'), 'i', 'j', 60, 60, 60)";
    assert_eq!(app.query_one(start, &[&parameters]).await.unwrap().get::<_, String>(0), "unknown");
    assert_eq!(database.count("select count(*) from tenancy.sessions").await, 0);
}

#[tokio::test]
async fn an_admin_gives_a_key_no_permission_that_he_has_not_and_an_owner_gives_any() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let make = |token: Token, permissions: &[&str]| {
        let body = json!({ "name": "test", "role": "member", "permissions": permissions });
        server.post("/rpc/create_api_key", &token, body).send()
    };
    let admin = || Token::new(PAWNEE, "ron", "admin").permissions(&["links:delete", "safes:write"]);
    for permissions in [vec![], vec!["links:delete"], vec!["safes:write", "links:delete"]] {
        make(admin(), &permissions).await.is(200);
    }
    for permissions in [vec!["sessions:create"], vec!["links:delete", "safes:audit"], vec!["links"], vec![""]]
    {
        make(admin(), &permissions).await.fails(403, "42501");
    }
    make(Token::new(PAWNEE, "ron", "admin"), &["links:delete"]).await.fails(403, "42501");
    make(Token::new(PAWNEE, "ron", "admin"), &[]).await.is(200);
    make(Token::leslie(), &["sessions:create"]).await.is(200);
    make(Token::leslie(), &[""]).await.fails(422, "23514");
    // Nor does a key of an admin give another what it has not itself.
    let client = Client::create(&server, "admin", &["links:delete"]).await;
    let token = client.exchange(&server).await;
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    for (permission, status) in [("links:delete", 200), ("sessions:create", 403)] {
        let body = json!({ "name": "next", "role": "admin", "permissions": [permission] });
        let request = server.request(Method::POST, "/rpc/create_api_key").header("authorization", &bearer);
        request.json(body).send().await.is(status);
    }
}

#[tokio::test]
async fn an_api_key_becomes_no_member_by_an_invitation() {
    let database = Database::demo().await;
    let invite = format!(
        "insert into tenancy.invitations (tenant_id, email, token_hash)
         values ('{PAWNEE}', 'new@example.com', sha256('rhi_good'))"
    );
    database.sql(&invite).await;
    let accept = |server: &Server, invitation: &str| {
        server.request(Method::POST, "/invitations/accept").json(json!({ "token": invitation }))
    };
    for membership in ["token", "database"] {
        let server = Server::with(&database, options().set("membership", membership)).await;
        let token = Client::insert(&database).await.exchange(&server).await;
        let bearer = format!("Bearer {}", token.as_str().expect("a token"));
        // Nor does it learn whether there is an invitation.
        for invitation in ["rhi_good", "rhi_none"] {
            let asked = accept(&server, invitation).header("authorization", &bearer);
            asked.send().await.fails(403, "TEN053");
        }
    }
    // It is still there for a user.
    let server = Server::with(&database, options()).await;
    let user = Token::new(PAWNEE, "ann", "member");
    accept(&server, "rhi_good").token(&user).send().await.is(201);
}

#[tokio::test]
async fn a_key_that_has_expired_or_was_deleted_is_exchanged_no_more() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    for end in [
        // A key expires after it was made.
        "update tenancy.api_keys set created_at = now() - interval '2 days', expires_at = now() - interval '1 second'",
        "delete from tenancy.api_keys",
    ] {
        let client = Client::insert(&database).await;
        client.exchange(&server).await;
        database.sql(end).await;
        let credentials = json!({ "client_id": client.id, "client_secret": client.secret });
        for grant in ["client_credentials", "urn:rowhouse:grant-type:session"] {
            let mut body = credentials.clone();
            body["grant_type"] = json!(grant);
            body["user_id"] = json!(PAWNEE);
            fails(ask(&server, "/auth/token", body).await, 401, "invalid_client");
        }
    }
}

#[tokio::test]
async fn the_token_of_a_key_dies_with_the_key() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::insert(&database).await;
    let token = client.exchange(&server).await;
    me(&server, &token).send().await.is(200);
    database.sql("delete from tenancy.api_keys").await;
    eventually("the token is refused", || async { me(&server, &token).send().await.status == 401 }).await;
}

#[tokio::test]
async fn a_revocation_is_an_event_of_the_tenant_and_names_the_user() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::insert(&database).await;
    let user = member(&database).await;
    for kind in ["refresh_token", "access_token"] {
        let session = client.start(&server, &user).await;
        let body = json!({ "client_id": "web", "token": session[kind] });
        ask(&server, "/auth/revoke", body).await.is(200);
        fails(refresh(&server, &session["refresh_token"]).await, 400, "invalid_grant");
    }
    // What is no token of the client's is none.
    let session = client.start(&server, &user).await;
    let body = json!({ "client_id": "other", "token": session["refresh_token"] });
    ask(&server, "/auth/revoke", body).await.is(200);
    ask(&server, "/auth/revoke", json!({ "client_id": "web", "token": "rhr_none" })).await.is(200);
    refresh(&server, &session["refresh_token"]).await.is(200);
    let events = format!(
        "select count(*) from tenancy.auth_events where code = 'revoke' and decision = 'allow' and status = 200
            and route = '/auth/revoke' and subject = '{user}' and tenant_id = '{PAWNEE}'"
    );
    // Written in their order: the refresh comes after all of them.
    let refreshed = "select count(*) from tenancy.auth_events where code = 'refresh' and decision = 'allow'";
    eventually("the events are written", || async { database.count(refreshed).await == 1 }).await;
    assert_eq!(database.count(&events).await, 2);
    assert_eq!(database.count("select count(*) from tenancy.auth_events where code = 'revoke'").await, 2);
}

#[tokio::test]
async fn r08_behind_a_trusted_proxy_clients_are_told_apart_by_their_own_addresses() {
    let database = Database::demo().await;
    let guess = |server: &Server, from: &str| {
        let body = json!({ "grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x" });
        server.request(Method::POST, "/auth/token").header("x-forwarded-for", from).json(body).send()
    };
    // A minute holds one request, so one that comes while the machine is slow is no second one.
    let limited = || options().set("token_requests_per_minute", 1);
    let proxied = Server::with(&database, limited().set("trusted_proxies", "127.0.0.1")).await;
    fails(guess(&proxied, "203.0.113.1").await, 401, "invalid_client");
    guess(&proxied, "203.0.113.1").await.is(429);
    fails(guess(&proxied, "203.0.113.2").await, 401, "invalid_client");
    // What the client says before the proxy counts for nothing.
    guess(&proxied, "203.0.113.3, 203.0.113.2").await.is(429);
    // Nor does anything where no proxy is trusted.
    let direct = Server::with(&database, limited()).await;
    fails(guess(&direct, "203.0.113.1").await, 401, "invalid_client");
    guess(&direct, "203.0.113.2").await.is(429);
}

#[tokio::test]
async fn r01_a_session_ends_when_it_idles_and_at_its_absolute_end_whatever_was_refreshed() {
    let database = Database::demo().await;
    let options = options().set("session_idle_s", 3600).set("session_absolute_s", 7200);
    let server = Server::with(&database, options).await;
    let client = Client::insert(&database).await;
    let session = client.start(&server, &member(&database).await).await;
    let ends = "select (idle_expires_at between now() + interval '50 minutes' and now() + interval '1 hour')
            || ' ' || (absolute_expires_at between now() + interval '110 minutes' and now() + interval '2 hours')
        from tenancy.sessions";
    assert_eq!(database.text(ends).await, "true true");
    // Half an hour before its end a refresh moves that by nothing.
    database
        .sql(
            "update tenancy.sessions set idle_expires_at = now() + interval '5 minutes',
                absolute_expires_at = now() + interval '30 minutes'",
        )
        .await;
    let next = refresh(&server, &session["refresh_token"]).await.is(200).json();
    let same = "select (idle_expires_at = absolute_expires_at)::text from tenancy.sessions";
    assert_eq!(database.text(same).await, "true");
    database.sql("update tenancy.sessions set idle_expires_at = now() - interval '1 second'").await;
    fails(refresh(&server, &next["refresh_token"]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn r05_a_grace_forgives_the_direct_parent_of_the_live_token_alone() {
    let database = Database::demo().await;
    let server = Server::with(&database, options().set("refresh_grace_s", 10)).await;
    let client = Client::insert(&database).await;
    let user = member(&database).await;
    // However slow the machine is, what was rotated was rotated just now.
    let just_now = "update tenancy.refresh_tokens set rotated_at = now() + interval '1 hour' where rotated_at is not null";
    let first = client.start(&server, &user).await;
    refresh(&server, &first["refresh_token"]).await.is(200);
    database.sql(just_now).await;
    let third = refresh(&server, &first["refresh_token"]).await.is(200).json();
    database.sql(just_now).await;
    // It is the grandparent now.
    fails(refresh(&server, &first["refresh_token"]).await, 400, "invalid_grant");
    fails(refresh(&server, &third["refresh_token"]).await, 400, "invalid_grant");
    // And a parent beyond the grace is used twice.
    let first = client.start(&server, &user).await;
    let second = refresh(&server, &first["refresh_token"]).await.is(200).json();
    let long_ago = "update tenancy.refresh_tokens set rotated_at = now() - interval '11 seconds' where rotated_at is not null";
    database.sql(long_ago).await;
    fails(refresh(&server, &first["refresh_token"]).await, 400, "invalid_grant");
    fails(refresh(&server, &second["refresh_token"]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn r07_a_denied_id_is_that_of_one_issuer_s_token_and_forgotten_when_that_has_expired() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::insert(&database).await;
    let deny = |issuer: &str| {
        format!(
            "insert into tenancy.revoked_tokens (issuer, jti, expires_at)
             select '{issuer}', i.jti, now() + interval '1 hour' from tenancy.issued_tokens as i"
        )
    };
    let session = client.start(&server, &member(&database).await).await;
    database.sql(&deny("https://other.example")).await;
    me(&server, &session["access_token"]).send().await.is(200);
    database.sql(&deny(ISSUER)).await;
    eventually("the token is refused", || async {
        me(&server, &session["access_token"]).send().await.status == 401
    })
    .await;
    assert_eq!(database.count("select tenancy.purge_sessions()").await, 0);
    let expired = "update tenancy.revoked_tokens set expires_at = now() - interval '1 second' where issuer like '%other%'";
    database.sql(expired).await;
    assert_eq!(database.count("select tenancy.purge_sessions()").await, 1);
    me(&server, &session["access_token"]).send().await.is(401);
}

#[tokio::test]
async fn r08_one_session_is_refreshed_only_so_often_and_goes_on() {
    let database = Database::demo().await;
    let server = Server::with(&database, options().set("refreshes_per_minute", 1)).await;
    let client = Client::insert(&database).await;
    let user = member(&database).await;
    let session = client.start(&server, &user).await;
    let next = refresh(&server, &session["refresh_token"]).await.is(200).json();
    // However slow the machine is, that was within the minute.
    database.sql("update tenancy.refresh_tokens set issued_at = now() + interval '1 hour'").await;
    let slowed = refresh(&server, &next["refresh_token"]).await.is(429);
    assert_eq!((&slowed.json()["error"], slowed.header("retry-after")), (&json!("slow_down"), Some("60")));
    let other = client.start(&server, &user).await;
    refresh(&server, &other["refresh_token"]).await.is(200);
    database.sql("update tenancy.refresh_tokens set issued_at = now() - interval '2 minutes'").await;
    refresh(&server, &next["refresh_token"]).await.is(200);
}

#[tokio::test]
async fn a_member_with_more_permissions_than_a_token_holds_is_told_so_and_given_none() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let client = Client::insert(&database).await;
    let user = member(&database).await;
    let permit = async |count: usize| {
        let sql = format!(
            "update tenancy.members set permissions = array(select repeat('x', 70) || i from generate_series(1, {count}) as i)"
        );
        database.sql(&sql).await;
    };
    let body = json!({
        "grant_type": "urn:rowhouse:grant-type:session", "client_id": client.id, "client_secret": client.secret,
        "user_id": user,
    });
    permit(100).await;
    let refused = ask(&server, "/auth/token", body.clone()).await;
    assert!(refused.json()["error_description"].as_str().unwrap().contains("permissions"), "{refused:?}");
    fails(refused, 400, "invalid_grant");
    permit(60).await;
    let token = ask(&server, "/auth/token", body).await.is(200).json()["access_token"].clone();
    let permissions = me(&server, &token).send().await.is(200).json()["permissions"].clone();
    assert_eq!(permissions.as_array().map(Vec::len), Some(60));
}

#[tokio::test]
async fn who_signs_out_with_another_issuers_token_is_told_whose_it_is() {
    let database = Database::demo().await;
    let server = Server::with(&database, options()).await;
    let answer = server.post("/auth/logout", &Token::leslie(), json!({})).send().await;
    assert!(answer.text.contains("another issuer"), "{answer:?}");
    answer.fails(400, "TEN054");
    // It is as good as before.
    server.get("/items", &Token::leslie()).send().await.is(200);
}

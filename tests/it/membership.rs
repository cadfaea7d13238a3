//! Who is a member, by the database: invitations, roles, what is effective when, and what strangers are told.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::issuers::{IDP, add_idp, idp_token, issuer};
use crate::support::{
    ALIKI, Answer, DUNDER, Database, PAWNEE, Request, SECRET, Server, ServerOptions, Token, eventually,
    within,
};

const NOBODY: &str = "5f0c6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5";
const LISTENING: &str =
    "select count(*) from pg_stat_activity where query = 'listen rowhouse' and datname = current_database()";

/// Makes `user` a member, as the administrative role does.
async fn add(database: &Database, tenant: Uuid, user: &str, role: &str) {
    let call = format!(
        "set role rowhouse_admin; select tenancy.add_member('{tenant}', 'https://issuer.test', '{user}', '{role}', '{user}@test')"
    );
    database.sql(&call).await;
}

async fn server(database: &Database, membership: &str) -> Server {
    let server = Server::with(database, ServerOptions::default().set("membership", membership)).await;
    // What is remembered before it listens is forgotten once more when it begins to.
    eventually("it listens", || async { database.count(LISTENING).await >= 1 }).await;
    server
}

/// A token that names no tenant and no role: all of it is the database's to say.
fn bare(user: &str) -> Token {
    Token::new(PAWNEE, user, "x").without_tenant().without_role()
}

fn at(tenant: Uuid, path: &str) -> String {
    format!("/{tenant}{path}")
}

async fn accept(server: &Server, user: &Token, token: &str) -> Answer {
    server.post("/invitations/accept", user, json!({"token": token})).send().await
}

async fn invite(server: &Server, by: &Token, tenant: Uuid, email: &str, role: &str) -> Answer {
    server.post(&at(tenant, "/rpc/invite"), by, json!({"email": email, "role": role})).send().await
}

#[tokio::test]
async fn in_database_mode_a_token_that_names_no_tenant_is_good_where_its_user_is_a_member() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "ron", "admin").await;
    add(&database, DUNDER, "ron", "member").await;
    let server = server(&database, "database").await;
    let ron = bare("ron");
    for (tenant, role) in [(PAWNEE, "admin"), (DUNDER, "member")] {
        let items = server.get(&at(tenant, "/items"), &ron).send().await.is(200);
        assert!(
            items.column("tenant_id").iter().all(|id| *id == tenant.to_string()) && !items.rows().is_empty()
        );
        let me = server.get(&at(tenant, "/me"), &ron).send().await.is(200).json();
        assert_eq!((&me["role"], &me["membership"]), (&json!(role), &json!("database")));
        assert_eq!(me["attributes"], json!({}));
    }
    server.get(&at(ALIKI, "/items"), &ron).send().await.fails(403, "TEN001");
    server.get("/items", &ron).send().await.fails(400, "TEN005");
    // A token that names a tenant is good for no other, and what it says of the role means nothing.
    let narrow = Token::new(PAWNEE, "ron", "owner");
    server.get(&at(DUNDER, "/items"), &narrow).send().await.fails(403, "TEN001");
    assert_eq!(server.get("/me", &narrow).send().await.is(200).json()["role"], "admin");
    // Who has to choose is told among what.
    let me = server.get("/me", &ron).send().await.is(200).json();
    assert_eq!(me["tenant_id"], Value::Null);
    assert_eq!(me["tenants"], json!([DUNDER, PAWNEE]));
    assert_eq!(
        me["memberships"][0],
        json!({
            "tenant_id": DUNDER, "slug": "dunder-mifflin", "name": "dunder-mifflin", "role": "member",
        })
    );
}

#[tokio::test]
async fn in_both_the_token_and_the_database_must_agree_and_the_lower_role_rules() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "ron", "member").await;
    let server = server(&database, "both").await;
    let me = server.get("/me", &Token::new(PAWNEE, "ron", "owner")).send().await.is(200).json();
    assert_eq!((&me["role"], &me["tenants"]), (&json!("member"), &json!([PAWNEE])));
    server.get(&at(PAWNEE, "/me"), &bare("ron")).send().await.fails(403, "TEN001");
    server.get("/me", &Token::leslie()).send().await.fails(403, "TEN001");
}

#[tokio::test]
async fn v22_unknown_foreign_and_deleted_tenants_and_those_of_others_are_refused_alike() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "ron", "admin").await;
    add(&database, DUNDER, "jim", "member").await;
    database.sql("update tenancy.members set state = 'disabled' where email = 'jim@test'").await;
    let deleted: Uuid = "3f3f6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5".parse().unwrap();
    database
        .sql(&format!("insert into tenancy.tenants (id, slug, name, state) values ('{deleted}', 'gone', 'Gone', 'deleted')"))
        .await;
    add(&database, deleted, "ron", "owner").await;
    database.sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{ALIKI}'")).await;
    for membership in ["token", "database", "both"] {
        let server = server(&database, membership).await;
        let mut answers = Vec::new();
        for user in [bare("ron"), Token::new(PAWNEE, "ron", "admin")] {
            for tenant in [NOBODY.parse().unwrap(), DUNDER, deleted, ALIKI] {
                let by_header = server.get("/items", &user).header("x-tenant-id", &tenant.to_string());
                answers.push(server.get(&at(tenant, "/items"), &user).send().await);
                answers.push(by_header.send().await);
            }
        }
        // A member who is disabled, and tokens that name a tenant which is not there any more.
        answers.push(server.get(&at(DUNDER, "/items"), &bare("jim")).send().await);
        answers.push(server.get("/items", &Token::new(DUNDER, "jim", "member")).send().await);
        answers.push(server.get("/items", &Token::new(deleted, "ron", "owner")).send().await);
        answers.push(server.get("/items", &Token::new(NOBODY.parse().unwrap(), "ron", "owner")).send().await);
        for answer in &answers {
            assert_eq!((answer.status, answer.code().as_str()), (403, "TEN001"), "{membership} {answer:?}");
            assert_eq!(answer.text, answers[0].text, "{membership}");
            assert_eq!(answer.header("www-authenticate"), answers[0].header("www-authenticate"));
        }
    }
}

#[tokio::test]
async fn v22_a_suspension_is_told_to_members_only() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "ron", "admin").await;
    database.sql(&format!("update tenancy.tenants set state = 'suspended' where id = '{PAWNEE}'")).await;
    let server = server(&database, "database").await;
    server.get(&at(PAWNEE, "/items"), &bare("ron")).send().await.fails(403, "TEN002");
    server.get(&at(PAWNEE, "/items"), &bare("jim")).send().await.fails(403, "TEN001");
}

#[tokio::test]
async fn an_invitation_makes_whoever_has_its_token_a_member_once() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    let server = server(&database, "database").await;
    let (leslie, april) = (bare("leslie"), bare("april"));
    server.get(&at(PAWNEE, "/items"), &april).send().await.fails(403, "TEN001");

    let made = invite(&server, &leslie, PAWNEE, "april@example.test", "member").await.is(200).json();
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("rhi_") && token.len() == 68, "{token}");
    let kept = database
        .text("select to_jsonb(i)::text || ' ' || encode(token_hash, 'escape') from tenancy.invitations as i")
        .await;
    assert!(!kept.contains(&token) && !kept.contains(&token[4..]), "the token itself is kept");
    let listed = server.get(&at(PAWNEE, "/invitations"), &leslie).send().await.is(200);
    assert!(!listed.text.contains("hash") && !listed.text.contains(&token));
    assert_eq!(
        (&listed.rows()[0]["email"], &listed.rows()[0]["invited_by"]),
        (&json!("april@example.test"), &json!("leslie"))
    );
    invite(&server, &leslie, PAWNEE, "April@Example.test", "member").await.fails(409, "23505");

    server
        .request(Method::POST, "/invitations/accept")
        .json(json!({"token": token}))
        .send()
        .await
        .fails(401, "PGRST302");
    server.get("/invitations/accept", &april).send().await.fails(405, "PGRST117");
    server.post("/invitations/accept", &april, json!({"code": token})).send().await.fails(400, "PGRST102");
    for wrong in ["", "rhi_", &token[..67], &token.to_uppercase(), &"x".repeat(10_000), "a\u{0}b"] {
        accept(&server, &april, wrong).await.fails(404, "TEN051");
    }
    let member = accept(&server, &april, &token).await.is(201).json();
    assert_eq!((&member["tenant_id"], &member["role"]), (&json!(PAWNEE), &json!("member")));
    accept(&server, &april, &token).await.fails(404, "TEN051");
    accept(&server, &bare("jerry"), &token).await.fails(404, "TEN051");
    let me = server.get(&at(PAWNEE, "/me"), &april).send().await.is(200).json();
    assert_eq!((&me["user_id"], &me["role"]), (&member["user_id"], &json!("member")));

    // A member neither invites nor sees who is invited.
    invite(&server, &april, PAWNEE, "x@example.test", "member").await.fails(403, "42501");
    assert!(server.get(&at(PAWNEE, "/invitations"), &april).send().await.is(200).rows().is_empty());
    // Nobody is invited twice, and an invitation raises no role.
    let again = invite(&server, &leslie, PAWNEE, "april@example.test", "owner").await.is(200).json();
    accept(&server, &april, again["token"].as_str().unwrap()).await.fails(409, "TEN052");
    assert_eq!(server.get(&at(PAWNEE, "/me"), &april).send().await.is(200).json()["role"], "member");
}

#[tokio::test]
async fn an_invitation_that_was_revoked_or_has_expired_is_none() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    let server = server(&database, "database").await;
    let leslie = bare("leslie");
    let invited = async || {
        let made = invite(&server, &leslie, PAWNEE, "a@example.test", "member").await.is(200).json();
        (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
    };
    let (id, token) = invited().await;
    let path = at(PAWNEE, &format!("/invitations?id=eq.{id}"));
    server.patch(&path, &leslie, json!({"revoked_at": "now"})).send().await.is(204);
    accept(&server, &bare("april"), &token).await.fails(404, "TEN051");
    // What is revoked stays so.
    let back = server.patch(&path, &leslie, json!({"revoked_at": null})).prefer("return=representation");
    assert!(back.send().await.is(200).rows().is_empty());
    let (id, token) = invited().await;
    server.delete(&at(PAWNEE, &format!("/invitations?id=eq.{id}")), &leslie).send().await.is(204);
    accept(&server, &bare("april"), &token).await.fails(404, "TEN051");
    let (id, token) = invited().await;
    database
        .sql(&format!("update tenancy.invitations set created_at = now() - interval '9 days', expires_at = now() where id = '{id}'"))
        .await;
    accept(&server, &bare("april"), &token).await.fails(404, "TEN051");
    // It makes way for the next.
    let (_, token) = invited().await;
    accept(&server, &bare("april"), &token).await.is(201);
    let call = json!({"email": "b@example.test", "valid_for": "90 days"});
    server.post(&at(PAWNEE, "/rpc/invite"), &leslie, call).send().await.fails(422, "23514");
}

#[tokio::test]
async fn an_invitation_is_not_for_tokens_of_an_issuer_that_may_not_speak_for_its_tenant() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    let server = server(&database, "database").await;
    let made = invite(&server, &bare("leslie"), PAWNEE, "a@example.test", "member").await.is(200).json();
    let issuers = json!([{
        "issuer": "https://issuer.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "test",
        "secret": SECRET, "tenant": DUNDER,
    }]);
    let options = ServerOptions::default().set("membership", "database").set("issuers", issuers);
    let bound = Server::with(&database, options).await;
    accept(&bound, &bare("april"), made["token"].as_str().unwrap()).await.fails(404, "TEN051");
    // Nor is a membership of use there.
    bound.get(&at(PAWNEE, "/items"), &bare("leslie")).send().await.fails(403, "TEN001");
    accept(&server, &bare("april"), made["token"].as_str().unwrap()).await.is(201);
}

/// Makes the user that the issuer IDP calls `user` a member.
async fn add_of_idp(database: &Database, tenant: Uuid, user: &str, role: &str) {
    let call = format!(
        "set role rowhouse_admin; select tenancy.add_member('{tenant}', '{IDP}', '{user}', '{role}', '{user}@idp.test')"
    );
    database.sql(&call).await;
}

/// A request with a token of the issuer IDP that names `user` and no tenant.
fn of_idp(server: &Server, method: Method, path: &str, user: &str) -> Request {
    let bearer = format!("Bearer {}", idp_token(json!({"sub": user})));
    server.request(method, path).header("authorization", &bearer)
}

#[tokio::test]
async fn v20_in_database_mode_a_platform_s_issuer_speaks_for_members_of_the_tenants_that_it_is_bound_to() {
    let database = Database::demo().await;
    add_idp(&database, &[]);
    issuer(&database, &["bind", IDP, "--tenant", "pawnee-parks-and-rec"]).succeeds();
    for tenant in [PAWNEE, DUNDER] {
        add_of_idp(&database, tenant, "ann", "admin").await;
    }
    add(&database, DUNDER, "michael", "owner").await;
    let server = server(&database, "database").await;
    let get = async |path: &str| of_idp(&server, Method::GET, path, "ann").send().await;

    let items = get(&at(PAWNEE, "/items")).await.is(200);
    assert!(items.column("tenant_id").iter().all(|id| *id == PAWNEE.to_string()) && !items.rows().is_empty());
    assert_eq!(get(&at(PAWNEE, "/me")).await.is(200).json()["role"], "admin");
    // Where she is a member, where she is none, and what there is not are refused alike.
    let refused = get(&at(DUNDER, "/items")).await.fails(403, "TEN001");
    for tenant in [ALIKI, NOBODY.parse().unwrap()] {
        assert_eq!(get(&at(tenant, "/items")).await.fails(403, "TEN001").text, refused.text);
    }
    let by_header = of_idp(&server, Method::GET, "/items", "ann").header("x-tenant-id", &DUNDER.to_string());
    by_header.send().await.fails(403, "TEN001");
    // Nor is she told of it.
    let me = get("/me").await.is(200).json();
    assert_eq!((&me["tenant_id"], &me["tenants"]), (&Value::Null, &json!([PAWNEE])));
    assert_eq!(me["memberships"].as_array().map(Vec::len), Some(1), "{me}");
    assert_eq!(get(&at(PAWNEE, "/me")).await.is(200).json()["tenants"], json!([PAWNEE]));

    // An invitation into a tenant that it may not speak for is none.
    let made = invite(&server, &bare("michael"), DUNDER, "b@example.test", "member").await.is(200).json();
    let token = made["token"].as_str().unwrap();
    let accept = |user: &str| {
        let request = of_idp(&server, Method::POST, "/invitations/accept", user);
        request.json(json!({"token": token})).send()
    };
    accept("ben").await.fails(404, "TEN051");
    accept("ann").await.fails(404, "TEN051");

    // Bound to it, it may; and at once no more when that is taken back.
    issuer(&database, &["bind", IDP, "--tenant", "dunder-mifflin"]).succeeds();
    let status = async || get(&at(DUNDER, "/items")).await.status;
    within(Duration::from_secs(4), "the binding counts", || async { status().await == 200 }).await;
    assert_eq!(get("/me").await.is(200).json()["tenants"], json!([DUNDER, PAWNEE]));
    accept("ben").await.is(201);
    database.sql(&format!("delete from tenancy.issuer_tenants where tenant_id = '{DUNDER}'")).await;
    within(Duration::from_secs(4), "the binding is gone", || async { status().await == 403 }).await;
    get(&at(PAWNEE, "/items")).await.is(200);
}

#[tokio::test]
async fn v20_in_database_mode_a_tenant_s_issuer_speaks_for_no_other_tenant_of_its_users() {
    let database = Database::demo().await;
    add_idp(&database, &["--tenant", "pawnee-parks-and-rec"]);
    for tenant in [PAWNEE, DUNDER] {
        add_of_idp(&database, tenant, "ann", "owner").await;
    }
    add(&database, DUNDER, "michael", "owner").await;
    let server = server(&database, "database").await;
    let get = async |path: &str| of_idp(&server, Method::GET, path, "ann").send().await;
    get(&at(PAWNEE, "/items")).await.is(200);
    get(&at(DUNDER, "/items")).await.fails(403, "TEN001");
    for path in ["/me", &at(PAWNEE, "/me")] {
        let me = get(path).await.is(200).json();
        assert_eq!((&me["tenant_id"], &me["tenants"]), (&json!(PAWNEE), &json!([PAWNEE])), "{path}");
        assert_eq!(me["memberships"].as_array().map(Vec::len), Some(1), "{me}");
    }
    let made = invite(&server, &bare("michael"), DUNDER, "b@example.test", "member").await.is(200).json();
    let request = of_idp(&server, Method::POST, "/invitations/accept", "ben");
    request.json(json!({"token": made["token"]})).send().await.fails(404, "TEN051");
}

#[tokio::test]
async fn an_admin_neither_makes_nor_changes_nor_removes_an_owner() {
    let database = Database::demo().await;
    for (user, role) in [("leslie", "owner"), ("ron", "admin"), ("april", "member")] {
        add(&database, PAWNEE, user, role).await;
    }
    add(&database, DUNDER, "michael", "owner").await;
    let server = server(&database, "database").await;
    let (leslie, ron, april) = (bare("leslie"), bare("ron"), bare("april"));
    let path = |user: &str| at(PAWNEE, &format!("/members?email=eq.{user}@test"));
    let changes = async |by: &Token, user: &str, change: Value| {
        let answer = server.patch(&path(user), by, change).prefer("return=representation").send().await;
        (answer.status, answer.json().as_array().map(Vec::len))
    };
    assert_eq!(changes(&ron, "leslie", json!({"role": "member"})).await, (200, Some(0)));
    assert_eq!(changes(&ron, "leslie", json!({"state": "disabled"})).await, (200, Some(0)));
    assert_eq!(changes(&ron, "ron", json!({"role": "owner"})).await.0, 403);
    assert_eq!(changes(&april, "april", json!({"role": "admin"})).await, (200, Some(0)));
    assert_eq!(changes(&april, "april", json!({"attributes": {"a": 1}})).await, (200, Some(0)));
    invite(&server, &ron, PAWNEE, "boss@example.test", "owner").await.fails(403, "42501");
    let removed = server.delete(&path("leslie"), &ron).prefer("return=representation").send().await.is(200);
    assert!(removed.rows().is_empty());
    assert_eq!(
        changes(&ron, "april", json!({"role": "admin", "attributes": {"a": 1}})).await,
        (200, Some(1))
    );
    assert_eq!(changes(&leslie, "april", json!({"role": "owner"})).await, (200, Some(1)));
    // Of another tenant nobody sees or changes anything, and nobody is put there.
    let seen = server.get(&at(PAWNEE, "/members?select=email&order=email"), &leslie).send().await.is(200);
    assert_eq!(seen.column("email"), ["april@test", "leslie@test", "ron@test"]);
    assert_eq!(changes(&leslie, "michael", json!({"role": "member"})).await, (200, Some(0)));
    let member = json!({"tenant_id": PAWNEE, "user_id": NOBODY, "role": "owner"});
    server.post(&at(PAWNEE, "/members"), &leslie, member).send().await.fails(403, "42501");
    // Everybody may leave.
    server.delete(&path("ron"), &ron).send().await.is(204);
    eventually("ron has left", || async { server.get(&at(PAWNEE, "/me"), &ron).send().await.status == 403 })
        .await;
}

#[tokio::test]
async fn the_last_owner_stays() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    add(&database, PAWNEE, "ron", "admin").await;
    let server = server(&database, "database").await;
    let leslie = bare("leslie");
    let path = at(PAWNEE, "/members?email=eq.leslie@test");
    for change in [json!({"role": "admin"}), json!({"state": "disabled"})] {
        server.patch(&path, &leslie, change).send().await.fails(422, "23514");
    }
    server.delete(&path, &leslie).send().await.fails(422, "23514");
    let ron = at(PAWNEE, "/members?email=eq.ron@test");
    server.patch(&ron, &leslie, json!({"role": "owner"})).send().await.is(204);
    server.delete(&path, &leslie).send().await.is(204);
    // A tenant that is removed takes its owners with it.
    database.sql(&format!("set role rowhouse_admin; delete from tenancy.tenants where id = '{ALIKI}'")).await;
    add(&database, DUNDER, "michael", "owner").await;
    database.sql(&format!("delete from tenancy.tenants where id = '{DUNDER}'")).await;
    assert_eq!(database.count("select count(*) from tenancy.members").await, 1);
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_at_the_same_moment_one_stays() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    add(&database, PAWNEE, "ron", "owner").await;
    for isolation in ["read committed", "repeatable read"] {
        let open = async || {
            let client = database.app().await;
            let begin = format!(
                "begin isolation level {isolation}; set local app.current_tenant_id = '{PAWNEE}';
                set local app.\"current_role\" = 'owner'; select from tenancy_api.members"
            );
            client.batch_execute(&begin).await.unwrap();
            client
        };
        let (first, second) = (open().await, open().await);
        let demote =
            |user: &str| format!("update tenancy_api.members set role = 'admin' where email = '{user}@test'");
        first.batch_execute(&demote("ron")).await.unwrap();
        let waits = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like 'update tenancy_api.members%'";
        let demoting = tokio::spawn(async move {
            let outcome = second.batch_execute(&demote("leslie")).await;
            drop(second);
            outcome
        });
        eventually("the second waits for the first", || async { database.count(waits).await == 1 }).await;
        first.batch_execute("commit").await.unwrap();
        let refused = demoting.await.unwrap().expect_err("the last owner stays");
        let expected = if isolation == "read committed" { "23514" } else { "40001" };
        assert_eq!(refused.code().unwrap().code(), expected);
        let owners = "select count(*) from tenancy.members where role = 'owner'";
        assert_eq!(database.count(owners).await, 1);
        add(&database, PAWNEE, "ron", "owner").await;
    }
}

#[tokio::test]
async fn over_http_too_one_of_two_owners_stays() {
    let database = Database::demo().await;
    let server = server(&database, "token").await;
    for _ in 0..5 {
        add(&database, PAWNEE, "leslie", "owner").await;
        add(&database, PAWNEE, "ron", "owner").await;
        let demote = |user: &str| {
            let path = format!("/members?email=eq.{user}@test");
            server.patch(&path, &Token::leslie(), json!({"role": "member"})).send()
        };
        let (one, other) = tokio::join!(demote("leslie"), demote("ron"));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 422], "{one:?} {other:?}");
        assert_eq!(database.count("select count(*) from tenancy.members where role = 'owner'").await, 1);
    }
}

#[tokio::test]
async fn what_is_changed_of_a_member_is_effective_at_once() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie", "owner").await;
    add(&database, PAWNEE, "ron", "member").await;
    let server = server(&database, "database").await;
    let ron = bare("ron");
    let me = async || server.get(&at(PAWNEE, "/me"), &ron).send().await;
    assert_eq!(me().await.is(200).json()["role"], "member");
    let change = async |change: Value| {
        let path = at(PAWNEE, "/members?email=eq.ron@test");
        server.patch(&path, &bare("leslie"), change).send().await.is(204);
    };
    change(json!({"role": "admin", "permissions": ["a"], "attributes": {"floor": 3}})).await;
    within(Duration::from_secs(4), "the role is another", || async { me().await.json()["role"] == "admin" })
        .await;
    let now = me().await.is(200).json();
    assert_eq!((&now["permissions"], &now["attributes"]), (&json!(["a"]), &json!({"floor": 3})));
    change(json!({"state": "disabled"})).await;
    within(Duration::from_secs(4), "ron is refused", || async { me().await.status == 403 }).await;
    change(json!({"state": "active"})).await;
    within(Duration::from_secs(4), "ron is back", || async { me().await.status == 200 }).await;
}

#[tokio::test]
async fn without_notifications_a_change_is_effective_when_what_is_remembered_ends() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "ron", "admin").await;
    let options = ServerOptions::default().set("membership", "database").set("tenant_ttl_ms", 300);
    let server = Server::with(&database, options).await;
    eventually("it listens", || async { database.count(LISTENING).await == 1 }).await;
    server.get(&at(PAWNEE, "/items"), &bare("ron")).send().await.is(200);
    database.sql("alter table tenancy.members disable trigger notify_change").await;
    database.sql("update tenancy.members set state = 'disabled'").await;
    eventually("ron is refused", || async {
        server.get(&at(PAWNEE, "/items"), &bare("ron")).send().await.status == 403
    })
    .await;
}

#[tokio::test]
async fn a_token_that_was_revoked_or_is_older_than_what_is_good_is_invalid() {
    let database = Database::demo().await;
    add(&database, PAWNEE, "leslie.knope", "owner").await;
    let server = server(&database, "token").await;
    let old = Token::leslie().issued_before(60);
    let refused = async |what: &str| {
        eventually(what, || async { server.get("/items", &old).send().await.status == 401 }).await;
        let answer = server.get("/items", &old).send().await.fails(401, "PGRST301");
        let forged =
            server.request(Method::GET, "/items").header("authorization", "Bearer a.b.c").send().await;
        assert_eq!(answer.text, forged.text);
        assert_eq!(answer.header("www-authenticate"), forged.header("www-authenticate"));
    };
    let served = async |what: &str| {
        eventually(what, || async { server.get("/items", &old).send().await.status == 200 }).await;
    };
    served("before").await;
    let epoch = |time: &str| {
        format!(
            "insert into tenancy.epochs values ('{PAWNEE}', {time})
            on conflict (tenant_id) do update set tokens_valid_after = excluded.tokens_valid_after"
        )
    };
    database.sql(&epoch("now() - interval '30 s'")).await;
    refused("the tenant's tokens").await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    database.sql(&epoch("'-infinity'")).await;
    served("the tenant's tokens are good").await;
    database.sql("update tenancy.users set tokens_valid_after = now() - interval '30 s'").await;
    refused("the user's tokens").await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    database.sql("update tenancy.users set tokens_valid_after = '-infinity', disabled_at = now()").await;
    refused("the user").await;
    server.get("/items", &Token::leslie()).send().await.fails(401, "PGRST301");
    database.sql("update tenancy.users set disabled_at = null").await;
    served("the user is good").await;
}

#[tokio::test]
async fn no_request_reads_users_identities_hashes_or_revoked_tokens() {
    let database = Database::demo().await;
    let app = database.app().await;
    for table in ["users", "identities", "epochs", "revoked_tokens"] {
        let refused = app.query(&format!("select from tenancy.{table}"), &[]).await.expect_err(table);
        assert_eq!(refused.code().unwrap().code(), "42501", "{table}");
    }
    for statement in [
        "select token_hash from tenancy.invitations",
        "insert into tenancy.members (tenant_id, user_id) values (gen_random_uuid(), gen_random_uuid())",
        "update tenancy.tenant_domains set verified_at = now()",
        "insert into tenancy.tenant_domains (host, verified_at) values ('a.test', now())",
        "update tenancy.members set user_id = gen_random_uuid()",
        "select tenancy.add_member(gen_random_uuid(), 'a', 'b', 'owner')",
    ] {
        let refused = app.query(statement, &[]).await.expect_err(statement);
        assert_eq!(refused.code().unwrap().code(), "42501", "{statement}");
    }
}

#[tokio::test]
async fn an_admin_gives_nobody_a_permission_that_he_has_not_and_an_owner_gives_any() {
    let database = Database::demo().await;
    for (user, role) in [("leslie", "owner"), ("ron", "admin"), ("april", "member")] {
        add(&database, PAWNEE, user, role).await;
    }
    let server = server(&database, "database").await;
    let change = async |by: &str, of: &str, change: Value| {
        let path = at(PAWNEE, &format!("/members?email=eq.{of}@test"));
        server.patch(&path, &bare(by), change).send().await
    };
    let permit = async |by: &str, of: &str, permissions: &[&str]| {
        change(by, of, json!({"permissions": permissions})).await
    };
    // Not to himself, which would give him whatever else is asked for one.
    permit("ron", "ron", &["sessions:create"]).await.fails(403, "42501");
    permit("ron", "april", &["safes:write"]).await.fails(403, "42501");
    let key = json!({"name": "k", "role": "admin", "permissions": ["sessions:create"]});
    server.post(&at(PAWNEE, "/rpc/create_api_key"), &bare("ron"), key).send().await.fails(403, "42501");
    permit("leslie", "ron", &["safes:write"]).await.is(204);
    within(Duration::from_secs(4), "ron has it", || async {
        let me = server.get(&at(PAWNEE, "/me"), &bare("ron")).send().await.is(200).json();
        me["permissions"] == json!(["safes:write"])
    })
    .await;
    permit("ron", "april", &["safes:write"]).await.is(204);
    permit("ron", "april", &["safes:write", "safes:audit"]).await.fails(403, "42501");
    // What an owner gave stays where an admin changes something else, and can be taken away.
    permit("leslie", "april", &["safes:write", "safes:audit"]).await.is(204);
    change("ron", "april", json!({"role": "admin"})).await.is(204);
    change("ron", "april", json!({"role": "member", "permissions": ["safes:audit"]})).await.is(204);
    permit("ron", "april", &[]).await.is(204);
    permit("ron", "april", &["safes:audit"]).await.fails(403, "42501");
    // Invitations alike.
    let invited = async |by: &str, permission: &str| {
        let body = json!({"email": format!("{permission}@example.test"), "permissions": [permission]});
        server.post(&at(PAWNEE, "/rpc/invite"), &bare(by), body).send().await
    };
    invited("ron", "safes:audit").await.fails(403, "42501");
    invited("ron", "safes:write").await.is(200);
    invited("leslie", "safes:audit").await.is(200);
    // What no token can say is nobody's to give.
    for bad in ["", "a\u{1}", "\u{85}", &"x".repeat(256)] {
        permit("leslie", "april", &[bad]).await.fails(422, "23514");
    }
    change("leslie", "april", json!({"permissions": [["a"], ["b"]]})).await.fails(422, "23514");
    permit("leslie", "april", &["\u{e9}".repeat(255).as_str(), "a \"b\""]).await.is(204);
    server.get(&at(PAWNEE, "/items"), &bare("april")).send().await.is(200);
}

#[tokio::test]
async fn invitations_end_with_what_their_maker_was() {
    let changes = [
        "update tenancy.members set role = 'member' where email = 'ron@test'",
        "update tenancy.members set state = 'disabled' where email = 'ron@test'",
        "delete from tenancy.members where email = 'ron@test'",
    ];
    for sql in changes {
        let database = Database::demo().await;
        add(&database, PAWNEE, "leslie", "owner").await;
        add(&database, PAWNEE, "ron", "admin").await;
        let server = server(&database, "database").await;
        let invited = async |by: &str, email: &str| {
            let made = invite(&server, &bare(by), PAWNEE, email, "admin").await.is(200).json();
            made["token"].as_str().unwrap().to_owned()
        };
        let (his, hers) = (invited("ron", "a@example.test").await, invited("leslie", "b@example.test").await);
        // What makes him no less leaves it.
        database.sql("update tenancy.members set attributes = '{\"floor\": 3}', role = 'owner' where email = 'ron@test'").await;
        database.sql("update tenancy.members set permissions = '{x}' where email = 'ron@test'").await;
        assert_eq!(
            database.count("select count(*) from tenancy.invitations where revoked_at is null").await,
            2
        );
        database.sql(sql).await;
        accept(&server, &bare("duke.silver"), &his).await.fails(404, "TEN051");
        accept(&server, &bare("tammy"), &hers).await.is(201);
    }
}

#[tokio::test]
async fn a_token_that_has_the_id_of_a_newer_one_is_judged_by_its_own_age() {
    let database = Database::demo().await;
    let server = server(&database, "token").await;
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = |issued_s: u64| {
        let header = jsonwebtoken::Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some("test".to_owned()),
            ..jsonwebtoken::Header::default()
        };
        let claims = json!({
            "iss": "https://issuer.test", "aud": "rowhouse", "sub": "leslie.knope", "jti": "same", "iat": issued_s,
            "exp": now_s + 600, "tenant_id": PAWNEE, "role": "owner",
        });
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &key).unwrap())
    };
    let (old, new) = (token(now_s - 60), token(now_s));
    let items =
        async |token: &str| server.request(Method::GET, "/items").header("authorization", token).send().await;
    items(&old).await.is(200);
    let epoch = format!("insert into tenancy.epochs values ('{PAWNEE}', now() - interval '30 s')");
    database.sql(&epoch).await;
    eventually("the old one is refused", || async { items(&old).await.status == 401 }).await;
    // What is remembered of the one says nothing of the other.
    items(&new).await.is(200);
    items(&old).await.fails(401, "PGRST301");
    items(&new).await.is(200);
}

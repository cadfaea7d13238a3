//! The demo's systems, row by row as their users would try them.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{ALIKI, DUNDER, Database, PAWNEE, Server, Token, eventually};

const WHOLE: &str = "return=representation";

async fn demo() -> (Database, Server) {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    (database, server)
}

fn member(user: &str) -> Token {
    Token::new(PAWNEE, user, "member")
}

// Tenant isolation at its smallest.

#[tokio::test]
async fn each_tenant_lists_only_its_own_items_with_three_keys() {
    let (_database, server) = demo().await;
    let aliki = Token::new(ALIKI, "aliki.nomikou", "owner");
    for (token, tenant, first) in [
        (Token::leslie(), PAWNEE, "art-fair"),
        (Token::michael(), DUNDER, "a4 paper"),
        (aliki, ALIKI, "apple"),
    ] {
        // The trailing slash is tolerated.
        let answer = server.get("/items/?order=title", &token).send().await.is(200);
        let rows = answer.rows();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["tenant_id"] == tenant.to_string()));
        assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 3));
        assert_eq!(rows[0]["title"], json!(first));
    }
}

#[tokio::test]
async fn a_tenant_lists_itself_alone_with_its_items() {
    let (database, server) = demo().await;
    let path = "/tenants/?select=id,name,items(id,title,tenant_id)";
    let rows = server.get(path, &Token::leslie()).send().await.is(200).rows();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["id"], &rows[0]["name"]), (&json!(PAWNEE), &json!("pawnee-parks-and-rec")));
    assert_eq!(rows[0]["items"].as_array().unwrap().len(), 5);
    database.sql(&format!("delete from api.items where tenant_id = '{PAWNEE}'")).await;
    let rows = server.get(path, &Token::leslie()).send().await.is(200).rows();
    assert_eq!(rows[0]["items"], json!([]));
}

#[tokio::test]
async fn the_tenant_comes_from_the_token_and_a_header_only_selects() {
    let (_database, server) = demo().await;
    let get = |token: Option<&Token>, header: Option<&str>| {
        let mut request = server.request(Method::GET, "/items");
        if let Some(token) = token {
            request = request.token(token);
        }
        if let Some(header) = header {
            request = request.header("x-tenant-id", header);
        }
        request.send()
    };
    let leslie = Token::leslie();
    let own = PAWNEE.to_string();
    get(None, Some(&own)).await.fails(401, "PGRST302");
    get(Some(&leslie), Some(&own)).await.is(200);
    get(Some(&leslie.clone().without_tenant()), None).await.fails(403, "TEN001");
    get(Some(&leslie), Some("pawnee")).await.fails(400, "TEN003");
    // Known to the registry or not: one answer.
    let known = get(Some(&leslie), Some(&DUNDER.to_string())).await.fails(403, "TEN001");
    let unknown = get(Some(&leslie), Some(&Uuid::new_v4().to_string())).await.fails(403, "TEN001");
    assert_eq!(known.text, unknown.text);
    let nobody = Token::new(Uuid::new_v4(), "nobody", "owner");
    assert_eq!(get(Some(&nobody), None).await.fails(403, "TEN001").text, known.text);
}

#[tokio::test]
async fn nothing_is_written_for_another_tenant() {
    let (database, server) = demo().await;
    let leslie = Token::leslie();
    let foreign = json!({"title": "smuggled", "tenant_id": DUNDER});
    server.post("/items", &leslie, foreign).send().await.fails(403, "42501");
    server
        .patch("/items?title=eq.art-fair", &leslie, json!({"tenant_id": DUNDER}))
        .send()
        .await
        .fails(403, "42501");
    let none = server.patch("/items?title=eq.toner", &leslie, json!({"title": "mine"})).prefer(WHOLE);
    assert_eq!(none.send().await.is(200).text, "[]");
    let none = server.delete("/items?title=eq.toner", &leslie).prefer(WHOLE);
    assert_eq!(none.send().await.is(200).text, "[]");
    assert_eq!(database.count("select count(*) from api.items").await, 15);
    assert_eq!(
        database.count("select count(*) from api.items where title in ('toner', 'art-fair')").await,
        2
    );
}

#[tokio::test]
async fn the_registry_of_tenants_is_for_reading() {
    let (database, server) = demo().await;
    let leslie = Token::leslie();
    for path in ["/tenants".to_owned(), format!("/tenants/{PAWNEE}"), format!("/tenants?id=eq.{DUNDER}")] {
        server.patch(&path, &leslie, json!({"name": "x"})).send().await.fails(403, "42501");
        server.delete(&path, &leslie).send().await.fails(403, "42501");
    }
    server.post("/tenants", &leslie, json!({"slug": "x", "name": "x"})).send().await.fails(403, "42501");
    server.get(&format!("/tenants/{PAWNEE}"), &leslie).send().await.is(200);
    server.get(&format!("/tenants/{DUNDER}"), &leslie).send().await.fails(404, "TEN010");
    assert_eq!(database.count("select count(*) from tenancy.tenants").await, 3);
}

#[tokio::test]
async fn without_the_setting_the_request_role_sees_nothing_and_fails_nothing() {
    let database = Database::demo().await;
    let app = database.app().await;
    let count = "select count(*) from api.items";
    assert_eq!(app.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    // After SET LOCAL a setting is empty and not unknown.
    let local = format!("begin; set local app.current_tenant_id = '{PAWNEE}'; commit");
    app.batch_execute(&local).await.unwrap();
    assert_eq!(app.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    app.batch_execute(&format!("set app.current_tenant_id = '{}'", Uuid::new_v4())).await.unwrap();
    assert_eq!(app.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn two_tenants_on_one_connection_never_see_each_other() {
    let database = Database::demo().await;
    let options = crate::support::ServerOptions::default().set("pool_size", 1);
    let server = Server::with(&database, options).await;
    let (leslie, michael) = (Token::leslie(), Token::michael());
    for _ in 0..5 {
        assert_eq!(server.get("/items?title=eq.toner", &leslie).send().await.is(200).text, "[]");
        assert_eq!(server.get("/items?title=eq.toner", &michael).send().await.is(200).rows().len(), 1);
        // Nor after an error.
        server.get("/items?id=eq.x", &michael).send().await.fails(400, "22P02");
    }
}

#[tokio::test]
async fn the_request_role_can_change_no_schema() {
    let database = Database::demo().await;
    let app = database.app().await;
    for ddl in [
        "create table public.x ()",
        "create table api.x ()",
        "alter table api.items disable row level security",
        "drop policy select_tenant on api.items",
        "truncate api.items",
        "set role rowhouse_owner",
    ] {
        let error = app.batch_execute(ddl).await.expect_err(ddl);
        assert_eq!(error.code().expect(ddl).code(), "42501", "{ddl}: {error}");
    }
}

#[tokio::test]
async fn a_title_is_unique_within_its_tenant_only() {
    let (_database, server) = demo().await;
    server.post("/items", &Token::leslie(), json!({"title": "toner"})).send().await.is(201);
    let again = server.post("/items", &Token::leslie(), json!({"title": "toner"})).send().await;
    let again = again.fails(409, "23505");
    assert!(!again.text.contains("toner") && !again.text.contains(&DUNDER.to_string()), "{again:?}");
}

// Links.

#[tokio::test]
async fn no_route_is_open_without_a_credential() {
    let (_database, server) = demo().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
        for path in ["/", "/links", "/nothing", "/items/1", &format!("/{PAWNEE}/links"), "/rpc/f", "/a/b/c"] {
            let answer = server.request(method.clone(), path).send().await.is(401);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_link_is_made_in_the_name_of_its_user_whatever_is_sent() {
    let (database, server) = demo().await;
    let body = json!({"url": "https://example.org/a", "id": "mine", "creator_user_id": "ron.swanson"});
    let path = format!("/{PAWNEE}/links");
    let answer = server.post(&path, &member("april.ludgate"), body).prefer(WHOLE).send().await.is(201);
    let row = answer.json()[0].clone();
    let id = row["id"].as_str().unwrap();
    assert_eq!(id.len(), 21);
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{id}");
    assert_eq!(
        (&row["url"], &row["creator_user_id"], &row["tenant_id"]),
        (&json!("https://example.org/a"), &json!("april.ludgate"), &json!(PAWNEE))
    );
    assert_eq!(answer.header("location"), Some(format!("/{PAWNEE}/links/{id}").as_str()));
    let foreign = json!({"url": "https://example.org/b", "tenant_id": DUNDER});
    server.post(&path, &Token::leslie(), foreign).send().await.fails(403, "42501");
    assert_eq!(database.count("select count(*) from api.links").await, 10);
}

#[tokio::test]
async fn a_link_leads_to_the_web_only() {
    let (database, server) = demo().await;
    let long = format!("https://example.org/{}", "x".repeat(2048));
    for url in ["javascript:alert(1)", "ftp://x", "//x", "https://", "https://a/\r\nSet-Cookie: x", "", &long]
    {
        server.post("/links", &Token::leslie(), json!({"url": url})).send().await.fails(422, "23514");
    }
    server.post("/links", &Token::leslie(), json!({"url": null})).send().await.fails(400, "23502");
    server
        .patch("/links?id=neq.x", &Token::leslie(), json!({"url": "https://x.org"}))
        .send()
        .await
        .fails(403, "42501");
    assert_eq!(database.count("select count(*) from api.links").await, 9);
}

#[tokio::test]
async fn a_tenant_lists_its_links_and_a_fresh_one_none() {
    let (database, server) = demo().await;
    let rows = server.get(&format!("/{PAWNEE}/links"), &member("tom.haverford")).send().await.is(200).rows();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["tenant_id"] == json!(PAWNEE)));
    let fresh = Uuid::new_v4();
    database
        .sql(&format!("insert into tenancy.tenants (id, slug, name) values ('{fresh}', 'fresh', 'Fresh')"))
        .await;
    let answer = server.get(&format!("/{fresh}/links"), &Token::new(fresh, "new", "member")).send().await;
    assert_eq!(answer.is(200).text, "[]");
    // A role that is none of the three reads nothing.
    let guest = Token::new(PAWNEE, "guest", "guest");
    assert_eq!(server.get("/links", &guest).send().await.is(200).text, "[]");
    assert_eq!(server.get("/links", &Token::leslie().without_role()).send().await.is(200).text, "[]");
}

#[tokio::test]
async fn a_short_link_redirects_its_own_tenant_only() {
    let (_database, server) = demo().await;
    let rows = server.get("/links?url=like.*canoes", &Token::leslie()).send().await.rows();
    let id = rows[0]["id"].as_str().unwrap();
    for path in [format!("/{PAWNEE}/{id}"), format!("/{id}"), format!("/{id}/")] {
        let answer = server.get(&path, &Token::leslie()).send().await.is(307);
        assert_eq!(answer.header("location"), Some("https://woodworking.example.org/canoes"), "{path}");
        assert_eq!(answer.text, "");
        let head = server.head(&path, &Token::leslie()).send().await.is(307);
        assert_eq!(head.header("location"), Some("https://woodworking.example.org/canoes"), "{path}");
    }
    let absent = server.get(&format!("/{DUNDER}/absent"), &Token::michael()).send().await;
    let absent = absent.fails(404, "PGRST205").text.replace("absent", id);
    let theirs = server.get(&format!("/{DUNDER}/{id}"), &Token::michael()).send().await;
    assert_eq!(theirs.fails(404, "PGRST205").text, absent);
    server.get(&format!("/{PAWNEE}/{id}"), &Token::michael()).send().await.fails(403, "TEN001");
    server.request(Method::GET, &format!("/{PAWNEE}/{id}")).send().await.fails(401, "PGRST302");
    server.get(&format!("/{PAWNEE}/links/{id}"), &Token::leslie()).send().await.is(200);
    server.get(&format!("/{DUNDER}/links/{id}"), &Token::michael()).send().await.fails(404, "TEN010");
}

#[tokio::test]
async fn members_delete_their_own_links_and_admins_any() {
    let (database, server) = demo().await;
    let id = async |user: &str| {
        let path = format!("/links?creator_user_id=eq.{user}&select=id");
        let rows = server.get(&path, &Token::leslie()).send().await.rows();
        rows[0]["id"].as_str().unwrap().to_owned()
    };
    let (april, ron, leslie) = (id("april.ludgate").await, id("ron.swanson").await, id("leslie.knope").await);
    let delete =
        |id: &str, token: &Token| server.delete(&format!("/{PAWNEE}/links/{id}"), token).prefer(WHOLE).send();
    let others = delete(&ron, &member("april.ludgate")).await.fails(404, "TEN010");
    let absent = delete("absent", &member("april.ludgate")).await.fails(404, "TEN010");
    assert_eq!(others.text, absent.text);
    let theirs = server.delete(&format!("/links/{ron}"), &Token::michael()).send().await;
    assert_eq!(theirs.fails(404, "TEN010").text, absent.text);
    assert_eq!(delete(&april, &member("april.ludgate")).await.is(200).json()["id"], json!(april));
    delete(&april, &member("april.ludgate")).await.fails(404, "TEN010");
    delete(&leslie, &Token::new(PAWNEE, "ron.swanson", "admin")).await.is(200);
    delete(&ron, &Token::leslie()).await.is(200);
    assert_eq!(database.count("select count(*) from api.links").await, 6);
}

#[tokio::test]
async fn a_tenant_that_the_user_is_not_in_is_403() {
    let (_database, server) = demo().await;
    let path = format!("/{DUNDER}/links");
    server.get(&path, &Token::leslie()).send().await.fails(403, "TEN001");
    server.post(&path, &Token::leslie(), json!({"url": "https://x.org"})).send().await.fails(403, "TEN001");
    server.delete(&format!("{path}/x"), &Token::leslie()).send().await.fails(403, "TEN001");
    let both = server.get(&format!("/{PAWNEE}/links"), &Token::leslie());
    both.header("x-tenant-id", &DUNDER.to_string()).send().await.fails(400, "TEN004");
}

#[tokio::test]
async fn one_token_works_in_each_of_its_tenants_with_the_role_it_has_there() {
    let (_database, server) = demo().await;
    let tenants = json!({PAWNEE.to_string(): {"role": "admin"}, ALIKI.to_string(): {"role": "member"}});
    let ron =
        Token::new(PAWNEE, "ron.swanson", "admin").without_tenant().without_role().claim("orgs", tenants);
    server.get("/links", &ron).send().await.fails(400, "TEN005");
    let delete = async |tenant: Uuid| {
        let path = format!("/{tenant}/links?creator_user_id=neq.ron.swanson&select=creator_user_id");
        server.delete(&path, &ron).prefer(WHOLE).send().await.is(200).rows().len()
    };
    assert_eq!(delete(PAWNEE).await, 2);
    assert_eq!(delete(ALIKI).await, 0);
    server.get(&format!("/{DUNDER}/links"), &ron).send().await.fails(403, "TEN001");
}

#[tokio::test]
async fn an_owner_manages_people_and_a_member_does_not() {
    let (_database, server) = demo().await;
    let person = json!({"user_id": "ben.wyatt", "role": "member", "display_name": "Ben Wyatt"});
    server.post("/people", &member("tom.haverford"), person.clone()).send().await.fails(403, "42501");
    let made = server.post("/people", &Token::leslie(), person).prefer("return=headers-only").send().await;
    assert_eq!(made.is(201).header("location"), Some("/people/ben.wyatt"));
    let admin = Token::new(PAWNEE, "ron.swanson", "admin");
    server.patch("/people/ben.wyatt", &admin, json!({"role": "admin"})).send().await.is(204);
    server.patch("/people/ben.wyatt", &admin, json!({"role": "owner"})).send().await.fails(403, "42501");
    server
        .patch("/people/ben.wyatt", &member("tom.haverford"), json!({"role": "owner"}))
        .send()
        .await
        .fails(404, "TEN010");
    server.delete("/people/leslie.knope", &admin).send().await.fails(404, "TEN010");
    server.delete("/people/leslie.knope", &Token::leslie()).send().await.fails(422, "23514");
    server.delete("/people/ben.wyatt", &admin).send().await.is(204);
}

// The support desk.

#[tokio::test]
async fn tickets_are_a_tenants_own_and_news_are_the_same_for_all() {
    let (_database, server) = demo().await;
    server.request(Method::GET, "/newsfeed_items").send().await.is(401);
    server.request(Method::GET, "/support_tickets").send().await.is(401);
    let news = server.get("/newsfeed_items?order=id", &Token::leslie()).send().await.is(200);
    assert_eq!(news.rows().len(), 5);
    assert_eq!(server.get("/newsfeed_items?order=id", &Token::michael()).send().await.text, news.text);
    server.post("/newsfeed_items", &Token::leslie(), json!({"title": "x"})).send().await.fails(403, "42501");
    server.delete("/newsfeed_items?title=eq.x", &Token::leslie()).send().await.fails(403, "42501");
    for (token, first) in
        [(Token::leslie(), "Binder labels printed in grey"), (Token::michael(), "Fire drill schedule")]
    {
        let rows = server.get("/support_tickets?order=subject", &token).send().await.is(200).rows();
        assert_eq!((rows.len(), &rows[0]["subject"]), (4, &json!(first)));
    }
}

#[tokio::test]
async fn a_ticket_lives_from_201_to_204_and_then_is_404() {
    let (database, server) = demo().await;
    let april = member("april.ludgate");
    let made =
        server.post("/support_tickets", &april, json!({"subject": "Birds"})).prefer(WHOLE).send().await;
    let made = made.is(201);
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(made.json()[0]["opened_by"], "april.ludgate");
    let got: Value = server.get(&path, &april).send().await.is(200).json();
    assert_eq!((&got["subject"], &got["status"]), (&json!("Birds"), &json!("open")));
    let patch = |token: &Token, body| server.patch(&path, token, body).prefer(WHOLE).send();
    assert_eq!(patch(&april, json!({"status": "solved"})).await.is(200).json()["status"], "solved");
    patch(&april, json!({"status": "eaten"})).await.fails(422, "23514");
    patch(&april, json!({"opened_by": "ron.swanson"})).await.fails(403, "42501");
    patch(&april, json!({"tenant_id": DUNDER})).await.fails(403, "42501");
    // The other tenant finds nothing there.
    patch(&Token::michael(), json!({"status": "closed"})).await.fails(404, "TEN010");
    server.get(&path, &Token::michael()).send().await.fails(404, "TEN010");
    server.delete(&path, &Token::michael()).send().await.fails(404, "TEN010");
    let put = server.request(Method::PUT, &path).token(&april).json(json!({"subject": "x"})).send().await;
    assert_eq!(put.is(204).text, "");
    assert_eq!(server.delete(&path, &april).send().await.is(204).text, "");
    server.delete(&path, &april).send().await.fails(404, "TEN010");
    server.get(&path, &april).send().await.fails(404, "TEN010");
    assert_eq!(database.count("select count(*) from api.support_tickets").await, 12);
}

#[tokio::test]
async fn a_comment_has_a_ticket_of_its_own_tenant() {
    let (database, server) = demo().await;
    let theirs = "31d6f0a4-27be-4c19-b6e8-5a40c9d1e201";
    let comment = |ticket: &str| {
        server.post("/ticket_comments", &Token::leslie(), json!({"ticket_id": ticket, "body": "x"})).send()
    };
    let foreign = comment(theirs).await.fails(409, "23503");
    let absent = comment("31d6f0a4-27be-4c19-b6e8-000000000000").await.fails(409, "23503");
    // That the one exists cannot be told from the answer.
    assert_eq!(foreign.json()["message"], absent.json()["message"]);
    comment("31d6f0a4-27be-4c19-b6e8-5a40c9d1e101").await.is(201);
    let path = "/support_tickets?select=subject,ticket_comments(body)&subject=like.*swings*&ticket_comments.order=body";
    let rows = server.get(path, &Token::leslie()).send().await.is(200).rows();
    assert_eq!(
        rows[0]["ticket_comments"],
        json!([{"body": "I oiled one myself. Three to go."}, {"body": "x"}])
    );
    assert_eq!(database.count("select count(*) from api.ticket_comments").await, 11);
}

#[tokio::test]
async fn the_readme_s_table_becomes_an_api() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```sql\n").expect("it has an example in SQL");
    let (example, _) = rest.split_once("```").expect("the example ends");
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    server.get("/projects", &Token::leslie()).send().await.fails(404, "PGRST205");
    database.as_owner(example).await;
    eventually("it is served", || async {
        server.get("/projects", &Token::leslie()).send().await.status == 200
    })
    .await;
    let made = server.post("/projects", &Token::leslie(), json!({"name": "pit"}));
    let made = made.prefer("return=representation").send().await.is(201);
    let location = made.header("location").expect("where it is").to_owned();
    assert_eq!(server.get(&location, &Token::leslie()).send().await.is(200).json()["name"], "pit");
    server.get(&location, &Token::michael()).send().await.fails(404, "TEN010");
    let renamed = server.patch("/projects?name=eq.pit", &Token::leslie(), json!({"name": "park"}));
    renamed.send().await.is(204);
    assert_eq!(server.get("/projects", &Token::leslie()).send().await.column("name"), ["park"]);
    assert!(server.get("/projects", &Token::michael()).send().await.rows().is_empty());
}

//! The isolation matrix: tenant, role, relation, verb, kept as reviewed text.
//!
//! One tenant tries everything on its own rows and on another's, as each role. What it was answered stands in
//! `isolation.txt`; what must hold whatever stands there is asserted here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, Token};

/// Whose token is sent, and whose rows are tried for.
const OWN: Uuid = PAWNEE;
const OTHER: Uuid = DUNDER;

const UNKNOWN: &str = "5f0c6d1e-8a47-4b2c-9d35-e6f1a2b3c4d5";

/// Tables, and the column that says whose a row is.
const TABLES: &[(&str, &str)] = &[
    ("tenancy.tenants", "id"),
    ("api.items", "tenant_id"),
    ("api.links", "tenant_id"),
    ("api.support_tickets", "tenant_id"),
    ("api.ticket_comments", "tenant_id"),
    ("api.documents", "tenant_id"),
    ("api.members", "tenant_id"),
];

const GLOBAL: &str = "api.newsfeed_items";

#[tokio::test]
async fn no_role_reaches_another_tenants_rows_by_any_verb() {
    let database = Database::demo().await;
    let superuser = database.superuser().await;
    save(&superuser).await;
    let before = checksums(&superuser).await;
    let mut world =
        World { server: Server::start(&database).await, secrets: secrets(&superuser).await, superuser };

    let mut text = String::new();
    for relation in relations(&world.superuser).await {
        let _ = writeln!(text, "## {}\n", relation.name);
        heading(&mut text);
        for probe in probes(&relation) {
            world.line(&mut text, &probe, &relation).await;
        }
        text.push('\n');
    }
    text.push_str("## Selectors\n\n");
    heading(&mut text);
    for probe in selectors() {
        world
            .line(
                &mut text,
                &probe,
                &Relation { other: OTHER.to_string(), absent: UNKNOWN.to_owned(), ..Relation::default() },
            )
            .await;
    }

    text.push_str("\n## The request role in SQL: rows seen, rows changed\n\n");
    raw(&mut text, &database).await;

    // The grants of the demo name columns, and the tenant's is not among them. Without that second wall the policies
    // must hold alone.
    text.push_str("\n## Moves, where every column may be updated\n\n");
    for (table, _) in TABLES.iter().chain([&(GLOBAL, "")]) {
        database.sql(&format!("grant insert, update on {table} to rowhouse_app")).await;
    }
    world.server = Server::start(&database).await;
    heading(&mut text);
    for relation in relations(&world.superuser).await {
        for probe in moves(&relation) {
            world.line(&mut text, &probe, &relation).await;
        }
    }

    // Before the snapshot, so that no update of it can hide them.
    assert_eq!(checksums(&world.superuser).await, before, "rows of other tenants were changed");
    expect_file!["isolation.txt"].assert_eq(&text);
}

/// Who tries.
fn roles() -> [(&'static str, Token); 4] {
    // The claims that the documents' policies ask for, so that it is not for want of them that nothing is seen.
    let strong = |token: Token| {
        token
            .claim("department", "sales")
            .claim("amr", json!(["pwd", "otp"]))
            .permissions(&["documents:write", "documents:delete"])
    };
    [
        ("owner", strong(Token::new(OWN, "leslie.knope", "owner"))),
        ("admin", strong(Token::new(OWN, "ron.swanson", "admin"))),
        ("member", strong(Token::new(OWN, "april.ludgate", "member"))),
        ("none", strong(Token::new(OWN, "jerry.gergich", "member").without_role())),
    ]
}

fn heading(text: &mut String) {
    let _ = write!(text, "{:<44}", "");
    for (role, _) in roles() {
        let _ = write!(text, "{role:<18}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// What is tried of a relation.
#[derive(Default)]
struct Relation {
    name: &'static str,
    tenant: Option<&'static str>,
    key: &'static str,
    own: String,
    other: String,
    /// A key that nobody has.
    absent: String,
    /// A row to insert, and what to set in one.
    new: Value,
    change: Value,
    embeds: &'static [&'static str],
}

async fn relations(superuser: &Client) -> Vec<Relation> {
    let one = async |query: &str, tenant: Uuid| -> String {
        superuser.query_one(query, &[&tenant]).await.unwrap().get(0)
    };
    let item = "select id::text from api.items where tenant_id = $1 order by title limit 1";
    let link = "select id from api.links where tenant_id = $1 order by url limit 1";
    let tenant = Some("tenant_id");
    let ticket = |last: &str| format!("31d6f0a4-27be-4c19-b6e8-5a40c9d1e{last}");
    let comment = |last: &str| format!("5e92b7c3-104f-4d86-9c7a-d83f60b2a{last}");
    let document = |last: &str| format!("84ac3f17-be05-4d92-a1c6-3e7f58d0b{last}");
    let news = |last: &str| format!("0b7c1a52-6d0e-4f7b-8a35-91c2d4e6f{last}");
    vec![
        Relation {
            name: "tenants",
            tenant: Some("id"),
            key: "id",
            own: OWN.to_string(),
            other: OTHER.to_string(),
            absent: UNKNOWN.to_owned(),
            new: json!({"slug": "new-tenant", "name": "New"}),
            change: json!({"name": "Changed"}),
            embeds: &[
                "select=id,items(*),links(*),support_tickets(*,ticket_comments(*)),documents(*),members(*)",
                "select=id,items!inner(*)&items.tenant_id=eq.OTHER",
            ],
        },
        Relation {
            name: "items",
            tenant,
            key: "id",
            own: one(item, OWN).await,
            other: one(item, OTHER).await,
            absent: UNKNOWN.to_owned(),
            new: json!({"title": "new"}),
            change: json!({"title": "changed"}),
            embeds: &["select=*,tenants(*)", "select=*,tenants!inner(*)&tenants.id=eq.OTHER"],
        },
        Relation {
            name: "links",
            tenant,
            key: "id",
            own: one(link, OWN).await,
            other: one(link, OTHER).await,
            absent: "AAAAAAAAAAAAAAAAAAAAA".to_owned(),
            new: json!({"url": "https://new.example.org/"}),
            change: json!({"url": "https://changed.example.org/"}),
            embeds: &["select=*,tenants(*)", "select=*,tenants!inner(*)&tenants.id=eq.OTHER"],
        },
        Relation {
            name: "support_tickets",
            tenant,
            key: "id",
            own: ticket("101"),
            other: ticket("201"),
            absent: ticket("999"),
            new: json!({"subject": "new"}),
            change: json!({"subject": "changed"}),
            embeds: &[
                "select=*,tenants(*),ticket_comments(*)",
                "select=*,ticket_comments!inner(*)&ticket_comments.tenant_id=eq.OTHER",
            ],
        },
        Relation {
            name: "ticket_comments",
            tenant,
            key: "id",
            own: comment("101"),
            other: comment("201"),
            absent: comment("999"),
            new: json!({"ticket_id": ticket("101"), "body": "new"}),
            change: json!({"body": "changed"}),
            embeds: &[
                "select=*,support_tickets(*,tenants(*))",
                "select=*,support_tickets!inner(*)&support_tickets.tenant_id=eq.OTHER",
            ],
        },
        Relation {
            name: "documents",
            tenant,
            key: "id",
            own: document("102"),
            other: document("202"),
            absent: document("999"),
            new: json!({"title": "new"}),
            change: json!({"title": "changed"}),
            embeds: &["select=*,tenants(*)", "select=*,tenants!inner(*)&tenants.id=eq.OTHER"],
        },
        Relation {
            name: "members",
            tenant,
            key: "user_id",
            own: "tom.haverford".to_owned(),
            other: "pam.beesly".to_owned(),
            absent: "no.body".to_owned(),
            new: json!({"user_id": "new.user", "display_name": "New"}),
            change: json!({"display_name": "Changed"}),
            embeds: &["select=*,tenants(*)", "select=*,tenants!inner(*)&tenants.id=eq.OTHER"],
        },
        Relation {
            name: "newsfeed_items",
            tenant: None,
            key: "id",
            own: news("801"),
            other: String::new(),
            absent: news("899"),
            new: json!({"title": "new"}),
            change: json!({"title": "changed"}),
            embeds: &["select=*,tenants(*)"],
        },
    ]
}

/// One request, tried as each role.
struct Probe {
    label: String,
    method: Method,
    path: String,
    prefer: &'static str,
    body: Option<Value>,
    header: Option<String>,
    /// It names the other's key, and must be answered as if nobody had that.
    like_absent: bool,
}

fn probe(label: &str, method: Method, path: String) -> Probe {
    let prefer = if method == Method::GET { "" } else { "return=representation" };
    let label = label.to_owned();
    Probe { label, method, path, prefer, body: None, header: None, like_absent: false }
}

impl Probe {
    fn prefer(self, prefer: &'static str) -> Self {
        Probe { prefer, ..self }
    }

    fn body(self, body: Value) -> Self {
        Probe { body: Some(body), ..self }
    }

    fn like_absent(self) -> Self {
        Probe { like_absent: true, ..self }
    }

    /// The same, about `absent` where this one is about `other`.
    fn about_absent(&self, relation: &Relation) -> Self {
        let replaced = |text: &str| text.replace(&relation.other, &relation.absent);
        Probe {
            label: self.label.clone(),
            method: self.method.clone(),
            path: replaced(&self.path),
            prefer: self.prefer,
            body: self.body.as_ref().map(|body| serde_json::from_str(&replaced(&body.to_string())).unwrap()),
            header: self.header.as_deref().map(replaced),
            like_absent: false,
        }
    }

    /// Everything that the request itself says.
    fn said(&self) -> String {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{} {body} {}", self.path, self.header.as_deref().unwrap_or_default())
    }
}

/// `row` with more members.
fn with(row: &Value, members: &[(&str, &str)]) -> Value {
    let mut row = row.clone();
    for (name, value) in members {
        row[*name] = json!(value);
    }
    row
}

const MERGE: &str = "resolution=merge-duplicates, return=representation";
const IGNORE: &str = "resolution=ignore-duplicates, return=representation";
const MANY: &str = "handling=strict, max-affected=1000, return=representation";

fn probes(relation: &Relation) -> Vec<Probe> {
    let Relation { name, key, own, other, new, change, .. } = relation;
    let (get, head, post) = (|| Method::GET, Method::HEAD, || Method::POST);
    let (patch, delete) = (|| Method::PATCH, || Method::DELETE);
    let mut probes = vec![
        probe("list", get(), format!("/{name}")),
        probe("count", head, format!("/{name}")).prefer("count=exact"),
        probe("get own", get(), format!("/{name}/{own}")),
        probe("filter by own key", get(), format!("/{name}?{key}=eq.{own}")),
    ];
    for (index, embed) in relation.embeds.iter().enumerate() {
        let label = format!("embed {}", index + 1);
        probes.push(probe(&label, get(), format!("/{name}?{}", embed.replace("OTHER", &OTHER.to_string()))));
    }
    probes.extend([
        probe("insert", post(), format!("/{name}")).body(new.clone()),
        probe("update own by key", patch(), format!("/{name}/{own}")).body(change.clone()),
        probe("update own by filter", patch(), format!("/{name}?{key}=eq.{own}")).body(change.clone()),
        probe("update all", patch(), format!("/{name}")).prefer(MANY).body(change.clone()),
        probe("merge onto own", post(), format!("/{name}")).prefer(MERGE).body(with(new, &[(key, own)])),
        probe("ignore onto own", post(), format!("/{name}")).prefer(IGNORE).body(with(new, &[(key, own)])),
        probe("delete own by key", delete(), format!("/{name}/{own}")),
        probe("delete own by filter", delete(), format!("/{name}?{key}=eq.{own}")),
        probe("delete all", delete(), format!("/{name}")).prefer(MANY),
    ]);
    let Some(tenant) = relation.tenant else { return probes };
    let theirs = OTHER.to_string();
    let named = &[(tenant, theirs.as_str())];
    let both = &[(*key, other.as_str()), (tenant, theirs.as_str())];
    probes.extend([
        probe("get other's", get(), format!("/{name}/{other}")).like_absent(),
        probe("filter by other's key", get(), format!("/{name}?{key}=eq.{other}")).like_absent(),
        probe("filter by other's key, in", get(), format!("/{name}?{key}=in.({own},{other})")).like_absent(),
        probe("filter by other tenant", get(), format!("/{name}?{tenant}=eq.{OTHER}")),
        probe("filter by not own tenant", get(), format!("/{name}?{tenant}=neq.{OWN}")),
        probe("filter by either", get(), format!("/{name}?or=({tenant}.eq.{OTHER},{key}.eq.{other})"))
            .like_absent(),
        probe("count of other tenant", Method::HEAD, format!("/{name}?{tenant}=eq.{OTHER}"))
            .prefer("count=exact"),
        probe("insert for other tenant", post(), format!("/{name}")).body(with(new, named)),
        probe("insert for both", post(), format!("/{name}"))
            .body(json!([with(new, &[(tenant, &OWN.to_string())]), with(new, named)])),
        probe("update other's by key", patch(), format!("/{name}/{other}"))
            .body(change.clone())
            .like_absent(),
        probe("update other's by filter", patch(), format!("/{name}?{key}=eq.{other}"))
            .body(change.clone())
            .like_absent(),
        probe("update other tenant's", patch(), format!("/{name}?{tenant}=eq.{OTHER}")).body(change.clone()),
        probe("move to other tenant", patch(), format!("/{name}/{own}")).body(json!({tenant: OTHER})),
        probe("delete other's by key", delete(), format!("/{name}/{other}")).like_absent(),
        probe("delete other's by filter", delete(), format!("/{name}?{key}=eq.{other}")).like_absent(),
        probe("delete other tenant's", delete(), format!("/{name}?{tenant}=eq.{OTHER}")),
        probe("merge onto other's, named", post(), format!("/{name}")).prefer(MERGE).body(with(new, both)),
        probe("ignore onto other's, named", post(), format!("/{name}")).prefer(IGNORE).body(with(new, both)),
    ]);
    if *key != tenant {
        // The key belongs to the tenant: the same one may be made here, and tells nothing.
        let same = with(new, &[(key, other)]);
        probes.extend([
            probe("insert with other's key", post(), format!("/{name}")).body(same.clone()).prefer(""),
            probe("merge onto other's key", post(), format!("/{name}")).body(same.clone()).prefer(MERGE),
            probe("ignore onto other's key", post(), format!("/{name}")).body(same).prefer(IGNORE),
        ]);
    }
    if *name == "ticket_comments" {
        // The foreign key is checked below the policies.
        let on = |ticket: &str| json!({"ticket_id": ticket, "body": "new"});
        probes.push(probe("insert on other's ticket", post(), "/ticket_comments".to_owned()).body(on(
            &other.replace("5e92b7c3-104f-4d86-9c7a-d83f60b2a", "31d6f0a4-27be-4c19-b6e8-5a40c9d1e"),
        )));
        probes.push(
            probe("insert on no ticket", post(), "/ticket_comments".to_owned())
                .body(on("31d6f0a4-27be-4c19-b6e8-5a40c9d1e999")),
        );
    }
    probes
}

fn moves(relation: &Relation) -> Vec<Probe> {
    let Relation { name, key, own, .. } = relation;
    let Some(tenant) = relation.tenant else { return Vec::new() };
    let label = |what: &str| format!("{name}: {what}");
    vec![
        probe(&label("move by key"), Method::PATCH, format!("/{name}/{own}")).body(json!({tenant: OTHER})),
        probe(&label("move by filter"), Method::PATCH, format!("/{name}?{key}=eq.{own}"))
            .body(json!({tenant: OTHER})),
        probe(&label("move all, silently"), Method::PATCH, format!("/{name}"))
            .body(json!({tenant: OTHER}))
            .prefer("handling=strict, max-affected=1000"),
        probe(&label("insert for other tenant"), Method::POST, format!("/{name}"))
            .body(with(&relation.new, &[(tenant, &OTHER.to_string())]))
            .prefer(""),
    ]
}

fn selectors() -> Vec<Probe> {
    let in_header = |tenant: Uuid| Some(tenant.to_string());
    vec![
        probe("own tenant in the path", Method::GET, format!("/{OWN}/items")),
        probe("other tenant in the path", Method::GET, format!("/{OTHER}/items")).like_absent(),
        Probe {
            header: in_header(OWN),
            ..probe("own tenant in the header", Method::GET, "/items".to_owned())
        },
        Probe {
            header: in_header(OTHER),
            ..probe("other tenant in the header", Method::GET, "/items".to_owned()).like_absent()
        },
        Probe {
            header: in_header(OTHER),
            ..probe("own in the path, other in the header", Method::GET, format!("/{OWN}/items"))
                .like_absent()
        },
    ]
}

struct World {
    server: Server,
    superuser: Client,
    secrets: BTreeSet<String>,
}

impl World {
    /// Tries a probe as each role, and writes what came of it as one line.
    async fn line(&self, text: &mut String, probe: &Probe, relation: &Relation) {
        let _ = write!(text, "{:<44}", probe.label);
        for (role, token) in roles() {
            let what = format!("{}, {role}: {}", relation.name, probe.label);
            let answer = self.send(probe, &token, &what).await;
            let changed = self.restore().await;
            let mut cell = cell(&answer);
            if changed > 0 {
                let _ = write!(cell, " changed {changed}");
                assert!(answer.status < 400, "{what}: a refusal changed rows");
            }
            if probe.like_absent {
                let absent = self.send(&probe.about_absent(relation), &token, &what).await;
                self.restore().await;
                let anonymous = |answer: &Answer| {
                    let text = answer.text.replace(&relation.other, "KEY").replace(&relation.absent, "KEY");
                    let mut headers: Vec<_> = answer
                        .headers
                        .iter()
                        .filter(|(name, _)| {
                            !matches!(name.as_str(), "date" | "x-request-id" | "content-length")
                        })
                        .map(|(name, value)| format!("{name}: {value:?}"))
                        .collect();
                    headers.sort();
                    (answer.status, headers, text)
                };
                assert_eq!(anonymous(&answer), anonymous(&absent), "{what}: not as if there were none");
            }
            let _ = write!(text, "{cell:<18}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }

    async fn send(&self, probe: &Probe, token: &Token, what: &str) -> Answer {
        let mut request = self.server.request(probe.method.clone(), &probe.path).token(token);
        if !probe.prefer.is_empty() {
            request = request.prefer(probe.prefer);
        }
        if let Some(tenant) = &probe.header {
            request = request.header("x-tenant-id", tenant);
        }
        if let Some(body) = &probe.body {
            request = request.json(body.clone());
        }
        let answer = request.send().await;
        assert!(answer.status < 500, "{what}: {answer:?}");
        let said = probe.said();
        for secret in self.secrets.iter().filter(|secret| !said.contains(*secret)) {
            assert!(!answer.text.contains(secret), "{what} shows {secret:?}: {answer:?}");
            let in_headers =
                answer.headers.values().any(|value| value.to_str().unwrap_or("").contains(secret));
            assert!(!in_headers, "{what} shows {secret:?} in a header: {answer:?}");
        }
        answer
    }

    /// Brings the own tenant's rows back to what they were, and says how many were changed.
    async fn restore(&self) -> i64 {
        let mut count = Vec::new();
        let mut bring_back = String::new();
        for (table, tenant) in TABLES {
            let saved = saved(table);
            let (now, then) = (
                format!("select * from {table} where {tenant} = '{OWN}'"),
                format!("select * from {saved} where {tenant} = '{OWN}'"),
            );
            count.push(format!(
                "greatest((select count(*) from ({now} except {then}) as n), (select count(*) from ({then} except {now}) as n))"
            ));
            bring_back.push_str(&format!(
                "delete from {table} where {tenant} = '{OWN}'; insert into {table} {then};"
            ));
        }
        let changed: i64 =
            self.superuser.query_one(&format!("select {}", count.join(" + ")), &[]).await.unwrap().get(0);
        if changed > 0 {
            // Without triggers and foreign keys.
            let text = format!("begin; set local session_replication_role = replica; {bring_back} commit");
            self.superuser.batch_execute(&text).await.unwrap();
        }
        changed
    }
}

/// `200 5 rows`, `404 TEN010`.
fn cell(answer: &Answer) -> String {
    let mut cell = answer.status.to_string();
    if answer.status >= 300 {
        return if answer.text.is_empty() { cell } else { format!("{cell} {}", answer.code()) };
    }
    if answer.text.is_empty() {
        if let Some(range) = answer.header("content-range") {
            let _ = write!(cell, " {range}");
        }
        return cell;
    }
    let rows = answer.json().as_array().map_or(1, Vec::len);
    let _ = write!(cell, " [{rows}]");
    cell
}

fn saved(table: &str) -> String {
    format!("saved.{}", table.split_once('.').unwrap().1)
}

async fn save(superuser: &Client) {
    superuser.batch_execute("create schema saved").await.unwrap();
    for (table, _) in TABLES {
        superuser.batch_execute(&format!("create table {} as table {table}", saved(table))).await.unwrap();
    }
}

/// A checksum of each table without the own tenant's rows.
async fn checksums(superuser: &Client) -> Vec<(String, String)> {
    let mut checksums = Vec::new();
    let global = [(GLOBAL, "'00000000-0000-0000-0000-000000000000'::uuid")];
    for (table, tenant) in TABLES.iter().chain(&global) {
        let query = format!(
            "select count(*) || ' rows, ' || md5(string_agg(t::text, '|' order by t::text)) from {table} as t
            where {tenant} <> '{OWN}'"
        );
        checksums.push(((*table).to_owned(), superuser.query_one(&query, &[]).await.unwrap().get(0)));
    }
    checksums
}

/// Every id and text of the other tenant's rows that the own tenant's rows do not have too.
async fn secrets(superuser: &Client) -> BTreeSet<String> {
    let mut theirs = BTreeSet::new();
    let mut ours = BTreeSet::new();
    for (table, tenant) in TABLES {
        for (whose, set) in [(OTHER, &mut theirs), (OWN, &mut ours)] {
            let query = format!("select to_jsonb(t)::text from {table} as t where {tenant} = $1");
            for row in superuser.query(&query, &[&whose]).await.unwrap() {
                let row: Value = serde_json::from_str(row.get(0)).unwrap();
                // A word of five letters may be anybody's.
                let texts = row.as_object().unwrap().values().filter_map(Value::as_str);
                set.extend(texts.filter(|text| text.len() > 5).map(str::to_owned));
            }
        }
    }
    assert!(theirs.len() > 40, "there is something to be found");
    // Words of the schema, which error messages may name.
    theirs.retain(|text| !ours.contains(text) && !["solved", "secret", "member"].contains(&text.as_str()));
    theirs
}

/// What the request role sees and changes where no tenant, an empty one or an unknown one is set.
async fn raw(text: &mut String, database: &Database) {
    let _ = writeln!(text, "{:<44}{:<26}{:<26}unknown tenant", "", "no setting", "empty setting");
    for (table, tenant) in TABLES.iter().chain([&(GLOBAL, "id")]) {
        let _ = write!(text, "{table:<44}");
        for setting in [None, Some(""), Some(UNKNOWN)] {
            // A fresh connection each: after the first SET LOCAL a setting is empty and no longer unset.
            let app = database.app().await;
            app.batch_execute("begin").await.unwrap();
            if let Some(setting) = setting {
                let set = format!("set local app.current_tenant_id = '{setting}'");
                app.batch_execute(&set).await.unwrap();
            }
            let seen: i64 =
                app.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
            let mut changed = Vec::new();
            for write in [
                format!("delete from {table} where {tenant} = '{OTHER}'"),
                format!("delete from {table}"),
                format!("insert into {table} ({tenant}) values ('{OTHER}')"),
            ] {
                app.batch_execute("savepoint s").await.unwrap();
                changed.push(match app.execute(&write, &[]).await {
                    Ok(rows) => rows.to_string(),
                    Err(error) => error.code().map_or("?", |code| code.code()).to_owned(),
                });
                app.batch_execute("rollback to s").await.unwrap();
            }
            app.batch_execute("rollback").await.unwrap();
            if *table != GLOBAL {
                assert_eq!(seen, 0, "{table} shows rows with {setting:?}");
            }
            let cell = format!("{seen}; {}", changed.join(" "));
            let _ = write!(text, "{cell:<26}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
}

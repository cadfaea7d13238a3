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

use crate::support::{Answer, DUNDER, Database, PAWNEE, Server, ServerOptions, Token};

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
    ("api.safes", "tenant_id"),
    ("api.people", "tenant_id"),
    ("api.labels", "tenant_id"),
    ("api.item_labels", "tenant_id"),
];

/// What the demo has not: a junction, a view, a computed field and two computed relationships.
const SHAPES: &str = r#"
create table api.labels (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    id text not null,
    name text,
    constraint labels_pkey primary key (tenant_id, id)
);
create table api.item_labels (
    tenant_id uuid not null default tenancy.current_tenant_id(),
    item_id uuid not null,
    label_id text not null,
    constraint item_labels_pkey primary key (tenant_id, item_id, label_id),
    constraint item_labels_item_fkey foreign key (tenant_id, item_id) references api.items (tenant_id, id) on delete cascade,
    constraint item_labels_label_fkey foreign key (tenant_id, label_id) references api.labels (tenant_id, id) on delete cascade
);
create view api.titled with (security_invoker) as select i.title, i.id, i.tenant_id from api.items as i;
grant select, insert, update, delete on api.titled to rowhouse_app;
create function api.loud_title(item api.items) returns text language sql stable
    return pg_catalog.upper(item.title);
create function api.siblings(item api.items) returns setof api.items language sql stable
    begin atomic select i.* from api.items as i where i.id <> item.id; end;
create function api.namesake(label api.labels) returns setof api.items rows 1 language sql stable
    begin atomic select i.* from api.items as i where i.title = label.name; end;
create function api.relabel(label_id text, name text) returns setof api.labels language sql volatile
    begin atomic
        update api.labels as l set name = relabel.name where l.id = relabel.label_id returning l.*;
    end;
grant execute on all functions in schema api to rowhouse_app;
"#;

const SHAPED_ROWS: &str = "
insert into api.labels (tenant_id, id, name) values
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 'label-of-ours', 'pit'),
    ('7a245486-3fc8-47ec-b303-04fefe7a58ff', 'shared-label', 'park'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 'shared-label', 'Paper of theirs'),
    ('162be16f-4c1d-4b0e-9a53-6f7d20c8e915', 'label-of-theirs', 'Toner of theirs');
insert into api.item_labels (tenant_id, item_id, label_id)
    select i.tenant_id, i.id, l.id from api.items as i inner join api.labels as l on l.tenant_id = i.tenant_id
    where l.id <> 'label-of-ours';
";

const GLOBAL: &str = "api.newsfeed_items";

#[tokio::test]
async fn no_role_reaches_another_tenants_rows_by_any_verb() {
    let database = Database::demo().await;
    database.as_owner(SHAPES).await;
    for table in ["api.labels", "api.item_labels"] {
        isolate(&database, table).await;
    }
    database.sql(SHAPED_ROWS).await;
    let superuser = database.superuser().await;
    save(&superuser).await;
    let before = checksums(&superuser).await;
    let options = ServerOptions::default().set("aggregates", true);
    let mut world = World {
        server: Server::with(&database, options).await,
        secrets: secrets(&superuser).await,
        superuser,
    };

    let mut text = String::new();
    for relation in relations(&world.superuser).await {
        let _ = writeln!(text, "## {}\n", relation.name);
        heading(&mut text);
        for probe in probes(&relation).into_iter().chain(world.conditional(&relation).await) {
            world.line(&mut text, &probe, &relation).await;
        }
        text.push('\n');
    }
    for relation in relations(&world.superuser).await {
        let shapes = shapes(&relation);
        if !shapes.is_empty() {
            let _ = writeln!(text, "## Shapes of {}\n", relation.name);
            heading(&mut text);
            for probe in shapes {
                world.line(&mut text, &probe, &relation).await;
            }
            text.push('\n');
        }
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

/// Makes `table` each tenant's own, and the request role may do with it what the demo's tables let it.
async fn isolate(database: &Database, table: &str) {
    let ddl = format!(
        "alter table {table} enable row level security; alter table {table} force row level security;
        create policy all_tenant on {table} for all to rowhouse_app
            using (tenant_id = (select tenancy.current_tenant_id()))
            with check (tenant_id = (select tenancy.current_tenant_id()));
        grant select, insert, update, delete on {table} to rowhouse_app;
        select tenancy.declare('{table}', 'tenant', 'For a test.');"
    );
    database.as_owner(&ddl).await;
}

/// The claims that the documents' policies ask for, so that it is not for want of them that nothing is seen.
fn strong(token: Token) -> Token {
    token
        .claim("department", "sales")
        .claim("amr", json!(["pwd", "otp"]))
        .permissions(&["documents:write", "documents:delete"])
}

/// Who tries.
fn roles() -> [(&'static str, Token); 4] {
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
        let _ = write!(text, "{role:<20}");
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
    let safe = |last: &str| format!("95bd4e28-cf16-4ea3-b2d7-4f8069e1c{last}");
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
                "select=id,items(*),links(*),support_tickets(*,ticket_comments(*)),documents(*),people(*)",
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
            name: "safes",
            tenant,
            key: "id",
            own: safe("201"),
            other: safe("301"),
            absent: safe("999"),
            new: json!({"title": "new"}),
            change: json!({"title": "changed"}),
            embeds: &["select=*,tenants(*)", "select=*,tenants!inner(*)&tenants.id=eq.OTHER"],
        },
        Relation {
            name: "people",
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
            name: "labels",
            tenant,
            key: "id",
            own: "label-of-ours".to_owned(),
            other: "label-of-theirs".to_owned(),
            absent: "label-of-nobody".to_owned(),
            new: json!({"id": "label-to-be", "name": "new"}),
            change: json!({"name": "changed"}),
            embeds: &[
                "select=*,items(*),item_labels(*,items(*)),namesake(*)",
                "select=*,items!inner(*)&items.tenant_id=eq.OTHER",
            ],
        },
        // A view.
        Relation {
            name: "titled",
            tenant,
            key: "id",
            own: one(item, OWN).await,
            other: one(item, OTHER).await,
            absent: UNKNOWN.to_owned(),
            new: json!({"title": "new"}),
            change: json!({"title": "changed"}),
            embeds: &[
                "select=*,labels(*),item_labels(*)",
                "select=*,labels!inner(*)&labels.tenant_id=eq.OTHER",
            ],
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
    /// JSON, or where it is a text CSV.
    body: Option<Value>,
    /// `X-Tenant-Id`.
    header: Option<String>,
    /// Another header.
    more: Option<(&'static str, String)>,
    /// It names the other's key, and must be answered as if nobody had that.
    like_absent: bool,
}

fn probe(label: &str, method: Method, path: String) -> Probe {
    let prefer = if method == Method::GET { "" } else { "return=representation" };
    let label = label.to_owned();
    Probe { label, method, path, prefer, body: None, header: None, more: None, like_absent: false }
}

impl Probe {
    fn header(self, name: &'static str, value: &str) -> Self {
        Probe { more: Some((name, value.to_owned())), ..self }
    }

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
            more: self.more.clone(),
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

/// One row as CSV.
fn csv(row: &Value) -> Value {
    let row = row.as_object().unwrap();
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let values: Vec<&str> = row.values().map(|value| value.as_str().unwrap()).collect();
    json!(format!("{}\n{}\n", names.join(","), values.join(",")))
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
        probe("list, counted", get(), format!("/{name}")).prefer("count=exact"),
        probe("list as CSV", get(), format!("/{name}")).header("accept", "text/csv"),
        probe("list as NDJSON", get(), format!("/{name}")).header("accept", "application/x-ndjson"),
        probe("aggregate", get(), format!("/{name}?select=count()")),
        probe("methods", Method::OPTIONS, format!("/{name}/{own}")),
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
        probe("put own", Method::PUT, format!("/{name}/{own}")).body(new.clone()),
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
        probe("aggregate of other tenant", get(), format!("/{name}?select=count()&{tenant}=eq.{OTHER}")),
        probe("aggregate by tenant", get(), format!("/{name}?select={tenant},count()")),
        probe("other's as CSV", get(), format!("/{name}?{key}=eq.{other}"))
            .header("accept", "text/csv")
            .like_absent(),
        probe("other's as NDJSON", get(), format!("/{name}/{other}"))
            .header("accept", "application/x-ndjson")
            .like_absent(),
        probe("methods of other's", Method::OPTIONS, format!("/{name}/{other}")).like_absent(),
        probe("insert for other tenant", post(), format!("/{name}")).body(with(new, named)),
        probe("insert for other tenant, CSV", post(), format!("/{name}")).body(csv(&with(new, named))),
        probe("insert for both", post(), format!("/{name}"))
            .body(json!([with(new, &[(tenant, &OWN.to_string())]), with(new, named)])),
        probe("update other's by key", patch(), format!("/{name}/{other}"))
            .body(change.clone())
            .like_absent(),
        probe("update other's by filter", patch(), format!("/{name}?{key}=eq.{other}"))
            .body(change.clone())
            .like_absent(),
        probe("update own and other's, each", patch(), format!("/{name}"))
            .body(json!([with(change, &[(key, own)]), with(change, &[(key, other)])]))
            .prefer("count=exact")
            .like_absent(),
        probe("update other's, named", patch(), format!("/{name}")).body(json!([with(change, both)])),
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
            probe("put other's key", Method::PUT, format!("/{name}/{other}"))
                .body(new.clone())
                .prefer("")
                .like_absent(),
            probe("put other's, named", Method::PUT, format!("/{name}?{key}=eq.{other}&{tenant}=eq.{OTHER}"))
                .body(with(new, both))
                .prefer(""),
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

/// What only some relations have.
fn shapes(relation: &Relation) -> Vec<Probe> {
    let Relation { name, own, other, .. } = relation;
    let get = |label, path: String| probe(label, Method::GET, path.replace("OTHER", &OTHER.to_string()));
    let post = |label, path: &str, body: Value| probe(label, Method::POST, path.to_owned()).body(body);
    let inner = |path: &str| format!("/{name}?{path}.id=eq.{other}");
    match *name {
        "items" => vec![
            get("through a junction", "/items?select=title,labels(*)".to_owned()),
            get("through a junction, counted", "/items?select=title,labels(count())".to_owned()),
            get(
                "by other's through a junction",
                "/labels?select=id,items!inner(id)&items.id=eq.".to_owned() + other,
            )
            .like_absent(),
            get("spread", "/items?select=title,...labels(name)".to_owned()),
            get("spread of one, twice", "/item_labels?select=...items(title),...labels(name)".to_owned()),
            get("counted by a spread", "/item_labels?select=count(),...labels(name)".to_owned()),
            get("computed field", "/items?select=loud_title&order=loud_title".to_owned()),
            get("by computed field", "/items?loud_title=like.*A*".to_owned()),
            get("computed relationship", "/items?select=siblings(id,tenant_id,labels(name))".to_owned()),
            get("other's by computed relationship", inner("select=id,siblings!inner(id)&siblings"))
                .like_absent(),
            get("view behind a junction", inner("select=id,labels(titled(id))&labels.titled")).like_absent(),
            get("a number from a function", "/rpc/items_total".to_owned()),
            get("values from a function", "/rpc/item_titles".to_owned()),
            get("rows from a function", "/rpc/search_items?query=&at_most=1000".to_owned())
                .prefer("count=exact"),
            get("other's from a function", format!("/rpc/search_items?query=&at_most=1000&id=eq.{other}"))
                .prefer("count=exact")
                .like_absent(),
            get("other tenant's from a function", "/rpc/search_items?query=&tenant_id=eq.OTHER".to_owned()),
            get(
                "embedded in a function's",
                "/rpc/search_items?query=&select=labels(*),siblings(*)".to_owned(),
            ),
            post("a function that inserts", "/rpc/add_item", json!({"title": "new"})),
            post(
                "a function for other tenant",
                "/rpc/import_items",
                json!([{"title": "new", "tenant_id": OTHER}]),
            ),
            post(
                "a row as an argument",
                "/rpc/loud_title",
                json!({"item": {"tenant_id": OTHER, "id": other}}),
            )
            .like_absent(),
            post("label on other's", "/item_labels", json!({"item_id": other, "label_id": "label-of-ours"}))
                .like_absent(),
            post(
                "label with its item",
                "/item_labels?select=*,items(*),labels(*)",
                json!({"item_id": own, "label_id": "label-of-ours"}),
            ),
            post(
                "nested on other's",
                "/labels",
                json!({"id": "new-label", "item_labels": [{"item_id": other}]}),
            )
            .like_absent(),
            post(
                "nested in several",
                "/labels",
                json!([
                    {"id": "new-label", "item_labels": [{"item_id": own}]},
                    {"id": "newer-label", "item_labels": [{"item_id": other}]},
                ]),
            )
            .like_absent(),
            post(
                "nested on own",
                "/labels?select=id,item_labels(item_id,items(title,labels(id)))",
                json!({"id": "new-label", "item_labels": [{"item_id": own}]}),
            ),
        ],
        "labels" => vec![
            get("namesake", "/labels?select=id,namesake(*)".to_owned()),
            get(
                "other's of the shared key",
                "/items?select=labels!inner(name)&labels.id=eq.shared-label".to_owned(),
            ),
            post(
                "nested with other's label",
                "/items",
                json!({"title": "new", "item_labels": [{"label_id": other}]}),
            )
            .like_absent(),
            post(
                "nested for other tenant",
                "/items",
                json!({"title": "new", "tenant_id": OTHER, "item_labels": [{"label_id": other}]}),
            )
            .like_absent(),
            post(
                "nested, each for other tenant",
                "/items",
                json!({"title": "new", "item_labels": [{"label_id": other, "tenant_id": OTHER}]}),
            )
            .like_absent(),
            post("a function that updates own", "/rpc/relabel", json!({"label_id": own, "name": "changed"})),
            post(
                "a function that updates other's",
                "/rpc/relabel",
                json!({"label_id": other, "name": "changed"}),
            )
            .like_absent(),
            post("bounded, other's", "/rpc/relabel", json!({"label_id": other, "name": "changed"}))
                .prefer("handling=strict, max-affected=0")
                .like_absent(),
        ],
        "support_tickets" => vec![
            post(
                "nested",
                "/support_tickets?select=subject,ticket_comments(body)",
                json!({"subject": "new", "ticket_comments": [{"body": "new"}]}),
            ),
            post(
                "nested on the other's key",
                "/support_tickets?select=subject,ticket_comments(body)",
                json!({"id": other, "subject": "new", "ticket_comments": [{"body": "new"}]}),
            )
            .like_absent(),
            post(
                "nested for other tenant",
                "/support_tickets",
                json!({"tenant_id": OTHER, "subject": "new", "ticket_comments": [{"body": "new"}]}),
            ),
            get("computed field", "/support_tickets?select=is_waiting".to_owned()),
            get("counted by a function", "/rpc/tickets_by_status".to_owned()),
            post("close own", "/rpc/close_ticket", json!({"ticket_id": own})),
            post("close other's", "/rpc/close_ticket", json!({"ticket_id": other})).like_absent(),
            post("escalate other's", "/rpc/escalate_ticket", json!({"ticket_id": other})).like_absent(),
        ],
        "links" => vec![
            get("follow own", format!("/{own}")),
            get("follow other's", format!("/{other}")).like_absent(),
            get("follow other's, called", format!("/rpc/follow_link?slug={other}")).like_absent(),
        ],
        _ => Vec::new(),
    }
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
    /// What is asked of the other's row by somebody who knows its version.
    async fn conditional(&self, relation: &Relation) -> Vec<Probe> {
        let Relation { name, own, other, new, change, .. } = relation;
        if other.is_empty() {
            return Vec::new();
        }
        let tag = async |tenant: Uuid, key: &str| {
            let token = strong(Token::new(tenant, "leslie.knope", "owner"));
            let answer = self.server.get(&format!("/{name}/{key}"), &token).send().await.is(200);
            answer.header("etag").unwrap().to_owned()
        };
        let (ours, theirs) = (tag(OWN, own).await, tag(OTHER, other).await);
        let mut probes = Vec::new();
        for (label, method, body) in [
            ("get", Method::GET, None),
            ("update", Method::PATCH, Some(change)),
            ("put", Method::PUT, Some(new)),
            ("delete", Method::DELETE, None),
        ] {
            let one = |what: &str, key: &str, header, value: &str| {
                let one = probe(&format!("{label} {what}"), method.clone(), format!("/{name}/{key}"));
                // A row that is made has a time of its own.
                let prefer = if label == "put" { "" } else { one.prefer };
                Probe { body: body.cloned(), prefer, ..one }.header(header, value)
            };
            probes.extend([
                one("own, if it matches", own, "if-match", &ours),
                one("own, if it is other's", own, "if-match", &theirs),
                one("other's, if it matches", other, "if-match", &theirs).like_absent(),
                one("other's, if it is there", other, "if-match", "*").like_absent(),
                one("other's, if it is none", other, "if-none-match", "*").like_absent(),
                one("other's, if it differs", other, "if-none-match", &theirs).like_absent(),
            ]);
        }
        probes
    }

    /// Tries a probe as each role, and writes what came of it as one line.
    async fn line(&self, text: &mut String, probe: &Probe, relation: &Relation) {
        let _ = write!(text, "{:<44}", probe.label);
        for (role, token) in roles() {
            let what = format!("{}, {role}: {}", relation.name, probe.label);
            let answer = self.send(probe, &token, &what).await;
            // What a read had changed, the next write would show.
            let reads = matches!(probe.method, Method::GET | Method::HEAD | Method::OPTIONS);
            let changed = if reads { 0 } else { self.restore().await };
            let mut cell = cell(&answer);
            if changed > 0 {
                let _ = write!(cell, " changed {changed}");
                assert!(answer.status < 400, "{what}: a refusal changed rows");
            }
            if probe.like_absent {
                let absent = self.send(&probe.about_absent(relation), &token, &what).await;
                if !reads {
                    self.restore().await;
                }
                let anonymous = |answer: &Answer| {
                    let anonymous =
                        |text: &str| text.replace(&relation.other, "KEY").replace(&relation.absent, "KEY");
                    let text = anonymous(&answer.text);
                    let mut headers: Vec<_> = answer
                        .headers
                        .iter()
                        .filter(|(name, _)| {
                            !matches!(name.as_str(), "date" | "x-request-id" | "content-length")
                        })
                        .map(|(name, value)| anonymous(&format!("{name}: {value:?}")))
                        .collect();
                    headers.sort();
                    (answer.status, headers, text)
                };
                assert_eq!(anonymous(&answer), anonymous(&absent), "{what}: not as if there were none");
            }
            let _ = write!(text, "{cell:<20}");
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
        if let Some((name, value)) = &probe.more {
            request = request.header(name, value);
        }
        match &probe.body {
            Some(Value::String(csv)) => request = request.text_body("text/csv", csv.clone()),
            Some(json) => request = request.json(json.clone()),
            None => {}
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
    // How many methods there are beside OPTIONS.
    if let Some(methods) = answer.header("allow") {
        let _ = write!(cell, " {}", methods.matches(',').count());
        return cell;
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.starts_with("application/json") && !answer.text.is_empty() {
        let _ = write!(cell, " [{}]", answer.text.lines().count());
        return cell;
    }
    if answer.text.is_empty() {
        if let Some(range) = answer.header("content-range") {
            let _ = write!(cell, " {range}");
        }
        return cell;
    }
    // Numbers of rows, where that is what is said of them.
    let json = answer.json();
    let number = json.as_i64().or_else(|| match json.as_array()?.as_slice() {
        [row] => row["count"].as_i64(),
        _ => None,
    });
    match number {
        Some(number) => write!(cell, " {number}"),
        None => write!(cell, " [{}]", json.as_array().map_or(1, Vec::len)),
    }
    .unwrap();
    if let Some(range) = answer.header("content-range").filter(|range| !range.ends_with("/*")) {
        let _ = write!(cell, " {range}");
    }
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

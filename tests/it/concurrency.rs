//! Many clients of many tenants on few connections, with everything going wrong at once: no row of another tenant, no
//! acknowledged write lost or doubled, and nothing left behind.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::{Database, Server, ServerOptions, Token, within};

const DURATION: Duration = Duration::from_secs(20);
const CLIENTS: usize = 200;
const TENANTS: usize = 40;
const ITEMS: usize = 20;

/// Every way in which a request may fail here; all are 503 or 504.
const EXPECTED: &[&str] = &["PGRST000", "PGRST001", "PGRST003", "57014", "57P01", "TEN030"];

/// Items of which some take their time: `nap` a little, `sleep` longer than the statement may.
const SLOW: &str = "
    create view api.slow_items with (security_invoker = true) as
    select id, title, tenant_id
    from api.items
    where case
        when title like 'nap%' then pg_catalog.pg_sleep(0.02)::text = ''
        when title like 'sleep%' then pg_catalog.pg_sleep(2)::text = ''
        else true
    end;
    grant select on api.slow_items to rowhouse_app;
    select tenancy.declare('api.slow_items', 'tenant', 'A test.');";

#[tokio::test]
async fn nothing_leaks_between_tenants_and_nothing_is_lost_under_load_and_failures() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    let database = Database::demo().await;
    database.as_owner(SLOW).await;
    let tenants = tenants(&database).await;
    let server = Server::with(
        &database,
        ServerOptions::default()
            .set("workers", 2)
            .set("pool_size", 4)
            .set("pool_wait_ms", 300)
            .set("statement_timeout_ms", 400)
            .set("cancel_grace_ms", 5)
            // Most answers are streamed.
            .set("stream_bytes_min", 1024),
    )
    .await;

    let world = Rc::new(World {
        ends: Instant::now() + DURATION,
        server,
        tenants,
        seen: RefCell::default(),
        attempted: RefCell::default(),
        acknowledged: RefCell::default(),
    });
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut clients = Vec::new();
            for number in 0..CLIENTS {
                let random = Random(seed + number as u64);
                clients.push(tokio::task::spawn_local(client(world.clone(), number, random)));
            }
            let killer = tokio::task::spawn_local(killer(world.ends, database.superuser().await));
            for client in clients {
                client.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
            killer.await.unwrap();
        })
        .await;

    println!("{:#?}", world.seen.borrow());
    assert!(world.seen.borrow()["200"] > 200, "seed {seed}: hardly anything was answered");
    nothing_is_left(&world.server, &database).await;
    every_acknowledged_write_is_there_once(&world, &database, seed).await;
    for tenant in &world.tenants {
        let answer =
            world.server.request(Method::GET, "/items").header("authorization", &tenant.bearer).send().await;
        assert!(answer.is(200).column("tenant_id").iter().all(|id| *id == tenant.id.to_string()));
    }
    let log = world.server.log();
    for fault in ["\"status\":500", "panicked"] {
        assert!(!log.iter().any(|line| line.contains(fault)), "seed {seed}: {fault} in the log");
    }
}

struct Tenant {
    id: Uuid,
    bearer: String,
}

/// What all clients share.
struct World {
    ends: Instant,
    server: Server,
    tenants: Vec<Tenant>,
    /// How often each outcome was seen.
    seen: RefCell<BTreeMap<String, usize>>,
    /// The titles that were sent, whatever became of them.
    attempted: RefCell<BTreeSet<(Uuid, String)>>,
    /// The titles that were answered 201, the answer whole.
    acknowledged: RefCell<BTreeSet<(Uuid, String)>>,
}

impl World {
    fn saw(&self, outcome: &str) {
        *self.seen.borrow_mut().entry(outcome.to_owned()).or_default() += 1;
    }
}

async fn tenants(database: &Database) -> Vec<Tenant> {
    let superuser = database.superuser().await;
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let id = Uuid::new_v4();
        let slug = format!("load-{number}");
        superuser
            .execute("insert into tenancy.tenants (id, slug, name) values ($1, $2, $2)", &[&id, &slug])
            .await
            .unwrap();
        for item in 0..ITEMS {
            let kind = ["plain", "nap", "plain", "plain", "sleep"][item % 5];
            superuser
                .execute(
                    "insert into api.items (title, tenant_id) values ($1, $2)",
                    &[&format!("{kind} {item} of {slug}"), &id],
                )
                .await
                .unwrap();
        }
        let bearer = format!("Bearer {}", Token::new(id, "load", "member").sign());
        tenants.push(Tenant { id, bearer });
    }
    tenants
}

async fn client(world: Rc<World>, number: usize, mut random: Random) {
    let mut round = 0;
    while Instant::now() < world.ends {
        round += 1;
        let tenant = &world.tenants[random.below(TENANTS)];
        let title = format!("new {number} {round} of {}", tenant.id);
        let sent = Sent::choose(&mut random, title);
        if let Some(title) = &sent.creates {
            world.attempted.borrow_mut().insert((tenant.id, title.clone()));
        }
        match random.below(10) {
            0 | 1 => {
                let patience = Duration::from_millis(random.below(80) as u64);
                let answering = one(&world, tenant, &sent);
                if tokio::time::timeout(patience, answering).await.is_err() {
                    world.saw("hung up");
                }
            }
            2 => {
                raw_hang_up(&world.server.address, tenant, &sent, &mut random).await;
                world.saw("hung up, raw");
            }
            _ => one(&world, tenant, &sent).await,
        }
        tokio::time::sleep(Duration::from_millis(random.below(30) as u64)).await;
    }
}

/// One request.
struct Sent {
    method: Method,
    path: String,
    prefer: Option<&'static str>,
    body: Option<Value>,
    creates: Option<String>,
}

impl Sent {
    fn choose(random: &mut Random, title: String) -> Self {
        let read = |path: &str, prefer| Sent {
            method: Method::GET,
            path: path.to_owned(),
            prefer,
            body: None,
            creates: None,
        };
        match random.below(12) {
            0..=2 => read("/items", None),
            3 => read("/items?limit=5&order=title", Some("count=exact")),
            4 => read("/tenants?select=id,items(id,title,tenant_id)", None),
            5 => read("/slow_items?title=like.nap*", None),
            6 => read("/slow_items?title=like.sleep*", None),
            7 => Sent {
                method: Method::PATCH,
                path: format!("/items?title=like.plain%20{}%20*", 2 + random.below(2)),
                // Its row count decides: two round trips.
                prefer: Some("handling=strict, max-affected=0"),
                body: Some(json!({"title": "changed all the same"})),
                creates: None,
            },
            _ => Sent {
                method: Method::POST,
                path: "/items".to_owned(),
                prefer: [None, Some("return=representation"), Some("return=headers-only")][random.below(3)],
                body: Some(json!({"title": title})),
                creates: Some(title),
            },
        }
    }
}

/// Sends a request and judges its answer.
async fn one(world: &World, tenant: &Tenant, sent: &Sent) {
    let mut request =
        world.server.request(sent.method.clone(), &sent.path).header("authorization", &tenant.bearer);
    if let Some(prefer) = sent.prefer {
        request = request.prefer(prefer);
    }
    if let Some(body) = &sent.body {
        request = request.json(body.clone());
    }
    let response = request.raw().await.expect("the service answers");
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key("retry-after");
    let Ok(text) = response.text().await else {
        // Only a success can break off: an error is sent whole.
        assert!((200..300).contains(&status), "{status} broke off");
        return world.saw("broken off");
    };
    match status {
        200 | 201 | 206 => {
            world.saw(&status.to_string());
            if !text.is_empty() {
                all_of(&text, tenant.id);
            }
            if let (201, Some(title)) = (status, &sent.creates) {
                world.acknowledged.borrow_mut().insert((tenant.id, title.clone()));
            }
        }
        400 if sent.method == Method::PATCH => {
            assert!(text.contains("PGRST124"), "{text}");
            world.saw("vetoed");
        }
        _ => {
            let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
            let code = error["code"].as_str().unwrap_or_default();
            assert!(matches!(status, 503 | 504) && EXPECTED.contains(&code), "{status}: {text}");
            assert_eq!(status == 503, retry_after, "{status}: {text}");
            // Nobody cancels what somebody still waits for.
            assert!(!text.contains("user request"), "another request's cancel: {text}");
            world.saw(code);
        }
    }
}

/// Asserts that every `tenant_id` and every title of a new item is the tenant's.
fn all_of(text: &str, tenant: Uuid) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    let mut rows: Vec<&Value> = value.as_array().expect("rows").iter().collect();
    while let Some(row) = rows.pop() {
        match row.get("items") {
            Some(items) => {
                assert_eq!(row["id"], tenant.to_string(), "{text}");
                rows.extend(items.as_array().expect("rows"));
            }
            None => assert_eq!(row["tenant_id"], tenant.to_string(), "{text}"),
        }
    }
}

/// Sends a request over a connection of its own, and closes that, perhaps at once.
async fn raw_hang_up(address: &str, tenant: &Tenant, sent: &Sent, random: &mut Random) {
    let body = sent.body.as_ref().map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nprefer: {}\r\n\r\n{body}",
        sent.method,
        sent.path,
        tenant.bearer,
        body.len(),
        sent.prefer.unwrap_or("return=minimal"),
    );
    // Sometimes a part of it only.
    let length = if random.below(4) == 0 { random.below(head.len()) } else { head.len() };
    let mut stream = TcpStream::connect(address).await.expect("the service listens");
    let _ = stream.write_all(&head.as_bytes()[..length]).await;
    tokio::time::sleep(Duration::from_millis(random.below(20) as u64)).await;
}

/// Ends a backend of the service every now and then, whatever it does.
async fn killer(ends: Instant, superuser: tokio_postgres::Client) {
    while Instant::now() < ends {
        superuser
            .execute(
                "select pg_terminate_backend(pid) from (
                    select pid from pg_stat_activity
                    where datname = current_database() and application_name = 'rowhouse'
                    order by random() limit 1
                ) as victim",
                &[],
            )
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

async fn nothing_is_left(server: &Server, database: &Database) {
    let superuser = database.superuser().await;
    within(Duration::from_secs(10), "every connection is idle outside a transaction", || async {
        let busy: i64 = superuser
            .query_one(
                "select count(*) from pg_stat_activity where datname = current_database()
                    and application_name = 'rowhouse' and (state <> 'idle' or xact_start is not null)",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        busy == 0
    })
    .await;
    within(Duration::from_secs(10), "no connection is in use, no request waits", || async {
        let metrics = server.admin("/metrics").await.is(200).text;
        ["rowhouse_pool_in_use 0", "rowhouse_pool_waiting 0"]
            .iter()
            .all(|gauge| metrics.lines().any(|line| line == *gauge))
    })
    .await;
}

async fn every_acknowledged_write_is_there_once(world: &World, database: &Database, seed: u64) {
    let rows = database
        .superuser()
        .await
        .query("select tenant_id, title, count(*) from api.items group by 1, 2", &[])
        .await
        .unwrap();
    let mut stored: BTreeMap<(Uuid, String), i64> = BTreeMap::new();
    for row in rows {
        stored.insert((row.get(0), row.get(1)), row.get(2));
    }
    let acknowledged = world.acknowledged.borrow();
    assert!(acknowledged.len() > 50, "seed {seed}: hardly anything was written");
    for write in acknowledged.iter() {
        assert_eq!(stored.get(write), Some(&1), "seed {seed}: {write:?} was answered 201");
    }
    for (write, count) in &stored {
        let known = world.attempted.borrow().contains(write);
        assert!(known || !write.1.starts_with("new"), "seed {seed}: {write:?} was never sent so");
        assert_eq!(*count, 1, "seed {seed}: {write:?}");
        assert_ne!(write.1, "changed all the same", "seed {seed}: a vetoed write was committed");
    }
}

/// SplitMix64: small, and the same for the same seed everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

//! Clients that hang up or take their time, statements that run too long, a Postgres that does not answer or is gone.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use rowhouse::config::Config;
use rowhouse::db::DatabaseUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::support::{Database, PAWNEE, Server, ServerOptions, Token, eventually, within};

/// Views over the items that take their time, are large, or break late.
const VIEWS: &str = "
    create view api.naps with (security_invoker = true) as
    select id, tenant_id from api.items where pg_catalog.pg_sleep(0.002)::text = '';
    create view api.sleeps with (security_invoker = true) as
    select id, tenant_id from api.items where pg_catalog.pg_sleep(60)::text = '';
    create view api.wide with (security_invoker = true) as
    select i.tenant_id, n, pg_catalog.repeat('x', 1000) as filler
    from api.items as i cross join pg_catalog.generate_series(1, 40000) as n;
    create view api.breaks_late with (security_invoker = true) as
    select i.tenant_id, n, pg_catalog.repeat('x', 1000) as filler, 1 / (30000 - n) as fraction
    from api.items as i cross join pg_catalog.generate_series(1, 40000) as n;
    create view api.stalls_late with (security_invoker = true) as
    select i.tenant_id, n, pg_catalog.repeat('x', 1000) as filler,
        case when n = 2000 then pg_catalog.pg_sleep(60)::text end as nap
    from api.items as i cross join pg_catalog.generate_series(1, 40000) as n;
    grant select on api.naps, api.sleeps, api.wide, api.breaks_late, api.stalls_late to rowhouse_app;
    select tenancy.declare(v, 'tenant', 'A test.')
    from unnest('{api.naps,api.sleeps,api.wide,api.breaks_late,api.stalls_late}'::regclass[]) as v;";

/// One connection, so that whoever holds it holds them all.
fn one_connection() -> ServerOptions {
    ServerOptions::default().set("pool_size", 1).set("rows_max", 0)
}

async fn with_views() -> Database {
    let database = Database::demo().await;
    database.as_owner(VIEWS).await;
    database
}

/// What the pooled backends do, by the superuser's view: one line each, `pid state query`.
async fn backends(database: &Database) -> Vec<(i32, String, String)> {
    database
        .superuser()
        .await
        .query(
            "select pid, coalesce(state, ''), query from pg_stat_activity where datname = current_database()
                and application_name = 'rowhouse' and query <> 'listen rowhouse' order by pid",
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

async fn running(database: &Database, part: &str) -> bool {
    backends(database).await.iter().any(|(_, state, query)| state == "active" && query.contains(part))
}

async fn all_idle(database: &Database) -> bool {
    backends(database).await.iter().all(|(_, state, _)| state == "idle")
}

/// The sum of a metric over its labels; 0 where it is not there yet.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.admin("/metrics").await.is(200).text;
    text.lines()
        .filter(|line| line.split([' ', '{']).next() == Some(name))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

async fn connection_is_free(server: &Server) {
    within(Duration::from_secs(8), "no connection is in use", || async {
        metric(server, "rowhouse_pool_in_use").await == 0.0
    })
    .await;
}

/// Sends a request over a connection of its own, whose rest is the caller's.
async fn send_raw(server: &Server, method: Method, path: &str, body: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n{more}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        Token::leslie().sign(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_hang_up_cancels_the_statement_and_the_connection_is_used_again() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection()).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    let before = backends(&database).await;

    let waiting = send_raw(&server, Method::GET, "/sleeps", "", "").await;
    eventually("the statement runs", || running(&database, "sleeps")).await;
    drop(waiting);
    within(Duration::from_secs(20), "the statement is cancelled", || all_idle(&database)).await;

    assert_eq!(metric(&server, "rowhouse_cancels_total").await, 1.0);
    server.get("/items", &Token::leslie()).send().await.is(200);
    assert_eq!(backends(&database).await[0].0, before[0].0, "the same backend serves on");
    connection_is_free(&server).await;
}

#[tokio::test]
async fn a_cancel_does_not_hit_the_next_request_on_the_connection() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("cancel_grace_ms", 0)).await;
    for round in 0..200 {
        // Cancelled anywhere between its statement and what comes after its COMMIT.
        let waiting = send_raw(&server, Method::GET, "/naps", "", "").await;
        tokio::time::sleep(Duration::from_micros(5000 + 200 * (round % 40))).await;
        drop(waiting);
        server.get("/naps", &Token::leslie()).send().await.is(200);
    }
    assert!(metric(&server, "rowhouse_cancels_total").await > 0.0, "nothing was cancelled");
}

#[tokio::test]
async fn a_connection_counts_as_in_use_until_it_is_settled() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("cancel_grace_ms", 1500)).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    let waiting = send_raw(&server, Method::GET, "/sleeps", "", "").await;
    eventually("the statement runs", || running(&database, "sleeps")).await;
    drop(waiting);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(running(&database, "sleeps").await, "the grace has not passed");
    assert_eq!(metric(&server, "rowhouse_pool_in_use").await, 1.0);
    connection_is_free(&server).await;
}

#[tokio::test]
async fn a_hang_up_in_the_middle_of_a_write_leaves_no_transaction_open() {
    let database = Database::demo().await;
    database
        .as_owner(
            "create function api.wait() returns trigger language plpgsql as
                $$ begin perform pg_catalog.pg_sleep(60); return new; end $$;
            create trigger wait before insert or update on api.items for each row
                when (new.title like 'slow%') execute function api.wait();
            grant execute on function api.wait() to rowhouse_app;",
        )
        .await;
    let server = Server::with(&database, one_connection()).await;
    // The second decides by its row count, so that its COMMIT is not sent with it.
    for (method, path, more) in [
        (Method::POST, "/items", ""),
        (Method::PATCH, "/items?title=eq.art-fair", "prefer: handling=strict, max-affected=3\r\n"),
    ] {
        let waiting = send_raw(&server, method, path, r#"{"title": "slow"}"#, more).await;
        eventually("the statement runs", || running(&database, "items")).await;
        drop(waiting);
        within(Duration::from_secs(20), "no transaction is open", || all_idle(&database)).await;
        server.get("/items", &Token::leslie()).send().await.is(200);
    }
    assert_eq!(database.count("select count(*) from api.items where title = 'slow'").await, 0);
    connection_is_free(&server).await;
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_503_with_57014() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("statement_timeout_ms", 300)).await;
    let answer = server.get("/sleeps", &Token::leslie()).send().await.fails(503, "57014");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.get("/items", &Token::leslie()).send().await.is(200);
    connection_is_free(&server).await;
}

#[tokio::test]
async fn an_exhausted_pool_is_503_with_retry_after_once_the_wait_is_over() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("pool_wait_ms", 200)).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    let waiting = send_raw(&server, Method::GET, "/sleeps", "", "").await;
    eventually("the statement runs", || running(&database, "sleeps")).await;

    let started = Instant::now();
    let answer = server.get("/items", &Token::leslie()).send().await.fails(503, "PGRST003");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(200) && waited < Duration::from_secs(8), "{waited:?}");
    drop(waiting);
    connection_is_free(&server).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_no_connection_beyond_the_deadline() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("statement_timeout_ms", 700)).await;
    let mut stalled = send_raw(&server, Method::GET, "/wide", "", "").await;
    let mut start = [0; 4096];
    stalled.read_exact(&mut start).await.unwrap();
    assert!(start.starts_with(b"HTTP/1.1 200"), "it is streamed");

    within(Duration::from_secs(20), "the statement is cancelled", || all_idle(&database)).await;
    connection_is_free(&server).await;
    server.get("/items", &Token::leslie()).send().await.is(200);

    // Nor is it told that what it got is the whole.
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(8), stalled.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_a_stream_cancels_the_statement() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection()).await;
    for path in ["/wide", "/stalls_late"] {
        let mut response = server.get(path, &Token::leslie()).raw().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut taken = 0;
        while taken < 500_000 {
            taken += response.chunk().await.unwrap().expect("there is more").len();
        }
        drop(response);
        within(Duration::from_secs(20), "the statement is cancelled", || all_idle(&database)).await;
        connection_is_free(&server).await;
    }
    server.get("/items", &Token::leslie()).send().await.is(200);
}

#[tokio::test]
async fn a_streamed_answer_that_fails_midway_is_broken_off() {
    let database = with_views().await;
    let server = Server::with(&database, one_connection().set("statement_timeout_ms", 3000)).await;
    for path in ["/breaks_late", "/stalls_late"] {
        let mut stream = send_raw(&server, Method::GET, path, "", "").await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(8), stream.read_to_end(&mut answer)).await;
        let _ = read.expect("it ends");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..200]));
        assert!(!answer.ends_with(b"0\r\n\r\n"), "{path} must not look whole");
        connection_is_free(&server).await;
        server.get("/items", &Token::leslie()).send().await.is(200);
    }
}

/// A proxy in front of Postgres that hands on so many bytes of its answers, and then nothing in either direction.
struct Proxy {
    url: String,
    left: Arc<AtomicI64>,
}

impl Proxy {
    async fn start(database: &Database) -> Self {
        let url = database.app_url();
        let (login, rest) = url.rsplit_once('@').unwrap();
        let (host, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxied = format!("{login}@{}/{name}", listener.local_addr().unwrap());
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let (host, budget) = (host.to_owned(), left.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&host).await else { continue };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                tokio::spawn(hand_on(client_read, server_write, budget.clone(), 0));
                tokio::spawn(hand_on(server_read, client_write, budget.clone(), 1));
            }
        });
        Self { url: proxied, left }
    }

    /// Hands on `bytes` more of the answers, then stalls.
    fn stall_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    fn recover(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }
}

async fn hand_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    left: Arc<AtomicI64>,
    counted: i64,
) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        while left.load(Ordering::SeqCst) <= 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        left.fetch_sub(counted * read as i64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_postgres_that_does_not_answer_is_504_at_the_deadline_and_the_pool_recovers() {
    let database = with_views().await;
    let proxy = Proxy::start(&database).await;
    let options = one_connection().set("statement_timeout_ms", 500).set("tenant_ttl_ms", 5000);
    let server = Server::try_start(&proxy.url, options).await.unwrap();
    // From the first byte, in the middle of an answer that is sent whole, and of one that is streamed.
    for (path, bytes) in [("/items", 0), ("/wide?limit=150", 50_000), ("/wide?limit=2000", 700_000)] {
        server.get(path, &Token::leslie()).send().await.is(200);
        proxy.stall_after(bytes);
        let started = Instant::now();
        let answering = server.get(path, &Token::leslie()).raw();
        let response =
            tokio::time::timeout(Duration::from_secs(20), answering).await.expect("it ends").unwrap();
        if bytes < 262_144 {
            assert_eq!(response.status(), 504);
            assert!(response.text().await.unwrap().contains("TEN030"));
        } else {
            assert_eq!(response.status(), 200);
            let body = tokio::time::timeout(Duration::from_secs(20), response.text()).await;
            assert!(body.expect("it ends").is_err(), "it must not look whole");
        }
        let waited = started.elapsed();
        assert!(waited > Duration::from_millis(1400) && waited < Duration::from_secs(20), "{waited:?}");
        proxy.recover();
        connection_is_free(&server).await;
        server.get("/items", &Token::leslie()).send().await.is(200);
    }
}

/// A cluster of the test's own, which can be stopped; gone with it.
struct OwnCluster {
    folder: PathBuf,
    bindir: PathBuf,
    user: String,
    port: u16,
}

const PASSWORD: &str = "own";

impl OwnCluster {
    /// None where Postgres is a container, whose programs are not here.
    fn start() -> Option<Arc<Self>> {
        let bindir = std::env::var("ROWHOUSE_TEST_BINDIR").ok().filter(|bindir| !bindir.is_empty())?;
        let user = std::env::var("ROWHOUSE_TEST_PGUSER").unwrap_or_default();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("rowhouse-test-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).unwrap();
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if !user.is_empty() {
            let owned = Command::new("chown").args(["-R", &user]).arg(&folder).status().unwrap();
            assert!(owned.success());
        }
        let cluster = Self { folder, bindir: bindir.into(), user, port };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["--pgdata", &data, "--username=postgres", "--auth=scram-sha-256"],
            &["--encoding=UTF8", "--locale=C", "--no-sync", "--pwfile", password.to_str().unwrap()],
        );
        cluster.control("start");
        Some(Arc::new(cluster))
    }

    fn data(&self) -> String {
        self.folder.join("data").to_str().unwrap().to_owned()
    }

    fn control(&self, command: &str) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off",
            self.port
        );
        let log = self.folder.join("log");
        let start = ["--options", &options, "--log", log.to_str().unwrap()];
        let more: &[&str] = if command == "start" { &start } else { &["--mode=fast"] };
        self.run("pg_ctl", &[command, "--pgdata", &self.data(), "--wait", "--silent"], more);
    }

    /// As `control`, while the test goes on.
    async fn control_in_background(self: &Arc<Self>, command: &'static str) {
        let cluster = self.clone();
        tokio::task::spawn_blocking(move || cluster.control(command)).await.unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str], more: &[&str]) {
        let program = self.bindir.join(program);
        let mut command = if self.user.is_empty() {
            Command::new(program)
        } else {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &self.user, "--regid", &self.user, "--init-groups"]).arg(program);
            command
        };
        command.args(arguments).args(more).current_dir("/").stdout(std::process::Stdio::null());
        let status = command.status().expect("the program runs");
        assert!(status.success() || arguments[0] == "stop", "{command:?}");
    }

    fn url(&self, role: &str, password: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/postgres", self.port)
    }

    async fn superuser(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.url("postgres", PASSWORD), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        self.control("stop");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_restart_of_postgres_under_load_needs_no_restart_of_the_service() {
    let Some(cluster) = OwnCluster::start() else { return };
    let app_url = cluster.url("rowhouse_app", "app");
    let config = Config {
        migrate_url: DatabaseUrl::new(cluster.url("postgres", PASSWORD)),
        database_url: DatabaseUrl::new(&app_url),
        ..Config::default()
    };
    rowhouse::db::migrate(&config, true).await.unwrap();
    let options = ServerOptions::default().set("workers", 2);
    let server = Server::try_start(&app_url, options).await.unwrap();
    let server = &server;
    let get = || server.get("/items", &Token::leslie()).send();
    get().await.is(200);

    // Every answer is one that a client can deal with, whenever it comes.
    let load_ends = Instant::now() + Duration::from_secs(8);
    let failed = AtomicI64::new(0);
    let loads = futures_util::future::join_all((0..10).map(async |_| {
        while Instant::now() < load_ends {
            let started = Instant::now();
            let answer = get().await;
            if answer.status != 200 {
                assert_eq!(answer.status, 503, "{answer:?}");
                assert_eq!(answer.header("retry-after"), Some("1"));
                let expected = ["PGRST000", "PGRST001", "57P01", "57P02", "57P03"];
                assert!(expected.contains(&answer.code().as_str()), "{answer:?}");
                assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
                failed.fetch_add(1, Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }));
    let restarts = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            cluster.control_in_background("stop").await;
            get().await.fails(503, "PGRST000");
            tokio::time::sleep(Duration::from_millis(500)).await;
            get().await.fails(503, "PGRST000");
            cluster.control_in_background("start").await;
            within(Duration::from_secs(20), "requests succeed again", async || get().await.status == 200)
                .await;
        }
    };
    futures_util::future::join(loads, restarts).await;
    assert!(failed.into_inner() > 20, "the load met the stop");
    for _ in 0..20 {
        get().await.is(200);
    }

    // It listens again, too: a suspended tenant is refused long before what is remembered of it ends.
    let superuser = cluster.superuser().await;
    eventually("the service listens", async || {
        let listening = "select from pg_stat_activity where query = 'listen rowhouse'";
        !superuser.query(listening, &[]).await.unwrap().is_empty()
    })
    .await;
    get().await.is(200);
    superuser
        .execute("update tenancy.tenants set state = 'suspended' where id = $1", &[&PAWNEE])
        .await
        .unwrap();
    within(Duration::from_secs(4), "the tenant is refused", async || get().await.status == 403).await;
}

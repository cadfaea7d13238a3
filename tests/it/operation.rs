//! The service as an operator runs it: health, metrics, logs, limits, signals, TLS to Postgres.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::command_line::refusal_to_serve;
use crate::support::{Database, PAWNEE, Server, ServerOptions, Token, eventually};

#[tokio::test]
async fn live_and_ready_are_served_to_operators_only_and_the_api_to_clients_only() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    assert_eq!(server.admin("/live").await.is(200).text, "live\n");
    let ready = server.admin("/ready").await.is(200).json();
    assert_eq!(
        (&ready["ready"], &ready["postgres"], &ready["draining"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert!(ready["served"].as_array().unwrap().contains(&json!("items")));
    server.admin("/items").await.is(404);
    for path in ["/live", "/ready", "/metrics"] {
        server.request(Method::GET, path).send().await.fails(401, "PGRST302");
        server.get(path, &Token::leslie()).send().await.fails(404, "PGRST205");
    }
}

#[tokio::test]
async fn ready_is_503_while_postgres_refuses_connections_and_requests_are_503_with_retry_after() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    server.get("/items", &Token::leslie()).send().await.is(200);
    let control = database.cluster.connect("postgres").await;
    let name = &database.name;
    control.batch_execute(&format!("alter database {name} allow_connections false")).await.unwrap();
    control
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", &[name])
        .await
        .unwrap();
    let ready = server.admin("/ready").await.is(503).json();
    assert_eq!((&ready["ready"], &ready["postgres"]), (&json!(false), &json!(false)));
    server.admin("/live").await.is(200);
    eventually("the lost connections are noticed", || async {
        server.get("/items", &Token::leslie()).send().await.code() == "PGRST000"
    })
    .await;
    let answer = server.get("/items", &Token::leslie()).send().await.fails(503, "PGRST000");
    assert!(answer.header("retry-after").is_some());
    assert!(!answer.text.contains(name.as_str()), "{answer:?}");
    control.batch_execute(&format!("alter database {name} allow_connections true")).await.unwrap();
    server.get("/items", &Token::leslie()).send().await.is(200);
    server.admin("/ready").await.is(200);
}

#[tokio::test]
async fn metrics_have_bounded_labels() {
    let database = Database::demo().await;
    database.as_owner("create table api.open (id int); grant select on api.open to rowhouse_app").await;
    let server = Server::start(&database).await;
    let token = Token::leslie();
    server.get("/items?title=eq.fig", &token).send().await.is(200);
    server.get(&format!("/items/{}", Uuid::new_v4()), &token).send().await.is(404);
    server.get("/open", &token).send().await.is(404);
    server.get("/whatever-a-client-sends", &token).send().await.is(404);
    server.request(Method::GET, "/items").send().await.is(401);
    server.request(Method::from_bytes(b"FROBNICATE").unwrap(), "/items").token(&token).send().await.is(405);
    server.signal("USR1");
    eventually("a reload is counted", || async {
        server.admin("/metrics").await.text.contains("rowhouse_catalog_reloads_total{outcome=\"ok\"}")
    })
    .await;
    let answer = server.admin("/metrics").await.is(200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text;
    for line in [
        "rowhouse_requests_total{method=\"GET\",route=\"/items\",status=\"200\"} 1",
        "rowhouse_requests_total{method=\"GET\",route=\"/items/{key}\",status=\"404\"} 1",
        "rowhouse_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 2",
        "rowhouse_requests_total{method=\"GET\",route=\"none\",status=\"401\"} 1",
        "rowhouse_requests_total{method=\"other\",route=\"none\",status=\"405\"} 1",
        "rowhouse_credentials_refused_total{reason=\"no_credential\"} 1",
        "# TYPE rowhouse_request_duration_seconds histogram",
        "# TYPE rowhouse_catalog_load_seconds histogram",
        "rowhouse_pool_size 4",
        "rowhouse_pool_in_use 0",
        "rowhouse_pool_waiting 0",
        "rowhouse_relations_refused 1",
        "rowhouse_relations_served",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is not in\n{text}");
    }
    assert!(!text.contains("whatever") && !text.contains("FROBNICATE") && !text.contains("fig"), "{text}");
    assert!(text.contains(
        "rowhouse_request_duration_seconds_bucket{method=\"GET\",route=\"/items\",status=\"200\",le=\"0.01\"}"
    ));
}

#[tokio::test]
async fn a_request_that_gets_no_connection_is_503_and_counted() {
    let database = Database::demo().await;
    slow_view(&database, 1.0).await;
    let options = ServerOptions::default().set("pool_size", 1).set("pool_wait_ms", 50);
    let server = Arc::new(Server::with(&database, options).await);
    server.get("/items", &Token::leslie()).send().await.is(200);
    let slow = tokio::spawn(sent(&server));
    until_asleep(&database).await;
    let answer = server.get("/items", &Token::leslie()).send().await.fails(503, "PGRST003");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(server.admin("/metrics").await.text.contains("rowhouse_pool_timeouts_total 1"));
    assert_eq!(slow.await.unwrap(), 200);
}

/// The log line of a request.
async fn log_line(server: &Server, id: &str) -> Value {
    let find = || {
        let lines = server.log();
        lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["request.id"] == id)
    };
    eventually("the request is logged", || async { find().is_some() }).await;
    find().unwrap()
}

#[tokio::test]
async fn each_request_is_logged_once_with_ids_and_times_and_without_anything_private() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let id = Uuid::new_v4().to_string();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let token = Token::leslie().claim("secret_claim", "shibboleth");
    let path = format!("/items/{}?select=title&title=eq.shibboleth", Uuid::new_v4());
    let answer =
        server.get(&path, &token).header("x-request-id", &id).header("traceparent", trace).send().await;
    assert_eq!(answer.is(404).header("x-request-id"), Some(id.as_str()));
    let line = log_line(&server, &id).await;
    assert_eq!(line["traceparent"], trace);
    assert_eq!(line["tenant.id"], PAWNEE.to_string());
    assert_eq!(
        (&line["status"], &line["method"], &line["route"]),
        (&json!(404), &json!("GET"), &json!("/items/{key}"))
    );
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!((&line["reason"], &line["level"]), (&json!("TEN010"), &json!("INFO")));

    let bad = format!("{}x", token.sign());
    let answer = server
        .request(Method::GET, &path)
        .header("authorization", &format!("Bearer {bad}"))
        .send()
        .await
        .is(401);
    let line = log_line(&server, answer.header("x-request-id").unwrap()).await;
    assert_eq!((&line["reason"], &line["tenant.id"]), (&json!("signature"), &Value::Null));

    let all = server.log();
    assert_eq!(all.iter().filter(|line| line.contains(&id)).count(), 1);
    let all = all.join("\n");
    for private in ["shibboleth", "eyJ", "leslie", "select=", bad.as_str()] {
        assert!(!all.contains(private), "{private}: {all}");
    }
}

#[tokio::test]
async fn ids_and_traces_that_are_none_are_neither_echoed_nor_logged() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for odd in [
        "shibboleth",
        "00-shibboleth-b7ad6b7169203331-01",
        "",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    ] {
        let request =
            server.get("/items", &Token::leslie()).header("x-request-id", odd).header("traceparent", odd);
        let answer = request.send().await.is(200);
        let id = answer.header("x-request-id").unwrap();
        assert!(Uuid::try_parse(id).is_ok(), "{id}");
        assert_eq!(log_line(&server, id).await["traceparent"], Value::Null);
    }
    let odd = Method::from_bytes(b"SHIBBOLETH").unwrap();
    server.request(odd, "/items").token(&Token::leslie()).send().await.is(405);
    assert!(!server.log().join("\n").to_lowercase().contains("shibboleth"));
}

#[tokio::test]
async fn server_timing_names_the_stages_where_it_is_on() {
    let database = Database::demo().await;
    let off = Server::start(&database).await;
    assert_eq!(off.get("/items", &Token::leslie()).send().await.header("server-timing"), None);
    let on = Server::with(&database, ServerOptions::default().set("server_timing", true)).await;
    let answer = on.get("/items", &Token::leslie()).send().await.is(200);
    let timing = answer.header("server-timing").unwrap();
    let stages: Vec<&str> = timing.split(", ").filter_map(|stage| stage.split(';').next()).collect();
    assert_eq!(stages, ["identity", "tenant", "body", "parse", "plan", "query", "transaction", "response"]);
}

#[tokio::test]
async fn an_error_is_a_problem_document_where_the_client_asks_for_one() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let plain = server.get("/itemz", &Token::leslie()).send().await.fails(404, "PGRST205");
    assert_eq!(plain.header("content-type"), Some("application/json; charset=utf-8"));
    let problem =
        server.get("/itemz", &Token::leslie()).header("accept", "application/problem+json").send().await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let (id, document) = (problem.header("x-request-id").unwrap().to_owned(), problem.json());
    for member in ["code", "message", "details", "hint"] {
        assert_eq!(document[member], plain.json()[member]);
    }
    assert_eq!((&document["status"], &document["type"]), (&json!(404), &json!("about:blank")));
    assert_eq!(document["instance"], format!("urn:uuid:{id}"));
    assert!(document["title"].is_string());
}

#[tokio::test]
async fn every_limit_of_a_request_is_a_4xx_that_names_its_setting() {
    let database = Database::demo().await;
    let options = ServerOptions::default()
        .set("body_bytes_max", 100)
        .set("url_bytes_max", 300)
        .set("filters_max", 3)
        .set("embed_depth_max", 1)
        .set("rows_max", 2);
    let server = Server::with(&database, options).await;
    let token = Token::leslie();
    let limited = async |path: &str, setting: &str| {
        let answer = server.get(path, &token).send().await.fails(400, "TEN020");
        assert!(answer.json()["details"].as_str().unwrap().starts_with(setting), "{answer:?}");
    };
    limited(&format!("/items?title=eq.{}", "x".repeat(300)), "url_bytes_max").await;
    limited("/items?title=eq.a&title=eq.b&or=(title.eq.c,title.eq.d)", "filters_max").await;
    limited("/tenants?select=*,items(*,tenants(*))", "embed_depth_max").await;
    server.get("/tenants?select=*,items(*)", &token).send().await.is(200);
    assert_eq!(server.get("/items", &token).send().await.is(200).rows().len(), 2);
    assert_eq!(server.get("/items?limit=5", &token).send().await.is(200).rows().len(), 2);
    let embedded = server.get("/tenants?select=items(title)", &token).send().await.is(200);
    assert_eq!(embedded.rows()[0]["items"].as_array().unwrap().len(), 2);

    let large = json!({"title": "x".repeat(100)});
    let answer = server.post("/items", &token, large).send().await.fails(413, "TEN021");
    assert_eq!(answer.json()["details"], "body_bytes_max is 100");
    // Nor does it help to say nothing of the length.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!(
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        token.sign()
    );
    stream.write_all(format!("{head}78\r\n{}\r\n0\r\n\r\n", "x".repeat(120)).as_bytes()).unwrap();
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 413"));
    server.post("/items", &token, json!({"title": "fits"})).send().await.is(201);
}

/// The first line of an answer, and more of it as it came.
fn head_of(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).expect("an answer");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_400() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("body_timeout_ms", 200)).await;
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!(
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{",
        Token::leslie().sign()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = head_of(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("TEN022"), "{answer}");
}

#[tokio::test]
async fn a_url_with_nul_or_invalid_utf_8_is_400() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    for path in [
        "/it%00ems",
        "/%ff",
        "/items?title=eq.%00",
        "/items?title=eq.%ff%fe",
        "/items?%00=eq.1",
        "/items/%00",
    ] {
        server.get(path, &Token::leslie()).send().await.fails(400, "PGRST100");
    }
    for path in ["/items\0", "/items\u{1}"] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        assert!(head_of(&mut stream).starts_with("HTTP/1.1 400"));
    }
    server.get("/items", &Token::leslie()).send().await.is(200);
}

/// A view that sleeps for `seconds` and shows one row: the tenant's own.
async fn slow_view(database: &Database, seconds: f64) {
    database
        .as_owner(&format!(
            "create view api.slow with (security_invoker) as
             select id, pg_sleep({seconds})::text as slept from tenancy.tenants;
             grant select on api.slow to rowhouse_app"
        ))
        .await;
}

/// Waits until Postgres runs the slow statement.
async fn until_asleep(database: &Database) {
    let asleep =
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
    eventually("the statement runs", || async { database.count(asleep).await == 1 }).await;
}

/// Asks for the slow view and gives the status.
fn sent(server: &Arc<Server>) -> impl Future<Output = u16> + use<> {
    let request = server.get("/slow?select=slept", &Token::leslie());
    async move { request.send().await.status }
}

#[tokio::test]
async fn a_signal_to_end_lets_the_request_in_flight_end_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let database = Database::demo().await;
        slow_view(&database, 1.5).await;
        let server = Arc::new(Server::start(&database).await);
        server.get("/items", &Token::leslie()).send().await.is(200);
        let slow = tokio::spawn(sent(&server));
        until_asleep(&database).await;
        server.signal(signal);
        let ready = async || server.admin("/ready").await;
        eventually("it says that it drains", || async { ready().await.status == 503 }).await;
        assert_eq!(ready().await.json()["draining"], true);
        assert_eq!(slow.await.unwrap(), 200);
        let started = Instant::now();
        let mut server = Arc::into_inner(server).expect("nobody else has it");
        assert_eq!(server.ended(Duration::from_secs(10)).code(), Some(0), "{signal}");
        // An idle connection that a client keeps does not hold it up.
        assert!(started.elapsed() < Duration::from_secs(5), "{:?} after the last answer", started.elapsed());
    }
}

#[tokio::test]
async fn a_request_that_outlasts_the_shutdown_limit_does_not_hold_the_service_up() {
    let database = Database::demo().await;
    slow_view(&database, 8.0).await;
    let server =
        Arc::new(Server::with(&database, ServerOptions::default().set("shutdown_timeout_s", 1)).await);
    let slow = server.get("/slow", &Token::leslie());
    let slow = tokio::spawn(async move { slow.raw().await.is_err() });
    until_asleep(&database).await;
    server.signal("TERM");
    let mut server = Arc::into_inner(server).expect("nobody else has it");
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    assert!(slow.await.unwrap());
}

#[tokio::test]
async fn past_connections_max_a_connection_waits_for_another_to_end() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("connections_max", 1)).await;
    let ask = |stream: &mut TcpStream| stream.write_all(b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = TcpStream::connect(&server.address).unwrap();
    ask(&mut first);
    assert!(head_of(&mut first).starts_with("HTTP/1.1 401"));
    let mut second = TcpStream::connect(&server.address).unwrap();
    ask(&mut second);
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(second.read(&mut [0; 16]).is_err(), "it is not answered yet");
    drop(first);
    assert!(head_of(&mut second).starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_its_connection() {
    let database = Database::demo().await;
    let server = Server::with(&database, ServerOptions::default().set("head_timeout_ms", 200)).await;
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"GET /items HT").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is closed within five seconds");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

/// A cluster with TLS, for one test; ended by its own id.
struct TlsCluster {
    folder: PathBuf,
    port: u16,
    bindir: PathBuf,
    user: Option<String>,
}

impl TlsCluster {
    /// Its certificate is for `localhost` and made by `ca.pem`; `other.pem` made nothing.
    fn start() -> Self {
        let bindir = std::env::var("ROWHOUSE_TEST_BINDIR").unwrap_or_default();
        assert!(
            !bindir.is_empty(),
            "ROWHOUSE_TEST_BINDIR is empty: this test starts a PostgreSQL server with TLS and needs its programs"
        );
        let user = std::env::var("ROWHOUSE_TEST_PGUSER").ok().filter(|user| !user.is_empty());
        let folder = std::env::temp_dir().join(format!("rowhouse-tls-{}", Uuid::new_v4()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { folder, port, bindir: bindir.into(), user };
        cluster.make();
        cluster
    }

    fn make(&self) {
        std::fs::create_dir(&self.folder).unwrap();
        self.certificates();
        if let Some(user) = &self.user {
            must(Command::new("chown").arg("-R").arg(user).arg(&self.folder));
        }
        let data = self.folder.join("data");
        must(
            self.program("initdb")
                .args(["--username=postgres", "--auth=trust", "--no-sync", "--pgdata"])
                .arg(&data),
        );
        // Over TLS only; clients without it are told so.
        let hba = "hostssl all all 127.0.0.1/32 trust\n";
        std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c ssl=on \
             -c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.key",
            self.port,
            folder = self.folder.display(),
        );
        must(
            self.program("pg_ctl")
                .args(["start", "--wait", "--silent", "--pgdata"])
                .arg(&data)
                .arg(format!("--log={}", self.folder.join("log").display()))
                .arg(format!("--options={options}")),
        );
    }

    fn certificates(&self) {
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            must(command.args(arguments.split(' ')).current_dir(&self.folder));
        };
        for (name, subject) in [("ca", "/CN=test-ca"), ("other", "/CN=other-ca")] {
            openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj {subject} \
                 -addext keyUsage=critical,keyCertSign -keyout {name}.key -out {name}.pem"
            ));
        }
        openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        );
        std::fs::write(self.folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
        );
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.folder.join("server.key"), private).unwrap();
    }

    /// A server program, run as the user that owns the data, since Postgres refuses root.
    fn program(&self, name: &str) -> Command {
        let path = self.bindir.join(name);
        let mut command = match &self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"])
                    .arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir("/");
        command
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres?{parameters}", self.port)
    }
}

impl Drop for TlsCluster {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            let _ = Command::new("kill").args(["-INT", pid]).status();
            let started = Instant::now();
            while Path::new("/proc").join(pid).exists() && started.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs a program that must succeed. Nothing of it stays open: a server that it starts would keep a pipe.
#[track_caller]
fn must(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{command:?}: {status:?}");
}

#[test]
fn sslmode_means_what_it_means_to_libpq() {
    let cluster = TlsCluster::start();
    let (good, wrong) = (cluster.file("ca.pem"), cluster.file("other.pem"));
    let connects = |host: &str, parameters: &str| {
        let line = refusal_to_serve(&cluster.url(host, parameters), &[]);
        // The cluster has no schema of ours, so a service that reaches it refuses later, for that.
        let reached = line.contains("has `rowhouse migrate` been run");
        assert!(reached || line.contains("cannot connect to Postgres"), "{parameters}: {line}");
        (reached, line)
    };
    let at = |host: &str, parameters: &str| connects(host, parameters).0;
    for (mode, rooted, expected) in [
        ("disable", "", false),
        ("prefer", "", true),
        ("require", "", true),
        ("require", good.as_str(), true),
        // With a root certificate at hand, require verifies as verify-ca does.
        ("require", wrong.as_str(), false),
        ("prefer", wrong.as_str(), true),
        ("verify-ca", good.as_str(), true),
        ("verify-ca", wrong.as_str(), false),
        ("verify-full", good.as_str(), true),
        ("verify-full", wrong.as_str(), false),
    ] {
        let root = if rooted.is_empty() { String::new() } else { format!("&sslrootcert={rooted}") };
        assert_eq!(at("localhost", &format!("sslmode={mode}{root}")), expected, "{mode} {rooted}");
    }
    // The certificate is for localhost, not for the address.
    assert!(at("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={good}")));
    let (reached, line) = connects("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={good}"));
    assert!(!reached && line.to_lowercase().contains("certificate"), "{line}");
    let (_, line) = connects("localhost", "sslmode=disable");
    assert!(line.contains("no encryption"), "{line}");
}

#[test]
fn tls_settings_that_cannot_work_are_told_before_anything_is_connected() {
    let refused = |parameters: &str, why: &str| {
        let line = refusal_to_serve(&format!("postgres://u:hunter2@127.0.0.1:1/d?{parameters}"), &[]);
        assert!(line.contains(why) && !line.contains("hunter2"), "{line}");
    };
    refused("sslmode=verify-full", "need sslrootcert=FILE or =system");
    refused("sslmode=verify-ca&sslrootcert=system", "needs sslmode=verify-full");
    refused("sslmode=verify-full&sslrootcert=/nowhere.pem", "sslrootcert /nowhere.pem cannot be used");
    refused("sslmode=sometimes", "sslmode is none of");
    refused("sslmode=require&sslcert=/nowhere.pem", "sslcert and sslkey come together");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_by_require_and_taken_by_prefer() {
    let database = Database::demo().await;
    let url = |mode: &str| format!("{}?sslmode={mode}", database.app_url());
    let line = refusal_to_serve(&url("require"), &[]);
    assert!(line.contains("cannot connect to Postgres"), "{line}");
    for mode in ["disable", "prefer"] {
        let server = Server::try_start(&url(mode), ServerOptions::default()).await.expect("it starts");
        server.get("/items", &Token::leslie()).send().await.is(200);
    }
}

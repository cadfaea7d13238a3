//! The binary as an operator meets it: what it prints, what it refuses, and how it exits.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::support::{DUNDER, Database, PAWNEE, SECRET, Server, ServerOptions, TestCluster};

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Starts the binary with nothing in its environment but `environment`, without the prefix of its variables.
fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    start_reading(arguments, environment, Stdio::null())
}

fn start_reading(arguments: &[&str], environment: &[(&str, &str)], input: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowhouse"));
    command.env_clear().args(arguments).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (key, value) in environment {
        command.env(format!("ROWHOUSE_{}", key.to_uppercase()), value);
    }
    command.spawn().expect("the binary is built")
}

fn finish(mut child: Child) -> Run {
    fn text(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).expect("it prints UTF-8");
            text
        })
    }
    let (out, err) = (text(child.stdout.take().unwrap()), text(child.stderr.take().unwrap()));
    let started = Instant::now();
    let status = loop {
        match child.try_wait().expect("the child is ours") {
            Some(status) => break status,
            None if started.elapsed() > Duration::from_secs(180) => {
                let _ = child.kill();
                panic!("it has not ended: {:?} {:?}", out.join(), err.join());
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    Run { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    finish(start(arguments, environment))
}

/// Runs the binary to its end, with `input` for it to read.
pub(crate) fn run_reading(arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Run {
    let mut child = start_reading(arguments, environment, Stdio::piped());
    // One that does not read all of it has closed it.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    finish(child)
}

impl Run {
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Asserts that it failed with one line, and gives that line.
    #[track_caller]
    pub(crate) fn fails_in_one_line(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("rowhouse: "), "{self:?}");
        self.err.trim_end().to_owned()
    }
}

/// The one line with which `serve` refuses to start.
#[track_caller]
pub(crate) fn refusal_to_serve(database_url: &str, more: &[(&str, &str)]) -> String {
    let mut environment = vec![
        ("database_url", database_url),
        ("bind", "127.0.0.1:0"),
        ("admin_bind", "127.0.0.1:0"),
        ("log_level", "error"),
        ("workers", "1"),
    ];
    environment.extend_from_slice(more);
    run(&["serve"], &environment).fails_in_one_line()
}

fn issuers() -> String {
    serde_json::json!([{
        "issuer": "https://issuer.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "test", "secret": SECRET,
    }])
    .to_string()
}

/// A file that is removed at the end of the test.
struct File(std::path::PathBuf);

impl File {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rowhouse-{}.toml", Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn config_prints_what_is_in_force_with_secrets_hidden() {
    let issuers = issuers();
    let environment = [
        ("database_url", "postgres://u:hunter2@h:5/d?password=hunter3"),
        ("migrate_url", "postgres://owner:hunter4@h/d"),
        ("issuers", issuers.as_str()),
    ];
    let printed = run(&["config"], &environment).succeeds();
    assert!(!printed.contains("hunter") && !printed.contains(SECRET), "{printed}");
    let table: toml::Table = printed.parse().expect("it prints TOML");
    assert_eq!(table["database_url"].as_str(), Some("postgres://u:***@h:5/d?password=***"));
    assert_eq!(table["pool_size"].as_integer(), Some(16));
    assert_eq!(table["issuers"][0]["kid"].as_str(), Some("test"));
}

#[test]
fn the_environment_wins_over_the_file_and_set_over_both() {
    let file = File::with("pool_size = 3\nworkers = 3\nbind = \"127.0.0.1:3\"\nfilters_max = 7\n");
    let environment = [("pool_size", "4"), ("workers", "4")];
    let printed = run(&["config", "--config", file.path(), "--set", "workers=5"], &environment).succeeds();
    let table: toml::Table = printed.parse().unwrap();
    let number = |key: &str| table[key].as_integer().unwrap();
    assert_eq!((number("filters_max"), number("pool_size"), number("workers")), (7, 4, 5));
    // The file may be named in the environment, too.
    let printed = run(&["config"], &[("config", file.path())]).succeeds();
    assert!(printed.contains("filters_max = 7"), "{printed}");
}

#[test]
fn unknown_keys_and_bad_values_are_refused_in_one_line_that_names_the_key() {
    let refused = |arguments: &[&str], environment: &[(&str, &str)], named: &str| {
        let run = run(arguments, environment);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.contains(named), "{named}: {run:?}");
        run.err
    };
    refused(&["config"], &[("pool_siz", "3")], "ROWHOUSE_POOL_SIZ");
    refused(&["config", "--set", "pool_siz=3"], &[], "pool_siz");
    refused(&["config", "--set", "pool_size=0"], &[], "pool_size is 0, and must be from 1 to 10000");
    refused(&["config", "--set", "tenant_ttl_ms=5001"], &[], "tenant_ttl_ms is 5001");
    refused(&["config", "--set", "pool_size=many"], &[], "not a whole number");
    refused(&["config", "--set", "pool_size=-1"], &[], "pool_size");
    refused(&["config", "--set", "server_timing=yes"], &[], "server_timing");
    refused(&["config", "--set", "bind=localhost"], &[], "bind");
    refused(&["config", "--set", "log_format=xml"], &[], "log_format");
    refused(&["config", "--config", "/nowhere/x.toml"], &[], "/nowhere/x.toml");
    let file = File::with("pool_siz = 3\n");
    refused(&["config", "--config", file.path()], &[], "pool_siz");
    let file = File::with("pool_size = \n");
    refused(&["config", "--config", file.path()], &[], file.path());
    // A wrong value of a key that holds a password is not repeated.
    let err =
        refused(&["config"], &[("issuers", r#"[{"issuer":"i","secret":"hunter2","colour":1}]"#)], "colour");
    assert!(!err.contains("hunter2"), "{err}");
    let file = File::with("database_url = [\"postgres://u:hunter2@h/d\"]\n");
    let err = refused(&["config", "--config", file.path()], &[], "database_url");
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn a_wrong_call_exits_with_2_and_version_and_help_with_0() {
    assert_eq!(run(&[], &[]).code, Some(2));
    assert_eq!(run(&["frobnicate"], &[]).code, Some(2));
    assert_eq!(run(&["config", "--set", "nonsense"], &[]).code, Some(2));
    let version = run(&["--version"], &[]).succeeds();
    assert_eq!(version.trim(), format!("rowhouse {}", env!("CARGO_PKG_VERSION")));
    assert!(run(&["--help"], &[]).succeeds().contains("migrate"));
}

#[test]
fn the_documents_are_what_the_binary_prints() {
    let document =
        |name: &str| std::fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR")));
    assert_eq!(run(&["config", "--docs"], &[]).succeeds(), document("config.md").unwrap());
    assert_eq!(run(&["errors", "--docs"], &[]).succeeds(), document("errors.md").unwrap());
}

#[tokio::test]
async fn a_token_is_made_by_slug_or_by_id_and_the_service_takes_it() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let (issuers, owner_url, dunder) = (issuers(), database.owner_url(), DUNDER.to_string());
    let environment = [("issuers", issuers.as_str()), ("migrate_url", owner_url.as_str())];
    for (tenant, id) in [("pawnee-parks-and-rec", PAWNEE), (dunder.as_str(), DUNDER)] {
        let made =
            run(&["token", "--tenant", tenant, "--user", "u", "--role", "owner"], &environment).succeeds();
        let answer = server
            .request(reqwest::Method::GET, "/items")
            .header("authorization", &format!("Bearer {}", made.trim()))
            .send()
            .await
            .is(200);
        assert!(answer.column("tenant_id").iter().all(|tenant| *tenant == id.to_string()));
    }
    // An id needs no database.
    run(&["token", "--tenant", &dunder, "--user", "u"], &environment[..1]).succeeds();
    let claims = r#"{"department":"paper"}"#;
    run(&["token", "--tenant", &dunder, "--user", "u", "--claims", claims, "--ttl-s", "60"], &environment)
        .succeeds();
}

#[tokio::test]
async fn a_token_that_cannot_be_made_is_refused_in_one_line() {
    let database = Database::demo().await;
    let (one, owner_url, id) = (issuers(), database.owner_url(), PAWNEE.to_string());
    let environment = [("issuers", one.as_str()), ("migrate_url", owner_url.as_str())];
    let refused = |more: &[&str], environment: &[(&str, &str)], why: &str| {
        let arguments: Vec<&str> = ["token", "--user", "u"].iter().chain(more).copied().collect();
        let line = run(&arguments, environment).fails_in_one_line();
        assert!(line.contains(why), "{line}");
        assert!(!line.contains(SECRET), "{line}");
    };
    refused(&["--tenant", "no-such-tenant"], &environment, "no tenant has the slug");
    refused(&["--tenant", "dunder-mifflin"], &environment[..1], "migrate_url, which is not set");
    refused(&["--tenant", &id], &[], "no such HS256 issuer");
    refused(&["--tenant", &id, "--issuer", "https://other"], &environment, "no such HS256 issuer");
    refused(&["--tenant", &id, "--ttl-s", "3601"], &environment, "at most 3600 s");
    refused(&["--tenant", &id, "--claims", "[]"], &environment, "--claims is no JSON object");
    refused(&["--tenant", &id, "--claims", r#"{"sub":"root"}"#], &environment, "\"sub\"");
    let mut two: Vec<Value> = serde_json::from_str(&one).unwrap();
    two.push(two[0].clone());
    two[1]["issuer"] = "https://other.test".into();
    let two = Value::from(two).to_string();
    refused(&["--tenant", &id], &[("issuers", &two)], "--issuer");
}

/// An empty database, dropped at the end of the test.
async fn empty() -> Database {
    let cluster = TestCluster::from_environment();
    let name = format!("test_{}", Uuid::new_v4().simple());
    cluster.connect("postgres").await.batch_execute(&format!("create database {name}")).await.unwrap();
    Database { cluster, name }
}

#[tokio::test]
async fn migrate_may_run_twice_and_from_two_places_at_once() {
    let database = empty().await;
    let (migrate_url, app_url) = (database.owner_url(), database.app_url());
    let environment = [("migrate_url", migrate_url.as_str()), ("database_url", app_url.as_str())];
    let both: Vec<Child> = (0..3).map(|_| start(&["migrate"], &environment)).collect();
    let mut said: Vec<String> = both.into_iter().map(|child| finish(child).succeeds()).collect();
    said.sort();
    assert!(said[0].starts_with("migrated: "), "{said:?}");
    assert!(said[1..].iter().all(|line| line == "the schema is current\n"), "{said:?}");
    run(&["migrate", "--demo"], &environment).succeeds();
    let again = run(&["migrate", "--demo"], &environment).succeeds();
    assert_eq!(again, "the schema is current\n");
    assert_eq!(database.count("select count(*) from api.items").await, 15);
}

#[tokio::test]
async fn databases_of_one_cluster_migrate_at_the_same_time() {
    let databases = [empty().await, empty().await, empty().await];
    let children: Vec<Child> = databases
        .iter()
        .map(|database| {
            let (migrate_url, app_url) = (database.owner_url(), database.app_url());
            start(&["migrate"], &[("migrate_url", &migrate_url), ("database_url", &app_url)])
        })
        .collect();
    for child in children {
        assert!(finish(child).succeeds().starts_with("migrated: "));
    }
}

#[test]
fn migrate_without_a_url_or_with_a_bad_one_says_so() {
    assert!(run(&["migrate"], &[]).fails_in_one_line().contains("migrate_url is not set"));
    let bad = [("migrate_url", "host=h password=hunter2")];
    let line = run(&["migrate"], &bad).fails_in_one_line();
    assert!(line.contains("postgres://") && !line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn check_lists_each_relation_and_fails_where_one_is_refused() {
    let database = Database::demo().await;
    let url = database.app_url();
    let check = || run(&["check"], &[("database_url", url.as_str())]);
    let listed = check().succeeds();
    assert!(listed.contains("served   api.items\n") && !listed.contains("refused"), "{listed}");
    database
        .as_owner("create table api.open (tenant_id uuid); grant select on api.open to rowhouse_app")
        .await;
    let run = check();
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    assert!(run.out.contains("refused  api.open: TN201: "), "{}", run.out);
    // What is internal is not served, and that is no fault.
    database.as_owner("select tenancy.declare('api.open', 'internal', 'not for clients')").await;
    assert!(check().succeeds().contains("refused  api.open: declared internal"));
}

#[tokio::test]
async fn probe_tells_whether_the_service_is_ready() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    run(&["probe"], &[("admin_bind", server.admin_address.as_str())]).succeeds();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(run(&["probe"], &[("admin_bind", &free)]).code, Some(1));
}

#[tokio::test]
async fn a_port_in_use_is_told_in_one_line_that_names_the_key() {
    let database = Database::demo().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["bind", "admin_bind"] {
        let line = refusal_to_serve(&database.app_url(), &[(key, &address)]);
        assert!(line.contains(&address) && line.contains(&format!("set {key})")), "{line}");
    }
}

#[tokio::test]
async fn passwords_are_for_development_and_anything_else_is_refused_in_one_line_that_names_the_key() {
    let database = Database::demo().await;
    let key = format!("{}/tests/it/keys/p256.pem", env!("CARGO_MANIFEST_DIR"));
    let development = [
        ("password_grant", "true"),
        ("session_key_files", key.as_str()),
        ("public_url", "http://localhost:8000"),
    ];
    for (name, value) in [
        ("session_key_files", ""),
        ("public_url", "https://api.example.com"),
        ("public_url", "http://localhost.example.com"),
        ("bind", "0.0.0.0:0"),
        ("trusted_proxies", "127.0.0.1"),
    ] {
        let mut environment = development.to_vec();
        environment.push((name, value));
        let line = refusal_to_serve(&database.app_url(), &environment);
        assert!(line.contains("password_grant is for development only") && line.contains(name), "{line}");
    }
    // Before a database far away is asked for anything.
    let line = refusal_to_serve("postgres://rowhouse_app@192.0.2.1/app", &development);
    assert!(line.contains("password_grant") && line.contains("database_url"), "{line}");
    let options = development.iter().fold(ServerOptions::default(), |all, (key, value)| all.set(key, value));
    let server = Server::with(&database, options).await;
    assert!(server.log().join("\n").contains("passwords are for development only"));
}

#[tokio::test]
async fn a_password_is_read_from_the_standard_input_and_shown_nowhere() {
    let database = Database::demo().await;
    let owner_url = database.owner_url();
    let environment = [("migrate_url", owner_url.as_str())];
    let user = |name: &str| {
        format!("select tenancy.add_member('{PAWNEE}', 'https://issuer.test', '{name}', 'member')::text")
    };
    let (user, other) = (database.text(&user("ann")).await, database.text(&user("ben")).await);
    let set = |more: &[&str], input: &[u8]| {
        let arguments: Vec<&str> = ["password", "set"].iter().chain(more).copied().collect();
        run_reading(&arguments, &environment, input)
    };
    let refused = |more: &[&str], input: &[u8], why: &str| {
        let line = set(more, input).fails_in_one_line();
        assert!(line.contains(why) && !line.contains("waffle"), "{line}");
    };
    refused(&["ann"], b"waffles and cream", "nobody has the name");
    refused(&["ann", "--user", &user], b"waffle", "shorter than 8 characters");
    refused(&["ann", "--user", &user], b"", "shorter than 8 characters");
    refused(&["ann", "--user", &user], b"waffles\nand cream", "more than one line");
    refused(&["ann", "--user", &user], &[b'w'; 1_025], "longer than 1024 bytes");
    refused(&["ann", "--user", &user], &[b'w'; 100_000], "longer than 1024 bytes");
    refused(&["ann", "--user", &user], b"waffles\xff\xff\xff", "UTF-8");
    refused(&["", "--user", &user], b"waffles and cream", "1 to 255 characters");
    refused(&["ann", "--user", &Uuid::new_v4().to_string()], b"waffles and cream", "no such user");
    let said = set(&["ann", "--user", &user], b"waffles and cream\n").succeeds();
    assert_eq!(said, "set; the user's sessions are ended\n");
    refused(&["ann", "--user", &other], b"waffles and cream", "another user's");
    let hash = || async { database.text("select hash from tenancy.passwords where username = 'ann'").await };
    let first = hash().await;
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    set(&["ann"], b"pancakes and cream").succeeds();
    assert_ne!(hash().await, first);
    let acts =
        "select count(*) from tenancy.auth_events where code in ('passwords_insert', 'passwords_update')
        and target::text not like '%argon2%'";
    assert_eq!(database.count(acts).await, 2);
    let remove = || run(&["password", "remove", "ann"], &environment);
    remove().succeeds();
    assert!(remove().fails_in_one_line().contains("nobody has the name"));
    // Not on the command line.
    assert_eq!(run(&["password", "set", "ann", "waffles and cream"], &environment).code, Some(2));
    let nowhere = run_reading(&["password", "set", "ann"], &[], b"waffles and cream").fails_in_one_line();
    assert!(nowhere.contains("migrate_url"), "{nowhere}");
}

#[tokio::test]
async fn a_bad_issuer_is_told_in_one_line_without_its_secret() {
    let database = Database::demo().await;
    for (secret, why) in
        [("short", "shorter than 32 bytes"), (&"x".repeat(40), "well known or repeats itself")]
    {
        let issuers = issuers().replace(SECRET, secret);
        let line = refusal_to_serve(&database.app_url(), &[("issuers", &issuers)]);
        assert!(line.contains(why), "{line}");
    }
    let options = ServerOptions::default().set("issuers", "[]");
    let server = Server::with(&database, options).await;
    assert!(server.log().join("\n").contains("no issuer is configured"));
}

/// A process that does not outlive its test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service whose log was read up to the line that tells its address, and that reader.
async fn serving(database: &Database) -> (Service, String, BufReader<ChildStderr>) {
    let url = database.app_url();
    let mut service = Service(start(
        &["serve"],
        &[
            ("database_url", &url),
            ("issuers", &issuers()),
            ("bind", "127.0.0.1:0"),
            ("admin_bind", "127.0.0.1:0"),
            ("log_format", "json"),
            ("workers", "1"),
            ("shutdown_timeout_s", "1"),
        ],
    ));
    let mut log = BufReader::new(service.0.stderr.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
        let line: Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = line["address"].as_str() {
            return (service, address.to_owned(), log);
        }
    }
}

/// Whether a request is answered within a few seconds.
fn is_answered(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    stream.write_all(b"GET /items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).is_ok_and(|()| head == *b"HTTP/1.1 401")
}

/// Waits for the end of a process after SIGTERM.
fn terminated(mut service: Service) -> ExitStatus {
    let child = &mut service.0;
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(sent.expect("kill runs").success());
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(60), "it does not end");
        match child.try_wait().expect("the child is ours") {
            Some(status) => return status,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[tokio::test]
async fn sigterm_ends_a_service_whose_log_has_no_reader_any_more() {
    let database = Database::demo().await;
    let (mut service, address, log) = serving(&database).await;
    drop(log);
    drop(service.0.stdout.take());
    for _ in 0..3 {
        assert!(is_answered(&address));
    }
    assert!(terminated(service).success());
}

#[tokio::test]
async fn sigterm_ends_a_service_whose_log_is_full_and_not_read() {
    let database = Database::demo().await;
    let (service, address, _log) = serving(&database).await;
    let answered = (0..10_000).take_while(|_| is_answered(&address)).count();
    assert!(answered < 10_000, "the log is never full");
    terminated(service);
}

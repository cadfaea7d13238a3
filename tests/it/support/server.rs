//! The service under test, as a process, and a client for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::Value;

use super::{Database, SECRET, Token};

/// How the service is started, beside its database.
#[derive(Debug, Default, Clone)]
pub struct ServerOptions {
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl ServerOptions {
    /// Sets a key of the configuration.
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Sets a variable that is none of the service's own.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running service; ended when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    pub admin_address: String,
    log: Arc<Mutex<Vec<String>>>,
    client: Client,
}

impl Server {
    pub async fn start(database: &Database) -> Self {
        Self::with(database, ServerOptions::default()).await
    }

    pub async fn with(database: &Database, options: ServerOptions) -> Self {
        Self::try_start(&database.app_url(), options)
            .await
            .unwrap_or_else(|log| panic!("it does not start: {log}"))
    }

    /// Starts it, or gives what it said when it refused to.
    pub async fn try_start(database_url: &str, options: ServerOptions) -> Result<Self, String> {
        let issuers = serde_json::json!([{
            "issuer": "https://issuer.test", "audience": "rowhouse", "algorithm": "HS256", "kid": "test",
            "secret": SECRET,
        }]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowhouse"));
        command.env_clear().env("ROWHOUSE_ISSUERS", issuers.to_string()).arg("serve");
        for (key, value) in [
            ("database_url", database_url),
            ("bind", "127.0.0.1:0"),
            ("admin_bind", "127.0.0.1:0"),
            ("relations", "tenancy.tenants"),
            ("workers", "1"),
            ("pool_size", "4"),
            ("log_format", "json"),
        ] {
            command.env(format!("ROWHOUSE_{}", key.to_uppercase()), value);
        }
        for (key, value) in &options.settings {
            command.env(format!("ROWHOUSE_{}", key.to_uppercase()), value);
        }
        command.envs(options.environment);
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary is built");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let keep = log.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.lock().unwrap().push(line);
            }
        });
        let started = Instant::now();
        loop {
            let listening = log.lock().unwrap().iter().find_map(|line| addresses(line));
            if let Some((address, admin_address)) = listening {
                let client = Client::builder()
                    .no_proxy()
                    // Reads no certificate authorities, of which a machine may have none.
                    .tls_certs_only([])
                    .redirect(Policy::none())
                    .build()
                    .expect("a client without TLS");
                return Ok(Self { child, address, admin_address, log, client });
            }
            if child.try_wait().expect("the child is ours").is_some() {
                let _ = reader.join();
                return Err(log.lock().unwrap().join("\n"));
            }
            assert!(started.elapsed() < Duration::from_secs(30), "it neither starts nor ends");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let url = format!("http://{}{path}", self.address);
        Request { builder: self.client.request(method, url) }
    }

    pub fn get(&self, path: &str, token: &Token) -> Request {
        self.request(Method::GET, path).token(token)
    }

    pub fn head(&self, path: &str, token: &Token) -> Request {
        self.request(Method::HEAD, path).token(token)
    }

    pub fn post(&self, path: &str, token: &Token, body: Value) -> Request {
        self.request(Method::POST, path).token(token).json(body)
    }

    pub fn patch(&self, path: &str, token: &Token, body: Value) -> Request {
        self.request(Method::PATCH, path).token(token).json(body)
    }

    pub fn put(&self, path: &str, token: &Token, body: Value) -> Request {
        self.request(Method::PUT, path).token(token).json(body)
    }

    pub fn delete(&self, path: &str, token: &Token) -> Request {
        self.request(Method::DELETE, path).token(token)
    }

    /// A request to the listener for operators.
    pub async fn admin(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.admin_address);
        Request { builder: self.client.get(url) }.send().await
    }

    /// What it has logged so far, a JSON object a line.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `USR1`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the process to end by itself.
    pub fn ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            assert!(started.elapsed() < limit, "it has not ended within {limit:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn addresses(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some((line.get("address")?.as_str()?.to_owned(), line.get("admin")?.as_str()?.to_owned()))
}

/// A request in the making.
pub struct Request {
    builder: reqwest::RequestBuilder,
}

impl Request {
    pub fn token(self, token: &Token) -> Self {
        self.header("authorization", &format!("Bearer {}", token.sign()))
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value) }
    }

    /// A header whose value is bytes, or one that is sent twice.
    pub fn headers(self, headers: &[(&str, &[u8])]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            map.append(name, HeaderValue::from_bytes(value).expect("a header value"));
        }
        Self { builder: self.builder.headers(map) }
    }

    pub fn prefer(self, value: &str) -> Self {
        self.header("prefer", value)
    }

    pub fn json(self, body: Value) -> Self {
        self.body(body.to_string())
    }

    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.text("application/json", body)
    }

    /// A body of any type.
    pub fn text(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.header("content-type", content_type).body(body) }
    }

    /// A body of another content type.
    pub fn text_body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.header("content-type", content_type).body(body) }
    }

    /// Sends it as it is, for what is not an answer to be read whole.
    pub async fn raw(self) -> reqwest::Result<reqwest::Response> {
        self.builder.send().await
    }

    pub async fn send(self) -> Answer {
        let response = self.raw().await.expect("the service answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer is whole");
        Answer { status, headers, text }
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The rows of an array.
    pub fn rows(&self) -> Vec<Value> {
        self.json().as_array().unwrap_or_else(|| panic!("no array: {self:?}")).clone()
    }

    /// The values of one member of each row.
    pub fn column(&self, name: &str) -> Vec<Value> {
        self.rows().iter().map(|row| row[name].clone()).collect()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Asserts the status, showing the answer where it differs.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Asserts status and code.
    #[track_caller]
    pub fn fails(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self:?}");
        self
    }
}

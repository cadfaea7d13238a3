//! The examples in the documents: each is sent to the demo, as Leslie, and answered as the document says.

use reqwest::Method;
use rowhouse::error::{CODES, SQLSTATES, is_request};

use crate::support::{Answer, Database, PAWNEE, Server, ServerOptions, Token};

const DIALECT: &str = include_str!("../../docs/dialect.md");
const AUTHORIZATION: &str = include_str!("../../docs/authorization.md");
const AUDIT_LOG: &str = include_str!("../../docs/audit-log.md");
const IDENTITY: &str = include_str!("../../docs/identity.md");
const SESSIONS: &str = include_str!("../../docs/sessions.md");

/// One example: a request, and of an answer what is written below `->`.
struct Example<'a> {
    text: &'a str,
    request: &'a str,
    answer: &'a str,
}

/// The head of a message and its body: headers up to the first line that is none.
fn headers_and_body(text: &str) -> (Vec<(&str, &str)>, &str) {
    let mut headers = Vec::new();
    let mut rest = text;
    while let (line, below) = rest.split_once('\n').unwrap_or((rest, ""))
        && let Some((name, value)) = line.split_once(':')
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        headers.push((name, value.trim()));
        rest = below;
    }
    (headers, rest.trim_matches('\n'))
}

/// The blocks of a document that are marked `http`.
fn examples(page: &str) -> Vec<Example<'_>> {
    let blocks = page.split("```http\n").skip(1);
    blocks
        .map(|block| {
            let (text, _) = block.split_once("\n```").expect("a block is closed");
            let (request, answer) =
                text.split_once("\n-> ").unwrap_or_else(|| panic!("an example without an answer:\n{text}"));
            Example { text, request, answer }
        })
        .collect()
}

/// Sends a request as it is written. Without an `Authorization` line it is Leslie's, with an empty one nobody's.
async fn send(server: &Server, written: &str, etag: &str) -> Answer {
    let (line, rest) = written.split_once('\n').unwrap_or((written, ""));
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let (headers, body) = headers_and_body(rest);
    let path = path.replace(' ', "%20").replace('"', "%22").replace('>', "%3E");
    let mut request = server.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    if !headers.iter().any(|(name, _)| *name == "Authorization") {
        request = request.token(&Token::leslie());
    }
    let mut content_type = "application/json";
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        match name {
            "Content-Type" => content_type = value,
            _ => request = request.header(name, &value.replace("{etag}", etag)),
        }
    }
    if !body.is_empty() {
        request = request.text(content_type, body.to_owned());
    }
    request.send().await
}

/// JSON without the spaces between its tokens; another text as it is.
fn compact(text: &str, is_json: bool) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let kept = text.trim_end().chars().filter(|&character| {
        let is_kept = in_text || !is_json || !character.is_ascii_whitespace();
        in_text ^= character == '"' && !escaped;
        escaped = in_text && character == '\\' && !escaped;
        is_kept
    });
    kept.collect()
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What is wrong with an answer, by the words of its example.
fn faults(expected: &str, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    let (status, rest) = expected.split_once('\n').unwrap_or((expected, ""));
    if status != answer.status.to_string() {
        faults.push(format!("the status is {}", answer.status));
    }
    let (headers, body) = headers_and_body(rest);
    for (name, value) in headers {
        let sent = answer.header(name).unwrap_or_default();
        if !fits(sent, value) {
            faults.push(format!("{name}: {sent}"));
        }
    }
    let is_json =
        answer.header("content-type").is_some_and(|kind| kind.contains("json") && !kind.contains("ndjson"));
    let text = compact(&answer.text, is_json);
    if !fits(&text, &compact(body, is_json)) {
        faults.push(format!("the body is {text}"));
    }
    faults
}

#[tokio::test]
async fn every_example_of_the_dialect_is_answered_as_it_says() {
    let database = Database::demo().await;
    let mut options = ServerOptions::default();
    for setting in ["aggregates", "planned_counts", "explain", "transaction_preference", "docs"] {
        options = options.set(setting, true);
    }
    let server = Server::with(&database, options).await;
    let examples = examples(DIALECT);
    assert!(examples.len() > 50, "only {} examples were found", examples.len());
    let (mut etag, mut wrong) = (String::new(), Vec::new());
    for example in &examples {
        let answer = send(&server, example.request, &etag).await;
        for fault in faults(example.answer, &answer) {
            wrong.push(format!("{}\n=> {fault}", example.text));
        }
        if let Some(tag) = answer.header("etag") {
            etag = tag.to_owned();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_example_of_authorization_and_the_audit_log_is_answered_as_it_says() {
    let database = Database::demo().await;
    let named = "app.client_ip,app.attributes,app.request_id";
    let server = Server::with(&database, ServerOptions::default().set("transaction_settings", named)).await;
    // An example in a list is indented with it.
    let audit_log = AUDIT_LOG.replace("\n  ", "\n");
    let (authorization, audit_log) = (examples(AUTHORIZATION), examples(&audit_log));
    assert_eq!((authorization.len(), audit_log.len()), (5, 1));
    let mut wrong = Vec::new();
    for example in authorization.iter().chain(&audit_log) {
        let answer = send(&server, example.request, "").await;
        for fault in faults(example.answer, &answer) {
            wrong.push(format!("{}\n=> {fault}", example.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_example_of_identity_is_answered_as_it_says() {
    let database = Database::demo().await;
    // The page's own SQL.
    let (_, sql) = IDENTITY.split_once("```sql\n").expect("SQL");
    database.sql(sql.split_once("```").expect("it is closed").0).await;
    let server = Server::start(&database).await;
    let examples = examples(IDENTITY);
    assert!(examples.len() > 8, "only {} examples were found", examples.len());
    let mut wrong = Vec::new();
    for example in &examples {
        let answer = send(&server, example.request, "").await;
        for fault in faults(example.answer, &answer) {
            wrong.push(format!("{}\n=> {fault}", example.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_example_of_sessions_is_answered_as_it_says() {
    let database = Database::demo().await;
    let add = format!("select tenancy.add_member('{PAWNEE}', 'https://issuer.test', 'ann', 'member')::text");
    database.text(&add).await;
    let key = format!("{}/tests/it/keys/p256.pem", env!("CARGO_MANIFEST_DIR"));
    let options =
        ServerOptions::default().set("public_url", "https://api.example.com").set("session_key_files", key);
    let server = Server::with(&database, options).await;
    let (page, _) = SESSIONS.split_once(PASSWORDS).expect("passwords come last");
    let examples = examples(page);
    assert!(examples.len() > 7, "only {} examples were found", examples.len());
    let mut known = Known::default();
    known.try_all(&server, &examples).await;
    known.are_right();
}

/// The heading of what is for development.
const PASSWORDS: &str = "\n## Passwords, for development\n";

#[tokio::test]
async fn every_example_of_passwords_for_development_is_answered_as_it_says() {
    let database = Database::demo().await;
    let add = format!("select tenancy.add_member('{PAWNEE}', 'https://issuer.test', 'ann', 'member')::text");
    database.text(&add).await;
    let (_, page) = SESSIONS.split_once(PASSWORDS).expect("there is the heading");
    let options = ServerOptions::default()
        .set("session_key_files", format!("{}/tests/it/keys/p256.pem", env!("CARGO_MANIFEST_DIR")))
        .set("password_grant", true)
        .set("public_url", "http://localhost:8000");
    let server = Server::with(&database, options).await;
    let (before, rest) = page.split_once("```sh\n").expect("a command");
    let (command, after) = rest.split_once("```").expect("it is closed");
    let mut known = Known::default();
    known.try_all(&server, &examples(before)).await;
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_rowhouse"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display());
    let ran = std::process::Command::new("sh")
        .args(["-c", &known.filled(command)])
        .env_clear()
        .env("PATH", path)
        .env("ROWHOUSE_MIGRATE_URL", database.owner_url())
        .output()
        .expect("a shell");
    assert!(ran.status.success(), "{ran:?}");
    let examples = examples(after);
    assert_eq!(examples.len(), 3);
    known.try_all(&server, &examples).await;
    known.are_right();
}

/// What the examples so far were answered, and what of that was wrong.
#[derive(Default)]
struct Known {
    texts: std::collections::BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Known {
    /// `text`, in which what stands in braces is what an answer had under that name.
    fn filled(&self, text: &str) -> String {
        let fill =
            |text: String, (name, value): (&String, &String)| text.replace(&format!("{{{name}}}"), value);
        self.texts.iter().fold(text.to_owned(), fill)
    }

    async fn try_all(&mut self, server: &Server, examples: &[Example<'_>]) {
        for example in examples {
            let answer = send(server, &self.filled(example.request), "").await;
            for fault in faults(example.answer, &answer) {
                self.wrong.push(format!("{}\n=> {fault}", example.text));
            }
            let Ok(document) = serde_json::from_str::<serde_json::Value>(&answer.text) else { continue };
            let object = document.get(0).unwrap_or(&document).as_object().expect("an object");
            let texts =
                object.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            self.texts.extend(texts);
        }
    }

    #[track_caller]
    fn are_right(&self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n\n"));
    }
}

#[tokio::test]
async fn every_request_in_the_table_of_errors_gives_its_error() {
    let database = Database::demo().await;
    let server = Server::start(&database).await;
    let codes = CODES.iter().map(|code| (code.code, code.status, code.example));
    let states = SQLSTATES.iter().map(|(prefix, status, _, example)| (*prefix, *status, *example));
    let (mut sent, mut wrong) = (0, Vec::new());
    for (code, status, example) in codes.chain(states) {
        assert!(!example.is_empty(), "{code} has no example");
        if !is_request(example) {
            continue;
        }
        sent += 1;
        let answer = send(&server, example, "").await;
        let told = if answer.text.is_empty() { String::new() } else { answer.code() };
        if answer.status != status || !told.starts_with(code) {
            wrong.push(format!("{code}, {status}: {example}\n=> {answer:?}"));
        }
    }
    assert!(sent > 40, "only {sent} requests were sent");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_example_that_differs_is_found() {
    assert!(fits("a1b2c", "a…b…c") && fits("", "") && fits("abc", "…") && fits("abc", "abc"));
    assert!(!fits("abc", "ab") && !fits("abc", "…b") && !fits("ab", "ab…b") && !fits("abc", "b…"));
    assert_eq!(compact("{\"a b\": \"\\\" c\",\n \"d\" : 1}\n", true), "{\"a b\":\"\\\" c\",\"d\":1}");
    assert_eq!(compact("a b\nc", false), "a b\nc");
    let (headers, body) = headers_and_body("A-b: c\nD:\n\n{\"e\": 1}\n");
    assert_eq!((headers.as_slice(), body), ([("A-b", "c"), ("D", "")].as_slice(), "{\"e\": 1}"));
}

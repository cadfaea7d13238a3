//! HTTP messages that are wrong, or mean two things: each with the statuses that are right. `closed` is a connection that is
//! ended without an answer.

/// A message: its name, its bytes, and the statuses that may answer it.
pub type Message = (&'static str, Vec<u8>, &'static str);

/// Every hostile message; `{T}` stands for a good token, `{F}` for one of another audience.
const MESSAGES: &[(&str, &str, &str)] = &[
    // Credentials.
    ("no credential", "GET /items HTTP/1.1\r\nHost: x\r\n\r\n", "401"),
    (
        "two good tokens",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    (
        "good and bad",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nAuthorization: Bearer {F}\r\n\r\n",
        "400",
    ),
    (
        "bad and good",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    (
        "another case of the name",
        "GET /items HTTP/1.1\r\nHost: x\r\nauthorization: Bearer {T}\r\nAUTHORIZATION: Basic eDp5\r\n\r\n",
        "400",
    ),
    (
        "two in one header",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}, Bearer {T}\r\n\r\n",
        "400 401",
    ),
    (
        "header and query",
        "GET /items?access_token={T} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    (
        "header and query, encoded",
        "GET /items?access%5Ftoken={T} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    ("query alone", "GET /items?access_token={T} HTTP/1.1\r\nHost: x\r\n\r\n", "401"),
    ("cookie alone", "GET /items HTTP/1.1\r\nHost: x\r\nCookie: access_token={T}\r\n\r\n", "401"),
    (
        "proxy-authorization alone",
        "GET /items HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Bearer {T}\r\n\r\n",
        "401",
    ),
    ("x-authorization alone", "GET /items HTTP/1.1\r\nHost: x\r\nX-Authorization: Bearer {T}\r\n\r\n", "401"),
    (
        "x-forwarded-authorization",
        "GET /items HTTP/1.1\r\nHost: x\r\nX-Forwarded-Authorization: Bearer {T}\r\n\r\n",
        "401",
    ),
    ("user info of the target", "GET http://leslie:{T}@x/items HTTP/1.1\r\nHost: x\r\n\r\n", "400 401"),
    ("basic", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bGVzbGllOng=\r\n\r\n", "400"),
    ("no scheme", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: {T}\r\n\r\n", "400 401"),
    ("no space", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer{T}\r\n\r\n", "400 401"),
    ("two spaces", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer  {T}\r\n\r\n", "400 401"),
    ("a tab", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\t{T}\r\n\r\n", "400 401"),
    ("an empty header", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization:\r\n\r\n", "400"),
    ("the scheme alone", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n\r\n", "400 401"),
    ("bytes beyond ASCII", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}é\r\n\r\n", "400 401"),
    // Identity by other headers.
    (
        "x-forwarded-user",
        "GET /items HTTP/1.1\r\nHost: x\r\nX-Forwarded-User: leslie.knope\r\nX-Role: owner\r\n\r\n",
        "401",
    ),
    (
        "x-tenant-id alone",
        "GET /items HTTP/1.1\r\nHost: x\r\nX-Tenant-Id: 7a245486-3fc8-47ec-b303-04fefe7a58ff\r\n\r\n",
        "401",
    ),
    (
        "a foreign x-tenant-id",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nX-Tenant-Id: 162be16f-4c1d-4b0e-9a53-6f7d20c8e915\r\n\r\n",
        "403",
    ),
    (
        "two x-tenant-id",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nX-Tenant-Id: 7a245486-3fc8-47ec-b303-04fefe7a58ff\r\nX-Tenant-Id: 162be16f-4c1d-4b0e-9a53-6f7d20c8e915\r\n\r\n",
        "400",
    ),
    (
        "a list of x-tenant-id",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nX-Tenant-Id: 7a245486-3fc8-47ec-b303-04fefe7a58ff,162be16f-4c1d-4b0e-9a53-6f7d20c8e915\r\n\r\n",
        "400",
    ),
    (
        "sql in x-tenant-id",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nX-Tenant-Id: ' or true --\r\n\r\n",
        "400",
    ),
    (
        "path against token",
        "GET /162be16f-4c1d-4b0e-9a53-6f7d20c8e915/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "403",
    ),
    (
        "path against header",
        "GET /7a245486-3fc8-47ec-b303-04fefe7a58ff/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nX-Tenant-Id: 162be16f-4c1d-4b0e-9a53-6f7d20c8e915\r\n\r\n",
        "400",
    ),
    (
        "the method by header",
        "POST /items HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n",
        "401",
    ),
    (
        "the target by header",
        "GET /items HTTP/1.1\r\nHost: x\r\nX-Original-URL: /docs\r\nX-Rewrite-URL: /docs\r\n\r\n",
        "401",
    ),
    // Heads that mean two things.
    (
        "a space before the colon",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {T}\r\n\r\n",
        "400",
    ),
    ("a folded header", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n {T}\r\n\r\n", "400"),
    ("a header without a name", "GET /items HTTP/1.1\r\nHost: x\r\n: Bearer {T}\r\n\r\n", "400"),
    ("a header without a colon", "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {T}\r\n\r\n", "400"),
    (
        "a NUL in a header",
        "GET /items HTTP/1.1\r\nHost: x\r\nX: a\0b\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    (
        "a bare CR in a header",
        "GET /items HTTP/1.1\r\nHost: x\r\nX: a\rAuthorization: Bearer {T}\r\n\r\n",
        "400",
    ),
    ("no host", "GET /items HTTP/1.1\r\nAuthorization: Bearer {F}\r\n\r\n", "400"),
    ("two hosts", "GET /items HTTP/1.1\r\nHost: x\r\nHost: y\r\nAuthorization: Bearer {F}\r\n\r\n", "400"),
    (
        "two lengths",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        "400",
    ),
    (
        "a negative length",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nContent-Length: -1\r\n\r\n",
        "400",
    ),
    (
        "a length with a sign",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nContent-Length: +5\r\n\r\n12345",
        "400",
    ),
    (
        "a huge length",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "400",
    ),
    (
        "length and chunks",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 401",
    ),
    (
        "an unknown coding",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "400 401",
    ),
    (
        "two codings",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "400 401",
    ),
    (
        "a chunk that is no number",
        "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "400 closed",
    ),
    (
        "a request behind the request",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {F}\r\n\r\nGET /items HTTP/1.1\r\nHost: x\r\n\r\n",
        "401",
    ),
    // Targets.
    ("no path", "GET  HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("a space in the path", "GET /it ems HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    (
        "up and away",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400 404",
    ),
    (
        "up, encoded",
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400 404",
    ),
    ("a NUL, encoded", "GET /items%00 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n", "400"),
    (
        "a line break, encoded",
        "GET /items%0d%0aX-Injected:%20yes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "400 404",
    ),
    ("no UTF-8", "GET /%ff%fe HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n", "400"),
    (
        "a catalog",
        "GET /pg_catalog.pg_authid HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "404",
    ),
    (
        "a statement",
        "GET /items;drop%20table%20api.items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "404",
    ),
    (
        "a quote in a key",
        "GET /items/'%20or%20true%20-- HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "404",
    ),
    (
        "sql in a filter",
        "GET /items?title=eq.'%20or%20true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\n\r\n",
        "200",
    ),
    ("another authority", "GET http://evil.test/items HTTP/1.1\r\nHost: x\r\n\r\n", "400 401"),
    ("a tunnel", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", "400 401 404 405"),
    ("a trace", "TRACE /items HTTP/1.1\r\nHost: x\r\n\r\n", "400 401 405"),
    ("a method of its own", "GE\tT /items HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    // Versions and bytes.
    ("another version", "GET /items HTTP/9.9\r\nHost: x\r\n\r\n", "400"),
    ("version 2 in words", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 closed"),
    ("TLS", "\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\u{3}\r\n\r\n", "400 closed"),
    (
        "an upgrade",
        "GET /items HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "401",
    ),
    (
        "a bad accept",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nAccept: /;;q=x\r\n\r\n",
        "200 400 406",
    ),
    (
        "a bad range",
        "GET /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {T}\r\nRange: bytes=9-1,,\r\n\r\n",
        "200 400 416",
    ),
    ("a bad request id", "GET /items HTTP/1.1\r\nHost: x\r\nX-Request-Id: ';drop\r\n\r\n", "401"),
];

pub fn corpus(good: &str, foreign: &str) -> Vec<Message> {
    let filled = |text: &str| text.replace("{T}", good).replace("{F}", foreign).into_bytes();
    let mut corpus: Vec<Message> =
        MESSAGES.iter().map(|(name, text, expected)| (*name, filled(text), *expected)).collect();
    let head = "GET /items HTTP/1.1\r\nHost: x\r\n";
    let body = |length: usize| {
        format!(
            "POST /items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{T}}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let arrays = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(20_000);
    let select = "items(".repeat(2_000);
    let logic = format!("and=({}", "or(".repeat(2_000));
    let made = [
        ("a hundred headers", format!("{head}{}\r\n", "X: y\r\n".repeat(100)), "401 431"),
        ("ten thousand headers", format!("{head}{}\r\n", "X: y\r\n".repeat(10_000)), "431"),
        ("a head of 200 kB", format!("{head}X: {}\r\n\r\n", "y".repeat(200_000)), "431"),
        (
            "a token of 100 kB",
            format!("{head}Authorization: Bearer {}\r\n\r\n", "a.".repeat(50_000)),
            "401 431",
        ),
        (
            "a path of 100 kB",
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(60_000)),
            "400 401 414 431",
        ),
        ("nested arrays", format!("{}{arrays}", body(arrays.len())), "400"),
        ("nested objects", format!("{}{objects}", body(objects.len())), "400"),
        (
            "a nested select",
            format!("GET /items?select={select} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{T}}\r\n\r\n"),
            "400",
        ),
        (
            "nested logic",
            format!("GET /items?{logic} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{T}}\r\n\r\n"),
            "400",
        ),
    ];
    corpus.extend(made.into_iter().map(|(name, text, expected)| (name, filled(&text), expected)));
    corpus
}

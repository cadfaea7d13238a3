//! Everything that a client can be told went wrong: code, status and words, made in this one place.
//!
//! Codes of the dialect are PostgREST's (<https://docs.postgrest.org/en/stable/references/errors.html>), because clients
//! branch on them; SQLSTATEs pass through; ours begin with `TEN`. `docs/errors.md` is made from the tables here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::error::DbError;

use crate::identity::{self, Refusal, SelectionError};
use crate::response::{self, Counted, TellFault, is_header, told_status};
use crate::{db, plan, request};

/// Whatever ended a request. `Display` is for logs; the client sees an [`Answer`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("refused: {0}")]
    Credential(#[from] Refusal),
    #[error("no tenant: {0}")]
    Selection(#[from] SelectionError),
    #[error("the tenant is suspended")]
    Suspended,
    #[error("the host is malformed")]
    Host,
    #[error("no such invitation")]
    NoInvitation,
    #[error("the user is a member already")]
    AlreadyMember,
    #[error("an API key is no user")]
    NotAUser,
    #[error("the token to sign out with is another issuer's")]
    NotOurs,
    #[error("the request does not parse: {0:?}")]
    Request(request::Error),
    #[error("the request cannot be planned: {0:?}")]
    Plan(plan::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the role is unfit: nothing is served")]
    NoCatalog,
    #[error("anonymous, and not allowed: {0}")]
    Anonymous(Box<Error>),
    #[error("no row has this key")]
    NoRow,
    #[error("the answer is not one row")]
    NotSingular { rows: Rows },
    #[error("the offset lies beyond the counted rows")]
    OffsetBeyond { offset: u64, total: u64 },
    #[error("a function was called read only, and writes")]
    CallWrites(Box<DbError>),
    #[error("neither a relation nor what a route leads to")]
    NeitherServed { name: String, similar: Option<String> },
    #[error("a function said of the answer what cannot be: {0:?}")]
    Told(TellFault),
    #[error("more rows than max-affected")]
    MaxAffected,
    #[error("the row is not as the precondition says")]
    Precondition,
    #[error("the body of a PUT has another key than its URL")]
    PutKey,
    #[error("two objects of the body are for one row")]
    RowTwice,
    #[error("the answer is larger than held_bytes_max")]
    AnswerTooLarge { limit: usize },
    #[error("the body is larger than body_bytes_max")]
    BodyTooLarge { limit: u64 },
    #[error("the body did not arrive: {0}")]
    BodyBroken(&'static str),
    #[error("operation {index} of a batch: {error}")]
    Operation { index: usize, error: Box<Error> },
    #[error("{0}")]
    Internal(&'static str),
}

/// How many rows an answer had that should have been one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    None,
    Several,
}

impl From<request::Error> for Error {
    fn from(error: request::Error) -> Self {
        Error::Request(error)
    }
}

impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        Error::Plan(error)
    }
}

/// What the client is told. `code` and `message` are always there; the other two may be null.
#[derive(Debug, Serialize, PartialEq)]
pub struct Answer {
    pub code: String,
    /// A text; for an ambiguous embed, an array of the relationships.
    pub details: Option<Value>,
    pub hint: Option<String>,
    pub message: String,
    /// Of a batch: which operation failed, counted from 0. Nothing of any other was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<usize>,
    #[serde(skip)]
    pub status: u16,
    /// `WWW-Authenticate`.
    #[serde(skip)]
    pub challenge: Option<Cow<'static, str>>,
    /// `Retry-After`, in seconds.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
    /// `Allow`.
    #[serde(skip)]
    pub allow: Option<&'static str>,
    /// `Content-Range`.
    #[serde(skip)]
    pub content_range: Option<String>,
    /// What a function raised with it.
    #[serde(skip)]
    pub headers: Vec<(String, String)>,
}

/// A code with its status, its meaning and an example.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub status: u16,
    pub meaning: &'static str,
    /// A request to the demo that gives it (see [`is_request`]), or the situation in which it is given.
    pub example: &'static str,
}

/// Whether an example is a request: a method and a path, headers a line each, and a body below an empty line.
pub fn is_request(example: &str) -> bool {
    let is_method = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    example.split_once(" /").is_some_and(|(word, _)| is_method(word))
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $meaning:literal, $example:literal;)*) => {
        $( const $name: Code = Code { code: $code, status: $status, meaning: $meaning, example: $example }; )*
        /// Every code that is not an SQLSTATE of Postgres' own.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    CONNECT = "PGRST000", 503, "No connection to Postgres can be made. Retry.",
        "Postgres is not running.";
    LOST = "PGRST001", 503, "The connection to Postgres was lost while it worked. Reads can be retried; `details` says whether a write may have happened.",
        "Postgres is restarted while a statement runs.";
    NO_CATALOG = "PGRST002", 503, "The request role, or the database role of this request, was found unfit while the service ran (a superuser, say), so it is served nothing; `/ready` says why.",
        "`alter role rowhouse_app bypassrls`, and a reload.";
    POOL = "PGRST003", 503, "No connection of the pool became free in time: more requests than the database can take. Retry. (PostgREST answers 504.)",
        "All connections are busy for longer than `pool_wait_ms`, or `pool_waiting_max` requests wait already.";
    QUERY = "PGRST100", 400, "A parameter of the query string does not follow the grammar; `details` says where.",
        "GET /items?title=equals.fig";
    CALL_METHOD = "PGRST101", 405, "A function is called by GET, HEAD or POST.",
        "DELETE /rpc/items_total";
    BODY = "PGRST102", 400, "The body is not what its content type says, or no batch: not JSON, not an object or array of objects, no CSV; or its objects have different keys, or lack those that they must have.",
        "POST /items\n\n[{\"title\":\"fig\"},{\"name\":\"fig\"}]";
    RANGE = "PGRST103", 416, "The range or limit is empty or negative, or the offset lies beyond the counted rows.",
        "GET /items?limit=-1";
    PUT_FILTERS = "PGRST105", 405, "A PUT must be filtered by `eq` on each column of the primary key, and by nothing else; the tenant column may be left out.",
        "PUT /items?title=eq.fig\n\n{\"title\":\"fig\"}";
    PROFILE = "PGRST106", 406, "`Accept-Profile` or `Content-Profile` names no exposed schema.",
        "GET /items\nAccept-Profile: secret";
    MEDIA = "PGRST107", 406, "`Accept` lists nothing that can be produced.",
        "GET /items\nAccept: image/png";
    NOT_EMBEDDED = "PGRST108", 400, "A filter, order or limit is for a relation that `select` does not embed.",
        "GET /tenants?items.limit=1";
    TOLD_HEADERS = "PGRST111", 500, "A function set `response.headers` to something else than a list of objects of one text each, or to a header that is not a function's to say.",
        "A function: `perform set_config('response.headers', 'none', true)`.";
    TOLD_STATUS = "PGRST112", 500, "A function set `response.status` to something else than a number from 200 to 599.",
        "A function: `perform set_config('response.status', 'fine', true)`.";
    PUT_WINDOW = "PGRST114", 400, "A PUT has a limit or offset.",
        "PUT /items?id=eq.00000000-0000-4000-8000-000000000001&limit=1\n\n{\"title\":\"fig\"}";
    PUT_KEY = "PGRST115", 400, "The body of a PUT is not one row with the key that the URL has.",
        "PUT /items?id=eq.00000000-0000-4000-8000-000000000001\n\n{\"id\":\"00000000-0000-4000-8000-000000000002\",\"title\":\"fig\"}";
    SINGULAR = "PGRST116", 406, "One object was asked for, and the result is not one row. A write is undone.",
        "GET /items\nAccept: application/vnd.pgrst.object+json";
    METHOD = "PGRST117", 405, "The method is not one that this path has; `Allow` lists those.",
        "PURGE /items";
    RELATED_ORDER = "PGRST118", 400, "An order by an embedded relation of which a row may have several.",
        "GET /tenants?select=name,items(title)&order=items(title)";
    EMBED_FILTER = "PGRST120", 400, "A filter on an embedded relation other than `is.null` and `not.is.null`.",
        "GET /tenants?select=name,items(title)&items=eq.fig";
    RAISED = "PGRST121", 500, "A function raised SQLSTATE `PGRST` or `PTnnn` with something else than PostgREST's members in it.",
        "A function: `raise sqlstate 'PGRST' using message = 'no JSON'`.";
    PREFERENCE = "PGRST122", 400, "`handling=strict`, and a preference is unknown, malformed or not allowed.",
        "GET /items\nPrefer: handling=strict, speed=high";
    AGGREGATES = "PGRST123", 400, "An aggregate, where the setting `aggregates` does not allow them.",
        "GET /items?select=count()";
    MAX_AFFECTED = "PGRST124", 400, "More rows than `max-affected` would have been touched. The write is undone.",
        "DELETE /items?title=like.*\nPrefer: handling=strict, max-affected=1";
    PATH = "PGRST125", 404, "The path is deeper than `/{relation}/{key}`.",
        "GET /items/1/2";
    ROOT = "PGRST126", 404, "There is no document at the root.",
        "`GET /`, where the setting `openapi` is off.";
    NOT_IMPLEMENTED = "PGRST127", 400, "A part of the dialect that is not built yet.",
        "DELETE /items?title=eq.fig&limit=1";
    MAX_AFFECTED_OF_ONE = "PGRST128", 400, "`max-affected` with a function that returns no set.",
        "POST /rpc/items_total\nPrefer: handling=strict, max-affected=1";
    NO_RELATIONSHIP = "PGRST200", 400, "No relationship leads to the embedded relation.",
        "GET /items?select=title,links(url)";
    AMBIGUOUS = "PGRST201", 300, "Several relationships lead to the embedded relation; `details` lists them, `hint` says how to choose.",
        "`GET /books?select=*,people(*)`, where `author` and `editor` are foreign keys to `people`.";
    NO_FUNCTION = "PGRST202", 404, "No function of this name takes these arguments.",
        "GET /rpc/search_items?colour=red";
    AMBIGUOUS_FUNCTION = "PGRST203", 300, "Several functions of this name take these arguments.",
        "`GET /rpc/f?a=1`, where there are `f(a integer)` and `f(a text)`.";
    NO_COLUMN = "PGRST204", 400, "A key of the body, of `columns` or of `on_conflict` is no column.",
        "POST /items\n\n{\"colour\":\"red\"}";
    NO_RELATION = "PGRST205", 404, "No relation of this name is served.",
        "GET /item";
    BAD_TOKEN = "PGRST301", 401, "The token is not valid. One answer for every reason: signature, key, issuer, audience, time, claims.",
        "GET /items\nAuthorization: Bearer x";
    NO_TOKEN = "PGRST302", 401, "No token was sent, and there is no `anonymous_role` or nothing names a tenant for it.",
        "GET /items\nAuthorization:";
    CARDINALITY = "21000", 400, "PATCH or DELETE without a filter: add one, or `Prefer: handling=strict, max-affected=n`. Or two objects of the body are for the same row.",
        "DELETE /items";
    FORBIDDEN = "42501", 403, "The role may not do this: for want of a privilege, or because a policy refuses the row. To an anonymous caller it is 401.",
        "PATCH /newsfeed_items?title=like.*\n\n{\"title\":\"fig\"}";
    COLUMN = "42703", 400, "A column does not exist.",
        "GET /items?select=colour";
    TYPE = "42704", 400, "A cast names a type that is not one of those that `select` may cast to.",
        "GET /items?select=title::colour";
    GENERATED = "428C9", 400, "A column is generated, or an identity that Postgres alone gives its value.",
        "A POST that names a column `generated always`.";
    TENANT_FORBIDDEN = "TEN001", 403, "The token does not prove the tenant, the user is no member of it, or there is no such tenant. One answer for all.",
        "GET /items\nX-Tenant-Id: 162be16f-4c1d-4b0e-9a53-6f7d20c8e915";
    TENANT_SUSPENDED = "TEN002", 403, "The tenant is suspended.",
        "`update tenancy.tenants set state = 'suspended'` for the token's tenant.";
    SELECTOR_INVALID = "TEN003", 400, "`X-Tenant-Id` is repeated, or no UUID in lower case.",
        "GET /items\nX-Tenant-Id: 7";
    SELECTOR_CONFLICT = "TEN004", 400, "The path, `X-Tenant-Id` and the host do not name one and the same tenant.",
        "GET /7a245486-3fc8-47ec-b303-04fefe7a58ff/items\nX-Tenant-Id: 162be16f-4c1d-4b0e-9a53-6f7d20c8e915";
    TENANT_REQUIRED = "TEN005", 400, "The token is good for several tenants, and the request names none.",
        "`GET /items` with a token whose `orgs` are two tenants.";
    CREDENTIAL = "TEN006", 400, "More than one credential (two `Authorization` headers, or one and an `access_token` in the query), or a scheme other than Bearer.",
        "GET /items\nAuthorization: Basic bGVzbGllOndhZmZsZXM=";
    ROLE_FORBIDDEN = "TEN007", 403, "The token's role claim names a database role that is not one of `database_roles`.",
        "A token whose role claim is `postgres`.";
    NO_ROW = "TEN010", 404, "No row of the tenant has this key.",
        "GET /items/00000000-0000-4000-8000-000000000001";
    KEY = "TEN011", 404, "The relation has no key, or one of another number of columns.",
        "GET /items/1,2";
    PRECONDITION = "TEN012", 412, "`If-Match` names another version of the row, or there is no such row; or `If-None-Match: *`, and there is one.",
        "PATCH /support_tickets/31d6f0a4-27be-4c19-b6e8-5a40c9d1e101\nIf-Match: \"0-0\"\n\n{\"status\":\"solved\"}";
    LIMIT = "TEN020", 400, "A limit of the configuration was passed; `details` names the setting.",
        "GET /items?select=tenants(items(tenants(items(tenants(items(title))))))";
    BODY_TOO_LARGE = "TEN021", 413, "The body is larger than `body_bytes_max`.",
        "A body of 2 MB, with `body_bytes_max` at 1 MB.";
    BODY_BROKEN = "TEN022", 400, "The body did not arrive whole, or not in time.",
        "The client takes longer than `body_timeout_ms` to send its body.";
    CONTENT_TYPE = "TEN023", 415, "The body has a content type that is not read.",
        "POST /items\nContent-Type: image/png\n\nfig";
    ALIAS = "TEN024", 400, "A name of the answer is longer than 63 bytes or empty.",
        r#"GET /items?select="":title"#;
    DEADLINE = "TEN030", 504, "Postgres neither answered nor cancelled the statement in time. The statement is being cancelled.",
        "The network to Postgres is cut while a statement runs.";
    CHANGED = "TEN031", 503, "A column has another type than when the catalog was read, which is being read again. Nothing was changed. Retry.",
        "`alter table api.items alter title type varchar(99)`, and a request before the catalog is read again.";
    ISSUER_UNAVAILABLE = "TEN040", 503, "The token cannot be verified at the moment: its issuer cannot be looked up, or the issuer's keys could never be fetched. Retry.",
        "The issuer publishes its keys under a URL that has not answered since the service started.";
    REAUTHENTICATE = "TEN070", 401, "A function asks for a login more recent than the token's (`tenancy.require_recent_authentication`); `max_age` of the challenge says how recent, in seconds (RFC 9470).",
        "A token whose `auth_time` is an hour old, where a function asks for five minutes.";
    HOST = "TEN050", 400, "`Host`, or what a trusted proxy says instead, is no host.",
        "A `Host` of `a b`.";
    NO_INVITATION = "TEN051", 404, "No invitation has this token: there never was one, or it was accepted, revoked or has expired, or the token's issuer may not speak for its tenant.",
        "POST /invitations/accept\n\n{\"token\":\"rhi_0\"}";
    ALREADY_MEMBER = "TEN052", 409, "The invitation is for a tenant that the user is a member of, perhaps a disabled one. It stays pending.",
        "`POST /invitations/accept` with an invitation of the own tenant.";
    NOT_A_USER = "TEN053", 403, "The token is an API key's: a key is no user, and becomes no member. The invitation stays pending.",
        "`POST /invitations/accept` with an access token that an API key was exchanged for.";
    NOT_OURS = "TEN054", 400, "The token to sign out with is another issuer's. Whoever issued it ends its sessions.",
        "`POST /auth/logout` with a token of an issuer of the configuration.";
    INTERNAL = "TEN099", 500, "A fault of the service. The log has the cause under the request id.",
        "None is known: report one with its request id.";
}

/// How SQLSTATEs become statuses: the longest prefix rules. `Retry-After` goes with every 503. With what it is, and an
/// example as those of [`CODES`] are.
pub const SQLSTATES: &[(&str, u16, &str, &str)] = &[
    ("08", 503, "connection exceptions", "A proxy between service and Postgres ends the connection."),
    ("09", 500, "triggered action exceptions", "A function: `raise sqlstate '09000'`."),
    ("0L", 403, "invalid grantor", "A function: `raise sqlstate '0L000'`."),
    ("0P", 403, "invalid role specification", "A function: `raise sqlstate '0P000'`."),
    (
        "21",
        500,
        "cardinality violation",
        "A function: `(select title from api.items)` as one value, where there are several.",
    ),
    ("22", 400, "data exceptions: a value that its column cannot hold", "GET /support_tickets?id=eq.1"),
    ("23", 400, "other integrity violations", "POST /items\n\n{\"title\":null}"),
    (
        "23503",
        409,
        "a foreign key has no row to point at, or a row is still pointed at",
        "POST /ticket_comments\n\n{\"ticket_id\":\"00000000-0000-4000-8000-000000000001\",\"body\":\"fig\"}",
    ),
    ("23505", 409, "a row with this key is there already", "POST /items\n\n{\"title\":\"art-fair\"}"),
    ("23514", 422, "a check constraint refuses the value", "POST /items\n\n{\"title\":\"\"}"),
    ("25", 500, "invalid transaction state", "A function: `raise sqlstate '25000'`."),
    (
        "25P03",
        503,
        "the server ended a transaction that idled: retry",
        "`idle_in_transaction_session_timeout` passes.",
    ),
    ("25006", 405, "a read-only transaction was asked to write", "GET /rpc/add_item?title=fig"),
    ("28", 403, "invalid authorization", "A function: `raise sqlstate '28000'`."),
    ("2D", 500, "invalid transaction termination", "A function: `commit`."),
    ("38", 500, "external routine exceptions", "A function: `raise sqlstate '38000'`."),
    ("39", 500, "external routine invocation exceptions", "A function: `raise sqlstate '39000'`."),
    ("3B", 500, "savepoint exceptions", "A function: `raise sqlstate '3B000'`."),
    (
        "40",
        503,
        "the transaction was rolled back for another's sake (serialization, deadlock): retry",
        "Two requests change the same two rows in opposite order.",
    ),
    ("42", 400, "syntax or access rule violations", "GET /newsfeed_items?body=fts(klingon).fig"),
    (
        "42501",
        403,
        "insufficient privilege, or a policy refuses the row",
        "POST /items\n\n{\"title\":\"fig\",\"tenant_id\":\"162be16f-4c1d-4b0e-9a53-6f7d20c8e915\"}",
    ),
    ("42883", 404, "no such function", "GET /items?id=like.*"),
    ("42P01", 404, "no such relation", "A function that reads a table which was dropped."),
    ("42P17", 500, "a policy recurses into itself", "A policy that reads its own table."),
    ("53", 503, "insufficient resources", "The disk is full."),
    ("53400", 500, "configuration limit exceeded", "A sort that needs more than `temp_file_limit`."),
    (
        "54",
        400,
        "program limit exceeded: JSON nested too deeply, a key too large for its index",
        "POST of a text of 1 MB for an indexed column.",
    ),
    (
        "55",
        500,
        "object not in prerequisite state",
        "A function: `currval` of a sequence that was not used before.",
    ),
    (
        "55P03",
        503,
        "a lock was not available in time: retry",
        "A function: `select ... for update nowait` of a row that another request changes.",
    ),
    (
        "57",
        503,
        "operator intervention: the server is starting, stopping, or ended the connection",
        "Postgres is shut down.",
    ),
    ("57014", 503, "the statement ran longer than statement_timeout_ms", "A function: `pg_sleep(60)`."),
    ("58", 500, "system errors", "A file of the database cannot be read."),
    ("F0", 500, "configuration file errors", "A function: `raise sqlstate 'F0000'`."),
    ("HV", 500, "foreign data wrapper errors", "A function: `raise sqlstate 'HV000'`."),
    ("P0", 500, "PL/pgSQL errors", "A function: `select ... into strict` without a row."),
    ("P0001", 400, "raised by a function or trigger", "A function: `raise exception 'no'`."),
    ("XX", 500, "internal errors of Postgres", "A page of the database is damaged."),
];

/// How long to wait before a retry, in seconds.
const RETRY_AFTER_S: u32 = 1;

impl Error {
    /// What the client is told.
    pub fn answer(&self) -> Answer {
        match self {
            Error::Credential(refusal) => credential(*refusal),
            Error::Selection(error) => selection(error),
            Error::Suspended => say(TENANT_SUSPENDED, "The tenant is suspended"),
            Error::Host => say(HOST, "The Host header is no host"),
            Error::NoInvitation => say(NO_INVITATION, "There is no such invitation"),
            Error::AlreadyMember => say(ALREADY_MEMBER, "You are a member of this tenant already"),
            Error::NotAUser => say(NOT_A_USER, "An API key accepts no invitations"),
            Error::NotOurs => say(NOT_OURS, "The token is another issuer's: its users sign out there"),
            Error::Request(error) => of_request(error),
            Error::Plan(error) => of_plan(error),
            Error::Database(error) => of_database(error),
            Error::NoCatalog => say(NO_CATALOG, "Nothing can be served at the moment"),
            // A token might be enough (RFC 9110 15.5.2): the challenge asks for one and calls nothing invalid.
            Error::Anonymous(error) => Answer {
                status: 401,
                challenge: Refusal::Missing.challenge().map(Into::into),
                ..error.answer()
            },
            Error::Operation { index, error } => Answer { operation: Some(*index), ..error.answer() },
            Error::NoRow => say(NO_ROW, "No row has this key"),
            Error::NotSingular { rows } => say(SINGULAR, "Cannot coerce the result to a single JSON object")
                .details(match rows {
                    Rows::None => "The result contains 0 rows",
                    Rows::Several => "The result contains more than 1 row",
                }),
            Error::OffsetBeyond { offset, total } => Answer {
                content_range: Some(response::content_range(*offset, Counted::Rows(0), Some(*total))),
                ..say(RANGE, "Requested range not satisfiable")
                    .details(format!("An offset of {offset} was requested, but there are only {total} rows."))
            },
            Error::CallWrites(refusal) => Answer { allow: Some("POST"), ..of_postgres(refusal) },
            Error::NeitherServed { name, similar } => {
                of_plan(&plan::Error::UnknownRelation { name: name.clone(), similar: similar.clone() })
            }
            Error::Told(fault) => told(fault),
            Error::MaxAffected => {
                say(MAX_AFFECTED, "Query result exceeds max-affected preference constraint")
            }
            Error::Precondition => say(PRECONDITION, "The row is not as the request expects it"),
            Error::PutKey => say(PUT_KEY, "Payload values do not match URL in primary key column(s)"),
            Error::RowTwice => say(CARDINALITY, "Two objects of the body are for the same row"),
            Error::AnswerTooLarge { limit } => {
                say(LIMIT, "The answer is too large to be held back until the commit")
                    .details(format!("held_bytes_max is {limit}"))
            }
            Error::BodyTooLarge { limit } => {
                say(BODY_TOO_LARGE, "The body is too large").details(format!("body_bytes_max is {limit}"))
            }
            Error::BodyBroken(why) => say(BODY_BROKEN, "The body did not arrive").details(*why),
            Error::Internal(_) => say(INTERNAL, "Internal error"),
        }
    }

    /// What it is to a caller without a token: want of a privilege is then want of a token.
    pub fn to_anonymous(self) -> Self {
        if self.answer().code == FORBIDDEN.code { Error::Anonymous(Box::new(self)) } else { self }
    }

    /// Whether the log should call it an error: the client did nothing wrong.
    pub fn is_server_fault(&self) -> bool {
        self.answer().status >= 500
    }
}

fn say(code: Code, message: impl Into<String>) -> Answer {
    Answer {
        code: code.code.to_owned(),
        details: None,
        hint: None,
        message: message.into(),
        operation: None,
        status: code.status,
        challenge: (code.status == 403).then(|| identity::INSUFFICIENT_SCOPE.into()),
        retry_after_s: (code.status == 503).then_some(RETRY_AFTER_S),
        allow: None,
        content_range: None,
        headers: Vec::new(),
    }
}

impl Answer {
    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(Value::String(details.into()));
        self
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

fn credential(refusal: Refusal) -> Answer {
    let answer = match refusal {
        Refusal::Missing => say(NO_TOKEN, "A bearer token is required"),
        Refusal::Ambiguous => say(CREDENTIAL, "More than one credential was sent"),
        Refusal::Unsupported => say(CREDENTIAL, "Only bearer tokens are accepted"),
        Refusal::Invalid(_) => say(BAD_TOKEN, "The token is not valid"),
        Refusal::Unavailable { retry_after_s } => {
            let answer = say(ISSUER_UNAVAILABLE, "The token cannot be verified at the moment");
            Answer { retry_after_s: Some(retry_after_s), ..answer }
        }
    };
    Answer { challenge: refusal.challenge().map(Into::into), ..answer }
}

fn selection(error: &SelectionError) -> Answer {
    match error {
        SelectionError::Invalid => say(SELECTOR_INVALID, "X-Tenant-Id must be one UUID in lower case"),
        SelectionError::Conflict => {
            say(SELECTOR_CONFLICT, "The path, X-Tenant-Id and the host name different tenants")
        }
        SelectionError::Required => say(TENANT_REQUIRED, "The token is good for several tenants")
            .hint(Some("Name one in the path or in X-Tenant-Id".to_owned())),
        SelectionError::Forbidden => say(TENANT_FORBIDDEN, "The token does not prove this tenant"),
        SelectionError::Role { name } => {
            say(ROLE_FORBIDDEN, format!("The token's role \"{name}\" is not one that requests may run as"))
        }
    }
}

fn of_request(error: &request::Error) -> Answer {
    use request::Error as E;
    match error {
        E::Query { parameter, expected, position, found } => {
            let found = if found.is_empty() { "end of input".to_owned() } else { format!("\"{found}\"") };
            say(QUERY, format!("\"failed to parse {parameter}\" (line 1, column {position})"))
                .details(format!("unexpected {found} expecting {expected}"))
        }
        E::Encoding { part } => say(QUERY, format!("The {part} is not UTF-8, or holds a NUL")),
        E::Body { expected, why } => say(BODY, format!("The body is not {expected}")).details(why.as_str()),
        E::PutWindow => say(PUT_WINDOW, "limit/offset querystring parameters are not allowed for PUT"),
        E::BodyKeysDiffer => say(BODY, "All object keys must match"),
        E::ContentType { sent } => say(CONTENT_TYPE, format!("Content-Type not acceptable: {sent}"))
            .hint(Some("Send application/json, text/csv or application/x-www-form-urlencoded".to_owned())),
        E::Range { why } => say(RANGE, "Requested range not satisfiable").details(*why),
        E::NotAcceptable { asked } => say(MEDIA, format!("None of these media types are available: {asked}")),
        E::Preference { unknown } => say(PREFERENCE, "Invalid preferences given with handling=strict")
            .details(format!("Invalid preferences: {}", unknown.join(", "))),
        E::Path => say(PATH, "Invalid path specified in request URL"),
        E::Root => say(ROOT, "There is no document at the root"),
        E::Method { allowed, .. } => {
            Answer { allow: Some(allowed), ..say(METHOD, "Unsupported HTTP method") }
        }
        E::CallMethod => Answer {
            allow: Some("GET, HEAD, POST, OPTIONS"),
            ..say(CALL_METHOD, "A function cannot be called with this method")
        },
        E::TooMany { what, setting, limit } => too_many(what, setting, *limit),
        E::NotImplemented { what } => say(NOT_IMPLEMENTED, format!("Not implemented: {what}")),
    }
}

fn told(fault: &TellFault) -> Answer {
    match fault {
        TellFault::Headers => say(
            TOLD_HEADERS,
            "response.headers must be a JSON array of objects with one key and one text each",
        ),
        TellFault::Header(name) => {
            say(TOLD_HEADERS, "response.headers has a header that a function cannot set")
                .details(name.chars().take(80).collect::<String>())
        }
        TellFault::Status => say(TOLD_STATUS, "response.status must be a number from 200 to 599"),
    }
}

fn too_many(what: &str, setting: &str, limit: u64) -> Answer {
    say(LIMIT, format!("Too many {what}")).details(format!("{setting} is {limit}"))
}

fn of_plan(error: &plan::Error) -> Answer {
    use plan::Error as E;
    match error {
        E::UnknownProfile => say(PROFILE, "Invalid schema"),
        E::UnknownRelation { name, similar } => {
            say(NO_RELATION, format!("Could not find the table '{name}' in the schema cache"))
                .hint(similar.as_ref().map(|similar| format!("Perhaps you meant the table '{similar}'")))
        }
        E::UnknownColumn { relation, column, similar } => {
            say(COLUMN, format!("column {relation}.{column} does not exist"))
                .hint(similar.as_ref().map(|similar| format!("Perhaps you meant {similar}")))
        }
        E::UnknownPayloadColumn { relation, column } => say(
            NO_COLUMN,
            format!("Could not find the '{column}' column of '{relation}' in the schema cache"),
        ),
        E::Generated { column } => say(GENERATED, format!("column \"{column}\" can only be set to DEFAULT")),
        E::UnknownType { name } => {
            say(TYPE, format!("type \"{name}\" does not exist, or cannot be cast to here"))
        }
        E::Forbidden { relation } => say(FORBIDDEN, format!("permission denied for table {relation}")),
        E::NoRelationship { from, to, hint, similar } => {
            let by_hint = hint.as_ref().map(|hint| format!(" using the hint '{hint}'")).unwrap_or_default();
            say(
                NO_RELATIONSHIP,
                format!("Could not find a relationship between '{from}' and '{to}' in the schema cache"),
            )
            .details(format!(
                "Searched for a foreign key relationship between '{from}' and '{to}'{by_hint}, but no matches were found."
            ))
            .hint(similar.as_ref().map(|similar| format!("Perhaps you meant '{similar}' instead of '{to}'.")))
        }
        E::AmbiguousRelationship { from, to, candidates } => {
            let details = candidates.iter().map(|one| {
                json!({
                    "cardinality": one.cardinality,
                    "embedding": format!("{from} with {}", one.target),
                    "relationship": one.relationship,
                })
            });
            let ways: Vec<&str> = candidates.iter().map(|one| one.way.as_str()).collect();
            let answer = say(
                AMBIGUOUS,
                format!(
                    "Could not embed because more than one relationship was found for '{from}' and '{to}'"
                ),
            );
            Answer { details: Some(details.collect()), ..answer }.hint(Some(format!(
                "Try changing '{to}' to one of the following: '{}'. Find the desired relationship in the 'details' key.",
                ways.join("', '")
            )))
        }
        E::RelatedOrder { from, to } => {
            say(RELATED_ORDER, format!("A related order on '{to}' is not possible"))
                .details(format!("'{from}' and '{to}' do not form a many-to-one or one-to-one relationship"))
        }
        E::EmbedFilter { name } => {
            say(EMBED_FILTER, format!("Bad operator on the '{name}' embedded resource"))
                .details("Only is null or not is null filters are allowed on embedded resources")
        }
        E::AggregatesOff => say(AGGREGATES, "Use of aggregate functions is not allowed"),
        E::NotEmbedded { target } => {
            say(NOT_EMBEDDED, format!("'{target}' is not an embedded resource in this request"))
                .hint(Some(format!("Verify that '{target}' is included in the 'select' query parameter.")))
        }
        E::Key { relation, columns } => {
            let message = match columns.as_slice() {
                [] => format!("{relation} has no key to find a row by"),
                columns => format!("the key of {relation} is {}", columns.join(",")),
            };
            say(KEY, message)
        }
        E::NoSuchRow => Error::NoRow.answer(),
        E::PutFilters => Answer {
            allow: Some("OPTIONS, GET, HEAD, POST, PATCH, DELETE"),
            ..say(PUT_FILTERS, "Filters must include all and only primary key columns with 'eq' operators")
        },
        E::NestedBody { why } => {
            say(BODY, "The rows nested in the body cannot be read").details(why.as_str())
        }
        E::BodyKeysDiffer => of_request(&request::Error::BodyKeysDiffer),
        E::PutBody => Error::PutKey.answer(),
        E::BodyKey { columns } => say(BODY, "Each object of the body must have the key of its row")
            .details(format!("the key is {}", columns.join(","))),
        E::NoConflictTarget { relation } => say(NO_COLUMN, format!("{relation} has no primary key"))
            .hint(Some("Name the columns of a unique constraint in on_conflict".to_owned())),
        E::Alias { alias } => say(ALIAS, format!("the name \"{alias}\" is empty or longer than 63 bytes")),
        E::Unfiltered { verb } => say(CARDINALITY, format!("{verb} requires a WHERE clause"))
            .hint(Some("Add a filter, or Prefer: handling=strict, max-affected=n".to_owned())),
        E::TooMany { what, setting, limit } => too_many(what, setting, *limit),
        E::NotImplemented { what } => say(NOT_IMPLEMENTED, format!("Not implemented: {what}")),
        E::NoPostgis => say(MEDIA, "None of these media types are available: application/geo+json"),
        E::UnknownFunction { name, given, whole, similar } => {
            let given = match (given.as_slice(), whole) {
                ([], true) => "with the whole body as its one argument without a name".to_owned(),
                ([], false) => "without parameters".to_owned(),
                (names, _) => format!("with the parameters {}", names.join(", ")),
            };
            say(NO_FUNCTION, format!("Could not find the function {name} {given} in the schema cache"))
                .details(format!("Searched for {name} {given}, but no matches were found."))
                .hint(similar.as_ref().map(|similar| format!("Perhaps you meant to call {similar}")))
        }
        E::AmbiguousFunction { candidates } => say(
            AMBIGUOUS_FUNCTION,
            format!("Could not choose the best candidate function between: {}", candidates.join(", ")),
        )
        .hint(Some(
            "Rename the function or its arguments, so that names alone tell which is meant".to_owned(),
        )),
        E::MaxAffectedOfOne => say(MAX_AFFECTED_OF_ONE, "max-affected needs a function that returns a set"),
        E::Method { allowed } => Answer { allow: Some(allowed), ..say(METHOD, "Unsupported HTTP method") },
    }
}

fn of_database(error: &db::Error) -> Answer {
    match error {
        db::Error::Connect(_) => say(CONNECT, "Database connection error. Retry the request."),
        db::Error::PoolTimeout { waited_ms } => {
            say(POOL, "Timed out acquiring connection from connection pool.")
                .details(format!("waited {waited_ms} ms"))
        }
        db::Error::Lost { outcome_unknown, .. } => say(LOST, "The connection to the database was lost")
            .details(if *outcome_unknown {
                "The write may or may not have happened"
            } else {
                "Nothing was changed"
            }),
        db::Error::Deadline { deadline_ms, outcome_unknown } => {
            let outcome = if *outcome_unknown { "; the write may or may not have happened" } else { "" };
            say(DEADLINE, "The database did not answer in time")
                .details(format!("waited {deadline_ms} ms{outcome}"))
        }
        db::Error::Statement(refusal) => of_postgres(refusal),
        db::Error::Changed => say(CHANGED, "The schema changed. Retry the request."),
        db::Error::Protocol(_) => say(INTERNAL, "Internal error"),
    }
}

/// A refusal of Postgres, in its own words.
fn of_postgres(refusal: &DbError) -> Answer {
    let code = refusal.code().code();
    if code == "PGRST" {
        return raised(refusal.message(), refusal.detail()).unwrap_or_else(malformed);
    }
    if code == STEP_UP {
        return step_up(refusal.detail());
    }
    let status = match code.strip_prefix("PT") {
        None => status_of(code),
        Some(status) => match told_status(status).filter(|status| has_body(*status)) {
            Some(status) => status,
            None => return malformed("PTnnn names no status that an error can have"),
        },
    };
    Answer {
        code: code.to_owned(),
        details: refusal.detail().map(Value::from),
        hint: refusal.hint().map(str::to_owned),
        message: split_policy(refusal)
            .map_or_else(|| refusal.message().to_owned(), |(_, without_policy)| without_policy),
        operation: None,
        status,
        challenge: challenge(status),
        retry_after_s: (status == 503).then_some(RETRY_AFTER_S),
        allow: (code == "25006").then_some("GET, HEAD"),
        content_range: None,
        headers: Vec::new(),
    }
}

/// What refused a row: a policy by its name, where it is a restrictive one, else the policies as a whole. For the audit log;
/// a client is told neither which rule it met nor that there are several.
pub fn refusing_policy(refusal: &DbError) -> Option<String> {
    Some(split_policy(refusal)?.0)
}

/// The name of the policy in a refusal of row-level security, and Postgres' words without it. `lc_messages` may be any, so
/// the place in Postgres that raised it tells what it is, and the words are only used where they are known.
fn split_policy(refusal: &DbError) -> Option<(String, String)> {
    const REFUSED: &str = "row violates row-level security policy";
    if refusal.code().code() != "42501" {
        return None;
    }
    let message = refusal.message();
    if let Some((subject, rest)) = message.split_once(REFUSED) {
        // The name may hold anything, the table's as well: the last place is the one where Postgres goes on.
        let (named, table) = rest.rsplit_once(" for table ")?;
        let (named, using) = match named.strip_suffix(" (USING expression)") {
            Some(named) => (named, " (USING expression)"),
            None => (named, ""),
        };
        let policy = match named.trim().trim_matches('"') {
            "" => "no policy allows the row".to_owned(),
            name => name.to_owned(),
        };
        return Some((policy, format!("{subject}{REFUSED}{using} for table {table}")));
    }
    (refusal.routine() == Some("ExecWithCheckOptions"))
        .then(|| (message.to_owned(), format!("new {REFUSED}")))
}

/// The SQLSTATE that `tenancy.require_recent_authentication` raises, with an age in seconds as its detail.
pub const STEP_UP: &str = "TEN70";

/// The token is good, and its login too old for this (RFC 9470 3).
fn step_up(max_age_s: Option<&str>) -> Answer {
    let max_age_s: Option<u64> = max_age_s.and_then(|text| text.parse().ok());
    let max_age = max_age_s.map(|seconds| format!(", max_age=\"{seconds}\"")).unwrap_or_default();
    let challenge = format!(
        "Bearer realm=\"rowhouse\", error=\"insufficient_user_authentication\", \
        error_description=\"A more recent authentication is required\"{max_age}"
    );
    Answer {
        challenge: Some(challenge.into()),
        ..say(REAUTHENTICATE, "A more recent authentication is required")
    }
}

/// What RFC 6750 wants to go with a refusal.
fn challenge(status: u16) -> Option<Cow<'static, str>> {
    match status {
        401 => Some("Bearer".into()),
        403 => Some(identity::INSUFFICIENT_SCOPE.into()),
        _ => None,
    }
}

/// Whether an answer of this status can say what went wrong.
fn has_body(status: u16) -> bool {
    !matches!(status, 204 | 205 | 304)
}

/// An error that a function words itself: `raise sqlstate 'PGRST'`, with JSON as its message and its detail. The words of
/// the status line are left out: HTTP/2 has none.
fn raised(message: &str, detail: Option<&str>) -> Result<Answer, &'static str> {
    #[derive(serde::Deserialize)]
    struct Said {
        code: String,
        message: String,
        details: Option<String>,
        hint: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Framed {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    }
    let said: Said = serde_json::from_str(message)
        .map_err(|_| "MESSAGE must be a JSON object with code and message, and perhaps details and hint")?;
    let framed: Framed = detail
        .and_then(|detail| serde_json::from_str(detail).ok())
        .ok_or("DETAIL must be a JSON object with status, and perhaps headers and status_text")?;
    let status = told_status(&framed.status.to_string())
        .filter(|status| has_body(*status))
        .ok_or("the status must be one from 200 to 599 that an error can have")?;
    if framed.headers.iter().any(|(name, value)| !is_header(name, value)) {
        return Err("a header of DETAIL is not a function's to set");
    }
    Ok(Answer {
        code: said.code,
        message: said.message,
        operation: None,
        details: said.details.map(Value::from),
        hint: said.hint,
        status,
        challenge: challenge(status),
        retry_after_s: (status == 503).then_some(RETRY_AFTER_S),
        allow: None,
        content_range: None,
        headers: framed.headers.into_iter().collect(),
    })
}

fn malformed(why: &'static str) -> Answer {
    say(RAISED, "A function raised an error that cannot be answered with").details(why)
}

/// The status of an SQLSTATE: that of its longest prefix in [`SQLSTATES`], else 400.
pub fn status_of(sqlstate: &str) -> u16 {
    SQLSTATES
        .iter()
        .filter(|(prefix, ..)| sqlstate.starts_with(prefix))
        .max_by_key(|(prefix, ..)| prefix.len())
        .map_or(400, |(_, status, ..)| *status)
}

/// `docs/errors.md`.
pub fn documentation() -> String {
    let mut page = String::from(
        "# Errors\n\n<!-- Made by `make docs` from src/error.rs. -->\n\n\
        Every error is JSON: `{\"code\", \"details\", \"hint\", \"message\"}`, the middle two null where there is nothing to\n\
        say; that of `POST /batch` has `operation`, too: which one failed, counted from 0, where it is one operation's.\n\
        With `Accept: application/problem+json` it is an RFC 9457 problem with the same members. `X-Request-Id`\n\
        names the request in the log. A 401 or 403 carries `WWW-Authenticate`, a 503 `Retry-After`, a 405 `Allow`.\n\n\
        Two are otherwise. `/auth/token` and `/auth/revoke` answer as OAuth has it (RFC 6749 5.2). What is not HTTP gets no further\n\
        than the HTTP library: it answers 400, or 431 for a head of more than 128 kB or 96 fields, without a body.\n\n\
        Codes that begin with `PGRST` are PostgREST's, with its meaning; those with `TEN` are Rowhouse's own; five\n\
        characters are an SQLSTATE of Postgres, with its message.\n\n\
        An example is a request of Leslie, owner of *pawnee-parks-and-rec*, to the demo (`make demo`), with her token where it\n\
        has no `Authorization`; a test sends each. Where no single request can give the error it says what happened.\n\n\
        | code | status | meaning | example |\n|---|---|---|---|\n",
    );
    for code in CODES {
        let Code { code, status, meaning, example } = code;
        let _ = writeln!(page, "| `{code}` | {status} | {meaning} | {} |", shown(example));
    }
    page.push_str(
        "\n## SQLSTATEs\n\nThe longest prefix rules; any other SQLSTATE is 400.\n\n\
        | begins with | status | what it is | example |\n|---|---|---|---|\n",
    );
    for (prefix, status, meaning, example) in SQLSTATES {
        let _ = writeln!(page, "| `{prefix}` | {status} | {meaning} | {} |", shown(example));
    }
    page
}

/// An example in a cell of a table: of a request each line.
fn shown(example: &str) -> String {
    if !is_request(example) {
        return example.to_owned();
    }
    let lines = example.lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("`{line}`")).collect::<Vec<_>>().join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_gives_the_status() {
        assert_eq!(status_of("23505"), 409);
        assert_eq!(status_of("23502"), 400);
        assert_eq!(status_of("42501"), 403);
        assert_eq!(status_of("57P01"), 503);
        assert_eq!(status_of("ZZZZZ"), 400);
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = CODES.iter().map(|code| code.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }

    #[test]
    fn an_error_says_nothing_of_its_cause() {
        let internal = Error::Internal("select secret from somewhere").answer();
        assert_eq!((internal.status, internal.message.as_str()), (500, "Internal error"));
    }
}

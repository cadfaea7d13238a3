//! Everything that a client can be told went wrong: code, status and words, made in this one place.
//!
//! Codes of the dialect are PostgREST's (<https://docs.postgrest.org/en/stable/references/errors.html>), because clients
//! branch on them; SQLSTATEs pass through; ours begin with `TEN`. `docs/errors.md` is made from the tables here.

use std::fmt::Write as _;

use serde::Serialize;
use tokio_postgres::error::DbError;

use crate::identity::{self, Refusal, SelectionError};
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
    #[error("the request does not parse: {0:?}")]
    Request(request::Error),
    #[error("the request cannot be planned: {0:?}")]
    Plan(plan::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the request role is unfit: nothing is served")]
    NoCatalog,
    #[error("no row has this key")]
    NoRow,
    #[error("the answer is not one row")]
    NotSingular { rows: Rows },
    #[error("more rows than max-affected")]
    MaxAffected,
    #[error("the answer is larger than held_bytes_max")]
    AnswerTooLarge { limit: usize },
    #[error("the body is larger than body_bytes_max")]
    BodyTooLarge { limit: u64 },
    #[error("the body did not arrive: {0}")]
    BodyBroken(&'static str),
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
    pub details: Option<String>,
    pub hint: Option<String>,
    pub message: String,
    #[serde(skip)]
    pub status: u16,
    /// `WWW-Authenticate`.
    #[serde(skip)]
    pub challenge: Option<&'static str>,
    /// `Retry-After`, in seconds.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
    /// `Allow`.
    #[serde(skip)]
    pub allow: Option<&'static str>,
}

/// A code with its status and its meaning.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub status: u16,
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $meaning:literal;)*) => {
        $( const $name: Code = Code { code: $code, status: $status, meaning: $meaning }; )*
        /// Every code that is not an SQLSTATE of Postgres' own.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    CONNECT = "PGRST000", 503, "No connection to Postgres can be made. Retry.";
    LOST = "PGRST001", 503, "The connection to Postgres was lost while it worked. Reads can be retried; `details` says whether a write may have happened.";
    NO_CATALOG = "PGRST002", 503, "The request role was found unfit while the service ran (a superuser, say), so nothing is served; `/ready` says why.";
    POOL = "PGRST003", 503, "No connection of the pool became free in time: more requests than the database can take. Retry. (PostgREST answers 504.)";
    QUERY = "PGRST100", 400, "A parameter of the query string does not follow the grammar; `details` says where.";
    BODY = "PGRST102", 400, "The body is not JSON, not an object or array of objects, or its objects have different keys.";
    RANGE = "PGRST103", 416, "The range or limit is empty or negative, or the offset lies beyond the counted rows.";
    MEDIA = "PGRST107", 406, "`Accept` lists nothing that can be produced.";
    NOT_EMBEDDED = "PGRST108", 400, "A filter, order or limit is for a relation that `select` does not embed.";
    SINGULAR = "PGRST116", 406, "One object was asked for, and the result is not one row. A write is undone.";
    METHOD = "PGRST117", 405, "The method is not one that this path has; `Allow` lists those.";
    PREFERENCE = "PGRST122", 400, "`handling=strict`, and a preference is unknown.";
    MAX_AFFECTED = "PGRST124", 400, "More rows than `max-affected` would have been touched. The write is undone.";
    PATH = "PGRST125", 404, "The path is deeper than `/{relation}/{key}`.";
    ROOT = "PGRST126", 404, "There is no document at the root.";
    NOT_IMPLEMENTED = "PGRST127", 400, "A part of the dialect that is not built yet.";
    NO_RELATIONSHIP = "PGRST200", 400, "No foreign key leads to the embedded relation.";
    AMBIGUOUS = "PGRST201", 300, "Several foreign keys lead to the embedded relation; `details` lists them, `hint` says how to choose.";
    NO_COLUMN = "PGRST204", 400, "A key of the body, of `columns` or of `on_conflict` is no column.";
    NO_RELATION = "PGRST205", 404, "No relation of this name is served.";
    BAD_TOKEN = "PGRST301", 401, "The token is not valid. One answer for every reason: signature, key, issuer, audience, time, claims.";
    NO_TOKEN = "PGRST302", 401, "No token was sent.";
    COLUMN = "42703", 400, "A column does not exist.";
    TYPE = "42704", 400, "A cast names a type that is not one of those that `select` may cast to.";
    GENERATED = "428C9", 400, "A column is generated, or an identity that Postgres alone gives its value.";
    FORBIDDEN = "42501", 403, "The tenant's role may not do this: for want of a privilege, or because a policy refuses the row.";
    UNFILTERED = "21000", 400, "PATCH or DELETE without a filter; add one, or `Prefer: handling=strict, max-affected=n`.";
    TENANT_FORBIDDEN = "TEN001", 403, "The token does not prove the tenant, or there is no such tenant. One answer for both.";
    TENANT_SUSPENDED = "TEN002", 403, "The tenant is suspended.";
    SELECTOR_INVALID = "TEN003", 400, "`X-Tenant-Id` is repeated, or no UUID in lower case.";
    SELECTOR_CONFLICT = "TEN004", 400, "The path and `X-Tenant-Id` name different tenants.";
    TENANT_REQUIRED = "TEN005", 400, "The token is good for several tenants, and the request names none.";
    CREDENTIAL = "TEN006", 400, "More than one credential (two `Authorization` headers, or one and an `access_token` in the query), or a scheme other than Bearer.";
    NO_ROW = "TEN010", 404, "No row of the tenant has this key.";
    KEY = "TEN011", 404, "The relation has no key, or one of another number of columns.";
    LIMIT = "TEN020", 400, "A limit of the configuration was passed; `details` names the setting.";
    BODY_TOO_LARGE = "TEN021", 413, "The body is larger than `body_bytes_max`.";
    BODY_BROKEN = "TEN022", 400, "The body did not arrive whole, or not in time.";
    CONTENT_TYPE = "TEN023", 415, "The body has a content type that is not read.";
    ALIAS = "TEN024", 400, "A name of the answer is longer than 63 bytes or empty.";
    DEADLINE = "TEN030", 504, "Postgres neither answered nor cancelled the statement in time. The statement is being cancelled.";
    CHANGED = "TEN031", 503, "A column has another type than when the catalog was read, which is being read again. Nothing was changed. Retry.";
    INTERNAL = "TEN099", 500, "A fault of the service. The log has the cause under the request id.";
}

/// How SQLSTATEs become statuses: the longest prefix rules. `Retry-After` goes with every 503.
pub const SQLSTATES: &[(&str, u16, &str)] = &[
    ("08", 503, "connection exceptions"),
    ("09", 500, "triggered action exceptions"),
    ("0L", 403, "invalid grantor"),
    ("0P", 403, "invalid role specification"),
    ("21", 500, "cardinality violation"),
    ("22", 400, "data exceptions: a value that its column cannot hold"),
    ("23", 400, "other integrity violations"),
    ("23503", 409, "a foreign key has no row to point at, or a row is still pointed at"),
    ("23505", 409, "a row with this key is there already"),
    ("23514", 422, "a check constraint refuses the value"),
    ("25", 500, "invalid transaction state"),
    ("25P03", 503, "the server ended a transaction that idled: retry"),
    ("25006", 405, "a read-only transaction was asked to write"),
    ("28", 403, "invalid authorization"),
    ("2D", 500, "invalid transaction termination"),
    ("38", 500, "external routine exceptions"),
    ("39", 500, "external routine invocation exceptions"),
    ("3B", 500, "savepoint exceptions"),
    ("40", 503, "the transaction was rolled back for another's sake (serialization, deadlock): retry"),
    ("42", 400, "syntax or access rule violations"),
    ("42501", 403, "insufficient privilege, or a policy refuses the row"),
    ("42883", 404, "no such function"),
    ("42P01", 404, "no such relation"),
    ("42P17", 500, "a policy recurses into itself"),
    ("53", 503, "insufficient resources"),
    ("53400", 500, "configuration limit exceeded"),
    ("54", 400, "program limit exceeded: JSON nested too deeply, a key too large for its index"),
    ("55", 500, "object not in prerequisite state"),
    ("55P03", 503, "a lock was not available in time: retry"),
    ("57", 503, "operator intervention: the server is starting, stopping, or ended the connection"),
    ("57014", 503, "the statement ran longer than statement_timeout_ms"),
    ("58", 500, "system errors"),
    ("F0", 500, "configuration file errors"),
    ("HV", 500, "foreign data wrapper errors"),
    ("P0", 500, "PL/pgSQL errors"),
    ("P0001", 400, "raised by a function or trigger"),
    ("XX", 500, "internal errors of Postgres"),
];

/// How long to wait before a retry, in seconds.
const RETRY_AFTER_S: u32 = 1;

impl Error {
    /// What the client is told.
    pub fn answer(&self) -> Answer {
        match self {
            Error::Credential(refusal) => credential(*refusal),
            Error::Selection(error) => selection(*error),
            Error::Suspended => say(TENANT_SUSPENDED, "The tenant is suspended"),
            Error::Request(error) => of_request(error),
            Error::Plan(error) => of_plan(error),
            Error::Database(error) => of_database(error),
            Error::NoCatalog => say(NO_CATALOG, "Nothing can be served at the moment"),
            Error::NoRow => say(NO_ROW, "No row has this key"),
            Error::NotSingular { rows } => say(SINGULAR, "Cannot coerce the result to a single JSON object")
                .details(match rows {
                    Rows::None => "The result contains 0 rows",
                    Rows::Several => "The result contains more than 1 row",
                }),
            Error::MaxAffected => {
                say(MAX_AFFECTED, "Query result exceeds max-affected preference constraint")
            }
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
        status: code.status,
        challenge: None,
        retry_after_s: (code.status == 503).then_some(RETRY_AFTER_S),
        allow: None,
    }
}

impl Answer {
    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
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
    };
    Answer { challenge: Some(refusal.challenge()), ..answer }
}

fn selection(error: SelectionError) -> Answer {
    match error {
        SelectionError::Invalid => say(SELECTOR_INVALID, "X-Tenant-Id must be one UUID in lower case"),
        SelectionError::Conflict => say(SELECTOR_CONFLICT, "The path and X-Tenant-Id name different tenants"),
        SelectionError::Required => say(TENANT_REQUIRED, "The token is good for several tenants")
            .hint(Some("Name one in the path or in X-Tenant-Id".to_owned())),
        SelectionError::Forbidden => say(TENANT_FORBIDDEN, "The token does not prove this tenant"),
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
        E::Body { why } => {
            say(BODY, "The body is not a JSON object or an array of objects").details(why.as_str())
        }
        E::BodyKeysDiffer => say(BODY, "All object keys must match"),
        E::ContentType { sent } => say(CONTENT_TYPE, format!("Content-Type not acceptable: {sent}"))
            .hint(Some("Send application/json".to_owned())),
        E::Range { why } => say(RANGE, "Requested range not satisfiable").details(*why),
        E::NotAcceptable { asked } => say(MEDIA, format!("None of these media types are available: {asked}")),
        E::Preference { unknown } => say(PREFERENCE, "Invalid preferences given with handling=strict")
            .details(format!("Invalid preferences: {}", unknown.join(", "))),
        E::Path => say(PATH, "Invalid path specified in request URL"),
        E::Root => say(ROOT, "There is no document at the root"),
        E::Method { allowed, .. } => {
            Answer { allow: Some(allowed), ..say(METHOD, "Unsupported HTTP method") }
        }
        E::TooMany { what, setting, limit } => too_many(what, setting, *limit),
        E::NotImplemented { what } => say(NOT_IMPLEMENTED, format!("Not implemented: {what}")),
    }
}

fn too_many(what: &str, setting: &str, limit: u64) -> Answer {
    say(LIMIT, format!("Too many {what}")).details(format!("{setting} is {limit}"))
}

fn of_plan(error: &plan::Error) -> Answer {
    use plan::Error as E;
    match error {
        E::UnknownRelation { name, similar } => {
            say(NO_RELATION, format!("Could not find the table '{name}' in the schema cache"))
                .hint(similar.as_ref().map(|similar| format!("Perhaps you meant the table '{similar}'")))
        }
        E::UnknownColumn { relation, column, similar } => {
            say(COLUMN, format!("column {relation}.{column} does not exist"))
                .hint(similar.as_ref().map(|similar| format!("Perhaps you meant {similar}")))
        }
        E::UnknownPayloadColumn { relation, column } => {
            say(NO_COLUMN, format!("Could not find the '{column}' column of '{relation}' in the schema cache"))
        }
        E::Generated { column } => say(GENERATED, format!("column \"{column}\" can only be set to DEFAULT")),
        E::UnknownType { name } => say(TYPE, format!("type \"{name}\" does not exist, or cannot be cast to here")),
        E::Forbidden { relation } => say(FORBIDDEN, format!("permission denied for table {relation}")),
        E::NoRelationship { from, to, similar } => say(
            NO_RELATIONSHIP,
            format!("Could not find a relationship between '{from}' and '{to}' in the schema cache"),
        )
        .details("Searched for a foreign key relationship, and by the hint where there is one, but no matches were found.")
        .hint(similar.as_ref().map(|similar| format!("Perhaps you meant '{similar}' instead of '{to}'."))),
        E::AmbiguousRelationship { from, to, candidates } => {
            let listed: Vec<String> = candidates
                .iter()
                .map(|one| {
                    let cardinality = if one.to_many { "one-to-many" } else { "many-to-one" };
                    format!("{cardinality} by {} ({})", one.constraint, one.columns)
                })
                .collect();
            let names: Vec<String> = candidates.iter().map(|one| format!("'{to}!{}'", one.constraint)).collect();
            say(
                AMBIGUOUS,
                format!("Could not embed because more than one relationship was found for '{from}' and '{to}'"),
            )
            .details(listed.join("; "))
            .hint(Some(format!("Try one of {}", names.join(", "))))
        }
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
        E::NoConflictTarget { relation } => say(NO_COLUMN, format!("{relation} has no primary key"))
            .hint(Some("Name the columns of a unique constraint in on_conflict".to_owned())),
        E::Alias { alias } => say(ALIAS, format!("the name \"{alias}\" is empty or longer than 63 bytes")),
        E::Unfiltered { verb } => say(UNFILTERED, format!("{verb} requires a WHERE clause"))
            .hint(Some("Add a filter, or Prefer: handling=strict, max-affected=n".to_owned())),
        E::TooMany { what, setting, limit } => too_many(what, setting, *limit),
        E::NotImplemented { what } => say(NOT_IMPLEMENTED, format!("Not implemented: {what}")),
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
    let status = status_of(code);
    Answer {
        code: code.to_owned(),
        details: refusal.detail().map(str::to_owned),
        hint: refusal.hint().map(str::to_owned),
        message: refusal.message().to_owned(),
        status,
        challenge: (status == 403).then_some(identity::INSUFFICIENT_SCOPE),
        retry_after_s: (status == 503).then_some(RETRY_AFTER_S),
        allow: (status == 405).then_some("GET, HEAD"),
    }
}

/// The status of an SQLSTATE: that of its longest prefix in [`SQLSTATES`], else 400.
pub fn status_of(sqlstate: &str) -> u16 {
    SQLSTATES
        .iter()
        .filter(|(prefix, _, _)| sqlstate.starts_with(prefix))
        .max_by_key(|(prefix, _, _)| prefix.len())
        .map_or(400, |(_, status, _)| *status)
}

/// `docs/errors.md`.
pub fn documentation() -> String {
    let mut page = String::from(
        "# Errors\n\n<!-- Made by `make docs` from src/error.rs. -->\n\n\
        Every error is JSON: `{\"code\", \"details\", \"hint\", \"message\"}`, the middle two null where there is nothing to\n\
        say. With `Accept: application/problem+json` it is an RFC 9457 problem with the same members. `X-Request-Id`\n\
        names the request in the log. A 401 or 403 carries `WWW-Authenticate`, a 503 `Retry-After`, a 405 `Allow`.\n\n\
        Codes that begin with `PGRST` are PostgREST's, with its meaning; those with `TEN` are Rowhouse's own; five\n\
        characters are an SQLSTATE of Postgres, with its message.\n\n\
        | code | status | meaning |\n|---|---|---|\n",
    );
    for code in CODES {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.code, code.status, code.meaning);
    }
    page.push_str(
        "\n## SQLSTATEs\n\nThe longest prefix rules; any other SQLSTATE is 400.\n\n\
        | begins with | status | what it is |\n|---|---|---|\n",
    );
    for (prefix, status, meaning) in SQLSTATES {
        let _ = writeln!(page, "| `{prefix}` | {status} | {meaning} |");
    }
    page
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

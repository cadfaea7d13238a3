//! The parts of the document that are the same for every relation: parameters, headers, and the errors of `error.rs`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::object::Object;
use crate::config::Config;
use crate::error::{CODES, SQLSTATES};

pub(super) fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

pub(super) fn response(name: &str) -> Value {
    json!({"$ref": format!("#/components/responses/{name}")})
}

/// References to the headers of these names.
pub(super) fn headers(names: &[&str]) -> Value {
    let references = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")})));
    Value::Object(references.collect())
}

pub(super) fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of a trusted issuer. It proves the tenant; nothing else of a request does.",
        },
    })
}

/// The parameters that operations refer to. `profiles`: the schemas that a request may choose among.
pub(super) fn add_parameters(parameters: &mut Object, config: &Config, profiles: &[&str]) {
    let rows_max = match config.rows_max {
        0 => String::new(),
        rows => format!(" An answer never has more than {rows}."),
    };
    let mut query = |name: &str, called: &str, description: &str, schema: Value| {
        let parameter = json!({"name": called, "in": "query", "description": description, "schema": schema});
        parameters.put(name, &parameter);
    };
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "format": "int64", "minimum": 0});
    query(
        "select",
        "select",
        "What each row of the answer has: columns, `alias:column`, `column::type`, `column->path`, and related rows \
        embedded as `relation(columns)`. All columns where it is left out. With it, an answer has what it names, and not \
        what its schema requires.",
        text(),
    );
    query(
        "order",
        "order",
        "Columns to sort by, separated by commas, each with `.asc` or `.desc`, `.nullsfirst` or `.nullslast`.",
        text(),
    );
    query("limit", "limit", &format!("How many rows at the most.{rows_max}"), count());
    query("offset", "offset", "How many rows to leave out at the beginning.", count());
    query("and", "and", "Conditions that must all hold: `(a.gte.1,b.eq.x)`; they nest.", text());
    query("or", "or", "Conditions of which one must hold: `(a.lt.1,b.is.null)`; they nest.", text());
    query(
        "columns",
        "columns",
        "The members of the body that are written, separated by commas; others are ignored.",
        text(),
    );
    query(
        "onConflict",
        "on_conflict",
        "The columns of the unique constraint that decides whether a row is there already, with \
        `Prefer: resolution=...`. The primary key where it is left out.",
        text(),
    );
    for (name, preferences) in PREFERENCES {
        let description =
            format!("What the client would like (RFC 7240), separated by commas: {preferences}.");
        let parameter = json!({"name": "Prefer", "in": "header", "description": description, "schema": {"type": "string"}});
        parameters.put(name, &parameter);
    }
    parameters.put(
        "range",
        &json!({
            "name": "Range",
            "in": "header",
            "description": "Which rows, counted from 0, as `0-9` or `10-`; what `limit` and `offset` leave of them.",
            "schema": {"type": "string"},
        }),
    );
    for (name, header, description) in [
        (
            "ifMatch",
            "If-Match",
            "The `ETag` of the version of the row that the request is meant for; `*` is any.",
        ),
        (
            "ifNoneMatch",
            "If-None-Match",
            "The `ETag` that the client has already; `*` is any: the row must not be there.",
        ),
    ] {
        let parameter =
            json!({"name": header, "in": "header", "description": description, "schema": {"type": "string"}});
        parameters.put(name, &parameter);
    }
    parameters.put(
        "tenant",
        &json!({
            "name": "X-Tenant-Id",
            "in": "header",
            "description": "Which tenant, where the token is good for several. `/{tenant}` before the path says the same.",
            "schema": {"type": "string", "format": "uuid"},
        }),
    );
    for (name, header) in [("acceptProfile", "Accept-Profile"), ("contentProfile", "Content-Profile")] {
        if !profiles.is_empty() {
            parameters.put(
                name,
                &json!({
                    "name": header,
                    "in": "header",
                    "description": "The schema in which the relation is looked for.",
                    // A document of one schema holds where requests name it.
                    "required": profiles.len() == 1,
                    "schema": {"type": "string", "enum": profiles},
                }),
            );
        }
    }
}

/// The preferences that each kind of request knows.
const PREFERENCES: &[(&str, &str)] = &[
    ("preferRead", "`count=exact`, `timezone=Area/City`, `handling=strict|lenient`"),
    (
        "preferInsert",
        "`return=minimal|headers-only|representation`, `resolution=merge-duplicates|ignore-duplicates`, \
        `missing=null|default`, `count=exact`, `timezone=Area/City`, `handling=strict|lenient`, `max-affected=n` (with \
        `handling=strict`)",
    ),
    (
        "preferChange",
        "`return=minimal|headers-only|representation`, `missing=null|default`, `count=exact`, `timezone=Area/City`, \
        `handling=strict|lenient`, `max-affected=n` (with `handling=strict`)",
    ),
];

pub(super) fn add_schemas(schemas: &mut Object) {
    schemas.put(
        "rowhouse.Filter",
        &json!({
            "type": "string",
            "description":
                "`operator.value`. Operators: `eq`, `neq`, `gt`, `gte`, `lt`, `lte`, `like`, `ilike` (`*` for any \
                characters), `match`, `imatch`, `in.(a,b)`, `is.null`, `isdistinct`, `cs`, `cd`, `ov`, `sl`, `sr`, `nxr`, \
                `nxl`, `adj`, `fts`, `plfts`, `phfts`, `wfts`; `not.` before any of them, `(any)` and `(all)` after some.",
        }),
    );
    schemas.put("rowhouse.Error", &error_schema());
    let mut problem = error_schema();
    problem["description"] = "The same as a problem (RFC 9457).".into();
    problem["required"] =
        json!(["code", "details", "hint", "message", "type", "title", "status", "instance"]);
    if let Some(members) = problem["properties"].as_object_mut() {
        members.insert("type".to_owned(), json!({"type": "string", "format": "uri-reference"}));
        members.insert("title".to_owned(), json!({"type": "string"}));
        members.insert("status".to_owned(), json!({"type": "integer"}));
        members.insert("instance".to_owned(), json!({"type": "string", "format": "uri"}));
    }
    schemas.put("rowhouse.Problem", &problem);
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "Why a request failed.",
        "required": ["code", "details", "hint", "message"],
        "properties": {
            "code": {
                "type": "string",
                "description":
                    "`PGRST…`: as PostgREST has it. `TEN…`: Rowhouse's own. Five characters: an SQLSTATE of Postgres.",
            },
            "details": {
                "type": ["string", "array", "null"],
                "description": "More about it; a list where several relationships could be meant.",
            },
            "hint": {"type": ["string", "null"], "description": "What may help."},
            "message": {"type": "string"},
            "operation": {
                "type": "integer",
                "minimum": 0,
                "description": "Of a batch: which of its operations failed, counted from 0.",
            },
        },
    })
}

pub(super) fn all_headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "Content-Range": text("Which rows these are, and of how many where that was counted: `0-14/*`, `*/0`, `10-19/321`."),
        "Content-Location": text("The path and query of these rows, the query sorted."),
        "Content-Profile": text("The schema that the request named."),
        "Preference-Applied": text("The preferences that were followed."),
        "Location": text("Where the row is that was written, if it was one."),
        "X-Request-Id": {
            "description": "The name of this request in the log; a UUID that the client sent is kept.",
            "schema": {"type": "string", "format": "uuid"},
        },
        "WWW-Authenticate": text("How to authenticate (RFC 6750)."),
        "Retry-After": {"description": "When to try again, in seconds.", "schema": {"type": "integer"}},
        "Allow": text("The methods that the path has."),
        "ETag": text("Of this version of what is answered, for `If-Match` and `If-None-Match`."),
    })
}

/// The responses that every relation shares: empty ones, and an error for each status that `error.rs` knows.
pub(super) fn add_responses(responses: &mut Object) {
    const WRITTEN: &[&str] =
        &["Content-Profile", "Content-Range", "Location", "Preference-Applied", "X-Request-Id"];
    let read = headers(&[
        "Content-Location",
        "Content-Profile",
        "Content-Range",
        "Preference-Applied",
        "X-Request-Id",
    ]);
    responses.put(
        "rowhouse.Head",
        &json!({"description": "What GET would answer, without the rows.", "headers": read}),
    );
    responses.put(
        "rowhouse.Done",
        &json!({"description": "Done; nothing is returned.", "headers": headers(WRITTEN)}),
    );
    let unchanged =
        json!({"description": "As in `If-None-Match`.", "headers": headers(&["ETag", "X-Request-Id"])});
    responses.put("rowhouse.Unchanged", &unchanged);
    for status in error_statuses() {
        let mut names = vec!["X-Request-Id"];
        names.extend(match status {
            401 | 403 => Some("WWW-Authenticate"),
            405 => Some("Allow"),
            416 => Some("Content-Range"),
            503 => Some("Retry-After"),
            _ => None,
        });
        let response = json!({
            "description": describe(status),
            "headers": headers(&names),
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/rowhouse.Error"}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/rowhouse.Problem"}},
            },
        });
        responses.put(&error_response(status), &response);
    }
}

/// The name of the response for an error of `status`.
pub(super) fn error_response(status: u16) -> String {
    format!("rowhouse.Error{status}")
}

fn error_statuses() -> Vec<u16> {
    let codes = CODES.iter().map(|code| code.status);
    let mut statuses: Vec<u16> = codes.chain(SQLSTATES.iter().map(|(_, status, ..)| *status)).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// The codes of `status`, and what each means.
fn describe(status: u16) -> String {
    let mut text = format!("{}\n", title(status));
    for code in CODES.iter().filter(|code| code.status == status) {
        let _ = write!(text, "\n- `{}`: {}", code.code, code.meaning);
    }
    for (prefix, _, meaning, _) in SQLSTATES.iter().filter(|(_, of, ..)| *of == status) {
        let more = if prefix.len() < 5 { "…" } else { "" };
        let _ = write!(text, "\n- `{prefix}{more}`: {meaning}");
    }
    if status == 400 {
        text.push_str("\n- any other SQLSTATE");
    }
    text
}

fn title(status: u16) -> &'static str {
    match status {
        300 => "The request can be understood in several ways.",
        400 => "The request is wrong.",
        401 => "No token, or not a valid one.",
        403 => "The tenant, or the user in it, may not do this.",
        404 => "Nothing is there, or nothing that this tenant may know of.",
        405 => "The path does not have this method.",
        406 => "The answer cannot be given in the way that was asked for.",
        409 => "Another row is in the way.",
        412 => "The row has another version.",
        413 => "The body is too large.",
        415 => "The body is of a type that is not read.",
        416 => "The rows asked for do not exist.",
        422 => "A value breaks a rule of the table.",
        503 => "Not now: try again.",
        504 => "Postgres took too long.",
        _ => "A fault of the service or of the schema.",
    }
}

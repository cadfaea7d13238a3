//! Turns a raw HTTP request into an [`ApiRequest`]: syntax only, nothing about the schema.
//!
//! Nothing here knows which relations exist, what a column's type is or who asks: a request that parses may still make
//! no sense, and `plan` says so. Pure, and linear in the size of what it reads.
//! The grammar is PostgREST's: <https://docs.postgrest.org/en/stable/references/api/tables_views.html>.

mod batch;
mod call;
mod filter;
mod media;
mod order;
mod path;
mod payload;
mod precondition;
mod prefer;
mod query_string;
mod range;
mod scan;
mod select;

use std::net::IpAddr;

use bytes::Bytes;
use uuid::Uuid;

pub use batch::{Batch, BatchItem, batch, is_batch};
pub use call::{Call, CallBody, WholeKind};
pub use filter::{Comparison, Condition, EQUALS, Field, Filter, IsValue, JsonStep, Operand};
pub use media::{Explain, ExplainFormat, ExplainTarget, Media};
pub use order::{Direction, Nulls, OrderTerm};
pub use path::{Path, PathCall, names_document, segments, split_tenant};
pub use payload::{Payload, Shape};
pub use precondition::Precondition;
pub use prefer::{Count, Handling, Missing, Preferences, Resolution, Return, TimeZone, Transaction};
pub use query_string::{canonical, names_token};
pub use range::Window;
pub use select::{Aggregate, EmbedItem, JoinKind, SelectItem};

use crate::config::Config;

/// The HTTP methods that the dialect knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Patch,
    Put,
    Delete,
    Options,
    /// Anything else; always answered 405.
    Other,
}

/// The head of a request, copied and not judged. The body comes later: nobody's is read before the token is verified.
#[derive(Debug, Default)]
pub struct RawRequest {
    pub method: Method,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The query string as sent, without the question mark.
    pub query: String,
    /// Every `Authorization` header.
    pub authorization: Vec<Bytes>,
    /// Every `X-Tenant-Id` header.
    pub tenant_headers: Vec<Bytes>,
    /// `Accept`, all headers joined by commas.
    pub accept: Option<String>,
    /// `Prefer`, all headers joined by commas.
    pub prefer: Option<String>,
    pub range: Option<String>,
    pub content_type: Option<String>,
    /// `If-Match`, all headers joined by commas.
    pub if_match: Option<String>,
    /// `If-None-Match`, all headers joined by commas.
    pub if_none_match: Option<String>,
    /// `Accept-Profile` of a GET or HEAD, else `Content-Profile`.
    pub profile: Option<String>,
    /// The `Host` header, or the authority of the request target where there is one; as sent.
    pub host: Option<Bytes>,
    /// What proxies say, or anybody.
    pub forwarded: Forwarded,
    /// The address of the connection's other end.
    pub peer: Option<IpAddr>,
    /// The client's address: `peer`, or what a trusted proxy says.
    pub client: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// The request's id, as answered in `X-Request-Id`.
    pub id: Uuid,
}

/// The headers in which proxies tell whom they speak for: every line of each.
#[derive(Debug, Default)]
pub struct Forwarded {
    /// `X-Forwarded-For`.
    pub x_for: Vec<Bytes>,
    /// `X-Forwarded-Host`.
    pub x_host: Vec<Bytes>,
    /// `Forwarded` (RFC 7239).
    pub forwarded: Vec<Bytes>,
}

/// A request that is syntactically sound.
#[derive(Debug)]
pub struct ApiRequest {
    pub path: Path,
    /// The schema that the relation is looked for in; None: any exposed one, in their order.
    pub profile: Option<String>,
    pub action: Action,
    pub select: Vec<SelectItem>,
    pub filters: Vec<Filter>,
    pub orders: Vec<Targeted<Vec<OrderTerm>>>,
    /// Windows of embedded relations; that of the top level is `window`.
    pub windows: Vec<Targeted<Window>>,
    pub window: Window,
    pub preferences: Preferences,
    pub precondition: Option<Precondition>,
    pub media: Media,
    /// Of a read: its query string in the canonical form, for `Content-Location`.
    pub canonical_query: String,
}

/// What the request wants to do.
#[derive(Debug)]
pub enum Action {
    Read {
        head: bool,
    },
    Insert {
        payload: Payload,
        columns: Option<Vec<String>>,
        on_conflict: Option<Vec<String>>,
    },
    Update {
        payload: Payload,
        columns: Option<Vec<String>>,
    },
    /// PUT: inserts or replaces the one row that the request names by its key.
    Put {
        payload: Payload,
        columns: Option<Vec<String>>,
    },
    Delete,
    Call {
        call: Call,
        columns: Option<Vec<String>>,
    },
}

/// Something said about an embedded relation: `items.order=title` has the target `["items"]`.
#[derive(Debug, PartialEq)]
pub struct Targeted<T> {
    pub target: Vec<String>,
    pub value: T,
}

/// Why a request does not parse. The text that a client sees is made in `error.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A part of the query string does not follow the grammar.
    Query {
        parameter: String,
        expected: &'static str,
        position: usize,
        found: String,
    },
    /// A percent-encoded part is not UTF-8, or holds a NUL.
    Encoding {
        part: &'static str,
    },
    /// The body is not what its content type says.
    Body {
        expected: &'static str,
        why: String,
    },
    /// The objects of an array have different keys.
    BodyKeysDiffer,
    /// A PUT with a limit or offset.
    PutWindow,
    /// A content type that is not read.
    ContentType {
        sent: String,
    },
    /// The range or limit is empty or negative.
    Range {
        why: &'static str,
    },
    /// No listed media type can be produced.
    NotAcceptable {
        asked: String,
    },
    /// `handling=strict` and an unknown or malformed preference.
    Preference {
        unknown: Vec<String>,
    },
    /// The path has more segments than `/{relation}/{key}`.
    Path,
    /// The path is empty: there is no root document yet.
    Root,
    Method {
        method: Method,
        allowed: &'static str,
    },
    /// A function is called by another method than GET, HEAD and POST.
    CallMethod,
    /// A limit of the configuration was passed.
    TooMany {
        what: &'static str,
        setting: &'static str,
        limit: u64,
    },
    /// Part of the dialect that is not built.
    NotImplemented {
        what: &'static str,
    },
}

/// Parses `raw` and its `body`. `path` is made of what [`split_tenant`] left of its path.
///
/// # Errors
/// Every variant of [`Error`].
pub fn parse(raw: &RawRequest, mut path: Path, body: &Bytes, limits: &Config) -> Result<ApiRequest, Error> {
    if raw.query.len() as u64 > limits.url_bytes_max {
        return Err(Error::TooMany {
            what: "bytes of query",
            setting: "url_bytes_max",
            limit: limits.url_bytes_max,
        });
    }
    let preferences = Preferences::parse(raw.prefer.as_deref(), limits)?;
    let precondition = Precondition::parse(raw.if_match.as_deref(), raw.if_none_match.as_deref())?;
    let media = Media::negotiate(raw.accept.as_deref(), limits)?;
    // Only where nothing else can say what the arguments are.
    let takes_arguments = path.call.is_some() && matches!(raw.method, Method::Get | Method::Head);
    let query = query_string::parse(&raw.query, takes_arguments, limits)?;
    let action = match &mut path.call {
        None => action(raw, body, query.columns, query.on_conflict)?,
        Some(path) => {
            let call = Call::parse(raw, body, std::mem::take(&mut path.pairs), query.arguments)?;
            Action::Call { call, columns: query.columns }
        }
    };
    if matches!(action, Action::Put { .. }) && query.window != Window::default() {
        return Err(Error::PutWindow);
    }
    let window = match &action {
        Action::Read { head: false }
        | Action::Call { call: Call { only_reads: true, head: false, .. }, .. } => {
            query.window.intersect(range::header(raw.range.as_deref())?)?
        }
        _ => query.window,
    };
    let canonical_query = match action {
        Action::Read { .. } => canonical(&raw.query),
        _ => String::new(),
    };
    Ok(ApiRequest {
        path,
        profile: raw.profile.clone(),
        action,
        select: query.select,
        filters: query.filters,
        orders: query.orders,
        windows: query.windows,
        window,
        preferences,
        precondition,
        media,
        canonical_query,
    })
}

fn action(
    raw: &RawRequest,
    body: &Bytes,
    columns: Option<Vec<String>>,
    on_conflict: Option<Vec<String>>,
) -> Result<Action, Error> {
    const ALLOWED: &str = "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE";
    match raw.method {
        Method::Get => Ok(Action::Read { head: false }),
        Method::Head => Ok(Action::Read { head: true }),
        Method::Post => {
            let payload = Payload::parse(raw.content_type.as_deref(), body)?;
            // What is written must be one list: that of `columns`, or the same keys in each object.
            if columns.is_none() && payload.keys_differ {
                return Err(Error::BodyKeysDiffer);
            }
            Ok(Action::Insert { payload, columns, on_conflict })
        }
        Method::Patch => {
            let payload = Payload::parse(raw.content_type.as_deref(), body)?;
            Ok(Action::Update { payload, columns })
        }
        Method::Put => {
            let payload = Payload::parse(raw.content_type.as_deref(), body)?;
            Ok(Action::Put { payload, columns })
        }
        Method::Delete => Ok(Action::Delete),
        Method::Options | Method::Other => Err(Error::Method { method: raw.method, allowed: ALLOWED }),
    }
}

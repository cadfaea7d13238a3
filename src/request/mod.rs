//! Turns a raw HTTP request into an [`ApiRequest`]: syntax only, nothing about the schema.
//!
//! Nothing here knows which relations exist, what a column's type is or who asks: a request that parses may still make
//! no sense, and `plan` says so. Pure, and linear in the size of what it reads.
//! The grammar is PostgREST's: <https://docs.postgrest.org/en/stable/references/api/tables_views.html>.

mod filter;
mod media;
mod order;
mod path;
mod payload;
mod prefer;
mod query_string;
mod range;
mod scan;
mod select;

use bytes::Bytes;

pub use filter::{Comparison, Condition, Field, Filter, IsValue, JsonStep, Operand};
pub use media::Media;
pub use order::{Direction, Nulls, OrderTerm};
pub use path::{Path, split_tenant};
pub use payload::{Payload, Shape};
pub use prefer::{Handling, Preferences, Resolution, Return};
pub use query_string::names_token;
pub use range::Window;
pub use select::{EmbedItem, JoinKind, SelectItem};

use crate::config::Config;

/// The HTTP methods that the dialect knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
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
#[derive(Debug)]
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
}

/// A request that is syntactically sound.
#[derive(Debug)]
pub struct ApiRequest {
    pub path: Path,
    pub action: Action,
    pub select: Vec<SelectItem>,
    pub filters: Vec<Filter>,
    pub orders: Vec<Targeted<Vec<OrderTerm>>>,
    /// Windows of embedded relations; that of the top level is `window`.
    pub windows: Vec<Targeted<Window>>,
    pub window: Window,
    pub preferences: Preferences,
    pub media: Media,
}

/// What the request wants to do.
#[derive(Debug)]
pub enum Action {
    Read { head: bool },
    Insert { payload: Payload, columns: Option<Vec<String>>, on_conflict: Option<Vec<String>> },
    Update { payload: Payload, columns: Option<Vec<String>> },
    Delete,
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
        why: String,
    },
    /// The objects of an array have different keys.
    BodyKeysDiffer,
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

/// Parses `raw` and its `body`. `path` is what [`split_tenant`] left of its path.
///
/// # Errors
/// Every variant of [`Error`].
pub fn parse(raw: &RawRequest, path: &str, body: &Bytes, limits: &Config) -> Result<ApiRequest, Error> {
    if raw.query.len() as u64 > limits.url_bytes_max {
        return Err(Error::TooMany {
            what: "bytes of query",
            setting: "url_bytes_max",
            limit: limits.url_bytes_max,
        });
    }
    let path = Path::parse(path)?;
    let preferences = Preferences::parse(raw.prefer.as_deref())?;
    let media = Media::negotiate(raw.accept.as_deref())?;
    let query = query_string::parse(&raw.query, limits)?;
    let action = action(raw, body, query.columns, query.on_conflict)?;
    let window = match action {
        Action::Read { head: false } => query.window.intersect(range::header(raw.range.as_deref())?)?,
        _ => query.window,
    };
    Ok(ApiRequest {
        path,
        action,
        select: query.select,
        filters: query.filters,
        orders: query.orders,
        windows: query.windows,
        window,
        preferences,
        media,
    })
}

fn action(
    raw: &RawRequest,
    body: &Bytes,
    columns: Option<Vec<String>>,
    on_conflict: Option<Vec<String>>,
) -> Result<Action, Error> {
    const ALLOWED: &str = "GET, HEAD, POST, PATCH, DELETE";
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
        Method::Delete => Ok(Action::Delete),
        Method::Put | Method::Options | Method::Other => {
            Err(Error::Method { method: raw.method, allowed: ALLOWED })
        }
    }
}

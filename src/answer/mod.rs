//! Rows into an answer: collected as far as an answer is sent whole, streamed beyond; status and headers.
//!
//! Here it is decided whether a write stands whose number of rows may undo it (`Mutation::veto`).

mod batch;
mod document;
mod options;
mod streaming;

use std::fmt::Write as _;

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use tokio_postgres::Row;

pub use batch::{Documents, batch, may_fail};
pub use document::document;
pub use options::{allow, options};
pub use streaming::Streaming;

use crate::app::App;
use crate::catalog::Returns;
use crate::db::{BatchError, BatchRows, Rows, Told};
use crate::error::{self, Error};
use crate::plan::{MutationKind, Operation, Plan, Veto};
use crate::request::{
    ApiRequest, Count, Handling, Media, Missing, Precondition, Preferences, Resolution, Return, Transaction,
};
use crate::response::{self, Counted, Encoder, Framing, Total};

/// How the rows of `plan` are put together.
pub fn framing(plan: &Plan<'_>) -> Framing {
    match plan.media {
        Media::SingularObject | Media::SingularStripped => Framing::Object,
        Media::Json | Media::JsonStripped if plan.by_key || gives_one(plan) => Framing::Object,
        Media::Json | Media::JsonStripped => Framing::Array,
        Media::Lines => Framing::Lines,
        Media::Csv => Framing::Csv,
        Media::GeoJson => Framing::Features,
        Media::Plan(_) => Framing::Text,
    }
}

/// Whether the answer is one row, or none: one object, or the row of a key in any representation.
fn is_single(plan: &Plan<'_>) -> bool {
    (plan.by_key || plan.media.is_singular() || gives_one(plan)) && !is_explained(plan)
}

/// Whether a function is called that returns no set.
fn gives_one(plan: &Plan<'_>) -> bool {
    matches!(&plan.operation, Operation::Call(call) if !call.function.returns_set)
}

/// Whether the rows are those of EXPLAIN: they say nothing of the rows of the relation.
fn is_explained(plan: &Plan<'_>) -> bool {
    matches!(plan.media, Media::Plan(_))
}

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// What functions have said: these go before `headers` of the same name.
    pub told: Vec<(String, String)>,
    pub body: Body,
}

/// The body of an answer.
pub enum Body {
    /// No body and no word of its length: 204, and HEAD, whose length would be that of a GET.
    None,
    Empty,
    Full(Bytes),
    Stream(Box<Streaming>),
}

/// The rows of a request, read to their end or as far as an answer is sent whole.
pub struct Collected {
    body: BytesMut,
    /// Rows returned.
    returned: u64,
    /// Rows that the statement touched, where it is over.
    affected: u64,
    total: Option<Total>,
    location: Vec<String>,
    inserted: Option<bool>,
    told: Told,
    /// The version of the one row.
    version: Option<String>,
    /// What is still to come.
    rest: Option<Box<Streaming>>,
}

/// How the rows of a plan are read.
struct Manner {
    /// One row, or none.
    single: bool,
    veto: Option<Veto>,
    /// Whether the rows make up a document.
    shapes: bool,
    /// Whether each row is written.
    written: bool,
}

impl Manner {
    fn of(plan: &Plan<'_>, encoder: &Encoder) -> Self {
        let (veto, head) = match &plan.operation {
            Operation::Read(read) => (None, read.head),
            Operation::Write(_) if is_explained(plan) => (None, false),
            Operation::Write(mutation) => (mutation.veto, false),
            Operation::Call(call) => (call.veto, call.read.head),
        };
        let bodied = has_body(plan);
        Self {
            single: is_single(plan),
            veto,
            shapes: bodied || encoder.has_version(),
            // HEAD of one row: its tag is that of the body which a GET would have.
            written: bodied && !head || encoder.has_version(),
        }
    }
}

/// Why an operation of a batch has no answer.
pub enum Held {
    Database(BatchError),
    Answer(Error),
}

impl Collected {
    /// Reads `rows`, and ends their transaction unless they are streamed.
    ///
    /// # Errors
    /// [`Error`]; where the number of rows forbids it, nothing was written.
    pub async fn read(mut rows: Rows, encoder: Encoder, plan: &Plan<'_>, app: &App) -> Result<Self, Error> {
        let manner = Manner::of(plan, &encoder);
        let explained = is_explained(plan);
        let whole = match &plan.operation {
            Operation::Read(_) => false,
            Operation::Write(_) if explained => true,
            // Headers of a write may depend on its last row.
            Operation::Write(mutation) => mutation.veto.is_some() || mutation.count || encoder.has_aside(),
            // What a function says of the answer is known when it is over.
            Operation::Call(_) => true,
        };
        let mut collected = Collected::nothing(plan, rows.counted, rows.planned);
        let is_call = matches!(plan.operation, Operation::Call(_));
        if !is_call {
            collected.told = rows.told().await?;
        }
        collected.begin(&encoder, &manner);
        while let Some(row) = rows.next().await? {
            // Dropping the rows rolls the transaction back.
            collected.row(&row, &encoder, &manner)?;
            if collected.body.len() > app.config.stream_bytes_min && !manner.single {
                let limit = app.config.held_bytes_max;
                let too_large = collected.body.len() > limit;
                if too_large && (manner.veto.is_some() || (whole && explained)) {
                    return Err(Error::AnswerTooLarge { limit });
                }
                // Without a veto the write is committed, whatever its size: the headers say what is known so far.
                if too_large || !whole {
                    let first = std::mem::take(&mut collected.body);
                    collected.rest = Some(Box::new(Streaming::new(first, rows, encoder, app)));
                    return Ok(collected);
                }
            }
        }
        if is_call {
            collected.told = rows.told().await?;
        }
        if let Some(error) = collected.refused(&manner, rows.affected()) {
            rows.roll_back().await?;
            return Err(error);
        }
        match &plan.operation {
            // What ANALYZE has written is undone.
            Operation::Write(_) if explained => rows.roll_back().await?,
            Operation::Call(call) if explained && !call.only_reads => rows.roll_back().await?,
            Operation::Read(_) | Operation::Write(_) | Operation::Call(_) => {
                collected.affected = rows.commit().await?;
            }
        }
        collected.end(&encoder, &manner, plan);
        Ok(collected)
    }

    /// Reads the rows of one operation of a batch to their end: at most `room` bytes of body.
    ///
    /// # Errors
    /// [`Error`], of this operation unless it says otherwise; the batch is then not to be committed.
    pub async fn hold(
        rows: &mut BatchRows,
        encoder: &Encoder,
        plan: &Plan<'_>,
        room: usize,
        app: &App,
    ) -> Result<Self, Held> {
        let manner = Manner::of(plan, encoder);
        rows.turn().await.map_err(Held::Database)?;
        let mut collected = Collected::nothing(plan, rows.counted, rows.planned);
        collected.begin(encoder, &manner);
        while let Some(row) = rows.next().await.map_err(Held::Database)? {
            collected.row(&row, encoder, &manner).map_err(Held::Answer)?;
            if collected.body.len() > room {
                return Err(Held::Answer(Error::AnswerTooLarge { limit: app.config.held_bytes_max }));
            }
        }
        if let Some(error) = collected.refused(&manner, rows.affected()) {
            return Err(Held::Answer(error));
        }
        collected.affected = rows.affected();
        collected.end(encoder, &manner, plan);
        Ok(collected)
    }

    fn nothing(plan: &Plan<'_>, counted: Option<u64>, planned: Option<u64>) -> Self {
        Collected {
            body: BytesMut::new(),
            returned: 0,
            affected: 0,
            total: match &plan.operation {
                Operation::Read(read) => Total::new(counted, planned, read.rows_max),
                Operation::Call(call) => Total::new(counted, planned, call.read.rows_max),
                Operation::Write(_) => None,
            },
            location: Vec::new(),
            inserted: None,
            told: Told::default(),
            version: None,
            rest: None,
        }
    }

    fn begin(&mut self, encoder: &Encoder, manner: &Manner) {
        if manner.shapes {
            encoder.begin(&mut self.body);
        }
    }

    /// Takes the next row.
    fn row(&mut self, row: &Row, encoder: &Encoder, manner: &Manner) -> Result<(), Error> {
        self.returned += 1;
        if let Some(error) = manner.veto.and_then(|veto| self.too_many(veto)) {
            return Err(error);
        }
        if manner.single && self.returned > 1 {
            return Err(Error::NotSingular { rows: error::Rows::Several });
        }
        if manner.written {
            encoder.row(&mut self.body, self.returned == 1, row).map_err(|_| UNREADABLE)?;
        }
        if encoder.has_aside() {
            let aside = encoder.aside(row).map_err(|_| UNREADABLE)?;
            self.location = aside.location;
            self.version = aside.version;
            self.inserted = match (self.inserted, aside.inserted) {
                (Some(before), Some(now)) => Some(before || now),
                (before, now) => now.or(before),
            };
        }
        Ok(())
    }

    /// Why the rows, all of them read, undo what was written.
    fn refused(&self, manner: &Manner, affected: u64) -> Option<Error> {
        let touched = affected.max(self.returned);
        match manner.veto {
            Some(Veto::UnlessOne) if touched == 0 => Some(NOT_ONE),
            // Where no row is returned, only the end tells.
            Some(Veto::UnlessOne) if touched > 1 => Some(Error::NotSingular { rows: error::Rows::Several }),
            Some(Veto::Above(rows_max)) if touched > rows_max => Some(Error::MaxAffected),
            Some(Veto::UnlessOne | Veto::Above(_)) | None => None,
        }
    }

    fn end(&mut self, encoder: &Encoder, manner: &Manner, plan: &Plan<'_>) {
        if manner.shapes {
            let is_call = matches!(plan.operation, Operation::Call(_));
            if is_call && framing(plan) == Framing::Object && self.returned == 0 {
                self.body.extend_from_slice(b"null");
            }
            encoder.end(&mut self.body);
        }
    }

    /// The error that the rows so far already make certain.
    fn too_many(&self, veto: Veto) -> Option<Error> {
        match veto {
            Veto::UnlessOne if self.returned > 1 => Some(Error::NotSingular { rows: error::Rows::Several }),
            Veto::Above(rows) if self.returned > rows => Some(Error::MaxAffected),
            Veto::UnlessOne | Veto::Above(_) => None,
        }
    }

    /// The tag of one row's representation (RFC 9110, 8.8.3), without its quotes: what the row is, and what is shown.
    fn etag(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        let shown = digest::digest(&digest::SHA256, &self.body);
        let mut tag = format!("{version}-");
        for byte in &shown.as_ref()[..8] {
            let _ = write!(tag, "{byte:02x}");
        }
        Some(tag)
    }

    /// Status, headers and body.
    ///
    /// # Errors
    /// No row where there must be one, or an offset beyond the counted rows.
    pub fn reply(
        self,
        plan: &Plan<'_>,
        request: &ApiRequest,
        selector: Option<uuid::Uuid>,
    ) -> Result<Reply, Error> {
        let single = is_single(plan);
        let mut headers = Vec::with_capacity(8);
        let status = match &plan.operation {
            _ if is_explained(plan) => 200,
            Operation::Read(read) => {
                if self.rest.is_none() && single && self.returned == 0 {
                    return Err(if plan.by_key { absent(request) } else { NOT_ONE });
                }
                match (&request.precondition, self.etag()) {
                    (Some(Precondition::Matches(tags)), Some(tag)) if !tags.contains(&tag) => {
                        return Err(Error::Precondition);
                    }
                    (Some(Precondition::Differs(tags)), Some(tag)) if tags.contains(&tag) => {
                        return Ok(unmodified(&tag));
                    }
                    (Some(Precondition::IsNew), Some(tag)) => return Ok(unmodified(&tag)),
                    _ => {}
                }
                let offset = read.root.offset;
                let total = self.total.map(|total| total.given(offset, self.returned));
                // Of an answer under way, as many as there should be.
                let expected = total.map_or(u64::MAX, |total| {
                    let left = total.saturating_sub(offset);
                    read.root.limit.map_or(left, |limit| left.min(limit))
                });
                let is_exact = self.total.is_some_and(|total| total.is_exact());
                let (rows, counted) = match &self.rest {
                    None => (self.returned, Counted::Rows(self.returned)),
                    Some(_) if is_exact => (expected, Counted::Rows(expected)),
                    Some(_) => (expected, Counted::Streaming),
                };
                headers.push(("content-range", response::content_range(offset, counted, total)));
                headers.push(("content-location", content_location(plan, request, selector)));
                response::read_status(offset, rows, total)
                    .ok_or(Error::OffsetBeyond { offset, total: total.unwrap_or_default() })?
            }
            Operation::Call(call) if call.function.returns == Returns::Void => 204,
            Operation::Call(call) => {
                if plan.media.is_singular() && self.returned == 0 {
                    return Err(NOT_ONE);
                }
                let (offset, limit) = (call.read.root.offset, call.read.root.limit);
                // Of rows that cannot be counted apart the number is known where none was left out.
                let all =
                    limit.is_none_or(|limit| self.returned < limit) && (self.returned > 0 || offset == 0);
                let counted = (call.count && all && self.rest.is_none()).then_some(offset + self.returned);
                let total = self.total.map(|total| total.given(offset, self.returned)).or(counted);
                let rows = match self.rest {
                    None => Counted::Rows(self.returned),
                    Some(_) => Counted::Streaming,
                };
                headers.push(("content-range", response::content_range(offset, rows, total)));
                let rows = if self.rest.is_none() { self.returned } else { u64::MAX };
                response::read_status(offset, rows, total)
                    .ok_or(Error::OffsetBeyond { offset, total: total.unwrap_or_default() })?
            }
            Operation::Write(mutation) => {
                let rows = self.returned.max(self.affected);
                if matches!(mutation.kind, MutationKind::Put { .. }) && rows == 0 {
                    return Err(if request.precondition.is_some() {
                        Error::Precondition
                    } else {
                        Error::PutKey
                    });
                }
                if plan.by_key && self.rest.is_none() && rows == 0 {
                    return Err(absent(request));
                }
                let total = (mutation.count && self.rest.is_none()).then_some(rows);
                let counted = if self.rest.is_some() { Counted::Streaming } else { Counted::Rows(rows) };
                let range = match mutation.kind {
                    MutationKind::Update { .. } => response::content_range(0, counted, total),
                    MutationKind::Insert { .. } | MutationKind::Put { .. } | MutationKind::Delete => {
                        response::content_range(0, Counted::Rows(0), total)
                    }
                };
                headers.push(("content-range", range));
                if self.returned == 1 && self.rest.is_none() && !self.location.is_empty() {
                    headers.push(("location", location(plan, &self.location, selector)));
                }
                match (&mutation.kind, mutation.returns) {
                    // A merge that inserted nothing created nothing.
                    (MutationKind::Insert { conflict: Some(conflict), .. }, _)
                        if conflict.tells_inserted && self.inserted != Some(true) =>
                    {
                        200
                    }
                    (MutationKind::Insert { .. }, _) => 201,
                    (MutationKind::Put { conflict, .. }, _)
                        if self.inserted == Some(true)
                            || conflict.resolution == Resolution::IgnoreDuplicates =>
                    {
                        201
                    }
                    (_, Return::Representation) => 200,
                    (_, Return::Minimal | Return::HeadersOnly) => 204,
                }
            }
        };
        if let Some(applied) = preference_applied(request, plan) {
            headers.push(("preference-applied", applied));
        }
        if let Some(profile) = &request.profile {
            headers.push(("content-profile", profile.clone()));
        }
        if let Some(tag) = self.etag() {
            headers.push(("etag", format!("\"{tag}\"")));
        }
        headers.push(("vary", VARY.to_owned()));
        let is_head = match &plan.operation {
            Operation::Read(read) => read.head,
            Operation::Call(call) => call.read.head,
            Operation::Write(_) => false,
        };
        let told = response::read_told(self.told.status.as_deref(), self.told.headers.as_deref())
            .map_err(Error::Told)?;
        let status = told.status.unwrap_or(status);
        if has_body(plan) || is_head {
            headers.push(("content-type", content_type(plan)));
        }
        let body = match self.rest {
            Some(rest) => Body::Stream(rest),
            None if is_head || matches!(status, 204 | 205 | 304) => Body::None,
            None if !has_body(plan) => Body::Empty,
            None => Body::Full(self.body.freeze()),
        };
        Ok(Reply { status, headers, told: told.headers, body })
    }
}

/// What is answered where no row has the key.
pub fn absent(request: &ApiRequest) -> Error {
    match request.precondition {
        Some(Precondition::Exists | Precondition::Matches(_)) => Error::Precondition,
        Some(Precondition::IsNew | Precondition::Differs(_)) | None => Error::NoRow,
    }
}

/// 304: the client has what it would be given.
fn unmodified(tag: &str) -> Reply {
    let headers = vec![("etag", format!("\"{tag}\"")), ("vary", VARY.to_owned())];
    Reply { status: 304, headers, told: Vec::new(), body: Body::None }
}

const VARY: &str = "Accept, Accept-Profile, Prefer, Range, X-Tenant-Id";
const UNREADABLE: Error = Error::Internal("a column is not what the catalog says: has its type changed?");
const NOT_ONE: Error = Error::NotSingular { rows: error::Rows::None };

fn content_type(plan: &Plan<'_>) -> String {
    match plan.media {
        // The row of a key is an object, whatever list was asked for.
        Media::JsonStripped if plan.by_key || gives_one(plan) => Media::SingularStripped.content_type(),
        media => media.content_type(),
    }
}

/// Whether the answer has a body at all.
fn has_body(plan: &Plan<'_>) -> bool {
    match &plan.operation {
        Operation::Read(read) => !read.head,
        Operation::Write(_) if is_explained(plan) => true,
        Operation::Write(mutation) => mutation.returns == Return::Representation,
        Operation::Call(call) if is_explained(plan) => !call.read.head,
        Operation::Call(call) => !call.read.head && call.function.returns != Returns::Void,
    }
}

/// Where the rows of a read are: its path, and its query in the canonical form.
fn content_location(plan: &Plan<'_>, request: &ApiRequest, selector: Option<uuid::Uuid>) -> String {
    let mut location = location(plan, request.path.key.as_deref().unwrap_or_default(), selector);
    if !request.canonical_query.is_empty() {
        location.push('?');
        location.push_str(&request.canonical_query);
    }
    location
}

/// `/links/abc`, below the tenant where the request named it in its path.
fn location(plan: &Plan<'_>, key: &[String], selector: Option<uuid::Uuid>) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let mut location = String::new();
    if let Some(tenant) = selector {
        location.push('/');
        location.push_str(&tenant.to_string());
    }
    location.push('/');
    location.extend(utf8_percent_encode(plan.relation.name.name(), KEPT));
    for (index, value) in key.iter().enumerate() {
        location.push(if index == 0 { '/' } else { ',' });
        location.extend(utf8_percent_encode(value, KEPT));
    }
    location
}

/// The preferences that were followed, in the dialect's order.
fn preference_applied(request: &ApiRequest, plan: &Plan<'_>) -> Option<String> {
    let preferences = &request.preferences;
    let mut applied = Vec::new();
    if let Operation::Write(mutation) = &plan.operation {
        if matches!(mutation.kind, MutationKind::Insert { conflict: Some(_), .. }) {
            applied.push(match preferences.resolution {
                Some(Resolution::IgnoreDuplicates) => "resolution=ignore-duplicates".to_owned(),
                Some(Resolution::MergeDuplicates) | None => "resolution=merge-duplicates".to_owned(),
            });
        }
        let takes_body = !matches!(mutation.kind, MutationKind::Delete | MutationKind::Put { .. });
        match preferences.missing.filter(|_| takes_body) {
            None => {}
            Some(Missing::Null) => applied.push("missing=null".to_owned()),
            Some(Missing::Default) => applied.push("missing=default".to_owned()),
        }
        match preferences.return_ {
            None => {}
            Some(Return::Minimal) => applied.push("return=minimal".to_owned()),
            Some(Return::HeadersOnly) => applied.push("return=headers-only".to_owned()),
            Some(Return::Representation) => applied.push("return=representation".to_owned()),
        }
    }
    let is_counted = match &plan.operation {
        Operation::Call(call) => call.count || call.read.count.is_some(),
        Operation::Read(_) | Operation::Write(_) => true,
    };
    match preferences.count.filter(|_| is_counted) {
        None => {}
        Some(Count::Exact) => applied.push("count=exact".to_owned()),
        Some(Count::Planned) => applied.push("count=planned".to_owned()),
        Some(Count::Estimated) => applied.push("count=estimated".to_owned()),
    }
    applied.extend(applied_to_all(preferences));
    let bounded = match &plan.operation {
        Operation::Read(_) => false,
        Operation::Write(mutation) => {
            matches!(mutation.kind, MutationKind::Update { .. } | MutationKind::Delete)
        }
        Operation::Call(call) => call.veto.is_some(),
    };
    if let (Some(rows), true) = (preferences.max_affected, bounded) {
        applied.push(format!("max-affected={rows}"));
    }
    (!applied.is_empty()).then(|| applied.join(", "))
}

/// Those that are of the transaction as a whole.
fn applied_to_all(preferences: &Preferences) -> impl Iterator<Item = String> {
    let transaction = preferences.transaction.map(|transaction| match transaction {
        Transaction::Commit => "tx=commit".to_owned(),
        Transaction::RollBack => "tx=rollback".to_owned(),
    });
    let handling = preferences.handling.map(|handling| match handling {
        Handling::Strict => "handling=strict".to_owned(),
        Handling::Lenient => "handling=lenient".to_owned(),
    });
    let zone = preferences.time_zone.as_ref().map(|zone| format!("timezone={}", zone.sent()));
    [transaction, handling, zone].into_iter().flatten()
}

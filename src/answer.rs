//! Rows into an answer: collected as far as an answer is sent whole, streamed beyond; status and headers.
//!
//! Here it is decided whether a write stands whose number of rows may undo it (`Mutation::veto`).

use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::app::App;
use crate::db::Rows;
use crate::error::{self, Error};
use crate::plan::{MutationKind, Operation, Plan, Veto};
use crate::request::{self, ApiRequest, Handling, Media, Resolution, Return};
use crate::response::{self, Counted, Encoder};

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
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
    total: Option<u64>,
    location: Vec<String>,
    inserted: Option<bool>,
    /// What is still to come.
    rest: Option<Box<Streaming>>,
}

impl Collected {
    /// Reads `rows`, and ends their transaction unless they are streamed.
    ///
    /// # Errors
    /// [`Error`]; where the number of rows forbids it, nothing was written.
    pub async fn read(mut rows: Rows, encoder: Encoder, plan: &Plan<'_>, app: &App) -> Result<Self, Error> {
        let single = plan.by_key || plan.media == Media::SingularObject;
        let (veto, head, whole) = match &plan.operation {
            Operation::Read(read) => (None, read.head, false),
            // Headers of a write may depend on its last row.
            Operation::Write(mutation) => {
                let whole = mutation.veto.is_some() || mutation.count || encoder.has_aside();
                (mutation.veto, false, whole)
            }
        };
        let bodied = has_body(plan);
        let mut collected = Collected {
            body: BytesMut::new(),
            returned: 0,
            affected: 0,
            total: rows.total,
            location: Vec::new(),
            inserted: None,
            rest: None,
        };
        if bodied && !single {
            collected.body.put_u8(b'[');
        }
        while let Some(row) = rows.next().await? {
            collected.returned += 1;
            if let Some(error) = veto.and_then(|veto| collected.too_many(veto)) {
                // Dropping the rows rolls the transaction back.
                return Err(error);
            }
            if single && collected.returned > 1 {
                return Err(Error::NotSingular { rows: error::Rows::Several });
            }
            if bodied && !head {
                if collected.returned > 1 {
                    collected.body.put_u8(b',');
                }
                encoder.object(&mut collected.body, &row).map_err(|_| UNREADABLE)?;
            }
            if encoder.has_aside() {
                let aside = encoder.aside(&row).map_err(|_| UNREADABLE)?;
                collected.location = aside.location;
                collected.inserted = match (collected.inserted, aside.inserted) {
                    (Some(before), Some(now)) => Some(before || now),
                    (before, now) => now.or(before),
                };
            }
            if collected.body.len() > app.config.stream_bytes_min && !single {
                let limit = app.config.held_bytes_max;
                let too_large = collected.body.len() > limit;
                if too_large && veto.is_some() {
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
        let touched = rows.affected().max(collected.returned);
        let refused = match veto {
            Some(Veto::UnlessOne) if touched == 0 => Some(NOT_ONE),
            // Where no row is returned, only the end tells.
            Some(Veto::UnlessOne) if touched > 1 => Some(Error::NotSingular { rows: error::Rows::Several }),
            Some(Veto::Above(rows_max)) if touched > rows_max => Some(Error::MaxAffected),
            Some(Veto::UnlessOne | Veto::Above(_)) | None => None,
        };
        if let Some(error) = refused {
            rows.roll_back().await?;
            return Err(error);
        }
        collected.affected = rows.commit().await?;
        if bodied && !single {
            collected.body.put_u8(b']');
        }
        Ok(collected)
    }

    /// The error that the rows so far already make certain.
    fn too_many(&self, veto: Veto) -> Option<Error> {
        match veto {
            Veto::UnlessOne if self.returned > 1 => Some(Error::NotSingular { rows: error::Rows::Several }),
            Veto::Above(rows) if self.returned > rows => Some(Error::MaxAffected),
            Veto::UnlessOne | Veto::Above(_) => None,
        }
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
        let single = plan.by_key || plan.media == Media::SingularObject;
        let mut headers = Vec::with_capacity(6);
        let status = match &plan.operation {
            Operation::Read(read) => {
                if self.rest.is_none() && single && self.returned == 0 {
                    return Err(if plan.by_key { Error::NoRow } else { NOT_ONE });
                }
                let offset = read.root.offset;
                let expected = match (&self.rest, self.total) {
                    (None, _) => Counted::Rows(self.returned),
                    (Some(_), None) => Counted::Streaming,
                    (Some(_), Some(total)) => {
                        let left = total.saturating_sub(offset);
                        Counted::Rows(read.root.limit.map_or(left, |limit| left.min(limit)))
                    }
                };
                headers.push(("content-range", response::content_range(offset, expected, self.total)));
                let rows = match expected {
                    Counted::Rows(rows) => rows,
                    Counted::Streaming => u64::MAX,
                };
                response::read_status(offset, rows, self.total).ok_or(Error::Request(
                    request::Error::Range { why: "The offset lies beyond the counted rows." },
                ))?
            }
            Operation::Write(mutation) => {
                let rows = self.returned.max(self.affected);
                if plan.by_key && self.rest.is_none() && rows == 0 {
                    return Err(Error::NoRow);
                }
                let total = (mutation.count && self.rest.is_none()).then_some(rows);
                let counted = if self.rest.is_some() { Counted::Streaming } else { Counted::Rows(rows) };
                let range = match mutation.kind {
                    MutationKind::Update { .. } => response::content_range(0, counted, total),
                    MutationKind::Insert { .. } | MutationKind::Delete => {
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
                    (_, Return::Representation) => 200,
                    (_, Return::Minimal | Return::HeadersOnly) => 204,
                }
            }
        };
        if let Some(applied) = preference_applied(request, plan) {
            headers.push(("preference-applied", applied));
        }
        headers.push(("vary", "Accept, Prefer, Range, X-Tenant-Id".to_owned()));
        let is_head = matches!(&plan.operation, Operation::Read(read) if read.head);
        if has_body(plan) || is_head {
            headers.push(("content-type", plan.media.content_type().to_owned()));
        }
        let body = match self.rest {
            Some(rest) => Body::Stream(rest),
            None if is_head || status == 204 => Body::None,
            None if !has_body(plan) => Body::Empty,
            None => Body::Full(self.body.freeze()),
        };
        Ok(Reply { status, headers, body })
    }
}

const UNREADABLE: Error = Error::Internal("a column is not what the catalog says: has its type changed?");
const NOT_ONE: Error = Error::NotSingular { rows: error::Rows::None };

/// Whether the answer has a body at all.
fn has_body(plan: &Plan<'_>) -> bool {
    match &plan.operation {
        Operation::Read(read) => !read.head,
        Operation::Write(mutation) => mutation.returns == Return::Representation,
    }
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
        match preferences.return_ {
            None => {}
            Some(Return::Minimal) => applied.push("return=minimal".to_owned()),
            Some(Return::HeadersOnly) => applied.push("return=headers-only".to_owned()),
            Some(Return::Representation) => applied.push("return=representation".to_owned()),
        }
    }
    if preferences.count_exact {
        applied.push("count=exact".to_owned());
    }
    match preferences.handling {
        None => {}
        Some(Handling::Strict) => applied.push("handling=strict".to_owned()),
        Some(Handling::Lenient) => applied.push("handling=lenient".to_owned()),
    }
    if let (Some(rows), Operation::Write(_)) = (preferences.max_affected, &plan.operation) {
        applied.push(format!("max-affected={rows}"));
    }
    (!applied.is_empty()).then(|| applied.join(", "))
}

/// An answer larger than what is sent whole: rows are read only as fast as the client takes them.
///
/// A task of its own reads them, because nothing polls the body of a client that takes nothing: the connection must be
/// free again at the deadline all the same.
pub struct Streaming {
    parts: mpsc::Receiver<Part>,
    whole: bool,
}

/// What the reading task hands over.
enum Part {
    Chunk(Bytes),
    /// The end, which comes only once the transaction is committed.
    Last(Bytes),
    Broken(Error),
}

impl Streaming {
    fn new(first: BytesMut, rows: Rows, encoder: Encoder, app: &App) -> Self {
        let (sender, parts) = mpsc::channel(1);
        let chunk_bytes = app.config.stream_bytes_min;
        tokio::spawn(async move {
            let deadline = rows.deadline();
            let reading = read_on(first, rows, encoder, chunk_bytes, &sender);
            // However it ends, dropping the rows before their end cancels the statement.
            tokio::select! {
                () = sender.closed() => {}
                _ = tokio::time::timeout_at(deadline, reading) => {}
            }
        });
        Streaming { parts, whole: false }
    }

    /// The next part of the body; None at its end.
    ///
    /// An [`Error`] comes after the status is sent, so all that remains is to break the transfer off.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(match ready!(self.parts.poll_recv(context)) {
            Some(Part::Chunk(bytes)) => Some(Ok(bytes)),
            Some(Part::Last(bytes)) => {
                self.whole = true;
                Some(Ok(bytes))
            }
            Some(Part::Broken(error)) => Some(Err(error)),
            None if self.whole => None,
            None => Some(Err(Error::Internal("the client did not take the answer before the deadline"))),
        })
    }
}

/// Hands the rows over in chunks, to their end or to the first error.
async fn read_on(
    first: BytesMut,
    mut rows: Rows,
    encoder: Encoder,
    chunk_bytes: usize,
    parts: &mpsc::Sender<Part>,
) -> Result<(), mpsc::error::SendError<Part>> {
    parts.send(Part::Chunk(first.freeze())).await?;
    loop {
        let mut chunk = BytesMut::with_capacity(chunk_bytes + chunk_bytes / 4);
        match next_chunk(&mut rows, &encoder, &mut chunk, chunk_bytes).await {
            Ok(More::Rows) => parts.send(Part::Chunk(chunk.freeze())).await?,
            Ok(More::Nothing) => {
                break match rows.commit().await {
                    Ok(_) => {
                        chunk.put_u8(b']');
                        parts.send(Part::Last(chunk.freeze())).await
                    }
                    Err(error) => parts.send(Part::Broken(error.into())).await,
                };
            }
            Err(error) => break parts.send(Part::Broken(error)).await,
        }
    }
}

/// Whether rows may follow.
enum More {
    Rows,
    Nothing,
}

async fn next_chunk(
    rows: &mut Rows,
    encoder: &Encoder,
    chunk: &mut BytesMut,
    chunk_bytes: usize,
) -> Result<More, Error> {
    while let Some(row) = rows.next().await? {
        chunk.put_u8(b',');
        encoder.object(chunk, &row).map_err(|_| UNREADABLE)?;
        if chunk.len() >= chunk_bytes {
            return Ok(More::Rows);
        }
    }
    Ok(More::Nothing)
}

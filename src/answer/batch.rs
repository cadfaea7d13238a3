//! The answer to a batch: a list of what each operation would have been answered alone.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Body, Reply, VARY, applied_to_all, has_body, is_single};
use crate::catalog::Returns;
use crate::db::Told;
use crate::error::Error;
use crate::plan::{MutationKind, Operation, Plan};
use crate::request::{Media, Preferences, Return};
use crate::response;

/// Whether an answer to `plan` may be an error that Postgres does not know of, also where it is only too large: then the
/// commit waits for it.
pub fn may_fail(plan: &Plan<'_>) -> bool {
    match &plan.operation {
        // No such row, not one row, an offset beyond the end.
        Operation::Read(_) => true,
        Operation::Write(mutation) => {
            let by_key = plan.by_key || matches!(mutation.kind, MutationKind::Put { .. });
            mutation.veto.is_some() || by_key || is_single(plan) || mutation.returns == Return::Representation
        }
        Operation::Call(call) => call.veto.is_some() || call.function.returns != Returns::Void,
    }
}

/// Answers to operations, as one JSON array.
pub struct Documents {
    array: BytesMut,
    is_first: bool,
    bodies: usize,
}

impl Default for Documents {
    fn default() -> Self {
        Self { array: BytesMut::from("["), is_first: true, bodies: 0 }
    }
}

impl Documents {
    /// How many bytes of body there are so far: what else there is, the request bounds.
    pub fn held(&self) -> usize {
        self.bodies
    }

    /// Appends the answer to an operation; `plan` says whether its body is JSON.
    ///
    /// # Errors
    /// [`Error::Internal`] where the answer is not held whole, or is no text.
    pub fn push(&mut self, plan: &Plan<'_>, reply: &Reply) -> Result<(), Error> {
        const UNTOLD: Error = Error::Internal("the answer to an operation of a batch cannot be told");
        if !std::mem::take(&mut self.is_first) {
            self.array.extend_from_slice(b",");
        }
        let headers: serde_json::Map<_, _> =
            reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let headers = serde_json::Value::Object(headers);
        self.array.extend_from_slice(
            format!(r#"{{"status":{},"headers":{headers},"body":"#, reply.status).as_bytes(),
        );
        let before = self.array.len();
        match &reply.body {
            Body::Full(bytes) if has_body(plan) && !is_text(plan.media) => {
                self.array.extend_from_slice(bytes)
            }
            Body::Full(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| UNTOLD)?;
                serde_json::to_writer((&mut self.array).writer(), text).map_err(|_| UNTOLD)?;
            }
            Body::None | Body::Empty => self.array.extend_from_slice(b"null"),
            Body::Stream(_) => return Err(UNTOLD),
        }
        self.bodies += self.array.len() - before;
        self.array.extend_from_slice(b"}");
        Ok(())
    }

    /// The whole of them.
    pub fn end(mut self) -> Bytes {
        self.array.extend_from_slice(b"]");
        self.array.freeze()
    }
}

/// The answer to the batch; `told` is what `pre_request` has said of it.
///
/// # Errors
/// [`Error::Told`].
pub fn batch(documents: Documents, told: Told, preferences: &Preferences) -> Result<Reply, Error> {
    let told = response::read_told(told.status.as_deref(), told.headers.as_deref()).map_err(Error::Told)?;
    let mut headers = vec![("content-type", Media::Json.content_type()), ("vary", VARY.to_owned())];
    let applied: Vec<_> = applied_to_all(preferences).collect();
    if !applied.is_empty() {
        headers.push(("preference-applied", applied.join(", ")));
    }
    let status = told.status.unwrap_or(200);
    let body = match status {
        204 | 205 | 304 => Body::None,
        _ => Body::Full(documents.end()),
    };
    Ok(Reply { status, headers, told: told.headers, body })
}

/// Whether a representation is no JSON: it is told as a JSON string.
fn is_text(media: Media) -> bool {
    match media {
        Media::Csv | Media::Lines | Media::Plan(_) => true,
        Media::Json
        | Media::JsonStripped
        | Media::SingularObject
        | Media::SingularStripped
        | Media::GeoJson => false,
    }
}

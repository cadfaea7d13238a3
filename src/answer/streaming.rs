//! Answers larger than what is sent whole: rows are read only as fast as the client takes them.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::UNREADABLE;
use crate::app::App;
use crate::db::Rows;
use crate::error::Error;
use crate::response::Encoder;

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
    pub(super) fn new(first: BytesMut, rows: Rows, encoder: Encoder, app: &App) -> Self {
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
                        encoder.end(&mut chunk);
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
        encoder.row(chunk, false, &row).map_err(|_| UNREADABLE)?;
        if chunk.len() >= chunk_bytes {
            return Ok(More::Rows);
        }
    }
    Ok(More::Nothing)
}

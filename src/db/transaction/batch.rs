//! Several statements in one tenant transaction: all of them leave in the flush that begins it.
//!
//! COMMIT leaves with them where nothing that comes back can undo them ([`End::Commit`]), else once all is read.

use std::collections::VecDeque;

use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, poll_fn};
use futures_util::{FutureExt, StreamExt};
use tokio_postgres::{Row, RowStream};

use super::{
    Answer, Deadline, End, Error, Held, Ready, Statement, TOLD, TakeOutput, Told, ask, begin, call_first,
    count_of, counted, rows, rows_expected, settings, stale,
};
use crate::catalog::Encoding;
use crate::db::pool::Pool;
use crate::query::Prologue;

/// What one batch asks of Postgres.
#[derive(Debug)]
pub struct BatchWork {
    pub prologue: Prologue,
    /// As for `Work`; runs once.
    pub pre_request: Option<String>,
    pub questions: Vec<Question>,
    pub end: End,
    /// Whether it ends with ROLLBACK where it would end with COMMIT.
    pub discard: bool,
    pub writes: bool,
}

/// The statements of one operation.
#[derive(Debug)]
pub struct Question {
    pub count: Option<Statement>,
    pub planned: Option<Statement>,
    pub statement: Statement,
    pub encodings: Vec<Encoding>,
}

/// Why a batch did not happen, and at which of its operations, where it was one of them.
#[derive(Debug)]
pub struct BatchError {
    pub at: Option<usize>,
    pub error: Error,
}

/// The answers to a batch, one after the other.
pub struct BatchRows {
    /// Declared before `held`: dropped first.
    questions: VecDeque<Asked>,
    current: Option<Pin<Box<RowStream>>>,
    /// The operation that is being read.
    at: usize,
    commit: Option<Answer<()>>,
    opening: Option<Opening>,
    /// What the count of the current operation counted.
    pub counted: Option<u64>,
    /// How many rows the planner expects of it.
    pub planned: Option<u64>,
    held: Held,
    writes: bool,
    ending: &'static str,
    deadline: Deadline,
}

/// What goes before all operations, on its way.
struct Opening {
    begun: Answer<()>,
    set: Answer<()>,
    called: Answer<()>,
    told: Answer<Told>,
}

/// One operation on its way.
struct Asked {
    count: Answer<Option<u64>>,
    planned: Answer<Option<u64>>,
    rows: Answer<RowStream>,
}

/// The same, ready to be sent.
struct Prepared {
    count: Option<Ready>,
    planned: Option<Ready>,
    statement: Ready,
}

impl BatchWork {
    fn ending(&self) -> &'static str {
        if self.discard { "rollback" } else { "commit" }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let statements = self.questions.iter().flat_map(|question| {
            let of = [question.count.as_ref(), question.planned.as_ref(), Some(&question.statement)];
            of.into_iter().flatten().map(|statement| statement.text.as_str())
        });
        let around = [self.prologue.statement_text(), self.pre_request.as_deref(), Some(TOLD)];
        statements.chain(around.into_iter().flatten())
    }
}

impl Pool {
    /// Sends all of `work`.
    ///
    /// # Errors
    /// As `Pool::run`; nothing was committed.
    pub async fn run_batch(&self, work: &BatchWork) -> Result<BatchRows, BatchError> {
        let deadline = Deadline::of(self);
        let lease = self.checkout().await.map_err(whole)?;
        let held = Held::new(lease, self, work.end == End::Decide);
        self.launch(held, work, deadline).await
    }

    /// Sends all of `work` once more, on the same connection, whose statements are prepared anew: after an error for which
    /// [`BatchError::is_stale`] is true, which undid everything.
    ///
    /// # Errors
    /// As [`Pool::run_batch`].
    pub async fn run_batch_again(
        &self,
        work: &BatchWork,
        failed: BatchRows,
    ) -> Result<BatchRows, BatchError> {
        let BatchRows { questions, current, commit, held, deadline, .. } = failed;
        drop((questions, current));
        for text in work.texts() {
            held.lease.forget(text);
        }
        let ended = deadline.bounds(false, async {
            match commit {
                Some(mut commit) => {
                    (&mut commit).await;
                    commit.take_output().unwrap_or(Ok(()))
                }
                None => held.lease.client.batch_execute("rollback").await,
            }
        });
        ended
            .await
            .and_then(|answer| answer.map_err(|error| Error::from_postgres(error, false)))
            .map_err(whole)?;
        self.launch(held, work, deadline).await
    }

    async fn launch(
        &self,
        held: Held,
        work: &BatchWork,
        deadline: Deadline,
    ) -> Result<BatchRows, BatchError> {
        let mut readied = deadline.bounds(false, self.readied(&held, work)).await.map_err(whole)?;
        if matches!(&readied, Err(failed) if failed.is_stale()) {
            work.texts().for_each(|text| held.lease.forget(text));
            readied = deadline.bounds(false, self.readied(&held, work)).await.map_err(whole)?;
        }
        let (prologue, pre_request, asked, questions) = readied?;

        let lease = &held.lease;
        let mut begun = begin(lease, work.prologue.begin.clone());
        let mut set = settings(lease, prologue, &work.prologue);
        let mut called = call_first(lease, pre_request, work.pre_request.as_ref());
        let mut told = ask(lease, asked);
        let mut questions: VecDeque<Asked> = questions
            .into_iter()
            .zip(&work.questions)
            .map(|(ready, question)| Asked {
                count: counted(lease, ready.count, question.count.as_ref(), count_of),
                planned: counted(lease, ready.planned, question.planned.as_ref(), rows_expected),
                rows: rows(lease, ready.statement, &question.statement),
            })
            .collect();
        // Polled once, each queues its message; in this order.
        let sound = poll_fn(|context| {
            let _ = begun.poll_unpin(context);
            let _ = set.poll_unpin(context);
            let _ = called.poll_unpin(context);
            let _ = told.poll_unpin(context);
            let mut sound = true;
            for asked in &mut questions {
                let _ = asked.count.poll_unpin(context);
                let _ = asked.planned.poll_unpin(context);
                let _ = asked.rows.poll_unpin(context);
                sound &= !matches!(asked.rows, MaybeDone::Done(Err(_)));
            }
            Poll::Ready(sound)
        })
        .await;
        // A statement that could not even be sent fails nothing at the server: the others must not be committed.
        let ending = if sound { work.ending() } else { "rollback" };
        let commit = match work.end {
            End::Commit => {
                let mut commit = super::end(lease, ending);
                poll_fn(|context| {
                    let _ = commit.poll_unpin(context);
                    Poll::Ready(())
                })
                .await;
                Some(commit)
            }
            End::Decide => None,
        };

        Ok(BatchRows {
            questions,
            current: None,
            at: 0,
            commit,
            opening: Some(Opening { begun, set, called, told }),
            counted: None,
            planned: None,
            held,
            writes: work.writes,
            ending: work.ending(),
            deadline,
        })
    }

    /// Prepares what is not prepared yet: nothing that takes a round trip may stand in the middle.
    async fn readied(
        &self,
        held: &Held,
        work: &BatchWork,
    ) -> Result<(Option<Ready>, Option<Ready>, Option<Ready>, Vec<Prepared>), BatchError> {
        let lease = &held.lease;
        let prologue = self.ready_text(lease, work.prologue.statement_text()).await.map_err(whole)?;
        let pre_request = self.ready_text(lease, work.pre_request.as_deref()).await.map_err(whole)?;
        let told = work.pre_request.as_ref().map(|_| TOLD);
        let told = self.ready_text(lease, told).await.map_err(whole)?;
        let mut questions = Vec::with_capacity(work.questions.len());
        for (at, question) in work.questions.iter().enumerate() {
            let failed = |error| BatchError { at: Some(at), error };
            let count = self.ready_or_none(lease, question.count.as_ref()).await.map_err(failed)?;
            let planned = self.ready_or_none(lease, question.planned.as_ref()).await.map_err(failed)?;
            let statement = self.ready(lease, &question.statement).await.map_err(failed)?;
            if !statement.gives(&question.encodings) {
                return Err(failed(Error::Changed));
            }
            questions.push(Prepared { count, planned, statement });
        }
        Ok((prologue, pre_request, told, questions))
    }
}

/// An error that is no operation's own.
fn whole(error: Error) -> BatchError {
    BatchError { at: None, error }
}

impl BatchError {
    /// Whether preparing the statements anew may help.
    pub fn is_stale(&self) -> bool {
        stale(&self.error)
    }
}

impl BatchRows {
    /// Waits until the transaction has begun, and gives what `pre_request` has said of the answer. Call it first.
    ///
    /// # Errors
    /// [`Error`], of no operation.
    pub async fn begun(&mut self) -> Result<Told, BatchError> {
        let writes = self.undecided();
        let Some(mut opening) = self.opening.take() else { return Ok(Told::default()) };
        let answer = self.deadline.bounds(writes, async {
            (&mut opening.begun).await;
            opening.begun.take_output().unwrap_or(Ok(()))?;
            (&mut opening.set).await;
            opening.set.take_output().unwrap_or(Ok(()))?;
            (&mut opening.called).await;
            opening.called.take_output().unwrap_or(Ok(()))?;
            (&mut opening.told).await;
            opening.told.take_output().unwrap_or_else(|| Ok(Told::default()))
        });
        let answer = answer.await.map_err(whole)?;
        answer.map_err(|error| whole(Error::from_postgres(error, writes)))
    }

    /// Begins with the answer to the next operation. Call it as often as there are operations, each time at the end of the
    /// rows.
    ///
    /// # Errors
    /// [`Error`], and which operation it was.
    pub async fn turn(&mut self) -> Result<(), BatchError> {
        if self.current.take().is_some() {
            self.at += 1;
        }
        let Some(mut asked) = self.questions.pop_front() else {
            return Err(self.failed(Error::Lost { outcome_unknown: false, source: None }));
        };
        let writes = self.undecided();
        let answer = self.deadline.bounds(writes, async {
            (&mut asked.count).await;
            let counted = asked.count.take_output().unwrap_or(Ok(None))?;
            (&mut asked.planned).await;
            let planned = asked.planned.take_output().unwrap_or(Ok(None))?;
            (&mut asked.rows).await;
            Ok((counted, planned, asked.rows.take_output().transpose()?))
        });
        let answer = answer.await.map_err(|error| self.failed(error))?;
        let (counted, planned, rows) =
            answer.map_err(|error| self.failed(Error::from_postgres(error, writes)))?;
        (self.counted, self.planned) = (counted, planned);
        self.current = rows.map(Box::pin);
        Ok(())
    }

    /// The next row of the current operation; None at the end.
    ///
    /// # Errors
    /// [`Error`], and which operation it was.
    pub async fn next(&mut self) -> Result<Option<Row>, BatchError> {
        let writes = self.undecided();
        let Some(rows) = &mut self.current else { return Ok(None) };
        let row = self.deadline.bounds(writes, rows.next()).await;
        row.and_then(|row| row.transpose().map_err(|error| Error::from_postgres(error, writes)))
            .map_err(|error| self.failed(error))
    }

    /// The rows that the current operation affected or returned; 0 until the end of its rows.
    pub fn affected(&self) -> u64 {
        self.current.as_ref().and_then(|rows| rows.rows_affected()).unwrap_or(0)
    }

    /// Ends the transaction, once everything is read.
    ///
    /// # Errors
    /// As `Rows::commit`: a deferred constraint is nobody's in particular.
    pub async fn commit(self) -> Result<(), Error> {
        let BatchRows { questions, current, commit, mut held, writes, ending, deadline, .. } = self;
        drop((questions, current));
        super::committed(&held, commit, ending, writes, deadline).await?;
        held.settled();
        Ok(())
    }

    /// An answer that is missing leaves it unknown whether the writes happened.
    fn undecided(&self) -> bool {
        self.writes && self.commit.is_some()
    }

    /// What Postgres refused is one operation's; that it cannot be heard is not.
    fn failed(&self, error: Error) -> BatchError {
        let at =
            matches!(error, Error::Statement(_) | Error::Changed | Error::Protocol(_)).then_some(self.at);
        BatchError { at, error }
    }
}

//! The tenant transaction: BEGIN with the tenant's settings, the statement and COMMIT in one flush, one round trip.
//!
//! All messages are queued before the first answer is awaited. Dropping the future at any later point therefore leaves
//! no open transaction: COMMIT is on its way, and `settle` waits for its answer.

mod batch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{MaybeDone, maybe_done, poll_fn};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream, Statement as Prepared};

use super::Error;
use super::pool::{Connection, Lease, Pool};
use crate::catalog::Encoding;
use crate::query::{Param, Prologue, Statement, TOLD};

pub use batch::{BatchError, BatchRows, BatchWork, Question};

/// What one request asks of Postgres. A [`Prologue`] is made from a `TenantContext` only, so there is no transaction
/// without a tenant.
#[derive(Debug)]
pub struct Work {
    pub prologue: Prologue,
    /// The text of a statement that runs before all others; what it raises is the answer.
    pub pre_request: Option<String>,
    /// When to ask what functions have said of the answer.
    pub asks: Asks,
    /// Counts all rows, whatever window `statement` has; runs before it, on the same snapshot.
    pub count: Option<Statement>,
    /// An EXPLAIN of all rows, as JSON.
    pub planned: Option<Statement>,
    pub statement: Statement,
    /// How the first columns of its rows are read.
    pub encodings: Vec<Encoding>,
    pub end: End,
    /// Whether it ends with ROLLBACK where it would end with COMMIT.
    pub discard: bool,
    pub writes: bool,
}

impl Work {
    fn ending(&self) -> &'static str {
        if self.discard { "rollback" } else { "commit" }
    }
}

/// Who ends the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// COMMIT is sent with the statement.
    Commit,
    /// The rows decide: a second round trip commits or rolls back ([`Rows::commit`], [`Rows::roll_back`]).
    Decide,
}

/// When a transaction is asked what its functions have said of the answer ([`TOLD`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Never,
    /// Before the statement: the answer is known before the first row.
    First,
    /// Behind the statement, which may say something itself.
    Last,
}

/// What functions have said of the answer, in the settings `response.status` and `response.headers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub status: Option<String>,
    pub headers: Option<String>,
}

impl Told {
    /// After a `set local` has ended the value is empty and no longer NULL: both are nothing.
    fn read(row: Option<&Row>) -> Result<Self, tokio_postgres::Error> {
        let Some(row) = row else { return Ok(Self::default()) };
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self { status: said(row.try_get(0)?), headers: said(row.try_get(1)?) })
    }
}

/// The answer to one message. What is not asked needs no message and is there from the beginning.
type Answer<T> = MaybeDone<Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send>>>;

/// The rows of one transaction, as they arrive.
pub struct Rows {
    /// Declared before `lease`: dropped first.
    rows: Pin<Box<RowStream>>,
    commit: Option<Answer<()>>,
    told: Answer<Told>,
    /// What `count` counted.
    pub counted: Option<u64>,
    /// How many rows `planned` says that the planner expects.
    pub planned: Option<u64>,
    lease: Held,
    writes: bool,
    ending: &'static str,
    deadline: Deadline,
}

/// When the patience of one request with Postgres ends.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    /// The one of a request that begins now.
    pub(super) fn of(pool: &Pool) -> Self {
        Self { at: Instant::now() + pool.deadline, after: pool.deadline }
    }

    /// `writes`: an answer that is missing leaves the outcome unknown.
    pub(super) async fn bounds<T>(self, writes: bool, answer: impl Future<Output = T>) -> Result<T, Error> {
        timeout_at(self.at, answer).await.map_err(|_| Error::Deadline {
            deadline_ms: self.after.as_millis().try_into().unwrap_or(u64::MAX),
            outcome_unknown: writes,
        })
    }
}

impl Pool {
    /// Runs `work` and gives its rows. The deadline is for all of it: the wait for a connection, the first answer, and
    /// the last of the rows.
    ///
    /// # Errors
    /// Every variant of [`Error`]; where one is returned nothing was committed, except as `outcome_unknown` says.
    pub async fn run(&self, work: &Work) -> Result<Rows, Error> {
        let deadline = Deadline::of(self);
        let lease = self.checkout().await?;
        let writes = work.writes && work.end == End::Commit;
        deadline.bounds(writes, self.attempts(lease, work, deadline)).await?
    }

    async fn attempts(&self, lease: Lease, work: &Work, deadline: Deadline) -> Result<Rows, Error> {
        let held = Held::new(lease, self, work.end == End::Decide);
        match self.attempt(&held, work).await {
            // Nothing ran: the tables changed since the statement was prepared, or a pooler dropped it.
            Err(error) if stale(&error) => {
                held.lease.forget(&work.statement.text);
                for statement in [&work.count, &work.planned].into_iter().flatten() {
                    held.lease.forget(&statement.text);
                }
                for text in [work.prologue.statement_text(), work.pre_request.as_deref()] {
                    text.inspect(|text| held.lease.forget(text));
                }
                held.lease.forget(TOLD);
                self.roll_back_if_open(&held, work).await?;
                self.attempt(&held, work).await
            }
            attempt => attempt,
        }
        .map(|flown| Rows {
            rows: flown.rows,
            commit: flown.commit,
            told: flown.told,
            counted: flown.counted,
            planned: flown.planned,
            lease: held,
            writes: work.writes,
            ending: work.ending(),
            deadline,
        })
    }

    /// After a failed attempt whose COMMIT was not sent, the failed transaction is still open.
    async fn roll_back_if_open(&self, held: &Held, work: &Work) -> Result<(), Error> {
        if work.end == End::Decide {
            held.lease.client.batch_execute("rollback").await.map_err(|e| Error::from_postgres(e, false))?;
        }
        Ok(())
    }

    async fn attempt(&self, held: &Held, work: &Work) -> Result<Flown, Error> {
        let failed = |error| Error::from_postgres(error, work.writes && work.end == End::Commit);
        let lease = &held.lease;
        // Only prepared statements may stand in the middle: preparing takes a round trip of its own, and what follows
        // would overtake it.
        let prologue = self.ready_text(lease, work.prologue.statement_text()).await?;
        let pre_request = self.ready_text(lease, work.pre_request.as_deref()).await?;
        let asked = self.ready_text(lease, (work.asks != Asks::Never).then_some(TOLD)).await?;
        let count = self.ready_or_none(lease, work.count.as_ref()).await?;
        let planned = self.ready_or_none(lease, work.planned.as_ref()).await?;
        let statement = self.ready(lease, &work.statement).await?;
        // Before anything is sent: the bytes of one type may pass for another's.
        if !statement.gives(&work.encodings) {
            return Err(Error::Changed);
        }

        let mut flight = Flight {
            begin: begin(lease, work.prologue.begin.clone()),
            settings: settings(lease, prologue, &work.prologue),
            pre_request: call_first(lease, pre_request, work.pre_request.as_ref()),
            asks: work.asks,
            told: ask(lease, asked),
            count: counted(lease, count, work.count.as_ref(), count_of),
            planned: counted(lease, planned, work.planned.as_ref(), rows_expected),
            rows: rows(lease, statement, &work.statement),
            commit: match work.end {
                End::Commit => Some(end(lease, work.ending())),
                End::Decide => None,
            },
        };
        poll_fn(|context| flight.poll(context)).await;

        // Errors in the order of the messages: the first is the cause, what follows is 25P02.
        let begun = flight.begin.take_output().unwrap_or(Ok(()));
        let set = flight.settings.take_output().unwrap_or(Ok(()));
        let called = flight.pre_request.take_output().unwrap_or(Ok(()));
        let counted = flight.count.take_output().unwrap_or(Ok(None));
        let planned = flight.planned.take_output().unwrap_or(Ok(None));
        let rows = match flight.rows.take_output() {
            Some(rows) => rows,
            None => return Err(Error::Lost { outcome_unknown: false, source: None }),
        };
        let outcome = (|| {
            begun?;
            set?;
            called?;
            Ok((counted?, planned?, rows?))
        })();
        match outcome {
            Ok((counted, planned, rows)) => {
                let (commit, told) = (flight.commit, flight.told);
                Ok(Flown { rows: Box::pin(rows), commit, told, counted, planned })
            }
            Err(error) => {
                // The COMMIT of a failed transaction rolls back; its answer frees the connection.
                if let Some(commit) = flight.commit {
                    commit.await;
                }
                Err(failed(error))
            }
        }
    }

    async fn ready(&self, lease: &Lease, statement: &Statement) -> Result<Ready, Error> {
        Ok(self.ready_text(lease, Some(&statement.text)).await?.unwrap_or(Ready::Unnamed))
    }

    async fn ready_or_none(
        &self,
        lease: &Lease,
        statement: Option<&Statement>,
    ) -> Result<Option<Ready>, Error> {
        self.ready_text(lease, statement.map(|statement| statement.text.as_str())).await
    }

    async fn ready_text(&self, lease: &Lease, text: Option<&str>) -> Result<Option<Ready>, Error> {
        match text {
            None => Ok(None),
            Some(_) if !self.prepared_statements => Ok(Some(Ready::Unnamed)),
            Some(text) => {
                let prepared =
                    lease.prepared(text).await.map_err(|error| Error::from_postgres(error, false))?;
                Ok(Some(Ready::Prepared(prepared)))
            }
        }
    }
}

/// A statement prepared before the catalog was read, "cached plan must not change result type", and a prepared statement
/// that the server does not know.
pub(super) fn stale(error: &Error) -> bool {
    match error {
        Error::Changed => true,
        Error::Statement(refusal) => {
            *refusal.code() == SqlState::INVALID_SQL_STATEMENT_NAME
                || (*refusal.code() == SqlState::FEATURE_NOT_SUPPORTED
                    && refusal.routine() == Some("RevalidateCachedQuery"))
        }
        Error::Connect(_)
        | Error::PoolTimeout { .. }
        | Error::Lost { .. }
        | Error::Deadline { .. }
        | Error::Protocol(_) => false,
    }
}

fn is_fatal(refusal: &tokio_postgres::error::DbError) -> bool {
    matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

/// A statement that can be queued without waiting.
enum Ready {
    Prepared(Prepared),
    /// Parsed with the message that runs it: for poolers that lose prepared statements.
    Unnamed,
}

impl Ready {
    /// Whether its first columns can be read by `encodings`: the bytes of one type may pass for another's.
    fn gives(&self, encodings: &[Encoding]) -> bool {
        match self {
            Ready::Prepared(prepared) => prepared
                .columns()
                .iter()
                .zip(encodings)
                .all(|(column, encoding)| encoding.reads(column.type_())),
            Ready::Unnamed => true,
        }
    }
}

struct Flown {
    rows: Pin<Box<RowStream>>,
    commit: Option<Answer<()>>,
    told: Answer<Told>,
    counted: Option<u64>,
    planned: Option<u64>,
}

/// The messages of one transaction; polled in this order, so queued in this order.
struct Flight {
    begin: Answer<()>,
    settings: Answer<()>,
    pre_request: Answer<()>,
    /// Stands before or behind the rows, as `asks` says.
    told: Answer<Told>,
    asks: Asks,
    count: Answer<Option<u64>>,
    planned: Answer<Option<u64>>,
    rows: Answer<RowStream>,
    commit: Option<Answer<()>>,
}

impl Flight {
    /// Ready when everything up to the first row is answered: what follows the rows comes when they are read.
    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<()> {
        let begun = self.begin.poll_unpin(context).is_ready();
        let set = self.settings.poll_unpin(context).is_ready();
        let called = self.pre_request.poll_unpin(context).is_ready();
        let told = match self.asks {
            Asks::First => self.told.poll_unpin(context).is_ready(),
            Asks::Never | Asks::Last => true,
        };
        let counted = self.count.poll_unpin(context).is_ready();
        let planned = self.planned.poll_unpin(context).is_ready();
        let rows = self.rows.poll_unpin(context).is_ready();
        if self.asks != Asks::First {
            let _ = self.told.poll_unpin(context);
        }
        if let Some(commit) = &mut self.commit {
            let _ = commit.poll_unpin(context);
        }
        let all = begun && set && called && told && counted && planned && rows;
        if all { Poll::Ready(()) } else { Poll::Pending }
    }
}

trait TakeOutput<T> {
    fn take_output(&mut self) -> Option<T>;
}

impl<F: Future + Unpin> TakeOutput<F::Output> for MaybeDone<F> {
    fn take_output(&mut self) -> Option<F::Output> {
        Pin::new(self).take_output()
    }
}

/// A message that will be queued when it is first polled.
fn queued<T>(answer: impl Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static) -> Answer<T> {
    maybe_done(Box::pin(answer))
}

fn begin(lease: &Arc<Lease>, text: String) -> Answer<()> {
    let lease = lease.clone();
    queued(async move { lease.client.batch_execute(&text).await })
}

fn end(lease: &Arc<Lease>, text: &'static str) -> Answer<()> {
    let lease = lease.clone();
    queued(async move { lease.client.batch_execute(text).await })
}

fn settings(lease: &Arc<Lease>, ready: Option<Ready>, prologue: &Prologue) -> Answer<()> {
    let (Some(ready), Some(text)) = (ready, prologue.statement_text()) else {
        return MaybeDone::Done(Ok(()));
    };
    let (lease, params) = (lease.clone(), prologue.params.clone());
    queued(async move { drain(start(&lease, ready, text, &params).await?).await.map(|_| ()) })
}

fn call_first(lease: &Arc<Lease>, ready: Option<Ready>, text: Option<&String>) -> Answer<()> {
    let (Some(ready), Some(text)) = (ready, text) else { return MaybeDone::Done(Ok(())) };
    let (lease, text) = (lease.clone(), text.clone());
    queued(async move { drain(start(&lease, ready, &text, &[]).await?).await.map(|_| ()) })
}

fn ask(lease: &Arc<Lease>, ready: Option<Ready>) -> Answer<Told> {
    let Some(ready) = ready else { return MaybeDone::Done(Ok(Told::default())) };
    let lease = lease.clone();
    queued(async move { Told::read(drain(start(&lease, ready, TOLD, &[]).await?).await?.as_ref()) })
}

fn counted(
    lease: &Arc<Lease>,
    ready: Option<Ready>,
    statement: Option<&Statement>,
    read: fn(&Row) -> Result<Option<u64>, tokio_postgres::Error>,
) -> Answer<Option<u64>> {
    let (Some(ready), Some(statement)) = (ready, statement) else { return MaybeDone::Done(Ok(None)) };
    let (lease, text, params) = (lease.clone(), statement.text.clone(), statement.params.clone());
    queued(async move {
        match drain(start(&lease, ready, &text, &params).await?).await? {
            Some(row) => read(&row),
            None => Ok(None),
        }
    })
}

fn count_of(row: &Row) -> Result<Option<u64>, tokio_postgres::Error> {
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).ok())
}

/// `Plan Rows` of the outermost node of a plan (Postgres manual, 14.1).
fn rows_expected(row: &Row) -> Result<Option<u64>, tokio_postgres::Error> {
    let Json(text) = row.try_get(0)?;
    let plan: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let rows =
        plan.as_ref().and_then(|plan| plan.pointer("/0/Plan/Plan Rows")).and_then(|rows| rows.as_f64());
    // The planner's numbers are whole and not negative; a conversion saturates.
    Ok(rows.map(|rows| rows as u64))
}

/// The text of a json column.
struct Json<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Json<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Json(raw))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }
}

fn rows(lease: &Arc<Lease>, ready: Ready, statement: &Statement) -> Answer<RowStream> {
    let (lease, text, params) = (lease.clone(), statement.text.clone(), statement.params.clone());
    queued(async move { start(&lease, ready, &text, &params).await })
}

async fn start(
    connection: &Connection,
    ready: Ready,
    text: &str,
    params: &[Param],
) -> Result<RowStream, tokio_postgres::Error> {
    match ready {
        Ready::Prepared(prepared) => connection.client.query_raw(&prepared, params).await,
        Ready::Unnamed => {
            let typed = params.iter().map(|param| (param, Type::UNKNOWN));
            connection.client.query_typed_raw(text, typed).await
        }
    }
}

/// Reads a stream to its end and gives its last row.
async fn drain(stream: RowStream) -> Result<Option<Row>, tokio_postgres::Error> {
    let mut stream = std::pin::pin!(stream);
    let mut last = None;
    while let Some(row) = stream.next().await {
        last = Some(row?);
    }
    Ok(last)
}

impl Rows {
    /// The next row; None at the end.
    ///
    /// # Errors
    /// [`Error::Statement`] (a failure while running, a time-out), [`Error::Lost`].
    pub async fn next(&mut self) -> Result<Option<Row>, Error> {
        let writes = self.writes && self.commit.is_some();
        let row = self.deadline.bounds(writes, self.rows.next()).await?;
        row.transpose().map_err(|error| Error::from_postgres(error, writes))
    }

    /// Until when the rows must be read, and the transaction ended.
    pub fn deadline(&self) -> Instant {
        self.deadline.at
    }

    /// The rows that the statement affected or returned; 0 until the end of the rows.
    pub fn affected(&self) -> u64 {
        self.rows.rows_affected().unwrap_or(0)
    }

    /// What functions have said of the answer. Call it at the end of the rows, unless it was asked before them.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub async fn told(&mut self) -> Result<Told, Error> {
        let writes = self.writes && self.commit.is_some();
        let answer = self.deadline.bounds(writes, async {
            (&mut self.told).await;
            self.told.take_output().unwrap_or_else(|| Ok(Told::default()))
        });
        answer.await?.map_err(|error| Error::from_postgres(error, writes))
    }

    /// Commits and gives the number of rows that the statement affected or returned. Call it at the end of the rows.
    ///
    /// # Errors
    /// [`Error::Statement`] where a deferred constraint fails, [`Error::Lost`].
    pub async fn commit(mut self) -> Result<u64, Error> {
        // Nobody asks any more; its answer, which comes first, must not be waited for.
        self.told = MaybeDone::Gone;
        let affected = self.affected();
        committed(&self.lease, self.commit.take(), self.ending, self.writes, self.deadline).await?;
        self.lease.settled();
        Ok(affected)
    }

    /// Ends the transaction without a trace. Only where [`End::Decide`] left it open.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub async fn roll_back(mut self) -> Result<(), Error> {
        self.told = MaybeDone::Gone;
        let answer = self.deadline.bounds(false, self.lease.lease.client.batch_execute("rollback")).await?;
        answer.map_err(|error| Error::from_postgres(error, false))?;
        self.lease.settled();
        Ok(())
    }
}

/// Waits for the COMMIT that is on its way, or sends `ending`.
async fn committed(
    held: &Held,
    commit: Option<Answer<()>>,
    ending: &'static str,
    writes: bool,
    deadline: Deadline,
) -> Result<(), Error> {
    let committing = async {
        match commit {
            Some(mut commit) => {
                (&mut commit).await;
                commit.take_output().unwrap_or(Ok(()))
            }
            None => held.lease.client.batch_execute(ending).await,
        }
    };
    let answer = deadline.bounds(writes, committing).await?;
    answer.map_err(|error| match Error::from_postgres(error, writes) {
        // The server ended the connection, perhaps after it had committed.
        Error::Statement(refusal) if writes && is_fatal(&refusal) => {
            Error::Lost { outcome_unknown: true, source: None }
        }
        error => error,
    })
}

/// A connection in use: when dropped before the server has answered everything, and well, `settle` takes it over.
pub(super) struct Held {
    lease: Arc<Lease>,
    settler: super::settle::Settler,
    transaction_open: bool,
    settled: bool,
}

impl Held {
    pub(super) fn new(lease: Lease, pool: &Pool, transaction_open: bool) -> Self {
        Self { lease: Arc::new(lease), settler: pool.settler.clone(), transaction_open, settled: false }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.lease
    }

    /// The server has answered everything that was sent.
    pub(super) fn settled(&mut self) {
        self.settled = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.settled {
            self.settler.settle(self.lease.clone(), self.transaction_open);
        }
    }
}

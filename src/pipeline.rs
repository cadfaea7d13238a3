//! One request, from what arrived to what is answered: the list of steps that every request takes.

use std::time::Instant;

use bytes::Bytes;

use crate::answer::{Collected, Reply};
use crate::app::{App, Worker};
use crate::catalog::Catalog;
use crate::db::{self, End, Work};
use crate::error::Error;
use crate::identity::{self, Refusal, Selectors};
use crate::plan::{self, Condition, MutationKind, Operation, Plan};
use crate::query::{self, Access, Prologue, Query, SettingMode};
use crate::request::{self, ApiRequest, RawRequest};
use crate::response::Encoder;

/// What is known of a request when it is over, however it ended: for the log, the metrics and `Server-Timing`.
#[derive(Debug, Default)]
pub struct Trace {
    /// The served relation, once it is known to be one.
    pub relation: Option<String>,
    pub by_key: bool,
    pub tenant: Option<uuid::Uuid>,
    /// How long each stage took, in milliseconds.
    pub stages: Vec<(&'static str, f64)>,
}

/// Answers `raw`; its `body` is read once the token is verified and the tenant admitted.
///
/// # Errors
/// [`Error`], whose `answer` is what the client is told.
pub async fn respond(
    worker: &Worker,
    raw: &RawRequest,
    body: impl Future<Output = Result<Bytes, Error>>,
    now_s: u64,
    trace: &mut Trace,
) -> Result<Reply, Error> {
    let app: &App = &worker.app;
    let mut clock = Clock::start();

    let authorization: Vec<&[u8]> = raw.authorization.iter().map(AsRef::as_ref).collect();
    let token = identity::credential(&authorization)?;
    if request::names_token(&raw.query) {
        return Err(Refusal::Ambiguous.into());
    }
    let principal = app.verifier.verify(token, now_s)?;
    let (selector, path) = request::split_tenant(&raw.path);
    let header: Vec<&[u8]> = raw.tenant_headers.iter().map(AsRef::as_ref).collect();
    let tenant = identity::select(principal, Selectors { path: selector, header: &header })?;
    trace.tenant = Some(tenant.tenant_id());
    clock.lap(trace, "identity");

    let catalog = app.catalog().ok_or(Error::NoCatalog)?;
    let mode = SettingMode::choose(&app.config, catalog.server);
    app.tenants.admit(&worker.pool, &tenant, mode).await?;
    clock.lap(trace, "tenant");

    let body = body.await?;
    clock.lap(trace, "body");

    let request = request::parse(raw, path, &body, &app.config)?;
    clock.lap(trace, "parse");

    name_route(trace, &request, &catalog);
    let plan = plan::plan(&request, &catalog, &app.config)?;
    clock.lap(trace, "plan");

    let query = query::query(&plan);
    let encoder = Encoder::new(&query.columns);
    let work = work(&plan, query, Prologue::new(&tenant, access(&plan), mode));
    clock.lap(trace, "query");

    let rows = worker.pool.run(&work).await.map_err(|error| {
        if matches!(error, db::Error::Changed) {
            app.wish_reload();
        }
        absent(&plan, error)
    })?;
    clock.lap(trace, "transaction");

    let answered = Collected::read(rows, encoder, &plan, app).await?;
    let reply = answered.reply(&plan, &request, selector)?;
    clock.lap(trace, "response");
    Ok(reply)
}

/// Laps of one stop watch.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Clock(Instant::now())
    }

    fn lap(&mut self, trace: &mut Trace, stage: &'static str) {
        let now = Instant::now();
        trace.stages.push((stage, now.duration_since(self.0).as_secs_f64() * 1e3));
        self.0 = now;
    }
}

fn name_route(trace: &mut Trace, request: &ApiRequest, catalog: &Catalog) {
    if catalog.relation(&request.path.relation).is_some() {
        trace.relation = Some(request.path.relation.clone());
        trace.by_key = request.path.key.is_some();
    }
}

fn access(plan: &Plan<'_>) -> Access {
    match &plan.operation {
        Operation::Read(read) if read.count => Access::ReadOnlySnapshot,
        Operation::Read(_) => Access::ReadOnly,
        Operation::Write(_) => Access::ReadWrite,
    }
}

fn work(plan: &Plan<'_>, query: Query, prologue: Prologue) -> Work {
    let (writes, vetoed) = match &plan.operation {
        Operation::Read(_) => (false, false),
        Operation::Write(mutation) => (true, mutation.veto.is_some()),
    };
    Work {
        prologue,
        count: query.count,
        statement: query.statement,
        encodings: query.columns.members.iter().map(|(_, encoding)| *encoding).collect(),
        end: if vetoed { End::Decide } else { End::Commit },
        writes,
    }
}

/// A key that its column's type cannot hold names no row.
fn absent(plan: &Plan<'_>, error: db::Error) -> Error {
    let conditions = match &plan.operation {
        Operation::Read(read) => &read.root.conditions,
        Operation::Write(mutation) if matches!(mutation.kind, MutationKind::Delete) => &mutation.conditions,
        // The value that does not fit may be one of the body.
        Operation::Write(_) => return error.into(),
    };
    let by_key_alone = conditions.iter().all(|condition| matches!(condition, Condition::Key { .. }));
    match error {
        db::Error::Statement(refusal)
            if plan.by_key && by_key_alone && refusal.code().code().starts_with("22") =>
        {
            Error::NoRow
        }
        error => error.into(),
    }
}

//! `POST /batch`: the steps of a request, each of them taken for all operations before the next; one transaction.

use bytes::Bytes;

use super::{Clock, Trace, effects, path, understood};
use crate::answer::{self, Collected, Documents, Held, Reply};
use crate::app::{App, Worker};
use crate::catalog::Catalog;
use crate::db::{self, BatchError, BatchRows, BatchWork, End, Question, Told};
use crate::error::Error;
use crate::identity::TenantContext;
use crate::plan::{self, Operation, Plan};
use crate::query::{self, AboutRequest, Access, Prologue, SettingMode};
use crate::request::{
    self, ApiRequest, Batch, BatchItem, Media, Method, Preferences, RawRequest, Transaction,
};
use crate::response::Encoder;

/// Who asks, and by which catalog.
pub(super) struct Asker<'a> {
    pub tenant: &'a TenantContext,
    pub selector: Option<uuid::Uuid>,
    pub catalog: &'a Catalog,
    pub mode: SettingMode,
}

/// Answers a batch: all of its operations, or the error of the first that fails.
///
/// # Errors
/// [`Error`]; nothing was written, except as `outcome_unknown` says.
pub(super) async fn respond(
    worker: &Worker,
    asker: Asker<'_>,
    raw: &RawRequest,
    body: &Bytes,
    clock: &mut Clock,
    trace: &mut Trace,
) -> Result<Reply, Error> {
    let app: &App = &worker.app;
    let Asker { tenant, selector, catalog, mode } = asker;
    trace.relation = Some("batch".to_owned());
    if raw.method == Method::Options {
        return Ok(answer::allow([("POST", true)]));
    }

    let Batch { preferences, operations } = request::batch(raw, body, &app.config)?;
    let requests = each(operations.into_iter(), |item| parse(item?, &preferences, catalog, app))?;
    clock.lap(trace, "parse");

    let plans = each(requests.iter(), |request| plan(request, catalog, app))?;
    let writes = plans.iter().any(|plan| effects(plan).0);
    each(plans.iter().zip(&requests), |(plan, request)| fits(plan, request, catalog, writes))?;
    clock.lap(trace, "plan");

    // Reads alone are of one moment.
    let access = if writes { Access::ReadWrite } else { Access::ReadOnlySnapshot };
    let about = AboutRequest::new(&app.config, tenant, raw.id);
    let mut prologue = Prologue::new(tenant, access, mode)
        .with_request(about.as_ref())
        .with_role_settings(&catalog.role_settings);
    if let Some(zone) = &preferences.time_zone {
        prologue = prologue.in_time_zone(zone);
    }
    let (work, encoders) = work(&plans, &preferences, prologue, catalog, writes);
    clock.lap(trace, "query");

    let failed = |BatchError { at, error }| {
        if matches!(error, db::Error::Changed) {
            app.wish_reload();
        }
        match at {
            Some(at) => of(at, understood(&plans[at], &requests[at], catalog, error)),
            None => error.into(),
        }
    };
    let reading = Reading { plans: &plans, requests: &requests, encoders: &encoders, selector, app };
    let mut rows = worker.pool.run_batch(&work).await.map_err(failed)?;
    let mut answered = reading.read(&mut rows).await;
    if matches!(&answered, Err(Held::Database(error)) if error.is_stale()) {
        rows = worker.pool.run_batch_again(&work, rows).await.map_err(failed)?;
        answered = reading.read(&mut rows).await;
    }
    // Dropping the rows rolls back what is not committed.
    let (told, documents) = answered.map_err(|held| match held {
        Held::Database(error) => failed(error),
        Held::Answer(error) => error,
    })?;
    let reply = answer::batch(documents, told, &preferences)?;
    rows.commit().await?;
    clock.lap(trace, "transaction");
    Ok(reply)
}

/// Does `step` for each operation; the error of the first that fails says which it is.
fn each<T, U>(items: impl Iterator<Item = T>, step: impl Fn(T) -> Result<U, Error>) -> Result<Vec<U>, Error> {
    items.enumerate().map(|(at, item)| step(item).map_err(|error| of(at, error))).collect()
}

fn of(index: usize, error: Error) -> Error {
    Error::Operation { index, error: Box::new(error) }
}

fn parse(item: BatchItem, batch: &Preferences, catalog: &Catalog, app: &App) -> Result<ApiRequest, Error> {
    let BatchItem { raw, body } = item;
    let path = path(&raw, &raw.path, catalog)?;
    let mut request = request::parse(&raw, path, &body, &app.config)?;
    if request.preferences.transaction.is_some() || request.preferences.time_zone.is_some() {
        return Err(request::Error::NotImplemented {
            what: "tx and timezone of an operation: the batch has one transaction, and says them for all",
        }
        .into());
    }
    request.preferences.time_zone.clone_from(&batch.time_zone);
    Ok(request)
}

fn plan<'a>(request: &'a ApiRequest, catalog: &'a Catalog, app: &App) -> Result<Plan<'a>, Error> {
    plan::plan(request, catalog, &app.config).map_err(|error| match error {
        plan::Error::NoSuchRow => answer::absent(request),
        error => error.into(),
    })
}

/// Whether `plan` can be part of a batch, which as a whole may write or not.
fn fits(plan: &Plan<'_>, request: &ApiRequest, catalog: &Catalog, writes: bool) -> Result<(), Error> {
    if matches!(plan.media, Media::Plan(_)) {
        return Err(plan::Error::NotImplemented { what: "the plan of an operation in a batch" }.into());
    }
    match &plan.operation {
        // Alone it would meet a transaction that only reads.
        Operation::Call(call) if call.only_reads && writes && !call.function.only_reads() => {
            // A route that any word leads to: it was rather meant for a relation.
            if let Some(name) = request.path.call.as_ref().and_then(|call| call.catch_all.as_deref()) {
                plan::relation(catalog, request.profile.as_deref(), name)?;
            }
            let what = "GET of a function that may write, in a batch that writes: make it stable, or POST";
            Err(plan::Error::NotImplemented { what }.into())
        }
        Operation::Read(_) | Operation::Write(_) | Operation::Call(_) => Ok(()),
    }
}

fn work(
    plans: &[Plan<'_>],
    preferences: &Preferences,
    prologue: Prologue,
    catalog: &Catalog,
    writes: bool,
) -> (BatchWork, Vec<Encoder>) {
    let mut encoders = Vec::with_capacity(plans.len());
    let mut questions = Vec::with_capacity(plans.len());
    for plan in plans {
        let query = query::query(plan);
        encoders.push(Encoder::new(&query.columns, answer::framing(plan)));
        questions.push(Question {
            encodings: query.encodings(),
            count: query.count,
            planned: query.planned,
            statement: query.statement,
        });
    }
    let pre_request = catalog.pre_request.as_ref().map(|(schema, name)| query::pre_request(schema, name));
    let work = BatchWork {
        prologue: if pre_request.is_some() { prologue.forgetting_answers() } else { prologue },
        pre_request,
        questions,
        end: if writes && plans.iter().any(answer::may_fail) { End::Decide } else { End::Commit },
        discard: preferences.transaction == Some(Transaction::RollBack),
        writes,
    };
    (work, encoders)
}

/// What the answers are read with.
struct Reading<'a> {
    plans: &'a [Plan<'a>],
    requests: &'a [ApiRequest],
    encoders: &'a [Encoder],
    selector: Option<uuid::Uuid>,
    app: &'a App,
}

impl Reading<'_> {
    async fn read(&self, rows: &mut BatchRows) -> Result<(Told, Documents), Held> {
        let told = rows.begun().await.map_err(Held::Database)?;
        let mut documents = Documents::default();
        let each = self.plans.iter().zip(self.requests).zip(self.encoders).enumerate();
        for (at, ((plan, request), encoder)) in each {
            let failed = |error| Held::Answer(of(at, error));
            let room = self.app.config.held_bytes_max.saturating_sub(documents.held());
            let collected = Collected::hold(rows, encoder, plan, room, self.app).await;
            let collected = collected.map_err(|held| match held {
                Held::Answer(error) => failed(error),
                Held::Database(error) => Held::Database(error),
            })?;
            let reply = collected.reply(plan, request, self.selector).map_err(failed)?;
            documents.push(plan, &reply).map_err(failed)?;
        }
        Ok((told, documents))
    }
}

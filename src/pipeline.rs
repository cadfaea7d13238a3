//! One request, from what arrived to what is answered: the list of steps that every request takes.

mod batch;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio_postgres::error::SqlState;

use crate::answer::{self, Collected, Reply};
use crate::app::{App, Worker};
use crate::catalog::{Catalog, RouteMethod, Routed};
use crate::db::{self, Asks, End, Work};
use crate::endpoints::{Own, Personal, Public};
use crate::error::Error;
use crate::identity::{self, Candidate, DatabaseRole, Host, Principal, Refusal, Selectors};
use crate::plan::{self, Condition, MutationKind, Operation, Plan};
use crate::query::{self, AboutRequest, Access, Prologue, Query, SettingMode};
use crate::request::{
    self, ApiRequest, Count, Media, Method, Path, PathCall, RawRequest, Shape, Transaction,
};
use crate::response::Encoder;

/// What is known of a request when it is over, however it ended: for the log, the metrics and `Server-Timing`.
#[derive(Debug, Default)]
pub struct Trace {
    /// The served relation, once it is known to be one.
    pub relation: Option<String>,
    pub by_key: bool,
    pub tenant: Option<uuid::Uuid>,
    /// Who was verified, whatever became of the request.
    pub principal: Option<Arc<Principal>>,
    /// Whether the caller has proven `tenant`: what it does is then told in that tenant's log.
    pub proven: bool,
    /// The database role that it runs as, where that is not the request role itself.
    pub role: Option<DatabaseRole>,
    /// Whether the caller is anonymous.
    pub anonymous: bool,
    /// How long each stage took, in milliseconds; empty without `server_timing`.
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
    let mut clock = Clock::start(app.config.server_timing);

    let host = app.origins.host(raw).map_err(|_| Error::Host)?;
    if let Some(endpoint) = Public::find(&raw.path, worker) {
        trace.relation = Some(endpoint.route().to_owned());
        return endpoint.respond(worker, raw, body, now_s).await;
    }
    let (selector, path) = request::split_tenant(&raw.path);
    let principal = authenticate(worker, raw, now_s).await?;
    trace.principal = principal.clone();
    if let (Some(principal), Some(endpoint)) = (&principal, Personal::find(&raw.path)) {
        trace.relation = Some(endpoint.route().to_owned());
        return endpoint.respond(worker, principal, raw, body).await;
    }
    let candidate = match (choose(worker, raw, selector, host, &principal).await, &principal) {
        (Err(error), Some(principal)) => match Personal::instead_of_tenant(&raw.path, &error, &app.config) {
            Some(endpoint) => {
                trace.relation = Some(endpoint.route().to_owned());
                return endpoint.respond(worker, principal, raw, body).await;
            }
            None => return Err(error),
        },
        (candidate, _) => candidate?,
    };
    trace.tenant = Some(candidate.tenant_id());
    trace.role = candidate.database_role().cloned();
    trace.anonymous = candidate.is_anonymous();
    clock.lap(trace, "identity");

    let catalog = app.catalog(candidate.database_role()).ok_or(Error::NoCatalog)?;
    let mode = SettingMode::choose(&app.config, catalog.server);
    let admitted = app.tenants.admit(&worker.pool, candidate, raw.client).await;
    // That a tenant is suspended is told to those alone who have proven it.
    trace.proven = !trace.anonymous && matches!(admitted, Ok(_) | Err(Error::Suspended));
    let tenant = admitted?;
    clock.lap(trace, "tenant");

    if let Some(endpoint) =
        Own::find(path).filter(|_| selector.is_none() || catalog.relation(None, &path[1..]).is_none())
    {
        trace.relation = Some(endpoint.route().to_owned());
        return endpoint.respond(worker, &tenant, raw).await;
    }
    if app.config.openapi && request::names_document(path) {
        trace.relation = Some("openapi.json".to_owned());
        return answer::document(raw, &catalog, &app.config, selector);
    }

    let body = body.await?;
    clock.lap(trace, "body");

    if app.config.batch_max > 0 && request::is_batch(path) {
        let asker = batch::Asker { tenant: &tenant, selector, catalog: &catalog, mode };
        return batch::respond(worker, asker, raw, &body, &mut clock, trace).await;
    }
    if raw.method == Method::Options {
        let path = Path::parse(path);
        if let Ok(path) = &path {
            name_route(trace, raw.profile.as_deref(), path, &catalog);
        }
        return answer::options(path, raw.profile.as_deref(), &catalog);
    }
    let request = request::parse(raw, self::path(raw, path, &catalog)?, &body, &app.config)?;
    clock.lap(trace, "parse");

    name_route(trace, request.profile.as_deref(), &request.path, &catalog);
    let plan = plan::plan(&request, &catalog, &app.config).map_err(|error| match error {
        plan::Error::NoSuchRow => answer::absent(&request),
        error => error.into(),
    })?;
    clock.lap(trace, "plan");

    let query = query::query(&plan);
    let encoder = Encoder::new(&query.columns, answer::framing(&plan));
    let about = AboutRequest::new(&app.config, &tenant, raw.id);
    let mut prologue = Prologue::new(&tenant, access(&plan), mode)
        .with_request(about.as_ref())
        .with_role_settings(&catalog.role_settings);
    if let Some(zone) = &request.preferences.time_zone {
        prologue = prologue.in_time_zone(zone);
    }
    let work = work(&plan, &request, query, prologue, &catalog);
    clock.lap(trace, "query");

    let rows = worker.pool.run(&work).await.map_err(|error| {
        if matches!(error, db::Error::Changed) {
            app.wish_reload();
        }
        understood(&plan, &request, &catalog, error)
    })?;
    clock.lap(trace, "transaction");

    let answered = Collected::read(rows, encoder, &plan, app).await.map_err(|error| match error {
        Error::Database(error) => understood(&plan, &request, &catalog, error),
        error => error,
    });
    if matches!(answered, Err(Error::NeitherServed { .. })) {
        trace.relation = None;
    }
    let answered = answered?;
    let reply = answered.reply(&plan, &request, selector)?;
    clock.lap(trace, "response");
    Ok(reply)
}

/// Who is asking; None where the request has no credential at all.
///
/// Only such a request can be anonymous; one whose credential is bad, or stands where none is read, is refused.
async fn authenticate(
    worker: &Worker,
    raw: &RawRequest,
    now_s: u64,
) -> Result<Option<Arc<Principal>>, Error> {
    let authorization: Vec<&[u8]> = raw.authorization.iter().map(AsRef::as_ref).collect();
    let in_query = request::names_token(&raw.query);
    match identity::credential(&authorization) {
        Ok(_) if in_query => Err(Refusal::Ambiguous.into()),
        Ok(token) => Ok(Some(worker.app.verifier.verify(&worker.pool, token, now_s).await?)),
        Err(Refusal::Missing) if !in_query => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Which tenant the request is for, among those that the principal proves; for nobody known, the one that it names.
async fn choose(
    worker: &Worker,
    raw: &RawRequest,
    path: Option<uuid::Uuid>,
    host: Option<Host>,
    principal: &Option<Arc<Principal>>,
) -> Result<Candidate, Error> {
    let app: &App = &worker.app;
    // Whoever will be refused for want of a token has nothing looked up.
    let may_pass = principal.is_some() || app.verifier.roles().anonymous().is_some();
    let host = match host.as_ref().and_then(|host| app.origins.selects(host)) {
        Some(name) if may_pass => app.tenants.named(&worker.pool, name).await?,
        Some(_) | None => None,
    };
    let header: Vec<&[u8]> = raw.tenant_headers.iter().map(AsRef::as_ref).collect();
    let selectors = Selectors { path, header: &header, host };
    match principal {
        Some(principal) => Ok(identity::select(principal.clone(), selectors, app.config.membership)?),
        None => app.verifier.anonymous(selectors)?.ok_or_else(|| Refusal::Missing.into()),
    }
}

/// Laps of one stop watch.
/// Takes the time of each stage, where anybody wants to know it.
struct Clock(Option<Instant>);

impl Clock {
    fn start(is_wanted: bool) -> Self {
        Clock(is_wanted.then(Instant::now))
    }

    fn lap(&mut self, trace: &mut Trace, stage: &'static str) {
        if let Some(since) = &mut self.0 {
            let now = Instant::now();
            trace.stages.push((stage, now.duration_since(*since).as_secs_f64() * 1e3));
            *since = now;
        }
    }
}

/// Where a request goes: by a route that a function declares, else to a relation or to `/rpc`.
fn path(raw: &RawRequest, path: &str, catalog: &Catalog) -> Result<Path, request::Error> {
    let method = match raw.method {
        Method::Get | Method::Head => RouteMethod::Get,
        Method::Post => RouteMethod::Post,
        Method::Patch | Method::Put | Method::Delete | Method::Options | Method::Other => {
            return Path::parse(path);
        }
    };
    let segments = request::segments(path).unwrap_or_default();
    match catalog.route(raw.profile.as_deref(), method, &segments) {
        None => Path::parse(path),
        Some(Routed { function, route, pairs }) => Ok(Path {
            relation: function.name.name().to_owned(),
            key: None,
            call: Some(PathCall {
                schema: Some(function.schema.name().to_owned()),
                pairs,
                catch_all: route.is_catch_all().then(|| segments.join("/")),
            }),
        }),
    }
}

fn name_route(trace: &mut Trace, profile: Option<&str>, path: &Path, catalog: &Catalog) {
    if let Some(call) = &path.call {
        if !catalog.functions_named(call.schema.as_deref().or(profile), &path.relation).is_empty() {
            trace.relation = Some(format!("rpc/{}", path.relation));
        }
    } else if catalog.relation(profile, &path.relation).is_some() {
        trace.relation = Some(path.relation.clone());
        trace.by_key = path.key.is_some();
    }
}

fn access(plan: &Plan<'_>) -> Access {
    match &plan.operation {
        Operation::Read(read) if matches!(read.count, Some(Count::Exact | Count::Estimated)) => {
            Access::ReadOnlySnapshot
        }
        Operation::Read(_) => Access::ReadOnly,
        Operation::Write(_) => Access::ReadWrite,
        Operation::Call(call) if matches!(call.read.count, Some(Count::Exact | Count::Estimated)) => {
            Access::ReadOnlySnapshot
        }
        Operation::Call(call) if call.only_reads => Access::ReadOnly,
        Operation::Call(_) => Access::ReadWrite,
    }
}

/// Whether the transaction of `plan` may write, and whether what it writes may be undone.
fn effects(plan: &Plan<'_>) -> (bool, bool) {
    match &plan.operation {
        Operation::Read(_) => (false, false),
        // What is explained may run, and is undone.
        Operation::Write(mutation) => (true, mutation.veto.is_some() || matches!(plan.media, Media::Plan(_))),
        Operation::Call(call) => {
            let explained = matches!(plan.media, Media::Plan(_)) && !call.only_reads;
            (!call.only_reads, call.veto.is_some() || explained)
        }
    }
}

fn work(plan: &Plan<'_>, request: &ApiRequest, query: Query, prologue: Prologue, catalog: &Catalog) -> Work {
    let (writes, vetoed) = effects(plan);
    let pre_request = catalog.pre_request.as_ref().map(|(schema, name)| query::pre_request(schema, name));
    let asks = match &plan.operation {
        Operation::Call(_) => Asks::Last,
        Operation::Read(_) | Operation::Write(_) if pre_request.is_some() => Asks::First,
        Operation::Read(_) | Operation::Write(_) => Asks::Never,
    };
    Work {
        prologue: if asks == Asks::Never { prologue } else { prologue.forgetting_answers() },
        pre_request,
        asks,
        encodings: query.encodings(),
        count: query.count,
        planned: query.planned,
        statement: query.statement,
        end: if vetoed { End::Decide } else { End::Commit },
        discard: request.preferences.transaction == Some(Transaction::RollBack),
        writes,
    }
}

/// What a function raised that a route led to, where any word would have led there; and a function that writes where it
/// may not.
fn of_call(request: &ApiRequest, catalog: &Catalog, only_reads: bool, error: db::Error) -> Error {
    let db::Error::Statement(refusal) = error else { return error.into() };
    let catch_all = request.path.call.as_ref().and_then(|call| call.catch_all.as_deref());
    match (refusal.code().code(), catch_all) {
        ("PT404", Some(name)) => Error::NeitherServed {
            similar: catalog.similar(request.profile.as_deref(), name).map(str::to_owned),
            name: name.to_owned(),
        },
        ("25006", _) if only_reads => Error::CallWrites(refusal),
        _ => db::Error::Statement(refusal).into(),
    }
}

/// Refusals of Postgres that mean something else here: a key that its column's type cannot hold names no row, and a row
/// that a statement meets twice was named twice.
fn understood(plan: &Plan<'_>, request: &ApiRequest, catalog: &Catalog, error: db::Error) -> Error {
    if let (db::Error::Statement(refusal), Operation::Write(mutation)) = (&error, &plan.operation)
        && *refusal.code() == SqlState::CARDINALITY_VIOLATION
        && let MutationKind::Insert { body, .. } | MutationKind::Update { body, .. } = &mutation.kind
        && matches!(body.shape, Shape::Array { rows: 2.. })
    {
        return Error::RowTwice;
    }
    let conditions = match &plan.operation {
        Operation::Read(read) => &read.root.conditions,
        Operation::Write(mutation) if matches!(mutation.kind, MutationKind::Delete) => &mutation.conditions,
        Operation::Call(call) => return of_call(request, catalog, call.only_reads, error),
        // The value that does not fit may be one of the body.
        Operation::Write(_) => return error.into(),
    };
    let by_key_alone = conditions.iter().all(|condition| matches!(condition, Condition::Key { .. }));
    match error {
        db::Error::Statement(refusal)
            if plan.by_key && by_key_alone && refusal.code().code().starts_with("22") =>
        {
            answer::absent(request)
        }
        error => error.into(),
    }
}

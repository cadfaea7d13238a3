//! The gate: no relation is served whose isolation is not proven.
//!
//! Judged by the rules of the audit, read from the catalog over a connection of the same kind as the pool's; by what only
//! that connection can say (who it is, whether policies are active for it, whether it is clean); and by trying: with no
//! tenant, an empty one and one that does not exist, no row may come back. What nobody declared is not served.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::function::RouteFault;
use super::relation::{Column, Identifier, Privileges, Takes};
use crate::audit::{Finding, Level, Rule};
use crate::config::Config;
use crate::query::{self, quote_literal};

/// Whether the gate judges by a rule: those whose errors are about the role, or about what may be served and doors to it.
///
/// Not TN206: of what nobody declared nothing is served, whatever the level. And not TN106, TN319 and the like, whose
/// errors are a matter of taste or of `strict`.
pub(super) fn judges(rule: &Rule) -> bool {
    concerns_role(rule.code)
        || matches!(
            rule.code,
            "TN201"
                | "TN202"
                | "TN204"
                | "TN205"
                | "TN207"
                | "TN208"
                | "TN301"
                | "TN302"
                | "TN303"
                | "TN304"
                | "TN305"
                | "TN306"
                | "TN307"
                | "TN308"
                | "TN309"
                | "TN310"
                | "TN311"
                | "TN312"
                | "TN313"
                | "TN314"
                | "TN315"
                | "TN316"
                | "TN317"
                | "TN318"
                | "TN401"
                | "TN402"
                | "TN403"
                | "TN404"
                | "TN405"
                | "TN407"
                | "TN408"
                | "TN409"
                | "TN501"
                | "TN602"
        )
}

/// Whether an error of the rule makes the role unfit, and not a relation or function alone.
fn concerns_role(code: &str) -> bool {
    matches!(code, "TN101" | "TN102" | "TN103" | "TN104" | "TN105" | "TN107" | "TN108" | "TN109" | "TN701")
}

/// An error of the audit that nobody has waived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `TN301`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// What the audit found that counts here, by what it is about.
#[derive(Debug, Default)]
pub(super) struct Faults {
    role: Vec<Fault>,
    /// By `schema.relation`, the first of each.
    relations: HashMap<String, Fault>,
    /// By `schema.function(types)`, or `schema.relation/constraint`.
    objects: HashMap<String, Fault>,
}

impl Faults {
    pub fn new(findings: Vec<Finding>) -> Self {
        let mut faults = Faults::default();
        for finding in findings {
            if finding.level < Level::Error || finding.is_waived() {
                continue;
            }
            let fault = Fault { code: finding.code, message: finding.message };
            if concerns_role(&fault.code) {
                faults.role.push(fault);
                continue;
            }
            if let Some(relation) = finding.relation {
                faults.relations.entry(relation).or_insert_with(|| fault.clone());
            }
            faults.objects.entry(finding.object).or_insert(fault);
        }
        faults
    }

    /// What is wrong with a relation, or with a key of another that lets a change of this one reach other tenants' rows.
    fn of_relation(&self, facts: &Facts) -> Option<&Fault> {
        let keys = || facts.referencing_keys.iter().find_map(|key| self.objects.get(key));
        self.relations.get(&facts.identity).or_else(keys)
    }
}

/// What is known of a relation before it is let through.
#[derive(Debug)]
pub(super) struct Facts {
    pub oid: u32,
    pub schema: Identifier,
    pub name: Identifier,
    /// `schema.name`, quoted where it must be, as the audit names it.
    pub identity: String,
    /// `pg_class.relkind`.
    pub kind: char,
    pub comment: Option<String>,
    /// `tenant`, `global` or `internal`, where somebody said so.
    pub declared_kind: Option<String>,
    pub declared_tenant_column: Option<String>,
    pub rls_active: bool,
    pub has_policy: bool,
    /// The foreign keys that point here, as the audit names them.
    pub referencing_keys: Vec<String>,
    pub privileges: Privileges,
    pub takes: Takes,
}

impl Facts {
    pub fn is_view(&self) -> bool {
        self.kind == 'v'
    }

    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.schema.name(), self.name.name())
    }

    fn is_global(&self) -> bool {
        self.declared_kind.as_deref() == Some("global")
    }

    /// Whether reading it as nobody must give no row: all but what is declared global, and what cannot be read.
    pub fn kept_apart(&self) -> bool {
        !self.is_global() && self.privileges.select
    }

    /// The column that says whose a row is: the declared one, else `tenant_id`, else none.
    pub fn tenant_column(&self, columns: &[Column]) -> Option<String> {
        if self.is_global() {
            return None;
        }
        let wanted = self.declared_tenant_column.as_deref().unwrap_or("tenant_id");
        columns.iter().map(|column| column.name.name()).find(|name| *name == wanted).map(str::to_owned)
    }
}

/// One relation, or definer function, behind a view.
#[derive(Debug)]
pub(super) struct ViewRead {
    /// As the audit names it.
    pub reads: String,
    pub is_view: bool,
    /// Every view on the way reads as the caller.
    pub as_caller: bool,
    pub declared_kind: Option<String>,
    pub rls_active: bool,
}

impl ViewRead {
    /// A view that shows what it should not shows it through every view of it, too, which the rules do not repeat.
    fn is_door(&self, faults: &Faults) -> bool {
        self.is_view && faults.relations.contains_key(&self.reads)
    }

    /// Whether its rows are the caller's to see. What is read as a view's owner, the rules judge by the view.
    fn is_kept_apart(&self, faults: &Faults) -> bool {
        if self.is_view {
            // What it reads is listed, too.
            return !self.is_door(faults);
        }
        let bound = self.as_caller && self.rls_active && !faults.relations.contains_key(&self.reads);
        match self.declared_kind.as_deref() {
            Some("global") => true,
            Some("tenant") => !self.as_caller || bound,
            Some(_) => bound,
            None => false,
        }
    }
}

/// What is known of a function before it is let through.
#[derive(Debug, Default)]
pub(super) struct FunctionFacts {
    /// As the audit names it.
    pub identity: String,
    pub declared: bool,
    pub security_definer: bool,
    /// A setting that decides what policies see, fixed by a SET clause.
    pub fixed_setting: Option<String>,
    /// The relation whose rows it returns, where that is not served.
    pub unserved_relation: Option<String>,
}

/// A relation, function or route that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its name; of a function with the types of its arguments.
    pub relation: String,
    pub reason: Reason,
}

/// Why something is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Internal,
    /// An error of the audit.
    Finding(Fault),
    /// Nobody said whose rows these are. `statement` says it, once the reason in it is a true one.
    Undeclared {
        statement: String,
    },
    RlsNotActive,
    NoPolicy,
    ViewReads {
        relation: String,
    },
    /// Rows came back for nobody: `setting` says which nobody.
    RowsForNobody {
        setting: &'static str,
    },
    /// The attempt to read as nobody ended in an error that is not a refusal.
    NotProven {
        setting: &'static str,
        sqlstate: String,
    },
    DefinerFunction,
    FunctionSets {
        setting: String,
    },
    FunctionReturns {
        relation: String,
    },
    /// The function is served, the route in its comment is not.
    Route {
        route: String,
        fault: RouteFault,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Internal => formatter.write_str("declared internal"),
            Reason::Finding(fault) => fault.fmt(formatter),
            Reason::Undeclared { statement } => {
                write!(formatter, "nobody has declared what it is (tenant, global or internal): {statement}")
            }
            Reason::RlsNotActive => formatter.write_str(
                "row-level security is not active for the request role (row_security_active is false)",
            ),
            Reason::NoPolicy => formatter.write_str("no permissive policy applies to the request role"),
            Reason::ViewReads { relation } => {
                write!(
                    formatter,
                    "the view reads {relation}, which is undeclared or not kept apart for the caller"
                )
            }
            Reason::RowsForNobody { setting } => {
                write!(formatter, "rows came back with {setting}: the policies do not keep tenants apart")
            }
            Reason::DefinerFunction => formatter.write_str(
                "a SECURITY DEFINER function runs as its owner, past the caller's policies: declare it \
                    (tenancy.declare_function), or make it SECURITY INVOKER",
            ),
            Reason::FunctionSets { setting } => {
                write!(formatter, "its SET clause fixes {setting}, by which policies tell tenants apart")
            }
            Reason::FunctionReturns { relation } => {
                write!(formatter, "it returns rows of {relation}, which is not served")
            }
            Reason::Route { route, fault } => write!(formatter, "the route {route:?} is not served: {fault}"),
            Reason::NotProven { setting, sqlstate } => {
                write!(formatter, "isolation is not proven: the probe with {setting} failed with {sqlstate}")
            }
        }
    }
}

/// Why a role may not serve anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleFault {
    /// An error of the audit.
    Finding(Fault),
    Switched {
        session_role: String,
    },
    Unreachable,
    TimeZone {
        found: String,
    },
    TenantSetting,
}

impl fmt::Display for RoleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoleFault::Finding(fault) => fault.fmt(formatter),
            RoleFault::Switched { session_role } => {
                write!(formatter, "the connection logged in as {session_role} and became another role")
            }
            RoleFault::Unreachable => formatter
                .write_str("the request role cannot become it: it does not exist, or is not granted to it"),
            RoleFault::TimeZone { found } => {
                write!(
                    formatter,
                    "its connections are in the time zone {found}, not UTC (is a pooler in between?)"
                )
            }
            RoleFault::TenantSetting => formatter.write_str(
                "a fresh connection already has app.current_tenant_id set: forgetting the \
                    tenant would no longer fail closed",
            ),
        }
    }
}

/// Judges the request role, or the `other` that the connection has become: an empty list lets it pass.
pub(super) fn judge_role(
    role: &Row,
    found: &Faults,
    other: Option<&Identifier>,
) -> Result<Vec<RoleFault>, tokio_postgres::Error> {
    let name: String = role.try_get("role_name")?;
    let mut faults: Vec<RoleFault> = found.role.iter().cloned().map(RoleFault::Finding).collect();
    let session_role: String = role.try_get("session_role_name")?;
    if let Some(other) = other {
        // `set role "none"` is understood as no role at all.
        if other.name() != name {
            faults.push(RoleFault::Unreachable);
        }
    } else if session_role != name {
        faults.push(RoleFault::Switched { session_role });
    }
    let time_zone: String = role.try_get("time_zone")?;
    if time_zone != "UTC" {
        faults.push(RoleFault::TimeZone { found: time_zone });
    }
    let tenant: Option<String> = role.try_get("tenant_setting")?;
    if tenant.is_some_and(|tenant| !tenant.is_empty()) {
        faults.push(RoleFault::TenantSetting);
    }
    Ok(faults)
}

/// Judges one relation by what the catalog says of it.
pub(super) fn judge(facts: &Facts, view_reads: &[ViewRead], faults: &Faults) -> Result<(), Reason> {
    let declared = facts.declared_kind.as_deref();
    if declared == Some("internal") {
        return Err(Reason::Internal);
    }
    if let Some(fault) = faults.of_relation(facts) {
        return Err(Reason::Finding(fault.clone()));
    }
    if let Some(door) = view_reads.iter().find(|read| read.is_door(faults)) {
        return Err(Reason::ViewReads { relation: door.reads.clone() });
    }
    if declared == Some("global") {
        return Ok(());
    }
    if facts.is_view() {
        // It needs no declaration of its own: it follows what it reads.
        return match view_reads.iter().find(|read| !read.is_kept_apart(faults)) {
            Some(read) => Err(Reason::ViewReads { relation: read.reads.clone() }),
            None => Ok(()),
        };
    }
    if declared.is_none() {
        return Err(Reason::Undeclared { statement: declaration(facts) });
    }
    // Never for a materialized view or a foreign table.
    if !facts.rls_active {
        return Err(Reason::RlsNotActive);
    }
    if !facts.has_policy {
        return Err(Reason::NoPolicy);
    }
    Ok(())
}

/// The statement that declares a relation.
fn declaration(facts: &Facts) -> String {
    let (kind, reason) = match facts.kind {
        'm' | 'f' => ("global", "the same for all tenants, because ..."),
        _ => ("tenant", "whose rows these are, because ..."),
    };
    let mut statement = String::from("select tenancy.declare(");
    quote_literal(&mut statement, &facts.identity);
    statement + &format!(", '{kind}', '{reason}');")
}

/// Judges a function. One that runs as its caller meets the caller's policies in all that it reads and writes; anything
/// else somebody must vouch for.
pub(super) fn judge_function(facts: &FunctionFacts, faults: &Faults) -> Result<(), Reason> {
    if facts.declared {
        return Ok(());
    }
    if facts.security_definer {
        return Err(Reason::DefinerFunction);
    }
    if let Some(fault) = faults.objects.get(&facts.identity) {
        return Err(Reason::Finding(fault.clone()));
    }
    if let Some(setting) = facts.fixed_setting.clone() {
        return Err(Reason::FunctionSets { setting });
    }
    match facts.unserved_relation.clone() {
        Some(relation) => Err(Reason::FunctionReturns { relation }),
        None => Ok(()),
    }
}

/// The ways in which a connection has no tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nobody {
    /// The setting reads as NULL, as long as the session has never set it.
    Unset,
    Empty,
    /// A tenant that does not exist.
    Unknown,
}

impl Nobody {
    /// Each nobody, the unset one first: a session that has set the tenant once has it empty for good.
    pub(crate) const ALL: [Nobody; 3] = [Nobody::Unset, Nobody::Empty, Nobody::Unknown];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Nobody::Unset => "no tenant set",
            Nobody::Empty => "an empty tenant",
            Nobody::Unknown => "a tenant that does not exist",
        }
    }

    fn tenant(self) -> Option<String> {
        match self {
            Nobody::Unset => None,
            Nobody::Empty => Some(String::new()),
            Nobody::Unknown => Some(Uuid::new_v4().to_string()),
        }
    }
}

/// Tries to read the relation as nobody; one row that comes back is one too many.
///
/// An error of the policy itself (a cast of `''`, a missing setting) shows no row and so is closed. Anything else that
/// keeps the probe from its answer, a time-out above all, leaves isolation unproven, which is no pass.
pub(super) async fn probe(
    client: &Client,
    facts: &Facts,
    nobody: Nobody,
    config: &Config,
) -> Result<Result<(), Reason>, tokio_postgres::Error> {
    use tokio_postgres::SimpleQueryMessage::Row;
    let (setting, tenant) = (nobody.name(), nobody.tenant());
    let timeout = Duration::from_millis(config.probe_timeout_ms);
    let text = query::probe(&facts.schema, &facts.name, tenant.as_deref(), timeout);
    let answer = client.simple_query(&text).await;
    client.batch_execute("rollback").await?;
    match answer {
        Ok(messages) => {
            let seen = messages
                .iter()
                .any(|message| matches!(message, Row(row) if row.get("row_seen") == Some("t")));
            Ok(if seen { Err(Reason::RowsForNobody { setting }) } else { Ok(()) })
        }
        Err(error) => match error.code() {
            Some(state) if closed(state.code()) => Ok(Ok(())),
            Some(state) => Ok(Err(Reason::NotProven { setting, sqlstate: state.code().to_owned() })),
            None => Err(error),
        },
    }
}

/// Data exceptions (22), an unknown setting (42704), a refusal (42501) and what a policy raises by itself (P0001).
pub(crate) fn closed(sqlstate: &str) -> bool {
    sqlstate.starts_with("22") || matches!(sqlstate, "42704" | "42501" | "P0001")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Waiver, WaiverState};

    fn table() -> Facts {
        Facts {
            oid: 1,
            schema: Identifier::new("api").unwrap(),
            name: Identifier::new("t").unwrap(),
            identity: "api.t".into(),
            kind: 'r',
            comment: None,
            declared_kind: Some("tenant".into()),
            declared_tenant_column: Some("tenant_id".into()),
            rls_active: true,
            has_policy: true,
            referencing_keys: vec!["api.parts/parts_t_fkey".into()],
            privileges: Privileges { select: true, ..Privileges::default() },
            takes: Takes::default(),
        }
    }

    fn finding(code: &str, object: &str, relation: Option<&str>) -> Finding {
        Finding {
            code: code.into(),
            name: "name".into(),
            level: Level::Error,
            object_type: "relation".into(),
            object: object.into(),
            relation: relation.map(str::to_owned),
            message: "It is open.".into(),
            detail: None,
            fix: None,
            fingerprint: "f".into(),
            content_md5: None,
            waiver: None,
        }
    }

    fn fault(code: &str) -> Fault {
        Fault { code: code.into(), message: "It is open.".into() }
    }

    fn kind(kind: &str) -> Option<String> {
        Some(kind.into())
    }

    #[test]
    fn a_table_needs_a_declaration_no_finding_active_rls_and_a_policy() {
        let judge = |facts: Facts| judge(&facts, &[], &Faults::default());
        assert_eq!(judge(table()), Ok(()));
        assert_eq!(judge(Facts { rls_active: false, ..table() }), Err(Reason::RlsNotActive));
        assert_eq!(judge(Facts { has_policy: false, ..table() }), Err(Reason::NoPolicy));
        assert_eq!(judge(Facts { rls_active: false, declared_kind: kind("global"), ..table() }), Ok(()));
        assert_eq!(judge(Facts { declared_kind: kind("internal"), ..table() }), Err(Reason::Internal));
        let undeclared = Facts { declared_kind: None, identity: "api.\"it's\"".into(), ..table() };
        let reason = judge(undeclared).unwrap_err().to_string();
        assert!(reason.ends_with(
            "select tenancy.declare('api.\"it''s\"', 'tenant', 'whose rows these are, because ...');"
        ));
    }

    #[test]
    fn a_finding_refuses_what_it_is_about_and_nothing_else() {
        let found = |findings: Vec<Finding>| judge(&table(), &[], &Faults::new(findings));
        let refused = |code| Err(Reason::Finding(fault(code)));
        assert_eq!(found(vec![finding("TN301", "api.t/p", Some("api.t"))]), refused("TN301"));
        assert_eq!(found(vec![finding("TN301", "api.u/p", Some("api.u"))]), Ok(()));
        // A key of another relation, over which a change of this one acts.
        assert_eq!(
            found(vec![finding("TN602", "api.parts/parts_t_fkey", Some("api.parts"))]),
            refused("TN602")
        );
        assert_eq!(
            found(vec![Finding { level: Level::Warning, ..finding("TN301", "api.t/p", Some("api.t")) }]),
            Ok(())
        );
        let waived = |state| {
            let waiver =
                Waiver { state, reason_kind: "wont_fix".into(), reason: "r".into(), by: None, until: None };
            vec![Finding { waiver: Some(waiver), ..finding("TN301", "api.t/p", Some("api.t")) }]
        };
        assert_eq!(found(waived(WaiverState::Active)), Ok(()));
        assert_eq!(found(waived(WaiverState::Stale)), refused("TN301"));
        assert_eq!(found(waived(WaiverState::Expired)), refused("TN301"));
        // Declared global or not.
        let faults = Faults::new(vec![finding("TN401", "api.t", Some("api.t"))]);
        let global = Facts { declared_kind: kind("global"), kind: 'v', ..table() };
        assert_eq!(judge(&global, &[], &faults), refused("TN401"));
    }

    #[test]
    fn a_function_runs_as_its_caller_unless_it_is_declared() {
        let judge_function = |facts: FunctionFacts| super::judge_function(&facts, &Faults::default());
        let invoker = || FunctionFacts { identity: "api.f()".into(), ..FunctionFacts::default() };
        assert_eq!(judge_function(invoker()), Ok(()));
        let definer = || FunctionFacts { security_definer: true, ..invoker() };
        assert_eq!(judge_function(definer()), Err(Reason::DefinerFunction));
        assert_eq!(judge_function(FunctionFacts { declared: true, ..definer() }), Ok(()));
        let role = FunctionFacts { fixed_setting: Some("role".into()), ..invoker() };
        assert_eq!(judge_function(role), Err(Reason::FunctionSets { setting: "role".into() }));
        let rows = FunctionFacts { unserved_relation: Some("api.t".into()), ..invoker() };
        assert_eq!(judge_function(rows), Err(Reason::FunctionReturns { relation: "api.t".into() }));
        let faults = Faults::new(vec![finding("TN408", "api.f()", None)]);
        assert_eq!(super::judge_function(&invoker(), &faults), Err(Reason::Finding(fault("TN408"))));
        let declared = FunctionFacts { declared: true, ..invoker() };
        assert_eq!(super::judge_function(&declared, &faults), Ok(()));
    }

    #[test]
    fn a_view_is_as_isolated_as_what_it_reads() {
        let view = Facts { kind: 'v', declared_kind: None, rls_active: false, ..table() };
        let read = |as_caller, declared: Option<&str>, rls_active| ViewRead {
            reads: "api.u".into(),
            is_view: false,
            as_caller,
            declared_kind: declared.map(str::to_owned),
            rls_active,
        };
        let refused = || Err(Reason::ViewReads { relation: "api.u".into() });
        for (read, verdict) in [
            (read(true, Some("tenant"), true), Ok(())),
            (read(true, Some("tenant"), false), refused()),
            // The rules judge it.
            (read(false, Some("tenant"), false), Ok(())),
            (read(true, Some("global"), false), Ok(())),
            (read(false, Some("global"), false), Ok(())),
            (read(true, Some("internal"), true), Ok(())),
            (read(false, Some("internal"), true), refused()),
            (read(true, None, true), refused()),
            (read(false, None, false), refused()),
        ] {
            let case = format!("{read:?}");
            assert_eq!(judge(&view, &[read], &Faults::default()), verdict, "{case}");
        }
        let faults = Faults::new(vec![finding("TN301", "api.u/p", Some("api.u"))]);
        assert_eq!(judge(&view, &[read(true, Some("tenant"), true)], &faults), refused());
        // A view that shows too much, whatever the view of it was declared to be.
        let door = || ViewRead { is_view: true, ..read(true, None, false) };
        assert_eq!(judge(&view, &[door()], &Faults::default()), Ok(()));
        let global = Facts { declared_kind: Some("global".to_owned()), ..view };
        assert_eq!(judge(&global, &[door()], &faults), refused());
    }

    #[test]
    fn the_gate_judges_by_rules_that_there_are() {
        let judged = crate::audit::rules().iter().filter(|rule| judges(rule));
        assert_eq!(judged.count(), 9 + 6 + 18 + 8 + 2);
    }
}

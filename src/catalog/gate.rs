//! The gate: no relation is served whose isolation is not proven.
//!
//! Judged from facts that Postgres gives about its own catalog, as the request role and on a connection of the same kind
//! as the pool's, and then tried: with no tenant, an empty one and one that does not exist, no row may come back.

use std::fmt;
use std::time::Duration;

use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::function::RouteFault;
use super::relation::{Column, Identifier, Privileges, Takes};
use crate::config::Config;
use crate::query;

/// What is known of a relation before it is let through.
#[derive(Debug)]
pub(super) struct Facts {
    pub oid: u32,
    pub schema: Identifier,
    pub name: Identifier,
    /// `pg_class.relkind`.
    pub kind: char,
    pub comment: Option<String>,
    pub declared_kind: Option<String>,
    pub declared_tenant_column: Option<String>,
    pub owner: String,
    pub owner_reachable: bool,
    pub rls_enabled: bool,
    pub rls_active: bool,
    pub has_policy: bool,
    /// A permissive policy that is simply true, with no restrictive one to narrow it.
    pub open_policy: Option<String>,
    pub security_invoker: bool,
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
    pub reads: String,
    pub as_caller: bool,
    pub isolated: bool,
}

/// What is known of a function before it is let through.
#[derive(Debug, Default)]
pub(super) struct FunctionFacts {
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
    RlsNotEnabled,
    RlsNotActive,
    NoPolicy,
    PolicyAlwaysTrue {
        policy: String,
    },
    MaterializedView,
    ForeignTable,
    ViewAsOwner,
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
            Reason::RlsNotEnabled => formatter
                .write_str("row-level security is not enabled, and the relation is not declared global"),
            Reason::RlsNotActive => formatter.write_str(
                "row-level security is not active for the request role (row_security_active is false)",
            ),
            Reason::NoPolicy => formatter.write_str("no permissive policy applies to the request role"),
            Reason::PolicyAlwaysTrue { policy } => {
                write!(formatter, "the policy {policy} is always true: it opens every tenant's rows")
            }
            Reason::MaterializedView => {
                formatter.write_str("a materialized view cannot carry row-level security")
            }
            Reason::ForeignTable => formatter.write_str("a foreign table cannot carry row-level security"),
            Reason::ViewAsOwner => formatter
                .write_str("the view reads as its owner: set security_invoker, or declare the view global"),
            Reason::ViewReads { relation } => {
                write!(formatter, "the view reads {relation}, which is not kept apart for the caller")
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
    Superuser,
    BypassRls,
    Replication,
    CreateRole,
    Reaches { role: String },
    Owns { relation: String },
    ReachesOwner { relation: String, owner: String },
    Switched { session_role: String },
    Unreachable,
    TimeZone { found: String },
    TenantSetting,
}

impl fmt::Display for RoleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoleFault::Superuser => formatter.write_str("it is a superuser, whom no policy binds"),
            RoleFault::BypassRls => formatter.write_str("it has BYPASSRLS"),
            RoleFault::Replication => {
                formatter.write_str("it has REPLICATION and could read every tenant's changes")
            }
            RoleFault::CreateRole => {
                formatter.write_str("it has CREATEROLE and could grant itself the owner of the tables")
            }
            RoleFault::Reaches { role } => {
                write!(
                    formatter,
                    "it can become {role}, which has SUPERUSER, BYPASSRLS, REPLICATION or CREATEROLE"
                )
            }
            RoleFault::Owns { relation } => write!(formatter, "it owns {relation}"),
            RoleFault::ReachesOwner { relation, owner } => {
                write!(formatter, "it can become {owner}, the owner of {relation}")
            }
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
    relations: &[Facts],
    other: Option<&Identifier>,
) -> Result<Vec<RoleFault>, tokio_postgres::Error> {
    let name: String = role.try_get("role_name")?;
    let mut faults = Vec::new();
    for (fact, fault) in [
        ("superuser", RoleFault::Superuser),
        ("bypass_rls", RoleFault::BypassRls),
        ("replication", RoleFault::Replication),
        ("create_role", RoleFault::CreateRole),
    ] {
        if role.try_get(fact)? {
            faults.push(fault);
        }
    }
    let session_role: String = role.try_get("session_role_name")?;
    if let Some(other) = other {
        // `set role "none"` is understood as no role at all.
        if other.name() != name {
            faults.push(RoleFault::Unreachable);
        }
    } else if session_role != name {
        faults.push(RoleFault::Switched { session_role });
    }
    let reachable: Vec<String> = role.try_get("reachable_dangerous_roles")?;
    let superuser = faults.contains(&RoleFault::Superuser);
    if !superuser {
        faults.extend(reachable.into_iter().map(|role| RoleFault::Reaches { role }));
        for facts in relations {
            let relation = facts.qualified_name();
            if facts.owner == name {
                faults.push(RoleFault::Owns { relation });
            } else if facts.owner_reachable {
                faults.push(RoleFault::ReachesOwner { relation, owner: facts.owner.clone() });
            }
        }
    }
    let found: String = role.try_get("time_zone")?;
    if found != "UTC" {
        faults.push(RoleFault::TimeZone { found });
    }
    let tenant: Option<String> = role.try_get("tenant_setting")?;
    if tenant.is_some_and(|tenant| !tenant.is_empty()) {
        faults.push(RoleFault::TenantSetting);
    }
    Ok(faults)
}

/// Judges one relation by what the catalog says of it.
pub(super) fn judge(facts: &Facts, view_reads: &[ViewRead]) -> Result<(), Reason> {
    match facts.declared_kind.as_deref() {
        Some("internal") => return Err(Reason::Internal),
        Some("global") => return Ok(()),
        _ => {}
    }
    match facts.kind {
        'm' => return Err(Reason::MaterializedView),
        'f' => return Err(Reason::ForeignTable),
        'v' => {
            if !facts.security_invoker {
                return Err(Reason::ViewAsOwner);
            }
            return match view_reads.iter().find(|read| !(read.as_caller && read.isolated)) {
                Some(read) => Err(Reason::ViewReads { relation: read.reads.clone() }),
                None => Ok(()),
            };
        }
        _ => {}
    }
    if !facts.rls_enabled {
        return Err(Reason::RlsNotEnabled);
    }
    if !facts.rls_active {
        return Err(Reason::RlsNotActive);
    }
    if !facts.has_policy {
        return Err(Reason::NoPolicy);
    }
    if let Some(policy) = facts.open_policy.clone() {
        return Err(Reason::PolicyAlwaysTrue { policy });
    }
    Ok(())
}

/// Judges a function. One that runs as its caller meets the caller's policies in all that it reads and writes; anything
/// else somebody must vouch for.
pub(super) fn judge_function(facts: &FunctionFacts) -> Result<(), Reason> {
    if facts.declared {
        return Ok(());
    }
    if facts.security_definer {
        return Err(Reason::DefinerFunction);
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

    fn table() -> Facts {
        Facts {
            oid: 1,
            schema: Identifier::new("api").unwrap(),
            name: Identifier::new("t").unwrap(),
            kind: 'r',
            comment: None,
            declared_kind: None,
            declared_tenant_column: None,
            owner: "owner".into(),
            owner_reachable: false,
            rls_enabled: true,
            rls_active: true,
            has_policy: true,
            open_policy: None,
            security_invoker: false,
            privileges: Privileges { select: true, ..Privileges::default() },
            takes: Takes::default(),
        }
    }

    fn global() -> Option<String> {
        Some("global".into())
    }

    #[test]
    fn a_table_needs_active_rls_and_a_policy_unless_it_is_global() {
        assert_eq!(judge(&table(), &[]), Ok(()));
        assert_eq!(judge(&Facts { rls_enabled: false, ..table() }, &[]), Err(Reason::RlsNotEnabled));
        assert_eq!(judge(&Facts { rls_active: false, ..table() }, &[]), Err(Reason::RlsNotActive));
        assert_eq!(judge(&Facts { has_policy: false, ..table() }, &[]), Err(Reason::NoPolicy));
        let open = Facts { open_policy: Some("all_open".into()), ..table() };
        assert_eq!(judge(&open, &[]), Err(Reason::PolicyAlwaysTrue { policy: "all_open".into() }));
        assert_eq!(judge(&Facts { rls_enabled: false, declared_kind: global(), ..table() }, &[]), Ok(()));
        let internal = Some("internal".into());
        assert_eq!(judge(&Facts { declared_kind: internal, ..table() }, &[]), Err(Reason::Internal));
    }

    #[test]
    fn a_function_runs_as_its_caller_unless_it_is_declared() {
        let invoker = FunctionFacts::default;
        assert_eq!(judge_function(&invoker()), Ok(()));
        let definer = || FunctionFacts { security_definer: true, ..invoker() };
        assert_eq!(judge_function(&definer()), Err(Reason::DefinerFunction));
        assert_eq!(judge_function(&FunctionFacts { declared: true, ..definer() }), Ok(()));
        let role = FunctionFacts { fixed_setting: Some("role".into()), ..invoker() };
        assert_eq!(judge_function(&role), Err(Reason::FunctionSets { setting: "role".into() }));
        let rows = FunctionFacts { unserved_relation: Some("api.t".into()), ..invoker() };
        assert_eq!(judge_function(&rows), Err(Reason::FunctionReturns { relation: "api.t".into() }));
    }

    #[test]
    fn a_view_is_as_isolated_as_what_it_reads_as_its_caller() {
        let view = |security_invoker| Facts { kind: 'v', rls_enabled: false, security_invoker, ..table() };
        let read = |as_caller, isolated| ViewRead { reads: "api.t".into(), as_caller, isolated };
        assert_eq!(judge(&view(true), &[read(true, true)]), Ok(()));
        assert_eq!(judge(&view(false), &[read(true, true)]), Err(Reason::ViewAsOwner));
        let refused = Err(Reason::ViewReads { relation: "api.t".into() });
        assert_eq!(judge(&view(true), &[read(false, true)]), refused);
        assert_eq!(judge(&view(true), &[read(true, true), read(true, false)]), refused);
        assert_eq!(judge(&Facts { kind: 'm', ..table() }, &[]), Err(Reason::MaterializedView));
        assert_eq!(judge(&Facts { kind: 'f', ..table() }, &[]), Err(Reason::ForeignTable));
    }
}

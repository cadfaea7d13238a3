//! The auditor: does row-level security keep tenants apart in this database?
//!
//! Rules are SQL (`sql/audit/tn*.sql`, one a file) over a common prelude (`sql/audit/prelude.sql`); the whole audit is one
//! read-only statement over pg_catalog. The same text runs from here, in the views of schema `tenancy`, and as a file for
//! a database that knows nothing of Rowhouse.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};

pub mod contract;
pub mod install;
pub mod rules;
mod standing;

mod judge;

pub mod protect;
pub mod prove;
pub mod report;

pub use contract::Contract;
pub use install::{example, standalone};
pub use rules::{Rule, rule, rules};
pub use standing::{Granted, Standing};

use crate::query::quote_literal;

/// What the statements of the audit run under, for the rest of a transaction. Names are written in full; of the prelude's
/// expressions Postgres has no statistics, and would join thousands of rows by nested loops; and a hundred of them at once, each
/// with the memory of a statement of its own, would be too much.
pub const SETTINGS: &str = "set local search_path = ''; set local enable_nestloop = off; set local jit = off; \
    set local work_mem = '1MB'";

const PRELUDE: &str = include_str!("../../sql/audit/prelude.sql");
const PRELUDE_RECOGNISER: &str = include_str!("../../sql/audit/prelude_recogniser.sql");
const PRELUDE_JUDGED: &str = include_str!("../../sql/audit/prelude_judged.sql");
const PRELUDE_POLICIES: &str = include_str!("../../sql/audit/prelude_policies.sql");
const PRELUDE_DOORS: &str = include_str!("../../sql/audit/prelude_doors.sql");
const PRELUDE_CODE: &str = include_str!("../../sql/audit/prelude_code.sql");
const PRELUDE_STATEMENTS: &str = include_str!("../../sql/audit/prelude_statements.sql");
const PRELUDE_TIES: &str = include_str!("../../sql/audit/prelude_ties.sql");
const FINDINGS: &str = include_str!("../../sql/audit/findings.sql");
const JUDGE_FACTS: &str = include_str!("../../sql/audit/judge_facts.sql");
const JUDGE_POLICIES: &str = include_str!("../../sql/audit/judge_policies.sql");

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Advice,
    Warning,
    Error,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Advice => "advice",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "advice" => Ok(Level::Advice),
            "warning" => Ok(Level::Warning),
            "error" => Ok(Level::Error),
            _ => Err(format!("{text:?} is no level: error, warning or advice")),
        }
    }
}

/// One thing that is wrong, or not proven to be right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub code: String,
    pub name: String,
    pub level: Level,
    /// What it is about: role, relation, policy, function, view, constraint, index and the like.
    pub object_type: String,
    /// Which one: `schema.table`, `schema.table/policy`, `schema.function(types)`, a role's name.
    pub object: String,
    pub relation: Option<String>,
    /// One sentence.
    pub message: String,
    pub detail: Option<String>,
    /// SQL to paste.
    pub fix: Option<String>,
    /// The same for the same code and object, however the object changes.
    pub fingerprint: String,
    /// Of the text that was looked at; a waiver that names another is stale.
    pub content_md5: Option<String>,
    pub waiver: Option<Waiver>,
}

impl Finding {
    /// Whether a waiver is in force: an active one, or a stale one of what is no error.
    pub fn is_waived(&self) -> bool {
        match self.waiver.as_ref().map(|waiver| waiver.state) {
            Some(WaiverState::Active) => true,
            Some(WaiverState::Stale) => self.level < Level::Error,
            Some(WaiverState::Expired) | None => false,
        }
    }
}

/// Somebody's word that a finding may stay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiver {
    pub state: WaiverState,
    /// `false_positive`, `accepted_risk` or `wont_fix`.
    pub reason_kind: String,
    pub reason: String,
    pub by: Option<String>,
    /// The last day on which it holds, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// Whether a waiver still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    Active,
    /// Its last day is over.
    Expired,
    /// What it was given for has changed.
    Stale,
}

/// Why there is no answer. None of these is ever a pass.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the audit's statement: {}", crate::app::cause(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("the contract: {0}")]
    Contract(#[source] serde_json::Error),
    #[error("what policies are judged by: {0}")]
    Facts(#[source] serde_json::Error),
    #[error("the contract: {0}")]
    Invalid(String),
    #[error("PostgreSQL {0} is too old to audit: 15 or later")]
    Version(i32),
}

/// What stands for the contract in the statement.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'a> {
    /// The first parameter, of type jsonb.
    Parameter,
    /// What `tenancy.contract()` returns.
    Installed,
    /// A literal.
    Literal(&'a Contract),
}

impl Slot<'_> {
    fn sql(self) -> String {
        match self {
            Slot::Parameter => "$1::pg_catalog.text::pg_catalog.jsonb".to_owned(),
            Slot::Installed => "tenancy.contract()".to_owned(),
            Slot::Literal(contract) => {
                let mut text = String::new();
                // A structure of texts, lists and booleans: it cannot fail.
                quote_literal(&mut text, &serde_json::to_string(contract).unwrap_or_default());
                text + "::pg_catalog.jsonb"
            }
        }
    }
}

/// The first part of the prelude, which knows what relations, functions and policies there are and judges nothing.
pub fn facts(contract: Slot<'_>) -> String {
    PRELUDE.trim_end().replace("{{contract}}", &contract.sql())
}

/// The prelude, with its contract, ready for a select behind it. Policies are judged by the recogniser in SQL.
pub fn prelude(contract: Slot<'_>) -> String {
    prelude_with(PRELUDE_RECOGNISER, contract)
}

fn prelude_with(reading: &str, contract: Slot<'_>) -> String {
    [PRELUDE, reading, PRELUDE_POLICIES, PRELUDE_DOORS, PRELUDE_CODE, PRELUDE_STATEMENTS, PRELUDE_TIES]
        .map(str::trim_end)
        .join(",\n")
        .replace("{{contract}}", &contract.sql())
}

/// The whole audit as one statement, without a semicolon: a row for each finding, the worst first. Policies are judged by
/// the recogniser in SQL.
pub fn statement(contract: Slot<'_>) -> String {
    statement_behind(prelude(contract), |_| true)
}

/// The same of the rules that are `wanted`, at least one, with the contract as first parameter and what the exact judge says of
/// each policy as second, both jsonb as text.
fn judged_statement(wanted: fn(&Rule) -> bool) -> String {
    statement_behind(judged_prelude(), wanted)
}

/// The prelude with the contract as the first parameter and the exact judge's readings as the second.
fn judged_prelude() -> String {
    let judged = PRELUDE_JUDGED.replace("{{readings}}", "$2::pg_catalog.text::pg_catalog.jsonb");
    prelude_with(&judged, Slot::Parameter)
}

fn statement_behind(prelude: String, wanted: fn(&Rule) -> bool) -> String {
    let mut text = prelude;
    let rules = || rules().iter().filter(|rule| wanted(rule));
    for rule in rules() {
        text.push_str(&format!(
            ",\n-- {} {}\n{} as (\n{}\n)",
            rule.code,
            rule.name,
            rule.code.to_lowercase(),
            rule.body
        ));
    }
    text.push_str(",\nraw_finding as (\n");
    for (at, rule) in rules().enumerate() {
        if at > 0 {
            text.push_str("    union all\n");
        }
        text.push_str(&format!(
            "    select '{}' as code, '{}' as name, f.* from {} as f\n",
            rule.code,
            rule.name,
            rule.code.to_lowercase()
        ));
    }
    text.push_str(")\n");
    text.push_str(FINDINGS.trim_end());
    text
}

/// How long the audit's statement may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Audits the database that `client` is connected to, in a read-only transaction that is rolled back. Needs no right but to
/// connect. The worst findings come first.
///
/// # Errors
/// [`Error`]: it could not be checked, which is no pass.
pub async fn audit(client: &Client, contract: &Contract) -> Result<Vec<Finding>, Error> {
    audit_of(client, contract, |_| true).await
}

/// The same by the rules that are `wanted` alone: Postgres plans only those.
///
/// # Errors
/// As [`audit`].
pub async fn audit_of(
    client: &Client,
    contract: &Contract,
    wanted: fn(&Rule) -> bool,
) -> Result<Vec<Finding>, Error> {
    client
        .batch_execute(&format!(
            "begin transaction isolation level repeatable read, read only; \
             {SETTINGS}; set local statement_timeout = {}",
            TIMEOUT.as_millis()
        ))
        .await?;
    let findings = findings(client, contract, wanted).await;
    // Nothing was written. Where the connection is gone, the transaction is too, and the first error is the one to tell.
    let ended = client.batch_execute("rollback").await;
    let findings = findings?;
    ended?;
    Ok(findings)
}

async fn findings(
    client: &Client,
    contract: &Contract,
    wanted: fn(&Rule) -> bool,
) -> Result<Vec<Finding>, Error> {
    let row = client
        .query_one("select pg_catalog.current_setting('server_version_num')::pg_catalog.int4", &[])
        .await?;
    let version: i32 = row.try_get(0)?;
    if version < 150_000 {
        return Err(Error::Version(version / 10_000));
    }
    let contract = serde_json::to_string(contract).map_err(Error::Contract)?;
    let readings = readings(client, &contract).await?;
    let rows = client.query(judged_statement(wanted).as_str(), &[&contract, &readings]).await?;
    rows.iter().map(finding).collect()
}

/// What the exact judge says of every policy of a tenant relation, as a JSON array.
async fn readings(client: &Client, contract: &str) -> Result<String, Error> {
    let statement = facts(Slot::Parameter) + JUDGE_FACTS;
    let row = client.query_one(statement.as_str(), &[&contract]).await?;
    let facts: judge::Facts = serde_json::from_str(row.try_get(0)?).map_err(Error::Facts)?;
    // As they come: the trees of a large schema are tens of megabytes.
    let rows = client.query_raw(JUDGE_POLICIES, Vec::<String>::new()).await?;
    let mut rows = std::pin::pin!(rows);
    let mut readings = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let (policy, relation): (u32, u32) = (row.try_get("policy_oid")?, row.try_get("relation_oid")?);
        for (part, column) in [("using", "using_tree"), ("check", "check_tree")] {
            let tree: Option<&str> = row.try_get(column)?;
            readings.extend(tree.and_then(|tree| facts.judge(policy, relation, part, tree)));
        }
    }
    serde_json::to_string(&readings).map_err(Error::Facts)
}

fn finding(row: &Row) -> Result<Finding, Error> {
    let text = |column: &str| row.try_get::<_, String>(column);
    let optional = |column: &str| row.try_get::<_, Option<String>>(column);
    let waiver = match optional("waiver_state")?.as_deref() {
        None => None,
        Some(state) => Some(Waiver {
            state: match state {
                "active" => WaiverState::Active,
                "stale" => WaiverState::Stale,
                _ => WaiverState::Expired,
            },
            reason_kind: text("waiver_reason_kind")?,
            reason: text("waiver_reason")?,
            by: optional("waiver_by")?,
            until: optional("waiver_until")?,
        }),
    };
    Ok(Finding {
        code: text("code")?,
        name: text("name")?,
        level: text("level")?.parse().map_err(Error::Invalid)?,
        object_type: text("object_type")?,
        object: text("object")?,
        relation: optional("relation")?,
        message: text("message")?,
        detail: optional("detail")?,
        fix: optional("fix")?,
        fingerprint: text("fingerprint")?,
        content_md5: optional("content_md5")?,
        waiver,
    })
}

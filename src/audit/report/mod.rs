//! What the audit found, in the form that its reader wants: text, JSON, SARIF, JUnit, pgTAP or a page of HTML.
//!
//! The forms are pure functions of a [`Report`]; what counts, what is waived and what was known before is decided once, here.

mod baseline;
mod html;
mod json;
mod junit;
mod locate;
mod pages;
mod pgtap;
mod sarif;
mod text;
mod xml;

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};

pub use baseline::Baseline;
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use locate::{Location, Sources};
pub use pages::write_pages;
pub use pgtap::pgtap;
pub use sarif::sarif;
pub use text::{explain, list, text};

use super::{Contract, Error, Finding, Level, SETTINGS};

const DESCRIBED: &str = include_str!("../../../sql/audit/described.sql");
const SCOPES: &str = include_str!("../../../sql/audit/scopes.sql");

/// Everything that a report says.
#[derive(Debug)]
pub struct Report {
    pub database: String,
    pub server_version: String,
    pub contract: Contract,
    /// The lowest level that counts.
    pub fail_on: Level,
    /// The worst first.
    pub findings: Vec<Judged>,
    pub relations: Vec<Described>,
    /// Empty until [`Report::look_at_scopes`].
    pub scopes: Vec<Scope>,
}

/// What the policies of a tenant table come to for one command of the request role.
#[derive(Debug, Clone)]
pub struct Scope {
    pub relation: String,
    /// SELECT, INSERT, DELETE; UPDATE-old of the rows that are changed, UPDATE-new of what they become.
    pub command: String,
    pub granted: bool,
    pub scoped: Scoped,
    /// The policies of which one must allow.
    pub permissive: Vec<String>,
    /// The policies that must all allow, too.
    pub restrictive: Vec<String>,
}

/// Which rows a command reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scoped {
    /// None: no policy allows any.
    Closed,
    /// The tenant's own alone.
    Own,
    /// A policy is not recognised.
    Unproven,
    /// Others', too.
    Open,
}

/// A finding and what becomes of it.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    pub finding: Finding,
    pub standing: Standing,
    /// Where its object was last created or altered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Whether a finding makes the audit fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Fails,
    /// Its level is below the one that fails.
    Told,
    /// Somebody accepts it.
    Waived,
    /// It is in the baseline.
    Known,
}

/// A relation as it stands, for those who read reports.
#[derive(Debug, Clone, Deserialize)]
pub struct Described {
    pub relation: String,
    pub schema: String,
    pub name: String,
    pub kind: String,
    pub declared: Option<String>,
    pub tenant_column: Option<String>,
    pub owner: String,
    pub rls_enabled: bool,
    pub rls_forced: bool,
    pub comment: Option<String>,
    pub select: bool,
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    pub truncate: bool,
    pub policies: Vec<DescribedPolicy>,
}

/// A policy as it stands.
#[derive(Debug, Clone, Deserialize)]
pub struct DescribedPolicy {
    pub name: String,
    pub command: String,
    pub permissive: bool,
    pub roles: Vec<String>,
    /// Whether it binds the request role.
    pub applies: bool,
    pub using: Option<String>,
    pub check: Option<String>,
    pub comment: Option<String>,
}

/// How many findings there are of each standing and level.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub errors: usize,
    pub warnings: usize,
    pub advice: usize,
    pub waived: usize,
    pub known: usize,
    pub fails: usize,
}

impl Report {
    /// Audits the database and puts a report together, in read-only transactions.
    ///
    /// # Errors
    /// [`Error`]: it could not be checked.
    pub async fn of(
        client: &Client,
        contract: Contract,
        fail_on: Level,
        baseline: Option<&Baseline>,
        sources: &Sources,
    ) -> Result<Self, Error> {
        let findings = super::audit(client, &contract).await?;
        let sent = serde_json::to_string(&contract).map_err(Error::Contract)?;
        client
            .batch_execute(
                "begin transaction isolation level repeatable read, read only; \
                 set local search_path = ''; set local statement_timeout = 60000",
            )
            .await?;
        let described = described(client, &sent).await;
        let ended = client.batch_execute("rollback").await;
        let (database, server_version, relations) = described?;
        ended?;
        let findings = findings
            .into_iter()
            .map(|finding| {
                let standing = standing(&finding, fail_on, baseline);
                let location = sources.locate(&finding);
                Judged { finding, standing, location }
            })
            .collect();
        Ok(Report { database, server_version, contract, fail_on, findings, relations, scopes: Vec::new() })
    }

    /// Reads what the policies come to, command by command, in a read-only transaction.
    ///
    /// # Errors
    /// [`Error`]: it could not be checked.
    pub async fn look_at_scopes(&mut self, client: &Client) -> Result<(), Error> {
        let contract = serde_json::to_string(&self.contract).map_err(Error::Contract)?;
        client
            .batch_execute(&format!(
                "begin transaction isolation level repeatable read, read only; {SETTINGS}; \
                 set local statement_timeout = 60000"
            ))
            .await?;
        let scopes = scopes(client, &contract).await;
        let ended = client.batch_execute("rollback").await;
        self.scopes = scopes?;
        ended?;
        Ok(())
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for judged in &self.findings {
            match judged.standing {
                Standing::Waived => counts.waived += 1,
                Standing::Known => counts.known += 1,
                Standing::Fails | Standing::Told => match judged.finding.level {
                    Level::Error => counts.errors += 1,
                    Level::Warning => counts.warnings += 1,
                    Level::Advice => counts.advice += 1,
                },
            }
            counts.fails += usize::from(judged.standing == Standing::Fails);
        }
        counts
    }

    /// 0: nothing fails; 1: something does.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.counts().fails > 0)
    }

    /// Waivers that no longer hold, or pin a text that has changed: under `--strict` they are no pass.
    pub fn bad_waivers(&self) -> Vec<&Finding> {
        let findings = self.findings.iter().map(|judged| &judged.finding);
        findings
            .filter(|finding| {
                finding.waiver.as_ref().is_some_and(|waiver| waiver.state != super::WaiverState::Active)
            })
            .collect()
    }

    /// One line that says it all.
    pub fn verdict(&self) -> String {
        let tenant: Vec<&Described> = self.relations.iter().filter(|one| one.is_tenant()).collect();
        let open: Vec<&str> = tenant
            .iter()
            .map(|one| one.relation.as_str())
            .filter(|relation| {
                self.findings.iter().any(|judged| {
                    judged.finding.level == Level::Error
                        && judged.standing != Standing::Waived
                        && judged.finding.relation.as_deref() == Some(relation)
                })
            })
            .collect();
        let counts = self.counts();
        let mut text = match tenant.len() {
            1 => "1 tenant relation".to_owned(),
            count => format!("{count} tenant relations"),
        };
        if open.is_empty() {
            text.push_str(", none open");
        } else {
            text.push_str(&format!(", {} open ({})", open.len(), open.join(", ")));
        }
        let found = counted(counts.errors, counts.warnings, counts.advice);
        text.push_str(&format!("; {found}, {} waived", counts.waived));
        if counts.known > 0 {
            text.push_str(&format!(", {} known before", counts.known));
        }
        text
    }
}

/// How many there are, in words.
pub fn counted(errors: usize, warnings: usize, advice: usize) -> String {
    let words = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    format!(
        "{}, {}, {}",
        words(errors, "error", "errors"),
        words(warnings, "warning", "warnings"),
        words(advice, "piece of advice", "pieces of advice")
    )
}

impl Described {
    /// Whether its rows are to be kept apart: whatever is not declared otherwise.
    pub fn is_tenant(&self) -> bool {
        !matches!(self.declared.as_deref(), Some("global" | "internal"))
    }
}

fn standing(finding: &Finding, fail_on: Level, baseline: Option<&Baseline>) -> Standing {
    if finding.is_waived() {
        Standing::Waived
    } else if baseline.is_some_and(|baseline| baseline.knows(finding)) {
        Standing::Known
    } else if finding.level >= fail_on {
        Standing::Fails
    } else {
        Standing::Told
    }
}

async fn scopes(client: &Client, contract: &str) -> Result<Vec<Scope>, Error> {
    let readings = super::readings(client, contract).await?;
    let statement = format!("{}\n{SCOPES}", super::judged_prelude());
    let rows = client.query(statement.as_str(), &[&contract, &readings]).await?;
    rows.iter().map(scope).collect()
}

fn scope(row: &Row) -> Result<Scope, Error> {
    Ok(Scope {
        relation: row.try_get("relation")?,
        command: row.try_get("command")?,
        granted: row.try_get("granted")?,
        scoped: match row.try_get("scoped")? {
            "yes" => Scoped::Own,
            "closed" => Scoped::Closed,
            "unproven" => Scoped::Unproven,
            // Whatever else it may be is no pass.
            _ => Scoped::Open,
        },
        permissive: row.try_get("permissive")?,
        restrictive: row.try_get("restrictive")?,
    })
}

async fn described(client: &Client, contract: &str) -> Result<(String, String, Vec<Described>), Error> {
    let facts = client
        .query_one(
            "select pg_catalog.current_database()::pg_catalog.text, pg_catalog.current_setting('server_version')",
            &[],
        )
        .await?;
    let rows = client.query(DESCRIBED, &[&contract]).await?;
    let relations = rows
        .iter()
        .map(|row| serde_json::from_str(row.try_get("relation")?).map_err(Error::Contract))
        .collect::<Result<Vec<Described>, Error>>()?;
    Ok((facts.try_get(0)?, facts.try_get(1)?, relations))
}

#[cfg(test)]
mod fixture;

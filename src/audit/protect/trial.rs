//! The trial: all steps in one transaction that is rolled back, and an audit of what the table has become there.
//!
//! It holds the lock that stops readers and writers of the table from its first step to the end of the audit, which the steps
//! themselves never do. So all of it is bounded: a wait for a lock as in the steps, each statement, the whole, and the table's
//! size.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::Protection;
use crate::audit::{self, Contract, Finding, Level};

/// Beyond that many rows nothing is tried.
const ROWS_MAX: f64 = 100_000.0;
/// After that nothing more is begun.
const TRIAL_MAX: Duration = Duration::from_secs(10);
/// As long as one statement may take, and a wait for a lock.
const BEGIN: &str = "begin; set local lock_timeout = '2s'; set local statement_timeout = '10s'; \
     set constraints all immediate; set local client_min_messages = 'error'";

/// Why the steps were not tried, or not to their end: that is no pass.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    #[error("it has about {0:.0} rows, and a trial would keep others from them for too long")]
    TooLarge(f64),
    #[error("step {step} ({title}) is refused: {why}")]
    Refused { step: usize, title: String, why: String },
    #[error("the steps took longer than {} s", TRIAL_MAX.as_secs())]
    TooSlow,
    #[error("{}", crate::app::cause(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Audit(#[from] audit::Error),
}

/// What the audit says of the table as the steps leave it.
#[derive(Debug)]
pub struct Trial {
    relation: String,
    /// Those that nobody waived, the worst first.
    findings: Vec<Finding>,
}

impl Trial {
    /// Whether a finding is of that level or worse.
    pub fn fails(&self, fail_on: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= fail_on)
    }

    /// For people, a few lines for each finding.
    pub fn text(&self) -> String {
        let mut out = format!("The steps were tried and rolled back. {} would have ", self.relation);
        let count = |level: Level| self.findings.iter().filter(|finding| finding.level == level).count();
        let _ = writeln!(
            out,
            "{}.",
            audit::report::counted(count(Level::Error), count(Level::Warning), count(Level::Advice))
        );
        for finding in &self.findings {
            let Finding { level, code, name, object, message, .. } = finding;
            let _ = writeln!(out, "  {:<7} {code} {name}  {object}\n          {message}", level.as_str());
            for line in finding.fix.iter().flat_map(|fix| fix.lines()) {
                let _ = writeln!(out, "              {line}");
            }
        }
        out
    }
}

/// Tries the steps as whoever `client` is, who must be able to run them, and audits the table.
///
/// # Errors
/// [`NotTried`].
pub async fn trial(client: &Client, protection: &Protection) -> Result<Trial, NotTried> {
    if protection.rows_expected > ROWS_MAX {
        return Err(NotTried::TooLarge(protection.rows_expected));
    }
    client.batch_execute(BEGIN).await?;
    let tried = tried(client, protection).await;
    // Where the connection is gone, the transaction is too, and the first error is the one to tell.
    let ended = client.batch_execute("rollback").await;
    let findings = tried?;
    ended?;
    Ok(Trial { relation: protection.relation.clone(), findings })
}

async fn tried(client: &Client, protection: &Protection) -> Result<Vec<Finding>, NotTried> {
    let begin = Instant::now();
    for (index, step) in protection.steps.iter().enumerate() {
        if begin.elapsed() > TRIAL_MAX {
            return Err(NotTried::TooSlow);
        }
        client.batch_execute(&step.tried).await.map_err(|error| match error.as_db_error() {
            Some(said) => NotTried::Refused {
                step: index + 1,
                title: step.title.clone(),
                why: said.message().to_owned(),
            },
            None => error.into(),
        })?;
    }
    // Where there is no contract the look for one is an error, which would end the transaction.
    client.batch_execute("savepoint contract").await?;
    let contract = Contract::read(client).await?;
    client.batch_execute("rollback to savepoint contract").await?;
    let mut contract = contract.unwrap_or_else(|| Contract::new(&protection.role));
    contract.role.clone_from(&protection.role);
    client.batch_execute(audit::SETTINGS).await?;
    let mut findings = audit::findings(client, &contract, |_| true).await?;
    findings.retain(|finding| {
        let here = finding.relation.as_deref() == Some(protection.relation.as_str());
        (here || finding.object == protection.relation) && !finding.is_waived()
    });
    Ok(findings)
}

//! One connection that tries things: each script in a transaction of its own, with a bound on its time, and rolled back.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::Error;
use crate::query::attempt::{self, Access};

/// As whom a statement runs: a tenant, or one of the nobodies.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub label: String,
    /// None: nothing is set.
    pub tenant: Option<String>,
    /// What else is set: a role, claims.
    pub settings: Vec<(String, String)>,
}

/// What a statement answered.
#[derive(Debug, Default, Clone)]
pub(super) struct Answer {
    /// The first column of each row.
    pub rows: Vec<String>,
    pub affected: u64,
}

impl Answer {
    pub fn is_true(&self) -> bool {
        self.rows.first().is_some_and(|value| value == "t")
    }
}

/// Postgres said no.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// The step that was refused.
    pub step: usize,
    pub sqlstate: String,
    pub message: String,
}

impl Refusal {
    pub fn told(&self) -> String {
        format!("{} {}", self.sqlstate, self.message)
    }
}

pub(super) struct Session {
    pub client: Client,
    pub timeout: Duration,
    /// The name of the tenant's setting.
    pub setting: String,
}

impl Session {
    /// The statements that make a transaction the actor's.
    pub fn become_actor(&self, actor: &Actor) -> Vec<String> {
        let more = actor.settings.iter().map(|(name, value)| attempt::set_local(name, value));
        let tenant = actor.tenant.as_deref().map(|tenant| attempt::set_local(&self.setting, tenant));
        more.chain(tenant).collect()
    }

    /// The steps as they are sent, with the transaction around them.
    pub fn shown(&self, access: Access, steps: &[String]) -> Vec<String> {
        let begin = attempt::begin(access, self.timeout);
        let begin = begin.split(';').map(str::to_owned);
        begin.chain(steps.iter().cloned()).chain(["rollback".to_owned()]).collect()
    }

    /// Runs the steps in one transaction, up to the first that is refused, and rolls back.
    ///
    /// # Errors
    /// Where the connection breaks; a refusal is an answer.
    pub async fn run(&self, access: Access, steps: &[String]) -> Result<Result<Vec<Answer>, Refusal>, Error> {
        self.client.batch_execute(&attempt::begin(access, self.timeout)).await?;
        let mut answers = Vec::with_capacity(steps.len());
        let mut refusal = None;
        for (step, statement) in steps.iter().enumerate() {
            match self.client.simple_query(statement).await {
                Ok(messages) => answers.push(answer(messages)),
                Err(error) => match error.as_db_error() {
                    Some(said) if !self.client.is_closed() => {
                        refusal = Some(Refusal {
                            step,
                            sqlstate: said.code().code().to_owned(),
                            // Not its detail, which may hold values of rows.
                            message: said.message().to_owned(),
                        });
                        break;
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        self.client.batch_execute("rollback").await?;
        Ok(match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(answers),
        })
    }
}

fn answer(messages: Vec<SimpleQueryMessage>) -> Answer {
    let mut answer = Answer::default();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                answer.rows.push(row.try_get(0).ok().flatten().unwrap_or_default().to_owned());
            }
            SimpleQueryMessage::CommandComplete(affected) => answer.affected = affected,
            _ => {}
        }
    }
    answer
}

//! `rowhouse prove`: tries to break isolation as the request role, and says how each attempt ended.
//!
//! Knows nothing of what policies say: it runs statements and looks at what comes back. Every attempt has a control that shows
//! there was something to see or to change; without it "nothing seen" proves nothing and is called vacuous. Each attempt is a
//! transaction of its own that is rolled back. Needs no more than the request role's connection.

mod calls;
mod reads;
mod report;
mod session;
mod target;
mod writes;

use std::collections::BTreeMap;
use std::time::Duration;

pub use report::{Attempt, Outcome, Report, Untried};
use uuid::Uuid;

use self::session::{Actor, Refusal, Session};
use self::target::{Callable, Target};
use crate::audit::{self, Granted, Standing};
use crate::catalog::{Identifier, Nobody};
use crate::db::Database;
use crate::query::attempt::Access;
use crate::query::set_role;

const ROLE: &str = include_str!("../../../sql/prove/role.sql");

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", crate::app::cause(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Standing(#[from] audit::Error),
    #[error("the catalog describes something that is not understood: {0}")]
    Description(#[source] serde_json::Error),
}

/// A tenant that has rows.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// As the tenant column says it, as text.
    pub id: String,
    /// What else its transactions set, such as claims.
    pub settings: Vec<(String, String)>,
}

/// What is tried, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The setting that policies read the tenant from.
    pub setting: String,
    /// The name of the tenant column of a relation that nobody declared.
    pub tenant_column: String,
    /// Tenants that exist; two are needed to see one from the other.
    pub tenants: Vec<Tenant>,
    /// What every transaction sets beside the tenant.
    pub settings: Vec<(String, String)>,
    /// Whether to try writing, too, rolled back. It takes locks and runs triggers: never in production.
    pub write: bool,
    /// How long each statement may take.
    pub timeout: Duration,
    /// The database roles beside the request role.
    pub roles: Vec<Identifier>,
    /// Functions that somebody vouches for, as reports name them: that they cannot be tried is no question.
    pub vouched: Vec<String>,
}

/// Tries everything, as the request role and as each other role, on a fresh connection each.
///
/// # Errors
/// [`Error`] where a connection cannot be made or breaks.
pub async fn prove(database: &Database, options: &Options) -> Result<Report, Error> {
    let mut report = Report::default();
    for role in std::iter::once(None).chain(options.roles.iter().map(Some)) {
        let client = database.client().await?;
        let mut granted = Granted::read_if_there(&client).await?;
        if let Some(role) = role {
            client.batch_execute(&set_role(role)).await?;
        }
        let session = Session { client, timeout: options.timeout, setting: options.setting.clone() };
        let facts = session.client.query_one(ROLE, &[&options.setting]).await?;
        let name: String = facts.try_get("role_name")?;
        granted.contract.role.clone_from(&name);
        let standing = Standing::read(&session.client, granted).await?;
        let (targets, callables) = target::load(&session.client, &standing, &options.tenant_column).await?;
        let unset: Option<String> = facts.try_get("tenant_setting")?;
        let mut prover = Prover {
            session,
            options,
            role: name,
            standing: &standing,
            targets,
            callables,
            seen: BTreeMap::new(),
            samples: BTreeMap::new(),
            report: &mut report,
        };
        // The unset nobody comes first of all: nothing may have set the tenant on this connection.
        prover.nobody(Nobody::Unset, unset.as_deref()).await?;
        let (superuser, bypass_rls) = (facts.try_get("superuser")?, facts.try_get("bypass_rls")?);
        prover.attributes(superuser, bypass_rls);
        prover.become_dangerous(&facts.try_get::<_, Vec<String>>("dangerous_roles")?).await?;
        prover.nobody(Nobody::Empty, None).await?;
        prover.nobody(Nobody::Unknown, None).await?;
        prover.reads().await?;
        prover.calls().await?;
        if options.write {
            prover.writes().await?;
        }
        prover.without_control();
    }
    Ok(report)
}

/// One role at work.
struct Prover<'a> {
    session: Session,
    options: &'a Options,
    role: String,
    standing: &'a Standing,
    targets: Vec<Target>,
    callables: Vec<Callable>,
    /// Which tenants (by their position) saw a row of the relation or function.
    seen: BTreeMap<String, Vec<usize>>,
    /// A row of each tenant, by the position of the relation and of the tenant.
    samples: BTreeMap<(usize, usize), String>,
    report: &'a mut Report,
}

/// An attempt before its end.
struct Trial {
    object: String,
    attempt: &'static str,
    acting: String,
    statements: Vec<String>,
}

/// The attempt whose control is that some tenant sees rows of the object.
const READ_AS_NOBODY: &str = "read any row";

impl Prover<'_> {
    fn actor(&self, tenant: usize) -> Actor {
        let Tenant { id, settings } = &self.options.tenants[tenant];
        Actor {
            label: format!("tenant {id}"),
            tenant: Some(id.clone()),
            settings: self.options.settings.iter().chain(settings).cloned().collect(),
        }
    }

    fn nobody_actor(&self, nobody: Nobody) -> Actor {
        let tenant = match nobody {
            Nobody::Unset => None,
            Nobody::Empty => Some(String::new()),
            Nobody::Unknown => Some(Uuid::new_v4().to_string()),
        };
        Actor { label: nobody.name().to_owned(), tenant, settings: self.options.settings.clone() }
    }

    fn trial(
        &self,
        object: &str,
        attempt: &'static str,
        actor: &Actor,
        access: Access,
        steps: &[String],
    ) -> Trial {
        Trial {
            object: object.to_owned(),
            attempt,
            acting: actor.label.clone(),
            statements: self.session.shown(access, steps),
        }
    }

    fn ended(&mut self, trial: Trial, outcome: Outcome, told: impl Into<String>) {
        self.ended_with(trial, outcome, told, Vec::new());
    }

    fn ended_with(&mut self, trial: Trial, outcome: Outcome, told: impl Into<String>, control: Vec<String>) {
        self.report.attempts.push(Attempt {
            role: self.role.clone(),
            object: trial.object,
            attempt: trial.attempt.to_owned(),
            acting: trial.acting,
            outcome,
            told: told.into(),
            statements: trial.statements,
            control,
        });
    }

    /// What was not tried, and what judges it instead.
    fn untried(&mut self, object: &str, why: impl Into<String>) {
        self.not_tried(object, why, false);
    }

    fn not_tried(&mut self, object: &str, why: impl Into<String>, open: bool) {
        self.report.untried.push(Untried {
            role: self.role.clone(),
            object: object.to_owned(),
            why: why.into(),
            open,
        });
    }

    /// Whoever no policy binds has nothing to break.
    fn attributes(&mut self, superuser: bool, bypass_rls: bool) {
        for (held, attempt) in [(superuser, "be a superuser"), (bypass_rls, "have BYPASSRLS")] {
            let trial = Trial {
                object: format!("role {}", self.role),
                attempt,
                acting: "itself".to_owned(),
                statements: vec![
                    "select rolsuper, rolbypassrls from pg_catalog.pg_roles where rolname = current_user"
                        .to_owned(),
                ],
            };
            match held {
                true => self.ended(trial, Outcome::Broken, "no policy binds it"),
                false => self.ended(trial, Outcome::Held, "it is not so"),
            }
        }
    }

    /// Tries to become each role that no policy binds, or that could take the policies away.
    async fn become_dangerous(&mut self, roles: &[String]) -> Result<(), Error> {
        let actor = Actor { label: "itself".to_owned(), tenant: None, settings: Vec::new() };
        for name in roles {
            let Some(role) = Identifier::new(name) else { continue };
            let steps = [set_role(&role)];
            let trial = self.trial(&format!("role {name}"), "become it", &actor, Access::ReadOnly, &steps);
            match self.session.run(Access::ReadOnly, &steps).await? {
                Ok(_) => self.ended(trial, Outcome::Broken, "the role can be become"),
                Err(refusal) if refusal.sqlstate == "42501" => {
                    self.ended(trial, Outcome::Held, refusal.told());
                }
                Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
            }
        }
        Ok(())
    }

    /// What no tenant has seen, no nobody was kept from.
    fn without_control(&mut self) {
        for attempt in &mut self.report.attempts {
            let mine = attempt.role == self.role && attempt.attempt == READ_AS_NOBODY;
            if mine && attempt.outcome == Outcome::Held && !self.seen.contains_key(&attempt.object) {
                attempt.outcome = Outcome::Vacuous;
                attempt.told = match self.options.tenants.is_empty() {
                    true => "no row, but no tenant was named that has any".to_owned(),
                    false => "no row, but the tenants see none either".to_owned(),
                };
            }
        }
    }
}

/// A refusal for want of a right or by a policy.
fn refused(refusal: &Refusal) -> bool {
    refusal.sqlstate == "42501"
}

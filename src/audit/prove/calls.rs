//! Attempts through functions: called as nobody and as each tenant, with arguments taken from another tenant's rows.
//!
//! A result is another tenant's where its tenant column says so, or where it holds that tenant's id or keys. What only counts or
//! adds up shows neither, and nothing here tries that: where such a function runs as its caller, the tables that it reads were
//! tried; where it runs as its owner, the attempt is vacuous. So a function that runs as its owner and cannot be tried leaves a
//! question, unless somebody vouches for it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::session::{Actor, Answer};
use super::{Callable, Error, Outcome, Prover};
use crate::catalog::{Identifier, Nobody, closed};
use crate::query::attempt::{self, Access};

/// Of how many relations a row is taken for the arguments of one function.
const CALLS_MAX: usize = 8;

/// Why the service's own functions are not called: by design some name a tenant to whoever has its slug, or a secret.
const OF_SERVICE: &str = "it is the service's own, answers before a tenant is known and runs as its owner; the audit judges it (TN404)";

/// The shortest text that tells a tenant's row from others'.
const MARKER_CHARS_MIN: usize = 8;

impl Prover<'_> {
    pub(super) async fn calls(&mut self) -> Result<(), Error> {
        for index in 0..self.callables.len() {
            let callable = &self.callables[index];
            let object = callable.identity.clone();
            if callable.of_service {
                self.untried(&object, OF_SERVICE);
                continue;
            }
            if callable.volatile && !self.options.write {
                self.not_called(index, "it may write, so it is called with --write only");
                continue;
            }
            if callable.variadic && !callable.required.is_empty() {
                self.not_called(index, "it is variadic");
                continue;
            }
            for nobody in [Nobody::Empty, Nobody::Unknown] {
                self.call(index, None, self.nobody_actor(nobody)).await?;
            }
            for tenant in 0..self.options.tenants.len() {
                self.call(index, Some(tenant), self.actor(tenant)).await?;
            }
        }
        Ok(())
    }

    /// Says why the function was not called, or that it told nothing, and whether that leaves a question.
    fn not_called(&mut self, index: usize, why: &str) {
        let callable = &self.callables[index];
        let object = callable.identity.clone();
        if self.report.untried.iter().any(|one| one.role == self.role && one.object == object) {
            return;
        }
        let vouched = self.vouched(callable);
        let (open, more) = match (callable.definer, vouched) {
            (false, _) => (false, "; it runs as its caller"),
            (true, true) => (false, "; somebody vouches for it"),
            (true, false) => (true, "; it does not run as its caller, and nobody vouches for it"),
        };
        self.not_tried(&object, format!("{why}{more}"), open);
    }

    fn vouched(&self, callable: &Callable) -> bool {
        self.standing.functions.iter().any(|oid| i64::from(*oid) == callable.oid)
            || self.options.vouched.contains(&callable.identity)
    }

    /// Calls the function as `actor`, with arguments from the rows of every other tenant, until one call breaks isolation.
    async fn call(&mut self, index: usize, tenant: Option<usize>, actor: Actor) -> Result<(), Error> {
        let access = if self.callables[index].volatile { Access::ReadWrite } else { Access::ReadOnly };
        // What is told of all the calls: the worst of them, where one has a control the first that has.
        let mut told: Option<Called> = None;
        for other in (0..self.options.tenants.len()).filter(|other| Some(*other) != tenant) {
            for arguments in self.arguments(&self.callables[index], other) {
                let called = self.call_with(index, &actor, other, &arguments, access).await?;
                let better = told.as_ref().is_none_or(|known| called.outcome < known.outcome);
                let first = told.as_ref().is_none_or(|known| known.outcome == Outcome::Vacuous);
                let ends = called.outcome == Outcome::Broken;
                if (better && called.outcome != Outcome::Vacuous) || first {
                    told = Some(called);
                }
                if ends {
                    break;
                }
            }
        }
        let Some(Called { outcome, told, steps, control }) = told else { return Ok(()) };
        let callable = &self.callables[index];
        let object = callable.identity.clone();
        // What its caller may read was tried, and what somebody vouches for was read.
        if outcome == Outcome::Vacuous && (!callable.definer || self.vouched(callable)) {
            self.not_called(index, "called, and it gave no tenant anything that could be recognised");
            return Ok(());
        }
        let trial = self.trial(&object, "call it for another's rows", &actor, access, &steps);
        let control = if control.is_empty() { control } else { self.session.shown(access, &control) };
        self.ended_with(trial, outcome, told, control);
        Ok(())
    }

    async fn call_with(
        &self,
        index: usize,
        actor: &Actor,
        other: usize,
        arguments: &[String],
        access: Access,
    ) -> Result<Called, Error> {
        let callable = &self.callables[index];
        let call = attempt::call(&callable.schema, &callable.name, arguments);
        let own = actor.tenant.clone().unwrap_or_default();
        let column = self.returned_tenant_column(callable);
        let markers = self.markers(other, arguments);
        let shows = |answers: &[Answer]| {
            let answer = answers.last().cloned().unwrap_or_default();
            match column {
                Some(_) => answer.is_true(),
                None => {
                    answer.rows.iter().any(|row| markers.iter().any(|marker| row.contains(marker.as_str())))
                }
            }
        };
        let mut steps = self.session.become_actor(actor);
        steps.push(match &column {
            Some(column) => attempt::sees_row(&call, Some((column, &own))),
            None => attempt::rows_of(&call),
        });
        let answer = match self.session.run(access, &steps).await? {
            Ok(answers) if shows(&answers) => {
                let told = "it gave what is another tenant's".to_owned();
                return Ok(Called { outcome: Outcome::Broken, told, steps, control: Vec::new() });
            }
            Ok(_) => "nothing of another's".to_owned(),
            // What the function raises itself, and what a policy or a constraint answers it.
            Err(refusal)
                if closed(&refusal.sqlstate)
                    || refusal.sqlstate.starts_with("PT")
                    || refusal.sqlstate.starts_with("23") =>
            {
                refusal.told()
            }
            Err(refusal) => {
                let told = refusal.told();
                return Ok(Called { outcome: Outcome::Unproven, told, steps, control: Vec::new() });
            }
        };
        // The control: the same call gives that tenant its rows.
        let mut control = self.session.become_actor(&self.actor(other));
        control.push(match &column {
            Some(_) => attempt::sees_row(&call, None),
            None => attempt::rows_of(&call),
        });
        let gives = match self.session.run(access, &control).await? {
            Ok(answers) => shows(&answers),
            Err(_) => false,
        };
        let (outcome, told) = match gives {
            true => (Outcome::Held, format!("{answer}, and the other tenant is given its rows")),
            false => {
                (Outcome::Vacuous, format!("{answer}, but the other is given nothing that is recognised"))
            }
        };
        Ok(Called { outcome, told, steps, control })
    }

    /// The column of the function's rows that names the tenant.
    fn returned_tenant_column(&self, callable: &Callable) -> Option<Identifier> {
        let known = |name: &&String| {
            **name == self.options.tenant_column
                || self.targets.iter().any(|target| {
                    !target.is_shared()
                        && target.tenant_column().is_some_and(|column| column.name.name() == name.as_str())
                        && callable.row_columns.len() == target.columns.len()
                        && target
                            .columns
                            .iter()
                            .all(|column| callable.row_columns.iter().any(|name| name == column.name.name()))
                })
        };
        callable.row_columns.iter().find(known).and_then(|name| Identifier::new(name))
    }

    /// What the function is called with: nothing where it needs nothing, else values of rows of `tenant`.
    fn arguments(&self, callable: &Callable, tenant: usize) -> Vec<Vec<String>> {
        if callable.required.is_empty() {
            return vec![Vec::new()];
        }
        let samples: Vec<(usize, BTreeMap<String, Value>)> = self
            .samples
            .iter()
            .filter(|((_, of), _)| *of == tenant)
            .filter_map(|((target, _), row)| Some((*target, serde_json::from_str(row).ok()?)))
            .collect();
        let mut calls: Vec<Vec<String>> = Vec::new();
        for (target, row) in &samples {
            let arguments = callable.required.iter().map(|required| {
                let columns = &self.targets[*target].columns;
                let fits = |name: &str| {
                    columns
                        .iter()
                        .any(|column| column.name.name() == name && column.type_name == required.type_name)
                };
                let name = [required.name.as_str(), "id"]
                    .into_iter()
                    .find(|name| fits(name))
                    .map(str::to_owned)
                    .or_else(|| {
                        let column = columns.iter().find(|column| {
                            column.in_key && column.type_name == required.type_name && column.select
                        });
                        column.map(|column| column.name.name().to_owned())
                    });
                let value = match name.and_then(|name| row.get(&name).cloned()) {
                    Some(Value::String(text)) => Some(text),
                    Some(Value::Null) | None => None,
                    Some(other) => Some(other.to_string()),
                };
                attempt::typed(value.as_deref(), &required.type_name)
            });
            calls.push(arguments.collect());
        }
        if calls.is_empty() {
            let nulls = callable.required.iter().map(|required| attempt::typed(None, &required.type_name));
            calls.push(nulls.collect());
        }
        calls.sort();
        calls.dedup();
        calls.truncate(CALLS_MAX);
        calls
    }

    /// Texts that stand in rows of `tenant` alone: its id and its keys, without those that the call itself names.
    fn markers(&self, tenant: usize, arguments: &[String]) -> Vec<String> {
        let mut markers = vec![self.options.tenants[tenant].id.clone()];
        let elsewhere: Vec<&String> =
            self.samples.iter().filter(|((_, of), _)| *of != tenant).map(|(_, row)| row).collect();
        for ((target, of), row) in &self.samples {
            let Ok(row) = serde_json::from_str::<BTreeMap<String, Value>>(row) else { continue };
            if *of != tenant {
                continue;
            }
            for column in self.targets[*target].columns.iter().filter(|column| column.in_key) {
                match row.get(column.name.name()) {
                    Some(Value::String(text))
                        if text.chars().count() >= MARKER_CHARS_MIN
                            && !elsewhere.iter().any(|row| row.contains(text.as_str())) =>
                    {
                        markers.push(text.clone());
                    }
                    _ => {}
                }
            }
        }
        markers.retain(|marker| !arguments.iter().any(|argument| argument.contains(marker.as_str())));
        markers
    }
}

/// How one call ended.
struct Called {
    outcome: Outcome,
    told: String,
    steps: Vec<String>,
    control: Vec<String>,
}

//! Attempts to read: as nobody, and as one tenant what is another's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Error, Outcome, Prover, READ_AS_NOBODY};
use crate::catalog::{Nobody, closed};
use crate::query::attempt::{self, Access};

impl Prover<'_> {
    /// Reads every relation as nobody. `found`: what the tenant's setting was when the connection was made.
    pub(super) async fn nobody(&mut self, nobody: Nobody, found: Option<&str>) -> Result<(), Error> {
        let actor = self.nobody_actor(nobody);
        for index in 0..self.targets.len() {
            let target = &self.targets[index];
            let object = target.qualified_name();
            if target.is_shared() {
                if nobody == Nobody::Unset {
                    let why = format!("declared {}", target.declared.clone().unwrap_or_default());
                    self.untried(&object, why + ": its rows are no tenant's");
                }
                continue;
            }
            if target.readable().is_empty() {
                continue;
            }
            let mut steps = self.session.become_actor(&actor);
            steps.push(attempt::sees_row(&target.sql(), None));
            let trial = self.trial(&object, READ_AS_NOBODY, &actor, Access::ReadOnly, &steps);
            if found.is_some() {
                let told = format!("a fresh connection has {} set already", self.session.setting);
                self.ended(trial, Outcome::Unproven, told);
                continue;
            }
            match self.session.run(Access::ReadOnly, &steps).await? {
                Ok(answers) if answers.last().is_some_and(|answer| answer.is_true()) => {
                    self.ended(trial, Outcome::Broken, "rows came back");
                }
                Ok(_) => self.ended(trial, Outcome::Held, "no row"),
                Err(refusal) if refusal.step + 1 == steps.len() && closed(&refusal.sqlstate) => {
                    self.ended(trial, Outcome::Held, refusal.told());
                }
                Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
            }
        }
        Ok(())
    }

    /// Reads every relation as each tenant.
    pub(super) async fn reads(&mut self) -> Result<(), Error> {
        for index in 0..self.targets.len() {
            if self.targets[index].is_shared() || self.targets[index].readable().is_empty() {
                continue;
            }
            for tenant in 0..self.options.tenants.len() {
                self.sample(index, tenant).await?;
            }
        }
        for index in 0..self.targets.len() {
            if self.targets[index].is_shared() || self.targets[index].readable().is_empty() {
                continue;
            }
            match self.targets[index].tenant_column().is_some_and(|column| column.select) {
                true => self.reads_others(index).await?,
                false if self.options.tenants.len() < 2 => {}
                false if self.targets[index].whole_rows => self.reads_same(index).await?,
                false => {
                    self.reads_alike(index, 0, 1).await?;
                    self.reads_alike(index, 1, 0).await?;
                }
            }
        }
        Ok(())
    }

    /// The control, and a row for later: what the tenant sees of the relation.
    async fn sample(&mut self, index: usize, tenant: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let actor = self.actor(tenant);
        let own = target.tenant_column().filter(|column| column.select).zip(actor.tenant.as_deref());
        let own = own.map(|(column, tenant)| (&column.name, tenant));
        let mut steps = self.session.become_actor(&actor);
        steps.push(attempt::sample(&target.sql(), &target.readable(), own));
        if let Ok(answers) = self.session.run(Access::ReadOnly, &steps).await?
            && let Some(row) = answers.last().and_then(|answer| answer.rows.first())
        {
            self.seen.entry(target.qualified_name()).or_default().push(tenant);
            self.samples.insert((index, tenant), row.clone());
        }
        Ok(())
    }

    /// Looks, as each tenant, for rows whose tenant column names another.
    async fn reads_others(&mut self, index: usize) -> Result<(), Error> {
        for tenant in 0..self.options.tenants.len() {
            let target = &self.targets[index];
            let object = target.qualified_name();
            let Some(column) = target.tenant_column() else { continue };
            let actor = self.actor(tenant);
            let id = actor.tenant.clone().unwrap_or_default();
            let mut steps = self.session.become_actor(&actor);
            steps.push(attempt::sees_row(&target.sql(), Some((&column.name, &id))));
            let trial = self.trial(&object, "read rows of others", &actor, Access::ReadOnly, &steps);
            // There must be rows of somebody else, that the somebody does see.
            let others = self.seen.get(&object).is_some_and(|seen| seen.iter().any(|other| *other != tenant));
            match self.session.run(Access::ReadOnly, &steps).await? {
                Ok(answers) if answers.last().is_some_and(|answer| answer.is_true()) => {
                    self.ended(trial, Outcome::Broken, "rows of another tenant, or of none, came back");
                }
                Ok(_) if others => self.ended(trial, Outcome::Held, "no row, and another tenant has some"),
                Ok(_) => self.ended(trial, Outcome::Vacuous, "no row, but no other tenant has any"),
                Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
            }
        }
        Ok(())
    }

    /// Without a tenant column: looks, as the second tenant, for rows that the first has seen.
    async fn reads_same(&mut self, index: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let object = target.qualified_name();
        let (from, one, other) = (target.sql(), self.actor(0), self.actor(1));
        let mut first = self.session.become_actor(&one);
        first.push(attempt::places(&from));
        let places = match self.session.run(Access::ReadOnly, &first).await? {
            Ok(answers) => answers.last().and_then(|answer| answer.rows.first().cloned()),
            Err(_) => None,
        };
        let mut steps = self.session.become_actor(&other);
        steps.push(attempt::sees_places(&from, places.as_deref().unwrap_or("{}")));
        let trial =
            self.trial(&object, "read rows that the other tenant sees", &other, Access::ReadOnly, &steps);
        match self.session.run(Access::ReadOnly, &steps).await? {
            _ if places.as_deref().is_none_or(|places| places == "{}") => {
                self.ended(trial, Outcome::Vacuous, "the other tenant sees no row");
            }
            Ok(answers) if answers.last().is_some_and(|answer| answer.is_true()) => {
                self.ended(trial, Outcome::Broken, "two tenants see the same row");
            }
            Ok(_) => self.ended(trial, Outcome::Held, "no row, and the other tenant has some"),
            Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
        }
        Ok(())
    }

    /// Without a tenant column and without a place of its rows, as in a view: compares what the two tenants see.
    ///
    /// A row that names the other tenant, or a row of that tenant, is another's. Rows that merely look the same may be two rows,
    /// as where a view counts: that is no pass and no leak. None in common is a pass, where the other sees some.
    async fn reads_alike(&mut self, index: usize, tenant: usize, other: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let object = target.qualified_name();
        let rows = attempt::rows(&target.sql(), &target.readable());
        let (actor, owner) = (self.actor(tenant), self.actor(other));
        let mut steps = self.session.become_actor(&actor);
        steps.push(rows.clone());
        let mut control = self.session.become_actor(&owner);
        control.push(rows);
        let ids = self.row_ids(other);
        let trial =
            self.trial(&object, "read rows that the other tenant sees", &actor, Access::ReadOnly, &steps);
        let theirs = match self.session.run(Access::ReadOnly, &control).await? {
            Ok(answers) => answers.last().map(|answer| answer.rows.clone()).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let control = self.session.shown(Access::ReadOnly, &control);
        let (outcome, told) = match self.session.run(Access::ReadOnly, &steps).await? {
            Ok(answers) => {
                let mine = answers.last().map(|answer| answer.rows.clone()).unwrap_or_default();
                let alike = mine.iter().filter(|row| theirs.contains(row)).count();
                if mine.iter().any(|row| ids.iter().any(|id| row.contains(id.as_str()))) {
                    (Outcome::Broken, "a row names the other tenant, or a row of its".to_owned())
                } else if theirs.is_empty() {
                    (Outcome::Vacuous, "the other tenant sees no row".to_owned())
                } else if alike > 0 {
                    let told = format!(
                        "{alike} rows look the same to both tenants: add the tenant column, or declare it global"
                    );
                    (Outcome::Unproven, told)
                } else {
                    (Outcome::Held, "no row that the other tenant sees, and it sees some".to_owned())
                }
            }
            Err(refusal) => (Outcome::Unproven, refusal.told()),
        };
        self.ended_with(trial, outcome, told, control);
        Ok(())
    }

    /// Texts that name the tenant or one row of its: its id, and of sampled rows the primary keys that are random.
    fn row_ids(&self, tenant: usize) -> Vec<String> {
        let mut ids = vec![self.options.tenants[tenant].id.clone()];
        for ((index, of), sample) in &self.samples {
            let target = &self.targets[*index];
            let Ok(row) = serde_json::from_str::<BTreeMap<String, Value>>(sample) else { continue };
            if *of != tenant {
                continue;
            }
            // A key that leads elsewhere may lead to what all tenants share.
            let refers = |name: &str| {
                let mut columns = target.foreign_keys.iter().flat_map(|key| &key.columns);
                columns.any(|(ours, _)| ours == name)
            };
            // Only there: what is tried here may show the row to both.
            let of_others = |id: &str| {
                let mut rows = self.samples.iter();
                rows.any(|((at, of), row)| at == index && *of != tenant && row.contains(id))
            };
            for column in &target.columns {
                let name = column.name.name();
                if column.in_primary_key
                    && column.type_name == "uuid"
                    && !refers(name)
                    && let Some(Value::String(id)) = row.get(name)
                    && !of_others(id)
                {
                    ids.push(id.clone());
                }
            }
        }
        ids
    }
}

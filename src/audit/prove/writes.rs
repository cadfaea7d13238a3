//! Attempts to write: delete, update, move, insert for another, upsert onto another, reference another.
//!
//! The judge of most is the other tenant: its rows, as it sees them, are the same before and after. An error of a constraint is
//! no refusal: row-level security is checked before constraints are, so one that answers shows that the row got past it.

use serde_json::Value;

use super::session::{Actor, Answer, Refusal};
use super::target::{Target, TargetColumn, TargetKey};
use super::{Error, Outcome, Prover, refused};
use crate::catalog::{Identifier, Nobody};
use crate::query::attempt::{self, Access};

const WRITE: Access = Access::ReadWrite;

/// Constraints that are deferred would answer at a COMMIT that never comes.
const IMMEDIATE: &str = "set constraints all immediate";

/// What became of a statement that should not have had any effect.
struct Effect {
    answer: Result<Answer, Refusal>,
    /// Whether the other tenant's rows changed; None where it cannot see them.
    changed: Option<bool>,
}

impl Prover<'_> {
    pub(super) async fn writes(&mut self) -> Result<(), Error> {
        for index in 0..self.targets.len() {
            if self.targets[index].may_truncate {
                self.truncate(index).await?;
            }
            if matches!(self.targets[index].kind.as_str(), "r" | "p") {
                self.disable(index).await?;
            }
            if self.targets[index].is_shared() {
                self.write_shared(index).await?;
                continue;
            }
            let pairs: Vec<(usize, usize)> = match self.options.tenants.len() {
                0 | 1 => Vec::new(),
                _ => vec![(0, 1), (1, 0)],
            };
            for (_, victim) in pairs.iter().copied() {
                self.delete_as_nobody(index, victim).await?;
                self.update_as_nobody(index, victim).await?;
            }
            for (actor, victim) in pairs {
                self.delete_others(index, actor, victim).await?;
                self.update_others(index, actor, victim).await?;
                self.move_to(index, actor, victim).await?;
                self.insert_for(index, actor, victim).await?;
                self.upsert_onto(index, actor, victim).await?;
                self.refer_to(index, actor, victim).await?;
            }
        }
        Ok(())
    }

    /// Policies do not govern TRUNCATE: the right is enough.
    async fn truncate(&mut self, index: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let actor = self.nobody_actor(Nobody::Unknown);
        let mut steps = self.session.become_actor(&actor);
        steps.push(attempt::truncate(&target.sql()));
        let trial = self.trial(&target.qualified_name(), "empty it", &actor, WRITE, &steps);
        match self.session.run(WRITE, &steps).await? {
            Ok(_) => self.ended(trial, Outcome::Broken, "TRUNCATE emptied it of every tenant's rows"),
            Err(refusal) if refused(&refusal) => self.ended(trial, Outcome::Held, refusal.told()),
            // Another table refers to it: all that stood in the way.
            Err(refusal) if refusal.sqlstate == "0A000" => {
                self.ended(trial, Outcome::Broken, refusal.told());
            }
            Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
        }
        Ok(())
    }

    async fn disable(&mut self, index: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let actor = self.nobody_actor(Nobody::Unknown);
        let steps = [attempt::disable(&target.sql())];
        let trial =
            self.trial(&target.qualified_name(), "take its row-level security off", &actor, WRITE, &steps);
        match self.session.run(WRITE, &steps).await? {
            Ok(_) => self.ended(trial, Outcome::Broken, "done: the role owns it, or may act as its owner"),
            Err(refusal) if refused(&refusal) => self.ended(trial, Outcome::Held, refusal.told()),
            Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
        }
        Ok(())
    }

    /// What all tenants share, none may change.
    async fn write_shared(&mut self, index: usize) -> Result<(), Error> {
        if self.options.tenants.is_empty() {
            return Ok(());
        }
        let target = &self.targets[index];
        let (object, actor, from) = (target.qualified_name(), self.actor(0), target.sql());
        let mut statements = Vec::new();
        if target.may_delete {
            statements.push(("delete what all tenants share", attempt::delete(&from, None)));
        }
        if let Some(column) = target.updatable().first() {
            let update = attempt::update(&from, &column.name, None, None);
            statements.push(("update what all tenants share", update));
        }
        for (what, statement) in statements {
            let mut steps = self.session.become_actor(&actor);
            steps.push(statement);
            let trial = self.trial(&object, what, &actor, WRITE, &steps);
            match self.session.run(WRITE, &steps).await? {
                Ok(answers) if answers.last().is_some_and(|answer| answer.affected > 0) => {
                    self.ended(trial, Outcome::Broken, "a tenant changed what all tenants see");
                }
                Ok(_) => self.ended(trial, Outcome::Held, "no row"),
                Err(refusal) if refused(&refusal) => self.ended(trial, Outcome::Held, refusal.told()),
                Err(refusal) if refusal.sqlstate.starts_with("23") => {
                    self.ended(trial, Outcome::Broken, refusal.told());
                }
                Err(refusal) => self.ended(trial, Outcome::Unproven, refusal.told()),
            }
        }
        Ok(())
    }

    async fn delete_as_nobody(&mut self, index: usize, victim: usize) -> Result<(), Error> {
        if self.targets[index].may_delete {
            let statement = attempt::delete(&self.targets[index].sql(), None);
            let actor = self.nobody_actor(Nobody::Unknown);
            self.reach(index, "delete every row", actor, victim, vec![(statement.clone(), statement)])
                .await?;
        }
        Ok(())
    }

    async fn delete_others(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        if let Some(column) = target.tenant_column().filter(|column| column.select && target.may_delete) {
            let of = Some((&column.name, self.options.tenants[victim].id.as_str()));
            let statement = attempt::delete(&target.sql(), of);
            let actor = self.actor(actor);
            let tries = vec![(statement.clone(), statement)];
            self.reach(index, "delete another's rows", actor, victim, tries).await?;
        }
        Ok(())
    }

    async fn update_as_nobody(&mut self, index: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        if let Some(column) = plain(target) {
            // Null and not the column's own value: what reads a column is also bound by the policies for SELECT.
            let null = attempt::typed(None, &column.type_name);
            let set = |value: Option<&str>| attempt::update(&target.sql(), &column.name, value, None);
            let tries = values(column)
                .into_iter()
                .map(|value| (set(Some(value.as_deref().unwrap_or(&null))), set(value.as_deref())))
                .collect();
            let actor = self.nobody_actor(Nobody::Unknown);
            self.reach(index, "update every row", actor, victim, tries).await?;
        }
        Ok(())
    }

    async fn update_others(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let tenant_column = target.tenant_column().filter(|column| column.select);
        if let (Some(column), Some(tenant_column)) = (plain(target), tenant_column) {
            let of = Some((&tenant_column.name, self.options.tenants[victim].id.as_str()));
            let set = |value: Option<&str>| attempt::update(&target.sql(), &column.name, value, of);
            let tries = values(column).into_iter().map(|value| set(value.as_deref()));
            let tries = tries.map(|statement| (statement.clone(), statement)).collect();
            let actor = self.actor(actor);
            self.reach(index, "update another's rows", actor, victim, tries).await?;
        }
        Ok(())
    }

    /// Runs a statement that must reach no row, and as the control the one with which the victim reaches its own. Of several
    /// such pairs it takes the first whose control reaches a row.
    async fn reach(
        &mut self,
        index: usize,
        what: &'static str,
        actor: Actor,
        victim: usize,
        tries: Vec<(String, String)>,
    ) -> Result<(), Error> {
        let object = self.targets[index].qualified_name();
        let owner = self.actor(victim);
        let mut chosen = None;
        for (statement, control) in tries {
            let control = self.with_actor(&owner, control);
            let (able, said) = match self.session.run(WRITE, &control).await? {
                Ok(answers) => {
                    (answers.last().is_some_and(|answer| answer.affected > 0), "no row".to_owned())
                }
                Err(refusal) => (refusal.sqlstate.starts_with("23"), refusal.told()),
            };
            if able || chosen.is_none() {
                chosen = Some((statement, control, able, said));
            }
            if able {
                break;
            }
        }
        let Some((statement, control, able, control_said)) = chosen else { return Ok(()) };
        let control = self.session.shown(WRITE, &control);
        let steps = self.with_actor(&actor, statement);
        let trial = self.trial(&object, what, &actor, WRITE, &steps);
        let (outcome, told) = match self.session.run(WRITE, &steps).await? {
            Ok(answers) => match answers.last().map_or(0, |answer| answer.affected) {
                0 if able => (Outcome::Held, "no row, and the other tenant reaches some".to_owned()),
                0 => (
                    Outcome::Vacuous,
                    format!("no row, but the other tenant reaches none either: {control_said}"),
                ),
                rows => (Outcome::Broken, format!("{rows} rows")),
            },
            Err(refusal) if refused(&refusal) && able => (Outcome::Held, refusal.told()),
            Err(refusal) if refused(&refusal) => (Outcome::Vacuous, refusal.told()),
            Err(refusal) if refusal.sqlstate.starts_with("23") => (
                Outcome::Broken,
                format!("it reached a row, and only a constraint answered: {}", refusal.told()),
            ),
            Err(refusal) => (Outcome::Unproven, refusal.told()),
        };
        self.ended_with(trial, outcome, told, control);
        Ok(())
    }

    fn with_actor(&self, actor: &Actor, statement: String) -> Vec<String> {
        let mut steps = self.session.become_actor(actor);
        steps.push(IMMEDIATE.to_owned());
        steps.push(statement);
        steps
    }

    /// Hands the actor's rows over to the victim: no WHERE and no RETURNING, so that no policy for SELECT comes to help.
    async fn move_to(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let Some(column) = target.tenant_column().filter(|_| !target.updatable().is_empty()) else {
            return Ok(());
        };
        let (object, from) = (target.qualified_name(), target.sql());
        let other = attempt::typed(Some(&self.options.tenants[victim].id), &column.type_name);
        let own = attempt::typed(Some(&self.options.tenants[actor].id), &column.type_name);
        let statement = attempt::update(&from, &column.name, Some(&other), None);
        let control = attempt::update(&from, &column.name, Some(&own), None);
        let privileged = column.update;
        let rewrites = target.rewrites;
        let actor = self.actor(actor);
        let control = self.with_actor(&actor, control);
        let able = match self.session.run(WRITE, &control).await? {
            Ok(answers) => answers.last().is_some_and(|answer| answer.affected > 0),
            Err(refusal) => refusal.sqlstate.starts_with("23"),
        };
        let (shown, effect) = self.effect(index, &actor, victim, statement).await?;
        let trial = self.trial(&object, "move its own rows to another", &actor, WRITE, &shown);
        let (outcome, told) = match effect {
            Effect { changed: Some(true), .. } => {
                (Outcome::Broken, "the rows became another tenant's".to_owned())
            }
            Effect { answer: Ok(answer), changed } => match (answer.affected, changed) {
                (0, _) => (Outcome::Vacuous, "no row of its own to move".to_owned()),
                (_, Some(_)) => (Outcome::Held, "the rows stayed where they were".to_owned()),
                (rows, None) => (Outcome::Broken, format!("{rows} rows")),
            },
            Effect { answer: Err(refusal), .. } if refused(&refusal) => match able || !privileged {
                true => (Outcome::Held, refusal.told()),
                false => (Outcome::Vacuous, refusal.told() + ", as for its own tenant"),
            },
            Effect { answer: Err(refusal), .. } if refusal.sqlstate.starts_with("23") && !rewrites => (
                Outcome::Broken,
                format!("the policies let it pass, and only a constraint answered: {}", refusal.told()),
            ),
            Effect { answer: Err(refusal), .. } => (Outcome::Unproven, refusal.told()),
        };
        let control = if privileged { self.session.shown(WRITE, &control) } else { Vec::new() };
        self.ended_with(trial, outcome, told, control);
        Ok(())
    }

    /// Runs `statement` between two looks of the victim at its rows. Gives what was run, too.
    async fn effect(
        &self,
        index: usize,
        actor: &Actor,
        victim: usize,
        statement: String,
    ) -> Result<(Vec<String>, Effect), Error> {
        let target = &self.targets[index];
        let look = (!target.readable().is_empty())
            .then(|| attempt::fingerprint(&target.sql(), &target.readable(), target.whole_rows));
        let watching = |steps: &mut Vec<String>| {
            if let Some(look) = &look {
                steps.extend(self.session.become_actor(&self.actor(victim)));
                steps.push(look.clone());
            }
            steps.len()
        };
        let mut steps = Vec::new();
        let before = watching(&mut steps);
        steps.extend(self.with_actor(actor, statement));
        let at = steps.len() - 1;
        let after = watching(&mut steps);
        let effect = match self.session.run(WRITE, &steps).await? {
            Err(refusal) => Effect { answer: Err(refusal), changed: None },
            Ok(answers) => {
                let looks = (answers.get(before.wrapping_sub(1)), answers.get(after - 1));
                let changed = match looks {
                    (Some(before), Some(after)) if look.is_some() => Some(before.rows != after.rows),
                    _ => None,
                };
                Effect { answer: Ok(answers[at].clone()), changed }
            }
        };
        Ok((steps, effect))
    }

    /// Inserts, as the actor, a row like its own that belongs to the victim.
    async fn insert_for(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let Some(column) = target.tenant_column().filter(|_| !target.insertable().is_empty()) else {
            return Ok(());
        };
        let (object, into, rewrites) = (target.qualified_name(), target.sql(), target.rewrites);
        let privileged = column.insert;
        let template = self.samples.get(&(index, actor)).cloned();
        let row = |tenant: usize| {
            let mut row = template.as_deref().map(|_| fresh(target)).unwrap_or_default();
            let id = attempt::typed(Some(&self.options.tenants[tenant].id), &column.type_name);
            put(&mut row, &column.name, id);
            row
        };
        let statement = attempt::insert(&into, &row(victim), template.as_deref(), None);
        let control = attempt::insert(&into, &row(actor), template.as_deref(), None);
        let actor = self.actor(actor);
        let control = self.with_actor(&actor, control);
        let mut control_said = String::new();
        let able = match self.session.run(WRITE, &control).await? {
            Ok(_) => true,
            Err(refusal) => {
                control_said = refusal.told();
                refusal.sqlstate.starts_with("23")
            }
        };
        let (shown, effect) = self.effect(index, &actor, victim, statement).await?;
        let trial = self.trial(&object, "insert a row for another", &actor, WRITE, &shown);
        let (outcome, told) = match effect {
            Effect { changed: Some(true), .. } => {
                (Outcome::Broken, "the row became another tenant's".to_owned())
            }
            Effect { answer: Ok(answer), changed: None } if answer.affected > 0 && !rewrites => {
                (Outcome::Broken, "it was inserted".to_owned())
            }
            Effect { answer: Ok(answer), .. } if answer.affected > 0 && !rewrites => {
                (Outcome::Broken, "it was inserted, and not even its tenant sees it".to_owned())
            }
            Effect { answer: Ok(_), changed: Some(false) } => {
                (Outcome::Held, "a trigger or rule kept it from the other tenant".to_owned())
            }
            Effect { answer: Ok(_), .. } => {
                (Outcome::Unproven, "a trigger or rule may have kept it from the other tenant".to_owned())
            }
            Effect { answer: Err(refusal), .. } if refused(&refusal) => match able || !privileged {
                true => (Outcome::Held, refusal.told()),
                false => {
                    (Outcome::Vacuous, format!("{}; nor for its own tenant: {control_said}", refusal.told()))
                }
            },
            Effect { answer: Err(refusal), .. } if refusal.sqlstate.starts_with("23") && !rewrites => (
                Outcome::Broken,
                format!("the policies let it pass, and only a constraint answered: {}", refusal.told()),
            ),
            Effect { answer: Err(refusal), .. } => (Outcome::Unproven, refusal.told()),
        };
        let control = if privileged { self.session.shown(WRITE, &control) } else { Vec::new() };
        self.ended_with(trial, outcome, told, control);
        Ok(())
    }

    /// Inserts, as the actor, a row with the key of one of the victim's, which then would be overwritten.
    async fn upsert_onto(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        let target = &self.targets[index];
        let key: Vec<&Identifier> =
            target.columns.iter().filter(|column| column.in_primary_key).map(|column| &column.name).collect();
        let (Some(sample), Some(column), false) =
            (self.samples.get(&(index, victim)), plain(target), key.is_empty())
        else {
            return Ok(());
        };
        let insertable = target.insertable();
        if !key.iter().all(|name| insertable.iter().any(|column| column.name == **name)) {
            return Ok(());
        }
        let row: Vec<(&Identifier, String)> = insertable
            .iter()
            .filter(|column| column.select)
            .map(|column| (&column.name, attempt::member(&column.name)))
            .collect();
        let (object, from) = (target.qualified_name(), target.sql());
        let upsert = Some((key.as_slice(), &column.name));
        let owner = self.actor(victim);
        let control = self.with_actor(&owner, attempt::insert(&from, &row, Some(sample), upsert));
        let able = match self.session.run(WRITE, &control).await? {
            Ok(answers) => answers.last().is_some_and(|answer| answer.affected > 0),
            Err(_) => false,
        };
        let mut own_row = row.clone();
        if let Some(tenant) = target.tenant_column() {
            let id = attempt::typed(Some(&self.options.tenants[actor].id), &tenant.type_name);
            put(&mut own_row, &tenant.name, id);
        }
        let statements = [
            attempt::insert(&from, &row, Some(sample), upsert),
            attempt::insert(&from, &own_row, Some(sample), upsert),
        ];
        let actor = self.actor(actor);
        let control = self.session.shown(WRITE, &control);
        for statement in statements {
            let (shown, effect) = self.effect(index, &actor, victim, statement).await?;
            let trial = self.trial(&object, "upsert onto another's row", &actor, WRITE, &shown);
            let (outcome, told) = match effect {
                Effect { changed: Some(true), .. } => {
                    (Outcome::Broken, "another tenant's row was overwritten".to_owned())
                }
                Effect { answer: Ok(_), changed: Some(false) } if able => {
                    (Outcome::Held, "the other tenant's row is as it was".to_owned())
                }
                Effect { answer: Ok(_), changed: None } => {
                    (Outcome::Unproven, "nobody could see whether another's row was overwritten".to_owned())
                }
                Effect { answer: Ok(_), .. } => {
                    (Outcome::Vacuous, "nothing changed, but the other tenant cannot do it either".to_owned())
                }
                Effect { answer: Err(refusal), .. } if refused(&refusal) && able => {
                    (Outcome::Held, refusal.told())
                }
                Effect { answer: Err(refusal), .. } if refused(&refusal) => {
                    (Outcome::Vacuous, refusal.told() + ", as for the other tenant itself")
                }
                // Another unique key or a foreign key stood in the way: nothing of another's was written.
                Effect { answer: Err(refusal), .. } if refusal.sqlstate.starts_with("23") && able => {
                    (Outcome::Held, refusal.told())
                }
                Effect { answer: Err(refusal), .. } => (Outcome::Unproven, refusal.told()),
            };
            self.ended_with(trial, outcome, told, control.clone());
        }
        Ok(())
    }

    /// Points, as the actor, at a row of the victim: whether that row exists can then be asked, and it can be held fast.
    async fn refer_to(&mut self, index: usize, actor: usize, victim: usize) -> Result<(), Error> {
        for key in 0..self.targets[index].foreign_keys.len() {
            let target = &self.targets[index];
            let key = &target.foreign_keys[key];
            let Some(columns) = self.victim_key(target, key, victim) else { continue };
            let into = target.sql();
            let own = self.samples.get(&(index, actor)).cloned();
            // Written in one row of the actor's; where it may not update the columns, in a new row.
            let update =
                columns.iter().all(|(name, _)| target.updatable().iter().any(|column| column.name == **name));
            let insert = columns
                .iter()
                .all(|(name, _)| target.insertable().iter().any(|column| column.name == **name));
            let mut statements = Vec::new();
            if update && let [(name, value)] = columns.as_slice() {
                // One row, where it can be named: all of them at once might only meet a unique key.
                let one = own.as_deref().and_then(|own| only_row(target, own));
                let mine = target.tenant_column().filter(|column| column.select);
                let mine = mine.map(|column| (&column.name, self.options.tenants[actor].id.as_str()));
                let filter = match &one {
                    Some((column, value)) => Some((*column, value.as_str())),
                    None => mine,
                };
                let control = attempt::update(&into, name, None, filter);
                statements.push((attempt::update(&into, name, Some(value), filter), control));
            }
            if insert && let Some(own) = &own {
                let control = fresh(target);
                let mut row = control.clone();
                for (name, value) in &columns {
                    put(&mut row, name, value.clone());
                }
                let sampled = Some(own.as_str());
                statements.push((
                    attempt::insert(&into, &row, sampled, None),
                    attempt::insert(&into, &control, sampled, None),
                ));
            }
            let object = format!("{} ({})", target.qualified_name(), key.name);
            let me = self.actor(actor);
            for (statement, control) in statements {
                let control = self.with_actor(&me, control);
                let able = match self.session.run(WRITE, &control).await? {
                    Ok(answers) => answers.last().is_some_and(|answer| answer.affected > 0),
                    Err(_) => false,
                };
                let steps = self.with_actor(&me, statement);
                let trial = self.trial(&object, "refer to another's row", &me, WRITE, &steps);
                let (outcome, told) = match self.session.run(WRITE, &steps).await? {
                    Ok(answers) if answers.last().is_some_and(|answer| answer.affected > 0) => {
                        (Outcome::Broken, "a row of its own now refers to another tenant's".to_owned())
                    }
                    Ok(_) => (Outcome::Vacuous, "no row of its own to write".to_owned()),
                    Err(refusal) if able && matches!(refusal.sqlstate.as_str(), "23503" | "42501") => {
                        (Outcome::Held, refusal.told())
                    }
                    Err(refusal) if able => (Outcome::Unproven, refusal.told()),
                    Err(refusal) => (Outcome::Vacuous, refusal.told() + "; nor could it refer to its own"),
                };
                let control = self.session.shown(WRITE, &control);
                self.ended_with(trial, outcome, told, control);
            }
        }
        Ok(())
    }

    /// What the columns of `key` hold where they point at a row of `victim`; the tenant column is left out.
    fn victim_key<'a>(
        &self,
        target: &'a Target,
        key: &TargetKey,
        victim: usize,
    ) -> Option<Vec<(&'a Identifier, String)>> {
        let (position, referenced) =
            self.targets.iter().enumerate().find(|(_, other)| other.oid == key.target)?;
        if referenced.is_shared() {
            return None;
        }
        let sample: Value = serde_json::from_str(self.samples.get(&(position, victim))?).ok()?;
        let tenant = target.tenant_column().map(|column| column.name.name());
        let mut columns = Vec::new();
        for (ours, theirs) in key.columns.iter().filter(|(ours, _)| Some(ours.as_str()) != tenant) {
            let column = target.column(ours)?;
            let value = match sample.get(theirs)? {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            columns.push((&column.name, attempt::typed(Some(&value), &column.type_name)));
        }
        (!columns.is_empty()).then_some(columns)
    }
}

/// A column to update that names no tenant and is in no key.
fn plain(target: &Target) -> Option<&TargetColumn> {
    let updatable = target.updatable();
    let tenant = target.tenant_column().map(|column| &column.name);
    let other = updatable.iter().filter(|column| Some(&column.name) != tenant);
    other.clone().find(|column| !column.in_key).or(other.clone().next()).or(updatable.first()).copied()
}

/// What a column is set to, in this order, to see whether its tenant may change it: to what it is (None), which every policy
/// allows that judges rows alike before and after; then to what one may demand, as where a row can be revoked and no more.
fn values(column: &TargetColumn) -> Vec<Option<String>> {
    let type_name = column.type_name.as_str();
    let demanded: &[&str] = match type_name {
        "timestamp with time zone" | "timestamp without time zone" | "date" => &["pg_catalog.now()"],
        "boolean" => &["true", "false"],
        "smallint" | "integer" | "bigint" | "numeric" => &["0"],
        "text" | "character varying" => &["'rowhouse'"],
        _ => &[],
    };
    let demanded = demanded.iter().map(|value| Some(format!("{value}::{type_name}")));
    let null = Some(attempt::typed(None, type_name));
    std::iter::once(None).chain(demanded).chain([null]).collect()
}

/// What names the sampled row alone: its primary key, where that is one column, or one beside the tenant.
fn only_row<'a>(target: &'a Target, sample: &str) -> Option<(&'a Identifier, String)> {
    let tenant = target.tenant_column().map(|column| &column.name);
    let mut key =
        target.columns.iter().filter(|column| column.in_primary_key && Some(&column.name) != tenant);
    let (Some(column), None) = (key.next(), key.next()) else { return None };
    let sample: Value = serde_json::from_str(sample).ok()?;
    match sample.get(column.name.name())? {
        Value::Null => None,
        Value::String(text) => Some((&column.name, text.clone())),
        other => Some((&column.name, other.to_string())),
    }
}

/// A row like the sampled one with keys of its own, as far as the columns may be inserted.
fn fresh(target: &Target) -> Vec<(&Identifier, String)> {
    let tenant = target.tenant_column().map(|column| &column.name);
    let refers = |column: &TargetColumn| {
        target.foreign_keys.iter().any(|key| key.columns.iter().any(|(ours, _)| ours == column.name.name()))
    };
    let mut row = Vec::new();
    for column in target.insertable().into_iter().filter(|column| column.select) {
        let copied = attempt::member(&column.name);
        let value = if !column.in_key || Some(&column.name) == tenant || refers(column) {
            copied
        } else if column.type_name == "uuid" {
            "pg_catalog.gen_random_uuid()".to_owned()
        } else if column.has_default {
            continue;
        } else {
            match column.type_name.as_str() {
                "text" | "character varying" => {
                    "'rowhouse-' || pg_catalog.substr(pg_catalog.md5(pg_catalog.random()::pg_catalog.text), 1, 12)".to_owned()
                }
                "integer" | "bigint" => "2000000000 + (pg_catalog.random() * 100000000)::pg_catalog.int4".to_owned(),
                _ => copied,
            }
        };
        row.push((&column.name, value));
    }
    row
}

fn put<'a>(row: &mut Vec<(&'a Identifier, String)>, column: &'a Identifier, value: String) {
    match row.iter_mut().find(|(name, _)| *name == column) {
        Some((_, old)) => *old = value,
        None => row.push((column, value)),
    }
}

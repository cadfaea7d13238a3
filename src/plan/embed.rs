//! Chooses the relationship that an embed means.
//!
//! By the name of the relation; by that of a computed relationship, which hides the others; or, without either, by that of
//! a foreign key or of one of our columns in it (<https://docs.postgrest.org/en/stable/references/api/resource_embedding.html>).

use super::{Candidate, Error, Planner};
use crate::catalog::{self, Cardinality, ForeignKey, Link, Relation, RelationKind, Relationship};
use crate::request::{EmbedItem, SelectItem};

/// The embeds of a select list, in their order, which is that of a node's `embeds`.
pub(super) fn items(select: &[SelectItem]) -> impl Iterator<Item = &EmbedItem> {
    select.iter().filter_map(|item| match item {
        SelectItem::Embed(item) => Some(item),
        _ => None,
    })
}

/// Which embed `name` means: the one that is called so, or else the only one of the relation of this name.
pub(super) fn find(select: &[SelectItem], name: &str) -> Option<usize> {
    if let Some(called) = items(select).position(|item| self::name(item) == name) {
        return Some(called);
    }
    let mut of_relation = items(select).enumerate().filter(|(_, item)| item.relation == name);
    match (of_relation.next(), of_relation.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

/// Of each node on the way to `target`, which of its embeds; None where one is not embedded.
pub(super) fn resolve(mut select: &[SelectItem], target: &[String]) -> Option<Vec<usize>> {
    let mut path = Vec::with_capacity(target.len());
    for name in target {
        let index = find(select, name)?;
        select = &items(select).nth(index)?.select;
        path.push(index);
    }
    Some(path)
}

/// What an embed is called: the name of its member, and of what is said about it.
pub(super) fn name(item: &EmbedItem) -> &str {
    item.alias.as_deref().unwrap_or(&item.relation)
}

impl<'a> Planner<'a, '_> {
    /// The one relationship from `from` that `item` means, by its hint where there are several.
    pub(super) fn relationship(
        &self,
        from: &'a Relation,
        item: &EmbedItem,
    ) -> Result<&'a Relationship, Error> {
        let (target, hint) = (item.relation.as_str(), item.hint.as_deref());
        let candidates = self.meant(from, target, hint);
        match candidates.as_slice() {
            [one] => Ok(one),
            [] => Err(Error::NoRelationship {
                from: from.name.name().to_owned(),
                to: target.to_owned(),
                hint: hint.map(str::to_owned),
                similar: catalog::nearest(target, from.relationships.iter().map(|one| self.shown(one)))
                    .filter(|similar| *similar != target)
                    .map(str::to_owned),
            }),
            several => Err(Error::AmbiguousRelationship {
                from: from.name.name().to_owned(),
                to: target.to_owned(),
                candidates: several.iter().map(|one| self.candidate(from, several, one)).collect(),
            }),
        }
    }

    /// What a client writes to embed it, where nothing else has that name.
    fn shown(&self, relationship: &'a Relationship) -> &'a str {
        match &relationship.link {
            Link::Function { function, .. } => function.name.name(),
            Link::Key(_) | Link::Junction { .. } => self.catalog.get(relationship.target).name.name(),
        }
    }

    fn meant(&self, from: &'a Relation, target: &str, hint: Option<&str>) -> Vec<&'a Relationship> {
        let all = |wanted: &dyn Fn(&Relationship) -> bool| -> Vec<&'a Relationship> {
            from.relationships.iter().filter(|one| wanted(one)).collect()
        };
        let computed = all(
            &|one| matches!(&one.link, Link::Function { function, .. } if function.name.name() == target),
        );
        if !computed.is_empty() {
            return computed;
        }
        let named = all(&|one| {
            !matches!(one.link, Link::Function { .. })
                && self.catalog.get(one.target).name.name() == target
                && hint.map_or(!self.is_up(from, one), |hint| self.matches_hint(from, one, hint))
        });
        if !named.is_empty() || hint.is_some() {
            return named;
        }
        all(&|one| {
            let to = self.catalog.get(one.target);
            match &one.link {
                // A view has no keys of its own to be named by. A one-to-many is not named by the key within its relation.
                Link::Key(key) if to.kind == RelationKind::Table => {
                    (key.constraint == target && !self.is_down(from, one))
                        || (key.ours && own_columns(from, key).any(|column| column == target))
                }
                _ => false,
            }
        })
    }

    /// Of a relation that points at itself: the way to the row that is pointed at.
    fn is_up(&self, from: &Relation, one: &Relationship) -> bool {
        std::ptr::eq(self.catalog.get(one.target), from) && matches!(&one.link, Link::Key(key) if key.ours)
    }

    /// And the way to the rows that point at it.
    fn is_down(&self, from: &Relation, one: &Relationship) -> bool {
        std::ptr::eq(self.catalog.get(one.target), from) && matches!(&one.link, Link::Key(key) if !key.ours)
    }

    /// The name of the foreign key, of one of its columns on either side, or of the junction. Within one relation the name
    /// means the rows that point at ours.
    fn matches_hint(&self, from: &Relation, one: &Relationship, hint: &str) -> bool {
        match &one.link {
            Link::Key(_) if self.is_up(from, one) => false,
            Link::Key(key) if self.is_down(from, one) => {
                key.constraint == hint || key.columns.iter().any(|(_, theirs)| theirs.name() == hint)
            }
            Link::Key(key) => {
                key.constraint == hint
                    || key.columns.iter().any(|(ours, theirs)| ours.name() == hint || theirs.name() == hint)
            }
            Link::Junction { junction, .. } => self.catalog.get(*junction).name.name() == hint,
            Link::Function { .. } => false,
        }
    }

    fn candidate(&self, from: &'a Relation, among: &[&Relationship], one: &Relationship) -> Candidate {
        let to = self.catalog.get(one.target);
        let (from_name, to_name) = (from.name.name(), to.name.name());
        let relationship = match &one.link {
            Link::Key(key) => format!(
                "{} using {from_name}({}) and {to_name}({})",
                key.constraint,
                names(key, true),
                names(key, false)
            ),
            Link::Junction { junction, near, far } => format!(
                "{} using {}({}) and {}({})",
                self.catalog.get(*junction).name.name(),
                near.constraint,
                names(near, true),
                far.constraint,
                names(far, true)
            ),
            Link::Function { function, .. } => function.name.name().to_owned(),
        };
        Candidate {
            target: to_name.to_owned(),
            cardinality: cardinality(one),
            relationship,
            way: self.way(from, among, one),
        }
    }

    /// What to select to mean this one: with the first hint that fits no other.
    fn way(&self, from: &'a Relation, among: &[&Relationship], one: &Relationship) -> String {
        let to = self.catalog.get(one.target).name.name();
        let hints: Vec<&str> = match &one.link {
            Link::Key(key) => {
                let columns = key.columns.iter().flat_map(|(ours, theirs)| [ours.name(), theirs.name()]);
                std::iter::once(key.constraint.as_str()).chain(columns).collect()
            }
            Link::Junction { junction, .. } => vec![self.catalog.get(*junction).name.name()],
            Link::Function { function, .. } => return function.name.name().to_owned(),
        };
        let fits =
            |hint: &&&str| among.iter().filter(|other| self.matches_hint(from, other, hint)).count() == 1;
        let hint = hints.iter().find(fits).or(hints.first()).copied().unwrap_or_default();
        format!("{to}!{hint}")
    }
}

/// Our columns in `key` by which it can be named: without the tenant's, which every key has.
fn own_columns<'r>(from: &'r Relation, key: &'r ForeignKey) -> impl Iterator<Item = &'r str> {
    let tenant = from.tenant_column.as_deref().filter(|_| key.columns.len() > 1);
    key.columns.iter().map(|(ours, _)| ours.name()).filter(move |name| Some(*name) != tenant)
}

fn names(key: &ForeignKey, first: bool) -> String {
    let names = key.columns.iter().map(|(one, other)| if first { one.name() } else { other.name() });
    names.collect::<Vec<_>>().join(", ")
}

fn cardinality(relationship: &Relationship) -> &'static str {
    match (&relationship.link, relationship.cardinality) {
        (Link::Junction { .. }, _) => "many-to-many",
        (Link::Key(key), _) if key.unique => "one-to-one",
        (_, Cardinality::Many) => "one-to-many",
        (_, Cardinality::One) => "many-to-one",
    }
}

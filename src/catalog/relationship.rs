//! Relationships from foreign keys: either way along a key, and through a junction.

use std::collections::{HashMap, HashSet};

use super::relation::{
    Cardinality, ForeignKey, Identifier, Link, Relation, RelationId, RelationKind, Relationship,
};

/// A foreign key of a table, columns by their numbers: its own, the referenced table's.
#[derive(Debug)]
pub(super) struct Key {
    pub constraint: String,
    pub referencing: u32,
    pub referenced: u32,
    pub columns: Vec<(i16, i16)>,
    pub unique: bool,
}

/// A relation that shows columns of a table: the table itself, or a view over it.
#[derive(Debug)]
pub(super) struct Side {
    pub table: u32,
    pub relation: RelationId,
    /// The table's columns, as the relation names them.
    pub columns: HashMap<i16, Identifier>,
}

/// Gives each of `relations` its relationships.
pub(super) fn connect(relations: &mut [Relation], keys: &[Key], sides: &[Side]) {
    let mut by_table: HashMap<u32, Vec<&Side>> = HashMap::new();
    for side in sides {
        by_table.entry(side.table).or_default().push(side);
    }
    let sides_of = |table: u32| by_table.get(&table).map(Vec::as_slice).unwrap_or_default();
    for key in keys {
        for from in sides_of(key.referencing) {
            for to in sides_of(key.referenced) {
                let columns = key.columns.iter().map(|(ours, theirs)| {
                    Some((from.columns.get(ours)?.clone(), to.columns.get(theirs)?.clone()))
                });
                let Some(columns) = columns.collect::<Option<Vec<_>>>() else { continue };
                join(relations, key, from.relation, to.relation, columns);
            }
        }
    }
    // Tables before views: where a junction is served both as itself and through a view, the table is meant.
    let mut found = HashSet::new();
    for kind in [RelationKind::Table, RelationKind::View] {
        for index in 0..relations.len() {
            if relations[index].kind == kind {
                for (from, relationship) in through(&relations[index], RelationId(index)) {
                    let Link::Junction { near, far, .. } = &relationship.link else { continue };
                    let ends = (from, relationship.target, near.constraint.clone(), far.constraint.clone());
                    if found.insert(ends) {
                        relations[from.0].relationships.push(relationship);
                    }
                }
            }
        }
    }
}

/// Each foreign key is two relationships: from the referencing side to one row, and back to one or many.
fn join(
    relations: &mut [Relation],
    key: &Key,
    from: RelationId,
    to: RelationId,
    columns: Vec<(Identifier, Identifier)>,
) {
    let turned = columns.iter().map(|(ours, theirs)| (theirs.clone(), ours.clone())).collect();
    let link = |ours: bool, columns| {
        Link::Key(ForeignKey { constraint: key.constraint.clone(), ours, unique: key.unique, columns })
    };
    let back = if key.unique { Cardinality::One } else { Cardinality::Many };
    let there = Relationship { target: to, cardinality: Cardinality::One, link: link(true, columns) };
    relations[from.0].relationships.push(there);
    let back = Relationship { target: from, cardinality: back, link: link(false, turned) };
    relations[to.0].relationships.push(back);
}

/// The relationships through `junction`, with the relation that each begins at: between the targets of two of its keys
/// that both lie in its primary key, each with a column of its own (a key of the tenant alone, which is part of every
/// other, joins nothing). A relation is not joined with itself: which way would be meant, a request could not say.
fn through(junction: &Relation, id: RelationId) -> Vec<(RelationId, Relationship)> {
    let readable =
        |name: &Identifier| junction.columns.iter().any(|column| column.name == *name && column.may_select);
    let keys: Vec<(RelationId, &ForeignKey)> = junction
        .relationships
        .iter()
        .filter_map(|relationship| match &relationship.link {
            Link::Key(key) if key.ours => Some((relationship.target, key)),
            _ => None,
        })
        .filter(|(_, key)| {
            key.columns.iter().all(|(ours, _)| {
                readable(ours) && junction.primary_key.iter().any(|name| name == ours.name())
            })
        })
        .collect();
    let adds = |key: &ForeignKey, to: &ForeignKey| {
        key.columns.iter().any(|(ours, _)| to.columns.iter().all(|(other, _)| ours != other))
    };
    let mut joined = Vec::new();
    for (from, near) in &keys {
        for (target, far) in &keys {
            if from != target && adds(near, far) && adds(far, near) {
                joined.push((
                    *from,
                    Relationship {
                        target: *target,
                        cardinality: Cardinality::Many,
                        link: Link::Junction { junction: id, near: (*near).clone(), far: (*far).clone() },
                    },
                ));
            }
        }
    }
    joined
}

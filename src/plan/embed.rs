//! Chooses the relationship that an embed means.

use super::{Candidate, Error, Planner};
use crate::catalog::{self, Cardinality, Relation, Relationship};
use crate::request::EmbedItem;

impl<'a> Planner<'a, '_> {
    /// The one relationship from `from` to the relation that `item` names, by its hint where there are several: the name
    /// of the foreign key, or of one of its columns on either side.
    pub(super) fn relationship(
        &self,
        from: &'a Relation,
        item: &EmbedItem,
    ) -> Result<&'a Relationship, Error> {
        let candidates: Vec<&Relationship> = from
            .relationships
            .iter()
            .filter(|relationship| relationship.target == item.relation)
            .filter(|relationship| item.hint.as_deref().is_none_or(|hint| matches_hint(relationship, hint)))
            .collect();
        match candidates.as_slice() {
            [one] => Ok(one),
            [] => Err(Error::NoRelationship {
                from: from.name.name().to_owned(),
                to: item.relation.clone(),
                similar: catalog::nearest(
                    &item.relation,
                    from.relationships.iter().map(|r| r.target.as_str()),
                )
                .filter(|similar| *similar != item.relation)
                .map(str::to_owned),
            }),
            several => Err(Error::AmbiguousRelationship {
                from: from.name.name().to_owned(),
                to: item.relation.clone(),
                candidates: several.iter().map(|relationship| candidate(relationship)).collect(),
            }),
        }
    }
}

fn matches_hint(relationship: &Relationship, hint: &str) -> bool {
    relationship.constraint == hint
        || relationship.columns.iter().any(|(ours, theirs)| ours.name() == hint || theirs.name() == hint)
}

fn candidate(relationship: &Relationship) -> Candidate {
    let pairs: Vec<String> = relationship
        .columns
        .iter()
        .map(|(ours, theirs)| format!("{} = {}", ours.name(), theirs.name()))
        .collect();
    Candidate {
        constraint: relationship.constraint.clone(),
        to_many: relationship.cardinality == Cardinality::Many,
        columns: pairs.join(", "),
    }
}

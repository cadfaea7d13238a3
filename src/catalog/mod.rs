//! What the service knows of the database: an immutable picture, read once and swapped whole.
//!
//! One [`Catalog`] serves one request from beginning to end. It holds only what the request role may use and what the
//! gate let through, so that a name that is not in it cannot be reached, guessed or hinted at.

mod gate;
mod load;
mod relation;
mod watch;

use std::collections::BTreeMap;

pub use gate::{Reason, Refusal, RoleFault};
pub use load::{Error, load};
pub use relation::{
    Cardinality, Column, Encoding, Identifier, Privileges, Relation, RelationKind, Relationship, builtin_cast,
};
pub use watch::{Event, watch};

/// Everything that may be served, by the name that a request uses.
#[derive(Debug, Default)]
pub struct Catalog {
    relations: BTreeMap<String, Relation>,
    /// What the gate refused, and why.
    pub refused: Vec<Refusal>,
    /// What the server is: decides how settings are sent (`query::settings`).
    pub server: Server,
}

/// Facts about the server that change how it is spoken to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Server {
    /// `server_version_num`: 150004 is 15.4.
    pub version: i32,
    pub citus: bool,
    /// `pg_stat_statements` keeps an entry for each text of a utility statement.
    pub utility_tracked: bool,
}

impl Catalog {
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.get(name)
    }

    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The served name most like `name`, if one is near: for the hint of a 404.
    pub fn similar(&self, name: &str) -> Option<&str> {
        nearest(name, self.relations.keys().map(String::as_str))
    }
}

/// The candidate within a small edit distance of `name`. Both are cut at 63 bytes, as Postgres cuts names.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().take(63).collect();
    candidates
        .map(|candidate| (distance(&wanted, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + wanted.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance.
fn distance(wanted: &[char], candidate: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (above, letter) in candidate.chars().take(63).enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, other) in wanted.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[wanted.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_only_what_is_near() {
        let served = ["items", "links", "support_tickets"];
        assert_eq!(nearest("item", served.into_iter()), Some("items"));
        assert_eq!(nearest("suport_ticket", served.into_iter()), Some("support_tickets"));
        assert_eq!(nearest("passwords", served.into_iter()), None);
    }
}

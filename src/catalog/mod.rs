//! What the service knows of the database: an immutable picture, read once and swapped whole.
//!
//! One [`Catalog`] serves one request from beginning to end. It is of one role, and holds only what that role may use and what the
//! gate let through, so that a name that is not in it cannot be reached, guessed or hinted at.

mod function;
mod gate;
mod load;
mod relation;
mod relationship;
mod shape;
mod view;
mod watch;

use std::collections::BTreeMap;

pub use function::{Argument, Function, Returns, Route, RouteFault, RouteMethod, Segment, Volatility};
pub use gate::{Fault, Reason, Refusal, RoleFault};
pub(crate) use gate::{Nobody, closed};
pub use load::{Error, load, load_as};
pub use relation::{
    Cardinality, Column, Encoding, ForeignKey, FunctionName, Identifier, Link, Privileges, Relation,
    RelationId, RelationKind, Relationship, Takes, builtin_cast,
};
pub use shape::{Reference, Shape};
pub use watch::{Event, watch};

use crate::openapi::Documents;

/// Everything that may be served.
#[derive(Debug, Default)]
pub struct Catalog {
    /// In the order in which their schemas are exposed: where two have the same name, the first is meant.
    relations: Vec<Relation>,
    /// The relations of each name, the one that is meant first.
    names: BTreeMap<String, Vec<RelationId>>,
    /// The schemas that a request may name as its profile.
    profiles: Vec<String>,
    /// In the order in which their schemas are exposed.
    functions: Vec<Function>,
    /// The functions of each name, in that order.
    function_names: BTreeMap<String, Vec<usize>>,
    /// Each with its function; the one that fits best first.
    routes: Vec<(usize, Route)>,
    /// The function that is called before the statement of every request, where one is configured.
    pub pre_request: Option<(Identifier, Identifier)>,
    /// What is told of all this, made when it is first asked for.
    pub documents: Documents,
    /// The comments of the exposed schemas, by their names.
    pub schema_comments: BTreeMap<String, String>,
    /// What the gate refused, and why.
    pub refused: Vec<Refusal>,
    /// What `alter role ... set` says of the role, of what is applied to each of its transactions. Empty for the request
    /// role, to whose sessions Postgres itself applies it.
    pub role_settings: Vec<(Identifier, String)>,
    /// What the server is: decides how settings are sent (`query::settings`).
    pub server: Server,
    /// The schema of PostGIS, where its version is 3 or later: `st_asgeojson` then takes a whole row.
    pub postgis: Option<Identifier>,
}

/// A function to which a route leads.
#[derive(Debug)]
pub struct Routed<'a> {
    pub function: &'a Function,
    pub route: &'a Route,
    /// What the path gives to arguments.
    pub pairs: Vec<(String, String)>,
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
    /// A catalog of these relations, which stand in the order in which their schemas are exposed. `profiles` are those
    /// schemas.
    pub fn new(relations: Vec<Relation>, profiles: Vec<String>) -> Self {
        let mut names: BTreeMap<String, Vec<RelationId>> = BTreeMap::new();
        for (index, relation) in relations.iter().enumerate() {
            names.entry(relation.name.name().to_owned()).or_default().push(RelationId(index));
        }
        Catalog { relations, names, documents: Documents::of(&profiles), profiles, ..Catalog::default() }
    }

    /// The relation that `name` means: in the schema that is the request's `profile`, else in the first that has one.
    pub fn relation(&self, profile: Option<&str>, name: &str) -> Option<&Relation> {
        let mut named = self.names.get(name)?.iter().map(|id| self.get(*id));
        named.find(|relation| profile.is_none_or(|profile| relation.schema.name() == profile))
    }

    /// The relation of an id that this catalog gave.
    pub fn get(&self, id: RelationId) -> &Relation {
        &self.relations[id.0]
    }

    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter()
    }

    /// Gives the catalog its functions, which stand in the order in which their schemas are exposed, and their routes.
    fn add_functions(&mut self, functions: Vec<Function>, mut routes: Vec<(usize, Route)>) {
        for (index, function) in functions.iter().enumerate() {
            self.function_names.entry(function.name.name().to_owned()).or_default().push(index);
        }
        // In the order of their schemas where the shape is the same: the first is meant, as for relations.
        routes.sort_by(|(_, one), (_, other)| one.segments.cmp(&other.segments));
        self.functions = functions;
        self.routes = routes;
    }

    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter()
    }

    /// The functions that `name` means: those of the schema that is the request's `profile`, else of the first that has
    /// one.
    pub fn functions_named(&self, profile: Option<&str>, name: &str) -> Vec<&Function> {
        let indexes = self.function_names.get(name).into_iter().flatten();
        let mut named = indexes.map(|index| &self.functions[*index]);
        let Some(first) = named.find(|one| profile.is_none_or(|profile| one.schema.name() == profile)) else {
            return Vec::new();
        };
        std::iter::once(first).chain(named.filter(|one| one.schema == first.schema)).collect()
    }

    /// The callable name most like `name`, if one is near: for the hint of a 404.
    pub fn similar_function(&self, profile: Option<&str>, name: &str) -> Option<&Function> {
        let in_profile = |function: &&Function| profile.is_none_or(|of| function.schema.name() == of);
        let names = self.functions.iter().filter(in_profile).map(|function| function.name.name());
        let near = nearest(name, names)?;
        self.functions.iter().filter(in_profile).find(|function| function.name.name() == near)
    }

    /// The columns of what `function` returns.
    pub fn row_of<'a>(&'a self, function: &'a Function) -> &'a Relation {
        match &function.row {
            function::Row::Served(id) => self.get(*id),
            function::Row::Own(relation) => relation,
        }
    }

    /// The function whose comment declares a route to `path`. What is served under the first segment goes before, as do
    /// the service's own paths.
    pub fn route(&self, profile: Option<&str>, method: RouteMethod, path: &[String]) -> Option<Routed<'_>> {
        let first = path.first()?;
        if function::RESERVED.contains(&first.as_str()) || self.relation(profile, first).is_some() {
            return None;
        }
        self.routes.iter().find_map(|(index, route)| {
            let function = &self.functions[*index];
            if profile.is_some_and(|profile| function.schema.name() != profile) {
                return None;
            }
            Some(Routed { function, route, pairs: route.matches(method, path)? })
        })
    }

    /// The routes of `function`.
    pub fn routes_of<'a>(&'a self, function: &'a Function) -> impl Iterator<Item = &'a Route> {
        self.routes
            .iter()
            .filter(|(index, _)| std::ptr::eq(&raw const self.functions[*index], function))
            .map(|(_, route)| route)
    }

    /// The schemas that a request may name as its profile.
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// Whether a request may name `schema` as its profile.
    pub fn has_profile(&self, schema: &str) -> bool {
        self.profiles.iter().any(|profile| profile == schema)
    }

    /// The served name most like `name`, if one is near: for the hint of a 404.
    pub fn similar(&self, profile: Option<&str>, name: &str) -> Option<&str> {
        let names = self
            .relations
            .iter()
            .filter(|relation| profile.is_none_or(|profile| relation.schema.name() == profile));
        nearest(name, names.map(|relation| relation.name.name()))
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

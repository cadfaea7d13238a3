//! Resolves an [`ApiRequest`] against the [`Catalog`]: names become relations and columns, embeds become relationships.
//!
//! Everything that a client can get wrong about the schema is found here, before Postgres is asked; what is left cannot
//! fail for want of a name. Pure.

mod embed;
mod field;
mod mutate;
mod read;

pub use field::{Condition, FieldRef, Order};
pub use mutate::{Conflict, Mutation, MutationKind, Veto};
pub use read::{Embed, Node, Output, ReadPlan};

use crate::catalog::{Catalog, Relation};
use crate::config::Config;
use crate::request::{Action, ApiRequest, Media};

/// What will be done.
#[derive(Debug)]
pub struct Plan<'a> {
    pub relation: &'a Relation,
    pub operation: Operation<'a>,
    pub media: Media,
    /// One row, named by its key: nothing there is 404.
    pub by_key: bool,
}

#[derive(Debug)]
pub enum Operation<'a> {
    Read(ReadPlan<'a>),
    Write(Mutation<'a>),
}

/// Why a request cannot be planned. The text that a client sees is made in `error.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    UnknownRelation {
        name: String,
        similar: Option<String>,
    },
    UnknownColumn {
        relation: String,
        column: String,
        similar: Option<String>,
    },
    /// A key of the body, or of `columns` or `on_conflict`, is no column.
    UnknownPayloadColumn {
        relation: String,
        column: String,
    },
    /// A column that Postgres alone gives its value.
    Generated {
        column: String,
    },
    UnknownType {
        name: String,
    },
    /// The role may not do this with the relation, or not with this column.
    Forbidden {
        relation: String,
    },
    NoRelationship {
        from: String,
        to: String,
        similar: Option<String>,
    },
    AmbiguousRelationship {
        from: String,
        to: String,
        candidates: Vec<Candidate>,
    },
    /// A filter, order or window names an embedded relation that the select list does not embed.
    NotEmbedded {
        target: String,
    },
    /// The number of values in `/{relation}/{key}` is not that of the key's columns; the relation may have no key.
    Key {
        relation: String,
        columns: Vec<String>,
    },
    /// A value of the key cannot be one: there is no such row.
    NoSuchRow,
    /// An upsert without a key to find the row by.
    NoConflictTarget {
        relation: String,
    },
    /// An alias that Postgres could not keep.
    Alias {
        alias: String,
    },
    /// PATCH or DELETE of the whole relation.
    Unfiltered {
        verb: &'static str,
    },
    TooMany {
        what: &'static str,
        setting: &'static str,
        limit: u64,
    },
    NotImplemented {
        what: &'static str,
    },
    /// A method that makes no sense on this path.
    Method {
        allowed: &'static str,
    },
}

/// One of several relationships that an embed could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub constraint: String,
    pub to_many: bool,
    pub columns: String,
}

/// Plans `request`.
///
/// # Errors
/// Every variant of [`Error`].
pub fn plan<'a>(request: &'a ApiRequest, catalog: &'a Catalog, limits: &Config) -> Result<Plan<'a>, Error> {
    let relation = catalog.relation(&request.path.relation).ok_or_else(|| Error::UnknownRelation {
        name: request.path.relation.clone(),
        similar: catalog.similar(&request.path.relation).map(str::to_owned),
    })?;
    let planner = Planner { request, catalog, limits };
    let operation = match &request.action {
        Action::Read { head } => Operation::Read(planner.read(relation, *head)?),
        Action::Insert { payload, columns, on_conflict } => {
            if request.path.key.is_some() {
                return Err(Error::Method { allowed: "GET, HEAD, PATCH, DELETE" });
            }
            Operation::Write(planner.insert(relation, payload, columns.as_deref(), on_conflict.as_deref())?)
        }
        Action::Update { payload, columns } => {
            Operation::Write(planner.update(relation, payload, columns.as_deref())?)
        }
        Action::Delete => Operation::Write(planner.delete(relation)?),
    };
    Ok(Plan { relation, operation, media: request.media, by_key: request.path.key.is_some() })
}

/// What every step of planning looks at.
#[derive(Clone, Copy)]
struct Planner<'a, 'l> {
    request: &'a ApiRequest,
    catalog: &'a Catalog,
    limits: &'l Config,
}

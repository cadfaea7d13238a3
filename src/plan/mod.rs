//! Resolves an [`ApiRequest`] against the [`Catalog`]: names become relations and columns, embeds become relationships.
//!
//! Everything that a client can get wrong about the schema is found here, before Postgres is asked; what is left cannot
//! fail for want of a name. Pure.

mod call;
mod embed;
mod field;
mod mutate;
mod nested;
mod read;

pub use call::{CallPlan, Given, Invocation};
pub use field::{Condition, FieldRef, Order, key_columns};
pub use mutate::{Body, Conflict, Mutation, MutationKind, Pin, Veto, Written};
pub use nested::{Child, Origin};
pub use read::{Embed, Node, Output, ReadPlan, Source};

use crate::catalog::{Catalog, Identifier, Relation, Takes};
use crate::config::Config;
use crate::request::{Action, ApiRequest, Media};

/// What will be done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What is read or written; of a call what its rows are like.
    pub relation: &'a Relation,
    pub operation: Operation<'a>,
    pub media: Media,
    /// The schema of PostGIS, where it is new enough for GeoJSON.
    pub postgis: Option<&'a Identifier>,
    /// One row, named by its key: nothing there is 404.
    pub by_key: bool,
}

// A request has one, and it lives no longer: a box would be one more allocation for nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Operation<'a> {
    Read(ReadPlan<'a>),
    Write(Mutation<'a>),
    Call(CallPlan<'a>),
}

/// Why a request cannot be planned. The text that a client sees is made in `error.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The profile of the request is no exposed schema.
    UnknownProfile,
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
        hint: Option<String>,
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
    /// An order by an embedded relation of which a row may have several.
    RelatedOrder {
        from: String,
        to: String,
    },
    /// A filter on an embedded relation that asks for more than whether there is one.
    EmbedFilter {
        name: String,
    },
    /// The configuration does not allow aggregates.
    AggregatesOff,
    /// The number of values in `/{relation}/{key}` is not that of the key's columns; the relation may have no key.
    Key {
        relation: String,
        columns: Vec<String>,
    },
    /// A value of the key cannot be one: there is no such row.
    NoSuchRow,
    /// A PUT whose filters are not its primary key.
    PutFilters,
    /// A PUT whose body is not one object with a key.
    PutBody,
    /// A PATCH of many rows whose objects do not tell which.
    BodyKey {
        columns: Vec<String>,
    },
    /// What is nested in the body is not what its relation needs.
    NestedBody {
        why: String,
    },
    /// Objects of the body have different keys where they must not.
    BodyKeysDiffer,
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
    /// GeoJSON is wanted, and there is no PostGIS 3.
    NoPostgis,
    /// No function has these arguments.
    UnknownFunction {
        name: String,
        /// The names that were given.
        given: Vec<String>,
        /// The body was no JSON object.
        whole: bool,
        /// The signature of one that may have been meant.
        similar: Option<String>,
    },
    AmbiguousFunction {
        candidates: Vec<String>,
    },
    /// `max-affected` of a function that returns no set.
    MaxAffectedOfOne,
    /// A method that makes no sense on this path.
    Method {
        allowed: &'static str,
    },
}

/// One of several relationships that an embed could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub target: String,
    pub cardinality: &'static str,
    /// `books_author_fkey using books(author_id) and authors(id)`.
    pub relationship: String,
    /// What to select to mean this one.
    pub way: String,
}

/// Plans `request`.
///
/// # Errors
/// Every variant of [`Error`].
pub fn plan<'a>(request: &'a ApiRequest, catalog: &'a Catalog, limits: &Config) -> Result<Plan<'a>, Error> {
    let postgis = catalog.postgis.as_ref();
    if request.media.of_rows() == Media::GeoJson && postgis.is_none() {
        return Err(Error::NoPostgis);
    }
    if request.precondition.is_some() && request.path.key.is_none() {
        return Err(Error::NotImplemented {
            what: "If-Match and If-None-Match of anything but one row by its key",
        });
    }
    let targets = Targets::of(request);
    let planner = Planner { request, catalog, limits, targets: &targets };
    let profile = request.profile.as_deref();
    if let Action::Call { call, columns } = &request.action {
        if profile.is_some_and(|profile| !catalog.has_profile(profile)) {
            return Err(Error::UnknownProfile);
        }
        let (relation, mut call) = planner.call(call, columns.as_deref())?;
        if request.preferences.time_zone.is_some() {
            call.read.root.says_times_in_its_session();
        }
        let operation = Operation::Call(call);
        return Ok(Plan { relation, operation, media: request.media, postgis, by_key: false });
    }
    let relation = relation(catalog, profile, &request.path.relation)?;
    taken(relation, &request.action)?;
    let operation = match &request.action {
        Action::Read { head } => Operation::Read(planner.read(relation, *head)?),
        Action::Insert { payload, columns, on_conflict } => {
            if request.path.key.is_some() {
                return Err(Error::Method { allowed: "OPTIONS, GET, HEAD, PATCH, PUT, DELETE" });
            }
            Operation::Write(planner.insert(relation, payload, columns.as_deref(), on_conflict.as_deref())?)
        }
        Action::Update { payload, columns } => {
            Operation::Write(planner.update(relation, payload, columns.as_deref())?)
        }
        Action::Put { payload, columns } => {
            Operation::Write(planner.put(relation, payload, columns.as_deref())?)
        }
        Action::Delete => Operation::Write(planner.delete(relation)?),
        Action::Call { call, columns } => Operation::Call(planner.call(call, columns.as_deref())?.1),
    };
    let mut operation = operation;
    if request.preferences.time_zone.is_some() {
        match &mut operation {
            Operation::Read(read) => read.root.says_times_in_its_session(),
            Operation::Call(call) => call.read.root.says_times_in_its_session(),
            Operation::Write(mutation) => {
                mutation.representation.iter_mut().for_each(Node::says_times_in_its_session);
            }
        }
    }
    Ok(Plan { relation, operation, media: request.media, postgis, by_key: request.path.key.is_some() })
}

/// A view may take no writes at all, whoever asks.
fn taken(relation: &Relation, action: &Action) -> Result<(), Error> {
    let Takes { insert, update, delete } = relation.takes;
    let is_taken = match action {
        Action::Insert { .. } => insert,
        Action::Update { .. } => update,
        Action::Put { .. } => insert && update,
        Action::Delete => delete,
        Action::Read { .. } | Action::Call { .. } => true,
    };
    if is_taken {
        return Ok(());
    }
    Err(Error::Method {
        allowed: match (insert, update, delete) {
            (false, false, false) => "OPTIONS, GET, HEAD",
            (true, false, false) => "OPTIONS, GET, HEAD, POST",
            (false, true, false) => "OPTIONS, GET, HEAD, PATCH",
            (false, false, true) => "OPTIONS, GET, HEAD, DELETE",
            (true, true, false) => "OPTIONS, GET, HEAD, POST, PATCH, PUT",
            (true, false, true) => "OPTIONS, GET, HEAD, POST, DELETE",
            (false, true, true) => "OPTIONS, GET, HEAD, PATCH, DELETE",
            (true, true, true) => "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE",
        },
    })
}

/// The relation that `name` means.
///
/// # Errors
/// [`Error::UnknownProfile`], [`Error::UnknownRelation`].
pub fn relation<'a>(catalog: &'a Catalog, profile: Option<&str>, name: &str) -> Result<&'a Relation, Error> {
    if profile.is_some_and(|profile| !catalog.has_profile(profile)) {
        return Err(Error::UnknownProfile);
    }
    catalog.relation(profile, name).ok_or_else(|| Error::UnknownRelation {
        name: name.to_owned(),
        similar: catalog.similar(profile, name).map(str::to_owned),
    })
}

/// What every step of planning looks at.
#[derive(Clone, Copy)]
struct Planner<'a, 'l> {
    request: &'a ApiRequest,
    catalog: &'a Catalog,
    limits: &'l Config,
    targets: &'l Targets,
}

/// Where the filters, orders and windows of a request lead: of each node on the way, which of its embeds; None where one
/// is not embedded. Found once, and not again for each node.
struct Targets {
    filters: Vec<Option<Vec<usize>>>,
    orders: Vec<Option<Vec<usize>>>,
    windows: Vec<Option<Vec<usize>>>,
}

impl Targets {
    fn of(request: &ApiRequest) -> Self {
        let resolve = |target: &Vec<String>| embed::resolve(&request.select, target);
        Self {
            filters: request.filters.iter().map(|filter| resolve(&filter.target)).collect(),
            orders: request.orders.iter().map(|order| resolve(&order.target)).collect(),
            windows: request.windows.iter().map(|window| resolve(&window.target)).collect(),
        }
    }
}

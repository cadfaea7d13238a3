//! What is written: an insert, an update or a delete, and what comes back of it.

use bytes::Bytes;

use super::field::{self, Condition};
use super::nested::{self, Child};
use super::read::Node;
use super::{Error, Planner};
use crate::catalog::{Column, Relation};
use crate::request::{
    self, Comparison, Count, Missing, Operand, Payload, Precondition, Resolution, Return, Shape, Window,
};

/// A write of one relation.
#[derive(Debug)]
pub struct Mutation<'a> {
    pub kind: MutationKind<'a>,
    pub conditions: Vec<Condition<'a>>,
    /// What comes back, where a representation is wanted.
    pub representation: Option<Node<'a>>,
    /// The columns that `Location` is made of, where it is wanted and can be had.
    pub location: Vec<&'a Column>,
    pub returns: Return,
    pub count: bool,
    pub veto: Option<Veto>,
    /// What the version of the row is made of, where the answer has an ETag.
    pub version: Vec<&'a Column>,
}

#[derive(Debug)]
pub enum MutationKind<'a> {
    Insert {
        body: Body<'a>,
        conflict: Option<Conflict<'a>>,
        /// Rows of other relations that are inserted with them.
        children: Vec<Child<'a>>,
    },
    /// Inserts or updates one row, if the body agrees with `key`.
    Put {
        body: Body<'a>,
        key: Vec<Pin<'a>>,
        conflict: Conflict<'a>,
    },
    /// Sets all rows that meet the conditions to the body, or, where it is an array, each to the object with its `key`.
    Update {
        body: Body<'a>,
        key: Vec<&'a Column>,
    },
    Delete,
}

/// What is written.
#[derive(Debug)]
pub struct Body<'a> {
    pub json: Bytes,
    pub shape: Shape,
    pub columns: Vec<Written<'a>>,
}

/// A column that a body writes.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    pub column: &'a Column,
    /// Where an object has no key for it: its default, and not null.
    pub or_default: bool,
}

/// A column of the key of a PUT and its value in the URL.
#[derive(Debug)]
pub struct Pin<'a> {
    pub column: &'a Column,
    pub value: &'a str,
    /// Whether the body has it, too, and must have the same; else this is what is inserted.
    pub in_body: bool,
}

/// What an insert does with a row that is there already.
#[derive(Debug)]
pub struct Conflict<'a> {
    pub target: Vec<&'a Column>,
    pub resolution: Resolution,
    /// A column to set to itself where the body has no other than the target's: only a row that is updated is returned.
    pub touched: Option<&'a Column>,
    /// Whether each returned row tells if it was inserted or updated: the role must be allowed to read `xmax`.
    pub tells_inserted: bool,
}

/// When the number of rows undoes the write: checked before the commit, at the price of a second round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Veto {
    /// One object is wanted, whether it is shown or not.
    UnlessOne,
    /// `Prefer: max-affected`.
    Above(u64),
}

impl<'a> Planner<'a, '_> {
    pub(super) fn insert(
        &self,
        relation: &'a Relation,
        payload: &'a Payload,
        columns: Option<&'a [String]>,
        on_conflict: Option<&'a [String]>,
    ) -> Result<Mutation<'a>, Error> {
        if !relation.privileges.insert {
            return Err(forbidden(relation));
        }
        let (names, nested) = self.nested_names(relation, columns.unwrap_or(&payload.keys))?;
        let mut body = self.body_of(relation, payload, &names, |column| column.may_insert)?;
        if nested.is_empty() && body.columns.is_empty() && matches!(payload.shape, Shape::Array { rows: 2.. })
        {
            // DEFAULT VALUES makes one row. For more a column is named, whichever.
            let column = relation.columns.iter().find(|column| column.may_insert);
            body.columns.extend(column.map(|column| Written { column, or_default: true }));
        }
        let children = self.nested(relation, &body, nested)?;
        let conflict = match self.request.preferences.resolution {
            None => None,
            Some(_) if !children.is_empty() => {
                return Err(Error::NotImplemented { what: "nested rows of an upsert" });
            }
            Some(resolution) => {
                let names = on_conflict.unwrap_or(&relation.primary_key);
                if names.is_empty() {
                    return Err(Error::NoConflictTarget { relation: relation.name.name().to_owned() });
                }
                let target = names.iter().map(|name| known(relation, name)).collect::<Result<_, _>>()?;
                Some(conflict(relation, target, resolution)?)
            }
        };
        self.mutation(relation, MutationKind::Insert { body, conflict, children }, Vec::new())
    }

    /// PUT: the row that the path or the filters name by the primary key, inserted or updated.
    pub(super) fn put(
        &self,
        relation: &'a Relation,
        payload: &'a Payload,
        columns: Option<&'a [String]>,
    ) -> Result<Mutation<'a>, Error> {
        if !relation.privileges.insert {
            return Err(forbidden(relation));
        }
        if !matches!(payload.shape, Shape::Object | Shape::Array { rows: 1 }) {
            return Err(Error::PutBody);
        }
        let names: Vec<&String> = columns.unwrap_or(&payload.keys).iter().collect();
        // As in PostgREST, nothing is filled in: a PUT says all of its row.
        let columns = self.columns(relation, &names, |_| false, |column| column.may_insert)?;
        let body = Body { json: payload.json.clone(), shape: payload.shape, columns };
        let by_path = self.request.path.key.is_some();
        let mut conditions = self.conditions(relation)?;
        let mut key: Vec<Pin<'a>> = Vec::with_capacity(conditions.len());
        for condition in &conditions {
            let (column, value) = equality(condition).ok_or(Error::PutFilters)?;
            let in_key = relation.primary_key.iter().any(|name| name == column.name.name());
            if !in_key || key.iter().any(|pin| pin.column.name == column.name) {
                return Err(Error::PutFilters);
            }
            let in_body = body.columns.iter().any(|written| written.column.name == column.name);
            key.push(Pin { column, value, in_body });
        }
        let names = relation.resource_key();
        let is_whole = names.iter().all(|name| key.iter().any(|pin| pin.column.name.name() == *name));
        if names.is_empty() || !is_whole {
            return Err(Error::PutFilters);
        }
        for pin in key.iter().filter(|pin| !pin.in_body) {
            if !by_path {
                return Err(Error::PutBody);
            }
            if !pin.column.may_insert {
                return Err(forbidden(relation));
            }
        }
        let resolution = match &self.request.precondition {
            None => Resolution::MergeDuplicates,
            Some(Precondition::IsNew) => Resolution::IgnoreDuplicates,
            Some(Precondition::Exists) => return self.put_again(relation, body, conditions),
            Some(Precondition::Matches(tags)) => {
                conditions.push(version(relation, tags));
                return self.put_again(relation, body, conditions);
            }
            Some(Precondition::Differs(_)) => return Err(IF_NONE_MATCH),
        };
        let target =
            relation.primary_key.iter().map(|name| known(relation, name)).collect::<Result<_, _>>()?;
        let conflict = conflict(relation, target, resolution)?;
        self.mutation(relation, MutationKind::Put { body, key, conflict }, Vec::new())
    }

    /// PUT of a row that must be there: an update.
    fn put_again(
        &self,
        relation: &'a Relation,
        mut body: Body<'a>,
        conditions: Vec<Condition<'a>>,
    ) -> Result<Mutation<'a>, Error> {
        // What the body says of the key must be so.
        let (in_key, set): (Vec<_>, Vec<_>) = body
            .columns
            .into_iter()
            .partition(|written| relation.primary_key.iter().any(|name| name == written.column.name.name()));
        let key = in_key.into_iter().map(|written| written.column).collect();
        body.columns = set;
        if !relation.privileges.update || body.columns.iter().any(|written| !written.column.may_update) {
            return Err(forbidden(relation));
        }
        self.mutation(relation, MutationKind::Update { body, key }, conditions)
    }

    pub(super) fn update(
        &self,
        relation: &'a Relation,
        payload: &'a Payload,
        columns: Option<&'a [String]>,
    ) -> Result<Mutation<'a>, Error> {
        if !relation.privileges.update {
            return Err(forbidden(relation));
        }
        if let Shape::Array { rows } = payload.shape {
            return self.update_each(relation, payload, columns, rows);
        }
        let body = self.body(relation, payload, columns, |column| column.may_update)?;
        let conditions = self.filtered(relation, "UPDATE")?;
        self.mutation(relation, MutationKind::Update { body, key: Vec::new() }, conditions)
    }

    /// PATCH with an array: each object sets the row whose key it has.
    fn update_each(
        &self,
        relation: &'a Relation,
        payload: &'a Payload,
        columns: Option<&'a [String]>,
        rows: usize,
    ) -> Result<Mutation<'a>, Error> {
        if self.request.window != Window::default() {
            return Err(WINDOW);
        }
        if payload.keys_differ {
            return Err(Error::BodyKeysDiffer);
        }
        let names = relation.resource_key();
        let lacks = |name: &&str| !payload.keys.iter().any(|key| key == name);
        if names.is_empty() || self.request.path.key.is_some() || (rows > 0 && names.iter().any(lacks)) {
            return Err(Error::BodyKey { columns: names.into_iter().map(str::to_owned).collect() });
        }
        let is_key = |column: &Column| relation.primary_key.iter().any(|name| name == column.name.name());
        let mut body = self.body(relation, payload, columns, |column| column.may_update || is_key(column))?;
        let (in_key, set): (Vec<_>, Vec<_>) =
            body.columns.into_iter().partition(|written| is_key(written.column));
        body.columns = set;
        // Of the key all that the body has counts, also where `columns` does not choose it.
        let mut key: Vec<&Column> = in_key.into_iter().map(|written| written.column).collect();
        for name in &payload.keys {
            if let Some(column) = relation.column(name).filter(|column| is_key(column))
                && !key.iter().any(|known| known.name == column.name)
            {
                key.push(column);
            }
        }
        if key.iter().any(|column| !column.may_select) {
            return Err(forbidden(relation));
        }
        let conditions = self.conditions(relation)?;
        self.mutation(relation, MutationKind::Update { body, key }, conditions)
    }

    pub(super) fn delete(&self, relation: &'a Relation) -> Result<Mutation<'a>, Error> {
        if !relation.privileges.delete {
            return Err(forbidden(relation));
        }
        let conditions = self.filtered(relation, "DELETE")?;
        self.mutation(relation, MutationKind::Delete, conditions)
    }

    /// The conditions of an update or delete, which must have one unless it is bounded otherwise. A limit is none: which
    /// rows it would leave out, nobody said.
    fn filtered(&self, relation: &'a Relation, verb: &'static str) -> Result<Vec<Condition<'a>>, Error> {
        if self.request.window != Window::default() {
            return Err(WINDOW);
        }
        let mut conditions = self.conditions(relation)?;
        match &self.request.precondition {
            None | Some(Precondition::Exists) => {}
            Some(Precondition::Matches(tags)) => conditions.push(version(relation, tags)),
            Some(Precondition::IsNew | Precondition::Differs(_)) => return Err(IF_NONE_MATCH),
        }
        let bounded = self.request.preferences.max_affected.is_some();
        if conditions.is_empty() && !bounded && !self.limits.unfiltered_writes {
            return Err(Error::Unfiltered { verb });
        }
        Ok(conditions)
    }

    /// The columns that a body writes: those of `columns`, else those that it has keys for.
    fn body(
        &self,
        relation: &'a Relation,
        payload: &Payload,
        columns: Option<&[String]>,
        allowed: impl Fn(&Column) -> bool,
    ) -> Result<Body<'a>, Error> {
        let names: Vec<&String> = columns.unwrap_or(&payload.keys).iter().collect();
        self.body_of(relation, payload, &names, allowed)
    }

    fn body_of(
        &self,
        relation: &'a Relation,
        payload: &Payload,
        names: &[&String],
        allowed: impl Fn(&Column) -> bool,
    ) -> Result<Body<'a>, Error> {
        let may_lack = |name: &String| payload.keys_differ || !payload.keys.contains(name);
        let columns = self.columns(relation, names, may_lack, allowed)?;
        Ok(Body { json: payload.json.clone(), shape: payload.shape, columns })
    }

    /// The columns called `names`, which are written.
    pub(super) fn columns(
        &self,
        relation: &'a Relation,
        names: &[&String],
        may_lack: impl Fn(&String) -> bool,
        allowed: impl Fn(&Column) -> bool,
    ) -> Result<Vec<Written<'a>>, Error> {
        let wishes_default = self.request.preferences.missing == Some(Missing::Default);
        names
            .iter()
            .map(|name| {
                let column = known(relation, name)?;
                if column.generated {
                    return Err(Error::Generated { column: (*name).clone() });
                }
                let or_default = wishes_default && may_lack(name) && column.default.is_some();
                if allowed(column) { Ok(Written { column, or_default }) } else { Err(forbidden(relation)) }
            })
            .collect()
    }

    fn mutation(
        &self,
        relation: &'a Relation,
        mut kind: MutationKind<'a>,
        conditions: Vec<Condition<'a>>,
    ) -> Result<Mutation<'a>, Error> {
        let request = self.request;
        let singular = request.media.is_singular();
        let returns = request.preferences.return_.unwrap_or(Return::Minimal);
        let mut representation = match returns {
            Return::Representation => Some(self.written(relation)?),
            // Nothing is read, so nothing can be said about an embedded relation.
            Return::Minimal | Return::HeadersOnly => {
                if let Some(targeted) = request.filters.iter().find(|filter| !filter.target.is_empty()) {
                    return Err(Error::NotEmbedded { target: targeted.target.join(".") });
                }
                None
            }
        };
        if let (MutationKind::Insert { children, .. }, Some(node)) = (&mut kind, &mut representation) {
            nested::read_inserted(node, children);
        }
        let location = match (&kind, returns) {
            (MutationKind::Insert { .. }, Return::Representation | Return::HeadersOnly) => {
                relation.resource_key().into_iter().filter_map(|name| relation.column(name)).collect()
            }
            _ => Vec::new(),
        };
        let readable = location.iter().all(|column| column.may_select);
        let veto = match request.preferences.max_affected {
            // A key names one row at the most.
            // A row that is not there after all was not written either.
            _ if matches!(kind, MutationKind::Put { .. }) => None,
            _ if singular && request.path.key.is_none() => Some(Veto::UnlessOne),
            Some(rows) if matches!(kind, MutationKind::Update { .. } | MutationKind::Delete) => {
                Some(Veto::Above(rows))
            }
            Some(_) | None => None,
        };
        // The rows that come back are counted, so none that was written may be left out.
        if veto.is_some() && representation.as_ref().is_some_and(Node::leaves_rows_out) {
            return Err(Error::NotImplemented { what: "!inner where the number of rows may undo the write" });
        }
        let tagged =
            self.has_tag() && returns == Return::Representation && !matches!(kind, MutationKind::Delete);
        let version = if tagged { field::readable(relation) } else { Vec::new() };
        Ok(Mutation {
            kind,
            conditions,
            representation,
            location: if readable { location } else { Vec::new() },
            returns,
            count: matches!(request.preferences.count, Some(Count::Exact | Count::Estimated)),
            veto,
            version,
        })
    }
}

pub(super) fn forbidden(relation: &Relation) -> Error {
    Error::Forbidden { relation: relation.name.name().to_owned() }
}

const IF_NONE_MATCH: Error =
    Error::NotImplemented { what: "If-None-Match of a write, other than * of a PUT" };
const WINDOW: Error = Error::NotImplemented { what: "limit and offset of a PATCH or DELETE" };

/// The row is as one of `tags` says: the first half of each (see [`Precondition`]).
fn version<'a>(relation: &'a Relation, tags: &[String]) -> Condition<'a> {
    let versions = tags.iter().filter_map(|tag| Some(tag.split_once('-')?.0.to_owned())).collect();
    Condition::Version { columns: field::readable(relation), versions }
}

fn conflict<'a>(
    relation: &'a Relation,
    target: Vec<&'a Column>,
    resolution: Resolution,
) -> Result<Conflict<'a>, Error> {
    let merges = resolution == Resolution::MergeDuplicates;
    if merges && !relation.privileges.update {
        return Err(forbidden(relation));
    }
    let touched =
        target.iter().copied().chain(&relation.columns).find(|column| column.may_update && column.may_select);
    Ok(Conflict { target, resolution, touched, tells_inserted: merges && relation.privileges.select_system })
}

/// The column and the value of `column=eq.value`, or of a key in the path.
fn equality<'a>(condition: &Condition<'a>) -> Option<(&'a Column, &'a str)> {
    match condition {
        Condition::Key { column, value } => Some((column, value)),
        Condition::Test {
            field,
            negated: false,
            comparison: Comparison::Operator { sql: request::EQUALS, operand: Operand::Value(value) },
        } if field.json_path.is_empty() => Some((field.column, value)),
        Condition::Version { .. }
        | Condition::Test { .. }
        | Condition::And { .. }
        | Condition::Or { .. }
        | Condition::Embedded { .. } => None,
    }
}

pub(super) fn known<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    relation.column(name).ok_or_else(|| unknown(relation, name))
}

pub(super) fn unknown(relation: &Relation, name: &str) -> Error {
    Error::UnknownPayloadColumn { relation: relation.name.name().to_owned(), column: name.to_owned() }
}

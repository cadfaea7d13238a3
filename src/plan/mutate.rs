//! What is written: an insert, an update or a delete, and what comes back of it.

use bytes::Bytes;

use super::field::Condition;
use super::read::{self, Output};
use super::{Error, Planner};
use crate::catalog::{Column, Relation};
use crate::request::{Media, Payload, Resolution, Return, Shape, Window};

/// A write of one relation.
#[derive(Debug)]
pub struct Mutation<'a> {
    pub kind: MutationKind<'a>,
    pub conditions: Vec<Condition<'a>>,
    /// What comes back of each row; empty unless a representation is wanted.
    pub outputs: Vec<Output<'a>>,
    /// The columns that `Location` is made of, where it is wanted and can be had.
    pub location: Vec<&'a Column>,
    pub returns: Return,
    pub count: bool,
    pub veto: Option<Veto>,
}

#[derive(Debug)]
pub enum MutationKind<'a> {
    Insert { columns: Vec<&'a Column>, json: Bytes, shape: Shape, conflict: Option<Conflict<'a>> },
    Update { columns: Vec<&'a Column>, json: Bytes },
    Delete,
}

/// What an insert does with a row that is there already.
#[derive(Debug)]
pub struct Conflict<'a> {
    pub target: Vec<&'a Column>,
    pub resolution: Resolution,
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
        let columns = written(relation, columns.unwrap_or(&payload.keys), |column| column.may_insert)?;
        if columns.is_empty() && matches!(payload.shape, Shape::Array { rows: 2.. }) {
            return Err(Error::NotImplemented { what: "several empty objects" });
        }
        let conflict = match self.request.preferences.resolution {
            None => None,
            Some(resolution) => {
                let names = on_conflict.unwrap_or(&relation.primary_key);
                if names.is_empty() {
                    return Err(Error::NoConflictTarget { relation: relation.name.name().to_owned() });
                }
                let target = names.iter().map(|name| known(relation, name)).collect::<Result<_, _>>()?;
                let merges = resolution == Resolution::MergeDuplicates;
                if merges && !relation.privileges.update {
                    return Err(forbidden(relation));
                }
                Some(Conflict {
                    target,
                    resolution,
                    tells_inserted: merges && relation.privileges.select_system,
                })
            }
        };
        let kind =
            MutationKind::Insert { columns, json: payload.json.clone(), shape: payload.shape, conflict };
        self.mutation(relation, kind, Vec::new())
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
        if let Shape::Array { .. } = payload.shape {
            return Err(Error::NotImplemented { what: "PATCH with an array" });
        }
        let columns = written(relation, columns.unwrap_or(&payload.keys), |column| column.may_update)?;
        let conditions = self.filtered(relation, "UPDATE")?;
        self.mutation(relation, MutationKind::Update { columns, json: payload.json.clone() }, conditions)
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
            return Err(Error::NotImplemented { what: "limit and offset of a PATCH or DELETE" });
        }
        let conditions = self.conditions(relation)?;
        let bounded = self.request.preferences.max_affected.is_some();
        if conditions.is_empty() && !bounded && !self.limits.unfiltered_writes {
            return Err(Error::Unfiltered { verb });
        }
        Ok(conditions)
    }

    fn mutation(
        &self,
        relation: &'a Relation,
        kind: MutationKind<'a>,
        conditions: Vec<Condition<'a>>,
    ) -> Result<Mutation<'a>, Error> {
        let request = self.request;
        if let Some(targeted) = request.filters.iter().find(|filter| !filter.target.is_empty()) {
            return Err(Error::NotEmbedded { target: targeted.target.join(".") });
        }
        let singular = request.media == Media::SingularObject;
        let returns = request.preferences.return_.unwrap_or(Return::Minimal);
        let outputs = match returns {
            Return::Representation => {
                if !relation.privileges.select {
                    return Err(forbidden(relation));
                }
                read::flat(relation, &request.select)?
            }
            Return::Minimal | Return::HeadersOnly => Vec::new(),
        };
        let location = match (&kind, returns) {
            (MutationKind::Insert { .. }, Return::Representation | Return::HeadersOnly) => {
                relation.resource_key().into_iter().filter_map(|name| relation.column(name)).collect()
            }
            _ => Vec::new(),
        };
        let readable = location.iter().all(|column| column.may_select);
        let veto = match request.preferences.max_affected {
            // A key names one row at the most.
            _ if singular && request.path.key.is_none() => Some(Veto::UnlessOne),
            Some(rows) if !matches!(kind, MutationKind::Insert { .. }) => Some(Veto::Above(rows)),
            _ => None,
        };
        Ok(Mutation {
            kind,
            conditions,
            outputs,
            location: if readable { location } else { Vec::new() },
            returns,
            count: request.preferences.count_exact,
            veto,
        })
    }
}

fn forbidden(relation: &Relation) -> Error {
    Error::Forbidden { relation: relation.name.name().to_owned() }
}

/// The columns that a body writes.
fn written<'a>(
    relation: &'a Relation,
    names: &[String],
    allowed: impl Fn(&Column) -> bool,
) -> Result<Vec<&'a Column>, Error> {
    names
        .iter()
        .map(|name| {
            let column = known(relation, name)?;
            if column.generated {
                return Err(Error::Generated { column: name.clone() });
            }
            if allowed(column) { Ok(column) } else { Err(forbidden(relation)) }
        })
        .collect()
}

fn known<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    relation.column(name).ok_or_else(|| Error::UnknownPayloadColumn {
        relation: relation.name.name().to_owned(),
        column: name.to_owned(),
    })
}

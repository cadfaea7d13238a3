//! Columns, conditions and orders, resolved against one relation.

use uuid::Uuid;

use super::{Error, Planner};
use crate::catalog::{self, Column, Encoding, Relation};
use crate::request::{self, Comparison, Direction, JsonStep, Nulls, OrderTerm};

/// A column of a known relation, perhaps with a way into its JSON.
#[derive(Debug)]
pub struct FieldRef<'a> {
    pub column: &'a Column,
    pub json_path: &'a [JsonStep],
}

impl FieldRef<'_> {
    /// How the field comes back when it is selected as it is.
    pub fn encoding(&self) -> Encoding {
        match self.json_path.last() {
            None => self.column.encoding,
            Some(step) if step.as_text => Encoding::Text,
            // `json -> key` gives json, `jsonb -> key` gives jsonb; any other column is made jsonb first.
            Some(_) if self.column.encoding == Encoding::Json => Encoding::Json,
            Some(_) => Encoding::Jsonb,
        }
    }
}

/// A tree of comparisons whose names are resolved.
#[derive(Debug)]
pub enum Condition<'a> {
    And {
        negated: bool,
        of: Vec<Condition<'a>>,
    },
    Or {
        negated: bool,
        of: Vec<Condition<'a>>,
    },
    Test {
        field: FieldRef<'a>,
        negated: bool,
        comparison: &'a Comparison,
    },
    /// A column of the key in the path.
    Key {
        column: &'a Column,
        value: &'a str,
    },
}

/// One term of an order.
#[derive(Debug)]
pub struct Order<'a> {
    pub field: FieldRef<'a>,
    pub direction: Option<Direction>,
    pub nulls: Option<Nulls>,
}

/// The column `name`, which the role may read.
pub(super) fn column<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    match relation.column(name) {
        Some(column) if column.may_select => Ok(column),
        Some(_) => Err(Error::Forbidden { relation: relation.name.name().to_owned() }),
        None => Err(Error::UnknownColumn {
            relation: relation.name.name().to_owned(),
            column: name.to_owned(),
            similar: catalog::nearest(
                name,
                relation.columns.iter().filter(|column| column.may_select).map(|column| column.name.name()),
            )
            .map(str::to_owned),
        }),
    }
}

pub(super) fn field<'a>(relation: &'a Relation, field: &'a request::Field) -> Result<FieldRef<'a>, Error> {
    Ok(FieldRef { column: column(relation, &field.name)?, json_path: &field.json_path })
}

pub(super) fn condition<'a>(
    relation: &'a Relation,
    condition: &'a request::Condition,
) -> Result<Condition<'a>, Error> {
    let all = |of: &'a [request::Condition]| {
        of.iter().map(|one| self::condition(relation, one)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match condition {
        request::Condition::And { negated, of } => Condition::And { negated: *negated, of: all(of)? },
        request::Condition::Or { negated, of } => Condition::Or { negated: *negated, of: all(of)? },
        request::Condition::Test { field, negated, comparison } => {
            Condition::Test { field: self::field(relation, field)?, negated: *negated, comparison }
        }
    })
}

pub(super) fn order<'a>(relation: &'a Relation, terms: &'a [OrderTerm]) -> Result<Vec<Order<'a>>, Error> {
    terms
        .iter()
        .map(|term| {
            Ok(Order { field: field(relation, &term.field)?, direction: term.direction, nulls: term.nulls })
        })
        .collect()
}

impl<'a> Planner<'a, '_> {
    /// The conditions that the top-level relation must meet: its filters, and its key where the path has one.
    pub(super) fn conditions(&self, relation: &'a Relation) -> Result<Vec<Condition<'a>>, Error> {
        let mut conditions = self.targeted_conditions(relation, &[])?;
        if let Some(values) = &self.request.path.key {
            conditions.extend(key(relation, values)?);
        }
        Ok(conditions)
    }

    pub(super) fn targeted_conditions(
        &self,
        relation: &'a Relation,
        target: &[&str],
    ) -> Result<Vec<Condition<'a>>, Error> {
        self.request
            .filters
            .iter()
            .filter(|filter| filter.target == target)
            .map(|filter| condition(relation, &filter.condition))
            .collect()
    }
}

/// The key of `/{relation}/{key}`. A value that its type cannot hold names no row, which is 404 and not 400.
fn key<'a>(relation: &'a Relation, values: &'a [String]) -> Result<Vec<Condition<'a>>, Error> {
    let names = relation.resource_key();
    if names.is_empty() || names.len() != values.len() {
        return Err(Error::Key {
            relation: relation.name.name().to_owned(),
            columns: names.into_iter().map(str::to_owned).collect(),
        });
    }
    names
        .into_iter()
        .zip(values)
        .map(|(name, value)| {
            let column = column(relation, name)?;
            let fits = match column.encoding {
                // Postgres does not read the form of RFC 9562 for URNs.
                Encoding::Uuid => Uuid::try_parse(value).is_ok() && !value.starts_with("urn:"),
                Encoding::Int2 => value.parse::<i16>().is_ok(),
                Encoding::Int4 => value.parse::<i32>().is_ok(),
                Encoding::Int8 => value.parse::<i64>().is_ok(),
                _ => true,
            };
            if fits { Ok(Condition::Key { column, value }) } else { Err(Error::NoSuchRow) }
        })
        .collect()
}

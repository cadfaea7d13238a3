//! Columns, conditions and orders, resolved against one relation.

use uuid::Uuid;

use super::{Error, Planner, embed};
use crate::catalog::{self, Column, Encoding, Relation};
use crate::request::{self, Action, Comparison, Direction, IsValue, JsonStep, Nulls, SelectItem};

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
    /// Whether there is an embedded row: an index into the node's `embeds`.
    Embedded {
        embed: usize,
        exists: bool,
    },
    /// The row is one of these versions, as far as the role may read it.
    Version {
        columns: Vec<&'a Column>,
        versions: Vec<String>,
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
    /// The embedded node that the field is of, an index into the node's `embeds`; None: the node's own.
    pub embed: Option<usize>,
    pub field: FieldRef<'a>,
    pub direction: Option<Direction>,
    pub nulls: Option<Nulls>,
}

/// The column or computed field `name`, which the role may read.
pub(super) fn column<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    let computed = || relation.computed.iter().find(|column| column.name.name() == name);
    match relation.column(name).or_else(computed) {
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

/// Resolves a condition on `relation`; a name may also be that of an embed of `select`.
pub(super) fn condition<'a>(
    relation: &'a Relation,
    select: &[SelectItem],
    condition: &'a request::Condition,
) -> Result<Condition<'a>, Error> {
    let all = |of: &'a [request::Condition]| {
        of.iter().map(|one| self::condition(relation, select, one)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match condition {
        request::Condition::And { negated, of } => Condition::And { negated: *negated, of: all(of)? },
        request::Condition::Or { negated, of } => Condition::Or { negated: *negated, of: all(of)? },
        request::Condition::Test { field, negated, comparison } => {
            let embed = embed::find(select, &field.name).filter(|_| field.json_path.is_empty());
            match (embed, comparison) {
                (Some(embed), Comparison::Is(IsValue::Null)) => {
                    Condition::Embedded { embed, exists: *negated }
                }
                (Some(embed), Comparison::Is(IsValue::NotNull)) => {
                    Condition::Embedded { embed, exists: !*negated }
                }
                // A column may have the name of what is embedded by it.
                (Some(_), _) if relation.column(&field.name).is_none() => {
                    return Err(Error::EmbedFilter { name: field.name.clone() });
                }
                _ => Condition::Test { field: self::field(relation, field)?, negated: *negated, comparison },
            }
        }
    })
}

/// What the version of a row is made of.
pub(super) fn readable(relation: &Relation) -> Vec<&Column> {
    relation.columns.iter().filter(|column| column.may_select).collect()
}

impl<'a> Planner<'a, '_> {
    /// The conditions that the top-level relation must meet: its filters, and its key where the path has one.
    pub(super) fn conditions(&self, relation: &'a Relation) -> Result<Vec<Condition<'a>>, Error> {
        // What a write embeds is read when it has been written, and chooses nothing.
        let select = match &self.request.action {
            Action::Read { .. } => self.request.select.as_slice(),
            _ => &[],
        };
        let mut conditions = self.targeted_conditions(relation, select, &[])?;
        if let Some(values) = &self.request.path.key {
            conditions.extend(key(relation, values)?);
        }
        Ok(conditions)
    }

    /// The conditions on the node that `path` leads to, whose select list is `select`.
    pub(super) fn targeted_conditions(
        &self,
        relation: &'a Relation,
        select: &[SelectItem],
        path: &[usize],
    ) -> Result<Vec<Condition<'a>>, Error> {
        self.request
            .filters
            .iter()
            .zip(&self.targets.filters)
            .filter(|(_, leads)| leads.as_deref() == Some(path))
            .map(|(filter, _)| condition(relation, select, &filter.condition))
            .collect()
    }
}

/// The columns of the key of `/{relation}/{key}`, one for each of `values`.
///
/// # Errors
/// [`Error::Key`] where their number is another, or there is no key.
pub fn key_columns<'a>(relation: &'a Relation, values: &[String]) -> Result<Vec<&'a str>, Error> {
    let names = relation.resource_key();
    if names.is_empty() || names.len() != values.len() {
        return Err(Error::Key {
            relation: relation.name.name().to_owned(),
            columns: names.into_iter().map(str::to_owned).collect(),
        });
    }
    Ok(names)
}

/// The key of `/{relation}/{key}`. A value that its type cannot hold names no row, which is 404 and not 400.
fn key<'a>(relation: &'a Relation, values: &'a [String]) -> Result<Vec<Condition<'a>>, Error> {
    key_columns(relation, values)?
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

//! What is read: a tree of nodes, the relation at its root, the embedded ones below.

use super::field::{self, Condition, FieldRef, Order};
use super::{Error, Planner};
use crate::catalog::{self, Cardinality, Encoding, Identifier, Relation};
use crate::request::{Field, JoinKind, SelectItem, Targeted, Window};

/// A read of one relation and what it embeds.
#[derive(Debug)]
pub struct ReadPlan<'a> {
    pub root: Node<'a>,
    pub count: bool,
    /// HEAD: the rows are wanted for their number only.
    pub head: bool,
}

/// One relation of a read.
#[derive(Debug)]
pub struct Node<'a> {
    pub relation: &'a Relation,
    /// Distinct in the whole tree: the table's alias in SQL is `t{number}`.
    pub number: usize,
    pub outputs: Vec<Output<'a>>,
    pub conditions: Vec<Condition<'a>>,
    pub order: Vec<Order<'a>>,
    pub offset: u64,
    pub limit: Option<u64>,
}

/// One member of the objects that a node gives.
#[derive(Debug)]
pub enum Output<'a> {
    Field {
        name: &'a str,
        field: FieldRef<'a>,
        /// As SQL, with its leading `::`.
        cast: Option<&'static str>,
        encoding: Encoding,
    },
    Embed(Embed<'a>),
}

impl Output<'_> {
    /// Whether it gives a member: `relation()` only joins and filters.
    pub fn is_shown(&self) -> bool {
        match self {
            Output::Field { .. } => true,
            Output::Embed(embed) => !embed.node.outputs.is_empty(),
        }
    }
}

/// A relation embedded in its parent.
#[derive(Debug)]
pub struct Embed<'a> {
    pub name: &'a str,
    pub join: JoinKind,
    pub cardinality: Cardinality,
    /// Pairs of columns that must be equal: the parent's, the child's.
    pub columns: &'a [(Identifier, Identifier)],
    pub node: Node<'a>,
}

impl<'a> Planner<'a, '_> {
    pub(super) fn read(&self, relation: &'a Relation, head: bool) -> Result<ReadPlan<'a>, Error> {
        if !relation.privileges.select {
            return Err(Error::Forbidden { relation: relation.name.name().to_owned() });
        }
        let mut numbers = 0;
        let conditions = self.conditions(relation)?;
        let root =
            self.node(relation, conditions, &self.request.select, &[], self.request.window, &mut numbers)?;
        self.targets_exist(&root)?;
        Ok(ReadPlan { root, count: self.request.preferences.count_exact, head })
    }

    /// Plans one node; `target` is the path of names that leads to it.
    fn node(
        &self,
        relation: &'a Relation,
        conditions: Vec<Condition<'a>>,
        select: &'a [SelectItem],
        target: &[&'a str],
        window: Window,
        numbers: &mut usize,
    ) -> Result<Node<'a>, Error> {
        let number = *numbers;
        *numbers += 1;
        let order = match self.request.orders.iter().rev().find(|order| order.target == target) {
            Some(order) => field::order(relation, &order.value)?,
            None => Vec::new(),
        };
        let outputs = self.outputs(relation, select, target, numbers)?;
        let rows_max = Some(self.limits.rows_max).filter(|rows_max| *rows_max > 0);
        Ok(Node {
            relation,
            number,
            outputs,
            conditions,
            order,
            offset: window.offset,
            limit: match (window.limit, rows_max) {
                (Some(limit), Some(rows_max)) => Some(limit.min(rows_max)),
                (limit, rows_max) => limit.or(rows_max),
            },
        })
    }

    fn outputs(
        &self,
        relation: &'a Relation,
        select: &'a [SelectItem],
        target: &[&'a str],
        numbers: &mut usize,
    ) -> Result<Vec<Output<'a>>, Error> {
        let mut outputs = Vec::new();
        for item in select {
            match item {
                SelectItem::All => outputs.extend(all(relation)),
                SelectItem::Field { alias, field, cast } => {
                    outputs.push(output(relation, alias.as_deref(), field, cast.as_deref())?);
                }
                SelectItem::Embed(item) => {
                    let depth_max = self.limits.embed_depth_max;
                    if target.len() as u64 >= depth_max {
                        return Err(Error::TooMany {
                            what: "levels of embedding",
                            setting: "embed_depth_max",
                            limit: depth_max,
                        });
                    }
                    let relationship = self.relationship(relation, item)?;
                    // The catalog holds both ends of each relationship that it has.
                    let Some(child) = self.catalog.relation(&relationship.target) else {
                        return Err(Error::UnknownRelation { name: item.relation.clone(), similar: None });
                    };
                    if !child.privileges.select {
                        return Err(Error::Forbidden { relation: child.name.name().to_owned() });
                    }
                    let name = item.alias.as_deref().unwrap_or(&item.relation);
                    check_name(name)?;
                    let mut below = target.to_vec();
                    below.push(name);
                    let window = window_of(&self.request.windows, &below);
                    let conditions = self.targeted_conditions(child, &below)?;
                    outputs.push(Output::Embed(Embed {
                        name,
                        join: item.join,
                        cardinality: relationship.cardinality,
                        columns: &relationship.columns,
                        node: self.node(child, conditions, &item.select, &below, window, numbers)?,
                    }));
                }
            }
        }
        Ok(outputs)
    }

    /// A filter, order or window for something that is not embedded would be silently lost.
    fn targets_exist(&self, root: &Node<'a>) -> Result<(), Error> {
        let targets = (self.request.filters.iter().map(|filter| &filter.target))
            .chain(self.request.orders.iter().map(|order| &order.target))
            .chain(self.request.windows.iter().map(|window| &window.target));
        for target in targets {
            let mut node = root;
            for name in target {
                node = node
                    .outputs
                    .iter()
                    .find_map(|output| match output {
                        Output::Embed(embed) if embed.name == name => Some(&embed.node),
                        _ => None,
                    })
                    .ok_or_else(|| Error::NotEmbedded { target: target.join(".") })?;
            }
        }
        Ok(())
    }
}

/// `*`: what the role may read.
fn all(relation: &Relation) -> impl Iterator<Item = Output<'_>> {
    relation.columns.iter().filter(|column| column.may_select).map(|column| Output::Field {
        name: column.name.name(),
        field: FieldRef { column, json_path: &[] },
        cast: None,
        encoding: column.encoding,
    })
}

/// The fields of a representation: a select list without embeds.
pub(super) fn flat<'a>(relation: &'a Relation, select: &'a [SelectItem]) -> Result<Vec<Output<'a>>, Error> {
    let mut outputs = Vec::new();
    for item in select {
        match item {
            SelectItem::All => outputs.extend(all(relation)),
            SelectItem::Field { alias, field, cast } => {
                outputs.push(output(relation, alias.as_deref(), field, cast.as_deref())?);
            }
            SelectItem::Embed(_) => {
                return Err(Error::NotImplemented { what: "embedding in the answer of a write" });
            }
        }
    }
    Ok(outputs)
}

/// A field of the answer, named by its alias, by the last key of its JSON path, or by its column.
fn output<'a>(
    relation: &'a Relation,
    alias: Option<&'a str>,
    field: &'a Field,
    cast: Option<&str>,
) -> Result<Output<'a>, Error> {
    let resolved = field::field(relation, field)?;
    let (cast, encoding) = match cast {
        None => (None, resolved.encoding()),
        Some(name) => catalog::builtin_cast(name)
            .map(|(sql, encoding)| (Some(sql), encoding))
            .ok_or_else(|| Error::UnknownType { name: name.to_owned() })?,
    };
    let last_key =
        || field.json_path.iter().rev().find(|step| step.index().is_none()).map(|step| step.key.as_str());
    let name = alias.or_else(last_key).unwrap_or(&field.name);
    check_name(name)?;
    Ok(Output::Field { name, field: resolved, cast, encoding })
}

/// Names of an answer are column aliases where Postgres makes the JSON, and must be ones that it keeps.
fn check_name(name: &str) -> Result<(), Error> {
    match Identifier::new(name) {
        Some(_) => Ok(()),
        None => Err(Error::Alias { alias: name.chars().take(80).collect() }),
    }
}

fn window_of(windows: &[Targeted<Window>], target: &[&str]) -> Window {
    windows.iter().find(|window| window.target == target).map(|window| window.value).unwrap_or_default()
}

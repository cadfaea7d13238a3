//! What is read: a tree of nodes, the relation at its root, the embedded ones below.

use super::field::{self, Condition, FieldRef, Order};
use super::{Error, Invocation, Planner, embed};
use crate::catalog::{self, Cardinality, Column, Encoding, Identifier, Link, Relation, RelationKind};
use crate::request::{Aggregate, Count, EmbedItem, Field, JoinKind, Media, SelectItem, Window};

/// A read of one relation and what it embeds.
#[derive(Debug)]
pub struct ReadPlan<'a> {
    pub root: Node<'a>,
    pub count: Option<Count>,
    /// The most rows that are given; None: no bound.
    pub rows_max: Option<u64>,
    /// HEAD: the rows are wanted for their number only.
    pub head: bool,
    /// What the version of the row is made of, where it is one that has an ETag.
    pub version: Vec<&'a Column>,
}

/// One relation of a read.
#[derive(Debug)]
pub struct Node<'a> {
    /// What its rows are like.
    pub relation: &'a Relation,
    pub source: Source<'a>,
    /// Distinct in the whole tree: the table's alias in SQL is `t{number}`.
    pub number: usize,
    pub outputs: Vec<Output<'a>>,
    pub embeds: Vec<Embed<'a>>,
    pub conditions: Vec<Condition<'a>>,
    pub order: Vec<Order<'a>>,
    pub offset: u64,
    pub limit: Option<u64>,
    /// There is an aggregate among its members: the others group the rows. That of a to-one spread is its parent's.
    pub grouped: bool,
}

impl Node<'_> {
    /// Whether rows of its source may be missing, for want of an embedded row.
    pub fn leaves_rows_out(&self) -> bool {
        self.grouped
            || self.embeds.iter().any(|embed| embed.join == JoinKind::Inner)
            || self.conditions.iter().any(|condition| !matches!(condition, Condition::Key { .. }))
    }
}

impl Node<'_> {
    /// Lets Postgres write the times that the encoder would write in UTC. What is embedded, Postgres writes anyway.
    pub(super) fn says_times_in_its_session(&mut self) {
        for output in &mut self.outputs {
            if let Output::Field { encoding: encoding @ Encoding::TimestampTz, .. } = output {
                *encoding = Encoding::ToJson;
            }
        }
    }
}

/// Where the rows of a node come from.
#[derive(Debug)]
pub enum Source<'a> {
    Relation,
    /// What the statement itself has written.
    Written,
    /// What a function returns.
    Call(Box<Invocation<'a>>),
    /// What it has inserted of [`super::Child`] with this number.
    Inserted(usize),
}

/// One member of the objects that a node gives; a spread embed gives several.
#[derive(Debug)]
pub enum Output<'a> {
    Field {
        name: &'a str,
        field: FieldRef<'a>,
        /// As SQL, with its leading `::`.
        cast: Option<&'static str>,
        encoding: Encoding,
    },
    Aggregate {
        name: &'a str,
        function: Aggregate,
        /// What goes into it; None: the rows themselves.
        argument: Option<(FieldRef<'a>, Option<&'static str>)>,
        /// The cast of what comes out.
        cast: Option<&'static str>,
        encoding: Encoding,
    },
    /// An index into the node's `embeds`.
    Embed(usize),
}

/// A relation embedded in its parent.
#[derive(Debug)]
pub struct Embed<'a> {
    pub name: &'a str,
    /// Its members stand among its parent's: single values of a to-one, arrays of a to-many.
    pub spread: bool,
    pub join: JoinKind,
    pub cardinality: Cardinality,
    pub link: &'a Link,
    /// What the link goes through.
    pub junction: Option<&'a Relation>,
    pub node: Node<'a>,
}

impl<'a> Planner<'a, '_> {
    pub(super) fn read(&self, relation: &'a Relation, head: bool) -> Result<ReadPlan<'a>, Error> {
        if !relation.privileges.select {
            return Err(Error::Forbidden { relation: relation.name.name().to_owned() });
        }
        let conditions = self.conditions(relation)?;
        let source = (relation, Source::Relation);
        let root = self.node(source, conditions, &self.request.select, &[], self.request.window, &mut 0)?;
        self.targets_exist()?;
        self.is_bounded(&root)?;
        let rows_max = Some(self.limits.rows_max).filter(|rows_max| *rows_max > 0);
        let version = if self.has_tag() && !root.grouped { field::readable(relation) } else { Vec::new() };
        Ok(ReadPlan { root, count: self.request.preferences.count, rows_max, head, version })
    }

    /// Whether the answer is one row by its key, which has an ETag. What is said about the query plan has none.
    pub(super) fn has_tag(&self) -> bool {
        self.request.path.key.is_some() && !matches!(self.request.media, Media::Plan(_))
    }

    /// What comes back of the rows that a write has written.
    pub(super) fn written(&self, relation: &'a Relation) -> Result<Node<'a>, Error> {
        if !relation.privileges.select {
            return Err(Error::Forbidden { relation: relation.name.name().to_owned() });
        }
        let source = (relation, Source::Written);
        let mut node = self.node(source, Vec::new(), &self.request.select, &[], Window::default(), &mut 0)?;
        self.targets_exist()?;
        self.is_bounded(&node)?;
        if node.grouped {
            return Err(Error::NotImplemented { what: "aggregates of what a write returns" });
        }
        // A function of a row wants the whole of it.
        if relation.columns.iter().any(|column| !column.may_select) && node.calls_functions() {
            return Err(Error::Forbidden { relation: relation.name.name().to_owned() });
        }
        // All that was written is told, however many rows it is.
        node.limit = None;
        Ok(node)
    }

    /// What is wanted of the rows that a function returns.
    pub(super) fn called(
        &self,
        relation: &'a Relation,
        source: Source<'a>,
        head: bool,
    ) -> Result<ReadPlan<'a>, Error> {
        let conditions = self.conditions(relation)?;
        let (select, window) = (&self.request.select, self.request.window);
        let root = self.node((relation, source), conditions, select, &[], window, &mut 0)?;
        self.targets_exist()?;
        self.is_bounded(&root)?;
        let rows_max = Some(self.limits.rows_max).filter(|rows_max| *rows_max > 0);
        Ok(ReadPlan { root, count: None, rows_max, version: Vec::new(), head })
    }

    /// Plans one node. `path` leads to it: of each node on the way, which of its embeds.
    pub(super) fn node(
        &self,
        (relation, source): (&'a Relation, Source<'a>),
        conditions: Vec<Condition<'a>>,
        select: &'a [SelectItem],
        path: &[usize],
        window: Window,
        numbers: &mut usize,
    ) -> Result<Node<'a>, Error> {
        let number = *numbers;
        *numbers += 1;
        let mut outputs = Vec::new();
        let mut embeds = Vec::new();
        for item in select {
            match item {
                SelectItem::All => outputs.extend(all(relation)),
                // `count` alone counts the rows, as much that was written for PostgREST has it, where no column has this name.
                SelectItem::Field { alias, field, cast }
                    if field.name == Aggregate::Count.name()
                        && field.json_path.is_empty()
                        && matches!(
                            field::column(relation, &field.name),
                            Err(Error::UnknownColumn { .. })
                        ) =>
                {
                    if !self.limits.aggregates {
                        return Err(Error::AggregatesOff);
                    }
                    let (alias, cast) = (alias.as_deref(), cast.as_deref());
                    outputs.push(aggregate(relation, alias, None, Aggregate::Count, cast)?);
                }
                SelectItem::Field { alias, field, cast } => {
                    outputs.push(output(relation, alias.as_deref(), field, cast.as_deref())?);
                }
                SelectItem::Aggregate { alias, field, cast, function, result } => {
                    if !self.limits.aggregates {
                        return Err(Error::AggregatesOff);
                    }
                    let field = field.as_ref().map(|field| (field, cast.as_deref()));
                    outputs.push(aggregate(relation, alias.as_deref(), field, *function, result.as_deref())?);
                }
                SelectItem::Embed(item) => {
                    outputs.push(Output::Embed(embeds.len()));
                    let mut below = path.to_vec();
                    below.push(embeds.len());
                    embeds.push(self.embed(relation, item, &below, numbers)?);
                }
            }
        }
        let order = self.order(relation, select, &embeds, path)?;
        let grouped = outputs.iter().any(|output| match output {
            Output::Aggregate { .. } => true,
            Output::Embed(embed) => embeds[*embed].spread && embeds[*embed].node.grouped,
            Output::Field { .. } => false,
        });
        let rows_max = Some(self.limits.rows_max).filter(|rows_max| *rows_max > 0);
        Ok(Node {
            relation,
            source,
            number,
            outputs,
            embeds,
            conditions,
            order,
            offset: window.offset,
            limit: match (window.limit, rows_max) {
                (Some(limit), Some(rows_max)) => Some(limit.min(rows_max)),
                (limit, rows_max) => limit.or(rows_max),
            },
            grouped,
        })
    }

    /// Plans the embed that `path` leads to.
    fn embed(
        &self,
        from: &'a Relation,
        item: &'a EmbedItem,
        path: &[usize],
        numbers: &mut usize,
    ) -> Result<Embed<'a>, Error> {
        let depth_max = self.limits.embed_depth_max;
        if path.len() as u64 > depth_max {
            return Err(Error::TooMany {
                what: "levels of embedding",
                setting: "embed_depth_max",
                limit: depth_max,
            });
        }
        let relationship = self.relationship(from, item)?;
        let child = self.catalog.get(relationship.target);
        if !child.privileges.select {
            return Err(Error::Forbidden { relation: child.name.name().to_owned() });
        }
        let name = embed::name(item);
        check_name(name)?;
        let conditions = self.targeted_conditions(child, &item.select, path)?;
        let mut windows = self.request.windows.iter().zip(&self.targets.windows).rev();
        let window = windows.find(|(_, leads)| leads.as_deref() == Some(path));
        let window = window.map(|(window, _)| window.value).unwrap_or_default();
        let source = (child, Source::Relation);
        let mut node = self.node(source, conditions, &item.select, path, window, numbers)?;
        match relationship.cardinality {
            // The key sees to it that there is one row at the most; a view over its table may repeat it, and a function
            // gives what it likes.
            Cardinality::One => {
                let certain = child.kind == RelationKind::Table && matches!(relationship.link, Link::Key(_));
                node.limit = if certain { window.limit } else { Some(window.limit.unwrap_or(1).min(1)) };
            }
            Cardinality::Many if item.spread && node.grouped => {
                return Err(Error::NotImplemented { what: "aggregates in a spread of several rows" });
            }
            Cardinality::Many => {}
        }
        let junction = match &relationship.link {
            Link::Junction { junction, .. } => Some(self.catalog.get(*junction)),
            Link::Key(_) | Link::Function { .. } => None,
        };
        Ok(Embed {
            name,
            spread: item.spread,
            join: item.join,
            cardinality: relationship.cardinality,
            link: &relationship.link,
            junction,
            node,
        })
    }

    /// The order of the node that `path` leads to.
    fn order(
        &self,
        relation: &'a Relation,
        select: &[SelectItem],
        embeds: &[Embed<'a>],
        path: &[usize],
    ) -> Result<Vec<Order<'a>>, Error> {
        let mut orders = self.request.orders.iter().zip(&self.targets.orders).rev();
        let Some((order, _)) = orders.find(|(_, leads)| leads.as_deref() == Some(path)) else {
            return Ok(Vec::new());
        };
        let terms = order.value.iter().map(|term| {
            let (direction, nulls) = (term.direction, term.nulls);
            let Some(name) = &term.relation else {
                let field = field::field(relation, &term.field)?;
                return Ok(Order { embed: None, field, direction, nulls });
            };
            let not_embedded = || Error::NotEmbedded { target: name.clone() };
            let index = embed::find(select, name).ok_or_else(not_embedded)?;
            let embed = &embeds[index];
            if embed.cardinality == Cardinality::Many {
                let from = relation.name.name().to_owned();
                return Err(Error::RelatedOrder { from, to: name.clone() });
            }
            let field = field::field(embed.node.relation, &term.field)?;
            Ok(Order { embed: Some(index), field, direction, nulls })
        });
        terms.collect()
    }

    /// A filter, order or window for something that is not embedded would be silently lost.
    fn targets_exist(&self) -> Result<(), Error> {
        let request = self.request;
        let mut targets = (request.filters.iter().map(|filter| &filter.target).zip(&self.targets.filters))
            .chain(request.orders.iter().map(|order| &order.target).zip(&self.targets.orders))
            .chain(request.windows.iter().map(|window| &window.target).zip(&self.targets.windows));
        match targets.find(|(_, leads)| leads.is_none()) {
            Some((lost, _)) => Err(Error::NotEmbedded { target: lost.join(".") }),
            None => Ok(()),
        }
    }

    /// A filter is written once for each member of a spread, and once for each time that it is asked whether there is an
    /// embedded row: a short request could make a statement that no one can hold.
    fn is_bounded(&self, root: &Node<'_>) -> Result<(), Error> {
        let limit = self.limits.filter_values_max;
        match root.asked().saturating_add(root.asked_below()) > limit {
            true => Err(Error::TooMany { what: "values in filters", setting: "filter_values_max", limit }),
            false => Ok(()),
        }
    }
}

impl Node<'_> {
    /// How many values its conditions and its order take.
    fn asked(&self) -> u64 {
        let conditions = self.conditions.iter().map(|condition| self.asked_by(condition));
        let order = self.order.iter().map(|order| {
            let of_embed = order.embed.map_or(0, |embed| self.embeds[embed].node.asked());
            of_embed.saturating_add(order.field.json_path.len() as u64)
        });
        let inner = self.embeds.iter().filter(|embed| embed.join == JoinKind::Inner);
        conditions.chain(order).chain(inner.map(|embed| embed.node.asked())).fold(0, u64::saturating_add)
    }

    fn asked_by(&self, condition: &Condition<'_>) -> u64 {
        match condition {
            Condition::And { of, .. } | Condition::Or { of, .. } => {
                of.iter().map(|one| self.asked_by(one)).fold(0, u64::saturating_add)
            }
            Condition::Test { field, .. } => 1 + field.json_path.len() as u64,
            Condition::Embedded { embed, .. } => self.embeds[*embed].node.asked(),
            Condition::Version { .. } | Condition::Key { .. } => 1,
        }
    }

    /// How many values those below it take: of a spread once for each of its members.
    fn asked_below(&self) -> u64 {
        let embeds = self.embeds.iter().map(|embed| {
            let times = if embed.spread { embed.node.members() } else { 1 };
            embed.node.asked().saturating_mul(times).saturating_add(embed.node.asked_below())
        });
        embeds.fold(0, u64::saturating_add)
    }

    fn members(&self) -> u64 {
        let members = self.outputs.iter().map(|output| match output {
            Output::Embed(embed) if self.embeds[*embed].spread => self.embeds[*embed].node.members(),
            Output::Field { .. } | Output::Aggregate { .. } | Output::Embed(_) => 1,
        });
        members.sum()
    }

    /// Whether a function of this node's own row is called.
    fn calls_functions(&self) -> bool {
        let is_computed = |field: &FieldRef<'_>| field.column.function.is_some();
        let in_outputs = self.outputs.iter().any(|output| match output {
            Output::Field { field, .. } | Output::Aggregate { argument: Some((field, _)), .. } => {
                is_computed(field)
            }
            Output::Aggregate { argument: None, .. } => false,
            Output::Embed(embed) => matches!(self.embeds[*embed].link, Link::Function { .. }),
        });
        in_outputs || self.order.iter().any(|order| order.embed.is_none() && is_computed(&order.field))
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
        Some(name) => self::cast(name).map(|(sql, encoding)| (Some(sql), encoding))?,
    };
    let last_key =
        || field.json_path.iter().rev().find(|step| step.index().is_none()).map(|step| step.key.as_str());
    let name = alias.or_else(last_key).unwrap_or(&field.name);
    check_name(name)?;
    Ok(Output::Field { name, field: resolved, cast, encoding })
}

/// An aggregate, named by its alias or by its function.
fn aggregate<'a>(
    relation: &'a Relation,
    alias: Option<&'a str>,
    field: Option<(&'a Field, Option<&str>)>,
    function: Aggregate,
    result: Option<&str>,
) -> Result<Output<'a>, Error> {
    let mut given = Encoding::Int8;
    let argument = match field {
        None => None,
        Some((field, cast)) => {
            let resolved = field::field(relation, field)?;
            let cast = cast.map(self::cast).transpose()?;
            given = cast.map_or(resolved.encoding(), |(_, encoding)| encoding);
            Some((resolved, cast.map(|(sql, _)| sql)))
        }
    };
    let (cast, encoding) = match result {
        None => (None, gives(function, given)),
        Some(name) => self::cast(name).map(|(sql, encoding)| (Some(sql), encoding))?,
    };
    let name = alias.unwrap_or(function.name());
    check_name(name)?;
    Ok(Output::Aggregate { name, function, argument, cast, encoding })
}

/// How the result of an aggregate comes back (Postgres manual, 9.21).
fn gives(function: Aggregate, of: Encoding) -> Encoding {
    match (function, of) {
        (Aggregate::Count, _) => Encoding::Int8,
        (Aggregate::Min | Aggregate::Max, of) => of,
        (Aggregate::Sum, Encoding::Int2 | Encoding::Int4) => Encoding::Int8,
        (Aggregate::Sum, Encoding::Int8 | Encoding::Number) => Encoding::Number,
        (Aggregate::Avg, Encoding::Int2 | Encoding::Int4 | Encoding::Int8 | Encoding::Number) => {
            Encoding::Number
        }
        // Of an interval or money, say; of what cannot be summed, Postgres says so.
        (Aggregate::Sum | Aggregate::Avg, _) => Encoding::ToJson,
    }
}

fn cast(name: &str) -> Result<(&'static str, Encoding), Error> {
    catalog::builtin_cast(name).ok_or_else(|| Error::UnknownType { name: name.to_owned() })
}

/// Names of an answer are column aliases where Postgres makes the JSON, and must be ones that it keeps.
fn check_name(name: &str) -> Result<(), Error> {
    match Identifier::new(name) {
        Some(_) => Ok(()),
        None => Err(Error::Alias { alias: name.chars().take(80).collect() }),
    }
}

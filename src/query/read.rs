//! SELECT: the columns of a node, its conditions, and its embedded nodes as JSON.

use super::sql::{Param, Sql};
use super::version::{readable, version};
use super::{Columns, MediaOf, Query, Statement, explain, form};
use crate::catalog::{Cardinality, Column, Encoding, Identifier, Link, Relation};
use crate::plan::{Condition, Embed, FieldRef, Node, Order, Output, ReadPlan, Source};
use crate::request::{Aggregate, Comparison, Count, Direction, IsValue, JoinKind, Media, Nulls, Operand};

pub(super) fn query(read: &ReadPlan<'_>, media: MediaOf<'_>) -> Query {
    let root = &read.root;
    let mut columns = Columns { version: !read.version.is_empty(), ..Columns::default() };
    let mut sql = Sql::default();
    let mut groups = Vec::new();
    if read.head && root.grouped {
        // The groups are wanted for their number only.
        sql.push("select 1 from (");
        rows(&mut sql, &mut Columns::default(), root, (Media::Json, None), &mut Vec::new());
        sql.push(") as grouped");
    } else if read.head && !columns.version {
        // A select list may be empty, but then tokio-postgres could not tell a row from none.
        sql.push("select 1");
        from_where(&mut sql, root);
    } else {
        rows(&mut sql, &mut columns, root, media, &mut groups);
    }
    if !read.head || !root.grouped {
        grouped_order_by(&mut sql, root, &groups);
    }
    window(&mut sql, root);
    let count = match read.count {
        Some(Count::Exact) => Some(count(root, None)),
        // One more than are given tells whether there are more.
        Some(Count::Estimated) => Some(count(root, read.rows_max.map(|rows_max| rows_max.saturating_add(1)))),
        Some(Count::Planned) | None => None,
    };
    let planned = match read.count {
        Some(Count::Planned) => Some(planned(root)),
        Some(Count::Estimated) if read.rows_max.is_some() => Some(planned(root)),
        Some(Count::Estimated | Count::Exact) | None => None,
    };
    Query { statement: sql.finish(), count, planned, columns }
}

/// Counts what `root` would give without its window, `at_most` so far.
fn count(root: &Node<'_>, at_most: Option<u64>) -> Statement {
    let mut sql = Sql::default();
    sql.push("select pg_catalog.count(*)");
    if !root.grouped && at_most.is_none() {
        from_where(&mut sql, root);
        return sql.finish();
    }
    sql.push(" from (");
    counted(&mut sql, root);
    if let Some(rows) = at_most {
        sql.push(" limit ").bind(Param::Text(rows.to_string()));
    }
    sql.push(") as r");
    sql.finish()
}

/// Asks the planner how many rows `root` would give without its window.
fn planned(root: &Node<'_>) -> Statement {
    let mut sql = Sql::default();
    counted(&mut sql, root);
    explain::rows(sql.finish())
}

/// The rows of `root`, wanted for their number only.
fn counted(sql: &mut Sql, root: &Node<'_>) {
    if root.grouped {
        rows(sql, &mut Columns::default(), root, (Media::Json, None), &mut Vec::new());
    } else {
        sql.push("select");
        from_where(sql, root);
    }
}

/// `select … from … where … group by …` of the top level.
fn rows(sql: &mut Sql, columns: &mut Columns, node: &Node<'_>, media: MediaOf<'_>, groups: &mut Groups) {
    sql.push("select ");
    form::members(sql, columns, media, node, groups);
    // The tag of a row is that of its representation, also where only the tag is wanted.
    if columns.version {
        sql.push(if columns.members.is_empty() { "" } else { ", " });
        version(sql, node.number, &readable(node.relation));
    } else if columns.members.is_empty() {
        sql.push("1");
    }
    from_where(sql, node);
    group_by(sql, groups);
}

/// What to group by: where in the SQL it was written.
pub(super) type Groups = Vec<(usize, usize)>;

/// One member of the top level's objects, as the encoder wants it: built-in types, everything else as JSON.
pub(super) fn member(
    sql: &mut Sql,
    node: &Node<'_>,
    member: &Member<'_>,
    groups: &mut Groups,
) -> (String, Encoding) {
    let encoding = member.encoding();
    match encoding {
        Encoding::ToJson => {
            sql.push("pg_catalog.to_json(");
            grouping(sql, node, member, groups);
            sql.push(")");
        }
        Encoding::Number => {
            grouping(sql, node, member, groups);
            sql.push("::pg_catalog.text");
        }
        Encoding::Bool
        | Encoding::Int2
        | Encoding::Int4
        | Encoding::Int8
        | Encoding::Text
        | Encoding::Uuid
        | Encoding::Json
        | Encoding::Jsonb
        | Encoding::Date
        | Encoding::Time
        | Encoding::Timestamp
        | Encoding::TimestampTz => grouping(sql, node, member, groups),
    }
    (member.name.to_owned(), encoding)
}

/// A member of a node's objects: one of its outputs, or one of a spread node's below it.
pub(super) struct Member<'p> {
    pub name: &'p str,
    /// The spread embeds that lead to it.
    path: Vec<&'p Embed<'p>>,
    leaf: Leaf<'p>,
}

#[derive(Clone, Copy)]
enum Leaf<'p> {
    Field { field: &'p FieldRef<'p>, cast: Option<&'static str>, encoding: Encoding },
    Aggregate { output: &'p Output<'p>, encoding: Encoding },
    Embed(&'p Embed<'p>),
}

impl Member<'_> {
    /// Whether it is the very field that `term` orders `node` by.
    fn is(&self, node: &Node<'_>, term: &Order<'_>) -> bool {
        let Leaf::Field { field, cast: None, .. } = self.leaf else { return false };
        let same_row = match (term.embed, self.path.as_slice()) {
            (None, []) => true,
            (Some(embed), [one]) => node.embeds[embed].node.number == one.node.number,
            _ => false,
        };
        same_row && std::ptr::eq(field.column, term.field.column) && field.json_path == term.field.json_path
    }

    /// Whether Postgres makes JSON of it from several values: an embedded relation, or the values of many rows.
    pub fn is_document(&self) -> bool {
        matches!(self.leaf, Leaf::Embed(_))
            || self.path.iter().any(|embed| embed.cardinality == Cardinality::Many)
    }

    pub fn encoding(&self) -> Encoding {
        if self.path.iter().any(|embed| embed.cardinality == Cardinality::Many) {
            return Encoding::Json;
        }
        match self.leaf {
            Leaf::Field { encoding, .. } | Leaf::Aggregate { encoding, .. } => encoding,
            Leaf::Embed(_) => Encoding::Json,
        }
    }
}

/// The members of a node's objects, in the order in which they were selected. An empty embed only joins and filters.
pub(super) fn shown<'p>(node: &'p Node<'p>) -> Vec<Member<'p>> {
    let mut members = Vec::new();
    for output in &node.outputs {
        match output {
            Output::Field { name, field, cast, encoding } => {
                let leaf = Leaf::Field { field, cast: *cast, encoding: *encoding };
                members.push(Member { name, path: Vec::new(), leaf });
            }
            Output::Aggregate { name, encoding, .. } => {
                let leaf = Leaf::Aggregate { output, encoding: *encoding };
                members.push(Member { name, path: Vec::new(), leaf });
            }
            Output::Embed(index) => {
                let embed = &node.embeds[*index];
                if embed.spread {
                    members.extend(shown(&embed.node).into_iter().map(|mut member| {
                        member.path.insert(0, embed);
                        member
                    }));
                } else if !embed.node.outputs.is_empty() {
                    members.push(Member { name: embed.name, path: Vec::new(), leaf: Leaf::Embed(embed) });
                }
            }
        }
    }
    members
}

/// Writes a member, and where its node is grouped remembers what to group by.
pub(super) fn grouping(sql: &mut Sql, node: &Node<'_>, member: &Member<'_>, groups: &mut Groups) {
    let is_aggregate = matches!(member.leaf, Leaf::Aggregate { .. });
    if !node.grouped || is_aggregate {
        return value(sql, node, &member.path, member.leaf);
    }
    // Two values of type json cannot be compared; their texts can.
    let is_json = member.encoding() == Encoding::Json;
    let from = sql.mark();
    if is_json {
        sql.push("(");
        value(sql, node, &member.path, member.leaf);
        sql.push(")::pg_catalog.text");
    } else {
        value(sql, node, &member.path, member.leaf);
    }
    groups.push((from, sql.mark()));
    if is_json {
        sql.push("::pg_catalog.json");
    }
}

fn group_by(sql: &mut Sql, groups: &[(usize, usize)]) {
    if !groups.is_empty() {
        sql.push(" group by ");
        sql.list(groups, ", ", |sql, group| {
            sql.again(*group);
        });
    }
}

/// What a member holds, seen from a row of `node`: spread values are sub-selects each, for the same reason as embeds.
fn value(sql: &mut Sql, node: &Node<'_>, path: &[&Embed<'_>], leaf: Leaf<'_>) {
    if let Leaf::Aggregate { output: Output::Aggregate { function, argument, cast, .. }, .. } = leaf {
        if cast.is_some() {
            sql.push("(");
        }
        sql.push(match function {
            Aggregate::Sum => "pg_catalog.sum(",
            Aggregate::Avg => "pg_catalog.avg(",
            Aggregate::Count => "pg_catalog.count(",
            Aggregate::Min => "pg_catalog.min(",
            Aggregate::Max => "pg_catalog.max(",
        });
        reached(sql, node, path, &mut |sql, node| match argument {
            Some((field, cast)) => expression(sql, node, field, *cast),
            None if path.is_empty() => {
                sql.push("*");
            }
            // The rows that have a related one.
            None => {
                sql.push("1");
            }
        });
        sql.push(")");
        if let Some(cast) = cast {
            sql.push(")").push(cast);
        }
        return;
    }
    reached(sql, node, path, &mut |sql, node| match leaf {
        Leaf::Field { field, cast, .. } => expression(sql, node, field, cast),
        Leaf::Embed(embed) => embedded(sql, node, embed),
        Leaf::Aggregate { .. } => {}
    });
}

/// Writes what `leaf` writes of a row of `node`, or of the spread rows that `path` leads to.
fn reached(sql: &mut Sql, node: &Node<'_>, path: &[&Embed<'_>], leaf: &mut dyn FnMut(&mut Sql, &Node<'_>)) {
    let Some((embed, path)) = path.split_first() else { return leaf(sql, node) };
    match embed.cardinality {
        Cardinality::One => {
            sql.push("(select ");
            reached(sql, &embed.node, path, leaf);
            from_where_linked(sql, Row::of(node), embed);
            window(sql, &embed.node);
            sql.push(")");
        }
        Cardinality::Many => {
            sql.push("(select coalesce(pg_catalog.json_agg(r.value), '[]'::pg_catalog.json) from (select ");
            reached(sql, &embed.node, path, leaf);
            sql.push(" as value");
            from_where_linked(sql, Row::of(node), embed);
            order_by(sql, &embed.node);
            ties(sql, &embed.node);
            window(sql, &embed.node);
            sql.push(") as r)");
        }
    }
}

fn expression(sql: &mut Sql, node: &Node<'_>, field: &FieldRef<'_>, cast: Option<&'static str>) {
    let row = Row::of(node);
    match cast {
        None => reference(sql, row, field),
        Some(cast) => {
            sql.push("(");
            reference(sql, row, field);
            sql.push(")").push(cast);
        }
    }
}

/// A row in the making of a condition or a member.
#[derive(Clone, Copy)]
pub(super) struct Row<'p> {
    /// Its alias.
    table: usize,
    embeds: &'p [Embed<'p>],
    /// What the statement has written, which Postgres no longer knows to be rows of this relation.
    written: Option<&'p Relation>,
}

impl<'p> Row<'p> {
    fn of(node: &'p Node<'p>) -> Self {
        let written = matches!(node.source, Source::Written).then_some(node.relation);
        Row { table: node.number, embeds: &node.embeds, written }
    }

    /// A row of a table that nothing is embedded in.
    pub(super) fn alone(table: usize) -> Self {
        Row { table, embeds: &[], written: None }
    }
}

/// The row itself, as a function takes it.
fn whole(sql: &mut Sql, row: Row<'_>) {
    match row.written {
        None => {
            sql.table(row.table);
        }
        Some(relation) => {
            sql.push("row(");
            sql.list(&relation.columns, ", ", |sql, column| {
                sql.table(row.table).push(".").identifier(&column.name);
            });
            sql.push(")::").relation(relation);
        }
    }
}

/// `t0."data"->$1->>0`.
fn reference(sql: &mut Sql, row: Row<'_>, field: &FieldRef<'_>) {
    let bare = |sql: &mut Sql| match &field.column.function {
        None => {
            sql.table(row.table).push(".").identifier(&field.column.name);
        }
        Some(function) => {
            sql.function(function).push("(");
            whole(sql, row);
            sql.push(")");
        }
    };
    if field.json_path.is_empty() || field.column.is_json {
        bare(sql);
    } else {
        sql.push("pg_catalog.to_jsonb(");
        bare(sql);
        sql.push(")");
    }
    for step in field.json_path {
        sql.push(if step.as_text { "->>" } else { "->" });
        match step.index() {
            Some(index) => {
                // In parentheses, because `->-1` would be an operator of its own.
                sql.push("(").integer(index.into()).push(")");
            }
            None => {
                sql.bind(Param::Text(step.key.clone())).push("::pg_catalog.text");
            }
        }
    }
}

/// An embedded node: a scalar sub-select, which Postgres evaluates only for the rows that the window keeps, also where
/// it has to sort them first (a lateral join would be evaluated for all).
fn embedded(sql: &mut Sql, parent: &Node<'_>, embed: &Embed<'_>) {
    let node = &embed.node;
    sql.push(match embed.cardinality {
        Cardinality::Many => {
            "(select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (select "
        }
        Cardinality::One => "(select pg_catalog.row_to_json(r.*) from (select ",
    });
    let mut groups = Vec::new();
    sql.list(shown(node), ", ", |sql, member| named(sql, node, &member, &mut groups));
    from_where_linked(sql, Row::of(parent), embed);
    group_by(sql, &groups);
    grouped_order_by(sql, node, &groups);
    window(sql, node);
    sql.push(") as r)");
}

/// A member where Postgres makes the JSON, so that each needs only its name.
pub(super) fn named(sql: &mut Sql, node: &Node<'_>, member: &Member<'_>, groups: &mut Groups) {
    grouping(sql, node, member, groups);
    if let Some(name) = Identifier::new(member.name) {
        sql.push(" as ").identifier(&name);
    }
}

pub(super) fn from_where(sql: &mut Sql, node: &Node<'_>) {
    from(sql, node);
    let mut glue = Glue::Where;
    conditions(sql, node, &mut glue);
}

/// The rows of an embed that belong to a row of `parent`.
fn from_where_linked(sql: &mut Sql, parent: Row<'_>, embed: &Embed<'_>) {
    let node = &embed.node;
    let mut glue = Glue::Where;
    let equal = |sql: &mut Sql, glue: &mut Glue, ours: (Table, &Identifier), theirs: (Table, &Identifier)| {
        glue.push(sql);
        ours.0.column(sql, ours.1);
        sql.push(" = ");
        theirs.0.column(sql, theirs.1);
    };
    let (child, junction) = (Table::Node(node.number), Table::Junction(node.number));
    match embed.link {
        Link::Key(key) => {
            from(sql, node);
            for (ours, theirs) in &key.columns {
                equal(sql, &mut glue, (child, theirs), (Table::Node(parent.table), ours));
            }
        }
        Link::Junction { near, far, .. } => {
            from(sql, node);
            if let Some(relation) = embed.junction {
                sql.push(" inner join ").relation(relation).push(" as ");
                junction.alias(sql);
            }
            let mut on = Glue::On;
            for (ours, theirs) in &far.columns {
                equal(sql, &mut on, (junction, ours), (child, theirs));
            }
            for (ours, theirs) in &near.columns {
                equal(sql, &mut glue, (junction, ours), (Table::Node(parent.table), theirs));
            }
        }
        Link::Function { function, gives_set } => {
            sql.push(" from ").function(function).push("(");
            whole(sql, parent);
            sql.push(") as ").table(node.number);
            if !gives_set {
                glue.push(sql);
                sql.push("not (").table(node.number).push(" is null)");
            }
        }
    }
    conditions(sql, node, &mut glue);
}

/// A table in FROM.
#[derive(Clone, Copy)]
enum Table {
    Node(usize),
    /// What joins the node of this number to its parent.
    Junction(usize),
}

impl Table {
    fn alias(self, sql: &mut Sql) {
        match self {
            Table::Node(number) => sql.table(number),
            Table::Junction(number) => sql.push("j").table(number),
        };
    }

    fn column(self, sql: &mut Sql, column: &Identifier) {
        self.alias(sql);
        sql.push(".").identifier(column);
    }
}

fn from(sql: &mut Sql, node: &Node<'_>) {
    sql.push(" from ");
    match &node.source {
        Source::Relation => sql.relation(node.relation),
        Source::Written => sql.push(WRITTEN),
        Source::Call(call) => return super::call::from(sql, call, node.number),
        Source::Inserted(number) => inserted(sql, *number),
    };
    sql.push(" as ").table(node.number);
}

/// The name under which a statement reads the children that it has inserted.
pub(super) fn inserted(sql: &mut Sql, number: usize) -> &mut Sql {
    sql.push("inserted_").integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The name under which a statement reads what it has written.
pub(super) const WRITTEN: &str = "written";

/// ` where ` or ` on `, then ` and `.
pub(super) enum Glue {
    Where,
    On,
    And,
}

impl Glue {
    pub(super) fn push(&mut self, sql: &mut Sql) {
        sql.push(match self {
            Glue::Where => " where ",
            Glue::On => " on ",
            Glue::And => " and ",
        });
        *self = Glue::And;
    }
}

fn conditions(sql: &mut Sql, node: &Node<'_>, glue: &mut Glue) {
    for one in &node.conditions {
        glue.push(sql);
        condition(sql, Row::of(node), one);
    }
    for embed in node.embeds.iter().filter(|embed| embed.join == JoinKind::Inner) {
        glue.push(sql);
        exists(sql, Row::of(node), embed);
    }
}

fn exists(sql: &mut Sql, row: Row<'_>, embed: &Embed<'_>) {
    sql.push("exists (select");
    from_where_linked(sql, row, embed);
    sql.push(")");
}

pub(super) fn condition(sql: &mut Sql, row: Row<'_>, one: &Condition<'_>) {
    match one {
        Condition::And { negated, of } => tree(sql, row, *negated, of, " and "),
        Condition::Or { negated, of } => tree(sql, row, *negated, of, " or "),
        Condition::Embedded { embed, exists } => {
            sql.push(if *exists { "" } else { "not " });
            self::exists(sql, row, &row.embeds[*embed]);
        }
        Condition::Key { column, value } => {
            sql.table(row.table).push(".").identifier(&column.name).push(" = ");
            sql.bind(Param::Text((*value).to_owned()));
        }
        Condition::Version { columns, versions } => {
            version(sql, row.table, columns);
            sql.push(" = any (").bind(Param::Text(array_literal(versions))).push(")");
        }
        Condition::Test { field, negated, comparison } => {
            if *negated {
                sql.push("not (");
            }
            if !matches!(comparison, Comparison::FullText { .. }) {
                reference(sql, row, field);
            }
            match comparison {
                Comparison::Operator { sql: operator, operand } => {
                    sql.push(operator);
                    match operand {
                        Operand::Value(value) => sql.bind(Param::Text(value.clone())),
                        Operand::Any(array) => sql.push("any (").bind(Param::Text(array.clone())).push(")"),
                        Operand::All(array) => sql.push("all (").bind(Param::Text(array.clone())).push(")"),
                    };
                }
                Comparison::FullText { sql: function, language, query } => {
                    full_text(sql, row, field, function, language.as_deref(), query);
                }
                Comparison::In(elements) => {
                    sql.push(" = any (").bind(Param::Text(array_literal(elements))).push(")");
                }
                Comparison::Is(value) => {
                    sql.push(match value {
                        IsValue::Null => " is null",
                        IsValue::NotNull => " is not null",
                        IsValue::True => " is true",
                        IsValue::False => " is false",
                        IsValue::Unknown => " is unknown",
                    });
                }
            }
            if *negated {
                sql.push(")");
            }
        }
    }
}

/// `to_tsvector(…) @@ to_tsquery(…)`; a column that is a tsvector already is taken as it is.
fn full_text(
    sql: &mut Sql,
    row: Row<'_>,
    field: &FieldRef<'_>,
    function: &'static str,
    language: Option<&str>,
    query: &str,
) {
    let configuration = |sql: &mut Sql| {
        if let Some(language) = language {
            sql.bind(Param::Text(language.to_owned())).push("::pg_catalog.regconfig, ");
        }
    };
    if field.json_path.is_empty() && field.column.type_name == "tsvector" {
        reference(sql, row, field);
    } else {
        sql.push("pg_catalog.to_tsvector(");
        configuration(sql);
        reference(sql, row, field);
        sql.push(")");
    }
    sql.push(" @@ ").push(function);
    configuration(sql);
    sql.bind(Param::Text(query.to_owned())).push("::pg_catalog.text)");
}

fn tree(sql: &mut Sql, row: Row<'_>, negated: bool, of: &[Condition<'_>], word: &'static str) {
    sql.push(if negated { "not (" } else { "(" });
    sql.list(of, word, |sql, one| condition(sql, row, one));
    sql.push(")");
}

/// The text of an array (Postgres manual, 8.15.2): every element quoted, so that none is read as NULL.
pub(super) fn array_literal(elements: &[impl AsRef<str>]) -> String {
    let mut text = String::from("{");
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        for character in element.as_ref().chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
    }
    text.push('}');
    text
}

pub(super) fn order_by(sql: &mut Sql, node: &Node<'_>) {
    grouped_order_by(sql, node, &[]);
}

/// Where rows are grouped, `groups` are what stands for their members, in order: what they are ordered by must be the same
/// expression, also in its placeholders.
fn grouped_order_by(sql: &mut Sql, node: &Node<'_>, groups: &[(usize, usize)]) {
    if node.order.is_empty() {
        return;
    }
    let members = if groups.is_empty() { Vec::new() } else { shown(node) };
    let grouped = |term: &Order<'_>| {
        let mut ungrouped =
            members.iter().filter(|member| !matches!(member.leaf, Leaf::Aggregate { .. })).zip(groups);
        ungrouped.find(|(member, _)| member.is(node, term)).map(|(_, group)| *group)
    };
    sql.push(" order by ");
    sql.list(&node.order, ", ", |sql, term| {
        match grouped(term) {
            Some(group) => {
                sql.again(group);
            }
            None => {
                let path: Vec<_> = term.embed.iter().map(|embed| &node.embeds[*embed]).collect();
                reached(sql, node, &path, &mut |sql, node| reference(sql, Row::of(node), &term.field));
            }
        }
        sql.push(match term.direction {
            None => "",
            Some(Direction::Ascending) => " asc",
            Some(Direction::Descending) => " desc",
        });
        sql.push(match term.nulls {
            None => "",
            Some(Nulls::First) => " nulls first",
            Some(Nulls::Last) => " nulls last",
        });
    });
}

/// Makes the order of a spread's rows total, because each of its arrays is made by itself, and they go together: by the key,
/// or else by all that can be told apart.
fn ties(sql: &mut Sql, node: &Node<'_>) {
    if shown(node).len() < 2 {
        return;
    }
    let columns = node.relation.columns.iter().filter(|column| column.may_select);
    let in_key = |column: &&Column| node.relation.primary_key.iter().any(|name| name == column.name.name());
    let key: Vec<_> = columns.clone().filter(in_key).collect();
    let whole_key = !key.is_empty() && key.len() == node.relation.primary_key.len();
    sql.push(if node.order.is_empty() { " order by " } else { ", " });
    if whole_key {
        sql.list(key, ", ", |sql, column| {
            sql.table(node.number).push(".").identifier(&column.name);
        });
    } else {
        sql.list(columns, ", ", |sql, column| {
            sql.table(node.number).push(".").identifier(&column.name).push("::pg_catalog.text");
        });
    }
}

/// Bound and not written, so that every page of a list is the same statement.
fn window(sql: &mut Sql, node: &Node<'_>) {
    if let Some(limit) = node.limit {
        sql.push(" limit ").bind(Param::Text(limit.to_string()));
    }
    if node.offset > 0 {
        sql.push(" offset ").bind(Param::Text(node.offset.to_string()));
    }
}

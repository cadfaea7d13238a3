//! SELECT: the columns of a node, its conditions, and its embedded nodes as JSON.

use super::sql::{Param, Sql};
use super::{Columns, Query};
use crate::catalog::{Cardinality, Encoding, Identifier, Relation};
use crate::plan::{Condition, Embed, FieldRef, Node, Order, Output, ReadPlan};
use crate::request::{Comparison, Direction, IsValue, JoinKind, Nulls, Operand};

pub(super) fn query(read: &ReadPlan<'_>) -> Query {
    let root = &read.root;
    let mut sql = Sql::default();
    sql.push("select ");
    let mut columns = Columns::default();
    if read.head || !root.outputs.iter().any(Output::is_shown) {
        // A select list may be empty, but then tokio-postgres could not tell a row from none.
        sql.push("1");
    }
    if !read.head {
        sql.list(root.outputs.iter().filter(|output| output.is_shown()), ", ", |sql, output| {
            columns.members.push(member(sql, root.number, output));
        });
    }
    from_where(&mut sql, root);
    order_by(&mut sql, root.number, &root.order);
    window(&mut sql, root);
    let count = read.count.then(|| {
        let mut sql = Sql::default();
        sql.push("select pg_catalog.count(*)");
        from_where(&mut sql, root);
        sql.finish()
    });
    Query { statement: sql.finish(), count, columns }
}

/// One member of the top level's objects, as the encoder wants it: built-in types, everything else as JSON.
pub(super) fn member(sql: &mut Sql, table: usize, output: &Output<'_>) -> (String, Encoding) {
    match output {
        Output::Field { name, field, cast, encoding } => {
            match encoding {
                Encoding::ToJson => {
                    sql.push("pg_catalog.to_json(");
                    expression(sql, table, field, *cast);
                    sql.push(")");
                }
                Encoding::Number => {
                    expression(sql, table, field, *cast);
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
                | Encoding::TimestampTz => expression(sql, table, field, *cast),
            }
            ((*name).to_owned(), *encoding)
        }
        Output::Embed(embed) => {
            embedded(sql, table, embed);
            (embed.name.to_owned(), Encoding::Json)
        }
    }
}

fn expression(sql: &mut Sql, table: usize, field: &FieldRef<'_>, cast: Option<&'static str>) {
    match cast {
        None => reference(sql, table, field),
        Some(cast) => {
            sql.push("(");
            reference(sql, table, field);
            sql.push(")").push(cast);
        }
    }
}

/// `t0."data"->$1->>0`.
fn reference(sql: &mut Sql, table: usize, field: &FieldRef<'_>) {
    if field.json_path.is_empty() || field.column.is_json {
        sql.table(table).push(".").identifier(&field.column.name);
    } else {
        sql.push("pg_catalog.to_jsonb(").table(table).push(".").identifier(&field.column.name).push(")");
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
fn embedded(sql: &mut Sql, parent: usize, embed: &Embed<'_>) {
    let node = &embed.node;
    let row = |sql: &mut Sql| {
        sql.push("select ");
        sql.list(node.outputs.iter().filter(|output| output.is_shown()), ", ", |sql, output| {
            nested_member(sql, node.number, output);
        });
        from_where_linked(sql, parent, embed);
        order_by(sql, node.number, &node.order);
        window(sql, node);
    };
    match embed.cardinality {
        Cardinality::Many => {
            sql.push("(select coalesce(pg_catalog.json_agg(r.*), '[]'::pg_catalog.json) from (");
            row(sql);
            sql.push(") as r)");
        }
        Cardinality::One => {
            sql.push("(select pg_catalog.row_to_json(r.*) from (");
            row(sql);
            sql.push(") as r)");
        }
    }
}

/// A member of an embedded object: Postgres makes the JSON, so each needs only its name.
fn nested_member(sql: &mut Sql, table: usize, output: &Output<'_>) {
    let name = match output {
        Output::Field { name, field, cast, .. } => {
            expression(sql, table, field, *cast);
            *name
        }
        Output::Embed(embed) => {
            embedded(sql, table, embed);
            embed.name
        }
    };
    if let Some(name) = Identifier::new(name) {
        sql.push(" as ").identifier(&name);
    }
}

fn from_where(sql: &mut Sql, node: &Node<'_>) {
    from(sql, node.relation, node.number);
    let mut glue = Glue::Where;
    conditions(sql, node, &mut glue);
}

fn from_where_linked(sql: &mut Sql, parent: usize, embed: &Embed<'_>) {
    from(sql, embed.node.relation, embed.node.number);
    let mut glue = Glue::Where;
    for (ours, theirs) in embed.columns {
        glue.push(sql);
        sql.table(embed.node.number).push(".").identifier(theirs);
        sql.push(" = ").table(parent).push(".").identifier(ours);
    }
    conditions(sql, &embed.node, &mut glue);
}

fn from(sql: &mut Sql, relation: &Relation, number: usize) {
    sql.push(" from ").relation(relation).push(" as ").table(number);
}

/// ` where `, then ` and `.
pub(super) enum Glue {
    Where,
    And,
}

impl Glue {
    pub(super) fn push(&mut self, sql: &mut Sql) {
        sql.push(match self {
            Glue::Where => " where ",
            Glue::And => " and ",
        });
        *self = Glue::And;
    }
}

fn conditions(sql: &mut Sql, node: &Node<'_>, glue: &mut Glue) {
    for one in &node.conditions {
        glue.push(sql);
        condition(sql, node.number, one);
    }
    for output in &node.outputs {
        if let Output::Embed(embed) = output
            && embed.join == JoinKind::Inner
        {
            glue.push(sql);
            sql.push("exists (select");
            from_where_linked(sql, node.number, embed);
            sql.push(")");
        }
    }
}

pub(super) fn condition(sql: &mut Sql, table: usize, one: &Condition<'_>) {
    match one {
        Condition::And { negated, of } => tree(sql, table, *negated, of, " and "),
        Condition::Or { negated, of } => tree(sql, table, *negated, of, " or "),
        Condition::Key { column, value } => {
            sql.table(table).push(".").identifier(&column.name).push(" = ");
            sql.bind(Param::Text((*value).to_owned()));
        }
        Condition::Test { field, negated, comparison } => {
            if *negated {
                sql.push("not (");
            }
            if !matches!(comparison, Comparison::FullText { .. }) {
                reference(sql, table, field);
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
                    full_text(sql, table, field, function, language.as_deref(), query);
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
    table: usize,
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
        reference(sql, table, field);
    } else {
        sql.push("pg_catalog.to_tsvector(");
        configuration(sql);
        reference(sql, table, field);
        sql.push(")");
    }
    sql.push(" @@ ").push(function);
    configuration(sql);
    sql.bind(Param::Text(query.to_owned())).push("::pg_catalog.text)");
}

fn tree(sql: &mut Sql, table: usize, negated: bool, of: &[Condition<'_>], word: &'static str) {
    sql.push(if negated { "not (" } else { "(" });
    sql.list(of, word, |sql, one| condition(sql, table, one));
    sql.push(")");
}

/// The text of an array (Postgres manual, 8.15.2): every element quoted, so that none is read as NULL.
fn array_literal(elements: &[String]) -> String {
    let mut text = String::from("{");
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        for character in element.chars() {
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

fn order_by(sql: &mut Sql, table: usize, order: &[Order<'_>]) {
    if order.is_empty() {
        return;
    }
    sql.push(" order by ");
    sql.list(order, ", ", |sql, term| {
        reference(sql, table, &term.field);
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

/// Bound and not written, so that every page of a list is the same statement.
fn window(sql: &mut Sql, node: &Node<'_>) {
    if let Some(limit) = node.limit {
        sql.push(" limit ").bind(Param::Text(limit.to_string()));
    }
    if node.offset > 0 {
        sql.push(" offset ").bind(Param::Text(node.offset.to_string()));
    }
}

//! INSERT of parents with their children: one statement, a data-modifying WITH for each relation (Postgres manual, 7.8.4).
//!
//! The foreign keys are checked when all of it is done, so the order in which Postgres writes does not matter.

use super::Columns;
use super::mutate::{self, TABLE};
use super::read::{WRITTEN, inserted};
use super::sql::{Param, Sql};
use crate::catalog::{Column, Relation};
use crate::plan::{Body, Child, Mutation, Origin, Written};
use crate::request::Shape;

/// Writes everything up to the final SELECT, which reads [`WRITTEN`]: the rows of the root.
pub(super) fn insert(sql: &mut Sql, relation: &Relation, body: &Body<'_>, children: &[Child<'_>]) {
    sql.push("with input (value) as (select ").bind(Param::Bytes(body.json.clone()));
    sql.push("::pg_catalog.json), ").push(WRITTEN).push(" as (insert into ").relation(relation);
    sql.push(" as ").table(TABLE);
    if body.columns.is_empty() {
        // A column that gets its default as often as there are objects.
        let column = relation.columns.iter().find(|column| column.may_insert);
        sql.push(" (");
        sql.list(column, ", ", |sql, column| {
            sql.identifier(&column.name);
        });
        sql.push(") select ");
        sql.list(column, ", ", |sql, column| {
            sql.default_of(column);
        });
    } else {
        sql.push(" (");
        sql.list(&body.columns, ", ", |sql, written| {
            sql.identifier(&written.column.name);
        });
        sql.push(") select ");
        sql.list(&body.columns, ", ", |sql, written| root_value(sql, written));
    }
    sql.push(" from ");
    root(sql, relation, body, children);
    sql.push(" returning ");
    mutate::readable(sql, relation);
    sql.push(")");
    let path = Path { relation, body, children, above: Vec::new() };
    for child in children {
        insert_child(sql, &path, child);
    }
}

fn root_value(sql: &mut Sql, written: &Written<'_>) {
    let name = &written.column.name;
    if written.or_default {
        sql.push("case when o0.value->").bind(Param::Text(name.name().to_owned()));
        sql.push("::pg_catalog.text is null then ").default_of(written.column).push(" else ");
        object(sql, 0).push(".").identifier(name).push(" end");
    } else {
        object(sql, 0).push(".").identifier(name);
    }
}

/// How a level is reached: the root, and the children between.
struct Path<'a, 'p> {
    relation: &'p Relation,
    body: &'p Body<'a>,
    children: &'p [Child<'a>],
    above: Vec<&'p Child<'a>>,
}

fn insert_child(sql: &mut Sql, path: &Path<'_, '_>, child: &Child<'_>) {
    sql.push(", ");
    inserted(sql, child.number).push(" as (insert into ").relation(child.relation).push(" as ").table(TABLE);
    sql.push(" (");
    let columns = child.links.iter().map(|(column, _)| column).chain(&child.columns);
    sql.list(columns, ", ", |sql, column| {
        sql.identifier(&column.name);
    });
    sql.push(") select ");
    sql.list(&child.links, ", ", |sql, (_, origin)| match origin {
        Origin::Row { number, column } => {
            row(sql, *number).push(".").identifier(&column.name);
        }
        Origin::Object { number, column } => {
            object(sql, *number).push(".").identifier(&column.name);
        }
    });
    for (index, column) in child.columns.iter().enumerate() {
        sql.push(if index == 0 && child.links.is_empty() { "" } else { ", " });
        object(sql, child.number).push(".").identifier(&column.name);
    }
    sql.push(" from ");
    root(sql, path.relation, path.body, path.children);
    let mut parent = 0;
    for level in path.above.iter().copied().chain([child]) {
        objects(sql, parent, level);
        parent = level.number;
    }
    let mut rows: Vec<usize> = child
        .links
        .iter()
        .filter_map(|(_, origin)| match origin {
            Origin::Row { number, .. } => Some(*number),
            Origin::Object { .. } => None,
        })
        .collect();
    rows.dedup();
    for number in rows {
        sql.push(", ");
        if number == 0 {
            sql.push(WRITTEN)
        } else {
            inserted(sql, number)
        };
        sql.push(" as ");
        row(sql, number);
    }
    // A single child that is not there would be a row of nulls.
    let mut glue = " where ";
    let mut parent = 0;
    for level in path.above.iter().copied().chain([child]) {
        if level.is_one {
            sql.push(glue);
            object(sql, parent).push(".").identifier(level.name).push(" is not null");
            glue = " and ";
        }
        parent = level.number;
    }
    if child.is_read {
        sql.push(" returning ");
        mutate::readable(sql, child.relation);
    }
    sql.push(")");
    let mut above = path.above.clone();
    above.push(child);
    let below = Path { relation: path.relation, body: path.body, children: path.children, above };
    for grandchild in &child.children {
        insert_child(sql, &below, grandchild);
    }
}

/// The objects of the body, each as a record.
fn root(sql: &mut Sql, relation: &Relation, body: &Body<'_>, children: &[Child<'_>]) {
    sql.push("input, ");
    match body.shape {
        Shape::Object => sql.push("lateral (select input.value) as o0 (value)"),
        Shape::Array { .. } => sql.push("pg_catalog.json_array_elements(input.value) as o0 (value)"),
    };
    sql.push(", pg_catalog.json_to_record(o0.value) as ");
    let columns: Vec<&Column> = body.columns.iter().map(|written| written.column).collect();
    record(sql, 0, relation, &columns, children);
}

/// The objects that are nested in those of the level `parent`.
fn objects(sql: &mut Sql, parent: usize, child: &Child<'_>) {
    sql.push(if child.is_one { ", pg_catalog.json_to_record(" } else { ", pg_catalog.json_to_recordset(" });
    object(sql, parent).push(".").identifier(child.name).push(") as ");
    record(sql, child.number, child.relation, &child.columns, &child.children);
}

/// `b1 ("title" text, "chapters" json)`.
fn record(sql: &mut Sql, number: usize, relation: &Relation, columns: &[&Column], children: &[Child<'_>]) {
    object(sql, number).push(" (");
    sql.list(columns, ", ", |sql, column| {
        sql.identifier(&column.name).push(" ").type_of(column);
    });
    let mut separator = if columns.is_empty() { "" } else { ", " };
    for child in children {
        sql.push(separator).identifier(child.name).push(" pg_catalog.json");
        separator = ", ";
    }
    if separator.is_empty() {
        // A record has a column, whichever.
        sql.list(relation.columns.first(), ", ", |sql, column| {
            sql.identifier(&column.name).push(" ").type_of(column);
        });
    }
    sql.push(")");
}

/// The alias of a level's objects: `b0`, `b1`, ….
fn object(sql: &mut Sql, number: usize) -> &mut Sql {
    sql.push("b").integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The alias of a level's inserted rows: `r0`, `r1`, ….
fn row(sql: &mut Sql, number: usize) -> &mut Sql {
    sql.push("r").integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Ends the statement where no representation is wanted: a row for each of the root's.
pub(super) fn count(sql: &mut Sql, columns: &Columns, mutation: &Mutation<'_>) {
    sql.push(" select ");
    if columns.location == 0 {
        sql.push("1");
    }
    mutate::asides(sql, columns, mutation, |_| ());
    sql.push(" from ").push(WRITTEN).push(" as ").table(TABLE);
}

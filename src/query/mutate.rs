//! INSERT, UPDATE, DELETE: the body is one bind, taken apart by Postgres with the types of the columns.

use super::read::{Glue, condition, member};
use super::sql::{Param, Sql};
use super::{Columns, Query};
use crate::catalog::{Column, Relation};
use crate::plan::{Condition, Conflict, Mutation, MutationKind};
use crate::request::{Resolution, Return, Shape};

/// The alias of the written table in conditions and RETURNING: `t0`.
const TABLE: usize = 0;

pub(super) fn query(relation: &Relation, mutation: &Mutation<'_>) -> Query {
    let mut sql = Sql::default();
    let mut tells_inserted = false;
    match &mutation.kind {
        MutationKind::Insert { columns, json, shape, conflict } => {
            insert(&mut sql, relation, columns, *shape, Param::Bytes(json.clone()));
            if let Some(conflict) = conflict {
                on_conflict(&mut sql, conflict, columns);
                tells_inserted = conflict.tells_inserted;
            }
        }
        MutationKind::Update { columns, json } => {
            if columns.is_empty() {
                return no_op(relation, mutation);
            }
            update(&mut sql, relation, columns, Param::Bytes(json.clone()));
            where_(&mut sql, relation, mutation);
        }
        MutationKind::Delete => {
            sql.push("delete from ").relation(relation).push(" as ").table(TABLE);
            where_(&mut sql, relation, mutation);
        }
    }
    let columns = returning(&mut sql, mutation, tells_inserted);
    Query { statement: sql.finish(), count: None, columns }
}

fn insert(sql: &mut Sql, relation: &Relation, columns: &[&Column], shape: Shape, body: Param) {
    sql.push("insert into ").relation(relation).push(" as ").table(TABLE);
    if columns.is_empty() {
        match shape {
            Shape::Object | Shape::Array { rows: 1 } => {
                sql.push(" default values");
            }
            // DEFAULT VALUES makes one row. For none a column is named, whichever; `plan` lets no more pass.
            Shape::Array { .. } => {
                let first = relation.columns.iter().find(|column| column.may_insert);
                sql.push(" (");
                sql.list(first, ", ", |sql, column| {
                    sql.identifier(&column.name);
                });
                sql.push(") select null where false");
            }
        }
        return;
    }
    sql.push(" (");
    names(sql, columns);
    sql.push(") select ");
    names(sql, columns);
    sql.push(match shape {
        Shape::Object => " from pg_catalog.json_to_record(",
        Shape::Array { .. } => " from pg_catalog.json_to_recordset(",
    });
    sql.bind(body);
    record(sql, columns);
}

fn update(sql: &mut Sql, relation: &Relation, columns: &[&Column], body: Param) {
    sql.push("update ").relation(relation).push(" as ").table(TABLE).push(" set ");
    sql.list(columns, ", ", |sql, column| {
        sql.identifier(&column.name).push(" = body.").identifier(&column.name);
    });
    sql.push(" from pg_catalog.json_to_record(").bind(body);
    record(sql, columns);
}

/// `) as body ("title" text, …)`.
fn record(sql: &mut Sql, columns: &[&Column]) {
    sql.push(") as body (");
    sql.list(columns, ", ", |sql, column| {
        sql.identifier(&column.name).push(" ").type_of(column);
    });
    sql.push(")");
}

fn names(sql: &mut Sql, columns: &[&Column]) {
    sql.list(columns, ", ", |sql, column| {
        sql.identifier(&column.name);
    });
}

fn on_conflict(sql: &mut Sql, conflict: &Conflict<'_>, columns: &[&Column]) {
    sql.push(" on conflict (");
    names(sql, &conflict.target);
    sql.push(")");
    let in_target = |column: &Column| conflict.target.iter().any(|target| target.name == column.name);
    let set: Vec<_> = columns.iter().filter(|column| !in_target(column)).collect();
    match conflict.resolution {
        Resolution::IgnoreDuplicates => {
            sql.push(" do nothing");
        }
        Resolution::MergeDuplicates if set.is_empty() => {
            sql.push(" do nothing");
        }
        Resolution::MergeDuplicates => {
            sql.push(" do update set ");
            sql.list(set, ", ", |sql, column| {
                sql.identifier(&column.name).push(" = excluded.").identifier(&column.name);
            });
        }
    }
}

fn where_(sql: &mut Sql, relation: &Relation, mutation: &Mutation<'_>) {
    let mut glue = Glue::Where;
    for one in &mutation.conditions {
        glue.push(sql);
        condition(sql, TABLE, one);
    }
    // Postgres binds an UPDATE or DELETE by the policies for SELECT only where it reads a column (CREATE POLICY, "Policies
    // Applied by Command Type"). The gate has tried reading; so a write of all rows reads one, too, and nobody writes what
    // he cannot see.
    let read = relation.columns.iter().find(|column| column.may_select);
    if let (true, Some(column)) = (mutation.conditions.is_empty(), read) {
        glue.push(sql);
        sql.push("(").table(TABLE).push(".").identifier(&column.name).push(" is null) is not null");
    }
}

fn returning(sql: &mut Sql, mutation: &Mutation<'_>, tells_inserted: bool) -> Columns {
    let mut columns = Columns { members: Vec::new(), location: mutation.location.len(), tells_inserted };
    let wanted = mutation.outputs.len() + mutation.location.len() + usize::from(tells_inserted);
    if wanted == 0 {
        if matches!(mutation.returns, Return::Representation) {
            sql.push(" returning 1");
        }
        return columns;
    }
    sql.push(" returning ");
    sql.list(&mutation.outputs, ", ", |sql, output| columns.members.push(member(sql, TABLE, output)));
    let mut separator = if mutation.outputs.is_empty() { "" } else { ", " };
    for column in &mutation.location {
        sql.push(separator).table(TABLE).push(".").identifier(&column.name).push("::pg_catalog.text");
        separator = ", ";
    }
    if tells_inserted {
        // A row version that nobody has locked or replaced yet was inserted by this statement.
        sql.push(separator).table(TABLE).push(".xmax = 0");
    }
    columns
}

/// An UPDATE that sets nothing: gives the row of a key as it is, and of a filter none.
fn no_op(relation: &Relation, mutation: &Mutation<'_>) -> Query {
    let mut sql = Sql::default();
    sql.push("select ");
    let mut columns = Columns::default();
    if mutation.outputs.is_empty() {
        sql.push("1");
    }
    sql.list(&mutation.outputs, ", ", |sql, output| columns.members.push(member(sql, TABLE, output)));
    sql.push(" from ").relation(relation).push(" as ").table(TABLE);
    where_(&mut sql, relation, mutation);
    let by_key = mutation.conditions.iter().any(|condition| matches!(condition, Condition::Key { .. }));
    if !by_key {
        sql.push(" limit 0");
    }
    Query { statement: sql.finish(), count: None, columns }
}

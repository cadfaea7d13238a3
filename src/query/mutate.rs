//! INSERT, UPDATE, DELETE: the body is one bind, taken apart by Postgres with the types of the columns.

use super::read::{self, Glue, Row, WRITTEN, condition};
use super::sql::{Param, Sql};
use super::version::version;
use super::{Columns, MediaOf, Query, form, nested};
use crate::catalog::{Column, Identifier, Relation};
use crate::plan::{Body, Child, Condition, Conflict, Mutation, MutationKind, Node, Output, Pin, Written};
use crate::request::{Resolution, Shape};

/// The alias of the written table in conditions and RETURNING: `t0`.
pub(super) const TABLE: usize = 0;

pub(super) fn query(relation: &Relation, mutation: &Mutation<'_>, media: MediaOf<'_>) -> Query {
    let mut sql = Sql::default();
    let reading = mutation.representation.as_ref().filter(|node| !is_flat(node));
    if let MutationKind::Insert { body, children, .. } = &mutation.kind
        && !children.is_empty()
    {
        return with_children(relation, mutation, body, children, media);
    }
    let mut with = With::None;
    if let MutationKind::Update { body, key } = &mutation.kind
        && !key.is_empty()
        && !body.columns.is_empty()
    {
        with.push(&mut sql);
        sql.push("body as (select ");
        sql.list(&body.columns, ", ", |sql, written| {
            value(sql, body, written);
            sql.push(" as ").identifier(&written.column.name);
        });
        sql.push(", ");
        sql.list(key, ", ", |sql, column| member(sql, body, column));
        sql.push(" from ");
        let named: Vec<_> =
            body.columns.iter().map(|written| written.column).chain(key.iter().copied()).collect();
        record(&mut sql, body, named);
        sql.push(")");
    }
    if reading.is_some() {
        with.push(&mut sql);
        sql.push(WRITTEN).push(" as (");
    } else if with == With::Some {
        sql.push(" ");
    }
    let mut tells_inserted = false;
    match &mutation.kind {
        MutationKind::Insert { body, conflict, .. } => {
            insert(&mut sql, relation, body, &[]);
            if let Some(conflict) = conflict {
                on_conflict(&mut sql, conflict, body);
                tells_inserted = conflict.tells_inserted;
            }
        }
        MutationKind::Put { body, key, conflict } => {
            insert(&mut sql, relation, body, key);
            on_conflict(&mut sql, conflict, body);
            tells_inserted = conflict.tells_inserted;
        }
        MutationKind::Update { body, key } => {
            if body.columns.is_empty() {
                return no_op(relation, mutation, media);
            }
            update(&mut sql, relation, body, key);
            where_(&mut sql, relation, mutation, key);
        }
        MutationKind::Delete => {
            sql.push("delete from ").relation(relation).push(" as ").table(TABLE);
            where_(&mut sql, relation, mutation, &[]);
        }
    }
    let mut columns = Columns {
        location: mutation.location.len(),
        tells_inserted,
        version: !mutation.version.is_empty(),
        ..Columns::default()
    };
    match (reading, &mutation.representation) {
        (Some(node), _) => read_written(&mut sql, &mut columns, mutation, node, media),
        (None, Some(node)) => {
            sql.push(" returning ");
            members(&mut sql, &mut columns, node, media);
            asides(&mut sql, &columns, mutation, |sql| {
                sql.push(INSERTED);
            });
        }
        (None, None) if columns.location > 0 || tells_inserted => {
            sql.push(" returning ");
            asides(&mut sql, &columns, mutation, |sql| {
                sql.push(INSERTED);
            });
        }
        (None, None) => {}
    }
    Query { statement: sql.finish(), count: None, planned: None, columns }
}

/// An insert of several relations at once.
fn with_children(
    relation: &Relation,
    mutation: &Mutation<'_>,
    body: &Body<'_>,
    children: &[Child<'_>],
    media: MediaOf<'_>,
) -> Query {
    let mut sql = Sql::default();
    nested::insert(&mut sql, relation, body, children);
    let mut columns = Columns { location: mutation.location.len(), ..Columns::default() };
    match &mutation.representation {
        Some(node) => {
            sql.push(" select ");
            members(&mut sql, &mut columns, node, media);
            asides(&mut sql, &columns, mutation, |_| ());
            read::from_where(&mut sql, node);
            read::order_by(&mut sql, node);
        }
        None => nested::count(&mut sql, &columns, mutation),
    }
    Query { statement: sql.finish(), count: None, planned: None, columns }
}

/// What a WITH returns of the rows that it writes: all that may be read.
pub(super) fn readable(sql: &mut Sql, relation: &Relation) {
    let columns: Vec<_> = relation.columns.iter().filter(|column| column.may_select).collect();
    if columns.is_empty() {
        sql.push("1");
    }
    sql.list(columns, ", ", |sql, column| {
        sql.table(TABLE).push(".").identifier(&column.name);
    });
}

/// `with `, then `, `.
#[derive(PartialEq)]
enum With {
    None,
    Some,
}

impl With {
    fn push(&mut self, sql: &mut Sql) {
        sql.push(match self {
            With::None => "with ",
            With::Some => ", ",
        });
        *self = With::Some;
    }
}

/// Whether RETURNING alone can give the rows as they are wanted.
fn is_flat(node: &Node<'_>) -> bool {
    node.order.is_empty() && node.outputs.iter().all(|output| matches!(output, Output::Field { .. }))
}

/// `key`: what a PUT says in its URL.
fn insert(sql: &mut Sql, relation: &Relation, body: &Body<'_>, key: &[Pin<'_>]) {
    sql.push("insert into ").relation(relation).push(" as ").table(TABLE);
    let added: Vec<_> = key.iter().filter(|pin| !pin.in_body).collect();
    if body.columns.is_empty() && added.is_empty() {
        match body.shape {
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
    let columns: Vec<_> = body.columns.iter().map(|written| written.column).collect();
    names(sql, &columns);
    for pin in &added {
        sql.push(if columns.is_empty() { "" } else { ", " }).identifier(&pin.column.name);
    }
    sql.push(") select ");
    sql.list(&body.columns, ", ", |sql, written| value(sql, body, written));
    for pin in &added {
        sql.push(if columns.is_empty() { "" } else { ", " });
        sql.bind(Param::Text(pin.value.to_owned())).push("::").type_of(pin.column);
    }
    if columns.is_empty() {
        return;
    }
    sql.push(" from ");
    record(sql, body, columns);
    let mut glue = Glue::Where;
    for pin in key.iter().filter(|pin| pin.in_body) {
        glue.push(sql);
        sql.push("body.").identifier(&pin.column.name).push(" = ").bind(Param::Text(pin.value.to_owned()));
    }
}

fn update(sql: &mut Sql, relation: &Relation, body: &Body<'_>, key: &[&Column]) {
    sql.push("update ").relation(relation).push(" as ").table(TABLE).push(" set ");
    sql.list(&body.columns, ", ", |sql, written| {
        sql.identifier(&written.column.name).push(" = ");
        if written.or_default && key.is_empty() {
            value(sql, body, written);
        } else {
            sql.push("body.").identifier(&written.column.name);
        }
    });
    sql.push(" from ");
    if key.is_empty() {
        record(sql, body, body.columns.iter().map(|written| written.column).collect());
    } else {
        sql.push("body");
    }
}

/// What a column gets: the body's value, or its default where the body's object has no such key.
fn value(sql: &mut Sql, body: &Body<'_>, written: &Written<'_>) {
    let name = &written.column.name;
    if written.or_default {
        sql.push("case when object.value->").bind(Param::Text(name.name().to_owned()));
        sql.push("::pg_catalog.text is null then ").default_of(written.column);
        sql.push(" else body.").identifier(name).push(" end");
    } else {
        member(sql, body, written.column);
    }
}

/// The body's value of a column. Where the objects stand beside their members, a column may have the name of theirs.
fn member(sql: &mut Sql, body: &Body<'_>, column: &Column) {
    let beside = body.columns.iter().any(|written| written.or_default);
    sql.push(if beside { "body." } else { "" }).identifier(&column.name);
}

/// `pg_catalog.json_to_record($1) as body ("title" text, …)`, and before it the objects themselves where it matters
/// which keys each of them has.
fn record(sql: &mut Sql, body: &Body<'_>, columns: Vec<&Column>) {
    let json = Param::Bytes(body.json.clone());
    match (body.columns.iter().any(|written| written.or_default), body.shape) {
        (false, Shape::Object) => {
            sql.push("pg_catalog.json_to_record(").bind(json);
        }
        (false, Shape::Array { .. }) => {
            sql.push("pg_catalog.json_to_recordset(").bind(json);
        }
        (true, Shape::Object) => {
            sql.push("(select ").bind(json).push("::pg_catalog.json) as object (value), ");
            sql.push("pg_catalog.json_to_record(object.value");
        }
        (true, Shape::Array { .. }) => {
            sql.push("pg_catalog.json_array_elements(").bind(json).push(") as object (value), ");
            sql.push("pg_catalog.json_to_record(object.value");
        }
    }
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

fn on_conflict(sql: &mut Sql, conflict: &Conflict<'_>, body: &Body<'_>) {
    sql.push(" on conflict (");
    names(sql, &conflict.target);
    sql.push(")");
    let in_target = |column: &Column| conflict.target.iter().any(|target| target.name == column.name);
    let set: Vec<_> = body.columns.iter().filter(|written| !in_target(written.column)).collect();
    match (conflict.resolution, conflict.touched) {
        (Resolution::MergeDuplicates, _) if !set.is_empty() => {
            sql.push(" do update set ");
            sql.list(set, ", ", |sql, written| {
                let name = &written.column.name;
                sql.identifier(name).push(" = excluded.").identifier(name);
            });
        }
        // A row that nothing happens to is not returned.
        (Resolution::MergeDuplicates, Some(column)) => {
            sql.push(" do update set ").identifier(&column.name).push(" = ");
            sql.table(TABLE).push(".").identifier(&column.name);
        }
        (Resolution::MergeDuplicates, None) | (Resolution::IgnoreDuplicates, _) => {
            sql.push(" do nothing");
        }
    }
}

/// `key`: the columns in which a row and an object of `body` must agree.
fn where_(sql: &mut Sql, relation: &Relation, mutation: &Mutation<'_>, key: &[&Column]) {
    let mut glue = Glue::Where;
    for column in key {
        glue.push(sql);
        sql.table(TABLE).push(".").identifier(&column.name).push(" = body.").identifier(&column.name);
    }
    if !key.is_empty() {
        // Which of two objects a row would be set to, nobody knows: a scalar sub-select of two rows is an error (21000).
        glue.push(sql);
        sql.push("(select true from (select from body group by ");
        sql.list(key, ", ", |sql, column| {
            sql.push("body.").identifier(&column.name);
        });
        sql.push(" having pg_catalog.count(*) > 1 limit 1) as twice, (values (1), (2)) as two) is null");
    }
    for one in &mutation.conditions {
        glue.push(sql);
        condition(sql, Row::alone(TABLE), one);
    }
    // Postgres binds an UPDATE or DELETE by the policies for SELECT only where it reads a column (CREATE POLICY, "Policies
    // Applied by Command Type"). The gate has tried reading; so a write of all rows reads one, too, and nobody writes what
    // he cannot see.
    let read = relation.columns.iter().find(|column| column.may_select);
    if let (true, Some(column)) = (mutation.conditions.is_empty() && key.is_empty(), read) {
        glue.push(sql);
        sql.push("(").table(TABLE).push(".").identifier(&column.name).push(" is null) is not null");
    }
}

/// A row version that nobody has locked or replaced yet was inserted by this statement.
const INSERTED: &str = "t0.xmax = 0";

/// Ends the WITH that the write stands in, and reads what it returns: for embedded relations and for an order. Other
/// relations are seen as they were before the write (Postgres manual, 7.8.4).
fn read_written(
    sql: &mut Sql,
    columns: &mut Columns,
    mutation: &Mutation<'_>,
    node: &Node<'_>,
    media: MediaOf<'_>,
) {
    let readable: Vec<_> = node.relation.columns.iter().filter(|column| column.may_select).collect();
    let inserted = unused_name(&readable).filter(|_| columns.tells_inserted);
    sql.push(" returning ");
    sql.list(&readable, ", ", |sql, column| {
        sql.table(TABLE).push(".").identifier(&column.name);
    });
    if let Some(name) = &inserted {
        sql.push(", ").push(INSERTED).push(" as ").identifier(name);
    }
    sql.push(") select ");
    members(sql, columns, node, media);
    asides(sql, columns, mutation, |sql| {
        if let Some(name) = &inserted {
            sql.table(TABLE).push(".").identifier(name);
        }
    });
    read::from_where(sql, node);
    read::order_by(sql, node);
}

/// A name that none of `columns` has.
fn unused_name(columns: &[&Column]) -> Option<Identifier> {
    (0..=columns.len())
        .filter_map(|index| Identifier::new(&format!("inserted_{index}")))
        .find(|name| columns.iter().all(|column| column.name != *name))
}

/// What the answer's objects hold; `1` where that is nothing, because a row must have a column.
fn members(sql: &mut Sql, columns: &mut Columns, node: &Node<'_>, media: MediaOf<'_>) {
    form::members(sql, columns, media, node, &mut Vec::new());
    if columns.members.is_empty() && columns.location == 0 && !columns.tells_inserted && !columns.version {
        sql.push("1");
    }
}

/// What the service itself wants to know of each row: the key for `Location`, and whether it was inserted.
pub(super) fn asides(
    sql: &mut Sql,
    columns: &Columns,
    mutation: &Mutation<'_>,
    inserted: impl FnOnce(&mut Sql),
) {
    let mut separator = if columns.members.is_empty() { "" } else { ", " };
    for column in &mutation.location {
        sql.push(separator).table(TABLE).push(".").identifier(&column.name).push("::pg_catalog.text");
        separator = ", ";
    }
    if columns.tells_inserted {
        sql.push(separator);
        inserted(sql);
        separator = ", ";
    }
    if columns.version {
        sql.push(separator);
        version(sql, TABLE, &mutation.version);
    }
}

/// An UPDATE that sets nothing: gives the row of a key as it is, and of a filter none.
fn no_op(relation: &Relation, mutation: &Mutation<'_>, media: MediaOf<'_>) -> Query {
    let mut sql = Sql::default();
    sql.push("select ");
    let mut columns = Columns { version: !mutation.version.is_empty(), ..Columns::default() };
    match &mutation.representation {
        Some(node) => {
            members(&mut sql, &mut columns, node, media);
            asides(&mut sql, &columns, mutation, |_| ());
        }
        None => {
            sql.push("1");
        }
    }
    sql.push(" from ").relation(relation).push(" as ").table(TABLE);
    where_(&mut sql, relation, mutation, &[]);
    let by_key = mutation.conditions.iter().any(|condition| matches!(condition, Condition::Key { .. }));
    if !by_key {
        sql.push(" limit 0");
    }
    Query { statement: sql.finish(), count: None, planned: None, columns }
}

//! The statements with which isolation is tried, by the gate (`probe.rs`) and by `rowhouse prove`: for the simple protocol, in
//! transactions that are always rolled back.
//!
//! They are run as they are shown, so that whoever reads a report can paste them into psql. Names are identifiers, values are
//! literals, types are what Postgres' own `format_type` wrote.

use std::time::Duration;

use super::settings::quote_literal;
use crate::catalog::Identifier;

/// Whether an attempt may write what is then rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

/// Opens the transaction of an attempt. What it waits for, and what it runs, is bounded by the same time.
pub fn begin(access: Access, timeout: Duration) -> String {
    let begin = match access {
        Access::ReadOnly => "begin read only",
        Access::ReadWrite => "begin",
    };
    let timeout_ms = timeout.as_millis();
    format!("{begin};set local statement_timeout={timeout_ms};set local lock_timeout={timeout_ms}")
}

/// Sets what a policy reads, until the transaction ends. Each part of the name is quoted.
pub fn set_local(name: &str, value: &str) -> String {
    let mut text = String::from("set local ");
    for (index, part) in name.split('.').enumerate() {
        if index > 0 {
            text.push('.');
        }
        text.push('"');
        text.push_str(&part.replace('"', "\"\""));
        text.push('"');
    }
    text.push('=');
    quote_literal(&mut text, value);
    text
}

/// `"schema"."relation"`.
pub fn relation(schema: &Identifier, name: &Identifier) -> String {
    format!("{}.{}", schema.quoted(), name.quoted())
}

/// A string constant.
pub fn literal(value: &str) -> String {
    let mut text = String::new();
    quote_literal(&mut text, value);
    text
}

/// Whether `from` shows a row; with `other_than`, one whose column says another tenant than this one.
///
/// Compared as text, so that one form serves tenants of every type. The answer's one column is `row_seen`.
pub fn sees_row(from: &str, other_than: Option<(&Identifier, &str)>) -> String {
    let filter = match other_than {
        None => String::new(),
        Some((column, tenant)) => {
            format!(" where {}::pg_catalog.text is distinct from {}", column.quoted(), literal(tenant))
        }
    };
    format!("select exists (select from {from}{filter}) as row_seen")
}

/// Where the first rows of `from` lie.
pub fn places(from: &str) -> String {
    format!(
        "select coalesce(pg_catalog.array_agg(r.place), '{{}}') from (select ctid::pg_catalog.text as place from {from} limit 1000) as r"
    )
}

/// Whether `from` shows a row that lies in one of `places`.
pub fn sees_places(from: &str, places: &str) -> String {
    format!(
        "select exists (select from {from} where ctid = any ({}::pg_catalog.tid[])) as row_seen",
        literal(places)
    )
}

/// A number that changes where one of the visible rows does. `with_place`: also where a row was written as it had been.
pub fn fingerprint(from: &str, columns: &[&Identifier], with_place: bool) -> String {
    let mut list: Vec<&str> = columns.iter().map(|column| column.quoted()).collect();
    if with_place {
        list.push("ctid");
    }
    format!(
        "select pg_catalog.count(*) || ':' || coalesce(pg_catalog.sum(pg_catalog.hashtextextended(row({})::pg_catalog.text, 0)), 0) from {from}",
        list.join(", ")
    )
}

/// One row of `tenant`, as a JSON object.
pub fn sample(from: &str, columns: &[&Identifier], tenant: Option<(&Identifier, &str)>) -> String {
    let list: Vec<&str> = columns.iter().map(|column| column.quoted()).collect();
    let filter = tenant.map(|(column, tenant)| of_tenant(column, tenant)).unwrap_or_default();
    format!(
        "select pg_catalog.to_jsonb(r)::pg_catalog.text from (select {} from {from}{filter} limit 1) as r",
        list.join(", ")
    )
}

/// The first rows of `from`, each as a JSON object.
pub fn rows(from: &str, columns: &[&Identifier]) -> String {
    let list: Vec<&str> = columns.iter().map(|column| column.quoted()).collect();
    format!(
        "select pg_catalog.to_jsonb(r)::pg_catalog.text from (select {} from {from} limit 1000) as r",
        list.join(", ")
    )
}

fn of_tenant(column: &Identifier, tenant: &str) -> String {
    format!(" where {}::pg_catalog.text = {}", column.quoted(), literal(tenant))
}

/// Deletes every row that the policies let be deleted, or those of one tenant.
pub fn delete(from: &str, tenant: Option<(&Identifier, &str)>) -> String {
    let filter = tenant.map(|(column, tenant)| of_tenant(column, tenant)).unwrap_or_default();
    format!("delete from {from}{filter}")
}

/// Writes a column of every row that the policies let be updated, or of those of one tenant. `value` is SQL of this module;
/// None: the column's own value.
pub fn update(
    from: &str,
    column: &Identifier,
    value: Option<&str>,
    tenant: Option<(&Identifier, &str)>,
) -> String {
    let filter = tenant.map(|(column, tenant)| of_tenant(column, tenant)).unwrap_or_default();
    format!("update {from} set {} = {}{filter}", column.quoted(), value.unwrap_or(column.quoted()))
}

/// A literal of the type that `format_type` calls `type_name`.
pub fn typed(value: Option<&str>, type_name: &str) -> String {
    match value {
        Some(value) => format!("{}::{type_name}", literal(value)),
        None => format!("null::{type_name}"),
    }
}

/// Inserts a row: columns with what each takes, SQL of this module, where [`member`] is a column of `sample`. `upsert` names the
/// key and the column that a row which is already there takes over.
pub fn insert(
    into: &str,
    row: &[(&Identifier, String)],
    sample: Option<&str>,
    upsert: Option<(&[&Identifier], &Identifier)>,
) -> String {
    let columns: Vec<&str> = row.iter().map(|(column, _)| column.quoted()).collect();
    let values: Vec<&str> = row.iter().map(|(_, value)| value.as_str()).collect();
    let mut text = format!("insert into {into} ({}) select {}", columns.join(", "), values.join(", "));
    if let Some(sample) = sample {
        let sample = literal(sample);
        text.push_str(&format!(" from pg_catalog.jsonb_populate_record(null::{into}, {sample}) as r"));
    }
    if let Some((key, column)) = upsert {
        let key: Vec<&str> = key.iter().map(|column| column.quoted()).collect();
        let column = column.quoted();
        text.push_str(&format!(
            " on conflict ({}) do update set {column} = excluded.{column}",
            key.join(", ")
        ));
    }
    text
}

/// A column of the row that was sampled.
pub fn member(column: &Identifier) -> String {
    format!("r.{}", column.quoted())
}

/// The call of a function in a FROM clause, with literal arguments.
pub fn call(schema: &Identifier, name: &Identifier, arguments: &[String]) -> String {
    format!("{}({}) as r", relation(schema, name), arguments.join(", "))
}

/// The first rows of a call, each as text.
pub fn rows_of(call: &str) -> String {
    format!("select r::pg_catalog.text from {call} limit 1000")
}

/// Empties a table, which no policy governs.
pub fn truncate(from: &str) -> String {
    format!("truncate {from}")
}

/// Takes row-level security off a table, which is its owner's alone.
pub fn disable(from: &str) -> String {
    format!("alter table {from} disable row level security")
}

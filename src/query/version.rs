//! What tells one version of a row from another: the first half of its ETag.

use super::sql::Sql;
use crate::catalog::{Column, Relation};

/// The digest of `columns`, all that the role may read of the row: equal for equal values, whatever wrote them. Not `xmin`,
/// which counts the transactions of every tenant, and which views do not have.
pub(super) fn version(sql: &mut Sql, table: usize, columns: &[&Column]) {
    sql.push("pg_catalog.encode(pg_catalog.substring(pg_catalog.sha256(pg_catalog.convert_to(row(");
    sql.list(columns, ", ", |sql, column| {
        sql.table(table).push(".").identifier(&column.name);
    });
    sql.push(")::pg_catalog.text, 'UTF8')), 1, 16), 'hex')");
}

/// What the version of a row of `relation` is made of.
pub(super) fn readable(relation: &Relation) -> Vec<&Column> {
    relation.columns.iter().filter(|column| column.may_select).collect()
}

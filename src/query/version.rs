//! What tells one version of a row from another: the first half of its ETag.

use super::sql::Sql;
use crate::catalog::{Column, Relation};

/// A hash of `columns`, all that the role may read of the row: equal for equal values, whatever wrote them. Not `xmin`,
/// which counts the transactions of every tenant, and which views do not have. 64 bits, and no cryptographic digest, which costs
/// a read by its key a tenth of its time: who could make two versions collide may write both anyway.
pub(super) fn version(sql: &mut Sql, table: usize, columns: &[&Column]) {
    sql.push("pg_catalog.to_hex(pg_catalog.hashtextextended(row(");
    sql.list(columns, ", ", |sql, column| {
        sql.table(table).push(".").identifier(&column.name);
    });
    sql.push(")::pg_catalog.text, 0))");
}

/// What the version of a row of `relation` is made of.
pub(super) fn readable(relation: &Relation) -> Vec<&Column> {
    relation.columns.iter().filter(|column| column.may_select).collect()
}

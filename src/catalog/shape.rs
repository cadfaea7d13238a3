//! What the values of columns are like beyond their type: nothing that a request needs, all that a document tells.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Client;

use super::relation::Relation;

const COLUMN_SHAPES: &str = include_str!("../../sql/catalog/column_shapes.sql");
const COLUMN_REFERENCES: &str = include_str!("../../sql/catalog/column_references.sql");
const CHECKS: &str = include_str!("../../sql/catalog/checks.sql");
const SCHEMA_COMMENTS: &str = include_str!("../../sql/catalog/schema_comments.sql");

/// What the values of a column are like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// The built-in type behind it, through any domains; of an array, that of its elements. None: an enum, a composite,
    /// a type of an extension.
    pub base_type: Option<String>,
    pub is_array: bool,
    /// The values of an enum, in their order.
    pub enum_values: Vec<String>,
    /// In characters, of `varchar(n)` and `char(n)`.
    pub max_length: Option<i32>,
    /// The check constraints on it alone, as SQL; a domain's calls it `VALUE`.
    pub checks: Vec<String>,
    /// Where foreign keys lead from it.
    pub references: Vec<Reference>,
}

/// The column that a foreign key leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub relation: String,
    pub column: String,
    /// The key has other columns, too.
    pub is_composite: bool,
}

/// Reads the shapes of the columns of `relations`, whose oids are `oids`, in the same order.
///
/// # Errors
/// What Postgres says.
pub(super) async fn add(
    client: &Client,
    oids: &[u32],
    relations: &mut [Relation],
) -> Result<(), tokio_postgres::Error> {
    let positions: HashMap<u32, usize> = oids.iter().enumerate().map(|(index, oid)| (*oid, index)).collect();
    for row in client.query(COLUMN_SHAPES, &[&oids]).await? {
        let name: &str = row.try_get("column_name")?;
        let Some(column) = column(relations, &positions, row.try_get("relation_oid")?, name) else {
            continue;
        };
        *column = Shape {
            base_type: row.try_get("base_type")?,
            is_array: row.try_get("is_array")?,
            enum_values: row.try_get::<_, Option<_>>("enum_values")?.unwrap_or_default(),
            max_length: row.try_get("max_length")?,
            checks: Vec::new(),
            references: Vec::new(),
        };
    }
    for row in client.query(COLUMN_REFERENCES, &[&oids]).await? {
        let name: &str = row.try_get("column_name")?;
        let Some(shape) = column(relations, &positions, row.try_get("relation_oid")?, name) else { continue };
        shape.references.push(Reference {
            relation: row.try_get("target_relation")?,
            column: row.try_get("target_column")?,
            is_composite: row.try_get("is_composite")?,
        });
    }
    for row in client.query(CHECKS, &[&oids]).await? {
        let expression: String = row.try_get("expression")?;
        match row.try_get::<_, Option<&str>>("column_name")? {
            Some(name) => {
                if let Some(shape) = column(relations, &positions, row.try_get("relation_oid")?, name) {
                    shape.checks.push(expression);
                }
            }
            None => {
                if let Some(index) = positions.get(&row.try_get("relation_oid")?) {
                    relations[*index].checks.push(expression);
                }
            }
        }
    }
    Ok(())
}

fn column<'a>(
    relations: &'a mut [Relation],
    positions: &HashMap<u32, usize>,
    oid: u32,
    name: &str,
) -> Option<&'a mut Shape> {
    let relation = &mut relations[*positions.get(&oid)?];
    relation.columns.iter_mut().find(|column| column.name.name() == name).map(|column| &mut column.shape)
}

/// The comments of schemas, by their names.
///
/// # Errors
/// What Postgres says.
pub(super) async fn schema_comments(
    client: &Client,
    schemas: &[String],
) -> Result<BTreeMap<String, String>, tokio_postgres::Error> {
    let mut comments = BTreeMap::new();
    for row in client.query(SCHEMA_COMMENTS, &[&schemas]).await? {
        if let Some(comment) = row.try_get::<_, Option<String>>("comment")? {
            comments.insert(row.try_get("schema_name")?, comment);
        }
    }
    Ok(comments)
}

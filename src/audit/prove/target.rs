//! What is tried: relations and functions that the role may touch, as `sql/prove/*.sql` describe them.

use serde::{Deserialize, Deserializer};
use tokio_postgres::Client;

use super::Error;
use crate::audit::Standing;
use crate::catalog::Identifier;
use crate::query::attempt;

const RELATIONS: &str = include_str!("../../../sql/prove/relations.sql");
const FUNCTIONS: &str = include_str!("../../../sql/prove/functions.sql");

/// A relation that the role may touch.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub oid: i64,
    #[serde(deserialize_with = "identifier")]
    pub schema: Identifier,
    #[serde(deserialize_with = "identifier")]
    pub name: Identifier,
    /// `pg_class.relkind`.
    pub kind: String,
    pub declared: Option<String>,
    /// The name of the tenant column, whether or not the relation has one.
    tenant_column: Option<String>,
    pub may_delete: bool,
    takes_insert: bool,
    takes_update: bool,
    pub may_truncate: bool,
    /// A plain table of which every column may be read: its rows have a place (`ctid`).
    pub whole_rows: bool,
    /// A trigger may put another tenant into a row than the statement does.
    pub rewrites: bool,
    pub columns: Vec<TargetColumn>,
    pub foreign_keys: Vec<TargetKey>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TargetColumn {
    #[serde(deserialize_with = "identifier")]
    pub name: Identifier,
    pub type_name: String,
    pub select: bool,
    pub insert: bool,
    pub update: bool,
    pub has_default: bool,
    pub in_key: bool,
    pub in_primary_key: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TargetKey {
    pub name: String,
    pub target: i64,
    /// Pairs: ours, theirs.
    pub columns: Vec<(String, String)>,
}

impl Target {
    /// Its name as SQL.
    pub fn sql(&self) -> String {
        attempt::relation(&self.schema, &self.name)
    }

    /// Its name for people.
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.schema.name(), self.name.name())
    }

    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name.name() == name)
    }

    pub fn tenant_column(&self) -> Option<&TargetColumn> {
        self.column(self.tenant_column.as_deref()?)
    }

    /// Whether its rows are not any tenant's: declared global or internal.
    pub fn is_shared(&self) -> bool {
        matches!(self.declared.as_deref(), Some("global" | "internal"))
    }

    pub fn readable(&self) -> Vec<&Identifier> {
        self.columns.iter().filter(|column| column.select).map(|column| &column.name).collect()
    }

    /// The columns that an INSERT may name.
    pub fn insertable(&self) -> Vec<&TargetColumn> {
        self.columns.iter().filter(|column| column.insert && self.takes_insert).collect()
    }

    /// The columns that an UPDATE may name.
    pub fn updatable(&self) -> Vec<&TargetColumn> {
        self.columns.iter().filter(|column| column.update && self.takes_update).collect()
    }
}

/// A function that the role may call.
#[derive(Debug, Deserialize)]
pub(super) struct Callable {
    pub oid: i64,
    #[serde(deserialize_with = "identifier")]
    pub schema: Identifier,
    #[serde(deserialize_with = "identifier")]
    pub name: Identifier,
    /// With the types of its arguments, as SQL.
    pub identity: String,
    pub volatile: bool,
    /// It does not simply run as its caller: SECURITY DEFINER, or with settings of its own.
    pub definer: bool,
    /// Whether it is one of the service's own that run as the owner of its tables.
    pub of_service: bool,
    pub variadic: bool,
    /// The arguments that have no default.
    pub required: Vec<Required>,
    pub row_columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Required {
    pub name: String,
    pub type_name: String,
}

/// Reads both as whoever `client` is; `tenant_column` is the name where nothing is declared.
pub(super) async fn load(
    client: &Client,
    standing: &Standing,
    tenant_column: &str,
) -> Result<(Vec<Target>, Vec<Callable>), Error> {
    let rows = client
        .query(RELATIONS, &[&standing.oids, &standing.kinds, &standing.tenant_columns, &tenant_column])
        .await?;
    let targets = rows
        .iter()
        .map(|row| parse(row.try_get::<_, &str>("relation")?))
        .collect::<Result<Vec<Target>, Error>>()?;
    let rows = client.query(FUNCTIONS, &[]).await?;
    let callables = rows
        .iter()
        .map(|row| parse(row.try_get::<_, &str>("function")?))
        .collect::<Result<Vec<Callable>, Error>>()?;
    Ok((targets, callables))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(Error::Description)
}

fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Identifier, D::Error> {
    let name = String::deserialize(deserializer)?;
    Identifier::new(&name)
        .ok_or_else(|| serde::de::Error::custom(format!("a name that Postgres does not make: {name:?}")))
}

//! The contract: what a database is audited against.

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::Error;

/// Who the request role is, which setting names the tenant, and what was decided about relations, functions and findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The role that requests run as.
    pub role: String,
    /// The setting that names the tenant of a request.
    #[serde(default = "setting")]
    pub setting: String,
    /// The type of the tenant, as Postgres writes it.
    #[serde(default = "setting_type", rename = "type")]
    pub setting_type: String,
    /// Whether what is merely not proven is an error.
    #[serde(default)]
    pub strict: bool,
    /// The column by which a relation that nobody declared is taken for a tenant relation.
    #[serde(default = "tenant_column")]
    pub tenant_column: String,
    #[serde(default)]
    pub relations: Vec<DeclaredRelation>,
    #[serde(default)]
    pub trusted_functions: Vec<TrustedFunction>,
    #[serde(default)]
    pub waivers: Vec<DeclaredWaiver>,
    #[serde(default)]
    pub exposed_schemas: Vec<String>,
}

fn setting() -> String {
    "app.current_tenant_id".to_owned()
}

fn setting_type() -> String {
    "uuid".to_owned()
}

fn tenant_column() -> String {
    "tenant_id".to_owned()
}

/// What a relation was declared to be. Names are quoted as Postgres would (`schema.table`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredRelation {
    pub relation: String,
    /// `tenant`, `global` or `internal`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_column: Option<String>,
}

/// A function that somebody vouches for, as it was then: `schema.function(type, type)` and the md5 of its
/// `pg_get_functiondef` under an empty search_path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedFunction {
    pub function: String,
    pub md5: String,
}

/// A finding that somebody accepts, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWaiver {
    pub code: String,
    /// The object as the finding names it.
    pub object: String,
    /// Pins the text of what was looked at; null for findings of absence.
    #[serde(default)]
    pub content_md5: Option<String>,
    /// `false_positive`, `accepted_risk` or `wont_fix`.
    pub reason_kind: String,
    pub reason: String,
    #[serde(default)]
    pub by: Option<String>,
    /// The last day on which it holds, `YYYY-MM-DD`.
    #[serde(default)]
    pub until: Option<String>,
}

impl Contract {
    /// A contract that declares nothing, for a database without one.
    pub fn new(role: &str) -> Self {
        Contract {
            role: role.to_owned(),
            setting: setting(),
            setting_type: setting_type(),
            strict: false,
            tenant_column: tenant_column(),
            relations: Vec::new(),
            trusted_functions: Vec::new(),
            waivers: Vec::new(),
            exposed_schemas: Vec::new(),
        }
    }

    /// The contract that stands in the tables of schema `tenancy`; None where they are not there, or not for this login to
    /// read.
    ///
    /// # Errors
    /// [`Error`] where it is there and cannot be read as a contract.
    pub async fn read(client: &Client) -> Result<Option<Self>, Error> {
        let row = client
            .query_one(
                "select pg_catalog.to_regprocedure('tenancy.contract()') is not null \
                 and pg_catalog.has_schema_privilege('tenancy', 'USAGE') \
                 and pg_catalog.has_function_privilege('tenancy.contract()', 'EXECUTE')",
                &[],
            )
            .await;
        // `has_schema_privilege` of a schema that is not there is an error, as the second condition may be asked first.
        match row {
            Ok(row) if row.try_get(0).unwrap_or(false) => {}
            Ok(_) => return Ok(None),
            Err(error) if error.code().is_some() => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let row = client.query_one("select tenancy.contract()::pg_catalog.text", &[]).await?;
        let text: String = row.try_get(0)?;
        serde_json::from_str(&text).map(Some).map_err(Error::Contract)
    }
}

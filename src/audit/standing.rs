//! What was decided of relations and functions, as a role is told that may not read the tables of the contract.

use tokio_postgres::Client;

use super::{Contract, Error, SETTINGS, Slot, facts};

const GRANTED: &str =
    "select g.contract::pg_catalog.text as contract, g.functions from tenancy.gate_contract() as g";
const STANDING: &str = include_str!("../../sql/audit/standing.sql");

/// What the DBA decided. Read as the request role: other roles need no right to it.
pub struct Granted {
    pub contract: Contract,
    /// The functions of `tenancy.declare_function`.
    functions: Vec<u32>,
}

impl Granted {
    /// Reads what `tenancy.gate_contract()` tells.
    ///
    /// # Errors
    /// [`Error`], also where there is no such function.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        let row = client.query_one(GRANTED, &[]).await?;
        let contract = serde_json::from_str(row.try_get("contract")?).map_err(Error::Contract)?;
        Ok(Self { contract, functions: row.try_get("functions")? })
    }

    /// The same, and nothing where the database knows nothing of the service.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read_if_there(client: &Client) -> Result<Self, Error> {
        let there = client
            .query_one("select pg_catalog.to_regprocedure('tenancy.gate_contract()') is not null", &[])
            .await?;
        match there.try_get(0)? {
            true => Self::read(client).await,
            false => Ok(Self { contract: Contract::new(""), functions: Vec::new() }),
        }
    }
}

/// What relations were declared to be, by the contract, a comment or an ancestor, and the functions that somebody vouches for.
#[derive(Debug)]
pub struct Standing {
    pub oids: Vec<u32>,
    /// Of each of `oids`: tenant, global or internal.
    pub kinds: Vec<String>,
    pub tenant_columns: Vec<Option<String>>,
    /// Declared, or trusted and not changed since.
    pub functions: Vec<u32>,
}

impl Standing {
    /// Reads it as whoever `client` is, which the contract's role must be.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read(client: &Client, granted: Granted) -> Result<Self, Error> {
        let contract = serde_json::to_string(&granted.contract).map_err(Error::Contract)?;
        // As the audit itself: by the empty search_path names and definitions are compared.
        client.batch_execute(&format!("begin transaction read only; {SETTINGS}")).await?;
        let statement = format!("{}\n{STANDING}", facts(Slot::Parameter));
        let row = client.query_one(&statement, &[&contract]).await;
        client.batch_execute("rollback").await?;
        let row = row?;
        let mut functions = granted.functions;
        functions.extend(row.try_get::<_, Vec<u32>>("vouched")?);
        Ok(Self {
            oids: row.try_get("oids")?,
            kinds: row.try_get("kinds")?,
            tenant_columns: row.try_get("tenant_columns")?,
            functions,
        })
    }
}

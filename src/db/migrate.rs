//! `rowhouse migrate`: roles, then the migrations as `rowhouse_owner`, then the demo where it is asked for.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Database, UrlError};
use crate::audit;
use crate::config::Config;
use crate::query::quote_literal;

mod embedded {
    refinery::embed_migrations!("sql/migrations");
}

const ROLES: &str = include_str!("../../sql/roles.sql");

/// The demo's files, in the order in which they are loaded.
const DEMO: &[(&str, &str)] = &[
    ("00_tenants", include_str!("../../sql/demo/00_tenants.sql")),
    ("10_items", include_str!("../../sql/demo/10_items.sql")),
    ("20_links", include_str!("../../sql/demo/20_links.sql")),
    ("30_support", include_str!("../../sql/demo/30_support.sql")),
    ("40_authorization", include_str!("../../sql/demo/40_authorization.sql")),
    ("50_people", include_str!("../../sql/demo/50_people.sql")),
    ("60_functions", include_str!("../../sql/demo/60_functions.sql")),
];

/// Any number will do that other programs do not lock: the letters "rowhouse".
const LOCK: i64 = 0x726f_7768_6f75_7365;

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("migrate_url is not set: it names a role that may create roles and schemas")]
    NoUrl,
    #[error("migrate_url: {0}")]
    Url(#[from] UrlError),
    #[error("{step}: {}", crate::app::cause(.source))]
    Postgres { step: String, source: tokio_postgres::Error },
    #[error("migration: {}", crate::app::cause_of(.0.as_ref()))]
    Refinery(#[source] Box<refinery::Error>),
}

/// What was done.
#[derive(Debug)]
pub struct Migrated {
    /// The names of the migrations that ran now.
    pub applied: Vec<String>,
}

/// Brings the database to this version's schema; safe to repeat, and to run from several places at once.
///
/// Roles belong to the cluster and not to a database, so they are no numbered migration but are made sure of each time.
/// `rowhouse_app` gets the password that `database_url` carries, if it names that role.
///
/// # Errors
/// [`MigrateError`]; each migration runs in a transaction of its own.
pub async fn migrate(config: &Config, demo: bool) -> Result<Migrated, MigrateError> {
    if config.migrate_url.is_empty() {
        return Err(MigrateError::NoUrl);
    }
    let database = Database::for_migrations(config)?;
    let mut client = step("connecting", database.client().await)?;
    // Refinery takes no lock of its own. This one ends with the session.
    step("waiting for the lock", client.execute("select pg_catalog.pg_advisory_lock($1)", &[&LOCK]).await)?;
    run(&client, "roles.sql", ROLES).await?;
    if let Some(password) = config.database_url.password()
        && config.database_url.user().as_deref() == Some("rowhouse_app")
    {
        set_password(&client, &password).await?;
    }
    run(&client, "becoming rowhouse_owner", "set role rowhouse_owner; create schema if not exists tenancy")
        .await?;
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name("tenancy.schema_history");
    let report =
        runner.run_async(&mut client).await.map_err(|error| MigrateError::Refinery(Box::new(error)))?;
    // Not a migration: the views are always those of this version.
    let views = format!("begin;\n{}\ncommit", audit::install::script());
    run(&client, "the views of the audit", &views).await?;
    run(&client, "becoming the login again", "reset role").await?;
    if demo {
        for (name, text) in DEMO {
            run(&client, name, "begin").await?;
            run(&client, name, text).await?;
            run(&client, name, "commit; reset role").await?;
        }
    }
    let applied = report.applied_migrations().iter().map(ToString::to_string).collect();
    Ok(Migrated { applied })
}

/// Gives `rowhouse_app` its password.
async fn set_password(client: &Client, password: &str) -> Result<(), MigrateError> {
    let mut text = String::from("alter role rowhouse_app password ");
    quote_literal(&mut text, password);
    // Where the login may not silence the log, the password is still set.
    let _ = client.batch_execute("set log_statement = 'none'").await;
    let mut attempts = 1;
    loop {
        match client.batch_execute(&text).await {
            // "tuple concurrently updated": another database's migration altered the same role in this moment. Roles
            // belong to the cluster, but the lock to one database.
            Err(error) if error.code() == Some(&SqlState::INTERNAL_ERROR) && attempts < 20 => attempts += 1,
            answer => return step("the password of rowhouse_app", answer),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn run(client: &Client, name: &str, text: &str) -> Result<(), MigrateError> {
    step(name, client.batch_execute(text).await)
}

fn step<T>(name: &str, result: Result<T, tokio_postgres::Error>) -> Result<T, MigrateError> {
    result.map_err(|source| MigrateError::Postgres { step: name.to_owned(), source })
}

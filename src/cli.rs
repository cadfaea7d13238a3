//! The command line.

mod issuer;
mod password;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio_postgres::Client;

use crate::app::cause;
use crate::audit::report::{self, Baseline, Report, Sources};
use crate::audit::{self, Contract, protect, prove};
use crate::catalog::{self, Catalog, Identifier};
use crate::config::{self, Config};
use crate::db::{self, Database};
use crate::identity::Roles;
use crate::identity::issuers::{Algorithm, IssuerConfig};
use crate::identity::mint::{self, Mint};
use crate::{error, http, identity, sessions, telemetry};

/// A tenancy service for Postgres.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The configuration file (TOML); see docs/config.md.
    #[arg(long, global = true, env = "ROWHOUSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, over file and environment; may be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = pair)]
    overrides: Vec<(String, String)>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API.
    Serve,
    /// Brings the database to this version's schema; safe to repeat.
    Migrate {
        /// Also loads the demo's tables and data.
        #[arg(long)]
        demo: bool,
    },
    /// Prints a token for development, signed with the secret of an HS256 issuer of the configuration.
    Token {
        /// The tenant's id or slug; a slug is looked up with migrate_url.
        #[arg(long)]
        tenant: String,
        /// The user: the claim `sub`.
        #[arg(long)]
        user: String,
        /// The role in the tenant: owner, admin or member.
        #[arg(long)]
        role: Option<String>,
        /// How long it is good, in seconds.
        #[arg(long, default_value_t = 900, value_name = "SECONDS")]
        ttl_s: u64,
        /// More claims, as a JSON object.
        #[arg(long, value_name = "JSON")]
        claims: Option<String>,
        /// The issuer, where several have a secret.
        #[arg(long)]
        issuer: Option<String>,
    },
    /// Proposes issuers of tokens in the database, looks at their keys, enables and disables them, with migrate_url.
    Issuer {
        #[command(subcommand)]
        command: issuer::Command,
    },
    /// Sets and removes passwords of users, for development (password_grant), with migrate_url.
    Password {
        #[command(subcommand)]
        command: password::Command,
    },
    /// Prints a new private key for session_key_files: P-256, as a PEM file. Keep it to the service's user (`umask 077`).
    Keygen,
    /// Prints the configuration that is in force, with secrets hidden.
    Config {
        /// Prints docs/config.md instead.
        #[arg(long)]
        docs: bool,
    },
    /// Lets the gate judge the database: one line for each relation, for each role that requests may run as; exit 1 if one
    /// is refused that nobody declared internal.
    Check,
    /// Audits tenant isolation from the catalog alone, in read-only transactions. Exit 0: nothing at or above --fail-on; 1:
    /// findings; 2: it could not be checked; 3: a wrong call.
    Audit(Audit),
    /// Prints the SQL that makes an existing table tenant-isolated, in steps that are safe while it is used; runs none of it.
    Protect(Protect),
    /// Tries to break isolation as the request role, each attempt rolled back, and says how it ended. Exit 0: all held;
    /// 1: something broke; 2: not everything could be tried, or there was nothing to break; 3: a wrong call.
    Prove(Prove),
    /// Prints docs/errors.md.
    Errors {
        #[arg(long)]
        docs: bool,
    },
    /// Asks `/ready` of the service that runs with this configuration; exit 0 if it is.
    Probe,
}

/// What `rowhouse audit` looks at, and what it makes of it.
#[derive(Debug, Args)]
struct Audit {
    /// How the findings are printed. pgtap prints today's isolation as tests.
    #[arg(long, value_enum, default_value_t = AuditFormat::Text)]
    format: AuditFormat,
    /// Writes to a file and not to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The lowest level that makes the audit fail: error, warning or advice.
    #[arg(long, default_value = "error", value_name = "LEVEL")]
    fail_on: audit::Level,
    /// A file of findings that were there before: they are told and do not count.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes today's findings to a baseline, and exits with 0.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// The contract as a JSON file, for a database without the tables of schema tenancy.
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// The role that requests run as; by default the contract's, else that of database_url.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// What is merely not proven is an error; expired and stale waivers are no pass (exit 2).
    #[arg(long)]
    strict: bool,
    /// A folder of migrations, to say in which file and line an object was last created or altered; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    migrations: Vec<PathBuf>,
    /// Explains a code, such as TN201, and audits nothing.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// Lists all codes, and audits nothing.
    #[arg(long)]
    list: bool,
    /// Prints the whole audit as one file of SQL for psql and any database, with the contract of --contract or an example
    /// to edit, and audits nothing.
    #[arg(long)]
    print_sql: bool,
    /// Writes a page for each code to a folder, docs/audit, and audits nothing.
    #[arg(long, value_name = "FOLDER", hide = true)]
    docs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    Text,
    Json,
    Sarif,
    Junit,
    Pgtap,
    Html,
}

/// What `rowhouse protect` writes.
#[derive(Debug, Args)]
struct Protect {
    /// The table, as schema.table.
    table: String,
    /// Writes to a file, such as a migration, and not to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// All rows that are there are this tenant's, by its id; by default they are of the tenant of the row that a foreign key
    /// leads to.
    #[arg(long, value_name = "TENANT")]
    rows_of: Option<uuid::Uuid>,
    /// The role that requests run as; by default that of database_url.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// The tenant column.
    #[arg(long, default_value = "tenant_id", value_name = "COLUMN")]
    tenant_column: String,
    /// The setting that says the tenant, where the database has no tenancy.current_tenant_id().
    #[arg(long, default_value = "app.current_tenant_id", value_name = "NAME")]
    setting: String,
    /// Only prints: does not try the steps in a transaction that is rolled back, which keeps others from the table while it lasts,
    /// and does not audit what they make of the table.
    #[arg(long)]
    no_trial: bool,
    /// The lowest level of a finding that makes the exit code 1.
    #[arg(long, default_value_t = audit::Level::Error, value_name = "LEVEL")]
    fail_on: audit::Level,
    /// How many rows are filled in one transaction.
    #[arg(long, default_value_t = 5_000, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch_rows: u32,
}

/// What `rowhouse prove` tries.
#[derive(Debug, Args)]
struct Prove {
    /// A tenant that has rows, by its id, or by its slug, which is looked up with migrate_url; give two. Without any, the
    /// first two active ones are taken where migrate_url is set.
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<String>,
    /// What each transaction sets beside the tenant, such as request.jwt.claims={"department":"sales"}; with a tenant
    /// before it, as TENANT:KEY=VALUE, for that tenant alone. By default the user is an owner of the tenant.
    #[arg(long = "with", value_name = "[TENANT:]KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// Also tries to write: delete, update, move, insert for another, upsert onto another, refer to another. It is rolled
    /// back, but takes locks and runs triggers, so not in production.
    #[arg(long)]
    write: bool,
    /// The setting that the policies read the tenant from.
    #[arg(long, default_value = "app.current_tenant_id", value_name = "NAME")]
    setting: String,
    /// The name of the tenant column of relations that nobody declared.
    #[arg(long, default_value = "tenant_id", value_name = "COLUMN")]
    tenant_column: String,
    /// A function that somebody has read and vouches for, as the report names it: that it cannot be tried is no question then.
    /// Vouched for without this are those of tenancy.declare_function and tenancy.trust_function.
    #[arg(long = "vouch", value_name = "FUNCTION")]
    vouched: Vec<String>,
    /// How long one statement may take, in milliseconds.
    #[arg(long, default_value_t = 5_000, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    timeout_ms: u64,
    /// How the attempts are printed.
    #[arg(long, value_enum, default_value_t = ProveFormat::Text)]
    format: ProveFormat,
    /// Prints the statements also of what held.
    #[arg(long)]
    statements: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProveFormat {
    Text,
    Json,
}

/// What a check came to: its exit code says which.
enum Failure {
    /// Exit 1, as every command that did not do what it was asked.
    Failed(String),
    /// Exit 2: a check that could not check. Never a pass.
    NotChecked(String),
    /// Exit 3: a check that was called wrongly.
    Usage(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::Failed(message)
    }
}

impl Command {
    /// Whether exit 1 means that something was found, so that other failures need codes of their own.
    fn is_check(&self) -> bool {
        matches!(self, Command::Audit(_) | Command::Protect(_) | Command::Prove(_))
    }
}

/// The commands of [`Command::is_check`], by the words that call them.
const CHECKS: &[&str] = &["audit", "protect", "prove"];

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("not of the form key=value".to_owned()),
    }
}

/// Runs the command line and says how it ended: 0 done, 1 not, 2 a wrong call. Of the checks 1 is what was found, 2 that it
/// could not be checked, 3 a wrong call.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            let check = std::env::args().any(|word| CHECKS.contains(&word.as_str()));
            return match error.exit_code() {
                0 => ExitCode::SUCCESS,
                _ if check => ExitCode::from(3),
                _ => ExitCode::from(2),
            };
        }
    };
    let (code, message) = match run(arguments) {
        Ok(code) => return code,
        Err(Failure::Failed(message)) => (ExitCode::FAILURE, message),
        Err(Failure::NotChecked(message)) => (ExitCode::from(2), message),
        Err(Failure::Usage(message)) => (ExitCode::from(3), message),
    };
    eprintln!("rowhouse: {message}");
    code
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Config { docs: true } => {
            print(&config::documentation());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Errors { .. } => {
            print(&error::documentation());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Keygen => {
            print(&sessions::generate().map_err(|error| error.to_string())?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::Audit(Audit { list: true, .. }) => {
            print(&report::list());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Audit(Audit { explain: Some(ref code), .. }) => {
            let rule = audit::rule(&code.to_uppercase())
                .ok_or_else(|| Failure::Usage(format!("{code} is no code: rowhouse audit --list")))?;
            print(&report::explain(rule));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Audit(Audit { print_sql: true, contract: ref given, ref role, .. }) => {
            let mut contract = read_contract(given.as_ref())?.unwrap_or_else(audit::example);
            contract.role = role.clone().unwrap_or(contract.role);
            print(&audit::standalone(&contract));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Audit(Audit { docs: Some(ref folder), .. }) => {
            report::write_pages(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let overrides: BTreeMap<String, String> = arguments.overrides.into_iter().collect();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = Config::read(arguments.config.as_deref(), environment, &overrides)
        .map_err(|error| error.to_string())
        .map_err(if arguments.command.is_check() { Failure::Usage } else { Failure::Failed })?;
    match arguments.command {
        Command::Serve => {
            telemetry::log(&config)?;
            let metrics = telemetry::metrics().map_err(|error| error.to_string())?;
            http::serve(config, metrics).map_err(|error| error.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { demo } => {
            let migrated = block_on(db::migrate(&config, demo))?.map_err(|error| error.to_string())?;
            match migrated.applied.as_slice() {
                [] => println!("the schema is current"),
                applied => println!("migrated: {}", applied.join(", ")),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Token { tenant, user, role, ttl_s, claims, issuer } => {
            let tenant = match identity::tenant_id(&tenant) {
                Some(tenant) => tenant,
                None => block_on(tenant_by_slug(&config, &tenant))??,
            };
            let extra = match claims {
                None => serde_json::Map::new(),
                Some(text) => serde_json::from_str(&text)
                    .map_err(|error| format!("--claims is no JSON object: {error}"))?,
            };
            let mint = Mint {
                subject: user,
                tenant_id: Some(tenant),
                role,
                permissions: Vec::new(),
                ttl_s,
                now_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
                extra,
            };
            let issuer = signing_issuer(&config, issuer.as_deref())?;
            println!("{}", mint::mint(issuer, &mint).map_err(|error| error.to_string())?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Issuer { command } => {
            block_on(issuer::run(&config, command))??;
            Ok(ExitCode::SUCCESS)
        }
        Command::Password { command } => {
            block_on(password::run(&config, command))??;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { .. } => {
            print(&config.to_string());
            Ok(ExitCode::SUCCESS)
        }
        Command::Errors { .. } | Command::Keygen => Ok(ExitCode::SUCCESS),
        Command::Check => Ok(block_on(check(&config))??),
        Command::Audit(audit) => block_on(run_audit(&config, &audit))?,
        Command::Protect(protect) => block_on(run_protect(&config, &protect))?,
        Command::Prove(prove) => block_on(run_prove(&config, &prove))?,
        Command::Probe => Ok(if is_ready(&config) { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

/// Prints a document; a reader that stops reading is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn block_on<F: Future>(future: F) -> Result<F::Output, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| error.to_string())?.block_on(future))
}

fn signing_issuer<'a>(config: &'a Config, wanted: Option<&str>) -> Result<&'a IssuerConfig, String> {
    let mut candidates = config
        .issuers
        .iter()
        .filter(|issuer| issuer.algorithm == Algorithm::HS256)
        .filter(|issuer| wanted.is_none_or(|wanted| issuer.issuer == wanted));
    match (candidates.next(), candidates.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err("the configuration has no such HS256 issuer to sign a token as".to_owned()),
        (Some(_), Some(_)) => Err("several issuers have a secret: choose one with --issuer".to_owned()),
    }
}

/// A connection as `rowhouse_admin`.
async fn administrator(config: &Config) -> Result<Client, String> {
    if config.migrate_url.is_empty() {
        return Err("migrate_url is not set: it names a role that may become rowhouse_admin".to_owned());
    }
    let database = Database::for_migrations(config).map_err(|error| error.to_string())?;
    let client = database.client().await.map_err(|error| cause(&error))?;
    client.batch_execute("set role rowhouse_admin").await.map_err(|error| cause(&error))?;
    Ok(client)
}

async fn tenant_by_slug(config: &Config, slug: &str) -> Result<uuid::Uuid, String> {
    if config.migrate_url.is_empty() {
        return Err(
            "--tenant is no id, and a slug is looked up with migrate_url, which is not set".to_owned()
        );
    }
    let database = Database::for_migrations(config).map_err(|error| error.to_string())?;
    let client = database.client().await.map_err(|error| cause(&error))?;
    let rows = client.query("select id from tenancy.tenants where slug = $1", &[&slug]).await;
    match rows.map_err(|error| cause(&error))?.first() {
        Some(row) => row.try_get(0).map_err(|error| cause(&error)),
        None => Err(format!("no tenant has the slug {slug:?}")),
    }
}

async fn check(config: &Config) -> Result<ExitCode, String> {
    let database = Database::for_requests(config).map_err(|error| error.to_string())?;
    let client = database.client().await.map_err(|error| cause(&error))?;
    let catalog = catalog::load(&client, config).await.map_err(|error| error.to_string())?;
    let mut sound = print_verdicts(&catalog);
    let roles = Roles::new(config).map_err(|error| error.to_string())?;
    for role in roles.all() {
        println!("\nas {}:", role.name());
        let client = database.client().await.map_err(|error| cause(&error))?;
        match catalog::load_as(&client, config, role.identifier()).await {
            Ok(catalog) => sound &= print_verdicts(&catalog),
            Err(error @ catalog::Error::Role { .. }) => {
                println!("refused  everything: {error}");
                sound = false;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The contract of a file, where one is given.
fn read_contract(path: Option<&PathBuf>) -> Result<Option<Contract>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let usage = |why: &dyn std::fmt::Display| Failure::Usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| usage(&error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| usage(&error))
}

async fn run_audit(config: &Config, arguments: &Audit) -> Result<ExitCode, Failure> {
    let not_checked =
        |error: audit::Error| Failure::NotChecked(format!("isolation was not audited: {error}"));
    let usage = |path: &std::path::Path, why: &dyn std::fmt::Display| {
        Failure::Usage(format!("{}: {why}", path.display()))
    };
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| usage(path, &error));
    let baseline = match &arguments.baseline {
        Some(path) => Some(Baseline::parse(&read(path)?).map_err(|error| usage(path, &error))?),
        None => None,
    };
    let mut sources = Sources::default();
    for folder in &arguments.migrations {
        sources.read(folder).map_err(|error| usage(folder, &error))?;
    }
    let given = read_contract(arguments.contract.as_ref())?;
    // A DBA's login where there is one: it may read waivers, which are not for the request role.
    let database = match config.migrate_url.is_empty() {
        true => Database::for_requests(config),
        false => Database::for_migrations(config),
    };
    let database = database.map_err(|error| Failure::Usage(error.to_string()))?;
    let client = database
        .client()
        .await
        .map_err(|error| Failure::NotChecked(format!("isolation was not audited: {}", cause(&error))))?;
    let standing = match given {
        Some(contract) => Some(contract),
        None => Contract::read(&client).await.map_err(not_checked)?,
    };
    let role = arguments.role.clone();
    let mut contract = match (standing, role.clone().or_else(|| config.database_url.user())) {
        (Some(contract), _) => contract,
        (None, Some(role)) => Contract::new(&role),
        (None, None) => return Err(Failure::Usage("who is the request role? --role".to_owned())),
    };
    contract.role = role.unwrap_or(contract.role);
    contract.strict |= arguments.strict;
    let mut report = Report::of(&client, contract, arguments.fail_on, baseline.as_ref(), &sources)
        .await
        .map_err(not_checked)?;
    if let Some(path) = &arguments.write_baseline {
        let text = Baseline::write(report.findings.iter().map(|judged| &judged.finding));
        std::fs::write(path, text).map_err(|error| usage(path, &error))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.format == AuditFormat::Html {
        report.look_at_scopes(&client).await.map_err(not_checked)?;
    }
    let terminal = arguments.out.is_none()
        && std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = match arguments.format {
        AuditFormat::Text => report::text(&report, terminal),
        AuditFormat::Json => report::json(&report),
        AuditFormat::Sarif => report::sarif(&report, baseline.is_some()),
        AuditFormat::Junit => report::junit(&report),
        AuditFormat::Pgtap => report::pgtap(&report),
        AuditFormat::Html => report::html(&report),
    };
    match &arguments.out {
        Some(path) => std::fs::write(path, text).map_err(|error| usage(path, &error))?,
        None => print(&text),
    }
    let bad = report.bad_waivers();
    if arguments.strict && !bad.is_empty() {
        let objects: Vec<String> = bad.iter().map(|one| format!("{} {}", one.code, one.object)).collect();
        return Err(Failure::NotChecked(format!("expired or stale waivers: {}", objects.join(", "))));
    }
    Ok(ExitCode::from(report.exit_code()))
}

async fn run_protect(config: &Config, arguments: &Protect) -> Result<ExitCode, Failure> {
    let usage = |why: String| Failure::Usage(why);
    let database = match config.migrate_url.is_empty() {
        true => Database::for_requests(config),
        false => Database::for_migrations(config),
    };
    let database = database.map_err(|error| usage(error.to_string()))?;
    let role = arguments.role.clone().or_else(|| config.database_url.user());
    let options = protect::Options {
        table: arguments.table.clone(),
        role: role.ok_or_else(|| usage("who is the request role? --role".to_owned()))?,
        tenant_column: Identifier::new(&arguments.tenant_column)
            .ok_or_else(|| usage(format!("{:?} is no name of a column", arguments.tenant_column)))?,
        setting: arguments.setting.clone(),
        rows: match arguments.rows_of {
            Some(tenant) => protect::Rows::Tenant(tenant.to_string()),
            None => protect::Rows::Parent,
        },
        batch_rows: arguments.batch_rows,
    };
    let client = database.client().await.map_err(|error| Failure::NotChecked(cause(&error)))?;
    let protection = protect::protect(&client, &options).await.map_err(|error| match error {
        protect::Error::Unknown(..) | protect::Error::Unfit { .. } => usage(error.to_string()),
        protect::Error::Postgres(_) | protect::Error::Description(_) => {
            Failure::NotChecked(error.to_string())
        }
    })?;
    match &arguments.out {
        Some(path) => {
            std::fs::write(path, &protection.sql)
                .map_err(|error| usage(format!("{}: {error}", path.display())))?;
        }
        None => print(&protection.sql),
    }
    if arguments.no_trial {
        return Ok(ExitCode::SUCCESS);
    }
    if config.migrate_url.is_empty() {
        return Err(Failure::NotChecked(
            "the steps were not tried: migrate_url, a login that may run them, is not set (or say --no-trial)"
                .to_owned(),
        ));
    }
    let trial = protect::trial(&client, &protection)
        .await
        .map_err(|why| Failure::NotChecked(format!("the steps were not tried: {why}")))?;
    // The standard output is the SQL's.
    eprint!("{}", trial.text());
    Ok(ExitCode::from(u8::from(trial.fails(arguments.fail_on))))
}

async fn run_prove(config: &Config, arguments: &Prove) -> Result<ExitCode, Failure> {
    let database = Database::for_requests(config).map_err(|error| Failure::Usage(error.to_string()))?;
    let roles = Roles::new(config).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut tenants: Vec<prove::Tenant> = Vec::new();
    let mut named = arguments.tenants.clone();
    if named.is_empty() && !config.migrate_url.is_empty() {
        named = first_tenants(config).await.map_err(Failure::NotChecked)?;
    }
    for name in &named {
        let id = match identity::tenant_id(name) {
            Some(id) => id.to_string(),
            // A tenant of another type than uuid, where there is no registry to ask.
            None if config.migrate_url.is_empty() => name.clone(),
            None => tenant_by_slug(config, name).await.map_err(Failure::NotChecked)?.to_string(),
        };
        if tenants.iter().any(|known| known.id == id) {
            return Err(Failure::Usage(format!("--tenant {name} is given twice")));
        }
        tenants.push(prove::Tenant { id, settings: Vec::new() });
    }
    for (key, value) in &arguments.settings {
        match key.split_once(':') {
            None => settings.push((key.clone(), value.clone())),
            Some((tenant, key)) => match named.iter().position(|name| name == tenant) {
                Some(at) => tenants[at].settings.push((key.to_owned(), value.clone())),
                None => return Err(Failure::Usage(format!("--with {tenant}:{key}: no --tenant {tenant}"))),
            },
        }
    }
    // The strongest user a tenant has: what even an owner cannot do, nobody of the tenant can.
    for (key, value) in [("app.current_role", "owner"), ("app.current_user_id", "rowhouse prove")] {
        if !settings.iter().any(|(known, _)| known == key) {
            settings.push((key.to_owned(), value.to_owned()));
        }
    }
    let options = prove::Options {
        setting: arguments.setting.clone(),
        tenant_column: arguments.tenant_column.clone(),
        tenants,
        settings,
        write: arguments.write,
        timeout: Duration::from_millis(arguments.timeout_ms),
        roles: roles.all().map(|role| role.identifier().clone()).collect(),
        vouched: arguments.vouched.clone(),
    };
    let report = prove::prove(&database, &options)
        .await
        .map_err(|error| Failure::NotChecked(format!("isolation is not proven: {error}")))?;
    match arguments.format {
        ProveFormat::Text => print(&report.text(arguments.statements)),
        ProveFormat::Json => print(&report.json()),
    }
    if options.tenants.len() < 2 {
        eprintln!("rowhouse: two tenants that have rows are needed to prove anything: --tenant, twice");
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// The ids of two active tenants.
async fn first_tenants(config: &Config) -> Result<Vec<String>, String> {
    let database = Database::for_migrations(config).map_err(|error| error.to_string())?;
    let client = database.client().await.map_err(|error| cause(&error))?;
    let rows = client
        .query(
            "select id::pg_catalog.text from tenancy.tenants where state = 'active' order by created_at, id limit 2",
            &[],
        )
        .await
        .map_err(|error| cause(&error))?;
    rows.iter().map(|row| row.try_get(0).map_err(|error| cause(&error))).collect()
}

/// One line for each relation; whether none is refused that nobody declared internal.
fn print_verdicts(catalog: &Catalog) -> bool {
    for relation in catalog.relations() {
        println!("served   {}.{}", relation.schema.name(), relation.name.name());
    }
    for function in catalog.functions() {
        println!("served   {}.{}()", function.schema.name(), function.name.name());
    }
    for refusal in &catalog.refused {
        println!("refused  {}: {}", refusal.relation, refusal.reason);
    }
    catalog.refused.iter().all(|refusal| refusal.reason == catalog::Reason::Internal)
}

/// Asks the admin listener, over a bare socket: containers have no curl.
fn is_ready(config: &Config) -> bool {
    let timeout = Duration::from_secs(5);
    let ask = || -> std::io::Result<String> {
        let address = config.admin_bind.parse().map_err(std::io::Error::other)?;
        let mut stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    };
    ask().is_ok_and(|head| head == "HTTP/1.1 200")
}

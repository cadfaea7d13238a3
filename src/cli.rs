//! The command line.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

use crate::app::cause;
use crate::catalog::{self, Catalog};
use crate::config::{self, Config};
use crate::db::{self, Database};
use crate::identity::Roles;
use crate::identity::issuers::{Algorithm, IssuerConfig};
use crate::identity::mint::{self, Mint};
use crate::{error, http, identity, telemetry};

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
    /// Prints the configuration that is in force, with secrets hidden.
    Config {
        /// Prints docs/config.md instead.
        #[arg(long)]
        docs: bool,
    },
    /// Lets the gate judge the database: one line for each relation, for each role that requests may run as; exit 1 if one
    /// is refused that nobody declared internal.
    Check,
    /// Prints docs/errors.md.
    Errors {
        #[arg(long)]
        docs: bool,
    },
    /// Asks `/ready` of the service that runs with this configuration; exit 0 if it is.
    Probe,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("not of the form key=value".to_owned()),
    }
}

/// Runs the command line and says how it ended: 0 done, 1 not, 2 a wrong call.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("rowhouse: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, String> {
    match arguments.command {
        Command::Config { docs: true } => {
            print(&config::documentation());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Errors { .. } => {
            print(&error::documentation());
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let overrides: BTreeMap<String, String> = arguments.overrides.into_iter().collect();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = Config::read(arguments.config.as_deref(), environment, &overrides)
        .map_err(|error| error.to_string())?;
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
        Command::Config { .. } => {
            print(&config.to_string());
            Ok(ExitCode::SUCCESS)
        }
        Command::Errors { .. } => Ok(ExitCode::SUCCESS),
        Command::Check => block_on(check(&config))?,
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

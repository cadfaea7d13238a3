//! `rowhouse issuer`: proposes issuers of the database, looks at their keys, enables and disables them.
//!
//! All of it is done as `rowhouse_admin`, through the policies that name it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::de::IgnoredAny;
use tokio_postgres::Client;
use uuid::Uuid;

use super::administrator;
use crate::app::cause;
use crate::config::Config;
use crate::identity::{self, ClaimMap, IssuerRow};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Proposes an issuer: its tokens are good after `check` and `enable`.
    Add(Box<Proposal>),
    /// Lets a platform's issuer speak for a tenant.
    Bind {
        iss: String,
        /// The tenant's id or slug.
        #[arg(long)]
        tenant: String,
        /// What the issuer calls the tenant, where that is not the tenant's own id.
        #[arg(long)]
        external_id: Option<String>,
    },
    /// Prints every issuer: a line each.
    List,
    /// Fetches or reads the issuer's keys by the rules of the service, and says what was found. What is good can be enabled.
    Check { iss: String },
    /// Accepts its tokens from now on.
    Enable { iss: String },
    /// Accepts no token of it any more, at once, and forgets its keys.
    Disable { iss: String },
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Proposal {
    /// The issuer, exactly as its tokens name it.
    iss: String,
    /// The only tenant that it speaks for, by id or slug. Without it the issuer is the platform's own: see `bind`.
    #[arg(long)]
    tenant: Option<String>,
    /// What a token's audience must be or contain; may be repeated.
    #[arg(long, required = true)]
    audience: Vec<String>,
    /// What it signs with; may be repeated.
    #[arg(long, default_value = "RS256")]
    algorithm: Vec<String>,
    /// The URL of its key set. Without this and the two below it is discovered from the issuer's own document.
    #[arg(long, group = "keys")]
    jwks_uri: Option<String>,
    /// A file with its key set.
    #[arg(long, group = "keys")]
    jwks_file: Option<PathBuf>,
    /// The name of a file with its HS256 secret, in the folder that issuer_secrets_dir names.
    #[arg(long, group = "keys", requires = "kid")]
    secret_ref: Option<String>,
    /// The id of that secret.
    #[arg(long, requires = "secret_ref")]
    kid: Option<String>,
    /// The type that the header of its tokens has; empty for none.
    #[arg(long, default_value = "at+jwt")]
    typ: String,
    /// How far clocks may differ.
    #[arg(long, default_value_t = 30)]
    leeway_s: i32,
    /// The longest time from iat to exp.
    #[arg(long, default_value_t = 3600)]
    lifetime_s_max: i32,
    /// Where its tokens say what the service reads, as a JSON object; see docs/issuers.md.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    claims: String,
    /// A claim that must be there and have this value.
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = super::pair)]
    external_tenant: Option<(String, String)>,
}

const ADD: &str = include_str!("../../sql/catalog/issuer_add.sql");
const LIST: &str = include_str!("../../sql/catalog/issuer_list.sql");
const PROPOSED: &str = include_str!("../../sql/catalog/issuer_proposed.sql");
const VERIFIED: &str = include_str!("../../sql/catalog/issuer_verified.sql");

/// Runs one command.
///
/// # Errors
/// One line for the operator.
pub(super) async fn run(config: &Config, command: Command) -> Result<(), String> {
    let client = administrator(config).await?;
    match command {
        Command::Add(proposal) => add(config, &client, *proposal).await,
        Command::Bind { iss, tenant, external_id } => {
            let tenant = tenant_id(config, &tenant).await?;
            let text = "insert into tenancy.issuer_tenants (iss, tenant_id, external_id) values ($1, $2, $3)";
            client.execute(text, &[&iss, &tenant, &external_id]).await.map_err(|error| refusal(&error))?;
            println!("bound");
            Ok(())
        }
        Command::List => list(config, &client).await,
        Command::Check { iss } => check(config, &client, &iss).await,
        Command::Enable { iss } => {
            let text = "update tenancy.issuers set enabled = true where iss = $1 and verified_at is not null";
            match client.execute(text, &[&iss]).await.map_err(|error| cause(&error))? {
                0 => Err("there is no such issuer, or its keys were not checked since they changed: \
                    run `rowhouse issuer check`"
                    .to_owned()),
                _ => done("enabled"),
            }
        }
        Command::Disable { iss } => {
            let text = "update tenancy.issuers set enabled = false where iss = $1";
            match client.execute(text, &[&iss]).await.map_err(|error| cause(&error))? {
                0 => Err("there is no such issuer".to_owned()),
                _ => done("disabled"),
            }
        }
    }
}

fn done(what: &str) -> Result<(), String> {
    println!("{what}");
    Ok(())
}

/// What the constraints of the tables say, in the words of the commands.
fn refusal(error: &tokio_postgres::Error) -> String {
    let constraint = error.as_db_error().and_then(|error| error.constraint()).unwrap_or_default();
    let text = match constraint {
        "issuers_pkey" => "there is such an issuer already",
        "issuers_iss_is_name" => "an issuer's name has 1 to 255 characters and no white space",
        "issuers_algorithms_known" => {
            "--algorithm is HS256, RS256, PS256, ES256, ES384 or EdDSA, at most six times"
        }
        "issuers_secret_stands_alone" => "HS256 goes with --secret-ref and with no other algorithm",
        "issuers_tenant_has_no_secret" => "the issuer of a tenant cannot have a shared secret",
        "issuers_secret_ref_key" => "another issuer has this --secret-ref",
        "issuers_secret_ref_is_name" => {
            "--secret-ref is the name of one file: at most 64 letters, digits, _, - and ., no dot first"
        }
        "issuers_kid_is_name" => "--kid has 1 to 128 characters",
        "issuers_audiences_given" => "--audience is there 1 to 16 times, and never empty",
        "issuers_typ_is_name" => "--typ has at most 255 characters",
        "issuers_leeway_bounded" => "--leeway-s is 0 to 120",
        "issuers_lifetime_bounded" => "--lifetime-s-max is 60 to 86400",
        "issuers_claim_map_is_object" => "--claims is a JSON object",
        "issuers_external_tenant_whole" => "--external-tenant is CLAIM=VALUE, neither of them empty",
        "issuers_tenant_id_fkey" | "issuer_tenants_tenant_id_fkey" => "there is no such tenant",
        "issuer_tenants_iss_fkey" => {
            "there is no such issuer of the platform; that of a tenant speaks for its tenant alone"
        }
        "issuer_tenants_pkey" => "the issuer is bound to the tenant already",
        "issuer_tenants_name_key" => "the issuer means another tenant by this name",
        "issuer_tenants_external_id_is_name" => "--external-id has 1 to 255 characters",
        _ => return cause(error),
    };
    text.to_owned()
}

async fn tenant_id(config: &Config, tenant: &str) -> Result<Uuid, String> {
    match identity::tenant_id(tenant) {
        Some(tenant) => Ok(tenant),
        None => super::tenant_by_slug(config, tenant).await,
    }
}

async fn add(config: &Config, client: &Client, proposal: Proposal) -> Result<(), String> {
    let tenant = match &proposal.tenant {
        Some(tenant) => Some(tenant_id(config, tenant).await?),
        None => None,
    };
    let set = proposal.jwks_file.as_ref().map(std::fs::read_to_string).transpose();
    let set = set.map_err(|error| format!("the key set cannot be read: {error}"))?;
    if let Some(set) = &set {
        serde_json::from_str::<IgnoredAny>(set)
            .map_err(|error| format!("the key set is no JSON: {error}"))?;
    }
    serde_json::from_str::<ClaimMap>(&proposal.claims).map_err(|error| format!("--claims: {error}"))?;
    let key_source = match (&proposal.jwks_uri, &set, &proposal.secret_ref) {
        (Some(_), ..) => "jwks_uri",
        (None, Some(_), _) => "static_jwks",
        (None, None, Some(_)) => "hs256",
        (None, None, None) => "discovery",
    };
    let kind = if tenant.is_some() { "tenant" } else { "platform" };
    let (claim, value) = proposal.external_tenant.unzip();
    client
        .execute(
            ADD,
            &[
                &proposal.iss,
                &kind,
                &tenant,
                &key_source,
                &proposal.jwks_uri,
                &set,
                &proposal.secret_ref,
                &proposal.kid,
                &proposal.algorithm,
                &proposal.audience,
                &proposal.typ,
                &proposal.leeway_s,
                &proposal.lifetime_s_max,
                &proposal.claims,
                &claim,
                &value,
            ],
        )
        .await
        .map_err(|error| refusal(&error))?;
    done("proposed; next: rowhouse issuer check")
}

async fn list(config: &Config, client: &Client) -> Result<(), String> {
    let rows = client.query(LIST, &[]).await.map_err(|error| cause(&error))?;
    for row in rows {
        let read = |index| row.try_get::<_, String>(index).map_err(|error| cause(&error));
        let (iss, state, about) = (read(0)?, read(1)?, read(2)?);
        let is_shadowed = config.issuers.iter().any(|issuer| issuer.issuer == iss);
        let state = if is_shadowed { "shadowed" } else { &state };
        println!("{state:<9} {iss}  {about}");
    }
    for issuer in &config.issuers {
        println!("configured {}", issuer.issuer);
    }
    Ok(())
}

async fn check(config: &Config, client: &Client, iss: &str) -> Result<(), String> {
    let row = client.query_opt(PROPOSED, &[&iss]).await.map_err(|error| cause(&error))?;
    let row = row.ok_or("there is no such issuer")?;
    let json: String = row.try_get(0).map_err(|error| cause(&error))?;
    let row = IssuerRow::read(&json).map_err(|error| error.to_string())?;
    let checked = row.check(config).await.map_err(|error| error.to_string())?;
    for line in &checked {
        println!("{line}");
    }
    // Fetching takes a while, in which somebody may have given the issuer other keys: only what was looked at is verified.
    match client.execute(VERIFIED, &[&iss, &json]).await.map_err(|error| cause(&error))? {
        0 => Err("its keys were changed meanwhile: run `rowhouse issuer check` again".to_owned()),
        _ => done("good; next: rowhouse issuer enable"),
    }
}

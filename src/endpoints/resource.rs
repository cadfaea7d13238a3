//! OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client without a token gets one.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{json, only};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::Error;
use crate::identity::{self, Host};
use crate::request::{Method, RawRequest};

/// Lists the issuers that speak for every tenant and the platform's of the database; of `tenant`, or the one that the host
/// names, instead of these, those that are bound to it, and its own. A tenant that there is not, or without issuers of its
/// own, has the same document but for its name.
pub(super) async fn respond(worker: &Worker, tenant: Option<Uuid>, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let config = &worker.app.config;
    let (tenant, resource) = match tenant {
        Some(tenant) => (Some(tenant), format!("{}/{tenant}", config.public_url)),
        None => of_host(worker, raw).await?,
    };
    let of_rows = worker.app.tenants.issuers(&worker.pool, tenant).await?;
    let is_configured = |iss: &str| config.issuers.iter().any(|issuer| issuer.issuer == iss);
    let own = (!config.session_key_files.is_empty()).then_some(config.public_url.as_str());
    let issuers: BTreeSet<&str> = config
        .issuers
        .iter()
        .filter(|issuer| issuer.tenant.is_none() || issuer.tenant == tenant)
        .map(|issuer| issuer.issuer.as_str())
        .chain(own)
        // A row that the configuration shadows says nothing.
        .chain(of_rows.iter().map(String::as_str).filter(|iss| !is_configured(iss)))
        .collect();
    let document = json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    Ok(json(raw, 200, &document))
}

/// The tenant that the host names, and the resource there; the service itself where it names none.
async fn of_host(worker: &Worker, raw: &RawRequest) -> Result<(Option<Uuid>, String), Error> {
    let app = &worker.app;
    let url = &app.config.public_url;
    let host = app.origins.host(raw).map_err(|_| Error::Host)?;
    if let Some(host) = &host
        && let Some(name) = app.origins.selects(host)
        && let Some(tenant) = app.tenants.named(&worker.pool, name).await?
        && let Host::Name(name) = host
    {
        return Ok((Some(tenant), identity::url_at(url, name)));
    }
    Ok((None, url.clone()))
}

//! OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client without a token gets one.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{json, only};
use crate::answer::Reply;
use crate::config::Config;
use crate::error::Error;
use crate::request::{Method, RawRequest};

/// Lists the issuers that speak for every tenant and, of `tenant`, its own. A tenant that there is not, or without issuers of
/// its own, has the same document but for its name.
pub(super) fn respond(config: &Config, tenant: Option<Uuid>, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let own = (!config.session_key_files.is_empty()).then_some(config.public_url.as_str());
    let issuers: BTreeSet<&str> = config
        .issuers
        .iter()
        .filter(|issuer| issuer.tenant.is_none() || issuer.tenant == tenant)
        .map(|issuer| issuer.issuer.as_str())
        .chain(own)
        .collect();
    let resource = match tenant {
        Some(tenant) => format!("{}/{tenant}", config.public_url),
        None => config.public_url.clone(),
    };
    let document = json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    Ok(json(raw, 200, &document))
}

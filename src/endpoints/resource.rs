//! OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client without a token gets one.

use std::collections::BTreeSet;

use serde_json::json;

use super::{json, only};
use crate::answer::Reply;
use crate::config::Config;
use crate::error::Error;
use crate::request::{Method, RawRequest};

pub(super) fn respond(config: &Config, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let issuers: BTreeSet<&str> = config
        .issuers
        .iter()
        .filter(|issuer| issuer.tenant.is_none())
        .map(|issuer| issuer.issuer.as_str())
        .collect();
    let document = json!({
        "resource": config.public_url,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    Ok(json(raw, 200, &document))
}

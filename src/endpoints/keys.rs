//! The service as an issuer: its metadata (RFC 8414) and its public keys (RFC 7517).

use serde_json::json;

use super::{json, only};
use crate::answer::Reply;
use crate::error::Error;
use crate::request::{Method, RawRequest};
use crate::sessions::Sessions;

pub(super) fn respond(sessions: &Sessions, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let mut reply = json(raw, 200, &sessions.jwks());
    reply.headers = vec![
        ("content-type", "application/jwk-set+json".to_owned()),
        ("cache-control", "max-age=60".to_owned()),
    ];
    Ok(reply)
}

pub(super) fn server(sessions: &Sessions, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let issuer = &sessions.issuer;
    let mut grants = vec!["client_credentials", "refresh_token", super::token::SESSION_GRANT];
    if sessions.passwords.is_some() {
        grants.push("password");
    }
    let document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/auth/token"),
        "revocation_endpoint": format!("{issuer}/auth/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    });
    Ok(json(raw, 200, &document))
}

//! What a session or a key may do -> an access token (RFC 9068).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::SigningKey;

/// What a new access token says, beside issuer and audience.
#[derive(Debug)]
pub struct Access<'a> {
    pub subject: Uuid,
    pub client_id: &'a str,
    pub tenant: Uuid,
    pub role: &'a str,
    pub permissions: &'a [String],
    pub jti: &'a str,
    pub issued_s: u64,
    pub expires_s: u64,
    /// Of a session: its id, how the user was authenticated, and when.
    pub session: Option<(Uuid, &'a [String], i64)>,
}

pub(super) fn sign(key: &SigningKey, issuer: &str, audience: &str, access: &Access<'_>) -> Option<String> {
    let header = json!({ "alg": key.algorithm().name(), "typ": "at+jwt", "kid": key.kid() });
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", issuer.into());
    put("aud", audience.into());
    put("sub", access.subject.to_string().into());
    put("client_id", access.client_id.into());
    put("iat", access.issued_s.into());
    put("exp", access.expires_s.into());
    put("jti", access.jti.into());
    put("tenant_id", access.tenant.to_string().into());
    put("role", access.role.into());
    put("permissions", access.permissions.into());
    if let Some((session, methods, authenticated_s)) = access.session {
        put("sid", session.to_string().into());
        put("amr", methods.into());
        put("auth_time", authenticated_s.into());
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims.into()));
    let signature = key.sign(message.as_bytes())?;
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

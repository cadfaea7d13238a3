//! `GET /me`: who the caller is, in the tenant of the request.

use serde_json::json;

use super::{json, only};
use crate::answer::Reply;
use crate::error::Error;
use crate::identity::TenantContext;
use crate::request::{Method, RawRequest};

/// The subject, the tenant, the role and the permissions that policies see. All but the tenant are null, or none, for an
/// anonymous caller.
pub(super) fn respond(tenant: &TenantContext, raw: &RawRequest) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let principal = tenant.principal();
    let document = json!({
        "tenant_id": tenant.tenant_id(),
        "issuer": principal.map(|principal| principal.issuer()),
        "subject": principal.map(|principal| principal.subject()),
        "role": tenant.role(),
        "permissions": tenant.permissions(),
        "tenants": principal.map_or_else(Vec::new, |principal| principal.tenants().collect()),
        "expires_at": principal.map(|principal| principal.expires_s()),
    });
    Ok(json(raw, 200, &document))
}

//! `GET /me`: who the caller is, in the tenant of the request.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{json, only};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::Error;
use crate::identity::{Membership, Principal, TenantContext};
use crate::request::{Method, RawRequest};
use crate::tenants::Belonging;

/// The subject, the tenant, the role, the permissions and the attributes that policies see, and the tenants that the caller
/// may choose among. All but the tenant are null, or none, for an anonymous caller.
pub(super) async fn respond(
    worker: &Worker,
    tenant: &TenantContext,
    raw: &RawRequest,
) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    let principal = tenant.principal();
    let mut tenants = match principal {
        Some(principal) => tenants(worker, principal).await?,
        None => (Vec::new(), Value::Null),
    };
    // An API key is a member nowhere, and yet good for its tenant.
    if principal.is_some() && !tenants.0.contains(&tenant.tenant_id()) {
        tenants.0.push(tenant.tenant_id());
    }
    let attributes: Option<&RawValue> = serde_json::from_str(tenant.attributes_json()).ok();
    let document = json!({
        "tenant_id": tenant.tenant_id(),
        "issuer": principal.map(Principal::issuer),
        "subject": principal.map(Principal::subject),
        "user_id": tenant.user_id(),
        "membership": worker.app.config.membership.name(),
        "role": tenant.role(),
        "permissions": tenant.permissions(),
        "attributes": attributes,
        "tenants": tenants.0,
        "memberships": tenants.1,
        "expires_at": principal.map(Principal::expires_s),
    });
    Ok(json(raw, 200, &document))
}

/// The same of a caller who has yet to choose a tenant: what there is to choose among.
pub(super) async fn without_tenant(
    worker: &Worker,
    principal: &Principal,
    raw: &RawRequest,
) -> Result<Reply, Error> {
    only(raw, &[Method::Get, Method::Head], "GET, HEAD")?;
    worker.app.tenants.vouch(&worker.pool, principal).await?;
    let (tenants, memberships) = tenants(worker, principal).await?;
    let document = json!({
        "tenant_id": null,
        "issuer": principal.issuer(),
        "subject": principal.subject(),
        "user_id": null,
        "membership": worker.app.config.membership.name(),
        "role": null,
        "permissions": [],
        "attributes": null,
        "tenants": tenants,
        "memberships": memberships,
        "expires_at": principal.expires_s(),
    });
    Ok(json(raw, 200, &document))
}

/// The tenants that the principal may choose, and what the database says of them, where it is asked.
async fn tenants(worker: &Worker, principal: &Principal) -> Result<(Vec<Uuid>, Value), Error> {
    let named: Vec<Uuid> = principal.tenants().collect();
    let belongs = match worker.app.config.membership {
        Membership::Token => return Ok((named, Value::Null)),
        Membership::Database | Membership::Both => {
            worker.app.tenants.belongings(&worker.pool, principal).await?
        }
    };
    let names_none = worker.app.config.membership == Membership::Database && !principal.names_tenants();
    let may_choose = |belonging: &Belonging| match names_none {
        true => principal.may_speak_for(belonging.tenant_id),
        false => named.contains(&belonging.tenant_id),
    };
    let belongs: Vec<Belonging> = belongs.into_iter().filter(may_choose).collect();
    let memberships = belongs.iter().map(|belonging| {
        json!({
            "tenant_id": belonging.tenant_id,
            "slug": belonging.slug,
            "name": belonging.name,
            "role": belonging.role,
        })
    });
    Ok((belongs.iter().map(|belonging| belonging.tenant_id).collect(), memberships.collect()))
}

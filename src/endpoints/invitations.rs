//! `POST /invitations/accept`: whoever has a good token and the token of an invitation becomes a member.
//!
//! The caller need not belong to any tenant yet, so no tenant is chosen: the invitation names it, and the token's issuer must
//! be one that may speak for it.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{json, only};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::Error;
use crate::identity::Principal;
use crate::request::{self, Method, RawRequest};
use crate::tenants::Accepted;

/// The longest text that is looked at as the token of an invitation, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    token: String,
}

pub(super) async fn accept(
    worker: &Worker,
    principal: &Principal,
    raw: &RawRequest,
    body: impl Future<Output = Result<Bytes, Error>>,
) -> Result<Reply, Error> {
    only(raw, &[Method::Post], "POST")?;
    let body = body.await?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| request::Error::Body {
        expected: "an object with the invitation's token",
        why: "it must be {\"token\": \"...\"}".to_owned(),
    })?;
    // A NUL is nothing that Postgres can be asked about.
    if asked.token.len() > TOKEN_BYTES_MAX || asked.token.contains('\0') {
        return Err(Error::NoInvitation);
    }
    match worker.app.tenants.accept(&worker.pool, principal, &asked.token).await? {
        Accepted::Member { tenant_id, user_id, role } => {
            let document = json!({"tenant_id": tenant_id, "user_id": user_id, "role": role});
            Ok(json(raw, 201, &document))
        }
        Accepted::AlreadyMember => Err(Error::AlreadyMember),
        Accepted::NotAUser => Err(Error::NotAUser),
        Accepted::Unknown => Err(Error::NoInvitation),
    }
}

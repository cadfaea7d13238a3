//! `POST /auth/logout`: ends the session of the access token that it is sent with.

use super::only;
use super::token::{self, Told};
use crate::answer::{Body, Reply};
use crate::app::Worker;
use crate::error::Error;
use crate::events::Decision;
use crate::identity::{self, Principal, Refusal};
use crate::request::{self, Method, RawRequest};
use crate::sessions::{self, Sessions};

const TOLD: Told = Told { decision: Decision::Allow, code: "logout", status: 204, route: "/auth/logout" };

pub(super) async fn respond(
    worker: &Worker,
    sessions: &Sessions,
    raw: &RawRequest,
    now_s: u64,
) -> Result<Reply, Error> {
    only(raw, &[Method::Post], "POST")?;
    if request::names_token(&raw.query) {
        return Err(Refusal::Ambiguous.into());
    }
    let authorization: Vec<&[u8]> = raw.authorization.iter().map(AsRef::as_ref).collect();
    let token = identity::credential(&authorization)?;
    let principal = worker.app.verifier.verify(&worker.pool, token, now_s).await?;
    end(worker, sessions, raw, &principal, TOLD).await?;
    Ok(Reply {
        status: 204,
        headers: vec![("cache-control", "no-store".to_owned())],
        told: Vec::new(),
        body: Body::None,
    })
}

/// Denies a verified token, and ends its session, which is told as `told`. Not another issuer's: those sign out there.
pub(super) async fn end(
    worker: &Worker,
    sessions: &Sessions,
    raw: &RawRequest,
    principal: &Principal,
    told: Told,
) -> Result<(), Error> {
    if principal.issuer() != sessions.issuer {
        return Err(Error::NotOurs);
    }
    let params = [principal.issuer(), principal.jti(), &principal.expires_s().to_string()];
    token::ask(worker, sessions::END_SESSION, &params).await?;
    let tenant = principal.tenants().next();
    token::record(worker, raw, told, tenant, Some(principal.subject().to_owned()));
    Ok(())
}

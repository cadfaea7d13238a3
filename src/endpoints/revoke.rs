//! `POST /auth/revoke` (RFC 7009): ends the session of a refresh token or of an access token.

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::token::{self, Fault, Form, Told};
use super::{json, only};
use crate::answer::Reply;
use crate::app::Worker;
use crate::error::Error;
use crate::events::Decision;
use crate::identity;
use crate::request::{Method, RawRequest};
use crate::sessions::{self, Sessions};

const TOLD: Told = Told { decision: Decision::Allow, code: "revoke", status: 200, route: "/auth/revoke" };

/// 200 also for a token that is not known: there is nothing left to revoke (RFC 7009 2.2).
pub(super) async fn respond(
    worker: &Worker,
    sessions: &Sessions,
    raw: &RawRequest,
    body: impl Future<Output = Result<Bytes, Error>>,
    now_s: u64,
) -> Result<Reply, Error> {
    only(raw, &[Method::Post], "POST")?;
    let form = match Form::read(raw, &body.await?) {
        Ok(form) => form,
        Err(fault) => return Ok(fault.reply(raw)),
    };
    let client = form.get("client_id").unwrap_or_default();
    if let Err(fault) = token::limit(sessions, raw, client) {
        return Ok(fault.reply(raw));
    }
    let Some(text) = form.get("token") else {
        return Ok(Fault::Request("token is missing").reply(raw));
    };
    if text.starts_with("rhr_") {
        let row = token::ask(worker, sessions::REVOKE_REFRESH, &[&sessions::hash(text), client]).await?;
        if token::column::<&str>(&row, "outcome")? == "ended" {
            let user: Uuid = token::column(&row, "user_id")?;
            token::record(worker, raw, TOLD, token::column(&row, "tenant_id")?, Some(user.to_string()));
        }
    } else {
        let header = format!("Bearer {text}");
        if let Ok(token) = identity::credential(&[header.as_bytes()])
            && let Ok(principal) = worker.app.verifier.verify(&worker.pool, token, now_s).await
            && principal.issuer() == sessions.issuer
        {
            super::logout::end(worker, sessions, raw, &principal, TOLD).await?;
        }
    }
    Ok(json(raw, 200, &json!({})))
}

//! What the service answers itself, beside what the catalog serves: a few paths with fixed names. A relation of such a
//! name is reached below its tenant only, as `/{tenant}/me`.
//!
//! [`Public`] ones are answered to anybody, before a token is asked for; [`Personal`] ones to whoever has a good token, before
//! a tenant is chosen; [`Own`] ones in a tenant, after it was admitted.

mod invitations;
mod keys;
mod logout;
mod me;
mod resource;
mod revoke;
mod token;

use bytes::Bytes;
use uuid::Uuid;

use crate::answer::{Body, Reply};
use crate::app::Worker;
use crate::config::Config;
use crate::error::Error;
use crate::identity::{self, Membership, Principal, SelectionError, TenantContext};
use crate::request::{self, Method, RawRequest};

/// Answered to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    /// `/.well-known/oauth-protected-resource` (RFC 9728): which issuers' tokens are taken.
    Resource,
    /// `/.well-known/oauth-protected-resource/{tenant}`: the same for one tenant.
    TenantResource(Uuid),
    /// `/.well-known/oauth-authorization-server` (RFC 8414): how to get a token from the service itself.
    Server,
    /// `/.well-known/jwks.json`: the keys of its tokens.
    Keys,
    /// `/auth/token`.
    Token,
    /// `/auth/revoke` (RFC 7009).
    Revoke,
    /// `/auth/logout`.
    Logout,
}

/// Answered to a verified user, in no tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// `/invitations/accept`.
    AcceptInvitation,
    /// `/me`, where the token names no tenant and the request none either.
    Me,
}

/// Answered in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// `/me`: what the token proved.
    Me,
}

impl Public {
    /// The one that `path` names, as sent.
    pub fn find(path: &str, worker: &Worker) -> Option<Self> {
        if worker.app.sessions.is_some() {
            // Where the service issues no tokens these are paths like any other.
            match path {
                "/.well-known/oauth-authorization-server" => return Some(Public::Server),
                "/.well-known/jwks.json" => return Some(Public::Keys),
                "/auth/token" => return Some(Public::Token),
                "/auth/revoke" => return Some(Public::Revoke),
                "/auth/logout" => return Some(Public::Logout),
                _ => {}
            }
        }
        if worker.app.config.public_url.is_empty() {
            return None;
        }
        match path.strip_prefix("/.well-known/oauth-protected-resource")? {
            "" => Some(Public::Resource),
            below => identity::tenant_id(below.strip_prefix('/')?).map(Public::TenantResource),
        }
    }

    /// The label of its requests in metrics and logs.
    pub fn route(self) -> &'static str {
        match self {
            Public::Resource => ".well-known/oauth-protected-resource",
            Public::TenantResource(_) => ".well-known/oauth-protected-resource/{tenant}",
            Public::Server => ".well-known/oauth-authorization-server",
            Public::Keys => ".well-known/jwks.json",
            Public::Token => "auth/token",
            Public::Revoke => "auth/revoke",
            Public::Logout => "auth/logout",
        }
    }

    /// Answers it.
    ///
    /// # Errors
    /// [`Error::Request`] for another method; [`Error::Database`]; of `/auth/logout` [`Error::Credential`].
    pub async fn respond(
        self,
        worker: &Worker,
        raw: &RawRequest,
        body: impl Future<Output = Result<Bytes, Error>>,
        now_s: u64,
    ) -> Result<Reply, Error> {
        let sessions = || worker.app.sessions.as_ref().ok_or(Error::Internal("no sessions"));
        match self {
            Public::Resource => resource::respond(worker, None, raw).await,
            Public::TenantResource(tenant) => resource::respond(worker, Some(tenant), raw).await,
            Public::Server => keys::server(sessions()?, raw),
            Public::Keys => keys::respond(sessions()?, raw),
            Public::Token => token::respond(worker, sessions()?, raw, body, now_s).await,
            Public::Revoke => revoke::respond(worker, sessions()?, raw, body, now_s).await,
            Public::Logout => logout::respond(worker, sessions()?, raw, now_s).await,
        }
    }
}

impl Personal {
    /// The one that `path` names, as sent.
    pub fn find(path: &str) -> Option<Self> {
        match path {
            "/invitations/accept" => Some(Personal::AcceptInvitation),
            _ => None,
        }
    }

    /// The one that answers where no tenant was chosen because the request names none, and membership is the database's to
    /// tell: the user asks which there are.
    pub fn instead_of_tenant(path: &str, error: &Error, config: &Config) -> Option<Self> {
        let names_none = matches!(error, Error::Selection(SelectionError::Required));
        let may_ask = config.membership != Membership::Token;
        (path == "/me" && names_none && may_ask).then_some(Personal::Me)
    }

    /// The label of its requests in metrics and logs.
    pub fn route(self) -> &'static str {
        match self {
            Personal::AcceptInvitation => "invitations/accept",
            Personal::Me => "me",
        }
    }

    /// Answers it.
    ///
    /// # Errors
    /// [`Error::Request`] for another method or a bad body; what the endpoint's own are.
    pub async fn respond(
        self,
        worker: &Worker,
        principal: &Principal,
        raw: &RawRequest,
        body: impl Future<Output = Result<Bytes, Error>>,
    ) -> Result<Reply, Error> {
        match self {
            Personal::AcceptInvitation => invitations::accept(worker, principal, raw, body).await,
            Personal::Me => me::without_tenant(worker, principal, raw).await,
        }
    }
}

impl Own {
    /// The one that `path` names, without its tenant.
    pub fn find(path: &str) -> Option<Self> {
        match path {
            "/me" => Some(Own::Me),
            _ => None,
        }
    }

    /// The label of its requests in metrics and logs.
    pub fn route(self) -> &'static str {
        match self {
            Own::Me => "me",
        }
    }

    /// Answers it.
    ///
    /// # Errors
    /// [`Error::Request`] for another method.
    pub async fn respond(
        self,
        worker: &Worker,
        tenant: &TenantContext,
        raw: &RawRequest,
    ) -> Result<Reply, Error> {
        match self {
            Own::Me => me::respond(worker, tenant, raw).await,
        }
    }
}

/// Refuses every method but `allowed`, as an `Allow` header lists them.
fn only(raw: &RawRequest, methods: &[Method], allowed: &'static str) -> Result<(), Error> {
    match methods.contains(&raw.method) {
        true => Ok(()),
        false => Err(request::Error::Method { method: raw.method, allowed }.into()),
    }
}

/// A JSON answer that nobody keeps.
fn json(raw: &RawRequest, status: u16, document: &serde_json::Value) -> Reply {
    Reply {
        status,
        headers: vec![
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        told: Vec::new(),
        body: match raw.method {
            Method::Head => Body::None,
            _ => Body::Full(document.to_string().into()),
        },
    }
}

//! What the service answers itself, beside what the catalog serves: a few paths with fixed names. A relation of such a
//! name is reached below its tenant only, as `/{tenant}/me`.
//!
//! [`Public`] ones are answered to anybody, before a token is asked for; [`Own`] ones in a tenant, after it was admitted.

mod me;
mod resource;

use crate::answer::{Body, Reply};
use crate::app::Worker;
use crate::error::Error;
use crate::identity::TenantContext;
use crate::request::{self, Method, RawRequest};

/// Answered to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    /// `/.well-known/oauth-protected-resource` (RFC 9728): which issuers' tokens are taken.
    Resource,
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
        match path {
            "/.well-known/oauth-protected-resource" if !worker.app.config.public_url.is_empty() => {
                Some(Public::Resource)
            }
            _ => None,
        }
    }

    /// The label of its requests in metrics and logs.
    pub fn route(self) -> &'static str {
        match self {
            Public::Resource => ".well-known/oauth-protected-resource",
        }
    }

    /// Answers it.
    ///
    /// # Errors
    /// [`Error::Request`] for another method.
    pub async fn respond(self, worker: &Worker, raw: &RawRequest) -> Result<Reply, Error> {
        match self {
            Public::Resource => resource::respond(&worker.app.config, raw),
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
    pub async fn respond(self, tenant: &TenantContext, raw: &RawRequest) -> Result<Reply, Error> {
        match self {
            Own::Me => me::respond(tenant, raw),
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

//! `Mint` -> token text: access tokens for `rowhouse token`, signed with an issuer's HS256 secret.
//!
//! The mirror of the verifier: what it makes, the verifier of the same issuer accepts. No route calls it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::issuers::{self, IssuerConfig};
use super::keys;

/// What a new token says; issuer, audience, key and type are the issuer's.
#[derive(Clone, Debug)]
pub struct Mint {
    /// `sub`: 1 to 255 characters.
    pub subject: String,
    /// `tenant_id`, if the token is for one tenant.
    pub tenant_id: Option<Uuid>,
    /// `role`, 1 to 64 characters.
    pub role: Option<String>,
    /// `permissions`; none leaves the claim out.
    pub permissions: Vec<String>,
    /// Seconds from `iat` to `exp`, at most the issuer's `lifetime_s_max`.
    pub ttl_s: u64,
    /// `iat`, in seconds since 1970.
    pub now_s: u64,
    /// More claims, such as `orgs`; none may have the name of one made here.
    pub extra: Map<String, Value>,
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The issuer's secret cannot be had.
    #[error(transparent)]
    Issuer(#[from] issuers::Error),
    /// The token would live longer than the issuer's tokens may.
    #[error("a token of issuer {issuer:?} lives at most {lifetime_s_max} s")]
    Lifetime {
        /// The issuer.
        issuer: String,
        /// Its bound.
        lifetime_s_max: u64,
    },
    /// An extra claim has the name of one made here.
    #[error("claim {0:?} cannot be an extra claim")]
    Reserved(String),
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Signature,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// Makes a token of `issuer`.
///
/// # Errors
///
/// [`Error`], by variant; an issuer without an HS256 secret is [`Error::Issuer`].
pub fn mint(issuer: &IssuerConfig, mint: &Mint) -> Result<String, Error> {
    let (kid, secret) = keys::secret(issuer)?;
    if mint.ttl_s > issuer.lifetime_s_max {
        let lifetime_s_max = issuer.lifetime_s_max;
        return Err(Error::Lifetime { issuer: issuer.issuer.clone(), lifetime_s_max });
    }
    let mut claims = made(issuer, mint);
    for (name, value) in &mint.extra {
        if claims.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::Reserved(name.clone()));
        }
    }
    let algorithm = issuer.algorithm;
    let header = Header { alg: algorithm.name(), typ: &issuer.typ, kid };
    let message = format!("{}.{}", part(&header)?, part(&claims)?);
    let key = EncodingKey::from_secret(&secret);
    let signer =
        (DEFAULT_PROVIDER.signer_factory)(&algorithm.library(), &key).map_err(|_| Error::Signature)?;
    let signature = signer.try_sign(message.as_bytes()).map_err(|_| Error::Signature)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn made(issuer: &IssuerConfig, mint: &Mint) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", issuer.issuer.as_str().into());
    put("aud", issuer.audience.as_str().into());
    put("sub", mint.subject.as_str().into());
    put("client_id", "rowhouse".into());
    put("iat", mint.now_s.into());
    put("exp", mint.now_s.saturating_add(mint.ttl_s).into());
    put("jti", Uuid::new_v4().to_string().into());
    if let Some(tenant_id) = mint.tenant_id {
        put("tenant_id", tenant_id.to_string().into());
    }
    if let Some(role) = &mint.role {
        put("role", role.as_str().into());
    }
    if !mint.permissions.is_empty() {
        put("permissions", mint.permissions.clone().into());
    }
    claims
}

fn part(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(value).map_err(|_| Error::Signature)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
mod tests {

    use serde_json::json;

    use super::super::fixture::*;
    use super::super::issuers::Algorithm;
    use super::super::selection::{Membership, Selectors, select};
    use super::super::tenant_id;
    use super::*;

    fn order() -> Mint {
        Mint {
            subject: "user-1".to_owned(),
            tenant_id: tenant_id(TENANT),
            role: Some("member".to_owned()),
            permissions: vec!["links:read".to_owned()],
            ttl_s: 900,
            now_s: NOW_S,
            extra: Map::new(),
        }
    }

    fn chosen(token: &str) -> crate::identity::TenantContext {
        let candidate = select(accepted(token), Selectors::default(), Membership::Token);
        candidate.expect("a tenant").admit(None, Membership::Token, None).expect("admitted")
    }

    #[test]
    fn the_verifier_accepts_what_is_minted() {
        let token = mint(&config(), &order()).expect("minted");
        let context = chosen(&token);
        assert_eq!((context.user(), context.role()), ("user-1", Some("member")));
        assert_eq!(context.permissions(), ["links:read"]);
        assert_eq!(context.principal().map(crate::identity::Principal::expires_s), Some(NOW_S + 900));
        let again = mint(&config(), &order()).expect("minted");
        assert_ne!(token, again, "the jti is random");
    }

    #[test]
    fn extra_claims_are_added_but_replace_none() {
        let extra =
            |name: &str, value: Value| Mint { extra: Map::from_iter([(name.to_owned(), value)]), ..order() };
        let token = mint(&config(), &extra("orgs", json!({TENANT: {"role": "owner"}}))).expect("minted");
        let context = chosen(&token);
        assert_eq!(context.role(), Some("owner"));
        let error = mint(&config(), &extra("sub", json!("root"))).expect_err("reserved");
        assert_eq!(error.to_string(), "claim \"sub\" cannot be an extra claim");
    }

    #[test]
    fn an_issuer_without_a_secret_mints_nothing() {
        let config = public_config(Algorithm::ES256, "p256.pub.pem");
        assert!(matches!(mint(&config, &order()), Err(Error::Issuer(_))));
    }

    #[test]
    fn a_token_that_would_be_refused_as_too_long_lived_is_not_minted() {
        assert!(mint(&config(), &Mint { ttl_s: 3600, ..order() }).is_ok());
        assert!(matches!(mint(&config(), &Mint { ttl_s: 3601, ..order() }), Err(Error::Lifetime { .. })));
    }
}

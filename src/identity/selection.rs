//! `Principal` + `Selectors` -> `TenantContext`: which of the proven tenants a request is for.
//!
//! A selector only chooses among what the token proves. One that is malformed, disagrees or names an
//! unproven tenant is refused, never ignored. Without a `TenantContext` there is no transaction.

use std::fmt;

use uuid::Uuid;

use super::{Grant, Principal, tenant_id};

/// What a request says about its tenant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selectors<'a> {
    /// The tenant in the path, where the route has one.
    pub path: Option<Uuid>,
    /// The values of all `X-Tenant-Id` headers.
    pub header: &'a [&'a [u8]],
}

/// Why no tenant was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The header is repeated or not a canonical UUID: 400 `tenant_selector_invalid`.
    #[error("the tenant selector is malformed")]
    Invalid,
    /// Path and header name different tenants: 400 `tenant_selector_conflict`.
    #[error("the tenant selectors disagree")]
    Conflict,
    /// The token proves several tenants and the request chooses none: 400 `tenant_required`.
    #[error("the token is good for several tenants and the request names none")]
    Required,
    /// The token does not prove the tenant, whether it exists or not: 403 `tenant_forbidden`.
    #[error("the token does not prove the tenant")]
    Forbidden,
}

impl SelectionError {
    /// The error's name in answers, logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            SelectionError::Invalid => "tenant_selector_invalid",
            SelectionError::Conflict => "tenant_selector_conflict",
            SelectionError::Required => "tenant_required",
            SelectionError::Forbidden => "tenant_forbidden",
        }
    }
}

/// Chooses the tenant of a request.
///
/// # Errors
///
/// [`SelectionError`], by variant.
pub fn select(mut principal: Principal, selectors: Selectors<'_>) -> Result<TenantContext, SelectionError> {
    let selected = selectors.tenant()?;
    let is_proven = |tenant| principal.proven.iter().any(|grant| grant.tenant_id == tenant);
    if principal.proven.is_empty() || principal.active.is_some_and(|active| !is_proven(active)) {
        return Err(SelectionError::Forbidden);
    }
    let index = match (selected.or(principal.active), principal.proven.len()) {
        (Some(tenant), _) => principal.proven.iter().position(|grant| grant.tenant_id == tenant),
        (None, 1) => Some(0),
        (None, _) => return Err(SelectionError::Required),
    };
    let grant = principal.proven.swap_remove(index.ok_or(SelectionError::Forbidden)?);
    Ok(TenantContext { grant, principal })
}

impl Selectors<'_> {
    /// The one tenant that all selectors name.
    fn tenant(&self) -> Result<Option<Uuid>, SelectionError> {
        let header = match self.header {
            [] => None,
            [value] => {
                let text = std::str::from_utf8(value).map_err(|_| SelectionError::Invalid)?;
                Some(tenant_id(text).ok_or(SelectionError::Invalid)?)
            }
            [_, _, ..] => return Err(SelectionError::Invalid),
        };
        match (self.path, header) {
            (Some(path), Some(header)) if path != header => Err(SelectionError::Conflict),
            (path, header) => Ok(path.or(header)),
        }
    }
}

/// The authority of one request: a verified user in one tenant. Made by [`select`] alone.
pub struct TenantContext {
    grant: Grant,
    principal: Principal,
}

impl TenantContext {
    /// The tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.grant.tenant_id
    }

    /// The user: the token's `sub`, 1 to 255 characters, unique only together with the issuer.
    pub fn user(&self) -> &str {
        &self.principal.subject
    }

    /// The role in this tenant.
    pub fn role(&self) -> Option<&str> {
        self.grant.role.as_deref()
    }

    /// The permissions in this tenant, as the token lists them.
    pub fn permissions(&self) -> &[String] {
        &self.grant.permissions
    }

    /// The verified claims, exactly as the token's payload has them: one JSON object.
    pub fn claims_json(&self) -> &str {
        &self.principal.claims_json
    }

    /// The issuer of the token.
    pub fn issuer(&self) -> &str {
        &self.principal.issuer
    }

    /// The token's id, unique only together with the issuer.
    pub fn jti(&self) -> &str {
        &self.principal.jti
    }

    /// When the token was issued, in seconds since 1970.
    pub fn issued_s(&self) -> u64 {
        self.principal.issued_s
    }

    /// When the token expires, in seconds since 1970, without leeway.
    pub fn expires_s(&self) -> u64 {
        self.principal.expires_s
    }
}

impl fmt::Debug for TenantContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TenantContext")
            .field("tenant_id", &self.grant.tenant_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixture::*;
    use super::super::issuers::IssuerConfig;
    use super::super::token::Token;
    use super::super::{Verifier, fixture};
    use super::*;

    const THIRD: &str = "ebdba44d-5b0e-4e9e-9d4f-3c1f6b0d7a22";

    fn id(text: &str) -> Uuid {
        tenant_id(text).expect("canonical")
    }

    fn both() -> Value {
        let orgs = json!({TENANT: {"role": "owner", "permissions": ["x"]}, OTHER: {"role": "member"}});
        with(claims(), "orgs", orgs)
    }

    fn choose(claims: &Value, path: Option<&str>, header: &[&str]) -> Result<TenantContext, SelectionError> {
        choose_with(fixture::verifier(), claims, path, header)
    }

    fn choose_with(
        verifier: &Verifier,
        claims: &Value,
        path: Option<&str>,
        header: &[&str],
    ) -> Result<TenantContext, SelectionError> {
        let token = token(&fixture::header(), claims);
        let principal = verifier.verify(Token::new(&token), NOW_S).expect("a good token");
        let header: Vec<&[u8]> = header.iter().map(|value| value.as_bytes()).collect();
        select(principal, Selectors { path: path.map(id), header: &header })
    }

    #[track_caller]
    fn error(claims: &Value, path: Option<&str>, header: &[&str]) -> SelectionError {
        choose(claims, path, header).expect_err("no tenant")
    }

    #[test]
    fn without_a_selector_the_active_tenant_is_chosen() {
        let context = choose(&claims(), None, &[]).expect("chosen");
        assert_eq!(context.tenant_id(), id(TENANT));
        assert_eq!((context.user(), context.role()), ("user-1", Some("admin")));
        assert_eq!(context.permissions(), ["links:delete"]);
        assert_eq!((context.issuer(), context.jti()), (ISSUER, "token-1"));
        assert_eq!((context.issued_s(), context.expires_s()), (NOW_S, NOW_S + 900));
        assert_eq!(context.claims_json(), claims().to_string());
    }

    #[test]
    fn a_selector_may_repeat_the_active_tenant() {
        for (path, header) in [(Some(TENANT), &[][..]), (None, &[TENANT]), (Some(TENANT), &[TENANT])] {
            assert_eq!(choose(&claims(), path, header).expect("chosen").tenant_id(), id(TENANT));
        }
    }

    #[test]
    fn a_selector_that_the_token_does_not_prove_is_forbidden() {
        assert_eq!(error(&claims(), Some(OTHER), &[]), SelectionError::Forbidden);
        assert_eq!(error(&claims(), None, &[OTHER]), SelectionError::Forbidden);
        assert_eq!(error(&both(), Some(THIRD), &[THIRD]), SelectionError::Forbidden);
    }

    #[test]
    fn the_header_is_one_canonical_uuid() {
        let upper = TENANT.to_uppercase();
        let list = format!("{TENANT}, {TENANT}");
        for value in ["", "acme", upper.as_str(), list.as_str(), "00000000-0000-0000-0000-000000000000", "é"]
        {
            assert_eq!(error(&claims(), None, &[value]), SelectionError::Invalid, "{value}");
        }
        assert_eq!(error(&claims(), None, &[TENANT, TENANT]), SelectionError::Invalid);
        let principal = accepted(&token(&fixture::header(), &claims()));
        let selectors = Selectors { path: None, header: &[b"\xff"] };
        assert_eq!(select(principal, selectors).expect_err("bytes"), SelectionError::Invalid);
    }

    #[test]
    fn selectors_that_disagree_are_refused() {
        assert_eq!(error(&both(), Some(TENANT), &[OTHER]), SelectionError::Conflict);
        assert_eq!(error(&claims(), Some(OTHER), &[TENANT]), SelectionError::Conflict);
        assert!(choose(&both(), Some(OTHER), &[OTHER]).is_ok());
    }

    #[test]
    fn the_entry_of_the_chosen_tenant_rules() {
        let context = choose(&both(), None, &[OTHER]).expect("chosen");
        assert_eq!((context.tenant_id(), context.role()), (id(OTHER), Some("member")));
        assert!(context.permissions().is_empty());
        let context = choose(&both(), None, &[]).expect("chosen");
        assert_eq!((context.tenant_id(), context.role()), (id(TENANT), Some("owner")));
        let silent = with(claims(), "orgs", json!({TENANT: {}}));
        let context = choose(&silent, None, &[]).expect("chosen");
        assert_eq!((context.role(), context.permissions().len()), (None, 0));
    }

    #[test]
    fn an_ambiguous_token_needs_a_selector() {
        let claims = without(both(), "tenant_id");
        assert_eq!(error(&claims, None, &[]), SelectionError::Required);
        assert_eq!(choose(&claims, Some(OTHER), &[]).expect("chosen").tenant_id(), id(OTHER));
        let only = with(claims, "orgs", json!({OTHER: {}}));
        assert_eq!(choose(&only, None, &[]).expect("chosen").tenant_id(), id(OTHER));
    }

    #[test]
    fn a_token_that_proves_no_tenant_is_forbidden() {
        let none = without(claims(), "tenant_id");
        assert_eq!(error(&none, None, &[]), SelectionError::Forbidden);
        assert_eq!(error(&none, Some(TENANT), &[]), SelectionError::Forbidden);
        assert_eq!(error(&none, None, &[TENANT]), SelectionError::Forbidden);
        let empty = with(none, "orgs", json!({}));
        assert_eq!(error(&empty, None, &[]), SelectionError::Forbidden);
    }

    #[test]
    fn an_issuer_bound_to_a_tenant_speaks_for_no_other() {
        let verifier = Verifier::new(&[IssuerConfig { tenant: Some(id(TENANT)), ..config() }]).expect("good");
        let choose = |claims: &Value, path| {
            choose_with(&verifier, claims, path, &[]).map(|context| context.tenant_id())
        };
        assert_eq!(choose(&claims(), None), Ok(id(TENANT)));
        assert_eq!(choose(&without(claims(), "tenant_id"), None), Ok(id(TENANT)));
        assert_eq!(choose(&both(), Some(TENANT)), Ok(id(TENANT)));
        assert_eq!(choose(&without(both(), "tenant_id"), None), Ok(id(TENANT)));
        assert_eq!(choose(&both(), Some(OTHER)), Err(SelectionError::Forbidden));
        let foreign = with(claims(), "tenant_id", json!(OTHER));
        assert_eq!(choose(&foreign, None), Err(SelectionError::Forbidden));
        assert_eq!(choose(&foreign, Some(OTHER)), Err(SelectionError::Forbidden));
        let foreign_active = with(both(), "tenant_id", json!(OTHER));
        assert_eq!(choose(&foreign_active, Some(TENANT)), Err(SelectionError::Forbidden));
    }

    #[test]
    fn a_context_debugs_without_claims() {
        let text = format!("{:?}", choose(&claims(), None, &[]).expect("chosen"));
        assert_eq!(text, format!("TenantContext {{ tenant_id: {TENANT}, .. }}"));
    }
}

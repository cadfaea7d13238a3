//! `Principal` + `Selectors` -> `Candidate` -> `TenantContext`: which of the proven tenants a request is for, and as what.
//!
//! A selector only chooses among what is proven: by the token, or, where the database alone says who is a member, by a
//! membership. One that is malformed, disagrees or names an unproven tenant is refused, never ignored. Only of a request that
//! may be anonymous the selector alone is asked, and all that it gives is the anonymous role. A `Candidate` becomes a
//! `TenantContext` by what the database knows of it (`crate::tenants`); without one there is no transaction.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::roles::{Claimed, DatabaseRole};
use super::{Grant, Principal, tenant_id};

/// What a request says about its tenant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selectors<'a> {
    /// The tenant in the path, where the route has one.
    pub path: Option<Uuid>,
    /// The values of all `X-Tenant-Id` headers.
    pub header: &'a [&'a [u8]],
    /// The tenant that the host names; where its slug is nobody's, an id that no tenant has.
    pub host: Option<Uuid>,
}

/// Who says what a user is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// The token.
    Token,
    /// The database: a token need not name tenants.
    Database,
    /// Both must; the lower role and the common permissions count.
    Both,
}

impl Membership {
    /// Its name in the configuration and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Membership::Token => "token",
            Membership::Database => "database",
            Membership::Both => "both",
        }
    }
}

/// A membership, as the database has it.
#[derive(Debug, Clone)]
pub struct Member {
    /// `tenancy.users.id`.
    pub user_id: Uuid,
    pub role: String,
    pub permissions: Vec<String>,
    /// One JSON object.
    pub attributes: Arc<str>,
    pub is_active: bool,
}

/// Why no tenant was chosen, or not with this role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The header is repeated or not a canonical UUID: 400 `tenant_selector_invalid`.
    #[error("the tenant selector is malformed")]
    Invalid,
    /// Path, header and host do not all name one tenant: 400 `tenant_selector_conflict`.
    #[error("the tenant selectors disagree")]
    Conflict,
    /// The token proves several tenants and the request chooses none: 400 `tenant_required`.
    #[error("the token is good for several tenants and the request names none")]
    Required,
    /// The token does not prove the tenant, whether it exists or not: 403 `tenant_forbidden`.
    #[error("the token does not prove the tenant")]
    Forbidden,
    /// The token's role claim names a role that is not one of `database_roles`: 403 `role_forbidden`.
    #[error("the token names a database role that is not allowed")]
    Role { name: String },
}

impl SelectionError {
    /// The error's name in answers, logs and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            SelectionError::Invalid => "tenant_selector_invalid",
            SelectionError::Conflict => "tenant_selector_conflict",
            SelectionError::Required => "tenant_required",
            SelectionError::Forbidden => "tenant_forbidden",
            SelectionError::Role { .. } => "role_forbidden",
        }
    }
}

/// Chooses the tenant of a request, and the database role that it runs as.
///
/// # Errors
///
/// [`SelectionError`], by variant.
pub fn select(
    principal: Arc<Principal>,
    selectors: Selectors<'_>,
    membership: Membership,
) -> Result<Candidate, SelectionError> {
    let selected = selectors.tenant()?;
    let is_proven = |tenant| principal.proven.iter().any(|grant| grant.tenant_id == tenant);
    if principal.active.is_some_and(|active| !is_proven(active)) {
        return Err(SelectionError::Forbidden);
    }
    let grant = match (membership, principal.proven.as_slice(), selected.or(principal.active)) {
        // The token names no tenant: any that the issuer may speak for, if the user is a member there.
        (Membership::Database, _, Some(tenant))
            if !principal.names_tenants() && principal.may_speak_for(tenant) =>
        {
            Grant { tenant_id: tenant, role: None, permissions: Vec::new() }
        }
        (Membership::Database, [], None) if !principal.names_tenants() => {
            return Err(SelectionError::Required);
        }
        (_, proven, Some(tenant)) => {
            let named = proven.iter().find(|grant| grant.tenant_id == tenant);
            named.ok_or(SelectionError::Forbidden)?.clone()
        }
        (_, [only], None) => only.clone(),
        (_, [], None) => return Err(SelectionError::Forbidden),
        (_, [_, _, ..], None) => return Err(SelectionError::Required),
    };
    let database_role = match &principal.database_role {
        Claimed::Nothing => None,
        Claimed::Allowed(role) => Some(role.clone()),
        Claimed::Refused(name) => return Err(SelectionError::Role { name: name.clone() }),
    };
    Ok(Candidate { grant, principal: Some(principal), database_role })
}

/// A verified user and the tenant that the request is for, or nobody known and a tenant: not yet admitted. Made by
/// [`select`] and by [`super::Verifier::anonymous`].
pub struct Candidate {
    grant: Grant,
    /// None where the request is anonymous.
    principal: Option<Arc<Principal>>,
    database_role: Option<DatabaseRole>,
}

impl Candidate {
    /// Nobody known, in the tenant that the selectors name; None where they name none.
    pub(super) fn anonymous(
        role: DatabaseRole,
        selectors: Selectors<'_>,
    ) -> Result<Option<Self>, SelectionError> {
        let grant = |tenant_id| Grant { tenant_id, role: None, permissions: Vec::new() };
        Ok(selectors.tenant()?.map(|tenant_id| Self {
            grant: grant(tenant_id),
            principal: None,
            database_role: Some(role),
        }))
    }

    /// The tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.grant.tenant_id
    }

    /// Whether the request carried no credential.
    pub fn is_anonymous(&self) -> bool {
        self.principal.is_none()
    }

    /// Whether the token itself names the tenant.
    pub fn is_proven(&self) -> bool {
        self.principal().is_some_and(|principal| principal.tenants().any(|tenant| tenant == self.tenant_id()))
    }

    /// The database role that the request runs as; None for the request role itself.
    pub fn database_role(&self) -> Option<&DatabaseRole> {
        self.database_role.as_ref()
    }

    /// Who was verified; None for an anonymous caller.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_deref()
    }

    /// The authority that the token and the membership give together. A member who is disabled has none, whoever says what
    /// users are.
    ///
    /// # Errors
    ///
    /// [`SelectionError::Forbidden`].
    pub fn admit(
        self,
        member: Option<&Member>,
        membership: Membership,
        client: Option<IpAddr>,
    ) -> Result<TenantContext, SelectionError> {
        let Candidate { mut grant, principal, database_role } = self;
        if principal.is_some() {
            match (membership, member) {
                (_, Some(Member { is_active: false, .. })) => return Err(SelectionError::Forbidden),
                (Membership::Token, _) => {}
                (Membership::Database | Membership::Both, None) => return Err(SelectionError::Forbidden),
                (Membership::Database, Some(member)) => {
                    grant.role = Some(member.role.clone());
                    grant.permissions = member.permissions.clone();
                }
                (Membership::Both, Some(member)) => {
                    grant.role = grant.role.map(|role| lower(role, &member.role));
                    grant.permissions.retain(|permission| member.permissions.contains(permission));
                }
            }
        }
        Ok(TenantContext {
            grant,
            principal,
            database_role,
            user_id: member.map(|member| member.user_id),
            attributes: member.map(|member| Arc::clone(&member.attributes)),
            client,
            is_nobody: false,
        })
    }
}

/// The lower of two roles, as `tenancy.has_role` ranks them: one that it does not know ranks below all.
fn lower(token: String, member: &str) -> String {
    let rank = |role: &str| match role {
        "owner" => 3,
        "admin" => 2,
        "member" => 1,
        _ => 0,
    };
    if rank(member) < rank(&token) { member.to_owned() } else { token }
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
        let mut named = [self.path, header, self.host].into_iter().flatten();
        let first = named.next();
        match named.all(|tenant| Some(tenant) == first) {
            true => Ok(first),
            false => Err(SelectionError::Conflict),
        }
    }
}

/// The authority of one request: a verified user in one tenant, or nobody known as the anonymous role; made by
/// [`Candidate::admit`].
pub struct TenantContext {
    grant: Grant,
    /// None where the request is anonymous.
    principal: Option<Arc<Principal>>,
    database_role: Option<DatabaseRole>,
    user_id: Option<Uuid>,
    attributes: Option<Arc<str>>,
    client: Option<IpAddr>,
    is_nobody: bool,
}

impl TenantContext {
    /// The same caller, for a tenant that nobody is: it sees no row of any tenant and writes nothing.
    ///
    /// An anonymous request for a tenant that is not served runs so, and cannot be told from one for a tenant that shows
    /// the anonymous role nothing.
    pub fn nobody(mut self) -> Self {
        self.grant.tenant_id = Uuid::new_v4();
        self.is_nobody = true;
        self
    }

    /// Whether this is [`TenantContext::nobody`].
    pub fn is_nobody(&self) -> bool {
        self.is_nobody
    }

    /// Whether the request carried no credential.
    pub fn is_anonymous(&self) -> bool {
        self.principal.is_none()
    }

    /// The database role that the request runs as; None for the request role itself.
    pub fn database_role(&self) -> Option<&DatabaseRole> {
        self.database_role.as_ref()
    }

    /// The tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.grant.tenant_id
    }

    /// The user: the token's `sub`, 1 to 255 characters, unique only together with the issuer. Empty for an anonymous
    /// caller.
    pub fn user(&self) -> &str {
        self.principal.as_ref().map_or("", |principal| &principal.subject)
    }

    /// The role in this tenant.
    pub fn role(&self) -> Option<&str> {
        self.grant.role.as_deref()
    }

    /// The permissions in this tenant: the token's, the membership's, or those of both.
    pub fn permissions(&self) -> &[String] {
        &self.grant.permissions
    }

    /// The attributes of the membership, one JSON object; empty where the database knows none.
    pub fn attributes_json(&self) -> &str {
        self.attributes.as_deref().unwrap_or_default()
    }

    /// The user whom the database knows as a member (`tenancy.users.id`).
    pub fn user_id(&self) -> Option<Uuid> {
        self.user_id
    }

    /// The client's address: the connection's other end, or what a trusted proxy says.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// The verified claims, exactly as the token's payload has them: one JSON object. Empty for an anonymous caller.
    pub fn claims_json(&self) -> &str {
        self.principal.as_ref().map_or("", |principal| &principal.claims_json)
    }

    /// Who was verified; None for an anonymous caller.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_deref()
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Candidate").field("tenant_id", &self.grant.tenant_id).finish_non_exhaustive()
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
    use super::super::{Roles, Verifier, fixture};
    use super::*;
    use crate::config::Config;

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
        let principal = verify_with(verifier, &token).expect("a good token");
        let header: Vec<&[u8]> = header.iter().map(|value| value.as_bytes()).collect();
        let selectors = Selectors { path: path.map(id), header: &header, host: None };
        select(principal, selectors, Membership::Token)?.admit(None, Membership::Token, None)
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
        let principal = context.principal().expect("verified");
        assert_eq!((principal.issuer(), principal.jti()), (ISSUER, "token-1"));
        assert_eq!((principal.issued_s(), principal.expires_s()), (NOW_S, NOW_S + 900));
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
        let selectors = Selectors { header: &[b"\xff"], ..Selectors::default() };
        let error = select(principal, selectors, Membership::Token).expect_err("bytes");
        assert_eq!(error, SelectionError::Invalid);
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
        let verifier = verifier_of(&[IssuerConfig { tenant: Some(id(TENANT)), ..config() }]).expect("good");
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

    fn roles(claim: &str, anonymous: &str) -> Verifier {
        let allowed = if claim.is_empty() { Vec::new() } else { vec!["reader".to_owned()] };
        let settings = Config {
            role_claim: claim.to_owned(),
            database_roles: allowed,
            anonymous_role: anonymous.to_owned(),
            ..Config::default()
        };
        verifier_of(&[config()]).expect("good").with_roles(Roles::new(&settings).expect("good"))
    }

    #[test]
    fn the_role_claim_chooses_among_the_roles_of_the_list() {
        let verifier = roles("app.db", "");
        let choose = |db: Value| choose_with(&verifier, &with(claims(), "app", json!({"db": db})), None, &[]);
        let context = choose(json!("reader")).expect("chosen");
        assert_eq!(context.database_role().map(DatabaseRole::name), Some("reader"));
        assert_eq!((context.role(), context.is_anonymous()), (Some("admin"), false));
        let refused = SelectionError::Role { name: "writer".to_owned() };
        assert_eq!(choose(json!("writer")).expect_err("refused"), refused);
        let silent = choose_with(&verifier, &claims(), None, &[]).expect("chosen");
        assert!(silent.database_role().is_none());
    }

    #[test]
    fn the_anonymous_role_needs_a_tenant_that_is_named() {
        let named = |path: Option<&str>, header: &[&[u8]], role| {
            let candidate =
                roles("", role).anonymous(Selectors { path: path.map(id), header, host: None })?;
            candidate.map(|candidate| candidate.admit(None, Membership::Token, None)).transpose()
        };
        let context = named(Some(TENANT), &[], "anon").expect("no conflict").expect("an authority");
        assert_eq!((context.tenant_id(), context.user(), context.role()), (id(TENANT), "", None));
        assert_eq!((context.claims_json(), context.permissions().len()), ("", 0));
        assert_eq!(context.database_role().map(DatabaseRole::name), Some("anon"));
        assert!(context.is_anonymous() && context.principal().is_none() && !context.is_nobody());
        assert!(named(None, &[TENANT.as_bytes()], "anon").expect("no conflict").is_some());
        assert!(named(None, &[], "anon").expect("no conflict").is_none());
        assert!(named(Some(TENANT), &[b"x"], "").expect("nothing is asked").is_none());
        assert_eq!(named(Some(TENANT), &[b"x"], "anon").expect_err("no UUID"), SelectionError::Invalid);
        let conflict = named(Some(TENANT), &[OTHER.as_bytes()], "anon").expect_err("two tenants");
        assert_eq!(conflict, SelectionError::Conflict);
    }

    #[test]
    fn nobody_is_a_tenant_of_its_own_each_time() {
        let context = || choose(&claims(), None, &[]).expect("chosen").nobody();
        assert!(context().is_nobody());
        assert_ne!(context().tenant_id(), context().tenant_id());
        assert_ne!(context().tenant_id(), id(TENANT));
    }

    fn at(host: Option<&str>, path: Option<&str>, header: &[&[u8]]) -> Result<Option<Uuid>, SelectionError> {
        Selectors { path: path.map(id), header, host: host.map(id) }.tenant()
    }

    #[test]
    fn the_host_is_one_more_selector_that_must_agree() {
        assert_eq!(at(Some(TENANT), None, &[]), Ok(Some(id(TENANT))));
        assert_eq!(at(Some(TENANT), Some(TENANT), &[TENANT.as_bytes()]), Ok(Some(id(TENANT))));
        for (host, path, header) in
            [(TENANT, Some(OTHER), None), (TENANT, None, Some(OTHER)), (TENANT, Some(TENANT), Some(OTHER))]
        {
            let header: Vec<&[u8]> = header.into_iter().map(str::as_bytes).collect();
            assert_eq!(at(Some(host), path, &header), Err(SelectionError::Conflict));
        }
    }

    fn member(role: &str, permissions: &[&str]) -> Member {
        Member {
            user_id: id(THIRD),
            role: role.to_owned(),
            permissions: permissions.iter().map(|&permission| permission.to_owned()).collect(),
            attributes: Arc::from("{\"a\":1}"),
            is_active: true,
        }
    }

    fn admitted(
        claims: &Value,
        path: Option<&str>,
        member: Option<&Member>,
        membership: Membership,
    ) -> Result<TenantContext, SelectionError> {
        let principal = accepted(&token(&fixture::header(), claims));
        let selectors = Selectors { path: path.map(id), ..Selectors::default() };
        select(principal, selectors, membership)?.admit(member, membership, None)
    }

    #[test]
    fn in_database_mode_the_membership_proves_and_rules() {
        let none = without(claims(), "tenant_id");
        let owner = member("owner", &["a"]);
        let context = admitted(&none, Some(OTHER), Some(&owner), Membership::Database).expect("a member");
        assert_eq!((context.tenant_id(), context.role()), (id(OTHER), Some("owner")));
        assert_eq!(
            (context.permissions(), context.attributes_json()),
            (["a".to_owned()].as_slice(), "{\"a\":1}")
        );
        let error = |claims: &Value, path, member: Option<&Member>| {
            admitted(claims, path, member, Membership::Database).expect_err("refused")
        };
        assert_eq!(error(&none, Some(OTHER), None), SelectionError::Forbidden);
        assert_eq!(error(&none, None, Some(&owner)), SelectionError::Required);
        // A token that names tenants is good for those alone.
        assert_eq!(error(&claims(), Some(OTHER), Some(&owner)), SelectionError::Forbidden);
        let context =
            admitted(&claims(), None, Some(&member("member", &[])), Membership::Database).expect("in both");
        assert_eq!((context.role(), context.permissions().len()), (Some("member"), 0));
    }

    #[test]
    fn in_both_the_lower_role_and_the_common_permissions_count() {
        let role = |claimed: Option<&str>, of: &str| {
            let claims = match claimed {
                Some(role) => with(claims(), "role", json!(role)),
                None => without(claims(), "role"),
            };
            let context =
                admitted(&claims, None, Some(&member(of, &["x", "links:delete"])), Membership::Both)?;
            assert_eq!(context.permissions(), ["links:delete"]);
            Ok::<_, SelectionError>(context.role().map(str::to_owned))
        };
        for (claimed, of, effective) in [
            (Some("owner"), "member", Some("member")),
            (Some("member"), "owner", Some("member")),
            (Some("admin"), "admin", Some("admin")),
            (Some("viewer"), "owner", Some("viewer")),
            (None, "owner", None),
        ] {
            assert_eq!(role(claimed, of), Ok(effective.map(str::to_owned)), "{claimed:?} {of}");
        }
        assert_eq!(
            admitted(&claims(), None, None, Membership::Both).expect_err("none"),
            SelectionError::Forbidden
        );
        let none = without(claims(), "tenant_id");
        let error = admitted(&none, Some(OTHER), Some(&member("owner", &[])), Membership::Both);
        assert_eq!(error.expect_err("not in the token"), SelectionError::Forbidden);
    }

    #[test]
    fn a_disabled_member_is_refused_whoever_says_what_users_are() {
        let disabled = Member { is_active: false, ..member("owner", &[]) };
        for membership in [Membership::Token, Membership::Database, Membership::Both] {
            let error = admitted(&claims(), None, Some(&disabled), membership).expect_err("disabled");
            assert_eq!(error, SelectionError::Forbidden);
        }
    }

    #[test]
    fn in_database_mode_an_issuer_bound_to_a_tenant_speaks_for_no_other() {
        let verifier = verifier_of(&[IssuerConfig { tenant: Some(id(TENANT)), ..config() }]).expect("good");
        let foreign = with(without(claims(), "tenant_id"), "orgs", json!({OTHER: {}}));
        let token = token(&fixture::header(), &foreign);
        let principal = verify_with(&verifier, &token).expect("a good token");
        let selectors = Selectors { path: Some(id(OTHER)), ..Selectors::default() };
        let error = select(principal, selectors, Membership::Database).expect_err("not bound");
        assert_eq!(error, SelectionError::Forbidden);
    }

    #[test]
    fn a_context_debugs_without_claims() {
        let text = format!("{:?}", choose(&claims(), None, &[]).expect("chosen"));
        assert_eq!(text, format!("TenantContext {{ tenant_id: {TENANT}, .. }}"));
    }
}

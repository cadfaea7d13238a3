//! The database roles that requests may run as. A [`DatabaseRole`] is made only here, from the configuration: what a token
//! or a client writes can choose one of them and never be one.

use std::sync::Arc;

use super::claim_map::{ClaimPath, PathError};
use super::json::{Json, Object};
use super::{Reason, is_name};
use crate::catalog::Identifier;
use crate::config::Config;

/// The longest text that is looked at as the name of a role, in characters.
const ROLE_CHARS_MAX: usize = 255;

/// A database role of the configuration. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseRole(Arc<Identifier>);

impl DatabaseRole {
    fn new(name: &str) -> Option<Self> {
        Identifier::new(name).map(|name| Self(Arc::new(name)))
    }

    /// Its name, and the name as SQL.
    pub fn identifier(&self) -> &Identifier {
        &self.0
    }

    /// Its bare name.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

/// What the configuration says of database roles; by default that every request runs as the request role itself.
#[derive(Debug, Default)]
pub struct Roles {
    claim: Option<ClaimPath>,
    allowed: Vec<DatabaseRole>,
    anonymous: Option<DatabaseRole>,
}

/// What is wrong with the configured roles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    #[error("{key}: {name:?} is no name of a role")]
    Name { key: &'static str, name: String },
    #[error("role_claim: {path:?} is no path of members such as role or app_metadata.\"a.b\"")]
    Claim { path: String },
    #[error("role_claim and database_roles are set together or not at all")]
    Together,
    #[error("anonymous_role: {name:?} is the request role itself, which may do more than everybody should")]
    AnonymousIsRequestRole { name: String },
}

/// What the token says of the database role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// Nothing: the request role itself.
    Nothing,
    Allowed(DatabaseRole),
    /// A role that is not one of `database_roles`.
    Refused(String),
}

impl Roles {
    /// Reads `anonymous_role`, `role_claim` and `database_roles`.
    ///
    /// # Errors
    /// [`RolesError`], in one line that names the key.
    pub fn new(config: &Config) -> Result<Self, RolesError> {
        let role = |key, name: &str| {
            DatabaseRole::new(name).ok_or_else(|| RolesError::Name { key, name: name.to_owned() })
        };
        if config.role_claim.is_empty() != config.database_roles.is_empty() {
            return Err(RolesError::Together);
        }
        if !config.anonymous_role.is_empty()
            && config.database_url.user().as_deref() == Some(&config.anonymous_role)
        {
            return Err(RolesError::AnonymousIsRequestRole { name: config.anonymous_role.clone() });
        }
        let mut allowed = Vec::new();
        for name in &config.database_roles {
            allowed.push(role("database_roles", name)?);
        }
        allowed.sort();
        allowed.dedup();
        Ok(Self {
            claim: match config.role_claim.as_str() {
                "" => None,
                path => Some(ClaimPath::parse(path).map_err(|PathError(path)| RolesError::Claim { path })?),
            },
            allowed,
            anonymous: match config.anonymous_role.as_str() {
                "" => None,
                name => Some(role("anonymous_role", name)?),
            },
        })
    }

    /// The role of callers without a token, where there is one.
    pub fn anonymous(&self) -> Option<&DatabaseRole> {
        self.anonymous.as_ref()
    }

    /// Every role that a request may run as, beside the request role itself; each once.
    pub fn all(&self) -> impl Iterator<Item = &DatabaseRole> {
        let anonymous = self.anonymous.iter().filter(|role| !self.allowed.contains(role));
        self.allowed.iter().chain(anonymous)
    }

    /// Reads the role claim of verified claims.
    ///
    /// # Errors
    /// [`Reason::Authorization`] where the claim, or what leads to it, has the wrong type (V16).
    pub(super) fn claimed(&self, claims: &Object<'_>) -> Result<Claimed, Reason> {
        let Some(path) = &self.claim else { return Ok(Claimed::Nothing) };
        let Some(value) = path.find(claims)? else { return Ok(Claimed::Nothing) };
        let name =
            Json::text(value).filter(|name| is_name(name, ROLE_CHARS_MAX)).ok_or(Reason::Authorization)?;
        Ok(match self.allowed.iter().find(|role| role.name() == name) {
            Some(role) => Claimed::Allowed(role.clone()),
            None => Claimed::Refused(name.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn roles(claim: &str, allowed: &[&str], anonymous: &str) -> Result<Roles, RolesError> {
        Roles::new(&Config {
            role_claim: claim.to_owned(),
            database_roles: allowed.iter().map(|&name| name.to_owned()).collect(),
            anonymous_role: anonymous.to_owned(),
            ..Config::default()
        })
    }

    fn claimed(claim: &str, claims: &str) -> Result<Claimed, Reason> {
        let roles = roles(claim, &["reader", "writer"], "").unwrap();
        roles.claimed(&json::object(claims).unwrap())
    }

    #[test]
    fn only_a_role_of_the_list_is_taken() {
        let reader = DatabaseRole::new("reader").unwrap();
        assert_eq!(claimed("role", r#"{"role":"reader"}"#), Ok(Claimed::Allowed(reader.clone())));
        assert_eq!(claimed("a.role", r#"{"a":{"role":"reader"}}"#), Ok(Claimed::Allowed(reader)));
        for name in ["Reader", "reader ", "none", "postgres", "\\\"reader\\\"", "reader; reset role"] {
            let claims = format!("{{\"role\":\"{name}\"}}");
            assert!(matches!(claimed("role", &claims), Ok(Claimed::Refused(_))), "{name}");
        }
    }

    #[test]
    fn an_absent_claim_is_nobody_s_and_one_of_another_type_refuses_the_token() {
        assert_eq!(claimed("role", "{}"), Ok(Claimed::Nothing));
        assert_eq!(claimed("a.role", "{}"), Ok(Claimed::Nothing));
        assert_eq!(claimed("a.role", r#"{"a":{}}"#), Ok(Claimed::Nothing));
        for claims in [r#"{"role":1}"#, r#"{"role":null}"#, r#"{"role":["reader"]}"#, r#"{"role":""}"#] {
            assert_eq!(claimed("role", claims), Err(Reason::Authorization), "{claims}");
        }
        assert_eq!(claimed("a.role", r#"{"a":"reader"}"#), Err(Reason::Authorization));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(matches!(roles("role", &[], ""), Err(RolesError::Together)));
        assert!(matches!(roles("", &["reader"], ""), Err(RolesError::Together)));
        assert!(matches!(roles("role", &[""], ""), Err(RolesError::Name { .. })));
        assert!(matches!(roles("role[0]", &["reader"], ""), Err(RolesError::Claim { .. })));
        let own = Config::default().database_url.user().unwrap();
        assert!(matches!(roles("", &[], &own), Err(RolesError::AnonymousIsRequestRole { .. })));
        let long = "r".repeat(64);
        assert!(matches!(roles("", &[], &long), Err(RolesError::Name { key: "anonymous_role", .. })));
    }

    #[test]
    fn every_role_is_listed_once() {
        let roles = roles("role", &["b", "a", "b"], "a").unwrap();
        assert_eq!(roles.all().map(DatabaseRole::name).collect::<Vec<_>>(), ["a", "b"]);
    }
}

//! Where an issuer keeps what the service reads of its tokens: paths of members, and what its words for roles mean here.
//!
//! Knows neither tokens nor issuers. Used by issuers of the configuration and by those of the database alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reason;
use super::json::{Json, Object};

/// The most members on one path.
const MEMBERS_MAX: usize = 8;

/// The way to a claim: members separated by dots, in double quotes where a name has a dot of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPath {
    /// Outermost first; at least one.
    members: Vec<String>,
}

/// Text that is no path of members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no path of members such as role or app_metadata.\"a.b\"")]
pub struct PathError(pub String);

impl ClaimPath {
    /// Splits `app_metadata."a.b".role` at its dots; a member in double quotes is taken as it stands. The `$` or dot that
    /// PostgREST's `jwt-role-claim-key` begins with may lead.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse(path: &str) -> Result<Self, PathError> {
        members(path).map(|members| Self { members }).ok_or_else(|| PathError(path.to_owned()))
    }

    /// What stands at the end of the path; None where a member is absent.
    ///
    /// # Errors
    /// [`Reason::Authorization`] where what leads there is no object (V16).
    pub(super) fn find<'o, 'a>(&self, object: &'o Object<'a>) -> Result<Option<&'o Json<'a>>, Reason> {
        let Some((last, outer)) = self.members.split_last() else { return Ok(None) };
        let mut object = object;
        for member in outer {
            object = match object.get(member) {
                None => return Ok(None),
                Some(value) => value.object().ok_or(Reason::Authorization)?,
            };
        }
        Ok(object.get(last))
    }
}

fn members(path: &str) -> Option<Vec<String>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    rest = rest.strip_prefix('.').unwrap_or(rest);
    let mut members = Vec::new();
    loop {
        let (member, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        // An index or a filter of a JSON path is not a name that claims have.
        if member.is_empty() || (!rest.starts_with('"') && member.contains(['[', ']', '"', '$'])) {
            return None;
        }
        members.push(member.to_owned());
        if members.len() > MEMBERS_MAX {
            return None;
        }
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(members),
        }
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = PathError;

    fn try_from(path: String) -> Result<Self, PathError> {
        Self::parse(&path)
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> String {
        let written = |member: &String| {
            if member.contains(['.', '[', ']', '$']) { format!("\"{member}\"") } else { member.clone() }
        };
        path.members.iter().map(written).collect::<Vec<_>>().join(".")
    }
}

/// Where the tokens of an issuer say what the service reads. What is left out is where RFC 9068 has it, or where tokens of
/// our own do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimMap {
    /// The user: `sub`.
    pub sub: ClaimPath,
    /// Whom the token is for: `aud`. A text, or an array of texts.
    pub aud: ClaimPath,
    /// The token's id: `jti`.
    pub jti: ClaimPath,
    /// Whether a digest of header and claims stands in for an id, for an issuer that sends none.
    pub jti_from_digest: bool,
    /// The client that asked for the token: `client_id`.
    pub client_id: ClaimPath,
    /// `scope`.
    pub scope: ClaimPath,
    /// The active tenant: `tenant_id`.
    pub tenant_id: ClaimPath,
    /// The role in the active tenant: `role`. A text; where `roles` says what its words mean, an array of texts, too.
    pub role: ClaimPath,
    /// The permissions in the active tenant: `permissions`.
    pub permissions: ClaimPath,
    /// The tenants of the user, an object of objects by tenant: `orgs`.
    pub orgs: ClaimPath,
    /// In an entry of `orgs`, the role in that tenant: `role`.
    pub org_role: ClaimPath,
    /// In an entry of `orgs`, the permissions in that tenant: `permissions`.
    pub org_permissions: ClaimPath,
    /// What the issuer's words for roles mean here. Empty: they are taken as they are. Else a word that is not listed is
    /// no role.
    pub roles: BTreeMap<String, String>,
    /// Claims that must be there and be these texts.
    pub required: BTreeMap<ClaimPath, String>,
}

impl Default for ClaimMap {
    fn default() -> Self {
        let path = |member: &str| ClaimPath { members: vec![member.to_owned()] };
        Self {
            sub: path("sub"),
            aud: path("aud"),
            jti: path("jti"),
            jti_from_digest: false,
            client_id: path("client_id"),
            scope: path("scope"),
            tenant_id: path("tenant_id"),
            role: path("role"),
            permissions: path("permissions"),
            orgs: path("orgs"),
            org_role: path("role"),
            org_permissions: path("permissions"),
            roles: BTreeMap::new(),
            required: BTreeMap::new(),
        }
    }
}

impl ClaimMap {
    /// The role that the issuer's `words` give: of several, the highest; None where no word means a role here.
    pub(super) fn role<'m>(&'m self, words: &[&str]) -> Option<&'m str> {
        let meant = words.iter().filter_map(|word| self.roles.get(*word).map(String::as_str));
        meant.min_by_key(|role| (rank(role), *role))
    }
}

/// The roles that policies know, highest first; then all others, by their names.
fn rank(role: &str) -> usize {
    const RANKED: [&str; 3] = ["owner", "admin", "member"];
    RANKED.iter().position(|ranked| *ranked == role).unwrap_or(RANKED.len())
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    #[test]
    fn a_path_is_split_at_dots_outside_of_quotes() {
        let split = |path| ClaimPath::parse(path).map(|path| path.members);
        for (path, members) in [
            ("role", vec!["role"]),
            ("$.role", vec!["role"]),
            (".role", vec!["role"]),
            ("cognito:groups", vec!["cognito:groups"]),
            ("a.\"b.c\".d", vec!["a", "b.c", "d"]),
            ("\"https://a.example/roles\"", vec!["https://a.example/roles"]),
        ] {
            assert_eq!(split(path).unwrap(), members, "{path}");
        }
        for bad in
            ["", "$", ".", "a.", "a..b", "\"a", "\"\"", "\"a\"b", "roles[0]", "$$", "a.b.c.d.e.f.g.h.i"]
        {
            assert_eq!(split(bad), Err(PathError(bad.to_owned())));
        }
    }

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for path in ["role", "a.\"b.c\".d", "\"https://a.example/roles\""] {
            assert_eq!(String::from(ClaimPath::parse(path).unwrap()), path);
        }
    }

    #[test]
    fn v16_what_leads_to_a_claim_is_an_object_or_absent() {
        let find = |path: &str, claims: &str| {
            let object = json::object(claims).expect("an object");
            ClaimPath::parse(path)
                .unwrap()
                .find(&object)
                .map(|found| found.and_then(Json::text).map(str::to_owned))
        };
        assert_eq!(find("a.b", r#"{"a":{"b":"x"}}"#), Ok(Some("x".to_owned())));
        assert_eq!(find("a.b", r#"{"a":{}}"#), Ok(None));
        assert_eq!(find("a.b", "{}"), Ok(None));
        for claims in [r#"{"a":"x"}"#, r#"{"a":["b"]}"#, r#"{"a":null}"#] {
            assert_eq!(find("a.b", claims), Err(Reason::Authorization), "{claims}");
        }
    }

    #[test]
    fn of_several_roles_the_highest_counts_and_an_unknown_word_is_none() {
        let map: ClaimMap = serde_json::from_value(serde_json::json!({
            "roles": {"org:admin": "admin", "org:boss": "owner", "org:user": "member", "org:b": "b", "org:a": "a"}
        }))
        .unwrap();
        assert_eq!(map.role(&["org:user", "org:admin"]), Some("admin"));
        assert_eq!(map.role(&["org:admin", "org:boss"]), Some("owner"));
        assert_eq!(map.role(&["org:b", "org:a"]), Some("a"));
        assert_eq!(map.role(&["org:b", "org:user"]), Some("member"));
        assert_eq!(map.role(&["admin", "ORG:ADMIN", ""]), None);
    }

    #[test]
    fn v16_a_map_has_no_unknown_member_and_no_malformed_path() {
        for map in [r#"{"subject":"sub"}"#, r#"{"sub":""}"#, r#"{"sub":1}"#, r#"{"roles":{"a":1}}"#] {
            assert!(serde_json::from_str::<ClaimMap>(map).is_err(), "{map}");
        }
        let map: ClaimMap = serde_json::from_str("{}").unwrap();
        assert_eq!(map, ClaimMap::default());
    }
}

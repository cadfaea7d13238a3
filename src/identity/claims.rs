//! Claims object -> `Claims`, typed: V9 (the second half) and V13 to V16.
//!
//! A claim of the wrong type refuses the token; nothing is ignored into a weaker meaning. Called with the
//! claims of a token whose signature has been verified, and the issuer whose key verified it.

use aws_lc_rs::digest::{SHA256, digest};

use super::claim_map::{ClaimMap, ClaimPath};
use super::issuers::Issuer;
use super::json::{Json, Object};
use super::{Reason, is_name};

/// The most tenants a token may list.
pub const ORGS_MAX: usize = 50;

const SUBJECT_CHARS_MAX: usize = 255;
const ROLE_CHARS_MAX: usize = 64;
const PERMISSION_CHARS_MAX: usize = 255;

/// 2^53: the first number that JSON readers may disagree about.
const TIME_S_LIMIT: f64 = 9_007_199_254_740_992.0;

/// What a token says, of what the service uses.
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) jti: String,
    pub(super) issued_s: u64,
    pub(super) expires_s: u64,
    pub(super) named: Named,
}

/// The tenants that a token names, in its issuer's words: nothing is proven yet.
pub(super) struct Named {
    /// The tenant that the token is for, if it names one; it is among `entries`, too.
    pub(super) active: Option<String>,
    pub(super) entries: Vec<Entry>,
}

/// One tenant that a token names.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) permissions: Vec<String>,
}

/// Reads the claims of a token from `issuer` at `now_s`, seconds since 1970. `message` is what its signature covers.
///
/// # Errors
///
/// The first [`Reason`] to refuse the token.
pub(super) fn read(
    claims: &Object<'_>,
    message: &[u8],
    issuer: &Issuer,
    now_s: u64,
) -> Result<Claims, Reason> {
    let map = &issuer.claims;
    audience(claims, issuer)?;
    let (issued_s, expires_s) = times(claims, issuer, now_s)?;
    let subject = short_text(claims, &map.sub, Reason::Subject)?.ok_or(Reason::Subject)?;
    let jti = match short_text(claims, &map.jti, Reason::Jti)? {
        // Of what is signed: somebody else could write the same signature in another way (ECDSA).
        None if map.jti_from_digest => hexadecimal(digest(&SHA256, message).as_ref()),
        jti => jti.ok_or(Reason::Jti)?,
    };
    let client = optional(claims, &map.client_id, |value| name(value, SUBJECT_CHARS_MAX))?;
    let scope = optional(claims, &map.scope, Json::text)?;
    for (path, wanted) in &map.required {
        if path.find(claims)?.and_then(Json::text) != Some(wanted) {
            return Err(Reason::Required);
        }
    }
    // An ID token has none of these; the header's type tells it apart only when the issuer sends at+jwt (V9).
    let is_told_apart = client.is_some() || scope.is_some() || !map.required.is_empty();
    if !issuer.sends_access_token_type && !is_told_apart {
        return Err(Reason::Typ);
    }
    // A delegated token (RFC 8693) must not pass for the user it names.
    if claims.get("act").is_some() {
        return Err(Reason::Act);
    }
    Ok(Claims { subject, jti, issued_s, expires_s, named: tenants(claims, map)? })
}

fn audience(claims: &Object<'_>, issuer: &Issuer) -> Result<(), Reason> {
    let audience = issuer.claims.aud.find(claims)?.ok_or(Reason::Audience)?;
    let named = match audience.text() {
        Some(text) => vec![text],
        None => audience.texts().ok_or(Reason::Audience)?,
    };
    if issuer.audiences.iter().any(|wanted| named.contains(&wanted.as_str())) {
        Ok(())
    } else {
        Err(Reason::Audience)
    }
}

/// `iat` and `exp` in whole seconds (V14). RFC 7519 allows fractions.
fn times(claims: &Object<'_>, issuer: &Issuer, now_s: u64) -> Result<(u64, u64), Reason> {
    let time = |name| match claims.get(name) {
        Some(Json::Number(time_s)) if (0.0..TIME_S_LIMIT).contains(time_s) => Ok(*time_s),
        Some(_) | None => Err(Reason::Time),
    };
    let now_s = now_s as f64;
    let leeway_s = issuer.leeway_s as f64;
    let (issued_s, expires_s) = (time("iat")?, time("exp")?);
    if now_s >= expires_s + leeway_s {
        return Err(Reason::Expired);
    }
    if claims.get("nbf").is_some() && time("nbf")? > now_s + leeway_s {
        return Err(Reason::NotYetValid);
    }
    if issued_s > now_s + leeway_s {
        return Err(Reason::IssuedInFuture);
    }
    if expires_s - issued_s > issuer.lifetime_s_max as f64 {
        return Err(Reason::Lifetime);
    }
    Ok((issued_s as u64, expires_s as u64))
}

/// The tenants (V16). When `orgs` is there, its entries rule and the top-level role and permissions mean nothing, but must be
/// well-formed all the same.
fn tenants(claims: &Object<'_>, map: &ClaimMap) -> Result<Named, Reason> {
    let active = short_text(claims, &map.tenant_id, Reason::Tenant)?;
    let role = role(claims, &map.role, map)?;
    let permissions = permissions(claims, &map.permissions)?;
    let entries = match optional(claims, &map.orgs, Json::object)? {
        Some(orgs) => entries(orgs, map)?,
        // An issuer bound to one tenant need not name it: an entry without a name is for whatever that is.
        None => vec![Entry { name: active.clone().unwrap_or_default(), role, permissions }],
    };
    if active.as_ref().is_some_and(|active| !entries.iter().any(|entry| entry.name == *active)) {
        return Err(Reason::Tenant);
    }
    Ok(Named { active, entries })
}

fn entries(orgs: &Object<'_>, map: &ClaimMap) -> Result<Vec<Entry>, Reason> {
    if orgs.members().len() > ORGS_MAX {
        return Err(Reason::Authorization);
    }
    let entry = |(key, entry): (&str, &Json<'_>)| {
        let entry = entry.object().ok_or(Reason::Authorization)?;
        if !is_name(key, SUBJECT_CHARS_MAX) {
            return Err(Reason::Tenant);
        }
        Ok(Entry {
            name: key.to_owned(),
            role: role(entry, &map.org_role, map)?,
            permissions: permissions(entry, &map.org_permissions)?,
        })
    };
    orgs.members().map(entry).collect()
}

fn role(object: &Object<'_>, path: &ClaimPath, map: &ClaimMap) -> Result<Option<String>, Reason> {
    if map.roles.is_empty() {
        let role = optional(object, path, |value| name(value, ROLE_CHARS_MAX))?;
        return Ok(role.map(str::to_owned));
    }
    let read = |value| match Json::text(value) {
        Some(text) => Some(vec![text]),
        None => value.texts(),
    };
    Ok(optional(object, path, read)?.and_then(|words| map.role(&words)).map(str::to_owned))
}

fn permissions(object: &Object<'_>, path: &ClaimPath) -> Result<Vec<String>, Reason> {
    let permission = |value| name(value, PERMISSION_CHARS_MAX).map(str::to_owned);
    let read = |value| Json::array(value)?.iter().map(permission).collect();
    Ok(optional(object, path, read)?.unwrap_or_default())
}

/// A claim that may be absent, but not of another type than `read` accepts.
fn optional<'o, 'a, T>(
    object: &'o Object<'a>,
    path: &ClaimPath,
    read: impl FnOnce(&'o Json<'a>) -> Option<T>,
) -> Result<Option<T>, Reason> {
    match path.find(object)? {
        Some(value) => read(value).map(Some).ok_or(Reason::Authorization),
        None => Ok(None),
    }
}

/// A short text; `reason` where it is there and none.
fn short_text(claims: &Object<'_>, path: &ClaimPath, reason: Reason) -> Result<Option<String>, Reason> {
    match path.find(claims)? {
        Some(value) => Ok(Some(name(value, SUBJECT_CHARS_MAX).ok_or(reason)?.to_owned())),
        None => Ok(None),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name<'o>(value: &'o Json<'_>, chars_max: usize) -> Option<&'o str> {
    value.text().filter(|text| is_name(text, chars_max))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm::HS256;
    use serde_json::{Value, json};

    use super::super::Refusal;
    use super::super::fixture::*;
    use super::super::issuers::IssuerConfig;
    use super::*;

    /// The good token with `name` set to any JSON text, which a `Value` may not be able to hold.
    fn claiming_text(name: &str, text: &str) -> String {
        let claims = without(claims(), name).to_string();
        let claims = claims.replacen('{', &format!("{{\"{name}\":{text},"), 1);
        sign(HS256, &header().to_string(), &claims)
    }

    fn orgs(count: usize) -> Value {
        let org =
            |index: usize| (format!("{index:08x}-0000-4000-8000-000000000000"), json!({"role": "member"}));
        Value::Object((1..=count).map(org).collect())
    }

    #[test]
    fn v13_aud_is_or_contains_our_identifier() {
        for audience in [json!(AUDIENCE), json!([AUDIENCE]), json!(["x", AUDIENCE])] {
            accepted(&claiming("aud", audience));
        }
        refused(&lacking("aud"), Reason::Audience);
        let others = [
            json!(""),
            json!("rowhouse"),
            json!("rowhouse-test-2"),
            json!("ROWHOUSE-TEST"),
            json!("x rowhouse-test"),
            json!([]),
            json!(["rowhouse"]),
            json!([AUDIENCE, 1]),
            json!([[AUDIENCE]]),
            json!({AUDIENCE: 1}),
            json!(1),
            json!(true),
            json!(null),
        ];
        for audience in others {
            refused(&claiming("aud", audience), Reason::Audience);
        }
    }

    #[test]
    fn v14_exp_is_a_time_that_has_not_come() {
        let iat = |exp: &str| claiming_text("exp", exp).to_owned();
        accepted(&iat("1800000900"));
        accepted(&iat("1800000900.5"));
        accepted(&iat("1.8e9"));
        refused(&lacking("exp"), Reason::Time);
        let no_times = [
            "\"1800000900\"",
            "-1",
            "-0.5",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "9.007199254740992e15",
            "1e300",
            "null",
            "true",
            "[1800000900]",
            "{}",
        ];
        for exp in no_times {
            refused(&iat(exp), Reason::Time);
        }
        for exp in ["1e400", "-1e400", "NaN", "Infinity", "01800000900", "0x10"] {
            refused(&iat(exp), Reason::Payload);
        }
        refused(&iat("0"), Reason::Expired);
        refused(&iat("9007199254740991"), Reason::Lifetime);
    }

    #[test]
    fn v14_exp_has_the_leeway_and_no_more() {
        let expiring = |exp_s: u64| token(&header(), &with(claiming_from(NOW_S - 900), "exp", json!(exp_s)));
        accepted(&expiring(NOW_S - 29));
        refused(&expiring(NOW_S - 30), Reason::Expired);
        refused(&expiring(NOW_S - 31), Reason::Expired);
    }

    fn claiming_from(iat_s: u64) -> Value {
        with(claims(), "iat", json!(iat_s))
    }

    #[test]
    fn v14_nbf_is_optional_and_must_have_come() {
        accepted(&claiming("nbf", json!(NOW_S)));
        accepted(&claiming("nbf", json!(NOW_S + 30)));
        refused(&claiming("nbf", json!(NOW_S + 31)), Reason::NotYetValid);
        for nbf in [json!("1"), json!(null), json!(-1), json!([])] {
            refused(&claiming("nbf", nbf), Reason::Time);
        }
    }

    #[test]
    fn v14_iat_is_required_and_not_in_the_future() {
        accepted(&claiming("iat", json!(NOW_S + 30)));
        refused(&claiming("iat", json!(NOW_S + 31)), Reason::IssuedInFuture);
        refused(&lacking("iat"), Reason::Time);
        for iat in [json!("1800000000"), json!(null), json!(-1), json!(true)] {
            refused(&claiming("iat", iat), Reason::Time);
        }
    }

    #[test]
    fn v14_a_token_lives_at_most_an_hour_unless_configured() {
        accepted(&claiming("exp", json!(NOW_S + 3600)));
        let long = claiming("exp", json!(NOW_S + 3601));
        refused(&long, Reason::Lifetime);
        let config = IssuerConfig { lifetime_s_max: 7200, ..config() };
        let verifier = verifier_of(&[config]).expect("good");
        assert!(verify_with(&verifier, &long).is_ok());
    }

    #[test]
    fn v15_sub_and_jti_are_short_strings_without_control_characters() {
        for (claim, reason) in [("sub", Reason::Subject), ("jti", Reason::Jti)] {
            for good in ["x".to_owned(), "é".repeat(255), "a b'c\"".to_owned()] {
                accepted(&claiming(claim, json!(good)));
            }
            refused(&lacking(claim), reason);
            for bad in ["", "a\nb", "\u{7f}", "\u{85}", "\u{1}", &"é".repeat(256)] {
                refused(&claiming(claim, json!(bad)), reason);
            }
            for bad in [json!(1), json!(null), json!(["x"]), json!({})] {
                refused(&claiming(claim, bad), reason);
            }
            refused(&claiming(claim, json!("a\0b")), Reason::Payload);
        }
    }

    #[test]
    fn v16_authorization_claims_are_optional() {
        for claim in ["role", "permissions", "scope", "client_id", "tenant_id"] {
            accepted(&lacking(claim));
        }
    }

    #[test]
    fn v16_authorization_claims_of_the_wrong_type_refuse_the_token() {
        accepted(&claiming("role", json!("é".repeat(64))));
        for role in [json!(["admin"]), json!(1), json!(null), json!(""), json!("é".repeat(65)), json!("a\tb")]
        {
            refused(&claiming("role", role), Reason::Authorization);
        }
        accepted(&claiming("permissions", json!([])));
        for permissions in
            [json!("links:delete"), json!({}), json!(null), json!([1]), json!(["a", null]), json!([""])]
        {
            refused(&claiming("permissions", permissions), Reason::Authorization);
        }
        accepted(&claiming("scope", json!("")));
        for scope in [json!(["links.read"]), json!(null), json!(1)] {
            refused(&claiming("scope", scope), Reason::Authorization);
        }
        for client in [json!(1), json!(null), json!("")] {
            refused(&claiming("client_id", client), Reason::Authorization);
        }
    }

    #[test]
    fn v16_orgs_is_an_object_of_objects() {
        let claiming_orgs =
            |orgs: Value| token(&header(), &with(without(claims(), "tenant_id"), "orgs", orgs));
        let good = [
            json!({}),
            json!({TENANT: {}}),
            json!({TENANT: {"role": "owner", "permissions": ["x"], "name": 1}, OTHER: {"role": "member"}}),
            orgs(ORGS_MAX),
        ];
        for orgs in good {
            accepted(&claiming_orgs(orgs));
        }
        let bad = [
            json!([]),
            json!(null),
            json!("x"),
            json!([TENANT]),
            json!({TENANT: "owner"}),
            json!({TENANT: null}),
            json!({TENANT: ["owner"]}),
            json!({TENANT: {"role": ["owner"]}}),
            json!({TENANT: {"role": null}}),
            json!({TENANT: {"permissions": "x"}}),
            orgs(ORGS_MAX + 1),
        ];
        for orgs in bad {
            refused(&claiming_orgs(orgs), Reason::Authorization);
        }
    }

    #[test]
    fn v16_top_level_role_is_checked_even_when_orgs_rule() {
        let claims = with(claims(), "orgs", json!({TENANT: {}}));
        accepted(&token(&header(), &claims));
        refused(&token(&header(), &with(claims, "role", json!(1))), Reason::Authorization);
    }

    #[test]
    fn v21_tenant_ids_in_claims_are_canonical() {
        accepted(&claiming("tenant_id", json!(TENANT)));
        let others = [
            json!(TENANT.to_uppercase()),
            json!(format!("{{{TENANT}}}")),
            json!(format!("urn:uuid:{TENANT}")),
            json!(TENANT.replace('-', "")),
            json!("00000000-0000-0000-0000-000000000000"),
            json!("acme"),
            json!(""),
            json!([TENANT]),
            json!({TENANT: 1}),
            json!(1),
            json!(null),
        ];
        for tenant in others {
            refused(&claiming("tenant_id", tenant.clone()), Reason::Tenant);
            if let Value::String(key) = tenant {
                refused(
                    &token(&header(), &with(without(claims(), "tenant_id"), "orgs", json!({key: {}}))),
                    Reason::Tenant,
                );
            }
        }
    }

    #[test]
    fn v21_the_active_tenant_is_one_of_orgs() {
        accepted(&claiming("orgs", json!({TENANT: {}, OTHER: {}})));
        refused(&claiming("orgs", json!({OTHER: {}})), Reason::Tenant);
        refused(&claiming("orgs", json!({})), Reason::Tenant);
    }

    #[test]
    fn a_delegated_token_is_refused() {
        for act in [json!({"sub": "support-17"}), json!({}), json!(null)] {
            refused(&claiming("act", act), Reason::Act);
        }
    }

    #[test]
    fn every_refused_claim_is_the_same_refusal_outside() {
        for token in [lacking("sub"), lacking("exp"), claiming("orgs", json!(1))] {
            let refusal = verify(&token).expect_err("bad");
            assert_eq!(refusal.challenge(), Refusal::Invalid(Reason::Signature).challenge());
            assert_eq!(refusal.to_string(), "the token is not valid");
        }
    }
}

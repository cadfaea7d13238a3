//! Which errors are refusals worth an event, and why: decisions about credential, tenant, role, permission and policy. What a
//! client got wrong otherwise (syntax, names, methods, values) is none, and neither is a service that is overloaded.

use crate::db;
use crate::error::{self, Error};
use crate::identity::{Refusal, SelectionError};
use crate::plan;

/// A refusal: what kind, and why, for those who run the service.
#[derive(Debug, PartialEq, Eq)]
pub struct Denial {
    pub code: &'static str,
    pub reason: Option<String>,
}

impl Denial {
    fn new(code: &'static str, reason: Option<String>) -> Option<Self> {
        Some(Self { code, reason })
    }

    /// The refusal that `error` is. `writes`: whether the request would have changed something; a key without a row may then
    /// be one that a policy hides, which is how a policy refuses.
    pub fn of(error: &Error, writes: bool) -> Option<Self> {
        let named = match error {
            Error::Credential(refusal) => Self::of_credential(*refusal),
            Error::Selection(selection) => Self::new(of_selection(selection), None),
            Error::Suspended => Self::new("tenant_suspended", None),
            Error::NotAUser => Self::new("not_a_user", None),
            Error::Plan(plan::Error::Forbidden { relation }) => {
                Self::new("privilege", Some(format!("no privilege on {relation}")))
            }
            Error::Database(db::Error::Statement(refusal)) => match error::refusing_policy(refusal) {
                Some(policy) => Self::new("policy", Some(policy)),
                None if refusal.code().code() == error::STEP_UP => Self::new("authentication_too_old", None),
                None if refusal.code().code() == "42501" => {
                    // Postgres' words, which name the object and no value; or those of a function.
                    Self::new("privilege", Some(refusal.message().to_owned()))
                }
                None => None,
            },
            Error::NoRow if writes => Self::new("no_row", None),
            Error::Anonymous(error) | Error::Operation { error, .. } => return Self::of(error, writes),
            _ => None,
        };
        named.or_else(|| Self::of_status(error.answer().status))
    }

    /// The refusal that an answer is which a function has worded itself.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            401 | 403 => Self::new("refused_by_function", None),
            _ => None,
        }
    }

    fn of_credential(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::Missing => Self::new("no_credential", None),
            Refusal::Ambiguous | Refusal::Unsupported => {
                Self::new("invalid_request", Some(refusal.label().to_owned()))
            }
            Refusal::Invalid(reason) => Self::new("invalid_token", Some(reason.label().to_owned())),
            // Nothing was decided: nobody could say whether the token is good.
            Refusal::Unavailable { .. } => None,
        }
    }
}

fn of_selection(selection: &SelectionError) -> &'static str {
    match selection {
        SelectionError::Invalid => "tenant_selector_invalid",
        SelectionError::Conflict => "tenant_selector_conflict",
        SelectionError::Required => "tenant_required",
        SelectionError::Forbidden => "tenant_forbidden",
        SelectionError::Role { .. } => "role_forbidden",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Reason;

    fn code(error: &Error) -> Option<&'static str> {
        Denial::of(error, false).map(|denial| denial.code)
    }

    #[test]
    fn refusals_are_events_and_other_faults_of_a_request_are_not() {
        assert_eq!(code(&Error::Credential(Refusal::Missing)), Some("no_credential"));
        let expired = Denial::of(&Error::Credential(Refusal::Invalid(Reason::Expired)), false);
        let known = Denial { code: "invalid_token", reason: Some("expired".to_owned()) };
        assert_eq!(expired, Some(known));
        assert_eq!(code(&Error::Selection(SelectionError::Forbidden)), Some("tenant_forbidden"));
        assert_eq!(code(&Error::Suspended), Some("tenant_suspended"));
        let forbidden = || plan::Error::Forbidden { relation: "items".to_owned() };
        assert_eq!(code(&Error::Plan(forbidden())), Some("privilege"));
        let nested =
            Error::Operation { index: 1, error: Box::new(Error::Anonymous(Box::new(forbidden().into()))) };
        assert_eq!(code(&nested), Some("privilege"));
        for other in [Error::NoCatalog, Error::MaxAffected, Error::BodyTooLarge { limit: 1 }, Error::NoRow] {
            assert_eq!(code(&other), None, "{other}");
        }
        assert_eq!(Denial::of(&Error::NoRow, true).map(|denial| denial.code), Some("no_row"));
    }
}

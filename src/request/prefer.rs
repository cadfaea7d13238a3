//! The `Prefer` header (RFC 7240), with the dialect's keys.

use super::Error;
use crate::config::Config;

/// What the client prefers; the first mention of a key that makes sense wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    pub resolution: Option<Resolution>,
    pub missing: Option<Missing>,
    pub return_: Option<Return>,
    pub count: Option<Count>,
    /// Heard only where `transaction_preference` is set.
    pub transaction: Option<Transaction>,
    pub handling: Option<Handling>,
    pub time_zone: Option<TimeZone>,
    pub max_affected: Option<u64>,
}

/// What an insert does with a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    MergeDuplicates,
    IgnoreDuplicates,
}

/// What a column gets that the body has no key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Null,
    Default,
}

/// How the total of a read is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// By counting.
    Exact,
    /// What Postgres' planner expects, from statistics of the whole table.
    Planned,
    /// Exactly up to `rows_max`, and beyond it no less than what the planner expects.
    Estimated,
}

/// What a write answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    Minimal,
    HeadersOnly,
    Representation,
}

/// How a transaction ends that nothing went wrong in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    Commit,
    RollBack,
}

/// Whether an unknown preference is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    Strict,
    Lenient,
}

/// A time zone that Postgres may know: `America/New_York`, `+05:30`.
///
/// Every zone that a session has used stays in its memory, and Postgres makes one of any text such as `A1` (Postgres
/// manual, B.5). So only names of the IANA data base pass, which have no digit but in `Etc/GMT+5`, and offsets of whole
/// quarters of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone {
    sent: String,
    setting: String,
}

impl TimeZone {
    fn parse(sent: &str) -> Option<Self> {
        let setting = match sent.strip_prefix(['+', '-']) {
            Some(offset) => {
                let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "00"));
                let is_hour = hours.len() == 2 && hours.bytes().all(|byte| byte.is_ascii_digit());
                if !is_hour || hours > "15" || !["00", "15", "30", "45"].contains(&minutes) {
                    return None;
                }
                // In a POSIX zone the name comes first, and what lies east is negative.
                let (sign, turned) = if sent.starts_with('+') { ('+', '-') } else { ('-', '+') };
                format!("<{sign}{hours}:{minutes}>{turned}{hours}:{minutes}")
            }
            None => {
                let name = match sent.strip_prefix("Etc/GMT") {
                    Some(hours) if hours.len() <= 3 => {
                        hours.trim_start_matches(['+', '-']).trim_start_matches(|c: char| c.is_ascii_digit())
                    }
                    _ => sent,
                };
                let belongs = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'/' | b'-');
                if sent.is_empty() || sent.len() > 64 || !name.bytes().all(belongs) {
                    return None;
                }
                sent.to_owned()
            }
        };
        Some(Self { sent: sent.to_owned(), setting })
    }

    /// As the client wrote it.
    pub fn sent(&self) -> &str {
        &self.sent
    }

    /// The value of Postgres' setting `TimeZone`.
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

impl Preferences {
    /// Parses all `Prefer` headers, joined by commas. A count that the configuration does not allow is no known preference.
    ///
    /// # Errors
    /// [`Error::Preference`] where `handling=strict` and one is unknown, malformed or not allowed.
    pub fn parse(header: Option<&str>, limits: &Config) -> Result<Self, Error> {
        let mut preferences = Self::default();
        let mut unknown = Vec::new();
        for preference in header.unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
        {
            if preferences.hear(preference, limits).is_none() {
                unknown.push(preference.to_owned());
            }
        }
        if preferences.handling == Some(Handling::Strict) {
            if !unknown.is_empty() {
                return Err(Error::Preference { unknown });
            }
        } else {
            // The bound counts only where the client insists on it.
            preferences.max_affected = None;
        }
        Ok(preferences)
    }

    /// None where there is no such preference.
    fn hear(&mut self, preference: &str, limits: &Config) -> Option<()> {
        let (key, value) = preference.split_once('=')?;
        match (key, value) {
            ("resolution", "merge-duplicates") => first(&mut self.resolution, Resolution::MergeDuplicates),
            ("resolution", "ignore-duplicates") => first(&mut self.resolution, Resolution::IgnoreDuplicates),
            ("missing", "null") => first(&mut self.missing, Missing::Null),
            ("missing", "default") => first(&mut self.missing, Missing::Default),
            ("return", "minimal") => first(&mut self.return_, Return::Minimal),
            ("return", "headers-only") => first(&mut self.return_, Return::HeadersOnly),
            ("return", "representation") => first(&mut self.return_, Return::Representation),
            ("count", "exact") => first(&mut self.count, Count::Exact),
            ("count", "planned") if limits.planned_counts => first(&mut self.count, Count::Planned),
            ("count", "estimated") if limits.planned_counts => first(&mut self.count, Count::Estimated),
            ("tx", "commit") if limits.transaction_preference => {
                first(&mut self.transaction, Transaction::Commit);
            }
            ("tx", "rollback") if limits.transaction_preference => {
                first(&mut self.transaction, Transaction::RollBack);
            }
            ("handling", "strict") => first(&mut self.handling, Handling::Strict),
            ("handling", "lenient") => first(&mut self.handling, Handling::Lenient),
            ("timezone", zone) => first(&mut self.time_zone, TimeZone::parse(zone)?),
            ("max-affected", rows) => first(&mut self.max_affected, rows.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<Preferences, Error> {
        Preferences::parse(Some(header), &Config::default())
    }

    #[test]
    fn the_first_mention_of_a_key_wins() {
        let preferences = parse("return=representation, return=minimal,count=exact").unwrap();
        assert_eq!(preferences.return_, Some(Return::Representation));
        assert_eq!(preferences.count, Some(Count::Exact));
    }

    #[test]
    fn unknown_preferences_matter_only_when_handling_is_strict() {
        assert!(parse("speed=high").is_ok());
        let strict = parse("handling=strict, speed=high");
        assert_eq!(strict, Err(Error::Preference { unknown: vec!["speed=high".into()] }));
    }

    #[test]
    fn max_affected_needs_strict_handling() {
        assert_eq!(parse("max-affected=2").unwrap().max_affected, None);
        assert_eq!(parse("handling=strict,max-affected=2").unwrap().max_affected, Some(2));
    }

    #[test]
    fn a_transaction_may_be_undone_where_that_is_set() {
        assert!(parse("tx=rollback, handling=strict").is_err());
        assert_eq!(parse("tx=rollback").unwrap().transaction, None);
        let limits = Config { transaction_preference: true, ..Config::default() };
        let allowed = Preferences::parse(Some("tx=rollback,tx=commit"), &limits).unwrap();
        assert_eq!(allowed.transaction, Some(Transaction::RollBack));
    }

    #[test]
    fn time_zones_are_names_or_offsets() {
        let setting = |zone: &str| TimeZone::parse(zone).map(|zone| zone.setting);
        for name in
            ["UTC", "America/New_York", "America/Port-au-Prince", "Etc/GMT+12", "Etc/GMT-5", "Etc/GMT0"]
        {
            assert_eq!(setting(name).as_deref(), Some(name));
        }
        assert_eq!(setting("+05:30").as_deref(), Some("<+05:30>-05:30"));
        assert_eq!(setting("-08").as_deref(), Some("<-08:00>+08:00"));
        for bad in
            ["", "A1", "EST5EDT", "+5", "+16:00", "+05:31", "+0530", "a b", "é", "Etc/GMT+123", "Etc/GMT1A2"]
        {
            assert_eq!(setting(bad), None, "{bad}");
        }
        assert!(parse("timezone=+99:99").is_ok());
        assert!(parse("timezone=+99:99, handling=strict").is_err());
    }

    #[test]
    fn a_planned_count_must_be_allowed() {
        assert_eq!(parse("count=planned").unwrap().count, None);
        assert!(parse("handling=strict, count=estimated").is_err());
        let limits = Config { planned_counts: true, ..Config::default() };
        let planned = Preferences::parse(Some("count=planned, count=exact"), &limits).unwrap();
        assert_eq!(planned.count, Some(Count::Planned));
    }
}

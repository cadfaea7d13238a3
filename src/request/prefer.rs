//! The `Prefer` header (RFC 7240), with the dialect's keys.

use super::Error;

/// What the client prefers; the first mention of a key wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    pub resolution: Option<Resolution>,
    pub return_: Option<Return>,
    pub count_exact: bool,
    pub handling: Option<Handling>,
    pub max_affected: Option<u64>,
}

/// What an insert does with a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    MergeDuplicates,
    IgnoreDuplicates,
}

/// What a write answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    Minimal,
    HeadersOnly,
    Representation,
}

/// Whether an unknown preference is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    Strict,
    Lenient,
}

impl Preferences {
    /// Parses all `Prefer` headers, joined by commas.
    ///
    /// # Errors
    /// [`Error::Preference`] where `handling=strict` and one is unknown.
    pub fn parse(header: Option<&str>) -> Result<Self, Error> {
        let mut preferences = Self::default();
        let mut unknown = Vec::new();
        for preference in header.unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
        {
            match preference {
                "resolution=merge-duplicates" => {
                    first(&mut preferences.resolution, Resolution::MergeDuplicates)
                }
                "resolution=ignore-duplicates" => {
                    first(&mut preferences.resolution, Resolution::IgnoreDuplicates)
                }
                "return=minimal" => first(&mut preferences.return_, Return::Minimal),
                "return=headers-only" => first(&mut preferences.return_, Return::HeadersOnly),
                "return=representation" => first(&mut preferences.return_, Return::Representation),
                "count=exact" => preferences.count_exact = true,
                "handling=strict" => first(&mut preferences.handling, Handling::Strict),
                "handling=lenient" => first(&mut preferences.handling, Handling::Lenient),
                other => match other.strip_prefix("max-affected=").and_then(|rows| rows.parse().ok()) {
                    Some(rows) => first(&mut preferences.max_affected, rows),
                    None => unknown.push(other.to_owned()),
                },
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
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mention_of_a_key_wins() {
        let preferences =
            Preferences::parse(Some("return=representation, return=minimal,count=exact")).unwrap();
        assert_eq!(preferences.return_, Some(Return::Representation));
        assert!(preferences.count_exact);
    }

    #[test]
    fn unknown_preferences_matter_only_when_handling_is_strict() {
        assert!(Preferences::parse(Some("speed=high")).is_ok());
        let strict = Preferences::parse(Some("handling=strict, speed=high"));
        assert_eq!(strict, Err(Error::Preference { unknown: vec!["speed=high".into()] }));
    }

    #[test]
    fn max_affected_needs_strict_handling() {
        assert_eq!(Preferences::parse(Some("max-affected=2")).unwrap().max_affected, None);
        assert_eq!(Preferences::parse(Some("handling=strict,max-affected=2")).unwrap().max_affected, Some(2));
    }
}

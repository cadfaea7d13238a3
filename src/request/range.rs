//! Which rows of a result: `limit`, `offset` and the `Range` header, intersected.

use super::Error;

/// Rows `offset` to `offset + limit - 1`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub offset: u64,
    /// None: to the end.
    pub limit: Option<u64>,
}

impl Window {
    /// The rows that are in both windows.
    ///
    /// # Errors
    /// [`Error::Range`] where there is none, unless `self` has the legal limit of 0.
    pub(super) fn intersect(self, other: Window) -> Result<Window, Error> {
        let end = |window: Window| window.limit.map(|limit| window.offset.saturating_add(limit));
        let offset = self.offset.max(other.offset);
        let end = match (end(self), end(other)) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        if self.limit == Some(0) {
            return Ok(self);
        }
        match end {
            Some(end) if end <= offset => Err(Error::Range {
                why: "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
            }),
            end => Ok(Window { offset, limit: end.map(|end| end - offset) }),
        }
    }
}

/// A `limit` or `offset`.
pub(super) fn count(parameter: &str, value: &str) -> Result<u64, Error> {
    let value = value.trim();
    if value.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok_and(|n| n > 0)) {
        return Err(Error::Range { why: "Limit should be greater than or equal to zero." });
    }
    // A bigint is what Postgres takes for either (SELECT, LIMIT clause).
    match value.parse::<i64>() {
        Ok(count) if count >= 0 => Ok(count.unsigned_abs()),
        _ => Err(Error::Query {
            parameter: parameter.to_owned(),
            expected: "a whole number",
            position: 1,
            found: value.chars().take(20).collect(),
        }),
    }
}

/// The `Range` header, in the unit `items`: `0-9`, `10-`; another unit or form is ignored, as RFC 9110 14.2 asks.
pub(super) fn header(value: Option<&str>) -> Result<Window, Error> {
    let Some(value) = value else { return Ok(Window::default()) };
    let value = value.strip_prefix("items=").unwrap_or(value).trim();
    let Some((lower, upper)) = value.split_once('-') else { return Ok(Window::default()) };
    let Ok(offset) = lower.parse::<u64>() else { return Ok(Window::default()) };
    if i64::try_from(offset).is_err() {
        return Ok(Window::default());
    }
    if upper.is_empty() {
        return Ok(Window { offset, limit: None });
    }
    let Ok(upper) = upper.parse::<u64>() else { return Ok(Window::default()) };
    if upper < offset {
        return Err(Error::Range {
            why: "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
        });
    }
    Ok(Window { offset, limit: Some((upper - offset).saturating_add(1).min(i64::MAX as u64)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(offset: u64, limit: u64) -> Window {
        Window { offset, limit: Some(limit) }
    }

    #[test]
    fn a_range_header_names_its_last_row() {
        assert_eq!(header(Some("0-9")).unwrap(), window(0, 10));
        assert_eq!(header(Some("items=5-5")).unwrap(), window(5, 1));
        assert_eq!(header(Some("5-")).unwrap(), Window { offset: 5, limit: None });
        assert_eq!(header(Some("bytes=0-9")).unwrap(), Window::default());
        assert_eq!(header(Some("0-18446744073709551615")).unwrap(), window(0, i64::MAX as u64));
        assert!(header(Some("9-5")).is_err());
    }

    #[test]
    fn windows_intersect() {
        assert_eq!(window(0, 10).intersect(window(5, 10)).unwrap(), window(5, 5));
        assert_eq!(Window::default().intersect(window(5, 10)).unwrap(), window(5, 10));
        assert_eq!(window(0, 0).intersect(window(5, 10)).unwrap(), window(0, 0));
        assert!(window(0, 5).intersect(window(5, 1)).is_err());
    }

    #[test]
    fn negative_and_absurd_counts_are_refused() {
        assert!(matches!(count("limit", "-1"), Err(Error::Range { .. })));
        assert!(matches!(count("limit", "x"), Err(Error::Query { .. })));
        assert!(matches!(count("offset", "9223372036854775808"), Err(Error::Query { .. })));
        assert_eq!(count("limit", "0").unwrap(), 0);
    }
}

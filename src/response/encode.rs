//! One value of a row as JSON, from the bytes that Postgres sent, as its own `to_json` would write it.
//!
//! Formats: Postgres sources, `src/backend/utils/adt` (`uuid_send`, `timestamp_send`, …), and for the text
//! `JsonEncodeDateTime` and `escape_json`. The property tests hold both together.

use std::io::Write as _;

use bytes::{BufMut, BytesMut};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::catalog::Encoding;

/// A column did not hold what its type says: a fault of the service, not of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of a row cannot be read")]
pub struct Unreadable {
    pub column: usize,
}

/// The bytes of a column, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The bytes of `row`'s column `index` as Postgres sent them; None for NULL.
pub(super) fn sent(row: &Row, index: usize) -> Result<Option<&[u8]>, Unreadable> {
    let raw = row.try_get::<_, Option<Raw<'_>>>(index).map_err(|_| Unreadable { column: index })?;
    Ok(raw.map(|Raw(bytes)| bytes))
}

/// Appends the value of `row`'s column `index`; NULL is `null`.
pub(super) fn value(
    out: &mut BytesMut,
    encoding: Encoding,
    row: &Row,
    index: usize,
) -> Result<(), Unreadable> {
    let unreadable = Unreadable { column: index };
    match sent(row, index)? {
        None => out.extend_from_slice(b"null"),
        Some(bytes) => bytes_as_json(out, encoding, bytes).ok_or(unreadable)?,
    }
    Ok(())
}

/// None where `bytes` are not what `encoding` needs.
fn bytes_as_json(out: &mut BytesMut, encoding: Encoding, bytes: &[u8]) -> Option<()> {
    match encoding {
        Encoding::Bool => match bytes {
            [0] => out.extend_from_slice(b"false"),
            [_] => out.extend_from_slice(b"true"),
            _ => return None,
        },
        Encoding::Int2 => integer(out, i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Encoding::Int4 => integer(out, i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Encoding::Int8 => integer(out, i64::from_be_bytes(bytes.try_into().ok()?)),
        Encoding::Number => match bytes {
            // NaN, Infinity and -Infinity are no JSON numbers.
            [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => out.extend_from_slice(bytes),
            _ => {
                out.put_u8(b'"');
                out.extend_from_slice(bytes);
                out.put_u8(b'"');
            }
        },
        Encoding::Text => string(out, std::str::from_utf8(bytes).ok()?),
        Encoding::Uuid => {
            let uuid = uuid::Uuid::from_bytes(bytes.try_into().ok()?);
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            out.put_u8(b'"');
            out.extend_from_slice(uuid.hyphenated().encode_lower(&mut text).as_bytes());
            out.put_u8(b'"');
        }
        Encoding::Json | Encoding::ToJson => out.extend_from_slice(bytes),
        // jsonb_send: a version byte, 1, then text.
        Encoding::Jsonb => match bytes {
            [1, text @ ..] => out.extend_from_slice(text),
            _ => return None,
        },
        Encoding::Date => date(out, i32::from_be_bytes(bytes.try_into().ok()?)),
        Encoding::Time => {
            out.put_u8(b'"');
            time_of_day(out, i64::from_be_bytes(bytes.try_into().ok()?));
            out.put_u8(b'"');
        }
        Encoding::Timestamp => timestamp(out, i64::from_be_bytes(bytes.try_into().ok()?), ""),
        // The session's time zone is UTC (`db::connect`, and the gate checks it).
        Encoding::TimestampTz => timestamp(out, i64::from_be_bytes(bytes.try_into().ok()?), "+00:00"),
    }
    Some(())
}

fn integer(out: &mut BytesMut, mut value: i64) {
    // 20 characters hold i64::MIN.
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let negative = value < 0;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from((value % 10).unsigned_abs()).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if negative {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}

/// A JSON string, escaped as `escape_json` does: what must be, and nothing else.
pub(super) fn string(out: &mut BytesMut, text: &str) {
    out.reserve(text.len() + 2);
    out.put_u8(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..index]);
        if escape.is_empty() {
            let _ = write!(out.writer(), "\\u{byte:04x}");
        } else {
            out.extend_from_slice(escape);
        }
        plain = index + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.put_u8(b'"');
}

/// Days from 1970-01-01 to 2000-01-01, from which Postgres counts.
const EPOCH_DAYS: i64 = 10_957;
const DAY_US: i64 = 86_400_000_000;

/// Days since 2000-01-01; the extremes are the infinities.
fn date(out: &mut BytesMut, days: i32) {
    out.put_u8(b'"');
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        days => {
            let era = civil_date(out, i64::from(days));
            out.extend_from_slice(era);
        }
    }
    out.put_u8(b'"');
}

/// Microseconds since 2000-01-01 00:00:00; the extremes are the infinities.
fn timestamp(out: &mut BytesMut, microseconds: i64, zone: &str) {
    out.put_u8(b'"');
    match microseconds {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        microseconds => {
            let era = civil_date(out, microseconds.div_euclid(DAY_US));
            out.put_u8(b'T');
            time_of_day(out, microseconds.rem_euclid(DAY_US));
            out.extend_from_slice(zone.as_bytes());
            out.extend_from_slice(era);
        }
    }
    out.put_u8(b'"');
}

/// Writes `yyyy-mm-dd` and gives what follows at the end: ` BC` before the year 1.
fn civil_date(out: &mut BytesMut, days: i64) -> &'static [u8] {
    let (year, month, day) = civil(days + EPOCH_DAYS);
    let (year, era): (i64, &[u8]) = if year > 0 { (year, b"") } else { (1 - year, b" BC") };
    let _ = write!(out.writer(), "{year:04}-{month:02}-{day:02}");
    era
}

/// The proleptic Gregorian date of a day counted from 1970-01-01, year 0 being 1 BC.
///
/// The calendar repeats every 400 years (146,097 days); counting years from March puts the leap day last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `hh:mm:ss`, with the fraction that there is and no more.
fn time_of_day(out: &mut BytesMut, microseconds: i64) {
    let seconds = microseconds / 1_000_000;
    let _ = write!(out.writer(), "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = microseconds % 1_000_000;
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        out.put_u8(b'.');
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(encoding: Encoding, bytes: &[u8]) -> String {
        let mut out = BytesMut::new();
        bytes_as_json(&mut out, encoding, bytes).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn integers_reach_their_extremes() {
        assert_eq!(json(Encoding::Int8, &i64::MIN.to_be_bytes()), "-9223372036854775808");
        assert_eq!(json(Encoding::Int8, &i64::MAX.to_be_bytes()), "9223372036854775807");
        assert_eq!(json(Encoding::Int2, &0_i16.to_be_bytes()), "0");
    }

    #[test]
    fn strings_are_escaped_as_postgres_does() {
        assert_eq!(json(Encoding::Text, "a\"\\\n\u{1}\u{7f}é".as_bytes()), "\"a\\\"\\\\\\n\\u0001\u{7f}é\"");
    }

    #[test]
    fn dates_cross_eras_leap_days_and_infinities() {
        let date = |days: i32| json(Encoding::Date, &days.to_be_bytes());
        assert_eq!(date(0), "\"2000-01-01\"");
        assert_eq!(date(59), "\"2000-02-29\"");
        assert_eq!(date(-730_119), "\"0001-01-01\"");
        assert_eq!(date(-730_120), "\"0001-12-31 BC\"");
        assert_eq!(date(i32::MAX), "\"infinity\"");
    }

    #[test]
    fn timestamps_keep_only_the_fraction_that_there_is() {
        let stamp = |us: i64| json(Encoding::TimestampTz, &us.to_be_bytes());
        assert_eq!(stamp(0), "\"2000-01-01T00:00:00+00:00\"");
        assert_eq!(stamp(-1), "\"1999-12-31T23:59:59.999999+00:00\"");
        assert_eq!(stamp(1_500_000), "\"2000-01-01T00:00:01.5+00:00\"");
        assert_eq!(stamp(i64::MIN), "\"-infinity\"");
    }

    #[test]
    fn bytes_of_the_wrong_length_are_no_value() {
        assert!(bytes_as_json(&mut BytesMut::new(), Encoding::Int4, &[0]).is_none());
        assert!(bytes_as_json(&mut BytesMut::new(), Encoding::Jsonb, &[2, b'1']).is_none());
    }
}

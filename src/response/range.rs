//! `Content-Range` and the statuses that go with it.

/// How many rows there were: all of them told, or an answer still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Rows(u64),
    /// The answer is streamed and its end not known: `0-*/*`.
    Streaming,
}

/// `0-14/*`, `*/0`, `10-19/321`; the offset counts from 0 and `total` only where it was asked for.
pub fn content_range(offset: u64, rows: Counted, total: Option<u64>) -> String {
    let total = total.map_or("*".to_owned(), |total| total.to_string());
    match rows {
        Counted::Rows(0) => format!("*/{total}"),
        Counted::Rows(rows) => format!("{offset}-{}/{total}", offset.saturating_add(rows - 1)),
        Counted::Streaming => format!("{offset}-*/{total}"),
    }
}

/// 200; where a total was counted 206 for a part of it, and None (416) where the offset lies beyond it.
pub fn read_status(offset: u64, rows: u64, total: Option<u64>) -> Option<u16> {
    match total {
        Some(total) if offset > total => None,
        Some(total) if rows < total => Some(206),
        _ => Some(200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_the_first_and_last_row() {
        assert_eq!(content_range(0, Counted::Rows(15), None), "0-14/*");
        assert_eq!(content_range(10, Counted::Rows(10), Some(321)), "10-19/321");
        assert_eq!(content_range(0, Counted::Rows(0), None), "*/*");
        assert_eq!(content_range(5, Counted::Streaming, None), "5-*/*");
    }

    #[test]
    fn only_a_counted_part_is_206_and_only_a_counted_offset_416() {
        assert_eq!(read_status(0, 5, None), Some(200));
        assert_eq!(read_status(0, 5, Some(5)), Some(200));
        assert_eq!(read_status(0, 5, Some(6)), Some(206));
        assert_eq!(read_status(6, 0, Some(6)), Some(206));
        assert_eq!(read_status(7, 0, Some(6)), None);
        assert_eq!(read_status(0, 0, Some(0)), Some(200));
    }
}

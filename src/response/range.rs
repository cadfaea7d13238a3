//! `Content-Range` and the statuses that go with it.

/// How many rows there were: all of them told, or an answer still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Rows(u64),
    /// The answer is streamed and its end not known: `0-*/*`.
    Streaming,
}

/// How many rows there are without the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exact(u64),
    /// What the planner expects.
    Expected(u64),
}

impl Total {
    /// What was counted, and what the planner expects, whichever was asked for. Where both were, the count went no
    /// further than one row beyond `rows_max`.
    pub fn new(counted: Option<u64>, planned: Option<u64>, rows_max: Option<u64>) -> Option<Self> {
        match (counted, planned) {
            (Some(counted), Some(planned)) if rows_max.is_some_and(|rows_max| counted > rows_max) => {
                Some(Total::Expected(counted.max(planned)))
            }
            (Some(counted), _) => Some(Total::Exact(counted)),
            (None, planned) => planned.map(Total::Expected),
        }
    }

    /// The number, once `rows` from `offset` on are known to be there.
    pub fn given(self, offset: u64, rows: u64) -> u64 {
        match self {
            Total::Exact(total) => total,
            Total::Expected(total) if rows > 0 => total.max(offset.saturating_add(rows)),
            Total::Expected(total) => total,
        }
    }

    pub fn is_exact(self) -> bool {
        matches!(self, Total::Exact(_))
    }
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
    fn an_estimate_is_exact_up_to_rows_max_and_no_less_than_what_is_there() {
        assert_eq!(Total::new(Some(5), Some(900), Some(10)), Some(Total::Exact(5)));
        assert_eq!(Total::new(Some(11), Some(900), Some(10)), Some(Total::Expected(900)));
        assert_eq!(Total::new(Some(11), Some(3), Some(10)), Some(Total::Expected(11)));
        assert_eq!(Total::new(None, Some(3), Some(10)), Some(Total::Expected(3)));
        assert_eq!(Total::new(None, None, None), None);
        assert_eq!(Total::Expected(3).given(10, 5), 15);
        assert_eq!(Total::Expected(3).given(10, 0), 3);
        assert_eq!(Total::Exact(3).given(10, 5), 3);
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

//! How many events of one kind a tenant may have each second: what is beyond is counted and not kept, so that no caller fills
//! the log, and no tenant's refusals push another's out.

use std::num::NonZeroUsize;

use lru::LruCache;
use uuid::Uuid;

/// Whose events are counted together: a flood of one kind shall not hide another kind.
pub(super) type Key = (Option<Uuid>, &'static str);

/// The windows of all tenants and kinds that had events of late.
pub(super) struct Limit {
    windows: LruCache<Key, Window>,
    each_second: u64,
}

struct Window {
    second: u64,
    taken: u64,
    left_out: u64,
}

/// Keys that are counted at the same time. One that falls out begins anew.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

impl Limit {
    pub fn new(each_second: u64) -> Self {
        Self { windows: LruCache::new(KEYS_MAX), each_second }
    }

    /// Whether an event of `key` is kept in `second`, a number that only grows.
    pub fn takes(&mut self, key: Key, second: u64) -> bool {
        let window = self.windows.get_or_insert_mut(key, || Window { second, taken: 0, left_out: 0 });
        if window.second < second {
            window.second = second;
            window.taken = 0;
        }
        if window.taken < self.each_second {
            window.taken += 1;
            true
        } else {
            window.left_out += 1;
            false
        }
    }

    /// What was left out in the seconds before `second`, and was not told of before.
    pub fn left_out(&mut self, second: u64) -> Vec<(Key, u64)> {
        let mut told = Vec::new();
        for (key, window) in self.windows.iter_mut() {
            if window.left_out > 0 && window.second < second {
                told.push((*key, std::mem::take(&mut window.left_out)));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_and_kind_has_its_own_bound_each_second() {
        let mut limit = Limit::new(2);
        let (one, other) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let takes: Vec<bool> = (0..4).map(|_| limit.takes((one, "policy"), 7)).collect();
        assert_eq!(takes, [true, true, false, false]);
        assert!(limit.takes((one, "privilege"), 7));
        assert!(limit.takes((other, "policy"), 7));
        assert!(limit.takes((None, "policy"), 7));
        assert!(limit.left_out(7).is_empty());
        assert_eq!(limit.left_out(8), [((one, "policy"), 2)]);
        assert!(limit.left_out(9).is_empty());
        assert!(limit.takes((one, "policy"), 8));
    }

    #[test]
    fn what_was_left_out_is_told_although_the_flood_goes_on() {
        let mut limit = Limit::new(1);
        let key = (None, "invalid_token");
        for second in 1..=3 {
            assert!(limit.takes(key, second));
            assert!(!limit.takes(key, second));
        }
        assert_eq!(limit.left_out(4), [(key, 3)]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut limit = Limit::new(1);
        for tenant in 0..20_000 {
            limit.takes((Some(Uuid::from_u128(tenant)), "policy"), 1);
        }
        assert_eq!(limit.windows.len(), KEYS_MAX.get());
    }
}

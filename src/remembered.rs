//! Answers remembered for a moment: bounded in number and in age, and worthless once the generation has moved on.
//!
//! Knows nothing of what is remembered. Time comes from outside, in whatever unit its owner counts (seconds since 1970,
//! milliseconds since the start): a clock that is set back makes an entry unused, not older.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

/// From how many entries on they are spread, so that threads seldom wait for each other.
const SPREAD_MIN: usize = 1_024;
const SHARDS: usize = 16;

/// A bounded map; the least recently used falls out.
pub(crate) struct Remembered<K, V> {
    shards: Vec<Mutex<LruCache<K, Entry<V>>>>,
    hasher: RandomState,
}

struct Entry<V> {
    value: V,
    generation: u64,
    from: u64,
    /// The first moment at which it is not good any more.
    until: u64,
}

impl<K: Hash + Eq, V: Clone> Remembered<K, V> {
    /// For at most `entries_max`; 0: nothing is remembered.
    pub(crate) fn new(entries_max: usize) -> Self {
        let count = if entries_max < SPREAD_MIN { entries_max.min(1) } else { SHARDS };
        let shard = || NonZeroUsize::new(entries_max / count).map(|most| Mutex::new(LruCache::new(most)));
        Self { shards: (0..count).filter_map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    /// What was kept under `key` in this generation and is good `now`.
    pub(crate) fn recall<Q>(&self, key: &Q, generation: u64, now: u64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut entries = self.shard(key)?.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        let is_good = entry.generation == generation && (entry.from..entry.until).contains(&now);
        is_good.then(|| entry.value.clone())
    }

    /// Keeps `value` from `now` until before `until`. `generation` is that of before the value was found.
    pub(crate) fn keep(&self, key: K, value: V, generation: u64, now: u64, until: u64) {
        if let Some(shard) = self.shard(&key) {
            let mut entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
            entries.put(key, Entry { value, generation, from: now, until });
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> Option<&Mutex<LruCache<K, Entry<V>>>> {
        match self.shards.len() {
            0 => None,
            1 => self.shards.first(),
            count => self.shards.get(self.hasher.hash_one(key) as usize % count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_good_in_its_generation_and_its_time() {
        let remembered = Remembered::new(10);
        remembered.keep("a", 1, 7, 100, 160);
        assert_eq!(remembered.recall("a", 7, 100), Some(1));
        assert_eq!(remembered.recall("a", 7, 159), Some(1));
        assert_eq!(remembered.recall("a", 7, 160), None);
        assert_eq!(remembered.recall("a", 7, 99), None);
        assert_eq!(remembered.recall("a", 8, 100), None);
        assert_eq!(remembered.recall("b", 7, 100), None);
        remembered.clear();
        assert_eq!(remembered.recall("a", 7, 100), None);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        for most in [0, 1, 10, SPREAD_MIN, 5_000] {
            let remembered = Remembered::new(most);
            for key in 0..20_000 {
                remembered.keep(key, (), 0, 0, 1);
            }
            let kept = (0..20_000).filter(|key| remembered.recall(key, 0, 0).is_some()).count();
            assert!(kept <= most && kept >= most / 2, "{kept} of {most}");
        }
    }
}

//! How often a client may ask, from one address: a bucket of tokens each, the least recently used forgotten.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use lru::LruCache;

/// Buckets that are remembered. A client that is forgotten starts afresh; what it might guess has 244 bits.
const BUCKETS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Counts requests of this process. Sessions are limited by the database.
pub struct Limiter {
    per_minute: f64,
    buckets: Mutex<LruCache<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limiter {
    pub fn new(per_minute: u64) -> Self {
        Self { per_minute: per_minute as f64, buckets: Mutex::new(LruCache::new(BUCKETS_MAX)) }
    }

    /// Takes one token of the bucket `key`, a hash.
    ///
    /// # Errors
    /// After how many seconds there is one, where there is none now.
    pub fn take(&self, key: String, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket { left: self.per_minute, at: now };
        let bucket = buckets.get_or_insert_mut(key, || full);
        let per_second = self.per_minute / 60.0;
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.left = (bucket.left + gained).min(self.per_minute);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            Ok(())
        } else {
            Err((((1.0 - bucket.left) / per_second).ceil() as u64).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn r08_a_bucket_is_emptied_and_fills_again_and_no_other_feels_it() {
        let limiter = Limiter::new(2);
        let start = Instant::now();
        assert_eq!(limiter.take("one".to_owned(), start), Ok(()));
        assert_eq!(limiter.take("one".to_owned(), start), Ok(()));
        assert_eq!(limiter.take("one".to_owned(), start), Err(30));
        assert_eq!(limiter.take("two".to_owned(), start), Ok(()));
        assert_eq!(limiter.take("one".to_owned(), start + Duration::from_secs(31)), Ok(()));
    }
}

use crate::limits::Rate;
use tokio::time::Instant;

/// A token bucket: how often a peer may do something.
#[derive(Debug)]
pub(crate) struct Bucket {
    left: u32,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, filled: now }
    }

    /// Takes a token; `false` if there is none.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled);
        let gained = (elapsed.as_secs_f64() * f64::from(rate.per_second)) as u32;
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(rate.burst);
            self.filled = now;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate { burst: 3, per_second: 2 };
        let start = Instant::now();
        let mut bucket = Bucket::new(rate, start);
        assert_eq!([(); 4].map(|()| bucket.take(rate, start)), [true, true, true, false]);
        let later = start + Duration::from_millis(500);
        assert_eq!([(); 2].map(|()| bucket.take(rate, later)), [true, false]);
        let much_later = later + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| bucket.take(rate, much_later)), [true, true, true, false]);
    }
}

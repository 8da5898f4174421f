use crate::Reconnect;
use std::time::Duration;

/// Counts attempts in a row and draws the delays before them.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// A connection has held.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The number of the next attempt and the delay before it; `None` when there have been enough.
    pub(crate) fn next(&mut self, rules: &Reconnect) -> Option<(u32, Duration)> {
        if rules.attempts.is_some_and(|most| self.attempts >= most) {
            return None;
        }
        let bound = bound(rules, self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Some((self.attempts, Duration::from_nanos(fastrand::u64(0..=nanos))))
    }
}

fn bound(rules: &Reconnect, before: u32) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    rules.base.saturating_mul(factor).min(rules.cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_cap() {
        let rules = Reconnect::default();
        let bounds: Vec<_> = (0..9).map(|before| bound(&rules, before).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(bound(&rules, 31), rules.cap);
        assert_eq!(bound(&rules, u32::MAX), rules.cap);
    }

    #[test]
    fn delays_lie_within_their_bounds_and_differ() {
        let rules = Reconnect::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let mut backoff = Backoff::default();
            for before in 0..12 {
                let (attempt, delay) = backoff.next(&rules).unwrap();
                assert_eq!(attempt, before + 1);
                assert!(delay <= bound(&rules, before), "{delay:?} before attempt {attempt}");
                seen.insert(delay);
            }
        }
        assert!(seen.len() > 1000, "only {} different delays", seen.len());
    }

    #[test]
    fn attempts_run_out_and_start_anew() {
        let rules = Reconnect::default().attempts(2);
        let mut backoff = Backoff::default();
        assert!(backoff.next(&rules).is_some());
        assert!(backoff.next(&rules).is_some());
        assert!(backoff.next(&rules).is_none());
        backoff.reset();
        assert_eq!(backoff.next(&rules).unwrap().0, 1);
        assert!(Backoff::default().next(&Reconnect::never()).is_none());
    }
}

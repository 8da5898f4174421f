//! Numbers that grow, by labels of which there are only so many.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};
use swill_proto::{Code, Error};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts by a number that others choose: the known ones each have a place, the others one together.
#[derive(Debug)]
pub(crate) struct ByCode<const N: usize> {
    known: &'static [i64; N],
    counts: [Count; N],
    others: Count,
}

impl<const N: usize> ByCode<N> {
    pub(crate) fn new(known: &'static [i64; N]) -> Self {
        Self { known, counts: [const { Count(AtomicU64::new(0)) }; N], others: Count::default() }
    }

    pub(crate) fn add(&self, code: i64) {
        let at = self.known.iter().position(|known| *known == code);
        at.map_or(&self.others, |at| &self.counts[at]).add(1);
    }

    /// Those that have been counted, with their labels.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (String, u64)> {
        let known = self.known.iter().zip(&self.counts).map(|(code, count)| (code.to_string(), count.read()));
        known.chain([("other".to_owned(), self.others.read())]).filter(|(_, count)| *count > 0)
    }
}

/// The close codes of RFC 6455, section 7.4.1, and this server's own.
pub(crate) const CLOSES: &[i64; 17] =
    &[1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 4000, 4008];

/// The statuses with which handshakes are refused.
pub(crate) const STATUSES: &[i64; 12] = &[400, 401, 403, 404, 406, 421, 426, 429, 431, 500, 502, 503];

/// The codes of errors that have a name.
const CODES: [i64; 14] = [400, 401, 403, 404, 408, 409, 413, 422, 429, 499, 500, 501, 503, 504];

/// How many outcomes are told apart: success, each of the codes, and all others together.
const OUTCOMES: usize = CODES.len() + 2;

/// How a call ended, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome(pub(super) u8);

impl Outcome {
    pub(crate) const OK: Self = Self(0);

    pub(crate) fn of(error: &Error) -> Self {
        Self::of_code(error.code())
    }

    pub(crate) fn of_code(code: Code) -> Self {
        let at = CODES.iter().position(|known| *known == code.0).unwrap_or(CODES.len());
        Self(at as u8 + 1)
    }

    fn label(self) -> String {
        match self.0.checked_sub(1).map(|at| CODES.get(usize::from(at))) {
            None => "ok".into(),
            Some(Some(code)) => code.to_string(),
            Some(None) => "other".into(),
        }
    }
}

/// The upper bounds of the histogram of times, in nanoseconds.
const BOUNDS: [u64; 17] = [
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// The calls of a procedure over a protocol.
#[derive(Debug, Default)]
pub(crate) struct CallCounts {
    outcomes: [Count; OUTCOMES],
    /// How many took at most as long as their bound, and longer than the one before.
    times: [Count; BOUNDS.len() + 1],
    nanoseconds: Count,
}

impl CallCounts {
    /// Adds calls that ended alike, and took as long as each other.
    pub(crate) fn add(&self, calls: u64, outcome: Outcome, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < took);
        self.outcomes[usize::from(outcome.0)].add(calls);
        self.times[bucket].add(calls);
        self.nanoseconds.add(took.saturating_mul(calls));
    }

    /// The outcomes that there have been, with their labels.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (String, u64)> {
        let outcomes = self.outcomes.iter().enumerate();
        let read = outcomes.map(|(at, count)| (Outcome(at as u8).label(), count.read()));
        read.filter(|(_, count)| *count > 0)
    }

    /// The histogram of times: their sum in seconds, and how many there are up to each bound, also in seconds.
    pub(crate) fn times(&self) -> (f64, Vec<(f64, u64)>) {
        let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
        let buckets = bounds.zip(&self.times).map(|(bound, count)| (bound, count.read())).collect();
        (self.nanoseconds.read() as f64 / 1e9, buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_nobody_knows_are_counted_together() {
        let closes = ByCode::new(CLOSES);
        [1000, 4321, 1000, 3999, 4008, 0].into_iter().for_each(|code| closes.add(code));
        let counted: Vec<_> = closes.counted().collect();
        let expected = [("1000", 2), ("4008", 1), ("other", 3)];
        assert_eq!(counted, expected.map(|(label, count)| (label.to_owned(), count)));
    }

    #[test]
    fn a_call_is_in_the_bucket_of_the_bound_that_it_does_not_exceed() {
        let calls = CallCounts::default();
        for (count, nanoseconds) in [(1, 0), (2, 25_000), (4, 25_001), (8, 10_000_000_000), (16, u64::MAX)] {
            calls.add(count, Outcome::OK, Duration::from_nanos(nanoseconds));
        }
        let (_, times) = calls.times();
        let taken: Vec<_> = times.iter().map(|(_, count)| *count).filter(|count| *count > 0).collect();
        assert_eq!(taken, [3, 4, 8, 16]);
        assert_eq!(times[0], (0.000025, 3));
    }

    #[test]
    fn outcomes_have_the_codes_of_their_errors() {
        for (code, label) in [(400, "400"), (504, "504"), (418, "other"), (-1, "other")] {
            assert_eq!(Outcome::of(&Error::new(code, "")).label(), label);
        }
        assert_eq!(Outcome::OK.label(), "ok");
    }
}

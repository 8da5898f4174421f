//! What is counted and measured.

use hdrhistogram::Histogram;
use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use swill_exhaustion::process::Sample;

/// Errors that are remembered word by word.
const REMEMBERED: usize = 20;

/// Calls that take longer count as if they took so long, in microseconds.
const LONGEST: u64 = 60_000_000;

/// What all callers and attackers count together.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    calls: AtomicU64,
    errors: AtomicU64,
    attacks: AtomicU64,
    said: Mutex<Vec<String>>,
    /// Microseconds of small calls since the last row; made when the first one comes.
    latencies: Mutex<Option<Histogram<u64>>>,
    /// Calls and attacks up to the last row.
    before: Mutex<(u64, u64)>,
}

/// What was seen in one interval.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) at: Duration,
    pub(crate) rss: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: u64,
    /// Of one core.
    pub(crate) cpu: f64,
    /// Per second.
    pub(crate) calls: f64,
    /// Per second.
    pub(crate) attacks: f64,
    pub(crate) errors: u64,
    /// Microseconds: half, 99 of 100, the slowest.
    pub(crate) latency: [u64; 3],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Figures {
    pub(crate) fn called(&self, count: u64) {
        self.calls.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn attacked(&self) {
        self.attacks.fetch_add(1, Ordering::Relaxed);
    }

    /// A small call was answered after so long.
    pub(crate) fn took(&self, time: Duration) {
        let mut latencies = lock(&self.latencies);
        if latencies.is_none() {
            *latencies = Histogram::new_with_max(LONGEST, 3).ok();
        }
        if let Some(latencies) = &mut *latencies {
            latencies.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// An honest caller got an error, or something wrong.
    pub(crate) fn failed(&self, what: &str, why: impl fmt::Display) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let mut said = lock(&self.said);
        if said.len() < REMEMBERED {
            said.push(format!("{what}: {why}"));
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn attacks(&self) -> u64 {
        self.attacks.load(Ordering::Relaxed)
    }

    /// What the first errors said.
    pub(crate) fn said(&self) -> Vec<String> {
        lock(&self.said).clone()
    }

    /// Closes an interval.
    pub(crate) fn row(&self, at: Duration, during: Duration, now: Sample, last: Sample) -> Row {
        let (calls, attacks) = (self.calls(), self.attacks());
        let mut before = lock(&self.before);
        let seconds = during.as_secs_f64();
        let latency = lock(&self.latencies)
            .take()
            .map_or([0; 3], |all| [all.value_at_quantile(0.5), all.value_at_quantile(0.99), all.max()]);
        let row = Row {
            at,
            rss: now.rss,
            descriptors: now.descriptors,
            threads: now.threads,
            cpu: (now.cpu - last.cpu).as_secs_f64() / seconds,
            calls: (calls - before.0) as f64 / seconds,
            attacks: (attacks - before.1) as f64 / seconds,
            errors: self.errors(),
            latency,
        };
        *before = (calls, attacks);
        row
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, slowest] = self.latency.map(|micros| micros as f64 / 1000.0);
        write!(
            f,
            "{:5.1} min  {:6.2} MiB  {:4} descriptors  {:3} threads  {:3.0} % of a core  {:6.0} calls/s  {:4.1} attacks/s  \
             {half:.1} / {most:.1} / {slowest:.0} ms  {} errors",
            self.at.as_secs_f64() / 60.0,
            self.rss as f64 / 1_048_576.0,
            self.descriptors,
            self.threads,
            self.cpu * 100.0,
            self.calls,
            self.attacks,
            self.errors
        )
    }
}

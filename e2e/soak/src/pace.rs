//! How often something is done, so that the server has so much to do and no more.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// A rate for all callers together.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Rounds per second, in thousandths.
    rate: AtomicU64,
    over: AtomicBool,
}

impl Pace {
    pub(crate) fn new(rate: f64) -> Self {
        let pace = Self { rate: AtomicU64::new(0), over: AtomicBool::new(false) };
        pace.set(rate);
        pace
    }

    /// Rounds per second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// Changes the rate a little, towards where the server uses the share of a core that it should.
    pub(crate) fn adjust(&self, wanted: f64, used: f64) {
        let change = (wanted / used.max(0.01)).clamp(0.8, 1.25);
        // Halfway: one second says little.
        self.set(self.rate() * (1.0 + (change - 1.0) / 2.0));
    }

    fn set(&self, rate: f64) {
        const SLOWEST: f64 = 10.0;
        const FASTEST: f64 = 50_000.0;
        self.rate.store((rate.clamp(SLOWEST, FASTEST) * 1000.0) as u64, Ordering::Relaxed);
    }

    /// The time between two rounds of one of so many, more or less.
    pub(crate) fn pause(&self, of: usize) -> Duration {
        let mean = of as f64 / self.rate();
        Duration::from_secs_f64((mean * 2.0 * fastrand::f64()).min(5.0))
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

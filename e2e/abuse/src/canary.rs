//! Somebody else's connection: calls every few milliseconds while an attack goes on, and must not notice it.

use crate::{
    failure::{Failure, Result},
    target::Target,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// A call of the canary that takes longer counts as an error.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the canary has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    took: Vec<Duration>,
    /// How late the canary was woken: what this machine adds by itself.
    late: Vec<Duration>,
    /// The first thing that went wrong, and how many things did.
    pub(crate) wrong: Option<Failure>,
    pub(crate) errors: usize,
}

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.took.len()
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.took.iter().max().copied().unwrap_or_default()
    }

    /// What 99 of 100 calls did not exceed.
    pub(crate) fn p99(&self) -> Duration {
        p99(&self.took)
    }

    /// The same of how late the canary was woken. A machine that is late itself is no witness.
    pub(crate) fn noise(&self) -> Duration {
        p99(&self.late)
    }

    fn fails(&mut self, failure: Failure) {
        self.errors += 1;
        self.wrong.get_or_insert(failure);
    }
}

fn p99(took: &[Duration]) -> Duration {
    let mut took = took.to_vec();
    took.sort_unstable();
    let place = (took.len() * 99).div_ceil(100);
    took.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// A canary at work, in a thread of its own.
#[derive(Debug)]
pub(crate) struct Canary {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Calls>,
}

impl Canary {
    /// Returns when the first call has been answered.
    pub(crate) fn start(target: Target, every: Duration) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut calls = Calls::default();
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(sing(&target, every, &stopped, &mut calls, &ready)),
                Err(error) => calls.fails(error.into()),
            }
            calls
        });
        // If the thread ends without a word, it has something to report.
        let _ = is_ready.recv_timeout(PATIENCE);
        Ok(Self { stop, thread })
    }

    /// Ends it, and tells what it has seen.
    pub(crate) fn stop(self) -> Result<Calls> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the canary has panicked".into())
    }
}

async fn sing(
    target: &Target,
    every: Duration,
    stop: &AtomicBool,
    calls: &mut Calls,
    ready: &mpsc::Sender<()>,
) {
    let mut connection = None;
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let mut open = match connection.take() {
            Some(open) => open,
            None => match target.open().await {
                Ok(open) => open,
                Err(failure) => {
                    calls.fails(failure);
                    next += Duration::from_millis(250);
                    sleep_until(next).await;
                    continue;
                }
            },
        };
        let begin = Instant::now();
        match open.works(PATIENCE).await {
            Ok(()) => {
                calls.took.push(begin.elapsed());
                connection = Some(open);
                let _ = ready.send(());
            }
            Err(failure) => calls.fails(failure),
        }
        next = (next + every).max(Instant::now());
        sleep_until(next).await;
        calls.late.push(next.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_hundredth_does_not_count_and_the_rest_does() {
        let calls = |slow: usize| Calls {
            took: (0..100).map(|n| Duration::from_millis(if n < slow { 500 } else { 1 })).collect(),
            ..Calls::default()
        };
        assert_eq!(calls(1).p99(), Duration::from_millis(1));
        assert_eq!(calls(2).p99(), Duration::from_millis(500));
        assert_eq!(Calls::default().p99(), Duration::ZERO);
    }
}

//! How long a test waits, in real time: a clock of tokio's that stands still, as tests like to have it, would pass any
//! limit at once.

use crate::state::lock;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    sync::{Condvar, LazyLock, Mutex},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// What comes of a future, or `None` if it takes too long.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut bell = Bell { at: Instant::now() + limit, set: None };
    std::future::poll_fn(|task| match future.as_mut().poll(task) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Pin::new(&mut bell).poll(task).map(|()| None),
    })
    .await
}

/// A moment that somebody waits for.
struct Bell {
    at: Instant,
    set: Option<u64>,
}

/// Rings all bells, from a thread of its own.
#[derive(Default)]
struct Alarm {
    bells: Mutex<Bells>,
    changed: Condvar,
}

#[derive(Default)]
struct Bells {
    next: u64,
    set: BTreeMap<(Instant, u64), Waker>,
}

static ALARM: LazyLock<Alarm> = LazyLock::new(|| {
    let started = thread::Builder::new().name("swill-testing".into()).spawn(|| ALARM.ring());
    if let Err(error) = started {
        tracing::error!(%error, "no thread keeps the time: tests that wait may wait for ever");
    }
    Alarm::default()
});

impl Alarm {
    fn ring(&self) {
        let mut bells = lock(&self.bells);
        loop {
            let now = Instant::now();
            while let Some(first) = bells.set.first_entry().filter(|first| first.key().0 <= now) {
                first.remove().wake();
            }
            let next = bells.set.keys().next().map_or(Duration::MAX, |(at, _)| *at - now);
            let waited = self.changed.wait_timeout(bells, next.min(Duration::from_secs(3600)));
            bells = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl Future for Bell {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let mut bells = lock(&ALARM.bells);
        let bell = self.set.unwrap_or_else(|| {
            bells.next += 1;
            bells.next
        });
        self.set = Some(bell);
        bells.set.insert((self.at, bell), task.waker().clone());
        if bells.set.keys().next().is_some_and(|(_, first)| *first == bell) {
            ALARM.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(bell) = self.set {
            lock(&ALARM.bells).set.remove(&(self.at, bell));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn real_time_passes_while_the_clock_stands_still() {
        let start = (Instant::now(), tokio::time::Instant::now());
        let [short, long] = [20, 60].map(Duration::from_millis);
        let (first, second) = tokio::join!(within(long, pending::<()>()), within(short, pending::<()>()));
        assert_eq!((first, second), (None, None));
        assert!(start.0.elapsed() >= long);
        assert_eq!(start.1.elapsed(), Duration::ZERO);
        assert_eq!(within(Duration::ZERO, ready(7)).await, Some(7), "what is ready is in time");
        let slept = within(10 * long, tokio::time::sleep(1000 * long)).await;
        assert_eq!(slept, Some(()), "the other clock jumps");
    }
}

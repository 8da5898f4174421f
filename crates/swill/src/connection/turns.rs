//! Turns of connections that take long.
//!
//! The runtime gives each task its turn, one after the other, and interrupts none. Where many connections have long
//! turns, because their messages are expensive, everybody else would wait for all of them. So only as many of them queue
//! for a turn at a time as leave a thread to the others; the rest wait here, in order. On a single thread, one of them and
//! everybody else take turns.

use super::clock::{LONG_TURN, give_way};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Places for connections whose turns take long.
#[derive(Debug, Default)]
pub(crate) struct LongTurns(OnceLock<Arc<Semaphore>>);

impl LongTurns {
    /// As many as the runtime has threads, but one.
    fn places(&self) -> Arc<Semaphore> {
        let threads = || Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers());
        let places = || Arc::new(Semaphore::new(threads().saturating_sub(1).max(1)));
        Arc::clone(self.0.get_or_init(places))
    }
}

/// Whether a connection may read, if what it reads may take long.
#[derive(Default)]
pub(super) struct Turns {
    /// The last turn has taken long: so may the next one.
    long: bool,
    place: Place,
}

#[derive(Default)]
enum Place {
    #[default]
    None,
    Waiting(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
    /// Kept until the end of the turn that it is for, which may have to begin yet.
    Taken {
        _permit: Option<OwnedSemaphorePermit>,
        begun: bool,
    },
}

impl Turns {
    /// Whether the next turn may take long.
    #[inline]
    pub(super) fn are_long(&self) -> bool {
        self.long
    }

    /// Whether it is another connection's turn.
    #[inline]
    pub(super) fn are_awaited(&self) -> bool {
        matches!(self.place, Place::Waiting(_) | Place::Taken { begun: false, .. })
    }

    /// Ready when the connection may have a long turn; it may until that has ended.
    #[cold]
    pub(super) fn poll(&mut self, all: &LongTurns, task: &mut Context<'_>) -> Poll<()> {
        if matches!(self.place, Place::None) {
            let places = all.places();
            self.place = match Arc::clone(&places).try_acquire_owned() {
                Ok(permit) => Place::Taken { _permit: Some(permit), begun: false },
                Err(_) => Place::Waiting(Box::pin(async move { places.acquire_owned().await.ok() })),
            };
        }
        if let Place::Waiting(permit) = &mut self.place {
            let permit = ready!(permit.as_mut().poll(task));
            self.place = Place::Taken { _permit: permit, begun: false };
            // Whoever made room has woken this task to come right after it, ahead of all that had to wait for that turn.
            ready!(pin!(tokio::task::yield_now()).poll(task));
        }
        if let Place::Taken { begun, .. } = &mut self.place {
            *begun = true;
        }
        Poll::Ready(())
    }

    /// Nothing can be read now anyway: gives the place to somebody who can.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.place = Place::None;
    }

    /// A turn is over that took so long, and there is more to do: lets others have theirs. The next long turn is asked for
    /// now, when all those are waiting already who came before.
    pub(super) fn give_way(&mut self, took: Duration, all: &LongTurns, task: &mut Context<'_>) {
        self.long = took >= LONG_TURN;
        self.place = Place::None;
        if !self.long || self.poll(all, task).is_ready() {
            give_way(took, task);
        }
    }

    /// The turn that began then is over, and there is nothing more to do. It is only measured if it may have taken long.
    #[inline]
    pub(super) fn ended(&mut self, since: Instant, much: bool) {
        match self.place {
            Place::Waiting(_) | Place::Taken { begun: false, .. } => {}
            Place::None if !much => self.long = false,
            _ => {
                self.long = since.elapsed() >= LONG_TURN;
                self.place = Place::None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Asks once.
    async fn may(turns: &mut Turns, all: &LongTurns) -> bool {
        poll_fn(|task| Poll::Ready(turns.poll(all, task).is_ready())).await
    }

    #[tokio::test]
    async fn one_place_is_passed_on_in_order() {
        let all = LongTurns::default();
        let [mut first, mut second, mut third] = [const { Turns { long: true, place: Place::None } }; 3];
        assert!(may(&mut first, &all).await);
        assert!(!may(&mut second, &all).await && !may(&mut third, &all).await);
        assert!(second.are_awaited() && third.are_awaited());
        // A turn that has not begun is not over.
        second.ended(Instant::now(), true);
        first.ended(Instant::now(), true);
        assert!(!first.are_long() && !may(&mut third, &all).await);
        poll_fn(|task| second.poll(&all, task)).await;
        assert!(!may(&mut first, &all).await && !second.are_awaited());
        second.ended(Instant::now(), true);
        // Who cannot read has no need of it, not even if it is its own already.
        third.leave();
        poll_fn(|task| first.poll(&all, task)).await;
        drop(first);
        assert!(may(&mut second, &all).await);
    }
}

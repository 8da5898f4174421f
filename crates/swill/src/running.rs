//! A procedure that runs: its future, with its type erased, in memory that the next call can use again.

use crate::call::Finished;
use std::{
    any::Any,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A procedure that runs, or the memory of one that has ended.
///
/// A boxed future would do, but for its price: most calls are ready at once and call what was called before, so that
/// asking for memory and giving it back would be a good part of all that they cost.
pub(crate) struct Running(Box<dyn Place>);

trait Place: Send {
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Finished>;

    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

struct Pinned<F>(Pin<Box<Option<F>>>);

impl<F: Future<Output = Finished> + Send + 'static> Place for Pinned<F> {
    #[inline]
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Finished> {
        let Some(future) = self.0.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = future.poll(task);
        if polled.is_ready() {
            self.0.set(None);
        }
        polled
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Running {
    pub(crate) fn new<F: Future<Output = Finished> + Send + 'static>(future: F) -> Self {
        Self(Box::new(Pinned(Box::pin(Some(future)))))
    }

    /// As [`new`](Self::new), in the memory of an ended one if that was of the same type.
    #[inline]
    pub(crate) fn again<F: Future<Output = Finished> + Send + 'static>(
        ended: Option<Self>,
        future: F,
    ) -> Self {
        if let Some(Self(place)) = ended
            && let Ok(mut place) = place.into_any().downcast::<Pinned<F>>()
        {
            place.0.set(Some(future));
            return Self(place);
        }
        Self::new(future)
    }
}

impl Future for Running {
    type Output = Finished;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Finished> {
        self.0.poll(task)
    }
}

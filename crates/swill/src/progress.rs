//! Whether a peer takes what an HTTP answer brings it.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::sleep;

/// What an HTTP connection and the answer that it writes share. An answer is asked for more only when there is room, so a
/// peer that takes nothing is one whose answer is not asked.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    answering: AtomicBool,
    moved: AtomicBool,
}

impl Progress {
    /// Ready when an answer has not moved for so long, and at most twice as long.
    pub(crate) async fn stalled(&self, within: Duration) {
        loop {
            sleep(within.max(Duration::from_millis(1))).await;
            let moved = self.moved.swap(false, Ordering::Relaxed);
            if self.answering.load(Ordering::Relaxed) && !moved {
                return;
            }
        }
    }
}

/// An answer that says when it moves.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    progress: Arc<Progress>,
}

impl<B> Watched<B> {
    pub(crate) fn new(body: B, progress: Arc<Progress>) -> Self {
        progress.moved.store(true, Ordering::Relaxed);
        progress.answering.store(true, Ordering::Relaxed);
        Self { body, progress }
    }
}

impl<B: Body<Data = Bytes, Error = io::Error> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.progress.moved.store(true, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.progress.answering.store(false, Ordering::Relaxed);
    }
}

//! Whether a peer takes what HTTP answers bring it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::sleep,
};

/// What is known of the traffic on an HTTP connection.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Whether something waits to be written.
    waiting: AtomicBool,
    moved: AtomicBool,
    /// Bytes that came since the last request.
    read: AtomicUsize,
}

impl Progress {
    /// Ready when nothing of what waits has been taken for so long, and at most twice as long.
    pub(crate) async fn stalled(&self, within: Duration) {
        loop {
            sleep(within.max(Duration::from_millis(1))).await;
            let moved = self.moved.swap(false, Ordering::Relaxed);
            if self.waiting.load(Ordering::Relaxed) && !moved {
                return;
            }
        }
    }

    /// A request has come.
    pub(crate) fn asked(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    /// Bytes that came since the last request.
    pub(crate) fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        let waits = written.is_pending();
        if !self.waiting.swap(waits, Ordering::Relaxed) || !waits {
            self.moved.store(true, Ordering::Relaxed);
        }
        written
    }
}

/// A socket that says whether what is written to it moves. Only the socket knows: an answer that its maker has handed over
/// can still wait for the peer.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    socket: S,
    progress: Arc<Progress>,
}

impl<S> Watched<S> {
    pub(crate) fn new(socket: S, progress: Arc<Progress>) -> Self {
        Self { socket, progress }
    }

    pub(crate) fn into_inner(self) -> S {
        self.socket
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(task, buffer);
        self.progress.read.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(task, bytes);
        self.progress.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(task, bytes);
        self.progress.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(task);
        self.progress.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(task);
        self.progress.note(shut)
    }
}

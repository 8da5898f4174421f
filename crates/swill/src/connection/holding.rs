//! What a connection holds in memory for its peer, as the budget of all connections counts it.

use super::{Connection, Phase};
use crate::observe::Limit;
use std::sync::atomic::Ordering;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Bytes of what is not complete, not taken by a procedure, or not written.
    #[inline]
    fn holds(&self) -> usize {
        let shared = &self.peer.0;
        let streams = shared.unread.load(Ordering::Relaxed) + shared.held.load(Ordering::Relaxed);
        let coming = self.rest.buffer.capacity() + self.ws.buffered() + self.serial.bytes();
        let going = self.out.capacity() + shared.outbox.size() + self.protocol.held().bytes;
        coming + going + streams
    }

    /// Says what the connection holds, after it has done all it could. If there is no room, and this is one of those that
    /// hold the most, it ends at once: `true`.
    #[inline]
    pub(super) fn settle(&mut self, task: &mut std::task::Context<'_>) -> bool {
        let cut = !self.slot.hub().hold(&self.peer, self.holds());
        if cut {
            self.cut(task);
        }
        cut
    }

    /// Ends the connection: its memory is needed now, so nothing is waited for. The peer is told if that is possible.
    #[cold]
    fn cut(&mut self, task: &mut std::task::Context<'_>) {
        const WHY: &str = "the server has no memory left for this connection";
        self.peer.0.exceeded(Limit::Budget);
        if matches!(self.phase, Phase::Open) && self.waiting() == 0 {
            let mut out = std::mem::take(&mut self.out);
            self.ws.close(1013, WHY, &mut out);
            self.out = out;
            let _ = self.flush(Instant::now(), task);
        }
        self.ended_by(1013, WHY);
        self.phase = Phase::Over;
    }
}

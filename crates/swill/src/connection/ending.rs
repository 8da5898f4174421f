//! How a connection ends: who wants it to, what is still said, what is waited for, and who hears of it.

use super::{Connection, Phase, Rest};
use crate::{hook::AnyHook, observe::Limit};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};
use swill_proto::{CancelReason, Close};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Notes what the connection ended with, the first time.
    pub(super) fn ended_by(&mut self, code: u16, reason: &'static str) {
        self.ended_by.get_or_insert_with(|| Close::new(code, reason));
    }

    /// Begins to close. Calls end now: nobody would hear their answers.
    pub(super) fn close(&mut self, close: Close, now: Instant, out: &mut Vec<u8>) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        // RFC 6455, section 7.4: these may be sent, the others have no meaning on the wire.
        let code = match close.code {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => code,
            _ => 1000,
        };
        self.ws.close(code, &close.reason, out);
        self.ended_by.get_or_insert(close);
        self.phase = Phase::Closing { until: now + self.service().limits.close };
        self.end_calls();
    }

    /// The last frame is on its way.
    pub(super) fn linger(&mut self, now: Instant) {
        self.phase = Phase::Lingering { until: now + self.service().limits.close, shut: false };
        self.end_calls();
    }

    /// From now on nobody would hear what calls say.
    pub(super) fn end_calls(&mut self) {
        self.paused = None;
        self.peer.0.shut();
        self.serial.forget();
        self.peer.0.cancel_all(CancelReason::Disconnect);
    }

    /// Shuts our side of the socket; whether there was something to do.
    pub(super) fn shut(&mut self, task: &mut std::task::Context<'_>) -> bool {
        let (Phase::Lingering { shut: shut @ false, .. }, Some(socket)) = (&mut self.phase, &mut self.socket)
        else {
            return false;
        };
        *shut = true;
        if let Poll::Ready(Err(_)) = Pin::new(socket).poll_shutdown(task) {
            self.phase = Phase::Over;
        }
        true
    }

    /// Sees what others want of this connection: to close it, or to let it end because the server is shutting down.
    pub(super) fn look_after_wishes(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if self.waiting() >= self.service().limits.outbox {
            // What was said before the wish is written first, for which there is no room.
            return;
        }
        if let Some(close) = self.peer.0.outbox.take_close() {
            self.hear_others(now);
            let mut out = std::mem::take(&mut self.out);
            self.close(close, now, &mut out);
            self.out = out;
            return;
        }
        if !self.slot.hub().is_draining() {
            return;
        }
        if self.leaving_until.is_none() {
            self.leaving_until = Some(now + self.service().limits.grace);
            self.peer.0.ending.store(true, Ordering::SeqCst);
        }
        if self.peer.0.running.load(Ordering::SeqCst) == 0 {
            self.hear_others(now);
            if self.serial.is_ready() {
                // What has waited for the last call is refused first. If the peer takes no answers, the grace still ends.
                return;
            }
            let mut out = std::mem::take(&mut self.out);
            self.close(Close::new(1001, "the server is shutting down"), now, &mut out);
            self.out = out;
        }
    }

    /// Ends everything that belongs to the connection. Hooks hear of its calls first, then of itself.
    pub(super) fn farewell(&mut self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.peer.0.ending.store(true, Ordering::SeqCst);
        self.end_calls();
        if let (Some(tally), Some(close)) = (&mut self.tally, &self.ended_by) {
            tally.closed(close.code);
        }
        self.socket = None;
        self.spare = None;
        self.rest = Rest::default();
        (self.out, self.written) = (Vec::new(), 0);
        self.slot.hub().release(&self.peer);
        let hooks: Vec<Arc<dyn AnyHook>> = self.service().hooks.clone();
        if hooks.is_empty() {
            return None;
        }
        let peer = self.peer.clone();
        let close = self.ended_by.take().unwrap_or_else(|| Close::new(1006, "the connection broke"));
        let grace = self.service().limits.grace;
        Some(Box::pin(async move {
            // The connection keeps its place among those of the server until they are done.
            let last_words = async {
                for hook in hooks {
                    hook.after_connection(&peer, &close).await;
                }
            };
            if timeout(grace, last_words).await.is_err() {
                peer.0.exceeded(Limit::Grace);
            }
        }))
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.slot.hub().remove(&self.peer);
        self.slot.hub().release(&self.peer);
        // The task may have been dropped by its runtime, before its end.
        self.peer.0.shut();
        self.peer.0.cancel_all(CancelReason::Disconnect);
    }
}

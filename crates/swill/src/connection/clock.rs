//! What a connection does because time has passed: keepalive, deadlines of writing, closing, streams and shutdown.

use super::{Connection, Phase};
use crate::observe::Limit;
use std::{future::Future, pin::pin, task::Context, time::Duration};
use swill_proto::{CallId, CancelReason, Close, Error};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

/// A turn that took longer has kept the runtime from looking after its sockets, which it does after so many turns.
pub(super) const LONG_TURN: Duration = Duration::from_millis(1);

/// While nothing is read, the peer is pinged after so long, again and again: what it holds should not outlive it.
const PROBE_AFTER: Duration = Duration::from_secs(1);

/// Lets others have a turn, those included of whose input the runtime does not know yet.
pub(super) fn give_way(took: Duration, task: &mut Context<'_>) {
    // What yields to the runtime is woken when it has looked after its sockets, which costs a system call.
    if took < LONG_TURN || pin!(tokio::task::yield_now()).poll(task).is_ready() {
        task.waker().wake_by_ref();
    }
}

/// Whether the peer is still there.
pub(super) struct Keepalive {
    /// When something came last, or nothing was read on purpose.
    pub(super) heard: Instant,
    /// When a ping was sent that nothing has come after yet.
    pub(super) pinged: Option<Instant>,
    /// When the peer was heard or pinged last. While nothing is read, it is pinged all the same, and need not answer: if
    /// it is gone, that is found out by writing.
    pub(super) probed: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// When something has to happen by itself, at the earliest.
    pub(super) fn due(&self) -> Instant {
        let limits = &self.service().limits;
        let stalled = self.stalled_since.map(|since| since + limits.write_stall);
        let paused = self.paused.as_ref().map(|paused| paused.since + limits.stream_stall);
        let (phase, leaving) = match &self.phase {
            Phase::Open => {
                let peer = match self.keepalive.pinged {
                    Some(at) => at + limits.pong_within,
                    None if self.is_deaf() => self.keepalive.probed + self.probe_after(),
                    None => self.keepalive.probed + limits.ping_after,
                };
                (Some(peer), self.leaving_until)
            }
            Phase::Closing { until } | Phase::Lingering { until, .. } => (Some(*until), None),
            Phase::Over | Phase::Farewell(_) => (None, None),
        };
        let far = self.keepalive.heard + limits.ping_after + limits.pong_within;
        [stalled, paused, phase, leaving].into_iter().flatten().min().unwrap_or(far)
    }

    /// Sets the timer. A timer that fires too early is cheaper than one that is moved with every message.
    pub(super) fn arm(&mut self, now: Instant, task: &mut Context<'_>) {
        if self.waiting() >= self.service().limits.outbox {
            // We do not read, so the peer's silence is ours; and what waits finds out whether it is still there.
            self.keepalive = Keepalive { heard: now, pinged: None, probed: now };
        }
        let due = self.due();
        let armed = self.timer.deadline();
        if due < armed || armed <= now {
            self.timer.as_mut().reset(due);
        }
        if self.timer.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }

    /// Does what is due.
    pub(super) fn look_after_time(&mut self, now: Instant) {
        if now < self.timer.deadline() {
            return;
        }
        let limits = self.service().limits.clone();
        if self.stalled_since.is_some_and(|since| now >= since + limits.write_stall) {
            tracing::debug!(peer = self.peer.id(), "a peer takes nothing of what is sent to it");
            self.peer.0.exceeded(Limit::WriteStall);
            self.ended_by(4008, "slow consumer");
            // The close frame would have to wait like everything else.
            self.phase = Phase::Over;
            return;
        }
        if let Some(since) = self.paused.as_ref().map(|paused| paused.since) {
            self.probe(now);
            if now >= since + limits.stream_stall {
                self.stream_stalled(now);
            }
        }
        match self.phase {
            Phase::Closing { until } | Phase::Lingering { until, .. } if now >= until => {
                self.peer.0.exceeded(Limit::Close);
                self.phase = Phase::Over
            }
            Phase::Open => self.look_after_peer(now),
            _ => {}
        }
        if matches!(self.phase, Phase::Open) && self.leaving_until.is_some_and(|until| now >= until) {
            self.give_up_calls(now);
        }
    }

    /// Reading has been paused for long: the fullest stream of which nothing has been taken meanwhile fails. If all have
    /// moved, they get more time.
    pub(super) fn stream_stalled(&mut self, now: Instant) {
        let Some(paused) = &mut self.paused else { return };
        paused.since = now;
        if let Some((call, state)) = self.peer.0.stuck(paused.full) {
            self.peer.0.exceeded(Limit::StreamStall);
            state.cancel(CancelReason::Slow);
            self.with_driver(now, |driver| driver.fail(call, Error::cancelled(CancelReason::Slow)));
        }
        self.peer.0.mark_streams();
    }

    /// While nothing is read, pongs wait behind data: the peer's silence is ours. It is pinged all the same, since writing
    /// is the only way to find out that it is gone.
    pub(super) fn probe(&mut self, now: Instant) {
        self.keepalive.heard = now;
        self.keepalive.pinged = None;
        if now >= self.keepalive.probed + self.probe_after() && matches!(self.phase, Phase::Open) {
            self.ping(now);
        }
    }

    fn probe_after(&self) -> Duration {
        self.service().limits.ping_after.min(PROBE_AFTER)
    }

    /// Whether nothing is read until procedures have taken what they have, or others have had their turns.
    fn is_deaf(&self) -> bool {
        self.paused.is_some()
            || self.turns.are_awaited()
            || self.serial.is_full(self.service().limits.stream_unread)
    }

    fn ping(&mut self, now: Instant) {
        self.keepalive.probed = now;
        let mut out = std::mem::take(&mut self.out);
        self.ws.ping(&[], &mut out);
        self.out = out;
    }

    /// Sends a ping after a silence, and gives up after a longer one.
    pub(super) fn look_after_peer(&mut self, now: Instant) {
        let limits = &self.service().limits;
        let (ping_after, pong_within) = (limits.ping_after, limits.pong_within);
        match self.keepalive.pinged {
            Some(at) if now >= at + pong_within => {
                self.peer.0.exceeded(Limit::PongWithin);
                self.ended_by(1006, "the peer did not answer a ping");
                self.phase = Phase::Over;
            }
            None if now >= self.keepalive.heard + ping_after => {
                self.keepalive.pinged = Some(now);
                self.ping(now);
            }
            _ => {}
        }
    }

    /// The grace of a shutdown is over.
    pub(super) fn give_up_calls(&mut self, now: Instant) {
        self.peer.0.exceeded(Limit::Grace);
        let calls: Vec<CallId> = self.peer.0.open_calls();
        self.peer.0.cancel_all(CancelReason::Shutdown);
        self.with_driver(now, |driver| {
            calls.into_iter().try_for_each(|call| driver.fail(call, Error::cancelled(CancelReason::Shutdown)))
        });
        let mut out = std::mem::take(&mut self.out);
        self.close(Close::new(1001, "the server is shutting down"), now, &mut out);
        self.out = out;
    }
}

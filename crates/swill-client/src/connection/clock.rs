//! What happens by itself: deadlines, keepalive, stalls. And how a connection closes.

use super::{Cause, Connection, Phase, broken, serving::Serving};
use crate::{call::Call, fault};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use swill_proto::{CancelReason, Close};
use tokio::{io::AsyncWrite, time::Instant};

/// How long a server may take to hang up once both sides have said goodbye.
const LINGER: Duration = Duration::from_secs(1);

impl Connection {
    /// Begins to close. Calls end now: nobody would hear their answers.
    pub(super) fn close(&mut self, close: Close, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.ws.close(close.code, &close.reason, &mut self.out);
        self.phase = Phase::Closing { until: now + self.shared.settings.limits.close };
        self.ended_by.get_or_insert(close);
        self.stop(now);
    }

    /// The last frame is on its way.
    pub(super) fn linger(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Over) {
            self.phase = Phase::Lingering { until: now + LINGER, shut: false };
        }
        self.stop(now);
    }

    /// Nobody would hear answers any more, and nothing is waited for.
    fn stop(&mut self, now: Instant) {
        self.serving = Serving::default();
        if self.paused.is_some() {
            self.resume(now);
        }
    }

    pub(super) fn over(&mut self, close: Close) {
        self.ended_by.get_or_insert(close);
        self.phase = Phase::Over;
    }

    pub(super) fn shut(&mut self, task: &mut Context<'_>) {
        if let Poll::Ready(Err(_)) = Pin::new(&mut self.socket).poll_shutdown(task) {
            self.over(broken());
        } else if let Phase::Lingering { shut, .. } = &mut self.phase {
            *shut = true;
        }
    }

    /// Closes the connection if a handle wants that.
    pub(super) fn look_after_wishes(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if let Some(close) = self.shared.outbox.wish() {
            // What was said before the wish is written first, unless the socket is stuck.
            if self.out.is_empty() {
                self.hear_callers(now);
            }
            self.close(close, now);
            self.fail_calls();
        }
    }

    /// Does what is due.
    pub(super) fn look_after_time(&mut self, now: Instant) {
        if now < self.timer.deadline() || matches!(self.phase, Phase::Over) {
            return;
        }
        let limits = self.shared.settings.limits.clone();
        if self.stalled_since.is_some_and(|since| now >= since + limits.write_stall) {
            self.over(Close::new(1006, "the server took nothing of what was sent to it"));
            return;
        }
        if let Some(paused) = &self.paused {
            // Pongs wait behind the data that is not read: the server's silence is ours.
            self.heard = now;
            self.pinged = None;
            if now >= paused.since + limits.stream_stall {
                self.stream_stalled(now);
            }
        }
        match self.phase {
            Phase::Closing { until } | Phase::Lingering { until, .. } if now >= until => {
                return self.over(broken());
            }
            Phase::Open => self.look_after_server(now),
            _ => {}
        }
        while let Some(id) = self.calls.expired(now) {
            if let Some(call) = self.calls.get(id) {
                call.fail(fault::deadline());
            }
            self.cancel(id, CancelReason::Deadline, now);
        }
        self.cancel_late(now);
    }

    /// The pause has lasted for long. Streams that have not moved since it began fail, until reading can go on; those
    /// that have get more time, and so does everything that nobody waits for.
    fn stream_stalled(&mut self, now: Instant) {
        while !self.may_read(now) {
            let Some(call) = self.stalled() else {
                if let Some(paused) = &mut self.paused {
                    self.shared.unread.begin_pause();
                    paused.since = now;
                }
                return;
            };
            self.shared.unread.sub(call.fail_slow());
            self.cancel(call.id, CancelReason::Slow, now);
            if self.shared.unread.bytes() <= self.shared.settings.limits.unread {
                // The next one may not have to fail.
                return self.resume(now);
            }
        }
    }

    /// The stream that is to fail so that others get on: of those that hold them up and have not moved, the fullest.
    fn stalled(&self) -> Option<Arc<Call>> {
        let (shared, paused) = (&self.shared, self.paused.as_ref()?);
        let pause = shared.unread.pause();
        let still = |call: &Arc<Call>| call.unread() > 0 && call.moved() != pause;
        let call = match &paused.cause {
            Cause::Stream(call) => Some(call.clone()).filter(still),
            Cause::All => {
                let open = self.calls.iter().cloned();
                let still: Vec<_> = open.chain(shared.unread.left()).filter(still).collect();
                // If the others can end the pause by going on as they do, these do no harm.
                let unread: usize = still.iter().map(|call| call.unread()).sum();
                let harm = unread > shared.settings.limits.unread / 2;
                still.into_iter().filter(|_| harm).max_by_key(|call| call.unread())
            }
        }?;
        let others = self.calls.len() - usize::from(self.calls.get(call.id).is_some());
        (others > 0).then_some(call)
    }

    /// Sends a ping after a silence, and gives up after a longer one.
    fn look_after_server(&mut self, now: Instant) {
        let limits = &self.shared.settings.limits;
        match self.pinged {
            Some(at) if now >= at + limits.pong_within => {
                self.over(Close::new(1006, "the server did not answer a ping"));
            }
            None if now >= self.heard + limits.ping_after => {
                self.pinged = Some(now);
                self.ws.ping(&[], &mut self.out);
            }
            _ => {}
        }
    }

    /// When something has to happen by itself, at the earliest.
    fn due(&self) -> Instant {
        let limits = &self.shared.settings.limits;
        let phase = match self.phase {
            Phase::Open => match self.pinged {
                Some(at) => at + limits.pong_within,
                None => self.heard + limits.ping_after,
            },
            Phase::Closing { until } | Phase::Lingering { until, .. } => until,
            Phase::Over => self.heard,
        };
        let others = [
            self.stalled_since.map(|since| since + limits.write_stall),
            self.paused.as_ref().map(|paused| paused.since + limits.stream_stall),
            self.calls.due(),
            (!self.late_cancels.is_empty()).then(|| self.cancels.due()),
        ];
        others.into_iter().flatten().fold(phase, Instant::min)
    }

    /// Sets the timer. A timer that fires too early is cheaper than one that is moved with every message.
    pub(super) fn arm(&mut self, now: Instant, task: &mut Context<'_>) {
        let due = self.due();
        let armed = self.timer.deadline();
        if due < armed || armed <= now {
            // What is due is done by then; only a clock that stands still could bring it up again.
            self.timer.as_mut().reset(due.max(now + Duration::from_millis(1)));
        }
        if self.timer.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }
}

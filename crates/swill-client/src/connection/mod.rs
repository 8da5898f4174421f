//! One connection, driven by one task: calls out, answers in.
//!
//! What a poll does, again and again until there is nothing left to do: write; when everything is written, take all that
//! callers have said and encode it, so that it leaves in one write; read once and hand out what has come. Nothing new is
//! taken from callers while older bytes wait: so it is known at any time which calls the socket has never seen.

mod bucket;
mod buffers;
mod calls;
mod clock;
mod inbound;
mod input;
mod machine;
mod output;
mod serving;

use crate::{
    call::Call,
    client::Shared,
    connector::Socket,
    fault,
    handshake::Link,
    outbox::{Entry, Opening, Said},
};
use bucket::Bucket;
use calls::Calls;
use machine::Machine;
use serving::Serving;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use swill_proto::{CallId, Close};
use swill_ws::{Config, WebSocket};
use tokio::time::{Instant, Sleep, sleep_until};

/// After so many reads in a row a connection lets others have a turn.
const TURN: u32 = 16;

/// Beyond so many bytes of pongs and the like that the socket has not taken, nothing is read.
const UNWRITTEN: usize = 64 << 10;

/// Pings of the server: so many at once, and so many per second.
const PINGS: (u32, u32) = (1000, 100);

/// CANCELs to the server: servers count them (200 at once, 50 per second), so the rest waits.
const CANCELS: (u32, u32) = (150, 40);

/// A connection.
pub(crate) struct Connection {
    socket: Socket,
    ws: WebSocket,
    machine: Machine,
    shared: Arc<Shared>,
    phase: Phase,
    calls: Calls,
    serving: Serving,
    /// What is being written, kept until the socket has taken it all.
    said: Said,
    /// Where in the output the bytes of each entry of `said` begin.
    starts: Vec<usize>,
    out: Vec<u8>,
    written: usize,
    /// Input that was read and not handled, because a stream is full.
    rest: Rest,
    /// Calls that are over and that the outbox still counts.
    ended: usize,
    ended_by: Option<Close>,
    paused: Option<Paused>,
    heard: Instant,
    pinged: Option<Instant>,
    stalled_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    pings: Bucket,
    cancels: Bucket,
    /// Calls that are to be cancelled as soon as the server bears it.
    late_cancels: VecDeque<CallId>,
}

/// How far a connection is.
#[derive(Clone, Copy)]
enum Phase {
    Open,
    /// We have said goodbye and wait for the server's.
    Closing {
        until: Instant,
    },
    /// Both have: what is left is written, then the server hangs up.
    Lingering {
        until: Instant,
        shut: bool,
    },
    Over,
}

/// Input, and how far it has been handled.
#[derive(Default)]
struct Rest {
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

/// Not reading, because too much is unread. Ends as soon as that is not so any more, whoever has seen to it.
struct Paused {
    cause: Cause,
    /// When it began, or the clock was set back.
    since: Instant,
}

/// Of what too much is unread.
enum Cause {
    Stream(Arc<Call>),
    /// Of all streams together.
    All,
}

impl Connection {
    pub(crate) fn new(link: Link, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let limits = &shared.settings.limits;
        let mut config = Config::client();
        config.deflate = link.deflate;
        config.limits = swill_ws::Limits {
            message: limits.message,
            frame: limits.message,
            fragments: limits.fragments,
            empty_fragments: limits.empty_fragments,
        };
        let timer = Box::pin(sleep_until(now + limits.ping_after));
        let end = link.early.len();
        Self {
            socket: link.socket,
            ws: WebSocket::new(&config),
            machine: Machine::new(shared.settings.protocol, limits),
            phase: Phase::Open,
            calls: Calls::default(),
            serving: Serving::default(),
            said: Said::default(),
            starts: Vec::new(),
            out: Vec::new(),
            written: 0,
            rest: Rest { buffer: link.early, at: 0, end },
            ended: 0,
            ended_by: None,
            paused: None,
            heard: now,
            pinged: None,
            stalled_since: None,
            timer,
            pings: Bucket::new(PINGS.0, PINGS.1, now),
            cancels: Bucket::new(CANCELS.0, CANCELS.1, now),
            late_cancels: VecDeque::new(),
            shared,
        }
    }

    /// Does everything that can be done now. Ready, with what ended it, when the connection is over.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Close> {
        let now = Instant::now();
        let mut reads = 0;
        loop {
            self.look_after_time(now);
            self.look_after_wishes(now);
            let flushed = self.flush(now, task).is_ready();
            if flushed && (self.hear_callers(now) || !self.serving.is_idle() && self.hear_handlers(task)) {
                continue;
            }
            if flushed && matches!(self.phase, Phase::Lingering { shut: false, .. }) {
                self.shut(task);
            }
            if matches!(self.phase, Phase::Over) {
                self.shared.outbox.ended(std::mem::take(&mut self.ended));
                return Poll::Ready(self.ended_by.take().unwrap_or_else(broken));
            }
            if self.out.len() - self.written < UNWRITTEN && self.may_read(now) {
                if reads >= TURN {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                reads += 1;
                if self.read(now, task).is_ready() {
                    continue;
                }
            }
            self.shared.outbox.ended(std::mem::take(&mut self.ended));
            let more = self.shared.outbox.listen(task.waker());
            let wanted = more && self.out.is_empty() || self.shared.outbox.is_closing();
            if wanted && matches!(self.phase, Phase::Open) || self.paused.is_some() && self.may_read(now) {
                continue;
            }
            self.arm(now, task);
            return Poll::Pending;
        }
    }

    /// Fails everything that waits for an answer.
    fn fail_calls(&mut self) {
        let close = self.ended_by.clone().unwrap_or_else(broken);
        for call in self.calls.drain() {
            self.shared.unread.leave(&call);
            call.fail(fault::unknown(&close));
            self.ended += 1;
        }
        self.ended += std::mem::take(&mut self.late_cancels).len();
    }

    /// Ends all calls: those that may be sent over the next connection go back to the outbox, the others fail.
    pub(crate) fn finish(mut self, close: &Close) {
        self.ended_by = Some(close.clone());
        let mut back = self.calls.take_again(self.shared.settings.deadline);
        let (mut starts, written) = (std::mem::take(&mut self.starts).into_iter(), self.written);
        let calls = &mut self.calls;
        std::mem::take(&mut self.said).drain(|entry, bytes| {
            let unseen = starts.next().is_some_and(|start| start >= written);
            match &entry {
                Entry::Open(opening) => {
                    if unseen && still_wanted(calls, opening) {
                        back.push(entry, &[bytes]);
                    }
                }
                Entry::Batch(openings) if unseen => {
                    let (mut again, mut parts, mut rest) = (Vec::new(), Vec::new(), bytes);
                    for opening in openings {
                        let (part, tail) = rest.split_at_checked(opening.length()).unwrap_or_default();
                        rest = tail;
                        if still_wanted(calls, opening) {
                            again.push(opening.clone());
                            parts.push(part);
                        }
                    }
                    if !again.is_empty() {
                        back.push(Entry::Batch(again), &parts);
                    }
                }
                Entry::Batch(_) => {}
                // Items whose call was seen, or is over, are thrown out by the outbox, which knows the calls.
                Entry::Item { .. } | Entry::End { .. } => back.push(entry, &[bytes]),
                Entry::Cancel { .. } => {}
            }
        });
        self.shared.outbox.put_back(back);
        self.fail_calls();
        self.shared.outbox.ended(std::mem::take(&mut self.ended));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The task may have been dropped by its runtime.
        self.ended_by.get_or_insert_with(broken);
        self.fail_calls();
        self.shared.unread.end_pause();
    }
}

/// Whether a call that the socket has not seen is to be sent again. A notification is no call that waits.
fn still_wanted(calls: &mut Calls, opening: &Opening) -> bool {
    !opening.reply || calls.remove(opening.call.id).is_some()
}

#[cold]
fn broken() -> Close {
    Close::new(1006, "the connection broke")
}

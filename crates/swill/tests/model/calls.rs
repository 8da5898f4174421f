//! The model of a connection: what the limits and the documentation say of calls, and nothing of how the server does it.
//!
//! Everything is exact: what a step of the test makes the server say is known before it is said, but for the order in
//! which calls that have nothing to do with each other say it. What the words look like, and which there are, is the
//! [`Wire`]'s affair.

use super::{
    said::Said,
    wire::{Reply, Wire, Word},
    world::{Command, TEAPOT},
};
use crate::Limits;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What is called; the last does not exist.
pub(super) const NAMES: [&str; 11] =
    ["now", "fail", "panic", "later", "hurried", "stream", "sum", "slow", "double", "ask", "nobody"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Now,
    Fail,
    Panic,
    Later,
    Stream,
    Sum,
    Slow,
    Double,
    Ask,
}

/// What a procedure does; `None` if it does not exist.
pub(super) fn kind(rpc: usize) -> Option<Kind> {
    use Kind::{Ask, Double, Fail, Later, Now, Panic, Slow, Stream, Sum};
    [Now, Fail, Panic, Later, Later, Stream, Sum, Slow, Double, Ask].get(rpc).copied()
}

impl Kind {
    pub(super) fn streams_in(self) -> bool {
        matches!(self, Self::Sum | Self::Slow | Self::Double)
    }

    pub(super) fn streams_out(self) -> bool {
        matches!(self, Self::Stream | Self::Double)
    }

    fn listens(self) -> bool {
        matches!(self, Self::Later | Self::Stream | Self::Slow | Self::Ask)
    }
}

pub(super) enum Entry {
    Item(Option<i64>, usize),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leading {
    Unset,
    Set,
    Closed,
}

pub(super) struct Call<W: Wire> {
    pub(super) wire: W::Call,
    pub(super) rpc: usize,
    pub(super) kind: Kind,
    pub(super) value: i64,
    /// It counts as in flight.
    pub(super) runs: bool,
    pub(super) cancelled: bool,
    /// The last word has been said, or will never be.
    pub(super) over: bool,
    pub(super) half_closed: bool,
    deadline: Option<Instant>,
    pub(super) actor: usize,
    pub(super) commands: VecDeque<Command>,
    pub(super) inbox: VecDeque<Entry>,
    pub(super) unread: usize,
    pub(super) leading: Leading,
    pub(super) trailing: bool,
    /// What it waits for, and how long.
    pub(super) asking: Option<(i64, Instant)>,
    pub(super) replied: Option<Reply>,
    /// The last word, which a hook holds back.
    pub(super) held_back: Option<i64>,
}

pub(super) struct Paused {
    pub(super) call: usize,
    pub(super) since: Instant,
    pub(super) moved: bool,
}

enum Input<M> {
    Message(M),
    Ping(Vec<u8>),
    Close(u16),
}

/// What happens by itself.
#[derive(Clone, Copy, PartialEq)]
enum Due {
    Deadline(usize),
    Question(usize),
    Stalled,
    Left,
}

pub(super) struct Model<W: Wire> {
    pub(super) wire: W,
    pub(super) limits: Limits,
    pub(super) hooked: bool,
    pub(super) calls: Vec<Call<W>>,
    input: VecDeque<Input<W::Message>>,
    pub(super) paused: Option<Paused>,
    cancels: u32,
    begun: usize,
    leaving: Option<Instant>,
    /// The connection is over, or about to be.
    pub(super) closed: bool,
    /// What should have been said, each with the call that says it; what no call says has a number of its own.
    pub(super) said: Vec<(usize, Said)>,
    strays: usize,
}

/// What the client does.
impl<W: Wire> Model<W> {
    pub(super) fn new(wire: W, limits: Limits, hooked: bool) -> Self {
        let cancels = limits.cancels.burst;
        Self {
            wire,
            limits,
            hooked,
            calls: Vec::new(),
            input: VecDeque::new(),
            paused: None,
            cancels,
            begun: 0,
            leaving: None,
            closed: false,
            said: Vec::new(),
            strays: 0,
        }
    }

    pub(super) fn message(&mut self, message: W::Message) {
        self.input.push_back(Input::Message(message));
    }

    pub(super) fn ping(&mut self, data: Vec<u8>) {
        self.input.push_back(Input::Ping(data));
    }

    pub(super) fn close(&mut self, code: u16) {
        self.input.push_back(Input::Close(code));
    }

    /// What has been sent is read, and whoever can go on does.
    pub(super) fn settle(&mut self, now: Instant) {
        while !self.has_left() {
            self.read(now);
            if !self.work(now) {
                break;
            }
        }
        if self.has_left() {
            // What has waited for the last call is refused.
            W::resume(self, now);
            self.ends(1001);
        }
    }

    /// A server that is shutting down waits for nothing but calls in flight; what it has not read by then, it never does.
    fn has_left(&self) -> bool {
        self.leaving.is_some() && self.running() == 0
    }

    fn read(&mut self, now: Instant) {
        loop {
            if let Some(paused) = &self.paused {
                let call = &self.calls[paused.call];
                if call.runs && !call.cancelled && call.unread > self.limits.stream_unread / 2 {
                    return;
                }
                self.paused = None;
            }
            if !self.closed {
                W::resume(self, now);
            }
            if self.closed || W::is_full(self) {
                return;
            }
            match self.input.pop_front() {
                None => return,
                Some(Input::Message(message)) => W::receive(self, message, now),
                Some(Input::Ping(data)) => self.stray(Said::Pong(data)),
                Some(Input::Close(code)) => self.ends(code),
            }
        }
    }

    /// A call begins, unless it is refused or answered at once; then it is none that runs. `value` is `None` if the
    /// parameters do not fit.
    pub(super) fn open(&mut self, rpc: usize, value: Option<i64>, wire: W::Call, now: Instant) -> usize {
        let kind = kind(rpc).expect("nobody can be called who does not exist");
        let running = self.running();
        let cancelled = self.calls.iter().filter(|call| call.runs && call.cancelled).count();
        let full = running >= self.limits.calls + cancelled.min(self.limits.calls);
        let carried = (W::STREAMS_IN || !kind.streams_in()) && (W::STREAMS_OUT || !kind.streams_out());
        let at = self.calls.len();
        self.calls.push(Call {
            wire,
            rpc,
            kind,
            value: value.filter(|_| !kind.streams_in()).unwrap_or_default(),
            runs: false,
            cancelled: false,
            over: false,
            half_closed: !kind.streams_in(),
            deadline: None,
            actor: usize::MAX,
            commands: VecDeque::new(),
            inbox: VecDeque::new(),
            unread: 0,
            leading: Leading::Unset,
            trailing: false,
            asking: None,
            replied: None,
            held_back: None,
        });
        W::opened(self, at);
        let refused = match value {
            _ if full => Some(429),
            _ if self.leaving.is_some() => Some(503),
            _ if !carried => Some(501),
            None if !kind.streams_in() => Some(422),
            _ => None,
        };
        match (refused, kind) {
            (Some(code), _) => self.fails(at, code),
            (_, Kind::Now) => self.answers(at, Some(self.calls[at].value + 1)),
            (_, Kind::Fail) => self.fails(at, TEAPOT),
            (_, Kind::Panic) => self.fails(at, 500),
            _ => {
                self.calls[at].actor = self.begun;
                self.begun += 1;
                self.calls[at].runs = true;
                self.calls[at].deadline = (NAMES[rpc] == "hurried").then(|| now + Duration::from_secs(1));
                if kind.streams_out() {
                    self.says(at, Word::Accepted);
                }
            }
        }
        at
    }

    /// Whether the client may cancel or break a call once more.
    pub(super) fn may_cancel(&mut self) -> bool {
        if self.cancels == 0 {
            self.ends(1008);
            return false;
        }
        self.cancels -= 1;
        true
    }
}

/// What others do.
impl<W: Wire> Model<W> {
    /// The procedures that listen to commands, by their numbers, with what they are.
    pub(super) fn actors(&self) -> Vec<usize> {
        let listens = |call: &&Call<W>| call.runs && !call.cancelled && call.kind.listens();
        self.calls.iter().filter(listens).map(|call| call.actor).collect()
    }

    /// One of them that waits for nothing but a command.
    pub(super) fn idle(&self) -> Option<usize> {
        let idle = |actor: &usize| self.calls.iter().any(|it| it.actor == *actor && it.commands.is_empty());
        self.actors().into_iter().find(idle)
    }

    pub(super) fn tell(&mut self, actor: usize, command: Command, now: Instant) {
        let call = self.calls.iter_mut().rfind(|call| call.actor == actor).expect("it was asked for");
        call.commands.push_back(command);
        self.settle(now);
    }

    /// Hooks let so many calls go that were cancelled.
    pub(super) fn release(&mut self, now: Instant) -> usize {
        let lingering: Vec<usize> =
            (0..self.calls.len()).filter(|&at| self.calls[at].runs && self.calls[at].cancelled).collect();
        for &at in &lingering {
            self.calls[at].runs = false;
            if let Some(code) = self.calls[at].held_back.take() {
                self.fails(at, code);
            }
        }
        self.settle(now);
        lingering.len()
    }

    /// The server is to shut down.
    pub(super) fn drain(&mut self, now: Instant) {
        if self.leaving.is_none() {
            self.leaving = Some(now + self.limits.grace);
        }
        self.settle(now);
    }

    /// The server has closed the connection.
    pub(super) fn ends(&mut self, code: u16) {
        if !self.closed {
            self.closed = true;
            self.stray(Said::Close(code));
        }
    }

    /// When something happens by itself, and what.
    fn due(&self) -> Option<(Instant, Due)> {
        let calls = self.calls.iter().enumerate().filter(|(_, call)| call.runs && !call.cancelled);
        let calls = calls.flat_map(|(at, call)| {
            let deadline = call.deadline.map(|deadline| (deadline, Due::Deadline(at)));
            deadline.into_iter().chain(call.asking.map(|(_, until)| (until, Due::Question(at))))
        });
        let paused =
            self.paused.as_ref().map(|paused| (paused.since + self.limits.stream_stall, Due::Stalled));
        let leaving = self.leaving.map(|until| (until, Due::Left));
        calls.chain(paused).chain(leaving).min_by_key(|due| due.0)
    }

    /// Whether something happens so near to this moment that nobody can tell whether it has.
    pub(super) fn is_close(&self, now: Instant) -> bool {
        const TICK: Duration = Duration::from_millis(3);
        self.due().is_some_and(|(due, _)| due < now + TICK && now < due + TICK)
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, now: Instant) {
        while !self.closed
            && let Some((at, due)) = self.due().filter(|(at, _)| *at <= now)
        {
            match due {
                Due::Deadline(call) => {
                    self.calls[call].cancelled = true;
                    // Its own task has noticed.
                    self.calls[call].runs = self.hooked;
                    self.fails_behind_hooks(call, 504);
                }
                Due::Question(call) => {
                    self.calls[call].asking = None;
                    self.fails(call, 504);
                }
                Due::Left => {
                    for call in 0..self.calls.len() {
                        if self.calls[call].runs && !self.calls[call].cancelled {
                            self.calls[call].cancelled = true;
                            self.fails(call, 503);
                        }
                    }
                    self.ends(1001);
                }
                Due::Stalled => {
                    let Some(paused) = &mut self.paused else { return };
                    paused.since = at;
                    let (call, stuck) = (paused.call, !std::mem::take(&mut paused.moved));
                    if stuck {
                        self.calls[call].cancelled = true;
                        self.fails(call, 429);
                    }
                }
            }
            self.settle(at);
        }
    }

    /// What should have been said since the last time.
    pub(super) fn take(&mut self) -> Vec<(usize, Said)> {
        std::mem::take(&mut self.said)
    }

    /// Calls in flight.
    pub(super) fn running(&self) -> usize {
        self.calls.iter().filter(|call| call.runs).count()
    }

    /// The procedures that run, by their numbers.
    pub(super) fn alive(&self) -> Vec<usize> {
        let alive = |call: &&Call<W>| call.runs && !call.cancelled && call.actor != usize::MAX;
        self.calls.iter().filter(alive).map(|call| call.actor).collect()
    }
}

/// What is said.
impl<W: Wire> Model<W> {
    pub(super) fn says(&mut self, at: usize, word: Word) {
        if !self.calls[at].over && !self.closed {
            W::says(self, at, word);
        }
    }

    pub(super) fn fails(&mut self, at: usize, code: i64) {
        self.says(at, Word::Fail(code));
        self.finished(at);
    }

    /// A call that was cancelled fails as soon as hooks let it.
    pub(super) fn fails_behind_hooks(&mut self, at: usize, code: i64) {
        match self.hooked {
            true => self.calls[at].held_back = Some(code),
            false => self.fails(at, code),
        }
    }

    /// The last word on a call has been said.
    pub(super) fn finished(&mut self, at: usize) {
        let call = &mut self.calls[at];
        // What was cancelled runs until its task has noticed.
        call.runs &= call.cancelled;
        if !std::mem::replace(&mut call.over, true) {
            W::finished(self, at);
        }
    }

    /// Something is said that belongs to no call.
    pub(super) fn stray(&mut self, said: Said) {
        self.strays += 1;
        self.said.push((usize::MAX - self.strays, said));
    }
}

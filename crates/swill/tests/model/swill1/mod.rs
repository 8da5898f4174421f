//! The model of `swill/1`: what the tables of the protocol and the limits say, and nothing of how the server does it.
//!
//! Everything is exact: what a step of the test makes the server say is known before it is said, but for the order in
//! which calls that have nothing to do with each other say it.

mod procedures;
mod table;

use super::{
    super::client::{self, Answer, END, ERROR, Got},
    world::Command,
};
use crate::Limits;
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use swill_proto::Value;
use tokio::time::Instant;

/// What is called; the last does not exist.
pub(super) const NAMES: [&str; 10] =
    ["now", "fail", "panic", "later", "hurried", "stream", "sum", "slow", "double", "nobody"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Now,
    Fail,
    Panic,
    Later,
    Stream,
    Sum,
    Slow,
    Double,
}

fn kind(rpc: usize) -> Option<Kind> {
    use Kind::{Double, Fail, Later, Now, Panic, Slow, Stream, Sum};
    [Now, Fail, Panic, Later, Later, Stream, Sum, Slow, Double].get(rpc).copied()
}

impl Kind {
    fn streams_in(self) -> bool {
        matches!(self, Self::Sum | Self::Slow | Self::Double)
    }

    fn streams_out(self) -> bool {
        matches!(self, Self::Stream | Self::Double)
    }
}

/// A message of the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) seq: i64,
    pub(super) rpc: usize,
    /// 4 does not exist.
    pub(super) kind: u8,
    /// What it brings; `None` is a text where a number should be.
    pub(super) value: Option<i64>,
}

impl Message {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (seq, name, kind) = (self.seq, NAMES[self.rpc], self.kind);
        match self.value {
            Some(value) => client::message(seq, value, name, kind, None),
            None => client::message(seq, "no number", name, kind, None),
        }
    }
}

/// What the client hears.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Answer(Answer),
    Pong(Vec<u8>),
    Close(u16),
    Gone,
    /// Said if it was on its way before the client broke the call.
    Perhaps(Box<Said>),
}

impl Said {
    pub(super) fn of(got: Got) -> Self {
        match got {
            // Texts of errors are for people; their codes are promised.
            Got::Answer(answer) if answer.kind == ERROR => {
                Self::Answer(Answer { data: Value::from(answer.code()), ..answer })
            }
            Got::Answer(answer) => Self::Answer(answer),
            Got::Pong(data) => Self::Pong(data),
            Got::Close(code, _) => Self::Close(code),
            Got::Gone => Self::Gone,
            got => panic!("nothing of the kind is ever said: {got:?}"),
        }
    }
}

/// What the client may still talk about.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Open(usize),
    Draining,
}

enum Entry {
    Item(Option<i64>, usize),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leading {
    Unset,
    Set,
    Closed,
}

struct Call {
    key: (i64, usize),
    kind: Kind,
    value: i64,
    /// It counts as in flight.
    runs: bool,
    cancelled: bool,
    /// The last word has been said, or will never be.
    over: bool,
    half_closed: bool,
    deadline: Option<Instant>,
    actor: usize,
    commands: VecDeque<Command>,
    inbox: VecDeque<Entry>,
    unread: usize,
    leading: Leading,
    trailing: bool,
    /// The last word, which a hook holds back.
    held_back: Option<i64>,
}

struct Paused {
    call: usize,
    since: Instant,
    moved: bool,
}

enum Input {
    Message(Message),
    Ping(Vec<u8>),
    Garbage,
    Close(u16),
    Text,
}

pub(super) struct Model {
    limits: Limits,
    hooked: bool,
    calls: Vec<Call>,
    keys: HashMap<(i64, usize), Standing>,
    input: VecDeque<Input>,
    paused: Option<Paused>,
    cancels: u32,
    begun: usize,
    leaving: Option<Instant>,
    /// The connection is over, or about to be.
    pub(super) closed: bool,
    /// What should have been said, each with the call that says it; what no call says has a number of its own.
    said: Vec<(usize, Said)>,
    strays: usize,
}

fn error(seq: i64, code: i64) -> Said {
    answer(seq, ERROR, Value::from(code), Value::Nil, Value::Nil)
}

fn answer(seq: i64, kind: u8, data: Value, leading: Value, trailing: Value) -> Said {
    Said::Answer(Answer { seq: seq.into(), data, kind, leading, trailing })
}

fn some(there: bool) -> Value {
    match there {
        true => Value::Map(vec![("key".into(), "value".into())]),
        false => Value::Nil,
    }
}

/// What the client does.
impl Model {
    pub(super) fn new(limits: Limits, hooked: bool) -> Self {
        let cancels = limits.cancels.burst;
        Self {
            limits,
            hooked,
            calls: Vec::new(),
            keys: HashMap::new(),
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

    pub(super) fn message(&mut self, message: Message) {
        self.input.push_back(Input::Message(message));
    }

    pub(super) fn ping(&mut self, data: Vec<u8>) {
        self.input.push_back(Input::Ping(data));
    }

    pub(super) fn garbage(&mut self) {
        self.input.push_back(Input::Garbage);
    }

    pub(super) fn text(&mut self) {
        self.input.push_back(Input::Text);
    }

    pub(super) fn close(&mut self, code: u16) {
        self.input.push_back(Input::Close(code));
    }

    /// What has been sent is read, and whoever can go on does.
    pub(super) fn settle(&mut self, now: Instant) {
        self.read(now);
        while self.work() && !self.has_left() {
            self.read(now);
        }
        if self.has_left() {
            self.ends(1001);
        }
    }

    /// A server that is shutting down waits for nothing but calls in flight; what it has not read by then, it never does.
    fn has_left(&self) -> bool {
        self.leaving.is_some() && self.running() == 0
    }
}

/// What others do.
impl Model {
    /// The procedures that listen to commands, by their numbers, with what they are.
    pub(super) fn actors(&self) -> Vec<usize> {
        let listens = |call: &&Call| {
            call.runs && !call.cancelled && matches!(call.kind, Kind::Later | Kind::Stream | Kind::Slow)
        };
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
    fn due(&self) -> Option<(Instant, Option<usize>)> {
        let deadlines = self.calls.iter().enumerate().filter_map(|(at, call)| {
            let waits = call.runs && !call.cancelled;
            call.deadline.filter(|_| waits).map(|deadline| (deadline, Some(at)))
        });
        let paused = self.paused.as_ref().map(|paused| (paused.since + self.limits.stream_stall, None));
        let leaving = self.leaving.map(|until| (until, None));
        deadlines.chain(paused).chain(leaving).min_by_key(|due| due.0)
    }

    /// Whether something happens so near to this moment that nobody can tell whether it has.
    pub(super) fn is_close(&self, now: Instant) -> bool {
        const TICK: Duration = Duration::from_millis(3);
        self.due().is_some_and(|(due, _)| due < now + TICK && now < due + TICK)
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, now: Instant) {
        while !self.closed
            && let Some((at, call)) = self.due().filter(|(at, _)| *at <= now)
        {
            if let Some(call) = call {
                self.cancels(call);
                match self.hooked {
                    true => self.calls[call].held_back = Some(504),
                    false => self.fails(call, 504),
                }
            } else if self.leaving == Some(at) {
                for call in 0..self.calls.len() {
                    if self.calls[call].runs && !self.calls[call].cancelled {
                        self.cancels(call);
                        self.fails(call, 503);
                    }
                }
                self.ends(1001);
            } else if let Some(paused) = &mut self.paused {
                paused.since = at;
                let (call, stuck) = (paused.call, !std::mem::take(&mut paused.moved));
                if stuck {
                    self.cancels(call);
                    self.fails(call, 429);
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
        let alive = |call: &&Call| call.runs && !call.cancelled && call.actor != usize::MAX;
        self.calls.iter().filter(alive).map(|call| call.actor).collect()
    }

    /// A message that ends each stream in that the client has not ended.
    pub(super) fn unended(&self) -> Vec<Message> {
        let unended = self.keys.iter().filter(|(_, standing)| match standing {
            Standing::Open(call) => self.calls[*call].kind.streams_in() && !self.calls[*call].half_closed,
            Standing::Draining => true,
        });
        unended.map(|(&(seq, rpc), _)| Message { seq, rpc, kind: END, value: Some(0) }).collect()
    }
}

/// Whether what came is what was expected: everything, nothing else, and all that one call says in its order.
///
/// If the connection ends, what was sent just before may be left unread, behind a stream that was full: then the last words
/// may be missing, but for the close itself.
pub(super) fn fits(expected: &[(usize, Said)], got: &[Said]) -> bool {
    let ends = expected.iter().any(|(_, said)| matches!(said, Said::Close(_)));
    fits_as(ends, expected, got)
}

fn fits_as(ends: bool, expected: &[(usize, Said)], got: &[Said]) -> bool {
    let missing = |(_, said): &(usize, Said)| match said {
        Said::Perhaps(_) => true,
        said => ends && !matches!(said, Said::Close(_)),
    };
    let Some((first, rest)) = got.split_first() else { return expected.iter().all(missing) };
    let mut tried = Vec::new();
    expected.iter().enumerate().any(|(at, (call, said))| {
        if tried.contains(call) {
            return false;
        }
        let left = || [&expected[..at], &expected[at + 1..]].concat();
        match said {
            Said::Perhaps(said) => **said == *first && fits_as(ends, &left(), rest),
            said => {
                // Only the next word of each call can be the one that came.
                tried.push(*call);
                said == first && fits_as(ends, &left(), rest)
            }
        }
    })
}

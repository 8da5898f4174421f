//! The model of a client: what its documentation promises, and nothing of how it keeps that.
//!
//! Everything is exact: after each step it is known what every user has been told, what the server has heard, and how much
//! the client keeps.

use super::{
    user::{Act, Order, Shape, Told},
    wire::{Heard, Word},
};
use crate::Protocol;
use std::collections::VecDeque;
use tokio::time::Instant;

/// What an unread item counts beside its bytes.
const COST: usize = 32;

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Too many are in flight.
    Line,
    /// It waits for a connection.
    Outbox,
    /// The server has it.
    Sent,
    /// The server has said that it will not begin it; it is sent again over the next connection.
    Held,
    Over,
}

pub(super) struct Call {
    pub(super) order: Order,
    pub(super) stage: Stage,
    pub(super) deadline: Option<Instant>,
    /// It was sent over a connection that has ended.
    pub(super) tried: bool,
    /// An item has come, or none is to come.
    pub(super) has_item: bool,
    pub(super) opened: bool,
    /// What the user is still to do, because what came before is not done: reading, and sending.
    pub(super) reads: usize,
    pub(super) sends: VecDeque<Act>,
    pub(super) inbox: VecDeque<i64>,
    /// What whoever reads has taken out of the inbox, all of it at once, and has not looked at.
    pub(super) fetched: VecDeque<i64>,
    /// How it ended, until somebody takes it.
    pub(super) end: Option<Told>,
    pub(super) succeeded: bool,
    pub(super) over: bool,
    pub(super) read_to_the_end: bool,
    /// The user has ended the stream in, and waits for the answer.
    pub(super) finishing: bool,
    /// The user has nothing left to send.
    pub(super) finished: bool,
    /// The server knows that the stream in is over.
    pub(super) half_closed: bool,
    pub(super) dropped: bool,
    pub(super) told: [Vec<Told>; 2],
}

/// What waits for a connection, or is written at once.
#[derive(Clone, Copy)]
pub(super) enum Out {
    Open(usize),
    Item(usize, i64),
    End(usize),
}

pub(super) struct Model {
    pub(super) protocol: Protocol,
    /// Calls in flight.
    pub(super) limit: usize,
    pub(super) calls: Vec<Call>,
    pub(super) line: VecDeque<usize>,
    pub(super) outbox: VecDeque<Out>,
    pub(super) online: bool,
    pub(super) closed: bool,
    /// What the server should have heard; of the last, only perhaps.
    pub(super) heard: Vec<(usize, Heard)>,
    pub(super) perhaps: Option<usize>,
}

/// What the outside asks.
impl Model {
    pub(super) fn new(protocol: Protocol, limit: usize) -> Self {
        Self {
            protocol,
            limit,
            calls: Vec::new(),
            line: VecDeque::new(),
            outbox: VecDeque::new(),
            online: false,
            closed: false,
            heard: Vec::new(),
            perhaps: None,
        }
    }

    /// The calls that nobody has dropped.
    pub(super) fn held(&self) -> Vec<usize> {
        (0..self.calls.len()).filter(|&at| !self.calls[at].dropped).collect()
    }

    pub(super) fn shape(&self, at: usize) -> Shape {
        self.calls[at].order.shape
    }

    pub(super) fn in_flight(&self) -> usize {
        let flies = |call: &&Call| matches!(call.stage, Stage::Outbox | Stage::Sent | Stage::Held);
        self.calls.iter().filter(flies).count()
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Bytes of items that nobody has read.
    pub(super) fn unread(&self) -> usize {
        self.calls
            .iter()
            .flat_map(|call| call.inbox.iter().chain(&call.fetched))
            .map(|&item| self.written(item) + COST)
            .sum()
    }

    fn written(&self, item: i64) -> usize {
        let payload = swill_proto::Payload::encode(self.protocol.format(), &item);
        payload.expect("numbers can be written").bytes().len()
    }

    pub(super) fn take_told(&mut self, at: usize) -> [Vec<Told>; 2] {
        std::mem::take(&mut self.calls[at].told)
    }

    /// What the server should have heard, and of which call it may have heard a CANCEL besides.
    pub(super) fn take_heard(&mut self) -> (Vec<(usize, Heard)>, Option<usize>) {
        (std::mem::take(&mut self.heard), self.perhaps.take())
    }

    /// Whether a deadline is so near to this moment that nobody can tell whether it has passed.
    pub(super) fn is_close(&self, now: Instant) -> bool {
        const TICK: std::time::Duration = std::time::Duration::from_millis(5);
        let deadlines = self.calls.iter().filter_map(|call| call.deadline.filter(|_| call.waits()));
        deadlines.into_iter().any(|due| due < now + TICK && now < due + TICK)
    }
}

impl Call {
    /// Its deadline counts.
    fn waits(&self) -> bool {
        self.stage != Stage::Over
    }
}

/// What users do.
impl Model {
    /// A call is made; its number.
    pub(super) fn open(&mut self, order: Order, now: Instant) -> usize {
        let at = self.calls.len();
        self.calls.push(Call {
            order,
            stage: Stage::Line,
            deadline: order.deadline.map(|within| now + within),
            tried: false,
            has_item: false,
            opened: false,
            reads: 0,
            sends: VecDeque::new(),
            inbox: VecDeque::new(),
            fetched: VecDeque::new(),
            end: None,
            succeeded: false,
            over: false,
            read_to_the_end: false,
            finishing: false,
            finished: false,
            half_closed: !order.shape.streams_in(),
            dropped: false,
            told: Default::default(),
        });
        if order.shape.streams_in() && self.protocol != Protocol::Swill {
            self.refuse(at, Told::Failed(501));
        } else if self.closed {
            self.refuse(at, Told::Failed(503));
        } else {
            self.line.push_back(at);
            self.go_on();
        }
        at
    }

    pub(super) fn does(&mut self, at: usize, act: Act) {
        match act {
            Act::Read => self.calls[at].reads += 1,
            act => self.calls[at].sends.push_back(act),
        }
        self.go_on();
    }

    /// The user drops everything that belongs to the call.
    pub(super) fn drop(&mut self, at: usize) {
        let call = &mut self.calls[at];
        call.dropped = true;
        call.inbox.clear();
        call.fetched.clear();
        (call.reads, call.sends) = (0, VecDeque::new());
        self.cancel(at);
        self.go_on();
    }

    /// The server has answered the call just before it was dropped; it may not have been noticed.
    pub(super) fn drop_perhaps_answered(&mut self, at: usize) {
        self.drop(at);
        self.heard.retain(|heard| *heard != (at, Heard::Cancel));
        self.perhaps = Some(at);
    }

    /// The client is closed by its user.
    pub(super) fn close(&mut self) {
        if self.closed {
            return;
        }
        for at in 0..self.calls.len() {
            match self.calls[at].stage {
                Stage::Sent | Stage::Held => self.ends(at, Told::Unknown),
                Stage::Outbox if self.calls[at].tried => self.ends(at, Told::Unknown),
                Stage::Outbox => self.ends(at, Told::Failed(503)),
                Stage::Line | Stage::Over => {}
            }
        }
        self.shut();
        self.go_on();
    }
}

/// What the server and the network do.
impl Model {
    pub(super) fn connects(&mut self) {
        self.online = true;
        self.go_on();
    }

    /// Whether a server that keeps to its word says something more about this call.
    pub(super) fn is_held(&self, at: usize) -> bool {
        self.calls[at].stage == Stage::Held
    }

    /// The server says something. Who waits for it goes on when everything has come that comes together.
    pub(super) fn says(&mut self, at: usize, word: Word) {
        let call = &mut self.calls[at];
        let shape = call.order.shape;
        if call.stage != Stage::Sent {
            // Late: nobody hears it.
            return;
        }
        if shape.streams_out() {
            call.deadline = match word {
                Word::Item(_) | Word::Metadata => None,
                _ => call.deadline,
            };
        }
        match word {
            Word::Metadata => {}
            Word::Item(item) => {
                call.has_item = true;
                call.inbox.push_back(item);
            }
            Word::NotBegun if call.is_for_again() => call.stage = Stage::Held,
            Word::NotBegun => self.ends_by_server(at, Told::Failed(503)),
            Word::Fail(code) => self.ends_by_server(at, Told::Failed(code)),
            Word::Answer(answer) => self.ends_by_server(at, Told::Answer(answer)),
            Word::End => self.ends_by_server(at, Told::End),
        }
    }

    /// The connection ends, and the client connects again if it may.
    pub(super) fn breaks(&mut self, again: bool) {
        if !self.online {
            return;
        }
        self.online = false;
        let mut back = VecDeque::new();
        for at in 0..self.calls.len() {
            let call = &mut self.calls[at];
            match call.stage {
                Stage::Sent | Stage::Held if call.is_for_again() => {
                    call.stage = Stage::Outbox;
                    call.tried = true;
                    back.push_back(Out::Open(at));
                }
                Stage::Sent | Stage::Held => self.ends(at, Told::Unknown),
                Stage::Line | Stage::Outbox | Stage::Over => {}
            }
        }
        back.append(&mut self.outbox);
        self.outbox = back;
        if !again {
            // Those in the line have their turn, and hear with the others that there will be no connection.
            self.admit();
            self.close();
        }
        self.go_on();
    }

    pub(super) fn advance(&mut self, now: Instant) {
        loop {
            let due =
                |at: &usize| self.calls[*at].deadline.filter(|due| self.calls[*at].waits() && *due <= now);
            let first = (0..self.calls.len()).filter_map(|at| Some((due(&at)?, at))).min();
            let Some((_, at)) = first else { return };
            match self.calls[at].stage {
                Stage::Line => {
                    self.line.retain(|waiting| *waiting != at);
                    self.refuse(at, Told::Failed(504));
                }
                _ => {
                    self.tells_server(at);
                    self.ends(at, Told::Failed(504));
                }
            }
            self.go_on();
        }
    }
}

impl Call {
    /// Whether it does no harm to send it again.
    pub(super) fn is_for_again(&self) -> bool {
        self.order.idempotent && !self.order.shape.streams_in() && !self.has_item
    }
}

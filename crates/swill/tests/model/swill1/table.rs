//! What the client says, and what follows from it: the table of `conformance/PROTOCOLS.md`, 1.3.

use super::{
    super::{
        super::client::{self, CANCEL, END, MESSAGE, METADATA},
        world::TEAPOT,
    },
    Call, Entry, Input, Kind, Leading, Message, Model, NAMES, Paused, Said, Standing, error, kind,
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What an item counts beside its bytes.
const COST: usize = 64;

impl Model {
    pub(super) fn read(&mut self, now: Instant) {
        loop {
            if let Some(paused) = &self.paused {
                let call = &self.calls[paused.call];
                if call.runs && !call.cancelled && call.unread > self.limits.stream_unread / 2 {
                    return;
                }
                self.paused = None;
            }
            if self.closed {
                return;
            }
            match self.input.pop_front() {
                None => return,
                Some(Input::Message(message)) => self.receive(message, now),
                Some(Input::Ping(data)) => self.stray(Said::Pong(data)),
                Some(Input::Garbage) => self.stray(error(0, 400)),
                Some(Input::Text) => self.ends(1003),
                Some(Input::Close(code)) => self.ends(code),
            }
        }
    }

    pub(super) fn receive(&mut self, message: Message, now: Instant) {
        let key = (message.seq, message.rpc);
        let Some(kind) = kind(message.rpc) else {
            return match message.kind {
                MESSAGE | METADATA => self.stray(error(message.seq, 404)),
                4 => self.stray(error(message.seq, 400)),
                _ => {}
            };
        };
        match (self.keys.get(&key).copied(), message.kind) {
            (None, MESSAGE) => self.open(message, kind, now),
            (None, METADATA) if kind.streams_in() => self.open(message, kind, now),
            (None, METADATA | 4) => self.stray(error(message.seq, 400)),
            (None, _) | (Some(Standing::Draining), MESSAGE | METADATA | 4) => {}
            (Some(Standing::Draining), _) => {
                self.keys.remove(&key);
            }
            (Some(Standing::Open(call)), CANCEL) => {
                self.keys.remove(&key);
                self.calls[call].over = true;
                self.cancelled_by_client(call);
            }
            (Some(Standing::Open(call)), 4) => {
                if self.cancelled_by_client(call) {
                    self.fails(call, 400);
                }
            }
            (Some(Standing::Open(call)), _) if self.calls[call].half_closed => {}
            (Some(Standing::Open(call)), METADATA) => {
                if self.cancelled_by_client(call) {
                    self.fails(call, 400);
                }
            }
            (Some(Standing::Open(call)), END) => {
                self.calls[call].half_closed = true;
                self.calls[call].inbox.push_back(Entry::End);
            }
            (Some(Standing::Open(call)), _) => self.item(call, message, now),
        }
    }

    pub(super) fn open(&mut self, message: Message, kind: Kind, now: Instant) {
        let running = self.running();
        let cancelled = self.calls.iter().filter(|call| call.runs && call.cancelled).count();
        let full = running >= self.limits.calls + cancelled.min(self.limits.calls);
        let key = (message.seq, message.rpc);
        let at = self.calls.len();
        self.calls.push(Call {
            key,
            kind,
            value: message.value.filter(|_| !kind.streams_in()).unwrap_or_default(),
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
            held_back: None,
        });
        self.keys.insert(key, Standing::Open(at));
        let refused = match (full, self.leaving, message.value) {
            (true, ..) => Some(429),
            (_, Some(_), _) => Some(503),
            (_, _, None) if !kind.streams_in() => Some(422),
            _ => None,
        };
        match (refused, kind) {
            (Some(code), _) => return self.fails(at, code),
            (_, Kind::Now) => return self.answers(at, Some(self.calls[at].value + 1)),
            (_, Kind::Fail) => return self.fails(at, TEAPOT),
            (_, Kind::Panic) => return self.fails(at, 500),
            _ => {}
        }
        self.calls[at].actor = self.begun;
        self.begun += 1;
        if NAMES[message.rpc] == "hurried" {
            self.calls[at].deadline = Some(now + Duration::from_secs(1));
        }
        self.calls[at].runs = true;
        if message.kind == MESSAGE && kind.streams_in() {
            self.item(at, message, now);
            // What takes whatever comes is polled at once.
            if kind != Kind::Slow {
                self.go_on(at);
            }
        }
    }

    pub(super) fn item(&mut self, at: usize, message: Message, now: Instant) {
        let call = &mut self.calls[at];
        let bytes = match message.value {
            Some(value) => client::encode(&value).len(),
            None => client::encode("no number").len(),
        };
        // A procedure that has dropped its stream is over as soon as it can be.
        call.inbox.push_back(Entry::Item(message.value, bytes + COST));
        call.unread += bytes + COST;
        if call.unread >= self.limits.stream_unread {
            if call.kind != Kind::Slow {
                // It takes them all before more is read.
                while self.work() {}
                return;
            }
            self.paused = Some(Paused { call: at, since: now, moved: false });
        }
    }
}

//! `swill/1`: the tables of `conformance/PROTOCOLS.md`, 1.3.

use super::{
    super::{
        super::client::{self, Answer, CANCEL, END, ERROR, MESSAGE, METADATA},
        calls::{Entry, Kind, Model, NAMES, Paused, kind},
        said::Said,
    },
    Wire, Word,
};
use std::collections::HashMap;
use swill_proto::Value;
use tokio::time::Instant;

/// What an item counts beside its bytes.
const COST: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Message {
    Call {
        seq: i64,
        rpc: usize,
        /// 4 does not exist.
        kind: u8,
        /// What it brings; `None` is a text where a number should be.
        value: Option<i64>,
    },
    Garbage,
    /// A text frame.
    Text,
}

/// What the client may still talk about.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Open(usize),
    Draining,
}

#[derive(Default)]
pub(in super::super) struct Swill1 {
    keys: HashMap<(i64, usize), Standing>,
}

impl Wire for Swill1 {
    type Message = Message;
    /// Number and procedure.
    type Call = (i64, usize);

    const STREAMS_IN: bool = true;
    const STREAMS_OUT: bool = true;
    const NOTIFIES_PEER: bool = false;
    const KINDS: [u32; 5] = [24, 3, 2, 4, 1];

    fn message(_: &Model<Self>, seq: i64, rpc: usize, kind: u8, value: Option<i64>) -> Message {
        Message::Call { seq, rpc, kind, value }
    }

    fn garbage() -> Option<Message> {
        Some(Message::Garbage)
    }

    fn wrong() -> Option<Message> {
        Some(Message::Text)
    }

    fn frame(&self, message: &Message) -> (u8, Vec<u8>) {
        match *message {
            Message::Call { seq, rpc, kind, value: Some(value) } => {
                (0x82, client::message(seq, value, NAMES[rpc], kind, None))
            }
            Message::Call { seq, rpc, kind, value: None } => {
                (0x82, client::message(seq, "no number", NAMES[rpc], kind, None))
            }
            Message::Garbage => (0x82, vec![0xc1]),
            Message::Text => (0x81, b"text".into()),
        }
    }

    fn heard(&mut self, _: swill_proto::Kind, data: &[u8]) -> Said {
        let (seq, data, kind, leading, trailing): (i64, Value, u8, Value, Value) =
            rmp_serde::from_slice(data).expect("a message has five elements");
        let answer = Answer { seq: seq.into(), data, kind, leading, trailing };
        Said::Answer(match answer.kind {
            // Texts of errors are for people; their codes are promised.
            ERROR => Answer { data: Value::from(answer.code()), ..answer },
            _ => answer,
        })
    }

    fn receive(model: &mut Model<Self>, message: Message, now: Instant) {
        match message {
            Message::Garbage => model.stray(error(0, 400)),
            Message::Text => model.ends(1003),
            Message::Call { seq, rpc, kind, value } => model.called((seq, rpc), kind, value, now),
        }
    }

    fn opened(model: &mut Model<Self>, at: usize) {
        model.wire.keys.insert(model.calls[at].wire, Standing::Open(at));
    }

    fn says(model: &mut Model<Self>, at: usize, word: Word) {
        let call = &model.calls[at];
        let seq = call.wire.0;
        let said = match word {
            Word::Item { data, leading } => answer(seq, MESSAGE, data, some(leading), Value::Nil),
            Word::Metadata => answer(seq, METADATA, Value::Nil, some(true), Value::Nil),
            Word::End { data, leading, trailing } => {
                let kind = if call.kind.streams_out() { END } else { MESSAGE };
                answer(seq, kind, data.map_or(Value::Nil, Value::from), some(leading), some(trailing))
            }
            Word::Fail(code) => error(seq, code),
            Word::Accepted | Word::Question(_) | Word::Note(_) => return,
        };
        model.said.push((at, said));
    }

    /// If the client is still sending, what comes is dropped.
    fn finished(model: &mut Model<Self>, at: usize) {
        let call = &model.calls[at];
        let keys = &mut model.wire.keys;
        if call.half_closed {
            keys.remove(&call.wire);
            return;
        }
        let draining = keys.values().filter(|standing| matches!(standing, Standing::Draining)).count();
        keys.insert(call.wire, Standing::Draining);
        if draining >= model.limits.draining {
            model.ends(1008);
        }
    }

    /// A message that ends each stream in that the client has not ended.
    fn unended(model: &Model<Self>) -> Vec<Message> {
        let unended = model.wire.keys.iter().filter(|(_, standing)| match standing {
            Standing::Open(call) => model.calls[*call].kind.streams_in() && !model.calls[*call].half_closed,
            Standing::Draining => true,
        });
        unended.map(|(&(seq, rpc), _)| Message::Call { seq, rpc, kind: END, value: Some(0) }).collect()
    }
}

impl Model<Swill1> {
    fn called(&mut self, key: (i64, usize), message: u8, value: Option<i64>, now: Instant) {
        let (seq, rpc) = key;
        let Some(kind) = kind(rpc) else {
            return match message {
                MESSAGE | METADATA => self.stray(error(seq, 404)),
                4 => self.stray(error(seq, 400)),
                _ => {}
            };
        };
        match (self.wire.keys.get(&key).copied(), message) {
            (None, METADATA) if !kind.streams_in() => self.stray(error(seq, 400)),
            (None, MESSAGE | METADATA) => {
                let at = self.open(rpc, value, key, now);
                if self.calls[at].runs && message == MESSAGE && kind.streams_in() {
                    self.item(at, value, now);
                    // What takes whatever comes is polled at once.
                    if kind != Kind::Slow {
                        self.go_on(at, now);
                    }
                }
            }
            (None, 4) => self.stray(error(seq, 400)),
            (None, _) | (Some(Standing::Draining), MESSAGE | METADATA | 4) => {}
            (Some(Standing::Draining), _) => {
                self.wire.keys.remove(&key);
            }
            (Some(Standing::Open(call)), CANCEL) => {
                self.wire.keys.remove(&key);
                self.calls[call].over = true;
                self.breaks(call);
            }
            (Some(Standing::Open(call)), 4) => {
                if self.breaks(call) {
                    self.fails(call, 400);
                }
            }
            (Some(Standing::Open(call)), _) if self.calls[call].half_closed => {}
            (Some(Standing::Open(call)), METADATA) => {
                if self.breaks(call) {
                    self.fails(call, 400);
                }
            }
            (Some(Standing::Open(call)), END) => {
                self.calls[call].half_closed = true;
                self.calls[call].inbox.push_back(Entry::End);
            }
            (Some(Standing::Open(call)), _) => self.item(call, value, now),
        }
    }

    /// The client cancels a call, or breaks it; whether it may. What was on its way may still come.
    fn breaks(&mut self, at: usize) -> bool {
        let may = self.may_cancel();
        if may {
            self.calls[at].cancelled = true;
            for (_, said) in self.said.iter_mut().filter(|(call, _)| *call == at) {
                *said = Said::Perhaps(Box::new(said.clone()));
            }
        }
        may
    }

    fn item(&mut self, at: usize, value: Option<i64>, now: Instant) {
        let call = &mut self.calls[at];
        let bytes = match value {
            Some(value) => client::encode(&value).len(),
            None => client::encode("no number").len(),
        };
        // A procedure that has dropped its stream is over as soon as it can be.
        call.inbox.push_back(Entry::Item(value, bytes + COST));
        call.unread += bytes + COST;
        if call.unread >= self.limits.stream_unread {
            if call.kind != Kind::Slow {
                // It takes them all before more is read.
                while self.work(now) {}
                return;
            }
            self.paused = Some(Paused { call: at, since: now, moved: false });
        }
    }
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

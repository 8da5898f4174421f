//! Events: `conformance/PROTOCOLS.md`, 3. One call after the other, and what comes meanwhile waits.

use super::{
    super::{
        calls::{Model, NAMES, kind},
        said::Said,
    },
    Wire, Word,
};
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::time::Instant;

/// What a message that waits counts beside its bytes.
const COST: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Message {
    Event {
        rpc: usize,
        value: Brought,
    },
    NoType,
    /// Its type is a list.
    ListAsType,
    NoJson,
}

/// What an event brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Brought {
    Fits(i64),
    /// A text where a number should be.
    Misfit,
    /// One more than there should be.
    Extra,
    Missing,
}

#[derive(Default)]
pub(in super::super) struct Events {
    /// The call that all others wait for.
    current: Option<usize>,
    held: VecDeque<(Message, usize)>,
}

impl Wire for Events {
    type Message = Message;
    type Call = Brought;

    const KINDS: [u32; 5] = [30, 1, 1, 1, 1];

    fn message(_: &Model<Self>, _: i64, rpc: usize, kind: u8, value: Option<i64>) -> Message {
        let value = match (kind, value) {
            (0, Some(value)) => Brought::Fits(value),
            (0, None) => Brought::Misfit,
            (1, _) => Brought::Extra,
            (2, _) => Brought::Missing,
            (3, _) => return Message::NoType,
            _ => return Message::ListAsType,
        };
        Message::Event { rpc, value }
    }

    fn garbage() -> Option<Message> {
        None
    }

    fn wrong() -> Option<Message> {
        Some(Message::NoJson)
    }

    fn frame(&self, message: &Message) -> (u8, Vec<u8>) {
        (0x81, written(message).into_bytes())
    }

    fn heard(&mut self, _: swill_proto::Kind, data: &[u8]) -> Said {
        let mut value: Value = serde_json::from_slice(data).expect("JSON");
        let errors = value.get_mut("errors").and_then(Value::as_array_mut);
        for error in errors.into_iter().flatten() {
            let error = error.as_object_mut().expect("an object");
            error.remove("msg").expect("a text");
            // Of a type that is unknown, all that are known are told.
            if error["type"] == "value_error.const" {
                error.remove("ctx");
            }
        }
        Said::Json(value)
    }

    fn receive(model: &mut Model<Self>, message: Message, now: Instant) {
        match model.is_busy() {
            true => model.wire.held.push_back((message, written(&message).len() + COST)),
            false => model.handle(message, now),
        }
    }

    fn resume(model: &mut Model<Self>, now: Instant) {
        while !model.is_busy()
            && !model.closed
            && let Some((message, _)) = model.wire.held.pop_front()
        {
            model.handle(message, now);
        }
    }

    fn is_full(model: &Model<Self>) -> bool {
        let bytes: usize = model.wire.held.iter().map(|(_, bytes)| bytes).sum();
        model.is_busy() && bytes >= model.limits.stream_unread
    }

    fn holds(model: &Model<Self>) -> bool {
        !model.wire.held.is_empty()
    }

    fn opened(_: &mut Model<Self>, _: usize) {}

    fn says(model: &mut Model<Self>, at: usize, word: Word) {
        let call = &model.calls[at];
        let said = match word {
            Word::End { data, .. } => json!({"type": NAMES[call.rpc], "result": data}),
            Word::Note(number) => json!({"type": "note", "result": [number]}),
            Word::Fail(500) => return model.ends(1011),
            Word::Fail(422) => match call.wire {
                Brought::Fits(_) => return,
                Brought::Misfit => error(&["value"], "type_error.integer", None),
                Brought::Extra => error(&["extra"], "value_error.extra", None),
                Brought::Missing => error(&["value"], "value_error.missing", None),
            },
            Word::Fail(code) => error(&["__root__"], "value_error", Some(code)),
            Word::Accepted | Word::Item { .. } | Word::Metadata | Word::Question(_) => return,
        };
        model.tells(said);
    }
}

impl Model<Events> {
    fn is_busy(&self) -> bool {
        self.wire.current.is_some_and(|at| !self.calls[at].over)
    }

    fn handle(&mut self, message: Message, now: Instant) {
        match message {
            Message::NoType => self.tells(error(&["type"], "value_error.missing", None)),
            Message::ListAsType => self.tells(error(&["type"], "value_error.const", None)),
            Message::NoJson => self.ends(1003),
            Message::Event { rpc, .. } if kind(rpc).is_none() => {
                self.tells(error(&["type"], "value_error.const", None));
            }
            Message::Event { rpc, value } => {
                let number = match value {
                    Brought::Fits(number) => Some(number),
                    _ => None,
                };
                let at = self.open(rpc, number, value, now);
                self.wire.current = Some(at).filter(|_| self.calls[at].runs);
            }
        }
    }

    /// Answers are told by their place: there is one order of all that is said.
    fn tells(&mut self, said: Value) {
        self.said.push((0, Said::Json(said)));
    }
}

fn written(message: &Message) -> String {
    let value = match message {
        Message::NoJson => return "no JSON".into(),
        Message::NoType => json!({"value": 1}),
        Message::ListAsType => json!({"type": ["now"], "value": 1}),
        Message::Event { rpc, value } => match value {
            Brought::Fits(number) => json!({"type": NAMES[*rpc], "value": number}),
            Brought::Misfit => json!({"type": NAMES[*rpc], "value": "no number"}),
            Brought::Extra => json!({"type": NAMES[*rpc], "value": 1, "extra": 1}),
            Brought::Missing => json!({"type": NAMES[*rpc]}),
        },
    };
    value.to_string()
}

fn error(place: &[&str], kind: &str, code: Option<i64>) -> Value {
    match code {
        None => json!({"errors": [{"loc": place, "type": kind}]}),
        Some(code) => json!({"errors": [{"loc": place, "type": kind, "ctx": {"code": code}}]}),
    }
}

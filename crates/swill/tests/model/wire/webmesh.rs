//! WebMesh: `conformance/PROTOCOLS.md`, 4.

use super::{
    super::{
        calls::{Model, NAMES, kind},
        said::Said,
    },
    Wire, Word,
};
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Message {
    Call {
        rpc: usize,
        data: Data,
    },
    NoPath,
    /// Nothing that could be taken apart.
    Garbage,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Data {
    Fits(i64),
    /// A text where a number should be.
    Misfit,
    Missing,
}

/// A dialect.
pub(in super::super) struct WebMesh {
    /// What paths are called.
    pub(in super::super) key: &'static str,
    /// Whether failures are told.
    pub(in super::super) tells: bool,
}

impl Wire for WebMesh {
    type Message = Message;
    type Call = ();

    const KINDS: [u32; 5] = [30, 1, 1, 0, 0];

    fn message(_: &Model<Self>, _: i64, rpc: usize, kind: u8, value: Option<i64>) -> Message {
        match (kind, value) {
            (0, Some(value)) => Message::Call { rpc, data: Data::Fits(value) },
            (0, None) => Message::Call { rpc, data: Data::Misfit },
            (1, _) => Message::Call { rpc, data: Data::Missing },
            _ => Message::NoPath,
        }
    }

    fn garbage() -> Option<Message> {
        Some(Message::Garbage)
    }

    fn wrong() -> Option<Message> {
        None
    }

    fn frame(&self, message: &Message) -> (u8, Vec<u8>) {
        let path = |rpc: usize| format!("/{}", NAMES[rpc]);
        let value = match *message {
            Message::Garbage => return (0x81, b"{".into()),
            Message::NoPath => json!({"data": 1}),
            Message::Call { rpc, data: Data::Missing } => json!({self.key: path(rpc)}),
            Message::Call { rpc, data: Data::Misfit } => json!({self.key: path(rpc), "data": "no number"}),
            Message::Call { rpc, data: Data::Fits(value) } => json!({self.key: path(rpc), "data": value}),
        };
        (0x81, value.to_string().into_bytes())
    }

    fn heard(&mut self, _: swill_proto::Kind, data: &[u8]) -> Said {
        let mut value: Value = serde_json::from_slice(data).expect("JSON");
        if value["data"].is_string() {
            value["data"] = "why it failed".into();
        }
        Said::Json(value)
    }

    fn receive(model: &mut Model<Self>, message: Message, now: Instant) {
        let Message::Call { rpc, data } = message else { return };
        if kind(rpc).is_none() {
            if let Some(said) = model.wire.failed(rpc) {
                model.stray(said);
            }
            return;
        }
        let value = match data {
            Data::Fits(value) => Some(value),
            Data::Misfit | Data::Missing => None,
        };
        model.open(rpc, value, (), now);
    }

    fn opened(_: &mut Model<Self>, _: usize) {}

    fn says(model: &mut Model<Self>, at: usize, word: Word) {
        let rpc = model.calls[at].rpc;
        let said = match word {
            Word::End { data, .. } => model.wire.said(NAMES[rpc], &data.into()),
            Word::Note(number) => model.wire.said("note", &number.into()),
            Word::Fail(_) => match model.wire.failed(rpc) {
                Some(said) => said,
                None => return,
            },
            Word::Accepted | Word::Item { .. } | Word::Metadata | Word::Question(_) => return,
        };
        model.said.push((at, said));
    }
}

impl WebMesh {
    fn said(&self, name: &str, data: &Value) -> Said {
        Said::Json(json!({self.key: format!("/{name}"), "data": data}))
    }

    fn failed(&self, rpc: usize) -> Option<Said> {
        self.tells.then(|| self.said(NAMES[rpc], &"why it failed".into()))
    }
}

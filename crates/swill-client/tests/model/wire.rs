//! What the client and its server say, in the words of each protocol.

use crate::{Protocol, Value};
use serde_json::json;
use std::collections::HashMap;
use swill_proto::{Format, Payload};

/// What the client says about a call; calls are known by their numbers, which are in their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Open,
    Item(i64),
    End,
    Cancel,
}

/// What the server says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Answer(i64),
    Item(i64),
    End,
    Fail(i64),
    /// It has not begun the call, and will not.
    NotBegun,
    /// Metadata ahead of everything else, where it travels.
    Metadata,
}

/// The server's side of one connection, as far as it takes words apart and puts them together.
#[derive(Debug)]
pub(super) struct Wire {
    protocol: Protocol,
    /// Which call is meant by an id; and by which id a call.
    calls: HashMap<u64, usize>,
    ids: HashMap<usize, u64>,
    /// Streams of JSON-RPC that the client knows to be open.
    accepted: Vec<u64>,
}

/// What streams are called beside the requests that opened them.
const SUBSCRIPTIONS: u64 = 1_000_000;

impl Wire {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, calls: HashMap::new(), ids: HashMap::new(), accepted: Vec::new() }
    }

    fn is_swill(&self) -> bool {
        self.protocol == Protocol::Swill
    }

    /// Which call a message is about, and what it says; `None` if it is about none.
    pub(super) fn heard(&mut self, data: &[u8]) -> Option<(usize, Heard)> {
        match self.is_swill() {
            true => Some(self.request(data)),
            false => self.object(&serde_json::from_slice(data).expect("JSON")),
        }
    }

    fn request(&mut self, data: &[u8]) -> (usize, Heard) {
        let value: Value = Payload::new(Format::MessagePack, data).decode().expect("MessagePack");
        let Value::List(parts) = value else { panic!("a list: {value:?}") };
        let [seq, data, name, ..] = &parts[..] else { panic!("three parts: {parts:?}") };
        let seq = seq.as_i64().expect("a number") as u64;
        let call = number(name.as_str().expect("a name"));
        let kind = parts.get(3).and_then(Value::as_i64).unwrap_or(0);
        let heard = match (kind, self.calls.insert(seq, call)) {
            (0 | 2, None) => {
                self.ids.insert(call, seq);
                Heard::Open
            }
            (0, Some(_)) => Heard::Item(data.as_i64().expect("a number")),
            (1, Some(_)) => Heard::End,
            (3, Some(_)) => Heard::Cancel,
            (kind, known) => panic!("{kind} may not come here, known: {known:?}"),
        };
        (call, heard)
    }

    fn object(&mut self, object: &serde_json::Value) -> Option<(usize, Heard)> {
        match object["method"].as_str() {
            // It tells the server that it has not understood something.
            None => None,
            Some("$/cancelRequest") => {
                let id = object["params"]["id"].as_u64().expect("a number");
                Some((self.calls[&id], Heard::Cancel))
            }
            Some(name) => {
                let (id, call) = (object["id"].as_u64().expect("a number"), number(name));
                assert_eq!(self.calls.insert(id, call), None, "an id comes twice");
                self.ids.insert(call, id);
                Some((call, Heard::Open))
            }
        }
    }

    /// The calls that have come, in no order.
    pub(super) fn known(&self) -> Vec<usize> {
        let mut known: Vec<usize> = self.ids.keys().copied().collect();
        known.sort_unstable();
        known
    }

    /// A message of the server, or two.
    pub(super) fn said(&mut self, call: usize, streams_out: bool, word: Word) -> Vec<Vec<u8>> {
        let id = self.ids[&call];
        if self.is_swill() {
            let failure = |code: i64| vec![("code", Value::from(code)), ("message", "no".into())];
            let map = |entries: Vec<(&str, Value)>| {
                Value::Map(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
            };
            let (data, kind, leading) = match word {
                Word::Answer(value) | Word::Item(value) => (value.into(), 0, Value::Nil),
                Word::End => (Value::Nil, 1, Value::Nil),
                Word::Metadata => (Value::Nil, 2, map(vec![("key", "value".into())])),
                Word::Fail(code) => (map(failure(code)), 3, Value::Nil),
                Word::NotBegun => {
                    let mut entries = failure(503);
                    entries.push(("data", map(vec![("begun", false.into())])));
                    (map(entries), 3, Value::Nil)
                }
            };
            let message = Value::List(vec![(id as i64).into(), data, kind.into(), leading, Value::Nil]);
            let payload = Payload::encode(Format::MessagePack, &message).expect("it can be written");
            return vec![payload.bytes().to_vec()];
        }
        let subscription = SUBSCRIPTIONS + id;
        let mut said = Vec::new();
        if streams_out && matches!(word, Word::Item(_) | Word::End) && !self.accepted.contains(&id) {
            self.accepted.push(id);
            said.push(json!({"jsonrpc": "2.0", "result": subscription, "id": id}));
        }
        let stream = |member: &str, content: serde_json::Value| {
            let params = json!({"subscription": subscription, member: content});
            json!({"jsonrpc": "2.0", "method": "$/stream", "params": params})
        };
        let failed = |error: serde_json::Value| match self.accepted.contains(&id) {
            true => stream("error", error),
            false => json!({"jsonrpc": "2.0", "error": error, "id": id}),
        };
        said.push(match word {
            Word::Answer(value) => json!({"jsonrpc": "2.0", "result": value, "id": id}),
            Word::Item(value) => stream("result", value.into()),
            Word::End => stream("end", true.into()),
            Word::Fail(code) => failed(json!({"code": code, "message": "no"})),
            Word::NotBegun => failed(json!({"code": 503, "message": "no", "data": {"begun": false}})),
            Word::Metadata => return Vec::new(),
        });
        said.iter().map(|object| object.to_string().into_bytes()).collect()
    }

    /// What no client understands.
    pub(super) fn garbage(&self) -> Vec<u8> {
        match self.is_swill() {
            true => vec![0xc1],
            false => b"{".to_vec(),
        }
    }
}

/// What a call is called.
pub(super) fn name(call: usize) -> String {
    format!("c{call}")
}

fn number(name: &str) -> usize {
    name.strip_prefix('c').and_then(|number| number.parse().ok()).expect("names are numbers")
}

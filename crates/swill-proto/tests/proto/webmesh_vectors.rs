//! The recorded conversations of `conformance/vectors/webmesh.jsonl`, with the services that they call.

use crate::{
    support::unhex,
    vectors::matches,
    wire::{Messages, Table, end, fail},
};
use flate2::read::{ZlibDecoder, ZlibEncoder};
use serde_json::{Value as Json, json};
use std::{collections::VecDeque, io::Read};
use swill_proto::{
    CallId, Error, Format, Frame, Kind, Message, Open, Payload, ProcedureId, Protocol, Received, Target,
    Value,
    webmesh::{Dialect, Limits, Server},
};

const SERVICES: Table = Table(&[
    ("echo", "/", &["value"]),
    ("add", "-", &["a", "b"]),
    ("divide", "-", &["a", "b"]),
    ("nothing", "-", &[]),
    ("fail", "-", &[]),
    ("slow", "-", &["ms"]),
    ("note", "-", &["value"]),
    ("notes", "-", &[]),
]);

/// One connection; all its calls but the slow ones are answered at once.
struct Connection {
    server: Server,
    format: Format,
    wire: Messages,
    told: VecDeque<(Kind, Vec<u8>)>,
    slow: Vec<CallId>,
    notes: Vec<Value>,
}

impl Connection {
    fn receive(&mut self, kind: Kind, data: &[u8]) {
        match self.server.receive(Message { kind, data }, &SERVICES, &mut self.wire) {
            Received::Nothing => {}
            Received::One(Frame::Open(open)) => self.run(&open),
            received => panic!("{received:?}"),
        }
        self.told.append(&mut std::mem::take(&mut self.wire.all).into());
    }

    fn run(&mut self, open: &Open<'_>) {
        let Target::Known(ProcedureId(id)) = open.target else { panic!("{open:?}") };
        let input = open.input.as_ref().unwrap();
        let answer = match SERVICES.0[id as usize].0 {
            "echo" => input.decode::<Value>(),
            "add" => input.decode::<(i64, i64)>().map(|(a, b)| Value::from(a + b)),
            "divide" => input.decode::<(i64, i64)>().and_then(|(a, b)| match b {
                0 => Err(Error::new(400, "division by zero")),
                b => Ok(Value::from(a as f64 / b as f64)),
            }),
            "nothing" => Ok(Value::Nil),
            "fail" => Err(Error::internal("boom")),
            "slow" => return self.slow.push(open.call),
            "note" => input.decode::<Value>().map(|note| {
                self.notes.push(note);
                Value::Nil
            }),
            _ => Ok(Value::List(self.notes.clone())),
        };
        self.answer(open.call, answer);
    }

    fn answer(&mut self, call: CallId, answer: Result<Value, Error>) {
        let frame = match answer {
            Ok(answer) => end(call, Payload::encode(self.format, &answer).unwrap()),
            Err(error) => fail(call, error.told(false)),
        };
        self.server.send(frame, &mut self.wire).unwrap();
        self.told.append(&mut std::mem::take(&mut self.wire.all).into());
    }

    /// The next message, letting what is slow end if there is none.
    fn next(&mut self) -> Option<(Kind, Vec<u8>)> {
        if self.told.is_empty() && !self.slow.is_empty() {
            let call = self.slow.remove(0);
            self.answer(call, Ok(Value::from("slept")));
        }
        self.told.pop_front()
    }
}

fn is_expected(expect: &Json, (kind, data): &(Kind, Vec<u8>)) -> bool {
    let value: Value = if let Some(value) = expect.get("json") {
        assert_eq!(*kind, Kind::Text);
        let told: Json = serde_json::from_slice(data).unwrap();
        return *value == told || (value["data"] == "$any:string" && told["data"].is_string());
    } else {
        let compressed = match expect.get("hex-zlib-msgpack") {
            Some(_) => unhex(str::from_utf8(data).unwrap()),
            None => data.clone(),
        };
        assert_eq!(*kind, if expect.get("zlib-msgpack").is_some() { Kind::Binary } else { Kind::Text });
        let mut packed = Vec::new();
        ZlibDecoder::new(&compressed[..]).read_to_end(&mut packed).unwrap();
        rmp_serde::from_slice(&packed).unwrap()
    };
    let expected = expect.get("zlib-msgpack").unwrap_or_else(|| &expect["hex-zlib-msgpack"]);
    matches(expected, &value, expect["match"] == "subset")
}

fn sent(send: &Json) -> (Kind, Vec<u8>) {
    if let Some(hex) = send["hex"].as_str() {
        return (Kind::Binary, unhex(hex));
    }
    if let Some(text) = send["text"].as_str() {
        return (Kind::Text, text.as_bytes().to_vec());
    }
    let packed = rmp_serde::to_vec(&send["hex-zlib-msgpack"]).unwrap();
    let mut compressed = Vec::new();
    ZlibEncoder::new(&packed[..], flate2::Compression::best()).read_to_end(&mut compressed).unwrap();
    (Kind::Text, compressed.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect())
}

fn play(case: &Json) {
    let name = &case["name"];
    let dialect = match case["connect"]["path"].as_str() {
        Some("/json") => Dialect::V0_1_2_JSON,
        Some("/head") => Dialect::HEAD,
        Some("/head-json") => Dialect::HEAD_JSON,
        _ => Dialect::V0_1_2,
    };
    let mut connection = Connection {
        format: dialect.capabilities().format,
        server: Server::new(dialect, Limits::default()),
        wire: Messages::default(),
        told: VecDeque::new(),
        slow: Vec::new(),
        notes: Vec::new(),
    };
    for step in case["steps"].as_array().unwrap() {
        let burst = step["burst"].as_array().map_or(&[][..], Vec::as_slice);
        for send in burst.iter().chain(step.get("send")) {
            let (kind, data) = sent(send);
            connection.receive(kind, &data);
        }
        if let Some(expect) = step.get("expect") {
            match connection.next() {
                Some(message) if is_expected(expect, &message) => {}
                Some(message) if step["optional"] == true => connection.told.push_front(message),
                None if step["optional"] == true => {}
                message => panic!("{name}: {message:02x?} is not {expect}"),
            }
        }
        let mut unordered = step["expect_unordered"].as_array().cloned().unwrap_or_default();
        while !unordered.is_empty() {
            let message = connection.next().unwrap_or_else(|| panic!("{name}: nothing for {unordered:?}"));
            let found = unordered.iter().position(|expect| is_expected(expect, &message));
            unordered
                .remove(found.unwrap_or_else(|| panic!("{name}: {message:02x?} is none of {unordered:?}")));
        }
        assert!(step.get("silence").is_none() || connection.told.is_empty(), "{name}: {step}");
    }
    assert!(connection.next().is_none(), "{name}: something is left");
    assert_eq!(case["then"], json!("open"), "{name}");
    assert_eq!(connection.server.held().calls, 0, "{name}");
}

#[test]
fn recorded_conversations_go_as_they_should() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/webmesh.jsonl");
    let lines = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    let cases: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    cases.iter().for_each(play);
    assert!(cases.len() >= 58);
}

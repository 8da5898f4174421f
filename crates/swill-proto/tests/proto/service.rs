//! The procedures that the recorded conversations call, without a socket: a clock that is a number, and calls that answer
//! when they are told.

use crate::support::{Wire, payload};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, VecDeque};
use swill_proto::{
    CallId, Code, Directory, Error, Found, Frame, Kind, Message, Metadata, Open, Payload, ProcedureId,
    Protocol, Received, Shape, Target, swill1::Server,
};

pub(crate) const PROCEDURES: [(&str, Shape); 18] = [
    ("add", Shape::SINGLE),
    ("add_sync", Shape::SINGLE),
    ("divide", Shape::SINGLE),
    ("echo", Shape::SINGLE),
    ("nothing", Shape::SINGLE),
    ("fail", Shape::SINGLE),
    ("error", Shape::SINGLE),
    ("slow", Shape::SINGLE),
    ("lines", Shape::STREAM_OUT),
    ("broken_lines", Shape::STREAM_OUT),
    ("ticks", Shape::STREAM_OUT),
    ("total", Shape::STREAM_IN),
    ("first", Shape::STREAM_IN),
    ("multiply", Shape::BOTH),
    ("metadata", Shape::SINGLE),
    ("metadata_total", Shape::STREAM_IN),
    ("meta", Shape::SINGLE),
    ("meta_lines", Shape::STREAM_OUT),
];

pub(crate) struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let at = PROCEDURES.iter().position(|(known, _)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: PROCEDURES[at].1 })
    }
}

#[derive(Deserialize)]
struct Problem {
    code: i64,
    message: String,
}

/// One connection and the procedures that run for it.
#[derive(Default)]
pub(crate) struct Connection {
    server: Server,
    wire: Wire,
    pub(crate) told: VecDeque<Vec<u8>>,
    pub(crate) closed: Option<u16>,
    pub(crate) now: u64,
    running: HashMap<CallId, Running>,
}

/// A call that waits: for items, or for a time.
struct Running {
    name: &'static str,
    metadata: Json,
    value: i64,
    wakes: Option<(u64, u64)>,
}

impl Connection {
    pub(crate) fn receive(&mut self, kind: Kind, data: &[u8]) {
        match self.server.receive(Message { kind, data }, &Procedures, &mut self.wire) {
            Received::Nothing => {}
            Received::One(frame) => self.hear(frame),
            Received::Many(_) => panic!("swill/1 has no batches"),
            Received::Close(close) => self.closed = Some(close.code),
        }
        self.told.extend(self.wire.take());
    }

    fn say(&mut self, frame: Frame<'_>) {
        if matches!(frame, Frame::End { .. } | Frame::Fail { .. }) {
            self.running.remove(&frame.call());
        }
        self.server.send(frame, &mut self.wire).unwrap();
        self.told.extend(self.wire.take());
    }

    fn item(&mut self, call: CallId, value: &Json) {
        self.say(Frame::Item { call, payload: payload(value), leading: None });
    }

    fn end(&mut self, call: CallId, answer: Result<Option<Json>, Error>) {
        match answer {
            Ok(last) => {
                self.say(Frame::End {
                    call,
                    last: last.map(|last| payload(&last)),
                    leading: None,
                    trailing: None,
                });
            }
            Err(error) => self.say(Frame::Fail { call, error }),
        }
    }

    fn hear(&mut self, frame: Frame<'_>) {
        let call = frame.call();
        match frame {
            Frame::Open(open) => self.open(open),
            Frame::Item { payload, .. } => self.item_in(call, &payload),
            Frame::End { .. } => {
                let running = &self.running[&call];
                let answer = match running.name {
                    "multiply" => None,
                    "metadata_total" => Some(json!({"total": running.value, "metadata": running.metadata})),
                    _ => Some(json!(running.value)),
                };
                self.end(call, Ok(answer));
            }
            Frame::Fail { error, .. } => self.end(call, Err(error)),
            Frame::Cancel { .. } => {
                self.running.remove(&call).expect("only what runs is cancelled");
            }
            Frame::Metadata { .. } => panic!("a client sends metadata only to open a call"),
            Frame::Batch(_) | Frame::Accepted { .. } => panic!("only ever sent"),
        }
    }

    fn open(&mut self, open: Open<'_>) {
        let Target::Known(ProcedureId(id)) = open.target else { panic!("no procedure: {open:?}") };
        let name = PROCEDURES[id as usize].0;
        let metadata =
            open.head.metadata.map_or_else(|| json!({}), |metadata| serde_json::to_value(metadata).unwrap());
        let call = open.call;
        let value = if name == "multiply" { 1 } else { 0 };
        self.running.insert(call, Running { name, metadata, value, wakes: None });
        if open.shape.streams_in {
            if let Some(first) = &open.input {
                self.item_in(call, first);
            }
            return;
        }
        let answer = self.single(call, name, &open.input.expect("it streams nothing in"));
        if let Some(answer) = answer.transpose() {
            self.end(call, answer.map(Some));
        }
    }

    /// What a call without a stream in leads to; `None` if it waits or has ended by itself.
    fn single(&mut self, call: CallId, name: &str, input: &Payload<'_>) -> Result<Option<Json>, Error> {
        Ok(Some(match name {
            "add" | "add_sync" => input.decode::<(i64, i64)>().map(|(a, b)| json!(a + b))?,
            "divide" => match input.decode::<(i64, i64)>()? {
                (_, 0) => return Err(Error::new(Code(400), "division by zero")),
                (a, b) => json!(a as f64 / b as f64),
            },
            "echo" => {
                self.say(Frame::End { call, last: Some(input.clone()), leading: None, trailing: None });
                return Ok(None);
            }
            "nothing" => input.decode::<()>().map(|()| json!(null))?,
            "fail" => return Err(Error::internal("boom")),
            "error" => {
                let problem: Problem = input.decode()?;
                return Err(Error::new(problem.code, problem.message));
            }
            "slow" | "ticks" => {
                let wait: u64 = input.decode()?;
                let running = self.running.get_mut(&call).unwrap();
                running.wakes = Some((self.now + wait, wait));
                if name == "ticks" {
                    self.item(call, &json!(0));
                }
                return Ok(None);
            }
            "lines" | "broken_lines" => {
                for n in 1..=input.decode::<u32>()? {
                    self.item(call, &json!(format!("line {n}")));
                }
                if name == "broken_lines" {
                    return Err(Error::new(Code(409), "line broke"));
                }
                self.end(call, Ok(None));
                return Ok(None);
            }
            "metadata" => self.running[&call].metadata.clone(),
            _ => {
                self.with_metadata(call, name, &input.decode::<String>()?)?;
                return Ok(None);
            }
        }))
    }

    fn with_metadata(&mut self, call: CallId, name: &str, mode: &str) -> Result<(), Error> {
        let lead = |text: &str| Some(Box::new(Metadata::from([("lead", text)])));
        let mut leading = match mode {
            "first" | "both" | "empty" => lead("first"),
            "replace" => lead("second"),
            _ => None,
        };
        let trailing = matches!(mode, "trail" | "both" | "now_trail" | "empty")
            .then(|| Box::new(Metadata::from([("trail", 1)])));
        if matches!(mode, "now" | "now_trail" | "twice") {
            self.say(Frame::Metadata { call, metadata: lead("now").unwrap() });
        }
        if mode == "twice" {
            return Err(Error::internal("leading metadata has been sent"));
        }
        if name == "meta" {
            self.say(Frame::End { call, last: Some(payload(&json!("ok"))), leading, trailing });
            return Ok(());
        }
        if mode != "empty" {
            self.say(Frame::Item { call, payload: payload(&json!("one")), leading: leading.take() });
            if mode == "late" {
                return Err(Error::internal("leading metadata has been sent"));
            }
            self.item(call, &json!("two"));
        }
        self.say(Frame::End { call, last: None, leading, trailing });
        Ok(())
    }

    fn item_in(&mut self, call: CallId, item: &Payload<'_>) {
        let item: i64 = match item.decode() {
            Ok(item) => item,
            Err(error) => return self.end(call, Err(error)),
        };
        let running = self.running.get_mut(&call).unwrap();
        match running.name {
            "multiply" => {
                running.value *= item;
                let product = json!(running.value);
                self.item(call, &product);
            }
            "first" => self.end(call, Ok(Some(json!(item)))),
            _ => running.value += item,
        }
    }

    /// Lets time pass up to a moment.
    pub(crate) fn pass(&mut self, until: u64) {
        while let Some((at, call)) = self.next_to_wake().filter(|(at, _)| *at <= until) {
            self.now = at;
            let running = self.running.get_mut(&call).unwrap();
            if running.name == "slow" {
                self.end(call, Ok(Some(json!("slept"))));
                continue;
            }
            running.value += 1;
            running.wakes = running.wakes.map(|(at, wait)| (at + wait, wait));
            let count = json!(running.value);
            self.item(call, &count);
        }
        self.now = until;
    }

    fn next_to_wake(&self) -> Option<(u64, CallId)> {
        let wakes = self.running.iter().filter_map(|(call, running)| Some((running.wakes?.0, *call)));
        wakes.min_by_key(|(at, call)| (*at, call.number()))
    }

    /// The next message, waiting for it if there is none yet.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        if self.told.is_empty()
            && let Some((at, _)) = self.next_to_wake()
        {
            self.pass(at);
        }
        self.told.pop_front()
    }
}

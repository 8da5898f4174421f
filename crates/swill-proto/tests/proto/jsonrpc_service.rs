//! The procedures that the recorded conversations in JSON-RPC call, without a socket: a clock that is a number, and a
//! driver that does no more than it has to.

use crate::jsonrpc_play::Wire;
use std::collections::{HashMap, VecDeque};
use swill_proto::{
    CallId, CancelReason, Directory, Error, Format, Found, Frame, Head, Kind, Message, Open, Payload,
    ProcedureId, Protocol, Received, Shape, Side, Target, Value,
    jsonrpc::{Limits, Machine},
};

/// What is called, its shape, and its parameters; `None` if it takes what comes.
pub(crate) const PROCEDURES: [(&str, Shape, Option<&[&str]>); 22] = [
    ("add", Shape::SINGLE, Some(&["a", "b"])),
    ("subtract", Shape::SINGLE, Some(&["minuend", "subtrahend"])),
    ("divide", Shape::SINGLE, Some(&["a", "b"])),
    ("sum", Shape::SINGLE, None),
    ("echo", Shape::SINGLE, Some(&["value"])),
    ("nothing", Shape::SINGLE, Some(&[])),
    ("fail", Shape::SINGLE, Some(&[])),
    ("error", Shape::SINGLE, Some(&["code", "message"])),
    ("slow", Shape::SINGLE, Some(&["ms"])),
    ("get_data", Shape::SINGLE, Some(&[])),
    ("update", Shape::SINGLE, None),
    ("notify_hello", Shape::SINGLE, None),
    ("notify_sum", Shape::SINGLE, None),
    ("note", Shape::SINGLE, None),
    ("notes", Shape::SINGLE, Some(&[])),
    ("call_me", Shape::SINGLE, Some(&["method", "params", "timeout_ms"])),
    ("notify_me", Shape::SINGLE, Some(&["method", "params"])),
    ("batch_me", Shape::SINGLE, Some(&["method", "list_of_params"])),
    ("lines", Shape::STREAM_OUT, Some(&["n"])),
    ("broken_lines", Shape::STREAM_OUT, Some(&["n"])),
    ("ticks", Shape::STREAM_OUT, Some(&["ms"])),
    ("total", Shape::STREAM_IN, None),
];

struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let at = PROCEDURES.iter().position(|(known, ..)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: PROCEDURES[at].1 })
    }
}

/// One connection and the procedures that run for it.
pub(crate) struct Connection {
    codec: Format,
    machine: Machine,
    wire: Wire,
    pub(crate) told: VecDeque<Value>,
    pub(crate) now: u64,
    running: HashMap<CallId, Running>,
    notes: Vec<Value>,
    called: u64,
}

/// A call that waits.
enum Running {
    Sleep(u64),
    Ticks {
        wakes: u64,
        wait: u64,
        next: i64,
    },
    /// For answers of the client, in this order; those that have come are results.
    Answers {
        to: Vec<CallId>,
        come: Vec<Option<Value>>,
        until: u64,
        all: bool,
    },
}

impl Connection {
    pub(crate) fn new(codec: Format) -> Self {
        Self {
            codec,
            machine: Machine::new(Side::Server, codec, Limits::default(), true),
            wire: Wire::default(),
            told: VecDeque::new(),
            now: 0,
            running: HashMap::new(),
            notes: Vec::new(),
            called: 0,
        }
    }

    pub(crate) fn receive(&mut self, kind: Kind, data: &[u8]) {
        match self.machine.receive(Message { kind, data }, &Procedures, &mut self.wire) {
            Received::Nothing => {}
            Received::One(frame) => self.hear(frame),
            Received::Many(frames) => frames.into_iter().for_each(|frame| self.hear(frame)),
            Received::Close(close) => panic!("{close:?}"),
        }
        self.listen();
    }

    /// The next message to the client, which may have to be waited for.
    pub(crate) fn next(&mut self) -> Option<Value> {
        if self.told.is_empty() {
            let soonest = self.running.values().map(Running::wakes).min()?;
            self.pass(soonest);
        }
        self.told.pop_front()
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, until: u64) {
        loop {
            let due = self.running.iter().map(|(call, running)| (running.wakes(), call.number(), *call));
            match due.filter(|(wakes, ..)| *wakes <= until).min_by_key(|(wakes, number, _)| (*wakes, *number))
            {
                None => break,
                Some((wakes, _, call)) => {
                    self.now = wakes;
                    self.wake(call);
                }
            }
        }
        self.now = until;
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.machine.held() == swill_proto::Held::default()
    }

    fn listen(&mut self) {
        for (kind, bytes) in std::mem::take(&mut self.wire.messages) {
            assert_eq!(kind, if self.codec == Format::Json { Kind::Text } else { Kind::Binary });
            self.told.push_back(Payload::new(self.codec, &bytes).decode().unwrap());
        }
    }

    fn say(&mut self, frame: Frame<'_>) {
        if matches!(frame, Frame::End { .. } | Frame::Fail { .. }) {
            self.running.remove(&frame.call());
        }
        self.machine.send(frame, &mut self.wire).unwrap();
        self.listen();
    }

    fn item(&mut self, call: CallId, item: impl Into<Value>) {
        let payload = Payload::encode(self.codec, &item.into()).unwrap();
        self.say(Frame::Item { call, payload, leading: None });
    }

    fn end(&mut self, call: CallId, last: impl Into<Option<Value>>) {
        let last = last.into().map(|last| Payload::encode(self.codec, &last).unwrap());
        self.say(Frame::End { call, last, leading: None, trailing: None });
    }

    fn wake(&mut self, call: CallId) {
        match self.running.get_mut(&call).unwrap() {
            Running::Sleep(_) => self.end(call, Value::from("slept")),
            Running::Ticks { wakes, wait, next } => {
                *wakes += *wait;
                *next += 1;
                let tick = *next;
                self.item(call, tick);
            }
            Running::Answers { come, .. } => {
                for answer in come.iter_mut().filter(|answer| answer.is_none()) {
                    *answer = Some(failure(-32603, "Internal error"));
                }
                self.answered(call);
            }
        }
    }

    fn hear(&mut self, frame: Frame<'_>) {
        let call = frame.call();
        match frame {
            Frame::Open(open) => {
                if let Err(error) = self.open(&open) {
                    self.say(Frame::Fail { call, error: error.told(false) });
                }
            }
            Frame::End { last, .. } => {
                let result = last.unwrap().decode().unwrap();
                self.answer(call, Value::Map(vec![("result".into(), result)]));
            }
            Frame::Fail { error, .. } => self.answer(call, failure(error.code().0, error.message())),
            Frame::Cancel { .. } => {
                if self.running.contains_key(&call) {
                    self.say(Frame::Fail { call, error: Error::cancelled(CancelReason::Client) });
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// An answer of the client, which may be too late.
    fn answer(&mut self, ours: CallId, answer: Value) {
        assert!(ours.is_ours());
        let waiting = self.running.iter_mut().find_map(|(call, running)| match running {
            Running::Answers { to, come, .. } => {
                let at = to.iter().position(|asked| *asked == ours)?;
                Some((*call, &mut come[at]))
            }
            _ => None,
        });
        if let Some((call, place)) = waiting {
            place.get_or_insert(answer);
            self.answered(call);
        }
    }

    fn answered(&mut self, call: CallId) {
        let Some(Running::Answers { come, all, .. }) = self.running.get(&call) else { return };
        if let Some(mut answers) = come.iter().cloned().collect::<Option<Vec<Value>>>() {
            let last = if *all { Value::List(answers) } else { answers.remove(0) };
            self.end(call, last);
        }
    }

    fn open(&mut self, open: &Open<'_>) -> Result<(), Error> {
        let Target::Known(ProcedureId(id)) = open.target else { panic!("{open:?}") };
        let (name, shape, names) = PROCEDURES[id as usize];
        let call = open.call;
        if shape.streams_in {
            return Err(Error::new(501, "no streams in"));
        }
        let input: Option<Value> = open.input.as_ref().map(|input| input.decode().unwrap());
        let arguments = match names {
            Some(names) => arguments(input.as_ref(), names)?,
            None => vec![],
        };
        let integer = |at: usize| match arguments.get(at) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(Error::invalid("", "not an integer")),
        };
        let text = |at: usize| {
            arguments[at].as_str().map(str::to_owned).ok_or_else(|| Error::invalid("", "not text"))
        };
        let last: Value = match name {
            "add" => (integer(0)? + integer(1)?).into(),
            "subtract" => (integer(0)? - integer(1)?).into(),
            "divide" if integer(1)? == 0 => return Err(Error::new(-32001, "division by zero")),
            "divide" => (integer(0)? as f64 / integer(1)? as f64).into(),
            "sum" => match input {
                Some(Value::List(list)) => list.iter().filter_map(Value::as_i64).sum::<i64>().into(),
                _ => 0.into(),
            },
            "echo" => arguments[0].clone(),
            "nothing" => Value::Nil,
            "fail" => return Err(Error::internal("boom")),
            "error" => return Err(Error::new(integer(0)?, text(1)?)),
            "get_data" => vec![Value::from("hello"), Value::from(5)].into(),
            "notes" => std::mem::take(&mut self.notes).into(),
            "slow" => {
                self.running.insert(call, Running::Sleep(self.now + integer(0)? as u64));
                return Ok(());
            }
            "ticks" => {
                let wait = integer(0)? as u64;
                self.running.insert(call, Running::Ticks { wakes: self.now + wait, wait, next: 0 });
                self.say(Frame::Accepted { call });
                self.item(call, 0);
                return Ok(());
            }
            "lines" | "broken_lines" => {
                for n in 1..=integer(0)? {
                    self.item(call, &*format!("line {n}"));
                }
                if name == "broken_lines" {
                    return Err(Error::new(409, "line broke"));
                }
                self.end(call, None);
                return Ok(());
            }
            "call_me" | "batch_me" => {
                let all = name == "batch_me";
                let Value::List(params) =
                    (if all { arguments[1].clone() } else { vec![arguments[1].clone()].into() })
                else {
                    panic!("{arguments:?}")
                };
                let until = self.now + integer(2).unwrap_or(10_000) as u64;
                let come = vec![None; params.len()];
                let to = self.call(&text(0)?, &params, all);
                self.running.insert(call, Running::Answers { to, come, until, all });
                return Ok(());
            }
            "notify_me" => {
                let open = self.outgoing(&text(0)?, &arguments[1], false);
                self.say(Frame::Open(open));
                "sent".into()
            }
            _ => {
                self.notes.push(vec![name.into(), input.unwrap_or_default()].into());
                Value::Nil
            }
        };
        self.end(call, last);
        Ok(())
    }

    /// Calls the client, in a batch that ends with a notification or by itself.
    fn call(&mut self, method: &str, params: &[Value], batch: bool) -> Vec<CallId> {
        let mut opens: Vec<_> = params.iter().map(|params| self.outgoing(method, params, true)).collect();
        let calls = opens.iter().map(|open| open.call).collect();
        if batch {
            let count = Value::from(vec![Value::from(params.len() as u64)]);
            opens.push(self.outgoing("batch_sent", &count, false));
            self.say(Frame::Batch(opens));
        } else {
            opens.into_iter().for_each(|open| self.say(Frame::Open(open)));
        }
        calls
    }

    fn outgoing(&mut self, method: &str, params: &Value, reply: bool) -> Open<'static> {
        let call = CallId::ours(self.called);
        self.called += 1;
        let input = Some(Payload::encode(self.codec, params).unwrap());
        let target = Target::Named(method.to_owned().into());
        Open { call, target, shape: Shape::SINGLE, input, head: Head::default(), reply }
    }
}

impl Running {
    fn wakes(&self) -> u64 {
        match self {
            Self::Sleep(wakes) | Self::Ticks { wakes, .. } => *wakes,
            Self::Answers { until, .. } => *until,
        }
    }
}

fn failure(code: i64, message: &str) -> Value {
    let error = Value::Map(vec![("code".into(), code.into()), ("message".into(), message.into())]);
    Value::Map(vec![("error".into(), error)])
}

/// Parameters by position or by name. What `call_me` and `notify_me` need not be given is nil.
fn arguments(input: Option<&Value>, names: &[&str]) -> Result<Vec<Value>, Error> {
    let may_be_missing = |name: &str| matches!(name, "params" | "timeout_ms");
    let (given, unknown) = match input {
        None => (vec![None; names.len()], 0),
        Some(Value::List(list)) => (
            (0..names.len()).map(|at| list.get(at).cloned()).collect(),
            list.len().saturating_sub(names.len()),
        ),
        Some(map @ Value::Map(entries)) => {
            let given: Vec<_> = names.iter().map(|name| map.get(name).cloned()).collect();
            let known = given.iter().flatten().count();
            (given, entries.len() - known)
        }
        Some(other) => panic!("{other:?}"),
    };
    if unknown > 0 {
        return Err(Error::invalid("", "too many parameters"));
    }
    let filled = given.into_iter().zip(names).map(|(value, name)| match value {
        None if may_be_missing(name) => Ok(Value::Nil),
        None => Err(Error::invalid(*name, "is missing")),
        Some(value) => Ok(value),
    });
    filled.collect()
}

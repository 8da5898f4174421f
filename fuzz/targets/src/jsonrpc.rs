//! Any messages, one after the other, to the machine of JSON-RPC, in both codecs and on both sides; the driver answers
//! some of the calls and makes some of its own, and answers all of them in the end. Each call has one last message, and
//! nothing comes after it; those of a batch have it together.

use crate::said::{Told, json_rpc};
use swill_proto::{
    CallId, CancelReason, Directory, Error, Format, Found, Frame, Head, Held, Kind, Message, Open, Outgoing,
    Payload, ProcedureId, Protocol, Received, Shape, Side, Target, Value,
    jsonrpc::{Limits, Machine},
    scan::{DEPTH, json},
};

const PROCEDURES: [(&str, Shape); 4] = [
    ("add", Shape::SINGLE),
    ("lines", Shape::STREAM_OUT),
    ("total", Shape::STREAM_IN),
    ("multiply", Shape::BOTH),
];

struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let at = PROCEDURES.iter().position(|(known, _)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: PROCEDURES[at].1 })
    }
}

struct Wire {
    codec: Format,
    bytes: Vec<u8>,
    said: Vec<Told>,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, _expected: usize) -> &mut Vec<u8> {
        assert_eq!(kind == Kind::Text, self.codec == Format::Json);
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        self.said.push(json_rpc(self.codec, &self.bytes));
    }
}

/// What is known of a call of the peer's from outside of the machine.
struct Call {
    shape: Shape,
    /// The batch that its answer belongs to.
    batch: Option<usize>,
    /// The peer knows that its stream has begun.
    accepted: bool,
    cancelled: bool,
    /// It has had its last message, or was never to have one.
    over: bool,
}

/// The calls, and how many of each batch have no answer.
#[derive(Default)]
struct Calls {
    calls: Vec<Call>,
    batches: Vec<usize>,
}

pub(crate) fn run(input: &[u8]) {
    let [head, rest @ ..] = input else {
        return;
    };
    let codec = if head & 1 == 0 { Format::Json } else { Format::MessagePack };
    let side = if head & 2 == 0 { Side::Server } else { Side::Client };
    let limits = Limits { batch: 8, held: 512 };
    let mut machine = Machine::new(side, codec, limits, head & 4 == 0);
    let mut wire = Wire { codec, bytes: Vec::new(), said: Vec::new() };
    let (mut calls, mut called) = (Calls::default(), 0);
    let mut rest = rest;
    // Each message stands behind its length and a byte that says what the driver does after it.
    while let [length, deed, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let kind = match (codec, std::str::from_utf8(data)) {
            (Format::Json, Ok(text)) => {
                // The scanner takes what another implementation takes, but for its own limit of nesting.
                if !may_be_too_deep(text) {
                    let other = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                    assert_eq!(json::validate(data, DEPTH).is_ok(), other);
                }
                Kind::Text
            }
            _ => Kind::Binary,
        };
        let (frames, batch) = match machine.receive(Message { kind, data }, &Procedures, &mut wire) {
            Received::Nothing => (vec![], false),
            Received::One(frame) => (vec![frame], false),
            Received::Many(frames) => (frames, true),
            received => panic!("{received:?}"),
        };
        let said = std::mem::take(&mut wire.said);
        assert!(said.len() <= 1 && frames.len() <= limits.batch);
        let waiting = calls.heard(&frames, batch);
        match &said[..] {
            [] => {}
            // What is answered at once is all that there is to answer.
            [Told::Batch(answers)] => assert!(*answers <= limits.batch && waiting == 0),
            [Told::Error] => assert!(frames.is_empty()),
            said => panic!("{said:?}"),
        }
        let opened = calls.calls.len() as u64;
        let (call, ours) = (CallId::theirs(u64::from(deed >> 3) + 1), CallId::ours(u64::from(deed >> 3)));
        let payload = Payload::new(codec, if codec == Format::Json { b"5" } else { &[5] });
        let frame = match deed & 7 {
            0 => continue,
            1 => Frame::Item { call, payload, leading: None },
            2 => Frame::End { call, last: Some(payload), leading: None, trailing: None },
            3 => Frame::Fail { call, error: Error::new(418, "teapot") },
            4 => Frame::Fail { call, error: Error::cancelled(CancelReason::Client) },
            5 => Frame::Accepted { call },
            6 => Frame::Cancel { call: ours, reason: CancelReason::Client },
            _ => {
                called += 1;
                Frame::Open(Open {
                    call: ours,
                    target: Target::Named("rpc".into()),
                    shape: PROCEDURES[usize::from(deed >> 3) % 2].1,
                    input: Some(payload),
                    head: Head::default(),
                    reply: true,
                })
            }
        };
        calls.send(frame, &mut machine, &mut wire);
        assert!(machine.held().calls as u64 <= opened + called);
        // Beyond the limit there are only errors: those of one batch, and one for each call.
        let errors = limits.batch as u64 + opened;
        assert!(machine.held().bytes as u64 <= limits.held as u64 + errors * 400);
    }
    for number in 1..=calls.calls.len() as u64 {
        let frame = Frame::Fail { call: CallId::theirs(number), error: Error::new(1, "over") };
        calls.send(frame, &mut machine, &mut wire);
    }
    assert!(calls.batches.iter().all(|waiting| *waiting == 0));
    for number in 0..32 {
        let frame = Frame::Cancel { call: CallId::ours(number), reason: CancelReason::Client };
        calls.send(frame, &mut machine, &mut wire);
    }
    assert_eq!(machine.held(), Held::default());
}

impl Calls {
    /// Takes down what the driver hears; tells how many of a batch are to be answered.
    fn heard(&mut self, frames: &[Frame<'_>], batch: bool) -> usize {
        let batch = batch.then_some(self.batches.len());
        let mut waiting = 0;
        for frame in frames {
            let number = frame.call().number();
            match frame {
                Frame::Open(open) => {
                    assert_eq!(open.call, CallId::theirs(self.calls.len() as u64 + 1));
                    assert!(batch.is_none() || !open.shape.streams_out, "a stream in a batch");
                    waiting += usize::from(open.reply);
                    let (shape, over) = (open.shape, !open.reply);
                    let batch = batch.filter(|_| open.reply);
                    self.calls.push(Call { shape, batch, accepted: false, cancelled: false, over });
                }
                Frame::Cancel { call, .. } => {
                    assert!(!call.is_ours());
                    let call = &mut self.calls[number as usize - 1];
                    assert!(!call.over, "nothing is heard of a call that is over");
                    assert!(!std::mem::replace(&mut call.cancelled, true), "cancelled twice");
                }
                frame => assert!(frame.call().is_ours(), "{frame:?}"),
            }
        }
        self.batches.extend(batch.map(|_| waiting));
        if batch.is_some() { waiting } else { 0 }
    }

    /// Sends a frame and looks at what the peer gets.
    fn send(&mut self, frame: Frame<'_>, machine: &mut Machine, wire: &mut Wire) {
        let id = frame.call();
        let expected = if id.is_ours() { vec![Told::Asked] } else { self.expected(&frame) };
        machine.send(frame, wire).expect("nothing that is sent closes the connection");
        let mut said = std::mem::take(&mut wire.said);
        if let (Some(Told::Batch(least)), [Told::Batch(answers)]) = (expected.first(), &mut said[..]) {
            // Bad elements have answers, too.
            assert!(*answers >= *least);
            *answers = *least;
        }
        assert_eq!(said, expected);
    }

    /// What the peer gets for a frame of one of its calls.
    fn expected(&mut self, frame: &Frame<'_>) -> Vec<Told> {
        let number = frame.call().number();
        let Some(call) = self.calls.get_mut(number as usize - 1).filter(|call| !call.over) else {
            return vec![];
        };
        let stream = Value::Int(number as i64);
        let mut expected = vec![];
        let begins = call.shape.streams_out && !call.accepted && !call.cancelled;
        if begins && !matches!(frame, Frame::Fail { .. }) {
            call.accepted = true;
            expected.push(Told::Accepted(stream.clone()));
        }
        let fails = matches!(frame, Frame::Fail { .. });
        match frame {
            Frame::Item { .. } if call.shape.streams_out && !call.cancelled => {
                expected.push(Told::Stream(stream, false));
            }
            Frame::End { .. } | Frame::Fail { .. } => {
                call.over = true;
                expected.push(if call.accepted {
                    Told::Stream(stream, true)
                } else if fails || call.shape.streams_out {
                    Told::Error
                } else {
                    // What is answered is a number.
                    Told::Accepted(Value::Int(5))
                });
            }
            _ => {}
        }
        match call.batch.filter(|_| call.over) {
            None => expected,
            Some(batch) => {
                self.batches[batch] -= 1;
                let replies = self.calls.iter().filter(|call| call.batch == Some(batch)).count();
                if self.batches[batch] == 0 { vec![Told::Batch(replies)] } else { vec![] }
            }
        }
    }
}

/// Whether a text has more opening brackets than may be nested.
fn may_be_too_deep(text: &str) -> bool {
    text.matches(['[', '{']).count() > DEPTH
}

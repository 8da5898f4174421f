//! Any messages, one after the other, to the machine of JSON-RPC, in both codecs and on both sides; the driver answers
//! some of the calls and makes some of its own.

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
    messages: usize,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, _expected: usize) -> &mut Vec<u8> {
        assert_eq!(kind == Kind::Text, self.codec == Format::Json);
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        self.messages += 1;
        Payload::new(self.codec, &self.bytes).decode::<Value>().expect("what is sent can be read");
    }
}

pub(crate) fn run(input: &[u8]) {
    let [head, rest @ ..] = input else {
        return;
    };
    let codec = if head & 1 == 0 { Format::Json } else { Format::MessagePack };
    let side = if head & 2 == 0 { Side::Server } else { Side::Client };
    let limits = Limits { batch: 8, held: 512 };
    let mut machine = Machine::new(side, codec, limits, head & 4 == 0);
    let mut wire = Wire { codec, bytes: Vec::new(), messages: 0 };
    let (mut opened, mut called) = (0, 0);
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
        wire.messages = 0;
        let frames = match machine.receive(Message { kind, data }, &Procedures, &mut wire) {
            Received::Nothing => vec![],
            Received::One(frame) => vec![frame],
            Received::Many(frames) => frames,
            received => panic!("{received:?}"),
        };
        assert!(wire.messages <= 1 && frames.len() <= limits.batch);
        for frame in frames {
            if let Frame::Open(open) = &frame {
                opened += 1;
                assert_eq!(open.call, CallId::theirs(opened));
            }
            let call = frame.call();
            assert!(call.is_ours() || (1..=opened).contains(&call.number()));
        }
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
        machine.send(frame, &mut wire).expect("nothing that is sent closes the connection");
        assert!(machine.held().calls as u64 <= opened + called);
        // Beyond the limit there are only errors: those of one batch, and one for each call.
        let errors = limits.batch as u64 + opened;
        assert!(machine.held().bytes as u64 <= limits.held as u64 + errors * 400);
    }
    for number in 1..=opened {
        let call = CallId::theirs(number);
        let error = Error::new(1, "over");
        machine
            .send(Frame::Fail { call, error }, &mut wire)
            .expect("nothing that is sent closes the connection");
    }
    for number in 0..32 {
        let call = CallId::ours(number);
        let reason = CancelReason::Client;
        machine
            .send(Frame::Cancel { call, reason }, &mut wire)
            .expect("nothing that is sent closes the connection");
    }
    assert_eq!(machine.held(), Held::default());
}

/// Whether a text has more opening brackets than may be nested.
fn may_be_too_deep(text: &str) -> bool {
    text.matches(['[', '{']).count() > DEPTH
}

//! Any messages, one after the other, to the server's side of `swill/1`; the driver answers some of the calls, and in the
//! end all of them. Whatever comes, each call has one last message at most, and nothing comes after it.

use crate::said::{Response, ResponseKind, response};
use serde::Deserialize;
use swill_proto::{
    CallId, Directory, Error, Format, Found, Frame, Kind, Message, Metadata, Outgoing, Payload, ProcedureId,
    Protocol, Received, Shape, Target, Value, scan,
    swill1::{Limits, Server},
};

const PROCEDURES: [(&str, Shape); 4] = [
    ("add", Shape::SINGLE),
    ("lines", Shape::STREAM_OUT),
    ("total", Shape::STREAM_IN),
    ("multiply", Shape::BOTH),
];

/// How many calls may be answered while their streams in go on.
const DRAINING: usize = 8;

struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let at = PROCEDURES.iter().position(|(known, _)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: PROCEDURES[at].1 })
    }
}

#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    said: Vec<Response>,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, _expected: usize) -> &mut Vec<u8> {
        assert_eq!(kind, Kind::Binary);
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        scan::check(Format::MessagePack, &self.bytes).expect("what is sent is MessagePack");
        assert!(self.bytes.len() < 200, "answers are short");
        self.said.push(response(&self.bytes));
    }
}

/// What is known of a call from outside of the machine.
struct Call {
    seq: Value,
    shape: Shape,
    /// Its stream in has ended.
    half_closed: bool,
    /// It has had its last message, or the client has cancelled it.
    over: bool,
}

pub(crate) fn run(input: &[u8]) {
    let mut server = Server::new(Limits { draining: DRAINING, ..Limits::default() });
    let mut wire = Wire::default();
    let mut calls: Vec<Call> = Vec::new();
    let mut rest = input;
    // Each message stands behind its length and a byte that says what the driver does after it.
    while let [length, deed, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let seq = seq(data);
        let received = server.receive(Message { kind: Kind::Binary, data }, &Procedures, &mut wire);
        let said = std::mem::take(&mut wire.said);
        match received {
            Received::One(frame) => {
                assert_eq!(said, [], "either the driver or the machine answers");
                let broken = heard(frame, seq, &mut calls);
                if let Some(frame) = broken
                    && !send(frame, &mut server, &mut calls, &mut wire)
                {
                    return;
                }
            }
            Received::Nothing => match &said[..] {
                [] => {}
                [Response { seq: to, kind: ResponseKind::Error }] => {
                    assert!(*to == Value::Int(0) || Some(to) == seq.as_ref(), "{to:?} has said nothing");
                }
                said => panic!("{said:?}"),
            },
            received => panic!("{received:?}"),
        }
        let call = CallId::theirs(u64::from(deed >> 2 & 15) + 1);
        let payload = Payload::new(Format::MessagePack, &[5]);
        let metadata = || Some(Box::<Metadata>::default());
        let frame = match (deed & 3, deed >> 6) {
            (0, 0 | 1) => continue,
            (0, _) => Frame::Metadata { call, metadata: Box::default() },
            (1, 0) => Frame::Item { call, payload, leading: None },
            (1, _) => Frame::Item { call, payload, leading: metadata() },
            (2, 0) => Frame::End { call, last: Some(payload), leading: None, trailing: None },
            (2, 1) => Frame::End { call, last: None, leading: None, trailing: metadata() },
            (2, _) => Frame::End { call, last: Some(payload), leading: metadata(), trailing: metadata() },
            _ => Frame::Fail { call, error: Error::new(418, "teapot") },
        };
        if !send(frame, &mut server, &mut calls, &mut wire) {
            return;
        }
    }
    for number in 1..=calls.len() as u64 {
        let frame = Frame::Fail { call: CallId::theirs(number), error: Error::new(1, "over") };
        if !send(frame, &mut server, &mut calls, &mut wire) {
            return;
        }
    }
    // What is left are streams in that nobody listens to.
    assert!(server.held().calls <= DRAINING.min(calls.len()));
}

/// The number that a message bears, if it bears one: the first element of an array, whatever the others are.
fn seq(data: &[u8]) -> Option<Value> {
    let ([0x91..=0x9f, elements @ ..] | [0xdc, _, _, elements @ ..] | [0xdd, _, _, _, _, elements @ ..]) =
        data
    else {
        return None;
    };
    <Value as Deserialize>::deserialize(&mut rmp_serde::Deserializer::new(elements)).ok()
}

/// What the driver hears of is of a call that is open; a frame that it has to send back is given back.
fn heard<'m>(frame: Frame<'m>, seq: Option<Value>, calls: &mut Vec<Call>) -> Option<Frame<'m>> {
    let number = frame.call().number();
    if let Frame::Open(open) = &frame {
        let Target::Known(ProcedureId(id)) = open.target else { panic!("{:?}", open.target) };
        assert_eq!((open.call, open.reply), (CallId::theirs(calls.len() as u64 + 1), true));
        assert_eq!(open.shape, PROCEDURES[id as usize].1);
        assert!(open.input.is_some() || open.shape.streams_in);
        let seq = seq.expect("a call has a number");
        calls.push(Call { seq, shape: open.shape, half_closed: !open.shape.streams_in, over: false });
        return None;
    }
    let call = &mut calls[number as usize - 1];
    assert_eq!(seq.as_ref(), Some(&call.seq), "of another call");
    assert!(!call.over, "nothing is heard of a call that is over");
    match frame {
        Frame::Item { .. } => assert!(!call.half_closed, "an item after the end"),
        Frame::End { .. } => assert!(!std::mem::replace(&mut call.half_closed, true), "a second end"),
        Frame::Cancel { .. } => call.over = true,
        frame @ Frame::Fail { .. } => return Some(frame),
        frame => panic!("{frame:?}"),
    }
    None
}

/// Sends a frame and looks at what the client gets; tells whether the connection goes on.
fn send(frame: Frame<'_>, server: &mut Server, calls: &mut [Call], wire: &mut Wire) -> bool {
    let call = calls.get_mut(frame.call().number() as usize - 1);
    let mut expected = Vec::new();
    if let Some(call) = call.filter(|call| !call.over) {
        let kind = match &frame {
            Frame::Item { .. } if !call.shape.streams_out => None,
            Frame::Item { .. } => Some(ResponseKind::Message),
            Frame::Metadata { .. } => Some(ResponseKind::Metadata),
            Frame::End { .. } if call.shape.streams_out => Some(ResponseKind::EndOfStream),
            Frame::End { .. } => Some(ResponseKind::Message),
            _ => Some(ResponseKind::Error),
        };
        call.over = matches!(frame, Frame::End { .. } | Frame::Fail { .. });
        expected.extend(kind.map(|kind| Response { seq: call.seq.clone(), kind }));
    }
    let sent = server.send(frame, wire);
    assert_eq!(std::mem::take(&mut wire.said), expected);
    match sent {
        Ok(()) => true,
        Err(close) => {
            assert_eq!(close.code, 1008);
            false
        }
    }
}

//! Any messages, one after the other, to the server's side of `swill/1`; the driver answers some of the calls.

use swill_proto::{
    CallId, Directory, Error, Format, Found, Frame, Kind, Message, Outgoing, Payload, ProcedureId, Protocol,
    Received, Shape, scan,
    swill1::{Limits, Server},
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

#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    messages: usize,
}

impl Outgoing for Wire {
    fn begin(&mut self, _kind: Kind, _expected: usize) -> &mut Vec<u8> {
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        self.messages += 1;
        scan::check(Format::MessagePack, &self.bytes).expect("what is sent is MessagePack");
        assert!(self.bytes.len() < 200, "answers are short");
    }
}

pub(crate) fn run(input: &[u8]) {
    let mut server = Server::new(Limits { draining: 8, ..Limits::default() });
    let mut wire = Wire::default();
    let mut opened = 0;
    let mut rest = input;
    // Each message stands behind its length and a byte that says what the driver does after it.
    while let [length, deed, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        wire.messages = 0;
        match server.receive(Message { kind: Kind::Binary, data }, &Procedures, &mut wire) {
            Received::One(frame) => {
                assert_eq!(wire.messages, 0);
                if let Frame::Open(open) = &frame {
                    opened += 1;
                    assert_eq!(open.call, CallId::theirs(opened));
                }
                assert!((1..=opened).contains(&frame.call().number()));
            }
            Received::Nothing => assert!(wire.messages <= 1),
            received => panic!("{received:?}"),
        }
        let call = CallId::theirs(u64::from(deed >> 2) + 1);
        let payload = Payload::new(Format::MessagePack, &[5]);
        let frame = match deed & 3 {
            0 => continue,
            1 => Frame::Item { call, payload, leading: None },
            2 => Frame::End { call, last: Some(payload), leading: None, trailing: None },
            _ => Frame::Fail { call, error: Error::new(418, "teapot") },
        };
        if server.send(frame, &mut wire).is_err() {
            return;
        }
    }
    assert!(server.held().calls as u64 <= opened);
}

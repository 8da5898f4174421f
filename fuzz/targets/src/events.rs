//! Any messages, one after the other, to both sides of events; the driver answers every other call, and once only.

use crate::{asking, said};
use swill_proto::{
    CallId, Directory, Error, Format, Found, Frame, Kind, Message, Outgoing, ProcedureId, Protocol, Received,
    Shape,
    events::{Client, Server},
    scan,
};

struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let id = self.names().into_iter().position(|known| known == name)?;
        Some(Found { id: ProcedureId(id as u32), shape: Shape::SINGLE })
    }

    fn names(&self) -> Vec<&str> {
        vec!["add", "say", "swill.introspect"]
    }
}

#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    messages: usize,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, _expected: usize) -> &mut Vec<u8> {
        assert_eq!(kind, Kind::Text);
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        self.messages += 1;
        assert!(std::str::from_utf8(&self.bytes).is_ok());
        scan::json::validate(&self.bytes, scan::DEPTH).expect("what is sent is JSON");
        said::event(&self.bytes);
    }
}

pub(crate) fn run(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let mut server = Server::new();
    let mut client = Client::new();
    let mut wire = Wire::default();
    let mut over = [false; 4];
    asking::begin(&mut client, over.len(), &["add", "say"], &mut wire);
    let mut opened = 0;
    // Messages stand on lines of their own.
    for line in input.lines() {
        let message = Message { kind: Kind::Text, data: line.as_bytes() };
        wire.messages = 0;
        match server.receive(message, &Procedures, &mut wire) {
            Received::One(Frame::Open(open)) => {
                opened += 1;
                assert_eq!((open.call, wire.messages), (CallId::theirs(opened), 0));
                let parameters = open.input.expect("parameters are always there");
                scan::json::validate(parameters.bytes(), scan::DEPTH).expect("parameters are JSON");
                let answer = match opened % 4 {
                    // What came goes back.
                    0 => {
                        Frame::End { call: open.call, last: Some(parameters), leading: None, trailing: None }
                    }
                    2 => Frame::Fail { call: open.call, error: Error::invalid(line.to_owned(), "no") },
                    _ => continue,
                };
                server.send(answer, &mut wire).expect("these errors are told");
                assert!(wire.messages == 1 && server.held().calls == 0);
                let again = Frame::Fail { call: open.call, error: Error::new(418, "teapot") };
                server.send(again, &mut wire).expect("nobody is told");
                assert_eq!(wire.messages, 1, "a call has one answer");
            }
            Received::Nothing => assert_eq!(wire.messages, 1),
            Received::Close(close) => assert!(close.code == 1003 && wire.messages == 0),
            received => panic!("{received:?}"),
        }
        wire.messages = 0;
        let frames = match client.receive(message, &Procedures, &mut wire) {
            Received::One(frame) => vec![frame],
            Received::Many(frames) => frames,
            Received::Nothing | Received::Close(_) => vec![],
        };
        assert_eq!(wire.messages, 0);
        for frame in frames {
            if let Frame::End { call, .. } | Frame::Fail { call, .. } = &frame {
                let number = call.number() as usize;
                assert!(!over[number], "a call is over once");
                over[number] = true;
            }
            if let Frame::End { last: Some(last), .. } = &frame {
                assert_eq!(last.format(), Format::Json);
                scan::json::validate(last.bytes(), scan::DEPTH).expect("answers are JSON");
            }
        }
    }
    assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
}

//! Any messages, one after the other, to both sides of WebMesh in each of its dialects.

use crate::asking;
use swill_proto::{
    CallId, Directory, Error, Format, Found, Frame, Kind, Message, Outgoing, Payload, ProcedureId, Protocol,
    Received, Routed, Shape, Value, scan,
    webmesh::{Client, Dialect, Limits, Server},
};

const INFLATED: usize = 10_000;

struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let id = ["echo", "rooms.say"].iter().position(|known| *known == name)?;
        Some(Found { id: ProcedureId(id as u32), shape: Shape::SINGLE })
    }

    fn route(&self, path: &str) -> Option<Routed> {
        let room = path.strip_prefix("/rooms/")?;
        Some(Routed { found: self.find("rooms.say")?, arguments: vec![("room".into(), Value::from(room))] })
    }

    fn parameters(&self, procedure: ProcedureId) -> Vec<&str> {
        [vec!["value"], vec!["room", "a", "b"]][procedure.0 as usize].clone()
    }
}

#[derive(Default)]
struct Wire {
    kind: Option<Kind>,
    bytes: Vec<u8>,
    messages: usize,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, _expected: usize) -> &mut Vec<u8> {
        self.kind = Some(kind);
        self.bytes.clear();
        &mut self.bytes
    }

    fn finish(&mut self) {
        self.messages += 1;
        assert!(self.kind == Some(Kind::Binary) || std::str::from_utf8(&self.bytes).is_ok());
    }
}

fn check(format: Format, value: &[u8]) {
    match format {
        Format::Json => scan::json::validate(value, scan::DEPTH),
        Format::MessagePack => scan::check(format, value),
    }
    .expect("a value is whole");
}

pub(crate) fn run(input: &[u8]) {
    let [dialect, rest @ ..] = input else { return };
    // The first two say why a call failed.
    let tells_failures = dialect % 4 < 2;
    let dialect = [Dialect::V0_1_2, Dialect::V0_1_2_JSON, Dialect::HEAD, Dialect::HEAD_JSON]
        [usize::from(dialect % 4)]
    .clone();
    let format = dialect.capabilities().format;
    let limits = Limits { inflated: INFLATED };
    let mut server = Server::new(dialect.clone(), limits);
    let mut client = Client::new(dialect, limits);
    let mut wire = Wire::default();
    let mut over = [false; 4];
    asking::begin(&mut client, over.len(), &["echo", "/rooms/1"], &mut wire);
    let mut opened = 0;
    let mut rest = rest;
    // Each message stands behind its length.
    while let [length, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        for kind in [Kind::Binary, Kind::Text] {
            if kind == Kind::Text && std::str::from_utf8(data).is_err() {
                continue;
            }
            let message = Message { kind, data };
            wire.messages = 0;
            match server.receive(message, &Procedures, &mut wire) {
                Received::One(Frame::Open(open)) => {
                    opened += 1;
                    assert_eq!((open.call, wire.messages), (CallId::theirs(opened), 0));
                    let data = open.input.expect("data is null if there is none");
                    check(format, data.bytes());
                    assert!(data.bytes().len() <= INFLATED + 1024);
                    let call = open.call;
                    let answer = match opened % 4 {
                        // What came goes back, to another machine.
                        0 => Frame::End { call, last: Some(data), leading: None, trailing: None },
                        1 => Frame::Fail { call, error: Error::new(418, "teapot") },
                        _ => continue,
                    };
                    let tells = match &answer {
                        Frame::End { last, .. } => last.as_ref().is_some_and(|last| !is_nothing(last)),
                        _ => tells_failures,
                    };
                    server.send(answer, &mut wire).expect("nothing ends the connection");
                    assert_eq!(wire.messages, usize::from(tells));
                    let again = Frame::Fail { call, error: Error::new(418, "teapot") };
                    server.send(again, &mut wire).expect("nothing ends the connection");
                    assert_eq!(wire.messages, usize::from(tells), "a call has one answer");
                    let (kind, data) = (wire.kind.unwrap_or(kind), std::mem::take(&mut wire.bytes));
                    heard(&mut client, Message { kind, data: &data }, &mut over);
                }
                Received::Nothing => assert!(wire.messages <= 1),
                received => panic!("{received:?}"),
            }
            heard(&mut client, message, &mut over);
        }
    }
    assert!(server.held().calls as u64 <= opened);
    assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
}

/// A procedure that gives nothing is not answered.
fn is_nothing(value: &Payload<'_>) -> bool {
    value.decode::<Value>().is_ok_and(|value| value.is_nil())
}

fn heard(client: &mut Client, message: Message<'_>, over: &mut [bool]) {
    let format = client.capabilities().format;
    let mut wire = Wire::default();
    match client.receive(message, &Procedures, &mut wire) {
        Received::One(Frame::End { call, last, .. }) => {
            assert!(!std::mem::replace(&mut over[call.number() as usize], true));
            check(format, last.expect("an answer has data").bytes());
        }
        Received::One(Frame::Fail { call, .. }) => {
            assert!(!std::mem::replace(&mut over[call.number() as usize], true));
        }
        Received::One(Frame::Open(open)) => {
            assert!(!open.reply);
            check(format, open.input.expect("data is null if there is none").bytes());
        }
        Received::Nothing => {}
        received => panic!("{received:?}"),
    }
    assert_eq!(wire.messages, 0);
}

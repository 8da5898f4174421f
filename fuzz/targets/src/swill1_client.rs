//! Any messages, one after the other, to the client's side of `swill/1`, which has calls of every shape open.

use swill_proto::{
    CallId, Directory, Format, Found, Frame, Head, Kind, Message, Open, Outgoing, Protocol, Received, Shape,
    Target, scan, swill1::Client,
};

struct Nothing;

impl Directory for Nothing {
    fn find(&self, _name: &str) -> Option<Found> {
        None
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
        assert!(self.bytes.len() < 64, "answers are short");
    }
}

pub(crate) fn run(input: &[u8]) {
    let mut client = Client::default();
    let mut wire = Wire::default();
    let shapes = [Shape::SINGLE, Shape::STREAM_OUT, Shape::STREAM_IN, Shape::BOTH];
    let mut over = [false; 8];
    for number in 0..over.len() {
        let open = Open {
            call: CallId::ours(number as u64),
            target: Target::Named("rpc".into()),
            shape: shapes[number % shapes.len()],
            input: None,
            head: Head::default(),
            reply: true,
        };
        client.send(Frame::Open(open), &mut wire).expect("a client can always open");
    }
    let mut rest = input;
    // Each message stands behind its length.
    while let [length, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        wire.messages = 0;
        match client.receive(Message { kind: Kind::Binary, data }, &Nothing, &mut wire) {
            Received::One(frame) => {
                let number = frame.call().number() as usize;
                assert!(!over[number], "a call is over once");
                over[number] = matches!(frame, Frame::End { .. } | Frame::Fail { .. });
            }
            Received::Nothing | Received::Close(_) => {}
            received => panic!("{received:?}"),
        }
        assert!(wire.messages <= 1);
    }
    assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
}

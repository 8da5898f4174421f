//! Messages of WebMesh that nobody should send.

use crate::{
    support::config,
    webmesh::{PATHS, dialects, message},
    wire::{Messages, end, open},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;
use swill_proto::{
    CallId, Format, Frame, Kind, Message, Payload, Protocol, Received, scan,
    webmesh::{Client, Dialect, Limits, Server},
};

/// So many bytes of answer at most for a message that is no call: its path comes back, and a few words.
const WORDS: usize = 64;

/// Objects that are almost right, in both formats.
fn almost_an_object() -> impl Strategy<Value = Vec<u8>> {
    let packed = select(vec![
        &b"\x81"[..],
        b"\x82",
        b"\x80",
        b"\xde\x00\x02",
        b"\xdf\xff\xff\xff\xff",
        b"\xa4path",
        b"\xc4\x04path",
        b"\xa6target",
        b"\xa4call",
        b"\xa4data",
        b"\xa5/echo",
        b"\xa9/math/add",
        b"\xa8/rooms/7",
        b"\xac/rooms/7/say",
        b"\xa1/",
        b"\xc0",
        b"\x05",
        b"\x92\x01\x02",
        b"\x90",
        b"\xa1\xff",
        b"\xc1",
    ]);
    let text = select(vec![
        &b"{"[..],
        b"}",
        b"\"path\":",
        b"\"target\":",
        b"\"data\":",
        b"\"/echo\"",
        b"\"/rooms/7\"",
        b"\"/rooms/7/say\"",
        b"\"/\"",
        b",",
        b"[1,2]",
        b"[",
        b"]",
        b"null",
        b"5",
        b"\"\\ud800\"",
        b"\xff",
        b"\"x",
        b"{}",
        b" ",
    ]);
    let packed_head = select(vec![
        &b"\x84\xa4path\xa5/echo\xa6target\xa5/echo\xa4call\xa5/echo\xa4data"[..],
        b"\x84\xa4path\xac/rooms/7/say\xa6target\xac/rooms/7/say\xa4call\xac/rooms/7/say\xa4data",
        b"\x83\xa4path\xa8/rooms/7\xa6target\xa8/rooms/7\xa4call\xa8/rooms/7",
        b"\x83\xa4path\xa5/nope\xa6target\xa5/nope\xa4call",
        b"",
    ]);
    let text_head = select(vec![
        &b"{\"path\":\"/echo\",\"target\":\"/echo\",\"data\":"[..],
        b"{\"path\":\"/rooms/7/say\",\"target\":\"/rooms/7/say\",\"data\":",
        b"{\"path\":\"/rooms/7\",\"target\":\"/rooms/7\"",
        b"{\"path\":\"/nope\",\"target\":",
        b"",
    ]);
    let whole = |(head, pieces): (&[u8], Vec<&[u8]>)| [head, &pieces.concat()].concat();
    prop_oneof![
        (packed_head, vec(packed, 0..4)).prop_map(whole),
        (text_head, vec(text, 0..6)).prop_map(whole),
        vec(any::<u8>(), 0..40)
    ]
}

/// How a dialect would put these bytes into a message.
fn framed(dialect: &Dialect, object: &[u8]) -> (Kind, Vec<u8>) {
    match dialect.capabilities().name {
        "WebMesh 0.1.2" => {
            (Kind::Text, stored(object).iter().flat_map(|it| format!("{it:02x}").into_bytes()).collect())
        }
        "WebMesh HEAD" => (Kind::Binary, stored(object)),
        "WebMesh" => (Kind::Binary, object.to_vec()),
        "WebMesh HEAD, JSON" if str::from_utf8(object).is_err() => (Kind::Binary, object.to_vec()),
        _ => (Kind::Text, String::from_utf8_lossy(object).into_owned().into_bytes()),
    }
}

fn stored(object: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut stream = Vec::new();
    flate2::read::ZlibEncoder::new(object, flate2::Compression::none()).read_to_end(&mut stream).unwrap();
    stream
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn server_survives_any_bytes(
        dialect in 0..5_usize,
        messages in vec((almost_an_object(), proptest::bool::weighted(0.9)), 0..60),
    ) {
        let dialect = &dialects()[dialect];
        let format = dialect.capabilities().format;
        let mut server = Server::new(dialect.clone(), Limits::default());
        let mut wire = Messages::default();
        let mut calls = 0;
        for (object, is_framed) in &messages {
            let (kind, data) = match *is_framed {
                true => framed(dialect, object),
                false => (if str::from_utf8(object).is_ok() { Kind::Text } else { Kind::Binary }, object.clone()),
            };
            match server.receive(Message { kind, data: &data }, &PATHS, &mut wire) {
                Received::One(Frame::Open(open)) => {
                    calls += 1;
                    prop_assert_eq!(open.call, CallId::theirs(calls));
                    prop_assert!(wire.all.is_empty());
                    let input = open.input.unwrap();
                    prop_assert_eq!(input.format(), format);
                    match format {
                        Format::Json => prop_assert!(scan::json::validate(input.bytes(), scan::DEPTH).is_ok()),
                        Format::MessagePack => prop_assert!(scan::check(format, input.bytes()).is_ok()),
                    }
                }
                Received::Nothing => {
                    let answers = std::mem::take(&mut wire.all);
                    prop_assert!(answers.len() <= 1);
                    prop_assert!(answers.iter().all(|(_, answer)| answer.len() < 2 * (object.len() + WORDS)));
                }
                received => panic!("{received:?}"),
            }
        }
        prop_assert_eq!(server.held().calls as u64, calls);
        for number in 1..=calls {
            server.send(end(CallId::theirs(number), Payload::encode(format, &5).unwrap()), &mut wire).unwrap();
        }
        prop_assert_eq!((server.held().calls, wire.all.len() as u64), (0, calls));
    }

    #[test]
    fn client_survives_any_bytes(dialect in 0..5_usize, messages in vec(almost_an_object(), 0..30)) {
        let dialect = &dialects()[dialect];
        let mut client = Client::new(dialect.clone(), Limits::default());
        let mut wire = Messages::default();
        for (number, name) in ["echo", "math.add", "/rooms/7", "echo"].into_iter().enumerate() {
            client.send(open(number as u64, name, None, true), &mut wire).unwrap();
        }
        wire.all.clear();
        let mut over = [false; 4];
        for object in &messages {
            let (kind, data) = framed(dialect, object);
            match client.receive(Message { kind, data: &data }, &PATHS, &mut wire) {
                Received::One(Frame::End { call, .. } | Frame::Fail { call, .. }) => {
                    let number = call.number() as usize;
                    prop_assert!(call.is_ours() && !over[number], "a call is over once");
                    over[number] = true;
                }
                Received::One(Frame::Open(open)) => prop_assert!(!open.reply && !open.call.is_ours()),
                Received::Nothing => {}
                received => panic!("{received:?}"),
            }
            prop_assert!(wire.all.is_empty());
        }
        prop_assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
    }
}

#[test]
fn damaged_messages_are_dropped_or_heard_and_harm_nothing() {
    for dialect in dialects() {
        let (kind, call) = message(&dialect, "/echo", &json!({"a": ["long ".repeat(100)]}));
        let mut server = Server::new(dialect.clone(), Limits::default());
        let mut wire = Messages::default();
        for at in 0..call.len() {
            for damage in [0x01, 0x10, 0x40] {
                let mut damaged = call.clone();
                damaged[at] ^= damage;
                if kind == Kind::Binary || str::from_utf8(&damaged).is_ok() {
                    server.receive(Message { kind, data: &damaged }, &PATHS, &mut wire);
                }
            }
            server.receive(Message { kind, data: &call[..at] }, &PATHS, &mut wire);
        }
        let received = server.receive(Message { kind, data: &call }, &PATHS, &mut wire);
        assert!(matches!(received, Received::One(Frame::Open(_))));
    }
}

#[test]
fn deep_objects_are_dropped_with_little_stack() {
    let test = || {
        for dialect in dialects() {
            let deep = match dialect.capabilities().format {
                Format::Json => b"{\"path\":\"/echo\",\"target\":\"/echo\",\"data\":"
                    .iter()
                    .chain([b'['; 200_000].iter())
                    .copied()
                    .collect(),
                Format::MessagePack => {
                    let head = b"\x84\xa4path\xa5/echo\xa6target\xa5/echo\xa4call\xa5/echo\xa4data";
                    [&head[..], &[0x91; 200_000], b"\xc0"].concat()
                }
            };
            let deep: Vec<u8> = deep;
            let (kind, data) = framed(&dialect, &deep);
            let mut wire = Messages::default();
            let message = Message { kind, data: &data };
            let mut server = Server::new(dialect.clone(), Limits::default());
            assert!(matches!(server.receive(message, &PATHS, &mut wire), Received::Nothing));
            let mut client = Client::new(dialect.clone(), Limits::default());
            assert!(matches!(client.receive(message, &PATHS, &mut wire), Received::Nothing));
            assert!(wire.all.is_empty());
        }
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(test).unwrap().join().unwrap();
}

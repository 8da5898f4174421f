//! Bytes that nobody should send.

use crate::support::{PROCEDURES, Procedures, Wire, binary, config, json, msgpack};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;
use swill_proto::{
    CallId, Frame, Head, Kind, Message, Open, Protocol, Received, Shape, Target,
    swill1::{Client, Server},
};

/// No answer to nonsense is longer than this, whatever the nonsense.
const SHORT: usize = 128;

/// Runs in a quarter of the stack that a thread of a server has, in a debug build: nothing here may recurse with its
/// input.
fn with_little_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(test).unwrap();
    thread.join().unwrap();
}

fn nested(levels: usize) -> Vec<u8> {
    let mut bytes = vec![0x91; levels];
    bytes.push(0xc0);
    bytes
}

fn nested_maps(levels: usize) -> Vec<u8> {
    let mut bytes = [0x81, 0xa1, b'k'].repeat(levels);
    bytes.push(0xc0);
    bytes
}

fn nested_keys(levels: usize) -> Vec<u8> {
    let mut bytes = vec![0x81; levels];
    bytes.resize(2 * levels + 1, 0xc0);
    bytes
}

#[test]
fn deep_nesting_is_refused_wherever_it_is() {
    with_little_stack(|| {
        let kinds: [fn(usize) -> Vec<u8>; 3] = [nested, nested_maps, nested_keys];
        for deep in kinds.map(|kind| kind(100_000)) {
            let add = || b"\xa3add".to_vec();
            for (parts, expected) in [
                (vec![vec![0x93, 1], deep.clone(), add()], json!([1, 400])),
                (vec![vec![0x93, 1], b"\xc0".to_vec(), deep.clone()], json!([1, 400])),
                (vec![vec![0x94, 1], b"\xc0".to_vec(), add(), deep.clone()], json!([1, 400])),
                (vec![b"\x95\x01\xc0\xa3add\x00\x81\xa1k".to_vec(), deep.clone()], json!([1, 400])),
                (vec![b"\x95\x01\xc0\xa3add\x00".to_vec(), deep.clone()], json!([1, 400])),
                (vec![b"\x96\x01\xc0\xa3add\x00\xc0".to_vec(), deep.clone()], json!([1, 400])),
                (vec![vec![0x93], deep.clone(), b"\xc0".to_vec(), add()], json!([0, 400])),
                (vec![deep.clone()], json!([0, 400])),
                (vec![vec![0x93, 1], deep[..50_000].to_vec()], json!([0, 400])),
            ] {
                let message = parts.concat();
                let mut wire = Wire::default();
                let mut server = Server::default();
                let received = server.receive(binary(&message), &Procedures, &mut wire);
                assert!(matches!(received, Received::Nothing), "{received:?}");
                let answer = json(&wire.messages[0]);
                assert_eq!(json!([answer[0], answer[1]["code"]]), expected, "{:02x?}", &message[..12]);
                assert_eq!(server.held().calls, 0);
            }
        }
    });
}

#[test]
fn deep_item_ends_the_stream_that_it_belongs_to() {
    let mut server = Server::default();
    let mut wire = Wire::default();
    server.receive(binary(&msgpack(&json!([1, 1, "total"]))), &Procedures, &mut wire);
    let item = [vec![0x93, 1], nested(100_000), b"\xa5total".to_vec()].concat();
    let received = server.receive(binary(&item), &Procedures, &mut wire);
    let Received::One(Frame::Fail { call, error }) = received else { panic!("{received:?}") };
    assert_eq!((call, error.code().0), (CallId::theirs(1), 400));
    assert!(wire.messages.is_empty());
}

/// Arrays in each other, the innermost empty.
fn nested_up_to(levels: usize) -> Vec<u8> {
    [vec![0x91; levels - 1], vec![0x90]].concat()
}

#[test]
fn sixty_four_levels_of_data_pass() {
    for (levels, passes) in [(1, true), (63, true), (64, true), (65, false), (66, false)] {
        let data = nested_up_to(levels);
        let value = if levels == 1 { vec![0xc0] } else { nested_up_to(levels - 1) };
        let messages = [
            [&[0x93, 1], data.as_slice(), b"\xa3add"].concat(),
            [b"\x95\x01\xc0\xa3add\x00\x81\xa1k", value.as_slice()].concat(),
            [b"\x96\x01\xc0\xa3add\x00\xc0", data.as_slice()].concat(),
        ];
        for message in messages {
            let mut wire = Wire::default();
            let received = Server::default().receive(binary(&message), &Procedures, &mut wire);
            assert_eq!(matches!(received, Received::One(Frame::Open(_))), passes, "{levels}: {message:02x?}");
        }
    }
}

#[test]
fn big_promises_are_refused_at_once() {
    for promise in ["dd", "df", "db", "c6", "c9"] {
        let promise = crate::support::unhex(&format!("{promise}ffffffff"));
        for front in [
            &b"\x93\x01"[..],
            b"\x93\x01\xc0",
            b"\x95\x01\xc0\xa3add\x00",
            b"\x96\x01\xc0\xa3add\x00\xc0",
            b"",
        ] {
            let message = [front, &promise].concat();
            let mut wire = Wire::default();
            let received = Server::default().receive(binary(&message), &Procedures, &mut wire);
            assert!(matches!(received, Received::Nothing));
            assert_eq!(json(&wire.messages[0])[0], 0);
            let received = Client::default().receive(binary(&message), &Procedures, &mut wire);
            assert!(matches!(received, Received::Close(_)));
        }
    }
}

/// Pieces of messages, put together anyhow: most of what comes out is almost right.
fn almost_a_message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(vec![
            &b"\x93"[..], b"\x94", b"\x95", b"\x96", b"\x90", b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\xc0",
            b"\xff", b"\xcc\x01", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xa3add", b"\xa5total", b"\xa5lines",
            b"\xa8multiply", b"\xa4nope", b"\x80", b"\x81\xa1a\x01", b"\x82\xa4code\x05\xa7message\xa1x", b"\xc1",
            b"\xd4\x01\x02", b"\xc7\x00\x01", b"\xdc\x00\x03", b"\xdd\xff\xff\xff\xff", b"\x91\x91\x90", b"\xca\0\0\0\0",
        ]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    let head =
        select(vec![&b"\x93\x01"[..], b"\x94\x01\xc0", b"\x95\x02\xc0\xa5total", b"\x95\x01\xc0", b""]);
    (head, vec(piece, 0..8)).prop_map(|(head, pieces)| [head, &pieces.concat()].concat())
}

fn open(number: u64) -> Frame<'static> {
    let (name, shape) = PROCEDURES[number as usize % PROCEDURES.len()];
    Frame::Open(Open {
        call: CallId::ours(number),
        target: Target::Named(name.into()),
        shape,
        input: None,
        head: Head::default(),
        reply: true,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn server_survives_any_bytes(
        messages in vec(prop_oneof![2 => almost_a_message(), 1 => vec(any::<u8>(), 0..40)], 0..40),
        text in any::<bool>(),
    ) {
        let mut server = Server::default();
        let mut wire = Wire::default();
        let mut calls = 0;
        for message in &messages {
            match server.receive(binary(message), &Procedures, &mut wire) {
                Received::One(Frame::Open(open)) => {
                    calls += 1;
                    prop_assert_eq!(open.call, CallId::theirs(calls));
                    prop_assert!(wire.messages.is_empty());
                }
                Received::One(frame) => {
                    prop_assert!((1..=calls).contains(&frame.call().number()));
                    prop_assert!(wire.messages.is_empty());
                }
                Received::Nothing => {}
                received => panic!("{received:?}"),
            }
            let answers = wire.take();
            prop_assert!(answers.len() <= 1 && answers.iter().all(|answer| answer.len() < SHORT));
        }
        prop_assert!(server.held().calls <= messages.len());
        if text {
            let received = server.receive(Message { kind: Kind::Text, data: b"" }, &Procedures, &mut wire);
            prop_assert!(matches!(received, Received::Close(_)));
        }
    }

    #[test]
    fn client_survives_any_bytes(
        messages in vec(prop_oneof![2 => almost_a_message(), 1 => vec(any::<u8>(), 0..40)], 0..40),
    ) {
        let mut client = Client::default();
        let mut wire = Wire::default();
        for number in 0..10 {
            client.send(open(number), &mut wire).unwrap();
        }
        wire.take();
        let mut over = [false; 10];
        for message in &messages {
            match client.receive(binary(message), &Procedures, &mut wire) {
                Received::One(frame) => {
                    let number = frame.call().number() as usize;
                    prop_assert!(!over[number], "a call is over once");
                    over[number] = matches!(frame, Frame::End { .. } | Frame::Fail { .. });
                }
                Received::Nothing | Received::Close(_) => {}
                received => panic!("{received:?}"),
            }
            let answers = wire.take();
            prop_assert!(answers.len() <= 1 && answers.iter().all(|answer| answer.len() < SHORT));
        }
        prop_assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
    }
}

#[test]
fn keys_of_the_client_do_not_slow_the_server_down() {
    // 20,000 open calls under numbers that a weak hash would put into one bucket.
    let mut server = Server::default();
    let mut wire = Wire::default();
    for n in 0..20_000_u64 {
        server.receive(binary(&msgpack(&json!([n << 40, 1, "slow"]))), &Procedures, &mut wire);
    }
    assert_eq!(server.held().calls, 20_000);
    for n in 0..20_000 {
        let end = Frame::End { call: CallId::theirs(n + 1), last: None, leading: None, trailing: None };
        server.send(end, &mut wire).unwrap();
    }
    assert_eq!((server.held().calls, wire.messages.len()), (0, 20_000));
    assert_eq!(PROCEDURES[4], ("slow", Shape::SINGLE));
}

//! Messages of JSON-RPC that nobody should send.

use crate::{
    jsonrpc_play::{Wire, machine},
    support::{PROCEDURES, Procedures, config, unhex},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value as Json, json};
use swill_proto::{
    CallId, CancelReason, Error, Format, Frame, Head, Held, Kind, Message, Open, Payload, Protocol, Received,
    Side, Target, Value,
    jsonrpc::{Limits, Machine},
};

/// No answer to nonsense is longer than this; an id may be 255 bytes.
const SHORT: usize = 400;

fn receive(machine: &mut Machine, codec: Format, data: &[u8]) -> Vec<Json> {
    let mut wire = Wire::default();
    let kind = if codec == Format::Json { Kind::Text } else { Kind::Binary };
    machine.receive(Message { kind, data }, &Procedures, &mut wire);
    wire.take(codec)
}

fn parse_error() -> Json {
    json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null})
}

/// Runs in a quarter of the stack that a thread of a server has: nothing here may recurse with its input.
fn with_little_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(test).unwrap();
    thread.join().unwrap();
}

#[test]
fn deep_nesting_is_refused_wherever_it_is() {
    with_little_stack(|| {
        for deep in ["[".repeat(100_000), r#"{"a":"#.repeat(100_000), r#"[{"a":"#.repeat(50_000)] {
            for front in [
                "",
                "[",
                "[[",
                r#"{"jsonrpc":"#,
                r#"{"jsonrpc":"2.0","method":"#,
                r#"{"jsonrpc":"2.0","method":"add","params":"#,
                r#"{"id":"#,
                r#"{"more":"#,
                r#"{"result":1,"id":0,"error":"#,
                r#"[{"params":"#,
                r#"{"method":"$/stream","params":"#,
            ] {
                let message = format!("{front}{deep}");
                let mut machine = machine(Side::Client, Format::Json);
                assert_eq!(
                    receive(&mut machine, Format::Json, message.as_bytes()),
                    [parse_error()],
                    "{front}"
                );
            }
        }
        for deep in [vec![0x91; 100_000], vec![0x81; 100_000], b"\x81\xa1k".repeat(50_000)] {
            for front in [
                &b""[..],
                b"\x91",
                b"\x81\xa6params",
                b"\x82\xa2id\x01\xa6result",
                b"\x81\xa1x",
                b"\x91\x81\xa2id",
                b"\x81",
            ] {
                let message = [front, &deep, &[0xc0; 100_001]].concat();
                let mut machine = machine(Side::Client, Format::MessagePack);
                assert_eq!(
                    receive(&mut machine, Format::MessagePack, &message),
                    [parse_error()],
                    "{}",
                    front.escape_ascii()
                );
            }
        }
    });
}

#[test]
fn big_promises_are_refused_at_once() {
    for promise in ["ddffffffff", "dfffffffff", "dcffff", "deffff", "dbffffffff", "c6ffffffff", "c9ffffffff"]
    {
        for front in ["", "91", "81a26964", "82a26964c0a6706172616d73", "81a178"] {
            let message = unhex(&format!("{front}{promise}"));
            let mut machine = machine(Side::Server, Format::MessagePack);
            assert_eq!(
                receive(&mut machine, Format::MessagePack, &message),
                [parse_error()],
                "{front}{promise}"
            );
            // With a few elements of those that were promised.
            let message = [&message[..], &[0xc0; 50]].concat();
            assert_eq!(
                receive(&mut machine, Format::MessagePack, &message),
                [parse_error()],
                "{front}{promise}"
            );
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_a_parse_error() {
    let message = r#"[{"jsonrpc":"2.0","method":"add","params":{"a":[1.5e3,null,"\u00e4"]},"id":"x"},{"result":{},"id":4}]"#;
    for end in 0..message.len() {
        let answers =
            receive(&mut machine(Side::Server, Format::Json), Format::Json, &message.as_bytes()[..end]);
        assert_eq!(answers, [parse_error()], "{}", &message[..end]);
    }
    let message = rmp_serde::to_vec(&serde_json::from_str::<Json>(message).unwrap()).unwrap();
    for end in 0..message.len() {
        let answers =
            receive(&mut machine(Side::Server, Format::MessagePack), Format::MessagePack, &message[..end]);
        assert_eq!(answers, [parse_error()], "{end}");
    }
}

#[test]
fn a_batch_costs_no_more_than_its_limit() {
    let limits = Limits { batch: 100, ..Limits::default() };
    for (element, held) in [("1", 0), (r#"{"jsonrpc":"2.0","method":"slow","id":1}"#, 100)] {
        let batch = |count: usize| format!("[{}]", vec![element; count].join(","));
        let mut machine = Machine::new(Side::Server, Format::Json, limits, true);
        let answers = receive(&mut machine, Format::Json, batch(100).as_bytes());
        assert!(answers.iter().all(|answer| answer.as_array().is_some_and(|answers| answers.len() == 100)));
        assert_eq!(machine.held().calls, held);
        for count in [101, 300_000] {
            let answers = receive(&mut machine, Format::Json, batch(count).as_bytes());
            let expected = json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null});
            assert_eq!(answers, [expected]);
            assert_eq!(machine.held().calls, held);
        }
    }
}

#[test]
fn answers_held_back_stay_within_bounds() {
    let limits = Limits { batch: 64, held: 10_000 };
    let mut machine = Machine::new(Side::Server, Format::Json, limits, true);
    let mut wire = Wire::default();
    // Each batch has a call that is never answered, one with a large answer, and as many errors as fit.
    let id = "i".repeat(250);
    let nope = format!(r#"{{"jsonrpc":"2.0","method":"nope","id":"{id}"}}"#);
    let slow = r#"{"jsonrpc":"2.0","method":"slow","id":1}"#;
    let batch = format!("[{slow},{slow},{}]", vec![&*nope; 62].join(","));
    let mut opened = 0;
    for _ in 0..100 {
        let message = Message { kind: Kind::Text, data: batch.as_bytes() };
        if let Received::Many(frames) = machine.receive(message, &Procedures, &mut wire) {
            opened += frames.len();
            let large = Value::from("x".repeat(9_000));
            let last = Payload::encode(Format::Json, &large).unwrap();
            let end = Frame::End { call: frames[0].call(), last: Some(last), leading: None, trailing: None };
            machine.send(end, &mut wire).unwrap();
        }
    }
    // The limit, and one batch of errors beyond it.
    assert!(machine.held().bytes < 10_000 + 64 * (SHORT + 64), "{:?}", machine.held());
    assert_eq!(machine.held().calls, opened / 2);
    assert_eq!(opened, 2, "the second batch was refused");
}

#[test]
fn ids_of_the_peer_do_not_slow_the_machine_down() {
    let mut machine = machine(Side::Server, Format::Json);
    let mut wire = Wire::default();
    for n in 0..20_000_u64 {
        let message = format!(r#"{{"jsonrpc":"2.0","method":"slow","id":{}}}"#, n << 32);
        machine.receive(Message { kind: Kind::Text, data: message.as_bytes() }, &Procedures, &mut wire);
    }
    assert_eq!(machine.held().calls, 20_000);
    for n in (1..=20_000).rev() {
        let end = Frame::End { call: CallId::theirs(n), last: None, leading: None, trailing: None };
        machine.send(end, &mut wire).unwrap();
    }
    assert_eq!((machine.held(), wire.messages.len()), (Held::default(), 20_000));
}

/// Members of messages, put together anyhow: most of what comes out is almost right.
fn almost_a_message() -> impl Strategy<Value = String> {
    let member = select(vec![
        r#""jsonrpc":"2.0""#,
        r#""jsonrpc":"1.0""#,
        r#""method":"add""#,
        r#""method":"slow""#,
        r#""method":"lines""#,
        r#""method":"total""#,
        r#""method":"multiply""#,
        r#""method":"nope""#,
        r#""method":"\u0061dd""#,
        r#""method":5"#,
        r#""method":"$/cancelRequest""#,
        r#""method":"$/stream""#,
        r#""params":[1,2]"#,
        r#""params":{"id":1}"#,
        r#""params":{"id":"a"}"#,
        r#""params":{"subscription":1}"#,
        r#""params":{"subscription":2,"end":true}"#,
        r#""params":{"subscription":1,"result":5}"#,
        r#""params":{"subscription":1,"error":{"code":1,"message":"m"}}"#,
        r#""params":null"#,
        r#""params":7"#,
        r#""id":1"#,
        r#""id":2"#,
        r#""id":"a""#,
        r#""id":null"#,
        r#""id":1.5"#,
        r#""id":[]"#,
        r#""result":1"#,
        r#""result":null"#,
        r#""result":2"#,
        r#""error":{"code":-1,"message":"e","data":[]}"#,
        r#""error":null"#,
        r#""error":[]"#,
        r#""more":{"a":[{}]}"#,
    ]);
    let object = (any::<bool>(), vec(member, 0..6)).prop_map(|(version, mut members)| {
        if version {
            members.push(r#""jsonrpc":"2.0""#);
        }
        format!("{{{}}}", members.join(","))
    });
    let element =
        prop_oneof![10 => object, 1 => select(vec!["1", "[]", "null", "\"x\""]).prop_map(str::to_owned)];
    prop_oneof![
        4 => element.clone(),
        2 => vec(element, 0..6).prop_map(|elements| format!("[{}]", elements.join(","))),
        1 => r#"[\[\]{}",:0-9a-z\\ ]{0,20}"#,
    ]
}

/// What a driver says after a message, to one of the calls that there may be.
fn frame(codec: Format, deed: u8) -> Frame<'static> {
    let call = CallId::theirs(u64::from(deed >> 3) + 1);
    let ours = CallId::ours(u64::from(deed >> 3));
    let payload = || Payload::encode(codec, &5).unwrap();
    match deed & 7 {
        0 => Frame::Item { call, payload: payload(), leading: None },
        1 | 2 => Frame::End { call, last: Some(payload()), leading: None, trailing: None },
        3 => Frame::Fail { call, error: Error::new(418, "teapot") },
        4 => Frame::Fail { call, error: Error::cancelled(CancelReason::Client) },
        5 => Frame::Accepted { call },
        6 => Frame::Cancel { call: ours, reason: CancelReason::Client },
        _ => {
            let (name, shape) = PROCEDURES[usize::from(deed >> 3) % 2];
            let target = Target::Named(name.into());
            Frame::Open(Open {
                call: ours,
                target,
                shape,
                input: Some(payload()),
                head: Head::default(),
                reply: true,
            })
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_machine_survives_anything(
        steps in vec((almost_a_message(), any::<u8>()), 0..40),
        noise in vec(vec(any::<u8>(), 0..40), 0..4),
        server in any::<bool>(),
        binary in any::<bool>(),
    ) {
        let codec = if binary { Format::MessagePack } else { Format::Json };
        let side = if server { Side::Server } else { Side::Client };
        let mut machine = machine(side, codec);
        let mut wire = Wire::default();
        let mut opened = 0;
        let mut sent = 0;
        let messages = steps.iter().map(|(text, deed)| {
            let data = match serde_json::from_str::<Json>(text) {
                Ok(value) if binary => rmp_serde::to_vec(&value).unwrap(),
                _ => text.as_bytes().to_vec(),
            };
            (if binary { Kind::Binary } else { Kind::Text }, data, *deed)
        });
        let noise = noise.iter().map(|noise| (Kind::Binary, noise.clone(), 0));
        for (kind, data, deed) in messages.chain(noise) {
            let frames = match machine.receive(Message { kind, data: &data }, &Procedures, &mut wire) {
                Received::Nothing => vec![],
                Received::One(frame) => vec![frame],
                Received::Many(frames) => frames,
                Received::Close(close) => panic!("{close:?}"),
            };
            for frame in &frames {
                match frame {
                    Frame::Open(open) => {
                        opened += 1;
                        prop_assert_eq!(open.call, CallId::theirs(opened));
                    }
                    Frame::Cancel { call, .. } => prop_assert!((1..=opened).contains(&call.number())),
                    frame => prop_assert!(frame.call().is_ours()),
                }
            }
            let answers = wire.take(codec);
            prop_assert!(answers.len() <= 1);
            sent += u64::from(deed & 7 == 7);
            machine.send(frame(codec, deed), &mut wire).unwrap();
            // What it sends is well-formed, and no longer than what was said.
            let said = wire.take(codec);
            prop_assert!(said.len() <= 2 && said.iter().all(|one| one.to_string().len() < SHORT * 6));
            prop_assert!(machine.held().calls as u64 <= opened + sent);
        }
        // When every call has ended, nothing is left but streams of this side.
        for number in 1..=opened {
            let fail = Frame::Fail { call: CallId::theirs(number), error: Error::new(1, "over") };
            machine.send(fail, &mut wire).unwrap();
        }
        for number in 0..32 {
            machine.send(Frame::Cancel { call: CallId::ours(number), reason: CancelReason::Client }, &mut wire).unwrap();
        }
        prop_assert_eq!(machine.held(), Held::default());
    }

    #[test]
    fn every_call_has_one_answer(
        steps in vec((0_u8..5, any::<bool>(), 0_u8..3), 1..20),
        order in any::<u64>(),
    ) {
        // Calls of all kinds, one by one and in batches, ended in any order: as many responses as requests.
        let mut machine = machine(Side::Server, Format::Json);
        let mut wire = Wire::default();
        let mut calls = Vec::new();
        let mut asked = 0;
        for (at, (procedure, batch, count)) in steps.iter().enumerate() {
            let name = PROCEDURES[usize::from(*procedure)].0;
            let one = json!({"jsonrpc": "2.0", "method": name, "id": at});
            let message = if *batch { json!(vec![one; usize::from(*count) + 1]) } else { one };
            asked += if *batch { usize::from(*count) + 1 } else { 1 };
            let text = message.to_string();
            match machine.receive(Message { kind: Kind::Text, data: text.as_bytes() }, &Procedures, &mut wire) {
                Received::One(frame) => calls.push(frame.call()),
                Received::Many(frames) => calls.extend(frames.iter().map(Frame::call)),
                _ => {}
            }
        }
        let mut random = order | 1;
        while !calls.is_empty() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let call = calls.swap_remove((random >> 33) as usize % calls.len());
            let end = Frame::End { call, last: Some(Payload::new(Format::Json, b"1")), leading: None, trailing: None };
            machine.send(end, &mut wire).unwrap();
        }
        let responses: usize = wire
            .take(Format::Json)
            .iter()
            .map(|message| match message {
                Json::Array(answers) => answers.len(),
                message => usize::from(message.get("id").is_some()),
            })
            .sum();
        prop_assert_eq!(responses, asked);
        prop_assert_eq!(machine.held(), Held::default());
    }
}

/// The parameters of a call, as a machine hands them on.
fn parameters(codec: Format, data: &[u8]) -> Option<Vec<u8>> {
    let kind = if codec == Format::Json { Kind::Text } else { Kind::Binary };
    let mut machine = machine(Side::Server, codec);
    match machine.receive(Message { kind, data }, &Procedures, &mut Wire::default()) {
        Received::One(Frame::Open(open)) => open.input.map(|input| input.bytes().to_vec()),
        _ => None,
    }
}

#[test]
fn lists_of_integers_end_where_they_end() {
    for good in ["[0]", "[-0]", "[1,0]", "[0,1]", "[12,-34,0,56]", "[-1,-2]", "[10,200]"] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"add","params":{good},"id":1}}"#);
        assert_eq!(parameters(Format::Json, call.as_bytes()), Some(good.into()), "{good}");
    }
    for bad in ["[00]", "[01]", "[1,]", "[,1]", "[-]", "[--1]", "[1 2]", "[1,,2]", "[0-]", "[1}"] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"add","params":{bad},"id":1}}"#);
        assert_eq!(parameters(Format::Json, call.as_bytes()), None, "{bad}");
    }
}

#[test]
fn every_form_of_a_head_is_understood() {
    let members =
        |name: &[u8]| [b"\xa7jsonrpc\xa32.0\xa2id\x01\xa6params\x92\x01\x02\xa6method", name].concat();
    for map in [&b"\x84"[..], b"\xde\x00\x04", b"\xdf\x00\x00\x00\x04"] {
        for name in [&b"\xa3add"[..], b"\xd9\x03add", b"\xda\x00\x03add", b"\xdb\x00\x00\x00\x03add"] {
            let call = [map, &members(name)].concat();
            assert_eq!(parameters(Format::MessagePack, &call), Some(vec![0x92, 1, 2]), "{map:x?} {name:x?}");
        }
    }
}

//! Events that nobody should send.

use crate::{
    events::EVENTS,
    support::config,
    wire::{Messages, end, json, open},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value as Json;
use std::time::Instant;
use swill_proto::{
    CallId, Format, Frame, Kind, Message, Protocol, Received,
    events::{Client, Server},
    scan,
};

/// Pieces of messages, put together anyhow: most of what comes out is almost right.
fn almost_a_message() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "\"type\"",
        "\"type\":\"add\"",
        "\"a\":1",
        "\"errors\":[",
        "{\"loc\":[\"a\",1],\"msg\":\"m\",\"type\":\"value_error\"}",
        "\"ctx\":{\"limit_value\":-5}",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00",
        "\\ud800",
        "null",
        "-",
        "1e9",
        "tru",
        " ",
        "\u{0}",
        "ä",
        "\"result\":5",
        "\"\\u0074ype\":\"add\"",
    ]);
    (
        select(vec!["", "{", "{\"type\":", "{\"type\":\"add\",", "{\"errors\":["]),
        vec(piece, 0..10),
        any::<bool>(),
    )
        .prop_map(|(head, pieces, closed)| {
            format!("{head}{}{}", pieces.concat(), if closed { "}" } else { "" })
        })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn server_survives_any_text(messages in vec(prop_oneof![3 => almost_a_message(), 1 => any::<String>()], 0..30)) {
        let mut server = Server::new();
        let mut wire = Messages::default();
        let mut calls = 0;
        for message in &messages {
            let valid = serde_json::from_str::<serde_json::Map<String, Json>>(message);
            let received = server.receive(Message { kind: Kind::Text, data: message.as_bytes() }, &EVENTS, &mut wire);
            match received {
                Received::One(Frame::Open(open)) => {
                    calls += 1;
                    prop_assert_eq!(open.call, CallId::theirs(calls));
                    let input = open.input.unwrap();
                    prop_assert!(scan::json::validate(input.bytes(), scan::DEPTH).is_ok());
                    if let Ok(mut valid) = valid {
                        valid.remove("type");
                        prop_assert_eq!(input.decode::<serde_json::Map<String, Json>>().unwrap(), valid);
                    }
                    server.send(end(open.call, json("{}")), &mut wire).unwrap();
                    prop_assert_eq!(wire.texts().len(), 1);
                }
                Received::Nothing => {
                    let answers = wire.texts();
                    prop_assert!(answers.len() == 1 && answers[0].len() < 1000);
                    prop_assert!(serde_json::from_str::<Json>(&answers[0]).is_ok() || message.contains("\\ud800"));
                }
                Received::Close(close) => {
                    prop_assert!(close.code == 1003 && valid.is_err() && wire.all.is_empty());
                }
                received => panic!("{received:?}"),
            }
            prop_assert_eq!(server.held().calls, 0);
        }
    }

    #[test]
    fn client_survives_any_text(messages in vec(prop_oneof![3 => almost_a_message(), 1 => any::<String>()], 0..30)) {
        let mut client = Client::new();
        let mut wire = Messages::default();
        let mut over = [false; 6];
        for number in 0..over.len() {
            let event = ["add", "more", "a"][number % 3];
            client.send(open(number as u64, event, None, true), &mut wire).unwrap();
        }
        wire.texts();
        for message in &messages {
            let received = client.receive(Message { kind: Kind::Text, data: message.as_bytes() }, &EVENTS, &mut wire);
            let frames = match received {
                Received::One(frame) => vec![frame],
                Received::Many(frames) => frames,
                Received::Nothing | Received::Close(_) => vec![],
            };
            for frame in frames {
                if let Frame::End { call, .. } | Frame::Fail { call, .. } = &frame {
                    let number = call.number() as usize;
                    prop_assert!(call.is_ours() && !over[number], "a call is over once");
                    over[number] = true;
                }
                if let Frame::End { last: Some(last), .. } = &frame {
                    prop_assert!(scan::json::validate(last.bytes(), scan::DEPTH).is_ok());
                    prop_assert_eq!(last.format(), Format::Json);
                }
            }
            prop_assert!(wire.all.is_empty());
        }
        prop_assert_eq!(client.held().calls, over.iter().filter(|over| !**over).count());
    }
}

#[test]
fn many_equal_keys_cost_no_more_than_others() {
    let members: Vec<String> = (0..50_000).map(|n| format!("\"\\u006b{}\":{n}", n % 25_000)).collect();
    let message = format!("{{\"type\":\"add\",{}}}", members.join(","));
    let mut wire = Messages::default();
    let received =
        Server::new().receive(Message { kind: Kind::Text, data: message.as_bytes() }, &EVENTS, &mut wire);
    let Received::One(Frame::Open(call)) = received else { panic!() };
    let input: serde_json::Map<String, Json> = call.input.unwrap().decode().unwrap();
    assert_eq!((input.len(), &input["k7"]), (25_000, &Json::from(25_007)));
}

#[test]
fn many_different_keys_cost_in_proportion_to_their_number() {
    let message = |count: u32| {
        let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{\"type\":\"add\",{}}}", members.join(","))
    };
    let cost = |message: &str| {
        let message = Message { kind: Kind::Text, data: message.as_bytes() };
        let begin = Instant::now();
        let received = Server::new().receive(message, &EVENTS, &mut Messages::default());
        assert!(matches!(received, Received::One(Frame::Open(_))));
        begin.elapsed()
    };
    let (few, many) = (message(5_000), message(40_000));
    // Eight times as many: 64 times as much if each were compared with each. Who is interrupted tries again.
    assert!((0..5).any(|_| cost(&many) < 24 * cost(&few)));
}

#[test]
fn deep_text_is_refused_with_little_stack() {
    let test = || {
        for deep in ["[", "{\"a\":"] {
            for head in ["{\"type\":\"add\",\"a\":", "{\"errors\":", "{\"type\":", ""] {
                let message = format!("{head}{}", deep.repeat(200_000));
                for machine in [&mut Server::new() as &mut dyn Protocol, &mut Client::new()] {
                    let message = Message { kind: Kind::Text, data: message.as_bytes() };
                    let received = machine.receive(message, &EVENTS, &mut Messages::default());
                    assert!(matches!(received, Received::Close(_)));
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(test).unwrap().join().unwrap();
}

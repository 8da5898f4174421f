//! What is JSON and what is not: the scanner against a table, and against another implementation.

use crate::{
    jsonrpc_play::{Wire, machine},
    support::{Procedures, config},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::de::IgnoredAny;
use serde_json::json;
use swill_proto::{
    Format, Frame, Kind, Message, Protocol, Received, Side,
    scan::{DEPTH, Malformed, json::validate},
};

/// Values, white space included (RFC 8259, sections 2 to 7).
const VALID: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    "0.0",
    "-0.5",
    "1.25",
    "0e0",
    "1E5",
    "1e+5",
    "1e-5",
    "1.5E-07",
    "123456789012345678901234567890",
    "1e999",
    "-1e-999",
    r#""""#,
    r#""a""#,
    r#""ä€😀""#,
    "\"\u{7f}\u{2028}\"",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0000\uABCD\uabcd""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\ude00\ud83d""#,
    "[]",
    "{}",
    "[1]",
    "[1,2]",
    "[[],[[]],{}]",
    r#"{"":0}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":{"b":[{"c":null}]}}"#,
    " \t\r\n1 \t\r\n",
    " [ 1 , 2 ] ",
    r#" { "a" : 1 , "b" : { } } "#,
    "[ ]",
    "{ }",
    "[null,true,false]",
    r#""0123456789012345678901234567890""#,
    r#""01234567890123456789012345678901""#,
    r#""012345678901234567890123456789012345678901234567890123456789""#,
    r#""0123456789012345678901234567890123456789\n0123456789\u00e401234567890123456789""#,
    r#""01234567890123456789012345678901 !#[]ÿ\"ÿ\\ÿ""#,
];

const INVALID: &[&str] = &[
    "",
    " ",
    "nul",
    "nulll",
    "Null",
    "TRUE",
    "tru",
    "truefalse",
    "fals",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1E-",
    "1e5.5",
    "0x10",
    "1_000",
    "1,",
    ",",
    "1 2",
    "--1",
    "1-",
    "\"",
    "\"a",
    "a",
    "'a'",
    r#""\"#,
    r#""\""#,
    r#""\x""#,
    r#""\u""#,
    r#""\u12""#,
    r#""\u123""#,
    r#""\u123g""#,
    r#""\U0041""#,
    "\"\u{0}\"",
    "\"\u{1f}\"",
    "\"\n\"",
    "\"\t\"",
    "\"a\u{1}\"",
    r#""a" "b""#,
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1;2]",
    "[1,,2]",
    "[1}",
    "{",
    "}",
    "{]",
    "[}",
    "{1:2}",
    "{a:1}",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1"#,
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a" 1}"#,
    r#"{"a":1 "b":2}"#,
    r#"{"a":1]"#,
    r#"{"a":1}}"#,
    "[1]]",
    r#"{"a":1};"#,
    r#"{"a"::1}"#,
    "[1] x",
    "/* */ 1",
    "1 // one",
    "\u{feff}1",
    "\u{a0}1",
    "\u{b}1",
    "\u{c}1",
    "[\u{a0}]",
    "\u{0}",
    "1\u{0}",
    "\"01234567890123456789012345678901",
    "\"0123456789012345678901234567890123456789\n0\"",
    "\"0123456789012345678901234567890123456789012345\u{1f}\"",
    r#""0123456789012345678901234567890123456789\u00g0""#,
    r#""0123456789012345678901234567890123456789\""#,
];

fn other_says(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether the machine can read it: what it cannot is answered with Parse error.
fn machine_says(text: &[u8], kind: Kind) -> bool {
    let mut wire = Wire::default();
    machine(Side::Server, Format::Json).receive(Message { kind, data: text }, &Procedures, &mut wire);
    let answers = wire.take(Format::Json);
    let parse_error =
        json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null});
    !answers.contains(&parse_error)
}

#[test]
fn valid_json_is_valid_wherever_it_stands() {
    for value in VALID {
        assert!(other_says(value), "{value}");
        assert_eq!(validate(value.as_bytes(), DEPTH), Ok(()), "{value}");
        for message in around(value) {
            assert!(machine_says(message.as_bytes(), Kind::Text), "{message}");
            assert!(machine_says(message.as_bytes(), Kind::Binary), "{message}");
        }
    }
}

#[test]
fn invalid_json_is_invalid_wherever_it_stands() {
    for value in INVALID {
        assert!(!other_says(value), "{value}");
        assert!(validate(value.as_bytes(), DEPTH).is_err(), "{value}");
        for message in around(value) {
            assert_eq!(machine_says(message.as_bytes(), Kind::Text), other_says(&message), "{message}");
        }
    }
}

/// Messages with the value in every place that is read, and in some that are skipped.
fn around(value: &str) -> [String; 9] {
    [
        value.to_owned(),
        format!(r#"{{"jsonrpc":"2.0","method":"add","params":{value},"id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"add","params":[{{"a":{value}}}],"id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":{value},"id":1}}"#),
        format!(r#"{{"jsonrpc":{value},"method":"add","id":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"add","id":{value}}}"#),
        format!(r#"{{"jsonrpc":"2.0","method":"add","more":{value},"id":1}}"#),
        format!(r#"[{value},{{"jsonrpc":"2.0","method":"add","more":[{value}],"id":1}}]"#),
        format!(r#"{{"jsonrpc":"2.0","result":{value},"id":1}}"#),
    ]
}

#[test]
fn nesting_ends_at_the_limit() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let levels = open.matches(['[', '{']).count();
        let nested =
            |count: usize| format!("{}1{}", open.repeat(count / levels), close.repeat(count / levels));
        assert_eq!(validate(nested(DEPTH).as_bytes(), DEPTH), Ok(()));
        for beyond in [DEPTH + levels, 100_000] {
            assert_eq!(validate(nested(beyond).as_bytes(), DEPTH), Err(Malformed::TooDeep));
        }
        for (count, fits) in [(DEPTH, true), (DEPTH + levels, false), (100_000, false)] {
            let value = nested(count);
            let message = format!(r#"{{"jsonrpc":"2.0","method":"add","params":[{value}],"id":1}}"#);
            assert!(!machine_says(message.as_bytes(), Kind::Text), "a list more is too much");
            for message in [1, 5, 6, 8].map(|place| around(&value)[place].clone()) {
                assert_eq!(machine_says(message.as_bytes(), Kind::Text), fits, "{count}");
            }
        }
    }
}

#[test]
fn binary_messages_have_to_be_utf_8() {
    for bad in [&b"\"\xff\""[..], b"\xef\xbb", b"{\"a\":\"\xc0\x80\"}", b"[\"\xed\xa0\x80\"]"] {
        assert!(!machine_says(bad, Kind::Binary), "{}", bad.escape_ascii());
    }
}

#[test]
fn names_with_escapes_are_the_names_that_they_mean() {
    for (message, expected) in [
        (r#"{"jsonrpc":"2.0","method":"\u0061dd","id":1}"#, Some(0)),
        (r#"{"jsonrpc":"2.\u0030","method":"a\u0064d","id":1}"#, Some(0)),
        (r#"{"jsonrpc":"2.0","m\u0065thod":"slow","id":1}"#, Some(4)),
        (r#"{"jsonrpc":"2.0","method":"add","method":"slow","id":1}"#, Some(4)),
        (r#"{"jsonrpc":"2.0","method":"add","m\u0065thod":"slow","id":1}"#, Some(4)),
        (r#"{"jsonrpc":"2.0","method":"\\u0061dd","id":1}"#, None),
        (r#"{"jsonrpc":"2.0","method":"\ud83d","id":1}"#, None),
    ] {
        let mut wire = Wire::default();
        let mut machine = machine(Side::Server, Format::Json);
        // The procedure that was called last is found in another way.
        let other = br#"{"jsonrpc":"2.0","method":"add"}"#;
        machine.receive(Message { kind: Kind::Text, data: other }, &Procedures, &mut wire);
        let received =
            machine.receive(Message { kind: Kind::Text, data: message.as_bytes() }, &Procedures, &mut wire);
        let found = match received {
            Received::One(Frame::Open(open)) => match open.target {
                swill_proto::Target::Known(id) => Some(id.0),
                swill_proto::Target::Named(name) => panic!("{name}"),
            },
            Received::Nothing => None,
            received => panic!("{received:?}"),
        };
        assert_eq!(found, expected, "{message}");
    }
}

#[test]
fn ids_come_back_as_they_were_written() {
    let long = format!(r#""{}""#, "i".repeat(253));
    for id in [
        "0",
        "-0",
        "1.0",
        "1.50",
        "1e3",
        "1E+03",
        "9007199254740993",
        "123456789012345678901234567890",
        "-4",
        "null",
        r#""""#,
        r#""\u0041""#,
        r#""A""#,
        r#""ä""#,
        r#""\/""#,
        r#""0123456789012345678901234567890123456789012345""#,
        &long,
    ] {
        for (message, expected) in [
            (
                format!(r#"{{"jsonrpc":"2.0","method":"nope","id" : {id} }}"#),
                format!(
                    r#"{{"jsonrpc":"2.0","error":{{"code":-32601,"message":"Method not found"}},"id":{id}}}"#
                ),
            ),
            (
                format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"add"}}"#),
                format!(r#"{{"jsonrpc":"2.0","result":null,"id":{id}}}"#),
            ),
            (
                format!(r#"[{{"jsonrpc":"2.0","method":"add","id":{id}}}]"#),
                format!(r#"[{{"jsonrpc":"2.0","result":null,"id":{id}}}]"#),
            ),
        ] {
            for settled in [false, true] {
                let mut wire = Wire::default();
                let mut machine = machine(Side::Server, Format::Json);
                let received = machine.receive(
                    Message { kind: Kind::Text, data: message.as_bytes() },
                    &Procedures,
                    &mut wire,
                );
                let calls = match received {
                    Received::One(frame) => vec![frame.call()],
                    Received::Many(frames) => frames.iter().map(Frame::call).collect(),
                    _ => vec![],
                };
                if settled {
                    let response = Message { kind: Kind::Text, data: br#"{"result":1}"# };
                    machine.receive(response, &Procedures, &mut wire);
                }
                for call in calls {
                    let end = Frame::End { call, last: None, leading: None, trailing: None };
                    machine.send(end, &mut wire).unwrap();
                }
                let (_, answer) = &wire.messages[0];
                assert_eq!(String::from_utf8_lossy(answer), expected, "{message}");
                assert_eq!((wire.messages.len(), machine.held().calls), (1, 0));
            }
        }
    }
    let too_long = format!(r#"{{"jsonrpc":"2.0","method":"add","id":"{}"}}"#, "i".repeat(254));
    let mut wire = Wire::default();
    let mut machine = machine(Side::Server, Format::Json);
    machine.receive(Message { kind: Kind::Text, data: too_long.as_bytes() }, &Procedures, &mut wire);
    let expected =
        json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null});
    assert_eq!(wire.take(Format::Json), [expected]);
}

#[test]
fn ids_of_messagepack_come_back_as_they_were_written() {
    for id in [
        &b"\x05"[..],
        b"\xcc\x05",
        b"\xcd\x00\x05",
        b"\xcf\0\0\0\0\0\0\0\x05",
        b"\xff",
        b"\xd0\x05",
        b"\xd3\0\0\0\0\0\0\0\x05",
        b"\xca\x3f\x80\0\0",
        b"\xcb\x3f\xf0\0\0\0\0\0\0",
        b"\xc0",
        b"\xa0",
        b"\xa1a",
        b"\xd9\x01a",
        b"\xdb\0\0\0\x01a",
    ] {
        let message = [b"\x83\xa7jsonrpc\xa32.0\xa6method\xa3add\xa2id", id].concat();
        let mut wire = Wire::default();
        let mut machine = machine(Side::Server, Format::MessagePack);
        let received =
            machine.receive(Message { kind: Kind::Binary, data: &message }, &Procedures, &mut wire);
        let Received::One(frame) = received else { panic!("{received:?}") };
        let end = Frame::End { call: frame.call(), last: None, leading: None, trailing: None };
        machine.send(end, &mut wire).unwrap();
        let expected = [b"\x83\xa7jsonrpc\xa32.0\xa6result\xc0\xa2id", id].concat();
        assert_eq!(wire.messages, [(Kind::Binary, expected)]);
    }
    // True, bytes, a list, a map, an extension, and text that is none.
    for id in [&b"\xc3"[..], b"\xc4\x01a", b"\x90", b"\x80", b"\xd4\x01\x00", b"\xa1\xff"] {
        let message = [b"\x83\xa7jsonrpc\xa32.0\xa6method\xa3add\xa2id", id].concat();
        let mut wire = Wire::default();
        machine(Side::Server, Format::MessagePack).receive(
            Message { kind: Kind::Binary, data: &message },
            &Procedures,
            &mut wire,
        );
        let expected =
            json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null});
        assert_eq!(wire.take(Format::MessagePack), [expected], "{}", id.escape_ascii());
    }
}

/// Pieces of JSON, put together anyhow.
fn almost_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => select(vec![
            "{", "}", "[", "]", ",", ":", " ", "\n", "\"", "\"a\"", "\"\"", "\\", "\\u00e4", "\\n", "0", "1", "-", ".", "e", "E+",
            "12", "true", "false", "null", "\"method\"", "\"id\"", "\"jsonrpc\":\"2.0\"", "{\"a\":", "[1,", "\u{1}", "ä", "\u{a0}",
            "012345678901234567890123456789",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// JSON in which a few bytes are others, or missing.
fn damaged_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        ".{0,60}".prop_map(|it| json!(it)),
    ];
    let value = leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|it| json!(it)),
            vec((".{0,6}", inner), 0..6)
                .prop_map(|it| json!(it.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    });
    let damage = vec(
        (any::<prop::sample::Index>(), select(vec!["", " ", "\"", "\\", ",", "}", "]", "0", "\u{0}"])),
        0..3,
    );
    (value, any::<bool>(), damage).prop_map(|(value, pretty, damage)| {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }
            .unwrap();
        let mut letters: Vec<String> = text.chars().map(String::from).collect();
        for (at, other) in damage {
            let at = at.index(letters.len());
            letters[at] = other.to_owned();
        }
        letters.concat()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_scanner_takes_what_others_take(text in prop_oneof![almost_json(), damaged_json()]) {
        prop_assert_eq!(validate(text.as_bytes(), DEPTH).is_ok(), other_says(&text), "{}", text);
        for message in around(&text) {
            prop_assert_eq!(machine_says(message.as_bytes(), Kind::Text), other_says(&message), "{}", message);
        }
    }
}

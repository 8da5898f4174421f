//! The recorded conversations of `conformance/vectors/swill1.jsonl`.

use crate::{
    service::{Connection, PROCEDURES, Procedures},
    support::{Wire, binary, unhex},
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use swill_proto::{Format, Kind, Payload, Protocol, Received, Value, swill1::Server};

/// Whether a value is what a vector expects, with the vectors' own words for what JSON cannot say.
pub(crate) fn matches(expected: &Json, value: &Value, subset: bool) -> bool {
    match (expected, value) {
        (Json::String(text), _) if text.starts_with("$any") => matches!(
            (text.as_str(), value),
            ("$any:int", Value::Int(_)) | ("$any:string", Value::Text(_)) | ("$any", _)
        ),
        (Json::String(text), _) if text.starts_with("$oneof:") => {
            let among: Vec<Json> = serde_json::from_str(&text["$oneof:".len()..]).unwrap();
            among.iter().any(|one| matches(one, value, subset))
        }
        (Json::Null, Value::Nil) => true,
        (Json::Bool(expected), Value::Bool(value)) => expected == value,
        (Json::Number(expected), Value::Int(value)) => expected.as_i64() == Some(*value),
        (Json::Number(expected), Value::UInt(value)) => expected.as_u64() == Some(*value),
        (Json::Number(expected), Value::Float(value)) => {
            expected.is_f64() && expected.as_f64() == Some(*value)
        }
        (Json::String(expected), Value::Text(value)) => expected == value,
        (Json::Array(expected), Value::List(value)) => {
            expected.len() == value.len()
                && expected.iter().zip(value).all(|(expected, value)| matches(expected, value, subset))
        }
        (Json::Object(expected), _) if expected.keys().any(|key| key.starts_with('$')) => {
            let (word, content) = expected.iter().next().unwrap();
            match (word.as_str(), value) {
                ("$bytes", Value::Bytes(bytes)) => unhex(content.as_str().unwrap()) == *bytes,
                ("$ext", Value::Extension(tag, bytes)) => {
                    content[0] == *tag && unhex(content[1].as_str().unwrap()) == *bytes
                }
                ("$timestamp", Value::Extension(-1, bytes)) => {
                    let (seconds, nanoseconds) = timestamp(bytes);
                    content[0] == seconds && content[1] == nanoseconds
                }
                ("$map", Value::Map(entries)) => {
                    let content = content.as_array().unwrap();
                    content.len() == entries.len()
                        && content.iter().all(|pair| {
                            entries.iter().any(|(key, value)| {
                                matches(&pair[0], key, subset) && matches(&pair[1], value, subset)
                            })
                        })
                }
                _ => false,
            }
        }
        (Json::Object(expected), Value::Map(entries)) => {
            (subset || expected.len() == entries.len())
                && expected.iter().all(|(key, expected)| {
                    value.get(key).is_some_and(|value| matches(expected, value, subset))
                })
        }
        _ => false,
    }
}

fn timestamp(bytes: &[u8]) -> (i64, u32) {
    match bytes.len() {
        4 => (u32::from_be_bytes(bytes.try_into().unwrap()).into(), 0),
        8 => {
            let packed = u64::from_be_bytes(bytes.try_into().unwrap());
            ((packed & ((1 << 34) - 1)) as i64, (packed >> 34) as u32)
        }
        _ => {
            let (nanoseconds, seconds) = bytes.split_at(4);
            (
                i64::from_be_bytes(seconds.try_into().unwrap()),
                u32::from_be_bytes(nanoseconds.try_into().unwrap()),
            )
        }
    }
}

fn is_expected(expect: &Json, message: &[u8]) -> bool {
    if let Some(alternatives) = expect["any_of"].as_array() {
        return alternatives.iter().any(|one| is_expected(one, message));
    }
    if let Some(hex) = expect["hex"].as_str() {
        return unhex(hex) == message;
    }
    let value = Payload::new(Format::MessagePack, message).decode::<Value>().unwrap();
    matches(&expect["msgpack"], &value, expect["match"] == "subset")
}

/// Plays one case to its end; `None` if it is about something that is not the machine's.
fn play(case: &Json) -> Option<()> {
    let known = |name: &Json| PROCEDURES.iter().any(|(known, _)| name == known);
    let steps = case["steps"].as_array()?;
    let words =
        ["send", "burst", "expect", "expect_unordered", "silence", "pause", "drain", "expect_close", "drop"];
    let fit = |step: &Json| {
        let opens = step.get("open").is_some_and(|open| open == &json!({})) && step.get("refused").is_none();
        opens || words.iter().any(|word| step.get(word).is_some())
    };
    if case.get("connect").is_some()
        || !case["service"].as_array()?.iter().all(known)
        || !steps.iter().all(fit)
    {
        return None;
    }
    let name = &case["name"];
    let mut connections: HashMap<&str, Connection> = HashMap::from([("a", Connection::default())]);
    for step in steps {
        let on = step["on"].as_str().unwrap_or("a");
        if step.get("open").is_some() {
            connections.insert(on, Connection::default());
            continue;
        }
        if step.get("drop").is_some() {
            connections.remove(on);
            continue;
        }
        let time = ["silence", "pause", "drain"].iter().find_map(|word| step[word].as_u64());
        if let Some(time) = time {
            for connection in connections.values_mut() {
                connection.pass(connection.now + time);
            }
            let told = &mut connections.get_mut(on).unwrap().told;
            if step.get("drain").is_some() {
                told.clear();
            }
            assert!(step.get("silence").is_none() || told.is_empty(), "{name}: {told:02x?} breaks {step}");
            continue;
        }
        let connection = connections.get_mut(on).unwrap();
        if let Some(close) = step.get("expect_close") {
            assert_eq!(connection.closed, close["code"].as_u64().map(|code| code as u16), "{name}");
            continue;
        }
        let burst = step["burst"].as_array().map_or(&[][..], Vec::as_slice);
        for send in burst.iter().chain(step.get("send")) {
            match send["hex"].as_str() {
                Some(hex) => connection.receive(Kind::Binary, &unhex(hex)),
                None => connection.receive(Kind::Text, send["text"].as_str().unwrap().as_bytes()),
            }
        }
        if let Some(expect) = step.get("expect") {
            match connection.next() {
                Some(message) if is_expected(expect, &message) => {}
                Some(message) if expect["optional"] == true => connection.told.push_front(message),
                None if expect["optional"] == true => {}
                message => panic!("{name}: {message:02x?} is not {expect}"),
            }
        }
        let mut unordered = step["expect_unordered"].as_array().cloned().unwrap_or_default();
        while !unordered.is_empty() {
            let message =
                connection.next().unwrap_or_else(|| panic!("{name}: nothing left for {unordered:?}"));
            let found = unordered.iter().position(|expect| is_expected(expect, &message));
            unordered
                .remove(found.unwrap_or_else(|| panic!("{name}: {message:02x?} is none of {unordered:?}")));
        }
    }
    for connection in connections.values_mut() {
        connection.pass(connection.now + 120);
        assert!(connection.told.is_empty(), "{name}: {:02x?} at the end", connection.told);
    }
    let closed = connections["a"].closed.map_or_else(|| "open".to_owned(), |code| format!("closed:{code}"));
    assert_eq!(case["then"], closed, "{name}");
    Some(())
}

fn cases() -> Vec<Json> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/swill1.jsonl");
    let lines = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn recorded_conversations_go_as_they_should() {
    let cases = cases();
    let played: Vec<&Json> =
        cases.iter().filter(|case| play(case).is_some()).map(|case| &case["name"]).collect();
    assert!(played.len() >= 96, "only {} of {} cases were played", played.len(), cases.len());
}

#[test]
fn every_recorded_message_is_understood_or_answered() {
    let mut seen = 0;
    for case in cases() {
        let mut server = Server::default();
        let mut wire = Wire::default();
        for step in case["steps"].as_array().unwrap() {
            let Some(hex) = step["send"]["hex"].as_str() else {
                continue;
            };
            seen += 1;
            let message = unhex(hex);
            let received = server.receive(binary(&message), &Procedures, &mut wire);
            assert!(
                matches!(received, Received::Nothing | Received::One(_)),
                "{}: {received:?}",
                case["name"]
            );
            let answers = wire.take();
            assert!(answers.len() <= 1, "{}", case["name"]);
            for answer in answers {
                assert_eq!(
                    crate::support::json(&answer)[2],
                    3,
                    "{}: only errors are answered at once",
                    case["name"]
                );
            }
        }
    }
    assert!(seen > 300);
}

//! The recorded conversations of `conformance/vectors/jsonrpc.jsonl` and our own of `jsonrpc_streams.jsonl`.

use crate::{
    jsonrpc_service::{Connection, PROCEDURES},
    support::unhex,
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use swill_proto::{Format, Kind, Payload, Value};

/// What a case remembers: the values that it captured.
type Names = HashMap<String, Value>;

/// Whether a value is what a vector expects, with the vectors' own words for what JSON cannot say.
fn fits(expected: &Json, value: &Value, names: &mut Names) -> bool {
    match (expected, value) {
        (Json::String(word), _) if word.starts_with("$capture:") => {
            names.insert(word["$capture:".len()..].to_owned(), value.clone());
            true
        }
        (Json::String(word), _) if word.starts_with("$ref:") => {
            names.get(&word["$ref:".len()..]) == Some(value)
        }
        (Json::String(word), Value::Text(_)) if word == "$any:string" => true,
        (Json::String(expected), Value::Text(value)) => expected == value,
        (Json::Null, Value::Nil) => true,
        (Json::Bool(expected), Value::Bool(value)) => expected == value,
        (Json::Number(expected), Value::Int(value)) => expected.as_i64() == Some(*value),
        (Json::Number(expected), Value::Float(value)) => expected.as_f64() == Some(*value),
        (Json::Array(expected), Value::List(value)) => {
            expected.len() == value.len()
                && expected.iter().zip(value).all(|(expected, value)| fits(expected, value, names))
        }
        (Json::Object(expected), Value::Bytes(bytes)) => {
            expected.get("$bytes").and_then(Json::as_str).is_some_and(|hex| unhex(hex) == *bytes)
        }
        (Json::Object(expected), Value::Map(entries)) => {
            expected.len() == entries.len()
                && expected
                    .iter()
                    .all(|(key, expected)| value.get(key).is_some_and(|value| fits(expected, value, names)))
        }
        _ => false,
    }
}

fn is_expected(expect: &Json, message: &Value, names: &mut Names) -> bool {
    if let Some(alternatives) = expect["any_of"].as_array() {
        return alternatives.iter().any(|one| is_expected(one, message, names));
    }
    let expected = expect.get("json").or_else(|| expect.get("msgpack")).unwrap();
    match (expect["unordered"] == true, expected, message) {
        (true, Json::Array(expected), Value::List(message)) => {
            let mut left = message.clone();
            let all = expected.iter().all(|expected| {
                let found = left.iter().position(|one| fits(expected, one, names));
                found.map(|at| left.remove(at)).is_some()
            });
            all && left.is_empty()
        }
        _ => fits(expected, message, names),
    }
}

/// A message as the vector writes it, with what has been captured.
fn sent(send: &Json, codec: Format, names: &Names) -> (Kind, Vec<u8>) {
    fn filled(value: &Json, names: &Names) -> Value {
        match value {
            Json::String(word) if word.starts_with("$ref:") => names[&word["$ref:".len()..]].clone(),
            Json::Array(list) => Value::List(list.iter().map(|one| filled(one, names)).collect()),
            Json::Object(object) => match object.get("$bytes") {
                Some(hex) => Value::Bytes(unhex(hex.as_str().unwrap())),
                None => Value::Map(
                    object.iter().map(|(key, value)| (Value::from(&**key), filled(value, names))).collect(),
                ),
            },
            other => Value::from_serialize(other).unwrap(),
        }
    }
    if let Some(text) = send["text"].as_str() {
        return (Kind::Text, text.as_bytes().to_vec());
    }
    if let Some(hex) = send["hex"].as_str() {
        return (Kind::Binary, unhex(hex));
    }
    let value = filled(send.get("json").or_else(|| send.get("msgpack")).unwrap(), names);
    let kind = if codec == Format::Json { Kind::Text } else { Kind::Binary };
    (kind, Payload::encode(codec, &value).unwrap().bytes().to_vec())
}

/// Plays one case to its end.
fn play(case: &Json) {
    let name = &case["name"];
    let codec = match case["connect"]["path"].as_str() {
        Some("/jsonrpc-msgpack") => Format::MessagePack,
        None => Format::Json,
        Some(path) => panic!("{name}: {path}"),
    };
    for service in case["service"].as_array().unwrap() {
        assert!(PROCEDURES.iter().any(|(known, ..)| service == known), "{name}: {service}");
    }
    let mut connections = HashMap::from([("a", Connection::new(codec))]);
    let mut names = Names::new();
    for step in case["steps"].as_array().unwrap() {
        let on = step["on"].as_str().unwrap_or("a");
        let connection = connections.entry(on).or_insert_with(|| Connection::new(codec));
        let mut words =
            step.as_object().unwrap().keys().filter(|word| !["on", "within_ms"].contains(&word.as_str()));
        let word = words.next().unwrap();
        assert_eq!(words.next(), None, "{name}: {step}");
        match word.as_str() {
            "open" => assert_eq!(step["open"], json!({})),
            "send" => {
                let (kind, data) = sent(&step["send"], codec, &names);
                connection.receive(kind, &data);
            }
            "burst" => {
                for send in step["burst"].as_array().unwrap() {
                    let (kind, data) = sent(send, codec, &names);
                    connection.receive(kind, &data);
                }
            }
            "expect" => match connection.next() {
                Some(message) if is_expected(&step["expect"], &message, &mut names) => {}
                message => panic!("{name}: {message:?} is not {}", step["expect"]),
            },
            "expect_unordered" => {
                let mut unordered = step["expect_unordered"].as_array().cloned().unwrap();
                while !unordered.is_empty() {
                    let message =
                        connection.next().unwrap_or_else(|| panic!("{name}: nothing left for {unordered:?}"));
                    let found = unordered.iter().position(|expect| is_expected(expect, &message, &mut names));
                    unordered.remove(
                        found.unwrap_or_else(|| panic!("{name}: {message:?} is none of {unordered:?}")),
                    );
                }
            }
            "collect" => {
                let collect = &step["collect"];
                loop {
                    let message = connection.next().unwrap_or_else(|| panic!("{name}: the end never came"));
                    if is_expected(&collect["until"], &message, &mut names) {
                        break;
                    }
                    for never in collect["never"].as_array().into_iter().flatten() {
                        assert!(!is_expected(never, &message, &mut names), "{name}: {message:?}");
                    }
                }
            }
            "silence" => {
                connection.pass(connection.now + step["silence"].as_u64().unwrap());
                assert!(connection.told.is_empty(), "{name}: {:?} breaks {step}", connection.told);
            }
            word => panic!("{name}: {word}"),
        }
    }
    for connection in connections.values_mut() {
        connection.pass(connection.now + 120);
        assert!(connection.told.is_empty(), "{name}: {:?} at the end", connection.told);
        assert!(connection.is_idle(), "{name}: something goes on");
    }
    assert_eq!(case["then"], "open", "{name}");
}

fn cases(file: &str) -> Vec<Json> {
    let path = format!("{}/../../conformance/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn recorded_conversations_go_as_they_should() {
    let cases = cases("jsonrpc.jsonl");
    assert!(cases.len() >= 70);
    cases.iter().for_each(play);
}

#[test]
fn streams_and_cancellations_go_as_they_should() {
    let cases = cases("jsonrpc_streams.jsonl");
    assert!(cases.len() >= 20);
    cases.iter().for_each(play);
}

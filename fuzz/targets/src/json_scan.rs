//! The walk over a JSON text against the decoder that it protects, and values there and back.

use serde::de::IgnoredAny;
use swill_proto::{
    Format, Payload, Value,
    scan::{self, DEPTH, Malformed, json},
};

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        // Whatever it is, it must not be walked over for ever.
        let _ = (json::validate(input, DEPTH), json::check_depth(input, DEPTH));
        return;
    };
    // The decoder has a limit of its own, which is beyond ours.
    let decoded = serde_json::from_str::<IgnoredAny>(text);
    match json::validate(input, DEPTH) {
        Ok(()) => {
            decoded.expect("the decoder takes what the walk takes");
            json::check_depth(input, DEPTH).expect("both walks count alike");
        }
        Err(Malformed::TooDeep) => {
            assert_eq!(json::check_depth(input, DEPTH), Err(Malformed::TooDeep));
            return;
        }
        Err(_) => {
            decoded.expect_err("the walk takes what the decoder takes");
            return;
        }
    }
    let depth = depth(text);
    assert_eq!(json::validate(input, depth), Ok(()));
    assert_eq!(json::check_depth(input, depth), Ok(()));
    if let Some(less) = depth.checked_sub(1) {
        assert_eq!(json::validate(input, less), Err(Malformed::TooDeep));
        assert_eq!(json::check_depth(input, less), Err(Malformed::TooDeep));
    }
    let payload = Payload::new(Format::Json, input);
    // Numbers that are too large, and halves of characters, are for the decoder to refuse.
    let Ok(value) = payload.decode::<Value>() else { return };
    let written = Payload::encode(Format::Json, &value).expect("what was read can be written");
    scan::check(Format::Json, written.bytes()).expect("what is written is JSON");
    let again: Value = written.decode().expect("what was written can be read");
    assert!(are_alike(&value, &again), "{value:?} {again:?}");
    Payload::encode(Format::MessagePack, &value).expect("MessagePack can say what JSON can");
}

/// How deep a text of JSON is nested that is known to be one.
fn depth(text: &str) -> usize {
    let (mut level, mut deepest, mut letters) = (0_usize, 0, text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                while let Some(inside) = letters.next() {
                    match inside {
                        '\\' => drop(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '[' | '{' => {
                level += 1;
                deepest = deepest.max(level);
            }
            ']' | '}' => level -= 1,
            _ => {}
        }
    }
    deepest
}

/// Whether two values are the same, but for the last bit of a number, which the decoder of JSON may miss.
fn are_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_alike(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let same = |((key, value), (other_key, other)): (&(Value, Value), &(Value, Value))| {
                key == other_key && are_alike(value, other)
            };
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (Value::Float(one), Value::Float(other)) => (one - other).abs() <= one.abs() * 1e-15,
        _ => one == other,
    }
}

//! Any value, there and back.

use crate::support::config;
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use swill_proto::{Format, Payload, Value, scan};

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let bytes = || vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f32::NORMAL.prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        bytes().prop_map(Value::from),
        (any::<i8>(), prop_oneof![bytes(), vec(any::<u8>(), 4), vec(any::<u8>(), 8), vec(any::<u8>(), 16)])
            .prop_map(|(tag, bytes)| Value::Extension(tag, bytes)),
    ];
    leaf.prop_recursive(5, 40, 18, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..18).prop_map(Value::from),
            vec((inner.clone(), inner), 0..18).prop_map(Value::Map),
        ]
    })
}

/// Values that JSON can hold without a loss.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(".{0,5}", inner, 0..8).prop_map(|map| Value::Map(
                map.into_iter().map(|(key, value)| (key.into(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn messagepack_carries_every_value_unchanged(value in any_value()) {
        let payload = Payload::encode(Format::MessagePack, &value).unwrap();
        prop_assert!(scan::check(Format::MessagePack, payload.bytes()).is_ok());
        prop_assert_eq!(payload.decode::<Value>().unwrap(), value.clone());
        prop_assert_eq!(Value::from_serialize(&value).unwrap(), value.clone());
        prop_assert_eq!(value.deserialize::<Value>().unwrap(), value);
    }

    #[test]
    fn json_carries_what_json_can_say(value in json_value()) {
        let payload = Payload::encode(Format::Json, &value).unwrap();
        prop_assert!(scan::check(Format::Json, payload.bytes()).is_ok());
        prop_assert_eq!(payload.decode::<Value>().unwrap(), value);
    }
}

#[test]
fn corners_of_messagepack() {
    for value in [
        Value::from(u64::MAX),
        Value::from(i64::MIN),
        Value::from(i64::MAX as u64 + 1),
        Value::from(f32::MIN_POSITIVE),
        Value::from(f64::INFINITY),
        Value::from(vec![0_u8; 70_000]),
        Value::from("x".repeat(70_000)),
        Value::List(vec![Value::Nil; 70_000]),
        Value::Map((0..70_000).map(|n| (Value::from(n), Value::Nil)).collect()),
        Value::Map(vec![(Value::Nil, Value::Nil), (Value::List(vec![]), Value::Map(vec![]))]),
        // A timestamp, and an extension of every length class.
        Value::Extension(-1, vec![0; 4]),
        Value::Extension(-1, vec![0; 12]),
        Value::Extension(127, vec![]),
        Value::Extension(5, vec![1; 300]),
        Value::Extension(5, vec![1; 70_000]),
    ] {
        let payload = Payload::encode(Format::MessagePack, &value).unwrap();
        assert_eq!(scan::messagepack::skip(payload.bytes(), scan::DEPTH), Ok(payload.bytes().len()));
        assert_eq!(payload.decode::<Value>().unwrap(), value);
    }
}

#[test]
fn json_is_told_what_it_can_understand() {
    for (value, text) in [
        (Value::Nil, "null"),
        (Value::from(2.0), "2.0"),
        (Value::from(0.5_f32), "0.5"),
        (Value::from(f64::NAN), "null"),
        (Value::from(u64::MAX), "18446744073709551615"),
        (Value::from(vec![0_u8, 255]), "\"AP8=\""),
        (Value::Extension(-1, vec![1, 2]), "[-1,\"AQI=\"]"),
        (Value::Map(vec![(Value::from(1), Value::from("one"))]), r#"{"1":"one"}"#),
        (Value::from("\u{0}\u{2028}\u{1f600}\""), "\"\\u0000\u{2028}\u{1f600}\\\"\""),
    ] {
        let payload = Payload::encode(Format::Json, &value).unwrap();
        assert_eq!(std::str::from_utf8(payload.bytes()).unwrap(), text);
    }
    let nested_key = Value::Map(vec![(Value::List(vec![]), Value::Nil)]);
    Payload::encode(Format::Json, &nested_key).unwrap_err();
}

#[test]
fn json_is_understood() {
    for (text, value) in [
        ("1", Value::from(1)),
        ("-1", Value::from(-1)),
        ("1.0", Value::from(1.0)),
        ("9223372036854775808", Value::from(1_u64 << 63)),
        (r#"{"a":[null,true]}"#, Value::from_serialize(&json!({"a": [null, true]})).unwrap()),
    ] {
        assert_eq!(Payload::new(Format::Json, text.as_bytes()).decode::<Value>().unwrap(), value, "{text}");
    }
}

#[test]
fn text_that_is_no_utf8_becomes_bytes() {
    let decoded = Payload::new(Format::MessagePack, b"\xa2\xff\xfe").decode::<Value>().unwrap();
    assert_eq!(decoded, Value::Bytes(vec![0xff, 0xfe]));
}

#[test]
fn too_deep_values_are_not_made() {
    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Nil, |value, _| Value::List(vec![value]))
    }
    assert_eq!(Value::from_serialize(&nested(64)).unwrap(), nested(64));
    let error = Value::from_serialize(&nested(65)).unwrap_err();
    assert!(error.is::<swill_proto::TooDeep>(), "{error}");
}

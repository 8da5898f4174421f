//! Any value, there and back.

use crate::support::config;
use proptest::{collection::vec, prelude::*};
use serde::{
    Deserialize,
    de::{
        IntoDeserializer, Visitor,
        value::{BorrowedBytesDeserializer, EnumAccessDeserializer, SeqDeserializer},
    },
};
use serde_json::json;
use swill_proto::{Bytes, Format, Metadata, Payload, TooDeep, Value, scan};

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

#[test]
fn values_are_made_of_what_programs_have() {
    for (value, expected) in [
        (Value::from(true), Value::Bool(true)),
        (Value::from(-1_i8), Value::Int(-1)),
        (Value::from(-2_i16), Value::Int(-2)),
        (Value::from(-3_i32), Value::Int(-3)),
        (Value::from(1_u8), Value::Int(1)),
        (Value::from(2_u16), Value::Int(2)),
        (Value::from(3_u32), Value::Int(3)),
        (Value::from(-4_isize), Value::Int(-4)),
        (Value::from(4_usize), Value::Int(4)),
        (Value::from(1_u64 << 63), Value::UInt(1 << 63)),
        (Value::from(()), Value::Nil),
        (Value::from(None::<u8>), Value::Nil),
        (Value::from(Some("text")), Value::Text("text".into())),
    ] {
        assert_eq!(value, expected);
    }
    let map = Value::Map(vec![(1.into(), 2.into()), ("key".into(), 3.into())]);
    assert_eq!((map.get("key"), map.get("other")), (Some(&Value::Int(3)), None));
    assert_eq!((Value::Nil.get("key"), Value::Nil.as_str(), Value::from(1.5).as_i64()), (None, None, None));
    assert_eq!((Value::from("a").as_str(), Value::from(5).as_i64()), (Some("a"), Some(5)));
    assert!(Value::default().is_nil() && !map.is_nil());
    assert!(TooDeep.to_string().contains("64 levels"));
}

/// Decoders of others say things in other ways than those of Swill.
#[test]
fn values_are_read_from_any_decoder() {
    type Wrong = serde::de::value::Error;
    fn read<'de>(decoder: impl serde::Deserializer<'de, Error = Wrong>) -> Result<Value, Wrong> {
        Deserialize::deserialize(decoder)
    }
    assert_eq!(read("text".to_owned().into_deserializer()), Ok(Value::from("text")));
    assert_eq!(read(BorrowedBytesDeserializer::new(b"\x01")), Ok(Value::from(vec![1_u8])));
    assert_eq!(read(Says::Bytes(vec![1, 2])), Ok(Value::from(vec![1_u8, 2])));
    assert_eq!(read(Says::None), Ok(Value::Nil));
    assert_eq!(read(Says::Some), Ok(Value::Text("inner".into())));
    assert_eq!(read(EnumAccessDeserializer::new("Unit".into_deserializer())), Ok(Value::from("Unit")));
    // An extension is a tag and bytes, and nothing else.
    let bytes = || Says::Bytes(vec![7]);
    assert_eq!(read(Says::Newtype(vec![Says::Tag(5), bytes()])), Ok(Value::Extension(5, vec![7])));
    for (parts, words) in [
        (vec![], "invalid length 0, expected an extension's tag and bytes"),
        (vec![Says::Tag(5)], "invalid length 1, expected an extension's tag and bytes"),
        (vec![Says::Tag(5), Says::Tag(5)], "an extension holds bytes"),
    ] {
        assert_eq!(read(Says::Newtype(parts)).unwrap_err().to_string(), words);
    }
    let error = Payload::new(Format::MessagePack, b"\x01").decode::<Metadata>().unwrap_err();
    assert!(error.message().contains("not a map"), "{error}");
}

/// A decoder that says one thing.
enum Says {
    None,
    Some,
    Tag(i8),
    Bytes(Vec<u8>),
    Newtype(Vec<Self>),
    List(Vec<Self>),
}

impl<'de> serde::Deserializer<'de> for Says {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::None => visitor.visit_none(),
            Self::Some => visitor.visit_some("inner".into_deserializer()),
            Self::Tag(tag) => visitor.visit_i8(tag),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Self::Newtype(parts) => visitor.visit_newtype_struct(Self::List(parts)),
            Self::List(parts) => visitor.visit_seq(SeqDeserializer::new(parts.into_iter())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de> for Says {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[test]
fn bytes_are_a_vector_with_another_form() {
    let mut bytes = Bytes::from(vec![1_u8, b'a']);
    bytes.push(255);
    assert_eq!((bytes.len(), bytes.as_ref()), (3, &[1, b'a', 255][..]));
    assert_eq!(format!("{bytes:?}"), r#"b"\x01a\xff""#);
    assert_eq!(Bytes::from(&[1_u8, b'a', 255][..]), bytes);
    assert_eq!(Vec::from(bytes), [1, b'a', 255]);
    // A decoder that owns the bytes gives them away.
    assert_eq!(Bytes::deserialize(Says::Bytes(vec![3])), Ok(Bytes::from([3])));
}

#[cfg(feature = "schemars")]
#[test]
fn values_have_schemas() {
    let schema = |mut schema: schemars::Schema| {
        schema.remove("$schema");
        schema.remove("title");
        schema.to_value()
    };
    assert_eq!(
        schema(schemars::schema_for!(Bytes)),
        json!({ "type": "string", "contentEncoding": "base64" })
    );
    assert_eq!(schema(schemars::schema_for!(Metadata)), json!({ "type": "object" }));
    // Anything fits.
    assert_eq!(schema(schemars::schema_for!(Value)), json!({}));
    let inside = schema(schemars::schema_for!((Value, Bytes)));
    assert_eq!(inside["prefixItems"], json!([true, { "type": "string", "contentEncoding": "base64" }]));
}

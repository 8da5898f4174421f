//! Metadata as a value.

use serde_json::json;
use swill_proto::{Format, Metadata, Payload, Value};

#[test]
fn keys_keep_their_order_and_are_unique() {
    let mut metadata = Metadata::from([("b", 1), ("a", 2), ("b", 3)]);
    assert_eq!(metadata.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(metadata.get("b"), Some(&Value::Int(3)));
    metadata.insert("c", "text");
    assert_eq!(metadata.remove("b"), Some(Value::Int(3)));
    assert_eq!((metadata.remove("b"), metadata.len(), metadata.is_empty()), (None, 2, false));
}

#[test]
fn both_formats_carry_it() {
    let metadata: Metadata = [("a", Value::from(vec![Value::from(1), Value::Nil]))].into_iter().collect();
    for format in [Format::MessagePack, Format::Json] {
        let payload = Payload::encode(format, &metadata).unwrap();
        assert_eq!(payload.decode::<Metadata>().unwrap(), metadata);
        assert_eq!(payload.decode::<serde_json::Value>().unwrap(), json!({"a": [1, null]}));
    }
}

#[test]
fn what_is_no_map_with_text_keys_is_refused() {
    let keyed = |key: Value| Value::Map(vec![(key, Value::Nil)]);
    for value in [
        Value::Nil,
        Value::from(vec![Value::Nil]),
        keyed(Value::from(1)),
        keyed(Value::Nil),
        // Bytes are no text, even where they could be read as such.
        keyed(Value::Bytes(b"key".to_vec())),
    ] {
        let payload = Payload::encode(Format::MessagePack, &value).unwrap();
        assert_eq!(payload.decode::<Metadata>().unwrap_err().code().0, 422, "{value:?}");
    }
}

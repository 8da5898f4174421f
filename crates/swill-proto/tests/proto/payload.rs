//! Decoding: once when it succeeds, with words that help when it does not.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, net::IpAddr};
use swill_proto::{Bytes, Code, Format, Payload, Value};

/// Decodes a value in both formats and expects the same refusal of both.
#[track_caller]
fn refused<T: DeserializeOwned + std::fmt::Debug>(value: &Json, parameter: &str, words: &[&str]) {
    for format in [Format::MessagePack, Format::Json] {
        let error = Payload::encode(format, value).unwrap().decode::<T>().unwrap_err();
        assert_eq!(error.code(), Code::INVALID, "{format}: {error}");
        assert_eq!(error.parameter().unwrap_or_default(), parameter, "{format}: {error}");
        for word in words {
            assert!(error.message().contains(word), "{format}: {error} does not say {word}");
        }
    }
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Order {
    customer: Customer,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Customer {
    name: String,
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Line {
    qty: u32,
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
enum Size {
    Small,
    Other { cm: u32 },
}

#[test]
fn refusals_say_where_and_what_was_expected() {
    refused::<(i64, i64)>(&json!(["x", 3]), "[0]", &["is text, not an integer"]);
    refused::<(i64, i64)>(&json!([3]), "", &["length 1", "2"]);
    refused::<(i64, i64)>(&json!([3, 2.5]), "[1]", &["is a number with a fraction, not an integer"]);
    refused::<(i64, i64)>(&json!(null), "", &["is null, not a list"]);
    refused::<i64>(&json!("x"), "", &["is text, not an integer"]);
    refused::<u8>(&json!(256), "", &["256", "from 0 to 255"]);
    refused::<String>(&json!([1]), "", &["is a list, not text"]);
    refused::<()>(&json!(5), "", &["5", "unit"]);
    refused::<Order>(
        &json!({"customer": {"name": 5}, "lines": []}),
        "customer.name",
        &["is an integer, not text"],
    );
    refused::<Order>(&json!({"customer": {}, "lines": []}), "customer.name", &["is missing"]);
    refused::<Order>(
        &json!({"customer": {"name": ""}, "lines": [{"qty": 1}, {"qty": -1}]}),
        "lines[1].qty",
        &["-1", "from 0 to 4294967295"],
    );
    refused::<Size>(&json!("Large"), "", &["Large", "Small"]);
}

#[test]
fn too_many_elements_are_refused() {
    for value in [json!([1, 2, 3]), json!([1, 2, [3, {"a": null}]]), json!([1, 2, 3, 4])] {
        for format in [Format::MessagePack, Format::Json] {
            let error = Payload::encode(format, &value).unwrap().decode::<(i64, i64)>().unwrap_err();
            assert_eq!(error.code(), Code::INVALID, "{format} {value}: {error}");
        }
    }
    // Also in an inner list, where the decoder would read on in the outer one.
    for value in [json!([[1, 2, 3], 4]), json!([[1, 2, 3], [4, 5]])] {
        Payload::encode(Format::MessagePack, &value).unwrap().decode::<((i64, i64), i64)>().unwrap_err();
        Payload::encode(Format::MessagePack, &value).unwrap().decode::<((i64, i64), Json)>().unwrap_err();
    }
}

#[test]
fn values_come_back_in_both_formats() {
    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        for format in [Format::MessagePack, Format::Json] {
            let payload = Payload::encode(format, value).unwrap();
            swill_proto::scan::check(format, payload.bytes()).unwrap();
            assert_eq!(payload.decode::<T>().unwrap(), *value, "{format}");
            assert_eq!(
                Payload::new(format, payload.bytes()).into_owned().decode::<T>().unwrap(),
                *value,
                "{format}"
            );
        }
    }
    check(&(1_i64, -2.5_f64, "text".to_owned(), true, Some(5_u8), None::<u8>, ()));
    check(&(i64::MIN, u64::MAX, i8::MIN, '\u{1f600}'));
    check(&Order { customer: Customer { name: "ann".into() }, lines: vec![Line { qty: 1 }], note: None });
    check(&(Size::Small, Size::Other { cm: 5 }));
    check(&BTreeMap::from([(1_i64, "a".to_owned()), (-2, "b".to_owned())]));
    check(&vec![vec![0_u8, 255], vec![]]);
}

#[test]
fn unknown_keys_are_ignored() {
    let value = json!({"name": "ann", "age": 5, "more": [{"a": [1]}]});
    for format in [Format::MessagePack, Format::Json] {
        let payload = Payload::encode(format, &value).unwrap();
        assert_eq!(payload.decode::<Customer>().unwrap(), Customer { name: "ann".into() });
    }
}

#[test]
fn what_a_format_cannot_say_is_an_internal_error() {
    let keys = BTreeMap::from([(vec![1], 1)]);
    assert_eq!(Payload::encode(Format::Json, &keys).unwrap_err().code(), Code::INTERNAL);
    Payload::encode(Format::MessagePack, &keys).unwrap();
}

/// What serde keeps in a form of its own before it knows the variant is read as what is read at once.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Event {
    Joined { from: IpAddr, picture: Bytes },
}

#[test]
fn types_with_two_forms_are_text_in_every_format() {
    let event = Event::Joined { from: [127, 0, 0, 1].into(), picture: Bytes::from([1, 2]) };
    for (format, picture) in
        [(Format::MessagePack, Value::Bytes(vec![1, 2])), (Format::Json, Value::from("AQI="))]
    {
        let payload = Payload::encode(format, &event).unwrap();
        assert_eq!(payload.decode::<Event>().unwrap(), event);
        let value: Value = payload.decode().unwrap();
        assert_eq!(value.get("from"), Some(&Value::from("127.0.0.1")), "{format}");
        assert_eq!(value.get("picture"), Some(&picture), "{format}");
    }
}

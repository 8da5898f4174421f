//! What is said of values that do not have their type.

use crate::{decode, refused, taken, told};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use swill::{Bytes, Format, Payload};

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
struct Order {
    customer: Customer,
    lines: Vec<Line>,
    note: Option<String>,
    #[serde(default)]
    prices: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is decoded only")]
struct Customer {
    name: String,
    #[serde(rename = "bornIn")]
    born: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
struct Line {
    qty: u32,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Point,
    Circle(u32),
    Box { width: u32, height: u32 },
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
struct Flat {
    id: u32,
    #[serde(flatten)]
    line: Line,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is decoded only")]
enum Either {
    Number(i64),
    Text(String),
}

#[test]
fn bytes() {
    let told_of = |format, value: &Json| told(&decode::<Bytes>(format, value).unwrap_err());
    assert_eq!(told_of(Format::Json, &json!("A!")), [": type: not base64: Invalid symbol 33, offset 1."]);
    assert_eq!(told_of(Format::Json, &json!(1)), [": type: is integer `1`, not bytes (base64 text)"]);
    assert_eq!(
        told_of(Format::MessagePack, &json!(true)),
        [": type: is boolean `true`, not bytes (base64 text)"]
    );
    assert_eq!(taken::<Bytes>(&json!([1, 255])), Bytes::from([1, 255]));
}

#[test]
fn scalars() {
    refused::<i64>(&json!("x"), &[": type: is text, not an integer"]);
    refused::<i64>(&json!(2.5), &[": type: is a number with a fraction, not an integer"]);
    refused::<i64>(&json!(2.0), &[": type: is a number with a fraction, not an integer"]);
    refused::<i64>(&json!(null), &[": not_null: is null, not an integer"]);
    refused::<u8>(&json!(256), &[": type: is integer `256`, not an integer from 0 to 255"]);
    refused::<u64>(&json!(-1), &[": type: is integer `-1`, not an integer from 0 to 18446744073709551615"]);
    refused::<i64>(
        &json!(u64::MAX),
        &[
            ": type: is integer `18446744073709551615`, not an integer from -9223372036854775808 to 9223372036854775807",
        ],
    );
    refused::<f64>(&json!("x"), &[": type: is text, not a number"]);
    refused::<bool>(&json!(1), &[": type: is an integer, not a boolean"]);
    refused::<String>(&json!([1]), &[": type: is a list, not text"]);
    refused::<String>(&json!({}), &[": type: is a map, not text"]);
    refused::<Vec<i64>>(&json!({"0": 1}), &[": type: is a map, not a list"]);
    refused::<HashMap<String, i64>>(&json!([1]), &[": type: is a list, not a map"]);
    refused::<Order>(&json!(true), &[": type: is a boolean, not a map"]);
    let error = decode::<std::net::IpAddr>(Format::Json, &json!("here")).unwrap_err();
    assert_eq!(told(&error), [": type: invalid IP address syntax"]);
    assert_eq!(taken::<f64>(&json!(3)), 3.0);
    assert_eq!(taken::<Option<i64>>(&json!(null)), None);
    assert_eq!(taken::<u64>(&json!(u64::MAX)), u64::MAX);
}

#[test]
fn every_bad_element_is_told() {
    let each = ["[0]: type: is text, not an integer", "[2]: not_null: is null, not an integer"];
    refused::<Vec<i64>>(&json!(["x", 1, null, 2]), &each);
    let values = ["[\"p\"]: not_null: is null, not an integer", "[\"r\"]: type: is a list, not an integer"];
    refused::<BTreeMap<String, i64>>(&json!({"p": null, "q": 1, "r": []}), &values);
    refused::<(i64, i64)>(&json!(["x", 1]), &["[0]: type: is text, not an integer"]);
    refused::<(i64, i64)>(&json!([1]), &[": type: has the length 1, and is not a tuple of size 2"]);
    refused::<(i64, i64)>(&json!([1, 2, 3]), &[": type: has the length 3, and is not 2"]);
    let nested = ["[0][1]: type: is a boolean, not an integer", "[2][0]: type: is text, not an integer"];
    refused::<Vec<Vec<i64>>>(&json!([[1, true], [], ["x"]]), &nested);
}

#[test]
fn every_bad_field_is_told() {
    refused::<Order>(
        &json!({
            "customer": {"name": 5, "bornIn": "x"},
            "lines": [{"qty": 1}, {"qty": -1}, {}, {"qty": "x"}],
            "note": [],
            "prices": {"tea": "x"},
        }),
        &[
            "customer.name: type: is an integer, not text",
            "customer.bornIn: type: is text, not an integer",
            "lines[1].qty: type: is integer `-1`, not an integer from 0 to 4294967295",
            "lines[2].qty: missing: is missing",
            "lines[3].qty: type: is text, not an integer",
            "note: type: is a list, not text",
            "prices[\"tea\"]: type: is text, not an integer",
        ],
    );
    refused::<Order>(&json!({"lines": []}), &["customer: missing: is missing"]);
    refused::<Customer>(
        &json!({"name": "ann", "age": 5}),
        &["age: unknown: is unknown: expected is `name`, `bornIn`"],
    );
}

#[test]
fn enums_and_flattened_structs() {
    refused::<Shape>(&json!("Line"), &[": type: is \"Line\", which is none of `Point`, `Circle`, `Box`"]);
    refused::<Shape>(&json!({"Circle": "x"}), &["Circle: type: is text, not an integer"]);
    refused::<Shape>(&json!({"Box": {"width": 1}}), &["Box.height: missing: is missing"]);
    refused::<Shape>(&json!(null), &[": not_null: is null, not of the right kind"]);
    refused::<Flat>(
        &json!({"id": 1, "qty": "x"}),
        &[": type: is \"x\", not an integer from 0 to 4294967295"],
    );
    refused::<Flat>(&json!({"id": "x", "qty": 1}), &["id: type: is text, not an integer"]);
    refused::<Vec<Either>>(
        &json!([1, true, "x"]),
        &["[1]: type: data did not match any variant of untagged enum Either"],
    );
    assert_eq!(
        taken::<Shape>(&json!({"Box": {"width": 1, "height": 2}})),
        Shape::Box { width: 1, height: 2 }
    );
    assert_eq!(taken::<Vec<Shape>>(&json!(["Point", {"Circle": 1}])), [Shape::Point, Shape::Circle(1)]);
}

#[test]
fn what_is_told_is_bounded() {
    let long = "x".repeat(10_000);
    for value in [json!(vec![&long; 1000]), json!({long.clone(): 1})] {
        let error = swill::Value::from_serialize(&value).unwrap().deserialize::<Vec<i64>>().unwrap_err();
        assert!((1..=100).contains(&error.violations().len()));
        assert!(error.message().len() < 300, "{}", error.message());
    }
    let many = json!(vec!["x"; 200_000]);
    let error = swill::Value::from_serialize(&many).unwrap().deserialize::<Vec<i64>>().unwrap_err();
    assert!((1..=100).contains(&error.violations().len()));
}

#[test]
fn what_is_wrong_in_a_large_map_is_found_in_time() {
    #[swill::validate]
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "it is decoded only")]
    struct Price {
        #[valid(gt = 0)]
        cents: i64,
    }
    // Each entry is checked: to look for each of them among all others would take minutes.
    let prices: serde_json::Map<_, _> =
        (0..20_000).map(|cents| (format!("item {cents}"), json!({ "cents": cents }))).collect();
    refused::<HashMap<String, Price>>(&prices.into(), &["[\"item 0\"].cents: gt: less than or equal to 0"]);
}

#[test]
fn a_long_key_is_looked_at_no_further_than_it_is_told() {
    // The key of a map that has to be left out again and again.
    let mut entries = vec![(swill::Value::from(vec![0xff_u8; 1 << 20]), swill::Value::from(1))];
    entries.extend((0..200).map(|key| (swill::Value::from(format!("{key:03}")), swill::Value::from("x"))));
    let payload = Payload::encode(Format::MessagePack, &swill::Value::Map(entries)).unwrap();
    let error = payload.decode::<HashMap<String, i64>>().unwrap_err();
    assert!((1..=100).contains(&error.violations().len()));
    assert_eq!(told(&error)[0], "[\"bytes\"]: type: is bytes, not a string");
}

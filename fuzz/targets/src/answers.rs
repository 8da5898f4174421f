//! What a peer sends, decoded into types of every kind, as parameters and answers are: what fits is the same after it was
//! written again, and of what does not fit everything is said, but no more than that.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
};
use swill::{Bytes, Code, Format, Payload, Value};
use swill_proto::scan;

pub(crate) fn run(input: &[u8]) {
    let [choice, bytes @ ..] = input else { return };
    let format = if choice & 1 == 0 { Format::MessagePack } else { Format::Json };
    // Nothing else comes so far.
    if scan::check(format, bytes).is_err() {
        return;
    }
    let payload = Payload::new(format, bytes);
    match choice >> 1 {
        0 => decoded::<Value>(&payload),
        1 => decoded::<Order>(&payload),
        2 => decoded::<Vec<Order>>(&payload),
        3 => decoded::<Form>(&payload),
        4 => decoded::<BTreeMap<i16, Form>>(&payload),
        5 => decoded::<(u8, Option<String>, [i64; 2])>(&payload),
        6 => decoded::<HashMap<String, Vec<Option<bool>>>>(&payload),
        7 => decoded::<Tagged>(&payload),
        8 => decoded::<Loose>(&payload),
        9 => decoded::<Bytes>(&payload),
        10 => decoded::<(char, u64, i128)>(&payload),
        11 => decoded::<Tree>(&payload),
        12 => decoded::<()>(&payload),
        13 => decoded::<BTreeMap<Unit, Strict>>(&payload),
        14 => decoded::<(f32, f64)>(&payload),
        _ => decoded::<Vec<(Strict, Option<Order>)>>(&payload),
    }
}

#[swill::validate]
#[derive(Debug, Deserialize, Serialize)]
struct Order {
    #[valid(length(1..=8), regex = "[a-z]+")]
    name: String,
    #[valid(ge = 1, le = 100)]
    count: u32,
    #[valid(length(..=3))]
    #[serde(default)]
    notes: Vec<String>,
    #[valid(multiple_of = 0.5)]
    price: Option<f64>,
    within: Option<Box<Order>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Form {
    Unit,
    One(i32),
    Two(String, u8),
    Named { x: f64, y: Option<f64> },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind")]
enum Tagged {
    Order(Order),
    Text { text: String },
    Nothing,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Pair(u8, u8),
    Named { name: String },
    Text(String),
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    A,
    B,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: u8,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Rest {
    b: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Tree {
    children: Vec<Tree>,
}

fn decoded<T: DeserializeOwned + Serialize + Debug>(payload: &Payload<'_>) {
    match payload.decode::<T>() {
        Ok(value) => {
            let written = Payload::encode(payload.format(), &value);
            let written = written.expect("what was read can be written");
            scan::check(payload.format(), written.bytes()).expect("what is written is whole");
            let again: T = written.decode().expect("what was written can be read");
            if payload.format() == Format::MessagePack {
                assert_eq!(in_order(&again), in_order(&value));
            }
        }
        Err(error) => {
            assert_eq!(error.code(), Code::INVALID, "{error:?}");
            // Some hundred at most, in a few words each.
            assert!(error.violations().len() <= 100, "{}", error.violations().len());
            assert!(error.message().len() <= 1000, "{}", error.message());
            for violation in error.violations() {
                assert!(violation.message.len() <= 1000, "{violation:?}");
            }
        }
    }
}

/// A value as text in which the order of a table says nothing, for one number is not equal to itself.
fn in_order(value: &impl Debug) -> Vec<u8> {
    let mut bytes = format!("{value:?}").into_bytes();
    bytes.sort_unstable();
    bytes
}

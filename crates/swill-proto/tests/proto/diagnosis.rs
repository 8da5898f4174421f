//! What is said of values that do not fit, for values and types of every kind. The rest of the words is tested where
//! procedures take parameters.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Visitor},
};
use std::{cmp::Ordering, collections::BTreeMap, fmt};
use swill_proto::{
    Bytes, Format, Payload, Value,
    validation::{self, Findings, Validate},
};

/// What is wrong with a value in this format: each with its path.
fn told<T: DeserializeOwned>(format: Format, value: &Value) -> Vec<String> {
    let Err(error) = Payload::encode(format, value).unwrap().decode::<T>() else {
        return vec!["fits".into()];
    };
    match error.violations() {
        [] => vec![error.message().to_owned()],
        violations => violations.iter().map(|it| format!("{}: {}", it.path_text(), it.message)).collect(),
    }
}

/// What is said in MessagePack.
fn packed<T: DeserializeOwned>(value: impl Into<Value>) -> Vec<String> {
    told::<T>(Format::MessagePack, &value.into())
}

/// What is said in JSON.
fn json<T: DeserializeOwned>(text: &str) -> Vec<String> {
    told::<T>(Format::Json, &serde_json::from_str(text).unwrap())
}

#[track_caller]
fn check<const N: usize>(table: [(Vec<String>, &[&str]); N]) {
    let wrong: Vec<_> = table.into_iter().filter(|(told, expected)| told != expected).collect();
    assert!(wrong.is_empty(), "said, and expected: {wrong:#?}");
}

fn list(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::List(elements.into_iter().collect())
}

fn map(key: impl Into<Value>, value: impl Into<Value>) -> Value {
    Value::Map(vec![(key.into(), value.into())])
}

/// Bytes, and nothing that bytes could be made of.
#[derive(Debug)]
struct Raw;

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("raw bytes")
            }

            fn visit_bytes<E>(self, _: &[u8]) -> Result<Raw, E> {
                Ok(Raw)
            }
        }
        deserializer.deserialize_bytes(Any)
    }
}

#[derive(Debug, Deserialize)]
struct Nothing;

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
struct Pair(i64, String);

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Wrapped(i64);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is decoded only")]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unit,
    New(u8),
    Tuple(u8, u8),
    Struct { text: String },
}

#[test]
fn values_of_every_kind_are_called_by_their_names() {
    check([
        (packed::<i64>(()), &[": is null, not an integer"]),
        (packed::<i64>(true), &[": is a boolean, not an integer"]),
        (packed::<i64>(1.5_f32), &[": is a number with a fraction, not an integer"]),
        (packed::<i64>("x"), &[": is text, not an integer"]),
        (packed::<i64>(vec![1_u8]), &[": is bytes, not an integer"]),
        (packed::<i64>(list([])), &[": is a list, not an integer"]),
        (packed::<i64>(map(1, 2)), &[": is a map, not an integer"]),
        (packed::<i64>(Value::Extension(5, vec![1])), &[": is an extension, not an integer"]),
        (packed::<bool>(u64::MAX), &[": is an integer, not a boolean"]),
        (packed::<()>(list([])), &[": is a list, not unit"]),
        (packed::<()>(map(1, 2)), &[": is a map, not unit"]),
        (packed::<()>(vec![1_u8]), &[": is bytes, not unit"]),
        (packed::<()>("x".repeat(100)), &[&format!(": is {:?}, not unit", "x".repeat(64))]),
        (packed::<Nothing>(2.5), &[": is floating point `2.5`, not unit struct Nothing"]),
    ]);
}

#[test]
fn types_of_every_kind_say_what_they_want() {
    check([
        (packed::<i8>(128), &[": is integer `128`, not an integer from -128 to 127"]),
        (packed::<i16>(1 << 15), &[": is integer `32768`, not an integer from -32768 to 32767"]),
        (
            packed::<i32>(1_i64 << 31),
            &[": is integer `2147483648`, not an integer from -2147483648 to 2147483647"],
        ),
        (packed::<u16>(-1), &[": is integer `-1`, not an integer from 0 to 65535"]),
        (packed::<i128>("1"), &[": is text, not an integer"]),
        (packed::<u128>("1"), &[": is text, not an integer"]),
        (packed::<f32>("1"), &[": is text, not a number"]),
        (packed::<f64>(()), &[": is null, not a number"]),
        (packed::<bool>("true"), &[": is text, not a boolean"]),
        (packed::<char>(1), &[": is an integer, not text"]),
        (packed::<char>("ab"), &[": is \"ab\", not a character"]),
        (packed::<String>(1), &[": is an integer, not text"]),
        (packed::<Raw>("text"), &[": is text, not bytes"]),
        (packed::<Bytes>(map(1, 2)), &[": is a map, not bytes (base64 text)"]),
        (packed::<Vec<u8>>("x"), &[": is text, not a list"]),
        (packed::<(u8, u8)>(list([1.into()])), &[": has the length 1, and is not a tuple of size 2"]),
        (
            packed::<Pair>(list([1.into()])),
            &[": has the length 1, and is not tuple struct Pair with 2 elements"],
        ),
        (packed::<Pair>(list([1.into(), 2.into()])), &["[1]: is an integer, not text"]),
        (packed::<Pair>(5), &[": is an integer, not a list"]),
        (packed::<Wrapped>("x"), &[": is text, not an integer"]),
        (packed::<Wrapped>(Value::Extension(5, vec![1])), &[": is an extension, not an integer"]),
        (packed::<Option<i64>>("x"), &[": is text, not an integer"]),
        (
            packed::<Vec<Option<i64>>>(list([().into(), "x".into(), 1.into(), true.into()])),
            &["[1]: is text, not an integer", "[3]: is a boolean, not an integer"],
        ),
        (packed::<Point>("x"), &[": is text, not a map"]),
        (packed::<Point>(map("x", 1)), &["y: is missing"]),
        (packed::<Point>(list([1.into(), "x".into()])), &["y: is text, not an integer"]),
        (packed::<Point>(map("z", 1)), &["z: is unknown: expected is `x`, `y`", "x: is missing"]),
        (packed::<Empty>(map("z", 1)), &["z: is unknown: nothing is expected here"]),
        (
            packed::<Point>(Value::Map(vec![("x".into(), 1.into()), ("x".into(), 2.into())])),
            &["x: comes twice"],
        ),
    ]);
}

#[test]
fn variants() {
    let none = ": is \"None\", which is none of `Unit`, `New`, `Tuple`, `Struct`";
    let missing = ": is the name of a variant, whose content is missing";
    check([
        (packed::<Kind>("None"), &[none]),
        (packed::<Kind>(()), &[": is null, not of the right kind"]),
        (packed::<Kind>(list([])), &[": is neither the name of a variant nor a map from one to its content"]),
        (packed::<Kind>("New"), &[missing]),
        (packed::<Kind>("Tuple"), &[missing]),
        (packed::<Kind>("Struct"), &[missing]),
        (packed::<Kind>(map("Unit", 5)), &["Unit: is integer `5`, not unit"]),
        (packed::<Kind>(map("New", "x")), &["New: is text, not an integer"]),
        (packed::<Kind>(map("Tuple", list([1.into(), "x".into()]))), &["Tuple[1]: is text, not an integer"]),
        (packed::<Kind>(map("Struct", map("text", 5))), &["Struct.text: is an integer, not text"]),
        (packed::<Kind>(map("Struct", map("other", 5))), &["Struct.text: is missing"]),
        (packed::<Kind>(7), &[": is integer `7`, not variant index 0 <= i < 4"]),
        (
            packed::<Vec<Kind>>(list(["Unit".into(), map("New", 300), map("New", 1)])),
            &["[1].New: is integer `300`, not an integer from 0 to 255"],
        ),
    ]);
}

#[test]
fn keys_of_maps() {
    // In a path a key is written shortly, whatever it is.
    type Any = BTreeMap<Bytes, i64>;
    check([
        (packed::<BTreeMap<i64, i64>>(map(1, "x")), &["[\"1\"]: is text, not an integer"]),
        (
            packed::<BTreeMap<u64, i64>>(map(u64::MAX, "x")),
            &["[\"18446744073709551615\"]: is text, not an integer"],
        ),
        (packed::<BTreeMap<bool, i64>>(map(true, "x")), &["[\"true\"]: is text, not an integer"]),
        (packed::<BTreeMap<String, i64>>(map(1.5, 1)), &["[\"1.5\"]: is a number with a fraction, not text"]),
        (
            packed::<BTreeMap<String, i64>>(map(0.5_f32, 1)),
            &["[\"0.5\"]: is a number with a fraction, not text"],
        ),
        (packed::<BTreeMap<String, i64>>(map((), 1)), &["[\"null\"]: is null, not text"]),
        (packed::<Any>(map(vec![1_u8], "x")), &["[\"bytes\"]: is text, not an integer"]),
        (packed::<Any>(map(list([1.into()]), "x")), &["[\"a list\"]: is text, not an integer"]),
        (packed::<Any>(map(map(1, 2), 1)), &["[\"a map\"]: is a map, not bytes (base64 text)"]),
        (
            packed::<Any>(map(Value::Extension(5, vec![]), 1)),
            &["[\"an extension\"]: is an extension, not bytes (base64 text)"],
        ),
        (packed::<BTreeMap<Option<i64>, i64>>(map(1, "x")), &["[\"1\"]: is text, not an integer"]),
    ]);
}

/// A number with a fraction that has an order.
#[derive(Debug, Deserialize)]
struct Grade(f64);

impl PartialEq for Grade {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Grade {}

impl PartialOrd for Grade {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Grade {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[test]
fn keys_in_json_are_text_that_is_read() {
    fn key<K: DeserializeOwned + Ord>(key: &str) -> Vec<String> {
        json::<BTreeMap<K, bool>>(&format!("{{{key:?}: 1}}"))
    }
    let value: &[&str] = &["[\"7\"]: is an integer, not a boolean"];
    check([
        (key::<i8>("7"), value),
        (key::<i16>("7"), value),
        (key::<i32>("7"), value),
        (key::<i64>("7"), value),
        (key::<i128>("7"), value),
        (key::<u8>("7"), value),
        (key::<u16>("7"), value),
        (key::<u32>("7"), value),
        (key::<u64>("7"), value),
        (key::<u128>("7"), value),
        (key::<String>("7"), value),
        (key::<char>("7"), value),
        (key::<Wrapped>("7"), value),
        (key::<Grade>("7"), value),
        (key::<Option<i64>>("7"), value),
        (key::<bool>("true"), &["[\"true\"]: is an integer, not a boolean"]),
        (key::<Kind>("Unit"), &["[\"Unit\"]: is an integer, not a boolean"]),
        (key::<Bytes>("AQ=="), &["[\"AQ==\"]: is an integer, not a boolean"]),
        (key::<u8>("300"), &["[\"300\"]: is text, not an integer"]),
        (key::<bool>("yes"), &["[\"yes\"]: is text, not a boolean"]),
        (
            key::<Kind>("None"),
            &["[\"None\"]: is \"None\", which is none of `Unit`, `New`, `Tuple`, `Struct`"],
        ),
    ]);
}

#[test]
fn what_is_no_value_at_all_is_told_in_the_words_of_the_decoder() {
    for (format, bytes) in [(Format::Json, &b"{"[..]), (Format::MessagePack, b"\x92\x01")] {
        let error = Payload::new(format, bytes).decode::<(i64, i64)>().unwrap_err();
        assert!(error.message().starts_with("the value does not fit: "), "{error}");
        assert!(error.violations().is_empty());
    }
}

#[test]
fn a_long_list_of_what_is_wrong_ends_somewhere() {
    let many = list((0..1_000).map(|_| Value::from("x")));
    assert_eq!(packed::<Vec<i64>>(many).len(), 100);
    // Where much has to be looked at again and again, less is told, but the first is.
    let much = list((0..9_000).map(|at| if at % 100 == 0 { Value::from("x") } else { Value::from(at) }));
    let told = packed::<Vec<i64>>(much);
    assert!((2..40).contains(&told.len()), "{}", told.len());
    for (at, told) in told.iter().enumerate() {
        assert_eq!(*told, format!("[{}]: is text, not an integer", 100 * at));
    }
}

/// A type of an application around any value.
#[derive(Debug, Deserialize, PartialEq)]
struct Around(Value);

/// A field that has not come may break its constraint by its default: then the value comes from the diagnosis.
#[derive(Debug, PartialEq)]
struct Checked {
    inner: Around,
    text: String,
}

impl Validate for Checked {
    fn validate(&self, found: &mut Findings<'_>) {
        found.field("text", &[], |found| found.length(&self.text, 1..));
    }
}

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Plain {
            inner: Around,
            #[serde(default)]
            text: String,
        }
        let Plain { inner, text } = Plain::deserialize(deserializer)?;
        validation::decoded(Self { inner, text })
    }
}

#[test]
fn extensions_stay_extensions_in_what_a_diagnosis_decodes() {
    for value in [Value::Extension(-1, vec![0; 4]), Value::from(vec![1_u8]), Value::from(5)] {
        let payload = Payload::encode(Format::MessagePack, &map("inner", value.clone())).unwrap();
        let checked: Checked = payload.decode().unwrap();
        assert_eq!(checked, Checked { inner: Around(value), text: String::new() });
    }
    assert_eq!(
        packed::<Checked>(Value::Map(vec![("inner".into(), 5.into()), ("text".into(), "".into())])),
        ["text: length less than 1"]
    );
}

//! What `#[swill::validate]` checks, and what it writes into schemas.

use crate::{decode, refused, taken};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use swill::{Format, validation::Findings};

#[swill::validate]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Numbers {
    #[valid(gt = 0, multiple_of = 5)]
    int: i64,
    #[valid(ge = -1, lt = 1)]
    float: f64,
    #[valid(multiple_of = 0.1)]
    fraction: Option<f32>,
    #[valid(le = u64::MAX - 1)]
    big: u64,
    #[valid(ge = -9223372036854775808)]
    low: Option<i64>,
}

#[test]
fn numbers() {
    let fits = json!({"int": 5, "float": -1.0, "fraction": 0.3, "big": 0});
    assert_eq!(taken::<Numbers>(&fits).int, 5);
    refused::<Numbers>(
        &json!({"int": -3, "float": 1.0, "fraction": 0.35, "big": u64::MAX}),
        &[
            "int: gt: less than or equal to 0",
            "int: multiple_of: not a multiple of 5",
            "float: lt: greater than or equal to 1",
            "fraction: multiple_of: not a multiple of 0.1",
            "big: le: greater than 18446744073709551614",
        ],
    );
    let nothing = swill::Value::Map(vec![
        ("int".into(), 5.into()),
        ("float".into(), f64::NAN.into()),
        ("big".into(), 0.into()),
    ]);
    let error = nothing.deserialize::<Numbers>().unwrap_err();
    assert_eq!(crate::told(&error), ["float: ge: less than -1", "float: lt: greater than or equal to 1"]);
}

#[swill::validate]
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "it is decoded only")]
struct Lengths {
    #[valid(length(2..6))]
    half_open: String,
    #[valid(length(..=2))]
    #[serde(rename = "closed")]
    up_to: Vec<u8>,
    #[valid(length = 1..)]
    #[serde(default, alias = "more", skip_serializing_if = "Option::is_none")]
    entries: Option<HashMap<String, i64>>,
    #[valid(regex = "[a-z]+", length(..9))]
    #[serde(default)]
    word: String,
}

#[test]
fn lengths_and_names_on_the_wire() {
    taken::<Lengths>(&json!({"halfOpen": "äö€", "closed": [], "word": "abc1"}));
    refused::<Lengths>(
        &json!({"halfOpen": "ä", "closed": [1, 2, 3], "more": {}, "word": "1a"}),
        &[
            "halfOpen: min_length: length less than 2",
            "closed: max_length: length greater than or equal to 3",
            "entries: min_length: length less than 1",
            "word: pattern: Does not match pattern: [a-z]+",
        ],
    );
    refused::<Lengths>(
        &json!({"halfOpen": "abc", "closed": [], "x": 1}),
        &["x: unknown: is unknown: expected is `halfOpen`, `closed`, `entries`, `more`, `word`"],
    );
    // A word that is left out is empty, which would not match.
    taken::<Lengths>(&json!({"halfOpen": "abc", "closed": []}));
}

#[swill::validate]
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Percent(#[valid(le = 100)] u8);

#[swill::validate]
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Pair(#[valid(gt = 0)] i64, #[valid(lt = 0)] i64);

#[swill::validate]
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Page<T> {
    #[valid(length(..3))]
    items: Vec<T>,
    next: Option<Box<Self>>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
enum Choice {
    Percent(Percent),
    Both { pair: Pair },
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Flat {
    #[serde(flatten)]
    page: Page<u8>,
    by_name: BTreeMap<String, Vec<Percent>>,
}

#[test]
fn wherever_a_type_is_decoded() {
    refused::<Percent>(&json!(101), &[": le: greater than 100"]);
    refused::<Pair>(
        &json!([0, 0]),
        &["[0]: gt: less than or equal to 0", "[1]: lt: greater than or equal to 0"],
    );
    refused::<Vec<Percent>>(
        &json!([1, 101, 102]),
        &["[1]: le: greater than 100", "[2]: le: greater than 100"],
    );
    refused::<Page<Percent>>(
        &json!({"items": [1, 101, 102], "next": {"items": [], "next": {"items": [1, 2, 103], "next": null}}}),
        &[
            "items[1]: le: greater than 100",
            "next.next.items[2]: le: greater than 100",
            "next.next.items: max_length: length greater than or equal to 3",
            "items: max_length: length greater than or equal to 3",
        ],
    );
    refused::<Choice>(&json!({"Percent": 101}), &["Percent: le: greater than 100"]);
    refused::<Choice>(&json!({"Both": {"pair": [1, 1]}}), &["Both.pair[1]: lt: greater than or equal to 0"]);
    refused::<Flat>(
        &json!({"items": [1, 2, 3], "by_name": {"a": [1], "b": [101]}}),
        &["by_name[\"b\"][0]: le: greater than 100", "items: max_length: length greater than or equal to 3"],
    );
    // A wrong type and a broken constraint together.
    refused::<Page<Percent>>(
        &json!({"items": [101, "x"]}),
        &["items[1]: type: is text, not an integer", "items[0]: le: greater than 100"],
    );
    assert_eq!(taken::<Pair>(&json!([1, -1])), Pair(1, -1));
}

#[swill::validate]
#[derive(Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
struct OneDerive {
    #[valid(timezone = "+01:00")]
    at: String,
}

#[swill::validate(with = |it| if it.text.is_empty() { Err("no text") } else { Ok(()) })]
#[derive(Serialize)]
struct Lent<'a> {
    #[valid(predicate = |text| text.len() < 9)]
    text: &'a str,
}

#[test]
fn one_derive_is_enough() {
    taken::<OneDerive>(&json!({"at": "2026-01-31T12:00:00+01:00"}));
    for at in ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00-01:00", "2026-01-31 12:00:00.5+00:00"] {
        refused::<OneDerive>(&json!({"at": at}), &["at: timezone: not in time zone +01:00"]);
    }
    refused::<OneDerive>(&json!({"at": "noon"}), &["at: type: is not of the right kind"]);
    assert_eq!(serde_json::to_string(&Lent { text: "x" }).unwrap(), r#"{"text":"x"}"#);
    assert!(serde_json::to_string(&Lent { text: "" }).unwrap_err().to_string().contains("no text"));
}

#[test]
fn other_decoders_are_checked_too() {
    let error = serde_json::from_str::<Percent>("101").unwrap_err();
    assert!(error.to_string().contains("greater than 100"), "{error}");
    // Also from inside of a function that decodes something else.
    fn nested<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Written(#[allow(dead_code, reason = "it is decoded only")] Percent);
    impl TryFrom<String> for Written {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            nested(&text).map(Self)
        }
    }
    for format in [Format::MessagePack, Format::Json] {
        decode::<Written>(format, &json!("100")).unwrap();
        decode::<Written>(format, &json!("101")).unwrap_err();
    }
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
#[allow(dead_code, reason = "it is described only")]
struct Inside {
    #[valid(each(length(1..5)))]
    tags: Vec<String>,
    #[valid(each(le = 9))]
    pair: (i64, i64),
    #[valid(keys(length(1..5)), values(le = 1000))]
    prices: BTreeMap<String, i64>,
}

#[test]
fn schemas_say_what_they_can() {
    let schema = serde_json::to_value(schema_for!(Numbers)).unwrap();
    let of = |name: &str, key: &str| schema["properties"][name][key].clone();
    assert_eq!(of("int", "exclusiveMinimum"), json!(0));
    assert_eq!(of("int", "multipleOf"), json!(5));
    assert_eq!(of("float", "minimum"), json!(-1));
    assert_eq!(of("float", "exclusiveMaximum"), json!(1));
    let schema = serde_json::to_value(schema_for!(Lengths)).unwrap();
    let of = |name: &str, key: &str| schema["properties"][name][key].clone();
    assert_eq!((of("halfOpen", "minLength"), of("halfOpen", "maxLength")), (json!(2), json!(5)));
    assert_eq!((of("closed", "minItems"), of("closed", "maxItems")), (json!(null), json!(2)));
    assert_eq!(of("entries", "minProperties"), json!(1));
    assert_eq!(of("word", "pattern"), json!("^(?:[a-z]+)"));
    let schema = serde_json::to_value(schema_for!(Inside)).unwrap();
    let properties = &schema["properties"];
    assert_eq!(properties["tags"]["items"]["maxLength"], 4);
    assert_eq!(properties["pair"]["prefixItems"][1]["maximum"], 9);
    assert_eq!(properties["prices"]["additionalProperties"]["maximum"], 1000);
    assert_eq!(properties["prices"]["propertyNames"]["minLength"], 1);
}

#[swill::validate]
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct Defaults {
    #[valid(ge = 1)]
    per_page: u32,
    #[valid(length(1..))]
    order: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { per_page: 20, order: String::new() }
    }
}

#[test]
fn a_struct_may_have_a_default_of_its_own() {
    assert_eq!(taken::<Defaults>(&json!({})), Defaults::default());
    assert_eq!(
        taken::<Defaults>(&json!({"order": "up"})),
        Defaults { order: "up".into(), ..Defaults::default() }
    );
    refused::<Defaults>(&json!({"perPage": 0}), &["perPage: ge: less than 1"]);
}

#[swill::validate]
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
struct Bounded<T> {
    #[valid(length(1..))]
    items: Vec<T>,
    #[cfg(any())]
    #[valid(ge = 1)]
    never: u32,
}

#[test]
fn bounds_and_conditions_are_those_of_serde() {
    assert_eq!(taken::<Bounded<u8>>(&json!({"items": [1]})), Bounded { items: vec![1] });
    refused::<Bounded<u8>>(&json!({"items": []}), &["items: min_length: length less than 1"]);
}

#[test]
fn lists_and_maps_are_not_looked_at_for_ever() {
    let numbers = 0..1000;
    let looked = |all: bool, check: &dyn Fn(&mut Findings<'_>, &mut usize)| {
        let (mut found, mut looked) = (Findings::new(all), 0);
        check(&mut found, &mut looked);
        (looked, found.into_result().unwrap_err().violations().len())
    };
    let each = |found: &mut Findings<'_>, looked: &mut usize| {
        found.each(numbers.clone(), |found, number, _| {
            *looked += 1;
            found.lt(&number, 0);
        });
    };
    let pairs = || numbers.clone().map(|number| (number, number));
    let keys = |found: &mut Findings<'_>, looked: &mut usize| {
        found.keys(pairs(), |found, number| {
            *looked += 1;
            found.lt(&number, 0);
        });
    };
    let values = |found: &mut Findings<'_>, looked: &mut usize| {
        found.values(pairs(), |found, number| {
            *looked += 1;
            found.lt(&number, 0);
        });
    };
    for check in [&each as &dyn Fn(&mut Findings<'_>, &mut usize), &keys, &values] {
        assert_eq!(looked(false, check), (1, 1));
        assert_eq!(looked(true, check), (100, 100));
    }
}

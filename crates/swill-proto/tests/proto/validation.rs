//! Constraints by themselves.

use crate::value::any_value;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use swill_proto::{
    Code, Error, Format, Payload, Rule, Step, Value, Violation,
    validation::{Findings, Length, Number, Pattern, Zoned},
};

#[test]
fn multiples() {
    let cases: &[(bool, bool)] = &[
        (10_i64.is_multiple_of(5), true),
        (Number::is_multiple_of(11_i64, 5), false),
        (Number::is_multiple_of(-10_i64, 5), true),
        (Number::is_multiple_of(i64::MIN, -1), true),
        (Number::is_multiple_of(0_u8, 0), true),
        (Number::is_multiple_of(1_u8, 0), false),
        (Number::is_multiple_of(0.3_f64, 0.1), true),
        (Number::is_multiple_of(0.35_f64, 0.1), false),
        (Number::is_multiple_of(f64::NAN, 0.1), false),
        (Number::is_multiple_of(f64::INFINITY, 0.1), false),
        (Number::is_multiple_of(1.0_f64, 0.0), false),
    ];
    for (at, (is, expected)) in cases.iter().enumerate() {
        assert_eq!(is, expected, "case {at}");
    }
}

#[test]
fn lengths_are_those_of_what_people_see() {
    assert_eq!("äö€\u{1f600}".length(), 4);
    assert_eq!([1, 2, 3].length(), 3);
    assert_eq!(std::collections::BTreeMap::from([(1, 2)]).length(), 1);
    type Check = fn(&mut Findings<'_>);
    let ranges: [(&str, Check, &[Rule]); 4] = [
        ("half open", |it| it.length("abc", 1..3), &[Rule::MaxLength(3)]),
        ("closed", |it| it.length("abc", ..=2), &[Rule::MaxLength(3)]),
        ("from", |it| it.length("abc", 4..), &[Rule::MinLength(4)]),
        ("all", |it| it.length("abc", ..), &[]),
    ];
    for (name, check, expected) in ranges {
        let mut found = Findings::new(false);
        check(&mut found);
        let rules: Vec<_> = broken(found).into_iter().map(|it| it.rule).collect();
        assert_eq!(rules, expected, "{name}");
    }
}

fn broken(found: Findings<'_>) -> Vec<Violation> {
    found.into_result().map_or_else(|error: Error| error.violations().to_vec(), |()| Vec::new())
}

#[test]
fn patterns_are_anchored_at_the_start_only() {
    static WORD: Pattern = Pattern::new("a|bc");
    static END: Pattern = Pattern::new("(?m)b$");
    static NONE: Pattern = Pattern::new("(");
    let cases = [("a", true), ("ax", true), ("bcx", true), ("xa", false), ("x\na", false)];
    for (text, expected) in cases {
        assert_eq!(WORD.matches(text), expected, "{text}");
    }
    assert!(END.matches("b\nc") && !END.matches("a\nb"));
    assert!(!NONE.matches("("));
}

#[test]
fn zones_are_offsets() {
    let cases = [
        ("2026-01-31T12:00:00+01:00", "+01:00", Some(true)),
        ("2026-01-31T12:00:00.123-05:30", "-05:30", Some(true)),
        ("2026-01-31T12:00:00Z", "+00:00", Some(true)),
        ("2026-01-31 12:00:00-00:00", "Z", Some(true)),
        ("2026-01-31T12:00:00Z", "+01:00", Some(false)),
        ("2026-01-31T12:00:00", "Z", None),
        ("2026-01-31T12:00:00+1", "Z", None),
        ("2026-01-31T12:00:00+ä1:0", "Z", None),
        ("2026-01-31", "Z", None),
        ("", "Z", None),
    ];
    for (text, zone, expected) in cases {
        assert_eq!(text.is_in_zone(zone), expected, "{text} {zone}");
    }
    let stamp = Value::Extension(-1, vec![0; 4]);
    assert_eq!((stamp.is_in_zone("Z"), stamp.is_in_zone("+01:00")), (Some(true), Some(false)));
    assert_eq!(Value::Int(1).is_in_zone("Z"), None);
}

#[test]
fn findings_know_their_places() {
    let mut found = Findings::new(false);
    found.field("map", &[], |found| {
        let map = std::collections::BTreeMap::from([("a", 1), ("long", 2), ("longer", 3)]);
        found.keys(&map, |found, key| found.length(*key, ..3));
        found.values(&map, |found, value| found.lt(value, 2));
    });
    found.field("pair", &[], |found| found.element(1, |found| found.gt(&0, 0)));
    found.whole(&(), |()| Err("not asked any more"));
    let paths: Vec<_> = broken(found).iter().map(Violation::path_text).collect();
    assert_eq!(paths, ["map", "map[\"long\"]", "pair[1]"]);

    let mut all = Findings::new(true);
    all.each([5, 6, 1], |found, number, _| found.lt(&number, 5));
    all.whole(&(), |()| Err("asked"));
    let found = broken(all);
    assert_eq!(
        found.last().map(|it| (&*it.path, &*it.message)),
        Some((&[Step::Name("*".into())][..], "asked"))
    );
    assert_eq!(found.len(), 3);
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is decoded only")]
enum Anything {
    Tree(Vec<Self>),
    Named(BTreeMap<String, Option<Self>>),
    Kind(Kind),
    Pair((i8, String)),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is decoded only")]
enum Kind {
    Unit,
    New(u8),
    Struct { text: String },
}

proptest! {
    /// Whatever comes, something bounded is said of it, and only if it does not fit.
    #[test]
    fn any_value_is_taken_or_explained(value in any_value()) {
        fn check<T: serde::de::DeserializeOwned>(value: &Value) {
            for format in [Format::MessagePack, Format::Json] {
                let Ok(payload) = Payload::encode(format, value) else { continue };
                let first = match format {
                    Format::MessagePack => rmp_serde::from_slice::<T>(payload.bytes()).is_ok(),
                    Format::Json => serde_json::from_slice::<T>(payload.bytes()).is_ok(),
                };
                match payload.decode::<T>() {
                    Ok(_) => assert!(first, "{format}: {value:?}"),
                    Err(error) => {
                        assert_eq!(error.code(), Code::INVALID);
                        assert!(error.violations().len() <= 200);
                        assert!(error.message().len() < 2_000, "{}", error.message());
                    }
                }
            }
        }
        check::<Anything>(&value);
        check::<Vec<Kind>>(&value);
        check::<BTreeMap<i64, Vec<(u8, Option<f32>)>>>(&value);
        check::<(Kind, Vec<Anything>)>(&value);
    }
}

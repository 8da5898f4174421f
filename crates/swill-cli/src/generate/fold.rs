//! Puts types together that are only two because of what may be left out.
//!
//! An optional field need not come in, and always goes out, as null: for a description, these are two types, `Order` and
//! `OrderOutput`. In languages whose structs have all their fields anyway they are the same.

use serde_json::Value;
use std::collections::BTreeSet;
use swill_proto::spec::{Spec, definition_name, definition_reference};

const OUTPUT: &str = "Output";

/// The same description with one type where two differ in nothing else.
pub(crate) fn fold(spec: &Spec) -> Spec {
    let input = |name: &str| {
        let input = name.strip_suffix(OUTPUT).filter(|input| spec.definitions.contains_key(*input));
        input.map(str::to_owned)
    };
    // First all of them are taken to be the same, then those that are not are taken out, until nothing changes.
    let mut same: BTreeSet<String> =
        spec.definitions.keys().filter(|name| input(name).is_some()).cloned().collect();
    loop {
        let before = same.len();
        let new = |name: &str| same.contains(name).then(|| input(name)).flatten();
        let differs = |name: &String| {
            let Some(other) = input(name) else { return true };
            normal(&spec.definitions[name], &new) != normal(&spec.definitions[&other], &new)
        };
        let differing: Vec<String> = same.iter().filter(|name| differs(name)).cloned().collect();
        same.retain(|name| !differing.contains(name));
        if same.len() == before {
            break;
        }
    }
    let new = |name: &str| same.contains(name).then(|| input(name)).flatten();
    let mut folded = spec.clone();
    folded.definitions.retain(|name, _| !same.contains(name));
    folded.definitions.values_mut().for_each(|schema| rename(schema, &new));
    for procedure in &mut folded.procedures {
        rename(&mut procedure.result, &new);
        let data = procedure.errors.iter_mut().filter_map(|error| error.data.as_mut());
        data.for_each(|schema| rename(schema, &new));
    }
    folded
}

/// A schema without what is the same for a struct that has all its fields anyway.
fn normal(schema: &Value, new: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut schema = schema.clone();
    rename(&mut schema, new);
    relax(&mut schema);
    schema
}

/// Takes those fields out of `required` that may be null.
fn relax(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(relax),
        Value::Object(keywords) => {
            let properties = keywords.get("properties").cloned().unwrap_or_default();
            if let Some(Value::Array(required)) = keywords.get_mut("required") {
                required.retain(|name| {
                    let property = name.as_str().and_then(|name| properties.get(name));
                    !property.is_some_and(may_be_null)
                });
            }
            keywords.values_mut().for_each(relax);
        }
        _ => {}
    }
}

fn may_be_null(schema: &Value) -> bool {
    let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
    let list = |keyword| schema.get(keyword).and_then(Value::as_array);
    list("type").is_some_and(|types| types.iter().any(|name| name == "null"))
        || list("anyOf").is_some_and(|choices| choices.iter().any(is_null))
}

fn rename(schema: &mut Value, new: &dyn Fn(&str) -> Option<String>) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(|schema| rename(schema, new)),
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        if let Some(name) = definition_name(reference).and_then(|name| new(&name)) {
                            *reference = definition_reference(&name);
                        }
                    }
                    value => rename(value, new),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use swill_proto::spec::Info;

    #[test]
    fn types_that_differ_in_what_may_be_null_are_one() {
        let mut spec = Spec::new(Info::default());
        let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
        let nullable = json!({ "a": { "type": ["string", "null"] } });
        let given = json!({ "a": { "type": "string", "default": "" } });
        for (name, schema) in [
            ("Same", object(nullable.clone(), json!([]))),
            ("SameOutput", object(nullable, json!(["a"]))),
            ("Other", object(given.clone(), json!([]))),
            ("OtherOutput", object(given, json!(["a"]))),
            ("OfSame", json!({ "items": { "$ref": "#/$defs/Same" } })),
            ("OfSameOutput", json!({ "items": { "$ref": "#/$defs/SameOutput" } })),
            ("OfOther", json!({ "items": { "$ref": "#/$defs/Other" } })),
            ("OfOtherOutput", json!({ "items": { "$ref": "#/$defs/OtherOutput" } })),
            ("AloneOutput", json!({ "$ref": "#/$defs/OfSameOutput" })),
        ] {
            spec.definitions.insert(name.into(), schema);
        }
        let folded = fold(&spec);
        let names: BTreeSet<_> = folded.definitions.keys().map(String::as_str).collect();
        let left = ["AloneOutput", "OfOther", "OfOtherOutput", "OfSame", "Other", "OtherOutput", "Same"];
        assert_eq!(names, left.into());
        assert_eq!(folded.definitions["AloneOutput"]["$ref"], "#/$defs/OfSame");
    }
}

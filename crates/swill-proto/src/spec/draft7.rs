//! Schemas as the tools of OpenRPC and AsyncAPI read them: JSON Schema draft 7, with definitions in another place.

use super::definition_name;
use serde_json::{Map, Value, json};

/// Where definitions lie in both documents.
const PLACE: &str = "#/components/schemas/";

/// Keywords whose value is a map from names to schemas.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Keywords whose value is a value.
const VALUES: &[&str] = &["default", "const", "enum", "examples", "required"];

/// All definitions.
pub(super) fn definitions(definitions: &Map<String, Value>) -> Map<String, Value> {
    definitions.iter().map(|(name, schema)| (key(name), schema_of(schema))).collect()
}

/// A schema in the older form: references lead to the definitions' place, and have nothing beside them, which would not
/// count; tuples are lists of `items`.
pub(super) fn schema_of(schema: &Value) -> Value {
    let keywords = match schema {
        Value::Array(list) => return list.iter().map(schema_of).collect(),
        Value::Object(keywords) => keywords,
        value => return value.clone(),
    };
    let tuple = keywords.contains_key("prefixItems");
    let mut written = Map::new();
    for (keyword, value) in keywords {
        let (keyword, value) = match (keyword.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                ("$ref", definition_name(reference).map_or_else(|| value.clone(), |name| json!(place(&name))))
            }
            ("prefixItems", value) => ("items", schema_of(value)),
            ("items", value) if tuple => ("additionalItems", schema_of(value)),
            (keyword, Value::Object(named)) if NAMED.contains(&keyword) => {
                (keyword, named.iter().map(|(name, schema)| (name.clone(), schema_of(schema))).collect())
            }
            (keyword, value) if VALUES.contains(&keyword) => (keyword, value.clone()),
            (keyword, value) => (keyword, schema_of(value)),
        };
        written.insert(keyword.to_owned(), value);
    }
    match written.len() {
        0 | 1 => {}
        _ => {
            if let Some(reference) = written.remove("$ref") {
                written.insert("allOf".into(), json!([{ "$ref": reference }]));
            }
        }
    }
    Value::Object(written)
}

/// The reference to a definition.
fn place(name: &str) -> String {
    format!("{PLACE}{}", key(name))
}

/// A name as it may be a key among components.
pub(super) fn key(name: &str) -> String {
    name.chars().map(|it| if it.is_ascii_alphanumeric() || "._-".contains(it) { it } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_rewritten_all_the_way_down() {
        let table = [
            (json!({ "$ref": "#/$defs/Point" }), json!({ "$ref": "#/components/schemas/Point" })),
            (
                json!({ "$ref": "#/$defs/Page%3CUser%3E", "default": null }),
                json!({ "allOf": [{ "$ref": "#/components/schemas/Page_User_" }], "default": null }),
            ),
            (
                json!({ "prefixItems": [{ "$ref": "#/$defs/A" }, true], "items": false }),
                json!({ "items": [{ "$ref": "#/components/schemas/A" }, true], "additionalItems": false }),
            ),
            (
                json!({ "properties": { "prefixItems": { "items": { "$ref": "#/$defs/A" } } } }),
                json!({ "properties": { "prefixItems": { "items": { "$ref": "#/components/schemas/A" } } } }),
            ),
            (json!({ "const": { "$ref": "#/$defs/A" } }), json!({ "const": { "$ref": "#/$defs/A" } })),
        ];
        for (schema, written) in table {
            assert_eq!(schema_of(&schema), written);
        }
    }
}

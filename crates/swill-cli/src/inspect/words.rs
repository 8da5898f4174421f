//! Types, as people say them.

use serde_json::{Map, Value};
use swill_proto::spec::{Schema, definition_name};

/// Members of an object that are named in one line.
const MEMBERS: usize = 4;

/// How deep a type is spelled out in one line.
const DEPTH: usize = 8;

/// A type in a signature: `[Order]`, `{text: int64}`, `uuid?`.
pub(super) fn short(schema: &Schema) -> String {
    Words { long: false }.say(schema, DEPTH)
}

/// A type in words: *list of Order*, *map of integers of 64 bits*.
pub(super) fn long(schema: &Schema) -> String {
    Words { long: true }.say(schema, DEPTH)
}

#[derive(Clone, Copy)]
struct Words {
    long: bool,
}

impl Words {
    fn say(self, schema: &Schema, depth: usize) -> String {
        let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return "nothing".to_owned(),
            _ => return self.anything(),
        };
        if let Some(reference) = text(schema, "$ref") {
            return definition_name(reference).unwrap_or_else(|| reference.to_owned());
        }
        if let Some(value) = schema.get("const") {
            return value.to_string();
        }
        if let Some(values) = list(schema, "enum") {
            return self.choice(&values.iter().map(Value::to_string).collect::<Vec<_>>());
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(choices) = list(schema, name) {
                return self.one_of(choices, depth);
            }
        }
        if let Some([only]) = list(schema, "allOf") {
            return self.say(only, depth);
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema, depth),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                let (null, others): (Vec<_>, Vec<_>) = names.partition(|name| *name == "null");
                let words: Vec<_> = others.into_iter().map(|name| self.named(name, schema, depth)).collect();
                self.or_null(self.choice(&words), !null.is_empty())
            }
            _ => self.anything(),
        }
    }

    fn anything(self) -> String {
        if self.long { "any value" } else { "any" }.to_owned()
    }

    fn one_of(self, choices: &[Value], depth: usize) -> String {
        let is_null = |choice: &&Value| choice["type"] == "null";
        let (null, others): (Vec<_>, Vec<_>) = choices.iter().partition(is_null);
        let words: Vec<_> = others.into_iter().map(|choice| self.say(choice, depth)).collect();
        self.or_null(self.choice(&words), !null.is_empty())
    }

    fn choice(self, words: &[String]) -> String {
        match (words, self.long) {
            ([only], _) => only.clone(),
            (words, false) => words.join(" | "),
            (words, true) => format!("one of {}", words.join(", ")),
        }
    }

    fn or_null(self, words: String, null: bool) -> String {
        match (null, self.long) {
            (false, _) => words,
            (true, true) => format!("{words}, or null"),
            (true, false) if words.contains(' ') && !words.starts_with(['{', '[', '(']) => {
                format!("({words})?")
            }
            (true, false) => format!("{words}?"),
        }
    }

    fn named(self, name: &str, schema: &Map<String, Value>, depth: usize) -> String {
        let format = text(schema, "format");
        match (name, self.long) {
            ("integer", true) => integer(format),
            ("integer", false) => format.unwrap_or("integer").to_owned(),
            ("number", true) => match format {
                Some("float") => "number of 32 bits".to_owned(),
                _ => "number".to_owned(),
            },
            ("number", false) => format.unwrap_or("number").to_owned(),
            ("boolean", true) => "true or false".to_owned(),
            ("boolean", false) => "bool".to_owned(),
            ("string", long) => {
                let bytes = text(schema, "contentEncoding") == Some("base64");
                match format {
                    _ if bytes => "bytes".to_owned(),
                    Some("date-time") if long => "date and time".to_owned(),
                    Some("uuid") if long => "UUID".to_owned(),
                    Some(format) if long => format!("text ({format})"),
                    Some(format) => format.to_owned(),
                    None => "text".to_owned(),
                }
            }
            ("array", _) => self.array(schema, depth),
            ("object", _) => self.object(schema, depth),
            (other, _) => other.to_owned(),
        }
    }

    fn array(self, schema: &Map<String, Value>, depth: usize) -> String {
        if let Some(first) = list(schema, "prefixItems") {
            let words: Vec<_> = first.iter().map(|element| self.say(element, depth)).collect();
            let words = words.join(", ");
            return if self.long { format!("list of exactly ({words})") } else { format!("({words})") };
        }
        let element = schema.get("items").map_or_else(|| self.anything(), |element| self.say(element, depth));
        let set = schema.get("uniqueItems") == Some(&Value::Bool(true));
        match (self.long, set) {
            (false, _) => format!("[{element}]"),
            (true, false) => format!("list of {element}"),
            (true, true) => format!("list of {element}, each once"),
        }
    }

    fn object(self, schema: &Map<String, Value>, depth: usize) -> String {
        if let Some(members) = schema.get("properties").and_then(Value::as_object) {
            let required = list(schema, "required").unwrap_or_default();
            let word = |(name, member): (&String, &Value)| {
                let optional = if required.iter().any(|it| it == name.as_str()) { "" } else { "?" };
                format!("{name}{optional}: {}", Words { long: false }.say(member, depth))
            };
            let mut words: Vec<String> = members.iter().take(MEMBERS).map(word).collect();
            if members.len() > MEMBERS {
                words.push("…".to_owned());
            }
            return format!("{{{}}}", words.join(", "));
        }
        match schema.get("additionalProperties") {
            Some(value @ Value::Object(_)) => {
                let value = self.say(value, depth);
                if self.long { format!("map from text to {value}") } else { format!("{{text: {value}}}") }
            }
            _ => "object".to_owned(),
        }
    }
}

/// What a value has to hold to beside its type.
pub(super) fn constraints(schema: &Schema) -> Vec<String> {
    let Value::Object(schema) = schema else { return Vec::new() };
    let number = |name: &str| schema.get(name).filter(|value| value.is_number());
    let mut found = Vec::new();
    let natural = text(schema, "format").map_or((None, None), bounds);
    let said = |bound: &Value, natural: Option<i128>| bound.as_i128() != natural || natural.is_none();
    for (name, words, natural) in [
        ("minimum", "at least", natural.0),
        ("exclusiveMinimum", "more than", None),
        ("maximum", "at most", natural.1),
        ("exclusiveMaximum", "less than", None),
        ("multipleOf", "a multiple of", None),
    ] {
        found.extend(
            number(name).filter(|bound| said(bound, natural)).map(|bound| format!("{words} {bound}")),
        );
    }
    for (least, most, things) in [
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "elements"),
        ("minProperties", "maxProperties", "entries"),
    ] {
        // A tuple says how long it is.
        if things == "elements" && schema.contains_key("prefixItems") {
            continue;
        }
        found.extend(match (number(least), number(most)) {
            (None, None) => None,
            (Some(least), None) => Some(format!("at least {least} {things}")),
            (None, Some(most)) => Some(format!("at most {most} {things}")),
            (Some(least), Some(most)) if least == most => Some(format!("exactly {least} {things}")),
            (Some(least), Some(most)) => Some(format!("{least} to {most} {things}")),
        });
    }
    found.extend(text(schema, "pattern").map(|pattern| format!("matches `{pattern}`")));
    for (name, which) in
        [("items", "each"), ("additionalProperties", "each value"), ("propertyNames", "each key")]
    {
        if let Some(inner) = schema.get(name) {
            found.extend(constraints(inner).into_iter().map(|constraint| format!("{which} {constraint}")));
        }
    }
    found
}

/// *integer of 64 bits, not negative*.
fn integer(format: Option<&str>) -> String {
    let Some(format) = format else { return "integer".to_owned() };
    let (bits, sign) = match (format.strip_prefix("uint"), format.strip_prefix("int")) {
        (Some(bits), _) => (bits, ", not negative"),
        (None, Some(bits)) => (bits, ""),
        (None, None) => return format!("integer ({format})"),
    };
    match bits {
        "" => format!("integer{sign}"),
        bits => format!("integer of {bits} bits{sign}"),
    }
}

/// The smallest and the largest number of a format, which need not be said.
fn bounds(format: &str) -> (Option<i128>, Option<i128>) {
    match format {
        "int8" => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        "int16" => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        "int32" => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        "int64" => (Some(i64::MIN.into()), Some(i64::MAX.into())),
        "uint8" => (Some(0), Some(u8::MAX.into())),
        "uint16" => (Some(0), Some(u16::MAX.into())),
        "uint32" => (Some(0), Some(u32::MAX.into())),
        "uint64" => (Some(0), Some(u64::MAX.into())),
        "uint" | "uint128" => (Some(0), None),
        _ => (None, None),
    }
}

/// A number as it is, if it is an integer.
trait Integer {
    fn as_i128(&self) -> Option<i128>;
}

impl Integer for Value {
    fn as_i128(&self) -> Option<i128> {
        self.as_i64().map(i128::from).or_else(|| self.as_u64().map(i128::from))
    }
}

fn text<'s>(schema: &'s Map<String, Value>, name: &str) -> Option<&'s str> {
    schema.get(name).and_then(Value::as_str)
}

fn list<'s>(schema: &'s Map<String, Value>, name: &str) -> Option<&'s [Value]> {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_said() {
        let point = || json!({ "$ref": "#/$defs/Point" });
        for (schema, in_short, in_words) in [
            (json!(true), "any", "any value"),
            (json!(false), "nothing", "nothing"),
            (json!({ "type": "integer", "format": "uint8" }), "uint8", "integer of 8 bits, not negative"),
            (json!({ "type": "integer", "format": "int64" }), "int64", "integer of 64 bits"),
            (json!({ "type": "integer", "format": "uint" }), "uint", "integer, not negative"),
            (json!({ "type": "number", "format": "double" }), "double", "number"),
            (json!({ "type": "boolean" }), "bool", "true or false"),
            (json!({ "type": "null" }), "null", "null"),
            (json!({ "type": "string" }), "text", "text"),
            (json!({ "type": "string", "format": "date-time" }), "date-time", "date and time"),
            (json!({ "type": "string", "contentEncoding": "base64" }), "bytes", "bytes"),
            (json!({ "type": ["string", "null"] }), "text?", "text, or null"),
            (json!({ "anyOf": [point(), { "type": "null" }] }), "Point?", "Point, or null"),
            (json!({ "enum": ["a", "b"] }), r#""a" | "b""#, r#"one of "a", "b""#),
            (
                json!({ "oneOf": [{ "const": "a" }, point(), { "type": "null" }] }),
                r#"("a" | Point)?"#,
                r#"one of "a", Point, or null"#,
            ),
            (json!({ "type": "array", "items": point() }), "[Point]", "list of Point"),
            (
                json!({ "type": "array", "items": point(), "uniqueItems": true }),
                "[Point]",
                "list of Point, each once",
            ),
            (
                json!({ "type": "array", "prefixItems": [point(), { "type": "string" }] }),
                "(Point, text)",
                "list of exactly (Point, text)",
            ),
            (
                json!({ "type": "object", "additionalProperties": { "type": "integer", "format": "int64" } }),
                "{text: int64}",
                "map from text to integer of 64 bits",
            ),
            (
                json!({ "type": "object", "properties": { "a": point(), "b": true }, "required": ["a"] }),
                "{a: Point, b?: any}",
                "{a: Point, b?: any}",
            ),
        ] {
            assert_eq!(
                (short(&schema), long(&schema)),
                (in_short.to_owned(), in_words.to_owned()),
                "{schema}"
            );
        }
    }

    #[test]
    fn constraints_are_said_unless_the_type_says_them() {
        for (schema, expected) in [
            (json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 }), &[][..]),
            (json!({ "format": "uint8", "minimum": 1, "maximum": 12 }), &["at least 1", "at most 12"]),
            (json!({ "format": "uint64", "minimum": 0, "maximum": u64::MAX }), &[]),
            (json!({ "exclusiveMinimum": 0.5, "multipleOf": 5 }), &["more than 0.5", "a multiple of 5"]),
            (
                json!({ "minLength": 1, "maxLength": 20, "pattern": "^a" }),
                &["1 to 20 characters", "matches `^a`"],
            ),
            (
                json!({ "minItems": 2, "maxItems": 2, "items": { "maximum": 9 } }),
                &["exactly 2 elements", "each at most 9"],
            ),
            (json!({ "minItems": 2, "maxItems": 2, "prefixItems": [true, true] }), &[]),
            (
                json!({ "minProperties": 1, "propertyNames": { "maxLength": 5 } }),
                &["at least 1 entries", "each key at most 5 characters"],
            ),
        ] {
            assert_eq!(constraints(&schema), expected, "{schema}");
        }
    }
}

//! What a schema says of a value, as far as that decides how arguments are read.

use swill_proto::{
    Value,
    spec::{Schema, Spec},
};

/// What kinds of values fit a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// Text.
    pub(crate) text: bool,
    /// Anything else, apart from null.
    pub(crate) other: bool,
}

/// How deep schemas are looked into: as deep as values are nested.
const DEPTH: usize = 64;

impl Accepts {
    pub(crate) const ANYTHING: Self = Self { text: true, other: true };
    const NOTHING: Self = Self { text: false, other: false };

    /// Whether nothing but text fits.
    pub(crate) fn is_text(self) -> bool {
        self.text && !self.other
    }

    fn or(self, other: Self) -> Self {
        Self { text: self.text || other.text, other: self.other || other.other }
    }

    fn of_type(name: &str) -> Self {
        match name {
            "string" => Self { text: true, other: false },
            "null" => Self::NOTHING,
            _ => Self { text: false, other: true },
        }
    }

    fn of_value(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(_) => Self::of_type("string"),
            serde_json::Value::Null => Self::NOTHING,
            _ => Self::of_type("number"),
        }
    }
}

/// What kinds of values fit `schema`.
pub(crate) fn accepts(spec: &Spec, schema: &Schema) -> Accepts {
    accepts_within(spec, schema, DEPTH)
}

fn accepts_within(spec: &Spec, schema: &Schema, depth: usize) -> Accepts {
    let schema = spec.resolve(schema);
    let any = |all: &[serde_json::Value], of: &dyn Fn(&serde_json::Value) -> Accepts| {
        all.iter().map(of).fold(Accepts::NOTHING, Accepts::or)
    };
    match &schema["type"] {
        serde_json::Value::String(name) => return Accepts::of_type(name),
        serde_json::Value::Array(names) => {
            return any(names, &|name| Accepts::of_type(name.as_str().unwrap_or_default()));
        }
        _ => {}
    }
    if let Some(value) = schema.get("const") {
        return Accepts::of_value(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return any(values, &Accepts::of_value);
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[name].as_array()
            && depth > 0
        {
            return any(choices, &|choice| accepts_within(spec, choice, depth - 1));
        }
    }
    Accepts::ANYTHING
}

/// The schemas of an object's members, if a schema says that it is an object and what it has.
pub(crate) fn members<'s>(
    spec: &'s Spec,
    schema: &'s Schema,
) -> Option<&'s serde_json::Map<String, serde_json::Value>> {
    spec.resolve(schema)["properties"].as_object()
}

/// Turns text into bytes where a schema says that the text is base64. What does not fit stays as it is, for the server to
/// say what is wrong with it.
pub(crate) fn fitted(spec: &Spec, schema: &Schema, value: Value) -> Value {
    let schema = spec.resolve(schema);
    match value {
        Value::Text(text) => match is_bytes(spec, schema).then(|| crate::json::bytes(&text)).flatten() {
            Some(bytes) => Value::Bytes(bytes),
            None => Value::Text(text),
        },
        Value::List(list) => {
            let first = schema["prefixItems"].as_array().map(Vec::as_slice).unwrap_or_default();
            let fit = |(at, element)| match first.get(at).or_else(|| schema.get("items")) {
                Some(schema) => fitted(spec, schema, element),
                None => chosen(spec, schema, element, |choice| choice.get("items").is_some()),
            };
            Value::List(list.into_iter().enumerate().map(fit).collect())
        }
        Value::Map(entries) => {
            let fit = |(name, value): (Value, Value)| {
                let member = name.as_str().and_then(|name| member(spec, schema, name));
                let value = match member {
                    Some(schema) => fitted(spec, schema, value),
                    None => value,
                };
                (name, value)
            };
            Value::Map(entries.into_iter().map(fit).collect())
        }
        other => other,
    }
}

/// Fits an element of a list for which one of several schemas speaks.
fn chosen(spec: &Spec, schema: &Schema, element: Value, speaks: impl Fn(&Schema) -> bool) -> Value {
    let choice = choices(schema).map(|choice| spec.resolve(choice)).find(|choice| speaks(choice));
    match choice.and_then(|choice| choice.get("items")) {
        Some(schema) => fitted(spec, schema, element),
        None => element,
    }
}

/// The schema of a member of an object, in the schema itself or in one of those that it is made of.
fn member<'s>(spec: &'s Spec, schema: &'s Schema, name: &str) -> Option<&'s Schema> {
    let own = schema["properties"].get(name);
    let any = schema.get("additionalProperties").filter(|any| any.is_object());
    own.or(any).or_else(|| {
        choices(schema).find_map(|choice| {
            let choice = spec.resolve(choice);
            choice["properties"]
                .get(name)
                .or_else(|| choice.get("additionalProperties").filter(|it| it.is_object()))
        })
    })
}

fn choices(schema: &Schema) -> impl Iterator<Item = &Schema> {
    let lists = ["anyOf", "oneOf", "allOf"].into_iter();
    lists.filter_map(|name| schema[name].as_array()).flatten()
}

/// Whether text that fits a schema is always base64.
pub(crate) fn is_bytes(spec: &Spec, schema: &Schema) -> bool {
    let schema = spec.resolve(schema);
    let encoded = |schema: &Schema| schema["contentEncoding"] == "base64";
    let mut texts =
        choices(schema).map(|choice| spec.resolve(choice)).filter(|it| accepts(spec, it).text).peekable();
    encoded(schema) || texts.peek().is_some() && texts.all(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::json;
    use swill_proto::spec::Info;

    #[test]
    fn schemas_say_whether_text_fits() {
        let (text, other) = (Accepts { text: true, other: false }, Accepts { text: false, other: true });
        let mut spec = Spec::new(Info::default());
        spec.definitions.insert("Loop".into(), json!({ "anyOf": [{ "$ref": "#/$defs/Loop" }] }));
        for (schema, expected) in [
            (json!(true), Accepts::ANYTHING),
            (json!({}), Accepts::ANYTHING),
            (json!({ "type": "string" }), text),
            (json!({ "type": ["string", "null"] }), text),
            (json!({ "type": ["string", "integer"] }), Accepts::ANYTHING),
            (json!({ "type": "object" }), other),
            (json!({ "enum": ["a", "b"] }), text),
            (json!({ "oneOf": [{ "const": "a" }, { "type": "object" }] }), Accepts::ANYTHING),
            (json!({ "anyOf": [{ "type": "number" }, { "type": "null" }] }), other),
            (json!({ "$ref": "#/$defs/Loop" }), Accepts::ANYTHING),
        ] {
            assert_eq!(accepts(&spec, &schema), expected, "{schema}");
        }
    }

    #[test]
    fn base64_becomes_bytes_only_where_a_schema_says_so() {
        let bytes = json!({ "type": "string", "contentEncoding": "base64" });
        let spec = Spec::new(Info::default());
        for (schema, value, expected) in [
            (bytes.clone(), r#""aGk=""#, r#"{"$bytes":"aGk="}"#),
            (bytes.clone(), r#""no base64""#, r#""no base64""#),
            (json!({ "anyOf": [bytes, { "type": "null" }] }), r#""aGk=""#, r#"{"$bytes":"aGk="}"#),
            (json!({ "anyOf": [bytes, { "type": "string" }] }), r#""aGk=""#, r#""aGk=""#),
            (json!({ "type": "array", "items": bytes }), r#"["aGk="]"#, r#"[{"$bytes":"aGk="}]"#),
            (json!({ "prefixItems": [true, bytes] }), r#"["aGk=","aGk="]"#, r#"["aGk=",{"$bytes":"aGk="}]"#),
            (json!({ "additionalProperties": bytes }), r#"{"a":"aGk="}"#, r#"{"a":{"$bytes":"aGk="}}"#),
            (
                json!({ "oneOf": [{ "properties": { "Data": bytes } }, { "const": "None" }] }),
                r#"{"Data":"aGk="}"#,
                r#"{"Data":{"$bytes":"aGk="}}"#,
            ),
        ] {
            let fitted = fitted(&spec, &schema, json::parse(value).unwrap());
            assert_eq!(json::line(&fitted), expected, "{schema}");
        }
    }
}

//! The answer of `swill.introspect`: procedures with the names of their types, for clients that know no schemas.

use std::{cell::Cell, collections::BTreeSet};
use swill_proto::{
    Value,
    spec::{ProcedureSpec, Schema, Spec, definition_name},
};

/// One item for each procedure, in the order of registration.
pub(crate) fn items(spec: &Spec) -> Vec<Value> {
    spec.procedures.iter().map(|procedure| item(spec, procedure)).collect()
}

fn item(spec: &Spec, procedure: &ProcedureSpec) -> Value {
    let types = Types::new(spec);
    let request = match (&procedure.items, &procedure.parameters[..]) {
        (Some(items), _) => types.of(&items.schema),
        (None, []) => named("None"),
        (None, [parameter]) => types.of(&parameter.schema),
        (None, parameters) => generic("tuple", parameters.iter().map(|it| types.of(&it.schema))),
    };
    map([
        ("name", procedure.name.as_str().into()),
        ("request", side(procedure.streams_in, request)),
        ("response", side(procedure.streams_out, types.of(&procedure.result))),
    ])
}

fn side(streams: bool, ty: Value) -> Value {
    map([("streams", streams.into()), ("type", ty)])
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn named(name: &str) -> Value {
    map([("type", name.into())])
}

/// A type with arguments that have numbers.
fn generic(name: &str, arguments: impl Iterator<Item = Value>) -> Value {
    let arguments = (0_u64..).zip(arguments).map(|(at, ty)| (Value::from(at), ty));
    map([("type", name.into()), ("arguments", Value::Map(arguments.collect()))])
}

/// How many types are taken apart for one procedure: types that contain each other could go on nearly without end.
const MOST: usize = 1000;

/// Schemas as names of types.
struct Types<'s> {
    spec: &'s Spec,
    /// How many more are taken apart.
    left: Cell<usize>,
}

impl<'s> Types<'s> {
    fn new(spec: &'s Spec) -> Self {
        Self { spec, left: Cell::new(MOST) }
    }

    fn of(&self, schema: &Schema) -> Value {
        self.within(schema, &mut BTreeSet::new())
    }

    /// The type; one that contains itself has no arguments the second time.
    fn within(&self, schema: &Schema, around: &mut BTreeSet<String>) -> Value {
        if let Some(name) = schema.get("$ref").and_then(|it| it.as_str()).and_then(definition_name) {
            let resolved = self.spec.resolve(schema);
            let fields = resolved.get("properties").is_some();
            let left = self.left.get();
            if left == 0 || !around.insert(name.clone()) {
                return named(if fields { &name } else { "Any" });
            }
            self.left.set(left - 1);
            let written = match fields {
                true => self.fields(&name, resolved, around),
                false => self.unnamed(resolved, around),
            };
            around.remove(&name);
            return written;
        }
        self.unnamed(schema, around)
    }

    fn fields(&self, name: &str, schema: &Schema, around: &mut BTreeSet<String>) -> Value {
        let properties = schema.get("properties").and_then(|it| it.as_object());
        let fields = properties.into_iter().flatten();
        let fields = fields.map(|(field, schema)| (field.as_str().into(), self.within(schema, around)));
        map([("type", name.into()), ("arguments", Value::Map(fields.collect()))])
    }

    fn unnamed(&self, schema: &Schema, around: &mut BTreeSet<String>) -> Value {
        let any = || named("Any");
        match schema.get("type").and_then(|it| it.as_str()) {
            Some("integer") => named("int"),
            Some("number") => named("float"),
            Some("string") => named("str"),
            Some("boolean") => named("bool"),
            Some("null") => named("None"),
            Some("array") => {
                match (schema.get("prefixItems").and_then(|it| it.as_array()), schema.get("items")) {
                    (Some(items), _) => {
                        let items: Vec<_> = items.iter().map(|it| self.within(it, around)).collect();
                        generic("tuple", items.into_iter())
                    }
                    (None, Some(items)) => generic("list", std::iter::once(self.within(items, around))),
                    (None, None) => generic("list", std::iter::once(any())),
                }
            }
            Some("object") => match (schema.get("properties"), schema.get("additionalProperties")) {
                (Some(_), _) => self.fields("dict", schema, around),
                (None, Some(values)) => {
                    generic("dict", [named("str"), self.within(values, around)].into_iter())
                }
                (None, None) => named("dict"),
            },
            _ => any(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use swill_proto::spec::Info;

    #[test]
    fn types_have_the_names_that_clients_know() {
        let mut spec = Spec::new(Info::default());
        spec.definitions.insert(
            "Tree".into(),
            json!({
                "type": "object",
                "properties": { "value": { "type": "integer" }, "next": { "$ref": "#/$defs/Tree" } },
            }),
        );
        spec.definitions.insert("Color".into(), json!({ "type": "string", "enum": ["red"] }));
        let forest = json!({ "type": "array", "items": { "$ref": "#/$defs/Forest" } });
        spec.definitions.insert("Forest".into(), forest);
        let table = [
            (json!({ "type": "integer", "minimum": 0 }), json!({ "type": "int" })),
            (json!({ "type": "number" }), json!({ "type": "float" })),
            (json!({ "type": "null" }), json!({ "type": "None" })),
            (json!(true), json!({ "type": "Any" })),
            (json!({ "type": ["integer", "null"] }), json!({ "type": "Any" })),
            (json!({ "$ref": "#/$defs/Color" }), json!({ "type": "str" })),
            (json!({ "$ref": "#/$defs/Nowhere" }), json!({ "type": "Any" })),
            (
                json!({ "type": "array", "items": { "type": "string" } }),
                json!({ "type": "list", "arguments": { "0": { "type": "str" } } }),
            ),
            (
                json!({ "type": "array", "prefixItems": [{ "type": "string" }, true] }),
                json!({ "type": "tuple", "arguments": { "0": { "type": "str" }, "1": { "type": "Any" } } }),
            ),
            (
                json!({ "type": "object", "additionalProperties": { "type": "boolean" } }),
                json!({ "type": "dict", "arguments": { "0": { "type": "str" }, "1": { "type": "bool" } } }),
            ),
            (
                json!({ "$ref": "#/$defs/Forest" }),
                json!({ "type": "list", "arguments": { "0": { "type": "Any" } } }),
            ),
            (
                json!({ "$ref": "#/$defs/Tree" }),
                json!({ "type": "Tree", "arguments": { "next": { "type": "Tree" }, "value": { "type": "int" } } }),
            ),
        ];
        for (schema, expected) in table {
            let written = Types::new(&spec).of(&schema);
            assert_eq!(serde_json::to_value(&written).unwrap(), expected, "{schema}");
        }
    }

    #[test]
    fn types_that_contain_each_other_come_to_an_end() {
        let mut spec = Spec::new(Info::default());
        let reference = |number: usize| json!({ "$ref": format!("#/$defs/Type{number}") });
        for number in 0..30 {
            let others: serde_json::Map<_, _> =
                (0..30).map(|it| (format!("field{it}"), reference(it))).collect();
            spec.definitions
                .insert(format!("Type{number}"), json!({ "type": "object", "properties": others }));
        }
        let written = serde_json::to_string(&Types::new(&spec).of(&reference(0))).unwrap();
        assert_eq!(written.matches("arguments").count(), MOST);
    }
}

//! A number that changes when client and server no longer mean the same.

use super::{Info, ProcedureSpec, Spec, definition_name};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Keywords of a schema that are for people.
const FOR_PEOPLE: &[&str] = &["title", "description", "examples", "$comment"];

/// Keywords whose value is a map from names to schemas.
const NAMED: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Keywords whose value is a value.
const VALUES: &[&str] = &["default", "const", "enum", "required", "dependentRequired"];

impl Spec {
    /// A hash over what client and server have to agree on: procedures with their names, shapes, parameters, types and
    /// errors, and the definitions.
    ///
    /// What does not change it: titles, versions and documentation, limits, deadlines and metadata, the app's protocols and paths,
    /// the texts of errors, and the order of registration.
    ///
    /// It is the 64-bit FNV-1a hash, as 16 hexadecimal digits, of the JSON text of `{"$defs": {…}, "procedures": [{…}]}`,
    /// where each procedure has `errors`, `items`, `name`, `parameters`, `paths`, `result`, `streams_in` and `streams_out`:
    /// without white space, with the keys of each object in the order of their UTF-8 bytes, the procedures in that of
    /// their names, absent members left out, and the keywords `title`, `description`, `examples` and `$comment` taken out
    /// of every schema. It finds out mistakes, not forgeries.
    pub fn contract_hash(&self) -> String {
        let mut procedures: Vec<_> = self.procedures.iter().collect();
        procedures.sort_by(|one, other| one.name.cmp(&other.name));
        let procedures: Vec<Value> = procedures
            .into_iter()
            .map(|it| {
                let parameters = it.parameters.iter().map(|it| {
                    members([
                        ("default", it.default.clone()),
                        ("name", Some(json!(it.name))),
                        ("required", Some(json!(it.required))),
                        ("schema", Some(bare(&it.schema))),
                    ])
                });
                let errors = it.errors.iter().map(|it| {
                    members([
                        ("code", Some(json!(it.code))),
                        ("data", it.data.as_ref().map(bare)),
                        ("json_rpc_code", it.json_rpc_code.map(Into::into)),
                        ("name", Some(json!(it.name))),
                        ("parameter", it.parameter.as_deref().map(Into::into)),
                    ])
                });
                members([
                    ("errors", Some(errors.collect())),
                    ("items", it.items.as_ref().map(|items| bare(&items.schema))),
                    ("name", Some(json!(it.name))),
                    ("parameters", Some(parameters.collect())),
                    ("paths", (!it.paths.is_empty()).then(|| json!(it.paths))),
                    ("result", Some(bare(&it.result))),
                    ("streams_in", Some(json!(it.streams_in))),
                    ("streams_out", Some(json!(it.streams_out))),
                ])
            })
            .collect();
        let definitions: Map<_, _> =
            self.definitions.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect();
        let mut text = String::new();
        canonical(&json!({ "$defs": definitions, "procedures": procedures }), &mut text);
        format!("{:016x}", fnv1a(text.as_bytes()))
    }

    /// The hash of one procedure's contract: the [`contract_hash`](Self::contract_hash) of a description that has this
    /// procedure and the definitions that it refers to, at once or by others, and nothing else.
    pub fn procedure_hash(&self, procedure: &ProcedureSpec) -> String {
        let mut alone = Self::new(Info::default());
        let schemas = procedure.parameters.iter().map(|parameter| &parameter.schema);
        let schemas =
            schemas.chain(procedure.items.iter().map(|items| &items.schema)).chain([&procedure.result]);
        let data = procedure.errors.iter().filter_map(|error| error.data.as_ref());
        schemas.chain(data).for_each(|schema| self.reach(schema, &mut alone.definitions));
        alone.procedures.push(procedure.clone());
        alone.contract_hash()
    }

    /// Works out all hashes: that of the whole contract and those of the procedures.
    pub fn seal(&mut self) {
        let hashes: Vec<_> = self.procedures.iter().map(|procedure| self.procedure_hash(procedure)).collect();
        for (procedure, hash) in self.procedures.iter_mut().zip(hashes) {
            procedure.hash = hash;
        }
        self.hash = self.contract_hash();
    }

    /// Adds the definitions that a schema refers to.
    fn reach(&self, schema: &Value, reached: &mut Map<String, Value>) {
        match schema {
            Value::Array(list) => list.iter().for_each(|schema| self.reach(schema, reached)),
            Value::Object(keywords) => {
                for (keyword, value) in keywords {
                    let name = value.as_str().filter(|_| keyword == "$ref").and_then(definition_name);
                    match name.and_then(|name| self.definitions.get_key_value(&name)) {
                        Some((name, definition)) if !reached.contains_key(name) => {
                            reached.insert(name.clone(), definition.clone());
                            self.reach(definition, reached);
                        }
                        _ => self.reach(value, reached),
                    }
                }
            }
            _ => {}
        }
    }
}

fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A schema without what is for people.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Array(list) => list.iter().map(bare).collect(),
        Value::Object(keywords) => keywords
            .iter()
            .filter(|(keyword, _)| !FOR_PEOPLE.contains(&keyword.as_str()))
            .map(|(keyword, value)| {
                let value = match (keyword.as_str(), value) {
                    (name, Value::Object(named)) if NAMED.contains(&name) => {
                        named.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect()
                    }
                    (name, value) if VALUES.contains(&name) => value.clone(),
                    (_, value) => bare(value),
                };
                (keyword.clone(), value)
            })
            .collect(),
        value => value.clone(),
    }
}

/// Writes a value in the one way that is hashed.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(list) => {
            text.push('[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                canonical(value, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_bytes());
            text.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                // Writing to a string cannot fail.
                let _ = write!(text, "{}:", Value::String(key.clone()));
                canonical(value, text);
            }
            text.push('}');
        }
        value => {
            let _ = write!(text, "{value}");
        }
    }
}

/// The 64-bit FNV-1a hash.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Shape,
        spec::{ErrorSpec, ParameterSpec},
    };

    fn spec() -> Spec {
        let mut spec = Spec::new(Info::new("Shop", "1.0"));
        let mut buy = ProcedureSpec::new("buy", Shape::SINGLE, json!({ "$ref": "#/$defs/Receipt" }));
        buy.parameters
            .push(ParameterSpec::new("title", json!({ "type": "string", "description": "Which." })));
        buy.errors.push(ErrorSpec::new("SoldOut", 409, "sold out"));
        spec.procedures =
            vec![buy, ProcedureSpec::new("all", Shape::STREAM_OUT, json!({ "type": "string" }))];
        spec.definitions.insert(
            "Receipt".into(),
            json!({ "title": "Receipt", "type": "object", "properties": { "description": { "type": "string" } } }),
        );
        spec
    }

    #[test]
    fn fnv_is_as_published() {
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn the_canonical_form_is_sorted_and_without_white_space() {
        let mut text = String::new();
        canonical(&json!({ "b": [1, 2.5, null], "a": { "ü": "\n", "z": true } }), &mut text);
        assert_eq!(text, r#"{"a":{"z":true,"ü":"\n"},"b":[1,2.5,null]}"#);
    }

    #[test]
    fn what_is_for_people_does_not_change_the_hash() {
        let hash = spec().contract_hash();
        let changes: &[fn(&mut Spec)] = &[
            |spec| spec.info.version = "2.0".into(),
            |spec| spec.limits.message = 1,
            |spec| spec.procedures.reverse(),
            |spec| spec.procedures[0].doc = "Buys.".into(),
            |spec| spec.procedures[0].deadline_ms = Some(5),
            |spec| spec.procedures[0].parameters[0].schema = json!({ "type": "string" }),
            |spec| spec.procedures[0].errors[0].message = "gone".into(),
            |spec| spec.definitions["Receipt"]["title"] = json!("Bill"),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = spec();
            change(&mut changed);
            assert_eq!(changed.contract_hash(), hash, "change {at}");
        }
    }

    #[test]
    fn a_procedure_has_a_hash_of_what_it_refers_to() {
        let hashes = |change: fn(&mut Spec)| {
            let mut spec = spec();
            spec.definitions.insert("Other".into(), json!({ "type": "string" }));
            change(&mut spec);
            spec.seal();
            assert_eq!(spec.hash, spec.contract_hash());
            spec.procedures.iter().map(|it| it.hash.clone()).collect::<Vec<_>>()
        };
        let before = hashes(|_| {});
        assert_eq!(hashes(|spec| spec.definitions["Other"] = json!(true)), before);
        let after = hashes(|spec| spec.definitions["Receipt"]["properties"] = json!({}));
        assert!(after[0] != before[0] && after[1] == before[1], "{before:?} {after:?}");
        let circle =
            hashes(|spec| spec.definitions["Receipt"] = json!({ "items": { "$ref": "#/$defs/Receipt" } }));
        assert_ne!(circle[0], before[0]);
    }

    #[test]
    fn what_clients_rely_on_changes_the_hash() {
        let changes: &[fn(&mut Spec)] = &[
            |spec| drop(spec.procedures.pop()),
            |spec| spec.procedures[1].streams_out = false,
            |spec| spec.procedures[0].result = json!(true),
            |spec| spec.procedures[0].parameters[0].name = "name".into(),
            |spec| spec.procedures[0].parameters[0].required = false,
            |spec| spec.procedures[0].paths.push("/buy/{title}".into()),
            |spec| spec.procedures[0].errors[0].code = 410,
            |spec| spec.procedures[0].errors.clear(),
            |spec| spec.definitions["Receipt"]["properties"]["description"] = json!({ "type": "integer" }),
        ];
        let mut seen = vec![spec().contract_hash()];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = spec();
            change(&mut changed);
            let hash = changed.contract_hash();
            assert!(!seen.contains(&hash), "change {at}");
            seen.push(hash);
        }
    }
}

//! Reads a description: its schemas become types, its procedures a tree of modules.
//!
//! It understands what `schemars` writes for all that serde can do, and a good deal of what people write by hand. The
//! rest becomes [`Type::Any`] with a warning: a client with a hole is worth more than none.

use super::{
    enums, errors,
    model::{Definition, Doc, Field, Key, Kind, Model, Module, Procedure, Struct, Type},
    names::pascal,
    scalars::{held, integer, says_nothing, text},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use swill_proto::spec::{ProcedureSpec, Spec, definition_name};

/// What all procedures of the framework begin with. Clients have methods of their own for these.
const FRAMEWORK: &str = "swill.";

/// Arrays of a fixed length are lists beyond this one.
const LONGEST_ARRAY: u64 = 32;

pub(crate) fn read(spec: &Spec) -> Model {
    let mut reader = Reader {
        spec,
        definitions: BTreeMap::new(),
        lifted: BTreeMap::new(),
        warnings: BTreeSet::new(),
        failures: errors::Failures::default(),
    };
    for (name, schema) in &spec.definitions {
        let definition = reader.definition(name, schema);
        reader.definitions.insert(name.clone(), definition);
    }
    let mut root = Module::default();
    for procedure in spec.procedures.iter().filter(|it| !it.name.starts_with(FRAMEWORK)) {
        let read = reader.procedure(procedure);
        insert(&mut root, procedure, read);
    }
    for module in &spec.modules {
        describe(&mut root, &module.name, &module.doc);
    }
    let errors = std::mem::take(&mut reader.failures).finish(&mut root);
    Model {
        title: spec.info.title.clone(),
        version: spec.info.version.clone(),
        description: spec.info.description.clone(),
        hash: spec.hash.clone(),
        definitions: reader.definitions.into_values().collect(),
        errors,
        root,
        warnings: reader.warnings.into_iter().collect(),
    }
}

/// Puts a procedure into the module that its name says.
fn insert(root: &mut Module, spec: &ProcedureSpec, procedure: Procedure) {
    let mut module = root;
    let mut parts: Vec<&str> = spec.name.split('.').filter(|part| !part.is_empty()).collect();
    parts.pop();
    for part in parts {
        let path = if module.path.is_empty() { part.to_owned() } else { format!("{}.{part}", module.path) };
        let at = module.modules.iter().position(|it| it.name == part).unwrap_or_else(|| {
            module.modules.push(Module { name: part.to_owned(), path, ..Module::default() });
            module.modules.len() - 1
        });
        module = &mut module.modules[at];
    }
    module.procedures.push(procedure);
}

/// Gives the module of this name its documentation.
fn describe(module: &mut Module, path: &str, doc: &str) {
    if module.path == path {
        module.doc = doc.to_owned();
    }
    module.modules.iter_mut().for_each(|module| describe(module, path, doc));
}

pub(crate) struct Reader<'s> {
    pub(crate) spec: &'s Spec,
    definitions: BTreeMap<String, Definition>,
    /// Types without a name that were given one, and what they are.
    lifted: BTreeMap<String, Value>,
    warnings: BTreeSet<String>,
    pub(crate) failures: errors::Failures,
}

/// Where in the description we are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    /// In words.
    pub(crate) text: &'p str,
    /// What a type would be called that has no name.
    pub(crate) name: &'p str,
}

impl Reader<'_> {
    pub(crate) fn warn(&mut self, place: Place<'_>, what: &str) {
        self.warnings.insert(format!("{}: {what}", place.text));
    }

    fn definition(&mut self, name: &str, schema: &Value) -> Definition {
        let text = format!("type `{name}`");
        let place = Place { text: &text, name };
        let kind = if schema.get("type").and_then(Value::as_str) == Some("null") {
            Kind::Unit
        } else {
            self.kind(schema, place).unwrap_or_else(|| Kind::Alias(self.ty(schema, place)))
        };
        Definition {
            name: name.to_owned(),
            doc: self.doc(schema, matches!(kind, Kind::Alias(Type::Any))),
            kind,
        }
    }

    /// What needs a name: a struct or an enum.
    fn kind(&mut self, schema: &Value, place: Place<'_>) -> Option<Kind> {
        if let Some(read) = enums::read(self, schema, place) {
            return Some(Kind::Enum(read));
        }
        let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
        let keywords = schema.as_object()?;
        let bare = is_object
            && !["additionalProperties", "patternProperties", "propertyNames"]
                .iter()
                .any(|it| keywords.contains_key(*it));
        let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false))
            && !keywords.contains_key("patternProperties");
        match keywords.contains_key("properties")
            || bare
            || closed && is_object
            || keywords.contains_key("allOf")
        {
            true => self.fields(schema, place).map(Kind::Struct),
            false => None,
        }
    }

    /// The fields of a schema that is an object, those of schemas that it includes among them.
    pub(crate) fn fields(&mut self, schema: &Value, place: Place<'_>) -> Option<Struct> {
        let mut merged = Map::new();
        let mut required = vec![];
        let mut rest = None;
        self.merge(schema, 0, &mut merged, &mut required, &mut rest)?;
        let fields =
            merged.iter().map(|(name, schema)| self.field(name, schema, required.contains(name), place));
        let fields = fields.collect();
        let rest = rest.map(|schema| {
            let inner = format!("{}Rest", place.name);
            self.ty(&schema, Place { name: &inner, ..place })
        });
        Some(Struct { fields, rest })
    }

    fn merge(
        &self,
        schema: &Value,
        depth: usize,
        merged: &mut Map<String, Value>,
        required: &mut Vec<String>,
        rest: &mut Option<Value>,
    ) -> Option<()> {
        const DEEPEST: usize = 16;
        let keywords = schema.as_object().filter(|_| depth < DEEPEST)?;
        if let Some(names) = keywords.get("required").and_then(Value::as_array) {
            required.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => merged.extend(properties.clone()),
                ("additionalProperties" | "unevaluatedProperties", Value::Bool(false)) => {}
                ("additionalProperties", value) => *rest = Some(value.clone()),
                ("patternProperties", Value::Object(patterns)) => *rest = patterns.values().next().cloned(),
                ("allOf", Value::Array(parts)) => {
                    for part in parts {
                        self.merge(part, depth + 1, merged, required, rest)?;
                    }
                }
                ("$ref", Value::String(reference)) => {
                    let definition =
                        definition_name(reference).and_then(|it| self.spec.definitions.get(&it))?;
                    self.merge(definition, depth + 1, merged, required, rest)?;
                }
                ("type", value) if value != "object" => return None,
                ("oneOf" | "anyOf" | "enum" | "const" | "items" | "prefixItems", _) => return None,
                _ => {}
            }
        }
        Some(())
    }

    pub(crate) fn field(&mut self, name: &str, schema: &Value, required: bool, place: Place<'_>) -> Field {
        let (text, inner) = (format!("{}, `{name}`", place.text), format!("{}{}", place.name, pascal(name)));
        let ty = self.ty(schema, Place { text: &text, name: &inner });
        Field { name: name.to_owned(), doc: self.doc(schema, ty == Type::Any), required, ty }
    }

    pub(crate) fn doc(&self, schema: &Value, any: bool) -> Doc {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        Doc {
            text: text.trim().to_owned(),
            deprecated: schema.get("deprecated") == Some(&Value::Bool(true)),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            unknown: any && !says_nothing(schema),
        }
    }

    /// The type that a schema describes.
    pub(crate) fn ty(&mut self, schema: &Value, place: Place<'_>) -> Type {
        match self.understood(schema, place) {
            Some(ty) => ty,
            None => {
                let mut text = schema.to_string();
                if let Some((at, _)) = text.char_indices().nth(200) {
                    text.truncate(at);
                    text.push('…');
                }
                self.warn(place, &format!("this schema is not understood, any value is taken: {text}"));
                Type::Any
            }
        }
    }

    fn understood(&mut self, schema: &Value, place: Place<'_>) -> Option<Type> {
        let keywords = match schema {
            Value::Bool(true) => return Some(Type::Any),
            Value::Object(keywords) => keywords,
            _ => return None,
        };
        if says_nothing(schema) {
            return Some(Type::Any);
        }
        if let Some(rest) = enums::without_null(keywords) {
            return Some(optional(self.ty(&rest, place)));
        }
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str)
            && !["properties", "oneOf", "anyOf", "allOf"].iter().any(|it| keywords.contains_key(*it))
        {
            let name = definition_name(reference).filter(|it| self.spec.definitions.contains_key(it))?;
            return Some(Type::Named(name));
        }
        if let Some(value) = keywords.get("const") {
            return match value {
                Value::Null => Some(Type::Null),
                Value::String(_) | Value::Bool(_) => Some(Type::Const(value.clone())),
                Value::Number(number) if number.is_i64() || number.is_u64() => {
                    Some(Type::Const(value.clone()))
                }
                _ => None,
            };
        }
        for combined in ["allOf", "oneOf", "anyOf"] {
            if let Some([one]) = keywords.get(combined).and_then(Value::as_array).map(Vec::as_slice)
                && !keywords.contains_key("properties")
            {
                return Some(self.ty(one, place));
            }
        }
        let kinds = keywords.get("type").and_then(Value::as_str);
        let combines = ["properties", "allOf", "anyOf", "oneOf"].iter().any(|it| keywords.contains_key(*it));
        if kinds == Some("object")
            && !combines
            && let Some(map) = self.map(keywords, place)
        {
            return Some(held(map, schema));
        }
        if let Some(kind) = self.kind(schema, place) {
            return Some(Type::Named(self.lift(schema, kind, place)));
        }
        let ty = match kinds? {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "integer" => Type::Int(integer(keywords)),
            "number" if keywords.get("format").and_then(Value::as_str) == Some("float") => Type::Float32,
            "number" => Type::Float64,
            "string" => text(keywords),
            "array" => self.array(keywords, place)?,
            _ => return None,
        };
        Some(held(ty, schema))
    }

    /// A map from names or numbers to values of one type.
    fn map(&mut self, keywords: &Map<String, Value>, place: Place<'_>) -> Option<Type> {
        let inner = format!("{}Value", place.name);
        let place = Place { name: &inner, ..place };
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let (key, value) = match (patterns, keywords.get("additionalProperties")) {
            (Some(patterns), _) if patterns.len() == 1 => {
                let (pattern, value) = patterns.iter().next()?;
                let key = match pattern.as_str() {
                    r"^\d+$" | "^[0-9]+$" => Key::Int { signed: false },
                    r"^-?\d+$" | "^-?[0-9]+$" => Key::Int { signed: true },
                    _ => Key::Text,
                };
                (key, value.clone())
            }
            (None, Some(value)) if *value != Value::Bool(false) => (Key::Text, value.clone()),
            (None, None) => (Key::Text, Value::Bool(true)),
            _ => return None,
        };
        Some(Type::Map(key, Box::new(self.ty(&value, place))))
    }

    fn array(&mut self, keywords: &Map<String, Value>, place: Place<'_>) -> Option<Type> {
        let inner = format!("{}Item", place.name);
        let place = Place { name: &inner, ..place };
        let length = |keyword| keywords.get(keyword).and_then(Value::as_u64);
        let (shortest, longest) = (length("minItems"), length("maxItems"));
        if let Some(parts) = keywords.get("prefixItems").and_then(Value::as_array) {
            let closed =
                longest == Some(parts.len() as u64) || keywords.get("items") == Some(&Value::Bool(false));
            if !closed || shortest.is_some_and(|shortest| shortest < parts.len() as u64) {
                return None;
            }
            let parts = parts.iter().enumerate().map(|(at, part)| {
                let inner = format!("{}{}", place.name, at + 1);
                self.ty(part, Place { name: &inner, ..place })
            });
            return Some(Type::Tuple(parts.collect()));
        }
        let element = keywords.get("items").map_or(Type::Any, |items| self.ty(items, place));
        let element = Box::new(element);
        Some(match (shortest, longest) {
            _ if keywords.get("uniqueItems") == Some(&Value::Bool(true)) => Type::Set(element),
            (Some(0), Some(0)) => Type::Tuple(vec![]),
            (Some(shortest), Some(longest)) if shortest == longest && longest <= LONGEST_ARRAY => {
                Type::Array(element, usize::try_from(longest).ok()?)
            }
            _ => Type::List(element),
        })
    }

    /// Gives a name to a type that has none.
    fn lift(&mut self, schema: &Value, kind: Kind, place: Place<'_>) -> String {
        let wanted = pascal(place.name);
        let mut name = wanted.clone();
        let mut number = 2;
        while self.spec.definitions.contains_key(&name)
            || self.lifted.get(&name).is_some_and(|other| other != schema)
        {
            name = format!("{wanted}{number}");
            number += 1;
        }
        self.lifted.insert(name.clone(), schema.clone());
        let doc = self.doc(schema, false);
        self.definitions.insert(name.clone(), Definition { name: name.clone(), doc, kind });
        name
    }

    fn procedure(&mut self, spec: &ProcedureSpec) -> Procedure {
        let text = format!("procedure `{}`", spec.name);
        let base = pascal(&spec.name);
        let place = Place { text: &text, name: &base };
        let parameters = spec.parameters.iter().map(|it| {
            let mut field = self.field(&it.name, &it.schema, it.required, place);
            field.doc.text = if it.doc.is_empty() { field.doc.text } else { it.doc.trim().to_owned() };
            field.doc.default = it.default.clone().filter(|value| !value.is_null()).or(field.doc.default);
            field
        });
        let parameters = parameters.collect();
        let items = spec.items.as_ref().map(|it| {
            let mut field = self.field(&it.name, &it.schema, true, place);
            field.doc.text = if it.doc.is_empty() { field.doc.text } else { it.doc.trim().to_owned() };
            field
        });
        let (result_text, result_name) = (format!("{text}, what it answers"), format!("{base}Result"));
        let result = self.ty(&spec.result, Place { text: &result_text, name: &result_name });
        let errors = errors::read(self, spec, place);
        let keys = [
            ("takes", &spec.metadata.client),
            ("sends ahead", &spec.metadata.leading),
            ("sends at the end", &spec.metadata.trailing),
        ];
        let metadata = keys.into_iter().flat_map(|(verb, keys)| {
            keys.iter().map(move |key| match key.doc.trim() {
                "" => format!("It {verb} the metadata `{}`.", key.name),
                doc => format!("It {verb} the metadata `{}`: {doc}", key.name),
            })
        });
        Procedure {
            name: spec.name.rsplit('.').next().unwrap_or_default().to_owned(),
            path: spec.name.clone(),
            doc: spec.doc.trim().to_owned(),
            hash: spec.hash.clone(),
            parameters,
            items,
            result,
            streams_out: spec.streams_out,
            errors,
            metadata: metadata.collect(),
            deadline_ms: spec.deadline_ms,
        }
    }
}

pub(crate) fn optional(ty: Type) -> Type {
    match ty {
        Type::Option(_) | Type::Any | Type::Null => ty,
        ty => Type::Option(Box::new(ty)),
    }
}

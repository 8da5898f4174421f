//! Recognises the forms in which serde writes enums.

use super::{
    model::{Content, Doc, Enum, Struct, Tagging, Type, Variant},
    names::pascal,
    reader::{Place, Reader},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use swill_proto::spec::definition_name;

/// How many fields name a variant that has no name.
const NAMING_FIELDS: usize = 3;

/// A schema without its null, if it takes null beside something else, as that of an `Option` does.
pub(crate) fn without_null(keywords: &Map<String, Value>) -> Option<Value> {
    let mut rest = keywords.clone();
    if let Some(Value::Array(types)) = rest.get_mut("type") {
        let before = types.len();
        types.retain(|name| name != "null");
        if types.len() < before
            && let [one] = &types[..]
        {
            rest["type"] = one.clone();
        }
        if let Some(Value::Array(values)) = rest.get_mut("enum") {
            values.retain(|value| !value.is_null());
        }
        return (types_of(keywords).contains(&"null")).then_some(Value::Object(rest));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = rest.get_mut(keyword) {
            let before = choices.len();
            choices.retain(|choice| !is_null(choice));
            if choices.len() == before {
                continue;
            }
            return match &choices[..] {
                [one] => Some(one.clone()),
                [] => None,
                _ => Some(Value::Object(rest)),
            };
        }
    }
    None
}

fn types_of(keywords: &Map<String, Value>) -> Vec<&str> {
    match keywords.get("type") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(name)) => vec![name],
        _ => vec![],
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null") || schema.get("const") == Some(&Value::Null)
}

/// Reads an enum. `None` if the schema is something else.
pub(crate) fn read(reader: &mut Reader<'_>, schema: &Value, place: Place<'_>) -> Option<Enum> {
    let keywords = schema.as_object()?;
    if let Some(words) = words(schema)
        && !keywords.contains_key("const")
    {
        let variants = words.into_iter().map(|(name, doc)| unit(name, doc)).collect();
        return Some(Enum { tagging: Tagging::Units, variants });
    }
    if let types @ [_, _, ..] = &types_of(keywords)[..] {
        // Several types, none of which has keywords of another.
        let choices = types.iter().map(|&name| one_type(keywords, name)).collect::<Vec<_>>();
        return (!types.contains(&"null") || types.len() > 2).then(|| untagged(reader, &choices, place));
    }
    let choices = ["oneOf", "anyOf"].iter().find_map(|it| keywords.get(*it)).and_then(Value::as_array)?;
    let choices = with_base(reader, keywords, choices);
    if choices.iter().filter(|choice| !is_null(choice)).count() < 2 {
        // One variant is an enum only if that says how it is tagged.
        return match &choices[..] {
            [one] => external(reader, std::slice::from_ref(one), place)
                .filter(|it| it.tagging == Tagging::External)
                .or_else(|| tagged(reader, std::slice::from_ref(one), place)),
            _ => None,
        };
    }
    Some(match external(reader, &choices, place).or_else(|| tagged(reader, &choices, place)) {
        Some(read) => read,
        None => untagged(reader, &choices, place),
    })
}

/// The schema of one of several types.
fn one_type(keywords: &Map<String, Value>, name: &str) -> Value {
    let mut schema = keywords.clone();
    schema.insert("type".into(), name.into());
    schema.remove("description");
    Value::Object(schema)
}

/// Fields beside the variants are fields of each: an enum has been flattened into a struct.
fn with_base(reader: &Reader<'_>, keywords: &Map<String, Value>, choices: &[Value]) -> Vec<Value> {
    let Some(base) = keywords.get("properties").and_then(Value::as_object) else {
        return choices.to_vec();
    };
    let required = keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let merged = choices.iter().map(|choice| {
        let mut object = Map::new();
        object.insert("type".into(), "object".into());
        object.extend(choice.get("description").map(|text| ("description".to_owned(), text.clone())));
        let (mut properties, mut names) = (base.clone(), required.clone());
        let included = choice.get("$ref").and_then(Value::as_str).and_then(definition_name);
        let included = included.and_then(|name| reader.spec.definitions.get(&name));
        for part in included.into_iter().chain([choice]) {
            properties.extend(part.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
            names.extend(part.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
        }
        object.insert("properties".into(), Value::Object(properties));
        object.insert("required".into(), Value::Array(names));
        Value::Object(object)
    });
    merged.collect()
}

/// The texts that a schema allows, with their documentation. `None` if it allows anything else.
fn words(schema: &Value) -> Option<Vec<(String, String)>> {
    let doc = || schema.get("description").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if let Some(Value::String(word)) = schema.get("const") {
        return Some(vec![(word.clone(), doc())]);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let words = values.iter().map(|value| Some((value.as_str()?.to_owned(), String::new())));
        return words.collect::<Option<Vec<_>>>().filter(|words| !words.is_empty());
    }
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let all = choices.iter().map(words).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().flatten().collect())
}

fn unit(name: String, doc: String) -> Variant {
    Variant { name, doc: Doc { text: doc, ..Doc::default() }, content: Content::Unit }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|it| it == name))
}

/// `"Empty"`, `{"Text": "a"}`: texts, and objects with one member.
fn external(reader: &mut Reader<'_>, choices: &[Value], place: Place<'_>) -> Option<Enum> {
    let single = |choice: &Value| -> Option<(String, Value)> {
        let closed = choice.get("additionalProperties") == Some(&Value::Bool(false));
        let (name, content) = properties(choice).filter(|it| it.len() == 1 && closed)?.iter().next()?;
        requires(choice, name).then(|| (name.clone(), content.clone()))
    };
    if !choices.iter().all(|choice| words(choice).is_some() || single(choice).is_some()) {
        return None;
    }
    let mut variants = vec![];
    for choice in choices {
        match (words(choice), single(choice)) {
            (Some(words), _) => variants.extend(words.into_iter().map(|(name, doc)| unit(name, doc))),
            (None, Some((name, content))) => {
                let content = content_of(reader, &name, &content, place);
                variants.push(Variant { name, doc: reader.doc(choice, false), content });
            }
            (None, None) => {}
        }
    }
    distinct(&variants).then_some(Enum { tagging: Tagging::External, variants })
}

fn distinct(variants: &[Variant]) -> bool {
    let names: BTreeSet<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
    names.len() == variants.len()
}

/// What a variant holds. An object that has no name of its own is fields of the variant.
fn content_of(reader: &mut Reader<'_>, variant: &str, schema: &Value, place: Place<'_>) -> Content {
    let (text, name) =
        (format!("{}, variant `{variant}`", place.text), format!("{}{}", place.name, pascal(variant)));
    let inner = Place { text: &text, name: &name };
    if properties(schema).is_some()
        && schema.get("$ref").is_none()
        && schema.get("oneOf").is_none()
        && schema.get("anyOf").is_none()
        && let Some(fields) = reader.fields(schema, inner)
    {
        return Content::Fields(fields);
    }
    Content::Value(reader.ty(schema, inner))
}

/// `{"type": "moved", "x": 1}`, `{"kind": "Text", "data": "a"}`: objects with a member that says which it is.
fn tagged(reader: &mut Reader<'_>, choices: &[Value], place: Place<'_>) -> Option<Enum> {
    let tags = |choice: &Value| -> Vec<(String, String)> {
        let members = properties(choice).into_iter().flatten();
        let tags = members.filter(|(name, _)| requires(choice, name)).filter_map(|(name, schema)| {
            let word = match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
                (Some(Value::String(word)), _) => word,
                (None, Some(words)) if words.len() == 1 => words[0].as_str()?,
                _ => return None,
            };
            Some((name.clone(), word.to_owned()))
        });
        tags.collect()
    };
    let tag = tags(choices.first()?).into_iter().map(|(name, _)| name).find(|name| {
        let words = choices.iter().map(|choice| tags(choice).into_iter().find(|(it, _)| it == name));
        let words: Option<BTreeSet<_>> = words.collect();
        words.is_some_and(|words| words.len() == choices.len())
    })?;
    // Everything but the tag under one name in all variants, and in more than one: that is the content.
    let others = |choice: &Value| -> Vec<String> {
        properties(choice)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .filter(|it| *it != tag)
            .collect()
    };
    let beside: Vec<Vec<String>> = choices.iter().map(others).filter(|it| !it.is_empty()).collect();
    let content = beside.first().and_then(|names| names.first()).cloned().filter(|name| {
        let alone = beside.iter().all(|names| names.len() == 1 && names[0] == *name);
        let needed = choices
            .iter()
            .all(|it| it.get("$ref").is_none() && (others(it).is_empty() || requires(it, name)));
        alone && needed && beside.len() > 1
    });
    let mut variants = vec![];
    for choice in choices {
        let (_, name) = tags(choice).into_iter().find(|(it, _)| *it == tag)?;
        let read = match (&content, choice.get("$ref"), others(choice).is_empty()) {
            (_, None, true) => Content::Unit,
            (Some(content), ..) => {
                let schema = properties(choice)?.get(content)?.clone();
                content_of(reader, &name, &schema, place)
            }
            (None, Some(reference), true) if is_struct(reader, reference) => {
                Content::Value(reader.ty(&json!({ "$ref": reference }), place))
            }
            (None, ..) => {
                let mut fields = inner_fields(reader, &name, choice, place)?;
                fields.fields.retain(|field| field.name != tag);
                Content::Fields(fields)
            }
        };
        variants.push(Variant { name, doc: reader.doc(choice, false), content: read });
    }
    let tagging = match content {
        Some(content) => Tagging::Adjacent { tag, content },
        None => Tagging::Internal { tag },
    };
    Some(Enum { tagging, variants })
}

fn inner_fields(reader: &mut Reader<'_>, variant: &str, schema: &Value, place: Place<'_>) -> Option<Struct> {
    let (text, name) =
        (format!("{}, variant `{variant}`", place.text), format!("{}{}", place.name, pascal(variant)));
    reader.fields(schema, Place { text: &text, name: &name })
}

/// Whether a reference is to an object with fields alone.
fn is_struct(reader: &Reader<'_>, reference: &Value) -> bool {
    let name = reference.as_str().and_then(definition_name);
    let schema = name.and_then(|name| reader.spec.definitions.get(&name));
    schema.is_some_and(|it| {
        it.get("properties").is_some()
            && !["oneOf", "anyOf", "allOf", "$ref", "additionalProperties", "patternProperties"]
                .iter()
                .any(|keyword| it.get(keyword).is_some_and(|value| *value != Value::Bool(false)))
    })
}

/// Whatever fits.
fn untagged(reader: &mut Reader<'_>, choices: &[Value], place: Place<'_>) -> Enum {
    let mut variants: Vec<Variant> = vec![];
    for choice in choices {
        let fields = properties(choice).map(|members| {
            let required = members.keys().filter(|name| requires(choice, name)).take(NAMING_FIELDS);
            required.map(|name| pascal(name)).collect::<String>()
        });
        let suggested = match fields.filter(|name| !name.is_empty() && choice.get("$ref").is_none()) {
            Some(name) => name,
            None => {
                let inner = format!("{}Choice", place.name);
                let ty = reader.ty(choice, Place { name: &inner, ..place });
                suggestion(&ty)
            }
        };
        let content = match is_null(choice) {
            true => Content::Unit,
            false => content_of(reader, &suggested, choice, place),
        };
        let mut name = suggested.clone();
        let mut number = 2;
        while variants.iter().any(|variant| variant.name == name) {
            name = format!("{suggested}{number}");
            number += 1;
        }
        let mut doc = reader.doc(choice, false);
        if matches!(content, Content::Value(Type::Named(_))) {
            doc.text.clear();
        }
        variants.push(Variant { name, doc, content });
    }
    Enum { tagging: Tagging::Untagged, variants }
}

/// What a variant is called that has no name, by its type.
fn suggestion(ty: &Type) -> String {
    match ty.plain() {
        Type::Any => "Any".into(),
        Type::Null => "Null".into(),
        Type::Bool => "Bool".into(),
        Type::Int(_) => "Int".into(),
        Type::Float32 | Type::Float64 => "Float".into(),
        Type::Char => "Char".into(),
        Type::Text => "Text".into(),
        Type::Bytes => "Bytes".into(),
        Type::DateTime => "DateTime".into(),
        Type::Date => "Date".into(),
        Type::Time => "Time".into(),
        Type::Uuid => "Uuid".into(),
        Type::Const(Value::String(word)) => pascal(word),
        Type::Const(value) => format!("Only{}", pascal(&value.to_string())),
        Type::Option(ty) => suggestion(ty),
        Type::List(ty) | Type::Set(ty) | Type::Array(ty, _) => format!("{}List", suggestion(ty)),
        Type::Tuple(parts) if parts.is_empty() => "Nothing".into(),
        Type::Tuple(parts) => parts.iter().map(suggestion).collect(),
        Type::Map(_, ty) => format!("{}Map", suggestion(ty)),
        Type::Named(name) => pascal(name),
        Type::Held(ty, _) => suggestion(ty),
    }
}

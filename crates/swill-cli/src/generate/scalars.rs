//! Types without parts, and what holds for values: what the keywords of a schema say beside its form.

use super::model::{Constraints, Int, Type};
use serde_json::{Map, Value};

/// Whether a schema takes everything: what it has is for people.
pub(super) fn says_nothing(schema: &Value) -> bool {
    const FOR_PEOPLE: &[&str] = &[
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
        "$schema",
    ];
    match schema {
        Value::Bool(all) => *all,
        Value::Object(keywords) => {
            keywords.keys().all(|it| FOR_PEOPLE.contains(&it.as_str()) || it.starts_with("x-"))
        }
        _ => false,
    }
}

pub(super) fn integer(keywords: &Map<String, Value>) -> Int {
    let (bits, signed) = match keywords.get("format").and_then(Value::as_str) {
        Some("int8") => (8, true),
        Some("int16") => (16, true),
        Some("int32") => (32, true),
        Some("uint8") => (8, false),
        Some("uint16") => (16, false),
        Some("uint32") => (32, false),
        Some("uint64" | "uint" | "uint128") => (64, false),
        Some(_) => (64, true),
        None => (64, keywords.get("minimum").and_then(Value::as_i64).is_none_or(|minimum| minimum < 0)),
    };
    Int { bits, signed }
}

pub(super) fn text(keywords: &Map<String, Value>) -> Type {
    let word = |keyword| keywords.get(keyword).and_then(Value::as_str);
    let length = |keyword| keywords.get(keyword).and_then(Value::as_u64);
    match (word("contentEncoding"), word("format")) {
        (Some("base64"), _) => Type::Bytes,
        (_, Some("date-time")) => Type::DateTime,
        (_, Some("date")) => Type::Date,
        (_, Some("time" | "partial-time")) => Type::Time,
        (_, Some("uuid")) => Type::Uuid,
        (None, None)
            if length("minLength") == Some(1)
                && length("maxLength") == Some(1)
                && word("pattern").is_none() =>
        {
            Type::Char
        }
        _ => Type::Text,
    }
}

/// The type together with what holds for its values, as far as the type does not say it.
pub(super) fn held(ty: Type, schema: &Value) -> Type {
    let number = |keyword| schema.get(keyword).cloned();
    let length = |keyword| schema.get(keyword).and_then(Value::as_u64);
    let mut holds = Constraints::default();
    match &ty {
        Type::Int(int) => {
            let (lowest, highest) = int.range();
            let wide =
                |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
            holds.minimum = number("minimum").filter(|it| wide(it).is_none_or(|it| it > lowest));
            holds.maximum = number("maximum").filter(|it| wide(it).is_none_or(|it| it < highest));
        }
        Type::Float32 | Type::Float64 => {
            holds.minimum = number("minimum");
            holds.maximum = number("maximum");
        }
        Type::Text => {
            holds.shortest = length("minLength");
            holds.longest = length("maxLength");
            holds.pattern = schema.get("pattern").and_then(Value::as_str).map(str::to_owned);
            holds.format = schema.get("format").and_then(Value::as_str).map(str::to_owned);
        }
        Type::List(_) | Type::Set(_) => {
            holds.shortest = length("minItems").filter(|&shortest| shortest > 0);
            holds.longest = length("maxItems");
        }
        Type::Map(..) => {
            holds.shortest = length("minProperties").filter(|&shortest| shortest > 0);
            holds.longest = length("maxProperties");
        }
        _ => return ty,
    }
    if matches!(ty, Type::Int(_) | Type::Float32 | Type::Float64) {
        holds.above = number("exclusiveMinimum");
        holds.below = number("exclusiveMaximum");
        holds.multiple_of = number("multipleOf");
    }
    holds.one_of = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    match holds == Constraints::default() {
        true => ty,
        false => Type::Held(Box::new(ty), Box::new(holds)),
    }
}

impl Int {
    pub(crate) fn range(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }
}

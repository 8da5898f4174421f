use super::{short, watch};
use crate::{Expected, Rule, Step, Value, Violation};
use serde::de::{self, Unexpected};
use std::fmt;

/// The error of a diagnosis: a violation with the place at which it arose.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) violation: Violation,
    kind: Kind,
}

/// What can still be said better by whoever knows what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    WrongType,
    WrongValue,
    Told,
}

impl Misfit {
    fn here(kind: Kind, message: String) -> Self {
        let violation = Violation::with_message(watch::path(), Rule::Type(Expected::Other), message);
        Self { violation, kind }
    }

    fn field(field: &str, rule: Rule) -> Self {
        let mut path = watch::path();
        path.push(Step::Name(short(field).into()));
        Self { violation: Violation::new(path, rule), kind: Kind::Told }
    }

    /// The same, if it is about the value here, in the words for what was wanted of it.
    pub(super) fn wanted(mut self, expected: Expected, value: &Value) -> Self {
        if self.kind == Kind::Told || self.violation.path.len() != watch::depth() {
            return self;
        }
        let path = std::mem::take(&mut self.violation.path);
        self.violation = match (self.kind, value) {
            (Kind::WrongType, Value::Nil) => Violation::new(path, Rule::NotNull(expected)),
            (Kind::WrongType, _) if expected != Expected::Other && !has_type(value, expected) => {
                let message = format!("is {}, not {expected}", kind(value));
                Violation::with_message(path, Rule::Type(expected), message)
            }
            // Something inside that has no place of its own, as a flattened field.
            (Kind::WrongType, _) => Violation { path, ..self.violation },
            _ => Violation::with_message(path, Rule::Type(expected), self.violation.message),
        };
        self.kind = Kind::Told;
        self
    }
}

fn has_type(value: &Value, expected: Expected) -> bool {
    matches!(
        (value, expected),
        (Value::Map(_), Expected::Map)
            | (Value::List(_), Expected::List)
            | (Value::Text(_), Expected::Text)
            | (Value::Bool(_), Expected::Bool)
            | (Value::Bytes(_), Expected::Bytes)
            | (Value::Int(_) | Value::UInt(_), Expected::Integer | Expected::Float)
            | (Value::Float(_) | Value::Float32(_), Expected::Float)
    )
}

/// What a value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::Float32(_) | Value::Float(_) => "a number with a fraction",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Extension(_, _) => "an extension",
    }
}

/// What was seen, without the text that a peer may have made long.
fn seen(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(text) => format!("{:?}", short(text)),
        Unexpected::Bytes(_) => "bytes".into(),
        Unexpected::Unit => "null".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        // Nothing else is shown to visitors in this way.
        Unexpected::NewtypeStruct => "an extension".into(),
        other => other.to_string(),
    }
}

/// What was wanted, in words of the wire: callers know nothing of Rust's integers.
fn words(expected: &dyn de::Expected) -> String {
    let wanted = expected.to_string();
    let integers = match &*wanted {
        "i8" => "from -128 to 127",
        "i16" => "from -32768 to 32767",
        "i32" => "from -2147483648 to 2147483647",
        "i64" => "from -9223372036854775808 to 9223372036854775807",
        "u8" => "from 0 to 255",
        "u16" => "from 0 to 65535",
        "u32" => "from 0 to 4294967295",
        "u64" | "usize" => "from 0 to 18446744073709551615",
        "f32" | "f64" => return "a number".into(),
        _ => return wanted,
    };
    format!("an integer {integers}")
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::here(Kind::Told, message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::here(Kind::WrongType, format!("is {}, not {}", seen(unexpected), words(expected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::here(Kind::WrongValue, format!("is {}, not {}", seen(unexpected), words(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::here(Kind::WrongValue, format!("has the length {length}, and is not {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known = expected.join("`, `");
        Self::here(Kind::Told, format!("is {:?}, which is none of `{known}`", short(variant)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut violation = super::unknown(field, expected);
        violation.path.splice(0..0, watch::path());
        Self { violation, kind: Kind::Told }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::field(field, Rule::Missing)
    }

    fn duplicate_field(field: &'static str) -> Self {
        let mut misfit = Self::field(field, Rule::Type(Expected::Other));
        misfit.violation.message = "comes twice".into();
        misfit
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.violation.fmt(f)
    }
}

impl std::error::Error for Misfit {}

//! What a source gives for a setting, and how that becomes a value.

use crate::limits::FOREVER;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use toml::de::{DeTable, DeValue};

/// A value of any source.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Table(Vec<Field>),
    /// From the environment: as it is written, and what it means as TOML if it is some.
    Raw(String, Option<Box<Value>>),
}

/// An entry of a table, and where in the file it stands.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) at: Option<usize>,
    pub(super) value: Value,
}

impl Value {
    /// The value of a variable.
    pub(super) fn raw(text: &str) -> Self {
        let document = format!("value = {text}");
        let parsed = DeTable::parse(&document).ok().filter(|table| table.get_ref().len() == 1);
        let value = parsed.and_then(|table| fields(table.get_ref()).pop());
        Self::Raw(text.to_owned(), value.map(|field| Box::new(field.value)))
    }

    /// As anything but text, a variable is what it means.
    fn meant(self) -> Self {
        match self {
            Self::Raw(_, Some(value)) => *value,
            Self::Raw(text, None) => Self::Text(text),
            other => other,
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::Flag(flag) => format!("`{flag}`"),
            Self::Integer(number) => format!("`{number}`"),
            Self::Float(number) => format!("`{number}`"),
            Self::Text(text) | Self::Raw(text, _) => format!("`{text}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }

    fn misfit<T>(&self, expected: &str) -> Result<T, String> {
        Err(format!("{} is not {expected}", self.kind()))
    }
}

/// The entries of a table in TOML.
pub(super) fn fields(table: &DeTable<'_>) -> Vec<Field> {
    let field = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let written: &std::borrow::Cow<'_, str> = name.get_ref();
        Field { name: written.to_string(), at: Some(name.span().start), value: Value::from(value.get_ref()) }
    };
    table.iter().map(field).collect()
}

impl From<&DeValue<'_>> for Value {
    fn from(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Self::Integer(number),
                Err(_) => Self::Text(number.as_str().to_owned()),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Self::Float(number),
                Err(_) => Self::Text(number.as_str().to_owned()),
            },
            DeValue::Datetime(time) => Self::Text(time.to_string()),
            DeValue::Array(items) => Self::List(items.iter().map(|item| item.get_ref().into()).collect()),
            DeValue::Table(table) => Self::Table(fields(table)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plain::deserialize(deserializer).map(Self::from)
    }
}

/// What a value is in any format.
#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Plain>),
    Table(BTreeMap<String, Plain>),
}

impl From<Plain> for Value {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Flag(flag) => Self::Flag(flag),
            Plain::Integer(number) => Self::Integer(number),
            Plain::Float(number) => Self::Float(number),
            Plain::Text(text) => Self::Text(text),
            Plain::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Plain::Table(entries) => {
                let field = |(name, value)| Field { name, at: None, value: Self::from(value) };
                Self::Table(entries.into_iter().map(field).collect())
            }
        }
    }
}

/// What a setting can be: read from a value, and written as TOML.
pub(super) trait Kind: Sized {
    fn take(value: Value) -> Result<Self, String>;
    fn show(&self) -> String;
}

impl Kind for bool {
    fn take(value: Value) -> Result<Self, String> {
        match value.meant() {
            Value::Flag(flag) => Ok(flag),
            other => other.misfit("`true` or `false`"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// What is left to the build.
impl Kind for Option<bool> {
    fn take(value: Value) -> Result<Self, String> {
        match value.meant() {
            Value::Text(text) if text == "debug" => Ok(None),
            other => bool::take(other).map(Some).map_err(|why| format!("{why}, or \"debug\"")),
        }
    }

    fn show(&self) -> String {
        self.map_or_else(|| "debug".to_owned().show(), |flag| flag.show())
    }
}

impl Kind for String {
    fn take(value: Value) -> Result<Self, String> {
        match value {
            Value::Raw(_, Some(value)) if matches!(*value, Value::Text(_)) => Self::take(*value),
            Value::Text(text) | Value::Raw(text, _) => Ok(text),
            other => other.misfit("text"),
        }
    }

    fn show(&self) -> String {
        // TOML reads the strings of JSON, but for one character.
        serde_json::Value::from(self.as_str()).to_string().replace('\u{7f}', "\\u007f")
    }
}

impl Kind for Option<PathBuf> {
    fn take(value: Value) -> Result<Self, String> {
        String::take(value).map(|path| (!path.is_empty()).then(|| path.into()))
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, |path| path.display().to_string()).show()
    }
}

impl Kind for Vec<String> {
    fn take(value: Value) -> Result<Self, String> {
        match value {
            Value::List(items) => items.into_iter().map(String::take).collect(),
            Value::Raw(_, Some(value)) if matches!(*value, Value::List(_)) => Self::take(*value),
            // Nobody likes to write quotes within quotes.
            Value::Raw(text, _) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Ok(parts.map(str::to_owned).collect())
            }
            other => other.misfit("a list of texts"),
        }
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Kind::show).collect::<Vec<_>>().join(", "))
    }
}

impl Kind for u32 {
    fn take(value: Value) -> Result<Self, String> {
        match value.meant() {
            Value::Integer(number) => {
                Self::try_from(number).or_else(|_| Value::Integer(number).misfit("a number up to 4294967295"))
            }
            other => other.misfit("a whole number"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Sizes and counts, of which a size is written with a unit.
impl Kind for usize {
    fn take(value: Value) -> Result<Self, String> {
        const EXPECTED: &str = "a whole number, or a size such as \"64 KiB\"";
        let value = value.meant();
        match &value {
            Value::Integer(number) => Self::try_from(*number).or_else(|_| value.misfit(EXPECTED)),
            Value::Text(text) => size(text).map_or_else(|| value.misfit(EXPECTED), Ok),
            _ => value.misfit(EXPECTED),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Kind for Duration {
    fn take(value: Value) -> Result<Self, String> {
        const EXPECTED: &str = "a time such as \"10s\", \"250ms\", or a number of seconds";
        let value = value.meant();
        let time = match &value {
            Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Self::from_secs),
            Value::Float(seconds) => Self::try_from_secs_f64(*seconds).ok(),
            Value::Text(text) => time(text),
            _ => None,
        };
        time.map_or_else(|| value.misfit(EXPECTED), |time| Ok(time.min(FOREVER)))
    }

    fn show(&self) -> String {
        let text = match (self.as_secs(), self.subsec_millis()) {
            (seconds, 0) => format!("{seconds}s"),
            _ => format!("{}ms", self.as_millis()),
        };
        text.show()
    }
}

/// What there need not be: "none".
macro_rules! optional {
    ($($kind:ty)*) => {$(
        impl Kind for Option<$kind> {
            fn take(value: Value) -> Result<Self, String> {
                match value.meant() {
                    Value::Text(text) if text == "none" => Ok(None),
                    other => <$kind>::take(other).map(Some).map_err(|why| format!("{why}, or \"none\"")),
                }
            }

            fn show(&self) -> String {
                self.map_or_else(|| "none".to_owned().show(), |value| value.show())
            }
        }
    )*};
}

optional! { Duration usize }

/// A size as people write it.
pub(super) fn show_size(bytes: usize) -> String {
    match bytes {
        0 => "0".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20).show(),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10).show(),
        _ => bytes.to_string(),
    }
}

/// A number and what follows it.
fn unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    number.is_finite().then(|| (number, text[end..].trim_start()))
}

fn size(text: &str) -> Option<usize> {
    let (number, unit) = unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return None,
    };
    let bytes = number * f64::from(factor);
    // A float of that size still counts by ones.
    (bytes.fract() == 0.0 && bytes < 9e15).then_some(bytes as u64).and_then(|bytes| bytes.try_into().ok())
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = unit(text)?;
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 24.0 * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * factor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_units() {
        for (text, bytes) in [
            ("65536", Some(65_536)),
            ("64 KiB", Some(65_536)),
            ("64kib", Some(65_536)),
            ("1.5 MiB", Some(1_572_864)),
            ("2GiB", Some(2_147_483_648)),
            ("10 kB", Some(10_000)),
            ("1 MB", Some(1_000_000)),
            ("7 B", Some(7)),
            ("0", Some(0)),
            ("0.3 B", None),
            ("-1", None),
            ("KiB", None),
            ("64 Kib/s", None),
            ("1e9", None),
            ("99999999999 GiB", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn times_are_read_with_units() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("10 s", Some(10_000)),
            ("10", Some(10_000)),
            ("250ms", Some(250)),
            ("1.5s", Some(1500)),
            ("2m", Some(120_000)),
            ("2 min", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1w", None),
            ("-1s", None),
            ("s", None),
            ("", None),
            ("ten seconds", None),
        ] {
            assert_eq!(time(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }
}

//! Values as JSON that people type and read.
//!
//! MessagePack knows more than JSON does. What JSON has no word for is written as an object with one member whose name
//! begins with a dollar sign, in both directions:
//!
//! | | |
//! |---|---|
//! | `{"$bytes": "aGk="}` | bytes, in base64 |
//! | `{"$float": "NaN"}`, `"Infinity"`, `"-Infinity"` | floats that are no numbers |
//! | `{"$map": [[key, value], …]}` | a map with keys that are no text, or one that looks like a row of this table |
//! | `{"$ext": [tag, "aGk="]}` | an extension type of MessagePack |
//!
//! Integers are exact in 64 bits.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use swill_proto::{Format, Value, scan};

const BYTES: &str = "$bytes";
const FLOAT: &str = "$float";
const MAP: &str = "$map";
const EXTENSION: &str = "$ext";

/// Reads a value.
///
/// # Errors
///
/// What is wrong with the text, for people.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    scan::check(Format::Json, text.as_bytes()).map_err(|error| error.to_string())?;
    let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(number) = too_large(text) {
        return Err(format!("{number} does not fit into 64 bits (as a float it has a `.0`)"));
    }
    unmarked(value)
}

/// Writes a value in one line.
pub(crate) fn line(value: &Value) -> String {
    harmless(serde_json::to_string(&Marked(value)).unwrap_or_default())
}

/// Writes a value for people.
pub(crate) fn pretty(value: &Value) -> String {
    harmless(serde_json::to_string_pretty(&Marked(value)).unwrap_or_default())
}

/// The same JSON, without the control characters that JSON need not escape: terminals obey some of them.
pub(crate) fn harmless(json: String) -> String {
    let is_harmful = |letter: char| letter.is_control() && letter != '\n';
    if !json.contains(is_harmful) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        match is_harmful(letter) {
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => escaped.push(letter),
        }
    }
    escaped
}

/// Writes text as it is, and other values in one line.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| line(value), str::to_owned)
}

/// What a value is in protocols that are JSON: bytes are text in base64.
pub(crate) fn for_json(value: Value) -> Value {
    match value {
        Value::Bytes(bytes) => Value::Text(STANDARD.encode(bytes)),
        Value::List(list) => Value::List(list.into_iter().map(for_json).collect()),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (for_json(key), for_json(value))).collect())
        }
        other => other,
    }
}

/// Bytes out of base64.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A value with what JSON has no word for marked.
pub(crate) struct Marked<'v>(pub(crate) &'v Value);

impl Serialize for Marked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mark = |serializer: S, name, text: &str| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(name, text)?;
            map.end()
        };
        match self.0 {
            Value::Bytes(bytes) => mark(serializer, BYTES, &STANDARD.encode(bytes)),
            Value::Float(float) if !float.is_finite() => mark(serializer, FLOAT, float_name(*float)),
            Value::Float32(float) if !float.is_finite() => {
                mark(serializer, FLOAT, float_name(f64::from(*float)))
            }
            Value::Extension(tag, bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(EXTENSION, &(tag, STANDARD.encode(bytes)))?;
                map.end()
            }
            Value::List(list) => {
                let mut elements = serializer.serialize_seq(Some(list.len()))?;
                for element in list {
                    elements.serialize_element(&Marked(element))?;
                }
                elements.end()
            }
            Value::Map(entries) if is_plain(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key.as_str().unwrap_or_default(), &Marked(value))?;
                }
                map.end()
            }
            Value::Map(entries) => {
                let pairs: Vec<_> = entries.iter().map(|(key, value)| (Marked(key), Marked(value))).collect();
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(MAP, &pairs)?;
                map.end()
            }
            simple => simple.serialize(serializer),
        }
    }
}

/// Whether a map is one in JSON, too, and does not look like a mark.
fn is_plain(entries: &[(Value, Value)]) -> bool {
    match entries {
        [(Value::Text(name), _)] => !matches!(name.as_str(), BYTES | FLOAT | MAP | EXTENSION),
        entries => entries.iter().all(|(key, _)| matches!(key, Value::Text(_))),
    }
}

fn float_name(float: f64) -> &'static str {
    match float {
        _ if float.is_nan() => "NaN",
        _ if float > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Turns marks into what they stand for.
fn unmarked(value: Value) -> Result<Value, String> {
    let entries = match value {
        Value::List(list) => {
            return list.into_iter().map(unmarked).collect::<Result<_, _>>().map(Value::List);
        }
        Value::Map(entries) => entries,
        simple => return Ok(simple),
    };
    if let [(Value::Text(name), content)] = entries.as_slice() {
        match (name.as_str(), content) {
            (BYTES, Value::Text(text)) => {
                let bytes = bytes(text).ok_or_else(|| format!("`{text}` in `{BYTES}` is no base64"))?;
                return Ok(Value::Bytes(bytes));
            }
            (FLOAT, Value::Text(text)) => {
                return match text.as_str() {
                    "NaN" => Ok(Value::Float(f64::NAN)),
                    "Infinity" => Ok(Value::Float(f64::INFINITY)),
                    "-Infinity" => Ok(Value::Float(f64::NEG_INFINITY)),
                    _ => Err(format!("`{FLOAT}` is \"NaN\", \"Infinity\" or \"-Infinity\"")),
                };
            }
            (MAP, Value::List(pairs)) => {
                return pairs.iter().map(pair).collect::<Result<_, _>>().map(Value::Map);
            }
            (EXTENSION, content) => return extension(content),
            _ => {}
        }
    }
    let entries = entries.into_iter().map(|(key, value)| Ok((key, unmarked(value)?)));
    entries.collect::<Result<_, String>>().map(Value::Map)
}

fn pair(pair: &Value) -> Result<(Value, Value), String> {
    match pair {
        Value::List(pair) if pair.len() == 2 => Ok((unmarked(pair[0].clone())?, unmarked(pair[1].clone())?)),
        _ => Err(format!("`{MAP}` is a list of pairs, each a list of a key and a value")),
    }
}

fn extension(content: &Value) -> Result<Value, String> {
    let parts = match content {
        Value::List(parts) => parts.as_slice(),
        _ => &[],
    };
    match parts {
        [Value::Int(tag), Value::Text(text)] => {
            i8::try_from(*tag).ok().zip(bytes(text)).map(|(tag, bytes)| Value::Extension(tag, bytes))
        }
        _ => None,
    }
    .ok_or_else(|| format!("`{EXTENSION}` is a list of a tag from -128 to 127 and bytes in base64"))
}

/// The first integer in a JSON text that has no place in 64 bits. It would have become a float, and another number.
pub(crate) fn too_large(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let start = rest.find(|letter: char| letter == '"' || letter == '-' || letter.is_ascii_digit())?;
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = after.find(|letter: char| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            })?;
            rest = &after[end + 1..];
            continue;
        }
        let end = rest
            .find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '-' | '+' | '.' | 'e' | 'E')))
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let integer = !number.contains(['.', 'e', 'E']);
        if integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: &Value) {
        assert_eq!(parse(text).as_ref(), Ok(value), "{text}");
        assert_eq!(line(value), text);
    }

    #[test]
    fn values_go_both_ways() {
        let text = |text: &str| Value::Text(text.to_owned());
        check("null", &Value::Nil);
        check("-9223372036854775808", &Value::Int(i64::MIN));
        check("18446744073709551615", &Value::UInt(u64::MAX));
        check("1.0", &Value::Float(1.0));
        check(r#"[1,"a",true]"#, &Value::List(vec![Value::Int(1), text("a"), Value::Bool(true)]));
        check(r#"{"b":1,"a":2}"#, &Value::Map(vec![(text("b"), Value::Int(1)), (text("a"), Value::Int(2))]));
        check(r#"{"$bytes":"AAH/"}"#, &Value::Bytes(vec![0, 1, 255]));
        check(r#"[{"$float":"-Infinity"}]"#, &Value::List(vec![Value::Float(f64::NEG_INFINITY)]));
        check(r#"{"$map":[[1,"one"]]}"#, &Value::Map(vec![(Value::Int(1), text("one"))]));
        check(r#"{"$ext":[-1,"AA=="]}"#, &Value::Extension(-1, vec![0]));
    }

    #[test]
    fn terminals_obey_nothing_that_is_written() {
        let value = Value::from("a\u{9b}31m\x7f\x1b[m\nb");
        let expected = r#""a\u009b31m\u007f\u001b[m\nb""#;
        assert_eq!((line(&value), pretty(&value)), (expected.to_owned(), expected.to_owned()));
        assert_eq!(parse(expected).unwrap(), value);
    }

    #[test]
    fn what_looks_like_a_mark_survives() {
        let value = Value::Map(vec![(Value::Text("$bytes".into()), Value::Text("no base64".into()))]);
        let written = line(&value);
        assert_eq!(written, r#"{"$map":[["$bytes","no base64"]]}"#);
        assert_eq!(parse(&written), Ok(value));
        assert_eq!(parse(r#"{"$other":1}"#).map(|value| line(&value)), Ok(r#"{"$other":1}"#.to_owned()));
    }

    #[test]
    fn what_would_change_is_refused() {
        for (text, why) in [
            ("18446744073709551616", "18446744073709551616 does not fit into 64 bits"),
            (r#"["99999999999999999999", -9223372036854775809]"#, "-9223372036854775809 does not fit"),
            (r#"{"$bytes":"%"}"#, "no base64"),
            (r#"{"$float":"nan"}"#, "`$float` is"),
            (r#"{"$map":[1]}"#, "a list of pairs"),
            (r#"{"$ext":[200,"AA=="]}"#, "from -128 to 127"),
            ("[1,", "EOF"),
            ("", "EOF"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert_eq!(parse("1e30"), Ok(Value::Float(1e30)));
        assert_eq!(parse(r#""a \" 99999999999999999999""#).map(|value| value.as_str().is_some()), Ok(true));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn bytes_are_text_where_the_protocol_is_json() {
        let value = parse(r#"{"data":[{"$bytes":"aGk="}]}"#).unwrap();
        assert_eq!(line(&for_json(value)), r#"{"data":["aGk="]}"#);
    }
}

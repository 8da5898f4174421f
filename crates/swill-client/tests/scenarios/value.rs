//! Values as the list writes them: made, and compared with what came.

use crate::members::Wrong;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;
use swill_client::{Metadata, Value};

/// What stands for something else where a step is played.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) run: String,
    /// The number of the round in `repeat`.
    pub(crate) index: Option<i64>,
}

impl Scope {
    pub(crate) fn text(&self, text: &str) -> String {
        let text = text.replace("$run", &self.run);
        match self.index {
            Some(index) => text.replace("$i", &index.to_string()),
            None => text,
        }
    }

    /// Parameters: none at all are `()`.
    pub(crate) fn params(&self, params: Option<&Json>) -> Wrong<Value> {
        params.map_or(Ok(Value::Nil), |params| self.make(params))
    }

    pub(crate) fn metadata(&self, json: &Json) -> Wrong<Metadata> {
        let mut metadata = Metadata::new();
        let Value::Map(entries) = self.make(json)? else { return Err("metadata is no map".into()) };
        for (key, value) in entries {
            metadata.insert(key.as_str().ok_or("a key of metadata is no text")?, value);
        }
        Ok(metadata)
    }

    pub(crate) fn make(&self, json: &Json) -> Wrong<Value> {
        Ok(match json {
            Json::Null => Value::Nil,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) => {
                const SAFE: i64 = (1 << 53) - 1;
                let number = number.as_i64().filter(|number| (-SAFE..=SAFE).contains(number));
                Value::Int(number.ok_or_else(|| format!("{json} needs a tag"))?)
            }
            Json::String(text) => Value::Text(self.text(text)),
            Json::Array(list) => Value::List(list.iter().map(|item| self.make(item)).collect::<Wrong<_>>()?),
            Json::Object(members) => match tag(json) {
                Some((tag, content)) => self.tagged(tag, content)?,
                None => {
                    let entry = |(key, value): (&String, _)| Ok((self.text(key).into(), self.make(value)?));
                    Value::Map(members.iter().map(entry).collect::<Wrong<_>>()?)
                }
            },
        })
    }

    fn tagged(&self, tag: &str, content: &Json) -> Wrong<Value> {
        let bad = || format!("a bad value of `{tag}`: {content}");
        let text = || content.as_str().ok_or_else(bad);
        let pair = || match content.as_array().map(Vec::as_slice) {
            Some([first, second]) => Ok((first, second)),
            _ => Err(bad()),
        };
        let count = |json: &Json| json.as_u64().map(|count| count as usize).ok_or_else(bad);
        Ok(match tag {
            "$int" => match text()?.parse::<i64>() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::UInt(text()?.parse().map_err(|_| bad())?),
            },
            "$float" => Value::Float(text()?.parse().map_err(|_| bad())?),
            "$bytes" => Value::Bytes(STANDARD.decode(text()?).map_err(|_| bad())?),
            "$fill" => {
                let (byte, length) = pair()?;
                let byte = byte.as_u64().and_then(|byte| byte.try_into().ok()).ok_or_else(bad)?;
                Value::Bytes(vec![byte; count(length)?])
            }
            "$repeat" => {
                let (part, times) = pair()?;
                Value::Text(self.text(part.as_str().ok_or_else(bad)?).repeat(count(times)?))
            }
            "$nest" => {
                let (depth, inside) = pair()?;
                (0..count(depth)?).fold(self.make(inside)?, |value, _| Value::List(vec![value]))
            }
            "$range" => {
                let (first, end) = pair()?;
                let (first, end) = (first.as_i64().ok_or_else(bad)?, end.as_i64().ok_or_else(bad)?);
                Value::List((first..end).map(Value::Int).collect())
            }
            "$map" => {
                let entry = |entry: &Json| match entry.as_array().map(Vec::as_slice) {
                    Some([key, value]) => Ok((self.make(key)?, self.make(value)?)),
                    _ => Err(bad()),
                };
                Value::Map(content.as_array().ok_or_else(bad)?.iter().map(entry).collect::<Wrong<_>>()?)
            }
            "$index" => Value::Int(content.as_i64().ok_or_else(bad)? + self.index.ok_or("not in `repeat`")?),
            _ => return Err(format!("there is no tag `{tag}`")),
        })
    }

    /// Compares what came with what is expected.
    pub(crate) fn check(&self, expected: &Json, came: &Value) -> Wrong<()> {
        let differs = || Err(format!("expected {}, got {}", brief(expected.to_string()), shown(came)));
        match (expected, came) {
            (Json::Array(list), Value::List(items)) if list.len() == items.len() => {
                list.iter().zip(items).enumerate().try_for_each(|(at, (one, item))| {
                    self.check(one, item).map_err(|it| format!("[{at}]: {it}"))
                })
            }
            (Json::Object(members), _) => match (tag(expected), came) {
                (Some(("$any", kind)), _) => match is_kind(kind.as_str().unwrap_or_default(), came)? {
                    true => Ok(()),
                    false => differs(),
                },
                (Some(("$has", Json::Object(members))), Value::Map(_)) => self.entries(members, came),
                (Some(("$text", Json::String(part))), Value::Text(text))
                    if text.contains(&self.text(part)) =>
                {
                    Ok(())
                }
                (Some(("$has" | "$text", _)), _) => differs(),
                (Some(_), _) => match same(&self.make(expected)?, came) {
                    true => Ok(()),
                    false => differs(),
                },
                (None, Value::Map(entries)) if members.len() == entries.len() => self.entries(members, came),
                (None, _) => differs(),
            },
            (Json::Array(_), _) => differs(),
            _ => match same(&self.make(expected)?, came) {
                true => Ok(()),
                false => differs(),
            },
        }
    }

    fn entries(&self, members: &serde_json::Map<String, Json>, came: &Value) -> Wrong<()> {
        members.iter().try_for_each(|(key, expected)| {
            let key = self.text(key);
            let value = came.get(&key).ok_or_else(|| format!("`{key}` is missing in {}", shown(came)))?;
            self.check(expected, value).map_err(|wrong| format!("`{key}`: {wrong}"))
        })
    }

    /// Compares metadata, all of it.
    pub(crate) fn check_metadata(&self, expected: &Json, came: &Metadata) -> Wrong<()> {
        let entries = came.iter().map(|(key, value)| (key.into(), value.clone())).collect();
        self.check(expected, &Value::Map(entries))
    }
}

/// The tag of a value, and what it holds.
fn tag(json: &Json) -> Option<(&str, &Json)> {
    let members = json.as_object().filter(|members| members.len() == 1)?;
    let (tag, content) = members.iter().next()?;
    tag.starts_with('$').then_some((tag.as_str(), content)).filter(|(tag, _)| !tag.starts_with("$run"))
}

fn is_kind(kind: &str, value: &Value) -> Wrong<bool> {
    Ok(match kind {
        "value" => true,
        "null" => value.is_nil(),
        "boolean" => matches!(value, Value::Bool(_)),
        "integer" => matches!(value, Value::Int(_) | Value::UInt(_)),
        "float" => matches!(value, Value::Float(_) | Value::Float32(_)),
        "text" => matches!(value, Value::Text(_)),
        "bytes" => matches!(value, Value::Bytes(_)),
        "list" => matches!(value, Value::List(_)),
        "map" => matches!(value, Value::Map(_)),
        _ => return Err(format!("there is no kind `{kind}`")),
    })
}

/// The same kind and the same value. The order of a map's entries does not matter.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let found = |(key, value): &(Value, Value)| {
                other.iter().any(|(their_key, theirs)| same(key, their_key) && same(value, theirs))
            };
            one.len() == other.len() && one.iter().all(found)
        }
        _ => one == other,
    }
}

pub(crate) fn shown(value: &Value) -> String {
    brief(format!("{value:?}"))
}

/// For messages that are to be read.
fn brief(text: String) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

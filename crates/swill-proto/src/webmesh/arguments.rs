use super::{
    message::{null, written},
    pack,
};
use crate::{Format, Value, scan::object::Object};
use serde_json::value::RawValue;
use std::borrow::Cow;

const NO_DATA: &str = "every parameter is in the path: there can be no data";

/// A parameter's name and its value, both in their written form.
type Entry<'d> = (Cow<'d, [u8]>, Cow<'d, [u8]>);

/// Puts the parameters that are in a path together with the data of the message.
///
/// | data | |
/// |---|---|
/// | null | the parameters of the path alone |
/// | a map | its entries, too; the path wins |
/// | a list, and several parameters remain | these, by position |
/// | anything else, and one parameter remains | that one |
///
/// # Errors
///
/// What is wrong with the data, for people.
pub(super) fn merge(
    format: Format,
    data: &[u8],
    arguments: &[(String, Value)],
    parameters: &[&str],
) -> Result<Vec<u8>, &'static str> {
    let in_path = |name: &str| arguments.iter().any(|(known, _)| known == name);
    let remaining: Vec<&str> = parameters.iter().copied().filter(|name| !in_path(name)).collect();
    let by_name = |name: &str, value| (written(format, name).into(), value);
    let mut entries: Vec<Entry<'_>> =
        arguments.iter().map(|(name, value)| by_name(name, written(format, value).into())).collect();
    let in_the_path = entries.len();
    if data != null(format) {
        if let Some(others) = map(format, data) {
            entries.extend(others.into_iter().filter(|(name, _)| !in_path(name)).map(|(_, entry)| entry));
        } else {
            match (list(format, data), &remaining[..]) {
                (Some(elements), []) if elements.is_empty() => {}
                (_, []) => return Err(NO_DATA),
                (_, [only]) => entries.push(by_name(only, data.into())),
                (Some(elements), several) if elements.len() <= several.len() => {
                    entries.extend(several.iter().zip(elements).map(|(name, it)| by_name(name, it.into())));
                }
                (Some(_), _) => return Err("there are more values than parameters"),
                (None, _) => return Err("several parameters are a list or a map"),
            }
        }
    }
    if let ([_], [(_, value)]) = (parameters, &entries[..]) {
        // The whole value is the only parameter.
        return Ok(value.to_vec());
    }
    if parameters.len() == 1 && entries.len() > in_the_path {
        return Err(NO_DATA);
    }
    Ok(assembled(format, &entries))
}

/// The entries of a map, each behind its name; `None` if it is no map.
fn map(format: Format, data: &[u8]) -> Option<Vec<(Cow<'_, str>, Entry<'_>)>> {
    match format {
        Format::MessagePack => {
            let entries = pack::entries(data)?.map(|(key, value)| {
                let name = String::from_utf8_lossy(pack::key(key).unwrap_or_default());
                (name, (key.into(), value.into()))
            });
            Some(entries.collect())
        }
        Format::Json => {
            let members = Object::read(data).ok()?.distinct().0.into_iter().map(|member| {
                let mut key = Vec::new();
                member.write_key(&mut key);
                (member.name(), (key.into(), member.value().into()))
            });
            Some(members.collect())
        }
    }
}

/// The elements of a list; `None` if it is no list.
fn list(format: Format, data: &[u8]) -> Option<Vec<&[u8]>> {
    match format {
        Format::MessagePack => Some(pack::elements(data)?.collect()),
        Format::Json => {
            let elements: Vec<&RawValue> = serde_json::from_slice(data).ok()?;
            Some(elements.into_iter().map(|element| element.get().as_bytes()).collect())
        }
    }
}

/// A map of what is written already.
fn assembled(format: Format, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut map = Vec::new();
    match format {
        Format::MessagePack => {
            pack::write_map(&mut map, entries.len());
            for (name, value) in entries {
                map.extend_from_slice(name);
                map.extend_from_slice(value);
            }
        }
        Format::Json => {
            map.push(b'{');
            for (name, value) in entries {
                if map.len() > 1 {
                    map.push(b',');
                }
                map.extend_from_slice(name);
                map.push(b':');
                map.extend_from_slice(value);
            }
            map.push(b'}');
        }
    }
    map
}

use super::TYPE;
use crate::{Format, Kind, Outgoing, Payload, scan::object};

/// Writes an answer, unless it is null, which is said by silence. `name` is the event's name as a JSON string.
pub(super) fn answer(out: &mut dyn Outgoing, name: &[u8], answer: &Payload<'_>) {
    let data = written(answer);
    if data != b"null" {
        event(out, name, data);
    }
}

/// Writes an event. Its data decides the form: the members of an object lie beside `type`, nothing (null) leaves `type`
/// alone, and anything else is the `result`.
pub(super) fn event(out: &mut dyn Outgoing, name: &[u8], data: &[u8]) {
    let Some(members) = data.strip_prefix(b"{") else {
        return match data {
            b"" | b"null" => message(out, name, b"", b""),
            data => message(out, name, br#","result":"#, data),
        };
    };
    if object::has_member(data, TYPE) {
        return out.message(Kind::Text, data);
    }
    match members.trim_ascii_start() {
        [b'}'] => message(out, name, b"", b""),
        members => message(out, name, b",", members.strip_suffix(b"}").unwrap_or(members)),
    }
}

fn message(out: &mut dyn Outgoing, name: &[u8], between: &[u8], rest: &[u8]) {
    const HEAD: &[u8] = br#"{"type":"#;
    let length = HEAD.len() + name.len() + between.len() + rest.len() + 1;
    let buffer = out.begin(Kind::Text, length);
    buffer.reserve(length);
    buffer.extend_from_slice(HEAD);
    buffer.extend_from_slice(name);
    buffer.extend_from_slice(between);
    buffer.extend_from_slice(rest);
    buffer.push(b'}');
    out.finish();
}

/// A name as a JSON string.
pub(super) fn quoted(name: &str) -> Vec<u8> {
    serde_json::Value::from(name).to_string().into_bytes()
}

/// The text of a payload, without white space around it.
pub(super) fn written<'p>(payload: &'p Payload<'_>) -> &'p [u8] {
    debug_assert_eq!(payload.format(), Format::Json, "payloads of events are JSON");
    payload.bytes().trim_ascii()
}

//! Messages, taken apart by what is spoken.

use super::{
    events,
    frame::{Frame, Side},
    jsonrpc, swill1,
};
use swill_proto::{Format, Value, scan};
use swill_ws::Kind;

/// What is spoken on a connection, with what has to be remembered to understand it.
#[derive(Debug)]
pub(super) enum Wire {
    Swill1(swill1::Calls),
    JsonRpc(Box<jsonrpc::Calls>),
    Events,
    /// No subprotocol was chosen: the first message that is understood tells.
    Unknown,
    /// Something else.
    Raw,
}

impl Wire {
    /// What the chosen subprotocol stands for.
    pub(super) fn named(subprotocol: Option<&str>) -> Self {
        match subprotocol {
            Some("swill/1" | "swill.1") => Self::Swill1(swill1::Calls::default()),
            Some("jsonrpc" | "jsonrpc.msgpack") => Self::JsonRpc(Box::default()),
            Some("events") => Self::Events,
            None => Self::Unknown,
            Some(_) => Self::Raw,
        }
    }

    /// What a message says.
    pub(super) fn message(&mut self, side: Side, kind: Kind, data: &[u8]) -> Vec<Frame> {
        let value = match decode(kind, data) {
            Ok(value) => value,
            Err(why) => return vec![raw(kind, data).note(why)],
        };
        if matches!(self, Self::Unknown) {
            *self = match &value {
                value if jsonrpc::is_one(value) => Self::JsonRpc(Box::default()),
                Value::Map(_) if kind == Kind::Text && events::is_one(&value) => Self::Events,
                _ => Self::Unknown,
            };
        }
        let frames = match self {
            Self::Swill1(calls) if kind == Kind::Binary => calls.message(side, value.clone()),
            Self::JsonRpc(calls) => calls.message(side, name(kind), value.clone()),
            Self::Events if kind == Kind::Text => events::message(value.clone()),
            _ => None,
        };
        frames.unwrap_or_else(|| vec![Frame::new(name(kind)).payload(value)])
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Binary => "binary",
    }
}

/// Text is JSON, and bytes are MessagePack, if they are anything.
fn decode(kind: Kind, data: &[u8]) -> Result<Value, &'static str> {
    match kind {
        Kind::Text => {
            scan::check(Format::Json, data).map_err(|_| "no JSON")?;
            serde_json::from_slice(data).map_err(|_| "no JSON")
        }
        Kind::Binary => {
            scan::check(Format::MessagePack, data).map_err(|_| "no MessagePack")?;
            scan::messagepack::decode(data).map_err(|_| "no MessagePack")
        }
    }
}

fn raw(kind: Kind, data: &[u8]) -> Frame {
    let payload = match (kind, std::str::from_utf8(data)) {
        (Kind::Text, Ok(text)) => Value::Text(text.to_owned()),
        _ => Value::Bytes(data.to_vec()),
    };
    Frame::new(name(kind)).payload(payload)
}

/// A value that can be a key.
pub(super) fn key(value: &Value) -> String {
    crate::json::line(value)
}

/// Takes a member out of a map.
pub(super) fn take(map: &mut Vec<(Value, Value)>, name: &str) -> Option<Value> {
    let at = map.iter().position(|(key, _)| key.as_str() == Some(name))?;
    Some(map.remove(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(wire: &mut Wire, kind: Kind, data: &[u8]) -> (&'static str, Option<String>) {
        let frame = wire.message(Side::Client, kind, data).remove(0);
        (frame.kind, frame.procedure)
    }

    #[test]
    fn subprotocols_say_what_is_spoken() {
        let call = b"\x93\x01\xc0\xa3add";
        let event = br#"{"type":"add"}"#;
        let request = br#"{"jsonrpc":"2.0","id":1,"method":"add"}"#;
        let add = || Some("add".to_owned());
        for (name, kind, data, expected) in [
            (Some("swill/1"), Kind::Binary, &call[..], ("call", add())),
            (Some("swill.1"), Kind::Binary, call, ("call", add())),
            (Some("jsonrpc"), Kind::Text, request, ("call", add())),
            (Some("events"), Kind::Text, event, ("event", add())),
            (None, Kind::Text, request, ("call", add())),
            (None, Kind::Text, event, ("event", add())),
            (None, Kind::Binary, call, ("binary", None)),
            (Some("other"), Kind::Text, request, ("text", None)),
            (Some("other"), Kind::Binary, call, ("binary", None)),
            // What does not fit is shown as it is.
            (Some("swill/1"), Kind::Text, event, ("text", None)),
            (Some("swill/1"), Kind::Binary, b"\xc1", ("binary", None)),
            (Some("jsonrpc"), Kind::Text, b"{", ("text", None)),
            (Some("events"), Kind::Text, b"[1]", ("text", None)),
        ] {
            assert_eq!(
                said(&mut Wire::named(name), kind, data),
                expected,
                "{name:?} {}",
                data.escape_ascii()
            );
        }
    }

    #[test]
    fn the_first_message_that_is_understood_decides() {
        let mut wire = Wire::named(None);
        assert_eq!(said(&mut wire, Kind::Text, b"hello").0, "text");
        assert_eq!(said(&mut wire, Kind::Text, br#"{"type":"add"}"#).0, "event");
        assert_eq!(said(&mut wire, Kind::Text, br#"{"jsonrpc":"2.0","id":1,"method":"add"}"#).0, "text");
    }
}

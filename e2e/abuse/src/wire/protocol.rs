//! The four protocols, as far as a client has to know them that calls `add`, `echo` and `slow`.

use super::frame;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde_json::{Value, json};
use std::{
    fmt,
    io::{Read, Write},
};

/// A protocol of the server, and the path at which it is attacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    /// `swill/1` at `/load`.
    Swill1,
    /// JSON-RPC at `/load-jsonrpc`.
    JsonRpc,
    /// Events at `/events`.
    Events,
    /// WebMesh 0.1.2 at `/`.
    WebMesh,
}

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [Self::Swill1, Self::JsonRpc, Self::Events, Self::WebMesh];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Swill1 => "swill/1",
            Self::JsonRpc => "json-rpc",
            Self::Events => "events",
            Self::WebMesh => "webmesh",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Swill1 => "/load",
            Self::JsonRpc => "/load-jsonrpc",
            Self::Events => "/events",
            Self::WebMesh => "/",
        }
    }

    pub(crate) fn subprotocol(self) -> Option<&'static str> {
        (self == Self::Swill1).then_some("swill/1")
    }

    /// The opcode of its messages.
    pub(crate) fn opcode(self) -> u8 {
        if self == Self::Swill1 { frame::BINARY } else { frame::TEXT }
    }

    /// Whether calls of one connection run at the same time, and their answers say which call they belong to.
    pub(crate) fn has_ids(self) -> bool {
        matches!(self, Self::Swill1 | Self::JsonRpc)
    }

    /// A call. Arguments are given by their names; protocols that have none take the values.
    pub(crate) fn call(self, id: i64, procedure: &str, arguments: &[(&str, Value)]) -> Vec<u8> {
        match self {
            Self::Swill1 => packed(&json!([id, by_place(arguments), procedure])),
            Self::JsonRpc => {
                let params: serde_json::Map<String, Value> = owned(arguments).collect();
                json!({"jsonrpc": "2.0", "method": procedure, "params": params, "id": id})
                    .to_string()
                    .into_bytes()
            }
            Self::Events => {
                let message: serde_json::Map<String, Value> =
                    [("type".to_owned(), json!(procedure))].into_iter().chain(owned(arguments)).collect();
                Value::Object(message).to_string().into_bytes()
            }
            Self::WebMesh => {
                webmesh(&packed(&json!({"path": format!("/{procedure}"), "data": by_place(arguments)})))
            }
        }
    }

    /// A call of `add`.
    pub(crate) fn add(self, id: i64, a: i64, b: i64) -> Vec<u8> {
        self.call(id, "add", &[("a", json!(a)), ("b", json!(b))])
    }

    /// A call of `echo`.
    pub(crate) fn echo(self, id: i64, value: Value) -> Vec<u8> {
        self.call(id, "echo", &[("value", value)])
    }

    /// A call of `slow`.
    pub(crate) fn slow(self, id: i64, milliseconds: u64) -> Vec<u8> {
        self.call(id, "slow", &[("ms", json!(milliseconds))])
    }

    /// What a message of the server says.
    ///
    /// # Errors
    ///
    /// It is no message of the protocol.
    pub(crate) fn answer(self, message: &[u8]) -> Result<Answer, String> {
        let wrong = || {
            format!(
                "no answer of {}: {:?}",
                self.name(),
                String::from_utf8_lossy(&message[..message.len().min(120)])
            )
        };
        let answer = match self {
            Self::Swill1 => {
                let value = unpacked(message)?;
                let [seq, data, kind, _, _] = value.as_array().map(Vec::as_slice).ok_or_else(wrong)? else {
                    return Err(wrong());
                };
                let said = match kind.as_u64() {
                    Some(0) => Said::Item(data.clone()),
                    Some(1) => Said::End,
                    Some(2) => Said::Metadata,
                    Some(3) => Said::Error(data["code"].as_i64().ok_or_else(wrong)?),
                    _ => return Err(wrong()),
                };
                Answer { id: seq.clone(), said }
            }
            Self::JsonRpc => {
                let mut value: Value = serde_json::from_slice(message).map_err(|_| wrong())?;
                if value["jsonrpc"] != "2.0" {
                    return Err(wrong());
                }
                let id = value["id"].take();
                let result = value.get_mut("result").map(Value::take);
                let said = match (result, value.get("error")) {
                    (Some(result), None) => Said::Item(result),
                    (None, Some(error)) => Said::Error(error["code"].as_i64().ok_or_else(wrong)?),
                    _ => return Err(wrong()),
                };
                Answer { id, said }
            }
            Self::Events => {
                let mut value: Value = serde_json::from_slice(message).map_err(|_| wrong())?;
                let said = match value.as_object_mut() {
                    Some(members) if members.contains_key("errors") => Said::Error(0),
                    Some(members) => Said::Item(
                        members.remove("result").or_else(|| members.remove("value")).unwrap_or(Value::Null),
                    ),
                    None => return Err(wrong()),
                };
                Answer { id: Value::Null, said }
            }
            Self::WebMesh => {
                let mut value = unpacked(&unmesh(message)?)?;
                Answer { id: Value::Null, said: Said::Item(value["data"].take()) }
            }
        };
        Ok(answer)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// Which call it belongs to; null if the protocol does not say.
    pub(crate) id: Value,
    pub(crate) said: Said,
}

/// What it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// A result, or an item of a stream.
    Item(Value),
    /// The end of a stream.
    End,
    /// Metadata on its own.
    Metadata,
    /// The call has failed, with this code; 0 over events, which have none.
    Error(i64),
}

/// Values without the names of their arguments: one of them alone, several as a list, none as nil.
fn by_place(arguments: &[(&str, Value)]) -> Value {
    match arguments {
        [] => Value::Null,
        [(_, only)] => only.clone(),
        several => several.iter().map(|(_, value)| value.clone()).collect(),
    }
}

fn owned(arguments: &[(&str, Value)]) -> impl Iterator<Item = (String, Value)> {
    arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))
}

/// A value as MessagePack.
pub(crate) fn packed(value: &Value) -> Vec<u8> {
    let mut out = vec![];
    // Nothing can go wrong when the output is memory.
    let _ = rmpv::encode::write_value(&mut out, &mixed(value));
    out
}

fn mixed(value: &Value) -> rmpv::Value {
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => rmpv::Value::Array(items.iter().map(mixed).collect()),
        Value::Object(members) => {
            rmpv::Value::Map(members.iter().map(|(key, value)| (key.as_str().into(), mixed(value))).collect())
        }
    }
}

/// MessagePack as a value. What JSON does not have (bytes, extensions) becomes null, keys become texts.
///
/// # Errors
///
/// It is no MessagePack, or there is something behind it.
pub(crate) fn unpacked(mut bytes: &[u8]) -> Result<Value, String> {
    let value = rmpv::decode::read_value(&mut bytes).map_err(|error| format!("no MessagePack: {error}"))?;
    if !bytes.is_empty() {
        return Err(format!("{} bytes behind a value of MessagePack", bytes.len()));
    }
    Ok(plain(value))
}

fn plain(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil | rmpv::Value::Binary(_) | rmpv::Value::Ext(..) => Value::Null,
        rmpv::Value::Boolean(value) => json!(value),
        rmpv::Value::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => json!(number),
            (_, number) => json!(number),
        },
        rmpv::Value::F32(number) => json!(number),
        rmpv::Value::F64(number) => json!(number),
        rmpv::Value::String(text) => json!(text.into_str().unwrap_or_default()),
        rmpv::Value::Array(items) => items.into_iter().map(plain).collect(),
        rmpv::Value::Map(members) => {
            let text = |key: rmpv::Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            Value::Object(members.into_iter().map(|(key, value)| (text(key), plain(value))).collect())
        }
    }
}

/// A message of WebMesh 0.1.2: the hexadecimal digits of what zlib makes of it.
pub(crate) fn webmesh(message: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(vec![], Compression::fast());
    let compressed = zlib.write_all(message).and_then(|()| zlib.finish()).unwrap_or_default();
    hex(&compressed)
}

/// The hexadecimal digits of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

fn unmesh(message: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    let compressed: Option<Vec<u8>> = message.chunks(2).map(pair).collect();
    let compressed = compressed.ok_or("an answer of webmesh has other bytes than hexadecimal digits")?;
    let mut out = vec![];
    let mut zlib = ZlibDecoder::new(&compressed[..]);
    zlib.read_to_end(&mut out)
        .map_err(|error| format!("an answer of webmesh cannot be inflated: {error}"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_look_as_the_protocols_want_them() {
        assert_eq!(Protocol::Swill1.add(7, 1, 2), b"\x93\x07\x92\x01\x02\xA3add");
        assert_eq!(
            Protocol::JsonRpc.add(7, 1, 2),
            br#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":7}"#
        );
        assert_eq!(Protocol::Events.add(7, 1, 2), br#"{"type":"add","a":1,"b":2}"#);
        let mesh = unpacked(&unmesh(&Protocol::WebMesh.slow(7, 5)).unwrap()).unwrap();
        assert_eq!(mesh, json!({"path": "/slow", "data": 5}));
    }

    #[test]
    fn answers_are_understood() {
        let said = |protocol: Protocol, message: &[u8]| protocol.answer(message).unwrap();
        assert_eq!(
            said(Protocol::Swill1, b"\x95\x07\x03\x00\xC0\xC0"),
            Answer { id: json!(7), said: Said::Item(json!(3)) }
        );
        let error = br#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
        assert_eq!(said(Protocol::JsonRpc, error), Answer { id: Value::Null, said: Said::Error(-32700) });
        assert_eq!(said(Protocol::Events, br#"{"type":"add","result":3}"#).said, Said::Item(json!(3)));
        let mesh = webmesh(&packed(&json!({"path": "/add", "data": 3})));
        assert_eq!(said(Protocol::WebMesh, &mesh).said, Said::Item(json!(3)));
        assert!(Protocol::Swill1.answer(b"\x94\x07\x03\x00\xC0").is_err());
    }
}

//! `swill/1`: one array a message.

use super::{
    calls,
    frame::{Frame, Side},
    wire::key,
};
use swill_proto::Value;

/// Calls of the client by their number, which answers have in place of a name.
#[derive(Debug, Default)]
pub(super) struct Calls(calls::Calls);

impl Calls {
    /// What a message says; `None` if it is none of this protocol.
    pub(super) fn message(&mut self, side: Side, value: Value) -> Option<Vec<Frame>> {
        let Value::List(elements) = value else { return None };
        let mut elements = elements.into_iter();
        let seq = elements.next().filter(|seq| matches!(seq, Value::Int(_) | Value::UInt(_)))?;
        let data = elements.next()?;
        let frame = match side {
            Side::Client => self.request(seq, data, elements)?,
            Side::Server => self.response(seq, data, elements)?,
        };
        Some(vec![frame])
    }

    fn request(&mut self, seq: Value, data: Value, mut rest: impl Iterator<Item = Value>) -> Option<Frame> {
        let Some(Value::Text(name)) = rest.next() else { return None };
        let kind = kind(rest.next())?;
        let metadata = rest.next();
        let number = key(&seq);
        let (kind, payload) = match kind {
            0 if self.0.insert(&number, &name) => ("call", Some(data)),
            0 => ("item", Some(data)),
            1 => ("end", None),
            2 => {
                self.0.insert(&number, &name);
                ("call", None)
            }
            3 => {
                self.0.remove(&number);
                ("cancel", None)
            }
            _ => return None,
        };
        Some(Frame::new(kind).call(seq).procedure(name).payload(payload).metadata("metadata", metadata))
    }

    fn response(&mut self, seq: Value, data: Value, mut rest: impl Iterator<Item = Value>) -> Option<Frame> {
        let kind = kind(rest.next())?;
        let (leading, trailing) = (rest.next(), rest.next());
        let number = key(&seq);
        let name = match kind {
            1 | 3 => self.0.remove(&number),
            _ => self.0.get(&number),
        };
        let (kind, payload) = match kind {
            0 => ("message", Some(data)),
            1 => ("end", None),
            2 => ("metadata", None),
            3 => ("error", Some(data)),
            _ => return None,
        };
        let frame = Frame::new(kind).call(seq).procedure(name).payload(payload);
        Some(frame.metadata("leading", leading).metadata("trailing", trailing))
    }
}

/// The type of a message, 0 if it says nothing.
fn kind(element: Option<Value>) -> Option<i64> {
    match element {
        None => Some(0),
        Some(kind) => kind.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn answers_get_the_names_of_their_calls() {
        let mut calls = Calls::default();
        for (side, message, kind, procedure, payload) in [
            (Side::Client, r#"[1,[1,2],"add",0,{"a":1}]"#, "call", Some("add"), Some("[1,2]")),
            (Side::Client, r#"[2,null,"total",2]"#, "call", Some("total"), None),
            (Side::Client, r#"[2,5,"total",0]"#, "item", Some("total"), Some("5")),
            (Side::Server, r#"[1,3,0,{"b":1},{"c":1}]"#, "message", Some("add"), Some("3")),
            (Side::Server, r#"[2,null,2,{"b":1},null]"#, "metadata", Some("total"), None),
            (Side::Client, r#"[2,null,"total",1]"#, "end", Some("total"), None),
            (
                Side::Server,
                r#"[2,{"code":400,"message":"no"},3,null,null]"#,
                "error",
                Some("total"),
                Some(r#"{"code":400,"message":"no"}"#),
            ),
            (Side::Server, r#"[2,5,0,null,null]"#, "message", None, Some("5")),
            (Side::Client, r#"[1,null,"add",3]"#, "cancel", Some("add"), None),
            (Side::Client, r#"[3,null,"ping"]"#, "call", Some("ping"), Some("null")),
            (Side::Server, r#"[3,null,1,null,null]"#, "end", Some("ping"), None),
        ] {
            let frame = calls.message(side, json::parse(message).unwrap()).unwrap().remove(0);
            assert_eq!(frame.kind, kind, "{message}");
            assert_eq!(frame.procedure.as_deref(), procedure, "{message}");
            assert_eq!(frame.payload.as_ref().map(json::line).as_deref(), payload, "{message}");
        }
        let metadata =
            calls.message(Side::Server, json::parse(r#"[9,1,0,{"b":1},{"c":1}]"#).unwrap()).unwrap();
        assert_eq!(
            metadata[0].metadata.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
            ["leading", "trailing"]
        );
    }

    #[test]
    fn what_is_no_message_is_none() {
        let mut calls = Calls::default();
        for message in
            ["1", "[]", "[1]", r#"["a",1,"add"]"#, r#"[1,1,2]"#, r#"[1,1,"add",9]"#, r#"[1,1,"add","x"]"#]
        {
            assert_eq!(calls.message(Side::Client, json::parse(message).unwrap()), None, "{message}");
        }
    }
}

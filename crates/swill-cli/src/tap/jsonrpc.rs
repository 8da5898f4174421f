//! JSON-RPC 2.0, in both codecs and both directions.

use super::{
    calls,
    frame::{Frame, Side},
    wire::{key, take},
};
use swill_proto::Value;

/// Calls by their ids, and streams by their subscriptions, of each side.
#[derive(Debug, Default)]
pub(super) struct Calls {
    client: calls::Calls,
    server: calls::Calls,
    /// Out of the server, and of the client.
    streams: [Streams; 2],
}

/// Streams out of one side, by their subscriptions.
#[derive(Debug, Default)]
struct Streams {
    /// Answers that may be the subscriptions of streams.
    perhaps: calls::Calls,
    /// Those of which an item has come: another answer that looks the same is none.
    flowing: calls::Calls,
}

impl Streams {
    /// The procedure of a stream of which an item has come.
    fn flow(&mut self, number: &str) -> Option<String> {
        if let Some(name) = self.flowing.get(number) {
            return Some(name);
        }
        let name = self.perhaps.remove(number)?;
        self.flowing.insert(number, &name);
        Some(name)
    }

    fn get(&self, number: &str) -> Option<String> {
        self.flowing.get(number).or_else(|| self.perhaps.get(number))
    }

    fn remove(&mut self, number: &str) -> Option<String> {
        self.flowing.remove(number).or_else(|| self.perhaps.remove(number))
    }
}

/// Whether a message looks like one.
pub(super) fn is_one(value: &Value) -> bool {
    match value {
        Value::Map(_) => value.get("jsonrpc").is_some(),
        Value::List(all) => !all.is_empty() && all.iter().all(|it| it.get("jsonrpc").is_some()),
        _ => false,
    }
}

impl Calls {
    /// What a message says, of a batch each element; `None` if it is none of this protocol. `raw` is what elements are
    /// called that are none.
    pub(super) fn message(&mut self, side: Side, raw: &'static str, value: Value) -> Option<Vec<Frame>> {
        match value {
            Value::List(all) if !all.is_empty() => {
                let count = all.len();
                let one = |(at, value): (usize, Value)| {
                    // The others are answered nevertheless.
                    let frame = self.one(side, value.clone());
                    let frame = frame.unwrap_or_else(|| Frame::new(raw).payload(value));
                    frame.note(format!("{} of {count} in a batch", at + 1))
                };
                Some(all.into_iter().enumerate().map(one).collect())
            }
            value => self.one(side, value).map(|frame| vec![frame]),
        }
    }

    fn one(&mut self, side: Side, value: Value) -> Option<Frame> {
        let Value::Map(mut members) = value else { return None };
        let id = take(&mut members, "id");
        if let Some(method) = take(&mut members, "method") {
            let Value::Text(method) = method else { return None };
            let params = take(&mut members, "params");
            return Some(self.request(side, &method, id, params));
        }
        let id = id?;
        let calls = match side {
            Side::Client => &mut self.server,
            Side::Server => &mut self.client,
        };
        let name = calls.remove(&key(&id));
        if let Some(error) = take(&mut members, "error").filter(|error| !error.is_nil()) {
            return Some(Frame::new("error").call(id).procedure(name).payload(error));
        }
        let result = take(&mut members, "result")?;
        if let Some(name) = &name {
            // It may be the answer, or the id of a stream; in the latter case items refer to it.
            self.streams_of(side).perhaps.insert(&key(&result), name);
        }
        Some(Frame::new("answer").call(id).procedure(name).payload(result))
    }

    fn request(&mut self, side: Side, method: &str, id: Option<Value>, params: Option<Value>) -> Frame {
        match (method, id) {
            ("$/stream", None) => self.stream(side, params),
            ("$/cancelRequest", None) => self.cancel(side, params),
            (method, None) => Frame::new("notification").procedure(method.to_owned()).payload(params),
            (method, Some(id)) => {
                let calls = match side {
                    Side::Client => &mut self.client,
                    Side::Server => &mut self.server,
                };
                calls.insert(&key(&id), method);
                Frame::new("call").call(id).procedure(method.to_owned()).payload(params)
            }
        }
    }

    /// An item, or the end of a stream.
    fn stream(&mut self, side: Side, params: Option<Value>) -> Frame {
        let Some(Value::Map(mut params)) = params else {
            return Frame::new("item").payload(params);
        };
        let subscription = take(&mut params, "subscription").unwrap_or_default();
        let streams = self.streams_of(side);
        let number = key(&subscription);
        let (frame, is_over) = match (take(&mut params, "result"), take(&mut params, "error")) {
            (_, Some(error)) => (Frame::new("error").payload(error), true),
            (Some(item), None) => (Frame::new("item").payload(item), false),
            (None, None) => (Frame::new("end"), true),
        };
        let name = if is_over { streams.remove(&number) } else { streams.flow(&number) };
        frame.procedure(name).note(format!("subscription {number}"))
    }

    fn cancel(&mut self, side: Side, params: Option<Value>) -> Frame {
        let Some(Value::Map(mut params)) = params else {
            return Frame::new("cancel").payload(params);
        };
        if let Some(subscription) = take(&mut params, "subscription") {
            let number = key(&subscription);
            let other = if side == Side::Client { Side::Server } else { Side::Client };
            let name = self.streams_of(other).get(&number);
            return Frame::new("cancel").procedure(name).note(format!("subscription {number}"));
        }
        let id = take(&mut params, "id").unwrap_or_default();
        let calls = if side == Side::Client { &self.client } else { &self.server };
        let name = calls.get(&key(&id));
        Frame::new("cancel").call(id).procedure(name)
    }

    /// The streams that a side sends.
    fn streams_of(&mut self, side: Side) -> &mut Streams {
        let [of_server, of_client] = &mut self.streams;
        if side == Side::Server { of_server } else { of_client }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn an_answer_that_looks_like_a_subscription_is_none() {
        let mut calls = Calls::default();
        let mut said = |side, message: &str| {
            let frame = calls.message(side, "text", json::parse(message).unwrap()).unwrap().remove(0);
            frame.procedure
        };
        let item = r#"{"jsonrpc":"2.0","method":"$/stream","params":{"subscription":3,"result":"x"}}"#;
        said(Side::Client, r#"{"jsonrpc":"2.0","id":1,"method":"ticks"}"#);
        said(Side::Server, r#"{"jsonrpc":"2.0","id":1,"result":3}"#);
        assert_eq!(said(Side::Server, item).as_deref(), Some("ticks"));
        said(Side::Client, r#"{"jsonrpc":"2.0","id":2,"method":"add","params":[1,2]}"#);
        said(Side::Server, r#"{"jsonrpc":"2.0","id":2,"result":3}"#);
        assert_eq!(said(Side::Server, item).as_deref(), Some("ticks"));
    }

    #[test]
    fn both_directions_are_understood() {
        let mut calls = Calls::default();
        for (side, message, expected) in [
            (
                Side::Client,
                r#"{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}"#,
                &["call add [1,2]"][..],
            ),
            (
                Side::Server,
                r#"{"jsonrpc":"2.0","id":1,"method":"colour","params":["door"]}"#,
                &["call colour [\"door\"]"],
            ),
            (Side::Server, r#"{"jsonrpc":"2.0","id":1,"result":3}"#, &["answer add 3"]),
            (Side::Client, r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, &["error colour {\"code\":1}"]),
            (Side::Client, r#"{"jsonrpc":"2.0","method":"tell"}"#, &["notification tell -"]),
            (
                Side::Client,
                r#"{"jsonrpc":"2.0","id":"a","method":"lines","params":[2]}"#,
                &["call lines [2]"],
            ),
            (Side::Server, r#"{"jsonrpc":"2.0","id":"a","result":7}"#, &["answer lines 7"]),
            (
                Side::Server,
                r#"{"jsonrpc":"2.0","method":"$/stream","params":{"subscription":7,"result":"x"}}"#,
                &["item lines \"x\""],
            ),
            (
                Side::Client,
                r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"subscription":7}}"#,
                &["cancel lines -"],
            ),
            (
                Side::Server,
                r#"{"jsonrpc":"2.0","method":"$/stream","params":{"subscription":7,"end":true}}"#,
                &["end lines -"],
            ),
            (
                Side::Client,
                r#"[{"jsonrpc":"2.0","id":2,"method":"a"},{"jsonrpc":"2.0","method":"b"}]"#,
                &["call a -", "notification b -"],
            ),
            (Side::Server, r#"[{"jsonrpc":"2.0","id":2,"result":null}]"#, &["answer a null"]),
            (Side::Client, r#"[{"jsonrpc":"2.0","id":3,"method":"a"},7]"#, &["call a -", "text - 7"]),
            (
                Side::Server,
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}"#,
                &["error - {\"code\":-32700}"],
            ),
        ] {
            let frames = calls.message(side, "text", json::parse(message).unwrap()).unwrap();
            let said = frames.iter().map(|frame| {
                let payload = frame.payload.as_ref().map_or_else(|| "-".to_owned(), json::line);
                format!("{} {} {payload}", frame.kind, frame.procedure.as_deref().unwrap_or("-"))
            });
            assert_eq!(said.collect::<Vec<_>>(), expected, "{message}");
        }
        for message in ["[]", "1", "{}", r#"{"jsonrpc":"2.0","method":1}"#] {
            assert_eq!(calls.message(Side::Client, "text", json::parse(message).unwrap()), None, "{message}");
        }
    }
}

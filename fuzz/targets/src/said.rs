//! What a side has said, read as a stranger would read it: a message that is none of its protocol is a defect.

use swill_proto::{Format, Payload, Value};

/// A response of `swill/1`.
#[derive(Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) seq: Value,
    pub(crate) kind: ResponseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    Message,
    EndOfStream,
    Metadata,
    Error,
}

/// Reads a response of `swill/1`.
pub(crate) fn response(message: &[u8]) -> Response {
    let Value::List(elements) = value(Format::MessagePack, message) else { panic!("no array") };
    let Ok([seq, data, kind, leading, trailing]) = <[Value; 5]>::try_from(elements) else {
        panic!("a response has five elements");
    };
    assert!(is_integer(&seq), "{seq:?} is no number");
    let kind = match kind {
        Value::Int(0) => ResponseKind::Message,
        Value::Int(1) => ResponseKind::EndOfStream,
        Value::Int(2) => ResponseKind::Metadata,
        Value::Int(3) => ResponseKind::Error,
        kind => panic!("there is no type {kind:?}"),
    };
    let is_metadata = |value: &Value| matches!(value, Value::Nil | Value::Map(_));
    assert!(is_metadata(&leading) && is_metadata(&trailing));
    match kind {
        ResponseKind::Message => {}
        ResponseKind::EndOfStream => assert!(data.is_nil(), "the end of a stream has no data"),
        ResponseKind::Metadata => assert!(data.is_nil() && trailing.is_nil()),
        ResponseKind::Error => {
            assert!(leading.is_nil() && trailing.is_nil(), "an error has no metadata");
            error(&data);
        }
    }
    Response { seq, kind }
}

/// A message of JSON-RPC.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// The call of a stream; how a stream goes on is told as a notification.
    Accepted(Value),
    Result,
    Error,
    /// An item, an end or an error of a stream: its number, and whether it was the last word.
    Stream(Value, bool),
    /// A request or another notification.
    Asked,
    /// So many answers together.
    Batch(usize),
}

impl Told {
    /// Whether a call is over, or a batch.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Error | Self::Batch(_) | Self::Stream(_, true))
    }
}

/// Reads a message of JSON-RPC.
pub(crate) fn json_rpc(format: Format, message: &[u8]) -> Told {
    match value(format, message) {
        Value::List(answers) => {
            assert!(!answers.is_empty(), "an empty batch says nothing");
            for answer in &answers {
                let told = object(answer);
                assert!(matches!(told, Told::Accepted(_) | Told::Result | Told::Error), "{told:?}");
            }
            Told::Batch(answers.len())
        }
        value => object(&value),
    }
}

fn object(object: &Value) -> Told {
    assert_eq!(object.get("jsonrpc").and_then(Value::as_str), Some("2.0"));
    let (result, failure) = (object.get("result"), object.get("error"));
    if let Some(method) = object.get("method") {
        assert!(result.is_none() && failure.is_none(), "either a request or an answer");
        let method = method.as_str().expect("a method has a name");
        if method != "$/stream" {
            return Told::Asked;
        }
        assert!(object.get("id").is_none(), "nobody answers an item");
        let params = object.get("params").expect("there is an item");
        let subscription = params.get("subscription").expect("a stream has a number").clone();
        let told = [params.get("result"), params.get("end"), params.get("error")];
        assert_eq!(told.iter().flatten().count(), 1, "an item, the end, or an error");
        if let Some(failure) = params.get("error") {
            error(failure);
        }
        assert!(params.get("end").is_none_or(|end| *end == Value::Bool(true)));
        return Told::Stream(subscription, params.get("result").is_none());
    }
    let id = object.get("id").expect("an answer has an id");
    assert!(
        is_integer(id) || matches!(id, Value::Nil | Value::Text(_) | Value::Float(_) | Value::Float32(_))
    );
    match (result, failure) {
        (Some(result @ Value::Int(_)), None) => Told::Accepted(result.clone()),
        (Some(_), None) => Told::Result,
        (None, Some(failure)) => {
            error(failure);
            Told::Error
        }
        _ => panic!("either a result or an error"),
    }
}

/// An error has a number and a text, and data if there is some.
fn error(error: &Value) {
    assert!(error.get("code").is_some_and(|code| matches!(code, Value::Int(_))), "{error:?}");
    assert!(error.get("message").is_some_and(|message| message.as_str().is_some()), "{error:?}");
    let Value::Map(members) = error else { panic!("{error:?}") };
    let expected = 2 + usize::from(error.get("data").is_some());
    assert_eq!(members.len(), expected, "{error:?}");
}

/// An event: an object with a type, or errors without one.
pub(crate) fn event(message: &[u8]) {
    let event = value(Format::Json, message);
    let Value::Map(members) = &event else { panic!("no object") };
    if event.get("type").is_none() {
        let Some(Value::List(errors)) = event.get("errors") else { panic!("neither a type nor errors") };
        assert!(members.len() == 1 && !errors.is_empty());
        for error in errors {
            assert!(matches!(error.get("loc"), Some(Value::List(_))), "{error:?}");
            let is_text = |name| error.get(name).is_some_and(|text| text.as_str().is_some());
            assert!(is_text("msg") && is_text("type"), "{error:?}");
        }
    }
}

fn value(format: Format, message: &[u8]) -> Value {
    Payload::new(format, message).decode().expect("what is said can be read")
}

pub(crate) fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_))
}

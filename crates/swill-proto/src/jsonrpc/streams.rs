use super::{
    envelope::{self, Envelope, Member},
    id::Id,
    write,
};
use crate::{CallId, Code, Error, Format, Frame, Payload, Value, swill1::keys::OwnKeys};
use std::collections::HashMap;

/// The streams that this side has opened, one entry for each until it is over.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// What the peer calls the stream, once it has said so.
    calls: HashMap<CallId, Option<Id>, OwnKeys>,
    /// The calls by what the peer calls their streams. Its keys are the peer's choice.
    subscriptions: HashMap<Id, CallId>,
}

impl Streams {
    /// A call that streams out has been sent.
    pub(super) fn open(&mut self, call: CallId) {
        self.calls.insert(call, None);
    }

    /// Forgets a call, if it is known.
    pub(super) fn close(&mut self, call: CallId) {
        if let Some(Some(subscription)) = self.calls.remove(&call) {
            self.subscriptions.remove(&subscription);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether this call streams out.
    pub(super) fn knows(&self, call: CallId) -> bool {
        self.calls.contains_key(&call)
    }

    /// The peer has opened the stream and says what it calls it.
    pub(super) fn accepted(&mut self, call: CallId, subscription: &[u8]) -> Option<Frame<'static>> {
        let standing = self.calls.get_mut(&call)?;
        if standing.is_some() {
            // A second answer to one request.
            return None;
        }
        if subscription.len() > Id::LONGEST || self.subscriptions.contains_key(subscription) {
            self.close(call);
            let error =
                Error::new(Code::BAD_REQUEST, "the peer has opened a stream under an id that cannot be used");
            return Some(Frame::Fail { call, error });
        }
        let subscription = Id::new(subscription);
        *standing = Some(subscription.clone());
        self.subscriptions.insert(subscription, call);
        None
    }

    /// What a notification says about a stream, if it is a stream of ours.
    pub(super) fn notified<'m>(&mut self, codec: Format, envelope: &Envelope<'m>) -> Option<Frame<'m>> {
        let Member::Is(params) = envelope.params() else {
            return None;
        };
        let [subscription, result, error, end] =
            envelope::members(codec, params, &["subscription", "result", "error", "end"]);
        let &call = self.subscriptions.get(subscription?)?;
        if let Some(error) = error {
            self.close(call);
            return Some(Frame::Fail { call, error: failure(codec, error) });
        }
        if end == Some(write::yes(codec)) {
            self.close(call);
            return Some(Frame::End { call, last: None, leading: None, trailing: None });
        }
        Some(Frame::Item { call, payload: Payload::new(codec, result?), leading: None })
    }
}

/// The error of a response, with everything it says.
pub(super) fn failure(codec: Format, error: &[u8]) -> Error {
    let value: Value = Payload::new(codec, error).decode().unwrap_or_default();
    let code = match value.get("code") {
        Some(Value::Int(code)) => Code(*code),
        _ => Code::INTERNAL,
    };
    let message = value.get("message").and_then(Value::as_str).unwrap_or("the error has no message");
    let failure = Error::new(code, message.to_owned());
    match value.get("data") {
        Some(data) => failure.with_data(data),
        None => failure,
    }
}

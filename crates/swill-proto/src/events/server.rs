use super::{
    CAPABILITIES, TYPE, errors, object,
    write::{self, written},
};
use crate::{
    CallId, Capabilities, Close, Directory, Error, Format, Frame, Head, Held, Message, Open, Outgoing,
    Payload, Protocol, Received, Target, scan::object::text,
};
use bytes::Bytes;

/// The server's side of events.
///
/// Payloads are JSON; the parameters of a call are always an object, whose values are as the client wrote them. Of
/// equal keys the last one counts.
///
/// Calls run one after the other, and the driver holds messages back until the call before is over. So there is at most
/// one call, the one of the last message; frames that belong to others are dropped.
///
/// What a procedure answers with decides the message, see [the module](super). An object that has a member `type` is
/// left as it is, even if that is null: it is the procedure's own.
///
/// How [`Frame::Fail`] is told:
///
/// | error | |
/// |---|---|
/// | with [violations](Error::violations) | an entry for each, with its path |
/// | [unexpected](Error::is_unexpected) | the connection ends with 1011 |
/// | about one [parameter](Error::parameter) | one entry of type `value_error`, with its path |
/// | any other | one entry of type `value_error` with the path `["__root__"]` and its code in `ctx` |
///
/// [`Frame::Open`] tells the client an event that it does not answer, see [`Client`](super::Client); whether an answer
/// is wanted cannot be said.
///
/// ```
/// use swill_proto::{Directory, Found, Kind, Message, Outgoing, Protocol, Received, events::Server};
///
/// struct Nobody;
/// impl Directory for Nobody {
///     fn find(&self, _name: &str) -> Option<Found> {
///         None
///     }
/// }
///
/// #[derive(Default)]
/// struct Told(Vec<u8>);
/// impl Outgoing for Told {
///     fn begin(&mut self, _kind: Kind, _expected: usize) -> &mut Vec<u8> {
///         &mut self.0
///     }
///     fn finish(&mut self) {}
/// }
///
/// let mut told = Told::default();
/// let message = Message { kind: Kind::Text, data: br#"{"a": 1}"# };
/// let received = Server::new().receive(message, &Nobody, &mut told);
/// assert!(matches!(received, Received::Nothing));
/// let error = r#"{"errors":[{"loc":["type"],"msg":"field required","type":"value_error.missing"}]}"#;
/// assert_eq!(told.0, error.as_bytes());
/// ```
#[derive(Debug, Default)]
pub struct Server {
    opened: u64,
    current: Option<CallId>,
    /// The event's name of the current call, as the client wrote it: a JSON string.
    event: Vec<u8>,
}

impl Server {
    /// The machine of a connection that has just been accepted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this call is the one that runs. It is over then.
    fn finish(&mut self, call: CallId) -> bool {
        self.current.take_if(|current| *current == call).is_some()
    }

    fn failed(&self, error: &Error, out: &mut dyn Outgoing) -> Result<(), Close> {
        if error.violations().is_empty() && error.is_unexpected() {
            return Err(Close::new(1011, "an internal error occurred"));
        }
        errors::failed(error, out);
        Ok(())
    }
}

impl Protocol for Server {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        let object = match object(message, out) {
            Ok(object) => object,
            Err(close) => return Received::Close(close),
        };
        let given = object.get(TYPE);
        let name = given.and_then(text);
        let (Some(given), Some(found)) = (given, name.and_then(|name| directory.find(&name))) else {
            errors::bad_type(given, directory, out);
            return Received::Nothing;
        };
        self.event.clear();
        self.event.extend_from_slice(given);
        self.opened += 1;
        let call = CallId::theirs(self.opened);
        self.current = Some(call);
        let input = object.without(TYPE).distinct().write();
        Received::One(Frame::Open(Open {
            call,
            target: Target::Known(found.id),
            shape: found.shape,
            input: Some(Payload::shared(Format::Json, Bytes::from(input))),
            head: Head::default(),
            reply: true,
        }))
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::End { call, last, .. } => {
                if self.finish(call)
                    && let Some(last) = &last
                {
                    write::answer(out, &self.event, last);
                }
            }
            Frame::Fail { call, error } => {
                if self.finish(call) {
                    return self.failed(&error, out);
                }
            }
            // There is no word for it.
            Frame::Cancel { call, .. } => {
                self.finish(call);
            }
            Frame::Open(open) => tell(&open, out),
            Frame::Batch(opens) => opens.iter().for_each(|open| tell(open, out)),
            Frame::Item { .. } | Frame::Metadata { .. } | Frame::Accepted { .. } => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: usize::from(self.current.is_some()), bytes: 0 }
    }
}

/// Tells the client an event.
fn tell(open: &Open<'_>, out: &mut dyn Outgoing) {
    if let Target::Named(name) = &open.target {
        write::event(out, &write::quoted(name), open.input.as_ref().map_or(b"", written));
    }
}

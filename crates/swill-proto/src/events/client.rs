use super::{CAPABILITIES, RESULT, TYPE, errors, object, write};
use crate::{
    CallId, Capabilities, Close, Directory, Format, Frame, Head, Held, Message, Open, Outgoing, Payload,
    Protocol, Received, Shape, Target,
    scan::object::{Object, has_member, text},
};
use bytes::Bytes;
use std::collections::VecDeque;

/// What an event lies under that is an error list.
const ERRORS: &str = "errors";

/// The client's side of events.
///
/// [`Frame::Open`] calls the procedure that handles an event; its parameters are an object, or null if there are none.
/// There are no ids, so what a message answers is told by its type and its place:
///
/// | message | is |
/// |---|---|
/// | with `errors` and without `type` | the failure of the oldest open call |
/// | with the type of an open call's event | the answer of the oldest call of that event. The server answers in order: older calls are over, and were answered with silence, which is null, or by a message of another type |
/// | with any other type | an event that the server tells: [`Frame::Open`] without a reply |
/// | without a type | nothing |
///
/// An answer whose only member beside `type` is `result` is the value of that member, any other is the object without
/// its `type`.
///
/// So a call whose answer is null does not end before a later one is answered, and an answer with a type of its own is
/// received as an event. Whoever waits for an answer should give it a deadline. What comes for a call that was cancelled
/// is taken for the answer of the next call of the same event if there is one, else for an event.
///
/// ```
/// use swill_proto::{
///     Directory, Found, Frame, Kind, Message, Outgoing, Protocol, Received, Target, events::Client,
/// };
///
/// struct Nobody;
/// impl Directory for Nobody {
///     fn find(&self, _name: &str) -> Option<Found> {
///         None
///     }
/// }
///
/// struct Silent(Vec<u8>);
/// impl Outgoing for Silent {
///     fn begin(&mut self, _kind: Kind, _expected: usize) -> &mut Vec<u8> {
///         &mut self.0
///     }
///     fn finish(&mut self) {}
/// }
///
/// let message = Message { kind: Kind::Text, data: br#"{"type": "join", "client_id": 1}"# };
/// let received = Client::new().receive(message, &Nobody, &mut Silent(Vec::new()));
/// let Received::One(Frame::Open(event)) = received else { panic!() };
/// assert!(matches!(event.target, Target::Named(name) if name == "join"));
/// assert_eq!(event.input.unwrap().bytes(), br#"{"client_id":1}"#);
/// ```
#[derive(Debug, Default)]
pub struct Client {
    told: u64,
    calls: VecDeque<Call>,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    event: Box<str>,
}

impl Client {
    /// The machine of a connection that has just been opened.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&mut self, open: Open<'_>, out: &mut dyn Outgoing) {
        let Target::Named(name) = open.target else { return };
        let data = open.input.as_ref().map_or(&b""[..], write::written);
        let quoted = write::quoted(&name);
        if data.starts_with(b"{") && has_member(data, TYPE) {
            // No parameter can have this name: the message would be another event's.
            let rest = Object::read(data).map(|object| object.without(TYPE).write());
            write::event(out, &quoted, &rest.unwrap_or_default());
        } else {
            write::event(out, &quoted, data);
        }
        if open.reply {
            self.calls.push_back(Call { id: open.call, event: name.into() });
        }
    }

    /// The answer to a call; the calls before it are over as well.
    fn answered<'m>(&mut self, at: usize, object: Object<'m>) -> Received<'m> {
        let mut ends: Vec<Frame<'m>> = self
            .calls
            .drain(..=at)
            .map(|call| Frame::End {
                call: call.id,
                last: Some(Payload::new(Format::Json, b"null")),
                leading: None,
                trailing: None,
            })
            .collect();
        let object = object.without(TYPE);
        let answer = match &object.0[..] {
            [only] if only.is(RESULT) => Payload::new(Format::Json, only.value()),
            _ => payload(object),
        };
        if let Some(Frame::End { last, .. }) = ends.last_mut() {
            *last = Some(answer);
        }
        Received::Many(ends)
    }

    fn told<'m>(&mut self, name: String, object: Object<'m>) -> Received<'m> {
        self.told += 1;
        Received::One(Frame::Open(Open {
            call: CallId::theirs(self.told),
            target: Target::Named(name.into()),
            shape: Shape::SINGLE,
            input: Some(payload(object.without(TYPE))),
            head: Head::default(),
            reply: false,
        }))
    }
}

impl Protocol for Client {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        _directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        let object = match object(message, out) {
            Ok(object) => object,
            Err(close) => return Received::Close(close),
        };
        let Some(kind) = object.get(TYPE) else {
            return match object.get(ERRORS).zip(self.calls.front().map(|call| call.id)) {
                Some((list, call)) => {
                    self.calls.pop_front();
                    Received::One(Frame::Fail { call, error: errors::heard(list) })
                }
                None => Received::Nothing,
            };
        };
        let Some(name) = text(kind) else {
            return Received::Nothing;
        };
        match self.calls.iter().position(|call| *call.event == *name) {
            Some(at) => self.answered(at, object),
            None => self.told(name.into_owned(), object),
        }
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::Open(open) => self.open(open, out),
            Frame::Batch(opens) => opens.into_iter().for_each(|open| self.open(open, out)),
            // There is no word for it.
            Frame::Cancel { call, .. } | Frame::Fail { call, .. } => {
                self.calls.retain(|open| open.id != call);
            }
            Frame::End { .. } | Frame::Item { .. } | Frame::Metadata { .. } | Frame::Accepted { .. } => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: self.calls.len(), bytes: 0 }
    }
}

fn payload(object: Object<'_>) -> Payload<'static> {
    Payload::shared(Format::Json, Bytes::from(object.distinct().write()))
}

use super::{
    Dialect, LONGEST_PATH, Limits, NOT_FOUND, arguments,
    message::{self, Envelope, is_null, written},
    name, path,
};
use crate::{
    CallId, Capabilities, Close, Directory, Error, Frame, Head, Held, Limit, Message, Open, Outgoing,
    Payload, Protocol, Received, Routed, Target, weak,
};
use bytes::Bytes;
use std::collections::HashMap;

/// The most violations whose text is told for one call.
const TOLD: usize = 16;

/// The server's side of WebMesh.
///
/// Messages that cannot be decoded, that are no object or have no path are dropped, and so are WebSocket messages of a
/// kind that the dialect does not take. The connection stays usable.
///
/// Parameters that are in the path (`/rooms/{room}`) and the data are put together: data that is a map is merged with
/// them, where the path wins; without data they stand alone; a list has the remaining parameters by position; other data
/// is the one parameter that remains. Data that fits in none of these ways is refused like a call that fails. A procedure
/// without parameters is called whatever the data is: WebMesh's own handlers always get some.
///
/// [`Frame::Open`] tells the client something that it does not answer: a message with the path of that name. The text of
/// a failed call is its error's message, or what is wrong with the parameters.
///
/// ```
/// use swill_proto::{
///     Directory, Format, Found, Frame, Kind, Message, Outgoing, Payload, ProcedureId, Protocol, Received, Shape,
///     webmesh::{Dialect, Limits, Server},
/// };
///
/// struct OneProcedure;
/// impl Directory for OneProcedure {
///     fn find(&self, name: &str) -> Option<Found> {
///         (name == "math.double").then_some(Found { id: ProcedureId(0), shape: Shape::SINGLE })
///     }
///     fn parameters(&self, _procedure: ProcedureId) -> Vec<&str> {
///         vec!["number"]
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
/// let mut server = Server::new(Dialect::V0_1_2_JSON, Limits::default());
/// let mut told = Told::default();
/// let message = Message { kind: Kind::Text, data: br#"{"path": "/math/double", "data": 21}"# };
/// let Received::One(Frame::Open(call)) = server.receive(message, &OneProcedure, &mut told) else { panic!() };
/// assert_eq!(call.input.unwrap().bytes(), b"21");
///
/// let last = Some(Payload::new(Format::Json, b"42"));
/// server.send(Frame::End { call: call.call, last, leading: None, trailing: None }, &mut told).unwrap();
/// assert_eq!(told.0, br#"{"path":"/math/double","data":42}"#);
/// ```
#[derive(Debug)]
pub struct Server {
    dialect: Dialect,
    limits: Limits,
    opened: u64,
    /// The call that the last message opened. Most are answered before the next message and never reach the table.
    current: Option<CallId>,
    /// Its path, as the client wrote it.
    current_path: Vec<u8>,
    /// The paths of the other calls.
    calls: HashMap<CallId, Box<[u8]>>,
}

impl Server {
    /// The machine of a connection that has just been accepted.
    pub fn new(dialect: Dialect, limits: Limits) -> Self {
        Self { dialect, limits, opened: 0, current: None, current_path: Vec::new(), calls: HashMap::new() }
    }

    /// Moves the call of the last message into the table: it was not answered at once.
    fn keep_current(&mut self) {
        if let Some(id) = self.current.take() {
            self.calls.insert(id, self.current_path.as_slice().into());
        }
    }

    /// Ends a call with this data, if it has not ended.
    fn finish(&mut self, call: CallId, data: Option<&[u8]>, out: &mut dyn Outgoing) {
        let kept;
        let path = if self.current.take_if(|current| *current == call).is_some() {
            &self.current_path[..]
        } else {
            match self.calls.remove(&call) {
                Some(path) => {
                    kept = path;
                    &kept
                }
                None => return,
            }
        };
        if let Some(data) = data {
            message::write(&self.dialect, path, data, out);
        }
    }

    /// Says that a call failed before it was one.
    #[cold]
    fn refuse<'m>(&self, envelope: &Envelope<'m>, text: &str, out: &mut dyn Outgoing) -> Received<'m> {
        if self.dialect.tells_failures {
            let data = written(self.dialect.format(), text);
            message::write(&self.dialect, envelope.written_path(), &data, out);
        }
        Received::Nothing
    }

    fn tell(&self, open: &Open<'_>, out: &mut dyn Outgoing) {
        if let Target::Named(name) = &open.target {
            let format = self.dialect.format();
            let data = open.input.as_ref().map_or_else(|| message::null(format), Payload::bytes);
            message::write(&self.dialect, &written(format, &*path(name)), data, out);
        }
    }
}

impl Protocol for Server {
    fn capabilities(&self) -> &'static Capabilities {
        self.dialect.capabilities()
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        self.keep_current();
        let Some(envelope) = message::open(&self.dialect, message, self.limits.inflated, out) else {
            return Received::Nothing;
        };
        let Some(Routed { found, arguments }) = lookup(&envelope, directory, out) else {
            return self.refuse(&envelope, NOT_FOUND, out);
        };
        self.current_path.clear();
        self.current_path.extend_from_slice(envelope.written_path());
        let (format, parameters) = (self.dialect.format(), directory.parameters(found.id));
        let input = if parameters.is_empty() {
            Payload::new(format, message::null(format))
        } else if arguments.is_empty() {
            envelope.into_data()
        } else {
            match arguments::merge(format, envelope.written_data(), &arguments, &parameters) {
                Ok(input) => Payload::shared(format, Bytes::from(input)),
                Err(why) => return self.refuse(&envelope, why, out),
            }
        };
        self.opened += 1;
        let call = CallId::theirs(self.opened);
        self.current = Some(call);
        Received::One(Frame::Open(Open {
            call,
            target: Target::Known(found.id),
            shape: found.shape,
            input: Some(input),
            head: Head::default(),
            reply: true,
        }))
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::End { call, last, .. } => {
                let last = last.as_ref().filter(|last| !is_null(last));
                self.finish(call, last.map(Payload::bytes), out);
            }
            Frame::Fail { call, error } => {
                let text = self.dialect.tells_failures.then(|| written(self.dialect.format(), &text(&error)));
                self.finish(call, text.as_deref(), out);
            }
            // There is no word for it.
            Frame::Cancel { call, .. } => self.finish(call, None, out),
            Frame::Open(open) => self.tell(&open, out),
            Frame::Batch(opens) => opens.iter().for_each(|open| self.tell(open, out)),
            Frame::Item { .. } | Frame::Metadata { .. } | Frame::Accepted { .. } => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: self.calls.len() + usize::from(self.current.is_some()), bytes: 0 }
    }
}

fn lookup(envelope: &Envelope<'_>, directory: &dyn Directory, out: &mut dyn Outgoing) -> Option<Routed> {
    let path = envelope.path()?;
    if path.len() > LONGEST_PATH && !weak::is_off("path-length") {
        out.exceeded(Limit::Path);
        return None;
    }
    match name(&path).and_then(|name| directory.find(&name)) {
        Some(found) => Some(Routed { found, arguments: Vec::new() }),
        None => directory.route(&path),
    }
}

/// What is told of an error.
#[cold]
fn text(error: &Error) -> String {
    let violations = error.violations();
    if violations.is_empty() {
        return error.message().to_owned();
    }
    let mut texts: Vec<String> = violations.iter().take(TOLD).map(ToString::to_string).collect();
    if violations.len() > TOLD {
        texts.push(format!("and {} more", violations.len() - TOLD));
    }
    texts.join("; ")
}

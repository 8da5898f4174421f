use crate::{Close, Format, Frame, Limit, ProcedureId, Shape, Value};

/// One connection's wire protocol: a state machine between the messages of a WebSocket and [`Frame`]s.
///
/// No IO, no clock, no async. Everything that only this protocol has (its ids, its error codes, batches, envelopes)
/// stays inside. Frames that belong to a call which is over are dropped here, in both directions, so that the driver
/// need not know.
///
/// *Commands* are [`receive`](Self::receive) and [`send`](Self::send); [`capabilities`](Self::capabilities) and
/// [`held`](Self::held) only look.
pub trait Protocol: Send {
    /// What this protocol can say. Does not change during a connection.
    fn capabilities(&self) -> &'static Capabilities;

    /// Takes one message of the peer.
    ///
    /// Answers that need no procedure (an unknown name, a message that makes no sense) are written to `out` at once.
    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m>;

    /// Writes a frame as a message, or drops it if its call is over.
    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close>;

    /// What the machine keeps for its calls at this moment.
    fn held(&self) -> Held;
}

/// A complete message of the peer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// Text or binary. Text is valid UTF-8.
    pub kind: Kind,
    /// The payload.
    pub data: &'m [u8],
}

/// The two kinds of WebSocket messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// What a message meant.
#[derive(Debug)]
pub enum Received<'m> {
    /// Nothing that concerns anybody else.
    Nothing,
    /// One frame.
    One(Frame<'m>),
    /// Several frames, in order.
    Many(Vec<Frame<'m>>),
    /// The peer broke the rules: the connection ends.
    Close(Close),
}

/// Where a protocol writes its messages.
///
/// A message is written straight into the write buffer of the connection: [`begin`](Self::begin) it, append the payload
/// to the buffer that it returns, [`finish`](Self::finish) it. Bytes that are already in the buffer must be left alone.
pub trait Outgoing {
    /// Begins a message of about `expected` bytes (a guess that is too low costs a move of the payload).
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8>;

    /// Ends the message that was begun.
    fn finish(&mut self);

    /// A limit has taken effect. This is no part of any message: it is for those who look after this side.
    fn exceeded(&mut self, limit: Limit) {
        let _ = limit;
    }

    /// Writes a message that is at hand.
    fn message(&mut self, kind: Kind, payload: &[u8]) {
        self.begin(kind, payload.len()).extend_from_slice(payload);
        self.finish();
    }
}

/// Tells a protocol which procedures there are: what is on the wire does not tell a procedure's shape.
pub trait Directory {
    /// Looks a procedure up by its full name.
    fn find(&self, name: &str) -> Option<Found>;

    /// Looks a procedure up by a path, for protocols that call by path: `/rooms/7` is found by the pattern
    /// `/rooms/{room}` of a procedure that has one.
    fn route(&self, path: &str) -> Option<Routed> {
        let _ = path;
        None
    }

    /// The names of a procedure's parameters, in order.
    fn parameters(&self, procedure: ProcedureId) -> Vec<&str> {
        let _ = procedure;
        Vec::new()
    }

    /// The full names of all procedures, in order of registration.
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// What a [`Directory`] found by a path.
#[derive(Clone, Debug)]
pub struct Routed {
    /// The procedure.
    pub found: Found,
    /// The parameters that are in the path, by name.
    pub arguments: Vec<(String, Value)>,
}

/// What a [`Directory`] knows of a procedure.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its place in the app.
    pub id: ProcedureId,
    /// Its shape.
    pub shape: Shape,
}

/// Which end of a connection a machine plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that accepted the connection.
    Server,
    /// The one that opened it.
    Client,
}

/// What a protocol can say.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// The protocol's name, for people.
    pub name: &'static str,
    /// How values are written.
    pub format: Format,
    /// How the parameters of a procedure with a single one are written.
    pub parameters: Parameters,
    /// Whether procedures with a stream in can be called.
    pub streams_in: bool,
    /// Whether procedures with a stream out can be called.
    pub streams_out: bool,
    /// Whether metadata travels.
    pub metadata: bool,
    /// Whether the calls of a connection run one after the other.
    pub serial: bool,
    /// Whether the peer can be called, and answers.
    pub calls_peer: bool,
    /// Whether the peer can be told something that it does not answer.
    pub notifies_peer: bool,
}

impl Capabilities {
    /// A protocol that can carry single calls and nothing else: what others are made of, by `..Capabilities::basic(..)`.
    pub const fn basic(name: &'static str, format: Format) -> Self {
        Self {
            name,
            format,
            parameters: Parameters::WholeIfSingle,
            streams_in: false,
            streams_out: false,
            metadata: false,
            serial: false,
            calls_peer: false,
            notifies_peer: false,
        }
    }

    /// Whether a procedure of this shape can be called.
    pub const fn carries(&self, shape: Shape) -> bool {
        (self.streams_in || !shape.streams_in) && (self.streams_out || !shape.streams_out)
    }
}

/// How parameters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// A single parameter is the whole value; several are a list (by position) or a map (by name).
    WholeIfSingle,
    /// Always a list or a map, also for a single parameter.
    Listed,
}

/// What a machine keeps at a moment. It bounds that by itself; this is for those who look, such as tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Calls it remembers, those included that are over but whose peer is still talking.
    pub calls: usize,
    /// Bytes of answers that it holds back.
    pub bytes: usize,
}

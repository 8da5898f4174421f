use crate::{Error, Metadata, Payload};
use std::{borrow::Cow, fmt, time::Duration};

/// What is said about a call, the same words in both directions, so that either side may call the other.
///
/// A frame borrows from the message that it came in; [`Frame::into_owned`] is paid only where a frame has to wait.
#[derive(Debug)]
pub enum Frame<'m> {
    /// A call begins.
    Open(Open<'m>),
    /// Calls of this side that go out together. A protocol without a word for that sends them one after the other.
    Batch(Vec<Open<'m>>),
    /// A call that streams out has begun, its parameters fit, and its first item is not there yet. Only ever sent, and
    /// only for protocols that must confirm that a stream is open.
    Accepted {
        /// The call it belongs to.
        call: CallId,
    },
    /// One item of a stream: in from the caller, out from the called.
    Item {
        /// The call it belongs to.
        call: CallId,
        /// The item.
        payload: Payload<'m>,
        /// Leading metadata, only ever with the first item and only from the called side.
        leading: Option<Box<Metadata>>,
    },
    /// Leading metadata, sent ahead of everything else.
    Metadata {
        /// The call it belongs to.
        call: CallId,
        /// The metadata.
        metadata: Box<Metadata>,
    },
    /// A stream in has ended, or a call has: with its answer (`last`) or at the end of its stream out.
    End {
        /// The call it belongs to.
        call: CallId,
        /// The answer of a procedure that does not stream out.
        last: Option<Payload<'m>>,
        /// Leading metadata, if none has been sent.
        leading: Option<Box<Metadata>>,
        /// Trailing metadata.
        trailing: Option<Box<Metadata>>,
    },
    /// A call has failed. Received for a call that the peer opened: the peer has broken it with a message that may not
    /// come; whoever runs the call ends it and sends the frame back.
    Fail {
        /// The call it belongs to.
        call: CallId,
        /// Why.
        error: Error,
    },
    /// The caller does not want the answer any more.
    Cancel {
        /// The call it belongs to.
        call: CallId,
        /// Why.
        reason: CancelReason,
    },
}

/// The beginning of a call.
#[derive(Debug)]
pub struct Open<'m> {
    /// The call's id on this connection.
    pub call: CallId,
    /// Which procedure is called.
    pub target: Target<'m>,
    /// Which of the two directions stream.
    pub shape: Shape,
    /// The parameters, or the first item of a stream in. `None` if the stream begins without an item.
    pub input: Option<Payload<'m>>,
    /// Metadata and deadline.
    pub head: Head,
    /// Whether the caller wants an answer. Without one the call is a notification.
    pub reply: bool,
}

/// What a caller says beside the parameters.
#[derive(Debug, Default)]
pub struct Head {
    /// The caller's metadata.
    pub metadata: Option<Box<Metadata>>,
    /// How long the caller waits, counted from now.
    pub deadline: Option<Duration>,
}

/// The called procedure: what a [`Directory`](crate::Directory) knew it as, or, on its way to the peer, its name.
#[derive(Debug, Clone)]
pub enum Target<'m> {
    /// A procedure of this side.
    Known(ProcedureId),
    /// A procedure of the other side.
    Named(Cow<'m, str>),
}

/// The place of a procedure in its app's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcedureId(pub u32);

/// Which directions of a call carry streams.
///
/// | `streams_in` | `streams_out` | |
/// |---|---|---|
/// | no | no | one message each way |
/// | no | yes | stream out |
/// | yes | no | stream in |
/// | yes | yes | both, independently of each other |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The caller sends items.
    pub streams_in: bool,
    /// The called sends items.
    pub streams_out: bool,
}

impl Shape {
    /// One message each way.
    pub const SINGLE: Self = Self { streams_in: false, streams_out: false };
    /// Parameters in, items out.
    pub const STREAM_OUT: Self = Self { streams_in: false, streams_out: true };
    /// Items in, one answer out.
    pub const STREAM_IN: Self = Self { streams_in: true, streams_out: false };
    /// Items in, items out.
    pub const BOTH: Self = Self { streams_in: true, streams_out: true };
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.streams_in, self.streams_out) {
            (false, false) => "single call",
            (false, true) => "stream out",
            (true, false) => "stream in",
            (true, true) => "stream in and out",
        })
    }
}

/// Names a call on its connection. Says who opened it and is never used twice on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(u64);

impl CallId {
    const OURS: u64 = 1 << 63;

    /// The id of the `n`-th call that the peer opened.
    pub const fn theirs(n: u64) -> Self {
        Self(n & !Self::OURS)
    }

    /// The id of the `n`-th call that this side opened.
    pub const fn ours(n: u64) -> Self {
        Self(n | Self::OURS)
    }

    /// Whether this side opened the call.
    pub const fn is_ours(self) -> bool {
        self.0 & Self::OURS != 0
    }

    /// The number of the call among those of its direction.
    pub const fn number(self) -> u64 {
        self.0 & !Self::OURS
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", if self.is_ours() { "ours" } else { "theirs" }, self.number())
    }
}

/// Why a call ended before it was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The caller cancelled it.
    Client,
    /// Its deadline has passed.
    Deadline,
    /// The connection is gone.
    Disconnect,
    /// The server is shutting down.
    Shutdown,
    /// A stream was not taken in time, and others had to wait for it.
    Slow,
}

impl CancelReason {
    /// What a person is told.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Client => "the caller cancelled the call",
            Self::Deadline => "the deadline of the call has passed",
            Self::Disconnect => "the connection is gone",
            Self::Shutdown => "the server is shutting down",
            Self::Slow => "the stream was not taken in time",
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Frame<'_> {
    /// The call that the frame belongs to; of a batch, its first.
    pub fn call(&self) -> CallId {
        match self {
            Self::Open(open) => open.call,
            Self::Batch(opens) => opens.first().map_or(CallId::ours(0), |open| open.call),
            Self::Accepted { call }
            | Self::Item { call, .. }
            | Self::Metadata { call, .. }
            | Self::End { call, .. }
            | Self::Fail { call, .. }
            | Self::Cancel { call, .. } => *call,
        }
    }

    /// The same frame with bytes of its own, to be kept.
    pub fn into_owned(self) -> Frame<'static> {
        match self {
            Self::Open(open) => Frame::Open(open.into_owned()),
            Self::Batch(opens) => Frame::Batch(opens.into_iter().map(Open::into_owned).collect()),
            Self::Accepted { call } => Frame::Accepted { call },
            Self::Item { call, payload, leading } => {
                Frame::Item { call, payload: payload.into_owned(), leading }
            }
            Self::Metadata { call, metadata } => Frame::Metadata { call, metadata },
            Self::End { call, last, leading, trailing } => {
                Frame::End { call, last: last.map(Payload::into_owned), leading, trailing }
            }
            Self::Fail { call, error } => Frame::Fail { call, error },
            Self::Cancel { call, reason } => Frame::Cancel { call, reason },
        }
    }
}

impl Open<'_> {
    /// The same with bytes of its own, to be kept.
    pub fn into_owned(self) -> Open<'static> {
        let target = match self.target {
            Target::Known(id) => Target::Known(id),
            Target::Named(name) => Target::Named(Cow::Owned(name.into_owned())),
        };
        Open {
            call: self.call,
            target,
            shape: self.shape,
            input: self.input.map(Payload::into_owned),
            head: self.head,
            reply: self.reply,
        }
    }
}

//! What comes out of a machine: events, and violations of the rules by the peer.

use std::{error, fmt};

use crate::Kind;

/// Something the peer sent, whole and checked. It borrows from the input or from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete message: reassembled, unmasked, decompressed; text is valid UTF-8.
    Message {
        /// Text or binary.
        kind: Kind,
        /// The payload.
        data: &'a [u8],
    },
    /// A ping with its payload, at most 125 bytes. The pong is in the output already (RFC 6455 §5.5.2).
    Ping(&'a [u8]),
    /// A pong with its payload, at most 125 bytes, asked for or not (RFC 6455 §5.5.3).
    Pong(&'a [u8]),
    /// The peer's close frame (RFC 6455 §5.5.1), the last event of a connection. The answer is in the output
    /// already, unless our own close frame went before.
    Close {
        /// The status code, if the frame had one.
        code: Option<u16>,
        /// The reason, empty if there was none; at most 123 bytes.
        reason: &'a str,
    },
}

/// The peer broke the protocol or went beyond a limit. The connection is over.
///
/// The close frame that says so is in the output already, behind everything that was queued before it, unless
/// a close frame went earlier. Later input is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The status code for the close frame (RFC 6455 §7.4.1): 1002 broken protocol, 1007 bad UTF-8 or broken
    /// compression, 1008 too many fragments, 1009 too big.
    pub code: u16,
    /// What was wrong, in a few words; also the reason in the close frame.
    pub reason: &'static str,
    /// The limit that was exceeded, if it was one. It is not on the wire.
    pub limit: Option<Limit>,
}

/// A limit that messages are held against, see [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of a message or of a frame.
    Message,
    /// Frames of a message.
    Fragments,
    /// Frames of a message that hold nothing.
    EmptyFragments,
    /// Final blocks in a compressed message.
    FinalBlocks,
}

impl Violation {
    #[cold]
    pub(crate) fn protocol(reason: &'static str) -> Self {
        Violation { code: 1002, reason, limit: None }
    }

    #[cold]
    pub(crate) fn data(reason: &'static str) -> Self {
        Violation { code: 1007, reason, limit: None }
    }

    #[cold]
    pub(crate) fn policy(limit: Limit, reason: &'static str) -> Self {
        Violation { code: 1008, reason, limit: Some(limit) }
    }

    #[cold]
    pub(crate) fn too_big(reason: &'static str) -> Self {
        Violation { code: 1009, reason, limit: Some(Limit::Message) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebSocket peer violated the protocol: {} (close code {})", self.reason, self.code)
    }
}

impl error::Error for Violation {}

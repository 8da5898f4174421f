//! What a machine is told when it is made: its side, its limits, its compression.

use crate::deflate::{Compression, Negotiated};

/// The side of the connection a machine stands on (RFC 6455 §5.1).
///
/// A client masks every frame it sends and refuses masked ones; a server does the opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that answered the opening handshake.
    Server,
    /// The side that sent the opening handshake.
    Client,
}

/// What a message is made of (RFC 6455 §5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text: the payload is valid UTF-8. The machine checks what it receives; what it is given to send it
    /// takes as it is.
    Text,
    /// Arbitrary bytes.
    Binary,
}

/// How much a peer may send before it is closed. Each value is the largest that passes.
///
/// ```
/// let limits = swill_ws::Limits { message: 16 << 20, frame: 16 << 20, ..Default::default() };
/// assert_eq!(limits.fragments, 65_536);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one message, after reassembly and decompression. Beyond: 1009. Default 1 MiB.
    ///
    /// For an uncompressed message the header of the frame that goes too far is refused; nothing of its
    /// payload is waited for. A compressed one is inflated no further than the limit.
    pub message: usize,
    /// Bytes in the payload of one data frame as it is on the wire. Beyond: 1009. Default 1 MiB.
    pub frame: usize,
    /// Frames in one message. Beyond: 1008. Default 65,536.
    pub fragments: u32,
    /// Frames without payload in one fragmented message. Beyond: 1008. Default 100.
    ///
    /// They cost the sender next to nothing and bring nobody anything, hence the smaller limit.
    pub empty_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 1 << 20, frame: 1 << 20, fragments: 65_536, empty_fragments: 100 }
    }
}

/// Everything a [`WebSocket`](crate::WebSocket) needs to know at the start. Cheap to copy; one value may serve
/// any number of connections.
///
/// ```
/// use swill_ws::{Config, Limits, Role};
///
/// let mut config = Config::server();
/// config.limits = Limits { message: 64 << 10, ..Limits::default() };
/// assert_eq!(config.role, Role::Server);
/// assert!(config.deflate.is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The side this machine stands on.
    pub role: Role,
    /// What the peer may send.
    pub limits: Limits,
    /// What the opening handshake agreed on about compression; `None` (the default) if nothing.
    pub deflate: Option<Negotiated>,
    /// How to compress what is sent. Without meaning if `deflate` is `None`.
    pub compression: Compression,
}

impl Config {
    /// A server with default limits and without compression.
    pub fn server() -> Self {
        Config::new(Role::Server)
    }

    /// A client with default limits and without compression.
    pub fn client() -> Self {
        Config::new(Role::Client)
    }

    /// One of the two, with default limits and without compression.
    pub fn new(role: Role) -> Self {
        Config { role, limits: Limits::default(), deflate: None, compression: Compression::default() }
    }
}

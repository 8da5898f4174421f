//! permessage-deflate (RFC 7692): agreeing on it, and doing it.
//!
//! The server reads the client's offers with [`accept`]; the client makes one with [`Options::offer`] and reads
//! the server's answer with [`check`]. Both end with a [`Negotiated`], which goes into
//! [`Config::deflate`](crate::Config::deflate); the machine does the rest.
//!
//! # Memory
//!
//! A context for compressing takes about 370 KiB, one for decompressing about 46 KiB. With *context takeover*
//! a connection keeps its contexts for life; without it the thread keeps one of each, which all its connections
//! share, and an idle connection keeps nothing. Therefore [`Options`] ask for no context takeover by default.
//! Messages shorter than [`Compression::threshold`] are sent as they are.

mod compress;
mod inflate;
mod negotiate;

pub(crate) use compress::Deflater;
pub(crate) use inflate::{InflateError, Inflater};
pub use negotiate::{BadAnswer, Negotiated, Options, accept, check};

/// How a side compresses what it sends. Nothing of this is negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// From 0 (store) over 1 (fast) to 9 (small); more counts as 9. Default 1: between a third (1 KiB) and two
    /// thirds (64 KiB) of the time of 2, for a fifth to a half more bytes of JSON.
    pub level: u8,
    /// Messages with fewer bytes are sent uncompressed. Default 1,024.
    pub threshold: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Compression { level: 1, threshold: 1024 }
    }
}

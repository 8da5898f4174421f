//! Swill's own protocol, `swill/1`: one MessagePack array per binary message.
//!
//! | | |
//! |---|---|
//! | request | `[seq, data, rpc, type, metadata]`; the last two may be left out, what follows is ignored |
//! | response | `[seq, data, type, leading metadata, trailing metadata]` |
//!
//! A request is known by its `seq` *and* its `rpc`. Only clients call; [`Server`] and [`Client`] are the two machines.

mod client;
mod envelope;
pub(crate) mod keys;
mod server;
mod write;

pub use client::Client;
pub use server::{Limits, Server};

use crate::{Capabilities, Format};

/// What `swill/1` can say.
pub static CAPABILITIES: Capabilities = Capabilities {
    streams_in: true,
    streams_out: true,
    metadata: true,
    ..Capabilities::basic("swill/1", Format::MessagePack)
};

/// How deep the data of a message and its metadata may be nested.
const DEPTH: usize = crate::scan::DEPTH;

/// The longest name of a procedure, in bytes.
const LONGEST_NAME: usize = 255;

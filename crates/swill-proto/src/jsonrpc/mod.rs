//! JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>) over WebSocket, symmetric: one [`Machine`] for both sides.
//!
//! The codec is [`Format::Json`], in text messages, or [`Format::MessagePack`], in binary ones. Either side may send
//! requests, notifications and batches at any time. Ids of the peer come back byte for byte; our own are the numbers of
//! our calls, from 0.
//!
//! # Errors
//!
//! | what happened | code | message | data |
//! |---|---|---|---|
//! | the message is no JSON, no MessagePack, or nested too deep | -32700 | Parse error | – |
//! | it is no request; `[]`; an element of a batch that is none; a batch that is too long | -32600 | Invalid Request | what is wrong with the batch |
//! | nobody serves that method | -32601 | Method not found | – |
//! | the parameters do not fit (code 422) | -32602 | Invalid params | `{"errors": [{"parameter", "path", "code", "limit", "message"}]}` |
//! | an error that nobody expected | -32603 | Internal error | in debug mode, its text |
//! | the client cancelled the call | -32800 | Request cancelled | – |
//! | an error with a code for JSON-RPC ([`Error::with_json_rpc_code`]) | that code | its own | its own |
//! | any other error | its own code | its own | its own |
//!
//! With plain errors the standard codes have no data but what a procedure put there itself, for clients that cannot
//! take any.
//!
//! # Streams
//!
//! JSON-RPC has no word for them. A procedure that streams out answers its request with the id of a subscription, sends
//! items as notifications `$/stream`, and is cancelled by `$/cancelRequest`, as are single calls. It cannot be called by a
//! notification, which is ignored, nor in a batch, which is refused with code 501. `conformance/PROTOCOLS.md` has it
//! message by message.
//!
//! # Choices
//!
//! Of members that come twice, the last one counts. Two calls with the same id that are in flight at once are two calls;
//! a cancellation means the later one. A cancellation has to write the id as the request did (`1` is not `1.0`).
//!
//! [`Error::with_json_rpc_code`]: crate::Error::with_json_rpc_code

mod answers;
mod calls;
mod envelope;
mod fault;
mod id;
mod limits;
mod machine;
mod reader;
mod streams;
mod write;

pub use limits::Limits;
pub use machine::Machine;

use crate::{Capabilities, Format, Parameters};

/// What JSON-RPC 2.0 can say, written as JSON.
pub static CAPABILITIES: Capabilities = Capabilities {
    parameters: Parameters::Listed,
    streams_out: true,
    calls_peer: true,
    notifies_peer: true,
    ..Capabilities::basic("JSON-RPC 2.0", Format::Json)
};

/// What JSON-RPC 2.0 can say, written as MessagePack.
pub static MSGPACK_CAPABILITIES: Capabilities = Capabilities {
    parameters: Parameters::Listed,
    streams_out: true,
    calls_peer: true,
    notifies_peer: true,
    ..Capabilities::basic("JSON-RPC 2.0 over MessagePack", Format::MessagePack)
};

/// The notification that cancels a call.
const CANCEL: &str = "$/cancelRequest";

/// The notification that brings an item of a stream, or its end.
const STREAM: &str = "$/stream";

/// Whether a notification is one of these two, which no procedure hears of.
#[inline]
fn is_own(method: &[u8]) -> bool {
    method == CANCEL.as_bytes() || method == STREAM.as_bytes()
}

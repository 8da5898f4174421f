//! Events: one JSON object per text message, told apart by its `type`.
//!
//! | | |
//! |---|---|
//! | event | `{"type": name, …}`: every other member is a parameter of the procedure of that name |
//! | answer: an object | the object; `type`, the event's name, is added unless the object has a member of that name |
//! | answer: null | nothing |
//! | answer: anything else | `{"type": name, "result": answer}` |
//! | error | `{"errors": [{"loc": [...], "msg": text, "type": text, "ctx": {...}}, …]}` |
//!
//! There are no ids. The calls of a connection run one after the other, so an answer is told by its place. Both sides
//! may send events that nobody answers. [`Server`] and [`Client`] are the two machines.

mod client;
mod errors;
mod server;
mod write;

pub use client::Client;
pub use server::Server;

use crate::{Capabilities, Close, Format, Kind, Limit, Message, Outgoing, Parameters, scan::object::Object};

/// What events can say.
pub static CAPABILITIES: Capabilities = Capabilities {
    parameters: Parameters::Listed,
    serial: true,
    notifies_peer: true,
    ..Capabilities::basic("events", Format::Json)
};

/// The member that tells messages apart.
const TYPE: &str = "type";

/// The member that an answer lies under which is no object.
const RESULT: &str = "result";

/// Takes a message apart, or says why the connection ends.
fn object<'m>(message: Message<'m>, out: &mut dyn Outgoing) -> Result<Object<'m>, Close> {
    if message.kind == Kind::Binary {
        return Err(Close::new(1003, "events are text"));
    }
    Object::read(message.data).map_err(|malformed| {
        if let Some(limit) = Limit::of(malformed) {
            out.exceeded(limit);
        }
        Close::new(1003, "the message is no JSON object")
    })
}

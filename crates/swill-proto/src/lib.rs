//! The words on the wire.
//!
//! This crate says what travels between a Swill server and its peers and nothing about how it travels: no sockets, no
//! clocks, no async, no procedures. Four things are kept apart, and each has a file of its own:
//!
//! * a [`Format`] says how a value is written (MessagePack, JSON); a [`Payload`] is bytes and their format, decoded only
//!   when the type that a procedure wants is known;
//! * a [`Protocol`] says what a message means: a state machine that turns messages into [`Frame`]s and frames into
//!   messages. [`swill1`] is Swill's own;
//! * a [`Frame`] is the only word that the rest of Swill knows, the same in both directions;
//! * an [`Error`] is what a call fails with: a [`Code`], a message and, if there is some, data.
//!
//! Applications use the crates `swill` and `swill-client`, which show what they need of this one.

#![forbid(unsafe_code)]

mod bytes;
mod close;
mod code;
pub mod diagnose;
mod error;
pub mod events;
mod format;
mod frame;
pub mod jsonrpc;
mod limit;
mod metadata;
mod payload;
mod protocol;
mod recent;
pub mod scan;
pub mod spec;
pub mod swill1;
pub mod validation;
mod value;
mod violation;
mod weak;
pub mod webmesh;

pub use self::bytes::Bytes;
pub use close::Close;
pub use code::Code;
pub use error::{BoxError, Error, Result};
pub use format::Format;
pub use frame::{CallId, CancelReason, Frame, Head, Open, ProcedureId, Shape, Target};
pub use limit::Limit;
pub use metadata::{Metadata, MetadataLimits};
pub use payload::Payload;
pub use protocol::{
    Capabilities, Directory, Found, Held, Kind, Message, Outgoing, Parameters, Protocol, Received, Routed,
    Side,
};
pub use value::{TooDeep, Value};
pub use violation::{Expected, Rule, Step, Violation};

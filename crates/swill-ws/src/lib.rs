//! WebSocket frames as a state machine: RFC 6455 and RFC 7692 (permessage-deflate), server and client side.
//! Bytes in, messages out.
//!
//! There is no IO here, no clock and no HTTP. The driver owns the socket, the buffers, the deadlines and the
//! opening handshake (for which [`handshake`] and [`deflate`] compute the values); the machine owns the rules.
//!
//! | | methods of [`WebSocket`] |
//! |---|---|
//! | bytes in | [`receive`](WebSocket::receive), [`payload_buffer`](WebSocket::payload_buffer) |
//! | commands | [`begin`](WebSocket::begin) and [`finish`](WebSocket::finish), [`send`](WebSocket::send), [`ping`](WebSocket::ping), [`close`](WebSocket::close) |
//! | bytes out | appended to the `out` that every one of these takes: the connection's write buffer |
//! | questions | [`state`](WebSocket::state), [`buffered`](WebSocket::buffered) |
//!
//! # Two machines in memory
//!
//! ```
//! use swill_ws::{Config, Event, Input, Kind, State, WebSocket};
//!
//! let mut client = WebSocket::new(&Config::client());
//! let mut server = WebSocket::new(&Config::server());
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!
//! client.send(Kind::Text, b"hello", &mut to_server);
//! client.close(1000, "that was all", &mut to_server);
//!
//! // What a driver does with the bytes of one read: take events until there are none.
//! let mut input = Input::new(&mut to_server);
//! let (reader, writer) = server.split();
//! while let Some(event) = reader.receive(&mut input, writer, &mut to_client)? {
//!     match event {
//!         Event::Message { kind, data } => writer.send(kind, data, &mut to_client),
//!         Event::Close { code, reason } => assert_eq!((code, reason), (Some(1000), "that was all")),
//!         Event::Ping(_) | Event::Pong(_) => {}
//!     }
//! }
//! // The echo of the close frame is in the output already.
//! assert_eq!(server.state(), State::Closed);
//!
//! // The client has said goodbye: what the server sent before it knew is dropped.
//! let mut input = Input::new(&mut to_client);
//! let event = client.receive(&mut input, &mut Vec::new())?;
//! assert_eq!(event, Some(Event::Close { code: Some(1000), reason: "" }));
//! assert_eq!(client.state(), State::Closed);
//! # Ok::<(), swill_ws::Violation>(())
//! ```
//!
//! # What it promises
//!
//! - A short message costs a few nanoseconds: it is unmasked in place and borrows from the input; the answer is
//!   encoded straight into the write buffer.
//! - An idle connection keeps nothing on the heap (except for compression with context takeover).
//! - Memory grows with bytes received, never with bytes announced, up to the [`Limits`], which are on by default
//!   and hold for the message as it is after reassembly and decompression.
//! - Whatever a peer sends: no panic, and the right close code on the wire.
//! - Text is checked as it arrives; a bad byte fails at once, not at the end of the message.

#![forbid(unsafe_code)]

mod close;
mod config;
pub mod deflate;
mod event;
pub mod handshake;
mod header;
mod input;
mod mask;
mod partial;
mod reader;
mod weak;
mod websocket;
mod writer;

pub use config::{Config, Kind, Limits, Role};
pub use event::{Event, Limit, Violation};
pub use input::Input;
pub use reader::Reader;
pub use websocket::WebSocket;
pub use writer::{Start, State, Writer};

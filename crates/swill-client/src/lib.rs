//! The Rust client of Swill: typed calls and streams over one WebSocket, in Swill's own protocol or in JSON-RPC 2.0.
//!
//! ```
//! # use swill::{App, Stream, Streaming, stream};
//! # struct Calc;
//! # #[swill::module]
//! # impl Calc {
//! #     async fn add(&self, a: i64, b: i64) -> i64 { a + b }
//! #     fn count(&self, to: u32) -> impl Stream<Item = u32> {
//! #         stream! { for number in 0..to { yield number; } }
//! #     }
//! #     async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
//! #         let mut sum = 0;
//! #         while let Some(number) = numbers.next().await { sum += number?; }
//! #         Ok(sum)
//! #     }
//! # }
//! use swill_client::Client;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> swill_client::Result<()> {
//! # let server = App::new().module(Calc).bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/ws", server.local_addr());
//! # tokio::spawn(server.run());
//! # let _ = stringify! {
//! let url = "ws://127.0.0.1:8000/ws";
//! # };
//! let client = Client::connect(&url).await?;
//!
//! // One message each way.
//! let sum: i64 = client.call("add", (1, 2)).await?;
//! assert_eq!(sum, 3);
//!
//! // A stream out.
//! let mut numbers = client.stream::<u32>("count", 10).await?;
//! while let Some(number) = numbers.next().await {
//!     println!("{}", number?);
//! }
//!
//! // A stream in.
//! let mut numbers = client.request("total").stream_in::<i64, i64>().await?;
//! for number in 1..=10 {
//!     numbers.send(number).await?;
//! }
//! assert_eq!(numbers.finish().await?, 55);
//!
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A call is executed at most once, unless it is marked [`idempotent`](Request::idempotent). If the connection breaks
//!   when the call may have reached the server, it fails with
//!   [`outcome_unknown`](Error::outcome_unknown); if the socket has not seen it, it is sent over the next connection.
//! - A call that is dropped, or whose deadline has passed (30 s by default, see [`Request::deadline`]), is cancelled on the
//!   server.
//! - A lost connection is replaced in the background, see [`Reconnect`]; calls made meanwhile wait, within their deadlines.
//! - Nothing grows without bound, and nothing that a server sends makes it panic, see [`Limits`].
//!
//! # JSON-RPC
//!
//! By default a client speaks Swill's own protocol. With [`Builder::protocol`] it speaks JSON-RPC 2.0 with servers of any
//! make, as JSON or as MessagePack. Then calls go in both directions: the client serves procedures of its own, which the
//! server calls whenever it likes, also while it serves the client. [`Protocol`] tells what each of them can carry.
//!
//! ```
//! # use swill::{App, Peer};
//! # struct Painter;
//! # #[swill::module]
//! # impl Painter {
//! #     async fn add(&self, a: i64, b: i64) -> i64 { a + b }
//! #     async fn paint(&self, peer: &Peer, wall: String) -> swill::Result<String> {
//! #         peer.notify("progress", (50,)).await?;
//! #         let colour: String = peer.call("colour", (&wall,)).await?;
//! #         Ok(format!("{wall} is {colour}"))
//! #     }
//! # }
//! use swill_client::{Client, Protocol};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> swill_client::Result<()> {
//! # let server = App::new().module(Painter).bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/ws", server.local_addr());
//! # tokio::spawn(server.run());
//! # let _ = stringify! {
//! let url = "ws://127.0.0.1:8000/ws";
//! # };
//! let client = Client::builder(&url)
//!     .protocol(Protocol::JsonRpc)
//!     .handle("colour", async |(wall,): (String,)| Ok(if wall == "door" { "green" } else { "red" }))
//!     .handle("progress", async |(percent,): (u8,)| Ok(println!("{percent} %")))
//!     .connect()
//!     .await?;
//!
//! // The server asks for the colour before it answers.
//! let painted: String = client.call("paint", "door").await?;
//! assert_eq!(painted, "door is green");
//!
//! // Several calls in one message.
//! let sums = client.batch().call("add", (1, 2)).call("add", (3, 4)).send().await?;
//! assert_eq!(sums.into_iter().collect::<Result<Vec<_>, _>>()?, [3.into(), 7.into()]);
//!
//! // Nobody waits for an answer.
//! client.notify("add", (5, 6)).await?;
//!
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # TLS
//!
//! With the feature `tls`, URLs can begin with `wss://`. Then the certificate of the server has to be one that the system
//! trusts, and has to be for the name in the URL. For an authority of one's own there is
#![cfg_attr(
    feature = "tls",
    doc = "[`Builder::root_certificate`], for everything else [`Builder::tls_config`]."
)]
#![cfg_attr(
    not(feature = "tls"),
    doc = "`Builder::root_certificate`, for everything else `Builder::tls_config`."
)]
//!
//! ```
//! # #[cfg(feature = "tls")]
//! # fn example() -> swill_client::Result<()> {
//! use swill_client::Client;
//!
//! let client = Client::builder("wss://calc.example/ws").lazy()?;
//! # Ok(())
//! # }
//! ```
//!
//! Another implementation of TLS goes through [`Builder::connector`]; the URL then begins with `ws://`.
//!
//! # Traces
//!
//! With the feature `opentelemetry`, calls carry the trace of the span in which they are made on to the server: of
//! `tracing`'s current span, if the subscriber has a layer of `tracing-opentelemetry`, else of OpenTelemetry's current
//! context. It goes into the metadata of the call, as `traceparent` and `tracestate` of
//! [W3C Trace Context](https://www.w3.org/TR/trace-context-2/). Over JSON-RPC, where no metadata travels, the trace in which
//! the client was made goes along with the handshake, as it does in Swill's own protocol. What the program says itself under
//! these keys and headers stays.
//!
//! # One socket
//!
//! All calls of a client share one socket. A stream that is not read holds up the others once it is full
//! ([`Limits::unread`]): a program that leaves streams unread for long gives them a client of their own.

#![forbid(unsafe_code)]

mod address;
mod answer;
mod backoff;
mod batch;
mod builder;
mod call;
mod client;
mod connection;
mod connector;
mod driver;
mod fault;
mod handlers;
mod handshake;
mod items;
mod limits;
#[cfg(test)]
#[path = "../tests/model/mod.rs"]
mod model;
mod outbox;
mod protocol;
mod reconnect;
mod request;
mod response;
mod scratch;
mod sender;
mod settings;
mod state;
mod sync;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "opentelemetry")]
mod trace;
mod unread;

pub use address::url;
pub use batch::Batch;
pub use builder::Builder;
pub use client::Client;
pub use items::Items;
pub use limits::Limits;
pub use protocol::Protocol;
pub use reconnect::Reconnect;
pub use request::Request;
pub use response::Response;
pub use sender::{SendHalf, Sender};
pub use state::{State, Watch};
pub use swill_proto::{BoxError, Bytes, CancelReason, Close, Code, Error, Metadata, Result, Value};
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;

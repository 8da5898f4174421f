//! Peers in memory, to test apps with: no network and no ports, and nothing left out.
//!
//! Behind the feature `testing`, which belongs among the development dependencies:
//!
//! ```toml
//! [dev-dependencies]
//! swill = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A [`TestPeer`] opens its connection with a handshake over HTTP, speaks WebSocket frames through a pipe, and any of the
//! protocols above them. The app cannot tell it from a client far away: hooks, limits, layers and errors do what they do
//! in production.
//!
//! ```
//! use swill::{App, Code, testing::TestPeer};
//!
//! struct Calc;
//!
//! #[swill::module]
//! impl Calc {
//!     /// Divides.
//!     async fn divide(&self, a: i64, b: i64) -> swill::Result<i64> {
//!         a.checked_div(b).ok_or_else(|| swill::Error::new(Code::BAD_REQUEST, "division by zero"))
//!     }
//!
//!     /// Counts.
//!     fn count(&self, to: u32) -> impl swill::Stream<Item = u32> {
//!         swill::stream::iter(0..to)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> swill::Result<()> {
//! let peer = TestPeer::connect(App::new().module(Calc)).await?;
//! assert_eq!(peer.call::<i64>("divide", (7, 2)).await?, 3);
//! assert_eq!(peer.call::<i64>("divide", (7, 0)).await.unwrap_err().message(), "division by zero");
//! assert_eq!(peer.stream::<u32>("count", 3).await?.collect().await?, [0, 1, 2]);
//! # Ok(())
//! # }
//! ```
//!
//! | to test | |
//! |---|---|
//! | calls | [`TestPeer::call`], [`TestPeer::notify`], [`TestPeer::stream`]; with metadata or a stream in, [`TestPeer::request`] |
//! | a protocol, a path, headers, a refused handshake | [`TestPeer::builder`] |
//! | what the app calls and tells by itself | [`TestPeer::on`], [`TestPeer::heard`] |
//! | what exactly is on the wire | [`TestPeer::send_text`], [`TestPeer::send_binary`], [`TestPeer::receive_raw`] |
//! | the end of a connection | [`TestPeer::close`], [`TestPeer::closed`]; dropping the peer breaks it |
//! | a slow peer | [`TestPeer::stop_reading`], [`Connect::pipe`] |
//! | several peers of one app | [`TestApp`] |
//!
//! Nothing waits for ever: after 5 s ([`Connect::patience`]) a wait ends with an error that says what did not come. That
//! is real time, so that tests can let tokio's clock stand still (`#[tokio::test(start_paused = true)]`) and jump over
//! what the app waits for.

mod alarm;
mod calls;
mod driver;
mod line;
mod peer;
mod queue;
mod serve;

pub use calls::{Items, Request, Response, SendHalf, Sender};
pub use line::{Heard, Raw};
pub use peer::TestPeer;
pub(crate) use serve::Spoken;
pub use serve::{Connect, TestApp};

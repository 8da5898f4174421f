//! Typed RPC over one WebSocket: write a procedure once, every client can call it.
//!
//! ```no_run
//! use swill::App;
//!
//! struct Calc;
//!
//! #[swill::module]
//! impl Calc {
//!     /// Adds two numbers.
//!     async fn add(&self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> swill::Result<()> {
//!     App::new().module(Calc).serve("127.0.0.1:8000").await
//! }
//! ```
//!
//! | where to look | for what |
//! |---|---|
//! | [`#[swill::module]`](macro@module) | how the signature of a method becomes a procedure, and what can be set |
//! | [`App`] | what is served, where, and over which [`Protocol`]s |
//! | [`Context`], [`Peer`] | the call, and the other side of its connection, which can be called and told something, too |
//! | [`Hook`] | what runs around handshakes, calls and messages: who may connect, who is calling |
//! | [`Error`](struct@Error), [`#[derive(swill::Error)]`](derive@Error) | errors by code and message, and as types of one's own |
//! | [`#[swill::validate]`](macro@validate) | constraints on fields and parameters |
//! | [`stream!`], [`stream`](mod@stream), [`Streaming`] | streams out and in |
//! | [`Limits`] | what a peer may take |
//! | [`Server`], [`ShutdownHandle`] | a port of the system's choice, an end from elsewhere |
//!
//! What happens is logged with `tracing`, in a span for each connection and, at level DEBUG, for each call.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `config` | `Config`: settings from a TOML file and the environment |
//! | `docs` | [`Docs`]: the docs page, where everything that can be called is explained and can be tried |
//! | `files` | `StaticFiles`: files beside the sockets, on the same port |
//! | `opentelemetry` | spans of connections and calls have their parents in other processes, and the attributes of OpenTelemetry's conventions |
//! | `testing` | the module `testing`: peers in the same process, for tests of apps |
//! | `tls` | `Tls`: certificates, and new ones without a restart |
//! | `unstable-protocol` | `Subprotocol`: protocols of one's own; not covered by semantic versioning yet |
//!
//! `docs` is on by default, for it is there while you build; a release build has a page only if it is told to. None of the
//! others is on unless it is asked for.

// What `#[swill::module]` writes names this crate from outside.
#[cfg(test)]
extern crate self as swill;

mod accept;
mod addresses;
mod app;
mod budget;
mod call;
mod calling;
#[cfg(feature = "config")]
mod config;
mod connection;
mod context;
mod description;
mod diagnose;
mod directory;
#[cfg(feature = "docs")]
mod docs;
mod document;
mod extensions;
mod failure;
#[cfg(feature = "files")]
mod files;
mod given;
#[cfg(any(feature = "docs", feature = "metrics"))]
mod guard;
mod handler;
mod handshake;
mod health;
mod hook;
mod hub;
mod input;
mod introspect;
mod limits;
mod listen;
mod memory;
mod module;
mod negotiate;
mod observe;
mod origin;
mod outbox;
mod peer;
mod procedure;
mod progress;
#[cfg(feature = "files")]
mod reading;
mod reply;
mod route;
mod routes;
mod running;
mod server;
mod service;
mod shutdown;
mod state;
pub mod stream;
mod streaming;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod thread;
#[cfg(feature = "tls")]
mod tls;
mod typed_error;
pub mod validation;
mod weak;

pub use app::App;
pub use async_stream::stream;
pub use call::{Call, Finished};
pub use calling::Batch;
#[cfg(feature = "config")]
pub use config::{Config, ConfigBuilder, ConfigError};
pub use context::{CancelGuard, Context, FromContext};
#[cfg(feature = "docs")]
pub use docs::Docs;
pub use failure::Failure;
#[cfg(feature = "files")]
pub use files::StaticFiles;
pub use futures_core::Stream;
pub use given::Given;
pub use handler::{Handler, blocking};
pub use handshake::{Handshake, Request};
pub use health::Readiness;
pub use hook::{DataKind, Hook, Next, Outcome};
pub use input::{FromWire, Input};
pub use limits::Limits;
pub use module::{IntoModule, Module};
pub use negotiate::{Protocol, dialect};
#[cfg(feature = "unstable-protocol")]
pub use negotiate::{Settings, Subprotocol};
#[cfg(feature = "metrics")]
pub use observe::Metrics;
pub use observe::{InvalidTraceContext, TraceContext};
pub use peer::Peer;
pub use procedure::{Parameter, Procedure, Schemas};
pub use reply::{Fallible, IntoError, Many, One, Output, Plain, Reply, Sent, StreamItem, Streams};
pub use schemars;
pub use server::Server;
pub use service::BuildError;
pub use shutdown::ShutdownHandle;
pub use streaming::Streaming;
#[doc = include_str!("error.md")]
pub use swill_macros::Error;
#[doc = include_str!("module.md")]
pub use swill_macros::module;
#[doc = include_str!("validate.md")]
pub use swill_macros::validate;
#[cfg(feature = "unstable-protocol")]
pub use swill_proto as proto;
pub use swill_proto::spec;
pub use swill_proto::{
    Bytes, CancelReason, Close, Code, Error, Format, Metadata, Payload, Result, Shape, Value,
};
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
pub use typed_error::{AsSource, DescribeErrors, ErrorsOf, TypedError, Undescribed};

// The guide is not part of the published crate; its programs are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/validation.md")]
pub struct Guide;
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
pub struct TestingGuide;

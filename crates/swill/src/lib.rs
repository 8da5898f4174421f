//! Typed RPC over one WebSocket: write a procedure once, every client can call it.

// What `#[swill::module]` writes names this crate from outside.
#[cfg(test)]
extern crate self as swill;

mod app;
mod call;
mod calling;
#[cfg(feature = "config")]
mod config;
mod connection;
mod context;
mod description;
mod diagnose;
mod directory;
mod extensions;
mod failure;
#[cfg(feature = "files")]
mod files;
mod given;
mod handshake;
mod hook;
mod input;
mod introspect;
mod limits;
mod module;
mod negotiate;
mod origin;
mod outbox;
mod peer;
mod procedure;
mod progress;
mod reply;
mod route;
mod running;
mod server;
mod service;
mod state;
pub mod stream;
mod streaming;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
mod tls;
mod typed_error;
pub mod validation;

pub use app::App;
pub use async_stream::stream;
pub use call::{Call, Finished};
pub use calling::Batch;
#[cfg(feature = "config")]
pub use config::{Config, ConfigBuilder, ConfigError};
pub use context::{CancelGuard, Context, FromContext};
pub use failure::Failure;
#[cfg(feature = "files")]
pub use files::StaticFiles;
pub use futures_core::Stream;
pub use given::Given;
pub use handshake::{Handshake, Request};
pub use hook::{DataKind, Hook, Next, Outcome};
pub use input::{FromWire, Input};
pub use limits::Limits;
pub use module::{IntoModule, Module};
pub use negotiate::{Protocol, dialect};
#[cfg(feature = "unstable-protocol")]
pub use negotiate::{Settings, Subprotocol};
pub use peer::Peer;
pub use procedure::{Handler, Parameter, Procedure, Schemas, blocking};
pub use reply::{Fallible, IntoError, Many, One, Output, Plain, Reply, Sent, StreamItem, Streams};
pub use schemars;
pub use server::{Server, ShutdownHandle};
pub use service::BuildError;
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
pub use swill_proto::{CancelReason, Close, Code, Error, Format, Metadata, Payload, Result, Shape, Value};
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

//! Which protocol a connection speaks. The only file of this crate that knows protocols by name.

use crate::{Limits, Request};
use std::fmt;
use swill_proto::{
    Capabilities, Format, Side, events, jsonrpc, swill1,
    webmesh::{self, Dialect},
};

/// Dialects of WebMesh, and what it takes to make one of one's own. See [`Protocol::webmesh`].
pub mod dialect {
    pub use swill_proto::{
        Kind, Message,
        webmesh::{Codec, Dialect, Undecodable},
    };
}

/// What OpenTelemetry's conventions call a protocol, as a system of remote procedure calls.
#[cfg(feature = "opentelemetry")]
pub(crate) fn rpc_system(capabilities: &'static Capabilities) -> &'static str {
    let jsonrpc = [&jsonrpc::CAPABILITIES, &jsonrpc::MSGPACK_CAPABILITIES];
    match jsonrpc.into_iter().any(|known| std::ptr::eq(known, capabilities)) {
        true => "jsonrpc",
        false => "swill",
    }
}

/// A protocol that an app speaks. See [`App::protocols`](crate::App::protocols).
///
/// Which one a connection speaks is chosen when it opens: by the first of its subprotocols
/// (`Sec-WebSocket-Protocol`) that one of the app's protocols knows; if it names none, by the app's default.
#[derive(Debug)]
pub struct Protocol(Box<dyn Subprotocol>);

impl Protocol {
    /// Swill's own: MessagePack, streams both ways, metadata. Chosen by `swill/1`, or `swill.1` for clients that are
    /// strict about tokens, such as browsers; never the default.
    pub fn swill() -> Self {
        Self(Box::new(Swill1))
    }

    /// JSON-RPC 2.0, one JSON text per message: single calls, notifications and batches in both directions, and streams
    /// out. Can be the default; `jsonrpc` asks for it.
    pub fn json_rpc() -> Self {
        Self(Box::new(JsonRpc { codec: Format::Json, tokens: &["jsonrpc"] }))
    }

    /// JSON-RPC 2.0, whose objects are written as MessagePack. Can be the default; `jsonrpc.msgpack` asks for it.
    pub fn json_rpc_msgpack() -> Self {
        Self(Box::new(JsonRpc { codec: Format::MessagePack, tokens: &["jsonrpc.msgpack"] }))
    }

    /// Events: JSON objects with a `type`, one after the other. Can be the default; `events` asks for it.
    pub fn events() -> Self {
        Self(Box::new(Events))
    }

    /// WebMesh, in one of its dialects: calls by path, single ones only. Can be the default; `webmesh` asks for it.
    ///
    /// Its clients always ask for the path `/`, and name no subprotocol.
    pub fn webmesh(dialect: Dialect) -> Self {
        Self(Box::new(WebMesh(dialect)))
    }

    /// A protocol of one's own.
    #[cfg(feature = "unstable-protocol")]
    pub fn custom(protocol: impl Subprotocol) -> Self {
        Self(Box::new(protocol))
    }

    pub(crate) fn tokens(&self) -> &'static [&'static str] {
        self.0.tokens()
    }

    pub(crate) fn needs_token(&self) -> bool {
        self.0.needs_token()
    }

    pub(crate) fn capabilities(&self) -> &'static Capabilities {
        self.0.capabilities()
    }

    pub(crate) fn start(&self, settings: &Settings<'_>) -> Box<dyn swill_proto::Protocol> {
        self.0.start(settings)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        self.0.client()
    }

    /// Whether parameters are told apart by their names alone.
    #[cfg(feature = "testing")]
    pub(crate) fn is_by_name(&self) -> bool {
        std::ptr::eq(self.capabilities(), &events::CAPABILITIES)
    }
}

#[cfg_attr(not(feature = "unstable-protocol"), expect(unreachable_pub, reason = "public behind a feature"))]
/// How a protocol is asked for, and a machine of it for each connection.
pub trait Subprotocol: fmt::Debug + Send + Sync + 'static {
    /// The values of `Sec-WebSocket-Protocol` that ask for it.
    fn tokens(&self) -> &'static [&'static str];

    /// Whether it is spoken only with peers that ask for it. Others can be the default of an app. By default: if it has
    /// tokens.
    fn needs_token(&self) -> bool {
        !self.tokens().is_empty()
    }

    /// What it can say.
    fn capabilities(&self) -> &'static Capabilities;

    /// The machine for a new connection.
    fn start(&self, settings: &Settings<'_>) -> Box<dyn swill_proto::Protocol>;

    /// The machine of the other side, with which [`testing`](crate::testing) speaks. By default there is none.
    #[cfg_attr(not(feature = "testing"), allow(dead_code, reason = "for the test kit alone"))]
    fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        None
    }
}

#[cfg_attr(not(feature = "unstable-protocol"), expect(unreachable_pub, reason = "public behind a feature"))]
/// What an app tells the machine of a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Settings<'a> {
    /// How much a peer may take.
    pub limits: &'a Limits,
    /// Errors are told in their barest form. See [`App::plain_errors`](crate::App::plain_errors).
    pub plain_errors: bool,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(limits: &'a Limits, plain_errors: bool) -> Self {
        Self { limits, plain_errors }
    }
}

/// Swill's own protocol.
///
/// Its name `swill/1` is not a valid token (RFC 6455, section 4.1, with RFC 2616, section 2.2), and yet clients ask for
/// it and must have it echoed. Browsers and strict clients ask for `swill.1`, which is the same.
#[derive(Debug)]
struct Swill1;

impl Subprotocol for Swill1 {
    fn tokens(&self) -> &'static [&'static str] {
        &["swill/1", "swill.1"]
    }

    fn capabilities(&self) -> &'static Capabilities {
        &swill1::CAPABILITIES
    }

    fn start(&self, settings: &Settings<'_>) -> Box<dyn swill_proto::Protocol> {
        let Limits { metadata, draining, .. } = *settings.limits;
        Box::new(swill1::Server::new(swill1::Limits { metadata, draining }))
    }

    fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        Some(Box::new(swill1::Client::default()))
    }
}

/// JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>).
#[derive(Debug)]
struct JsonRpc {
    codec: Format,
    tokens: &'static [&'static str],
}

impl Subprotocol for JsonRpc {
    fn tokens(&self) -> &'static [&'static str] {
        self.tokens
    }

    fn needs_token(&self) -> bool {
        false
    }

    fn capabilities(&self) -> &'static Capabilities {
        match self.codec {
            Format::Json => &jsonrpc::CAPABILITIES,
            Format::MessagePack => &jsonrpc::MSGPACK_CAPABILITIES,
        }
    }

    fn start(&self, settings: &Settings<'_>) -> Box<dyn swill_proto::Protocol> {
        let limits = jsonrpc::Limits { batch: settings.limits.batch, held: settings.limits.answer };
        Box::new(jsonrpc::Machine::new(Side::Server, self.codec, limits, settings.plain_errors))
    }

    fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        let limits = jsonrpc::Limits::default();
        Some(Box::new(jsonrpc::Machine::new(Side::Client, self.codec, limits, false)))
    }
}

#[derive(Debug)]
struct Events;

impl Subprotocol for Events {
    fn tokens(&self) -> &'static [&'static str] {
        &["events"]
    }

    fn needs_token(&self) -> bool {
        false
    }

    fn capabilities(&self) -> &'static Capabilities {
        &events::CAPABILITIES
    }

    fn start(&self, _: &Settings<'_>) -> Box<dyn swill_proto::Protocol> {
        Box::new(events::Server::new())
    }

    fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        Some(Box::new(events::Client::new()))
    }
}

#[derive(Debug)]
struct WebMesh(Dialect);

impl Subprotocol for WebMesh {
    fn tokens(&self) -> &'static [&'static str] {
        &["webmesh"]
    }

    fn needs_token(&self) -> bool {
        false
    }

    fn capabilities(&self) -> &'static Capabilities {
        self.0.capabilities()
    }

    fn start(&self, settings: &Settings<'_>) -> Box<dyn swill_proto::Protocol> {
        let limits = webmesh::Limits { inflated: settings.limits.message };
        Box::new(webmesh::Server::new(self.0.clone(), limits))
    }

    fn client(&self) -> Option<Box<dyn swill_proto::Protocol>> {
        Some(Box::new(webmesh::Client::new(self.0.clone(), webmesh::Limits::default())))
    }
}

/// What an app speaks that names nothing: any client of JSON-RPC finds it at once, and Swill's own ask for theirs.
pub(crate) fn default() -> Vec<Protocol> {
    vec![Protocol::json_rpc(), Protocol::swill()]
}

/// What was chosen: the protocol, and the token to echo.
pub(crate) struct Choice<'s> {
    pub(crate) protocol: &'s Protocol,
    pub(crate) token: Option<&'static str>,
}

/// Chooses by the first offer that one of the protocols knows; without an offer, the first that needs none. `None`:
/// refuse.
pub(crate) fn choose<'s>(protocols: &'s [Protocol], request: &Request) -> Option<Choice<'s>> {
    let mut offered = false;
    for offer in request.subprotocols() {
        offered = true;
        for protocol in protocols {
            if let Some(token) = protocol.tokens().iter().find(|token| **token == offer) {
                return Some(Choice { protocol, token: Some(token) });
            }
        }
    }
    if offered {
        return None;
    }
    let protocol = protocols.iter().find(|protocol| !protocol.0.needs_token())?;
    Some(Choice { protocol, token: None })
}

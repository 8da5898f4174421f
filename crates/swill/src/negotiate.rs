//! Which protocol a connection speaks. The only file of this crate that knows protocols by name.

use crate::{Limits, Request};
use std::fmt;
use swill_proto::{Capabilities, Protocol, swill1};

#[cfg_attr(not(feature = "unstable-protocol"), expect(unreachable_pub, reason = "public behind a feature"))]
/// A protocol that a route can offer: how it is asked for, and a machine for each connection.
pub trait Subprotocol: Send + Sync + 'static {
    /// The values of `Sec-WebSocket-Protocol` that ask for it. Empty: it is what peers get that ask for nothing.
    fn tokens(&self) -> &'static [&'static str];

    /// What it can say.
    fn capabilities(&self) -> &'static Capabilities;

    /// The machine for a new connection.
    fn start(&self, limits: &Limits) -> Box<dyn Protocol>;
}

impl fmt::Debug for dyn Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.capabilities().name)
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

    fn start(&self, limits: &Limits) -> Box<dyn Protocol> {
        let limits = swill1::Limits { metadata: limits.metadata, draining: limits.draining };
        Box::new(swill1::Server::new(limits))
    }
}

/// What an app offers that names nothing.
pub(crate) fn default() -> Vec<Box<dyn Subprotocol>> {
    vec![Box::new(Swill1)]
}

/// What was chosen: the protocol, and the token to echo.
pub(crate) struct Choice<'s> {
    pub(crate) protocol: &'s dyn Subprotocol,
    pub(crate) token: Option<&'static str>,
}

/// Chooses by the first offer that one of the protocols knows; without an offer, the default. `None`: refuse.
pub(crate) fn choose<'s>(protocols: &'s [Box<dyn Subprotocol>], request: &Request) -> Option<Choice<'s>> {
    let mut offered = false;
    for offer in request.subprotocols() {
        offered = true;
        for protocol in protocols {
            if let Some(token) = protocol.tokens().iter().find(|token| **token == offer) {
                return Some(Choice { protocol: &**protocol, token: Some(token) });
            }
        }
    }
    if offered {
        return None;
    }
    let protocol = protocols.iter().find(|protocol| protocol.tokens().is_empty())?;
    Some(Choice { protocol: &**protocol, token: None })
}

use crate::{Limits, Protocol, Reconnect, address::Address, connector::Connector, handlers::Handlers};
use http::HeaderMap;
use std::time::Duration;
use swill_ws::deflate::Options;

/// Everything a [`Builder`](crate::Builder) was told. Secrets are among it, so it cannot be printed.
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) connector: Connector,
    pub(crate) headers: HeaderMap,
    pub(crate) protocol: Protocol,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) handlers: Handlers,
    pub(crate) deflate: Option<Options>,
    pub(crate) connect_within: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) reconnect: Reconnect,
    pub(crate) limits: Limits,
}

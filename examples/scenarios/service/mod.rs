//! The service itself, apart from its program: the tests of the Rust client run it in their own process.
//!
//! The app listens on a port of its own, which nobody is told; clients come through the relay, which can break their
//! connections.

mod both_ways;
mod connections;
mod failing;
mod gates;
mod metadata;
mod relay;
mod streams;
mod tally;
mod values;

use connections::{Connections, Login, Peers};
use gates::Gates;
use relay::Relay;
use std::net::SocketAddr;
use swill::{App, Limits, Protocol, Result, Server};
use tokio::net::TcpListener;

/// The app and the relay in front of it, bound and not yet running.
pub(crate) struct Service {
    listener: TcpListener,
    address: SocketAddr,
    relay: Relay,
    server: Server,
}

/// Binds the relay to an address, and the app behind it to any free port of the loopback interface.
pub(crate) async fn bind(address: &str) -> Result<Service> {
    let relay = Relay::default();
    let server = app(&relay).bind("127.0.0.1:0").await?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Service { listener, address, relay, server })
}

impl Service {
    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is told to stop.
    pub(crate) async fn run(self) -> Result<()> {
        let upstream = self.server.local_addr();
        tokio::select! {
            served = self.server.run() => served,
            stopped = self.relay.run(self.listener, upstream) => Ok(stopped?),
        }
    }
}

fn app(relay: &Relay) -> App {
    let (gates, peers) = (Gates::default(), Peers::default());
    let speaking = || {
        App::new()
            .protocols([Protocol::swill(), Protocol::json_rpc()])
            .allow_origin("*")
            .module(values::Values)
            .module(streams::Streams { gates: gates.clone() })
            .module(failing::Failing)
            .module(metadata::Talking { gates: gates.clone() })
            .module(gates.clone())
            .module(Connections { relay: relay.clone(), gates: gates.clone(), peers: peers.clone() })
            .module(both_ways::BothWays)
            .hook(peers.clone())
    };
    let small = Limits::default().message(1 << 10).calls(2).metadata(4, 256);
    speaking()
        .paths(["/ws"])
        .mount("/small", speaking().limits(small))
        .mount("/private", speaking().hook(Login))
}

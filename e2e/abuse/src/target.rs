//! What an attack is given: where the server is, what is spoken there, and how large it may be.

use crate::{
    failure::{Context, Result},
    process::Process,
    wire::{
        protocol::Protocol,
        socket::{Connection, Raw},
    },
};
use std::{fmt, net::SocketAddr};

/// How the server was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    Debug,
    Release,
}

impl fmt::Display for Build {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Debug => "debug",
            Self::Release => "release",
        })
    }
}

/// A server, and one protocol that it speaks.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    pub(crate) protocol: Protocol,
    pub(crate) build: Build,
    pub(crate) seed: u64,
    /// By how much the numbers of the attacks are divided.
    pub(crate) divisor: usize,
}

impl Target {
    /// How many to use of something, of which there would be so many in a full run.
    pub(crate) fn count(&self, full: usize) -> usize {
        (full / self.divisor).max(1)
    }

    /// Chance that comes out the same every time; each use has a number of its own.
    pub(crate) fn chance(&self, number: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(
            self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.protocol as u64,
        )
    }

    /// A bare TCP connection.
    pub(crate) async fn connect(&self) -> Result<Raw> {
        Raw::connect(self.address).await
    }

    /// A WebSocket.
    pub(crate) async fn open(&self) -> Result<Connection> {
        self.connect().await?.upgrade(self.protocol).await
    }

    /// Several of them.
    pub(crate) async fn open_many(&self, count: usize) -> Result<Vec<Connection>> {
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            all.push(self.open().await.context(format!("connection {number} of {count}"))?);
        }
        Ok(all)
    }

    /// A WebSocket for one who reads slowly or not at all: the system keeps few bytes for it.
    pub(crate) async fn open_narrow(&self) -> Result<Connection> {
        Raw::connect_narrow(self.address, 4 << 10).await?.upgrade(self.protocol).await
    }

    /// Whether a new connection is served: it calls `add` once.
    pub(crate) async fn serves(&self) -> Result {
        let mut connection = self.open().await?;
        connection.works(crate::wire::socket::PATIENCE).await?;
        connection.close().await
    }
}

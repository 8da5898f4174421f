//! Listening: on which address, and how many may wait there.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};
use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

/// How many connections the system may keep for the server before it accepts them, if the system's own bound
/// (`net.core.somaxconn` of Linux: 4,096) is no lower. Whoever comes when that many wait is not told so: its system tries
/// again after 1 s, 3 s, 7 s. So there is room for a crowd that comes at once, such as all clients of a server that was
/// started anew. There is no more, since whoever comes last waits for all others: behind 500 that cost a millisecond each,
/// it is half a second.
const BACKLOG: u32 = 512;

/// Listens. What the system says of an address that it does not give leaves out which one it was.
pub(crate) async fn listen(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = match lookup_host(address).await {
        Ok(found) => found.collect(),
        Err(error) => {
            let text = format!("no host and port to listen on, such as `127.0.0.1:8000`: {error}");
            return Err(io::Error::new(error.kind(), text));
        }
    };
    let mut failure = io::Error::new(ErrorKind::AddrNotAvailable, "the host has no address");
    for address in &addresses {
        match listen_on(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    if addresses.is_empty() {
        return Err(failure);
    }
    let tried = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    Err(io::Error::new(failure.kind(), format!("cannot listen on {tried}: {failure}")))
}

/// Listens on one address.
fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What a server that has ended left behind must not keep its successor from listening. On Windows it would let
    // strangers listen on the same address.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

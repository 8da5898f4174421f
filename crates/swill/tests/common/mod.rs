//! Servers to test, and clients to test them with.
#![allow(dead_code, unused_imports, unused_macros, reason = "not every test program needs all of it")]

pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod services;
pub(crate) mod speaks;

pub(crate) use client::*;
pub(crate) use collector::*;
#[allow(unused_imports, reason = "as above")]
pub(crate) use services::*;
pub(crate) use speaks::*;

use std::{net::SocketAddr, time::Duration};
use swill::{App, ShutdownHandle};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// After so long without anything a test has failed. Nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port, stopped when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ShutdownHandle,
    task: JoinHandle<swill::Result<()>>,
}

pub(crate) async fn serve(app: App) -> Server {
    let server = app.bind("127.0.0.1:0").await.expect("there is a free port");
    let (address, handle) = (server.local_addr(), server.shutdown_handle());
    Server { address, handle, task: tokio::spawn(server.run()) }
}

impl Server {
    /// A connection that speaks `swill/1`.
    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        self.connect_to("/", &[]).await
    }

    pub(crate) async fn connect_to(&self, path: &str, headers: &[(&str, &str)]) -> Client<TcpStream> {
        let (socket, response) = self.upgrade(path, headers).await;
        assert_eq!(response.status, 101, "{response:?}");
        Client::new(socket, &response.body, PATIENCE)
    }

    /// Asks for `swill/1` at a path.
    pub(crate) async fn upgrade(&self, path: &str, headers: &[(&str, &str)]) -> (TcpStream, Response) {
        let mut headers = headers.to_vec();
        headers.push(("Sec-WebSocket-Protocol", "swill/1"));
        exchange(self.address, &handshake(path, &headers)).await
    }

    /// The status that a request is answered with.
    pub(crate) async fn status(&self, request: &str) -> u16 {
        exchange(self.address, request).await.1.status
    }

    /// Shuts the server down and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.handle.shutdown();
        self.ended().await;
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        let ended = timeout(PATIENCE, &mut self.task).await.expect("a server that is shut down ends");
        ended.expect("a server does not panic").expect("a server ends without an error");
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer of HTTP. After a 101 the body is what came after it.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// The text of an opening handshake without a subprotocol.
pub(crate) fn handshake(path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: swill.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

pub(crate) async fn exchange(address: SocketAddr, request: &str) -> (TcpStream, Response) {
    let mut socket = TcpStream::connect(address).await.expect("the server listens");
    socket.set_nodelay(true).expect("a socket");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let response = response(&mut socket).await.expect("the server answers");
    (socket, response)
}

/// Reads one answer; `None` if the connection ends instead.
pub(crate) async fn response(socket: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(socket, &mut bytes).await?;
    };
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text").to_owned();
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status is a number");
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let response = Response { status, headers, body: Vec::new() };
    let length =
        response.header("content-length").map_or(0, |length| length.parse().expect("a length is a number"));
    while status != 101 && body.len() < length {
        more(socket, &mut body).await?;
    }
    Some(Response { body, ..response })
}

async fn more(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = timeout(PATIENCE, socket.read_buf(bytes)).await.expect("the server says something");
    matches!(read, Ok(1..)).then_some(())
}

/// Waits until something is so, letting everybody else run in between.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
            // Other threads have a turn, too.
            std::thread::yield_now();
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

//! The client against a scripted server that speaks JSON-RPC 2.0, in both of its codecs. What is written here as JSON goes
//! over the wire in the codec at hand.

mod batches;
mod calls;
mod hostile;
mod logging;
mod reconnecting;
mod serving;
mod streams;

use crate::support::{Server, header, server_with};
use std::{collections::VecDeque, time::Duration};
use swill_client::{Builder, Client, Protocol, Value};
use swill_proto::{Format, Payload};
use swill_ws::{Config, Event, Input, Kind, WebSocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};

/// Both codecs.
const BOTH: [Protocol; 2] = [Protocol::JsonRpc, Protocol::JsonRpcMsgpack];

/// An answer to a handshake that chooses no subprotocol.
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: {accept}\r\n\r\n";

fn codec(protocol: Protocol) -> Format {
    match protocol {
        Protocol::JsonRpc => Format::Json,
        Protocol::JsonRpcMsgpack => Format::MessagePack,
        other => panic!("{other:?} is no JSON-RPC"),
    }
}

/// A server, and a builder for clients that speak JSON-RPC to it.
fn server(protocol: Protocol) -> (Server, Builder) {
    server_of(protocol, 64 << 10)
}

/// The same with pipes that hold so many bytes in each direction.
fn server_of(protocol: Protocol, pipe: usize) -> (Server, Builder) {
    let (server, builder) = server_with(pipe);
    (server, builder.protocol(protocol))
}

async fn connected(protocol: Protocol) -> (Server, JsonPeer, Client) {
    connected_as(protocol, server(protocol)).await
}

async fn connected_as(
    protocol: Protocol,
    (mut server, builder): (Server, Builder),
) -> (Server, JsonPeer, Client) {
    let (client, peer) = tokio::join!(builder.connect(), accept(&mut server, protocol));
    (server, peer, client.unwrap())
}

async fn accept(server: &mut Server, protocol: Protocol) -> JsonPeer {
    JsonPeer::new(server.answer(SWITCHING).await, codec(protocol))
}

/// The server's end of a connection.
struct JsonPeer {
    stream: DuplexStream,
    codec: Format,
    ws: WebSocket,
    seen: VecDeque<Seen>,
    out: Vec<u8>,
}

/// What came from the client.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(Value),
    Close(Option<u16>),
    Eof,
}

fn value(json: &str) -> Value {
    Payload::new(Format::Json, json.as_bytes()).decode().unwrap_or_else(|error| panic!("{json}: {error}"))
}

impl JsonPeer {
    fn new(stream: DuplexStream, codec: Format) -> Self {
        let ws = WebSocket::new(&Config::server());
        Self { stream, codec, ws, seen: VecDeque::new(), out: Vec::new() }
    }

    /// The next thing that comes. Pings and pongs are passed over.
    async fn see(&mut self) -> Seen {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return seen;
            }
            let mut bytes = vec![0; 1 << 20];
            let Ok(end @ 1..) = self.stream.read(&mut bytes).await else { return Seen::Eof };
            let mut input = Input::new(&mut bytes[..end]);
            let (reader, writer) = self.ws.split();
            while let Some(event) =
                reader.receive(&mut input, writer, &mut self.out).expect("the client keeps the rules")
            {
                match event {
                    Event::Message { kind, data } => {
                        let expected = if self.codec == Format::Json { Kind::Text } else { Kind::Binary };
                        assert_eq!(kind, expected);
                        let message = Payload::new(self.codec, data).decode().unwrap();
                        self.seen.push_back(Seen::Message(message));
                    }
                    Event::Ping(_) | Event::Pong(_) => {}
                    Event::Close { code, .. } => self.seen.push_back(Seen::Close(code)),
                }
            }
            self.flush().await;
        }
    }

    async fn message(&mut self) -> Value {
        match self.see().await {
            Seen::Message(message) => message,
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// Asserts that this message comes.
    #[track_caller]
    fn expect(&mut self, json: &str) -> impl Future<Output = ()> {
        let (expected, at) = (value(json), std::panic::Location::caller());
        async move {
            let message = self.message().await;
            assert_eq!(message, expected, "at {at}");
        }
    }

    /// Asserts that nothing comes for a second.
    async fn expect_silence(&mut self) {
        let seen = timeout(Duration::from_secs(1), self.see()).await;
        assert!(seen.is_err(), "nothing was expected, not {seen:?}");
    }

    /// Sends a message.
    async fn say(&mut self, json: &str) {
        match self.codec {
            Format::Json => self.raw(Kind::Text, json.as_bytes()).await,
            Format::MessagePack => {
                let message = Payload::encode(Format::MessagePack, &value(json)).unwrap();
                self.raw(Kind::Binary, message.bytes()).await;
            }
        }
    }

    /// Any bytes as a message.
    async fn raw(&mut self, kind: Kind, bytes: &[u8]) {
        self.ws.send(kind, bytes, &mut self.out);
        self.flush().await;
    }

    async fn flush(&mut self) {
        let out = std::mem::take(&mut self.out);
        // The client may be gone.
        let _ = self.stream.write_all(&out).await;
    }
}

/// A call in a task of its own.
fn call(
    client: &Client,
    name: &'static str,
    params: impl serde::Serialize + Send + 'static,
) -> tokio::task::JoinHandle<swill_client::Result<Value>> {
    let client = client.clone();
    tokio::spawn(async move { client.call(name, params).await })
}

#[tokio::test(start_paused = true)]
async fn no_subprotocol_is_offered_unless_one_is_named() {
    for protocol in BOTH {
        let (mut server, builder) = server(protocol);
        let _client = builder.lazy().unwrap();
        let (_stream, request) = server.accept_raw().await;
        assert_eq!(header(&request, "sec-websocket-protocol"), None);
    }
    let (mut server, builder) = server(Protocol::JsonRpc);
    let client = builder.subprotocols(["jsonrpc", "json-rpc-2.0"]).lazy().unwrap();
    let (stream, request) = server.accept_raw().await;
    assert_eq!(header(&request, "sec-websocket-protocol"), Some("jsonrpc, json-rpc-2.0"));
    drop((stream, client));
}

#[tokio::test(start_paused = true)]
async fn a_server_may_choose_a_subprotocol_that_was_offered_or_none() {
    let chose = |name: &str| {
        SWITCHING.replace("{accept}\r\n", &format!("{{accept}}\r\nSec-WebSocket-Protocol: {name}\r\n"))
    };
    for (answer, good) in [(SWITCHING.to_owned(), true), (chose("jsonrpc"), true), (chose("swill/1"), false)]
    {
        let (mut server, builder) = server(Protocol::JsonRpc);
        let (client, _stream) =
            tokio::join!(builder.subprotocols(["jsonrpc"]).connect(), server.answer(&answer));
        assert_eq!(client.is_ok(), good, "{answer}");
    }
    let (_server, builder) = server_with(4096);
    let error = builder.subprotocols([]).lazy().unwrap_err();
    assert!(error.message().contains("swill/1 is spoken only under a subprotocol"), "{error}");
}

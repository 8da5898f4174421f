//! A scripted server at the other end of a pipe in memory.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::Poll,
    time::Duration,
};
use swill_client::{Builder, Client, Metadata, Value};
use swill_proto::{Format, Payload};
use swill_ws::{Config, Event, Input, Kind, WebSocket, handshake::accept_key};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc,
    time::timeout,
};

pub(crate) const MESSAGE: u64 = 0;
pub(crate) const END_OF_STREAM: u64 = 1;
pub(crate) const METADATA: u64 = 2;
pub(crate) const CANCEL: u64 = 3;
pub(crate) const ERROR: u64 = 3;

pub(crate) const NIL: Value = Value::Nil;

/// Where clients come in.
pub(crate) struct Server {
    incoming: mpsc::UnboundedReceiver<DuplexStream>,
}

/// A server, and a builder for clients that connect to it. Every pipe holds so many bytes in each direction.
pub(crate) fn server_with(pipe: usize) -> (Server, Builder) {
    let (sender, incoming) = mpsc::unbounded_channel();
    let builder = Client::builder("ws://server.test/ws").connector(move || {
        let (ours, theirs) = tokio::io::duplex(pipe);
        let result = sender.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
        async move { result.map(|()| ours) }
    });
    (Server { incoming }, builder)
}

pub(crate) fn server() -> (Server, Builder) {
    server_with(64 << 10)
}

/// A server and a client that is connected to it.
pub(crate) async fn connected() -> (Server, Peer, Client) {
    connected_as(server()).await
}

pub(crate) async fn connected_as((mut server, builder): (Server, Builder)) -> (Server, Peer, Client) {
    let (client, peer) = tokio::join!(builder.connect(), server.accept());
    (server, peer, client.unwrap())
}

impl Server {
    /// The next connection, whose request is read, and the request.
    pub(crate) async fn accept_raw(&mut self) -> (DuplexStream, String) {
        let mut stream = self.incoming.recv().await.expect("a client connects");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "the client hung up");
        }
        (stream, String::from_utf8(head).unwrap())
    }

    /// The next connection, whose request gets this answer; `{accept}` stands for what belongs to its key.
    pub(crate) async fn answer(&mut self, answer: &str) -> DuplexStream {
        let (mut stream, request) = self.accept_raw().await;
        let answer = answer.replace("{accept}", &accept_key(header(&request, "sec-websocket-key").unwrap()));
        // The client may have hung up halfway.
        let _ = stream.write_all(answer.as_bytes()).await;
        stream
    }

    /// The next connection, open.
    pub(crate) async fn accept(&mut self) -> Peer {
        Peer::new(self.answer(&switching("")).await)
    }

    /// Whether a client wants to connect.
    pub(crate) fn is_wanted(&mut self) -> bool {
        !self.incoming.is_empty()
    }
}

/// A good answer, with more headers.
pub(crate) fn switching(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {{accept}}\r\nSec-WebSocket-Protocol: swill/1\r\n{more}\r\n"
    )
}

pub(crate) fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let mut lines = request.lines().skip(1);
    lines.find_map(|line| {
        line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// The server's end of an open connection.
pub(crate) struct Peer {
    pub(crate) stream: DuplexStream,
    ws: WebSocket,
    seen: VecDeque<Seen>,
    out: Vec<u8>,
}

/// What came from the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Request(Request),
    Ping,
    Pong,
    Close(Option<u16>),
    Eof,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) seq: u64,
    pub(crate) data: Value,
    pub(crate) rpc: String,
    pub(crate) kind: u64,
    pub(crate) metadata: Option<Metadata>,
}

impl Peer {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        Self::with(stream, &Config::server())
    }

    pub(crate) fn with(stream: DuplexStream, config: &Config) -> Self {
        Self { stream, ws: WebSocket::new(config), seen: VecDeque::new(), out: Vec::new() }
    }

    /// The next thing that comes.
    pub(crate) async fn see(&mut self) -> Seen {
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
                self.seen.push_back(match event {
                    Event::Message { kind, data } => {
                        assert_eq!(kind, Kind::Binary);
                        Seen::Request(request(data))
                    }
                    Event::Ping(_) => Seen::Ping,
                    Event::Pong(_) => Seen::Pong,
                    Event::Close { code, .. } => Seen::Close(code),
                });
            }
            self.flush().await;
        }
    }

    /// The next request. Pings and pongs are passed over.
    pub(crate) async fn request(&mut self) -> Request {
        loop {
            match self.see().await {
                Seen::Request(request) => return request,
                Seen::Ping | Seen::Pong => {}
                other => panic!("a request was expected, not {other:?}"),
            }
        }
    }

    /// Waits for a request of that kind and returns its seq.
    pub(crate) async fn expect(&mut self, kind: u64, rpc: &str) -> u64 {
        let request = self.request().await;
        assert_eq!((request.kind, &*request.rpc), (kind, rpc), "{request:?}");
        request.seq
    }

    /// Asserts that nothing comes for a second.
    pub(crate) async fn expect_silence(&mut self) {
        let seen = timeout(Duration::from_secs(1), self.see()).await;
        assert!(seen.is_err(), "nothing was expected, not {seen:?}");
    }

    /// Answers the close and hangs up.
    pub(crate) async fn expect_close(mut self, code: u16) {
        assert_eq!(self.see().await, Seen::Close(Some(code)));
    }

    pub(crate) async fn say(&mut self, seq: u64, data: impl Into<Value>, kind: u64) {
        self.say_with(seq, data, kind, None, None).await;
    }

    pub(crate) async fn answer(&mut self, seq: u64, data: impl Into<Value>) {
        self.say(seq, data, MESSAGE).await;
    }

    pub(crate) async fn say_with(
        &mut self,
        seq: u64,
        data: impl Into<Value>,
        kind: u64,
        leading: Option<Metadata>,
        trailing: Option<Metadata>,
    ) {
        self.message(&(seq, data.into(), kind, leading, trailing)).await;
    }

    pub(crate) async fn fail(&mut self, seq: u64, code: i64, message: &str) {
        let error = Value::Map(vec![("code".into(), code.into()), ("message".into(), message.into())]);
        self.say(seq, error, ERROR).await;
    }

    /// Fails a call with data for programs.
    pub(crate) async fn refuse(&mut self, seq: u64, code: i64, data: Value) {
        let error = [("code", code.into()), ("message", "no".into()), ("data", data)];
        let error = error.map(|(name, value)| (Value::from(name), value));
        self.say(seq, Value::Map(error.into()), ERROR).await;
    }

    /// Any value as a message.
    pub(crate) async fn message(&mut self, value: &impl serde::Serialize) {
        let payload = Payload::encode(Format::MessagePack, value).unwrap();
        self.raw(Kind::Binary, payload.bytes()).await;
    }

    /// Any bytes as a message.
    pub(crate) async fn raw(&mut self, kind: Kind, bytes: &[u8]) {
        self.ws.send(kind, bytes, &mut self.out);
        self.flush().await;
    }

    pub(crate) async fn ping(&mut self) {
        self.ws.ping(b"", &mut self.out);
        self.flush().await;
    }

    /// Begins to close.
    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        self.ws.close(code, reason, &mut self.out);
        self.flush().await;
    }

    async fn flush(&mut self) {
        let out = std::mem::take(&mut self.out);
        // The client may be gone.
        let _ = self.stream.write_all(&out).await;
    }
}

fn request(message: &[u8]) -> Request {
    let payload = Payload::new(Format::MessagePack, message);
    let Value::List(mut elements) = payload.decode::<Value>().unwrap() else { panic!("a request is a list") };
    assert!((3..=5).contains(&elements.len()), "{elements:?}");
    elements.resize(5, NIL);
    let mut elements = elements.into_iter();
    let mut next = || elements.next().unwrap();
    let (seq, data, rpc, kind, metadata) = (next(), next(), next(), next(), next());
    Request {
        seq: seq.deserialize().unwrap(),
        data,
        rpc: rpc.deserialize().unwrap(),
        kind: if kind.is_nil() { MESSAGE } else { kind.deserialize().unwrap() },
        metadata: metadata.deserialize().unwrap(),
    }
}

/// A list of values.
pub(crate) fn list<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Value {
    Value::List(values.into_iter().map(Into::into).collect())
}

impl Peer {
    /// How much has been read and not been looked at.
    pub(crate) fn queued(&self) -> usize {
        self.seen.len()
    }
}

/// Polls a future once.
pub(crate) async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|task| Poll::Ready(future.as_mut().poll(task))).await
}

//! A server in memory that does nothing but what the test tells it.

use super::wire::{Heard, Wire, Word};
use crate::{Builder, Client, Protocol};
use futures_util::FutureExt;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};
use swill_ws::{Config, Event, Input, WebSocket, handshake::accept_key};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

/// How many bytes a pipe holds: more than a sequence says.
const PIPE: usize = 1 << 20;

/// Where clients come in, one connection at a time.
pub(super) struct Server {
    protocol: Protocol,
    incoming: mpsc::UnboundedReceiver<DuplexStream>,
    gate: Arc<Gate>,
    connection: Option<Connection>,
}

/// Lets clients try to connect, or come to nothing.
struct Gate {
    attempts: Semaphore,
    succeed: Mutex<VecDeque<bool>>,
}

struct Connection {
    writing: WriteHalf<DuplexStream>,
    messages: Arc<Mutex<Vec<Came>>>,
    reader: JoinHandle<()>,
    wire: Wire,
}

enum Came {
    Message(Vec<u8>),
    Close(u16),
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The client reads what is on its way, and then the end.
        let _ = self.writing.shutdown().now_or_never();
        self.reader.abort();
    }
}

impl Server {
    /// A server, and a builder for a client that connects to it whenever it is let.
    pub(super) fn new(protocol: Protocol) -> (Self, Builder) {
        let gate = Arc::new(Gate { attempts: Semaphore::new(0), succeed: Mutex::default() });
        let (sender, incoming) = mpsc::unbounded_channel();
        let door = Arc::clone(&gate);
        let builder = Client::builder("ws://server.test/ws").protocol(protocol).connector(move || {
            let (gate, sender) = (Arc::clone(&door), sender.clone());
            async move {
                gate.attempts.acquire().await.expect("it is never closed").forget();
                let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
                match gate.succeed.lock().unwrap().pop_front() {
                    Some(true) => {
                        let (ours, theirs) = duplex(PIPE);
                        sender.send(theirs).map_err(|_| refused())?;
                        Ok(ours)
                    }
                    _ => Err(refused()),
                }
            }
        });
        (Self { protocol, incoming, gate, connection: None }, builder)
    }

    /// Lets the client's next attempt to connect come to something, or not.
    pub(super) fn admit(&self, succeeds: bool) {
        self.gate.succeed.lock().unwrap().push_back(succeeds);
        self.gate.attempts.add_permits(1);
    }

    /// Answers the handshake of the client that was admitted.
    pub(super) async fn accept(&mut self) {
        let mut stream = self.incoming.recv().await.expect("a client connects");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut head).await.expect("the client is there"), 0, "it hung up");
        }
        let head = String::from_utf8(head).expect("text");
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let chosen = match self.protocol {
            Protocol::Swill => "Sec-WebSocket-Protocol: swill/1\r\n",
            _ => "",
        };
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{chosen}\r\n",
            accept_key(key)
        );
        stream.write_all(answer.as_bytes()).await.expect("there is room");
        let (reading, writing) = split(stream);
        let messages = Arc::default();
        let reader = tokio::spawn(read(reading, Arc::clone(&messages)));
        self.connection = Some(Connection { writing, messages, reader, wire: Wire::new(self.protocol) });
    }

    /// What has come from the client since the last time, and with which code it has closed the connection.
    pub(super) fn heard(&mut self) -> (Vec<(usize, Heard)>, Option<u16>) {
        let Some(connection) = &mut self.connection else { return (Vec::new(), None) };
        let (mut heard, mut close) = (Vec::new(), None);
        for came in connection.messages.lock().unwrap().drain(..) {
            assert_eq!(close, None, "something comes behind a close");
            match came {
                Came::Message(data) => heard.extend(connection.wire.heard(&data)),
                Came::Close(code) => close = Some(code),
            }
        }
        (heard, close)
    }

    /// The calls that have come over this connection.
    pub(super) fn known(&self) -> Vec<usize> {
        self.connection.as_ref().map(|connection| connection.wire.known()).unwrap_or_default()
    }

    pub(super) fn say(&mut self, call: usize, streams_out: bool, word: Word) {
        let Some(connection) = &mut self.connection else { return };
        for message in connection.wire.said(call, streams_out, word) {
            self.write(&message);
        }
    }

    pub(super) fn garbage(&mut self) {
        if let Some(garbage) = self.connection.as_ref().map(|connection| connection.wire.garbage()) {
            self.write(&garbage);
        }
    }

    fn write(&mut self, message: &[u8]) {
        let first = if self.protocol == Protocol::JsonRpc { 0x81 } else { 0x82 };
        self.frame(first, message);
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        let Some(connection) = &mut self.connection else { return };
        let mut frame = vec![first];
        match u8::try_from(payload.len()) {
            Ok(length @ ..126) => frame.push(length),
            _ => {
                let length = u16::try_from(payload.len()).expect("messages are short");
                frame.push(126);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        let written = connection.writing.write_all(&frame).now_or_never();
        written.expect("there is room").expect("the pipe is whole");
    }

    /// Says goodbye, or answers the client's, and hangs up.
    pub(super) fn close(&mut self, code: u16) {
        self.frame(0x88, &code.to_be_bytes());
        self.connection = None;
    }

    /// Is gone, without a word.
    pub(super) fn vanish(&mut self) {
        self.connection = None;
    }
}

async fn read(mut reading: ReadHalf<DuplexStream>, messages: Arc<Mutex<Vec<Came>>>) {
    let mut ws = WebSocket::new(&Config::server());
    let mut buffer = vec![0; 64 << 10];
    while let Ok(bytes @ 1..) = reading.read(&mut buffer).await {
        let (mut input, mut out) = (Input::new(&mut buffer[..bytes]), Vec::new());
        while let Some(event) = ws.receive(&mut input, &mut out).expect("the client keeps to the rules") {
            let came = match event {
                Event::Message { data, .. } => Came::Message(data.to_vec()),
                Event::Close { code, .. } => Came::Close(code.unwrap_or(1005)),
                Event::Ping(_) | Event::Pong(_) => continue,
            };
            messages.lock().unwrap().push(came);
        }
    }
}

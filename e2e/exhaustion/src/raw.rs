//! A client by hand, on a blocking socket: it does what a well-behaved one never would, and waits for nothing without
//! an end.

use crate::Result;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};
use swill_ws::{Config, Event, Input, Kind, WebSocket};

/// A connection that has been opened.
#[derive(Debug)]
pub struct Raw {
    /// The socket, for what has nothing to do with WebSocket.
    pub socket: TcpStream,
    ws: WebSocket,
    buffer: Vec<u8>,
    messages: std::collections::VecDeque<Message>,
    next_id: u64,
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The end, with its code.
    Close(u16),
}

/// The head of an opening handshake.
pub fn handshake(path: &str, subprotocol: Option<&str>) -> String {
    let subprotocol = subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        subprotocol.unwrap_or_default()
    )
}

/// Connects a socket that waits so long at most for anything.
///
/// # Errors
///
/// The server does not listen.
pub fn connect(address: SocketAddr, patience: Duration) -> Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Asks for a path over HTTP: the status, and the body as far as it came.
///
/// # Errors
///
/// There is no answer in time.
pub fn get(address: SocketAddr, path: &str, patience: Duration) -> Result<(u16, Vec<u8>)> {
    let mut socket = connect(address, patience)?;
    socket.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = Vec::new();
    let read = socket.read_to_end(&mut answer);
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(head) = head else {
        read?;
        return Err("the connection ended before there was an answer".into());
    };
    let text = String::from_utf8_lossy(&answer[..head]).into_owned();
    let status =
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("an answer without a status")?;
    Ok((status, answer.split_off(head + 4)))
}

impl Raw {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// The server does not listen, does not answer in time, or refuses.
    pub fn open(address: SocketAddr, path: &str, patience: Duration) -> Result<Self> {
        let subprotocol = (path == "/ws").then_some("swill/1");
        let mut socket = connect(address, patience)?;
        socket.write_all(handshake(path, subprotocol).as_bytes())?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if socket.read(&mut byte)? == 0 {
                return Err("the connection ended during its handshake".into());
            }
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            let head = String::from_utf8_lossy(&head).into_owned();
            return Err(format!("refused: {}", head.lines().next().unwrap_or_default()).into());
        }
        let mut config = Config::client();
        config.limits.message = 64 << 20;
        config.limits.frame = 64 << 20;
        Ok(Self {
            socket,
            ws: WebSocket::new(&config),
            buffer: vec![0; 64 << 10],
            messages: std::collections::VecDeque::new(),
            next_id: 1,
        })
    }

    /// The frame of a message, to be sent whole or in pieces.
    pub fn frame(&mut self, kind: Kind, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.ws.send(kind, payload, &mut out);
        out
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The server takes nothing in time, or is gone.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result {
        let frame = self.frame(kind, payload);
        Ok(self.socket.write_all(&frame)?)
    }

    /// The next message. Pings are answered.
    ///
    /// # Errors
    ///
    /// Nothing comes in time, the connection is gone, or breaks the rules.
    pub fn receive(&mut self) -> Result<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            let bytes = self.socket.read(&mut self.buffer)?;
            if bytes == 0 {
                return Err("the connection has ended".into());
            }
            let mut out = Vec::new();
            let mut input = Input::new(&mut self.buffer[..bytes]);
            while let Some(event) =
                self.ws.receive(&mut input, &mut out).map_err(|violation| violation.to_string())?
            {
                match event {
                    Event::Message { kind: Kind::Text, data } => {
                        self.messages.push_back(Message::Text(String::from_utf8_lossy(data).into_owned()));
                    }
                    Event::Message { data, .. } => self.messages.push_back(Message::Binary(data.to_vec())),
                    Event::Close { code, .. } => {
                        self.messages.push_back(Message::Close(code.unwrap_or(1005)))
                    }
                    Event::Ping(_) | Event::Pong(_) => {}
                }
            }
            if !out.is_empty() {
                self.socket.write_all(&out)?;
            }
        }
    }

    /// Calls over JSON-RPC and waits for the answer.
    ///
    /// # Errors
    ///
    /// There is no answer in time, or an error.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id });
        self.send(Kind::Text, request.to_string().as_bytes())?;
        loop {
            let Message::Text(text) = self.receive()? else { return Err("the connection was closed".into()) };
            let mut answer: Value = serde_json::from_str(&text)?;
            if answer["id"] == id {
                return match answer.get("error") {
                    Some(error) => Err(error.to_string().into()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    /// Calls `add`, and looks at the sum.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call), or the sum is wrong.
    pub fn add(&mut self) -> Result {
        match self.call("add", &json!([2, 3]))? {
            sum if sum == 5 => Ok(()),
            other => Err(format!("2 + 3 is {other}").into()),
        }
    }

    /// A message of `swill/1`, which opens a call or brings an item of its stream.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn say(&mut self, seq: u64, procedure: &str, data: impl AsRef<[u8]>) -> Result {
        // An array of three: the number, bytes, and the name.
        let mut message = vec![0x93, 0xcf];
        message.extend_from_slice(&seq.to_be_bytes());
        let data = data.as_ref();
        message.push(0xc6);
        message.extend_from_slice(&u32::try_from(data.len())?.to_be_bytes());
        message.extend_from_slice(data);
        message.push(0xa0 | u8::try_from(procedure.len())?);
        message.extend_from_slice(procedure.as_bytes());
        self.send(Kind::Binary, &message)
    }

    /// Ends the connection without a word.
    pub fn vanish(self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

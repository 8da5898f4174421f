//! A client made by hand: it can do what a well-behaved one never would.
#![allow(dead_code, reason = "not every test program needs all of it")]

use serde::Serialize;
use std::{collections::VecDeque, io, time::Duration};
use swill_proto::{Metadata, Value};
use swill_ws::{Config, Event, Input, Kind, State, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

pub(crate) const MESSAGE: u8 = 0;
pub(crate) const END: u8 = 1;
pub(crate) const METADATA: u8 = 2;
pub(crate) const CANCEL: u8 = 3;
pub(crate) const ERROR: u8 = 3;

pub(crate) struct Client<S> {
    pub(crate) socket: S,
    pub(crate) ws: WebSocket,
    got: VecDeque<Got>,
    buffer: Vec<u8>,
    /// Whether pings and closes are answered.
    pub(crate) polite: bool,
    /// After so long without anything the test has failed.
    pub(crate) patience: Duration,
}

/// What came from the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Answer(Answer),
    Text(String),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
    /// The socket has ended, or broken.
    Gone,
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) seq: i128,
    pub(crate) data: Value,
    pub(crate) kind: u8,
    pub(crate) leading: Value,
    pub(crate) trailing: Value,
}

impl Answer {
    /// The answer, or code and text of the error.
    pub(crate) fn result(self) -> Result<Value, (i64, String)> {
        if self.kind != ERROR {
            return Ok(self.data);
        }
        let Value::Map(entries) = &self.data else { panic!("an error is a map: {:?}", self.data) };
        let find =
            |name: &str| entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let code = find("code").and_then(Value::as_i64).expect("an error has a code");
        let message = find("message").and_then(Value::as_str).expect("an error has a message");
        Err((code, message.to_owned()))
    }

    /// The code of the error.
    pub(crate) fn code(&self) -> i64 {
        match self.clone().result() {
            Err((code, _)) => code,
            Ok(_) => panic!("this is no error: {self:?}"),
        }
    }
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("values of tests can be encoded")
}

/// A message of `swill/1`, with as many elements as are needed.
pub(crate) fn message(
    seq: i64,
    data: impl Serialize,
    rpc: &str,
    kind: u8,
    metadata: Option<&Metadata>,
) -> Vec<u8> {
    match (kind, metadata) {
        (MESSAGE, None) => encode(&(seq, data, rpc)),
        (_, None) => encode(&(seq, data, rpc, kind)),
        (_, Some(metadata)) => encode(&(seq, data, rpc, kind, metadata)),
    }
}

/// A frame as a client sends it. `first` is its whole first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The head of a masked frame that announces so many bytes.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | length as u8),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head.extend_from_slice(&KEY);
    head
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client whose handshake is done. `early` is what came after the server's answer.
    pub(crate) fn new(socket: S, early: &[u8], patience: Duration) -> Self {
        Self::with_config(socket, early, patience, &Config::client())
    }

    pub(crate) fn with_config(socket: S, early: &[u8], patience: Duration, config: &Config) -> Self {
        let mut config = *config;
        config.limits.message = 64 << 20;
        config.limits.frame = 64 << 20;
        let mut client = Self {
            socket,
            ws: WebSocket::new(&config),
            got: VecDeque::new(),
            buffer: vec![0; 64 << 10],
            polite: true,
            patience,
        };
        client.take(&mut early.to_vec());
        client
    }

    /// Handles bytes that have been read; returns what has to be written.
    fn take(&mut self, bytes: &mut [u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut input = Input::new(bytes);
        loop {
            let got = match self.ws.receive(&mut input, &mut out).expect("the server keeps to the rules") {
                None => return out,
                Some(Event::Message { kind: Kind::Text, data }) => {
                    Got::Text(String::from_utf8(data.to_vec()).expect("text is UTF-8"))
                }
                Some(Event::Message { kind: Kind::Binary, data }) => {
                    let (seq, data, kind, leading, trailing): (Value, Value, u8, Value, Value) =
                        rmp_serde::from_slice(data).expect("a message has five elements");
                    let seq = match seq {
                        Value::Int(seq) => seq.into(),
                        Value::UInt(seq) => seq.into(),
                        other => panic!("a seq is an integer: {other:?}"),
                    };
                    Got::Answer(Answer { seq, data, kind, leading, trailing })
                }
                Some(Event::Ping(_)) => Got::Ping,
                Some(Event::Pong(data)) => Got::Pong(data.to_vec()),
                Some(Event::Close { code, reason }) => Got::Close(code.unwrap_or(1005), reason.to_owned()),
            };
            self.got.push_back(got);
        }
    }

    /// What comes next, whatever it is.
    pub(crate) async fn next(&mut self) -> Got {
        loop {
            if let Some(got) = self.got.pop_front() {
                return got;
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = timeout(self.patience, self.socket.read(&mut buffer))
                .await
                .expect("the server says something");
            let Ok(bytes @ 1..) = read else {
                self.buffer = buffer;
                return Got::Gone;
            };
            let out = self.take(&mut buffer[..bytes]);
            self.buffer = buffer;
            if self.polite && !out.is_empty() {
                let _ = self.socket.write_all(&out).await;
            }
        }
    }

    /// What comes next, but for pings and pongs.
    pub(crate) async fn next_but_pings(&mut self) -> Got {
        loop {
            match self.next().await {
                Got::Ping | Got::Pong(_) => {}
                got => return got,
            }
        }
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        match self.next_but_pings().await {
            Got::Answer(answer) => answer,
            other => panic!("expected an answer, got {other:?}"),
        }
    }

    /// Reads up to the end; the code of the close frame, if there was one. Answers on the way are dropped.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let mut code = None;
        loop {
            match self.next().await {
                Got::Gone => return code,
                Got::Close(is, _) => code = Some(is),
                _ => {}
            }
        }
    }

    /// Writes bytes as they are.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(self.patience, self.socket.write_all(bytes)).await.expect("the server takes it")
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).await.expect("the connection is open");
    }

    /// The frames of messages, ready to be written.
    pub(crate) fn framed<M: AsRef<[u8]>>(&mut self, messages: impl IntoIterator<Item = M>) -> Vec<u8> {
        let mut out = Vec::new();
        for message in messages {
            self.ws.send(Kind::Binary, message.as_ref(), &mut out);
        }
        out
    }

    pub(crate) async fn send(&mut self, message: &[u8]) {
        let out = self.framed([message]);
        self.write(&out).await;
    }

    pub(crate) async fn send_all<M: AsRef<[u8]>>(&mut self, messages: impl IntoIterator<Item = M>) {
        let out = self.framed(messages);
        self.write(&out).await;
    }

    pub(crate) async fn request(&mut self, seq: i64, rpc: &str, data: impl Serialize) {
        self.send(&message(seq, data, rpc, MESSAGE, None)).await;
    }

    pub(crate) async fn kind(&mut self, seq: i64, rpc: &str, kind: u8) {
        self.send(&message(seq, (), rpc, kind, None)).await;
    }

    /// Calls and waits; nothing else may come meanwhile.
    pub(crate) async fn call(
        &mut self,
        seq: i64,
        rpc: &str,
        data: impl Serialize,
    ) -> Result<Value, (i64, String)> {
        self.request(seq, rpc, data).await;
        let answer = self.answer().await;
        assert_eq!(answer.seq, seq.into(), "the answer belongs to another call: {answer:?}");
        answer.result()
    }

    /// The code of the error that a call ends with.
    pub(crate) async fn refused(&mut self, seq: i64, rpc: &str, data: impl Serialize) -> i64 {
        match self.call(seq, rpc, data).await {
            Err((code, _)) => code,
            Ok(answer) => panic!("expected an error, got {answer:?}"),
        }
    }

    /// Says goodbye and waits for the end.
    pub(crate) async fn goodbye(mut self) {
        let mut out = Vec::new();
        self.ws.close(1000, "", &mut out);
        let _ = self.socket.write_all(&out).await;
        assert_eq!(self.closed().await, Some(1000));
        assert_eq!(self.ws.state(), State::Closed);
    }
}

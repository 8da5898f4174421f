//! TCP connections, before and after the upgrade.

use super::{
    frame::{self, Frame, Received},
    head,
    protocol::{Answer, Protocol, Said},
};
use crate::failure::{Context, Failure, Result, ensure};
use nix::{libc, sys::socket};
use serde_json::{Value, json};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout_at},
};

/// How long an answer may take that nothing holds back. The suite's verdicts on latency come from its canary.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server waits for the answer to its close frame, with something on top for a busy machine.
pub(crate) const CLOSE: Duration = Duration::from_secs(7);

/// How a TCP connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With FIN.
    Shut,
    /// With RST.
    Reset,
}

fn end_of(error: &io::Error) -> Option<End> {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected)
        .then_some(End::Reset)
}

/// A TCP connection that speaks HTTP, or nonsense.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: vec![] })
    }

    /// With a receive buffer of so many bytes, for those who will not read: the system takes no more for them.
    pub(crate) async fn connect_narrow(address: SocketAddr, bytes: u32) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(bytes)?;
        let stream = socket.connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: vec![] })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The head of the answer, or nothing if the connection ends before there is one.
    ///
    /// # Errors
    ///
    /// Neither comes in this time, or what comes is no HTTP.
    pub(crate) async fn answer(&mut self, within: Duration) -> Result<Option<head::Answer>> {
        let until = Instant::now() + within;
        loop {
            if let Some(answer) = head::Answer::take(&mut self.read)? {
                return Ok(Some(answer));
            }
            match timeout_at(until, self.stream.read_buf(&mut self.read)).await {
                Err(_) => return Err(format!("neither an answer nor an end within {within:?}").into()),
                Ok(Ok(0)) => return Ok(None),
                Ok(Err(error)) if end_of(&error).is_some() => return Ok(None),
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Reads until the connection ends, and throws away what comes.
    pub(crate) async fn ended(&mut self, within: Duration) -> Result<End> {
        let until = Instant::now() + within;
        loop {
            self.read.clear();
            match timeout_at(until, self.stream.read_buf(&mut self.read)).await {
                Err(_) => return Err(format!("the connection is still there after {within:?}").into()),
                Ok(Ok(0)) => return Ok(End::Shut),
                Ok(Err(error)) => return end_of(&error).ok_or_else(|| error.into()),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Ends with RST, as a process does that is killed with bytes unread.
    pub(crate) fn reset(self) -> Result {
        linger_not(&self.stream)
    }

    /// Shakes hands as the protocol wants it.
    pub(crate) async fn upgrade(self, protocol: Protocol) -> Result<Connection> {
        let host = self.stream.peer_addr()?.to_string();
        let head = head::Head::upgrade(protocol.path(), &host, protocol.subprotocol());
        self.upgrade_with(protocol, &head).await
    }

    /// Shakes hands with a head of one's own.
    pub(crate) async fn upgrade_with(mut self, protocol: Protocol, head: &head::Head) -> Result<Connection> {
        self.write(&head.bytes()).await.context("the handshake")?;
        let answer = self.answer(PATIENCE).await.context("the handshake")?;
        let answer = answer.ok_or("the connection ended in the handshake")?;
        let asked = head.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
        answer.accepts(protocol.subprotocol().filter(|_| asked))?;
        let (reading, writing) = self.stream.into_split();
        let reader = Reader { stream: reading, read: self.read, at: 0, message: None };
        Ok(Connection { protocol, answer, reader, writer: Writer { stream: writing }, last: 0 })
    }
}

fn linger_not(stream: &TcpStream) -> Result {
    let now = libc::linger { l_onoff: 1, l_linger: 0 };
    socket::setsockopt(stream, socket::sockopt::Linger, &now)
        .map_err(|error| Failure::from(io::Error::from(error)))
}

/// What comes from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A whole message: its opcode and its payload.
    Message(u8, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame, with its code, or none, and its reason.
    Close(Option<u16>, String),
    /// The end of the TCP connection.
    Ended(End),
    /// Nothing, for as long as was waited.
    Silence,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: OwnedReadHalf,
    read: Vec<u8>,
    at: usize,
    message: Option<Received>,
}

impl Reader {
    /// The next thing that comes.
    ///
    /// # Errors
    ///
    /// The server breaks a rule of RFC 6455.
    pub(crate) async fn heard(&mut self, within: Duration) -> Result<Heard> {
        self.heard_until(Instant::now() + within).await
    }

    /// The same, until a moment.
    pub(crate) async fn heard_until(&mut self, until: Instant) -> Result<Heard> {
        loop {
            while let Some((frame, length)) = frame::take(&self.read[self.at..])? {
                self.at += length;
                if let Some(heard) = self.complete(frame)? {
                    return Ok(heard);
                }
            }
            self.read.drain(..self.at);
            self.at = 0;
            self.read.reserve(64 << 10);
            match timeout_at(until, self.stream.read_buf(&mut self.read)).await {
                Err(_) => return Ok(Heard::Silence),
                Ok(Ok(0)) => return Ok(Heard::Ended(End::Shut)),
                Ok(Err(error)) => {
                    return end_of(&error).map(Heard::Ended).ok_or_else(|| error.into());
                }
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Everything up to the end of the TCP connection; how many bytes that was, and how it ended.
    pub(crate) async fn drained(&mut self, within: Duration) -> Result<(u64, End)> {
        let until = Instant::now() + within;
        let mut bytes = (self.read.len() - self.at) as u64;
        self.at = 0;
        loop {
            self.read.clear();
            self.read.reserve(64 << 10);
            match timeout_at(until, self.stream.read_buf(&mut self.read)).await {
                Err(_) => return Err(format!("the connection is still there after {within:?}").into()),
                Ok(Ok(0)) => return Ok((bytes, End::Shut)),
                Ok(Err(error)) => {
                    return end_of(&error).map(|end| (bytes, end)).ok_or_else(|| error.into());
                }
                Ok(Ok(read)) => bytes += read as u64,
            }
        }
    }

    fn complete(&mut self, frame: Received) -> Result<Option<Heard>> {
        Ok(match frame.opcode {
            frame::PING => Some(Heard::Ping(frame.payload)),
            frame::PONG => Some(Heard::Pong(frame.payload)),
            frame::CLOSE => {
                let (code, reason) = match frame.payload.split_first_chunk::<2>() {
                    Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason.to_vec()),
                    None => {
                        ensure!(frame.payload.is_empty(), "a close frame of one byte");
                        (None, vec![])
                    }
                };
                let reason = String::from_utf8(reason).map_err(|_| "the reason of a close is no text")?;
                Some(Heard::Close(code, reason))
            }
            opcode => {
                let whole = match (self.message.take(), opcode) {
                    (None, frame::CONTINUATION) => {
                        return Err("a server continues what it has not begun".into());
                    }
                    (None, _) => frame,
                    (Some(mut begun), frame::CONTINUATION) => {
                        begun.payload.extend_from_slice(&frame.payload);
                        begun.fin = frame.fin;
                        begun
                    }
                    (Some(_), _) => return Err("a server begins a message inside another".into()),
                };
                if !whole.fin {
                    self.message = Some(whole);
                    return Ok(None);
                }
                ensure!(
                    whole.opcode != frame::TEXT
                        || whole.compressed
                        || std::str::from_utf8(&whole.payload).is_ok(),
                    "a server's text is no UTF-8"
                );
                Some(Heard::Message(whole.opcode, whole.payload))
            }
        })
    }
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: OwnedWriteHalf,
}

impl Writer {
    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Writes as much as the server takes within this time; how much that was, and whether it was all.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub(crate) async fn write_some(&mut self, bytes: &[u8], within: Duration) -> io::Result<usize> {
        let until = Instant::now() + within;
        let mut written = 0;
        while written < bytes.len() {
            match timeout_at(until, self.stream.write(&bytes[written..])).await {
                Ok(count) => written += count?,
                Err(_) => break,
            }
        }
        Ok(written)
    }

    pub(crate) async fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.write(&frame.bytes()).await
    }

    /// Says that nothing more will come (FIN), and goes on listening.
    pub(crate) async fn shut(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

/// How a message was taken that may not be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The calls after it are answered.
    Answered,
    /// The connection is closed, with this code if there was a close frame.
    Closed(Option<u16>),
}

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) protocol: Protocol,
    /// The answer to the handshake.
    pub(crate) answer: head::Answer,
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    last: i64,
}

impl Connection {
    /// An id that this connection has not used; far from those that attacks choose by themselves.
    pub(crate) fn fresh_id(&mut self) -> i64 {
        self.last += 1;
        1_000_000_000 + self.last
    }

    /// Sends a message as its protocol sends them.
    pub(crate) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.writer.frame(&Frame::new(self.protocol.opcode(), message)).await
    }

    /// Sends any frame.
    pub(crate) async fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.writer.frame(frame).await
    }

    /// The next thing that comes but pings, which are answered, and pongs.
    pub(crate) async fn heard(&mut self, within: Duration) -> Result<Heard> {
        let until = Instant::now() + within;
        loop {
            match self.reader.heard_until(until).await? {
                // The connection may be ending; then the next read says so.
                Heard::Ping(payload) => drop(self.frame(&Frame::new(frame::PONG, &payload)).await),
                Heard::Pong(_) => {}
                heard => return Ok(heard),
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// None comes within the time, or it is none of the protocol.
    pub(crate) async fn answer(&mut self, within: Duration) -> Result<Answer> {
        match self.heard(within).await? {
            Heard::Message(opcode, payload) if opcode == self.protocol.opcode() => {
                Ok(self.protocol.answer(&payload)?)
            }
            other => Err(format!("instead of an answer: {other:?}").into()),
        }
    }

    /// The answer to a call; what comes in between for other calls is passed over.
    pub(crate) async fn answer_to(&mut self, id: i64, within: Duration) -> Result<Said> {
        let until = Instant::now() + within;
        loop {
            let answer = self.answer(until.saturating_duration_since(Instant::now())).await?;
            if !self.protocol.has_ids() || answer.id == json!(id) {
                return Ok(answer.said);
            }
        }
    }

    /// Calls `add`, and looks whether the answer is right.
    pub(crate) async fn works(&mut self, within: Duration) -> Result {
        let id = self.fresh_id();
        self.send(&self.protocol.add(id, id, -1)).await?;
        let said = self.answer_to(id, within).await?;
        ensure!(said == Said::Item(json!(id - 1)), "`add` is answered with {said:?}");
        Ok(())
    }

    /// Calls `add`, and tells whether it is answered or the connection closed, which it may have been before.
    ///
    /// # Errors
    ///
    /// Nothing is said, or the wrong thing.
    pub(crate) async fn fate(&mut self, within: Duration) -> Result<Fate> {
        let until = Instant::now() + within;
        let id = self.fresh_id();
        // Whether it could be sent is told by what comes.
        let _ = self.send(&self.protocol.add(id, id, -1)).await;
        let expected = Value::from(id - 1);
        loop {
            match self.heard(until.saturating_duration_since(Instant::now())).await? {
                Heard::Message(_, payload) => {
                    // Of protocols without ids the sum tells, which nothing else answers.
                    match self.protocol.answer(&payload) {
                        Ok(Answer { said: Said::Item(value), .. }) if value == expected => {
                            return Ok(Fate::Answered);
                        }
                        _ => {}
                    }
                }
                Heard::Close(code, _) => return Ok(Fate::Closed(code)),
                Heard::Ended(_) => return Ok(Fate::Closed(None)),
                Heard::Silence => {
                    return Err(format!("neither an answer nor a close within {within:?}").into());
                }
                Heard::Ping(_) | Heard::Pong(_) => {}
            }
        }
    }

    /// Waits for a close frame with one of these codes, does not answer it, and waits for the end of the TCP connection.
    /// Messages that come before are passed over.
    pub(crate) async fn closes(&mut self, codes: &[u16], within: Duration) -> Result<u16> {
        let until = Instant::now() + within;
        let code = loop {
            match self.reader.heard_until(until).await? {
                Heard::Close(Some(code), reason) => {
                    ensure!(codes.contains(&code), "closed with {code} {reason:?} instead of {codes:?}");
                    break code;
                }
                Heard::Message(..) | Heard::Ping(_) | Heard::Pong(_) => {}
                other => return Err(format!("instead of a close with {codes:?}: {other:?}").into()),
            }
        };
        self.reader.drained(CLOSE).await.context("after the close frame")?;
        Ok(code)
    }

    /// Closes as one should, and waits for the end.
    pub(crate) async fn close(mut self) -> Result {
        self.frame(&Frame::new(frame::CLOSE, &Frame::close_payload(1000, ""))).await?;
        self.closes(&[1000], PATIENCE).await.map(drop)
    }

    /// The socket itself, for what is done to it.
    pub(crate) fn into_stream(self) -> Result<TcpStream> {
        self.reader.stream.reunite(self.writer.stream).map_err(|_| "two halves of different sockets".into())
    }

    /// Ends with RST.
    pub(crate) fn reset(self) -> Result {
        linger_not(&self.into_stream()?)
    }
}

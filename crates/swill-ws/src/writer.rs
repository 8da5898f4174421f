//! The sending half: frames appended to the caller's write buffer.

use std::cmp::Ordering;

use crate::deflate::Deflater;
use crate::header::{self, CONTROL, FIN, MASKED, Opcode, RSV1};
use crate::{Config, Kind, Role, Violation, close, mask};

/// How far the closing handshake has come (RFC 6455 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Messages flow both ways.
    Open,
    /// Our close frame is out, the peer's is awaited. What else arrives is parsed and dropped. How long to wait
    /// is the driver's business.
    Closing,
    /// It is over, by both close frames or by a [`Violation`]: write what is left of the output, then end the
    /// TCP connection. Input is discarded.
    Closed,
}

/// A message begun with [`Writer::begin`]; give it to [`Writer::finish`] or [`Writer::abandon`].
#[derive(Debug)]
#[must_use = "the message is on the wire only after `finish`"]
pub struct Start {
    /// Where in the output the frame starts.
    offset: usize,
    /// Bytes reserved for its head, key included.
    size: usize,
    first: u8,
}

/// The sending half of a [`WebSocket`](crate::WebSocket). Everything it writes is appended to the `out` it is
/// given, which is the connection's write buffer; nothing is kept back.
///
/// After the close frame nothing more may be sent (RFC 6455 §5.5.1): every method then leaves `out` as it was.
#[derive(Debug)]
pub struct Writer {
    role: Role,
    state: State,
    /// Payloads up to this length are never compressed. Those of no bytes are among them.
    plain: usize,
    deflater: Option<Box<Deflater>>,
}

impl Writer {
    pub(crate) fn new(config: &Config) -> Self {
        let deflater = config
            .deflate
            .and_then(|negotiated| Deflater::new(&negotiated, config.role, config.compression.level))
            .map(Box::new);
        let plain = deflater.as_ref().map_or(usize::MAX, |_| config.compression.threshold.saturating_sub(1));
        Writer { role: config.role, state: State::Open, plain, deflater }
    }

    /// How far the closing handshake has come.
    #[inline]
    pub fn state(&self) -> State {
        self.state
    }

    /// Sends a message whose payload is at hand, as one frame.
    ///
    /// For a payload that is still to be encoded, [`begin`](Writer::begin) saves the copy.
    #[inline]
    pub fn send(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        if self.role == Role::Server && self.state == State::Open && payload.len() <= self.plain {
            if let len @ 0..=125 = payload.len() {
                out.reserve(2 + len);
                out.extend_from_slice(&[first_byte(kind), len as u8]);
                out.extend_from_slice(payload);
                return;
            }
            let (head, size) = header::encode(first_byte(kind), 0, payload.len());
            out.reserve(head.len() + payload.len());
            out.extend_from_slice(head.get(..size).unwrap_or_default());
            out.extend_from_slice(payload);
            return;
        }
        out.reserve(payload.len() + header::LONGEST);
        let start = self.begin(kind, payload.len(), out);
        out.extend_from_slice(payload);
        self.finish(start, out);
    }

    /// Begins a message: append its payload to `out`, and nothing else, then call [`finish`](Writer::finish).
    ///
    /// `expected` is a guess at the payload's length. It decides how many bytes are reserved for the head (2 up
    /// to 125, 4 up to 65,535, else 10; 4 more on a client); if it was wrong, `finish` moves the payload by a
    /// few bytes.
    ///
    /// ```
    /// use swill_ws::{Config, Kind, WebSocket};
    ///
    /// let mut server = WebSocket::new(&Config::server());
    /// let mut out = Vec::new();
    /// let start = server.begin(Kind::Text, 10, &mut out);
    /// out.extend_from_slice(b"hello");
    /// server.finish(start, &mut out);
    /// assert_eq!(out, b"\x81\x05hello");
    /// ```
    #[inline]
    pub fn begin(&mut self, kind: Kind, expected: usize, out: &mut Vec<u8>) -> Start {
        let first = first_byte(kind);
        let offset = out.len();
        let size = match (self.role, expected) {
            (Role::Server, 0..=125) => {
                out.extend_from_slice(&[first, 0]);
                2
            }
            (Role::Server, 126..=0xffff) => {
                out.extend_from_slice(&[first, 126, 0, 0]);
                4
            }
            _ => {
                let size = header::size(expected) + self.key_size();
                out.resize(offset + size, 0);
                size
            }
        };
        Start { offset, size, first }
    }

    /// Ends a message: writes its head before the payload, compresses the payload if that was negotiated and it
    /// is long enough, masks it on a client.
    #[inline]
    pub fn finish(&mut self, start: Start, out: &mut Vec<u8>) {
        // Only a server's frames have heads of 2 or 4 bytes, and `begin` has written all of them but the length.
        if self.state == State::Open
            && let Some(frame) = out.get_mut(start.offset..)
        {
            match (start.size, frame) {
                (2, [_, length, payload @ ..]) if payload.len() <= self.plain.min(125) => {
                    *length = payload.len() as u8;
                    return;
                }
                (4, [_, _, length0, length1, payload @ ..])
                    if (126..=self.plain.min(0xffff)).contains(&payload.len()) =>
                {
                    [*length0, *length1] = (payload.len() as u16).to_be_bytes();
                    return;
                }
                _ => {}
            }
        }
        self.finish_any(start, out);
    }

    /// [`finish`](Writer::finish) for whatever is not short, plain and from a server.
    #[expect(clippy::needless_pass_by_value, reason = "a message ends once")]
    fn finish_any(&mut self, start: Start, out: &mut Vec<u8>) {
        let Start { offset, size, mut first } = start;
        let body = offset + size;
        if self.state != State::Open || out.len() < body {
            out.truncate(offset);
            return;
        }
        if out.len() - body > self.plain
            && let Some(deflater) = &mut self.deflater
            && deflater.compress(out, body)
        {
            first |= RSV1;
        }
        let len = out.len() - body;
        let needed = header::size(len) + self.key_size();
        match needed.cmp(&size) {
            Ordering::Greater => {
                out.resize(out.len() + needed - size, 0);
                out.copy_within(body..body + len, offset + needed);
            }
            Ordering::Less => {
                out.copy_within(body.., offset + needed);
                out.truncate(offset + needed + len);
            }
            Ordering::Equal => {}
        }
        if let Some(frame) = out.get_mut(offset..) {
            self.fill(first, len, frame);
        }
    }

    /// Gives up a message begun: takes it out of `out` again.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a message ends once")]
    pub fn abandon(&mut self, start: Start, out: &mut Vec<u8>) {
        out.truncate(start.offset);
    }

    /// Sends a ping (RFC 6455 §5.5.2). Of a payload over 125 bytes the rest is cut off.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.state == State::Open {
            self.control(Opcode::Ping, payload.get(..CONTROL).unwrap_or(payload), out);
        }
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.state == State::Open {
            self.control(Opcode::Pong, payload, out);
        }
    }

    /// Starts the closing handshake (RFC 6455 §7.1.2), once: later calls do nothing.
    ///
    /// `code` is one of 1000 to 1003, 1007 to 1014, or 3000 to 4999. 1005 ("no code") sends a close frame
    /// without body; any other code is one that must not be on the wire (RFC 6455 §7.4) and is replaced by 1011
    /// (internal error). Of a `reason` over 123 bytes whole characters are cut off at the end.
    pub fn close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Closing;
        if code == 1005 {
            self.control(Opcode::Close, &[], out);
            return;
        }
        let code = if close::is_allowed(code) { code } else { 1011 };
        let reason = close::fit(reason);
        let mut body = Vec::with_capacity(CONTROL);
        body.extend_from_slice(&code.to_be_bytes());
        body.extend_from_slice(reason.as_bytes());
        self.control(Opcode::Close, &body, out);
    }

    /// The peer has sent its close frame: echoes the code if ours is not out yet.
    pub(crate) fn answer_close(&mut self, code: Option<u16>, out: &mut Vec<u8>) {
        self.close(code.unwrap_or(1005), "", out);
        self.state = State::Closed;
    }

    /// The peer broke the rules: says so if our close frame is not out yet.
    #[cold]
    pub(crate) fn fail(&mut self, violation: &Violation, out: &mut Vec<u8>) {
        self.close(violation.code, violation.reason, out);
        self.state = State::Closed;
    }

    fn key_size(&self) -> usize {
        match self.role {
            Role::Server => 0,
            Role::Client => 4,
        }
    }

    /// Appends a control frame; `payload` is at most 125 bytes.
    fn control(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let offset = out.len();
        let size = 2 + self.key_size();
        out.resize(offset + size, 0);
        out.extend_from_slice(payload);
        if let Some(frame) = out.get_mut(offset..) {
            self.fill(FIN | opcode.byte(), payload.len(), frame);
        }
    }

    /// Writes the head into a frame that has room for it, and masks the payload behind it on a client.
    fn fill(&self, first: u8, len: usize, frame: &mut [u8]) {
        let mask_bit = if self.role == Role::Client { MASKED } else { 0 };
        let (head, size) = header::encode(first, mask_bit, len);
        let (Some(head), Some((place, rest))) = (head.get(..size), frame.split_at_mut_checked(size)) else {
            return;
        };
        place.copy_from_slice(head);
        if self.role == Role::Client
            && let Some((place, payload)) = rest.split_first_chunk_mut()
        {
            *place = mask::fresh_key();
            mask::apply(payload, *place);
        }
    }
}

/// The first byte of a message in one frame.
#[inline]
fn first_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Text => FIN | 0x1,
        Kind::Binary => FIN | 0x2,
    }
}

//! Both halves together.

use bytes::BufMut;

use crate::{Config, Event, Input, Kind, Reader, Start, State, Violation, Writer};

/// One side of one WebSocket connection after the opening handshake, as a state machine: see the
/// [crate's documentation](crate).
///
/// It is made of a [`Reader`] and a [`Writer`]. The methods here are theirs; [`split`](WebSocket::split) gives
/// both at once, which is what a driver wants that answers a message while it still borrows it.
#[derive(Debug)]
pub struct WebSocket {
    reader: Reader,
    writer: Writer,
}

impl WebSocket {
    /// A connection on which no frame has been sent or received.
    pub fn new(config: &Config) -> Self {
        WebSocket { reader: Reader::new(config), writer: Writer::new(config) }
    }

    /// The two halves. Events borrow from the reader (and the input), so the writer stays free to answer.
    ///
    /// ```
    /// use swill_ws::{Config, Event, Input, WebSocket};
    ///
    /// let mut server = WebSocket::new(&Config::server());
    /// let mut bytes = *b"\x82\x82\x01\x02\x03\x04\x69\x6b";
    /// let mut input = Input::new(&mut bytes);
    /// let mut out = Vec::new();
    /// let (reader, writer) = server.split();
    /// while let Some(event) = reader.receive(&mut input, writer, &mut out)? {
    ///     if let Event::Message { kind, data } = event {
    ///         writer.send(kind, data, &mut out);
    ///     }
    /// }
    /// assert_eq!(out, b"\x82\x02hi");
    /// # Ok::<(), swill_ws::Violation>(())
    /// ```
    #[inline]
    pub fn split(&mut self) -> (&mut Reader, &mut Writer) {
        (&mut self.reader, &mut self.writer)
    }

    /// See [`Reader::receive`].
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or a limit.
    // As for `Reader::receive`.
    #[inline(always)]
    pub fn receive<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Violation> {
        self.reader.receive(input, &mut self.writer, out)
    }

    /// See [`Reader::payload_buffer`].
    pub fn payload_buffer(&mut self) -> Option<impl BufMut + '_> {
        self.reader.payload_buffer()
    }

    /// See [`Reader::buffered`].
    pub fn buffered(&self) -> usize {
        self.reader.buffered()
    }

    /// See [`Writer::send`].
    #[inline]
    pub fn send(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        self.writer.send(kind, payload, out);
    }

    /// See [`Writer::begin`].
    #[inline]
    pub fn begin(&mut self, kind: Kind, expected: usize, out: &mut Vec<u8>) -> Start {
        self.writer.begin(kind, expected, out)
    }

    /// See [`Writer::finish`].
    #[inline]
    pub fn finish(&mut self, start: Start, out: &mut Vec<u8>) {
        self.writer.finish(start, out);
    }

    /// See [`Writer::abandon`].
    #[inline]
    pub fn abandon(&mut self, start: Start, out: &mut Vec<u8>) {
        self.writer.abandon(start, out);
    }

    /// See [`Writer::ping`].
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.writer.ping(payload, out);
    }

    /// See [`Writer::close`].
    pub fn close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        self.writer.close(code, reason, out);
    }

    /// See [`Writer::state`].
    #[inline]
    pub fn state(&self) -> State {
        self.writer.state()
    }
}

//! The receiving half: bytes in, events out.
//!
//! A frame that is complete in the input never leaves it. Everything else goes through a `Partial`, which exists
//! only while something is incomplete, so that an idle connection keeps nothing on the heap.

use bytes::BufMut;

use crate::deflate::Inflater;
use crate::header::{Header, LONGEST, MASKED, Opcode, Rules};
use crate::partial::{Assembly, Frame, Partial, not_utf8};
use crate::{Config, Event, Input, Kind, Limit, Limits, Role, State, Violation, Writer, close, mask, weak};

/// A payload of which less than this is missing is read through the driver's own buffer: the read may bring
/// the next messages as well, which is worth more than the copy saved.
const DIRECT: usize = 16 << 10;

/// What a buffer for a direct read grows by at least.
const CHUNK: usize = 64 << 10;

/// The receiving half of a [`WebSocket`](crate::WebSocket).
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    /// Frames up to this length, below 64 KiB, are within every limit.
    quick: usize,
    /// `MASKED` where frames have to be masked, 0 where they must not be.
    mask: u8,
    inflater: Option<Box<Inflater>>,
    partial: Option<Box<Partial>>,
}

/// A frame of the one case that matters. Positions count from its first byte.
struct Short {
    kind: Kind,
    start: usize,
    end: usize,
}

/// An event before it borrows anything. Ranges are in the input; "held" ones in the `Partial`.
enum Step {
    Message { kind: Kind, start: usize, end: usize },
    HeldMessage(Kind),
    Control { opcode: Opcode, start: usize, end: usize },
    HeldControl(Opcode),
}

impl Reader {
    pub(crate) fn new(config: &Config) -> Self {
        Reader {
            limits: config.limits,
            quick: config.limits.message.min(config.limits.frame).min(0xffff),
            mask: if config.role == Role::Server { MASKED } else { 0 },
            inflater: config.deflate.map(|negotiated| Box::new(Inflater::new(&negotiated, config.role))),
            partial: None,
        }
    }

    /// Takes the next event out of `input`, starting at its cursor.
    ///
    /// Call it until it returns `None`: then everything in the input has been taken, and the machine keeps what
    /// was incomplete (at most 14 bytes of a head, and the payload received so far). Automatic answers are
    /// written by `writer` to `out`: pongs, the echo of a close frame, the close frame for a violation.
    ///
    /// A message that is one uncompressed frame and complete in the input is unmasked in place and borrows from
    /// it, without a copy or an allocation. Other messages are put together in one contiguous buffer, which
    /// grows with the bytes received, never with the bytes announced, and is released with the next call.
    ///
    /// While [`State::Closing`], messages, pings and pongs are dropped and only the peer's close is returned;
    /// in [`State::Closed`] all input is discarded.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or a limit. Events before that have been returned; the close frame is in
    /// `out`; input is discarded from here on.
    // A call and a result in memory would cost a quarter of what a short message costs.
    #[inline(always)]
    pub fn receive<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Violation> {
        // The one case that matters: a plain message in one frame under 64 KiB, complete.
        if self.partial.is_none()
            && writer.state() == State::Open
            && let Some(short) = self.short(input.rest())
            && short.end <= input.remaining()
        {
            let (start, all) = (input.at, input.bytes.len());
            input.at += short.end;
            let frame = input.bytes.get_mut(start..input.at).unwrap_or_default();
            let (head, data) = frame.split_at_mut(short.start);
            if self.mask != 0
                && let Some(key) = head.last_chunk()
            {
                mask::apply(data, *key);
            }
            if short.kind == Kind::Text && !is_utf8(data) {
                input.at = all;
                return Err(self.fail(not_utf8(), writer, out));
            }
            return Ok(Some(Event::Message { kind: short.kind, data }));
        }
        self.receive_any(input, writer, out)
    }

    /// Where the payload is if `bytes` start with the head of a plain message in one frame under 64 KiB.
    #[inline(always)]
    fn short(&self, bytes: &[u8]) -> Option<Short> {
        let &[first, second, ref rest @ ..] = bytes else {
            return None;
        };
        let kind = match first {
            0x81 => Kind::Text,
            0x82 => Kind::Binary,
            _ => return None,
        };
        // Over 127 if the mask bit is not as it should be.
        let (len, head) = match second ^ self.mask {
            len @ 0..=125 => (usize::from(len), 2),
            126 => match rest {
                &[high, low, ..] if high != 0 || low > 125 => {
                    (usize::from(u16::from_be_bytes([high, low])), 4)
                }
                _ => return None,
            },
            _ => return None,
        };
        let start = if self.mask == 0 { head } else { head + 4 };
        (len <= self.quick).then_some(Short { kind, start, end: start + len })
    }

    fn receive_any<'a>(
        &'a mut self,
        input: &'a mut Input<'_>,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Violation> {
        let step = match self.step(input, writer) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(None),
            Err(violation) => {
                input.discard();
                return Err(self.fail(violation, writer, out));
            }
        };
        let (opcode, payload) = match step {
            Step::Message { kind, start, end } => {
                let data = input.bytes.get(start..end).unwrap_or_default();
                return Ok(Some(Event::Message { kind, data }));
            }
            Step::HeldMessage(kind) => {
                let data = self.partial.as_deref().map_or(&[][..], |partial| &partial.data);
                return Ok(Some(Event::Message { kind, data }));
            }
            Step::Control { opcode, start, end } => (opcode, input.bytes.get(start..end).unwrap_or_default()),
            Step::HeldControl(opcode) => {
                (opcode, self.partial.as_deref().map_or(&[][..], |partial| &partial.control))
            }
        };
        Ok(Some(match opcode {
            Opcode::Ping => {
                writer.pong(payload, out);
                Event::Ping(payload)
            }
            Opcode::Pong => Event::Pong(payload),
            Opcode::Close if weak::is_off("after-close") => Event::Pong(payload),
            _ => {
                // `step` has read it before, so this cannot fail.
                let (code, reason) = close::parse(payload).unwrap_or_default();
                writer.answer_close(code, out);
                input.at = input.bytes.len();
                Event::Close { code, reason }
            }
        }))
    }

    /// Moves on to the next event; `None` when the input is used up.
    fn step(&mut self, input: &mut Input<'_>, writer: &Writer) -> Result<Option<Step>, Violation> {
        if writer.state() == State::Closed {
            input.discard();
            self.partial = None;
            return Ok(None);
        }
        let open = writer.state() == State::Open;
        loop {
            if self.partial.as_deref().is_some_and(Partial::is_idle) {
                self.partial = None;
            }
            if let Some(partial) = &mut self.partial
                && let Some(frame) = partial.frame
            {
                let done = if frame.opcode.is_control() {
                    partial.take_control(frame, input)
                } else if open {
                    partial.take_data(frame, input, &self.limits, self.inflater.as_deref_mut())?
                } else {
                    partial.drop_data(frame, input)
                };
                if !done {
                    return Ok(None);
                }
                if let Some(step) = self.ended(frame, open)? {
                    return Ok(Some(step));
                }
                continue;
            }
            let Some(header) = self.header(input)? else {
                return Ok(None);
            };
            if header.opcode.is_control() {
                if let Some((start, end)) = complete(&header, input) {
                    let opcode = header.opcode;
                    if opcode == Opcode::Close {
                        close::parse(input.bytes.get(start..end).unwrap_or_default())?;
                    }
                    if open || opcode == Opcode::Close {
                        return Ok(Some(Step::Control { opcode, start, end }));
                    }
                    continue;
                }
                let partial = self.partial.get_or_insert_default();
                partial.control.clear();
                // At most 125 bytes, by the header's own rules.
                partial.frame = Some(Frame::new(&header, header.len as usize));
                continue;
            }
            let len = self.admit(&header)?;
            if open
                && header.fin
                && !header.compressed
                && let Some(kind) = header.opcode.kind()
                && let Some((start, end)) = complete(&header, input)
            {
                if kind == Kind::Text && !is_utf8(input.bytes.get(start..end).unwrap_or_default()) {
                    return Err(not_utf8());
                }
                return Ok(Some(Step::Message { kind, start, end }));
            }
            let partial = self.partial.get_or_insert_default();
            partial.frame = Some(Frame::new(&header, len));
            match (&mut partial.message, header.opcode.kind()) {
                (Some(message), _) => {
                    message.fragments += 1;
                    message.empty_fragments += u32::from(len == 0);
                }
                (none, Some(kind)) => {
                    if weak::is_off("preallocation") {
                        partial.data.resize(len, 1);
                    }
                    partial.data.clear();
                    *none = Some(Assembly {
                        kind,
                        compressed: header.compressed,
                        fragments: 1,
                        empty_fragments: u32::from(len == 0),
                        unmasked: 0,
                        valid: 0,
                    });
                    if let Some(inflater) = &mut self.inflater
                        && header.compressed
                    {
                        inflater.begin();
                    }
                }
                // `admit` has refused it.
                (None, None) => return Err(Violation::protocol("continuation of nothing")),
            }
        }
    }

    /// Takes the head of the next frame; `None` if the input ends before it does.
    fn header(&mut self, input: &mut Input<'_>) -> Result<Option<Header>, Violation> {
        let rules = Rules { mask: self.mask, deflate: self.inflater.is_some() };
        let held = self.partial.as_deref().map_or(0, |partial| partial.head_len);
        if held == 0 {
            if let Some(header) = Header::parse(input.rest(), rules)? {
                input.at += header.size;
                return Ok(Some(header));
            }
            if !input.is_empty() {
                let rest = input.take(LONGEST);
                let partial = self.partial.get_or_insert_default();
                partial.head_len = rest.len();
                for (place, byte) in partial.head.iter_mut().zip(rest) {
                    *place = *byte;
                }
            }
            return Ok(None);
        }
        let partial = self.partial.get_or_insert_default();
        // A head is complete after 14 bytes at the latest, so there is always a place for one more.
        while let [byte] = *input.take(1)
            && let Some(place) = partial.head.get_mut(partial.head_len)
        {
            *place = byte;
            partial.head_len += 1;
            let head = partial.head.get(..partial.head_len).unwrap_or_default();
            if let Some(header) = Header::parse(head, rules)? {
                partial.head_len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Whether a data frame may come now and is within the limits; its length.
    fn admit(&self, header: &Header) -> Result<usize, Violation> {
        let message = self.partial.as_deref().and_then(|partial| partial.message.as_ref());
        match (message, header.opcode.kind()) {
            (None, None) => return Err(Violation::protocol("continuation of nothing")),
            (Some(_), Some(_)) if !weak::is_off("fragment-order") => {
                return Err(Violation::protocol("new message inside a fragmented one"));
            }
            _ => {}
        }
        let too_big = || Violation::too_big("message too big");
        // A length that does not fit into memory is over any limit.
        let len = usize::try_from(header.len).map_err(|_| too_big())?;
        let compressed = message.map_or(header.compressed, |message| message.compressed);
        let before =
            self.partial.as_deref().filter(|_| message.is_some()).map_or(0, |partial| partial.data.len());
        if len > self.limits.frame {
            return Err(Violation::too_big("frame too big"));
        }
        if !compressed && len > self.limits.message.saturating_sub(before) {
            return Err(too_big());
        }
        let (fragments, empty) =
            message.map_or((0, 0), |message| (message.fragments, message.empty_fragments));
        if fragments >= self.limits.fragments.max(1) {
            return Err(Violation::policy(Limit::Fragments, "too many fragments"));
        }
        let fragmented = message.is_some() || !header.fin;
        if len == 0 && fragmented && empty >= self.limits.empty_fragments {
            return Err(Violation::policy(Limit::EmptyFragments, "too many empty fragments"));
        }
        Ok(len)
    }

    /// The payload of `frame` is complete.
    fn ended(&mut self, frame: Frame, open: bool) -> Result<Option<Step>, Violation> {
        let Some(partial) = self.partial.as_deref_mut() else {
            return Ok(None);
        };
        partial.frame = None;
        if frame.opcode.is_control() {
            if frame.opcode == Opcode::Close {
                close::parse(&partial.control)?;
            }
            let reported = open || frame.opcode == Opcode::Close;
            return Ok(reported.then_some(Step::HeldControl(frame.opcode)));
        }
        if !frame.fin {
            return Ok(None);
        }
        let Some(mut message) = partial.message.take() else {
            return Ok(None);
        };
        if !open {
            return Ok(None);
        }
        if message.compressed
            && let Some(inflater) = self.inflater.as_deref_mut()
        {
            let inflated = inflater.finish(&mut partial.data, self.limits.message);
            message.check_inflated(inflated, &partial.data, self.limits.message)?;
        }
        if message.kind == Kind::Text && message.valid != partial.data.len() {
            return Err(not_utf8());
        }
        Ok(Some(Step::HeldMessage(message.kind)))
    }

    /// The buffer to read the socket into while a long uncompressed payload is arriving, `None` at other times.
    ///
    /// What is read there need not be copied again. The buffer takes at most what is missing of the frame, so a
    /// read cannot run into the next one; it has room for as many bytes as have arrived already, at least 64
    /// KiB, so that memory grows with what was received and not with what was announced. If less than 16 KiB
    /// are missing there is no such buffer, because an ordinary read then brings more than it copies.
    ///
    /// After the read, call [`receive`](Reader::receive) with an empty [`Input`]: the machine sees by itself
    /// how much has arrived. Dropping the buffer unused, or a read of nothing, is fine.
    ///
    /// ```no_run
    /// # use swill_ws::{Config, Input, WebSocket};
    /// # use std::io::Read;
    /// # use bytes::BufMut;
    /// # let (mut socket, mut ws, mut out, mut scratch) =
    /// #     (std::io::empty(), WebSocket::new(&Config::server()), Vec::new(), [0; 4096]);
    /// let mut fresh = 0;
    /// match ws.payload_buffer() {
    ///     // With tokio: `socket.read_buf(&mut buffer).await?`
    ///     Some(mut buffer) => {
    ///         let n = socket.read(&mut scratch)?;
    ///         buffer.put_slice(&scratch[..n]);
    ///     }
    ///     None => fresh = socket.read(&mut scratch)?,
    /// }
    /// let mut input = Input::new(&mut scratch[..fresh]);
    /// while let Some(event) = ws.receive(&mut input, &mut out)? { /* .. */ }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn payload_buffer(&mut self) -> Option<impl BufMut + '_> {
        let partial = self.partial.as_deref_mut()?;
        let frame = partial.frame.filter(|frame| !frame.opcode.is_control())?;
        let message = partial.message.as_ref().filter(|message| !message.compressed)?;
        let data = &mut partial.data;
        let missing = frame.missing.saturating_sub(data.len().saturating_sub(message.unmasked));
        if missing < DIRECT {
            return None;
        }
        let room = missing.min(data.len().max(CHUNK));
        if data.capacity() - data.len() < room.min(DIRECT) {
            data.reserve_exact(room);
        }
        Some((&mut *data).limit(missing))
    }

    /// Bytes of memory held for what is incomplete: 0 between messages, once `receive` has returned `None`.
    /// Compression contexts are not counted.
    pub fn buffered(&self) -> usize {
        self.partial
            .as_deref()
            .map_or(0, |partial| size_of::<Partial>() + partial.data.capacity() + partial.control.capacity())
    }

    /// The end: the close frame is written, everything else forgotten.
    #[cold]
    fn fail(&mut self, violation: Violation, writer: &mut Writer, out: &mut Vec<u8>) -> Violation {
        writer.fail(&violation, out);
        self.partial = None;
        self.inflater = None;
        violation
    }
}

/// If the whole payload of a frame is in the input: takes it, unmasks it and says where it is.
fn complete(header: &Header, input: &mut Input<'_>) -> Option<(usize, usize)> {
    let len = usize::try_from(header.len).ok().filter(|&len| len <= input.remaining())?;
    let start = input.at;
    mask::apply(input.take(len), header.key);
    Some((start, start + len))
}

/// Short texts are the common case and mostly ASCII, and for them the vector code's dispatch costs more than it
/// saves.
#[inline]
fn is_utf8(data: &[u8]) -> bool {
    weak::is_off("utf8") || (data.len() < 256 && is_ascii(data)) || simdutf8::basic::from_utf8(data).is_ok()
}

/// Without the early exit of the standard library's, which short texts are faster without.
#[inline]
fn is_ascii(data: &[u8]) -> bool {
    let (chunks, rest) = data.as_chunks::<8>();
    let chunks = chunks.iter().fold(0, |all, chunk| all | u64::from_ne_bytes(*chunk));
    let rest = rest.iter().fold(0, |all, byte| all | byte);
    (chunks | u64::from(rest)) & 0x8080_8080_8080_8080 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_messages_in_one_frame_take_the_short_way() {
        let limits = Limits { message: 256, ..Limits::default() };
        for (role, mask, key) in [(Role::Server, MASKED, 4), (Role::Client, 0, 0)] {
            let reader = Reader::new(&Config { limits, ..Config::new(role) });
            let table: [(&[u8], _); 9] = [
                (&[0x81, mask], Some((Kind::Text, 2, 0))),
                (&[0x82, mask | 125], Some((Kind::Binary, 2, 125))),
                (&[0x82, mask | 126, 0, 126], Some((Kind::Binary, 4, 126))),
                (&[0x81, mask | 126, 1, 0], Some((Kind::Text, 4, 256))),
                (&[0x81, mask | 126, 1, 1], None),
                (&[0x81, mask | 126, 0, 125], None),
                (&[0x81, mask | 127, 0, 0, 0, 0, 0, 1, 0, 0], None),
                (&[0x81, mask ^ MASKED], None),
                (&[0x01, mask], None),
            ];
            for (head, expected) in table {
                let short = reader.short(head).map(|it| (it.kind, it.start - key, it.end - it.start));
                assert_eq!(short, expected, "{head:x?} to {role:?}");
            }
        }
    }

    #[test]
    fn text_is_ascii_if_each_byte_is() {
        for len in 0..40 {
            assert!(is_ascii(&vec![0x7f; len]));
            for at in 0..len {
                let mut text = vec![0x7f; len];
                text[at] = 0x80;
                assert!(!is_ascii(&text), "{at} of {len}");
            }
        }
    }
}

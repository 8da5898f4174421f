//! What a connection keeps of frames and messages that are not complete.
//!
//! Takes payload from the input until a frame is complete: unmasked, inflated and checked as it arrives. What
//! frames may come and when, [`Reader`](crate::Reader) decides.

use crate::deflate::{InflateError, Inflater};
use crate::header::{Header, LONGEST, Opcode};
use crate::mask::{self, Key};
use crate::{Input, Kind, Limit, Limits, Violation, weak};

/// What has arrived of something incomplete. Events borrow from it, so it outlives the event by one call.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    /// The head of the next frame, as far as it is here.
    pub(crate) head: [u8; LONGEST],
    pub(crate) head_len: usize,
    /// The frame whose payload is arriving.
    pub(crate) frame: Option<Frame>,
    /// The payload of a control frame, as far as it is here; or the one last reported.
    pub(crate) control: Vec<u8>,
    /// The message that is being put together in `data`.
    pub(crate) message: Option<Assembly>,
    /// The payload of all its frames, unmasked and inflated; or the message last reported.
    pub(crate) data: Vec<u8>,
}

/// A frame whose payload is arriving.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    /// Rotated: its first byte belongs to the next byte.
    pub(crate) key: Key,
    pub(crate) missing: usize,
}

/// A message of which the end is not here.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) kind: Kind,
    pub(crate) compressed: bool,
    pub(crate) fragments: u32,
    pub(crate) empty_fragments: u32,
    /// Bytes of `data` that are unmasked. What lies behind came by [`Reader::payload_buffer`].
    pub(crate) unmasked: usize,
    /// Bytes of `data` known to be UTF-8; at most three fewer than there are.
    pub(crate) valid: usize,
}

impl Partial {
    pub(crate) fn is_idle(&self) -> bool {
        self.head_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Takes what the input has of a control frame; whether it is complete.
    pub(crate) fn take_control(&mut self, frame: Frame, input: &mut Input<'_>) -> bool {
        let bytes = input.take(frame.missing);
        mask::apply(bytes, frame.key);
        self.control.extend_from_slice(bytes);
        self.taken(frame, bytes.len())
    }

    /// Takes what the input has of a data frame; whether the frame is complete.
    pub(crate) fn take_data(
        &mut self,
        frame: Frame,
        input: &mut Input<'_>,
        limits: &Limits,
        inflater: Option<&mut Inflater>,
    ) -> Result<bool, Violation> {
        let Some(message) = &mut self.message else {
            return Ok(true);
        };
        let data = &mut self.data;
        if message.compressed {
            let bytes = input.take(frame.missing);
            mask::apply(bytes, frame.key);
            let inflated = inflater.map_or(Ok(()), |inflater| inflater.push(bytes, data, limits.message));
            message.check_inflated(inflated, data, limits.message)?;
            return Ok(self.taken(frame, bytes.len()));
        }
        let direct = data.len() - message.unmasked;
        let bytes = input.take(frame.missing.saturating_sub(direct));
        // The end of the frame is the end of the message, or else anything up to the limit may follow.
        let end = if frame.fin { message.unmasked + frame.missing } else { limits.message };
        make_room(data, bytes.len(), end);
        data.extend_from_slice(bytes);
        let taken = direct + bytes.len();
        mask::apply(data.get_mut(message.unmasked..).unwrap_or_default(), frame.key);
        message.unmasked = data.len();
        message.check_utf8(data)?;
        Ok(self.taken(frame, taken))
    }

    /// Forgets what the input has of a data frame; whether the frame is complete.
    pub(crate) fn drop_data(&mut self, frame: Frame, input: &mut Input<'_>) -> bool {
        let direct = match &mut self.message {
            Some(message) if !message.compressed => {
                let direct = self.data.len().saturating_sub(message.unmasked);
                message.unmasked = 0;
                direct
            }
            _ => 0,
        };
        self.data = Vec::new();
        let bytes = input.take(frame.missing.saturating_sub(direct)).len();
        self.taken(frame, direct + bytes)
    }

    /// Notes that `len` bytes of the frame's payload have been dealt with; whether that was all of it.
    pub(crate) fn taken(&mut self, frame: Frame, len: usize) -> bool {
        let missing = frame.missing.saturating_sub(len);
        self.frame = Some(Frame { missing, key: mask::rotate(frame.key, len), ..frame });
        missing == 0
    }
}

impl Frame {
    pub(crate) fn new(header: &Header, len: usize) -> Self {
        Frame { opcode: header.opcode, fin: header.fin, key: header.key, missing: len }
    }
}

impl Assembly {
    /// Checks what is new in a text. A character that is not complete waits for the rest, unless no rest could
    /// complete it.
    pub(crate) fn check_utf8(&mut self, data: &[u8]) -> Result<(), Violation> {
        if self.kind == Kind::Binary {
            return Ok(());
        }
        if weak::is_off("utf8") {
            self.valid = data.len();
            return Ok(());
        }
        match simdutf8::compat::from_utf8(data.get(self.valid..).unwrap_or_default()) {
            Ok(_) => self.valid = data.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(not_utf8()),
        }
        Ok(())
    }

    /// Checks what came out of the inflater, even if it failed: bad text before that is what went wrong first,
    /// and what is reported must not depend on how much arrived at once.
    pub(crate) fn check_inflated(
        &mut self,
        inflated: Result<(), InflateError>,
        data: &[u8],
        limit: usize,
    ) -> Result<(), Violation> {
        self.check_utf8(data.get(..limit).unwrap_or(data))?;
        inflated.map_err(inflate_violation)
    }
}

/// Reserves for `extra` more bytes: doubling, but not beyond `end` bytes in all.
fn make_room(data: &mut Vec<u8>, extra: usize, end: usize) {
    if data.capacity() - data.len() < extra {
        let capacity = end.min(data.capacity().saturating_mul(2)).max(data.len() + extra);
        data.reserve_exact(capacity - data.len());
    }
}

#[cold]
pub(crate) fn not_utf8() -> Violation {
    Violation::data("text is not UTF-8")
}

#[cold]
pub(crate) fn inflate_violation(error: InflateError) -> Violation {
    match error {
        InflateError::Broken => Violation::data("broken compression"),
        InflateError::TooBig => Violation::too_big("message too big after decompression"),
        InflateError::TooManyStreams => {
            Violation::policy(Limit::FinalBlocks, "too many final blocks in a message")
        }
    }
}

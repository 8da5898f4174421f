//! Decompression of messages that arrive in pieces, never beyond the limit.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use super::Negotiated;
use crate::{Role, weak};

/// What a sender cuts off the end of every message (RFC 7692 §7.2.1), put back here.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An empty final block: behind the tail it ends the stream, unless the message was cut off in the middle.
const LAST: [u8; 2] = [0x03, 0x00];

/// Final blocks (BFINAL) in one message. Each costs a fresh context for a sender's two bytes, so a message full
/// of them would be an attack; a sender that ends a stream per write needs a few.
const STREAMS: u32 = 1_000;

/// The largest window. A context for it also reads what was written with a smaller one, and with zlib-rs takes no more
/// memory.
const WINDOW: usize = 32_768;

/// The first and smallest growth of the output.
const CHUNK: usize = 4 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InflateError {
    Broken,
    TooBig,
    TooManyStreams,
}

/// The decompressing side of a connection.
#[derive(Debug)]
pub(crate) struct Inflater {
    takeover: bool,
    context: Option<Decompress>,
    /// Whether the current message had any bytes. Some senders make an empty message of none.
    fed: bool,
    /// A final block has ended: the next byte starts a new stream.
    ended: bool,
    streams: u32,
}

thread_local! {
    /// The context for connections without context takeover. Making one takes 0.3 µs and 46 KiB, resetting one
    /// next to nothing, and a message is hardly ever interrupted: one per thread serves all its connections. A
    /// message that is interrupted keeps its context until it is complete; meanwhile others make new ones.
    static SHARED: Cell<Option<Decompress>> = const { Cell::new(None) };
}

impl Inflater {
    pub(crate) fn new(negotiated: &Negotiated, role: Role) -> Self {
        Inflater {
            takeover: negotiated.side(role.other()).takeover,
            context: None,
            fed: false,
            ended: false,
            streams: 0,
        }
    }

    /// A message starts.
    pub(crate) fn begin(&mut self) {
        self.fed = false;
        self.streams = 0;
        if !self.takeover {
            self.ended = false;
            self.context = None;
        }
    }

    /// Inflates the next bytes of a message to the end of `data`, which holds what came before in the same
    /// message. Stops soon after `limit`.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
        data: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), InflateError> {
        if !input.is_empty() {
            self.fed = true;
        }
        while !input.is_empty() {
            if self.ended {
                self.restart(data)?;
            }
            let context = self.context.get_or_insert_with(fresh);
            let (read, written) = (context.total_in(), data.len());
            self.ended = step(context, input, data, limit)?;
            // No more than there was.
            let read = (context.total_in() - read) as usize;
            input = input.get(read..).unwrap_or_default();
            // A full buffer may have left something inside, even if all input is in.
            while !self.ended && data.len() == data.capacity() {
                self.ended = step(context, &[], data, limit)?;
            }
            if read == 0 && data.len() == written && !self.ended {
                return Err(InflateError::Broken);
            }
        }
        Ok(())
    }

    /// The message is complete.
    pub(crate) fn finish(&mut self, data: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
        // A message that ends with a final block lacks the start of the empty block that the tail belongs to.
        // RFC 7692 §7.2.3.4 wants it, but what was meant is clear.
        if self.fed && !self.ended {
            let len = data.len();
            self.push(&TAIL, data, limit)?;
            if !self.takeover {
                self.push(&LAST, data, limit)?;
            }
            // The tail is the end of an empty block. If it was taken for anything else, the data broke off.
            if data.len() != len || self.ended == self.takeover {
                return Err(InflateError::Broken);
            }
        }
        if !self.takeover
            && let Some(context) = self.context.take()
        {
            SHARED.set(Some(context));
        }
        Ok(())
    }

    /// Starts a new stream after a final block (RFC 7692 §7.2.3.4). It may refer to what came before it in the
    /// same message. What lies further back is out of reach: a sender that ended its stream has forgotten it.
    #[cold]
    fn restart(&mut self, data: &[u8]) -> Result<(), InflateError> {
        self.ended = false;
        self.streams += 1;
        if self.streams > STREAMS && !weak::is_off("inflate-streams") {
            return Err(InflateError::TooManyStreams);
        }
        if let Some(context) = &mut self.context {
            context.reset(false);
            let window = data.len().saturating_sub(WINDOW);
            if !data.is_empty() {
                context
                    .set_dictionary(data.get(window..).unwrap_or_default())
                    .map_err(|_| InflateError::Broken)?;
            }
        }
        Ok(())
    }
}

/// Inflates as far as there is input and room, after making room if there is none. Whether the stream has ended.
fn step(
    context: &mut Decompress,
    input: &[u8],
    data: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, InflateError> {
    if data.len() == data.capacity() {
        // One byte more than allowed is enough to know.
        let limit = if weak::is_off("inflate") { usize::MAX } else { limit };
        let allowed = limit.saturating_sub(data.len()).saturating_add(1);
        data.reserve_exact(data.len().max(CHUNK).min(allowed));
    }
    let status = context.decompress_vec(input, data, FlushDecompress::Sync);
    if data.len() > limit && !weak::is_off("inflate") {
        return Err(InflateError::TooBig);
    }
    Ok(status.map_err(|_| InflateError::Broken)? == Status::StreamEnd)
}

/// A context that has seen nothing.
fn fresh() -> Decompress {
    match SHARED.take() {
        Some(mut context) => {
            context.reset(false);
            context
        }
        None => Decompress::new(false),
    }
}

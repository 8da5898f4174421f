//! Compression of whole messages.

use std::cell::Cell;

use flate2::{Compress, FlushCompress, Status};

use super::Negotiated;
use crate::Role;

/// What a flush ends with and a message leaves out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The compressing side of a connection.
#[derive(Debug)]
pub(crate) struct Deflater {
    settings: Settings,
    takeover: bool,
    /// Kept between messages only with context takeover.
    context: Option<Compress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    level: u8,
    bits: u8,
}

thread_local! {
    /// The context for connections without context takeover, with the settings it was made for. Making one takes
    /// 4 µs and 370 KiB, resetting one 1.6 µs, compressing a kilobyte about 2 µs. A message is compressed in one
    /// go, so one per thread is all there can be in use.
    static SHARED: Cell<Option<(Settings, Compress)>> = const { Cell::new(None) };
}

impl Deflater {
    /// `None` if this side cannot compress within what was agreed, and so sends everything as it is.
    pub(crate) fn new(negotiated: &Negotiated, role: Role, level: u8) -> Option<Self> {
        let ours = negotiated.side(role);
        // zlib knows no raw window of 8 bits.
        (9..=15).contains(&ours.bits).then(|| Deflater {
            settings: Settings { level: level.min(9), bits: ours.bits },
            takeover: ours.takeover,
            context: None,
        })
    }

    /// Compresses `out[start..]` in place. If that is not worth it, leaves it alone and returns false.
    pub(crate) fn compress(&mut self, out: &mut Vec<u8>, start: usize) -> bool {
        let end = out.len();
        let len = end - start;
        // Only what is shorter is of use, but a context must not be cut short: see `run`. Fixed codes, the worst
        // case, take 9 bits for a byte.
        out.resize(end + len + len / 8 + 64, 0);
        let (payload, room) = out.split_at_mut(end);
        let payload = payload.get(start..).unwrap_or_default();
        let size = self.run(payload, room);
        match size {
            Some(size) => {
                out.copy_within(end..end + size, start);
                out.truncate(start + size);
                true
            }
            None => {
                out.truncate(end);
                false
            }
        }
    }

    /// Compresses `payload` into `room`; `None` if it does not get shorter.
    ///
    /// In that case the context is lost. The next message starts with a fresh one, which is always right: it
    /// refers to less than the receiver remembers.
    fn run(&mut self, payload: &[u8], room: &mut [u8]) -> Option<usize> {
        let mut context = self.context.take().unwrap_or_else(|| fresh(self.settings));
        let before = context.total_out();
        let status = context.compress(payload, room, FlushCompress::Sync);
        // No more than there was room for.
        let size = (context.total_out() - before) as usize;
        let complete = matches!(status, Ok(Status::Ok))
            && size < room.len()
            && room.get(..size).is_some_and(|written| written.ends_with(&TAIL));
        let size = size.saturating_sub(TAIL.len());
        let useful = complete && size < payload.len();
        // A context that did not get rid of all its output is dropped: zlib-rs 0.6 does not forget that output on
        // a reset, and panics later.
        if complete && !self.takeover {
            SHARED.set(Some((self.settings, context)));
        } else if useful {
            self.context = Some(context);
        }
        useful.then_some(size)
    }
}

/// A context that has seen nothing.
fn fresh(settings: Settings) -> Compress {
    match SHARED.take() {
        Some((made_for, mut context)) if made_for == settings => {
            context.reset();
            context
        }
        other => {
            SHARED.set(other);
            let level = flate2::Compression::new(settings.level.into());
            Compress::new_with_window_bits(level, false, settings.bits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflater(level: u8) -> Deflater {
        let negotiated = Negotiated {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        Deflater::new(&negotiated, Role::Server, level).unwrap()
    }

    /// Whether the thread has a context to spare.
    fn spare() -> bool {
        let shared = SHARED.take();
        let there = shared.is_some();
        SHARED.set(shared);
        there
    }

    #[test]
    fn what_fills_its_room_may_not_be_all_there_is() {
        let payload = "a line of many\n".repeat(20);
        let mut deflater = deflater(6);
        let all = deflater.run(payload.as_bytes(), &mut [0; 1000]).unwrap() + TAIL.len();
        let mut room = vec![0; all + 3];
        for len in 0..room.len() {
            // What a message before this one has left there is no part of it.
            room.fill(0xff);
            room[len.saturating_sub(TAIL.len())..len]
                .copy_from_slice(&TAIL[TAIL.len() - len.min(TAIL.len())..]);
            let expected = (len > all).then_some(all - TAIL.len());
            assert_eq!(deflater.run(payload.as_bytes(), &mut room[..len]), expected, "{len} of {all}");
            assert_eq!(spare(), expected.is_some(), "a context that was cut short is not used again");
        }
    }

    #[test]
    fn there_is_room_for_what_gets_longer() {
        let mut state = 1_u32;
        // Bytes that take 9 bits each in fixed codes.
        let long = (0..100_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            144 + (state >> 24) as u8 % 112
        });
        let long: Vec<u8> = long.collect();
        for len in [1, 7, 100, 1000, long.len()] {
            for level in 0..=9 {
                let mut out = long[..len].to_vec();
                let shorter = deflater(level).compress(&mut out, 0);
                assert!(if shorter { out.len() < len } else { out == long[..len] });
                assert!(spare(), "{len} bytes at level {level} do not fit");
                SHARED.take();
            }
        }
    }

    #[test]
    fn one_context_serves_those_with_the_same_settings() {
        let [payload, mut room] = [[b'x'; 200], [0; 200]];
        deflater(1).run(&payload, &mut room).unwrap();
        assert!(spare());
        drop(fresh(Settings { level: 2, bits: 15 }));
        assert!(spare(), "it is for level 1");
        drop(fresh(Settings { level: 1, bits: 15 }));
        assert!(!spare());
    }

    #[test]
    fn compressing_takes_little_more_than_as_much_room_again() {
        for (before, len) in [(0, 1000), (0, 100_000), (100_000, 100_000)] {
            let mut out = vec![b'x'; before + len];
            assert!(deflater(1).compress(&mut out, before));
            // A buffer that is too small becomes twice as large at least.
            let most = (2 * (before + len)).max(before + 2 * len + len / 4) + 100;
            assert!(out.capacity() <= most, "{} for {len} behind {before}", out.capacity());
        }
    }
}

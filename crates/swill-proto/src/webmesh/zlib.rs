//! zlib streams (RFC 1950), which are complete in themselves.

use super::Undecodable;
use crate::weak;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::Cell;

/// What is not longer is stored as it is: compressing it costs more time than bytes could be won.
const STORED: usize = 128;

/// The least that is reserved for an inflated message, if the limit allows it.
const LEAST: usize = 128;

thread_local! {
    /// Contexts, one for each thread: making one costs far more than using it again, and a message is never interrupted.
    static INFLATE: Cell<Option<Decompress>> = const { Cell::new(None) };
    static DEFLATE: Cell<Option<Compress>> = const { Cell::new(None) };
}

/// Inflates a stream. Bytes behind its end are ignored.
///
/// # Errors
///
/// It is none, is cut off, or holds more than `limit` bytes.
pub(super) fn inflate(data: &[u8], limit: usize) -> Result<Vec<u8>, Undecodable> {
    let mut context = match INFLATE.take() {
        Some(mut context) => {
            context.reset(true);
            context
        }
        None => Decompress::new(true),
    };
    let limit = if weak::is_off("zlib") { usize::MAX } else { limit };
    let inflated = inflate_with(&mut context, data, limit);
    INFLATE.set(Some(context));
    inflated
}

fn inflate_with(context: &mut Decompress, data: &[u8], limit: usize) -> Result<Vec<u8>, Undecodable> {
    let mut inflated = Vec::with_capacity(data.len().saturating_mul(4).max(LEAST).min(limit));
    loop {
        let rest = &data[context.total_in() as usize..];
        let before = (context.total_in(), context.total_out());
        let status = if inflated.len() == limit {
            // Nothing more may come but the end.
            let status = context.decompress(rest, &mut [0], FlushDecompress::None);
            if context.total_out() > before.1 {
                return Err(Undecodable::TooLarge);
            }
            status
        } else {
            if inflated.len() == inflated.capacity() {
                inflated.reserve_exact(inflated.len().max(LEAST).min(limit - inflated.len()));
            }
            context.decompress_vec(rest, &mut inflated, FlushDecompress::None)
        };
        match status.map_err(|_| Undecodable::Malformed)? {
            Status::StreamEnd => return Ok(inflated),
            _ if (context.total_in(), context.total_out()) == before => return Err(Undecodable::Malformed),
            _ => {}
        }
    }
}

/// Writes a stream.
pub(super) fn deflate(data: &[u8]) -> Vec<u8> {
    if data.len() <= STORED {
        return store(data);
    }
    let mut context = match DEFLATE.take() {
        Some(mut context) => {
            context.reset();
            context
        }
        None => Compress::new(Compression::default(), true),
    };
    let mut deflated = Vec::with_capacity(data.len() / 2);
    loop {
        deflated.reserve(STORED);
        let rest = &data[context.total_in() as usize..];
        match context.compress_vec(rest, &mut deflated, FlushCompress::Finish) {
            Ok(Status::StreamEnd) | Err(_) => break,
            Ok(_) => {}
        }
    }
    DEFLATE.set(Some(context));
    deflated
}

/// A stream of one block that is not compressed (RFC 1951, section 3.2.4).
fn store(data: &[u8]) -> Vec<u8> {
    debug_assert!(data.len() <= STORED);
    let length = (data.len() as u16).to_le_bytes();
    let mut stream = Vec::with_capacity(data.len() + 11);
    stream.extend_from_slice(&[0x78, 0x01, 0x01]);
    stream.extend_from_slice(&length);
    stream.extend_from_slice(&length.map(|byte| !byte));
    stream.extend_from_slice(data);
    stream.extend_from_slice(&adler32(data).to_be_bytes());
    stream
}

/// The checksum at the end of a stream that is stored, which is too short for the sums to overflow.
fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    const { assert!(STORED <= 5552) }
    let (low, high) = data.iter().fold((1, 0), |(low, high), byte| {
        let low = low + u32::from(*byte);
        (low, high + low)
    });
    ((high % MODULUS) << 16) | (low % MODULUS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn everything_comes_back_within_its_limit_and_not_beyond() {
        for length in [0, 1, 127, 128, 129, 1000, 5000, 70_000] {
            for data in [noise(length), vec![b'x'; length]] {
                let stream = deflate(&data);
                assert_eq!(inflate(&stream, length).as_ref(), Ok(&data));
                assert_eq!(inflate(&stream, usize::MAX).as_ref(), Ok(&data));
                assert_eq!(inflate(&[&stream[..], b"more"].concat(), length).as_ref(), Ok(&data));
                if length > 0 {
                    assert_eq!(inflate(&stream, length - 1), Err(Undecodable::TooLarge));
                    assert_eq!(inflate(&stream[..stream.len() - 1], length), Err(Undecodable::Malformed));
                }
            }
        }
    }

    #[test]
    fn no_more_than_the_limit_is_reserved() {
        let bomb = deflate(&vec![0; 10 << 20]);
        assert!(bomb.len() < 20_000);
        for limit in [0, 1, 1000, 1 << 20] {
            let mut context = Decompress::new(true);
            assert_eq!(inflate_with(&mut context, &bomb, limit), Err(Undecodable::TooLarge));
            assert!(context.total_out() <= limit as u64 + 1);
        }
        let inflated = inflate(&deflate(&[0; 5000]), 6000).unwrap();
        assert!(inflated.capacity() <= 6000);
    }

    #[test]
    fn memory_doubles_as_far_as_the_limit_allows() {
        for (length, limit, capacity) in [(1000, 1 << 20, 1024), (5000, 1 << 20, 8192), (5000, 6000, 6000)] {
            let inflated = inflate(&deflate(&vec![0; length]), limit).unwrap();
            assert!(inflated.capacity() >= length);
            assert_eq!(inflated.capacity(), capacity, "{length} bytes of {limit}");
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for data in [&b""[..], b"x", b"\0\x01", b"\x78\x9c", b"\x78\x9c\xff\xff", b"\xab\xcd"] {
            assert_eq!(inflate(data, 1000), Err(Undecodable::Malformed));
        }
        let mut wrong_sum = deflate(b"abc");
        *wrong_sum.last_mut().unwrap() ^= 1;
        assert_eq!(inflate(&wrong_sum, 1000), Err(Undecodable::Malformed));
    }
}

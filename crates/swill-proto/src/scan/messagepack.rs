//! MessagePack values.

use super::Malformed;
use serde::Deserialize;

/// Finds the end of the value at the beginning of `bytes`, which may be nested at most `depth` levels.
///
/// Walks without recursion. A container that announces more elements than bytes are left is refused at once.
///
/// # Errors
///
/// [`Malformed::Truncated`], [`Malformed::TooDeep`] or, for the one byte that MessagePack does not define,
/// [`Malformed::Invalid`].
#[inline]
pub fn skip(bytes: &[u8], depth: usize) -> Result<usize, Malformed> {
    debug_assert!(depth <= super::DEPTH);
    // Elements left in each open container.
    let mut open = [0_u32; super::DEPTH];
    let mut level = 0;
    let mut at = 0;
    loop {
        let &marker = bytes.get(at).ok_or(Malformed::Truncated)?;
        at += 1;
        let (payload, elements): (usize, u64) = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, 0),
            0x80..=0x8f => (0, u64::from(marker & 0x0f) * 2),
            0x90..=0x9f => (0, u64::from(marker & 0x0f)),
            0xa0..=0xbf => (usize::from(marker & 0x1f), 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 => (2, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            0xd4 => (2, 0),
            0xd5 => (3, 0),
            0xd6 => (5, 0),
            0xd7 => (9, 0),
            0xd8 => (17, 0),
            0xc4 | 0xd9 => (length::<1>(bytes, &mut at)?, 0),
            0xc5 | 0xda => (length::<2>(bytes, &mut at)?, 0),
            0xc6 | 0xdb => (length::<4>(bytes, &mut at)?, 0),
            0xc7 => (length::<1>(bytes, &mut at)? + 1, 0),
            0xc8 => (length::<2>(bytes, &mut at)? + 1, 0),
            0xc9 => (length::<4>(bytes, &mut at)?.saturating_add(1), 0),
            0xdc => (0, length::<2>(bytes, &mut at)? as u64),
            0xdd => (0, length::<4>(bytes, &mut at)? as u64),
            0xde => (0, length::<2>(bytes, &mut at)? as u64 * 2),
            0xdf => (0, length::<4>(bytes, &mut at)? as u64 * 2),
            0xc1 => return Err(Malformed::Invalid),
        };
        let left = bytes.len() - at;
        if payload > left || elements > left as u64 {
            return Err(Malformed::Truncated);
        }
        at += payload;
        let container = matches!(marker, 0x80..=0x9f | 0xdc..=0xdf);
        if container {
            if level == depth {
                return Err(Malformed::TooDeep);
            }
            if elements > 0 {
                // Fits: there are at most `left` elements, and messages are far below 4 GiB; checked all the same.
                open[level] = u32::try_from(elements).map_err(|_| Malformed::Truncated)?;
                level += 1;
                continue;
            }
        }
        loop {
            let Some(inner) = level.checked_sub(1) else { return Ok(at) };
            open[inner] -= 1;
            if open[inner] > 0 {
                break;
            }
            level = inner;
        }
    }
}

#[inline]
fn length<const N: usize>(bytes: &[u8], at: &mut usize) -> Result<usize, Malformed> {
    let digits = bytes.get(*at..*at + N).ok_or(Malformed::Truncated)?;
    *at += N;
    Ok(digits.iter().fold(0_usize, |value, &digit| value << 8 | usize::from(digit)))
}

/// Decodes exactly one value; bytes that are left over are an error, which `rmp-serde` alone would not notice.
///
/// # Errors
///
/// Those of `rmp-serde`.
#[inline]
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    let value = T::deserialize(&mut decoder)?;
    // The decoder does not tell its position; at the end, reading on fails without a cost.
    match serde::de::IgnoredAny::deserialize(&mut decoder) {
        Err(_) => Ok(value),
        Ok(_) => Err(serde::de::Error::custom("there are more elements than expected")),
    }
}

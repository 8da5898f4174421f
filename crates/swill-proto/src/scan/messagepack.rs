//! MessagePack values.

use super::Malformed;
use crate::weak;
use rmp_serde::{
    config::{DefaultConfig, HumanReadableConfig},
    decode::ReadRefReader,
};
use serde::{Deserialize, Serialize};

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
    // A level costs a container: where there are few containers, none can be too deep, and no stack is needed.
    match count(bytes, depth)? {
        None if weak::is_off("nesting") => end(bytes),
        Some(end) => Ok(end),
        None => skip_many(bytes, depth),
    }
}

/// Finds the end of the value at the beginning of `bytes`, however deep it is nested.
///
/// # Errors
///
/// [`Malformed::Truncated`] or [`Malformed::Invalid`].
pub fn end(bytes: &[u8]) -> Result<usize, Malformed> {
    Ok(count(bytes, usize::MAX)?.unwrap_or(bytes.len()))
}

/// Walks by counting the values still to come; `None` if there are more than so many containers.
#[inline(always)]
fn count(bytes: &[u8], most: usize) -> Result<Option<usize>, Malformed> {
    let (mut at, mut pending, mut containers) = (0, 1_u64, 0);
    loop {
        let head = Head::read(bytes, &mut at)?;
        pending -= 1;
        if head.container {
            containers += 1;
            if containers > most {
                return Ok(None);
            }
            pending += head.elements;
            if pending > (bytes.len() - at) as u64 {
                return Err(Malformed::Truncated);
            }
        }
        if pending == 0 {
            return Ok(Some(at));
        }
    }
}

/// Walks with a stack of the open containers.
#[inline(never)]
fn skip_many(bytes: &[u8], depth: usize) -> Result<usize, Malformed> {
    debug_assert!(depth <= super::DEPTH);
    // Elements left in each open container.
    let mut open = [0_u64; super::DEPTH];
    let mut level = 0;
    let mut at = 0;
    loop {
        let head = Head::read(bytes, &mut at)?;
        if head.container {
            if level == depth {
                return Err(Malformed::TooDeep);
            }
            if head.elements > 0 {
                open[level] = head.elements;
                level += 1;
                continue;
            }
        }
        loop {
            let Some(inner) = level.checked_sub(1) else {
                return Ok(at);
            };
            open[inner] -= 1;
            if open[inner] > 0 {
                break;
            }
            level = inner;
        }
    }
}

/// The beginning of a value: all of it, but for the elements of a container.
struct Head {
    container: bool,
    /// Values that follow: keys count like values.
    elements: u64,
}

impl Head {
    #[inline(always)]
    fn read(bytes: &[u8], at: &mut usize) -> Result<Self, Malformed> {
        let &marker = bytes.get(*at).ok_or(Malformed::Truncated)?;
        *at += 1;
        let payload = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => {
                return Ok(Self { container: false, elements: 0 });
            }
            0x80..=0x8f => return Self::container(bytes, *at, u64::from(marker & 0x0f) * 2),
            0x90..=0x9f => return Self::container(bytes, *at, u64::from(marker & 0x0f)),
            0xdc..=0xdf => {
                let announced = match marker {
                    0xdc | 0xde => length::<2>(bytes, at)?,
                    _ => length::<4>(bytes, at)?,
                };
                let each = if marker >= 0xde { 2 } else { 1 };
                return Self::container(bytes, *at, announced as u64 * each);
            }
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 | 0xd4 => 2,
            0xd5 => 3,
            0xca | 0xce | 0xd2 => 4,
            0xd6 => 5,
            0xcb | 0xcf | 0xd3 => 8,
            0xd7 => 9,
            0xd8 => 17,
            0xc4 | 0xd9 => length::<1>(bytes, at)?,
            0xc5 | 0xda => length::<2>(bytes, at)?,
            0xc6 | 0xdb => length::<4>(bytes, at)?,
            0xc7 => length::<1>(bytes, at)? + 1,
            0xc8 => length::<2>(bytes, at)? + 1,
            0xc9 => length::<4>(bytes, at)?.saturating_add(1),
            0xc1 => return Err(Malformed::Invalid),
        };
        if payload > bytes.len() - *at {
            return Err(Malformed::Truncated);
        }
        *at += payload;
        Ok(Self { container: false, elements: 0 })
    }

    #[inline]
    fn container(bytes: &[u8], at: usize, elements: u64) -> Result<Self, Malformed> {
        if weak::is_off("announced-lengths") {
            drop(std::hint::black_box(vec![1_u8; elements.min(1 << 28) as usize]));
        }
        if elements > (bytes.len() - at) as u64 {
            return Err(Malformed::Truncated);
        }
        Ok(Self { container: true, elements })
    }
}

#[inline]
fn length<const N: usize>(bytes: &[u8], at: &mut usize) -> Result<usize, Malformed> {
    let digits = bytes.get(*at..*at + N).ok_or(Malformed::Truncated)?;
    *at += N;
    Ok(digits.iter().fold(0_usize, |value, &digit| value << 8 | usize::from(digit)))
}

/// Writes a value at the end of a buffer: structs as maps, and types that have two forms in the one that people can read,
/// which is the one that schemas describe. Bytes are bytes.
///
/// # Errors
///
/// Those of `rmp-serde`; the buffer may then hold a part of the value.
#[inline]
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
) -> Result<(), rmp_serde::encode::Error> {
    let mut serializer = rmp_serde::Serializer::new(buffer).with_human_readable().with_struct_map();
    value.serialize(&mut serializer)
}

/// What decodes values that [`encode`] has written.
pub type Decoder<'de> = rmp_serde::Deserializer<ReadRefReader<'de, [u8]>, HumanReadableConfig<DefaultConfig>>;

/// A decoder of these bytes.
#[inline]
pub fn decoder(bytes: &[u8]) -> Decoder<'_> {
    rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable()
}

/// Decodes exactly one value; bytes that are left over are an error, which `rmp-serde` alone would not notice.
///
/// # Errors
///
/// Those of `rmp-serde`.
#[inline]
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut decoder = decoder(bytes);
    let value = T::deserialize(&mut decoder)?;
    // The decoder does not tell its position; at the end, reading on fails without a cost.
    match serde::de::IgnoredAny::deserialize(&mut decoder) {
        Err(_) => Ok(value),
        Ok(_) => Err(serde::de::Error::custom("there are more elements than expected")),
    }
}

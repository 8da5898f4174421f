//! MessagePack containers taken apart and put together without decoding what is in them. What is taken apart has been
//! checked.

use crate::scan::messagepack;

/// The entries of a map; `None` if it is no map.
pub(super) fn entries(map: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let (count, mut rest) = match map {
        [head @ 0x80..=0x8f, rest @ ..] => (usize::from(head & 0x0f), rest),
        [0xde, a, b, rest @ ..] => (number(&[*a, *b]), rest),
        [0xdf, a, b, c, d, rest @ ..] => (number(&[*a, *b, *c, *d]), rest),
        _ => return None,
    };
    Some((0..count).map_while(move |_| Some((next(&mut rest)?, next(&mut rest)?))))
}

/// The elements of an array; `None` if it is no array.
pub(super) fn elements(array: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let (count, mut rest) = match array {
        [head @ 0x90..=0x9f, rest @ ..] => (usize::from(head & 0x0f), rest),
        [0xdc, a, b, rest @ ..] => (number(&[*a, *b]), rest),
        [0xdd, a, b, c, d, rest @ ..] => (number(&[*a, *b, *c, *d]), rest),
        _ => return None,
    };
    Some((0..count).map_while(move |_| next(&mut rest)))
}

/// The content of text; `None` if it is none.
pub(super) fn text(value: &[u8]) -> Option<&[u8]> {
    match value {
        [0xa0..=0xbf, text @ ..] | [0xd9, _, text @ ..] => Some(text),
        [0xda, _, _, text @ ..] | [0xdb, _, _, _, _, text @ ..] => Some(text),
        _ => None,
    }
}

/// The content of a key, which is text or bytes.
pub(super) fn key(value: &[u8]) -> Option<&[u8]> {
    match value {
        [0xc4, _, bytes @ ..] | [0xc5, _, _, bytes @ ..] | [0xc6, _, _, _, _, bytes @ ..] => Some(bytes),
        value => text(value),
    }
}

/// The beginning of a map.
pub(super) fn write_map(buffer: &mut Vec<u8>, entries: usize) {
    let digits = (entries as u32).to_be_bytes();
    match entries {
        0..16 => buffer.push(0x80 | digits[3]),
        16..0x1_0000 => buffer.extend_from_slice(&[0xde, digits[2], digits[3]]),
        _ => {
            buffer.push(0xdf);
            buffer.extend_from_slice(&digits);
        }
    }
}

fn next<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = messagepack::end(rest).ok()?;
    rest.split_off(..end)
}

fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |value, digit| value << 8 | usize::from(*digit))
}

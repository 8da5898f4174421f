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

#[cfg(test)]
mod tests {
    use super::*;

    /// A container of so many nils (pairs of nils) with this head.
    fn nils(head: &[u8], count: usize) -> Vec<u8> {
        [head, &vec![0xc0; count]].concat()
    }

    #[test]
    fn maps_begin_in_the_shortest_way() {
        for (entries, head) in [
            (0, &[0x80][..]),
            (1, &[0x81]),
            (15, &[0x8f]),
            (16, &[0xde, 0, 16]),
            (255, &[0xde, 0, 255]),
            (256, &[0xde, 1, 0]),
            (65_535, &[0xde, 255, 255]),
            (65_536, &[0xdf, 0, 1, 0, 0]),
            (0x0102_0304, &[0xdf, 1, 2, 3, 4]),
        ] {
            let mut written = Vec::new();
            write_map(&mut written, entries);
            assert_eq!(written, head, "{entries}");
        }
    }

    #[test]
    fn containers_have_as_much_in_them_as_they_announce() {
        for (count, array, map) in [
            (0, &[0x90][..], &[0x80][..]),
            (15, &[0x9f], &[0x8f]),
            (15, &[0xdc, 0, 15], &[0xde, 0, 15]),
            (300, &[0xdc, 1, 44], &[0xde, 1, 44]),
            (300, &[0xdd, 0, 0, 1, 44], &[0xdf, 0, 0, 1, 44]),
            (70_000, &[0xdd, 0, 1, 0x11, 0x70], &[0xdf, 0, 1, 0x11, 0x70]),
        ] {
            let array = nils(array, count);
            assert_eq!(elements(&array).map(Iterator::count), Some(count));
            assert!(entries(&array).is_none());
            let map = nils(map, 2 * count);
            assert_eq!(entries(&map).map(Iterator::count), Some(count));
            assert!(elements(&map).is_none());
        }
    }
}

//! MessagePack put together from pieces, right or wrong.

/// An integer, in as few bytes as it needs.
pub(crate) fn int(number: i64) -> Vec<u8> {
    let mut out = vec![];
    // Nothing can go wrong when the output is memory.
    let _ = rmp::encode::write_sint(&mut out, number);
    out
}

/// An integer without a sign.
pub(crate) fn uint(number: u64) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_uint(&mut out, number);
    out
}

pub(crate) fn float(number: f64) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_f64(&mut out, number);
    out
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_str(&mut out, text);
    out
}

pub(crate) fn bin(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_bin(&mut out, bytes);
    out
}

pub(crate) fn nil() -> Vec<u8> {
    vec![0xC0]
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_array_len(&mut out, items.len() as u32);
    out.extend(items.iter().flatten());
    out
}

pub(crate) fn map(members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![];
    let _ = rmp::encode::write_map_len(&mut out, members.len() as u32);
    members.iter().for_each(|(key, value)| {
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    });
    out
}

/// A value inside of so many arrays.
pub(crate) fn deep_arrays(levels: usize, inside: &[u8]) -> Vec<u8> {
    deep(&[0x91], levels, inside)
}

/// A value inside of so many maps.
pub(crate) fn deep_maps(levels: usize, inside: &[u8]) -> Vec<u8> {
    deep(b"\x81\xA1k", levels, inside)
}

/// A value that is the key of the key of the key of a map.
pub(crate) fn deep_keys(levels: usize, inside: &[u8]) -> Vec<u8> {
    let mut out = deep(&[0x81], levels, inside);
    out.resize(out.len() + levels, 0xC0);
    out
}

fn deep(begin: &[u8], levels: usize, inside: &[u8]) -> Vec<u8> {
    let mut out = begin.repeat(levels);
    out.extend_from_slice(inside);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_messagepack() {
        let message = array(&[int(-1), map(&[(text("k"), nil())]), bin(b"b"), uint(200), float(0.5)]);
        assert_eq!(message, b"\x95\xFF\x81\xA1k\xC0\xC4\x01b\xCC\xC8\xCB\x3F\xE0\0\0\0\0\0\0");
        assert_eq!(deep_arrays(2, &nil()), b"\x91\x91\xC0");
        assert_eq!(deep_maps(2, &nil()), b"\x81\xA1k\x81\xA1k\xC0");
        assert_eq!(deep_keys(2, &nil()), b"\x81\x81\xC0\xC0\xC0");
        for bytes in [deep_arrays(9, &nil()), deep_maps(9, &nil()), deep_keys(9, &nil())] {
            let mut rest = &bytes[..];
            rmpv::decode::read_value(&mut rest).unwrap();
            assert!(rest.is_empty());
        }
    }
}

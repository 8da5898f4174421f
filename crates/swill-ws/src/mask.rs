//! Masking (RFC 6455 §5.3): the XOR itself, and where a client's keys come from.

use std::cell::RefCell;

/// A masking key, rotated so that its first byte belongs to the next byte of payload.
pub(crate) type Key = [u8; 4];

/// Masks or unmasks in place, `key[0]` first. Eight bytes at a time; the compiler makes vectors of that.
#[inline]
pub(crate) fn apply(data: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_le_bytes([a, b, c, d, a, b, c, d]);
    // The last eight bytes may overlap those before them, so they are read before anything is written.
    let Some(last) = data.last_chunk().map(|last| u64::from_le_bytes(*last)) else {
        data.iter_mut().zip([a, b, c, d, a, b, c]).for_each(|(byte, key)| *byte ^= key);
        return;
    };
    // Turning by a whole key changes nothing, so neither do bits that do not fit.
    let last = last ^ wide.rotate_right((data.len() as u32) << 3);
    // Most messages of an RPC are that short: two stores, and nothing to loop over.
    if data.len() <= 16 {
        if let Some(first) = data.first_chunk_mut() {
            *first = (u64::from_le_bytes(*first) ^ wide).to_le_bytes();
        }
    } else {
        for chunk in data.as_chunks_mut().0 {
            *chunk = (u64::from_le_bytes(*chunk) ^ wide).to_le_bytes();
        }
    }
    if let Some(place) = data.last_chunk_mut() {
        *place = last.to_le_bytes();
    }
}

/// The key as it stands after `len` more bytes of payload.
#[inline]
pub(crate) fn rotate(mut key: Key, len: usize) -> Key {
    key.rotate_left(len % 4);
    key
}

/// Keys drawn from the system in advance.
///
/// RFC 6455 §10.3 wants every key unpredictable to whoever chooses the payload, so they come from the
/// operating system's generator and not from a fast one. A system call per frame would cost more than the
/// frame, hence a batch of 128; it belongs to the thread, so that idle connections keep nothing.
struct Keys {
    bytes: [u8; 512],
    used: usize,
}

thread_local! {
    static KEYS: RefCell<Keys> = const { RefCell::new(Keys { bytes: [0; 512], used: 512 }) };
}

/// A fresh unpredictable key.
///
/// # Panics
///
/// If the operating system has no random bytes to give: a client must not speak without them.
pub(crate) fn fresh_key() -> Key {
    KEYS.with_borrow_mut(|keys| {
        if keys.used >= keys.bytes.len() {
            random(&mut keys.bytes);
            keys.used = 0;
        }
        let (all, _) = keys.bytes.as_chunks_mut::<4>();
        let key = all.get_mut(keys.used / 4).map(std::mem::take).unwrap_or_default();
        keys.used += 4;
        key
    })
}

/// Fills `bytes` from the operating system's generator.
#[cold]
pub(crate) fn random(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system has no random bytes, and a WebSocket client needs them: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_is_the_same_in_one_piece_and_in_two() {
        let key = [0x12, 0x34, 0x56, 0x78];
        for len in 0..70 {
            let plain: Vec<u8> = (0..len).collect();
            let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            for cut in 0..=plain.len() {
                let mut data = plain.clone();
                let (first, second) = data.split_at_mut(cut);
                apply(first, key);
                apply(second, rotate(key, cut));
                assert_eq!(data, expected);
            }
        }
    }

    #[test]
    fn keys_do_not_repeat() {
        let keys: std::collections::HashSet<Key> = (0..1000).map(|_| fresh_key()).collect();
        assert!(keys.len() > 990);
    }
}

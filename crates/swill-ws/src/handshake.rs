//! The two values of the opening handshake that need computing (RFC 6455 §4). Not HTTP: reading and writing
//! the request and its answer is the driver's.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

use crate::mask;

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a server answers in `Sec-WebSocket-Accept` to a client's `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
///
/// ```
/// use swill_ws::handshake::accept_key;
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// Whether a `Sec-WebSocket-Key` is what it has to be: the base64 of 16 bytes (RFC 6455 §4.2.1).
///
/// Bits that the last character has to spare are not looked at: some clients send a random string of the right
/// form, and nothing depends on them.
///
/// ```
/// use swill_ws::handshake::valid_key;
/// assert!(valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
/// assert!(!valid_key("dGhlIHNhbXBsZSBub25jZQ"));
/// assert!(!valid_key("c2hvcnQ="));
/// ```
pub fn valid_key(key: &str) -> bool {
    let Some(digits) = key.strip_suffix("==") else {
        return false;
    };
    digits.len() == 22
        && digits.bytes().all(|digit| matches!(digit, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'))
}

/// A fresh random `Sec-WebSocket-Key` for a client (RFC 6455 §4.1).
///
/// # Panics
///
/// If the operating system has no random bytes to give.
///
/// ```
/// use swill_ws::handshake::{new_key, valid_key};
/// let key = new_key();
/// assert!(valid_key(&key));
/// assert_ne!(key, new_key());
/// ```
pub fn new_key() -> String {
    let mut bytes = [0; 16];
    mask::random(&mut bytes);
    STANDARD.encode(bytes)
}

/// Whether a server's `Sec-WebSocket-Accept` belongs to the `key` the client sent (RFC 6455 §4.1). White space
/// around the value does not count.
///
/// ```
/// use swill_ws::handshake::accepts;
/// assert!(accepts("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
/// assert!(!accepts("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="));
/// ```
pub fn accepts(key: &str, answer: &str) -> bool {
    accept_key(key) == answer.trim_matches([' ', '\t'])
}

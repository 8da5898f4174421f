//! The values of the opening handshake: RFC 6455, sections 1.3 and 4.1.

use std::collections::HashSet;
use swill_ws::handshake::{accept_key, accepts, new_key, valid_key};

/// The example of section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[test]
fn a_key_is_answered_as_the_specification_says() {
    assert_eq!(accept_key(KEY), ANSWER);
    for (answer, fits) in [
        (ANSWER, true),
        (" s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\t", true),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo", false),
        ("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", false),
        ("", false),
    ] {
        assert_eq!(accepts(KEY, answer), fits, "{answer:?}");
    }
}

#[test]
fn a_key_is_sixteen_bytes_in_base64() {
    for (key, valid) in [
        (KEY, true),
        ("++++++++++//////////00==", true),
        ("dGhlIHNhbXBsZSBub25jZQ=", false),
        ("dGhlIHNhbXBsZSBub25jZQ", false),
        ("dGhlIHNhbXBsZSBub25j==", false),
        ("dGhlIHNhbXBsZSBub25jZQQQ==", false),
        ("dGhlIHNhbXBsZSBub25j Q==", false),
        ("dGhlIHNhbXBsZSBub25j-Q==", false),
        ("==", false),
        ("", false),
    ] {
        assert_eq!(valid_key(key), valid, "{key:?}");
    }
}

#[test]
fn keys_of_clients_are_valid_and_differ() {
    let keys: HashSet<String> = (0..100).map(|_| new_key()).collect();
    assert_eq!(keys.len(), 100);
    assert!(keys.iter().all(|key| valid_key(key)));
}

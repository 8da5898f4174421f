//! The values of the opening handshake: keys, and what is said about compression.

use swill_ws::{
    deflate::{Options, accept, check},
    handshake::{accept_key, accepts, valid_key},
};

/// Takes any answer.
const ANYTHING: Options = Options {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

pub(crate) fn run(input: &[u8]) {
    let [ours, theirs, text @ ..] = input else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (ours, theirs) = (options(*ours), options(*theirs));

    // What one of us offers, another of us answers, and both understand the same.
    let negotiated = accept([&*theirs.offer()], &ours).expect("our own offers can be accepted");
    assert_eq!(check([&*negotiated.to_string()], &theirs), Ok(Some(negotiated)));

    // The first line is a key, the others are values of headers.
    let mut lines = text.split('\n');
    let key = lines.next().unwrap_or_default();
    assert_eq!(valid_key(key), is_key(key), "{key:?}");
    assert!(accepts(key, &accept_key(key)));
    assert!(accepts(key, &format!(" {}\t", accept_key(key))));
    if let Some(answer) = text.split('\n').nth(1) {
        assert_eq!(accepts(key, answer), accept_key(key) == answer.trim_matches([' ', '\t']));
    }

    if let Some(negotiated) = accept(lines.clone(), &ours) {
        assert!((9..=15).contains(&negotiated.server_max_window_bits), "{negotiated:?}");
        assert!((8..=15).contains(&negotiated.client_max_window_bits), "{negotiated:?}");
        assert!(negotiated.server_max_window_bits <= ours.server_max_window_bits.clamp(9, 15));
        assert!(negotiated.server_no_context_takeover || !ours.server_no_context_takeover);
        assert!(negotiated.client_no_context_takeover || !ours.client_no_context_takeover);
        assert_eq!(check([&*negotiated.to_string()], &ANYTHING), Ok(Some(negotiated)));
    }
    if let Ok(Some(negotiated)) = check(lines, &theirs) {
        assert!(negotiated.server_max_window_bits <= theirs.server_max_window_bits.clamp(9, 15));
        assert!(negotiated.client_max_window_bits <= theirs.client_max_window_bits.clamp(9, 15));
        assert!((8..=15).contains(&negotiated.server_max_window_bits), "{negotiated:?}");
        assert!((8..=15).contains(&negotiated.client_max_window_bits), "{negotiated:?}");
        assert!(negotiated.server_no_context_takeover || !theirs.server_no_context_takeover);
    }
}

fn options(choice: u8) -> Options {
    Options {
        server_no_context_takeover: choice & 1 != 0,
        client_no_context_takeover: choice & 2 != 0,
        server_max_window_bits: 8 + (choice >> 2) % 8,
        client_max_window_bits: 8 + (choice >> 5) % 8,
    }
}

/// 16 bytes in base64: 21 digits, one of which two bits count, and the padding.
fn is_key(key: &str) -> bool {
    let is_digit = |digit: char| digit.is_ascii_alphanumeric() || matches!(digit, '+' | '/');
    key.len() == 24 && key.ends_with("==") && key.chars().take(22).all(is_digit)
}

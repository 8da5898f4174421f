//! Whatever a peer does wrong, the right close code goes out, behind what was queued before.

mod common;

use common::*;
use swill_ws::deflate::Negotiated;
use swill_ws::{Config, Input, Role, WebSocket};

const NEGOTIATED: Negotiated = Negotiated {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

/// Feeds a good message and then `bad`, and expects the message and the code.
fn check_code(name: &str, config: &Config, bad: &[u8], code: u16) {
    let wire = [frame(config.role, FIN | TEXT, b"good"), bad.to_vec()].concat();
    let out = check(name, config, &wire, &[text("good"), Got::Violation(code)]);
    assert_eq!(out[..1], [FIN | CLOSE], "{name}");
    assert_eq!(out[2..4], code.to_be_bytes(), "{name}");
    assert_eq!(out.len(), 2 + usize::from(out[1]), "{name}: one close frame and nothing else");
    assert!(std::str::from_utf8(&out[4..]).is_ok_and(|reason| !reason.is_empty()), "{name}");
}

#[test]
fn each_violation_has_its_code() {
    for role in [Role::Server, Role::Client] {
        let f = |first, payload: &[u8]| frame(role, first, payload);
        let h = |first, len| head(role, first, len);
        let mask = if role == Role::Server { 0x80 } else { 0 };
        let join = |frames: &[Vec<u8>]| frames.concat();
        let table: Vec<(&str, Vec<u8>, u16)> = vec![
            ("second reserved bit", f(FIN | 0x20 | TEXT, b""), 1002),
            ("third reserved bit", f(FIN | 0x10 | BINARY, b""), 1002),
            ("all reserved bits", f(FIN | 0x70 | TEXT, b"x"), 1002),
            ("compression not negotiated", f(FIN | RSV1 | TEXT, b"\x00"), 1002),
            ("reserved bit on ping", f(FIN | RSV1 | PING, b""), 1002),
            ("opcode 3", f(FIN | 3, b""), 1002),
            ("opcode 4", f(FIN | 4, b"x"), 1002),
            ("opcode 5", f(5, b""), 1002),
            ("opcode 6", f(FIN | 6, b""), 1002),
            ("opcode 7", f(FIN | 7, b""), 1002),
            ("opcode 11", f(FIN | 11, b""), 1002),
            ("opcode 12", f(FIN | 12, b""), 1002),
            ("opcode 13", f(FIN | 13, b""), 1002),
            ("opcode 14", f(FIN | 14, b""), 1002),
            ("opcode 15", f(FIN | 15, b""), 1002),
            ("wrong mask bit", vec![FIN | TEXT, mask ^ 0x80, 0, 0, 0, 0], 1002),
            ("wrong mask bit on a long frame", vec![FIN | TEXT, mask ^ 0x80 | 126, 1, 0, 0, 0], 1002),
            ("wrong mask bit on ping", vec![FIN | PING, mask ^ 0x80, 0, 0, 0, 0], 1002),
            ("fragmented ping", f(PING, b"x"), 1002),
            ("fragmented pong", f(PONG, b""), 1002),
            ("fragmented close", f(CLOSE, b""), 1002),
            ("ping of 126 bytes", f(FIN | PING, &[0; 126]), 1002),
            ("pong of 65,536 bytes announced", h(FIN | PONG, 65_536), 1002),
            ("close of 126 bytes", f(FIN | CLOSE, &close_body(1000, &[b'x'; 124])), 1002),
            ("continuation of nothing", f(0, b"x"), 1002),
            ("last continuation of nothing", f(FIN, b""), 1002),
            ("continuation of nothing, and too long", h(FIN, 1 << 40), 1002),
            ("text in text", join(&[f(TEXT, b"a"), f(FIN | TEXT, b"b")]), 1002),
            ("binary in text", join(&[f(TEXT, b"a"), f(FIN | BINARY, b"b")]), 1002),
            ("text in binary", join(&[f(BINARY, b"a"), f(0, b""), f(TEXT, b"b")]), 1002),
            ("close of one byte", f(FIN | CLOSE, b"\x03"), 1002),
            ("16-bit length of 125", vec![FIN | TEXT, mask | 126, 0, 125, 1, 2, 3, 4], 1002),
            (
                "16-bit length of 125 with all that it announces",
                join(&[vec![FIN | BINARY, mask | 126, 0, 125], vec![0; 4 + 125]]),
                1002,
            ),
            ("16-bit length of 0", vec![FIN | TEXT, mask | 126, 0, 0, 1, 2, 3, 4], 1002),
            (
                "64-bit length of 65,535",
                [&[FIN | BINARY, mask | 127][..], &65_535_u64.to_be_bytes()].concat(),
                1002,
            ),
            ("64-bit length of 0", [&[FIN | BINARY, mask | 127][..], &[0; 8]].concat(), 1002),
            ("64-bit length with the top bit", [&[FIN | BINARY, mask | 127][..], &[0xff; 8]].concat(), 1002),
            ("length of 2^63", [&[FIN | BINARY, mask | 127, 0x80][..], &[0; 7]].concat(), 1002),
            ("length of 2^63 - 1", h(FIN | BINARY, u64::MAX >> 1), 1009),
            ("length of 2^32", h(BINARY, 1 << 32), 1009),
            ("length of 2^32 + 1 in a text", h(TEXT, (1 << 32) + 1), 1009),
            ("bad byte in text", f(FIN | TEXT, b"a\xffb"), 1007),
            ("bad byte in a long text", f(FIN | TEXT, &[&[b'a'; 300][..], b"\xc0\xaf"].concat()), 1007),
            ("surrogate in text", f(FIN | TEXT, b"\xed\xa0\x80"), 1007),
            ("code point over 10FFFF", f(FIN | TEXT, b"\xf4\x90\x80\x80"), 1007),
            ("text that breaks off", f(FIN | TEXT, "κόσμε".as_bytes().split_last().expect("some").1), 1007),
            ("text that breaks off in its last fragment", join(&[f(TEXT, b"a"), f(FIN, b"\xce")]), 1007),
            ("text that breaks off before an empty fragment", join(&[f(TEXT, b"\xce"), f(FIN, b"")]), 1007),
            ("bad byte in the first fragment", f(TEXT, b"\xce\xba\xff"), 1007),
            ("bad byte in the second fragment", join(&[f(TEXT, b"\xce"), f(0, b"\xce")]), 1007),
            ("bad byte in close reason", f(FIN | CLOSE, &close_body(1000, b"\xff")), 1007),
            ("close reason that breaks off", f(FIN | CLOSE, &close_body(1000, b"\xce")), 1007),
        ];
        for (name, bad, code) in table {
            check_code(&format!("{name} to {role:?}"), &Config::new(role), &bad, code);
        }
    }
}

#[test]
fn a_wrong_mask_is_told_by_who_sent_it() {
    for (to, wire, words) in [
        (Role::Server, [FIN | TEXT, 0], "unmasked frame from a client"),
        (Role::Client, [FIN | TEXT, 0x80], "masked frame from a server"),
    ] {
        let (mut wire, mut out) = (wire, Vec::new());
        let mut ws = WebSocket::new(&Config::new(to));
        let violation = ws.receive(&mut Input::new(&mut wire), &mut out).expect_err("it is refused");
        assert_eq!(violation.reason, words);
        if to == Role::Server {
            assert!(out.ends_with(words.as_bytes()), "{out:?}");
        }
    }
}

#[test]
fn each_violation_of_compression_has_its_code() {
    for role in [Role::Server, Role::Client] {
        for takeover in [false, true] {
            let negotiated = Negotiated {
                server_no_context_takeover: !takeover,
                client_no_context_takeover: !takeover,
                ..NEGOTIATED
            };
            let config = Config { deflate: Some(negotiated), ..Config::new(role) };
            let f = |first, payload: &[u8]| frame(role, first, payload);
            // "Hello" of RFC 7692 §7.2.3.1.
            let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
            let table: Vec<(&str, Vec<u8>, u16)> = vec![
                ("compression bit on ping", f(FIN | RSV1 | PING, b""), 1002),
                ("compression bit on close", f(FIN | RSV1 | CLOSE, b""), 1002),
                ("compression bit on continuation of nothing", f(FIN | RSV1, b""), 1002),
                (
                    "compression bit on continuation",
                    [f(RSV1 | TEXT, &hello[..3]), f(FIN | RSV1, &hello[3..])].concat(),
                    1002,
                ),
                (
                    "compression bit on continuation of a plain message",
                    [f(TEXT, b"a"), f(FIN | RSV1, hello)].concat(),
                    1002,
                ),
                ("second reserved bit", f(FIN | RSV1 | 0x20 | TEXT, hello), 1002),
                ("block of type 3", f(FIN | RSV1 | BINARY, &[0x06, 0, 0]), 1007),
                ("noise", f(FIN | RSV1 | BINARY, &[0xff; 20]), 1007),
                ("wrong length of a stored block", f(FIN | RSV1 | BINARY, &[0, 1, 0, 1, 0]), 1007),
                ("reference before the start", f(FIN | RSV1 | BINARY, &[0x03 - 1, 0x13, 0x00, 0x00]), 1007),
                ("data that break off", f(FIN | RSV1 | BINARY, &hello[..4]), 1007),
                ("stored block that breaks off", f(FIN | RSV1 | BINARY, &[0, 9, 0, !9, 0xff, 1, 2, 3]), 1007),
                ("bad text", f(FIN | RSV1 | TEXT, &[0, 1, 0, !1, 0xff, 0xff, 0]), 1007),
                ("bad text in a first fragment", f(RSV1 | TEXT, &[0, 1, 0, !1, 0xff, 0xff, 0]), 1007),
                ("text that breaks off", f(FIN | RSV1 | TEXT, &[0, 1, 0, !1, 0xff, 0xce, 0]), 1007),
                ("compressed frame over the limit", head(role, FIN | RSV1 | TEXT, (1 << 20) + 1), 1009),
                ("final blocks without end", f(FIN | RSV1 | BINARY, &[3, 0].repeat(1200)), 1008),
            ];
            for (name, bad, code) in table {
                check_code(&format!("{name} to {role:?}, takeover {takeover}"), &config, &bad, code);
            }
        }
    }
}

#[test]
fn a_bad_byte_fails_before_the_frame_is_complete() {
    for (prefix, bad) in
        [(&b"\xce\xba\xe1\xbd\xb9"[..], 0xff), (b"\xf4", 0x90), (b"\xed", 0xa0), (b"\xe0", 0x9f)]
    {
        for fragments in [false, true] {
            let mut ws = WebSocket::new(&Config::server());
            let mut out = Vec::new();
            let mut wire = Vec::new();
            if fragments {
                wire.extend(frame(Role::Server, TEXT, b"first"));
            }
            let announced = [prefix, &[bad], &[b'x'; 1000]].concat();
            let whole = frame(Role::Server, if fragments { FIN } else { FIN | TEXT }, &announced);
            let head = whole.len() - announced.len();
            wire.extend_from_slice(&whole[..head + prefix.len()]);
            assert_eq!(feed(&mut ws, &wire, 1, &mut out), []);
            let next = &whole[head + prefix.len()..][..1];
            assert_eq!(feed(&mut ws, next, 1, &mut out), [Got::Violation(1007)]);
        }
    }
}

#[test]
fn nothing_is_reserved_for_what_is_only_announced() {
    let mut ws = WebSocket::new(&Config::server());
    let mut out = Vec::new();
    let wire = head(Role::Server, FIN | BINARY, 1 << 20);
    assert_eq!(feed(&mut ws, &wire, 100, &mut out), []);
    assert!(ws.buffered() < 1024, "{}", ws.buffered());
    assert_eq!(feed(&mut ws, &[0; 1000], 100, &mut out), []);
    assert!(ws.buffered() < 4096, "{}", ws.buffered());
    drop(ws.payload_buffer());
    assert!(ws.buffered() <= 1000 + (64 << 10) + 512, "{}", ws.buffered());
}

#[test]
fn the_close_frame_comes_behind_what_was_queued() {
    let mut ws = WebSocket::new(&Config::server());
    let mut out = b"queued".to_vec();
    let mut wire = [
        frame(Role::Server, FIN | PING, b"1"),
        frame(Role::Server, FIN | PING, b"2"),
        frame(Role::Server, FIN | 3, b""),
        frame(Role::Server, FIN | PING, b"3"),
    ]
    .concat();
    let mut input = Input::new(&mut wire);
    assert!(matches!(ws.receive(&mut input, &mut out), Ok(Some(_))));
    assert!(matches!(ws.receive(&mut input, &mut out), Ok(Some(_))));
    let violation = ws.receive(&mut input, &mut out).expect_err("opcode 3 is reserved");
    assert!(violation.to_string().contains("reserved opcode"));
    assert!(input.is_empty());
    assert_eq!(out[..12], *b"queued\x8a\x011\x8a\x012");
    assert_eq!(out[12], FIN | CLOSE);
    assert_eq!(ws.receive(&mut input, &mut out), Ok(None));
}

#[test]
fn after_our_close_a_violation_is_reported_but_nothing_more_is_sent() {
    let mut ws = WebSocket::new(&Config::server());
    let mut out = Vec::new();
    ws.close(1001, "going away", &mut out);
    let len = out.len();
    assert_eq!(feed(&mut ws, &frame(Role::Server, FIN | 3, b""), 1, &mut out), [Got::Violation(1002)]);
    assert_eq!(out.len(), len);
}

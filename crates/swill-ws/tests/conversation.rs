//! What well-behaved peers say, in any pieces.

mod common;

use common::*;
use swill_ws::{Config, Input, Kind, Role, State, WebSocket};

/// A bit of everything, and what it means.
fn conversation(to: Role) -> (Vec<u8>, Vec<Got>) {
    let f = |first, payload: &[u8]| frame(to, first, payload);
    let long = prose(300);
    let longer = prose(70_000);
    let wire = [
        f(FIN | TEXT, "κόσμε".as_bytes()),
        f(FIN | BINARY, b""),
        f(FIN | TEXT, b""),
        f(FIN | PING, b"ping"),
        f(TEXT, &"κόσμε".as_bytes()[..3]),
        f(FIN | PING, b""),
        f(0, &"κόσμε".as_bytes()[3..4]),
        f(FIN | PONG, &[7; 125]),
        f(0, b""),
        f(FIN, &"κόσμε".as_bytes()[4..]),
        f(FIN | BINARY, &long),
        f(BINARY, &long[..100]),
        f(FIN, &long[100..]),
        f(FIN | TEXT, &longer),
        f(FIN | PONG, b""),
        f(FIN | CLOSE, &close_body(1000, "tschüß".as_bytes())),
        f(FIN | TEXT, b"never seen"),
    ];
    let events = vec![
        text("κόσμε"),
        binary(b""),
        text(""),
        Got::Ping(b"ping".to_vec()),
        Got::Ping(vec![]),
        Got::Pong(vec![7; 125]),
        text("κόσμε"),
        binary(&long),
        binary(&long),
        Got::Message(Kind::Text, longer),
        Got::Pong(vec![]),
        Got::Close(Some(1000), "tschüß".to_owned()),
    ];
    (wire.concat(), events)
}

#[test]
fn the_pieces_do_not_matter() {
    for role in [Role::Server, Role::Client] {
        let (wire, events) = conversation(role);
        let out = check("conversation", &Config::new(role), &wire, &events);
        assert_eq!(out, b"\x8a\x04ping\x8a\x00\x88\x02\x03\xe8");
        let mut ws = WebSocket::new(&Config::new(role));
        for step in [2, 5, 7, 64, 1000, 4096, 65_536] {
            ws = WebSocket::new(&Config::new(role));
            assert_eq!(feed(&mut ws, &wire, step, &mut Vec::new()), events, "in pieces of {step}");
        }
        assert_eq!(ws.state(), State::Closed);
    }
}

#[test]
fn every_split_point_gives_the_same() {
    for role in [Role::Server, Role::Client] {
        let f = |first, payload: &[u8]| frame(role, first, payload);
        let wire = [
            f(TEXT, "é€".as_bytes()),
            f(FIN | PING, b"p"),
            f(FIN, &[b'x'; 130]),
            f(FIN | BINARY, b"b"),
            f(FIN | CLOSE, b""),
        ]
        .concat();
        let events = [
            Got::Ping(b"p".to_vec()),
            text(&["é€", &"x".repeat(130)].concat()),
            binary(b"b"),
            Got::Close(None, String::new()),
        ];
        for first in 0..=wire.len() {
            for second in first..=wire.len() {
                let mut ws = WebSocket::new(&Config::new(role));
                let mut out = Vec::new();
                let mut got = Vec::new();
                for piece in [&wire[..first], &wire[first..second], &wire[second..]] {
                    got.extend(feed(&mut ws, piece, piece.len(), &mut out));
                }
                assert_eq!(got, events, "split at {first} and {second}");
                if role == Role::Client {
                    out = unmasked(&out);
                }
                assert_eq!(out, b"\x8a\x01p\x88\x00");
            }
        }
    }
}

#[test]
fn a_driver_may_stop_at_any_event_and_go_on_from_the_cursor() {
    let (wire, events) = conversation(Role::Server);
    let mut ws = WebSocket::new(&Config::server());
    let mut wire = wire;
    let mut at = 0;
    let mut got = Vec::new();
    loop {
        let mut input = Input::new(&mut wire[at..]);
        match ws.receive(&mut input, &mut Vec::new()).expect("no violation") {
            Some(event) => got.push(Got::from(event)),
            None => break,
        }
        at += input.consumed();
    }
    assert_eq!(got, events);
}

#[test]
fn pongs_are_in_the_order_of_the_pings() {
    let wire: Vec<u8> = (0..10).flat_map(|i| frame(Role::Server, FIN | PING, &[i; 3])).collect();
    let events: Vec<Got> = (0..10).map(|i| Got::Ping(vec![i; 3])).collect();
    let out = check("pings", &Config::server(), &wire, &events);
    let pongs: Vec<u8> = (0..10).flat_map(|i| [0x8a, 3, i, i, i]).collect();
    assert_eq!(out, pongs);
}

#[test]
fn each_close_code_is_echoed_or_refused() {
    let allowed = |code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    for code in (0..=1100).chain([1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65_535]) {
        for role in [Role::Server, Role::Client] {
            let wire = frame(role, FIN | CLOSE, &close_body(code, b"why"));
            let mut ws = WebSocket::new(&Config::new(role));
            let mut out = Vec::new();
            let got = feed(&mut ws, &wire, wire.len(), &mut out);
            if role == Role::Client {
                out = unmasked(&out);
            }
            if allowed(code) {
                assert_eq!(got, [Got::Close(Some(code), "why".to_owned())]);
                assert_eq!(out, [&[0x88, 2][..], &code.to_be_bytes()].concat());
            } else {
                assert_eq!(got, [Got::Violation(1002)], "{code}");
                assert_eq!(out[..1], [0x88]);
            }
            assert_eq!(ws.state(), State::Closed);
        }
    }
}

#[test]
fn codes_that_may_not_be_sent_are_replaced() {
    for (code, expected) in [
        (1000, 1000),
        (0, 1011),
        (999, 1011),
        (1004, 1011),
        (1006, 1011),
        (1015, 1011),
        (1016, 1011),
        (2999, 1011),
        (3000, 3000),
        (4999, 4999),
        (5000, 1011),
    ] {
        let mut out = Vec::new();
        WebSocket::new(&Config::server()).close(code, "", &mut out);
        assert_eq!(out, [&[0x88, 2][..], &u16::to_be_bytes(expected)].concat());
    }
    let mut out = Vec::new();
    WebSocket::new(&Config::server()).close(1005, "not sent", &mut out);
    assert_eq!(out, [0x88, 0]);
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    for (reason, kept) in [
        ("x".repeat(123), 123),
        ("x".repeat(124), 123),
        ("é".repeat(62), 122),
        ("€".repeat(50), 123),
        ("😀".repeat(40), 120),
    ] {
        let mut server = WebSocket::new(&Config::server());
        let mut out = Vec::new();
        server.close(1000, &reason, &mut out);
        let mut client = WebSocket::new(&Config::client());
        let got = feed(&mut client, &out, out.len(), &mut Vec::new());
        assert_eq!(got, [Got::Close(Some(1000), reason[..kept].to_owned())]);
    }
}

#[test]
fn after_our_close_everything_but_theirs_is_dropped() {
    for step in [1, 10, 1000] {
        let mut ws = WebSocket::new(&Config::server());
        let mut out = Vec::new();
        let f = |first, payload: &[u8]| frame(Role::Server, first, payload);
        // In the middle of a message, of a frame even.
        let half = f(TEXT, "é".repeat(50).as_bytes());
        let (before, after) = half.split_at(27);
        assert_eq!(feed(&mut ws, before, step, &mut out), []);
        ws.close(1001, "", &mut out);
        let len = out.len();
        let wire = [
            after.to_vec(),
            f(FIN | PING, b"no answer"),
            f(0, b"bad text \xff does not matter any more"),
            f(FIN, b""),
            f(FIN | BINARY, &[1; 300]),
            f(FIN | PONG, b""),
            f(FIN | CLOSE, &close_body(3000, b"all right")),
            f(FIN | TEXT, b"nothing"),
        ]
        .concat();
        assert_eq!(ws.state(), State::Closing);
        assert_eq!(feed(&mut ws, &wire, step, &mut out), [Got::Close(Some(3000), "all right".to_owned())]);
        assert_eq!(ws.state(), State::Closed);
        assert_eq!(out.len(), len, "nothing is sent after the close frame");
    }
}

#[test]
fn nothing_is_sent_after_the_close_frame() {
    for role in [Role::Server, Role::Client] {
        let mut ws = WebSocket::new(&Config::new(role));
        let mut out = Vec::new();
        let start = ws.begin(Kind::Text, 3, &mut out);
        out.extend_from_slice(b"abc");
        ws.abandon(start, &mut out);
        assert!(out.is_empty());
        ws.close(1000, "", &mut out);
        let len = out.len();
        for size in [0, 10, 200, 70_000] {
            ws.send(Kind::Text, &vec![b'x'; size], &mut out);
            let start = ws.begin(Kind::Text, size, &mut out);
            out.resize(out.len() + size, b'x');
            ws.finish(start, &mut out);
        }
        ws.ping(b"", &mut out);
        ws.close(1000, "", &mut out);
        assert_eq!(out.len(), len);
    }
}

#[test]
fn a_ping_that_is_too_long_is_cut() {
    let mut client = WebSocket::new(&Config::client());
    let mut server = WebSocket::new(&Config::server());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client.ping(&[5; 126], &mut there);
    assert_eq!(feed(&mut server, &there, 1000, &mut back), [Got::Ping(vec![5; 125])]);
    assert_eq!(feed(&mut client, &back, 1000, &mut there), [Got::Pong(vec![5; 125])]);
}

#[test]
fn a_client_masks_every_frame_with_another_key() {
    let mut client = WebSocket::new(&Config::client());
    let mut keys = std::collections::HashSet::new();
    for _ in 0..500 {
        let mut out = Vec::new();
        client.send(Kind::Binary, b"", &mut out);
        assert_eq!(out[..2], [0x82, 0x80]);
        keys.insert(out[2..6].to_vec());
    }
    assert!(keys.len() > 495);
}

#[test]
fn nothing_is_kept_between_messages() {
    let mut ws = WebSocket::new(&Config::server());
    for _ in 0..3 {
        let wire = frame(Role::Server, FIN | BINARY, &prose(200_000));
        assert_eq!(feed(&mut ws, &wire, 1000, &mut Vec::new()).len(), 1);
        assert_eq!(ws.buffered(), 0);
    }
}

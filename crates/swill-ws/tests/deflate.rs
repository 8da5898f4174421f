//! permessage-deflate: the examples of RFC 7692, and what lies beyond them.

mod common;

use common::*;
use flate2::{Compress, FlushCompress};
use swill_ws::deflate::{Compression, Negotiated};
use swill_ws::{Config, Kind, Limits, Role, WebSocket};

fn negotiated(takeover: bool, bits: u8) -> Negotiated {
    Negotiated {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

fn config(role: Role, takeover: bool) -> Config {
    let compression = Compression { threshold: 0, ..Compression::default() };
    Config { deflate: Some(negotiated(takeover, 15)), compression, ..Config::new(role) }
}

/// Raw deflate of `data`, each piece ended by `flush`, without cutting anything off.
fn deflated(pieces: &[&[u8]], flush: FlushCompress) -> Vec<u8> {
    let mut context = Compress::new(flate2::Compression::new(9), false);
    let mut out = Vec::new();
    for piece in pieces {
        out.reserve(piece.len() + 1000);
        context.compress_vec(piece, &mut out, flush).expect("compresses");
    }
    out
}

#[test]
fn the_examples_of_the_specification_are_understood() {
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let f = |first, payload: &[u8]| frame(Role::Server, first, payload);
    let table: Vec<(&str, bool, Vec<u8>, Vec<Got>)> = vec![
        ("7.2.3.1 one block", false, f(FIN | RSV1 | TEXT, hello), vec![text("Hello")]),
        (
            "7.2.3.1 in fragments",
            false,
            [f(RSV1 | TEXT, &hello[..3]), f(FIN, &hello[3..])].concat(),
            vec![text("Hello")],
        ),
        (
            "7.2.3.2 the same twice, with context",
            true,
            [f(FIN | RSV1 | TEXT, hello), f(FIN | RSV1 | TEXT, &[0xf2, 0x00, 0x11, 0x00, 0x00])].concat(),
            vec![text("Hello"), text("Hello")],
        ),
        (
            "7.2.3.3 no compression",
            false,
            f(FIN | RSV1 | TEXT, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]),
            vec![text("Hello")],
        ),
        (
            "7.2.3.4 final block",
            false,
            f(FIN | RSV1 | TEXT, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]),
            vec![text("Hello")],
        ),
        (
            "7.2.3.5 two blocks",
            false,
            f(
                FIN | RSV1 | TEXT,
                &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
            ),
            vec![text("Hello")],
        ),
        ("7.2.3.6 empty message", false, f(FIN | RSV1 | TEXT, &[0x00]), vec![text("")]),
    ];
    for (name, needs_takeover, wire, events) in table {
        for takeover in [needs_takeover, true] {
            check(name, &config(Role::Server, takeover), &wire, &events);
        }
    }
}

#[test]
fn what_is_not_quite_right_but_clear_is_understood() {
    let f = |first, payload: &[u8]| frame(Role::Server, first, payload);
    let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let table: Vec<(&str, Vec<u8>, Vec<Got>)> = vec![
        ("final block without the octet after it", f(FIN | RSV1 | TEXT, last), vec![text("Hello")]),
        ("no bytes at all", f(FIN | RSV1 | TEXT, b""), vec![text("")]),
        ("two final blocks", f(FIN | RSV1 | TEXT, &[last, last].concat()), vec![text("HelloHello")]),
        (
            "two final blocks, again and again",
            [f(FIN | RSV1 | TEXT, &[last, last].concat()), f(FIN | RSV1 | BINARY, &[last, &[0]].concat())]
                .concat()
                .repeat(3),
            [text("HelloHello"), binary(b"Hello")].into_iter().cycle().take(6).collect(),
        ),
        ("an empty final block", f(FIN | RSV1 | TEXT, &[3, 0, 0]), vec![text("")]),
        (
            "empty fragments between",
            [f(RSV1 | TEXT, b""), f(0, last), f(0, b""), f(FIN, &[0])].concat(),
            vec![text("Hello")],
        ),
    ];
    for (name, wire, events) in table {
        for takeover in [false, true] {
            check(name, &config(Role::Server, takeover), &wire, &events);
        }
    }
}

#[test]
fn blocks_after_a_final_block_may_refer_to_what_came_before_in_the_message() {
    // A stored final block, then a copy of 5 bytes from a distance of 5 in a block of fixed codes.
    let stored = [&[0x01, 5, 0, !5, 0xff][..], b"Hello"].concat();
    let copy = [0x02, 0x13, 0x00, 0x00];
    for takeover in [false, true] {
        let wire = frame(Role::Server, FIN | RSV1 | TEXT, &[&stored[..], &copy].concat());
        let got = feed(&mut WebSocket::new(&config(Role::Server, takeover)), &wire, 1, &mut Vec::new());
        assert_eq!(got, [text("HelloHello")]);
    }
}

#[test]
fn plain_and_compressed_messages_mix() {
    let f = |first, payload: &[u8]| frame(Role::Server, first, payload);
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let wire = [
        f(FIN | TEXT, b"plain"),
        f(RSV1 | BINARY, &hello[..2]),
        f(FIN | PING, b"between"),
        f(FIN, &hello[2..]),
        f(BINARY, b"pl"),
        f(FIN, b"ain"),
        f(FIN | RSV1 | TEXT, hello),
    ]
    .concat();
    let events =
        [text("plain"), Got::Ping(b"between".to_vec()), binary(b"Hello"), binary(b"plain"), text("Hello")];
    for takeover in [false, true] {
        check("mixed", &config(Role::Server, takeover), &wire, &events);
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    let mut bomb = deflated(&[&zeros], FlushCompress::Sync);
    bomb.truncate(bomb.len() - 4);
    for limit in [0, 1, 1000, 1 << 20] {
        for step in [1000, bomb.len()] {
            let limits = Limits { message: limit, ..Limits::default() };
            let mut ws = WebSocket::new(&Config { limits, ..config(Role::Server, false) });
            let wire = frame(Role::Server, FIN | RSV1 | BINARY, &bomb);
            let mut got = Vec::new();
            for piece in wire.chunks(step) {
                got.extend(feed(&mut ws, piece, step, &mut Vec::new()));
                assert!(ws.buffered() <= limit + 8192, "{}", ws.buffered());
            }
            assert_eq!(got, [Got::Violation(1009)]);
        }
    }
}

#[test]
fn the_limit_is_exact_after_decompression() {
    for n in [0_usize, 1, 100, 4095, 4096, 4097, 70_000] {
        for extra in [0, 1] {
            let data = vec![b'x'; n + extra];
            let mut payload = deflated(&[&data], FlushCompress::Sync);
            payload.truncate(payload.len() - 4);
            let limits = Limits { message: n, ..Limits::default() };
            let config = Config { limits, ..config(Role::Server, true) };
            let wire = frame(Role::Server, FIN | RSV1 | BINARY, &payload);
            let expected = if extra == 0 { binary(&data) } else { Got::Violation(1009) };
            check("limit after decompression", &config, &wire, &[expected]);
        }
    }
}

#[test]
fn a_bomb_in_fragments_is_stopped_too() {
    let data = vec![b'x'; 10_000];
    let pieces = [&data[..]; 20];
    let mut payload = deflated(&pieces, FlushCompress::Sync);
    payload.truncate(payload.len() - 4);
    let limits = Limits { message: 199_999, ..Limits::default() };
    let mut wire = frame(Role::Server, RSV1 | BINARY, &payload[..10]);
    for piece in payload[10..].chunks(10) {
        wire.extend(frame(Role::Server, 0, piece));
    }
    wire.extend(frame(Role::Server, FIN, b""));
    check("over", &Config { limits, ..config(Role::Server, false) }, &wire, &[Got::Violation(1009)]);
    let limits = Limits { message: 200_000, ..Limits::default() };
    let mut ws = WebSocket::new(&Config { limits, ..config(Role::Server, false) });
    assert!(feed(&mut ws, &wire, wire.len(), &mut Vec::new()) == [binary(&data.repeat(20))]);
}

#[test]
fn a_compressed_frame_is_dropped_by_its_length_on_the_wire() {
    let first = deflated(&[&[b'x'; 5000]], FlushCompress::Sync);
    let payload = deflated(&[&[b'x'; 5000], b"and more"], FlushCompress::Sync);
    assert!(payload.starts_with(&first));
    let wire = frame(Role::Server, FIN | RSV1 | BINARY, &payload);
    // The head, the key, and what makes 5,000 bytes.
    let (before, after) = wire.split_at(6 + first.len());
    let close = frame(Role::Server, FIN | CLOSE, &close_body(1000, b""));
    for step in [1, 1000] {
        let mut ws = WebSocket::new(&config(Role::Server, true));
        let mut out = Vec::new();
        assert_eq!(feed(&mut ws, before, step, &mut out), []);
        assert!(ws.buffered() >= 5000, "it has come out");
        ws.close(1001, "", &mut out);
        let got = feed(&mut ws, &[after, &close].concat(), step, &mut out);
        assert_eq!(got, [Got::Close(Some(1000), String::new())]);
    }
}

#[test]
fn short_messages_and_those_that_do_not_shrink_go_as_they_are() {
    let compression = Compression { threshold: 100, ..Compression::default() };
    let config = Config { deflate: Some(negotiated(true, 15)), compression, ..Config::server() };
    let mut client = WebSocket::new(&Config { role: Role::Client, ..config });
    let mut server = WebSocket::new(&config);
    for (payload, compressed) in [
        (vec![b'x'; 99], false),
        (vec![b'x'; 100], true),
        (noise(5000), false),
        (prose(5000), true),
        (prose(5000), true),
        (Vec::new(), false),
    ] {
        let mut out = Vec::new();
        server.send(Kind::Binary, &payload, &mut out);
        assert_eq!(out[0] & RSV1 != 0, compressed, "{} bytes", payload.len());
        assert!(feed(&mut client, &out, out.len(), &mut Vec::new()) == [binary(&payload)]);
        let mut out = Vec::new();
        let start = server.begin(Kind::Binary, payload.len() / 3, &mut out);
        out.extend_from_slice(&payload);
        server.finish(start, &mut out);
        assert_eq!(out[0] & RSV1 != 0, compressed, "{} bytes", payload.len());
        assert!(feed(&mut client, &out, out.len(), &mut Vec::new()) == [binary(&payload)]);
    }
}

#[test]
fn with_context_the_second_message_is_shorter() {
    for takeover in [false, true] {
        let mut server = WebSocket::new(&config(Role::Server, takeover));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        server.send(Kind::Text, &prose(2000), &mut first);
        server.send(Kind::Text, &prose(2000), &mut second);
        if takeover {
            assert!(second.len() < 100, "{}", second.len());
        } else {
            assert_eq!(first, second);
        }
    }
}

#[test]
fn the_window_agreed_on_is_kept() {
    // 600 bytes that repeat: a window of 512 does not reach back, a larger one does.
    let data = noise(600).repeat(20);
    for bits in 9..=15 {
        for level in 1..=9 {
            let compression = Compression { level, threshold: 0 };
            let deflate = Some(negotiated(true, bits));
            let mut server = WebSocket::new(&Config { deflate, compression, ..Config::server() });
            let mut out = Vec::new();
            server.send(Kind::Binary, &data, &mut out);
            assert_eq!(out.len() < data.len() / 2, bits > 9, "{bits} bits, level {level}");
            server.send(Kind::Binary, &prose(5000), &mut out);
            // A strict receiver: one byte of output at a time, so that only the window remembers.
            let mut rest = &out[..];
            let mut context = flate2::Decompress::new_with_window_bits(false, bits);
            for expected in [&data, &prose(5000)] {
                let len = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
                let (frame, after) = rest.split_at(4 + len);
                rest = after;
                if frame[0] & RSV1 == 0 {
                    assert_eq!(frame[4..], expected[..]);
                    continue;
                }
                let payload = [&frame[4..], &[0, 0, 0xff, 0xff]].concat();
                let mut input = &payload[..];
                let mut data = Vec::new();
                loop {
                    let (read, written) = (context.total_in(), context.total_out());
                    let mut byte = [0];
                    context
                        .decompress(input, &mut byte, flate2::FlushDecompress::Sync)
                        .expect("no reference beyond the window");
                    input = &input[(context.total_in() - read) as usize..];
                    if context.total_out() == written {
                        break;
                    }
                    data.push(byte[0]);
                }
                assert!(data == expected[..], "{bits} bits, level {level}");
            }
        }
    }
}

#[test]
fn connections_of_one_thread_do_not_disturb_each_other() {
    let mut senders: Vec<WebSocket> = Vec::new();
    let mut receivers: Vec<WebSocket> = Vec::new();
    let mut wires = Vec::new();
    for (takeover, bits) in [(false, 15), (true, 15), (false, 9), (true, 10), (false, 15)] {
        let config = Config { deflate: Some(negotiated(takeover, bits)), ..Config::client() };
        senders.push(WebSocket::new(&config));
        receivers.push(WebSocket::new(&Config { role: Role::Server, ..config }));
        wires.push(Vec::new());
    }
    for round in 0..5 {
        for (sender, wire) in senders.iter_mut().zip(&mut wires) {
            sender.send(Kind::Text, &prose(3000 + round), wire);
        }
    }
    let mut got = vec![Vec::new(); 5];
    // One byte for each in turn, so that all are in the middle of a message all the time.
    for i in 0..wires.iter().map(Vec::len).max().unwrap_or_default() {
        for ((receiver, wire), got) in receivers.iter_mut().zip(&wires).zip(&mut got) {
            if let Some(byte) = wire.get(i..=i) {
                got.extend(feed(receiver, byte, 1, &mut Vec::new()));
            }
        }
    }
    let expected: Vec<Got> = (0..5).map(|round| Got::Message(Kind::Text, prose(3000 + round))).collect();
    assert!(got.iter().all(|got| *got == expected));
}

#[test]
fn messages_that_do_not_shrink_do_not_harm_those_that_follow() {
    for takeover in [false, true] {
        for level in 0..=9 {
            let compression = Compression { level, threshold: 0 };
            let config = Config { deflate: Some(negotiated(takeover, 15)), compression, ..Config::client() };
            let mut client = WebSocket::new(&config);
            let mut server = WebSocket::new(&Config { role: Role::Server, ..config });
            for _ in 0..10 {
                for data in [noise(70_000), prose(70_000)] {
                    let mut wire = Vec::new();
                    client.send(Kind::Binary, &data, &mut wire);
                    assert!(feed(&mut server, &wire, wire.len(), &mut Vec::new()) == [binary(&data)]);
                }
            }
        }
    }
}

//! permessage-deflate: contexts that connections of one thread pass on to each other, and the bounds around them.

mod common;

use common::*;
use flate2::{Compress, FlushCompress};
use swill_ws::deflate::{Compression, Negotiated};
use swill_ws::{Config, Kind, Role, WebSocket};

/// A final block in fixed codes: "Hello".
const LAST: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn config(role: Role, takeover: bool, bits: u8, compression: Compression) -> Config {
    let negotiated = Negotiated {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    };
    Config { deflate: Some(negotiated), compression, ..Config::new(role) }
}

fn server(takeover: bool, bits: u8) -> WebSocket {
    WebSocket::new(&config(Role::Server, takeover, bits, Compression::default()))
}

/// The payload of a message that a compressor with this level and window makes of `data`.
fn deflated(data: &[u8], level: u8, bits: u8) -> Vec<u8> {
    let mut context = Compress::new_with_window_bits(flate2::Compression::new(level.into()), false, bits);
    let mut out = Vec::with_capacity(2 * data.len() + 100);
    context.compress_vec(data, &mut out, FlushCompress::Sync).expect("compresses");
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]) && out.len() < out.capacity());
    out.truncate(out.len() - 4);
    out
}

fn message(payload: &[u8]) -> Vec<u8> {
    frame(Role::Server, FIN | RSV1 | BINARY, payload)
}

#[test]
fn each_connection_compresses_with_its_own_settings() {
    // Lines that any window helps with, and a repetition that is in reach of some only.
    let lines: String = (0..1000).map(|line| format!("line {line} of a thousand\n")).collect();
    let data = [lines.as_bytes(), &prose(5000).repeat(2)].concat();
    let settings: Vec<(u8, u8)> =
        [1, 4, 6, 9].into_iter().flat_map(|level| [(level, 9), (level, 15)]).collect();
    let mut servers: Vec<WebSocket> = settings
        .iter()
        .map(|&(level, bits)| {
            let compression = Compression { level, threshold: 0 };
            WebSocket::new(&config(Role::Server, false, bits, compression))
        })
        .collect();
    // Without context takeover all of them share one context of the thread, as long as their settings are the same.
    for round in 0..3 {
        for (server, &(level, bits)) in servers.iter_mut().zip(&settings) {
            for _ in 0..=round {
                let mut out = Vec::new();
                server.send(Kind::Binary, &data, &mut out);
                let expected = frame(Role::Client, FIN | RSV1 | BINARY, &deflated(&data, level, bits));
                assert!(out == expected, "round {round}, level {level}, {bits} bits");
            }
        }
    }
}

#[test]
fn every_window_is_understood_with_whatever_context_there_is() {
    let data = [prose(700).repeat(2), noise(600).repeat(2), prose(40_000)].concat();
    let starts: [(&[u8], &[u8]); 2] = [(b"", b""), (LAST, b"Hello")];
    for bits in 9..=15 {
        for (before, plain) in starts {
            // Another connection has left a context to the thread, which a connection with context takeover may get.
            let hello = message(LAST);
            assert_eq!(feed(&mut server(false, 15), &hello, 1, &mut Vec::new()), [binary(b"Hello")]);
            let wire = message(&[before, &deflated(&data, 9, bits)].concat());
            let expected = [binary(&[plain, &data].concat())];
            for (takeover, step) in [(true, 1), (true, wire.len()), (false, 1)] {
                let got = feed(&mut server(takeover, bits), &wire, step, &mut Vec::new());
                assert!(got == expected, "{bits} bits behind {plain:?}, in pieces of {step}");
            }
        }
    }
}

#[test]
fn a_message_may_have_a_thousand_streams_more_than_its_first() {
    for takeover in [false, true] {
        for (blocks, fine) in
            [(1, true), (999, true), (1000, true), (1001, true), (1002, false), (2000, false)]
        {
            let expected = match fine {
                true => binary(&b"Hello".repeat(blocks)),
                false => Got::Violation(1008),
            };
            let wire = message(&LAST.repeat(blocks));
            for step in [wire.len(), 7] {
                let mut server = server(takeover, 15);
                let got = feed(&mut server, &wire, step, &mut Vec::new());
                assert!(got == [expected.clone()], "{blocks} final blocks, in pieces of {step}");
            }
        }
    }
}

#[test]
fn streams_are_counted_for_each_message_anew() {
    for takeover in [false, true] {
        let mut server = server(takeover, 15);
        for blocks in [700, 1, 700, 1000, 700] {
            let got = feed(&mut server, &message(&LAST.repeat(blocks)), 1000, &mut Vec::new());
            assert!(got == [binary(&b"Hello".repeat(blocks))], "{blocks} final blocks");
        }
    }
}

/// A final block in fixed codes: this many `x`, then copies of 258 more of them.
fn run_of_x(literals: usize, copies: usize) -> Vec<u8> {
    // Codes as they stand in the stream, the first bit first: RFC 1951 §3.2.6.
    let mut bits = "110".to_owned();
    bits.push_str(&"10101000".repeat(literals));
    bits.push_str(&["11000101", "00000"].concat().repeat(copies));
    bits.push_str("0000000");
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
    bits.as_bytes().chunks(8).map(byte).collect()
}

#[test]
fn output_that_fills_its_room_is_not_the_end_of_it() {
    // The first growth of the buffer ends amid the last copy. Its last bit and the end of the block fill the last byte,
    // so that all input has been read when the rest of the copy is still to come.
    for (literals, copies) in [(485, 14), (600, 14), (741, 14), (1, 6), (484, 14), (742, 14)] {
        let payload = run_of_x(literals, copies);
        let expected = [binary(&vec![b'x'; literals + 258 * copies])];
        for takeover in [false, true] {
            for step in [1, 100, payload.len() + 20] {
                let mut server = server(takeover, 15);
                let got = feed(&mut server, &message(&payload), step, &mut Vec::new());
                assert!(got == expected, "{literals} and {copies} times 258 bytes, in pieces of {step}");
            }
        }
    }
}

#[test]
fn a_message_is_compressed_if_that_makes_it_shorter_and_only_then() {
    // Noise of 192 different bytes becomes about a twentieth shorter.
    let narrow = |len| noise(len).into_iter().map(|byte| byte % 192).collect::<Vec<u8>>();
    let mut payloads: Vec<Vec<u8>> =
        (1..80).flat_map(|len| [prose(len), noise(len), vec![b'x'; len]]).collect();
    payloads.extend([narrow(3000), narrow(20_000), noise(20_000)]);
    let (mut equal, mut hardly) = (0, 0);
    // All of them go into one buffer: where a message begins in it makes no difference.
    let mut out = Vec::new();
    for (takeover, level) in [(false, 1), (true, 1), (false, 6), (true, 6), (false, 9)] {
        let compression = Compression { level, threshold: 0 };
        for data in &payloads {
            let mut server = WebSocket::new(&config(Role::Server, takeover, 15, compression));
            let payload = deflated(data, level, 15);
            equal += usize::from(payload.len() == data.len());
            hardly += usize::from(payload.len() < data.len() && payload.len() > data.len() * 9 / 10);
            let expected = match payload.len() < data.len() {
                true => frame(Role::Client, FIN | RSV1 | BINARY, &payload),
                false => frame(Role::Client, FIN | BINARY, data),
            };
            let start = out.len();
            server.send(Kind::Binary, data, &mut out);
            assert!(out[start..] == expected, "{} bytes that become {}", data.len(), payload.len());
        }
    }
    assert!(equal > 0 && hardly > 0, "there are such that stay as long, and such that become hardly shorter");
}

#[test]
fn the_threshold_counts_for_long_messages_as_well() {
    let compression = Compression { threshold: 100_000, ..Compression::default() };
    for takeover in [false, true] {
        let mut server = WebSocket::new(&config(Role::Server, takeover, 15, compression));
        let mut out = Vec::new();
        for (len, compressed) in [(99_999, false), (100_000, true), (65_536, false), (70_000, false)] {
            // Behind other messages in the same buffer, which are not a part of it.
            let start = out.len();
            server.send(Kind::Binary, &prose(len), &mut out);
            assert_eq!(out[start] & RSV1 != 0, compressed, "{len} bytes");
            let start = server.begin(Kind::Binary, len, &mut out);
            out.extend_from_slice(&prose(len));
            server.finish(start, &mut out);
            let mut client = WebSocket::new(&config(Role::Client, takeover, 15, compression));
            if !compressed {
                let last = &out[out.len() - len - 10..];
                assert!(feed(&mut client, last, last.len(), &mut Vec::new()) == [binary(&prose(len))]);
            }
        }
    }
}

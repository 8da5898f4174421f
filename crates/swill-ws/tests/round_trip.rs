//! Two machines talk to each other in memory.

mod common;

use bytes::BufMut;
use common::*;
use swill_ws::deflate::{Compression, Negotiated};
use swill_ws::{Config, Event, Input, Kind, Role, State, WebSocket};

const SIZES: [usize; 14] = [0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537];
const LARGE: usize = 1 << 20;

/// `from` sends every message both as text and as binary; the other side has to get them, in any pieces.
fn check_round_trip(from: &Config, payloads: &[Vec<u8>]) {
    let to = Config { role: other(from.role), ..*from };
    let mut sender = WebSocket::new(from);
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for payload in payloads {
        for kind in [Kind::Text, Kind::Binary] {
            sender.send(kind, payload, &mut wire);
            expected.push(Got::Message(kind, payload.clone()));
        }
    }
    for step in [wire.len(), 4096, 10_007] {
        let mut receiver = WebSocket::new(&to);
        let mut out = Vec::new();
        let got = feed(&mut receiver, &wire, step, &mut out);
        assert!(got == expected, "{from:?} in pieces of {step}");
        assert!(out.is_empty());
        assert_eq!(receiver.buffered(), 0);
    }
}

#[test]
fn every_size_survives_both_ways() {
    let payloads: Vec<Vec<u8>> = SIZES.into_iter().chain([LARGE]).map(prose).collect();
    for role in [Role::Client, Role::Server] {
        check_round_trip(&Config::new(role), &payloads);
    }
}

#[test]
fn every_size_survives_compression_in_every_mode() {
    let payloads: Vec<Vec<u8>> = SIZES.into_iter().map(prose).collect();
    for role in [Role::Client, Role::Server] {
        for takeover in [false, true] {
            for bits in 8..=15 {
                let deflate = Some(Negotiated {
                    server_no_context_takeover: !takeover,
                    client_no_context_takeover: !takeover,
                    server_max_window_bits: bits,
                    client_max_window_bits: bits,
                });
                let level = [0, 1, 6, 9][usize::from(bits) % 4];
                let compression = Compression { level, threshold: 0 };
                check_round_trip(&Config { deflate, compression, ..Config::new(role) }, &payloads);
            }
        }
    }
}

#[test]
fn a_large_message_survives_compression() {
    for takeover in [false, true] {
        let deflate = Some(Negotiated {
            server_no_context_takeover: !takeover,
            client_no_context_takeover: !takeover,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        });
        check_round_trip(&Config { deflate, ..Config::client() }, &[prose(LARGE), vec![b'x'; LARGE]]);
    }
}

#[test]
fn a_wrong_guess_at_the_length_does_not_show() {
    for role in [Role::Client, Role::Server] {
        for expected in [0, 125, 126, 65_535, 65_536] {
            for size in SIZES {
                let payload = prose(size);
                let mut sender = WebSocket::new(&Config::new(role));
                let mut wire = b"before".to_vec();
                let start = sender.begin(Kind::Binary, expected, &mut wire);
                wire.extend_from_slice(&payload);
                sender.finish(start, &mut wire);
                let (before, wire) = wire.split_at(6);
                assert_eq!(before, b"before");
                let mut receiver = WebSocket::new(&Config::new(other(role)));
                let got = feed(&mut receiver, wire, 1 << 20, &mut Vec::new());
                assert!(got == [binary(&payload)], "{role:?} {expected} {size}");
            }
        }
    }
}

#[test]
fn a_large_payload_can_be_read_into_the_machine() {
    for kind in [Kind::Text, Kind::Binary] {
        let mut client = WebSocket::new(&Config::client());
        let mut server = WebSocket::new(&Config::server());
        let mut wire = Vec::new();
        client.send(kind, &prose(LARGE), &mut wire);
        client.send(kind, b"next", &mut wire);
        let mut rest = &wire[..];
        let mut out = Vec::new();
        let mut got = Vec::new();
        let mut received = 0;
        let mut direct = 0;
        let mut scratch = vec![0; 8192];
        while !rest.is_empty() {
            let mut fresh = 0;
            let n = if let Some(mut buffer) = server.payload_buffer() {
                let n = 5000.min(rest.len()).min(buffer.remaining_mut());
                buffer.put_slice(&rest[..n]);
                direct += n;
                n
            } else {
                fresh = scratch.len().min(rest.len());
                scratch[..fresh].copy_from_slice(&rest[..fresh]);
                fresh
            };
            rest = &rest[n..];
            received += n;
            assert!(server.buffered() <= 2 * received + (64 << 10), "grows with what was received");
            assert!(server.buffered() <= LARGE + 1024);
            let mut input = Input::new(&mut scratch[..fresh]);
            while let Some(event) = server.receive(&mut input, &mut out).expect("no violation") {
                let Event::Message { data, .. } = event else { panic!("unexpected {event:?}") };
                got.push(data.to_vec());
            }
        }
        assert!(got == [prose(LARGE), b"next".to_vec()]);
        assert!(direct > LARGE - (32 << 10), "{direct}");
        assert_eq!(server.buffered(), 0);
    }
}

#[test]
fn a_direct_read_may_bring_nothing_or_be_left_out() {
    let mut server = WebSocket::new(&Config::server());
    let wire = frame(Role::Server, FIN | BINARY, &noise(100_000));
    let mut out = Vec::new();
    assert_eq!(feed(&mut server, &wire[..1000], 1000, &mut out), []);
    assert!(server.payload_buffer().is_some());
    assert_eq!(server.receive(&mut Input::new(&mut []), &mut out), Ok(None));
    server.payload_buffer().expect("much is missing").put_slice(&wire[1000..2000]);
    // Twice without a call of `receive` between.
    server.payload_buffer().expect("much is missing").put_slice(&wire[2000..3000]);
    let got = feed(&mut server, &wire[3000..], 1 << 20, &mut out);
    assert!(got == [binary(&noise(100_000))]);
}

#[test]
fn a_direct_read_has_room_for_much() {
    const MUCH: usize = 16 << 10;
    for missing in [MUCH - 1, MUCH, MUCH + 1] {
        let mut server = WebSocket::new(&Config::server());
        let head = head(Role::Server, FIN | BINARY, missing as u64);
        assert_eq!(feed(&mut server, &head, 100, &mut Vec::new()), []);
        assert_eq!(server.payload_buffer().is_some(), missing >= MUCH, "{missing}");
    }
    let mut server = WebSocket::new(&Config::server());
    let head = head(Role::Server, FIN | BINARY, 300_000);
    assert_eq!(feed(&mut server, &head, 100, &mut Vec::new()), []);
    let room = server.payload_buffer().expect("all is missing").chunk_mut().len();
    assert!(room >= 64 << 10, "{room}");
    // As long as there is still much room, the buffer stays as it is.
    let held = server.buffered();
    server.payload_buffer().expect("much is missing").put_slice(&vec![0; room - MUCH]);
    assert_eq!(server.payload_buffer().expect("much is missing").chunk_mut().len(), MUCH);
    assert_eq!(server.buffered(), held);
    server.payload_buffer().expect("much is missing").put_slice(&[0]);
    assert!(server.payload_buffer().expect("much is missing").chunk_mut().len() >= 64 << 10);
}

#[test]
fn memory_doubles_up_to_the_end_of_the_frame() {
    const HEAD: usize = 14;
    for first in [FIN | BINARY, FIN | TEXT] {
        let mut server = WebSocket::new(&Config::server());
        let wire = frame(Role::Server, first, &vec![b'x'; 100_000]);
        for (at, piece) in wire[..wire.len() - 1].chunks(1000).enumerate() {
            assert_eq!(feed(&mut server, piece, 1000, &mut Vec::new()), []);
            let received = at * 1000 + piece.len() - HEAD;
            let held = server.buffered();
            assert!(held > received, "{held} bytes for {received}");
            assert!(held <= (2 * received).min(100_000) + 512, "{held} bytes for {received}");
        }
    }
}

#[test]
fn a_control_frame_that_is_incomplete_is_counted() {
    let mut server = WebSocket::new(&Config::server());
    assert_eq!(feed(&mut server, &frame(Role::Server, BINARY, &[1; 10_000]), 20_000, &mut Vec::new()), []);
    let before = server.buffered();
    assert_eq!(
        feed(&mut server, &frame(Role::Server, FIN | PING, &[1; 100])[..56], 100, &mut Vec::new()),
        []
    );
    let after = server.buffered();
    assert!((before + 50..before + 256).contains(&after), "{before} bytes and 50 are {after}");
}

#[test]
fn what_was_read_directly_is_dropped_with_its_frame() {
    let mut server = WebSocket::new(&Config::server());
    let long = frame(Role::Server, FIN | BINARY, &noise(100_000));
    let close = frame(Role::Server, FIN | CLOSE, &close_body(1000, b""));
    let mut out = Vec::new();
    assert_eq!(feed(&mut server, &long[..1000], 1000, &mut out), []);
    server.payload_buffer().expect("much is missing").put_slice(&long[1000..3000]);
    server.close(1001, "", &mut out);
    assert_eq!(server.receive(&mut Input::new(&mut []), &mut out), Ok(None));
    // The rest of a frame that is dropped may be read directly, too.
    server.payload_buffer().expect("much is missing").put_slice(&long[3000..5000]);
    let got = feed(&mut server, &[&long[5000..], &close].concat(), 1 << 20, &mut out);
    assert_eq!(got, [Got::Close(Some(1000), String::new())]);
}

#[test]
fn a_direct_read_finds_bad_text_at_once() {
    let mut server = WebSocket::new(&Config::server());
    let mut wire = frame(Role::Server, FIN | TEXT, &prose(100_000));
    wire[5000] ^= 0x80;
    let mut out = Vec::new();
    assert_eq!(feed(&mut server, &wire[..4000], 1000, &mut out), []);
    server.payload_buffer().expect("much is missing").put_slice(&wire[4000..6000]);
    assert_eq!(server.receive(&mut Input::new(&mut []), &mut out).map_err(|v| v.code), Err(1007));
}

#[test]
fn the_machine_is_small() {
    assert!(size_of::<WebSocket>() <= 96, "{}", size_of::<WebSocket>());
}

#[test]
fn closing_takes_one_frame_from_each_side() {
    for role in [Role::Client, Role::Server] {
        let mut first = WebSocket::new(&Config::new(role));
        let mut second = WebSocket::new(&Config::new(other(role)));
        let (mut there, mut back) = (Vec::new(), Vec::new());
        first.close(4000, "done", &mut there);
        assert_eq!(first.state(), State::Closing);
        second.send(Kind::Text, b"on its way", &mut back);
        second.ping(b"?", &mut back);
        let got = feed(&mut second, &there, 1000, &mut back);
        assert_eq!(got, [Got::Close(Some(4000), "done".to_owned())]);
        assert_eq!(second.state(), State::Closed);
        there.clear();
        assert_eq!(feed(&mut first, &back, 1000, &mut there), [Got::Close(Some(4000), String::new())]);
        assert_eq!(first.state(), State::Closed);
        assert!(there.is_empty());
    }
}

#[test]
fn both_sides_may_close_at_once() {
    let mut client = WebSocket::new(&Config::client());
    let mut server = WebSocket::new(&Config::server());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client.close(1000, "", &mut there);
    server.close(1001, "", &mut back);
    let len = (there.len(), back.len());
    let wire = there.clone();
    assert_eq!(feed(&mut server, &wire, 1, &mut back), [Got::Close(Some(1000), String::new())]);
    let wire = back.clone();
    assert_eq!(feed(&mut client, &wire, 1, &mut there), [Got::Close(Some(1001), String::new())]);
    assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
    assert_eq!((there.len(), back.len()), len);
}

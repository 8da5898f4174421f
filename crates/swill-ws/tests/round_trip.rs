//! Two machines talk to each other in memory.

use bytes::BufMut;
use swill_ws::deflate::{Compression, Negotiated};
use swill_ws::{Config, Event, Input, Kind, Limits, Role, State, WebSocket};

const SIZES: [usize; 15] = [
    0,
    1,
    2,
    7,
    8,
    9,
    124,
    125,
    126,
    127,
    65_534,
    65_535,
    65_536,
    65_537,
    1 << 20,
];

/// Not compressible to nothing, not incompressible, valid UTF-8.
fn payload(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"abcdefghijklmnopqrstuvwxyz      "[(state >> 24) as usize % 32]
        })
        .collect()
}

fn messages(ws: &mut WebSocket, bytes: &[u8], step: usize) -> Vec<(Kind, Vec<u8>)> {
    let mut bytes = bytes.to_vec();
    let mut out = Vec::new();
    let mut messages = Vec::new();
    for chunk in bytes.chunks_mut(step) {
        let mut input = Input::new(chunk);
        while let Some(event) = ws.receive(&mut input, &mut out).expect("no violation") {
            match event {
                Event::Message { kind, data } => messages.push((kind, data.to_vec())),
                other => panic!("unexpected {other:?}"),
            }
        }
        assert!(input.is_empty());
    }
    assert!(out.is_empty());
    messages
}

fn negotiated_modes() -> Vec<Option<Negotiated>> {
    let mut modes = vec![None];
    for takeover in [false, true] {
        for bits in [8, 9, 10, 15] {
            modes.push(Some(Negotiated {
                server_no_context_takeover: !takeover,
                client_no_context_takeover: !takeover,
                server_max_window_bits: bits,
                client_max_window_bits: bits,
            }));
        }
    }
    modes
}

fn other(role: Role) -> Role {
    if role == Role::Client {
        Role::Server
    } else {
        Role::Client
    }
}

#[test]
fn every_size_survives_both_ways_in_every_mode() {
    for deflate in negotiated_modes() {
        for level in [0, 1, 6, 9] {
            if deflate.is_none() && level > 0 {
                continue;
            }
            for role in [Role::Client, Role::Server] {
                let compression = Compression { level, threshold: 0 };
                let config = Config {
                    deflate,
                    compression,
                    ..Config::new(role)
                };
                let mut sender = WebSocket::new(&config);
                let mut receiver = WebSocket::new(&Config {
                    role: other(role),
                    ..config
                });
                let mut wire = Vec::new();
                let mut expected = Vec::new();
                for size in SIZES {
                    for kind in [Kind::Text, Kind::Binary] {
                        sender.send(kind, &payload(size), &mut wire);
                        expected.push((kind, payload(size)));
                    }
                }
                for step in [wire.len(), 4096, 10_007] {
                    let mut receiver = if step == wire.len() {
                        WebSocket::new(&Config {
                            role: other(role),
                            ..config
                        })
                    } else {
                        std::mem::replace(
                            &mut receiver,
                            WebSocket::new(&Config {
                                role: other(role),
                                ..config
                            }),
                        )
                    };
                    let got = messages(&mut receiver, &wire, step);
                    assert!(got == expected, "{role:?} {deflate:?} level {level} step {step}");
                    assert_eq!(receiver.buffered(), 0);
                }
            }
        }
    }
}

#[test]
fn a_wrong_guess_at_the_length_does_not_show() {
    for role in [Role::Client, Role::Server] {
        for expected in [0, 125, 126, 65_535, 65_536] {
            for size in SIZES {
                let mut sender = WebSocket::new(&Config::new(role));
                let mut receiver = WebSocket::new(&Config::new(other(role)));
                let mut wire = b"before".to_vec();
                let start = sender.begin(Kind::Binary, expected, &mut wire);
                wire.extend_from_slice(&payload(size));
                sender.finish(start, &mut wire);
                let (before, frame) = wire.split_at(6);
                assert_eq!(before, b"before");
                assert_eq!(
                    messages(&mut receiver, frame, 1 << 20),
                    [(Kind::Binary, payload(size))]
                );
            }
        }
    }
}

#[test]
fn a_large_payload_can_be_read_into_the_machine() {
    let size = 1 << 20;
    for kind in [Kind::Text, Kind::Binary] {
        let mut client = WebSocket::new(&Config::client());
        let mut server = WebSocket::new(&Config::server());
        let mut wire = Vec::new();
        client.send(kind, &payload(size), &mut wire);
        client.send(kind, b"next", &mut wire);
        let mut rest = &wire[..];
        let mut out = Vec::new();
        let mut got = Vec::new();
        let mut direct = 0;
        let mut scratch = vec![0; 8192];
        while !rest.is_empty() {
            let mut fresh = 0;
            if let Some(mut buffer) = server.payload_buffer() {
                let n = 5000.min(rest.len()).min(buffer.remaining_mut());
                buffer.put_slice(&rest[..n]);
                direct += n;
                rest = &rest[n..];
            } else {
                fresh = scratch.len().min(rest.len());
                scratch[..fresh].copy_from_slice(&rest[..fresh]);
                rest = &rest[fresh..];
            }
            assert!(server.buffered() <= size + (64 << 10));
            let mut input = Input::new(&mut scratch[..fresh]);
            while let Some(event) = server.receive(&mut input, &mut out).expect("no violation") {
                let Event::Message { data, .. } = event else {
                    panic!("unexpected {event:?}")
                };
                got.push(data.to_vec());
            }
        }
        assert!(got == [payload(size), b"next".to_vec()]);
        assert!(direct > size - (32 << 10), "{direct}");
        assert_eq!(server.buffered(), 0);
    }
}

#[test]
fn the_machine_is_small() {
    assert!(size_of::<WebSocket>() <= 96, "{}", size_of::<WebSocket>());
}

#[test]
fn closing_takes_one_frame_from_each_side() {
    for (first, second) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
        let mut first = WebSocket::new(&Config {
            limits: Limits::default(),
            ..Config::new(first)
        });
        let mut second = WebSocket::new(&Config::new(second));
        let (mut there, mut back) = (Vec::new(), Vec::new());
        first.close(4000, "done", &mut there);
        first.close(1000, "again", &mut there);
        assert_eq!(first.state(), State::Closing);
        let len = there.len();
        first.send(Kind::Text, b"too late", &mut there);
        first.ping(b"", &mut there);
        assert_eq!(there.len(), len);
        second.send(Kind::Text, b"on its way", &mut back);
        second.ping(b"?", &mut back);
        let mut input = Input::new(&mut there);
        let event = second.receive(&mut input, &mut back);
        assert_eq!(
            event,
            Ok(Some(Event::Close {
                code: Some(4000),
                reason: "done"
            }))
        );
        assert_eq!(second.receive(&mut input, &mut back), Ok(None));
        assert_eq!(second.state(), State::Closed);
        let mut input = Input::new(&mut back);
        let mut out = Vec::new();
        let event = first.receive(&mut input, &mut out);
        assert_eq!(
            event,
            Ok(Some(Event::Close {
                code: Some(4000),
                reason: ""
            }))
        );
        assert_eq!(first.state(), State::Closed);
        assert!(out.is_empty());
    }
}

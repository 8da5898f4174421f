//! Frames made by hand, and what a machine makes of them.
#![allow(dead_code, reason = "not every test file needs all of it")]

use proptest::{prelude::ProptestConfig, test_runner::RngSeed};
use swill_ws::{Config, Event, Input, Kind, Role, State, Violation, WebSocket};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How properties are tried: so often, unless `PROPTEST_CASES` says how often.
pub(crate) fn settings(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { cases },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(6455),
        ..usual
    }
}

/// An event that borrows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Violation(u16),
}

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind, data } => Got::Message(kind, data.to_vec()),
            Event::Ping(data) => Got::Ping(data.to_vec()),
            Event::Pong(data) => Got::Pong(data.to_vec()),
            Event::Close { code, reason } => Got::Close(code, reason.to_owned()),
        }
    }
}

pub(crate) fn text(text: &str) -> Got {
    Got::Message(Kind::Text, text.as_bytes().to_vec())
}

pub(crate) fn binary(data: &[u8]) -> Got {
    Got::Message(Kind::Binary, data.to_vec())
}

/// A frame to a machine of this role, with the head in its shortest form. `first` is the whole first byte.
pub(crate) fn frame(to: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(to, first, payload.len() as u64);
    let start = frame.len();
    frame.extend_from_slice(payload);
    if to == Role::Server {
        for (byte, key) in frame[start..].iter_mut().zip(KEY.iter().cycle()) {
            *byte ^= key;
        }
    }
    frame
}

/// The head of a frame that announces `len` bytes.
pub(crate) fn head(to: Role, first: u8, len: u64) -> Vec<u8> {
    let mask = if to == Role::Server { 0x80 } else { 0 };
    let mut head = vec![first];
    match len {
        0..=125 => head.push(mask | len as u8),
        126..=0xffff => {
            head.push(mask | 126);
            head.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend_from_slice(&len.to_be_bytes());
        }
    }
    if to == Role::Server {
        head.extend_from_slice(&KEY);
    }
    head
}

/// Feeds `wire` in pieces of `step` bytes, as a driver would, and collects what comes out.
pub(crate) fn feed(ws: &mut WebSocket, wire: &[u8], step: usize, out: &mut Vec<u8>) -> Vec<Got> {
    let mut wire = wire.to_vec();
    let mut got = Vec::new();
    for piece in wire.chunks_mut(step.max(1)) {
        let mut input = Input::new(piece);
        loop {
            match ws.receive(&mut input, out) {
                Ok(Some(event)) => got.push(event.into()),
                Ok(None) => break,
                Err(Violation { code, .. }) => got.push(Got::Violation(code)),
            }
        }
        assert!(input.is_empty(), "None means that everything has been taken");
    }
    got
}

/// Feeds `wire` to fresh machines whole, byte by byte and in pieces of 3, and expects the same each time.
/// Returns what the machine wrote.
pub(crate) fn check(name: &str, config: &Config, wire: &[u8], expected: &[Got]) -> Vec<u8> {
    let mut outs = Vec::new();
    for step in [wire.len(), 1, 3] {
        let mut ws = WebSocket::new(config);
        let mut out = Vec::new();
        assert_eq!(feed(&mut ws, wire, step, &mut out), expected, "{name}, in pieces of {step}");
        if let Some(Got::Close(..) | Got::Violation(_)) = expected.last() {
            assert_eq!(ws.state(), State::Closed, "{name}");
            let len = out.len();
            let late = frame(config.role, FIN | TEXT, b"late");
            assert_eq!(feed(&mut ws, &late, 100, &mut out), [], "{name}: input after the end is discarded");
            assert_eq!(out.len(), len, "{name}");
            assert_eq!(ws.buffered(), 0, "{name}");
        }
        if config.role == Role::Client {
            out = unmasked(&out);
        }
        outs.push(out);
    }
    assert!(outs.windows(2).all(|pair| pair[0] == pair[1]), "{name}: what was written depends on the pieces");
    outs.swap_remove(0)
}

/// Takes the masks off a client's frames, so that they can be compared.
pub(crate) fn unmasked(mut wire: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [first, second, rest @ ..] = wire {
        let (len, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().expect("8 bytes")) as usize, &rest[8..]),
            len => (usize::from(len), rest),
        };
        assert_eq!(second & 0x80, 0x80, "a client masks");
        let (key, rest) = rest.split_at(4);
        plain.extend_from_slice(&[*first, second & 0x7f]);
        plain.extend(rest[..len].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        wire = &rest[len..];
    }
    plain
}

/// The body of a close frame.
pub(crate) fn close_body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

pub(crate) fn other(role: Role) -> Role {
    if role == Role::Client { Role::Server } else { Role::Client }
}

/// Neither compressible to nothing nor incompressible, and valid UTF-8.
pub(crate) fn prose(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"abcdefghijklmnopqrstuvwxyz      "[(state >> 24) as usize % 32]
        })
        .collect()
}

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

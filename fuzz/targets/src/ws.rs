//! Feeding one WebSocket machine in several ways.

use swill_ws::deflate::{Compression, Negotiated};
use swill_ws::{Config, Event, Input, Kind, Limits, Role, State, WebSocket};

/// Small, so that the fuzzer reaches them.
pub(crate) const LIMITS: Limits = Limits { message: 4096, frame: 3000, fragments: 20, empty_fragments: 3 };

/// An event that borrows nothing.
#[derive(Debug, PartialEq, Eq)]
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
            Event::Message { kind, data } => Self::Message(kind, data.to_vec()),
            Event::Ping(data) => Self::Ping(data.to_vec()),
            Event::Pong(data) => Self::Pong(data.to_vec()),
            Event::Close { code, reason } => Self::Close(code, reason.to_owned()),
        }
    }
}

/// The settings the first byte of the fuzzer's input stands for.
pub(crate) fn config(role: Role, choice: u8) -> Config {
    let deflate = (choice & 1 != 0).then_some(Negotiated {
        server_no_context_takeover: choice & 2 != 0,
        client_no_context_takeover: choice & 4 != 0,
        server_max_window_bits: 8 + (choice >> 4) % 8,
        client_max_window_bits: 8 + (choice >> 4) % 8,
    });
    Config {
        role,
        limits: LIMITS,
        deflate,
        compression: Compression { level: choice >> 4, threshold: if choice & 8 != 0 { 0 } else { 64 } },
    }
}

/// What a fresh machine makes of `wire` in pieces of these lengths (again and again), and what it writes.
pub(crate) fn feed(config: &Config, wire: &[u8], pieces: &[u8]) -> (Vec<Got>, Vec<u8>) {
    let mut ws = WebSocket::new(config);
    let (mut events, mut out) = (Vec::new(), Vec::new());
    let mut wire = wire.to_vec();
    let mut rest = &mut wire[..];
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let len = pieces.next().map_or(rest.len(), |&len| usize::from(len).clamp(1, rest.len()));
        let (piece, after) = rest.split_at_mut(len);
        rest = after;
        let mut input = Input::new(piece);
        loop {
            let (before, written) = (ws.state(), out.len());
            match ws.receive(&mut input, &mut out) {
                Ok(Some(event)) => {
                    assert_ne!(before, State::Closed, "an event after the end");
                    if let Event::Message { kind, data } = event {
                        assert!(data.len() <= config.limits.message);
                        assert!(kind == Kind::Binary || std::str::from_utf8(data).is_ok());
                    }
                    events.push(event.into());
                }
                Ok(None) => break,
                Err(violation) => {
                    assert_ne!(before, State::Closed, "a violation after the end");
                    assert_eq!(ws.state(), State::Closed);
                    assert!(matches!(violation.code, 1002 | 1007 | 1008 | 1009));
                    assert!(out.len() > written + 4, "no close frame");
                    events.push(Got::Violation(violation.code));
                }
            }
            // One inflated chunk beyond the limit, and what holds it together.
            assert!(ws.buffered() <= config.limits.message + 4096 + 1024, "{}", ws.buffered());
        }
        assert!(input.is_empty());
    }
    (events, out)
}

/// Arbitrary bytes to a server.
pub(crate) fn server(data: &[u8]) {
    check(Role::Server, data);
}

/// Arbitrary bytes to a client.
pub(crate) fn client(data: &[u8]) {
    check(Role::Client, data);
}

/// Whole, byte by byte, and in the given pieces: the same events, the same bytes written.
fn check(role: Role, data: &[u8]) {
    let [choice, p0, p1, p2, wire @ ..] = data else { return };
    let config = config(role, *choice);
    let (events, out) = feed(&config, wire, &[]);
    for pieces in [&[1][..], &[*p0, *p1, *p2]] {
        let (other_events, other_out) = feed(&config, wire, pieces);
        assert_eq!(other_events, events, "the pieces matter");
        if role == Role::Server {
            assert_eq!(other_out, out, "the pieces matter for what is written");
        } else {
            // Masked with other keys.
            assert_eq!(other_out.len(), out.len(), "the pieces matter for what is written");
        }
    }
}

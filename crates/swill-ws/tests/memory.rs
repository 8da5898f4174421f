//! What is copied, and how much room is taken for it.

mod common;

use common::*;
use swill_ws::{Config, Event, Input, Kind, Role, WebSocket};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

#[test]
fn what_is_complete_in_the_input_is_not_copied() {
    for role in ROLES {
        let long = prose(70_000);
        // Frames, and whether their event lies in the input; `None` if they have no event.
        let table: [(u8, &[u8], Option<bool>); 10] = [
            (FIN | TEXT, b"short", Some(true)),
            (FIN | BINARY, &long[..300], Some(true)),
            (FIN | TEXT, &long, Some(true)),
            (FIN | PING, b"ping", Some(true)),
            (BINARY, b"put ", None),
            (FIN | PONG, b"pong", Some(true)),
            (FIN, b"together", Some(false)),
            (FIN | BINARY, b"short again", Some(true)),
            (FIN | TEXT, &long, Some(true)),
            (FIN | PING, b"another", Some(true)),
        ];
        let mut wire =
            table.iter().flat_map(|(first, payload, _)| frame(role, *first, payload)).collect::<Vec<_>>();
        let place = wire.as_ptr_range();
        let (mut input, mut out) = (Input::new(&mut wire), Vec::new());
        let mut ws = WebSocket::new(&Config::new(role));
        for (first, _, expected) in table {
            let Some(expected) = expected else { continue };
            let event = ws.receive(&mut input, &mut out).expect("no violation").expect("an event");
            let (Event::Message { data, .. } | Event::Ping(data) | Event::Pong(data)) = event else {
                panic!("unexpected {event:?}");
            };
            assert_eq!(place.contains(&data.as_ptr()), expected, "{first:x} to {role:?}");
        }
        assert_eq!(ws.receive(&mut input, &mut out), Ok(None));
    }
}

#[test]
fn a_buffer_that_is_full_to_the_byte_is_large_enough() {
    let mut server = WebSocket::new(&Config::server());
    let mut wire = frame(Role::Server, BINARY, &noise(2000));
    let head = wire.len() - 2000;
    let (first, rest) = wire.split_at_mut(head + 1000);
    let (one, last) = rest.split_at_mut(1);
    assert_eq!(feed(&mut server, first, 2000, &mut Vec::new()), []);
    assert_eq!(feed(&mut server, one, 2000, &mut Vec::new()), []);
    let held = server.buffered();
    assert!((2000..2500).contains(&held), "twice as much as the first bytes: {held}");
    assert_eq!(feed(&mut server, last, 2000, &mut Vec::new()), []);
    assert_eq!(server.buffered(), held);
}

#[test]
fn a_message_begun_has_room_for_the_head_that_is_expected() {
    for (expected, size) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (1 << 20, 10)] {
        for (role, key) in [(Role::Server, 0), (Role::Client, 4)] {
            let mut ws = WebSocket::new(&Config::new(role));
            let mut out = b"before".to_vec();
            let start = ws.begin(Kind::Text, expected, &mut out);
            assert_eq!(out.len() - 6, size + key, "{expected} to {role:?}");
            ws.abandon(start, &mut out);
        }
    }
}

#[test]
fn sending_takes_as_much_room_as_the_frame() {
    for role in ROLES {
        for len in [0, 1, 20, 125, 126, 1000, 65_535, 65_536, 1 << 20] {
            let mut out = Vec::new();
            WebSocket::new(&Config::new(role)).send(Kind::Binary, &vec![0; len], &mut out);
            assert!(out.capacity() <= len + 14, "{} for {len} from {role:?}", out.capacity());
        }
    }
}

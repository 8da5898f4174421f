//! What one side writes, the other one reads: any messages, pings and closes, compressed or not, in pieces of any length.

use crate::ws::{Got, config};
use swill_ws::{Event, Input, Kind, Role, State, WebSocket};

pub(crate) fn run(input: &[u8]) {
    let [choice, piece, script @ ..] = input else { return };
    for role in [Role::Client, Role::Server] {
        converse(role, *choice, *piece, script);
    }
}

fn converse(role: Role, choice: u8, piece: u8, script: &[u8]) {
    let other = if role == Role::Client { Role::Server } else { Role::Client };
    let mut writer = WebSocket::new(&config(role, choice));
    let mut reader = WebSocket::new(&config(other, choice));
    let (mut wire, mut expected, mut is_open) = (Vec::new(), Vec::new(), true);
    let mut rest = script;
    // Each step stands behind a byte that says what is done, and the length of what it is done with.
    while let [deed, length, tail @ ..] = rest {
        let (data, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        // Longer than a byte can say, up to what may be in one frame.
        let data = &data.repeat(1 + usize::from(deed >> 5))[..];
        let data = &data[..data.len().min(2000)];
        let text = String::from_utf8_lossy(data);
        let text = &text[..text.floor_char_boundary(2000)];
        let before = wire.len();
        let sent = match deed & 7 {
            0 => {
                writer.send(Kind::Binary, data, &mut wire);
                Some(Got::Message(Kind::Binary, data.to_vec()))
            }
            1 => {
                writer.send(Kind::Text, text.as_bytes(), &mut wire);
                Some(Got::Message(Kind::Text, text.into()))
            }
            2 | 3 => {
                // The guess at its length may be wrong.
                let guess = if deed & 1 == 0 { 0 } else { data.len() * 70 };
                let start = writer.begin(Kind::Binary, guess, &mut wire);
                wire.extend_from_slice(data);
                writer.finish(start, &mut wire);
                Some(Got::Message(Kind::Binary, data.to_vec()))
            }
            4 => {
                let start = writer.begin(Kind::Text, data.len(), &mut wire);
                wire.extend_from_slice(data);
                writer.abandon(start, &mut wire);
                assert_eq!(wire.len(), before, "what was abandoned leaves nothing");
                None
            }
            5 | 6 => {
                let data = &data[..data.len().min(125)];
                writer.ping(data, &mut wire);
                Some(Got::Ping(data.to_vec()))
            }
            _ => {
                let code = 3000 + u16::from(*length);
                writer.close(code, text, &mut wire);
                let reason = &text[..text.floor_char_boundary(123)];
                Some(Got::Close(Some(code), reason.into()))
            }
        };
        if is_open {
            expected.extend(sent);
        } else {
            assert_eq!(wire.len(), before, "nothing is written behind a close");
        }
        is_open &= deed & 7 != 7;
    }

    let (mut got, mut answers) = (Vec::new(), Vec::new());
    for piece in wire.chunks_mut(usize::from(piece).max(1)) {
        let mut input = Input::new(piece);
        while let Some(event) = reader.receive(&mut input, &mut answers).expect("what we write is right") {
            got.push(Got::from(event));
        }
    }
    assert_eq!(got, expected);
    assert_eq!(reader.buffered(), 0, "nothing is left");

    // What it answered: pongs, and the close.
    let mut input = Input::new(&mut answers);
    let mut nothing = Vec::new();
    while let Some(event) = writer.receive(&mut input, &mut nothing).expect("what we answer is right") {
        assert!(matches!(event, Event::Pong(_) | Event::Close { .. }), "{event:?}");
    }
    assert!(nothing.is_empty());
    let end = if is_open { State::Open } else { State::Closed };
    assert_eq!((writer.state(), reader.state()), (end, end));
}

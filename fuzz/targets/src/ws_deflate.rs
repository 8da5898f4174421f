//! Compression: arbitrary messages survive the way there, and arbitrary compressed bytes do no harm.

use crate::ws::{Got, config, feed};
use swill_ws::{Kind, Role, WebSocket};

pub(crate) fn run(data: &[u8]) {
    let [choice, p0, p1, rest @ ..] = data else { return };
    let pieces = [*p0, *p1];
    for role in [Role::Client, Role::Server] {
        let other = if role == Role::Client { Role::Server } else { Role::Client };
        let sender = config(role, choice | 1);
        let receiver = config(other, choice | 1);

        // Three messages that have much in common.
        let message = &rest[..rest.len().min(3000)];
        let mut ws = WebSocket::new(&sender);
        let mut wire = Vec::new();
        ws.send(Kind::Binary, message, &mut wire);
        ws.send(Kind::Binary, &message[message.len() / 2..], &mut wire);
        let start = ws.begin(Kind::Binary, usize::from(*p0), &mut wire);
        wire.extend_from_slice(message);
        ws.finish(start, &mut wire);
        let (events, out) = feed(&receiver, &wire, &pieces);
        let expected = [message, &message[message.len() / 2..], message];
        assert_eq!(events, expected.map(|data| Got::Message(Kind::Binary, data.to_vec())));
        assert!(out.is_empty());

        // The same bytes as a compressed message, twice, in one frame and in two.
        let mut wire = Vec::new();
        let half = rest.len().min(2000) / 2;
        for (first, part) in [(0xc2, &rest[..2 * half]), (0x41, &rest[..half]), (0x80, &rest[half..2 * half])]
        {
            wire.push(first);
            let mask = if other == Role::Server { 0x80 } else { 0 };
            if part.len() < 126 {
                wire.push(mask | part.len() as u8);
            } else {
                wire.push(mask | 126);
                wire.extend_from_slice(&(part.len() as u16).to_be_bytes());
            }
            if other == Role::Server {
                wire.extend_from_slice(&[0; 4]);
            }
            wire.extend_from_slice(part);
        }
        let whole = feed(&receiver, &wire, &[]);
        assert_eq!(feed(&receiver, &wire, &pieces).0, whole.0, "the pieces matter");
        assert_eq!(feed(&receiver, &wire, &[1]).0, whole.0, "the pieces matter");
    }
}

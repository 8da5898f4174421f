//! Each limit at its value and one beyond.

mod common;

use common::*;
use swill_ws::{Config, Limits, Role};

fn config(role: Role, limits: Limits) -> Config {
    Config { limits, ..Config::new(role) }
}

#[test]
fn a_message_may_be_as_long_as_the_limit() {
    for role in [Role::Server, Role::Client] {
        for n in [0, 1, 10, 125, 126, 127, 65_535, 65_536, 65_537] {
            let limits = Limits { message: n, ..Limits::default() };
            let (good, bad) = (vec![b'x'; n], vec![b'x'; n + 1]);
            let good = [FIN | TEXT, FIN | BINARY].map(|first| frame(role, first, &good)).concat();
            let n_text = "x".repeat(n);
            let expected = [text(&n_text), binary(n_text.as_bytes())];
            check("at the limit", &config(role, limits), &good, &expected);
            // The header alone is enough.
            let bad = frame(role, FIN | TEXT, &bad);
            let header = bad.len() - n - 1;
            check("over the limit", &config(role, limits), &bad[..header], &[Got::Violation(1009)]);
            check("over the limit", &config(role, limits), &bad, &[Got::Violation(1009)]);
        }
    }
}

#[test]
fn fragments_count_together() {
    let limits = Limits { message: 10, ..Limits::default() };
    let wire = [
        frame(Role::Server, TEXT, b"12345"),
        frame(Role::Server, FIN | PING, b"not counted"),
        frame(Role::Server, 0, b"6789"),
    ]
    .concat();
    let ping = Got::Ping(b"not counted".to_vec());
    let good = [wire.clone(), frame(Role::Server, FIN, b"0")].concat();
    check("at the limit", &config(Role::Server, limits), &good, &[ping.clone(), text("1234567890")]);
    let bad = [wire, head(Role::Server, FIN, 2)].concat();
    check("over the limit", &config(Role::Server, limits), &bad, &[ping, Got::Violation(1009)]);
}

#[test]
fn a_frame_may_be_as_long_as_its_limit() {
    for n in [0, 5, 125, 126, 70_000] {
        let limits = Limits { frame: n, ..Limits::default() };
        let good = [frame(Role::Server, BINARY, &vec![1; n]), frame(Role::Server, FIN, &vec![1; n])].concat();
        check("at the limit", &config(Role::Server, limits), &good, &[binary(&vec![1; 2 * n])]);
        for first in [FIN | BINARY, BINARY] {
            let bad = head(Role::Server, first, n as u64 + 1);
            check("over the limit", &config(Role::Server, limits), &bad, &[Got::Violation(1009)]);
        }
    }
}

#[test]
fn a_message_may_have_as_many_frames_as_the_limit() {
    let limits = Limits { fragments: 5, ..Limits::default() };
    let mut wire = frame(Role::Server, BINARY, b"1");
    for _ in 0..3 {
        wire.extend(frame(Role::Server, 0, b"1"));
    }
    let good = [&wire[..], &frame(Role::Server, FIN, b"1")].concat().repeat(2);
    check("at the limit", &config(Role::Server, limits), &good, &[binary(b"11111"), binary(b"11111")]);
    let bad = [&wire[..], &frame(Role::Server, 0, b"1"), &head(Role::Server, FIN, 1)].concat();
    check("over the limit", &config(Role::Server, limits), &bad, &[Got::Violation(1008)]);
}

#[test]
fn a_message_may_have_as_many_empty_frames_as_the_limit() {
    for n in [0_u32, 1, 3] {
        let limits = Limits { empty_fragments: n, ..Limits::default() };
        let mut wire = frame(Role::Server, BINARY, b"1");
        for _ in 0..n {
            wire.extend(frame(Role::Server, 0, b""));
        }
        let good = [&wire[..], &frame(Role::Server, FIN, b"1")].concat();
        check("at the limit", &config(Role::Server, limits), &good, &[binary(b"11")]);
        for first in [0, FIN] {
            let bad = [&wire[..], &head(Role::Server, first, 0)].concat();
            check("over the limit", &config(Role::Server, limits), &bad, &[Got::Violation(1008)]);
        }
        let whole = frame(Role::Server, FIN | BINARY, b"");
        check("an empty message is no fragment", &config(Role::Server, limits), &whole, &[binary(b"")]);
    }
}

#[test]
fn the_defaults_are_what_they_are_said_to_be() {
    let config = Config::server();
    let good = frame(Role::Server, FIN | BINARY, &vec![0; 1 << 20]);
    let mut ws = swill_ws::WebSocket::new(&config);
    assert_eq!(feed(&mut ws, &good, good.len(), &mut Vec::new()).len(), 1);
    check("1 MiB + 1", &config, &head(Role::Server, FIN | BINARY, (1 << 20) + 1), &[Got::Violation(1009)]);
    let mut many = frame(Role::Server, BINARY, b"1");
    for _ in 0..65_534 {
        many.extend(frame(Role::Server, 0, b"1"));
    }
    let mut ws = swill_ws::WebSocket::new(&config);
    let good = [&many[..], &frame(Role::Server, FIN, b"1")].concat();
    assert_eq!(feed(&mut ws, &good, 4096, &mut Vec::new()), [binary(&vec![b'1'; 65_536])]);
    let bad = [&many[..], &frame(Role::Server, 0, b"1"), &frame(Role::Server, FIN, b"1")].concat();
    assert_eq!(feed(&mut ws, &bad, 4096, &mut Vec::new()), [Got::Violation(1008)]);
    let mut empties = frame(Role::Server, BINARY, b"");
    for _ in 0..99 {
        empties.extend(frame(Role::Server, 0, b""));
    }
    let good = [&empties[..], &frame(Role::Server, FIN, b"1")].concat();
    check("100 empty frames", &config, &good, &[binary(b"1")]);
    let bad = [&empties[..], &frame(Role::Server, 0, b"")].concat();
    check("101 empty frames", &config, &bad, &[Got::Violation(1008)]);
}

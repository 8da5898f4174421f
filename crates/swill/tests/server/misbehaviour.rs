//! Peers that break the rules, or keep to them in a way that nobody needs. After each of them the server works on.

use crate::common::*;
use std::collections::HashSet;
use swill::{App, Limits, Value};
use swill_ws::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

type Wire = Client<TcpStream>;

/// Does something bad to a server; a connection from before and one from after still get their answers.
async fn attack(app: App, how: impl AsyncFnOnce(&Server, Wire)) {
    let server = serve(app).await;
    let mut canary = server.connect().await;
    assert_eq!(canary.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    how(&server, server.connect().await).await;
    assert_eq!(canary.call(2, "add", (3, 4)).await, Ok(Value::from(7)), "the canary");
    let mut fresh = server.connect().await;
    assert_eq!(fresh.call(1, "add", (5, 6)).await, Ok(Value::from(11)), "a fresh connection");
    canary.goodbye().await;
    fresh.goodbye().await;
    server.stop().await;
}

async fn check(what: &str, wire: Vec<u8>, code: u16) {
    attack(Probe::new().app().debug(true), async |_, mut client: Wire| {
        let _ = client.try_write(&wire).await;
        assert_eq!(client.closed().await, Some(code), "{what}");
    })
    .await;
}

#[tokio::test]
async fn frames_that_break_the_rules_end_the_connection() {
    for length in [(1 << 20) + 1, 1 << 28, 1 << 32, 1 << 62, (1 << 63) - 1] {
        check("an announced length", head(0x82, length), 1009).await;
    }
    check("a length with its highest bit", head(0x82, u64::MAX), 1002).await;
    check("a length in too many bytes", vec![0x82, 0x80 | 126, 0, 5, 1, 2, 3, 4], 1002).await;
    let mut unmasked = vec![0x82, 3];
    unmasked.extend_from_slice(&[0x93, 1, 2]);
    check("an unmasked frame", unmasked, 1002).await;
    for reserved in [0x40, 0x20, 0x10] {
        check("a reserved bit", frame(0x82 | reserved, b"x"), 1002).await;
    }
    for opcode in [3, 7, 11, 15] {
        check("a reserved opcode", frame(0x80 | opcode, b"x"), 1002).await;
    }
    check("a fragmented ping", frame(0x09, b"x"), 1002).await;
    check("a long ping", frame(0x89, &[0; 126]), 1002).await;
    check("a continuation of nothing", frame(0x80, b"x"), 1002).await;
    check("a message in a message", [frame(0x02, b"x"), frame(0x82, b"x")].concat(), 1002).await;
    check("a close with half a code", frame(0x88, &[3]), 1002).await;
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        check("a close code that may not be sent", frame(0x88, &code.to_be_bytes()), 1002).await;
    }
    check("a reason that is no text", frame(0x88, &[0x03, 0xe8, 0xff]), 1007).await;
    check("text that is no text", frame(0x81, &[0xff]), 1007).await;
    check("text", frame(0x81, b"hello"), 1003).await;
}

#[tokio::test]
async fn fragments_are_counted() {
    let limits = Limits::default();
    // The message is put together of 10,000 pieces, and answered.
    attack(Probe::new().app(), async |_, mut client: Wire| {
        let whole = message(1, "x".repeat(9_990), "echo", MESSAGE, None);
        let mut wire = Vec::new();
        for (at, byte) in whole.iter().enumerate() {
            let first = if at == 0 { 0x02 } else { 0x00 } | if at + 1 == whole.len() { 0x80 } else { 0 };
            wire.extend(frame(first, &[*byte]));
        }
        client.write(&wire).await;
        assert_eq!(client.answer().await.data, Value::from("x".repeat(9_990)));
        client.goodbye().await;
    })
    .await;
    for (limits, pieces, payload, code) in [
        (limits.clone().fragments(50, 10), 50, &b"\xc0"[..], None),
        (limits.clone().fragments(50, 10), 51, b"\xc0", Some(1008)),
        (limits.clone().fragments(50, 10), 13, b"", Some(1008)),
        (limits, 200_000, b"", Some(1008)),
    ] {
        attack(Probe::new().app().limits(limits), async |_, mut client: Wire| {
            let mut wire = frame(0x02, b"x");
            for piece in 2..=pieces {
                wire.extend(frame(if piece == pieces { 0x80 } else { 0 }, payload));
            }
            let _ = client.try_write(&wire).await;
            match code {
                Some(code) => assert_eq!(client.closed().await, Some(code), "{pieces} pieces"),
                None => assert_eq!(client.answer().await.code(), 400),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn messages_that_are_no_messages_are_answered_or_ignored() {
    let nested = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
    let request = |seq: &[u8], data: &[u8], rpc: &[u8], rest: &[&[u8]]| {
        let count = 3 + rest.len() as u8;
        [&[0x90 | count], seq, data, rpc, &rest.concat()].concat()
    };
    let echo = b"\xa4echo";
    let huge: &[&[u8]] = &[
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ];
    let mut messages = vec![
        ("nothing", vec![]),
        ("no array", vec![0xc0]),
        ("an array of nothing", vec![0x90]),
        ("the byte that means nothing", vec![0xc1]),
        ("too short", vec![0x92, 1, 2]),
        ("bytes left over", [request(b"\x01", b"\x02", echo, &[]), vec![0xc0]].concat()),
        ("a type that is none", request(b"\x01", b"\x02", echo, &[b"\x04"])),
        ("a negative type", request(b"\x01", b"\x02", echo, &[b"\xff"])),
        ("a type that is nil", request(b"\x01", b"\x02", echo, &[b"\xc0"])),
        ("a type that is a float", request(b"\x01", b"\x02", echo, &[b"\xca\x00\x00\x00\x00"])),
        ("metadata that are no map", request(b"\x01", b"\x02", echo, &[b"\x00", b"\x01"])),
        ("metadata with a number for a key", request(b"\x01", b"\x02", echo, &[b"\x00", b"\x81\x01\x02"])),
        ("a name that is a number", request(b"\x01", b"\x02", b"\x03", &[])),
        ("a name that is no text", request(b"\x01", b"\x02", b"\xa2\xff\xfe", &[])),
        (
            "a name of 300 bytes",
            request(b"\x01", b"\x02", &[&b"\xda\x01\x2c"[..], &[b'x'; 300]].concat(), &[]),
        ),
        ("a seq that is text", request(b"\xa11", b"\x02", echo, &[])),
        ("a seq that is a float", request(b"\xcb\x3f\xf0\0\0\0\0\0\0", b"\x02", echo, &[])),
        ("a seq that is nil", request(b"\xc0", b"\x02", echo, &[])),
        ("nested data", request(b"\x01", &nested(100_000), echo, &[])),
        ("nested data, a little", request(b"\x01", &nested(600), echo, &[])),
        ("nested data of an unknown procedure", request(b"\x01", &nested(100_000), b"\xa1x", &[])),
        ("a nested name", request(b"\x01", b"\x02", &nested(100_000), &[])),
        (
            "nested metadata",
            request(b"\x01", b"\x02", echo, &[b"\x00", &[&b"\x81\xa1a"[..], &nested(1000)].concat()]),
        ),
        ("nested too much everywhere", nested(100_000)),
        ("nested keys", request(b"\x01", &[vec![0x81; 50_000], vec![0xc0; 50_001]].concat(), echo, &[])),
        ("nested surplus", request(b"\x01", b"\x02", echo, &[b"\x00", b"\xc0", &nested(100_000)])),
    ];
    for prefix in huge {
        messages.push(("a giant as data", request(b"\x01", prefix, echo, &[])));
        messages.push(("a giant as name", [b"\x93\x01\x02", *prefix].concat()));
        messages.push(("a giant as metadata", [b"\x95\x01\x02\xa4echo\x00", *prefix].concat()));
        messages.push(("a giant", prefix.to_vec()));
        messages.push(("giants in giants", prefix.repeat(1000)));
    }
    attack(Probe::new().app().debug(true), async |_, mut client: Wire| {
        for (what, bytes) in &messages {
            client.send(bytes).await;
            client.request(77, "add", (1, 2)).await;
            let mut answers = Vec::new();
            loop {
                let answer = client.answer().await;
                if answer.seq == 77 {
                    assert_eq!(answer.result(), Ok(Value::from(3)), "after {what}");
                    break;
                }
                assert!((400..=422).contains(&answer.code()), "{what}: {answer:?}");
                answers.push(answer);
            }
            assert!(answers.len() <= 1, "{what}: {answers:?}");
        }
        // A little nesting is fine.
        let data = request(b"\x05", &nested(16), echo, &[]);
        client.send(&data).await;
        let answer = client.answer().await;
        assert_eq!((answer.seq, answer.kind), (5, MESSAGE));
        client.goodbye().await;
    })
    .await;
}

#[tokio::test]
async fn every_integer_is_a_seq() {
    attack(Probe::new().app(), async |_, mut client: Wire| {
        let seqs: &[(&[u8], i128)] = &[
            (b"\x00", 0),
            (b"\xff", -1),
            (b"\xd0\x80", -128),
            (b"\xd3\x80\0\0\0\0\0\0\0", i64::MIN.into()),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX.into()),
            (b"\xcf\0\x20\0\0\0\0\0\0", 1 << 53),
            (b"\xcd\0\x07", 7),
        ];
        for (written, seq) in seqs {
            let request = [b"\x93", *written, b"\x92\x01\x02\xa3add"].concat();
            client.send(&request).await;
            let answer = client.answer().await;
            assert_eq!((answer.seq, answer.data), (*seq, Value::from(3)));
        }
        // While a call is open, the same seq is the same call, and another name another call.
        client.request(7, "gated", 1).await;
        client.request(7, "gated", 2).await;
        client.request(7, "add", (1, 2)).await;
        assert_eq!(client.answer().await.data, Value::from(3));
        client.kind(7, "gated", CANCEL).await;
        client.goodbye().await;
    })
    .await;
}

#[tokio::test]
async fn streams_that_are_opened_and_cancelled_without_end_close_the_connection() {
    let probe = Probe::new();
    attack(probe.app(), async |_, client: Wire| {
        let Client { socket, mut ws, .. } = client;
        let (mut reading, mut writing) = socket.into_split();
        let flood = tokio::spawn(async move {
            for seq in 0..100_000 {
                let mut wire = Vec::new();
                for message in
                    [message(seq, 1, "total", MESSAGE, None), message(seq, (), "total", CANCEL, None)]
                {
                    ws.send(swill_ws::Kind::Binary, &message, &mut wire);
                }
                if writing.write_all(&wire).await.is_err() {
                    return seq;
                }
            }
            100_000
        });
        let mut all = Vec::new();
        let _ = reading.read_to_end(&mut all).await;
        assert_eq!(all.get(..4), Some(&[0x88, all[1], 0x03, 0xf0][..]), "closed with 1008");
        drop(reading);
        flood.await.expect("no panic");
    })
    .await;
    until("nothing is left", || probe.running() == 0).await;
    assert!(probe.started() <= 400, "{} procedures were started", probe.started());
}

#[tokio::test]
async fn calls_without_end_are_refused_beyond_the_limit() {
    const CALLS: i64 = 100_000;
    let probe = Probe::new();
    attack(probe.app(), async |_, mut client: Wire| {
        for start in (0..CALLS).step_by(1000) {
            let wire =
                client.framed((start..start + 1000).map(|seq| message(seq, (), "wait", MESSAGE, None)));
            client.write(&wire).await;
            for seq in start.max(128)..start + 1000 {
                let answer = client.answer().await;
                assert_eq!((answer.seq, answer.code()), (seq.into(), 429));
            }
        }
        assert_eq!(probe.running(), 128);
        assert_eq!(probe.started(), 128);
        // Those in flight can be cancelled, and then there is room again.
        for seq in 0..128 {
            client.kind(seq, "wait", CANCEL).await;
        }
        until("they have ended", || probe.running() == 0).await;
        assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
        client.goodbye().await;
    })
    .await;
}

#[tokio::test]
async fn streams_that_are_not_read_wait_and_lose_nothing() {
    const SIZE: usize = 1000;
    let probe = Probe::new();
    attack(probe.app(), async |_, mut client: Wire| {
        for seq in 1..=4 {
            client.request(seq, "endless", SIZE).await;
        }
        // They stop by themselves: what TCP holds, what the server holds, and not one item more.
        let mut before = u64::MAX;
        while before != probe.produced() || before < 100 {
            before = probe.produced();
            for _ in 0..2000 {
                tokio::task::yield_now().await;
            }
        }
        assert!(before as usize * SIZE < 24 << 20, "{before} items of {SIZE} bytes were made for nobody");
        let mut expected = [0_u64; 5];
        for _ in 0..before + 1000 {
            let answer = client.answer().await;
            let seq = usize::try_from(answer.seq).expect("small");
            assert_eq!(
                answer.data,
                Value::from(format!("{:0SIZE$}", expected[seq])),
                "a gap in stream {seq}"
            );
            expected[seq] += 1;
        }
    })
    .await;
    until("nothing is left", || probe.running() == 0).await;
}

#[tokio::test]
async fn answers_that_are_not_read_stop_the_server_from_reading() {
    // A megabyte that is asked for again and again, by requests of a few bytes.
    let probe = Probe::new();
    attack(probe.app(), async |_, client: Wire| {
        let Client { mut socket, mut ws, .. } = client;
        let mut accepted = 0;
        let mut wire = Vec::new();
        for seq in 0..100 {
            ws.send(
                swill_ws::Kind::Binary,
                &message(seq, "x".repeat(10_000), "echo", MESSAGE, None),
                &mut wire,
            );
        }
        loop {
            let written = socket.try_write(&wire);
            match written {
                Ok(bytes) => accepted += bytes,
                Err(_) => {
                    let mut quiet = true;
                    for _ in 0..2000 {
                        tokio::task::yield_now().await;
                    }
                    if let Ok(bytes) = socket.try_write(&wire) {
                        accepted += bytes;
                        quiet = false;
                    }
                    if quiet {
                        break;
                    }
                }
            }
            assert!(accepted < 64 << 20, "the server reads on and on");
        }
        let _ = socket.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_into_a_busy_procedure_is_taken_in_the_end() {
    const ITEMS: i64 = 200_000;
    let probe = Probe::new();
    attack(probe.app(), async |_, client: Wire| {
        let Client { socket, mut ws, .. } = client;
        let (reading, mut writing) = socket.into_split();
        let writer = tokio::spawn(async move {
            let mut wire = Vec::new();
            for item in 0..ITEMS {
                ws.send(
                    swill_ws::Kind::Binary,
                    &message(1, item.to_string(), "gated_lengths", MESSAGE, None),
                    &mut wire,
                );
            }
            ws.send(swill_ws::Kind::Binary, &message(1, (), "gated_lengths", END, None), &mut wire);
            writing.write_all(&wire).await.expect("all of it is taken");
            writing
        });
        until("it runs", || probe.running() == 1).await;
        for _ in 0..2000 {
            tokio::task::yield_now().await;
        }
        assert!(!writer.is_finished(), "the server has taken everything though nobody reads it");
        probe.open_gate(1);
        let writing = writer.await.expect("no panic");
        let mut client = Client::new(reading.reunite(writing).expect("the same"), &[], PATIENCE);
        let lengths: usize = (0..ITEMS).map(|item| item.to_string().len()).sum();
        assert_eq!(client.answer().await.result(), Ok(Value::from(lengths as u64)));
        client.goodbye().await;
    })
    .await;
}

#[tokio::test]
async fn messages_for_no_call_leave_nothing() {
    attack(Probe::new().app(), async |_, mut client: Wire| {
        for start in (0..100_000).step_by(5000) {
            let messages = (start..start + 5000).map(|seq| {
                let (rpc, kind) = [("total", END), ("total", CANCEL), ("unknown", CANCEL)][seq as usize % 3];
                message(seq, (), rpc, kind, None)
            });
            client.send_all(messages).await;
        }
        assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
        client.goodbye().await;
    })
    .await;
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing() {
    let probe = Probe::new();
    attack(probe.app(), async |server: &Server, client: Wire| {
        drop(client);
        for number in 0..100 {
            let mut client = server.connect().await;
            client.request(1, "endless", 1000).await;
            client.request(2, "total", 1).await;
            client.request(3, "wait", ()).await;
            match number % 4 {
                0 => drop(client.answer().await),
                // In the middle of a frame.
                1 => client.write(&head(0x82, 1000)).await,
                2 => client.socket.shutdown().await.expect("it is open"),
                _ => client.socket.set_zero_linger().expect("a socket"),
            }
        }
        until("their calls have ended", || probe.running() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_executed_after_a_close() {
    let probe = Probe::new();
    attack(probe.app(), async |_, mut client: Wire| {
        let close = frame(0x88, &1000_u16.to_be_bytes());
        let call = |seq| frame(0x82, &message(seq, (), "wait", MESSAGE, None));
        client.write(&[call(1), close, call(2), call(3)].concat()).await;
        assert_eq!(client.closed().await, Some(1000));
        until("it has ended", || probe.running() == 0).await;
        assert_eq!(probe.started(), 1);
    })
    .await;
}

#[tokio::test]
async fn random_messages_kill_nobody() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    attack(Probe::new().app().debug(true), async |_, mut client: Wire| {
        let names = ["add", "echo", "total", "double", "count", "gated", "metadata", "no"];
        let mut seqs = HashSet::new();
        for round in 0..3000_i64 {
            let name = names[random() as usize % names.len()];
            let mut bytes = message(round % 50, random() % 5, name, (random() % 4) as u8, None);
            for _ in 0..random() % 3 {
                let at = random() as usize % bytes.len();
                bytes[at] ^= 1 << (random() % 8);
            }
            client.send(&bytes).await;
            if round % 100 == 99 {
                let seq = 1_000_000 + round;
                client.request(seq, "nothing", ()).await;
                loop {
                    match client.next().await {
                        Got::Answer(answer) if answer.seq == seq.into() => break,
                        Got::Answer(answer) => drop(seqs.insert(answer.seq)),
                        // Too many calls were broken or cancelled.
                        Got::Close(1008, _) => return,
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_compression_bomb_is_stopped_at_the_limit() {
    let server = serve(Probe::new().app().compression()).await;
    let (socket, response) = server
        .upgrade("/", &[("Sec-WebSocket-Extensions", "permessage-deflate; client_no_context_takeover")])
        .await;
    assert_eq!(response.status, 101);
    assert!(
        response.header("sec-websocket-extensions").is_some_and(|it| it.starts_with("permessage-deflate"))
    );
    let mut client = Client::with_config(socket, &[], PATIENCE, &Config::client());
    let _ = client.try_write(&frame(0xc2, &compressed(&vec![0; 64 << 20]))).await;
    assert_eq!(client.closed().await, Some(1009));
    server.stop().await;
}

/// Compresses as a client does that has agreed to it.
fn compressed(data: &[u8]) -> Vec<u8> {
    let mut config = Config::server();
    config.deflate =
        swill_ws::deflate::accept(["permessage-deflate"], &swill_ws::deflate::Options::default());
    let mut out = Vec::new();
    swill_ws::WebSocket::new(&config).send(swill_ws::Kind::Binary, data, &mut out);
    assert_eq!(out[0], 0xc2, "one compressed frame");
    let start = match out[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    out.split_off(start)
}

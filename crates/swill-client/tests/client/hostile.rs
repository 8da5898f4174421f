use crate::support::{CANCEL, END_OF_STREAM, ERROR, MESSAGE, NIL, Peer, Seen, Server, connected, list};
use swill_client::{Client, Close, Code, Limits, State, Value};
use swill_proto::{Format, Payload};
use swill_ws::Kind;
use tokio::io::AsyncWriteExt;

/// Lets a server misbehave while a call is open; returns what the client says and how it ends.
async fn misbehave(act: impl AsyncFnOnce(&mut Peer)) -> (Server, Client, Seen) {
    let (server, mut peer, client) = connected().await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<()>("f", ()).await }
    });
    peer.expect(MESSAGE, "f").await;
    act(&mut peer).await;
    let seen = peer.see().await;
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    (server, client, seen)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_the_rules_is_told_and_left_for_good() {
    let check = async |code: u16, what: &str, act: &mut dyn AsyncAct| {
        let (_server, client, seen) = misbehave(async |peer| act.run(peer).await).await;
        assert_eq!(seen, Seen::Close(Some(code)), "{what}");
        let state = client.watch().until(State::is_closed).await;
        assert!(matches!(state, State::Closed(close) if close.code == code), "{what}");
    };
    let mut messages: Vec<(u16, &str, Kind, Vec<u8>)> = vec![
        (1003, "text", Kind::Text, b"{}".to_vec()),
        (1002, "nothing", Kind::Binary, vec![]),
        (1002, "no array", Kind::Binary, vec![0x01]),
        (1002, "an empty array", Kind::Binary, vec![0x90]),
        (1002, "a cut value", Kind::Binary, vec![0x95, 0x01, 0xc6, 0xff, 0xff, 0xff, 0xff]),
        (1002, "an announced giant", Kind::Binary, vec![0x95, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff]),
        (1002, "bytes left over", Kind::Binary, vec![0x95, 1, 0xc0, 0, 0xc0, 0xc0, 0xc0]),
        (1002, "a type that is none", Kind::Binary, vec![0x95, 1, 0xc0, 4, 0xc0, 0xc0]),
        (1002, "a seq that is text", Kind::Binary, vec![0x95, 0xa1, b'1', 0xc0, 0, 0xc0, 0xc0]),
        (1002, "metadata that is a list", Kind::Binary, vec![0x95, 1, 0xc0, 0, 0x90, 0xc0]),
        (1002, "metadata with a number as key", Kind::Binary, vec![0x95, 1, 0xc0, 0, 0x81, 1, 1, 0xc0]),
    ];
    for (code, what, kind, bytes) in &mut messages {
        check(*code, what, &mut Message(*kind, bytes)).await;
    }
    // Frames that hold nothing, and never the last one.
    let endless = [&b"\x02\x00"[..], &[0; 400]].concat();
    for (code, what, frame) in [
        (1008, "a message without an end", &endless[..]),
        (1002, "a masked frame", b"\x82\x81\x01\x02\x03\x04\x05"),
        (1002, "a reserved opcode", b"\x83\x00"),
        (1002, "a reserved bit", b"\xa2\x00"),
        (1002, "a compressed frame that was not agreed on", b"\xc2\x01\x00"),
        (1002, "a continuation of nothing", b"\x80\x00"),
        (1002, "a long ping", b"\x89\x7e\x00\x80"),
        (1002, "a ping in pieces", b"\x09\x00"),
        (1002, "a close with one byte", b"\x88\x01\x03"),
        (1002, "a close code that must not be sent", b"\x88\x02\x03\xed"),
        (1007, "text that is none", b"\x81\x01\xff"),
        (1002, "a length in too many bytes", b"\x82\x7e\x00\x01\x00"),
    ] {
        check(code, what, &mut Frame(frame)).await;
    }
}

/// What `misbehave` does, as one type.
trait AsyncAct {
    fn run<'p>(&'p mut self, peer: &'p mut Peer) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'p>>;
}

struct Message<'m>(Kind, &'m [u8]);
struct Frame<'m>(&'m [u8]);

impl AsyncAct for Message<'_> {
    fn run<'p>(&'p mut self, peer: &'p mut Peer) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'p>> {
        Box::pin(peer.raw(self.0, self.1))
    }
}

impl AsyncAct for Frame<'_> {
    fn run<'p>(&'p mut self, peer: &'p mut Peer) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'p>> {
        Box::pin(async { peer.stream.write_all(self.0).await.unwrap() })
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_costs_the_connection_but_not_the_client() {
    let (mut server, client, seen) = misbehave(async |peer| {
        // 16 MiB and a byte, announced.
        peer.stream.write_all(b"\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x01").await.unwrap();
    })
    .await;
    assert_eq!(seen, Seen::Close(Some(1009)));
    let mut peer = server.accept().await;
    let (answer, ()) = tokio::join!(client.call::<i32>("g", ()), async {
        let seq = peer.expect(MESSAGE, "g").await;
        peer.answer(seq, 1).await;
    });
    assert_eq!(answer.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_is_ended() {
    let (_server, client, seen) = misbehave(async |peer| {
        for _ in 0..1500 {
            peer.ping().await;
            // Pongs are read, or the pipes would be full.
            while let Ok(seen) = tokio::time::timeout(std::time::Duration::ZERO, peer.see()).await {
                if seen != Seen::Pong {
                    assert_eq!(seen, Seen::Close(Some(1008)));
                    return peer.close(1000, "").await;
                }
            }
        }
        panic!("all of them were answered");
    })
    .await;
    assert_eq!(seen, Seen::Eof);
    client.watch().until(State::is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn answers_to_nobody_are_ignored() {
    let (_server, mut peer, client) = connected().await;
    let (answer, ()) = tokio::join!(client.call::<i32>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        for kind in 0..4 {
            peer.say(0, NIL, kind).await;
            peer.say(seq + 1, NIL, kind).await;
            peer.message(&(-1, NIL, kind, NIL, NIL)).await;
            peer.message(&(i64::MIN, NIL, kind, NIL, NIL)).await;
            peer.message(&(u64::MAX, NIL, kind, NIL, NIL)).await;
            peer.message(&(1_u64 << 63 | seq, NIL, kind, NIL, NIL)).await;
        }
        // Short messages, and ones with more than is known.
        peer.message(&(seq + 9, NIL)).await;
        peer.message(&(seq, 5, 0, NIL, NIL, "more", [1, 2, 3])).await;
        peer.answer(seq, 6).await;
    });
    assert_eq!(answer.unwrap(), 5);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_a_limit_fails_its_call_only() {
    let (_server, mut peer, client) = connected().await;
    let mut deep = NIL;
    for _ in 0..100 {
        deep = list([deep]);
    }
    let bytes = {
        // Deeper than the writer of values would go.
        let mut bytes = vec![0x95, 1];
        bytes.extend(std::iter::repeat_n(0x91, 100_000));
        bytes.extend([0xc0, 0, 0xc0, 0xc0]);
        bytes
    };
    let (error, ()) = tokio::join!(client.call::<Value>("f", ()), async {
        assert_eq!(peer.expect(MESSAGE, "f").await, 1);
        peer.raw(Kind::Binary, &bytes).await;
        peer.expect(CANCEL, "f").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::TOO_LARGE);

    let (error, ()) = tokio::join!(client.call::<Value>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        peer.message(&(seq, deep, 0, NIL, NIL)).await;
        peer.expect(CANCEL, "f").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::TOO_LARGE);

    let (error, ()) = tokio::join!(client.call::<Value>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        let metadata = (0..65).map(|key| (key.to_string(), 1)).collect();
        peer.say_with(seq, NIL, MESSAGE, None, Some(metadata)).await;
        peer.expect(CANCEL, "f").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::TOO_LARGE);
    assert_eq!(client.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn ends_that_do_not_fit_the_call_are_errors() {
    let (_server, mut peer, client) = connected().await;
    let (error, ()) = tokio::join!(client.call::<()>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        peer.say(seq, NIL, END_OF_STREAM).await;
    });
    assert_eq!(error.unwrap_err().code(), Code::INTERNAL);
    for data in [NIL, Value::from("oops"), list([1]), Value::Map(vec![("code".into(), "x".into())])] {
        let (error, ()) = tokio::join!(client.call::<()>("f", ()), async {
            let seq = peer.expect(MESSAGE, "f").await;
            peer.say(seq, data, ERROR).await;
        });
        assert_eq!(error.unwrap_err().code(), Code::INTERNAL);
    }
}

#[tokio::test(start_paused = true)]
async fn smaller_limits_hold() {
    let (server, builder) = crate::support::server();
    let builder = builder.limits(Limits::default().message(1000).fragments(10, 2).metadata(1, 100));
    let (mut server, mut peer, client) = crate::support::connected_as((server, builder)).await;
    let (error, ()) = tokio::join!(client.call::<Value>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        peer.say_with(seq, NIL, MESSAGE, Some([("a", 1), ("b", 2)].into()), None).await;
        peer.expect(CANCEL, "f").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::TOO_LARGE);
    peer.answer(77, "x".repeat(2000)).await;
    assert_eq!(peer.see().await, Seen::Close(Some(1009)));
    drop(peer);
    let mut peer = server.accept().await;
    peer.stream.write_all(b"\x02\x00\x00\x00\x00\x00\x00\x00").await.unwrap();
    assert_eq!(peer.see().await, Seen::Close(Some(1008)));
    client.watch().until(State::is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn no_bytes_whatever_make_the_client_panic() {
    let mut random = fastrand::Rng::with_seed(1);
    let good = [
        Payload::encode(Format::MessagePack, &(1, [1, 2], 0, NIL, NIL)).unwrap(),
        Payload::encode(Format::MessagePack, &(2, "text", 0, [("a", 1)], [("b", 2)])).unwrap(),
        Payload::encode(Format::MessagePack, &(3, NIL, 1, NIL, NIL)).unwrap(),
    ];
    for round in 0..300 {
        let (_server, mut peer, client) = connected().await;
        let mut items = client.stream::<Value>("a", ()).await.unwrap();
        let sender = client.request("b").stream_in::<i32, Value>().await.unwrap();
        let (half, others) = client.request("c").both::<i32, Value>().await.unwrap();
        tokio::task::yield_now().await;
        for _ in 0..20 {
            let mut bytes = good[random.usize(..good.len())].bytes().to_vec();
            for _ in 0..random.usize(..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(bytes.len() - random.usize(..2));
            if round % 3 == 0 {
                let _ = peer.stream.write_all(&bytes).await;
            } else {
                peer.raw(Kind::Binary, &bytes).await;
            }
            tokio::task::yield_now().await;
        }
        drop(peer);
        while items.next().await.is_some() {}
        drop((sender, half, others));
        client.close().await;
        let stopped = State::Closed(Close::new(1006, "the client's task was stopped"));
        assert_ne!(client.state(), stopped, "round {round}");
    }
}

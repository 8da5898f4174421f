use crate::support::{
    CANCEL, END_OF_STREAM, MESSAGE, METADATA, NIL, Seen, connected, connected_as, once, server, server_with,
};
use std::{pin::pin, time::Duration};
use swill_client::{Client, Close, Code, Metadata, Reconnect, State, Value};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

fn call(
    client: &Client,
    name: &'static str,
    params: impl serde::Serialize + Send + 'static,
) -> JoinHandle<swill_client::Result<i32>> {
    let client = client.clone();
    tokio::spawn(async move { client.call(name, params).await })
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_call_that_was_sent_is_unknown_when_the_connection_breaks() {
    let (mut server, mut peer, client) = connected().await;
    let lost = call(&client, "f", 1);
    peer.expect(MESSAGE, "f").await;
    drop(peer);
    let error = lost.await.unwrap().unwrap_err();
    assert!(error.outcome_unknown());
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(error.message().contains("1006"), "{error}");

    let next = call(&client, "g", 2);
    let mut peer = server.accept().await;
    let seq = peer.expect(MESSAGE, "g").await;
    peer.answer(seq, 3).await;
    assert_eq!(next.await.unwrap().unwrap(), 3);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_socket_has_not_seen_is_sent_over_the_next_connection() {
    let (mut server, peer, client) = connected_as(server_with(4096)).await;
    // All are encoded at once; the pipe takes a part of the first.
    let mut seen = Box::pin(client.call::<i32>("seen", "x".repeat(10_000)));
    let mut unseen = Box::pin(client.call::<i32>("unseen", 1));
    assert!(once(seen.as_mut()).await.is_pending());
    assert!(once(unseen.as_mut()).await.is_pending());
    let mut stream_in = client.request("total").metadata([("a", 1)]).stream_in::<i32, i32>().await.unwrap();
    stream_in.send(1).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    // These wait in the queue.
    let queued = call(&client, "queued", 2);
    tokio::task::yield_now().await;
    stream_in.send(2).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    drop(peer);
    assert!(seen.await.unwrap_err().outcome_unknown());

    let mut peer = server.accept().await;
    let seq = peer.expect(MESSAGE, "unseen").await;
    peer.answer(seq, 1).await;
    let request = peer.request().await;
    assert_eq!(
        (&*request.rpc, request.kind, request.metadata),
        ("total", METADATA, Some(Metadata::from([("a", 1)])))
    );
    assert_eq!(peer.request().await.data, Value::from(1));
    let seq = peer.expect(MESSAGE, "queued").await;
    peer.answer(seq, 2).await;
    assert_eq!(peer.request().await.data, Value::from(2));
    assert_eq!(unseen.await.unwrap(), 1);
    assert_eq!(queued.await.unwrap().unwrap(), 2);
    let (total, ()) = tokio::join!(stream_in.finish(), async {
        peer.expect(END_OF_STREAM, "total").await;
        peer.answer(request.seq, 3).await;
    });
    assert_eq!(total.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_is_sent_again() {
    let (mut server, mut peer, client) = connected().await;
    let again = tokio::spawn({
        let client = client.clone();
        async move {
            client.request("f").metadata([("a", 1)]).idempotent().call_with_metadata::<i32>((1, "x")).await
        }
    });
    let first = peer.request().await;
    drop(peer);
    // Twice, if need be.
    let mut peer = server.accept().await;
    assert_eq!(peer.request().await, first);
    drop(peer);
    let mut peer = server.accept().await;
    let second = peer.request().await;
    assert_eq!(second, first);
    peer.answer(second.seq, 5).await;
    assert_eq!(again.await.unwrap().unwrap().value, 5);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_call_that_was_tried_is_unknown_when_the_client_ends() {
    let slow = Reconnect::default().delays(Duration::from_secs(1000), Duration::from_secs(1000));
    let (server, builder) = server();
    let (mut server, mut peer, client) = connected_as((server, builder.reconnect(slow))).await;
    let tried = tokio::spawn({
        let client = client.clone();
        async move { client.request("f").idempotent().call::<i32>(1).await }
    });
    peer.expect(MESSAGE, "f").await;
    drop(peer);
    client.watch().until(|state| matches!(state, State::Waiting { .. })).await;
    let never = call(&client, "g", 2);
    tokio::task::yield_now().await;
    client.close().await;
    assert!(tried.await.unwrap().unwrap_err().outcome_unknown());
    assert!(!never.await.unwrap().unwrap_err().outcome_unknown());
    assert!(!server.is_wanted());
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_that_a_leaving_server_has_not_begun_is_sent_to_the_next_one() {
    let (mut server, mut peer, client) = connected().await;
    let idempotent = |name: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.request(name).idempotent().call::<i32>(1).await })
    };
    let begun = Value::Map(vec![("begun".into(), false.into())]);
    let again = idempotent("f");
    let seq = peer.expect(MESSAGE, "f").await;
    peer.refuse(seq, 503, begun.clone()).await;
    // What is not idempotent, and what a procedure says itself, goes to the caller.
    let once = call(&client, "once", 1);
    let seq = peer.expect(MESSAGE, "once").await;
    peer.refuse(seq, 503, begun).await;
    let error = once.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome_unknown()), (Code::UNAVAILABLE, false));
    let busy = idempotent("busy");
    let seq = peer.expect(MESSAGE, "busy").await;
    peer.refuse(seq, 503, Value::Nil).await;
    assert_eq!(busy.await.unwrap().unwrap_err().code(), Code::UNAVAILABLE);
    assert!(!again.is_finished());
    peer.close(1001, "").await;
    drop(peer);

    let mut peer = server.accept().await;
    let seq = peer.expect(MESSAGE, "f").await;
    peer.answer(seq, 2).await;
    assert_eq!(again.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_keeps_its_deadline() {
    let (mut server, mut peer, client) = connected().await;
    let start = Instant::now();
    let again = tokio::spawn({
        let client = client.clone();
        async move { client.request("f").deadline(Duration::from_secs(3)).idempotent().call::<i32>(()).await }
    });
    peer.expect(MESSAGE, "f").await;
    sleep(Duration::from_secs(2)).await;
    drop(peer);
    let mut peer = server.accept().await;
    peer.expect(MESSAGE, "f").await;
    assert_eq!(again.await.unwrap().unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_secs(), 3);
    peer.expect(CANCEL, "f").await;
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_stream_starts_again_unless_an_item_has_come() {
    let (mut server, mut peer, client) = connected().await;
    let mut quiet = client.request("quiet").idempotent().stream::<i32>(1).await.unwrap();
    let mut begun = client.request("begun").idempotent().stream::<i32>(2).await.unwrap();
    peer.expect(MESSAGE, "quiet").await;
    let seq = peer.expect(MESSAGE, "begun").await;
    peer.answer(seq, 1).await;
    // Longer than a call may wait to be sent: that starts anew.
    for _ in 0..10 {
        sleep(Duration::from_secs(10)).await;
        peer.ping().await;
    }
    drop(peer);
    assert_eq!(begun.next().await.unwrap().unwrap(), 1);
    assert!(begun.next().await.unwrap().unwrap_err().outcome_unknown());
    assert!(begun.next().await.is_none());
    let mut peer = server.accept().await;
    let seq = peer.expect(MESSAGE, "quiet").await;
    peer.answer(seq, 1).await;
    peer.say(seq, NIL, END_OF_STREAM).await;
    assert_eq!(quiet.next().await.unwrap().unwrap(), 1);
    assert!(quiet.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_an_error_when_the_connection_breaks() {
    let (mut server, mut peer, client) = connected().await;
    let mut items = client.stream::<i32>("count", ()).await.unwrap();
    let mut sender = client.request("total").stream_in::<i32, i32>().await.unwrap();
    let (mut half, mut others) = client.request("chat").both::<i32, i32>().await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.expect(METADATA, "total").await;
    peer.expect(METADATA, "chat").await;
    peer.answer(seq, 1).await;
    drop(peer);
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert!(items.next().await.unwrap().unwrap_err().outcome_unknown());
    assert!(items.next().await.is_none());
    assert!(sender.send(1).await.unwrap_err().outcome_unknown());
    assert!(sender.finish().await.unwrap_err().outcome_unknown());
    assert!(half.send(1).await.unwrap_err().outcome_unknown());
    assert!(others.next().await.unwrap().unwrap_err().outcome_unknown());
    drop((half, others, items));
    // Nothing of them reaches the next connection.
    server.accept().await.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_connection_within_their_deadlines() {
    let (mut server, builder) = server();
    let client = builder.lazy().unwrap();
    let start = Instant::now();
    let waiting = call(&client, "waiting", ());
    let mut stream = client.stream::<i32>("stream", ()).await.unwrap();
    let mut patient = client.request("patient").deadline(None).stream::<i32>(()).await.unwrap();
    let short = client.request("short").deadline(Duration::from_secs(2)).call::<()>(()).await;
    assert_eq!(short.unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_secs(), 2);
    {
        let mut dropped = pin!(client.call::<()>("dropped", ()));
        assert!(once(dropped.as_mut()).await.is_pending());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(stream.next().await.unwrap().unwrap_err().code(), Code::DEADLINE);

    // Attempts that nobody answered have been given up; the next one is answered.
    while server.is_wanted() {
        server.accept_raw().await;
    }
    let mut peer = server.accept().await;
    let seq = peer.expect(MESSAGE, "patient").await;
    peer.answer(seq, 1).await;
    assert_eq!(patient.next().await.unwrap().unwrap(), 1);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn the_close_code_decides_whether_to_connect_again() {
    for (code, again) in [
        (1000, false),
        (1001, true),
        (1002, false),
        (1003, false),
        (1005, true),
        (1007, false),
        (1008, false),
        (1009, true),
        (1010, false),
        (1011, true),
        (1012, true),
        (1013, true),
        (1014, true),
        (3000, false),
        (3500, false),
        (4000, false),
        (4008, true),
        (4999, false),
    ] {
        let (mut server, mut peer, client) = connected().await;
        let lost = call(&client, "f", ());
        peer.expect(MESSAGE, "f").await;
        peer.close(code, "so it is").await;
        let echo = (code != 1005).then_some(code);
        assert_eq!(peer.see().await, Seen::Close(echo));
        drop(peer);
        assert!(lost.await.unwrap().unwrap_err().outcome_unknown(), "{code}");
        let state = client.watch().until(|state| !matches!(state, State::Open)).await;
        if again {
            assert!(matches!(state, State::Waiting { attempt: 1, .. }), "{code}: {state:?}");
            server.accept().await;
        } else {
            assert_eq!(state, State::Closed(Close::new(code, "so it is")), "{code}");
            assert!(!server.is_wanted());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ones_own_rule_decides_instead() {
    let (server, builder) = server();
    let builder = builder.reconnect(Reconnect::default().when(|close| close.code == 1000));
    let (mut server, mut peer, client) = connected_as((server, builder)).await;
    peer.close(1000, "").await;
    drop(peer);
    let peer = server.accept().await;
    drop(peer);
    let state = client.watch().until(State::is_closed).await;
    assert!(matches!(state, State::Closed(close) if close.code == 1006));

    let (server, builder) = crate::support::server();
    let (mut server, peer, client) = connected_as((server, builder.reconnect(Reconnect::never()))).await;
    drop(peer);
    client.watch().until(State::is_closed).await;
    assert!(!server.is_wanted());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_client_and_everybody_hears_why() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "302 Found", "200 OK"] {
        let (mut server, peer, client) = connected().await;
        drop(peer);
        client.watch().until(|state| *state != State::Open).await;
        let waiting = [call(&client, "f", 1), call(&client, "g", 2)];
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 12\r\n\r\nnot any more");
        let _stream = server.answer(&answer).await;
        let code: i64 = status[..3].parse().unwrap();
        for call in waiting {
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.code(), Code(code));
            assert!(error.message().contains("not any more"), "{error}");
            assert!(!error.outcome_unknown());
        }
        assert_eq!(client.call::<()>("h", ()).await.unwrap_err().code(), Code(code));
        assert!(matches!(client.state(), State::Closed(close) if i64::from(close.code) == code));
        assert!(!server.is_wanted());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_something_else_ends_the_client() {
    let (mut server, builder) = server();
    let client = builder.lazy().unwrap();
    let waiting = call(&client, "f", 1);
    let _stream = server.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n").await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(client.state().is_closed());
}

#[tokio::test(start_paused = true)]
async fn delays_are_random_below_a_doubling_bound() {
    let mut first_delays = Vec::new();
    for _ in 0..10 {
        let (mut server, builder) = server();
        let client = builder.lazy().unwrap();
        let mut states = client.watch();
        for attempt in 1..=12_u32 {
            // Which is temporary.
            let status = ["503 Busy", "429 Slowly", "408 Late", "502 Gone"][attempt as usize % 4];
            let _stream = server.answer(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
            let state = states.until(|state| matches!(state, State::Waiting { .. })).await;
            let start = Instant::now();
            let State::Waiting { attempt: counted, delay } = state else { panic!("{state:?}") };
            assert_eq!(counted, attempt);
            let bound = Duration::from_millis(100 << (attempt - 1).min(10)).min(Duration::from_secs(10));
            assert!(delay <= bound, "{delay:?} before attempt {attempt}");
            states.until(|state| *state == State::Connecting).await;
            let waited = start.elapsed();
            assert!(
                waited >= delay && waited <= delay + Duration::from_millis(2),
                "{waited:?}, not {delay:?}"
            );
            if attempt == 1 {
                first_delays.push(delay);
            }
        }
        client.close().await;
    }
    first_delays.dedup();
    assert!(first_delays.len() > 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_run_out() {
    let (mut server, builder) = server();
    let client = builder.reconnect(Reconnect::default().attempts(3)).lazy().unwrap();
    let waiting = call(&client, "f", ());
    for _ in 0..4 {
        let _stream = server.answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
    }
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code(503));
    assert!(client.state().is_closed());
    assert!(!server.is_wanted());
}

#[tokio::test(start_paused = true)]
async fn counting_starts_anew_after_a_connection_that_held() {
    let (mut server, mut peer, client) = connected().await;
    let mut states = client.watch();
    let mut attempts = Vec::new();
    for seconds in [0, 1, 4, 6, 0, 5, 1] {
        sleep(Duration::from_secs(seconds)).await;
        drop(peer);
        let state = states.until(|state| matches!(state, State::Waiting { .. })).await;
        let State::Waiting { attempt, .. } = state else { panic!("{state:?}") };
        attempts.push(attempt);
        peer = server.accept().await;
        states.until(|state| *state == State::Open).await;
    }
    assert_eq!(attempts, [1, 2, 3, 1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn many_calls_survive_a_flapping_server() {
    let (mut server, builder) = server();
    let client = builder.lazy().unwrap();
    let serving = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(7);
        loop {
            let mut peer = server.accept().await;
            for _ in 0..random.u32(1..20) {
                let Seen::Request(request) = peer.see().await else { break };
                peer.answer(request.seq, request.data).await;
            }
        }
    });
    let mut calls = Vec::new();
    for number in 0..500 {
        let client = client.clone();
        calls.push(tokio::spawn(async move {
            client.request("echo").deadline(None).idempotent().call::<i32>(number).await
        }));
    }
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), i32::try_from(number).unwrap());
    }
    serving.abort();
}

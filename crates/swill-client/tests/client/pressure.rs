use crate::support::{
    CANCEL, END_OF_STREAM, MESSAGE, METADATA, NIL, Seen, connected, connected_as, server, server_with,
};
use std::{pin::pin, time::Duration};
use swill_client::{Code, Limits, State};
use tokio::time::{Instant, sleep, timeout};

const ITEM: usize = 1000;

/// Sends items until the pipe is full; returns how many.
async fn fill(peer: &mut crate::support::Peer, seq: u64) -> usize {
    let mut sent = 0;
    while timeout(Duration::from_millis(100), peer.answer(seq, "x".repeat(ITEM))).await.is_ok() {
        sent += 1;
        assert!(sent < 10_000, "nothing stops the server");
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_stops_the_socket() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    // One message was cut off where the pipe was full, so the rest is not to be looked at.
    let sent = fill(&mut peer, seq).await;
    let kept = sent * (ITEM + 32);
    assert!(kept > 256 << 10, "{kept}");
    // The limit, a read that was under way, and the pipe.
    assert!(kept < (256 + 64 + 64 + 16) << 10, "{kept}");
    for number in 0..sent {
        assert_eq!(items.next().await.unwrap().unwrap().len(), ITEM, "item {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_when_half_is_free() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    let sending = tokio::spawn(async move {
        for number in 0..5000 {
            peer.answer(seq, format!("{number:01000}")).await;
        }
        peer.say(seq, NIL, END_OF_STREAM).await;
        peer
    });
    sleep(Duration::from_secs(60)).await;
    assert!(!sending.is_finished());
    assert_eq!(client.state(), State::Open);
    for number in 0..5000 {
        assert_eq!(items.next().await.unwrap().unwrap(), format!("{number:01000}"));
    }
    assert!(items.next().await.is_none());
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_holds_up_others_only_so_long() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    let start = Instant::now();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<i32>("f", ()).await }
    });
    let other = peer.expect(MESSAGE, "f").await;
    for _ in 0..300 {
        peer.answer(seq, "x".repeat(ITEM)).await;
    }
    peer.answer(other, 1).await;
    assert_eq!(call.await.unwrap().unwrap(), 1);
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(peer.expect(CANCEL, "flood").await, seq);
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::TOO_MANY);
    assert!(items.next().await.is_none());
    // Nothing is left of it.
    peer.answer(seq, "x".repeat(ITEM)).await;
    let (answer, ()) = tokio::join!(client.call::<i32>("g", ()), async {
        let seq = peer.expect(MESSAGE, "g").await;
        peer.answer(seq, 2).await;
    });
    assert_eq!(answer.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_that_nobody_waits_for_may_stay_full() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    let sent = fill(&mut peer, seq).await;
    // Pongs would have to wait behind the items: the clock of the keepalive stands still.
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(client.state(), State::Open);
    for _ in 0..sent {
        items.next().await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_makes_calls_gets_on_as_long_as_it_moves() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    let serving = tokio::spawn(async move {
        for _ in 0..400 {
            peer.answer(seq, "x".repeat(ITEM)).await;
        }
        peer.say(seq, NIL, END_OF_STREAM).await;
        while let Seen::Request(request) = peer.see().await {
            peer.answer(request.seq, request.data).await;
        }
    });
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.request("echo").deadline(None).call::<i32>(1).await }
    });
    for _ in 0..400 {
        items.next().await.unwrap().unwrap();
        sleep(Duration::from_secs(9)).await;
    }
    assert!(items.next().await.is_none());
    assert_eq!(call.await.unwrap().unwrap(), 1);
    drop(client);
    drop(items);
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_streams_together_have_a_limit() {
    let (server, builder) = server();
    let builder = builder.limits(Limits::default().unread(100 << 10, 150 << 10));
    let (_server, mut peer, client) = connected_as((server, builder)).await;
    let (mut a, mut b) =
        (client.stream::<String>("a", ()).await.unwrap(), client.stream::<String>("b", ()).await.unwrap());
    let (first, second) = (peer.expect(MESSAGE, "a").await, peer.expect(MESSAGE, "b").await);
    let mut sent = 0;
    while timeout(Duration::from_millis(100), async {
        peer.answer(first, "x".repeat(ITEM)).await;
        peer.answer(second, "x".repeat(ITEM)).await;
    })
    .await
    .is_ok()
    {
        sent += 1;
    }
    let kept = 2 * sent * (ITEM + 32);
    assert!(kept > 150 << 10, "{kept}");
    assert!(kept < (150 + 64 + 64 + 16) << 10, "{kept}");
    for _ in 0..sent {
        a.next().await.unwrap().unwrap();
        b.next().await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_full_stream_frees_the_socket() {
    let (_server, mut peer, client) = connected().await;
    let items = client.stream::<String>("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    for _ in 0..280 {
        peer.answer(seq, "x".repeat(ITEM)).await;
    }
    drop(items);
    peer.expect(CANCEL, "flood").await;
    let start = Instant::now();
    let (answer, ()) = tokio::join!(client.call::<i32>("g", ()), async {
        let seq = peer.expect(MESSAGE, "g").await;
        peer.answer(seq, 2).await;
    });
    assert_eq!(answer.unwrap(), 2);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_a_server_that_does_not_read() {
    let (_server, mut peer, client) = connected_as(server_with(4096)).await;
    let mut sender = client.request("join").deadline(None).send::<String, i32>().await.unwrap();
    let seq = peer.expect(METADATA, "join").await;
    let mut sent = 0;
    loop {
        let sending = pin!(sender.send("x".repeat(ITEM)));
        if timeout(Duration::from_millis(100), sending).await.is_err() {
            break;
        }
        sent += 1;
        assert!(sent < 10_000, "nothing stops the sender");
    }
    // What is being written, what waits, and the pipe.
    assert!(sent * ITEM > 64 << 10, "{sent}");
    assert!(sent * ITEM < (64 + 64 + 64 + 4) << 10, "{sent}");
    let reading = tokio::spawn(async move {
        for _ in 0..sent + 1 {
            assert_eq!(peer.expect(MESSAGE, "join").await, seq);
        }
        peer.expect(END_OF_STREAM, "join").await;
        peer.answer(seq, 1).await;
        peer
    });
    sender.send("x".to_owned()).await.unwrap();
    assert_eq!(sender.finish().await.unwrap(), 1);
    reading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_nothing_is_given_up() {
    let (mut server, peer, client) = connected_as(server_with(4096)).await;
    let start = Instant::now();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.request("f").deadline(None).call::<()>("x".repeat(10_000)).await }
    });
    client.watch().until(|state| *state != State::Open).await;
    assert_eq!(start.elapsed().as_secs(), 30);
    let error = call.await.unwrap().unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    drop(peer);
    server.accept().await;
}

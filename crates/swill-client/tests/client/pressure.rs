use crate::support::{
    CANCEL, END_OF_STREAM, MESSAGE, METADATA, NIL, Peer, Seen, Server, connected, connected_as, server,
    server_with,
};
use std::{pin::pin, time::Duration};
use swill_client::{Client, Code, Items, Limits, State};
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
    let mut sender = client.request("join").deadline(None).stream_in::<String, i32>().await.unwrap();
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

/// Streams may hold 1 MiB each and 100 items together; half of that is free again at 50.
async fn connected_with_room_for_a_hundred() -> (Server, Peer, Client) {
    let (server, builder) = server();
    connected_as((server, builder.limits(Limits::default().unread(1 << 20, 100 * (ITEM + 32))))).await
}

/// Opens a stream and sends so many items. Ends it if that is wanted.
async fn stream_of(client: &Client, peer: &mut Peer, count: usize, ended: bool) -> (Items<String>, u64) {
    let items = client.stream("flood", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "flood").await;
    // The text has a head of three bytes.
    for _ in 0..count {
        peer.answer(seq, "x".repeat(ITEM - 3)).await;
    }
    if ended {
        peer.say(seq, NIL, END_OF_STREAM).await;
    }
    (items, seq)
}

/// Makes a call that the server answers at once; returns after how many seconds the answer comes through.
async fn seconds_of_a_call(client: &Client, peer: &mut Peer) -> u64 {
    let start = Instant::now();
    let (answer, ()) = tokio::join!(client.request("f").deadline(None).call::<i32>(()), async {
        let seq = loop {
            let request = peer.request().await;
            match request.kind {
                MESSAGE => break request.seq,
                kind => assert_eq!(kind, CANCEL),
            }
        };
        peer.answer(seq, 1).await;
    });
    assert_eq!(answer.unwrap(), 1);
    start.elapsed().as_secs()
}

async fn assert_complete(mut items: Items<String>, count: usize) {
    for number in 0..count {
        assert_eq!(items.next().await.unwrap().unwrap().len(), ITEM - 3, "item {number}");
    }
    assert!(items.next().await.is_none());
}

async fn assert_slow(mut items: Items<String>) {
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Code::TOO_MANY);
    assert!(items.next().await.is_none());
    assert!(items.trailing().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_over_and_unread_fails_rather_than_the_call_that_waits() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (small, _) = stream_of(&client, &mut peer, 20, true).await;
    let (large, _) = stream_of(&client, &mut peer, 50, true).await;
    let (last, _) = stream_of(&client, &mut peer, 31, true).await;
    // It is the only call that is open, and it has nothing unread.
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 10);
    assert_slow(large).await;
    assert_complete(small, 20).await;
    assert_complete(last, 31).await;
    // Nothing is left of it.
    let (items, _) = stream_of(&client, &mut peer, 99, true).await;
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 0);
    assert_complete(items, 99).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_with_little_unread_survives_what_is_left_of_others() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (ended, _) = stream_of(&client, &mut peer, 90, true).await;
    let (mut open, seq) = stream_of(&client, &mut peer, 11, false).await;
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 10);
    assert_slow(ended).await;
    for _ in 0..11 {
        open.next().await.unwrap().unwrap();
    }
    peer.answer(seq, "more").await;
    assert_eq!(open.next().await.unwrap().unwrap(), "more");
}

#[tokio::test(start_paused = true)]
async fn a_pause_goes_on_without_the_stream_that_was_fullest() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (ended, _) = stream_of(&client, &mut peer, 45, true).await;
    let (other, _) = stream_of(&client, &mut peer, 15, true).await;
    let (fullest, _) = stream_of(&client, &mut peer, 46, false).await;
    sleep(Duration::from_secs(1)).await;
    drop(fullest);
    // Sixty are left: that is more than half, so that nothing is read, and the clock goes on.
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 9);
    assert_slow(ended).await;
    assert_complete(other, 15).await;
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_is_not_the_one_that_fails() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (mut fullest, _) = stream_of(&client, &mut peer, 45, true).await;
    let (still, _) = stream_of(&client, &mut peer, 40, true).await;
    let (small, _) = stream_of(&client, &mut peer, 16, true).await;
    sleep(Duration::from_secs(5)).await;
    fullest.next().await.unwrap().unwrap();
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 5);
    assert_slow(still).await;
    assert_complete(fullest, 44).await;
    assert_complete(small, 16).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_fails_while_the_streams_that_move_can_end_the_pause() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (mut moving, _) = stream_of(&client, &mut peer, 80, true).await;
    let (still, _) = stream_of(&client, &mut peer, 21, true).await;
    let reading = tokio::spawn(async move {
        for _ in 0..80 {
            sleep(Duration::from_secs(9)).await;
            moving.next().await.unwrap().unwrap();
        }
    });
    // Until half is free again.
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 51 * 9);
    reading.await.unwrap();
    assert_complete(still, 21).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stops_moving_fails_in_the_end() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (mut items, seq) = stream_of(&client, &mut peer, 101, false).await;
    sleep(Duration::from_secs(5)).await;
    // What comes with it has been fetched, too, and counts as long as it is not looked at.
    items.next().await.unwrap().unwrap();
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 15);
    assert_slow(items).await;
    assert_eq!(peer.expect(CANCEL, "flood").await, seq);
    peer.answer(seq, "late").await;
    let (items, _) = stream_of(&client, &mut peer, 99, true).await;
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 0);
    assert_complete(items, 99).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_an_earlier_connection_fails_like_everything_else() {
    let (mut server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (mut left, _) = stream_of(&client, &mut peer, 100, false).await;
    sleep(Duration::from_secs(1)).await;
    drop(peer);
    let mut peer = server.accept().await;
    let (items, _) = stream_of(&client, &mut peer, 1, true).await;
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 10);
    assert_eq!(left.next().await.unwrap().unwrap_err().code(), Code::TOO_MANY);
    assert!(left.next().await.is_none());
    assert_complete(items, 1).await;
}

#[tokio::test(start_paused = true)]
async fn streams_that_nobody_waits_for_stay_until_somebody_does() {
    let (_server, mut peer, client) = connected_with_room_for_a_hundred().await;
    let (items, _) = stream_of(&client, &mut peer, 101, true).await;
    sleep(Duration::from_secs(3605)).await;
    assert_eq!(client.state(), State::Open);
    // The clock of the pause has been set back every ten seconds.
    assert_eq!(seconds_of_a_call(&client, &mut peer).await, 5);
    assert_slow(items).await;
}

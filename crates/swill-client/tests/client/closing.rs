use crate::support::{MESSAGE, METADATA, NIL, Seen, connected, connected_as, server};
use std::time::Duration;
use swill_client::{Close, Code, Limits, State};
use tokio::{io::AsyncReadExt, time::Instant};

#[tokio::test(start_paused = true)]
async fn closing_says_goodbye_and_fails_what_is_open() {
    let (_server, mut peer, client) = connected().await;
    assert_eq!(client.state(), State::Open);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<()>("f", ()).await }
    });
    peer.expect(MESSAGE, "f").await;
    let mut items = client.stream::<i32>("g", ()).await.unwrap();
    let start = Instant::now();
    tokio::join!(client.close(), async {
        // What was said before is written first.
        peer.expect(MESSAGE, "g").await;
        peer.expect_close(1000).await;
    });
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(client.state(), State::Closed(Close::new(1000, "")));
    let error = call.await.unwrap().unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    assert!(items.next().await.unwrap().unwrap_err().outcome_unknown());
    assert!(items.next().await.is_none());

    let error = client.call::<()>("f", ()).await.unwrap_err();
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(!error.outcome_unknown());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_a_close_is_left_after_five_seconds() {
    let (_server, peer, client) = connected().await;
    let start = Instant::now();
    client.close().await;
    assert_eq!(start.elapsed().as_secs(), 5);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_but_streams_are_handles() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<i32>("f", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "f").await;
    drop(client);
    peer.expect_silence().await;
    peer.answer(seq, 1).await;
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    let ((), ()) = tokio::join!(async { drop(items) }, async {
        assert!(matches!(peer.see().await, Seen::Request(request) if request.kind == crate::support::CANCEL));
        peer.expect_close(1000).await;
    });
}

#[tokio::test(start_paused = true)]
async fn closing_works_without_a_connection() {
    let (mut server, builder) = server();
    let client = builder.lazy().unwrap();
    assert_eq!(client.state(), State::Connecting);
    let _halfway = server.accept_raw().await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<()>("f", ()).await }
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    client.close().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(!error.outcome_unknown(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_server_is_answered() {
    let (_server, mut peer, client) = connected().await;
    peer.close(1000, "that was all").await;
    assert_eq!(peer.see().await, Seen::Close(Some(1000)));
    // The client leaves hanging up to the server, but not for ever.
    let start = Instant::now();
    assert_eq!(peer.see().await, Seen::Eof);
    assert!(start.elapsed() <= Duration::from_secs(1));
    let state = client.watch().until(State::is_closed).await;
    assert_eq!(state, State::Closed(Close::new(1000, "that was all")));
    let error = client.call::<()>("f", ()).await.unwrap_err();
    assert!(error.message().contains("that was all"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_and_given_up() {
    let (mut server, mut peer, client) = connected().await;
    let start = Instant::now();
    assert_eq!(peer.see().await, Seen::Ping);
    assert_eq!(start.elapsed().as_secs(), 20);
    // The pong has been sent; so it goes on.
    assert_eq!(peer.see().await, Seen::Ping);
    assert_eq!(start.elapsed().as_secs(), 40);
    // This one is read by nobody.
    let mut states = client.watch();
    let state = states.until(|state| *state != State::Open).await;
    assert_eq!(start.elapsed().as_secs(), 80);
    assert!(matches!(state, State::Waiting { attempt: 1, .. }), "{state:?}");
    let _peer = server.accept().await;
    states.until(|state| *state == State::Open).await;
}

#[tokio::test(start_paused = true)]
async fn anything_that_comes_is_a_sign_of_life() {
    let (server, builder) = server();
    let second = Duration::from_secs(1);
    let builder = builder.limits(Limits::default().keepalive(2 * second, second));
    let (_server, mut peer, client) = connected_as((server, builder)).await;
    for _ in 0..10 {
        tokio::time::sleep(second).await;
        peer.say(77, NIL, METADATA).await;
    }
    assert_eq!(client.state(), State::Open);
    let start = Instant::now();
    assert_eq!(peer.see().await, Seen::Ping);
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_states_can_be_followed() {
    let (mut server, builder) = server();
    let client = builder.lazy().unwrap();
    let mut states = client.watch();
    assert_eq!(states.state(), State::Connecting);
    let peer = server.accept().await;
    assert_eq!(states.changed().await, Some(State::Open));
    drop(peer);
    assert!(matches!(states.changed().await, Some(State::Waiting { attempt: 1, .. })));
    assert_eq!(states.changed().await, Some(State::Connecting));
    let peer = server.accept().await;
    assert_eq!(states.changed().await, Some(State::Open));
    tokio::join!(client.close(), peer.expect_close(1000));
    assert_eq!(states.changed().await, Some(State::Closed(Close::new(1000, ""))));
    // Whether anybody still has a handle or not.
    assert_eq!(states.changed().await, None);
    assert_eq!(client.watch().changed().await, None);
    drop(client);
    assert_eq!(states.changed().await, None);
    assert!(states.state().is_closed());
}

#[test]
fn a_runtime_that_goes_down_fails_what_is_open() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, mut items, peer) = runtime.block_on(async {
        let (_server, mut peer, client) = connected().await;
        let items = client.stream::<i32>("f", ()).await.unwrap();
        peer.expect(MESSAGE, "f").await;
        (client, items, peer)
    });
    drop(runtime);
    assert!(client.state().is_closed());
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async {
        assert!(items.next().await.unwrap().unwrap_err().outcome_unknown());
        assert_eq!(client.call::<()>("f", ()).await.unwrap_err().code(), Code::UNAVAILABLE);
        client.close().await;
    });
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn the_client_waits_for_the_server_to_hang_up() {
    let (_server, mut peer, client) = connected().await;
    let closing = tokio::spawn(async move { client.close().await });
    assert_eq!(peer.see().await, Seen::Close(Some(1000)));
    let mut rest = Vec::new();
    // Its half is shut: nothing more comes from it.
    peer.stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    drop(peer);
    closing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn extreme_times_are_bearable() {
    for time in [Duration::ZERO, Duration::MAX] {
        let limits =
            Limits::default().keepalive(time, Duration::MAX).write_stall(time).stream_stall(time).close(time);
        let (server, builder) = server();
        let builder = builder.limits(limits).deadline(Duration::MAX).connect_timeout(Duration::MAX);
        let (_server, mut peer, client) = connected_as((server, builder)).await;
        let (answer, ()) = tokio::join!(client.call::<i32>("f", ()), async {
            let seq = peer.expect(MESSAGE, "f").await;
            peer.answer(seq, 1).await;
        });
        assert_eq!(answer.unwrap(), 1);
        drop(peer);
        client.close().await;
    }
}

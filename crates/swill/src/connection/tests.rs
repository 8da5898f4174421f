//! Connections over a pipe in memory, with a clock that stands still: everything that has to do with time.

#[path = "../../tests/common/client.rs"]
mod client;
#[path = "../../tests/common/services.rs"]
mod services;

#[path = "../../tests/model/mod.rs"]
mod model;

use super::Connection;
use crate::{App, Limits, Peer, Request, extensions::Extensions, hub::Hub, route};
use client::{CANCEL, Client, END, Got, MESSAGE, frame, message};
use http::{HeaderMap, Uri};
use services::{Probe, Recorder};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use swill_proto::Value;
use tokio::{
    io::{AsyncReadExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep},
};

const SECOND: Duration = Duration::from_secs(1);

/// A connection and its client.
struct Pair {
    client: Client<DuplexStream>,
    connection: JoinHandle<()>,
    /// How many turns the connection has had.
    turns: Arc<AtomicU64>,
    hub: Arc<Hub>,
    peer: Peer,
}

/// Opens a connection through a pipe that holds so many bytes in each direction.
fn open(app: App, pipe: usize) -> Pair {
    open_at(&Arc::new(Hub::new(1, 256 << 20)), app, pipe)
}

/// Opens a connection of a server.
fn open_at(hub: &Arc<Hub>, app: App, pipe: usize) -> Pair {
    let hub = Arc::clone(hub);
    let (service, _) = app.build().expect("the app can be served");
    let (near, far) = duplex(pipe);
    let request = Request::new(&Uri::from_static("/"), &HeaderMap::new(), &[], None).expect("it is small");
    let protocol = crate::Protocol::swill().start(&service.settings());
    let ws = route::websocket(&service, None);
    let slot = hub.admit().expect("there is room");
    let peer = Peer(route::shared(service, &*protocol, request, Extensions::default()));
    hub.add(&peer);
    let connection = Connection::new(far, &[], peer.clone(), ws, protocol, slot);
    let mut counted = Counted { connection, polls: 0 };
    let turns = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&turns);
    let connection = tokio::spawn(std::future::poll_fn(move |task| {
        seen.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut counted).poll(task)
    }));
    // Days pass at once where the clock stands still.
    let client = Client::new(near, &[], 30 * 24 * 3600 * SECOND);
    Pair { client, connection, turns, hub, peer }
}

/// A connection that may not spin.
struct Counted {
    connection: Connection<DuplexStream>,
    polls: u64,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        assert!(self.polls < 200_000, "the connection spins");
        Pin::new(&mut self.connection).poll(task)
    }
}

impl Pair {
    /// Waits for the connection's task to end.
    async fn ended(self) {
        self.connection.await.expect("a connection does not panic");
        assert_eq!(self.hub.open(), 0);
    }
}

/// Seconds since then, rounded.
fn seconds_since(start: Instant) -> u64 {
    (start.elapsed() + SECOND / 2).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_kept_if_it_answers() {
    let mut pair = open(Probe::new().app(), 4096);
    let start = Instant::now();
    for round in 1..=5 {
        assert_eq!(pair.client.next().await, Got::Ping);
        assert_eq!(seconds_since(start), 20 * round);
    }
    assert_eq!(pair.client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    // Whatever the peer says counts, not only a pong.
    assert_eq!(pair.client.next().await, Got::Ping);
    pair.client.polite = false;
    assert_eq!(pair.client.next().await, Got::Ping);
    sleep(19 * SECOND).await;
    assert_eq!(pair.client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
    assert_eq!(pair.client.next().await, Got::Ping);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_cut_off() {
    let probe = Probe::new();
    let app =
        probe.app().hook(Recorder::new(&probe)).limits(Limits::default().keepalive(7 * SECOND, 3 * SECOND));
    let mut pair = open(app, 4096);
    pair.client.polite = false;
    let start = Instant::now();
    assert_eq!(pair.client.next().await, Got::Ping);
    assert_eq!(seconds_since(start), 7);
    assert_eq!(pair.client.next().await, Got::Gone);
    assert_eq!(seconds_since(start), 10);
    pair.ended().await;
    assert_eq!(probe.log(), ["after_connection 1006"]);
}

#[tokio::test(start_paused = true)]
async fn silence_does_not_count_while_a_full_stream_is_not_read() {
    let probe = Probe::new();
    let limits = Limits::default().unread(10_000, 1 << 20).stream_stall(3600 * SECOND);
    let mut pair = open(probe.app().limits(limits), 4000);
    // Far more than fits into stream and pipe: the rest waits here, behind it would wait any pong.
    let text = "x".repeat(1000);
    let items = (0..100).map(|_| message(1, &text, "gated_lengths", MESSAGE, None));
    let wire = pair.client.framed(items.chain([message(1, (), "gated_lengths", END, None)]));
    let (mut reading, mut writing) = tokio::io::split(pair.client.socket);
    let start = Instant::now();
    let writer = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut writing, &wire)
            .await
            .expect("everything is taken in the end");
        writing
    });
    sleep(600 * SECOND).await;
    assert!(!writer.is_finished(), "the server has read all of it");
    probe.open_gate(1);
    let writing = writer.await.expect("no panic");
    let mut said = vec![0; 4000];
    let mut length = 0;
    // It was pinged meanwhile, which finds out whether it is still there, and had not to answer.
    let pings = loop {
        length += reading.read(&mut said[length..]).await.expect("the connection lives");
        let pings = said[..length].chunks_exact(2).take_while(|frame| *frame == [0x89, 0]).count();
        if length > 2 * pings {
            break pings;
        }
    };
    assert_eq!(seconds_since(start), 600);
    assert!((590..=601).contains(&pings), "{pings} pings");
    let answer = &said[2 * pings..length];
    assert_eq!(&answer[..2], [0x82, answer.len() as u8 - 2], "an answer, and no close");
    assert_eq!(rmp_serde::from_slice::<(i64, usize)>(&answer[2..]).ok(), None, "five elements");
    let (seq, sum, ..): (i64, usize, u8, (), ()) = rmp_serde::from_slice(&answer[2..]).expect("an answer");
    assert_eq!((seq, sum), (1, 100_000));
    drop((reading, writing));
    pair.connection.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_cut_off() {
    let probe = Probe::new();
    let app = probe.app().hook(Recorder::new(&probe)).limits(Limits::default().write_stall(10 * SECOND));
    let mut pair = open(app, 1000);
    pair.client.request(1, "endless", 500).await;
    let start = Instant::now();
    let mut buffer = [0; 1000];
    for _ in 0..3 {
        // It takes a little, which is enough.
        sleep(9 * SECOND).await;
        pair.client.socket.read_exact(&mut buffer).await.expect("the connection lives");
    }
    (&mut pair.connection).await.expect("no panic");
    assert_eq!(seconds_since(start), 37);
    let log = probe.log();
    assert_eq!(log.last().map(String::as_str), Some("after_connection 4008"));
    assert!(log.contains(&"cancelled: Disconnect".to_owned()), "{log:?}");
    assert_eq!(probe.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_fails_and_the_connection_reads_on() {
    for (what, limits, streams) in [
        ("one full stream", Limits::default().unread(10_000, 1 << 20), 1),
        ("a full connection", Limits::default().unread(1 << 20, 10_000), 1),
        ("a connection full of streams", Limits::default().unread(1 << 20, 10_000), 4),
    ] {
        let probe = Probe::new();
        let mut pair = open(probe.app().limits(limits.stream_stall(10 * SECOND)), 1 << 20);
        let start = Instant::now();
        let text = "x".repeat(1000);
        for number in 0..20 {
            pair.client.request(number % streams, "gated_lengths", &text).await;
        }
        pair.client.request(99, "add", (1, 2)).await;
        let mut failed = 0;
        loop {
            let answer = pair.client.answer().await;
            if answer.seq == 99 {
                assert_eq!(answer.result(), Ok(Value::from(3)), "{what}");
                break;
            }
            failed += 1;
            assert_eq!(answer.code(), 429, "{what}");
            assert_eq!(seconds_since(start), 10 * failed, "{what}");
        }
        assert!((1..=streams as u64).contains(&failed), "{what}: {failed} failed");
        assert_eq!(probe.running() as u64, streams as u64 - failed, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_that_moves_does_not_fail() {
    let probe = Probe::new();
    let limits = Limits::default().unread(10_000, 1 << 20).stream_stall(10 * SECOND);
    let mut pair = open(probe.app().limits(limits.keepalive(3600 * SECOND, SECOND)), 1 << 20);
    let text = "x".repeat(1000);
    for _ in 0..40 {
        pair.client.request(1, "gated_items", &text).await;
    }
    pair.client.kind(1, "gated_items", END).await;
    for _ in 0..=40 {
        sleep(9 * SECOND).await;
        probe.open_gate(1);
    }
    assert_eq!(pair.client.answer().await.result(), Ok(Value::from(40_000)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_a_close_is_cut_off() {
    let mut pair = open(Probe::new().app(), 4096);
    pair.client.polite = false;
    pair.client.request(1, "close", 4001).await;
    let start = Instant::now();
    assert_eq!(pair.client.answer().await.seq, 1);
    assert_eq!(pair.client.next().await, Got::Close(4001, "bye".into()));
    // Whatever it says now changes nothing.
    for round in 0..4 {
        sleep(SECOND).await;
        pair.client.write(&frame(0x82, &message(round, (1, 2), "add", MESSAGE, None))).await;
    }
    assert_eq!(pair.client.next().await, Got::Gone);
    assert_eq!(seconds_since(start), 5);
    pair.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_and_stays_is_cut_off() {
    let probe = Probe::new();
    let mut pair = open(probe.app().hook(Recorder::new(&probe)), 4096);
    let start = Instant::now();
    pair.client.write(&frame(0x88, &[0x0f, 0xa1, b'x'])).await;
    assert_eq!(pair.client.next().await, Got::Close(4001, String::new()));
    assert_eq!(pair.client.next().await, Got::Gone, "our side is shut at once");
    assert_eq!(seconds_since(start), 0);
    (&mut pair.connection).await.expect("no panic");
    assert_eq!(seconds_since(start), 5);
    assert_eq!(probe.log(), ["after_connection 4001"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_within_the_grace_is_cancelled() {
    for grace in [30, 0] {
        let probe = Probe::new();
        let mut pair = open(probe.app().limits(Limits::default().grace(grace * SECOND)), 4096);
        pair.client.request(1, "wait", ()).await;
        assert_eq!(pair.client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
        let start = Instant::now();
        pair.hub.drain();
        let answer = pair.client.next_but_pings().await;
        assert!(
            matches!(&answer, Got::Answer(answer) if answer.seq == 1 && answer.code() == 503),
            "{answer:?}"
        );
        assert!(matches!(pair.client.next().await, Got::Close(1001, _)));
        assert_eq!(seconds_since(start), u64::from(grace));
        assert_eq!(pair.client.next().await, Got::Gone);
        drop(pair.client);
        pair.connection.await.expect("no panic");
        assert_eq!(probe.log(), ["cancelled: Shutdown"]);
        assert_eq!(probe.running(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_cancelled() {
    let probe = Probe::new();
    let limits = Limits::default().deadline(3 * SECOND);
    let mut pair = open(probe.app().limits(limits).hook(Recorder::new(&probe)), 4096);
    for (rpc, after) in [("wait", 3), ("hurried", 1)] {
        let start = Instant::now();
        assert_eq!(pair.client.refused(1, rpc, ()).await, 504);
        assert_eq!(seconds_since(start), after, "{rpc}");
        let log = probe.log();
        assert!(log.contains(&"cancelled: Deadline".into()), "{log:?}");
        assert_eq!(log.last().map(String::as_str), Some("after_request cancelled Deadline"));
        assert_eq!(probe.running(), 0);
    }
    // Streams have deadlines, too, also those whose peer takes nothing.
    let start = Instant::now();
    pair.client.request(2, "endless", 100).await;
    sleep(5 * SECOND).await;
    loop {
        let answer = pair.client.answer().await;
        if answer.kind == client::ERROR {
            assert_eq!(answer.code(), 504);
            break;
        }
    }
    assert_eq!(seconds_since(start), 5);
    assert_eq!(probe.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_blocking_procedure_that_is_too_late_is_answered_and_still_counts() {
    let probe = Probe::new();
    let mut pair = open(probe.app().limits(Limits::default().deadline(SECOND).calls(1)), 4096);
    pair.client.request(1, "block", ()).await;
    while probe.started() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(pair.client.answer().await.code(), 504);
    assert_eq!(pair.client.refused(2, "add", (1, 2)).await, 429);
    probe.unblock();
    while probe.running() > 0 || pair.peer.0.running.load(super::Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pair.client.call(3, "add", (1, 2)).await, Ok(Value::from(3)));
    assert_eq!(probe.log(), ["blocked: Some(Deadline)"]);
}

#[tokio::test(start_paused = true)]
async fn cancellations_are_counted_and_forgiven_with_time() {
    let mut pair = open(Probe::new().app().limits(Limits::default().cancels(20, 5)), 1 << 16);
    let mut seq = 0;
    for allowed in [20, 5, 10] {
        for _ in 0..allowed {
            seq += 1;
            pair.client.request(seq, "wait", ()).await;
            pair.client.kind(seq, "wait", CANCEL).await;
        }
        assert_eq!(pair.client.call(0, "add", (1, 2)).await, Ok(Value::from(3)), "{allowed} are allowed");
        sleep(if allowed == 20 { SECOND } else { 2 * SECOND }).await;
    }
    // Ten more have been forgiven.
    for _ in 0..11 {
        seq += 1;
        pair.client.request(seq, "wait", ()).await;
        pair.client.kind(seq, "wait", CANCEL).await;
    }
    assert_eq!(pair.client.closed().await, Some(1008));
}

#[tokio::test(start_paused = true)]
async fn pings_are_counted_and_forgiven_with_time() {
    let mut pair = open(Probe::new().app().limits(Limits::default().pings(20, 5)), 1 << 16);
    for allowed in [20, 5] {
        for number in 0..allowed {
            pair.client.write(&frame(0x89, &[number])).await;
        }
        for number in 0..allowed {
            assert_eq!(pair.client.next().await, Got::Pong(vec![number]));
        }
        sleep(SECOND).await;
    }
    for number in 0..6 {
        pair.client.write(&frame(0x89, &[number])).await;
    }
    assert_eq!(pair.client.closed().await, Some(1008));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_over_keeps_nothing() {
    let probe = Probe::new();
    let mut pair = open(probe.app().hook(Recorder::new(&probe)), 4096);
    for seq in 0..20 {
        pair.client.request(seq, ["wait", "total", "endless", "gated"][seq as usize % 4], 10).await;
    }
    assert_eq!(pair.client.answer().await.kind, client::ERROR, "wait takes no parameters");
    assert!(!pair.peer.is_closed());
    drop(pair.client);
    pair.connection.await.expect("no panic");
    assert!(pair.peer.is_closed());
    assert_eq!(probe.running(), 0);
    assert_eq!(Arc::strong_count(&pair.peer.0), 1, "somebody still holds the connection");
    assert_eq!(probe.log().last().map(String::as_str), Some("after_connection 1006"));
    // After the end nothing can be asked for.
    pair.peer.close(1000, "too late");
}

#[tokio::test(start_paused = true)]
async fn a_blocking_procedure_holds_a_connection_no_longer_than_the_grace() {
    let probe = Probe::new();
    let app = probe.app().hook(Recorder::new(&probe)).limits(Limits::default().grace(30 * SECOND));
    let mut pair = open(app, 4096);
    pair.client.request(1, "block", ()).await;
    // The clock does not go on by itself while a blocking procedure runs.
    while probe.started() == 0 {
        tokio::task::yield_now().await;
    }
    drop(pair.client);
    for _ in 0..40 {
        tokio::time::advance(SECOND).await;
    }
    let ended = pair.connection.is_finished();
    let log = probe.log();
    probe.unblock();
    pair.connection.await.expect("no panic");
    assert!(ended, "it is still waited for after the grace");
    assert_eq!(log.last().map(String::as_str), Some("after_connection 1006"));
    assert_eq!(pair.hub.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_grace_of_nothing_does_not_spin_while_the_peer_is_waited_for() {
    let probe = Probe::new();
    let mut pair = open(probe.app().limits(Limits::default().grace(Duration::ZERO)), 4096);
    pair.client.polite = false;
    pair.client.request(1, "wait", ()).await;
    assert_eq!(pair.client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
    pair.hub.drain();
    let start = Instant::now();
    assert_eq!(pair.client.closed().await, Some(1001));
    assert_eq!(seconds_since(start), 5);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_may_finish_when_the_server_shuts_down() {
    let probe = Probe::new();
    let mut pair = open(probe.app(), 4096);
    pair.client.request(1, "gated", "late").await;
    pair.client.request(2, "sleep", 5000).await;
    assert_eq!(pair.client.call(3, "add", (1, 2)).await, Ok(Value::from(3)));
    let start = Instant::now();
    pair.hub.drain();
    sleep(SECOND).await;
    pair.client.request(4, "add", (1, 2)).await;
    let refused = pair.client.answer().await;
    assert_eq!((refused.seq, refused.code()), (4, 503));
    // By this clients know that another server may do it.
    let not_begun = Value::Map(vec![("begun".into(), false.into())]);
    assert_eq!(refused.data.get("data"), Some(&not_begun));
    assert_eq!(pair.client.answer().await.seq, 2);
    probe.open_gate(1);
    assert_eq!(pair.client.answer().await.result(), Ok(Value::from("late")));
    assert!(matches!(pair.client.next().await, Got::Close(1001, _)));
    assert_eq!(pair.client.next().await, Got::Gone);
    assert_eq!(seconds_since(start), 5);
    drop(pair.client);
    pair.connection.await.expect("no panic");
    assert_eq!(probe.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_that_the_peer_breaks_count_as_cancelled() {
    let mut pair = open(Probe::new().app().limits(Limits::default().cancels(20, 5)), 1 << 16);
    for seq in 0..21 {
        pair.client.request(seq, "total", 1).await;
        pair.client.kind(seq, "total", client::METADATA).await;
    }
    assert_eq!(pair.client.closed().await, Some(1008));
}

#[tokio::test(start_paused = true)]
async fn items_for_a_stream_that_was_dropped_are_thrown_away() {
    let probe = Probe::new();
    let limits = Limits::default().unread(10_000, 20_000).stream_stall(10 * SECOND);
    let mut pair = open(probe.app().limits(limits), 1 << 20);
    let text = "x".repeat(1000);
    let start = Instant::now();
    for _ in 0..100 {
        pair.client.request(1, "first_then_gate", &text).await;
    }
    assert_eq!(pair.client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
    assert_eq!(seconds_since(start), 0);
    probe.open_gate(1);
    assert_eq!(pair.client.answer().await.result(), Ok(Value::from(1000)));
}

#[tokio::test(start_paused = true)]
async fn items_that_come_with_the_opening_of_calls_count_too() {
    let probe = Probe::new();
    let limits = Limits::default().unread(10_000, 50_000).stream_stall(10 * SECOND);
    let mut pair = open(probe.app().limits(limits), 1 << 20);
    let text = "x".repeat(9000);
    for seq in 0..20 {
        pair.client.request(seq, "gated_lengths", &text).await;
    }
    sleep(SECOND).await;
    assert!(probe.started() <= 6, "{} streams of 9,000 bytes were taken", probe.started());
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_as_long_as_they_like() {
    let max = Duration::MAX;
    let limits = Limits::default()
        .handshake(max)
        .keepalive(max, max)
        .write_stall(max)
        .stream_stall(max)
        .close(max)
        .grace(max)
        .deadline(max);
    let probe = Probe::new();
    let mut pair = open(probe.app().limits(limits), 4096);
    pair.client.request(1, "gated", "later").await;
    sleep(100_000 * SECOND).await;
    probe.open_gate(1);
    assert_eq!(pair.client.answer().await.result(), Ok(Value::from("later")));
    pair.client.goodbye().await;
    pair.connection.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn limits_of_nothing_are_as_little_as_possible() {
    let limits = Limits::default().outbox(0).unread(0, 0).fragments(0, 0).stream_stall(10 * SECOND);
    let mut pair = open(Probe::new().app().limits(limits), 4096);
    assert_eq!(pair.client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    for number in 1..=10 {
        pair.client.request(2, "total", number).await;
    }
    pair.client.kind(2, "total", END).await;
    assert_eq!(pair.client.answer().await.result(), Ok(Value::from(55)));
    pair.client.request(3, "count", 10).await;
    for number in 0..10 {
        assert_eq!(pair.client.answer().await.result(), Ok(Value::from(number)));
    }
    assert_eq!(pair.client.answer().await.kind, END);
}

#[tokio::test(start_paused = true)]
async fn silence_does_not_count_while_the_peer_takes_what_is_sent_slowly() {
    let probe = Probe::new();
    let app = probe.app().limits(Limits::default().outbox(10_000));
    let mut pair = open(app, 1000);
    pair.client.request(1, "endless", 500).await;
    // Any ping waits behind items, and the pong behind what the server does not read: 200 s pass with a byte now and then.
    let start = Instant::now();
    let mut byte = [0; 100];
    while start.elapsed() < 200 * SECOND {
        sleep(5 * SECOND).await;
        let read = pair.client.socket.read(&mut byte).await;
        assert!(matches!(read, Ok(1..)), "cut off after {} s: {read:?}", seconds_since(start));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_a_close_is_heard() {
    for how in ["close", "drain"] {
        let probe = Probe::new();
        let mut pair = open(probe.app().limits(Limits::default().outbox(2000)), 1000);
        for seq in 1..=20 {
            pair.client.request(seq, "gated", "x".repeat(1500)).await;
        }
        assert_eq!(pair.client.call(99, "add", (1, 2)).await, Ok(Value::from(3)));
        // More than the pipe and the write buffer hold: some waits in the outbox when the close is asked for.
        probe.open_gate(if how == "close" { 4 } else { 20 });
        sleep(SECOND).await;
        match how {
            "close" => pair.peer.close(4001, "bye"),
            _ => pair.hub.drain(),
        }
        let (mut answers, mut closed) = (0, None);
        loop {
            sleep(Duration::from_millis(10)).await;
            match pair.client.next().await {
                Got::Answer(answer) => {
                    answer.result().expect("nothing was cancelled");
                    answers += 1;
                }
                Got::Close(code, _) => closed = Some(code),
                Got::Gone => break,
                _ => {}
            }
        }
        let expected = if how == "close" { (4, Some(4001)) } else { (20, Some(1001)) };
        assert_eq!((answers, closed), expected, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_does_not_keep_other_calls_from_answering() {
    for bytes in [10, 100, 5000] {
        let probe = Probe::new();
        let mut pair = open(probe.app().hook(Recorder::new(&Probe::new())), 1 << 16);
        for seq in 1..=3 {
            pair.client.request(seq, "endless", bytes).await;
        }
        for seq in 1..=3 {
            while pair.client.answer().await.seq != seq {}
        }
        // Answered in place, from a task, and with metadata that are sent at once.
        for (seq, rpc, data) in
            [(4, "echo", Value::from(1)), (5, "panic_later", Value::Nil), (6, "lead", true.into())]
        {
            pair.client.request(seq, rpc, data).await;
            let mut others = 0;
            while pair.client.answer().await.seq != seq.into() {
                others += 1;
                assert!(others < 20_000, "{rpc} waits behind {others} items of {bytes} bytes");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn large_answers_are_not_made_before_there_is_room() {
    let probe = Probe::new();
    let mut pair = open(probe.app(), 1 << 16);
    // All of them come in one read, and each is answered at once.
    pair.client.send_all((1..=30).map(|seq| message(seq, 1_000_000, "bytes", MESSAGE, None))).await;
    sleep(SECOND).await;
    assert_eq!(probe.started(), 1);
    for seq in 1..=30 {
        assert_eq!(pair.client.answer().await.seq, seq);
    }
}

#[tokio::test(start_paused = true)]
async fn fragments_do_not_take_all_the_turns() {
    // A fragment for each byte: taking them is work, and brings a message only now and then.
    let text = "x".repeat(20_000);
    let whole = message(1, &text, "echo", MESSAGE, None);
    let (last, others) = whole.split_last().expect("it is not empty");
    let fragments = others.iter().enumerate().map(|(at, &byte)| frame(if at == 0 { 2 } else { 0 }, &[byte]));
    let wire: Vec<u8> = fragments.chain([frame(0x80, &[*last])]).flatten().collect();
    let messages = 30;
    let mut pair = open(Probe::new().app(), messages * wire.len());
    pair.client.write(&wire.repeat(messages)).await;
    for _ in 0..messages {
        assert_eq!(pair.client.answer().await.result(), Ok(Value::from(text.as_str())));
    }
    let (turns, longest) = (pair.turns.load(Ordering::Relaxed), 160 << 10);
    assert!(turns >= (messages * wire.len() / longest) as u64, "only {turns} turns");
}

#[tokio::test]
async fn long_turns_of_many_are_not_waited_for() {
    const HEAVY: usize = 8;
    let (probe, hub) = (Probe::new(), Arc::new(Hub::new(HEAVY + 1, 256 << 20)));
    let text = "x".repeat(1000);
    let mut heavy = Vec::new();
    for _ in 0..HEAVY {
        let mut pair = open_at(&hub, probe.app(), 1 << 20);
        pair.client.send_all((1..=60).map(|seq| message(seq, &text, "ponder", MESSAGE, None))).await;
        heavy.push(pair);
    }
    let mut light = open_at(&hub, Probe::new().app(), 4096);
    let mut waited_for = Vec::new();
    for seq in 1..=20 {
        let before = probe.started();
        assert_eq!(light.client.call(seq, "add", (1, 2)).await, Ok(Value::from(3)));
        waited_for.push(probe.started() - before);
    }
    assert!(probe.started() < 60 * HEAVY as u64, "there was always somebody with a long turn");
    // The first turn of each is not known to be long.
    assert!(waited_for[3..].iter().all(|&turns| turns <= 4), "{waited_for:?}");
    assert!(waited_for.iter().sum::<u64>() > 10, "the others have their turns, too: {waited_for:?}");
}

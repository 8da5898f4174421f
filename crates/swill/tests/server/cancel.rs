//! Cancellation reaches the procedure, whatever the reason; nothing of it is left.

use crate::common::*;
use std::{sync::Mutex, time::Duration};
use swill::{App, Context, Limits, Peer, Value};

/// Procedures that wait, each in its own way.
const WAITING: &[&str] = &["wait", "gated"];

async fn begin(client: &mut Client<tokio::net::TcpStream>, probe: &Probe, count: i64) {
    for seq in 1..=count {
        let rpc = WAITING[seq as usize % WAITING.len()];
        client.request(seq, rpc, ()).await;
    }
    until("all calls run", || probe.running() == count as usize).await;
}

async fn check(probe: &Probe, count: usize, reason: &str) {
    until("all guards have run", || probe.count(reason) == count).await;
    until("nothing is left", || probe.running() == 0).await;
    assert!(probe.log().iter().all(|line| line == reason), "other reasons than {reason}");
}

#[tokio::test]
async fn a_cancel_of_the_client_stops_the_call() {
    let probe = Probe::new();
    let server = serve(probe.app().limits(Limits::default().calls(7))).await;
    let mut client = server.connect().await;
    // All places are free again: three rounds, and one place more for who asks.
    for _ in 0..3 {
        begin(&mut client, &probe, 6).await;
        for seq in 1..=6 {
            client.kind(seq, WAITING[seq as usize % WAITING.len()], CANCEL).await;
        }
        // Nothing says that a call was cancelled.
        assert_eq!(client.call(99, "nothing", ()).await, Ok(Value::Nil));
        check(&probe, 6, "cancelled: Client").await;
    }
    // Nor does anything come later.
    assert_eq!(client.call(100, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
}

#[tokio::test]
async fn a_cancel_stops_a_stream_that_waits_for_the_peer() {
    let probe = Probe::new();
    let server = serve(probe.app()).await;
    let mut client = server.connect().await;
    client.request(1, "endless", 50_000).await;
    client.answer().await;
    client.kind(1, "endless", CANCEL).await;
    client.request(2, "nothing", ()).await;
    // Items sent before are still on their way.
    loop {
        let answer = client.answer().await;
        assert_ne!(answer.kind, ERROR, "{answer:?}");
        if answer.seq == 2 {
            break;
        }
    }
    check(&probe, 1, "cancelled: Client").await;
    assert_eq!(client.call(3, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
}

#[tokio::test]
async fn the_end_of_the_connection_stops_its_calls() {
    for how in ["drop", "close", "violation", "half-close"] {
        let probe = Probe::new();
        let server = serve(probe.app()).await;
        let mut other = server.connect().await;
        other.request(1, "gated", "mine").await;
        until("it waits", || probe.running() == 1).await;
        let mut client = server.connect().await;
        for seq in 1..=9 {
            client.request(seq, "wait", ()).await;
        }
        until("all calls run", || probe.running() == 10).await;
        match how {
            "close" => client.goodbye().await,
            "violation" => {
                client.write(&frame(0xf2, b"reserved bits")).await;
                assert_eq!(client.closed().await, Some(1002));
            }
            "half-close" => {
                tokio::io::AsyncWriteExt::shutdown(&mut client.socket).await.expect("it is open");
                assert_eq!(client.closed().await, None);
            }
            _ => drop(client),
        }
        until("all guards have run", || probe.count("cancelled: Disconnect") == 9).await;
        until("the other's call is left", || probe.running() == 1).await;
        probe.open_gate(1);
        assert_eq!(other.answer().await.result(), Ok(Value::from("mine")), "{how}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_shutdown_stops_what_does_not_end() {
    let probe = Probe::new();
    let server = serve(probe.app().limits(Limits::default().grace(Duration::from_millis(50)))).await;
    let mut client = server.connect().await;
    for seq in 1..=9 {
        client.request(seq, "wait", ()).await;
    }
    until("all calls run", || probe.running() == 9).await;
    server.handle.shutdown();
    for _ in 1..=9 {
        assert_eq!(client.answer().await.code(), 503);
    }
    assert_eq!(client.closed().await, Some(1001));
    check(&probe, 9, "cancelled: Shutdown").await;
    server.stop().await;
}

#[tokio::test]
async fn a_deadline_stops_the_call() {
    let probe = Probe::new();
    let server = serve(probe.app().limits(Limits::default().deadline(Duration::from_millis(20)))).await;
    let mut client = server.connect().await;
    for seq in 1..=9 {
        client.request(seq, "wait", ()).await;
    }
    for _ in 1..=9 {
        assert_eq!(client.answer().await.code(), 504);
    }
    check(&probe, 9, "cancelled: Deadline").await;
    client.goodbye().await;
}

#[tokio::test]
async fn a_blocking_procedure_is_told_and_counts_until_it_ends() {
    let probe = Probe::new();
    let server = serve(probe.app().limits(Limits::default().calls(2))).await;
    let mut client = server.connect().await;
    // Cancelled, they are still there. There are as many places again for such calls, and no more.
    for running in [2, 4] {
        for seq in running - 1..=running {
            client.request(seq, "block", ()).await;
        }
        until("they run", || probe.running() == running as usize).await;
        assert_eq!(client.refused(9, "wait", ()).await, 429);
        for seq in running - 1..=running {
            client.kind(seq, "block", CANCEL).await;
        }
    }
    assert_eq!(client.refused(9, "wait", ()).await, 429);
    probe.unblock();
    check(&probe, 4, "blocked: Some(Client)").await;
    let mut seq = 9;
    let answer = loop {
        seq += 1;
        match client.call(seq, "add", (1, 2)).await {
            Err((429, _)) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert_eq!(answer, Ok(Value::from(3)));
    client.goodbye().await;
}

/// A procedure that is computing just while it is cancelled, and only then asks for what every call has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_that_is_made_after_the_cancellation_runs() {
    struct Late(Probe, Mutex<Option<Peer>>);

    #[swill::module]
    impl Late {
        async fn late(&self, cx: &Context) {
            tokio::task::yield_now().await;
            *self.1.lock().unwrap() = Some(cx.peer().clone());
            tokio::task::block_in_place(|| {
                self.0.note("computing");
                self.0.block();
            });
            let probe = self.0.clone();
            let _guard = cx.on_cancel(move |reason| probe.note(format!("cancelled: {reason:?}")));
            cx.set_trailing(swill::Metadata::from([("too", "late")]));
            std::future::pending().await
        }

        async fn add(&self, a: i64, b: i64) -> i64 {
            a + b
        }

        async fn is_gone(&self) -> bool {
            self.1.lock().unwrap().as_ref().is_some_and(Peer::is_closed)
        }
    }

    for reason in ["cancelled: Client", "cancelled: Disconnect"] {
        let probe = Probe::new();
        let server = serve(App::new().module(Late(probe.clone(), Mutex::default()))).await;
        let mut other = server.connect().await;
        let mut client = server.connect().await;
        client.request(1, "late", ()).await;
        until("it computes", || probe.noted("computing")).await;
        if reason == "cancelled: Client" {
            client.kind(1, "late", CANCEL).await;
            assert_eq!(client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
        } else {
            drop(client);
            while other.call(1, "is_gone", ()).await != Ok(Value::from(true)) {}
        }
        probe.unblock();
        until(reason, || probe.noted(reason)).await;
    }
}

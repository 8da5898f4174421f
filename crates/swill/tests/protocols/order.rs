//! What waits for what, and how much may wait.

use crate::common::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};
use swill::{
    App, Error, Limits, Module, Peer, Protocol, Result,
    testing::{TestApp, TestPeer},
};

struct Herald;

#[swill::module]
impl Herald {
    /// Tells the peer something, and then answers, all of it at once.
    async fn announce(&self, peer: &Peer, number: i64) -> Result<i64> {
        peer.notify("first", (number,)).await?;
        peer.try_notify("second", (number,))?;
        if number < 0 {
            return Err(Error::new(400, "negative"));
        }
        Ok(number)
    }
}

every_protocol! {
    #[calls_peer]
    async fn what_a_procedure_says_comes_before_its_answer(speaks: &Speaks) {
        let peer = speaks.connect(App::new().module(Herald)).await;
        for number in [7, -7] {
            let answer = peer.call::<i64>("announce", (number,)).await;
            assert_eq!(answer.map_err(|error| error.code().0), if number > 0 { Ok(number) } else { Err(400) });
            for method in ["first", "second"] {
                let told = json(peer.receive_raw().await.unwrap());
                assert_eq!((&told["method"], &told["params"]), (&method.into(), &[number][..].into()));
            }
            let answered = json(peer.receive_raw().await.unwrap());
            assert!(answered.get("id").is_some(), "{answered}");
        }
    }

    async fn calls_that_are_ready_are_answered_in_order(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app()).await;
        let calls = (0..200).map(|number| peer.call::<i64>("add", (number, number)));
        for (number, answer) in (0..).zip(futures_util::future::join_all(calls).await) {
            assert_eq!(answer.unwrap(), 2 * number);
        }
    }

    #[parallel]
    async fn a_call_that_waits_holds_up_no_other(speaks: &Speaks) {
        let probe = Probe::new();
        let peer = speaks.connect(probe.app()).await;
        let (slow, ()) = tokio::join!(peer.call::<i64>("gated", 7), async {
            until("it waits", || probe.running() == 1).await;
            assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3);
            probe.open_gate(1);
        });
        assert_eq!(slow.unwrap(), 7);
    }

    async fn peers_do_not_wait_for_each_other(speaks: &Speaks) {
        let probe = Probe::new();
        let app = swill::testing::TestApp::new(probe.app().protocols([(speaks.protocol)()])).unwrap();
        let connect = || async { app.peer().over((speaks.protocol)()).connect().await.unwrap() };
        let (slow, quick) = (connect().await, connect().await);
        let (waited, ()) = tokio::join!(slow.call::<i64>("gated", 7), async {
            until("it waits", || probe.running() == 1).await;
            assert_eq!(quick.call::<i64>("add", (1, 2)).await.unwrap(), 3);
            probe.open_gate(1);
        });
        assert_eq!(waited.unwrap(), 7);
    }

    #[parallel]
    async fn too_many_calls_are_refused(speaks: &Speaks) {
        let probe = Probe::new();
        let peer = speaks.connect(probe.app().limits(Limits::default().calls(2))).await;
        peer.notify("gated", 1).await.unwrap();
        peer.notify("gated", 2).await.unwrap();
        until("both run", || probe.running() == 2).await;
        const REFUSED: &str = "too many calls are in flight on this connection";
        match speaks.family {
            Family::WebMesh => assert_eq!(peer.call::<String>("add", (1, 2)).await.unwrap(), REFUSED),
            Family::WebMeshHead => {
                peer.notify("add", (1, 2)).await.unwrap();
                peer.ping().await.unwrap();
                assert_eq!(peer.try_receive_raw(), None);
            }
            _ => {
                let error = peer.call::<i64>("add", (1, 2)).await.unwrap_err();
                assert_eq!((error.code().0, error.message()), (429, REFUSED));
            }
        }
        probe.open_gate(2);
        until("both are over", || probe.running() == 0).await;
        assert_eq!(peer.call::<i64>("add", (20, 22)).await.unwrap(), 42, "there is room again");
    }

    async fn a_message_that_is_too_large_ends_the_connection(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app().limits(Limits::default().message(1000))).await;
        let small = "x".repeat(100);
        assert_eq!(peer.call::<String>("echo", &small).await.unwrap(), small);
        // Of a kind that cannot be compressed to less.
        let next = |last: &u64| Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let numbers = std::iter::successors(Some(1), next).take(300);
        let large: String = numbers.map(|number| format!("{number:016x}")).collect();
        assert!(peer.call::<String>("echo", large).await.unwrap_err().outcome_unknown());
        assert_eq!(peer.closed().await.unwrap().code, 1009);
    }
}

/// A peer whose first call waits at the gate.
async fn busy(probe: &Probe, limits: Limits) -> TestPeer {
    let peer = EVENTS.peer(probe.app().limits(limits)).pipe(1000).connect().await.unwrap();
    peer.notify("gated", 0).await.unwrap();
    until("it waits", || probe.running() == 1).await;
    peer
}

#[tokio::test(start_paused = true)]
async fn events_wait_for_the_one_before_them() {
    let probe = Probe::new();
    let peer = busy(&probe, Limits::default()).await;
    for number in 1..=20 {
        peer.notify("gated", number).await.unwrap();
    }
    peer.flushed().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(probe.started(), 1, "all wait for the first");
    assert_eq!(peer.try_receive_raw(), None);
    for number in 0..=20 {
        probe.open_gate(1);
        assert_eq!(json(peer.receive_raw().await.unwrap())["result"], number);
        assert!(probe.running() <= 1);
    }
    assert_eq!(probe.started(), 21);
}

#[tokio::test(start_paused = true)]
async fn held_events_are_bounded_and_reading_goes_on() {
    let probe = Probe::new();
    let peer = busy(&probe, Limits::default().unread(10_000, 1 << 20)).await;
    let text = "x".repeat(900);
    for _ in 0..100 {
        peer.notify("echo", &text).await.unwrap();
    }
    let taken = tokio::time::timeout(Duration::from_secs(3600), peer.flushed()).await;
    assert!(taken.is_err(), "the app has read 100 KB of events that wait, and its limit is 10 KB");
    probe.open_gate(1);
    peer.flushed().await.unwrap();
    assert_eq!(json(peer.receive_raw().await.unwrap())["result"], 0);
    for _ in 0..100 {
        assert_eq!(json(peer.receive_raw().await.unwrap())["result"], text);
    }
    assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3);
}

/// What is told to a peer whose first call is this one, behind which 20 events wait, when the server is shut down after so
/// long: the codes of errors, and 0 for each result.
async fn told_by_a_server_that_leaves(first: &str, after: Duration, permits: usize) -> Vec<i64> {
    let probe = Probe::new();
    let app = TestApp::new(probe.app().protocols([Protocol::events()])).unwrap();
    let peer = app.peer().over(Protocol::events()).patience(Duration::from_secs(60)).connect().await.unwrap();
    match first {
        "gated" => peer.notify("gated", 0).await.unwrap(),
        first => peer.notify(first, ()).await.unwrap(),
    }
    for number in 1..=20 {
        peer.notify("gated", number).await.unwrap();
    }
    tokio::time::sleep(after).await;
    app.shutdown();
    probe.open_gate(permits);
    assert_eq!(peer.closed().await.unwrap().code, 1001);
    assert_eq!(probe.started(), 1, "nothing begins while the server leaves");
    let said = std::iter::from_fn(|| peer.try_receive_raw());
    said.map(|said| json(said)["errors"][0]["ctx"]["code"].as_i64().unwrap_or(0)).collect()
}

#[tokio::test(start_paused = true)]
async fn events_that_wait_are_refused_before_a_server_has_left() {
    const SOON: Duration = Duration::from_millis(10);
    assert_eq!(told_by_a_server_that_leaves("gated", SOON, 21).await, [&[0][..], &[503; 20]].concat());
    // The deadline of the first, which is a second, and the shutdown come in any order, or in the same moment.
    for after in [10, 998, 999, 1000] {
        let told = told_by_a_server_that_leaves("hurried", Duration::from_millis(after), 0).await;
        assert_eq!(told, [&[504][..], &[503; 20]].concat(), "{after} ms");
    }
    // The grace is over before the first call is: nobody has the time to refuse the others.
    assert_eq!(told_by_a_server_that_leaves("gated", SOON, 0).await, [503]);
}

#[tokio::test]
async fn batches_let_others_have_a_turn_as_single_calls_do() {
    const CALLS: usize = 100;
    let counter = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&counter);
    let tick = Module::new().handle("tick", [], move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    });
    let peer = JSON_RPC.peer(App::new().module(tick)).pipe(1 << 20).connect().await.unwrap();
    let batch = [r#"{"jsonrpc":"2.0","method":"tick","id":1}"#; CALLS].join(",");
    for _ in 0..50 {
        peer.send_text(format!("[{batch}]")).await.unwrap();
    }
    // A task as the connection is one, and as eager.
    let (mut most, mut before) = (0, 0);
    let watching = tokio::spawn(std::future::poll_fn(move |task| {
        let now = counter.load(Ordering::Relaxed);
        most = most.max(now - before);
        before = now;
        if now == 50 * CALLS {
            return Poll::Ready(most);
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }));
    let most = watching.await.unwrap();
    assert!(most <= CALLS, "{most} calls were one turn");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_is_noticed_also_while_nothing_more_is_read() {
    let probe = Probe::new();
    let peer = busy(&probe, Limits::default().unread(10_000, 1 << 20)).await;
    let text = "x".repeat(900);
    for _ in 0..100 {
        peer.notify("echo", &text).await.unwrap();
    }
    let taken = tokio::time::timeout(Duration::from_secs(60), peer.flushed()).await;
    assert!(taken.is_err(), "more is held than may be");
    assert_eq!(probe.running(), 1);
    drop(peer);
    // Its end lies behind what is not read, but a ping finds nobody.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(probe.running(), 0);
}

//! Streams, where they are carried, and calls that are given up.

use crate::common::*;
use std::time::Duration;
use swill::{
    App, Context, Error, Hook, Metadata, Module, Result,
    testing::{Request, TestPeer},
};

every_protocol! {
    #[streams_out]
    async fn items_come_in_order_and_then_the_end(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app()).await;
        for to in [0, 1, 5, 3000] {
            let items = peer.stream::<u64>("count", to).await.unwrap().collect().await.unwrap();
            assert_eq!(items, (0..to).collect::<Vec<_>>());
        }
    }

    #[streams_out]
    async fn streams_do_not_mix(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app()).await;
        let mut streams = Vec::new();
        for to in 0..10 {
            streams.push(peer.stream::<u64>("count", to).await.unwrap());
        }
        for (to, stream) in streams.into_iter().enumerate().rev() {
            assert_eq!(stream.collect().await.unwrap().len(), to);
        }
    }

    #[streams_out]
    async fn an_error_ends_a_stream(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app()).await;
        let code = if speaks.is(Family::JsonRpc) { -32603 } else { 500 };
        let mut stream = peer.stream::<i64>("panic_in_stream", ()).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        assert_eq!(stream.next().await.unwrap().unwrap_err().code().0, code);
        assert!(stream.next().await.is_none());
        // Before its first item it fails like any other call.
        let mut stream = peer.stream::<i64>("panic_before_stream", true).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap_err().code().0, code);
        let mut stream = peer.stream::<i64>("count", "x").await.unwrap();
        let misfit = if speaks.is(Family::JsonRpc) { -32602 } else { 422 };
        assert_eq!(stream.next().await.unwrap().unwrap_err().code().0, misfit);
    }

    #[streams_out]
    async fn a_stream_that_is_dropped_is_cancelled(speaks: &Speaks) {
        let probe = Probe::new();
        let peer = speaks.connect(probe.app()).await;
        let mut stream = peer.stream::<String>("endless", 10).await.unwrap();
        for number in 0..5 {
            assert_eq!(stream.next().await.unwrap().unwrap(), format!("{number:010}"));
        }
        assert_eq!(probe.running(), 1);
        drop(stream);
        until("it is over", || probe.running() == 0).await;
        assert_eq!(probe.log(), ["cancelled: Client"]);
        assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3, "the connection is fine");
    }

    #[streams_out]
    async fn a_call_that_is_given_up_is_cancelled(speaks: &Speaks) {
        let probe = Probe::new();
        let peer = speaks.connect(probe.app()).await;
        tokio::select! {
            _ = peer.call::<()>("wait", ()) => panic!("it never ends by itself"),
            () = until("it runs", || probe.running() == 1) => {}
        }
        until("it is over", || probe.running() == 0).await;
        assert_eq!(probe.log(), ["cancelled: Client"]);
        assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3, "the connection is fine");
    }

    #[streams_out]
    async fn a_peer_that_does_not_read_slows_its_stream(speaks: &Speaks) {
        let probe = Probe::new();
        let limits = swill::Limits::default().outbox(5_000);
        let peer = speaks.peer(probe.app().limits(limits)).pipe(5_000).connect().await.unwrap();
        peer.stop_reading();
        let mut stream = peer.stream::<String>("endless", 1000).await.unwrap();
        until("it has begun", || probe.produced() > 0).await;
        let mut before = 0;
        until("it waits", || std::mem::replace(&mut before, probe.produced()) == probe.produced()).await;
        assert!(probe.produced() < 40, "{} items of 1000 bytes", probe.produced());
        peer.read_on();
        for number in 0..200 {
            assert_eq!(stream.next().await.unwrap().unwrap(), format!("{number:01000}"));
        }
    }

    async fn a_connection_that_breaks_ends_its_calls(speaks: &Speaks) {
        let probe = Probe::new();
        let peer = speaks.connect(probe.app().hook(Recorder::new(&probe))).await;
        peer.notify("wait", ()).await.unwrap();
        until("it runs", || probe.running() == 1).await;
        drop(peer);
        until("it is over", || probe.noted("after_connection 1006")).await;
        assert_eq!(probe.running(), 0);
        assert!(probe.noted("cancelled: Disconnect"));
    }
}

async fn swill() -> TestPeer {
    SWILL.connect(Probe::new().app()).await
}

#[tokio::test]
async fn streams_in_are_carried_by_swills_own() {
    let peer = swill().await;
    let mut sender = peer.request("total").stream_in::<i64>().await.unwrap();
    for number in 1..=100 {
        sender.send(number).await.unwrap();
    }
    assert_eq!(sender.finish().await.unwrap(), 5050);
    // A procedure that answers early, and one that refuses an item.
    let mut sender = peer.request("first").stream_in::<i64>().await.unwrap();
    sender.send(7).await.unwrap();
    assert_eq!(sender.answer().await.unwrap(), 7);
    let mut sender = peer.request("total").stream_in::<i64>().await.unwrap();
    sender.send("x").await.unwrap();
    assert_eq!(sender.answer().await.unwrap_err().code().0, 422);
    let (mut sender, mut items) = peer.request("double").both::<i64>().await.unwrap();
    for number in 1..=3 {
        sender.send(number).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 2 * number);
    }
    sender.finish().await.unwrap();
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn a_stream_in_that_is_dropped_is_cancelled() {
    let probe = Probe::new();
    let peer = SWILL.connect(probe.app()).await;
    let sender = peer.request("total").stream_in::<i64>().await.unwrap();
    until("it runs", || probe.running() == 1).await;
    drop(sender);
    until("it is over", || probe.running() == 0).await;
    assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3);
}

#[tokio::test]
async fn metadata_is_carried_by_swills_own() {
    let peer = swill().await;
    let request =
        |name: &str| -> Request<'_> { peer.request(name).metadata(Metadata::from([("user", "ann")])) };
    let seen: Metadata = request("metadata").call(()).await.unwrap();
    assert_eq!(seen, Metadata::from([("user", "ann")]));
    for (now, lead) in [(true, "now"), (false, "later")] {
        let response = request("lead").call_with_metadata::<i64>(now).await.unwrap();
        assert_eq!(response.value, 7);
        assert_eq!(response.leading, Metadata::from([("lead", lead)]));
        assert_eq!(response.trailing, Metadata::from([("trail", 1)]));
    }
}

/// A hook that takes its time, and lets pass or not.
struct Doorman {
    open: bool,
}

impl Hook for Doorman {
    async fn before_request(&self, _: &mut Context) -> Result<()> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if self.open { Ok(()) } else { Err(Error::new(403, "not you")) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_open_when_hooks_have_let_it_pass_and_its_parameters_fit() {
    for (open, parameter, code) in [(false, "1", 403), (true, "\"x\"", -32602), (true, "1", 0)] {
        let quiet = Module::new()
            .handle("quiet", ["a"], async |_: i64| swill::stream::once(std::future::pending::<i64>()));
        let app = App::new().module(quiet).hook(Doorman { open });
        let peer = JSON_RPC.connect(app).await;
        let call = format!(r#"{{"jsonrpc":"2.0","method":"quiet","params":[{parameter}],"id":7}}"#);
        peer.send_text(call).await.unwrap();
        let first = json(peer.receive_raw().await.unwrap());
        if code == 0 {
            assert_eq!((&first["id"], &first["result"]), (&7.into(), &1.into()), "{first}");
        } else {
            assert_eq!((&first["id"], &first["error"]["code"]), (&7.into(), &code.into()), "{first}");
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(peer.try_receive_raw(), None);
    }
}

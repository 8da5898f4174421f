//! Spans of connections and calls, and what happens inside of them.

use crate::common::*;
use std::{sync::Arc, time::Duration};
use swill::{App, Context, Error, Hook, Limits, Module, Outcome, Result, Stream, Streaming, stream};
use tokio::{sync::Semaphore, task::yield_now};
use tracing::Level;

/// What the procedures below write under.
const OWN: &str = "own";

macro_rules! own {
    ($($message:tt)*) => { tracing::info!(target: "own", $($message)*) };
}

struct Talkative {
    gate: Arc<Semaphore>,
    collector: Collector,
}

/// Procedures that say something in every way in which they can run.
#[swill::module]
impl Talkative {
    async fn at_once(&self) -> u8 {
        own!("at_once");
        1
    }

    async fn later(&self) -> u8 {
        own!("later, before");
        yield_now().await;
        own!("later, after");
        2
    }

    async fn gated(&self, name: String) -> String {
        own!("gated {name}, before");
        self.gate.acquire().await.expect("it is never closed").forget();
        own!("gated {name}, after");
        name
    }

    async fn beside(&self, name: String) -> String {
        own!("beside {name}, before");
        self.gate.acquire().await.expect("it is never closed").forget();
        own!("beside {name}, after");
        name
    }

    #[swill(blocking)]
    fn blocking(&self) -> Option<String> {
        self.collector.here()
    }

    async fn fail(&self) -> Result<()> {
        Err(Error::internal("on purpose"))
    }

    async fn panic(&self) {
        panic!("on purpose");
    }

    async fn forever(&self, cx: &Context) {
        let _guard = cx.on_cancel(|_| own!("forever, cancelled"));
        std::future::pending().await
    }

    fn count(&self, to: u8) -> impl Stream<Item = u8> {
        stream! {
            for number in 0..to {
                own!("count {number}");
                yield number;
                yield_now().await;
            }
        }
    }

    async fn total(&self, mut numbers: Streaming<u64>) -> Result<u64> {
        let mut total = 0;
        while let Some(number) = numbers.next().await {
            own!("total");
            total += number?;
        }
        Ok(total)
    }
}

/// Says something at every moment of a call.
struct Saying;

impl Hook for Saying {
    async fn before_request(&self, _: &mut Context) -> Result<()> {
        own!("before_request");
        yield_now().await;
        Ok(())
    }

    async fn after_request(&self, _: &Context, _: Outcome<'_>) {
        own!("after_request");
    }
}

fn app(collector: &Collector) -> (App, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let talkative = Talkative { gate: Arc::clone(&gate), collector: collector.clone() };
    (App::new().module(talkative), gate)
}

/// What was said, and in which spans.
fn said(collector: &Collector) -> Vec<(String, Vec<String>)> {
    let events = collector.events(OWN);
    events.iter().map(|event| (event.fields["message"].clone(), collector.around(event))).collect()
}

fn in_call(message: &str, procedure: &str) -> (String, Vec<String>) {
    (message.to_owned(), vec![procedure.to_owned(), "connection".to_owned()])
}

every_protocol! {
    async fn what_a_procedure_says_is_inside_of_its_call(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let (app, _) = app(&collector);
        let peer = speaks.connect(app).await;
        peer.call::<u8>("at_once", ()).await.expect("an answer");
        peer.call::<u8>("later", ()).await.expect("an answer");
        assert_eq!(
            said(&collector),
            [
                in_call("at_once", "at_once"),
                in_call("later, before", "later"),
                in_call("later, after", "later")
            ]
        );
        let here: Option<String> = peer.call("blocking", ()).await.expect("an answer");
        assert_eq!(here.as_deref(), Some("blocking"), "on a thread of its own, too");
        let calls = collector.spans("call");
        assert_eq!(calls.len(), 3);
        for call in calls {
            assert_eq!(call.fields["protocol"], peer.protocol());
            assert_eq!(call.fields["code"], "0");
            assert_eq!((call.metadata.target(), *call.metadata.level()), ("swill::call", Level::DEBUG));
        }
    }

    async fn what_hooks_say_is_inside_of_their_call(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let peer = speaks.connect(app(&collector).0.hook(Saying)).await;
        peer.call::<u8>("at_once", ()).await.expect("an answer");
        let expected = ["before_request", "at_once", "after_request"].map(|said| in_call(said, "at_once"));
        assert_eq!(said(&collector), expected);
    }

    #[parallel]
    async fn calls_do_not_leak_into_each_other(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let (app, gate) = app(&collector);
        let (one, other) = (speaks.connect(app).await, gate);
        let calls = async {
            tokio::join!(
                one.call::<String>("gated", "a"),
                one.call::<String>("beside", "b"),
                one.call::<u8>("at_once", ()),
                async {
                    until("both wait", || collector.events(OWN).len() == 3).await;
                    other.add_permits(2);
                }
            )
        };
        let (a, b, c, ()) = calls.await;
        assert_eq!((a.expect("an answer"), b.expect("an answer"), c.expect("an answer")), ("a".into(), "b".into(), 1));
        let mut said = said(&collector);
        said.sort();
        let mut expected = [
            in_call("gated a, before", "gated"),
            in_call("gated a, after", "gated"),
            in_call("beside b, before", "beside"),
            in_call("beside b, after", "beside"),
            in_call("at_once", "at_once"),
        ];
        expected.sort();
        assert_eq!(said, expected);
    }

    #[streams_out]
    async fn what_the_body_of_a_stream_says_is_inside_of_its_call(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let peer = speaks.connect(app(&collector).0).await;
        let items = peer.stream::<u8>("count", 3).await.expect("it streams").collect().await;
        assert_eq!(items.expect("items"), [0, 1, 2]);
        assert_eq!(said(&collector), [0, 1, 2].map(|number| in_call(&format!("count {number}"), "count")));
    }

    async fn how_a_call_ended_is_told(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        for (procedure, parameters, code) in
            [("at_once", "[]", "0"), ("gated", "[7]", "422"), ("fail", "[]", "500"), ("panic", "[]", "500")]
        {
            // Over some protocols a failure ends the connection.
            let peer = speaks.connect(app(&collector).0).await;
            let before = collector.spans("call").len();
            let parameters: swill::Value = serde_json::from_str(parameters).expect("it is JSON");
            peer.notify(procedure, parameters).await.expect("the connection is open");
            until("it has ended", || {
                collector.spans("call").get(before).is_some_and(|call| call.fields.contains_key("code"))
            })
            .await;
            let call = &collector.spans("call")[before];
            assert_eq!((call.fields["procedure"].as_str(), call.fields["code"].as_str()), (procedure, code));
        }
    }

    async fn spans_end_with_what_they_stand_for(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let (app, _) = app(&collector);
        let peer = speaks.connect(app).await;
        peer.call::<u8>("later", ()).await.expect("an answer");
        until("the call is over", || collector.open() == 1).await;
        peer.notify("forever", ()).await.expect("the connection is open");
        until("it runs", || collector.spans("call").len() == 2).await;
        let _ = peer.close(1000, "").await;
        until("all is over", || collector.open() == 0 && collector.entered() == 0).await;
        assert_eq!(said(&collector).pop(), Some(in_call("forever, cancelled", "forever")));
        assert_eq!(collector.spans("call")[1].fields["code"], "499");
    }
}

#[tokio::test]
async fn a_stream_in_is_inside_of_its_call() {
    let (collector, _guard) = Collector::start(Level::TRACE);
    let peer = SWILL.connect(app(&collector).0).await;
    let mut numbers = peer.request("total").stream_in::<u64>().await.expect("it streams");
    for number in [1, 2] {
        numbers.send(number).await.expect("it is taken");
    }
    assert_eq!(numbers.finish().await.expect("an answer"), 3);
    assert_eq!(said(&collector), [in_call("total", "total"), in_call("total", "total")]);
}

#[tokio::test]
async fn a_connection_says_who_and_where() {
    struct Accepting;
    impl Hook for Accepting {
        fn sees_calls(&self) -> bool {
            false
        }
        async fn before_connection(&self, _: &mut swill::Handshake) -> Result<()> {
            own!("before_connection");
            Ok(())
        }
        async fn after_accept(&self, _: &swill::Peer) -> Result<()> {
            yield_now().await;
            own!("after_accept");
            Ok(())
        }
        async fn after_connection(&self, _: &swill::Peer, _: &swill::Close) {
            own!("after_connection");
        }
    }
    let (collector, _guard) = Collector::start(Level::TRACE);
    let app = app(&collector).0.hook(Accepting).paths(["/rooms/{room}"]);
    let remote = "192.0.2.7:4711".parse().expect("an address");
    let connect = SWILL.peer(app).path("/rooms/7").query("token", "a secret").remote(remote);
    let peer = connect.connect().await.expect("it connects");
    peer.call::<u8>("at_once", ()).await.expect("an answer");
    peer.close(1000, "").await.expect("it ends");
    until("it is over", || collector.open() == 0).await;
    let inside = |said: &str| (said.to_owned(), vec!["connection".to_owned()]);
    let expected = [
        inside("before_connection"),
        inside("after_accept"),
        in_call("at_once", "at_once"),
        inside("after_connection"),
    ];
    assert_eq!(said(&collector), expected);
    let [connection] = &collector.spans("connection")[..] else { panic!("there is one connection") };
    assert_eq!(
        (connection.metadata.target(), *connection.metadata.level()),
        ("swill::connection", Level::INFO)
    );
    let fields: Vec<_> = connection.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let expected = [("path", "/rooms/7"), ("protocol", "swill/1"), ("remote", "192.0.2.7:4711")];
    assert_eq!(fields.iter().filter(|it| it.0 != "peer").copied().collect::<Vec<_>>(), expected);
    assert!(connection.fields["peer"].parse::<u64>().is_ok(), "{connection:?}");
}

#[tokio::test]
async fn a_subscriber_of_info_sees_connections_and_no_calls() {
    let (collector, _guard) = Collector::start(Level::INFO);
    let peer = SWILL.connect(app(&collector).0).await;
    peer.call::<u8>("at_once", ()).await.expect("an answer");
    peer.call::<u8>("later", ()).await.expect("an answer");
    assert!(collector.spans("call").is_empty());
    let around: Vec<_> = said(&collector).into_iter().map(|(_, around)| around).collect();
    assert_eq!(around, vec![vec!["connection".to_owned()]; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_connection_is_inside_of_it() {
    let (collector, _guard) = Collector::start(Level::TRACE);
    let big = Module::new().handle("big", [], async || "x".repeat(1 << 20));
    let limits = Limits::default().write_stall(Duration::from_secs(1));
    let peer = SWILL.connect(App::new().module(big).limits(limits)).await;
    peer.stop_reading();
    peer.notify("big", ()).await.expect("it is sent");
    let stalled = || {
        let events = collector.events("swill::connection::clock");
        events.into_iter().find(|event| event.fields["message"].contains("takes nothing"))
    };
    while stalled().is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(collector.around(&stalled().expect("it was said")), ["connection"]);
}

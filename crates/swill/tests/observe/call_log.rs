//! The log of calls: one event for each that has ended.

use crate::common::*;
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;
use swill::{App, Limits, Metadata, Metrics, Module, Stream, Streaming, stream};
use tokio::sync::Semaphore;
use tracing::Level;

fn procedures(gate: &Arc<Semaphore>) -> Module {
    let gate = Arc::clone(gate);
    let wait = move || {
        let gate = Arc::clone(&gate);
        async move { gate.acquire().await.map(|permit| permit.forget()).map_err(swill::Error::internal) }
    };
    Module::new()
        .handle("add", ["a", "b"], async |a: i64, b: i64| a + b)
        .handle("fail", [], async || Err::<(), _>(swill::Error::new(403, "a secret of ours")))
        .handle("wait", [], wait)
}

/// A gate that nobody passes.
fn closed() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

/// What is logged of calls: procedure and code.
fn logged(collector: &Collector) -> Vec<(String, String)> {
    let events = collector.events("swill::call");
    events.iter().map(|it| (it.fields["procedure"].clone(), it.fields["code"].clone())).collect()
}

fn entry(procedure: &str, code: i64) -> (String, String) {
    (procedure.to_owned(), code.to_string())
}

every_protocol! {
    async fn every_call_that_has_ended_is_logged_once(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::INFO);
        let gate = Arc::new(Semaphore::new(1));
        let peer = speaks.connect(App::new().module(procedures(&gate)).log_calls(true)).await;
        let calls = [
            ("add", json!([4711, 2]), 0),
            ("wait", json!([]), 0),
            ("add", json!(["text", 2]), 422),
            ("nothing", json!([]), 404),
            ("fail", json!([]), 403),
        ];
        for (procedure, parameters, code) in calls {
            let before = logged(&collector).len();
            if peer.notify(procedure, parameters).await.is_err() {
                break;
            }
            until("it is logged", || logged(&collector).len() > before).await;
            let (name, its) = logged(&collector).pop().expect("it was logged");
            assert_eq!(its, code.to_string(), "{procedure}");
            assert!(name.trim_start_matches('/') == procedure, "{name} for {procedure}");
            assert_eq!(logged(&collector).len(), before + 1);
        }
        for event in collector.events("swill::call") {
            assert_eq!((event.level, event.fields["protocol"].as_str()), (Level::INFO, peer.protocol()));
            let names: Vec<_> = event.fields.keys().copied().collect();
            let expected =
                ["code", "duration_us", "message", "peer", "procedure", "protocol", "received", "sent"];
            assert_eq!(names, expected);
            for number in ["peer", "duration_us", "received", "sent"] {
                assert!(event.fields[number].parse::<u64>().is_ok(), "{event:?}");
            }
            let text = format!("{event:?}");
            assert!(!text.contains("4711") && !text.contains("secret") && !text.contains("text"), "{text}");
        }
    }

    #[parallel]
    async fn what_is_refused_or_cancelled_is_logged(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::INFO);
        let gate = Arc::new(Semaphore::new(0));
        let app = App::new().module(procedures(&gate)).log_calls(true).limits(Limits::default().calls(1));
        let peer = speaks.connect(app).await;
        peer.notify("wait", ()).await.expect("the connection is open");
        peer.notify("add", (1, 2)).await.expect("the connection is open");
        until("it is refused", || logged(&collector).len() == 1).await;
        let _ = peer.close(1000, "").await;
        until("it is cancelled", || logged(&collector).len() == 2).await;
        assert_eq!(logged(&collector), [entry("add", 429), entry("wait", 499)]);
    }

    async fn names_that_nobody_has_are_cut_off(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::INFO);
        let peer = speaks.connect(App::new().module(procedures(&closed())).log_calls(true)).await;
        // In the middle of the last character that fits; over Swill's own protocol it is no name at all.
        let _ = peer.notify(&"\u{e4}".repeat(400), ()).await;
        let _ = peer.notify("nothing", ()).await;
        until("it is logged", || logged(&collector).iter().any(|(name, _)| name.ends_with("nothing"))).await;
        assert!(logged(&collector).iter().all(|(name, _)| name.len() <= 255), "{:?}", logged(&collector));
    }

    async fn nothing_is_logged_unless_asked_for(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let peer = speaks.connect(App::new().module(procedures(&closed()))).await;
        assert_eq!(peer.call::<i64>("add", (1, 2)).await.expect("an answer"), 3);
        peer.notify("nothing", ()).await.expect("the connection is open");
        let _ = peer.call::<i64>("add", (1, 2)).await;
        assert_eq!(logged(&collector), []);
    }
}

#[tokio::test]
async fn the_module_further_inside_decides() {
    let add = || Module::new().handle("add", ["a", "b"], async |a: i64, b: i64| a + b);
    for (app, named) in [(None, false), (Some(false), false), (Some(true), true)] {
        let (collector, _guard) = Collector::start(Level::INFO);
        let inner = |name: &'static str| Module::named(name).module(add());
        let mut application = App::new()
            .module(add())
            .module(Module::named("on").log_calls(true).module(add()).module(inner("within")))
            .module(Module::named("off").log_calls(false).module(add()).module(inner("on").log_calls(true)));
        if let Some(log) = app {
            application = application.log_calls(log);
        }
        let peer = SWILL.connect(application).await;
        for procedure in ["add", "on.add", "on.within.add", "off.add", "off.on.add"] {
            assert_eq!(peer.call::<i64>(procedure, (1, 2)).await.expect("an answer"), 3, "{procedure}");
        }
        let mut expected = vec![entry("on.add", 0), entry("on.within.add", 0), entry("off.on.add", 0)];
        if named {
            expected.insert(0, entry("add", 0));
        }
        assert_eq!(logged(&collector), expected, "{app:?}");
    }
}

struct Streams;

#[swill::module]
impl Streams {
    fn letters(&self, to: usize) -> impl Stream<Item = String> {
        stream! {
            for _ in 0..to {
                yield "abc".to_owned();
            }
        }
    }

    async fn count(&self, mut words: Streaming<String>) -> u32 {
        let mut count = 0;
        while words.next().await.is_some() {
            count += 1;
        }
        count
    }
}

#[tokio::test]
async fn bytes_are_those_of_parameters_answers_and_items() {
    let (collector, _guard) = Collector::start(Level::INFO);
    let app = App::new().module(Streams).module(procedures(&closed())).log_calls(true);
    let peer = SWILL.connect(app).await;
    // A list of two numbers below 128 has three bytes in MessagePack, a text of three letters four.
    assert_eq!(peer.call::<i64>("add", (1, 2)).await.expect("an answer"), 3);
    assert_eq!(
        peer.stream::<String>("letters", 5)
            .await
            .expect("it streams")
            .collect()
            .await
            .map(|it| it.len())
            .expect("an answer"),
        5
    );
    let mut words = peer.request("count").stream_in::<u32>().await.expect("it streams");
    for _ in 0..3 {
        words.send("abc").await.expect("it is taken");
    }
    assert_eq!(words.finish().await.expect("an answer"), 3);
    until("all are logged", || collector.events("swill::call").len() == 3).await;
    let bytes = |name: &str| -> Vec<String> {
        collector.events("swill::call").iter().map(|event| event.fields[name].clone()).collect()
    };
    assert_eq!(bytes("received"), ["3", "1", "12"]);
    assert_eq!(bytes("sent"), ["1", "20", "1"]);
}

#[tokio::test]
async fn metadata_is_not_logged() {
    let (collector, _guard) = Collector::start(Level::TRACE);
    let peer = SWILL.connect(App::new().module(procedures(&closed())).log_calls(true)).await;
    let metadata = Metadata::from([("token", "very-secret")]);
    assert_eq!(peer.request("add").metadata(metadata).call::<i64>((1, 2)).await.expect("an answer"), 3);
    let all = format!("{:?} {:?}", collector.events("swill::call"), collector.spans("call"));
    assert!(all.contains("add") && !all.contains("very-secret"), "{all}");
}

#[tokio::test]
async fn the_log_is_inside_of_the_span_of_its_call() {
    let (collector, _guard) = Collector::start(Level::TRACE);
    let gate = Arc::new(Semaphore::new(1));
    let peer = SWILL.connect(App::new().module(procedures(&gate)).log_calls(true)).await;
    peer.call::<i64>("add", (1, 2)).await.expect("an answer");
    peer.call::<()>("wait", ()).await.expect("an answer");
    let _ = peer.call::<()>("nothing", ()).await;
    let around: Vec<_> =
        collector.events("swill::call").iter().map(|event| collector.around(event)).collect();
    assert_eq!(around, [vec!["add", "connection"], vec!["wait", "connection"], vec!["connection"]]);
}

struct Large(Arc<Semaphore>);

#[swill::module]
impl Large {
    /// A text of 4,000 letters, when it may.
    async fn large(&self) -> swill::Result<String> {
        self.0.acquire().await?.forget();
        Ok("x".repeat(4_000))
    }
}

/// The codes of calls whose answers wait for a peer that reads nothing, as they are logged when it reads on, or goes; and
/// what it got.
async fn waiting_answers(stays: bool) -> (Vec<i64>, Vec<i64>) {
    const CALLS: usize = 8;
    let (collector, _guard) = Collector::start(Level::INFO);
    let metrics = Metrics::new();
    let limits = Limits::default().answer(10_000).outbox(1);
    let gate = closed();
    let app = App::new().module(Large(Arc::clone(&gate))).limits(limits).log_calls(true);
    let peer = SWILL.peer(app.metrics(metrics.clone())).pipe(1_000).connect().await.expect("it connects");
    peer.stop_reading();
    let count = |series: &str| {
        let text = metrics.encode();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<usize>().ok());
        value.unwrap_or(0)
    };
    let calls = join_all((0..CALLS).map(|_| peer.call::<String>("large", ())));
    let too_many = async {
        // Nothing is read any more once the first answer is stuck.
        until("all have begun", || count("swill_calls_in_flight") == CALLS).await;
        gate.add_permits(CALLS);
        until("too much waits", || count("swill_limit_hits_total{limit=\"answers\"}") > 0).await;
    };
    let got = match stays {
        true => {
            let read_on = async {
                too_many.await;
                peer.read_on();
            };
            let (answers, ()) = tokio::join!(calls, read_on);
            answers.into_iter().map(|answer| answer.map_or_else(|error| error.code().0, |_| 0)).collect()
        }
        false => {
            tokio::select! {
                _ = calls => panic!("nothing is read"),
                () = too_many => {}
            }
            drop(peer);
            Vec::new()
        }
    };
    until("all are logged", || logged(&collector).len() == CALLS).await;
    let codes: Vec<i64> =
        logged(&collector).iter().map(|(_, code)| code.parse().expect("a number")).collect();
    for (code, label) in [(0, "ok"), (413, "413"), (499, "499")] {
        let series =
            format!("swill_calls_total{{procedure=\"large\",protocol=\"swill/1\",code=\"{label}\"}}");
        assert_eq!(count(&series), codes.iter().filter(|logged| **logged == code).count(), "{codes:?}");
    }
    (codes, got)
}

#[tokio::test]
async fn what_is_counted_and_logged_is_what_the_peer_gets() {
    let (mut logged, mut got) = waiting_answers(true).await;
    logged.sort_unstable();
    got.sort_unstable();
    assert_eq!(logged, got);
    assert_eq!((logged.first(), logged.last()), (Some(&0), Some(&413)));
    let (logged, _) = waiting_answers(false).await;
    assert!(logged.contains(&413), "{logged:?}");
}

//! Calls from the app to its peer: [`Peer::call`], [`Peer::notify`] and [`Peer::batch`].

use crate::common::*;
use serde_json::json;
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};
use swill::{
    App, Error, Hook, Limits, Peer, Result, Value,
    testing::{Raw, TestPeer},
};
use tokio::time::{Instant, sleep, timeout};

/// Keeps the handle of the last peer that connected.
#[derive(Clone, Default)]
struct Handles(Arc<Mutex<Option<Peer>>>);

impl Hook for Handles {
    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        *self.0.lock().unwrap() = Some(peer.clone());
        Ok(())
    }
}

/// A peer of an app, and the app's handle of it.
struct Both {
    near: Peer,
    far: TestPeer,
}

async fn both(speaks: &Speaks, app: App) -> Both {
    let handles = Handles::default();
    let far = speaks.peer(app.hook(handles.clone())).pipe(1000).connect().await.unwrap();
    far.ping().await.unwrap();
    let near = handles.0.lock().unwrap().take().expect("it has connected");
    Both { near, far }
}

async fn plain(speaks: &Speaks) -> Both {
    both(speaks, Probe::new().app()).await
}

const SECOND: Duration = Duration::from_secs(1);

every_protocol! {
    #[calls_peer]
    async fn a_peer_answers(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        far.on("sum", async |numbers: Vec<i64>| Ok(numbers.into_iter().sum::<i64>()));
        far.on("nothing", async |(): ()| Ok(()));
        far.on("fail", async |_: Value| Err::<(), _>(Error::new(409, "not now").with_data(json!({"retry": 3}))));
        assert_eq!(near.call::<i64>("sum", (1, 2, 3)).await.unwrap(), 6);
        assert_eq!(near.call::<i64>("sum", 7).await.unwrap(), 7, "a single parameter is a list of one");
        near.call::<()>("nothing", ()).await.unwrap();
        let error = near.call::<()>("fail", ()).await.unwrap_err();
        assert_eq!((error.code().0, error.message()), (409, "not now"));
        assert_eq!(error.data().and_then(|data| data.get("retry")), Some(&Value::from(3)));
        let error = near.call::<()>("unknown", ()).await.unwrap_err();
        assert_eq!((error.code().0, error.message()), (-32601, "Method not found"));
        let error = near.call::<String>("sum", (1, 2)).await.unwrap_err();
        assert_eq!(error.code().0, 422, "the answer is no text: {error}");
    }

    #[calls_peer]
    async fn answers_find_their_calls(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        let probe = Probe::new();
        let gate = probe.clone();
        far.on("slow", move |number: (i64,)| {
            let gate = gate.clone();
            async move {
                gate.pass_gate().await;
                Ok(number.0)
            }
        });
        far.on("quick", async |number: (i64,)| Ok(number.0));
        let slow = futures_util::future::join_all((0..50).map(|number| near.call::<i64>("slow", number)));
        let quick = async {
            for number in 100..150 {
                assert_eq!(near.call::<i64>("quick", number).await.unwrap(), number);
            }
            probe.open_gate(50);
        };
        let (slow, ()) = tokio::join!(slow, quick);
        assert_eq!(slow.into_iter().collect::<Result<Vec<_>>>().unwrap(), (0..50).collect::<Vec<_>>());
    }

    #[calls_peer]
    async fn both_sides_call_at_the_same_time(speaks: &Speaks) {
        struct Echo;

        #[swill::module]
        impl Echo {
            async fn through(&self, peer: &Peer, depth: u32) -> Result<u32> {
                match depth {
                    0 => Ok(0),
                    _ => Ok(1 + peer.call::<u32>("through", depth - 1).await?),
                }
            }
        }

        let far = Arc::new(speaks.connect(App::new().module(Echo)).await);
        let calls = Arc::downgrade(&far);
        far.on("through", move |depth: (u32,)| {
            let peer = calls.upgrade();
            async move {
                match depth.0 {
                    0 => Ok(0),
                    depth => Ok(1 + peer.expect("it is in use").call::<u32>("through", depth - 1).await?),
                }
            }
        });
        assert_eq!(far.call::<u32>("through", 20).await.unwrap(), 20);
    }

    #[calls_peer]
    async fn a_connection_that_ends_leaves_the_outcome_unknown(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        let probe = Probe::new();
        let seen = probe.clone();
        far.on("wait", move |(): ()| {
            seen.note("called");
            pending::<Result<()>>()
        });
        let breaking = async {
            until("it is called", || probe.noted("called")).await;
            drop(far);
        };
        let (called, ()) = tokio::join!(near.call::<()>("wait", ()), breaking);
        let error = called.unwrap_err();
        assert!(error.outcome_unknown() && error.code().0 == 503, "{error:?}");
        until("the connection is over", || near.is_closed()).await;
        for error in [
            near.call::<()>("wait", ()).await.unwrap_err(),
            near.notify("wait", ()).await.unwrap_err(),
            near.try_notify("wait", ()).unwrap_err(),
            near.batch().call("wait", ()).send().await.unwrap_err(),
        ] {
            assert!(error.code().0 == 499 && !error.outcome_unknown(), "nothing was sent: {error:?}");
        }
    }

    #[calls_peer]
    async fn a_batch_is_answered_in_the_order_of_its_calls(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        far.on("double", async |number: (i64,)| Ok(2 * number.0));
        let batch = near.batch().call("double", 1).notify("told", (7,)).call("unknown", ()).call("double", 3);
        let answers = batch.send().await.unwrap();
        let answers: Vec<_> = answers.into_iter().map(|it| it.map_err(|error| error.code().0)).collect();
        assert_eq!(answers, [Ok(Value::from(2)), Err(-32601), Ok(Value::from(6))]);
        let heard = far.heard().await.unwrap();
        assert_eq!((&*heard.name, heard.parameters), ("told", Value::List(vec![7.into()])));
        assert_eq!(
            json(far.receive_raw().await.unwrap()),
            json!([
                {"jsonrpc": "2.0", "method": "double", "params": [1], "id": 0},
                {"jsonrpc": "2.0", "method": "told", "params": [7]},
                {"jsonrpc": "2.0", "method": "unknown", "id": 1},
                {"jsonrpc": "2.0", "method": "double", "params": [3], "id": 2},
            ])
        );
        assert!(near.batch().send().await.unwrap().is_empty());
        assert!(near.batch().notify("told", ()).send().await.unwrap().is_empty());
        assert_eq!(far.heard().await.unwrap().parameters, Value::Nil);
    }

    #[calls_peer]
    async fn what_cannot_be_written_is_not_sent(speaks: &Speaks) {
        struct Unwritable;
        impl serde::Serialize for Unwritable {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }
        let Both { near, far } = both(speaks, Probe::new().app().limits(Limits::default().answer(100))).await;
        let large = "x".repeat(101);
        for error in [
            near.call::<()>("a", Unwritable).await.unwrap_err(),
            near.notify("a", Unwritable).await.unwrap_err(),
            near.batch().call("b", 1).call("a", Unwritable).send().await.unwrap_err(),
            near.call::<()>("a", &large).await.unwrap_err(),
            near.try_notify("a", &large).unwrap_err(),
        ] {
            assert_eq!(error.code().0, 500, "{error:?}");
        }
        far.ping().await.unwrap();
        assert_eq!(far.try_receive_raw(), None);
    }

    #[notifies_peer]
    async fn a_peer_is_told_in_order(speaks: &Speaks) {
        #[derive(serde::Serialize)]
        struct News {
            number: i64,
        }
        let Both { near, far } = plain(speaks).await;
        for number in 0..100 {
            match number % 2 {
                0 => near.notify("news", News { number }).await.unwrap(),
                _ => until("there is room", || near.try_notify("news", News { number }).is_ok()).await,
            }
        }
        for number in 0..100 {
            let heard = far.heard().await.unwrap();
            assert_eq!(heard.name, "news");
            assert_eq!(heard.parameters.get("number"), Some(&Value::from(number)));
        }
    }

    #[notifies_peer]
    async fn who_does_not_read_keeps_nobody_waiting_who_will_not(speaks: &Speaks) {
        let limits = Limits::default().outbox(5_000);
        let Both { near, far } = both(speaks, Probe::new().app().limits(limits)).await;
        far.stop_reading();
        far.flushed().await.unwrap();
        // Of a kind that cannot be compressed.
        let text: String = (1..400_u64).map(|it| format!("{:x}", it.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let mut told = 0;
        let error = loop {
            match near.try_notify("news", (&text,)) {
                Ok(()) => told += 1,
                Err(error) => break error,
            }
            tokio::task::yield_now().await;
            assert!(told < 100, "it is bounded");
        };
        assert_eq!(error.code().0, 503);
        let patient = near.notify("news", (&text,));
        tokio::pin!(patient);
        for _ in 0..100 {
            tokio::select! {
                biased;
                _ = &mut patient => panic!("there is no room"),
                () = tokio::task::yield_now() => {}
            }
        }
        far.read_on();
        patient.await.unwrap();
        for _ in 0..=told {
            assert_eq!(far.heard().await.unwrap().name, "news");
        }
        near.try_notify("end", ()).unwrap();
        assert_eq!(far.heard().await.unwrap().name, "end");
    }

    #[notifies_peer]
    async fn a_batch_without_calls_needs_no_answers(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        assert!(near.batch().notify("first", (1,)).notify("second", (2,)).send().await.unwrap().is_empty());
        assert_eq!(far.heard().await.unwrap().name, "first");
        assert_eq!(far.heard().await.unwrap().name, "second");
    }

    async fn what_a_protocol_cannot_say_is_refused(speaks: &Speaks) {
        let Both { near, far } = plain(speaks).await;
        let capabilities = (speaks.capabilities)();
        if !capabilities.calls_peer {
            let message = format!("{} does not know calls of its peers", capabilities.name);
            for error in
                [near.call::<()>("a", ()).await.unwrap_err(), near.batch().call("a", ()).send().await.unwrap_err()]
            {
                assert_eq!((error.code().0, error.message()), (501, &*message));
            }
        }
        if !capabilities.notifies_peer {
            let message = format!("{} does not know notifications of its peers", capabilities.name);
            for error in [near.notify("a", ()).await.unwrap_err(), near.try_notify("a", ()).unwrap_err()] {
                assert_eq!((error.code().0, error.message()), (501, &*message));
            }
        }
        // And nothing of it is on the wire.
        far.ping().await.unwrap();
        assert_eq!(far.try_receive_raw(), None);
    }
}

/// Tells whoever connects more than may wait to be written, then waits at the gate.
struct Greets(Probe);

impl Hook for Greets {
    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        for number in 0..100 {
            peer.notify("history", json!({"number": number, "text": "x".repeat(1000)})).await?;
        }
        self.0.pass_gate().await;
        self.0.note("accepted");
        Ok(())
    }
}

every_protocol! {
    #[notifies_peer]
    async fn a_hook_tells_whoever_connects_and_nothing_is_read_meanwhile(speaks: &Speaks) {
        let probe = Probe::new();
        let app = || probe.app().hook(Greets(probe.clone())).hook(Recorder::new(&probe));
        let peer = speaks.connect(app()).await;
        peer.notify("bytes", 3).await.unwrap();
        for number in 0..100 {
            let heard = peer.heard().await.unwrap();
            assert_eq!(heard.parameters.get("number"), Some(&Value::from(number)));
        }
        assert_eq!(probe.log(), ["before_connection", "before_accept"]);
        probe.open_gate(1);
        assert_eq!(peer.call::<i64>("add", (1, 2)).await.unwrap(), 3);
        assert_eq!(probe.log()[..3], ["accepted", "after_accept", "before_request bytes"]);
        drop(peer);
        until("it is over", || probe.noted("after_connection 1006")).await;
        // A peer that goes at once: the hooks of its end wait for those of its beginning.
        probe.log();
        drop(speaks.connect(app()).await);
        probe.open_gate(1);
        until("it is over", || probe.noted("after_connection 1006")).await;
        assert_eq!(probe.log()[2..], ["accepted", "after_accept", "after_connection 1006"]);
    }
}

/// A peer that never answers `never`, and answers `late` after 20 s.
async fn tardy(limits: Limits) -> Both {
    let both = both(&JSON_RPC, Probe::new().app().limits(limits)).await;
    both.far.on("never", async |_: Value| pending::<Result<()>>().await);
    both.far.on("late", async |_: Value| {
        sleep(20 * SECOND).await;
        Ok("late")
    });
    both.far.on("quick", async |_: Value| Ok("quick"));
    both
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_in_time_is_an_error() {
    let Both { near, far } = tardy(Limits::default()).await;
    let start = Instant::now();
    let error = near.call::<()>("never", ()).await.unwrap_err();
    assert_eq!((error.code().0, start.elapsed().as_secs()), (504, 10));
    let error = near.call_within::<()>(3 * SECOND, "never", ()).await.unwrap_err();
    assert_eq!((error.code().0, start.elapsed().as_secs()), (504, 13));
    assert_eq!(near.call_within::<String>(21 * SECOND, "late", ()).await.unwrap(), "late");
    assert_eq!(near.call_within::<String>(Duration::MAX, "quick", ()).await.unwrap(), "quick");
    drop(far);
    let Both { near, far: _far } = tardy(Limits::default().answer_within(1024, 2 * SECOND)).await;
    let start = Instant::now();
    assert_eq!(near.call::<()>("never", ()).await.unwrap_err().code().0, 504);
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_nobodys() {
    let Both { near, far } = tardy(Limits::default()).await;
    assert_eq!(near.call::<String>("late", ()).await.unwrap_err().code().0, 504);
    sleep(20 * SECOND).await;
    far.ping().await.unwrap();
    assert_eq!(near.call::<String>("quick", ()).await.unwrap(), "quick");
    // Answers to calls that never were do no harm, either.
    far.send_text(r#"{"jsonrpc": "2.0", "result": 1, "id": 0}"#).await.unwrap();
    far.send_text(r#"{"jsonrpc": "2.0", "result": 1, "id": 4611686018427387905}"#).await.unwrap();
    far.send_text(r#"{"jsonrpc": "2.0", "error": {"code": 1, "message": "x"}, "id": "7"}"#).await.unwrap();
    far.ping().await.unwrap();
    let methods: Vec<_> =
        std::iter::from_fn(|| far.try_receive_raw()).map(|raw| json(raw)["method"].clone()).collect();
    assert_eq!(methods, ["late", "quick"], "nothing else was said");
}

#[tokio::test(start_paused = true)]
async fn a_batch_says_which_of_its_calls_were_answered_in_time() {
    let Both { near, far } = tardy(Limits::default()).await;
    let start = Instant::now();
    let batch = near.batch().call("never", ()).call("never", ()).call("never", ()).within(3 * SECOND);
    let (answers, answered) = tokio::join!(batch.send(), async {
        far.receive_raw().await?;
        // Peers may answer the calls of a batch one by one.
        far.send_text(r#"{"jsonrpc": "2.0", "result": "quick", "id": 1}"#).await
    });
    answered.unwrap();
    let answers: Vec<_> = answers.unwrap().into_iter().map(|it| it.map_err(|error| error.code().0)).collect();
    assert_eq!(answers, [Err(504), Ok(Value::from("quick")), Err(504)]);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_calls_wait_for_a_peer() {
    let Both { near, far: _far } = tardy(Limits::default().answer_within(2, 10 * SECOND)).await;
    let over = async {
        // The two others have begun.
        tokio::task::yield_now().await;
        near.call::<()>("quick", ()).await.unwrap_err().code().0
    };
    let two = async { tokio::join!(near.call::<()>("never", ()), near.call::<()>("never", ())) };
    let ((first, second), over) = tokio::join!(two, over);
    assert_eq!((first.unwrap_err().code().0, second.unwrap_err().code().0, over), (504, 504, 429));
    assert_eq!(near.call::<String>("quick", ()).await.unwrap(), "quick", "there is room again");
    // What does not fit is not sent in part.
    let batch = near.batch().call("quick", ()).call("quick", ()).call("quick", ());
    assert_eq!(batch.send().await.unwrap_err().code().0, 429);
    assert_eq!(near.batch().call("quick", ()).call("quick", ()).send().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    let Both { near, far: _far } = tardy(Limits::default().answer_within(1, 3600 * SECOND)).await;
    for _ in 0..5 {
        assert!(timeout(SECOND, near.call::<()>("never", ())).await.is_err());
    }
    assert_eq!(near.call::<String>("quick", ()).await.unwrap(), "quick");
}

#[tokio::test]
async fn a_call_is_on_the_wire_as_it_should_be() {
    let Both { near, far } = plain(&JSON_RPC).await;
    #[derive(serde::Serialize)]
    struct Named {
        what: &'static str,
    }
    near.notify("a", Named { what: "wall" }).await.unwrap();
    near.notify("b", [1, 2]).await.unwrap();
    near.notify("c", ()).await.unwrap();
    let (called, raw) = tokio::join!(near.call::<i64>("d", "x"), async {
        let mut raw = Vec::new();
        for _ in 0..4 {
            raw.push(far.receive_raw().await.unwrap());
        }
        // Whoever the answer comes from.
        far.send_text(r#"{"jsonrpc": "2.0", "result": 7, "id": 0}"#).await.unwrap();
        raw
    });
    let text = |text: &str| Raw::Text(text.to_owned());
    assert_eq!(
        raw,
        [
            text(r#"{"jsonrpc":"2.0","method":"a","params":{"what":"wall"}}"#),
            text(r#"{"jsonrpc":"2.0","method":"b","params":[1,2]}"#),
            text(r#"{"jsonrpc":"2.0","method":"c"}"#),
            text(r#"{"jsonrpc":"2.0","method":"d","params":["x"],"id":0}"#),
        ]
    );
    // The peer's own refusal, of a method that it does not know, is the first answer.
    assert_eq!(called.unwrap_err().code().0, -32601);
}

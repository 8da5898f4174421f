use super::{BOTH, call, connected, connected_as, server, value};
use std::time::Duration;
use swill_client::{Client, Code, Limits, Protocol, Result, Value};
use tokio::time::Instant;

/// The calls of a batch, in a task of their own.
fn batch(client: &Client, calls: usize) -> tokio::task::JoinHandle<Result<Vec<Result<Value>>>> {
    let client = client.clone();
    tokio::spawn(
        async move { (0..calls).fold(client.batch(), |batch, call| batch.call("f", call)).send().await },
    )
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_one_message_and_its_answers_come_in_the_order_of_the_calls() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let batch =
            client.batch().call("add", (1, 2)).notify("log", "adding").call("fail", ()).call("add", [3, 4]);
        let (answers, ()) = tokio::join!(batch.send(), async {
            peer.expect(
                r#"[{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1},
                    {"jsonrpc":"2.0","method":"log","params":["adding"]},
                    {"jsonrpc":"2.0","method":"fail","id":3},
                    {"jsonrpc":"2.0","method":"add","params":[3,4],"id":4}]"#,
            )
            .await;
            peer.say(
                r#"[{"jsonrpc":"2.0","result":7,"id":4},
                    {"jsonrpc":"2.0","error":{"code":9,"message":"no","data":[1]},"id":3},
                    {"jsonrpc":"2.0","result":3,"id":1}]"#,
            )
            .await;
        });
        let answers = answers.unwrap();
        assert_eq!(answers.len(), 3);
        assert_eq!(answers[0].as_ref().unwrap(), &Value::from(3));
        let error = answers[1].as_ref().unwrap_err();
        assert_eq!((error.code(), error.message(), error.data()), (Code(9), "no", Some(&value("[1]"))));
        assert_eq!(answers[2].as_ref().unwrap(), &Value::from(7));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_may_come_one_by_one_and_with_calls_of_the_server_between_them() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.handle("colour", async |(): ()| Ok("red"));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let batch = batch(&client, 2);
        peer.message().await;
        peer.say(r#"{"jsonrpc":"2.0","result":"b","id":2}"#).await;
        peer.say(r#"[{"jsonrpc":"2.0","method":"colour","id":"x"},{"jsonrpc":"2.0","result":"a","id":1}]"#)
            .await;
        peer.expect(r#"[{"jsonrpc":"2.0","result":"red","id":"x"}]"#).await;
        let answers: Result<Vec<Value>> = batch.await.unwrap().unwrap().into_iter().collect();
        assert_eq!(answers.unwrap(), [Value::from("a"), Value::from("b")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_calls_waits_for_nothing() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        assert!(client.batch().send().await.unwrap().is_empty());
        assert!(client.batch().notify("a", ()).notify("b", (1,)).send().await.unwrap().is_empty());
        peer.expect(r#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b","params":[1]}]"#).await;
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_batch_that_are_not_answered_in_time_fail_by_themselves() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let since = Instant::now();
        let batch = client.batch().call("f", ()).call("g", ()).deadline(Duration::from_secs(3));
        let (answers, ()) = tokio::join!(batch.send(), async {
            peer.message().await;
            peer.say(r#"[{"jsonrpc":"2.0","result":2,"id":2}]"#).await;
            peer.expect(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#).await;
        });
        let answers = answers.unwrap();
        assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::DEADLINE);
        assert_eq!(answers[1].as_ref().unwrap(), &Value::from(2));
        assert!(since.elapsed() < Duration::from_secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_dropped_cancels_its_calls() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let batch = batch(&client, 2);
        peer.message().await;
        batch.abort();
        for id in [1, 2] {
            let cancel = format!(r#"{{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{id}}}}}"#);
            peer.expect(&cancel).await;
        }
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_not_sent() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().calls(3).request(1000));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let error = batch(&client, 4).await.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::TOO_MANY);
        // Each of them fits by itself.
        let text = "x".repeat(400);
        let error =
            client.batch().call("f", &text).call("f", &text).call("f", &text).send().await.unwrap_err();
        assert_eq!(error.code(), Code::TOO_LARGE);
        let error = client.batch().call(&"f".repeat(256), ()).send().await.unwrap_err();
        assert_eq!(error.code(), Code::NOT_FOUND);
        peer.expect_silence().await;
        // As many calls as may be in flight go out when no other is.
        let first = call(&client, "g", ());
        peer.message().await;
        let three = batch(&client, 3);
        peer.expect_silence().await;
        peer.say(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
        first.await.unwrap().unwrap();
        let Value::List(requests) = peer.message().await else { panic!("a batch is a list") };
        assert_eq!(requests.len(), 3);
        let answers = requests.iter().map(|request| {
            format!(
                r#"{{"jsonrpc":"2.0","result":0,"id":{}}}"#,
                request.get("id").unwrap().deserialize::<u64>().unwrap()
            )
        });
        let answers: Vec<_> = answers.collect();
        peer.say(&format!("[{}]", answers.join(","))).await;
        assert_eq!(three.await.unwrap().unwrap().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_batch_may_be_answered_by_one_long_message() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().calls(2000));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let batch = batch(&client, 2000);
        peer.message().await;
        let answers = (1..=2000).rev().map(|id| format!(r#"{{"jsonrpc":"2.0","result":{id},"id":{id}}}"#));
        peer.say(&format!("[{}]", answers.collect::<Vec<_>>().join(","))).await;
        let answers: Result<Vec<Value>> = batch.await.unwrap().unwrap().into_iter().collect();
        assert_eq!(answers.unwrap(), (1..=2000).map(Value::from).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn in_swill_a_batch_is_sent_call_by_call_and_answers_to_notifications_are_dropped() {
    use crate::support::{MESSAGE, connected};
    let (_server, mut peer, client) = connected().await;
    let batch = client.batch().call("add", (1, 2)).notify("log", "adding").call("upper", "a");
    let (answers, ()) = tokio::join!(batch.send(), async {
        let add = peer.expect(MESSAGE, "add").await;
        let log = peer.expect(MESSAGE, "log").await;
        let upper = peer.expect(MESSAGE, "upper").await;
        peer.answer(upper, "A").await;
        peer.answer(log, Value::Nil).await;
        peer.answer(add, 3).await;
    });
    let answers: Result<Vec<Value>> = answers.unwrap().into_iter().collect();
    assert_eq!(answers.unwrap(), [Value::from(3), Value::from("A")]);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn in_swill_a_notification_is_a_call_until_it_is_answered() {
    use crate::support::{MESSAGE, connected_as, server};
    let (server, builder) = server();
    let builder = builder.limits(Limits::default().calls(2));
    let (_server, mut peer, client) = connected_as((server, builder)).await;
    client.notify("a", 1).await.unwrap();
    client.request("b").metadata([("x", 1)]).notify(()).await.unwrap();
    let (a, b) = (peer.expect(MESSAGE, "a").await, peer.expect(MESSAGE, "b").await);
    let third = tokio::spawn({
        let client = client.clone();
        async move { client.notify("c", ()).await }
    });
    peer.expect_silence().await;
    peer.fail(a, 500, "nobody reads this").await;
    let c = peer.expect(MESSAGE, "c").await;
    third.await.unwrap().unwrap();
    peer.answer(b, 1).await;
    peer.answer(c, 1).await;
    // None of them was cancelled.
    peer.expect_silence().await;
    assert_eq!(Protocol::default(), Protocol::Swill);
}

use super::{BOTH, SWITCHING, accept, call, codec, connected_as, server, server_of};
use crate::support::once;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use swill_client::{Reconnect, State, Value};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn handlers_outlive_connections() {
    for protocol in BOTH {
        let (mut server, builder) = server(protocol);
        let calls = Arc::new(AtomicUsize::new(0));
        let builder = builder.handle("count", move |()| {
            let calls = calls.clone();
            async move { Ok(calls.fetch_add(1, Ordering::Relaxed)) }
        });
        let client = builder.lazy().unwrap();
        for round in 0..3 {
            let mut peer = accept(&mut server, protocol).await;
            peer.say(r#"{"jsonrpc":"2.0","method":"count","id":"a"}"#).await;
            peer.expect(&format!(r#"{{"jsonrpc":"2.0","result":{round},"id":"a"}}"#)).await;
        }
        client.close().await;
    }
}

/// Says that it was dropped.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_of_a_connection_that_ends_are_dropped() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let dropped = Arc::new(AtomicUsize::new(0));
        let builder = builder.handle("wait", {
            let dropped = dropped.clone();
            move |()| {
                let guard = Guard(dropped.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(())
                }
            }
        });
        let (mut server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        for id in 0..3 {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"wait","id":{id}}}"#)).await;
        }
        sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
        drop(peer);
        let mut peer = accept(&mut server, protocol).await;
        client.watch().until(|state| *state == State::Open).await;
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        peer.expect_silence().await;

        // The same when it is this side that closes.
        peer.say(r#"{"jsonrpc":"2.0","method":"wait","id":0}"#).await;
        sleep(std::time::Duration::from_secs(1)).await;
        client.close().await;
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_socket_has_not_seen_is_sent_over_the_next_connection() {
    for protocol in BOTH {
        let (mut server, peer, client) = connected_as(protocol, server_of(protocol, 4096)).await;
        // All of it is encoded at once; the pipe takes a part of the first.
        let mut seen = Box::pin(client.batch().call("seen", "x".repeat(10_000)).send());
        let mut unseen = Box::pin(client.batch().call("a", 1).call("b", 2).notify("c", 3).send());
        let mut given_up = Box::pin(client.batch().call("d", 4).send());
        assert!(once(seen.as_mut()).await.is_pending());
        assert!(once(unseen.as_mut()).await.is_pending());
        assert!(once(given_up.as_mut()).await.is_pending());
        client.notify("log", "full").await.unwrap();
        let single = call(&client, "e", 5);
        sleep(std::time::Duration::from_millis(1)).await;
        drop(given_up);
        drop(peer);
        let seen = seen.await.unwrap();
        assert!(seen[0].as_ref().unwrap_err().outcome_unknown());

        let mut peer = accept(&mut server, protocol).await;
        peer.expect(
            r#"[{"jsonrpc":"2.0","method":"a","params":[1],"id":2},{"jsonrpc":"2.0","method":"b","params":[2],"id":3},
                {"jsonrpc":"2.0","method":"c","params":[3]}]"#,
        )
        .await;
        peer.expect(r#"{"jsonrpc":"2.0","method":"log","params":["full"]}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","method":"e","params":[5],"id":7}"#).await;
        peer.say(r#"[{"jsonrpc":"2.0","result":"a","id":2},{"jsonrpc":"2.0","result":"b","id":3}]"#).await;
        peer.say(r#"{"jsonrpc":"2.0","result":"e","id":7}"#).await;
        let answers: swill_client::Result<Vec<Value>> = unseen.await.unwrap().into_iter().collect();
        assert_eq!(answers.unwrap(), [Value::from("a"), Value::from("b")]);
        assert_eq!(single.await.unwrap().unwrap(), Value::from("e"));
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_connection_waits_no_longer_than_its_deadline() {
    use std::time::Duration;
    for protocol in BOTH {
        let (mut server, builder) = server(protocol);
        let client = builder.deadline(Duration::from_secs(3)).reconnect(Reconnect::default()).lazy().unwrap();
        client.notify("late", ()).await.unwrap();
        let late = tokio::spawn({
            let client = client.clone();
            async move { client.batch().call("late", ()).notify("late", ()).send().await }
        });
        let (stream, _) = server.accept_raw().await;
        let answers = late.await.unwrap().unwrap();
        assert_eq!(answers[0].as_ref().unwrap_err().code().0, 504);
        client.notify("in time", ()).await.unwrap();
        drop(stream);
        let stream = server.answer(SWITCHING).await;
        let mut peer = super::JsonPeer::new(stream, codec(protocol));
        peer.expect(r#"{"jsonrpc":"2.0","method":"in time"}"#).await;
        peer.expect_silence().await;
    }
}

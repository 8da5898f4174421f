use super::{BOTH, call, connected, connected_as, server, value};
use crate::support::once;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use swill_client::{Code, Limits, Protocol, Result, Value};
use tokio::time::{Instant, sleep};

#[derive(Serialize)]
struct Sum {
    a: i32,
    b: i32,
}

#[tokio::test(start_paused = true)]
async fn parameters_are_always_a_list_or_a_map() {
    async fn check(protocol: Protocol, params: impl Serialize, request: &str) {
        let (_server, mut peer, client) = connected(protocol).await;
        let (answer, ()) = tokio::join!(client.call::<Value>("f", params), async {
            peer.expect(request).await;
            peer.say(r#"{"jsonrpc":"2.0","result":[1,{"a":null}],"id":1}"#).await;
        });
        assert_eq!(answer.unwrap(), value(r#"[1,{"a":null}]"#));
    }
    for protocol in BOTH {
        let request = |params| format!(r#"{{"jsonrpc":"2.0","method":"f",{params}"id":1}}"#);
        check(protocol, (), &request("")).await;
        check(protocol, (1, "two"), &request(r#""params":[1,"two"],"#)).await;
        check(protocol, Sum { a: 1, b: 2 }, &request(r#""params":{"a":1,"b":2},"#)).await;
        check(protocol, BTreeMap::from([("a", 1)]), &request(r#""params":{"a":1},"#)).await;
        check(protocol, "text", &request(r#""params":["text"],"#)).await;
        check(protocol, 7, &request(r#""params":[7],"#)).await;
        check(protocol, (vec![1, 2],), &request(r#""params":[[1,2]],"#)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_may_come_in_any_order() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let (first, second) = (call(&client, "slow \"quoted\"", ()), call(&client, "quick", ()));
        peer.expect(r#"{"jsonrpc":"2.0","method":"slow \"quoted\"","id":1}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","method":"quick","id":2}"#).await;
        peer.say(r#"{"id":2,"result":"second","jsonrpc":"2.0","more":[]}"#).await;
        assert_eq!(second.await.unwrap().unwrap(), Value::from("second"));
        peer.say(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).await;
        assert_eq!(first.await.unwrap().unwrap(), Value::Nil);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_come_with_code_message_and_data() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        for (at, (error, code, message, data)) in [
            (r#"{"code":-32601,"message":"Method not found"}"#, -32601, "Method not found", None),
            (
                r#"{"code":418,"message":"a teapot","data":{"short":true}}"#,
                418,
                "a teapot",
                Some(r#"{"short":true}"#),
            ),
            (r#"{"code":1,"message":"x","data":null}"#, 1, "x", Some("null")),
            (r#"{"message":"no code"}"#, 500, "no code", None),
        ]
        .into_iter()
        .enumerate()
        {
            let pending = call(&client, "f", ());
            peer.message().await;
            peer.say(&format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{}}}"#, at + 1)).await;
            let failure = pending.await.unwrap().unwrap_err();
            assert_eq!((failure.code(), failure.message()), (Code(code), message));
            assert_eq!(failure.data(), data.map(value).as_ref(), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_type_is_an_error_of_this_side() {
    let (_server, mut peer, client) = connected(Protocol::JsonRpc).await;
    let (answer, ()) = tokio::join!(client.call::<Vec<u8>>("f", ()), async {
        peer.message().await;
        peer.say(r#"{"jsonrpc":"2.0","result":[1,300],"id":1}"#).await;
    });
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(error.message().contains("[1]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn answers_that_nobody_waits_for_are_ignored_and_not_answered() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let pending = call(&client, "f", ());
        peer.expect(r#"{"jsonrpc":"2.0","method":"f","id":1}"#).await;
        for id in ["null", "0", "2", "\"1\"", "1.5", "-1", "9223372036854775809", "18446744073709551616"] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","result":"wrong","id":{id}}}"#)).await;
            peer.say(&format!(r#"{{"jsonrpc":"2.0","error":{{"code":1,"message":"wrong"}},"id":{id}}}"#))
                .await;
        }
        peer.say(r#"{"jsonrpc":"2.0","result":"right","id":1}"#).await;
        peer.say(r#"{"jsonrpc":"2.0","result":"twice","id":1}"#).await;
        assert_eq!(pending.await.unwrap().unwrap(), Value::from("right"));
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_has_no_id_and_counts_as_no_call() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().calls(1));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let pending = call(&client, "f", ());
        peer.message().await;
        for number in 0..1000 {
            client.notify("log", (number, "full")).await.unwrap();
            peer.expect(&format!(r#"{{"jsonrpc":"2.0","method":"log","params":[{number},"full"]}}"#)).await;
        }
        client.request("reset").notify(()).await.unwrap();
        peer.expect(r#"{"jsonrpc":"2.0","method":"reset"}"#).await;
        peer.say(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
        assert_eq!(pending.await.unwrap().unwrap(), Value::from(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_cancelled() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let pending = call(&client, "slow", (1,));
        peer.expect(r#"{"jsonrpc":"2.0","method":"slow","params":[1],"id":1}"#).await;
        pending.abort();
        peer.expect(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#).await;
        peer.say(r#"{"jsonrpc":"2.0","error":{"code":-32800,"message":"Request cancelled"},"id":1}"#).await;

        // Given up before it was sent.
        let mut never = Box::pin(client.call::<()>("never", ()));
        assert!(once(never.as_mut()).await.is_pending());
        drop(never);
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_fails_when_its_deadline_passes_and_a_late_answer_is_ignored() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let since = Instant::now();
        let request = client.request("slow").deadline(Duration::from_millis(250));
        let (answer, ()) = tokio::join!(request.call::<i32>(()), async {
            peer.expect(r#"{"jsonrpc":"2.0","method":"slow","id":1}"#).await;
            peer.expect(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#).await;
            peer.say(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
        });
        assert_eq!(answer.unwrap_err().code(), Code::DEADLINE);
        assert!(since.elapsed() < Duration::from_millis(300));
        let next = call(&client, "next", ());
        peer.expect(r#"{"jsonrpc":"2.0","method":"next","id":2}"#).await;
        peer.say(r#"{"jsonrpc":"2.0","result":2,"id":2}"#).await;
        assert_eq!(next.await.unwrap().unwrap(), Value::from(2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_protocol_cannot_carry_is_refused_and_not_sent() {
    async fn check<T>(result: Result<T>, what: &str) {
        let error = result.err().unwrap();
        assert_eq!(error.code(), Code::UNIMPLEMENTED);
        assert!(error.message().contains(what) && error.message().contains("JSON-RPC 2.0"), "{error}");
    }
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        check(client.request("total").stream_in::<i32, i32>().await, "a stream in").await;
        check(client.request("double").both::<i32, i32>().await, "a stream in").await;
        let request = || client.request("f").metadata([("a", 1)]);
        check(request().call::<()>(()).await, "metadata").await;
        check(request().stream::<()>(()).await, "metadata").await;
        check(request().notify(()).await, "metadata").await;
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_wait_and_large_ones_are_refused() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().calls(2).request(1000));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let error = client.call::<()>("f", "x".repeat(950)).await.unwrap_err();
        assert_eq!(error.code(), Code::TOO_LARGE);
        let calls: Vec<_> = (0..3).map(|number| call(&client, "f", number)).collect();
        sleep(Duration::from_secs(1)).await;
        peer.expect(r#"{"jsonrpc":"2.0","method":"f","params":[0],"id":1}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","method":"f","params":[1],"id":2}"#).await;
        peer.expect_silence().await;
        for id in 1..4 {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","result":true,"id":{id}}}"#)).await;
            if id == 1 {
                peer.expect(r#"{"jsonrpc":"2.0","method":"f","params":[2],"id":3}"#).await;
            }
        }
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), Value::from(true));
        }
    }
}

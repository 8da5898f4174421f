use super::{BOTH, JsonPeer, connected_as, server, server_of};
use crate::support::Server;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill_client::{Builder, Client, Code, Error, Limits, Protocol, Value};
use tokio::{sync::Notify, time::sleep};

#[derive(Deserialize, Serialize)]
struct Wall {
    name: String,
    width: Option<u32>,
}

async fn serving(protocol: Protocol, prepare: impl FnOnce(Builder) -> Builder) -> (Server, JsonPeer, Client) {
    let (server, builder) = server(protocol);
    connected_as(protocol, (server, prepare(builder))).await
}

#[tokio::test(start_paused = true)]
async fn handlers_answer_calls_by_position_and_by_name() {
    for protocol in BOTH {
        let (_server, mut peer, client) = serving(protocol, |builder| {
            builder
                .handle("add", async |(a, b): (i64, i64)| Ok(a + b))
                .handle("wall", async |wall: Wall| Ok(wall))
                .handle("echo", async |any: Value| Ok(any))
                .handle("nothing", async |()| Ok(()))
                .handle("later", async |(text,): (String,)| {
                    sleep(Duration::from_millis(1)).await;
                    Ok(text)
                })
        })
        .await;
        for (request, answer) in [
            (r#""method":"add","params":[1,2],"id":1"#, r#""result":3,"id":1"#),
            (r#""method":"add","params":[1,2],"id":1.5"#, r#""result":3,"id":1.5"#),
            (
                r#""method":"wall","params":{"name":"n"},"id":"x""#,
                r#""result":{"name":"n","width":null},"id":"x""#,
            ),
            (r#""method":"wall","params":["n",7],"id":null"#, r#""result":{"name":"n","width":7},"id":null"#),
            (r#""method":"echo","params":{"a":[1]},"id":2"#, r#""result":{"a":[1]},"id":2"#),
            (r#""method":"echo","id":3"#, r#""result":[],"id":3"#),
            (r#""method":"nothing","id":4"#, r#""result":null,"id":4"#),
            (r#""method":"nothing","params":[],"id":4"#, r#""result":null,"id":4"#),
            (r#""method":"nothing","params":{},"id":4"#, r#""result":null,"id":4"#),
            (r#""method":"later","params":["t"],"id":5"#, r#""result":"t","id":5"#),
        ] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0",{request}}}"#)).await;
            peer.expect(&format!(r#"{{"jsonrpc":"2.0",{answer}}}"#)).await;
        }
        client.close().await;
    }
}

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a secret")
    }
}

impl std::error::Error for Broken {}

#[tokio::test(start_paused = true)]
async fn handlers_that_fail_are_told_of_without_secrets() {
    for protocol in BOTH {
        let (_server, mut peer, client) = serving(protocol, |builder| {
            builder
                .handle("own", async |()| Err::<(), _>(Error::new(418, "a teapot").with_data([1])))
                .handle("foreign", async |()| {
                    Err(Broken)?;
                    Ok(())
                })
                .handle("panics", async |(wait,): (bool,)| -> swill_client::Result<()> {
                    if wait {
                        tokio::task::yield_now().await;
                    }
                    panic!("a secret")
                })
                .handle("pair", async |(a, b): (u8, String)| Ok(format!("{a}{b}")))
        })
        .await;
        let internal = r#"{"code":-32603,"message":"Internal error"}"#;
        let ask = async |peer: &mut JsonPeer, request: &str| {
            peer.say(&format!(r#"{{"jsonrpc":"2.0",{request},"id":1}}"#)).await;
            let answer = peer.message().await;
            answer.get("error").unwrap_or_else(|| panic!("{request} gets {answer:?}")).clone()
        };
        for (request, error) in [
            (r#""method":"own""#, r#"{"code":418,"message":"a teapot","data":[1]}"#),
            (r#""method":"foreign""#, internal),
            (r#""method":"panics","params":[false]"#, internal),
            (r#""method":"panics","params":[true]"#, internal),
            (r#""method":"unknown""#, r#"{"code":-32601,"message":"Method not found"}"#),
        ] {
            assert_eq!(ask(&mut peer, request).await, super::value(error), "{request}");
        }
        for params in [r#"[1]"#, r#"[1,"a",2]"#, r#"[256,"a"]"#, r#"["a",1]"#, r#"{"a":1}"#, "7"] {
            let error = ask(&mut peer, &format!(r#""method":"pair","params":{params}"#)).await;
            assert_eq!(error.get("code"), Some(&Value::from(-32602)), "{params}");
            assert_eq!(error.get("message"), Some(&Value::from("Invalid params")), "{params}");
        }
        // Nobody hears of a notification that fails.
        for request in [r#""method":"own""#, r#""method":"panics","params":[true]"#, r#""method":"unknown""#]
        {
            peer.say(&format!(r#"{{"jsonrpc":"2.0",{request}}}"#)).await;
        }
        peer.expect_silence().await;
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_the_same_time_and_answer_when_they_are_ready() {
    for protocol in BOTH {
        let (_server, mut peer, _client) = serving(protocol, |builder| {
            builder.handle("sleep", async |(ms,): (u64,)| {
                sleep(Duration::from_millis(ms)).await;
                Ok(ms)
            })
        })
        .await;
        for (id, ms) in [(1, 300), (2, 100), (3, 200), (4, 0)] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"sleep","params":[{ms}],"id":{id}}}"#)).await;
        }
        for (id, ms) in [(4, 0), (2, 100), (3, 200), (1, 300)] {
            peer.expect(&format!(r#"{{"jsonrpc":"2.0","result":{ms},"id":{id}}}"#)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_and_notifications_begin_in_their_order() {
    for protocol in BOTH {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (_server, mut peer, _client) = serving(protocol, |builder| {
            let seen = seen.clone();
            builder.handle("note", move |(number,): (u32,)| {
                seen.lock().unwrap().push(number);
                async move { Ok(number) }
            })
        })
        .await;
        let mut batch = Vec::new();
        for number in 0..500 {
            let note = format!(r#"{{"jsonrpc":"2.0","method":"note","params":[{number}]}}"#);
            if number < 300 {
                peer.say(&note).await;
            } else {
                batch.push(note);
            }
        }
        peer.say(&format!("[{}]", batch.join(","))).await;
        peer.say(r#"{"jsonrpc":"2.0","method":"note","params":[500],"id":1}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","result":500,"id":1}"#).await;
        assert_eq!(*seen.lock().unwrap(), (0..=500).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_the_server_is_answered_by_one_message() {
    for protocol in BOTH {
        let (_server, mut peer, _client) = serving(protocol, |builder| {
            builder.handle("add", async |(a, b): (i64, i64)| {
                if a > b {
                    sleep(Duration::from_secs(a as u64)).await;
                }
                Ok(a + b)
            })
        })
        .await;
        peer.say(
            r#"[{"jsonrpc":"2.0","method":"add","params":[9,2],"id":1},7,
                {"jsonrpc":"2.0","method":"add","params":[1,2],"id":2},
                {"jsonrpc":"2.0","method":"add","params":[5,6]},
                {"jsonrpc":"2.0","result":"late","id":99},
                {"jsonrpc":"2.0","method":"nobody","id":3}]"#,
        )
        .await;
        peer.expect(
            r#"[{"jsonrpc":"2.0","result":11,"id":1},
                {"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null},
                {"jsonrpc":"2.0","result":3,"id":2},
                {"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":3}]"#,
        )
        .await;
        peer.say(r#"[{"jsonrpc":"2.0","method":"add","params":[1,2]},{"jsonrpc":"2.0","method":"nobody"}]"#)
            .await;
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_call_each_other_while_they_serve() {
    for protocol in BOTH {
        let (_server, mut peer, client) = serving(protocol, |builder| {
            builder.handle_with("ask back", async |client: Client, (text,): (String,)| {
                client.call::<String>("shout", text).await
            })
        })
        .await;
        let (answer, ()) = tokio::join!(client.call::<i32>("outer", ()), async {
            peer.expect(r#"{"jsonrpc":"2.0","method":"outer","id":1}"#).await;
            peer.say(r#"{"jsonrpc":"2.0","method":"ask back","params":["a"],"id":1}"#).await;
            peer.expect(r#"{"jsonrpc":"2.0","method":"shout","params":["a"],"id":2}"#).await;
            peer.say(r#"{"jsonrpc":"2.0","result":"A","id":2}"#).await;
            peer.expect(r#"{"jsonrpc":"2.0","result":"A","id":1}"#).await;
            peer.say(r#"{"jsonrpc":"2.0","result":7,"id":1}"#).await;
        });
        assert_eq!(answer.unwrap(), 7);
        // An error of the server passes through.
        peer.say(r#"{"jsonrpc":"2.0","method":"ask back","params":["b"],"id":2}"#).await;
        peer.message().await;
        peer.say(r#"{"jsonrpc":"2.0","error":{"code":9,"message":"no"},"id":3}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","error":{"code":9,"message":"no"},"id":2}"#).await;
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_without_handles_lives_as_long_as_a_call_that_has_one() {
    for protocol in BOTH {
        let (_server, mut peer, client) = serving(protocol, |builder| {
            builder.handle_with("sleep", async |client: Client, (seconds,): (u64,)| {
                sleep(Duration::from_secs(seconds)).await;
                client.call::<String>("shout", "awake").await
            })
        })
        .await;
        peer.say(r#"{"jsonrpc":"2.0","method":"sleep","params":[2],"id":1}"#).await;
        sleep(Duration::from_secs(1)).await;
        drop(client);
        peer.expect(r#"{"jsonrpc":"2.0","method":"shout","params":["awake"],"id":1}"#).await;
        peer.say(r#"{"jsonrpc":"2.0","result":"AWAKE","id":1}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","result":"AWAKE","id":1}"#).await;
        // Nobody wants anything from the server any more.
        assert_eq!(peer.see().await, super::Seen::Close(Some(1000)));
    }
}

/// A handler that waits until it is told to go on, or is dropped, which is counted.
fn gate(go: &Arc<Notify>, dropped: &Arc<AtomicUsize>) -> impl Fn((u32,)) -> Gate + Send + Sync + 'static {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (go, dropped) = (go.clone(), dropped.clone());
    move |(number,)| {
        let (go, guard) = (go.clone(), Guard(dropped.clone()));
        Box::pin(async move {
            go.notified().await;
            drop(guard);
            Ok(number)
        })
    }
}

type Gate = std::pin::Pin<Box<dyn Future<Output = swill_client::Result<u32>> + Send>>;

#[tokio::test(start_paused = true)]
async fn a_call_that_the_server_cancels_is_dropped() {
    for protocol in BOTH {
        let (go, dropped) = (Arc::default(), Arc::default());
        let (_server, mut peer, _client) =
            serving(protocol, |builder| builder.handle("wait", gate(&go, &dropped))).await;
        for id in [1, 2] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"wait","params":[{id}],"id":{id}}}"#)).await;
        }
        for id in [1, 1, 7] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{id}}}}}"#))
                .await;
        }
        peer.expect(r#"{"jsonrpc":"2.0","error":{"code":-32800,"message":"Request cancelled"},"id":1}"#)
            .await;
        peer.expect_silence().await;
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        go.notify_waiters();
        peer.expect(r#"{"jsonrpc":"2.0","result":2,"id":2}"#).await;
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_beyond_the_limit_are_refused() {
    for protocol in BOTH {
        let (go, dropped) = (Arc::default(), Arc::default());
        let (_server, mut peer, client) = serving(protocol, |builder| {
            let builder = builder.limits(Limits::default().serving(3));
            builder.handle("wait", gate(&go, &dropped)).handle("quick", async |()| Ok(1))
        })
        .await;
        let wait = |reply: &str| format!(r#"{{"jsonrpc":"2.0","method":"wait","params":[7]{reply}}}"#);
        peer.say(&wait("")).await;
        peer.say(&wait(r#","id":1"#)).await;
        peer.say(&format!("[{},{}]", wait(r#","id":2"#), wait(r#","id":3"#))).await;
        peer.say(&wait("")).await;
        peer.say(&wait(r#","id":4"#)).await;
        let Value::Int(code) = peer.message().await.get("error").unwrap().get("code").unwrap().clone() else {
            panic!("a code is a number")
        };
        assert_eq!(Code(code), Code::TOO_MANY);
        go.notify_waiters();
        let mut ended = [peer.message().await, peer.message().await];
        ended.sort_by_key(|message| matches!(message, Value::List(_)));
        assert_eq!(ended[0], super::value(r#"{"jsonrpc":"2.0","result":7,"id":1}"#));
        let Value::List(batch) = &ended[1] else { panic!("{ended:?}") };
        assert_eq!(batch[1].get("error").unwrap().get("code"), Some(&Value::from(429)));
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        // There is room again.
        peer.say(&wait(r#","id":5"#)).await;
        tokio::task::yield_now().await;
        peer.say(r#"{"jsonrpc":"2.0","method":"quick","id":6}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","result":1,"id":6}"#).await;
        go.notify_waiters();
        peer.expect(r#"{"jsonrpc":"2.0","result":7,"id":5}"#).await;
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_server_would_not_take_is_an_internal_error() {
    for protocol in BOTH {
        let (_server, mut peer, _client) = serving(protocol, |builder| {
            let builder = builder.limits(Limits::default().request(1000));
            builder.handle("long", async |(length,): (usize,)| Ok("x".repeat(length)))
        })
        .await;
        peer.say(r#"{"jsonrpc":"2.0","method":"long","params":[1000],"id":1}"#).await;
        peer.expect(r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":1}"#).await;
        // Of a batch all answers count together.
        let long = |id| format!(r#"{{"jsonrpc":"2.0","method":"long","params":[600],"id":{id}}}"#);
        peer.say(&format!("[{},{}]", long(1), long(2))).await;
        let Value::List(answers) = peer.message().await else { panic!("a list is expected") };
        assert!(answers[0].get("result").is_some());
        assert_eq!(answers[1].get("error").unwrap().get("code"), Some(&Value::from(413)));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_the_server_does_not_read_are_not_kept_without_bound() {
    for protocol in BOTH {
        let (server, builder) = server_of(protocol, 4096);
        let served = Arc::new(AtomicUsize::new(0));
        let builder = builder.handle("long", {
            let served = served.clone();
            move |()| {
                served.fetch_add(1, Ordering::Relaxed);
                async move { Ok("x".repeat(10_000)) }
            }
        });
        let (_server, peer, _client) = connected_as(protocol, (server, builder)).await;
        let JsonPeer { stream, mut ws, codec, .. } = peer;
        let (mut from_client, mut to_client) = tokio::io::split(stream);
        let request = super::value(r#"{"jsonrpc":"2.0","method":"long","id":1}"#);
        let request = swill_proto::Payload::encode(codec, &request).unwrap();
        let mut wire = Vec::new();
        let kind = if protocol == Protocol::JsonRpc { swill_ws::Kind::Text } else { swill_ws::Kind::Binary };
        for _ in 0..1000 {
            ws.send(kind, request.bytes(), &mut wire);
        }
        let writing = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let _ = to_client.write_all(&wire).await;
            to_client
        });
        sleep(Duration::from_secs(5)).await;
        // 64 KiB wait, and what one read brought has been served.
        assert!(served.load(Ordering::Relaxed) < 20, "{served:?}");
        assert!(!writing.is_finished());
        // As soon as the server reads, the rest follows.
        let mut total = 0;
        while total < 1000 * 10_000 {
            use tokio::io::AsyncReadExt;
            let mut bytes = [0; 4096];
            total += from_client.read(&mut bytes).await.unwrap();
        }
        assert_eq!(served.load(Ordering::Relaxed), 1000);
        drop(writing.await.unwrap());
    }
}

#[tokio::test]
async fn two_handlers_of_one_name_are_refused() {
    let builder =
        Client::builder("ws://server.test/").handle("a", async |()| Ok(1)).handle("a", async |()| Ok(2));
    let error = builder.lazy().unwrap_err();
    assert_eq!(error.code(), Code::BAD_REQUEST);
    assert!(error.message().contains("`a`"), "{error}");
}

use super::{BOTH, call, connected, connected_as, server, value};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill_client::{Code, Limits, Protocol, State, Value};
use swill_ws::Kind;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn messages_that_make_no_sense_are_answered_and_harm_nobody() {
    let parse_error = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
    let invalid = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32600,"message":"Invalid Request"}},"id":{id}}}"#)
    };
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (message, answer) in [
        ("", parse_error.to_owned()),
        ("{", parse_error.to_owned()),
        ("{}}", parse_error.to_owned()),
        ("nul", parse_error.to_owned()),
        (&deep, parse_error.to_owned()),
        ("7", invalid("null")),
        ("{}", invalid("null")),
        ("[]", invalid("null")),
        ("[[]]", format!("[{}]", invalid("null"))),
        (r#"{"jsonrpc":"2.0","id":1}"#, invalid("1")),
        (r#"{"jsonrpc":"2.0","method":7,"id":1}"#, invalid("1")),
        (r#"{"jsonrpc":"1.0","method":"f","id":1}"#, invalid("1")),
        (r#"{"jsonrpc":"2.0","method":"f","id":[]}"#, invalid("null")),
    ] {
        let (_server, mut peer, client) = connected(Protocol::JsonRpc).await;
        let pending = call(&client, "f", ());
        peer.message().await;
        peer.raw(Kind::Text, message.as_bytes()).await;
        assert_eq!(peer.message().await, value(&answer), "{message:.100}");
        peer.say(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
        assert_eq!(pending.await.unwrap().unwrap(), Value::from(1), "{message:.100}");
    }
    for (kind, message) in [
        (Kind::Text, &b"{}"[..]),
        (Kind::Binary, b""),
        (Kind::Binary, b"\xc1"),
        (Kind::Binary, b"\xdf\xff\xff\xff\xff"),
        (Kind::Binary, b"\x81\xa2id"),
    ] {
        let (_server, mut peer, client) = connected(Protocol::JsonRpcMsgpack).await;
        let pending = call(&client, "f", ());
        peer.message().await;
        peer.raw(kind, message).await;
        assert_eq!(peer.message().await, value(parse_error), "{message:?}");
        peer.say(r#"{"jsonrpc":"2.0","result":1,"id":1}"#).await;
        assert_eq!(pending.await.unwrap().unwrap(), Value::from(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_ends_the_connection() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().message(1000));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let pending = call(&client, "f", ());
        peer.message().await;
        peer.say(&format!(r#"{{"jsonrpc":"2.0","result":"{}","id":1}}"#, "x".repeat(1000))).await;
        assert!(pending.await.unwrap().unwrap_err().outcome_unknown());
        assert_eq!(peer.see().await, super::Seen::Close(Some(1009)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_the_server_is_bounded() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let served = Arc::new(AtomicUsize::new(0));
        let builder = builder.handle("f", {
            let served = served.clone();
            move |()| {
                served.fetch_add(1, Ordering::Relaxed);
                async { Ok(()) }
            }
        });
        let (_server, mut peer, _client) = connected_as(protocol, (server, builder)).await;
        let call = r#"{"jsonrpc":"2.0","method":"f","id":1}"#;
        peer.say(&format!("[{}]", vec![call; 1025].join(","))).await;
        let answer = peer.message().await;
        assert_eq!(answer.get("error").unwrap().get("code"), Some(&Value::from(-32600)));
        assert_eq!(served.load(Ordering::Relaxed), 0);
        peer.say(&format!("[{}]", vec![call; 1024].join(","))).await;
        let Value::List(answers) = peer.message().await else { panic!("a list is expected") };
        assert_eq!((answers.len(), served.load(Ordering::Relaxed)), (1024, 1024));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_calls_that_wait_is_bounded() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let served = Arc::new(AtomicUsize::new(0));
        let builder = builder.handle("wait", {
            let served = served.clone();
            move |()| {
                served.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<swill_client::Result<()>>()
            }
        });
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        for id in 0..1000 {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"wait","id":{id}}}"#)).await;
        }
        for _ in 128..1000 {
            let answer = peer.message().await;
            assert_eq!(answer.get("error").unwrap().get("code"), Some(&Value::from(Code::TOO_MANY.0)));
        }
        for _ in 0..1000 {
            peer.say(r#"{"jsonrpc":"2.0","method":"wait"}"#).await;
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(served.load(Ordering::Relaxed), 128);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_opens_streams_under_names_of_any_size_is_not_believed() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let mut items = client.stream::<u32>("count", ()).await.unwrap();
        peer.message().await;
        peer.say(&format!(r#"{{"jsonrpc":"2.0","result":"{}","id":1}}"#, "x".repeat(100_000))).await;
        assert!(items.next().await.unwrap().is_err());
        assert!(items.next().await.is_none());
        assert_eq!(client.state(), State::Open);
    }
}

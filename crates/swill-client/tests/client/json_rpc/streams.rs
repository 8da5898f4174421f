use super::{BOTH, JsonPeer, connected, connected_as, server};
use std::time::Duration;
use swill_client::{Client, Code, Items, Limits};

/// A stream whose request has been seen, and accepted under this subscription.
async fn open(client: &Client, peer: &mut JsonPeer, id: u64, subscription: &str) -> Items<u32> {
    let items = client.stream("count", 10).await.unwrap();
    peer.expect(&format!(r#"{{"jsonrpc":"2.0","method":"count","params":[10],"id":{id}}}"#)).await;
    peer.say(&format!(r#"{{"jsonrpc":"2.0","result":{subscription},"id":{id}}}"#)).await;
    items
}

async fn tell(peer: &mut JsonPeer, subscription: &str, what: &str) {
    let params = format!(r#"{{"subscription":{subscription},{what}}}"#);
    peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"$/stream","params":{params}}}"#)).await;
}

#[tokio::test(start_paused = true)]
async fn items_come_as_notifications_until_the_end() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let mut first = open(&client, &mut peer, 1, "7").await;
        let second = open(&client, &mut peer, 2, "\"a name\"").await;
        tell(&mut peer, "7", r#""result":0"#).await;
        tell(&mut peer, "\"a name\"", r#""result":20"#).await;
        tell(&mut peer, "7", r#""result":1"#).await;
        assert_eq!(first.next().await.unwrap().unwrap(), 0);
        assert_eq!(first.next().await.unwrap().unwrap(), 1);
        tell(&mut peer, "7", r#""result":"none""#).await;
        assert_eq!(first.next().await.unwrap().unwrap_err().code(), Code::INTERNAL);
        tell(&mut peer, "7", r#""end":true"#).await;
        tell(&mut peer, "7", r#""result":2"#).await;
        assert!(first.next().await.is_none());
        tell(&mut peer, "\"a name\"", r#""end":true"#).await;
        assert_eq!(second.collect().await.unwrap(), [20]);
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_fails_before_or_after_it_was_accepted() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let mut refused = client.stream::<u32>("count", ()).await.unwrap();
        peer.message().await;
        peer.say(r#"{"jsonrpc":"2.0","error":{"code":403,"message":"no"},"id":1}"#).await;
        assert_eq!(refused.next().await.unwrap().unwrap_err().code(), Code::FORBIDDEN);
        assert!(refused.next().await.is_none());

        let mut broken = open(&client, &mut peer, 2, "1").await;
        tell(&mut peer, "1", r#""result":0"#).await;
        tell(&mut peer, "1", r#""error":{"code":9,"message":"halfway"}"#).await;
        assert_eq!(broken.next().await.unwrap().unwrap(), 0);
        let error = broken.next().await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(9), "halfway"));
        assert!(broken.next().await.is_none());
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_cancelled() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let items = open(&client, &mut peer, 1, "5").await;
        tell(&mut peer, "5", r#""result":0"#).await;
        drop(items);
        peer.expect(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#).await;
        tell(&mut peer, "5", r#""result":1"#).await;
        tell(&mut peer, "5", r#""error":{"code":-32800,"message":"Request cancelled"}"#).await;
        // The name may be used again.
        let again = open(&client, &mut peer, 2, "5").await;
        tell(&mut peer, "5", r#""result":2"#).await;
        tell(&mut peer, "5", r#""end":true"#).await;
        assert_eq!(again.collect().await.unwrap(), [2]);
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_deadline_passes_before_the_first_item_is_cancelled() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let request = client.request("count").deadline(Duration::from_secs(2));
        let mut items = request.stream::<u32>(()).await.unwrap();
        peer.message().await;
        peer.say(r#"{"jsonrpc":"2.0","result":0,"id":1}"#).await;
        assert_eq!(items.next().await.unwrap().unwrap_err().code(), Code::DEADLINE);
        peer.expect(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#).await;
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_about_streams_that_are_not_open_are_ignored() {
    for protocol in BOTH {
        let (_server, mut peer, client) = connected(protocol).await;
        let items = open(&client, &mut peer, 1, "1").await;
        for (subscription, what) in [
            ("2", r#""result":0"#),
            ("\"1\"", r#""result":0"#),
            ("null", r#""end":true"#),
            ("[1]", r#""end":true"#),
            ("1", r#""end":false"#),
            ("1", r#""neither":1"#),
        ] {
            tell(&mut peer, subscription, what).await;
        }
        for params in ["[]", "[1]", "{}", "null", "1", r#"{"result":0}"#] {
            peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"$/stream","params":{params}}}"#)).await;
        }
        tell(&mut peer, "1", r#""end":true"#).await;
        assert_eq!(items.collect().await.unwrap(), [0; 0]);
        peer.expect_silence().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_is_not_kept_without_bound() {
    for protocol in BOTH {
        let (server, builder) = server(protocol);
        let builder = builder.limits(Limits::default().unread(1000, 5000));
        let (_server, mut peer, client) = connected_as(protocol, (server, builder)).await;
        let items = open(&client, &mut peer, 1, "1").await;
        let telling = tokio::spawn(async move {
            for number in 0..10_000 {
                tell(&mut peer, "1", &format!(r#""result":{number}"#)).await;
            }
            tell(&mut peer, "1", r#""end":true"#).await;
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!telling.is_finished());
        assert_eq!(items.collect().await.unwrap(), (0..10_000).collect::<Vec<_>>());
        telling.await.unwrap();
    }
}

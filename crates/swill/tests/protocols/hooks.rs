//! The hooks run in one order over every protocol: the table of [`swill::Hook`], protocol by protocol.

use crate::common::*;
use serde_json::json;
use std::{pin::Pin, time::Duration};
use swill::{Metadata, testing::TestPeer};

/// What a peer does, and which moments the hooks see of it: over Swill's own, JSON-RPC, events and WebMesh, whose
/// dialects do not differ in this.
struct Row {
    what: &'static str,
    talk: fn(&TestPeer, Probe) -> Talk<'_>,
    seen: [Seen; 4],
}

type Talk<'p> = Pin<Box<dyn Future<Output = ()> + 'p>>;

#[derive(Clone, Copy)]
enum Seen {
    Moments(&'static [&'static str]),
    /// The call never begins, so nobody sees it.
    Nothing,
    /// The protocol has no word for it.
    NotCarried,
}

use Seen::{Moments, NotCarried, Nothing};

macro_rules! row {
    ($what:literal, |$peer:ident, $probe:ident| $talk:expr, $seen:expr) => {
        Row { what: $what, talk: |$peer, $probe| Box::pin(async move { drop(($talk, $probe)) }), seen: $seen }
    };
}

/// A call with a value each way.
const SINGLE: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} ok",
    "before_trailing_metadata",
    "before_response_message",
    "before_leading_metadata",
    "after_request answered",
]);

/// A call whose parameters do not fit.
const MISFIT: Seen = Moments(&["before_request", "after_request failed 422"]);

/// A call that fails.
const FAILED: Seen =
    Moments(&["before_request", "before_request_message", "call {", "} 500", "after_request failed 500"]);

/// The same, where that ends the connection.
const FATAL: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} 500",
    "after_request failed 500",
    "after_connection 1011",
]);

const CLOSED: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} 4001",
    "after_request failed 4001",
    "after_connection 4001",
]);

/// Metadata of the caller travels where the protocol has a place for it.
const WITH_METADATA: Seen = Moments(&[
    "before_request",
    "before_request_metadata user",
    "before_request_message",
    "call {",
    "before_leading_metadata lead",
    "} ok",
    "before_trailing_metadata trail",
    "before_response_message",
    "after_request answered",
]);

/// Metadata of the procedure is seen even where it does not travel.
const LEADING_AT_ONCE: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "before_leading_metadata lead",
    "} ok",
    "before_trailing_metadata trail",
    "before_response_message",
    "after_request answered",
]);

const LEADING_LATER: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} ok",
    "before_trailing_metadata trail",
    "before_response_message",
    "before_leading_metadata lead",
    "after_request answered",
]);

const STREAM_OUT: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "before_response_message",
    "before_leading_metadata",
    "before_response_message",
    "} ok",
    "before_trailing_metadata",
    "after_request answered",
]);

const EMPTY_STREAM_OUT: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} ok",
    "before_trailing_metadata",
    "before_leading_metadata",
    "after_request answered",
]);

const CANCELLED_STREAM: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "before_response_message",
    "before_leading_metadata",
    "before_response_message",
    "before_request_data Cancel",
    "after_request cancelled Client",
]);

const CANCELLED: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "before_request_data Cancel",
    "after_request cancelled Client",
]);

const STREAM_IN: Seen = Moments(&[
    "before_request",
    "call {",
    "before_request_data Message",
    "before_request_message",
    "before_request_data Message",
    "before_request_message",
    "before_request_data End",
    "} ok",
    "before_trailing_metadata",
    "before_response_message",
    "before_leading_metadata",
    "after_request answered",
]);

const BAD_ITEM: Seen = Moments(&[
    "before_request",
    "call {",
    "before_request_data Message",
    "} 422",
    "after_request failed 422",
]);

const BOTH: Seen = Moments(&[
    "before_request",
    "call {",
    "before_request_data Message",
    "before_request_message",
    "before_response_message",
    "before_leading_metadata",
    "before_request_data End",
    "} ok",
    "before_trailing_metadata",
    "after_request answered",
]);

/// A call, one that does not fit, an unknown one, and a notification.
const BATCH: Seen = Moments(&[
    "before_request",
    "before_request_message",
    "call {",
    "} ok",
    "before_trailing_metadata",
    "before_response_message",
    "before_leading_metadata",
    "after_request answered",
    "before_request",
    "after_request failed 422",
    "before_request",
    "before_request_message",
    "call {",
    "} ok",
    "before_trailing_metadata",
    "before_response_message",
    "before_leading_metadata",
    "after_request answered",
]);

/// A message of JSON-RPC, in the codec of the connection.
async fn send_json_rpc(peer: &TestPeer, message: serde_json::Value) {
    let sent = match peer.protocol().contains("MessagePack") {
        true => peer.send_binary(encode(&message)).await,
        false => peer.send_text(message.to_string()).await,
    };
    sent.expect("the connection is open");
}

fn rows() -> Vec<Row> {
    vec![
        row!("a call", |peer, _probe| peer.call::<i64>("add", (1, 2)).await, [SINGLE; 4]),
        row!("a call that waits", |peer, _probe| peer.notify("sleep", 1).await, [SINGLE; 4]),
        row!("a call without an answer", |peer, _probe| peer.notify("nothing", ()).await, [SINGLE; 4]),
        row!("a notification", |peer, _probe| peer.notify("add", (1, 2)).await, [SINGLE; 4]),
        row!("parameters that do not fit", |peer, _probe| peer.notify("add", "x").await, [MISFIT; 4]),
        row!(
            "a procedure that fails",
            |peer, _probe| peer.notify("fail", ()).await,
            [FAILED, FAILED, FATAL, FAILED]
        ),
        row!("an unknown procedure", |peer, _probe| peer.notify("no such thing", ()).await, [Nothing; 4]),
        row!(
            "metadata, leading at once",
            |peer, _probe| {
                let request = peer.request("lead").metadata(Metadata::from([("user", "ann")]));
                request.call::<i64>(true).await
            },
            [WITH_METADATA, LEADING_AT_ONCE, LEADING_AT_ONCE, LEADING_AT_ONCE]
        ),
        row!(
            "leading with the answer",
            |peer, _probe| peer.call::<i64>("lead", false).await,
            [LEADING_LATER; 4]
        ),
        row!(
            "a stream out",
            |peer, _probe| peer.stream::<u64>("count", 2).await.expect("it is open").collect().await,
            [STREAM_OUT, STREAM_OUT, Nothing, Nothing]
        ),
        row!(
            "a stream out without items",
            |peer, _probe| peer.stream::<u64>("count", 0).await.expect("it is open").collect().await,
            [EMPTY_STREAM_OUT, EMPTY_STREAM_OUT, Nothing, Nothing]
        ),
        row!(
            "a stream out that is cancelled",
            |peer, _probe| {
                let mut items = peer.stream::<String>("endless", 10).await.expect("it is open");
                items.next().await
            },
            [CANCELLED_STREAM, CANCELLED_STREAM, NotCarried, NotCarried]
        ),
        row!(
            "a call that is cancelled",
            |peer, probe| tokio::select! {
                _ = peer.call::<()>("wait", ()) => unreachable!("it never ends by itself"),
                () = until("it runs", || probe.running() == 1) => {}
            },
            [CANCELLED, CANCELLED, NotCarried, NotCarried]
        ),
        row!(
            "a stream in",
            |peer, _probe| {
                let mut items = peer.request("total").stream_in::<i64>().await.expect("it is open");
                for item in [1, 2] {
                    items.send(item).await.expect("the connection is open");
                }
                items.finish().await
            },
            [STREAM_IN, Nothing, Nothing, Nothing]
        ),
        row!(
            "an item that does not fit",
            |peer, _probe| {
                let mut items = peer.request("total").stream_in::<i64>().await.expect("it is open");
                items.send("x").await.expect("the connection is open");
                items.answer().await
            },
            [BAD_ITEM, NotCarried, NotCarried, NotCarried]
        ),
        row!(
            "streams both ways",
            |peer, _probe| {
                let (mut sender, mut items) = peer.request("double").both::<i64>().await.expect("it is open");
                sender.send(4).await.expect("the connection is open");
                let item = items.next().await;
                sender.finish().await.expect("the connection is open");
                (item, items.next().await)
            },
            [BOTH, Nothing, Nothing, Nothing]
        ),
        row!(
            "a batch",
            |peer, _probe| send_json_rpc(
                peer,
                json!([
                    {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 1},
                    {"jsonrpc": "2.0", "method": "add", "params": ["x"], "id": 2},
                    {"jsonrpc": "2.0", "method": "no such thing", "id": 3},
                    {"jsonrpc": "2.0", "method": "nothing"},
                ])
            )
            .await,
            [NotCarried, BATCH, NotCarried, NotCarried]
        ),
        row!("a call that closes", |peer, _probe| peer.notify("close_by_error", 4001).await, [CLOSED; 4]),
    ]
}

/// Without the values that were seen.
fn moment(line: String) -> Option<String> {
    if line.starts_with("cancelled: ") {
        return None;
    }
    let name = line.split(' ').next().unwrap_or_default();
    let bare = ["before_request", "before_request_message", "before_response_message"];
    Some(if bare.contains(&name) || line.ends_with(" nil") { name.to_owned() } else { line })
}

#[tokio::test(start_paused = true)]
async fn hooks_run_in_the_order_of_the_table() {
    for row in rows() {
        for speaks in ALL {
            let expected = match row.seen[(speaks.family as usize).min(3)] {
                Moments(moments) => moments,
                Nothing => &[],
                NotCarried => continue,
            };
            let probe = Probe::new();
            let app = probe.app().hook(Recorder::new(&probe));
            // Some of them are silent about failures: there is nothing to wait for.
            let patience = Duration::from_millis(if speaks.is(Family::WebMeshHead) { 50 } else { 5000 });
            let peer = speaks.peer(app).patience(patience).connect().await.unwrap();
            (row.talk)(&peer, probe.clone()).await;
            all_done().await;
            peer.close(1000, "").await.expect("it ends");
            all_done().await;
            let mut log: Vec<_> = probe.log().into_iter().filter_map(moment).collect();
            let mut seen = log.split_off(3);
            assert_eq!(log, ["before_connection", "before_accept", "after_accept"]);
            seen.pop_if(|last| last == "after_connection 1000");
            // An endless stream has many items.
            seen.dedup();
            assert_eq!(seen, expected, "{} over {speaks}", row.what);
        }
    }
}

/// The clock stands still: time passes when everybody has done what there is to do.
async fn all_done() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

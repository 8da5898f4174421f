//! What this side may say to a peer, and how much of it: notifications that wait, batches, metadata, errors.

use crate::common::*;
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::sync::{Arc, Mutex};
use swill::{App, Context, Error, Hook, Limits, Metadata, Metrics, Peer, Result};

/// Keeps the handle of the last peer that connected.
#[derive(Clone, Default)]
struct Handles(Arc<Mutex<Option<Peer>>>);

impl Hook for Handles {
    fn sees_calls(&self) -> bool {
        false
    }

    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        *self.0.lock().unwrap() = Some(peer.clone());
        Ok(())
    }
}

every_protocol! {
    #[notifies_peer]
    async fn only_so_many_notifications_wait_for_a_slow_peer(speaks: &Speaks) {
        const MOST: usize = 5;
        let limits = Limits::default().outbox(2_000).answer_within(MOST, PATIENCE);
        let handles = Handles::default();
        let app = App::new().limits(limits).hook(handles.clone());
        let far = speaks.peer(app).pipe(1000).connect().await.unwrap();
        far.ping().await.unwrap();
        let near = handles.0.lock().unwrap().take().expect("it has connected");
        far.stop_reading();
        far.flushed().await.unwrap();
        let text = "x".repeat(1_000);
        while near.try_notify("news", (&text,)).is_ok() {
            tokio::task::yield_now().await;
        }
        let mut waiting: FuturesUnordered<_> = (0..20).map(|_| near.notify("news", (&text,))).collect();
        for _ in MOST..20 {
            assert_eq!(waiting.next().await.unwrap().unwrap_err().code().0, 503, "{speaks}");
        }
        assert_eq!(waiting.len(), MOST, "{speaks}");
        far.read_on();
        while let Some(told) = waiting.next().await {
            told.unwrap();
        }
        near.notify("news", ()).await.unwrap();
    }

    #[calls_peer]
    async fn a_batch_of_this_side_is_no_longer_than_one_of_a_peer_may_be(speaks: &Speaks) {
        let handles = Handles::default();
        let limits = Limits::default().batch(3).answer(1000);
        let far = speaks.connect(App::new().limits(limits).hook(handles.clone())).await;
        far.on("answer", async |(_,): (String,)| Ok(7));
        far.ping().await.unwrap();
        let near = handles.0.lock().unwrap().take().expect("it has connected");
        let long = "y".repeat(400);
        for (calls, name, bytes, code) in [
            (3, "answer", 100, None),
            (4, "answer", 100, Some(413)),
            (1000, "answer", 100, Some(413)),
            (3, "answer", 500, Some(413)),
            // Names have to be sent, too.
            (3, &long, 1, Some(413)),
            // Parameters that are too large by themselves are an error of the code that gives them.
            (1, "answer", 1000, Some(500)),
        ] {
            let text = "x".repeat(bytes);
            let batch = (0..calls).fold(near.batch(), |batch, _| batch.call(name, (&text,)));
            let kept = format!("{batch:?}").matches("reply").count();
            assert_eq!(kept, if code.is_none() { calls } else { 0 }, "{calls} calls of {bytes} bytes");
            let sent = batch.send().await.map(|answers| answers.len());
            assert_eq!(sent.as_ref().err().map(|error| error.code().0), code, "{calls} calls of {bytes} bytes");
            assert!(code.is_some() || sent.unwrap() == calls, "{calls} calls of {bytes} bytes");
        }
    }
}

struct Labels;

#[swill::module]
impl Labels {
    /// Sets leading metadata, or sends it, or sets trailing metadata, twice if need be.
    async fn label(&self, cx: &Context, how: String, keys: usize, bytes: usize) -> Result<u32> {
        let metadata = sized(keys, bytes);
        match &*how {
            "set" => cx.set_leading(metadata)?,
            "send" => cx.send_leading(metadata).await?,
            "trail" => cx.set_trailing(metadata),
            "trail late" => {
                tokio::task::yield_now().await;
                cx.set_trailing(metadata);
            }
            "trail again" => {
                cx.set_trailing(metadata);
                cx.set_trailing(Metadata::new());
            }
            _ => {}
        }
        Ok(7)
    }

    /// Fails, with so many bytes of data.
    async fn fail(&self, bytes: usize) -> Result<()> {
        Err(Error::new(409, "no").with_data("x".repeat(bytes)))
    }
}

/// Metadata with so many keys, or of so many bytes.
fn sized(keys: usize, bytes: usize) -> Metadata {
    match bytes {
        0 => (0..keys).map(|key| (key.to_string(), 0)).collect(),
        // One byte for the map, two for the key, two for the head of the text.
        _ => Metadata::from([("k", "x".repeat(bytes - 5))]),
    }
}

/// Adds metadata on the way out.
struct Adds;

impl Hook for Adds {
    async fn before_leading_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        if cx.metadata().is_some_and(|it| it.get("where").and_then(|it| it.as_str()) == Some("leading")) {
            *metadata = Some(Box::new(sized(21, 0)));
        }
        Ok(())
    }

    async fn before_trailing_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        if cx.metadata().is_some_and(|it| it.get("where").and_then(|it| it.as_str()) == Some("trailing")) {
            *metadata = Some(Box::new(sized(0, 101)));
        }
        Ok(())
    }
}

#[tokio::test]
async fn metadata_of_this_side_has_at_most_so_many_keys_and_bytes() {
    for hooked in [false, true] {
        let mut app = App::new().module(Labels).limits(Limits::default().metadata(20, 100)).debug(true);
        if hooked {
            app = app.hook(Adds);
        }
        let peer = SWILL.connect(app).await;
        for how in ["set", "send", "trail", "trail late", "trail again"] {
            for (keys, bytes, limit) in [
                (20, 0, None),
                (21, 0, Some("metadata.keys")),
                (0, 100, None),
                (0, 101, Some("metadata.bytes")),
            ] {
                let answer = peer.call::<u32>("label", (how, keys, bytes)).await;
                let what = format!("{how}, {keys} keys, {bytes} bytes: {answer:?}");
                match (answer, limit.filter(|_| how != "trail again")) {
                    (Ok(7), None) => {}
                    (Err(error), Some(limit)) => {
                        assert_eq!(error.code().0, 500, "{what}");
                        assert!(error.message().contains(limit), "{what}");
                    }
                    _ => panic!("{what}"),
                }
            }
        }
        for which in ["leading", "trailing"] {
            let request = peer.request("label").metadata(Metadata::from([("where", which)]));
            let answer = request.call::<u32>(("", 0, 0)).await;
            assert_eq!(
                answer.map_err(|error| error.code().0),
                if hooked { Err(500) } else { Ok(7) },
                "{which}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_has_at_most_so_many_bytes() {
    let metrics = Metrics::new();
    let app = App::new().module(Labels).limits(Limits::default().answer(1000)).metrics(metrics.clone());
    let peer = SWILL.connect(app).await;
    let hits = || metrics.encode().contains("swill_limit_hits_total{limit=\"answer\"} 1\n");
    let fail = async |bytes: usize| peer.call::<()>("fail", bytes).await.unwrap_err().code().0;
    assert_eq!((fail(900).await, hits()), (409, false));
    assert_eq!((fail(1000).await, hits()), (500, true));
}

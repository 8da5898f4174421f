//! Gates and counters, by which scenarios wait for what happens on the server, and calls that never end.

use super::tally::Tally;
use std::time::Duration;
use swill::{Context, Error, Result, Stream, Streaming, Value, stream};

#[derive(Clone, Default)]
pub(crate) struct Gates {
    open: Tally,
    counts: Tally,
}

impl Gates {
    pub(crate) fn unlock(&self, key: &str) {
        self.open.add(key);
    }

    pub(crate) async fn pass(&self, key: &str) {
        self.open.reach(key, 1).await;
    }

    pub(crate) fn count(&self, key: &str) -> u64 {
        self.counts.add(key)
    }

    /// Begins a call that somebody watches from outside.
    fn watch(&self, key: String) -> Watched {
        self.count(&key);
        self.unlock(&format!("{key}.started"));
        Watched { gates: self.clone(), key }
    }
}

/// A call that says when it is stopped.
struct Watched {
    gates: Gates,
    key: String,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.gates.unlock(&format!("{}.dropped", self.key));
    }
}

/// The key of a call that has only its metadata to say it.
pub(crate) fn key(cx: &Context) -> Result<String> {
    let key = cx.metadata().and_then(|metadata| metadata.get("key")).and_then(Value::as_str);
    key.map(str::to_owned).ok_or_else(|| Error::new(400, "the metadata has no text `key`"))
}

#[swill::module]
impl Gates {
    /// Opens a gate.
    async fn open(&self, key: String) {
        self.unlock(&key);
    }

    /// Answers as soon as a gate is open.
    async fn wait_for(&self, key: String) -> &'static str {
        self.pass(&key).await;
        "open"
    }

    /// Counts, and tells the new count.
    async fn bump(&self, key: String) -> u64 {
        self.count(&key)
    }

    /// Tells a count.
    async fn counted(&self, key: String) -> u64 {
        self.counts.get(&key)
    }

    /// Never answers. Opens `KEY.started` and, when it is stopped, `KEY.dropped`.
    async fn hang(&self, key: String) {
        let _watched = self.watch(key);
        std::future::pending().await
    }

    /// Yields 0 and 1, and hangs.
    fn hang_out(&self, key: String) -> impl Stream<Item = u64> {
        stream! {
            let _watched = self.watch(key);
            yield 0;
            yield 1;
            std::future::pending::<()>().await;
        }
    }

    /// Takes all items, opens `KEY.ended`, and hangs. The key is in its metadata.
    async fn hang_in(&self, cx: &Context, mut items: Streaming<Value>) -> Result<()> {
        let key = key(cx)?;
        let _watched = self.watch(key.clone());
        while items.next().await.transpose()?.is_some() {}
        self.unlock(&format!("{key}.ended"));
        std::future::pending().await
    }

    /// Yields 0 and 1, takes all items, opens `KEY.ended`, and hangs. The key is in its metadata.
    fn hang_both(
        &self,
        cx: &Context,
        mut items: Streaming<Value>,
    ) -> Result<impl Stream<Item = Result<u64>>> {
        let key = key(cx)?;
        Ok(stream! {
            let _watched = self.watch(key.clone());
            yield Ok(0);
            yield Ok(1);
            while let Some(item) = items.next().await {
                if let Err(error) = item {
                    yield Err(error);
                    return;
                }
            }
            self.unlock(&format!("{key}.ended"));
            std::future::pending::<()>().await;
        })
    }

    /// Counts for ever: a thousand numbers at once, and then one each millisecond.
    fn ticks(&self, key: String) -> impl Stream<Item = u64> {
        stream! {
            let _watched = self.watch(key);
            for tick in 0.. {
                yield tick;
                // Sockets would take millions of them, through which a slow client had to go after it has cancelled.
                if tick > 1000 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
}

//! What can be called.
#![expect(rustdoc::invalid_html_tags, reason = "descriptions that break a page that does not escape them")]

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use swill::{Context, Error, Hook, Outcome, Peer, Result, Stream, Streaming, Value, stream};

/// Calls of [`Services::hold`] that have not been dropped.
static HELD: AtomicI64 = AtomicI64::new(0);

struct Holding;

impl Holding {
    fn new() -> Self {
        HELD.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(ms.try_into().unwrap_or(0))
}

fn text(bytes: i64) -> String {
    "x".repeat(bytes.try_into().unwrap_or(0))
}

pub(crate) struct Services;

/// A description with <script>alert(1)</script> and "quotes" in it.
#[swill::module]
impl Services {
    /// The sum.
    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))
    }

    /// The value itself.
    async fn echo(&self, value: Value) -> Value {
        value
    }

    /// Waits so many milliseconds.
    async fn slow(&self, ms: i64) -> &'static str {
        tokio::time::sleep(milliseconds(ms)).await;
        "slept"
    }

    /// Fails with an error that nobody expects. </p><img src=x onerror=alert(2)>
    #[swill(name = "fail<script>alert(3)</script>")]
    async fn fail(&self) -> Result<()> {
        Err(Error::internal("the secret of the house"))
    }

    /// Panics, at once or after it has waited.
    async fn panic(&self, ms: i64) -> i64 {
        if ms > 0 {
            tokio::time::sleep(milliseconds(ms)).await;
        }
        let numbers: Vec<i64> = Vec::new();
        numbers[usize::try_from(ms).unwrap_or_default()]
    }

    /// A text of so many bytes.
    async fn blob(&self, bytes: i64) -> String {
        text(bytes)
    }

    /// The same, after a while.
    async fn late_blob(&self, ms: i64, bytes: i64) -> String {
        tokio::time::sleep(milliseconds(ms)).await;
        text(bytes)
    }

    /// So many texts of so many bytes.
    fn blobs(&self, n: i64, bytes: i64) -> impl Stream<Item = String> {
        stream::iter((0..n).map(move |_| text(bytes)))
    }

    /// Counts from zero, as fast as the client takes the numbers.
    fn count(&self, n: i64) -> impl Stream<Item = i64> {
        stream::iter(0..n)
    }

    /// The first item, without waiting for the end; 0 when there is none.
    async fn first(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        numbers.next().await.unwrap_or(Ok(0))
    }

    /// Takes nothing of its stream, and waits for ever.
    async fn ignore(&self, numbers: Streaming<Value>) -> Result<()> {
        std::future::pending::<()>().await;
        drop(numbers);
        Ok(())
    }

    /// Waits for ever.
    async fn hold(&self) -> Result<()> {
        let _holding = Holding::new();
        std::future::pending().await
    }

    /// How many calls of `hold` there are.
    async fn held(&self) -> i64 {
        HELD.load(Ordering::SeqCst)
    }

    /// Takes a name from the path.
    #[swill(path = "/wild/{name}")]
    async fn wild(&self, name: String) -> usize {
        name.len()
    }

    /// Calls the peer so many times at once; returns how many of the calls were refused at once, were answered, and failed.
    async fn ask(&self, peer: &Peer, n: i64) -> Result<(i64, i64, i64)> {
        let calls = (0..n).map(|number| peer.call::<Value>("question", (number,)));
        let answers = futures_util::future::join_all(calls).await;
        let refused = answers.iter().filter(|it| matches!(it, Err(error) if error.code().0 == 429)).count();
        let answered = answers.iter().filter(|it| it.is_ok()).count();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Ok((count(refused), count(answered), count(answers.len() - refused - answered)))
    }

    /// Tells the peer something as often as there is room for it, at most so many times; returns how often there was.
    async fn shout(&self, peer: &Peer, n: i64) -> i64 {
        (0..n)
            .take_while(|number| peer.try_notify("shouted", (number,)).is_ok())
            .count()
            .try_into()
            .unwrap_or(i64::MAX)
    }

    /// Closes the connection.
    async fn hang_up(&self, peer: &Peer, code: u16, reason: String) {
        peer.close(code, reason);
    }
}

/// Looks at calls for long after they have been cancelled.
pub(crate) struct Lingering;

impl Hook for Lingering {
    async fn after_request(&self, _: &Context, _: Outcome<'_>) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

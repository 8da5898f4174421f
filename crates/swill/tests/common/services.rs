//! Procedures whose insides a test can see, and a hook that writes everything down.
#![allow(dead_code, reason = "not every test program needs all of it")]

use std::{
    future::pending,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill::{
    App, Close, Context, DataKind, Handshake, Hook, Metadata, Next, Outcome, Payload, Peer, Result, Stream,
    Streaming, Value,
};
use tokio::sync::Semaphore;

/// What a test knows of the procedures' insides. Clones share everything.
#[derive(Clone)]
pub(crate) struct Probe(Arc<Inner>);

struct Inner {
    log: Mutex<Vec<String>>,
    /// Lets procedures pass that wait for it, one for each permit.
    gate: Semaphore,
    /// Lets blocking procedures go.
    unblocked: (Mutex<bool>, Condvar),
    produced: AtomicU64,
    running: AtomicUsize,
    started: AtomicU64,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            log: Mutex::default(),
            gate: Semaphore::new(0),
            unblocked: (Mutex::new(false), Condvar::new()),
            produced: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            started: AtomicU64::new(0),
        }))
    }

    /// An app with [`Services`] and this probe in them.
    pub(crate) fn app(&self) -> App {
        App::new().module(Services(self.clone()))
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.log.lock().unwrap().push(what.into());
    }

    /// What has been written down since the last time.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.log.lock().unwrap())
    }

    pub(crate) fn noted(&self, what: &str) -> bool {
        self.0.log.lock().unwrap().iter().any(|line| line == what)
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.log.lock().unwrap().iter().filter(|line| *line == what).count()
    }

    pub(crate) fn open_gate(&self, permits: usize) {
        self.0.gate.add_permits(permits);
    }

    pub(crate) async fn pass_gate(&self) {
        self.0.gate.acquire().await.expect("the gate is never closed").forget();
    }

    /// Lets every blocking procedure go, now and later.
    pub(crate) fn unblock(&self) {
        *self.0.unblocked.0.lock().unwrap() = true;
        self.0.unblocked.1.notify_all();
    }

    /// Blocks the thread until [`unblock`](Self::unblock).
    pub(crate) fn block(&self) {
        let guard = self.0.unblocked.0.lock().unwrap();
        drop(self.0.unblocked.1.wait_while(guard, |unblocked| !*unblocked).unwrap());
    }

    pub(crate) fn produced(&self) -> u64 {
        self.0.produced.load(Ordering::SeqCst)
    }

    /// How many procedures have been entered.
    pub(crate) fn started(&self) -> u64 {
        self.0.started.load(Ordering::SeqCst)
    }

    /// How many procedures are alive: entered and not dropped.
    pub(crate) fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Entered {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Entered(self.clone())
    }
}

/// A procedure that is alive.
struct Entered(Probe);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// A parameter whose decoding panics.
#[derive(schemars::JsonSchema)]
pub(crate) struct Cursed;

impl<'de> serde::Deserialize<'de> for Cursed {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        panic!("cursed");
    }
}

/// An answer whose encoding panics.
#[derive(schemars::JsonSchema)]
pub(crate) struct Unspeakable;

impl serde::Serialize for Unspeakable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        panic!("unspeakable");
    }
}

pub(crate) struct Services(pub(crate) Probe);

/// What every test calls.
#[swill::module]
impl Services {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn echo(&self, value: Value) -> Value {
        value
    }

    async fn nothing(&self) {}

    /// Never ends by itself; says why it ended.
    async fn wait(&self, cx: &Context) {
        let _alive = self.0.enter();
        let probe = self.0.clone();
        let _guard = cx.on_cancel(move |reason| probe.note(format!("cancelled: {reason:?}")));
        pending().await
    }

    /// Ends when the test says so.
    async fn gated(&self, cx: &Context, value: Value) -> Value {
        let _alive = self.0.enter();
        let probe = self.0.clone();
        let _guard = cx.on_cancel(move |reason| probe.note(format!("cancelled: {reason:?}")));
        self.0.pass_gate().await;
        value
    }

    #[swill(deadline = "1s")]
    async fn hurried(&self, cx: &Context) {
        let _alive = self.0.enter();
        let probe = self.0.clone();
        let _guard = cx.on_cancel(move |reason| probe.note(format!("cancelled: {reason:?}")));
        pending().await
    }

    /// Blocks a thread, whatever happens, until the test says so.
    #[swill(blocking)]
    fn block(&self, cx: &Context) -> String {
        let _alive = self.0.enter();
        self.0.block();
        let seen = format!("{:?}", cx.cancelled());
        self.0.note(format!("blocked: {seen}"));
        seen
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// The length of the text, in a while during which the thread does nothing else.
    async fn ponder(&self, text: String) -> usize {
        let _alive = self.0.enter();
        std::thread::sleep(Duration::from_millis(2));
        text.len()
    }

    /// So many bytes.
    async fn bytes(&self, n: usize) -> String {
        let _alive = self.0.enter();
        "x".repeat(n)
    }

    /// The sum of the stream.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let _alive = self.0.enter();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    /// How long the texts of the stream are together; takes none before the test says so.
    async fn gated_lengths(&self, mut texts: Streaming<String>) -> Result<usize> {
        let _alive = self.0.enter();
        self.0.pass_gate().await;
        let mut sum = 0;
        while let Some(text) = texts.next().await {
            sum += text?.len();
        }
        Ok(sum)
    }

    /// Takes one item for each permit.
    async fn gated_items(&self, mut texts: Streaming<String>) -> Result<usize> {
        let _alive = self.0.enter();
        let mut sum = 0;
        loop {
            self.0.pass_gate().await;
            match texts.next().await {
                Some(text) => sum += text?.len(),
                None => return Ok(sum),
            }
        }
    }

    /// Takes one item and no more, and goes on until the test says so.
    async fn first_then_gate(&self, mut texts: Streaming<String>) -> Result<usize> {
        let length = texts.next().await.transpose()?.map_or(0, |text| text.len());
        drop(texts);
        self.0.pass_gate().await;
        Ok(length)
    }

    async fn first(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        numbers.next().await.unwrap_or(Ok(0))
    }

    /// Counts.
    fn count(&self, to: u64) -> impl Stream<Item = u64> {
        let alive = self.0.enter();
        swill::stream! {
            for number in 0..to {
                self.0.0.produced.fetch_add(1, Ordering::SeqCst);
                yield number;
            }
            drop(alive);
        }
    }

    /// Texts of so many bytes, for ever.
    fn endless(&self, cx: &Context, bytes: usize) -> impl Stream<Item = String> {
        let alive = self.0.enter();
        swill::stream! {
            let probe = self.0.clone();
            let _guard = cx.on_cancel(move |reason| probe.note(format!("cancelled: {reason:?}")));
            for number in 0_u64.. {
                self.0.0.produced.fetch_add(1, Ordering::SeqCst);
                yield format!("{number:0bytes$}");
            }
            drop(alive);
        }
    }

    /// Each number doubled.
    fn double(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        swill::stream! {
            while let Some(number) = numbers.next().await {
                yield number.map(|number| number * 2);
            }
        }
    }

    async fn close(&self, peer: &Peer, code: u16) {
        peer.close(code, "bye");
    }

    async fn close_by_error(&self, code: u16) -> Result<()> {
        Err(swill::Error::close_connection(code, "bye"))
    }

    async fn lead(&self, cx: &Context, now: bool) -> Result<i64> {
        match now {
            true => cx.send_leading(Metadata::from([("lead", "now")])).await?,
            false => cx.set_leading(Metadata::from([("lead", "later")]))?,
        }
        cx.set_trailing(Metadata::from([("trail", 1)]));
        Ok(7)
    }

    async fn metadata(&self, cx: &Context) -> Metadata {
        cx.metadata().cloned().unwrap_or_default()
    }

    async fn fail(&self) -> Result<()> {
        Err(swill::Error::internal("the secret reason"))
    }

    async fn panic(&self) {
        panic!("the secret reason");
    }

    fn panic_in_place(&self) {
        panic!("the secret reason");
    }

    #[swill(blocking)]
    fn panic_blocking(&self) {
        panic!("the secret reason");
    }

    async fn panic_later(&self) {
        tokio::task::yield_now().await;
        panic!("the secret reason");
    }

    fn panic_in_stream(&self) -> impl Stream<Item = i64> {
        swill::stream! {
            yield 1;
            panic!("the secret reason");
        }
    }

    fn panic_before_stream(&self, go: bool) -> impl Stream<Item = i64> {
        assert!(!go, "the secret reason");
        swill::stream::iter([1])
    }

    async fn panic_with_number(&self) {
        std::panic::panic_any(7);
    }

    async fn panic_when_cancelled(&self) {
        let _alive = self.0.enter();
        let _cursed = PanicsWhenDropped;
        pending().await
    }

    async fn panic_in_guard(&self, cx: &Context) {
        let _alive = self.0.enter();
        let _guard = cx.on_cancel(|_| panic!("in the guard"));
        pending().await
    }

    async fn cursed(&self, _it: Cursed) {}

    async fn unspeakable(&self) -> Unspeakable {
        Unspeakable
    }
}

/// A hook that writes down everything it sees.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) probe: Probe,
    /// Goes before everything.
    pub(crate) name: &'static str,
}

impl Recorder {
    pub(crate) fn new(probe: &Probe) -> Self {
        Self { probe: probe.clone(), name: "" }
    }

    fn note(&self, what: impl AsRef<str>) {
        self.probe.note(format!("{}{}", self.name, what.as_ref()));
    }
}

fn keys(metadata: Option<&Metadata>) -> String {
    metadata.map_or_else(|| "nil".into(), |it| it.iter().map(|(key, _)| key).collect::<Vec<_>>().join(","))
}

impl Hook for Recorder {
    async fn before_connection(&self, _: &mut Handshake) -> Result<()> {
        self.note("before_connection");
        Ok(())
    }

    async fn before_accept(&self, _: &mut Handshake) -> Result<()> {
        self.note("before_accept");
        Ok(())
    }

    async fn after_accept(&self, _: &Peer) -> Result<()> {
        self.note("after_accept");
        Ok(())
    }

    async fn before_request(&self, cx: &mut Context) -> Result<()> {
        self.note(format!("before_request {}", cx.procedure()));
        Ok(())
    }

    async fn before_request_metadata(&self, _: &Context, metadata: &mut Metadata) -> Result<()> {
        self.note(format!("before_request_metadata {}", keys(Some(metadata))));
        Ok(())
    }

    async fn before_request_data(&self, _: &Context, kind: DataKind) -> Result<()> {
        self.note(format!("before_request_data {kind:?}"));
        Ok(())
    }

    async fn before_request_message(&self, _: &Context, message: &mut Payload<'static>) -> Result<()> {
        self.note(format!("before_request_message {}", show(message)));
        Ok(())
    }

    async fn before_leading_metadata(&self, _: &Context, metadata: &mut Option<Box<Metadata>>) -> Result<()> {
        self.note(format!("before_leading_metadata {}", keys(metadata.as_deref())));
        Ok(())
    }

    async fn before_response_message(&self, _: &Context, message: &mut Payload<'static>) -> Result<()> {
        self.note(format!("before_response_message {}", show(message)));
        Ok(())
    }

    async fn before_trailing_metadata(
        &self,
        _: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        self.note(format!("before_trailing_metadata {}", keys(metadata.as_deref())));
        Ok(())
    }

    async fn after_request(&self, _: &Context, outcome: Outcome<'_>) {
        self.note(match outcome {
            Outcome::Answered => "after_request answered".into(),
            Outcome::Failed(error) => format!("after_request failed {}", error.code()),
            Outcome::Cancelled(reason) => format!("after_request cancelled {reason:?}"),
            #[allow(unreachable_patterns, reason = "non-exhaustive outside of the crate only")]
            other => format!("{other:?}"),
        });
    }

    async fn after_connection(&self, _: &Peer, close: &Close) {
        self.note(format!("after_connection {}", close.code));
    }

    async fn call(&self, _: &Context, next: Next<'_>) -> Result<()> {
        self.note("call {");
        let result = next.run().await;
        self.note(format!(
            "}} {}",
            result.as_ref().map_or_else(|error| error.code().to_string(), |()| "ok".into())
        ));
        result
    }
}

/// A small value, for people.
pub(crate) fn show(message: &Payload<'_>) -> String {
    match message.decode::<Value>() {
        Ok(Value::Text(text)) => text,
        Ok(Value::Int(number)) => number.to_string(),
        Ok(Value::Nil) => "nil".into(),
        Ok(Value::List(list)) => format!("list of {}", list.len()),
        other => format!("{other:?}"),
    }
}

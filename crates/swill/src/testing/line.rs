use super::{alarm, driver::Command, queue::Queue};
use crate::{service::Service, state::lock};
use rustc_hash::FxHashMap;
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill_proto::{CallId, Capabilities, Close, Code, Error, Frame, Kind, Result, Value};
use tokio::sync::{Notify, mpsc, watch};

/// So many items of streams wait to be taken before nothing more is read: then the server's procedures have to wait.
pub(super) const MOST_UNREAD: usize = 1024;

/// So many messages are kept for whoever wants to see them as they were.
pub(super) const MOST_RAW: usize = 4096;

/// A message as it is on the wire, without the frames around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Raw {
    pub(super) fn new(kind: Kind, data: &[u8]) -> Self {
        match kind {
            Kind::Text => Self::Text(String::from_utf8_lossy(data).into_owned()),
            Kind::Binary => Self::Binary(data.to_vec()),
        }
    }
}

/// What the server tells without wanting an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Heard {
    /// Under which name.
    pub name: String,
    /// With which parameters; [`Value::Nil`] if there are none.
    pub parameters: Value,
}

type Answering = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

/// Answers what the server calls.
pub(super) type Handler = Arc<dyn Fn(Value) -> Answering + Send + Sync>;

/// What a peer, its streams and its task share.
pub(super) struct Shared {
    pub(super) capabilities: &'static Capabilities,
    pub(super) handlers: Mutex<HashMap<String, Handler>>,
    pub(super) heard: Queue<Result<Heard>>,
    pub(super) raw: Queue<Raw>,
    pub(super) closed: watch::Sender<Option<Close>>,
    /// Items that have come and were not taken.
    pub(super) unread: AtomicUsize,
    pub(super) room: Notify,
    /// `None` once the connection is over.
    calls: Mutex<Option<FxHashMap<CallId, mpsc::UnboundedSender<Frame<'static>>>>>,
    next: AtomicU64,
}

impl Shared {
    pub(super) fn new(capabilities: &'static Capabilities) -> Self {
        Self {
            capabilities,
            handlers: Mutex::default(),
            heard: Queue::new(),
            raw: Queue::new(),
            closed: watch::Sender::new(None),
            unread: AtomicUsize::new(0),
            room: Notify::new(),
            calls: Mutex::new(Some(FxHashMap::default())),
            next: AtomicU64::new(0),
        }
    }

    pub(super) fn received(&self, message: Raw) {
        self.raw.push(message, MOST_RAW);
    }

    pub(super) fn told(&self, name: String, parameters: Result<Value>) {
        self.heard.push(parameters.map(|parameters| Heard { name, parameters }), usize::MAX);
    }

    /// Hands a frame to whoever waits for it.
    pub(super) fn heard_of_call(&self, frame: Frame<'static>) {
        let call = frame.call();
        let is_last = matches!(frame, Frame::End { .. } | Frame::Fail { .. });
        let is_item = matches!(frame, Frame::Item { .. });
        let mut calls = lock(&self.calls);
        let Some(calls) = &mut *calls else { return };
        let waiting = if is_last { calls.remove(&call) } else { calls.get(&call).cloned() };
        self.unread.fetch_add(usize::from(is_item), Ordering::SeqCst);
        if waiting.is_none_or(|waiting| waiting.send(frame).is_err()) && is_item {
            self.taken();
        }
    }

    /// An item was taken.
    pub(super) fn taken(&self) {
        if self.unread.fetch_sub(1, Ordering::SeqCst) == MOST_UNREAD {
            self.room.notify_one();
        }
    }

    /// The connection has ended; the first reason counts.
    pub(super) fn over(&self, close: &Close) {
        self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert_with(|| close.clone());
            first
        });
        let calls = lock(&self.calls).take();
        drop(calls);
        self.heard.end();
        self.raw.end();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("protocol", &self.capabilities.name).finish_non_exhaustive()
    }
}

/// A way to the task of a connection. The connection lives as long as there is one.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) shared: Arc<Shared>,
    pub(super) service: Arc<Service>,
    /// Whether parameters are told apart by names alone.
    pub(super) by_name: bool,
    pub(super) patience: Duration,
}

impl Line {
    pub(super) fn tell(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| self.gone())
    }

    /// The error of whoever wants something of a connection that is over.
    pub(super) fn gone(&self) -> Error {
        match &*self.shared.closed.borrow() {
            Some(close) => Error::unknown_outcome(format_args!("the connection ended with {close}")),
            None => Error::unknown_outcome("the connection broke"),
        }
    }

    /// Waits for something, but not for ever.
    pub(super) async fn wait<T>(
        &self,
        what: impl fmt::Display,
        future: impl Future<Output = T>,
    ) -> Result<T> {
        let waited = alarm::within(self.patience, future).await;
        waited.ok_or_else(|| late(self.patience, &what))
    }

    /// A number for a new call, and the way for its frames.
    pub(super) fn expect(&self) -> Result<(CallId, mpsc::UnboundedReceiver<Frame<'static>>)> {
        let call = CallId::ours(self.shared.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = mpsc::unbounded_channel();
        match &mut *lock(&self.shared.calls) {
            Some(calls) => drop(calls.insert(call, sender)),
            None => return Err(self.gone()),
        }
        Ok((call, receiver))
    }

    /// Nobody waits for what is said of this call any more.
    pub(super) fn forget(&self, call: CallId) {
        if let Some(calls) = &mut *lock(&self.shared.calls) {
            calls.remove(&call);
        }
    }
}

/// The error of a wait that was too long.
pub(super) fn late(patience: Duration, what: &impl fmt::Display) -> Error {
    Error::new(Code::DEADLINE, format!("waited {patience:?} for {what}, which did not come"))
}

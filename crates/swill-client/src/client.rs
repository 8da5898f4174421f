use crate::{
    Batch, Builder, Items, Protocol, Request, State, Watch, driver::Driver, handshake::Link, outbox::Outbox,
    settings::Settings, unread::Unread,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use swill_proto::{CallId, Close, Result};
use tokio::sync::watch;

/// A connection to a Swill server: calls go out, answers come back, and a lost connection is replaced.
///
/// A clone is another handle of the same connection and costs next to nothing; every method takes `&self`, so that any
/// number of tasks may call at the same time. When the last handle is gone and no stream is open, the connection is
/// closed in the background.
///
/// ```no_run
/// # async fn example() -> swill_client::Result<()> {
/// use swill_client::Client;
///
/// let client = Client::connect("ws://127.0.0.1:8000/ws").await?;
/// let sum: i64 = client.call("add", (1, 2)).await?;
/// assert_eq!(sum, 3);
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// The handles together: when the last is gone, the connection is closed.
struct Handle(Arc<Shared>);

/// What handles and the connection's task share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) outbox: Outbox,
    pub(crate) state: watch::Sender<State>,
    pub(crate) unread: Unread,
    /// For handlers that call back.
    handle: OnceLock<Weak<Handle>>,
    /// How many calls there have been.
    last: AtomicU64,
}

impl Client {
    /// Connects to a server, with all settings as they are by default. The address is a URL, or shorter: see
    /// [`url`](crate::url).
    ///
    /// Has to be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`Builder::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// Prepares a connection to a server. The address is a URL, or shorter: see [`url`](crate::url).
    ///
    /// ```
    /// let builder = swill_client::Client::builder("ws://127.0.0.1:8000/ws").bearer("s3cr3t");
    /// ```
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn start(settings: Settings, link: Option<Link>) -> Self {
        let state = if link.is_some() { State::Open } else { State::Connecting };
        let shared = Arc::new(Shared {
            outbox: Outbox::new(settings.limits.outbox, settings.limits.calls),
            settings,
            state: watch::Sender::new(state),
            unread: Unread::default(),
            handle: OnceLock::new(),
            last: AtomicU64::new(0),
        });
        let handle = Arc::new(Handle(shared.clone()));
        shared.handle.get_or_init(|| Arc::downgrade(&handle));
        tokio::spawn(Driver::new(shared).run(link));
        Self { handle }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.0
    }

    /// What is spoken on the connection: what [`Builder::protocol`] was told.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.shared().settings.protocol
    }

    /// Calls a procedure that answers once.
    ///
    /// `params` is what the procedure takes: for several parameters a tuple (by position) or a struct (by name), for one
    /// parameter the value itself, for none `()`. A procedure whose single parameter is a list takes the list, not a list
    /// around it, but in JSON-RPC: there parameters are always listed, see [`Protocol`](crate::Protocol).
    /// [`Value`](crate::Value) stands for any value, as parameter and as answer.
    ///
    /// Dropping the future cancels the call: the server is told, what it still answers is ignored.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let sum: i64 = client.call("add", (1, 2)).await?;
    /// let shout = client.call::<String>("upper", "hello").await?;
    /// let () = client.call("reset", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What the procedure failed with, as the server says: code, message and data. Besides:
    ///
    /// | code | |
    /// |---|---|
    /// | 504 [`DEADLINE`](crate::Code::DEADLINE) | there was no answer in time; the server has been told to stop |
    /// | 503 [`UNAVAILABLE`](crate::Code::UNAVAILABLE), [`outcome_unknown`](crate::Error::outcome_unknown) | the connection broke after the call was sent: it may have been executed |
    /// | 503, or the HTTP status of a refused handshake | the client is closed; nothing was sent |
    /// | 413 [`TOO_LARGE`](crate::Code::TOO_LARGE) | the call exceeds [`Limits::request`](crate::Limits::request) and was not sent; or the answer exceeds a limit |
    /// | 501 [`UNIMPLEMENTED`](crate::Code::UNIMPLEMENTED) | the [`Protocol`](crate::Protocol) cannot carry the call; nothing was sent |
    /// | 500 [`INTERNAL`](crate::Code::INTERNAL) | the parameters cannot be written, or the answer is no `R` |
    /// | 400 [`BAD_REQUEST`](crate::Code::BAD_REQUEST) | the parameters are nested deeper than 64 levels |
    pub async fn call<R: DeserializeOwned>(&self, name: &str, params: impl Serialize) -> Result<R> {
        self.request(name).call(params).await
    }

    /// Calls a procedure that streams out. Short for [`Request::stream`].
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let mut numbers = client.stream::<u32>("count", 10).await?;
    /// while let Some(number) = numbers.next().await {
    ///     println!("{}", number?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), as far as it fails before anything comes back; the rest comes out of the stream.
    pub async fn stream<T: DeserializeOwned>(&self, name: &str, params: impl Serialize) -> Result<Items<T>> {
        self.request(name).stream(params).await
    }

    /// Tells the server something, without an answer. Short for [`Request::notify`].
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// client.notify("log", ("disk full", 3)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call) that say that nothing was sent.
    pub async fn notify(&self, name: &str, params: impl Serialize) -> Result<()> {
        self.request(name).notify(params).await
    }

    /// Prepares calls and notifications that go out together.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let answers = client.batch().call("add", (1, 2)).notify("log", ("added",)).call("upper", ("a",)).send().await?;
    /// for answer in answers {
    ///     match answer {
    ///         Ok(value) => println!("{value:?}"),
    ///         Err(error) => println!("one of them failed: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Prepares a call that needs more than a name and parameters: metadata, a deadline, streams.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// use std::time::Duration;
    ///
    /// let sum: i64 = client.request("add").deadline(Duration::from_secs(1)).idempotent().call((1, 2)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<'c>(&'c self, name: &'c str) -> Request<'c> {
        Request::new(self, name)
    }

    /// How the client stands with its server.
    pub fn state(&self) -> State {
        self.shared().state.borrow().clone()
    }

    /// Follows the client's state.
    pub fn watch(&self) -> Watch {
        Watch(self.shared().state.subscribe())
    }

    /// Closes the connection for good, and waits until that is done: at most the time of
    /// [`Limits::close`](crate::Limits::close) and a second.
    ///
    /// What was sent before is written first. Calls without an answer fail, and so do all later ones, also those of other
    /// handles.
    pub async fn close(&self) {
        self.shared().outbox.close(Close::new(1000, ""));
        self.watch().until(State::is_closed).await;
    }
}

impl Shared {
    /// A further handle, unless the last one is gone.
    pub(crate) fn client(&self) -> Option<Client> {
        Some(Client { handle: self.handle.get()?.upgrade()? })
    }

    pub(crate) fn next_call(&self) -> CallId {
        CallId::ours(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A caller has used up or thrown away so many unread bytes.
    pub(crate) fn took(&self, cost: usize) {
        if cost > 0 {
            self.unread.sub(cost);
            if self.unread.is_paused() {
                self.outbox.wake();
            }
        }
    }

    pub(crate) fn enter(&self, state: State) {
        self.state.send_if_modified(|old| {
            let new = *old != state;
            if new {
                tracing::debug!(
                    server = self.settings.address.authority,
                    ?state,
                    "the client's state has changed"
                );
                *old = state;
            }
            new
        });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.outbox.close(Close::new(1000, ""));
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.shared().settings.address.authority)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

use crate::{
    Limits, Peer, TraceContext, extensions::Extensions, hook::Hooked, outbox::Entry, running::Running,
    state::CallState,
};
use serde::Serialize;
use std::{
    any::type_name,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, atomic::Ordering},
    task::ready,
    time::Instant,
};
use swill_proto::{CallId, CancelReason, Error, Format, Metadata, Parameters, Payload, ProcedureId, Result};

/// What the server knows about a call: who called what, with which metadata, until when.
///
/// A procedure that wants it takes `cx: &Context`.
///
/// ```
/// use swill::{Context, Metadata};
///
/// struct Greeter;
///
/// #[swill::module]
/// impl Greeter {
///     /// Greets whoever the metadata names.
///     async fn greet(&self, cx: &Context) -> swill::Result<String> {
///         cx.set_trailing(Metadata::from([("served-by", "greeter")]));
///         let name = cx.metadata().and_then(|it| it.get("name")?.as_str()).unwrap_or("stranger");
///         Ok(format!("hello {name}"))
///     }
/// }
/// # let _ = swill::App::new().module(Greeter);
/// ```
pub struct Context {
    peer: Peer,
    call: CallId,
    procedure: ProcedureId,
    metadata: Option<Box<Metadata>>,
    deadline: Option<Instant>,
    state: OnceLock<Arc<CallState>>,
    values: Option<Arc<Extensions>>,
    hooked: Option<Arc<Hooked>>,
    /// The encoded answer. Its memory is used again by the next call.
    pub(crate) answer: Vec<u8>,
    /// The memory of the procedure that ran last, for the next. In a lock that is never locked, because a context is
    /// shared with its procedure, and this is not.
    ended: Mutex<Option<Running>>,
}

/// An argument that the server hands in: borrowed arguments of a procedure come from here.
///
/// For a value that a hook has put into the connection ([`Handshake::insert`](crate::Handshake::insert)) or the call
/// ([`Context::insert`]), the default body is right:
///
/// ```
/// use swill::FromContext;
///
/// struct User {
///     name: String,
/// }
///
/// impl FromContext for User {}
///
/// struct Profile;
///
/// #[swill::module]
/// impl Profile {
///     /// Who is calling.
///     async fn name(&self, user: &User) -> String {
///         user.name.clone()
///     }
/// }
/// # let _ = swill::App::new().module(Profile);
/// ```
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be handed in by the server",
    label = "borrowed arguments come from the server",
    note = "write `impl swill::FromContext for {Self} {{}}` and put the value there in a hook (`handshake.insert(..)`), \
            or take the argument by value if it comes over the wire"
)]
pub trait FromContext: Send + Sync + 'static {
    /// Finds the value. By default: what was put into the call or the connection under this type.
    ///
    /// # Errors
    ///
    /// The call fails with the error. By default that is code 500 if there is no such value, and the log says which type
    /// nobody has put there. Where a value may be missing, as the user of a connection without login, write the method
    /// and return what fits, such as code 401.
    fn from_context(cx: &Context) -> Result<&Self>
    where
        Self: Sized,
    {
        cx.get::<Self>().ok_or_else(|| {
            let missing = type_name::<Self>();
            Error::internal(format!("no hook has put a `{missing}` into this call or its connection"))
        })
    }
}

impl FromContext for Context {
    #[inline]
    fn from_context(cx: &Context) -> Result<&Self> {
        Ok(cx)
    }
}

impl FromContext for Peer {
    #[inline]
    fn from_context(cx: &Context) -> Result<&Self> {
        Ok(cx.peer())
    }
}

/// Runs its function if the call is cancelled before the guard is dropped. See [`Context::on_cancel`].
pub struct CancelGuard<F: FnOnce(CancelReason)> {
    state: Arc<CallState>,
    run: Option<F>,
}

impl Context {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            call: CallId::theirs(0),
            procedure: ProcedureId(0),
            metadata: None,
            deadline: None,
            state: OnceLock::new(),
            values: None,
            hooked: None,
            answer: Vec::new(),
            ended: Mutex::new(None),
        }
    }

    /// Makes a used context ready for the next call of the same connection.
    #[inline(always)]
    pub(crate) fn reset(
        &mut self,
        call: CallId,
        procedure: ProcedureId,
        metadata: Option<Box<Metadata>>,
        deadline: Option<Instant>,
    ) {
        self.call = call;
        self.procedure = procedure;
        // Most calls have none, and neither has a context that was released.
        if metadata.is_some() || self.metadata.is_some() {
            self.metadata = metadata;
        }
        self.deadline = deadline;
        self.answer.clear();
    }

    /// Lets go of what belongs to the call that is over.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.values.is_some() || self.hooked.is_some() || self.metadata.is_some() {
            self.release_values();
        }
        if self.state.get().is_some() {
            self.state = OnceLock::new();
        }
    }

    #[cold]
    fn release_values(&mut self) {
        let values = (self.values.take(), self.hooked.take(), self.metadata.take());
        if catch_unwind(AssertUnwindSafe(|| drop(values))).is_err() {
            tracing::error!("a value that was put into a call panicked while it was dropped");
        }
    }

    /// A second context of the same call, for hooks to look at while the procedure has the first.
    pub(crate) fn twin(&self) -> Self {
        Self {
            peer: self.peer.clone(),
            call: self.call,
            procedure: self.procedure,
            metadata: self.metadata.clone(),
            deadline: self.deadline,
            state: OnceLock::from(Arc::clone(self.state())),
            values: self.values.clone(),
            hooked: self.hooked.clone(),
            answer: Vec::new(),
            ended: Mutex::new(None),
        }
    }

    /// The other side of the connection.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The full name of the called procedure.
    pub fn procedure(&self) -> &str {
        self.peer.0.service.name(self.procedure)
    }

    /// The caller's metadata, if it sent some.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// Which trace the call belongs to: as its metadata says, or else the headers of the handshake. `None` if neither says
    /// something valid. See [`TraceContext`].
    ///
    /// ```
    /// use swill::Context;
    ///
    /// struct Orders;
    ///
    /// #[swill::module]
    /// impl Orders {
    ///     /// The trace that this call belongs to, to be found again in a log.
    ///     async fn trace(&self, cx: &Context) -> Option<String> {
    ///         Some(format!("{:032x}", cx.trace_context()?.trace_id()))
    ///     }
    /// }
    /// # let _ = swill::App::new().module(Orders);
    /// ```
    pub fn trace_context(&self) -> Option<TraceContext> {
        TraceContext::of(self.metadata(), self.peer.request())
    }

    /// The caller's metadata, to be changed by a hook.
    pub(crate) fn metadata_mut(&mut self) -> &mut Option<Box<Metadata>> {
        &mut self.metadata
    }

    /// When the call will be cancelled.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A value that a hook has put into the call, or else into the connection.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.as_ref().and_then(|values| values.get()).or_else(|| self.peer.state())
    }

    /// Puts a value into the call, in place of the one of the same type. For
    /// [`Hook::before_request`](crate::Hook::before_request).
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let values = self.values.get_or_insert_default();
        match Arc::get_mut(values) {
            Some(values) => values.insert(value),
            // Twins exist only after `before_request`, and nobody else gets a context to change.
            None => tracing::error!("a value was put into a call that had already begun, and is lost"),
        }
    }

    /// Sets the metadata that goes out with the first data. Setting it again replaces it.
    ///
    /// # Errors
    ///
    /// Code 500 if leading metadata, or the first data, has been sent already, or if it is more than
    /// [`Limits::metadata`] allows.
    pub fn set_leading(&self, metadata: Metadata) -> Result<()> {
        self.peer.admit_metadata("leading", &metadata)?;
        self.state().set_leading(metadata)
    }

    /// Sends leading metadata at once, ahead of all data.
    ///
    /// # Errors
    ///
    /// As [`set_leading`](Self::set_leading).
    pub async fn send_leading(&self, metadata: Metadata) -> Result<()> {
        self.set_leading(metadata)?;
        let leading = self.leading().await?;
        let Some(metadata) = leading else { return Ok(()) };
        self.say(Entry::Metadata { call: self.call, metadata }, &[]).await
    }

    /// Sets the metadata that goes out at the end of the call, if it does not fail. Setting it again replaces it. If it is
    /// more than [`Limits::metadata`] allows, the call fails with code 500 in the end.
    pub fn set_trailing(&self, metadata: Metadata) {
        let admitted = self.peer.admit_metadata("trailing", &metadata);
        self.state().set_trailing(admitted.map(|()| metadata));
    }

    /// Why the call was cancelled, if it was.
    ///
    /// An asynchronous procedure need not ask: it is dropped at once. A blocking one cannot be dropped, and should ask
    /// now and then.
    pub fn cancelled(&self) -> Option<CancelReason> {
        self.state.get().and_then(|state| state.cancelled())
    }

    /// Runs a function if the call is cancelled while the procedure still holds the guard.
    ///
    /// ```
    /// # use swill::Context;
    /// # async fn work() {}
    /// # async fn procedure(cx: &Context) {
    /// let _guard = cx.on_cancel(|reason| println!("stopped halfway: {reason}"));
    /// work().await;
    /// # }
    /// ```
    pub fn on_cancel<F: FnOnce(CancelReason)>(&self, run: F) -> CancelGuard<F> {
        CancelGuard { state: Arc::clone(self.state()), run: Some(run) }
    }

    /// Takes the memory of the procedure that ran last.
    #[inline]
    pub(crate) fn take_ended(&mut self) -> Option<Running> {
        self.ended.get_mut().ok()?.take()
    }

    /// Keeps the memory of a procedure that has ended.
    #[inline]
    pub(crate) fn keep_ended(&mut self, running: Running) {
        if let Ok(ended) = self.ended.get_mut() {
            *ended = Some(running);
        }
    }

    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    #[inline]
    pub(crate) fn format(&self) -> Format {
        self.peer.0.capabilities.format
    }

    #[inline]
    pub(crate) fn parameters(&self) -> Parameters {
        self.peer.0.capabilities.parameters
    }

    #[inline]
    pub(crate) fn limits(&self) -> &Limits {
        &self.peer.0.service.limits
    }

    pub(crate) fn procedure_id(&self) -> ProcedureId {
        self.procedure
    }

    pub(crate) fn state(&self) -> &Arc<CallState> {
        self.state.get_or_init(|| self.peer.0.state_of(self.call))
    }

    /// The state, if the call has needed one.
    #[inline]
    pub(crate) fn existing_state(&self) -> Option<&Arc<CallState>> {
        self.state.get()
    }

    pub(crate) fn hooked(&self) -> Option<Arc<Hooked>> {
        self.hooked.clone()
    }

    pub(crate) fn set_hooked(&mut self, hooked: Arc<Hooked>) {
        self.hooked = Some(hooked);
    }

    /// Sends one item of a stream out, as soon as there is room.
    pub(crate) async fn send_item<T: Serialize + Sync>(&self, item: &T) -> Result<()> {
        let mut bytes = Vec::new();
        Payload::encode_into(self.format(), item, &mut bytes)?;
        if let Some(hooked) = &self.hooked {
            let mut payload = Payload::shared(self.format(), bytes.into());
            hooked.before_response_message(&mut payload).await?;
            bytes = payload.bytes().to_vec();
        }
        if bytes.len() > self.limits().answer {
            return Err(self.peer.too_large(bytes.len()));
        }
        let leading = self.leading().await?;
        self.state().sent.fetch_add(bytes.len(), Ordering::Relaxed);
        self.say(Entry::Item { call: self.call, length: bytes.len(), leading }, &bytes).await
    }

    /// Runs a procedure to its end. If it streams out and has to wait, the peer hears that the stream is open.
    pub(crate) async fn confirm<F: Future + Unpin>(&self, mut running: F, streams_out: bool) -> F::Output {
        let mut accepted = streams_out.then_some(Entry::Accepted { call: self.call });
        poll_fn(|task| {
            let polled = Pin::new(&mut running).poll(task);
            if polled.is_pending() && accepted.is_some() {
                // Without room now, there may be some when this is polled again. A peer that is gone needs no answer.
                let _ = self.peer.0.outbox.poll_push(task, &mut accepted, &[]);
            }
            polled
        })
        .await
    }

    /// Leading metadata for what is about to be sent, if it is the first.
    pub(crate) async fn leading(&self) -> Result<Option<Box<Metadata>>> {
        let state = self.state();
        if state.metadata().leading_closed {
            return Ok(None);
        }
        let mut leading = state.take_leading();
        if let Some(hooked) = &self.hooked {
            hooked.before_leading_metadata(&mut leading).await?;
        }
        Ok(leading)
    }

    async fn say(&self, entry: Entry, payload: &[u8]) -> Result<()> {
        let mut entry = Some(entry);
        poll_fn(|task| {
            // A stream that is always ready takes turns with other tasks, too.
            let turn = ready!(tokio::task::coop::poll_proceed(task));
            let pushed = self.peer.0.outbox.poll_push(task, &mut entry, payload);
            if pushed.is_ready() {
                turn.made_progress();
            }
            pushed
        })
        .await
        .map_err(|_| Error::cancelled(CancelReason::Disconnect))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("procedure", &self.procedure())
            .field("call", &self.call)
            .field("peer", &self.peer)
            .field("metadata", &self.metadata)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl<F: FnOnce(CancelReason)> Drop for CancelGuard<F> {
    fn drop(&mut self) {
        if let (Some(reason), Some(run)) = (self.state.cancelled(), self.run.take()) {
            run(reason);
        }
    }
}

impl<F: FnOnce(CancelReason)> fmt::Debug for CancelGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelGuard").finish_non_exhaustive()
    }
}

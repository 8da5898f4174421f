use crate::{
    Request,
    budget::Held,
    calling::Asked,
    extensions::Extensions,
    observe::{Limit, Spoken, Who},
    outbox::Outbox,
    service::Service,
    state::{CallState, lock},
    weak,
};
use rustc_hash::FxHashMap;
use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use swill_proto::{CallId, CancelReason, Capabilities, Close, Error, Metadata, MetadataLimits, Result};

/// The other side of a connection: a handle that can be cloned and kept.
///
/// ```
/// use swill::Peer;
///
/// struct Rooms;
///
/// #[swill::module]
/// impl Rooms {
///     /// Says goodbye and closes the connection.
///     async fn leave(&self, peer: &Peer) {
///         peer.close(1000, "bye");
///     }
/// }
/// # let _ = swill::App::new().module(Rooms);
/// ```
#[derive(Clone)]
pub struct Peer(pub(crate) Arc<Shared>);

/// What a connection's task, its calls and its handles share.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) service: Arc<Service>,
    /// Where it counts; `None` if nobody wants to know.
    pub(crate) spoken: Option<Arc<Spoken>>,
    pub(crate) capabilities: &'static Capabilities,
    pub(crate) request: Request,
    pub(crate) state: Extensions,
    pub(crate) outbox: Outbox,
    /// Calls of this side.
    pub(crate) asked: Asked,
    /// The calls that had to wait, or that have set metadata, by their ids.
    pub(crate) calls: Mutex<FxHashMap<CallId, Arc<CallState>>>,
    /// Calls in flight: those that had to wait and still run.
    pub(crate) running: AtomicUsize,
    /// Bytes of streams in that wait for their procedures.
    pub(crate) unread: AtomicUsize,
    /// Bytes of answers that wait for room in the outbox.
    pub(crate) held: AtomicUsize,
    /// Bytes that the connection has for a socket that does not take them.
    pub(crate) stuck: AtomicUsize,
    /// What the connection holds of the budget of all connections.
    pub(crate) budgeted: Held,
    /// The connection waits for a stream to be taken, and wants to be woken.
    pub(crate) paused: AtomicBool,
    /// The connection waits for its calls to end, and wants to be woken.
    pub(crate) ending: AtomicBool,
    /// Hooks are accepting the connection: nothing is read before they have.
    pub(crate) accepting: AtomicBool,
}

impl Peer {
    /// A number that no other connection of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The request that opened the connection: path, query, headers, cookies.
    pub fn request(&self) -> &Request {
        &self.0.request
    }

    /// A value that belongs to the connection, put there by a hook before the handshake was answered
    /// ([`Handshake::insert`](crate::Handshake::insert)).
    ///
    /// It lives as long as the connection. To change it, let it hold a lock or an atomic.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.state.get()
    }

    /// Closes the connection, once what was said before has been written.
    ///
    /// A code that may not be sent (RFC 6455, section 7.4) becomes 1000; at most 123 bytes of the reason are sent.
    pub fn close(&self, code: u16, reason: impl Into<Cow<'static, str>>) {
        self.0.outbox.close(Close::new(code, reason));
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.0.outbox.is_gone()
    }
}

/// What this side has to say, held against the limits.
impl Peer {
    /// An answer, or the like, is larger than it may be.
    #[cold]
    pub(crate) fn too_large(&self, bytes: usize) -> Error {
        self.0.exceeded(Limit::Answer);
        Error::internal(format!("an answer, an item or an error of {bytes} bytes exceeds the limit `answer`"))
    }

    /// An error that tells its caller no more than an answer could.
    pub(crate) fn admit_error(&self, error: Error) -> Error {
        match error.weight() {
            bytes if bytes > self.0.service.limits.answer => self.too_large(bytes),
            _ => error,
        }
    }

    /// Clients refuse metadata that is larger than their limits, which are the same by default.
    pub(crate) fn admit_metadata(&self, which: &str, metadata: &Metadata) -> Result<()> {
        let limits = self.0.service.limits.metadata;
        limits.exceeded_by(metadata).map_or(Ok(()), |limit| Err(self.too_much(which, limit.into())))
    }

    #[cold]
    fn too_much(&self, which: &str, limit: Limit) -> Error {
        self.0.exceeded(limit);
        let MetadataLimits { keys, bytes } = self.0.service.limits.metadata;
        let limit = limit.name();
        Error::internal(format!(
            "{which} metadata exceeds the limit `{limit}`: at most {keys} keys and {bytes} bytes, unless \
             `Limits::metadata` says otherwise, here and where clients have such a limit"
        ))
    }
}

impl Shared {
    /// Who this is, for those who look after the server.
    pub(crate) fn who(&self) -> Who {
        Who { peer: Some(self.id), remote: self.request.remote_addr() }
    }

    /// A limit has taken effect.
    #[cold]
    pub(crate) fn exceeded(&self, limit: Limit) {
        self.service.observer.exceeded(limit, self.who());
    }

    /// Bytes that wait to be written.
    #[cfg(feature = "metrics")]
    pub(crate) fn waiting_bytes(&self) -> usize {
        let held = self.held.load(Ordering::Relaxed);
        self.outbox.bytes().saturating_add(self.stuck.load(Ordering::Relaxed)).saturating_add(held)
    }

    /// Bytes of streams in that no procedure has taken.
    #[cfg(feature = "metrics")]
    pub(crate) fn unread_bytes(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    /// The state of a call. A call that is answered at once has none, and pays nothing for it.
    pub(crate) fn state_of(self: &Arc<Self>, call: CallId) -> Arc<CallState> {
        let mut calls = lock(&self.calls);
        Arc::clone(calls.entry(call).or_insert_with(|| Arc::new(CallState::new(Arc::clone(self)))))
    }

    /// The state of a call that is open, and not cancelled.
    pub(crate) fn open_call(&self, call: CallId) -> Option<Arc<CallState>> {
        lock(&self.calls).get(&call).filter(|state| state.cancelled().is_none()).cloned()
    }

    /// Forgets a call, of which nothing may run any more that asks for its state: it would get a new one.
    pub(crate) fn forget(&self, call: CallId) {
        let forgotten = lock(&self.calls).remove(&call);
        drop(forgotten);
    }

    /// The open calls.
    pub(crate) fn open_calls(&self) -> Vec<CallId> {
        lock(&self.calls)
            .iter()
            .filter(|(_, state)| state.cancelled().is_none())
            .map(|(call, _)| *call)
            .collect()
    }

    /// How many calls are cancelled and have not ended yet.
    pub(crate) fn cancelled_calls(&self) -> usize {
        lock(&self.calls).values().filter(|state| state.cancelled().is_some()).count()
    }

    /// Notes how far every stream in has been taken.
    pub(crate) fn mark_streams(&self) {
        lock(&self.calls).values().for_each(|state| state.inbox.mark());
    }

    /// The fullest stream in of which nothing has been taken since it was marked; or this one, if it is such a one.
    pub(crate) fn stuck(&self, only: Option<CallId>) -> Option<(CallId, Arc<CallState>)> {
        let calls = lock(&self.calls);
        let stuck = calls.iter().filter(|(call, state)| {
            only.is_none_or(|only| only == **call) && state.cancelled().is_none() && state.inbox.is_stuck()
        });
        stuck.max_by_key(|(_, state)| state.inbox.unread()).map(|(call, state)| (*call, Arc::clone(state)))
    }

    /// Nothing more will be written, and nothing that comes be heard.
    pub(crate) fn shut(&self) {
        self.outbox.shut();
        self.asked.shut();
    }

    /// Ends all calls.
    pub(crate) fn cancel_all(&self, reason: CancelReason) {
        if weak::is_off("calls-of-the-gone") {
            return;
        }
        let calls: Vec<_> = lock(&self.calls).values().cloned().collect();
        for state in calls {
            state.cancel(reason);
        }
    }

    pub(crate) fn unread_added(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::SeqCst);
    }

    pub(crate) fn unread_taken(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    pub(crate) fn call_ended(&self) {
        if let Some(spoken) = &self.spoken {
            spoken.registry().in_flight(-1);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        if self.ending.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Peer {}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("id", &self.0.id)
            .field("path", &self.0.request.path())
            .finish_non_exhaustive()
    }
}

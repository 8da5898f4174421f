use crate::{peer::Shared, streaming::Inbox};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::Waker,
};
use swill_proto::{CancelReason, Error, Metadata, Result};

/// What a call shares between its procedure and its connection once it has to wait.
///
/// A call that is answered at once never has one. One that waits counts as *in flight* as long as its state lives,
/// which is until nothing of its procedure runs any more, a blocking one included.
pub(crate) struct CallState {
    shared: Arc<Shared>,
    counted: AtomicU8,
    reason: AtomicU8,
    task: Mutex<Option<Waker>>,
    metadata: Mutex<Outgoing>,
    pub(crate) inbox: Inbox,
    /// Bytes of items, as far as there were some: in and out.
    pub(crate) received: AtomicUsize,
    pub(crate) sent: AtomicUsize,
}

/// Metadata that the procedure has set.
#[derive(Default)]
pub(crate) struct Outgoing {
    pub(crate) leading: Option<Box<Metadata>>,
    /// Leading metadata can be set until it, or the first data, has been sent.
    pub(crate) leading_closed: bool,
    pub(crate) trailing: Option<Box<Metadata>>,
    /// Why the call fails in the end: there was too much trailing metadata.
    pub(crate) refused: Option<Error>,
}

impl CallState {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            counted: AtomicU8::new(0),
            reason: AtomicU8::new(0),
            task: Mutex::new(None),
            metadata: Mutex::default(),
            inbox: Inbox::default(),
            received: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// From now on the call counts as in flight.
    pub(crate) fn count(&self) {
        if self.counted.swap(1, Ordering::Relaxed) == 0 {
            self.shared.running.fetch_add(1, Ordering::Relaxed);
            if let Some(spoken) = &self.shared.spoken {
                spoken.registry().in_flight(1);
            }
        }
    }

    /// Ends the call, if nothing has ended it before. Whoever runs it notices and drops it.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        if self.reason.compare_exchange(0, encode(reason), Ordering::AcqRel, Ordering::Acquire).is_ok() {
            if let Some(task) = lock(&self.task).take() {
                task.wake();
            }
            self.inbox.wake();
        }
    }

    pub(crate) fn cancelled(&self) -> Option<CancelReason> {
        decode(self.reason.load(Ordering::Acquire))
    }

    /// Who is to be woken when the call is cancelled.
    pub(crate) fn register(&self, task: &Waker) {
        let mut registered = lock(&self.task);
        match &mut *registered {
            Some(old) if old.will_wake(task) => {}
            other => *other = Some(task.clone()),
        }
    }

    pub(crate) fn metadata(&self) -> MutexGuard<'_, Outgoing> {
        lock(&self.metadata)
    }

    /// Sets leading metadata, to be sent now or with the first data.
    pub(crate) fn set_leading(&self, metadata: Metadata) -> Result<()> {
        let mut outgoing = self.metadata();
        if outgoing.leading_closed {
            return Err(Error::internal(
                "leading metadata was set after it, or the first data, had been sent",
            ));
        }
        outgoing.leading = Some(Box::new(metadata));
        Ok(())
    }

    /// Sets trailing metadata, or lets the call fail in the end.
    pub(crate) fn set_trailing(&self, metadata: Result<Metadata>) {
        let mut outgoing = self.metadata();
        (outgoing.trailing, outgoing.refused) = match metadata {
            Ok(metadata) => (Some(Box::new(metadata)), None),
            Err(error) => (None, Some(error)),
        };
    }

    /// Whether the call has to fail because of the metadata that was set last.
    #[cold]
    pub(crate) fn admit_metadata(&self) -> Result<()> {
        self.metadata().refused.take().map_or(Ok(()), Err)
    }

    /// Takes leading metadata for the first data; later ones get none.
    pub(crate) fn take_leading(&self) -> Option<Box<Metadata>> {
        let mut outgoing = self.metadata();
        outgoing.leading_closed = true;
        outgoing.leading.take()
    }
}

impl Drop for CallState {
    fn drop(&mut self) {
        self.shared.unread_taken(self.inbox.unread());
        if *self.counted.get_mut() == 1 {
            self.shared.call_ended();
        }
    }
}

impl fmt::Debug for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallState").field("cancelled", &self.cancelled()).finish_non_exhaustive()
    }
}

/// Locks, also after a panic of another holder: what the locks here protect is consistent between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn encode(reason: CancelReason) -> u8 {
    match reason {
        CancelReason::Client => 1,
        CancelReason::Deadline => 2,
        CancelReason::Disconnect => 3,
        CancelReason::Shutdown => 4,
        _ => 5,
    }
}

fn decode(code: u8) -> Option<CancelReason> {
    Some(match code {
        0 => return None,
        1 => CancelReason::Client,
        2 => CancelReason::Deadline,
        3 => CancelReason::Disconnect,
        4 => CancelReason::Shutdown,
        _ => CancelReason::Slow,
    })
}

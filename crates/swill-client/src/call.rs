use crate::{
    answer::Answer,
    fault,
    sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering},
};
use std::{
    collections::VecDeque,
    sync::PoisonError,
    task::{Context, Poll, Waker},
};
use swill_proto::{CallId, CancelReason, Error, Metadata, Result};

/// What an unread item counts beside its payload.
const COST: usize = 32;

/// One call, as the caller and the connection's task share it: what has come for it and has not been taken.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    /// It has ended or nobody waits for it: what still comes is dropped.
    over: AtomicBool,
    /// Its items were left unread for too long and are written off.
    slow: AtomicBool,
    /// Bytes of items that came and that the caller has not taken. Nothing once they are written off.
    unread: AtomicUsize,
    /// During which pause the caller has last taken something, see `Unread`.
    moved: AtomicUsize,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    items: Batch,
    leading: Option<Box<Metadata>>,
    /// Leading metadata can come no more.
    led: bool,
    /// How the call ended, until somebody takes it.
    end: Option<Result<End>>,
    succeeded: bool,
    caller: Option<Waker>,
}

/// The good end of a call.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) last: Option<Answer>,
    pub(crate) trailing: Option<Box<Metadata>>,
}

/// Items, one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    payloads: Vec<u8>,
    lengths: VecDeque<usize>,
    at: usize,
}

/// What comes next in a stream.
#[derive(Debug)]
pub(crate) enum Next {
    /// The batch is filled.
    Items,
    /// There will be no more items.
    End(Result<End>),
}

impl Batch {
    fn push(&mut self, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.lengths.push_back(payload.len());
    }

    /// The next item, and what it counted.
    pub(crate) fn pop(&mut self) -> Option<(&[u8], usize)> {
        /// A buffer that has grown larger than this is not kept.
        const LARGEST_KEPT: usize = 64 << 10;
        let Some(length) = self.lengths.pop_front() else {
            if self.payloads.capacity() > LARGEST_KEPT {
                *self = Self::default();
            }
            self.payloads.clear();
            self.at = 0;
            return None;
        };
        let start = self.at;
        self.at += length;
        Some((self.payloads.get(start..self.at).unwrap_or_default(), length + COST))
    }

    /// What all items in it count.
    pub(crate) fn cost(&self) -> usize {
        self.payloads.len() - self.at + self.lengths.len() * COST
    }

    fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }
}

impl Call {
    pub(crate) fn new(id: CallId) -> Self {
        Self {
            id,
            over: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            unread: AtomicUsize::new(0),
            moved: AtomicUsize::new(0),
            inbox: Mutex::default(),
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub(crate) fn unread(&self) -> usize {
        self.unread.load(Ordering::SeqCst)
    }

    /// During which pause the caller has last taken something.
    pub(crate) fn moved(&self) -> usize {
        self.moved.load(Ordering::Relaxed)
    }

    /// Its items were left unread for too long: none of them is to be handed out any more.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::SeqCst)
    }

    // What the connection's task says.

    /// What an item counts.
    pub(crate) fn cost(payload: &[u8]) -> usize {
        payload.len() + COST
    }

    /// An item has come. Whether anybody wants it.
    pub(crate) fn item(&self, payload: &[u8], leading: Option<Box<Metadata>>) -> bool {
        let mut inbox = self.inbox();
        if self.is_over() {
            return false;
        }
        inbox.lead(leading);
        inbox.led = true;
        inbox.items.push(payload);
        self.unread.fetch_add(Self::cost(payload), Ordering::SeqCst);
        wake(inbox);
        true
    }

    /// Leading metadata has come ahead of everything else.
    pub(crate) fn leading(&self, metadata: Box<Metadata>) {
        let mut inbox = self.inbox();
        inbox.lead(Some(metadata));
        inbox.led = true;
        wake(inbox);
    }

    /// The call has ended well.
    pub(crate) fn finish(&self, end: End, leading: Option<Box<Metadata>>) {
        let mut inbox = self.inbox();
        inbox.lead(leading);
        self.end(inbox, Ok(end));
    }

    /// The call has failed.
    pub(crate) fn fail(&self, error: Error) {
        self.end(self.inbox(), Err(error));
    }

    fn end(&self, mut inbox: MutexGuard<'_, Inbox>, result: Result<End>) {
        if self.over.swap(true, Ordering::SeqCst) {
            return;
        }
        inbox.led = true;
        inbox.succeeded = result.is_ok();
        inbox.end = Some(result);
        wake(inbox);
    }

    /// The stream has not been read in time, be it still open or over: its items are dropped, and the caller hears why.
    /// Returns how much they counted.
    ///
    /// What the caller has fetched and not looked at counts no more, either; it is dropped when the caller comes back.
    pub(crate) fn fail_slow(&self) -> usize {
        let mut inbox = self.inbox();
        let cost = self.unread.swap(0, Ordering::SeqCst);
        if cost == 0 {
            // It was read at the last moment.
            return 0;
        }
        self.slow.store(true, Ordering::SeqCst);
        self.over.store(true, Ordering::SeqCst);
        inbox.items = Batch::default();
        inbox.led = true;
        inbox.succeeded = false;
        inbox.end = Some(Err(Error::cancelled(CancelReason::Slow)));
        wake(inbox);
        cost
    }

    /// Drops the items that the caller has not fetched. Returns how much they counted.
    fn throw_away(&self, mut inbox: MutexGuard<'_, Inbox>) -> usize {
        let cost = std::mem::take(&mut inbox.items).cost();
        self.release(cost)
    }

    /// Items count no more. Returns how much they counted: nothing if they have been written off.
    fn release(&self, cost: usize) -> usize {
        let released =
            self.unread.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |unread| unread.checked_sub(cost));
        if released.is_ok() { cost } else { 0 }
    }

    // What the caller asks.

    /// Nobody wants to hear more; `reads` says whether it is the reader of the items who goes. Returns how much the items
    /// counted that had not been fetched, and whether the call was still going on.
    ///
    /// Of a call that is over, the items are the reader's: it may not have come to them.
    pub(crate) fn abandon(&self, reads: bool) -> (usize, bool) {
        let inbox = self.inbox();
        let was_over = self.is_over();
        if was_over && !reads {
            return (0, false);
        }
        self.end(inbox, Err(Error::cancelled(CancelReason::Client)));
        let cost = self.throw_away(self.inbox());
        (cost, !was_over)
    }

    /// The caller has used up items during this pause. Returns how much they counted.
    pub(crate) fn took(&self, cost: usize, pause: usize) -> usize {
        self.moved.store(pause, Ordering::Relaxed);
        self.release(cost)
    }

    /// The end of a call without a stream out.
    pub(crate) fn poll_end(&self, task: &mut Context<'_>) -> Poll<Result<(End, Option<Box<Metadata>>)>> {
        let mut inbox = self.inbox();
        match inbox.end.take() {
            Some(end) => {
                let leading = inbox.leading.take();
                Poll::Ready(end.map(|end| (end, leading)))
            }
            None => inbox.wait(task),
        }
    }

    /// What comes next in a stream out. `batch` is empty and its memory is used again.
    pub(crate) fn poll_next(&self, batch: &mut Batch, task: &mut Context<'_>) -> Poll<Next> {
        let mut inbox = self.inbox();
        if !inbox.items.is_empty() {
            std::mem::swap(&mut inbox.items, batch);
            return Poll::Ready(Next::Items);
        }
        match inbox.end.take() {
            Some(end) => Poll::Ready(Next::End(end)),
            None => inbox.wait(task),
        }
    }

    /// Whether the call is over.
    pub(crate) fn poll_over(&self, task: &mut Context<'_>) -> Poll<()> {
        let mut inbox = self.inbox();
        if self.is_over() {
            return Poll::Ready(());
        }
        inbox.wait(task)
    }

    /// Leading metadata, as soon as it has come or can come no more. Later calls find none.
    pub(crate) fn poll_leading(&self, task: &mut Context<'_>) -> Poll<Option<Box<Metadata>>> {
        let mut inbox = self.inbox();
        if inbox.led {
            return Poll::Ready(inbox.leading.take());
        }
        inbox.wait(task)
    }

    /// Why nothing more can be sent to a call that is over; nothing if it has ended well.
    pub(crate) fn refusal(&self) -> Result<()> {
        let inbox = self.inbox();
        match &inbox.end {
            _ if inbox.succeeded => Ok(()),
            Some(Err(error)) => Err(fault::copy(error)),
            _ => Err(Error::cancelled(CancelReason::Client).with_message("the call has failed")),
        }
    }
}

impl Inbox {
    /// Leading metadata counts once.
    fn lead(&mut self, leading: Option<Box<Metadata>>) {
        if !self.led && leading.is_some() {
            self.leading = leading;
        }
    }

    fn wait<T>(&mut self, task: &Context<'_>) -> Poll<T> {
        match &mut self.caller {
            Some(waker) if waker.will_wake(task.waker()) => {}
            other => *other = Some(task.waker().clone()),
        }
        Poll::Pending
    }
}

/// Wakes the caller, who will want the lock.
fn wake(mut inbox: MutexGuard<'_, Inbox>) {
    let caller = inbox.caller.take();
    drop(inbox);
    if let Some(caller) = caller {
        caller.wake();
    }
}

use crate::{
    Context,
    hook::{self, Hooked},
    state::{CallState, lock},
};
use futures_core::Stream;
use serde::de::DeserializeOwned;
use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};
use swill_proto::{Error, Format, Payload, Result};

/// A stream in: the items that the caller sends, in order, each decoded when it is asked for.
///
/// ```
/// use swill::Streaming;
///
/// struct Calc;
///
/// #[swill::module]
/// impl Calc {
///     /// Sums the numbers streamed in.
///     async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
///         let mut sum = 0;
///         while let Some(number) = numbers.next().await {
///             sum += number?;
///         }
///         Ok(sum)
///     }
/// }
/// # let _ = swill::App::new().module(Calc);
/// ```
///
/// It is a [`Stream`], too. An item that does not fit is an error with code 422, after which the stream is over. How
/// much may wait here is limited, see [`Limits::unread`](crate::Limits::unread): a procedure that takes its items
/// slowly slows its caller down.
pub struct Streaming<T> {
    state: Arc<CallState>,
    format: Format,
    hooked: Option<Arc<Hooked>>,
    /// What was taken out of the inbox at once: the written items and their kinds and lengths.
    taken: Batch,
    at: usize,
    admitting: Option<Admission<T>>,
    over: bool,
    item: PhantomData<fn() -> T>,
}

type Admission<T> = Pin<Box<dyn Future<Output = Option<Result<T>>> + Send>>;

#[derive(Default)]
struct Batch {
    data: Vec<u8>,
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy)]
enum Entry {
    /// The item that came with the opening of the call.
    First(usize),
    Item(usize),
    End,
}

impl<T: DeserializeOwned + Send + 'static> Streaming<T> {
    pub(crate) fn new(cx: &mut Context, first: Option<Payload<'_>>) -> Self {
        let state = Arc::clone(cx.state());
        if let Some(first) = first {
            state.inbox.push(Entry::First(first.bytes().len()), first.bytes());
            state.shared().unread_added(cost(first.bytes().len()));
        }
        Self {
            state,
            format: cx.format(),
            hooked: cx.hooked(),
            taken: Batch::default(),
            at: 0,
            admitting: None,
            over: false,
            item: PhantomData,
        }
    }

    /// The next item, or `None` at the end of the stream.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|task| Pin::new(&mut *self).poll_next(task)).await
    }

    fn poll_entry(&mut self, task: &mut std::task::Context<'_>) -> Poll<Entry> {
        if let Some(entry) = self.taken.entries.pop_front() {
            return Poll::Ready(entry);
        }
        self.taken.data.clear();
        self.at = 0;
        self.state.inbox.poll_take(&mut self.taken, task.waker())
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for Streaming<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<Option<Result<T>>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        if let Some(admission) = &mut this.admitting {
            let Poll::Ready(item) = admission.as_mut().poll(task) else { return Poll::Pending };
            this.admitting = None;
            this.over = !matches!(item, Some(Ok(_)));
            return Poll::Ready(item);
        }
        if let Some(reason) = this.state.cancelled() {
            this.over = true;
            return Poll::Ready(Some(Err(Error::cancelled(reason))));
        }
        let Poll::Ready(entry) = this.poll_entry(task) else { return Poll::Pending };
        let (Entry::First(length) | Entry::Item(length)) = entry else {
            if let Some(hooked) = this.hooked.clone() {
                this.admitting = Some(Box::pin(hook::admit_end(hooked)));
                return self.poll_next(task);
            }
            this.over = true;
            return Poll::Ready(None);
        };
        let payload = Payload::new(this.format, &this.taken.data[this.at..this.at + length]);
        this.at += length;
        this.state.inbox.consumed(length);
        this.state.shared().unread_taken(cost(length));
        if let Some(hooked) = this.hooked.clone() {
            let first = matches!(entry, Entry::First(_));
            this.admitting = Some(Box::pin(hook::admit(hooked, first, payload.into_owned())));
            return self.poll_next(task);
        }
        let item = payload.decode();
        this.over = item.is_err();
        Poll::Ready(Some(item))
    }
}

impl<T> Unpin for Streaming<T> {}

impl<T> Drop for Streaming<T> {
    /// Nobody will take the rest: it must not hold up the connection.
    fn drop(&mut self) {
        let unread = self.state.inbox.close();
        self.state.shared().unread_taken(unread);
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("waiting", &self.state.inbox.unread()).finish_non_exhaustive()
    }
}

/// The items of a stream in that wait for their procedure.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    unread: AtomicUsize,
    moved: AtomicBool,
}

#[derive(Default)]
struct Queue {
    batch: Batch,
    ended: bool,
    procedure: Option<Waker>,
}

/// What an item counts: its bytes and what it costs to remember it.
pub(crate) const fn cost(bytes: usize) -> usize {
    bytes + 64
}

impl Inbox {
    /// Adds an item; `false` if nobody will take it.
    pub(crate) fn item(&self, payload: &[u8]) -> bool {
        self.push(Entry::Item(payload.len()), payload)
    }

    /// Ends the stream.
    pub(crate) fn end(&self) {
        self.push(Entry::End, &[]);
    }

    /// Bytes that wait, see [`cost`].
    pub(crate) fn unread(&self) -> usize {
        self.unread.load(Ordering::SeqCst)
    }

    /// Notes how far the stream has been taken.
    pub(crate) fn mark(&self) {
        self.moved.store(false, Ordering::Relaxed);
    }

    /// Whether something waits, and nothing has been taken since the mark.
    pub(crate) fn is_stuck(&self) -> bool {
        self.unread() > 0 && !self.moved.load(Ordering::Relaxed)
    }

    pub(crate) fn wake(&self) {
        if let Some(procedure) = lock(&self.queue).procedure.take() {
            procedure.wake();
        }
    }

    fn push(&self, entry: Entry, payload: &[u8]) -> bool {
        let mut queue = lock(&self.queue);
        if queue.ended {
            return false;
        }
        queue.ended = matches!(entry, Entry::End);
        if !queue.ended {
            self.unread.fetch_add(cost(payload.len()), Ordering::SeqCst);
        }
        queue.batch.data.extend_from_slice(payload);
        queue.batch.entries.push_back(entry);
        if let Some(procedure) = queue.procedure.take() {
            drop(queue);
            procedure.wake();
        }
        true
    }

    /// Throws away what waits here and what is still to come; returns what it counted.
    fn close(&self) -> usize {
        let mut queue = lock(&self.queue);
        queue.ended = true;
        queue.batch = Batch::default();
        queue.procedure = None;
        self.unread.swap(0, Ordering::SeqCst)
    }

    fn poll_take(&self, into: &mut Batch, procedure: &Waker) -> Poll<Entry> {
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.batch, into);
        match into.entries.pop_front() {
            Some(entry) => Poll::Ready(entry),
            None => {
                queue.procedure = Some(procedure.clone());
                Poll::Pending
            }
        }
    }

    fn consumed(&self, length: usize) {
        self.unread.fetch_sub(cost(length), Ordering::SeqCst);
        self.moved.store(true, Ordering::Relaxed);
    }
}

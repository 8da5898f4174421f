use crate::{
    calling::Opened,
    state::lock,
    sync::{AtomicBool, Mutex, Ordering},
    weak,
};
use std::task::{Context, Poll, Waker};
use swill_proto::{CallId, Close, Code, Error, Metadata};

/// What waits to be written by a connection's task: said by procedures that run in tasks of their own.
///
/// Bounded in bytes: whoever has more to say waits until the socket has taken what is here. Payloads lie one after the
/// other in one buffer, so that an item costs no allocation.
pub(crate) struct Outbox {
    limit: usize,
    /// Whether there is an entry, for whoever looks without the lock.
    filled: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    said: Said,
    close: Option<Close>,
    gone: bool,
    /// Something happened while the connection did not listen.
    woken: bool,
    /// Somebody had to wait for room, which has not been told yet.
    full: bool,
    connection: Option<Waker>,
    /// Calls that wait for room.
    waiting: Vec<(CallId, Waker)>,
    /// Calls that have waited, and may now each push one entry whatever the others do: a stream that always has the next
    /// item would take all the room again and again.
    turns: Vec<CallId>,
}

/// Entries and their payloads, in order.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) entries: Vec<Entry>,
    pub(crate) payloads: Vec<u8>,
    /// What the entries weigh beside their payloads.
    weight: usize,
}

/// A frame whose payload lies in [`Said::payloads`]; its length is here.
pub(crate) enum Entry {
    /// A stream out is open, and has no item yet.
    Accepted {
        call: CallId,
    },
    Item {
        call: CallId,
        length: usize,
        leading: Option<Box<Metadata>>,
    },
    Metadata {
        call: CallId,
        metadata: Box<Metadata>,
    },
    End {
        call: CallId,
        last: Option<usize>,
        leading: Option<Box<Metadata>>,
        trailing: Option<Box<Metadata>>,
    },
    Fail {
        call: CallId,
        error: Error,
    },
    /// A call of this side. Without a length it has no parameters.
    Open {
        call: CallId,
        name: Box<str>,
        length: Option<usize>,
        reply: bool,
    },
    /// Calls of this side that go out together.
    Batch(Vec<Opened>),
}

impl Entry {
    pub(crate) fn call(&self) -> CallId {
        match self {
            Self::Accepted { call }
            | Self::Item { call, .. }
            | Self::Metadata { call, .. }
            | Self::End { call, .. }
            | Self::Fail { call, .. }
            | Self::Open { call, .. } => *call,
            Self::Batch(opened) => opened.first().map_or(CallId::ours(0), |opened| opened.call),
        }
    }

    /// About how many bytes it takes in memory, beside its payload.
    pub(crate) fn weight(&self) -> usize {
        let of = |metadata: &Option<Box<Metadata>>| metadata.as_ref().map_or(0, |it| it.weight());
        COST + match self {
            Self::Accepted { .. } => 0,
            Self::Item { leading, .. } => of(leading),
            Self::Metadata { metadata, .. } => metadata.weight(),
            Self::End { leading, trailing, .. } => of(leading) + of(trailing),
            Self::Fail { error, .. } => error.weight(),
            Self::Open { name, .. } => name.len(),
            Self::Batch(opened) => opened.len() * COST,
        }
    }
}

/// The connection is gone: nobody will write this.
#[derive(Debug)]
pub(crate) struct Gone;

/// What every entry counts beside its payload.
const COST: usize = 64;

/// Who says something finds that there is no room, and does not wait for it.
#[cold]
pub(crate) fn slow() -> Error {
    Error::new(Code::UNAVAILABLE, "the peer is slow: too much waits to be written to it")
}

impl Said {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, entry: Entry, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.weight += entry.weight();
        self.entries.push(entry);
    }

    /// Nothing is left in it: gives memory back that a connection does not usually need.
    pub(crate) fn forget_if_large(&mut self) {
        const LARGEST_KEPT: usize = 16 << 10;
        self.weight = 0;
        if self.payloads.capacity() + self.entries.capacity() * size_of::<Entry>() > LARGEST_KEPT {
            *self = Self::default();
        }
    }

    fn size(&self) -> usize {
        self.payloads.len() + self.weight
    }
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, filled: AtomicBool::new(false), inner: Mutex::default() }
    }

    /// Bytes of what waits here, see [`Entry::weight`].
    #[cfg(feature = "metrics")]
    pub(crate) fn bytes(&self) -> usize {
        lock(&self.inner).said.size()
    }

    /// Takes an entry and its payload as soon as there is room.
    pub(crate) fn poll_push(
        &self,
        task: &mut Context<'_>,
        entry: &mut Option<Entry>,
        payload: &[u8],
    ) -> Poll<Result<(), Gone>> {
        let mut inner = lock(&self.inner);
        if inner.gone {
            return Poll::Ready(Err(Gone));
        }
        let Some(call) = entry.as_ref().map(Entry::call) else { return Poll::Ready(Ok(())) };
        let turn = inner.turns.iter().position(|it| *it == call);
        if turn.is_none() && inner.said.size() >= self.limit {
            match inner.waiting.iter_mut().find(|(it, _)| *it == call) {
                Some((_, waker)) => waker.clone_from(task.waker()),
                None => {
                    inner.waiting.push((call, task.waker().clone()));
                    inner.full = true;
                }
            }
            return Poll::Pending;
        }
        if let Some(turn) = turn {
            inner.turns.swap_remove(turn);
        }
        if let Some(entry) = entry.take() {
            inner.said.push(entry, payload);
            self.filled.store(true, Ordering::Relaxed);
        }
        let connection = inner.connection.take();
        drop(inner);
        if let Some(connection) = connection {
            connection.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Forgets that a call waits for room.
    pub(crate) fn give_up(&self, call: CallId) {
        let mut inner = lock(&self.inner);
        inner.waiting.retain(|(waiting, _)| *waiting != call);
        inner.turns.retain(|turn| *turn != call);
    }

    /// How many calls and notifications of this side wait for room.
    pub(crate) fn waiting_of_ours(&self) -> usize {
        lock(&self.inner).waiting.iter().filter(|(call, _)| call.is_ours()).count()
    }

    /// Takes an entry and its payload if there is room.
    pub(crate) fn try_push(&self, entry: Entry, payload: &[u8]) -> Result<(), Error> {
        let mut inner = lock(&self.inner);
        if inner.gone {
            return Err(Error::cancelled(swill_proto::CancelReason::Disconnect));
        }
        if inner.said.size() >= self.limit && !weak::is_off("notifications") {
            inner.full = true;
            return Err(slow());
        }
        inner.said.push(entry, payload);
        self.filled.store(true, Ordering::Relaxed);
        let connection = inner.connection.take();
        drop(inner);
        if let Some(connection) = connection {
            connection.wake();
        }
        Ok(())
    }

    /// Whether something waits to be written. What this very thread has pushed is always seen; of others, it may be a
    /// little late.
    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Relaxed)
    }

    /// Bytes that wait here. What this very thread has pushed is always counted; of others, it may be a little late.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        if self.is_filled() { lock(&self.inner).said.size() } else { 0 }
    }

    /// Takes everything that waits, in exchange for an empty [`Said`] whose memory is used again. Whether somebody had to
    /// wait for room since the last time.
    pub(crate) fn take(&self, said: &mut Said) -> bool {
        debug_assert!(said.is_empty());
        let mut inner = lock(&self.inner);
        if inner.said.is_empty() {
            return false;
        }
        let full = std::mem::take(&mut inner.full);
        std::mem::swap(&mut inner.said, said);
        self.filled.store(false, Ordering::Relaxed);
        let waiting = std::mem::take(&mut inner.waiting);
        for (call, _) in &waiting {
            if !inner.turns.contains(call) {
                inner.turns.push(*call);
            }
        }
        drop(inner);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
        full
    }

    /// Says who is to be woken by the next push, and tells whether there is something to look after already: something
    /// has been pushed, the connection is to be closed, or [`wake`](Self::wake) was called since the last time.
    pub(crate) fn listen(&self, connection: &Waker) -> bool {
        let mut inner = lock(&self.inner);
        match &mut inner.connection {
            Some(old) if old.will_wake(connection) => {}
            other => *other = Some(connection.clone()),
        }
        let woken = std::mem::take(&mut inner.woken);
        woken || !inner.said.is_empty() || inner.close.is_some()
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        let mut inner = lock(&self.inner);
        inner.woken = true;
        let connection = inner.connection.take();
        drop(inner);
        if let Some(connection) = connection {
            connection.wake();
        }
    }

    /// Asks for the connection to be closed, once what was said before has been written.
    pub(crate) fn close(&self, close: Close) {
        let mut inner = lock(&self.inner);
        if !inner.gone {
            inner.close.get_or_insert(close);
        }
        let connection = inner.connection.take();
        drop(inner);
        if let Some(connection) = connection {
            connection.wake();
        }
    }

    /// The wish to close, if there is one.
    pub(crate) fn take_close(&self) -> Option<Close> {
        lock(&self.inner).close.take()
    }

    /// Whether the connection is over.
    pub(crate) fn is_gone(&self) -> bool {
        lock(&self.inner).gone
    }

    /// Nothing more will be written: whoever waits for room is told.
    pub(crate) fn shut(&self) {
        let mut inner = lock(&self.inner);
        inner.gone = true;
        inner.close = None;
        inner.said = Said::default();
        self.filled.store(false, Ordering::Relaxed);
        inner.turns = Vec::new();
        // A task that is over keeps its memory as long as it can be woken, and handles of peers can be kept for long.
        inner.connection = None;
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_waited_has_a_turn() {
        let outbox = Outbox::new(1000);
        let mut task = Context::from_waker(Waker::noop());
        let mut push = |call| {
            let mut entry = Some(Entry::Item { call: CallId::theirs(call), length: 500, leading: None });
            outbox.poll_push(&mut task, &mut entry, &[0; 500]).is_ready()
        };
        assert_eq!([push(1), push(1), push(1), push(2), push(2)], [true, true, false, false, false]);
        for _ in 0..3 {
            outbox.take(&mut Said::default());
            // The first fills everything again, and yet the second has its turn, once.
            assert_eq!([push(1), push(1), push(1), push(2), push(2)], [true, true, false, true, false]);
        }
    }

    #[test]
    fn errors_and_metadata_take_room_as_payloads_do() {
        let call = CallId::theirs(1);
        let text = "x".repeat(1000);
        let metadata = || Some(Box::new(Metadata::from([("key", text.as_str())])));
        for entry in [
            Entry::Fail { call, error: Error::new(Code::CONFLICT, text.clone()) },
            Entry::Fail { call, error: Error::new(Code::CONFLICT, "").with_data(&text) },
            Entry::Item { call, length: 0, leading: metadata() },
            Entry::End { call, last: None, leading: None, trailing: metadata() },
        ] {
            let outbox = Outbox::new(1000);
            let mut task = Context::from_waker(Waker::noop());
            assert!(outbox.poll_push(&mut task, &mut Some(entry), &[]).is_ready());
            let mut next =
                || outbox.poll_push(&mut task, &mut Some(Entry::Accepted { call }), &[]).is_ready();
            assert!(!next());
            let mut said = Said::default();
            outbox.take(&mut said);
            said.entries.clear();
            said.forget_if_large();
            assert!(next());
            outbox.take(&mut said);
            assert_eq!(said.size(), COST, "nothing is left of what was there before");
        }
    }

    #[test]
    fn nobody_is_kept_who_has_nothing_more_to_write() {
        struct Task;
        impl std::task::Wake for Task {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        let task = std::sync::Arc::new(Task);
        let outbox = Outbox::new(100);
        outbox.listen(&Waker::from(std::sync::Arc::clone(&task)));
        outbox.shut();
        assert_eq!(std::sync::Arc::strong_count(&task), 1);
    }

    #[test]
    fn a_wake_between_two_listens_is_not_lost() {
        let outbox = Outbox::new(100);
        assert!(!outbox.listen(Waker::noop()));
        outbox.wake();
        assert!(outbox.listen(Waker::noop()), "the connection may have looked before the first");
        outbox.wake();
        outbox.wake();
        assert!(outbox.listen(Waker::noop()));
        assert!(!outbox.listen(Waker::noop()), "nothing has happened since");
    }
}

use crate::{
    call::Call,
    fault,
    sync::{AtomicBool, Instant, Mutex, MutexGuard, Ordering, oneshot, timeout_at},
};
use rustc_hash::FxHashSet;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    task::Waker,
};
use swill_proto::{CallId, Close, Metadata, Result, Shape};

/// What callers have said and the connection's task has not taken.
///
/// Bounded in bytes and in calls: whoever has more to say waits for room. Payloads lie one after the other in one buffer,
/// so that nothing is allocated for them. While there is no connection, everything waits here.
#[derive(Debug)]
pub(crate) struct Outbox {
    limit: usize,
    calls: usize,
    inner: Mutex<Inner>,
    /// There is a wish to close.
    closing: AtomicBool,
}

/// What opens calls waits for others to end, everything else for room only: items have to pass calls that wait, for the
/// streams they belong to may be what these wait for.
const LINES: usize = 2;

#[derive(Debug, Default)]
struct Inner {
    said: Said,
    /// Calls in flight or on their way.
    open: usize,
    /// What there was no room for, in order. Nothing passes it.
    lines: [VecDeque<Waiting>; LINES],
    /// How much has ever waited.
    waited: u64,
    close: Option<Close>,
    gone: Option<Close>,
    driver: Option<Waker>,
}

/// Something that waits for room. It is let in by whoever makes room, also while its caller does something else: a caller
/// that is not polled holds up nobody.
#[derive(Debug)]
struct Waiting {
    number: u64,
    entry: Entry,
    bytes: Vec<u8>,
    caller: oneshot::Sender<Result<()>>,
}

/// Callers to be told, once nothing is locked any more.
type Told = Vec<oneshot::Sender<Result<()>>>;

/// Entries and their bytes, in order.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: Vec<u8>,
}

/// One thing that was said. Its bytes lie in [`Said::bytes`].
#[derive(Debug)]
pub(crate) enum Entry {
    Open(Opening),
    /// Calls that go out together, all of the same deadline. Their bytes follow each other.
    Batch(Vec<Opening>),
    Item {
        call: CallId,
        length: usize,
    },
    End {
        call: CallId,
    },
    Cancel {
        call: CallId,
    },
}

/// The beginning of a call. Its bytes are its name and its payload.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) call: Arc<Call>,
    pub(crate) shape: Shape,
    pub(crate) name: usize,
    /// `None` if the stream begins without an item.
    pub(crate) payload: Option<usize>,
    pub(crate) metadata: Option<Box<Metadata>>,
    pub(crate) deadline: Option<Instant>,
    /// The deadline ends when the call is sent.
    pub(crate) until_sent: bool,
    pub(crate) idempotent: bool,
    /// It was sent over a connection that has ended, and may have been executed.
    pub(crate) tried: bool,
    /// Whether there will be an answer. Without one it is not in flight.
    pub(crate) reply: bool,
}

impl Opening {
    /// How many bytes belong to it.
    #[inline]
    pub(crate) fn length(&self) -> usize {
        self.name + self.payload.unwrap_or(0)
    }
}

/// What [`Outbox::tidy`] found.
#[derive(Debug, Default)]
pub(crate) struct Tidied {
    pub(crate) expired: Vec<Arc<Call>>,
    /// When the next call expires.
    pub(crate) next: Option<Instant>,
}

/// What an entry counts beside its bytes.
const COST: usize = 64;

impl Entry {
    /// The calls that it opens.
    pub(crate) fn openings(&self) -> &[Opening] {
        match self {
            Self::Open(opening) => std::slice::from_ref(opening),
            Self::Batch(openings) => openings,
            Self::Item { .. } | Self::End { .. } | Self::Cancel { .. } => &[],
        }
    }

    /// How many calls are in flight because of it.
    #[inline]
    fn opens(&self) -> usize {
        match self {
            Self::Open(opening) => usize::from(opening.reply),
            Self::Batch(openings) => openings.iter().filter(|opening| opening.reply).count(),
            Self::Item { .. } | Self::End { .. } | Self::Cancel { .. } => 0,
        }
    }

    /// How many bytes belong to it.
    #[inline]
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Open(opening) => opening.length(),
            Self::Batch(openings) => openings.iter().map(Opening::length).sum(),
            Self::Item { length, .. } => *length,
            Self::End { .. } | Self::Cancel { .. } => 0,
        }
    }
}

impl Said {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, entry: Entry, parts: &[&[u8]]) {
        debug_assert_eq!(entry.length(), parts.iter().map(|part| part.len()).sum::<usize>());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.entries.push(entry);
    }

    /// Forgets everything; keeps memory that a connection usually needs.
    pub(crate) fn clear(&mut self) {
        const LARGEST_KEPT: usize = 128 << 10;
        if self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>() > LARGEST_KEPT {
            *self = Self::default();
        }
        self.entries.clear();
        self.bytes.clear();
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * COST
    }

    /// Hands every entry with its bytes to `each`, and leaves nothing behind.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Entry, &[u8])) {
        let mut at = 0;
        for entry in self.entries.drain(..) {
            let end = at + entry.length();
            each(entry, self.bytes.get(at..end).unwrap_or_default());
            at = end;
        }
        self.bytes.clear();
    }
}

impl Outbox {
    pub(crate) fn new(limit: usize, calls: usize) -> Self {
        Self { limit, calls, inner: Mutex::default(), closing: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // What callers do.

    /// Takes an entry as soon as there is room. What has waited longest is next.
    ///
    /// Dropped halfway, or after its deadline, it may have been taken: whoever opens a call has to cancel it then.
    pub(crate) async fn push(&self, entry: Entry, parts: &[&[u8]], deadline: Option<Instant>) -> Result<()> {
        let Some(mut place) = self.say(entry, parts)? else { return Ok(()) };
        let told =
            async { (&mut place.told).await.unwrap_or_else(|_| Err(fault::closed(&Close::new(1000, "")))) };
        match deadline {
            None => told.await,
            Some(at) => timeout_at(at, told).await.unwrap_or_else(|_| Err(fault::deadline())),
        }
    }

    /// Takes an entry, or lets it wait.
    fn say(&self, entry: Entry, parts: &[&[u8]]) -> Result<Option<Place<'_>>> {
        let mut inner = self.lock();
        if let Some(close) = inner.gone.as_ref().or(inner.close.as_ref()) {
            return Err(fault::closed(close));
        }
        let opens = entry.opens();
        let line = usize::from(opens > 0);
        if self.has_room(&inner, opens) && inner.lines[line].is_empty() {
            inner.open += opens;
            inner.said.push(entry, parts);
            wake(inner);
            return Ok(None);
        }
        let number = inner.waited;
        inner.waited += 1;
        let (caller, told) = oneshot::channel();
        inner.lines[line].push_back(Waiting { number, entry, bytes: parts.concat(), caller });
        Ok(Some(Place { outbox: self, line, number, told }))
    }

    fn has_room(&self, inner: &Inner, opens: usize) -> bool {
        inner.said.size() < self.limit && (opens == 0 || inner.open + opens <= self.calls)
    }

    /// Lets in what waits, as much as there is room for.
    fn admit(&self, inner: &mut Inner) -> Told {
        let mut told = Told::new();
        while let Some(line) = self.next(inner)
            && let Some(first) = inner.lines[line].pop_front()
        {
            inner.open += first.entry.opens();
            inner.said.push(first.entry, &[&first.bytes]);
            told.push(first.caller);
        }
        told
    }

    /// The line whose first is let in next: who has waited longest, of those that there is room for. Items that keep
    /// coming would leave none for calls otherwise.
    fn next(&self, inner: &Inner) -> Option<usize> {
        let firsts = inner.lines.iter().enumerate().filter_map(|(line, all)| Some((line, all.front()?)));
        let with_room = firsts.filter(|(_, first)| self.has_room(inner, first.entry.opens()));
        with_room.min_by_key(|(_, first)| first.number).map(|(line, _)| line)
    }

    /// There is room, perhaps: lets in what waits, and wakes whoever has to know.
    fn made_room(&self, mut inner: MutexGuard<'_, Inner>) {
        if inner.lines.iter().all(VecDeque::is_empty) {
            return;
        }
        let told = self.admit(&mut inner);
        match told.is_empty() {
            true => drop(inner),
            false => wake(inner),
        }
        for caller in told {
            // One that has gone away meanwhile cancels what it has said.
            let _ = caller.send(Ok(()));
        }
    }

    /// Says that a call is cancelled. There is always room for that: a call is cancelled once.
    pub(crate) fn cancel(&self, call: CallId) {
        let mut inner = self.lock();
        if inner.gone.is_none() {
            inner.said.push(Entry::Cancel { call }, &[]);
            wake(inner);
        }
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        wake(self.lock());
    }

    /// Asks for the connection to be closed, once what was said before has been written.
    pub(crate) fn close(&self, close: Close) {
        let mut inner = self.lock();
        let close = inner.close.get_or_insert(close).clone();
        let waiting = std::mem::take(&mut inner.lines);
        self.closing.store(true, Ordering::SeqCst);
        wake(inner);
        turn_away(waiting, &close);
    }

    // What the connection's task does.

    /// Takes everything, in exchange for an empty [`Said`] whose memory is used again.
    pub(crate) fn take(&self, said: &mut Said) {
        debug_assert!(said.is_empty());
        let mut inner = self.lock();
        std::mem::swap(&mut inner.said, said);
        self.made_room(inner);
    }

    /// Says who is to be woken, and tells whether there is something to take.
    pub(crate) fn listen(&self, driver: &Waker) -> bool {
        let mut inner = self.lock();
        match &mut inner.driver {
            Some(old) if old.will_wake(driver) => {}
            other => *other = Some(driver.clone()),
        }
        !inner.said.is_empty()
    }

    /// So many calls are in flight no more.
    pub(crate) fn ended(&self, calls: usize) {
        if calls > 0 {
            let mut inner = self.lock();
            inner.open = inner.open.saturating_sub(calls);
            self.made_room(inner);
        }
    }

    /// Whether there is a wish to close.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// The wish to close, if there is one.
    pub(crate) fn wish(&self) -> Option<Close> {
        if !self.is_closing() {
            return None;
        }
        self.lock().close.clone()
    }

    /// Puts entries before all others. They have been let in before, so there is room.
    pub(crate) fn put_back(&self, mut first: Said) {
        let mut inner = self.lock();
        std::mem::take(&mut inner.said).drain(|entry, bytes| first.push(entry, &[bytes]));
        inner.said = first;
    }

    /// While there is no connection: throws out what belongs to calls that are over or whose time is up.
    pub(crate) fn tidy(&self, now: Instant) -> Tidied {
        let mut tidied = Tidied::default();
        let mut inner = self.lock();
        let before = inner.said.entries.len();
        let mut kept = Said::default();
        let mut alive = FxHashSet::default();
        let mut dead = 0;
        std::mem::take(&mut inner.said).drain(|entry, bytes| {
            match &entry {
                Entry::Open(_) | Entry::Batch(_) => {
                    let openings = entry.openings();
                    let over = openings.iter().all(|opening| opening.call.is_over());
                    let expired = |opening: &Opening| opening.deadline.is_some_and(|at| at <= now);
                    if over || openings.iter().any(expired) {
                        tidied.expired.extend(openings.iter().map(|opening| opening.call.clone()));
                        dead += entry.opens();
                        return;
                    }
                    alive.extend(openings.iter().map(|opening| opening.call.id));
                    let deadlines = openings.iter().filter_map(|opening| opening.deadline);
                    tidied.next = tidied.next.into_iter().chain(deadlines).min();
                }
                // No call has been sent on this connection, for there is none.
                Entry::Cancel { .. } => return,
                Entry::Item { call, .. } | Entry::End { call } if !alive.contains(call) => return,
                Entry::Item { .. } | Entry::End { .. } => {}
            }
            kept.push(entry, &[bytes]);
        });
        inner.said = kept;
        inner.open = inner.open.saturating_sub(dead);
        if inner.said.entries.len() < before {
            self.made_room(inner);
        }
        tidied
    }

    /// There will be no connection any more. Returns the calls that were waiting, and whether they were tried before.
    pub(crate) fn shut(&self, close: &Close) -> Vec<(Arc<Call>, bool)> {
        let mut inner = self.lock();
        inner.gone.get_or_insert_with(|| close.clone());
        let mut calls = Vec::new();
        std::mem::take(&mut inner.said).drain(|entry, _| {
            calls.extend(entry.openings().iter().map(|opening| (opening.call.clone(), opening.tried)));
        });
        let waiting = std::mem::take(&mut inner.lines);
        inner.driver = None;
        drop(inner);
        turn_away(waiting, close);
        calls
    }
}

/// Tells callers that what they have to say will not be heard.
fn turn_away(lines: [VecDeque<Waiting>; LINES], close: &Close) {
    for waiting in lines.into_iter().flatten() {
        // One that has gone away does not care.
        let _ = waiting.caller.send(Err(fault::closed(close)));
    }
}

/// Somebody who waits in a line.
struct Place<'o> {
    outbox: &'o Outbox,
    line: usize,
    number: u64,
    told: oneshot::Receiver<Result<()>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut inner = self.outbox.lock();
        let line = &mut inner.lines[self.line];
        let Ok(at) = line.binary_search_by_key(&self.number, |waiting| waiting.number) else { return };
        let left = line.remove(at);
        // There may be room for the next one, which may be smaller.
        self.outbox.made_room(inner);
        drop(left);
    }
}

fn wake(mut inner: MutexGuard<'_, Inner>) {
    let driver = inner.driver.take();
    drop(inner);
    if let Some(driver) = driver {
        driver.wake();
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;

use super::{answers::Place, id::Id};
use crate::{CallId, swill1::keys::OwnKeys};
use std::collections::{HashMap, hash_map::Entry};

/// A request of the peer that has not been answered.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Id,
    /// Where its answer goes, if it came in a batch.
    pub(super) place: Option<Place>,
    pub(super) streams_out: bool,
    /// The peer knows that the stream is open.
    pub(super) accepted: bool,
    /// The peer does not want it any more.
    pub(super) cancelled: bool,
}

/// Tables for so many calls are kept when they are empty. A batch can make them much larger, for good.
const KEPT: usize = 56;

/// The requests of the peer that have not been answered.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The call that the last message opened. Most are answered before the next message and never reach the tables.
    current: Option<(CallId, Call)>,
    waiting: HashMap<CallId, Call, OwnKeys>,
    /// The calls by what the peer calls them, to be cancelled. Its keys are the peer's choice, hence a hasher with random
    /// keys.
    requests: HashMap<Id, CallId>,
}

impl Calls {
    /// Takes the call that a message by itself has opened, after [`settle`](Self::settle).
    #[inline]
    pub(super) fn open(&mut self, id: CallId, call: Call) {
        self.current = Some((id, call));
    }

    /// Takes a call that may not be the last one of its message.
    pub(super) fn keep(&mut self, id: CallId, call: Call) {
        // Of two calls with the same id, the later one is found by it.
        self.requests.insert(call.id.clone(), id);
        self.waiting.insert(id, call);
    }

    /// Moves the call of the last message into the tables: it was not answered at once.
    #[inline]
    pub(super) fn settle(&mut self) {
        if let Some((id, call)) = self.current.take() {
            self.keep(id, call);
        }
    }

    /// Takes a call out.
    #[inline]
    pub(super) fn finish(&mut self, id: CallId) -> Option<Call> {
        match self.current.take_if(|(current, _)| *current == id) {
            Some((_, call)) => {
                if !self.requests.is_empty() {
                    self.hide(&call.id);
                }
                Some(call)
            }
            None => self.remove(id),
        }
    }

    /// The latest call with this id is over: the others cannot be meant any more, whether it has reached the tables or not.
    #[inline(never)]
    fn hide(&mut self, id: &Id) {
        self.requests.remove(id);
    }

    #[inline(never)]
    fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.waiting.remove(&id)?;
        if let Entry::Occupied(entry) = self.requests.entry(call.id.clone())
            && *entry.get() == id
        {
            entry.remove();
        }
        if self.waiting.is_empty() {
            // Capacities do not tell how large tables are: places that were left behind may not count.
            self.waiting.shrink_to(KEPT);
            self.requests.shrink_to(KEPT);
        }
        Some(call)
    }

    /// The call with this id.
    pub(super) fn find(&mut self, id: CallId) -> Option<&mut Call> {
        match &mut self.current {
            Some((current, call)) if *current == id => Some(call),
            _ => self.waiting.get_mut(&id),
        }
    }

    /// The call that the peer means by its id, the latest one of several; only after [`settle`](Self::settle).
    pub(super) fn named(&self, id: &[u8]) -> Option<CallId> {
        self.requests.get(id).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &[u8]) -> Call {
        Call { id: Id::new(id), place: None, streams_out: false, accepted: false, cancelled: false }
    }

    fn keep(calls: &mut Calls, number: u64) {
        calls.keep(CallId::theirs(number), call(number.to_string().as_bytes()));
    }

    #[test]
    fn of_calls_with_one_id_none_is_meant_when_the_latest_is_over() {
        for waits in [false, true] {
            let mut calls = Calls::default();
            let [first, latest] = [1, 2].map(CallId::theirs);
            calls.open(first, call(b"7"));
            calls.settle();
            assert_eq!(calls.named(b"7"), Some(first));
            calls.open(latest, call(b"7"));
            if waits {
                // Another message has come meanwhile.
                calls.settle();
            }
            assert!(calls.finish(latest).is_some());
            assert_eq!(calls.named(b"7"), None, "whether the latest had to wait: {waits}");
            assert!(calls.finish(first).is_some());
            assert_eq!((calls.len(), calls.requests.len()), (0, 0));
        }
    }

    #[test]
    fn calls_that_are_over_keep_little_memory() {
        // The last of so many fits into tables of the next size.
        for count in [KEPT, KEPT + 1, 2 * KEPT, 2 * KEPT + 1, 4 * KEPT, 1024, 32 * KEPT] {
            let mut calls = Calls::default();
            for _ in 0..3 {
                (0..count as u64).for_each(|number| keep(&mut calls, number));
                assert!((0..count as u64).all(|number| calls.finish(CallId::theirs(number)).is_some()));
                assert_eq!((calls.len(), calls.requests.len()), (0, 0));
            }
            // A table that was cleared tells how large it is, unless it was empty.
            keep(&mut calls, 0);
            calls.waiting.clear();
            calls.requests.clear();
            let kept = (calls.waiting.capacity(), calls.requests.capacity());
            assert_eq!(kept, (KEPT, KEPT), "after {count} calls");
        }
    }
}

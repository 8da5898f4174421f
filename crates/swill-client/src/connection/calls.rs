use crate::{
    call::Call,
    outbox::{Entry, Opening, Said},
};
use rustc_hash::FxHashMap;
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc, time::Duration};
use swill_proto::CallId;
use tokio::time::Instant;

/// The calls that wait for something on this connection, and their deadlines.
#[derive(Default)]
pub(super) struct Calls {
    open: FxHashMap<CallId, Waiting>,
    /// Deadlines, also of calls that are over: those are passed over, and thrown out when they are too many.
    deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
}

/// One of them.
pub(super) struct Waiting {
    pub(super) call: Arc<Call>,
    deadline: Option<Instant>,
    until_first: bool,
    /// How to send it again, if that does no harm.
    again: Option<Box<(Opening, Vec<u8>)>>,
}

impl Calls {
    pub(super) fn insert(&mut self, opening: &Opening, bytes: &[u8]) {
        let id = opening.call.id;
        let deadline = opening.deadline.filter(|_| !opening.until_sent);
        if let Some(at) = deadline {
            if self.deadlines.len() > 64 + 2 * self.open.len() {
                let open = &self.open;
                self.deadlines.retain(|Reverse((_, number))| open.contains_key(&CallId::ours(*number)));
            }
            self.deadlines.push(Reverse((at, id.number())));
        }
        let again = opening.idempotent.then(|| Box::new((opening.clone(), bytes.to_vec())));
        let call = opening.call.clone();
        self.open.insert(id, Waiting { call, deadline, until_first: opening.shape.streams_out, again });
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Arc<Call>> {
        self.open.get(&id).map(|waiting| &waiting.call)
    }

    /// Something has come for a call that goes on.
    pub(super) fn heard(&mut self, id: CallId, item: bool) -> Option<&Arc<Call>> {
        let waiting = self.open.get_mut(&id)?;
        if waiting.until_first {
            waiting.deadline = None;
            if let Some(again) = &mut waiting.again {
                again.0.deadline = None;
            }
        }
        if item {
            waiting.again = None;
        }
        Some(&waiting.call)
    }

    /// Whether a call would be sent again if the connection ended now.
    pub(super) fn is_for_again(&self, id: CallId) -> bool {
        self.open.get(&id).is_some_and(|waiting| waiting.again.is_some())
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Arc<Call>> {
        self.open.remove(&id).map(|waiting| waiting.call)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Call>> {
        self.open.values().map(|waiting| &waiting.call)
    }

    /// When the next deadline passes, at the earliest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((at, _))| *at)
    }

    /// A call whose deadline has passed.
    pub(super) fn expired(&mut self, now: Instant) -> Option<CallId> {
        while let Some(Reverse((at, number))) = self.deadlines.peek().copied() {
            if at > now {
                return None;
            }
            self.deadlines.pop();
            let id = CallId::ours(number);
            if self.open.get(&id).is_some_and(|waiting| waiting.deadline == Some(at)) {
                return Some(id);
            }
        }
        None
    }

    /// Takes out the calls that may be sent again, in their order. Deadlines for being sent start anew.
    pub(super) fn take_again(&mut self, within: Option<Duration>) -> Said {
        let mut ids: Vec<_> =
            self.open.iter().filter(|(_, waiting)| waiting.again.is_some()).map(|(id, _)| *id).collect();
        ids.sort_unstable_by_key(|id| id.number());
        let mut said = Said::default();
        for id in ids {
            if let Some(again) = self.open.remove(&id).and_then(|waiting| waiting.again) {
                let (mut opening, bytes) = *again;
                opening.tried = true;
                if opening.until_sent {
                    opening.deadline = within.and_then(|within| Instant::now().checked_add(within));
                }
                said.push(Entry::Open(opening), &[&bytes]);
            }
        }
        said
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Arc<Call>> {
        self.deadlines.clear();
        self.open.drain().map(|(_, waiting)| waiting.call)
    }
}

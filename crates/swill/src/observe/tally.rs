//! What a connection counts by itself, to add it up with the others' once in a while.

use super::{Outcome, Spoken};
use std::{mem, sync::Arc, time::Duration};
use swill_proto::{Code, ProcedureId};
use tokio::time::Instant;

/// What a connection has counted since it was last added up: each time that its task has run.
///
/// Most calls are answered at once and call what was called before. For those, counting is one comparison and one
/// addition; the clock is read once for all that a task has answered while it ran, so they are said to have taken as long
/// as each other: from the read that brought the first until the last answer was ready.
#[derive(Debug)]
pub(crate) struct Tally {
    spoken: Arc<Spoken>,
    /// What ended like the last call did.
    last: Alike,
    /// Others of this turn.
    others: [Alike; OTHERS],
    received: (u64, u64),
    sent: (u64, u64),
    closed: Option<u16>,
}

/// So many kinds of calls are told apart before they are added up.
const OTHERS: usize = 3;

/// Calls of one procedure that ended with one outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Alike {
    /// `procedure << 8 | outcome`
    key: u64,
    calls: u64,
}

impl Tally {
    pub(crate) fn new(spoken: &Arc<Spoken>) -> Box<Self> {
        spoken.connections.open.add(1);
        spoken.connections.opened.add(1);
        Box::new(Self {
            spoken: Arc::clone(spoken),
            last: Alike::default(),
            others: [Alike::default(); OTHERS],
            received: (0, 0),
            sent: (0, 0),
            closed: None,
        })
    }

    /// A call was answered at once, or refused.
    #[inline(always)]
    pub(crate) fn call(&mut self, procedure: ProcedureId, outcome: Outcome, since: Instant) {
        let key = u64::from(procedure.0) << 8 | u64::from(outcome.0);
        if self.last.key != key {
            self.other(key, since);
        }
        self.last.calls += 1;
    }

    /// Calls of procedures that there are not.
    #[cold]
    pub(crate) fn unknown(&mut self, calls: u64, since: Instant) {
        self.call(ProcedureId(u32::MAX), Outcome::of_code(Code::NOT_FOUND), since);
        self.last.calls += calls - 1;
    }

    /// Another kind of call becomes the last one.
    #[inline(never)]
    fn other(&mut self, key: u64, since: Instant) {
        if self.last.calls == 0 {
            self.last.key = key;
            return;
        }
        let known = self.others.iter().position(|it| it.calls > 0 && it.key == key);
        let free = || self.others.iter().position(|it| it.calls == 0);
        match (known, free()) {
            (Some(at), _) => mem::swap(&mut self.last, &mut self.others[at]),
            (None, Some(at)) => self.others[at] = mem::replace(&mut self.last, Alike { key, calls: 0 }),
            (None, None) => {
                self.add_up(since);
                self.last = Alike { key, calls: 0 };
            }
        }
    }

    #[inline]
    pub(crate) fn received(&mut self, bytes: usize, messages: u32) {
        self.received.0 += bytes as u64;
        self.received.1 += u64::from(messages);
    }

    #[inline]
    pub(crate) fn sent(&mut self, bytes: usize, messages: u32) {
        self.sent.0 += bytes as u64;
        self.sent.1 += u64::from(messages);
    }

    /// The connection ends with this code.
    pub(crate) fn closed(&mut self, code: u16) {
        self.closed.get_or_insert(code);
    }

    /// Adds everything up; `since` is when the task began to run.
    #[inline]
    pub(crate) fn add_up(&mut self, since: Instant) {
        let (received, sent) = (mem::take(&mut self.received), mem::take(&mut self.sent));
        self.spoken.registry.traffic.add(received, sent);
        if self.last.calls == 0 {
            return;
        }
        let took = Instant::now().saturating_duration_since(since);
        self.add(took);
    }

    fn add(&mut self, took: Duration) {
        for alike in [&mut self.last].into_iter().chain(&mut self.others) {
            let calls = mem::take(&mut alike.calls);
            if calls > 0 {
                let (procedure, outcome) = (ProcedureId((alike.key >> 8) as u32), Outcome(alike.key as u8));
                self.spoken.calls(procedure, calls, outcome, took);
            }
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.spoken.registry.traffic.add(self.received, self.sent);
        self.add(Duration::ZERO);
        self.spoken.connections.open.add(-1);
        self.spoken.connections.closed.add(i64::from(self.closed.unwrap_or(1006)));
    }
}

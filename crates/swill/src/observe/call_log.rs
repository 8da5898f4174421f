//! The log of calls: one event for each that has ended.

use super::span::Beginning;
use crate::{peer::Shared, service::Service, state::CallState};
use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use swill_proto::{Code, Directory, Found, ProcedureId, Routed};

/// Bytes of the longest name that a procedure can have.
const LONGEST_NAME: usize = 255;

/// A call that will be logged.
pub(super) struct Logged {
    since: Instant,
    received: usize,
}

impl Logged {
    /// `None` if nobody listens.
    pub(super) fn begin(call: &Beginning<'_>) -> Option<Self> {
        let heard = tracing::event_enabled!(target: "swill::call", tracing::Level::INFO);
        heard.then(|| Self { since: Instant::now(), received: call.received })
    }

    pub(super) fn end(
        &self,
        shared: &Shared,
        procedure: ProcedureId,
        code: i64,
        state: Option<&Arc<CallState>>,
        answer: usize,
    ) {
        let items = |of: fn(&CallState) -> usize| state.map_or(0, |state| of(state));
        let received = self.received + items(|state| state.received.load(Ordering::Relaxed));
        let sent = answer + items(|state| state.sent.load(Ordering::Relaxed));
        write(shared, shared.service.name(procedure), code, self.since, received, sent);
    }
}

fn write(shared: &Shared, procedure: &str, code: i64, since: Instant, received: usize, sent: usize) {
    let duration_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(
        target: "swill::call",
        procedure,
        protocol = shared.capabilities.name,
        peer = shared.id,
        code,
        duration_us,
        received,
        sent,
        "a call has ended"
    );
}

/// A service that notes what is looked for in vain: a protocol answers calls of procedures that there are not by itself,
/// and they are counted and logged, too.
pub(crate) struct Unknown<'s> {
    service: &'s Service,
    count: Cell<u64>,
    /// `None` if calls are not logged: then this has to cost next to nothing.
    names: Option<Box<Names>>,
}

/// What was looked for in vain.
struct Names {
    since: Instant,
    names: RefCell<Vec<String>>,
}

impl<'s> Unknown<'s> {
    #[inline]
    pub(crate) fn new(service: &'s Service) -> Self {
        let names = || Box::new(Names { since: Instant::now(), names: RefCell::default() });
        Self { service, count: Cell::new(0), names: service.log_calls.then(names) }
    }

    /// Logs what was looked for in vain; how much it was.
    #[inline]
    pub(crate) fn noted(self, shared: &Shared) -> u64 {
        if let Some(names) = self.names {
            let Names { since, names } = *names;
            for name in names.into_inner() {
                write(shared, &name, Code::NOT_FOUND.0, since, 0, 0);
            }
        }
        self.count.get()
    }

    /// What a peer made up is no longer in the log than a name can be.
    #[cold]
    fn note(&self, name: &str) {
        self.count.set(self.count.get() + 1);
        if let Some(Names { names, .. }) = self.names.as_deref() {
            names.borrow_mut().push(name[..name.floor_char_boundary(LONGEST_NAME)].to_owned());
        }
    }

    fn forget(&self) {
        self.count.set(0);
        if let Some(Names { names, .. }) = self.names.as_deref() {
            names.borrow_mut().clear();
        }
    }
}

impl Directory for Unknown<'_> {
    fn find(&self, name: &str) -> Option<Found> {
        let found = self.service.find(name);
        if found.is_none() {
            self.note(name);
        }
        found
    }

    fn route(&self, path: &str) -> Option<Routed> {
        let routed = self.service.route(path);
        // A path is looked for as a name first, and there is one in a message.
        self.forget();
        if routed.is_none() {
            self.note(path);
        }
        routed
    }

    fn parameters(&self, procedure: ProcedureId) -> Vec<&str> {
        self.service.parameters(procedure)
    }

    fn names(&self) -> Vec<&str> {
        Directory::names(self.service)
    }
}

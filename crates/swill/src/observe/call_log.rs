//! The log of calls: one event for each that has ended.

use super::span::Beginning;
use crate::{peer::Shared, service::Service, state::CallState};
use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use swill_proto::{Code, Directory, Found, ProcedureId, Routed};

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

/// A service whose protocol is watched: it answers calls of procedures that there are not by itself, and they are
/// logged, too.
pub(crate) struct Unknown<'s> {
    service: &'s Service,
    since: Instant,
    names: RefCell<Vec<String>>,
}

impl<'s> Unknown<'s> {
    pub(crate) fn new(service: &'s Service) -> Self {
        Self { service, since: Instant::now(), names: RefCell::default() }
    }

    /// Logs what was looked for in vain.
    pub(crate) fn log(self, shared: &Shared) {
        for name in self.names.into_inner() {
            write(shared, &name, Code::NOT_FOUND.0, self.since, 0, 0);
        }
    }
}

impl Directory for Unknown<'_> {
    fn find(&self, name: &str) -> Option<Found> {
        let found = self.service.find(name);
        if found.is_none() {
            self.names.borrow_mut().push(name.to_owned());
        }
        found
    }

    fn route(&self, path: &str) -> Option<Routed> {
        let routed = self.service.route(path);
        let mut names = self.names.borrow_mut();
        // A path is looked for as a name first.
        names.pop();
        if routed.is_none() {
            names.push(path.to_owned());
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

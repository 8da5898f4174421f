//! How a call that the peer makes begins.

use super::{calls::Driver, report, task::CallTask};
use crate::{
    Context,
    call::{self, Begun},
    hook,
    observe::{Beginning, Limit, Watch},
    procedure::Started,
    running::Running,
    service::Registered,
    weak,
};
use std::{sync::atomic::Ordering, time::Duration};
use swill_proto::{
    CallId, CancelReason, Close, Code, Directory, Error, Frame, Head, Payload, ProcedureId, Shape, Target,
};
use tokio::time::Instant;

/// A call that the peer wants to begin, whose procedure has been looked for.
struct Incoming<'m> {
    call: CallId,
    id: ProcedureId,
    registered: Option<&'m Registered>,
    shape: Shape,
    input: Option<Payload<'m>>,
    head: Head,
}

impl Driver<'_> {
    /// Looks whose call it is, and begins it. Whether somebody follows it is asked here alone: beginning a call is
    /// compiled twice, once without a trace of those who do.
    #[inline(always)]
    pub(super) fn open(
        &mut self,
        call: CallId,
        target: Target<'_>,
        shape: Shape,
        input: Option<Payload<'_>>,
        head: Head,
        task: &mut std::task::Context<'_>,
    ) -> Result<(), Close> {
        let service = &*self.peer.0.service;
        let (id, registered) = match target {
            Target::Known(id) => (id, service.get(id)),
            Target::Named(name) => {
                let found = service.find(&name);
                (found.map_or(ProcedureId(u32::MAX), |it| it.id), found.and_then(|it| service.get(it.id)))
            }
        };
        let logged = registered.map_or(service.log_calls, |it| it.logged);
        match Watch::is_wanted(logged) {
            false => self.begin(Incoming { call, id, registered, shape, input, head }, Watch::NOBODY, task),
            true => self.begin_watched(Incoming { call, id, registered, shape, input, head }, logged, task),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_watched(
        &mut self,
        opened: Incoming<'_>,
        logged: bool,
        task: &mut std::task::Context<'_>,
    ) -> Result<(), Close> {
        let beginning = Beginning {
            shared: &self.peer.0,
            call: opened.call,
            procedure: opened.id,
            metadata: opened.head.metadata.as_deref(),
            received: opened.input.as_ref().map_or(0, |input| input.bytes().len()),
        };
        let watch = Watch::begin(logged, &beginning);
        self.begin(opened, watch, task)
    }

    /// Begins a call: answers it if it is ready at once, else lets it go on by itself.
    #[inline(always)]
    fn begin(
        &mut self,
        opened: Incoming<'_>,
        watch: Watch,
        task: &mut std::task::Context<'_>,
    ) -> Result<(), Close> {
        let Incoming { call, id, registered, shape, input, head } = opened;
        let service = &*self.peer.0.service;
        let entered = watch.enter();
        let Some(Registered { procedure, hooks, .. }) = registered else {
            let error = Error::new(Code::NOT_FOUND, "there is no such procedure");
            return self.refuse(call, id, watch.watched(), error);
        };
        let running = self.peer.0.running.load(Ordering::Relaxed);
        if running >= service.limits.calls && self.is_full(running, service.limits.calls) {
            self.peer.0.exceeded(Limit::Calls);
            let error = Error::new(Code::TOO_MANY, "too many calls are in flight on this connection");
            return self.refuse(call, id, watch.watched(), error);
        }
        if self.leaving {
            // By this a client knows that another server may do it.
            let not_begun = std::collections::BTreeMap::from([("begun", false)]);
            let error = Error::cancelled(CancelReason::Shutdown).with_data(not_begun);
            return self.refuse(call, id, watch.watched(), error);
        }
        let capabilities = self.peer.0.capabilities;
        if !capabilities.carries(shape) {
            let message =
                format!("{} cannot carry a {shape}: call it over another protocol", capabilities.name);
            return self.refuse(call, id, watch.watched(), Error::new(Code::UNIMPLEMENTED, message));
        }
        let deadline = match (procedure.time_limit().or(service.limits.deadline), head.deadline) {
            (None, None) => None,
            (ours, theirs) => self.deadline(ours, theirs),
        };
        let mut cx = self.spare.take().unwrap_or_else(|| Box::new(Context::new(self.peer.clone())));
        cx.reset(call, id, head.metadata, deadline.map(Instant::into_std));

        let start = || match hooks {
            Some(hooks) => {
                let input = input.map(Payload::into_owned);
                Started::Running(Running::new(hook::run(cx, hooks.clone(), procedure.clone(), input)))
            }
            None => procedure.start(cx, input),
        };
        match call::begin(start, task) {
            Ok(Begun::Finished(finished)) => self.finish(finished, shape.streams_out, watch.watched()),
            Ok(Begun::Waiting(running)) => {
                drop(entered);
                let watch = watch.in_a_task();
                let waiting = CallTask::new(running, &self.peer.0, call, id, deadline, self.now, watch);
                tokio::spawn(waiting);
                if capabilities.serial {
                    self.serial.begin(call);
                }
                // Where hooks look, they may be what is waited for; then it is said when they have let the call pass.
                if shape.streams_out && hooks.is_none() {
                    self.send(Frame::Accepted { call })?;
                }
                if shape.streams_in {
                    self.pause_if_full(call);
                }
                Ok(())
            }
            Ok(Begun::Failed(cx, error)) => {
                self.keep(cx);
                self.refuse(call, id, watch.watched(), report(error, self.peer, id))
            }
            Err(panicked) => {
                self.peer.0.forget(call);
                self.hear_others()?;
                self.refuse(call, id, watch.watched(), report(Error::internal(panicked), self.peer, id))
            }
        }
    }

    /// Whether there is no place for another call. A peer that cancels a call and makes the next one is not made to wait for
    /// what it cannot see: cancelled calls that have not ended yet have places of their own, as many again.
    #[cold]
    fn is_full(&self, running: usize, limit: usize) -> bool {
        let cancelled = self.peer.0.cancelled_calls();
        let cancelled = if weak::is_off("cancelled-calls") { cancelled } else { cancelled.min(limit) };
        running >= limit.saturating_add(cancelled)
    }

    /// The earlier of two times, counted from now; one that lies beyond what a clock can say is none.
    #[cold]
    fn deadline(&self, ours: Option<Duration>, theirs: Option<Duration>) -> Option<Instant> {
        ours.into_iter().chain(theirs).min().and_then(|limit| self.now.checked_add(limit))
    }
}

//! From frames to procedures and back: the part of a connection that knows calls.

use super::{Bucket, Frames, Paused, Serial, report, task::CallTask};
use crate::{
    Context, Peer,
    call::{self, Begun, Finished},
    hook,
    observe::{Beginning, Limit, Outcome, Tally, Unknown, Watch},
    outbox::{Entry, Said},
    procedure::Started,
    running::Running,
    service::Registered,
    streaming::cost,
    weak,
};
use std::{sync::atomic::Ordering, time::Duration};
use swill_proto::{
    CallId, CancelReason, Close, Code, Directory, Error, Frame, Head, Message, Open, Payload, ProcedureId,
    Protocol, Received, Shape, Target,
};
use tokio::time::Instant;

/// The parts of a connection that are needed to handle a frame.
pub(super) struct Driver<'c> {
    pub(super) frames: Frames<'c>,
    pub(super) protocol: &'c mut dyn Protocol,
    pub(super) peer: &'c Peer,
    /// What is counted, if somebody wants to know.
    pub(super) tally: Option<&'c mut Tally>,
    /// How many messages have been handled.
    pub(super) received: u32,
    pub(super) spare: &'c mut Option<Box<Context>>,
    pub(super) said: &'c mut Said,
    pub(super) cancels: &'c mut Bucket,
    pub(super) paused: &'c mut Option<Paused>,
    pub(super) serial: &'c mut Serial,
    /// The server is shutting down: nothing new begins.
    pub(super) leaving: bool,
    pub(super) now: Instant,
}

impl Drop for Driver<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(tally) = &mut self.tally {
            tally.received(0, self.received);
            tally.sent(0, self.frames.sent);
        }
    }
}

impl Driver<'_> {
    /// Handles a message; returns for how many it counts. An error closes the connection.
    #[inline(always)]
    pub(super) fn message(
        &mut self,
        message: Message<'_>,
        task: &mut std::task::Context<'_>,
    ) -> Result<u32, Close> {
        self.received = self.received.wrapping_add(1);
        let service = &*self.peer.0.service;
        let received = match service.log_calls || self.tally.is_some() {
            false => self.protocol.receive(message, service, &mut self.frames),
            true => self.receive_noted(message),
        };
        self.received(received, task)
    }

    /// As [`Protocol::receive`], where calls are logged or counted that the protocol answers because there is no such
    /// procedure.
    #[inline]
    fn receive_noted<'m>(&mut self, message: Message<'m>) -> Received<'m> {
        let unknown = Unknown::new(&self.peer.0.service);
        let received = self.protocol.receive(message, &unknown, &mut self.frames);
        let unknown = unknown.noted(&self.peer.0);
        if unknown > 0
            && let Some(tally) = &mut self.tally
        {
            tally.unknown(unknown, self.now);
        }
        received
    }

    #[inline(always)]
    fn received(&mut self, received: Received<'_>, task: &mut std::task::Context<'_>) -> Result<u32, Close> {
        match received {
            Received::Nothing => {}
            Received::One(frame) => self.frame(frame, task)?,
            Received::Many(frames) => {
                let count = u32::try_from(frames.len()).unwrap_or(u32::MAX).max(1);
                frames.into_iter().try_for_each(|frame| self.frame(frame, task))?;
                return Ok(count);
            }
            Received::Close(close) => return Err(close),
        }
        Ok(1)
    }

    #[inline(always)]
    fn frame(&mut self, frame: Frame<'_>, task: &mut std::task::Context<'_>) -> Result<(), Close> {
        match frame {
            Frame::Open(open) => self.open(open, task),
            frame if frame.call().is_ours() => {
                self.answered(frame);
                Ok(())
            }
            Frame::Item { call, payload, .. } => {
                self.item(call, &payload);
                Ok(())
            }
            Frame::End { call, .. } => {
                if let Some(state) = self.peer.0.open_call(call) {
                    state.inbox.end();
                }
                Ok(())
            }
            Frame::Cancel { call, reason } => self.cancel(call, reason),
            Frame::Fail { call, error } => {
                // The peer has broken its call, which costs as much as to cancel it.
                self.cancel(call, CancelReason::Client)?;
                self.fail(call, error)
            }
            Frame::Metadata { .. } | Frame::Batch(_) | Frame::Accepted { .. } => Ok(()),
        }
    }

    /// Hands what the peer says about a call of this side to whoever waits for it.
    #[cold]
    fn answered(&self, frame: Frame<'_>) {
        let asked = &self.peer.0.asked;
        match frame {
            Frame::End { call, last, .. } => {
                let nothing = || Payload::null(self.peer.0.capabilities.format);
                asked.answered(call, Ok(last.unwrap_or_else(nothing)));
            }
            Frame::Fail { call, error } => asked.answered(call, Err(error)),
            _ => {}
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

    /// Begins a call: answers it if it is ready at once, else lets it go on by itself.
    #[inline(always)]
    fn open(&mut self, open: Open<'_>, task: &mut std::task::Context<'_>) -> Result<(), Close> {
        let Open { call, target, shape, input, head, reply: _ } = open;
        let service = &*self.peer.0.service;
        let (id, registered) = match target {
            Target::Known(id) => (id, service.get(id)),
            Target::Named(name) => {
                let found = service.find(&name);
                (
                    found.map_or(swill_proto::ProcedureId(u32::MAX), |it| it.id),
                    found.and_then(|it| service.get(it.id)),
                )
            }
        };
        let logged = registered.map_or(service.log_calls, |it| it.logged);
        let watch = Watch::begin(logged, || Beginning {
            shared: &self.peer.0,
            call,
            procedure: id,
            metadata: head.metadata.as_deref(),
            received: input.as_ref().map_or(0, |input| input.bytes().len()),
        });
        let entered = watch.enter();
        let Some(Registered { procedure, hooks, .. }) = registered else {
            return self.refuse(call, id, &watch, Error::new(Code::NOT_FOUND, "there is no such procedure"));
        };
        let running = self.peer.0.running.load(Ordering::Relaxed);
        if running >= service.limits.calls && self.is_full(running, service.limits.calls) {
            self.peer.0.exceeded(Limit::Calls);
            let error = Error::new(Code::TOO_MANY, "too many calls are in flight on this connection");
            return self.refuse(call, id, &watch, error);
        }
        if self.leaving {
            // By this a client knows that another server may do it.
            let not_begun = std::collections::BTreeMap::from([("begun", false)]);
            let error = Error::cancelled(CancelReason::Shutdown).with_data(not_begun);
            return self.refuse(call, id, &watch, error);
        }
        let capabilities = self.peer.0.capabilities;
        if !capabilities.carries(shape) {
            let message =
                format!("{} cannot carry a {shape}: call it over another protocol", capabilities.name);
            return self.refuse(call, id, &watch, Error::new(Code::UNIMPLEMENTED, message));
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
            Ok(Begun::Finished(finished)) => self.finish(finished, shape.streams_out, &watch),
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
                self.refuse(call, id, &watch, report(error, self.peer, id))
            }
            Err(panicked) => {
                self.peer.0.forget(call);
                self.hear_others()?;
                self.refuse(call, id, &watch, report(Error::internal(panicked), self.peer, id))
            }
        }
    }

    /// The earlier of two times, counted from now; one that lies beyond what a clock can say is none.
    #[cold]
    fn deadline(&self, ours: Option<Duration>, theirs: Option<Duration>) -> Option<Instant> {
        ours.into_iter().chain(theirs).min().and_then(|limit| self.now.checked_add(limit))
    }

    /// Answers a call whose procedure was ready at once.
    #[inline(always)]
    fn finish(&mut self, finished: Finished, streams_out: bool, watch: &Watch) -> Result<(), Close> {
        let Finished { mut cx, result, .. } = finished;
        let call = cx.call();
        let (mut leading, mut trailing) = (None, None);
        if let Some(state) = cx.existing_state() {
            let mut metadata = state.metadata();
            (leading, trailing) = (metadata.leading.take(), metadata.trailing.take());
            drop(metadata);
            self.peer.0.forget(call);
        }
        if self.peer.0.outbox.is_filled() {
            // Whatever the procedure has said before its answer is in there: metadata, items, notifications.
            self.hear_others()?;
        }
        let sent = match result {
            Ok(()) => {
                if let Some(tally) = &mut self.tally {
                    tally.call(cx.procedure_id(), Outcome::OK, self.now);
                }
                let answer = std::mem::take(&mut cx.answer);
                watch.ended(&self.peer.0, cx.procedure_id(), 0, cx.existing_state(), answer.len());
                let last = (!streams_out).then(|| Payload::new(cx.format(), &answer));
                let sent = self.send(Frame::End { call, last, leading, trailing });
                cx.answer = answer;
                sent
            }
            Err(error) => {
                let id = cx.procedure_id();
                self.refuse(call, id, watch, report(error, self.peer, id))
            }
        };
        self.keep(cx);
        sent
    }

    /// Keeps a context for the next call. The memory of a large answer is given back.
    #[inline(always)]
    fn keep(&mut self, mut cx: Box<Context>) {
        const LARGEST_KEPT: usize = 4 << 10;
        if cx.answer.capacity() > LARGEST_KEPT {
            cx.answer = Vec::new();
        }
        cx.release();
        *self.spare = Some(cx);
    }

    /// Hands an item of a stream in to its procedure.
    fn item(&mut self, call: CallId, payload: &Payload<'_>) {
        let shared = &self.peer.0;
        let Some(state) = shared.open_call(call) else { return };
        if state.inbox.item(payload.bytes()) {
            shared.unread_added(cost(payload.bytes().len()));
            state.received.fetch_add(payload.bytes().len(), Ordering::Relaxed);
            self.pause_if_full(call);
        }
    }

    /// Pauses reading if a stream that has got an item, or the connection, is full now.
    fn pause_if_full(&mut self, call: CallId) {
        let shared = &self.peer.0;
        let Some(state) = shared.open_call(call) else { return };
        let limits = &shared.service.limits;
        let stream = state.inbox.unread() >= limits.stream_unread;
        if stream || shared.unread.load(Ordering::SeqCst) >= limits.unread {
            shared.exceeded(if stream { Limit::StreamUnread } else { Limit::Unread });
            // Whoever takes an item from now on wakes the connection.
            shared.paused.store(true, Ordering::SeqCst);
            shared.mark_streams();
            *self.paused = Some(Paused { full: stream.then_some(call), since: self.now });
        }
    }

    fn cancel(&mut self, call: CallId, reason: CancelReason) -> Result<(), Close> {
        if !self.cancels.take(self.peer.0.service.limits.cancels, self.now) {
            self.peer.0.exceeded(Limit::Cancels);
            return Err(Close::new(1008, "too many cancellations"));
        }
        if let Some(state) = self.peer.0.open_call(call) {
            state.cancel(reason);
        }
        Ok(())
    }

    /// Writes what tasks of calls have said.
    pub(super) fn hear_others(&mut self) -> Result<(), Close> {
        if self.peer.0.outbox.take(self.said) {
            self.peer.0.exceeded(Limit::Outbox);
        }
        if self.said.is_empty() {
            return Ok(());
        }
        let mut said = std::mem::take(self.said);
        let format = self.peer.0.capabilities.format;
        let mut at = 0;
        let mut payload = |length: usize| {
            at += length;
            Payload::new(format, &said.payloads[at - length..at])
        };
        let mut result = Ok(());
        for entry in said.entries.drain(..) {
            let sent = match entry {
                Entry::Accepted { call } => self.send(Frame::Accepted { call }),
                Entry::Item { call, length, leading } => {
                    self.send(Frame::Item { call, payload: payload(length), leading })
                }
                Entry::Metadata { call, metadata } => self.send(Frame::Metadata { call, metadata }),
                Entry::End { call, last, leading, trailing } => {
                    self.peer.0.forget(call);
                    self.serial.ended(call);
                    self.send(Frame::End { call, last: last.map(&mut payload), leading, trailing })
                }
                Entry::Fail { call, error } => {
                    self.peer.0.forget(call);
                    self.serial.ended(call);
                    self.fail(call, error)
                }
                Entry::Open { call, name, length, reply } => {
                    let input = length.map(&mut payload);
                    self.send(Frame::Open(opened(call, &name, input, reply)))
                }
                Entry::Batch(calls) => {
                    let calls = calls.iter().map(|it| {
                        let input = it.length.map(&mut payload);
                        opened(it.call, &it.name, input, it.reply)
                    });
                    let calls = calls.collect();
                    self.send(Frame::Batch(calls))
                }
            };
            if let Err(close) = sent {
                result = Err(close);
                break;
            }
        }
        // The memory of what was said is used again, unless it was much.
        said.entries.clear();
        said.payloads.clear();
        said.forget_if_large();
        *self.said = said;
        result
    }

    /// Counts a call that has failed before it had to wait, and tells the peer.
    #[cold]
    fn refuse(
        &mut self,
        call: CallId,
        procedure: ProcedureId,
        watch: &Watch,
        error: Error,
    ) -> Result<(), Close> {
        watch.ended(&self.peer.0, procedure, error.code().0, None, 0);
        if let Some(tally) = &mut self.tally {
            tally.call(procedure, Outcome::of(&error), self.now);
        }
        self.fail(call, error)
    }

    /// Tells the peer that a call failed; or ends the connection, if that is what the error wants.
    #[cold]
    pub(super) fn fail(&mut self, call: CallId, error: Error) -> Result<(), Close> {
        match error.close() {
            Some(close) => Err(close.clone()),
            None => self.send(Frame::Fail { call, error }),
        }
    }

    /// The one place where frames leave.
    #[inline(always)]
    fn send(&mut self, frame: Frame<'_>) -> Result<(), Close> {
        self.protocol.send(frame, &mut self.frames)
    }
}

/// A call of this side.
fn opened<'m>(call: CallId, name: &'m str, input: Option<Payload<'m>>, reply: bool) -> Open<'m> {
    Open {
        call,
        target: Target::Named(name.into()),
        shape: Shape::SINGLE,
        input,
        head: Head::default(),
        reply,
    }
}

//! From frames to procedures and back: the part of a connection that knows calls.

use super::{Bucket, Frames, Paused, Serial, report};
use crate::{
    Context, Peer,
    call::Finished,
    observe::{Limit, Outcome, Tally, Unknown, Watched},
    outbox::{Entry, Said},
    streaming::cost,
};
use std::sync::atomic::Ordering;
use swill_proto::{
    CallId, CancelReason, Close, Error, Frame, Head, Message, Open, Payload, ProcedureId, Protocol, Received,
    Shape, Target,
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
            // Taken apart right here: moving it as a whole, twice, costs more than what is asked of it.
            Received::One(Frame::Open(Open { call, target, shape, input, head, reply: _ })) => {
                self.open(call, target, shape, input, head, task)?;
            }
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

    #[inline(never)]
    fn frame(&mut self, frame: Frame<'_>, task: &mut std::task::Context<'_>) -> Result<(), Close> {
        match frame {
            Frame::Open(Open { call, target, shape, input, head, reply: _ }) => {
                self.open(call, target, shape, input, head, task)
            }
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

    /// Answers a call whose procedure was ready at once.
    #[inline(always)]
    pub(super) fn finish(
        &mut self,
        finished: Finished,
        streams_out: bool,
        watched: Option<&Watched>,
    ) -> Result<(), Close> {
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
                if let Some(watched) = watched {
                    watched.ended(&self.peer.0, cx.procedure_id(), 0, cx.existing_state(), answer.len());
                }
                let last = (!streams_out).then(|| Payload::new(cx.format(), &answer));
                let sent = self.send(Frame::End { call, last, leading, trailing });
                cx.answer = answer;
                sent
            }
            Err(error) => {
                let id = cx.procedure_id();
                self.refuse(call, id, watched, report(error, self.peer, id))
            }
        };
        self.keep(cx);
        sent
    }

    /// Keeps a context for the next call. The memory of a large answer is given back.
    #[inline(always)]
    pub(super) fn keep(&mut self, mut cx: Box<Context>) {
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
    pub(super) fn pause_if_full(&mut self, call: CallId) {
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
    pub(super) fn refuse(
        &mut self,
        call: CallId,
        procedure: ProcedureId,
        watched: Option<&Watched>,
        error: Error,
    ) -> Result<(), Close> {
        if let Some(watched) = watched {
            watched.ended(&self.peer.0, procedure, error.code().0, None, 0);
        }
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
    pub(super) fn send(&mut self, frame: Frame<'_>) -> Result<(), Close> {
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

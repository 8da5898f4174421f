//! Hands out what the server has said.

use super::{
    Cause,
    calls::Calls,
    machine::Machine,
    output::Frames,
    serving::{self, Serving},
};
use crate::{
    answer::Answer,
    call::{Call, End},
    client::Shared,
    fault,
};
use std::{collections::VecDeque, sync::Arc, task::Context};
use swill_proto::{CallId, CancelReason, Close, Error, Frame, Open, Received};

/// What it takes to hand something out, while the message is borrowed by what it says.
pub(super) struct Inbound<'a, 'f, 't> {
    pub(super) shared: &'a Shared,
    pub(super) calls: &'a mut Calls,
    pub(super) serving: &'a mut Serving,
    pub(super) machine: &'a mut Machine,
    pub(super) frames: &'a mut Frames<'f>,
    pub(super) late_cancels: &'a mut VecDeque<CallId>,
    pub(super) ended: &'a mut usize,
    /// Whether calls of the server are still taken.
    pub(super) open: bool,
    /// Why no more is to be read for now.
    pub(super) full: Option<Cause>,
    pub(super) task: &'a mut Context<'t>,
}

impl Inbound<'_, '_, '_> {
    pub(super) fn received(&mut self, received: Received<'_>) -> Result<(), Close> {
        match received {
            Received::Nothing => {}
            Received::One(frame) => self.frame(frame),
            Received::Many(frames) => frames.into_iter().for_each(|frame| self.frame(frame)),
            Received::Close(close) => return Err(close),
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::Item { call, payload, leading } => {
                let Some(call) = self.calls.heard(call, true) else { return };
                // Counted first: the caller may have used the item up before this task goes on.
                let cost = Call::cost(payload.bytes());
                let all = self.shared.unread.add(cost);
                if !call.item(payload.bytes(), leading) {
                    self.shared.unread.sub(cost);
                    return;
                }
                let limits = &self.shared.settings.limits;
                if call.unread() > limits.stream_unread {
                    self.full = Some(Cause::Stream(call.clone()));
                } else if all > limits.unread {
                    self.full = Some(Cause::All);
                }
            }
            Frame::Metadata { call, metadata } => {
                if let Some(call) = self.calls.heard(call, false) {
                    call.leading(metadata);
                }
            }
            Frame::End { call, last, leading, trailing } => {
                if let Some(call) = self.remove(call) {
                    let last = last.map(|payload| Answer::from(payload.bytes()));
                    call.finish(End { last, trailing }, leading);
                }
            }
            Frame::Fail { call, error } if call.is_ours() => {
                if self.calls.is_for_again(call) && fault::is_not_begun(&error) {
                    // It stays, and is sent again when the server closes the connection.
                    return;
                }
                if let Some(call) = self.remove(call) {
                    call.fail(error);
                }
            }
            Frame::Open(open) => self.serve(&open),
            Frame::Cancel { call, .. } => self.stop(call, Error::cancelled(CancelReason::Client)),
            Frame::Fail { call, error } => self.stop(call, error),
            // These are only ever sent.
            Frame::Batch(_) | Frame::Accepted { .. } => {}
        }
    }

    /// The server calls.
    fn serve(&mut self, open: &Open<'_>) {
        if !self.open {
            return;
        }
        if let Some(answer) = self.serving.begin(open, self.shared, self.task) {
            self.send(serving::frame(open.call, answer, &self.shared.settings));
        }
    }

    /// The server does not want an answer any more, or has broken its call.
    fn stop(&mut self, call: CallId, error: Error) {
        self.serving.cancel(call);
        self.send(Frame::Fail { call, error });
    }

    fn send(&mut self, frame: Frame<'_>) {
        // The client's machines never end a connection because of what is sent.
        let _ = self.machine.send(frame, self.frames);
    }

    fn remove(&mut self, id: CallId) -> Option<Arc<Call>> {
        let call = self.calls.remove(id);
        if let Some(call) = &call {
            self.shared.unread.leave(call);
            *self.ended += 1;
        } else if let Some(at) = self.late_cancels.iter().position(|late| *late == id) {
            // It has ended by itself before it could be cancelled.
            self.late_cancels.remove(at);
            *self.ended += 1;
        }
        call
    }
}

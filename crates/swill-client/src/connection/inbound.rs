//! Hands out what the server has said.

use super::{Cause, calls::Calls};
use crate::{
    answer::Answer,
    call::{Call, End},
    client::Shared,
};
use std::{collections::VecDeque, sync::Arc};
use swill_proto::{CallId, Close, Directory, Found, Frame, Received};

/// Servers do not call.
pub(super) struct Nobody;

impl Directory for Nobody {
    fn find(&self, _: &str) -> Option<Found> {
        None
    }
}

/// What it takes to hand something out, while the machine is borrowed by it.
pub(super) struct Inbound<'a> {
    pub(super) shared: &'a Shared,
    pub(super) calls: &'a mut Calls,
    pub(super) late_cancels: &'a mut VecDeque<CallId>,
    pub(super) ended: &'a mut usize,
    /// Why no more is to be read for now.
    pub(super) full: Option<Cause>,
}

impl Inbound<'_> {
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
            Frame::Fail { call, error } => {
                if let Some(call) = self.remove(call) {
                    call.fail(error);
                }
            }
            // Servers neither call nor cancel.
            Frame::Open(_) | Frame::Cancel { .. } | Frame::Batch(_) | Frame::Accepted { .. } => {}
        }
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

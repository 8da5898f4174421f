//! Calls one after the other, for protocols whose answers are told by their place.

use crate::weak;
use std::collections::VecDeque;
use swill_proto::{CallId, Kind};

/// Messages that wait for the call before them. Only the connection of a serial protocol ever has some.
#[derive(Default)]
pub(super) struct Serial {
    /// The call that all others wait for.
    current: Option<CallId>,
    held: VecDeque<(Kind, Vec<u8>)>,
    bytes: usize,
}

/// What a held message counts beside its bytes.
const COST: usize = 64;

impl Serial {
    /// Whether a message that comes now has to wait.
    #[inline]
    pub(super) fn is_busy(&self) -> bool {
        self.current.is_some()
    }

    /// Whether a message waits that need not any longer.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.current.is_none() && !self.held.is_empty()
    }

    /// Whether so many bytes wait that nothing more may come.
    #[inline]
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.is_busy() && self.bytes >= most && !weak::is_off("waiting-messages")
    }

    /// Bytes that wait.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From now on, everything waits for this call.
    pub(super) fn begin(&mut self, call: CallId) {
        self.current = Some(call);
    }

    /// A call has ended.
    #[inline]
    pub(super) fn ended(&mut self, call: CallId) {
        if self.current == Some(call) {
            self.current = None;
        }
    }

    /// Keeps a message for later; whether as many bytes wait now as may, and did not before.
    pub(super) fn hold(&mut self, kind: Kind, data: &[u8], most: usize) -> bool {
        let before = self.bytes;
        self.bytes += data.len() + COST;
        self.held.push_back((kind, data.to_vec()));
        before < most && self.bytes >= most
    }

    /// The message whose turn it is.
    pub(super) fn next(&mut self) -> Option<(Kind, Vec<u8>)> {
        if self.is_busy() {
            return None;
        }
        let next = self.held.pop_front();
        if let Some((_, data)) = &next {
            self.bytes -= data.len() + COST;
        }
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        next
    }

    /// Nothing more will be handled.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

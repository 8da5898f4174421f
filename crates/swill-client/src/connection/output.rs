//! From callers to the socket.

use super::{Connection, Phase, UNWRITTEN, broken, serving};
use crate::outbox::{Entry, Opening};
use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll},
};
use swill_proto::{CallId, CancelReason, Frame, Head, Kind, Open, Outgoing, Payload, Target};
use tokio::{io::AsyncWrite, time::Instant};

/// Writes messages of the protocol into the write buffer, as WebSocket frames.
pub(super) struct Frames<'a> {
    pub(super) ws: &'a mut swill_ws::Writer,
    pub(super) out: &'a mut Vec<u8>,
    pub(super) start: Option<swill_ws::Start>,
}

impl Outgoing for Frames<'_> {
    #[inline]
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8> {
        let kind = match kind {
            Kind::Text => swill_ws::Kind::Text,
            Kind::Binary => swill_ws::Kind::Binary,
        };
        self.start = Some(self.ws.begin(kind, expected, self.out));
        self.out
    }

    #[inline]
    fn finish(&mut self) {
        if let Some(start) = self.start.take() {
            self.ws.finish(start, self.out);
        }
    }
}

impl Connection {
    /// Takes and encodes what callers have said. Whether there was anything.
    pub(super) fn hear_callers(&mut self, now: Instant) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        self.shared.outbox.take(&mut self.said);
        if self.said.is_empty() {
            return false;
        }
        let mut said = std::mem::take(&mut self.said);
        let mut at = 0;
        for entry in &said.entries {
            self.starts.push(self.out.len());
            let end = at + entry.length();
            self.say(entry, said.bytes.get(at..end).unwrap_or_default(), now);
            at = end;
        }
        if self.out.is_empty() {
            said.clear();
            self.starts.clear();
        }
        self.said = said;
        true
    }

    /// Takes what handlers have answered. Whether there was anything.
    pub(super) fn hear_handlers(&mut self, task: &mut Context<'_>) -> bool {
        let mut any = false;
        while matches!(self.phase, Phase::Open) && self.out.len() < UNWRITTEN {
            let answer = self.serving.poll_answer(&self.shared.settings, task);
            let Poll::Ready(Some((served, answer))) = answer else { break };
            self.send(serving::frame(served.call, answer, &self.shared.settings));
            any = true;
        }
        any
    }

    fn say(&mut self, entry: &Entry, bytes: &[u8], now: Instant) {
        match entry {
            Entry::Open(opening) => {
                if let Some(open) = self.open(opening, bytes) {
                    self.send(Frame::Open(open));
                }
            }
            Entry::Batch(openings) => {
                let mut rest = bytes;
                let mut opens = Vec::with_capacity(openings.len());
                for opening in openings {
                    let (part, tail) = rest.split_at_checked(opening.length()).unwrap_or_default();
                    rest = tail;
                    opens.extend(self.open(opening, part));
                }
                if !opens.is_empty() {
                    self.send(Frame::Batch(opens));
                }
            }
            Entry::Item { call, .. } => {
                let payload = Payload::new(self.shared.settings.protocol.format(), bytes);
                self.send(Frame::Item { call: *call, payload, leading: None });
            }
            Entry::End { call } => {
                self.send(Frame::End { call: *call, last: None, leading: None, trailing: None })
            }
            Entry::Cancel { call } => self.cancel(*call, CancelReason::Client, now),
        }
    }

    /// Prepares the beginning of a call, if it was not given up before it was sent.
    #[inline]
    fn open<'b>(&mut self, opening: &Opening, bytes: &'b [u8]) -> Option<Open<'b>> {
        if opening.call.is_over() {
            self.ended += usize::from(opening.reply);
            return None;
        }
        if opening.reply {
            self.calls.insert(opening, bytes);
        }
        let (name, payload) = bytes.split_at_checked(opening.name).unwrap_or_default();
        let format = self.shared.settings.protocol.format();
        Some(Open {
            call: opening.call.id,
            target: Target::Named(Cow::Borrowed(std::str::from_utf8(name).unwrap_or_default())),
            shape: opening.shape,
            input: opening.payload.map(|_| Payload::new(format, payload)),
            head: Head { metadata: opening.metadata.clone(), deadline: None },
            reply: opening.reply,
        })
    }

    /// Every frame leaves through here.
    fn send(&mut self, frame: Frame<'_>) {
        let (_, writer) = self.ws.split();
        let mut frames = Frames { ws: writer, out: &mut self.out, start: None };
        // The client's machines never end a connection because of what is sent.
        let _ = self.machine.send(frame, &mut frames);
    }

    /// Ends a call from this side. The caller knows already.
    pub(super) fn cancel(&mut self, call: CallId, reason: CancelReason, now: Instant) {
        let Some(ended) = self.calls.remove(call) else { return };
        self.shared.unread.leave(&ended);
        if self.late_cancels.is_empty() && self.cancels.take(now) {
            self.ended += 1;
            self.send(Frame::Cancel { call, reason });
        } else {
            self.late_cancels.push_back(call);
        }
    }

    pub(super) fn cancel_late(&mut self, now: Instant) {
        while let Some(&call) = self.late_cancels.front() {
            if !self.cancels.take(now) {
                return;
            }
            self.late_cancels.pop_front();
            self.ended += 1;
            self.send(Frame::Cancel { call, reason: CancelReason::Client });
        }
    }

    /// Writes as much as the socket takes. Ready when everything is written.
    pub(super) fn flush(&mut self, now: Instant, task: &mut Context<'_>) -> Poll<()> {
        /// A write buffer that has grown larger than this is not kept.
        const LARGEST_KEPT: usize = 128 << 10;
        if matches!(self.phase, Phase::Over) {
            return Poll::Pending;
        }
        if self.out.is_empty() {
            return Poll::Ready(());
        }
        while self.written < self.out.len() {
            match Pin::new(&mut self.socket).poll_write(task, &self.out[self.written..]) {
                Poll::Ready(Ok(0) | Err(_)) => {
                    self.over(broken());
                    return Poll::Pending;
                }
                Poll::Ready(Ok(bytes)) => {
                    self.written += bytes;
                    self.stalled_since = None;
                }
                Poll::Pending => {
                    self.stalled_since.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
        // A socket of the user's own may have a buffer.
        match Pin::new(&mut self.socket).poll_flush(task) {
            Poll::Ready(Ok(())) => self.stalled_since = None,
            Poll::Ready(Err(_)) => {
                self.over(broken());
                return Poll::Pending;
            }
            Poll::Pending => {
                self.stalled_since.get_or_insert(now);
                return Poll::Pending;
            }
        }
        self.written = 0;
        self.out.clear();
        if self.out.capacity() > LARGEST_KEPT {
            self.out = Vec::new();
        }
        self.said.clear();
        self.starts.clear();
        Poll::Ready(())
    }
}

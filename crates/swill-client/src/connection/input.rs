//! From the socket to callers.

use super::{
    Cause, Connection, Paused, Phase, Rest, UNWRITTEN, broken, buffers, inbound::Inbound, output::Frames,
};
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use swill_proto::{Close, Kind, Message};
use swill_ws::{Event, Input};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    time::Instant,
};

impl Connection {
    /// Whether input is wanted. While too much is unread it is not.
    pub(super) fn may_read(&mut self, now: Instant) -> bool {
        if matches!(self.phase, Phase::Over) {
            return false;
        }
        let Some(paused) = &self.paused else { return true };
        let limits = &self.shared.settings.limits;
        let full = match &paused.cause {
            // For a call that is over nothing more comes.
            Cause::Stream(call) => !call.is_over() && call.unread() > limits.stream_unread / 2,
            Cause::All => self.shared.unread.bytes() > limits.unread / 2,
        };
        if !full {
            self.resume(now);
        }
        !full
    }

    fn pause(&mut self, cause: Cause, now: Instant) {
        self.shared.unread.begin_pause();
        self.paused = Some(Paused { cause, since: now });
    }

    pub(super) fn resume(&mut self, now: Instant) {
        self.shared.unread.end_pause();
        self.paused = None;
        // Pongs were waiting behind the data.
        self.heard = now;
        self.pinged = None;
    }

    /// Reads once, or takes up the input that had to wait, and handles it. Pending if there is none.
    pub(super) fn read(&mut self, now: Instant, task: &mut Context<'_>) -> Poll<()> {
        if self.rest.end > self.rest.at {
            let rest = std::mem::take(&mut self.rest);
            self.handle(rest, now, task);
            return Poll::Ready(());
        }
        let direct = match self.ws.payload_buffer() {
            Some(mut buffer) => Some(ready!(pin!(self.socket.read_buf(&mut buffer)).poll(task))),
            None => None,
        };
        if let Some(read) = direct {
            if self.came(&read, now) > 0 {
                self.handle(Rest::default(), now, task);
            }
            return Poll::Ready(());
        }
        let mut buffer = buffers::take();
        let mut target = ReadBuf::new(&mut buffer);
        let read = Pin::new(&mut self.socket).poll_read(task, &mut target).map_ok(|()| target.filled().len());
        let Poll::Ready(read) = read else {
            buffers::give(buffer);
            return Poll::Pending;
        };
        let end = self.came(&read, now);
        self.handle(Rest { buffer, at: 0, end }, now, task);
        Poll::Ready(())
    }

    /// Notes what a read brought; returns how much.
    fn came(&mut self, read: &io::Result<usize>, now: Instant) -> usize {
        match read {
            Ok(0) | Err(_) => {
                self.over(broken());
                0
            }
            Ok(bytes) => {
                self.heard = now;
                self.pinged = None;
                *bytes
            }
        }
    }

    /// Handles input until it is used up or too much is unread.
    fn handle(&mut self, mut rest: Rest, now: Instant, task: &mut Context<'_>) {
        let mut input = Input::new(&mut rest.buffer[rest.at..rest.end]);
        // Where the connection is to close: the machine is borrowed by what it said.
        let violation = loop {
            if self.paused.is_some() || self.out.len() - self.written >= UNWRITTEN {
                break None;
            }
            let (reader, writer) = self.ws.split();
            match reader.receive(&mut input, writer, &mut self.out) {
                Ok(Some(Event::Message { kind, data })) => {
                    let kind = match kind {
                        swill_ws::Kind::Text => Kind::Text,
                        swill_ws::Kind::Binary => Kind::Binary,
                    };
                    let mut frames = Frames { ws: writer, out: &mut self.out, start: None };
                    let handlers = &self.shared.settings.handlers;
                    let received = self.machine.receive(Message { kind, data }, handlers, &mut frames);
                    let mut inbound = Inbound {
                        shared: &self.shared,
                        calls: &mut self.calls,
                        serving: &mut self.serving,
                        machine: &mut self.machine,
                        frames: &mut frames,
                        late_cancels: &mut self.late_cancels,
                        ended: &mut self.ended,
                        open: matches!(self.phase, Phase::Open),
                        full: None,
                        task,
                    };
                    let result = inbound.received(received);
                    let full = inbound.full;
                    if let Err(close) = result {
                        break Some(close);
                    }
                    if let Some(cause) = full {
                        self.pause(cause, now);
                    }
                }
                Ok(Some(Event::Ping(_))) => {
                    if !self.pings.take(now) {
                        break Some(Close::new(1008, "too many pings"));
                    }
                }
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close { code, reason })) => {
                    let close = Close::new(code.unwrap_or(1005), reason.to_owned());
                    self.ended_by.get_or_insert(close);
                    self.linger(now);
                }
                Ok(None) => break None,
                Err(violation) => {
                    self.ended_by.get_or_insert_with(|| Close::new(violation.code, violation.reason));
                    self.linger(now);
                    break None;
                }
            }
        };
        let consumed = input.consumed();
        rest.at += consumed;
        match violation {
            Some(close) => self.close(close, now),
            None if rest.at < rest.end => {
                self.rest = rest;
                return;
            }
            None => {}
        }
        buffers::give(rest.buffer);
    }
}

//! What a connection reads: from the socket, or from what had to wait, up to the messages that are handled.

use super::{
    BATCH, Connection, DISCARDED_AT_MOST, Frames, Handled, Phase, Rest, buffers, calls,
    clock::{Keepalive, LONG_TURN},
};
use crate::{observe::Limit, weak};
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::atomic::Ordering,
    task::{Poll, ready},
};
use swill_proto::{Close, Kind, Message};
use swill_ws::{Event, Input};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::Instant,
};

/// A message counts once more for each time that it has so many bytes.
const LONG: usize = 16 << 10;

/// Input counts, too, once for each time that it has so many bytes, whatever it brings: fragments take their time, and no
/// message may ever come of them.
const LONG_READ: usize = 4 << 10;

/// Messages may take much longer than their bytes tell, as those do that are compressed: after so many bytes of them it is
/// worth a look at the clock.
const COSTLY: usize = 2 << 10;

/// A message of which so much has come already may take long, whoever sends it.
const HEAVY: usize = 64 << 10;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Whether input is wanted. While a stream in is full, or hooks accept the connection, it is not; and a connection
    /// whose turns take long has to wait for one.
    pub(super) fn may_read(&mut self, now: Instant, task: &mut std::task::Context<'_>) -> bool {
        if self.eof {
            self.turns.leave();
            return false;
        }
        if self.turns.are_long() || self.ws.buffered() > HEAVY {
            let hub = self.slot.hub();
            hub.memory().stir();
            if !weak::is_off("turns") && self.turns.poll(hub.long_turns(), task).is_pending() {
                self.probe(now);
                return false;
            }
        }
        let held = self.serial.is_full(self.service().limits.stream_unread);
        if held || self.peer.0.accepting.load(Ordering::SeqCst) {
            self.probe(now);
            return false;
        }
        let Some(paused) = &self.paused else { return true };
        let shared = &self.peer.0;
        let limits = &shared.service.limits;
        let half = limits.stream_unread / 2;
        let stream =
            paused.full.and_then(|call| shared.open_call(call)).is_some_and(|it| it.inbox.unread() > half);
        if stream || shared.unread.load(Ordering::SeqCst) > limits.unread / 2 {
            return false;
        }
        shared.paused.store(false, Ordering::SeqCst);
        self.paused = None;
        self.keepalive = Keepalive { heard: now, pinged: None, probed: now };
        true
    }

    /// Whether input is at hand, or a long message is arriving, which may be complete with the next read.
    pub(super) fn has_input(&mut self) -> bool {
        self.serial.is_ready() || self.rest.end > self.rest.at || self.ws.payload_buffer().is_some()
    }

    /// Reads once, or takes up the input that had to wait, and handles it. Pending if there is none.
    pub(super) fn read(
        &mut self,
        now: Instant,
        handled: &mut u32,
        task: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        if self.serial.is_ready() {
            // What has waited comes before what is read now; `handle` takes it up.
            self.handle(&mut [], now, handled, task);
            return Poll::Ready(());
        }
        if self.rest.end > self.rest.at {
            let mut rest = std::mem::take(&mut self.rest);
            match self.handle(&mut rest.buffer[rest.at..rest.end], now, handled, task) {
                Handled::All => {
                    count(handled, rest.end - rest.at);
                    buffers::give_read(rest.buffer);
                }
                Handled::Until(consumed) => {
                    count(handled, consumed);
                    rest.at += consumed;
                    self.put_aside(rest);
                }
            }
            return Poll::Ready(());
        }
        let Some(socket) = &mut self.socket else { return Poll::Pending };
        let direct = match self.ws.payload_buffer() {
            Some(mut buffer) => Some(ready!(pin!(socket.read_buf(&mut buffer)).poll(task))),
            None => None,
        };
        if let Some(read) = direct {
            self.heard(&read, now);
            self.handle(&mut [], now, handled, task);
            return Poll::Ready(());
        }
        let mut buffer = buffers::take_read();
        let mut target = ReadBuf::new(&mut buffer);
        let read = Pin::new(socket).poll_read(task, &mut target).map_ok(|()| target.filled().len());
        let Poll::Ready(read) = read else {
            buffers::give_read(buffer);
            return Poll::Pending;
        };
        let end = self.heard(&read, now);
        match self.handle(&mut buffer[..end], now, handled, task) {
            Handled::All => {
                count(handled, end);
                buffers::give_read(buffer);
            }
            Handled::Until(at) => {
                count(handled, at);
                self.put_aside(Rest { buffer, at, end });
            }
        }
        Poll::Ready(())
    }

    /// Keeps input for later, in at most twice the memory that it needs; if that may take long, in no more than that.
    pub(super) fn put_aside(&mut self, rest: Rest) {
        let Rest { buffer, at, end } = rest;
        if end - at <= buffer.len() / 2 || self.paused.is_some() {
            self.rest = Rest { buffer: buffer[at..end].to_vec(), at: 0, end: end - at };
            buffers::give_read(buffer);
        } else {
            self.rest = Rest { buffer, at, end };
        }
    }

    /// Notes what a read brought; returns how much.
    pub(super) fn heard(&mut self, read: &io::Result<usize>, now: Instant) -> usize {
        match read {
            Ok(0) => {
                // What is ready to be written still is: the peer may have shut only its own side.
                self.eof = true;
                self.ended_by(1006, "the connection broke");
                if !matches!(self.phase, Phase::Lingering { .. }) {
                    self.linger(now);
                }
                0
            }
            &Ok(bytes) => {
                if let Some(tally) = &mut self.tally {
                    tally.received(bytes, 0);
                }
                self.keepalive = Keepalive { heard: now, pinged: None, probed: now };
                if !matches!(self.phase, Phase::Open) {
                    self.discarded += bytes;
                    if self.discarded > DISCARDED_AT_MOST && !weak::is_off("after-the-end") {
                        self.peer.0.exceeded(Limit::Discarded);
                        self.phase = Phase::Over;
                    }
                }
                bytes
            }
            Err(_) => {
                self.ended_by(1006, "the connection broke");
                self.phase = Phase::Over;
                0
            }
        }
    }

    /// Handles input until it is used up, or it is another connection's turn, or a stream is full.
    pub(super) fn handle(
        &mut self,
        input: &mut [u8],
        now: Instant,
        handled: &mut u32,
        task: &mut std::task::Context<'_>,
    ) -> Handled {
        let mut input = Input::new(input);
        // The machine is borrowed by the event that is handled, so it is not a part of the connection meanwhile.
        let mut out = std::mem::take(&mut self.out);
        if out.capacity() == 0 {
            out = buffers::take_write();
        }
        let most = out.len() - self.written + self.service().limits.outbox;
        let result = loop {
            let step = self.handle_messages(&mut input, &mut out, most, now, handled, task);
            match step {
                Step::Done(result) => break result,
                Step::Close(close) => self.close(close, now, &mut out),
                Step::Ended(close) => {
                    self.ended_by.get_or_insert(close);
                    self.linger(now);
                }
            }
        };
        self.out = out;
        result
    }

    /// Handles messages until something else has to be done about the connection as a whole.
    fn handle_messages(
        &mut self,
        input: &mut Input<'_>,
        out: &mut Vec<u8>,
        most: usize,
        now: Instant,
        handled: &mut u32,
        task: &mut std::task::Context<'_>,
    ) -> Step {
        if matches!(self.phase, Phase::Over) {
            return Step::Done(Handled::All);
        }
        let (reader, writer) = self.ws.split();
        let written = self.written;
        let mut driver = calls::Driver {
            frames: Frames::new(writer, out, Some(&self.peer)),
            protocol: &mut *self.protocol,
            peer: &self.peer,
            tally: self.tally.as_deref_mut(),
            received: 0,
            spare: &mut self.spare,
            said: &mut self.said,
            cancels: &mut self.cancels,
            paused: &mut self.paused,
            serial: &mut self.serial,
            leaving: self.leaving_until.is_some(),
            now,
        };
        let one_by_one = driver.peer.0.capabilities.serial;
        let most_held = driver.peer.0.service.limits.stream_unread;
        let mut costly = 0;
        loop {
            if costly >= COSTLY {
                costly = 0;
                if now.elapsed() >= LONG_TURN {
                    *handled = handled.saturating_add(BATCH);
                }
            }
            if driver.paused.is_some()
                || *handled >= BATCH && !weak::is_off("turns")
                || driver.frames.out.len() - written >= most && !weak::is_off("reading-when-full")
                || one_by_one && driver.serial.is_full(most_held)
            {
                return Step::Done(match input.is_empty() {
                    true => Handled::All,
                    false => Handled::Until(input.consumed()),
                });
            }
            if one_by_one && let Some((kind, data)) = driver.serial.next() {
                let long = u32::try_from(data.len() / LONG).unwrap_or(BATCH);
                costly += data.len();
                match driver.message(Message { kind, data: &data }, task) {
                    Ok(count) => *handled = handled.saturating_add(count).saturating_add(long),
                    Err(close) => return Step::Close(close),
                }
                continue;
            }
            match reader.receive(input, driver.frames.ws, driver.frames.out) {
                Ok(Some(Event::Message { kind, data })) => {
                    let kind = match kind {
                        swill_ws::Kind::Text => Kind::Text,
                        swill_ws::Kind::Binary => Kind::Binary,
                    };
                    if one_by_one && driver.serial.is_busy() {
                        if driver.serial.hold(kind, data, most_held) {
                            driver.peer.0.exceeded(Limit::StreamUnread);
                        }
                        *handled = handled.saturating_add(1);
                        continue;
                    }
                    let long = u32::try_from(data.len() / LONG).unwrap_or(BATCH);
                    costly += data.len();
                    match driver.message(Message { kind, data }, task) {
                        Ok(count) => *handled = handled.saturating_add(count).saturating_add(long),
                        Err(close) => return Step::Close(close),
                    }
                }
                Ok(Some(Event::Ping(_))) => {
                    *handled = handled.saturating_add(1);
                    let rate = driver.peer.0.service.limits.pings;
                    if !self.pings.take(rate, now) {
                        driver.peer.0.exceeded(Limit::Pings);
                        return Step::Close(Close::new(1008, "too many pings"));
                    }
                }
                Ok(Some(Event::Pong(_))) => *handled = handled.saturating_add(1),
                Ok(Some(Event::Close { code, reason })) => {
                    return Step::Ended(Close::new(code.unwrap_or(1005), reason.to_owned()));
                }
                Ok(None) => return Step::Done(Handled::All),
                Err(violation) => {
                    if let Some(limit) = violation.limit {
                        driver.peer.0.exceeded(limit.into());
                    }
                    return Step::Ended(Close::new(violation.code, violation.reason));
                }
            }
        }
    }
}

/// Counts input for the turn of its connection.
fn count(handled: &mut u32, bytes: usize) {
    *handled = handled.saturating_add(u32::try_from(bytes / LONG_READ).unwrap_or(BATCH));
}

/// What has to be done about the connection.
enum Step {
    /// The input has been handled, as far as it may be now.
    Done(Handled),
    /// It has to be closed.
    Close(Close),
    /// The peer has ended it, or broken the rules; the last frame is written.
    Ended(Close),
}

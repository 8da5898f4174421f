//! One connection, driven by one task: bytes in, calls, bytes out.
//!
//! The whole way of a call that is answered at once lies in [`Connection::poll`]: no channel, no spawn, no lock. A call
//! that has to wait goes on in a [`CallTask`] and answers through the [`Outbox`](crate::outbox::Outbox). Every frame
//! leaves through [`Connection::send`], and every byte through [`Connection::flush`].
//!
//! What a poll does, again and again until there is nothing left to do: write what other tasks have said; read, and
//! handle up to [`BATCH`] messages; flush. It stops reading while too much waits to be written, or while a stream in is
//! full: then TCP slows the peer down.

mod bucket;
mod buffers;
mod calls;
mod clock;
mod ending;
mod holding;
mod input;
mod opening;
mod serial;
mod task;
#[cfg(test)]
mod tests;
mod turns;

use crate::{Context, Peer, hub::Slot, observe::Tally, outbox::Said, service::Service, weak};
use bucket::Bucket;
use clock::Keepalive;
use serial::Serial;
use std::{future::Future, pin::Pin, sync::atomic::Ordering, task::Poll, time::Duration};
use swill_proto::{CallId, Close, Code, Error, Kind, Outgoing, ProcedureId, Protocol};
use swill_ws::WebSocket;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};
use tracing::Level;
use turns::Turns;

pub(crate) use turns::LongTurns;

/// After so many messages a connection lets others have a turn; one that brings several calls counts for each, and one
/// that is long for as many as would have its bytes.
const BATCH: u32 = 32;

/// Answers that are ready wait at most so long while their connection handles further messages.
const LATEST_FLUSH: Duration = Duration::from_micros(100);

/// After the end of a connection, so many bytes are read and thrown away for the peer's close to be found.
const DISCARDED_AT_MOST: usize = 1 << 20;

/// A connection as a future: finished when the connection is over.
pub(crate) struct Connection<S> {
    /// `None` as soon as it is of no use any more: what follows may take its time, and needs no descriptor.
    socket: Option<S>,
    ws: WebSocket,
    protocol: Box<dyn Protocol>,
    peer: Peer,
    slot: Slot,
    phase: Phase,
    /// Input that was read and not handled, because it was another connection's turn or a stream is full.
    rest: Rest,
    /// Output that the socket has not taken.
    out: Vec<u8>,
    written: usize,
    /// The socket may hold bytes back, as one with TLS does, until it is flushed.
    unflushed: bool,
    /// It is said that something waits for the socket.
    is_stuck: bool,
    /// The context of the last call, to be used by the next.
    spare: Option<Box<Context>>,
    said: Said,
    /// What is counted, if somebody wants to know.
    tally: Option<Box<Tally>>,
    /// What the connection ended with.
    ended_by: Option<Close>,
    paused: Option<Paused>,
    serial: Serial,
    keepalive: Keepalive,
    stalled_since: Option<Instant>,
    flush_at: Option<Instant>,
    leaving_until: Option<Instant>,
    /// The peer has shut its side: nothing more is read.
    eof: bool,
    /// Bytes that came after the end and were thrown away.
    discarded: usize,
    timer: Pin<Box<Sleep>>,
    cancels: Bucket,
    pings: Bucket,
    turns: Turns,
}

/// How far a connection is.
enum Phase {
    /// Messages are handled.
    Open,
    /// We have sent a close and wait for the peer's.
    Closing { until: Instant },
    /// Nothing more is said: what is left is written, our side of the socket shut, and input thrown away until the peer
    /// has shut its side, so that TCP does not throw away what is still on its way to the peer.
    Lingering { until: Instant, shut: bool },
    /// The socket is of no use any more.
    Over,
    /// Hooks of calls and of the connection have their last word.
    Farewell(Option<Pin<Box<dyn Future<Output = ()> + Send>>>),
}

#[derive(Default)]
struct Rest {
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

/// Not reading, because a stream in is full, or all of them together are.
struct Paused {
    /// The stream that is full by itself.
    full: Option<CallId>,
    since: Instant,
}

/// What became of a piece of input.
enum Handled {
    /// All of it was handled.
    All,
    /// So many bytes of it were handled; the rest has to wait.
    Until(usize),
}

/// Writes messages of the protocol into the write buffer, as WebSocket frames.
pub(crate) struct Frames<'a> {
    pub(crate) ws: &'a mut swill_ws::Writer,
    pub(crate) out: &'a mut Vec<u8>,
    start: Option<swill_ws::Start>,
    /// How many messages have been begun.
    sent: u32,
    /// Whom they are for, if limits of its are to be told.
    peer: Option<&'a Peer>,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(ws: &'a mut swill_ws::Writer, out: &'a mut Vec<u8>, peer: Option<&'a Peer>) -> Self {
        Self { ws, out, start: None, sent: 0, peer }
    }
}

fn kind(kind: Kind) -> swill_ws::Kind {
    match kind {
        Kind::Text => swill_ws::Kind::Text,
        Kind::Binary => swill_ws::Kind::Binary,
    }
}

impl Outgoing for Frames<'_> {
    #[cold]
    fn exceeded(&mut self, limit: swill_proto::Limit) {
        if let Some(peer) = self.peer {
            peer.0.exceeded(limit.into());
        }
    }

    #[inline]
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8> {
        self.sent = self.sent.wrapping_add(1);
        self.start = Some(self.ws.begin(self::kind(kind), expected, self.out));
        self.out
    }

    #[inline]
    fn message(&mut self, kind: Kind, payload: &[u8]) {
        self.sent = self.sent.wrapping_add(1);
        self.ws.send(self::kind(kind), payload, self.out);
    }

    #[inline]
    fn finish(&mut self) {
        if let Some(start) = self.start.take() {
            self.ws.finish(start, self.out);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection whose handshake is done. `early` is what came after it in the same read.
    pub(crate) fn new(
        socket: S,
        early: &[u8],
        peer: Peer,
        ws: WebSocket,
        protocol: Box<dyn Protocol>,
        slot: Slot,
    ) -> Self {
        let now = Instant::now();
        let limits = &peer.0.service.limits;
        let (cancels, pings) = (Bucket::new(limits.cancels, now), Bucket::new(limits.pings, now));
        let timer = Box::pin(sleep_until(now + limits.ping_after));
        let tally = peer.0.spoken.as_ref().map(Tally::new);
        Self {
            socket: Some(socket),
            ws,
            protocol,
            peer,
            slot,
            phase: Phase::Open,
            rest: Rest { buffer: early.to_vec(), at: 0, end: early.len() },
            out: Vec::new(),
            written: 0,
            unflushed: false,
            is_stuck: false,
            spare: None,
            said: Said::default(),
            tally,
            ended_by: None,
            paused: None,
            serial: Serial::default(),
            keepalive: Keepalive { heard: now, pinged: None, probed: now },
            stalled_since: None,
            flush_at: None,
            leaving_until: None,
            eof: false,
            discarded: 0,
            timer,
            cancels,
            pings,
            turns: Turns::default(),
        }
    }

    #[inline]
    fn service(&self) -> &Service {
        &self.peer.0.service
    }

    /// Bytes that wait to be written.
    #[inline]
    fn waiting(&self) -> usize {
        self.out.len() - self.written
    }

    /// Does everything that can be done now. Ready when the socket is of no use any more.
    fn work(&mut self, now: Instant, task: &mut std::task::Context<'_>) -> Poll<()> {
        let mut handled = 0;
        loop {
            self.look_after_time(now);
            if matches!(self.phase, Phase::Over) {
                return Poll::Ready(());
            }
            self.look_after_wishes(now);
            let limit = self.service().limits.outbox;
            let high = if weak::is_off("reading-when-full") { usize::MAX } else { limit };
            // Asked before others fill the buffer: who always has something to say must not keep us from reading.
            let held_back = self.waiting() >= high;
            self.hear_others(now);
            if held_back {
                self.turns.leave();
            }

            let mut blocked = true;
            if !held_back && self.may_read(now, task) {
                // If nothing is at hand, looking whether there is more is cheaper than a turn for nothing.
                let had_its_turn = handled >= BATCH && self.has_input() && !weak::is_off("turns");
                if had_its_turn || !tokio::task::coop::has_budget_remaining() {
                    // Others have a turn; what is ready to be written leaves with the next batch, unless that would
                    // be late.
                    let flush_at = *self.flush_at.get_or_insert(now + LATEST_FLUSH);
                    let moment = Instant::now();
                    if self.waiting() >= high || moment >= flush_at {
                        self.flush_at = None;
                        let _ = self.flush(now, task);
                    }
                    self.turns.give_way(moment - now, self.slot.hub().long_turns(), task);
                    return Poll::Pending;
                }
                blocked = self.read(now, &mut handled, task).is_pending();
            }
            if blocked || self.waiting() >= high {
                self.flush_at = None;
                let flushed = self.flush(now, task).is_ready();
                if matches!(self.phase, Phase::Over) {
                    continue;
                }
                if flushed && matches!(self.phase, Phase::Lingering { .. }) {
                    if self.eof {
                        self.phase = Phase::Over;
                        continue;
                    }
                    if self.shut(task) {
                        continue;
                    }
                }
                let more = self.peer.0.outbox.listen(task.waker());
                let room = self.waiting() < high;
                // Whoever did not read because there was no room has to try again once there is.
                if room && (more || !blocked || held_back) {
                    continue;
                }
                self.turns.ended(now, handled >= BATCH);
                self.arm(now, task);
                return Poll::Pending;
            }
        }
    }

    /// Writes what tasks of calls have said, and remembers that it has to be flushed.
    fn hear_others(&mut self, now: Instant) {
        if self.waiting() >= self.service().limits.outbox || !matches!(self.phase, Phase::Open) {
            return;
        }
        self.with_driver(now, |driver| driver.hear_others());
    }

    /// Lends the parts of the connection that calls need.
    fn with_driver(&mut self, now: Instant, run: impl FnOnce(&mut calls::Driver<'_>) -> Result<(), Close>) {
        let mut out = std::mem::take(&mut self.out);
        let (_, writer) = self.ws.split();
        let mut driver = calls::Driver {
            frames: Frames::new(writer, &mut out, Some(&self.peer)),
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
        let result = run(&mut driver);
        drop(driver);
        if let Err(close) = result {
            self.close(close, now, &mut out);
        }
        self.out = out;
    }

    /// Writes as much as the socket takes. Ready when everything is written.
    fn flush(&mut self, now: Instant, task: &mut std::task::Context<'_>) -> Poll<()> {
        while self.written < self.out.len() {
            let Some(socket) = &mut self.socket else { return Poll::Pending };
            match Pin::new(socket).poll_write(task, &self.out[self.written..]) {
                Poll::Ready(Ok(0) | Err(_)) => {
                    self.ended_by(1006, "the connection broke");
                    self.phase = Phase::Over;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(bytes)) => {
                    self.written += bytes;
                    if let Some(tally) = &mut self.tally {
                        tally.sent(bytes, 0);
                    }
                    self.unflushed = true;
                    self.stalled_since = None;
                }
                Poll::Pending => {
                    self.stalled_since.get_or_insert(now);
                    // What waits keeps no more memory than it has.
                    if self.written > 0 {
                        self.out.drain(..self.written);
                        self.written = 0;
                        self.out.shrink_to_fit();
                    }
                    self.is_stuck = true;
                    self.peer.0.stuck.store(self.out.len(), Ordering::Relaxed);
                    return Poll::Pending;
                }
            }
        }
        self.written = 0;
        if self.out.capacity() > 0 {
            buffers::give_write(std::mem::take(&mut self.out));
        }
        if self.unflushed {
            let Some(socket) = &mut self.socket else { return Poll::Pending };
            match Pin::new(socket).poll_flush(task) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => {
                    self.ended_by(1006, "the connection broke");
                    self.phase = Phase::Over;
                    return Poll::Pending;
                }
                Poll::Pending => {
                    self.stalled_since.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
        self.stalled_since = None;
        if self.is_stuck {
            self.is_stuck = false;
            self.peer.0.stuck.store(0, Ordering::Relaxed);
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !matches!(this.phase, Phase::Farewell(_)) {
            let now = Instant::now();
            let worked = this.work(now, task);
            if let Some(tally) = &mut this.tally {
                tally.add_up(now);
            }
            if worked.is_pending() && !this.settle(task) {
                return Poll::Pending;
            }
            this.turns = Turns::default();
            let farewell = this.farewell();
            this.phase = Phase::Farewell(farewell);
            let grace = this.service().limits.grace;
            this.timer.as_mut().reset(Instant::now() + grace);
        }
        let Phase::Farewell(Some(hooks)) = &mut this.phase else { return Poll::Ready(()) };
        // Procedures that cannot be stopped, blocking ones, are not waited for longer than a grace.
        this.peer.0.outbox.listen(task.waker());
        if this.peer.0.accepting.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        if this.peer.0.running.load(Ordering::SeqCst) > 0 && this.timer.as_mut().poll(task).is_pending() {
            return Poll::Pending;
        }
        hooks.as_mut().poll(task)
    }
}

/// Lets the app's handlers see an error, logs it if nobody expected it, and makes of it what the peer is told.
pub(crate) fn report(error: Error, peer: &Peer, procedure: ProcedureId) -> Error {
    let service = &*peer.0.service;
    let name = service.name(procedure);
    let error = peer.admit_error(service.handlers.handle(error, peer, name));
    if let Some(source) = error.source() {
        let code = error.code();
        let unexpected = code == Code::INTERNAL;
        let wanted =
            if unexpected { tracing::enabled!(Level::ERROR) } else { tracing::enabled!(Level::INFO) };
        if !wanted || !service.observer.may_write(peer.0.who()) {
            // It has been counted.
        } else if unexpected {
            tracing::error!(procedure = name, error = source, "a procedure failed");
        } else {
            tracing::info!(procedure = name, code = code.0, error = source, "a call failed");
        }
    }
    error.told(service.debug || weak::is_off("error-details"))
}

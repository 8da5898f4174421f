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
mod task;
#[cfg(test)]
mod tests;

use crate::{
    Context, Peer,
    hook::AnyHook,
    outbox::Said,
    route::Slot,
    service::Service,
};
use bucket::Bucket;
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Poll, ready},
    time::Duration,
};
use swill_proto::{CallId, CancelReason, Close, Code, Error, Kind, Message, Outgoing, ProcedureId, Protocol};
use swill_ws::{Event, Input, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// After so many messages a connection lets others have a turn.
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
    /// The context of the last call, to be used by the next.
    spare: Option<Box<Context>>,
    said: Said,
    /// What the connection ended with.
    ended_by: Option<Close>,
    paused: Option<Paused>,
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

struct Keepalive {
    heard: Instant,
    pinged: Option<Instant>,
}

/// What became of a piece of input.
enum Handled {
    /// All of it was handled.
    All,
    /// So many bytes of it were handled; the rest has to wait.
    Until(usize),
}

/// Writes messages of the protocol into the write buffer, as WebSocket frames.
struct Frames<'a> {
    ws: &'a mut swill_ws::Writer,
    out: &'a mut Vec<u8>,
    start: Option<swill_ws::Start>,
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
            spare: None,
            said: Said::default(),
            ended_by: None,
            paused: None,
            keepalive: Keepalive { heard: now, pinged: None },
            stalled_since: None,
            flush_at: None,
            leaving_until: None,
            eof: false,
            discarded: 0,
            timer,
            cancels,
            pings,
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
    fn work(&mut self, task: &mut std::task::Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let mut handled = 0;
        loop {
            self.look_after_time(now);
            if matches!(self.phase, Phase::Over) {
                return Poll::Ready(());
            }
            self.look_after_wishes(now);
            let high = self.service().limits.outbox;
            // Asked before others fill the buffer: who always has something to say must not keep us from reading.
            let room = self.waiting() < high;
            self.hear_others(now);

            let mut blocked = true;
            if room && self.may_read(now) {
                if handled >= BATCH || !tokio::task::coop::has_budget_remaining() {
                    // Others have a turn; what is ready to be written leaves with the next batch, unless that would
                    // be late.
                    let flush_at = *self.flush_at.get_or_insert(now + LATEST_FLUSH);
                    if self.waiting() >= high || Instant::now() >= flush_at {
                        self.flush_at = None;
                        let _ = self.flush(now, task);
                    }
                    task.waker().wake_by_ref();
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
                if room && (more || !blocked) {
                    continue;
                }
                self.arm(now, task);
                return Poll::Pending;
            }
        }
    }

    /// Whether input is wanted. While a stream in is full it is not.
    fn may_read(&mut self, now: Instant) -> bool {
        if self.eof {
            return false;
        }
        let Some(paused) = &self.paused else { return true };
        let shared = &self.peer.0;
        let limits = &shared.service.limits;
        let half = limits.stream_unread / 2;
        let stream = paused.full.and_then(|call| shared.open_call(call)).is_some_and(|it| it.inbox.unread() > half);
        if stream || shared.unread.load(Ordering::SeqCst) > limits.unread / 2 {
            return false;
        }
        shared.paused.store(false, Ordering::SeqCst);
        self.paused = None;
        self.keepalive.heard = now;
        true
    }

    /// Reads once, or takes up the input that had to wait, and handles it. Pending if there is none.
    fn read(&mut self, now: Instant, handled: &mut u32, task: &mut std::task::Context<'_>) -> Poll<()> {
        if self.rest.end > self.rest.at {
            let mut rest = std::mem::take(&mut self.rest);
            match self.handle(&mut rest.buffer[rest.at..rest.end], now, handled, task) {
                Handled::All => buffers::give_read(rest.buffer),
                Handled::Until(consumed) => {
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
            Handled::All => buffers::give_read(buffer),
            Handled::Until(at) => self.put_aside(Rest { buffer, at, end }),
        }
        Poll::Ready(())
    }

    /// Keeps input for later, in at most twice the memory that it needs; if that may take long, in no more than that.
    fn put_aside(&mut self, rest: Rest) {
        let Rest { buffer, at, end } = rest;
        if end - at <= buffer.len() / 2 || self.paused.is_some() {
            self.rest = Rest { buffer: buffer[at..end].to_vec(), at: 0, end: end - at };
            buffers::give_read(buffer);
        } else {
            self.rest = Rest { buffer, at, end };
        }
    }

    /// Notes what a read brought; returns how much.
    fn heard(&mut self, read: &io::Result<usize>, now: Instant) -> usize {
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
                self.keepalive = Keepalive { heard: now, pinged: None };
                if !matches!(self.phase, Phase::Open) {
                    self.discarded += bytes;
                    if self.discarded > DISCARDED_AT_MOST {
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
    fn handle(
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
            if matches!(self.phase, Phase::Over) {
                break Handled::All;
            }
            if self.paused.is_some() || *handled >= BATCH || out.len() - self.written >= most {
                break match input.is_empty() {
                    true => Handled::All,
                    false => Handled::Until(input.consumed()),
                };
            }
            let (reader, writer) = self.ws.split();
            match reader.receive(&mut input, writer, &mut out) {
                Ok(Some(Event::Message { kind, data })) => {
                    *handled += 1;
                    let kind = match kind {
                        swill_ws::Kind::Text => Kind::Text,
                        swill_ws::Kind::Binary => Kind::Binary,
                    };
                    let mut frames = Frames { ws: writer, out: &mut out, start: None };
                    let received =
                        self.protocol.receive(Message { kind, data }, &*self.peer.0.service, &mut frames);
                    let mut driver = calls::Driver {
                        frames,
                        protocol: &mut *self.protocol,
                        peer: &self.peer,
                        spare: &mut self.spare,
                        said: &mut self.said,
                        cancels: &mut self.cancels,
                        paused: &mut self.paused,
                        leaving: self.leaving_until.is_some(),
                        now,
                    };
                    if let Err(close) = driver.received(received, task) {
                        self.close(close, now, &mut out);
                    }
                }
                Ok(Some(Event::Ping(_))) => {
                    *handled += 1;
                    let rate = self.peer.0.service.limits.pings;
                    if !self.pings.take(rate, now) {
                        self.close(Close::new(1008, "too many pings"), now, &mut out);
                    }
                }
                Ok(Some(Event::Pong(_))) => *handled += 1,
                Ok(Some(Event::Close { code, reason })) => {
                    let close = Close::new(code.unwrap_or(1005), reason.to_owned());
                    self.ended_by.get_or_insert(close);
                    self.linger(now);
                }
                Ok(None) => break Handled::All,
                Err(violation) => {
                    self.ended_by(violation.code, violation.reason);
                    self.linger(now);
                }
            }
        };
        self.out = out;
        result
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
            frames: Frames { ws: writer, out: &mut out, start: None },
            protocol: &mut *self.protocol,
            peer: &self.peer,
            spare: &mut self.spare,
            said: &mut self.said,
            cancels: &mut self.cancels,
            paused: &mut self.paused,
            leaving: self.leaving_until.is_some(),
            now,
        };
        if let Err(close) = run(&mut driver) {
            self.close(close, now, &mut out);
        }
        self.out = out;
    }

    /// Notes what the connection ended with, the first time.
    fn ended_by(&mut self, code: u16, reason: &'static str) {
        self.ended_by.get_or_insert_with(|| Close::new(code, reason));
    }

    /// Begins to close. Calls end now: nobody would hear their answers.
    fn close(&mut self, close: Close, now: Instant, out: &mut Vec<u8>) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        // RFC 6455, section 7.4: these may be sent, the others have no meaning on the wire.
        let code = match close.code {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => code,
            _ => 1000,
        };
        self.ws.close(code, &close.reason, out);
        self.ended_by.get_or_insert(close);
        self.phase = Phase::Closing { until: now + self.service().limits.close };
        self.end_calls();
    }

    /// The last frame is on its way.
    fn linger(&mut self, now: Instant) {
        self.phase = Phase::Lingering { until: now + self.service().limits.close, shut: false };
        self.end_calls();
    }

    /// From now on nobody would hear what calls say.
    fn end_calls(&mut self) {
        self.paused = None;
        self.peer.0.outbox.shut();
        self.peer.0.cancel_all(CancelReason::Disconnect);
    }

    /// Shuts our side of the socket; whether there was something to do.
    fn shut(&mut self, task: &mut std::task::Context<'_>) -> bool {
        let (Phase::Lingering { shut: shut @ false, .. }, Some(socket)) = (&mut self.phase, &mut self.socket) else {
            return false;
        };
        *shut = true;
        if let Poll::Ready(Err(_)) = Pin::new(socket).poll_shutdown(task) {
            self.phase = Phase::Over;
        }
        true
    }

    /// Sees what others want of this connection: to close it, or to let it end because the server is shutting down.
    fn look_after_wishes(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if self.waiting() >= self.service().limits.outbox {
            // What was said before the wish is written first, for which there is no room.
            return;
        }
        if let Some(close) = self.peer.0.outbox.take_close() {
            self.hear_others(now);
            let mut out = std::mem::take(&mut self.out);
            self.close(close, now, &mut out);
            self.out = out;
            return;
        }
        if !self.slot.hub().is_draining() {
            return;
        }
        if self.leaving_until.is_none() {
            self.leaving_until = Some(now + self.service().limits.grace);
            self.peer.0.ending.store(true, Ordering::SeqCst);
        }
        if self.peer.0.running.load(Ordering::SeqCst) == 0 {
            self.hear_others(now);
            let mut out = std::mem::take(&mut self.out);
            self.close(Close::new(1001, "the server is shutting down"), now, &mut out);
            self.out = out;
        }
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
                    return Poll::Pending;
                }
            }
        }
        self.written = 0;
        self.stalled_since = None;
        if self.out.capacity() > 0 {
            buffers::give_write(std::mem::take(&mut self.out));
        }
        Poll::Ready(())
    }

    /// When something has to happen by itself, at the earliest.
    fn due(&self) -> Instant {
        let limits = &self.service().limits;
        let stalled = self.stalled_since.map(|since| since + limits.write_stall);
        let paused = self.paused.as_ref().map(|paused| paused.since + limits.stream_stall);
        let (phase, leaving) = match &self.phase {
            Phase::Open => {
                let peer = match self.keepalive.pinged {
                    Some(at) => at + limits.pong_within,
                    None => self.keepalive.heard + limits.ping_after,
                };
                (Some(peer), self.leaving_until)
            }
            Phase::Closing { until } | Phase::Lingering { until, .. } => (Some(*until), None),
            Phase::Over | Phase::Farewell(_) => (None, None),
        };
        let far = self.keepalive.heard + limits.ping_after + limits.pong_within;
        [stalled, paused, phase, leaving].into_iter().flatten().min().unwrap_or(far)
    }

    /// Sets the timer. A timer that fires too early is cheaper than one that is moved with every message.
    fn arm(&mut self, now: Instant, task: &mut std::task::Context<'_>) {
        if self.waiting() >= self.service().limits.outbox {
            // We do not read, so the peer's silence is ours.
            self.keepalive = Keepalive { heard: now, pinged: None };
        }
        let due = self.due();
        let armed = self.timer.deadline();
        if due < armed || armed <= now {
            self.timer.as_mut().reset(due);
        }
        if self.timer.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }

    /// Does what is due.
    fn look_after_time(&mut self, now: Instant) {
        if now < self.timer.deadline() {
            return;
        }
        let limits = self.service().limits.clone();
        if self.stalled_since.is_some_and(|since| now >= since + limits.write_stall) {
            tracing::debug!(peer = self.peer.id(), "a peer takes nothing of what is sent to it");
            self.ended_by(4008, "slow consumer");
            // The close frame would have to wait like everything else.
            self.phase = Phase::Over;
            return;
        }
        if let Some(paused) = &self.paused {
            // Pongs wait behind the data that is not read: the peer's silence is ours.
            self.keepalive = Keepalive { heard: now, pinged: None };
            if now >= paused.since + limits.stream_stall {
                self.stream_stalled(now);
            }
        }
        match self.phase {
            Phase::Closing { until } | Phase::Lingering { until, .. } if now >= until => self.phase = Phase::Over,
            Phase::Open => self.look_after_peer(now),
            _ => {}
        }
        if matches!(self.phase, Phase::Open) && self.leaving_until.is_some_and(|until| now >= until) {
            self.give_up_calls(now);
        }
    }

    /// Reading has been paused for long: the fullest stream of which nothing has been taken meanwhile fails. If all have
    /// moved, they get more time.
    fn stream_stalled(&mut self, now: Instant) {
        let Some(paused) = &mut self.paused else { return };
        paused.since = now;
        if let Some((call, state)) = self.peer.0.stuck(paused.full) {
            state.cancel(CancelReason::Slow);
            self.with_driver(now, |driver| driver.fail(call, Error::cancelled(CancelReason::Slow)));
        }
        self.peer.0.mark_streams();
    }

    /// Sends a ping after a silence, and gives up after a longer one.
    fn look_after_peer(&mut self, now: Instant) {
        let limits = &self.service().limits;
        let (ping_after, pong_within) = (limits.ping_after, limits.pong_within);
        match self.keepalive.pinged {
            Some(at) if now >= at + pong_within => {
                self.ended_by(1006, "the peer did not answer a ping");
                self.phase = Phase::Over;
            }
            None if now >= self.keepalive.heard + ping_after => {
                self.keepalive.pinged = Some(now);
                let mut out = std::mem::take(&mut self.out);
                self.ws.ping(&[], &mut out);
                self.out = out;
            }
            _ => {}
        }
    }

    /// The grace of a shutdown is over.
    fn give_up_calls(&mut self, now: Instant) {
        let calls: Vec<CallId> = self.peer.0.open_calls();
        self.peer.0.cancel_all(CancelReason::Shutdown);
        self.with_driver(now, |driver| {
            calls.into_iter().try_for_each(|call| driver.fail(call, Error::cancelled(CancelReason::Shutdown)))
        });
        let mut out = std::mem::take(&mut self.out);
        self.close(Close::new(1001, "the server is shutting down"), now, &mut out);
        self.out = out;
    }

    /// Ends everything that belongs to the connection. Hooks hear of its calls first, then of itself.
    fn farewell(&mut self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.peer.0.ending.store(true, Ordering::SeqCst);
        self.end_calls();
        self.socket = None;
        self.spare = None;
        self.rest = Rest::default();
        (self.out, self.written) = (Vec::new(), 0);
        let hooks: Vec<Arc<dyn AnyHook>> = self.service().hooks.clone();
        if hooks.is_empty() {
            return None;
        }
        let peer = self.peer.clone();
        let close = self.ended_by.take().unwrap_or_else(|| Close::new(1006, "the connection broke"));
        Some(Box::pin(async move {
            for hook in hooks {
                hook.after_connection(&peer, &close).await;
            }
        }))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !matches!(this.phase, Phase::Farewell(_)) {
            ready!(this.work(task));
            let farewell = this.farewell();
            this.phase = Phase::Farewell(farewell);
            let grace = this.service().limits.grace;
            this.timer.as_mut().reset(Instant::now() + grace);
        }
        let Phase::Farewell(Some(hooks)) = &mut this.phase else { return Poll::Ready(()) };
        // Procedures that cannot be stopped, blocking ones, are not waited for longer than a grace.
        this.peer.0.outbox.listen(task.waker());
        if this.peer.0.running.load(Ordering::SeqCst) > 0 && this.timer.as_mut().poll(task).is_pending() {
            return Poll::Pending;
        }
        hooks.as_mut().poll(task)
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.slot.hub().remove(&self.peer);
        // The task may have been dropped by its runtime, before its end.
        self.peer.0.outbox.shut();
        self.peer.0.cancel_all(CancelReason::Disconnect);
    }
}

/// Logs an error that nobody expected, and makes of it what the peer is told.
pub(crate) fn report(error: &Error, service: &Service, procedure: ProcedureId) -> Error {
    let told = match (error.close(), error.data()) {
        (Some(close), _) => Error::close_connection(close.code, close.reason.clone()),
        (None, Some(data)) => Error::new(error.code(), error.message().to_owned()).with_data(data),
        (None, None) => Error::new(error.code(), error.message().to_owned()),
    };
    let Some(source) = error.source() else { return told };
    let name = service.name(procedure);
    match error.code() {
        Code::INTERNAL => tracing::error!(procedure = name, error = source, "a procedure failed"),
        code => tracing::info!(procedure = name, code = code.0, error = source, "a call failed"),
    }
    match service.debug {
        true => told.with_message(format!("{}: {source}", error.message())),
        false => told,
    }
}

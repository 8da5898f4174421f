//! One connection, driven by one task: calls out, answers in.
//!
//! What a poll does, again and again until there is nothing left to do: write; when everything is written, take all that
//! callers have said and encode it, so that it leaves in one write; read once and hand out what has come. Nothing new is
//! taken from callers while older bytes wait: so it is known at any time which calls the socket has never seen.

mod bucket;
mod buffers;
mod calls;

use crate::{
    client::Shared,
    connector::Socket,
    fault,
    handshake::Link,
    outbox::{Entry, Said},
};
use bucket::Bucket;
use calls::Calls;
use std::{
    borrow::Cow,
    collections::VecDeque,
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use swill_proto::{
    CallId, CancelReason, Close, Directory, Format, Found, Frame, Head, Kind, Message, Open, Outgoing,
    Payload, Protocol, Received, Target, swill1,
};
use swill_ws::{Config, Event, Input, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// After so many reads in a row a connection lets others have a turn.
const TURN: u32 = 16;

/// Beyond so many bytes of pongs and the like that the socket has not taken, nothing is read.
const UNWRITTEN: usize = 64 << 10;

/// How long a server may take to hang up once both sides have said goodbye.
const LINGER: Duration = Duration::from_secs(1);

/// Pings of the server: so many at once, and so many per second.
const PINGS: (u32, u32) = (1000, 100);

/// CANCELs to the server: servers count them (200 at once, 50 per second), so the rest waits.
const CANCELS: (u32, u32) = (150, 40);

/// A connection.
pub(crate) struct Connection {
    socket: Socket,
    ws: WebSocket,
    machine: swill1::Client,
    shared: Arc<Shared>,
    phase: Phase,
    calls: Calls,
    /// What is being written, kept until the socket has taken it all.
    said: Said,
    /// Where in the output the bytes of each entry of `said` begin.
    starts: Vec<usize>,
    out: Vec<u8>,
    written: usize,
    /// Input that was read and not handled, because a stream is full.
    rest: Rest,
    /// Calls that are over and that the outbox still counts.
    ended: usize,
    ended_by: Option<Close>,
    paused: Option<Paused>,
    heard: Instant,
    pinged: Option<Instant>,
    stalled_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    pings: Bucket,
    cancels: Bucket,
    /// Calls that are to be cancelled as soon as the server bears it.
    late_cancels: VecDeque<CallId>,
}

#[derive(Clone, Copy)]
enum Phase {
    Open,
    /// We have said goodbye and wait for the server's.
    Closing {
        until: Instant,
    },
    /// Both have: what is left is written, then the server hangs up.
    Lingering {
        until: Instant,
        shut: bool,
    },
    Over,
}

#[derive(Default)]
struct Rest {
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

/// Not reading, because too much is unread.
struct Paused {
    call: CallId,
    since: Instant,
    taken: usize,
}

/// Servers do not call.
struct Nobody;

impl Directory for Nobody {
    fn find(&self, _: &str) -> Option<Found> {
        None
    }
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

impl Connection {
    pub(crate) fn new(link: Link, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let limits = &shared.settings.limits;
        let mut config = Config::client();
        config.deflate = link.deflate;
        config.limits = swill_ws::Limits {
            message: limits.message,
            frame: limits.message,
            fragments: limits.fragments,
            empty_fragments: limits.empty_fragments,
        };
        let timer = Box::pin(sleep_until(now + limits.ping_after));
        let end = link.early.len();
        Self {
            socket: link.socket,
            ws: WebSocket::new(&config),
            machine: swill1::Client::new(limits.metadata),
            phase: Phase::Open,
            calls: Calls::default(),
            said: Said::default(),
            starts: Vec::new(),
            out: Vec::new(),
            written: 0,
            rest: Rest { buffer: link.early, at: 0, end },
            ended: 0,
            ended_by: None,
            paused: None,
            heard: now,
            pinged: None,
            stalled_since: None,
            timer,
            pings: Bucket::new(PINGS.0, PINGS.1, now),
            cancels: Bucket::new(CANCELS.0, CANCELS.1, now),
            late_cancels: VecDeque::new(),
            shared,
        }
    }

    /// Does everything that can be done now. Ready, with what ended it, when the connection is over.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Close> {
        let now = Instant::now();
        let mut reads = 0;
        loop {
            self.look_after_time(now);
            self.look_after_wishes(now);
            let flushed = self.flush(now, task).is_ready();
            if flushed && self.hear_callers(now) {
                continue;
            }
            if flushed && matches!(self.phase, Phase::Lingering { shut: false, .. }) {
                self.shut(task);
            }
            if matches!(self.phase, Phase::Over) {
                self.shared.outbox.ended(std::mem::take(&mut self.ended));
                return Poll::Ready(self.ended_by.take().unwrap_or_else(broken));
            }
            if self.out.len() - self.written < UNWRITTEN && self.may_read(now) {
                if reads >= TURN {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                reads += 1;
                if self.read(now, task).is_ready() {
                    continue;
                }
            }
            self.shared.outbox.ended(std::mem::take(&mut self.ended));
            let more = self.shared.outbox.listen(task.waker());
            let open = matches!(self.phase, Phase::Open);
            if more && open && self.out.is_empty() || self.paused.is_some() && self.may_read(now) {
                continue;
            }
            self.arm(now, task);
            return Poll::Pending;
        }
    }

    // Out.

    /// Takes and encodes what callers have said. Whether there was anything.
    fn hear_callers(&mut self, now: Instant) -> bool {
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

    fn say(&mut self, entry: &Entry, bytes: &[u8], now: Instant) {
        match entry {
            // Given up before it was sent.
            Entry::Open(opening) if opening.call.is_over() => self.ended += 1,
            Entry::Open(opening) => {
                self.calls.insert(opening, bytes);
                let (name, payload) = bytes.split_at_checked(opening.name).unwrap_or_default();
                let name = std::str::from_utf8(name).unwrap_or_default();
                self.send(Frame::Open(Open {
                    call: opening.call.id,
                    target: Target::Named(Cow::Borrowed(name)),
                    shape: opening.shape,
                    input: opening.payload.map(|_| Payload::new(Format::MessagePack, payload)),
                    head: Head { metadata: opening.metadata.clone(), deadline: None },
                    reply: true,
                }));
            }
            Entry::Item { call, .. } => {
                let payload = Payload::new(Format::MessagePack, bytes);
                self.send(Frame::Item { call: *call, payload, leading: None });
            }
            Entry::End { call } => {
                self.send(Frame::End { call: *call, last: None, leading: None, trailing: None })
            }
            Entry::Cancel { call } => self.cancel(*call, CancelReason::Client, now),
        }
    }

    /// Every frame leaves through here.
    fn send(&mut self, frame: Frame<'_>) {
        let (_, writer) = self.ws.split();
        let mut frames = Frames { ws: writer, out: &mut self.out, start: None };
        // The client's machine never ends a connection because of what is sent.
        let _ = self.machine.send(frame, &mut frames);
    }

    /// Ends a call from this side. The caller knows already.
    fn cancel(&mut self, call: CallId, reason: CancelReason, now: Instant) {
        if self.calls.remove(call).is_none() {
            return;
        }
        if self.late_cancels.is_empty() && self.cancels.take(now) {
            self.ended += 1;
            self.send(Frame::Cancel { call, reason });
        } else {
            self.late_cancels.push_back(call);
        }
    }

    fn cancel_late(&mut self, now: Instant) {
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
    fn flush(&mut self, now: Instant, task: &mut Context<'_>) -> Poll<()> {
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
        // A socket of the user's own may have a buffer. One that is full will say so by itself.
        if let Poll::Ready(Err(_)) = Pin::new(&mut self.socket).poll_flush(task) {
            self.over(broken());
            return Poll::Pending;
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

    // In.

    /// Whether input is wanted. While too much is unread it is not.
    fn may_read(&mut self, now: Instant) -> bool {
        if matches!(self.phase, Phase::Over) {
            return false;
        }
        let Some(paused) = &self.paused else { return true };
        let limits = &self.shared.settings.limits;
        let full = self.calls.get(paused.call).is_some_and(|call| call.unread() > limits.stream_unread / 2)
            || self.shared.unread.load(Ordering::SeqCst) > limits.unread / 2;
        if !full {
            self.resume(now);
        }
        !full
    }

    fn pause(&mut self, call: CallId, taken: usize, now: Instant) {
        self.shared.paused.store(true, Ordering::SeqCst);
        self.paused = Some(Paused { call, since: now, taken });
    }

    fn resume(&mut self, now: Instant) {
        self.shared.paused.store(false, Ordering::SeqCst);
        self.paused = None;
        // Pongs were waiting behind the data.
        self.heard = now;
        self.pinged = None;
    }

    /// Reads once, or takes up the input that had to wait, and handles it. Pending if there is none.
    fn read(&mut self, now: Instant, task: &mut Context<'_>) -> Poll<()> {
        if self.rest.end > self.rest.at {
            let rest = std::mem::take(&mut self.rest);
            self.handle(rest, now);
            return Poll::Ready(());
        }
        let direct = match self.ws.payload_buffer() {
            Some(mut buffer) => Some(ready!(pin!(self.socket.read_buf(&mut buffer)).poll(task))),
            None => None,
        };
        if let Some(read) = direct {
            if self.came(&read, now) > 0 {
                self.handle(Rest::default(), now);
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
        self.handle(Rest { buffer, at: 0, end }, now);
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
    fn handle(&mut self, mut rest: Rest, now: Instant) {
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
                    let received = self.machine.receive(Message { kind, data }, &Nobody, &mut frames);
                    let mut inbound = Inbound {
                        shared: &self.shared,
                        calls: &mut self.calls,
                        late_cancels: &mut self.late_cancels,
                        ended: &mut self.ended,
                        full: None,
                    };
                    let result = inbound.received(received);
                    let full = inbound.full;
                    if let Err(close) = result {
                        break Some(close);
                    }
                    if let Some((call, taken)) = full {
                        self.pause(call, taken, now);
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

    // Time and wishes.

    /// Begins to close. Calls end now: nobody would hear their answers.
    fn close(&mut self, close: Close, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.ws.close(close.code, &close.reason, &mut self.out);
        self.phase = Phase::Closing { until: now + self.shared.settings.limits.close };
        self.ended_by.get_or_insert(close);
        self.stop_pausing(now);
    }

    /// The last frame is on its way.
    fn linger(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Over) {
            self.phase = Phase::Lingering { until: now + LINGER, shut: false };
        }
        self.stop_pausing(now);
    }

    fn stop_pausing(&mut self, now: Instant) {
        if self.paused.is_some() {
            self.resume(now);
        }
    }

    fn over(&mut self, close: Close) {
        self.ended_by.get_or_insert(close);
        self.phase = Phase::Over;
    }

    fn shut(&mut self, task: &mut Context<'_>) {
        if let Poll::Ready(Err(_)) = Pin::new(&mut self.socket).poll_shutdown(task) {
            self.over(broken());
        } else if let Phase::Lingering { shut, .. } = &mut self.phase {
            *shut = true;
        }
    }

    /// Closes the connection if a handle wants that.
    fn look_after_wishes(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if let Some(close) = self.shared.outbox.wish() {
            // What was said before the wish is written first, unless the socket is stuck.
            if self.out.is_empty() {
                self.hear_callers(now);
            }
            self.close(close, now);
            self.fail_calls();
        }
    }

    /// Does what is due.
    fn look_after_time(&mut self, now: Instant) {
        if now < self.timer.deadline() || matches!(self.phase, Phase::Over) {
            return;
        }
        let limits = self.shared.settings.limits.clone();
        if self.stalled_since.is_some_and(|since| now >= since + limits.write_stall) {
            self.over(Close::new(1006, "the server took nothing of what was sent to it"));
            return;
        }
        if let Some(paused) = &self.paused {
            // Pongs wait behind the data that is not read: the server's silence is ours.
            self.heard = now;
            self.pinged = None;
            if now >= paused.since + limits.stream_stall {
                self.stream_stalled(now);
            }
        }
        match self.phase {
            Phase::Closing { until } | Phase::Lingering { until, .. } if now >= until => {
                return self.over(broken());
            }
            Phase::Open => self.look_after_server(now),
            _ => {}
        }
        while let Some(id) = self.calls.expired(now) {
            if let Some(call) = self.calls.get(id) {
                call.fail(fault::deadline());
            }
            self.cancel(id, CancelReason::Deadline, now);
        }
        self.cancel_late(now);
    }

    /// The stream that is full has taken nothing, and others wait: it fails. If it has moved, it gets more time.
    fn stream_stalled(&mut self, now: Instant) {
        let Some(paused) = &mut self.paused else { return };
        paused.since = now;
        let id = paused.call;
        let Some(call) = self.calls.get(id) else { return };
        let taken = call.taken();
        if taken != paused.taken || self.calls.len() < 2 {
            paused.taken = taken;
            return;
        }
        self.shared.unread.fetch_sub(call.fail_slow(), Ordering::SeqCst);
        self.cancel(id, CancelReason::Slow, now);
    }

    /// Sends a ping after a silence, and gives up after a longer one.
    fn look_after_server(&mut self, now: Instant) {
        let limits = &self.shared.settings.limits;
        match self.pinged {
            Some(at) if now >= at + limits.pong_within => {
                self.over(Close::new(1006, "the server did not answer a ping"));
            }
            None if now >= self.heard + limits.ping_after => {
                self.pinged = Some(now);
                self.ws.ping(&[], &mut self.out);
            }
            _ => {}
        }
    }

    /// When something has to happen by itself, at the earliest.
    fn due(&self) -> Instant {
        let limits = &self.shared.settings.limits;
        let phase = match self.phase {
            Phase::Open => match self.pinged {
                Some(at) => at + limits.pong_within,
                None => self.heard + limits.ping_after,
            },
            Phase::Closing { until } | Phase::Lingering { until, .. } => until,
            Phase::Over => self.heard,
        };
        let others = [
            self.stalled_since.map(|since| since + limits.write_stall),
            self.paused.as_ref().map(|paused| paused.since + limits.stream_stall),
            self.calls.due(),
            (!self.late_cancels.is_empty()).then(|| self.cancels.due()),
        ];
        others.into_iter().flatten().fold(phase, Instant::min)
    }

    /// Sets the timer. A timer that fires too early is cheaper than one that is moved with every message.
    fn arm(&mut self, now: Instant, task: &mut Context<'_>) {
        let due = self.due();
        let armed = self.timer.deadline();
        if due < armed || armed <= now {
            // What is due is done by then; only a clock that stands still could bring it up again.
            self.timer.as_mut().reset(due.max(now + Duration::from_millis(1)));
        }
        if self.timer.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }

    // The end.

    fn fail_calls(&mut self) {
        let close = self.ended_by.clone().unwrap_or_else(broken);
        for call in self.calls.drain() {
            call.fail(fault::unknown(&close));
            self.ended += 1;
        }
        self.ended += std::mem::take(&mut self.late_cancels).len();
    }

    /// Ends all calls: those that may be sent over the next connection go back to the outbox, the others fail.
    pub(crate) fn finish(mut self, close: &Close) {
        self.ended_by = Some(close.clone());
        let mut back = self.calls.take_again();
        let resent: Vec<CallId> = back.entries.iter().map(Entry::call).collect();
        let (mut starts, written) = (std::mem::take(&mut self.starts).into_iter(), self.written);
        let calls = &mut self.calls;
        std::mem::take(&mut self.said).drain(|entry, bytes| {
            let unseen = starts.next().is_some_and(|start| start >= written);
            match &entry {
                Entry::Open(opening) => {
                    let id = opening.call.id;
                    if unseen && !resent.contains(&id) && calls.remove(id).is_some() {
                        back.push(entry, &[bytes]);
                    }
                }
                // Items whose call was seen, or is over, are thrown out by the outbox, which knows the calls.
                Entry::Item { .. } | Entry::End { .. } => back.push(entry, &[bytes]),
                Entry::Cancel { .. } => {}
            }
        });
        self.shared.outbox.put_back(back);
        self.fail_calls();
        self.shared.outbox.ended(std::mem::take(&mut self.ended));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The task may have been dropped by its runtime.
        self.ended_by.get_or_insert_with(broken);
        self.fail_calls();
        self.shared.paused.store(false, Ordering::SeqCst);
    }
}

#[cold]
fn broken() -> Close {
    Close::new(1006, "the connection broke")
}

/// Hands out what the server has said.
struct Inbound<'a> {
    shared: &'a Shared,
    calls: &'a mut Calls,
    late_cancels: &'a mut VecDeque<CallId>,
    ended: &'a mut usize,
    /// Too much is unread now, of this call most; what its caller had taken.
    full: Option<(CallId, usize)>,
}

impl Inbound<'_> {
    fn received(&mut self, received: Received<'_>) -> Result<(), Close> {
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
                let cost = call.item(payload.bytes(), leading);
                let all = self.shared.unread.fetch_add(cost, Ordering::SeqCst) + cost;
                let limits = &self.shared.settings.limits;
                if call.unread() > limits.stream_unread {
                    self.full = Some((call.id, call.taken()));
                } else if all > limits.unread {
                    let fullest = self.calls.fullest().and_then(|id| self.calls.get(id));
                    self.full = fullest.map(|call| (call.id, call.taken()));
                }
            }
            Frame::Metadata { call, metadata } => {
                if let Some(call) = self.calls.heard(call, false) {
                    call.leading(metadata);
                }
            }
            Frame::End { call, last, leading, trailing } => {
                if let Some(call) = self.remove(call) {
                    let last = last.map(|payload| payload.bytes().to_vec());
                    call.finish(crate::call::End { last, trailing }, leading);
                }
            }
            Frame::Fail { call, error } => {
                if let Some(call) = self.remove(call) {
                    call.fail(error);
                }
            }
            // Servers neither call nor cancel.
            Frame::Open(_) | Frame::Cancel { .. } => {}
        }
    }

    fn remove(&mut self, id: CallId) -> Option<Arc<crate::call::Call>> {
        let call = self.calls.remove(id);
        if call.is_some() {
            *self.ended += 1;
        } else if let Some(at) = self.late_cancels.iter().position(|late| *late == id) {
            // It has ended by itself before it could be cancelled.
            self.late_cancels.remove(at);
            *self.ended += 1;
        }
        call
    }
}

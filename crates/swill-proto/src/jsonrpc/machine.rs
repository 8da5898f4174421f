use super::{
    CAPABILITIES, MSGPACK_CAPABILITIES, STREAM,
    answers::{Answers, Place},
    calls::{Call, Calls},
    envelope::{self, Content, Envelope, Member},
    fault::Fault,
    id::Id,
    is_own,
    limits::Limits,
    streams::{self, Streams},
    write::{self, Answer},
};
use crate::{
    CallId, CancelReason, Capabilities, Close, Directory, Error, Format, Found, Frame, Head, Held, Kind,
    Limit, Message, Open, Outgoing, Payload, Protocol, Received, Shape, Side, Target, recent::Recent,
    scan::json::Text, weak,
};

/// One side of a connection that speaks JSON-RPC 2.0. Both sides can do the same; only a client opens streams.
///
/// ```
/// use swill_proto::{Format, Protocol, Side, jsonrpc};
///
/// let machine = jsonrpc::Machine::new(Side::Server, Format::Json, jsonrpc::Limits::default(), false);
/// assert_eq!(machine.capabilities().name, "JSON-RPC 2.0");
/// ```
#[derive(Debug)]
pub struct Machine {
    side: Side,
    codec: Format,
    limits: Limits,
    plain_errors: bool,
    opened: u64,
    calls: Calls,
    answers: Answers,
    streams: Streams,
    recent: Option<Recent>,
}

impl Machine {
    /// The machine of a connection that has just been opened.
    ///
    /// `codec` is how messages are written. With `plain_errors`, the errors that the protocol itself defines have no data.
    pub fn new(side: Side, codec: Format, limits: Limits, plain_errors: bool) -> Self {
        Self {
            side,
            codec,
            limits,
            plain_errors,
            opened: 0,
            calls: Calls::default(),
            answers: Answers::default(),
            streams: Streams::default(),
            recent: None,
        }
    }
}

impl Protocol for Machine {
    fn capabilities(&self) -> &'static Capabilities {
        match self.codec {
            Format::Json => &CAPABILITIES,
            Format::MessagePack => &MSGPACK_CAPABILITIES,
        }
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        self.calls.settle();
        // JSON may come in binary messages, too, which nobody has looked at yet; MessagePack is never text.
        let readable = match (self.codec, message.kind) {
            (Format::Json, Kind::Text) | (Format::MessagePack, Kind::Binary) => true,
            (Format::Json, Kind::Binary) => std::str::from_utf8(message.data).is_ok(),
            (Format::MessagePack, Kind::Text) => false,
        };
        if !readable {
            return self.refuse(Fault::PARSE_ERROR, out);
        }
        let mut envelope = Envelope::new(self.codec);
        match envelope::read(message.data, self.limits.batch, &mut envelope) {
            Ok(Content::One) => match self.element(&envelope, directory, None, out) {
                Some(frame) => Received::One(frame),
                None => Received::Nothing,
            },
            Ok(Content::Batch(elements)) => self.batch(&elements, directory, out),
            Ok(Content::TooMany) => {
                out.exceeded(Limit::Batch);
                self.refuse(Fault::long_batch(self.limits.batch, self.plain_errors), out)
            }
            Ok(Content::Other) => self.refuse(Fault::INVALID_REQUEST, out),
            Err(malformed) => {
                if let Some(limit) = Limit::of(malformed) {
                    out.exceeded(limit);
                }
                self.refuse(Fault::PARSE_ERROR, out)
            }
        }
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::End { call, last, .. } => {
                let number = call.number();
                if let Some(call) = self.calls.finish(call) {
                    if call.streams_out {
                        self.end_stream(&call, number, out);
                    } else {
                        let content =
                            last.as_ref().map_or_else(|| write::null(self.codec), |last| self.written(last));
                        self.answer(call.place, Answer::Result, content, call.id.written(), out);
                    }
                }
            }
            Frame::Item { call, payload, .. } => self.item(call, &payload, out),
            Frame::Accepted { call } | Frame::Metadata { call, .. } => self.accept(call, out),
            Frame::Fail { call, error } => self.fail(call, &error, out),
            Frame::Open(open) => {
                if open.call.is_ours() {
                    self.sent(&open);
                    write::request(out, self.codec, &open);
                }
            }
            // An empty array would be no request.
            Frame::Batch(opens) if !opens.is_empty() => {
                for open in &opens {
                    self.sent(open);
                }
                write::requests(out, self.codec, &opens);
            }
            Frame::Cancel { call, .. } if call.is_ours() => {
                self.streams.close(call);
                write::cancel(out, self.codec, call.number());
            }
            Frame::Cancel { call, reason } => self.fail(call, &Error::cancelled(reason), out),
            Frame::Batch(_) => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: self.calls.len() + self.streams.len(), bytes: self.answers.bytes() }
    }
}

/// What comes from the peer.
impl Machine {
    #[inline(never)]
    fn batch<'m>(
        &mut self,
        elements: &[Option<Envelope<'m>>],
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        if self.answers.bytes() >= self.limits.held {
            out.exceeded(Limit::Answers);
            return self.refuse(Fault::TOO_MUCH_HELD, out);
        }
        let batch = self.answers.begin();
        let mut frames = Vec::new();
        for element in elements {
            match element {
                Some(envelope) => frames.extend(self.element(envelope, directory, Some(batch), out)),
                None => {
                    let null = write::null(self.codec);
                    self.reject(Some(batch), null, Fault::INVALID_REQUEST, out);
                }
            }
        }
        self.answers.complete(batch, self.codec, out);
        if frames.is_empty() { Received::Nothing } else { Received::Many(frames) }
    }

    /// Takes one object, alone or in a batch.
    #[inline]
    fn element<'m>(
        &mut self,
        envelope: &Envelope<'m>,
        directory: &dyn Directory,
        batch: Option<u64>,
        out: &mut dyn Outgoing,
    ) -> Option<Frame<'m>> {
        let (id, reply) = match envelope.id() {
            Member::Is(id) => (id, true),
            Member::Absent => (write::null(self.codec), false),
            Member::Bad => return self.no_request(envelope, batch, out),
        };
        let Member::Is(method) = envelope.method() else {
            return self.no_request(envelope, batch, out);
        };
        if !envelope.is_version_2() {
            return self.reject(batch, id, Fault::INVALID_REQUEST, out);
        }
        let found = match &self.recent {
            Some(recent) if recent.is(method.raw) && !method.escaped => Some(recent.found),
            _ if !reply && is_own(method.raw) => return self.told(method, envelope),
            _ => match self.find(method, directory) {
                Ok(found) => found,
                Err(fault) => return self.reject(batch, id, fault, out),
            },
        };
        let Some(found) = found else {
            return if reply { self.reject(batch, id, Fault::METHOD_NOT_FOUND, out) } else { None };
        };
        let params = match envelope.params() {
            Member::Is(params) => Some(Payload::new(self.codec, params)),
            Member::Absent => None,
            Member::Bad if reply => {
                return self.reject(batch, id, Fault::scalar_params(self.plain_errors), out);
            }
            Member::Bad => return None,
        };
        if found.shape.streams_out {
            if !reply {
                return None;
            }
            if batch.is_some() {
                return self.reject(batch, id, Fault::STREAM_IN_BATCH, out);
            }
        }
        self.opened += 1;
        let call = CallId::theirs(self.opened);
        if reply {
            self.remember(call, id, found.shape, batch);
        }
        Some(Frame::Open(Open {
            call,
            target: Target::Known(found.id),
            shape: found.shape,
            input: params,
            head: Head::default(),
            reply,
        }))
    }

    #[inline]
    fn remember(&mut self, call: CallId, id: &[u8], shape: Shape, batch: Option<u64>) {
        let place = batch.map(|batch| self.answers.announce(batch));
        let kept = Call {
            id: Id::new(id),
            place,
            streams_out: shape.streams_out,
            accepted: false,
            cancelled: false,
        };
        if place.is_none() {
            self.calls.open(call, kept);
        } else {
            self.calls.keep(call, kept);
        }
    }

    #[inline(never)]
    fn find(&mut self, method: Text<'_>, directory: &dyn Directory) -> Result<Option<Found>, Fault<'static>> {
        let name = method.decode().map_err(|_| Fault::INVALID_REQUEST)?;
        let found = directory.find(&name);
        if let Some(found) = found {
            self.recent = Recent::new(name.as_bytes(), found).or(self.recent);
        }
        Ok(found)
    }

    /// A response, or an object that makes no sense.
    #[inline(never)]
    fn no_request<'m>(
        &mut self,
        envelope: &Envelope<'m>,
        batch: Option<u64>,
        out: &mut dyn Outgoing,
    ) -> Option<Frame<'m>> {
        if envelope.has_long_id() {
            out.exceeded(Limit::Id);
        }
        let id = match envelope.id() {
            Member::Is(id) => id,
            Member::Absent | Member::Bad => write::null(self.codec),
        };
        if !matches!(envelope.method(), Member::Absent) {
            return self.reject(batch, id, Fault::INVALID_REQUEST, out);
        }
        let (result, error) = (envelope.result(), envelope.error());
        if result.is_none() && error.is_none() || weak::is_off("answers-to-answers") {
            return self.reject(batch, id, Fault::INVALID_REQUEST, out);
        }
        // A response is never answered, whatever is wrong with it, lest two peers answer each other for ever.
        let call = CallId::ours(envelope::number(self.codec, id)?);
        if let Some(error) = error {
            self.streams.close(call);
            return Some(Frame::Fail { call, error: streams::failure(self.codec, error) });
        }
        let result = result?;
        if self.streams.knows(call) {
            return self.streams.accepted(call, result);
        }
        let last = Some(Payload::new(self.codec, result));
        Some(Frame::End { call, last, leading: None, trailing: None })
    }

    /// A notification of the protocol itself.
    #[inline(never)]
    fn told<'m>(&mut self, method: Text<'_>, envelope: &Envelope<'m>) -> Option<Frame<'m>> {
        if method.raw == STREAM.as_bytes() {
            return self.streams.notified(self.codec, envelope);
        }
        let Member::Is(params) = envelope.params() else {
            return None;
        };
        let [id, subscription] = envelope::members(self.codec, params, &["id", "subscription"]);
        let call = match (id, subscription) {
            (Some(id), _) => self.calls.named(id)?,
            (None, Some(number)) => CallId::theirs(envelope::number(self.codec, number)?),
            (None, None) => return None,
        };
        let known = self.calls.find(call)?;
        if known.cancelled || (id.is_none() && !known.streams_out) {
            return None;
        }
        known.cancelled = true;
        Some(Frame::Cancel { call, reason: CancelReason::Client })
    }
}

/// What goes to the peer.
impl Machine {
    /// Writes an answer, or keeps it until those of its batch are complete.
    #[inline]
    fn answer(
        &mut self,
        place: Option<Place>,
        answer: Answer,
        content: &[u8],
        id: &[u8],
        out: &mut dyn Outgoing,
    ) {
        match place {
            None => write::response(out, self.codec, answer, content, id),
            Some(place) => {
                self.hold(place, answer, content, id, out);
                self.answers.complete(place.batch(), self.codec, out);
            }
        }
    }

    #[inline(never)]
    fn hold(&mut self, place: Place, answer: Answer, content: &[u8], id: &[u8], out: &mut dyn Outgoing) {
        let kept = if self.answers.bytes_with(self.codec, answer, content, id) > self.limits.held {
            out.exceeded(Limit::Answers);
            let content = write::error(self.codec, Fault::TOO_MUCH_HELD);
            write::kept_response(self.codec, Answer::Error, &content, id)
        } else {
            write::kept_response(self.codec, answer, content, id)
        };
        self.answers.put(place, kept);
    }

    /// Answers a message that cannot be taken apart.
    #[cold]
    fn refuse<'m>(&mut self, fault: Fault<'_>, out: &mut dyn Outgoing) -> Received<'m> {
        let content = write::error(self.codec, fault);
        write::response(out, self.codec, Answer::Error, &content, write::null(self.codec));
        Received::Nothing
    }

    /// Answers an object that cannot be served.
    #[cold]
    fn reject<'m>(
        &mut self,
        batch: Option<u64>,
        id: &[u8],
        fault: Fault<'_>,
        out: &mut dyn Outgoing,
    ) -> Option<Frame<'m>> {
        let content = write::error(self.codec, fault);
        match batch {
            None => write::response(out, self.codec, Answer::Error, &content, id),
            Some(batch) => {
                let place = self.answers.announce(batch);
                self.answers.put(place, write::kept_response(self.codec, Answer::Error, &content, id));
            }
        }
        None
    }

    /// Tells the peer that its stream is open, if it does not know yet.
    fn accept(&mut self, id: CallId, out: &mut dyn Outgoing) {
        let codec = self.codec;
        if let Some(call) = self.calls.find(id)
            && call.streams_out
            && !call.accepted
            && !call.cancelled
        {
            call.accepted = true;
            write::accepted(out, codec, id.number(), call.id.written());
        }
    }

    fn item(&mut self, id: CallId, payload: &Payload<'_>, out: &mut dyn Outgoing) {
        self.accept(id, out);
        // What is on its way when a stream is cancelled is not sent any more.
        if self.calls.find(id).is_some_and(|call| call.streams_out && !call.cancelled) {
            write::stream(out, self.codec, id.number(), "result", self.written(payload));
        }
    }

    #[inline(never)]
    fn end_stream(&mut self, call: &Call, number: u64, out: &mut dyn Outgoing) {
        if call.accepted {
            write::stream(out, self.codec, number, "end", write::yes(self.codec));
        } else if call.cancelled {
            // One message is the last, and this one can be it: the stream has not begun for the peer.
            let content = write::error(self.codec, Fault::CANCELLED);
            self.answer(call.place, Answer::Error, &content, call.id.written(), out);
        } else {
            write::accepted(out, self.codec, number, call.id.written());
            write::stream(out, self.codec, number, "end", write::yes(self.codec));
        }
    }

    #[cold]
    fn fail(&mut self, id: CallId, error: &Error, out: &mut dyn Outgoing) {
        let Some(call) = self.calls.finish(id) else {
            return;
        };
        let content = write::error(self.codec, Fault::of(error, self.plain_errors));
        if call.accepted {
            write::stream(out, self.codec, id.number(), "error", &content);
        } else {
            self.answer(call.place, Answer::Error, &content, call.id.written(), out);
        }
    }

    /// Remembers a call of this side, if it is a stream.
    fn sent(&mut self, open: &Open<'_>) {
        if self.side == Side::Client && open.shape.streams_out && open.reply {
            self.streams.open(open.call);
        }
    }

    #[inline]
    fn written<'p>(&self, payload: &'p Payload<'_>) -> &'p [u8] {
        debug_assert_eq!(payload.format(), self.codec, "payloads are written as messages are");
        payload.bytes()
    }
}

use super::{
    CAPABILITIES,
    envelope::{self, Request, RequestKind, ResponseKind, Seq, Unusable},
    keys::OwnKeys,
    write::{self, NIL},
};
use crate::{
    CallId, CancelReason, Capabilities, Close, Code, Directory, Error, Format, Found, Frame, Head, Held,
    Kind, Limit, Message, Metadata, MetadataLimits, Open, Outgoing, Payload, ProcedureId, Protocol, Received,
    Shape, Target, recent::Recent, weak,
};
use std::collections::HashMap;

/// What a client may make a [`Server`] keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Metadata of a call.
    pub metadata: MetadataLimits,
    /// Calls that were answered while their stream in goes on. 1,024 by default; one more closes the connection with
    /// 1008.
    pub draining: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { metadata: MetadataLimits::default(), draining: 1024 }
    }
}

/// The server's side of `swill/1`.
///
/// Payloads are MessagePack. A server of `swill/1` cannot call its client: [`Frame::Open`] is not sent.
///
/// A message that breaks a call which is open (METADATA where none may be, a type that does not exist) is received as
/// [`Frame::Fail`]: the driver ends the call and sends the frame back, which tells the client. So a call has one final
/// message, whatever the client does.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    opened: u64,
    /// The call that the last message opened. Most are answered before the next message and never reach the tables.
    current: Option<(CallId, Call)>,
    calls: HashMap<CallId, Call, OwnKeys>,
    /// The calls by what the client knows them as. Its keys are the client's choice, hence a hasher with random keys.
    requests: HashMap<Key, Standing>,
    draining: usize,
    recent: Option<Recent>,
}

/// A call that has not been answered.
#[derive(Clone, Copy, Debug)]
struct Call {
    seq: Seq,
    procedure: ProcedureId,
    shape: Shape,
    /// Nothing more comes in.
    half_closed: bool,
}

/// What the client knows a request as, packed so that it hashes in two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64, u64);

impl Key {
    #[inline]
    fn new(seq: Seq, procedure: ProcedureId) -> Self {
        Self(seq.bits(), u64::from(procedure.0) << 1 | u64::from(seq.is_negative()))
    }
}

/// What a request that the client may still talk about is here.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Open(CallId),
    /// Answered; what its stream in still brings is dropped, up to END_OF_STREAM or CANCEL.
    Draining,
}

const UNKNOWN_PROCEDURE: &str = "No func was found to process this request";
const METADATA_FOR_SINGLE: &str = "METADATA cannot open a call without a stream in";
const METADATA_TOO_LATE: &str = "only the first message of a call may be METADATA";

impl Default for Server {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Server {
    /// The machine of a connection that has just been accepted.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            opened: 0,
            current: None,
            calls: HashMap::default(),
            requests: HashMap::new(),
            draining: 0,
            recent: None,
        }
    }
}

impl Protocol for Server {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        if self.current.is_some() {
            self.keep_current();
        }
        if message.kind == Kind::Text {
            return text();
        }
        let request = match Request::read(message.data, &self.limits.metadata) {
            Ok(request) => request,
            Err(why) => return self.refuse(message.data, why, directory, out),
        };
        let found = match &self.recent {
            Some(recent) if recent.is(request.rpc) => recent.found,
            _ => match request.name().map(|name| directory.find(name)) {
                Ok(Some(found)) => {
                    self.recent = Recent::new(request.rpc, found);
                    found
                }
                Ok(None) => return unknown(&request, out),
                Err(why) => return self.refuse(message.data, why, directory, out),
            },
        };
        if !self.requests.is_empty()
            && !weak::is_off("duplicate-numbers")
            && let Some(&known) = self.requests.get(&Key::new(request.seq, found.id))
        {
            return match known {
                Standing::Open(id) => self.continued(id, &request),
                Standing::Draining => self.drained(&request, found.id),
            };
        }
        match request.kind {
            RequestKind::Message => self.open(&request, found, out),
            RequestKind::Metadata => self.open_without_item(&request, found, out),
            RequestKind::EndOfStream | RequestKind::Cancel => Received::Nothing,
        }
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::End { call, last, leading, trailing } => {
                let Some(call) = self.finish(call) else {
                    return Ok(());
                };
                let kind =
                    if call.shape.streams_out { ResponseKind::EndOfStream } else { ResponseKind::Message };
                let data = match &last {
                    Some(payload) if !call.shape.streams_out => written(payload),
                    _ => &[NIL],
                };
                if leading.is_none() && trailing.is_none() {
                    write::response(out, call.seq, data, kind);
                } else {
                    write::response_with(out, call.seq, data, kind, leading.as_deref(), trailing.as_deref());
                }
                self.drain(&call, out)
            }
            Frame::Item { call, payload, leading } => {
                if let Some(call) = self.find(call)
                    && call.shape.streams_out
                {
                    item(call.seq, &payload, leading.as_deref(), out);
                }
                Ok(())
            }
            Frame::Metadata { call, metadata } => {
                if let Some(call) = self.find(call) {
                    write::response_with(
                        out,
                        call.seq,
                        &[NIL],
                        ResponseKind::Metadata,
                        Some(&metadata),
                        None,
                    );
                }
                Ok(())
            }
            Frame::Fail { call, error } => {
                let Some(call) = self.finish(call) else {
                    return Ok(());
                };
                write::fail(out, call.seq, &error);
                self.drain(&call, out)
            }
            // There is no word for it: the client just never hears of the call again.
            Frame::Cancel { call, .. } => match self.finish(call) {
                Some(call) => self.drain(&call, out),
                None => Ok(()),
            },
            Frame::Open(_) | Frame::Batch(_) | Frame::Accepted { .. } => Ok(()),
        }
    }

    fn held(&self) -> Held {
        debug_assert_eq!(self.requests.len(), self.calls.len() + self.draining);
        Held { calls: self.requests.len() + usize::from(self.current.is_some()), bytes: 0 }
    }
}

impl Server {
    /// Moves the call of the last message into the tables: it was not answered at once.
    fn keep_current(&mut self) {
        if let Some((id, call)) = self.current.take() {
            self.requests.insert(Key::new(call.seq, call.procedure), Standing::Open(id));
            self.calls.insert(id, call);
        }
    }

    #[inline]
    fn find(&self, id: CallId) -> Option<&Call> {
        match &self.current {
            Some((current, call)) if *current == id => Some(call),
            _ => self.calls.get(&id),
        }
    }

    /// Takes a call out, of the tables too.
    #[inline]
    fn finish(&mut self, id: CallId) -> Option<Call> {
        match self.current {
            Some((current, call)) if current == id => {
                self.current = None;
                Some(call)
            }
            _ => self.remove(id),
        }
    }

    #[inline(never)]
    fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.requests.remove(&Key::new(call.seq, call.procedure));
        Some(call)
    }

    /// Remembers a finished call whose client is still sending.
    #[inline]
    fn drain(&mut self, call: &Call, out: &mut dyn Outgoing) -> Result<(), Close> {
        if call.shape.streams_in && !call.half_closed {
            if self.draining >= self.limits.draining {
                return Err(too_many_draining(out));
            }
            self.draining += 1;
            self.requests.insert(Key::new(call.seq, call.procedure), Standing::Draining);
        }
        Ok(())
    }

    #[inline]
    fn open<'m>(&mut self, request: &Request<'m>, found: Found, out: &mut dyn Outgoing) -> Received<'m> {
        let metadata = match envelope::metadata(request.metadata) {
            Ok(metadata) => metadata,
            Err(why) => return answer(out, request.seq, Code::BAD_REQUEST, why.message()),
        };
        self.opened += 1;
        let call = CallId::theirs(self.opened);
        let Found { id: procedure, shape } = found;
        self.current =
            Some((call, Call { seq: request.seq, procedure, shape, half_closed: !shape.streams_in }));
        Received::One(Frame::Open(Open {
            call,
            target: Target::Known(procedure),
            shape,
            input: Some(Payload::new(Format::MessagePack, request.data)),
            head: Head { metadata, deadline: None },
            reply: true,
        }))
    }

    #[cold]
    fn open_without_item<'m>(
        &mut self,
        request: &Request<'m>,
        found: Found,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        if !found.shape.streams_in {
            return answer(out, request.seq, Code::BAD_REQUEST, METADATA_FOR_SINGLE);
        }
        let mut received = self.open(request, found, out);
        if let Received::One(Frame::Open(open)) = &mut received {
            open.input = None;
        }
        received
    }

    /// A further message of a call that is open.
    fn continued<'m>(&mut self, id: CallId, request: &Request<'m>) -> Received<'m> {
        if request.kind == RequestKind::Cancel {
            self.finish(id);
            return Received::One(Frame::Cancel { call: id, reason: CancelReason::Client });
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return Received::Nothing;
        };
        if call.half_closed {
            return Received::Nothing;
        }
        match request.kind {
            RequestKind::Message => Received::One(Frame::Item {
                call: id,
                payload: Payload::new(Format::MessagePack, request.data),
                leading: None,
            }),
            RequestKind::EndOfStream => {
                call.half_closed = true;
                Received::One(Frame::End { call: id, last: None, leading: None, trailing: None })
            }
            RequestKind::Metadata => broken(id, METADATA_TOO_LATE),
            RequestKind::Cancel => Received::Nothing,
        }
    }

    /// A message of a stream whose call has been answered.
    fn drained<'m>(&mut self, request: &Request<'m>, procedure: ProcedureId) -> Received<'m> {
        if matches!(request.kind, RequestKind::EndOfStream | RequestKind::Cancel) {
            self.requests.remove(&Key::new(request.seq, procedure));
            self.draining -= 1;
        }
        Received::Nothing
    }

    /// A message that cannot be used: it ends the call that it names, or is answered by itself.
    #[cold]
    fn refuse<'m>(
        &mut self,
        message: &'m [u8],
        why: Unusable,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        if let Some(limit) = why.limit() {
            out.exceeded(limit);
        }
        let (seq, rpc) = match envelope::rescue(message, why) {
            Ok(rescued) => rescued,
            Err(why) => return answer(out, Seq::ZERO, Code::BAD_REQUEST, why.message()),
        };
        let known = rpc
            .and_then(|rpc| directory.find(rpc))
            .and_then(|found| self.requests.get(&Key::new(seq, found.id)));
        match known {
            Some(Standing::Open(id)) => broken(*id, why.message()),
            Some(Standing::Draining) => Received::Nothing,
            None => answer(out, seq, Code::BAD_REQUEST, why.message()),
        }
    }
}

/// Writes an item, and the leading metadata with the first one.
#[inline]
fn item(seq: Seq, payload: &Payload<'_>, leading: Option<&Metadata>, out: &mut dyn Outgoing) {
    match leading {
        None => write::response(out, seq, written(payload), ResponseKind::Message),
        Some(_) => write::response_with(out, seq, written(payload), ResponseKind::Message, leading, None),
    }
}

#[inline]
fn written<'p>(payload: &'p Payload<'_>) -> &'p [u8] {
    debug_assert_eq!(payload.format(), Format::MessagePack, "payloads of swill/1 are MessagePack");
    payload.bytes()
}

#[cold]
fn answer<'m>(out: &mut dyn Outgoing, seq: Seq, code: Code, message: &str) -> Received<'m> {
    write::error(out, seq, code.0, message, None);
    Received::Nothing
}

#[cold]
fn broken<'m>(call: CallId, message: &'static str) -> Received<'m> {
    Received::One(Frame::Fail { call, error: Error::new(Code::BAD_REQUEST, message) })
}

#[cold]
fn unknown<'m>(request: &Request<'_>, out: &mut dyn Outgoing) -> Received<'m> {
    match request.kind {
        RequestKind::Message | RequestKind::Metadata => {
            answer(out, request.seq, Code::NOT_FOUND, UNKNOWN_PROCEDURE)
        }
        RequestKind::EndOfStream | RequestKind::Cancel => Received::Nothing,
    }
}

#[cold]
fn text<'m>() -> Received<'m> {
    Received::Close(Close::new(1003, "swill/1 is binary"))
}

#[cold]
fn too_many_draining(out: &mut dyn Outgoing) -> Close {
    out.exceeded(Limit::Draining);
    Close::new(1008, "too many streams were not ended after their calls had been answered")
}

use super::{
    CAPABILITIES,
    envelope::{self, RequestKind, Response, ResponseKind, Seq, Unusable},
    keys::OwnKeys,
    write::{self, NIL},
};
use crate::{
    CallId, Capabilities, Close, Code, Directory, Error, Format, Frame, Held, Kind, Message, Metadata,
    MetadataLimits, Open, Outgoing, Payload, Protocol, Received, Shape, Target, Value, scan,
};
use serde::Deserialize;
use std::collections::HashMap;

/// The client's side of `swill/1`.
///
/// Payloads are MessagePack. Calls go out by name; a [`Target::Known`] has none and is not sent. There are no
/// notifications: the answer of a call without `reply` is dropped here. Deadlines do not travel; the driver keeps them
/// and cancels.
///
/// A server that breaks the rules ends the connection, loudly: 1003 for text, 1002 for a message that is none. An answer
/// that is right but exceeds a limit only fails its call (413), and the server is told with CANCEL. What a server says
/// of calls that are over is ignored: an answer may be on its way while the call is cancelled.
///
/// When an answer arrives before the stream in has ended, the machine ends it, for the server keeps the call until it
/// hears so. It says END_OF_STREAM, not CANCEL: nothing is left to be cancelled, and servers may count CANCELs.
#[derive(Debug)]
pub struct Client {
    limits: MetadataLimits,
    /// The last seq in use. Counts from 1, for 0 is where servers put answers to messages that they could not read.
    last: u64,
    seqs: HashMap<CallId, u64, OwnKeys>,
    calls: HashMap<u64, Call, OwnKeys>,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    rpc: Box<str>,
    shape: Shape,
    /// The stream in has ended, or there is none.
    half_closed: bool,
    reply: bool,
}

/// The data of an ERROR.
#[derive(Deserialize)]
struct Failure {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(MetadataLimits::default())
    }
}

impl Client {
    /// The machine of a connection that has just been opened.
    pub fn new(limits: MetadataLimits) -> Self {
        Self { limits, last: 0, seqs: HashMap::default(), calls: HashMap::default() }
    }
}

impl Protocol for Client {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        _directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        if message.kind == Kind::Text {
            return Received::Close(Close::new(1003, "swill/1 is binary"));
        }
        match Response::read(message.data, &self.limits) {
            Ok(response) => self.answered(&response, out).unwrap_or_else(broken),
            Err(why) => self.refuse(message.data, why, out),
        }
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::Open(open) => self.open(open, out),
            Frame::Batch(opens) => opens.into_iter().for_each(|open| self.open(open, out)),
            Frame::Item { call, payload, .. } => {
                if let Some((seq, call)) = self.find(call)
                    && !call.half_closed
                {
                    request(out, seq, written(&payload), &call.rpc, RequestKind::Message, None);
                }
            }
            Frame::End { call, .. } => {
                if let Some((seq, call)) = self.find(call)
                    && !call.half_closed
                {
                    call.half_closed = true;
                    request(out, seq, &[NIL], &call.rpc, RequestKind::EndOfStream, None);
                }
            }
            // A stream in that fails has no word of its own.
            Frame::Cancel { call, .. } | Frame::Fail { call, .. } => {
                if let Some(seq) = self.seqs.get(&call).copied() {
                    self.cancel(seq, out);
                }
            }
            // Metadata goes out with the first message only.
            Frame::Metadata { .. } | Frame::Accepted { .. } => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        debug_assert_eq!(self.seqs.len(), self.calls.len());
        Held { calls: self.calls.len(), bytes: 0 }
    }
}

impl Client {
    fn find(&mut self, id: CallId) -> Option<(u64, &mut Call)> {
        let seq = *self.seqs.get(&id)?;
        Some((seq, self.calls.get_mut(&seq)?))
    }

    fn open(&mut self, open: Open<'_>, out: &mut dyn Outgoing) {
        let Target::Named(rpc) = open.target else { return };
        self.last += 1;
        let (seq, streams_in) = (self.last, open.shape.streams_in);
        let kind = match open.input {
            None if streams_in => RequestKind::Metadata,
            _ => RequestKind::Message,
        };
        let data = open.input.as_ref().map_or(&[NIL][..], written);
        request(out, seq, data, &rpc, kind, open.head.metadata.as_deref());
        if open.reply || streams_in {
            let rpc = rpc.into_owned().into_boxed_str();
            let call =
                Call { id: open.call, rpc, shape: open.shape, half_closed: !streams_in, reply: open.reply };
            self.seqs.insert(open.call, seq);
            self.calls.insert(seq, call);
        }
    }

    fn forget(&mut self, seq: u64) -> Option<Call> {
        let call = self.calls.remove(&seq)?;
        self.seqs.remove(&call.id);
        Some(call)
    }

    fn cancel(&mut self, seq: u64, out: &mut dyn Outgoing) -> Option<Call> {
        let call = self.forget(seq)?;
        request(out, seq, &[NIL], &call.rpc, RequestKind::Cancel, None);
        Some(call)
    }

    fn answered<'m>(
        &mut self,
        response: &Response<'m>,
        out: &mut dyn Outgoing,
    ) -> Result<Received<'m>, Unusable> {
        let Some((seq, call)) = known(&self.calls, response.seq) else {
            return Ok(Received::Nothing);
        };
        let (id, shape, reply) = (call.id, call.shape, call.reply);
        let leading = envelope::metadata(response.leading)?;
        let payload = Payload::new(Format::MessagePack, response.data);
        let frame = match response.kind {
            ResponseKind::Message if shape.streams_out => Some(Frame::Item { call: id, payload, leading }),
            ResponseKind::Message => {
                let trailing = envelope::metadata(response.trailing)?;
                self.finished(seq, out);
                Some(Frame::End { call: id, last: Some(payload), leading, trailing })
            }
            ResponseKind::EndOfStream if shape.streams_out => {
                let trailing = envelope::metadata(response.trailing)?;
                self.finished(seq, out);
                Some(Frame::End { call: id, last: None, leading, trailing })
            }
            ResponseKind::EndOfStream => {
                self.finished(seq, out);
                let error = Error::new(Code::INTERNAL, "the server ended the call without an answer");
                Some(Frame::Fail { call: id, error })
            }
            ResponseKind::Metadata => leading.map(|metadata| Frame::Metadata { call: id, metadata }),
            ResponseKind::Error => {
                self.finished(seq, out);
                Some(Frame::Fail { call: id, error: failure(response.data) })
            }
        };
        Ok(match frame {
            Some(frame) if reply => Received::One(frame),
            _ => Received::Nothing,
        })
    }

    /// Forgets a call that is over, and ends its stream in if that is still open.
    fn finished(&mut self, seq: u64, out: &mut dyn Outgoing) {
        if let Some(call) = self.forget(seq)
            && !call.half_closed
        {
            request(out, seq, &[NIL], &call.rpc, RequestKind::EndOfStream, None);
        }
    }

    #[cold]
    fn refuse<'m>(&mut self, message: &[u8], why: Unusable, out: &mut dyn Outgoing) -> Received<'m> {
        let seq = match envelope::rescue(message, why) {
            Ok((seq, _)) if why.is_limit() => seq,
            Ok(_) => return broken(why),
            Err(why) => return broken(why),
        };
        match known(&self.calls, seq).map(|(seq, _)| seq).and_then(|seq| self.cancel(seq, out)) {
            Some(call) if call.reply => Received::One(Frame::Fail {
                call: call.id,
                error: Error::new(Code::TOO_LARGE, why.message()),
            }),
            _ => Received::Nothing,
        }
    }
}

fn known(calls: &HashMap<u64, Call, OwnKeys>, seq: Seq) -> Option<(u64, &Call)> {
    let seq = seq.as_u64()?;
    Some((seq, calls.get(&seq)?))
}

#[cold]
fn broken<'m>(why: Unusable) -> Received<'m> {
    Received::Close(Close::new(1002, why.message()))
}

#[cold]
fn failure(data: &[u8]) -> Error {
    match scan::messagepack::decode::<Failure>(data) {
        Ok(Failure { code, message, data: None }) => Error::new(code, message),
        Ok(Failure { code, message, data: Some(data) }) => Error::new(code, message).with_data(data),
        Err(_) => Error::new(Code::INTERNAL, "the call failed; the server's reason cannot be read"),
    }
}

fn written<'p>(payload: &'p Payload<'_>) -> &'p [u8] {
    debug_assert_eq!(payload.format(), Format::MessagePack, "payloads of swill/1 are MessagePack");
    payload.bytes()
}

fn request(
    out: &mut dyn Outgoing,
    seq: u64,
    data: &[u8],
    rpc: &str,
    kind: RequestKind,
    metadata: Option<&Metadata>,
) {
    let metadata = metadata.filter(|metadata| !metadata.is_empty());
    write::request(out, Seq::new(seq), data, rpc, kind, metadata);
}

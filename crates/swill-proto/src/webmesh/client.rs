use super::{
    Dialect, Limits, NOT_FOUND,
    message::{self, written},
    name, path,
};
use crate::{
    CallId, Capabilities, Close, Code, Directory, Error, Frame, Head, Held, Message, Open, Outgoing, Payload,
    Protocol, Received, Shape, Target,
};
use std::collections::VecDeque;

/// The client's side of WebMesh.
///
/// A message is the answer of the oldest open call of the same path. One whose path nobody has called is something that
/// the server tells: [`Frame::Open`] without a reply, under the name that the path stands for (`/news/item` is
/// `news.item`). Messages that cannot be decoded are dropped.
///
/// The text *Path not found* is the failure of a call with code 404, in dialects that tell failures. The text of a call
/// that failed in another way cannot be told from an answer.
///
/// A call whose answer is null never ends, since the server says nothing, and neither does one that failed in a dialect
/// that tells no failures: whoever waits for an answer should give it a deadline. What comes for a call that was
/// cancelled is taken for the answer of the next call of the same path if there is one.
#[derive(Debug)]
pub struct Client {
    dialect: Dialect,
    limits: Limits,
    told: u64,
    calls: VecDeque<Call>,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    path: Box<str>,
}

impl Client {
    /// The machine of a connection that has just been opened.
    pub fn new(dialect: Dialect, limits: Limits) -> Self {
        Self { dialect, limits, told: 0, calls: VecDeque::new() }
    }

    fn open(&mut self, open: &Open<'_>, out: &mut dyn Outgoing) {
        let Target::Named(name) = &open.target else { return };
        let (format, path) = (self.dialect.format(), path(name));
        let data = open.input.as_ref().map_or_else(|| message::null(format), Payload::bytes);
        message::write(&self.dialect, &written(format, &*path), data, out);
        if open.reply {
            self.calls.push_back(Call { id: open.call, path: path.into() });
        }
    }

    fn told<'m>(&mut self, path: &str, data: Payload<'m>) -> Received<'m> {
        self.told += 1;
        let name = name(path).map_or_else(|| path.to_owned(), |name| name.into_owned());
        Received::One(Frame::Open(Open {
            call: CallId::theirs(self.told),
            target: Target::Named(name.into()),
            shape: Shape::SINGLE,
            input: Some(data),
            head: Head::default(),
            reply: false,
        }))
    }
}

impl Protocol for Client {
    fn capabilities(&self) -> &'static Capabilities {
        self.dialect.capabilities()
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        _directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        let Some(envelope) = message::open(&self.dialect, message, self.limits.inflated, out) else {
            return Received::Nothing;
        };
        let Some(path) = envelope.path().map(|path| path.into_owned()) else {
            return Received::Nothing;
        };
        let data = envelope.into_data();
        let open = self.calls.iter().position(|call| *call.path == *path);
        let Some(call) = open.and_then(|at| self.calls.remove(at)) else {
            return self.told(&path, data);
        };
        if self.dialect.tells_failures && data.bytes() == written(data.format(), NOT_FOUND) {
            let error = Error::new(Code::NOT_FOUND, NOT_FOUND);
            return Received::One(Frame::Fail { call: call.id, error });
        }
        Received::One(Frame::End { call: call.id, last: Some(data), leading: None, trailing: None })
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match frame {
            Frame::Open(open) => self.open(&open, out),
            Frame::Batch(opens) => opens.iter().for_each(|open| self.open(open, out)),
            // There is no word for it.
            Frame::Cancel { call, .. } | Frame::Fail { call, .. } => {
                self.calls.retain(|open| open.id != call);
            }
            Frame::End { .. } | Frame::Item { .. } | Frame::Metadata { .. } | Frame::Accepted { .. } => {}
        }
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: self.calls.len(), bytes: 0 }
    }
}

//! What differs from protocol to protocol: how words are written, which there are, and what the client can say.

mod events;
mod jsonrpc;
mod swill1;
mod webmesh;

use super::{calls::Model, said::Said};
use std::fmt::Debug;
use swill_proto::{Kind, Value};
use tokio::time::Instant;

pub(super) use events::Events;
pub(super) use jsonrpc::JsonRpc;
pub(super) use swill1::Swill1;
pub(super) use webmesh::WebMesh;

/// The side of the model that knows one protocol.
pub(super) trait Wire: Sized {
    /// What the client says with one message.
    type Message: Clone + Debug;
    /// What the protocol knows of a call.
    type Call: Debug;

    const STREAMS_IN: bool = false;
    const STREAMS_OUT: bool = false;
    const CALLS_PEER: bool = false;
    const NOTIFIES_PEER: bool = true;
    /// How likely each of the kinds is that [`message`](Self::message) knows.
    const KINDS: [u32; 5];

    /// A message about the procedure with this number; `kind` is below 5 and means what the protocol makes of it. Without a
    /// value, it brings what does not fit.
    fn message(model: &Model<Self>, seq: i64, rpc: usize, kind: u8, value: Option<i64>) -> Self::Message;

    /// Several as one, if there is such a thing.
    fn batch(messages: Vec<Self::Message>) -> Result<Self::Message, Vec<Self::Message>> {
        Err(messages)
    }

    /// What nobody can read, and the connection survives, if there is such a thing.
    fn garbage() -> Option<Self::Message>;

    /// What ends the connection, if there is such a thing.
    fn wrong() -> Option<Self::Message>;

    /// The questions that the client has heard, answered or not.
    fn questions(&self) -> Vec<i64> {
        Vec::new()
    }

    /// What the client answers to one of them, if the protocol knows answers.
    fn reply(&self, question: i64, reply: Reply) -> Option<Self::Message> {
        let _ = (question, reply);
        None
    }

    /// How a message is written: the first byte of its frame, and the payload.
    fn frame(&self, message: &Self::Message) -> (u8, Vec<u8>);

    /// What was heard, without what is for people.
    fn heard(&mut self, kind: Kind, data: &[u8]) -> Said;

    /// A message has come.
    fn receive(model: &mut Model<Self>, message: Self::Message, now: Instant);

    /// What has waited for a call that is over now is handled.
    fn resume(model: &mut Model<Self>, now: Instant) {
        let _ = (model, now);
    }

    /// Whether nothing more is read, because too much waits.
    fn is_full(model: &Model<Self>) -> bool {
        let _ = model;
        false
    }

    /// Whether something waits for a call to end. What comes then is handled when its last word can be written.
    fn holds(model: &Model<Self>) -> bool {
        let _ = model;
        false
    }

    /// There is a new call, and nothing has been said about it.
    fn opened(model: &mut Model<Self>, at: usize);

    /// A procedure says something.
    fn says(model: &mut Model<Self>, at: usize, word: Word);

    /// The last word on a call has been said, or will never be.
    fn finished(model: &mut Model<Self>, at: usize) {
        let _ = (model, at);
    }

    /// Messages by which the client ends what it has begun, and without which the server would wait.
    fn unended(model: &Model<Self>) -> Vec<Self::Message> {
        let _ = model;
        Vec::new()
    }
}

/// What a procedure says, or others say of its call.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// Its stream is open.
    Accepted,
    Item {
        data: Value,
        leading: bool,
    },
    Metadata,
    /// The answer, or the end of the stream.
    End {
        data: Option<i64>,
        leading: bool,
        trailing: bool,
    },
    Fail(i64),
    /// It asks the client.
    Question(i64),
    /// It tells the client.
    Note(i64),
}

/// What the client answers to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Answer(i64),
    /// An error, with this code.
    Fail(i64),
    /// Of another type.
    Misfit,
    /// With the id of a question that nobody has asked.
    Astray,
}

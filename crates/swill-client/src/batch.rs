use crate::{
    Client,
    call::Call,
    outbox::{Entry, Opening},
    request::{Deadline, Ticket, check_name, check_size, decode_last},
    scratch::Scratch,
};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};
use swill_proto::{Code, Error, Metadata, Result, Shape, Value};
use tokio::time::Instant;

/// Calls and notifications that go out together. Made by [`Client::batch`].
///
/// In JSON-RPC they are one message, whose answers come as one message when all of them are ready. In `swill/1` they are
/// calls like others, sent one after the other. Calls of a batch answer once: streams have to be called by themselves.
///
/// ```no_run
/// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
/// let answers = client.batch().call("add", (1, 2)).call("add", (3, 4)).notify("log", ("added",)).send().await?;
/// let sums: Vec<i64> = answers.into_iter().map(|answer| answer?.deserialize()).collect::<Result<_, _>>()?;
/// assert_eq!(sums, [3, 7]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch<'c> {
    client: &'c Client,
    parts: Vec<Part>,
    /// Names and parameters, one behind the other.
    bytes: Vec<u8>,
    deadline: Deadline,
    /// What goes with each of the calls: the trace that they belong to.
    metadata: Option<Box<Metadata>>,
    wrong: Option<Error>,
}

struct Part {
    name: usize,
    payload: Option<usize>,
    wanted: bool,
}

impl<'c> Batch<'c> {
    pub(crate) fn new(client: &'c Client) -> Self {
        #[cfg(feature = "opentelemetry")]
        let metadata = crate::trace::of_call(client.protocol(), None);
        #[cfg(not(feature = "opentelemetry"))]
        let metadata = None;
        let (parts, bytes, deadline) = (Vec::new(), Vec::new(), Deadline::Default);
        Self { client, parts, bytes, deadline, metadata, wrong: None }
    }

    /// Adds a call.
    pub fn call(self, name: &str, params: impl Serialize) -> Self {
        self.add(name, &params, true)
    }

    /// Adds a notification, see [`Request::notify`](crate::Request::notify).
    pub fn notify(self, name: &str, params: impl Serialize) -> Self {
        self.add(name, &params, false)
    }

    /// How long all of it may take, in place of [`Builder::deadline`](crate::Builder::deadline); `None` for as long as it
    /// takes. It counts from [`send`](Self::send), waiting for a connection included. Calls that are not answered by then
    /// fail with code 504, and the server is told to stop.
    pub fn deadline(mut self, within: impl Into<Option<Duration>>) -> Self {
        self.deadline = Deadline::Explicit(within.into());
        self
    }

    fn add(mut self, name: &str, params: &impl Serialize, wanted: bool) -> Self {
        if self.wrong.is_none() {
            self.wrong = self.write(name, params, wanted).err();
        }
        self
    }

    fn write(&mut self, name: &str, params: &impl Serialize, wanted: bool) -> Result<()> {
        check_name(name)?;
        let payload = Scratch::parameters(self.client.protocol(), params)?;
        let length = name.len() + payload.as_ref().map_or(0, |payload| payload.len());
        // In one message all of them count, each with what is around it.
        let others = match self.client.protocol().notifies() {
            true => self.bytes.len() + self.parts.len() * self.client.protocol().envelope(),
            false => 0,
        };
        check_size(self.client, others + length, self.metadata.as_deref())?;
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(payload.as_deref().unwrap_or_default());
        self.parts.push(Part { name: name.len(), payload: payload.map(|payload| payload.len()), wanted });
        Ok(())
    }

    /// Sends everything, and waits for the answers: one for each call, in the order of the calls. A batch without calls is
    /// done as soon as it is on its way, and an empty one sends nothing.
    ///
    /// Dropping the future cancels the calls.
    ///
    /// # Errors
    ///
    /// As for [`Client::call`], if nothing was sent: 413 if all of it is larger than
    /// [`Limits::request`](crate::Limits::request), 429 if it has more calls than [`Limits::calls`](crate::Limits::calls)
    /// lets be in flight. What becomes of each call is said in its place.
    pub async fn send(self) -> Result<Vec<Result<Value>>> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        let shared = self.client.shared();
        let protocol = self.client.protocol();
        let replies = |part: &Part| part.wanted || !protocol.notifies();
        let count = self.parts.iter().filter(|part| replies(part)).count();
        let most = shared.settings.limits.calls;
        if count > most {
            return Err(too_many(count, most));
        }
        let deadline =
            self.deadline.within(self.client).and_then(|within| Instant::now().checked_add(within));
        let openings: Vec<_> = self
            .parts
            .iter()
            .map(|part| Opening {
                call: Arc::new(Call::new(shared.next_call())),
                shape: Shape::SINGLE,
                name: part.name,
                payload: part.payload,
                metadata: self.metadata.clone(),
                deadline,
                until_sent: !part.wanted,
                idempotent: false,
                tried: false,
                reply: replies(part),
            })
            .collect();
        if openings.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = self.parts.iter().zip(&openings).filter(|(part, _)| part.wanted);
        // Before they are pushed: dropped meanwhile, they cancel the calls.
        let tickets: Vec<_> =
            wanted.map(|(_, opening)| Ticket::of_batch(self.client, opening.call.clone())).collect();
        shared.outbox.push(Entry::Batch(openings), &[&self.bytes], deadline).await?;
        let mut answers = Vec::with_capacity(tickets.len());
        for mut ticket in tickets {
            let answer = ticket.end().await;
            answers.push(answer.and_then(|(end, _)| decode_last(ticket.format(), &end)));
        }
        Ok(answers)
    }
}

#[cold]
fn too_many(count: usize, most: usize) -> Error {
    Error::new(
        Code::TOO_MANY,
        format!(
            "a batch of {count} calls exceeds the client's limit of {most} (`Limits::calls`); it was not sent"
        ),
    )
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("length", &self.parts.len())
            .field("deadline", &self.deadline)
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

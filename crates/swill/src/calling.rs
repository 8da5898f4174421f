//! Calls of this side: from a procedure or a hook to the peer.

use crate::{
    Peer,
    observe::Limit,
    outbox::{self, Entry, Outbox},
    peer::Shared,
    state::lock,
};
use rustc_hash::FxHashMap;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};
use swill_proto::{
    CallId, CancelReason, Capabilities, Code, Error, Format, Parameters, Payload, Result, Value,
};
use tokio::sync::oneshot;

/// The calls of this side that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    asked: u64,
    told: u64,
    answers: FxHashMap<CallId, oneshot::Sender<Result<Payload<'static>>>>,
    over: bool,
}

/// Notifications have numbers of their own, so that those of calls follow each other.
const NOTIFICATIONS: u64 = 1 << 62;

impl Asked {
    /// Hands an answer to whoever waits for it. Nobody does if it is late.
    pub(crate) fn answered(&self, call: CallId, answer: Result<Payload<'_>>) {
        let waiting = lock(&self.0).answers.remove(&call);
        if let Some(waiting) = waiting {
            // Whoever asked may have given up just now.
            let _ = waiting.send(answer.map(Payload::into_owned));
        }
    }

    /// No answer will come any more.
    pub(crate) fn shut(&self) {
        let mut waiting = lock(&self.0);
        waiting.over = true;
        let answers = std::mem::take(&mut waiting.answers);
        drop(waiting);
        drop(answers);
    }

    fn expect(&self, most: usize) -> Result<(CallId, oneshot::Receiver<Result<Payload<'static>>>)> {
        let mut waiting = lock(&self.0);
        if waiting.over {
            return Err(Error::cancelled(CancelReason::Disconnect));
        }
        if waiting.answers.len() >= most {
            return Err(Error::new(Code::TOO_MANY, "too many calls wait for answers of this peer"));
        }
        let call = CallId::ours(waiting.asked);
        waiting.asked += 1;
        let (sender, receiver) = oneshot::channel();
        waiting.answers.insert(call, sender);
        Ok((call, receiver))
    }

    fn notification(&self) -> CallId {
        let mut waiting = lock(&self.0);
        waiting.told += 1;
        CallId::ours(NOTIFICATIONS | waiting.told)
    }
}

/// An answer that is waited for. Dropped, the call is forgotten.
struct Expected {
    shared: Arc<Shared>,
    call: CallId,
    answer: oneshot::Receiver<Result<Payload<'static>>>,
}

impl Expected {
    fn new(shared: &Arc<Shared>) -> Result<Self> {
        let expected = shared.asked.expect(shared.service.limits.asked);
        if expected.as_ref().is_err_and(|error| error.code() == Code::TOO_MANY) {
            shared.exceeded(Limit::Asked);
        }
        let (call, answer) = expected?;
        Ok(Self { shared: Arc::clone(shared), call, answer })
    }

    async fn receive<R: DeserializeOwned>(&mut self) -> Result<R> {
        match (&mut self.answer).await {
            Ok(answer) => answer?.decode(),
            Err(_) => Err(Error::unknown_outcome("the connection is gone")),
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.shared.asked.answered(self.call, Err(Error::cancelled(CancelReason::Client)));
    }
}

impl Peer {
    /// Calls a procedure of the peer and waits for its answer, at most as long as
    /// [`Limits::answer_within`](crate::Limits::answer_within) says.
    ///
    /// `parameters` is a list, a tuple, a map or a struct, by position or by name; `()` is none. Any other value is a
    /// single parameter.
    ///
    /// ```
    /// use swill::Peer;
    ///
    /// struct Painter;
    ///
    /// #[swill::module]
    /// impl Painter {
    ///     /// Asks whoever calls for a colour.
    ///     async fn paint(&self, peer: &Peer) -> swill::Result<String> {
    ///         let colour: String = peer.call("colour", ("wall",)).await?;
    ///         Ok(format!("painted {colour}"))
    ///     }
    /// }
    /// # let _ = swill::App::new().module(Painter);
    /// ```
    ///
    /// # Errors
    ///
    /// The peer's own error; code 422 if its answer is of another type; 501 if the protocol of the connection cannot
    /// carry calls in this direction; 504 if no answer came in time; 429 if too many calls wait for answers; 499 if the
    /// connection is over; 503 if it ended meanwhile, see [`Error::outcome_unknown`].
    pub async fn call<R: DeserializeOwned>(&self, procedure: &str, parameters: impl Serialize) -> Result<R> {
        self.call_within(self.0.service.limits.answer_within, procedure, parameters).await
    }

    /// As [`call`](Self::call), with a time of one's own.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn call_within<R: DeserializeOwned>(
        &self,
        within: Duration,
        procedure: &str,
        parameters: impl Serialize,
    ) -> Result<R> {
        self.can_be_called()?;
        let payload = self.encode(&parameters)?;
        let mut expected = Expected::new(&self.0)?;
        let entry = Entry::Open {
            call: expected.call,
            name: procedure.into(),
            length: payload.as_ref().map(Vec::len),
            reply: true,
        };
        let asked = async {
            self.say(entry, payload.as_deref().unwrap_or_default()).await?;
            expected.receive().await
        };
        tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Err(self.late()))
    }

    /// Tells the peer something, without an answer. Waits only while too much waits to be written to it.
    ///
    /// Events have names for all they bring: there, `parameters` is best a struct or a map, and anything else comes as
    /// `result`.
    ///
    /// # Errors
    ///
    /// 501 if the protocol of the connection cannot carry notifications; 499 if the connection is over; 503 if the peer is
    /// slow, and as many calls and notifications wait already as [`Limits::answer_within`](crate::Limits::answer_within)
    /// allows.
    pub async fn notify(&self, procedure: &str, parameters: impl Serialize) -> Result<()> {
        let (entry, payload) = self.notification(procedure, &parameters)?;
        self.say(entry, &payload).await
    }

    /// As [`notify`](Self::notify), but never waits: to tell many peers something, of which none may hold up the others.
    ///
    /// # Errors
    ///
    /// As [`notify`](Self::notify), and 503 if the peer is slow: more waits to be written than
    /// [`Limits::outbox`](crate::Limits::outbox) allows.
    pub fn try_notify(&self, procedure: &str, parameters: impl Serialize) -> Result<()> {
        let (entry, payload) = self.notification(procedure, &parameters)?;
        self.0.outbox.try_push(entry, &payload)
    }

    /// Several calls and notifications that go out together.
    ///
    /// ```
    /// # async fn ask(peer: &swill::Peer) -> swill::Result<()> {
    /// let answers = peer.batch().call("size", ()).call("colour", ("wall",)).notify("seen", ()).send().await?;
    /// for answer in answers {
    ///     match answer {
    ///         Ok(value) => println!("{value:?}"),
    ///         Err(error) => println!("one of them failed: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(&self) -> Batch<'_> {
        let within = self.0.service.limits.answer_within;
        Batch { peer: self, entries: Vec::new(), payload: Vec::new(), named: 0, within, broken: None }
    }

    fn notification(&self, procedure: &str, parameters: &impl Serialize) -> Result<(Entry, Vec<u8>)> {
        self.can_be_notified()?;
        let payload = self.encode(parameters)?;
        let length = payload.as_ref().map(Vec::len);
        let call = self.0.asked.notification();
        Ok((Entry::Open { call, name: procedure.into(), length, reply: false }, payload.unwrap_or_default()))
    }

    fn can_be_called(&self) -> Result<()> {
        match self.0.capabilities.calls_peer {
            true => Ok(()),
            false => Err(self.cannot("calls of its peers")),
        }
    }

    fn can_be_notified(&self) -> Result<()> {
        match self.0.capabilities.notifies_peer {
            true => Ok(()),
            false => Err(self.cannot("notifications of its peers")),
        }
    }

    #[cold]
    fn cannot(&self, what: &str) -> Error {
        Error::new(Code::UNIMPLEMENTED, format!("{} does not know {what}", self.0.capabilities.name))
    }

    /// Parameters as the protocol wants them; `None` if there are none.
    fn encode(&self, parameters: &impl Serialize) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = encode(self.0.capabilities, parameters)? else { return Ok(None) };
        match bytes.len() <= self.0.service.limits.answer {
            true => Ok(Some(bytes)),
            false => Err(self.too_large(bytes.len())),
        }
    }

    #[cold]
    fn late(&self) -> Error {
        self.0.exceeded(Limit::AnswerWithin);
        Error::new(Code::DEADLINE, "the peer did not answer in time")
    }

    async fn say(&self, entry: Entry, payload: &[u8]) -> Result<()> {
        let most = self.0.service.limits.asked;
        let mut place = Place { outbox: &self.0.outbox, call: entry.call(), waiting: false };
        let mut entry = Some(entry);
        poll_fn(|task| {
            let pushed = place.outbox.poll_push(task, &mut entry, payload);
            let begins = pushed.is_pending() && !place.waiting;
            place.waiting = pushed.is_pending();
            if begins && place.outbox.waiting_of_ours() > most {
                self.0.exceeded(Limit::Asked);
                return Poll::Ready(Err(outbox::slow()));
            }
            pushed.map_err(|_| Error::cancelled(CancelReason::Disconnect))
        })
        .await
    }
}

/// A place in the queue before the outbox, given up when it is dropped.
struct Place<'o> {
    outbox: &'o Outbox,
    call: CallId,
    waiting: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.outbox.give_up(self.call);
        }
    }
}

/// Calls and notifications that go out together. Made by [`Peer::batch`].
#[must_use = "nothing happens before it is sent"]
#[derive(Debug)]
pub struct Batch<'p> {
    peer: &'p Peer,
    entries: Vec<Said>,
    payload: Vec<u8>,
    /// Bytes of the names.
    named: usize,
    within: Duration,
    broken: Option<Error>,
}

#[derive(Debug)]
struct Said {
    name: Box<str>,
    length: Option<usize>,
    reply: bool,
}

/// One call of a batch, on its way to the connection.
pub(crate) struct Opened {
    pub(crate) call: CallId,
    pub(crate) name: Box<str>,
    pub(crate) length: Option<usize>,
    pub(crate) reply: bool,
}

impl Batch<'_> {
    /// Adds a call.
    pub fn call(self, procedure: &str, parameters: impl Serialize) -> Self {
        self.add(procedure, &parameters, true)
    }

    /// Adds a notification.
    pub fn notify(self, procedure: &str, parameters: impl Serialize) -> Self {
        self.add(procedure, &parameters, false)
    }

    /// How long the answers may take, all of them together.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    fn add(mut self, procedure: &str, parameters: &impl Serialize, reply: bool) -> Self {
        if self.broken.is_none()
            && let Err(error) = self.keep(procedure, parameters, reply)
        {
            // What cannot be sent is not kept: how many calls are added may be a peer's choice.
            (self.entries, self.payload) = (Vec::new(), Vec::new());
            self.broken = Some(error);
        }
        self
    }

    fn keep(&mut self, procedure: &str, parameters: &impl Serialize, reply: bool) -> Result<()> {
        let payload = self.peer.encode(parameters)?;
        let length = payload.as_ref().map(Vec::len);
        self.named += procedure.len();
        self.payload.extend(payload.unwrap_or_default());
        self.entries.push(Said { name: procedure.into(), length, reply });
        let limits = &self.peer.0.service.limits;
        let (limit, why) = if self.entries.len() > limits.batch {
            (Limit::Batch, format!("a batch exceeds the limit `batch`: {} at once", limits.batch))
        } else if self.payload.len() + self.named > limits.answer {
            (Limit::Answer, format!("a batch exceeds the limit `answer`: {} bytes", limits.answer))
        } else {
            return Ok(());
        };
        self.peer.0.exceeded(limit);
        Err(Error::new(Code::TOO_LARGE, why))
    }

    /// Sends everything, and waits for the answers: one for each call, in the order of the calls.
    ///
    /// # Errors
    ///
    /// As [`Peer::call`], if nothing could be sent; 413 if there are more calls and notifications than
    /// [`Limits::batch`](crate::Limits::batch) allows, or if their names and parameters have more bytes than
    /// [`Limits::answer`](crate::Limits::answer) allows. What becomes of each call is said in its place: its answer, the
    /// peer's error, or 504 if it was not answered in time.
    pub async fn send(self) -> Result<Vec<Result<Value>>> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        match self.entries.iter().any(|said| said.reply) {
            true => self.peer.can_be_called()?,
            false => self.peer.can_be_notified()?,
        }
        let shared = &self.peer.0;
        let mut expected = Vec::new();
        let mut opened = Vec::with_capacity(self.entries.len());
        for Said { name, length, reply } in self.entries {
            let call = if reply {
                let one = Expected::new(shared)?;
                let call = one.call;
                expected.push(one);
                call
            } else {
                shared.asked.notification()
            };
            opened.push(Opened { call, name, length, reply });
        }
        if opened.is_empty() {
            return Ok(Vec::new());
        }
        let until = tokio::time::Instant::now() + self.within.min(crate::limits::FOREVER);
        let said = self.peer.say(Entry::Batch(opened), &self.payload);
        tokio::time::timeout_at(until, said).await.unwrap_or_else(|_| Err(self.peer.late()))?;
        let mut answers = Vec::with_capacity(expected.len());
        for mut one in expected {
            let answer = tokio::time::timeout_at(until, one.receive()).await;
            answers.push(answer.unwrap_or_else(|_| Err(self.peer.late())));
        }
        Ok(answers)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.call, self.name)
    }
}

/// Parameters as a protocol wants them; `None` if there are none.
pub(crate) fn encode(capabilities: &Capabilities, parameters: &impl Serialize) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    Payload::encode_into(capabilities.format, parameters, &mut bytes)?;
    if is_nothing(capabilities.format, &bytes) {
        return Ok(None);
    }
    if capabilities.parameters == Parameters::Listed && !is_listed(capabilities.format, &bytes) {
        bytes.clear();
        Payload::encode_into(capabilities.format, &(parameters,), &mut bytes)?;
    }
    Ok(Some(bytes))
}

/// Whether a written value is null.
fn is_nothing(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::MessagePack => bytes == [0xc0],
        Format::Json => bytes == b"null",
    }
}

/// Whether a written value is a list or a map.
fn is_listed(format: Format, bytes: &[u8]) -> bool {
    match (format, bytes.first()) {
        // fixmap and fixarray; array 16 to map 32.
        (Format::MessagePack, Some(first)) => matches!(first, 0x80..=0x9f | 0xdc..=0xdf),
        (Format::Json, Some(first)) => matches!(first, b'[' | b'{'),
        (_, None) => false,
    }
}

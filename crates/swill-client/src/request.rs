use crate::{
    Client, Items, Response, SendHalf, Sender,
    call::{Call, End},
    fault,
    outbox::{Entry, Opening},
    scratch::Scratch,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::poll_fn, sync::Arc, time::Duration};
use swill_proto::{Code, Error, Format, Metadata, Payload, Result, Shape};
use tokio::time::{Instant, timeout_at};

/// Prepares one call. Made by [`Client::request`].
///
/// | method | the procedure |
/// |---|---|
/// | [`call`](Self::call), [`call_with_metadata`](Self::call_with_metadata) | answers once |
/// | [`stream`](Self::stream) | streams out |
/// | [`stream_in`](Self::stream_in) | takes a stream in and answers once |
/// | [`both`](Self::both) | streams in and out |
/// | [`notify`](Self::notify) | is told something, and nobody waits for an answer |
///
/// What is on the wire does not tell a procedure's shape: the caller has to know it.
///
/// ```no_run
/// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
/// use swill_client::Metadata;
///
/// let response = client
///     .request("greet")
///     .metadata([("language", "fr")])
///     .call_with_metadata::<String>("Ann")
///     .await?;
/// println!("{} {:?} {:?}", response.value, response.leading, response.trailing);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing until it is called"]
pub struct Request<'c> {
    client: &'c Client,
    name: &'c str,
    metadata: Option<Box<Metadata>>,
    deadline: Deadline,
    idempotent: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    Default,
    Explicit(Option<Duration>),
}

impl<'c> Request<'c> {
    pub(crate) fn new(client: &'c Client, name: &'c str) -> Self {
        Self { client, name, metadata: None, deadline: Deadline::Default, idempotent: false }
    }

    /// Sends metadata with the call, in place of what was set before.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let () = client.request("log").metadata([("level", 3)]).call("disk full").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn metadata(mut self, metadata: impl Into<Metadata>) -> Self {
        self.metadata = Some(Box::new(metadata.into()));
        self
    }

    /// How long the call may take, in place of [`Builder::deadline`](crate::Builder::deadline); `None` for as long as it
    /// takes.
    ///
    /// It counts from now, waiting for a connection included:
    ///
    /// | method | this deadline | the default one |
    /// |---|---|---|
    /// | [`call`](Self::call) | until the answer | until the answer |
    /// | [`stream_in`](Self::stream_in) | until the answer, sending included | until the call is sent; then from [`finish`](Sender::finish) until the answer |
    /// | [`stream`](Self::stream), [`both`](Self::both) | until the first thing comes back, be it metadata, an item or the end | until the call is sent |
    ///
    /// There is none between items: `tokio::time::timeout` around [`Items::next`] or [`Sender::send`] makes one.
    ///
    /// When it has passed, the call fails with code 504, and the server is told to stop.
    pub fn deadline(mut self, within: impl Into<Option<Duration>>) -> Self {
        self.deadline = Deadline::Explicit(within.into());
        self
    }

    /// Says that it does no harm to execute the call twice: if the connection breaks, it is sent again over the next one,
    /// as often as its deadline allows, instead of failing with an unknown outcome. So is one that a server has not begun
    /// because it is shutting down.
    ///
    /// A call that streams in is not sent again, for its items are gone; one that streams out only as long as no item has
    /// come.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Calls a procedure that answers once. See [`Client::call`].
    ///
    /// # Errors
    ///
    /// See [`Client::call`].
    pub async fn call<R: DeserializeOwned>(self, params: impl Serialize) -> Result<R> {
        let format = self.client.protocol().format();
        let (end, _) = self.answer(params).await?;
        decode_last(format, &end)
    }

    /// Calls a procedure that answers once, and returns the metadata along with the answer.
    ///
    /// # Errors
    ///
    /// See [`Client::call`].
    pub async fn call_with_metadata<R: DeserializeOwned>(
        self,
        params: impl Serialize,
    ) -> Result<Response<R>> {
        let format = self.client.protocol().format();
        let (end, leading) = self.answer(params).await?;
        Response::new(format, end, leading)
    }

    async fn answer(self, params: impl Serialize) -> Result<(End, Option<Box<Metadata>>)> {
        let payload = Scratch::parameters(self.client.protocol(), &params)?;
        let mut ticket = self.open(Shape::SINGLE, payload, Answer::Wanted).await?;
        ticket.end().await
    }

    /// Tells the server something: a call without an answer. Returns as soon as it is on its way; nobody learns what
    /// becomes of it.
    ///
    /// In JSON-RPC it is a notification, which the server does not answer. In `swill/1` servers answer every call: it is a
    /// call whose answer is dropped, and one of [`Limits::calls`](crate::Limits::calls) until that has come.
    ///
    /// The deadline counts until it is sent. If the connection breaks before the socket has seen it, it is sent over the
    /// next one, as all calls are.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// client.request("log").notify(("disk full", 3)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`] that say that nothing was sent.
    pub async fn notify(self, params: impl Serialize) -> Result<()> {
        let payload = Scratch::parameters(self.client.protocol(), &params)?;
        self.open(Shape::SINGLE, payload, Answer::Unwanted).await?.done();
        Ok(())
    }

    /// Calls a procedure that streams out. Returns as soon as the call is on its way.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let mut numbers = client.request("count").stream::<u32>(3).await?;
    /// println!("{:?}", numbers.leading().await);
    /// while let Some(number) = numbers.next().await {
    ///     println!("{}", number?);
    /// }
    /// println!("{:?}", numbers.trailing());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Client::call`]. What the procedure itself fails with comes out of the stream.
    pub async fn stream<T: DeserializeOwned>(self, params: impl Serialize) -> Result<Items<T>> {
        let payload = Scratch::parameters(self.client.protocol(), &params)?;
        let ticket = self.open(Shape::STREAM_OUT, payload, Answer::Wanted).await?;
        Ok(Items::new(ticket))
    }

    /// Calls a procedure that takes a stream in and answers once. Returns as soon as the call is on its way.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let mut numbers = client.request("total").stream_in::<i64, i64>().await?;
    /// for number in 1..=10 {
    ///     numbers.send(number).await?;
    /// }
    /// assert_eq!(numbers.finish().await?, 55);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Client::call`]. What the procedure itself fails with comes out of the sender.
    pub async fn stream_in<T: Serialize, R: DeserializeOwned>(self) -> Result<Sender<T, R>> {
        Ok(Sender::new(self.open(Shape::STREAM_IN, None, Answer::Wanted).await?))
    }

    /// Calls a procedure that streams in and out. Returns as soon as the call is on its way. The two halves may go to
    /// different tasks.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let (mut questions, mut answers) = client.request("chat").both::<&str, String>().await?;
    /// questions.send("how are you?").await?;
    /// println!("{:?}", answers.next().await);
    /// questions.finish().await?;
    /// assert!(answers.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Client::call`]. What the procedure itself fails with comes out of the items.
    pub async fn both<T: Serialize, R: DeserializeOwned>(self) -> Result<(SendHalf<T>, Items<R>)> {
        let ticket = self.open(Shape::BOTH, None, Answer::Wanted).await?;
        Ok((SendHalf::new(ticket.share()), Items::new(ticket)))
    }

    async fn open(self, shape: Shape, payload: Option<Scratch>, answer: Answer) -> Result<Ticket> {
        let shared = self.client.shared();
        let protocol = shared.settings.protocol;
        let metadata = self.metadata;
        #[cfg(feature = "opentelemetry")]
        let metadata = crate::trace::of_call(protocol, metadata);
        protocol.carries(shape, metadata.as_deref())?;
        let within = self.deadline.within(self.client);
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        let by_default = matches!(self.deadline, Deadline::Default);
        let bytes = payload.as_deref().unwrap_or_default();
        check_size(self.client, self.name.len() + bytes.len(), metadata.as_deref())?;
        check_name(self.name)?;
        let wanted = answer == Answer::Wanted;
        let call = Arc::new(Call::new(shared.next_call()));
        let opening = Opening {
            call: call.clone(),
            shape,
            name: self.name.len(),
            payload: payload.as_ref().map(|payload| payload.len()),
            metadata,
            deadline,
            until_sent: (shape.streams_in || shape.streams_out) && by_default || !wanted,
            idempotent: self.idempotent && !shape.streams_in,
            tried: false,
            reply: wanted || !protocol.notifies(),
        };
        // Nothing is pushed for a call that takes no stream in.
        let (until, after_stream) = match shape.streams_out {
            false if by_default => (None, within),
            false => (deadline, None),
            true => (None, None),
        };
        // Before it is pushed: dropped meanwhile, it cancels the call.
        let ticket = Ticket {
            client: self.client.clone(),
            call,
            deadline: until,
            after_stream,
            over: false,
            reads: true,
        };
        shared.outbox.push(Entry::Open(opening), &[self.name.as_bytes(), bytes], deadline).await?;
        Ok(ticket)
    }
}

impl Deadline {
    pub(crate) fn within(self, client: &Client) -> Option<Duration> {
        match self {
            Self::Default => client.shared().settings.deadline,
            Self::Explicit(within) => within,
        }
    }
}

/// Whether the caller wants one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Wanted,
    Unwanted,
}

/// The longest name that a server takes, in bytes.
const LONGEST_NAME: usize = 255;

pub(crate) fn check_name(name: &str) -> Result<()> {
    match name.len() <= LONGEST_NAME {
        true => Ok(()),
        false => Err(Error::new(Code::NOT_FOUND, "the name of a procedure has at most 255 bytes")),
    }
}

/// Whether a message with so many bytes of payload and name may be sent.
pub(crate) fn check_size(client: &Client, bytes: usize, metadata: Option<&Metadata>) -> Result<()> {
    let most = client.shared().settings.limits.request;
    let protocol = client.protocol();
    let metadata = match metadata {
        Some(metadata) => Scratch::encode(protocol.format(), metadata)?.len(),
        None => 0,
    };
    let size = bytes + metadata + protocol.envelope();
    if size <= most {
        return Ok(());
    }
    Err(Error::new(
        Code::TOO_LARGE,
        format!(
            "a message of {size} bytes exceeds the client's limit of {most} (`Limits::request`); it was not sent"
        ),
    ))
}

pub(crate) fn decode<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> Result<T> {
    Payload::new(format, bytes).decode().map_err(fault::unfit::<T>)
}

pub(crate) fn decode_last<T: DeserializeOwned>(format: Format, end: &End) -> Result<T> {
    let null: &[u8] = match format {
        Format::MessagePack => &[0xc0],
        Format::Json => b"null",
    };
    decode(format, end.last.as_deref().unwrap_or(null))
}

/// The caller's hold on a call. Dropped before the call has ended, it cancels it.
#[derive(Debug)]
pub(crate) struct Ticket {
    client: Client,
    call: Arc<Call>,
    /// How long items may wait for room.
    deadline: Option<Instant>,
    /// How long the answer may take after the end of the stream in, if the deadline begins only then.
    after_stream: Option<Duration>,
    /// There is nothing to be cancelled.
    over: bool,
    /// Whether what comes is for this hold.
    reads: bool,
}

impl Ticket {
    /// A second hold on the same call, which reads nothing. Either one cancels it.
    fn share(&self) -> Self {
        Self {
            client: self.client.clone(),
            call: self.call.clone(),
            deadline: self.deadline,
            after_stream: self.after_stream,
            over: self.over,
            reads: false,
        }
    }

    /// The hold on a call of a batch.
    pub(crate) fn of_batch(client: &Client, call: Arc<Call>) -> Self {
        Self { client: client.clone(), call, deadline: None, after_stream: None, over: false, reads: true }
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// How values are written.
    pub(crate) fn format(&self) -> Format {
        self.client.protocol().format()
    }

    /// Nothing is left to be cancelled.
    pub(crate) fn done(&mut self) {
        self.over = true;
    }

    /// The end of a call without a stream out.
    pub(crate) async fn end(&mut self) -> Result<(End, Option<Box<Metadata>>)> {
        let end = poll_fn(|task| self.call.poll_end(task)).await;
        self.done();
        end
    }

    /// Sends an item, as soon as there is room. Of a call that is over, the item is dropped.
    pub(crate) async fn item<T: Serialize + ?Sized>(&self, item: &T) -> Result<()> {
        if self.call.is_over() {
            return self.call.refusal();
        }
        let payload = Scratch::encode(self.format(), item)?;
        check_size(&self.client, payload.len() + LONGEST_NAME, None)?;
        let entry = Entry::Item { call: self.call.id, length: payload.len() };
        self.push(entry, &payload).await
    }

    /// Ends the stream in.
    pub(crate) async fn end_of_stream(&self) -> Result<()> {
        if self.call.is_over() {
            return self.call.refusal();
        }
        self.push(Entry::End { call: self.call.id }, &[]).await
    }

    /// Ends the stream in and waits for the end of the call, which has no stream out.
    pub(crate) async fn finish(&mut self) -> Result<(End, Option<Box<Metadata>>)> {
        let Some(at) = self.after_stream.and_then(|within| Instant::now().checked_add(within)) else {
            self.end_of_stream().await?;
            return self.end().await;
        };
        self.deadline = Some(at);
        self.end_of_stream().await?;
        // The call is cancelled when this is dropped.
        timeout_at(at, self.end()).await.unwrap_or_else(|_| Err(fault::deadline()))
    }

    async fn push(&self, entry: Entry, bytes: &[u8]) -> Result<()> {
        match self.client.shared().outbox.push(entry, &[bytes], self.deadline).await {
            // What happened to the call says more.
            Err(_) if self.call.is_over() => self.call.refusal(),
            result => result,
        }
    }

    /// The caller has used up items.
    pub(crate) fn took(&self, cost: usize) {
        if cost > 0 {
            let shared = self.client.shared();
            shared.took(self.call.took(cost, shared.unread.pause()));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let shared = self.client.shared();
        let (unread, was_open) = self.call.abandon(self.reads);
        if was_open {
            shared.outbox.cancel(self.call.id);
        }
        shared.took(unread);
    }
}

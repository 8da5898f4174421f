//! Calls that a test makes, and their streams.

use super::{driver::Command, line::Line};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, marker::PhantomData};
use swill_proto::{CallId, CancelReason, Code, Error, Frame, Head, Metadata, Payload, Result, Shape};
use tokio::sync::mpsc;

/// A call about to be made. Made by [`TestPeer::request`](super::TestPeer::request).
#[must_use = "nothing happens before it is called"]
#[derive(Debug)]
pub struct Request<'p> {
    line: &'p Line,
    procedure: String,
    head: Head,
}

/// An answer with the metadata around it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Response<R> {
    /// The answer.
    pub value: R,
    /// What the app said ahead of the answer or with it; empty if nothing.
    pub leading: Metadata,
    /// What the app said at the end; empty if nothing.
    pub trailing: Metadata,
}

impl<'p> Request<'p> {
    pub(super) fn new(line: &'p Line, procedure: String) -> Self {
        Self { line, procedure, head: Head::default() }
    }

    /// Metadata to send with the call. Protocols without metadata leave it out.
    pub fn metadata(mut self, metadata: impl Into<Metadata>) -> Self {
        self.head.metadata = Some(Box::new(metadata.into()));
        self
    }

    /// Calls, and waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::call`](super::TestPeer::call).
    pub async fn call<R: DeserializeOwned>(self, parameters: impl Serialize) -> Result<R> {
        Ok(self.call_with_metadata(parameters).await?.value)
    }

    /// Calls, and waits for the answer and the metadata around it.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::call`](super::TestPeer::call).
    pub async fn call_with_metadata<R: DeserializeOwned>(
        self,
        parameters: impl Serialize,
    ) -> Result<Response<R>> {
        let mut waiting = self.open(Shape::SINGLE, parameters)?;
        waiting.last().await
    }

    /// Calls without waiting for an answer.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::notify`](super::TestPeer::notify).
    pub async fn notify(self, parameters: impl Serialize) -> Result<()> {
        let (call, _) = self.line.expect()?;
        self.line.forget(call);
        let frame = self.line.open(call, &self.procedure, Shape::SINGLE, self.head, &parameters, false)?;
        self.line.tell(Command::Say(frame))
    }

    /// Calls a procedure that streams out.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::stream`](super::TestPeer::stream).
    pub async fn stream<T: DeserializeOwned>(self, parameters: impl Serialize) -> Result<Items<T>> {
        Ok(Items::new(self.open(Shape::STREAM_OUT, parameters)?))
    }

    /// Calls a procedure that streams in. The stream begins without an item.
    ///
    /// # Errors
    ///
    /// 503 if the connection is over.
    pub async fn stream_in<R: DeserializeOwned>(self) -> Result<Sender<R>> {
        let line = self.line.clone();
        let waiting = self.open(Shape::STREAM_IN, ())?;
        let half = SendHalf { line, call: waiting.call, ended: false };
        Ok(Sender { half, waiting, answer: PhantomData })
    }

    /// Calls a procedure that streams both ways. The stream in begins without an item.
    ///
    /// # Errors
    ///
    /// 503 if the connection is over.
    pub async fn both<T: DeserializeOwned>(self) -> Result<(SendHalf, Items<T>)> {
        let line = self.line.clone();
        let waiting = self.open(Shape::BOTH, ())?;
        Ok((SendHalf { line, call: waiting.call, ended: false }, Items::new(waiting)))
    }

    fn open(self, shape: Shape, parameters: impl Serialize) -> Result<Waiting> {
        let Self { line, procedure, head } = self;
        let (call, frames) = line.expect()?;
        let opened = line.open(call, &procedure, shape, head, &parameters, true);
        if let Err(error) = opened.and_then(|frame| line.tell(Command::Say(frame))) {
            line.forget(call);
            return Err(error);
        }
        let leading = Metadata::new();
        Ok(Waiting { line: line.clone(), call, procedure, frames, over: false, leading })
    }
}

/// A call whose end has not come. Dropped before, it is cancelled.
#[derive(Debug)]
struct Waiting {
    line: Line,
    call: CallId,
    procedure: String,
    frames: mpsc::UnboundedReceiver<Frame<'static>>,
    over: bool,
    leading: Metadata,
}

/// What is waited for.
struct Says<'p>(&'p str);

impl fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what `{}` says", self.0)
    }
}

impl Waiting {
    /// What is said of the call next.
    async fn next(&mut self) -> Result<Frame<'static>> {
        let frame = self.line.wait(Says(&self.procedure), self.frames.recv()).await?;
        let Some(mut frame) = frame else {
            self.over = true;
            return Err(self.line.gone());
        };
        match &mut frame {
            Frame::Item { leading, .. } => {
                self.line.shared.taken();
                self.lead(leading.take());
            }
            Frame::Metadata { metadata, .. } => self.leading = std::mem::take(metadata),
            Frame::End { leading, .. } => {
                self.over = true;
                self.lead(leading.take());
            }
            Frame::Fail { .. } => self.over = true,
            _ => {}
        }
        Ok(frame)
    }

    fn lead(&mut self, leading: Option<Box<Metadata>>) {
        if let Some(leading) = leading {
            self.leading = *leading;
        }
    }

    /// The answer of a call that does not stream out.
    async fn last<R: DeserializeOwned>(&mut self) -> Result<Response<R>> {
        loop {
            match self.next().await? {
                Frame::End { last, trailing, .. } => {
                    let nothing = || Payload::null(self.line.shared.capabilities.format);
                    let value = last.unwrap_or_else(nothing).decode()?;
                    let leading = std::mem::take(&mut self.leading);
                    return Ok(Response {
                        value,
                        leading,
                        trailing: trailing.map(|it| *it).unwrap_or_default(),
                    });
                }
                Frame::Fail { error, .. } => return Err(error),
                Frame::Metadata { .. } => {}
                other => {
                    let message = format!("`{}` was to answer, and says {other:?}", self.procedure);
                    return Err(Error::new(Code::INTERNAL, message));
                }
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.line.forget(self.call);
        if !self.over {
            // A connection that is over has nothing to cancel.
            let _ =
                self.line.tell(Command::Say(Frame::Cancel { call: self.call, reason: CancelReason::Client }));
        }
        self.frames.close();
        while let Ok(frame) = self.frames.try_recv() {
            if matches!(frame, Frame::Item { .. }) {
                self.line.shared.taken();
            }
        }
    }
}

/// The items of a stream out. Dropped before its end, the call is cancelled.
///
/// Made by [`TestPeer::stream`](super::TestPeer::stream) and [`Request::both`].
#[derive(Debug)]
pub struct Items<T> {
    waiting: Waiting,
    trailing: Option<Metadata>,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Items<T> {
    fn new(waiting: Waiting) -> Self {
        Self { waiting, trailing: None, item: PhantomData }
    }

    /// The next item; `None` at the end. After an error, nothing more comes.
    pub async fn next(&mut self) -> Option<Result<T>> {
        if self.waiting.over {
            return None;
        }
        loop {
            match self.waiting.next().await {
                Ok(Frame::Item { payload, .. }) => return Some(payload.decode()),
                Ok(Frame::End { trailing, .. }) => {
                    self.trailing = trailing.map(|it| *it);
                    return None;
                }
                Ok(Frame::Fail { error, .. }) | Err(error) => return Some(Err(error)),
                Ok(_) => {}
            }
        }
    }

    /// All items up to the end.
    ///
    /// # Errors
    ///
    /// The first error.
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }

    /// What the app has said ahead of the items, as far as it has been heard.
    pub fn leading(&self) -> &Metadata {
        &self.waiting.leading
    }

    /// What the app has said at the end, once that was reached.
    pub fn trailing(&self) -> Option<&Metadata> {
        self.trailing.as_ref()
    }
}

/// A stream in, and the answer at its end. Dropped before, the call is cancelled. Made by [`Request::stream_in`].
#[derive(Debug)]
pub struct Sender<R> {
    // Dropped first: what is cancelled need not be ended.
    waiting: Waiting,
    half: SendHalf,
    answer: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Sender<R> {
    /// Sends an item.
    ///
    /// # Errors
    ///
    /// An item that cannot be written, and 503 if the connection is over.
    pub async fn send(&mut self, item: impl Serialize) -> Result<()> {
        self.half.send(item).await
    }

    /// Waits for the answer without ending the stream: for procedures that answer early, or fail.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::call`](super::TestPeer::call).
    pub async fn answer(mut self) -> Result<R> {
        Ok(self.waiting.last().await?.value)
    }

    /// Ends the stream, and waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`TestPeer::call`](super::TestPeer::call).
    pub async fn finish(mut self) -> Result<R> {
        self.half.end()?;
        self.answer().await
    }
}

/// The stream in of a call that streams both ways. Dropped, it ends. Made by [`Request::both`].
#[derive(Debug)]
pub struct SendHalf {
    line: Line,
    call: CallId,
    ended: bool,
}

impl SendHalf {
    /// Sends an item.
    ///
    /// # Errors
    ///
    /// An item that cannot be written, and 503 if the connection is over.
    pub async fn send(&mut self, item: impl Serialize) -> Result<()> {
        let payload = Payload::encode(self.line.shared.capabilities.format, &item)?;
        self.line.tell(Command::Say(Frame::Item { call: self.call, payload, leading: None }))
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// 503 if the connection is over.
    pub async fn finish(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        let end = Frame::End { call: self.call, last: None, leading: None, trailing: None };
        self.line.tell(Command::Say(end))
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        if !self.ended {
            // Of a call or a connection that is over, there is nothing to end.
            let _ = self.end();
        }
    }
}

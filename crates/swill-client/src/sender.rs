use crate::{
    Response,
    request::{Ticket, decode_last},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{borrow::Borrow, fmt, future::poll_fn, marker::PhantomData};
use swill_proto::{Metadata, Result};

/// A stream in that ends with one answer. Made by [`Request::stream_in`](crate::Request::stream_in).
///
/// Dropped before [`finish`](Self::finish), it cancels the call.
#[must_use = "dropping a sender cancels the call"]
pub struct Sender<T, R> {
    ticket: Ticket,
    types: PhantomData<fn(T) -> R>,
}

impl<T, R> Sender<T, R> {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self { ticket, types: PhantomData }
    }

    /// Whether the call is over already: the server has answered before the stream has ended, or the call has failed.
    /// What is sent now is dropped; [`finish`](Self::finish) says how it ended.
    pub fn is_over(&self) -> bool {
        self.ticket.call().is_over()
    }

    /// Waits until the call is over: the server has answered before the stream has ended, or the call has failed. For
    /// callers whose next item may be long in coming. Safe to drop halfway.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// # async fn next_line() -> Option<String> { None }
    /// let mut lines = client.request("first_match").stream_in::<String, String>().await?;
    /// loop {
    ///     tokio::select! {
    ///         line = next_line() => match line {
    ///             Some(line) => lines.send(line).await?,
    ///             None => break,
    ///         },
    ///         () = lines.over() => break,
    ///     }
    /// }
    /// println!("{}", lines.finish().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn over(&mut self) {
        poll_fn(|task| self.ticket.call().poll_over(task)).await;
    }

    /// What the server says ahead of its answer. Waits until that has come, by itself or with the end of the call; empty
    /// if the server says nothing. It is taken: asked again, or in [`finish_with_metadata`](Self::finish_with_metadata),
    /// it is empty.
    pub async fn leading(&mut self) -> Metadata {
        let leading = poll_fn(|task| self.ticket.call().poll_leading(task)).await;
        leading.map(|metadata| *metadata).unwrap_or_default()
    }
}

impl<T: Serialize, R: DeserializeOwned> Sender<T, R> {
    /// Sends an item, given as it is or as a reference. Waits until there is room in the outgoing queue.
    ///
    /// After the server has answered, items are dropped without an error.
    ///
    /// # Errors
    ///
    /// What the call has failed with; code 413 if the item exceeds [`Limits::request`](crate::Limits::request), which does
    /// not end the call.
    pub async fn send(&mut self, item: impl Borrow<T>) -> Result<()> {
        self.ticket.item(item.borrow()).await
    }

    /// Ends the stream and waits for the answer, for 30 s unless [`Builder::deadline`](crate::Builder::deadline) or
    /// [`Request::deadline`](crate::Request::deadline) says otherwise.
    ///
    /// # Errors
    ///
    /// See [`Client::call`](crate::Client::call).
    pub async fn finish(mut self) -> Result<R> {
        let (end, _) = self.ticket.finish().await?;
        decode_last(self.ticket.format(), &end)
    }

    /// Ends the stream and waits for the answer and the metadata around it, as long as [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// See [`Client::call`](crate::Client::call).
    pub async fn finish_with_metadata(mut self) -> Result<Response<R>> {
        let (end, leading) = self.ticket.finish().await?;
        Response::new(self.ticket.format(), end, leading)
    }
}

/// The sending half of a call that streams both ways. Made by [`Request::both`](crate::Request::both).
///
/// Dropped before [`finish`](Self::finish), it cancels the call; the other half hears of it.
#[must_use = "dropping the sending half cancels the call"]
pub struct SendHalf<T> {
    ticket: Ticket,
    item: PhantomData<fn(T)>,
}

impl<T> SendHalf<T> {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self { ticket, item: PhantomData }
    }

    /// Whether the call is over already. What is sent now is dropped.
    pub fn is_over(&self) -> bool {
        self.ticket.call().is_over()
    }
}

impl<T: Serialize> SendHalf<T> {
    /// Sends an item, given as it is or as a reference. Waits until there is room in the outgoing queue.
    ///
    /// After the server has ended its stream, items are dropped without an error.
    ///
    /// # Errors
    ///
    /// What the call has failed with; code 413 if the item exceeds [`Limits::request`](crate::Limits::request), which does
    /// not end the call.
    pub async fn send(&mut self, item: impl Borrow<T>) -> Result<()> {
        self.ticket.item(item.borrow()).await
    }

    /// Ends the stream in. The stream out goes on.
    ///
    /// # Errors
    ///
    /// What the call has failed with.
    pub async fn finish(mut self) -> Result<()> {
        self.ticket.end_of_stream().await?;
        self.ticket.done();
        Ok(())
    }
}

impl<T, R> fmt::Debug for Sender<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SendHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendHalf").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}

use crate::{
    call::{Batch, Next},
    request::{Ticket, decode},
};
use futures_core::{Stream, stream::FusedStream};
use serde::de::DeserializeOwned;
use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};
use swill_proto::{Metadata, Result};

/// The items of a stream out. Made by [`Request::stream`](crate::Request::stream) and
/// [`Request::both`](crate::Request::both).
///
/// It is a [`Stream`], and has [`next`](Self::next) of its own. After the server's end it yields `None`; if the call fails
/// it yields the error, then `None`. An item that is no `T` is an error in its place, and the next ones follow.
///
/// Dropped before its end, it cancels the call.
///
/// Unread items are kept up to a limit, see [`Limits::unread`](crate::Limits::unread). A stream that is left unread holds
/// up all calls of its client once the limit is reached: read it to its end, or drop it.
#[must_use = "a stream that is not read holds up its client; dropping it cancels the call"]
pub struct Items<T> {
    ticket: Ticket,
    batch: Batch,
    leading: Option<Metadata>,
    trailing: Option<Metadata>,
    ended: bool,
    item: PhantomData<fn() -> T>,
}

impl<T> Items<T> {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            batch: Batch::default(),
            leading: None,
            trailing: None,
            ended: false,
            item: PhantomData,
        }
    }

    /// What the server says ahead of the first item.
    ///
    /// Waits until that has come: if it does not come by itself, then with the first item or with the end. Empty if the
    /// server says nothing. May be asked at any time and again; safe to drop halfway.
    pub async fn leading(&mut self) -> &Metadata {
        if self.leading.is_none() {
            let leading = poll_fn(|task| self.ticket.call().poll_leading(task)).await;
            self.leading = Some(leading.map(|metadata| *metadata).unwrap_or_default());
        }
        self.leading.get_or_insert_default()
    }

    /// What the server said at the end; `None` before [`next`](Self::next) has returned `None`, and if the call failed.
    pub fn trailing(&self) -> Option<&Metadata> {
        self.trailing.as_ref()
    }
}

impl<T: DeserializeOwned> Items<T> {
    /// The next item, or `None` at the end. Safe to drop halfway: no item is lost.
    ///
    /// # Errors
    ///
    /// As for [`Client::call`](crate::Client::call).
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|task| self.poll_item(task)).await
    }

    /// All items up to the end.
    ///
    /// # Errors
    ///
    /// The first error, be it of the call or of one item; the call is cancelled if it is still going on.
    ///
    /// ```no_run
    /// # async fn example(client: swill_client::Client) -> swill_client::Result<()> {
    /// let numbers = client.stream::<u32>("count", 3).await?.collect().await?;
    /// assert_eq!(numbers, [0, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }

    fn poll_item(&mut self, task: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if self.ticket.call().is_slow() {
                self.batch = Batch::default();
            }
            if let Some((item, cost)) = self.batch.pop() {
                let item = decode(self.ticket.format(), item);
                self.ticket.took(cost);
                return Poll::Ready(Some(item));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.ticket.call().poll_next(&mut self.batch, task)) {
                Next::Items => {}
                Next::End(end) => {
                    self.ended = true;
                    self.ticket.done();
                    match end {
                        Ok(end) => {
                            self.trailing = Some(end.trailing.map(|metadata| *metadata).unwrap_or_default())
                        }
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

impl<T: DeserializeOwned> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(task)
    }
}

impl<T: DeserializeOwned> FusedStream for Items<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        self.ticket.took(self.batch.cost());
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("leading", &self.leading)
            .field("trailing", &self.trailing)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

//! What procedures may return: a value, a stream, or a `Result` of either.

use crate::{Context, Error, Result};
use futures_core::Stream;
use schemars::JsonSchema;
use serde::Serialize;
use std::{future::Future, marker::PhantomData, pin::pin};
use swill_proto::{Format, Payload};

/// What a procedure may return: a value, a stream, or a `Result` of either.
///
/// `Kind` tells the three apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a procedure",
    label = "not an answer",
    note = "a procedure returns a value that implements `serde::Serialize` and `schemars::JsonSchema` (derive both), \
            a `Stream` of such values, or a `Result` of either whose error turns into `swill::Error`"
)]
pub trait Reply<Kind>: Send {
    /// What the caller gets.
    type Output: Output;

    /// Sends the items, if this is a stream, and returns what is left to be said at the end.
    fn send(self, cx: &Context) -> impl Future<Output = Result<Sent<Self::Output>>> + Send;
}

/// What the caller of a procedure gets: [`One`] value or [`Many`] items.
pub trait Output: 'static {
    /// Whether items are streamed.
    const STREAMS: bool;
    /// The type of the value or of the items.
    type Item: JsonSchema;
    /// What is said at the end.
    type Last: Send;

    /// Writes what is said at the end.
    fn encode(last: &Self::Last, format: Format, buffer: &mut Vec<u8>) -> Result<()>;
}

/// One answer.
#[derive(Debug)]
pub struct One<T>(PhantomData<fn() -> T>);

/// A stream of items.
#[derive(Debug)]
pub struct Many<T>(PhantomData<fn() -> T>);

/// What is left of a [`Reply`] when its items have been sent.
#[derive(Debug)]
pub struct Sent<O: Output>(pub(crate) O::Last);

impl<T: Serialize + JsonSchema + Send + 'static> Output for One<T> {
    const STREAMS: bool = false;
    type Item = T;
    type Last = T;

    #[inline]
    fn encode(last: &T, format: Format, buffer: &mut Vec<u8>) -> Result<()> {
        Payload::encode_into(format, last, buffer)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Output for Many<T> {
    const STREAMS: bool = true;
    type Item = T;
    type Last = ();

    fn encode(_: &(), _: Format, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// The kind of a reply that is a value.
#[derive(Debug)]
pub enum Plain {}

/// The kind of a reply that is a `Result`.
#[derive(Debug)]
pub struct Fallible<Kind>(PhantomData<Kind>);

/// The kind of a reply that is a stream.
#[derive(Debug)]
pub struct Streams<Kind>(PhantomData<Kind>);

impl<T: Serialize + JsonSchema + Send + 'static> Reply<Plain> for T {
    type Output = One<T>;

    #[inline]
    async fn send(self, _: &Context) -> Result<Sent<One<T>>> {
        Ok(Sent(self))
    }
}

impl<R: Reply<Kind>, E: Into<Error> + Send, Kind> Reply<Fallible<Kind>> for Result<R, E> {
    type Output = R::Output;

    #[inline]
    async fn send(self, cx: &Context) -> Result<Sent<R::Output>> {
        match self {
            Ok(reply) => reply.send(cx).await,
            Err(error) => Err(error.into()),
        }
    }
}

impl<S, Kind> Reply<Streams<Kind>> for S
where
    S: Stream<Item: StreamItem<Kind>> + Send,
{
    type Output = Many<<S::Item as StreamItem<Kind>>::Item>;

    async fn send(self, cx: &Context) -> Result<Sent<Self::Output>> {
        let mut items = pin!(self);
        while let Some(item) = std::future::poll_fn(|task| items.as_mut().poll_next(task)).await {
            cx.send_item(&item.into_item()?).await?;
        }
        Ok(Sent(()))
    }
}

/// An item of a stream out: a value, or a `Result` of one. An error ends the stream and the call.
pub trait StreamItem<Kind>: Send {
    /// The value.
    type Item: Serialize + JsonSchema + Send + Sync + 'static;

    /// The value, or why there is none.
    fn into_item(self) -> Result<Self::Item>;
}

impl<T: Serialize + JsonSchema + Send + Sync + 'static> StreamItem<Plain> for T {
    type Item = T;

    fn into_item(self) -> Result<T> {
        Ok(self)
    }
}

impl<T: Serialize + JsonSchema + Send + Sync + 'static, E: Into<Error> + Send> StreamItem<Fallible<Plain>>
    for Result<T, E>
{
    type Item = T;

    fn into_item(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

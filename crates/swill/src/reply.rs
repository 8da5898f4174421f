//! What procedures may return: a value, a stream, or a `Result` of either.

use crate::{Context, Error, Result};
use futures_core::Stream;
use futures_util::future::Either;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    future::{Future, ready},
    marker::PhantomData,
    pin::pin,
};
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

impl<T: StreamItem<Plain> + 'static> Output for Many<T> {
    const STREAMS: bool = true;
    type Item = T::Item;
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

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema + Send + 'static> Reply<Plain> for T {
    type Output = One<T>;

    #[inline]
    fn send(self, _: &Context) -> impl Future<Output = Result<Sent<One<T>>>> + Send {
        ready(Ok(Sent(self)))
    }
}

impl<R: Reply<Kind>, E: IntoError, Kind> Reply<Fallible<Kind>> for Result<R, E> {
    type Output = R::Output;

    // No `async` block: held in one, an answer that borrows for ever (`&'static str`) would not be `Send` any more
    // (rust-lang/rust#110338).
    #[inline]
    fn send(self, cx: &Context) -> impl Future<Output = Result<Sent<R::Output>>> + Send {
        match self {
            Ok(reply) => Either::Left(reply.send(cx)),
            Err(error) => Either::Right(ready(Err(error.into_error()))),
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a stream out",
    label = "not an item",
    note = "items are values that implement `serde::Serialize` and `schemars::JsonSchema` (derive both), or `Result`s of \
            them whose error turns into `swill::Error`; they are `Send` and `Sync`"
)]
pub trait StreamItem<Kind>: Send {
    /// The value.
    type Item: Serialize + JsonSchema + Send + Sync + 'static;

    /// The value, or why there is none.
    fn into_item(self) -> Result<Self::Item>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema + Send + Sync + 'static> StreamItem<Plain> for T {
    type Item = T;

    fn into_item(self) -> Result<T> {
        Ok(self)
    }
}

impl<T: StreamItem<Plain>, E: IntoError> StreamItem<Fallible<Plain>> for Result<T, E> {
    type Item = T::Item;

    fn into_item(self) -> Result<T::Item> {
        self.map_err(E::into_error)?.into_item()
    }
}

/// What can be the error of a procedure: all that turns into an [`Error`](struct@Error). It is implemented by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not turn into a `swill::Error`",
    label = "its error cannot be sent",
    note = "put `#[derive(swill::Error)]` on `{Self}` to choose codes, or implement `std::error::Error` for it; an error \
            of somebody else's becomes a code 500 with `.map_err(swill::Error::internal)`"
)]
pub trait IntoError: Send {
    /// The error that the caller gets.
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error> + Send> IntoError for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

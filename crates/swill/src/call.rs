//! A procedure seen from outside: a call goes in, an encoded answer comes out.

use crate::{
    Context,
    procedure::Started,
    reply::{Output, Sent},
    running::Running,
    weak,
};
use std::{fmt, future::Future, marker::PhantomData, panic, pin::Pin, task::Poll};
use swill_proto::{Error, Result};

/// A call on its way into a procedure: its [`Context`] and what came over the wire.
pub struct Call<P> {
    pub(crate) cx: Box<Context>,
    pub(crate) input: P,
}

impl<P> Call<P> {
    /// The two parts. The context has to be given back to [`Finished::new`].
    pub fn into_parts(self) -> (Box<Context>, P) {
        (self.cx, self.input)
    }
}

impl<P> fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("cx", &self.cx).finish_non_exhaustive()
    }
}

/// A call that a procedure is done with: its context, with the encoded answer in it, or an error.
#[derive(Debug)]
pub struct Finished<O = ()> {
    pub(crate) cx: Box<Context>,
    pub(crate) result: Result<()>,
    output: PhantomData<fn() -> O>,
}

impl<O: Output> Finished<O> {
    /// Gives the context back, with what the procedure has to say at the end.
    #[inline]
    pub fn new(mut cx: Box<Context>, result: Result<Sent<O>>) -> Self {
        let result = result.and_then(|Sent(last)| {
            if let Some(state) = cx.existing_state() {
                state.admit_metadata()?;
            }
            let format = cx.format();
            O::encode(&last, format, &mut cx.answer)?;
            match cx.answer.len() <= cx.limits().answer {
                true => Ok(()),
                false => Err(cx.peer().too_large(cx.answer.len())),
            }
        });
        Self { cx, result, output: PhantomData }
    }

    #[inline]
    pub(crate) fn erase(self) -> Finished {
        Finished { cx: self.cx, result: self.result, output: PhantomData }
    }
}

impl Finished {
    pub(crate) fn failed(cx: Box<Context>, error: Error) -> Self {
        Self { cx, result: Err(error), output: PhantomData }
    }

    pub(crate) fn answered(cx: Box<Context>) -> Self {
        Self { cx, result: Ok(()), output: PhantomData }
    }
}

/// What becomes of a call when it begins.
pub(crate) enum Begun {
    /// It was ready at once.
    Finished(Finished),
    /// It has to wait.
    Waiting(Running),
    /// Its parameters do not fit.
    Failed(Box<Context>, Error),
}

/// Begins a call, by what `start` makes of it, and polls it for the first time. A panic, be it of a parameter's
/// `Deserialize`, becomes an error.
#[inline(always)]
pub(crate) fn begin(
    start: impl FnOnce() -> Started,
    task: &mut std::task::Context<'_>,
) -> Result<Begun, Panicked> {
    let begun = panic::catch_unwind(panic::AssertUnwindSafe(|| match start() {
        Started::Running(mut running) => match Pin::new(&mut running).poll(task) {
            Poll::Ready(mut finished) => {
                finished.cx.keep_ended(running);
                Begun::Finished(finished)
            }
            Poll::Pending => Begun::Waiting(running),
        },
        Started::Failed(cx, error) => Begun::Failed(cx, error),
    }));
    begun.map_err(caught)
}

/// Polls a running procedure; a panic becomes an error, and the procedure is dropped.
#[inline]
pub(crate) fn poll(
    running: &mut Option<Running>,
    task: &mut std::task::Context<'_>,
) -> Poll<Result<Finished, Panicked>> {
    let polled = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let Some(future) = running else { return Poll::Pending };
        let polled = Pin::new(future).poll(task);
        if polled.is_ready() {
            *running = None;
        }
        polled
    }));
    match polled {
        Ok(polled) => polled.map(Ok),
        Err(cause) => {
            discard(running);
            Poll::Ready(Err(caught(cause)))
        }
    }
}

/// What a panic becomes.
#[cold]
fn caught(cause: Box<dyn std::any::Any + Send>) -> Panicked {
    if weak::is_off("panics") {
        panic::resume_unwind(cause);
    }
    Panicked::new(&*cause)
}

/// Drops a procedure; a panic of one of its destructors stays here.
#[inline]
pub(crate) fn discard(running: &mut Option<Running>) {
    let running = running.take();
    if panic::catch_unwind(panic::AssertUnwindSafe(|| drop(running))).is_err() {
        tracing::error!("a procedure panicked while it was dropped");
    }
}

/// A procedure that panicked.
#[derive(Debug)]
pub(crate) struct Panicked(String);

impl Panicked {
    #[cold]
    pub(crate) fn new(cause: &(dyn std::any::Any + Send)) -> Self {
        let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "a value that is no text".into()))
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the procedure panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

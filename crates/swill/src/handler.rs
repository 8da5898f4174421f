//! Closures and functions that become procedures.

use crate::{
    Context, Procedure,
    call::{Call, Finished},
    input::Input,
    reply::Reply,
};
use std::{borrow::Cow, future::Future};
use swill_proto::{Error, Result};

/// A closure that can be a procedure: its arguments are the parameters, or one [`Streaming`](crate::Streaming).
///
/// `Parameters` and `Kind` are always inferred. `async` closures fit, and closures that return a future.
#[diagnostic::on_unimplemented(
    message = "this closure cannot be a procedure",
    note = "it takes up to 12 owned arguments that implement `serde::Deserialize` and `schemars::JsonSchema`, or one \
            `Streaming<T>`, and returns a future of a value, a stream or a `Result`; it and its future are `Send`, and \
            it is `Clone`"
)]
pub trait Handler<Parameters, Kind>: Send + Sync + 'static {
    /// What the arguments are on the wire.
    type Input: Input;

    /// The procedure that calls this closure.
    fn procedure(self, name: Cow<'static, str>, names: <Self::Input as Input>::Names) -> Procedure;
}

macro_rules! handlers {
    ($($($T:ident)*;)*) => {$(
        impl<Fun, Fut, Kind, $($T),*> Handler<($($T,)*), Kind> for Fun
        where
            Fun: FnOnce($($T),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: Reply<Kind> + 'static> + Send + 'static,
            ($($T,)*): Input,
        {
            type Input = ($($T,)*);

            fn procedure(self, name: Cow<'static, str>, names: <Self::Input as Input>::Names) -> Procedure {
                #[allow(non_snake_case, reason = "the names of the type parameters serve as those of the values")]
                Procedure::new(name, names, move |call: Call<Self::Input>| {
                    let run = self.clone();
                    async move {
                        let (cx, ($($T,)*)) = call.into_parts();
                        let reply = run($($T),*).await;
                        let result = reply.send(&cx).await;
                        Finished::new(cx, result)
                    }
                })
            }
        }
    )*};
}

handlers! {
    ;
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}

/// Marks a closure whose one argument is a stream in.
#[derive(Debug)]
pub struct StreamIn<T>(std::marker::PhantomData<T>);

impl<Fun, Fut, Kind, T> Handler<StreamIn<T>, Kind> for Fun
where
    Fun: FnOnce(crate::Streaming<T>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: Reply<Kind> + 'static> + Send + 'static,
    crate::Streaming<T>: Input<Names = [&'static str; 1]>,
{
    type Input = crate::Streaming<T>;

    fn procedure(self, name: Cow<'static, str>, names: [&'static str; 1]) -> Procedure {
        Procedure::new(name, names, move |call: Call<Self::Input>| {
            let run = self.clone();
            async move {
                let (cx, items) = call.into_parts();
                let reply = run(items).await;
                let result = reply.send(&cx).await;
                Finished::new(cx, result)
            }
        })
    }
}

/// Runs a function on the blocking pool, for procedures marked `#[swill(blocking)]`.
///
/// The function gets the context, so that it can ask whether the call was cancelled: nothing can stop it. Its call
/// counts as in flight until it has returned.
pub async fn blocking<T, F>(cx: Box<Context>, run: F) -> (Box<Context>, Result<T>)
where
    T: Send + 'static,
    F: FnOnce(&Context) -> T + Send + 'static,
{
    let spare = cx.twin();
    let span = tracing::Span::current();
    let task = tokio::task::spawn_blocking(move || {
        // What happens on the other thread belongs to the call as well.
        let _entered = span.enter();
        // It may have waited long for a thread.
        if let Some(reason) = cx.cancelled() {
            return (cx, Err(Error::cancelled(reason)));
        }
        let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&cx)));
        (cx, value.map_err(|cause| Error::internal(crate::call::Panicked::new(&*cause))))
    });
    match task.await {
        Ok(done) => done,
        // The runtime is shutting down.
        Err(error) => (Box::new(spare), Err(Error::internal(error))),
    }
}

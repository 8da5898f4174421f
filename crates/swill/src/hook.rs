use crate::{
    Context, Peer,
    call::{Finished, Panicked},
    handshake::Handshake,
    procedure::{Procedure, Started},
    running::Running,
};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use std::{
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};
use swill_proto::{CancelReason, Close, Error, Metadata, Payload, Result};

/// Looks at connections and calls, changes what it sees, and refuses what it does not like.
///
/// Every method has a default that does nothing, so a hook implements those it needs:
///
/// ```
/// use swill::{App, Code, Error, Handshake, Hook, Result};
///
/// struct User(String);
///
/// struct Login;
///
/// impl Hook for Login {
///     async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
///         match handshake.request().token() {
///             Some("secret") => handshake.insert(User("ann".into())),
///             _ => return Err(Error::close_connection(401, "who are you?")),
///         }
///         Ok(())
///     }
/// }
///
/// let app = App::new().hook(Login);
/// ```
///
/// # Order
///
/// | moment | methods |
/// |---|---|
/// | a peer connects | `before_connection`, `before_accept`, (the 101 is written), `after_accept` |
/// | a call opens | `before_request`; `before_request_metadata` if the caller sent some; `before_request_message` with the parameters, if they fit |
/// | a later message of a call: an item, the end of a stream, a cancellation | `before_request_data`; `before_request_message` with an item, if it fits |
/// | leading metadata is sent at once | `before_leading_metadata` |
/// | an answer | `before_trailing_metadata`, `before_response_message`, `before_leading_metadata` (unless it was sent) |
/// | an item of a stream out | `before_response_message`; with the first one also `before_leading_metadata` (unless it was sent) |
/// | the end of a stream out | `before_trailing_metadata`; `before_leading_metadata` if nothing was sent before |
/// | the end of a call, however it ends | `after_request` |
/// | the connection is over, after the `after_request` of all its calls | `after_connection` |
///
/// Several hooks run in the order in which they were added, those of the app before those of its modules. A call that
/// never begins is seen by none: of an unknown procedure, or refused because too many are in flight, the server is
/// shutting down, or the protocol cannot carry it. `after_connection` runs for every connection for which `after_accept`
/// was reached; a handshake that is refused or breaks before has no counterpart. A later message of a stream is seen when the procedure takes it.
///
/// The order is the same over every protocol. What a protocol has no word for does not happen:
///
/// | | Swill's own | JSON-RPC | events | WebMesh |
/// |---|---|---|---|---|
/// | `before_request_metadata` | yes | – | – | – |
/// | `before_request_data` of an item, or of the end of a stream in | yes | – | – | – |
/// | `before_request_data` of a cancellation | yes | yes | – | – |
/// | items of a stream out | yes | yes | – | – |
///
/// The other methods run over all of them: those of leading and trailing metadata also where metadata does not travel,
/// and those of an answer also where nobody waits for one. Without parameters, `before_request_message` sees null. The
/// calls of a batch are calls like any other.
///
/// # Refusing
///
/// An error of `before_connection` or `before_accept` refuses the handshake: with the status and text of
/// [`Error::close_connection`], or with the error's code as the HTTP status if it is one of 300 to 599, else 403. An
/// error of `after_accept` closes the connection. An error of a method that belongs to a call makes the call fail with
/// it; [`Error::close_connection`] closes the connection instead. The `after_` methods cannot refuse.
///
/// # Time
///
/// Hooks may wait, and none of them waits for ever. Those that let a peer in have the time of
/// [`Limits::handshake`](crate::Limits::handshake), and `after_accept` has it again. Those of a call are within the call's
/// deadline. After a call was cancelled, by its deadline or by its caller, and after a connection has ended, what is left
/// of them has the time of [`Limits::grace`](crate::Limits::grace), and is dropped then.
pub trait Hook: Send + Sync + 'static {
    /// Whether the methods that belong to a call are wanted. Asked once, when the app is built.
    ///
    /// A hook that only looks at connections, such as one that checks who connects, says `false`. Then a call on which no
    /// other hook looks goes the short way, as in an app without hooks.
    fn sees_calls(&self) -> bool {
        true
    }

    /// A peer asks for a connection: its request is known, nothing is answered yet.
    fn before_connection(&self, handshake: &mut Handshake) -> impl Future<Output = Result<()>> + Send {
        let _ = handshake;
        async { Ok(()) }
    }

    /// The answer to the handshake, with status 101, is about to be written; its protocol has been chosen.
    fn before_accept(&self, handshake: &mut Handshake) -> impl Future<Output = Result<()>> + Send {
        let _ = handshake;
        async { Ok(()) }
    }

    /// The connection is open. The peer can be told something ([`Peer::notify`]); nothing is read from it before this
    /// method has ended, so that a call of the peer would wait in vain.
    fn after_accept(&self, peer: &Peer) -> impl Future<Output = Result<()>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// A call opens. Values can be put into its context.
    fn before_request(&self, cx: &mut Context) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// The caller sent metadata. It can be changed.
    fn before_request_metadata(
        &self,
        cx: &Context,
        metadata: &mut Metadata,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, metadata);
        async { Ok(()) }
    }

    /// A later message of a call is about to be handled.
    fn before_request_data(&self, cx: &Context, kind: DataKind) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, kind);
        async { Ok(()) }
    }

    /// Parameters or an item have come and fit their types. The message can be replaced.
    fn before_request_message(
        &self,
        cx: &Context,
        message: &mut Payload<'static>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, message);
        async { Ok(()) }
    }

    /// Leading metadata, or none, is about to be sent. It can be changed.
    fn before_leading_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, metadata);
        async { Ok(()) }
    }

    /// An answer or an item is about to be sent. It can be replaced.
    fn before_response_message(
        &self,
        cx: &Context,
        message: &mut Payload<'static>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, message);
        async { Ok(()) }
    }

    /// Trailing metadata, or none, is about to be sent. It can be changed.
    fn before_trailing_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, metadata);
        async { Ok(()) }
    }

    /// A call is over.
    fn after_request(&self, cx: &Context, outcome: Outcome<'_>) -> impl Future<Output = ()> + Send {
        let _ = (cx, outcome);
        async {}
    }

    /// A connection is over. `close` is what it ended with: the peer's code, or this side's, or 1006 if it just broke.
    fn after_connection(&self, peer: &Peer, close: &Close) -> impl Future<Output = ()> + Send {
        let _ = (peer, close);
        async {}
    }

    /// Around a procedure: what is awaited before and after [`Next::run`] happens before and after it. Runs after
    /// `before_request_message` and before the hooks of the answer. A stream out has sent its items when `run` returns.
    fn call(&self, cx: &Context, next: Next<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        next.run()
    }
}

/// What kind of message came for a call that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// An item.
    Message = 0,
    /// The end of the stream in.
    End = 1,
    /// Metadata.
    Metadata = 2,
    /// A cancellation.
    Cancel = 3,
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It was answered.
    Answered,
    /// It failed.
    Failed(&'a Error),
    /// It was cancelled.
    Cancelled(CancelReason),
}

/// The rest of the way to a procedure: the hooks further inside, and the procedure itself.
pub struct Next<'a> {
    hooks: &'a [Arc<dyn AnyHook>],
    cx: &'a Context,
    running: &'a mut (dyn Future<Output = Result<()>> + Send + Unpin),
}

impl Next<'_> {
    /// Goes on, to the end of the procedure.
    pub async fn run(self) -> Result<()> {
        match self.hooks {
            [] => self.running.await,
            [hook, inner @ ..] => {
                hook.call(self.cx, Next { hooks: inner, cx: self.cx, running: self.running }).await
            }
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("hooks", &self.hooks.len()).finish_non_exhaustive()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

macro_rules! any_hook {
    ($(fn $name:ident<$a:lifetime>($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        /// [`Hook`] with its futures boxed, so that hooks of all types go into one list.
        pub(crate) trait AnyHook: Send + Sync + 'static {
            fn sees_calls(&self) -> bool;
            $(fn $name<$a>(&$a self, $($argument: $type),*) -> Boxed<$a, $output>;)*
        }

        impl<H: Hook> AnyHook for H {
            fn sees_calls(&self) -> bool {
                Hook::sees_calls(self)
            }

            $(fn $name<$a>(&$a self, $($argument: $type),*) -> Boxed<$a, $output> {
                Box::pin(Hook::$name(self, $($argument),*))
            })*
        }
    };
}

any_hook! {
    fn before_connection<'a>(handshake: &'a mut Handshake) -> Result<()>;
    fn before_accept<'a>(handshake: &'a mut Handshake) -> Result<()>;
    fn after_accept<'a>(peer: &'a Peer) -> Result<()>;
    fn before_request<'a>(cx: &'a mut Context) -> Result<()>;
    fn before_request_metadata<'a>(cx: &'a Context, metadata: &'a mut Metadata) -> Result<()>;
    fn before_request_data<'a>(cx: &'a Context, kind: DataKind) -> Result<()>;
    fn before_request_message<'a>(cx: &'a Context, message: &'a mut Payload<'static>) -> Result<()>;
    fn before_leading_metadata<'a>(cx: &'a Context, metadata: &'a mut Option<Box<Metadata>>) -> Result<()>;
    fn before_response_message<'a>(cx: &'a Context, message: &'a mut Payload<'static>) -> Result<()>;
    fn before_trailing_metadata<'a>(cx: &'a Context, metadata: &'a mut Option<Box<Metadata>>) -> Result<()>;
    fn after_request<'a>(cx: &'a Context, outcome: Outcome<'a>) -> ();
    fn after_connection<'a>(peer: &'a Peer, close: &'a Close) -> ();
    fn call<'a>(cx: &'a Context, next: Next<'a>) -> Result<()>;
}

impl fmt::Debug for dyn AnyHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// The hooks that see a procedure's calls, outermost first.
pub(crate) type Hooks = Arc<[Arc<dyn AnyHook>]>;

/// A call that hooks look at: the hooks, and the context that they see.
pub(crate) struct Hooked {
    hooks: Hooks,
    cx: Context,
}

impl Hooked {
    pub(crate) async fn before_response_message(&self, message: &mut Payload<'static>) -> Result<()> {
        let format = message.format();
        for hook in &*self.hooks {
            hook.before_response_message(&self.cx, message).await?;
        }
        if message.format() != format {
            let why = format!("a hook replaced a message in {format} by one in {}", message.format());
            return Err(Error::internal(why));
        }
        match message.bytes().len() {
            bytes if bytes > self.cx.limits().answer => Err(self.cx.peer().too_large(bytes)),
            _ => Ok(()),
        }
    }

    pub(crate) async fn before_leading_metadata(&self, metadata: &mut Option<Box<Metadata>>) -> Result<()> {
        for hook in &*self.hooks {
            hook.before_leading_metadata(&self.cx, metadata).await?;
        }
        metadata.as_ref().map_or(Ok(()), |metadata| self.cx.peer().admit_metadata("leading", metadata))
    }

    async fn before_trailing_metadata(&self, metadata: &mut Option<Box<Metadata>>) -> Result<()> {
        for hook in &*self.hooks {
            hook.before_trailing_metadata(&self.cx, metadata).await?;
        }
        metadata.as_ref().map_or(Ok(()), |metadata| self.cx.peer().admit_metadata("trailing", metadata))
    }

    async fn before_request_data(&self, kind: DataKind) -> Result<()> {
        for hook in &*self.hooks {
            hook.before_request_data(&self.cx, kind).await?;
        }
        Ok(())
    }

    /// Whether a hook has replaced the message.
    async fn before_request_message(&self, message: &mut Payload<'static>) -> Result<bool> {
        let before = message.clone();
        for hook in &*self.hooks {
            hook.before_request_message(&self.cx, message).await?;
        }
        // A message that was left alone is still the same memory.
        Ok(!std::ptr::eq(message.bytes(), before.bytes()))
    }
}

/// Lets the hooks see an item of a stream in.
pub(crate) async fn admit<T: DeserializeOwned + Send>(
    hooked: Arc<Hooked>,
    first: bool,
    mut payload: Payload<'static>,
) -> Option<Result<T>> {
    let admitted = async {
        if !first {
            hooked.before_request_data(DataKind::Message).await?;
        }
        let item = payload.decode()?;
        match hooked.before_request_message(&mut payload).await? {
            true => payload.decode(),
            false => Ok(item),
        }
    };
    Some(admitted.await)
}

/// Lets the hooks see the end of a stream in.
pub(crate) async fn admit_end<T>(hooked: Arc<Hooked>) -> Option<Result<T>> {
    hooked.before_request_data(DataKind::End).await.err().map(Err)
}

/// Runs a call that hooks look at, from the first of them to the last.
pub(crate) async fn run(
    mut cx: Box<Context>,
    hooks: Hooks,
    procedure: Procedure,
    payload: Option<Payload<'static>>,
) -> Finished {
    let state = Arc::clone(cx.state());
    let result = {
        let mut calling =
            Box::pin(AssertUnwindSafe(call(&mut cx, &hooks, &procedure, payload)).catch_unwind());
        let result = poll_fn(|task| {
            if let Some(reason) = state.cancelled() {
                return Poll::Ready(Err(Error::cancelled(reason)));
            }
            calling
                .as_mut()
                .poll(task)
                .map(|done| done.unwrap_or_else(|cause| Err(Error::internal(Panicked::new(&*cause)))))
        })
        .await;
        // A destructor that panics does not keep the hooks from their last word.
        if catch_unwind(AssertUnwindSafe(|| drop(calling))).is_err() {
            tracing::error!("a procedure panicked while it was dropped");
        }
        result
    };
    let cancelled = state.cancelled();
    for hook in &*hooks {
        if cancelled == Some(CancelReason::Client) {
            // The call is over: there is nothing left that could be refused.
            let _ = hook.before_request_data(&cx, DataKind::Cancel).await;
        }
    }
    for hook in &*hooks {
        let outcome = match (&result, cancelled) {
            (_, Some(reason)) => Outcome::Cancelled(reason),
            (Ok(()), None) => Outcome::Answered,
            (Err(error), None) => Outcome::Failed(error),
        };
        hook.after_request(&cx, outcome).await;
    }
    match result {
        Ok(()) => Finished::answered(cx),
        Err(error) => Finished::failed(cx, error),
    }
}

/// The call itself: hooks of the way in, the procedure, hooks of the way out. The answer ends up in `cx`.
async fn call(
    cx: &mut Context,
    hooks: &Hooks,
    procedure: &Procedure,
    payload: Option<Payload<'static>>,
) -> Result<()> {
    for hook in &**hooks {
        hook.before_request(cx).await?;
    }
    if let Some(mut metadata) = cx.metadata_mut().take() {
        for hook in &**hooks {
            hook.before_request_metadata(cx, &mut metadata).await?;
        }
        *cx.metadata_mut() = Some(metadata);
    }
    let hooked = Arc::new(Hooked { hooks: Arc::clone(hooks), cx: cx.twin() });
    cx.set_hooked(Arc::clone(&hooked));

    let streams_in = procedure.shape().streams_in;
    let mut running = start(cx, procedure, payload.clone())?;
    if !streams_in {
        // No parameters are null to hooks, whatever the protocol makes of them.
        let mut payload = payload.unwrap_or_else(|| Payload::null(cx.format()));
        if hooked.before_request_message(&mut payload).await? {
            running = start(cx, procedure, Some(payload))?;
        }
    }
    let mut answered: Option<Box<Context>> = None;
    {
        let answering = pin!(async {
            let finished = hooked.cx.confirm(&mut running, procedure.shape().streams_out).await;
            if finished.result.is_ok() || procedure.shape().streams_out {
                answered = Some(finished.cx);
            }
            finished.result
        });
        let next = Next { hooks, cx: &hooked.cx, running: &mut { answering } };
        next.run().await?;
    }
    let Some(mut inner) = answered else {
        return Err(Error::internal(
            "a hook said that the call was answered, but it did not run it, or it failed",
        ));
    };

    cx.state().admit_metadata()?;
    let mut trailing = cx.state().metadata().trailing.take();
    hooked.before_trailing_metadata(&mut trailing).await?;
    cx.state().metadata().trailing = trailing;
    if !procedure.shape().streams_out {
        let answer = std::mem::take(&mut inner.answer);
        let mut answer = Payload::shared(cx.format(), answer.into());
        hooked.before_response_message(&mut answer).await?;
        cx.answer.clear();
        cx.answer.extend_from_slice(answer.bytes());
    }
    // `leading` runs the hooks, unless something was sent before.
    let leading = cx.leading().await?;
    cx.state().metadata().leading = leading;
    Ok(())
}

fn start(cx: &Context, procedure: &Procedure, payload: Option<Payload<'static>>) -> Result<Running> {
    match procedure.start(Box::new(cx.twin()), payload) {
        Started::Running(running) => Ok(running),
        Started::Failed(_, error) => Err(error),
    }
}

use crate::{
    Peer,
    call::{self, Finished},
    connection::report,
    hook::Hooks,
    observe::{Limit, Outcome, Watch},
    outbox::Entry,
    peer::Shared,
    running::Running,
    state::CallState,
    weak,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};
use swill_proto::{CallId, CancelReason, Code, Error, ProcedureId, Shape};
use tokio::time::{Instant, Sleep, sleep_until};

/// A call that had to wait: runs its procedure to the end, or until it is cancelled, and says the last word.
///
/// The procedure has been polled before by the connection; it is polled again at once, which puts this task's waker in
/// the place of the connection's.
pub(crate) struct CallTask {
    running: Option<Running>,
    shared: Arc<Shared>,
    state: Arc<CallState>,
    call: CallId,
    procedure: ProcedureId,
    shape: Shape,
    begun: Instant,
    watch: Watch,
    /// Hooks end a cancelled call themselves, and are not dropped.
    hooked: bool,
    deadline: Option<Pin<Box<Sleep>>>,
    last_word: Option<(Option<Entry>, Vec<u8>)>,
    /// Bytes of the last word that count as held, because there was no room for it at once.
    held: usize,
}

impl CallTask {
    pub(crate) fn new(
        running: Running,
        shared: &Arc<Shared>,
        call: CallId,
        procedure: ProcedureId,
        deadline: Option<Instant>,
        begun: Instant,
        watch: Watch,
    ) -> Self {
        let state = shared.state_of(call);
        state.count();
        let registered = shared.service.get(procedure);
        let shape = registered.map(|it| it.procedure.shape()).unwrap_or_default();
        if let Some(spoken) = &shared.spoken {
            spoken.registry().streams(shape, 1);
        }
        Self {
            running: Some(running),
            shared: Arc::clone(shared),
            state,
            call,
            procedure,
            shape,
            begun,
            watch,
            hooked: registered
                .and_then(|it| it.hooks.as_ref())
                .is_some_and(|hooks: &Hooks| !hooks.is_empty()),
            deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline))),
            last_word: None,
            held: 0,
        }
    }

    /// Tells whoever looks on that the call has ended like this.
    fn ended(&self, watch: &Watch, entry: &Entry, payload: &[u8]) {
        let Some(watched) = watch.watched() else { return };
        let code = match entry {
            Entry::Fail { error, .. } => error.code().0,
            _ => 0,
        };
        watched.ended(&self.shared, self.procedure, code, Some(&self.state), payload.len());
    }

    /// Counts the call, which has ended like this.
    fn count(&self, entry: &Entry) {
        let Some(spoken) = &self.shared.spoken else { return };
        let outcome = match entry {
            Entry::Fail { error, .. } => Outcome::of(error),
            _ => Outcome::OK,
        };
        spoken.calls(self.procedure, 1, outcome, self.begun.elapsed());
    }

    fn failed(&self, error: Error) -> Entry {
        let peer = Peer(Arc::clone(&self.shared));
        Entry::Fail { call: self.call, error: report(error, &peer, self.procedure) }
    }

    fn poll_running(&mut self, task: &mut Context<'_>) -> Poll<(Entry, Vec<u8>)> {
        self.state.register(task.waker());
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(task).is_ready()
        {
            self.deadline = None;
            if self.state.cancelled().is_none() {
                self.shared.exceeded(Limit::Deadline);
            }
            self.state.cancel(CancelReason::Deadline);
        }
        if let (Some(reason), false) = (self.state.cancelled(), self.hooked) {
            call::discard(&mut self.running);
            return Poll::Ready((
                Entry::Fail { call: self.call, error: Error::cancelled(reason) },
                Vec::new(),
            ));
        }
        let word = match ready!(call::poll(&mut self.running, task)) {
            Ok(Finished { mut cx, result: Ok(()), .. }) => {
                let answer = std::mem::take(&mut cx.answer);
                let mut metadata = self.state.metadata();
                let entry = Entry::End {
                    call: self.call,
                    last: (!self.shape.streams_out).then_some(answer.len()),
                    leading: metadata.leading.take(),
                    trailing: metadata.trailing.take(),
                };
                drop(metadata);
                cx.release();
                (entry, answer)
            }
            Ok(Finished { mut cx, result: Err(error), .. }) => {
                cx.release();
                (self.failed(error), Vec::new())
            }
            Err(panicked) => (self.failed(Error::internal(panicked)), Vec::new()),
        };
        Poll::Ready(word)
    }

    fn poll_watched(&mut self, watch: &Watch, task: &mut Context<'_>) -> Poll<()> {
        if self.last_word.is_none() {
            let (entry, payload) = ready!(self.poll_running(task));
            self.count(&entry);
            self.ended(watch, &entry, &payload);
            self.last_word = Some((Some(entry), payload));
        }
        let Some((entry, payload)) = &mut self.last_word else { return Poll::Ready(()) };
        // A connection that is gone wants no last word.
        if self.shared.outbox.poll_push(task, entry, payload).is_ready() {
            return Poll::Ready(());
        }
        if self.held == 0 {
            self.held = payload.len();
            let held = self.shared.held.fetch_add(self.held, Ordering::Relaxed) + self.held;
            if held > self.shared.service.limits.answer && !weak::is_off("held-answers") {
                self.shared.exceeded(Limit::Answers);
                let error = Error::new(Code::TOO_LARGE, "too many large answers wait for this connection");
                self.last_word = Some((Some(Entry::Fail { call: self.call, error }), Vec::new()));
            }
        }
        Poll::Pending
    }
}

impl Drop for CallTask {
    fn drop(&mut self) {
        if let Some(spoken) = &self.shared.spoken {
            spoken.registry().streams(self.shape, -1);
        }
        let watch = std::mem::take(&mut self.watch);
        let _entered = watch.enter();
        // Usually it has been dropped before; nothing of it may ask for its state any more.
        call::discard(&mut self.running);
        self.shared.forget(self.call);
        self.shared.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

impl Future for CallTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let watch = std::mem::take(&mut this.watch);
        let polled = {
            let _entered = watch.enter();
            this.poll_watched(&watch, task)
        };
        this.watch = watch;
        polled
    }
}

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
    time::Duration,
};
use swill_proto::{CallId, CancelReason, Code, Error, ProcedureId, Shape};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

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
    /// When hooks have to be done with a call that was cancelled.
    farewell: Option<Pin<Box<Sleep>>>,
    last_word: Option<LastWord>,
}

/// What a call says at its end, until there is room for it.
struct LastWord {
    entry: Option<Entry>,
    payload: Vec<u8>,
    /// What the peer will be told, as it is counted and as it is logged: the code of an error, or 0.
    outcome: Outcome,
    code: i64,
    /// How long the procedure took.
    took: Duration,
    /// Bytes that count as held, because there was no room for them at once.
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
            farewell: None,
            last_word: None,
        }
    }

    /// Counts the call, and tells whoever looks on that it has ended, with what the peer is told.
    fn ended(&self, watch: &Watch, word: &LastWord) {
        if let Some(spoken) = &self.shared.spoken {
            spoken.calls(self.procedure, 1, word.outcome, word.took);
        }
        if let Some(watched) = watch.watched() {
            let bytes = word.payload.len();
            watched.ended(&self.shared, self.procedure, word.code, Some(&self.state), bytes);
        }
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
        let cancelled = self.state.cancelled();
        if let (Some(reason), false) = (cancelled, self.hooked) {
            return Poll::Ready(self.give_up(reason));
        }
        let polled = call::poll(&mut self.running, task);
        if let (Some(reason), Poll::Pending) = (cancelled, &polled)
            && self.hooks_are_late(task)
        {
            return Poll::Ready(self.give_up(reason));
        }
        let word = match ready!(polled) {
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

    /// Drops the procedure.
    fn give_up(&mut self, reason: CancelReason) -> (Entry, Vec<u8>) {
        call::discard(&mut self.running);
        (Entry::Fail { call: self.call, error: Error::cancelled(reason) }, Vec::new())
    }

    /// Whether hooks have had all the time that they get for a call that was cancelled.
    fn hooks_are_late(&mut self, task: &mut Context<'_>) -> bool {
        let grace = self.shared.service.limits.grace;
        let farewell = self.farewell.get_or_insert_with(|| Box::pin(sleep(grace)));
        let late = farewell.as_mut().poll(task).is_ready();
        if late {
            self.shared.exceeded(Limit::Grace);
        }
        late
    }

    fn poll_watched(&mut self, watch: &Watch, task: &mut Context<'_>) -> Poll<()> {
        if self.last_word.is_none() {
            let (entry, payload) = ready!(self.poll_running(task));
            self.last_word = Some(LastWord::new(entry, payload, self.begun.elapsed()));
        }
        let Some(mut word) = self.last_word.take() else { return Poll::Ready(()) };
        if let Some(reason) = self.state.cancelled()
            && word.outcome == Outcome::OK
        {
            // The peer has been told already, or does not want to hear it: the answer is nobody's any more.
            word.replace(Error::cancelled(reason), self.call, &self.shared);
        }
        let said = word.poll_push(self.call, &self.shared, task);
        if said.is_ready() {
            self.ended(watch, &word);
        }
        self.last_word = Some(word);
        said
    }
}

impl LastWord {
    fn new(entry: Entry, payload: Vec<u8>, took: Duration) -> Self {
        let (outcome, code) = match &entry {
            Entry::Fail { error, .. } => (Outcome::of(error), error.code().0),
            _ => (Outcome::OK, 0),
        };
        Self { entry: Some(entry), payload, outcome, code, took, held: 0 }
    }

    /// Another word takes its place, for which nothing has to be held.
    fn replace(&mut self, error: Error, call: CallId, shared: &Shared) {
        shared.held.fetch_sub(self.held, Ordering::Relaxed);
        *self = Self::new(Entry::Fail { call, error }, Vec::new(), self.took);
    }

    /// Ready when it is said, or nobody is there any more to hear it.
    fn poll_push(&mut self, call: CallId, shared: &Shared, task: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(said) = shared.outbox.poll_push(task, &mut self.entry, &self.payload) {
            if said.is_err() && self.outcome == Outcome::OK {
                self.replace(Error::cancelled(CancelReason::Disconnect), call, shared);
            }
            return Poll::Ready(());
        }
        if self.held == 0 {
            self.held = self.payload.len();
            let held = shared.held.fetch_add(self.held, Ordering::Relaxed) + self.held;
            if held > shared.service.limits.answer && !weak::is_off("held-answers") {
                shared.exceeded(Limit::Answers);
                let error = Error::new(Code::TOO_LARGE, "too many large answers wait for this connection");
                self.replace(error, call, shared);
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
        let held = self.last_word.as_ref().map_or(0, |word| word.held);
        self.shared.held.fetch_sub(held, Ordering::Relaxed);
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

//! Calls of the server, and the handlers that run for them.

use crate::{Client, client::Shared, fault, handlers::Running, settings::Settings};
use rustc_hash::FxHashMap;
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll, ready},
};
use swill_proto::{CallId, Code, Error, Frame, Open, Payload, ProcedureId, Result, Target};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// The handlers that had to wait, each in a task of its own. Dropped, it drops them.
#[derive(Debug, Default)]
pub(super) struct Serving {
    tasks: JoinSet<Result<Vec<u8>>>,
    /// What each of them works for. Those that were cancelled are not among them.
    calls: FxHashMap<Id, Served>,
}

/// A call of the server.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) call: CallId,
    reply: bool,
    handler: ProcedureId,
    task: AbortHandle,
    /// The handle that its handler has. If it is the last, it is not to be gone before the answer is on its way.
    _client: Option<Client>,
}

/// What became of a call when it began.
enum Begun {
    Ended(Result<Vec<u8>>),
    Waiting(Running),
}

/// The answer to a call of the server: written, or what the server is told instead.
pub(super) type Answer = Result<Vec<u8>>;

impl Serving {
    /// Begins a call. The answer, if there is one at once and the server wants it.
    pub(super) fn begin(
        &mut self,
        open: &Open<'_>,
        shared: &Shared,
        task: &mut Context<'_>,
    ) -> Option<Answer> {
        let settings = &shared.settings;
        let Target::Known(id) = open.target else { return None };
        let handler = settings.handlers.get(id)?;
        if self.tasks.len() >= settings.limits.serving {
            return refused(&handler.name, open.reply);
        }
        let client = if handler.wants_client { shared.client() } else { None };
        if handler.wants_client && client.is_none() {
            return open.reply.then(|| Err(fault::leaving()));
        }
        let begun = catch_unwind(AssertUnwindSafe(|| {
            let format = settings.protocol.format();
            let mut running = match handler.start(open.input.as_ref(), format, client.clone()) {
                Ok(running) => running,
                Err(error) => return Begun::Ended(Err(error)),
            };
            match running.as_mut().poll(task) {
                Poll::Ready(result) => Begun::Ended(result),
                Poll::Pending => Begun::Waiting(running),
            }
        }));
        match begun {
            Ok(Begun::Waiting(running)) => {
                let task = self.tasks.spawn(running);
                let served =
                    Served { call: open.call, reply: open.reply, handler: id, task, _client: client };
                self.calls.insert(served.task.id(), served);
                None
            }
            Ok(Begun::Ended(result)) => answer(result, open.reply, &handler.name, settings),
            Err(cause) => answer(Err(panicked(&*cause)), open.reply, &handler.name, settings),
        }
    }

    /// Whether nothing runs.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The next call that has ended and whose answer the server wants.
    pub(super) fn poll_answer(
        &mut self,
        settings: &Settings,
        task: &mut Context<'_>,
    ) -> Poll<Option<(Served, Answer)>> {
        while let Some(ended) = ready!(self.tasks.poll_join_next_with_id(task)) {
            let (id, result) = match ended {
                Ok(ended) => ended,
                Err(error) => (error.id(), Err(stopped(error))),
            };
            let Some(served) = self.calls.remove(&id) else { continue };
            let name = settings.handlers.get(served.handler).map(|handler| &*handler.name);
            if let Some(answer) = answer(result, served.reply, name.unwrap_or_default(), settings) {
                return Poll::Ready(Some((served, answer)));
            }
        }
        Poll::Ready(None)
    }

    /// Stops a call.
    pub(super) fn cancel(&mut self, call: CallId) {
        let found = self.calls.iter().find(|(_, served)| served.call == call);
        if let Some(served) = found.map(|(id, _)| *id).and_then(|id| self.calls.remove(&id)) {
            // It counts until it has really ended.
            served.task.abort();
        }
    }
}

/// An answer, on its way to the machine.
pub(super) fn frame(call: CallId, answer: Answer, settings: &Settings) -> Frame<'static> {
    match answer {
        Ok(answer) => {
            let last = Some(Payload::shared(settings.protocol.format(), answer.into()));
            Frame::End { call, last, leading: None, trailing: None }
        }
        Err(error) => Frame::Fail { call, error },
    }
}

/// What the server is told of what a handler said.
fn answer(result: Result<Vec<u8>>, reply: bool, name: &str, settings: &Settings) -> Option<Answer> {
    let most = settings.limits.request.saturating_sub(settings.protocol.envelope());
    let result = result.and_then(|answer| match answer.len() <= most {
        true => Ok(answer),
        false => Err(Error::internal(format!(
            "an answer of {} bytes is larger than the client's limit (`Limits::request`)",
            answer.len()
        ))),
    });
    let result = result.map_err(|error| {
        if error.is_unexpected() {
            let source = error.source().map(tracing::field::display);
            tracing::error!(name, source, "a handler failed unexpectedly");
        }
        error.told(false)
    });
    reply.then_some(result)
}

#[cold]
fn refused(name: &str, reply: bool) -> Option<Answer> {
    if !reply {
        tracing::warn!(name, "a notification was dropped: too many handlers are running (`Limits::serving`)");
    }
    reply.then(|| Err(Error::new(Code::TOO_MANY, "too many calls at once; try again later")))
}

#[cold]
fn stopped(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(cause) => panicked(&*cause),
        Err(error) => Error::internal(error),
    }
}

#[cold]
fn panicked(cause: &(dyn Any + Send)) -> Error {
    let text = cause.downcast_ref::<&str>().copied();
    let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("the handler panicked: {}", text.unwrap_or("with a value that is no text")))
}

//! What an app makes of errors before peers are told of them.

use crate::{App, Error, Peer, call::Panicked};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};
use swill_proto::Code;

/// The call that an error handler is told about. See [`App::on_error`](crate::App::on_error).
#[derive(Clone, Copy, Debug)]
pub struct Failure<'c> {
    peer: &'c Peer,
    procedure: &'c str,
}

/// The handlers of an app, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Handlers(Vec<Handler>);

enum Handler {
    /// For errors that were made of a value of one type; `None` for all others.
    Type(Box<OfType>),
    /// For errors with one code.
    Code(Code, Box<OfCode>),
}

type OfType = dyn Fn(&Error, &Failure<'_>) -> Option<Error> + Send + Sync;
type OfCode = dyn Fn(Error, &Failure<'_>) -> Error + Send + Sync;

impl App {
    /// Decides what callers are told about errors of one type: typed errors ([`Error`](macro@crate::Error)), other
    /// libraries' errors that `?` turned into a [`swill::Error`](struct@crate::Error), and whatever else was kept
    /// [with its error](crate::Error::with_origin()).
    ///
    /// ```
    /// use std::io;
    /// use swill::{App, Error, Failure};
    ///
    /// let app = App::new().on_error(|error: &io::Error, call: &Failure| {
    ///     Error::new(503, format!("{} cannot reach its files now", call.procedure())).with_source(error.to_string())
    /// });
    /// ```
    ///
    /// Of several handlers for one type, the one that was added last counts. A handler sees every error of a call that
    /// was begun, errors of hooks included; what the server answers by itself (an unknown name, a limit) passes it by.
    /// Its own error is logged as others are: when it has a source. If a handler panics, the peer gets code 500.
    #[must_use]
    pub fn on_error<E: 'static>(
        mut self,
        handler: impl Fn(&E, &Failure<'_>) -> Error + Send + Sync + 'static,
    ) -> Self {
        self.handlers.add_type(handler);
        self
    }

    /// Decides what callers are told about errors with this code; it sees what [`on_error`](Self::on_error) has made of
    /// them.
    ///
    /// ```
    /// use swill::{App, Code, Error, Failure};
    ///
    /// let app = App::new().on_code(Code::INTERNAL, |error: Error, _: &Failure| error.with_message("Sorry."));
    /// ```
    #[must_use]
    pub fn on_code(
        mut self,
        code: impl Into<Code>,
        handler: impl Fn(Error, &Failure<'_>) -> Error + Send + Sync + 'static,
    ) -> Self {
        self.handlers.add_code(code.into(), handler);
        self
    }
}

impl<'c> Failure<'c> {
    pub(crate) fn new(peer: &'c Peer, procedure: &'c str) -> Self {
        Self { peer, procedure }
    }

    /// The other side of the connection, with its state and the request that opened it.
    pub fn peer(&self) -> &'c Peer {
        self.peer
    }

    /// The full name of the procedure that failed.
    pub fn procedure(&self) -> &'c str {
        self.procedure
    }
}

impl Handlers {
    pub(crate) fn add_type<E: 'static>(
        &mut self,
        handler: impl Fn(&E, &Failure<'_>) -> Error + Send + Sync + 'static,
    ) {
        let handler =
            move |error: &Error, failure: &Failure<'_>| Some(handler(error.downcast_ref::<E>()?, failure));
        self.0.push(Handler::Type(Box::new(handler)));
    }

    pub(crate) fn add_code(
        &mut self,
        code: Code,
        handler: impl Fn(Error, &Failure<'_>) -> Error + Send + Sync + 'static,
    ) {
        self.0.push(Handler::Code(code, Box::new(handler)));
    }

    /// What is left of an error when the handlers have seen it: first those for its type, of which the one that was added
    /// last wins, then likewise those for the code that it has then.
    #[cold]
    pub(crate) fn handle(&self, error: Error, peer: &Peer, procedure: &str) -> Error {
        if self.0.is_empty() {
            return error;
        }
        let failure = Failure::new(peer, procedure);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let of_type = self.0.iter().rev().find_map(|handler| match handler {
                Handler::Type(handler) => handler(&error, &failure),
                Handler::Code(..) => None,
            });
            let error = of_type.unwrap_or(error);
            let of_code = self.0.iter().rev().find_map(|handler| match handler {
                Handler::Code(code, handler) if *code == error.code() => Some(handler),
                Handler::Code(..) | Handler::Type(_) => None,
            });
            match of_code {
                Some(handler) => handler(error, &failure),
                None => error,
            }
        }));
        handled.unwrap_or_else(|cause| Error::internal(Panicked::new(&*cause)))
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|handler| match handler {
                Handler::Type(_) => "a type".to_owned(),
                Handler::Code(code, _) => code.to_string(),
            }))
            .finish()
    }
}

//! What goes wrong on this side, as errors for callers.

use swill_proto::{CancelReason, Close, Code, Error, Value};

/// A call that was not sent, because the client has ended.
#[cold]
pub(crate) fn closed(close: &Close) -> Error {
    // Below 1000 it is the status of a refused handshake, which says more than "unavailable".
    let code = if close.code < 1000 { Code(i64::from(close.code)) } else { Code::UNAVAILABLE };
    let reason = if close.reason.is_empty() { "" } else { ": " };
    Error::new(code, format!("the client is closed{reason}{}", close.reason))
}

/// A call that may have reached the server when its connection ended.
#[cold]
pub(crate) fn unknown(close: &Close) -> Error {
    Error::unknown_outcome(format_args!("the connection ended with {close}"))
}

/// A call of the server for a client that is about to close.
#[cold]
pub(crate) fn leaving() -> Error {
    Error::new(Code::UNAVAILABLE, "the client is about to close")
}

/// Whether a server that is shutting down says that it has not begun a call: another one may do it.
#[cold]
pub(crate) fn is_not_begun(error: &Error) -> bool {
    let begun = error.data().and_then(|data| data.get("begun"));
    error.code() == Code::UNAVAILABLE && begun == Some(&Value::Bool(false))
}

#[cold]
pub(crate) fn deadline() -> Error {
    Error::cancelled(CancelReason::Deadline)
}

/// The same error for a second listener. Its source is not shared.
#[cold]
pub(crate) fn copy(error: &Error) -> Error {
    let copy = match error.cancel_reason() {
        Some(reason) => Error::cancelled(reason),
        None if error.outcome_unknown() => Error::unknown_outcome(""),
        None => Error::new(error.code(), ""),
    };
    let copy = copy.with_message(error.message().to_owned());
    match error.data() {
        Some(data) => copy.with_data(data),
        None => copy,
    }
}

/// What a server answered does not fit the type that the caller expects.
#[cold]
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(crate) fn unfit<T>(error: Error) -> Error {
    let place = error.parameter().map(|place| format!(" at {place}")).unwrap_or_default();
    let name = std::any::type_name::<T>();
    Error::new(Code::INTERNAL, format!("what the server sent is no {name}{place}: {}", error.message()))
}

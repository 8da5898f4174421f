use crate::output;
use std::{fmt, io, process::ExitCode};
use swill_client::Code;

/// What a command returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What the process returns to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The call failed, or something else that was asked for could not be done.
    Failed = 1,
    /// The arguments, or what was read in their place, make no sense.
    Usage = 2,
    /// There is no connection.
    Unreachable = 3,
    /// A deadline has passed.
    Deadline = 4,
    /// The user pressed Ctrl-C: 128 and the number of the signal.
    Interrupted = 130,
}

/// Why a command ends without having done what it should: the exit code, what happened, and what to do about it.
///
/// A foreign [`io::Error`] turns into one with `?`. That of a reader who has gone away, such as `head`, is reported by
/// nothing but the exit code.
#[derive(Debug)]
pub(crate) struct Error {
    exit: Exit,
    what: String,
    details: Vec<(&'static str, String)>,
    advice: Option<String>,
}

impl Error {
    /// Something that was asked for could not be done.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, what: what.into(), details: Vec::new(), advice: None }
    }

    /// The arguments, or what was read in their place, make no sense.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(what) }
    }

    /// A call failed: its code and message, and its data.
    pub(crate) fn call(procedure: &str, error: &swill_client::Error) -> Self {
        let exit = if error.code() == Code::DEADLINE { Exit::Deadline } else { Exit::Failed };
        let what = format!("`{procedure}` failed with code {}: {}", error.code(), error.message());
        let mut failure = Self { exit, ..Self::failed(what) };
        if let Some(parameter) = error.parameter() {
            failure = failure.detail("parameter", parameter);
        }
        match error.data() {
            Some(data) => failure.detail("data", crate::json::line(data)),
            None => failure,
        }
    }

    /// There is no connection to `url`.
    pub(crate) fn connect(url: &str, error: &swill_client::Error) -> Self {
        let wrong = error.code() == Code::BAD_REQUEST && error.data().is_none();
        let what = match wrong {
            true => error.message().to_owned(),
            false => format!("no connection to {}: {}", without_query(url), error.message()),
        };
        let exit = if wrong { Exit::Usage } else { Exit::Unreachable };
        let failure = Self { exit, ..Self::failed(what) };
        let failure = match error.data().map(crate::json::plain) {
            Some(body) if !failure.what.contains(body.trim()) => failure.detail("answer", body.trim()),
            _ => failure,
        };
        match error.code() {
            _ if wrong => failure,
            Code::UNAVAILABLE => failure.advice("is a server running there? `swill demo` starts one to try"),
            Code::UNAUTHENTICATED | Code::FORBIDDEN => {
                failure.advice("give the server a token with `--token TOKEN`, or a header with `--header`")
            }
            Code::NOT_FOUND => {
                failure.advice("the path may be another one: a server of Swill answers at /ws")
            }
            Code(406) | Code::UNIMPLEMENTED => {
                failure.advice("the server may speak another protocol: `--protocol` says which")
            }
            _ => failure,
        }
    }

    /// The user pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, ..Self::failed("interrupted") }
    }

    /// Adds a line that says more.
    #[must_use]
    pub(crate) fn detail(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push((name, text.into()));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn advice(mut self, text: impl Into<String>) -> Self {
        self.advice = Some(text.into());
        self
    }

    /// Prints it on the standard error output, and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.what.is_empty() {
            output::error(self);
        }
        ExitCode::from(self.exit as u8)
    }

    /// Lines below the first, each with its name.
    pub(crate) fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        let advice = self.advice.iter().map(|text| ("help", text.as_str()));
        self.details.iter().map(|(name, text)| (*name, text.as_str())).chain(advice)
    }
}

/// A query may be a secret.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::failed(""),
            _ => Self::failed(error.to_string()),
        }
    }
}

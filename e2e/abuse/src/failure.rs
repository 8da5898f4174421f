//! Why an attack did not hold, or could not be tried.

use std::{fmt, io};

pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// How an attack ends that did not go as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server did something else.
    Unexpected(String),
    /// This machine does not offer what the attack needs.
    Skipped(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(what) | Self::Skipped(what) => out.write_str(what),
        }
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Unexpected(what)
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Self {
        Self::Unexpected(what.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unexpected(error.to_string())
    }
}

/// Fails with a sentence unless something holds.
macro_rules! ensure {
    ($holds:expr, $($sentence:tt)+) => {
        match $holds {
            true => {}
            false => return Err($crate::failure::Failure::Unexpected(format!($($sentence)+))),
        }
    };
}

pub(crate) use ensure;

/// Says where something went wrong.
pub(crate) trait Context<T> {
    fn context(self, place: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Context<T> for std::result::Result<T, E> {
    fn context(self, place: impl fmt::Display) -> Result<T> {
        self.map_err(|error| match error.into() {
            Failure::Unexpected(what) => Failure::Unexpected(format!("{place}: {what}")),
            skipped @ Failure::Skipped(_) => skipped,
        })
    }
}

use std::{borrow::Cow, fmt};

/// Why a connection is closed: a close code and a reason for people (RFC 6455, section 7.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code. 1000 is a normal end, 1002 and 1003 answer messages that break the rules, 1008 a limit that was
    /// exceeded, 1009 a message that is too big, 1011 an error of the server; 4000 to 4999 belong to applications.
    pub code: u16,
    /// A short text; at most 123 bytes of it are sent.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close with this code and reason.
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

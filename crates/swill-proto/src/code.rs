use std::fmt;

/// What kind of failure an [`Error`](crate::Error) is.
///
/// The named codes have the numbers of the HTTP status codes with the same meaning; an application may use any other
/// number for its own errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub i64);

impl Code {
    /// 400: the request makes no sense.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401: the peer has not said who it is.
    pub const UNAUTHENTICATED: Self = Self(401);
    /// 403: the peer may not do this.
    pub const FORBIDDEN: Self = Self(403);
    /// 404: there is no such procedure, or no such thing.
    pub const NOT_FOUND: Self = Self(404);
    /// 409: the request collides with the present state.
    pub const CONFLICT: Self = Self(409);
    /// 413: the request or the answer is too large.
    pub const TOO_LARGE: Self = Self(413);
    /// 422: the parameters do not fit the procedure.
    pub const INVALID: Self = Self(422);
    /// 429: too many calls at once; try again later.
    pub const TOO_MANY: Self = Self(429);
    /// 499: the call was cancelled.
    pub const CANCELLED: Self = Self(499);
    /// 500: something unexpected went wrong.
    pub const INTERNAL: Self = Self(500);
    /// 501: the protocol of this connection cannot carry the call.
    pub const UNIMPLEMENTED: Self = Self(501);
    /// 503: nobody can answer now. A client reports a call with this code when the outcome is *unknown*, see
    /// [`Error::outcome_unknown`](crate::Error::outcome_unknown).
    pub const UNAVAILABLE: Self = Self(503);
    /// 504: the deadline of the call has passed.
    pub const DEADLINE: Self = Self(504);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for Code {
    fn from(code: i64) -> Self {
        Self(code)
    }
}

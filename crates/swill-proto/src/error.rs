use crate::{CancelReason, Close, Code, Value, Violation};
use serde::Serialize;
use std::{any::Any, borrow::Cow, error::Error as StdError, fmt};

/// What a procedure, a hook or a call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of another library.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What a call fails with: a [`Code`], a message for people and, if there is some, data for programs.
///
/// The three travel to the peer. The *source*, the error of another library that led to this one, is logged and never
/// sent (only in debug mode is its text added to the message).
///
/// Any [`std::error::Error`] turns into an `Error` with `?`: code 500, a message without details, and itself as source.
/// That is why `Error` is no [`std::error::Error`] itself; [`Error::into_boxed`] makes one.
///
/// ```
/// use swill_proto::{Code, Error, Result};
///
/// fn parse(text: &str) -> Result<u16> {
///     let port: u16 = text.parse()?; // 500, the details are only logged
///     if port < 1024 {
///         return Err(Error::new(Code::FORBIDDEN, "that port is reserved").with_data(port));
///     }
///     Ok(port)
/// }
///
/// assert_eq!(parse("x").unwrap_err().code(), Code::INTERNAL);
/// assert_eq!(parse("80").unwrap_err().message(), "that port is reserved");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    data: Option<Value>,
    parameter: Option<Box<str>>,
    violations: Vec<Violation>,
    json_rpc_code: Option<i64>,
    source: Option<BoxError>,
    origin: Option<Box<dyn Origin>>,
    close: Option<Close>,
    cancelled: Option<CancelReason>,
    unexpected: bool,
    outcome_unknown: bool,
}

/// What an error was made of.
trait Origin: Send + Sync {
    fn value(&self) -> &dyn Any;
    fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)>;
}

struct Held<T> {
    value: T,
    source: SourceOf<T>,
}

type SourceOf<T> = fn(&T) -> Option<&(dyn StdError + Send + Sync + 'static)>;

impl<T: Send + Sync + 'static> Origin for Held<T> {
    fn value(&self) -> &dyn Any {
        &self.value
    }

    fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        (self.source)(&self.value)
    }
}

/// What a peer is told about an error that nobody expected.
pub(crate) const INTERNAL_MESSAGE: &str = "An internal server error occurred";

impl Error {
    /// An error with this code and message.
    pub fn new(code: impl Into<Code>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code: code.into(),
            message: message.into(),
            data: None,
            parameter: None,
            violations: Vec::new(),
            json_rpc_code: None,
            source: None,
            origin: None,
            close: None,
            cancelled: None,
            unexpected: false,
            outcome_unknown: false,
        }))
    }

    /// An unexpected error: code 500 and a message that tells a peer nothing; the source is logged.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        let mut error = Self::new(Code::INTERNAL, INTERNAL_MESSAGE).with_source(source);
        error.0.unexpected = true;
        error
    }

    /// Parameters that do not fit: code 422. `parameter` is the path of the bad one, as its name is on the wire.
    pub fn invalid(parameter: impl Into<Box<str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::INVALID, message);
        let parameter = parameter.into();
        error.0.parameter = (!parameter.is_empty()).then_some(parameter);
        error
    }

    /// Values that do not fit what a procedure wants: code 422, with everything that is wrong in a structured form.
    ///
    /// The message is *Validation Error* if all of them are broken constraints, else it is the first one's, with its
    /// path. [`data`](Self::data) is the tree that [`Violation::tree`] makes.
    pub fn violations_of(violations: Vec<Violation>) -> Self {
        let message = match violations.iter().find(|violation| !violation.rule.is_constraint()) {
            Some(violation) => violation.to_string().into(),
            None => Cow::Borrowed("Validation Error"),
        };
        let parameter = violations.first().map(Violation::path_text).unwrap_or_default();
        let mut error = Self::invalid(parameter, message);
        error.0.data = (!violations.is_empty()).then(|| Violation::tree(&violations));
        error.0.violations = violations;
        error
    }

    /// Ends the whole connection with a close code and a reason, from a procedure or a hook.
    ///
    /// In a hook that runs before the handshake is answered, a code below 1000 is the HTTP status of the answer (403
    /// for the others) and the reason its body. Later, a code that may not be sent is replaced by 1000.
    pub fn close_connection(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        let close = Close::new(code, reason);
        let mut error = Self::new(Code(i64::from(code)), close.reason.clone());
        error.0.close = Some(close);
        error
    }

    /// A call that ended because it was cancelled.
    pub fn cancelled(reason: CancelReason) -> Self {
        let code = match reason {
            CancelReason::Deadline => Code::DEADLINE,
            CancelReason::Shutdown => Code::UNAVAILABLE,
            CancelReason::Slow => Code::TOO_MANY,
            CancelReason::Client | CancelReason::Disconnect => Code::CANCELLED,
        };
        let mut error = Self::new(code, reason.message());
        error.0.cancelled = Some(reason);
        error
    }

    /// A call that was sent and whose connection broke before the answer came: it may have been executed, or not.
    pub fn unknown_outcome(why: impl fmt::Display) -> Self {
        let mut error = Self::new(Code::UNAVAILABLE, format!("the outcome of the call is unknown: {why}"));
        error.0.outcome_unknown = true;
        error
    }

    /// Adds data for programs.
    ///
    /// A value that cannot be serialized is left out and becomes the source instead.
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        match Value::from_serialize(&data) {
            Ok(value) => self.0.data = Some(value),
            Err(error) => self.0.source = Some(error),
        }
        self
    }

    /// Adds the error that led to this one. It is logged, never sent.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Keeps the value that this error was made of, for [`downcast_ref`](Self::downcast_ref); it is never sent. `source`
    /// finds the error in it that led to this one, if there is one: that is logged.
    ///
    /// ```
    /// use swill_proto::Error;
    ///
    /// struct OutOfStock(u32);
    ///
    /// impl From<OutOfStock> for Error {
    ///     fn from(error: OutOfStock) -> Self {
    ///         Error::new(409, format!("only {} are left", error.0)).with_origin(error, |_| None)
    ///     }
    /// }
    ///
    /// let error = Error::from(OutOfStock(3));
    /// assert_eq!(error.downcast_ref::<OutOfStock>().map(|it| it.0), Some(3));
    /// ```
    #[must_use]
    pub fn with_origin<T: Send + Sync + 'static>(
        mut self,
        value: T,
        source: fn(&T) -> Option<&(dyn StdError + Send + Sync + 'static)>,
    ) -> Self {
        self.0.origin = Some(Box::new(Held { value, source }));
        self
    }

    /// Adds a field to the data, which is a map of named fields then.
    ///
    /// A value that cannot be serialized is left out and becomes the source instead.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Serialize) -> Self {
        let value = match Value::from_serialize(&value) {
            Ok(value) => value,
            Err(error) => return self.with_source(error),
        };
        match &mut self.0.data {
            Some(Value::Map(fields)) => fields.push((name.into(), value)),
            data => *data = Some(Value::Map(vec![(name.into(), value)])),
        }
        self
    }

    /// Says which parameter is to blame, as a path of names as they are on the wire (`customer.name`). Protocols that
    /// report errors by place say it there.
    #[must_use]
    pub fn with_parameter(mut self, parameter: impl Into<Box<str>>) -> Self {
        self.0.parameter = Some(parameter.into());
        self
    }

    /// Sets the code that JSON-RPC peers get instead of [`code`](Self::code).
    #[must_use]
    pub fn with_json_rpc_code(mut self, code: i64) -> Self {
        self.0.json_rpc_code = Some(code);
        self
    }

    /// The same error with everything that is wrong lying below `name`: what is wrong with the answer of a procedure,
    /// for example, below `response`.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        let mut violations = std::mem::take(&mut self.0.violations);
        for violation in &mut violations {
            violation.path.insert(0, crate::Step::Name(name.into()));
        }
        if !violations.is_empty() {
            self.0.data = Some(Violation::tree(&violations));
        }
        self.0.violations = violations;
        self.0.parameter = Some(match self.0.parameter.as_deref() {
            None => name.into(),
            Some(path) if path.starts_with('[') => format!("{name}{path}").into(),
            Some(path) => format!("{name}.{path}").into(),
        });
        self
    }

    /// What a peer is told of this error: all but its source. In debug mode the text of the source comes behind the
    /// message.
    #[must_use]
    pub fn told(&self, debug: bool) -> Self {
        let message = match (self.source(), debug) {
            (Some(source), true) => format!("{}: {source}", self.0.message).into(),
            _ => self.0.message.clone(),
        };
        Self(Box::new(Inner {
            code: self.0.code,
            message,
            data: self.0.data.clone(),
            parameter: self.0.parameter.clone(),
            violations: self.0.violations.clone(),
            json_rpc_code: self.0.json_rpc_code,
            source: None,
            origin: None,
            close: self.0.close.clone(),
            cancelled: self.0.cancelled,
            unexpected: self.0.unexpected,
            outcome_unknown: self.0.outcome_unknown,
        }))
    }

    /// Replaces the message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The data for programs.
    pub fn data(&self) -> Option<&Value> {
        self.0.data.as_ref()
    }

    /// The parameter that is to blame, as a path (`customer.name`, `lines[2].qty`).
    pub fn parameter(&self) -> Option<&str> {
        self.0.parameter.as_deref()
    }

    /// Everything that is wrong with the parameters, if that is why the call failed.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The code that JSON-RPC peers get instead of [`code`](Self::code), if one was set.
    pub fn json_rpc_code(&self) -> Option<i64> {
        self.0.json_rpc_code
    }

    /// Whether nobody expected this error: it was made of another library's error, or of a panic.
    pub fn is_unexpected(&self) -> bool {
        self.0.unexpected
    }

    /// The error that led to this one.
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        let origin = || self.0.origin.as_ref().and_then(|origin| origin.source());
        self.0.source.as_deref().or_else(origin)
    }

    /// The value that this error was made of, if it was one of this type: a typed error, or another library's error that
    /// `?` turned into this one. What [`internal`](Self::internal) and [`with_source`](Self::with_source) were given is
    /// found by [`source`](Self::source) instead.
    ///
    /// ```
    /// use swill_proto::Error;
    ///
    /// let error = Error::from("x".parse::<u8>().unwrap_err());
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// ```
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.0.origin.as_ref()?.value().downcast_ref()
    }

    /// The close code and reason, if this error ends the connection.
    pub fn close(&self) -> Option<&Close> {
        self.0.close.as_ref()
    }

    /// Why the call was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancelled
    }

    /// Whether nobody knows if the call was executed: it was sent, and the connection broke before the answer came.
    pub fn outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// About how many bytes of memory its message and its data take.
    pub fn weight(&self) -> usize {
        self.0.message.len() + self.0.data.as_ref().map_or(0, Value::weight)
    }

    /// This error as a [`std::error::Error`], for `main` and for other libraries.
    pub fn into_boxed(self) -> BoxError {
        Box::new(Boxed(self))
    }
}

impl<E> From<E> for Error
where
    E: StdError + Send + Sync + 'static,
{
    fn from(source: E) -> Self {
        let mut error =
            Self::new(Code::INTERNAL, INTERNAL_MESSAGE).with_origin(source, |source| Some(source));
        error.0.unexpected = true;
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Error");
        text.field("code", &self.0.code.0).field("message", &self.0.message);
        if let Some(data) = &self.0.data {
            text.field("data", data);
        }
        if let Some(parameter) = &self.0.parameter {
            text.field("parameter", parameter);
        }
        if let Some(source) = self.source() {
            // Its text, which says more to whoever reads what `main` returned than its structure.
            text.field("source", &format_args!("{source}"));
        }
        if let Some(close) = &self.0.close {
            text.field("close", close);
        }
        text.finish_non_exhaustive()
    }
}

/// The [`std::error::Error`] that [`Error::into_boxed`] makes.
#[derive(Debug)]
struct Boxed(Error);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Boxed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().map(|source| source as &(dyn StdError + 'static))
    }
}

use crate::{CancelReason, Code, Error, Step, Value, Violation, error::INTERNAL_MESSAGE};
use serde::Serialize;

/// An error as it goes on the wire: `code`, `message` and, if there is some, `data`.
#[derive(Debug, Serialize)]
pub(super) struct Fault<'e> {
    code: i64,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'e>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data<'e> {
    /// What the procedure's error carries.
    Own(&'e Value),
    Made(Value),
}

impl<'e> Fault<'e> {
    pub(super) const PARSE_ERROR: Self = Self::standard(-32700, "Parse error");
    pub(super) const INVALID_REQUEST: Self = Self::standard(-32600, "Invalid Request");
    pub(super) const METHOD_NOT_FOUND: Self = Self::standard(-32601, "Method not found");
    pub(super) const CANCELLED: Self = Self::standard(-32800, "Request cancelled");
    pub(super) const STREAM_IN_BATCH: Self =
        Self::standard(Code::UNIMPLEMENTED.0, "a batch cannot open a stream: call the procedure by itself");
    pub(super) const TOO_MUCH_HELD: Self =
        Self::standard(Code::TOO_LARGE.0, "the answers of the connection's batches are too large together");
    const INVALID_PARAMS: Self = Self::standard(-32602, "Invalid params");
    const INTERNAL_ERROR: Self = Self::standard(-32603, "Internal error");

    const fn standard(code: i64, message: &'e str) -> Self {
        Self { code, message, data: None }
    }

    /// The same without data.
    pub(super) fn bare(self) -> Self {
        Self { data: None, ..self }
    }

    /// A batch that has more elements than allowed.
    #[cold]
    pub(super) fn long_batch(most: usize, plain: bool) -> Self {
        let why = || Data::Made(Value::Text(format!("a batch may have at most {most} elements")));
        Self { data: (!plain).then(why), ..Self::INVALID_REQUEST }
    }

    /// Parameters that are neither a list nor a map.
    #[cold]
    pub(super) fn scalar_params(plain: bool) -> Self {
        let message = ("message".into(), "params are neither an array nor an object".into());
        let entry = || Value::Map(vec![("path".into(), "".into()), ("code".into(), "type".into()), message]);
        let data = if plain { None } else { Some(errors(vec![entry()])) };
        Self { data, ..Self::INVALID_PARAMS }
    }

    /// What a peer is told of an error, see the table of the module.
    #[cold]
    pub(super) fn of(error: &'e Error, plain: bool) -> Self {
        let own = error.data().map(Data::Own);
        if let Some(code) = error.json_rpc_code() {
            return Self { code, message: error.message(), data: own };
        }
        if error.cancel_reason() == Some(CancelReason::Client) {
            return Self::CANCELLED;
        }
        if error.is_unexpected() {
            let text = || Data::Made(Value::from(error.message()));
            let told = (!plain && error.message() != INTERNAL_MESSAGE).then(text);
            // The tree of violations says what is wrong with the answer, which is nobody's business but the server's.
            return Self {
                data: if error.violations().is_empty() { own.or(told) } else { told },
                ..Self::INTERNAL_ERROR
            };
        }
        if error.code() == Code::INVALID {
            let data = match (error.violations(), own) {
                ([], Some(own)) => Some(own),
                _ if plain => None,
                ([], None) => Some(errors(vec![by_parameter(error)])),
                (violations, _) => Some(errors(violations.iter().map(by_violation).collect())),
            };
            return Self { data, ..Self::INVALID_PARAMS };
        }
        Self { code: error.code().0, message: error.message(), data: own }
    }
}

fn errors<'e>(entries: Vec<Value>) -> Data<'e> {
    Data::Made(Value::Map(vec![("errors".into(), entries.into())]))
}

fn by_violation(violation: &Violation) -> Value {
    let mut entry = Vec::with_capacity(5);
    if let Some(Step::Name(name)) = violation.path.first() {
        entry.push(("parameter".into(), Value::from(&**name)));
    }
    entry.push(("path".into(), violation.path_text().into()));
    entry.push(("code".into(), violation.rule.code().into()));
    if let Some(limit) = violation.rule.limit() {
        entry.push(("limit".into(), limit));
    }
    entry.push(("message".into(), Value::from(&*violation.message)));
    Value::Map(entry)
}

/// Of an error that says no more than which parameter is to blame, and why.
fn by_parameter(error: &Error) -> Value {
    let path = error.parameter().unwrap_or_default();
    let name = path.split(['.', '[']).next().unwrap_or_default();
    let mut entry = Vec::with_capacity(4);
    if !name.is_empty() {
        entry.push(("parameter".into(), name.into()));
    }
    entry.push(("path".into(), path.into()));
    entry.push(("code".into(), "custom".into()));
    entry.push(("message".into(), error.message().into()));
    Value::Map(entry)
}

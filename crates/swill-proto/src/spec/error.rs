use super::Schema;
use crate::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error that a procedure announces.
///
/// ```
/// use swill_proto::spec::ErrorSpec;
///
/// let error = ErrorSpec::new("UnknownUser", 404, "no such user {id}")
///     .field("id", serde_json::json!({ "type": "integer" }))
///     .json_rpc_code(-32001);
/// assert_eq!(error.data.unwrap()["required"], serde_json::json!(["id"]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorSpec {
    /// Its name, as the program calls it.
    pub name: String,
    /// Its code.
    pub code: i64,
    /// The code that JSON-RPC peers get instead, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_rpc_code: Option<i64>,
    /// The message. What is in braces depends on the case.
    pub message: String,
    /// The parameter that is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// When it happens; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// The type of its data. Without it, it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Schema>,
}

impl ErrorSpec {
    /// An error with this name, code and message, without data.
    pub fn new(name: impl Into<String>, code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            code: code.into().0,
            json_rpc_code: None,
            message: message.into(),
            parameter: None,
            doc: String::new(),
            data: None,
        }
    }

    /// Sets the documentation.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = doc.into();
        self
    }

    /// Sets the code that JSON-RPC peers get.
    #[must_use]
    pub fn json_rpc_code(mut self, code: i64) -> Self {
        self.json_rpc_code = Some(code);
        self
    }

    /// Says which parameter is to blame.
    #[must_use]
    pub fn parameter(mut self, parameter: impl Into<String>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Sets the type of the data.
    #[must_use]
    pub fn data(mut self, schema: impl Into<Schema>) -> Self {
        self.data = Some(schema.into());
        self
    }

    /// Adds a field to the data, which is a map of named fields then.
    #[must_use]
    pub fn field(mut self, name: &str, schema: impl Into<Schema>) -> Self {
        let data = self
            .data
            .get_or_insert_with(|| serde_json::json!({ "type": "object", "properties": {}, "required": [] }));
        if let Some(properties) = data.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(name.to_owned(), schema.into());
        }
        if let Some(required) = data.get_mut("required").and_then(Value::as_array_mut) {
            required.push(name.into());
        }
        self
    }

    /// The code that JSON-RPC peers get: its own, that of wrong parameters, or else [`code`](Self::code).
    pub fn code_in_json_rpc(&self) -> i64 {
        const INVALID_PARAMS: i64 = -32602;
        let otherwise = if self.code == Code::INVALID.0 { INVALID_PARAMS } else { self.code };
        self.json_rpc_code.unwrap_or(otherwise)
    }
}

//! What an app can do, written down completely: for documentation, generated clients, and to find out whether client and
//! server mean the same.
//!
//! A [`Spec`] is plain data. The server makes it of its procedures; it travels as JSON. [`Spec::openrpc`] and
//! [`Spec::asyncapi`] write it in the forms that others' tools read.

mod asyncapi;
mod draft7;
mod error;
mod hash;
mod openrpc;

pub use error::ErrorSpec;
pub use hash::fnv1a;

use crate::{Capabilities, Format, Parameters, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON Schema (2020-12). Types with a name are under [`Spec::definitions`], and are referred to by `#/$defs/…`.
pub type Schema = Value;

/// The version of the form of this description.
pub const VERSION: &str = "1";

/// The complete description of an app.
///
/// References in schemas (`{"$ref": "#/$defs/Point"}`) are relative to this document as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spec {
    /// The version of the form of this description: [`VERSION`].
    pub swill: String,
    /// What the app is.
    pub info: Info,
    /// A number for everything that a client has to agree on; see [`Spec::contract_hash`]. 16 hexadecimal digits.
    pub hash: String,
    /// Where the app answers. They may have parameters: `/rooms/{room}`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// What it speaks.
    #[serde(default)]
    pub protocols: Vec<ProtocolSpec>,
    /// What a client has to keep to.
    pub limits: LimitsSpec,
    /// Modules that have a name or documentation.
    #[serde(default)]
    pub modules: Vec<ModuleSpec>,
    /// All procedures, in the order of registration.
    pub procedures: Vec<ProcedureSpec>,
    /// Types that the schemas refer to, by their names.
    #[serde(rename = "$defs", default)]
    pub definitions: Map<String, Value>,
}

/// What an app is, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Its name.
    #[serde(default)]
    pub title: String,
    /// The version of what it offers.
    #[serde(default)]
    pub version: String,
    /// What it is for; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A protocol in which an app can be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProtocolSpec {
    /// Its name.
    pub name: String,
    /// The subprotocols (`Sec-WebSocket-Protocol`) that ask for it.
    #[serde(default)]
    pub tokens: Vec<String>,
    /// Whether it is what clients get that ask for none.
    pub default: bool,
    /// How values are written: `json` or `messagepack`.
    pub format: String,
    /// How the parameters of a procedure with a single one are written: `whole`, without a list or map around it, or
    /// `listed`, as several are.
    pub single_parameter: String,
    /// Whether streams in can be sent.
    pub streams_in: bool,
    /// Whether streams out can be sent.
    pub streams_out: bool,
    /// Whether metadata travels.
    pub metadata: bool,
    /// Whether the calls of a connection run one after the other.
    pub serial: bool,
    /// Whether the server can call the client.
    pub calls_peer: bool,
    /// Procedures that it cannot carry, by name: calls of them fail with code 501.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot_carry: Vec<String>,
}

/// What a client has to keep to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LimitsSpec {
    /// Bytes of a message to the server.
    pub message: usize,
    /// Bytes of an answer or item from the server.
    pub answer: usize,
    /// Calls in flight on one connection.
    pub calls: usize,
    /// Calls in one message, for protocols that have such a thing.
    pub batch: usize,
    /// Keys of a call's metadata.
    pub metadata_keys: usize,
    /// Bytes of a call's metadata.
    pub metadata_bytes: usize,
    /// Milliseconds that a call may take whose procedure says nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Procedures that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleSpec {
    /// The full name, which its procedures' names begin with. Empty for a module without a name.
    pub name: String,
    /// What it is for; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

/// A procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcedureSpec {
    /// The full name.
    pub name: String,
    /// The full name of its module; empty if that has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub module: String,
    /// Paths by which it is called in protocols that call by path. They may have parameters: `/rooms/{room}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// What it does; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Whether the caller sends a stream: then there are [`items`](Self::items) and no parameters.
    pub streams_in: bool,
    /// Whether the answer is a stream: then [`result`](Self::result) is the schema of each item.
    pub streams_out: bool,
    /// The parameters, in order.
    #[serde(default)]
    pub parameters: Vec<ParameterSpec>,
    /// The items of the stream in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsSpec>,
    /// The answer, or each item of the stream out.
    pub result: Schema,
    /// Errors that are part of the contract. Others can happen as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorSpec>,
    /// Metadata that it takes and sends, as far as it says so.
    #[serde(default, skip_serializing_if = "MetadataSpec::is_empty")]
    pub metadata: MetadataSpec,
    /// Milliseconds that a call may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// A number for everything that its callers have to agree on, see [`Spec::procedure_hash`]; empty if nobody has
    /// worked it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

/// The metadata of a procedure. It is for people: a call may have other keys, and lack these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetadataSpec {
    /// What the procedure looks for in the metadata that comes with a call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<MetadataKey>,
    /// What goes ahead of the answer, or with the first item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leading: Vec<MetadataKey>,
    /// What comes with the answer, or with the end of the stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailing: Vec<MetadataKey>,
}

/// A key of metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataKey {
    /// The key, as it is on the wire.
    pub name: String,
    /// What it means; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterSpec {
    /// Its name on the wire.
    pub name: String,
    /// What it means; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Whether it has to be there.
    pub required: bool,
    /// What it is if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Its type.
    pub schema: Schema,
}

/// The items of a stream in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemsSpec {
    /// What the procedure calls them.
    pub name: String,
    /// What they mean; Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// The type of each.
    pub schema: Schema,
}

impl Spec {
    /// A description without procedures and protocols.
    pub fn new(info: Info) -> Self {
        let mut spec = Self {
            swill: VERSION.into(),
            info,
            hash: String::new(),
            paths: Vec::new(),
            protocols: Vec::new(),
            limits: LimitsSpec::default(),
            modules: Vec::new(),
            procedures: Vec::new(),
            definitions: Map::new(),
        };
        spec.hash = spec.contract_hash();
        spec
    }

    /// The procedure with this full name.
    pub fn procedure(&self, name: &str) -> Option<&ProcedureSpec> {
        self.procedures.iter().find(|procedure| procedure.name == name)
    }

    /// A schema's own content: follows references to [`definitions`](Self::definitions).
    pub fn resolve<'s>(&'s self, mut schema: &'s Schema) -> &'s Schema {
        // No chain is longer than there are definitions, unless it goes round in circles.
        for _ in 0..=self.definitions.len() {
            let name = schema.get("$ref").and_then(Value::as_str).and_then(definition_name);
            match name.and_then(|name| self.definitions.get(&name)) {
                Some(definition) => schema = definition,
                None => break,
            }
        }
        schema
    }
}

/// `#/$defs/Name` -> `Name`, with what a reference has to escape (RFC 6901, RFC 3986) as it was.
pub fn definition_name(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/$defs/")?;
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let escaped = (first == b'%').then(|| others.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    Some(String::from_utf8(bytes).ok()?.replace("~1", "/").replace("~0", "~"))
}

/// The reference to a definition: what [`definition_name`] takes apart.
pub fn definition_reference(name: &str) -> String {
    let mut reference = String::from("#/$defs/");
    for byte in name.replace('~', "~0").replace('/', "~1").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                reference.push(byte.into())
            }
            byte => reference.push_str(&format!("%{byte:02X}")),
        }
    }
    reference
}

impl Info {
    /// A title and a version.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self { title: title.into(), version: version.into(), description: String::new() }
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }
}

impl ProtocolSpec {
    /// What a protocol with these capabilities is.
    pub fn new(capabilities: &Capabilities, tokens: &[&str], default: bool) -> Self {
        Self {
            name: capabilities.name.into(),
            tokens: tokens.iter().map(|&token| token.into()).collect(),
            default,
            format: match capabilities.format {
                Format::Json => "json".into(),
                Format::MessagePack => "messagepack".into(),
            },
            single_parameter: match capabilities.parameters {
                Parameters::WholeIfSingle => "whole".into(),
                Parameters::Listed => "listed".into(),
            },
            streams_in: capabilities.streams_in,
            streams_out: capabilities.streams_out,
            metadata: capabilities.metadata,
            serial: capabilities.serial,
            calls_peer: capabilities.calls_peer,
            cannot_carry: Vec::new(),
        }
    }
}

impl ProcedureSpec {
    /// A procedure with this full name, shape, and type of its answer or items out.
    pub fn new(name: impl Into<String>, shape: Shape, result: Schema) -> Self {
        Self {
            name: name.into(),
            module: String::new(),
            paths: Vec::new(),
            doc: String::new(),
            streams_in: shape.streams_in,
            streams_out: shape.streams_out,
            parameters: Vec::new(),
            items: None,
            result,
            errors: Vec::new(),
            metadata: MetadataSpec::default(),
            deadline_ms: None,
            hash: String::new(),
        }
    }

    /// Which directions stream.
    pub fn shape(&self) -> Shape {
        Shape { streams_in: self.streams_in, streams_out: self.streams_out }
    }
}

impl MetadataSpec {
    /// Whether nothing is said about metadata.
    pub fn is_empty(&self) -> bool {
        self.client.is_empty() && self.leading.is_empty() && self.trailing.is_empty()
    }
}

impl MetadataKey {
    /// A key and what it means.
    pub fn new(name: impl Into<String>, doc: impl Into<String>) -> Self {
        Self { name: name.into(), doc: doc.into() }
    }
}

impl ParameterSpec {
    /// A parameter of this name and type. It is required unless its schema has a default or takes null beside
    /// something else, as that of an `Option` does.
    pub fn new(name: impl Into<String>, schema: Schema) -> Self {
        let default = schema.get("default").cloned();
        let required = default.is_none() && !may_be_null(&schema);
        Self { name: name.into(), doc: String::new(), required, default, schema }
    }
}

/// Whether a schema is that of an `Option`.
fn may_be_null(schema: &Schema) -> bool {
    let null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
    let types = schema.get("type").and_then(Value::as_array);
    let choices = schema.get("anyOf").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|name| name == "null"))
        || choices.is_some_and(|choices| choices.iter().any(null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_may_be_left_out_is_not_required() {
        let table = [
            (json!({ "type": "integer" }), true),
            (json!({ "type": ["integer", "null"] }), false),
            (json!({ "anyOf": [{ "$ref": "#/$defs/Point" }, { "type": "null" }] }), false),
            (json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }), true),
            (json!({ "type": "integer", "default": 1 }), false),
            (json!({ "type": "null" }), true),
            (json!(true), true),
        ];
        for (schema, required) in table {
            assert_eq!(ParameterSpec::new("it", schema.clone()).required, required, "{schema}");
        }
    }

    #[test]
    fn references_are_followed_and_circles_end() {
        let mut spec = Spec::new(Info::default());
        spec.definitions.insert("A<b/c>".into(), json!({ "$ref": "#/$defs/D" }));
        spec.definitions.insert("D".into(), json!({ "type": "integer" }));
        spec.definitions.insert("E".into(), json!({ "$ref": "#/$defs/E" }));
        assert_eq!(spec.resolve(&json!({ "$ref": "#/$defs/A%3Cb~1c%3E" }))["type"], "integer");
        assert_eq!(definition_reference("A<b/c>"), "#/$defs/A%3Cb~1c%3E");
        assert_eq!(spec.resolve(&json!({ "$ref": "#/$defs/E" })), &json!({ "$ref": "#/$defs/E" }));
    }
}

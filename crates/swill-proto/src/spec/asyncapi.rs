//! A description in the form of AsyncAPI 3.0.0.

use super::{
    ErrorSpec, ProcedureSpec, ProtocolSpec, Spec,
    draft7::{definitions, key, schema_of},
};
use crate::swill1;
use serde_json::{Map, Value, json};

impl Spec {
    /// The description as an AsyncAPI document (version 3.0.0).
    ///
    /// Each protocol is a channel, with a message for each procedure's call and for each kind of answer to it, and an
    /// operation for each procedure that the protocol can carry. The messages of Swill's own protocol and of those in
    /// JSON are written with their envelopes; of other protocols the payload is the data alone, and
    /// `x-swill-envelope` names the protocol that writes something around it. Schemas are written as draft 7.
    pub fn asyncapi(&self) -> Value {
        let (mut channels, mut operations) = (Map::new(), Map::new());
        for protocol in &self.protocols {
            let id = key(&protocol.name);
            let envelope = Envelope::of(protocol);
            let mut messages = Map::new();
            for procedure in self.procedures.iter().filter(|it| !protocol.cannot_carry.contains(&it.name)) {
                let name = key(&procedure.name);
                let call = format!("{name}.call");
                messages
                    .insert(call.clone(), message(protocol, procedure, "call", &envelope.call(procedure)));
                let mut answers = vec![];
                for (kind, payload) in envelope.answers(procedure) {
                    let answer = format!("{name}.{kind}");
                    messages.insert(answer.clone(), message(protocol, procedure, kind, &payload));
                    answers.push(answer);
                }
                let reference = |name: &String| json!({ "$ref": format!("#/channels/{id}/messages/{name}") });
                let channel = json!({ "$ref": format!("#/channels/{id}") });
                let mut operation = json!({
                    "action": "receive",
                    "channel": channel,
                    "title": procedure.name,
                    "messages": [reference(&call)],
                    "reply": {
                        "channel": channel,
                        "messages": answers.iter().map(reference).collect::<Vec<_>>(),
                    },
                });
                if !procedure.doc.is_empty() {
                    operation["description"] = json!(procedure.doc);
                }
                if !procedure.module.is_empty() {
                    operation["tags"] = json!([{ "name": procedure.module }]);
                }
                operations.insert(format!("{id}.{name}"), operation);
            }
            let mut channel = json!({
                "address": self.paths.first(),
                "title": protocol.name,
                "messages": messages,
            });
            if !protocol.tokens.is_empty() {
                channel["bindings"] = json!({ "ws": { "headers": {
                    "type": "object",
                    "properties": { "Sec-WebSocket-Protocol": { "type": "string", "enum": protocol.tokens } },
                } } });
            }
            let parameters = path_parameters(self.paths.first());
            if !parameters.is_empty() {
                channel["parameters"] = Value::Object(parameters);
            }
            channels.insert(id, channel);
        }
        json!({
            "asyncapi": "3.0.0",
            "info": self.info_object(),
            "defaultContentType": "application/json",
            "channels": channels,
            "operations": operations,
            "components": { "schemas": definitions(&self.definitions) },
            "x-swill-hash": self.hash,
        })
    }
}

/// `/rooms/{room}` has the parameter `room`.
fn path_parameters(path: Option<&String>) -> Map<String, Value> {
    let segments = path.iter().flat_map(|path| path.split('/'));
    let names = segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| (key(name.trim_start_matches('*')), json!({}))).collect()
}

fn message(protocol: &ProtocolSpec, procedure: &ProcedureSpec, kind: &str, payload: &Value) -> Value {
    let mut message = json!({
        "name": format!("{}.{kind}", procedure.name),
        "contentType": match protocol.format.as_str() {
            "messagepack" => "application/msgpack",
            _ => "application/json",
        },
        "payload": payload,
    });
    if matches!(Envelope::of(protocol), Envelope::Unknown { .. }) {
        message["x-swill-envelope"] = json!(protocol.name);
    }
    message
}

/// What a protocol writes around data.
#[derive(Clone, Copy)]
enum Envelope {
    Swill1,
    JsonRpc,
    Events,
    Unknown {
        /// A single parameter stands alone.
        whole: bool,
    },
}

impl Envelope {
    fn of(protocol: &ProtocolSpec) -> Self {
        match protocol.name.as_str() {
            name if name == swill1::CAPABILITIES.name => Self::Swill1,
            name if name.starts_with("JSON-RPC 2.0") => Self::JsonRpc,
            "events" => Self::Events,
            _ => Self::Unknown { whole: protocol.single_parameter == "whole" },
        }
    }

    /// The message that calls a procedure.
    fn call(self, procedure: &ProcedureSpec) -> Value {
        match self {
            Self::Swill1 => tuple(
                &[
                    json!({ "type": "integer", "title": "seq" }),
                    data_in(procedure, true),
                    json!({ "const": procedure.name, "title": "rpc" }),
                    json!({ "type": "integer", "enum": [0, 1, 2, 3], "title": "type" }),
                    json!({ "type": ["object", "null"], "title": "metadata" }),
                ],
                3,
            ),
            Self::JsonRpc => json!({
                "type": "object",
                "required": ["jsonrpc", "method"],
                "properties": {
                    "jsonrpc": { "const": "2.0" },
                    "method": { "const": procedure.name },
                    "params": data_in(procedure, false),
                    "id": { "type": ["string", "number", "null"] },
                },
            }),
            Self::Events => {
                let mut message = named(procedure);
                message["properties"]["type"] = json!({ "const": procedure.name });
                if let Some(required) = message["required"].as_array_mut() {
                    required.push(json!("type"));
                }
                message
            }
            Self::Unknown { whole } => data_in(procedure, whole),
        }
    }

    /// The messages that may come back, by their kinds.
    fn answers(self, procedure: &ProcedureSpec) -> Vec<(&'static str, Value)> {
        let data = schema_of(&procedure.result);
        let kind = if procedure.streams_out { "item" } else { "answer" };
        match self {
            Self::Swill1 => {
                let answer = |data: Value, types: Value| {
                    let metadata = || json!({ "type": ["object", "null"] });
                    tuple(
                        &[json!({ "type": "integer", "title": "seq" }), data, types, metadata(), metadata()],
                        3,
                    )
                };
                let mut answers = vec![(kind, answer(data, json!({ "const": 0, "title": "type" })))];
                if procedure.streams_out {
                    answers.push((
                        "end",
                        answer(json!({ "type": "null" }), json!({ "const": 1, "title": "type" })),
                    ));
                }
                answers
                    .push(("error", answer(error(procedure, false), json!({ "const": 3, "title": "type" }))));
                answers
            }
            Self::JsonRpc => {
                let id = || json!({ "type": ["string", "number", "null"] });
                let response = |member: &str, schema: Value| json_rpc([("id", id()), (member, schema)]);
                let error = error(procedure, true);
                if !procedure.streams_out {
                    return vec![("answer", response("result", data)), ("error", response("error", error))];
                }
                let word = |member: &str, schema: Value| {
                    let params = object([("subscription", json!({ "type": "integer" })), (member, schema)]);
                    json_rpc([("method", json!({ "const": "$/stream" })), ("params", params)])
                };
                vec![
                    ("subscribed", response("result", json!({ "type": "integer" }))),
                    ("refused", response("error", error.clone())),
                    ("item", word("result", data)),
                    ("end", word("end", json!({ "const": true }))),
                    ("error", word("error", error)),
                ]
            }
            Self::Events => {
                // What is no object is the `result`; the members of an object lie beside `type`.
                let answer = json!({
                    "type": "object",
                    "required": ["type"],
                    "properties": { "type": { "type": "string" } },
                    "anyOf": [data, object([("result", data.clone())])],
                });
                let entry = object([
                    ("loc", json!({ "type": "array" })),
                    ("msg", json!({ "type": "string" })),
                    ("type", json!({ "type": "string" })),
                ]);
                vec![
                    ("answer", answer),
                    ("error", object([("errors", json!({ "type": "array", "items": entry }))])),
                ]
            }
            Self::Unknown { .. } => vec![(kind, data), ("error", error(procedure, false))],
        }
    }
}

/// An object that has at least these members.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let required = members.each_ref().map(|(name, _)| *name).to_vec();
    let properties: Map<_, _> = members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// A message of JSON-RPC with these members.
fn json_rpc<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut message = object(members);
    message["properties"]["jsonrpc"] = json!({ "const": "2.0" });
    if let Some(required) = message["required"].as_array_mut() {
        required.push(json!("jsonrpc"));
    }
    message
}

/// A list of just these, of which the first few have to be there.
fn tuple(items: &[Value], least: usize) -> Value {
    json!({ "type": "array", "items": items, "minItems": least, "additionalItems": false })
}

/// The parameters by name.
fn named(procedure: &ProcedureSpec) -> Value {
    let properties = procedure.parameters.iter().map(|it| (it.name.clone(), schema_of(&it.schema)));
    let required = procedure.parameters.iter().filter(|it| it.required).map(|it| &it.name);
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "required": required.collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

/// What comes with a call: the parameters by name or by position, or what the first item of a stream in is.
fn data_in(procedure: &ProcedureSpec, whole: bool) -> Value {
    if let Some(items) = &procedure.items {
        return schema_of(&items.schema);
    }
    match &procedure.parameters[..] {
        [] if whole => json!({ "type": "null" }),
        [parameter] if whole => schema_of(&parameter.schema),
        parameters => {
            let items: Vec<_> = parameters.iter().map(|it| schema_of(&it.schema)).collect();
            // Those that may be left out at the end need not be there.
            let least = parameters.iter().rposition(|it| it.required).map_or(0, |at| at + 1);
            let listed = match items.is_empty() {
                true => json!({ "type": "array", "maxItems": 0 }),
                false => {
                    json!({ "type": "array", "items": items, "minItems": least, "additionalItems": false })
                }
            };
            json!({ "anyOf": [listed, named(procedure)] })
        }
    }
}

/// What an error is: one of those that the procedure announces, or any other.
fn error(procedure: &ProcedureSpec, json_rpc: bool) -> Value {
    let failure = |code: Value, data: Option<Value>| {
        let mut properties = json!({ "code": code, "message": { "type": "string" } });
        if let Some(data) = data {
            properties["data"] = data;
        }
        json!({ "type": "object", "required": ["code", "message"], "properties": properties })
    };
    let announced = procedure.errors.iter().map(|it: &ErrorSpec| {
        let code = if json_rpc { it.code_in_json_rpc() } else { it.code };
        let mut error = failure(json!({ "const": code }), it.data.as_ref().map(schema_of));
        error["title"] = json!(it.name);
        error
    });
    let other = failure(json!({ "type": "integer" }), None);
    match announced.collect::<Vec<_>>() {
        announced if announced.is_empty() => other,
        mut announced => {
            announced.push(other);
            json!({ "anyOf": announced })
        }
    }
}

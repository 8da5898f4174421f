//! A description in the form of OpenRPC 1.3.2.

use super::{
    ProcedureSpec, Spec,
    draft7::{definitions, schema_of},
};
use serde_json::{Value, json};

impl Spec {
    /// The description as an OpenRPC document (version 1.3.2), for the tools around JSON-RPC.
    ///
    /// Procedures with a stream in are left out, since JSON-RPC cannot carry them; `x-swill-left-out` names them. Of a
    /// stream out, the result is the id of the subscription, and `x-swill-stream` has the schema of its items and the
    /// name of the notifications that bring them. Errors
    /// have the code that JSON-RPC peers see; `x-swill-errors` has them with the types of their data. Schemas are
    /// written as draft 7.
    pub fn openrpc(&self) -> Value {
        let (callable, left_out): (Vec<_>, Vec<_>) = self.procedures.iter().partition(|it| !it.streams_in);
        let mut document = json!({
            "openrpc": "1.3.2",
            "info": self.info_object(),
            "methods": callable.into_iter().map(method).collect::<Vec<_>>(),
            "components": { "schemas": definitions(&self.definitions) },
            "x-swill-hash": self.hash,
        });
        if !left_out.is_empty() {
            document["x-swill-left-out"] = left_out.into_iter().map(|it| json!(it.name)).collect();
        }
        document
    }

    /// The object `info`, which OpenRPC and AsyncAPI have alike.
    pub(super) fn info_object(&self) -> Value {
        let or = |text: &str, otherwise: &str| {
            if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
        };
        let mut info =
            json!({ "title": or(&self.info.title, "Swill app"), "version": or(&self.info.version, "0") });
        if !self.info.description.is_empty() {
            info["description"] = json!(self.info.description);
        }
        info
    }
}

fn method(procedure: &ProcedureSpec) -> Value {
    let parameters = procedure.parameters.iter().map(|it| {
        let mut parameter =
            json!({ "name": it.name, "required": it.required, "schema": schema_of(&it.schema) });
        if !it.doc.is_empty() {
            parameter["description"] = json!(it.doc);
        }
        parameter
    });
    let result = match procedure.streams_out {
        true => json!({ "name": "subscription", "schema": { "type": "integer" } }),
        false => json!({ "name": "result", "schema": schema_of(&procedure.result) }),
    };
    let mut method = json!({
        "name": procedure.name,
        "paramStructure": "either",
        "params": parameters.collect::<Vec<_>>(),
        "result": result,
    });
    if procedure.streams_out {
        method["x-swill-stream"] = json!({ "method": "$/stream", "items": schema_of(&procedure.result) });
    }
    if !procedure.doc.is_empty() {
        method["description"] = json!(procedure.doc);
        method["summary"] = json!(procedure.doc.lines().next());
    }
    if !procedure.module.is_empty() {
        method["tags"] = json!([{ "name": procedure.module }]);
    }
    if !procedure.errors.is_empty() {
        let errors = procedure.errors.iter();
        method["errors"] = errors
            .clone()
            .map(|it| json!({ "code": it.code_in_json_rpc(), "message": it.message }))
            .collect();
        method["x-swill-errors"] = errors
            .map(|it| {
                let mut error = json!({ "name": it.name, "code": it.code_in_json_rpc() });
                if let Some(data) = &it.data {
                    error["data"] = schema_of(data);
                }
                if !it.doc.is_empty() {
                    error["description"] = json!(it.doc);
                }
                error
            })
            .collect();
    }
    method
}

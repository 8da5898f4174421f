//! The objects that the client writes, and the codes of errors.

use super::super::{
    super::{calls::NAMES, said::Said},
    Reply,
};
use serde_json::{Value, json};

pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const INTERNAL_ERROR: i64 = -32603;
pub(super) const CANCELLED: i64 = -32800;

/// What the client calls its requests: each kind of id that there is.
pub(super) fn id(seq: i64) -> Value {
    [json!(0), json!("one"), Value::Null][seq as usize].clone()
}

#[derive(Clone, Copy, Debug)]
pub(in super::super::super) enum Element {
    Request {
        seq: i64,
        rpc: usize,
        value: Option<i64>,
    },
    Notification {
        rpc: usize,
        value: Option<i64>,
    },
    Cancel {
        seq: i64,
    },
    CancelStream {
        subscription: u64,
    },
    /// Its method is a number.
    NoRequest {
        seq: i64,
    },
    /// Its parameters are neither a list nor a map.
    Scalar {
        seq: i64,
        rpc: usize,
    },
    Reply {
        question: i64,
        id: u64,
        reply: Reply,
    },
}

pub(super) fn written(element: &Element) -> Value {
    let params = |value: &Option<i64>| match value {
        Some(value) => json!([value]),
        None => json!(["no number"]),
    };
    match element {
        Element::Request { seq, rpc, value } => {
            json!({"jsonrpc": "2.0", "method": NAMES[*rpc], "params": params(value), "id": id(*seq)})
        }
        Element::Notification { rpc, value } => {
            json!({"jsonrpc": "2.0", "method": NAMES[*rpc], "params": params(value)})
        }
        Element::Cancel { seq } => {
            json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id(*seq)}})
        }
        Element::CancelStream { subscription } => {
            let params = json!({"subscription": subscription});
            json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": params})
        }
        Element::NoRequest { seq } => json!({"jsonrpc": "2.0", "method": 1, "id": id(*seq)}),
        Element::Scalar { seq, rpc } => {
            json!({"jsonrpc": "2.0", "method": NAMES[*rpc], "params": 1, "id": id(*seq)})
        }
        Element::Reply { id, reply, .. } => match reply {
            Reply::Answer(answer) => json!({"jsonrpc": "2.0", "result": answer, "id": id}),
            Reply::Fail(code) => {
                json!({"jsonrpc": "2.0", "error": {"code": code, "message": "no"}, "id": id})
            }
            Reply::Misfit => json!({"jsonrpc": "2.0", "result": "no number", "id": id}),
            Reply::Astray => json!({"jsonrpc": "2.0", "result": 1, "id": id.to_string()}),
        },
    }
}

pub(super) fn failed(id: &Value, code: i64) -> Said {
    Said::Json(json!({"id": id, "error": code}))
}

/// What becomes of an error's code: `conformance/PROTOCOLS.md`, 2.7.
pub(super) fn told(code: i64) -> i64 {
    match code {
        422 => INVALID_PARAMS,
        499 => CANCELLED,
        500 => INTERNAL_ERROR,
        own => own,
    }
}

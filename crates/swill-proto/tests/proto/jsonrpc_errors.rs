//! Errors in JSON-RPC: the protocol's own and those of procedures.

use crate::{
    jsonrpc_play::{Wire, machine, message, play, play_with},
    support::Procedures,
};
use serde_json::{Value as Json, json};
use swill_proto::{
    CallId, CancelReason, Error, Expected, Format, Frame, Message, Payload, Protocol, Rule, Side, Step,
    Value, Violation,
    jsonrpc::{Limits, Machine},
};

#[test]
fn what_is_no_request_is_told_so() {
    let invalid = r#"{"error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#;
    for message in [
        "1",
        "\"x\"",
        "null",
        "true",
        "1.5",
        "[]",
        "{}",
        r#"{"jsonrpc": "2.0"}"#,
        r#"{"jsonrpc": "2.0", "params": []}"#,
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        r#"{"jsonrpc": "2.0", "method": null}"#,
        r#"{"jsonrpc": "2.0", "method": "add", "id": true}"#,
        r#"{"jsonrpc": "2.0", "method": "add", "id": [1]}"#,
        r#"{"jsonrpc": "2.0", "method": "add", "id": {}}"#,
        r#"{"jsonrpc": "2.1", "method": "add"}"#,
        r#"{"jsonrpc": 2.0, "method": "add"}"#,
        r#"{"jsonrpc": null, "method": "add"}"#,
        r#"{"method": "add"}"#,
    ] {
        play(Side::Server, &format!(">> {message}\n{invalid}\n= 0 0"));
        play(Side::Client, &format!(">> [{message}]\n[{invalid}]\n= 0 0"));
    }
    let invalid = r#"{"error": {"code": -32600, "message": "Invalid Request"}, "id": 4}"#;
    for message in [
        r#"{"id": 4}"#,
        r#"{"method": "add", "id": 4}"#,
        r#"{"jsonrpc": "1.0", "method": "add", "id": 4}"#,
        r#"{"jsonrpc": "2.0", "method": [], "id": 4}"#,
    ] {
        play(Side::Server, &format!(">> {message}\n{invalid}"));
    }
}

#[test]
fn the_protocols_own_errors_are_as_the_table_says() {
    let script = |scalar: &str| {
        format!(
            r#"
            > {{"method": "nope", "id": 1}}
            {{"error": {{"code": -32601, "message": "Method not found"}}, "id": 1}}
            > {{"method": "add", "params": "x", "id": 2}}
            {{"error": {{"code": -32602, "message": "Invalid params"{scalar}}}, "id": 2}}
            "#
        )
    };
    let data = r#", "data": {"errors": [{"path": "", "code": "type", "message": "params are neither an array nor an object"}]}"#;
    play(Side::Server, &script(data));
    play_with(Side::Server, Limits::default(), true, &script(""));
}

#[test]
fn errors_of_procedures_are_as_the_table_says() {
    let name = |name: &str| Step::Name(name.into());
    let misfit = || {
        Error::violations_of(vec![
            Violation::new(vec![name("a"), name("b"), Step::Index(1)], Rule::Type(Expected::Integer)),
            Violation::new(vec![name("c")], Rule::Le(Value::from(10))),
        ])
    };
    let misfits = json!({"errors": [
        {"parameter": "a", "path": "a.b[1]", "code": "type", "message": "is not an integer"},
        {"parameter": "c", "path": "c", "code": "le", "limit": 10, "message": "greater than 10"},
    ]});
    let one = json!({"errors": [{"parameter": "a", "path": "a[0].x", "code": "custom", "message": "bad"}]});
    let nameless = json!({"errors": [{"path": "", "code": "custom", "message": "bad"}]});
    let error = |code: i64, message: &str, data: Option<Json>| match data {
        Some(data) => json!({"code": code, "message": message, "data": data}),
        None => json!({"code": code, "message": message}),
    };
    let (invalid, internal) = ("Invalid params", "Internal error");
    let table: [(Error, Json, Option<Json>); 13] = [
        (
            Error::new(-32001, "division by zero").with_parameter("b"),
            error(-32001, "division by zero", None),
            None,
        ),
        (misfit(), error(-32602, invalid, Some(misfits)), Some(error(-32602, invalid, None))),
        (
            Error::invalid("a[0].x", "bad"),
            error(-32602, invalid, Some(one)),
            Some(error(-32602, invalid, None)),
        ),
        (
            Error::invalid("", "bad"),
            error(-32602, invalid, Some(nameless)),
            Some(error(-32602, invalid, None)),
        ),
        (Error::new(422, "bad").with_data([1]), error(-32602, invalid, Some(json!([1]))), None),
        (Error::internal("secret").told(false), error(-32603, internal, None), None),
        (
            Error::internal("secret").told(true),
            error(-32603, internal, Some("An internal server error occurred: secret".into())),
            Some(error(-32603, internal, None)),
        ),
        (Error::internal("secret").with_data([1]), error(-32603, internal, Some(json!([1]))), None),
        (Error::new(500, "broken"), error(500, "broken", None), None),
        (Error::cancelled(CancelReason::Client), error(-32800, "Request cancelled", None), None),
        (
            Error::cancelled(CancelReason::Deadline),
            error(504, "the deadline of the call has passed", None),
            None,
        ),
        (Error::new(404, "no such room").with_data("r"), error(404, "no such room", Some("r".into())), None),
        (
            misfit().with_json_rpc_code(-7).with_data(1),
            error(-7, "parameter `a.b[1]`: is not an integer", Some(json!(1))),
            None,
        ),
    ];
    for codec in [Format::Json, Format::MessagePack] {
        for plain_errors in [false, true] {
            for (error, expected, plain) in &table {
                let mut machine = Machine::new(Side::Server, codec, Limits::default(), plain_errors);
                let mut wire = Wire::default();
                let (kind, data) = message(codec, r#"{"jsonrpc": "2.0", "method": "add", "id": 1}"#);
                machine.receive(Message { kind, data: &data }, &Procedures, &mut wire);
                machine
                    .send(Frame::Fail { call: CallId::theirs(1), error: error.told(false) }, &mut wire)
                    .unwrap();
                let expected = plain.as_ref().filter(|_| plain_errors).unwrap_or(expected);
                assert_eq!(
                    wire.take(codec),
                    [json!({"jsonrpc": "2.0", "error": expected, "id": 1})],
                    "{codec} {plain_errors} {error:?}"
                );
            }
        }
    }
}

#[test]
fn data_that_json_cannot_hold_is_left_out() {
    let data = Value::Map(vec![(Value::List(vec![]), Value::Nil)]);
    for (codec, has) in [(Format::Json, false), (Format::MessagePack, true)] {
        let mut machine = machine(Side::Server, codec);
        let mut wire = Wire::default();
        let (kind, bytes) = message(codec, r#"{"jsonrpc": "2.0", "method": "add", "id": 1}"#);
        machine.receive(Message { kind, data: &bytes }, &Procedures, &mut wire);
        let error = Error::new(7, "seven").with_data(&data);
        machine.send(Frame::Fail { call: CallId::theirs(1), error }, &mut wire).unwrap();
        let (_, answer) = &wire.messages[0];
        let answer: Value = Payload::new(codec, answer).decode().unwrap();
        let error = answer.get("error").unwrap();
        assert_eq!(error.get("code"), Some(&Value::Int(7)));
        assert_eq!(error.get("data").is_some(), has, "{codec}");
    }
}

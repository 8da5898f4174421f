//! The machines of events, message by message.

use crate::wire::{Messages, Table, end, fail, json, open};
use serde_json::{Value as Json, json};
use swill_proto::{
    CallId, CancelReason, Code, Error, Expected, Frame, Kind, Message, Parameters, ProcedureId, Protocol,
    Received, Rule, Step, Target, Value, Violation,
    events::{Client, Server},
};

pub(crate) const EVENTS: Table = Table(&[
    ("swill.introspect", "-", &[]),
    ("add", "-", &["a", "b"]),
    ("say \"hi\"", "-", &[]),
    ("swill.more", "-", &[]),
]);

pub(crate) fn text(data: &str) -> Message<'_> {
    Message { kind: Kind::Text, data: data.as_bytes() }
}

/// What the server gets out of a message: the call's procedure and parameters, or its answer.
pub(crate) fn hear(server: &mut Server, message: &str) -> String {
    let mut wire = Messages::default();
    match server.receive(text(message), &EVENTS, &mut wire) {
        Received::One(Frame::Open(open)) => {
            assert!(wire.all.is_empty() && open.reply && !open.call.is_ours());
            let Target::Known(ProcedureId(id)) = open.target else { panic!("{open:?}") };
            let input = open.input.unwrap();
            format!("{} {}", EVENTS.0[id as usize].0, str::from_utf8(input.bytes()).unwrap())
        }
        Received::Nothing => wire.texts().concat(),
        Received::Close(close) => format!("close {}", close.code),
        received => panic!("{received:?}"),
    }
}

#[test]
fn members_are_parameters_as_they_are_written() {
    for (message, expected) in [
        (r#"{"type":"add","a":1,"b":2}"#, r#"add {"a":1,"b":2}"#),
        (r#" { "a" : 1.50 , "type" : "add" } "#, r#"add {"a":1.50}"#),
        (r#"{"type":"add"}"#, "add {}"),
        (
            r#"{"type":"add","b":1e400,"a":123456789012345678901234567890}"#,
            r#"add {"b":1e400,"a":123456789012345678901234567890}"#,
        ),
        (r#"{"a":1,"type":"nope","b":{ "type": 1 },"a":3,"type":"add"}"#, r#"add {"a":3,"b":{ "type": 1 }}"#),
        (r#"{"\u0074ype":"\u0061dd","\u0061":1,"a":2}"#, r#"add {"\u0061":2}"#),
        (r#"{"type":"say \"hi\""}"#, r#"say "hi" {}"#),
        (r#"{"type":"swill.introspect"}"#, "swill.introspect {}"),
    ] {
        assert_eq!(hear(&mut Server::new(), message), expected, "{message}");
    }
}

#[test]
fn what_is_no_event_ends_the_connection() {
    for message in [
        "",
        "hello",
        "[1]",
        "\"add\"",
        "null",
        "5",
        "{",
        "{\"type\":\"add\"} x",
        "{\"type\":\"add\",}",
        "{'type':1}",
    ] {
        assert_eq!(hear(&mut Server::new(), message), "close 1003", "{message}");
    }
    let nested = |levels: usize| {
        format!(r#"{{"type":"add","a":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1))
    };
    assert!(hear(&mut Server::new(), &nested(64)).starts_with("add"));
    assert_eq!(hear(&mut Server::new(), &nested(65)), "close 1003");
    for machine in [&mut Server::new() as &mut dyn Protocol, &mut Client::new()] {
        let message = Message { kind: Kind::Binary, data: b"{\"type\":\"add\"}" };
        let Received::Close(close) = machine.receive(message, &EVENTS, &mut Messages::default()) else {
            panic!()
        };
        assert_eq!(close.code, 1003);
    }
}

#[test]
fn bad_types_are_told_with_those_that_are_permitted() {
    let permitted = |given: Json| {
        json!({
            "loc": ["type"],
            "msg": "unexpected value; permitted: 'add', 'say \"hi\"'",
            "type": "value_error.const",
            "ctx": {"given": given, "permitted": ["add", "say \"hi\""]},
        })
    };
    let missing = json!({"loc": ["type"], "msg": "field required", "type": "value_error.missing"});
    let null = json!({"loc": ["type"], "msg": "none is not an allowed value", "type": "type_error.none.not_allowed"});
    let long = "ä".repeat(10_000);
    for (message, expected) in [
        (r#"{"a":1}"#.to_owned(), missing),
        (r#"{"type":null,"a":1}"#.to_owned(), null),
        (r#"{"type":"nope"}"#.to_owned(), permitted(json!("nope"))),
        (r#"{"type":["add"]}"#.to_owned(), permitted(json!(["add"]))),
        (r#"{"type":{"a":5}}"#.to_owned(), permitted(json!({"a": 5}))),
        (r#"{"type":false}"#.to_owned(), permitted(json!(false))),
        (format!(r#"{{"type":"{long}"}}"#), permitted(json!(format!("{}…", "ä".repeat(128))))),
        (
            format!(r#"{{"type":["{}"]}}"#, "x".repeat(9999)),
            permitted(json!(format!("[\"{}…", "x".repeat(254)))),
        ),
    ] {
        let answer: Json = serde_json::from_str(&hear(&mut Server::new(), &message)).unwrap();
        assert_eq!(answer, json!({ "errors": [expected] }));
    }
    // Half a character is valid JSON and no text: it is shown as it came.
    assert!(hear(&mut Server::new(), r#"{"type":"\ud800"}"#).contains(r#""given":"\ud800""#));
    let half = format!(r#"{{"type":"\ud800{}"}}"#, "x".repeat(1000));
    assert!(hear(&mut Server::new(), &half).contains(r#"\\ud800xxx"#));
}

#[test]
fn answers_take_the_form_that_their_value_has() {
    for (answer, expected) in [
        ("null", None),
        (" null ", None),
        ("3", Some(r#"{"type":"add","result":3}"#)),
        ("\"text\"", Some(r#"{"type":"add","result":"text"}"#)),
        ("[1, {\"type\":1}]", Some(r#"{"type":"add","result":[1, {"type":1}]}"#)),
        ("false", Some(r#"{"type":"add","result":false}"#)),
        ("{}", Some(r#"{"type":"add"}"#)),
        ("{ }", Some(r#"{"type":"add"}"#)),
        (r#"{"a":1}"#, Some(r#"{"type":"add","a":1}"#)),
        (r#"{"a":{"type":1}}"#, Some(r#"{"type":"add","a":{"type":1}}"#)),
        (r#"{"a":1,"type":"other"}"#, Some(r#"{"a":1,"type":"other"}"#)),
        (r#"{"type":null}"#, Some(r#"{"type":null}"#)),
    ] {
        let mut server = Server::new();
        hear(&mut server, r#"{"type":"add"}"#);
        let mut wire = Messages::default();
        assert_eq!(server.held().calls, 1);
        server.send(end(CallId::theirs(1), json(answer)), &mut wire).unwrap();
        assert_eq!(wire.texts(), Vec::from_iter(expected), "{answer}");
        server.send(end(CallId::theirs(1), json(answer)), &mut wire).unwrap();
        assert!(wire.all.is_empty(), "a call is answered once");
        assert_eq!(server.held().calls, 0);
    }
}

#[test]
fn frames_of_calls_that_are_over_are_dropped() {
    let mut server = Server::new();
    let mut wire = Messages::default();
    hear(&mut server, r#"{"type":"add"}"#);
    let cancel = Frame::Cancel { call: CallId::theirs(1), reason: CancelReason::Deadline };
    server.send(cancel, &mut wire).unwrap();
    server.send(end(CallId::theirs(1), json("1")), &mut wire).unwrap();
    hear(&mut server, r#"{"type":"add"}"#);
    server.send(end(CallId::theirs(1), json("1")), &mut wire).unwrap();
    server.send(fail(CallId::theirs(3), Error::internal("boom")), &mut wire).unwrap();
    assert!(wire.all.is_empty());
    server.send(end(CallId::theirs(2), json("2")), &mut wire).unwrap();
    assert_eq!(wire.texts(), [r#"{"type":"add","result":2}"#]);
}

pub(crate) fn name(name: &str) -> Step {
    Step::Name(name.into())
}

/// What a client is told of an error.
fn told(error: Error) -> Json {
    let mut server = Server::new();
    let mut wire = Messages::default();
    hear(&mut server, r#"{"type":"add"}"#);
    server.send(fail(CallId::theirs(1), error), &mut wire).unwrap();
    let told: Json = serde_json::from_str(&wire.texts().concat()).unwrap();
    told["errors"].clone()
}

/// Every rule: its entry's type, text and context.
pub(crate) fn rules() -> Vec<(Rule, &'static str, &'static str, Json)> {
    let ten = || Value::from(10);
    let of = |expected| Rule::Type(expected);
    vec![
        (Rule::Missing, "value_error.missing", "field required", Json::Null),
        (Rule::Unknown, "value_error.extra", "extra fields not permitted", Json::Null),
        (
            Rule::NotNull(Expected::Other),
            "type_error.none.not_allowed",
            "none is not an allowed value",
            Json::Null,
        ),
        (of(Expected::Integer), "type_error.integer", "value is not a valid integer", Json::Null),
        (of(Expected::Float), "type_error.float", "value is not a valid float", Json::Null),
        (of(Expected::Bool), "type_error.bool", "value could not be parsed to a boolean", Json::Null),
        (of(Expected::Text), "type_error.str", "str type expected", Json::Null),
        (of(Expected::Bytes), "type_error.bytes", "byte type expected", Json::Null),
        (of(Expected::List), "type_error.list", "value is not a valid list", Json::Null),
        (of(Expected::Map), "type_error.dict", "value is not a valid dict", Json::Null),
        (of(Expected::Other), "type_error", "is not of the right kind", Json::Null),
        (
            Rule::Gt(ten()),
            "value_error.number.not_gt",
            "ensure this value is greater than 10",
            json!({"limit_value": 10}),
        ),
        (
            Rule::Ge(Value::from(2.5)),
            "value_error.number.not_ge",
            "ensure this value is greater than or equal to 2.5",
            json!({"limit_value": 2.5}),
        ),
        (
            Rule::Lt(ten()),
            "value_error.number.not_lt",
            "ensure this value is less than 10",
            json!({"limit_value": 10}),
        ),
        (
            Rule::Le(ten()),
            "value_error.number.not_le",
            "ensure this value is less than or equal to 10",
            json!({"limit_value": 10}),
        ),
        (
            Rule::MultipleOf(Value::from(5)),
            "value_error.number.not_multiple",
            "ensure this value is a multiple of 5",
            json!({"multiple_of": 5}),
        ),
        (
            Rule::MinLength(2),
            "value_error.any_str.min_length",
            "ensure this value has at least 2 characters",
            json!({"limit_value": 2}),
        ),
        (
            Rule::MaxLength(6),
            "value_error.any_str.max_length",
            "ensure this value has at most 5 characters",
            json!({"limit_value": 5}),
        ),
        (
            Rule::Pattern("^[A-Z]{3}$".into()),
            "value_error.str.regex",
            "string does not match regex \"^[A-Z]{3}$\"",
            json!({"pattern": "^[A-Z]{3}$"}),
        ),
        (Rule::Predicate, "value_error", "failed predicate", Json::Null),
        (Rule::Timezone("+01:00".into()), "value_error", "not in time zone +01:00", Json::Null),
        (Rule::Custom, "value_error", "is not valid", Json::Null),
    ]
}

#[test]
fn violations_are_told_in_the_words_that_clients_know() {
    for (rule, kind, msg, ctx) in rules() {
        let mut expected = json!({"loc": ["a"], "msg": msg, "type": kind});
        if !ctx.is_null() {
            expected["ctx"] = ctx;
        }
        assert_eq!(
            told(Error::violations_of(vec![Violation::new(vec![name("a")], rule)])),
            json!([expected])
        );
    }
}

#[test]
fn violations_are_told_with_their_paths_in_their_order() {
    let violations = vec![
        Violation::new(vec![name("l"), Step::Index(1)], Rule::Missing),
        Violation::new(vec![name("d"), Step::Key("a b".into()), name("x")], Rule::Missing),
        Violation::with_message(vec![name("*")], Rule::Custom, "high is below low"),
        Violation::with_message(vec![], Rule::Custom, "no"),
    ];
    let locations = |error| -> Vec<Json> {
        told(error).as_array().unwrap().iter().map(|entry| entry["loc"].clone()).collect()
    };
    let error = Error::violations_of(violations);
    assert_eq!(
        locations(error.told(false)),
        [json!(["l", 1]), json!(["d", "a b", "x"]), json!(["__root__"]), json!(["__root__"])]
    );
    assert_eq!(locations(error.within("response"))[0], json!(["response", "l", 1]));
}

#[test]
fn errors_without_violations_are_one_entry() {
    for (path, loc) in [
        ("to", json!(["to"])),
        ("customer.name", json!(["customer", "name"])),
        ("lines[2].qty", json!(["lines", 2, "qty"])),
        (r#"prices["a \"b\".c"].x[0][1]"#, json!(["prices", "a \"b\".c", "x", 0, 1])),
        ("[3].a", json!([3, "a"])),
        ("a[x", json!(["a", "[x"])),
        ("a[\"x", json!(["a", "[\"x"])),
        ("a[-1]", json!(["a", "[-1]"])),
    ] {
        let error = Error::new(404, "recipient not found").with_parameter(path);
        let expected = json!([{"loc": loc, "msg": "recipient not found", "type": "value_error"}]);
        assert_eq!(told(error), expected);
    }
    let expected = json!([{"loc": ["__root__"], "msg": "busy", "type": "value_error", "ctx": {"code": 409}}]);
    assert_eq!(told(Error::new(Code::CONFLICT, "busy").with_data(5)), expected);
    let cancelled = told(Error::cancelled(CancelReason::Deadline));
    assert_eq!(cancelled[0]["ctx"], json!({"code": 504}));
}

#[test]
fn unexpected_errors_end_the_connection() {
    let mut server = Server::new();
    let mut wire = Messages::default();
    hear(&mut server, r#"{"type":"add"}"#);
    let close = server.send(fail(CallId::theirs(1), Error::internal("boom")), &mut wire).unwrap_err();
    assert_eq!(close.code, 1011);
    assert!(!close.reason.contains("boom") && wire.all.is_empty());
}

#[test]
fn the_peer_is_told_events() {
    for (input, expected) in [
        (None, r#"{"type":"say \"x\""}"#),
        (Some("null"), r#"{"type":"say \"x\""}"#),
        (Some("{}"), r#"{"type":"say \"x\""}"#),
        (Some(r#"{"a":1}"#), r#"{"type":"say \"x\"","a":1}"#),
        (Some(r#"{"type":"join","client_id":1}"#), r#"{"type":"join","client_id":1}"#),
        (Some("[1]"), r#"{"type":"say \"x\"","result":[1]}"#),
    ] {
        let mut wire = Messages::default();
        Server::new().send(open(0, "say \"x\"", input.map(json), false), &mut wire).unwrap();
        assert_eq!(wire.texts(), [expected]);
    }
    let mut wire = Messages::default();
    let (Frame::Open(one), Frame::Open(two)) = (open(0, "one", None, false), open(1, "two", None, false))
    else {
        unreachable!()
    };
    Server::new().send(Frame::Batch(vec![one, two]), &mut wire).unwrap();
    assert_eq!(wire.texts(), [r#"{"type":"one"}"#, r#"{"type":"two"}"#]);
}

#[test]
fn capabilities_say_what_events_can_carry() {
    let capabilities = Server::new().capabilities();
    assert_eq!((capabilities.name, capabilities.parameters), ("events", Parameters::Listed));
    assert!(capabilities.serial && capabilities.notifies_peer && !capabilities.calls_peer);
    assert!(!capabilities.streams_in && !capabilities.streams_out && !capabilities.metadata);
}

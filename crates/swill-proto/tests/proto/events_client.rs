//! The client's side of events, message by message, and what it understands of a server's errors.

use crate::{
    events::{EVENTS, hear, name, rules, text},
    wire::{Messages, end, fail, json, open},
};
use swill_proto::{
    CallId, CancelReason, Code, Error, Frame, Protocol, Received, Rule, Step, Target, Violation,
    events::{Client, Server},
};

/// A client with these calls open: what it has sent is dropped.
fn client(events: &[&str]) -> Client {
    let mut client = Client::new();
    for (number, event) in events.iter().enumerate() {
        client.send(open(number as u64, event, None, true), &mut Messages::default()).unwrap();
    }
    client
}

fn show(frame: &Frame<'_>) -> String {
    match frame {
        Frame::End { call, last: Some(last), .. } => {
            format!("end {} {}", call.number(), str::from_utf8(last.bytes()).unwrap())
        }
        Frame::Fail { call, error } => format!("fail {} {error}", call.number()),
        Frame::Open(open) => {
            assert!(!open.reply && !open.call.is_ours());
            let Target::Named(name) = &open.target else { panic!("{open:?}") };
            format!("open {name} {}", str::from_utf8(open.input.as_ref().unwrap().bytes()).unwrap())
        }
        frame => panic!("{frame:?}"),
    }
}

fn heard(client: &mut Client, message: &str) -> Vec<String> {
    let mut wire = Messages::default();
    let heard = match client.receive(text(message), &EVENTS, &mut wire) {
        Received::Nothing => Vec::new(),
        Received::One(frame) => vec![show(&frame)],
        Received::Many(frames) => frames.iter().map(show).collect(),
        Received::Close(close) => vec![format!("close {}", close.code)],
    };
    assert!(wire.all.is_empty());
    heard
}

#[test]
fn client_tells_answers_by_type_and_place() {
    for (calls, message, expected, left) in [
        (&["add"][..], r#"{"type":"add","result":3}"#, &["end 0 3"][..], 0),
        (&["add"], r#"{"type":"add","sum": 3}"#, &[r#"end 0 {"sum":3}"#], 0),
        (&["add"], r#"{"type":"add","result":1,"x":2}"#, &[r#"end 0 {"result":1,"x":2}"#], 0),
        (&["add"], r#"{"type":"add"}"#, &["end 0 {}"], 0),
        (&["add", "add"], r#"{"type":"add","result":1}"#, &["end 0 1"], 1),
        (&["quiet", "add", "add"], r#"{"type":"add","result":1}"#, &["end 0 null", "end 1 1"], 1),
        (&["greet"], r#"{"type":"greeting","text":"hi"}"#, &[r#"open greeting {"text":"hi"}"#], 1),
        (&[], r#"{"type":"add","result":3}"#, &[r#"open add {"result":3}"#], 0),
        (&["add"], r#"{"result":3}"#, &[], 1),
        (&["add"], r#"{"type":5}"#, &[], 1),
        (&["add"], "[]", &["close 1003"], 1),
        (&[], r#"{"errors":[]}"#, &[], 0),
        (
            &["a", "b"],
            r#"{"errors":[{"loc":["to"],"msg":"not here","type":"value_error"}]}"#,
            &["fail 0 422 not here"],
            1,
        ),
        (&["a"], r#"{"errors":5}"#, &["fail 0 500 the call failed; the server's reasons cannot be read"], 0),
        // A code, but of one parameter and not of the whole: what is wrong is the parameter.
        (
            &["a"],
            r#"{"errors":[{"loc":["to"],"msg":"taken","type":"value_error","ctx":{"code":409}}]}"#,
            &["fail 0 422 taken"],
            0,
        ),
        (
            &["a"],
            r#"{"errors":[{"loc":["__root__"],"msg":"taken","type":"value_error","ctx":{"code":409}}]}"#,
            &["fail 0 409 taken"],
            0,
        ),
    ] {
        let mut client = client(calls);
        assert_eq!(heard(&mut client, message), expected, "{message}");
        assert_eq!(client.held().calls, left, "{message}");
    }
}

#[test]
fn what_the_server_tells_has_an_id_of_its_own_each_time() {
    let mut client = client(&["add"]);
    for number in 1..=3 {
        match client.receive(text(r#"{"type":"news"}"#), &EVENTS, &mut Messages::default()) {
            Received::One(Frame::Open(open)) => assert_eq!(open.call, CallId::theirs(number)),
            received => panic!("{received:?}"),
        }
    }
}

#[test]
fn client_sends_calls_and_forgets_those_that_are_cancelled() {
    let mut client = Client::new();
    let mut wire = Messages::default();
    for (input, expected) in [
        (None, r#"{"type":"add"}"#),
        (Some("null"), r#"{"type":"add"}"#),
        (Some(r#"{"a":1,"b":2}"#), r#"{"type":"add","a":1,"b":2}"#),
        (Some(r#"{"a":1,"type":"fail"}"#), r#"{"type":"add","a":1}"#),
        (Some(r#"["type",{"type":1}]"#), r#"{"type":"add","result":["type",{"type":1}]}"#),
    ] {
        client.send(open(0, "add", input.map(json), true), &mut wire).unwrap();
        assert_eq!(wire.texts(), [expected]);
        let cancel = Frame::Cancel { call: CallId::ours(0), reason: CancelReason::Client };
        client.send(cancel, &mut wire).unwrap();
        assert_eq!(client.held().calls, 0);
    }
    client.send(open(1, "add", None, false), &mut wire).unwrap();
    assert_eq!(client.held().calls, 0, "a notification is not answered");
}

/// Lets a server fail a call and a client hear of it.
fn through(error: Error) -> Error {
    let (mut server, mut client) = (Server::new(), client(&["add"]));
    let mut wire = Messages::default();
    hear(&mut server, r#"{"type":"add"}"#);
    server.send(fail(CallId::theirs(1), error), &mut wire).unwrap();
    let message = wire.texts().concat();
    match client.receive(text(&message), &EVENTS, &mut wire) {
        Received::One(Frame::Fail { error, .. }) => error,
        received => panic!("{received:?}"),
    }
}

#[test]
fn errors_come_back_as_what_they_were() {
    for (rule, _, msg, _) in rules() {
        let path = vec![name("a"), Step::Index(3), name("b")];
        let more = Violation::new(vec![name("x")], Rule::Missing);
        let sent = vec![Violation::new(path.clone(), rule.clone()), more];
        let error = through(Error::violations_of(sent));
        assert_eq!(error.code(), Code::INVALID);
        let heard = &error.violations()[0];
        assert_eq!((&heard.path, &*heard.message), (&path, msg));
        match rule {
            Rule::Predicate | Rule::Timezone(_) => assert_eq!(heard.rule, Rule::Custom),
            rule => assert_eq!(heard.rule, rule),
        }
    }
    let error = through(Error::invalid("lines[2].qty", "too many"));
    assert_eq!((error.parameter(), error.message()), (Some("lines[2].qty"), "too many"));
    assert!(error.violations().is_empty());
    let error = through(Error::new(409, "busy"));
    assert_eq!((error.code(), error.message(), error.parameter()), (Code::CONFLICT, "busy", None));
}

#[test]
fn client_and_server_understand_each_other() {
    let (mut server, mut client) = (Server::new(), Client::new());
    let mut wire = Messages::default();
    for (number, (input, answer, expected)) in [
        (Some(r#"{"a":1,"b":[2, {"type":3}]}"#), "3", "3"),
        (None, r#"{"sum":{"type":1}}"#, r#"{"sum":{"type":1}}"#),
        (Some("{}"), "[null]", "[null]"),
        (Some("null"), "{}", "{}"),
    ]
    .into_iter()
    .enumerate()
    {
        client.send(open(number as u64, "say \"hi\"", input.map(json), true), &mut wire).unwrap();
        let message = wire.texts().concat();
        let heard = hear(&mut server, &message);
        let parameters = input.filter(|input| *input != "null").unwrap_or("{}");
        assert_eq!(heard, format!("say \"hi\" {parameters}"));
        server.send(end(CallId::theirs(number as u64 + 1), json(answer)), &mut wire).unwrap();
        let message = wire.texts().concat();
        assert_eq!(self::heard(&mut client, &message), [format!("end {number} {expected}")]);
    }
    assert_eq!((server.held().calls, client.held().calls), (0, 0));
    server.send(open(0, "news", Some(json(r#"{"a":1}"#)), false), &mut wire).unwrap();
    assert_eq!(heard(&mut client, &wire.texts().concat()), [r#"open news {"a":1}"#]);
}

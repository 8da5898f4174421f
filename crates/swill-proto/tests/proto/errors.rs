//! What an error knows: its kind, its cause, what is told of it; and frames, which keep what they say when they are owned.

use serde_json::json;
use swill_proto::{
    CallId, CancelReason, Close, Code, Error, Expected, Format, Frame, Head, Metadata, Open, Payload,
    ProcedureId, Rule, Shape, Step, Target, Value, Violation,
};

#[test]
fn an_error_from_anywhere_is_unexpected_and_keeps_its_cause() {
    let error: Error = std::io::Error::other("the disk is full").into();
    assert_eq!((error.code(), error.is_unexpected()), (Code::INTERNAL, true));
    assert!(!error.message().contains("disk"), "peers are not told of it");
    assert!(error.downcast_ref::<std::io::Error>().is_some());
    assert!(error.downcast_ref::<String>().is_none());
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the disk is full"));
    assert!(format!("{error:?}").contains("the disk is full"));
    let boxed = error.into_boxed();
    assert_eq!(boxed.source().map(ToString::to_string).as_deref(), Some("the disk is full"));
    assert!(format!("{boxed:?}").contains("the disk is full"));
}

#[test]
fn an_error_says_what_it_was_told() {
    let error = Error::new(Code(409), "taken")
        .with_field("name", "ada")
        .with_field("since", 3)
        .with_parameter("name")
        .with_message("the name is taken");
    assert_eq!(
        (error.code(), error.message(), error.parameter()),
        (Code(409), "the name is taken", Some("name"))
    );
    let data = Value::Map(vec![("name".into(), "ada".into()), ("since".into(), 3.into())]);
    assert_eq!(error.data(), Some(&data));
    let shown = format!("{error:?}");
    for part in ["409", "the name is taken", "ada", "parameter"] {
        assert!(shown.contains(part), "{shown}");
    }
    let close = Error::close_connection(4001, "bye");
    assert_eq!(close.close().map(|close| (close.code, &*close.reason)), Some((4001, "bye")));
    assert!(format!("{close:?}").contains("bye"));
    assert!(Error::unknown_outcome("the line is cut").outcome_unknown());
    assert!(!Error::new(Code(409), "taken").outcome_unknown());
}

#[test]
fn every_cancellation_has_a_code_and_words() {
    for (reason, code, words) in [
        (CancelReason::Client, Code::CANCELLED, "caller"),
        (CancelReason::Deadline, Code::DEADLINE, "deadline"),
        (CancelReason::Disconnect, Code::CANCELLED, "connection"),
        (CancelReason::Shutdown, Code::UNAVAILABLE, "shutting down"),
        (CancelReason::Slow, Code::TOO_MANY, "not taken in time"),
    ] {
        let error = Error::cancelled(reason);
        assert_eq!((error.code(), error.cancel_reason()), (code, Some(reason)));
        assert!(reason.to_string().contains(words), "{reason}");
    }
}

fn opens(name: &str) -> Open<'_> {
    Open {
        call: CallId::ours(7),
        target: Target::Named(name.into()),
        shape: Shape::BOTH,
        input: Some(Payload::new(Format::Json, b"1")),
        head: Head::default(),
        reply: true,
    }
}

#[test]
fn frames_say_the_same_when_they_are_owned() {
    let call = CallId::theirs(3);
    let payload = || Payload::new(Format::MessagePack, &[1]);
    let metadata = || Some(Box::new(Metadata::from([("key", 1)])));
    let known = Open { target: Target::Known(ProcedureId(2)), input: None, ..opens("") };
    let frames = [
        (Frame::Open(opens("name")), CallId::ours(7)),
        (Frame::Open(known), CallId::ours(7)),
        (Frame::Batch(vec![opens("a"), opens("b")]), CallId::ours(7)),
        (Frame::Batch(vec![]), CallId::ours(0)),
        (Frame::Accepted { call }, call),
        (Frame::Item { call, payload: payload(), leading: metadata() }, call),
        (Frame::Metadata { call, metadata: Box::default() }, call),
        (Frame::End { call, last: Some(payload()), leading: None, trailing: metadata() }, call),
        (Frame::Fail { call, error: Error::new(Code(409), "taken") }, call),
        (Frame::Cancel { call, reason: CancelReason::Client }, call),
    ];
    for (frame, call) in frames {
        assert_eq!(frame.call(), call);
        let shown = format!("{frame:?}");
        let owned = format!("{:?}", frame.into_owned());
        // Only whose the bytes are is different.
        let borrowed =
            owned.replace(r#"Shared(b"1")"#, "Borrowed([49])").replace(r#"Shared(b"\x01")"#, "Borrowed([1])");
        assert_eq!(borrowed, shown);
    }
    assert_eq!(format!("{:?} {:?}", CallId::ours(1), CallId::theirs(2)), "ours#1 theirs#2");
    let shapes = [Shape::SINGLE, Shape::STREAM_OUT, Shape::STREAM_IN, Shape::BOTH].map(|it| it.to_string());
    assert_eq!(shapes, ["single call", "stream out", "stream in", "stream in and out"]);
}

/// What cannot be serialized.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no form"))
    }
}

#[test]
fn data_that_cannot_be_written_becomes_the_source() {
    let whole = Error::new(Code::CONFLICT, "taken").with_data(Unwritable);
    let field = Error::new(Code::CONFLICT, "taken").with_field("by", Unwritable);
    for error in [whole, field] {
        assert_eq!((error.code(), error.message(), error.data()), (Code::CONFLICT, "taken", None));
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(source.contains("it has no form"), "{source}");
    }
    // What is no map of fields gives way to one.
    let error = Error::new(Code::CONFLICT, "taken").with_data(5).with_field("by", "ada");
    assert_eq!(error.data(), Some(&Value::Map(vec![("by".into(), "ada".into())])));
}

#[test]
fn peers_are_told_the_source_in_debug_mode_only() {
    let error = Error::new(Code::CONFLICT, "taken")
        .with_source("row 7 is locked")
        .with_parameter("name")
        .with_json_rpc_code(-32010)
        .with_data(7);
    for (debug, message) in [(false, "taken"), (true, "taken: row 7 is locked")] {
        let told = error.told(debug);
        assert_eq!((told.message(), told.source().is_none()), (message, true));
        assert_eq!((told.code(), told.parameter()), (Code::CONFLICT, Some("name")));
        assert_eq!((told.json_rpc_code(), told.data()), (Some(-32010), Some(&Value::Int(7))));
    }
    assert_eq!(Error::new(Code::CONFLICT, "taken").told(true).message(), "taken");
    let internal = Error::internal("the disk is full");
    assert!(internal.is_unexpected() && internal.told(false).is_unexpected());
    assert!(!internal.told(false).to_string().contains("disk"));
    let cancelled = Error::cancelled(CancelReason::Deadline).told(false);
    assert_eq!(cancelled.cancel_reason(), Some(CancelReason::Deadline));
    assert!(Error::unknown_outcome("cut").told(false).outcome_unknown());
    assert_eq!(Error::close_connection(4001, "bye").told(false).close().map(|it| it.code), Some(4001));
}

#[test]
fn an_error_of_an_answer_lies_below_it() {
    for (error, parameter) in [
        (Error::invalid("", "is wrong"), "response"),
        (Error::invalid("name", "is wrong"), "response.name"),
        (Error::invalid("[2].name", "is wrong"), "response[2].name"),
    ] {
        let within = error.within("response");
        assert_eq!((within.parameter(), within.data()), (Some(parameter), None));
    }
    let path = vec![Step::Name("name".into())];
    let within = Error::violations_of(vec![Violation::new(path, Rule::Missing)]).within("response");
    assert_eq!(within.violations()[0].path_text(), "response.name");
    let said = Value::Map(vec![("description".into(), "is missing".into())]);
    let name = Value::Map(vec![("name".into(), Value::List(vec![said]))]);
    let response = Value::Map(vec![("response".into(), Value::List(vec![name]))]);
    assert_eq!(within.data(), Some(&response));
}

#[test]
fn violations_are_summed_up() {
    let at = |name: &str, rule| Violation::new(vec![Step::Name(name.into())], rule);
    let table = [
        (vec![], "Validation Error", None),
        (vec![at("age", Rule::Ge(18.into()))], "Validation Error", Some("age")),
        (
            vec![at("age", Rule::Ge(18.into())), at("name", Rule::Missing)],
            "parameter `name`: is missing",
            Some("age"),
        ),
        (vec![Violation::new(vec![], Rule::NotNull(Expected::List))], "is null, not a list", None),
    ];
    for (violations, message, parameter) in table {
        let count = violations.len();
        let error = Error::violations_of(violations);
        assert_eq!((error.code(), error.message(), error.parameter()), (Code::INVALID, message, parameter));
        assert_eq!((error.violations().len(), error.data().is_some()), (count, count > 0));
    }
}

#[test]
fn every_rule_has_a_name_a_limit_and_words() {
    let table = [
        (Rule::Missing, "missing", None, "is missing"),
        (Rule::Unknown, "unknown", None, "is unknown"),
        (Rule::Type(Expected::Integer), "type", None, "is not an integer"),
        (Rule::Type(Expected::Float), "type", None, "is not a number"),
        (Rule::Type(Expected::Bool), "type", None, "is not a boolean"),
        (Rule::Type(Expected::Text), "type", None, "is not text"),
        (Rule::Type(Expected::Bytes), "type", None, "is not bytes"),
        (Rule::Type(Expected::Other), "type", None, "is not of the right kind"),
        (Rule::NotNull(Expected::Map), "not_null", None, "is null, not a map"),
        (Rule::Gt(1.into()), "gt", Some(Value::Int(1)), "less than or equal to 1"),
        (Rule::Ge(u64::MAX.into()), "ge", Some(u64::MAX.into()), "less than 18446744073709551615"),
        (Rule::Lt(0.5_f32.into()), "lt", Some(0.5_f32.into()), "greater than or equal to 0.5"),
        (Rule::Le(2.5.into()), "le", Some(2.5.into()), "greater than 2.5"),
        (Rule::Le("noon".into()), "le", Some("noon".into()), "greater than noon"),
        (Rule::Le(Value::Nil), "le", Some(Value::Nil), "greater than Nil"),
        (Rule::MultipleOf(5.into()), "multiple_of", Some(Value::Int(5)), "not a multiple of 5"),
        (Rule::MinLength(2), "min_length", Some(Value::Int(2)), "length less than 2"),
        (Rule::MaxLength(9), "max_length", Some(Value::Int(9)), "length greater than or equal to 9"),
        (Rule::Pattern("a+".into()), "pattern", Some("a+".into()), "Does not match pattern: a+"),
        (Rule::Predicate, "predicate", None, "failed predicate"),
        (Rule::Timezone("Z".into()), "timezone", Some("Z".into()), "not in time zone Z"),
        (Rule::Custom, "custom", None, "is not valid"),
    ];
    for (rule, code, limit, words) in table {
        assert_eq!((rule.code(), rule.limit()), (code, limit));
        let about_the_type = ["missing", "unknown", "type", "not_null"].contains(&code);
        assert_eq!(rule.is_constraint(), !about_the_type, "{code}");
        assert_eq!(Violation::new(vec![], rule).to_string(), words);
    }
}

#[test]
fn what_is_wrong_with_what_has_no_name_is_told_below_a_star() {
    let at = |path: Vec<Step>| Violation::new(path, Rule::Missing);
    let index = Step::Index;
    let tree = Violation::tree(&[
        at(vec![]),
        at(vec![index(1), Step::Name("a".into())]),
        at(vec![index(1), Step::Name("b".into())]),
        at(vec![index(2), Step::Key("k".into())]),
    ]);
    let missing = || json!([{ "description": "is missing" }]);
    let expected = json!({ "*": [
        { "description": "is missing" },
        { "index": 1, "errors": [{ "a": missing(), "b": missing() }] },
        { "index": 2, "errors": [{ "key": "k", "errors": missing() }] },
    ] });
    assert_eq!(serde_json::to_value(tree).unwrap(), expected);
}

#[test]
fn errors_are_shown_with_their_codes() {
    assert_eq!(Error::new(Code::CONFLICT, "taken").to_string(), "409 taken");
    assert_eq!(Error::new(7, "odd").into_boxed().to_string(), "7 odd");
    assert_eq!(Close::new(1001, "moved").to_string(), "1001 moved");
    let formats = [Format::Json, Format::MessagePack].map(|it| it.to_string());
    assert_eq!(formats, ["JSON", "MessagePack"]);
}

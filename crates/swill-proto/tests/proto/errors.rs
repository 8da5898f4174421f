//! What an error knows: its kind, its cause, what is told of it; and frames, which keep what they say when they are owned.

use swill_proto::{
    CallId, CancelReason, Code, Error, Format, Frame, Head, Metadata, Open, Payload, ProcedureId, Shape,
    Target, Value,
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

//! The client's side: what it says, and what it makes of what a server says.

use crate::support::{Procedures, Wire, binary, json, msgpack, play};
use serde_json::json;
use swill_proto::{
    CallId, Format, Frame, Head, MetadataLimits, Open, Payload, ProcedureId, Protocol, Received, Shape, Side,
    Target, swill1::Client,
};

#[track_caller]
fn check(script: &str) {
    play(&mut Client::default(), Side::Client, script);
}

#[test]
fn four_shapes_run_from_open_to_the_final_message() {
    check(
        r#"
        < open 7 add [2,3]
          [1,[2,3],"add"]
        > [1, 5, 0, null, null]
          end 7 5
        = 0
        < open 8 lines 2 | {"user":"ann"}
          [2,2,"lines",0,{"user":"ann"}]
        > [2, "a", 0, {"lead": 1}, null]
          item 8 "a" | {"lead":1}
        > [2, "b", 0, null, null]
          item 8 "b"
        > [2, null, 1, null, {"trail": 1}]
          end 8 | null | {"trail":1}
        < open 9 total 1
          [3,1,"total"]
        < item 9 2
          [3,2,"total"]
        < end 9
          [3,null,"total",1]
        < item 9 3
        < end 9
        > [3, 3, 0, {"lead": 1}, {"trail": 1}]
          end 9 3 | {"lead":1} | {"trail":1}
        < open 10 multiply 1
          [4,1,"multiply"]
        > [4, null, 2, {"now": 1}, null]
          metadata 10 {"now":1}
        > [4, 1, 0, null, null]
          item 10 1
        < end 10
          [4,null,"multiply",1]
        > [4, null, 1, null, null]
          end 10
        = 0
        "#,
    );
}

#[test]
fn opening_without_an_item() {
    check(
        r#"
        < open 1 total -
          [1,null,"total",2]
        < open 2 total - | {"a":1}
          [2,null,"total",2,{"a":1}]
        < open 3 add -
          [3,null,"add"]
        < open 4 add - | {}
          [4,null,"add"]
        "#,
    );
}

#[test]
fn answers_may_have_fewer_elements() {
    check(
        r#"
        < open 1 add 1
          [1,1,"add"]
        > [1, 5]
          end 1 5
        < open 2 add 1
          [2,1,"add"]
        > [2, 5, 0]
          end 2 5
        < open 3 add 1
          [3,1,"add"]
        > [3, 5, 0, {"a": 1}]
          end 3 5 | {"a":1} | null
        < open 4 add 1
          [4,1,"add"]
        > [4, 5, 0, null, null, "more", []]
          end 4 5
        "#,
    );
}

#[test]
fn errors_fail_the_call() {
    check(
        r#"
        < open 1 add 1
          [1,1,"add"]
        > [1, {"code": 418, "message": "teapot", "data": {"a": [1]}}, 3, null, null]
          fail 1 418 teapot | {"a":[1]}
        < open 2 add 1
          [2,1,"add"]
        > [2, {"code": 418, "message": "teapot"}, 3, null, null]
          fail 2 418 teapot
        < open 3 add 1
          [3,1,"add"]
        > [3, "oops", 3, null, null]
          fail 3 500 the call failed; the server's reason cannot be read
        < open 4 add 1
          [4,1,"add"]
        > [4, null, 1, null, null]
          fail 4 500 the server ended the call without an answer
        = 0
        "#,
    );
}

#[test]
fn what_comes_after_the_end_is_ignored() {
    check(
        r#"
        < open 1 lines 1
          [1,1,"lines"]
        < cancel 1
          [1,null,"lines",3]
        = 0
        < cancel 1
        < item 1 1
        > [1, "a", 0, null, null]
        > [1, null, 1, null, null]
        > [0, {"code": 400, "message": "what?"}, 3, null, null]
        > [-1, 5, 0, null, null]
        > [18446744073709551615, 5, 0, null, null]
        > [99, 5, 0, null, null]
        < open 2 add 1
          [2,1,"add"]
        > [2, null, 2, null, null]
        > [2, 5, 0, null, null]
          end 2 5
        > [2, 6, 0, null, null]
        "#,
    );
}

#[test]
fn early_answer_ends_the_stream_in() {
    for (answer, frame) in [
        (r#"[1, 7, 0, null, null]"#, "end 1 7"),
        (r#"[1, {"code": 422, "message": "no"}, 3, null, null]"#, "fail 1 422 no"),
        (r#"[1, null, 1, null, null]"#, "fail 1 500 the server ended the call without an answer"),
    ] {
        check(
            &r#"
            < open 1 total 7
              [1,7,"total"]
            > ANSWER
              FRAME
              [1,null,"total",1]
            = 0
            < item 1 8
            < end 1
            < cancel 1
            "#
            .replace("ANSWER", answer)
            .replace("FRAME", frame),
        );
    }
}

#[test]
fn broken_server_ends_the_connection() {
    for hex in [
        "",
        "c1",
        "05",
        "90",
        "9101",
        "81a0c0",
        "92a17805",
        "920105c0",
        "9501050000",
        "9301",
        "93010504",
        "93010505",
        "9301c0a3616464",
        "950105000505",
        "95010500c005",
        // Metadata of a call that is open must have strings as keys.
        "9501050081c0c0c0",
    ] {
        let script = r#"
            < open 1 add 1
              [1,1,"add"]
            >hex HEX
              close 1002
            "#;
        check(&script.replace("HEX", hex));
    }
    check(
        r#"
        >text
          close 1003
        "#,
    );
}

#[test]
fn answer_beyond_a_limit_fails_its_call() {
    let mut client = Client::new(MetadataLimits { keys: 1, bytes: 20 });
    let deep = |levels: usize| {
        let mut data = vec![0x91; levels - 1];
        data.push(0x90);
        data
    };
    let mut wire = Wire::default();
    let mut answer = |levels: usize| {
        let open = Open {
            call: CallId::ours(levels as u64),
            target: Target::Named("add".into()),
            shape: Shape::SINGLE,
            input: None,
            head: Head::default(),
            reply: true,
        };
        client.send(Frame::Open(open), &mut wire).unwrap();
        let opened = json(&wire.take()[0]);
        let seq = opened[0].as_u64().unwrap();
        let message = [&[0x95, seq as u8], deep(levels).as_slice(), &[0x00, 0xc0, 0xc0]].concat();
        let received = client.receive(binary(&message), &Procedures, &mut wire);
        let shown = match &received {
            Received::One(Frame::Fail { error, .. }) => error.to_string(),
            Received::One(Frame::End { .. }) => "answered".to_owned(),
            received => panic!("{received:?}"),
        };
        (shown, wire.take().iter().map(|bytes| json(bytes)).collect::<Vec<_>>())
    };
    assert_eq!(answer(64), ("answered".into(), vec![]));
    let too_deep = "413 the message is nested deeper than 64 levels";
    assert_eq!(answer(65), (too_deep.into(), vec![json!([2, null, "add", 3])]));
    assert_eq!(answer(100_000), (too_deep.into(), vec![json!([3, null, "add", 3])]));

    play(
        &mut client,
        Side::Client,
        r#"
        < open 4 add 1
          [4,1,"add"]
        > [4, 1, 0, {"a": 1, "b": 2}, null]
          fail 4 413 there is more metadata than is allowed
          [4,null,"add",3]
        < open 5 add 1
          [5,1,"add"]
        > [5, 1, 0, null, {"a": "12345678901234567890"}]
          fail 5 413 there is more metadata than is allowed
          [5,null,"add",3]
        > [5, 1, 0, null, {"a": "12345678901234567890"}]
        < open 6 add 1
          [6,1,"add"]
        > [6, 1, 0, {"a": 1}, {"b": "x"}]
          end 6 1 | {"a":1} | {"b":"x"}
        = 0
        "#,
    );
}

#[test]
fn call_without_reply_is_not_answered() {
    let mut client = Client::default();
    let mut wire = Wire::default();
    let mut open = |number, name: &'static str, shape| {
        let open = Open {
            call: CallId::ours(number),
            target: Target::Named(name.into()),
            shape,
            input: Some(Payload::new(Format::MessagePack, &[5])),
            head: Head::default(),
            reply: false,
        };
        client.send(Frame::Open(open), &mut wire).unwrap();
    };
    open(1, "add", Shape::SINGLE);
    open(2, "total", Shape::STREAM_IN);
    open(3, "total", Shape::STREAM_IN);
    assert_eq!(
        wire.take().iter().map(|bytes| json(bytes)).collect::<Vec<_>>(),
        [json!([1, 5, "add"]), json!([2, 5, "total"]), json!([3, 5, "total"])]
    );
    let too_deep = ["[".repeat(65), "]".repeat(65)].concat();
    play(
        &mut client,
        Side::Client,
        &format!(
            r#"
        = 2
        > [3, {too_deep}, 0, null, null]
          [3,null,"total",3]
        "#
        ),
    );
    play(
        &mut client,
        Side::Client,
        r#"
        = 1
        > [1, 5, 0, null, null]
        < item 2 6
          [2,6,"total"]
        > [2, 5, 0, null, null]
          [2,null,"total",1]
        = 0
        "#,
    );
}

#[test]
fn target_without_a_name_is_not_sent() {
    let mut client = Client::default();
    let mut wire = Wire::default();
    let open = Open {
        call: CallId::ours(1),
        target: Target::Known(ProcedureId(0)),
        shape: Shape::SINGLE,
        input: None,
        head: Head::default(),
        reply: true,
    };
    client.send(Frame::Open(open), &mut wire).unwrap();
    assert!(wire.messages.is_empty());
    assert_eq!(client.held().calls, 0);
}

#[test]
fn seq_counts_from_1_and_grows_wide() {
    let mut client = Client::default();
    let mut wire = Wire::default();
    for n in 1..=300_u64 {
        let message =
            format!("< open {n} add 1\n [{n},1,\"add\"]\n > [{n}, 5, 0, null, null]\n end {n} 5\n = 0");
        play(&mut client, Side::Client, &message);
    }
    let message = msgpack(&json!([300, 5, 0, null, null]));
    assert!(matches!(client.receive(binary(&message), &Procedures, &mut wire), Received::Nothing));
}

#[test]
fn names_are_written_in_as_few_bytes_as_they_need() {
    for (length, head) in [
        (0, &b"\xa0"[..]),
        (31, b"\xbf"),
        (32, b"\xd9\x20"),
        (255, b"\xd9\xff"),
        (256, b"\xda\x01\x00"),
        (65_535, b"\xda\xff\xff"),
        (65_536, b"\xdb\x00\x01\x00\x00"),
    ] {
        let name = "n".repeat(length);
        let mut wire = Wire::default();
        let open = Open {
            call: CallId::ours(1),
            target: Target::Named(name.clone().into()),
            shape: Shape::SINGLE,
            input: Some(Payload::new(Format::MessagePack, &b"\xc0"[..])),
            head: Head::default(),
            reply: true,
        };
        Client::default().send(Frame::Open(open), &mut wire).unwrap();
        assert_eq!(wire.take(), [[&b"\x93\x01\xc0"[..], head, name.as_bytes()].concat()], "{length}");
    }
}

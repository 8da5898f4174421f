//! The life of a request, cell by cell of its tables.

use crate::support::{Wire, binary, msgpack, play};
use serde_json::json;
use swill_proto::{
    CallId, Code, Error, Format, Frame, MetadataLimits, Payload, Protocol, Side,
    swill1::{Limits, Server},
};

#[track_caller]
fn check(script: &str) {
    play(&mut Server::default(), Side::Server, script);
}

#[test]
fn four_shapes_run_from_open_to_the_final_message() {
    check(
        r#"
        > [1, [2, 3], "add"]
          open 1 add [2,3]
        = 1
        < end 1 5
          [1,5,0,null,null]
        = 0
        > [2, 2, "lines"]
          open 2 lines 2
        < item 2 "a"
          [2,"a",0,null,null]
        < item 2 "b"
          [2,"b",0,null,null]
        < end 2
          [2,null,1,null,null]
        = 0
        > [3, 1, "total"]
          open 3 total 1
        > [3, 2, "total"]
          item 3 2
        > [3, null, "total", 1]
          end 3
        < end 3 3
          [3,3,0,null,null]
        = 0
        > [4, 1, "multiply"]
          open 4 multiply 1
        < item 4 1
          [4,1,0,null,null]
        > [4, 2, "multiply"]
          item 4 2
        < item 4 2
          [4,2,0,null,null]
        > [4, null, "multiply", 1]
          end 4
        < end 4
          [4,null,1,null,null]
        = 0
        "#,
    );
}

#[test]
fn what_is_not_open_is_opened_refused_or_ignored() {
    check(
        r#"
        // An unknown name is answered and not remembered.
        > [1, null, "nope"]
          [1,{"code":404,"message":"No func was found to process this request"},3,null,null]
        > [1, null, "nope", 2]
          [1,{"code":404,"message":"No func was found to process this request"},3,null,null]
        > [1, null, "nope", 1]
        > [1, null, "nope", 3]
        > [1, null, "add", 1]
        > [1, null, "add", 3]
        > [1, null, "total", 1]
        > [1, null, "total", 3]
        // METADATA opens streams in, without an item, and nothing else.
        > [1, null, "add", 2, {"a": 1}]
          [1,{"code":400,"message":"METADATA cannot open a call without a stream in"},3,null,null]
        > [1, null, "lines", 2]
          [1,{"code":400,"message":"METADATA cannot open a call without a stream in"},3,null,null]
        = 0
        > [1, 77, "total", 2, {"a": 1}]
          open 1 total - | {"a":1}
        > [2, null, "multiply", 2]
          open 2 multiply -
        > [3, 5, "total", 0, {"a": {"b": [1, null]}}]
          open 3 total 5 | {"a":{"b":[1,null]}}
        > [4, 5, "add", 0, {}]
          open 4 add 5
        = 4
        "#,
    );
}

#[test]
fn open_single_request() {
    for name in ["add", "lines"] {
        check(
            &r#"
            > [1, 1, "NAME"]
              open 1 NAME 1
            // One answer only: nothing but CANCEL is heard.
            > [1, 2, "NAME"]
            > [1, null, "NAME", 1]
            > [1, null, "NAME", 2, {"a": 1}]
            = 1
            > [1, null, "NAME", 3]
              cancel 1
            = 0
            < end 1 1
            < fail 1 500 late
            // The key is free at once, and the old call stays silent.
            > [1, 3, "NAME"]
              open 2 NAME 3
            < end 1 1
            < fail 2 418 teapot | {"a":1}
              [1,{"code":418,"message":"teapot","data":{"a":1}},3,null,null]
            = 0
            "#
            .replace("NAME", name),
        );
    }
}

#[test]
fn open_streaming_request() {
    for name in ["total", "multiply"] {
        check(
            &r#"
            > [1, 1, "NAME"]
              open 1 NAME 1
            // Metadata is the request's only in the message that opens it.
            > [1, 2, "NAME", 0, {"a": 1}]
              item 1 2
            > [1, null, "NAME", 3]
              cancel 1
            = 0
            < fail 1 500 late
            > [1, 1, "NAME"]
              open 2 NAME 1
            > [1, 77, "NAME", 1, {"a": 1}]
              end 2
            = 1
            "#
            .replace("NAME", name),
        );
    }
}

#[test]
fn half_closed_hears_only_cancel() {
    check(
        r#"
        > [1, 1, "total"]
          open 1 total 1
        > [1, null, "total", 1]
          end 1
        > [1, 2, "total"]
        > [1, null, "total", 1]
        > [1, null, "total", 2]
        = 1
        > [1, null, "total", 3]
          cancel 1
        = 0
        > [1, 1, "total"]
          open 2 total 1
        > [1, null, "total", 1]
          end 2
        < end 2 1
          [1,1,0,null,null]
        = 0
        > [1, 1, "total"]
          open 3 total 1
        "#,
    );
}

#[test]
fn answered_stream_drains_up_to_its_end() {
    for (last, message) in [
        ("end 1 7", r#"[1,7,0,null,null]"#),
        ("fail 1 422 no", r#"[1,{"code":422,"message":"no"},3,null,null]"#),
    ] {
        for end in [1, 3] {
            check(
                &r#"
                > [1, 7, "total"]
                  open 1 total 7
                < LAST
                  MESSAGE
                = 1
                > [1, 8, "total"]
                > [1, null, "total", 2, {"a": 1}]
                > [1, "x", "total", 9]
                < LAST
                < item 1 1
                > [1, null, "total", END]
                = 0
                > [1, 9, "total"]
                  open 2 total 9
                "#
                .replace("LAST", last)
                .replace("MESSAGE", message)
                .replace("END", &end.to_string()),
            );
        }
    }
}

#[test]
fn late_metadata_fails_the_call_once() {
    for opening in [r#"[1, 1, "total"]"#, r#"[1, null, "total", 2]"#] {
        let mut server = Server::default();
        let mut wire = Wire::default();
        let opening = msgpack(&serde_json::from_str(opening).unwrap());
        server.receive(binary(&opening), &crate::support::Procedures, &mut wire);
        play(
            &mut server,
            Side::Server,
            r#"
            > [1, null, "total", 2, {"a": 1}]
              fail 1 400 only the first message of a call may be METADATA
            = 1
            < fail 1 400 no
              [1,{"code":400,"message":"no"},3,null,null]
            = 1
            > [1, null, "total", 2, {"a": 1}]
            > [1, 5, "total"]
            > [1, null, "total", 1]
            = 0
            "#,
        );
    }
}

#[test]
fn unusable_message_for_an_open_call_is_its_final_one() {
    check(
        r#"
        > [1, 1, "slow"]
          open 1 slow 1
        > [1, 1, "slow", 9]
          fail 1 400 the type of a message is 0, 1, 2 or 3
        < fail 1 400 no
          [1,{"code":400,"message":"no"},3,null,null]
        = 0
        > [2, 1, "multiply"]
          open 2 multiply 1
        > [2, 1, "multiply", 0, 5]
          fail 2 400 metadata is a map with strings as keys, or nil
        < fail 2 400 no
          [2,{"code":400,"message":"no"},3,null,null]
        = 1
        > [2, 1, "multiply", 0, 5]
        > [2, 1, "multiply", 3]
        = 0
        "#,
    );
}

#[test]
fn seq_and_rpc_together_name_a_request() {
    check(
        r#"
        > [1, 1, "slow"]
          open 1 slow 1
        > [1, 2, "add"]
          open 2 add 2
        > [-1, 3, "add"]
          open 3 add 3
        > [18446744073709551615, 4, "add"]
          open 4 add 4
        > [0, 5, "add"]
          open 5 add 5
        = 5
        < end 3 3
          [-1,3,0,null,null]
        < end 4 4
          [18446744073709551615,4,0,null,null]
        < end 2 2
          [1,2,0,null,null]
        < end 1 1
          [1,1,0,null,null]
        < end 5 5
          [0,5,0,null,null]
        = 0
        "#,
    );
}

#[test]
fn metadata_leaves_in_its_place() {
    check(
        r#"
        > [1, 1, "add"]
          open 1 add 1
        < end 1 5 | {"lead":"first"} | {"trail":1}
          [1,5,0,{"lead":"first"},{"trail":1}]
        > [2, 1, "add"]
          open 2 add 1
        < metadata 2 {"lead":"now"}
          [2,null,2,{"lead":"now"},null]
        < end 2 5 | null | {"trail":1}
          [2,5,0,null,{"trail":1}]
        > [3, 1, "lines"]
          open 3 lines 1
        < item 3 1 | {"lead":"first"}
          [3,1,0,{"lead":"first"},null]
        < end 3 | null | {"trail":1}
          [3,null,1,null,{"trail":1}]
        > [4, 1, "lines"]
          open 4 lines 1
        < end 4 | {"lead":"first"} | {"trail":1}
          [4,null,1,{"lead":"first"},{"trail":1}]
        < metadata 4 {"lead":"late"}
        "#,
    );
}

#[test]
fn frames_that_do_not_fit_the_shape_are_not_sent() {
    check(
        r#"
        > [1, 1, "add"]
          open 1 add 1
        < item 1 1
        < end 1
          [1,null,0,null,null]
        > [2, 1, "lines"]
          open 2 lines 1
        < end 2 5
          [2,null,1,null,null]
        < cancel 9
        > [3, 1, "total"]
          open 3 total 1
        < cancel 3
        < end 3 1
        = 1
        > [3, 1, "total", 1]
        = 0
        "#,
    );
}

#[test]
fn draining_calls_are_counted() {
    let mut server = Server::new(Limits { draining: 2, ..Limits::default() });
    play(
        &mut server,
        Side::Server,
        r#"
        > [1, 1, "total"]
          open 1 total 1
        > [2, 1, "total"]
          open 2 total 1
        > [3, 1, "total"]
          open 3 total 1
        > [4, 1, "total"]
          open 4 total 1
        < end 1 1
          [1,1,0,null,null]
        < end 2 1
          [2,1,0,null,null]
        > [1, 1, "total", 1]
        < end 3 1
          [3,1,0,null,null]
        = 3
        < end 4 1
          close 1008
          [4,1,0,null,null]
        "#,
    );
}

#[test]
fn text_closes() {
    check(
        r#"
        >text
          close 1003
        "#,
    );
}

#[test]
fn metadata_limits_hold_at_n_and_not_beyond() {
    let limits = Limits { metadata: MetadataLimits { keys: 3, bytes: 20 }, ..Limits::default() };
    let over = "there is more metadata than is allowed";
    // Three keys of one letter with numbers are 1 + 3 * 3 = 10 bytes; a text of n letters adds 1 + n.
    for (metadata, fits) in [
        (json!({"a": 1, "b": 2, "c": 3}), true),
        (json!({"a": 1, "b": 2, "c": 3, "d": 4}), false),
        (json!({"a": "x".repeat(16)}), true),
        (json!({"a": "x".repeat(17)}), false),
    ] {
        for message in [json!([1, 1, "add", 0, metadata]), json!([1, 1, "total", 2, metadata])] {
            let mut wire = Wire::default();
            let message = msgpack(&message);
            let mut server = Server::new(limits);
            let received = server.receive(binary(&message), &crate::support::Procedures, &mut wire);
            if fits {
                assert!(matches!(received, swill_proto::Received::One(Frame::Open(_))), "{metadata}");
                assert!(wire.messages.is_empty());
            } else {
                assert_eq!(server.held().calls, 0);
                let expected = json!([1, {"code": 400, "message": over}, 3, null, null]);
                assert_eq!(crate::support::json(&wire.messages[0]), expected, "{metadata}");
            }
        }
    }
}

#[test]
fn errors_carry_any_code_and_data() {
    for code in [0, -1, -32601, 127, 128, 404, 65_536, i64::MAX, i64::MIN] {
        let mut server = Server::default();
        let mut wire = Wire::default();
        let message = msgpack(&json!([1, 1, "add"]));
        server.receive(binary(&message), &crate::support::Procedures, &mut wire);
        let error = Error::new(Code(code), "x".repeat(300)).with_data(json!({"a": [1]}));
        server.send(Frame::Fail { call: CallId::theirs(1), error }, &mut wire).unwrap();
        let expected =
            json!([1, {"code": code, "message": "x".repeat(300), "data": {"a": [1]}}, 3, null, null]);
        assert_eq!(crate::support::json(&wire.messages[0]), expected);
    }
}

#[test]
fn payload_is_the_bytes_that_came() {
    let mut server = Server::default();
    let mut wire = Wire::default();
    // 5 in nine bytes, which nobody would write again.
    let message = b"\x93\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x05\xa3add";
    let received = server.receive(binary(message), &crate::support::Procedures, &mut wire);
    let swill_proto::Received::One(Frame::Open(open)) = received else { panic!("{received:?}") };
    let input = open.input.unwrap();
    assert_eq!(input.bytes(), &message[2..11]);
    let last = Some(Payload::new(Format::MessagePack, input.bytes()));
    server.send(Frame::End { call: open.call, last, leading: None, trailing: None }, &mut wire).unwrap();
    assert_eq!(wire.messages[0], b"\x95\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x05\x00\xc0\xc0");
}

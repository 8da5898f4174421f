//! Requests, notifications and batches in JSON-RPC, in both directions and in both codecs.

use crate::jsonrpc_play::{Wire, machine, open, play, play_with};
use serde_json::{Value as Json, json};
use swill_proto::{Format, Frame, Protocol, Shape, Side, jsonrpc::Limits};

#[test]
fn requests_are_answered_under_their_ids() {
    play(
        Side::Server,
        r#"
        > {"method": "add", "params": [1, 2], "id": 7}
        open 1 add [1,2]
        = 1 0
        < end 1 3
        {"result": 3, "id": 7}
        = 0 0
        // A second answer finds nobody.
        < end 1 4
        < fail 1 500 late
        > {"method": "add", "params": {"a": 1, "b": 2}, "id": "x"}
        open 2 add {"a":1,"b":2}
        > {"method": "slow", "id": null}
        open 3 slow -
        > {"method": "slow", "params": null, "id": -4}
        open 4 slow -
        = 3 0
        < end 4
        {"result": null, "id": -4}
        < fail 2 -32042 my error
        {"error": {"code": -32042, "message": "my error"}, "id": "x"}
        < end 3 [null]
        {"result": [null], "id": null}
        = 0 0
        "#,
    );
}

#[test]
fn two_requests_with_one_id_are_two() {
    play(
        Side::Server,
        r#"
        > {"method": "slow", "id": 1}
        open 1 slow -
        > {"method": "slow", "id": 1}
        open 2 slow -
        > {"method": "$/cancelRequest", "params": {"id": 1}}
        cancel 2
        > {"method": "$/cancelRequest", "params": {"id": 1}}
        < end 1 5
        {"result": 5, "id": 1}
        < cancelled 2
        {"error": {"code": -32800, "message": "Request cancelled"}, "id": 1}
        = 0 0
        "#,
    );
}

#[test]
fn notifications_run_and_are_not_answered() {
    play(
        Side::Server,
        r#"
        > {"method": "add", "params": [1]}
        open 1 add [1] for nothing
        < fail 1 422 no
        > {"method": "add"}
        open 2 add - for nothing
        < end 2 3
        > {"method": "nope"}
        > {"method": "add", "params": "x"}
        // Nobody could be told its items.
        > {"method": "lines", "params": [3]}
        > {"method": "multiply"}
        = 0 0
        "#,
    );
}

#[test]
fn batches_are_answered_by_one_message() {
    play(
        Side::Server,
        r#"
        > [{"method": "add", "params": [1], "id": 1}, {"method": "add", "params": [2]}, {"method": "nope", "id": 2}, {"method": "nope"}, {"method": "slow", "id": "3"}]
        open 1 add [1]
        open 2 add [2] for nothing
        open 3 slow -
        = 2 1
        < end 3 "late"
        = 1 1
        < end 2 0
        < fail 1 7 seven
        [{"error": {"code": 7, "message": "seven"}, "id": 1}, {"error": {"code": -32601, "message": "Method not found"}, "id": 2}, {"result": "late", "id": "3"}]
        = 0 0
        // Nothing to say is no message.
        > [{"method": "add"}, {"method": "nope"}]
        open 4 add - for nothing
        < end 4 1
        // Bad elements alone are answered at once, arrays among them.
        >> [1, [{"jsonrpc": "2.0", "method": "add", "id": 9}], {"foo": "boo"}]
        [{"error": {"code": -32600, "message": "Invalid Request"}, "id": null}, {"error": {"code": -32600, "message": "Invalid Request"}, "id": null}, {"error": {"code": -32600, "message": "Invalid Request"}, "id": null}]
        > [{"method": "add", "params": 5, "id": 1}]
        [{"error": {"code": -32602, "message": "Invalid params", "data": {"errors": [{"path": "", "code": "type", "message": "params are neither an array nor an object"}]}}, "id": 1}]
        // Two batches at once.
        > [{"method": "slow", "id": 1}]
        open 5 slow -
        > [{"method": "slow", "id": 1}, {"method": "slow", "id": 1}]
        open 6 slow -
        open 7 slow -
        < end 7 7
        < end 5 5
        [{"result": 5, "id": 1}]
        < end 6 6
        [{"result": 6, "id": 1}, {"result": 7, "id": 1}]
        = 0 0
        "#,
    );
}

#[test]
fn batches_hold_responses_and_cancellations_too() {
    play(
        Side::Server,
        r#"
        > {"method": "slow", "id": 1}
        open 1 slow -
        < call 0 ping [1]
        {"method": "ping", "params": [1], "id": 0}
        > [{"result": "r", "id": 0}, {"method": "add", "params": [1, 2], "id": 7}, {"method": "$/cancelRequest", "params": {"id": 1}}, {"error": {"code": 5, "message": "e"}, "id": 1}]
        our end 0 "r"
        open 2 add [1,2]
        cancel 1
        our fail 1 5 e
        < end 2 3
        [{"result": 3, "id": 7}]
        < cancelled 1
        {"error": {"code": -32800, "message": "Request cancelled"}, "id": 1}
        // A call of a batch can be cancelled, and its error is in the array.
        > [{"method": "slow", "id": 8}]
        open 3 slow -
        > {"method": "$/cancelRequest", "params": {"id": 8}}
        cancel 3
        < cancelled 3
        [{"error": {"code": -32800, "message": "Request cancelled"}, "id": 8}]
        > [{"result": "r", "id": 0}]
        our end 0 "r"
        = 0 0
        "#,
    );
}

#[test]
fn batches_are_bounded() {
    let limits = Limits { batch: 3, held: 264 };
    let script = |data: &str| {
        format!(
            r#"
            >> [1, 2, 3, 4]
            {{"error": {{"code": -32600, "message": "Invalid Request"{data}}}, "id": null}}
            > [{{"method": "slow", "id": 1}}, {{"method": "slow", "id": 2}}, {{"method": "slow", "id": 3}}]
            open 1 slow -
            open 2 slow -
            open 3 slow -
            < end 1 "{}"
            < end 3 "{}"
            = 1 1
            // Beyond: an answer is replaced, and no further batch begins.
            > [{{"method": "slow", "id": 4}}]
            {{"error": {{"code": 413, "message": "the answers of the connection's batches are too large together"}}, "id": null}}
            < end 2 0
            [{{"result": "{}", "id": 1}}, {{"error": {{"code": 413, "message": "the answers of the connection's batches are too large together"}}, "id": 2}}, {{"error": {{"code": 413, "message": "the answers of the connection's batches are too large together"}}, "id": 3}}]
            = 0 0
            "#,
            "a".repeat(100),
            "b".repeat(100),
            "a".repeat(100),
        )
    };
    play_with(Side::Server, limits, false, &script(r#", "data": "a batch may have at most 3 elements""#));
    play_with(Side::Server, limits, true, &script(""));
}

#[test]
fn calls_go_out_and_answers_come_back() {
    for side in [Side::Server, Side::Client] {
        play(
            side,
            r#"
            < call 0 ping [1]
            {"method": "ping", "params": [1], "id": 0}
            < call 1 p"ing {"a":1}
            {"method": "p\"ing", "params": {"a": 1}, "id": 1}
            < call 2 ping []
            {"method": "ping", "id": 2}
            < call 3 ping null
            {"method": "ping", "id": 3}
            < notify tick [5]
            {"method": "tick", "params": [5]}
            < notify tick {}
            {"method": "tick"}
            > {"result": {"deep": [null]}, "id": 1}
            our end 1 {"deep":[null]}
            > {"error": {"code": -32601, "message": "Method not found"}, "id": 0}
            our fail 0 -32601 Method not found
            > {"error": {"code": -32000, "message": "no", "data": [1], "more": 1}, "id": 2}
            our fail 2 -32000 no [1]
            > {"result": 5, "error": null, "id": 3}
            our end 3 5
            // Ids of the two directions are their own.
            > {"method": "add", "id": 0}
            open 1 add -
            < end 1 1
            {"result": 1, "id": 0}
            // Nothing that a response says is ever answered.
            > {"result": 1}
            > {"result": 1, "id": null}
            > {"result": 1, "id": "0"}
            > {"result": 1, "id": -1}
            > {"result": 1, "id": 1.0}
            > {"result": 1, "id": [0]}
            > {"error": {"code": -32700, "message": "Parse error"}, "id": null}
            >> {"result": 1, "id": 9}
            our end 9 1
            > {"error": 5, "id": 10}
            our fail 10 500 the error has no message
            > {"error": null, "id": 11}
            our fail 11 500 the error has no message
            < cancel 5
            {"method": "$/cancelRequest", "params": {"id": 5}}
            = 0 0
            "#,
        );
    }
}

#[test]
fn batches_go_out_as_one_message() {
    for codec in [Format::Json, Format::MessagePack] {
        for count in [0_u64, 1, 2, 15, 16, 70_000] {
            let mut machine = machine(Side::Server, codec);
            let mut wire = Wire::default();
            let opens =
                (0..count).map(|number| open(number, "ping", Shape::SINGLE, None, number % 2 == 0)).collect();
            machine.send(Frame::Batch(opens), &mut wire).unwrap();
            let expected: Json = (0..count)
                .map(|number| match number % 2 {
                    0 => json!({"jsonrpc": "2.0", "method": "ping", "id": number}),
                    _ => json!({"jsonrpc": "2.0", "method": "ping"}),
                })
                .collect();
            let expected = if count == 0 { vec![] } else { vec![expected] };
            assert!(wire.take(codec) == expected, "{codec} {count}");
        }
    }
}

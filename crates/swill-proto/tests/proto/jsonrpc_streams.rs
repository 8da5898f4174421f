//! Streams out over JSON-RPC, and what cancels them.

use crate::{
    jsonrpc_play::{Wire, frame, machine, play, show},
    support::Procedures,
};
use swill_proto::{Format, Message, Protocol, Received, Side};

#[test]
fn streams_out_are_subscriptions() {
    play(
        Side::Server,
        r#"
        > {"method": "lines", "params": [2], "id": "s"}
        open 1 lines [2]
        < item 1 "one"
        {"result": 1, "id": "s"}
        {"method": "$/stream", "params": {"subscription": 1, "result": "one"}}
        < item 1 null
        {"method": "$/stream", "params": {"subscription": 1, "result": null}}
        < end 1
        {"method": "$/stream", "params": {"subscription": 1, "end": true}}
        < item 1 "late"
        < end 1
        = 0 0
        // Without items.
        > {"method": "lines", "params": [0], "id": 1}
        open 2 lines [0]
        < end 2
        {"result": 2, "id": 1}
        {"method": "$/stream", "params": {"subscription": 2, "end": true}}
        // Accepted before the first item, once.
        > {"method": "lines", "id": 1}
        open 3 lines -
        < accepted 3
        {"result": 3, "id": 1}
        < accepted 3
        < item 3 1
        {"method": "$/stream", "params": {"subscription": 3, "result": 1}}
        < fail 3 409 line broke
        {"method": "$/stream", "params": {"subscription": 3, "error": {"code": 409, "message": "line broke"}}}
        // What is said of a call is not taken for its follower's.
        > {"method": "lines", "id": "first"}
        open 4 lines -
        > {"method": "lines", "id": "second"}
        open 5 lines -
        < item 4 1
        {"result": 4, "id": "first"}
        {"method": "$/stream", "params": {"subscription": 4, "result": 1}}
        < accepted 5
        {"result": 5, "id": "second"}
        < end 4
        {"method": "$/stream", "params": {"subscription": 4, "end": true}}
        < end 5
        {"method": "$/stream", "params": {"subscription": 5, "end": true}}
        = 0 0
        // Refused before it is open.
        > {"method": "lines", "id": 1}
        open 6 lines -
        < fail 6 403 no
        {"error": {"code": 403, "message": "no"}, "id": 1}
        < item 6 1
        // Not in a batch.
        > [{"method": "lines", "id": 1}, {"method": "multiply", "id": 2}]
        [{"error": {"code": 501, "message": "a batch cannot open a stream: call the procedure by itself"}, "id": 1}, {"error": {"code": 501, "message": "a batch cannot open a stream: call the procedure by itself"}, "id": 2}]
        // A stream in is the driver's to refuse.
        > {"method": "total", "params": [1], "id": 1}
        open 7 total [1]
        < fail 7 501 JSON-RPC 2.0 cannot carry a stream in
        {"error": {"code": 501, "message": "JSON-RPC 2.0 cannot carry a stream in"}, "id": 1}
        > {"method": "multiply", "id": 1}
        open 8 multiply -
        < fail 8 501 no
        {"error": {"code": 501, "message": "no"}, "id": 1}
        // A single call is never accepted.
        > {"method": "add", "id": 1}
        open 9 add -
        < accepted 9
        < item 9 1
        < end 9 1
        {"result": 1, "id": 1}
        = 0 0
        "#,
    );
}

#[test]
fn cancellations_end_calls_and_streams() {
    play(
        Side::Server,
        r#"
        > {"method": "slow", "id": "a"}
        open 1 slow -
        // Others than the one that is meant, and what is no cancellation.
        > {"method": "$/cancelRequest", "params": {"id": "b"}}
        > {"method": "$/cancelRequest", "params": {"id": 1}}
        > {"method": "$/cancelRequest", "params": {"subscription": 1}}
        > {"method": "$/cancelRequest", "params": {"subscription": "1"}}
        > {"method": "$/cancelRequest", "params": {"subscription": 77}}
        > {"method": "$/cancelRequest", "params": {}}
        > {"method": "$/cancelRequest", "params": ["a"]}
        > {"method": "$/cancelRequest", "params": "a"}
        > {"method": "$/cancelRequest"}
        > {"method": "$/cancelRequest", "params": {"id": "a"}, "id": 1}
        {"error": {"code": -32601, "message": "Method not found"}, "id": 1}
        > {"method": "$/cancelRequest", "params": {"id": "a"}}
        cancel 1
        > {"method": "$/cancelRequest", "params": {"id": "a"}}
        < cancelled 1
        {"error": {"code": -32800, "message": "Request cancelled"}, "id": "a"}
        = 0 0
        // A stream that is open: by its subscription, or by the id of its request.
        > {"method": "lines", "id": "a"}
        open 2 lines -
        < item 2 1
        {"result": 2, "id": "a"}
        {"method": "$/stream", "params": {"subscription": 2, "result": 1}}
        > {"method": "$/cancelRequest", "params": {"subscription": 2}}
        cancel 2
        < item 2 2
        > {"method": "$/cancelRequest", "params": {"id": "a"}}
        < cancelled 2
        {"method": "$/stream", "params": {"subscription": 2, "error": {"code": -32800, "message": "Request cancelled"}}}
        > {"method": "lines", "id": "a"}
        open 3 lines -
        < accepted 3
        {"result": 3, "id": "a"}
        > {"method": "$/cancelRequest", "params": {"id": "a"}}
        cancel 3
        < cancelled 3
        {"method": "$/stream", "params": {"subscription": 3, "error": {"code": -32800, "message": "Request cancelled"}}}
        // A stream that is not open yet: the response is the last message.
        > {"method": "lines", "id": "a"}
        open 4 lines -
        > {"method": "$/cancelRequest", "params": {"id": "a"}}
        cancel 4
        < accepted 4
        < item 4 1
        < cancelled 4
        {"error": {"code": -32800, "message": "Request cancelled"}, "id": "a"}
        > {"method": "lines", "id": "a"}
        open 5 lines -
        > {"method": "$/cancelRequest", "params": {"subscription": 5}}
        cancel 5
        < end 5
        {"error": {"code": -32800, "message": "Request cancelled"}, "id": "a"}
        // What this side ends by itself is answered, too.
        > [{"method": "slow", "id": "a"}]
        open 6 slow -
        < drop 6
        [{"error": {"code": 503, "message": "the server is shutting down"}, "id": "a"}]
        // The call was faster.
        > {"method": "slow", "id": 1}
        open 7 slow -
        > {"method": "$/cancelRequest", "params": {"id": 1}}
        cancel 7
        < end 7 5
        {"result": 5, "id": 1}
        < cancelled 7
        = 0 0
        "#,
    );
}

#[test]
fn a_client_hears_the_servers_streams() {
    play(
        Side::Client,
        r#"
        < stream 0 lines [2]
        {"method": "lines", "params": [2], "id": 0}
        < stream 1 lines [2]
        {"method": "lines", "params": [2], "id": 1}
        = 2 0
        > {"result": "s", "id": 0}
        > {"result": 7, "id": 1}
        > {"method": "$/stream", "params": {"subscription": 7, "result": null}}
        our item 1 null
        > {"method": "$/stream", "params": {"subscription": "s", "result": [1]}}
        our item 0 [1]
        // What nobody asked for.
        > {"method": "$/stream", "params": {"subscription": "7", "result": 1}}
        > {"method": "$/stream", "params": {"subscription": 7}}
        > {"method": "$/stream", "params": {"result": 7}}
        > {"method": "$/stream", "params": {"subscription": 7, "end": false}}
        > {"method": "$/stream", "params": [7, 1]}
        > {"method": "$/stream"}
        > {"result": 9, "id": 1}
        > {"method": "$/stream", "params": {"subscription": 9, "end": true}}
        > {"method": "$/stream", "params": {"subscription": 7, "end": true}}
        our end 1
        > {"method": "$/stream", "params": {"subscription": 7, "end": true}}
        > {"method": "$/stream", "params": {"subscription": "s", "error": {"code": 409, "message": "broke", "data": 1}}}
        our fail 0 409 broke 1
        = 0 0
        // Refused.
        < stream 2 lines [2]
        {"method": "lines", "params": [2], "id": 2}
        > {"error": {"code": 403, "message": "no"}, "id": 2}
        our fail 2 403 no
        = 0 0
        // Cancelled by this side, before and after it is open.
        < stream 3 lines [2]
        {"method": "lines", "params": [2], "id": 3}
        < cancel 3
        {"method": "$/cancelRequest", "params": {"id": 3}}
        = 0 0
        < stream 4 lines [2]
        {"method": "lines", "params": [2], "id": 4}
        > {"result": 4, "id": 4}
        < cancel 4
        {"method": "$/cancelRequest", "params": {"id": 4}}
        > {"method": "$/stream", "params": {"subscription": 4, "result": 1}}
        = 0 0
        // Two streams under one id are not to be told apart.
        < stream 5 lines [2]
        {"method": "lines", "params": [2], "id": 5}
        < stream 6 lines [2]
        {"method": "lines", "params": [2], "id": 6}
        > [{"result": 1, "id": 5}, {"result": 1, "id": 6}]
        our fail 6 400 the peer has opened a stream under an id that cannot be used
        > {"method": "$/stream", "params": {"subscription": 1, "result": 1}}
        our item 5 1
        = 1 0
        "#,
    );
    // A server opens none: the answer is an answer.
    play(
        Side::Server,
        r#"
        < stream 0 lines [2]
        {"method": "lines", "params": [2], "id": 0}
        > {"result": 7, "id": 0}
        our end 0 7
        > {"method": "$/stream", "params": {"subscription": 7, "result": 1}}
        = 0 0
        "#,
    );
}

#[test]
fn a_peers_name_for_a_stream_has_at_most_255_bytes() {
    let refused = "the peer has opened a stream under an id that cannot be used";
    for (length, usable) in [(254, true), (255, true), (256, false), (257, false)] {
        // As they are written: in JSON two quotes around the name, in MessagePack a head of two bytes before it.
        let name = "s".repeat(length - 2);
        let heard = match usable {
            true => format!(
                r#"
                = 1 0
                > {{"method": "$/stream", "params": {{"subscription": "{name}", "result": 1}}}}
                our item 0 1
                > {{"method": "$/stream", "params": {{"subscription": "{name}", "end": true}}}}
                our end 0
                "#
            ),
            false => format!("our fail 0 400 {refused}"),
        };
        play(
            Side::Client,
            &format!(
                r#"
                < stream 0 lines [2]
                {{"method": "lines", "params": [2], "id": 0}}
                > {{"result": "{name}", "id": 0}}
                {heard}
                = 0 0
                "#
            ),
        );
    }
}

#[test]
fn a_client_and_a_server_understand_each_other() {
    for codec in [Format::Json, Format::MessagePack] {
        let (mut client, mut server) = (machine(Side::Client, codec), machine(Side::Server, codec));
        let mut heard = Vec::new();
        let mut wire = Wire::default();
        for line in [
            "call 0 add [1,2]",
            "stream 1 lines [3]",
            "notify add [9]",
            "call 2 nope",
            "stream 3 lines [0]",
            "cancel 3",
        ] {
            client.send(frame(codec, line), &mut wire).unwrap();
        }
        let mut back = Wire::default();
        for (kind, data) in &wire.messages {
            if let Received::One(frame) =
                server.receive(Message { kind: *kind, data }, &Procedures, &mut back)
            {
                heard.push(show(&frame));
            }
        }
        for line in ["end 1 3", "item 2 1", "item 2 2", "end 2", "end 3", "cancelled 4"] {
            server.send(frame(codec, line), &mut back).unwrap();
        }
        assert_eq!(
            heard,
            [
                "open 1 add [1,2]",
                "open 2 lines [3]",
                "open 3 add [9] for nothing",
                "open 4 lines [0]",
                "cancel 4"
            ]
        );
        heard.clear();
        for (kind, data) in &back.messages {
            if let Received::One(frame) =
                client.receive(Message { kind: *kind, data }, &Procedures, &mut Wire::default())
            {
                heard.push(show(&frame));
            }
        }
        assert_eq!(
            heard,
            [
                "our fail 2 -32601 Method not found",
                "our end 0 3",
                "our item 1 1",
                "our item 1 2",
                "our end 1",
                "our fail 3 -32800 Request cancelled",
            ]
        );
        assert_eq!((client.held().calls, server.held().calls), (0, 0));
    }
}

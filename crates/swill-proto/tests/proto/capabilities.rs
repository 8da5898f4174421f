//! What each protocol says of itself, on which servers and clients rely; and what is said of values that are none.

use swill_proto::{
    Capabilities,
    Format::{self, Json, MessagePack},
    Parameters::{self, Listed, WholeIfSingle},
    Shape, events, jsonrpc,
    scan::Malformed,
    swill1,
    webmesh::Dialect,
};

/// What else a protocol can say, beside single calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Says {
    streams_in: bool,
    streams_out: bool,
    metadata: bool,
    serial: bool,
    calls_peer: bool,
    notifies_peer: bool,
}

#[test]
fn protocols_can_say_what_their_documents_say() {
    let swill = Says { streams_in: true, streams_out: true, metadata: true, ..Says::default() };
    let json_rpc = Says { streams_out: true, calls_peer: true, notifies_peer: true, ..Says::default() };
    let notifies = Says { notifies_peer: true, ..Says::default() };
    let events = Says { serial: true, ..notifies };
    let table: [(&Capabilities, Format, Parameters, Says); 8] = [
        (&swill1::CAPABILITIES, MessagePack, WholeIfSingle, swill),
        (&jsonrpc::CAPABILITIES, Json, Listed, json_rpc),
        (&jsonrpc::MSGPACK_CAPABILITIES, MessagePack, Listed, json_rpc),
        (&events::CAPABILITIES, Json, Listed, events),
        (Dialect::V0_1_2.capabilities(), MessagePack, WholeIfSingle, notifies),
        (Dialect::V0_1_2_JSON.capabilities(), Json, WholeIfSingle, notifies),
        (Dialect::HEAD.capabilities(), MessagePack, WholeIfSingle, notifies),
        (Dialect::HEAD_JSON.capabilities(), Json, WholeIfSingle, notifies),
    ];
    for (is, format, parameters, says) in table {
        let got = Says {
            streams_in: is.streams_in,
            streams_out: is.streams_out,
            metadata: is.metadata,
            serial: is.serial,
            calls_peer: is.calls_peer,
            notifies_peer: is.notifies_peer,
        };
        assert_eq!((is.format, is.parameters, got), (format, parameters, says), "{}", is.name);
        for (streams_in, streams_out) in [(false, false), (true, false), (false, true), (true, true)] {
            let carries = (says.streams_in || !streams_in) && (says.streams_out || !streams_out);
            assert_eq!(is.carries(Shape { streams_in, streams_out }), carries, "{}", is.name);
        }
    }
}

#[test]
fn what_is_wrong_with_a_value_is_said_in_words() {
    for (malformed, words) in [
        (Malformed::Truncated, "cut off"),
        (Malformed::TooDeep, "deeper than 64 levels"),
        (Malformed::Invalid, "no value"),
        (Malformed::Trailing, "left over"),
    ] {
        assert!(malformed.to_string().contains(words), "{malformed}");
    }
}

#[test]
fn a_dialect_is_shown_by_what_tells_it_from_others() {
    for (dialect, parts) in [
        (Dialect::V0_1_2, ["\"WebMesh 0.1.2\"", "\"path\"", "true"]),
        (Dialect::HEAD_JSON, ["\"WebMesh HEAD, JSON\"", "\"target\"", "false"]),
    ] {
        let shown = format!("{dialect:?}");
        assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
    }
}

//! Which limit a message exceeds is told beside the wire, and only then.

use crate::support::{Procedures, msgpack};
use serde_json::json;
use swill_proto::{
    Code, Error, Format, Frame, Kind, Limit, Message, MetadataLimits, Outgoing, Protocol, Received, Side,
    events, jsonrpc, swill1, webmesh,
};

/// What is sent, its messages, and the limits that are told of.
type Row = (&'static str, Vec<Vec<u8>>, Vec<Limit>);

/// Keeps which limits it was told of, and nothing of what is written.
#[derive(Default)]
struct Told {
    bytes: Vec<u8>,
    limits: Vec<Limit>,
}

impl Outgoing for Told {
    fn begin(&mut self, _kind: Kind, _expected: usize) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn finish(&mut self) {}

    fn exceeded(&mut self, limit: Limit) {
        self.limits.push(limit);
    }
}

/// Which limits a machine tells of when it hears these messages. What they open fails at once.
fn told(machine: &mut dyn Protocol, kind: Kind, messages: &[Vec<u8>]) -> Vec<Limit> {
    let mut out = Told::default();
    for data in messages {
        let call = match machine.receive(Message { kind, data }, &Procedures, &mut out) {
            Received::One(Frame::Open(open)) => open.call,
            _ => continue,
        };
        let _ = machine.send(Frame::Fail { call, error: Error::new(Code::BAD_REQUEST, "no") }, &mut out);
    }
    out.limits
}

#[test]
fn swill1_tells_its_limits() {
    let limits = swill1::Limits { metadata: MetadataLimits { keys: 2, bytes: 20 }, draining: 1 };
    let name = |length| msgpack(&json!([1, 1, "n".repeat(length)]));
    let metadata = |metadata| msgpack(&json!([1, 1, "add", 0, metadata]));
    let nested = |levels| [&b"\x93\x01"[..], &vec![0x91; levels], b"\xc0\xa3add"].concat();
    let draining = |calls: u8| (1..=calls).map(|seq| msgpack(&json!([seq, 1, "total"]))).collect();
    let none = Vec::<Limit>::new;
    let table: Vec<Row> = vec![
        ("a long name", vec![name(255)], none()),
        ("a longer name", vec![name(256)], vec![Limit::Name]),
        ("all keys", vec![metadata(json!({"a": 1, "b": 2}))], none()),
        ("one key more", vec![metadata(json!({"a": 1, "b": 2, "c": 3}))], vec![Limit::MetadataKeys]),
        ("all bytes", vec![metadata(json!({"a": "x".repeat(16)}))], none()),
        ("one byte more", vec![metadata(json!({"a": "x".repeat(17)}))], vec![Limit::MetadataBytes]),
        ("64 levels", vec![nested(63)], none()),
        ("too many levels", vec![nested(65)], vec![Limit::Nesting]),
        ("one stream drains", draining(1), none()),
        ("two streams drain", draining(2), vec![Limit::Draining]),
        ("no array", vec![b"\x01".to_vec()], none()),
        ("cut off", vec![b"\x93\x01".to_vec()], none()),
    ];
    for (what, messages, expected) in table {
        assert_eq!(told(&mut swill1::Server::new(limits), Kind::Binary, &messages), expected, "{what}");
    }
}

#[test]
fn jsonrpc_tells_its_limits() {
    let call = |id: String| format!(r#"{{"jsonrpc":"2.0","method":"add","id":"{id}"}}"#).into_bytes();
    let bad_call =
        |length| format!(r#"{{"jsonrpc":"2.0","method":1,"id":"{}"}}"#, "i".repeat(length)).into_bytes();
    let nested = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
    for (what, message, expected) in [
        ("a long id", call("i".repeat(253)), None),
        ("a longer id", call("i".repeat(254)), Some(Limit::Id)),
        ("no call, and a short id", br#"{"jsonrpc":"2.0","method":1,"id":1}"#.to_vec(), None),
        ("no call, and a long id", bad_call(253), None),
        ("no call, and a longer id", bad_call(254), Some(Limit::Id)),
        ("no id", br#"{"jsonrpc":"2.0","method":1}"#.to_vec(), None),
        ("too many levels", nested(1000), Some(Limit::Nesting)),
        ("cut off", b"[".to_vec(), None),
    ] {
        let limits = jsonrpc::Limits::default();
        let mut machine = jsonrpc::Machine::new(Side::Server, Format::Json, limits, false);
        assert_eq!(told(&mut machine, Kind::Text, &[message]), Vec::from_iter(expected), "{what}");
    }
}

#[test]
fn events_and_webmesh_tell_their_limits() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let event = |levels| format!(r#"{{"type":"none","a":{}}}"#, nested(levels)).into_bytes();
    for (levels, expected) in [(10, None), (1000, Some(Limit::Nesting))] {
        let expected = Vec::from_iter(expected);
        assert_eq!(told(&mut events::Server::new(), Kind::Text, &[event(levels)]), expected, "{levels}");
    }
    assert_eq!(told(&mut events::Server::new(), Kind::Text, &[b"{".to_vec()]), []);
    let call = |path: &str, levels| format!(r#"{{"path":"{path}","data":{}}}"#, nested(levels)).into_bytes();
    let path = |length: usize| format!("/{}", "p".repeat(length - 1));
    for (what, message, expected) in [
        ("a long path", call(&path(1024), 1), None),
        ("a longer path", call(&path(1025), 1), Some(Limit::Path)),
        ("too many levels", call("/a", 1000), Some(Limit::Nesting)),
        ("cut off", b"{".to_vec(), None),
    ] {
        let dialect = webmesh::Dialect::V0_1_2_JSON;
        let mut server = webmesh::Server::new(dialect, webmesh::Limits::default());
        assert_eq!(told(&mut server, Kind::Text, &[message]), Vec::from_iter(expected), "{what}");
    }
}

//! How often procedures are looked up.

use crate::support::{Procedures, msgpack};
use serde_json::json;
use std::cell::Cell;
use swill_proto::{
    Directory, Format, Found, Kind, Message, Outgoing, Protocol, Received, Side, jsonrpc, swill1,
};

/// Counts how often it is asked.
#[derive(Default)]
struct Counted(Cell<u32>);

impl Directory for Counted {
    fn find(&self, name: &str) -> Option<Found> {
        self.0.set(self.0.get() + 1);
        Procedures.find(name)
    }
}

/// Takes what is written and forgets it.
struct Silent(Vec<u8>);

impl Outgoing for Silent {
    fn begin(&mut self, _kind: Kind, _expected: usize) -> &mut Vec<u8> {
        &mut self.0
    }

    fn finish(&mut self) {}
}

#[test]
fn a_procedure_that_is_called_again_and_again_is_looked_up_once() {
    let call = |name: &str, id: u32| json!({"jsonrpc": "2.0", "method": name, "id": id});
    let json_rpc = |format| jsonrpc::Machine::new(Side::Server, format, jsonrpc::Limits::default(), false);
    type Write<'w> = &'w dyn Fn(&str, u32) -> Vec<u8>;
    let table: [(&mut dyn Protocol, Kind, Write<'_>); 3] = [
        (&mut swill1::Server::default(), Kind::Binary, &|name, id| msgpack(&json!([id, [1, 2], name]))),
        (&mut json_rpc(Format::Json), Kind::Text, &|name, id| call(name, id).to_string().into_bytes()),
        (&mut json_rpc(Format::MessagePack), Kind::Binary, &|name, id| msgpack(&call(name, id))),
    ];
    for (machine, kind, write) in table {
        let directory = Counted::default();
        let calls = [("add", 1), ("add", 1), ("add", 1), ("slow", 2), ("slow", 2), ("add", 3), ("add", 3)];
        for (id, (name, lookups)) in (1..).zip(calls) {
            let data = write(name, id);
            let received =
                machine.receive(Message { kind, data: &data }, &directory, &mut Silent(Vec::new()));
            assert!(matches!(received, Received::One(_)), "{received:?}");
            assert_eq!(directory.0.get(), lookups, "call {id}, {name}, {kind:?}");
        }
    }
}

//! JSON-RPC at its limits, exactly.

use crate::{
    jsonrpc_play::{frame, machine, message, play_with},
    support::Procedures,
    wire::{Messages, Table},
};
use swill_proto::{
    Format, Frame, Kind, Message, ProcedureId, Protocol, Received, Side, Target,
    jsonrpc::{Limits, Machine},
};

#[test]
fn answers_are_held_up_to_the_last_byte_that_is_allowed() {
    for codec in [Format::Json, Format::MessagePack] {
        for answer in ["5", r#""0123456789""#, "[[1,2],[3,4],[5,6]]"] {
            for id in ["1", r#""a longer id""#] {
                let one = format!(r#"{{"jsonrpc":"2.0","result":{answer},"id":{id}}}"#);
                let whole = message(codec, &one).1.len();
                // The second answer of a batch that is not complete: what it needs comes to what the first one has.
                for (held, expected) in [(2 * whole, true), (2 * whole - 1, false)] {
                    let limits = Limits { held, ..Limits::default() };
                    let mut machine = Machine::new(Side::Server, codec, limits, true);
                    let slow = format!(r#"{{"jsonrpc":"2.0","method":"slow","id":{id}}}"#);
                    let (kind, data) = message(codec, &format!("[{slow},{slow},{slow}]"));
                    let mut wire = Messages::default();
                    let received = machine.receive(Message { kind, data: &data }, &Procedures, &mut wire);
                    assert!(matches!(received, Received::Many(frames) if frames.len() == 3));
                    machine.send(frame(codec, &format!("end 1 {answer}")), &mut wire).unwrap();
                    assert_eq!(machine.held().bytes, whole);
                    machine.send(frame(codec, &format!("end 2 {answer}")), &mut wire).unwrap();
                    assert_eq!(machine.held().bytes == 2 * whole, expected, "{codec} {one}, {held} bytes");
                    assert!(wire.all.is_empty());
                }
            }
        }
    }
}

#[test]
fn batches_of_more_than_255_requests_are_taken_apart() {
    for (count, taken) in [(255, true), (256, true), (300, true), (301, false)] {
        let requests = vec![r#"{"method": "slow", "id": 1}"#; count].join(", ");
        let opened: Vec<String> = (1..=count).map(|number| format!("open {number} slow -")).collect();
        let expected = match taken {
            true => opened.join("\n"),
            false => r#"{"error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#.to_owned(),
        };
        let limits = Limits { batch: 300, ..Limits::default() };
        play_with(Side::Server, limits, true, &format!("> [{requests}]\n{expected}"));
    }
}

#[test]
fn a_name_with_escapes_is_not_what_it_looks_like() {
    // The first name has a backslash in it. What the second message has is written alike, and means the second name.
    const NAMES: Table = Table(&[(r"\u0061dd", "-", &[]), ("add", "-", &[])]);
    let mut machine = machine(Side::Server, Format::Json);
    for (method, expected) in [(r"\\u0061dd", 0), (r"\u0061dd", 1), ("add", 1), (r"\\u0061dd", 0)] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
        let data = Message { kind: Kind::Text, data: request.as_bytes() };
        match machine.receive(data, &NAMES, &mut Messages::default()) {
            Received::One(Frame::Open(open)) => {
                let found = matches!(open.target, Target::Known(ProcedureId(id)) if id == expected);
                assert!(found, "{method}: {:?}", open.target);
            }
            received => panic!("{received:?}"),
        }
    }
}

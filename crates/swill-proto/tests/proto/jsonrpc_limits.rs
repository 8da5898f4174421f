//! JSON-RPC at its limits, exactly.

use crate::{
    jsonrpc_play::{Wire, frame, machine, message, play_with},
    support::Procedures,
    wire::{Messages, Table},
};
use swill_proto::{
    Format, Frame, Held, Kind, Message, ProcedureId, Protocol, Received, Side, Target,
    jsonrpc::{Limits, Machine},
};

/// What an answer that is held back counts besides its bytes.
const EACH: usize = 64;

#[test]
fn answers_are_held_up_to_the_last_byte_that_is_allowed() {
    for codec in [Format::Json, Format::MessagePack] {
        for answer in ["5", r#""0123456789""#, "[[1,2],[3,4],[5,6]]"] {
            for id in ["1", r#""a longer id""#] {
                let one = format!(r#"{{"jsonrpc":"2.0","result":{answer},"id":{id}}}"#);
                let whole = message(codec, &one).1.len() + EACH;
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
fn small_answers_are_held_for_what_they_cost() {
    const BAD: usize = 63;
    const BATCHES: usize = 5;
    for codec in [Format::Json, Format::MessagePack] {
        let mut wire = Wire::default();
        let (kind, data) = message(codec, "[1]");
        let mut alone = Machine::new(Side::Server, codec, Limits::default(), true);
        alone.receive(Message { kind, data: &data }, &Procedures, &mut wire);
        // The answer to a bad element, without the brackets around it.
        let one = wire.messages[0].1.len() - if codec == Format::Json { 2 } else { 1 };
        // So many of them that their bytes alone would leave room for many batches more.
        let limits = Limits { held: BATCHES * BAD * (one + EACH), ..Limits::default() };
        let mut machine = Machine::new(Side::Server, codec, limits, true);
        let slow = r#"{"jsonrpc":"2.0","method":"slow","id":1}"#;
        let (kind, data) = message(codec, &format!("[{slow}{}]", ",1".repeat(BAD)));
        let mut wire = Wire::default();
        for batch in 1..=2 * BATCHES {
            let received = machine.receive(Message { kind, data: &data }, &Procedures, &mut wire);
            assert_eq!(matches!(received, Received::Many(_)), batch <= BATCHES, "{codec}, batch {batch}");
            let held = machine.held();
            let taken = batch.min(BATCHES);
            assert_eq!(
                (held.calls, held.bytes),
                (taken, taken * BAD * (one + EACH)),
                "{codec}, batch {batch}"
            );
        }
        assert_eq!(wire.messages.len(), BATCHES, "{codec}: the others are refused as a whole");
        for number in 1..=BATCHES {
            machine.send(frame(codec, &format!("end {number} 5")), &mut wire).unwrap();
        }
        assert_eq!((machine.held(), wire.messages.len()), (Held::default(), 2 * BATCHES), "{codec}");
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

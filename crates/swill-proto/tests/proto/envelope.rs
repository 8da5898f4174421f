//! Messages that are messages, and messages that are none.

use crate::support::{Procedures, Wire, binary, json, show, unhex};
use swill_proto::{Protocol, Received, swill1::Server};

/// What a server of its own makes of a message: the frame, or the seq, code and text of its answer.
fn told(message: &[u8]) -> String {
    let mut wire = Wire::default();
    let received = Server::default().receive(binary(message), &Procedures, &mut wire);
    match (received, wire.messages.as_slice()) {
        (Received::One(frame), []) => show(&frame),
        (Received::Nothing, [answer]) => {
            let answer = json(answer);
            assert_eq!(answer[2], 3);
            format!("{} {} {}", answer[0], answer[1]["code"], answer[1]["message"].as_str().unwrap())
        }
        (received, messages) => panic!("{received:?} {messages:?}"),
    }
}

#[test]
fn every_spelling_of_a_message_is_understood() {
    for (hex, expected) in [
        ("9301920203a3616464", "open 1 add [2,3]"),
        ("9401920203a361646400", "open 1 add [2,3]"),
        ("9501920203a361646400c0", "open 1 add [2,3]"),
        // Surplus elements.
        ("9601920203a361646400c0a178", "open 1 add [2,3]"),
        ("9701920203a361646400c0a17893c0c0c0", "open 1 add [2,3]"),
        // Wider heads than needed: array 16 and 32, strings 8, 16 and 32, wide types, empty maps.
        ("dc000301920203a3616464", "open 1 add [2,3]"),
        ("dd0000000301920203a3616464", "open 1 add [2,3]"),
        ("9301920203d903616464", "open 1 add [2,3]"),
        ("9301920203da0003616464", "open 1 add [2,3]"),
        ("9301920203db00000003616464", "open 1 add [2,3]"),
        ("9401920203a3616464cc00", "open 1 add [2,3]"),
        ("9401920203a3616464d30000000000000000", "open 1 add [2,3]"),
        ("9501920203a361646400de0000", "open 1 add [2,3]"),
        ("9501920203a361646400df00000001a16b01", r#"open 1 add [2,3] | {"k":1}"#),
        // Data of every kind.
        ("9301c0a3616464", "open 1 add null"),
        ("930180a3616464", "open 1 add {}"),
        ("930190a3616464", "open 1 add []"),
    ] {
        assert_eq!(told(&unhex(hex)), expected, "{hex}");
    }
}

#[test]
fn seq_of_any_width_comes_back_in_the_shortest() {
    for (wire, echoed) in [
        ("00", "00"),
        ("7f", "7f"),
        ("cc7f", "7f"),
        ("cc80", "cc80"),
        ("ccff", "ccff"),
        ("cd0001", "01"),
        ("cd0100", "cd0100"),
        ("cdffff", "cdffff"),
        ("ce00010000", "ce00010000"),
        ("ceffffffff", "ceffffffff"),
        ("cf0000000100000000", "cf0000000100000000"),
        ("cfffffffffffffffff", "cfffffffffffffffff"),
        ("ff", "ff"),
        ("e0", "e0"),
        ("d0ff", "ff"),
        ("d07f", "7f"),
        ("d0df", "d0df"),
        ("d080", "d080"),
        ("d1ffff", "ff"),
        ("d1ff7f", "d1ff7f"),
        ("d18000", "d18000"),
        ("d2ffff7fff", "d2ffff7fff"),
        ("d280000000", "d280000000"),
        ("d3ffffffff7fffffff", "d3ffffffff7fffffff"),
        ("d38000000000000000", "d38000000000000000"),
        ("d300000000000000ff", "ccff"),
    ] {
        let mut wire_out = Wire::default();
        let message = unhex(&format!("93{wire}c0a16e"));
        Server::default().receive(binary(&message), &Procedures, &mut wire_out);
        let answer = &wire_out.messages[0];
        assert!(answer[1..].starts_with(&unhex(echoed)), "{wire}: {answer:02x?}");
        assert_eq!(answer[1 + echoed.len() / 2], 0x82);
    }
}

#[test]
fn what_is_no_message_is_answered_with_seq_0() {
    let malformed = "0 400 the message is not MessagePack";
    for (hex, expected) in [
        ("", malformed),
        ("c1", malformed),
        ("c1ff", malformed),
        ("93019202", malformed),
        ("9301920203", malformed),
        ("9301920203a36164", malformed),
        ("9501920203a361646400", malformed),
        ("9601920203a361646400c0", malformed),
        ("9601920203a361646400c0c1", malformed),
        ("9301c1a3616464", malformed),
        ("93cd01", malformed),
        ("dc00", malformed),
        ("ddffffffff01", malformed),
        ("9301ddffffffffa3616464", malformed),
        ("9301dfffffffffa3616464", malformed),
        ("9301dbffffffffa3616464", malformed),
        ("9301c6ffffffffa3616464", malformed),
        ("9301c9ffffffffa3616464", malformed),
        ("9301920203dbffffffff616464", malformed),
        ("9501920203a361646400dfffffffff", malformed),
        ("9301920102a361646401", "0 400 bytes are left over after the message"),
        ("9301c0a16e9301c0a16e", "0 400 bytes are left over after the message"),
        ("9101c0", "0 400 bytes are left over after the message"),
        ("05", "0 400 a message is an array"),
        ("81a373657101", "0 400 a message is an array"),
        ("c0", "0 400 a message is an array"),
        ("90", "0 400 the message has too few elements"),
        ("93a178920102a3616464", "0 400 the first element of a message, its seq, is an integer"),
        ("93c0920102a3616464", "0 400 the first element of a message, its seq, is an integer"),
        (
            "93cb3ff0000000000000920102a3616464",
            "0 400 the first element of a message, its seq, is an integer",
        ),
        ("91a178", "0 400 the first element of a message, its seq, is an integer"),
    ] {
        assert_eq!(told(&unhex(hex)), expected, "{hex}");
    }
}

#[test]
fn what_is_unusable_is_answered_with_its_seq() {
    let short = "1 400 the message has too few elements";
    let no_rpc = "1 400 the third element of a message, its rpc, is a string";
    let no_type = "1 400 the type of a message is 0, 1, 2 or 3";
    let metadata = "1 400 metadata is a map with strings as keys, or nil";
    for (hex, expected) in [
        ("9101", short),
        ("9201920102", short),
        ("930192010205", no_rpc),
        ("9301920102c0", no_rpc),
        ("9301920102c403616464", no_rpc),
        ("9301920102a3ff6464", no_rpc),
        ("940192010205c0", no_rpc),
        ("9401920102a361646404", no_type),
        ("9401920102a3616464ff", no_type),
        ("9401920102a3616464c0", no_type),
        ("9401920102a3616464a130", no_type),
        ("9401920102a3616464cfffffffffffffffff", no_type),
        ("9501920102a36164640005", metadata),
        ("9501920102a361646400a178", metadata),
        ("9501920102a36164640090", metadata),
        ("9501920102a361646400810102", metadata),
        ("9501920102a36164640081c0c0", metadata),
    ] {
        assert_eq!(told(&unhex(hex)), expected, "{hex}");
    }
}

#[test]
fn names_have_at_most_255_bytes() {
    for (length, expected) in [
        (255, "1 404 No func was found to process this request"),
        (256, "1 400 the name of a procedure has at most 255 bytes"),
        (70_000, "1 400 the name of a procedure has at most 255 bytes"),
    ] {
        let message = rmp_serde::to_vec(&(1, 0, "n".repeat(length))).unwrap();
        assert_eq!(told(&message), expected);
    }
}

//! The structural checks, against the decoders that they protect.

use crate::{support::config, value::any_value};
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use swill_proto::{
    Format, Payload, Value,
    scan::{
        DEPTH, Malformed, check,
        json::{check_depth, validate},
        messagepack,
    },
};

/// Where the decoder's first value ends, if there is one.
fn decoded(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    <Value as Deserialize>::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).ok()?;
    Some(bytes.len() - rest.len())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn skip_finds_the_end_of_every_value(value in any_value(), tail in vec(any::<u8>(), 0..5)) {
        let payload = Payload::encode(Format::MessagePack, &value).unwrap();
        let written = payload.bytes();
        let bytes = [written, &tail].concat();
        prop_assert_eq!(messagepack::skip(&bytes, DEPTH), Ok(written.len()));
        prop_assert_eq!(messagepack::end(&bytes), Ok(written.len()));
        for cut in 0..written.len() {
            prop_assert_eq!(messagepack::skip(&written[..cut], DEPTH), Err(Malformed::Truncated));
        }
        let expected = if tail.is_empty() { Ok(()) } else { Err(Malformed::Trailing) };
        prop_assert_eq!(check(Format::MessagePack, &bytes), expected);
    }

    #[test]
    fn skip_accepts_what_the_decoder_accepts(bytes in vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(messagepack::skip(&bytes, DEPTH).ok(), decoded(&bytes));
        prop_assert_eq!(messagepack::end(&bytes), messagepack::skip(&bytes, DEPTH));
    }

    #[test]
    fn skip_accepts_what_the_decoder_accepts_of_spoilt_values(
        value in any_value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = Payload::encode(Format::MessagePack, &value).unwrap().bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(messagepack::skip(&bytes, DEPTH).ok(), decoded(&bytes));
    }

    #[test]
    fn depth_is_counted_exactly(shape in vec(0..4_u8, 0..200), depth in 0..=DEPTH) {
        // A list that goes up and down: its bytes and how deep it goes.
        let (mut bytes, mut level, mut deepest) = (Vec::new(), 0, 0);
        for step in shape {
            match step {
                0 | 1 if level < 70 => {
                    bytes.extend(if step == 0 { &b"\x92\x01"[..] } else { b"\x82\xa1a\x01\x02" });
                    level += 1;
                    deepest = deepest.max(level);
                }
                2 => {
                    // An empty container is a level, too.
                    bytes.extend(b"\x92\x90");
                    level += 1;
                    deepest = deepest.max(level + 1);
                }
                _ => {
                    bytes.extend(b"\x92\x80");
                    level += 1;
                    deepest = deepest.max(level + 1);
                }
            }
        }
        bytes.push(0xc0);
        let expected = if deepest <= depth { Ok(bytes.len()) } else { Err(Malformed::TooDeep) };
        prop_assert_eq!(messagepack::skip(&bytes, depth), expected);
        prop_assert_eq!(messagepack::end(&bytes), Ok(bytes.len()));
    }

    #[test]
    fn json_depth_is_that_of_the_decoder(value in any_value()) {
        let Ok(payload) = Payload::encode(Format::Json, &value) else { return Ok(()) };
        let depth = depth_of(&payload.decode().unwrap());
        prop_assert!(check_depth(payload.bytes(), depth).is_ok());
        if depth > 0 {
            prop_assert_eq!(check_depth(payload.bytes(), depth - 1), Err(Malformed::TooDeep));
        }
    }
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(depth_of).max().unwrap_or(0),
        Value::Map(map) => 1 + map.iter().map(|(_, value)| depth_of(value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// A value nested so deep, in one of several ways.
type Nest = fn(usize) -> Vec<u8>;

const NESTS: [(&str, Nest); 6] = [
    ("arrays", |levels| [vec![0x91; levels - 1], vec![0x90]].concat()),
    ("maps", |levels| [[0x81, 0xc0].repeat(levels - 1), vec![0x80]].concat()),
    ("map keys", |levels| [vec![0x81; levels - 1], vec![0x80], vec![0xc0; levels - 1]].concat()),
    ("array 16", |levels| [[0xdc, 0, 1].repeat(levels), vec![0xc0]].concat()),
    ("map 32", |levels| [[0xdf, 0, 0, 0, 1, 0xc0].repeat(levels), vec![0xc0]].concat()),
    ("arrays around an extension", |levels| [vec![0x91; levels], b"\xd4\x05\x91".to_vec()].concat()),
];

#[test]
fn sixty_four_levels_pass_and_no_more() {
    for (name, nest) in NESTS {
        for levels in [1, 2, 63, 64] {
            let bytes = nest(levels);
            assert_eq!(check(Format::MessagePack, &bytes), Ok(()), "{name} {levels}");
            assert_eq!(messagepack::skip(&bytes, levels), Ok(bytes.len()), "{name} {levels}");
            assert_eq!(messagepack::skip(&bytes, levels - 1), Err(Malformed::TooDeep), "{name} {levels}");
        }
        for levels in [65, 66, 1_000, 100_000] {
            let bytes = nest(levels);
            assert_eq!(check(Format::MessagePack, &bytes), Err(Malformed::TooDeep), "{name} {levels}");
            assert_eq!(messagepack::end(&bytes), Ok(bytes.len()), "{name} {levels}");
        }
    }
}

#[test]
fn wide_values_are_not_deep() {
    // Many containers side by side, beyond the number that is counted instead of stacked.
    for count in [63_usize, 64, 65, 1_000] {
        let mut bytes = vec![0xdc, (count >> 8) as u8, count as u8];
        bytes.extend([0x91, 0x90].repeat(count));
        assert_eq!(messagepack::skip(&bytes, 3), Ok(bytes.len()));
        assert_eq!(messagepack::skip(&bytes, 2), Err(Malformed::TooDeep));
    }
}

#[test]
fn more_than_there_can_be_is_refused_before_what_is_too_deep() {
    let twos = vec![0x92; 70];
    let behind_many = [&b"\xdc\x00\x43"[..], &[0x90; 65], b"\xdc\x00\x64", &[0x91; 66]].concat();
    let at_the_limit = [&[0x91; 62][..], b"\x93\x93\x91\xc0\xc0\xc0"].concat();
    for (what, bytes) in [
        ("too few for all together", twos),
        ("too few for one, behind many others", behind_many),
        ("too few for all together, at the last level", at_the_limit),
    ] {
        assert_eq!(messagepack::skip(&bytes, DEPTH), Err(Malformed::Truncated), "{what}");
        let enough = [bytes, vec![0xc0; 300]].concat();
        assert_eq!(messagepack::skip(&enough, DEPTH), Err(Malformed::TooDeep), "{what}, and more");
    }
}

#[test]
fn announced_lengths_must_be_there() {
    for hex in ["dd", "df", "db", "c6", "c9"] {
        let bytes = crate::support::unhex(&format!("{hex}ffffffff00"));
        assert_eq!(messagepack::skip(&bytes, DEPTH), Err(Malformed::Truncated), "{hex}");
        assert_eq!(messagepack::end(&bytes), Err(Malformed::Truncated), "{hex}");
    }
    for hex in
        ["", "91", "a1", "c4", "c401", "c5", "d4", "d401", "dc", "dc00", "cb00", "92c0", "81c0", "9190c1"]
    {
        let bytes = crate::support::unhex(hex);
        let expected = match hex {
            "9190c1" => Ok(2),
            _ => Err(Malformed::Truncated),
        };
        assert_eq!(messagepack::skip(&bytes, DEPTH), expected, "{hex}");
    }
    assert_eq!(messagepack::skip(b"\xc1", DEPTH), Err(Malformed::Invalid));
    assert_eq!(messagepack::skip(b"\x92\xc0\xc1", DEPTH), Err(Malformed::Invalid));
}

#[test]
fn json_depth() {
    for (text, depth) in [
        ("1", 0),
        ("[]", 1),
        ("[1,-2]", 1),
        ("[[],[[]]]", 3),
        (r#"{"a":{"b":[1]}}"#, 3),
        (r#""[[[[""#, 0),
        (r#"["[[[["]"#, 1),
        (r#"["\"[[[["]"#, 1),
        (r#"["\\",["x"]]"#, 2),
        (r#"["\\\"[[",[]]"#, 2),
        (r#"{"[{":"]}"}"#, 1),
        ("[1,[2,[3,[4]]]]", 4),
    ] {
        assert_eq!(check_depth(text.as_bytes(), depth), Ok(()), "{text}");
        assert_eq!(validate(text.as_bytes(), depth), Ok(()), "{text}");
        if depth > 0 {
            assert_eq!(check_depth(text.as_bytes(), depth - 1), Err(Malformed::TooDeep), "{text}");
            assert_eq!(validate(text.as_bytes(), depth - 1), Err(Malformed::TooDeep), "{text}");
        }
    }
    let nested = |levels| ["[".repeat(levels), "]".repeat(levels)].concat();
    assert_eq!(check(Format::Json, nested(64).as_bytes()), Ok(()));
    assert_eq!(check(Format::Json, nested(65).as_bytes()), Err(Malformed::TooDeep));
    assert_eq!(check(Format::Json, "[".repeat(100_000).as_bytes()), Err(Malformed::TooDeep));
    assert_eq!(check(Format::Json, b"]]]][[["), Ok(()), "what is no JSON is for the decoder to find");
}

#[test]
fn json_that_breaks_off_is_told_from_what_is_wrong() {
    for text in ["[1,-2.5e+3,true]", "[false]", "[null, 10]", r#"{"a" : [{}], "b\u00e4\n": "c"}"#] {
        assert_eq!(validate(text.as_bytes(), DEPTH), Ok(()), "{text}");
        for cut in 0..text.len() {
            let cut = &text[..cut];
            assert_eq!(validate(cut.as_bytes(), DEPTH), Err(Malformed::Truncated), "{cut}");
        }
    }
    for word in ["true", "false", "null"] {
        for cut in 1..word.len() {
            let cut = &word[..cut];
            assert_eq!(validate(cut.as_bytes(), DEPTH), Err(Malformed::Truncated), "{cut}");
        }
    }
    for text in [
        "[1}",
        "{]",
        "[,",
        "?",
        "[tru]",
        "nul ",
        "-x",
        "1.x",
        "1e+]",
        r#"{"a" 1"#,
        r#""\x""#,
        r#""\u00g0""#,
        "\"\n\"",
    ] {
        assert_eq!(validate(text.as_bytes(), DEPTH), Err(Malformed::Invalid), "{text}");
    }
}

#[test]
fn decode_wants_exactly_one_value() {
    assert_eq!(messagepack::decode::<i64>(b"\x05").unwrap(), 5);
    for bytes in
        [&b"\x05\x05"[..], b"\x05\xc0", b"\x05\xa1x", b"\x05\xa1\xff", b"\x05\xd4\x01\x02", b"\x05\x91\x80"]
    {
        messagepack::decode::<i64>(bytes).unwrap_err();
    }
}

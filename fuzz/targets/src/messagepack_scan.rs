//! The walk over a MessagePack value against the decoder that it protects, and values there and back.

use serde::Deserialize;
use swill_proto::{
    Format, Payload, Value,
    scan::{DEPTH, Malformed, messagepack},
};

pub(crate) fn run(bytes: &[u8]) {
    let end = match messagepack::skip(bytes, DEPTH) {
        Ok(end) => end,
        Err(Malformed::TooDeep) => return,
        Err(_) => {
            messagepack::end(bytes).expect_err("only depth is no reason for the other walk");
            assert!(decoded(bytes).is_none(), "the decoder takes what the walk refuses");
            return;
        }
    };
    assert_eq!(messagepack::end(bytes), Ok(end));
    let (value, consumed) = decoded(bytes).expect("the decoder refuses what the walk takes");
    assert_eq!(consumed, end);
    let written = Payload::encode(Format::MessagePack, &value).expect("what was read can be written");
    let again: Value = written.decode().expect("what was written can be read");
    // Compared as text, for a NaN is not equal to itself.
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
    let _ = Payload::encode(Format::Json, &value);
}

/// The first value and how many bytes it took.
fn decoded(bytes: &[u8]) -> Option<(Value, usize)> {
    let mut rest = bytes;
    let value = <Value as Deserialize>::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).ok()?;
    Some((value, bytes.len() - rest.len()))
}

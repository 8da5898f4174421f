//! Text in any frames and pieces against the standard library: taken if that takes it, and refused with 1007 if not.

mod common;

use common::*;
use proptest::{collection::vec, prelude::*};
use swill_ws::Role;

/// Text, and what looks like it: overlong forms, surrogates, what is beyond Unicode, beginnings and ends alone.
fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        "\\PC{0,12}".prop_map(String::into_bytes),
        any::<char>().prop_map(|letter| letter.to_string().into_bytes()),
        (60_usize..70).prop_map(|length| vec![b'a'; length]),
    ];
    let bad = prop::sample::select(vec![
        &b"\xc0\x80"[..],
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5",
        b"\xff",
        b"\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
    ]);
    vec(prop_oneof![9 => good, 1 => bad.prop_map(<[u8]>::to_vec)], 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(settings(1000))]

    #[test]
    fn text_is_what_the_standard_library_takes(
        data in nearly_text(),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
        pieces in vec(1_usize..40, 1..5),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(data.len() + 1)).collect();
        cuts.sort_unstable();
        let starts: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).collect();
        let ends: Vec<usize> = cuts.iter().copied().chain([data.len()]).collect();
        for role in [Role::Server, Role::Client] {
            let mut wire = Vec::new();
            for (at, (&start, &end)) in starts.iter().zip(&ends).enumerate() {
                let last = if at + 1 == starts.len() { FIN } else { 0 };
                let opcode = if at == 0 { TEXT } else { 0 };
                wire.extend(frame(role, last | opcode, &data[start..end]));
            }
            let expected = match std::str::from_utf8(&data) {
                Ok(good) => text(good),
                Err(_) => Got::Violation(1007),
            };
            for pieces in [&[usize::MAX][..], &[1], &pieces] {
                prop_assert_eq!(received(role, &wire, pieces), std::slice::from_ref(&expected));
            }
        }
    }
}

/// What a machine makes of bytes that come in pieces of these lengths, again and again.
fn received(role: Role, wire: &[u8], pieces: &[usize]) -> Vec<Got> {
    let mut ws = swill_ws::WebSocket::new(&swill_ws::Config::new(role));
    let (mut events, mut out, mut wire) = (Vec::new(), Vec::new(), wire.to_vec());
    let (mut rest, mut pieces) = (&mut wire[..], pieces.iter().cycle());
    while !rest.is_empty() {
        let length = pieces.next().map_or(rest.len(), |&piece| piece.min(rest.len()));
        let (piece, after) = rest.split_at_mut(length);
        rest = after;
        let mut input = swill_ws::Input::new(piece);
        loop {
            match ws.receive(&mut input, &mut out) {
                Ok(Some(event)) => events.push(event.into()),
                Ok(None) => break,
                Err(violation) => events.push(Got::Violation(violation.code)),
            }
        }
    }
    events
}

#[test]
fn bad_bytes_do_not_make_up_for_each_other() {
    for role in [Role::Server, Role::Client] {
        for length in 1..=33 {
            for first in 0..length {
                for second in first..length {
                    let mut data = vec![b'a'; length];
                    (data[first], data[second]) = (0x80, 0x80);
                    let wire = frame(role, FIN | TEXT, &data);
                    assert_eq!(
                        received(role, &wire, &[usize::MAX]),
                        [Got::Violation(1007)],
                        "{length} bytes, bad at {first} and {second}"
                    );
                }
            }
            let wire = frame(role, FIN | TEXT, &vec![0x80; length]);
            assert_eq!(received(role, &wire, &[usize::MAX]), [Got::Violation(1007)], "{length} bad bytes");
        }
    }
}

//! The short ways through what is common, which only the time tells from the long ones: how far they go.

use super::*;

#[test]
fn plain_bytes_end_before_the_first_that_is_special() {
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    for rest in *b"a !#[]\x7f\x80\xff\"" {
        for next in *b"a\x1f\"\\\x80" {
            for (byte, at) in (0..=255).flat_map(|byte| (0..8).map(move |at| (byte, at))) {
                let mut eight = [b'a'; 8];
                eight[at..].fill(rest);
                eight[at] = byte;
                if let Some(behind) = eight.get_mut(at + 1) {
                    *behind = next;
                }
                let expected = eight.iter().position(is_special).unwrap_or(8);
                assert_eq!(plain_bytes(u64::from_le_bytes(eight)), expected, "{eight:x?}");
            }
        }
    }
}

#[test]
fn plain_bytes_are_passed_as_long_as_there_are_eight() {
    for length in 0..40 {
        let mut text = vec![b'a'; length];
        assert_eq!(pass_plain(&text, 0), length / 8 * 8);
        for at in 0..length {
            text[at] = b'"';
            assert_eq!(pass_plain(&text, 0), at.min(length / 8 * 8), "{at} of {length}");
            text[at] = b'a';
        }
    }
}

#[test]
fn lists_of_integers_without_white_space_are_passed_at_once() {
    for (list, is_one) in [
        ("[1]", true),
        ("[0]", true),
        ("[-0,0]", true),
        ("[10,-20,300,-4]", true),
        ("[9876543210]", true),
        ("[]", false),
        ("[ 1]", false),
        ("[1, 2]", false),
        ("[01]", false),
        ("[1.5]", false),
        ("[1e5]", false),
        ("[-]", false),
        ("[1,]", false),
        ("[[1]]", false),
        ("[1", false),
        ("[1,2", false),
    ] {
        let expected = is_one.then_some(2 + list.len());
        assert_eq!(end_of_integers(format!("x:{list}").as_bytes(), 2), expected, "{list}");
        // What follows does not matter, if there is an end at all.
        let expected = expected.filter(|_| list.ends_with(']'));
        assert_eq!(end_of_integers(format!("x:{list},[2]").as_bytes(), 2), expected, "{list}");
    }
}

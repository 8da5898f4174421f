use super::envelope::{RequestKind, ResponseKind, Seq};
use crate::{Error, Kind, Metadata, Outgoing, Value, scan};
use serde::Serialize;

pub(super) const NIL: u8 = 0xc0;

/// What a request takes at most, but for its data, name and metadata: the heads of its array and its name, seq, kind.
const REQUEST: usize = 16;

/// What a response takes at most, but for its data and metadata: the head of its array, seq, kind.
const RESPONSE: usize = 11;

/// Writes a request; the elements that have their default are left out.
pub(super) fn request(
    out: &mut dyn Outgoing,
    seq: Seq,
    data: &[u8],
    rpc: &str,
    kind: RequestKind,
    metadata: Option<&Metadata>,
) {
    let metadata = metadata.map(|metadata| written(Some(metadata)));
    let elements = match (&metadata, kind) {
        (Some(_), _) => 5,
        (None, RequestKind::Message) => 3,
        (None, _) => 4,
    };
    let expected = REQUEST + data.len() + rpc.len() + metadata.as_ref().map_or(0, Vec::len);
    let buffer = out.begin(Kind::Binary, expected);
    buffer.push(0x90 | elements);
    integer(buffer, seq);
    buffer.extend_from_slice(data);
    text(buffer, rpc);
    if elements > 3 {
        buffer.push(kind as u8);
    }
    if let Some(metadata) = metadata {
        buffer.extend_from_slice(&metadata);
    }
    out.finish();
}

/// Writes a response without metadata.
#[inline]
pub(super) fn response(out: &mut dyn Outgoing, seq: Seq, data: &[u8], kind: ResponseKind) {
    // A short one is put together here, where every store has a place that is known, and copied once.
    const SHORT: usize = 64;
    let mut short = [0; SHORT];
    if let Some(short) = short_response(&mut short, seq, data, kind) {
        return out.message(Kind::Binary, short);
    }
    let length = RESPONSE + data.len() + 2;
    let buffer = out.begin(Kind::Binary, length);
    buffer.reserve(length);
    buffer.push(0x95);
    integer(buffer, seq);
    buffer.extend_from_slice(data);
    buffer.extend_from_slice(&[kind as u8, NIL, NIL]);
    out.finish();
}

/// Writes a response into an array, if it has one of the usual numbers and fits.
#[inline]
fn short_response<'b, const N: usize>(
    buffer: &'b mut [u8; N],
    seq: Seq,
    data: &[u8],
    kind: ResponseKind,
) -> Option<&'b [u8]> {
    buffer[0] = 0x95;
    let [.., e, f, g, h] = seq.as_u64()?.to_be_bytes();
    let at = match seq.bits() {
        0..0x80 => {
            buffer[1] = h;
            2
        }
        0x80..0x100 => {
            [buffer[1], buffer[2]] = [0xcc, h];
            3
        }
        0x100..0x1_0000 => {
            [buffer[1], buffer[2], buffer[3]] = [0xcd, g, h];
            4
        }
        0x1_0000..0x1_0000_0000 => {
            [buffer[1], buffer[2], buffer[3], buffer[4], buffer[5]] = [0xce, e, f, g, h];
            6
        }
        _ => return None,
    };
    let end = at + data.len();
    buffer.get_mut(at..end)?.copy_from_slice(data);
    buffer.get_mut(end..end + 3)?.copy_from_slice(&[kind as u8, NIL, NIL]);
    buffer.get(..end + 3)
}

/// Writes a response with metadata.
#[cold]
pub(super) fn response_with(
    out: &mut dyn Outgoing,
    seq: Seq,
    data: &[u8],
    kind: ResponseKind,
    leading: Option<&Metadata>,
    trailing: Option<&Metadata>,
) {
    let (leading, trailing) = (written(leading), written(trailing));
    let buffer = out.begin(Kind::Binary, RESPONSE + data.len() + leading.len() + trailing.len());
    buffer.push(0x95);
    integer(buffer, seq);
    buffer.extend_from_slice(data);
    buffer.push(kind as u8);
    buffer.extend_from_slice(&leading);
    buffer.extend_from_slice(&trailing);
    out.finish();
}

/// Writes the ERROR that a call ends with.
#[cold]
pub(super) fn fail(out: &mut dyn Outgoing, seq: Seq, error: &Error) {
    self::error(out, seq, error.code().0, error.message(), error.data());
}

/// Writes an ERROR.
#[cold]
pub(super) fn error(out: &mut dyn Outgoing, seq: Seq, code: i64, message: &str, data: Option<&Value>) {
    let mut body = Vec::with_capacity(32 + message.len());
    body.push(if data.is_some() { 0x83 } else { 0x82 });
    text(&mut body, "code");
    integer(&mut body, Seq::signed(code));
    text(&mut body, "message");
    text(&mut body, message);
    if let Some(data) = data {
        text(&mut body, "data");
        value(&mut body, data);
    }
    response(out, seq, &body, ResponseKind::Error);
}

/// Metadata as it goes on the wire: a map, or nil if there is none.
pub(super) fn written(metadata: Option<&Metadata>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match metadata {
        Some(metadata) => value(&mut bytes, metadata),
        None => bytes.push(NIL),
    }
    bytes
}

/// Writes a value, or nil if it is one of the few that MessagePack cannot hold (more than 2³² elements).
fn value<T: Serialize>(buffer: &mut Vec<u8>, value: &T) {
    let start = buffer.len();
    if scan::messagepack::encode(value, buffer).is_err() {
        buffer.truncate(start);
        buffer.push(NIL);
    }
}

/// Writes an integer in as few bytes as it needs.
#[inline]
pub(super) fn integer(buffer: &mut Vec<u8>, number: Seq) {
    if !number.is_negative() && number.bits() < 0x80 {
        buffer.push(number.bits() as u8);
    } else {
        wide_integer(buffer, number);
    }
}

/// A number that is negative or takes more than one byte. Every arm appends a number of bytes that the compiler knows,
/// which costs a store instead of a call.
#[inline]
fn wide_integer(buffer: &mut Vec<u8>, number: Seq) {
    let [a, b, c, d, e, f, g, h] = number.bits().to_be_bytes();
    // Of a negative number, the bytes that are left out are 0xff and the first one kept has its sign bit set.
    if number.is_negative() {
        match number.bits().cast_signed() {
            -0x20.. => buffer.push(h),
            -0x80.. => buffer.extend_from_slice(&[0xd0, h]),
            -0x8000.. => buffer.extend_from_slice(&[0xd1, g, h]),
            -0x8000_0000.. => buffer.extend_from_slice(&[0xd2, e, f, g, h]),
            _ => buffer.extend_from_slice(&[0xd3, a, b, c, d, e, f, g, h]),
        }
    } else {
        match number.bits() {
            0..0x100 => buffer.extend_from_slice(&[0xcc, h]),
            0x100..0x1_0000 => buffer.extend_from_slice(&[0xcd, g, h]),
            0x1_0000..0x1_0000_0000 => buffer.extend_from_slice(&[0xce, e, f, g, h]),
            _ => buffer.extend_from_slice(&[0xcf, a, b, c, d, e, f, g, h]),
        }
    }
}

/// Writes text. What is beyond 4 GiB is cut off.
pub(super) fn text(buffer: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(u32::MAX as usize)];
    let digits = (text.len() as u32).to_be_bytes();
    match text.len() {
        0..32 => buffer.push(0xa0 | digits[3]),
        32..0x100 => buffer.extend_from_slice(&[0xd9, digits[3]]),
        0x100..0x1_0000 => buffer.extend_from_slice(&[0xda, digits[2], digits[3]]),
        _ => {
            buffer.push(0xdb);
            buffer.extend_from_slice(&digits);
        }
    }
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_responses_with_usual_numbers_are_put_together_at_once() {
        for (seq, short) in [
            (Seq::new(0), true),
            (Seq::new(0x7f), true),
            (Seq::new(0x80), true),
            (Seq::new(0xff), true),
            (Seq::new(0x100), true),
            (Seq::new(0xffff), true),
            (Seq::new(0x1_0000), true),
            (Seq::new(0xffff_ffff), true),
            (Seq::new(0x1_0000_0000), false),
            (Seq::signed(-1), false),
        ] {
            for length in 0..64 {
                let data = vec![b'd'; length];
                let mut expected = vec![0x95];
                integer(&mut expected, seq);
                expected.extend_from_slice(&[&data[..], &[0, NIL, NIL]].concat());
                let expected = Some(&expected[..]).filter(|all| short && all.len() <= 64);
                let mut buffer = [0xff; 64];
                let written = short_response(&mut buffer, seq, &data, ResponseKind::Message);
                assert_eq!(written, expected, "{length} bytes for {seq:?}");
            }
        }
    }

    /// Keeps what is announced, and what is written.
    #[derive(Default)]
    struct Announced(usize, Vec<u8>);

    impl Outgoing for Announced {
        fn begin(&mut self, _kind: Kind, expected: usize) -> &mut Vec<u8> {
            self.0 = expected;
            &mut self.1
        }

        fn finish(&mut self) {}
    }

    /// Checks that a message takes what was announced, or a little less.
    fn check(what: &str, write: impl Fn(&mut Announced)) {
        let mut out = Announced::default();
        write(&mut out);
        let Announced(expected, written) = out;
        let length = written.len();
        assert!((length..length + 16).contains(&expected), "{what}: {expected} announced, {length} written");
    }

    #[test]
    fn messages_take_little_less_than_what_is_announced() {
        let mut metadata = Metadata::new();
        metadata.insert("key", "a value of more than a few bytes");
        for (seq, length) in [(Seq::ZERO, 1), (Seq::new(u64::MAX), 100), (Seq::signed(i64::MIN), 255)] {
            let (data, rpc) = (vec![NIL; length], "n".repeat(length));
            for metadata in [None, Some(&metadata)] {
                for kind in [RequestKind::Message, RequestKind::EndOfStream] {
                    check("a request", |out| request(out, seq, &data, &rpc, kind, metadata));
                }
                let end = ResponseKind::EndOfStream;
                check("leading metadata", |out| response_with(out, seq, &data, end, metadata, None));
                check("trailing metadata", |out| response_with(out, seq, &data, end, None, metadata));
            }
            check("a response", |out| response(out, seq, &data, ResponseKind::Message));
        }
    }
}

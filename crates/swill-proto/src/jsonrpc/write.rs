//! Messages written, in both codecs. What comes before and after the parts that vary is known beforehand.

use super::{CANCEL, STREAM, envelope, fault::Fault};
use crate::{Format, Kind, Open, Outgoing, Payload, Target};
use serde::Serialize;

/// The longest number.
const NUMBER: usize = 20;

/// Which of the two members a response has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Result,
    Error,
}

/// The kind of messages that a codec is written in.
pub(super) const fn kind(codec: Format) -> Kind {
    match codec {
        Format::Json => Kind::Text,
        Format::MessagePack => Kind::Binary,
    }
}

/// Null.
pub(super) const fn null(codec: Format) -> &'static [u8] {
    match codec {
        Format::Json => b"null",
        Format::MessagePack => b"\xc0",
    }
}

/// True.
pub(super) const fn yes(codec: Format) -> &'static [u8] {
    match codec {
        Format::Json => b"true",
        Format::MessagePack => b"\xc3",
    }
}

/// The parts of a response around its content and its id.
#[inline]
fn frame(codec: Format, answer: Answer) -> [&'static [u8]; 3] {
    match (codec, answer) {
        (Format::Json, Answer::Result) => [br#"{"jsonrpc":"2.0","result":"#, br#","id":"#, b"}"],
        (Format::Json, Answer::Error) => [br#"{"jsonrpc":"2.0","error":"#, br#","id":"#, b"}"],
        (Format::MessagePack, Answer::Result) => [b"\x83\xa7jsonrpc\xa32.0\xa6result", b"\xa2id", b""],
        (Format::MessagePack, Answer::Error) => [b"\x83\xa7jsonrpc\xa32.0\xa5error", b"\xa2id", b""],
    }
}

/// Writes a response as a message.
#[inline]
pub(super) fn response(out: &mut dyn Outgoing, codec: Format, answer: Answer, content: &[u8], id: &[u8]) {
    let parts = frame(codec, answer);
    // A short one is put together here, where every store has a place that is known, and copied once.
    let mut short = [0; SHORT];
    if let Some(short) = short_response(&mut short, parts, content, id) {
        return out.message(kind(codec), short);
    }
    let length = parts.iter().map(|part| part.len()).sum::<usize>() + content.len() + id.len();
    let buffer = out.begin(kind(codec), length);
    buffer.reserve(length);
    append(buffer, parts, content, id);
    out.finish();
}

/// The longest response that is put together before it is copied.
const SHORT: usize = 128;

/// Writes a response into an array, if it fits.
#[inline(always)]
fn short_response<'b>(
    buffer: &'b mut [u8; SHORT],
    [front, middle, back]: [&[u8]; 3],
    content: &[u8],
    id: &[u8],
) -> Option<&'b [u8]> {
    let mut at = 0;
    for part in [front, content, middle, id, back] {
        let end = at + part.len();
        buffer.get_mut(at..end)?.copy_from_slice(part);
        at = end;
    }
    buffer.get(..at)
}

/// Writes a response into memory of its own.
pub(super) fn kept_response(codec: Format, answer: Answer, content: &[u8], id: &[u8]) -> Box<[u8]> {
    let mut buffer = Vec::new();
    append(&mut buffer, frame(codec, answer), content, id);
    buffer.into_boxed_slice()
}

/// How long a response is.
pub(super) fn response_length(codec: Format, answer: Answer, content: &[u8], id: &[u8]) -> usize {
    frame(codec, answer).iter().map(|part| part.len()).sum::<usize>() + content.len() + id.len()
}

#[inline]
fn append(buffer: &mut Vec<u8>, [front, middle, back]: [&[u8]; 3], content: &[u8], id: &[u8]) {
    buffer.extend_from_slice(front);
    buffer.extend_from_slice(content);
    buffer.extend_from_slice(middle);
    buffer.extend_from_slice(id);
    buffer.extend_from_slice(back);
}

/// An error as the content of a response.
#[cold]
pub(super) fn error(codec: Format, fault: Fault<'_>) -> Vec<u8> {
    let mut buffer = Vec::new();
    if Payload::encode_into(codec, &fault, &mut buffer).is_err() {
        // Data that this format cannot hold is left out.
        buffer.clear();
        value(codec, &mut buffer, &fault.bare());
    }
    buffer
}

/// Writes answers as one message.
pub(super) fn batch<'b>(
    out: &mut dyn Outgoing,
    codec: Format,
    parts: impl ExactSizeIterator<Item = &'b [u8]>,
    bytes: usize,
) {
    let count = parts.len();
    let buffer = out.begin(kind(codec), bytes + count + 6);
    open_array(codec, buffer, count);
    for (at, part) in parts.enumerate() {
        separate(codec, buffer, at);
        buffer.extend_from_slice(part);
    }
    close_array(codec, buffer);
    out.finish();
}

/// Writes calls as one message.
pub(super) fn requests(out: &mut dyn Outgoing, codec: Format, opens: &[Open<'_>]) {
    let bytes = opens.iter().map(request_length).sum::<usize>();
    let buffer = out.begin(kind(codec), bytes);
    open_array(codec, buffer, opens.len());
    for (at, open) in opens.iter().enumerate() {
        separate(codec, buffer, at);
        append_request(codec, buffer, open);
    }
    close_array(codec, buffer);
    out.finish();
}

fn open_array(codec: Format, buffer: &mut Vec<u8>, count: usize) {
    match (codec, count) {
        (Format::Json, _) => buffer.push(b'['),
        (Format::MessagePack, 0..0x10) => buffer.push(0x90 | count as u8),
        (Format::MessagePack, 0x10..0x1_0000) => {
            buffer.push(0xdc);
            buffer.extend_from_slice(&(count as u16).to_be_bytes());
        }
        (Format::MessagePack, _) => {
            buffer.push(0xdd);
            buffer.extend_from_slice(&(count as u32).to_be_bytes());
        }
    }
}

fn separate(codec: Format, buffer: &mut Vec<u8>, at: usize) {
    if codec == Format::Json && at > 0 {
        buffer.push(b',');
    }
}

fn close_array(codec: Format, buffer: &mut Vec<u8>) {
    if codec == Format::Json {
        buffer.push(b']');
    }
}

/// Writes a call.
pub(super) fn request(out: &mut dyn Outgoing, codec: Format, open: &Open<'_>) {
    let buffer = out.begin(kind(codec), request_length(open));
    append_request(codec, buffer, open);
    out.finish();
}

/// How long a call is at most, unless its name needs escapes; there is room for a comma and for the brackets of a batch.
fn request_length(open: &Open<'_>) -> usize {
    let name = match &open.target {
        Target::Named(name) => name.len(),
        Target::Known(_) => 0,
    };
    50 + name + open.input.as_ref().map_or(0, |input| input.bytes().len()) + NUMBER
}

fn append_request(codec: Format, buffer: &mut Vec<u8>, open: &Open<'_>) {
    let name = match &open.target {
        Target::Named(name) => &**name,
        Target::Known(_) => "",
    };
    let params = open.input.as_ref().map(Payload::bytes).filter(|params| !envelope::is_empty(codec, params));
    match codec {
        Format::Json => buffer.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#),
        Format::MessagePack => {
            buffer.push(0x82 + u8::from(params.is_some()) + u8::from(open.reply));
            buffer.extend_from_slice(b"\xa7jsonrpc\xa32.0\xa6method");
        }
    }
    value(codec, buffer, name);
    if let Some(params) = params {
        member(codec, buffer, "params");
        buffer.extend_from_slice(params);
    }
    if open.reply {
        member(codec, buffer, "id");
        value(codec, buffer, &open.call.number());
    }
    if codec == Format::Json {
        buffer.push(b'}');
    }
}

/// Writes the answer to a request that has opened a stream.
pub(super) fn accepted(out: &mut dyn Outgoing, codec: Format, subscription: u64, id: &[u8]) {
    let mut content = Vec::with_capacity(NUMBER);
    value(codec, &mut content, &subscription);
    response(out, codec, Answer::Result, &content, id);
}

/// Writes the notification that brings something about a stream: an item (`result`), its `end`, or an `error`.
pub(super) fn stream(out: &mut dyn Outgoing, codec: Format, subscription: u64, word: &str, content: &[u8]) {
    let buffer = out.begin(kind(codec), 100 + content.len());
    open_notification(codec, buffer, STREAM, 2);
    name(codec, buffer, "subscription");
    value(codec, buffer, &subscription);
    member(codec, buffer, word);
    buffer.extend_from_slice(content);
    close_notification(codec, buffer);
    out.finish();
}

/// Writes the notification that cancels a call of this side.
pub(super) fn cancel(out: &mut dyn Outgoing, codec: Format, id: u64) {
    let buffer = out.begin(kind(codec), 60 + NUMBER);
    open_notification(codec, buffer, CANCEL, 1);
    name(codec, buffer, "id");
    value(codec, buffer, &id);
    close_notification(codec, buffer);
    out.finish();
}

/// Begins a notification whose parameters are a map of so many.
fn open_notification(codec: Format, buffer: &mut Vec<u8>, method: &str, count: u8) {
    match codec {
        Format::Json => {
            buffer.extend_from_slice(br#"{"jsonrpc":"2.0","method":""#);
            buffer.extend_from_slice(method.as_bytes());
            buffer.extend_from_slice(br#"","params":{"#);
        }
        Format::MessagePack => {
            buffer.extend_from_slice(b"\x83\xa7jsonrpc\xa32.0\xa6method");
            value(codec, buffer, method);
            buffer.extend_from_slice(b"\xa6params");
            buffer.push(0x80 | count);
        }
    }
}

fn close_notification(codec: Format, buffer: &mut Vec<u8>) {
    if codec == Format::Json {
        buffer.extend_from_slice(b"}}");
    }
}

/// The name of a further member; it needs no escapes.
fn member(codec: Format, buffer: &mut Vec<u8>, word: &str) {
    if codec == Format::Json {
        buffer.push(b',');
    }
    name(codec, buffer, word);
}

fn name(codec: Format, buffer: &mut Vec<u8>, word: &str) {
    value(codec, buffer, word);
    if codec == Format::Json {
        buffer.push(b':');
    }
}

/// Writes a value, or null if it cannot be written.
fn value<T: Serialize + ?Sized>(codec: Format, buffer: &mut Vec<u8>, value: &T) {
    let start = buffer.len();
    if Payload::encode_into(codec, value, buffer).is_err() {
        buffer.truncate(start);
        buffer.extend_from_slice(null(codec));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallId, Head, Shape};

    #[test]
    fn short_responses_are_put_together_at_once() {
        for codec in [Format::Json, Format::MessagePack] {
            for length in 0..SHORT {
                let content = vec![b'1'; length];
                let all = kept_response(codec, Answer::Result, &content, b"12");
                let mut buffer = [0; SHORT];
                let short = short_response(&mut buffer, frame(codec, Answer::Result), &content, b"12");
                assert_eq!(short, Some(&*all).filter(|all| all.len() <= SHORT), "{codec:?}, {length} bytes");
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

    /// Checks that a message takes what was announced, or at most so much less.
    fn check(what: &str, less: usize, write: impl Fn(&mut Announced)) {
        let mut out = Announced::default();
        write(&mut out);
        let Announced(expected, written) = out;
        let length = written.len();
        assert!(
            (length..=length + less).contains(&expected),
            "{what}: {expected} announced, {length} written"
        );
    }

    #[test]
    fn messages_take_little_less_than_what_is_announced() {
        for codec in [Format::Json, Format::MessagePack] {
            for (length, number) in [(1, 1), (100, i64::MAX as u64)] {
                let input = Payload::encode(codec, &"i".repeat(3 * length)).unwrap();
                let open = |reply, input: Option<Payload<'static>>| Open {
                    call: CallId::ours(number),
                    target: Target::Named("n".repeat(length).into()),
                    shape: Shape::SINGLE,
                    input,
                    head: Head::default(),
                    reply,
                };
                let opens = [open(true, Some(input.clone())), open(true, None), open(false, None)];
                for open in &opens {
                    check("a call", 50, |out| request(out, codec, open));
                }
                check("calls", 150, |out| requests(out, codec, &opens));
                check("a stream", 50, |out| stream(out, codec, number, "result", input.bytes()));
                check("a cancellation", 50, |out| cancel(out, codec, number));
                check("an answer", 0, |out| response(out, codec, Answer::Result, input.bytes(), b"123"));
            }
            for count in [1, 2, 15, 16, 100, 70_000] {
                let part = kept_response(codec, Answer::Result, yes(codec), b"1");
                let parts = vec![&*part; count];
                check("answers", count + 6, |out| {
                    batch(out, codec, parts.iter().copied(), count * part.len());
                });
            }
        }
    }
}

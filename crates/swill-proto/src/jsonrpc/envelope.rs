//! Messages taken apart in one pass, without building anything: what is found borrows from the message. The whole message
//! is checked, what is skipped too.

use super::{id::Id, reader::Reader, write};
use crate::{
    Format,
    scan::{
        DEPTH, Malformed,
        json::{Cursor, Text},
        messagepack,
    },
    weak,
};
use std::borrow::Cow;

/// What a message is.
#[derive(Debug)]
pub(super) enum Content<'m> {
    /// An object, which has been read into the envelope at hand.
    One,
    /// An array with elements; those that are no objects are `None`.
    Batch(Vec<Option<Envelope<'m>>>),
    /// An array with more elements than allowed.
    TooMany,
    /// Nothing that could be a request: a scalar, or an empty array.
    Other,
}

/// The members of an object that mean something here, as they are written. Of members that come twice, the last.
#[derive(Debug)]
pub(super) struct Envelope<'m> {
    codec: Format,
    members: [Option<&'m [u8]>; 6],
}

/// The place of a member in an envelope. Every name has its own comparison, with a length that the compiler knows.
#[inline(always)]
fn envelope_place(name: &[u8]) -> Option<usize> {
    match name {
        b"jsonrpc" => Some(0),
        b"method" => Some(1),
        b"params" => Some(2),
        b"id" => Some(3),
        b"result" => Some(4),
        b"error" => Some(5),
        _ => None,
    }
}

/// A member that may be missing, or not be what it has to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member<T> {
    Absent,
    Bad,
    Is(T),
}

/// Reads a message. A single object goes into `envelope`: it is too large to be moved about for every call.
///
/// # Errors
///
/// What is wrong with it as a value of its format.
#[inline(always)]
pub(super) fn read<'m>(
    message: &'m [u8],
    most: usize,
    envelope: &mut Envelope<'m>,
) -> Result<Content<'m>, Malformed> {
    match envelope.codec {
        Format::Json => read_json(message, most, envelope),
        Format::MessagePack => read_messagepack(message, most, envelope),
    }
}

#[inline(always)]
fn read_json<'m>(
    message: &'m [u8],
    most: usize,
    envelope: &mut Envelope<'m>,
) -> Result<Content<'m>, Malformed> {
    let mut cursor = Cursor::new(message);
    cursor.space();
    let content = match cursor.peek() {
        Some(b'{') => {
            json_members(&mut cursor, &mut envelope.members, usual_place, envelope_place)?;
            Content::One
        }
        Some(b'[') => json_batch(&mut cursor, most)?,
        _ => {
            cursor.value(DEPTH)?;
            Content::Other
        }
    };
    cursor.end()?;
    Ok(content)
}

#[inline(always)]
fn json_envelope<'m>(cursor: &mut Cursor<'m>) -> Result<Envelope<'m>, Malformed> {
    let mut envelope = Envelope::new(Format::Json);
    json_members(cursor, &mut envelope.members, usual_place, envelope_place)?;
    Ok(envelope)
}

/// Passes the name of a member as most clients write it, without white space and escapes.
#[inline(always)]
fn usual_place(cursor: &mut Cursor<'_>) -> Option<usize> {
    let (place, is_next) = match cursor.peek_second()? {
        b'j' => (0, cursor.pass_all(br#""jsonrpc":"#)),
        b'm' => (1, cursor.pass_all(br#""method":"#)),
        b'p' => (2, cursor.pass_all(br#""params":"#)),
        b'i' => (3, cursor.pass_all(br#""id":"#)),
        b'r' => (4, cursor.pass_all(br#""result":"#)),
        _ => return None,
    };
    is_next.then_some(place)
}

fn json_batch<'m>(cursor: &mut Cursor<'m>, most: usize) -> Result<Content<'m>, Malformed> {
    cursor.expect(b'[')?;
    cursor.space();
    if cursor.pass(b']') {
        return Ok(Content::Other);
    }
    let mut batch = Batch::new(most);
    loop {
        batch.push(match cursor.peek() {
            Some(b'{') => Some(json_envelope(cursor)?),
            _ => {
                cursor.value(DEPTH)?;
                None
            }
        });
        cursor.space();
        if !cursor.pass(b',') {
            cursor.expect(b']')?;
            return Ok(batch.into_content());
        }
        cursor.space();
    }
}

/// Reads the object that comes next and finds the members that have a place.
#[inline(always)]
fn json_members<'m, const N: usize>(
    cursor: &mut Cursor<'m>,
    members: &mut [Option<&'m [u8]>; N],
    usual: impl Fn(&mut Cursor<'m>) -> Option<usize>,
    place: impl Fn(&[u8]) -> Option<usize>,
) -> Result<(), Malformed> {
    cursor.expect(b'{')?;
    cursor.space();
    if cursor.pass(b'}') {
        return Ok(());
    }
    loop {
        let place = match usual(cursor) {
            Some(place) => {
                cursor.space();
                Some(place)
            }
            None => {
                let name = cursor.name()?;
                if name.escaped { place(plain(name).as_bytes()) } else { place(name.raw) }
            }
        };
        let value = cursor.value(DEPTH)?;
        if let Some(member) = place.and_then(|place| members.get_mut(place)) {
            *member = Some(value);
        }
        cursor.space();
        if !cursor.pass(b',') {
            cursor.expect(b'}')?;
            return Ok(());
        }
        cursor.space();
    }
}

/// A name without its escapes; empty, as no name here is, if they make no text.
#[cold]
fn plain(name: Text<'_>) -> String {
    name.decode().map(Cow::into_owned).unwrap_or_default()
}

fn read_messagepack<'m>(
    message: &'m [u8],
    most: usize,
    envelope: &mut Envelope<'m>,
) -> Result<Content<'m>, Malformed> {
    let mut reader = Reader { rest: message };
    let content = if let Some(pairs) = reader.map() {
        messagepack_members(&mut reader, pairs, &mut envelope.members, envelope_place)?;
        Content::One
    } else if let Some(elements) = reader.array() {
        let mut batch = Batch::new(most);
        for _ in 0..elements {
            batch.push(match reader.map() {
                Some(pairs) => {
                    let mut envelope = Envelope::new(Format::MessagePack);
                    messagepack_members(&mut reader, pairs, &mut envelope.members, envelope_place)?;
                    Some(envelope)
                }
                None => {
                    reader.value()?;
                    None
                }
            });
        }
        batch.into_content()
    } else {
        reader.value()?;
        Content::Other
    };
    if reader.rest.is_empty() { Ok(content) } else { Err(Malformed::Trailing) }
}

/// Reads so many pairs of a map and finds the members that have a place.
#[inline]
fn messagepack_members<'m, const N: usize>(
    reader: &mut Reader<'m>,
    pairs: usize,
    members: &mut [Option<&'m [u8]>; N],
    place: impl Fn(&[u8]) -> Option<usize>,
) -> Result<(), Malformed> {
    for _ in 0..pairs {
        let name = reader.value()?;
        let value = reader.value()?;
        if let Some(member) = messagepack_text(name).and_then(&place).and_then(|place| members.get_mut(place))
        {
            *member = Some(value);
        }
    }
    Ok(())
}

/// The members of these names of an object that has been checked; none if it is no object.
pub(super) fn members<'m, const N: usize>(
    codec: Format,
    object: &'m [u8],
    names: &[&str; N],
) -> [Option<&'m [u8]>; N] {
    let place = |name: &[u8]| names.iter().position(|known| known.as_bytes() == name);
    let mut members = [None; N];
    let read = match codec {
        Format::Json => json_members(&mut Cursor::new(object), &mut members, |_| None, place),
        Format::MessagePack => {
            let mut reader = Reader { rest: object };
            let pairs = reader.map().unwrap_or_default();
            messagepack_members(&mut reader, pairs, &mut members, place)
        }
    };
    if read.is_ok() { members } else { [None; N] }
}

/// Whether a value is null.
#[inline]
pub(super) fn is_null(codec: Format, value: &[u8]) -> bool {
    value == write::null(codec)
}

/// Whether parameters are none: an empty list or map, or null.
pub(super) fn is_empty(codec: Format, value: &[u8]) -> bool {
    match codec {
        Format::Json => matches!(value, b"[]" | b"{}" | b"null"),
        Format::MessagePack => matches!(value, b"\x90" | b"\x80" | b"\xc0"),
    }
}

/// The number, if a value that has been checked is an integer that a call can have as its number, and written as one.
/// Larger ones would be taken for others, for calls use one bit for their direction.
pub(super) fn number(codec: Format, value: &[u8]) -> Option<u64> {
    let number: u64 = match codec {
        Format::Json => std::str::from_utf8(value).ok()?.parse().ok()?,
        Format::MessagePack => messagepack::decode(value).ok()?,
    };
    (number <= i64::MAX as u64).then_some(number)
}

impl<'m> Envelope<'m> {
    /// One without members.
    #[inline(always)]
    pub(super) const fn new(codec: Format) -> Self {
        Self { codec, members: [None; 6] }
    }

    /// Whether it says that it is version 2.0.
    #[inline]
    pub(super) fn is_version_2(&self) -> bool {
        match (self.codec, self.members[0]) {
            (Format::Json, Some(b"\"2.0\"")) | (Format::MessagePack, Some(b"\xa32.0")) => true,
            (_, None) => false,
            (codec, Some(version)) => {
                text(codec, version).and_then(|text| text.decode().ok()).is_some_and(|text| text == "2.0")
            }
        }
    }

    /// The name of the procedure.
    #[inline]
    pub(super) fn method(&self) -> Member<Text<'m>> {
        match self.members[1] {
            None => Member::Absent,
            Some(method) => text(self.codec, method).map_or(Member::Bad, Member::Is),
        }
    }

    /// The parameters; null is taken for none.
    #[inline]
    pub(super) fn params(&self) -> Member<&'m [u8]> {
        let Some(params) = self.members[2] else {
            return Member::Absent;
        };
        match (self.codec, params.first()) {
            (Format::Json, Some(b'[' | b'{')) | (Format::MessagePack, Some(0x80..=0x9f | 0xdc..=0xdf)) => {
                Member::Is(params)
            }
            _ if is_null(self.codec, params) => Member::Absent,
            _ => Member::Bad,
        }
    }

    /// Whether there is an id that is longer than it may be.
    pub(super) fn has_long_id(&self) -> bool {
        self.members[3].is_some_and(|id| id.len() > Id::LONGEST)
    }

    /// The id, as it is written: text, a number, or null.
    #[inline]
    pub(super) fn id(&self) -> Member<&'m [u8]> {
        let Some(id) = self.members[3] else {
            return Member::Absent;
        };
        let fits = match (self.codec, id.first()) {
            (Format::Json, Some(b'"' | b'-' | b'0'..=b'9' | b'n')) => true,
            (Format::MessagePack, Some(0..=0x7f | 0xe0..=0xff | 0xc0 | 0xca..=0xd3)) => true,
            (Format::MessagePack, Some(_)) => {
                messagepack_text(id).is_some_and(|text| std::str::from_utf8(text).is_ok())
            }
            _ => false,
        };
        if fits && (id.len() <= Id::LONGEST || weak::is_off("id-length")) {
            Member::Is(id)
        } else {
            Member::Bad
        }
    }

    /// The result of a response.
    pub(super) fn result(&self) -> Option<&'m [u8]> {
        self.members[4]
    }

    /// The error of a response. Null is none, if there is a result.
    pub(super) fn error(&self) -> Option<&'m [u8]> {
        let error = self.members[5]?;
        (self.result().is_none() || !is_null(self.codec, error)).then_some(error)
    }
}

/// The content of a text, if the value is one.
#[inline]
fn text(codec: Format, value: &[u8]) -> Option<Text<'_>> {
    match codec {
        Format::Json => {
            let raw = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            Some(Text { raw, escaped: raw.contains(&b'\\') })
        }
        Format::MessagePack => Some(Text { raw: messagepack_text(value)?, escaped: false }),
    }
}

/// The content of a text of MessagePack that has been checked.
#[inline]
fn messagepack_text(value: &[u8]) -> Option<&[u8]> {
    let head = match value.first()? {
        0xa0..=0xbf => 1,
        0xd9 => 2,
        0xda => 3,
        0xdb => 5,
        _ => return None,
    };
    value.get(head..)
}

/// The elements of a batch, up to a limit.
struct Batch<'m> {
    elements: Vec<Option<Envelope<'m>>>,
    most: usize,
    more: bool,
}

impl<'m> Batch<'m> {
    fn new(most: usize) -> Self {
        Self { elements: Vec::new(), most, more: false }
    }

    fn push(&mut self, element: Option<Envelope<'m>>) {
        if self.elements.len() < self.most {
            self.elements.push(element);
        } else {
            self.more = true;
        }
    }

    fn into_content(self) -> Content<'m> {
        match self {
            Self { more: true, .. } => Content::TooMany,
            Self { elements, .. } if elements.is_empty() => Content::Other,
            Self { elements, .. } => Content::Batch(elements),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_most_clients_write_them_take_the_short_way() {
        for name in ["jsonrpc", "method", "params", "id", "result", "error", "idea", "jsonrp", ""] {
            let written = format!("\"{name}\":");
            let mut cursor = Cursor::new(written.as_bytes());
            let expected = envelope_place(name.as_bytes()).filter(|_| name != "error");
            assert_eq!(usual_place(&mut cursor), expected, "{name}");
            assert_eq!(cursor.end().is_ok(), expected.is_some(), "{name} is passed, or nothing is");
        }
    }
}

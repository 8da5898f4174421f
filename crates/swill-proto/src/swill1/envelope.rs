use super::{DEPTH, LONGEST_NAME};
use crate::{
    Limit, Metadata, MetadataLimits,
    scan::{self, Malformed},
    weak,
};
use std::fmt;

/// The number that a caller gave its request: any integer of MessagePack, whatever its width on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Seq {
    negative: bool,
    bits: u64,
}

impl Seq {
    pub(super) const ZERO: Self = Self::new(0);

    pub(super) const fn new(number: u64) -> Self {
        Self { negative: false, bits: number }
    }

    #[inline]
    pub(super) const fn signed(number: i64) -> Self {
        Self { negative: number < 0, bits: number.cast_unsigned() }
    }

    /// The number, negative ones as they are in 64 bits.
    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.bits
    }

    #[inline]
    pub(super) const fn is_negative(self) -> bool {
        self.negative
    }

    pub(super) const fn as_u64(self) -> Option<u64> {
        if self.negative { None } else { Some(self.bits) }
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative { self.bits.cast_signed().fmt(f) } else { self.bits.fmt(f) }
    }
}

/// Element 3 of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Message,
    EndOfStream,
    Metadata,
    Cancel,
}

/// Element 2 of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseKind {
    Message,
    EndOfStream,
    Metadata,
    Error,
}

/// What a client sends. Nothing in it is decoded, everything is checked: its structure, its nesting, its limits.
#[derive(Debug)]
pub(super) struct Request<'m> {
    pub(super) seq: Seq,
    pub(super) data: &'m [u8],
    /// The name, not yet known to be text.
    pub(super) rpc: &'m [u8],
    pub(super) kind: RequestKind,
    /// A map that is not empty.
    pub(super) metadata: Option<&'m [u8]>,
}

impl<'m> Request<'m> {
    #[inline]
    pub(super) fn read(message: &'m [u8], limits: &MetadataLimits) -> Result<Self, Unusable> {
        let mut reader = Reader { rest: message };
        let elements = reader.array().ok_or(Unusable::NoArray)?;
        if elements < 3 {
            return Err(Unusable::Short);
        }
        let seq = reader.integer().ok_or(Unusable::NoSeq)?;
        let data = reader.value()?;
        let rpc = reader.name()?;
        let mut request = Self { seq, data, rpc, kind: RequestKind::Message, metadata: None };
        if elements > 3 {
            request.kind = match reader.kind()? {
                0 => RequestKind::Message,
                1 => RequestKind::EndOfStream,
                2 => RequestKind::Metadata,
                _ => RequestKind::Cancel,
            };
        }
        if elements > 4 {
            request.metadata = reader.metadata(limits)?;
            reader.surplus(elements - 5)?;
        }
        reader.end()?;
        Ok(request)
    }
}

impl<'m> Request<'m> {
    /// The name as text.
    #[inline]
    pub(super) fn name(&self) -> Result<&'m str, Unusable> {
        std::str::from_utf8(self.rpc).map_err(|_| Unusable::NoRpc)
    }
}

/// What a server sends, checked like a [`Request`].
#[derive(Debug)]
pub(super) struct Response<'m> {
    pub(super) seq: Seq,
    pub(super) data: &'m [u8],
    pub(super) kind: ResponseKind,
    pub(super) leading: Option<&'m [u8]>,
    pub(super) trailing: Option<&'m [u8]>,
}

impl<'m> Response<'m> {
    #[inline]
    pub(super) fn read(message: &'m [u8], limits: &MetadataLimits) -> Result<Self, Unusable> {
        let mut reader = Reader { rest: message };
        let elements = reader.array().ok_or(Unusable::NoArray)?;
        if elements < 2 {
            return Err(Unusable::Short);
        }
        let seq = reader.integer().ok_or(Unusable::NoSeq)?;
        let data = reader.value()?;
        let mut response = Self { seq, data, kind: ResponseKind::Message, leading: None, trailing: None };
        if elements > 2 {
            response.kind = match reader.kind()? {
                0 => ResponseKind::Message,
                1 => ResponseKind::EndOfStream,
                2 => ResponseKind::Metadata,
                _ => ResponseKind::Error,
            };
        }
        if elements > 3 {
            response.leading = reader.metadata(limits)?;
        }
        if elements > 4 {
            response.trailing = reader.metadata(limits)?;
            reader.surplus(elements - 5)?;
        }
        reader.end()?;
        Ok(response)
    }
}

/// What can be known of a message that was refused: its seq and, if it is a request that has one, its rpc.
///
/// # Errors
///
/// Why nothing can be known: there is no usable seq, or the message as a whole is not a value of MessagePack.
#[cold]
pub(super) fn rescue(message: &[u8], why: Unusable) -> Result<(Seq, Option<&str>), Unusable> {
    match scan::messagepack::end(message) {
        Ok(end) if end == message.len() => {}
        Ok(_) => return Err(Unusable::Trailing),
        Err(_) => return Err(Unusable::Malformed),
    }
    let mut reader = Reader { rest: message };
    let elements = reader.array().ok_or(Unusable::NoArray)?;
    if elements == 0 {
        return Err(why);
    }
    let seq = reader.integer().ok_or(Unusable::NoSeq)?;
    if elements < 3 {
        return Ok((seq, None));
    }
    let rpc = scan::messagepack::end(reader.rest).ok().and_then(|end| {
        reader.rest = reader.rest.get(end..)?;
        std::str::from_utf8(reader.name().ok()?).ok()
    });
    Ok((seq, rpc))
}

/// Decodes metadata that was found in a message.
pub(super) fn metadata(written: Option<&[u8]>) -> Result<Option<Box<Metadata>>, Unusable> {
    match written {
        None => Ok(None),
        Some(bytes) => decode_metadata(bytes).map(Some),
    }
}

#[cold]
fn decode_metadata(bytes: &[u8]) -> Result<Box<Metadata>, Unusable> {
    scan::messagepack::decode(bytes).map(Box::new).map_err(|_| Unusable::Metadata)
}

/// Why a message cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Malformed,
    Trailing,
    NoArray,
    NoSeq,
    Short,
    NoRpc,
    LongName,
    NoType,
    Metadata,
    TooManyKeys,
    TooMuchMetadata,
    TooDeep,
}

impl Unusable {
    /// What a person is told. Nothing of the message is in it, so it is short whatever was sent.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "the message is not MessagePack",
            Self::Trailing => "bytes are left over after the message",
            Self::NoArray => "a message is an array",
            Self::NoSeq => "the first element of a message, its seq, is an integer",
            Self::Short => "the message has too few elements",
            Self::NoRpc => "the third element of a message, its rpc, is a string",
            Self::LongName => "the name of a procedure has at most 255 bytes",
            Self::NoType => "the type of a message is 0, 1, 2 or 3",
            Self::Metadata => "metadata is a map with strings as keys, or nil",
            Self::TooManyKeys | Self::TooMuchMetadata => "there is more metadata than is allowed",
            Self::TooDeep => "the message is nested deeper than 64 levels",
        }
    }

    /// Whether the message is right but exceeds a limit.
    pub(super) const fn is_limit(self) -> bool {
        matches!(self, Self::TooManyKeys | Self::TooMuchMetadata | Self::TooDeep)
    }

    /// The limit that the message exceeds.
    pub(super) const fn limit(self) -> Option<Limit> {
        match self {
            Self::LongName => Some(Limit::Name),
            Self::TooManyKeys => Some(Limit::MetadataKeys),
            Self::TooMuchMetadata => Some(Limit::MetadataBytes),
            Self::TooDeep => Some(Limit::Nesting),
            _ => None,
        }
    }
}

impl From<Malformed> for Unusable {
    #[cold]
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::TooDeep => Self::TooDeep,
            _ => Self::Malformed,
        }
    }
}

/// Reads a message from its front.
struct Reader<'m> {
    rest: &'m [u8],
}

impl<'m> Reader<'m> {
    #[inline(always)]
    fn split(&mut self, at: usize) -> Option<&'m [u8]> {
        let (front, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(front)
    }

    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    fn number<const N: usize>(&mut self) -> Option<u64> {
        let digits = self.split(N)?;
        Some(digits.iter().fold(0, |number, &digit| number << 8 | u64::from(digit)))
    }

    /// The head of an array: its number of elements.
    #[inline(always)]
    fn array(&mut self) -> Option<u64> {
        match self.byte()? {
            marker @ 0x90..=0x9f => Some(u64::from(marker & 0x0f)),
            0xdc => self.number::<2>(),
            0xdd => self.number::<4>(),
            _ => None,
        }
    }

    #[inline(always)]
    fn integer(&mut self) -> Option<Seq> {
        match self.byte()? {
            marker @ 0x00..=0x7f => Some(Seq::new(u64::from(marker))),
            marker => self.wide_integer(marker),
        }
    }

    #[inline(never)]
    fn wide_integer(&mut self, marker: u8) -> Option<Seq> {
        Some(match marker {
            0xe0..=0xff => Seq::signed(i64::from(marker.cast_signed())),
            0xcc => Seq::new(self.number::<1>()?),
            0xcd => Seq::new(self.number::<2>()?),
            0xce => Seq::new(self.number::<4>()?),
            0xcf => Seq::new(self.number::<8>()?),
            0xd0 => Seq::signed(i64::from(self.number::<1>()? as i8)),
            0xd1 => Seq::signed(i64::from(self.number::<2>()? as i16)),
            0xd2 => Seq::signed(i64::from(self.number::<4>()? as i32)),
            0xd3 => Seq::signed(self.number::<8>()?.cast_signed()),
            _ => return None,
        })
    }

    /// Any value, as it is written.
    #[inline(always)]
    fn value(&mut self) -> Result<&'m [u8], Malformed> {
        let end = scan::messagepack::skip(self.rest, DEPTH)?;
        self.split(end).ok_or(Malformed::Truncated)
    }

    #[inline(always)]
    fn name(&mut self) -> Result<&'m [u8], Unusable> {
        let length = match self.byte() {
            Some(marker @ 0xa0..=0xbf) => Some(u64::from(marker & 0x1f)),
            Some(0xd9) => self.number::<1>(),
            Some(0xda) => self.number::<2>(),
            Some(0xdb) => self.number::<4>(),
            _ => None,
        };
        let length = length.ok_or(Unusable::NoRpc)?;
        if length > LONGEST_NAME as u64 && !weak::is_off("name-length") {
            return Err(Unusable::LongName);
        }
        self.split(length as usize).ok_or(Unusable::Malformed)
    }

    #[inline(always)]
    fn kind(&mut self) -> Result<u64, Unusable> {
        let number = self.integer().ok_or(Unusable::NoType)?;
        if number.is_negative() || number.bits() > 3 {
            return Err(Unusable::NoType);
        }
        Ok(number.bits())
    }

    #[inline(always)]
    fn metadata(&mut self, limits: &MetadataLimits) -> Result<Option<&'m [u8]>, Unusable> {
        if self.rest.first() == Some(&0xc0) {
            self.rest = &self.rest[1..];
            return Ok(None);
        }
        self.metadata_map(limits)
    }

    #[cold]
    fn metadata_map(&mut self, limits: &MetadataLimits) -> Result<Option<&'m [u8]>, Unusable> {
        let mut head = Reader { rest: self.rest };
        let keys = match head.byte() {
            Some(marker @ 0x80..=0x8f) => Some(u64::from(marker & 0x0f)),
            Some(0xde) => head.number::<2>(),
            Some(0xdf) => head.number::<4>(),
            _ => None,
        };
        let keys = keys.ok_or(Unusable::Metadata)?;
        let map = self.value()?;
        if keys > limits.keys as u64 {
            return Err(Unusable::TooManyKeys);
        }
        if map.len() > limits.bytes {
            return Err(Unusable::TooMuchMetadata);
        }
        Ok((keys > 0).then_some(map))
    }

    #[inline]
    fn surplus(&mut self, elements: u64) -> Result<(), Malformed> {
        for _ in 0..elements {
            self.value()?;
        }
        Ok(())
    }

    #[inline]
    fn end(&self) -> Result<(), Unusable> {
        if self.rest.is_empty() { Ok(()) } else { Err(Unusable::Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seq_is_shown_as_the_number_that_it_is() {
        for (seq, shown) in [
            (Seq::ZERO, "0"),
            (Seq::new(u64::MAX), "18446744073709551615"),
            (Seq::signed(-1), "-1"),
            (Seq::signed(i64::MIN), "-9223372036854775808"),
        ] {
            assert_eq!(format!("{seq:?}"), shown);
        }
    }
}

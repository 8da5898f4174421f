use super::zlib;
use crate::{Format, Kind, Message};
use std::borrow::Cow;

/// What lies between a WebSocket message and the object in it: compression, digits, or nothing.
pub trait Codec: Send + Sync {
    /// How the object is written. The same at all times.
    fn format(&self) -> Format;

    /// Which kind of WebSocket messages is sent.
    fn kind(&self) -> Kind;

    /// The object in a message; `None` if the message cannot be decoded, or if its object would have more than `limit`
    /// bytes. No more than that may be reserved for it.
    fn decode<'m>(&self, message: Message<'m>, limit: usize) -> Option<Cow<'m, [u8]>>;

    /// As [`decode`](Self::decode), and says why not. By default every message that cannot be decoded is malformed.
    ///
    /// # Errors
    ///
    /// The message cannot be decoded, or its object would have more bytes than the limit.
    fn try_decode<'m>(&self, message: Message<'m>, limit: usize) -> Result<Cow<'m, [u8]>, Undecodable> {
        self.decode(message, limit).ok_or(Undecodable::Malformed)
    }

    /// The payload of a message with this object in it. It must be UTF-8 if the kind is text.
    fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]>;
}

/// Why there is no object in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// It is of a kind that is not taken, or its bytes are not what they should be.
    Malformed,
    /// The object has more bytes than it may.
    TooLarge,
}

/// Text: hex digits of zlib of MessagePack.
pub(super) struct HexZlib;

/// Binary: zlib of MessagePack. Text is taken as [`HexZlib`] does.
pub(super) struct Zlib;

/// Text: JSON. Perhaps binary messages are taken, too.
pub(super) struct Json {
    pub(super) binary: bool,
}

impl Codec for HexZlib {
    fn format(&self) -> Format {
        Format::MessagePack
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn decode<'m>(&self, message: Message<'m>, limit: usize) -> Option<Cow<'m, [u8]>> {
        self.try_decode(message, limit).ok()
    }

    fn try_decode<'m>(&self, message: Message<'m>, limit: usize) -> Result<Cow<'m, [u8]>, Undecodable> {
        match message.kind {
            Kind::Text => {
                let bytes = unhex(message.data).ok_or(Undecodable::Malformed)?;
                zlib::inflate(&bytes, limit).map(Cow::Owned)
            }
            Kind::Binary => Err(Undecodable::Malformed),
        }
    }

    fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]> {
        hex(&zlib::deflate(object)).into()
    }
}

impl Codec for Zlib {
    fn format(&self) -> Format {
        Format::MessagePack
    }

    fn kind(&self) -> Kind {
        Kind::Binary
    }

    fn decode<'m>(&self, message: Message<'m>, limit: usize) -> Option<Cow<'m, [u8]>> {
        self.try_decode(message, limit).ok()
    }

    fn try_decode<'m>(&self, message: Message<'m>, limit: usize) -> Result<Cow<'m, [u8]>, Undecodable> {
        match message.kind {
            Kind::Text => HexZlib.try_decode(message, limit),
            Kind::Binary => zlib::inflate(message.data, limit).map(Cow::Owned),
        }
    }

    fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]> {
        zlib::deflate(object).into()
    }
}

impl Codec for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn decode<'m>(&self, message: Message<'m>, _limit: usize) -> Option<Cow<'m, [u8]>> {
        let taken = match message.kind {
            Kind::Text => true,
            Kind::Binary => self.binary && std::str::from_utf8(message.data).is_ok(),
        };
        taken.then_some(message.data.into())
    }

    fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]> {
        object.into()
    }
}

/// The bytes that hex digits of either case stand for; there may be blanks between the bytes.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut rest = text;
    loop {
        match rest {
            [] => return Some(bytes),
            [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, behind @ ..] => rest = behind,
            [high, low, behind @ ..] => {
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                rest = behind;
            }
            [_] => return None,
        }
    }
}

fn digit(digit: u8) -> Option<u8> {
    let value = VALUES[usize::from(digit)];
    (value < 16).then_some(value)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]);
    }
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What each byte is as a digit; 16 for those that are none.
static VALUES: [u8; 256] = {
    let mut values = [16; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        values[DIGITS[value as usize].to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_either_case_and_with_blanks_between_bytes() {
        for (text, expected) in [
            ("", Some(vec![])),
            ("00ff", Some(vec![0, 0xff])),
            ("aBCd", Some(vec![0xab, 0xcd])),
            (" 01 02\n03 ", Some(vec![1, 2, 3])),
            ("0", None),
            ("0 1", None),
            ("0g", None),
            ("0x01", None),
            ("é1", None),
        ] {
            assert_eq!(unhex(text.as_bytes()), expected, "{text}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
    }

    #[test]
    fn both_ways_to_decode_agree() {
        let object = b"\x81\xa4path\xa2/a".repeat(20);
        let damaged = |codec: &dyn Codec| codec.encode(&object)[2..].to_vec();
        for codec in [&HexZlib as &dyn Codec, &Zlib, &Json { binary: true }] {
            let whole = codec.encode(&object).into_owned();
            for (data, limit) in [(&whole, object.len()), (&whole, object.len() - 1), (&damaged(codec), 1000)]
            {
                let message = |kind| Message { kind, data };
                for kind in [Kind::Text, Kind::Binary] {
                    let decoded = codec.decode(message(kind), limit);
                    assert_eq!(decoded, codec.try_decode(message(kind), limit).ok());
                    let comes_back = data == &whole && limit == object.len() && kind == codec.kind();
                    assert!(!comes_back || decoded.is_some_and(|it| *it == *object));
                }
            }
        }
    }
}

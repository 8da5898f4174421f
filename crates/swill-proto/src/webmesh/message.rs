use super::{Dialect, Undecodable, pack};
use crate::{
    Format, Limit, Message, Outgoing, Payload,
    scan::{
        self, Malformed,
        object::{self, Object},
    },
};
use bytes::Bytes;
use serde::Serialize;
use std::{borrow::Cow, ops::Range};

const DATA: &str = "data";

/// A message taken apart: an object, and where in it path and data are.
#[derive(Debug)]
pub(super) struct Envelope<'m> {
    format: Format,
    object: Cow<'m, [u8]>,
    path: Range<usize>,
    /// Empty if there is none.
    data: Range<usize>,
}

/// Takes a message apart. `None` if it cannot be decoded, is no object or has no path.
pub(super) fn open<'m>(
    dialect: &Dialect,
    message: Message<'m>,
    most: usize,
    out: &mut dyn Outgoing,
) -> Option<Envelope<'m>> {
    let exceeded = match dialect.codec().try_decode(message, most) {
        Ok(object) => match Envelope::read(dialect, object) {
            Ok(envelope) => return Some(envelope),
            Err(malformed) => Limit::of(malformed),
        },
        Err(Undecodable::TooLarge) => Some(Limit::Message),
        Err(Undecodable::Malformed) => None,
    };
    if let Some(limit) = exceeded {
        out.exceeded(limit);
    }
    None
}

impl<'m> Envelope<'m> {
    /// Of equal keys the last one counts; other keys are ignored.
    ///
    /// # Errors
    ///
    /// It is no object, or has no path.
    pub(super) fn read(dialect: &Dialect, object: Cow<'m, [u8]>) -> Result<Self, Malformed> {
        let format = dialect.format();
        let (path, data) = match format {
            Format::MessagePack => {
                scan::check(format, &object)?;
                let (mut path, mut data) = (None, None);
                for (key, value) in pack::entries(&object).ok_or(Malformed::Invalid)? {
                    match pack::key(key) {
                        Some(key) if key == dialect.key.as_bytes() => path = Some(value),
                        Some(key) if key == DATA.as_bytes() => data = Some(value),
                        _ => {}
                    }
                }
                (path.ok_or(Malformed::Invalid)?, data)
            }
            Format::Json => {
                let members = Object::read(&object)?;
                (members.get(dialect.key).ok_or(Malformed::Invalid)?, members.get(DATA))
            }
        };
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - object.as_ptr().addr();
            start..start + part.len()
        };
        let (path, data) = (place(path), data.map_or(0..0, place));
        Ok(Self { format, object, path, data })
    }

    /// The path as it is written.
    pub(super) fn written_path(&self) -> &[u8] {
        &self.object[self.path.clone()]
    }

    /// The path, if it is text.
    pub(super) fn path(&self) -> Option<Cow<'_, str>> {
        let written = self.written_path();
        match self.format {
            Format::MessagePack => std::str::from_utf8(pack::text(written)?).ok().map(Cow::Borrowed),
            Format::Json => object::text(written),
        }
    }

    /// The data as it is written; null if there is none.
    pub(super) fn written_data(&self) -> &[u8] {
        if self.data.is_empty() { null(self.format) } else { &self.object[self.data.clone()] }
    }

    /// The data, in the bytes of the message.
    pub(super) fn into_data(self) -> Payload<'m> {
        if self.data.is_empty() {
            return Payload::new(self.format, null(self.format));
        }
        match self.object {
            Cow::Borrowed(object) => Payload::new(self.format, &object[self.data]),
            Cow::Owned(object) => Payload::shared(self.format, Bytes::from(object).slice(self.data)),
        }
    }
}

/// Sends a message whose path and data are written already.
pub(super) fn write(dialect: &Dialect, path: &[u8], data: &[u8], out: &mut dyn Outgoing) {
    let mut object = Vec::with_capacity(dialect.key.len() + path.len() + data.len() + 24);
    match dialect.format() {
        Format::MessagePack => {
            pack::write_map(&mut object, 2);
            object.extend_from_slice(&written(Format::MessagePack, dialect.key));
            object.extend_from_slice(path);
            object.extend_from_slice(b"\xa4data");
        }
        Format::Json => {
            object.push(b'{');
            object.extend_from_slice(&written(Format::Json, dialect.key));
            object.push(b':');
            object.extend_from_slice(path);
            object.extend_from_slice(b",\"data\":");
        }
    }
    object.extend_from_slice(data);
    if dialect.format() == Format::Json {
        object.push(b'}');
    }
    let codec = dialect.codec();
    out.message(codec.kind(), &codec.encode(&object));
}

/// A value in its written form; null if it cannot be written.
pub(super) fn written<T: Serialize + ?Sized>(format: Format, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match Payload::encode_into(format, value, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => null(format).to_vec(),
    }
}

/// Nothing, in its written form.
pub(super) const fn null(format: Format) -> &'static [u8] {
    match format {
        Format::MessagePack => &[0xc0],
        Format::Json => b"null",
    }
}

/// Whether a value is nothing.
pub(super) fn is_null(payload: &Payload<'_>) -> bool {
    payload.bytes().trim_ascii() == null(payload.format())
}

use crate::{Error, Format, Result, scan};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// A value in its written form: bytes and their [`Format`].
///
/// It is decoded when the type is known, once. It borrows from the message it came in until
/// [`into_owned`](Self::into_owned).
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    format: Format,
    data: Data<'a>,
}

#[derive(Clone, Debug)]
enum Data<'a> {
    Borrowed(&'a [u8]),
    /// In a box, because most payloads borrow and all of them are moved.
    Shared(Box<Bytes>),
}

impl<'a> Payload<'a> {
    /// A value that is already written. The bytes must hold exactly one value of that format, checked by
    /// [`scan::check`] if they came from a peer.
    pub const fn new(format: Format, bytes: &'a [u8]) -> Self {
        Self { format, data: Data::Borrowed(bytes) }
    }

    /// How the value is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The written value.
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Borrowed(bytes) => bytes,
            Data::Shared(bytes) => bytes,
        }
    }

    /// The same value with bytes of its own; shared bytes are not copied.
    pub fn into_owned(self) -> Payload<'static> {
        let bytes = match self.data {
            Data::Borrowed(bytes) => Box::new(Bytes::copy_from_slice(bytes)),
            Data::Shared(bytes) => bytes,
        };
        Payload { format: self.format, data: Data::Shared(bytes) }
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// Code 422 if the value does not fit the type; the message says where and why.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        let bytes = self.bytes();
        match self.format {
            Format::MessagePack => {
                scan::messagepack::decode(bytes).or_else(|error| scan::explain(self.format, bytes, &error))
            }
            Format::Json => {
                serde_json::from_slice(bytes).or_else(|error| scan::explain(self.format, bytes, &error))
            }
        }
    }
}

impl Payload<'static> {
    /// Nothing: `nil`, `null`.
    pub const fn null(format: Format) -> Self {
        match format {
            Format::MessagePack => Payload::new(format, b"\xc0"),
            Format::Json => Payload::new(format, b"null"),
        }
    }

    /// A value that is already written, with shared bytes. See [`Payload::new`].
    pub fn shared(format: Format, bytes: Bytes) -> Self {
        Self { format, data: Data::Shared(Box::new(bytes)) }
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// Code 500 if the value cannot be written in that format (a map with keys that are no strings, in JSON).
    pub fn encode<T: Serialize + ?Sized>(format: Format, value: &T) -> Result<Self> {
        let mut bytes = Vec::new();
        Self::encode_into(format, value, &mut bytes)?;
        Ok(Self::shared(format, bytes.into()))
    }

    /// Writes a value at the end of a buffer.
    ///
    /// # Errors
    ///
    /// As [`Payload::encode`]; the buffer may then hold a part of the value.
    #[inline]
    pub fn encode_into<T: Serialize + ?Sized>(format: Format, value: &T, buffer: &mut Vec<u8>) -> Result<()> {
        match format {
            Format::MessagePack => scan::messagepack::encode(value, buffer).map_err(Error::internal),
            Format::Json => scan::json::encode(value, buffer).map_err(Error::internal),
        }
    }
}

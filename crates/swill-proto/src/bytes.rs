//! Bytes as one value, in every format.

use base64::{
    Engine,
    alphabet::STANDARD,
    display::Base64Display,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};
use serde_json::ser::Formatter;
use std::{
    fmt, io,
    ops::{Deref, DerefMut},
};

/// Takes text with and without padding, writes it with.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most that is reserved for bytes that are only announced.
const RESERVE: usize = 4096;

/// Bytes, such as a picture or a signature: what MessagePack has a type of its own for, and what every protocol of Swill
/// writes as base64 text (RFC 4648, section 4) in JSON.
///
/// A `Vec<u8>` is a list of numbers instead, in every format. The JSON Schema is
/// `{"type": "string", "contentEncoding": "base64"}`. A list of numbers from 0 to 255 is taken as well, which is what
/// `serde_json` on its own writes.
///
/// ```
/// use swill_proto::{Bytes, Format, Payload};
///
/// let bytes = Bytes::from([1, 2, 255]);
/// assert_eq!(Payload::encode(Format::Json, &bytes)?.bytes(), br#""AQL/""#);
/// assert_eq!(Payload::encode(Format::MessagePack, &bytes)?.bytes(), [0xc4, 3, 1, 2, 255]);
/// assert_eq!(serde_json::from_str::<Bytes>(r#""AQL/""#)?, bytes);
/// assert_eq!(serde_json::from_str::<Bytes>("[1, 2, 255]")?, bytes);
/// assert_eq!(bytes.iter().max(), Some(&255));
/// # Ok::<(), swill_proto::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// JSON without blanks, in which bytes are base64 text.
///
/// Types that can be written in two ways are written as people read them, in every format, because that is what their
/// schemas describe. So a type cannot ask the format whether it has bytes; the format has to know what to do with them.
pub(crate) struct JsonWithBytes;

impl Formatter for JsonWithBytes {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, to: &mut W, bytes: &[u8]) -> io::Result<()> {
        write!(to, "\"{}\"", Base64Display::new(bytes, &BASE64))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyForm;

        impl<'de> Visitor<'de> for AnyForm {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes (base64 text)")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(bytes.into())
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                BASE64.decode(text).map(Bytes).map_err(|error| E::custom(format_args!("not base64: {error}")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::with_capacity(numbers.size_hint().unwrap_or(0).min(RESERVE));
                while let Some(number) = numbers.next_element::<u8>()? {
                    bytes.push(number);
                }
                Ok(Bytes(bytes))
            }
        }

        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(AnyForm),
            false => deserializer.deserialize_byte_buf(AnyForm),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Bytes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Payload, Value};

    /// serde keeps these in a form of its own before it knows which variant they are.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Number(u32),
        Bytes(Bytes),
    }

    #[test]
    fn bytes_make_the_round_trip_in_every_format() {
        for bytes in [vec![], vec![0], vec![1, 2, 3, 4], (0..=255).collect()] {
            let bytes = Bytes(bytes);
            for format in [Format::Json, Format::MessagePack] {
                let payload = Payload::encode(format, &bytes).unwrap();
                assert_eq!(payload.decode::<Bytes>().unwrap(), bytes);
                let kept = Kept::Bytes(bytes.clone());
                let payload = Payload::encode(format, &kept).unwrap();
                assert_eq!(payload.decode::<Kept>().unwrap(), kept);
            }
            // As others write them, and in the middle of other values.
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
            let packed = rmp_serde::to_vec(&bytes).unwrap();
            assert_eq!(rmp_serde::from_slice::<Bytes>(&packed).unwrap(), bytes);
            let list = Value::List(vec![Value::from(1), Value::Bytes(bytes.0.clone()), Value::Nil]);
            let payload = Payload::encode(Format::Json, &list).unwrap();
            let (_, back, ()) = payload.decode::<(u8, Bytes, ())>().unwrap();
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn other_forms_are_taken_or_explained() {
        assert_eq!(serde_json::from_str::<Bytes>("[1, 255]").unwrap(), Bytes::from([1, 255]));
        assert_eq!(rmp_serde::from_slice::<Bytes>(&[0x92, 1, 0xcc, 255]).unwrap(), Bytes::from([1, 255]));
        assert_eq!(serde_json::from_str::<Bytes>(r#""AQ""#).unwrap(), Bytes::from([1]));
        for (json, why) in
            [(r#""A!""#, "not base64"), ("1", "expected bytes (base64 text)"), ("[256]", "expected u8")]
        {
            let error = serde_json::from_str::<Bytes>(json).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
        let error = rmp_serde::from_slice::<Bytes>(&[0xc3]).unwrap_err().to_string();
        assert!(error.contains("expected bytes"), "{error}");
    }
}

use crate::BoxError;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
    ser::SerializeMap,
};
use std::fmt;

/// Any value, for procedures and clients that take what comes.
///
/// Everything that MessagePack knows goes through unchanged: integers are no floats, bytes are no text, maps may have
/// keys of any kind and keep their order, and extension types such as timestamps keep their tag. What JSON does not know
/// is written there as JSON can: bytes as base64 text, an extension as a list of its tag and bytes.
///
/// ```
/// use swill_proto::Value;
///
/// let value = Value::from_serialize(&("add", [1, 2])).unwrap();
/// assert_eq!(value, Value::from(vec![Value::from("add"), Value::from(vec![Value::from(1), Value::from(2)])]));
/// assert_eq!(value.deserialize::<(String, Vec<u8>)>().unwrap(), ("add".into(), vec![1, 2]));
/// assert_eq!(Value::from([1, 2].len()), Value::Int(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: `nil`, `null`.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// A negative integer, or one that fits.
    Int(i64),
    /// An integer beyond [`i64::MAX`].
    UInt(u64),
    /// A float of 32 bits; only MessagePack tells it from [`Value::Float`].
    Float32(f32),
    /// A float of 64 bits.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A map, in the order of the wire.
    Map(Vec<(Value, Value)>),
    /// A MessagePack extension: its tag and bytes. Tag -1 is a timestamp.
    Extension(i8, Vec<u8>),
}

/// A value that is nested deeper than [`scan::DEPTH`](crate::scan::DEPTH).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep;

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value is nested deeper than 64 levels")
    }
}

impl std::error::Error for TooDeep {}

/// What `rmp-serde` calls the newtype that stands for an extension.
const EXTENSION: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;

/// Never reserve more than this many elements because a peer announced them.
const RESERVE: usize = 4096;

impl Value {
    /// About how many bytes it takes in memory: that of a value for each that is in it, and its text and bytes.
    pub fn weight(&self) -> usize {
        let inside = match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Extension(_, bytes) => bytes.len(),
            Self::List(values) => values.iter().map(Self::weight).sum(),
            Self::Map(entries) => entries.iter().map(|(key, value)| key.weight() + value.weight()).sum(),
            _ => 0,
        };
        size_of::<Self>() + inside
    }

    /// Turns anything that can be serialized into a value.
    ///
    /// # Errors
    ///
    /// Whatever the type's `Serialize` fails with, or [`TooDeep`].
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, BoxError> {
        let mut bytes = Vec::new();
        crate::scan::messagepack::encode(value, &mut bytes)?;
        crate::scan::check(crate::Format::MessagePack, &bytes).map_err(|_| TooDeep)?;
        Ok(crate::scan::messagepack::decode(&bytes)?)
    }

    /// Turns the value into a type of one's own.
    ///
    /// # Errors
    ///
    /// Code 422 if it does not fit.
    pub fn deserialize<T: DeserializeOwned>(&self) -> crate::Result<T> {
        crate::Payload::encode(crate::Format::MessagePack, self)?.decode()
    }

    /// Whether this is [`Value::Nil`].
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The value under a text key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float32(value) => serializer.serialize_f32(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Extension(tag, bytes) => {
                serializer.serialize_newtype_struct(EXTENSION, &(*tag, Blob(bytes)))
            }
        }
    }
}

struct Blob<'a>(&'a [u8]);

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f32<E>(self, value: f32) -> Result<Value, E> {
        Ok(Value::Float32(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(RESERVE));
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(RESERVE));
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let (tag, bytes) = Deserialize::deserialize(deserializer).map(|Tagged(tag, bytes)| (tag, bytes))?;
        Ok(Value::Extension(tag, bytes))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (name, content) = access.variant::<String>()?;
        content.unit_variant()?;
        Ok(Value::Text(name))
    }
}

/// The tag and bytes of an extension, as `rmp-serde` shows them.
struct Tagged(i8, Vec<u8>);

impl<'de> Deserialize<'de> for Tagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Tagged;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an extension's tag and bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Tagged, A::Error> {
                let tag = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let Value::Bytes(bytes) =
                    pair.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?
                else {
                    return Err(de::Error::custom("an extension holds bytes"));
                };
                Ok(Tagged(tag, bytes))
            }
        }
        deserializer.deserialize_any(Pair)
    }
}

macro_rules! from {
    ($($type:ty => |$it:ident| $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($it: $type) -> Self {
                $value
            }
        }
    )*};
}

from! {
    bool => |it| Self::Bool(it);
    i8 => |it| Self::Int(it.into());
    i16 => |it| Self::Int(it.into());
    i32 => |it| Self::Int(it.into());
    i64 => |it| Self::Int(it);
    u8 => |it| Self::Int(it.into());
    u16 => |it| Self::Int(it.into());
    u32 => |it| Self::Int(it.into());
    u64 => |it| i64::try_from(it).map_or(Self::UInt(it), Self::Int);
    isize => |it| Self::Int(it as i64);
    usize => |it| Self::from(it as u64);
    f32 => |it| Self::Float32(it);
    f64 => |it| Self::Float(it);
    &str => |it| Self::Text(it.to_owned());
    String => |it| Self::Text(it);
    Vec<u8> => |it| Self::Bytes(it);
    Vec<Value> => |it| Self::List(it);
    () => |_it| Self::Nil;
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Value {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Any".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

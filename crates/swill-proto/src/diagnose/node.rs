//! The deserializer that watches.

use super::{misfit::Misfit, watch};
use crate::{Expected, Format, Step, Value};
use serde::de::{
    self, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use std::borrow::Cow;

/// A value to decode from.
#[derive(Clone, Copy)]
pub(super) struct Node<'v> {
    value: &'v Value,
    format: Format,
}

/// What the elements of a container are called.
#[derive(Clone, Copy)]
enum Names {
    /// Elements of a list that may be left out.
    Elements,
    /// Elements of a list whose length is fixed.
    Positions,
    /// Fields of a struct that is written as a list.
    Listed(&'static [&'static str]),
    /// Fields of a struct.
    Fields,
    /// Keys of a map.
    Keys,
}

type Result<T> = std::result::Result<T, Misfit>;

impl<'v> Node<'v> {
    pub(super) fn new(value: &'v Value, format: Format) -> Self {
        Self { value, format }
    }

    fn with(self, value: &'v Value) -> Self {
        Self { value, ..self }
    }

    fn typed<'de, V: Visitor<'de>>(self, expected: Expected, names: Names, visitor: V) -> Result<V::Value> {
        self.visit(names, visitor).map_err(|misfit| misfit.wanted(expected, self.value))
    }

    fn visit<'de, V: Visitor<'de>>(self, names: Names, visitor: V) -> Result<V::Value> {
        watch::visit();
        match self.value {
            Value::Nil => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Value::UInt(value) => visitor.visit_u64(*value),
            Value::Float32(value) => visitor.visit_f32(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::Bytes(bytes) => visitor.visit_bytes(bytes),
            Value::List(list) => {
                let mut elements = Elements { node: self, names, rest: list.iter().enumerate() };
                let value = visitor.visit_seq(&mut elements)?;
                match elements.rest.len() {
                    0 => Ok(value),
                    more => Err(de::Error::invalid_length(list.len(), &&*format!("{}", list.len() - more))),
                }
            }
            Value::Map(entries) => visitor.visit_map(Entries {
                node: self,
                names,
                rest: entries.iter().enumerate(),
                entry: None,
            }),
            Value::Extension(tag, bytes) => {
                let pair = Value::List(vec![Value::from(*tag), Value::from(bytes.clone())]);
                visitor.visit_newtype_struct(Node::new(&pair, self.format))
            }
        }
    }
}

macro_rules! typed {
    ($($expected:ident, $names:ident: $($method:ident($($argument:ident: $type:ty),*))*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value> {
            self.typed(Expected::$expected, Names::$names, visitor)
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Misfit;

    typed! {
        Integer, Keys: deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
            deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128();
        Float, Keys: deserialize_f32() deserialize_f64();
        Bool, Keys: deserialize_bool();
        Text, Keys: deserialize_char() deserialize_str() deserialize_string();
        Bytes, Positions: deserialize_bytes() deserialize_byte_buf();
        Other, Keys: deserialize_unit() deserialize_unit_struct(_name: &'static str) deserialize_identifier();
        List, Elements: deserialize_seq();
        List, Positions: deserialize_tuple(_length: usize)
            deserialize_tuple_struct(_name: &'static str, _length: usize);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let names = if matches!(self.value, Value::List(_)) { Names::Elements } else { Names::Keys };
        self.typed(Expected::Other, names, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Nil => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        match self.value {
            // Any other newtype may hold an extension, but is none.
            Value::Extension(_, _) if name == rmp_serde::MSGPACK_EXT_STRUCT_NAME => {
                self.typed(Expected::Other, Names::Keys, visitor)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // A struct with flattened fields asks for a map, but its fields have names.
        let expected = (&visitor as &dyn de::Expected).to_string();
        let names = if expected.starts_with("struct ") { Names::Fields } else { Names::Keys };
        self.typed(Expected::Map, names, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let names = if matches!(self.value, Value::List(_)) { Names::Listed(fields) } else { Names::Fields };
        self.typed(Expected::Map, names, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let result = match self.value {
            Value::Map(entries) if entries.len() == 1 => {
                let (variant, content) = &entries[0];
                visitor.visit_enum(Variant { node: self, variant, content: Some(content) })
            }
            Value::Text(_) | Value::Int(_) => {
                visitor.visit_enum(Variant { node: self, variant: self.value, content: None })
            }
            Value::Nil => Err(de::Error::invalid_type(de::Unexpected::Unit, &visitor)),
            _ => Err(de::Error::custom("is neither the name of a variant nor a map from one to its content")),
        };
        result.map_err(|misfit: Misfit| misfit.wanted(Expected::Other, self.value))
    }

    fn is_human_readable(&self) -> bool {
        // Values are in that form in every format.
        true
    }
}

struct Elements<'v> {
    node: Node<'v>,
    names: Names,
    rest: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
}

impl<'de> SeqAccess<'de> for &mut Elements<'_> {
    type Error = Misfit;

    fn next_element_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        for (index, value) in self.rest.by_ref() {
            let step = match self.names {
                Names::Listed(fields) => match fields.get(index) {
                    Some(field) => Step::Name((*field).into()),
                    None => Step::Index(index),
                },
                _ => Step::Index(index),
            };
            if matches!(self.names, Names::Elements) && watch::leaves_out(&step) {
                continue;
            }
            return watch::inside(step, index, || seed.deserialize(self.node.with(value))).map(Some);
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Entries<'v> {
    node: Node<'v>,
    names: Names,
    rest: std::iter::Enumerate<std::slice::Iter<'v, (Value, Value)>>,
    entry: Option<(Step, usize, &'v Value)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misfit;

    fn next_key_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        for (place, (key, value)) in self.rest.by_ref() {
            let text = key_text(key);
            let fields = matches!(self.names, Names::Fields);
            let step = if fields { Step::Name(text.into()) } else { Step::Key(text.into()) };
            if watch::leaves_out(&step) {
                continue;
            }
            self.entry = Some((step.clone(), place, value));
            let read = || seed.deserialize(Key(self.node.with(key)));
            return if fields { read() } else { watch::inside(step, place, read) }.map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.entry.take() {
            Some((step, place, value)) => {
                watch::inside(step, place, || seed.deserialize(self.node.with(value)))
            }
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// How a key is written in a path.
fn key_text(key: &Value) -> Cow<'_, str> {
    match key {
        Value::Text(text) => Cow::Borrowed(super::short(text)),
        Value::Int(number) => number.to_string().into(),
        Value::UInt(number) => number.to_string().into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Float(number) => number.to_string().into(),
        Value::Float32(number) => number.to_string().into(),
        // These can be as long as the message.
        Value::Nil => "null".into(),
        Value::Bytes(_) => "bytes".into(),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a map".into(),
        Value::Extension(..) => "an extension".into(),
    }
}

/// The key of a map. In JSON it is always text, also where a number is wanted.
struct Key<'v>(Node<'v>);

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match (self.0.value, self.0.format) {
                (Value::Text(text), Format::Json) if let Ok(value) = text.parse::<$type>() => visitor.$visit(value),
                _ => self.0.$method(visitor),
            }
        }
    )*};
}

/// What a key and any other value have alike.
macro_rules! same {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.0.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Misfit;

    parsed! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
        deserialize_bool visit_bool bool;
    }

    same! { deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    serde::forward_to_deserialize_any! {
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant<'v> {
    node: Node<'v>,
    variant: &'v Value,
    content: Option<&'v Value>,
}

impl<'v, 'de> EnumAccess<'de> for Variant<'v> {
    type Error = Misfit;
    type Variant = Content<'v>;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'v>)> {
        let variant = match self.variant {
            Value::Text(text) => {
                let name: StrDeserializer<'_, Misfit> = text.as_str().into_deserializer();
                seed.deserialize(name)?
            }
            other => seed.deserialize(self.node.with(other))?,
        };
        let step = Step::Name(key_text(self.variant).into());
        Ok((variant, Content { step, node: self.content.map(|content| self.node.with(content)) }))
    }
}

struct Content<'v> {
    step: Step,
    node: Option<Node<'v>>,
}

impl Content<'_> {
    fn node(&self) -> Result<Node<'_>> {
        self.node.ok_or_else(|| de::Error::custom("is the name of a variant, whose content is missing"))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<()> {
        match self.node {
            None => Ok(()),
            Some(node) => watch::inside(self.step, 0, || de::Deserialize::deserialize(node)),
        }
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        let node = self.node()?;
        watch::inside(self.step.clone(), 0, || seed.deserialize(node))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        let node = self.node()?;
        watch::inside(self.step.clone(), 0, || node.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let node = self.node()?;
        watch::inside(self.step.clone(), 0, || node.deserialize_struct("", fields, visitor))
    }
}

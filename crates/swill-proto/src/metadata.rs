use crate::{Limit, Value, scan};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use std::fmt;

/// What is said about a call beside its parameters and answer: values under text keys.
///
/// The caller sends metadata when it opens a call; the called sends *leading* metadata before or with the first data and
/// *trailing* metadata at the end.
///
/// ```
/// use swill_proto::Metadata;
///
/// let metadata = Metadata::from([("user", "ann"), ("role", "admin")]);
/// assert_eq!(metadata.get("user").unwrap().as_str(), Some("ann"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(Vec<(Box<str>, Value)>);

/// How much metadata may go with a call, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataLimits {
    /// Keys. 64 by default.
    pub keys: usize,
    /// Bytes as written on the wire. 8 KiB by default.
    pub bytes: usize,
}

impl Default for MetadataLimits {
    fn default() -> Self {
        Self { keys: 64, bytes: 8 << 10 }
    }
}

impl MetadataLimits {
    /// The limit that metadata exceeds, if it does. Its bytes are those that it has in MessagePack.
    ///
    /// ```
    /// use swill_proto::{Limit, Metadata, MetadataLimits};
    ///
    /// let limits = MetadataLimits { keys: 1, bytes: 100 };
    /// assert_eq!(limits.exceeded_by(&Metadata::from([("a", 1)])), None);
    /// assert_eq!(limits.exceeded_by(&Metadata::from([("a", 1), ("b", 2)])), Some(Limit::MetadataKeys));
    /// ```
    pub fn exceeded_by(&self, metadata: &Metadata) -> Option<Limit> {
        if metadata.len() > self.keys {
            return Some(Limit::MetadataKeys);
        }
        let mut bytes = Vec::new();
        let written = scan::messagepack::encode(metadata, &mut bytes).is_ok();
        (written && bytes.len() > self.bytes).then_some(Limit::MetadataBytes)
    }
}

impl Metadata {
    /// No metadata.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a key, in place of what it held.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some(entry) => entry.1 = value,
            None => self.0.push((key, value)),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| &**name == key).map(|(_, value)| value)
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| &**name == key)?;
        Some(self.0.remove(at).1)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.weight()).sum()
    }

    /// The keys and values, in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }
}

impl<K: Into<Box<str>>, V: Into<Value>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut metadata = Self::new();
        for (key, value) in entries {
            metadata.insert(key, value);
        }
        metadata
    }
}

impl<K: Into<Box<str>>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Metadata {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with text keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Metadata, A::Error> {
                let mut metadata = Metadata::new();
                while let Some((Key(key), value)) = entries.next_entry::<Key, Value>()? {
                    metadata.insert(key, value);
                }
                Ok(metadata)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A key: text, and nothing that could be read as text, such as bytes, which `String` would take.
struct Key(Box<str>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text as a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(Key(key.into()))
            }

            fn visit_string<E>(self, key: String) -> Result<Key, E> {
                Ok(Key(key.into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Metadata {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metadata".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

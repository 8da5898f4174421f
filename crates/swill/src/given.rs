use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// A parameter that may be left out, but may not be null: what `#[swill(default)]` makes of one.
///
/// ```
/// use swill::{Given, Module};
///
/// let greetings = Module::new().handle("greet", ["name", "times"], async |name: String, times: Given<usize>| {
///     vec![format!("hello {name}"); times.or(1)].join(" ")
/// });
/// # let _ = greetings;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given<T>(pub Option<T>);

impl<T> Given<T> {
    /// By this name a decoder of parameters knows it.
    pub(crate) const NAME: &str = "$swill::Given";

    /// What was given, or else this.
    pub fn or(self, default: T) -> T {
        self.0.unwrap_or(default)
    }

    /// What was given, or else what this makes.
    pub fn or_else(self, default: impl FnOnce() -> T) -> T {
        self.0.unwrap_or_else(default)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Present<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Present<T> {
            type Value = Given<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a parameter that may be left out")
            }

            fn visit_none<E: de::Error>(self) -> Result<Given<T>, E> {
                Ok(Given(None))
            }

            #[inline]
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Given<T>, D::Error> {
                T::deserialize(deserializer).map(|value| Given(Some(value)))
            }
        }
        deserializer.deserialize_newtype_struct(Self::NAME, Present(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

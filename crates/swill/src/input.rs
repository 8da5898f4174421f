//! How what is on the wire becomes the parameters of a procedure.

use crate::{
    Context, Result, Streaming,
    diagnose::{self, Diagnosis},
    given::Given,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};
use swill_proto::{Error, Format, Parameters, Payload, scan};

/// What a procedure takes from the wire: a tuple of parameters, or one [`Streaming`].
///
/// With one parameter the whole value is that parameter; several come as a list (by position) or a map (by name). In
/// protocols whose parameters are always a list or a map that is so for one, too. Parameters of type `Option` may be
/// left out. Unknown names, missing names and surplus positions are refused with a message that names them.
pub trait Input: Sized + Send + 'static {
    /// Whether it is a stream.
    const STREAMS: bool;
    /// The parameters' names, one for each.
    type Names: AsRef<[&'static str]> + Copy + Send + Sync + 'static;

    /// Takes the parameters out of what came with the call.
    ///
    /// # Errors
    ///
    /// Code 422 if it does not fit; the message says what and where.
    fn take(cx: &mut Context, payload: Option<Payload<'_>>, names: &Self::Names) -> Result<Self>;

    /// The JSON Schemas of the parameters, or of the stream's items.
    fn schemas(generator: &mut SchemaGenerator) -> Vec<Schema>;

    /// Which of the parameters may be left out, in their order. By default, none.
    fn optional() -> Vec<bool> {
        Vec::new()
    }
}

/// What can come over the wire: every type that can be decoded and described. It is implemented by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot come over the wire",
    label = "owned arguments come over the wire",
    note = "derive `serde::Deserialize` and `schemars::JsonSchema` for `{Self}`; if it comes from the server instead, \
            borrow it: `&{Self}`"
)]
pub trait FromWire: DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> FromWire for T {}

impl<T: FromWire> Input for Streaming<T> {
    const STREAMS: bool = true;
    type Names = [&'static str; 1];

    fn take(cx: &mut Context, payload: Option<Payload<'_>>, _: &Self::Names) -> Result<Self> {
        Ok(Streaming::new(cx, payload))
    }

    fn schemas(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<T>()]
    }
}

/// Decodes a list or map of named parameters.
struct Listed<'n, P> {
    names: &'n [&'static str],
    parameters: PhantomData<P>,
}

/// The position of a name among the parameters' names.
struct Name<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a parameter")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<usize, E> {
        self.0.iter().position(|name| *name == text).ok_or_else(|| E::custom("unknown name"))
    }
}

/// What a parameter is that was left out: `None` for an `Option`, an error for everything else.
pub(crate) fn left_out<'de, T: Deserialize<'de>, E: de::Error>() -> Result<T, E> {
    struct LeftOut<E>(PhantomData<E>);
    impl<'de, E: de::Error> Deserializer<'de> for LeftOut<E> {
        type Error = E;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
            Err(E::custom("a parameter is missing"))
        }

        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            visitor.visit_none()
        }

        fn deserialize_newtype_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, E> {
            match name {
                Given::<()>::NAME => visitor.visit_none(),
                _ => self.deserialize_any(visitor),
            }
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
            seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }
    T::deserialize(LeftOut(PhantomData))
}

/// Decodes parameters once more, to say everything that is wrong with them.
trait Diagnose: Sized {
    fn diagnose(parameters: Diagnosis<'_>, error: &dyn fmt::Display) -> Result<Self>;
}

/// Takes the one parameter that is the whole value.
#[inline]
fn whole<T: DeserializeOwned>(payload: &Payload<'_>, name: &'static str) -> Result<T> {
    let decoded = match payload.format() {
        Format::MessagePack => scan::messagepack::decode(payload.bytes()).map_err(|error| error.to_string()),
        Format::Json => serde_json::from_slice(payload.bytes()).map_err(|error| error.to_string()),
    };
    decoded.or_else(|error| diagnose::whole(payload, name, &error))
}

/// Takes parameters out of a list or a map.
#[inline]
fn listed<P>(payload: &Payload<'_>, names: &[&'static str]) -> Result<P>
where
    P: Diagnose,
    for<'n, 'de> Listed<'n, P>: DeserializeSeed<'de, Value = P>,
{
    let seed = Listed { names, parameters: PhantomData };
    let decoded = match payload.format() {
        Format::MessagePack => {
            let mut decoder = scan::messagepack::decoder(payload.bytes());
            seed.deserialize(&mut decoder).map_err(|error| error.to_string())
        }
        Format::Json => {
            let mut decoder = serde_json::Deserializer::from_slice(payload.bytes());
            seed.deserialize(&mut decoder).map_err(|error| error.to_string())
        }
    };
    decoded.or_else(|error| P::diagnose(Diagnosis::of(payload, names)?, &error))
}

macro_rules! tuples {
    (@whole 1, $cx:ident, $payload:ident, $names:ident) => {
        if $cx.parameters() == Parameters::WholeIfSingle {
            return whole(&$payload, $names[0]).map(|value| (value,));
        }
    };
    (@whole $count:tt, $cx:ident, $payload:ident, $names:ident) => {
        let _ = $cx;
    };
    ($($count:tt: $($T:ident $t:ident $at:tt),*;)*) => {$(
        impl<$($T: FromWire),*> Input for ($($T,)*) {
            const STREAMS: bool = false;
            type Names = [&'static str; $count];

            #[inline]
            fn take(cx: &mut Context, payload: Option<Payload<'_>>, names: &Self::Names) -> Result<Self> {
                let payload = payload.unwrap_or(Payload::new(Format::Json, b"null"));
                tuples!(@whole $count, cx, payload, names);
                listed(&payload, names)
            }

            fn schemas(_generator: &mut SchemaGenerator) -> Vec<Schema> {
                vec![$(_generator.subschema_for::<$T>()),*]
            }

            fn optional() -> Vec<bool> {
                vec![$(left_out::<$T, de::value::Error>().is_ok()),*]
            }
        }

        impl<$($T: DeserializeOwned),*> Diagnose for ($($T,)*) {
            #[cold]
            fn diagnose(mut _parameters: Diagnosis<'_>, error: &dyn fmt::Display) -> Result<Self> {
                let parameters = ($(_parameters.take::<$T>($at),)*);
                _parameters.finish(error)?;
                match parameters {
                    ($(Some($t),)*) => Ok(($($t,)*)),
                    #[allow(unreachable_patterns, reason = "not where there are no parameters")]
                    _ => Err(Error::invalid("", error.to_string())),
                }
            }
        }

        impl<'de, $($T: DeserializeOwned),*> DeserializeSeed<'de> for Listed<'_, ($($T,)*)> {
            type Value = ($($T,)*);

            #[inline]
            fn deserialize<De: Deserializer<'de>>(self, deserializer: De) -> Result<Self::Value, De::Error> {
                deserializer.deserialize_any(self)
            }
        }

        impl<'de, $($T: DeserializeOwned),*> Visitor<'de> for Listed<'_, ($($T,)*)> {
            type Value = ($($T,)*);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.names {
                    [] => f.write_str("no parameters"),
                    names => write!(f, "a list or a map of the parameters `{}`", names.join("`, `")),
                }
            }

            #[inline]
            fn visit_seq<Seq: SeqAccess<'de>>(self, mut list: Seq) -> Result<Self::Value, Seq::Error> {
                let value = ($(match list.next_element::<$T>()? {
                    Some(value) => value,
                    None => left_out()?,
                },)*);
                if list.next_element::<IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("too many parameters"));
                }
                Ok(value)
            }

            fn visit_map<Map: MapAccess<'de>>(self, mut map: Map) -> Result<Self::Value, Map::Error> {
                $(let mut $t: Option<$T> = None;)*
                while let Some(at) = map.next_key_seed(Name(self.names))? {
                    match at {
                        $($at if $t.is_none() => $t = Some(map.next_value()?),)*
                        _ => return Err(de::Error::custom("a parameter comes twice")),
                    }
                }
                Ok(($(match $t {
                    Some(value) => value,
                    None => left_out()?,
                },)*))
            }

            fn visit_unit<Er: de::Error>(self) -> Result<Self::Value, Er> {
                Ok(($(left_out::<$T, Er>()?,)*))
            }
        }
    )*};
}

tuples! {
    0: ;
    1: A a 0;
    2: A a 0, B b 1;
    3: A a 0, B b 1, C c 2;
    4: A a 0, B b 1, C c 2, D d 3;
    5: A a 0, B b 1, C c 2, D d 3, E e 4;
    6: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5;
    7: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6;
    8: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7;
    9: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8;
    10: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9;
    11: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10;
    12: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11;
}

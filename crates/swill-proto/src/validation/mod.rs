//! Constraints on values: checked after decoding, and in debug builds before encoding.

mod findings;
mod pattern;
mod values;

pub use findings::Findings;
pub use pattern::Pattern;
pub use values::{Length, Number, Zoned};

use crate::diagnose;
use serde::{de, ser};

/// A type whose values have to hold to more than their type says.
///
/// `#[swill::validate]` implements it, together with `Deserialize` and `Serialize` that ask it. By hand:
///
/// ```
/// use serde::{Deserialize, Deserializer};
/// use swill_proto::validation::{self, Findings, Validate};
///
/// #[derive(Debug)]
/// struct Percent(u8);
///
/// impl Validate for Percent {
///     fn validate(&self, found: &mut Findings<'_>) {
///         found.le(&self.0, 100);
///     }
/// }
///
/// impl<'de> Deserialize<'de> for Percent {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         validation::decoded(Self(u8::deserialize(deserializer)?))
///     }
/// }
///
/// let error = swill_proto::Value::from(101).deserialize::<Percent>().unwrap_err();
/// assert_eq!(error.violations()[0].message, "greater than 100");
/// ```
pub trait Validate {
    /// Whether every bad element of a list or map is told, and not only the first one of each.
    const ALL: bool = false;

    /// Notes everything that does not hold.
    fn validate(&self, found: &mut Findings<'_>);
}

/// A value that has just been decoded, if it holds to its constraints. For implementations of `Deserialize`.
///
/// # Errors
///
/// The first thing that does not hold. It is the error of a decoder, which knows no more than a text; the one that the
/// peer gets says everything.
#[inline]
pub fn decoded<T: Validate, E: de::Error>(value: T) -> Result<T, E> {
    if diagnose::is_on() {
        // Errors go their own way, and decoding goes on, so that everything is found.
        diagnose::check(T::ALL, |found| value.validate(found));
        return Ok(value);
    }
    match first(&value) {
        None => Ok(value),
        Some(broken) => Err(de::Error::custom(broken)),
    }
}

/// Whether a value holds to its constraints before it is encoded. For implementations of `Serialize`, which ask in
/// debug builds.
///
/// # Errors
///
/// The first thing that does not hold.
pub fn encodable<T: Validate, E: ser::Error>(value: &T) -> Result<(), E> {
    first(value).map_or(Ok(()), |broken| Err(ser::Error::custom(broken)))
}

#[inline]
fn first<T: Validate>(value: &T) -> Option<crate::Violation> {
    // One is enough.
    let mut found = Findings::new(false);
    value.validate(&mut found);
    found.into_first()
}

//! Structural checks of values that come from a peer, before anything is decoded.
//!
//! Decoders recurse, and the stack of a thread is 2 MiB: a few hundred bytes of nested arrays would end a debug build.
//! So every value is walked once, without recursion and without memory of its own: its nesting is at most
//! [`DEPTH`], its announced lengths are really there, and it ends where it says.

pub mod json;
pub mod messagepack;
pub(crate) mod object;

use crate::{Error, Format, Value, diagnose::Diagnosis};
use serde::de::DeserializeOwned;
use std::fmt;

/// How deep arrays and maps may be nested in each other: 64.
pub const DEPTH: usize = 64;

/// What is wrong with a value's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// It ends too early, or announces more than there is.
    Truncated,
    /// Arrays and maps are nested deeper than [`DEPTH`].
    TooDeep,
    /// It is no value of that format.
    Invalid,
    /// Something follows after the value.
    Trailing,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the value is cut off",
            Self::TooDeep => "the value is nested deeper than 64 levels",
            Self::Invalid => "the bytes are no value",
            Self::Trailing => "bytes are left over after the value",
        })
    }
}

impl std::error::Error for Malformed {}

/// Checks that the bytes are exactly one value whose nesting is at most [`DEPTH`].
///
/// For JSON only the nesting is looked at; its decoder finds everything else by itself.
///
/// # Errors
///
/// What is wrong.
pub fn check(format: Format, bytes: &[u8]) -> Result<(), Malformed> {
    match format {
        Format::MessagePack => match messagepack::skip(bytes, DEPTH)? {
            end if end == bytes.len() => Ok(()),
            _ => Err(Malformed::Trailing),
        },
        Format::Json => json::check_depth(bytes, DEPTH),
    }
}

/// Decodes once more, to say where and why a value did not fit. See [`Diagnosis`].
///
/// # Errors
///
/// Code 422 with everything that is wrong.
#[cold]
pub(crate) fn explain<T: DeserializeOwned>(
    format: Format,
    bytes: &[u8],
    error: &dyn fmt::Display,
) -> crate::Result<T> {
    match neutral(format, bytes) {
        Some(value) => Diagnosis::of(value, format).into_result(error),
        None => Err(Error::invalid("", format!("the value does not fit: {error}"))),
    }
}

/// A written value in a form that can hold anything. `None` if the bytes are no value.
pub fn neutral(format: Format, bytes: &[u8]) -> Option<Value> {
    match format {
        Format::MessagePack => messagepack::decode(bytes).ok(),
        Format::Json => serde_json::from_slice(bytes).ok(),
    }
}

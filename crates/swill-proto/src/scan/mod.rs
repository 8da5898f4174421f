//! Structural checks of values that come from a peer, before anything is decoded.
//!
//! Decoders recurse, and the stack of a thread is 2 MiB: a few hundred bytes of nested arrays would end a debug build.
//! So every value is walked once, without recursion and without memory of its own: its nesting is at most
//! [`DEPTH`], its announced lengths are really there, and it ends where it says.

pub mod json;
pub mod messagepack;
pub(crate) mod object;

use crate::{Error, Format, Value};
use serde::Deserialize;
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

/// Turns a decoder's error into one that says where and why, by decoding once more from a neutral form.
///
/// The MessagePack decoder says "wrong msgpack marker" for every misfit; decoding again gives the words that JSON users
/// know, and the path. This is the error path: its cost does not matter.
#[cold]
pub(crate) fn explain<T: for<'de> Deserialize<'de>>(
    format: Format,
    bytes: &[u8],
    error: &dyn fmt::Display,
) -> Error {
    let value: Option<serde_json::Value> = match format {
        Format::MessagePack => {
            messagepack::decode::<Value>(bytes).ok().and_then(|value| serde_json::to_value(&value).ok())
        }
        Format::Json => serde_json::from_slice(bytes).ok(),
    };
    let Some(value) = value else {
        return Error::invalid("", format!("the value does not fit: {error}"));
    };
    match serde_path_to_error::deserialize::<_, T>(value) {
        Err(error) => {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            Error::invalid(path, error.inner().to_string())
        }
        // It fits when written as JSON: what differs is bytes, extension types or keys.
        Ok(_) => Error::invalid("", format!("the value does not fit: {error}")),
    }
}

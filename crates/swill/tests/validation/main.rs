//! Constraints, and what is said of everything that does not fit.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../../examples/conformance/validation.rs"]
mod services;

mod answers;
mod constraints;
mod misfits;
mod parameters;
mod recorded;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use swill::{Error, Format, Payload, Result};

/// Decodes a value that was written in a format.
fn decode<T: DeserializeOwned>(format: Format, value: &Json) -> Result<T> {
    Payload::encode(format, value)?.decode()
}

/// Every violation as `path: code: message`.
fn told(error: &Error) -> Vec<String> {
    let violations = error.violations().iter();
    violations.map(|it| format!("{}: {}: {}", it.path_text(), it.rule.code(), it.message)).collect()
}

/// Decodes in both formats and expects the same violations of both.
#[track_caller]
fn refused<T: DeserializeOwned>(value: &Json, expected: &[&str]) {
    for format in [Format::MessagePack, Format::Json] {
        let Err(error) = decode::<T>(format, value) else { panic!("{format}: {value} is taken") };
        assert_eq!(error.code(), swill::Code::INVALID, "{format}: {value}");
        assert_eq!(told(&error), expected, "{format}: {value}: {error:?}");
    }
}

/// Decodes in both formats.
#[track_caller]
fn taken<T: DeserializeOwned>(value: &Json) -> T {
    let [one, _] = [Format::MessagePack, Format::Json].map(|format| match decode::<T>(format, value) {
        Ok(value) => value,
        Err(error) => panic!("{format}: {value}: {error:?} {:?}", told(&error)),
    });
    one
}

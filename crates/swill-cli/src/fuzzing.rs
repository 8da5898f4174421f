//! What the command reads that strangers have written, one door to each reader. For fuzz targets alone, behind the feature
//! `unstable-fuzzing`; it may change in any version.

use crate::{generate, inspect, json, params, source, tap};
use swill_client::Protocol;
use swill_proto::{Side, Value, spec::Spec};

/// Reads a description of an app as it lies in a file. `None` if it is none.
pub fn description(text: &str) -> Option<Spec> {
    source::read(text, "the description").ok()
}

/// The clients that are generated for an app: in TypeScript, in Python, in Rust.
pub fn clients(spec: &Spec) -> [String; 3] {
    generate::everything(spec)
}

/// What `swill inspect` prints of an app, of each of its procedures, and of its modules, without colours.
pub fn pages(spec: &Spec) -> String {
    inspect::everything(spec)
}

/// Reads JSON as people type it, marks for what JSON has not among it. `None` if it is none.
pub fn json(text: &str) -> Option<Value> {
    json::parse(text).ok()
}

/// A value as JSON in one line, which [`json`] reads again.
pub fn line(value: &Value) -> String {
    json::line(value)
}

/// Makes parameters of arguments, for a procedure of an app if it is known. `None` if they make none.
///
/// An argument that names a file reads it.
pub fn parameters(arguments: &[String], known: Option<(&Spec, &str)>, protocol: Protocol) -> Option<Value> {
    let arguments = params::Arguments::given(arguments);
    let known = match known {
        Some((spec, name)) => Some(params::Known { spec, procedure: spec.procedure(name)? }),
        None => None,
    };
    params::parameters(&arguments, known, protocol).ok()
}

/// The lines that `swill tap` shows of the bytes of a connection, in the order in which they were said; as JSON, or for
/// people.
pub fn tapped(said: &[(Side, &[u8])], as_json: bool) -> String {
    tap::shown(said, as_json)
}

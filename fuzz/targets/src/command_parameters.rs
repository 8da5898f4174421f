//! Arguments as people type them, and JSON with marks for what JSON has not.

use std::sync::OnceLock;
use swill_cli::fuzzing::{description, json, line, parameters};
use swill_client::Protocol;
use swill_proto::{Format, Payload, spec::Spec};

/// An app that takes values of every kind.
const KNOWN: &str = include_str!("../../../crates/swill-cli/tests/golden/kinds.json");

pub(crate) fn run(input: &[u8]) {
    static SPEC: OnceLock<Spec> = OnceLock::new();
    let spec = SPEC.get_or_init(|| description(KNOWN).expect("a description"));
    let [choice, text @ ..] = input else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(value) = json(text) {
        let again = json(&line(&value)).expect("what is written can be read");
        assert_eq!(format!("{again:?}"), format!("{value:?}"), "{text}");
    }

    let arguments: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if arguments.iter().any(|argument| argument.contains('@')) {
        // It would be read from a file.
        return;
    }
    let protocol = match choice & 3 {
        0 => Protocol::JsonRpc,
        1 => Protocol::JsonRpcMsgpack,
        _ => Protocol::Swill,
    };
    let procedure = spec.procedures.get(usize::from(choice >> 2));
    let known = procedure.map(|procedure| (spec, procedure.name.as_str()));
    let Some(value) = parameters(&arguments, known, protocol) else { return };
    let format = if protocol == Protocol::JsonRpc { Format::Json } else { Format::MessagePack };
    // What JSON cannot say is refused there, by name.
    if let Err(error) = Payload::encode(format, &value) {
        assert_eq!(format, Format::Json, "{error}");
    }
}

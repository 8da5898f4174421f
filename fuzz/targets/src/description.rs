//! Descriptions of apps, as they lie in files: whatever one says, the clients that are made of it are programs, what is shown
//! of it is harmless text, and the documents that follow from it say the same each time.

use swill_cli::fuzzing::{clients, description, pages};

/// How much longer a program may be than what it is made of, which repeats names.
const FACTOR: usize = 200;

/// How long any program may be.
const ANYWAY: usize = 64 << 10;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(spec) = description(text) else { return };

    let written = serde_json::to_string(&spec).expect("what was read can be written");
    let again = description(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).ok(), Some(written));
    assert_eq!(again.contract_hash(), spec.contract_hash(), "the same contract");
    let _ = (spec.openrpc(), spec.asyncapi());

    let programs = clients(&spec);
    assert_eq!(clients(&spec), programs, "the same clients each time");
    for program in &programs {
        assert!(program.len() <= FACTOR * text.len() + ANYWAY, "{} bytes of program", program.len());
        assert!(is_harmless(program), "{program:?}");
    }
    let [_, _, rust] = &programs;
    if let Err(error) = syn::parse_file(rust) {
        panic!("what is generated is no Rust: {error}\n{rust}");
    }
    assert!(is_harmless(&pages(&spec)), "{:?}", pages(&spec));
}

/// Whether a text does nothing to a terminal.
fn is_harmless(text: &str) -> bool {
    text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'))
}

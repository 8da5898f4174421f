//! Random sequences against the models of a connection and of a client, in great number.

use crate::{
    Result,
    process::{self, cargo},
    report::Outcome,
};
use std::path::Path;

/// How many of each protocol of the server, and of the client. A short run of them is among the unit tests.
const SEQUENCES: u32 = 100_000;

/// Where models are: the package, the tests of its library, how many protocols are tried by themselves, and how many
/// tests share the sequences of each.
const MODELS: [(&str, &str, u32, u32); 2] =
    [("swill", "connection::tests::model", 4, 3), ("swill-client", "model", 1, 4)];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let mut played = 0;
    for (package, tests, protocols, shared_by) in MODELS {
        let mut test = cargo(root);
        test.args(["test", "--release", "--package", package, "--lib", tests]);
        process::run(test.env("SWILL_SEQUENCES", SEQUENCES.div_ceil(shared_by).to_string()))?;
        played += protocols * SEQUENCES;
    }
    Ok(Outcome::Passed(format!("{played} sequences")))
}

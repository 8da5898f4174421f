//! Random sequences against the model of a connection, in great number.

use crate::{
    Result,
    process::{self, cargo},
    report::Outcome,
};
use std::path::Path;

/// How many, of all tests together. A short run of them is among the unit tests.
const SEQUENCES: u32 = 100_000;

/// How many tests share them: `crates/swill/tests/model`.
const TESTS: u32 = 3;

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let mut test = cargo(root);
    test.args(["test", "--release", "--package", "swill", "--lib", "connection::tests::model"]);
    process::run(test.env("SWILL_SEQUENCES", SEQUENCES.div_ceil(TESTS).to_string()))?;
    Ok(Outcome::Passed(format!("{SEQUENCES} sequences")))
}

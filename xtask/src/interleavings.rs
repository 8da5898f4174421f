//! The hand-overs between threads, in every order in which they can happen.

use crate::{
    Result,
    process::{self, cargo},
    report::Outcome,
};
use std::path::Path;

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    process::run(cargo(root).args(["run", "--quiet", "--release", "--package", "swill-interleavings"]))?;
    Outcome::passed()
}

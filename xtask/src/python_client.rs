//! Tests the client for Python (`clients/python`): format, lints, types, tests against the example servers, and the
//! package as users install it.

use crate::{
    Result,
    process::{output, release_example},
    python,
    report::Outcome,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const FOLDER: &str = "clients/python";

const REQUIREMENTS: &str = "clients/python/requirements-dev.txt";

/// What is asked of the sources before anything runs.
const STATIC: &[&[&str]] = &[&["ruff", "format", "--check", "."], &["ruff", "check", "."], &["mypy"]];

const PATIENCE: Duration = Duration::from_secs(900);
const LONG_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Why there is no interpreter for the client.
pub(crate) const MISSING: &str =
    "no Python 3.11 or later that can make virtual environments (apt install python3-venv)";

/// An interpreter with what the client and its tests need. `None` if this machine has none that is new enough.
pub(crate) fn environment(root: &Path) -> Result<Option<PathBuf>> {
    let Some(python) = python::environment(root, "client", REQUIREMENTS)? else { return Ok(None) };
    Ok(is_new_enough(&python)?.then_some(python))
}

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let Some(python) = environment(root)? else {
        return Ok(Outcome::Skipped(MISSING.into()));
    };
    for arguments in STATIC {
        module(root, &python, arguments)?;
    }
    let examples = release_example(root, "scenarios")?;
    let examples = examples.parent().ok_or("the example is in no folder")?;
    let mut tests = Command::new(&python);
    tests.args(["-m", "pytest", "-q"]).current_dir(root.join(FOLDER)).env("SWILL_EXAMPLES", examples);
    let (status, said) = output(&mut tests, PATIENCE)?;
    let tally = said.lines().rev().find(|line| line.contains(" passed")).unwrap_or("no tally").trim();
    match status.success() && tally.contains(" passed") {
        true => Ok(Outcome::Passed(tally.to_owned())),
        false => Err(format!("{status}: {tally}").into()),
    }
}

/// Tries what its tests try with chance so many times.
pub(crate) fn properties(root: &Path, cases: &str) -> Result<Outcome> {
    let Some(python) = environment(root)? else {
        return Ok(Outcome::Skipped(MISSING.into()));
    };
    let mut tests = Command::new(&python);
    // One test takes longer than one usually may.
    let patience = format!("faulthandler_timeout={}", LONG_PATIENCE.as_secs());
    tests.args(["-m", "pytest", "-q", "-o", &patience, "tests/test_fuzz.py"]).current_dir(root.join(FOLDER));
    let (status, said) = output(tests.env("SWILL_FUZZ_CASES", cases), LONG_PATIENCE)?;
    let tally = said.lines().rev().find(|line| line.contains(" passed")).unwrap_or("no tally").trim();
    match status.success() && tally.contains(" passed") {
        true => Ok(Outcome::Passed(format!("{tally}, {cases} cases of each"))),
        false => Err(format!("{status}: {tally}").into()),
    }
}

fn is_new_enough(python: &Path) -> Result<bool> {
    let asked = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
    Ok(Command::new(python).args(asked).status()?.success())
}

/// Runs a tool that is a module of the environment.
fn module(root: &Path, python: &Path, arguments: &[&str]) -> Result {
    let mut command = Command::new(python);
    command.arg("-m").args(arguments).current_dir(root.join(FOLDER));
    let (status, _) = output(&mut command, PATIENCE)?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} failed", arguments.join(" ")).into()),
    }
}

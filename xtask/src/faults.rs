//! The fault tests (`e2e/faults`): networks that lose, delay and break, and servers that are killed, under every client.

use crate::{
    Result, chromium, clients,
    process::{cargo, output, run, target},
    python_client,
    report::{Outcome, Report},
    typescript,
};
use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

const FOLDER: &str = "e2e/faults";

/// Which of the cases are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that show something at once, without a browser.
    Short,
    All,
}

const PATIENCE: Duration = Duration::from_secs(40 * 60);

/// `cargo xtask faults`: all cases; what is said further is handed on.
pub(crate) fn command(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let mut report = Report::new(vec![]);
    report.check("faults", || try_all(root, Extent::All, arguments));
    Ok(report.finish())
}

pub(crate) fn check(root: &Path, extent: Extent) -> Result<Outcome> {
    try_all(root, extent, &[])
}

fn try_all(root: &Path, extent: Extent, arguments: &[String]) -> Result<Outcome> {
    let Some(python) = python_client::environment(root)? else {
        return Ok(Outcome::Skipped(python_client::MISSING.into()));
    };
    let folder = root.join(FOLDER);
    for tool in
        [&["ruff", "format", "--check", "."][..], &["ruff", "check", "."], &["mypy", "--strict", "faults"]]
    {
        run(Command::new(&python).arg("-m").args(tool).current_dir(&folder))?;
    }
    run(cargo(root).args(["build", "--package", "swill-faults"]))?;
    let mut tests = Command::new(&python);
    tests.args(["-m", "faults", "--programs"]).arg(target(root).join("debug"));
    tests.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").arg("--python").arg(&python);
    if clients::has_node() {
        tests.arg("--typescript").arg(typescript::built(root)?.join("dist/index.js"));
    }
    match (extent, chromium::find()) {
        (Extent::Short, _) => drop(tests.arg("--short")),
        (Extent::All, Some(chromium)) => drop(tests.arg("--chromium").arg(chromium)),
        (Extent::All, None) => {}
    }
    let (status, said) = output(tests.args(arguments), PATIENCE)?;
    told(status.success(), &said)
}

/// What came of it, by what the tests said at their end.
fn told(success: bool, said: &str) -> Result<Outcome> {
    let Some(tally) = said.lines().rev().find(|line| line.contains(" held, ")) else {
        return Err("it did not come to its end".into());
    };
    if !success {
        return Err(tally.to_owned().into());
    }
    let reasons: Vec<_> = said.lines().filter(|line| line.contains(" skipped: ")).collect();
    match reasons.is_empty() {
        true => Ok(Outcome::Passed(tally.to_owned())),
        false => Ok(Outcome::Skipped(format!("{tally}; {}", reasons.join("; ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_and_what_has_failed_fails() {
        let told = |success, said: &str| match told(success, said) {
            Ok(Outcome::Passed(note)) => format!("passed: {note}"),
            Ok(Outcome::Skipped(note)) => format!("skipped: {note}"),
            Err(error) => format!("failed: {error}"),
        };
        assert_eq!(
            told(true, "held x\n5 held, 0 failed, 0 skipped\n"),
            "passed: 5 held, 0 failed, 0 skipped"
        );
        assert_eq!(
            told(true, "skipped x\n2 skipped: no root\n5 held, 0 failed, 2 skipped\n"),
            "skipped: 5 held, 0 failed, 2 skipped; 2 skipped: no root"
        );
        assert_eq!(told(false, "5 held, 1 failed, 0 skipped\n"), "failed: 5 held, 1 failed, 0 skipped");
        assert_eq!(told(true, "held x\n"), "failed: it did not come to its end");
    }
}

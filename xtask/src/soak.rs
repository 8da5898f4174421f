//! Uses and abuses a server for a long time (`e2e/soak`).

use crate::{
    Result,
    process::{cargo, output, run, target},
    report::{Outcome, Report},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

/// `cargo xtask soak`: its arguments are those of the program.
pub(crate) fn command(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let mut report = Report::new(vec![]);
    report.check("soak", || checked(root, arguments, DAY));
    Ok(report.finish())
}

/// A run of so long.
pub(crate) fn check(root: &Path, time: Duration) -> Result<Outcome> {
    let minutes = (time.as_secs_f64() / 60.0).to_string();
    checked(root, &["--minutes".into(), minutes], time + Duration::from_secs(300))
}

fn checked(root: &Path, arguments: &[String], within: Duration) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("it asks Linux what a process has".into()));
    }
    run(cargo(root).args(["build", "--release", "--package", "swill-soak"]))?;
    let mut command = Command::new(target(root).join("release/soak"));
    let (status, said) = output(command.args(arguments).current_dir(root), within)?;
    let conditions = |word: &str| -> Vec<String> {
        let lines = said.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    match status.success() {
        true => Ok(Outcome::Passed(conditions("held").join("; "))),
        false => Err(format!("{status}: {}", conditions("FAILED").join("; ")).into()),
    }
}

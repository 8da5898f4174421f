//! Takes everything away from a server and its clients that a machine can run out of (`e2e/exhaustion`).

use crate::{
    Result,
    process::{cargo, output, run, target},
    python,
    report::{Outcome, Report},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(1800);

/// `cargo xtask exhaustion`: its arguments are those of the program.
pub(crate) fn command(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let mut report = Report::new(vec![]);
    report.check("exhaustion", || checked(root, arguments));
    Ok(report.finish())
}

/// All of it, or what takes seconds only.
pub(crate) fn check(root: &Path, short: bool) -> Result<Outcome> {
    let short: &[String] = if short { &["--short".to_owned()] } else { &[] };
    checked(root, short)
}

fn checked(root: &Path, arguments: &[String]) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("it takes away what Linux gives".into()));
    }
    run(cargo(root).args(["build", "--package", "swill-exhaustion"]))?;
    let mut command = Command::new(target(root).join("debug/exhaustion"));
    if let Some(python) = python::environment(root, "client", "clients/python/requirements-dev.txt")? {
        command.env("SWILL_PYTHON", python);
    }
    let (status, said) = output(command.args(arguments), PATIENCE)?;
    let tally = said.lines().next_back().unwrap_or("it said nothing").to_owned();
    let skipped = named(&said, "skipped");
    match (status.success(), tally.starts_with("0 held")) {
        (false, _) => Err(format!("{tally}; failed: {}", named(&said, "FAILED")).into()),
        (true, true) => Ok(Outcome::Skipped(tally)),
        (true, false) if skipped.is_empty() => Ok(Outcome::Passed(tally)),
        (true, false) => Ok(Outcome::Passed(format!("{tally}: {skipped}"))),
    }
}

/// The checks that ended so.
fn named(said: &str, word: &str) -> String {
    let names = said.lines().filter_map(|line| line.strip_prefix(word)?.split_whitespace().next());
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_told_by_how_they_ended() {
        let said = "held    memory   1.0 s  good\nskipped threads  0.0 s  no control groups\nskipped clock\nFAILED  disk  1 s\n";
        assert_eq!(named(said, "skipped"), "threads, clock");
        assert_eq!(named(said, "FAILED"), "disk");
    }
}

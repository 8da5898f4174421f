//! Plays the recorded conversations (`conformance/vectors`) against the conformance server.

use crate::{
    Result,
    process::{Server, output, release_example, run, target},
    report::Outcome,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What the framework does not have yet. Each entry is a name of a case, or a pattern; the runner counts what it leaves
/// out, and refuses a pattern that fits nothing.
const NOT_YET: &[&str] = &[
    // Declarative validation of parameters and items.
    "validate/*",
    "hooks/invalid",
    "stream/valid-items",
    "stream/invalid-item",
    // An app's description of itself.
    "introspect/*",
];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let Some(python) = python(root)? else {
        return Ok(Outcome::Skipped(
            "no Python 3 that can make virtual environments (apt install python3-venv)".into(),
        ));
    };
    let program = release_example(root, "conformance")?;
    let server = Server::start(Command::new(program).args(["--addr", "127.0.0.1:0"]))?;
    let mut runner = Command::new(python);
    runner.arg("conformance/run_vectors.py").current_dir(root).env("PYTHONUNBUFFERED", "1");
    runner.args(["--protocol", "swill1", "--url"]).arg(format!("ws://{}/ws", server.address));
    for pattern in NOT_YET {
        runner.args(["--skip", pattern]);
    }
    let (status, said) = output(&mut runner, Duration::from_secs(900))?;
    server.stop()?;
    let tally = said.lines().rev().find(|line| line.ends_with(" failed")).unwrap_or("no tally").to_owned();
    let skipped = said.lines().rev().find(|line| line.starts_with("skipped: ")).unwrap_or("skipped: nothing");
    match status.success() {
        true => Ok(Outcome::Passed(format!("swill/1: {tally}; {skipped}"))),
        false => Err(format!("swill/1: {tally}").into()),
    }
}

/// The interpreter of a virtual environment with what the runner needs, made if it is not there.
fn python(root: &Path) -> Result<Option<PathBuf>> {
    let requirements = root.join("conformance/requirements.txt");
    let folder = target(root).join("python-conformance");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted = fs::read_to_string(&requirements)?;
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(python));
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
    if !made.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements))?;
    fs::write(&stamp, wanted)?;
    Ok(Some(python))
}

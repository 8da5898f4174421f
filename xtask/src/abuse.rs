//! The attacks on a server (`e2e/abuse`), on debug and release builds of it.

use crate::{
    Result,
    process::{self, cargo, target},
    report::Outcome,
};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// How the attacked server is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    Debug,
    Release,
}

/// Builds everything, and runs the attacks that `arguments` choose: on both builds unless `--debug` or `--release` is
/// among them.
pub(crate) fn command(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let is = |name: &str| arguments.iter().any(|argument| argument == name);
    let builds = match (is("--debug"), is("--release")) {
        (true, false) => &[Build::Debug][..],
        (false, true) => &[Build::Release],
        _ => &[Build::Debug, Build::Release],
    };
    let rest: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|it| !matches!(*it, "--debug" | "--release")).collect();
    if rest.iter().any(|argument| matches!(*argument, "--help" | "-h" | "--list")) {
        let status = process::status(abuse(root)?.args(rest))?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut holds = true;
    for build in builds {
        holds &= process::status(attack(root, *build)?.args(&rest))?.success();
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All attacks on one build, with a part of their numbers: a fifth, say, where there is no time for more.
pub(crate) fn check(root: &Path, build: Build, part: u32) -> Result<Outcome> {
    process::run(attack(root, build)?.arg("--divide").arg(part.to_string()))?;
    Outcome::passed()
}

/// Whether the attacks notice that defences are missing: on servers built with switches for them.
pub(crate) fn self_test(root: &Path) -> Result<Outcome> {
    let folder = target(root).join("weak");
    let packages = ["--package", "swill-abuse", "--package", "swill-abused"];
    let mut build = cargo(root);
    build.env("RUSTFLAGS", "--cfg swill_weak").arg("build").args(packages).arg("--target-dir").arg(&folder);
    process::run(&mut build)?;
    let built = folder.join("debug");
    let mut test = Command::new(built.join("abuse"));
    process::run(test.args(["--self-test", "--build", "debug", "--binary"]).arg(built.join("abused")))?;
    Outcome::passed()
}

/// The program that attacks, which has to be fast itself, and what it brings along to be attacked.
fn abuse(root: &Path) -> Result<Command> {
    process::run(cargo(root).args([
        "build",
        "--release",
        "--package",
        "swill-abuse",
        "--package",
        "swill-abused",
    ]))?;
    Ok(Command::new(target(root).join("release/abuse")))
}

/// The same, told what to attack.
fn attack(root: &Path, build: Build) -> Result<Command> {
    let mut abuse = abuse(root)?;
    let (options, folder): (&[&str], _) = match build {
        Build::Debug => (&[], "debug"),
        Build::Release => (&["--release"], "release"),
    };
    let example = ["build", "--package", "swill-examples", "--example", "conformance"];
    process::run(cargo(root).args(example).args(options))?;
    abuse
        .arg("--binary")
        .arg(target(root).join(folder).join("examples/conformance"))
        .args(["--build", folder]);
    Ok(abuse)
}

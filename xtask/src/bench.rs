//! Builds what is measured, and measures it (see `bench/README.md`).

use crate::{
    Result,
    process::{self, cargo, release_example},
};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let swill = release_example(root, "conformance")?;
    let bench = root.join("bench");
    // A target folder of its own, where `measure.py` looks for the peers.
    process::run(cargo(&bench).args(["build", "--release"]).env_remove("CARGO_TARGET_DIR"))?;
    let (script, arguments) = match arguments {
        [first, rest @ ..] if first == "--instructions" => ("instructions.py", rest),
        all => ("measure.py", all),
    };
    let mut measure = Command::new("python3");
    measure
        .arg(script)
        .args(arguments)
        .current_dir(&bench)
        .env_remove("CARGO_TARGET_DIR")
        .env("SWILL", swill);
    process::run(&mut measure)?;
    Ok(ExitCode::SUCCESS)
}

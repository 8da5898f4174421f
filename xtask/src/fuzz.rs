//! Runs every fuzz target for a while.

use crate::{
    Result,
    process::{self, exists},
    report::{Outcome, Report},
};
use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let seconds = match arguments {
        [] => 60,
        [seconds] => seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?,
        _ => return Err("usage: cargo xtask fuzz [SECONDS]".into()),
    };
    run_all(root, seconds)
}

fn run_all(root: &Path, seconds: u32) -> Result<ExitCode> {
    if !exists("cargo-fuzz", "--version") {
        println!("cargo-fuzz is not installed: installing it");
        process::run(Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let mut targets: Vec<String> = fs::read_dir(root.join("fuzz/fuzz_targets"))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    let mut report = Report::new(vec![]);
    for target in targets {
        // A name lives as long as the report, which lives as long as the program.
        let name: &'static str = target.leak();
        report.check(name, || fuzz(root, name, seconds));
    }
    Ok(report.finish())
}

fn fuzz(root: &Path, name: &str, seconds: u32) -> Result<Outcome> {
    let corpus = root.join("fuzz/corpus").join(name);
    fs::create_dir_all(&corpus)?;
    let mut command = Command::new("cargo");
    // The sanitizer needs flags that a stable compiler takes only when it is told to.
    command.current_dir(root).env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", name]).arg(&corpus);
    let seeds = root.join("fuzz/seeds").join(name);
    if seeds.exists() {
        command.arg(seeds);
    }
    process::run(command.arg("--").arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1"))?;
    Ok(Outcome::Passed(format!("{seconds} s of fuzzing, nothing found")))
}

//! Whether the tests of the protocols' machines notice changes of them.
//!
//! Takes hours, which `--shard K/N` divides. What may survive, because it changes nothing that anybody could see, is in
//! `mutants.txt`, with its reason.

use crate::{
    Result,
    process::{cargo, output, target},
    report::Outcome,
};
use std::{fs, path::Path, process::Stdio, time::Duration};

/// What is changed: the package that is tested, the tests that are run, the files.
const MACHINES: &[(&str, &[&str], &[&str])] = &[
    (
        "swill-proto",
        &["--lib", "--test", "proto"],
        &["swill1/*.rs", "jsonrpc/*.rs", "events/*.rs", "webmesh/*.rs", "scan/*.rs", "recent.rs"],
    ),
    (
        "swill-ws",
        &["--tests", "--lib"],
        &[
            "reader.rs",
            "partial.rs",
            "writer.rs",
            "header.rs",
            "mask.rs",
            "input.rs",
            "close.rs",
            "handshake.rs",
            "deflate/*.rs",
        ],
    ),
];

/// Mutants that may survive: one in a line, as `cargo mutants` names it but for its place in the file, and ` # ` and why.
const KNOWN: &str = "xtask/mutants.txt";

/// Tries all mutants, or of `K/N` those that are the `K`th of each `N`.
pub(crate) fn check(root: &Path, shard: Option<&str>) -> Result<Outcome> {
    let mut version = cargo(root);
    version.args(["mutants", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status()?.success() {
        return Ok(Outcome::Skipped("cargo-mutants is not installed (cargo install cargo-mutants)".into()));
    }
    let kept = fs::read_to_string(root.join(KNOWN))?;
    let mut known = known(&kept)?;
    let (mut caught, mut survived, mut strangers) = (0, 0, Vec::new());
    for (package, tests, files) in MACHINES {
        let folder = target(root).join("mutants").join(package);
        fs::create_dir_all(&folder)?;
        let mut mutants = cargo(root);
        mutants.args(["mutants", "--package", package, "--test-package", package, "--timeout", "60"]);
        for file in *files {
            mutants.arg("--file").arg(format!("crates/{package}/src/{file}"));
        }
        if let Some(shard) = shard {
            mutants.args(["--sharding", "round-robin", "--shard", shard]);
        }
        mutants.arg("--output").arg(&folder).arg("--").args(*tests);
        mutants
            .env_remove("CARGO_TARGET_DIR")
            .env("PROPTEST_CASES", "64")
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        let (status, _) = output(&mut mutants, Duration::from_secs(24 * 3600))?;
        // 2: some were missed; 3: some made tests take too long, which is noticed.
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            return Err(format!("cargo mutants ended with {status}").into());
        }
        let lines = |name: &str| fs::read_to_string(folder.join("mutants.out").join(name));
        caught += lines("caught.txt")?.lines().count() + lines("timeout.txt")?.lines().count();
        for mutant in lines("missed.txt")?.lines() {
            survived += 1;
            // A line is for one: two that read the same need two.
            match known.iter().position(|known| *known == without_place(mutant)) {
                Some(line) => drop(known.swap_remove(line)),
                None => strangers.push(mutant.to_owned()),
            }
        }
    }
    if !strangers.is_empty() {
        return Err(
            format!("no test notices, and {KNOWN} does not say why:\n{}", strangers.join("\n")).into()
        );
    }
    // Where all were tried, what is left is an excuse for nothing, which another could take for itself one day.
    if shard.is_none() && !known.is_empty() {
        return Err(
            format!("{KNOWN} names what tests notice, or what is no more:\n{}", known.join("\n")).into()
        );
    }
    Ok(Outcome::Passed(format!("{caught} caught, {survived} survived for known reasons")))
}

/// The mutants that are known to survive.
fn known(kept: &str) -> Result<Vec<String>> {
    let lines = kept.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known = lines.map(|line| match line.split_once(" # ") {
        Some((mutant, reason)) if !reason.trim().is_empty() => Ok(mutant.trim().to_owned()),
        _ => Err(format!("{KNOWN}: no reason for `{line}`").into()),
    });
    known.collect()
}

/// `FILE:LINE:COLUMN: WHAT` without line and column, which change with every other change.
fn without_place(mutant: &str) -> String {
    let mut parts = mutant.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(what)) => format!("{file}:{what}"),
        _ => mutant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_known_wherever_it_is_in_its_file() {
        assert_eq!(
            without_place("a/b.rs:12:3: replace < with == in a::b"),
            "a/b.rs: replace < with == in a::b"
        );
        let kept = "# why\n\na/b.rs: replace < with == in a::b # both are empty\n";
        assert_eq!(known(kept).expect("it has a reason"), ["a/b.rs: replace < with == in a::b"]);
        assert!(known("a/b.rs: replace < with == in a::b").is_err());
    }
}

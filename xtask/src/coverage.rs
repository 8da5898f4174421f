//! How much of the machines below everything is run by their own tests.

use crate::{
    Result,
    process::{cargo, exists, output, target},
    report::Outcome,
};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Of the lines of each of these crates, so many percent at least.
const LEAST: f64 = 95.0;

const CRATES: [&str; 2] = ["swill-ws", "swill-proto"];

/// What looks at the sources and at cargo, and finds there what the instruments put in.
const NOT_RUN: &str = "sources_know_no_io";

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    if !exists("cargo-tarpaulin", "--version") {
        return Ok(Outcome::Skipped(
            "cargo-tarpaulin is not installed (cargo install cargo-tarpaulin)".into(),
        ));
    }
    let folder = target(root).join("coverage");
    let mut tarpaulin = cargo(root);
    tarpaulin.args(["tarpaulin", "--engine", "llvm", "--skip-clean", "--no-fail-fast", "--timeout", "600"]);
    // Instruments make property tests slow, and few cases run the same lines.
    tarpaulin.env("PROPTEST_CASES", "16").arg("--target-dir").arg(&folder);
    for name in CRATES {
        tarpaulin.args(["--package", name]);
    }
    tarpaulin.args(["--features", "swill-proto/schemars", "--lib"]);
    for name in CRATES {
        for test in tests(&root.join("crates").join(name).join("tests"))? {
            tarpaulin.args(["--test", &test]);
        }
    }
    tarpaulin.args(["--", "--skip", NOT_RUN]);
    let (status, said) = output(&mut tarpaulin, Duration::from_secs(3600))?;
    if !status.success() {
        return Err(format!("cargo tarpaulin ended with {status}").into());
    }
    let covered = covered(&said);
    let mut tally = Vec::new();
    let mut enough = true;
    for name in CRATES {
        let (run, all) = covered.get(name).copied().unwrap_or_default();
        let percent = 100.0 * f64::from(run) / f64::from(all.max(1));
        enough &= percent >= LEAST;
        tally.push(format!("{name}: {run} of {all} lines, {percent:.1} %"));
    }
    let tally = tally.join("; ");
    if enough { Ok(Outcome::Passed(tally)) } else { Err(format!("less than {LEAST} %: {tally}").into()) }
}

/// The programs of tests in a folder: files, and folders with a `main.rs`.
fn tests(folder: &Path) -> Result<Vec<String>> {
    let mut tests = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").exists() {
            tests.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    tests.sort();
    Ok(tests)
}

/// The lines that were run and all lines, of each crate, out of the lines `|| crates/NAME/src/FILE: RUN/ALL`.
fn covered(said: &str) -> BTreeMap<&str, (u32, u32)> {
    let mut covered = BTreeMap::<_, (u32, u32)>::new();
    for line in said.lines() {
        let Some((name, rest)) = line.strip_prefix("|| crates/").and_then(|it| it.split_once("/src/")) else {
            continue;
        };
        let numbers = rest.split_once(": ").and_then(|(_, it)| it.split_whitespace().next()?.split_once('/'));
        if let Some((Ok(run), Ok(all))) = numbers.map(|(run, all)| (run.parse::<u32>(), all.parse::<u32>())) {
            let sum = covered.entry(name).or_default();
            *sum = (sum.0 + run, sum.1 + all);
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_tests_is_found() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("crates");
        assert_eq!(tests(&crates.join("swill-proto/tests")).expect("it is there"), ["proto"]);
        let of_frames = tests(&crates.join("swill-ws/tests")).expect("it is there");
        for (name, is_one) in [("deflate", true), ("memory", true), ("common", false)] {
            assert_eq!(of_frames.iter().any(|it| it == name), is_one, "{name}");
        }
    }

    #[test]
    fn lines_are_summed_for_each_crate() {
        let said = "|| Tested/Total Lines:\n|| crates/swill-ws/src/mask.rs: 30/40 +0.00%\n\
                    || crates/swill-ws/src/a/b.rs: 5/5\n|| crates/swill-proto/src/lib.rs: 0/1\n80.00% coverage";
        let expected = [("swill-proto", (0, 1)), ("swill-ws", (35, 45))];
        assert_eq!(covered(said).into_iter().collect::<Vec<_>>(), expected);
    }
}

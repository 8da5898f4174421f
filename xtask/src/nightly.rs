//! What takes too long for every change, and has to hold all the same: every long test there is, with one command.

use crate::{
    Result, abuse, coverage, exhaustion, faults, fuzz, interleavings, minimal_versions, mutants,
    process::{self, cargo},
    python_client,
    report::{Outcome, Report},
    sequences, soak, typescript,
};
use std::{path::Path, process::ExitCode, time::Duration};

/// How long a check runs that could go on for ever, unless `--for` says something else.
const A_WHILE: Duration = Duration::from_secs(30 * 60);

/// How often is tried what is tried with chance.
const CASES: &str = "100000";

/// All checks, quick ones first. `time` is for each of those that could go on for ever, `shard` for those that can be
/// divided among nights or machines.
fn run_checks(root: &Path, report: &mut Report, time: Duration, shard: Option<&str>) {
    report.check("abuse-debug", || abuse::check(root, abuse::Build::Debug, 1));
    report.check("abuse-release", || abuse::check(root, abuse::Build::Release, 1));
    report.check("abuse-self-test", || abuse::self_test(root));
    report.check("faults", || faults::check(root, faults::Extent::All));
    report.check("interleavings", || interleavings::check(root));
    report.check("sequences", || sequences::check(root));
    report.check("coverage", || coverage::check(root));
    report.check("mutants", || mutants::check(root, shard));
    report.check("minimal-versions", || minimal_versions::check(root));
    report.check("exhaustion", || exhaustion::check(root, false));
    report.check("soak", || soak::check(root, time));
    report.check("properties", || properties(root));
    report.check("properties-typescript", || typescript::properties(root, CASES));
    report.check("properties-python", || python_client::properties(root, CASES));
    report.check("fuzz", || fuzz::check(root, time));
}

/// Everything that is tried with chance, as often as a night allows: the machines against other implementations, and the
/// fuzz targets without libFuzzer.
fn properties(root: &Path) -> Result<Outcome> {
    let mut properties = cargo(root);
    properties.args(["test", "--release", "--package", "swill-ws", "--package", "swill-proto"]);
    process::run(properties.env("PROPTEST_CASES", CASES))?;
    let mut targets = cargo(root);
    targets.args(["test", "--release", "--package", "swill-fuzz-targets"]);
    process::run(targets.env("SWILL_FUZZ_CASES", CASES))?;
    Ok(Outcome::Passed(format!("{CASES} cases of each")))
}

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let (mut names, mut time, mut shard, mut list) = (vec![], A_WHILE, None, false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => list = true,
            "--for" => time = minutes(arguments.next())?,
            "--shard" => shard = Some(a_shard(arguments.next())?),
            option if option.starts_with('-') => {
                return Err(format!(
                    "there is no option `{option}`; usage: cargo xtask nightly [--list] [--for MINUTES] \
                     [--shard K/N] [NAME...]"
                )
                .into());
            }
            name => names.push(name.to_owned()),
        }
    }
    let mut all = Report::dry();
    run_checks(root, &mut all, time, shard);
    if list {
        all.names().iter().for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = names.iter().find(|name| !all.names().contains(&name.as_str())) {
        return Err(format!("there is no check `{unknown}`; there are {}", all.names().join(", ")).into());
    }
    let mut report = Report::new(names);
    run_checks(root, &mut report, time, shard);
    Ok(report.finish())
}

fn minutes(argument: Option<&String>) -> Result<Duration> {
    let argument = argument.ok_or("`--for` needs a number of minutes")?;
    let minutes = argument.parse().ok().filter(|minutes: &f64| *minutes > 0.0);
    let minutes = minutes.ok_or_else(|| format!("`{argument}` is no number of minutes"))?;
    Duration::try_from_secs_f64(60.0 * minutes)
        .map_err(|_| format!("`{argument}` minutes are too many").into())
}

/// `K/N`: the part of this number, from 0, of so many.
fn a_shard(argument: Option<&String>) -> Result<&str> {
    let argument = argument.ok_or("`--shard` needs K/N")?;
    let parts =
        argument.split_once('/').and_then(|(k, n)| Some((k.parse::<u32>().ok()?, n.parse::<u32>().ok()?)));
    match parts {
        Some((part, parts)) if part < parts => Ok(argument),
        _ => Err(format!("`{argument}` is no part K/N, with K from 0 to N - 1").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_0() {
        for good in ["0/1", "3/4"] {
            assert_eq!(a_shard(Some(&good.to_owned())).ok(), Some(good));
        }
        for bad in ["", "1", "4/4", "0/0", "-1/4", "1/4/9", "a/b"] {
            assert!(a_shard(Some(&bad.to_owned())).is_err(), "{bad}");
        }
        assert!(a_shard(None).is_err());
    }
}

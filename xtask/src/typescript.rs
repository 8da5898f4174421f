//! The TypeScript client: its types, its style, its tests against the real server in Node and in a browser, and the package
//! as users get it.

use crate::{
    Result, chromium, clients,
    docs_page::{install, mirror},
    process::{cargo, output, run, target},
    report::Outcome,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The client, and the list that it plays. They keep their places to each other.
const CLIENT: &str = "clients/typescript";
const SCENARIOS: &str = "conformance/scenarios";

/// The servers of the tests.
const SERVERS: [&str; 2] = ["conformance", "scenarios"];

const PATIENCE: Duration = Duration::from_secs(10 * 60);
const LONG_PATIENCE: Duration = Duration::from_secs(60 * 60);

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    if !clients::has_node() {
        return Ok(Outcome::Skipped(clients::NO_NODE.into()));
    }
    let client = built(root)?;
    run(Command::new("npm").args(["run", "--silent", "lint"]).current_dir(&client))?;
    let servers = servers(root)?;
    let chromium = chromium::find();
    let mut tests = Command::new("npm");
    tests.args(["run", "--silent", "test"]).current_dir(&client).env("SWILL_EXAMPLES", servers);
    if let Some(program) = &chromium {
        tests.env("SWILL_CHROMIUM", program);
    }
    let (status, said) = output(&mut tests, PATIENCE)?;
    let passed = passed(status.success(), &said)?;
    match chromium {
        Some(_) => Ok(Outcome::Passed(format!("{passed} tests, in Node and in Chromium"))),
        None => Ok(Outcome::Skipped(format!(
            "{passed} tests passed; not tried in a browser: {}",
            chromium::MISSING
        ))),
    }
}

/// Tries what its tests try with chance so many times.
pub(crate) fn properties(root: &Path, cases: &str) -> Result<Outcome> {
    if !clients::has_node() {
        return Ok(Outcome::Skipped(clients::NO_NODE.into()));
    }
    let client = built(root)?;
    run(Command::new("npm").args(["run", "--silent", "build:test"]).current_dir(&client))?;
    let mut tests = Command::new("node");
    tests.args(["--test", "test/dist/test/unit/fuzz.test.js"]).current_dir(&client);
    let (status, said) = output(tests.env("SWILL_FUZZ_CASES", cases), LONG_PATIENCE)?;
    let passed = passed(status.success(), &said)?;
    Ok(Outcome::Passed(format!("{passed} tests, {cases} cases of each")))
}

/// Copies the client and builds it; tells where.
pub(crate) fn built(root: &Path) -> Result<PathBuf> {
    let copy = target(root).join("typescript");
    for folder in [CLIENT, SCENARIOS] {
        mirror(&root.join(folder), &copy.join(folder))?;
    }
    let client = copy.join(CLIENT);
    install(&client, &[])?;
    run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&client))?;
    Ok(client)
}

/// Builds the servers of the tests, and tells in which folder they are.
fn servers(root: &Path) -> Result<PathBuf> {
    let examples = SERVERS.iter().flat_map(|name| ["--example", name]);
    run(cargo(root).args(["build", "--package", "swill-examples"]).args(examples))?;
    Ok(target(root).join("debug/examples"))
}

/// How many tests passed, by what Node's test runner said at its end, or why that is not good enough.
fn passed(success: bool, said: &str) -> std::result::Result<usize, String> {
    // `# pass 5`, or the same with another mark.
    let count = |word: &str| {
        let line = said.lines().rev().find_map(|line| line.split_once(&format!(" {word} ")));
        line.filter(|(mark, _)| mark.chars().count() == 1).and_then(|(_, count)| count.trim().parse().ok())
    };
    match (count("pass"), count("fail")) {
        (Some(0), _) => Err("it tested nothing".into()),
        (Some(passed), Some(0)) if success => Ok(passed),
        (_, Some(failed @ 1..)) => Err(format!("{failed} tests failed")),
        _ => Err("it did not come to its end".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_pass_if_there_are_some_and_they_come_to_their_end() {
        for (success, said, expected) in [
            (true, "# tests 5\n# pass 5\n# fail 0\n", Ok(5)),
            (true, "\u{2139} pass 7\n\u{2139} fail 0\n", Ok(7)),
            (true, "# pass 0\n# fail 0\n", Err("it tested nothing")),
            (false, "# pass 4\n# fail 1\n", Err("1 tests failed")),
            (false, "# pass 4\n# fail 0\n", Err("it did not come to its end")),
            (true, "", Err("it did not come to its end")),
        ] {
            assert_eq!(passed(success, said), expected.map_err(str::to_owned), "{said}");
        }
    }
}

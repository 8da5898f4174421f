//! Runs the examples that end by themselves, and looks at what they print.

use crate::{
    Result,
    process::{cargo, output, run, target},
    report::Outcome,
};
use std::{path::Path, process::Command, time::Duration};

/// An example, and a line of its output that shows that it has done its work.
const EXAMPLES: &[(&str, &str)] = &[
    ("quickstart", "total of 1, 2, 3 = 6"),
    ("both_ways", "the room is painted, north: red, south: yellow"),
    ("auth", "ann: hello ann"),
    ("observed", "the trace is 0af7651916cd43dd8448eb211c80319c"),
    ("configured", "100 bytes: 100 came back"),
    ("axum_mount", "add(1, 2) = 3"),
    ("protocol_of_ones_own", "divide 7 2: ok 3.5"),
];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    run(cargo(root).args(["build", "--package", "swill-examples", "--examples"]))?;
    for (name, wanted) in EXAMPLES {
        let mut example = Command::new(target(root).join("debug/examples").join(name));
        let (status, said) = output(example.current_dir(root), Duration::from_secs(60))?;
        if !status.success() {
            return Err(format!("the example `{name}` ended with {status}").into());
        }
        if !said.lines().any(|line| line == *wanted) {
            return Err(format!("the example `{name}` did not print the line {wanted:?}").into());
        }
    }
    Ok(Outcome::Passed(format!("{} examples", EXAMPLES.len())))
}

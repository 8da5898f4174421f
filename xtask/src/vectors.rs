//! Plays the recorded conversations (`conformance/vectors`) against the conformance server.

use crate::{
    Result,
    process::{Server, output, release_example},
    python,
    report::Outcome,
};
use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

/// A file of conversations.
struct Vectors {
    /// Its name, without `.jsonl`.
    file: &'static str,
    /// What the runner calls the protocol.
    protocol: &'static str,
    /// Where the server speaks it.
    path: &'static str,
}

const ALL: &[Vectors] = &[
    Vectors { file: "swill1", protocol: "swill1", path: "/ws" },
    Vectors { file: "jsonrpc", protocol: "jsonrpc", path: "/jsonrpc" },
    Vectors { file: "jsonrpc_streams", protocol: "jsonrpc", path: "/jsonrpc" },
    Vectors { file: "events", protocol: "events", path: "/events" },
    Vectors { file: "webmesh", protocol: "webmesh", path: "/" },
];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    all_are_played(root)?;
    let Some(python) = python::environment(root, "conformance", "conformance/requirements.txt")? else {
        return Ok(Outcome::Skipped(python::MISSING.into()));
    };
    let program = release_example(root, "conformance")?;
    let server = Server::start(Command::new(program).args(["--addr", "127.0.0.1:0"]))?;
    let mut failed = false;
    let mut tallies = Vec::new();
    for vectors in ALL {
        let mut runner = Command::new(&python);
        runner.arg("conformance/run_vectors.py").current_dir(root).env("PYTHONUNBUFFERED", "1");
        runner.args(["--protocol", vectors.protocol]);
        runner.arg("--vectors").arg(format!("conformance/vectors/{}.jsonl", vectors.file));
        runner.arg("--url").arg(format!("ws://{}{}", server.address, vectors.path));
        let (status, said) = output(&mut runner, Duration::from_secs(900))?;
        failed |= !status.success();
        let tally = said.lines().rev().find(|line| line.ends_with(" failed")).unwrap_or("no tally");
        tallies.push(format!("{}: {tally}", vectors.file));
    }
    server.stop()?;
    let tallies = tallies.join("; ");
    if failed { Err(tallies.into()) } else { Ok(Outcome::Passed(tallies)) }
}

/// No file of conversations lies about that nobody plays.
fn all_are_played(root: &Path) -> Result {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(root.join("conformance/vectors"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            there.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    let played: BTreeSet<String> = ALL.iter().map(|vectors| vectors.file.to_owned()).collect();
    match there == played {
        true => Ok(()),
        false => {
            Err(format!("conformance/vectors has {there:?}, and xtask/src/vectors.rs plays {played:?}")
                .into())
        }
    }
}

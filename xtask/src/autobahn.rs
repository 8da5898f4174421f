//! The Autobahn testsuite: a fuzzing client against the raw echo of the conformance server, and a fuzzing server for the
//! client. The suite runs on CPython 2.7 only; without one, both are skipped.

use crate::{
    Result,
    process::{Running, Server, free_port, output, release_example, status, target},
    report::{Outcome, Report},
};
use std::{env, path::Path, process::Command, time::Duration};

/// An example of the name would be `examples/autobahn_client.rs`; it is called with `--url URL --agent NAME`.
const CLIENT: &str = "autobahn_client";

/// Several minutes are usual: the suite compresses and compares in Python. On a busy machine it takes longer.
const PATIENCE: Duration = Duration::from_secs(1600);

pub(crate) fn checks(root: &Path, report: &mut Report) {
    report.check("autobahn-server", || server(root));
    report.check("autobahn-client", || client(root));
}

fn server(root: &Path) -> Result<Outcome> {
    if let Some(missing) = missing(root)? {
        return Ok(missing);
    }
    let program = release_example(root, "conformance")?;
    let server = Server::start(Command::new(program).args(["--addr", "127.0.0.1:0"]))?;
    let url = format!("ws://{}/raw", server.address);
    let out = target(root).join("autobahn-server");
    let mut suite = script(root, "run.sh");
    suite
        .arg(url)
        .args(["--agent", "swill", "--require-deflate", "--strict", "--timeout", "1500", "--out"])
        .arg(out);
    let (status, said) = output(&mut suite, PATIENCE)?;
    server.stop()?;
    verdict(status.success(), &said)
}

fn client(root: &Path) -> Result<Outcome> {
    if !root.join("examples").join(CLIENT).with_extension("rs").exists() {
        return Ok(Outcome::Skipped(format!("there is no example `{CLIENT}`")));
    }
    if let Some(missing) = missing(root)? {
        return Ok(missing);
    }
    let program = release_example(root, CLIENT)?;
    let port = free_port()?;
    let out = target(root).join("autobahn-client");
    // A report of an earlier run would be taken for the one of this.
    let _ = std::fs::remove_dir_all(&out);
    let mut suite = Command::new("python3");
    suite.arg(root.join("e2e/autobahn/ab.py")).args(["fuzzingserver", &port.to_string(), "--out"]).arg(&out);
    suite.args(["--require-deflate", "--strict", "--timeout", "1500"]).env("AUTOBAHN_HOME", home(root));
    let mut suite = Running::start(&mut suite)?;
    drop(suite.wait_for_port(port)?);
    let mut client = Command::new(program);
    client.arg("--url").arg(format!("ws://127.0.0.1:{port}")).args(["--agent", "swill-client"]);
    let (status, _) = output(&mut client, PATIENCE)?;
    if !status.success() {
        return Err(format!("the client ended with {status}").into());
    }
    let status =
        suite.wait(Duration::from_secs(60)).ok_or("the testsuite wrote no report within a minute")?;
    match status.success() {
        true => Outcome::passed(),
        false => Err("see the report above".into()),
    }
}

fn verdict(success: bool, said: &str) -> Result<Outcome> {
    let tally = said.lines().rev().find(|line| line.starts_with("OK ")).unwrap_or("no report").to_owned();
    let tally = tally.split(" (report").next().unwrap_or_default().to_owned();
    if success { Ok(Outcome::Passed(tally)) } else { Err(tally.into()) }
}

/// Installs the suite if it is not there.
fn missing(root: &Path) -> Result<Option<Outcome>> {
    if home(root).join("python").exists() {
        return Ok(None);
    }
    /// What `setup.sh` says if it finds no interpreter.
    const NO_PYTHON: i32 = 3;
    match status(&mut script(root, "setup.sh"))?.code() {
        Some(0) => Ok(None),
        Some(NO_PYTHON) => Ok(Some(Outcome::Skipped("no CPython 2.7 (see e2e/autobahn/README.md)".into()))),
        _ => Err("the testsuite could not be installed".into()),
    }
}

fn script(root: &Path, name: &str) -> Command {
    let mut command = Command::new(root.join("e2e/autobahn").join(name));
    command.current_dir(root).env("AUTOBAHN_HOME", home(root));
    command
}

fn home(root: &Path) -> std::path::PathBuf {
    env::var_os("AUTOBAHN_HOME").map_or_else(|| target(root).join("autobahn"), Into::into)
}

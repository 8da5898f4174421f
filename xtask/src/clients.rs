//! Drives the clients of others (`e2e/clients`) against the conformance server.

use crate::{
    Result,
    process::{Server, exists, output, release_example, run, target},
    python,
    report::Outcome,
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A program in `e2e/clients` that puts a client library through its paces.
struct Driver {
    program: &'static str,
    runs_on: RunsOn,
    /// Options and the paths whose addresses they take.
    addresses: &'static [(&'static str, &'static str)],
}

enum RunsOn {
    /// Python, in a virtual environment of this name with these requirements.
    Python(&'static str, &'static str),
    /// Node, with the packages of `e2e/clients/package-lock.json` and these options.
    Node(&'static [&'static str]),
}

const fn python(
    program: &'static str,
    environment: (&'static str, &'static str),
    addresses: &'static [(&'static str, &'static str)],
) -> Driver {
    Driver { program, runs_on: RunsOn::Python(environment.0, environment.1), addresses }
}

const fn node(
    program: &'static str,
    options: &'static [&'static str],
    path: &'static [(&'static str, &'static str)],
) -> Driver {
    Driver { program, runs_on: RunsOn::Node(options), addresses: path }
}

const CONFORMANCE: (&str, &str) = ("conformance", "conformance/requirements.txt");
const WSJSONRPC: (&str, &str) = ("wsjsonrpc", "e2e/clients/wsjsonrpc_client.requirements.txt");
const WEBMESH: (&str, &str) = ("webmesh", "e2e/clients/webmesh_client.requirements.txt");
const JSONRPC: (&str, &str) = ("jsonrpc", "e2e/clients/jsonrpc_python.requirements.txt");
const AT_JSONRPC: &[(&str, &str)] = &[("--url", "/jsonrpc")];

const DRIVERS: &[Driver] = &[
    python("wsjsonrpc_client.py", WSJSONRPC, &[("--url", "/jsonrpc"), ("--msgpack-url", "/jsonrpc-msgpack")]),
    python("webmesh_client.py", WEBMESH, &[("--url", "/")]),
    python("socketsundso_chat.py", CONFORMANCE, &[("--url", "/")]),
    python("jsonrpc_websocket_client.py", JSONRPC, AT_JSONRPC),
    python("jsonrpcclient_client.py", JSONRPC, AT_JSONRPC),
    python("websockets_swill.py", CONFORMANCE, &[("--url", "/ws")]),
    node("rpc_websockets.mjs", &[], AT_JSONRPC),
    node("openrpc_client.mjs", &[], AT_JSONRPC),
    node("vscode_jsonrpc.mjs", &[], AT_JSONRPC),
    node("json_rpc_2_0.mjs", &[], AT_JSONRPC),
    node("simple_jsonrpc.mjs", &[], AT_JSONRPC),
    // Node has its own WebSocket behind this flag before version 22.
    node("node_websocket.mjs", &["--experimental-websocket"], &[("--url", "/ws")]),
];

/// What drivers share, which is no driver.
const SHARED: &[&str] = &["checks.mjs", "checks.py"];

/// The oldest Node that the packages run on.
const NODE: u32 = 20;

/// Why something is left out that needs it.
pub(crate) const NO_NODE: &str = "no Node 20 or later with npm";

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    all_are_driven(root)?;
    let packages = packages(root)?;
    let program = release_example(root, "conformance")?;
    let server = Server::start(Command::new(program).args(["--addr", "127.0.0.1:0"]))?;
    let (mut checks, mut missing, mut failures) = (0, BTreeSet::new(), Vec::new());
    for driver in DRIVERS {
        let Some(mut command) = command(root, driver, packages.as_deref())? else {
            missing.insert(match driver.runs_on {
                RunsOn::Python(..) => python::MISSING.to_owned(),
                RunsOn::Node(_) => NO_NODE.to_owned(),
            });
            continue;
        };
        for (option, path) in driver.addresses {
            command.arg(option).arg(format!("ws://{}{path}", server.address));
        }
        println!("--- {}", driver.program);
        match drive(&mut command) {
            Ok(passed) => checks += passed,
            Err(why) => failures.push(format!("{}: {why}", driver.program)),
        }
    }
    server.stop()?;
    if !failures.is_empty() {
        return Err(failures.join("; ").into());
    }
    match missing.is_empty() {
        true => Ok(Outcome::Passed(format!("{} clients, {checks} checks", DRIVERS.len()))),
        false => Ok(Outcome::Skipped(missing.into_iter().collect::<Vec<_>>().join("; "))),
    }
}

/// Runs a driver, and tells how many of its checks passed if no other did.
fn drive(command: &mut Command) -> Result<usize> {
    let (status, said) = output(command, PATIENCE)?;
    Ok(passed(status.success(), &said).map_err(|why| format!("{why} ({status})"))?)
}

/// How many checks passed, by what a driver said, or why that is not good enough.
pub(crate) fn passed(success: bool, said: &str) -> std::result::Result<usize, String> {
    let count = |word: &str| said.lines().filter(|line| line.starts_with(word)).count();
    match (count("ok "), count("FAIL ")) {
        (passed, failed @ 1..) => Err(format!("{failed} of {} checks failed", passed + failed)),
        (0, _) => Err("it checked nothing".into()),
        _ if said.lines().last() != Some("0 failed") || !success => Err("it did not come to its end".into()),
        (passed, _) => Ok(passed),
    }
}

/// How to start a driver. `None` if what it runs on is missing.
fn command(root: &Path, driver: &Driver, packages: Option<&Path>) -> Result<Option<Command>> {
    Ok(match driver.runs_on {
        RunsOn::Python(name, requirements) => python::environment(root, name, requirements)?.map(|python| {
            let mut command = Command::new(python);
            command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root.join("e2e/clients").join(driver.program));
            command
        }),
        RunsOn::Node(options) => packages.map(|packages| {
            let mut command = Command::new("node");
            command.args(options).arg(packages.join(driver.program));
            command
        }),
    })
}

/// A folder with the drivers for Node and the packages that they import. `None` if there is no Node, or an old one.
pub(crate) fn packages(root: &Path) -> Result<Option<PathBuf>> {
    if !has_node() {
        return Ok(None);
    }
    let (from, to) = (root.join("e2e/clients"), target(root).join("node-clients"));
    fs::create_dir_all(&to)?;
    let stamp = to.join("installed.json");
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mjs" || extension == "json") {
            fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
        }
    }
    let wanted = fs::read_to_string(from.join("package-lock.json"))?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        // Scripts of packages would build what is only there to be a little faster.
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&to))?;
        fs::write(&stamp, wanted)?;
    }
    Ok(Some(to))
}

/// Whether there is a Node that is new enough, with npm.
pub(crate) fn has_node() -> bool {
    exists("npm", "--version") && node_version().is_some_and(|version| version >= NODE)
}

fn node_version() -> Option<u32> {
    let said = Command::new("node").arg("--version").output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// No driver lies about that nobody runs.
fn all_are_driven(root: &Path) -> Result {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(root.join("e2e/clients"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if (name.ends_with(".py") || name.ends_with(".mjs")) && !SHARED.contains(&name.as_str()) {
            there.insert(name);
        }
    }
    let driven: BTreeSet<String> = DRIVERS.iter().map(|driver| driver.program.to_owned()).collect();
    match there == driven {
        true => Ok(()),
        false => Err(format!("e2e/clients has {there:?}, and xtask/src/clients.rs runs {driven:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_passes_if_it_checks_something_and_comes_to_its_end() {
        assert_eq!(passed(true, "ok   a\nskip b\nok   c\n0 failed\n"), Ok(2));
        for (success, said, why) in [
            (true, "", "it checked nothing"),
            (true, "skip a\n0 failed\n", "it checked nothing"),
            (false, "ok   a\nFAIL b: 1 instead of 2\n1 failed\n", "1 of 2 checks failed"),
            (true, "FAIL a: 1 instead of 2\n1 failed\n", "1 of 1 checks failed"),
            (true, "ok   a\n", "it did not come to its end"),
            (false, "ok   a\n0 failed\n", "it did not come to its end"),
        ] {
            assert_eq!(passed(success, said), Err(why.into()), "{said}");
        }
    }

    #[test]
    fn every_driver_is_run() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around this crate");
        all_are_driven(root).expect("the table has them all");
    }
}

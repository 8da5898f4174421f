//! Runs the programs of `docs/clients.md`, as they stand there, against the server that it shows.

use crate::{
    Result, clients,
    process::{Server, TemporaryFolder, cargo, output, run, target},
    python,
    report::Outcome,
};
use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

const PAGE: &str = "docs/clients.md";

/// The address that the programs of the page connect to.
const SHOWN: &str = "127.0.0.1:8000";

/// What each of them prints.
const WANTED: &str = "3";

/// How many there are.
const CLIENTS: usize = 6;

const PATIENCE: Duration = Duration::from_secs(60);

/// Where the requirements of an environment are.
const ENVIRONMENTS: &[(&str, &str)] = &[
    ("conformance", "conformance/requirements.txt"),
    ("jsonrpc", "e2e/clients/jsonrpc_python.requirements.txt"),
    ("webmesh", "e2e/clients/webmesh_client.requirements.txt"),
];

/// A program of the page: what runs it, and its text.
struct Program<'t> {
    runs: &'t str,
    text: &'t str,
}

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let page = fs::read_to_string(root.join(PAGE))?;
    let server_source = fs::read_to_string(root.join("examples/everybody.rs"))?;
    for block in blocks(&page, "```rust\n") {
        // The page leaves away what surrounds it, indentation included.
        let shown: Vec<&str> = block.lines().map(str::trim).collect();
        let served: Vec<&str> = server_source.lines().map(str::trim).collect();
        if !served.windows(shown.len()).any(|lines| lines == shown) {
            return Err(format!("{PAGE} shows a server that examples/everybody.rs is not:\n{block}").into());
        }
    }
    let programs = programs(&page);
    if programs.len() != CLIENTS {
        return Err(format!("{PAGE} has {} programs that are run, not {CLIENTS}", programs.len()).into());
    }
    let readme = fs::read_to_string(root.join("README.md"))?;
    let shown = self::programs(&readme);
    if shown.len() != CLIENTS || !shown.iter().all(|it| programs.iter().any(|other| other.text == it.text)) {
        return Err(format!("README.md does not show the {CLIENTS} programs of {PAGE}").into());
    }
    run(cargo(root).args(["build", "--package", "swill-examples", "--example", "everybody"]))?;
    let server =
        Server::start(Command::new(target(root).join("debug/examples/everybody")).arg("127.0.0.1:0"))?;
    let mut missing = BTreeSet::new();
    for program in &programs {
        let (_, port) = server.address.rsplit_once(':').ok_or("an address without a port")?;
        // WebMesh's client takes host and port apart.
        let text = program
            .text
            .replace(SHOWN, &server.address.to_string())
            .replace("port=8000", &format!("port={port}"));
        if text == program.text {
            return Err(format!("a program of {PAGE} does not connect to {SHOWN}:\n{}", program.text).into());
        }
        let folder = TemporaryFolder::new("guide")?;
        let command = match program.runs.split_once(' ') {
            None if program.runs == "rust" => Some(rust(root, &folder.0, &text)?),
            None if program.runs == "node" => node(root, &text)?,
            Some(("python", environment)) => python(root, environment, &folder.0, &text)?,
            _ => return Err(format!("{PAGE}: nothing is known to run `{}`", program.runs).into()),
        };
        let Some(mut command) = command else {
            missing.insert(program.runs);
            continue;
        };
        let (status, said) = output(&mut command, PATIENCE)?;
        if !status.success() || said.trim() != WANTED {
            return Err(format!("a program of {PAGE} ({}) printed {said:?}, {status}", program.runs).into());
        }
    }
    server.stop()?;
    match missing.is_empty() {
        true => Ok(Outcome::Passed(format!("{CLIENTS} clients called one procedure"))),
        false => Ok(Outcome::Skipped(format!("nothing to run {missing:?}"))),
    }
}

/// The texts of code blocks that begin with this line.
fn blocks<'t>(page: &'t str, fence: &str) -> Vec<&'t str> {
    page.split(fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn programs(page: &str) -> Vec<Program<'_>> {
    let marked = page.split("<!-- runs: ").skip(1).filter_map(|rest| {
        let (runs, rest) = rest.split_once(" -->\n```")?;
        let text = rest.split_once('\n')?.1.split("```").next()?;
        Some(Program { runs, text })
    });
    marked.collect()
}

/// A crate of its own that depends on the client alone.
fn rust(root: &Path, folder: &Path, text: &str) -> Result<Command> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), text)?;
    let client = root.join("crates/swill-client");
    let manifest = format!(
        "[package]\nname = \"guide\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         swill-client = {{ path = {client:?} }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let built = target(root).join("fresh-crate");
    run(cargo(folder).arg("build").env("CARGO_TARGET_DIR", &built))?;
    Ok(Command::new(built.join("debug/guide")))
}

fn node(root: &Path, text: &str) -> Result<Option<Command>> {
    let Some(packages) = clients::packages(root)? else { return Ok(None) };
    // Where its packages are found.
    let program = packages.join("guide.mjs");
    fs::write(&program, text)?;
    let mut command = Command::new("node");
    // Node has its own WebSocket behind this flag before version 22.
    command.arg("--experimental-websocket").arg(program);
    Ok(Some(command))
}

fn python(root: &Path, environment: &str, folder: &Path, text: &str) -> Result<Option<Command>> {
    let requirements = ENVIRONMENTS.iter().find(|(name, _)| *name == environment);
    let (name, requirements) = requirements.ok_or_else(|| format!("no environment `{environment}`"))?;
    let Some(python) = python::environment(root, name, requirements)? else { return Ok(None) };
    fs::create_dir_all(folder)?;
    let program = folder.join("guide.py");
    fs::write(&program, text)?;
    let mut command = Command::new(python);
    command.arg(program);
    Ok(Some(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_their_marks() {
        let page = "# A\n\n```rust\nfn server() {}\n```\n\n<!-- runs: python webmesh -->\n```python\nprint(3)\n```\n\n\
                    <!-- runs: rust -->\n```rust,no_run\nfn main() {}\n```\n";
        let programs: Vec<_> = programs(page).iter().map(|it| (it.runs, it.text)).collect();
        assert_eq!(programs, [("python webmesh", "print(3)\n"), ("rust", "fn main() {}\n")]);
        assert_eq!(blocks(page, "```rust\n"), ["fn server() {}\n"]);
    }
}

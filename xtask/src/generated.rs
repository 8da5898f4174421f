//! Generated clients: the golden files are what the example `kinds` makes, compilers and type checkers take them, and
//! values of every type make the round trip.

use crate::{
    Result, clients,
    docs_page::{install, mirror},
    process::{Server, cargo, output, run, target},
    python,
    report::Outcome,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The programs that make the round trips, and the values.
const PROGRAMS: &str = "e2e/generated";
const GOLDEN: &str = "crates/swill-cli/tests/golden";
const CLIENT: &str = "clients/typescript";

/// Languages, and the golden files in them.
const LANGUAGES: [(&str, &str); 3] =
    [("typescript", "kinds.ts"), ("python", "kinds.py"), ("rust", "kinds.rs")];

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    run(cargo(root).args(["build", "--package", "swill-cli"]))?;
    run(cargo(root).args(["build", "--package", "swill-examples", "--example", "kinds"]))?;
    let built = target(root).join("debug");
    let server = Server::start(Command::new(built.join("examples/kinds")).arg("127.0.0.1:0"))?;
    let url = format!("ws://{}/ws", server.address);
    up_to_date(root, &built.join("swill"), &url)?;

    let copy = target(root).join("generated");
    mirror(&root.join(PROGRAMS), &copy.join(PROGRAMS))?;
    for (_, golden) in LANGUAGES {
        fs::copy(root.join(GOLDEN).join(golden), copy.join(PROGRAMS).join(golden))?;
    }
    let (mut checks, mut missing) = (rust(root, &copy, &url)?, vec![]);
    match typescript(root, &copy, &url)? {
        Some(passed) => checks += passed,
        None => missing.push(clients::NO_NODE),
    }
    match python_program(root, &copy, &url)? {
        Some(passed) => checks += passed,
        None => missing.push(python::MISSING),
    }
    server.stop()?;
    match missing.is_empty() {
        true => Ok(Outcome::Passed(format!("3 languages, {checks} round trips"))),
        false => Ok(Outcome::Skipped(missing.join("; "))),
    }
}

/// What the example says of itself is the golden description, and what is made of it are the golden clients.
fn up_to_date(root: &Path, swill: &Path, url: &str) -> Result {
    let golden = root.join(GOLDEN);
    let said = Command::new(swill).args(["describe", url]).output()?;
    if said.stdout != fs::read(golden.join("kinds.json"))? {
        return Err(format!(
            "{GOLDEN}/kinds.json is not what the example `kinds` says of itself: write it anew with `swill describe`, \
             and the clients with `SWILL_BLESS=1 cargo test --package swill-cli --test generate`"
        )
        .into());
    }
    for (language, file) in LANGUAGES {
        run(Command::new(swill)
            .args(["generate", language, url, "--check", "--output"])
            .arg(golden.join(file)))?;
    }
    Ok(())
}

/// A crate of its own, outside the workspace.
fn rust(root: &Path, copy: &Path, url: &str) -> Result<usize> {
    let folder = copy.join("rust");
    fs::create_dir_all(folder.join("src"))?;
    for (from, to) in [("kinds.rs", "kinds.rs"), ("roundtrip.rs", "main.rs")] {
        fs::copy(copy.join(PROGRAMS).join(from), folder.join("src").join(to))?;
    }
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"roundtrip\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nserde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\
             swill-client = {{ path = {:?} }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt\", \"time\"] }}\n",
            root.join("crates/swill-client")
        ),
    )?;
    // The versions that everything else is tested with.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let built = target(root).join("generated-rust");
    run(cargo(&folder).args(["clippy", "--quiet", "--", "-D", "warnings"]).env("CARGO_TARGET_DIR", &built))?;
    run(cargo(&folder).args(["build", "--quiet"]).env("CARGO_TARGET_DIR", &built))?;
    round_trip(&mut Command::new(built.join("debug/roundtrip")), root, url)
}

/// `None` if there is no Node.
fn typescript(root: &Path, copy: &Path, url: &str) -> Result<Option<usize>> {
    if !clients::has_node() {
        return Ok(None);
    }
    let (client, programs) = (copy.join(CLIENT), copy.join(PROGRAMS));
    mirror(&root.join(CLIENT), &client)?;
    install(&client, &[])?;
    run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&client))?;
    install(&programs, &[])?;
    run(Command::new("npx").args(["--no-install", "tsc", "--project", "."]).current_dir(&programs))?;
    let mut program = Command::new("node");
    round_trip(program.arg(programs.join("dist/roundtrip.js")), root, url).map(Some)
}

/// `None` if there is no Python that can make virtual environments.
fn python_program(root: &Path, copy: &Path, url: &str) -> Result<Option<usize>> {
    let requirements = format!("{PROGRAMS}/requirements.txt");
    let Some(python) = python::environment(root, "generated", &requirements)? else { return Ok(None) };
    let (programs, client): (PathBuf, PathBuf) = (copy.join(PROGRAMS), root.join("clients/python/src"));
    run(Command::new(&python)
        .args(["-m", "mypy", "--strict", "kinds.py", "roundtrip.py"])
        .current_dir(&programs)
        .env("MYPYPATH", &client))?;
    let mut program = Command::new(&python);
    program.arg(programs.join("roundtrip.py")).env("PYTHONPATH", &client).env("PYTHONDONTWRITEBYTECODE", "1");
    round_trip(&mut program, root, url).map(Some)
}

/// Runs a program, and tells how many of its checks passed if no other did.
fn round_trip(program: &mut Command, root: &Path, url: &str) -> Result<usize> {
    program.arg(url).arg(root.join(PROGRAMS).join("values.json"));
    let (status, said) = output(program, PATIENCE)?;
    Ok(clients::passed(status.success(), &said)?)
}

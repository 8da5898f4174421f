//! Runs a program of the guide by what it is written in, against a server that is started when it is first needed.

use crate::{
    Result, clients,
    docs_page::{install, mirror},
    process::{Server, TemporaryFolder, cargo, output, run, target},
    python,
};
use std::{collections::BTreeMap, env, fs, path::Path, path::PathBuf, process::Command, time::Duration};

/// The address that programs connect to, as the guide shows it.
const SHOWN: &str = "127.0.0.1:8000";
const SHORT: &str = "localhost";

const PATIENCE: Duration = Duration::from_secs(60);

/// Where the requirements of an environment are.
const ENVIRONMENTS: &[(&str, &str)] = &[
    ("conformance", "conformance/requirements.txt"),
    ("docs-page", "e2e/docs-page/requirements.txt"),
    ("jsonrpc", "e2e/clients/jsonrpc_python.requirements.txt"),
    ("webmesh", "e2e/clients/webmesh_client.requirements.txt"),
];

/// The environment that has what Swill's own client for Python needs.
const FOR_SWILL: &str = "docs-page";

/// What became of a program.
pub(super) enum Ran {
    /// It ended well, and printed this.
    Printed(String),
    Failed(String),
    /// What it needs is not here.
    Missing(&'static str),
}

pub(super) struct Runner<'r> {
    root: &'r Path,
    folder: TemporaryFolder,
    servers: BTreeMap<&'static str, Server>,
    /// The client for TypeScript, once it is built.
    typescript: Option<PathBuf>,
    /// The folder of the command, once it is built.
    command: Option<PathBuf>,
}

impl<'r> Runner<'r> {
    pub(super) fn new(root: &'r Path) -> Result<Self> {
        let folder = TemporaryFolder::new("guide")?;
        Ok(Self { root, folder, servers: BTreeMap::new(), typescript: None, command: None })
    }

    /// Runs a program against the example of this name.
    pub(super) fn run(&mut self, runs: &str, text: &str, server: &'static str) -> Result<Ran> {
        let address = self.server(server)?;
        let text = at(text, &address)?;
        match (runs, runs.split_once(' ')) {
            ("shell", _) => self.shell(&text),
            ("rust", _) => self.rust(&text, None),
            ("node", _) => self.node(&text),
            ("typescript", _) => self.typescript(&text, None),
            (_, Some(("python", environment))) => self.python(environment, &text),
            (_, Some(("generated", "typescript"))) => self.typescript(&text, Some(&address)),
            (_, Some(("generated", "rust"))) => self.rust(&text, Some(&address)),
            (_, Some(("generated", "python"))) => {
                let client = self.folder.0.join("shop.py");
                self.generate("python", &address, &client)?;
                self.python("swill", &text)
            }
            _ => Ok(Ran::Failed(format!("nothing is known to run `{runs}`"))),
        }
    }

    pub(super) fn stop(self) -> Result {
        self.servers.into_values().try_for_each(Server::stop)
    }

    fn server(&mut self, example: &'static str) -> Result<String> {
        if let Some(server) = self.servers.get(example) {
            return Ok(server.address.clone());
        }
        run(cargo(self.root).args(["build", "--package", "swill-examples", "--example", example]))?;
        let program = target(self.root).join("debug/examples").join(example);
        let server = Server::start(Command::new(program).arg("127.0.0.1:0"))?;
        let address = server.address.clone();
        self.servers.insert(example, server);
        Ok(address)
    }

    /// Writes a client for the server at an address, which programs know as `shop`.
    fn generate(&mut self, language: &str, address: &str, to: &Path) -> Result {
        let swill = self.command()?.join("swill");
        run(Command::new(swill).args(["generate", language, address, "-o"]).arg(to))
    }

    /// A crate of its own that depends on the client alone, and on what a generated client needs if there is one.
    fn rust(&mut self, text: &str, generated: Option<&str>) -> Result<Ran> {
        let folder = self.folder.0.clone();
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/main.rs"), text)?;
        if let Some(address) = generated {
            self.generate("rust", address, &folder.join("src/shop.rs"))?;
        }
        let client = self.root.join("crates/swill-client");
        let manifest = format!(
            "[package]\nname = \"guide\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             swill-client = {{ path = {client:?} }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(self.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let built = target(self.root).join("fresh-crate");
        run(cargo(&folder).arg("build").env("CARGO_TARGET_DIR", &built))?;
        ran(&mut Command::new(built.join("debug/guide")))
    }

    fn node(&self, text: &str) -> Result<Ran> {
        let Some(packages) = clients::packages(self.root)? else { return Ok(Ran::Missing(clients::NO_NODE)) };
        // Where its packages are found.
        let program = packages.join("guide.mjs");
        fs::write(&program, text)?;
        // Node has its own WebSocket behind this flag before version 22.
        ran(Command::new("node").arg("--experimental-websocket").arg(program))
    }

    fn python(&self, environment: &str, text: &str) -> Result<Ran> {
        let name = if environment == "swill" { FOR_SWILL } else { environment };
        let requirements = ENVIRONMENTS.iter().find(|(known, _)| *known == name);
        let (name, requirements) = requirements.ok_or_else(|| format!("no environment `{name}`"))?;
        let Some(python) = python::environment(self.root, name, requirements)? else {
            return Ok(Ran::Missing(python::MISSING));
        };
        let program = self.folder.0.join("guide.py");
        fs::write(&program, text)?;
        let mut command = Command::new(python);
        command.arg(program).env("PYTHONDONTWRITEBYTECODE", "1");
        if environment == "swill" {
            command.env("PYTHONPATH", self.root.join("clients/python/src"));
        }
        ran(&mut command)
    }

    /// Compiles strictly, then runs. The program lies in the client's own package, which finds itself by its name.
    fn typescript(&mut self, text: &str, generated: Option<&str>) -> Result<Ran> {
        if !clients::has_node() {
            return Ok(Ran::Missing(clients::NO_NODE));
        }
        let package = match &self.typescript {
            Some(package) => package.clone(),
            None => {
                let package = target(self.root).join("guide/typescript");
                mirror(&self.root.join("clients/typescript"), &package)?;
                install(&package, &[])?;
                run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&package))?;
                self.typescript.insert(package).clone()
            }
        };
        let folder = package.join("guide");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("guide.ts"), text)?;
        if let Some(address) = generated {
            self.generate("typescript", address, &folder.join("shop.ts"))?;
        }
        let compiler = package.join("node_modules/typescript/bin/tsc");
        let options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"];
        let mut compile = Command::new("node");
        // Where it is started, it looks for the types of Node.
        compile.arg(compiler).args(options).arg("guide/guide.ts").current_dir(&package);
        let (status, said) = output(&mut compile, PATIENCE)?;
        if !status.success() {
            return Ok(Ran::Failed(format!("it does not compile: {said}")));
        }
        ran(Command::new("node").arg(folder.join("guide.js")))
    }

    /// The folder in which the command is.
    fn command(&mut self) -> Result<PathBuf> {
        if self.command.is_none() {
            run(cargo(self.root).args(["build", "--package", "swill-cli"]))?;
        }
        Ok(self.command.get_or_insert_with(|| target(self.root).join("debug")).clone())
    }

    /// Lines that begin with `$` are typed, all others come out.
    fn shell(&mut self, text: &str) -> Result<Ran> {
        let command = self.command()?;
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(command).chain(env::split_paths(&path)))?;
        for (typed, wanted) in session(text) {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(&typed).current_dir(&self.folder.0).env("PATH", &path).env("NO_COLOR", "1");
            let (_, said) = output(&mut shell, PATIENCE)?;
            if said != wanted {
                return Ok(Ran::Failed(format!("`{typed}` printed {said:?}, not {wanted:?}")));
            }
        }
        Ok(Ran::Printed(String::new()))
    }
}

/// A program that connects to this address in place of the one that is shown.
fn at(text: &str, address: &str) -> Result<String> {
    let (_, port) = address.rsplit_once(':').ok_or("an address without a port")?;
    let text_there = text
        .replace(SHOWN, address)
        .replace(SHORT, address)
        // WebMesh's client takes host and port apart.
        .replace("port=8000", &format!("port={port}"));
    match text_there == text {
        true => Err(format!("this program connects to neither {SHOWN} nor {SHORT}:\n{text}").into()),
        false => Ok(text_there),
    }
}

fn ran(command: &mut Command) -> Result<Ran> {
    let (status, said) = output(command, PATIENCE)?;
    Ok(match status.success() {
        true => Ran::Printed(said),
        false => Ran::Failed(format!("it printed {said:?}, {status}")),
    })
}

/// What is typed into a shell, and what comes out each time.
fn session(text: &str) -> Vec<(String, String)> {
    let mut session: Vec<(String, String)> = vec![];
    for line in text.lines() {
        match (line.strip_prefix("$ "), session.last_mut()) {
            (Some(typed), _) => session.push((typed.to_owned(), String::new())),
            (None, Some((typed, out))) => match typed.strip_suffix('\\') {
                // A command goes on behind a backslash.
                Some(begun) if out.is_empty() => *typed = format!("{begun}{}", line.trim_start()),
                _ => {
                    out.push_str(line);
                    out.push('\n');
                }
            },
            (None, None) => {}
        }
    }
    session
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_what_is_typed_and_what_comes_out() {
        let text = "$ swill call localhost \\\n    count 2\n0\n1\n$ true\n$ echo 3\n3\n";
        let expected = [("swill call localhost count 2", "0\n1\n"), ("true", ""), ("echo 3", "3\n")];
        let session = session(text);
        let session: Vec<_> = session.iter().map(|(typed, out)| (typed.as_str(), out.as_str())).collect();
        assert_eq!(session, expected);
    }

    #[test]
    fn programs_connect_to_the_server_that_is_there() {
        let there = at("connect('localhost'); WebMeshClient(port=8000)", "127.0.0.1:9").expect("it connects");
        assert_eq!(there, "connect('127.0.0.1:9'); WebMeshClient(port=9)");
        assert_eq!(at("ws://127.0.0.1:8000/ws", "127.0.0.1:9").expect("it connects"), "ws://127.0.0.1:9/ws");
        assert!(at("print(3)", "127.0.0.1:9").is_err());
    }
}

//! Takes a server's descriptors, memory, disk, threads, log and clock away, and looks whether it goes on.

mod clients;
mod clock;
mod descriptors;
mod disk;
mod disks;
mod logs;
mod memory;
mod report;
mod threads;

use report::{Check, Outcome};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use swill_exhaustion::{
    Result,
    service::{self, Options},
};

const HELP: &str = "\
Takes a server's descriptors, memory, disk, threads, log and clock away, and looks whether it goes on.

Usage: exhaustion [--list] [--short] [CHECK...]
       exhaustion serve [--files PATH=FOLDER]... [--threads N]
       exhaustion call URL

  --list   names the checks
  --short  leaves out the checks that take minutes
  serve    the server that is tested; its settings come from the environment
  call     the caller that is tested

What the machine cannot do is counted as skipped, with the reason.";

/// All checks, and whether each of them is short.
const CHECKS: &[Check] = &[
    Check { name: "descriptors", short: true, run: descriptors::run_out },
    Check { name: "descriptors-files", short: true, run: descriptors::files },
    Check { name: "memory-budget", short: true, run: memory::budget },
    Check { name: "memory-no-budget", short: false, run: memory::no_budget },
    Check { name: "memory-connection", short: false, run: memory::connections },
    Check { name: "disk-hangs", short: true, run: disk::hangs },
    Check { name: "disk-fails", short: true, run: disk::fails },
    Check { name: "threads", short: true, run: threads::run_out },
    Check { name: "log-closed", short: true, run: logs::closed },
    Check { name: "log-blocked", short: true, run: logs::blocked },
    Check { name: "clock-wall", short: true, run: clock::wall },
    Check { name: "clock-tls", short: false, run: clock::tls },
    Check { name: "clock-monotonic", short: false, run: clock::monotonic },
    Check { name: "client-rust", short: false, run: clients::rust },
    Check { name: "client-typescript", short: false, run: clients::typescript },
    Check { name: "client-python", short: false, run: clients::python },
];

/// Where the checks are run.
struct Bench {
    /// This program, which is the server, too.
    program: PathBuf,
    /// The repository.
    root: PathBuf,
}

impl Bench {
    /// The command that starts the server.
    fn server(&self) -> Command {
        let mut command = Command::new(&self.program);
        // What whoever runs this has set concerns other servers.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SWILL_"))
        {
            command.env_remove(name);
        }
        command.arg("serve").env("SWILL_LISTEN", "127.0.0.1:0");
        command
    }

    /// The same, after a line of shell that takes something away.
    fn server_after(&self, shell: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{shell} && exec \"$0\" serve \"$@\""))
            .arg(&self.program)
            .args(arguments);
        command.env("SWILL_LISTEN", "127.0.0.1:0");
        command
    }

    /// The repository's file or folder.
    fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("exhaustion: {error}");
            println!("\n{HELP}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn run() -> Result<ExitCode> {
    use lexopt::prelude::*;
    let (mut names, mut short, mut list, mut serve) = (Vec::new(), false, false, None::<Options>);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match (argument, &mut serve) {
            (Long("files"), Some(options)) => {
                let value = arguments.value()?.string()?;
                let (path, folder) = value.split_once('=').ok_or("`--files` wants PATH=FOLDER")?;
                options.files.push((path.to_owned(), folder.into()));
            }
            (Long("threads"), Some(options)) => options.threads = Some(arguments.value()?.parse()?),
            (Long("list"), None) => list = true,
            (Long("short"), None) => short = true,
            (Short('h') | Long("help"), _) => {
                println!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            (Value(name), serve @ None) if name == "serve" && names.is_empty() => {
                *serve = Some(Options::default())
            }
            (Value(name), None) if name == "call" && names.is_empty() => {
                clients::call(&arguments.value()?.string()?)?;
            }
            (Value(name), None) => names.push(name.string()?),
            (argument, _) => return Err(argument.unexpected().into()),
        }
    }
    if let Some(options) = serve {
        service::serve(service::app, options)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list {
        CHECKS.iter().for_each(|check| println!("{}", check.name));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = names.iter().find(|name| !CHECKS.iter().any(|check| check.name == name.as_str())) {
        return Err(format!("there is no check `{unknown}`").into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no repository around this")?;
    let bench = Bench { program: std::env::current_exe()?, root: root.to_owned() };
    let wanted = |check: &&Check| match names.is_empty() {
        true => check.short || !short,
        false => names.iter().any(|name| name == check.name),
    };
    Ok(report::run(CHECKS.iter().filter(wanted), &bench))
}

/// What a check ended with, where something that it needs is not there.
fn skip(why: impl Into<String>) -> Result<Outcome> {
    Ok(Outcome::Skipped(why.into()))
}

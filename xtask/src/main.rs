//! What is done with this repository beside compiling it: testing all of it, tidiness, fuzzing, measuring.

mod abuse;
mod autobahn;
mod bench;
mod book;
mod chromium;
mod clients;
mod coverage;
mod deny;
mod docs_page;
mod examples;
mod exhaustion;
mod faults;
mod fresh;
mod fuzz;
mod generated;
mod guide;
mod interleavings;
mod minimal_versions;
mod mutants;
mod nightly;
mod process;
mod python;
mod python_client;
mod report;
mod sequences;
mod soak;
mod test;
mod tidy;
mod typescript;
mod vectors;

use report::Report;
use std::{path::Path, process::ExitCode};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  test [CHECK...]    everything that has to hold, or only the checks named; `test --list` names them
  tidy               the rules that the compiler does not know
  vectors            the recorded conversations, played against the conformance server
  clients            the client libraries of others, against the same server
  autobahn           the Autobahn testsuite against the server and the client
  abuse [OPTION...]  attacks on a server, on its debug and its release build; `abuse --help` tells more
  faults [OPTION...]  networks that break and servers that are killed, under every client
  exhaustion [ARGUMENT...]  a server and clients without descriptors, memory, disk, threads, or while clocks jump
  soak [--minutes N] [ARGUMENT...]  a server used and abused for a long time, 30 minutes unless told otherwise
  minimal-versions   the tests of what is published, with the oldest libraries that it allows
  fuzz [SECONDS] [TARGET...]
                     every fuzz target, or those named, 60 seconds each unless told otherwise; `fuzz keep` keeps of
                     what they have found as few inputs as reach as much of the code
  nightly [--for MINUTES] [CHECK...]
                     every long test, or those named; `nightly --list` names them. What could go on for ever
                     (fuzzing, soaking) runs for so many minutes, 30 unless told otherwise
  bench [ARGUMENT...]  builds what is measured and runs bench/measure.py with these arguments
  help               this text

Whatever a check needs and does not find is named at the end: it counts as skipped, not as passed.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let arguments: Vec<String> = arguments.collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around this crate");
    let result = match command.as_deref() {
        Some("test") => return test::run(root, &arguments),
        Some("tidy") => one("tidy", || tidy::check(root)),
        Some("vectors") => one("vectors", || vectors::check(root)),
        Some("clients") => one("clients", || clients::check(root)),
        Some("autobahn") => {
            let mut report = Report::new(vec![]);
            autobahn::checks(root, &mut report);
            return report.finish();
        }
        Some("abuse") => abuse::command(root, &arguments),
        Some("faults") => faults::command(root, &arguments),
        Some("exhaustion") => exhaustion::command(root, &arguments),
        Some("soak") => soak::command(root, &arguments),
        Some("minimal-versions") => one("minimal-versions", || minimal_versions::check(root)),
        Some("fuzz") => fuzz::run(root, &arguments),
        Some("nightly") => nightly::run(root, &arguments),
        Some("bench") => bench::run(root, &arguments),
        None | Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => Err(format!("there is no command `{other}`\n\n{HELP}").into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn one(name: &'static str, check: impl FnOnce() -> Result<report::Outcome>) -> Result<ExitCode> {
    let mut report = Report::new(vec![]);
    report.check(name, check);
    Ok(report.finish())
}

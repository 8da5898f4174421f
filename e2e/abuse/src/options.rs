//! What this program is told.

use crate::{attacks, self_test, server::Source, target::Build, wire::protocol::Protocol};
use lexopt::prelude::*;
use std::{net::SocketAddr, path::PathBuf};

pub(crate) const HELP: &str = "\
Attacks a server in every way that a stranger can, and looks whether others notice.

Usage: abuse --binary PROGRAM [OPTION...]
       abuse --address ADDRESS --pid PROCESS [OPTION...]

  --binary PROGRAM     starts this program as `PROGRAM --addr 127.0.0.1:0`, which prints `listening on ADDRESS`
                       [default: examples/conformance beside this program, where cargo puts it]
  --address ADDRESS    attacks a server that runs already and serves the paths of conformance/services.md
  --pid PROCESS        its process, whose memory, descriptors and load are looked at
  --build BUILD        debug or release: what the server is held to [default: debug if its path says so]
  --only ATTACK        only the attacks whose name has this in it; may be given several times
  --protocol PROTOCOL  only over swill/1, json-rpc, events or webmesh; may be given several times
  --divide N           with an Nth of the numbers, to try something out or to save time [default: 1]
  --seed N             another beginning for what is left to chance [default: 1]
  --json FILE          writes what was found as JSON, too
  --list               names the attacks, and what is expected
  --self-test          tries attacks on servers that lack one defence after the other, each of which has to be noticed;
                       the servers, and `abused` beside them, have to be built with `--cfg swill_weak`
  --help               this text

An attack holds if it was met as expected, a new connection is served within a second after it, others who call every
10 ms noticed nothing (no error, no call over 1 s, 3 s in debug builds; release builds: p99 at most 100 ms), and the server's memory,
descriptors and load are back. Attacks that mostly wait have a server of their own each, and run beside the others.

Exit status: 0 if all attacks held, 1 if one did not, 2 if they could not be tried.";

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    Help,
    List,
    Run(Options),
    /// Whether attacks notice that defences are missing.
    SelfTest(Options),
}

/// How attacks are run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) build: Build,
    pub(crate) only: Vec<String>,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) divisor: usize,
    pub(crate) seed: u64,
    pub(crate) json: Option<PathBuf>,
}

pub(crate) fn read(mut arguments: lexopt::Parser) -> Result<Ask, lexopt::Error> {
    let (mut binary, mut address, mut pid, mut build, mut json) = (None, None, None, None, None);
    let (mut only, mut protocols, mut divisor, mut seed) = (vec![], vec![], 1, 1);
    let mut self_test = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Ask::Help),
            Long("list") => return Ok(Ask::List),
            Long("self-test") => self_test = true,
            Long("binary") => binary = Some(PathBuf::from(arguments.value()?)),
            Long("address") => address = Some(arguments.value()?.parse::<SocketAddr>()?),
            Long("pid") => pid = Some(arguments.value()?.parse()?),
            Long("build") => {
                build = Some(match arguments.value()?.string()?.as_str() {
                    "debug" => Build::Debug,
                    "release" => Build::Release,
                    other => return Err(format!("`{other}` is neither debug nor release").into()),
                });
            }
            Long("only") => only.push(arguments.value()?.string()?),
            Long("protocol") => {
                let name = arguments.value()?.string()?;
                let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
                protocols.push(protocol.ok_or_else(|| format!("there is no protocol `{name}`"))?);
            }
            Long("divide") => divisor = arguments.value()?.parse::<std::num::NonZeroUsize>()?.get(),
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("json") => json = Some(PathBuf::from(arguments.value()?)),
            _ => return Err(argument.unexpected()),
        }
    }
    let known = |only: &str| {
        attacks::all().iter().any(|attack| attack.name.contains(only)) || self_test && self_test::knows(only)
    };
    if let Some(unknown) = only.iter().find(|only| !known(only)) {
        return Err(format!("no attack has `{unknown}` in its name; --list names them").into());
    }
    let source = match (address, pid, binary) {
        (Some(address), Some(pid), None) => Source::Running(address, pid),
        (None, None, Some(binary)) => Source::Program(binary),
        (None, None, None) => Source::Program(beside()?),
        _ => return Err("--address and --pid belong together, and --binary stands alone".into()),
    };
    let build = build.unwrap_or_else(|| match &source {
        Source::Program(binary) if binary.components().any(|part| part.as_os_str() == "debug") => {
            Build::Debug
        }
        _ => Build::Release,
    });
    if protocols.is_empty() {
        protocols.extend(Protocol::ALL);
    }
    let ask = if self_test { Ask::SelfTest } else { Ask::Run };
    Ok(ask(Options { source, build, only, protocols, divisor, seed, json }))
}

/// The server that was built together with this program.
fn beside() -> Result<PathBuf, lexopt::Error> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let found = this.with_file_name("examples").join("conformance");
    if found.exists() { Ok(found) } else { Err("which server? --binary or --address says so".into()) }
}

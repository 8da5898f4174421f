//! The server that is attacked: started and ended here, or somebody else's.

use crate::{
    failure::{Context, Failure, Result},
    process::Process,
    target::Build,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Where the server comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A program that prints `listening on ADDRESS`.
    Program(PathBuf),
    /// One that runs already, and its process.
    Running(SocketAddr, u32),
}

/// A server. One that was started here ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    pub(crate) build: Build,
    child: Option<Child>,
}

/// The defence without which servers are started.
static WITHOUT: Mutex<Option<&'static str>> = Mutex::new(None);

/// From now on, servers are started without this defence; those can do so that were built with `--cfg swill_weak`.
pub(crate) fn start_without(defence: Option<&'static str>) {
    *WITHOUT.lock().unwrap_or_else(PoisonError::into_inner) = defence;
}

impl Server {
    pub(crate) fn start(source: &Source, build: Build) -> Result<Self> {
        match source {
            Source::Running(address, id) => {
                Ok(Self { address: *address, process: Process::new(*id)?, build, child: None })
            }
            Source::Program(program) => Self::start_program(program, &[], build),
        }
    }

    /// Starts a program, with more arguments than its address.
    pub(crate) fn start_program(program: &Path, arguments: &[&str], build: Build) -> Result<Self> {
        let mut command = Command::new(program);
        if let Some(defence) = *WITHOUT.lock().unwrap_or_else(PoisonError::into_inner) {
            command.env("SWILL_WEAK", defence);
        }
        command
            .args(["--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context(program.display())?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let stderr = child.stderr.take().ok_or("no standard error")?;
        let (told, hears) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = told.send(line);
            let _ = stdout.read_to_end(&mut vec![]);
        });
        thread::spawn(move || relay(stderr));
        let id = child.id();
        // From here on it is ended whatever happens.
        let mut server = Self {
            address: ([127, 0, 0, 1], 0).into(),
            process: Process::new(id)?,
            build,
            child: Some(child),
        };
        let line = hears.recv_timeout(Duration::from_secs(60)).map_err(|_| "the server says nothing")?;
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        server.address = address.ok_or_else(|| format!("the server says {line:?}"))?;
        Ok(server)
    }

    /// Tells it to end, as an operator would.
    pub(crate) fn tell_to_end(&self) -> Result {
        self.child.as_ref().map_or(Ok(()), terminate)
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), |child| Ok(child.try_wait()?))
    }

    /// Ends it as an operator would, with SIGTERM. One that was not started here is left alone.
    ///
    /// # Errors
    ///
    /// It has ended before, or not in peace.
    pub(crate) fn stop(mut self) -> Result {
        let Some(child) = &mut self.child else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            return Err(format!("the server had ended before, with {status}").into());
        }
        terminate(child)?;
        let until = Instant::now() + Duration::from_secs(45);
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("told to end, the server ended with {status}").into()),
                None if Instant::now() > until => return Err("told to end, the server did not".into()),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn terminate(child: &Child) -> Result {
    let id = i32::try_from(child.id()).map_err(|_| "a process of an impossible number")?;
    kill(Pid::from_raw(id), Signal::SIGTERM).map_err(|error| Failure::from(format!("SIGTERM: {error}")))
}

/// Reads what the server logs, so that it never waits for us, and shows what must not be there: panics.
fn relay(stderr: impl Read) {
    let mut shown = 0;
    for line in BufReader::new(stderr).lines().map_while(std::io::Result::ok) {
        let bad = ["panicked", "overflowed its stack", "memory allocation of", "fatal runtime error"];
        if bad.iter().any(|bad| line.contains(bad)) && shown < 20 {
            shown += 1;
            eprintln!("server: {line}");
        }
    }
}

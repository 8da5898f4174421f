//! Other programs: run to their end, or served by until they are stopped. None outlives this one.

use crate::Result;
use std::{
    env,
    io::{BufRead, BufReader, ErrorKind, Read},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How often something is looked at that cannot wake anybody: an exit status, a port.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The cargo that runs this program, or else the one in the path.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// Builds an example in release mode, and tells where it is.
pub(crate) fn release_example(root: &Path, name: &str) -> Result<PathBuf> {
    run(cargo(root).args(["build", "--release", "--package", "swill-examples", "--example", name]))?;
    Ok(target(root).join("release/examples").join(name))
}

/// Whether a program can be started.
pub(crate) fn exists(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a program to its end; its output is ours.
pub(crate) fn run(command: &mut Command) -> Result {
    match status(command)? {
        status if status.success() => Ok(()),
        status => Err(format!("{status}: {}", shown(command)).into()),
    }
}

/// Runs a program to its end and tells how it ended; its output is ours.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let status = command.stdin(Stdio::null()).status();
    status.map_err(|error| format!("{} cannot be started: {error}", shown(command)).into())
}

/// Runs a program to its end, prints its output and returns it, too.
pub(crate) fn output(command: &mut Command, within: Duration) -> Result<(ExitStatus, String)> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Running(child.map_err(|error| format!("{} cannot be started: {error}", shown(command)))?);
    let stdout = child.0.stdout.take().ok_or("no standard output")?;
    let reader = thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            println!("{line}");
            all.push_str(&line);
            all.push('\n');
        }
        all
    });
    let status =
        child.wait(within).ok_or_else(|| format!("not done after {within:?}: {}", shown(command)))?;
    let all = reader.join().map_err(|_| "the output could not be read")?;
    Ok((status, all))
}

/// A program that is killed when it is not wanted any more.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self(child.map_err(|error| format!("{} cannot be started: {error}", shown(command)))?))
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK_AGAIN),
                _ => return None,
            }
        }
    }

    /// Asks it to end (SIGTERM), which it has to do soon and in peace.
    pub(crate) fn stop(mut self) -> Result {
        run(Command::new("kill").arg("-TERM").arg(self.0.id().to_string()))?;
        match self.wait(Duration::from_secs(45)) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the program was asked to end, and ended with {status}").into()),
            None => Err("the program was asked to end, and did not".into()),
        }
    }

    /// Waits until somebody listens on a port of this machine.
    pub(crate) fn wait_for_port(&mut self, port: u16) -> Result<TcpStream> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(socket) => return Ok(socket),
                Err(error) if error.kind() != ErrorKind::ConnectionRefused => return Err(error.into()),
                Err(_) if Instant::now() > until => return Err("nobody listens after a minute".into()),
                Err(_) => match self.wait(LOOK_AGAIN) {
                    Some(status) => return Err(format!("the program ended at once: {status}").into()),
                    None => continue,
                },
            }
        }
    }
}

impl Drop for Running {
    /// Asks first, since it may have started others that it has to end.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        if self.wait(Duration::from_secs(15)).is_none() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// A server that has said `listening on ADDRESS`.
pub(crate) struct Server {
    running: Running,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut running = Running::start(command.stdout(Stdio::piped()))?;
        let stdout = running.0.stdout.take().ok_or("no standard output")?;
        let (send, told) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let _ = stdout.read_line(&mut line).and_then(|_| {
                let _ = send.send(line);
                // Whatever it says later must not make it wait.
                stdout.read_to_end(&mut Vec::new())
            });
        });
        let line = told.recv_timeout(Duration::from_secs(60)).map_err(|_| "the server says nothing")?;
        let address = line.trim().strip_prefix("listening on ");
        let address =
            address.ok_or_else(|| format!("the server says {line:?} instead of `listening on ADDRESS`"))?;
        Ok(Self { running, address: address.to_owned() })
    }

    pub(crate) fn stop(self) -> Result {
        self.running.stop()
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A folder outside the repository that is gone when it is not needed any more.
pub(crate) struct TemporaryFolder(pub(crate) PathBuf);

impl TemporaryFolder {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = env::temp_dir().join(format!("swill-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

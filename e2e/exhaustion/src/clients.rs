//! The clients without descriptors, and while the clock jumps: calls fail and say why, and go on when they can.

use crate::{Bench, clock::Clock, report::Outcome, skip};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use swill_exhaustion::{
    Result,
    process::{Server, sample, until},
};

/// A program that calls `add` ten times a second and says how each call ended: `ok`, or `error` and why.
struct Caller {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Caller {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let said = Arc::<Mutex<Vec<String>>>::default();
        if let Some(stdout) = child.stdout.take() {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
                    said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        Ok(Self { child, said })
    }

    /// What it has said since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lives(&mut self) -> Result {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the client has ended: {status}: {:?}", self.take()).into()),
        }
    }

    /// Waits until it has said something so often; the last time, whole.
    fn says(&mut self, what: &str, count: usize, within: Duration) -> Result<String> {
        self.take();
        let mut seen = Vec::new();
        until(&format!("the client says `{what}`"), within, || {
            seen.extend(self.take());
            match seen.iter().filter(|line| line.starts_with(what)).count() {
                enough if enough >= count => Ok(()),
                few => Err(format!("{few} times; last {:?}", seen.last()).into()),
            }
        })?;
        self.lives()?;
        Ok(seen.into_iter().rfind(|line| line.starts_with(what)).unwrap_or_default())
    }

    fn cpu_during(&self, time: Duration) -> Result<f64> {
        let before = sample(self.child.id())?.cpu;
        thread::sleep(time);
        Ok((sample(self.child.id())?.cpu - before).as_secs_f64() / time.as_secs_f64())
    }

    /// Sets how many descriptors it may have.
    fn allow(&self, descriptors: usize) -> Result {
        let mut command = Command::new("prlimit");
        command.arg("--pid").arg(self.child.id().to_string()).arg(format!("--nofile={descriptors}:"));
        match command.status()?.success() {
            true => Ok(()),
            false => Err("prlimit failed".into()),
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts a client under pressure; `command` makes the one that calls at a URL.
fn check(bench: &Bench, command: impl Fn(&str) -> Command) -> Result<Outcome> {
    let mut server = Server::start(&mut bench.server())?;
    let address = server.address;
    let url = format!("ws://{address}/ws");
    let mut caller = Caller::start(&mut command(&url))?;
    caller.says("ok", 3, Duration::from_secs(20))?;
    // It loses its connection, and cannot have another.
    caller.allow(1)?;
    server.stop()?;
    let listen = address.to_string();
    server = Server::start(bench.server().env("SWILL_LISTEN", listen))?;
    let reason = caller.says("error", 2, Duration::from_secs(20))?;
    let spent = caller.cpu_during(Duration::from_secs(2))?;
    if spent > 0.5 {
        return Err(format!("the client spins: {:.0} % of a core", spent * 100.0).into());
    }
    caller.allow(1024)?;
    caller.says("ok", 3, Duration::from_secs(40))?;
    drop(caller);
    let clock = match Clock::new("client") {
        Ok(clock) => clock,
        Err(why) => {
            server.stop()?;
            return Ok(Outcome::Held(format!("without descriptors; the clock was left out: {why}")));
        }
    };
    let mut caller = Caller::start(clock.wind(&mut command(&url), false))?;
    caller.says("ok", 3, Duration::from_secs(20))?;
    for offset in ["+1d", "-1d", "+10y", "-20y", "+0"] {
        caller.take();
        clock.set(offset)?;
        thread::sleep(Duration::from_secs(1));
        let said = caller.take();
        if said.len() < 3 || said.iter().any(|line| line != "ok") {
            return Err(format!("{offset}: {said:?}").into());
        }
        caller.lives()?;
    }
    let cpu = caller.cpu_during(Duration::from_secs(1))?;
    if cpu > 0.5 {
        return Err(format!("the client spins after the jumps: {:.0} % of a core", cpu * 100.0).into());
    }
    drop(caller);
    server.stop()?;
    Ok(Outcome::Held(format!(
        "without descriptors: {:?}, {:.0} % of a core, and back; the clock jumped, and no call failed",
        reason,
        spent * 100.0
    )))
}

pub(crate) fn rust(bench: &Bench) -> Result<Outcome> {
    check(bench, |url| {
        let mut command = Command::new(&bench.program);
        command.args(["call", url]);
        command
    })
}

pub(crate) fn typescript(bench: &Bench) -> Result<Outcome> {
    let client = bench.file("clients/typescript/dist/index.js");
    if !client.exists() {
        return skip("the TypeScript client has not been built (cargo xtask test typescript)");
    }
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("Node is not installed");
    }
    check(bench, |url| {
        let mut command = Command::new("node");
        command.arg(bench.file("e2e/exhaustion/clients/node.mjs")).arg(url).env("SWILL_TYPESCRIPT", &client);
        command
    })
}

pub(crate) fn python(bench: &Bench) -> Result<Outcome> {
    let python = std::env::var("SWILL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let command = |url: &str| {
        let mut command = Command::new(&python);
        command.env("PYTHONPATH", bench.file("clients/python/src")).env("PYTHONUNBUFFERED", "1");
        command.arg(bench.file("e2e/exhaustion/clients/python.py")).arg(url);
        command
    };
    let imports =
        Command::new(&python).args(["-c", "import msgspec, websockets"]).stderr(Stdio::null()).status();
    if !imports.is_ok_and(|status| status.success()) {
        return skip(
            "msgspec and websockets are not installed for Python (`SWILL_PYTHON` names one that has them)",
        );
    }
    check(bench, command)
}

/// The caller of the Rust client.
#[expect(clippy::print_stdout, reason = "whoever started this program reads it")]
pub(crate) fn call(url: &str) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = swill_client::Client::builder(url).lazy().map_err(|error| error.to_string())?;
        loop {
            let request = client.request("add").deadline(Duration::from_secs(2));
            match request.call::<i64>((2, 3)).await {
                Ok(5) => println!("ok"),
                Ok(other) => println!("error 2 + 3 is {other}"),
                Err(error) => println!("error {}: {}", error.code().0, error.message()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}

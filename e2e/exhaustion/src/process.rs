//! A server as a process of its own: started, looked at, ended.

use crate::Result;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// A server that has said `listening on ADDRESS`. Ended when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// What the system knows of a process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Bytes of memory.
    pub rss: u64,
    /// Descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
    /// The time for which it had a core.
    pub cpu: Duration,
}

impl Server {
    /// Starts a program; its log is kept.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not say where it listens within 30 s.
    pub fn start(command: &mut Command) -> Result<Self> {
        Self::start_with(command.stderr(Stdio::piped()))
    }

    /// Starts a program whose standard error has been directed already.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let log = Arc::<Mutex<String>>::default();
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(std::io::Result::ok) {
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        let (send, told) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                let mut stdout = BufReader::new(stdout);
                let mut line = String::new();
                let _ = stdout.read_line(&mut line);
                let _ = send.send(line);
                let _ = stdout.read_to_end(&mut Vec::new());
            });
        }
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        let line = told.recv_timeout(Duration::from_secs(30)).unwrap_or_default();
        match line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok()) {
            Some(address) => server.address = address,
            None => return Err(format!("the server did not start: {line}{}", server.log()).into()),
        }
        Ok(server)
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it still runs; if not, how it ended.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn lives(&mut self) -> Result {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the server has ended: {status}\n{}", self.log()).into()),
        }
    }

    /// What the system knows of it now.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn sample(&self) -> Result<Sample> {
        sample(self.pid())
    }

    /// The share of one core that it uses during a while.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn cpu_during(&self, time: Duration) -> Result<f64> {
        let (before, started) = (self.sample()?.cpu, Instant::now());
        thread::sleep(time);
        Ok((self.sample()?.cpu - before).as_secs_f64() / started.elapsed().as_secs_f64())
    }

    /// Asks it to end, which it has to do in peace.
    ///
    /// # Errors
    ///
    /// It ends in another way, or does not.
    pub fn stop(mut self) -> Result {
        self.lives()?;
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        let until = Instant::now() + Duration::from_secs(45);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => {
                        Err(format!("asked to end, the server ended with {status}\n{}", self.log()).into())
                    }
                };
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err("the server was asked to end, and did not".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the system knows of a process now.
///
/// # Errors
///
/// There is no such process.
pub fn sample(pid: u32) -> Result<Sample> {
    /// As Linux counts time for programs, whatever it does inside.
    const TICKS_PER_SECOND: u64 = 100;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Sample {
        rss: field("VmRSS").unwrap_or(0) * 1024,
        descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        threads: field("Threads").unwrap_or(0),
        cpu: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND),
    })
}

/// Waits until something is so.
///
/// # Errors
///
/// It is not so in time; the last reason why.
pub fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> Result) -> Result {
    let end = Instant::now() + within;
    loop {
        match is_so() {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= end => {
                return Err(format!("{what}: not within {within:?}: {why}").into());
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

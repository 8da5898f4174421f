//! The clock jumps: by hand, with libfaketime, while everything runs that has to do with time.

use crate::{Bench, report::Outcome, skip};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use swill_client::Client;
use swill_exhaustion::{
    Result,
    process::{Server, until},
    raw::Raw,
};

const PATIENCE: Duration = Duration::from_secs(8);

/// Offsets of the clock, one after the other.
const JUMPS: [&str; 6] = ["+1d", "-1d", "+10y", "-20y", "+3600", "+0"];

/// A clock that is set for single processes.
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// # Errors
    ///
    /// libfaketime is not installed: a reason to skip.
    pub(crate) fn new(name: &str) -> Result<Self> {
        const PLACES: [&str; 4] = [
            "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
            "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
            "/usr/lib/faketime/libfaketimeMT.so.1",
            "/usr/lib64/faketime/libfaketimeMT.so.1",
        ];
        let library = PLACES.iter().map(Path::new).find(|path| path.exists());
        let library = library.ok_or("libfaketime is not installed (apt-get install faketime)")?.to_owned();
        let clock = Self {
            library,
            file: std::env::temp_dir().join(format!("swill-clock-{name}-{}", std::process::id())),
        };
        clock.set("+0")?;
        Ok(clock)
    }

    /// Sets it so much before or behind the real one.
    pub(crate) fn set(&self, offset: &str) -> Result {
        // In one step: who reads it meanwhile must not find it empty.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{offset}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }

    /// Puts a process under this clock; the one that only goes forwards stays the real one, unless it is to jump, too.
    pub(crate) fn wind<'c>(&self, command: &'c mut Command, monotonic: bool) -> &'c mut Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", if monotonic { "0" } else { "1" })
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// A connection on which nothing is said but pings, in a thread of its own.
struct Idle {
    over: Arc<AtomicBool>,
    waiting: thread::JoinHandle<std::result::Result<(), String>>,
}

impl Idle {
    fn new(server: &Server) -> Result<Self> {
        let mut raw = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
        // Shorter than the time between two pings: in between, it sees that it is over.
        raw.socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let over = Arc::<AtomicBool>::default();
        let told = Arc::clone(&over);
        let waiting = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                match raw.receive() {
                    Err(error) if error.to_string().contains("temporarily unavailable") => {}
                    Err(error) => return Err(format!("an idle connection was closed: {error}")),
                    Ok(message) => return Err(format!("an idle connection got {message:?}")),
                }
            }
            Ok(())
        });
        Ok(Self { over, waiting })
    }

    fn end(self) -> Result {
        self.over.store(true, Ordering::Relaxed);
        Ok(self.waiting.join().map_err(|_| "the idle connection's thread panicked")??)
    }
}

/// Wall clocks may say what they like: connections stay, deadlines hold, nothing spins.
pub(crate) fn wall(bench: &Bench) -> Result<Outcome> {
    let clock = match Clock::new("wall") {
        Ok(clock) => clock,
        Err(why) => return skip(why.to_string()),
    };
    let mut command = bench.server();
    command
        .env("SWILL_LIMITS__PING_AFTER", "300ms")
        .env("SWILL_LIMITS__PONG_WITHIN", "2s")
        .env("SWILL_LIMITS__DEADLINE", "1s");
    let mut server = Server::start(clock.wind(&mut command, false))?;
    let idle = Idle::new(&server)?;
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    let mut most_cpu: f64 = 0.0;
    for offset in JUMPS {
        clock.set(offset)?;
        let asked = Instant::now();
        connection.call("slow", &json!([200])).map_err(|error| format!("{offset}: {error}"))?;
        let Err(late) = connection.call("slow", &json!([5000])) else {
            return Err(format!("{offset}: a call went on beyond its deadline").into());
        };
        let took = asked.elapsed();
        if !late.to_string().contains("504") || !(1.1..3.0).contains(&took.as_secs_f64()) {
            return Err(format!("{offset}: a deadline of 1 s took {took:?} and said {late}").into());
        }
        Raw::open(server.address, "/jsonrpc", PATIENCE)?
            .add()
            .map_err(|error| format!("{offset}: {error}"))?;
        most_cpu = most_cpu.max(server.cpu_during(Duration::from_millis(500))?);
        server.lives()?;
    }
    if most_cpu > 0.2 {
        return Err(format!("{:.0} % of a core after a jump", most_cpu * 100.0).into());
    }
    idle.end()?;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{}: no connection closed, deadlines of 1 s held, {:.0} % of a core",
        JUMPS.join(", "),
        most_cpu * 100.0
    )))
}

/// As after a sleep of the machine: what is due happens at once, and then all goes on.
pub(crate) fn monotonic(bench: &Bench) -> Result<Outcome> {
    let clock = match Clock::new("monotonic") {
        Ok(clock) => clock,
        Err(why) => return skip(why.to_string()),
    };
    let mut command = bench.server();
    command.env("SWILL_LIMITS__DEADLINE", "30s");
    let mut server = Server::start(clock.wind(&mut command, true))?;
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    let mut most_cpu: f64 = 0.0;
    for offset in ["+3600", "+1d", "+30d"] {
        connection.add()?;
        clock.set(offset)?;
        until(&format!("{offset}: calls go on"), Duration::from_secs(15), || {
            Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()
        })?;
        // The one that was open has been pinged for its silence, which it answers by and by.
        connection.add().map_err(|error| format!("{offset}: a connection that was open: {error}"))?;
        most_cpu = most_cpu.max(server.cpu_during(Duration::from_secs(1))?);
        server.lives()?;
    }
    if most_cpu > 0.2 {
        return Err(format!("{:.0} % of a core after a jump", most_cpu * 100.0).into());
    }
    server.stop()?;
    Ok(Outcome::Held(format!("an hour, a day and a month at once; {:.0} % of a core", most_cpu * 100.0)))
}

/// New certificates are noticed whatever the clock says.
pub(crate) fn tls(bench: &Bench) -> Result<Outcome> {
    let clock = match Clock::new("tls") {
        Ok(clock) => clock,
        Err(why) => return skip(why.to_string()),
    };
    let files = std::env::temp_dir().join(format!("swill-certificates-{}", std::process::id()));
    fs::create_dir_all(&files)?;
    let outcome = reload(bench, &clock, &files);
    fs::remove_dir_all(files)?;
    outcome
}

fn reload(bench: &Bench, clock: &Clock, files: &Path) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut certificate = new_certificate(files)?;
    let mut command = bench.server();
    command
        .env("SWILL_TLS__CERTIFICATE", files.join("cert.pem"))
        .env("SWILL_TLS__KEY", files.join("key.pem"));
    let mut server = Server::start(clock.wind(&mut command, false))?;
    let mut took = Vec::new();
    let connect = |server: &Server, certificate: &str| -> Result<Client> {
        let url = format!("wss://localhost:{}/ws", server.address.port());
        let client = Client::builder(&url).root_certificate(certificate.as_bytes());
        let client = runtime
            .block_on(client.connect_timeout(PATIENCE).connect())
            .map_err(|error| error.to_string())?;
        let sum: i64 = runtime.block_on(client.call("add", (2, 3))).map_err(|error| error.to_string())?;
        if sum == 5 { Ok(client) } else { Err("2 + 3 is something else".into()) }
    };
    let old = connect(&server, &certificate)?;
    for offset in ["+1d", "-20y", "+10y"] {
        clock.set(offset)?;
        certificate = new_certificate(files)?;
        let started = Instant::now();
        until(&format!("{offset}: the new certificate"), Duration::from_secs(15), || {
            connect(&server, &certificate).map(drop)
        })?;
        took.push(format!("{:.1} s", started.elapsed().as_secs_f64()));
        let sum: std::result::Result<i64, _> = runtime.block_on(old.call("add", (2, 3)));
        if sum.as_ref().ok() != Some(&5) {
            return Err(format!("{offset}: the connection that was open: {sum:?}").into());
        }
        server.lives()?;
    }
    let cpu = server.cpu_during(Duration::from_secs(1))?;
    if cpu > 0.2 {
        return Err(format!("{:.0} % of a core", cpu * 100.0).into());
    }
    drop(old);
    server.stop()?;
    Ok(Outcome::Held(format!("new certificates noticed after jumps within {}", took.join(", "))))
}

/// Writes a new certificate and its key; returns the certificate.
fn new_certificate(files: &Path) -> Result<String> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(files.join("key.pem"), made.signing_key.serialize_pem())?;
    fs::write(files.join("cert.pem"), made.cert.pem())?;
    Ok(made.cert.pem())
}

//! No descriptors left.

use crate::{Bench, report::Outcome};
use std::{
    fs,
    io::Read,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};
use swill_exhaustion::{
    Result,
    process::{Server, until},
    raw::{self, Raw},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// How many sockets are opened at a server that may have 64 descriptors.
const FLOOD: usize = 120;

/// The listener survives, does not spin, says so a few times, and turns peers away at once; connections that are open
/// notice nothing.
pub(crate) fn run_out(bench: &Bench) -> Result<Outcome> {
    let mut server = Server::start(&mut bench.server_after("ulimit -n 64", &[]))?;
    Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()?;
    let before = server.sample()?.descriptors;
    let mut old = Vec::new();
    for _ in 0..8 {
        old.push(Raw::open(server.address, "/jsonrpc", PATIENCE)?);
    }
    let (mut flood, mut turned_away, started) = (Vec::new(), 0, Instant::now());
    let mut slowest = Duration::ZERO;
    while flood.len() < FLOOD {
        flood.push(raw::connect(server.address, PATIENCE)?);
    }
    let cpu = server.cpu_during(Duration::from_secs(3))?;
    server.lives()?;
    while started.elapsed() < Duration::from_secs(4) {
        for connection in &mut old {
            let asked = Instant::now();
            connection.add().map_err(|error| format!("a connection that was open: {error}"))?;
            slowest = slowest.max(asked.elapsed());
        }
        thread::sleep(Duration::from_millis(20));
    }
    for socket in &flood {
        turned_away += usize::from(is_over(socket));
    }
    let asked = Instant::now();
    let refused = Raw::open(server.address, "/jsonrpc", PATIENCE).is_err();
    let told_within = asked.elapsed();
    if !refused || turned_away < FLOOD / 4 {
        return Err(
            format!("{turned_away} of {FLOOD} were turned away; one more was refused: {refused}").into()
        );
    }
    if told_within > Duration::from_secs(2) {
        return Err(format!("a peer hung for {told_within:?} before it was turned away").into());
    }
    if cpu > 0.3 {
        return Err(format!("the listener spins: {:.0} % of a core", cpu * 100.0).into());
    }
    if slowest > Duration::from_secs(1) {
        return Err(format!("a call over a connection that was open took {slowest:?}").into());
    }
    let lines = server.log().matches("connections cannot be accepted").count();
    if !(1..=3).contains(&lines) {
        return Err(format!("{lines} lines in the log in {:?}\n{}", started.elapsed(), server.log()).into());
    }
    drop(flood);
    until("connections are accepted again", PATIENCE, || {
        Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()
    })?;
    drop(old);
    until("descriptors are back", PATIENCE, || match server.sample()?.descriptors {
        now if now <= before => Ok(()),
        now => Err(format!("{now}, and {before} before").into()),
    })?;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{turned_away} of {FLOOD} turned away, one more within {} ms; {:.0} % of a core; open connections answered within \
         {} ms; {lines} lines in the log",
        told_within.as_millis(),
        cpu * 100.0,
        slowest.as_millis()
    )))
}

/// Files that cannot be opened are an error of their request.
pub(crate) fn files(bench: &Bench) -> Result<Outcome> {
    let folder = std::env::temp_dir().join(format!("swill-exhaustion-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("hello.txt"), "hello")?;
    let files = format!("/files={}", folder.display());
    let outcome = (|| {
        let server = Server::start(&mut bench.server_after("ulimit -n 48", &["--files", &files]))?;
        let mut old = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
        if raw::get(server.address, "/files/hello.txt", PATIENCE)? != (200, b"hello".to_vec()) {
            return Err("the file is not served".into());
        }
        let mut flood = Vec::new();
        let mut refused = 0;
        for _ in 0..60 {
            flood.push(raw::connect(server.address, PATIENCE)?);
        }
        for _ in 0..5 {
            // Turned away, or an error: whatever it is, it comes soon.
            match raw::get(server.address, "/files/hello.txt", PATIENCE) {
                Ok((200, _)) => {}
                _ => refused += 1,
            }
            old.add()?;
        }
        drop(flood);
        until("files are served again", PATIENCE, || {
            match raw::get(server.address, "/files/hello.txt", PATIENCE)? {
                (200, _) => Ok(()),
                (status, _) => Err(format!("status {status}").into()),
            }
        })?;
        server.stop()?;
        Ok(Outcome::Held(format!("{refused} of 5 requests refused meanwhile, all served afterwards")))
    })();
    fs::remove_dir_all(folder)?;
    outcome
}

/// Whether the server has ended a connection on which nothing was said.
fn is_over(socket: &TcpStream) -> bool {
    let mut socket = socket;
    let _ = socket.set_read_timeout(Some(Duration::from_millis(1)));
    match socket.read(&mut [0; 16]) {
        Ok(bytes) => bytes == 0,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

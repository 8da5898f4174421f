//! Static files on a disk that hangs, and on one that fails.

use crate::{
    Bench,
    disks::{Disk, FAILS, FAILS_AT, FINE, HANGS, NAME_HANGS, SIZE},
    report::Outcome,
    skip,
};
use serde_json::json;
use std::{
    fs,
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};
use swill_exhaustion::{
    Result,
    process::{Server, until},
    raw::{self, Raw},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// How many requests wait for the disk.
const REQUESTS: usize = 1000;

/// A folder on a good disk, gone when dropped.
struct Good(std::path::PathBuf);

impl Good {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("swill-good-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("good.txt"), "good")?;
        Ok(Self(folder))
    }
}

impl Drop for Good {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(bench: &Bench, disk: &Disk, good: &Good) -> Result<Server> {
    let mut command = bench.server();
    command.arg("--files").arg(format!("/slow={}", disk.folder.display()));
    command.arg("--files").arg(format!("/good={}", good.0.display()));
    Server::start(&mut command)
}

/// A thousand requests for files that never come keep so many threads and no more: calls, procedures that block, and other
/// folders go on.
pub(crate) fn hangs(bench: &Bench) -> Result<Outcome> {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return skip(why.to_string()),
    };
    let good = Good::new()?;
    let mut server = serve(bench, &disk, &good)?;
    let slow = |name: &str| format!("/slow/{name}");
    if raw::get(server.address, &slow(FINE), PATIENCE)? != (200, b"fine".to_vec()) {
        return Err("the file on the disk is not served".into());
    }
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    connection.add()?;
    let before = server.sample()?;
    let mut waiting = Vec::new();
    for number in 0..REQUESTS {
        let mut socket = raw::connect(server.address, PATIENCE)?;
        let name = if number % 2 == 0 { HANGS } else { NAME_HANGS };
        socket.write_all(format!("GET /slow/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        waiting.push(socket);
    }
    let (mut slowest, started, mut calls) = (Duration::ZERO, Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        connection.add()?;
        connection.call("block", &json!([1])).map_err(|error| format!("a procedure that blocks: {error}"))?;
        slowest = slowest.max(asked.elapsed());
        calls += 2;
        match raw::get(server.address, "/good/good.txt", PATIENCE)? {
            (200, body) if body == b"good" => {}
            (status, _) => return Err(format!("a file on another disk: status {status}").into()),
        }
    }
    if slowest > Duration::from_secs(1) {
        return Err(format!("two calls took {slowest:?}").into());
    }
    let threads = server.sample()?.threads - before.threads;
    if threads > 80 {
        return Err(format!("{threads} threads wait for the disk").into());
    }
    let (status, _) = raw::get(server.address, &slow(FINE), PATIENCE)?;
    let cpu = server.cpu_during(Duration::from_secs(1))?;
    if cpu > 0.2 {
        return Err(format!("{:.0} % of a core while nothing happens", cpu * 100.0).into());
    }
    let refused = waiting.iter().filter(|socket| was_refused(socket)).count();
    if status != 503 || refused < REQUESTS / 2 {
        return Err(
            format!("{refused} of {REQUESTS} were refused with 503, and one more with {status}").into()
        );
    }
    // Those who give up leave nothing behind, and what hangs keeps its places.
    waiting.truncate(REQUESTS / 2);
    thread::sleep(Duration::from_millis(200));
    if server.sample()?.threads > before.threads + 80 {
        return Err("threads grow as peers give up".into());
    }
    drop(disk);
    drop(waiting);
    until("the folder answers again", PATIENCE, || match raw::get(server.address, &slow(FINE), PATIENCE)? {
        (503, _) => Err("503".into()),
        _ => Ok(()),
    })?;
    until("threads and descriptors are back", Duration::from_secs(20), || {
        let now = server.sample()?;
        match now.descriptors <= before.descriptors + 2 && now.threads <= before.threads + 2 {
            true => Ok(()),
            false => Err(format!("{} descriptors, {} threads", now.descriptors, now.threads).into()),
        }
    })?;
    server.lives()?;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{REQUESTS} requests for files that never come: {refused} got 503, {threads} threads; {calls} calls meanwhile, two \
         of them took {} ms at most",
        slowest.as_millis()
    )))
}

/// A file that cannot be read to its end ends its connection, so that nobody takes it for whole.
pub(crate) fn fails(bench: &Bench) -> Result<Outcome> {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return skip(why.to_string()),
    };
    let good = Good::new()?;
    let mut server = serve(bench, &disk, &good)?;
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    for _ in 0..20 {
        let (status, body) = raw::get(server.address, &format!("/slow/{FAILS}"), PATIENCE)?;
        if status != 200 || body.len() as u64 > FAILS_AT {
            return Err(format!("status {status} and {} bytes", body.len()).into());
        }
        connection.add()?;
        if raw::get(server.address, "/good/good.txt", PATIENCE)?.0 != 200 {
            return Err("another file is not served".into());
        }
    }
    let told = server.log().matches("could not be read").count();
    if told == 0 {
        return Err("the log says nothing".into());
    }
    server.lives()?;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{FAILS_AT} of {SIZE} bytes, then the connection ends; {told} lines in the log for 20 requests"
    )))
}

/// Whether a request was answered with 503; one that hangs was not.
fn was_refused(socket: &std::net::TcpStream) -> bool {
    let mut socket = socket;
    let _ = socket.set_read_timeout(Some(Duration::from_millis(1)));
    let mut answer = [0; 64];
    matches!(socket.read(&mut answer), Ok(bytes @ 12..) if answer[..bytes].starts_with(b"HTTP/1.1 503"))
}

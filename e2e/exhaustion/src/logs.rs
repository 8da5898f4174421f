//! Nobody reads the log, or nobody can.

use crate::{Bench, report::Outcome};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::json;
use std::{
    io::{PipeReader, PipeWriter, Read, Write, pipe},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use swill_exhaustion::{
    Result,
    process::{Server, until},
    raw::{self, Raw},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Lines are lost, and nothing else.
pub(crate) fn closed(bench: &Bench) -> Result<Outcome> {
    for (what, shell) in
        [("closed", "exec 2>&-"), ("a full device", "exec 2>/dev/full"), ("nobody reads", "true")]
    {
        let mut command = bench.server_after(shell, &[]);
        let reader = match what {
            "nobody reads" => {
                let (reader, writer) = pipe()?;
                command.stderr(writer);
                Some(reader)
            }
            _ => {
                command.stderr(Stdio::null());
                None
            }
        };
        let mut server = Server::start_with(&mut command).map_err(|error| format!("{what}: {error}"))?;
        drop(command);
        drop(reader);
        say_much(&server)?;
        server.lives().map_err(|error| format!("{what}: {error}"))?;
        Raw::open(server.address, "/jsonrpc", PATIENCE)?.add().map_err(|error| format!("{what}: {error}"))?;
        server.stop().map_err(|error| format!("{what}: {error}"))?;
    }
    Ok(Outcome::Held(
        "standard error closed, full, and without a reader: lines are lost, and nothing else".into(),
    ))
}

/// Whoever logs waits for room, and goes on when there is some.
pub(crate) fn blocked(bench: &Bench) -> Result<Outcome> {
    let (mut reader, writer) = pipe()?;
    let filled = fill(&writer)?;
    let mut command = bench.server();
    command.stderr(writer);
    // It logs where it listens, and that waits already.
    let reading = thread::spawn(move || -> Result<PipeReader> {
        thread::sleep(Duration::from_secs(1));
        reader.read_exact(&mut vec![0; filled])?;
        Ok(reader)
    });
    let started = Instant::now();
    let mut server = Server::start_with(&mut command)?;
    drop(command);
    let mut reader = reading.join().map_err(|_| "nobody reads the pipe")??;
    until("calls are answered after the log was read", PATIENCE, || {
        Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()
    })?;
    let waited = started.elapsed();
    let draining = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    say_much(&server)?;
    server.lives()?;
    server.stop()?;
    draining.join().map_err(|_| "the log could not be read")??;
    Ok(Outcome::Held(format!(
        "a full pipe as log: the server waited, and answered {} ms after its start, when it was read",
        waited.as_millis()
    )))
}

/// Makes the server log.
fn say_much(server: &Server) -> Result {
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    for _ in 0..20 {
        // Where peers have no `double`, that is an error of the procedure.
        let _ = connection.call("doubled", &json!("not a number"));
        let _ = raw::get(server.address, "/nowhere", PATIENCE)?;
        // Too large: a limit that is told.
        let mut peer = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
        let _ = peer.send(swill_ws::Kind::Text, &vec![b' '; 2 << 20]);
        peer.vanish();
    }
    connection.add()
}

/// Fills a pipe; returns how many bytes fit.
fn fill(writer: &PipeWriter) -> Result<usize> {
    let flags = OFlag::from_bits_truncate(fcntl(writer, FcntlArg::F_GETFL)?);
    fcntl(writer, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    let mut filled = 0;
    while let Ok(bytes @ 1..) = (&*writer).write(&[b'x'; 4096]) {
        filled += bytes;
    }
    fcntl(writer, FcntlArg::F_SETFL(flags))?;
    Ok(filled)
}

//! No threads left.

use crate::{Bench, report::Outcome, skip};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};
use swill_exhaustion::{
    Result,
    cgroup::Group,
    process::{Server, until},
    raw::Raw,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Without threads for procedures that block, those wait and the others go on; afterwards all is as before.
pub(crate) fn run_out(bench: &Bench) -> Result<Outcome> {
    let group = match Group::new("pids") {
        Ok(group) => group,
        Err(why) => return skip(why.to_string()),
    };
    let mut server = Server::start(&mut bench.server())?;
    let mut connection = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    connection.add()?;
    group.take(server.pid())?;
    let threads = server.sample()?.threads;
    group.limit_threads(threads)?;
    // Memory that was held goes back to the system, for which there is no thread either.
    connection.call("echo", &json!(["x".repeat(500_000)]))?;
    // Each of them wants a thread of its own.
    let mut blocking = Vec::new();
    for id in 0..20 {
        let mut raw = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
        let call = json!({ "jsonrpc": "2.0", "method": "block", "params": [10], "id": id });
        raw.send(swill_ws::Kind::Text, call.to_string().as_bytes())?;
        blocking.push(raw);
    }
    let (mut calls, mut slowest, started) = (0, Duration::ZERO, Instant::now());
    while started.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        connection
            .add()
            .map_err(|error| format!("a call that needs no thread: {error}\n{}", server.log()))?;
        Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()?;
        slowest = slowest.max(asked.elapsed());
        calls += 2;
        thread::sleep(Duration::from_millis(10));
    }
    server.lives()?;
    group.limit_threads(threads + 200)?;
    until("procedures that block run again", PATIENCE, || connection.call("block", &json!([1])).map(drop))?;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{threads} threads and not one more: {calls} calls meanwhile, the slowest took {} ms; blocking ones run afterwards",
        slowest.as_millis()
    )))
}

//! No memory left: what the limits promise, in a control group.

use crate::{Bench, report::Outcome, skip};
use serde_json::json;
use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};
use swill_exhaustion::{Result, cgroup::Group, process::Server, raw::Raw};
use swill_ws::Kind;

const PATIENCE: Duration = Duration::from_secs(10);
const MIB: u64 = 1 << 20;

/// What all of a process may have here.
const ALLOWED: u64 = 64 * MIB;

/// What the attacks have done.
struct Attack {
    connections: usize,
    /// Calls of an honest peer meanwhile.
    calls: usize,
    slowest: Duration,
    broken: Option<String>,
}

/// Many attackers, each within the limits for one connection, while an honest peer makes small calls.
fn attack(server: &mut Server, of_each: usize) -> Result<Attack> {
    let mut honest = Raw::open(server.address, "/jsonrpc", PATIENCE)?;
    let mut attackers = Vec::new();
    let mut attack = Attack { connections: 0, calls: 0, slowest: Duration::ZERO, broken: None };
    let ask = |honest: &mut Raw, attack: &mut Attack| {
        let asked = Instant::now();
        if attack.broken.is_none()
            && let Err(error) = honest.add()
        {
            attack.broken = Some(error.to_string());
        }
        attack.calls += 1;
        attack.slowest = attack.slowest.max(asked.elapsed());
    };
    for number in 0..of_each {
        for kind in 0..4 {
            if let Ok(attacker) = one_attack(server, kind) {
                attackers.push(attacker);
                attack.connections += 1;
            }
        }
        if number % 4 == 0 {
            ask(&mut honest, &mut attack);
        }
        if server.lives().is_err() {
            break;
        }
    }
    // What is buffered has a while to grow.
    for _ in 0..20 {
        ask(&mut honest, &mut attack);
        thread::sleep(Duration::from_millis(50));
    }
    for attacker in attackers {
        attacker.vanish();
    }
    Ok(attack)
}

/// A connection that makes the server keep as much as it may.
fn one_attack(server: &Server, kind: usize) -> Result<Raw> {
    let path = if kind == 1 { "/ws" } else { "/jsonrpc" };
    let mut raw = Raw::open(server.address, path, Duration::from_secs(2))?;
    let text = "x".repeat(1_000_000);
    match kind {
        // A message that never ends.
        0 => {
            let call = json!({ "jsonrpc": "2.0", "method": "echo", "params": [text], "id": 1 }).to_string();
            let frame = raw.frame(Kind::Text, call.as_bytes());
            raw.socket.write_all(&frame[..frame.len() - 10])?;
        }
        // Streams that nobody takes.
        1 => {
            raw.socket.set_write_timeout(Some(Duration::from_millis(100)))?;
            for item in 0..64 {
                if raw.say(item / 2 + 1, "ignore", vec![7; 120_000]).is_err() {
                    break;
                }
            }
        }
        // Answers that nobody reads.
        2 => {
            raw.socket.set_write_timeout(Some(Duration::from_millis(100)))?;
            let call = json!({ "jsonrpc": "2.0", "method": "echo", "params": [text], "id": 1 }).to_string();
            for _ in 0..16 {
                if raw.send(Kind::Text, call.as_bytes()).is_err() {
                    break;
                }
            }
        }
        // Streams out that nobody reads.
        _ => {
            for id in 0..32 {
                let call =
                    json!({ "jsonrpc": "2.0", "method": "count", "params": [1_000_000_000], "id": id });
                raw.send(Kind::Text, call.to_string().as_bytes())?;
            }
        }
    }
    Ok(raw)
}

fn group() -> Result<Group> {
    let group = Group::new("memory")?;
    group.limit_memory(ALLOWED)?;
    Ok(group)
}

/// With a budget that fits into the memory there is, hundreds of attackers do not get a server killed.
pub(crate) fn budget(bench: &Bench) -> Result<Outcome> {
    let group = match group() {
        Ok(group) => group,
        Err(why) => return skip(why.to_string()),
    };
    let mut command = bench.server_after(&group.enter(), &[]);
    let mut server = Server::start(command.env("SWILL_LIMITS__BUDGET", "16 MiB"))?;
    let attack = attack(&mut server, 10)?;
    server.lives()?;
    if let Some(error) = attack.broken {
        return Err(format!("an honest peer noticed: {error}\n{}", server.log()).into());
    }
    // How fast is asked elsewhere; here, debug builds on busy machines are fast enough.
    if attack.slowest > Duration::from_secs(5) {
        return Err(format!("a call of an honest peer took {:?}", attack.slowest).into());
    }
    Raw::open(server.address, "/jsonrpc", PATIENCE)?.add()?;
    let peak = group.peak().unwrap_or(0) / MIB;
    server.stop()?;
    if group.killed() > 0 {
        return Err("something was killed for want of memory".into());
    }
    Ok(Outcome::Held(format!(
        "{} attackers, budget 16 MiB of 64 MiB: at most {peak} MiB used; {} calls meanwhile, the slowest took {} ms",
        attack.connections,
        attack.calls,
        attack.slowest.as_millis()
    )))
}

/// The same attack on a server whose budget is larger than the memory there is: it has to be killed, or else the check
/// above would show nothing.
pub(crate) fn no_budget(bench: &Bench) -> Result<Outcome> {
    let group = match group() {
        Ok(group) => group,
        Err(why) => return skip(why.to_string()),
    };
    let mut command = bench.server_after(&group.enter(), &[]);
    let mut server = Server::start(command.env("SWILL_LIMITS__BUDGET", "8 GiB"))?;
    let attack = attack(&mut server, 40)?;
    match server.lives() {
        Err(_) => Ok(Outcome::Held(format!(
            "the attack is strong enough: without a budget the server was killed ({} attackers)",
            attack.connections
        ))),
        Ok(()) => Err(format!(
            "the attack is too weak: {} MiB were used without a budget",
            group.peak().unwrap_or(0) / MIB
        )
        .into()),
    }
}

/// With the limits that users get, a few connections at their worst fit into 64 MiB.
pub(crate) fn connections(bench: &Bench) -> Result<Outcome> {
    let group = match group() {
        Ok(group) => group,
        Err(why) => return skip(why.to_string()),
    };
    let mut server = Server::start(&mut bench.server_after(&group.enter(), &[]))?;
    // Two of each kind.
    let attack = attack(&mut server, 2)?;
    server.lives()?;
    if let Some(error) = attack.broken {
        return Err(format!("an honest peer noticed: {error}").into());
    }
    let peak = group.peak().unwrap_or(0) / MIB;
    server.stop()?;
    Ok(Outcome::Held(format!(
        "{} connections at their worst, default limits: at most {peak} MiB used",
        attack.connections
    )))
}

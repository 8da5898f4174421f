//! Nothing is left of connections and calls that are over: a program of its own, because it measures itself.

mod common;

use common::*;
use swill::Value;

/// How many cycles: 2,000, or what `SWILL_LEAK_CYCLES` says.
fn cycles() -> usize {
    std::env::var("SWILL_LEAK_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(2000)
}

/// Resident memory in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

async fn cycle(server: &Server, probe: &Probe, hooks: &Probe, number: usize) {
    let mut client = server.connect().await;
    assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.request(2, "wait", ()).await;
    // A stream that is in full flow costs much time, and not everybody has one.
    let stream = if number.is_multiple_of(10) { "endless" } else { "gated" };
    client.request(3, stream, 1000).await;
    client.request(4, "total", 1).await;
    client.request(5, "lead", true).await;
    while client.answer().await.seq != 5 {}
    client.kind(2, "wait", CANCEL).await;
    client.kind(3, stream, CANCEL).await;
    match number % 3 {
        0 => client.goodbye().await,
        1 => drop(client),
        // Abruptly, with everything still open.
        _ => {
            client.socket.set_zero_linger().expect("a socket");
            drop(client);
        }
    }
    until("the calls have ended", || probe.running() == 0).await;
    probe.log();
    hooks.log();
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures are wanted, too")]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
async fn cycles_of_connect_call_and_cancel_leave_nothing() {
    let probe = Probe::new();
    let hooks = Probe::new();
    let server = serve(probe.app().hook(Recorder::new(&hooks))).await;
    for number in 0..500 {
        cycle(&server, &probe, &hooks, number).await;
    }
    let calm = async |tasks_before: Option<usize>| {
        until("all tasks have ended", || tasks_before.is_none_or(|before| tasks() <= before)).await;
        (tasks(), resident())
    };
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let (tasks_before, memory_before) = calm(None).await;
    for number in 0..cycles() {
        cycle(&server, &probe, &hooks, number).await;
    }
    let (tasks_after, memory_after) = calm(Some(tasks_before)).await;
    let growth = memory_after - memory_before;
    println!(
        "{} cycles: tasks {tasks_before} -> {tasks_after}, memory {memory_before} -> {memory_after} KiB",
        cycles()
    );
    assert!(tasks_after <= tasks_before);
    assert!(growth < 5 << 10, "resident memory grew by {growth} KiB");
    server.stop().await;
}

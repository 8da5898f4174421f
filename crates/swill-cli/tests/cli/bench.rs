//! `swill bench`.

use crate::support::{Running, Server, output, run};
use serde_json::Value;

fn measure(server: &Server, rest: &[&str]) -> Value {
    let arguments = [&["bench", &server.address, "--json", "--warmup", "none"], rest].concat();
    let said = run(&arguments, "");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn calls_of_every_shape_are_counted() {
    let server = Server::start();
    for (arguments, items) in [
        (&["add", "1", "2"][..], 0),
        (&["count", "5"], 5 * 60),
        (&["total", "1", "2"], 0),
        (&["multiply", "1", "2", "3"], 3 * 60),
        (&["add", "1", "2", "--protocol", "json-rpc"], 0),
        (&["add", "1", "2", "--rate", "2000"], 0),
    ] {
        for load in [&["--in-flight", "1"][..], &["--connections", "3", "--in-flight", "8"]] {
            let measured = measure(&server, &[arguments, load, &["--calls", "60"]].concat());
            assert_eq!(measured["calls"], 60, "{arguments:?}");
            assert_eq!(measured["failed"], 0);
            assert_eq!(measured["items"], items, "{arguments:?}");
            let histogram = measured["histogram"].as_array().unwrap();
            assert_eq!(histogram.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 60);
            let latency = |name: &str| measured["latency_us"][name].as_f64().unwrap();
            let order = ["min", "p50", "p90", "p99", "p99_9", "max"].map(latency);
            assert!(order.is_sorted() && order[0] > 0.0, "{order:?}");
        }
    }
}

#[test]
fn with_a_rate_latency_counts_from_when_a_call_was_due() {
    let server = Server::start();
    // One call takes 20 ms, and ten are due within 20 ms.
    let load = ["slow", "20", "--calls", "10"];
    let closed = measure(&server, &load);
    assert_eq!(closed["latency_from"], "sent");
    let open = measure(&server, &[&load[..], &["--rate", "500"]].concat());
    assert_eq!(open["latency_from"], "due");
    // The last one ends after 200 ms at the earliest, and was due after 18 ms.
    assert!(open["latency_us"]["max"].as_f64().unwrap() >= 180_000.0, "{open}");
    // Of those that are due within 100 ms, most are never sent.
    let late = measure(&server, &["slow", "20", "--duration", "100ms", "--rate", "1000"]);
    let (calls, not_sent) = (late["calls"].as_u64().unwrap(), late["not_sent"].as_u64().unwrap());
    assert_eq!(calls + not_sent, 100);
    assert!(not_sent > 90, "{late}");
}

#[test]
fn a_duration_is_kept_to() {
    let server = Server::start();
    let measured = measure(&server, &["add", "1", "2", "--duration", "100ms"]);
    assert!(measured["seconds"].as_f64().unwrap() >= 0.1);
    assert!(measured["calls"].as_u64().unwrap() > 0);
}

#[test]
fn people_read_a_table() {
    let server = Server::start();
    let text = output(&["bench", &server.address, "add", "1", "2", "-n", "50", "--warmup", "10ms"], "");
    for part in
        ["add at 127.0.0.1:", "1 connection, 1 call in flight on each", "50 in ", "p50 ", "p99.9 ", "up to"]
    {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

#[test]
fn failures_are_counted_by_their_code() {
    let server = Server::start();
    let said = run(&["bench", &server.address, "add", "x", "1", "-n", "20", "--warmup", "none"], "");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("422 × 20"), "{}", said.out);
    assert!(said.err.contains("no call has succeeded"), "{}", said.err);
    let said = run(&["bench", &server.address, "hang_up", "-n", "20", "--warmup", "none"], "");
    assert!(said.out.contains("503 × 1") && said.out.contains("lost       1 connection"), "{}", said.out);
    for (arguments, code) in [
        (&["bench", &server.address, "ad"][..], 1),
        (&["bench", &server.address, "add", "--rate", "0"], 2),
        (&["bench", &server.address, "add", "--connections", "0"], 2),
        (&["bench", "127.0.0.1:1", "add"], 3),
    ] {
        assert_eq!(run(arguments, "").code, code, "{arguments:?}");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupt_shows_what_was_measured() {
    let server = Server::start();
    let bench = Running::start(&["bench", &server.address, "never", "--warmup", "none"]);
    assert_eq!(server.cancelled.recv().unwrap(), "never begins");
    bench.interrupt();
    assert_eq!(server.cancelled.recv().unwrap(), "never");
    let said = bench.end();
    assert_eq!((said.code, said.err.as_str()), (130, "error: interrupted\n"));
    assert!(said.out.contains("calls      0 in "), "{}", said.out);
}

#[test]
fn a_deadline_ends_streams_that_have_begun() {
    let server = Server::start();
    let load = ["--calls", "2", "--deadline", "100ms", "--warmup", "none", "--json"];
    let said = run(&[&["bench", &server.address, "ticks"], &load[..]].concat(), "");
    assert_eq!(said.code, 1, "{}", said.err);
    let measured: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(measured["errors"]["504"]["count"], 2, "{measured}");
}

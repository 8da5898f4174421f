//! The end of a server: by its handle, and by a signal to its process.

use crate::common::*;
use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};
use swill::{Limits, Value};
use tokio::net::TcpStream;

#[tokio::test]
async fn calls_in_flight_finish_and_nothing_new_begins() {
    let probe = Probe::new();
    let mut server = serve(probe.app()).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.request(1, "gated", "late").await;
    busy.request(2, "total", 1).await;
    until("they run", || probe.running() == 2).await;
    let mut undecided = TcpStream::connect(server.address).await.expect("it listens");
    server.handle.shutdown();
    assert!(matches!(idle.next().await, Got::Close(1001, _)));
    assert_eq!(idle.next().await, Got::Gone);
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    let request = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    let _ = tokio::io::AsyncWriteExt::write_all(&mut undecided, request.as_bytes()).await;
    if let Some(response) = response(&mut undecided).await {
        assert_eq!(response.status, 503);
    }
    assert_eq!(busy.refused(3, "add", (1, 2)).await, 503);
    // A stream goes on to its end.
    busy.request(2, "total", 2).await;
    busy.kind(2, "total", END).await;
    assert_eq!(busy.answer().await.result(), Ok(Value::from(3)));
    assert!(server.is_running());
    probe.open_gate(1);
    assert_eq!(busy.answer().await.result(), Ok(Value::from("late")));
    assert_eq!(busy.closed().await, Some(1001));
    drop((idle, busy));
    server.ended().await;
}

#[tokio::test]
async fn streams_without_end_are_cancelled_after_the_grace() {
    let probe = Probe::new();
    let mut server = serve(probe.app().limits(Limits::default().grace(Duration::from_millis(100)))).await;
    let mut client = server.connect().await;
    client.request(1, "endless", 100).await;
    client.answer().await;
    server.handle.shutdown();
    let code = loop {
        match client.next().await {
            Got::Answer(answer) if answer.kind == ERROR => break answer.code(),
            Got::Answer(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 503);
    assert_eq!(client.closed().await, Some(1001));
    drop(client);
    server.ended().await;
    assert_eq!(probe.log(), ["cancelled: Shutdown"]);
}

/// This program once more, as a server in a process of its own, killed if the test fails.
struct Process(Child, BufReader<ChildStdout>);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CHILD: &str = "SWILL_TEST_CHILD";

/// Starts a server behind a shell command that ends with `exec`; returns it and its address.
fn spawn(shell: &str) -> (Process, std::net::SocketAddr) {
    let program = std::env::current_exe().expect("a test has a program");
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" --exact shutdown::a_server_in_a_process_of_its_own --nocapture"))
        .arg(program)
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut process = Process(child, output);
    loop {
        let mut line = String::new();
        let length = process.1.read_line(&mut line).expect("it is text");
        assert!(length > 0, "the server does not listen");
        if let Some((_, address)) = line.split_once("listening on ") {
            return (process, address.trim().parse().expect("an address"));
        }
    }
}

/// Not a test: what [`spawn`] starts.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "whoever started it waits for the line")]
async fn a_server_in_a_process_of_its_own() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let server = Probe::new().app().bind("127.0.0.1:0").await.expect("a free port");
    println!("listening on {}", server.local_addr());
    server.run().await.expect("it ends well");
}

async fn connect(address: std::net::SocketAddr) -> Client<TcpStream> {
    let (socket, response) =
        exchange(address, &handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")])).await;
    assert_eq!(response.status, 101);
    Client::new(socket, &response.body, PATIENCE)
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_a_server_well() {
    for signal in ["-TERM", "-INT"] {
        let (mut process, address) = spawn("");
        let mut client = connect(address).await;
        client.request(1, "sleep", 200).await;
        assert_eq!(client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
        let killed =
            Command::new("kill").args([signal, &process.0.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        assert_eq!(client.answer().await.result(), Ok(Value::Nil), "the call in flight is answered");
        assert_eq!(client.closed().await, Some(1001));
        drop(client);
        let status =
            tokio::task::spawn_blocking(move || process.0.wait()).await.expect("no panic").expect("a status");
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_without_descriptors_waits_until_there_are_some() {
    let (_process, address) = spawn("ulimit -n 24;");
    let mut canary = connect(address).await;
    // The kernel accepts them all; the server has no descriptors for most.
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(TcpStream::connect(address).await.expect("the kernel accepts"));
    }
    for seq in 0..100 {
        assert_eq!(canary.call(seq, "add", (1, 2)).await, Ok(Value::from(3)));
    }
    drop(sockets);
    let mut fresh = connect(address).await;
    assert_eq!(fresh.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    fresh.goodbye().await;
    canary.goodbye().await;
}

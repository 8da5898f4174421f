//! Every limit at n and n + 1, as far as it has nothing to do with time (that is tested inside the crate).

use crate::common::*;
use std::time::Duration;
use swill::{App, Limits, Metadata, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn client(limits: Limits) -> (Server, Client<TcpStream>, Probe) {
    let probe = Probe::new();
    let server = serve(probe.app().limits(limits)).await;
    let client = server.connect().await;
    (server, client, probe)
}

#[tokio::test]
async fn a_message_has_at_most_so_many_bytes() {
    for limit in [100, 125, 126, 70_000, 1 << 20] {
        let limits = if limit == 1 << 20 { Limits::default() } else { Limits::default().message(limit) };
        let (_server, mut client, _) = client(limits).await;
        // Array, seq and name take some of it, the head of the text the rest.
        let around = message(1, "x".repeat(limit - 20), "echo", MESSAGE, None).len() - (limit - 20);
        let fits = message(1, "x".repeat(limit - around), "echo", MESSAGE, None);
        assert_eq!(fits.len(), limit);
        client.send(&fits).await;
        assert_eq!(client.answer().await.data, Value::from("x".repeat(limit - around)));
        let too_large = message(1, "x".repeat(limit - around + 1), "echo", MESSAGE, None);
        let _ = client.try_write(&frame(0x82, &too_large)).await;
        assert_eq!(client.closed().await, Some(1009), "{limit}");
    }
}

#[tokio::test]
async fn an_answer_and_an_item_have_at_most_so_many_bytes() {
    let (_server, mut client, probe) = client(Limits::default().answer(1000)).await;
    // The head of the text takes three bytes.
    assert_eq!(client.call(1, "bytes", 997).await, Ok(Value::from("x".repeat(997))));
    assert_eq!(client.refused(2, "bytes", 998).await, 500);
    client.request(3, "endless", 998).await;
    assert_eq!(client.answer().await.code(), 500);
    client.request(4, "endless", 997).await;
    assert_eq!(client.answer().await.kind, MESSAGE);
    drop(client);
    until("nothing is left", || probe.running() == 0).await;
}

#[tokio::test]
async fn metadata_have_at_most_so_many_keys_and_bytes() {
    let metadata = |keys: usize| (0..keys).map(|key| (key.to_string(), 0)).collect::<Metadata>();
    let (_server, mut client, _) = client(Limits::default().metadata(20, 100)).await;
    for (what, metadata, fits) in [
        ("20 keys", metadata(20), true),
        ("21 keys", metadata(21), false),
        // One byte for the map, two for the key, two for the head of the text.
        ("100 bytes", Metadata::from([("k", "x".repeat(95))]), true),
        ("101 bytes", Metadata::from([("k", "x".repeat(96))]), false),
    ] {
        client.send(&message(1, (), "metadata", MESSAGE, Some(&metadata))).await;
        let answer = client.answer().await;
        match fits {
            true => assert_eq!(answer.kind, MESSAGE, "{what}"),
            false => assert_eq!(answer.code(), 400, "{what}"),
        }
    }
    client.goodbye().await;
}

#[tokio::test]
async fn so_many_calls_are_in_flight() {
    let (_server, mut client, probe) = client(Limits::default().calls(3)).await;
    for (seq, rpc) in [(1, "wait"), (2, "total"), (3, "gated")] {
        client.request(seq, rpc, if rpc == "total" { Value::from(1) } else { Value::Nil }).await;
    }
    for seq in 4..10 {
        assert_eq!(client.refused(seq, "add", (1, 2)).await, 429);
    }
    probe.open_gate(1);
    assert_eq!(client.answer().await.seq, 3);
    assert_eq!(client.call(10, "add", (1, 2)).await, Ok(Value::from(3)));
    client.request(11, "wait", ()).await;
    assert_eq!(client.refused(12, "wait", ()).await, 429);
    // Another connection has calls of its own.
    let mut other = _server.connect().await;
    assert_eq!(other.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
}

#[tokio::test]
async fn so_many_streams_may_go_on_after_their_answers() {
    for (streams, code) in [(5, None), (6, Some(1008))] {
        let (_server, mut client, _) = client(Limits::default().draining(5)).await;
        for seq in 0..streams {
            client.request(seq, "first", 7).await;
            match client.next().await {
                Got::Answer(answer) => assert_eq!(answer.data, Value::from(7)),
                Got::Close(is, _) => assert_eq!(Some(is), code),
                other => panic!("{other:?}"),
            }
        }
        if code.is_none() {
            // One is ended, and then there is room for another.
            client.kind(0, "first", END).await;
            assert_eq!(client.call(9, "first", 8).await, Ok(Value::from(8)));
        }
    }
}

#[tokio::test]
async fn pings_are_answered_up_to_a_limit() {
    let (_server, mut client, _) = client(Limits::default().pings(50, 1)).await;
    for number in 0..50 {
        client.write(&frame(0x89, &[number])).await;
        assert_eq!(client.next().await, Got::Pong(vec![number]));
    }
    let _ = client.try_write(&frame(0x89, b"x").repeat(100)).await;
    assert_eq!(client.closed().await, Some(1008));
}

#[tokio::test]
async fn a_server_holds_so_many_connections() {
    let server = serve(Probe::new().app().limits(Limits::default().connections(3))).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.connect().await);
    }
    assert_eq!(server.upgrade("/", &[]).await.1.status, 503);
    for client in &mut clients {
        assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    }
    clients.pop().expect("there are three").goodbye().await;
    // Its place is free as soon as the server has seen its end.
    while server.upgrade("/", &[]).await.1.status != 101 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn handshakes_have_a_deadline() {
    let limits = Limits::default().handshake(Duration::from_millis(200));
    let server = serve(Probe::new().app().limits(limits)).await;
    let mut client = server.connect().await;
    let connect = async || TcpStream::connect(server.address).await.expect("it listens");
    let mut silent = connect().await;
    let mut halfway = connect().await;
    halfway.write_all(b"GET / HTTP/1.1\r\nHost: a").await.expect("it reads");
    let mut idle = connect().await;
    idle.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it reads");
    assert_eq!(response(&mut idle).await.expect("an answer").status, 404);
    let mut slow = connect().await;
    let slowly = async {
        // A byte each time keeps no connection open.
        while slow.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ends = async {
        for socket in [&mut silent, &mut halfway, &mut idle] {
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(slowly, ends) }).await.expect("all are dropped");
    // Those that are open already are not concerned.
    assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
}

#[tokio::test]
async fn heads_have_at_most_so_many_bytes_and_headers() {
    let server = serve(Probe::new().app().limits(Limits::default().head(10_000, 20))).await;
    let status = async |headers: usize, bytes: usize| {
        let filler = format!("X-Filler: {}\r\n", "x".repeat(bytes));
        let many: String = (0..headers).map(|number| format!("X-{number}: a\r\n")).collect();
        server.status(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}{filler}\r\n")).await
    };
    // Host and the filler are two.
    assert_eq!(status(18, 4000).await, 426);
    assert_eq!(status(19, 4000).await, 431);
    assert_eq!(status(1, 9000).await, 426);
    // What one read brings is looked at as a whole.
    assert_eq!(status(1, 40_000).await, 431);
    let app = App::new().limits(Limits::default().head(1, 100));
    assert!(app.bind("127.0.0.1:0").await.is_ok(), "a limit that is too small is no reason to panic");
    server.stop().await;

    // Nor is one that is too large.
    let server = serve(Probe::new().app().limits(Limits::default().head(1 << 20, usize::MAX))).await;
    for headers in [1, 20_000] {
        let many: String = (0..headers).map(|number| format!("X-{number}: a\r\n")).collect();
        assert_eq!(server.status(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).await, 426);
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_hold_so_many_bytes_together() {
    const PART: usize = 200_000;
    let limits = Limits::default().budget(2 << 20);
    let server = serve(Probe::new().app().limits(limits)).await;
    let mut canary = server.connect().await;
    let begun = message(1, "x".repeat(900_000), "echo", MESSAGE, None);
    let whole = frame(0x82, &begun);
    let mut clients = Vec::new();
    for _ in 0..30 {
        let mut client = server.connect().await;
        client.write(&whole[..PART]).await;
        // The server has read it when it answers somebody who came later.
        assert_eq!(canary.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
        clients.push(client);
    }
    let (mut complete, mut cut) = (0, 0);
    for mut client in clients {
        let _ = client.try_write(&whole[PART..]).await;
        match client.next().await {
            Got::Answer(answer) => {
                assert_eq!(answer.data, Value::from("x".repeat(900_000)));
                complete += 1;
            }
            Got::Close(1013, _) | Got::Gone => cut += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(complete >= 1 && cut >= 20, "{complete} were served, {cut} were cut off");
    assert_eq!(canary.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
    canary.goodbye().await;
}

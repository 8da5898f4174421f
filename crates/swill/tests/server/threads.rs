//! Many connections on several threads, and one that would like to have them all.

use crate::common::*;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use swill::{App, Limits, Module, Value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_among_many_connections_and_threads() {
    const CONNECTIONS: u64 = 24;
    const ROUNDS: i64 = 60;
    let probe = Probe::new();
    let server =
        serve(probe.app().limits(Limits::default().unread(2000, 8000).outbox(4000).cancels(10_000, 10_000)))
            .await;
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let mut client = server.connect().await;
        tasks.push(tokio::spawn(async move {
            let mut state = number + 1;
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            for round in 0..ROUNDS {
                let seq = round * 10;
                match random(6) {
                    0 => assert_eq!(client.call(seq, "add", (seq, 1)).await, Ok(Value::from(seq + 1))),
                    1 => {
                        let count = random(200);
                        client.request(seq, "count", count).await;
                        for expected in 0..count {
                            let answer = client.answer().await;
                            assert_eq!((answer.seq, answer.data), (seq.into(), Value::from(expected)));
                        }
                        assert_eq!(client.answer().await.kind, END);
                    }
                    2 => {
                        let count = random(200) as i64 + 1;
                        let items = (1..=count).map(|item| message(seq, item, "total", MESSAGE, None));
                        client.send_all(items.chain([message(seq, (), "total", END, None)])).await;
                        assert_eq!(client.answer().await.result(), Ok(Value::from(count * (count + 1) / 2)));
                    }
                    3 => {
                        for item in 1..=random(50) as i64 + 1 {
                            client.request(seq, "double", item).await;
                            assert_eq!(client.answer().await.data, Value::from(item * 2));
                        }
                        client.kind(seq, "double", END).await;
                        assert_eq!(client.answer().await.kind, END);
                    }
                    4 => {
                        for (more, rpc) in (0..).zip(["wait", "gated", "endless", "total"]) {
                            client
                                .request(seq + more, rpc, if rpc == "wait" { Value::Nil } else { 300.into() })
                                .await;
                            client.kind(seq + more, rpc, CANCEL).await;
                        }
                        // Items of the stream may come before it was cancelled.
                        client.request(seq + 9, "nothing", ()).await;
                        while client.answer().await.seq != i128::from(seq + 9) {}
                    }
                    _ => {
                        client.request(seq, "sleep", random(3)).await;
                        assert_eq!(client.answer().await.result(), Ok(Value::Nil));
                    }
                }
            }
            match random(3) {
                0 => {}
                1 => {
                    client.request(-1, "endless", 3000).await;
                    client.request(-2, "wait", ()).await;
                }
                _ => client.goodbye().await,
            }
        }));
    }
    for task in tasks {
        task.await.expect("every answer was right");
    }
    until("nothing is left", || probe.running() == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_busy_connection_does_not_keep_others_waiting() {
    const CALLS: u64 = 100_000;
    let done = Arc::new(AtomicU64::new(0));
    let (count, look) = (Arc::clone(&done), Arc::clone(&done));
    let module = Module::new().handle("work", [], async move || count.fetch_add(1, Ordering::SeqCst)).handle(
        "look",
        [],
        async move || look.load(Ordering::SeqCst),
    );
    let server = serve(App::new().module(module)).await;
    let mut other = server.connect().await;
    let busy = server.connect().await;
    let Client { socket, mut ws, .. } = busy;
    let (reading, mut writing) = socket.into_split();
    let writer = tokio::spawn(async move {
        let mut wire = Vec::new();
        for seq in 0..CALLS {
            ws.send(swill_ws::Kind::Binary, &message(seq as i64, (), "work", MESSAGE, None), &mut wire);
        }
        tokio::io::AsyncWriteExt::write_all(&mut writing, &wire).await.expect("all of it is taken");
        writing
    });
    let reader = tokio::spawn(async move {
        let mut client = Client::new(tokio::io::join(reading, tokio::io::sink()), &[], PATIENCE);
        for seq in 0..CALLS {
            assert_eq!(client.answer().await.seq, seq.into());
        }
    });
    until("it is busy", || done.load(Ordering::SeqCst) > 0).await;
    // Several times in a row, so that it is not by chance.
    for round in 1..=20 {
        let seen = other.call(round, "look", ()).await.expect("an answer").as_i64().expect("a number") as u64;
        assert!(seen < CALLS * 9 / 10, "round {round} had to wait for {seen} calls of the other connection");
    }
    reader.await.expect("every answer came, in order");
    writer.await.expect("no panic");
    assert_eq!(done.load(Ordering::SeqCst), CALLS);
}

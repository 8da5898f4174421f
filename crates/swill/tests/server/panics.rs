//! Panics and unexpected errors of procedures stay where they are, and say nothing to the peer.

use crate::common::*;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use swill::{Context, Handshake, Hook, Next, Outcome, Peer, Result, Value};

const SECRET: &str = "the secret reason";

/// Calls a procedure that panics. Another call of the same connection, which waits meanwhile, survives.
async fn check(server: &Server, probe: &Probe, rpc: &str, data: impl serde::Serialize, text: Option<&str>) {
    let mut client = server.connect().await;
    client.request(1, "gated", "alive").await;
    client.request(2, rpc, data).await;
    let answer = loop {
        let answer = client.answer().await;
        if answer.kind != MESSAGE {
            break answer;
        }
        assert_eq!(answer.data, Value::from(1), "the item before the panic of {rpc}");
    };
    assert_eq!(answer.seq, 2, "{rpc}");
    let (code, message) = answer.result().expect_err("a panic is an error");
    assert_eq!(code, 500, "{rpc}");
    match text {
        None => assert_eq!(message, "An internal server error occurred", "{rpc}"),
        Some(text) => assert!(message.contains(text), "{rpc} says {message:?}"),
    }
    probe.open_gate(1);
    assert_eq!(client.answer().await.result(), Ok(Value::from("alive")), "after {rpc}");
    assert_eq!(client.call(3, "add", (1, 2)).await, Ok(Value::from(3)), "after {rpc}");
    client.goodbye().await;
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_call_only() {
    for hooked in [false, true] {
        for debug in [false, true] {
            let probe = Probe::new();
            let app = probe.app().debug(debug);
            let server = serve(if hooked { app.hook(Recorder::new(&Probe::new())) } else { app }).await;
            let secret = debug.then_some(SECRET);
            for rpc in ["panic", "panic_in_place", "panic_blocking", "panic_later", "panic_in_stream", "fail"]
            {
                check(&server, &probe, rpc, (), secret).await;
            }
            check(&server, &probe, "panic_before_stream", true, secret).await;
            check(&server, &probe, "panic_with_number", (), debug.then_some("a value that is no text")).await;
            check(&server, &probe, "cursed", 1, debug.then_some("cursed")).await;
            check(&server, &probe, "unspeakable", (), debug.then_some("unspeakable")).await;
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn a_panic_of_a_destructor_stays_in_its_call() {
    for hooked in [false, true] {
        let probe = Probe::new();
        let app = probe.app();
        let server = serve(if hooked { app.hook(Recorder::new(&probe)) } else { app }).await;
        let mut client = server.connect().await;
        for (seq, rpc) in [(1, "panic_when_cancelled"), (2, "panic_in_guard")] {
            client.request(seq, rpc, ()).await;
            client.kind(seq, rpc, CANCEL).await;
            assert_eq!(client.call(9, "add", (1, 2)).await, Ok(Value::from(3)));
            until("the procedure is gone", || probe.running() == 0).await;
            if hooked {
                until(rpc, || probe.noted("after_request cancelled Client")).await;
                probe.log();
            }
        }
        client.goodbye().await;
        // The connection's end cancels, too.
        let mut client = server.connect().await;
        client.request(1, "panic_when_cancelled", ()).await;
        client.request(2, "panic_in_guard", ()).await;
        assert_eq!(client.call(9, "add", (1, 2)).await, Ok(Value::from(3)));
        drop(client);
        until("the procedures are gone", || probe.running() == 0).await;
        server.stop().await;
    }
}

/// Panics where it is told to.
struct Clumsy(&'static str, Arc<AtomicBool>);

impl Clumsy {
    fn at(&self, place: &str) {
        if self.0 == place && self.1.load(Ordering::SeqCst) {
            panic!("the secret reason");
        }
    }
}

impl Hook for Clumsy {
    async fn before_connection(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_connection");
        Ok(())
    }

    async fn before_accept(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_accept");
        Ok(())
    }

    async fn after_accept(&self, _: &Peer) -> Result<()> {
        self.at("after_accept");
        Ok(())
    }

    async fn before_request(&self, _: &mut Context) -> Result<()> {
        self.at("before_request");
        Ok(())
    }

    async fn call(&self, _: &Context, next: Next<'_>) -> Result<()> {
        self.at("call");
        next.run().await
    }

    async fn after_request(&self, _: &Context, _: Outcome<'_>) {
        self.at("after_request");
    }

    async fn after_connection(&self, _: &Peer, _: &swill::Close) {
        self.at("after_connection");
    }
}

#[tokio::test]
async fn a_panic_of_a_hook_is_an_error_of_its_call_or_connection_only() {
    for place in ["before_request", "call", "after_request"] {
        let panicking = Arc::new(AtomicBool::new(true));
        let server = serve(Probe::new().app().hook(Clumsy(place, Arc::clone(&panicking)))).await;
        let mut client = server.connect().await;
        assert_eq!(
            client.call(1, "add", (1, 2)).await,
            Err((500, "An internal server error occurred".into())),
            "{place}"
        );
        panicking.store(false, Ordering::SeqCst);
        assert_eq!(client.call(2, "add", (1, 2)).await, Ok(Value::from(3)), "{place}");
        client.goodbye().await;
        server.stop().await;
    }
    for place in ["before_connection", "before_accept", "after_accept", "after_connection"] {
        let panicking = Arc::new(AtomicBool::new(true));
        let server = serve(Probe::new().app().hook(Clumsy(place, Arc::clone(&panicking)))).await;
        let mut socket = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
        let request = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
        tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes()).await.expect("it reads");
        let response = response(&mut socket).await.expect("it answers");
        if matches!(place, "before_connection" | "before_accept") {
            assert_eq!(response.status, 500, "{place}");
        } else {
            let mut client = Client::new(socket, &response.body, PATIENCE);
            if place == "after_connection" {
                assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
                client.goodbye().await;
            } else {
                client.closed().await;
            }
        }
        panicking.store(false, Ordering::SeqCst);
        let mut client = server.connect().await;
        assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)), "after a panic of {place}");
        client.goodbye().await;
        // It would wait in vain for the place of a connection that was not given back.
        server.stop().await;
    }
}

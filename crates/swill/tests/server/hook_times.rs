//! Hooks that never end: what they hold up, and for how long.

use crate::common::*;
use std::{future::pending, time::Duration};
use swill::{Close, Context, Handshake, Hook, Limits, Outcome, Peer, Result, Value};
use tokio::{net::TcpStream, time::timeout};

/// Never ends, at one moment.
struct Hangs(&'static str);

impl Hangs {
    async fn at(&self, moment: &str) {
        if self.0 == moment {
            pending().await
        }
    }
}

impl Hook for Hangs {
    async fn before_connection(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_connection").await;
        Ok(())
    }

    async fn before_accept(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_accept").await;
        Ok(())
    }

    async fn after_accept(&self, _: &Peer) -> Result<()> {
        self.at("after_accept").await;
        Ok(())
    }

    async fn after_request(&self, _: &Context, outcome: Outcome<'_>) {
        match outcome {
            Outcome::Cancelled(_) => self.at("after a cancelled request").await,
            _ => self.at("after an answered request").await,
        }
    }

    async fn after_connection(&self, _: &Peer, _: &Close) {
        self.at("after_connection").await;
    }
}

const SHORT: Duration = Duration::from_millis(100);

async fn server(moment: &'static str, limits: Limits) -> Server {
    serve(Probe::new().app().limits(limits).hook(Hangs(moment))).await
}

/// Connects as soon as there is a place.
async fn connect(server: &Server) -> Client<TcpStream> {
    let connecting = async {
        loop {
            let (socket, response) = server.upgrade("/", &[]).await;
            if response.status == 101 {
                return Client::new(socket, &response.body, PATIENCE);
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, connecting).await.expect("there is a place in the end")
}

#[tokio::test]
async fn a_connection_that_no_hook_decides_about_is_refused() {
    for moment in ["before_connection", "before_accept"] {
        let server = server(moment, Limits::default().connections(1).handshake(SHORT)).await;
        for _ in 0..2 {
            let (_, response) = server.upgrade("/", &[]).await;
            assert_eq!(response.status, 503, "{moment}");
            // The place of the first one is free when the second comes.
            assert!(response.text().contains("took too long"), "{moment}: {}", response.text());
        }
    }
}

#[tokio::test]
async fn a_connection_that_no_hook_accepts_is_closed() {
    let server = server("after_accept", Limits::default().connections(1).handshake(SHORT)).await;
    for _ in 0..2 {
        assert_eq!(connect(&server).await.closed().await, Some(1013));
    }
    // Nor does it keep its place when the peer is gone.
    drop(connect(&server).await);
    drop(connect(&server).await);
}

#[tokio::test]
async fn a_connection_that_is_over_gives_its_place_back() {
    let server = server("after_connection", Limits::default().connections(1).grace(SHORT)).await;
    for _ in 0..3 {
        let mut client = connect(&server).await;
        assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
        client.goodbye().await;
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_gives_its_place_back() {
    let server = server("after a cancelled request", Limits::default().calls(1).grace(SHORT)).await;
    let mut client = server.connect().await;
    // One of them in the place of cancelled calls, one in that of others.
    for seq in 1..=2 {
        client.request(seq, "wait", ()).await;
        client.kind(seq, "wait", CANCEL).await;
    }
    assert_eq!(client.refused(3, "add", (1, 2)).await, 429);
    let mut seq = 4;
    let served = async {
        while client.call(seq, "add", (1, 2)).await != Ok(Value::from(3)) {
            seq += 1;
        }
    };
    timeout(PATIENCE, served).await.expect("there is a place in the end");
}

#[tokio::test]
async fn a_call_with_a_deadline_ends_whatever_its_hooks_do() {
    let limits = Limits::default().deadline(SHORT).grace(SHORT);
    let server = server("after an answered request", limits).await;
    let mut client = server.connect().await;
    assert_eq!(client.refused(1, "add", (1, 2)).await, 504);
}

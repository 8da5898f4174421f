//! Honest callers: clients of every protocol that come and go, and look at every answer.

use crate::{figures::Figures, pace::Pace, shapes};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use swill_client::{Client, Protocol};
use swill_exhaustion::{
    Result,
    raw::{self, Message, Raw},
};
use swill_ws::Kind;
use tokio::{runtime::Runtime, task::JoinHandle, time::sleep};

const PATIENCE: Duration = Duration::from_secs(30);

/// How many clients of each protocol there are at a time.
const OF_EACH: usize = 8;

/// All of them, and those who speak by hand.
pub(crate) const CALLERS: usize = 3 * OF_EACH + 4;

/// After so many rounds, more or less, a client goes, and another comes.
const ROUNDS: u64 = 500;

/// What is done over one connection by hand, from its beginning to its end.
type Visit = fn(SocketAddr, &Pace, &Figures) -> Result;

/// Starts them all.
pub(crate) fn start(
    runtime: &Runtime,
    address: SocketAddr,
    pace: &Arc<Pace>,
    figures: &Arc<Figures>,
) -> Vec<JoinHandle<()>> {
    let mut callers = Vec::new();
    for _ in 0..OF_EACH {
        for (protocol, path) in [
            (Protocol::Swill, "/ws"),
            (Protocol::JsonRpc, "/jsonrpc"),
            (Protocol::JsonRpcMsgpack, "/jsonrpc-msgpack"),
        ] {
            let (pace, figures) = (Arc::clone(pace), Arc::clone(figures));
            let url = format!("ws://{address}{path}");
            callers.push(runtime.spawn(async move { clients(&url, protocol, &pace, &figures).await }));
        }
    }
    let by_hand: [(&str, Visit); 4] =
        [("events", events), ("events", events), ("WebMesh", webmesh), ("HTTP", http)];
    for (name, visit) in by_hand {
        let (pace, figures) = (Arc::clone(pace), Arc::clone(figures));
        callers.push(runtime.spawn_blocking(move || {
            while !pace.is_over() {
                if let Err(error) = visit(address, &pace, &figures) {
                    figures.failed(name, error);
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }));
    }
    callers
}

/// One client after the other.
async fn clients(url: &str, protocol: Protocol, pace: &Pace, figures: &Figures) {
    while !pace.is_over() {
        // The server calls back where the protocol can.
        let client = Client::builder(url).protocol(protocol);
        let client = match protocol {
            Protocol::Swill => client,
            _ => client.handle("double", async |(number,): (i64,)| Ok(number.wrapping_mul(2))),
        };
        let client = match client.connect().await {
            Ok(client) => client,
            Err(error) => {
                figures.failed("connecting", error);
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        for _ in 0..fastrand::u64(1..2 * ROUNDS) {
            if pace.is_over() {
                break;
            }
            shapes::one(&client, protocol, figures).await;
            sleep(pace.pause(CALLERS)).await;
        }
        client.close().await;
    }
}

/// A connection of events, and calls over it.
fn events(address: SocketAddr, pace: &Pace, figures: &Figures) -> Result {
    let asked = |a: i64| json!({ "type": "add", "a": a, "b": 1 });
    by_hand(address, "/events", pace, figures, &asked, &|answer: &Value| answer["result"].clone())
}

/// A connection of WebMesh, and calls over it.
fn webmesh(address: SocketAddr, pace: &Pace, figures: &Figures) -> Result {
    let asked = |a: i64| json!({ "target": "/add", "data": [a, 1] });
    by_hand(address, "/webmesh", pace, figures, &asked, &|answer: &Value| answer["data"].clone())
}

fn by_hand(
    address: SocketAddr,
    path: &str,
    pace: &Pace,
    figures: &Figures,
    asked: &dyn Fn(i64) -> Value,
    found: &dyn Fn(&Value) -> Value,
) -> Result {
    let mut raw = Raw::open(address, path, PATIENCE)?;
    for _ in 0..fastrand::u64(1..ROUNDS) {
        if pace.is_over() {
            break;
        }
        let a = fastrand::i64(0..1_000_000);
        raw.send(Kind::Text, asked(a).to_string().as_bytes())?;
        let Message::Text(text) = raw.receive()? else { return Err("the connection was closed".into()) };
        if found(&serde_json::from_str(&text)?) != a + 1 {
            return Err(format!("{a} + 1 is {text}").into());
        }
        figures.called(1);
        std::thread::sleep(pace.pause(CALLERS));
    }
    raw.vanish();
    Ok(())
}

/// Files, metrics, health.
fn http(address: SocketAddr, pace: &Pace, figures: &Figures) -> Result {
    for path in ["/files/page.html", "/metrics", "/healthz", "/readyz"] {
        match raw::get(address, path, PATIENCE)? {
            (200, body) if !body.is_empty() || path.ends_with('z') => figures.called(1),
            (status, body) => return Err(format!("{path}: {status} and {} bytes", body.len()).into()),
        }
        std::thread::sleep(pace.pause(CALLERS).max(Duration::from_millis(50)));
    }
    Ok(())
}

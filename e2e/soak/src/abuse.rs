//! One round in a hundred is an attack: of each kind one that costs the attacker nothing, and the server as much as its
//! limits allow.

use crate::{figures::Figures, pace::Pace};
use serde_json::json;
use std::{
    collections::VecDeque,
    io::Write,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use swill_exhaustion::{
    Result,
    raw::{self, Raw},
};
use swill_ws::Kind;

const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of an attacker that are left as they are for a while, and then vanish.
const LEFT: usize = 6;

/// Starts the attackers.
pub(crate) fn start(address: SocketAddr, pace: &Arc<Pace>, figures: &Arc<Figures>) -> Vec<JoinHandle<()>> {
    const ATTACKERS: usize = 2;
    (0..ATTACKERS)
        .map(|_| {
            let (pace, figures) = (Arc::clone(pace), Arc::clone(figures));
            thread::spawn(move || {
                let mut left = VecDeque::new();
                while !pace.is_over() {
                    // The server may end an attacker at any moment, which is no error.
                    if let Ok(Some(raw)) = attack(address, fastrand::u32(0..12)) {
                        left.push_back(raw);
                    }
                    figures.attacked();
                    if left.len() > LEFT
                        && let Some(oldest) = left.pop_front()
                    {
                        Raw::vanish(oldest);
                    }
                    thread::sleep(pace.pause(100 * ATTACKERS));
                }
            })
        })
        .collect()
}

/// One attack; a connection that is to be left as it is comes back.
fn attack(address: SocketAddr, kind: u32) -> Result<Option<Raw>> {
    let path = ["/ws", "/jsonrpc", "/jsonrpc-msgpack", "/events", "/webmesh"][fastrand::usize(0..5)];
    match kind {
        // A handshake that breaks off, one that makes no sense, one that is too large.
        0 => raw::connect(address, PATIENCE)?.write_all(b"GET / HTTP/1.1\r\nHost: lo")?,
        1 => raw::connect(address, PATIENCE)?.write_all(&random(200))?,
        2 => {
            let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000));
            raw::connect(address, PATIENCE)?.write_all(head.as_bytes())?;
        }
        // Bytes that are no frames.
        3 => {
            let mut raw = Raw::open(address, path, PATIENCE)?;
            raw.socket.write_all(&random(500))?;
            let _ = raw.receive();
        }
        // Frames that hold nothing that makes sense.
        4 => {
            let mut raw = Raw::open(address, path, PATIENCE)?;
            raw.socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            for _ in 0..20 {
                raw.send(Kind::Binary, &random(50))?;
            }
            let _ = raw.receive();
        }
        // A message that is too large.
        5 => {
            let mut raw = Raw::open(address, path, PATIENCE)?;
            raw.send(Kind::Text, &vec![b' '; (1 << 20) + 1])?;
        }
        // A message that never ends.
        6 => {
            let mut raw = Raw::open(address, path, PATIENCE)?;
            let frame = raw.frame(Kind::Text, &vec![b' '; 500_000]);
            raw.socket.write_all(&frame[..400_000])?;
            return Ok(Some(raw));
        }
        // Streams out that nobody reads.
        7 => {
            let mut raw = Raw::open(address, "/jsonrpc", PATIENCE)?;
            for id in 0..5 {
                let call =
                    json!({ "jsonrpc": "2.0", "method": "count", "params": [1_000_000_000], "id": id });
                raw.send(Kind::Text, call.to_string().as_bytes())?;
            }
            return Ok(Some(raw));
        }
        // A stream in that nobody takes.
        8 => {
            let mut raw = Raw::open(address, "/ws", PATIENCE)?;
            raw.socket.set_write_timeout(Some(Duration::from_millis(100)))?;
            for _ in 0..10 {
                raw.say(1, "ignore", vec![0; 30_000])?;
            }
            return Ok(Some(raw));
        }
        // More calls than may be in flight, and nobody who waits for them.
        9 => {
            let mut raw = Raw::open(address, "/jsonrpc", PATIENCE)?;
            for id in 0..300 {
                let call = json!({ "jsonrpc": "2.0", "method": "slow", "params": [2000], "id": id });
                raw.send(Kind::Text, call.to_string().as_bytes())?;
            }
        }
        // Pings, as many as are allowed and then more.
        10 => {
            let mut raw = Raw::open(address, path, PATIENCE)?;
            raw.socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            let ping = [0x89, 0x80, 0, 0, 0, 0];
            raw.socket.write_all(&ping.repeat(1200))?;
            let _ = raw.receive();
        }
        // Calls and cancellations.
        _ => {
            let mut raw = Raw::open(address, "/jsonrpc", PATIENCE)?;
            for id in 0..250 {
                let call = json!({ "jsonrpc": "2.0", "method": "slow", "params": [10_000], "id": id });
                raw.send(Kind::Text, call.to_string().as_bytes())?;
                let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": id } });
                raw.send(Kind::Text, cancel.to_string().as_bytes())?;
            }
        }
    }
    Ok(None)
}

fn random(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|_| fastrand::u8(..)).collect()
}

//! Messages that no client writes: random, mutated, or of a structure that means nothing.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result},
    judge::Figures,
    target::Target,
    wire::{
        pack,
        protocol::{Protocol, packed, webmesh},
        socket::{Fate, PATIENCE},
    },
};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![Attack::new(
        "random-messages",
        EVERY,
        "the calls after each are answered, or the connection is closed",
        messages,
    )]
}

/// Random bytes, mutated calls and structured nonsense, 10,000 in all. After each of them a call tells what became of it.
async fn messages(target: Target) -> Result<Figures> {
    let mut chance = target.chance(2);
    let mut connection = target.open().await?;
    let count = target.count(10_000);
    let (mut answered, mut closed) = (0, 0);
    for number in 0..count {
        let message = match number % 3 {
            0 => bytes(&mut chance),
            1 => mutated(target.protocol, &mut chance),
            _ => structured(target.protocol, &mut chance),
        };
        // Whether it can be sent is told by what comes.
        let _ = connection.send(&message).await;
        // Some in a row, so that one is not always followed by a good one.
        if number % 4 == 3 {
            continue;
        }
        match connection
            .fate(PATIENCE)
            .await
            .context(format!("after message {number}: {}", shown(&message)))?
        {
            Fate::Answered => answered += 1,
            Fate::Closed(_) => {
                closed += 1;
                connection = target.open().await?;
            }
        }
    }
    Ok(vec![
        ("messages", count.to_string()),
        ("answered", answered.to_string()),
        ("closed", closed.to_string()),
    ])
}

fn shown(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(&message[..message.len().min(60)]).escape_debug().to_string();
    format!("{} bytes {text}", message.len())
}

/// For those whose messages are text: bytes that are not would be held against the frame, not the message.
fn as_text(protocol: Protocol, bytes: Vec<u8>) -> Vec<u8> {
    match protocol {
        Protocol::Swill1 => bytes,
        _ => String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
    }
}

fn bytes(chance: &mut fastrand::Rng) -> Vec<u8> {
    let most = [4, 32, 300, 5000][chance.usize(0..4)];
    let length = chance.usize(0..most);
    let ascii = chance.bool();
    (0..length).map(|_| if ascii { chance.u8(0x20..0x7F) } else { chance.u8(..) & 0x7F }).collect()
}

fn mutated(protocol: Protocol, chance: &mut fastrand::Rng) -> Vec<u8> {
    let id = chance.i64(1..1000);
    let mut call = match chance.u8(0..4) {
        0 => protocol.add(id, 1, 2),
        1 => protocol.echo(id, json!({"a": [1, 2.5, "text", null, true], "b": {"c": []}})),
        2 => protocol.slow(id, 1),
        _ => protocol.call(id, "no-such-procedure", &[("a", json!(1))]),
    };
    for _ in 0..chance.usize(1..4) {
        if call.is_empty() {
            break;
        }
        let place = chance.usize(0..call.len());
        match chance.u8(0..5) {
            0 => call[place] = chance.u8(..),
            1 => call[place] ^= 1 << chance.u8(0..8),
            2 => call.truncate(place),
            3 => drop(call.remove(place)),
            _ => call.insert(place, chance.u8(..)),
        }
    }
    as_text(protocol, call)
}

/// The right kind of value with anything in the place of anything.
fn structured(protocol: Protocol, chance: &mut fastrand::Rng) -> Vec<u8> {
    match protocol {
        Protocol::Swill1 if chance.bool() => {
            let parts: Vec<Vec<u8>> = (0..chance.usize(0..8)).map(|_| strange(chance)).collect();
            pack::array(&parts)
        }
        Protocol::Swill1 => {
            let procedure =
                ["add", "echo", "total", "slow_total", "", "swill.introspect"][chance.usize(0..6)];
            packed(&json!([value(chance, 2), value(chance, 4), procedure, chance.u8(0..6), value(chance, 2)]))
        }
        Protocol::JsonRpc => {
            let mut message = serde_json::Map::new();
            for name in ["jsonrpc", "method", "params", "id", "result", "error", "extra"] {
                if chance.bool() {
                    let usual = match name {
                        "jsonrpc" => json!("2.0"),
                        "method" => {
                            json!(["add", "echo", "$/cancelRequest", "$/stream", "rpc.x"][chance.usize(0..5)])
                        }
                        "id" => json!(chance.i64(..)),
                        _ => value(chance, 3),
                    };
                    message.insert(name.into(), if chance.u8(0..3) > 0 { usual } else { value(chance, 3) });
                }
            }
            let message = Value::Object(message);
            let batch = chance.u8(0..4) == 0;
            (if batch { json!([message, value(chance, 2), message]) } else { message })
                .to_string()
                .into_bytes()
        }
        Protocol::Events => {
            let mut message = value(chance, 3);
            if let Some(members) = message.as_object_mut() {
                let usual = ["add", "echo", "kinds", "greet", "no-such"][chance.usize(0..5)];
                members.insert("type".into(), if chance.bool() { json!(usual) } else { value(chance, 2) });
                members.insert(["a", "value", "i", "name"][chance.usize(0..4)].into(), value(chance, 2));
            }
            message.to_string().into_bytes()
        }
        Protocol::WebMesh => {
            let path = if chance.bool() { json!("/echo") } else { value(chance, 2) };
            let message = packed(&json!({"path": path, "data": value(chance, 4), "extra": value(chance, 1)}));
            let mut message = webmesh(&message);
            if chance.u8(0..3) == 0 {
                let place = chance.usize(0..message.len());
                message[place] = b"0123456789abcdefg "[chance.usize(0..18)];
            }
            message
        }
    }
}

/// Any value of JSON.
fn value(chance: &mut fastrand::Rng, depth: usize) -> Value {
    match chance.u8(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(chance.bool()),
        2 => json!(chance.i64(..) >> chance.u32(0..64)),
        3 => json!(chance.u64(..)),
        4 => json!(chance.f64() * 1e300),
        5 => json!((0..chance.usize(0..20)).map(|_| chance.char('\0'..'\u{FFFF}')).collect::<String>()),
        6 => (0..chance.usize(0..5)).map(|_| value(chance, depth - 1)).collect(),
        _ => Value::Object(
            (0..chance.usize(0..5)).map(|key| (format!("k{key}"), value(chance, depth - 1))).collect(),
        ),
    }
}

/// Any value of MessagePack, those that JSON does not have included.
fn strange(chance: &mut fastrand::Rng) -> Vec<u8> {
    match chance.u8(0..10) {
        0 => pack::nil(),
        1 => pack::int(chance.i64(..)),
        2 => pack::uint(chance.u64(..)),
        3 => pack::float(f64::from_bits(chance.u64(..))),
        4 => pack::bin(&[chance.u8(..); 9]),
        5 => pack::text(["add", "echo", "total", "count", "slow"][chance.usize(0..5)]),
        6 => pack::map(&[(pack::int(chance.i64(0..9)), pack::nil()), (pack::text("k"), pack::bin(b""))]),
        // Extensions: a timestamp of 4 bytes, and a type that nobody knows; the byte that stands for nothing.
        7 => vec![0xD6, 0xFF, 1, 2, 3, 4],
        8 => vec![0xC7, 3, chance.u8(..), 1, 2, 3],
        _ => vec![0xC1],
    }
}

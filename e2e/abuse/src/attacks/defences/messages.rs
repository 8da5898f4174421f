//! What protocols have to refuse in a message, whatever it calls.

use super::own::{A_WHILE, Own, SOON, brief, call, fails_with, is_silent};
use crate::{
    attacks::{ANY, Attack},
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{Frame, TEXT},
        protocol::{Protocol, Said, hex, packed, webmesh},
        socket::{Connection, Heard},
    },
};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use std::{io::Write, time::Duration};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("defence-nesting", ANY, "refused, and 16 levels are not", nesting),
        Attack::new("defence-announced-values", ANY, "nothing is reserved for what is announced", announced),
        Attack::new("defence-name", ANY, "400", name),
        Attack::new("defence-metadata-keys", ANY, "400", metadata_keys),
        Attack::new("defence-metadata-bytes", ANY, "400", metadata_bytes),
        Attack::new(
            "defence-duplicate-numbers",
            ANY,
            "two requests of one number have one answer",
            duplicates,
        ),
        Attack::new("defence-batch", ANY, "one error", batch),
        Attack::new("defence-id", ANY, "an error without it", id),
        Attack::new("defence-answers", ANY, "answers to nothing are not answered", answers),
        Attack::new("defence-held-batches", ANY, "413 for what does not fit", held_batches)
            .bounds(|bounds| bounds.within = Duration::from_secs(60)),
        Attack::new("defence-zlib", ANY, "dropped, and little memory", zlib),
        Attack::new("defence-path", ANY, "not looked up", path),
        Attack::new("defence-random-keys", ANY, "done within two seconds", random_keys),
    ]
}

/// A list in a list in a list.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |value, _| json!([value]))
}

async fn nesting(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut swill = own.swill().await?;
    let mut json_rpc = own.json_rpc().await?;
    for levels in [66, 100, 120] {
        // The argument is a list of one, so there is a level more.
        let value = nested(levels);
        let message = packed(&json!([7, value, "echo"]));
        fails_with(&mut swill, &message, 7, 400).await.context(format!("{levels} levels"))?;
        json_rpc.send(&Protocol::JsonRpc.echo(7, nested(levels))).await?;
        let said = json_rpc.answer(SOON).await?.said;
        ensure!(said == Said::Error(-32700), "{levels} levels of JSON are answered with {}", brief(&said));
    }
    for connection in [&mut swill, &mut json_rpc] {
        let said = call(connection, "echo", &[("value", json!({"a": nested(16)}))], SOON).await?;
        ensure!(matches!(said, Said::Item(_)), "16 levels are answered with {}", brief(&said));
    }
    Ok(vec![])
}

async fn announced(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    own.serves().await?;
    own.server.process.forget_peak()?;
    let before = own.server.process.memory()?;
    for head in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
    ] {
        let mut connection = own.swill().await?;
        let mut message = b"\x93\x07".to_vec();
        message.extend_from_slice(head);
        message.extend_from_slice(b"\xa4echo");
        connection.send(&message).await?;
        connection.works(SOON).await?;
    }
    let more = own.server.process.peak()?.saturating_sub(before);
    ensure!(more < 16 << 20, "{} MiB for what is announced", more >> 20);
    Ok(vec![("KiB", (more >> 10).to_string())])
}

async fn name(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    fails_with(&mut connection, &packed(&json!([1, 1, "n".repeat(255)])), 1, 404).await?;
    for length in [256, 300, 60_000] {
        fails_with(&mut connection, &packed(&json!([1, 1, "n".repeat(length)])), 1, 400).await?;
    }
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn metadata_keys(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    let with = |keys: usize| {
        let metadata: serde_json::Map<String, Value> =
            (0..keys).map(|key| (format!("k{key}"), json!(1))).collect();
        packed(&json!([1, [1, 2], "add", 0, metadata]))
    };
    connection.send(&with(64)).await?;
    let said = connection.answer_to(1, SOON).await?;
    ensure!(said == Said::Item(json!(3)), "64 keys: {said:?}");
    fails_with(&mut connection, &with(65), 1, 400).await?;
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn metadata_bytes(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    let message = packed(&json!([1, [1, 2], "add", 0, {"key": "x".repeat(9 << 10)}]));
    fails_with(&mut connection, &message, 1, 400).await?;
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn duplicates(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    for _ in 0..3 {
        connection.send(&Protocol::Swill1.slow(1, 300)).await?;
    }
    let said = connection.answer_to(1, SOON).await?;
    ensure!(said == Said::Item(json!("slept")), "answered with {said:?}");
    is_silent(&mut connection, A_WHILE).await.context("after the answer")?;
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn batch(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    let calls = |count: usize| {
        let calls: Vec<Value> = (0..count)
            .map(|id| json!({"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": id}))
            .collect();
        Value::Array(calls).to_string()
    };
    for count in [1025, 10_000] {
        connection.send(calls(count).as_bytes()).await?;
        let Said::Error(_) = connection.answer(SOON).await?.said else {
            return Err(format!("a batch of {count} is not answered by one error").into());
        };
    }
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn id(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    for length in [300, 100_000] {
        let call = json!({"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": "i".repeat(length)});
        connection.send(call.to_string().as_bytes()).await?;
        let answer = connection.answer(SOON).await?;
        ensure!(
            answer.id.is_null() && matches!(answer.said, Said::Error(_)),
            "answered with {}",
            brief(&answer)
        );
    }
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn answers(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    for answer in [
        json!({"jsonrpc": "2.0", "id": 5, "result": 1}),
        json!({"jsonrpc": "2.0", "id": null, "error": {"code": 1, "message": "x"}}),
        json!({"jsonrpc": "2.0", "id": "x", "result": {"a": []}}),
        json!([{"jsonrpc": "2.0", "id": 5, "result": 1}, {"jsonrpc": "2.0", "id": 6, "result": 1}]),
    ] {
        connection.send(answer.to_string().as_bytes()).await?;
    }
    let ours = json!({"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 9});
    connection.send(ours.to_string().as_bytes()).await?;
    let first = connection.answer(SOON).await?;
    ensure!(first.id == json!(9), "an answer to nothing is answered with {}", brief(&first));
    Ok(vec![])
}

async fn held_batches(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::JsonRpc, "/patient-json-rpc").await?;
    // Each batch keeps its large answer until its slow call is done.
    for number in 0..24 {
        let blob = json!({"jsonrpc": "2.0", "method": "blob", "params": [900 << 10], "id": number});
        let slow = json!({"jsonrpc": "2.0", "method": "slow", "params": [6000], "id": number});
        connection.send(json!([slow, blob]).to_string().as_bytes()).await?;
    }
    let mut refused = 0;
    for _ in 0..24 {
        match connection.heard(Duration::from_secs(30)).await? {
            Heard::Message(_, message) => {
                refused += usize::from(String::from_utf8_lossy(&message).contains("413"))
            }
            other => return Err(format!("instead of a batch: {}", brief(&other)).into()),
        }
    }
    ensure!(refused > 0, "21 MiB of answers were held back for one connection");
    connection.works(SOON).await?;
    Ok(vec![("refused", refused.to_string())])
}

async fn zlib(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::WebMesh, "/webmesh").await?;
    connection.works(SOON).await?;
    own.server.process.forget_peak()?;
    let before = own.server.process.memory()?;
    // A call that would be answered, if it were not for its size.
    let bomb = zipped(&[b"\x82\xa4path\xa5/echo\xa4data\xc6\x01\0\0\0", &vec![0; 16 << 20][..]].concat());
    connection.send(&bomb).await?;
    connection.works(SOON).await?;
    // One that ends nowhere.
    connection.send(&bomb[..bomb.len() / 2]).await?;
    connection.works(SOON).await?;
    let more = own.server.process.peak()?.saturating_sub(before);
    ensure!(more < 12 << 20, "{} MiB to inflate bombs of {} KiB", more >> 20, bomb.len() >> 10);
    Ok(vec![("KiB", (more >> 10).to_string())])
}

async fn path(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::WebMesh, "/webmesh").await?;
    let asks = |length: usize| {
        webmesh(&packed(&json!({"path": format!("/wild/{}", "x".repeat(length)), "data": null})))
    };
    for (length, found) in [(1000, true), (1024, false), (100_000, false)] {
        connection.send(&asks(length)).await?;
        let said = connection.answer(SOON).await?.said;
        let expected = if found { json!(length) } else { json!("Path not found") };
        ensure!(said == Said::Item(expected), "a name of {length} bytes is answered with {}", brief(&said));
    }
    Ok(vec![])
}

/// A message of WebMesh 0.1.2 with this in it.
fn zipped(message: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(vec![], Compression::fast());
    hex(&zlib.write_all(message).and_then(|()| zlib.finish()).unwrap_or_default())
}

/// Names that differ only in the order of their letters: so many that comparing each with each takes long.
fn permutations(count: usize) -> Vec<String> {
    let mut letters: Vec<u8> = (b'a'..=b'i').collect();
    let mut all = Vec::with_capacity(count);
    let mut counters = vec![0; letters.len()];
    let mut at = 0;
    all.push(String::from_utf8_lossy(&letters).into_owned());
    // Heap's algorithm.
    while at < letters.len() && all.len() < count {
        if counters[at] < at {
            letters.swap(if at % 2 == 0 { 0 } else { counters[at] }, at);
            all.push(String::from_utf8_lossy(&letters).into_owned());
            counters[at] += 1;
            at = 0;
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
    all
}

async fn random_keys(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection: Connection = own.open(Protocol::Events, "/patient-events").await?;
    connection.works(SOON).await?;
    let members: Vec<String> = permutations(60_000).into_iter().map(|name| format!("\"{name}\":0")).collect();
    let message = format!("{{\"type\":\"echo\",{}}}", members.join(","));
    let begin = tokio::time::Instant::now();
    connection.frame(&Frame::new(TEXT, message.as_bytes())).await?;
    let heard = connection.heard(Duration::from_secs(2)).await?;
    ensure!(matches!(heard, Heard::Message(..)), "60,000 members: {}", brief(&heard));
    Ok(vec![("took", format!("{:.1?}", begin.elapsed()))])
}

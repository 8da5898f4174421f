//! No attacks: what heavy but ordinary use looks like. Limits must not hurt it.

use super::{Attack, EVERY, SWILL};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::{Build, Target},
    wire::{
        flood::flood,
        frame::Frame,
        head::Head,
        protocol::{Protocol, Said},
        socket::{Connection, Heard, PATIENCE},
    },
};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::Instant;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "ordinary-calls",
            EVERY,
            "64 at a time, 100 connections, answers of 256 KiB: all right",
            calls,
        ),
        Attack::new(
            "heavy-neighbours",
            EVERY,
            "those who send and read a megabyte at a time do not hinder others",
            heavy,
        ),
        Attack::new("ordinary-stream", SWILL, "20,000 items, in order and without a gap", stream),
        Attack::new(
            "ordinary-handshakes",
            EVERY,
            "in one write with a call, or byte by byte: all right",
            handshakes,
        ),
        Attack::new("thousand-idle", EVERY, "at most 16 KiB each", idle).waits(),
    ]
}

async fn calls(target: Target) -> Result<Figures> {
    let begin = Instant::now();
    let mut connection = target.open().await?;
    let count = target.count(20_000) as i64;
    window(&mut connection, count).await?;
    let each = target.count(200) as i64;
    let many = target.open_many(100).await?;
    try_join_all(many.into_iter().map(|mut connection| async move {
        window(&mut connection, each).await?;
        connection.close().await
    }))
    .await?;
    let text = "x".repeat(256 << 10);
    for id in 1..=20 {
        connection.send(&target.protocol.echo(id, json!(text))).await?;
        let said = connection.answer_to(id, PATIENCE).await.context("256 KiB")?;
        ensure!(said == Said::Item(json!(text)), "256 KiB come back as something else");
    }
    connection.close().await?;
    let calls = count + 100 * each + 20;
    Ok(vec![("calls", calls.to_string()), ("in", format!("{:.1} s", begin.elapsed().as_secs_f64()))])
}

/// Some who echo as much as a message may have, as fast as they can.
async fn heavy(target: Target) -> Result<Figures> {
    let rounds = target.count(40) as i64;
    // Two digits for each byte, of what cannot be compressed to nothing.
    // To compress it takes ten times as long as all that others do: fewer keep two processors as busy.
    let (size, neighbours) = if target.protocol == Protocol::WebMesh { (300_000, 4) } else { (900_000, 16) };
    let neighbours = if target.build == Build::Debug { 2 } else { neighbours };
    let mut chance = target.chance(5);
    let text: String = (0..size).map(|_| chance.alphanumeric()).collect();
    let begin = Instant::now();
    let frame =
        Frame::new(target.protocol.opcode(), &target.protocol.echo(7, json!(text))).key([0; 4]).bytes();
    let many = target.open_many(neighbours).await?;
    try_join_all(many.into_iter().map(|mut connection| {
        let frame = &frame;
        async move {
            let mut answers = 0;
            let frames = (0..rounds).map(|_| frame.clone());
            let ended = flood(&mut connection, frames, |heard| {
                answers += i64::from(matches!(heard, Heard::Message(..)))
            })
            .await?;
            ensure!(ended.is_none(), "{ended:?}");
            while answers < rounds {
                let heard = connection.heard(PATIENCE).await?;
                ensure!(matches!(heard, Heard::Message(_, _)), "{heard:?}");
                answers += 1;
            }
            Ok(())
        }
    }))
    .await?;
    Ok(vec![
        ("MiB", ((neighbours * rounds as usize * size) >> 20).to_string()),
        ("in", format!("{:.1} s", begin.elapsed().as_secs_f64())),
    ])
}

/// Calls of which 64 are on their way at a time.
async fn window(connection: &mut Connection, count: i64) -> Result {
    let protocol = connection.protocol;
    let (mut sent, mut answered) = (0, 0);
    let mut sum = 0;
    while answered < count {
        let mut frames = vec![];
        while sent < count && sent - answered < 64 {
            sent += 1;
            Frame::new(protocol.opcode(), &protocol.add(sent, sent, sent)).append(&mut frames);
        }
        if !frames.is_empty() {
            connection.writer.write(&frames).await?;
        }
        match connection.answer(PATIENCE).await?.said {
            Said::Item(value) => sum += value.as_i64().unwrap_or_default(),
            other => return Err(format!("call {answered}: {other:?}").into()),
        }
        answered += 1;
    }
    ensure!(sum == count * (count + 1), "the answers of {count} calls are not theirs");
    Ok(())
}

async fn stream(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let count = 20_000_i64;
    let begin = Instant::now();
    connection.send(&target.protocol.call(7, "count", &[("n", json!(count))])).await?;
    for expected in 0..count {
        let said = connection.answer_to(7, PATIENCE).await?;
        ensure!(said == Said::Item(json!(expected)), "{said:?} instead of {expected}");
    }
    let said = connection.answer_to(7, PATIENCE).await?;
    ensure!(said == Said::End, "{said:?} instead of the end");
    connection.close().await?;
    Ok(vec![("items", count.to_string()), ("in", format!("{:.2} s", begin.elapsed().as_secs_f64()))])
}

/// Clients need not wait with what they say; and networks cut where they like.
async fn handshakes(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    let head = Head::upgrade(protocol.path(), &target.address.to_string(), protocol.subprotocol());
    let call = Frame::new(protocol.opcode(), &protocol.add(1, 40, 2)).bytes();
    // The head of somebody who writes it differently means the same.
    let other = head
        .clone()
        .instead("Upgrade", "WebSocket")
        .instead("Connection", "keep-alive, Upgrade")
        .with("sec-websocket-extensions", "x-webkit-deflate-frame")
        .with("X-Empty", "");
    for head in [&head, &other] {
        let bytes = [head.bytes(), call.repeat(3)].concat();
        let mut raw = target.connect().await?;
        raw.write(&bytes).await?;
        let answer = raw.answer(PATIENCE).await?.ok_or("no answer")?;
        answer.accepts(protocol.subprotocol())?;
        raw.reset()?;
        // Byte by byte, in as many packets.
        let mut raw = target.connect().await?;
        for byte in &head.bytes() {
            raw.write(&[*byte]).await?;
        }
        let answer = raw.answer(PATIENCE).await?.ok_or("no answer")?;
        answer.accepts(protocol.subprotocol())?;
    }
    let mut connection = target.open().await?;
    for byte in call.repeat(3) {
        connection.writer.write(&[byte]).await?;
    }
    for _ in 0..3 {
        let said = connection.answer_to(1, PATIENCE).await?;
        ensure!(said == Said::Item(json!(42)), "byte by byte: {said:?}");
    }
    // A flood that is only long.
    let mut answers = 0;
    let count = target.count(20_000);
    let frames = std::iter::repeat_n(Frame::new(protocol.opcode(), &protocol.add(1, 1, 1)).bytes(), count);
    let ended =
        flood(&mut connection, frames, |heard| answers += usize::from(matches!(heard, Heard::Message(..))))
            .await?;
    ensure!(ended.is_none(), "{ended:?}");
    while answers < count {
        connection.answer(PATIENCE).await.context(format!("answer {answers} of {count}"))?;
        answers += 1;
    }
    connection.close().await?;
    Ok(vec![("pipelined", count.to_string())])
}

async fn idle(target: Target) -> Result<Figures> {
    let count = target.count(1_000);
    let before = target.process.memory()?;
    let mut connections = target.open_many(count).await?;
    // Each has been used: what that needs belongs to nobody afterwards.
    for connection in &mut connections {
        connection.works(PATIENCE).await?;
    }
    let each = target.process.memory()?.saturating_sub(before) / count as u64;
    ensure!(each <= 16 << 10, "an idle connection costs {} bytes", each);
    try_join_all(connections.into_iter().map(|connection| async move { connection.close().await })).await?;
    Ok(vec![("KiB each", format!("{:.1}", each as f64 / 1024.0))])
}

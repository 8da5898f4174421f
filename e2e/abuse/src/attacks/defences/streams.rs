//! Slow readers, fast writers and silent peers.

use super::own::{A_WHILE, Own, SOON, brief, part};
use crate::{
    attacks::{ANY, Attack},
    failure::{Context, Result, ensure},
    judge::Figures,
    process::becomes,
    target::Target,
    wire::{
        frame::{Frame, TEXT},
        protocol::{Protocol, Said},
        socket::{Connection, Heard, Raw},
    },
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "defence-reading-when-full",
            ANY,
            "calls are not read while answers wait",
            reading_when_full,
        ),
        Attack::new("defence-outbox", ANY, "a stream that nobody reads stands still", outbox),
        Attack::new("defence-write-stall", ANY, "cut off", write_stall),
        Attack::new("defence-http-write-stall", ANY, "cut off", http_write_stall),
        Attack::new("defence-ping", ANY, "a silent peer is asked whether it is there", ping_after),
        Attack::new("defence-pong", ANY, "a peer that does not answer is dropped", pong_within),
        Attack::new("defence-draining", ANY, "1008", draining),
        Attack::new(
            "defence-stream-unread",
            ANY,
            "the socket is not read while a stream is full",
            stream_unread,
        ),
        Attack::new("defence-unread", ANY, "the socket is not read while streams are full together", unread),
        Attack::new("defence-stream-stall", ANY, "429, and reading goes on", stream_stall),
        Attack::new("defence-waiting-messages", ANY, "little is read behind a slow call", waiting_messages),
    ]
}

async fn reading_when_full(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.narrow(Protocol::Swill1, "/patient").await?;
    let echo = Frame::new(2, &Protocol::Swill1.echo(1, json!("x".repeat(64 << 10)))).bytes().repeat(16);
    let (begin, mut written) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(2) {
        written += connection.writer.write_some(&echo, Duration::from_millis(250)).await?;
    }
    ensure!(written < 32 << 20, "{} MiB of calls were read, and their answers were not", written >> 20);
    own.serves().await?;
    Ok(vec![("KiB taken", (written >> 10).to_string())])
}

async fn outbox(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    own.serves().await?;
    own.server.process.forget_peak()?;
    let before = own.server.process.memory()?;
    let mut connection = own.narrow(Protocol::Swill1, "/patient").await?;
    let blobs = [("n", json!(1 << 20)), ("bytes", json!(16 << 10))];
    connection.send(&Protocol::Swill1.call(1, "blobs", &blobs)).await?;
    sleep(Duration::from_millis(1500)).await;
    let more = own.server.process.peak()?.saturating_sub(before);
    ensure!(more < 8 << 20, "{} MiB for a stream that nobody reads", more >> 20);
    own.serves().await?;
    Ok(vec![("KiB", (more >> 10).to_string())])
}

async fn write_stall(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.narrow(Protocol::Swill1, "/swill").await?;
    let blobs = [("n", json!(1_i64 << 40)), ("bytes", json!(16 << 10))];
    connection.send(&Protocol::Swill1.call(1, "blobs", &blobs)).await?;
    sleep(Duration::from_millis(2500)).await;
    let (bytes, _) = connection.reader.drained(SOON).await.context("after 2.5 s without reading")?;
    own.serves().await?;
    Ok(vec![("KiB sent", (bytes >> 10).to_string())])
}

async fn http_write_stall(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let process = &own.server.process;
    let before = process.descriptors()?;
    let mut raw = Raw::connect_narrow(own.address(), 4 << 10).await?;
    // Many requests for the largest document that there is, and not one answer is read.
    let request = format!("GET /swill/docs/app.js HTTP/1.1\r\nHost: {}\r\n\r\n", own.address()).repeat(200);
    raw.write(request.as_bytes()).await?;
    let (_, comes) = becomes(SOON, || process.descriptors(), |open| *open > before).await?;
    ensure!(comes, "it was not accepted");
    let begin = Instant::now();
    let (_, goes) = becomes(SOON, || process.descriptors(), |open| *open <= before).await?;
    ensure!(goes, "it is still open, {SOON:?} without reading");
    own.serves().await?;
    Ok(vec![("cut off after", format!("{:.1} s", begin.elapsed().as_secs_f64()))])
}

async fn ping_after(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/quiet").await?;
    let heard = connection.reader.heard(SOON).await?;
    ensure!(matches!(heard, Heard::Ping(_)), "instead of a ping: {heard:?}");
    // Whoever answers stays.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        connection.works(SOON).await?;
        connection.heard(Duration::from_millis(200)).await?;
    }
    Ok(vec![])
}

async fn pong_within(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/quiet").await?;
    let begin = Instant::now();
    loop {
        match connection.reader.heard(SOON).await? {
            Heard::Ping(_) => {}
            Heard::Ended(_) => break,
            other => return Err(format!("a silent peer is not dropped: {other:?}").into()),
        }
    }
    Ok(vec![("after", format!("{:.1?}", begin.elapsed()))])
}

async fn draining(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    // Each is answered at once, and its stream never ended.
    let mut bytes = vec![];
    for number in 0..1100 {
        Frame::new(2, &Protocol::Swill1.call(number, "first", &[("numbers", json!(1))])).append(&mut bytes);
    }
    let _ = connection.writer.write(&bytes).await;
    connection.closes(&[1008], SOON).await?;
    own.serves().await?;
    Ok(vec![])
}

/// Opens a stream that is never taken, and sends so many items of 32 KiB.
async fn fill(connection: &mut Connection, number: i64, items: usize) -> Result {
    connection.send(&Protocol::Swill1.call(number, "ignore", &[("numbers", json!(1))])).await?;
    let item = Frame::new(2, &part(number, &json!("x".repeat(32 << 10)), "ignore", 0)).bytes();
    for _ in 0..items {
        connection.writer.write(&item).await?;
    }
    Ok(())
}

/// Whether a call on the same connection is answered within a while.
async fn reads(connection: &mut Connection) -> bool {
    connection.works(A_WHILE).await.is_ok()
}

async fn stream_unread(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/patient").await?;
    fill(&mut connection, 1, 12).await?;
    ensure!(!reads(&mut connection).await, "a connection is read whose stream holds 384 KiB");
    own.serves().await?;
    let mut other = own.open(Protocol::Swill1, "/patient").await?;
    fill(&mut other, 1, 7).await?;
    ensure!(reads(&mut other).await, "a connection is not read whose stream holds 224 KiB");
    Ok(vec![])
}

async fn unread(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/patient").await?;
    for number in 0..24 {
        fill(&mut connection, number, 7).await?;
    }
    ensure!(!reads(&mut connection).await, "a connection is read whose streams hold 5.2 MiB");
    own.serves().await?;
    Ok(vec![])
}

async fn stream_stall(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    fill(&mut connection, 1, 12).await?;
    let said = connection.answer_to(1, SOON).await.context("a stream that takes nothing")?;
    ensure!(said == Said::Error(429), "a stream that takes nothing: {}", brief(&said));
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn waiting_messages(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Events, "/patient-events").await?;
    connection.send(&Protocol::Events.slow(1, 3000)).await?;
    let echo = Frame::new(TEXT, &Protocol::Events.echo(1, json!("x".repeat(64 << 10)))).bytes().repeat(16);
    let (begin, mut written) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(2) {
        written += connection.writer.write_some(&echo, Duration::from_millis(250)).await?;
    }
    ensure!(written < 24 << 20, "{} MiB were read behind a slow call", written >> 20);
    let slept = connection.answer(SOON).await?.said;
    ensure!(slept != Said::Item(Value::Null), "the slow call is answered with {}", brief(&slept));
    Ok(vec![("KiB taken", (written >> 10).to_string())])
}

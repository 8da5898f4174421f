//! Peers that go without a word, or stay without one.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Failure, Result, ensure},
    judge::Figures,
    process::becomes,
    target::{Build, Target},
    wire::{
        flood::{Unread, stuff},
        frame::{Frame, PONG},
        head::Head,
        pack,
        protocol::Protocol,
        socket::{Connection, Heard, PATIENCE},
    },
};
use futures_util::future::try_join_all;
use nix::{
    errno::Errno,
    sys::socket::{setsockopt, sockopt::TcpRepair},
};
use serde_json::json;
use std::{cell::Cell, time::Duration};
use tokio::time::Instant;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("vanish-in-mid-stream", EVERY, "procedures stop, descriptors are back", vanish),
        Attack::new("call-and-go", EVERY, "as many are let in as can be looked after", call_and_go),
        Attack::new("half-close", EVERY, "the connection ends, though the peer still listens", half_close),
        Attack::new("vanish-while-blocked", EVERY, "noticed, though nothing is read from them", blocked)
            .waits()
            .bounds(within),
        Attack::new("silent-peers", EVERY, "dropped within 75 s; those who answer pings stay", silent)
            .waits()
            .bounds(within),
        Attack::new("gone-without-fin", EVERY, "dropped within 75 s", gone).waits().bounds(within),
    ]
}

fn within(bounds: &mut crate::judge::Bounds) {
    bounds.within = Duration::from_secs(150);
}

/// Within this time a peer has to be dropped that says nothing.
const SILENCE: Duration = Duration::from_secs(75);

/// A connection on which much is going on: a stream out where there are streams, calls that run, half a message.
async fn busy(target: &Target, number: usize) -> Result<Connection> {
    let mut connection = target.open().await?;
    let protocol = target.protocol;
    if protocol == Protocol::Swill1 {
        connection.send(&protocol.call(1, "count", &[("n", json!(1_i64 << 50))])).await?;
        connection.answer_to(1, PATIENCE).await?;
        connection.send(&protocol.call(2, "total", &[("n", json!(1))])).await?;
    }
    if protocol.has_ids() {
        for id in 3..8 {
            connection.send(&protocol.slow(id, 3_600_000)).await?;
        }
    } else {
        connection.works(PATIENCE).await?;
        connection.send(&protocol.slow(1, 3_600_000)).await?;
    }
    if number.is_multiple_of(2) {
        connection.frame(&Frame::new(protocol.opcode(), b"half").announces(1000)).await?;
    }
    Ok(connection)
}

async fn vanish(target: Target) -> Result<Figures> {
    let before = target.process.descriptors()?;
    let count = target.count(400);
    for first in (0..count).step_by(40) {
        let some = (first..count.min(first + 40)).map(|number| busy(&target, number));
        for (number, connection) in try_join_all(some).await?.into_iter().enumerate() {
            match number % 4 {
                0 => connection.reset()?,
                // Bytes that nobody has read make a reset of it as well; what is read is ended with FIN.
                _ => drop(connection),
            }
        }
    }
    let begin = Instant::now();
    let (now, back) =
        becomes(Duration::from_secs(5), || target.process.descriptors(), |now| *now <= before).await?;
    ensure!(back, "{now} descriptors are open, {before} were");
    Ok(vec![
        ("clients", count.to_string()),
        ("gone after", format!("{:.0} ms", begin.elapsed().as_secs_f64() * 1e3)),
    ])
}

/// They call as much as one connection may, and are gone before anything can be answered, and come again.
async fn call_and_go(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    let head = Head::upgrade(protocol.path(), &target.address.to_string(), protocol.subprotocol());
    let count = target.count(6_000);
    come_and_go(&target, &calls_after(&head, protocol, target.build), count).await?;
    Ok(vec![("connections", count.to_string())])
}

/// A handshake, with calls behind it that go on for an hour: as many as one connection may have, or as a debug build looks
/// after in the same time.
pub(in crate::attacks) fn calls_after(head: &Head, protocol: Protocol, build: Build) -> Vec<u8> {
    let calls = if build == Build::Debug { 16 } else { 128 };
    let calls = (1..=calls).map(|id| Frame::new(protocol.opcode(), &protocol.slow(id, 3_600_000)).bytes());
    std::iter::once(head.bytes()).chain(calls).flatten().collect()
}

/// So many connections, 200 of them at a time, say something and are gone.
pub(in crate::attacks) async fn come_and_go(target: &Target, bytes: &[u8], count: usize) -> Result {
    const AT_A_TIME: usize = 200;
    let left = Cell::new(count);
    let one_after_the_other = || async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            let mut connection = target.connect().await?;
            // Whoever is turned away at once cannot say it all.
            let _ = connection.write(bytes).await;
        }
        Ok::<_, Failure>(())
    };
    try_join_all((0..AT_A_TIME).map(|_| one_after_the_other())).await?;
    Ok(())
}

/// They write until the server takes no more, because their calls go on for ever, and are gone then.
async fn blocked(target: Target) -> Result<Figures> {
    let before = target.process.descriptors()?;
    let protocol = target.protocol;
    let mut figures = vec![];
    for (name, reset) in [("with RST", true), ("with FIN", false)] {
        let mut connections = vec![];
        for _ in 0..4 {
            let mut connection = target.open().await?;
            let opens = match protocol {
                Protocol::Swill1 => protocol.call(1, "slow_total", &[("n", json!(1))]),
                _ => protocol.slow(1, 3_600_000),
            };
            connection.send(&opens).await?;
            let text = "x".repeat(60_000);
            let more = (2_i64..).map(|id| {
                let message = match protocol {
                    Protocol::Swill1 => pack::array(&[pack::int(1), pack::int(1), pack::text("slow_total")]),
                    _ => protocol.echo(id, json!(text)),
                };
                Frame::new(protocol.opcode(), &message).bytes()
            });
            let (_, how) = stuff(&mut connection.writer, more, Duration::from_secs(1)).await;
            ensure!(how == Unread::Blocked, "writing without reading ends with {how:?}");
            connections.push(connection);
        }
        for connection in connections {
            if reset {
                connection.reset()?;
            } else {
                drop(connection.into_stream()?);
            }
        }
        let begin = Instant::now();
        let (now, back) =
            becomes(Duration::from_secs(60), || target.process.descriptors(), |now| *now <= before).await?;
        ensure!(back, "{name}: {now} descriptors are open after 60 s, {before} were");
        figures.push((name, format!("gone after {:.1} s", begin.elapsed().as_secs_f64())));
    }
    Ok(figures)
}

/// They say that they will send nothing more, and go on reading.
async fn half_close(target: Target) -> Result<Figures> {
    let count = target.count(100);
    let mut connections = vec![];
    for number in 0..count {
        let mut connection = busy(&target, number).await?;
        connection.writer.shut().await?;
        connections.push(connection);
    }
    let begin = Instant::now();
    for connection in &mut connections {
        connection.reader.drained(PATIENCE).await.context("after FIN")?;
    }
    Ok(vec![
        ("clients", count.to_string()),
        ("gone after", format!("{:.0} ms", begin.elapsed().as_secs_f64() * 1e3)),
    ])
}

/// Some say nothing at all; some stop in the middle of a frame; some read, but do not answer; and some are only quiet.
async fn silent(target: Target) -> Result<Figures> {
    let begin = Instant::now();
    let mut dropped = vec![];
    for number in 0..target.count(40) {
        let mut connection = target.open().await?;
        match number % 4 {
            0 => {}
            1 => connection.works(PATIENCE).await?,
            2 => connection.frame(&Frame::new(target.protocol.opcode(), b"half").announces(1000)).await?,
            _ => connection.writer.write(&[0x80 | target.protocol.opcode()]).await?,
        }
        dropped.push(connection);
    }
    // It answers pings, and nothing else: that is all that is asked of it.
    let mut quiet = target.open().await?;
    let ends = try_join_all(dropped.iter_mut().map(|connection| async {
        connection.reader.drained(SILENCE).await?;
        Ok::<_, Failure>(begin.elapsed())
    }));
    let stays = async {
        let until = Instant::now() + SILENCE;
        let mut pings = 0;
        while pings < 3 {
            match quiet.reader.heard_until(until).await? {
                Heard::Ping(payload) => {
                    pings += 1;
                    quiet.frame(&Frame::new(PONG, &payload)).await?;
                }
                other => return Err(Failure::from(format!("one who answers pings: {other:?}"))),
            }
        }
        quiet.works(PATIENCE).await?;
        Ok(pings)
    };
    let (ends, pings) = tokio::try_join!(ends, stays)?;
    let (first, last) = (ends.iter().min(), ends.iter().max());
    let seconds =
        |moment: Option<&Duration>| format!("{:.0} s", moment.copied().unwrap_or_default().as_secs_f64());
    Ok(vec![
        ("dropped after", format!("{} to {}", seconds(first), seconds(last))),
        ("pings answered", pings.to_string()),
    ])
}

/// Their sockets are closed while they are being "repaired": then the system says nothing to the other side.
async fn gone(target: Target) -> Result<Figures> {
    let before = target.process.descriptors()?;
    let count = target.count(40);
    let mut connections = vec![];
    for number in 0..count {
        connections.push(if number % 2 == 0 { busy(&target, number).await? } else { target.open().await? });
    }
    for connection in connections {
        let stream = connection.into_stream()?;
        match setsockopt(&stream, TcpRepair, &1) {
            Ok(()) => drop(stream),
            Err(Errno::EPERM) => {
                return Err(Failure::Skipped("TCP_REPAIR needs the capability CAP_NET_ADMIN".into()));
            }
            Err(error) => return Err(format!("TCP_REPAIR: {error}").into()),
        }
    }
    let begin = Instant::now();
    let (now, gone) = becomes(SILENCE, || target.process.descriptors(), |now| *now <= before).await?;
    ensure!(gone, "{now} descriptors are open, {before} were");
    Ok(vec![
        ("clients", count.to_string()),
        ("dropped after", format!("{:.0} s", begin.elapsed().as_secs_f64())),
    ])
}

//! Too much of what is allowed: fragments, bytes, pings, bodies that come slowly.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        flood::{Unread, drip, flood, stuff, system_takes},
        frame::{CONTINUATION, Frame, PING, PONG},
        socket::{CLOSE, Connection, Heard, PATIENCE, Writer},
    },
};
use futures_util::future::try_join_all;
use serde_json::json;
use std::{iter, time::Duration};
use tokio::time::Instant;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("256-mib-in-one-frame", EVERY, "1009, cut off at once", one_frame),
        Attack::new("256-mib-in-fragments", EVERY, "1009, cut off near the limit", fragments),
        Attack::new("10000-tiny-fragments", EVERY, "answered like a message in one piece, or 1008", tiny),
        Attack::new("million-continuations", EVERY, "1008 or 1009, memory stays flat", continuations),
        Attack::new("ping-flood", EVERY, "answered or skipped, or 1008", pings),
        Attack::new(
            "ping-flood-unread",
            EVERY,
            "bounded: the server stops, or ends the connection",
            pings_unread,
        ),
        Attack::new("pong-flood", EVERY, "ignored, or the end", pongs),
        Attack::new(
            "flood-after-violation",
            EVERY,
            "the end comes though bytes do not stop",
            after_violation,
        ),
        Attack::new("costly-crowd", EVERY, "those whose messages take long wait for each other", costly),
        Attack::new("slow-bodies", EVERY, "200 of them are held cheaply", slow_bodies).waits(),
    ]
}

/// How a flood ended that is too large: it has to be cut off, and say why if that can still be read.
async fn cut_off(
    connection: &mut Connection,
    ended: Option<Heard>,
    codes: &[u16],
    sent: u64,
) -> Result<String> {
    let ended = match ended {
        Some(heard) => heard,
        None => connection.heard(PATIENCE).await?,
    };
    ensure!(sent <= system_takes(), "{} MiB were taken", sent >> 20);
    match ended {
        Heard::Close(Some(code), _) if codes.contains(&code) => {
            connection.reader.drained(CLOSE).await?;
            Ok(code.to_string())
        }
        // Bytes on their way that nobody reads any more end a connection with a reset, which can overtake the close.
        Heard::Ended(_) => Ok("end".into()),
        other => Err(format!("instead of a close with {codes:?}: {other:?}").into()),
    }
}

async fn one_frame(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let size = target.count(256) << 20;
    let head = Frame::new(target.protocol.opcode(), b"").key([0; 4]).announces(size as u64).bytes();
    let mut sent = 0;
    let bytes = iter::once(head).chain(iter::repeat_n(vec![b' '; 64 << 10], size >> 16));
    let ended = flood(&mut connection, bytes.inspect(|bytes| sent += bytes.len() as u64), |_| {}).await?;
    let how = cut_off(&mut connection, ended, &[1009], sent).await?;
    Ok(vec![("sent", format!("{} KiB", sent >> 10)), ("how", how)])
}

async fn fragments(target: Target) -> Result<Figures> {
    let mut figures = vec![];
    for (name, size) in
        [("64 KiB each", 64 << 10), ("16 bytes each", 16), ("1 MiB - 1 and more", (1 << 20) - 1)]
    {
        let mut connection = target.open().await?;
        let payload = vec![b' '; size];
        let first = Frame::new(target.protocol.opcode(), &payload).key([0; 4]).unfinished().bytes();
        let more = Frame::new(CONTINUATION, &payload).key([0; 4]).unfinished().bytes();
        let count = (target.count(256) << 20) / size;
        let mut sent = 0;
        let bytes = iter::once(first).chain(iter::repeat_n(more, count));
        let ended = flood(&mut connection, bytes.inspect(|bytes| sent += bytes.len() as u64), |_| {}).await?;
        let how = cut_off(&mut connection, ended, &[1008, 1009], sent).await.context(name)?;
        figures.push((name, format!("{how} after {} KiB", sent >> 10)));
    }
    Ok(figures)
}

async fn tiny(target: Target) -> Result<Figures> {
    let count = target.count(10_000);
    let mut connection = target.open().await?;
    // A call of which white space or a long text makes 10,000 bytes.
    let call = target.protocol.echo(1, serde_json::json!("x".repeat(count)));
    let mut frames = vec![];
    for (number, byte) in call.iter().enumerate() {
        let byte = [*byte];
        let opcode = if number == 0 { target.protocol.opcode() } else { CONTINUATION };
        let frame = Frame::new(opcode, &byte);
        frames.push((if number + 1 == call.len() { frame } else { frame.unfinished() }).bytes());
        // Control frames may stand between fragments.
        if number % 500 == 499 {
            frames.push(Frame::new(PING, b"between").bytes());
        }
    }
    let count = frames.len();
    let mut heard = vec![];
    let ended = flood(&mut connection, frames.into_iter(), |what| heard.push(what.clone())).await?;
    let how = match ended {
        Some(Heard::Close(Some(1008 | 1009), _)) => "closed",
        Some(other) => return Err(format!("{other:?}").into()),
        None => {
            while !heard.iter().any(|heard| matches!(heard, Heard::Message(..))) {
                match connection.heard(PATIENCE).await? {
                    Heard::Close(Some(1008 | 1009), _) => return Ok(vec![("frames", count.to_string())]),
                    Heard::Message(opcode, payload) => heard.push(Heard::Message(opcode, payload)),
                    other => return Err(format!("instead of an answer: {other:?}").into()),
                }
            }
            connection.works(PATIENCE).await?;
            "answered"
        }
    };
    Ok(vec![("frames", count.to_string()), ("how", how.into())])
}

async fn continuations(target: Target) -> Result<Figures> {
    let count = target.count(1_000_000);
    let mut figures = vec![];
    let kinds: [(&str, &[u8]); 2] = [("empty", b""), ("one byte each", b" ")];
    for (name, payload) in kinds {
        let mut connection = target.open().await?;
        let first = Frame::new(target.protocol.opcode(), payload).unfinished().bytes();
        let more = Frame::new(CONTINUATION, payload).unfinished().bytes();
        let mut sent = 0;
        let frames = iter::once(first).chain(iter::repeat_n(more, count)).inspect(|_| sent += 1);
        let ended = flood(&mut connection, frames, |_| {}).await?;
        let how = cut_off(&mut connection, ended, &[1008, 1009], 0).await.context(name)?;
        figures.push((name, format!("{how} after {sent} frames at most")));
    }
    Ok(figures)
}

async fn pings(target: Target) -> Result<Figures> {
    let mut figures = vec![];
    for (name, size) in [("empty", 0), ("of 125 bytes", 125)] {
        let count = target.count(100_000);
        let mut connection = target.open().await?;
        let ping = Frame::new(PING, &vec![7; size]).bytes();
        let (mut pongs, mut wrong) = (0, 0);
        let ended = flood(&mut connection, iter::repeat_n(ping, count), |heard| match heard {
            Heard::Pong(payload) if payload.len() == size => pongs += 1,
            _ => wrong += 1,
        })
        .await?;
        ensure!(wrong == 0, "{wrong} things came that are no pongs");
        ensure!(pongs <= count, "{pongs} pongs for {count} pings");
        let how = match ended {
            Some(Heard::Close(Some(1008), _)) => "1008",
            Some(Heard::Ended(_)) => "end",
            Some(other) => return Err(format!("{other:?}").into()),
            None => match connection.fate(PATIENCE).await? {
                crate::wire::socket::Fate::Answered => "a call is answered",
                crate::wire::socket::Fate::Closed(_) => "closed",
            },
        };
        figures.push((name, format!("{pongs} pongs, {how}")));
    }
    Ok(figures)
}

async fn pings_unread(target: Target) -> Result<Figures> {
    let mut connection = target.open_narrow().await?;
    let ping = Frame::new(PING, &[7; 125]).bytes();
    let count = target.count(1_000_000);
    let (taken, how) =
        stuff(&mut connection.writer, iter::repeat_n(ping, count), Duration::from_secs(2)).await;
    ensure!(how != Unread::Taken, "all {count} pings were taken");
    ensure!(taken <= system_takes(), "{} MiB of pings were taken", taken >> 20);
    Ok(vec![("taken", format!("{} KiB", taken >> 10)), ("then", format!("{how:?}").to_lowercase())])
}

async fn pongs(target: Target) -> Result<Figures> {
    let count = target.count(300_000);
    let mut connection = target.open().await?;
    let pong = Frame::new(PONG, b"unasked").bytes();
    let mut heard = 0;
    let ended = flood(&mut connection, iter::repeat_n(pong, count), |_| heard += 1).await?;
    ensure!(heard == 0, "{heard} answers to pongs");
    let how = match ended {
        None => format!("{:?}", connection.fate(PATIENCE).await?),
        Some(Heard::Close(code, _)) => format!("closed with {code:?}"),
        Some(other) => format!("{other:?}"),
    };
    Ok(vec![("pongs", count.to_string()), ("then", how)])
}

/// A peer that has broken the rules is told so, and goes on as if it had not heard.
async fn after_violation(target: Target) -> Result<Figures> {
    let mut figures = vec![];
    let call = target.protocol.add(1, 1, 1);
    for (name, bad) in [
        ("unmasked", Frame::new(target.protocol.opcode(), &call).unmasked().bytes()),
        ("announced", Frame::new(target.protocol.opcode(), &call).announces(1 << 40).bytes()),
        ("closed", Frame::new(crate::wire::frame::CLOSE, b"\x03\xE8").bytes()),
    ] {
        let mut connection = target.open().await?;
        connection.writer.write(&bad).await?;
        let begin = Instant::now();
        let calls = iter::repeat(Frame::new(target.protocol.opcode(), &call).bytes());
        let (taken, how) = stuff(&mut connection.writer, calls, CLOSE).await;
        ensure!(how == Unread::Ended, "{name}: the connection does not end");
        ensure!(begin.elapsed() < CLOSE, "{name}: the end comes after {:?} only", begin.elapsed());
        ensure!(taken <= system_takes(), "{name}: {} MiB were taken", taken >> 20);
        figures.push((name, format!("{} KiB in {:.0} ms", taken >> 10, begin.elapsed().as_secs_f64() * 1e3)));
    }
    Ok(figures)
}

/// Many who send what takes long to look at, as fast as they can.
async fn costly(target: Target) -> Result<Figures> {
    const LASTS: Duration = Duration::from_secs(3);
    let crowd = target.count(100);
    // What can be compressed to little would be too much of it in what is on its way.
    let mut chance = target.chance(6);
    let words: Vec<String> = (0..50_000).map(|_| chance.alphanumeric().to_string()).collect();
    let frame =
        Frame::new(target.protocol.opcode(), &target.protocol.echo(7, json!(words))).key([0; 4]).bytes();
    let many = target.open_many(crowd).await?;
    let until = Instant::now() + LASTS;
    let answers = try_join_all(many.into_iter().map(|mut connection| {
        let frame = &frame;
        async move {
            let mut answers = 0;
            let frames = iter::from_fn(|| (Instant::now() < until).then(|| frame.clone()));
            let count = |heard: &Heard| answers += usize::from(matches!(heard, Heard::Message(..)));
            let ended = flood(&mut connection, frames, count).await?;
            ensure!(ended.is_none(), "{ended:?}");
            connection.reset()?;
            Ok(answers)
        }
    }))
    .await?;
    let answers: usize = answers.iter().sum();
    ensure!(answers > 0, "nobody was answered");
    Ok(vec![("connections", crowd.to_string()), ("answers", answers.to_string())])
}

/// Messages whose bodies do not come, or come a byte a second.
async fn slow_bodies(target: Target) -> Result<Figures> {
    let (count, opcode) = (target.count(200), target.protocol.opcode());
    let before = target.process.memory()?;
    let (mut readers, mut writers) = (vec![], vec![]);
    for (number, mut connection) in target.open_many(count).await?.into_iter().enumerate() {
        // As much as is allowed is announced; between nothing and 16 KiB of it come.
        let begun = vec![b' '; [0, 1, 125, 1024, 16 << 10][number % 5]];
        connection.frame(&Frame::new(opcode, &begun).key([0; 4]).announces(1 << 20)).await?;
        readers.push(connection.reader);
        writers.push(Some(connection.writer));
    }
    drip(&mut writers, b" ", Instant::now() + Duration::from_secs(15)).await;
    let held = target.process.memory()?.saturating_sub(before);
    let each = held / count as u64;
    ensure!(each <= 48 << 10, "each connection is held with {} KiB", each >> 10);
    let open = writers.iter().flatten().count();
    // Those that are given up are no worse than those that go on.
    drop(readers);
    writers.into_iter().for_each(drop::<Option<Writer>>);
    Ok(vec![("held", format!("{open} of {count}")), ("KiB each", format!("{:.1}", each as f64 / 1024.0))])
}

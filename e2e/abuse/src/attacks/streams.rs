//! Streams that nobody reads, and streams into procedures that take their time.

use super::{Attack, EVERY, SWILL};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::{Build, Target},
    wire::{
        flood::{Unread, flood, stuff, system_takes},
        frame::Frame,
        pack,
        protocol::{Protocol, Said},
        socket::{Connection, Heard, PATIENCE},
    },
};
use futures_util::future::try_join_all;
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "endless-streams-unread",
            SWILL,
            "the server is quiet; what is read later has no gap",
            unread,
        ),
        Attack::new("never-read", EVERY, "cut off when the server's patience ends", never_read).waits(),
        Attack::new("slow-readers", EVERY, "a byte now and then: held cheaply, or cut off", slow_readers)
            .waits(),
        Attack::new("pipelined-unread", EVERY, "the server stops reading, or closes", pipelined),
        Attack::new("errors-unread", EVERY, "errors are answers, too: the server stops, or closes", errors),
        Attack::new("stream-into-the-busy", SWILL, "bounded: the server stops reading", busy),
        Attack::new("exact-total", SWILL, "200,000 items come to the exact sum", total),
    ]
}

fn framed(protocol: Protocol, message: &[u8]) -> Vec<u8> {
    Frame::new(protocol.opcode(), message).bytes()
}

async fn unread(target: Target) -> Result<Figures> {
    const STREAMS: i64 = 64;
    let before = target.process.memory()?;
    let mut connection = target.open_narrow().await?;
    for id in 0..STREAMS {
        connection.send(&target.protocol.call(id, "count", &[("n", json!(1_i64 << 50))])).await?;
    }
    // Soon it has written what goes out, and waits. Others call meanwhile; so it is never quite idle.
    let quiet = if target.build == Build::Debug { 0.5 } else { 0.2 };
    let until = Instant::now() + Duration::from_secs(6);
    let load = loop {
        let load = target.process.load(Duration::from_millis(300)).await?;
        if load < quiet || Instant::now() > until {
            break load;
        }
    };
    ensure!(load < quiet, "the server uses {:.0} % of a processor while nobody reads", load * 100.0);
    let grown = target.process.peak()?.saturating_sub(before);
    ensure!(grown < 16 << 20, "{} MiB for streams that nobody reads", grown >> 20);
    let mut next = HashMap::new();
    let wanted = target.count(300_000);
    let mut items = 0;
    while items < wanted {
        let answer = match connection.heard(PATIENCE).await? {
            Heard::Message(_, payload) => target.protocol.answer(&payload)?,
            other => return Err(format!("after {items} items: {other:?}").into()),
        };
        let place = next.entry(answer.id.as_i64().unwrap_or(-1)).or_insert(0);
        ensure!(
            answer.said == Said::Item(json!(*place)),
            "stream {}: {:?} instead of {place}",
            answer.id,
            answer.said
        );
        *place += 1;
        items += 1;
    }
    ensure!(next.len() as i64 == STREAMS, "only {} of {STREAMS} streams go on", next.len());
    connection.reset()?;
    Ok(vec![
        ("items", items.to_string()),
        ("load", format!("{:.0} %", load * 100.0)),
        ("more memory", format!("{} KiB", grown >> 10)),
    ])
}

/// Text that cannot be compressed to nothing.
fn noise(target: &Target, length: usize) -> String {
    let mut chance = target.chance(4);
    (0..length).map(|_| chance.alphanumeric()).collect()
}

/// More requests than there is room for their answers, one after the other: the system keeps 4 MiB of answers, usually.
fn requests(target: &Target) -> impl Iterator<Item = Vec<u8>> {
    let (protocol, text) = (target.protocol, noise(target, 10_000));
    (1..).map(move |id| match (protocol, id) {
        (Protocol::Swill1, 1) => framed(protocol, &protocol.call(id, "count", &[("n", json!(1_i64 << 50))])),
        _ => framed(protocol, &protocol.echo(id, json!(text))),
    })
}

async fn never_read(target: Target) -> Result<Figures> {
    let before = target.process.descriptors()?;
    let mut connections = vec![];
    for _ in 0..8 {
        connections.push(target.open_narrow().await?);
    }
    let stuffed = connections.iter_mut().map(|connection| async {
        let outcome =
            stuff(&mut connection.writer, requests(&target).take(1_000), Duration::from_secs(2)).await;
        Ok::<_, crate::failure::Failure>(outcome)
    });
    let stuffed = try_join_all(stuffed).await?;
    let most = stuffed.iter().map(|(taken, _)| *taken).max().unwrap_or_default();
    let begin = Instant::now();
    // What waits is taken by nobody: after 10 s the server gives up. The sockets stay open on this side.
    let look = || target.process.descriptors();
    let (now, gone) = crate::process::becomes(Duration::from_secs(25), look, |now| *now <= before).await?;
    ensure!(gone, "{now} descriptors are open, {before} were: they are not cut off");
    Ok(vec![
        ("most taken", format!("{} KiB", most >> 10)),
        ("gone after", format!("{:.1} s", begin.elapsed().as_secs_f64())),
    ])
}

/// They ask for much, and take a little now and then.
async fn slow_readers(target: Target) -> Result<Figures> {
    let text = "x".repeat(200_000);
    let before = target.process.memory()?;
    let mut connections = vec![];
    for _ in 0..target.count(50) {
        let mut connection = target.open_narrow().await?;
        for id in 1..=4 {
            connection.send(&target.protocol.echo(id, json!(text))).await?;
        }
        connections.push(connection.into_stream()?);
    }
    let until = Instant::now() + Duration::from_secs(15);
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut byte = [0];
    while Instant::now() < until {
        seconds.tick().await;
        for stream in &connections {
            // There may be nothing yet, or nothing any more.
            let _ = stream.try_read(&mut byte);
        }
    }
    let grown = target.process.memory()?.saturating_sub(before);
    let each = grown / connections.len() as u64;
    ensure!(each < 1 << 20, "each of them costs {} KiB", each >> 10);
    Ok(vec![("readers", connections.len().to_string()), ("KiB each", (each >> 10).to_string())])
}

async fn pipelined(target: Target) -> Result<Figures> {
    let mut figures = vec![];
    for (name, size) in [("of 10 bytes", 10), ("of 10 KB", 10_000), ("of 250 KB", 250_000)] {
        let text = noise(&target, size);
        let protocol = target.protocol;
        let requests = (1..).map(|id| framed(protocol, &protocol.echo(id, json!(text))));
        let mut connection = target.open_narrow().await?;
        let before = target.process.memory()?;
        let (taken, how) = stuff(&mut connection.writer, requests, Duration::from_secs(1)).await;
        ensure!(taken < system_takes(), "{name}: {} MiB were taken", taken >> 20);
        let grown = target.process.memory()?.saturating_sub(before);
        ensure!(grown < 16 << 20, "{name}: {} MiB more memory", grown >> 20);
        if how == Unread::Blocked {
            in_order(&mut connection, size).await.context(name)?;
        }
        figures.push((name, format!("{} KiB, {how:?}", taken >> 10)));
        connection.reset()?;
    }
    Ok(figures)
}

/// Now they are read: the answers, of which none is left out, come whole.
async fn in_order(connection: &mut Connection, size: usize) -> Result {
    for expected in 1..=20_i64 {
        match connection.heard(3 * PATIENCE).await? {
            Heard::Message(_, payload) => {
                let answer = connection.protocol.answer(&payload)?;
                let right = !connection.protocol.has_ids() || answer.id == json!(expected);
                ensure!(right, "an answer to {} instead of {expected}", answer.id);
                let whole = matches!(&answer.said, Said::Item(value) if value.as_str().is_some_and(|text| text.len() == size));
                ensure!(whole, "answer {expected} is something else");
            }
            Heard::Close(..) | Heard::Ended(_) => return Ok(()),
            other => return Err(format!("instead of answer {expected}: {other:?}").into()),
        }
    }
    Ok(())
}

async fn errors(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    let kinds: [(&str, Vec<u8>); 3] = [
        ("unknown", protocol.call(1, "nobody", &[])),
        ("does not fit", protocol.call(1, "add", &[("a", json!("x")), ("b", json!([]))])),
        (
            "nonsense",
            if protocol == Protocol::Swill1 { b"\x93\x01\xC0\xC0".to_vec() } else { b"{}".to_vec() },
        ),
    ];
    let mut figures = vec![];
    for (name, message) in kinds {
        let mut connection = target.open_narrow().await?;
        let before = target.process.memory()?;
        let count = target.count(2_000_000);
        let messages = std::iter::repeat_n(framed(protocol, &message), count);
        let (taken, how) = stuff(&mut connection.writer, messages, Duration::from_secs(1)).await;
        let grown = target.process.memory()?.saturating_sub(before);
        // WebMesh does not answer what it does not understand: then everything may be taken.
        let silent = protocol == Protocol::WebMesh && name == "nonsense";
        ensure!(how != Unread::Taken || silent || target.divisor > 1, "{name}: everything was taken");
        ensure!(grown < 16 << 20, "{name}: {} MiB more memory", grown >> 20);
        figures.push((name, format!("{} KiB, {how:?}", taken >> 10)));
        connection.reset()?;
    }
    Ok(figures)
}

async fn busy(target: Target) -> Result<Figures> {
    let mut figures = vec![];
    for (name, streams) in [("one stream", 1), ("60 streams", 60)] {
        let mut connection = target.open().await?;
        let before = target.process.memory()?;
        // Metadata has no meaning there, and takes room.
        let metadata = pack::map(&[(pack::text("k"), pack::bin(&[7; 1_000]))]);
        let items = (0..).map(|number: i64| {
            let parts = [
                pack::int(number % streams),
                pack::int(1),
                pack::text("slow_total"),
                pack::int(0),
                metadata.clone(),
            ];
            framed(target.protocol, &pack::array(&parts))
        });
        let (taken, how) = stuff(&mut connection.writer, items, Duration::from_secs(1)).await;
        let grown = target.process.peak()?.saturating_sub(before);
        ensure!(taken < 2 * system_takes(), "{name}: {} MiB were taken", taken >> 20);
        ensure!(grown < 24 << 20, "{name}: {} MiB more memory", grown >> 20);
        figures.push((name, format!("{} KiB, {how:?}", taken >> 10)));
        connection.reset()?;
    }
    Ok(figures)
}

async fn total(target: Target) -> Result<Figures> {
    let count = target.count(200_000) as i64;
    let mut connection = target.open().await?;
    let parts =
        |number, kind| pack::array(&[pack::int(7), pack::int(number), pack::text("total"), pack::int(kind)]);
    let items = (0..count).map(|number| framed(target.protocol, &parts(number, 0)));
    let end = framed(
        target.protocol,
        &pack::array(&[pack::int(7), pack::nil(), pack::text("total"), pack::int(1)]),
    );
    let begin = Instant::now();
    let mut heard = vec![];
    let ended = flood(&mut connection, items.chain([end]), |what| heard.push(what.clone())).await?;
    ensure!(ended.is_none() && heard.is_empty(), "in mid-stream: {ended:?} {heard:?}");
    let said = connection.answer_to(7, PATIENCE).await?;
    ensure!(said == Said::Item(json!(count * (count - 1) / 2)), "the sum of {count} numbers is {said:?}");
    Ok(vec![("items", count.to_string()), ("in", format!("{:.1} s", begin.elapsed().as_secs_f64()))])
}

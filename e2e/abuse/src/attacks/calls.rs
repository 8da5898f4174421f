//! More calls than anybody needs: never ended, cancelled at once, or addressed to nothing.

use super::{Attack, EVERY, SWILL, WITH_IDS};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        flood::{Unread, flood, stuff},
        frame::Frame,
        pack,
        protocol::{Protocol, Said},
        socket::{Connection, Fate, Heard, PATIENCE},
    },
};
use serde_json::json;
use std::{iter, time::Duration};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "opened-and-cancelled",
            WITH_IDS,
            "worked off or closed, no work is left",
            cancelled_read,
        ),
        Attack::new(
            "opened-and-cancelled-unread",
            WITH_IDS,
            "the same, though nobody reads",
            cancelled_unread,
        ),
        Attack::new("unfinished-calls", EVERY, "429 or a close beyond the limit", unfinished),
        Attack::new(
            "unfinished-notifications",
            super::JSON_RPC,
            "bounded like calls, and nothing is said",
            notifications,
        ),
        Attack::new("stray-messages", SWILL, "300,000 for calls that are not open, or open: no state", stray),
        Attack::new("open-streams-in", SWILL, "429 or a close beyond the limit", open_streams),
    ]
}

const HOUR: u64 = 3_600_000;

fn framed(protocol: Protocol, message: &[u8]) -> Vec<u8> {
    Frame::new(protocol.opcode(), message).bytes()
}

/// A call that goes on for ever, and its cancellation.
fn opened_and_cancelled(protocol: Protocol, id: i64) -> Vec<u8> {
    let (open, cancel) = match protocol {
        Protocol::Swill1 => {
            let open = protocol.call(id, "count", &[("n", json!(1_i64 << 50))]);
            (open, pack::array(&[pack::int(id), pack::nil(), pack::text("count"), pack::int(3)]))
        }
        _ => {
            let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}});
            (protocol.slow(id, HOUR), cancel.to_string().into_bytes())
        }
    };
    [framed(protocol, &open), framed(protocol, &cancel)].concat()
}

async fn cancelled_read(target: Target) -> Result<Figures> {
    let (protocol, count) = (target.protocol, target.count(100_000) as i64);
    let mut connection = target.open().await?;
    let mut heard = 0;
    let calls = (1..=count).map(|id| opened_and_cancelled(protocol, id));
    let ended = flood(&mut connection, calls, |_| heard += 1).await?;
    let how = fate(&mut connection, ended).await?;
    Ok(vec![("calls", count.to_string()), ("answers", heard.to_string()), ("then", how)])
}

async fn cancelled_unread(target: Target) -> Result<Figures> {
    let (protocol, count) = (target.protocol, target.count(100_000) as i64);
    let mut connection = target.open_narrow().await?;
    let calls = (1..=count).map(|id| opened_and_cancelled(protocol, id));
    let (taken, how) = stuff(&mut connection.writer, calls, Duration::from_secs(2)).await;
    let how = match how {
        // What is not read is not written any more; what is read then has to be right.
        Unread::Taken | Unread::Blocked => format!("{how:?}"),
        Unread::Ended => "closed".into(),
    };
    connection.reset()?;
    Ok(vec![("taken", format!("{} KiB", taken >> 10)), ("then", how)])
}

/// What became of a connection after a flood: it serves calls, or is closed in a way that fits.
async fn fate(connection: &mut Connection, ended: Option<Heard>) -> Result<String> {
    match ended {
        None => match connection.fate(PATIENCE).await? {
            Fate::Answered => Ok("answered".into()),
            Fate::Closed(Some(code @ (1008 | 1013))) => Ok(code.to_string()),
            Fate::Closed(None) => Ok("end".into()),
            Fate::Closed(code) => Err(format!("closed with {code:?}").into()),
        },
        Some(Heard::Close(Some(code @ (1008 | 1013)), _)) => Ok(code.to_string()),
        Some(Heard::Ended(_)) => Ok("end".into()),
        Some(other) => Err(format!("{other:?}").into()),
    }
}

async fn unfinished(target: Target) -> Result<Figures> {
    let (protocol, count) = (target.protocol, target.count(100_000));
    let before = target.process.memory()?;
    let mut connection = target.open().await?;
    let call = |id: i64| framed(protocol, &protocol.slow(id, HOUR));
    if !protocol.has_ids() {
        // They wait for each other, or cannot be told apart: the server stops reading, or refuses.
        let (taken, how) =
            stuff(&mut connection.writer, (0..count as i64).map(call), Duration::from_secs(1)).await;
        let grown = target.process.memory()?.saturating_sub(before);
        ensure!(grown < 16 << 20, "{} MiB for calls of one connection", grown >> 20);
        connection.reset()?;
        return Ok(vec![("taken", format!("{} KiB", taken >> 10)), ("then", format!("{how:?}"))]);
    }
    let (mut refused, mut others) = (0, vec![]);
    let mut listen = |heard: &Heard| match heard {
        Heard::Message(_, payload) => match protocol.answer(payload).map(|answer| answer.said) {
            Ok(Said::Error(429)) => refused += 1,
            other => others.push(other),
        },
        other => others.push(Err(format!("{other:?}"))),
    };
    let ended = flood(&mut connection, (1..=count as i64).map(call), &mut listen).await?;
    if ended.is_none() {
        // One more, when all have been looked at: it is refused as well.
        let id = connection.fresh_id();
        connection.send(&protocol.add(id, 1, 1)).await?;
        loop {
            let Heard::Message(opcode, payload) = connection.heard(PATIENCE).await? else { break };
            let last = protocol.answer(&payload)?.id == json!(id);
            if last {
                break;
            }
            listen(&Heard::Message(opcode, payload));
        }
    }
    let grown = target.process.memory()?.saturating_sub(before);
    ensure!(others.is_empty(), "{} other answers, such as {:?}", others.len(), others[0]);
    ensure!(ended.is_some() || refused >= count - 1_024, "only {refused} of {count} calls were refused");
    ensure!(grown < 16 << 20, "{} MiB for calls of one connection", grown >> 20);
    connection.reset()?;
    Ok(vec![("refused", format!("{refused} of {count}")), ("more memory", format!("{} KiB", grown >> 10))])
}

async fn notifications(target: Target) -> Result<Figures> {
    let count = target.count(100_000);
    let before = target.process.memory()?;
    let mut connection = target.open().await?;
    let notification = json!({"jsonrpc": "2.0", "method": "slow", "params": [HOUR]}).to_string();
    let notification = framed(target.protocol, notification.as_bytes());
    let mut heard = 0;
    let ended = flood(&mut connection, iter::repeat_n(notification, count), |_| heard += 1).await?;
    ensure!(heard == 0, "{heard} answers to notifications");
    ensure!(ended.is_none() || matches!(ended, Some(Heard::Close(Some(1008), _))), "{ended:?}");
    let grown = target.process.memory()?.saturating_sub(before);
    ensure!(grown < 16 << 20, "{} MiB for notifications of one connection", grown >> 20);
    connection.reset()?;
    Ok(vec![("notifications", count.to_string()), ("more memory", format!("{} KiB", grown >> 10))])
}

/// CANCEL, END and METADATA for calls that nobody has opened, for such as have ended, and for one that is open.
async fn stray(target: Target) -> Result<Figures> {
    let count = target.count(300_000);
    let mut figures = vec![];
    for (what, kind, procedure) in [
        ("CANCEL", 3, "slow"),
        ("END", 1, "total"),
        ("METADATA", 2, "nobody"),
        ("CANCEL of nobody's", 3, "nobody"),
        ("END of the open", 1, "slow"),
        ("METADATA for the open", 2, "slow"),
    ] {
        let before = target.process.memory()?;
        let mut connection = target.open().await?;
        connection.send(&target.protocol.slow(0, HOUR)).await?;
        let open = what.ends_with("open");
        let message = |number: usize| {
            let seq = if open { 0 } else { 1 + (number as i64) };
            let parts = [pack::int(seq), pack::nil(), pack::text(procedure), pack::int(kind)];
            framed(target.protocol, &pack::array(&parts))
        };
        let mut answers = 0;
        let ended = flood(&mut connection, (0..count / 6).map(message), |_| answers += 1).await?;
        let how = fate(&mut connection, ended).await.context(what)?;
        let grown = target.process.memory()?.saturating_sub(before);
        ensure!(grown < 8 << 20, "{what}: {} MiB more memory", grown >> 20);
        ensure!(answers <= count / 6 + 1, "{what}: {answers} answers");
        figures.push((what, format!("{how}, {answers} answers")));
        connection.reset()?;
    }
    Ok(figures)
}

/// Streams in that are opened and never ended.
async fn open_streams(target: Target) -> Result<Figures> {
    let count = target.count(100_000) as i64;
    let before = target.process.memory()?;
    let mut connection = target.open().await?;
    let item = vec![7_u8; 100];
    let open = |id: i64| {
        let item = pack::array(&[
            pack::int(id),
            pack::int(1),
            pack::text("total"),
            pack::int(0),
            pack::map(&[(pack::text("k"), pack::bin(&item))]),
        ]);
        framed(target.protocol, &item)
    };
    let mut refused = 0;
    let ended = flood(&mut connection, (1..=count).map(open), |heard| {
        if let Heard::Message(_, payload) = heard {
            let answer = target.protocol.answer(payload).map(|answer| answer.said);
            refused += usize::from(answer == Ok(Said::Error(429)));
        }
    })
    .await?;
    let how = ended.map_or_else(|| "all were taken".to_owned(), |ended| format!("{ended:?}"));
    let grown = target.process.memory()?.saturating_sub(before);
    ensure!(grown < 16 << 20, "{} MiB for streams of one connection", grown >> 20);
    connection.reset()?;
    Ok(vec![("refused", refused.to_string()), ("then", how), ("more memory", format!("{} KiB", grown >> 10))])
}

//! What calls may use of a server, one connection or all of them.

use super::own::{A_WHILE, Own, SOON, brief, call, fails_with, part};
use crate::{
    attacks::{ANY, Attack},
    canary::Canary,
    failure::{Context, Result, ensure},
    judge::Figures,
    target::{Build, Target},
    wire::{
        frame::{BINARY, Frame},
        protocol::{Protocol, Said},
        socket::Heard,
    },
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("defence-calls", ANY, "429 for what is too many", calls),
        Attack::new("defence-cancelled-calls", ANY, "429 while they have not ended", cancelled),
        Attack::new("defence-cancels", ANY, "1008", cancels),
        Attack::new("defence-answer", ANY, "500", answer),
        Attack::new("defence-held-answers", ANY, "413 for what is not read", held_answers),
        Attack::new("defence-deadline", ANY, "504", deadline),
        Attack::new("defence-panics", ANY, "500, and the connection goes on", panics),
        Attack::new("defence-error-details", ANY, "nobody is told what was not meant for them", details),
        Attack::new("defence-the-gone", ANY, "their calls end", gone),
        Attack::new("defence-asked", ANY, "the next call of a peer is refused", asked),
        Attack::new("defence-answer-within", ANY, "504", answer_within),
        Attack::new("defence-notifications", ANY, "no room is told", notifications),
        Attack::new("defence-grace", ANY, "the server ends", grace),
        Attack::new("defence-turns", ANY, "others have a turn", turns),
    ]
}

async fn calls(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    for number in 0..200 {
        connection.send(&Protocol::Swill1.slow(number, 2000)).await?;
    }
    let (mut refused, mut until) = (0, SOON);
    while let Heard::Message(_, message) = connection.heard(until).await? {
        refused += usize::from(Protocol::Swill1.answer(&message)?.said == Said::Error(429));
        until = A_WHILE;
    }
    ensure!(refused >= 72, "of 200 calls {refused} were refused at once");
    Ok(vec![("refused", refused.to_string())])
}

async fn cancelled(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/lingering").await?;
    // Four may run, and as many again that were cancelled and have not ended.
    for number in 0..16 {
        connection.send(&Protocol::Swill1.call(number, "hold", &[])).await?;
        connection.send(&part(number, &Value::Null, "hold", 3)).await?;
    }
    let (mut refused, mut until) = (0, SOON);
    while let Heard::Message(_, message) = connection.heard(until).await? {
        refused += usize::from(Protocol::Swill1.answer(&message)?.said == Said::Error(429));
        until = A_WHILE;
    }
    ensure!(refused >= 8, "of 16 calls that were cancelled and have not ended, {refused} were refused");
    Ok(vec![("refused", refused.to_string())])
}

async fn cancels(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    for number in 0..400 {
        let sent = connection.send(&Protocol::Swill1.call(number, "hold", &[])).await;
        if sent.is_err() || connection.send(&part(number, &Value::Null, "hold", 3)).await.is_err() {
            break;
        }
    }
    connection.closes(&[1008], SOON).await?;
    own.serves().await?;
    Ok(vec![])
}

async fn answer(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/patient").await?;
    let said = call(&mut connection, "blob", &[("bytes", json!(17 << 20))], SOON).await?;
    ensure!(said == Said::Error(500), "an answer of 17 MiB: {}", brief(&said));
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn held_answers(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    own.serves().await?;
    let before = own.server.process.memory()?;
    let mut connection = own.narrow(Protocol::Swill1, "/patient").await?;
    for number in 0..100 {
        let blob = [("ms", json!(300)), ("bytes", json!(1 << 20))];
        connection.send(&Protocol::Swill1.call(number, "late_blob", &blob)).await?;
    }
    sleep(Duration::from_secs(2)).await;
    let more = own.server.process.memory()?.saturating_sub(before);
    ensure!(more < 72 << 20, "{} MiB for answers that nobody reads", more >> 20);
    let mut refused = 0;
    for _ in 0..100 {
        let said = connection.answer(Duration::from_secs(20)).await?.said;
        refused += usize::from(said == Said::Error(413));
    }
    ensure!(refused > 0, "100 answers of 1 MiB were held for one connection");
    connection.works(SOON).await?;
    Ok(vec![("refused", refused.to_string()), ("MiB", (more >> 20).to_string())])
}

async fn deadline(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.open(Protocol::Swill1, "/deadline").await?;
    fails_with(&mut connection, &Protocol::Swill1.slow(1, 60_000), 1, 504).await?;
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn panics(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    for ms in [0, 50] {
        let message = Protocol::Swill1.call(1, "panic", &[("ms", json!(ms))]);
        fails_with(&mut connection, &message, 1, 500).await?;
        connection.works(SOON).await?;
    }
    Ok(vec![])
}

async fn details(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    for (protocol, path) in
        [(Protocol::Swill1, "/swill"), (Protocol::JsonRpc, "/json-rpc"), (Protocol::WebMesh, "/webmesh")]
    {
        let mut connection = own.open(protocol, path).await?;
        connection.send(&protocol.call(1, "fail<script>alert(3)</script>", &[])).await?;
        let Heard::Message(_, message) = connection.heard(SOON).await? else {
            return Err(format!("{protocol} says nothing of a failure").into());
        };
        let told = match protocol {
            Protocol::WebMesh => format!("{:?}", protocol.answer(&message)?),
            _ => String::from_utf8_lossy(&message).into_owned(),
        };
        ensure!(!told.contains("secret"), "{protocol} tells {told:?}");
    }
    Ok(vec![])
}

async fn gone(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut watching = own.swill().await?;
    for reset in [true, false] {
        let mut connection = own.swill().await?;
        for number in 0..20 {
            connection.send(&Protocol::Swill1.call(number, "hold", &[])).await?;
        }
        connection.works(SOON).await?;
        let said = call(&mut watching, "held", &[], SOON).await?;
        ensure!(said == Said::Item(json!(20)), "20 calls wait, and {said:?} are known");
        if reset {
            connection.reset()?
        } else {
            drop(connection)
        }
        let begin = Instant::now();
        while call(&mut watching, "held", &[], SOON).await? != Said::Item(json!(0)) {
            ensure!(begin.elapsed() < SOON, "calls of a peer that is gone still wait");
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(vec![])
}

async fn asked(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    let said = call_and_drop(&mut connection, 1100).await?;
    let refused = said[0].as_i64().unwrap_or_default();
    ensure!(refused == 1100 - 1024, "of 1,100 calls to a peer {refused} were refused");
    Ok(vec![("refused", refused.to_string())])
}

/// Makes the server call us so many times, and answers nothing.
async fn call_and_drop(connection: &mut crate::wire::socket::Connection, count: u64) -> Result<Value> {
    let id = connection.fresh_id();
    connection.send(&Protocol::JsonRpc.call(id, "ask", &[("n", json!(count))])).await?;
    let until = Instant::now() + SOON;
    loop {
        let Heard::Message(_, message) =
            connection.heard(until.saturating_duration_since(Instant::now())).await?
        else {
            return Err("a peer that never answers is waited for".into());
        };
        let value: Value = serde_json::from_slice(&message).map_err(|error| error.to_string())?;
        if value["id"] == json!(id) && value.get("method").is_none() {
            return Ok(value["result"].clone());
        }
    }
}

async fn answer_within(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    let said = call_and_drop(&mut connection, 3).await?;
    ensure!(said == json!([0, 0, 3]), "three calls that are never answered: {said}");
    connection.works(SOON).await?;
    Ok(vec![])
}

async fn notifications(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    let id = connection.fresh_id();
    connection.send(&Protocol::JsonRpc.call(id, "shout", &[("n", json!(100_000))])).await?;
    loop {
        let Heard::Message(_, message) = connection.heard(SOON).await? else {
            return Err("no answer".into());
        };
        let value: Value = serde_json::from_slice(&message).map_err(|error| error.to_string())?;
        if let Some(fit) = value["result"].as_i64() {
            ensure!(fit <= 1200, "there was room for {fit} notifications at once");
            return Ok(vec![("fit", fit.to_string())]);
        }
    }
}

async fn grace(target: Target) -> Result<Figures> {
    let mut own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    connection.send(&Protocol::Swill1.call(1, "hold", &[])).await?;
    connection.works(SOON).await?;
    own.server.tell_to_end()?;
    connection.closes(&[1001], SOON).await.context("a call that never ends")?;
    let begin = Instant::now();
    while own.server.process.runs() && own.server.has_ended()?.is_none() {
        ensure!(begin.elapsed() < SOON, "the server does not end");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(vec![])
}

async fn turns(target: Target) -> Result<Figures> {
    let own = Own::start_with(&target, &["--threads", "1"])?;
    let flood = own.open(Protocol::Swill1, "/patient").await?;
    let calls = Frame::new(BINARY, &Protocol::Swill1.add(1, 1, 1)).bytes().repeat(20_000);
    let (mut reader, mut writer) = (flood.reader, flood.writer);
    let address = own.address();
    let others = Target { address, process: own.server.process.clone(), ..target.clone() };
    let canary = Canary::start(others, Duration::from_millis(5))?;
    let writing = tokio::spawn(async move { while writer.write(&calls).await.is_ok() {} });
    let reading = tokio::spawn(async move { reader.drained(Duration::from_secs(60)).await.map(drop) });
    sleep(Duration::from_secs(3)).await;
    writing.abort();
    reading.abort();
    let calls = canary.stop()?;
    ensure!(calls.errors == 0, "beside a flood: {:?}", calls.wrong);
    let most = Duration::from_millis(if target.build == Build::Debug { 300 } else { 50 });
    // They are made every 5 ms; a flood that takes more than its turns leaves time for less than 100.
    let least = if target.build == Build::Debug { 150 } else { 250 };
    let (count, slowest) = (calls.count(), calls.slowest());
    ensure!(count > least, "beside a flood, another made {count} calls in 3 s");
    ensure!(slowest < most, "beside a flood, a call of another took {slowest:.1?}");
    Ok(vec![("calls", count.to_string()), ("slowest", format!("{slowest:.1?}"))])
}

//! What events alone have: calls that run one after the other, messages that are told apart by a member, rooms.

use super::Attack;
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, Frame, TEXT},
        head::Head,
        protocol::{Protocol, Said},
        socket::{Connection, Heard, PATIENCE},
    },
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const EVENTS: &[Protocol] = &[Protocol::Events];

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("behind-a-slow-call", EVENTS, "answered after it, in their order, or closed", behind),
        Attack::new("queues-that-vanish", EVENTS, "what waits behind a slow call is forgotten", vanish),
        Attack::new("event-types", EVENTS, "a short answer, or 1003", types),
        Attack::new("binary-events", EVENTS, "1003", binary),
        Attack::new("slow-member-of-a-room", EVENTS, "thrown out; others hear everything", room),
    ]
}

async fn behind(target: Target) -> Result<Figures> {
    let count = target.count(50_000);
    let connection = target.open().await?;
    let (mut reader, mut writer) = (connection.reader, connection.writer);
    let mut bytes = Frame::new(TEXT, &Protocol::Events.slow(0, 1500)).bytes();
    for number in 0..count {
        Frame::new(TEXT, &Protocol::Events.add(0, number as i64, 1)).append(&mut bytes);
    }
    let writing = tokio::spawn(async move {
        let written = writer.write(&bytes).await;
        (writer, written)
    });
    let slept = Protocol::Events.answer(&message(&mut reader).await?)?.said;
    ensure!(slept == Said::Item(json!("slept")), "the slow call comes first, not {slept:?}");
    for number in 0..count {
        let said = Protocol::Events.answer(&message(&mut reader).await?)?.said;
        ensure!(said == Said::Item(json!(number + 1)), "answer {number} is {said:?}");
    }
    let (_writer, written) = writing.await.map_err(|error| error.to_string())?;
    written?;
    Ok(vec![("answers in order", count.to_string())])
}

async fn message(reader: &mut crate::wire::socket::Reader) -> Result<Vec<u8>> {
    loop {
        match reader.heard(Duration::from_secs(30)).await? {
            Heard::Message(_, message) => return Ok(message),
            Heard::Ping(_) | Heard::Pong(_) => {}
            other => return Err(format!("instead of a message: {other:?}").into()),
        }
    }
}

async fn vanish(target: Target) -> Result<Figures> {
    let count = target.count(200);
    let mut bytes = Frame::new(TEXT, &Protocol::Events.slow(0, 60_000)).bytes();
    for _ in 0..50 {
        Frame::new(TEXT, &Protocol::Events.echo(0, json!("x".repeat(4000)))).append(&mut bytes);
    }
    for number in 0..count {
        let mut connection = target.open().await?;
        connection.writer.write(&bytes).await?;
        if number % 2 == 0 { connection.reset()? } else { drop(connection) }
    }
    Ok(vec![("connections", count.to_string())])
}

/// Types that are none, objects that are none, and the same again in every way in which JSON can be written.
fn odd() -> Vec<Vec<u8>> {
    let long = "t".repeat(200_000);
    let many: Vec<String> = (0..5000).map(|number| format!("\"k{number}\":{number}")).collect();
    let texts = [
        "{}".to_owned(),
        r#"{"type":null}"#.into(),
        r#"{"type":1}"#.into(),
        r#"{"type":[]}"#.into(),
        r#"{"type":{"type":"add"}}"#.into(),
        r#"{"type":""}"#.into(),
        r#"{"type":"nobody knows it"}"#.into(),
        r#"{"type":"\ud800"}"#.into(),
        r#"{"type":"add\u0000"}"#.into(),
        format!(r#"{{"type":"{long}"}}"#),
        format!(r#"{{"type":"echo","{long}":1}}"#),
        format!(r#"{{"type":"add",{}}}"#, many.join(",")),
        r#"{"type":"add","a":{},"b":[]}"#.into(),
        r#"{"type":"add","type":"nobody","a":1,"b":2}"#.into(),
        r#"{"type":"add","errors":[],"result":1}"#.into(),
        r#"{"type":"add","a":1e400,"b":-0}"#.into(),
        r#"{"__proto__":{"type":"add"}}"#.into(),
        "[]".into(),
        "null".into(),
        "\"add\"".into(),
        r#"[{"type":"add","a":1,"b":2}]"#.into(),
        r#"{"type":"add","a":1,"b":2}{"type":"add","a":1,"b":2}"#.into(),
        "\u{feff}{\"type\":\"add\"}".into(),
        r#"{"type":"add","a":1,"b":2"#.into(),
        r#"{'type':'add'}"#.into(),
        String::new(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

async fn types(target: Target) -> Result<Figures> {
    let (mut answered, mut closed, mut longest) = (0, 0, 0);
    let odd = odd();
    let count = odd.len();
    for message in odd {
        let shown = String::from_utf8_lossy(&message[..message.len().min(60)]).into_owned();
        let mut connection = target.open().await?;
        connection.send(&message).await?;
        match connection.heard(PATIENCE).await? {
            Heard::Message(_, answer) => {
                // What a peer is told of its mistakes is not much more than the mistakes.
                ensure!(
                    answer.len() <= 16 << 10,
                    "{shown} of {} bytes is answered with {} bytes",
                    message.len(),
                    answer.len()
                );
                longest = longest.max(answer.len());
                connection.works(PATIENCE).await.context(&shown)?;
                answered += 1;
            }
            Heard::Close(Some(1003), _) => closed += 1,
            other => return Err(format!("{shown} is answered with {other:?}").into()),
        }
    }
    Ok(vec![
        ("tried", count.to_string()),
        ("answered", answered.to_string()),
        ("closed", closed.to_string()),
        ("longest", longest.to_string()),
    ])
}

async fn binary(target: Target) -> Result<Figures> {
    for payload in [&b"{\"type\":\"add\",\"a\":1,\"b\":2}"[..], b"", b"\xff\xfe"] {
        let mut connection = target.open().await?;
        connection.frame(&Frame::new(BINARY, payload)).await?;
        connection.closes(&[1003], PATIENCE).await?;
    }
    Ok(vec![])
}

async fn member(target: &Target, narrow: bool, client: u32) -> Result<Connection> {
    let path = format!("/room/of-{}/{client}", target.seed);
    let head = Head::upgrade(&path, &target.address.to_string(), None);
    let raw = match narrow {
        true => crate::wire::socket::Raw::connect_narrow(target.address, 4 << 10).await?,
        false => target.connect().await?,
    };
    raw.upgrade_with(Protocol::Events, &head).await
}

async fn room(target: Target) -> Result<Figures> {
    // More than the system takes for somebody who does not read.
    const COUNT: usize = 5000;
    let mut slow = member(&target, true, 1).await?;
    let listening = member(&target, false, 2).await?;
    let mut talking = member(&target, false, 3).await?;
    let text = "x".repeat(2000);
    let said = json!({"type": "message", "msg": text}).to_string().into_bytes();
    // One listens as fast as it can; it has to hear everything, however slow another is.
    let mut ears = listening.reader;
    let hearing = tokio::spawn(async move {
        let mut heard = 0;
        while heard < COUNT {
            let message: Value = serde_json::from_slice(&message(&mut ears).await?).unwrap_or_default();
            heard += usize::from(message["type"] == "message");
        }
        Ok::<_, crate::failure::Failure>(heard)
    });
    let begin = Instant::now();
    for _ in 0..COUNT {
        talking.send(&said).await?;
        // Who talks hears itself, too.
        loop {
            let Heard::Message(_, message) = talking.heard(PATIENCE).await? else {
                return Err("whoever talks is thrown out".into());
            };
            if serde_json::from_slice::<Value>(&message).unwrap_or_default()["type"] == "message" {
                break;
            }
        }
    }
    let heard = hearing.await.map_err(|error| error.to_string())?.context("whoever listens")?;
    let until = Duration::from_secs(20);
    slow.reader.drained(until).await.context("whoever does not listen")?;
    drop(listening.writer);
    Ok(vec![("heard", heard.to_string()), ("took", format!("{:.1?}", begin.elapsed()))])
}

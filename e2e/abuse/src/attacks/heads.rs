//! Requests that are larger than requests are.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{head::Head, socket::PATIENCE},
};
use futures_util::future::{Either, select};
use std::{io, pin::pin, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What may be sent before the server must have stopped reading: its limit and what the system has taken meanwhile.
const TAKEN: u64 = 8 << 20;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "oversized-heads",
            EVERY,
            "431, 414, 400 or the end, long before all of it was read",
            oversized,
        ),
        Attack::new("cookie-of-4-kb", EVERY, "an ordinary browser's head is no attack", cookie),
    ]
}

async fn oversized(target: Target) -> Result<Figures> {
    let head =
        Head::upgrade(target.protocol.path(), &target.address.to_string(), target.protocol.subprotocol());
    let many = |count: usize, name: &str| {
        (0..count).fold(head.clone(), |head, number| head.with(format!("{name}-{number}"), "v")).bytes()
    };
    let path = "x".repeat(1 << 20);
    let heads = [
        ("a header of 1 MiB", head.clone().with("X-Long", "v".repeat(1 << 20)).bytes()),
        ("a header of 64 KiB", head.clone().with("X-Long", "v".repeat(64 << 10)).bytes()),
        ("a cookie of 20 KiB", head.clone().with("Cookie", "c".repeat(20 << 10)).bytes()),
        ("20,000 headers", many(20_000, "X-Many")),
        ("101 headers more", many(101, "X")),
        ("a path of 1 MiB", head.clone().line(format!("GET /{path} HTTP/1.1")).bytes()),
        (
            "a query of 1 MiB",
            head.clone().line(format!("GET {}?{path} HTTP/1.1", target.protocol.path())).bytes(),
        ),
        ("a method of 1 MiB", head.clone().line(format!("{path} / HTTP/1.1")).bytes()),
        ("a name of 1 MiB", head.clone().with("n".repeat(1 << 20), "v").bytes()),
    ];
    let mut statuses = vec![];
    for (what, bytes) in heads {
        let mut raw = target.connect().await?;
        // The server may stop reading before all of it is written.
        let _ = raw.write(&bytes).await;
        match raw.answer(PATIENCE).await.context(what)? {
            Some(answer) => {
                ensure!(
                    matches!(answer.status, 400 | 414 | 431),
                    "{what} is answered with {}",
                    answer.status
                );
                statuses.push(answer.status.to_string());
            }
            None => statuses.push("end".into()),
        }
        raw.ended(PATIENCE).await.context(what)?;
    }
    let endless = [
        ("an endless header", &b"GET /load HTTP/1.1\r\nHost: x\r\nX-Endless: "[..], &b"vvvvvvvv"[..]),
        ("an endless path", b"GET /", b"xxxxxxxx"),
        ("endless headers", b"GET /load HTTP/1.1\r\n", b"X-Many: v\r\n"),
        ("endless empty lines", b"", b"\r\n"),
        ("endless white space", b"GET /load HTTP/1.1\r\nHost: x\r\nX: ", b"        "),
    ];
    let mut most = 0;
    for (what, begin, more) in endless {
        let taken = endless_head(&target, begin, more).await.context(what)?;
        most = most.max(taken);
    }
    Ok(vec![("answers", statuses.join(" ")), ("most sent", format!("{} KiB", most >> 10))])
}

/// Writes until the server has had enough; how many bytes the system took.
async fn endless_head(target: &Target, begin: &[u8], more: &[u8]) -> Result<u64> {
    let raw = target.connect().await?;
    let (mut reading, mut writing) = raw.stream.into_split();
    let chunk = more.repeat(4096 / more.len());
    let mut sent = 0;
    let writes = async {
        writing.write_all(begin).await?;
        loop {
            writing.write_all(&chunk).await?;
            sent += chunk.len() as u64;
            if sent > TAKEN {
                return Ok::<(), io::Error>(());
            }
        }
    };
    let reads = async {
        let mut read = vec![];
        // An answer, an end or a reset: whichever it is, it is over.
        let _ = tokio::time::timeout(Duration::from_secs(15), reading.read_to_end(&mut read)).await;
        read
    };
    match select(pin!(writes), pin!(reads)).await {
        Either::Left((Ok(()), _)) => return Err(format!("more than {} MiB were taken", TAKEN >> 20).into()),
        Either::Left((Err(_), _)) | Either::Right(_) => {}
    }
    Ok(sent)
}

async fn cookie(target: Target) -> Result<Figures> {
    let head =
        Head::upgrade(target.protocol.path(), &target.address.to_string(), target.protocol.subprotocol());
    let head = head
        .with("Cookie", format!("session={}", "c".repeat(4 << 10)))
        .with(
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
        )
        .with("Accept-Language", "de,en;q=0.5")
        .with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
    let raw = target.connect().await?;
    let mut connection = raw.upgrade_with(target.protocol, &head).await?;
    connection.works(PATIENCE).await?;
    connection.close().await?;
    Ok(vec![("bytes", head.bytes().len().to_string())])
}

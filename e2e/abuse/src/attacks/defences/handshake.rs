//! What has to be refused before there is a connection.

use super::own::{Own, SOON};
use crate::{
    attacks::{
        ANY, Attack,
        vanish::{calls_after, come_and_go},
    },
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, Frame},
        head::Head,
        protocol::Protocol,
        socket::{Heard, PATIENCE},
    },
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Instant, sleep},
};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("defence-origin", ANY, "403", origin),
        Attack::new("defence-host", ANY, "421", host),
        Attack::new("defence-upgrade-method", ANY, "400", method),
        Attack::new("defence-upgrade-host", ANY, "400", hosts),
        Attack::new("defence-upgrade-body", ANY, "400", body),
        Attack::new("defence-upgrade-version", ANY, "426", version),
        Attack::new("defence-upgrade-key", ANY, "400", key),
        Attack::new("defence-handshake", ANY, "dropped at the deadline", deadline),
        Attack::new("defence-head", ANY, "431", large_head),
        Attack::new("defence-headers", ANY, "431", many_headers),
        Attack::new("defence-connections", ANY, "503 for the newest", connections),
        Attack::new("defence-http-connections", ANY, "the newest is dropped", http_connections),
        Attack::new(
            "defence-per-address",
            ANY,
            "the newest of an address is dropped, others are served",
            per_address,
        ),
        Attack::new("defence-budget", ANY, "those that hold the most are cut off", budget),
        Attack::new(
            "defence-accept-errors",
            ANY,
            "the server goes on without a free descriptor",
            descriptors,
        ),
        Attack::new("defence-newcomers", ANY, "as many are let in as can be looked after", newcomers),
    ]
}

async fn refuses_each(path: &str, heads: Vec<(&str, Head)>, own: Own, statuses: &[u16]) -> Result<Figures> {
    let count = heads.len();
    for (what, head) in heads {
        own.refuses(what, &head, statuses).await?;
    }
    let status = own.status(&own.head(Protocol::Swill1, "/swill")).await?;
    ensure!(status == Some(101), "{path}: a good request is answered with {status:?}");
    Ok(vec![("tried", count.to_string())])
}

async fn origin(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let (head, address) = (own.head(Protocol::Swill1, "/swill"), own.address());
    let origins = [
        "http://evil.example".to_owned(),
        format!("http://{address}.evil.example"),
        format!("http://user@{address}"),
        format!("http://evil.example/{address}"),
        format!("ftp://{address}"),
        "null".into(),
        "file://".into(),
    ];
    for origin in &origins {
        own.refuses(origin, &head.clone().with("Origin", origin), &[403]).await?;
    }
    let same = own.status(&head.with("Origin", format!("http://{address}"))).await?;
    ensure!(same == Some(101), "the same origin is answered with {same:?}");
    Ok(vec![("tried", origins.len().to_string())])
}

async fn host(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/hosted");
    for host in ["evil.example", "good.example.evil", "127.0.0.1", "xgood.example"] {
        own.refuses(host, &head.clone().instead("Host", host), &[421]).await?;
    }
    let good = own.status(&head.instead("Host", "good.example")).await?;
    ensure!(good == Some(101), "the right host is answered with {good:?}");
    Ok(vec![])
}

async fn method(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let lines =
        ["POST /swill HTTP/1.1", "HEAD /swill HTTP/1.1", "FOO /swill HTTP/1.1", "GET /swill HTTP/1.0"];
    let heads = lines.map(|line| (line, head.clone().line(line))).into();
    refuses_each("/swill", heads, own, &[400, 404, 405, 501, 505]).await
}

async fn hosts(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let heads = vec![("none", head.clone().without("Host")), ("two", head.with("Host", "other.example"))];
    refuses_each("/swill", heads, own, &[400]).await
}

async fn body(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let heads = vec![
        ("a length", head.clone().with("Content-Length", "5")),
        ("chunks", head.clone().with("Transfer-Encoding", "chunked")),
        ("both", head.with("Transfer-Encoding", "chunked").with("Content-Length", "5")),
    ];
    refuses_each("/swill", heads, own, &[400]).await
}

async fn version(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let heads = vec![
        ("12", head.clone().instead("Sec-WebSocket-Version", "12")),
        ("none", head.clone().without("Sec-WebSocket-Version")),
        ("two", head.with("Sec-WebSocket-Version", "8")),
    ];
    refuses_each("/swill", heads, own, &[400, 426]).await
}

async fn key(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let name = "Sec-WebSocket-Key";
    let heads = vec![
        ("short", head.clone().instead(name, "AAAA")),
        ("empty", head.clone().instead(name, "")),
        ("no base64", head.clone().instead(name, "!!!!!!!!!!!!!!!!!!!!!!==")),
        ("17 bytes", head.clone().instead(name, "AAAAAAAAAAAAAAAAAAAAAAA=")),
        ("none", head.clone().without(name)),
        ("two", head.with(name, "dGhlIHNhbXBsZSBub25jZQ==")),
    ];
    refuses_each("/swill", heads, own, &[400]).await
}

async fn deadline(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut silent = own.connect().await?;
    let mut slow = own.connect().await?;
    let begin = Instant::now();
    for byte in b"GET /swill HTTP" {
        // It is over when it is.
        let _ = slow.write(&[*byte]).await;
        sleep(Duration::from_millis(100)).await;
    }
    slow.ended(SOON).await.context("a byte now and then")?;
    silent.ended(SOON).await.context("a silent peer")?;
    Ok(vec![("after", format!("{:.1?}", begin.elapsed()))])
}

async fn large_head(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let heads = vec![
        ("40 KiB", head.clone().with("X-Long", "x".repeat(40 << 10))),
        ("2 MiB", head.with("X-Long", "x".repeat(2 << 20))),
    ];
    let mut statuses = vec![];
    for (what, head) in heads {
        let mut raw = own.connect().await?;
        let _ = raw.write(&head.bytes()).await;
        let answer = raw.answer(PATIENCE).await?.map(|answer| answer.status);
        ensure!(matches!(answer, None | Some(431 | 400 | 414)), "{what}: answered with {answer:?}");
        statuses.push(format!("{answer:?}"));
    }
    Ok(vec![("answers", statuses.join(" "))])
}

async fn many_headers(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head =
        (0..150).fold(own.head(Protocol::Swill1, "/swill"), |head, n| head.with(format!("X-{n}"), "x"));
    refuses_each("/swill", vec![("150 headers", head)], own, &[431]).await
}

async fn connections(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut open = vec![];
    for _ in 0..64 {
        open.push(own.swill().await?);
    }
    let status = own.status(&own.head(Protocol::Swill1, "/swill")).await?;
    ensure!(status == Some(503), "the 65th connection is answered with {status:?}");
    let first = open.remove(0);
    first.close().await?;
    own.serves().await?;
    Ok(vec![])
}

async fn http_connections(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut silent = vec![];
    for _ in 0..64 {
        silent.push(own.connect().await?);
    }
    // They are accepted in their order, and dropped after a second.
    let status = own.status(&own.head(Protocol::Swill1, "/swill")).await.unwrap_or(None);
    ensure!(status.is_none(), "beside 64 silent connections, one is answered with {status:?}");
    for mut raw in silent {
        raw.ended(SOON).await?;
    }
    own.serves().await?;
    Ok(vec![])
}

async fn per_address(target: Target) -> Result<Figures> {
    let own = Own::start_with(&target, &["--per-address", "8"])?;
    let mut open = vec![];
    for _ in 0..8 {
        open.push(own.swill().await?);
    }
    let status = own.status(&own.head(Protocol::Swill1, "/swill")).await.unwrap_or(None);
    ensure!(status.is_none(), "a ninth connection of one address is answered with {status:?}");
    let mut served = 0;
    for last in 2..=50 {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, last], 0).into())?;
        let mut stream = socket.connect(own.address()).await?;
        stream.write_all(&own.head(Protocol::Swill1, "/swill").bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.context(format!("127.0.0.{last}"))?;
        ensure!(
            &answer == b"HTTP/1.1 101",
            "127.0.0.{last} is answered with {:?}",
            answer.escape_ascii().to_string()
        );
        served += 1;
    }
    Ok(vec![("other addresses", served.to_string())])
}

async fn budget(target: Target) -> Result<Figures> {
    let own = Own::start_with(&target, &["--budget", "4194304"])?;
    let part = vec![0; 900 << 10];
    let mut connections = vec![];
    for _ in 0..16 {
        let mut connection = own.open(Protocol::Swill1, "/patient").await?;
        // It may be cut off meanwhile.
        let _ = connection.frame(&Frame::new(BINARY, &part).unfinished()).await;
        connections.push(connection);
    }
    own.serves().await?;
    let mut cut_off = 0;
    for connection in &mut connections {
        match connection.heard(Duration::from_millis(100)).await? {
            Heard::Silence => {}
            Heard::Close(Some(1013), _) | Heard::Ended(_) => cut_off += 1,
            other => return Err(format!("instead of the end: {other:?}").into()),
        }
    }
    ensure!(cut_off >= 8, "of 16 connections that hold 14 MiB, {cut_off} were cut off");
    Ok(vec![("cut off", cut_off.to_string())])
}

/// How many descriptors the server may have.
const FEW: u64 = 64;

async fn descriptors(target: Target) -> Result<Figures> {
    // A process has the limits of the one that started it.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    setrlimit(Resource::RLIMIT_NOFILE, FEW, hard).map_err(|error| error.to_string())?;
    let own = Own::start(&target);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).map_err(|error| error.to_string())?;
    let own = own?;
    let mut silent = vec![];
    for _ in 0..3 * FEW {
        silent.push(own.connect().await?);
    }
    sleep(Duration::from_millis(300)).await;
    ensure!(own.server.process.runs(), "the server has ended");
    drop(silent);
    let begin = Instant::now();
    while let Err(failure) = own.serves().await {
        ensure!(own.server.process.runs(), "the server has ended");
        ensure!(begin.elapsed() < SOON, "descriptors are free again, and yet: {failure}");
    }
    Ok(vec![])
}

async fn newcomers(target: Target) -> Result<Figures> {
    const MOST: u64 = 40 << 20;
    let own = Own::start_with(&target, &["--threads", "1", "--connections", "10000"])?;
    let server = Target { address: own.address(), process: own.server.process.clone(), ..target.clone() };
    server.process.forget_peak()?;
    let calls = calls_after(&own.head(Protocol::Swill1, "/swill"), Protocol::Swill1, target.build);
    come_and_go(&server, &calls, target.count(6_000)).await?;
    own.serves().await?;
    let peak = server.process.peak()?;
    ensure!(peak < MOST, "{} MiB for connections that came and went", peak >> 20);
    Ok(vec![("MiB", (peak >> 20).to_string())])
}

//! Handshakes that never end, end too early, or are none.

use super::{ANY, Attack, EVERY};
use crate::{
    failure::{Context, Failure, Result, ensure},
    judge::Figures,
    process::becomes,
    target::{Build, Target},
    wire::{
        head::Head,
        socket::{PATIENCE, Raw},
    },
};
use futures_util::future::{join_all, try_join_all};
use std::time::Duration;
use tokio::time::{Instant, interval};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("slow-handshakes", ANY, "all are dropped by the deadline, others are served", slow)
            .waits(),
        Attack::new("broken-connects", ANY, "5,000 of them leave nothing behind", broken),
        Attack::new("malformed-upgrades", EVERY, "4xx or the end, never 101", malformed).waits(),
    ]
}

/// The server's deadline for a handshake, with something on top for a busy machine.
const DEADLINE: Duration = Duration::from_secs(13);

fn head(target: &Target) -> Head {
    Head::upgrade(target.protocol.path(), &target.address.to_string(), target.protocol.subprotocol())
}

/// 200 clients that send a byte a second, and 100 that say less than a whole head and then nothing.
async fn slow(target: Target) -> Result<Figures> {
    let head = head(&target).bytes();
    let slow = (0..target.count(200)).map(|_| byte_by_byte(&target, &head));
    // From nothing at all to everything but the last byte; a ClientHello; a request with a body that does not come.
    let post = b"POST /load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".to_vec();
    let mut begins =
        vec![vec![], head[..1].to_vec(), head[..head.len() / 2].to_vec(), head[..head.len() - 1].to_vec()];
    begins.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03".to_vec());
    let silent =
        begins.iter().cycle().take(target.count(100)).map(|begin| then_silent(&target, begin.clone()));
    let served = async {
        // In the midst of them a newcomer does not wait.
        let begin = Instant::now();
        target.serves().await.context("in the midst of slow handshakes")?;
        Ok::<_, Failure>(begin.elapsed())
    };
    let (slow, silent, post, served) =
        tokio::join!(try_join_all(slow), try_join_all(silent), then_silent(&target, post), served);
    let served = served?;
    // Debug builds run beside each other, on machines that have other things to do.
    let soon = Duration::from_secs(if target.build == Build::Debug { 3 } else { 1 });
    ensure!(served < soon, "in their midst a newcomer is served after {served:?}");
    let (slow, mut silent) = (slow.context("a byte a second")?, silent.context("silent")?);
    silent.push(post.context("a body that does not come")?);
    let last = slow.iter().chain(&silent).max().copied().unwrap_or_default();
    Ok(vec![
        ("dropped", format!("{} of {}", slow.len() + silent.len(), slow.len() + silent.len())),
        ("the last after", format!("{:.1} s", last.as_secs_f64())),
        ("a newcomer in", format!("{:.1} ms", served.as_secs_f64() * 1e3)),
    ])
}

async fn byte_by_byte(target: &Target, head: &[u8]) -> Result<Duration> {
    let mut raw = target.connect().await?;
    let begin = Instant::now();
    let mut seconds = interval(Duration::from_secs(1));
    for byte in head {
        tokio::select! {
            ended = raw.ended(DEADLINE) => return ended.map(|_| begin.elapsed()),
            _ = seconds.tick() => {}
        }
        if raw.write(&[*byte]).await.is_err() {
            return Ok(begin.elapsed());
        }
        ensure!(begin.elapsed() < DEADLINE, "the handshake goes on after {:?}", begin.elapsed());
    }
    Err("the whole head was taken, byte by byte".into())
}

async fn then_silent(target: &Target, begin: Vec<u8>) -> Result<Duration> {
    let mut raw = target.connect().await?;
    let started = Instant::now();
    raw.write(&begin).await?;
    raw.ended(DEADLINE).await.context(format!("after {} bytes", begin.len()))?;
    Ok(started.elapsed())
}

/// Connections that break off: at once, in the head, before the answer, after it; with RST and with FIN.
async fn broken(target: Target) -> Result<Figures> {
    let count = target.count(5_000);
    let before = target.process.descriptors()?;
    let head = head(&target).bytes();
    let begin = Instant::now();
    for first in (0..count).step_by(50) {
        let some = (first..count.min(first + 50)).map(|number| break_off(&target, &head, number));
        try_join_all(some).await?;
    }
    let took = begin.elapsed();
    let (now, back) =
        becomes(Duration::from_secs(5), || target.process.descriptors(), |now| *now <= before).await?;
    ensure!(back, "{now} descriptors are open, {before} were");
    Ok(vec![("connections", count.to_string()), ("in", format!("{:.1} s", took.as_secs_f64()))])
}

async fn break_off(target: &Target, head: &[u8], number: usize) -> Result {
    let mut raw = target.connect().await?;
    match number % 4 {
        0 => {}
        1 => raw.write(&head[..head.len() / 2]).await?,
        2 => raw.write(head).await?,
        _ => {
            raw.write(head).await?;
            let answer = raw.answer(PATIENCE).await?.ok_or("no answer to a handshake")?;
            ensure!(answer.status == 101, "a handshake is answered with {}", answer.status);
        }
    }
    if (number / 4).is_multiple_of(2) { raw.reset() } else { Ok(()) }
}

/// Requests that are no upgrade, each nearly one.
async fn malformed(target: Target) -> Result<Figures> {
    let (good, host) = (head(&target), target.address.to_string());
    let path = target.protocol.path();
    let line = |line: String| good.clone().line(line).bytes();
    let instead = |name: &str, value: &str| good.clone().instead(name, value).bytes();
    let with = |name: &str, value: &str| good.clone().with(name, value).bytes();
    let without = |name: &str| good.clone().without(name).bytes();
    let text = |change: &dyn Fn(&str) -> String| change(&String::from_utf8_lossy(&good.bytes())).into_bytes();
    let mut requests = vec![
        ("version 12", instead("Sec-WebSocket-Version", "12")),
        ("version 8", instead("Sec-WebSocket-Version", "8")),
        ("version 013", instead("Sec-WebSocket-Version", "013")),
        ("version 13.0", instead("Sec-WebSocket-Version", "13.0")),
        ("version of nonsense", instead("Sec-WebSocket-Version", "thirteen")),
        ("an empty version", instead("Sec-WebSocket-Version", "")),
        ("version 13, 8", instead("Sec-WebSocket-Version", "13, 8")),
        ("no version", without("Sec-WebSocket-Version")),
        ("two versions", with("Sec-WebSocket-Version", "8")),
        ("no key", without("Sec-WebSocket-Key")),
        ("an empty key", instead("Sec-WebSocket-Key", "")),
        ("a short key", instead("Sec-WebSocket-Key", "c2hvcnQ=")),
        ("a long key", instead("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSBpcyBsb25n")),
        ("a key of 15 bytes", instead("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j")),
        ("a key that is no base64", instead("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!==")),
        ("a key without padding", instead("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ")),
        ("two keys", with("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")),
        ("POST", line(format!("POST {path} HTTP/1.1"))),
        ("PUT", line(format!("PUT {path} HTTP/1.1"))),
        ("HEAD", line(format!("HEAD {path} HTTP/1.1"))),
        ("OPTIONS", line(format!("OPTIONS {path} HTTP/1.1"))),
        ("CONNECT", line(format!("CONNECT {host} HTTP/1.1"))),
        ("get", line(format!("get {path} HTTP/1.1"))),
        ("no method", line(format!(" {path} HTTP/1.1"))),
        ("HTTP/1.0", line(format!("GET {path} HTTP/1.0"))),
        ("HTTP/0.9", line(format!("GET {path}"))),
        ("HTTP/2.0", line(format!("GET {path} HTTP/2.0"))),
        ("HTTP/1.2", line(format!("GET {path} HTTP/1.2"))),
        ("HTTP/11", line(format!("GET {path} HTTP/11"))),
        ("http/1.1", line(format!("GET {path} http/1.1"))),
        ("HTTP/1.1 and more", line(format!("GET {path} HTTP/1.1 x"))),
        ("a tab in the line", line(format!("GET\t{path}\tHTTP/1.1"))),
        ("a blank in the path", line(format!("GET {path} {path} HTTP/1.1"))),
        ("NUL in the path", line(format!("GET {path}\0 HTTP/1.1"))),
        ("no path", line("GET  HTTP/1.1".into())),
        ("another path", line(format!("GET {path}x HTTP/1.1"))),
        ("two Host", with("Host", "other.example")),
        ("the same Host twice", with("Host", &host)),
        ("no Host", without("Host")),
        ("a Host with a blank", instead("Host", "a b")),
        ("an empty Host", instead("Host", "")),
        ("a Host with a user", instead("Host", &format!("you@{host}"))),
        ("a Host with a path", instead("Host", &format!("{host}/x"))),
        ("a URI of another host", line(format!("GET http://evil.example{path} HTTP/1.1"))),
        ("a URI with a user", line(format!("GET http://you@{host}{path} HTTP/1.1"))),
        ("a URI of another scheme", line(format!("GET ftp://{host}{path} HTTP/1.1"))),
        ("an asterisk", line("GET * HTTP/1.1".into())),
        ("no Upgrade", without("Upgrade")),
        ("Upgrade: h2c", instead("Upgrade", "h2c")),
        ("Upgrade: websockets", instead("Upgrade", "websockets")),
        ("no Connection", without("Connection")),
        ("Connection: keep-alive", instead("Connection", "keep-alive")),
        ("Connection: close", instead("Connection", "close")),
        ("TE and CL", good.clone().with("Transfer-Encoding", "chunked").with("Content-Length", "5").bytes()),
        ("a chunked body", with("Transfer-Encoding", "chunked")),
        ("TE of nonsense", with("Transfer-Encoding", "xchunked")),
        ("CL", [with("Content-Length", "5"), b"hello".to_vec()].concat()),
        ("two CL", good.clone().with("Content-Length", "5").with("Content-Length", "6").bytes()),
        ("CL of -1", with("Content-Length", "-1")),
        ("CL of +0", with("Content-Length", "+0")),
        ("CL of 2^64", with("Content-Length", "18446744073709551616")),
        ("a space before the colon", with("X-Space ", "v")),
        ("a space before Host's colon", text(&|text| text.replace("Host:", "Host :"))),
        ("an empty name", with("", "v")),
        ("a name of other letters", with("X-Ümlaut", "v")),
        ("a line without a colon", text(&|text| text.replace("Upgrade: websocket", "Upgrade websocket"))),
        ("NUL in a header", with("X-Nul", "a\0b")),
        ("CR in a header", with("X-Cr", "a\rb")),
        ("DEL in a header", with("X-Del", "a\x7Fb")),
        ("a folded header", with("X-Fold", "a\r\n b")),
        ("a folded first header", text(&|text| text.replacen("\r\n", "\r\n ", 1))),
        ("a folded Upgrade", instead("Upgrade", "\r\n websocket")),
        ("a folded Connection", instead("Connection", "keep-alive,\r\n Upgrade")),
        ("CR alone", text(&|text| text.replace("\r\n", "\r"))),
        ("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("TLS", [&b"\x16\x03\x01\x00\xA5\x01\x00\x00\xA1\x03\x03"[..], &[7; 154]].concat()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
        ("a frame", b"\x82\x85\0\0\0\0hello\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
    ];
    if target.protocol.subprotocol().is_some() {
        requests.extend([
            ("no subprotocol", without("Sec-WebSocket-Protocol")),
            ("another subprotocol", instead("Sec-WebSocket-Protocol", "chat")),
            ("an empty subprotocol", instead("Sec-WebSocket-Protocol", "")),
            ("SWILL/1", instead("Sec-WebSocket-Protocol", "SWILL/1")),
            ("swill/1x", instead("Sec-WebSocket-Protocol", "swill/1x")),
        ]);
    }
    let count = requests.len();
    let tried = requests.into_iter().map(|(what, bytes)| {
        let target = &target;
        async move { refused(target.connect().await?, &bytes).await.context(what) }
    });
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    let mut wrong = vec![];
    for outcome in join_all(tried).await {
        match outcome {
            Ok(status) => *statuses.entry(status).or_default() += 1,
            Err(failure) => wrong.push(failure.to_string()),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    let answers: Vec<String> = statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    Ok(vec![("requests", count.to_string()), ("answers", answers.join(" "))])
}

/// The status with which a request is refused, or that there is none.
async fn refused(mut raw: Raw, bytes: &[u8]) -> Result<String> {
    raw.write(bytes).await?;
    match raw.answer(DEADLINE).await? {
        None => Ok("end".into()),
        Some(answer) if (400..600).contains(&answer.status) && answer.status != 500 => {
            Ok(answer.status.to_string())
        }
        Some(answer) => Err(format!("answered with {}", answer.status).into()),
    }
}

//! HTTP before the upgrade, and what people see of it: smuggled requests, TLS, pages with names in them.

use super::own::{Own, SOON};
use crate::{
    attacks::{ANY, Attack},
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{protocol::Protocol, socket::Raw},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("request-smuggling", ANY, "one answer at most, and the end", smuggling),
        Attack::new("pipelined-behind-an-upgrade", ANY, "it is no request any more", pipelined),
        Attack::new("tls-garbage", ANY, "an alert or the end, others are served", tls_garbage),
        Attack::new("tls-slow-handshakes", ANY, "dropped by the deadline", tls_slow),
        Attack::new("docs-with-scripts-in-names", ANY, "text stays text", docs),
        Attack::new("file-ranges", ANY, "one range at most, and no more bytes than the file has", ranges),
    ]
}

/// Everything that comes until the connection ends.
async fn all(stream: &mut tokio::net::TcpStream) -> Result<Vec<u8>> {
    let mut read = vec![];
    match timeout(SOON, stream.read_to_end(&mut read)).await {
        Ok(Ok(_)) => Ok(read),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(read),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(format!("no end within {SOON:?}").into()),
    }
}

/// Requests whose end can be seen in two ways, with another request behind them.
const AMBIGUOUS: &[(&str, &str)] = &[
    ("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n"),
    ("a length and chunks", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
    ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"),
    ("a list of lengths", "Content-Length: 0, 5\r\n\r\n"),
    ("a length with a sign", "Content-Length: +5\r\n\r\n"),
    ("a negative length", "Content-Length: -1\r\n\r\n"),
    ("a hexadecimal length", "Content-Length: 0x5\r\n\r\nabcde"),
    ("a length of 2^64", "Content-Length: 18446744073709551616\r\n\r\n"),
    ("an unknown coding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("no coding", "Transfer-Encoding: identity\r\n\r\n"),
    ("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("a blank before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a control character", "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a folded line", "X: a\r\n Transfer-Encoding: chunked\r\n\r\n"),
    ("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a bare CR", "X: a\rTransfer-Encoding: chunked\r\n\r\n"),
    ("a zero byte", "X: a\0b\r\n\r\n"),
    ("a chunk of 2^68 bytes", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    ("a negative chunk", "Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
    ("chunks that end with LF", "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n"),
];

async fn smuggling(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let host = own.address();
    for (what, rest) in AMBIGUOUS {
        let mut stream = own.connect().await?.stream;
        let hidden = format!("GET /swill/docs HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let request = format!("POST /nowhere HTTP/1.1\r\nHost: {host}\r\n{rest}{hidden}");
        stream.write_all(request.as_bytes()).await?;
        let read = all(&mut stream).await.context(what)?;
        let answers = read.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count();
        ensure!(answers <= 1, "{what}: {answers} answers");
        ensure!(!String::from_utf8_lossy(&read).contains("200 OK"), "{what}: the hidden request is answered");
    }
    own.serves().await?;
    Ok(vec![("tried", AMBIGUOUS.len().to_string())])
}

async fn pipelined(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let head = own.head(Protocol::Swill1, "/swill");
    let hidden = format!("GET /swill/docs HTTP/1.1\r\nHost: {}\r\n\r\n", own.address());
    for (what, head, most) in [
        ("behind an upgrade", head.clone(), 1),
        ("as the body of an upgrade", head.clone().with("Content-Length", hidden.len().to_string()), 1),
    ] {
        let mut stream = own.connect().await?.stream;
        stream.write_all(&[&head.bytes()[..], hidden.as_bytes()].concat()).await?;
        let read = all(&mut stream).await.context(what)?;
        let answers = read.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count();
        ensure!(answers <= most, "{what}: {answers} answers");
        ensure!(!String::from_utf8_lossy(&read).contains("200 OK"), "{what}: the hidden request is answered");
    }
    own.serves().await?;
    Ok(vec![])
}

async fn tls_garbage(target: Target) -> Result<Figures> {
    let own = Own::start_with(&target, &["--tls"])?;
    let http = format!("GET /swill HTTP/1.1\r\nHost: {}\r\n\r\n", own.address());
    let mut chance = target.chance(77);
    let mut tried: Vec<(String, Vec<u8>)> = vec![
        ("plain HTTP".into(), http.into_bytes()),
        ("a record over the limit".into(), [&b"\x16\x03\x01\xff\xff"[..], &[b'x'; 300]].concat()),
        ("empty records".into(), b"\x16\x03\x01\x00\x00".repeat(2000)),
        ("an alert".into(), b"\x15\x03\x03\x00\x02\x02\x28".to_vec()),
        ("data without a handshake".into(), b"\x17\x03\x03\x00\x05hello".to_vec()),
        ("SSL 2".into(), [&b"\x80\x2e\x01\x03\x01"[..], &[0; 60]].concat()),
        ("a hello of no bytes".into(), b"\x16\x03\x01\x00\x04\x01\x00\x00\x00".to_vec()),
        ("a hello of 16 MiB".into(), [&b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"[..], &[0; 16 << 10]].concat()),
        ("a byte for a record".into(), b"\x16\x03\x01\x00\x01\x01".repeat(500)),
    ];
    for number in 0..200 {
        let mut bytes = vec![0; chance.usize(5..600)];
        bytes.iter_mut().for_each(|byte| *byte = chance.u8(..));
        bytes[..3].copy_from_slice(b"\x16\x03\x01");
        tried.push((format!("random bytes {number}"), bytes));
    }
    for (what, bytes) in &tried {
        let mut stream = own.connect().await?.stream;
        // It may be over before all is written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let read = all(&mut stream).await.context(what)?;
        let said = read.starts_with(b"\x15\x03") || read.starts_with(b"HTTP/1.1 400") || read.is_empty();
        ensure!(said, "{what} is answered with {:?}", read[..read.len().min(40)].escape_ascii().to_string());
    }
    ensure!(own.server.process.runs(), "the server has died");
    tls_answers(&own).await?;
    Ok(vec![("tried", tried.len().to_string())])
}

/// A hello of TLS 1.2 that any server understands, written by hand; what is said to it.
async fn tls_answers(own: &Own) -> Result {
    let mut body = b"\x03\x03".to_vec();
    body.extend_from_slice(&[7; 32]);
    // No session; ECDHE with ECDSA or RSA, and AES or ChaCha20; no compression.
    body.extend_from_slice(b"\0\0\x08\xc0\x2b\xc0\x2f\xcc\xa9\xcc\xa8\x01\0");
    // Groups and signatures.
    let groups = b"\0\x0a\0\x06\0\x04\0\x1d\0\x17";
    let signatures = b"\0\x0d\0\x0a\0\x08\x04\x03\x05\x03\x08\x04\x04\x01";
    body.extend_from_slice(&((groups.len() + signatures.len()) as u16).to_be_bytes());
    body.extend_from_slice(groups);
    body.extend_from_slice(signatures);
    let mut hello = vec![1, 0];
    hello.extend_from_slice(&(body.len() as u16).to_be_bytes());
    hello.extend_from_slice(&body);
    let mut record = b"\x16\x03\x01".to_vec();
    record.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    record.extend_from_slice(&hello);
    let mut stream = own.connect().await?.stream;
    stream.write_all(&record).await?;
    let mut answer = [0; 6];
    let read = timeout(Duration::from_secs(1), stream.read_exact(&mut answer)).await;
    read.map_err(|_| "a good hello is not answered within a second")??;
    ensure!(answer[0] == 0x16 && answer[5] == 2, "a good hello is answered with {answer:?}");
    Ok(())
}

async fn tls_slow(target: Target) -> Result<Figures> {
    let own = Own::start_with(&target, &["--tls"])?;
    let begin = Instant::now();
    let mut open: Vec<Raw> = vec![];
    for number in 0..40 {
        let mut raw = own.connect().await?;
        if number % 2 == 0 {
            raw.write(b"\x16\x03\x01\x02\x00\x01\x00").await?;
        }
        open.push(raw);
    }
    // Meanwhile others shake hands, and some go on byte by byte.
    tls_answers(&own).await.context("beside silent ones")?;
    for _ in 0..12 {
        for raw in open.iter_mut().step_by(2) {
            let _ = raw.write(b"\0").await;
        }
        sleep(Duration::from_millis(100)).await;
    }
    for raw in &mut open {
        raw.ended(SOON).await?;
    }
    tls_answers(&own).await?;
    Ok(vec![("after", format!("{:.1?}", begin.elapsed()))])
}

async fn docs(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let page = own.get("/swill/docs", &[]).await?;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    ensure!(!text.contains("alert("), "the page holds what a procedure is called");
    let mut documents = 0;
    for path in [
        "/swill/spec.json",
        "/swill/openrpc.json",
        "/swill/asyncapi.json",
        "/spec.json",
        "/openrpc.json",
        "/asyncapi.json",
    ] {
        let found = own.get(path, &[]).await?;
        if found.head.status == 404 {
            continue;
        }
        documents += 1;
        let kind = found.head.header("content-type").unwrap_or_default();
        ensure!(kind.starts_with("application/json"), "{path} is {kind:?}");
        let nosniff = found.head.header("x-content-type-options");
        ensure!(
            nosniff == Some("nosniff"),
            "{path} comes with {nosniff:?}: a browser may take it for a page"
        );
    }
    for path in [
        "/swill/docs/<script>alert(1)</script>",
        "/<script>alert(1)</script>",
        "/swill/docs/%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let found = own.get(path, &[("Accept", "text/html")]).await?;
        let text = String::from_utf8_lossy(&found.body).into_owned();
        ensure!(!text.contains("<script>alert"), "{path} comes back: {text:?}");
    }
    Ok(vec![("documents", documents.to_string())])
}

async fn ranges(target: Target) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("large.bin"), vec![7; 1 << 20])?;
    let own = Own::start_with(&target, &["--files", &folder.path().display().to_string()])?;
    own.get("/files/large.bin", &[]).await?;
    own.server.process.forget_peak()?;
    let before = own.server.process.memory()?;
    let many = format!("bytes={}", vec!["0-"; 1500].join(","));
    let overlapping: Vec<String> = (0..800).map(|from| format!("{from}-1048575")).collect();
    let overlapping = format!("bytes={}", overlapping.join(","));
    for range in [
        many.as_str(),
        &overlapping,
        "bytes=0-18446744073709551615",
        "bytes=18446744073709551616-",
        "bytes=-0",
        "bytes=-18446744073709551615",
        "bytes=5-4",
        "bytes=-",
        "bytes=a-b",
        "lines=1-2",
        "bytes=1048576-",
        "bytes=,,,",
    ] {
        let found = own.get("/files/large.bin", &[("Range", range)]).await?;
        let shown = &range[..range.len().min(40)];
        ensure!(
            matches!(found.head.status, 200 | 206 | 400 | 416),
            "{shown} is answered with {}",
            found.head.status
        );
        ensure!(found.body.len() <= (1 << 20) + 8, "{shown} brings {} bytes", found.body.len());
    }
    let more = own.server.process.peak()?.saturating_sub(before);
    ensure!(more < 8 << 20, "{} MiB for ranges", more >> 20);
    own.serves().await?;
    Ok(vec![("KiB", (more >> 10).to_string())])
}

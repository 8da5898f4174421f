//! Rules of RFC 6455 and RFC 7692, each by itself.

use super::own::{Own, SOON};
use crate::{
    attacks::{ANY, Attack},
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, TEXT, Width},
        protocol::Protocol,
        socket::{Connection, Heard},
    },
};
use flate2::{Compress, Compression, FlushCompress};
use serde_json::json;
use std::time::Duration;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("defence-masks", ANY, "1002", masks),
        Attack::new("defence-reserved-bits", ANY, "1002", reserved_bits),
        Attack::new("defence-reserved-opcodes", ANY, "1002", reserved_opcodes),
        Attack::new("defence-control-frames", ANY, "1002", control_frames),
        Attack::new("defence-frame-lengths", ANY, "1002", frame_lengths),
        Attack::new("defence-fragment-order", ANY, "1002", fragment_order),
        Attack::new("defence-text", ANY, "1007", text),
        Attack::new("defence-close-codes", ANY, "1002", close_codes),
        Attack::new("defence-after-close", ANY, "a call behind a close frame is not executed", after_close),
        Attack::new("defence-close-timeout", ANY, "TCP ends though the peer never closes", close_timeout),
        Attack::new("defence-discarding", ANY, "little is read after the end", discarding),
        Attack::new("defence-announced-frames", ANY, "nothing is reserved for what is announced", announced),
        Attack::new("defence-message", ANY, "1009, as soon as the length is known", message),
        Attack::new("defence-fragments", ANY, "1008", fragments),
        Attack::new("defence-empty-fragments", ANY, "1008", empty_fragments),
        Attack::new("defence-inflate", ANY, "1009", inflate),
        Attack::new("defence-inflate-streams", ANY, "1008", inflate_streams),
        Attack::new("defence-pings", ANY, "1008", pings),
    ]
}

/// Sends frames on a connection of their own, each of which has to be answered with this close code.
async fn each_closes(own: &Own, path: &str, frames: Vec<(String, Frame<'_>)>, code: u16) -> Result<Figures> {
    let count = frames.len();
    let protocol = if path == "/json-rpc" { Protocol::JsonRpc } else { Protocol::Swill1 };
    for (what, frame) in frames {
        let mut connection = own.open(protocol, path).await?;
        connection.frame(&frame).await?;
        connection.closes(&[code], SOON).await.context(what)?;
    }
    own.serves().await?;
    Ok(vec![("tried", count.to_string())])
}

async fn masks(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let call = Protocol::Swill1.add(1, 1, 1);
    let frames = vec![
        ("a message".into(), Frame::new(BINARY, &call).unmasked()),
        ("a ping".into(), Frame::new(PING, b"x").unmasked()),
        ("a fragment".into(), Frame::new(BINARY, &call).unfinished().unmasked()),
    ];
    each_closes(&own, "/swill", frames, 1002).await
}

async fn reserved_bits(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let call = Protocol::Swill1.add(1, 1, 1);
    let frames = (1..8).map(|bits| (format!("bits {bits:03b}"), Frame::new(BINARY, &call).reserved(bits)));
    each_closes(&own, "/swill", frames.collect(), 1002).await
}

async fn reserved_opcodes(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let opcodes = (3..8).chain(11..16);
    let frames = opcodes.map(|opcode| (format!("opcode {opcode}"), Frame::new(opcode, b"")));
    each_closes(&own, "/swill", frames.collect(), 1002).await
}

async fn control_frames(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let frames = vec![
        ("a ping of 126 bytes".into(), Frame::new(PING, &[0; 126])),
        ("a ping in pieces".into(), Frame::new(PING, b"x").unfinished()),
    ];
    each_closes(&own, "/swill", frames, 1002).await
}

async fn frame_lengths(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let frames = vec![
        ("64 bits".into(), Frame::new(BINARY, b"").announces(u64::MAX)),
        ("two bytes where one does".into(), Frame::new(BINARY, b"12345").width(Width::Sixteen)),
        ("eight bytes where one does".into(), Frame::new(BINARY, b"12345").width(Width::SixtyFour)),
        ("eight bytes where two do".into(), Frame::new(BINARY, &[0; 200]).width(Width::SixtyFour)),
    ];
    each_closes(&own, "/swill", frames, 1002).await
}

async fn fragment_order(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    connection.frame(&Frame::new(BINARY, b"\x93").unfinished()).await?;
    connection.frame(&Frame::new(BINARY, &Protocol::Swill1.add(1, 1, 1))).await?;
    connection.closes(&[1002], SOON).await.context("a message inside another")?;
    each_closes(
        &own,
        "/swill",
        vec![("the continuation of nothing".into(), Frame::new(CONTINUATION, b"x"))],
        1002,
    )
    .await
}

async fn text(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let long = [&[b'x'; 300][..], b"\xff"].concat();
    let frames = [&b"\xc3\x28"[..], b"\xed\xa0\x80", b"\xf4\x90\x80\x80", &long]
        .into_iter()
        .flat_map(|bytes| {
            [Frame::new(TEXT, bytes), Frame::new(TEXT, bytes).unfinished()]
                .map(|it| (format!("{:?}", &bytes[..2]), it))
        })
        .collect();
    each_closes(&own, "/json-rpc", frames, 1007).await
}

async fn close_codes(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535];
    let payloads = codes.map(|code| Frame::close_payload(code, "x"));
    let frames =
        payloads.iter().zip(codes).map(|(payload, code)| (code.to_string(), Frame::new(CLOSE, payload)));
    each_closes(&own, "/swill", frames.collect(), 1002).await
}

async fn after_close(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    for protocol in [Protocol::Swill1, Protocol::JsonRpc] {
        let path = if protocol == Protocol::Swill1 { "/swill" } else { "/json-rpc" };
        let mut connection = own.open(protocol, path).await?;
        let mut bytes = Frame::new(CLOSE, &Frame::close_payload(1000, "bye")).bytes();
        Frame::new(protocol.opcode(), &protocol.add(1, 1, 1)).append(&mut bytes);
        Frame::new(PING, b"are you there").append(&mut bytes);
        connection.writer.write(&bytes).await?;
        match connection.reader.heard(SOON).await? {
            Heard::Close(Some(1000), _) => {}
            other => return Err(format!("instead of the close: {other:?}").into()),
        }
        let after = connection.reader.heard(SOON).await?;
        ensure!(matches!(after, Heard::Ended(_)), "after the close: {after:?}");
    }
    own.serves().await?;
    Ok(vec![])
}

/// Makes the server close, and does not answer.
async fn closed_by_the_server(own: &Own) -> Result<Connection> {
    let mut connection = own.swill().await?;
    let hang_up = Protocol::Swill1.call(1, "hang_up", &[("code", json!(4000)), ("reason", json!("go"))]);
    connection.send(&hang_up).await?;
    loop {
        match connection.reader.heard(SOON).await? {
            Heard::Close(Some(4000), _) => return Ok(connection),
            Heard::Message(..) => {}
            other => return Err(format!("instead of a close: {other:?}").into()),
        }
    }
}

async fn close_timeout(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let begin = tokio::time::Instant::now();
    let mut connection = closed_by_the_server(&own).await?;
    let ended = connection.reader.heard(SOON).await?;
    ensure!(matches!(ended, Heard::Ended(_)), "the peer does not close, and the server waits: {ended:?}");
    Ok(vec![("after", format!("{:.1?}", begin.elapsed()))])
}

async fn discarding(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = closed_by_the_server(&own).await?;
    let ping = Frame::new(BINARY, &[0; 64 << 10]).bytes();
    let mut written = 0_usize;
    let begin = tokio::time::Instant::now();
    // Within the time that a close may take.
    while begin.elapsed() < Duration::from_millis(800) {
        match connection.writer.write_some(&ping, Duration::from_millis(100)).await {
            Ok(bytes) => written += bytes,
            Err(_) => break,
        }
    }
    // One MiB, and what the system has taken on both sides.
    ensure!(written < 24 << 20, "{} MiB were read after the end", written >> 20);
    own.serves().await?;
    Ok(vec![("KiB taken", (written >> 10).to_string())])
}

async fn announced(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    own.serves().await?;
    let before = own.server.process.memory()?;
    let mut connections = vec![];
    for _ in 0..50 {
        let mut connection = own.swill().await?;
        connection.frame(&Frame::new(BINARY, b"\x93").announces(1 << 20)).await?;
        connections.push(connection);
    }
    own.serves().await?;
    let more = own.server.process.memory()?.saturating_sub(before);
    ensure!(more < 16 << 20, "{} MiB for 50 messages of which a byte is there", more >> 20);
    Ok(vec![("KiB", (more >> 10).to_string())])
}

async fn message(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let lengths = [(1 << 20) + 1, 1 << 28, 1 << 32, (1 << 63) - 1];
    let frames = lengths.map(|length| (length.to_string(), Frame::new(BINARY, b"").announces(length)));
    each_closes(&own, "/swill", frames.into(), 1009).await?;
    let mut connection = own.swill().await?;
    let half = vec![0; 600 << 10];
    connection.frame(&Frame::new(BINARY, &half).unfinished()).await?;
    connection.frame(&Frame::new(CONTINUATION, &half)).await?;
    connection.closes(&[1009], SOON).await.context("two halves")?;
    Ok(vec![])
}

/// Sends a message in so many frames, all of them with this in them.
async fn in_pieces(own: &Own, count: usize, piece: &[u8]) -> Result {
    let mut connection = own.open(Protocol::Swill1, "/patient").await?;
    let mut bytes = Frame::new(BINARY, b"\xc4").unfinished().bytes();
    for _ in 0..count {
        Frame::new(CONTINUATION, piece).unfinished().append(&mut bytes);
    }
    // The server may end it before all of it is written.
    let _ = connection.writer.write(&bytes).await;
    connection.closes(&[1008], SOON).await.map(drop)
}

async fn fragments(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    in_pieces(&own, 65_537, b"x").await?;
    own.serves().await?;
    Ok(vec![])
}

async fn empty_fragments(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    in_pieces(&own, 102, b"").await?;
    own.serves().await?;
    Ok(vec![])
}

async fn compressed(own: &Own, payload: &[u8], code: u16) -> Result {
    let head = own.head(Protocol::Swill1, "/deflate").with(
        "Sec-WebSocket-Extensions",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    );
    let mut connection = own.connect().await?.upgrade_with(Protocol::Swill1, &head).await?;
    ensure!(connection.answer.header("sec-websocket-extensions").is_some(), "compression is not offered");
    let small = deflated(&Protocol::Swill1.add(1, 1, 1));
    connection.frame(&Frame::new(BINARY, &small).reserved(0b100)).await?;
    let heard = connection.heard(SOON).await?;
    ensure!(matches!(heard, Heard::Message(..)), "a compressed call: {heard:?}");
    connection.frame(&Frame::new(BINARY, payload).reserved(0b100)).await?;
    connection.closes(&[code], SOON).await.map(drop)
}

/// A message as permessage-deflate has it: without the end of its last block.
fn deflated(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 50 + 1024);
    let mut context = Compress::new(Compression::fast(), false);
    // There is room for all of it.
    let _ = context.compress_vec(data, &mut out, FlushCompress::Sync);
    out.truncate(out.len().saturating_sub(4));
    out
}

async fn inflate(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    own.serves().await?;
    own.server.process.forget_peak()?;
    let before = own.server.process.memory()?;
    // It is a call that would be answered, if it were not for its size.
    let bomb = deflated(&[b"\x93\x01\xc6\x01\0\0\0", &vec![0; 16 << 20][..], b"\xa4echo"].concat());
    compressed(&own, &bomb, 1009).await?;
    let more = own.server.process.peak()?.saturating_sub(before);
    ensure!(more < 12 << 20, "{} MiB to inflate a bomb of {} KiB", more >> 20, bomb.len() >> 10);
    own.serves().await?;
    Ok(vec![("bomb, bytes", bomb.len().to_string()), ("KiB", (more >> 10).to_string())])
}

async fn inflate_streams(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    // Each is a final block that holds nothing.
    compressed(&own, &[0x03, 0x00].repeat(2000), 1008).await?;
    own.serves().await?;
    Ok(vec![])
}

async fn pings(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.swill().await?;
    let ping = Frame::new(PING, b"x").bytes();
    let _ = connection.writer.write(&ping.repeat(2000)).await;
    connection.closes(&[1008], SOON).await?;
    own.serves().await?;
    Ok(vec![])
}

//! Little that becomes much: compressed messages (RFC 7692).

use super::{ANY, Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, CONTINUATION, Frame},
        head::Head,
        protocol::Protocol,
        socket::{Connection, Heard, PATIENCE},
    },
};
use flate2::{Compress, Compression, FlushCompress};
use std::time::Duration;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("compression-bombs", ANY, "1009 or 1007, and little memory", bombs).bounds(|bounds| {
            // `/raw` takes messages of 64 MiB, and gives them back.
            bounds.peak = 160 << 20;
        }),
        Attack::new("compressed-unasked", EVERY, "1002: nothing was negotiated", unasked),
    ]
}

const OFFERS: &str = "permessage-deflate; client_max_window_bits";

async fn open(target: &Target) -> Result<Connection> {
    let head =
        Head::upgrade("/raw", &target.address.to_string(), None).with("Sec-WebSocket-Extensions", OFFERS);
    // The path speaks no protocol; messages are text or bytes as one likes.
    let connection = target.connect().await?.upgrade_with(Protocol::JsonRpc, &head).await?;
    let agreed = connection.answer.header("sec-websocket-extensions").unwrap_or_default();
    ensure!(agreed.starts_with("permessage-deflate"), "compression was not agreed on: {agreed:?}");
    Ok(connection)
}

/// So many zeros, as a message is compressed: without the four bytes at its end.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let zeros = vec![0; 1 << 20];
    let mut out = Vec::with_capacity(mebibytes * 1_200 + 4_096);
    for _ in 0..mebibytes {
        // It is memory that it is written to, and there is enough.
        let _ = deflate.compress_vec(&zeros, &mut out, FlushCompress::None);
    }
    let _ = deflate.compress_vec(&[], &mut out, FlushCompress::Sync);
    out.truncate(out.len().saturating_sub(4));
    out
}

async fn bombs(target: Target) -> Result<Figures> {
    let large = bomb(target.count(1_024).max(70));
    let mut sizes = vec![("compressed", format!("{} KiB", large.len() >> 10))];
    let one = Frame::new(BINARY, &large).reserved(4).bytes();
    let mut pieces = vec![];
    for (number, piece) in large.chunks(100_000).enumerate() {
        let frame =
            if number == 0 { Frame::new(BINARY, piece).reserved(4) } else { Frame::new(CONTINUATION, piece) };
        frame.unfinished().append(&mut pieces);
    }
    // Never finished: it has to be noticed while it is inflated.
    for (what, bytes) in [("in one frame", one), ("in fragments", pieces)] {
        let mut connection = open(&target).await?;
        let before = target.process.memory()?;
        // It may be cut off while it is written.
        let _ = connection.writer.write(&bytes).await;
        match connection.heard(Duration::from_secs(60)).await? {
            Heard::Close(Some(1009), _) | Heard::Ended(_) => {}
            other => return Err(format!("a bomb {what}: {other:?}").into()),
        }
        connection.reset()?;
        let grown = target.process.peak()?.saturating_sub(before);
        sizes.push((what, format!("{} MiB more", grown >> 20)));
    }
    let small = bomb(1);
    let mut broken = vec![
        ("no deflate", b"\xFF\xFF\xFF\xFF".to_vec()),
        ("a reserved block", b"\x06\x00".to_vec()),
        ("a stored block that lies", b"\x01\x05\x00\x00\x00abc".to_vec()),
        ("too far back", b"\x63\x60\x00\x02\x40\xFF\x7F".to_vec()),
    ];
    let mut chance = target.chance(3);
    for _ in 0..50 {
        let mut bytes = small.clone();
        let place = chance.usize(0..bytes.len());
        bytes[place] ^= 1 << chance.u8(0..8);
        broken.push(("a flipped bit", bytes));
        broken.push(("random bytes", (0..chance.usize(1..500)).map(|_| chance.u8(..)).collect()));
    }
    for (what, bytes) in &broken {
        let mut connection = open(&target).await?;
        connection.frame(&Frame::new(BINARY, bytes).reserved(4)).await?;
        match connection.heard(PATIENCE).await.context(what)? {
            Heard::Close(Some(1002 | 1007 | 1009), _) | Heard::Message(..) => {}
            other => return Err(format!("{what}: {other:?}").into()),
        }
        connection.reset()?;
    }
    // The bit belongs to the first frame of a message, and to no control frame.
    for (what, frames) in [
        (
            "on a continuation",
            [
                Frame::new(BINARY, b"a").unfinished().bytes(),
                Frame::new(CONTINUATION, b"b").reserved(4).bytes(),
            ]
            .concat(),
        ),
        ("on a ping", Frame::new(9, b"").reserved(4).bytes()),
        ("on a close", Frame::new(8, b"").reserved(4).bytes()),
    ] {
        let mut connection = open(&target).await?;
        connection.writer.write(&frames).await?;
        connection.closes(&[1002], PATIENCE).await.context(format!("compressed {what}"))?;
    }
    sizes.push(("broken", broken.len().to_string()));
    Ok(sizes)
}

async fn unasked(target: Target) -> Result<Figures> {
    let mut tried = 0;
    for offers in
        [None, Some(OFFERS), Some("permessage-deflate; server_max_window_bits=99"), Some("x-unknown; a=b")]
    {
        let head =
            Head::upgrade(target.protocol.path(), &target.address.to_string(), target.protocol.subprotocol());
        let head = offers.iter().fold(head, |head, offers| head.with("Sec-WebSocket-Extensions", *offers));
        let mut connection = target.connect().await?.upgrade_with(target.protocol, &head).await?;
        if connection.answer.header("sec-websocket-extensions").is_none() {
            connection.frame(&Frame::new(target.protocol.opcode(), &bomb(64)).reserved(4)).await?;
            connection.closes(&[1002], PATIENCE).await?;
            tried += 1;
        } else {
            connection.frame(&Frame::new(target.protocol.opcode(), &bomb(64)).reserved(4)).await?;
            connection.closes(&[1009, 1007, 1003], PATIENCE).await?;
            tried += 1;
        }
    }
    Ok(vec![("connections", tried.to_string())])
}

//! Very many messages, written as fast as the server takes them, while what comes is read.

use super::socket::{Connection, Heard, Writer};
use crate::failure::Result;
use futures_util::future::{Either, select};
use std::{io, pin::pin, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How much is written at once.
const CHUNK: usize = 64 << 10;
/// For how long neither side may do anything.
const STALL: Duration = Duration::from_secs(30);

/// The most bytes that the system may take for a connection that nobody reads from, in both directions, and 8 MiB for
/// what the server has in hand.
pub(crate) fn system_takes() -> u64 {
    // How far buffers may grow by themselves (tcp(7)); the usual values where the files cannot be read.
    let most = |name: &str, usual: u64| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
        text.split_whitespace().nth(2).and_then(|bytes| bytes.parse().ok()).unwrap_or(usual)
    };
    most("tcp_rmem", 6 << 20) + most("tcp_wmem", 4 << 20) + (8 << 20)
}

/// Puts frames together until there is enough for one write.
fn chunk(frames: &mut impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut chunk = vec![];
    while chunk.len() < CHUNK {
        let Some(frame) = frames.next() else { break };
        chunk.extend_from_slice(&frame);
    }
    chunk
}

/// Writes frames, and shows what comes to `each`. Returns when all are written, or how the connection has ended.
pub(crate) async fn flood(
    connection: &mut Connection,
    mut frames: impl Iterator<Item = Vec<u8>>,
    mut each: impl FnMut(&Heard),
) -> Result<Option<Heard>> {
    let Connection { reader, writer, .. } = connection;
    let writes = async {
        loop {
            let chunk = chunk(&mut frames);
            if chunk.is_empty() {
                return Ok::<(), io::Error>(());
            }
            writer.write(&chunk).await?;
        }
    };
    let reads = async {
        loop {
            match reader.heard(STALL).await? {
                heard @ (Heard::Close(..) | Heard::Ended(_)) => return Ok(Some(heard)),
                Heard::Silence => return Err("the server neither takes nor says anything".into()),
                heard => each(&heard),
            }
        }
    };
    match select(pin!(writes), pin!(reads)).await {
        Either::Left((Ok(()), _)) => Ok(None),
        // What was the matter is told to those who read.
        Either::Left((Err(_), reads)) => reads.await,
        Either::Right((ended, _)) => ended,
    }
}

/// How writing went that nobody reads for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Everything was taken.
    Taken,
    /// The server has stopped reading.
    Blocked,
    /// The connection has ended.
    Ended,
}

/// Writes frames and reads nothing, until the server takes no more for a while; and how many bytes it took.
pub(crate) async fn stuff(
    writer: &mut Writer,
    mut frames: impl Iterator<Item = Vec<u8>>,
    patience: Duration,
) -> (u64, Unread) {
    let mut taken = 0;
    loop {
        let chunk = chunk(&mut frames);
        if chunk.is_empty() {
            return (taken, Unread::Taken);
        }
        match writer.write_some(&chunk, patience).await {
            Err(_) => return (taken, Unread::Ended),
            Ok(written) => {
                taken += written as u64;
                if written < chunk.len() {
                    return (taken, Unread::Blocked);
                }
            }
        }
    }
}

/// Writes one byte a second to each connection until a moment; how many have ended by then.
pub(crate) async fn drip(writers: &mut [Option<Writer>], bytes: &[u8], until: Instant) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for byte in bytes.iter().cycle() {
        if timeout_at(until, seconds.tick()).await.is_err() {
            return;
        }
        for place in writers.iter_mut() {
            let ended = match place {
                Some(writer) => writer.write(&[*byte]).await.is_err(),
                None => false,
            };
            if ended {
                *place = None;
            }
        }
    }
}

//! Frames that break the rules of RFC 6455.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT, Width},
        protocol::Protocol,
        socket::{CLOSE as CLOSES_WITHIN, Heard, PATIENCE},
    },
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("announced-lengths", EVERY, "1009 or 1002 at once, nothing is reserved", announced),
        Attack::new("broken-frames", EVERY, "1002, 1003 or 1007, and the end though nobody answers", broken)
            .waits(),
        Attack::new("calls-after-close", EVERY, "nothing is executed after a close frame", after_close),
        Attack::new("random-bytes", EVERY, "the connection ends", random),
    ]
}

/// Lengths that nobody would send, in frames that begin a message, continue one, or are none.
async fn announced(target: Target) -> Result<Figures> {
    let opcode = target.protocol.opcode();
    let lengths = [1 << 20, 1 << 24, 1 << 28, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, 1 << 62];
    let impossible = [1 << 63, (1 << 63) + 5, u64::MAX - 1, u64::MAX];
    let mut slowest = Duration::ZERO;
    for length in lengths.into_iter().map(|length| length + 1).chain(impossible) {
        let codes: &[u16] = if length >> 63 == 1 { &[1002, 1009] } else { &[1009] };
        let first = Frame::new(opcode, b"").unfinished().bytes();
        let one = Frame::new(opcode, b"x").unfinished().bytes();
        let more = Frame::new(CONTINUATION, b"some").announces(length).bytes();
        for bytes in [
            Frame::new(opcode, b"some").announces(length).bytes(),
            Frame::new(opcode, b"").announces(length).bytes(),
            Frame::new(opcode, b"some").announces(length).unfinished().bytes(),
            [first, more.clone()].concat(),
            [one, more].concat(),
        ] {
            let mut connection = target.open().await?;
            connection.writer.write(&bytes).await?;
            let begin = Instant::now();
            match connection.heard(PATIENCE).await? {
                Heard::Close(Some(code), _) if codes.contains(&code) => {}
                other => return Err(format!("{length} bytes announced: {other:?}").into()),
            }
            slowest = slowest.max(begin.elapsed());
            connection.reset()?;
        }
    }
    ensure!(slowest < Duration::from_secs(1), "a close came after {slowest:?} only");
    Ok(vec![("slowest close", format!("{:.1} ms", slowest.as_secs_f64() * 1e3))])
}

/// Every frame that must not be sent, each on a connection of its own, which then says nothing more.
async fn broken(target: Target) -> Result<Figures> {
    let opcode = target.protocol.opcode();
    let other = if opcode == TEXT { BINARY } else { TEXT };
    let call = target.protocol.add(1, 1, 1);
    let mut frames: Vec<(String, Vec<u8>, &[u16])> = vec![];
    let mut wrong = |what: &str, bytes: Vec<u8>, codes| frames.push((what.to_owned(), bytes, codes));
    wrong("unmasked", Frame::new(opcode, &call).unmasked().bytes(), &[1002]);
    wrong("an unmasked ping", Frame::new(PING, b"p").unmasked().bytes(), &[1002]);
    wrong("an unmasked close", Frame::new(CLOSE, b"\x03\xE8").unmasked().bytes(), &[1002]);
    wrong("continues nothing", Frame::new(CONTINUATION, &call).bytes(), &[1002]);
    wrong("continues nothing, unfinished", Frame::new(CONTINUATION, &call).unfinished().bytes(), &[1002]);
    let begun = Frame::new(opcode, &call).unfinished().bytes();
    let inside = |frame: Frame<'_>| [begun.clone(), frame.bytes()].concat();
    wrong("a message inside another", inside(Frame::new(opcode, &call)), &[1002]);
    wrong("another kind inside", inside(Frame::new(other, &call)), &[1002]);
    wrong("unmasked in the middle", inside(Frame::new(CONTINUATION, &call).unmasked()), &[1002]);
    for bits in 1..8 {
        wrong("reserved bits", Frame::new(opcode, &call).reserved(bits).bytes(), &[1002]);
        wrong("reserved bits of a ping", Frame::new(PING, b"").reserved(bits).bytes(), &[1002]);
        wrong("reserved bits of a close", Frame::new(CLOSE, b"").reserved(bits).bytes(), &[1002]);
        wrong("reserved bits in the middle", inside(Frame::new(CONTINUATION, b"x").reserved(bits)), &[1002]);
    }
    for reserved in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        wrong("a reserved opcode", Frame::new(reserved, &call).bytes(), &[1002]);
        wrong("a reserved opcode, empty", Frame::new(reserved, b"").bytes(), &[1002]);
        wrong("a reserved opcode in the middle", inside(Frame::new(reserved, b"x")), &[1002]);
    }
    for control in [CLOSE, PING, PONG] {
        wrong("control of 126 bytes", Frame::new(control, &[0; 126]).bytes(), &[1002]);
        wrong("control of 70,000 bytes", Frame::new(control, &[0; 70_000]).bytes(), &[1002]);
        wrong("control in fragments", Frame::new(control, b"").unfinished().bytes(), &[1002]);
        wrong("control announced large", Frame::new(control, b"").announces(1 << 40).bytes(), &[1002]);
        wrong("a long head of control", Frame::new(control, b"").width(Width::Sixteen).bytes(), &[1002]);
    }
    wrong("a length in too many bytes", Frame::new(opcode, b"x").width(Width::Sixteen).bytes(), &[1002]);
    wrong("a length in far too many", Frame::new(opcode, b"x").width(Width::SixtyFour).bytes(), &[1002]);
    let sixteen = [&call[..], &[b' '; 200]].concat();
    wrong("16 bits in 64", Frame::new(opcode, &sixteen).width(Width::SixtyFour).bytes(), &[1002]);
    let codes =
        (0..1000).step_by(111).chain([999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]);
    for code in codes {
        let close = Frame::close_payload(code, "");
        wrong(&format!("close code {code}"), Frame::new(CLOSE, &close).bytes(), &[1002]);
    }
    wrong("a close of one byte", Frame::new(CLOSE, &[3]).bytes(), &[1002]);
    let reason = [&[0x03, 0xE8][..], b"caf\xE9"].concat();
    wrong("a reason that is no text", Frame::new(CLOSE, &reason).bytes(), &[1002, 1007]);
    let reason = [&[0x03, 0xE8][..], b"caf\xC3"].concat();
    wrong("a reason that is cut off", Frame::new(CLOSE, &reason).bytes(), &[1002, 1007]);
    for (what, bytes) in NO_TEXT {
        let codes: &[u16] = if opcode == TEXT { &[1007] } else { &[1007, 1003] };
        wrong(what, Frame::new(TEXT, bytes).bytes(), codes);
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        let parts = [Frame::new(TEXT, first).unfinished().bytes(), Frame::new(CONTINUATION, rest).bytes()];
        wrong(&format!("{what} in two"), parts.concat(), codes);
        let mut single = vec![];
        for (number, byte) in bytes.iter().enumerate() {
            let opcode = if number == 0 { TEXT } else { CONTINUATION };
            let byte = [*byte];
            let frame = Frame::new(opcode, &byte);
            (if number + 1 == bytes.len() { frame } else { frame.unfinished() }).append(&mut single);
        }
        wrong(&format!("{what} byte by byte"), single, codes);
        // What cannot become text is refused before the message is complete. A binary protocol need not look.
        if *what != "cut off" {
            wrong(&format!("{what} and more to come"), Frame::new(TEXT, bytes).unfinished().bytes(), codes);
        }
    }
    if target.protocol == Protocol::Swill1 {
        wrong("text", Frame::new(TEXT, b"[1,[1,1],\"add\"]").bytes(), &[1003]);
        wrong("empty text", Frame::new(TEXT, b"").bytes(), &[1003]);
    }
    let count = frames.len();
    // So many at a time that the server's patience with each is waited for together.
    let tried = join_all(frames.iter().map(|(what, bytes, codes)| {
        let target = &target;
        async move {
            let mut connection = target.open().await?;
            connection.writer.write(bytes).await?;
            connection.closes(codes, PATIENCE).await.context(what)
        }
    }))
    .await;
    let mut closes = BTreeMap::<u16, usize>::new();
    let mut failures = vec![];
    for outcome in tried {
        match outcome {
            Ok(code) => *closes.entry(code).or_default() += 1,
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    let closes: Vec<String> = closes.iter().map(|(code, count)| format!("{count} × {code}")).collect();
    Ok(vec![("frames", count.to_string()), ("closes", closes.join(" "))])
}

/// Bytes that are no UTF-8 (RFC 3629).
const NO_TEXT: &[(&str, &[u8])] = &[
    ("a byte that never is", b"ab\xFFcd"),
    ("a continuation alone", b"ab\x80cd"),
    ("an overlong slash", b"ab\xC0\xAFcd"),
    ("an overlong NUL", b"ab\xE0\x80\x80cd"),
    ("overlong in four", b"ab\xF0\x80\x80\xAFcd"),
    ("a surrogate", b"ab\xED\xA0\x80cd"),
    ("a pair of surrogates", b"ab\xED\xA0\xBD\xED\xB8\x80cd"),
    ("beyond Unicode", b"ab\xF4\x90\x80\x80cd"),
    ("five bytes", b"ab\xF8\x88\x80\x80\x80cd"),
    ("cut off", b"abcd\xE2\x82"),
    ("interrupted", b"ab\xE2\x82cd"),
    ("Latin-1", b"na\xEFve"),
];

/// Calls in the same write as the close frame, and behind it.
async fn after_close(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    let mut calls = vec![];
    (1..100).for_each(|id| Frame::new(protocol.opcode(), &protocol.add(id, id, 1)).append(&mut calls));
    let mut rounds = 0;
    for (code, apart) in
        [(Some(1000), false), (Some(1000), true), (None, false), (Some(1001), true), (Some(4000), false)]
    {
        let payload = code.map(|code| Frame::close_payload(code, "bye")).unwrap_or_default();
        let close = Frame::new(CLOSE, &payload).bytes();
        let mut connection = target.open().await?;
        connection.works(PATIENCE).await?;
        if apart {
            connection.writer.write(&close).await?;
            // The connection may be over already.
            let _ = connection.writer.write(&calls).await;
        } else {
            connection.writer.write(&[close, calls.clone()].concat()).await?;
        }
        match connection.reader.heard(PATIENCE).await? {
            // The answer to a close says the same, or something as good.
            Heard::Close(answer, _) => ensure!(
                answer == code || answer == Some(1000),
                "a close with {code:?} is answered with {answer:?}"
            ),
            // What came behind the close frame was not read, and so the end is a reset.
            Heard::Ended(_) if apart => {}
            other => return Err(format!("after a close with {code:?}: {other:?}").into()),
        }
        let (bytes, _) = connection.reader.drained(CLOSES_WITHIN).await?;
        ensure!(bytes == 0, "{bytes} bytes came after the close frame");
        rounds += 1;
    }
    Ok(vec![("rounds", rounds.to_string())])
}

/// Random bytes where frames should be, and where a request should be.
async fn random(target: Target) -> Result<Figures> {
    let mut chance = target.chance(1);
    let (mut requests, mut frames) = (0, 0);
    let count = target.count(1_000);
    for number in 0..count {
        let length = chance.usize(1..[8, 64, 4096, 70_000][number % 4]);
        let mut bytes: Vec<u8> = (0..length).map(|_| chance.u8(..)).collect();
        if number % 3 == 0 {
            let mut raw = target.connect().await?;
            // It may end while it is written to.
            let _ = raw.write(&bytes).await;
            // Random bytes are hardly a whole request: it is told to be over.
            let _ = raw.write(b"\r\n\r\n").await;
            match raw.answer(PATIENCE).await {
                Ok(answer) => ensure!(answer.is_none_or(|it| it.status != 101), "random bytes were upgraded"),
                Err(failure) => return Err(failure).context(format!("random request {number}")),
            }
            requests += 1;
            continue;
        }
        if number % 3 == 1 {
            // Not stopped by the first frame: it is masked and of a message.
            bytes[0] = target.protocol.opcode() | (bytes[0] & 0x80);
            if let Some(second) = bytes.get_mut(1) {
                *second |= 0x80;
            }
        }
        let mut connection = target.open().await?;
        // It may end while it is written to.
        let _ = connection.writer.write(&bytes).await;
        // Whatever else it is, it is not more than the rest of what was begun.
        let _ = connection.writer.shut().await;
        connection.reader.drained(PATIENCE).await.context(format!("random bytes {number}"))?;
        frames += 1;
    }
    Ok(vec![("as requests", requests.to_string()), ("as frames", frames.to_string())])
}

//! What `swill tap` shows of the bytes of a connection: the same in pieces of any length, in lines that do nothing to a
//! terminal; as JSON, each line is an object.

use swill_cli::fuzzing::tapped;
use swill_proto::Side;

/// What a client asks, and what a server answers, if the input does not say it itself.
const ASKED: &[u8] = b"GET /ws?token=secret HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
const SUBPROTOCOLS: [&str; 5] = ["swill/1", "jsonrpc", "jsonrpc.msgpack", "events", "other"];

pub(crate) fn run(input: &[u8]) {
    let [choice, script @ ..] = input else { return };
    let (raw, deflate, text) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let subprotocol = SUBPROTOCOLS[usize::from(choice >> 3) % SUBPROTOCOLS.len()];
    let answered = format!(
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: {subprotocol}\r\n{extensions}\r\n"
    );
    let mut said = Vec::new();
    if !raw {
        said.extend([(Side::Client, ASKED.to_vec()), (Side::Server, answered.into_bytes())]);
    }
    let mut rest = script;
    // Each piece stands behind a byte that says whose it is, and its length.
    while let [whose, length, tail @ ..] = rest {
        let (piece, tail) = tail.split_at(tail.len().min(usize::from(length % 126)));
        rest = tail;
        let side = if whose & 1 == 0 { Side::Client } else { Side::Server };
        let mut bytes = Vec::new();
        if !raw && whose & 0x80 == 0 {
            let opcode = if text { 0x81 } else { 0x82 };
            let mask = if side == Side::Client { &[0x80, 0, 0, 0, 0][..] } else { &[0] };
            bytes.extend([opcode | u8::from(*length >= 126) << 6, mask[0] | piece.len() as u8]);
            bytes.extend_from_slice(&mask[1..]);
        }
        bytes.extend_from_slice(piece);
        said.push((side, bytes));
    }

    let whole: Vec<(Side, &[u8])> = said.iter().map(|(side, bytes)| (*side, &**bytes)).collect();
    let bytewise: Vec<(Side, &[u8])> =
        whole.iter().flat_map(|(side, bytes)| bytes.chunks(1).map(|byte| (*side, byte))).collect();
    let lines = timeless(&tapped(&whole, true));
    assert_eq!(timeless(&tapped(&bytewise, true)), lines, "the pieces matter");

    let shown = tapped(&whole, false);
    let is_harmless = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    assert!(shown.chars().all(is_harmless), "{shown:?}");
    if !raw {
        assert!(!shown.contains("token=secret"), "a secret is shown");
    }
}

/// Lines of JSON, without their times.
fn timeless(lines: &str) -> Vec<serde_json::Value> {
    let line = |line| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        line.as_object_mut().expect("each line is an object").remove("at").expect("each line has a time");
        line
    };
    lines.lines().map(line).collect()
}

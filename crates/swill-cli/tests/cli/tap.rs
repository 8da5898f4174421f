//! `swill tap`.

use crate::support::{Doorkeeper, Running, Server, output, run, swill};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

/// A tap before a server, and where it listens.
fn tap(target: &str, rest: &[&str]) -> (Running, String) {
    let mut tap = Running::start(&[&["tap", target], rest].concat());
    let first = tap.line();
    let address = match serde_json::from_str::<Value>(&first) {
        Ok(first) => first["note"].as_str().unwrap().to_owned(),
        Err(_) => first.strip_prefix("listening on ").unwrap().to_owned(),
    };
    (tap, address)
}

/// The lines of a tap up to the end of a connection.
fn lines(tap: &mut Running) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    while lines.last().is_none_or(|line| line["kind"] != "gone") {
        lines.push(serde_json::from_str(&tap.line()).unwrap());
    }
    lines
}

/// What is told of a line whose time and size do not matter.
fn told(line: &Value) -> Value {
    let names = ["from", "kind", "procedure", "payload", "metadata", "leading", "trailing"];
    let told = names.iter().filter(|name| !line[**name].is_null());
    told.map(|name| ((*name).to_owned(), line[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn messages_of_both_directions_are_decoded() {
    let server = Server::start();
    for compress in [&[][..], &["--compress"]] {
        let (mut tap, at) = tap(
            &server.address,
            &["--json", "--filter", "shop", "--filter", "multiply", "--filter", "plain"],
        );
        let call = |rest: &[&str]| output(&[&["call", &at], rest, compress].concat(), "");
        assert_eq!(call(&["shop.greet", "Ann", "-m", "language=fr"]), "\"Bonjour, Ann!\"\n");
        let seen = lines(&mut tap);
        let note = seen[0]["note"].as_str().unwrap();
        assert!(note.starts_with("GET /ws: swill/1"), "{note}");
        assert_eq!(note.contains("permessage-deflate"), !compress.is_empty(), "{note}");
        let seen: Vec<_> = seen[1..].iter().map(told).collect();
        assert_eq!(
            seen,
            [
                json!({ "from": "client", "kind": "call", "procedure": "shop.greet", "payload": "Ann", "metadata": { "language": "fr" } }),
                json!({ "from": "server", "kind": "message", "procedure": "shop.greet", "payload": "Bonjour, Ann!",
                        "leading": { "language": "fr" }, "trailing": { "letters": 13 } }),
                json!({ "from": "client", "kind": "close" }),
                json!({ "from": "server", "kind": "close" }),
                json!({ "kind": "gone" }),
            ]
        );
        assert_eq!(call(&["multiply", "2", "3"]), "2\n6\n");
        let seen = lines(&mut tap);
        let kinds = |side: &str| -> Vec<String> {
            let of_side = seen.iter().filter(|line| line["from"] == side);
            of_side.map(|line| format!("{} {}", line["kind"].as_str().unwrap(), line["payload"])).collect()
        };
        assert_eq!(kinds("client"), ["call null", "item 2", "item 3", "end null", "close null"]);
        assert_eq!(kinds("server"), ["open null", "message 2", "message 6", "end null", "close null"]);
        assert!(seen.iter().all(|line| line["connection"] == 2), "{seen:?}");
        // Long enough to be compressed.
        let text = "bread ".repeat(1000);
        assert_eq!(call(&["plain.echo", &text, "--raw"]), format!("{text}\n"));
        let seen = lines(&mut tap);
        assert_eq!((&seen[1]["payload"], &seen[2]["payload"]), (&json!(text), &json!(text)));
    }
}

#[test]
fn json_rpc_is_decoded_in_both_codecs() {
    let server = Server::start();
    for protocol in ["json-rpc", "json-rpc-msgpack"] {
        let (mut tap, at) = tap(&server.address, &["--json"]);
        let arguments = ["call", &at, "count", "2", "--protocol", protocol, "--shape", "out"];
        assert_eq!(output(&arguments, ""), "1\n2\n");
        let seen = lines(&mut tap);
        let said: Vec<_> = seen
            .iter()
            .map(|line| {
                format!("{} {} {}", line["kind"].as_str().unwrap(), line["procedure"], line["payload"])
            })
            .collect();
        let expected = [
            "open null null",
            "call \"count\" [2]",
            "answer \"count\" 1",
            "item \"count\" 1",
            "item \"count\" 2",
            "end \"count\" null",
            "close null null",
            "close null null",
            "gone null null",
        ];
        assert_eq!(said[1..], expected[1..], "{protocol}");
        let note = seen[0]["note"].as_str().unwrap();
        assert!(note.contains(if protocol == "json-rpc" { "jsonrpc" } else { "jsonrpc.msgpack" }), "{note}");
    }
}

#[test]
fn people_read_lines() {
    let server = Server::start();
    let (mut tap, at) = tap(&server.address, &["--hex"]);
    assert_eq!(output(&["call", &at, "add", "1", "2", "--shape", "single"], ""), "3\n");
    let mut text = String::new();
    while !text.contains(" gone ") {
        text.push_str(&tap.line());
        text.push('\n');
    }
    // Times differ, and so does who ends first.
    let times = |line: &str| format!("  0.000000{}\n", &line[10..]);
    let text: String = text
        .lines()
        .map(|line| if line.starts_with("    00") { format!("{line}\n") } else { times(line) })
        .collect();
    assert_snapshot!("lines", text);
}

#[test]
fn a_capture_goes_to_a_file() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.jsonl");
    let (tap, at) =
        tap(&server.address, &["--json", "--hex", "-o", file.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(output(&["call", &at, "add", "1", "2", "--shape", "single"], ""), "3\n");
    #[cfg(unix)]
    {
        tap.interrupt();
        let said = tap.end();
        assert_eq!((said.code, said.out.as_str()), (0, ""));
        let capture = std::fs::read_to_string(file).unwrap();
        let lines: Vec<Value> = capture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["kind"], "listening");
        let call = lines.iter().find(|line| line["kind"] == "call").unwrap();
        assert_eq!(
            (&call["call"], &call["hex"], &call["size"]),
            (&json!(1), &json!("9301920102a3616464"), &json!(9))
        );
        assert!(call["at"].as_f64().unwrap() > 1_700_000_000.0);
    }
}

#[test]
fn what_goes_wrong_is_said() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (mut to_nobody, at) = tap(&nobody, &["--json"]);
    let said = run(&["call", &at, "add"], "");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("502"), "{}", said.err);
    assert!(to_nobody.line().contains("refused"));

    let server = Server::serve(|app| app.hook(Doorkeeper));
    let (mut at_the_door, at) = tap(&server.address, &["--json"]);
    assert_eq!(run(&["call", &at, "add"], "").code, 3);
    let refused = lines(&mut at_the_door);
    assert!(refused[0]["note"].as_str().unwrap().starts_with("GET /ws: 401"), "{refused:?}");

    let said = run(&["tap", "wss://api.example"], "");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("is encrypted"), "{}", said.err);
    assert_eq!(run(&["tap", &server.address, "--listen", "nowhere"], "").code, 2);
}

#[test]
fn a_broken_rule_is_said_and_passed_on() {
    let server = Server::start();
    let (mut tap, at) = tap(&server.address, &["--json"]);
    let mut socket = TcpStream::connect(&at).unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: swill/1\r\n\r\n"
    );
    // A frame that is not masked, together with the handshake.
    socket.write_all(&[handshake.as_bytes(), b"\x82\x01\xc0"].concat()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    drop(socket);
    let seen = lines(&mut tap);
    let kinds: Vec<_> = seen.iter().map(|line| format!("{} {}", line["from"], line["kind"])).collect();
    assert_eq!(kinds[..3], ["\"server\" \"open\"", "\"client\" \"violation\"", "\"server\" \"close\""]);
    assert!(seen[2]["note"].as_str().unwrap().starts_with("1002 broken protocol"), "{seen:?}");
    assert!(answer.ends_with(seen[2]["note"].as_str().unwrap().rsplit(": ").next().unwrap().as_bytes()));
}

/// What went there and back.
type Recorded = Arc<Mutex<[Vec<u8>; 2]>>;

/// Takes one connection to `target`, and records its bytes.
fn record(target: &str) -> (String, Recorded, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, target) = (listener.local_addr().unwrap().to_string(), target.to_owned());
    let recorded = Recorded::default();
    let record = Arc::clone(&recorded);
    let thread = thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let server = TcpStream::connect(target).unwrap();
        let pump = |at: usize, from: &TcpStream, to: &TcpStream| {
            let (mut from, mut to, record) =
                (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&record));
            thread::spawn(move || {
                let mut buffer = [0; 1000];
                // Either side may be gone at the end.
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    record.lock().unwrap()[at].extend_from_slice(&buffer[..count]);
                    if to.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Write);
            })
        };
        let (there, back) = (pump(0, &client, &server), pump(1, &server, &client));
        there.join().unwrap();
        back.join().unwrap();
    });
    (address, recorded, thread)
}

#[test]
fn bytes_go_through_unchanged() {
    let server = Server::start();
    let large = "x".repeat(300_000);
    for (arguments, input) in [
        (&["multiply"][..], "1\n2\n3\n4\n"),
        (&["plain.echo", "-"], large.as_str()),
        (&["plain.echo", "-", "--compress"], large.as_str()),
        (&["count", "5000", "--protocol", "json-rpc", "--compress"], ""),
    ] {
        let (behind, after, last) = record(&server.address);
        let (_tap, tapped) = tap(&behind, &["--json", "--hex"]);
        let (before, first, client) = record(&tapped);
        let direct = output(&[&["call", &server.address], arguments].concat(), input);
        assert_eq!(output(&[&["call", &before], arguments].concat(), input), direct);
        client.join().unwrap();
        last.join().unwrap();
        let (first, after) = (first.lock().unwrap(), after.lock().unwrap());
        assert!(first.iter().all(|bytes| bytes.len() > 100), "{arguments:?}");
        assert!(
            *first == *after,
            "{arguments:?}: {:?} and {:?}",
            first.each_ref().map(Vec::len),
            after.each_ref().map(Vec::len)
        );
    }
}

#[test]
fn a_reader_that_does_not_read_holds_nothing_up() {
    let server = Server::start();
    // Far more than a pipe holds.
    let mut command = swill(&["tap", &server.address, "--json"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        first.push(byte[0]);
    }
    let first: Value = serde_json::from_slice(&first).unwrap();
    let counted = output(&["call", first["note"].as_str().unwrap(), "count", "20000"], "");
    assert_eq!(counted.lines().count(), 20_000);
    child.kill().unwrap();
    child.wait().unwrap();
}

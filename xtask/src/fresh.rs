//! A newcomer's first quarter of an hour: a crate outside the workspace that depends on `swill` and `tokio` alone, with
//! the first program of the README, is built, started and asked for a sum.

use crate::{
    Result,
    process::{Running, TemporaryFolder, cargo, free_port, run, target},
    report::Outcome,
    tidy::readme,
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let text = fs::read_to_string(root.join("README.md"))?;
    let program = readme::programs(&text).into_iter().next().ok_or("README.md has no Rust program")?;
    // The program is taken as it is, but for the port: 8000 may be taken.
    let port = free_port()?;
    let moved = program.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
    if moved == program {
        return Err("the program in README.md does not serve at 127.0.0.1:8000".into());
    }

    let folder = TemporaryFolder::new("fresh-crate")?;
    fs::create_dir_all(folder.0.join("src"))?;
    fs::write(folder.0.join("src/main.rs"), moved)?;
    let swill = root.join("crates/swill");
    fs::write(
        folder.0.join("Cargo.toml"),
        format!(
            "[package]\nname = \"fresh\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             swill = {{ path = {swill:?} }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\", \"time\"] }}\n"
        ),
    )?;
    // The versions that everything else is tested with.
    fs::copy(root.join("Cargo.lock"), folder.0.join("Cargo.lock"))?;
    let built = target(root).join("fresh-crate");
    run(cargo(&folder.0).arg("build").env("CARGO_TARGET_DIR", &built))?;

    let mut server = Running::start(&mut Command::new(built.join("debug/fresh")))?;
    let sum = ask(server.wait_for_port(port)?)?;
    server.stop()?;
    Ok(Outcome::Passed(format!("add(1, 2) = {sum}")))
}

/// Calls `add(1, 2)` with nothing but a socket.
fn ask(mut socket: TcpStream) -> Result<u8> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.write_all(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
          Sec-WebSocket-Protocol: swill.1\r\n\r\n",
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head);
    if !head.starts_with("HTTP/1.1 101 ") {
        return Err(format!("the server refused the handshake: {head}").into());
    }
    // A binary frame, masked with zeros: [7, [1, 2], "add"].
    socket.write_all(b"\x82\x89\0\0\0\0\x93\x07\x92\x01\x02\xa3add")?;
    // [7, 3, 0, nil, nil]: number of the call, answer, kind, no metadata.
    let mut answer = [0; 8];
    socket.read_exact(&mut answer)?;
    match answer {
        [0x82, 6, 0x95, 7, sum @ 3, 0, 0xc0, 0xc0] => Ok(sum),
        other => Err(format!("the server answered {other:02x?}").into()),
    }
}

//! A bare WebSocket client for the Autobahn testsuite: the client's side of `swill-ws`, with nothing around it.
//!
//! `autobahn_client --url ws://127.0.0.1:PORT --agent NAME` asks the fuzzing server how many cases it has, runs each of them
//! (every message is sent back as it came), and asks it to write its report.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{io, process::ExitCode};
use swill_ws::{
    Config, Event, Input, State, WebSocket,
    deflate::{Options, check},
    handshake,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};

/// Longer than any case of the suite takes.
const LONGEST_CASE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let server = match options() {
        Ok(server) => server,
        Err(error) => {
            eprintln!(
                "autobahn_client: {error}\n\nusage: autobahn_client --url ws://HOST:PORT [--agent NAME]"
            );
            return ExitCode::from(2);
        }
    };
    match server.run_all_cases().await {
        Ok(cases) => {
            println!("{cases} cases run");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("autobahn_client: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Server {
    address: String,
    agent: String,
}

fn options() -> Result<Server, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut address, mut agent) = (None, "swill-ws".to_owned());
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("url") => address = arguments.value()?.string()?.strip_prefix("ws://").map(str::to_owned),
            Long("agent") => agent = arguments.value()?.string()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Server { address: address.ok_or("a URL that begins with ws:// is needed")?, agent })
}

impl Server {
    async fn run_all_cases(&self) -> io::Result<usize> {
        let count = self.converse("/getCaseCount").await?;
        let count: usize = String::from_utf8_lossy(&count).parse().map_err(io::Error::other)?;
        for case in 1..=count {
            // A case may break the connection on purpose; the report says whether that was right.
            let _ =
                timeout(LONGEST_CASE, self.converse(&format!("/runCase?case={case}&agent={}", self.agent)))
                    .await;
        }
        self.converse(&format!("/updateReports?agent={}", self.agent)).await?;
        Ok(count)
    }

    /// Opens a connection, sends back what comes, up to the end; returns the last message.
    async fn converse(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        let (mut ws, early) = self.open(&mut socket, path).await?;
        let echo = path.starts_with("/runCase");
        let (mut buffer, mut out, mut last) = (vec![0; 64 << 10], Vec::new(), Vec::new());
        buffer[..early.len()].copy_from_slice(&early);
        let mut filled = early.len();
        loop {
            let mut input = Input::new(&mut buffer[..filled]);
            let (reader, writer) = ws.split();
            // A violation ends the connection: its close frame is in `out`, and all further input is dropped.
            while let Ok(Some(event)) = reader.receive(&mut input, writer, &mut out) {
                if let Event::Message { kind, data } = event {
                    match echo {
                        true => writer.send(kind, data, &mut out),
                        false => last = data.to_vec(),
                    }
                }
            }
            let closed = ws.state() == State::Closed;
            let exchanged = async {
                socket.write_all(&out).await?;
                socket.read(&mut buffer).await
            };
            filled = match exchanged.await {
                // After the close handshake it does not matter how the connection ends.
                Err(_) if closed => 0,
                result => result?,
            };
            out.clear();
            if filled == 0 {
                return Ok(last);
            }
        }
    }

    /// The opening handshake; what came after it in the same read.
    async fn open(&self, socket: &mut TcpStream, path: &str) -> io::Result<(WebSocket, Vec<u8>)> {
        let (key, options) = (handshake::new_key(), Options::default());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Extensions: {}\r\n\r\n",
            self.address,
            options.offer(),
        );
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        let end = loop {
            if socket.read_buf(&mut answer).await? == 0 || answer.len() > 16 << 10 {
                return Err(io::Error::other("the handshake was not answered"));
            }
            if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        if !head.contains(" 101 ")
            || !header("sec-websocket-accept").is_some_and(|it| handshake::accepts(&key, it))
        {
            return Err(io::Error::other("the handshake was refused"));
        }
        let mut config = Config::client();
        (config.limits.message, config.limits.frame) = (64 << 20, 64 << 20);
        config.limits.fragments = 1 << 20;
        config.deflate = check(header("sec-websocket-extensions"), &options).map_err(io::Error::other)?;
        Ok((WebSocket::new(&config), answer.split_off(end + 4)))
    }
}

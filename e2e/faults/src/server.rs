//! The server of the fault tests: it writes down what it executes, so that this can be compared with what clients were told.

mod journal;

use journal::{Execution, Journal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{process::ExitCode, time::Duration};
use swill::{App, Close, Error, Hook, Limits, Peer, Protocol, Result, Stream, Streaming, stream};

const HELP: &str = "\
Serves calls of every kind, and writes down what it executes.

Usage: faults-server --journal FILE [OPTION...]

  --address ADDRESS    where to listen; port 0 is any free one [default: 127.0.0.1:0]
  --journal FILE       where to write a line of JSON for whatever begins and ends; appended to
  --ping-after MS      silence before a ping [default: 20000]
  --pong-within MS     how long the answer to a ping may take [default: 20000]
  --write-stall MS     how long a peer may take nothing [default: 10000]
  --grace MS           how long calls may go on when the server is told to end [default: 30000]
  --help               this text

Prints `listening on ADDRESS` once it is ready. SIGTERM or Ctrl-C ends it.";

struct Settings {
    address: String,
    journal: String,
    limits: Limits,
}

struct Service {
    journal: Journal,
}

/// One item of a stream in: every one names its call.
#[derive(Deserialize, JsonSchema)]
struct Piece {
    id: String,
    n: u64,
}

/// One item of a stream out.
#[derive(Serialize, JsonSchema)]
struct Numbered {
    n: u64,
    filling: String,
}

#[swill::module]
impl Service {
    /// Works for so long, and answers with the id.
    async fn work(&self, id: String, ms: u64) -> String {
        let execution = self.journal.begin(&id);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        execution.end();
        id
    }

    /// Answers with so many bytes of text.
    async fn large(&self, id: String, size: usize) -> String {
        self.journal.begin(&id).end();
        "x".repeat(size)
    }

    /// The numbers from 0 to the one before `to`, with so much text each, and so much time between them.
    fn count(&self, id: String, to: u64, ms: u64, size: usize) -> impl Stream<Item = Numbered> {
        let execution = self.journal.begin(id);
        stream! {
            for n in 0..to {
                if ms > 0 {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                yield Numbered { n, filling: "x".repeat(size) };
            }
            execution.end();
        }
    }

    /// The sum of the numbers, which have to come in order and without a gap.
    async fn total(&self, mut pieces: Streaming<Piece>) -> Result<u64> {
        let mut order = Order::new(&self.journal);
        let mut sum = 0_u64;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            order.take(&piece)?;
            sum += piece.n;
        }
        order.end();
        Ok(sum)
    }

    /// Each number, at once.
    fn relay(&self, mut pieces: Streaming<Piece>) -> impl Stream<Item = Result<u64>> {
        let mut order = Order::new(&self.journal);
        stream! {
            while let Some(piece) = pieces.next().await {
                yield piece.and_then(|piece| order.take(&piece).map(|()| piece.n));
            }
            order.end();
        }
    }
}

/// Whether the items of a stream in come as they were sent.
struct Order {
    journal: Journal,
    execution: Option<Execution>,
    next: u64,
}

impl Order {
    fn new(journal: &Journal) -> Self {
        Self { journal: journal.clone(), execution: None, next: 0 }
    }

    fn take(&mut self, piece: &Piece) -> Result<()> {
        self.execution.get_or_insert_with(|| self.journal.begin(&piece.id));
        if piece.n != self.next {
            self.journal.write("disorder", &piece.id);
            return Err(Error::new(409, format!("item {} came where {} was due", piece.n, self.next)));
        }
        self.next += 1;
        Ok(())
    }

    fn end(&mut self) {
        if let Some(execution) = self.execution.take() {
            execution.end();
        }
    }
}

/// Writes down connections.
struct Connections(Journal);

impl Hook for Connections {
    fn sees_calls(&self) -> bool {
        false
    }

    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        self.0.write("connected", &peer.id().to_string());
        Ok(())
    }

    async fn after_connection(&self, peer: &Peer, close: &Close) {
        self.0.write(&format!("disconnected {}", close.code), &peer.id().to_string());
    }
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "errors of a program for the terminal")]
async fn main() -> ExitCode {
    let settings = match settings() {
        Ok(Some(settings)) => settings,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults-server: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults-server: {}", error.into_boxed());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
async fn serve(settings: Settings) -> Result<()> {
    let journal = Journal::open(&settings.journal)?;
    let app = App::new()
        .protocols([Protocol::swill(), Protocol::json_rpc()])
        .allow_origin("*")
        .limits(settings.limits)
        .module(Service { journal: journal.clone() })
        .hook(Connections(journal));
    let server = app.paths(["/ws"]).bind(&settings.address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}

#[expect(clippy::print_stdout, reason = "help was asked for")]
fn settings() -> Result<Option<Settings>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut address, mut journal) = ("127.0.0.1:0".to_owned(), None);
    let [mut ping_after, mut pong_within, mut write_stall, mut grace] = [20_000, 20_000, 10_000, 30_000];
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("address") => address = arguments.value()?.string()?,
            Long("journal") => journal = Some(arguments.value()?.string()?),
            Long("ping-after") => ping_after = arguments.value()?.parse()?,
            Long("pong-within") => pong_within = arguments.value()?.parse()?,
            Long("write-stall") => write_stall = arguments.value()?.parse()?,
            Long("grace") => grace = arguments.value()?.parse()?,
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    let limits = Limits::default()
        .keepalive(Duration::from_millis(ping_after), Duration::from_millis(pong_within))
        .write_stall(Duration::from_millis(write_stall))
        .grace(Duration::from_millis(grace));
    let journal = journal.ok_or("there is no --journal")?;
    Ok(Some(Settings { address, journal, limits }))
}

//! The `swill` command: calls and inspects servers, describes them, generates clients, measures, and shows what goes
//! over the wire.
//!
//! A program, and no library: what is public here is for the program itself and for the fuzz targets.
//!
//! This file reads the arguments and hands them to the command they name. What a command returns decides the exit code,
//! see `error::Exit`.

#![forbid(unsafe_code)]

mod address;
mod bench;
mod call;
mod completions;
mod connection;
mod demo;
mod describe;
mod duration;
mod error;
#[cfg(feature = "unstable-fuzzing")]
pub mod fuzzing;
mod generate;
mod inspect;
mod interrupt;
mod json;
mod nearest;
mod output;
mod params;
mod printer;
mod source;
mod tap;

use clap::{Parser, Subcommand, builder::styling};
use std::process::ExitCode;

pub(crate) use error::{Error, Result};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
An ADDRESS is a URL (ws://, wss://) or HOST[:PORT][/PATH]: `localhost` means
ws://localhost:8000/ws, and `api.example` means wss://api.example/ws.

Examples:
  swill demo                            serve an app to try things with
  swill inspect localhost               what can be called there?
  swill call localhost add 1 2          call a procedure
  swill call localhost count 3          print the items of a stream as they come

Exit codes: 0 all is well, 1 the call failed, 2 wrong usage, 3 no connection, 4 deadline,
130 interrupted.";

/// Typed RPC over one WebSocket: call servers, look at them, generate clients.
#[derive(Debug, Parser)]
#[command(name = "swill", version, styles = STYLES, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    colour: output::Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Call(call::Call),
    Inspect(inspect::Inspect),
    Describe(describe::Describe),
    Bench(bench::Bench),
    Tap(tap::Tap),
    Generate(generate::Generate),
    Demo(demo::Demo),
    Completions(completions::Completions),
}

impl Command {
    /// Whether one thread would be too few.
    fn is_busy(&self) -> bool {
        matches!(self, Self::Bench(_) | Self::Tap(_) | Self::Demo(_))
    }

    async fn run(self) -> Result<()> {
        match self {
            Self::Call(command) => command.run().await,
            Self::Inspect(command) => command.run().await,
            Self::Describe(command) => command.run().await,
            Self::Bench(command) => command.run().await,
            Self::Tap(command) => command.run().await,
            Self::Generate(command) => command.run().await,
            Self::Demo(command) => command.run().await,
            Self::Completions(command) => command.run(),
        }
    }
}

/// Runs the command that the arguments of the process name; what the process is to return.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.colour.apply();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn run(command: Command) -> Result<()> {
    let mut builder = match command.is_busy() {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(command.run());
    // A thread that waits for a line on the standard input is not waited for.
    runtime.shutdown_background();
    result
}

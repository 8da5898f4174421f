//! The `swill` command.

use clap::Parser;

/// Typed RPC over one WebSocket: call servers, look at them, generate clients.
#[derive(Debug, Parser)]
#[command(name = "swill", version, about)]
struct Cli {}

fn main() {
    Cli::parse();
}

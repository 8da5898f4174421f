use crate::{Error, Result, connection::Connection, source};
use clap::{Args, ValueEnum};
use std::{io::Write, path::PathBuf};

const AFTER_HELP: &str = "\
Examples:
  swill describe localhost                          print the description of a running server
  swill describe localhost -o shop.json             keep it, for `swill generate`
  swill describe shop.json --format openrpc         turn it into an OpenRPC document";

/// Prints what an app says of itself, as a JSON document
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Describe {
    /// The address of a server, a file with a description, or `-` for the standard input
    source: String,
    /// The form of the document
    #[arg(long, default_value = "swill")]
    format: Format,
    /// Writes to this file, in place of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The description itself: complete, and what the other commands read
    Swill,
    /// OpenRPC 1.3.2: what can be called by JSON-RPC
    Openrpc,
    /// AsyncAPI 3.0.0: every protocol as a channel
    Asyncapi,
}

impl Describe {
    pub(crate) async fn run(self) -> Result<()> {
        let spec = source::load(&self.source, &self.connection).await?;
        let document = match self.format {
            Format::Swill => serde_json::to_value(&spec).map_err(|error| Error::failed(error.to_string()))?,
            Format::Openrpc => spec.openrpc(),
            Format::Asyncapi => spec.asyncapi(),
        };
        let text = format!("{document:#}\n");
        match &self.output {
            None => Ok(std::io::stdout().write_all(text.as_bytes())?),
            Some(path) => std::fs::write(path, text)
                .map_err(|error| Error::failed(format!("{} cannot be written: {error}", path.display()))),
        }
    }
}

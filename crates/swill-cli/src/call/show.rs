use crate::{json, output, printer::Printer};
use std::io::{self, Write};
use swill_client::{Metadata, Value};

/// Shows what a call brings.
#[derive(Debug)]
pub(super) struct Show {
    printer: Printer,
    raw: bool,
    metadata: bool,
    pretty: bool,
}

impl Show {
    pub(super) fn new(raw: bool, metadata: bool) -> Self {
        Self { printer: Printer::to(io::stdout()), raw, metadata, pretty: output::is_terminal() }
    }

    /// Whether metadata is to be shown.
    pub(super) fn wants_metadata(&self) -> bool {
        self.metadata
    }

    /// The only answer: over several lines where people look.
    pub(super) async fn answer(&mut self, value: &Value) -> io::Result<()> {
        let text = match self.pretty && !self.raw {
            true => json::pretty(value).into_bytes(),
            false => return self.item(value).await,
        };
        self.line(text).await
    }

    /// One of several: a line.
    pub(super) async fn item(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Bytes(bytes) if self.raw => self.printer.write(bytes.clone()).await,
            Value::Text(text) if self.raw => self.line(text.clone().into_bytes()).await,
            value => self.line(json::line(value).into_bytes()).await,
        }
    }

    async fn line(&mut self, mut text: Vec<u8>) -> io::Result<()> {
        text.push(b'\n');
        self.printer.write(text).await
    }

    pub(super) async fn leading(&mut self, metadata: &Metadata) -> io::Result<()> {
        self.print("leading", metadata).await
    }

    pub(super) async fn trailing(&mut self, metadata: &Metadata) -> io::Result<()> {
        self.print("trailing", metadata).await
    }

    async fn print(&mut self, which: &str, metadata: &Metadata) -> io::Result<()> {
        if self.metadata && !metadata.is_empty() {
            // On a terminal both outputs are one.
            self.printer.flush().await?;
            let entries = metadata.iter().map(|(key, value)| (Value::Text(key.to_owned()), value.clone()));
            let text = json::line(&Value::Map(entries.collect()));
            let style = output::FAINT;
            // Whoever does not want to hear of metadata does not ask for it.
            let _ = writeln!(anstream::stderr().lock(), "{style}{which}{style:#} {text}");
        }
        Ok(())
    }

    /// Waits until all of it has been written.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.printer.flush().await
    }
}

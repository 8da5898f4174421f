use crate::{Error, Result, output};
use std::{io::IsTerminal, vec};
use swill_client::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Stdin};

/// The longest line that is read. A message of that size would be refused anyway.
const LONGEST: usize = 16 << 20;

/// Items that go out: given as arguments, or lines of JSON that are read from the standard input as they come.
#[derive(Debug)]
pub(super) enum Lines {
    Given(vec::IntoIter<Value>),
    Read(Box<Read>),
}

/// The standard input, and what was read of the next line.
#[derive(Debug)]
pub(super) struct Read {
    input: BufReader<Stdin>,
    line: Vec<u8>,
    number: usize,
}

impl Lines {
    pub(super) fn given(items: Vec<Value>) -> Self {
        Self::Given(items.into_iter())
    }

    pub(super) fn stdin() -> Self {
        if std::io::stdin().is_terminal() {
            output::note("one JSON value a line; Ctrl-D ends the stream, Ctrl-C cancels the call");
        }
        let input = BufReader::new(tokio::io::stdin());
        Self::Read(Box::new(Read { input, line: Vec::new(), number: 0 }))
    }

    /// The next item, which `parse` makes of a line; `None` at the end. Empty lines are passed over. Safe to drop halfway.
    ///
    /// # Errors
    ///
    /// The input cannot be read, or `parse` says that a line makes no sense.
    pub(super) async fn next(
        &mut self,
        parse: impl Fn(&str) -> Result<Value, String>,
    ) -> Result<Option<Value>> {
        let read = match self {
            Self::Given(items) => return Ok(items.next()),
            Self::Read(read) => read,
        };
        while read.fill().await? {
            let line = std::mem::take(&mut read.line);
            let wrong =
                |why: String| Error::usage(format!("line {} of the standard input: {why}", read.number));
            let line = String::from_utf8(line).map_err(|_| wrong("it is no UTF-8".to_owned()))?;
            if !line.trim().is_empty() {
                return parse(&line).map(Some).map_err(|why| {
                    wrong(format!("it cannot be read as JSON: {why}"))
                        .advice("every line has to be one JSON value; `jq -c .` makes it so")
                });
            }
        }
        Ok(None)
    }
}

impl Read {
    /// Reads up to the end of the line; whether there was one.
    async fn fill(&mut self) -> Result<bool> {
        loop {
            let some = self.input.fill_buf().await?;
            if some.is_empty() {
                self.number += 1;
                return Ok(!self.line.is_empty());
            }
            let end = some.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(some.len(), |end| end + 1);
            self.line.extend_from_slice(&some[..taken]);
            self.input.consume(taken);
            if self.line.len() > LONGEST {
                return Err(Error::usage(format!(
                    "line {} of the standard input is longer than 16 MiB",
                    self.number + 1
                )));
            }
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
    }
}

//! `swill tap`: a proxy that shows what goes over the wire.
//!
//! [Bytes](proxy) go through unchanged. An [observer] looks at a copy of them on the side: first at the [heads](head) of
//! the opening handshake, then at WebSocket frames, then at [messages](wire). What it sees goes to a [display] that may be
//! slow.

mod calls;
mod close;
mod display;
mod events;
mod frame;
mod head;
mod jsonrpc;
mod observer;
mod proxy;
mod swill1;
mod text;
mod wire;

use crate::{Error, Result, address, interrupt::Interrupts, output};
use clap::Args;
use display::{Display, Look};
use frame::{Entry, Frame};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;

const AFTER_HELP: &str = "\
Bytes go through as they are, compressed or not. The display never holds up the connection:
where it is too slow, lines are left out, and a line says how many.

With --json every line is an object:
  at          seconds since 1970
  connection  a number from 1; `from` is `client` or `server`
  kind        call, item, message, answer, notification, event, metadata, end, error, cancel;
              text, binary for what is not understood; listening, open, refused, ping, pong,
              close, violation, gone, missed
  call        the call's number or id; `procedure` is its name, `payload` its value
  metadata    of the caller; `leading`, `trailing` of the server
  size        bytes of the message, decompressed; `hex` with --hex; `note` in words

Examples:
  swill tap localhost                          then call through the address that it prints
  swill tap localhost:9000 --listen 127.0.0.1:9001 --filter shop --hex
  swill tap localhost --json -o capture.jsonl";

/// How long lines that wait are written after the end.
const LINGER: Duration = Duration::from_secs(2);

/// Shows the messages between a client and a server, decoded
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Tap {
    /// The server: a URL, or HOST[:PORT]
    target: String,
    /// Where clients connect; port 0 is a free one
    #[arg(short, long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// Shows messages of this procedure or module only; may be given several times
    #[arg(short, long, value_name = "PROCEDURE|MODULE")]
    filter: Vec<String>,
    /// Shows the bytes of messages, too
    #[arg(long)]
    hex: bool,
    /// Shows long values to their end
    #[arg(long)]
    full: bool,
    /// Prints JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Writes to this file, in place of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Tap {
    pub(crate) async fn run(self) -> Result<()> {
        let target = self.target()?;
        let mut interrupts = Interrupts::listen()?;
        let listener = TcpListener::bind(&self.listen).await.map_err(|error| {
            Error::usage(format!("nobody can listen on {}: {error}", self.listen))
                .advice("`--listen 127.0.0.1:0` takes a free port")
        })?;
        let address = listener.local_addr()?;
        let look = Look { json: self.json, hex: self.hex, full: self.full, filter: self.filter.clone() };
        let (display, mut written) = match &self.output {
            None => Display::start(look, anstream::stdout()),
            Some(path) => {
                let file = std::fs::File::create(path);
                let file = file.map_err(|error| {
                    Error::failed(format!("{} cannot be written: {error}", path.display()))
                })?;
                Display::start(look, anstream::StripStream::new(file))
            }
        };
        let display = Arc::new(display);
        if self.output.is_some() {
            use std::io::Write;
            writeln!(anstream::stdout(), "listening on {address}")?;
        }
        display.show(&Entry::of_tap(Frame::new("listening").note(format!("{address}"))));
        output::note(&format!("clients go to {address} in place of {target}; Ctrl-C ends it"));
        let mut connections = tokio::task::JoinSet::new();
        let mut number = 0;
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // Too many files, for example: later ones may have more luck.
                    let Ok((client, _)) = accepted else {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    number += 1;
                    connections.spawn(proxy::run(client, target.clone(), number, Arc::clone(&display)));
                }
                Some(_) = connections.join_next() => {}
                result = &mut written => return Ok(result.unwrap_or(Ok(()))?),
                () = interrupts.next() => break,
            }
        }
        connections.shutdown().await;
        drop(display);
        match tokio::time::timeout(LINGER, written).await {
            Ok(result) => Ok(result.unwrap_or(Ok(()))?),
            Err(_) => Ok(()),
        }
    }

    /// `HOST:PORT` of the server.
    fn target(&self) -> Result<String> {
        let url = address::url(&self.target)?;
        let Some(rest) = url.strip_prefix("ws://") else {
            return Err(Error::usage(format!(
                "{url} is encrypted, and there is nothing to see in what is encrypted"
            ))
            .advice(
                "tap a server without TLS, or put the tap between the server and what speaks TLS for it",
            ));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(if has_port { authority.to_owned() } else { format!("{authority}:80") })
    }
}

/// What is shown of the bytes of a connection: who said them, and what.
#[cfg(feature = "unstable-fuzzing")]
pub(crate) fn shown(said: &[(swill_proto::Side, &[u8])], json: bool) -> String {
    use std::sync::{Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let written = Shown::default();
    let (display, done) = Display::start(Look { json, hex: true, ..Look::default() }, written.clone());
    let mut observer = observer::Observer::new(1, Arc::new(display));
    for (side, bytes) in said {
        let side = match side {
            swill_proto::Side::Client => frame::Side::Client,
            swill_proto::Side::Server => frame::Side::Server,
        };
        observer.saw(side, bytes);
    }
    drop(observer);
    // Whatever became of its thread: what it has written is there.
    let _ = done.blocking_recv();
    let written = written.0.lock().unwrap_or_else(PoisonError::into_inner);
    anstream::adapter::strip_str(&String::from_utf8_lossy(&written)).to_string()
}

//! `swill demo`: an app with something of everything, its docs page included.

mod calc;
mod chat;
mod lab;
mod shop;

use crate::{
    Error, Result,
    output::{FAINT, HEADING, NAME},
};
use clap::Args;
use std::{
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};
use swill::{App, Docs, Limits, spec::Info};

const AFTER_HELP: &str = "\
Examples:
  swill demo                            serve it at 127.0.0.1:8000
  swill demo --open                     and show its docs page in the browser
  swill demo --address 127.0.0.1:0      take any free port

The first line that it prints is `listening on ADDRESS`. It ends with Ctrl-C.";

const DESCRIPTION: &str = "\
Something of everything that a Swill app can do, to try things with.

Start with `add`: it takes two numbers. `count` streams numbers out, `total` takes a stream in, `multiply` does both at once. \
`hello` has metadata in all places, `shop.order` is one large parameter with constraints, and in `lab` things are slow, rare, \
or go wrong.";

/// Serves an app to try things with, and its docs page
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Demo {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    address: String,
    /// Opens the docs page in the browser
    #[arg(long)]
    open: bool,
    /// Asks for a name and a password before it shows the docs page
    #[arg(long, value_name = "USER:PASSWORD", value_parser = credentials)]
    password: Option<(String, String)>,
    /// Shows a docs page to read, from which nothing can be called
    #[arg(long)]
    read_only: bool,
}

fn credentials(text: &str) -> Result<(String, String), &'static str> {
    let (user, password) = text.split_once(':').ok_or("a name and a password have a colon between them")?;
    Ok((user.to_owned(), password.to_owned()))
}

impl Demo {
    pub(crate) async fn run(self) -> Result<()> {
        let mut docs = Docs::on();
        if let Some((user, password)) = &self.password {
            docs = docs.password(user, password);
        }
        if self.read_only {
            docs = docs.read_only();
        }
        let server = guarded(app().docs(docs), &self.address).bind(&self.address).await.map_err(|error| {
            Error::failed(error.message()).advice("`--address 127.0.0.1:0` takes any port that is free")
        })?;
        announce(server.local_addr())?;
        if self.open {
            open(&page(server.local_addr()));
        }
        server.run().await.map_err(|error| Error::failed(error.message()))
    }
}

/// The app that is served.
fn app() -> App {
    App::new()
        // Whoever presses Ctrl-C does not want to wait for streams that never end.
        .limits(Limits::default().grace(Duration::from_secs(1)))
        .info(Info::new("Swill demo", env!("CARGO_PKG_VERSION")).description(DESCRIPTION))
        .module(calc::Calc)
        .module(shop::module())
        .module(chat::Chat::new())
        .module(lab::Lab)
}

/// What listens on this machine alone answers under the names of this machine alone, so that no page of the net can give
/// itself a name that leads here.
fn guarded(app: App, address: &str) -> App {
    const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
    match NAMES.iter().any(|name| address.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))) {
        true => NAMES.iter().fold(app, |app, name| app.host(name)),
        false => app,
    }
}

/// Says where it is and what to do with it.
fn announce(address: SocketAddr) -> Result<()> {
    let server = short(address);
    let mut out = anstream::stdout().lock();
    writeln!(out, "listening on {address}")?;
    writeln!(out)?;
    writeln!(out, "  {HEADING}docs page{HEADING:#}    {}", page(address))?;
    writeln!(out, "  {HEADING}description{HEADING:#}  http://{}/swill.json", reachable(address))?;
    writeln!(out)?;
    // As this program was called: not everybody has it in the path.
    let swill = std::env::args().next().unwrap_or_else(|| "swill".to_owned());
    writeln!(out, "  {FAINT}in another terminal:{FAINT:#}")?;
    for (command, what) in [("call", " add 1 2"), ("call", " count 3"), ("inspect", "")] {
        writeln!(out, "  {NAME}{swill} {command} {server}{what}{NAME:#}")?;
    }
    Ok(out.flush()?)
}

/// How commands name the server, as short as can be.
fn short(address: SocketAddr) -> String {
    let default = ["127.0.0.1:8000", "0.0.0.0:8000", "[::1]:8000", "[::]:8000"];
    match default.contains(&address.to_string().as_str()) {
        true => "localhost".to_owned(),
        false => reachable(address),
    }
}

fn page(address: SocketAddr) -> String {
    format!("http://{}/docs", reachable(address))
}

/// An address to which one can connect from here.
fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}

/// Lets the system open a page. Where it cannot, the address is there to be read.
fn open(url: &str) {
    let mut command = if cfg!(windows) {
        Command::new("explorer")
    } else if cfg!(target_os = "macos") {
        Command::new("open")
    } else {
        Command::new("xdg-open")
    };
    let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if started.is_err() {
        crate::output::note("no browser could be started: open the docs page yourself");
    }
}

#[cfg(test)]
mod tests;

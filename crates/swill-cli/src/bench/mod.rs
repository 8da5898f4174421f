//! `swill bench`: load, and how long calls take under it.

mod load;
mod record;
mod report;

use crate::{
    Error, Result,
    call::{Streams, Target},
    connection::Connection,
    duration::{self, Limit},
    interrupt::Interrupts,
    output,
    params::{self, Arguments},
};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use load::{Load, Plan};
use record::Record;
use report::Report;
use std::{io::Write, time::Duration};
use swill_client::{Client, Limits};

const AFTER_HELP: &str = "\
Without --rate, every call is sent when an earlier one has ended, and its latency counts from
there: a server that hangs is asked less, and looks better than it is. With --rate, calls are
due at fixed moments, and latency counts from the moment at which a call was due, also if it
could not be sent then: no time that a caller would have waited is left out (\"coordinated
omission\").

The exit code is 1 if no call has succeeded.

Examples:
  swill bench localhost add 1 2                            one call after the other, for 10 s
  swill bench localhost add 1 2 -c 4 -i 64                 as many as it takes
  swill bench localhost add 1 2 --rate 5000 -i 100         latency at 5,000 calls per second
  swill bench localhost count '[100, 0]' -n 1000 --json    streams, each read to its end";

/// How often the progress is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Calls a procedure again and again, and measures
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{AFTER_HELP}", params::HELP))]
pub(crate) struct Bench {
    /// The server: a URL, or HOST[:PORT][/PATH]
    address: String,
    /// The procedure's full name
    procedure: String,
    /// Its parameters, or the items of its stream in; the same for every call
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    /// How many connections to open
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// How many calls may be in flight on each connection; servers allow 128 unless they are told otherwise
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: u32,
    /// How long to measure: 10s, unless --calls is given
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// How many calls to make
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// How many calls are due per second, on all connections together
    #[arg(short, long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How long to call before measuring begins; `none` for not at all
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse_or_none)]
    warmup: Limit,
    /// How long a call may take; `none` for as long as it takes
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse_or_none)]
    deadline: Limit,
    /// Which directions stream, where the server does not say so itself
    #[arg(long, value_name = "SHAPE")]
    shape: Option<Streams>,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A positive number of calls per second.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e7 => Ok(rate),
        _ => Err("a rate is a number of calls per second, more than 0 and at most 10000000".to_owned()),
    }
}

impl Bench {
    pub(crate) async fn run(self) -> Result<()> {
        let mut interrupts = Interrupts::listen()?;
        let clients = interrupts.or(self.connect()).await?;
        let Some(first) = clients.first() else { return Ok(()) };
        let target = interrupts.or(Target::find(first, &self.address, &self.procedure, self.shape)).await?;
        let (known, protocol) = (target.known(), self.connection.protocol());
        let arguments = interrupts.or(async { Ok(Arguments::read(&self.params).await?) }).await?;
        let (params, items) = match target.shape.streams_in {
            true => (swill_client::Value::Nil, params::items(&arguments, known, protocol)?),
            false => (params::parameters(&arguments, known, protocol)?, Vec::new()),
        };
        let empty = Record::empty()?;
        let plan = |what, duration, calls| Plan {
            what,
            name: self.procedure.clone(),
            shape: target.shape,
            params: params.clone(),
            items: items.clone(),
            deadline: self.deadline.0,
            in_flight: self.in_flight as usize,
            rate: self.rate,
            duration,
            calls,
        };
        if let Some(warmup) = self.warmup.0 {
            let warmed =
                self.measure(&clients, plan("warming up", Some(warmup), None), &empty, &mut interrupts).await;
            if warmed.interrupted {
                return Err(Error::interrupted());
            }
        }
        let default = self.calls.is_none().then_some(Duration::from_secs(10));
        let plan = plan("measuring", self.duration.or(default), self.calls);
        let record = self.measure(&clients, plan, &empty, &mut interrupts).await;
        for client in &clients {
            tokio::select! {
                () = client.close() => {}
                () = interrupts.next() => return Err(Error::interrupted()),
            }
        }
        let report = Report { record: &record, bench: &self };
        let text = if self.json { report.json() } else { report.text() };
        anstream::stdout().write_all(text.as_bytes())?;
        match (record.interrupted, record.latency.is_empty()) {
            (true, _) => Err(Error::interrupted()),
            (false, true) => Err(Error::failed("no call has succeeded")),
            (false, false) => Ok(()),
        }
    }

    async fn connect(&self) -> Result<Vec<Client>> {
        let limits = Limits::default().calls(self.in_flight as usize);
        let mut clients = Vec::new();
        for _ in 0..self.connections {
            let limits = limits.clone();
            clients.push(self.connection.open_with(&self.address, |builder| builder.limits(limits)).await?);
        }
        Ok(clients)
    }

    async fn measure(
        &self,
        clients: &[Client],
        plan: Plan,
        empty: &Record,
        interrupts: &mut Interrupts,
    ) -> Record {
        let bar = progress(&plan);
        let load = Load::start(clients, plan, empty);
        let (done, duration) = (load.progress(), load.plan().duration);
        let mut ended = std::pin::pin!(load.end());
        let mut draw = tokio::time::interval(DRAW_EVERY);
        let record = loop {
            tokio::select! {
                record = &mut ended => break record,
                _ = draw.tick() => {
                    match duration {
                        Some(_) => bar.set_position(bar.elapsed().as_millis() as u64),
                        None => bar.set_position(done.count()),
                    }
                    bar.set_message(format!("{} calls", report::grouped(done.count())));
                }
                () = interrupts.next() => done.interrupt(),
            }
        };
        bar.finish_and_clear();
        record
    }
}

/// A bar of time, or of calls if they are counted. Without a terminal it is not drawn.
fn progress(plan: &Plan) -> ProgressBar {
    let target = match output::draws_progress() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let length = match (plan.duration, plan.calls) {
        (Some(duration), _) => duration.as_millis() as u64,
        (None, calls) => calls.unwrap_or_default(),
    };
    let bar = ProgressBar::with_draw_target(Some(length), target).with_prefix(plan.what);
    match ProgressStyle::with_template("{prefix} {bar:40} {percent:>3} %  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

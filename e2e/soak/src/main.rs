//! Uses and abuses a server for a long time, and looks whether it grows, loses a call, or keeps a descriptor.

mod abuse;
mod callers;
mod figures;
mod pace;
mod report;
mod shapes;

use figures::{Figures, Row};
use pace::Pace;
use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};
use swill::{App, Limits, Metrics};
use swill_exhaustion::{
    Result,
    process::{Sample, Server, until},
    service,
};

const HELP: &str = "\
Uses and abuses a server for a long time, and looks whether it grows, loses a call, or keeps a descriptor.

Usage: soak [--minutes N] [--cores SHARE] [--report FILE] [--chart FILE]
       soak serve [--files PATH=FOLDER]...

  --minutes N     how long [default: 30]
  --cores SHARE   how much of a core the server is kept at [default: 0.5]
  --report FILE   where the report goes, in Markdown
  --chart FILE    where its picture goes, in SVG
  serve           the server that is tested";

/// Between two looks at the server.
const LOOK: Duration = Duration::from_secs(5);

struct Options {
    minutes: f64,
    cores: f64,
    report: Option<PathBuf>,
    chart: Option<PathBuf>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("soak: {error}");
            println!("\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// What the server of exhaustion has, with metrics and health.
fn app(limits: &Limits) -> App {
    service::app(limits).metrics(Metrics::new()).health("/healthz").readiness("/readyz")
}

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn run() -> Result<ExitCode> {
    use lexopt::prelude::*;
    let mut options = Options { minutes: 30.0, cores: 0.5, report: None, chart: None };
    let mut serve = None::<service::Options>;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match (argument, &mut serve) {
            (Long("files"), Some(serve)) => {
                let value = arguments.value()?.string()?;
                let (path, folder) = value.split_once('=').ok_or("`--files` wants PATH=FOLDER")?;
                serve.files.push((path.to_owned(), folder.into()));
            }
            (Long("minutes"), None) => options.minutes = arguments.value()?.parse()?,
            (Long("cores"), None) => options.cores = arguments.value()?.parse()?,
            (Long("report"), None) => options.report = Some(arguments.value()?.into()),
            (Long("chart"), None) => options.chart = Some(arguments.value()?.into()),
            (Short('h') | Long("help"), _) => {
                println!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            (Value(name), serve @ None) if name == "serve" => *serve = Some(service::Options::default()),
            (argument, _) => return Err(argument.unexpected().into()),
        }
    }
    if let Some(serve) = serve {
        service::serve(app, serve)?;
        return Ok(ExitCode::SUCCESS);
    }
    soak(&options)
}

/// A folder with a file to be served, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("swill-soak-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("page.html"), "<p>soaked</p>".repeat(5000))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn soak(options: &Options) -> Result<ExitCode> {
    let folder = Folder::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--files"]).arg(format!("/files={}", folder.0.display()));
    let mut server = Server::start(command.env("SWILL_LISTEN", "127.0.0.1:0"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (pace, figures) = (Arc::new(Pace::new(200.0)), Arc::<Figures>::default());
    let before = settled(&server)?;
    let load = callers::start(&runtime, server.address, &pace, &figures);
    let abuse = abuse::start(server.address, &pace, &figures);

    let time = Duration::try_from_secs_f64(60.0 * options.minutes)?;
    let (started, mut rows) = (Instant::now(), Vec::<Row>::new());
    let (mut last, mut looked) = (server.sample()?, Instant::now());
    let (mut cpu_last, mut paced) = (last.cpu, Instant::now());
    while started.elapsed() < time {
        std::thread::sleep(Duration::from_millis(500));
        server.lives()?;
        let now = server.sample()?;
        if paced.elapsed() >= Duration::from_secs(1) {
            pace.adjust(options.cores, (now.cpu - cpu_last).as_secs_f64() / paced.elapsed().as_secs_f64());
            (cpu_last, paced) = (now.cpu, Instant::now());
        }
        if looked.elapsed() < LOOK {
            continue;
        }
        let row = figures.row(started.elapsed(), looked.elapsed(), now, last);
        (last, looked) = (now, Instant::now());
        if rows.len() % 12 == 0 {
            println!("{row}");
        }
        rows.push(row);
    }
    pace.end();
    runtime.block_on(async {
        for caller in load {
            let _ = caller.await;
        }
    });
    for attacker in abuse {
        let _ = attacker.join();
    }
    let after = back(&server, before);
    let stopped = server.stop();
    let report = report::Report::new(options.minutes, &rows, &figures, before, after, stopped);
    println!("\n{}", report.summary());
    if let Some(path) = &options.chart {
        std::fs::write(path, report.chart())?;
    }
    if let Some(path) = &options.report {
        std::fs::write(path, report.markdown())?;
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the server has before anybody comes: after one request of each kind of HTTP, for which it opens what it keeps.
fn settled(server: &Server) -> Result<Sample> {
    for path in ["/files/page.html", "/metrics", "/healthz", "/readyz"] {
        let (status, _) = swill_exhaustion::raw::get(server.address, path, Duration::from_secs(5))?;
        if status != 200 {
            return Err(format!("{path} is answered with {status}").into());
        }
    }
    server.sample()
}

/// What it has after everybody has gone, once the descriptors are back; the last that was seen if they do not come back.
fn back(server: &Server, before: Sample) -> Sample {
    let mut last = before;
    let _ = until("descriptors are back", Duration::from_secs(15), || {
        last = server.sample()?;
        match last.descriptors <= before.descriptors {
            true => Ok(()),
            false => Err("not yet".into()),
        }
    });
    last
}

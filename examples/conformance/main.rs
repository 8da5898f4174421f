//! The standard test services (`conformance/services.md`), which vectors, foreign clients and load generators talk to.
//!
//! Every service is written once and registered wherever it is needed; only what a path alone has is written for it.

mod chat;
mod common;
mod events;
mod jsonrpc;
mod load;
mod notes;
mod raw;
mod streams;
mod swill1;
mod trace;
mod validation;
mod webmesh;

use std::process::ExitCode;
use swill::{App, Metrics, Protocol, dialect::Dialect};

const HELP: &str = "\
Serves the standard test services.

Usage: conformance [--addr ADDRESS] [--threads N] [--metrics]

  --addr ADDRESS  where to listen; port 0 is any free one [default: 127.0.0.1:9000]
  --threads N     worker threads; 1 runs everything on the main thread [default: one for each core]
  --metrics       count what happens, and show it at /metrics
  --help          this text

Prints `listening on ADDRESS` once it is ready. SIGTERM or Ctrl-C ends it.";

struct Options {
    address: String,
    threads: Option<usize>,
    metrics: bool,
}

#[expect(clippy::print_stderr, reason = "errors of a program for the terminal")]
fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let mut runtime = match options.threads {
        Some(1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads);
    }
    let served = runtime
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve(&options)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {}", error.into_boxed());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
async fn serve(options: &Options) -> swill::Result<()> {
    let mut app = app();
    if options.metrics {
        app = app.metrics(Metrics::new());
    }
    let server = app.bind(&options.address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}

fn app() -> App {
    let webmesh = |dialect| webmesh::app(Protocol::webmesh(dialect));
    App::new()
        .mount("/ws", swill1::app())
        .mount("/ws-small", swill1::small())
        .mount("/jsonrpc", jsonrpc::app(Protocol::json_rpc()))
        .mount("/jsonrpc-msgpack", jsonrpc::app(Protocol::json_rpc_msgpack()))
        .mount("/events", events::app())
        .mount("/decorators", events::decorators())
        .mount("/app2", events::overwritten())
        .mount("/app3", events::overwritten())
        .mount("/app4", events::overwritten_again())
        .mount("/random", events::random())
        .mount("/response_model", events::response_model())
        .mount("/room/{room_id}/{client_id}", chat::app())
        .mount("/", webmesh(Dialect::V0_1_2))
        .mount("/json", webmesh(Dialect::V0_1_2_JSON))
        .mount("/head", webmesh(Dialect::HEAD))
        .mount("/head-json", webmesh(Dialect::HEAD_JSON))
        .mount("/load", load::swill1())
        .mount("/load-jsonrpc", load::jsonrpc())
        .mount("/raw", raw::app())
}

#[expect(clippy::print_stdout, reason = "help was asked for")]
fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { address: "127.0.0.1:9000".into(), threads: None, metrics: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("addr") => options.address = arguments.value()?.string()?,
            Long("threads") => {
                options.threads = Some(arguments.value()?.parse::<std::num::NonZeroUsize>()?.get())
            }
            Long("metrics") => options.metrics = true,
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}

//! A server for attacks on what the standard test services do not have: short limits, files, TLS, a docs page, calls of
//! the server to its peers, and procedures that misbehave.
//!
//! It is written as users write servers. Built with `--cfg swill_weak` it has switches for its defences.

mod services;

use services::{Lingering, Services};
use std::{process::ExitCode, time::Duration};
use swill::{App, Docs, Limits, Protocol, StaticFiles, Tls, dialect::Dialect};

const HELP: &str = "\
Usage: abused [--addr ADDRESS] [OPTION...]

  --addr ADDRESS  where to listen [default: 127.0.0.1:0]
  --files FOLDER  serves its files below /files
  --threads N     so many threads [default: one for each core]
  --connections N so many connections [default: 64]
  --budget N      bytes that all connections hold together
  --per-address N connections of one address
  --tls           speaks TLS, with a certificate made for the occasion

Prints `listening on ADDRESS` once it is ready.";

struct Options {
    address: String,
    files: Option<String>,
    tls: bool,
    threads: Option<usize>,
    connections: Option<usize>,
    budget: Option<usize>,
    per_address: Option<usize>,
}

fn main() -> ExitCode {
    let served = options().map_err(|error| format!("{error}\n\n{HELP}")).and_then(|options| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = options.threads {
            runtime.worker_threads(threads);
        }
        let runtime = runtime.enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(serve(&options)).map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("abused: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: &Options) -> swill::Result<()> {
    let mut limits = quick();
    if let Some(count) = options.connections {
        limits = limits.connections(count);
    }
    if let Some(bytes) = options.budget {
        limits = limits.budget(bytes);
    }
    if let Some(count) = options.per_address {
        limits = limits.per_address(count);
    }
    let mut app = app().limits(limits);
    if let Some(folder) = &options.files {
        app = app.static_files("/files", StaticFiles::new(folder.clone()));
    }
    if options.tls {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(swill::Error::internal)?;
        let key = made.signing_key.serialize_pem();
        app = app
            .tls(Tls::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).map_err(swill::Error::internal)?);
    }
    let server = app.bind(&options.address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}

/// Limits of time are a second, so that attacks need not wait long for them; those of space are the usual ones.
fn quick() -> Limits {
    let second = Duration::from_secs(1);
    Limits::default()
        .handshake(second)
        .connections(64)
        .answer_within(1024, second)
        .stream_stall(second)
        .write_stall(second)
        .close(second)
        .grace(second)
}

fn app() -> App {
    let speaking = |protocol: Protocol| App::new().protocols([protocol]).module(Services).limits(quick());
    let swill = || speaking(Protocol::swill());
    let patient = |app: App| app.limits(Limits::default());
    let half = Duration::from_millis(500);
    speaking(Protocol::swill())
        .paths(["/swill"])
        .docs(Docs::on())
        .mount("/json-rpc", speaking(Protocol::json_rpc()))
        .mount("/events", speaking(Protocol::events()))
        .mount("/webmesh", speaking(Protocol::webmesh(Dialect::V0_1_2)))
        .mount("/webmesh-json", speaking(Protocol::webmesh(Dialect::V0_1_2_JSON)))
        .mount("/patient", patient(swill()))
        .mount("/patient-json-rpc", patient(speaking(Protocol::json_rpc())))
        .mount("/patient-events", patient(speaking(Protocol::events())))
        .mount("/quiet", swill().limits(quick().keepalive(half, half)))
        .mount("/deadline", swill().limits(quick().deadline(half)))
        .mount("/few", swill().limits(quick().calls(4)))
        .mount("/deflate", swill().compression())
        .mount("/hosted", swill().host("good.example"))
        .mount("/lingering", swill().limits(quick().calls(4)).hook(Lingering))
        .mount("/load", swill())
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options {
        address: "127.0.0.1:0".into(),
        files: None,
        tls: false,
        threads: None,
        connections: None,
        budget: None,
        per_address: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("addr") => options.address = arguments.value()?.string()?,
            Long("files") => options.files = Some(arguments.value()?.string()?),
            Long("threads") => {
                options.threads = Some(arguments.value()?.parse::<std::num::NonZeroUsize>()?.get());
            }
            Long("connections") => options.connections = Some(arguments.value()?.parse()?),
            Long("budget") => options.budget = Some(arguments.value()?.parse()?),
            Long("per-address") => options.per_address = Some(arguments.value()?.parse()?),
            Long("tls") => options.tls = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(options)
}

//! The server of the scenarios (`conformance/scenarios/README.md`), against which the tests of all clients run.

mod service;

use std::process::ExitCode;

const HELP: &str = "\
Serves what the scenarios of the clients call.

Usage: scenarios [--address ADDRESS]

  --address ADDRESS  where to listen; port 0 is any free one [default: 127.0.0.1:9100]
  --help             this text

Prints `listening on ADDRESS` once it is ready. SIGTERM or Ctrl-C ends it.";

#[tokio::main]
#[expect(clippy::print_stderr, reason = "errors of a program for the terminal")]
async fn main() -> ExitCode {
    let address = match address() {
        Ok(Some(address)) => address,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scenarios: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match serve(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scenarios: {}", error.into_boxed());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
async fn serve(address: &str) -> swill::Result<()> {
    let service = service::bind(address).await?;
    println!("listening on {}", service.address());
    service.run().await
}

#[expect(clippy::print_stdout, reason = "help was asked for")]
fn address() -> Result<Option<String>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut address = "127.0.0.1:9100".to_owned();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("address") => address = arguments.value()?.string()?,
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(address))
}

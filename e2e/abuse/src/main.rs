//! Attacks a server in every way that a stranger can, and looks whether others notice. `README.md` tells how to add an
//! attack.

mod attacks;
mod canary;
mod failure;
mod judge;
mod options;
mod process;
mod run;
mod self_test;
mod server;
mod table;
mod target;
mod wire;

use options::{Ask, HELP};
use std::process::ExitCode;

fn main() -> ExitCode {
    match options::read(lexopt::Parser::from_env()) {
        Ok(Ask::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Ask::List) => {
            list();
            ExitCode::SUCCESS
        }
        Ok(Ask::Run(options)) => status(run::run(&options)),
        Ok(Ask::SelfTest(options)) => status(self_test::run(&options)),
        Err(error) => {
            eprintln!("abuse: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn status(result: failure::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("abuse: {failure}");
            ExitCode::from(2)
        }
    }
}

fn list() {
    for attack in attacks::all() {
        let protocols: Vec<&str> = attack.protocols.iter().map(|protocol| protocol.name()).collect();
        println!("{:34} {:34} {}", attack.name, protocols.join(" "), attack.expected);
    }
}

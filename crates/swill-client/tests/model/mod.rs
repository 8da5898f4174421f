//! The client against a model of it: random sequences of what users, the server, the network and time can do.
//!
//! After each step, what every user was told and what the server heard is compared with what the model says: so each call
//! ends exactly once and truthfully, nothing is delivered twice, no stream has a gap, calls are sent again only if that
//! does no harm, and a server is told of everything that nobody waits for any more. What is in flight, in line and unread
//! is compared as well, and at the end nothing may be left.

mod calls;
mod following;
mod play;
mod server;
mod steps;
mod user;
mod wire;

use crate::Protocol;
use proptest::{
    collection::vec,
    test_runner::{Config, RngSeed, TestRunner},
};
use std::env;

/// How many sequences each test plays, if the environment variable `SWILL_SEQUENCES` does not say so.
const SEQUENCES: u32 = 700;

fn config() -> Config {
    let told = env::var("SWILL_SEQUENCES").ok().map(|it| it.parse().expect("a number of sequences"));
    // A short run is the same each time; a long one looks further each time.
    let rng_seed = if told.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) };
    Config { cases: told.unwrap_or(SEQUENCES), failure_persistence: None, rng_seed, ..Config::default() }
}

fn check(protocol: Protocol, calls: usize) {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&vec(steps::step(), 0..40), |steps| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime can be had");
        runtime.block_on(play::run(protocol, calls, &steps));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn swill1_with_room_for_every_call() {
    check(Protocol::Swill, 100);
}

#[test]
fn swill1_with_a_line_of_calls() {
    check(Protocol::Swill, 2);
}

#[test]
fn json_rpc_with_room_for_every_call() {
    check(Protocol::JsonRpc, 100);
}

#[test]
fn json_rpc_with_a_line_of_calls() {
    check(Protocol::JsonRpc, 2);
}

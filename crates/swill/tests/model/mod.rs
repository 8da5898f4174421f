//! A whole connection against a model of it: random sequences of what a client, procedures, time and an operator can do.
//!
//! After each step everything that the server has said is compared with what the model says it should have; so every call
//! has exactly one last word and nothing after it, streams have an order and no gap, leading metadata comes first and
//! trailing last, and numbers are free again when they should be. What counts calls and bytes is compared as well, and at
//! the end nothing may be left.
//!
//! There is one model, and what each protocol makes of it: [`wire`].

mod calls;
mod play;
mod procedures;
mod rig;
mod said;
mod steps;
mod wire;
mod world;

use crate::{Limits, Protocol, negotiate::dialect::Dialect};
use proptest::{
    collection::vec,
    test_runner::{Config, RngSeed, TestRunner},
};
use rig::Stage;
use std::{env, time::Duration};
use wire::{Events, JsonRpc, Swill1, WebMesh, Wire};

/// How many sequences each test plays, if the environment variable `SWILL_SEQUENCES` does not say so.
const SEQUENCES: u32 = 700;

fn config() -> Config {
    let told = env::var("SWILL_SEQUENCES").ok().map(|it| it.parse().expect("a number of sequences"));
    // A short run is the same each time; a long one looks further each time.
    let rng_seed = if told.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) };
    Config { cases: told.unwrap_or(SEQUENCES), failure_persistence: None, rng_seed, ..Config::default() }
}

fn check<W: Wire>(stage: &Stage, wire: impl Fn() -> W, batch: usize) {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&vec(steps::step::<W>(), 0..40), |steps| {
        rig::play(play::run(stage, wire(), batch, &steps));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn limits() -> Limits {
    Limits::default()
        .calls(4)
        .unread(200, 4 << 20)
        .stream_stall(Duration::from_secs(3))
        .answer_within(2, Duration::from_secs(2))
}

/// There is room for everything.
fn roomy(protocol: fn() -> Protocol) -> Stage {
    Stage::new(protocol, limits(), 64 << 10, false)
}

/// Hooks keep calls that were cancelled.
fn hooked(protocol: fn() -> Protocol) -> Stage {
    // They keep calls as long as the model says, which knows nothing of the time that they have.
    let limits = limits().calls(2).grace(Duration::from_secs(30 * 24 * 3600));
    Stage::new(protocol, limits, 64 << 10, true)
}

/// What waits for room does so whoever waits behind it; so the number of questions has no limit here.
fn narrow(protocol: fn() -> Protocol) -> Stage {
    let limits = limits().calls(3).cancels(5, 0).draining(2).outbox(300).unread(1 << 20, 4 << 20);
    Stage::new(protocol, limits.answer_within(100, Duration::from_secs(2)), 100, false)
}

#[test]
fn swill1_with_room_for_everything() {
    check(&roomy(Protocol::swill), Swill1::default, 8);
}

#[test]
fn swill1_with_hooks_that_keep_cancelled_calls() {
    check(&hooked(Protocol::swill), Swill1::default, 8);
}

#[test]
fn swill1_with_little_room() {
    // What has waited together is not handled together where there is little room, so nothing may wait for a stream.
    check(&narrow(Protocol::swill), Swill1::default, 1);
}

#[test]
fn json_rpc_with_room_for_everything() {
    check(&roomy(Protocol::json_rpc), JsonRpc::default, 8);
}

#[test]
fn json_rpc_as_messagepack_with_hooks_that_keep_cancelled_calls() {
    check(&hooked(Protocol::json_rpc_msgpack), JsonRpc::msgpack, 8);
}

#[test]
fn json_rpc_with_little_room() {
    check(&narrow(Protocol::json_rpc), JsonRpc::default, 1);
}

#[test]
fn events_with_room_for_everything() {
    check(&roomy(Protocol::events), Events::default, 8);
}

#[test]
fn events_with_hooks_that_keep_cancelled_calls() {
    check(&hooked(Protocol::events), Events::default, 8);
}

#[test]
fn events_with_little_room() {
    check(&narrow(Protocol::events), Events::default, 1);
}

#[test]
fn webmesh_with_room_for_everything() {
    let wire = || WebMesh { key: "path", tells: true };
    check(&roomy(|| Protocol::webmesh(Dialect::V0_1_2_JSON)), wire, 8);
}

#[test]
fn webmesh_with_hooks_that_keep_cancelled_calls() {
    let wire = || WebMesh { key: "target", tells: false };
    check(&hooked(|| Protocol::webmesh(Dialect::HEAD_JSON)), wire, 8);
}

#[test]
fn webmesh_with_little_room() {
    let wire = || WebMesh { key: "path", tells: true };
    check(&narrow(|| Protocol::webmesh(Dialect::V0_1_2_JSON)), wire, 1);
}

//! A whole connection against a model of it: random sequences of what a client, procedures, time and an operator can do.
//!
//! After each step everything that the server has said is compared with what the model says it should have; so every call
//! has exactly one last word and nothing after it, streams have an order and no gap, leading metadata comes first and
//! trailing last, and numbers are free again when they should be. What counts calls and bytes is compared as well, and at
//! the end nothing may be left.

mod rig;
mod swill1;
mod world;

use super::client::frame;
use crate::{Limits, Protocol};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use rig::{Rig, Stage, play};
use std::{env, time::Duration};
use swill1::{Message, Model, NAMES, Said, fits};
use tokio::time::{Instant, sleep};
use world::Command;

/// How many sequences of each protocol are played, if the environment variable `SWILL_SEQUENCES` does not say so.
const SEQUENCES: u32 = 700;

fn config() -> Config {
    let told = env::var("SWILL_SEQUENCES").ok().map(|it| it.parse().expect("a number of sequences"));
    // A short run is the same each time; a long one looks further each time.
    let rng_seed = if told.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) };
    Config { cases: told.unwrap_or(SEQUENCES), failure_persistence: None, rng_seed, ..Config::default() }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A message of the client: number, procedure, type, whether what it brings fits.
    Send(i64, usize, u8, bool),
    /// One more for the number and procedure of the last.
    Again(u8, bool),
    Garbage,
    Ping,
    Tell(prop::sample::Index, Command),
    /// Hooks let go of the calls that were cancelled.
    Release,
    Sleep(u64),
    /// The client takes nothing of what is sent to it, or everything again.
    Reads(bool),
    Drain,
    End(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The client is gone, without a word.
    Drop,
    Close,
    Text,
    Kick,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![24 => Just(0_u8), 3 => Just(1), 2 => Just(2), 4 => Just(3), 1 => Just(4)];
    let fits = || prop::bool::weighted(0.97);
    let send = (0..3_i64, 0..NAMES.len(), kind(), fits());
    let command = prop_oneof![
        6 => Just(Command::Step(0)),
        1 => Just(Command::SendLeading),
        1 => Just(Command::SetLeading),
        1 => Just(Command::SetTrailing),
        2 => Just(Command::Finish),
        1 => Just(Command::Fail),
        1 => Just(Command::Panic),
    ];
    prop_oneof![
        35 => send.prop_map(|(seq, rpc, kind, fits)| Step::Send(seq, rpc, kind, fits)),
        35 => (kind(), fits()).prop_map(|(kind, fits)| Step::Again(kind, fits)),
        1 => Just(Step::Garbage),
        2 => Just(Step::Ping),
        25 => (any::<prop::sample::Index>(), command).prop_map(|(at, command)| Step::Tell(at, command)),
        2 => Just(Step::Release),
        4 => (1..40_u64).prop_map(|quarters| Step::Sleep(quarters * 250)),
        4 => any::<bool>().prop_map(Step::Reads),
        1 => Just(Step::Drain),
        1 => prop_oneof![Just(End::Drop), Just(End::Close), Just(End::Text), Just(End::Kick)].prop_map(Step::End),
    ]
}

/// One sequence, as it is played.
struct Play<'s> {
    stage: &'s Stage,
    rig: Rig,
    model: Model,
    /// How many messages go out in one write.
    batch: usize,
    unsent: Vec<Message>,
    /// Numbers that come once.
    number: i64,
    reads: bool,
    /// The number and the procedure of the last message.
    last: (i64, usize),
}

impl Play<'_> {
    fn number(&mut self) -> i64 {
        self.number += 1;
        self.number
    }

    /// Sends what is to be sent, and compares what came with what should have.
    async fn compare(&mut self) {
        loop {
            // Nothing is sent while nothing is read: nobody could say what the server has read before it stalled.
            if self.reads && !self.model.closed {
                let most = self.batch.min(self.unsent.len());
                let mut bytes = Vec::new();
                for message in self.unsent.drain(..most) {
                    bytes.extend(frame(0x82, &message.bytes()));
                    self.model.message(message);
                }
                self.rig.write(bytes);
            }
            self.model.settle(Instant::now());
            self.settle().await;
            if !self.reads || self.model.closed || self.unsent.is_empty() {
                return;
            }
        }
    }

    async fn settle(&mut self) {
        loop {
            self.rig.settle().await;
            self.model.advance(Instant::now());
            if !self.model.is_close(Instant::now()) {
                break;
            }
        }
        if !self.reads {
            return;
        }
        let got: Vec<Said> =
            self.rig.got().into_iter().map(Said::of).filter(|it| *it != Said::Gone).collect();
        let expected = self.model.take();
        assert!(
            fits(&expected, &got),
            "expected, in this order from each call: {expected:#?}\ngot: {got:#?}"
        );
        if !self.model.closed {
            assert_eq!(self.rig.running(), self.model.running(), "calls in flight");
            assert_eq!(self.stage.world.alive(), self.model.alive(), "procedures that run");
        }
    }

    async fn step(&mut self, step: &Step) {
        let message = match *step {
            Step::Send(seq, rpc, kind, fits) => Some((seq, rpc, kind, fits)),
            Step::Again(kind, fits) => Some((self.last.0, self.last.1, kind, fits)),
            _ => None,
        };
        if let Some((seq, rpc, kind, fits)) = message {
            self.last = (seq, rpc);
            let value = fits.then(|| self.number());
            self.unsent.push(Message { seq, rpc, kind, value });
            if self.unsent.len() >= self.batch {
                self.compare().await;
            }
            return;
        }
        if !matches!(step, Step::Tell(..) | Step::Reads(false)) {
            self.reads(true).await;
        }
        self.compare().await;
        match step {
            Step::Send(..) | Step::Again(..) => {}
            Step::Garbage => {
                self.rig.send(0x82, &[0xc1]);
                self.model.garbage();
            }
            Step::Ping => {
                let data = self.number().to_be_bytes();
                self.rig.send(0x89, &data);
                self.model.ping(data.to_vec());
            }
            Step::Tell(at, command) => {
                let actors = self.model.actors();
                if let Some(&actor) = (!actors.is_empty()).then(|| at.get(&actors)) {
                    let command = match command {
                        Command::Step(_) => Command::Step(self.number()),
                        command => *command,
                    };
                    self.stage.world.tell(actor, command);
                    self.model.tell(actor, command, Instant::now());
                }
            }
            Step::Release => {
                let lingering = self.model.release(Instant::now());
                self.stage.world.release(lingering);
            }
            Step::Sleep(ms) => sleep(Duration::from_millis(*ms)).await,
            Step::Reads(reads) => self.reads(*reads).await,
            Step::Drain => {
                self.rig.drain();
                self.model.drain(Instant::now());
            }
            Step::End(End::Drop) => self.model.closed = true,
            Step::End(End::Close) => {
                self.rig.send(0x88, &4002_u16.to_be_bytes());
                self.model.close(4002);
            }
            Step::End(End::Text) => {
                self.rig.send(0x81, b"text");
                self.model.text();
            }
            Step::End(End::Kick) => {
                self.rig.kick();
                self.model.ends(4001);
            }
        }
        self.compare().await;
    }

    async fn reads(&mut self, reads: bool) {
        self.reads = reads;
        self.rig.reads(reads);
        if reads {
            self.settle().await;
        }
    }

    /// Everything that is open ends, and nothing is left.
    async fn finish(mut self) {
        self.reads(true).await;
        self.compare().await;
        while !self.model.closed {
            let lingering = self.model.release(Instant::now());
            self.stage.world.release(lingering);
            self.compare().await;
            if let Some(actor) = self.model.idle() {
                self.stage.world.tell(actor, Command::Finish);
                self.model.tell(actor, Command::Finish, Instant::now());
                self.compare().await;
            } else if let Some(&message) = self.model.unended().first() {
                self.unsent.push(message);
                self.compare().await;
            } else {
                break;
            }
        }
        if !self.model.closed {
            self.rig.is_empty();
            // Every number is free again.
            for seq in 0..3 {
                for rpc in 0..3 {
                    let value = Some(self.number());
                    self.unsent.push(Message { seq, rpc, kind: 0, value });
                    self.compare().await;
                }
            }
            self.rig.is_empty();
        }
        self.rig.end(&self.stage.world).await;
    }
}

async fn run(stage: &Stage, batch: usize, steps: &[Step]) {
    let model = Model::new(stage.limits.clone(), stage.hooked);
    let rig = Rig::new(stage);
    let mut play =
        Play { stage, rig, model, batch, unsent: Vec::new(), number: 0, reads: true, last: (0, 7) };
    for step in steps {
        play.step(step).await;
        if play.model.closed {
            break;
        }
    }
    play.finish().await;
}

fn check(stage: &Stage, batch: usize) {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&vec(step(), 0..40), |steps| {
        play(run(stage, batch, &steps));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn limits() -> Limits {
    Limits::default().calls(4).unread(200, 4 << 20).stream_stall(Duration::from_secs(3))
}

#[test]
fn swill1_with_room_for_everything() {
    check(&Stage::new(Protocol::swill, limits(), 64 << 10, false), 8);
}

#[test]
fn swill1_with_hooks_that_keep_cancelled_calls() {
    check(&Stage::new(Protocol::swill, limits().calls(2), 64 << 10, true), 8);
}

#[test]
fn swill1_with_little_room() {
    // What has waited together is not handled together where there is little room, so nothing may wait for a stream.
    let limits = limits().calls(3).cancels(5, 0).draining(2).outbox(300).unread(1 << 20, 4 << 20);
    check(&Stage::new(Protocol::swill, limits, 100, false), 1);
}

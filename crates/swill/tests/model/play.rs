//! A sequence, played against a connection and its model at the same time.

use super::{
    super::client::frame,
    calls::Model,
    rig::{Got, Rig, Stage},
    said::{Said, fits},
    steps::{End, Send, Step},
    wire::{Reply, Wire},
    world::Command,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// One sequence, as it is played.
struct Play<'s, W: Wire> {
    stage: &'s Stage,
    rig: Rig,
    model: Model<W>,
    /// How many messages go out in one write.
    batch: usize,
    unsent: Vec<W::Message>,
    /// Numbers that come once.
    number: i64,
    reads: bool,
    /// The number and the procedure of the last message.
    last: (i64, usize),
}

pub(super) async fn run<W: Wire>(stage: &Stage, wire: W, batch: usize, steps: &[Step]) {
    let model = Model::new(wire, stage.limits.clone(), stage.hooked);
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

impl<W: Wire> Play<'_, W> {
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
                    let (first, payload) = self.model.wire.frame(&message);
                    bytes.extend(frame(first, &payload));
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
        let wire = &mut self.model.wire;
        let got = self.rig.got().into_iter().map(|got| match got {
            Got::Message(kind, data) => wire.heard(kind, &data),
            Got::Pong(data) => Said::Pong(data),
            Got::Close(code) => Said::Close(code),
        });
        let got: Vec<Said> = got.collect();
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

    fn message(&mut self, send: Send) -> W::Message {
        self.last = (send.seq, send.rpc);
        let value = send.fits.then(|| self.number());
        W::message(&self.model, send.seq, send.rpc, send.kind, value)
    }

    /// Messages that others can be sent together with; `None` if it is none of these.
    fn messages(&mut self, step: &Step) -> Option<Vec<W::Message>> {
        Some(match step {
            Step::Send(send) => vec![self.message(*send)],
            Step::Again(kind, fits) => {
                let (seq, rpc) = self.last;
                vec![self.message(Send { seq, rpc, kind: *kind, fits: *fits })]
            }
            Step::Batch(sends) => {
                let messages = sends.iter().map(|send| self.message(*send)).collect();
                W::batch(messages).map_or_else(|messages| messages, |batch| vec![batch])
            }
            Step::Reply(at, reply) => {
                let questions = self.model.wire.questions();
                let Some(question) = (!questions.is_empty()).then(|| *at.get(&questions)) else {
                    return Some(Vec::new());
                };
                let reply = match reply {
                    Reply::Answer(_) => Reply::Answer(self.number()),
                    other => *other,
                };
                Vec::from_iter(self.model.wire.reply(question, reply))
            }
            _ => return None,
        })
    }

    async fn step(&mut self, step: &Step) {
        if let Some(messages) = self.messages(step) {
            self.unsent.extend(messages);
            if self.unsent.len() >= self.batch {
                self.compare().await;
            }
            return;
        }
        if !matches!(step, Step::Tell(..) | Step::Reads(false)) {
            self.reads(true).await;
        }
        self.compare().await;
        if self.model.closed {
            return;
        }
        match step {
            Step::Send(_) | Step::Again(..) | Step::Batch(_) | Step::Reply(..) => {}
            Step::Garbage => self.unsent.extend(W::garbage()),
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
                        Command::Notify(_) => Command::Notify(self.number()),
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
            // Nobody could say when what is held would be handled.
            Step::Reads(false) if W::holds(&self.model) => {}
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
            Step::End(End::Wrong) => self.unsent.extend(W::wrong()),
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
            if self.model.closed {
                break;
            }
            if let Some(actor) = self.model.idle() {
                self.stage.world.tell(actor, Command::Finish);
                self.model.tell(actor, Command::Finish, Instant::now());
                self.compare().await;
            } else if let Some(message) = W::unended(&self.model).into_iter().next() {
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
                    let message = self.message(Send { seq, rpc, kind: 0, fits: true });
                    self.unsent.push(message);
                    self.compare().await;
                    if self.model.closed {
                        break;
                    }
                }
            }
            if !self.model.closed {
                self.rig.is_empty();
            }
        }
        self.rig.end(&self.stage.world).await;
    }
}

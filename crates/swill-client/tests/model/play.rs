//! A sequence, played with a client and its model at the same time.

use super::{
    calls::Model,
    server::Server,
    steps::Step,
    user::{Act, Shape, User},
    wire::{Heard, Word},
};
use crate::{Client, Limits, Protocol, Reconnect};
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Play {
    protocol: Protocol,
    server: Server,
    /// `None` when the last handle is gone.
    client: Option<Client>,
    users: HashMap<usize, User>,
    model: Model,
    /// Numbers that come once.
    number: i64,
}

pub(super) async fn run(protocol: Protocol, calls: usize, steps: &[Step]) {
    let (server, builder) = Server::new(protocol);
    let limits = Limits::default().calls(calls).keepalive(DAY, DAY).stream_stall(DAY);
    let reconnect = Reconnect::default().delays(Duration::ZERO, Duration::ZERO);
    let builder = builder.limits(limits).reconnect(reconnect).connect_timeout(DAY).deadline(None);
    let client = Some(builder.lazy().expect("the settings are good"));
    let model = Model::new(protocol, calls);
    let mut play = Play { protocol, server, client, users: HashMap::new(), model, number: 0 };
    play.step(&Step::Connect(true)).await;
    for step in steps {
        play.step(step).await;
    }
    play.finish().await;
}

impl Play {
    fn number(&mut self) -> i64 {
        self.number += 1;
        // As long as they are short, they are all written in one byte, and what is unread could not be told apart.
        self.number * 37
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Call(order) => {
                let at = self.model.open(*order, Instant::now());
                let client = self.client.as_ref().expect("the handle is held to the end");
                self.users.insert(at, User::new(client, at, *order));
            }
            Step::Act(at, act) => {
                let held = self.model.held();
                let Some(&at) = (!held.is_empty()).then(|| at.get(&held)) else { return };
                let shape = self.model.shape(at);
                let act = match act {
                    Act::Send(_) => Act::Send(self.number()),
                    // Half of a call can only be dropped where there are halves.
                    Act::Leave if shape != Shape::Both => Act::Finish,
                    act => *act,
                };
                self.users[&at].does(act);
                self.model.does(at, act);
            }
            Step::Drop(at) => {
                let held = self.model.held();
                let Some(&at) = (!held.is_empty()).then(|| at.get(&held)) else { return };
                self.users.remove(&at);
                self.model.drop(at);
            }
            Step::Say(words) => self.say(words),
            Step::SayAndDrop(at) => {
                let known = self.server.known();
                let Some(&at) = (!known.is_empty()).then(|| at.get(&known)) else { return };
                let single = self.model.shape(at) == Shape::Single;
                if !single || self.model.is_held(at) || self.users.remove(&at).is_none() {
                    return;
                }
                self.server.say(at, false, Word::Answer(1));
                self.model.drop_perhaps_answered(at);
            }
            Step::SayAndBreak(words) => {
                // What the client has to say to that, nobody hears.
                let online = std::mem::take(&mut self.model.online);
                self.say(words);
                self.server.vanish();
                self.model.online = online;
                self.model.take_heard();
                self.model.breaks(true);
            }
            Step::Garbage => {
                self.server.garbage();
                if self.protocol == Protocol::Swill {
                    self.model.breaks(false);
                }
            }
            Step::Goodbye(code) => {
                self.server.close(*code);
                self.model.breaks(!matches!(code, 1000 | 4000));
            }
            Step::Connect(succeeds) => {
                if self.model.online || self.model.closed {
                    return;
                }
                self.server.admit(*succeeds);
                if *succeeds {
                    self.server.accept().await;
                    self.model.connects();
                }
            }
            Step::Sleep(ms) => sleep(Duration::from_millis(*ms)).await,
            Step::Close => {
                let client = self.client.clone();
                tokio::spawn(async move { client.expect("the handle is held to the end").close().await });
                self.model.close();
            }
        }
        self.compare().await;
    }

    fn say(&mut self, words: &[(proptest::sample::Index, Word)]) {
        for (at, word) in words {
            let known = self.server.known();
            let Some(&at) = (!known.is_empty()).then(|| at.get(&known)) else { continue };
            let metadata = *word == Word::Metadata && self.protocol != Protocol::Swill;
            if metadata || self.model.is_held(at) {
                continue;
            }
            let streams_out = self.model.shape(at).streams_out();
            let word = match word {
                Word::Item(_) | Word::Answer(_) if streams_out => Word::Item(self.number()),
                Word::Item(_) | Word::Answer(_) | Word::End if !streams_out => Word::Answer(self.number()),
                word => *word,
            };
            self.server.say(at, streams_out, word);
            self.model.says(at, word);
        }
        self.model.go_on();
    }

    /// Waits until nothing moves any more without the clock, and compares.
    async fn compare(&mut self) {
        let mut heard = Vec::new();
        loop {
            sleep(Duration::from_millis(1)).await;
            let (more, close) = self.server.heard();
            heard.extend(more);
            if let Some(code) = close {
                self.server.close(code);
                continue;
            }
            self.model.advance(Instant::now());
            if !self.model.is_close(Instant::now()) {
                break;
            }
        }
        let (expected, perhaps) = self.model.take_heard();
        if let Some(at) = perhaps {
            heard.retain(|heard| *heard != (at, Heard::Cancel));
        }
        let by_call = |said: &[(usize, Heard)]| {
            let mut said = said.to_vec();
            said.sort_by_key(|(call, _)| *call);
            said
        };
        assert_eq!(by_call(&heard), by_call(&expected), "what the server heard, and should have");
        let opened = |said: &[(usize, Heard)]| -> Vec<usize> {
            said.iter().filter(|(_, heard)| *heard == Heard::Open).map(|(call, _)| *call).collect()
        };
        assert_eq!(opened(&heard), opened(&expected), "calls go out in their order");
        for (at, user) in &self.users {
            let (told, should) = (user.told(), self.model.take_told(*at));
            assert_eq!(told, should, "what the user of call {at} was told, and should have been");
        }
        let Some(client) = &self.client else { return };
        let shared = client.shared();
        assert_eq!(shared.unread.bytes(), self.model.unread(), "bytes that nobody has read");
        if !self.model.closed {
            let (open, waiting, said) = shared.outbox.counts();
            assert_eq!((open, waiting), (self.model.in_flight(), self.model.waiting()), "calls in flight");
            assert!(!self.model.online || said == 0, "something is left in the outbox");
        }
        assert_eq!(client.state().is_closed(), self.model.closed);
    }

    /// Everything is dropped, and nothing is left.
    async fn finish(mut self) {
        // All at once: none of those in the line has its turn.
        for at in self.model.held().into_iter().rev() {
            self.users.remove(&at);
            self.model.drop(at);
        }
        self.compare().await;
        let client = self.client.take().expect("the handle is held to the end");
        let shared = client.shared();
        if !self.model.closed {
            assert_eq!(shared.outbox.counts(), (0, 0, 0), "something is left of a call");
        }
        assert_eq!(shared.unread.bytes(), 0, "bytes that nobody has read");
        assert!(shared.unread.left().is_empty(), "a call that is over is kept");
        let state: watch::Receiver<_> = shared.state.subscribe();
        drop(client);
        self.model.close();
        self.compare().await;
        assert!(state.has_changed().is_err(), "somebody still holds what belongs to the client");
    }
}

//! The server against a model that is nothing but the state table, under any order of events.

use crate::support::{PROCEDURES, Procedures, Wire, binary, config, json, msgpack};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use std::collections::HashMap;
use swill_proto::{
    CallId, Code, Error, Format, Frame, Metadata, Payload, Protocol, Received,
    swill1::{Limits, Server},
};

#[derive(Clone, Debug)]
enum Event {
    /// A message of the client: seq, procedure, type. Type 4 does not exist.
    Message(u8, usize, u8),
    /// What the driver says of one of the calls opened so far.
    Item(prop::sample::Index),
    Metadata(prop::sample::Index),
    End(prop::sample::Index),
    Fail(prop::sample::Index),
    Cancel(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    let call = any::<prop::sample::Index>;
    prop_oneof![
        8 => (0..3_u8, 0..PROCEDURES.len() + 1, prop_oneof![6 => Just(0_u8), 2 => Just(1), 1 => Just(2), 2 => Just(3), 1 => Just(4)])
            .prop_map(|(seq, procedure, kind)| Event::Message(seq, procedure, kind)),
        3 => call().prop_map(Event::Item),
        1 => call().prop_map(Event::Metadata),
        3 => call().prop_map(Event::End),
        1 => call().prop_map(Event::Fail),
        1 => call().prop_map(Event::Cancel),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open(u64),
    HalfClosed(u64),
    Draining,
}

/// One call as seen from outside.
#[derive(Debug)]
struct Life {
    key: (u8, usize),
    over: bool,
    finals: usize,
}

#[derive(Default)]
struct Model {
    states: HashMap<(u8, usize), State>,
    lives: Vec<Life>,
}

/// What a message or a frame should lead to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Nothing,
    Frame(&'static str, u64),
    /// A response with this seq and type, and the code if it is an ERROR.
    Message(u8, u8, Option<i64>),
}

impl Model {
    fn message(&mut self, seq: u8, procedure: usize, kind: u8) -> Outcome {
        let key = (seq, procedure);
        let Some(&(_, shape)) = PROCEDURES.get(procedure) else {
            return match kind {
                0 | 2 => Outcome::Message(seq, 3, Some(404)),
                4 => Outcome::Message(seq, 3, Some(400)),
                _ => Outcome::Nothing,
            };
        };
        match (self.states.get(&key).copied(), kind) {
            (None, 4) => Outcome::Message(seq, 3, Some(400)),
            (None, 2) if !shape.streams_in => Outcome::Message(seq, 3, Some(400)),
            (None, 0 | 2) => {
                self.lives.push(Life { key, over: false, finals: 0 });
                let call = self.lives.len() as u64;
                self.states.insert(key, State::Open(call));
                Outcome::Frame(if kind == 0 { "open" } else { "open without item" }, call)
            }
            (None, _) => Outcome::Nothing,
            (Some(State::Draining), 1 | 3) => {
                self.states.remove(&key);
                Outcome::Nothing
            }
            (Some(State::Draining), _) => Outcome::Nothing,
            (Some(State::Open(call) | State::HalfClosed(call)), 3) => {
                self.states.remove(&key);
                self.lives[call as usize - 1].over = true;
                Outcome::Frame("cancel", call)
            }
            (Some(State::Open(call) | State::HalfClosed(call)), 4) => Outcome::Frame("fail", call),
            (Some(State::Open(call)), 0) if shape.streams_in => Outcome::Frame("item", call),
            (Some(State::Open(call)), 1) if shape.streams_in => {
                self.states.insert(key, State::HalfClosed(call));
                Outcome::Frame("end", call)
            }
            (Some(State::Open(call)), 2) if shape.streams_in => Outcome::Frame("fail", call),
            (Some(_), _) => Outcome::Nothing,
        }
    }

    fn finish(&mut self, call: u64) -> Option<(u8, usize)> {
        let life = &mut self.lives[call as usize - 1];
        if life.over {
            return None;
        }
        life.over = true;
        let drains = PROCEDURES[life.key.1].1.streams_in && self.states[&life.key] == State::Open(call);
        if drains {
            self.states.insert(life.key, State::Draining);
        } else {
            self.states.remove(&life.key);
        }
        Some(life.key)
    }

    fn open(&self, call: u64) -> Option<(u8, usize)> {
        let life = &self.lives[call as usize - 1];
        (!life.over).then_some(life.key)
    }
}

fn run(events: &[Event]) {
    let mut model = Model::default();
    let mut server = Server::new(Limits::default());
    let mut wire = Wire::default();
    for event in events {
        let (expected, got, call) = match event {
            Event::Message(seq, procedure, kind) => {
                let name = PROCEDURES.get(*procedure).map_or("nope", |(name, _)| *name);
                let message = msgpack(&json!([seq, 5, name, kind]));
                let received = server.receive(binary(&message), &Procedures, &mut wire);
                (model.message(*seq, *procedure, *kind), frame(&received), None)
            }
            Event::Item(at) | Event::Metadata(at) | Event::End(at) | Event::Fail(at) | Event::Cancel(at) => {
                if model.lives.is_empty() {
                    continue;
                }
                let number = at.index(model.lives.len()) as u64 + 1;
                let (expected, frame) = reply(&mut model, event, number);
                server.send(frame, &mut wire).unwrap();
                (expected, None, Some(number))
            }
        };
        let messages = wire.take();
        assert!(messages.len() <= 1);
        let told = messages.first().map(|message| {
            let message = json(message);
            assert_eq!(message.as_array().unwrap().len(), 5);
            let kind = message[2].as_u64().unwrap() as u8;
            (message[0].as_u64().unwrap() as u8, kind, message[1]["code"].as_i64().filter(|_| kind == 3))
        });
        match expected {
            Outcome::Nothing => assert_eq!((got, told), (None, None), "{event:?}"),
            Outcome::Frame(word, call) => assert_eq!((got, told), (Some((word, call)), None), "{event:?}"),
            Outcome::Message(seq, kind, code) => {
                assert_eq!((got, told), (None, Some((seq, kind, code))), "{event:?}");
                if let Some(number) = call
                    && model.lives[number as usize - 1].over
                {
                    model.lives[number as usize - 1].finals += 1;
                }
            }
        }
        assert_eq!(server.held().calls, model.states.len());
    }
    // Whoever is still talking ends, and whoever is still working answers: then nothing is left.
    for life in &model.lives {
        assert!(life.finals <= 1);
    }
    for number in 1..=model.lives.len() as u64 {
        let end = Frame::End { call: CallId::theirs(number), last: None, leading: None, trailing: None };
        server.send(end, &mut wire).unwrap();
        assert_eq!(wire.take().len(), usize::from(model.open(number).is_some()));
    }
    for seq in 0..3 {
        for (name, _) in PROCEDURES {
            let message = msgpack(&json!([seq, null, name, 1]));
            assert!(matches!(server.receive(binary(&message), &Procedures, &mut wire), Received::Nothing));
        }
    }
    assert_eq!(server.held().calls, 0);
    assert!(wire.messages.is_empty());
}

fn reply(model: &mut Model, event: &Event, number: u64) -> (Outcome, Frame<'static>) {
    let call = CallId::theirs(number);
    let five = Payload::new(Format::MessagePack, &[5]);
    let streams = |key: &(u8, usize)| PROCEDURES[key.1].1.streams_out;
    match event {
        Event::Item(_) => (
            model
                .open(number)
                .filter(streams)
                .map_or(Outcome::Nothing, |(seq, _)| Outcome::Message(seq, 0, None)),
            Frame::Item { call, payload: five, leading: None },
        ),
        Event::Metadata(_) => (
            model.open(number).map_or(Outcome::Nothing, |(seq, _)| Outcome::Message(seq, 2, None)),
            Frame::Metadata { call, metadata: Box::new(Metadata::from([("a", 1)])) },
        ),
        Event::Fail(_) => (
            model.finish(number).map_or(Outcome::Nothing, |(seq, _)| Outcome::Message(seq, 3, Some(418))),
            Frame::Fail { call, error: Error::new(Code(418), "teapot") },
        ),
        Event::Cancel(_) => {
            model.finish(number);
            (Outcome::Nothing, Frame::Cancel { call, reason: swill_proto::CancelReason::Shutdown })
        }
        _ => (
            model
                .finish(number)
                .map_or(Outcome::Nothing, |key| Outcome::Message(key.0, u8::from(streams(&key)), None)),
            Frame::End { call, last: Some(five), leading: None, trailing: None },
        ),
    }
}

fn frame(received: &Received<'_>) -> Option<(&'static str, u64)> {
    let Received::One(frame) = received else {
        assert!(matches!(received, Received::Nothing));
        return None;
    };
    assert!(!frame.call().is_ours());
    let word = match frame {
        Frame::Open(open) if open.input.is_none() => "open without item",
        Frame::Open(_) => "open",
        Frame::Item { .. } => "item",
        Frame::Metadata { .. } => "metadata",
        Frame::End { .. } => "end",
        Frame::Fail { .. } => "fail",
        Frame::Cancel { .. } => "cancel",
        Frame::Batch(_) | Frame::Accepted { .. } => panic!("only ever sent"),
    };
    Some((word, frame.call().number()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn server_follows_the_table_in_any_order(events in vec(event(), 0..60)) {
        run(&events);
    }
}

//! Client and server machines, connected in memory: what one side says is what the other side hears.

use crate::support::{PROCEDURES, Procedures, Wire, binary, config, json, payload, show};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use std::collections::VecDeque;
use swill_proto::{
    CallId, CancelReason, Code, Error, Frame, Head, Metadata, Open, Protocol, Received, Shape, Target,
    swill1::{Client, Server},
};

/// A call that is planned: how it goes if nobody disturbs it.
#[derive(Clone, Debug)]
struct Plan {
    procedure: usize,
    opens_with_item: bool,
    metadata: bool,
    items_in: usize,
    items_out: usize,
    leading: bool,
    now: bool,
    trailing: bool,
    fails: bool,
    /// The client cancels after so many of its steps.
    cancels_after: Option<usize>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let cancel = prop_oneof![3 => Just(None), 1 => (1..4_usize).prop_map(Some)];
    (0..PROCEDURES.len(), 0..4_usize, 0..4_usize, flags, cancel).prop_map(
        |(procedure, items_in, items_out, flags, cancels_after)| {
            let (opens_with_item, metadata, leading, now, trailing, fails) = flags;
            Plan {
                procedure,
                opens_with_item,
                metadata,
                items_in,
                items_out,
                leading,
                now,
                trailing,
                fails,
                cancels_after,
            }
        },
    )
}

fn meta(yes: bool, key: &str) -> Option<Box<Metadata>> {
    yes.then(|| Box::new(Metadata::from([(key, 1)])))
}

impl Plan {
    fn shape(&self) -> Shape {
        PROCEDURES[self.procedure].1
    }

    /// What the client says, step by step, as calls of `CallId::ours(number)`.
    fn said(&self, number: u64) -> VecDeque<Frame<'static>> {
        let call = CallId::ours(number);
        let shape = self.shape();
        let input = !shape.streams_in || self.opens_with_item;
        let mut said = VecDeque::from([Frame::Open(Open {
            call,
            target: Target::Named(PROCEDURES[self.procedure].0.into()),
            shape,
            input: input.then(|| payload(&json!(["first", number]))),
            head: Head { metadata: meta(self.metadata, "asks"), deadline: None },
            reply: true,
        })]);
        if shape.streams_in {
            said.extend((0..self.items_in).map(|n| Frame::Item {
                call,
                payload: payload(&json!(n)),
                leading: None,
            }));
            said.push_back(Frame::End { call, last: None, leading: None, trailing: None });
        }
        if let Some(steps) = self.cancels_after {
            said.truncate(steps);
            said.push_back(Frame::Cancel { call, reason: CancelReason::Client });
        }
        said
    }

    /// What the server answers, step by step; `call` is the server's or, for comparison, the client's id.
    fn answers(&self, call: CallId) -> VecDeque<Frame<'static>> {
        let mut answers = VecDeque::new();
        let mut leading = meta(self.leading, "leads");
        if self.now {
            answers.push_back(Frame::Metadata { call, metadata: meta(true, "now").unwrap() });
            leading = None;
        }
        if self.shape().streams_out {
            answers.extend((0..self.items_out).map(|n| Frame::Item {
                call,
                payload: payload(&json!({ "out": n })),
                leading: leading.take(),
            }));
        }
        answers.push_back(if self.fails {
            Frame::Fail { call, error: Error::new(Code(418), "teapot").with_data(json!([1])) }
        } else {
            let last = (!self.shape().streams_out).then(|| payload(&json!("answer")));
            Frame::End { call, last, leading, trailing: meta(self.trailing, "trails") }
        });
        answers
    }
}

struct Call {
    plan: Plan,
    /// What the client has still to say.
    said: VecDeque<Frame<'static>>,
    /// What the procedure has still to answer, once it is running.
    answers: VecDeque<Frame<'static>>,
    answered: bool,
    heard_by_server: Vec<String>,
    heard_by_client: Vec<String>,
}

#[derive(Default)]
struct World {
    client: Client,
    server: Server,
    calls: Vec<Call>,
    /// The calls in the order of their seqs.
    opened: Vec<usize>,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
}

impl World {
    fn client_speaks(&mut self, at: usize) -> bool {
        let Some(frame) = self.calls[at].said.pop_front() else {
            return false;
        };
        if matches!(frame, Frame::Open(_)) {
            self.opened.push(at);
        }
        let mut wire = Wire::default();
        self.client.send(frame, &mut wire).unwrap();
        self.to_server.extend(wire.take());
        true
    }

    fn server_speaks(&mut self, at: usize) -> bool {
        let Some(frame) = self.calls[at].answers.pop_front() else {
            return false;
        };
        self.calls[at].answered = self.calls[at].answers.is_empty();
        let mut wire = Wire::default();
        self.server.send(frame, &mut wire).unwrap();
        self.to_client.extend(wire.take());
        true
    }

    fn server_hears(&mut self) -> bool {
        let Some(message) = self.to_server.pop_front() else {
            return false;
        };
        let mut wire = Wire::default();
        let received = self.server.receive(binary(&message), &Procedures, &mut wire);
        assert!(wire.messages.is_empty(), "a correct client is never refused");
        let frame = match received {
            Received::Nothing => return true,
            Received::One(frame) => frame,
            received => panic!("{received:?}"),
        };
        let seq = json(&message)[0].as_u64().unwrap();
        let call = &mut self.calls[self.opened[seq as usize - 1]];
        assert!(!call.answered, "nothing is heard of a call that was answered");
        match &frame {
            Frame::Open(open) => call.answers = call.plan.answers(open.call),
            Frame::Cancel { .. } => call.answers.clear(),
            _ => {}
        }
        call.heard_by_server.push(heard(&frame));
        true
    }

    fn client_hears(&mut self) -> bool {
        let Some(message) = self.to_client.pop_front() else {
            return false;
        };
        let mut wire = Wire::default();
        match self.client.receive(binary(&message), &Procedures, &mut wire) {
            Received::Nothing => {}
            Received::One(frame) => {
                let call = &mut self.calls[frame.call().number() as usize];
                call.heard_by_client.push(heard(&frame));
            }
            received => panic!("{received:?}"),
        }
        self.to_server.extend(wire.take());
        true
    }

    fn step(&mut self, action: u8, at: usize) -> bool {
        match action {
            0 => self.client_speaks(at),
            1 => self.server_speaks(at),
            2 => self.server_hears(),
            _ => self.client_hears(),
        }
    }
}

/// A frame without its number, which is another one on either side.
fn heard(frame: &Frame<'_>) -> String {
    let shown = show(frame);
    let (word, rest) = shown.split_once(' ').unwrap();
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{word}{rest}")
}

fn all(frames: impl IntoIterator<Item = Frame<'static>>) -> Vec<String> {
    frames.into_iter().map(|frame| heard(&frame)).collect()
}

fn run(plans: Vec<Plan>, actions: &[(u8, prop::sample::Index)]) {
    let count = plans.len();
    let mut world = World::default();
    world.calls.extend(plans.into_iter().enumerate().map(|(at, plan)| Call {
        said: plan.said(at as u64),
        plan,
        answers: VecDeque::new(),
        answered: false,
        heard_by_server: Vec::new(),
        heard_by_client: Vec::new(),
    }));
    for (action, at) in actions {
        world.step(*action, at.index(count));
    }
    while (0..4).any(|action| (0..count).any(|at| world.step(action, at))) {}

    for (at, call) in world.calls.iter().enumerate() {
        let (said, answers) =
            (all(call.plan.said(at as u64)), all(call.plan.answers(CallId::ours(at as u64))));
        assert!(said.starts_with(&call.heard_by_server), "{:?} {said:?}", call.heard_by_server);
        assert!(answers.starts_with(&call.heard_by_client), "{:?} {answers:?}", call.heard_by_client);
        if call.answered {
            // An answer may come before the caller has said everything, never after something it did not say.
            assert!(!call.heard_by_server.contains(&"cancel".to_owned()));
        } else {
            assert_eq!(call.heard_by_server, said);
        }
        if call.plan.cancels_after.is_none() {
            assert_eq!(call.heard_by_client, answers);
        }
    }
    assert_eq!((world.client.held().calls, world.server.held().calls), (0, 0));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn calls_of_all_shapes_arrive_as_they_were_made(
        plans in vec(plan(), 1..6),
        actions in vec((0..4_u8, any::<prop::sample::Index>()), 0..80),
    ) {
        run(plans, &actions);
    }
}

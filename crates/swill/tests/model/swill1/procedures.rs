//! What procedures do when they are told to, or when something comes for them.

use super::{
    super::{
        super::client::{END, MESSAGE, METADATA},
        world::{Command, TEAPOT, text},
    },
    Entry, Kind, Leading, Model, Said, Standing, answer, error, some,
};
use swill_proto::Value;

impl Model {
    /// Lets every procedure go on; whether one has.
    pub(super) fn work(&mut self) -> bool {
        let mut moved = false;
        for at in 0..self.calls.len() {
            if self.calls[at].cancelled && self.calls[at].runs && !self.hooked {
                self.calls[at].runs = false;
                moved = true;
            }
            moved |= self.go_on(at);
        }
        moved
    }

    pub(super) fn go_on(&mut self, at: usize) -> bool {
        let mut moved = false;
        while self.calls[at].runs && !self.calls[at].cancelled && self.step(at) {
            moved = true;
        }
        moved
    }

    /// Lets a procedure do one thing; whether it could.
    pub(super) fn step(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        if matches!(call.kind, Kind::Sum | Kind::Double) {
            return self.take_item(at);
        }
        let Some(&command) = call.commands.front() else { return false };
        match (command, call.kind) {
            (Command::Step(_), Kind::Slow) => {
                if !self.take_item(at) {
                    return false;
                }
            }
            (Command::Step(number), Kind::Stream) => {
                let leading = self.leading(at);
                let seq = self.calls[at].key.0;
                self.says(at, answer(seq, MESSAGE, text(number).into(), leading, Value::Nil));
            }
            (Command::Step(_) | Command::Finish, kind) => {
                let answer = if kind == Kind::Stream {
                    None
                } else {
                    Some(call.value + i64::from(kind == Kind::Later))
                };
                self.answers(at, answer);
            }
            (Command::Fail, _) => self.fails(at, TEAPOT),
            (Command::Panic, _) => self.fails(at, 500),
            (Command::SetTrailing, _) => call.trailing = true,
            (Command::SetLeading | Command::SendLeading, _) if call.leading == Leading::Closed => {
                self.fails(at, 500);
            }
            (Command::SetLeading, _) => call.leading = Leading::Set,
            (Command::SendLeading, _) => {
                call.leading = Leading::Closed;
                let seq = call.key.0;
                self.says(at, answer(seq, METADATA, Value::Nil, some(true), Value::Nil));
            }
        }
        self.calls[at].commands.pop_front();
        true
    }

    /// Takes an item of the stream in; whether there was one.
    pub(super) fn take_item(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        let (seq, double) = (call.key.0, call.kind == Kind::Double);
        match call.inbox.pop_front() {
            None => return false,
            Some(Entry::Item(value, cost)) => {
                call.unread -= cost;
                if let Some(paused) = &mut self.paused
                    && paused.call == at
                {
                    paused.moved = true;
                }
                match value {
                    None => self.fails(at, 422),
                    Some(value) if double => {
                        self.says(at, answer(seq, MESSAGE, (value * 2).into(), Value::Nil, Value::Nil));
                    }
                    Some(value) => call.value += value,
                }
            }
            Some(Entry::End) => {
                let sum = call.value;
                self.answers(at, (!double).then_some(sum));
            }
        }
        true
    }

    /// Leading metadata that goes out with data.
    pub(super) fn leading(&mut self, at: usize) -> Value {
        let leading = std::mem::replace(&mut self.calls[at].leading, Leading::Closed);
        some(leading == Leading::Set)
    }

    /// A procedure has answered, or its stream has ended.
    pub(super) fn answers(&mut self, at: usize, data: Option<i64>) {
        let leading = self.leading(at);
        let call = &self.calls[at];
        let kind = if call.kind.streams_out() { END } else { MESSAGE };
        let data = data.map_or(Value::Nil, Value::from);
        let said = answer(call.key.0, kind, data, leading, some(call.trailing));
        self.says(at, said);
        self.finished(at);
    }

    pub(super) fn fails(&mut self, at: usize, code: i64) {
        self.says(at, error(self.calls[at].key.0, code));
        self.finished(at);
    }

    /// The last word on a call has been said: if its client is still sending, what comes is dropped.
    pub(super) fn finished(&mut self, at: usize) {
        let call = &mut self.calls[at];
        // What was cancelled runs until its task has noticed.
        call.runs &= call.cancelled;
        if std::mem::replace(&mut call.over, true) {
            return;
        }
        if call.half_closed {
            self.keys.remove(&call.key);
            return;
        }
        let key = call.key;
        let draining = self.keys.values().filter(|standing| matches!(standing, Standing::Draining)).count();
        self.keys.insert(key, Standing::Draining);
        if draining >= self.limits.draining {
            self.ends(1008);
        }
    }

    pub(super) fn cancels(&mut self, at: usize) {
        self.calls[at].cancelled = true;
    }

    /// The client cancels a call, or breaks it; whether it may do so once more.
    pub(super) fn cancelled_by_client(&mut self, at: usize) -> bool {
        if self.cancels == 0 {
            self.ends(1008);
            return false;
        }
        self.cancels -= 1;
        self.cancels(at);
        for (call, said) in &mut self.said {
            if *call == at {
                *said = Said::Perhaps(Box::new(said.clone()));
            }
        }
        true
    }

    pub(super) fn says(&mut self, at: usize, said: Said) {
        if !self.calls[at].over && !self.closed {
            self.said.push((at, said));
        }
    }

    pub(super) fn stray(&mut self, said: Said) {
        self.strays += 1;
        self.said.push((usize::MAX - self.strays, said));
    }
}

//! What procedures do when they are told to, or when something comes for them.

use super::{
    calls::{Entry, Kind, Leading, Model},
    wire::{Reply, Wire, Word},
    world::{Command, TEAPOT, text},
};
use tokio::time::Instant;

impl<W: Wire> Model<W> {
    /// Lets every procedure go on; whether one has.
    pub(super) fn work(&mut self, now: Instant) -> bool {
        let mut moved = false;
        for at in 0..self.calls.len() {
            if self.calls[at].cancelled && self.calls[at].runs && !self.hooked {
                self.calls[at].runs = false;
                moved = true;
            }
            moved |= self.go_on(at, now);
        }
        moved
    }

    pub(super) fn go_on(&mut self, at: usize, now: Instant) -> bool {
        let mut moved = false;
        while self.calls[at].runs && !self.calls[at].cancelled && self.step(at, now) {
            moved = true;
        }
        moved
    }

    /// Lets a procedure do one thing; whether it could.
    fn step(&mut self, at: usize, now: Instant) -> bool {
        let call = &mut self.calls[at];
        if matches!(call.kind, Kind::Sum | Kind::Double) {
            return self.take_item(at);
        }
        if call.asking.is_some() {
            return self.take_reply(at);
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
                self.says(at, Word::Item { data: text(number).into(), leading });
            }
            (Command::Step(number), Kind::Ask) => self.asks(at, number, now),
            (Command::Step(_) | Command::Finish, kind) => {
                let answer = (kind != Kind::Stream).then_some(call.value + i64::from(kind == Kind::Later));
                self.answers(at, answer);
            }
            (Command::Fail, _) => self.fails(at, TEAPOT),
            (Command::Panic, _) => self.fails(at, 500),
            (Command::Notify(number), _) => match W::NOTIFIES_PEER {
                true => self.says(at, Word::Note(number)),
                false => self.fails(at, 501),
            },
            (Command::SetTrailing, _) => call.trailing = true,
            (Command::SetLeading | Command::SendLeading, _) if call.leading == Leading::Closed => {
                self.fails(at, 500);
            }
            (Command::SetLeading, _) => call.leading = Leading::Set,
            (Command::SendLeading, _) => {
                call.leading = Leading::Closed;
                self.says(at, Word::Metadata);
            }
        }
        self.calls[at].commands.pop_front();
        true
    }

    /// Takes an item of the stream in; whether there was one.
    fn take_item(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        let double = call.kind == Kind::Double;
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
                        self.says(at, Word::Item { data: (value * 2).into(), leading: false });
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

    fn asks(&mut self, at: usize, number: i64, now: Instant) {
        let asking = |call: &&super::calls::Call<W>| call.runs && !call.cancelled && call.asking.is_some();
        if !W::CALLS_PEER {
            self.fails(at, 501);
        } else if self.calls.iter().filter(asking).count() >= self.limits.asked {
            self.fails(at, 429);
        } else {
            self.calls[at].asking = Some((number, now + self.limits.answer_within));
            self.says(at, Word::Question(number));
        }
    }

    /// Takes the answer to a question; whether there was one.
    fn take_reply(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        let Some(reply) = call.replied.take() else { return false };
        call.asking = None;
        match reply {
            Reply::Answer(answer) => call.value = answer,
            Reply::Fail(code) => self.fails(at, code),
            Reply::Misfit => self.fails(at, 422),
            Reply::Astray => {}
        }
        true
    }

    /// Whether leading metadata goes out with data.
    fn leading(&mut self, at: usize) -> bool {
        std::mem::replace(&mut self.calls[at].leading, Leading::Closed) == Leading::Set
    }

    /// A procedure has answered, or its stream has ended.
    pub(super) fn answers(&mut self, at: usize, data: Option<i64>) {
        let (leading, trailing) = (self.leading(at), self.calls[at].trailing);
        self.says(at, Word::End { data, leading, trailing });
        self.finished(at);
    }
}

//! What follows from what users, the server and the network do.

use super::{
    calls::{Model, Out, Stage},
    user::{Act, Shape, Told},
    wire::Heard,
};
use crate::Protocol;

impl Model {
    /// Everything that can go on does.
    pub(super) fn go_on(&mut self) {
        self.admit();
        // A call that has waited in the line is on its way before its user hears of it.
        self.write();
        for at in 0..self.calls.len() {
            if self.calls[at].over {
                // It has ended before its user heard that it had begun: whoever reads has the first look.
                while self.reads(at) {}
            }
            while self.sends(at) {}
        }
        self.write();
        for at in 0..self.calls.len() {
            while self.sends(at) {}
            while self.reads(at) {}
        }
        if !self.closed && self.in_flight() < self.limit && !self.line.is_empty() {
            // Somebody has left.
            self.go_on();
        }
    }

    /// Lets calls of the line have their turn, as far as there is room.
    pub(super) fn admit(&mut self) {
        while !self.closed
            && self.in_flight() < self.limit
            && let Some(at) = self.line.pop_front()
        {
            self.calls[at].stage = Stage::Outbox;
            self.outbox.push_back(Out::Open(at));
            self.is_open(at);
        }
    }

    fn write(&mut self) {
        if self.online {
            for out in std::mem::take(&mut self.outbox) {
                self.writes(out);
            }
        }
    }

    /// What the user is told of a call that is on its way.
    fn is_open(&mut self, at: usize) {
        let call = &mut self.calls[at];
        call.opened = true;
        match call.order.shape {
            Shape::Single => {}
            Shape::In => call.told[1].push(Told::Opened),
            Shape::Out | Shape::Both => call.told[0].push(Told::Opened),
        }
    }

    fn writes(&mut self, out: Out) {
        match out {
            Out::Open(at) if self.calls[at].stage == Stage::Outbox => {
                self.calls[at].stage = Stage::Sent;
                self.heard.push((at, Heard::Open));
            }
            Out::Item(at, item) if self.calls[at].stage == Stage::Sent => {
                self.heard.push((at, Heard::Item(item)));
            }
            Out::End(at) if self.calls[at].stage == Stage::Sent => {
                self.calls[at].half_closed = true;
                self.heard.push((at, Heard::End));
            }
            _ => {}
        }
    }

    /// Lets the user send one thing; whether that was possible.
    fn sends(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        if !call.opened || call.finished || call.dropped || !call.order.shape.streams_in() {
            return false;
        }
        if call.finishing {
            let Some(end) = call.end.take() else { return false };
            call.finished = true;
            call.told[1].push(end);
            return true;
        }
        let Some(act) = call.sends.pop_front() else { return false };
        let refusal = match (call.over, call.succeeded, call.end) {
            (false, ..) | (_, true, _) => None,
            (.., Some(end)) => Some(end),
            // Whoever reads has taken it.
            (.., None) => Some(Told::Failed(499)),
        };
        let half = call.order.shape == Shape::Both;
        match (act, refusal) {
            (Act::Leave, _) => {
                call.finished = true;
                if !call.over {
                    self.cancel(at);
                }
            }
            (Act::Send(_), Some(refusal)) => call.told[1].push(refusal),
            (_, Some(refusal)) => {
                call.finished = true;
                call.told[1].push(refusal);
            }
            (Act::Send(item), None) => {
                call.told[1].push(Told::Taken);
                if !call.over {
                    self.outbox.push_back(Out::Item(at, item));
                }
            }
            (_, None) => {
                match half {
                    true => {
                        call.finished = true;
                        call.told[1].push(Told::Taken);
                    }
                    false => call.finishing = true,
                }
                if !call.over {
                    self.outbox.push_back(Out::End(at));
                }
            }
        }
        true
    }

    /// Lets the user read one thing; whether there was something.
    fn reads(&mut self, at: usize) -> bool {
        let call = &mut self.calls[at];
        let single = call.order.shape == Shape::Single;
        if call.dropped || !(call.order.shape.streams_out() || single) || !(call.opened || single) {
            return false;
        }
        if single {
            let Some(end) = call.end.take() else { return false };
            call.told[0].push(end);
            return true;
        }
        if call.reads == 0 {
            return false;
        }
        if call.fetched.is_empty() {
            std::mem::swap(&mut call.inbox, &mut call.fetched);
        }
        let told = match call.fetched.pop_front() {
            Some(item) => Told::Item(item),
            None if call.read_to_the_end => Told::End,
            None => match call.end.take() {
                Some(end) => {
                    call.read_to_the_end = true;
                    end
                }
                None => return false,
            },
        };
        call.reads -= 1;
        call.told[0].push(told);
        true
    }

    /// A call fails before it is one.
    pub(super) fn refuse(&mut self, at: usize, told: Told) {
        let call = &mut self.calls[at];
        (call.stage, call.over, call.finished, call.read_to_the_end) = (Stage::Over, true, true, true);
        if call.dropped {
            return;
        }
        let who = usize::from(call.order.shape == Shape::In);
        call.told[who].push(told);
        call.opened = false;
    }

    /// A call has ended.
    pub(super) fn ends(&mut self, at: usize, told: Told) {
        let call = &mut self.calls[at];
        (call.stage, call.over) = (Stage::Over, true);
        call.succeeded = matches!(told, Told::Answer(_) | Told::End);
        call.end = Some(told).filter(|_| !call.dropped);
    }

    pub(super) fn ends_by_server(&mut self, at: usize, told: Told) {
        if !self.calls[at].half_closed {
            // Servers remember a call until its stream in is over.
            self.heard.push((at, Heard::End));
        }
        self.ends(at, told);
    }

    /// The user does not want to hear more.
    pub(super) fn cancel(&mut self, at: usize) {
        // What was said before goes out before.
        self.write();
        match self.calls[at].stage {
            Stage::Line => self.line.retain(|waiting| *waiting != at),
            _ => self.tells_server(at),
        }
        if self.calls[at].stage != Stage::Over {
            self.calls[at].inbox.clear();
            self.ends(at, Told::Failed(499));
        }
    }

    /// Tells the server that a call is cancelled, if it has it.
    pub(super) fn tells_server(&mut self, at: usize) {
        match self.calls[at].stage {
            Stage::Sent => self.heard.push((at, Heard::Cancel)),
            // In JSON-RPC nobody remembers what the server has said.
            Stage::Held if self.protocol != Protocol::Swill => self.heard.push((at, Heard::Cancel)),
            _ => {}
        }
    }

    /// Nothing will ever be sent again.
    pub(super) fn shut(&mut self) {
        (self.closed, self.online) = (true, false);
        self.outbox.clear();
        for at in std::mem::take(&mut self.line) {
            self.refuse(at, Told::Failed(503));
        }
    }
}
